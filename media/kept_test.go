package media

import (
	"testing"
	"time"

	"huisclos/media/forward"
)

// TestKeptAsLongAsNeeded: a packet may be asked for as long as the receiver that is farthest away needs, half a second while one's
// round trip is not known; and nothing is kept of who left, or of a call that ended.
func TestKeptAsLongAsNeeded(t *testing.T) {
	before := forward.Kept()
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.join("c", 3)
	m.connect("b")
	m.connect("c")
	const large = 13 // an SSRC of packets of 1,200 octets: a ring of few octets keeps them all for a second
	m.router.Tick(TickEvery, m.now)
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, large, true))
	camera := "b 1-1"
	if m.count(camera) != 1 {
		t.Fatal("b gets no picture")
	}
	since := func() { // a second of pictures
		for range 100 {
			m.send("a", "1", forward.Low, m.packet(1, 1, 1, large, false))
		}
		m.router.Tick(TickEvery, m.now)
	}
	answered := func(ago time.Duration) bool { // a packet of so long ago
		o := m.outlets[camera]
		n := len(o.again)
		m.downs[camera].Lost([]uint16{o.numbers[len(o.numbers)-1-int(ago/(10*time.Millisecond))].Sequence}, nil, m.now)
		return len(o.again) > n
	}
	for _, step := range []struct {
		name          string
		does          func()
		kept, gone    time.Duration
		leastOctets   int
		mostOctets    int
		secondsBefore int
	}{
		{"nobody's round trip is known", func() {}, 480 * time.Millisecond, 600 * time.Millisecond, 60 << 10, 72 << 10, 1},
		{"b is near, c not known", func() { m.router.RoundTrip("b", 0, 0) }, 480 * time.Millisecond, 600 * time.Millisecond, 60 << 10, 72 << 10, 2},
		{"both are near", func() { m.router.RoundTrip("c", 5*time.Millisecond, 0) }, 250 * time.Millisecond, 370 * time.Millisecond, 28 << 10, 44 << 10, 2},
		{"c is far away", func() { m.router.RoundTrip("c", 250*time.Millisecond, 0) }, 730 * time.Millisecond, 850 * time.Millisecond, 84 << 10, 104 << 10, 2},
		{"c loses much on a short line", func() {
			for range 10 {
				m.router.RoundTrip("c", 50*time.Millisecond, 0.1)
			}
		}, 440 * time.Millisecond, 550 * time.Millisecond, 52 << 10, 68 << 10, 2},
		{"c left", func() { m.router.Remove("c") }, 250 * time.Millisecond, 370 * time.Millisecond, 28 << 10, 44 << 10, 2},
		{"who is nobody says something", func() { m.router.RoundTrip("nobody", time.Second, 1) }, 250 * time.Millisecond, 370 * time.Millisecond, 28 << 10, 44 << 10, 1},
	} {
		step.does()
		m.router.Tick(TickEvery, m.now)
		for range step.secondsBefore {
			since()
		}
		if !answered(step.kept) {
			t.Errorf("%s: a packet of %v ago is gone", step.name, step.kept)
		}
		if answered(step.gone) {
			t.Errorf("%s: a packet of %v ago is there", step.name, step.gone)
		}
		if kept := forward.Kept() - before; kept < step.leastOctets || kept > step.mostOctets {
			t.Errorf("%s: %d octets are kept, want %d to %d", step.name, kept, step.leastOctets, step.mostOctets)
		}
	}
	m.publish("a", both[:1])
	if kept := forward.Kept(); kept != before {
		t.Errorf("of a stream that ended %d octets are kept", kept-before)
	}
	m.publish("a", both)
	m.connect("b")
	m.router.Tick(TickEvery, m.now)
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, large, true))
	if forward.Kept() == before {
		t.Fatal("of the next stream nothing is kept")
	}
	m.router.Close()
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, large, true))
	if kept := forward.Kept(); kept != before {
		t.Errorf("of a call that ended %d octets are kept", kept-before)
	}
	if err := m.router.Admit("d", 4, m.now); err == nil {
		t.Error("somebody joins a call that ended")
	}
}
