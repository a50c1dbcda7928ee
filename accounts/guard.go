package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"huisclos/store"
)

const (
	// maxUnknown bounds the counters that are kept for addresses without an account, maxAddresses those of networks.
	// When they are full the counter that failed last longest ago is dropped.
	maxUnknown   = 10000
	maxAddresses = 16384
)

// guard counts tries. The counters of what is guessed at (accounts, and addresses that are none, so that both behave
// alike) are kept in the database; those of where the guesses come from in memory.
type guard struct {
	perAccount, perAddress Limits
	unknownMAC             []byte

	mu        sync.Mutex
	running   map[string]int       // tries under way, by either key
	addresses map[string]tries     // by network
	unknown   map[string]time.Time // keys of unknown addresses in the database → last failure
	setup     tries                // of the set-up code; a new code comes with each start
}

func newGuard(db *store.DB, perAccount, perAddress Limits, unknownMAC []byte) (*guard, error) {
	g := &guard{
		perAccount: perAccount, perAddress: perAddress, unknownMAC: unknownMAC,
		running: map[string]int{}, addresses: map[string]tries{}, unknown: map[string]time.Time{},
	}
	var failed error
	err := db.View(func(tx *store.Tx) error {
		tx.Scan(triesBucket, []byte("u"), nil, 0, func(k, v []byte) bool {
			var t tries
			if failed = json.Unmarshal(v, &t); failed != nil {
				return false
			}
			g.unknown[string(k)] = t.Last
			return true
		})
		return failed
	})
	if err != nil {
		return nil, fmt.Errorf("accounts: counters of tries: %w", err)
	}
	return g, nil
}

// knownKey and unknownAddressKey name counters in the database. What was typed as an address may be a passphrase: only
// its MAC is kept.
func knownKey(id ID) string { return "a" + string(id[:]) }

func (g *guard) unknownAddressKey(typed string) string {
	mac := hmac.New(sha256.New, g.unknownMAC)
	mac.Write([]byte(typed))
	return "u" + string(mac.Sum(nil)[:16])
}

const setupKeyOfGuard = "s"

// networkKey groups what one subscriber holds: an IPv4 address, an IPv6 /64.
func networkKey(client netip.Addr) string {
	client = client.Unmap().WithZone("")
	if client.Is6() {
		if p, err := client.Prefix(64); err == nil {
			return "n" + p.String()
		}
	}
	return "n" + client.String()
}

// attempt is one try under way. Exactly one of its ends is called: done or failed.
type attempt struct {
	g            *guard
	key, network string
}

// begin asks for a try against key from client. stored reads the counter of key; it is nil for the set-up code, whose
// counter is the guard's, and for links, which have none (key "").
//
// The counter is read under the lock under which tries begin and end, and a failure is written before its try ends: so
// each other try is seen either as under way or in the counter, and a thousand at once are no more than five.
func (g *guard) begin(key string, stored func() (tries, error), client netip.Addr, now time.Time) (attempt, error) {
	network := networkKey(client)
	g.mu.Lock()
	defer g.mu.Unlock()
	if key != "" {
		counter := g.setup
		if stored != nil {
			var err error
			if counter, err = stored(); err != nil {
				return attempt{}, err
			}
		}
		if until, ok := g.perAccount.allow(counter, g.running[key], now); !ok {
			return attempt{}, ErrTooMany{until}
		}
	}
	if until, ok := g.perAddress.allow(g.addresses[network], g.running[network], now); !ok {
		return attempt{}, ErrTooMany{until}
	}
	if key != "" {
		g.running[key]++
	}
	g.running[network]++
	return attempt{g, key, network}, nil
}

// done ends a try that succeeded or told nothing.
func (t attempt) done() {
	t.g.mu.Lock()
	defer t.g.mu.Unlock()
	t.end()
}

// end is called with mu held.
func (t attempt) end() {
	for _, k := range []string{t.key, t.network} {
		if k == "" {
			continue
		}
		if t.g.running[k]--; t.g.running[k] <= 0 {
			delete(t.g.running, k)
		}
	}
}

// failed ends a try that failed and counts it against the network; limited reports whether the waits begin with it. The
// counter of the key is the caller's: it is written with the audit entry, before this is called.
func (t attempt) failed(now time.Time) (network tries, limited bool) {
	g := t.g
	g.mu.Lock()
	defer g.mu.Unlock()
	t.end()
	if t.key == setupKeyOfGuard {
		g.setup = g.perAccount.fail(g.setup, now)
	}
	if _, ok := g.addresses[t.network]; !ok && len(g.addresses) >= maxAddresses {
		oldest, last := "", time.Time{}
		for k, v := range g.addresses {
			if oldest == "" || v.Last.Before(last) {
				oldest, last = k, v.Last
			}
		}
		delete(g.addresses, oldest)
	}
	network = g.perAddress.fail(g.addresses[t.network], now)
	g.addresses[t.network] = network
	return network, network.Failures == g.perAddress.Quick
}

func loadTries(tx *store.Tx, key string) (tries, error) {
	var t tries
	b := tx.Get(triesBucket, []byte(key))
	if b == nil {
		return t, nil
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return tries{}, fmt.Errorf("accounts: counter of tries: %w", err)
	}
	return t, nil
}

// countFailure writes one more failure of key within tx.
func (g *guard) countFailure(tx *store.Tx, key string, now time.Time) (tries, error) {
	t, err := loadTries(tx, key)
	if err != nil {
		return t, err
	}
	t = g.perAccount.fail(t, now)
	b, err := json.Marshal(t)
	if err != nil {
		return t, fmt.Errorf("accounts: counter of tries: %w", err)
	}
	if err := tx.Put(triesBucket, []byte(key), b); err != nil {
		return t, err
	}
	if key[0] != 'u' {
		return t, nil
	}
	if dropped := g.noteUnknown(key, now); dropped != "" {
		return t, tx.Delete(triesBucket, []byte(dropped))
	}
	return t, nil
}

// noteUnknown remembers the counter of an unknown address and returns the one to be dropped for it, or "".
func (g *guard) noteUnknown(key string, now time.Time) (dropped string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unknown[key] = now
	if len(g.unknown) <= maxUnknown {
		return ""
	}
	for k, last := range g.unknown {
		if k != key && (dropped == "" || last.Before(g.unknown[dropped])) {
			dropped = k
		}
	}
	delete(g.unknown, dropped)
	return dropped
}

// sweep forgets what no longer counts, in memory, and returns the keys to be deleted from the database.
func (g *guard) sweep(now time.Time) (keys []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, t := range g.addresses {
		if g.perAddress.current(t, now) == (tries{}) {
			delete(g.addresses, k)
		}
	}
	for k, last := range g.unknown {
		if now.Sub(last) >= g.perAccount.Forget {
			keys = append(keys, k)
			delete(g.unknown, k)
		}
	}
	return keys
}
