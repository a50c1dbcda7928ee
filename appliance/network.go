package appliance

import (
	"context"
	"fmt"
	"net"
	"syscall"
)

// sockets are those that the appliance has: one TCP and one UDP, on one port number. Where a service manager opened them,
// there may be several UDP sockets of that number, among which the kernel spreads the clients (SO_REUSEPORT, socket(7)),
// and another TCP one, whose visitors are only sent to the first.
type sockets struct {
	tcp      net.Listener
	udp      []net.PacketConn
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
		return sockets{tcp: tcp, udp: []net.PacketConn{conn}}, nil
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
	for _, u := range s.udp {
		_ = u.Close()
	}
	if s.redirect != nil {
		_ = s.redirect.Close()
	}
}
