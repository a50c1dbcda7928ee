package transport

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/media/transport/batch"
)

// port is the UDP sockets, of one number or of two, and the one ICE-TCP listener
// that all links share. Each socket has a reader that does everything that a packet
// brings about, up to the packets that leave; several sockets are several cores.
type port struct {
	udp []*socket
	tcp net.Listener
	// turns: one for each socket, and one that all else shares.
	turns []*turn
	pacer *pacer
	relay Relay // or nil
	log   *slog.Logger
	now   func() time.Time
	probe func(ufrag []byte) (password string, ok bool) // Config.Probe

	mu        sync.RWMutex
	ufrags    map[string]*link
	addresses map[flow]*udpPath
	defence   defence

	sealed agreements

	undecided chan struct{} // ICE-TCP connections without an authenticated check
	done      chan struct{}
	once      sync.Once
	running   sync.WaitGroup
}

const (
	maxUnauthenticated = 256
	// authenticateWithin is how long an ICE-TCP connection may stay unknown.
	authenticateWithin = 10 * time.Second
	tcpReadBuffer      = 16 << 10
	tcpWriteQueue      = 256
	tcpWriteWithin     = 5 * time.Second
)

// socket is a UDP socket with its batches, nil for one that is not the kernel's.
type socket struct {
	net.PacketConn
	kernel  *net.UDPConn
	batch   *batch.Conn
	port    uint16 // its own, zero for one without
	relayed bool   // it is the relay's: far ends are reached through TURN
	// backs are the ways out towards TURN's clients, by the address of ours that they asked; the reader's.
	backs map[netip.Addr]*back
	// strangers counts what only a known address may send, from others; see defend.
	strangers atomic.Uint64
}

func newSocket(conn net.PacketConn) (*socket, error) {
	s := &socket{PacketConn: conn}
	if kernel, ok := conn.(*net.UDPConn); ok {
		var err error
		s.kernel = kernel
		s.port = uint16(kernel.LocalAddr().(*net.UDPAddr).Port)
		if s.batch, err = batch.New(kernel); err != nil {
			return nil, fmt.Errorf("transport: %w", err)
		}
	}
	return s, nil
}

func newPort(udp []net.PacketConn, tcp net.Listener, relay Relay, probe func([]byte) (string, bool), log *slog.Logger, now func() time.Time) (*port, error) {
	p := &port{
		tcp: tcp, relay: relay, log: log, now: now, pacer: newPacer(), probe: probe,
		ufrags:    make(map[string]*link),
		addresses: make(map[flow]*udpPath),
		undecided: make(chan struct{}, maxUnauthenticated),
		done:      make(chan struct{}),
	}
	if relay != nil {
		udp = append(udp[:len(udp):len(udp)], relay.Media())
	}
	readers := make([]*batch.Reader, len(udp))
	for i, conn := range udp {
		s, err := newSocket(conn)
		if err == nil && s.batch != nil {
			readers[i], err = s.batch.NewReader()
		}
		if err != nil {
			return nil, err
		}
		s.relayed = relay != nil && i == len(udp)-1
		p.udp = append(p.udp, s)
	}
	for i := range len(udp) + 1 {
		p.turns = append(p.turns, newTurn(p, i))
	}
	for i, s := range p.udp {
		p.running.Add(1)
		go func() {
			defer p.running.Done()
			if readers[i] != nil {
				p.readBatches(s, readers[i], p.turns[i])
			} else {
				p.readOne(s, p.turns[i])
			}
		}()
	}
	p.running.Add(1)
	go func() { defer p.running.Done(); p.pace() }()
	if tcp != nil {
		p.running.Add(1)
		go func() { defer p.running.Done(); p.acceptTCP() }()
	}
	return p, nil
}

// aside is the turn of what arrives by TCP or leaves by itself.
func (p *port) aside() *turn { return p.turns[len(p.turns)-1] }

// settle ends what is under way: when it returns, everything that was forwarded
// before the call has left.
func (p *port) settle() {
	for _, t := range p.turns {
		t.mu.Lock()
		p.finish(t)
		t.mu.Unlock()
	}
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
	if !p.defence.until.IsZero() && p.addresses[u.flow()] == nil {
		p.admitAll() // until the next tick
	}
	p.addresses[u.flow()] = u
}

func (p *port) forget(by path) {
	u, ok := by.(*udpPath)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addresses[u.flow()] == u {
		delete(p.addresses, u.flow())
	}
}

// linkOf finds whose ufrag this is, nil if it is nobody's.
func (p *port) linkOf(ufrag []byte) *link {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.ufrags[string(ufrag)]
}

type udpPath struct {
	socket  *socket // that its packets come in on
	link    *link
	address netip.AddrPort
	addr    *net.UDPAddr
	local   netip.Addr // of ours, that its packets come to and leave from; invalid where the socket does not say
	source  []byte     // local as a control message
}

// flow is the two ends of a path: one client may come from one address to several of ours.
// and to both of our ports.
type flow struct {
	from netip.AddrPort
	to   netip.AddrPort
}

// local is our end of what comes in on a socket.
func (s *socket) local(to netip.Addr) netip.AddrPort { return netip.AddrPortFrom(to, s.port) }

func newUDPPath(on *socket, l *link, from netip.AddrPort, to netip.Addr) *udpPath {
	u := &udpPath{socket: on, link: l, address: from, addr: net.UDPAddrFromAddrPort(from), local: to}
	if on.batch != nil && to.IsValid() {
		u.source = on.batch.Source(to)
	}
	return u
}

func (u *udpPath) flow() flow { return flow{u.address, u.socket.local(u.local)} }

func (u *udpPath) remote() netip.AddrPort { return u.address }
func (u *udpPath) close()                 {}
func (u *udpPath) network() string {
	if u.socket.relayed {
		return "relay"
	}
	return "udp"
}

func (u *udpPath) write(b []byte) error {
	if u.socket.kernel != nil {
		_, _, err := u.socket.kernel.WriteMsgUDPAddrPort(b, u.source, u.address)
		return err
	}
	_, err := u.socket.WriteTo(b, u.addr)
	return err
}

// readBatches reads a socket of the kernel.
func (p *port) readBatches(s *socket, from *batch.Reader, t *turn) {
	defer from.Close() // nothing of it outlives a turn
	for {
		packets, err := from.Read()
		if err != nil {
			if !p.again(err) {
				return
			}
			continue
		}
		began := t.begin()
		for i := range packets {
			if b := packets[i].Data; len(b) > 0 && len(b) <= maxDatagram {
				p.datagram(s, t, b, packets[i].From, packets[i].To)
			}
		}
		t.end(began)
	}
}

// readOne reads any other socket, a packet at a time.
func (p *port) readOne(s *socket, t *turn) {
	buffer := make([]byte, 1<<16)
	for {
		n, addr, err := s.ReadFrom(buffer)
		if err != nil {
			if !p.again(err) {
				return
			}
			continue
		}
		from, ok := addr.(*net.UDPAddr)
		if !ok || n == 0 || n > maxDatagram {
			continue
		}
		at := from.AddrPort()
		began := t.begin()
		p.datagram(s, t, buffer[:n], netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), netip.Addr{})
		t.end(began)
	}
}

// again says whether to read on after an error.
func (p *port) again(err error) bool {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) {
		return false
	}
	select {
	case <-p.done:
		return false
	case <-time.After(5 * time.Millisecond): // an ICMP error, say
		return true
	}
}

// finish flushes a turn. What a panic leaves behind is dropped.
func (p *port) finish(t *turn) {
	defer p.guard("turn")
	defer t.drop()
	t.flush()
}

// datagram handles one UDP packet, whose memory is the turn's. From an unknown
// address only a check with a right password does anything, and nothing is
// allocated before it: what costs least is asked first, the address and the
// first octet of everything, then a message's shape, its FINGERPRINT, whose
// ufrag it is, and its MESSAGE-INTEGRITY last. What is TURN's goes to the relay,
// whoever sends it: a browser may use one socket for TURN and for its own checks.
func (p *port) datagram(on *socket, t *turn, b []byte, from netip.AddrPort, to netip.Addr) {
	defer p.guard("datagram")
	if p.relay != nil && !on.relayed && ofTURN(b) {
		if !p.relay.FromClient(b, from, on.back(to)) {
			t.wrong.add(from.Addr())
		}
		return
	}
	p.mu.RLock()
	known := p.addresses[flow{from, on.local(to)}]
	p.mu.RUnlock()
	if b[0] <= 3 {
		m, err := parseBinding(b)
		if err != nil {
			t.wrong.add(from.Addr())
			return
		}
		l := p.linkOf(m.ufrag())
		if l == nil {
			if answer := p.probed(m, from); answer != nil {
				_ = newUDPPath(on, nil, from, to).write(answer) // the asker sees whether it came
			} else {
				t.wrong.add(from.Addr())
			}
			return
		}
		password, newest, ok := l.authenticate(&m)
		if !ok {
			t.wrong.add(from.Addr())
			return
		}
		if known == nil || known.link != l || known.socket != on {
			known = newUDPPath(on, l, from, to)
		}
		l.checked(&m, password, newest, known)
		return
	}
	if known == nil {
		on.strangers.Add(1)
		return
	}
	known.link.deliver(b, t)
	if t.full() {
		p.finish(t)
	}
}
