package transport

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// TestAnswersLeaveWhereQuestionsArrive: of several sockets, a far end hears from the one that it speaks to, and from the
// other one once it speaks there.
func TestAnswersLeaveWhereQuestionsArrive(t *testing.T) {
	socket := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// On one port nobody could tell them apart; here each has its own, which the port doesn't see.
	type unseen struct{ net.PacketConn }
	ours := []net.PacketConn{unseen{socket()}, unseen{socket()}, unseen{socket()}}
	p, err := newPort(ours, nil, nil, nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	l, err := newLink(p, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.end()
	far := socket()
	defer far.Close()
	c := l.credential()
	b := make([]byte, maxDatagram)
	hears := func() string {
		t.Helper()
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, from, err := far.ReadFromUDP(b)
		if err != nil {
			t.Fatal(err)
		}
		return from.String()
	}
	for _, i := range []int{1, 0, 0, 2} {
		at := ours[i].LocalAddr()
		check := request(t, stun.NewUsername(c.ufrag+":far"), attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}}, attr{stun.AttrUseCandidate, nil},
			stun.NewShortTermIntegrity(c.password), stun.Fingerprint)
		if _, err := far.WriteTo(check, at); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != at.String() {
			t.Errorf("asked at %v, answered from %s", at, from)
		}
		if err := l.write([]byte{0x80, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != at.String() {
			t.Errorf("spoke to %v, media comes from %s", at, from)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.paths) != 1 || len(p.addresses) != 1 {
		t.Errorf("%d paths and %d addresses of one far end", len(l.paths), len(p.addresses))
	}
}

// TestTwoPorts: checks of one client at two of our ports are two paths, as those at two addresses are: each is answered from where
// it was asked, and packets leave from the port of the nominated one. (A browser that takes both candidates checks both for as
// long as the call, and drops what comes from the other.)
func TestTwoPorts(t *testing.T) {
	socket := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ours := []net.PacketConn{socket(), socket()}
	p, err := newPort(ours, nil, nil, nil, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	l, err := newLink(p, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.end()
	far := socket()
	defer far.Close()
	c := l.credential()
	b := make([]byte, maxDatagram)
	hears := func() netip.AddrPort {
		t.Helper()
		_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
		_, from, err := far.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		return from
	}
	for _, step := range []struct {
		at       int
		nominate bool
		leaves   int
	}{{0, false, 0}, {1, false, 0}, {1, true, 1}, {0, false, 1}, {1, false, 1}, {0, true, 0}} {
		set := []stun.Setter{stun.NewUsername(c.ufrag + ":far"), attr{stun.AttrPriority, []byte{0x6e, 0, 1, 0xff}}}
		if step.nominate {
			set = append(set, attr{stun.AttrUseCandidate, nil})
		}
		check := request(t, append(set, stun.NewShortTermIntegrity(c.password), stun.Fingerprint)...)
		at := func(i int) netip.AddrPort { return ours[i].LocalAddr().(*net.UDPAddr).AddrPort() }
		if _, err := far.WriteToUDPAddrPort(check, at(step.at)); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != at(step.at) {
			t.Errorf("asked at %v, answered from %v", at(step.at), from)
		}
		if err := l.write([]byte{0x80, 1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if from := hears(); from != at(step.leaves) {
			t.Errorf("after a check at %d (nominated: %v) packets leave from %v", step.at, step.nominate, from)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(l.paths) != 2 || len(p.addresses) != 2 {
		t.Errorf("%d paths and %d addresses", len(l.paths), len(p.addresses))
	}
}
