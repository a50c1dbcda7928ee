package transport

import (
	"net"
	"sync"
	"time"
)

const (
	// firstByteWithin is how long a TCP connection may stay silent.
	firstByteWithin = 5 * time.Second
	// maxUndecided bounds connections that have not sent their first byte.
	maxUndecided = 1024
	acceptQueue  = 64
)

// SplitTCP serves two protocols on one port. The first byte decides: 0x00 and
// 0x01 begin an ICE-TCP frame, whose length (RFC 4571 §2) is below 512 for the
// STUN request that comes first; everything else is the web's, TLS (0x16) or
// not. Closing either listener closes the port.
func SplitTCP(ln net.Listener) (web, ice net.Listener) {
	s := &splitter{ln: ln, done: make(chan struct{})}
	w := &splitListener{splitter: s, conns: make(chan net.Conn, acceptQueue)}
	i := &splitListener{splitter: s, conns: make(chan net.Conn, acceptQueue)}
	go s.run(w, i)
	return w, i
}

type splitter struct {
	ln   net.Listener
	done chan struct{}
	once sync.Once
	err  error
}

func (s *splitter) close() error {
	s.once.Do(func() {
		close(s.done)
		s.err = s.ln.Close()
	})
	return s.err
}

func (s *splitter) run(web, ice *splitListener) {
	defer s.close()
	undecided := make(chan struct{}, maxUndecided)
	for {
		conn, err := s.ln.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			default:
			}
			if temporary(err) {
				time.Sleep(20 * time.Millisecond) // out of descriptors, say
				continue
			}
			return
		}
		select {
		case undecided <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		go func() {
			defer func() { <-undecided }()
			first, ok := firstByte(conn)
			if !ok {
				conn.Close()
				return
			}
			to := web
			if first <= 0x01 {
				to = ice
			}
			to.offer(&begunConn{Conn: conn, first: first, pending: true})
		}()
	}
}

func temporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}

func firstByte(conn net.Conn) (byte, bool) {
	var b [1]byte
	if conn.SetReadDeadline(time.Now().Add(firstByteWithin)) != nil {
		return 0, false
	}
	if n, err := conn.Read(b[:]); n != 1 || err != nil {
		return 0, false
	}
	return b[0], conn.SetReadDeadline(time.Time{}) == nil
}

type splitListener struct {
	*splitter
	conns chan net.Conn
}

// offer waits for the acceptor for a moment: a listener that nobody serves must
// not collect connections.
func (l *splitListener) offer(conn net.Conn) {
	timer := time.NewTimer(firstByteWithin)
	defer timer.Stop()
	select {
	case l.conns <- conn:
	case <-l.done:
		conn.Close()
	case <-timer.C:
		conn.Close()
	}
}

func (l *splitListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *splitListener) Close() error   { return l.close() }
func (l *splitListener) Addr() net.Addr { return l.ln.Addr() }

// begunConn is a connection of which one byte was read.
type begunConn struct {
	net.Conn
	mu      sync.Mutex
	first   byte
	pending bool
}

func (c *begunConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if c.pending && len(b) > 0 {
		b[0], c.pending = c.first, false
		c.mu.Unlock()
		return 1, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(b)
}
