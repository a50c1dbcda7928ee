package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/pion/turn/v5"
)

const (
	// allocateWithin is how long a connection may be without an allocation: before the first, and after the last.
	allocateWithin = 10 * time.Second
	// maxStrange is how many messages a connection may send without one. A client needs two.
	maxStrange = 32
	// writeWithin is how long one message may take. A connection that takes none for so long is gone.
	writeWithin = 5 * time.Second
)

var errStream = errors.New("relay: not TURN over a stream")

// streams are the clients over TCP and TLS, and the listener that pion has for them.
type streams struct {
	relay   *Relay
	conns   chan *stream
	waiting chan struct{} // a place for each connection without an allocation

	mu   sync.Mutex
	open map[*net.TCPAddr]*stream // by the address that pion is given: this pointer and no other
}

func newStreams(r *Relay) *streams {
	return &streams{relay: r, conns: make(chan *stream), waiting: make(chan struct{}, r.cfg.Limits.Waiting), open: make(map[*net.TCPAddr]*stream)}
}

func (s *streams) plug(cfg *turn.ServerConfig, g turn.RelayAddressGenerator, p turn.PermissionHandler) {
	cfg.ListenerConfigs = []turn.ListenerConfig{{Listener: s, RelayAddressGenerator: g, PermissionHandler: p}}
}

func (s *streams) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.relay.done:
		return nil, net.ErrClosed
	}
}

func (*streams) Close() error   { return nil } // Relay.Close does it
func (*streams) Addr() net.Addr { return &net.TCPAddr{} }

func (s *streams) find(from net.Addr) *client {
	addr, ok := from.(*net.TCPAddr)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn := s.open[addr]; conn != nil {
		return &conn.client
	}
	return nil
}

func (s *streams) settle(c *client) { c.stream.wait(false) }

// unsettle may be called under pion's lock: closing, which TLS may take seconds for, must not wait there.
func (s *streams) unsettle(c *client) {
	if !c.stream.wait(true) {
		go c.stream.Close()
	}
}

func (s *streams) closeAll() {
	s.mu.Lock()
	var all []*stream
	for _, conn := range s.open {
		all = append(all, conn)
	}
	s.mu.Unlock()
	for _, conn := range all {
		_ = conn.Close() // stopping
	}
}

// Serve takes the connections of a listener until it is closed.
func (r *Relay) Serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		r.ServeConn(conn)
	}
}

// ServeConn takes over a connection whose far end speaks TURN, TLS taken off. It does not wait.
func (r *Relay) ServeConn(conn net.Conn) {
	remote, ok1 := conn.RemoteAddr().(*net.TCPAddr)
	local, ok2 := conn.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 { // an allocation is known by both (RFC 8656 §3.2)
		_ = conn.Close() // nothing is owed
		return
	}
	at := *remote
	s := &stream{Conn: conn, relay: r, remote: &at, local: local}
	s.client.side, s.client.stream = r.streams, s
	r.streams.mu.Lock()
	r.streams.open[s.remote] = s
	r.streams.mu.Unlock()
	if !s.wait(true) {
		_ = s.Close() // too many
		return
	}
	select {
	case r.streams.conns <- s:
	case <-r.done:
		_ = s.Close() // stopping
	}
}

// stream is one connection as pion is given it: each Read is one whole message that the gate let through. Before there is
// an allocation it costs this and what one message of at most maxFrame octets takes; pion's own framing, which keeps what
// comes in small pieces, never sees any.
type stream struct {
	net.Conn
	relay         *Relay
	remote, local *net.TCPAddr
	client        client

	// Owned by the reader.
	buffer  [maxFrame]byte
	strange int

	mu     sync.Mutex
	waits  bool // it has a place among those that wait
	closed bool
}

func (s *stream) RemoteAddr() net.Addr { return s.remote }
func (s *stream) LocalAddr() net.Addr  { return s.local }

// wait says that the connection is without an allocation, or has one. It reports whether there is a place for it.
func (s *stream) wait(waits bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case waits == s.waits:
		return true
	case !waits:
		s.waits = false
		<-s.relay.streams.waiting
		return s.Conn.SetReadDeadline(time.Time{}) == nil
	}
	select {
	case s.relay.streams.waiting <- struct{}{}:
		s.waits = true
		return s.Conn.SetReadDeadline(time.Now().Add(allocateWithin)) == nil
	default:
		return false
	}
}

func (s *stream) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	if s.waits {
		<-s.relay.streams.waiting
	}
	s.mu.Unlock()
	s.relay.streams.mu.Lock()
	delete(s.relay.streams.open, s.remote)
	s.relay.streams.mu.Unlock()
	return s.Conn.Close()
}

func (s *stream) Read(b []byte) (int, error) {
	for {
		frame, err := s.frame()
		if err != nil {
			return 0, err
		}
		if len(frame) < leastFrame {
			continue // ChannelData with next to nothing in it
		}
		var m message
		if m.parse(frame) != nil {
			return 0, errStream
		}
		a := s.client.allocation.Load()
		if a == nil {
			if s.strange++; s.strange > maxStrange {
				return 0, errStream
			}
		} else {
			s.strange = 0
		}
		verdict, code := s.relay.judge(&m, a)
		if verdict == refuse {
			answer := s.relay.refusal(&m, code, s.relay.cfg.Now())
			if answer != nil {
				if _, err := s.Write(answer); err != nil {
					return 0, err
				}
				continue
			}
			verdict = pass
		}
		if verdict == pass {
			return copy(b, frame), nil
		}
	}
}

// frame reads one message with its padding (RFC 8656 §12.5).
func (s *stream) frame() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(s.Conn, head[:]); err != nil {
		return nil, err
	}
	size := frameSize(head)
	if size == 0 {
		return nil, errStream
	}
	copy(s.buffer[:], head[:])
	if _, err := io.ReadFull(s.Conn, s.buffer[4:size]); err != nil {
		return nil, err
	}
	return s.buffer[:size], nil
}

// Write sends one message. A connection that takes none is closed: half a message would be the end of it anyway.
func (s *stream) Write(b []byte) (int, error) {
	if err := s.Conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(b)
	if err != nil {
		_ = s.Close() // the reader ends by that
	}
	return n, err
}
