package appliance

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxConnections bounds what strangers can make us hold: each connection is a file, a goroutine and some buffers.
	maxConnections = 8192
	// maxPerAddress leaves room for a whole office behind one address.
	maxPerAddress = 1024
)

// maxFromProxy is for a proxy that stands before the port, through which everybody may come. What is left is for media that comes
// straight, and for whoever looks after the machine.
const maxFromProxy = maxConnections * 3 / 4

// A limitedListener accepts up to total, and from one address up to what each says of it. What is too much is closed
// at once: waiting would let it fill the kernel's queue and keep everybody else out.
type limitedListener struct {
	net.Listener
	total int
	each  func(netip.Addr) int

	mu   sync.Mutex
	open int
	by   map[netip.Addr]int
}

func newLimitedListener(l net.Listener, total int, each func(netip.Addr) int) *limitedListener {
	return &limitedListener{Listener: l, total: total, each: each, by: map[netip.Addr]int{}}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			var temporary interface{ Temporary() bool }
			if errors.As(err, &temporary) && temporary.Temporary() && !errors.Is(err, net.ErrClosed) {
				time.Sleep(20 * time.Millisecond) // out of files for a moment; closing connections give some back
				continue
			}
			return nil, err
		}
		from := addressOf(c.RemoteAddr())
		l.mu.Lock()
		full := l.open >= l.total || l.by[from] >= l.each(from)
		if !full {
			l.open++
			l.by[from]++
		}
		l.mu.Unlock()
		if full {
			_ = c.Close() // too many: nothing is owed
			continue
		}
		return &limitedConn{Conn: c, done: sync.OnceFunc(func() { l.release(from) })}, nil
	}
}

func (l *limitedListener) release(from netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.by[from]--; l.by[from] <= 0 {
		delete(l.by, from)
	}
}

type limitedConn struct {
	net.Conn
	done func()
}

func (c *limitedConn) Close() error {
	defer c.done()
	return c.Conn.Close()
}

func addressOf(a net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

// splitWeb divides the connections of a listener by their first byte: a TLS handshake record (RFC 8446 §5.1) goes to
// secure, anything else to plain, where it is told to use https.
// The listener hands a connection over once its first byte is there, so reading it does not wait; the deadline is for a
// listener that does not.
func splitWeb(l net.Listener) (secure, plain net.Listener) {
	s, p := newQueue(l), newQueue(l)
	go func() {
		defer s.stop()
		defer p.stop()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				var first [1]byte
				_ = c.SetReadDeadline(time.Now().Add(firstByteWithin))
				if _, err := c.Read(first[:]); err != nil {
					_ = c.Close() // it said nothing
					return
				}
				_ = c.SetReadDeadline(time.Time{})
				to := p
				if first[0] == recordHandshake {
					to = s
				}
				to.give(&peekedConn{Conn: c, first: first, left: 1})
			}()
		}
	}()
	return s, p
}

const (
	recordHandshake = 0x16
	firstByteWithin = 5 * time.Second
)

// peekedConn gives the byte that was read ahead back first.
type peekedConn struct {
	net.Conn
	first [1]byte
	left  int // 1 until the byte was given back; owned by the one reader
}

func (c *peekedConn) Read(b []byte) (int, error) {
	if c.left == 1 && len(b) > 0 {
		c.left = 0
		b[0] = c.first[0]
		return 1, nil
	}
	return c.Conn.Read(b)
}

// queue is a listener whose connections come from elsewhere.
type queue struct {
	from   net.Listener
	conns  chan net.Conn
	closed chan struct{}
	stop   func()
}

func newQueue(from net.Listener) *queue {
	q := &queue{from: from, conns: make(chan net.Conn), closed: make(chan struct{})}
	q.stop = sync.OnceFunc(func() { close(q.closed) })
	return q
}

func (q *queue) give(c net.Conn) {
	select {
	case q.conns <- c:
	case <-q.closed:
		_ = c.Close() // nobody serves it any more
	}
}

func (q *queue) Accept() (net.Conn, error) {
	select {
	case c := <-q.conns:
		return c, nil
	case <-q.closed:
		return nil, net.ErrClosed
	}
}

func (q *queue) Close() error {
	q.stop()
	return nil
}

func (q *queue) Addr() net.Addr { return q.from.Addr() }
