package srtp

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Opener opens what the far end of an association sends: RTP and RTCP of a
// bounded number of SSRCs. It does not print itself. Only a packet whose tag is
// right changes anything in it (RFC 3711 §3.3): who has no key can neither make
// it remember an SSRC nor move a window.
type Opener struct {
	rtp, rtcp sessionKey
	streams   map[uint32]*opening
	maxSSRCs  int
}

// opening is what was opened of one SSRC.
type opening struct{ rtp, rtcp window }

// NewOpener derives the session keys for an Opener that takes packets of at most
// maxSSRCs SSRCs, those that send only RTCP included. It fails when the profile
// is not known or the lengths are not the profile's. The caller may clear key and
// salt afterwards.
func NewOpener(p Profile, masterKey, masterSalt []byte, maxSSRCs int) (*Opener, error) {
	rtp, rtcp, err := sessionKeys(p, masterKey, masterSalt)
	if err != nil {
		return nil, err
	}
	return &Opener{rtp: rtp, rtcp: rtcp, streams: make(map[uint32]*opening), maxSSRCs: maxSSRCs}, nil
}

// OpenRTP opens the packet where it stands and returns it, shorter by
// [TagSize] (RFC 7714 §8.2). Padding stays. The octets of a packet that doesn't
// open ([ErrMalformed], [ErrTooManySSRCs], [ErrExhausted], [ErrReplayed],
// [ErrOpen]) are not to be read any more.
func (o *Opener) OpenRTP(packet []byte) ([]byte, error) {
	header, err := headerLength(packet)
	if err != nil {
		return nil, err
	}
	if len(packet) < header+TagSize {
		return nil, ErrMalformed
	}
	ssrc := binary.BigEndian.Uint32(packet[8:])
	from, err := o.stream(ssrc)
	if err != nil {
		return nil, err
	}
	index := uint64(binary.BigEndian.Uint16(packet[2:]))
	if from != nil && from.rtp.next > 0 {
		// Before the first rollover there is no earlier one to belong to.
		index |= uint64(max(0, rollover(from.rtp.next-1, uint16(index)))) << 16
		if index > maxIndex {
			return nil, ErrExhausted
		}
		if !from.rtp.fresh(index) {
			return nil, ErrReplayed
		}
	}
	packet, err = o.rtp.cipher().Open(packet[:header], o.rtp.rtpNonce(ssrc, index), packet[header:], packet[:header])
	if err != nil {
		return nil, ErrOpen
	}
	if from == nil {
		from = o.add(ssrc)
	}
	from.rtp.mark(index)
	return packet, nil
}

// OpenRTCP opens the compound packet where it stands and returns it, shorter by
// [RTCPOverhead] (RFC 7714 §9.2). One that is authenticated and not encrypted
// (RFC 7714 §9.3) is refused: no peer of ours sends it. The octets of a packet
// that doesn't open ([ErrMalformed], [ErrUnencrypted], [ErrTooManySSRCs],
// [ErrReplayed], [ErrOpen]) are not to be read any more.
func (o *Opener) OpenRTCP(packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeader+RTCPOverhead || packet[0]>>6 != 2 {
		return nil, ErrMalformed
	}
	end := len(packet) - 4
	word := binary.BigEndian.Uint32(packet[end:])
	if word&encrypted == 0 {
		return nil, ErrUnencrypted
	}
	index := word &^ encrypted
	ssrc := binary.BigEndian.Uint32(packet[4:])
	from, err := o.stream(ssrc)
	if err != nil {
		return nil, err
	}
	if from != nil && !from.rtcp.fresh(uint64(index)) {
		return nil, ErrReplayed
	}
	packet, err = o.rtcp.cipher().Open(packet[:rtcpHeader], o.rtcp.rtcpNonce(ssrc, index), packet[rtcpHeader:end], o.rtcp.rtcpAAD(packet, word))
	if err != nil {
		return nil, ErrOpen
	}
	if from == nil {
		from = o.add(ssrc)
	}
	from.rtcp.mark(uint64(index))
	return packet, nil
}

// stream returns nil for an SSRC that nothing was opened of, while there is room
// for one more.
func (o *Opener) stream(ssrc uint32) (*opening, error) {
	from := o.streams[ssrc]
	if from == nil && len(o.streams) >= o.maxSSRCs {
		return nil, ErrTooManySSRCs
	}
	return from, nil
}

func (o *Opener) add(ssrc uint32) *opening {
	from := new(opening)
	o.streams[ssrc] = from
	return from
}

func (Opener) String() string { return "[SRTP opener]" }

// Format keeps the keys out of every verb.
func (o Opener) Format(f fmt.State, _ rune) { io.WriteString(f, o.String()) }
