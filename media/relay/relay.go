package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"
)

// Config is what the relay is given.
type Config struct {
	// Ports are the media plane's, as clients know them: the one and, where there is one, the second.
	Ports []int
	// Own says whether this appliance takes media at an address: one that it told a client.
	Own func(netip.Addr) bool
	// Random makes the keys of the credentials, once, and relayed addresses.
	Random io.Reader
	Now    func() time.Time
	Limits Limits
}

// Limits bound what clients take. Zero is the default.
type Limits struct {
	Allocations int // in all; 4096, and at most 8192: half of the relayed addresses of one family
	PerAccount  int // 96: two connections of a person, of two components each (Firefox), IPv4 and IPv6, UDP, TCP and TLS, before and after a restart, twice
	Waiting     int // connections without an allocation; 512
	Rate        int // octets a second from one allocation to media; 1.5 million: three layers, a shared screen and sound are 0.65 million
}

const (
	// allocationLife is how long an allocation stays without a refresh (RFC 8656 §3.2: ten minutes). A client may ask for
	// other lifetimes, up to an hour.
	allocationLife = 10 * time.Minute
	maxAllocations = ports / 2
	sweepEvery     = 30 * time.Second
)

// Relay is a TURN server whose only peer is the media plane.
type Relay struct {
	cfg       Config
	issuer    *issuer
	budget    *budget
	media     *mediaConn
	streams   *streams
	datagrams *datagrams
	servers   []*turn.Server

	mu          sync.RWMutex
	allocations map[netip.AddrPort]*allocation
	accounts    map[string]int // allocations by tag

	done    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

// New starts a relay that has no client yet.
func New(cfg Config) (*Relay, error) {
	wrong := func(port int) bool { return port <= 0 || port > 65535 }
	if cfg.Own == nil || cfg.Random == nil || len(cfg.Ports) == 0 || slices.ContainsFunc(cfg.Ports, wrong) {
		return nil, errors.New("relay: a port, own addresses and a source of random are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	for _, l := range []struct {
		limit *int
		usual int
	}{{&cfg.Limits.Allocations, 4096}, {&cfg.Limits.PerAccount, 96}, {&cfg.Limits.Waiting, 512}, {&cfg.Limits.Rate, 1_500_000}} {
		if *l.limit == 0 {
			*l.limit = l.usual
		}
	}
	if cfg.Limits.Allocations > maxAllocations {
		return nil, fmt.Errorf("relay: %d allocations are more than the %d that there are addresses for", cfg.Limits.Allocations, maxAllocations)
	}
	secret := make([]byte, 2*keySize)
	if _, err := io.ReadFull(cfg.Random, secret); err != nil {
		return nil, fmt.Errorf("relay: keys: %w", err)
	}
	r := &Relay{cfg: cfg, issuer: newIssuer(secret), budget: newBudget(), allocations: make(map[netip.AddrPort]*allocation),
		accounts: make(map[string]int), done: make(chan struct{})}
	r.media = &mediaConn{relay: r, queue: make(chan *packet, toMedia), done: make(chan struct{})}
	r.streams, r.datagrams = newStreams(r), newDatagrams(r)
	for _, side := range []side{r.streams, r.datagrams} {
		server, err := turn.NewServer(r.configure(side))
		if err != nil {
			r.Close()
			return nil, fmt.Errorf("relay: %w", err)
		}
		r.servers = append(r.servers, server)
	}
	r.running.Go(r.sweeping)
	return r, nil
}

// side is one of the two ways in. Addresses are those that pion got from it: of a stream, the very pointer.
type side interface {
	plug(*turn.ServerConfig, turn.RelayAddressGenerator, turn.PermissionHandler)
	// find gives the client that has no allocation yet, or its state with one.
	find(from net.Addr) *client
	// settle and unsettle: a client's allocation begins and ends.
	settle(c *client)
	unsettle(c *client)
}

// configure makes pion's part of one way in.
func (r *Relay) configure(s side) turn.ServerConfig {
	cfg := turn.ServerConfig{
		Realm: Realm, LoggerFactory: quiet{}, InboundMTU: maxFrame + 1, AllocationLifetime: allocationLife,
		AuthHandler: func(ra *turn.RequestAttributes) (string, []byte, bool) {
			n, key, ok := r.issuer.check(ra.Username, r.cfg.Now())
			return n.account, key, ok && ra.Realm == Realm
		},
		QuotaHandler: func(account, _ string, _ net.Addr) bool {
			r.mu.RLock()
			defer r.mu.RUnlock()
			return r.accounts[account] < r.cfg.Limits.PerAccount
		},
	}
	// What pion reports comes on the goroutine that reads the client, before the answer is sent.
	cfg.EventHandler.OnAuth = func(from, _ net.Addr, _, username, _, _ string, verdict bool) {
		n, ok := parseUsername(username)
		if !verdict || !ok {
			return
		}
		c := s.find(from)
		if c == nil {
			return
		}
		c.username, c.named = username, n
		if a := c.allocation.Load(); a != nil {
			a.hold(n)
		}
	}
	cfg.EventHandler.OnAllocationCreated = func(from, _ net.Addr, _, _, _ string, relayed net.Addr, _ int) {
		u, ok := relayed.(*net.UDPAddr)
		if !ok {
			return
		}
		a, c := r.at(unmapped(u)), s.find(from)
		if a == nil {
			return
		}
		if c == nil {
			a.Close()
			return
		}
		c.side = s
		a.hold(c.named)
		a.client.Store(c)
		c.allocation.Store(a)
		s.settle(c)
		// A revocation that came meanwhile has either seen the allocation, or is seen here.
		if _, _, ok := r.issuer.check(c.username, r.cfg.Now()); !ok {
			a.Close()
		}
		select {
		case <-a.done: // perhaps before its client was known
			if c.allocation.CompareAndSwap(a, nil) {
				s.unsettle(c)
			}
		default:
		}
	}
	s.plug(&cfg, generator{r}, func(_ net.Addr, peer net.IP) bool {
		a, ok := netip.AddrFromSlice(peer)
		return ok && r.mayReach(a.Unmap()) // the gate has seen it as it was on the wire
	})
	return cfg
}

// client is the far end of one TCP connection, or of one UDP address with an allocation.
type client struct {
	side       side
	allocation atomic.Pointer[allocation]
	// Of the credential that was last right; owned by the goroutine that reads the client.
	username string
	named    named
	stream   *stream // or nil
	from     netip.AddrPort
	on       net.PacketConn // or nil
}

// hold ties an allocation to a credential: it lasts as long as that one and an unrefreshed lifetime more, and ends with its
// session.
func (a *allocation) hold(by named) {
	a.until.Store(by.expires.Add(allocationLife).Unix())
	a.session.Store(&by.session)
}

// generator makes relayed addresses for pion.
type generator struct{ relay *Relay }

func (generator) Validate() error { return nil }

func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	if c.UserID == "" || c.RequestedPort != 0 {
		return nil, nil, errUnsupported // a reservation: the gate lets none through
	}
	a, err := g.relay.allocate(c.UserID, c.Network == "udp6")
	if err != nil {
		return nil, nil, err
	}
	return a, a.udp, nil
}

func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errUnsupported
}

func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errUnsupported }

var (
	errUnsupported = errors.New("relay: UDP allocations only (RFC 6062 is not offered)")
	errFull        = errors.New("relay: no allocation is left")
)

func (r *Relay) allocate(account string, six bool) (*allocation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.allocations) >= r.cfg.Limits.Allocations || r.accounts[account] >= r.cfg.Limits.PerAccount {
		return nil, errFull
	}
	address, err := fresh(r.cfg.Random, six, func(a netip.AddrPort) bool { return r.allocations[a] != nil })
	if err != nil {
		return nil, err
	}
	a := &allocation{relay: r, account: account, address: address, udp: net.UDPAddrFromAddrPort(address),
		queue: make(chan *packet, toClient), done: make(chan struct{})}
	a.hold(named{expires: r.cfg.Now().Add(CredentialLife)}) // until the credential itself is known
	r.allocations[address] = a
	r.accounts[account]++
	return a, nil
}

// release forgets an allocation that ended.
func (r *Relay) release(a *allocation) {
	r.mu.Lock()
	delete(r.allocations, a.address)
	if r.accounts[a.account]--; r.accounts[a.account] <= 0 {
		delete(r.accounts, a.account)
	}
	r.mu.Unlock()
	if c := a.client.Load(); c != nil && c.allocation.CompareAndSwap(a, nil) {
		c.side.unsettle(c)
	}
}

func (r *Relay) at(address netip.AddrPort) *allocation {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.allocations[address]
}

// Allocations counts what is in use.
func (r *Relay) Allocations() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.allocations)
}

// Credential makes what a session of an account needs to allocate, for an hour (RTCIceServer's username and credential).
func (r *Relay) Credential(account, session string, now time.Time) (username, password string, expires time.Time) {
	return r.issuer.issue(r.issuer.holder(account, session), now)
}

// Revoke voids the credentials of sessions of an account, or all of the account if none is named, and cuts what was
// allocated with them.
func (r *Relay) Revoke(account string, now time.Time, sessions ...string) {
	if len(sessions) == 0 {
		tag := r.issuer.holder(account, "").account
		r.issuer.revoke(tag, now)
		r.cut(func(a *allocation) bool { return a.account == tag })
	}
	for _, session := range sessions {
		tag := r.issuer.holder(account, session).session
		r.issuer.revoke(tag, now)
		r.cut(func(a *allocation) bool { return *a.session.Load() == tag })
	}
}

// cut ends allocations, and the connections that they came over.
func (r *Relay) cut(which func(*allocation) bool) {
	r.mu.RLock()
	var ended []*allocation
	for _, a := range r.allocations {
		if which(a) {
			ended = append(ended, a)
		}
	}
	r.mu.RUnlock()
	for _, a := range ended {
		c := a.client.Load()
		a.Close()
		if c != nil && c.stream != nil {
			go c.stream.Close() // TLS may take seconds for its farewell
		}
	}
}

// sweep ends allocations whose credential is over.
func (r *Relay) sweep(now time.Time) {
	r.cut(func(a *allocation) bool { return now.Unix() >= a.until.Load() })
}

func (r *Relay) sweeping() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			r.sweep(r.cfg.Now())
		case <-r.done:
			return
		}
	}
}

// Media is the media plane's side: a datagram that a client sent to the media port comes from its relayed address, and
// what is sent to that address goes to the client. ReadFrom and WriteTo do not allocate per packet.
func (r *Relay) Media() net.PacketConn { return r.media }

// Close ends everything.
func (r *Relay) Close() {
	r.once.Do(func() {
		close(r.done)
		for _, s := range r.servers {
			_ = s.Close() // queues in memory
		}
		r.streams.closeAll()
		r.cut(func(*allocation) bool { return true })
		_ = r.media.Close() // likewise
	})
	r.running.Wait()
}
