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
		perSecond   int
		octets      int
		kept        time.Duration // that a packet is certainly there
		gone        time.Duration // that it is certainly not
		least, most int           // octets of the ring
	}{
		{"no packet", 0, 0, 0, 0, 0, 0},
		{"a thumbnail of 150 kbit/s", 30, 600, keepFor, keepFor + time.Millisecond, 2 * block, 5 * block},
		{"a camera of 1.3 Mbit/s", 150, 1100, keepLeast, keepFor + time.Millisecond, 10 * block, keepCheap},
		{"a camera of 2.5 Mbit/s", 270, 1150, keepLeast, 650 * time.Millisecond, 18 * block, 24 * block},
		{"a screen of 40 Mbit/s", 5000, 1000, 90 * time.Millisecond, 600 * time.Millisecond, keepMost, keepMost},
		{"many small packets", 1900, 20, keepFor - 100*time.Millisecond, keepFor + time.Millisecond, 4 * block, 6 * block},
		{"a thumbnail again", 30, 600, keepFor, keepFor + time.Millisecond, 2 * block, 5 * block},
	} {
		type sent struct {
			sequence uint16
			at       time.Time
		}
		var all []sent
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

// TestRingAllocatesNothing: once it has what the rate needs, and whatever the collector takes from between rings.
func TestRingAllocatesNothing(t *testing.T) {
	var r Ring
	now, p := start, video(0, 1100)
	add := func() {
		p.Sequence++
		now = now.Add(time.Second / 150)
		r.Add(p, now)
	}
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
		var r Ring
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
	})
}
