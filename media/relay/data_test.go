package relay

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"huisclos/crypto/certtest"
)

// TestData: pion's client, which knows nothing of the gate, reaches media and hears it, from an address that no host has.
func TestData(t *testing.T) {
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		seen := make(map[netip.AddrPort]bool)
		for i := range 5 {
			username, password := s.credential("alice")
			c := s.client(way, username, password)
			conn, err := c.Allocate()
			must(t, err)
			address := conn.LocalAddr().(*net.UDPAddr).AddrPort()
			if !relayed(address.Addr()) || address.Port() < firstPort || seen[address] {
				t.Errorf("relayed address %v", address)
			}
			seen[address] = true
			if err := c.CreatePermission(udpAddr(at(netip.MustParseAddr("127.0.0.1")))); err == nil {
				t.Error("pion's client got a permission for loopback")
			}
			// The first ones are indications, later ones go over the channel that pion's client binds meanwhile.
			for n, size := range []int{5, 1200, 1400, 6, 7, 1199, 1201} {
				data := bytes.Repeat([]byte{byte(n + 1)}, size)
				if _, err := conn.WriteTo(data, udpAddr(at(own4))); err != nil {
					t.Fatal(err)
				}
				got, from := s.heard(5 * time.Second)
				if got != string(data) || unmapped(from) != netip.AddrPortFrom(address.Addr().Unmap(), address.Port()) {
					t.Fatalf("client %d: media heard %d octets from %v", i, len(got), from)
				}
				if _, err := s.relay.Media().WriteTo(append(data, '!'), from); err != nil {
					t.Fatal(err)
				}
				b := make([]byte, 2048)
				must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
				k, peer, err := conn.ReadFrom(b)
				must(t, err)
				if string(b[:k]) != string(data)+"!" || unmapped(peer.(*net.UDPAddr)) != at(own4) {
					t.Fatalf("client %d heard %d octets from %v", i, k, peer)
				}
				time.Sleep(time.Millisecond)
			}
			must(t, conn.Close())
			until(t, "the allocation is given back", func() bool { return s.relay.Allocations() == 0 })
		}
	})
}

// TestAnswersComeFromWhereTheCheckWent: with several addresses of ours, each connectivity check is answered from its own.
func TestAnswersComeFromWhereTheCheckWent(t *testing.T) {
	s := newStage(t, Limits{})
	c := s.raw("udp", "alice")
	if code := c.allocate(); code != 0 {
		t.Fatal(code)
	}
	if _, code := c.request(stun.MethodCreatePermission, peerOf(at(own4)), peerOf(at(private))); code != 0 {
		t.Fatal(code)
	}
	var checks []*stun.Message
	var from *net.UDPAddr
	peers := []netip.AddrPort{at(own4), at(private), at(own4)}
	for _, peer := range peers {
		check := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
		checks = append(checks, check)
		c.indicate(peer, string(check.Raw))
		if _, from = s.heard(time.Second); from == nil {
			t.Fatal("media heard nothing")
		}
	}
	answered := func(b []byte) netip.AddrPort {
		t.Helper()
		if _, err := s.relay.Media().WriteTo(b, from); err != nil {
			t.Fatal(err)
		}
		m := &stun.Message{Raw: c.read(5 * time.Second)}
		must(t, m.Decode())
		var read message
		must(t, read.parse(m.Raw))
		if len(read.peers) != 1 {
			t.Fatalf("%v", m)
		}
		return read.peers[0]
	}
	for i, check := range checks {
		if got := answered(stun.MustBuild(check, stun.BindingSuccess).Raw); got != peers[i] {
			t.Errorf("the answer to a check of %v comes from %v", peers[i], got)
		}
	}
	if got := answered([]byte{22, 254, 253, 0}); got != at(own4) { // DTLS
		t.Errorf("data comes from %v, the last that the client spoke to is %v", got, at(own4))
	}
}

// TestRate: a client that floods media loses what is too much; it costs media no more than its share.
func TestRate(t *testing.T) {
	s := newStage(t, Limits{Rate: 20_000})
	c := s.raw("udp", "alice")
	if code := c.allocate(); code != 0 {
		t.Fatal(code)
	}
	var a *allocation
	s.relay.mu.RLock()
	for _, a = range s.relay.allocations {
	}
	s.relay.mu.RUnlock()
	for range 100 {
		if _, err := a.WriteTo(make([]byte, 1000), udpAddr(at(own4))); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.relay.media.queue); n < 10 || n > 12 { // half a second's worth at once
		t.Errorf("%d of 100 datagrams arrive", n)
	}
	for range 3 * toClient {
		if _, err := s.relay.Media().WriteTo(make([]byte, 1000), a.udp); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.WriteTo([]byte("x"), udpAddr(netip.MustParseAddrPort("127.0.0.1:22"))); err == nil {
		t.Error("the last door is open: a datagram to loopback")
	}
}

// TestMediaToNobody: what media sends to an address that is no longer there is lost, as on a wire.
func TestMediaToNobody(t *testing.T) {
	s := newStage(t, Limits{})
	for _, to := range []string{"192.0.0.8:50000", "[100:0:0:1::5]:50000", "127.0.0.1:22"} {
		if n, err := s.relay.Media().WriteTo([]byte("x"), udpAddr(netip.MustParseAddrPort(to))); n != 1 || err != nil {
			t.Errorf("%s: %d %v", to, n, err)
		}
	}
	s.relay.Close()
	if _, _, err := s.relay.Media().ReadFrom(make([]byte, 10)); err != net.ErrClosed {
		t.Error(err)
	}
	if _, err := s.relay.Media().WriteTo([]byte("x"), udpAddr(netip.MustParseAddrPort("192.0.0.8:50000"))); err != net.ErrClosed {
		t.Error(err)
	}
}

// TestBothFamilies: an allocation of the other family than the connection's, for a server that is known by both.
func TestBothFamilies(t *testing.T) {
	s := newStage(t, Limits{})
	username, password := s.credential("alice")
	conn, server := s.dial("tcp")
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: server.String(), Conn: conn, Username: username, Password: password,
		LoggerFactory: quiet{}, RequestedAddressFamily: turn.RequestedAddressFamilyIPv6})
	must(t, err)
	must(t, c.Listen())
	defer c.Close()
	six, err := c.Allocate()
	must(t, err)
	if a := six.LocalAddr().(*net.UDPAddr).AddrPort(); !dummy6.Contains(a.Addr()) {
		t.Errorf("relayed address %v", a)
	}
	if _, err := six.WriteTo([]byte("hello"), udpAddr(at(own6))); err != nil {
		t.Fatal(err)
	}
	if heard, _ := s.heard(5 * time.Second); heard != "hello" {
		t.Errorf("media heard %q", heard)
	}
}

// BenchmarkOverTLS is what a datagram from media costs until a client has it from TLS: relay, pion, TLS at both ends, loopback.
// A hundred are on their way at a time, as in a call.
func BenchmarkOverTLS(b *testing.B) {
	s := newStage(b, Limits{})
	certificate := selfSigned(b)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	must(b, err)
	defer l.Close()
	go s.relay.Serve(l)
	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	must(b, err)
	defer conn.Close()
	c := &raw{t: b, conn: turn.NewSTUNConn(conn), server: l.Addr()}
	c.username, c.password = s.credential("alice")
	if code := c.allocate(); code != 0 {
		b.Fatal(code)
	}
	if _, code := c.request(stun.MethodChannelBind, number(stun.AttrChannelNumber, firstChannel<<16), peerOf(at(own4))); code != 0 {
		b.Fatal(code)
	}
	c.indicate(at(own4), "hello")
	_, from := s.heard(5 * time.Second)
	must(b, conn.SetDeadline(time.Time{}))
	data, in := make([]byte, 1200), make([]byte, 1204)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for done := 0; done < b.N; done += 100 {
		for range 100 {
			if _, err := s.relay.Media().WriteTo(data, from); err != nil {
				b.Fatal(err)
			}
		}
		for range 100 {
			if _, err := io.ReadFull(conn, in); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkToClient is what one datagram from media costs until pion has it in hand.
func BenchmarkToClient(b *testing.B) {
	s := newStage(b, Limits{})
	a, err := s.relay.allocate("tag", false)
	must(b, err)
	a.peer = udpAddr(at(own4))
	data, out := make([]byte, 1200), make([]byte, 1600)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.relay.Media().WriteTo(data, a.udp); err != nil {
			b.Fatal(err)
		}
		if n, _, err := a.ReadFrom(out); n != len(data) || err != nil {
			b.Fatal(fmt.Sprint(n, err))
		}
	}
}

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	return certtest.SelfSigned(t, certtest.For{}).TLS
}
