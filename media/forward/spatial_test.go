package forward

import (
	"testing"
	"time"

	"huisclos/media/gate"
)

// scalable is a publisher's SSRC in L3T1: pictures of three layers, each of two packets.
type scalable struct {
	t       *testing.T
	seq     uint16
	picture uint16
}

func (s *scalable) next(key bool) (packets []*gate.Packet) {
	for spatial := range uint8(Layers) {
		for part := range 2 {
			first := byte(0xa0)
			if !key {
				first |= 0x40
			}
			first |= []byte{0x08, 0x04}[part]
			lower := byte(0)
			if spatial > 0 {
				lower = 1
			}
			payload := []byte{first, 0x80 | byte(s.picture>>8), byte(s.picture), spatial<<1 | lower, byte(s.picture), 1, 2, 3}
			d, err := gate.ParseVP9(payload)
			if err != nil {
				s.t.Fatal(err)
			}
			packets = append(packets, &gate.Packet{SSRC: 1, Sequence: s.seq, Timestamp: uint32(s.picture) * 3000, VP9: true, Payload: payload, Descriptor: d,
				Start: part == 0, Key: key && part == 0 && spatial == 0, Marker: spatial == 2 && part == 1})
			s.seq++
		}
	}
	s.picture++
	return packets
}

func TestSpatialLayers(t *testing.T) {
	s, now := &scalable{t: t, seq: 65530}, start
	d := NewDown(true, 90000)
	d.Target(high)
	var rings [Layers]Ring
	var last Numbers
	var marks []uint16 // what went out with the marker
	begun := false
	send := func(key bool) (layers int) {
		t.Helper()
		sent, marked := map[uint8]int{}, 0
		for _, p := range s.next(key) {
			rings[Low].Add(p, now)
			n, ok := d.Forward(Low, p, &noClocks, now)
			if !ok {
				continue
			}
			if begun && n.Sequence != last.Sequence+1 {
				t.Fatalf("%d follows %d", n.Sequence, last.Sequence)
			}
			begun, last = true, n
			sent[p.Descriptor.Spatial]++
			if n.Marker {
				marked++
				marks = append(marks, n.Sequence)
			}
		}
		if len(sent) > 0 && (marked != 1 || !last.Marker) {
			t.Fatalf("%d markers; the last packet's is %v", marked, last.Marker)
		}
		for spatial, n := range sent {
			if n != 2 || int(spatial) >= len(sent) {
				t.Fatalf("sent %v", sent)
			}
		}
		now = now.Add(33 * time.Millisecond)
		return len(sent)
	}
	want := func(what string, got, n int) {
		t.Helper()
		if got != n {
			t.Fatalf("%s: %d layers, want %d", what, got, n)
		}
	}
	want("to who takes no VP9", send(true), 0)
	d.TakesVP9(true)
	want("without a key picture", send(false), 0)
	want("with one", send(true), 3)
	d.Target(Low)
	if d.Waiting() {
		t.Fatal("a key picture is waited for to leave layers out")
	}
	want("down at the next picture", send(false), 1)
	want("and on", send(false), 1)
	d.Target(middle)
	want("up is not possible yet", send(false), 1)
	if !d.Waiting() || d.Current() != Low {
		t.Fatal("no key picture is waited for")
	}
	want("up with a key picture", send(true), 2)
	want("and on", send(false), 2)
	if d.Waiting() || d.Current() != middle {
		t.Fatalf("layer %d", d.Current())
	}
	// Everything that went out can be had again as it was, the marker too, and nothing that did not.
	want("down again", func() int { d.Target(Low); return send(false) }(), 1)
	marked := map[uint16]bool{}
	for _, n := range marks {
		marked[n] = true
	}
	for n := last.Sequence - 7; n != last.Sequence+1; n++ {
		p, out, ok := d.Lost(n, &rings, now)
		if !ok || out.Sequence != n || out.Marker != marked[n] || p.Descriptor.Spatial > 1 {
			t.Fatalf("%d again: %+v %v of layer %d", n, out, ok, p.Descriptor.Spatial)
		}
	}
	// VP8 on the same SSRC takes its place with a key frame, and VP9 again with a key picture.
	vp8 := func(key bool) bool {
		p := packet(1, s.seq, uint32(s.picture)*3000, s.picture, 0, key)
		s.seq, s.picture = s.seq+1, s.picture+1
		n, ok := d.Forward(Low, p, &noClocks, now)
		if ok && n.Sequence != last.Sequence+1 {
			t.Fatalf("%d follows %d", n.Sequence, last.Sequence)
		}
		if ok {
			last = n
		}
		return ok
	}
	late := s.next(false)[0]
	if vp8(false) || !vp8(true) || !vp8(false) {
		t.Fatal("VP8 after VP9")
	}
	if _, ok := d.Forward(Low, late, &noClocks, now); ok {
		t.Fatal("late VP9 in the middle of VP8")
	}
	want("VP9 without a key picture", send(false), 0)
	want("VP9 with one", send(true), 1)
	if p := packet(1, s.seq-200, 1, 1, 0, true); func() bool { _, ok := d.Forward(Low, p, &noClocks, now); return ok }() {
		t.Fatal("a late VP8 frame in the middle of VP9")
	}
}

// A receiver whose line has no room gets nothing again of layers that it is not sent any more. If it lost something of them, it
// is torn, until a key picture; what was sent before that is not worth sending again.
func TestShedLayers(t *testing.T) {
	s, now := &scalable{t: t}, start
	d := NewDown(true, 90000)
	d.TakesVP9(true)
	d.Target(high)
	var rings [Layers]Ring
	send := func(key bool) (numbers []uint16) {
		for _, p := range s.next(key) {
			rings[Low].Add(p, now)
			if n, ok := d.Forward(Low, p, &noClocks, now); ok {
				numbers = append(numbers, n.Sequence)
			}
		}
		now = now.Add(33 * time.Millisecond)
		return numbers
	}
	lost := func(sequence uint16) bool { _, _, ok := d.Lost(sequence, &rings, now); return ok }
	send(true)
	before := send(false)
	d.Shed(true)
	if !lost(before[4]) || d.Torn() {
		t.Fatal("a layer that is still sent")
	}
	d.Target(Low)
	if now := send(false); !lost(now[0]) || !lost(before[0]) || d.Torn() {
		t.Fatal("the layer that is sent on")
	}
	if lost(before[2]) || !d.Torn() {
		t.Fatal("a layer that is left out was sent again, or nobody knows that it is missing")
	}
	d.Pause()
	if d.Torn() {
		t.Fatal("a key picture is waited for already")
	}
	key := send(true)
	if lost(before[2]) || lost(before[0]) || d.Torn() {
		t.Fatal("what is from before a key picture tears nothing, and is not sent again")
	}
	if !lost(key[0]) {
		t.Fatal("the key picture itself is not sent again")
	}
	// A long time after it, numbers are below the key picture's again.
	for range 40_000 {
		key = send(false)
	}
	if !lost(key[0]) {
		t.Fatal("what was just sent is not sent again")
	}
	d.Shed(false)
	d.Target(high)
	before = send(true)
	d.Target(Low)
	send(false)
	if !lost(before[5]) || d.Torn() {
		t.Fatal("on a line that has room, a picture is made whole")
	}
}

// What comes late from before a pause has no number: the next ones are those of what came after it.
func TestNothingFromBeforeAPauseTakesANewNumber(t *testing.T) {
	d := NewDown(true, 90000)
	d.Target(Low)
	forward := func(seq uint16, key bool) (uint16, bool) {
		n, ok := d.Forward(Low, packet(1, seq, uint32(seq), 0, 0, key), &noClocks, start)
		return n.Sequence, ok
	}
	forward(10, true)
	d.Pause()
	if n, ok := forward(21, true); !ok || n != 11 {
		t.Fatalf("%d %v", n, ok)
	}
	if n, ok := forward(15, false); ok {
		t.Fatalf("15 went out as %d, which is a later packet's", n)
	}
	if n, ok := forward(22, false); !ok || n != 12 {
		t.Fatalf("%d %v", n, ok)
	}
}
