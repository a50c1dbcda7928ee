package transport

import (
	"encoding/binary"

	"github.com/pion/rtcp"
)

// The RTCP packets that are told apart here: payload type, and format in the feedback types (RFC 3550 §6, RFC 4585 §6,
// RFC 5104 §4.3).
const (
	rtcpSenderReport   = 200
	rtcpReceiverReport = 201
	rtcpTransport      = 205
	rtcpPayload        = 206

	formatNACK   = 1
	formatTWCC   = 15
	formatPLI    = 1
	formatFIR    = 4
	feedbackHead = 12 // header, sender's and media SSRC
)

// control is one packet of a compound one. Its memory is the compound's.
type control struct {
	kind   uint8
	format uint8 // or count
	whole  []byte
}

// nextControl takes the first packet off a compound one (RFC 3550 §6.1). It is false at the end and where it is malformed.
func nextControl(b []byte) (c control, rest []byte, ok bool) {
	if len(b) < 4 || b[0]>>6 != 2 {
		return c, nil, false
	}
	size := 4 + 4*int(binary.BigEndian.Uint16(b[2:]))
	if size > len(b) {
		return c, nil, false
	}
	return control{kind: b[1], format: b[0] & 0x1f, whole: b[:size]}, b[size:], true
}

// media is the SSRC that a feedback packet is about.
func (c control) media() uint32 { return binary.BigEndian.Uint32(c.whole[8:]) }

// feedback says whether the packet is feedback of a kind and format, and long enough for one.
func (c control) feedback(kind, format uint8) bool {
	return c.kind == kind && c.format == format && len(c.whole) >= feedbackHead
}

// lost appends the sequence numbers of a NACK (RFC 4585 §6.2.1), at most maxNACKs.
func (c control) lost(numbers []uint16) []uint16 {
	for b := c.whole[feedbackHead:]; len(b) >= 4; b = b[4:] {
		first, following := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		if len(numbers) < maxNACKs {
			numbers = append(numbers, first)
		}
		for bit := range uint16(16) {
			if following&(1<<bit) != 0 && len(numbers) < maxNACKs {
				numbers = append(numbers, first+bit+1)
			}
		}
	}
	return numbers
}

// keyFrames gives the SSRCs of which a full intra request asks (RFC 5104 §4.3.1).
func (c control) keyFrames(each func(ssrc uint32)) {
	for b := c.whole[feedbackHead:]; len(b) >= 8; b = b[8:] {
		each(binary.BigEndian.Uint32(b))
	}
}

// reports reads the report blocks of a sender or receiver report.
func (c control) reports() []rtcp.ReceptionReport {
	switch c.kind {
	case rtcpSenderReport:
		var r rtcp.SenderReport
		if r.Unmarshal(c.whole) == nil {
			return r.Reports
		}
	case rtcpReceiverReport:
		var r rtcp.ReceiverReport
		if r.Unmarshal(c.whole) == nil {
			return r.Reports
		}
	}
	return nil
}
