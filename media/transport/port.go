package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// port is the one UDP socket and the one ICE-TCP listener that all links share.
type port struct {
	udp net.PacketConn
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

func newPort(udp net.PacketConn, tcp net.Listener, log *slog.Logger, now func() time.Time) *port {
	p := &port{
		udp: udp, tcp: tcp, log: log, now: now,
		ufrags:    make(map[string]*link),
		addresses: make(map[netip.AddrPort]*udpPath),
		undecided: make(chan struct{}, maxUnauthenticated),
		done:      make(chan struct{}),
	}
	if udp != nil {
		p.running.Add(1)
		go func() { defer p.running.Done(); p.readUDP() }()
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
		if p.udp != nil {
			p.udp.Close()
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
func (p *port) learn(by path, l *link) {
	u, ok := by.(*udpPath)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addresses[u.address] = u
}

func (p *port) forget(by path, l *link) {
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
	port    *port
	link    *link
	address netip.AddrPort
	addr    *net.UDPAddr
}

func (u *udpPath) remote() netip.AddrPort { return u.address }
func (u *udpPath) network() string        { return "udp" }
func (u *udpPath) close()                 {}
func (u *udpPath) write(b []byte) error {
	if conn, ok := u.port.udp.(*net.UDPConn); ok {
		_, err := conn.WriteToUDPAddrPort(b, u.address)
		return err
	}
	_, err := u.port.udp.WriteTo(b, u.addr)
	return err
}

func (p *port) readUDP() {
	conn, _ := p.udp.(*net.UDPConn)
	buffer := make([]byte, 1<<16)
	for {
		var n int
		var from netip.AddrPort
		var err error
		if conn != nil {
			n, from, err = conn.ReadFromUDPAddrPort(buffer)
		} else {
			var addr net.Addr
			n, addr, err = p.udp.ReadFrom(buffer)
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
			p.datagram(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// datagram handles one UDP packet. From an unknown address only a check with a
// right password does anything.
func (p *port) datagram(b []byte, from netip.AddrPort) {
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
		if known == nil || known.link != l {
			// A check that fails leaves no trace of this path.
			known = &udpPath{port: p, link: l, address: from, addr: net.UDPAddrFromAddrPort(from)}
		}
		l.check(m, ufrag, known)
		return
	}
	if known != nil {
		known.link.deliver(bytes.Clone(b))
	}
}

// tcpPath is an ICE-TCP connection (RFC 6544), framed by RFC 4571.
type tcpPath struct {
	conn    net.Conn
	address netip.AddrPort
	queue   chan []byte
	done    chan struct{}
	once    sync.Once
}

func (t *tcpPath) remote() netip.AddrPort { return t.address }
func (t *tcpPath) network() string        { return "tcp" }

func (t *tcpPath) close() {
	t.once.Do(func() {
		close(t.done)
		t.conn.Close()
	})
}

var errFull = errors.New("transport: TCP connection takes no more")

// write never waits: a slow connection loses packets, as a slow line does.
func (t *tcpPath) write(b []byte) error {
	framed := make([]byte, 2+len(b))
	binary.BigEndian.PutUint16(framed, uint16(len(b)))
	copy(framed[2:], b)
	select {
	case t.queue <- framed:
		return nil
	default:
		return errFull
	}
}

func (t *tcpPath) run() {
	defer t.close()
	var batch net.Buffers
	for {
		batch = batch[:0]
		select {
		case b := <-t.queue:
			batch = append(batch, b)
		case <-t.done:
			return
		}
		for more := true; more && len(batch) < 32; {
			select {
			case b := <-t.queue:
				batch = append(batch, b)
			default:
				more = false
			}
		}
		if t.conn.SetWriteDeadline(time.Now().Add(tcpWriteWithin)) != nil {
			return
		}
		whole := bytes.Join(batch, nil)
		if _, err := t.conn.Write(whole); err != nil {
			return
		}
	}
}

func (p *port) acceptTCP() {
	for {
		conn, err := p.tcp.Accept()
		if err != nil {
			if temporary(err) {
				select {
				case <-p.done:
					return
				case <-time.After(20 * time.Millisecond):
				}
				continue
			}
			return
		}
		select {
		case p.undecided <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			p.serveTCP(conn)
		}()
	}
}

// serveTCP reads one connection. It belongs to the link whose password its
// first frame knows; before that it is worth one small buffer.
func (p *port) serveTCP(conn net.Conn) {
	defer conn.Close()
	defer p.guard("tcp")
	undecided := true
	decide := func() {
		if undecided {
			undecided = false
			<-p.undecided
		}
	}
	defer decide()
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return
	}
	from := addr.AddrPort()
	t := &tcpPath{conn: conn, address: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()),
		queue: make(chan []byte, tcpWriteQueue), done: make(chan struct{})}
	defer t.close()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.done:
			t.close()
		case <-stop:
		}
	}()
	if conn.SetReadDeadline(time.Now().Add(authenticateWithin)) != nil {
		return
	}
	var owner *link
	var head [2]byte
	buffer := make([]byte, maxDatagram)
	for {
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			break
		}
		size := int(binary.BigEndian.Uint16(head[:]))
		if size > maxDatagram || size == 0 {
			break
		}
		b := buffer[:size]
		if _, err := io.ReadFull(conn, b); err != nil {
			break
		}
		if b[0] <= 3 {
			m, err := parseBinding(b)
			if err != nil {
				break
			}
			l, ufrag := p.linkOf(m.username)
			if l == nil || owner != nil && l != owner {
				break
			}
			if owner == nil {
				go t.run()
			}
			if !l.check(m, ufrag, t) {
				break
			}
			if owner == nil {
				owner = l
				decide()
				if conn.SetReadDeadline(time.Time{}) != nil {
					break
				}
			}
			continue
		}
		if owner == nil {
			break
		}
		owner.deliver(bytes.Clone(b))
	}
	if owner != nil {
		owner.drop(t)
	}
}
