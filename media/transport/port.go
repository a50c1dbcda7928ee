package transport

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// port is the UDP sockets of one number and the one ICE-TCP listener that all
// links share.
type port struct {
	udp []net.PacketConn
	tcp net.Listener
	log *slog.Logger
	now func() time.Time

	mu        sync.RWMutex
	ufrags    map[string]*link
	addresses map[netip.AddrPort]*udpPath

	undecided chan struct{} // ICE-TCP connections without an authenticated check
	done      chan struct{}
	once      sync.Once
	running   sync.WaitGroup
}

const (
	maxUnauthenticated = 256
	// authenticateWithin is how long an ICE-TCP connection may stay unknown.
	authenticateWithin = 10 * time.Second
	tcpWriteQueue      = 256
	tcpWriteWithin     = 5 * time.Second
)

func newPort(udp []net.PacketConn, tcp net.Listener, log *slog.Logger, now func() time.Time) *port {
	p := &port{
		udp: udp, tcp: tcp, log: log, now: now,
		ufrags:    make(map[string]*link),
		addresses: make(map[netip.AddrPort]*udpPath),
		undecided: make(chan struct{}, maxUnauthenticated),
		done:      make(chan struct{}),
	}
	for _, conn := range udp {
		p.running.Add(1)
		go func() { defer p.running.Done(); p.readUDP(conn) }()
	}
	if tcp != nil {
		p.running.Add(1)
		go func() { defer p.running.Done(); p.acceptTCP() }()
	}
	return p
}

func (p *port) close() {
	p.once.Do(func() {
		close(p.done)
		for _, conn := range p.udp {
			conn.Close()
		}
		if p.tcp != nil {
			p.tcp.Close()
		}
	})
	p.running.Wait()
}

// guard is the boundary at which a bad peer stops: deferred around everything
// that reads what a peer sent.
func (p *port) guard(where string) {
	if r := recover(); r != nil {
		p.log.Error("media: recovered", "where", where, "panic", r, "stack", string(debug.Stack()))
	}
}

func (p *port) register(ufrag string, l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ufrags[ufrag] = l
}

func (p *port) unregister(ufrag string, l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ufrags[ufrag] == l {
		delete(p.ufrags, ufrag)
	}
}

// learn ties an authenticated UDP address to its link. An address that moves to
// another link was authenticated there.
func (p *port) learn(by path) {
	u, ok := by.(*udpPath)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addresses[u.address] = u
}

func (p *port) forget(by path) {
	u, ok := by.(*udpPath)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addresses[u.address] == u {
		delete(p.addresses, u.address)
	}
}

func (p *port) linkOf(username []byte) (l *link, ufrag string) {
	own, _, ok := bytes.Cut(username, []byte{':'})
	if !ok || len(own) > 64 {
		return nil, ""
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	l = p.ufrags[string(own)]
	if l == nil {
		return nil, ""
	}
	return l, string(own)
}

type udpPath struct {
	conn    net.PacketConn // that its packets come in on
	link    *link
	address netip.AddrPort
	addr    *net.UDPAddr
}

func (u *udpPath) remote() netip.AddrPort { return u.address }
func (u *udpPath) network() string        { return "udp" }
func (u *udpPath) close()                 {}
func (u *udpPath) write(b []byte) error {
	if conn, ok := u.conn.(*net.UDPConn); ok {
		_, err := conn.WriteToUDPAddrPort(b, u.address)
		return err
	}
	_, err := u.conn.WriteTo(b, u.addr)
	return err
}

func (p *port) readUDP(on net.PacketConn) {
	conn, _ := on.(*net.UDPConn)
	buffer := make([]byte, 1<<16)
	for {
		var n int
		var from netip.AddrPort
		var err error
		if conn != nil {
			n, from, err = conn.ReadFromUDPAddrPort(buffer)
		} else {
			var addr net.Addr
			n, addr, err = on.ReadFrom(buffer)
			if u, ok := addr.(*net.UDPAddr); ok {
				from = u.AddrPort()
			}
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
				return
			}
			select {
			case <-p.done:
				return
			case <-time.After(5 * time.Millisecond): // an ICMP error, say
			}
			continue
		}
		if n > 0 && n <= maxDatagram && from.IsValid() {
			p.datagram(on, buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// datagram handles one UDP packet. From an unknown address only a check with a
// right password does anything.
func (p *port) datagram(on net.PacketConn, b []byte, from netip.AddrPort) {
	defer p.guard("datagram")
	p.mu.RLock()
	known := p.addresses[from]
	p.mu.RUnlock()
	if b[0] <= 3 {
		m, err := parseBinding(b)
		if err != nil {
			return
		}
		l, ufrag := p.linkOf(m.username)
		if l == nil {
			return
		}
		password, newest, ok := l.authenticate(m, ufrag)
		if !ok {
			return
		}
		if known == nil || known.link != l || known.conn != on {
			known = &udpPath{conn: on, link: l, address: from, addr: net.UDPAddrFromAddrPort(from)}
		}
		l.checked(m, password, newest, known)
		return
	}
	if known != nil {
		known.link.deliver(bytes.Clone(b))
	}
}
