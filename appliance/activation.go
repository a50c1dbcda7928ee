package appliance

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// given are the sockets that a service manager opened for us (sd_listen_fds(3)): so the program needs no privilege for a
// port below 1024, has them even in a network of its own, and the port stays open while it restarts. None, or web and media
// (one or several of the same port, and of a second one for browsers that refuse the first: ReusePort=yes), and redirect where it
// is wished.
type given struct {
	web, redirect, metrics net.Listener
	media                  []net.PacketConn
}

// errSockets is what every error of handed-over sockets wraps.
var errSockets = errors.New("sockets of the service manager")

// firstGiven is the descriptor of the first one: SD_LISTEN_FDS_START.
const firstGiven = 3

// takeSockets takes over what the environment announces. first is the descriptor of the first one.
func takeSockets(getenv func(string) string, pid, first int) (g given, err error) {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return given{}, nil // for another process, or for none
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > 16 {
		return given{}, fmt.Errorf("%w: LISTEN_FDS is %q", errSockets, getenv("LISTEN_FDS"))
	}
	if n == 0 {
		return given{}, nil
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	if len(names) != n {
		return given{}, fmt.Errorf("%w: %d of them, with the names %q", errSockets, n, names)
	}
	defer func() {
		if err != nil {
			g.close()
			g, err = given{}, fmt.Errorf("%w: %w", errSockets, err)
		}
	}()
	for i, name := range names {
		if err := g.take(first+i, name); err != nil {
			return g, err
		}
	}
	if g.web == nil || len(g.media) == 0 {
		return g, errors.New("one TCP socket named web and one UDP socket named media are needed")
	}
	return g, g.fit()
}

// fit looks whether the ports of media are that of web, and no more than one other.
func (g given) fit() error {
	web, same, second := portOf(g.web.Addr()), false, 0
	for _, m := range g.media {
		switch p := portOf(m.LocalAddr()); {
		case p == web:
			same = true
		case second != 0 && p != second:
			return fmt.Errorf("web has port %d and media ports %d and %d; media must have the same number and at most one other", web, second, p)
		default:
			second = p
		}
	}
	if !same {
		return fmt.Errorf("web has port %d and media port %d; it must be the same number", web, second)
	}
	return nil
}

func (g *given) take(fd int, name string) error {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), name)
	if f == nil {
		return fmt.Errorf("%s: descriptor %d", name, fd)
	}
	defer f.Close() // net has a copy of it
	kind := func(option int) int {
		v, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, option)
		if err != nil {
			return -1
		}
		return v
	}
	switch domain := kind(syscall.SO_DOMAIN); {
	case domain != syscall.AF_INET && domain != syscall.AF_INET6:
		return fmt.Errorf("%s is not an IP socket", name)
	case name != "web" && name != "media" && name != "redirect" && name != "metrics":
		return fmt.Errorf("%q is none of the names web, media, redirect and metrics (FileDescriptorName=)", name)
	case name == "media" && (kind(syscall.SO_TYPE) != syscall.SOCK_DGRAM || kind(syscall.SO_PROTOCOL) != syscall.IPPROTO_UDP):
		return errors.New("media is not a UDP socket (ListenDatagram=)")
	case name == "web" && g.web != nil, name == "redirect" && g.redirect != nil, name == "metrics" && g.metrics != nil:
		return fmt.Errorf("there are two named %s", name)
	case name == "media":
		c, err := net.FilePacketConn(f)
		if err != nil {
			return fmt.Errorf("media: %w", err)
		}
		g.media = append(g.media, c)
		return nil
	case kind(syscall.SO_TYPE) != syscall.SOCK_STREAM || kind(syscall.SO_ACCEPTCONN) != 1:
		return fmt.Errorf("%s is not a listening TCP socket (ListenStream=, Accept=no)", name)
	case kind(syscall.SO_PROTOCOL) != syscall.IPPROTO_TCP:
		return fmt.Errorf("%s does not speak TCP (take SocketProtocol=mptcp out)", name)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch name {
	case "web":
		g.web = l
	case "metrics":
		g.metrics = l
	default:
		g.redirect = l
	}
	return nil
}

func (g given) close() {
	for _, l := range []net.Listener{g.web, g.redirect, g.metrics} {
		if l != nil {
			_ = l.Close() // nothing to do about it
		}
	}
	for _, m := range g.media {
		_ = m.Close()
	}
}

func portOf(a net.Addr) int {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.Port
	case *net.UDPAddr:
		return a.Port
	}
	return 0
}
