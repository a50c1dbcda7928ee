package client

import (
	"maps"
	"slices"

	"huisclos/client/frames"
	"huisclos/crypto/sframe"
)

// streamKey names a stream over the connections that carried it.
type streamKey struct {
	person  Person
	context sframe.Context
}

// StreamStats is what arrived of one stream of one person.
type StreamStats struct {
	Person  Person
	Context sframe.Context
	Packets int           // that came, each once
	Lost    int           // that never did
	Opened  int           // frames
	Refused frames.Counts // frames that did not open, by reason
}

// Stats is what a stay has come to.
type Stats struct {
	Times     Times
	Epoch     uint64
	Words     [12]uint16
	People    int
	Sealed    map[sframe.Context]int
	Streams   []StreamStats
	Transport map[string]string // "publish" and "subscribe": udp, tcp, or ""
}

// Stats may be asked for at any time, also after the end.
func (c *Call) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Stats{Times: c.times, Epoch: c.view.Epoch, Words: c.view.Words, People: len(c.people), Sealed: maps.Clone(c.sealed), Transport: maps.Clone(c.transport)}
	sum := make(map[streamKey]*StreamStats)
	for k, past := range c.past {
		one := *past
		one.Refused = maps.Clone(past.Refused)
		sum[k] = &one
	}
	for in := range c.inlets {
		c.add(sum, in)
	}
	for _, one := range sum {
		s.Streams = append(s.Streams, *one)
	}
	slices.SortFunc(s.Streams, func(a, b StreamStats) int {
		return int(a.Person.Leaf)<<8 + int(a.Context) - int(b.Person.Leaf)<<8 - int(b.Context)
	})
	return s
}

// add counts an inlet to its stream. call.mu is held.
func (c *Call) add(sum map[streamKey]*StreamStats, in *inlet) {
	k := streamKey{in.person, in.from.Context}
	one := sum[k]
	if one == nil {
		one = &StreamStats{Person: k.person, Context: k.context, Refused: make(frames.Counts)}
		sum[k] = one
	}
	packets, lost := in.packets.Count()
	opened, refused := in.opener.Count()
	one.Packets, one.Lost, one.Opened = one.Packets+packets, one.Lost+lost, one.Opened+opened
	for reason, n := range refused {
		one.Refused[reason] += n
	}
}

// retire keeps what an inlet counted when it goes. call.mu is held.
func (c *Call) retire(in *inlet) {
	if c.inlets[in] {
		delete(c.inlets, in)
		c.add(c.past, in)
	}
}
