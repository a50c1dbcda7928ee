// Package gate decides whether a packet belongs to a sealed frame of the
// admitted sender that it claims to come from.
//
// It looks at what stands in the clear: the payload descriptor of VP8 (RFC 7741
// §4.2) or VP9 (RFC 9628 §4.2), the constant frame prefix of VP8 and the SFrame
// header (RFC 9605 §4.3). It
// never sees keys or plaintext, sockets or clocks: time is an argument. What it
// proves is a well-formed header of that sender, of a living epoch, not seen
// before. That the body is ciphertext is proved at the receivers.
//
// Callers unwrap RTX and drop repeated sequence numbers before they ask.
package gate

import (
	"bytes"
	"errors"
	"time"

	"huisclos/crypto/sframe"
)

// Reason says why a packet was refused. It is part of the client protocol.
type Reason string

const (
	NoHeader      Reason = "no-header"
	BadHeader     Reason = "bad-header"
	BadPrefix     Reason = "bad-prefix"
	BadDescriptor Reason = "bad-descriptor"
	WrongKID      Reason = "wrong-kid"
	OldEpoch      Reason = "old-epoch"
	FutureEpoch   Reason = "future-epoch"
	Replayed      Reason = "replayed"
	NoRoomForTag  Reason = "no-room-for-tag"
	NoFirstPacket Reason = "no-first-packet"
	HeldTooLong   Reason = "held-too-long"
	HeldTooMuch   Reason = "held-too-much"
)

// What may wait for the first packet of its frame, per SSRC.
const (
	HoldFor     = 300 * time.Millisecond
	HoldPackets = 128
	HoldBytes   = 256 << 10
)

const (
	// maxSSRCs bounds the state of one stream: three layers, and as many again
	// when a client replaces its encoders.
	maxSSRCs = 6
	// frameMemory is how many frames of an SSRC keep their verdict at most. At 60
	// frames a second, or 30 pictures of three spatial layers, it is more than a
	// second, longer than a retransmission is worth waiting for.
	frameMemory = 128
	// firstMemory is how many do at first; it is more of streams of which those are less than rememberFor.
	firstMemory = 32
	// rememberFor is in ticks of video's clock, 1.25 s (RFC 7741 §4.1, RFC 9628 §4.1).
	rememberFor = 90000 * 5 / 4
)

// Packet is what the gate sees of an RTP packet, and what it hands on.
type Packet struct {
	SSRC      uint32
	Timestamp uint32
	Sequence  uint16
	Marker    bool
	VP9       bool // by its payload type; else what the stream usually is
	// Payload is shared with the caller. The gate copies what has to wait.
	Payload []byte

	// The gate fills these in before it forwards a packet.
	Descriptor Descriptor // zero for Opus
	Start      bool       // first packet of its frame
	Key        bool       // first packet of a key frame, of VP9 of a key picture's lowest layer
}

// Describe reads the descriptor that the payload type says there is.
func (p *Packet) Describe() (Descriptor, error) {
	if p.VP9 {
		return ParseVP9(p.Payload)
	}
	return ParseDescriptor(p.Payload)
}

// last says whether the packet is the last one of its frame.
func (p *Packet) last() bool {
	if p.VP9 {
		return p.Descriptor.End
	}
	return p.Marker
}

// Binding is the one stream that a gate passes.
type Binding struct {
	Video   bool // VP8 or VP9, else Opus
	Leaf    uint32
	Context uint8
}

// Verdict is the answer for one packet. Exactly one of these holds: Forward
// holds the packet (and those that waited for it), Held is set, or Refused is.
type Verdict struct {
	// Forward is valid until the next Check.
	Forward []Packet
	Held    bool
	Refused Reason
}

// Gate judges the packets of one stream. Its zero value is not usable. It is
// not safe for concurrent use.
type Gate struct {
	binding Binding
	sources []*source // least recently used first
	windows map[uint64]*sframe.Window
	current uint64
	counts  map[Reason]uint64
	out     []Packet
}

// source is what the gate remembers of one SSRC.
type source struct {
	ssrc   uint32
	frames []frame // of video; their number is at most frameMemory
	next   int     // where the next frame is remembered
	held   []heldPacket
	bytes  int
}

// frame is kept small: there are frameMemory of them for each SSRC.
type frame struct {
	timestamp   uint32
	first, last uint16 // packets; last once it was seen
	refused     uint8  // of reasons; zero: the frame passed
	spatial     uint8  // layers of a VP9 picture have one timestamp
	known       bool
	ended       bool // its last packet was seen, at last
}

// reasons are those for which a frame is refused.
var reasons = [...]Reason{"", NoHeader, BadHeader, BadPrefix, WrongKID, OldEpoch, FutureEpoch, Replayed, NoRoomForTag}

func numberOf(r Reason) uint8 {
	for i, reason := range reasons {
		if reason == r {
			return uint8(i)
		}
	}
	panic("gate: a frame is refused for no reason that there is: " + string(r)) // judge gives others
}

type heldPacket struct {
	packet Packet
	since  time.Time
}

// New makes the gate of one stream.
func New(binding Binding) *Gate {
	return &Gate{
		binding: binding,
		windows: make(map[uint64]*sframe.Window),
		counts:  make(map[Reason]uint64),
	}
}

// Counts gives the refused packets by reason since the gate was made.
func (g *Gate) Counts() map[Reason]uint64 {
	counts := make(map[Reason]uint64, len(g.counts))
	for reason, n := range g.counts {
		counts[reason] = n
	}
	return counts
}

// Check judges one packet.
func (g *Gate) Check(p Packet, epochs *Epochs, now time.Time) Verdict {
	g.expire(now)
	p.Start = true // each Opus packet is a frame
	if g.binding.Video {
		d, err := p.Describe()
		if err != nil {
			return g.refuse(BadDescriptor, 1)
		}
		p.Descriptor, p.Start = d, d.Start
	}
	src := g.source(p.SSRC)
	if p.Start {
		return g.first(src, p, epochs, now)
	}
	f := src.find(&p)
	switch {
	case f == nil:
		return g.hold(src, p, now)
	case f.refused != 0:
		return g.refuse(reasons[f.refused], 1)
	case !f.continues(p):
		return g.refuse(NoFirstPacket, 1)
	}
	g.out = append(g.out[:0], p)
	return Verdict{Forward: g.out}
}

// Sweep drops what waited too long, for streams that went silent.
func (g *Gate) Sweep(now time.Time) { g.expire(now) }

func (g *Gate) first(src *source, p Packet, epochs *Epochs, now time.Time) Verdict {
	if src.find(&p) != nil {
		// A frame has one first packet; its repetitions were dropped before.
		return g.refuse(Replayed, 1)
	}
	key, reason := g.judge(p, epochs, now)
	if !g.binding.Video { // nothing belongs to the frame but this packet
		if reason != "" {
			return g.refuse(reason, 1)
		}
		p.Key = key
		g.out = append(g.out[:0], p)
		return Verdict{Forward: g.out}
	}
	f := src.remember(frame{known: true, timestamp: p.Timestamp, spatial: p.Descriptor.Spatial, refused: numberOf(reason),
		first: p.Sequence, ended: p.last(), last: p.Sequence})
	waiting := src.take(&p)
	if reason != "" {
		return g.refuse(reason, 1+len(waiting))
	}
	p.Key = key
	g.out = append(g.out[:0], p)
	for _, w := range waiting {
		if f.continues(w) {
			g.out = append(g.out, w)
		} else {
			g.refuse(NoFirstPacket, 1)
		}
	}
	return Verdict{Forward: g.out}
}

// judge checks the header that a first packet carries, and marks its counter
// as the last thing it does.
func (g *Gate) judge(p Packet, epochs *Epochs, now time.Time) (key bool, reason Reason) {
	body := p.Payload[p.Descriptor.Size:]
	codec := sframe.Opus
	switch {
	case g.binding.Video && p.VP9:
		codec = sframe.VP9
	case g.binding.Video:
		codec = sframe.VP8
	}
	h, err := sframe.ParseFrameHeader(codec, body)
	switch {
	case errors.Is(err, sframe.ErrNoHeader):
		return false, NoHeader
	case errors.Is(err, sframe.ErrBadPrefix):
		return false, BadPrefix
	case errors.Is(err, sframe.ErrBadKID):
		return false, WrongKID
	case err != nil:
		return false, BadHeader
	case h.KID.Leaf() != g.binding.Leaf || uint8(h.KID.Context()) != g.binding.Context:
		return false, WrongKID
	}
	// A frame of several packets may end in the next one; a frame of one
	// packet must hold the whole tag.
	if (!g.binding.Video || p.last()) && !h.Fits(len(body)) {
		return false, NoRoomForTag
	}
	epoch, reason := epochs.match(h.KID.EpochByte(), now)
	if reason != "" {
		return false, reason
	}
	if !g.window(epoch, epochs, now).Mark(h.CTR) {
		return false, Replayed
	}
	// Sealed VP9 says nothing in the clear; its descriptor does.
	return h.Key || p.VP9 && !p.Descriptor.Predicted && p.Descriptor.Spatial == 0, ""
}

// window is the replay window of one epoch, shared by all layers of the stream
// because they share the counter. Windows die with their epochs.
func (g *Gate) window(epoch uint64, epochs *Epochs, now time.Time) *sframe.Window {
	if g.current != epochs.current {
		g.current = epochs.current
		for e := range g.windows {
			if !epochs.alive(e, now) {
				delete(g.windows, e)
			}
		}
	}
	w := g.windows[epoch]
	if w == nil {
		w = new(sframe.Window)
		g.windows[epoch] = w
	}
	return w
}

func (g *Gate) hold(src *source, p Packet, now time.Time) Verdict {
	if len(src.held) >= HoldPackets || src.bytes+len(p.Payload) > HoldBytes {
		return g.refuse(HeldTooMuch, 1)
	}
	p.Payload = bytes.Clone(p.Payload)
	src.held = append(src.held, heldPacket{p, now})
	src.bytes += len(p.Payload)
	return Verdict{Held: true}
}

func (g *Gate) refuse(reason Reason, packets int) Verdict {
	if packets > 0 {
		g.counts[reason] += uint64(packets)
	}
	return Verdict{Refused: reason}
}

// expire drops held packets whose time is over. They are in order of arrival.
func (g *Gate) expire(now time.Time) {
	for _, src := range g.sources {
		n := 0
		for n < len(src.held) && now.Sub(src.held[n].since) > HoldFor {
			src.bytes -= len(src.held[n].packet.Payload)
			n++
		}
		if n > 0 {
			g.counts[HeldTooLong] += uint64(n)
			src.held = append(src.held[:0], src.held[n:]...)
			clear(src.held[len(src.held):cap(src.held)])
		}
	}
}

// source finds an SSRC's state. The least recently used gives way to a new one.
func (g *Gate) source(ssrc uint32) *source {
	for i, src := range g.sources {
		if src.ssrc == ssrc {
			copy(g.sources[i:], g.sources[i+1:])
			g.sources[len(g.sources)-1] = src
			return src
		}
	}
	if len(g.sources) == maxSSRCs {
		g.refuse(HeldTooMuch, len(g.sources[0].held))
		g.sources = append(g.sources[:0], g.sources[1:]...)
	}
	src := &source{ssrc: ssrc}
	g.sources = append(g.sources, src)
	return src
}

// find gives the frame that a packet belongs to, nil if it is not known.
func (s *source) find(p *Packet) *frame {
	n := len(s.frames)
	for i := 1; i <= n; i++ {
		f := &s.frames[(s.next+n-i)%n]
		if !f.known {
			return nil
		}
		if f.timestamp == p.Timestamp && f.spatial == p.Descriptor.Spatial {
			return f
		}
	}
	return nil
}

func (s *source) remember(f frame) *frame {
	n := len(s.frames)
	switch {
	case n == 0:
		s.frames = make([]frame, firstMemory)
	case n < frameMemory && s.frames[s.next].known && f.timestamp-s.frames[s.next].timestamp < rememberFor:
		s.frames = append(s.frames[s.next:n:n], s.frames[:s.next]...) // oldest first
		s.frames, s.next = append(s.frames, make([]frame, n)...), n
	}
	slot := &s.frames[s.next]
	*slot = f
	s.next = (s.next + 1) % len(s.frames)
	return slot
}

// continues says whether p lies behind its frame's first packet and not behind
// its last, and notes the last.
func (f *frame) continues(p Packet) bool {
	if int16(p.Sequence-f.first) <= 0 || f.ended && int16(p.Sequence-f.last) > 0 {
		return false
	}
	if p.last() {
		f.ended, f.last = true, p.Sequence
	}
	return true
}

// take removes the held packets of first's frame, in order of arrival.
func (s *source) take(first *Packet) []Packet {
	var taken []Packet
	kept := s.held[:0]
	for _, h := range s.held {
		if h.packet.Timestamp == first.Timestamp && h.packet.Descriptor.Spatial == first.Descriptor.Spatial {
			taken = append(taken, h.packet)
			s.bytes -= len(h.packet.Payload)
		} else {
			kept = append(kept, h)
		}
	}
	clear(s.held[len(kept):])
	s.held = kept
	return taken
}
