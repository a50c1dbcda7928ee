package forward

import (
	"encoding/binary"
	"time"

	"huisclos/media/gate"
)

const (
	// maxCredit bounds what retransmissions may cost: the bytes forwarded since
	// the last ones, so that a receiver's NACKs never make more traffic than
	// the stream itself does.
	maxCredit = 256 << 10
	// answerAgain is the least time between two answers for one packet.
	answerAgain = 25 * time.Millisecond
	// maxAnswered is how many answers are remembered for that.
	maxAnswered = 32
)

const (
	// askedIn is what a receiver takes to ask, besides the round trip: what comes late may be reordered, its feedback is
	// gathered for 100 ms, the last packet of a picture is missed with the next picture, and it may be busy.
	askedIn = 250 * time.Millisecond
	// lossy is the part lost from which a receiver asks more than twice for one packet in a while.
	lossy = 0.02
)

// Worth is for how long a packet is worth keeping for a receiver that is a round trip away and loses a part of what it is sent:
// for two tries, or four where loss is common.
func Worth(roundTrip time.Duration, lost float64) time.Duration {
	tries := time.Duration(2)
	if lost >= lossy {
		tries = 4
	}
	return min(tries*min(max(roundTrip, 0), keepFor)+askedIn, keepFor)
}

// UnwrapRTX splits a retransmission's payload (RFC 4588 §4) into the original
// sequence number and payload. Probes without an original are refused.
func UnwrapRTX(b []byte) (sequence uint16, payload []byte, ok bool) {
	if len(b) < 3 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint16(b), b[2:], true
}

// AppendRTX writes a retransmission's payload.
func AppendRTX(b []byte, sequence uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, sequence), payload...)
}

// Lost answers a receiver's NACK for one outgoing sequence number: the packet
// and the numbers that it went out under. Its payload is the ring's until the next Add. It refuses when the packet is gone,
// was just answered, is of a layer that is no longer sent, or retransmissions cost more than the stream.
func (d *Down) Lost(sequence uint16, rings *[Layers]Ring, now time.Time) (gate.Packet, Numbers, bool) {
	if d.paused || !d.started || int16(sequence-d.lastOut.Sequence) > 0 || d.fresh && int16(sequence-d.freshOut) < 0 {
		// Or it is of before a pause, and the receiver can go on from the key frame that ended it.
		return gate.Packet{}, Numbers{}, false
	}
	seg, ok := d.outgoing(sequence)
	newest := &d.segments[len(d.segments)-1]
	if !ok || seg.layer != newest.layer || seg.vp9 != newest.vp9 {
		// A key frame of another layer came since: the receiver can go on without.
		return gate.Packet{}, Numbers{}, false
	}
	p, ok := rings[seg.layer].Get(seg.ssrc, sequence-seg.sequence, now)
	if ok && d.shed && seg.vp9 && newest.leavesOut(&p) && !seg.leavesOut(&p) {
		d.torn = true
		return gate.Packet{}, Numbers{}, false
	}
	if !ok || seg.vp9 != p.VP9 || seg.leavesOut(&p) || d.credit < len(p.Payload) {
		return gate.Packet{}, Numbers{}, false
	}
	for _, a := range d.answered {
		if a.sequence == sequence && now.Sub(a.at) < answerAgain {
			return gate.Packet{}, Numbers{}, false
		}
	}
	d.answers(answered{sequence, now})
	d.credit -= len(p.Payload)
	return p, seg.numbers(&p), true
}

// answers remembers an answer. Most receivers lose nothing, and have no room for answers then.
func (d *Down) answers(a answered) {
	if len(d.answered) < maxAnswered {
		d.answered = append(d.answered, a)
		return
	}
	d.answered[d.nextAnswered] = a
	d.nextAnswered = (d.nextAnswered + 1) % maxAnswered
}

func (d *Down) outgoing(sequence uint16) (segment, bool) {
	for i := len(d.segments) - 1; i >= 0; i-- {
		if int16(sequence-d.segments[i].fromOut) >= 0 {
			return d.segments[i], true
		}
	}
	return segment{}, false
}
