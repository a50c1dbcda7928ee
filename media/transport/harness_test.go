package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"

	"huisclos/media"
	"huisclos/media/gate"
)

const testCall = media.CallID("call")

// stage is a server on loopback with clients around it.
type stage struct {
	t      *testing.T
	server *Server
	at     netip.Addr // that it listens on
	// addresses are those that clients are told.
	addresses []netip.Addr
	udp       *switchedUDP
	port      int
	offset    atomic.Int64 // of the server's clock

	mu        sync.Mutex
	clients   map[media.PeerID]*client
	connected []string
	failed    []string
	refused   map[media.PeerID]map[media.RefusedReason]uint64
	layers    map[string]string // "peer context": those that are received
}

// switchedUDP is a socket whose kernel side loses everything that arrives while it is off.
type switchedUDP struct {
	*net.UDPConn
	t   testing.TB
	off lossy
}

type lossy struct{ of *switchedUDP }

// Store attaches a socket filter that keeps nothing, or takes it away (socket(7), SO_ATTACH_FILTER).
func (l lossy) Store(off bool) {
	raw, err := l.of.SyscallConn()
	if err != nil {
		l.of.t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		if !off {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
			return
		}
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		failed = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
	if err = errors.Join(err, failed); err != nil {
		l.of.t.Fatal(err)
	}
}

func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageAt(t, netip.MustParseAddr("127.0.0.1"))
}

func newStageAt(t *testing.T, at netip.Addr) *stage {
	t.Helper()
	return newStageWith(t, at, nil)
}

func newStageWith(t *testing.T, at netip.Addr, relay Relay) *stage {
	t.Helper()
	ln, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(at, uint16(port))))
	if err != nil {
		t.Fatal(err)
	}
	ended := new(atomic.Bool)
	t.Cleanup(func() { ended.Store(true) })
	web, iceConns, _ := SplitTCP(ln)
	t.Cleanup(func() { web.Close() })
	s := &stage{t: t, at: at, addresses: []netip.Addr{at}, udp: &switchedUDP{UDPConn: udp, t: t}, port: port, clients: make(map[media.PeerID]*client),
		refused: make(map[media.PeerID]map[media.RefusedReason]uint64), layers: make(map[string]string)}
	s.udp.off.of = s.udp
	s.server, err = New(Config{UDP: []net.PacketConn{udp}, TCP: iceConns, Relay: relay, Events: s, Log: slog.New(slog.NewTextHandler(testLog{t, ended}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Addresses: func(netip.Addr) []netip.Addr { return s.addresses },
		Now:       func() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.server.Close)
	s.server.Open(testCall, 1)
	return s
}

func (s *stage) Offer(_ media.CallID, peer media.PeerID, offer string, tracks []media.Track) {
	s.mu.Lock()
	c := s.clients[peer]
	s.mu.Unlock()
	if c != nil {
		c.offers <- offered{offer, tracks}
	}
}

func direction(publishing bool) string {
	if publishing {
		return "publishing"
	}
	return "receiving"
}

func (s *stage) Connected(_ media.CallID, peer media.PeerID, publishing bool, network string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected = append(s.connected, fmt.Sprint(peer, " ", direction(publishing), " ", network))
}

func (s *stage) Failed(_ media.CallID, peer media.PeerID, publishing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, fmt.Sprint(peer, " ", direction(publishing)))
}

func (s *stage) Layers(_ media.CallID, peer media.PeerID, streams []media.StreamLayers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, of := range streams {
		s.layers[fmt.Sprint(peer, " ", of.Context)] = fmt.Sprint(of.Layers)
	}
}

func (s *stage) Refused(_ media.CallID, peer media.PeerID, counts map[media.RefusedReason]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[peer] = counts
}

func (s *stage) told(list *[]string, what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range *list {
		if line == what {
			return true
		}
	}
	return false
}

// until waits for something that happens on other goroutines.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// settled waits until a number stays as it is for a while, and gives it: what
// was under way has arrived then.
func settled(t *testing.T, of func() int) (n int) {
	t.Helper()
	since := time.Now()
	n = of()
	until(t, "nothing comes any more", func() bool {
		if now := of(); now != n {
			n, since = now, time.Now()
		}
		return time.Since(since) > 400*time.Millisecond
	})
	return n
}

// assemble puts frames together as a receiver does and fails on anything that
// was not sealed by the client it comes from.
func assemble(t *testing.T, from *client, packets []*rtp.Packet, video bool) (frames int) {
	t.Helper()
	from.mu.Lock()
	known := make(map[string]bool, len(from.sent))
	for _, b := range from.sent {
		known[string(b)] = true
	}
	from.mu.Unlock()
	var frame []byte
	var at uint32
	for i, p := range packets {
		if len(p.Payload) == 0 {
			continue
		}
		body := p.Payload
		if video {
			d, err := gate.ParseDescriptor(body)
			if err != nil {
				t.Fatalf("packet %d: %v", i, err)
			}
			if d.Start {
				frame, at = nil, p.Timestamp
			} else if p.Timestamp != at {
				continue // its first packet was before we listened, or lost
			}
			body = body[d.Size:]
		} else {
			frame = nil
		}
		frame = append(frame, body...)
		if p.Marker || !video {
			if !known[string(frame)] {
				t.Fatalf("packet %d ends a frame of %d bytes that nobody sealed: %x…", i, len(frame), frame[:min(len(frame), 24)])
			}
			frames++
			frame = nil
		}
	}
	return frames
}

func track(leaf uint32, context uint8) string { return fmt.Sprintf("%d-%d", leaf, context) }

func (s *stage) refusedOf(id media.PeerID) map[media.RefusedReason]uint64 {
	for _, p := range s.server.Stats(testCall).Peers {
		if p.Peer == id {
			return p.Refused
		}
	}
	return nil
}

func mustContain(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("%q is not in\n%s", part, text)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// testLog shows the server's log with the test's, as long as that lasts.
type testLog struct {
	t     *testing.T
	ended *atomic.Bool
}

func (l testLog) Write(b []byte) (int, error) {
	if !l.ended.Load() {
		l.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}
