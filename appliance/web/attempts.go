package web

import (
	"net/netip"
	"sync"
	"time"
)

// attempts slows down guessing at secrets from one address: set-up codes, activation links, passphrases.
// Each try is counted before the secret is checked, so that parallel tries gain nothing, and given back when it was
// right. Five tries are free; each further one has to wait, 1 s, 2 s, 4 s … at most 15 min.
type attempts struct {
	mu sync.Mutex
	by map[netip.Prefix]*attempt
}

type attempt struct {
	tries int
	next  time.Time // no try before
	last  time.Time
}

const (
	freeTries     = 5
	longestWait   = 15 * time.Minute
	forgetTries   = time.Hour
	maxAddresses  = 16384 // entries of a table
	sweepFraction = 64    // entries looked at when it is full
)

func newAttempts() *attempts { return &attempts{by: map[netip.Prefix]*attempt{}} }

// network is what one guesser is taken for: an IPv4 address, or an IPv6 /64, which a single subscriber owns whole.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an address that is none shares one entry
	}
	return p
}

// begin counts a try from a. When it may not be made now, until says when it may.
func (t *attempts) begin(a netip.Addr, now time.Time) (until time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := network(a)
	e := t.by[key]
	if e != nil && now.Sub(e.last) > forgetTries {
		delete(t.by, key)
		e = nil
	}
	if e == nil {
		t.makeRoom(now)
		e = &attempt{}
		t.by[key] = e
	}
	if now.Before(e.next) {
		return e.next, false
	}
	e.tries++
	e.last = now
	e.next = e.last.Add(waitAfter(e.tries))
	return time.Time{}, true
}

// giveBack takes one try off the count: it was right, or failed for another reason than the secret. The others stay, so
// that somebody who knows one secret can't use it to guess at a second one faster.
func (t *attempts) giveBack(a netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.by[network(a)]; e != nil && e.tries > 0 {
		e.tries--
		e.next = e.last.Add(waitAfter(e.tries))
	}
}

// waitAfter is how long the next try has to wait after so many.
func waitAfter(tries int) time.Duration {
	over := tries - freeTries
	switch {
	case over < 0:
		return 0
	case over < 10:
		return min(time.Second<<over, longestWait)
	default:
		return longestWait
	}
}

// makeRoom keeps the table bounded: of a random handful, those forgotten go, or else the one that was idle longest.
func (t *attempts) makeRoom(now time.Time) {
	if len(t.by) < maxAddresses {
		return
	}
	var oldest netip.Prefix
	var at time.Time
	looked := 0
	for k, e := range t.by {
		if now.Sub(e.last) > forgetTries {
			delete(t.by, k)
		} else if looked == 0 || e.last.Before(at) {
			oldest, at = k, e.last
		}
		if looked++; looked == sweepFraction {
			break
		}
	}
	if len(t.by) >= maxAddresses {
		delete(t.by, oldest)
	}
}

// rate is a token bucket per key: it bounds how many requests one address or session may make, whatever they ask.
type rate struct {
	perSecond, burst float64

	mu sync.Mutex
	by map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newRate(perSecond, burst float64) *rate {
	return &rate{perSecond: perSecond, burst: burst, by: map[string]*bucket{}}
}

// take uses one token of key. Refused, it says how long until there is one.
func (r *rate) take(key string, now time.Time) (wait time.Duration, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.by[key]
	if b == nil {
		if len(r.by) >= maxAddresses {
			r.sweep(now)
		}
		b = &bucket{tokens: r.burst, at: now}
		r.by[key] = b
	}
	b.tokens = min(r.burst, b.tokens+max(0, now.Sub(b.at).Seconds())*r.perSecond)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / r.perSecond * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// sweep forgets full buckets, which say nothing, and if there is none, everything: a table of that size is an attack,
// and a fresh bucket is the cheapest answer that keeps memory bounded.
func (r *rate) sweep(now time.Time) {
	for k, b := range r.by {
		if b.tokens+now.Sub(b.at).Seconds()*r.perSecond >= r.burst {
			delete(r.by, k)
		}
	}
	if len(r.by) >= maxAddresses {
		clear(r.by)
	}
}
