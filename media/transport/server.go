// Package transport carries media in and out: ICE-lite (RFC 8445 §2.5) over one
// UDP port (and a second one, for browsers that refuse the first) and, for those
// whose network drops UDP, over ICE-TCP (RFC 6544) on the same number; TURN on
// the UDP ports is handed to a relay, whose far ends are like any others here; DTLS-SRTP (RFC 5763, RFC 5764, RFC 7714) with AEAD profiles
// only; session descriptions (RFC 8829) that admit Opus, VP8 and its RTX and
// nothing else. There are no data channels and no audio levels.
//
// Each client has one connection that it sends on and offers, and one that it
// receives on and the server offers. Where packets go is media's to decide; who
// a person is, transport never learns. Keys here are those of the hop: content
// is sealed before it arrives.
//
// Everything that reads what a peer sent stands behind a recover boundary: a bad
// peer loses its connection and nobody else's.
package transport

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"huisclos/media"
)

// Config is what the server is given.
type Config struct {
	// UDP are one or several sockets of one port, among which the kernel spreads
	// the clients, and those of Second, if there is one. An answer leaves by the
	// socket that the question came in on.
	UDP   []net.PacketConn
	TCP   net.Listener // ICE-TCP connections; see SplitTCP
	Relay Relay        // nil: none, and TURN is dropped as any stranger's datagram
	// Addresses are where a client reaches the ports, asked for each description;
	// via is the address at which that client's signalling arrived, if known.
	Addresses func(via netip.Addr) []netip.Addr
	// Port is the number that clients know; zero is the first socket's own.
	Port int
	// Second is another number at which UDP is taken, zero if there is none: clients are told it where browsers refuse Port.
	Second int
	// Probe gives the password of a probe by its ufrag, asked for each check that knows no link; nil: nothing is probed. With it
	// whoever made the probe gets an authenticated answer from the port. Strangers get none, as before.
	Probe  func(ufrag []byte) (password string, ok bool)
	Events media.Events
	Log    *slog.Logger
	Now    func() time.Time

	Hook // empty in a release
}

// maxOffer bounds what is parsed for one publisher.
const maxOffer = 256 << 10

// maxAddresses keeps a host with many interfaces from filling descriptions.
const maxAddresses = 16

// ErrTooLarge says that a description is longer than any client's.
var ErrTooLarge = errors.New("transport: session description is too large")

// Server is the media plane: all calls, all connections.
type Server struct {
	cfg    Config
	port   *port
	events *events
	load   load
	hook

	mu     sync.Mutex
	calls  map[media.CallID]*call
	budget media.Budget // of each call
	past   passed       // of calls that ended
	closed bool

	done   chan struct{}
	ticker sync.WaitGroup
}

type call struct {
	id     media.CallID
	router *media.Router

	// Guarded by Server.mu.
	publishers  map[media.PeerID]*publisher
	subscribers map[media.PeerID]*subscriber
	// publishing serializes offers of one publisher, which are answered outside
	// of Server.mu.
	publishing map[media.PeerID]*sync.Mutex
}

// New starts serving the sockets, which are the server's from now on.
func New(cfg Config) (*Server, error) {
	if len(cfg.UDP) == 0 && cfg.TCP == nil && cfg.Relay == nil {
		return nil, errors.New("transport: neither a UDP nor a TCP socket")
	}
	if cfg.Events == nil || cfg.Addresses == nil {
		return nil, errors.New("transport: events and addresses are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Port == 0 {
		cfg.Port = portOf(cfg)
	}
	s := &Server{cfg: cfg, calls: make(map[media.CallID]*call), done: make(chan struct{})}
	if err := s.hook.open(cfg); err != nil {
		return nil, err
	}
	var err error
	if s.port, err = newPort(cfg.UDP, cfg.TCP, cfg.Relay, cfg.Probe, cfg.Log, cfg.Now); err != nil {
		s.hook.close()
		return nil, err
	}
	s.hook.watch(s.port)
	s.events = newEvents(cfg.Events, s.port.guard)
	s.ticker.Add(1)
	go func() { defer s.ticker.Done(); s.tick() }()
	return s, nil
}

func portOf(cfg Config) int {
	if len(cfg.UDP) > 0 {
		if a, ok := cfg.UDP[0].LocalAddr().(*net.UDPAddr); ok {
			return a.Port
		}
	}
	if cfg.TCP != nil {
		if a, ok := cfg.TCP.Addr().(*net.TCPAddr); ok {
			return a.Port
		}
	}
	return 0
}

// Close ends all connections and gives the sockets back, closed.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	ids := make([]media.CallID, 0, len(s.calls))
	for id := range s.calls {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.CloseCall(id)
	}
	close(s.done)
	s.ticker.Wait()
	s.port.close()
	s.events.close()
	s.hook.close()
}

// ours describes the server's side of a link to a client that came via an address.
func (s *Server) ours(l *link, via netip.Addr, session, version uint64) ours {
	c := l.credential()
	o := ours{ufrag: c.ufrag, password: c.password, fingerprint: l.fingerprint,
		session: session, version: version}
	addresses := s.cfg.Addresses(via)
	o.candidates = candidates(addresses[:min(len(addresses), maxAddresses)], s.cfg.Port, s.cfg.Second, len(s.cfg.UDP) > 0 || s.cfg.Relay != nil, s.cfg.TCP != nil)
	return o
}

// Open begins a call whose senders use epoch. An open call begins anew.
func (s *Server) Open(id media.CallID, epoch uint64) {
	s.CloseCall(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	c := &call{
		id: id, router: media.NewRouter(epoch, s.cfg.Now()),
		publishers:  make(map[media.PeerID]*publisher),
		subscribers: make(map[media.PeerID]*subscriber),
		publishing:  make(map[media.PeerID]*sync.Mutex),
	}
	c.router.SetBudget(s.budget)
	s.calls[id] = c
}

// SetBudget changes what each call may be sent, those in progress included.
func (s *Server) SetBudget(b media.Budget) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget = b
	for _, c := range s.calls {
		c.router.SetBudget(b)
	}
}

func (s *Server) call(id media.CallID) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[id]
}

// SetEpoch makes epoch the call's current one.
func (s *Server) SetEpoch(id media.CallID, epoch uint64, now time.Time) {
	if c := s.call(id); c != nil {
		c.router.SetEpoch(epoch, now)
	}
}

// CloseCall ends all connections of a call.
func (s *Server) CloseCall(id media.CallID) {
	s.mu.Lock()
	c := s.calls[id]
	delete(s.calls, id)
	var links []*link
	var subscribers []*subscriber
	if c != nil {
		s.past.add(c.router.Stats())
		for _, p := range c.publishers {
			links = append(links, p.link)
		}
		for _, sub := range c.subscribers {
			links, subscribers = append(links, sub.link), append(subscribers, sub)
		}
		clear(c.publishers)
		clear(c.subscribers)
	}
	s.mu.Unlock()
	for _, sub := range subscribers {
		sub.end()
	}
	for _, l := range links {
		l.end()
	}
	if c != nil {
		c.router.Close()
	}
}

// Admit lets a peer send and receive as a leaf.
func (s *Server) Admit(id media.CallID, peer media.PeerID, leaf uint32) {
	c := s.call(id)
	if c == nil {
		return
	}
	if err := c.router.Admit(peer, leaf, s.cfg.Now()); err != nil {
		s.cfg.Log.Warn("media: peer not admitted", "error", err)
		return
	}
	s.refresh(c)
}

// Cut stops a peer at once: when it returns, no packet goes to or from it.
func (s *Server) Cut(id media.CallID, peer media.PeerID) {
	s.mu.Lock()
	c := s.calls[id]
	if c == nil {
		s.mu.Unlock()
		return
	}
	c.router.Remove(peer)
	p, sub := c.publishers[peer], c.subscribers[peer]
	delete(c.publishers, peer)
	delete(c.subscribers, peer)
	delete(c.publishing, peer)
	s.mu.Unlock()
	s.port.settle()
	if p != nil {
		p.link.end()
	}
	if sub != nil {
		sub.end()
		sub.link.end()
	}
	s.refresh(c)
}

// refresh brings all subscriber connections in line with who sends what.
func (s *Server) refresh(c *call) {
	s.mu.Lock()
	subscribers := make([]*subscriber, 0, len(c.subscribers))
	for _, sub := range c.subscribers {
		subscribers = append(subscribers, sub)
	}
	s.mu.Unlock()
	for _, sub := range subscribers {
		sub.update()
	}
}

// Wants replaces what a peer says about its tiles.
func (s *Server) Wants(id media.CallID, peer media.PeerID, wants []media.Want) {
	if c := s.call(id); c != nil {
		if err := c.router.Wants(peer, wants, s.cfg.Now()); err != nil {
			s.cfg.Log.Debug("media: wants refused", "error", err)
		}
	}
}

// Stats counts since the call was opened.
func (s *Server) Stats(id media.CallID) media.CallStats {
	c := s.call(id)
	if c == nil {
		return media.CallStats{}
	}
	stats := c.router.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range stats.Peers {
		at := &stats.Peers[i]
		if p := c.publishers[at.Peer]; p != nil {
			at.Transport = p.link.network()
		}
		if sub := c.subscribers[at.Peer]; sub != nil && at.Transport == "" {
			at.Transport = sub.link.network()
		}
	}
	return stats
}
