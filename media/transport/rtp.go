package transport

import (
	"encoding/binary"
	"errors"

	"huisclos/media/gate"
)

var errRTP = errors.New("transport: malformed RTP packet")

// The header extensions that are ever negotiated.
const (
	uriMID      = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriRID      = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	uriRepaired = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	uriTWCC     = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// extensionIDs are the numbers that a session gave to header extensions; zero
// is not negotiated.
type extensionIDs struct {
	mid, rid, repaired, twcc uint8
}

// received is a parsed RTP packet.
type received struct {
	gate.Packet
	payloadType uint8
	mid         []byte // b's memory, as those after it
	rid         []byte
	repaired    []byte
	twcc        uint16
	hasTWCC     bool
}

// parseRTP reads a packet (RFC 3550 §5.1) with its header extensions (RFC 8285)
// after SRTP. The payload shares b's memory, padding is cut off.
func parseRTP(b []byte, ids extensionIDs) (received, error) {
	var p received
	if len(b) < 12 || b[0]>>6 != 2 {
		return p, errRTP
	}
	p.Marker = b[1]&0x80 != 0
	p.payloadType = b[1] & 0x7f
	p.Sequence = binary.BigEndian.Uint16(b[2:])
	p.Timestamp = binary.BigEndian.Uint32(b[4:])
	p.SSRC = binary.BigEndian.Uint32(b[8:])
	at := 12 + 4*int(b[0]&0x0f)
	if len(b) < at {
		return p, errRTP
	}
	if b[0]&0x10 != 0 {
		if len(b) < at+4 {
			return p, errRTP
		}
		profile := binary.BigEndian.Uint16(b[at:])
		size := 4 * int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if len(b) < at+size {
			return p, errRTP
		}
		if !p.extensions(profile, b[at:at+size], ids) {
			return p, errRTP
		}
		at += size
	}
	end := len(b)
	if b[0]&0x20 != 0 {
		// RFC 3550 §5.1: the last octet counts the padding, itself included.
		if end == at {
			return p, errRTP
		}
		padding := int(b[end-1])
		if padding == 0 || padding > end-at {
			return p, errRTP
		}
		end -= padding
	}
	p.Payload = b[at:end:end]
	return p, nil
}

func (p *received) extensions(profile uint16, b []byte, ids extensionIDs) bool {
	twoBytes := profile&0xfff0 == 0x1000
	if profile != 0xbede && !twoBytes {
		return true // not RFC 8285; nothing that we know
	}
	for len(b) > 0 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		var id uint8
		var size, head int
		if twoBytes {
			if len(b) < 2 {
				return false
			}
			id, size, head = b[0], int(b[1]), 2
		} else {
			id, size, head = b[0]>>4, int(b[0]&0x0f)+1, 1
			if id == 15 {
				return true // RFC 8285 §4.2: stop here
			}
		}
		if len(b) < head+size {
			return false
		}
		value := b[head : head+size]
		switch id {
		case ids.mid:
			p.mid = value
		case ids.rid:
			p.rid = value
		case ids.repaired:
			p.repaired = value
		case ids.twcc:
			if size >= 2 {
				p.twcc, p.hasTWCC = binary.BigEndian.Uint16(value), true
			}
		}
		b = b[head+size:]
	}
	return true
}

// extensions are what a packet of ours may carry; an id of zero leaves one out.
type extensions struct {
	midID  uint8
	mid    string
	twccID uint8
	twcc   uint16
}

// size is what the block takes, in octets (RFC 8285 §4.2).
func (e extensions) size() int {
	n := 0
	if e.midID != 0 {
		n += 1 + len(e.mid)
	}
	if e.twccID != 0 {
		n += 3
	}
	if n == 0 {
		return 0
	}
	return 4 + (n+3)/4*4
}

func (e extensions) append(b []byte) []byte {
	size := e.size()
	if size == 0 {
		return b
	}
	end := len(b) + size
	words := size/4 - 1
	b = append(b, 0xbe, 0xde, byte(words>>8), byte(words))
	if e.midID != 0 {
		b = append(b, e.midID<<4|byte(len(e.mid)-1))
		b = append(b, e.mid...)
	}
	if e.twccID != 0 {
		b = append(b, e.twccID<<4|1, byte(e.twcc>>8), byte(e.twcc))
	}
	for len(b) < end {
		b = append(b, 0)
	}
	return b
}

// appendRTP writes a header.
func appendRTP(b []byte, payloadType uint8, marker bool, sequence uint16, timestamp, ssrc uint32, e extensions) []byte {
	first := byte(0x80)
	if e.size() > 0 {
		first |= 0x10
	}
	second := payloadType
	if marker {
		second |= 0x80
	}
	b = append(b, first, second)
	b = binary.BigEndian.AppendUint16(b, sequence)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	b = binary.BigEndian.AppendUint32(b, ssrc)
	return e.append(b)
}

// isRTCP tells RTCP from RTP on one port (RFC 5761 §4).
func isRTCP(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
