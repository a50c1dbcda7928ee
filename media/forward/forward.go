// Package forward decides which packets of a stream go to one receiver and
// under which numbers: the simulcast layer of VP8 or the spatial layers of VP9,
// rewritten sequence numbers, timestamps and picture ids, retransmissions, and
// when a key frame is asked for.
//
// It never sees a frame's content: it reads the RTP header (RFC 3550), the
// payload descriptor (RFC 7741, RFC 9628) and whether the gate found a key frame. It has
// no sockets and no clocks; packets are results and time is an argument.
package forward

import (
	"time"

	"huisclos/media/gate"
	"huisclos/media/pace"
)

// Layer is a simulcast layer, as pace chooses it, or the highest of the spatial
// layers of VP9 that are sent. Those all come in the lowest simulcast layer's
// place, from its SSRC.
type Layer = pace.Layer

const (
	None   = pace.None
	Low    = pace.Low
	Layers = pace.Layers
)

// maxSegments bounds how far back an outgoing sequence number can be traced.
const maxSegments = 64

// Numbers are what a forwarded packet carries instead of what it came with.
type Numbers struct {
	Sequence  uint16
	Timestamp uint32
	Picture   uint16
	TL0       uint8
	// Marker says that the picture ends (RFC 3550 §5.1): where layers are left
	// out, earlier than its publisher said.
	Marker bool
}

// segment is a run of outgoing packets with constant offsets from one SSRC of
// the publisher. A layer switch begins one, and so does a sequence number that
// was left out.
type segment struct {
	layer   Layer
	ssrc    uint32
	vp9     bool
	spatial uint8 // of VP9: the highest layer that is sent
	fromIn  uint16
	fromOut uint16

	sequence  uint16
	timestamp uint32
	picture   uint16
	tl0       uint8
}

// Down is one stream on its way to one receiver. The zero value is not usable.
// It is not safe for concurrent use.
type Down struct {
	rate  uint32 // of the RTP clock
	video bool
	vp9   bool // the receiver takes it, in spatial layers

	target   Layer
	most     uint8 // temporal layer that is wanted at most
	temporal uint8 // that is being sent at most
	frame    uint32
	sends    bool      // the frame of that timestamp
	segments []segment // newest last; empty until something was forwarded
	started  bool
	paused   bool // nothing is forwarded until a key frame
	highIn   uint16
	lastOut  Numbers
	lastAt   time.Time

	fresh    bool   // a key frame ended a pause not long ago,
	freshOut uint16 // with this number

	shed bool // what was sent of layers that are left out is not sent again
	torn bool // and something of them was lost

	packets, octets uint32
	credit          int
	answered        []answered // at most maxAnswered
	nextAnswered    int
}

type answered struct {
	sequence uint16
	at       time.Time
}

// NewDown makes the way of a stream to a receiver. Audio is always wanted.
func NewDown(video bool, rate uint32) *Down {
	d := &Down{video: video, rate: rate, most: anyTemporal, temporal: anyTemporal}
	if video {
		d.target = None
	}
	return d
}

// TakesVP9 says whether the receiver takes VP9 in spatial layers; else nothing of
// it is forwarded.
func (d *Down) TakesVP9(takes bool) { d.vp9 = takes }

// Target sets the layer to send. A video stream goes on with its present layer
// until a key frame of the new one arrives; None stops it at once. Spatial layers
// are left out from the next picture on, and taken in with the next key picture.
func (d *Down) Target(l Layer) {
	if !d.video {
		return
	}
	if l == None && d.target != None {
		d.paused = true
	}
	d.target = l
}

// anyTemporal is above every temporal layer (two bits in RFC 7741 §4.2).
const anyTemporal = 3

// Temporal sets the highest temporal layer to send. Less begins with the next
// frame; more with the next that a receiver can take it in from.
func (d *Down) Temporal(most uint8) { d.most = min(most, anyTemporal) }

// Pause stops the stream until the target layer's next key frame: what is in
// between would be too much for the receiver's line.
func (d *Down) Pause() {
	if d.video {
		d.paused = true
	}
}

// Shed says whether packets of spatial layers that are not sent any more may be
// lost for good: on a line that has no room they would come in the way of those
// that are. A receiver that lost some is torn: it waits for the rest of a picture
// until a key picture comes.
func (d *Down) Shed(sheds bool) { d.shed = sheds }

// Torn says whether a receiver needs a key picture because of what Shed left out.
func (d *Down) Torn() bool { return d.torn && !d.paused }

// Wanted is the layer that was last asked for.
func (d *Down) Wanted() Layer { return d.target }

// Current is the layer that is being sent, None before the first key frame.
func (d *Down) Current() Layer {
	if !d.started || d.paused || len(d.segments) == 0 {
		return None
	}
	return d.segments[len(d.segments)-1].sends()
}

// sends is the layer that goes out in a segment.
func (s *segment) sends() Layer {
	if s.vp9 {
		return Layer(s.spatial)
	}
	return s.layer
}

// Spatial says whether spatial layers are being sent, of which the upper ones can
// be left out without a key frame.
func (d *Down) Spatial() bool { return d.Current() != None && d.segments[len(d.segments)-1].vp9 }

// Waiting says whether only a key frame of the target layer is missing.
func (d *Down) Waiting() bool {
	return d.video && d.target != None && d.Current() != d.target && !(d.Spatial() && d.target < d.Current())
}

// Forward gives the numbers under which p goes out, if it does. Clocks are the
// sender reports of the stream's layers.
func (d *Down) Forward(layer Layer, p *gate.Packet, clocks *[Layers]Clock, now time.Time) (Numbers, bool) {
	if d.target == None || p.VP9 && !d.vp9 {
		return Numbers{}, false
	}
	live := d.started && !d.paused
	var newest segment
	if len(d.segments) > 0 {
		newest = d.segments[len(d.segments)-1]
	}
	if !live || newest.ssrc != p.SSRC || newest.vp9 != p.VP9 && int16(p.Sequence-d.highIn) > 0 {
		if !d.enters(layer, newest, live, p) {
			return Numbers{}, false
		}
		d.begin(layer, newest, p, clocks, now)
	}
	if p.VP9 {
		d.resize(p)
	}
	seg, ok := d.incoming(p)
	if !ok {
		return Numbers{}, false
	}
	if d.video && (!d.passes(p) || seg.leavesOut(p)) {
		d.Skip(p.SSRC, p.Sequence)
		return Numbers{}, false
	}
	out := seg.numbers(p)
	if int16(p.Sequence-d.highIn) >= 0 {
		d.highIn, d.lastOut.Sequence, d.lastOut.Timestamp, d.lastAt = p.Sequence, out.Sequence, out.Timestamp, now
	}
	if p.Descriptor.HasPicture && int16((out.Picture-d.lastOut.Picture)<<1) > 0 {
		d.lastOut.Picture = out.Picture
	}
	if p.Descriptor.HasTL0 && int8(out.TL0-d.lastOut.TL0) > 0 {
		d.lastOut.TL0 = out.TL0
	}
	if d.fresh && d.lastOut.Sequence-d.freshOut >= settleAfter {
		d.fresh = false
	}
	d.settle()
	d.packets++
	d.octets += uint32(len(p.Payload))
	d.credit = min(d.credit+len(p.Payload), maxCredit)
	return out, true
}

// numbers are what p goes out under in a segment.
func (s *segment) numbers(p *gate.Packet) Numbers {
	return Numbers{
		Sequence:  p.Sequence + s.sequence,
		Timestamp: p.Timestamp + s.timestamp,
		Picture:   (p.Descriptor.Picture + s.picture) & 0x7fff,
		TL0:       p.Descriptor.TL0 + s.tl0,
		Marker:    p.Marker || p.VP9 && p.Descriptor.End && p.Descriptor.Spatial == s.spatial,
	}
}

// leavesOut says whether p is of a spatial layer above those that are sent.
func (s *segment) leavesOut(p *gate.Packet) bool { return p.VP9 && p.Descriptor.Spatial > s.spatial }

// resize begins a segment where the number of spatial layers changes: with the
// first packet of a picture, so that each is whole. A layer may always be left
// out; to take one in, its picture must not need those before it (in the modes
// that clients send, a key picture), nor may more than one picture be unfinished.
func (d *Down) resize(p *gate.Packet) {
	newest := &d.segments[len(d.segments)-1]
	want := uint8(d.target)
	if want == newest.spatial || newest.ssrc != p.SSRC || int16(p.Sequence-d.highIn) < 0 ||
		!p.Start || p.Descriptor.Spatial != 0 || want > newest.spatial && !p.Key {
		return
	}
	if newest.fromIn == p.Sequence {
		newest.spatial = want // nothing was forwarded in it
		return
	}
	seg := *newest
	seg.spatial, seg.fromIn, seg.fromOut = want, p.Sequence, p.Sequence+seg.sequence
	d.push(seg)
}

// passes says whether a packet's temporal layer is one of those that are sent.
// All packets of a frame have one answer, and in VP9 all of a picture.
func (d *Down) passes(p *gate.Packet) bool {
	layer := p.Descriptor.Temporal
	if !p.Start || p.Descriptor.Spatial > 0 {
		if p.Timestamp == d.frame {
			return d.sends
		}
		return layer <= d.temporal // its first packet comes later
	}
	switch {
	case p.Key:
		d.temporal = d.most
	case d.temporal > d.most:
		d.temporal = d.most
	case p.VP9:
		// What may be taken in after a picture begins with the next.
		next := d.temporal
		if p.Descriptor.Sync && layer <= next {
			next = d.most
		}
		d.frame, d.sends, d.temporal = p.Timestamp, layer <= d.temporal, next
		return d.sends
	case layer == d.temporal+1 && layer <= d.most && p.Descriptor.Sync:
		// One at a time: a frame of the second may be taken in, and the first's next one not.
		d.temporal = layer
	}
	d.frame, d.sends = p.Timestamp, layer <= d.temporal
	return d.sends
}

// enters says whether p may begin a segment. Video begins with a key frame of
// the target layer, or of the present layer when its SSRC was replaced. A key
// picture of VP9 has all layers; after VP9 any layer up to the target is better
// than none.
func (d *Down) enters(layer Layer, newest segment, live bool, p *gate.Packet) bool {
	if !d.video {
		return true
	}
	return p.Key && (p.VP9 || layer == d.target || live && layer == newest.layer || newest.vp9 && layer < d.target)
}

func (d *Down) begin(layer Layer, old segment, p *gate.Packet, clocks *[Layers]Clock, now time.Time) {
	seg := segment{layer: layer, ssrc: p.SSRC, fromIn: p.Sequence, vp9: p.VP9}
	if p.VP9 {
		seg.spatial = uint8(d.target)
	}
	if !d.started {
		// The first numbers are the publisher's own; SRTP wants no secret here.
		seg.fromOut = p.Sequence
		d.lastOut = Numbers{Picture: p.Descriptor.Picture, TL0: p.Descriptor.TL0}
		d.lastOut.Timestamp = p.Timestamp
	} else {
		seg.fromOut = d.lastOut.Sequence + 1
		seg.sequence = seg.fromOut - p.Sequence
		seg.timestamp = d.join(layer, old, p, clocks, now) - p.Timestamp
		seg.picture = (d.lastOut.Picture + 1 - p.Descriptor.Picture) & 0x7fff
		seg.tl0 = d.lastOut.TL0 + 1 - p.Descriptor.TL0
	}
	d.push(seg)
	if d.paused {
		d.fresh, d.freshOut = true, seg.fromOut
	}
	d.started, d.paused, d.torn, d.highIn = true, false, false, p.Sequence
}

// join finds the outgoing timestamp of a segment's first packet. The layers'
// sender reports say it exactly, because they share one wall clock; without
// them the time since the last packet must do. It always moves forward.
func (d *Down) join(layer Layer, old segment, p *gate.Packet, clocks *[Layers]Clock, now time.Time) uint32 {
	elapsed := now.Sub(d.lastAt)
	guess := ticks(elapsed, d.rate)
	step := int32(guess)
	if was, is := clocks[old.layer], clocks[layer]; was.SSRC == old.ssrc && is.SSRC == p.SSRC && was.known() && is.known() {
		exact := was.RTP + (p.Timestamp - is.RTP) + ticks(is.Wall.Sub(was.Wall), d.rate) + old.timestamp
		delta := int32(exact - d.lastOut.Timestamp)
		// A report that is a second off the arrival times is not believed.
		if off := delta - step; off < int32(d.rate) && off > -int32(d.rate) {
			step = delta
		}
	}
	return d.lastOut.Timestamp + uint32(max(step, 1))
}

func (d *Down) push(seg segment) {
	if len(d.segments) == maxSegments {
		d.segments = append(d.segments[:0], d.segments[1:]...)
	}
	d.segments = append(d.segments, seg)
}

// Sequence numbers compare within half their range: the newest segment's begin
// must not fall further behind than settleAfter, and what came before it is
// forgotten then.
const (
	settleAfter = 8192
	settleTo    = 4096
)

func (d *Down) settle() {
	newest := d.segments[len(d.segments)-1]
	// Signed: after a number that was left out, the newest segment begins at the
	// one that comes next.
	if int16(d.highIn-newest.fromIn) < settleAfter {
		return
	}
	newest.fromIn = d.highIn - settleTo
	newest.fromOut = newest.fromIn + newest.sequence
	d.segments = append(d.segments[:0], newest)
}

// incoming finds the segment of a packet of the present SSRC. Packets from
// before that SSRC's first one have no place in the outgoing numbers, nor have
// those of a segment that ended before them: its next numbers are its successor's.
func (d *Down) incoming(p *gate.Packet) (segment, bool) {
	for i := len(d.segments) - 1; i >= 0 && d.segments[i].ssrc == p.SSRC && d.segments[i].vp9 == p.VP9; i-- {
		seg := d.segments[i]
		if int16(p.Sequence-seg.fromIn) < 0 {
			continue
		}
		after := i+1 < len(d.segments) && int16(p.Sequence+seg.sequence-d.segments[i+1].fromOut) >= 0
		return seg, !after
	}
	return segment{}, false
}

// Skip closes the gap that a packet which is not forwarded would leave, so that
// the receiver does not ask for it. Only a number ahead of all before can be left
// out; a late one stays a loss, and so does what is missing before this one.
func (d *Down) Skip(ssrc uint32, sequence uint16) {
	if !d.started || d.paused || len(d.segments) == 0 {
		return
	}
	seg := d.segments[len(d.segments)-1]
	if seg.ssrc != ssrc || int16(sequence-d.highIn) <= 0 {
		return
	}
	d.highIn = sequence
	seg.fromIn = sequence + 1
	seg.fromOut = sequence + seg.sequence
	seg.sequence--
	d.lastOut.Sequence = seg.fromOut - 1
	if newest := &d.segments[len(d.segments)-1]; newest.fromIn == sequence {
		*newest = seg // nothing was forwarded in it
		return
	}
	d.push(seg)
}

// Write puts the picture id and TL0PICIDX into payload, a copy of the packet's
// (RFC 7741 §4.2). The sealed frame behind them stays as it is.
func (n Numbers) Write(payload []byte, p *gate.Packet) {
	if d := &p.Descriptor; d.HasPicture || d.HasTL0 {
		d.Rewrite(payload, n.Picture, n.TL0)
	}
}
