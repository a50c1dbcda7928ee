package relay

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Numbers of STUN (RFC 8489 §18) and TURN (RFC 8656 §17, §18).
const (
	stunHeader = 20
	stunCookie = 0x2112a442

	classRequest    = 0
	classIndication = 1

	// lastType ends what clients send: no method of STUN and TURN is above 0x0f, so the first octet is 0 or 1.
	lastType = 0x0200

	methodBinding          = 0x001
	methodAllocate         = 0x003
	methodRefresh          = 0x004
	methodSend             = 0x006
	methodCreatePermission = 0x008
	methodChannelBind      = 0x009

	attrUsername          = 0x0006
	attrIntegrity         = 0x0008
	attrIntegrity256      = 0x001c
	attrChannelNumber     = 0x000c
	attrLifetime          = 0x000d
	attrXORPeer           = 0x0012
	attrData              = 0x0013
	attrRealm             = 0x0014
	attrNonce             = 0x0015
	attrRequestedFamily   = 0x0017
	attrEvenPort          = 0x0018
	attrRequestedProtocol = 0x0019
	attrDontFragment      = 0x001a
	attrReservationToken  = 0x0022
	attrFingerprint       = 0x8028

	protocolUDP = 17 // of REQUESTED-TRANSPORT, RFC 8656 §18.7

	// RFC 8656 §12: first and last channel number.
	firstChannel, lastChannel = 0x4000, 0x4fff
	channelHeader             = 4

	// maxPayload is what media takes in one datagram, maxFrame that with everything around it: a Send indication with an
	// IPv6 peer is 20 + 24 + 4 octets more.
	maxPayload = 1500
	maxFrame   = maxPayload + 64
	// leastFrame is what pion's framing of streams needs to see a frame's end. Nothing that media knows is so short.
	leastFrame = 9
	// maxText bounds USERNAME, REALM and NONCE. Ours are shorter.
	maxText = 128
	// maxPeers bounds XOR-PEER-ADDRESS attributes of one CreatePermission: an appliance has no more addresses.
	maxPeers = 16
)

var errMessage = errors.New("relay: malformed message")

// message is what the gate reads of one STUN message or ChannelData. Slices point into what was read.
type message struct {
	raw           []byte
	channel       uint16 // of ChannelData or CHANNEL-NUMBER; zero: none
	isChannelData bool

	class       uint8
	method      uint16
	transaction [12]byte
	username    []byte
	integrity   bool // MESSAGE-INTEGRITY is there, right or wrong
	protocol    byte // of REQUESTED-TRANSPORT; zero: none
	reserves    bool // EVEN-PORT or RESERVATION-TOKEN
	peers       []netip.AddrPort
	room        [2]netip.AddrPort // that peers begin in
}

// frameSize gives the octets of the message that begins so, padding of a stream included (RFC 8656 §12.5), or zero if none
// begins so or it is longer than ours are.
func frameSize(head [4]byte) int {
	length := int(binary.BigEndian.Uint16(head[2:]))
	size := 0
	switch first := binary.BigEndian.Uint16(head[:]); {
	case first < lastType && length%4 == 0:
		size = stunHeader + length
	case first >= firstChannel && first <= lastChannel:
		size = channelHeader + (length+3)&^3
	}
	if size > maxFrame {
		return 0
	}
	return size
}

// parse reads one message that fills b. All lengths are checked here: what is handed on to pion has no surprise left.
func (m *message) parse(b []byte) error {
	if len(b) < leastFrame || len(b) > maxFrame {
		return errMessage
	}
	m.raw = b
	if b[0] >= 0x40 {
		m.isChannelData, m.channel = true, binary.BigEndian.Uint16(b)
		length := int(binary.BigEndian.Uint16(b[2:]))
		// RFC 8656 §12.5: over UDP there may be padding, and need not.
		if m.channel > lastChannel || length > maxPayload || len(b) != channelHeader+length && len(b) != channelHeader+(length+3)&^3 {
			return errMessage
		}
		return nil
	}
	if len(b) < stunHeader || binary.BigEndian.Uint16(b) >= lastType || binary.BigEndian.Uint32(b[4:]) != stunCookie ||
		int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || len(b)%4 != 0 {
		return errMessage
	}
	// RFC 8489 §5: the bits of class and method are interleaved.
	t := binary.BigEndian.Uint16(b)
	m.class = uint8(t>>4&1 | t>>7&2)
	m.method = t&0xf | t>>1&0x70 | t>>2&0xf80
	copy(m.transaction[:], b[8:stunHeader])
	m.peers = m.room[:0]
	printed := false
	for at := stunHeader; at < len(b); {
		if len(b)-at < 4 || printed {
			return errMessage
		}
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if len(b)-at-4 < (size+3)&^3 {
			return errMessage
		}
		// RFC 8489 §14.5, §14.6: what follows MESSAGE-INTEGRITY is not protected by it. Only these two have a place there,
		// and the one of SHA-256, which we never ask for, nowhere else.
		if m.integrity && kind != attrFingerprint && kind != attrIntegrity256 || !m.integrity && kind == attrIntegrity256 {
			return errMessage
		}
		printed = kind == attrFingerprint
		if err := m.attribute(kind, b[at+4:at+4+size]); err != nil {
			return err
		}
		at += 4 + (size+3)&^3
	}
	return nil
}

// attribute takes one attribute whose value lies within the message.
func (m *message) attribute(kind uint16, value []byte) error {
	size := len(value)
	switch kind {
	case attrUsername, attrRealm, attrNonce:
		if size == 0 || size > maxText {
			return errMessage
		}
		if kind == attrUsername && m.username == nil {
			m.username = value
		}
	case attrIntegrity:
		if size != 20 {
			return errMessage
		}
		m.integrity = true
	case attrFingerprint, attrLifetime, attrRequestedFamily, attrRequestedProtocol, attrChannelNumber:
		if size != 4 {
			return errMessage
		}
		if kind == attrRequestedProtocol && m.protocol == 0 {
			m.protocol = value[0]
		}
		if kind == attrChannelNumber && m.channel == 0 {
			m.channel = binary.BigEndian.Uint16(value)
		}
	case attrEvenPort, attrReservationToken:
		if kind == attrEvenPort && size != 1 || kind == attrReservationToken && size != 8 {
			return errMessage
		}
		m.reserves = true
	case attrDontFragment:
		if size != 0 {
			return errMessage
		}
	case attrData:
		if size > maxPayload {
			return errMessage
		}
	case attrXORPeer:
		peer, ok := m.xored(value)
		if !ok || len(m.peers) == maxPeers {
			return errMessage
		}
		m.peers = append(m.peers, peer)
	}
	return nil
}

// xored reads XOR-PEER-ADDRESS (RFC 8489 §14.2). The family is that on the wire: an IPv4-mapped address stays one.
func (m *message) xored(value []byte) (netip.AddrPort, bool) {
	if len(value) < 4 || value[0] != 0 {
		return netip.AddrPort{}, false
	}
	port := binary.BigEndian.Uint16(value[2:]) ^ stunCookie>>16
	var address [16]byte
	n := copy(address[:], value[4:])
	for i := range n {
		address[i] ^= m.raw[4+i] // cookie ‖ transaction
	}
	switch {
	case value[1] == 1 && len(value) == 8:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(address[:4])), port), true
	case value[1] == 2 && len(value) == 20:
		return netip.AddrPortFrom(netip.AddrFrom16(address), port), true
	}
	return netip.AddrPort{}, false
}
