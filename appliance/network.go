package appliance

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"huisclos/appliance/config"
)

// sockets are the two that the appliance has: one TCP, one UDP, on one port number. Where a service manager opened them,
// there may be a third one, whose visitors are only sent to the first.
type sockets struct {
	tcp      net.Listener
	udp      *net.UDPConn
	redirect net.Listener // or nil
}

// udpBuffer holds about 100 ms of 300 Mbit/s, so that a pause of the reader loses nothing. The kernel may give less.
const udpBuffer = 4 << 20

// openSockets listens on TCP and UDP with the same port number. Port 0 chooses one that is free for both.
func openSockets(listen string) (sockets, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return sockets{}, fmt.Errorf("listen address %q: %w", listen, err)
	}
	// Go listens with MPTCP unless told not to, for which Landlock's rules for ports do not hold.
	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	for try := 0; ; try++ {
		tcp, err := plain.Listen(context.Background(), "tcp", listen)
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
		return sockets{tcp: tcp, udp: conn}, nil
	}
}

// sockets are those of the service manager, or else those that the settings ask for. A port that the settings name must
// be the one that was given: what an administrator writes is not left out in silence.
func (s settings) sockets() (sockets, error) {
	if s.given.web == nil {
		return openSockets(s.Listen)
	}
	// The buffers stay as they are: the manager may exceed net.core.rmem_max, we may not.
	out := sockets{tcp: s.given.web, udp: s.given.media, redirect: s.given.redirect}
	if _, port, err := net.SplitHostPort(s.Listen); s.From["listen"] != "" && (err != nil || port != fmt.Sprint(out.port())) {
		out.close()
		return sockets{}, fmt.Errorf("%w: they have port %d, and listen in %s says %q", errSockets, out.port(), s.From["listen"], s.Listen)
	}
	return out, nil
}

func (s sockets) port() int { return portOf(s.tcp.Addr()) }

// listeners are the sockets that accept connections.
func (s sockets) listeners() (out []syscall.Conn) {
	for _, l := range []net.Listener{s.tcp, s.redirect} {
		if c, ok := l.(syscall.Conn); ok {
			out = append(out, c)
		}
	}
	return out
}

func (s sockets) close() {
	_ = s.tcp.Close() // stopping: nothing to do about it
	_ = s.udp.Close()
	if s.redirect != nil {
		_ = s.redirect.Close()
	}
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
