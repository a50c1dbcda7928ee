package appliance

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"huisclos/appliance/config"
)

// sockets are the two that the appliance has: one TCP, one UDP, on one port number.
type sockets struct {
	tcp net.Listener
	udp *net.UDPConn
}

// udpBuffer holds about 100 ms of 300 Mbit/s, so that a pause of the reader loses nothing. The kernel may give less.
const udpBuffer = 4 << 20

// openSockets listens on TCP and UDP with the same port number. Port 0 chooses one that is free for both.
func openSockets(listen string) (sockets, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return sockets{}, fmt.Errorf("listen address %q: %w", listen, err)
	}
	for try := 0; ; try++ {
		tcp, err := net.Listen("tcp", listen)
		if err != nil {
			return sockets{}, err
		}
		number := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(number)))
		if err != nil {
			_ = tcp.Close() // the other one is what failed
			if port == "0" && try < 20 {
				continue
			}
			return sockets{}, err
		}
		conn := udp.(*net.UDPConn)
		_ = conn.SetReadBuffer(udpBuffer)  // as much as the kernel grants
		_ = conn.SetWriteBuffer(udpBuffer) // likewise
		return sockets{tcp, conn}, nil
	}
}

func (s sockets) port() int { return s.tcp.Addr().(*net.TCPAddr).Port }

func (s sockets) close() {
	_ = s.tcp.Close() // stopping: nothing to do about it
	_ = s.udp.Close()
}

// reachable lists the addresses at which clients can reach this machine: those that stand in media candidates, and that a
// Host header may name. The public ones come first, then those of the settings, or else all that the machine has now.
// Loopback counts only when there is nothing else: Firefox refuses such candidates, and for every other machine it would
// be that machine itself.
func reachable(s config.Settings) []netip.Addr {
	var out []netip.Addr
	add := func(list ...netip.Addr) {
		for _, a := range list {
			if a = a.Unmap().WithZone(""); a.IsValid() && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	add(s.PublicAddresses...)
	if len(s.Addresses) > 0 {
		add(s.Addresses...)
		return out
	}
	if host, _, err := net.SplitHostPort(s.Listen); err == nil {
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
			add(a)
			return out
		}
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	var loopback []netip.Addr
	for _, i := range interfaces {
		p, err := netip.ParsePrefix(i.String())
		if err != nil {
			continue
		}
		switch a := p.Addr(); {
		case a.IsLoopback():
			loopback = append(loopback, a)
		case a.IsLinkLocalUnicast(): // useless without a zone, which candidates can't carry
		default:
			add(a)
		}
	}
	if len(out) == 0 {
		add(loopback...)
	}
	return out
}
