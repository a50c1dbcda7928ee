package transport

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/stun/v4"

	"huisclos/media"
	"huisclos/media/forward"
)

const (
	soakRound   = 15 * time.Second
	soakPeers   = 8
	soakWarmUp  = 2 // rounds in which pools and maps reach their size
	soakSlack   = 4 << 20
	soakGrowth  = 1 << 20 // of the median of the last third over that of the first
	soakSettles = 40 * time.Second
)

// holdings are what a server, with everything around it in this process, has when nobody is there.
type holdings struct {
	heap                               uint64
	goroutines, descriptors            int
	ufrags, addresses, undecided, legs int
	kept                               int // octets for retransmissions
}

// soak is a server with one call whose members come and go.
type soak struct {
	t      *testing.T
	r      *rand.Rand
	server *Server
	to     netip.AddrPort
	leaf   uint32 // the last that was given
	epoch  uint64

	present         []*soakPeer
	gone            []media.PeerID // in this round
	acts            []string       // of this round, for a failure
	heard, repaired int

	mu        sync.Mutex
	peers     map[media.PeerID]*soakPeer
	connected map[media.PeerID]int
	failed    map[media.PeerID][2]int // receiving, publishing
	wrong     error
}

func (s *soak) Offer(_ media.CallID, id media.PeerID, offer string, _ []media.Track) {
	s.mu.Lock()
	p := s.peers[id]
	s.mu.Unlock()
	if p != nil {
		select {
		case p.offers <- offer:
		case <-p.stopped:
		}
	}
}
func (s *soak) Connected(_ media.CallID, id media.PeerID, publishing bool, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if publishing {
		s.connected[id]++
	}
}
func (s *soak) Failed(_ media.CallID, id media.PeerID, publishing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.failed[id]
	n[btoi(publishing)]++
	s.failed[id] = n
}
func (s *soak) Layers(media.CallID, media.PeerID, []media.StreamLayers)            {}
func (s *soak) Refused(media.CallID, media.PeerID, map[media.RefusedReason]uint64) {}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *soak) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == nil {
		s.wrong = err
	}
}

func (s *soak) holdings() (h holdings) {
	for range 2 {
		runtime.GC() // twice: what finalizers and pools held goes with the second
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.kept = forward.Kept()
	h.heap, h.goroutines = m.HeapAlloc, runtime.NumGoroutine()
	if entries, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.descriptors = len(entries)
	}
	p := s.server.port
	p.mu.RLock()
	h.ufrags, h.addresses, h.undecided = len(p.ufrags), len(p.addresses), len(p.undecided)
	p.mu.RUnlock()
	var of everybody
	s.server.all(&of)
	h.legs = len(of.publishers) + len(of.subscribers)
	for _, c := range of.calls {
		h.legs += len(c.router.Stats().Peers)
	}
	return h
}

// TestSoak lets a call live for HUISCLOS_SOAK ("3m", "24h"; make soak): people join and leave in every manner, by UDP and TCP,
// with layer and epoch changes, ICE restarts, other networks, NACKs, new connections in place of old ones and floods. After each
// round everybody leaves, and memory, goroutines, descriptors, names, addresses and connections are back at what they were. In
// between, whoever should receive does, what arrives is whose it should be, and nobody is cut who did not leave. HUISCLOS_SEED
// plays the same acts again.
func TestSoak(t *testing.T) {
	text := os.Getenv("HUISCLOS_SOAK")
	if text == "" {
		t.Skip("HUISCLOS_SOAK is not set")
	}
	lasts, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("HUISCLOS_SEED"); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("HUISCLOS_SEED=%d", seed)
	s := newSoak(t, seed)
	var base holdings
	var heaps []uint64
	for round, began := 0, time.Now(); time.Since(began) < lasts; round++ {
		s.play(soakRound)
		var h holdings
		for wait := time.Now().Add(soakSettles); ; time.Sleep(100 * time.Millisecond) {
			h = s.holdings()
			if h.ufrags+h.addresses+h.undecided+h.legs+h.kept == 0 && (round < soakWarmUp || h.goroutines <= base.goroutines && h.descriptors <= base.descriptors && h.heap <= base.heap+soakSlack) {
				break
			}
			if time.Now().After(wait) {
				b := make([]byte, 1<<20)
				t.Fatalf("after round %d (%v) there stay %+v, at first %+v\n%s", round, time.Since(began).Round(time.Second), h, base, b[:runtime.Stack(b, true)])
			}
		}
		if round < soakWarmUp {
			base.goroutines, base.descriptors, base.heap = max(base.goroutines, h.goroutines), max(base.descriptors, h.descriptors), max(base.heap, h.heap)
			continue
		}
		heaps = append(heaps, h.heap)
		t.Logf("%v: %.2f MiB, %d goroutines, %d descriptors; so far %d joined, %d packets heard, %d repairs", time.Since(began).Round(time.Second),
			float64(h.heap)/(1<<20), h.goroutines, h.descriptors, s.leaf, s.heard, s.repaired)
	}
	if s.heard == 0 || s.repaired == 0 {
		t.Errorf("%d packets heard, %d repairs", s.heard, s.repaired)
	}
	if n := len(heaps) / 3; n > 0 {
		first, last := middle(heaps[:n]), middle(heaps[len(heaps)-n:])
		t.Logf("heap of the first third %.2f MiB, of the last %.2f MiB", float64(first)/(1<<20), float64(last)/(1<<20))
		if last > first+soakGrowth {
			t.Errorf("the heap grows: %d octets, then %d", first, last)
		}
	}
}

func middle(of []uint64) uint64 {
	of = slices.Sorted(slices.Values(of))
	return of[len(of)/2]
}

// newSoak has a log that keeps nothing, and fails the test when a boundary caught a panic.
func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatal(err)
	}
	_ = udp.SetReadBuffer(4 << 20) // as the appliance's
	web, iceConns, _ := SplitTCP(ln)
	t.Cleanup(func() { web.Close() })
	s := &soak{t: t, r: rand.New(rand.NewPCG(seed, 0)), to: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)), epoch: 1,
		peers: make(map[media.PeerID]*soakPeer), connected: make(map[media.PeerID]int), failed: make(map[media.PeerID][2]int)}
	s.server, err = New(Config{UDP: []net.PacketConn{udp}, TCP: iceConns, Events: s, Log: slog.New(recovered{t: t}),
		Addresses: func(netip.Addr) []netip.Addr { return []netip.Addr{s.to.Addr()} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.server.Close)
	s.server.Open(testCall, 1)
	return s
}

// play is one round.
func (s *soak) play(lasts time.Duration) {
	s.acts = s.acts[:0]
	for began, checked := time.Now(), time.Now(); time.Since(began) < lasts; {
		if len(s.present) < 2 {
			s.join()
			continue
		}
		s.act()
		time.Sleep(time.Duration(s.r.IntN(150)) * time.Millisecond)
		if time.Since(checked) > lasts/5 {
			s.check()
			checked = time.Now()
		}
	}
	s.check()
	for len(s.present) > 0 {
		s.leave(s.present[0])
	}
	for _, id := range s.gone {
		s.server.Cut(testCall, id)
	}
	s.gone = s.gone[:0]
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.connected)
	clear(s.failed)
}

func (s *soak) act() {
	p := s.present[s.r.IntN(len(s.present))]
	act := s.r.IntN(13)
	s.acts = append(s.acts, fmt.Sprint(p.id, " ", act))
	var err error
	switch act {
	case 0, 1:
		if len(s.present) < soakPeers {
			s.join()
		}
	case 2:
		s.leave(p)
	case 3: // layers
		var wants []media.Want
		for _, other := range s.present {
			wants = append(wants, media.Want{Leaf: other.leaf, Context: 1, Height: []int{90, 180, 360, 720}[s.r.IntN(4)]})
		}
		s.server.Wants(testCall, p.id, wants)
	case 4:
		s.epoch++
		s.server.SetEpoch(testCall, s.epoch, time.Now())
		for _, p := range s.present {
			p.epoch.Store(s.epoch)
		}
	case 5: // ICE restarts
		p.ufrag++
		if err = p.publish(); err == nil {
			err = p.pub.passes()
		}
	case 6:
		s.server.RestartSubscriber(testCall, p.id)
	case 7, 8: // misses much
		p.mu.Lock()
		var lost []rtcp.Packet
		for ssrc, last := range p.last {
			lost = append(lost, &rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: last - uint16(s.r.IntN(40)), LostPackets: rtcp.PacketBitmap(s.r.Uint32())}}},
				&rtcp.PictureLossIndication{MediaSSRC: ssrc})
		}
		sub := p.sub
		p.mu.Unlock()
		for some := range slices.Chunk(lost, 20) {
			var b []byte
			if b, err = rtcp.Marshal(some); err == nil {
				sub.send(b, true)
			}
		}
	case 9: // another connection in place of the one to receive on
		p.anew++
		p.mu.Lock()
		sub := p.sub
		p.mu.Unlock()
		sub.end(s.r.IntN(2) == 0)
		p.subscribe()
	case 10:
		s.flood(p)
	case 11: // rubbish of a member
		for range 300 {
			b := noise(1 + s.r.IntN(300))
			if p.tcp {
				b[0] |= 4 // a check that is none ends a TCP connection
			}
			_ = p.pub.write(b)
		}
	case 12: // from another network
		if !p.tcp {
			if err = p.pub.move(); err == nil {
				err = p.pub.passes()
			}
		}
	}
	if err != nil {
		s.t.Fatalf("%s: act %d: %v", p.id, act, err)
	}
}

// flood is a stranger who knows a member's ufrag.
func (s *soak) flood(of *soakPeer) {
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, net.UDPAddrFromAddrPort(s.to))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	check, err := stun.Build(stun.BindingRequest, stun.TransactionID, stun.NewUsername(of.pub.far.ufrag+":x"), stun.NewShortTermIntegrity("a guess"), stun.Fingerprint)
	if err != nil {
		s.t.Fatal(err)
	}
	hello, media := clientHello(), append([]byte{0x80, 96}, noise(200)...)
	for range 1000 {
		_, _ = conn.Write(check.Raw)
		_, _ = conn.Write(hello)
		_, _ = conn.Write(media)
	}
}

func (s *soak) join() {
	s.leaf++
	certificate, fingerprint, err := newCertificate(time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	p := &soakPeer{server: s.server, to: s.to, id: media.PeerID(fmt.Sprint("c", s.leaf)), leaf: s.leaf, tcp: s.r.IntN(3) == 0, certificate: certificate,
		fingerprint: fingerprint, offers: make(chan string, 64), tracks: make(map[uint32]string), heard: make(map[string]int), last: make(map[uint32]uint16),
		stopped: make(chan struct{})}
	p.fail = func(err error) {
		select {
		case <-p.stopped:
		default:
			s.fail(err)
		}
	}
	p.epoch.Store(s.epoch)
	s.mu.Lock()
	s.peers[p.id] = p
	s.mu.Unlock()
	s.server.Admit(testCall, p.id, p.leaf)
	p.pub = newLeg(p.to, p.tcp, certificate, func([]byte, bool) {})
	if err = p.publish(); err == nil {
		err = p.pub.connect()
	}
	if err != nil {
		s.t.Fatalf("%s (TCP %v) publishes: %v", p.id, p.tcp, err)
	}
	p.subscribe()
	p.live()
	s.present = append(s.present, p)
}

// leave is a goodbye, a cut, or a line that breaks.
func (s *soak) leave(p *soakPeer) {
	s.present = slices.DeleteFunc(s.present, func(o *soakPeer) bool { return o == p })
	s.gone = append(s.gone, p.id)
	way := s.r.IntN(3)
	if way == 0 {
		s.server.Cut(testCall, p.id)
	}
	close(p.stopped)
	s.mu.Lock()
	delete(s.peers, p.id)
	s.mu.Unlock()
	p.pub.end(way == 1)
	p.mu.Lock()
	sub := p.sub
	p.mu.Unlock()
	sub.end(way == 1)
	p.running.Wait()
	s.repaired += p.repaired
}

// check waits until everybody has heard something new from everybody else.
func (s *soak) check() {
	for _, p := range s.present {
		p.mu.Lock()
		for _, n := range p.heard {
			s.heard += n
		}
		clear(p.heard)
		p.mu.Unlock()
	}
	for _, p := range s.present {
		for _, other := range s.present {
			for context := range uint8(2) {
				if p != other {
					s.hears(p, other, context)
				}
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.present {
		if n := s.failed[p.id]; n[1] > 0 || n[0] > p.anew {
			s.t.Fatalf("%s, who is still there, was told to have failed: %v\n%v", p.id, n, s.acts)
		}
	}
	if s.wrong != nil {
		s.t.Fatalf("%v\n%v", s.wrong, s.acts)
	}
}

func (s *soak) hears(p, other *soakPeer, context uint8) {
	at := track(other.leaf, context)
	for wait := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		n := p.heard[at]
		p.mu.Unlock()
		if n > 1 {
			return
		}
		if time.Now().Before(wait) {
			continue
		}
		sub := s.server.subscriber(testCall, p.id)
		sub.mu.Lock()
		defer sub.mu.Unlock()
		lines := ""
		for _, l := range sub.lines {
			lines += fmt.Sprintf("%+v idle %v agreed %v outlet %v\n", l.line, l.idle, l.agreed.receives, l.outlet != nil)
		}
		s.t.Fatalf("%s (TCP %v, %d connections) hears %d packets of %s (TCP %v); server: keyed %v, outstanding %v, version %d, network %q; tracks %v\n%s%+v\n%v", p.id, p.tcp,
			p.anew+1, n, at, other.tcp, sub.keyed, sub.outstanding, sub.version, sub.link.network(), p.tracks, lines, s.server.Stats(testCall).Peers, s.acts)
	}
}
