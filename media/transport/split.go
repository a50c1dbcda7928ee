package transport

import (
	"encoding/binary"
	"errors"
	"io"
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

// SplitTCP serves three protocols on one port. The first byte decides: 0x00 and
// 0x01 begin an ICE-TCP frame, whose length (RFC 4571 §2) is below 512 for the
// STUN request that comes first, or a request of TURN, which has no frame around
// it (RFC 8656 §3.1): its first two octets are its type, and as a length too
// short for any request. Everything else is the web's, TLS (0x16) or not. Closing
// one listener closes the port.
func SplitTCP(ln net.Listener) (web, ice, turn net.Listener) {
	s := &splitter{ln: ln, done: make(chan struct{})}
	w := &splitListener{splitter: s, conns: make(chan net.Conn, acceptQueue)}
	i := &splitListener{splitter: s, conns: make(chan net.Conn, acceptQueue)}
	t := &splitListener{splitter: s, conns: make(chan net.Conn, acceptQueue)}
	go s.run(w, i, t)
	return w, i, t
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

func (s *splitter) run(web, ice, turn *splitListener) {
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
			head, ok := begin(conn)
			if !ok {
				conn.Close()
				return
			}
			to := web
			switch {
			case head[0] > 0x01:
			case len(head) == headSize && beginsTURN(binary.BigEndian.Uint16(head)):
				to = turn
			default:
				to = ice
			}
			to.offer(&begunConn{Conn: conn, head: head})
		}()
	}
}

func temporary(err error) bool {
	t, ok := err.(interface{ Temporary() bool })
	return ok && t.Temporary()
}

// headSize is how much of a connection has to be read, if it isn't the web's.
const headSize = 2

// beginsTURN says whether a message of this type comes first on a connection to
// TURN: a Binding or an Allocate request (RFC 8489 §18.2, RFC 8656 §17).
func beginsTURN(kind uint16) bool { return kind == 0x0001 || kind == 0x0003 }

// begin reads a connection's first octet, or its first headSize if they may be
// STUN's; fewer when it ends there.
func begin(conn net.Conn) (head []byte, ok bool) {
	if conn.SetReadDeadline(time.Now().Add(firstByteWithin)) != nil {
		return nil, false
	}
	head = make([]byte, headSize)
	n, err := io.ReadFull(conn, head[:1])
	if err == nil && head[0] <= 0x01 {
		n, err = io.ReadFull(conn, head[1:])
		n++
	}
	if n == 0 || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false
	}
	return head[:n], err != nil || conn.SetReadDeadline(time.Time{}) == nil // after its end nothing is waited for
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

// begunConn is a connection of which the beginning was read.
type begunConn struct {
	net.Conn
	mu   sync.Mutex
	head []byte // what of it is still to be given
}

func (c *begunConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	if len(c.head) > 0 && len(b) > 0 {
		n := copy(b, c.head)
		c.head = c.head[n:]
		c.mu.Unlock()
		return n, nil
	}
	c.mu.Unlock()
	return c.Conn.Read(b)
}
