package appliance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"sync"
	"time"

	"huisclos/appliance/web"
	"huisclos/media"
	"huisclos/media/transport"
)

const (
	// trialFor is how long a connection of the page "test my connection" lasts: two seconds to connect, eight to measure, and room
	// for a slow line.
	trialFor = 30 * time.Second
	// maxTrials bounds how many there are at once, of all people together. Each is an idle link.
	maxTrials = 64
)

// trials make media connections that carry nothing, so that somebody can see whether theirs would stand. Each has a call of its
// own, in which nobody is admitted: the gate takes nothing from it, and there is nobody to forward to.
type trials struct {
	server *transport.Server

	mu   sync.Mutex
	open int
}

// answer takes an offer of one audio section, whose mid is given.
func (t *trials) answer(ctx context.Context, via netip.Addr, offer, mid string) (string, error) {
	t.mu.Lock()
	full := t.open >= maxTrials
	if !full {
		t.open++
	}
	t.mu.Unlock()
	if full {
		return "", web.ErrTrials
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	call := media.CallID("trial " + hex.EncodeToString(b[:]))
	done := func() {
		t.server.CloseCall(call)
		t.mu.Lock()
		t.open--
		t.mu.Unlock()
	}
	t.server.Open(call, 0)
	answer, err := t.server.Publish(ctx, call, "trial", via, offer, []media.Stream{{MID: mid, Kind: media.Audio}})
	if err != nil {
		done()
		return "", err
	}
	time.AfterFunc(trialFor, done)
	return answer, nil
}
