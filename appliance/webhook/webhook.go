// Package webhook tells other programs what happened: it posts events to addresses that administrators have named.
//
// It decides which entries of the audit log are events, what of an entry leaves (ids, counts and dates: never a name, an address of a
// person, or anything of a call's content), when a delivery is tried again and given up, and when a webhook that fails for days is shut.
// Each request is signed as Standard Webhooks 1.0 says: HMAC-SHA-256 over id, timestamp and body. An event is delivered at least once:
// what follows from an entry of the log waits in the database, with the place that was read up to, in one transaction. It never sees an
// account, and opens no connection by itself ([Dial]).
package webhook

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"huisclos/audit"
	"huisclos/store"
)

const (
	hooksBucket = "webhook.hooks" // id (16 bytes) → stored
	queueBucket = "webhook.queue" // id of the hook, sequence (8 bytes) → waiting
	logBucket   = "webhook.log"   // id of the hook, sequence (8 bytes) → Delivery
	stateBucket = "webhook.state" // "cursor", "burst", "certificate", and "call" with an id → what is counted of it
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{hooksBucket, queueBucket, logBucket, stateBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

const (
	// Most bounds the webhooks, MostWaiting the events that wait for each: 1,000 of 1 KiB for 20 are 20 MiB.
	Most, MostWaiting = 20, 1000
	// MostLogged is how many deliveries of each are kept to be looked at.
	MostLogged = 50
	// Patience is how long one event is tried, Endurance how long a webhook may fail before it is shut.
	Patience, Endurance = 24 * time.Hour, 72 * time.Hour
	// Overlap is how long the secret before still signs too, after a new one was made.
	Overlap = 24 * time.Hour

	usualPort     = 443
	maxURL        = 1024
	maxAuthority  = 32 << 10
	maxName       = 128
	secretOctets  = 32
	secretPrefix  = "whsec_" // Standard Webhooks 1.0, "Signature scheme"
	answerWithin  = 15 * time.Second
	maxDeliveries = 4 // at once
)

// ID names a webhook.
type ID [16]byte

// String returns the id in base64url without padding.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads what String wrote. ErrNone.
func ParseID(s string) (id ID, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(id) || len(s) != 22 {
		return id, ErrNone
	}
	return ID(b), nil
}

// Refusals that a person is told about.
var (
	ErrNone      = errors.New("webhook: no such webhook")
	ErrName      = errors.New("webhook: a name has 1 to 128 bytes of visible characters")
	ErrURL       = errors.New("webhook: an address is https, and of another machine")
	ErrPlace     = errors.New("webhook: the settings let nothing out to that host and port")
	ErrEvents    = errors.New("webhook: no event, or none that there is")
	ErrAuthority = errors.New("webhook: the authorities are not certificates in PEM")
	ErrTooMany   = errors.New("webhook: as many as can be kept")
)

// Hook is an address that is told of events.
type Hook struct {
	ID        ID
	Name      string
	URL       string // only to who administers: it may hold a secret of the receiver
	Events    []Kind
	Authority string // certificates in PEM that its certificate must come from; "": the system's
	Created   time.Time
	// Off: nothing is delivered, and nothing waits. Failed: it was shut because it failed for so long.
	Off, Failed bool
	// Since is when the deliveries that fail now began to; zero: the last one went well, or there was none.
	Since time.Time
	// Good is when a delivery last went well.
	Good time.Time
	// Lost counts the events that never came: given up, or one too many to wait.
	Lost int
	// Former is until when the secret before still signs.
	Former  time.Time
	Waiting int
}

// Wish is what an administrator says of a webhook.
type Wish struct {
	Name, URL string
	Events    []string
	Authority string
}

// stored is a hook as the database has it. Address and secrets are sealed ([secrets]).
type stored struct {
	ID        ID        `json:"id"`
	Name      string    `json:"name"`
	Host      string    `json:"host"`
	Events    []Kind    `json:"events"`
	Authority string    `json:"authority,omitempty"`
	Created   time.Time `json:"created"`
	Off       bool      `json:"off,omitempty"`
	Failed    bool      `json:"failed,omitempty"`
	Since     time.Time `json:"since,omitzero"`
	Good      time.Time `json:"good,omitzero"`
	Lost      int       `json:"lost,omitempty"`
	Former    time.Time `json:"former,omitzero"`
	Sealed    []byte    `json:"sealed"`
}

// MarshalText and UnmarshalText are the id's form in the database.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// Place is where an address leads: a host name in lower case or an IP address, and a port.
type Place struct {
	Host string
	Port int
}

// Dial opens a TCP connection to a host and port: the process that connects outward does.
type Dial func(ctx context.Context, host string, port int) (net.Conn, error)

// Keys derives keys from the pepper: passhash.Hasher does.
type Keys interface {
	PepperID() string
	Derive(label, pepper string) ([]byte, error)
}

// Options of the webhooks. All of it is needed but Roots: nil is the system's, as they were when the first connection was made.
type Options struct {
	DB     *store.DB
	Audit  *audit.Log
	Keys   Keys
	Random io.Reader
	Dial   Dial
	// Named are the places that the settings files name for webhooks, at any port and also on this machine. Open lets the console name other
	// machines, at port 443: so it is no way to every service of a network. The process that connects outward holds the same.
	Named []Place
	Open  bool
	Roots *x509.CertPool
	Now   func() time.Time
	Log   *slog.Logger
}

// Hooks are the webhooks of one appliance. Its methods may be called from any goroutine.
type Hooks struct {
	o    Options
	feed sync.Mutex // one reader of the log at a time

	mu      sync.Mutex
	busy    map[ID]bool
	rest    map[ID]rest // after failures
	running sync.WaitGroup
}

// rest is how long a hook is left alone, and what it will be after another failure.
type rest struct {
	until time.Time
	next  time.Duration
}

// New returns the webhooks that are kept in the database.
func New(o Options) *Hooks { return &Hooks{o: o, busy: map[ID]bool{}, rest: map[ID]rest{}} }

// check reads a wish. An address that is as before may stay, although the settings let nothing out there any more: so it can be turned off.
func (h *Hooks) check(w Wish, before string) (s stored, address string, err error) {
	name := strings.TrimSpace(w.Name)
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return s, "", ErrName
	}
	place, err := checkURL(w.URL)
	if err != nil {
		return s, "", err
	}
	if w.URL != before {
		if err := h.mayGo(place); err != nil {
			return s, "", err
		}
	}
	var events []Kind
	for _, k := range Kinds() {
		if slices.Contains(w.Events, string(k)) {
			events = append(events, k)
		}
	}
	if len(events) == 0 || slices.ContainsFunc(w.Events, func(e string) bool { return !slices.Contains(Kinds(), Kind(e)) }) {
		return s, "", ErrEvents
	}
	if _, err := authorities(w.Authority); err != nil {
		return s, "", err
	}
	return stored{Name: name, Host: place.Host, Events: events, Authority: w.Authority}, w.URL, nil
}

// checkURL reads where an address leads, and refuses what is none over TLS. That a name leads to this machine after all is refused when the
// connection is made (appliance/outward).
func checkURL(text string) (p Place, err error) {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.Opaque != "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return p, ErrURL
	}
	host, port := u.Hostname(), uint64(usualPort)
	if u.Port() != "" {
		if port, err = strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return p, ErrURL
		}
	}
	if host == "" || len(host) > 253 {
		return p, ErrURL
	}
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		if a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
			return p, ErrURL
		}
		return Place{a.String(), int(port)}, nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" || strings.Trim(name, "0123456789.") == "" {
		return p, ErrURL
	}
	return Place{name, int(port)}, nil
}

// mayGo refuses a place that the settings don't let webhooks go to.
func (h *Hooks) mayGo(p Place) error {
	if slices.Contains(h.o.Named, p) {
		return nil
	}
	if a, err := netip.ParseAddr(p.Host); err == nil && (a.IsLoopback() || a.IsLinkLocalUnicast()) {
		return ErrURL
	}
	if !h.o.Open || p.Port != usualPort {
		return ErrPlace
	}
	return nil
}

// authorities reads certificates in PEM; "" is nil: the system's.
func authorities(text string) (*x509.CertPool, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxAuthority {
		return nil, ErrAuthority
	}
	pool, n := x509.NewCertPool(), 0
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if n == 0 || strings.TrimSpace(string(rest)) != "" {
				return nil, ErrAuthority
			}
			return pool, nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, ErrAuthority
		}
		pool.AddCert(c)
		n++
	}
}

func (h *Hooks) draw(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(h.o.Random, b); err != nil {
		return nil, fmt.Errorf("webhook: random numbers: %w", err)
	}
	return b, nil
}

// Make makes a webhook within tx, and its secret, which is shown once. ErrName, ErrURL, ErrPlace, ErrEvents, ErrAuthority, ErrTooMany.
func (h *Hooks) Make(tx *store.Tx, w Wish, now time.Time) (Hook, string, error) {
	s, address, err := h.check(w, "")
	if err != nil {
		return Hook{}, "", err
	}
	list, err := all(tx)
	if err != nil {
		return Hook{}, "", err
	}
	if len(list) >= Most {
		return Hook{}, "", ErrTooMany
	}
	id, err := h.draw(len(ID{}))
	if err != nil {
		return Hook{}, "", err
	}
	secret, err := h.draw(secretOctets)
	if err != nil {
		return Hook{}, "", err
	}
	s.ID, s.Created = ID(id), now.UTC().Truncate(time.Second)
	if s.Sealed, err = h.seal(s.ID, secrets{URL: address, Secret: secret}); err != nil {
		return Hook{}, "", err
	}
	if len(list) == 0 { // what happened before there was anybody to tell is not told
		if err := h.catchUp(tx); err != nil {
			return Hook{}, "", err
		}
	}
	return h.hook(tx, s, secrets{URL: address}), shown(secret), put(tx, s)
}

func shown(secret []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(secret) }

// Change gives a webhook what the wish says; off turns it off, and takes away what waits. A change turns on again what had failed.
// ErrNone, ErrName, ErrURL, ErrPlace, ErrEvents, ErrAuthority.
func (h *Hooks) Change(tx *store.Tx, id ID, w Wish, off bool) (Hook, error) {
	s, err := load(tx, id)
	if err != nil {
		return Hook{}, err
	}
	kept, err := h.open(id, s.Sealed)
	if err != nil {
		return Hook{}, err
	}
	next, address, err := h.check(w, kept.URL)
	if err != nil {
		return Hook{}, err
	}
	kept.URL = address
	if s.Sealed, err = h.seal(id, kept); err != nil {
		return Hook{}, err
	}
	s.Name, s.Host, s.Events, s.Authority, s.Off, s.Failed, s.Since = next.Name, next.Host, next.Events, next.Authority, off, false, time.Time{}
	if off {
		if err := empty(tx, queueBucket, id); err != nil {
			return Hook{}, err
		}
	}
	h.wake(id)
	return h.hook(tx, s, kept), put(tx, s)
}

// Rotate makes a new secret, which is shown once; the one before signs too for a day. ErrNone.
func (h *Hooks) Rotate(tx *store.Tx, id ID, now time.Time) (Hook, string, error) {
	s, err := load(tx, id)
	if err != nil {
		return Hook{}, "", err
	}
	kept, err := h.open(id, s.Sealed)
	if err != nil {
		return Hook{}, "", err
	}
	secret, err := h.draw(secretOctets)
	if err != nil {
		return Hook{}, "", err
	}
	kept.Former, kept.Secret = kept.Secret, secret
	s.Former = now.UTC().Add(Overlap).Truncate(time.Second)
	if s.Sealed, err = h.seal(id, kept); err != nil {
		return Hook{}, "", err
	}
	return h.hook(tx, s, kept), shown(secret), put(tx, s)
}

// Delete takes a webhook away with what waits for it. ErrNone.
func (h *Hooks) Delete(tx *store.Tx, id ID) (name string, err error) {
	s, err := load(tx, id)
	if err != nil {
		return "", err
	}
	for _, bucket := range []string{queueBucket, logBucket} {
		if err := empty(tx, bucket, id); err != nil {
			return "", err
		}
	}
	return s.Name, tx.Delete(hooksBucket, id[:])
}

// List returns the webhooks, the oldest first.
func (h *Hooks) List() (list []Hook, err error) {
	err = h.o.DB.View(func(tx *store.Tx) error {
		found, err := all(tx)
		for _, s := range found {
			kept, err := h.open(s.ID, s.Sealed)
			if err != nil {
				return err
			}
			list = append(list, h.hook(tx, s, kept))
		}
		return err
	})
	return list, err
}

func (h *Hooks) hook(tx *store.Tx, s stored, kept secrets) Hook {
	waiting := 0
	tx.Scan(queueBucket, s.ID[:], nil, MostWaiting, func(_, _ []byte) bool { waiting++; return true })
	return Hook{ID: s.ID, Name: s.Name, URL: kept.URL, Events: s.Events, Authority: s.Authority, Created: s.Created, Off: s.Off, Failed: s.Failed, Since: s.Since,
		Good: s.Good, Lost: s.Lost, Former: s.Former, Waiting: waiting}
}

func all(tx *store.Tx) (list []stored, err error) {
	tx.Scan(hooksBucket, nil, nil, 0, func(_, v []byte) bool {
		var s stored
		if err = json.Unmarshal(v, &s); err != nil {
			err = fmt.Errorf("webhook: %w", err)
			return false
		}
		list = append(list, s)
		return true
	})
	slices.SortStableFunc(list, func(a, b stored) int { return a.Created.Compare(b.Created) })
	return list, err
}

func load(tx *store.Tx, id ID) (s stored, err error) {
	b := tx.Get(hooksBucket, id[:])
	if b == nil {
		return s, ErrNone
	}
	if err = json.Unmarshal(b, &s); err != nil {
		err = fmt.Errorf("webhook: %w", err)
	}
	return s, err
}

func put(tx *store.Tx, s stored) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	return tx.Put(hooksBucket, s.ID[:], b)
}

// empty removes what a bucket holds of a hook.
func empty(tx *store.Tx, bucket string, id ID) error {
	var keys [][]byte
	tx.Scan(bucket, id[:], nil, 0, func(k, _ []byte) bool { keys = append(keys, slices.Clone(k)); return true })
	for _, k := range keys {
		if err := tx.Delete(bucket, k); err != nil {
			return err
		}
	}
	return nil
}

// Host is the machine that a webhook leads to, with the port where that is not the usual one.
func (h Hook) Host() string {
	p, _ := checkURL(h.URL) // it was checked when it was stored
	if p.Port == usualPort {
		return p.Host
	}
	return net.JoinHostPort(p.Host, strconv.Itoa(p.Port))
}
