package transport

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/media/transport/batch"
)

// While a stranger floods the port, the kernel keeps the flood out; the call goes on, who joins is heard. Afterwards everybody is
// let in again.
func TestFloodIsKeptOut(t *testing.T) {
	for _, kind := range []string{"media", "wrong checks", "channel data"} {
		t.Run(kind, func(t *testing.T) { keepOut(t, kind) })
	}
}

// refusing is a relay that knows nobody.
type refusing struct{ net.PacketConn }

func (refusing) FromClient([]byte, netip.AddrPort, net.PacketConn) bool { return false }
func (r refusing) Media() net.PacketConn                                { return r.PacketConn }
func (refusing) Clients() []netip.AddrPort                              { return nil }

func keepOut(t *testing.T, kind string) {
	var relay Relay
	if kind == "channel data" {
		relay = refusing{loopback(t)}
	}
	s := newStageWith(t, netip.MustParseAddr("127.0.0.1"), relay)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	p := s.server.port
	kept := func() bool {
		p.mu.RLock()
		defer p.mu.RUnlock()
		return !p.defence.until.IsZero()
	}
	if kept() {
		t.Fatal("strangers are kept out without a flood")
	}
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: s.port})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet := append([]byte{0x80, 96}, noise(300)...)
	if kind != "media" {
		packet = fromNobody(t, s.server.subscriber(testCall, "b").link.credential().ufrag)[map[string]string{"wrong checks": "STUN with the link's ufrag", "channel data": "TURN channel data"}[kind]]
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	var sent atomic.Int64
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			for range 60 {
				_, _ = conn.Write(packet)
				sent.Add(1)
			}
		}
	}()
	until(t, "the flood is kept out", kept)
	at := b.count(track(1, 0))
	until(t, "media goes on", func() bool { return b.count(track(1, 0)) > at+20 })

	// Hardly any of it arrives while it goes on, not even when the port looks whether it does.
	reads, went, began := p.udp[0].batch.Stats().Received, sent.Load(), time.Now()
	time.Sleep(defendFor + defendFor/2)
	read, flood := p.udp[0].batch.Stats().Received-reads, sent.Load()-went
	// The call's own: two senders' packets at most 200 a second, and what they answer.
	if own := int64(1000 * time.Since(began).Seconds()); flood > 3*floodAt && int64(read) > own+2*flood/batch.BarredOf {
		t.Errorf("%d datagrams were read while %d were kept out", read, flood)
	}
	if !kept() {
		t.Error("strangers are let in while they flood")
	}

	c := s.join("c", 3)
	c.stream()
	until(t, "who joins is heard, and hears", func() bool { return b.count(track(3, 0)) > 5 && c.count(track(1, 0)) > 5 })
	close(stop)
	<-ended
	until(t, "everybody is let in again", func() bool { return !kept() })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) != 0 {
		t.Errorf("failed: %v", s.failed)
	}
}

// Of many sources, those that send most are found, whatever the others do; of IPv6 by what one far end has.
func TestOffenders(t *testing.T) {
	var o offenders
	four, six := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8:1:2::")
	for i := range 10000 {
		o.add(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		o.add(four)
		o.add(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 12: byte(i >> 8), 13: byte(i)}))
	}
	if got := o.take(nil, func(netip.Addr) float64 { return 3000 }); len(got) != 2 || !slices.Contains(got, four) || !slices.Contains(got, six) {
		t.Errorf("%v", got)
	}
	for i := range 20 {
		o.add(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
	}
	if got := o.take(nil, func(netip.Addr) float64 { return 2 }); len(got) != 0 {
		t.Errorf("%v after few", got)
	}
}
