package transport

import (
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"
)

// still is a path that keeps nothing.
type still struct {
	at  netip.AddrPort
	net string
}

func (s *still) write([]byte) error     { return nil }
func (s *still) remote() netip.AddrPort { return s.at }
func (s *still) network() string        { return s.net }
func (s *still) close()                 {}

// TestNomination: which way packets leave, after checks from several addresses at several times.
func TestNomination(t *testing.T) {
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Unix(1e9, 0)
	var now time.Time
	p, err := newPort([]net.PacketConn{udp}, nil, nil, nil, slog.New(slog.DiscardHandler), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	wifi, cable, tcp := &still{netip.MustParseAddrPort("192.0.2.1:1000"), "udp"}, &still{netip.MustParseAddrPort("192.0.2.2:1000"), "udp"},
		&still{netip.MustParseAddrPort("192.0.2.1:2000"), "tcp"}
	const high, low = 2130706431, 2130705000
	type check struct {
		after    time.Duration // since the start
		over     *still
		priority uint32
		nominate bool
		restart  bool // with the credentials of an ICE restart, which stand from now on
		want     *still
	}
	for name, checks := range map[string][]check{
		"the first valid pair will do":      {{0, wifi, high, false, false, wifi}, {1, cable, high, false, false, wifi}},
		"the first nominated one is better": {{0, tcp, low, false, false, tcp}, {1, wifi, high, true, false, wifi}},
		"the same priority moves at once":   {{0, wifi, high, true, false, wifi}, {time.Second, cable, high, true, false, cable}},
		"a higher one as well":              {{0, wifi, low, true, false, wifi}, {1, cable, high, true, false, cable}},
		"nominating whatever is checked (Firefox)": {{0, wifi, high, true, false, wifi}, {50 * time.Millisecond, tcp, low, true, false, wifi}, {2 * time.Second, wifi, high, true, false, wifi},
			{2100 * time.Millisecond, tcp, low, true, false, wifi}},
		"a lower one, insisted on": {{0, wifi, high, true, false, wifi}, {1000 * time.Millisecond, cable, low, true, false, wifi}, {1200 * time.Millisecond, cable, low, true, false, wifi},
			{1400 * time.Millisecond, cable, low, true, false, cable}},
		"not while the selected one is nominated too": {{0, wifi, high, true, false, wifi}, {1000 * time.Millisecond, tcp, low, true, false, wifi}, {1300 * time.Millisecond, wifi, high, true, false, wifi},
			{1500 * time.Millisecond, tcp, low, true, false, wifi}, {1800 * time.Millisecond, tcp, low, true, false, wifi}, {1900 * time.Millisecond, tcp, low, true, false, tcp}},
		"a lower one, once, long after":            {{0, wifi, high, true, false, wifi}, {3100 * time.Millisecond, tcp, low, true, false, tcp}},
		"a restart holds nothing back":             {{0, wifi, high, true, false, wifi}, {100 * time.Millisecond, cable, low, true, true, cable}},
		"a restart, then whatever is checked":      {{0, wifi, high, true, false, wifi}, {100 * time.Millisecond, cable, high, true, true, cable}, {150 * time.Millisecond, tcp, low, true, false, cable}},
		"checks without a nomination move nothing": {{0, wifi, high, true, false, wifi}, {time.Second, cable, high, false, false, wifi}, {10 * time.Second, cable, high, false, false, wifi}},
	} {
		t.Run(name, func(t *testing.T) {
			now = start
			l, err := newLink(p, nil, func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range checks {
				now = start.Add(c.after)
				if c.restart {
					l.renew()
				}
				l.checked(&binding{request: true, useCandidate: c.nominate, priority: c.priority}, "password", true, c.over)
				if got := l.way(); got != path(c.want) {
					t.Fatalf("after check %d (%v): packets leave to %v by %s, want %v by %s", i+1, c.after, got.remote(), got.network(), c.want.at, c.want.net)
				}
			}
		})
	}
}
