package transport

import (
	"encoding/binary"

	"github.com/pion/rtcp"

	"huisclos/media/forward"
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

// reports gives the report blocks of a sender or receiver report (RFC 3550 §6.4.1, §6.4.2). One that has fewer than it says has none.
func (c control) reports(each func(rtcp.ReceptionReport)) {
	head := 8
	switch c.kind {
	case rtcpSenderReport:
		head = senderReportSize
	case rtcpReceiverReport:
	default:
		return
	}
	const size = 24
	if len(c.whole) < head+int(c.format)*size {
		return
	}
	for n := range int(c.format) {
		b := c.whole[head+n*size:]
		each(rtcp.ReceptionReport{SSRC: binary.BigEndian.Uint32(b), FractionLost: b[4], TotalLost: binary.BigEndian.Uint32(b[4:]) & 0xffffff,
			LastSequenceNumber: binary.BigEndian.Uint32(b[8:]), Jitter: binary.BigEndian.Uint32(b[12:]),
			LastSenderReport: binary.BigEndian.Uint32(b[16:]), Delay: binary.BigEndian.Uint32(b[20:])})
	}
}

// senderReportSize is that of a report without blocks, in octets.
const senderReportSize = 28

// appendSenderReport writes a sender report without blocks (RFC 3550 §6.4.1).
func appendSenderReport(b []byte, ssrc uint32, r forward.SenderReport) []byte {
	b = append(b, 2<<6, rtcpSenderReport, 0, senderReportSize/4-1)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	b = binary.BigEndian.AppendUint64(b, toNTP(r.Wall))
	b = binary.BigEndian.AppendUint32(b, r.RTP)
	b = binary.BigEndian.AppendUint32(b, r.Packets)
	return binary.BigEndian.AppendUint32(b, r.Octets)
}
