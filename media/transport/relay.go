package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// Relay is a TURN server (RFC 8656) that has no socket: what is TURN's comes in on the media ports and goes to it, and its relayed
// addresses are the far ends of one more socket of the media plane.
type Relay interface {
	// Media is that socket.
	Media() net.PacketConn
	// FromClient takes a datagram that is TURN's, and says whether it may be a client's: of what is nobody's, a flood is made.
	// b is the caller's again when it returns, which is at once. Answers leave by on, from the address that was asked; how much
	// of them a stranger gets is for the relay to bound.
	FromClient(b []byte, from netip.AddrPort, on net.PacketConn) bool
	// Clients are the addresses that have an allocation: during a flood they are heard as those of links are.
	Clients() []netip.AddrPort
}

// ofTURN tells TURN from all else on the port: ChannelData (a first octet of 64 to 79, RFC 7983 §7), and STUN messages with the
// magic cookie and another method than Binding (RFC 8489 §5).
func ofTURN(b []byte) bool {
	if b[0] >= 64 && b[0] <= 79 {
		return true
	}
	const classes, binding = 0x0110, 0x0001
	return b[0] <= 3 && len(b) >= stunHeader && binary.BigEndian.Uint32(b[4:]) == stunCookie && binary.BigEndian.Uint16(b)&^classes != binding
}

// back is a socket as the relay answers by it: what it writes leaves from the address that was asked.
type back struct {
	*socket
	source []byte // as a control message
}

// maxBacks bounds what a socket remembers: a host has a few addresses, but a whole loopback network.
const maxBacks = 64

// back is asked by the socket's reader only.
func (s *socket) back(to netip.Addr) *back {
	b := s.backs[to]
	if b == nil {
		if s.backs == nil || len(s.backs) == maxBacks {
			s.backs = make(map[netip.Addr]*back)
		}
		b = &back{socket: s}
		if s.batch != nil && to.IsValid() {
			b.source = s.batch.Source(to)
		}
		s.backs[to] = b
	}
	return b
}

// WriteToUDPAddrPort is what the relay looks for: it costs no allocation.
func (b *back) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	if b.kernel == nil {
		return b.socket.WriteTo(p, net.UDPAddrFromAddrPort(to))
	}
	n, _, err := b.kernel.WriteMsgUDPAddrPort(p, b.source, to)
	return n, err
}

func (b *back) WriteTo(p []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	return b.WriteToUDPAddrPort(p, u.AddrPort())
}
