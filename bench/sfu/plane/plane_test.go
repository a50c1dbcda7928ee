package main

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"huisclos/bench/sfu/contender"
	"huisclos/bench/sfu/load"
	"huisclos/media/forward"
)

// TestLoad plays small scenarios through this program's server, in one process with the generator: that clients connect, that the gate
// takes what they send, and that what is counted is right. It says nothing about time.
func TestLoad(t *testing.T) {
	for _, test := range []struct {
		load.Scenario
		sockets int
	}{
		{load.Scenario{Name: "1 to 3", Publishers: 1, Receivers: 3, Arrival: load.Burst}, 1},
		{load.Scenario{Name: "mesh of 3", Mesh: 3, Arrival: load.Spaced, Feedback: true}, 2},
		{load.Scenario{Name: "two meetings", Meetings: 2, Mesh: 2, Arrival: load.Burst}, 1},
	} {
		t.Run(test.Name, func(t *testing.T) {
			p, err := newPlane(netip.MustParseAddrPort("127.0.0.1:0"), test.sockets, "", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer p.close()
			where := p.where()
			c := contender.NewPlane(where.Signalling, netip.MustParseAddrPort(where.Media))
			defer c.Close()
			s := test.Scenario
			s.Meetings, s.Rate, s.Window = max(s.Meetings, 1), 1, time.Second
			if s.Feedback {
				// Each hundredth video packet is reported lost, a while later; and a line that gives feedback is asked first what it carries.
				s.Warmup, s.Window = 6*time.Second, 4*s.Window
			}
			kept := mostKept()
			r, err := load.Run(t.Context(), s, load.Under{Contender: c, On: -1})
			most := kept()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Err(); err != nil {
				t.Error(err)
			}
			if r.ServerDrops+r.GeneratorDrops > 0 {
				t.Skipf("this machine stood still so long that sockets dropped %d packets", r.ServerDrops+r.GeneratorDrops)
			}
			if r.Sent == 0 || r.Expected != r.Sent*uint64(r.Receivers*s.Flows())/uint64(s.Meetings*max(s.Mesh, s.Publishers)) {
				t.Errorf("%d sent, %d expected", r.Sent, r.Expected)
			}
			if r.Media != r.Expected || r.Missing != 0 || r.Late != 0 || r.Loss != 0 {
				t.Errorf("%d of %d arrived, %d missing by their numbers, %d late", r.Media, r.Expected, r.Missing, r.Late)
			}
			if r.Opened == 0 || r.Wrong != 0 || r.BadPackets != 0 {
				t.Errorf("%d opened, %d wrong, %d bad packets", r.Opened, r.Wrong, r.BadPackets)
			}
			// More than was asked for: a machine that stands still looks like a lossy line, and sound is sent twice over those. Fewer by some: what is asked
			// for in the last moments comes after the count, and a machine that stood still asks when the packet is kept no longer.
			if s.Feedback && (r.NACKs == 0 || 10*r.Repairs < 9*r.NACKs) {
				t.Errorf("%d numbers reported lost, %d repairs", r.NACKs, r.Repairs)
			}
			if !s.Feedback && r.Repairs != 0 {
				t.Errorf("%d repairs that nobody asked for", r.Repairs)
			}
			if r.DelayP50 <= 0 || r.DelayP99 < r.DelayP50 {
				t.Errorf("delay %v, %v", r.DelayP50, r.DelayP99)
			}
			if r.Profile != "SRTP_AEAD_AES_256_GCM" {
				t.Errorf("profile %s", r.Profile)
			}
			if most == 0 {
				t.Error("nothing is kept for retransmissions")
			}
			if p.server.Close(); forward.Kept() != 0 {
				t.Errorf("of a server that is closed %d octets are kept", forward.Kept())
			}
			t.Logf("%+v", r)
		})
	}
}

// mostKept begins to look at what is kept for retransmissions; what it gives ends that, and says the most that was seen. What is kept has to be looked at while
// somebody publishes: a second after the last packet it is given back, and a busy machine may take longer to say that a scenario is over.
func mostKept() (end func() int) {
	most, over, seen := 0, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(seen)
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-over:
				return
			case <-look.C:
				most = max(most, forward.Kept())
			}
		}
	}()
	return func() int {
		close(over)
		<-seen
		return most
	}
}
