package transport

import (
	"bytes"
	"sync"
	"sync/atomic"

	"huisclos/media"
	"huisclos/media/gate"
)

// shared is a packet on its way to all of its receivers. It is the turn's until the flush; what waits longer for a receiver's
// line keeps it, with a payload of its own that those who wait share.
type shared struct {
	gate.Packet
	uses atomic.Int32 // the turn's and those of who keeps it
	room *room        // of the payload, nil while that is the turn's
}

// room holds any payload that is forwarded.
type room [media.MaxPayload]byte

// rooms are those that nobody uses.
var rooms = sync.Pool{New: func() any { return new(room) }}

// keepShared is how many packets a turn keeps room for from one batch to the next.
const keepShared = 64

// share gives the turn's copy of a packet, the same for each receiver of it: sources hand one packet on to all of them, one after
// the other. The caller holds mu.
func (t *turn) share(p *gate.Packet) *shared {
	if p == t.lastFrom && t.last.SSRC == p.SSRC && t.last.Sequence == p.Sequence && t.last.Timestamp == p.Timestamp {
		return t.last
	}
	var s *shared
	if n := len(t.spare); n > 0 {
		s, t.spare = t.spare[n-1], t.spare[:n-1]
	} else {
		s = spares.Get().(*shared)
	}
	s.Packet = *p
	s.uses.Store(1)
	t.packets = append(t.packets, s)
	t.last, t.lastFrom = s, p
	return s
}

// repeat is share for a packet whose payload is somebody else's after the call.
func (t *turn) repeat(p *gate.Packet) *shared {
	t.last, t.lastFrom = nil, nil
	s := t.share(p)
	t.last, t.lastFrom = nil, nil
	s.own()
	return s
}

// own gives the packet a payload that stays as it is. The caller holds the turn's mu: that is the only one who could use it now.
func (s *shared) own() {
	switch {
	case s.room != nil:
	case len(s.Payload) > len(room{}):
		s.Payload = bytes.Clone(s.Payload) // no source forwards such a one
	default:
		s.room = rooms.Get().(*room)
		s.Payload = s.room[:copy(s.room[:], s.Payload)]
	}
}

// keep makes the packet outlive the turn, until done. The caller holds the turn's mu.
func (s *shared) keep() *shared {
	s.own()
	s.uses.Add(1)
	return s
}

// spares are packets that no turn has.
var spares = sync.Pool{New: func() any { return new(shared) }}

// release ends the use of who kept the packet.
func (s *shared) release() {
	if s.done() {
		spares.Put(s)
	}
}

// done ends one use and says whether it was the last.
func (s *shared) done() bool {
	if s.uses.Add(-1) > 0 {
		return false
	}
	if s.room != nil {
		rooms.Put(s.room)
	}
	s.Packet, s.room = gate.Packet{}, nil
	return true
}

// forget ends the turn's use of its packets.
func (t *turn) forget() {
	t.last, t.lastFrom = nil, nil
	for i, s := range t.packets {
		switch {
		case !s.done():
		case len(t.spare) < keepShared:
			t.spare = append(t.spare, s)
		default:
			spares.Put(s)
		}
		t.packets[i] = nil
	}
	if t.packets = t.packets[:0]; cap(t.packets) > maxJobs {
		t.packets = nil
	}
}
