package srtp

import (
	"encoding/binary"
	"errors"
)

const (
	rtpHeader  = 12 // the fixed part (RFC 3550 §5.1)
	rtcpHeader = 8  // what SRTCP leaves in the clear (RFC 3711 §3.4)

	// maxIndex is the last packet index of an SSRC, maxRTCPIndex the last SRTCP
	// index: a key seals no further (RFC 3711 §9.2).
	maxIndex     = 1<<48 - 1
	maxRTCPIndex = 1<<31 - 1
	// encrypted is the E-bit, before the 31 bits of the SRTCP index.
	encrypted = 1 << 31
)

var (
	// ErrMalformed says that the octets are not a packet, or end too early.
	ErrMalformed = errors.New("srtp: malformed packet")
	// ErrCapacity says that the packet's slice has no room for what sealing adds.
	ErrCapacity = errors.New("srtp: no spare capacity for the tag")
	// ErrIndexUsed says that the packet's index was sealed before, or lies so far
	// back that this isn't known any more.
	ErrIndexUsed = errors.New("srtp: packet index is used")
	// ErrExhausted says that the SSRC's indices are used up: only new keys help.
	ErrExhausted = errors.New("srtp: packet indices are used up")
	// ErrRetired says that the SSRC was retired.
	ErrRetired = errors.New("srtp: SSRC is retired")
	// ErrTooManySSRCs says that a packet is of one SSRC more than are taken.
	ErrTooManySSRCs = errors.New("srtp: too many SSRCs")
	// ErrReplayed says that the packet was opened before, or is so old that this
	// isn't known any more.
	ErrReplayed = errors.New("srtp: replayed packet")
	// ErrUnencrypted says that an RTCP packet claims to be authenticated only.
	ErrUnencrypted = errors.New("srtp: RTCP packet is not encrypted")
	// ErrOpen says that the tag is wrong.
	ErrOpen = errors.New("srtp: packet does not open")
)

// headerLength is the length of all that is not payload: fixed header, CSRCs,
// extension (RFC 3550 §5.1, §5.3.1).
func headerLength(packet []byte) (int, error) {
	if len(packet) < rtpHeader || packet[0]>>6 != 2 {
		return 0, ErrMalformed
	}
	n := rtpHeader + 4*int(packet[0]&0x0f)
	if packet[0]&0x10 != 0 {
		if len(packet) < n+4 {
			return 0, ErrMalformed
		}
		n += 4 + 4*int(binary.BigEndian.Uint16(packet[n+2:]))
	}
	if len(packet) < n {
		return 0, ErrMalformed
	}
	return n, nil
}

// rollover estimates the rollover counter of a sequence number when highest is
// the highest index so far (RFC 3711 §3.3.1). It may be -1 and 1<<32, which no
// packet has.
func rollover(highest uint64, sequence uint16) int64 {
	roc, last := int64(highest>>16), int(highest&0xffff)
	switch {
	case last < 1<<15 && int(sequence)-last > 1<<15:
		return roc - 1
	case last >= 1<<15 && last-1<<15 > int(sequence):
		return roc + 1
	}
	return roc
}
