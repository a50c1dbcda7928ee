package transport

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// TestSeveralAddresses: a server that listens on all addresses answers from the one that it was asked at, which is the only
// answer that a client takes (RFC 8445 §7.2.5.2.1). Clients of both families meet in one call.
func TestSeveralAddresses(t *testing.T) {
	second := netip.MustParseAddr("127.0.0.2") // by itself the kernel answers 127.0.0.1 from 127.0.0.1
	if l, err := net.ListenPacket("udp", netip.AddrPortFrom(netip.IPv6Loopback(), 0).String()); err != nil {
		t.Skipf("this machine has no IPv6: %v", err)
	} else {
		l.Close()
	}
	s := newStageAt(t, netip.IPv6Unspecified())
	s.addresses = []netip.Addr{second, netip.IPv6Loopback()}
	a, b := s.client("a", 1), s.client("b", 2)
	for c, from := range map[*client]netip.Addr{a: netip.MustParseAddr("127.0.0.1"), b: netip.IPv6Loopback()} {
		s.server.Admit(testCall, c.id, c.leaf)
		c.open(clientOptions{from: from})
		if err := c.publish(nil); err != nil {
			t.Fatal(err)
		}
		c.subscribe(clientOptions{from: from})
	}
	a.stream()
	b.stream()
	until(t, "each other's media", func() bool {
		return a.count(track(2, 0)) > 20 && a.count(track(2, 1)) > 20 && b.count(track(1, 0)) > 20 && b.count(track(1, 1)) > 20
	})
}

// TestOneClientToSeveralAddresses: checks of one client's address at two of ours are two paths, and what it nominates is what
// packets leave from.
func TestOneClientToSeveralAddresses(t *testing.T) {
	s := newStageAt(t, netip.IPv4Unspecified())
	l, err := newLink(s.server.port, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.end()
	far, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	c := l.credential()
	b := make([]byte, maxDatagram)
	hears := func() netip.Addr {
		t.Helper()
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, from, err := far.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		return from.Addr().Unmap()
	}
	first, second := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	for _, check := range []struct {
		at       netip.Addr
		nominate bool
		leaves   netip.Addr
	}{{first, false, first}, {second, false, first}, {second, true, second}, {first, false, second}, {first, true, first}} {
		set := []stun.Setter{stun.NewUsername(c.ufrag + ":far"), attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}}}
		if check.nominate {
			set = append(set, attr{stun.AttrUseCandidate, nil})
		}
		m := request(t, append(set, stun.NewShortTermIntegrity(c.password), stun.Fingerprint)...)
		if _, err := far.WriteToUDPAddrPort(m, netip.AddrPortFrom(check.at, uint16(s.port))); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != check.at {
			t.Errorf("asked at %v, answered from %v", check.at, from)
		}
		if err := l.write([]byte{0x80, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != check.leaves {
			t.Errorf("after a check at %v (nominated: %v) packets leave from %v, want %v", check.at, check.nominate, from, check.leaves)
		}
	}
}
