package appliance

import (
	"net/netip"
	"sync"
)

// maxTold bounds the addresses that are remembered. A machine has a few; those of IPv6 change with the days.
const maxTold = 256

// told remembers the addresses to which clients were told to send media: they are what the relay's clients may name.
type told struct {
	ask func(via netip.Addr) []netip.Addr

	mu  sync.RWMutex
	set map[netip.Addr]bool
}

func newTold(ask func(via netip.Addr) []netip.Addr) *told {
	return &told{ask: ask, set: map[netip.Addr]bool{}}
}

func (t *told) candidates(via netip.Addr) []netip.Addr {
	list := t.ask(via)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.set)+len(list) > maxTold {
		clear(t.set)
	}
	for _, a := range list {
		t.set[a.Unmap().WithZone("")] = true
	}
	return list
}

func (t *told) has(a netip.Addr) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.set[a]
}
