//go:build linux && (amd64 || arm64)

package batch

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxPayload is the most that one UDP datagram over IPv4 carries (65,535 less the headers of RFC 791 and RFC 768), and so the
// most that one segmented send does.
const maxPayload = 65507

// Conn is a UDP socket that is read and written in batches. It belongs to whoever made it: that one closes it and sets its
// deadlines, and Readers and Writers see both at once.
type Conn struct {
	raw    syscall.RawConn
	family int // AF_INET or AF_INET6

	segments atomic.Bool // UDP_SEGMENT: the kernel has it, and this socket's way out did not refuse it yet
	counts   counts
}

// New takes a *net.UDPConn (net.FilePacketConn makes one of a socket that systemd hands over), or a file of a UDP socket that
// Go's poller waits for: one that was not blocking when it was opened. Closing a file ends a Read with an error that is not
// os.ErrClosed; with a *net.UDPConn it is net.ErrClosed. Segmented sends are tried when the kernel knows UDP_SEGMENT (Linux 4.18).
func New(socket syscall.Conn) (*Conn, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("batch: socket: %w", err)
	}
	c := &Conn{raw: raw}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = c.probe(int(fd)) })
	if err = errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("batch: socket: %w", err)
	}
	return c, nil
}

func (c *Conn) probe(fd int) error {
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return err
	}
	if c.family, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil {
		return err
	}
	if protocol != unix.IPPROTO_UDP || c.family != unix.AF_INET && c.family != unix.AF_INET6 {
		return errors.New("not UDP")
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags&unix.O_NONBLOCK == 0 {
		return errors.New("blocking, so that the poller does not wait for it")
	}
	_, err = unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
	c.segments.Store(err == nil)
	return nil
}

// Segments says whether runs leave as segmented sends.
func (c *Conn) Segments() bool { return c.segments.Load() }

// DisableSegments makes every datagram leave by itself from now on.
func (c *Conn) DisableSegments() { c.segments.Store(false) }
