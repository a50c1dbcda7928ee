package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// toClient is how many datagrams of media wait for one client: half a second of 5 Mbit/s. What is more is lost, as on
	// a slow line.
	toClient = 256
	// toMedia is how many datagrams of all clients wait for the media plane, which never waits for anything.
	toMedia = 2048
	// recentChecks is how many connectivity checks of a client may be without an answer; each is answered at once.
	recentChecks = 16
)

// RFC 8656 §5 recommends ports 49152 to 65535 for relayed addresses.
const firstPort, ports = 49152, 65536 - 49152

// dummy4 and dummy6 are where relayed addresses are. No host has them and no router forwards to them: the IANA registries
// call them valid as a source and never as a destination (192.0.0.8/32, RFC 7600 §4.8; 100:0:0:1::/64, RFC 9780). Unlike
// loopback, link-local or unspecified addresses, browsers take them as candidates.
var (
	dummy4 = netip.MustParseAddr("192.0.0.8")
	dummy6 = netip.MustParsePrefix("100:0:0:1::/64")
)

// packet is a datagram in memory.
type packet struct {
	b    []byte
	addr *net.UDPAddr // where it seems to come from; shared, never written to
}

var packets = sync.Pool{New: func() any { return &packet{b: make([]byte, 0, maxPayload)} }}

func newPacket(b []byte, from *net.UDPAddr) *packet {
	p := packets.Get().(*packet)
	p.b, p.addr = append(p.b[:0], b...), from
	return p
}

// give copies the packet out and ends it.
func (p *packet) give(b []byte) (int, net.Addr) {
	n, from := copy(b, p.b), p.addr
	p.addr = nil
	packets.Put(p)
	return n, from
}

// allocation is a relayed transport address (RFC 8656 §3): what pion takes for a socket.
type allocation struct {
	noDeadlines
	relay   *Relay
	account string // tag
	address netip.AddrPort
	udp     *net.UDPAddr // the same
	queue   chan *packet // from media
	done    chan struct{}
	once    sync.Once
	client  atomic.Pointer[client] // set before the first datagram
	until   atomic.Int64           // Unix time at which it ends, whatever is refreshed
	session atomic.Pointer[string] // tag of the session whose credential was last right

	mu     sync.Mutex
	flow   bucket
	peer   *net.UDPAddr // that the client last sent to
	checks [recentChecks]check
	next   int
}

// check is a STUN request on its way to media: the answer comes from where it went to.
type check struct {
	transaction [12]byte
	peer        *net.UDPAddr
}

// WriteTo takes a datagram from the client to its peer. Only media is one, whoever let it come so far.
func (a *allocation) WriteTo(b []byte, to net.Addr) (int, error) {
	peer, ok := to.(*net.UDPAddr)
	if !ok || !a.relay.isMedia(unmapped(peer)) {
		return 0, errForbidden
	}
	if len(b) == 0 || len(b) > maxPayload {
		return len(b), nil // it is lost
	}
	a.mu.Lock()
	if !a.flow.take(float64(len(b)), float64(a.relay.cfg.Limits.Rate), float64(a.relay.cfg.Limits.Rate)/2, a.relay.cfg.Now()) {
		a.mu.Unlock()
		return len(b), nil
	}
	a.peer = peer
	if len(b) >= stunHeader && b[0] == 0 && b[1] == 1 { // RFC 7983 §7; a Binding request
		a.checks[a.next] = check{[12]byte(b[8:stunHeader]), peer}
		a.next = (a.next + 1) % recentChecks
	}
	a.mu.Unlock()
	p := newPacket(b, a.udp)
	select {
	case a.relay.media.queue <- p:
	default:
		packets.Put(p)
	}
	return len(b), nil
}

// ReadFrom gives pion what media sends to the address, from the peer that it answers.
func (a *allocation) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		select {
		case p := <-a.queue:
			p.addr = a.answers(p.b)
			if p.addr == nil { // the client has sent nothing, so nothing answers it
				packets.Put(p)
				continue
			}
			n, from := p.give(b)
			return n, from, nil
		case <-a.done:
			return 0, nil, net.ErrClosed
		}
	}
}

func (a *allocation) answers(b []byte) *net.UDPAddr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(b) >= stunHeader && b[0] == 1 { // success or error of a Binding request
		for _, c := range a.checks {
			if c.peer != nil && c.transaction == [12]byte(b[8:stunHeader]) {
				return c.peer
			}
		}
	}
	return a.peer
}

func (a *allocation) LocalAddr() net.Addr { return a.udp }

func (a *allocation) Close() error {
	a.once.Do(func() {
		close(a.done)
		a.relay.release(a)
	})
	return nil
}

// mediaConn is the media plane's side of all allocations: one more of its sockets.
type mediaConn struct {
	noDeadlines
	relay *Relay
	queue chan *packet
	done  chan struct{}
	once  sync.Once
}

func (m *mediaConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case p := <-m.queue:
		n, from := p.give(b)
		return n, from, nil
	case <-m.done:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo never waits. To an address that is no longer there a datagram is lost.
func (m *mediaConn) WriteTo(b []byte, to net.Addr) (int, error) {
	select {
	case <-m.done:
		return 0, net.ErrClosed
	default:
	}
	u, ok := to.(*net.UDPAddr)
	if !ok || len(b) > maxPayload {
		return 0, errForbidden
	}
	if a := m.relay.at(unmapped(u)); a != nil {
		p := newPacket(b, nil)
		select {
		case a.queue <- p:
		default:
			packets.Put(p)
		}
	}
	return len(b), nil
}

func (m *mediaConn) LocalAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv6unspecified, Port: m.relay.cfg.Ports[0]}
}

func (m *mediaConn) Close() error {
	m.once.Do(func() { close(m.done) })
	return nil
}

var errForbidden = errors.New("relay: no such peer")

// unmapped gives an address as it is on a wire, of 4 or 16 octets.
func unmapped(a *net.UDPAddr) netip.AddrPort {
	p := a.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

// noDeadlines is for connections whose reader has no other clock than Close.
type noDeadlines struct{}

func (noDeadlines) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (noDeadlines) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (noDeadlines) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// fresh gives a relayed address that no allocation has. Of IPv4 there are 16,384, so New allows fewer allocations.
func fresh(random io.Reader, six bool, taken func(netip.AddrPort) bool) (netip.AddrPort, error) {
	var b [10]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return netip.AddrPort{}, fmt.Errorf("relay: relayed address: %w", err)
	}
	host := dummy4
	if six {
		a := dummy6.Addr().As16()
		copy(a[8:], b[2:])
		host = netip.AddrFrom16(a)
	}
	for port := int(binary.BigEndian.Uint16(b[:])); ; port++ {
		if a := netip.AddrPortFrom(host, uint16(firstPort+port%ports)); !taken(a) {
			return a, nil
		}
	}
}
