package relay

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/pion/turn/v5"
)

// fromClients is how many datagrams of all clients wait for pion, which handles them one after the other.
const fromClients = 1024

// datagrams are the clients over UDP, and the socket that pion has for them. There is none: the media port's reader hands
// in what is TURN's, and answers leave by the socket that a client's datagrams come in on.
type datagrams struct {
	noDeadlines
	relay *Relay
	queue chan datagram

	mu      sync.RWMutex
	clients map[netip.AddrPort]*client // with an allocation
	now     datagram                   // the one that pion handles
	fresh   *client                    // its author, once the password was right
}

type datagram struct {
	packet *packet
	from   netip.AddrPort
	on     net.PacketConn
}

func newDatagrams(r *Relay) *datagrams {
	return &datagrams{relay: r, queue: make(chan datagram, fromClients), clients: make(map[netip.AddrPort]*client)}
}

// FromClient takes a datagram that came in on the media port: a STUN message other than Binding, or ChannelData (first
// octet 0 to 3, or 64 to 79; RFC 7983 §7). Anything else is dropped. b is the caller's again when it returns, which is at
// once; an answer, if any, leaves by on. It is false for what no client sends, or no client of ours, and for what strangers
// send beyond their budget.
func (r *Relay) FromClient(b []byte, from netip.AddrPort, on net.PacketConn) bool {
	d := r.datagrams
	var m message
	if m.parse(b) != nil || !m.isChannelData && m.method == methodBinding {
		return false
	}
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	d.mu.RLock()
	c := d.clients[from]
	d.mu.RUnlock()
	var a *allocation
	if c != nil {
		a = c.allocation.Load()
	}
	if a == nil && (m.isChannelData || !r.budget.spend(from.Addr(), r.cfg.Now())) {
		return false
	}
	verdict, code := r.judge(&m, a)
	if verdict == refuse {
		if answer := r.refusal(&m, code, r.cfg.Now()); answer != nil {
			send(on, answer, from)
			return true
		}
		verdict = pass
	}
	if verdict == pass {
		p := newPacket(b, nil)
		select {
		case d.queue <- datagram{p, from, on}:
		default:
			packets.Put(p)
		}
	}
	return verdict != drop || a != nil
}

// Clients are the addresses over UDP that have an allocation.
func (r *Relay) Clients() []netip.AddrPort {
	d := r.datagrams
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.Collect(maps.Keys(d.clients))
}

// send is a datagram's: what cannot be sent is lost.
func send(on net.PacketConn, b []byte, to netip.AddrPort) {
	if conn, ok := on.(interface {
		WriteToUDPAddrPort([]byte, netip.AddrPort) (int, error)
	}); ok {
		_, _ = conn.WriteToUDPAddrPort(b, to)
		return
	}
	_, _ = on.WriteTo(b, net.UDPAddrFromAddrPort(to))
}

func (d *datagrams) plug(cfg *turn.ServerConfig, g turn.RelayAddressGenerator, p turn.PermissionHandler) {
	cfg.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: d, RelayAddressGenerator: g, PermissionHandler: p}}
}

// find is asked on the goroutine that handles the datagram.
func (d *datagrams) find(from net.Addr) *client {
	u, ok := from.(*net.UDPAddr)
	if !ok {
		return nil
	}
	address := unmapped(u)
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.clients[address]; c != nil {
		return c
	}
	if d.now.from != address {
		return nil
	}
	if d.fresh == nil {
		d.fresh = &client{from: address, on: d.now.on}
	}
	return d.fresh
}

func (d *datagrams) settle(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clients[c.from] = c
}

func (d *datagrams) unsettle(c *client) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.clients[c.from] == c {
		delete(d.clients, c.from)
	}
}

func (d *datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case next := <-d.queue:
		d.mu.Lock()
		d.now, d.fresh = next, nil
		d.mu.Unlock()
		next.packet.addr = net.UDPAddrFromAddrPort(next.from)
		n, from := next.packet.give(b)
		return n, from, nil
	case <-d.relay.done:
		return 0, nil, net.ErrClosed
	}
}

func (d *datagrams) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, errForbidden
	}
	address := unmapped(u)
	d.mu.RLock()
	var on net.PacketConn
	// A response (RFC 8489 §5: the class bit of the first octet) is to the request that is handled now, and leaves from where that was
	// asked; all else goes the way of the allocation.
	if d.now.from == address && len(b) > 0 && b[0] == 1 {
		on = d.now.on
	} else if c := d.clients[address]; c != nil {
		on = c.on
	}
	d.mu.RUnlock()
	if on != nil {
		send(on, b, address)
	}
	return len(b), nil
}

// LocalAddr is of no family: an allocation that asks for none gets its client's.
func (d *datagrams) LocalAddr() net.Addr {
	return &net.UDPAddr{IP: net.IPv6unspecified, Port: d.relay.cfg.Ports[0]}
}

func (*datagrams) Close() error { return nil } // Relay.Close does it
