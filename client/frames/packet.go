package frames

import "errors"

// MaxPayload is the greatest RTP payload that is sent: what is left of an IPv6
// path's 1,280 bytes (RFC 8200 §5) under IPv6, UDP, RTP with extensions and the
// SRTP tag, rounded down.
const MaxPayload = 1150

// descriptorSize is the length of the VP8 payload descriptor that is sent: X, I
// and a picture id of 15 bits (RFC 7741 §4.2).
const descriptorSize = 4

// VP8Payloads splits a sealed frame into RTP payloads: descriptor, then as much
// of the frame as fits. The packetiser looks at nothing behind the descriptor.
func VP8Payloads(frame []byte, picture uint16) [][]byte {
	const room = MaxPayload - descriptorSize
	out := make([][]byte, 0, len(frame)/room+1)
	for first := true; first || len(frame) > 0; first = false {
		part := frame[:min(len(frame), room)]
		frame = frame[len(part):]
		p := append(make([]byte, 0, descriptorSize+len(part)), 0x80, 0x80, 0x80|byte(picture>>8)&0x7f, byte(picture))
		if first {
			p[0] |= 0x10 // S: the frame begins here, in partition 0
		}
		out = append(out, append(p, part...))
	}
	return out
}

var errDescriptor = errors.New("frames: malformed VP8 payload descriptor")

// vp8Payload takes the descriptor off a payload (RFC 7741 §4.2). begins says
// that a frame starts with it.
func vp8Payload(b []byte) (part []byte, begins bool, err error) {
	at := 1
	has := func(n int) bool { return len(b) >= n }
	if !has(1) {
		return nil, false, errDescriptor
	}
	begins = b[0]&0x17 == 0x10 // S = 1, PID = 0
	if b[0]&0x80 != 0 {        // X
		if !has(2) {
			return nil, false, errDescriptor
		}
		x := b[1]
		at = 2
		if x&0x80 != 0 { // I
			if !has(at + 1) {
				return nil, false, errDescriptor
			}
			if b[at]&0x80 != 0 { // M
				at++
			}
			at++
		}
		if x&0x40 != 0 { // L
			at++
		}
		if x&0x30 != 0 { // T, K
			at++
		}
	}
	if len(b) <= at {
		return nil, false, errDescriptor
	}
	return b[at:], begins, nil
}
