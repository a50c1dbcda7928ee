package transport

import (
	"log/slog"
	"net"
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
	// On one port nobody could tell them apart; here each has its own.
	ours := []net.PacketConn{socket(), socket(), socket()}
	p, err := newPort(ours, nil, nil, slog.New(slog.DiscardHandler), time.Now)
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
