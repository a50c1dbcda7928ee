package relay

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// What strangers may ask over UDP, where an address may be forged: messages a second, and at once.
const (
	prefixRate, prefixBurst     = 20, 200
	strangerRate, strangerBurst = 2000, 4000
	budgetPlaces                = 4096
)

// bucket is a token bucket: full at first, refilled with time.
type bucket struct {
	tokens float64
	since  time.Time
}

func (b *bucket) take(n, rate, burst float64, now time.Time) bool {
	if b.since.IsZero() {
		b.tokens = burst
	} else if past := now.Sub(b.since); past > 0 {
		b.tokens = min(burst, b.tokens+past.Seconds()*rate)
	}
	b.since = now
	if b.tokens < n {
		return false
	}
	b.tokens -= n
	return true
}

// budget counts what comes from clients without an allocation, by prefix of their address (IPv4 /24, IPv6 /48) and
// altogether. It has a fixed number of places, chosen by a hash that nobody outside can compute: a flood from any number
// of addresses takes no memory, and cannot aim at the place of somebody else.
type budget struct {
	seed maphash.Seed

	mu     sync.Mutex
	all    bucket
	places [budgetPlaces]bucket
}

func newBudget() *budget { return &budget{seed: maphash.MakeSeed()} }

func (b *budget) spend(from netip.Addr, now time.Time) bool {
	bits := 24
	if from.Is6() {
		bits = 48
	}
	prefix, err := from.Prefix(bits)
	if err != nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	place := &b.places[maphash.Comparable(b.seed, prefix)%budgetPlaces]
	return place.take(1, prefixRate, prefixBurst, now) && b.all.take(1, strangerRate, strangerBurst, now)
}
