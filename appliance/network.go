package appliance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// sockets are those that the appliance has: one TCP and one UDP, on one port number, and where that is below 1024 another UDP one
// on a second number. Where a service manager opened them, there may be several UDP sockets of each number, among which the kernel
// spreads the clients (SO_REUSEPORT, socket(7)), and two other TCP ones: one whose visitors are only sent to the first, and one for whoever reads the metrics.
type sockets struct {
	tcp      net.Listener
	udp      []net.PacketConn
	redirect net.Listener // or nil
	metrics  net.Listener // or nil
}

// udpBuffer holds about 100 ms of 300 Mbit/s, so that a pause of the reader loses nothing. The kernel may give less.
const udpBuffer = 4 << 20

// openSockets listens on TCP and UDP with the same port number, and on UDP with the number that second has for it, if any. Port 0
// chooses one that is free for both.
func openSockets(listen string, second func(port int) int) (sockets, error) {
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
		out := sockets{tcp: tcp}
		err = out.addUDP(host, number)
		if err != nil && port == "0" && try < 20 {
			out.close()
			continue
		}
		if other := second(number); err == nil && other != 0 {
			if err = out.addUDP(host, other); err != nil {
				err = fmt.Errorf("%w: %w", errSecond, err)
			}
		}
		if err != nil {
			out.close()
			return sockets{}, err
		}
		return out, nil
	}
}

// errSecond is what an error of the second port wraps.
var errSecond = errors.New("media_port")

func (s *sockets) addUDP(host string, port int) error {
	udp, err := net.ListenPacket("udp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		return err
	}
	conn := udp.(*net.UDPConn)
	_ = conn.SetReadBuffer(udpBuffer)  // as much as the kernel grants
	_ = conn.SetWriteBuffer(udpBuffer) // likewise
	s.udp = append(s.udp, conn)
	return nil
}

// sockets are those of the service manager, or else those that the settings ask for. A port that the settings name must
// be the one that was given: what an administrator writes is not left out in silence.
func (s settings) sockets() (sockets, error) {
	if s.given.web == nil {
		return openSockets(s.Listen, s.Second)
	}
	// The buffers stay as they are: the manager may exceed net.core.rmem_max, we may not.
	out := sockets{tcp: s.given.web, udp: s.given.media, redirect: s.given.redirect, metrics: s.given.metrics}
	if _, port, err := net.SplitHostPort(s.Listen); s.From["listen"] != "" && (err != nil || port != fmt.Sprint(out.port())) {
		out.close()
		return sockets{}, fmt.Errorf("%w: they have port %d, and listen in %s says %q", errSockets, out.port(), s.From["listen"], s.Listen)
	}
	if file := s.From["media_port"]; file != "" && out.second() != s.MediaPort {
		out.close()
		return sockets{}, fmt.Errorf("%w: for media they have the second port %d (0: none), and media_port in %s says %d", errSockets, out.second(), file, s.MediaPort)
	}
	return out, nil
}

// second is the other number at which there is UDP, 0 if there is none.
func (s sockets) second() int {
	for _, u := range s.udp {
		if p := portOf(u.LocalAddr()); p != s.port() {
			return p
		}
	}
	return 0
}

func (s sockets) port() int { return portOf(s.tcp.Addr()) }

// listeners are the sockets that accept connections.
func (s sockets) listeners() (out []syscall.Conn) {
	for _, l := range []net.Listener{s.tcp, s.redirect, s.metrics} {
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
	if s.metrics != nil {
		_ = s.metrics.Close()
	}
	if s.redirect != nil {
		_ = s.redirect.Close()
	}
}
