package media

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
)

// Source is one stream of a publisher: up to three layers, one gate.
type Source struct {
	router *Router
	peer   *peer
	stream Stream
	rate   uint32 // of the RTP clock
	heard  atomic.Bool

	// Guarded by router.mu: written under its write lock only.
	downs []*Down
	gone  bool

	mu            sync.Mutex
	gate          *gate.Gate // nil while its peer is not admitted
	layers        [forward.Layers]layer
	rings         [forward.Layers]forward.Ring // of what somebody was sent
	clocks        [forward.Layers]forward.Clock
	received      uint64
	refusedBefore map[RefusedReason]uint64 // besides the present gate's
	offers        int                      // layers that the publisher's offer has
	offersVP9     bool
	askedVP9      bool // the publisher was told that it may send it
	vp9           bool // it is what comes
	demand        pace.Demand
}

// Of VP9 in spatial layers, all come in the place of layer Low: its SSRC, its
// numbers, its ring. What is measured of each stands in the layer's own place.

type layer struct {
	ssrc      uint32
	known     bool
	sequences *forward.Sequences // nil until it is known
	keyFrames forward.KeyFrames
	bytes     [pace.Temporals]int // of each temporal layer, since the last measurement
	rates     [pace.Temporals]pace.Bitrate
	temporals int // how many temporal layers were seen
	heard     time.Time
}

// rate is the whole layer's.
func (l *layer) rate() (sum pace.Bitrate) {
	for _, r := range l.rates {
		sum += r
	}
	return sum
}

// silentAfter is when a layer counts as not published: encoders stop layers
// that the uplink does not carry.
const silentAfter = 1500 * time.Millisecond

func newSource(r *Router, p *peer, stream Stream) *Source {
	rate := uint32(90000) // RFC 7741 §4.1
	if stream.Kind == Audio {
		rate = 48000 // RFC 7587 §4.1
	}
	return &Source{router: r, peer: p, stream: stream, rate: rate, offers: 1, refusedBefore: make(map[RefusedReason]uint64)}
}

// open gives the source the gate of its leaf. Callers hold router.mu.
func (s *Source) open(leaf uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = gate.New(gate.Binding{Video: s.stream.Kind == Video, Leaf: leaf, Context: s.stream.Context})
}

// close takes the gate away and keeps its counts.
func (s *Source) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate != nil {
		for reason, n := range s.gate.Counts() {
			s.refusedBefore[reason] += n
		}
		s.gate = nil
	}
}

func (s *Source) refused() map[RefusedReason]uint64 {
	counts := maps.Clone(s.refusedBefore)
	if s.gate != nil {
		for reason, n := range s.gate.Counts() {
			counts[reason] += n
		}
	}
	return counts
}

// offered says whether others get an m-line for the source. Clients declare a
// screen long before they share one, so that one waits for its first packet;
// microphone and camera don't, because the first word would be lost.
func (s *Source) offered() bool { return s.stream.Context <= 1 || s.heard.Load() }

// Receive takes a packet of one layer: RTX is unwrapped, padding is gone. The
// payload must stay as it is until the turn ends; what the source keeps longer
// it copies.
func (s *Source) Receive(l forward.Layer, p gate.Packet, t Turn, now time.Time) {
	s.router.mu.RLock()
	defer s.router.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.received++
	if !s.peer.admitted || s.gate == nil {
		s.refusedBefore[NotAdmitted]++
		return
	}
	ly := s.layer(l, p.SSRC)
	if !ly.sequences.Fresh(p.Sequence) {
		return
	}
	if len(p.Payload) > MaxPayload {
		s.refusedBefore[TooLarge]++
		s.skip(p.SSRC, p.Sequence)
		return
	}
	verdict := s.gate.Check(p, &s.router.epochs, now)
	if verdict.Refused != "" {
		s.skip(p.SSRC, p.Sequence)
	}
	for i := range verdict.Forward {
		s.forward(l, ly, &verdict.Forward[i], t, now)
	}
}

// Padding notes a sequence number that carried nothing.
func (s *Source) Padding(l forward.Layer, ssrc uint32, sequence uint16) {
	s.router.mu.RLock()
	defer s.router.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone && s.gate != nil && s.layer(l, ssrc).sequences.Fresh(sequence) {
		s.skip(ssrc, sequence)
	}
}

// Reported notes a sender report of one layer.
func (s *Source) Reported(l forward.Layer, clock forward.Clock) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.layers[l].known && s.layers[l].ssrc == clock.SSRC {
		s.clocks[l] = clock
	}
}

// layer finds a layer's state; a new SSRC begins anew.
func (s *Source) layer(l forward.Layer, ssrc uint32) *layer {
	ly := &s.layers[l]
	if !ly.known || ly.ssrc != ssrc {
		*ly = layer{ssrc: ssrc, known: true, sequences: new(forward.Sequences), rates: ly.rates, temporals: ly.temporals}
		s.clocks[l] = forward.Clock{}
	}
	return ly
}

func (s *Source) skip(ssrc uint32, sequence uint16) {
	for _, d := range s.downs {
		d.numbers.Skip(ssrc, sequence)
	}
}

func (s *Source) forward(l forward.Layer, ly *layer, p *gate.Packet, t Turn, now time.Time) {
	if p.Key {
		ly.keyFrames.Arrived()
		s.changes(l, p.VP9)
	}
	if !s.heard.Load() {
		s.heard.Store(true)
		s.router.stale.Store(true)
	}
	if p.VP9 {
		ly = &s.layers[p.Descriptor.Spatial]
	}
	temporal := min(int(p.Descriptor.Temporal), pace.Temporals-1)
	ly.bytes[temporal] += len(p.Payload)
	ly.temporals = max(ly.temporals, temporal+1)
	ly.heard = now
	octets, sent := uint64(len(p.Payload))+around, false
	for _, d := range s.downs {
		n, ok := d.numbers.Forward(l, p, &s.clocks, now)
		if !ok {
			continue
		}
		sent = true
		d.forwarded++
		d.octets += octets
		d.outlet.Send(t, d, n, p)
	}
	// What nobody was sent nobody can miss.
	if sent && s.stream.Kind == Video {
		s.rings[l].Add(p, now)
	}
}

// changes notes that the publisher begins with another codec: what was heard of
// the layers before says nothing of those that come now, but for their rates.
func (s *Source) changes(l forward.Layer, vp9 bool) {
	if l != forward.Low || vp9 == s.vp9 {
		return
	}
	s.vp9 = vp9
	for i := range s.layers {
		s.layers[i].heard = time.Time{}
		s.layers[i].keyFrames.Arrived()
	}
}

// class is what the stream is to those who receive it; which camera is the
// speaker's is for pace to find.
func (s *Source) class() pace.Class {
	switch {
	case s.stream.Kind == Audio:
		return pace.Sound
	case s.stream.Context > 1:
		return pace.Screen
	}
	return pace.Thumbnail
}

// Offers says how many layers the publisher's offer has, one is no simulcast,
// and whether VP9 is in it.
func (s *Source) Offers(layers int, vp9 bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offers, s.offersVP9 = max(layers, 1), vp9
}

// anew forgets what the publisher was told: its new connection sends everything.
func (s *Source) anew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand, s.askedVP9 = pace.Demand{}, false
}

// need tells the publisher which layers of its camera anybody is to receive, and
// in which codec, when that has changed. A screen has one layer, and is offered to receivers only
// once it was heard: it is never put to rest.
func (s *Source) need(now time.Time) {
	if s.stream.Context != 1 || s.peer.uplink == nil {
		return
	}
	var targets [forward.Layers]forward.Layer
	for l := range targets {
		targets[l] = forward.None
	}
	for _, d := range s.downs {
		if l := d.numbers.Wanted(); l != forward.None {
			targets[l] = l
		}
	}
	active, changed := s.demand.Needed(targets[:], now)
	vp9 := s.offersVP9 && s.router.vp9.Load()
	if !changed && vp9 == s.askedVP9 {
		return
	}
	s.askedVP9 = vp9
	var layers []forward.Layer
	for l, wanted := range active[:s.offers] {
		if wanted {
			layers = append(layers, forward.Layer(l))
		}
	}
	s.peer.uplink.Layers(StreamLayers{s.stream.Context, layers, vp9})
}

// rates are what the layers cost, with their temporal layers up to each. A layer
// that speaks for the first time costs something, so that it can be chosen at
// once. A spatial layer costs what those below it do as well.
func (s *Source) rates(now time.Time) (rates pace.Rates) {
	var below [pace.Temporals]pace.Bitrate
	for l := range s.layers {
		ly := &s.layers[l]
		if ly.heard.IsZero() {
			continue
		}
		var sum pace.Bitrate
		for t := range ly.rates {
			sum += ly.rates[t]
			if t < max(ly.temporals, 1) {
				rates[l][t] = max(sum+below[t], 1)
			}
			if s.vp9 {
				below[t] += sum
			}
		}
	}
	if s.stream.Kind == Audio {
		return rates
	}
	return s.demand.Rates(rates, s.offers, now)
}

// measure is called each interval. It gives back what retransmissions will not need any more.
func (s *Source) measure(interval time.Duration, now time.Time) {
	needs := s.needs()
	for l := range s.layers {
		ly := &s.layers[l]
		for t := range ly.bytes {
			fresh := pace.Bitrate(float64(ly.bytes[t]) * 8 / interval.Seconds())
			ly.bytes[t] = 0
			ly.rates[t] = (3*ly.rates[t] + fresh) / 4
		}
		s.rings[l].Needs(needs)
		s.rings[l].Sweep(now)
		if s.stream.Kind == Video && !ly.heard.IsZero() && now.Sub(ly.heard) > silentAfter {
			ly.heard = time.Time{}
		}
	}
}

// needs is for how long the one that is farthest away may ask for a packet, 0 while that is not known of all.
func (s *Source) needs() (needs time.Duration) {
	for _, d := range s.downs {
		of := time.Duration(d.receiver.needs.Load())
		if of == 0 {
			return 0
		}
		needs = max(needs, of)
	}
	return needs
}

// cost is the rate of what a receiver is sent in a layer.
func (s *Source) cost(l forward.Layer) pace.Bitrate {
	sum := s.layers[l].rate()
	for below := forward.Low; s.vp9 && below < l; below++ {
		sum += s.layers[below].rate()
	}
	return sum
}

func (s *Source) wantKeyFrame(l forward.Layer, now time.Time) {
	if s.vp9 {
		l = min(l, forward.Low)
	}
	if l < forward.Low || !s.layers[l].known || s.peer.uplink == nil {
		return
	}
	if s.layers[l].keyFrames.Want(s.asked(l), now) {
		s.peer.uplink.RequestKeyFrame(s.layers[l].ssrc)
	}
}

// asked is when a key frame of another layer than l was last asked for.
func (s *Source) asked(l forward.Layer) (at time.Time) {
	for other := range s.layers {
		if t := s.layers[other].keyFrames.Asked(); forward.Layer(other) != l && t.After(at) {
			at = t
		}
	}
	return at
}
