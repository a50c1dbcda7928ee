package transport

import (
	"maps"
	"sync"

	"huisclos/media"
	"huisclos/media/pace"
)

// Totals count what the server did since it was made, over all calls, also those that ended.
type Totals struct {
	Received, ReceivedOctets uint64 // media packets that were genuine for their connection, with their headers
	Forwarded                uint64 // packets
	SentOctets               uint64 // of media, with what was sent again, before UDP and IP
	Refused                  map[media.RefusedReason]uint64
	Sealed                   map[Suite]uint64 // connections whose DTLS handshake came to its end, by what was agreed
}

// Suite is what both ends of a connection agreed on, in the names of the standards.
type Suite struct {
	DTLS string // cipher suite (RFC 5288, RFC 5289)
	SRTP string // protection profile (RFC 7714)
}

// agreements counts them.
type agreements struct {
	mu sync.Mutex
	by map[Suite]uint64
}

func (a *agreements) add(s Suite) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.by == nil {
		a.by = map[Suite]uint64{}
	}
	a.by[s]++ // takeKeys refuses what is not ours: there are few
}

func (a *agreements) values() map[Suite]uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.by)
}

// Line is how one receiver's line is. It says nothing of whose it is.
type Line struct {
	Limit pace.Bitrate // zero: none was found
	Loss  float64      // of its packets, 0 to 1
}

// passed are the counts of calls that ended.
type passed struct {
	forwarded uint64
	refused   map[media.RefusedReason]uint64
}

func (p *passed) add(s media.CallStats) {
	p.forwarded += s.Forwarded
	if p.refused == nil {
		p.refused = map[media.RefusedReason]uint64{}
	}
	for reason, n := range s.Refused {
		p.refused[reason] += n
	}
}

// Totals may be called at any time; it asks each call.
func (s *Server) Totals() Totals {
	var t Totals
	for _, turn := range s.port.turns {
		t.Received += turn.heard.Load()
		t.ReceivedOctets += turn.heardOctets.Load()
		t.SentOctets += turn.sentOctets.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := passed{s.past.forwarded, maps.Clone(s.past.refused)}
	for _, c := range s.calls {
		now.add(c.router.Stats())
	}
	t.Forwarded, t.Refused = now.forwarded, now.refused
	t.Sealed = s.port.sealed.values()
	return t
}

// Lines are those of all receivers, in no order.
func (s *Server) Lines() []Line {
	s.mu.Lock()
	var links []*link
	for _, c := range s.calls {
		for _, sub := range c.subscribers {
			links = append(links, sub.link)
		}
	}
	s.mu.Unlock()
	var list []Line
	for _, l := range links {
		l.sendMu.Lock()
		if l.pacing != nil {
			list = append(list, Line{l.pacing.line.Limit(), l.pacing.line.Loss()})
		}
		l.sendMu.Unlock()
	}
	return list
}

// Closed reports whether no call is carried any more.
func (s *Server) Closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
