package transport

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// mover takes sockets to another local address, as a machine does that is plugged in: what was sent to the old one is lost.
type mover struct {
	t       *testing.T
	mu      sync.Mutex
	sockets []*movingUDP
}

func (m *mover) add(first net.PacketConn) net.PacketConn {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &movingUDP{PacketConn: first, current: first}
	m.sockets = append(m.sockets, s)
	m.t.Cleanup(func() { s.at().Close() })
	return s
}

func (m *mover) move(to netip.Addr) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sockets {
		c, err := net.ListenPacket("udp", netip.AddrPortFrom(to, 0).String())
		if err != nil {
			m.t.Fatal(err)
		}
		s.mu.Lock()
		old := s.current
		s.current = c
		s.mu.Unlock()
		old.Close()
	}
}

// movingUDP keeps the name of its first address: an agent knows only what it gathered.
type movingUDP struct {
	net.PacketConn // the first one: LocalAddr

	mu      sync.Mutex
	current net.PacketConn
}

func (s *movingUDP) at() net.PacketConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *movingUDP) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		c := s.at()
		n, from, err := c.ReadFrom(b)
		if err == nil || c == s.at() {
			return n, from, err
		}
	}
}

func (s *movingUDP) WriteTo(b []byte, to net.Addr) (int, error) { return s.at().WriteTo(b, to) }
func (s *movingUDP) Close() error                               { return s.at().Close() }
func (s *movingUDP) SetReadDeadline(at time.Time) error         { return s.at().SetReadDeadline(at) }
func (s *movingUDP) SetWriteDeadline(at time.Time) error        { return s.at().SetWriteDeadline(at) }
func (s *movingUDP) SetDeadline(at time.Time) error             { return s.at().SetDeadline(at) }

// TestNetworkChange: a client's address changes in mid-call and the old one is gone. It restarts ICE, as pages do, and is heard
// and hears again within the three seconds that people are promised. What the page needs to notice is its own.
func TestNetworkChange(t *testing.T) {
	const promised = 3 * time.Second
	for _, host := range []struct{ name, server, after string }{
		{"IPv4", "127.0.0.1", "127.0.0.2"},
		{"IPv6", "::1", "::1"}, // there is one loopback address: another port of it
	} {
		t.Run(host.name, func(t *testing.T) {
			if l, err := net.ListenPacket("udp", netip.AddrPortFrom(netip.MustParseAddr(host.after), 0).String()); err != nil {
				t.Skipf("this machine has no %s: %v", host.after, err)
			} else {
				l.Close()
			}
			s := newStageAt(t, netip.MustParseAddr(host.server))
			m := &mover{t: t}
			moving, staying := s.client("moving", 1), s.join("staying", 2)
			s.server.Admit(testCall, moving.id, 1)
			moving.open(clientOptions{moves: m})
			if err := moving.publish(nil); err != nil {
				t.Fatal(err)
			}
			moving.subscribe(clientOptions{moves: m})
			defer moving.stream()()
			defer staying.stream()()
			hears := func(c *client, leaf uint32, more int) {
				t.Helper()
				before := c.count(track(leaf, 0))
				until(t, string(c.id)+" hears", func() bool { return c.count(track(leaf, 0)) > before+more })
			}
			hears(staying, 1, 20)
			hears(moving, 2, 20)

			m.move(netip.MustParseAddr(host.after))
			since := time.Now()
			if err := moving.publish(&webrtc.OfferOptions{ICERestart: true}); err != nil {
				t.Fatal(err)
			}
			s.server.RestartSubscriber(testCall, moving.id)
			var wait sync.WaitGroup
			gaps := make([]time.Duration, 2)
			for i, side := range []struct {
				c    *client
				leaf uint32
			}{{staying, 1}, {moving, 2}} {
				before := side.c.count(track(side.leaf, 0))
				wait.Go(func() {
					for side.c.count(track(side.leaf, 0)) <= before+5 && time.Since(since) < 2*promised { // five more: nothing that was on its way
						time.Sleep(5 * time.Millisecond)
					}
					gaps[i] = time.Since(since)
				})
			}
			wait.Wait()
			t.Logf("heard again after %v, hears again after %v", gaps[0].Round(time.Millisecond), gaps[1].Round(time.Millisecond))
			for _, gap := range gaps {
				if gap >= promised {
					t.Errorf("silence for %v", gap)
				}
			}
		})
	}
}
