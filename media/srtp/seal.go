package srtp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Sealer seals what one end of an association sends: RTP and RTCP of any number
// of SSRCs. It does not print itself.
//
// No nonce is used twice (RFC 7714 §8.4). A nonce is SSRC and packet index, and
// the Sealer alone says which index a packet has: it finds the index of an RTP
// packet from the sequence number, refuses one that it sealed before or can't
// remember, whatever the contents, and counts the RTCP packets itself. Nothing
// sets an index back, and an SSRC is never forgotten. So a packet can't be
// sealed again, not even the same one: a retransmission has an SSRC and sequence
// number of its own (RFC 4588 §4). What remains with the caller is to make one
// Sealer only of a master key.
type Sealer struct {
	rtp, rtcp sessionKey
	streams   map[uint32]*sealing // nil: retired
	// last is of the SSRC that was sealed last, which mostly is the next one as well; nil if that was retired.
	last     *sealing
	lastSSRC uint32
}

// sealing is what was sealed of one SSRC.
type sealing struct {
	used window
	next uint32 // SRTCP index
}

// NewSealer derives the session keys. It fails when the profile is not known or
// the lengths are not the profile's. The caller may clear key and salt afterwards.
func NewSealer(p Profile, masterKey, masterSalt []byte) (*Sealer, error) {
	rtp, rtcp, err := sessionKeys(p, masterKey, masterSalt)
	if err != nil {
		return nil, err
	}
	return &Sealer{rtp: rtp, rtcp: rtcp, streams: make(map[uint32]*sealing)}, nil
}

// SealRTP seals the packet where it stands and returns it, longer by [TagSize],
// which the slice's capacity must have room for (RFC 7714 §8.2). Packets may
// come out of order, up to 960 behind the highest.
//
// A sequence number more than 2^15 ahead is one from the past to every receiver
// (RFC 3711 §3.3.1), and to the Sealer. A refusal ([ErrMalformed],
// [ErrCapacity], [ErrIndexUsed], [ErrExhausted], [ErrRetired]) changes nothing.
func (s *Sealer) SealRTP(packet []byte) ([]byte, error) {
	header, err := headerLength(packet)
	if err != nil {
		return nil, err
	}
	if cap(packet)-len(packet) < TagSize {
		return nil, ErrCapacity
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	to, err := s.stream(ssrc)
	if err != nil {
		return nil, err
	}
	index, err := to.index(binary.BigEndian.Uint16(packet[2:]))
	if err != nil {
		return nil, err
	}
	to.used.mark(index) // before the nonce exists
	return s.rtp.cipher().Seal(packet[:header], s.rtp.rtpNonce(ssrc, index), packet[header:], packet[:header]), nil
}

// index is the index that a packet of this sequence number gets, unless it is
// used.
func (s *sealing) index(sequence uint16) (uint64, error) {
	if s.used.next == 0 {
		return uint64(sequence), nil
	}
	roc := rollover(s.used.next-1, sequence)
	if roc < 0 {
		return 0, ErrIndexUsed
	}
	index := uint64(roc)<<16 | uint64(sequence)
	if index > maxIndex {
		return 0, ErrExhausted
	}
	if !s.used.fresh(index) {
		return 0, ErrIndexUsed
	}
	return index, nil
}

// SealRTCP seals the compound packet where it stands and returns it, longer by
// [RTCPOverhead], which the slice's capacity must have room for (RFC 7714 §9.2).
// The SRTCP index is the SSRC's first packet's 0, then one more each time. A
// refusal ([ErrMalformed], [ErrCapacity], [ErrExhausted], [ErrRetired]) changes
// nothing.
func (s *Sealer) SealRTCP(packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeader || packet[0]>>6 != 2 {
		return nil, ErrMalformed
	}
	if cap(packet)-len(packet) < RTCPOverhead {
		return nil, ErrCapacity
	}
	ssrc := binary.BigEndian.Uint32(packet[4:])
	to, err := s.stream(ssrc)
	if err != nil {
		return nil, err
	}
	index := to.next
	if index > maxRTCPIndex {
		return nil, ErrExhausted
	}
	to.next++
	word := index | encrypted
	packet = s.rtcp.cipher().Seal(packet[:rtcpHeader], s.rtcp.rtcpNonce(ssrc, index), packet[rtcpHeader:], s.rtcp.rtcpAAD(packet, word))
	return binary.BigEndian.AppendUint32(packet, word), nil
}

// Retire says that an SSRC is done with, so that only its number is kept: it is
// refused from now on.
func (s *Sealer) Retire(ssrc uint32) { s.streams[ssrc], s.last = nil, nil }

func (s *Sealer) stream(ssrc uint32) (*sealing, error) {
	if s.last != nil && s.lastSSRC == ssrc {
		return s.last, nil
	}
	to, known := s.streams[ssrc]
	if to != nil {
		s.last, s.lastSSRC = to, ssrc
		return to, nil
	}
	if known {
		return nil, ErrRetired
	}
	to = new(sealing)
	s.streams[ssrc] = to
	return to, nil
}

func (Sealer) String() string { return "[SRTP sealer]" }

// Format keeps the keys out of every verb.
func (s Sealer) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }
