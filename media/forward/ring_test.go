package forward

import (
	"bytes"
	"testing"
	"time"

	"huisclos/media/gate"
)

// video is a packet of VP8 of so many octets, of which each differs from the one before.
func video(sequence uint16, octets int) *gate.Packet {
	p := packet(1, sequence, uint32(sequence)*3000, sequence&0x7fff, uint8(sequence), sequence%50 == 0)
	for len(p.Payload) < octets {
		p.Payload = append(p.Payload, byte(int(sequence)*7+len(p.Payload)))
	}
	d, err := gate.ParseDescriptor(p.Payload)
	if err != nil {
		panic(err) // the helper writes one
	}
	p.Descriptor, p.Start, p.Marker = d, d.Start, sequence%6 == 5
	return p
}

// TestRingKeepsItsOwn: what a ring was given may change afterwards, and comes back as it was, in full.
func TestRingKeepsItsOwn(t *testing.T) {
	var r Ring
	p := video(50, 1100)
	r.Add(p, start)
	want := *p
	want.Payload = bytes.Clone(p.Payload)
	clear(p.Payload)
	got, ok := r.Get(1, 50, start)
	if !ok || !bytes.Equal(got.Payload, want.Payload) {
		t.Fatalf("the ring holds %x, was given %x", got.Payload, want.Payload)
	}
	got.Payload, want.Payload = nil, nil
	if got.Descriptor != want.Descriptor || got.Key != want.Key || got.Start != want.Start || got.Marker != want.Marker ||
		got.Timestamp != want.Timestamp || got.SSRC != want.SSRC || got.Sequence != want.Sequence {
		t.Fatalf("it came back as %+v, was %+v", got, want)
	}
	for _, ask := range []struct {
		ssrc     uint32
		sequence uint16
	}{{2, 50}, {1, 51}, {1, 50 + firstSlots}, {1, 0}} {
		if _, ok := r.Get(ask.ssrc, ask.sequence, start); ok {
			t.Errorf("%+v was never added", ask)
		}
	}
}

// TestRingKeepsByTime: at the rates that encoders use, a packet is there for as long as it may be asked for, through a wrap of
// the sequence numbers, and the ring's memory follows the rate, up and down, to nothing.
func TestRingKeepsByTime(t *testing.T) {
	var r Ring
	now := start
	sequence := uint16(65000)
	for _, c := range []struct {
		name        string
		needs       time.Duration
		perSecond   int
		octets      int
		kept        time.Duration // that a packet is certainly there
		gone        time.Duration // that it is certainly not
		least, most int           // octets of the ring
	}{
		{"no packet", 0, 0, 0, 0, 0, 0, 0},
		{"a thumbnail of 150 kbit/s", 0, 30, 600, keepFor, keepFor + time.Millisecond, 4 * block, 7 * block},
		{"a camera of 1.3 Mbit/s", 0, 150, 1100, keepUnknown, keepUnknown + 60*time.Millisecond, 20 * block, 23 * block},
		{"a camera of 2.5 Mbit/s", 0, 270, 1150, keepUnknown, keepUnknown + 40*time.Millisecond, 37 * block, 41 * block},
		{"a screen of 40 Mbit/s", 0, 5000, 1000, 90 * time.Millisecond, 600 * time.Millisecond, keepMost, keepMost},
		{"a camera on short lines", 200 * time.Millisecond, 150, 1100, 200 * time.Millisecond, 260 * time.Millisecond, 8 * block, 10 * block},
		{"a camera on a long line", 800 * time.Millisecond, 150, 1100, 800 * time.Millisecond, 860 * time.Millisecond, 32 * block, 35 * block},
		{"a thumbnail on short lines", 200 * time.Millisecond, 30, 600, keepFor, keepFor + time.Millisecond, 4 * block, 7 * block},
		{"many small packets", 0, 1900, 20, 700 * time.Millisecond, keepFor + time.Millisecond, 8 * block, 11 * block},
		{"a thumbnail again", 0, 30, 600, keepFor, keepFor + time.Millisecond, 4 * block, 7 * block},
	} {
		type sent struct {
			sequence uint16
			at       time.Time
		}
		var all []sent
		r.Needs(c.needs)
		for range c.perSecond * 3 {
			now = now.Add(time.Second / time.Duration(c.perSecond))
			sequence++
			r.Add(video(sequence, c.octets), now)
			all = append(all, sent{sequence, now})
		}
		if holds := len(r.blocks) * block; holds < c.least || holds > c.most {
			t.Errorf("%s: the ring has %d octets, want %d to %d", c.name, holds, c.least, c.most)
		}
		for _, s := range all {
			age := now.Sub(s.at)
			p, ok := r.Get(1, s.sequence, now)
			switch {
			case ok && !bytes.Equal(p.Payload, video(s.sequence, c.octets).Payload):
				t.Fatalf("%s: %d is another packet", c.name, s.sequence)
			case !ok && age <= c.kept:
				t.Fatalf("%s: a packet of %v ago is gone", c.name, age)
			case ok && age > c.gone:
				t.Fatalf("%s: a packet of %v ago is there", c.name, age)
			}
		}
		r.Sweep(now.Add(keepFor)) // one is not too old yet
		if c.perSecond > 0 && len(r.blocks) == 0 {
			t.Errorf("%s: swept too early", c.name)
		}
	}
	r.Sweep(now.Add(keepFor + 1))
	if r.slots != nil || r.blocks != nil {
		t.Error("at rest the ring has memory")
	}
	if _, ok := r.Get(1, sequence, now); ok {
		t.Error("what was swept is there")
	}
	r.Add(video(sequence, 700), now.Add(time.Hour))
	if _, ok := r.Get(1, sequence, now.Add(time.Hour)); !ok {
		t.Error("after a rest the ring keeps nothing")
	}
}

// TestWorth: two round trips and the time to ask, four where loss is common, a second at most, whatever a receiver says.
func TestWorth(t *testing.T) {
	for _, c := range []struct {
		roundTrip time.Duration
		lost      float64
		want      time.Duration
	}{
		{0, 0, 250 * time.Millisecond}, {-time.Hour, 0, 250 * time.Millisecond}, {25 * time.Millisecond, 0.01, 300 * time.Millisecond},
		{25 * time.Millisecond, 0.02, 350 * time.Millisecond}, {125 * time.Millisecond, 0, 500 * time.Millisecond},
		{150 * time.Millisecond, 0.3, 850 * time.Millisecond}, {600 * time.Millisecond, 0, time.Second}, {1 << 62, 1, time.Second},
	} {
		if got := Worth(c.roundTrip, c.lost); got != c.want {
			t.Errorf("%v, %g lost: %v, want %v", c.roundTrip, c.lost, got, c.want)
		}
	}
}

// TestRingJoins: a packet that lies in two blocks comes back in one piece, and not at all when the first of them is gone.
func TestRingJoins(t *testing.T) {
	var r Ring
	defer r.Clear()
	r.Needs(200 * time.Millisecond)
	now, two := start, 0
	for sequence := uint16(1); sequence < 400; sequence++ {
		now = now.Add(5 * time.Millisecond)
		p := video(sequence, 1100+int(sequence)%7*40)
		r.Add(p, now)
		before := r.joined
		if r.used < len(p.Payload) {
			two++
		}
		got, ok := r.Get(1, sequence, now)
		if !ok || !bytes.Equal(got.Payload, p.Payload) {
			t.Fatalf("%d came back as %v, %x", sequence, ok, got.Payload)
		}
		if r.used >= len(p.Payload) && len(before) != len(r.joined) {
			t.Fatalf("%d lies in one block and was put together", sequence)
		}
	}
	if two < 50 {
		t.Fatalf("%d packets lay in two blocks, which is no test", two)
	}
	for sequence := uint16(1); sequence < 400; sequence++ {
		if got, ok := r.Get(1, sequence, now); ok && !bytes.Equal(got.Payload, video(sequence, 1100+int(sequence)%7*40).Payload) {
			t.Fatalf("%d is another packet", sequence)
		}
	}
}

// TestRingAllocatesNothing: once it has what the rate needs, and whatever the collector takes from between rings.
func TestRingAllocatesNothing(t *testing.T) {
	var r Ring
	now, p := start, video(0, 1100)
	add := func() {
		p.Sequence++
		now = now.Add(time.Second / 150)
		r.Add(p, now)
	}
	defer r.Clear()
	for range 500 {
		add()
	}
	if n := testing.AllocsPerRun(1000, add); n != 0 {
		t.Fatalf("%v allocations a packet", n)
	}
}

// FuzzRing compares a ring with a map: what it gives is what it was given, whatever the order, sizes and times.
func FuzzRing(f *testing.F) {
	f.Add([]byte{1, 200, 0, 1, 200, 0, 255, 3, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		lent := blocks.Lent()
		var r Ring
		if len(b) > 0 {
			r.Needs(time.Duration(b[0]) * 4 * time.Millisecond)
		}
		now, sequence := start, uint16(0)
		type given struct {
			packet *gate.Packet
			at     time.Time
		}
		added := make(map[uint16]given)
		for ; len(b) >= 3; b = b[3:] {
			sequence += uint16(int8(b[0]))
			now = now.Add(time.Duration(b[2]) * time.Millisecond)
			p := video(sequence, int(b[1])*6)
			r.Add(p, now)
			added[sequence] = given{p, now}
			if got, ok := r.Get(1, sequence, now); !ok || !bytes.Equal(got.Payload, p.Payload) {
				t.Fatalf("%d is not there just after it came", sequence)
			}
			if b[2] == 255 {
				r.Sweep(now)
			}
			if holds := len(r.blocks) * block; holds > keepMost {
				t.Fatalf("%d octets", holds)
			}
		}
		for sequence, g := range added {
			got, ok := r.Get(1, sequence, now)
			if ok && (!bytes.Equal(got.Payload, g.packet.Payload) || now.Sub(g.at) > keepFor+time.Millisecond) {
				t.Fatalf("%d is another packet, or too old", sequence)
			}
		}
		if r.Clear(); blocks.Lent() != lent || r.slots != nil {
			t.Fatalf("%d blocks are lent when the ring is cleared, were %d before it", blocks.Lent(), lent)
		}
	})
}
