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
	// keepFor is how long a packet is worth a retransmission.
	keepFor = 1500 * time.Millisecond
)

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

// Ring keeps the last packets of one layer as they were received, for all
// receivers together: what was sealed for the call is the same for everybody.
// It allocates until each place has had a packet of the largest size.
type Ring struct {
	slots []slot
}

type slot struct {
	packet gate.Packet
	at     time.Time
}

// NewRing makes a ring of that many packets.
func NewRing(size int) *Ring { return &Ring{slots: make([]slot, size)} }

// Add keeps a packet in the place of the one that is size numbers older.
func (r *Ring) Add(p *gate.Packet, now time.Time) {
	s := &r.slots[int(p.Sequence)%len(r.slots)]
	own := append(s.packet.Payload[:0], p.Payload...)
	s.packet, s.at = *p, now
	s.packet.Payload = own
}

// Get finds a packet that is not too old to be useful. It is valid until the
// next Add.
func (r *Ring) Get(ssrc uint32, sequence uint16, now time.Time) (*gate.Packet, bool) {
	s := &r.slots[int(sequence)%len(r.slots)]
	if s.at.IsZero() || s.packet.SSRC != ssrc || s.packet.Sequence != sequence || now.Sub(s.at) > keepFor {
		return nil, false
	}
	return &s.packet, true
}

// Lost answers a receiver's NACK for one outgoing sequence number: the packet
// and the numbers that it went out under. It refuses when the packet is gone,
// was just answered, is of a layer that is no longer sent, or retransmissions cost more than the stream.
func (d *Down) Lost(sequence uint16, rings *[Layers]*Ring, now time.Time) (*gate.Packet, Numbers, bool) {
	if d.paused || !d.started || int16(sequence-d.lastOut.Sequence) > 0 {
		return nil, Numbers{}, false
	}
	seg, ok := d.outgoing(sequence)
	if !ok || rings[seg.layer] == nil || seg.layer != d.segments[len(d.segments)-1].layer {
		// A key frame of another layer came since: the receiver can go on without.
		return nil, Numbers{}, false
	}
	p, ok := rings[seg.layer].Get(seg.ssrc, sequence-seg.sequence, now)
	if !ok || d.credit < len(p.Payload) {
		return nil, Numbers{}, false
	}
	for _, a := range d.answered {
		if a.sequence == sequence && !a.at.IsZero() && now.Sub(a.at) < answerAgain {
			return nil, Numbers{}, false
		}
	}
	d.answered[d.nextAnswered] = answered{sequence, now}
	d.nextAnswered = (d.nextAnswered + 1) % len(d.answered)
	d.credit -= len(p.Payload)
	return p, Numbers{
		Sequence:  sequence,
		Timestamp: p.Timestamp + seg.timestamp,
		Picture:   (p.Descriptor.Picture + seg.picture) & 0x7fff,
		TL0:       p.Descriptor.TL0 + seg.tl0,
	}, true
}

func (d *Down) outgoing(sequence uint16) (segment, bool) {
	for i := len(d.segments) - 1; i >= 0; i-- {
		if int16(sequence-d.segments[i].fromOut) >= 0 {
			return d.segments[i], true
		}
	}
	return segment{}, false
}
