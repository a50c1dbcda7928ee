package media

import (
	"fmt"
	"testing"
	"time"

	"huisclos/crypto/sframe"
	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
)

// picture sends a picture of a's camera in three spatial layers of VP9, a packet each.
func (m *meeting) picture(key bool) {
	kid, err := sframe.NewKID(1, 1, 1)
	if err != nil {
		m.t.Fatal(err)
	}
	m.now = m.now.Add(33 * time.Millisecond)
	for spatial := range byte(3) {
		first, lower := byte(0xac), byte(0)
		if !key {
			first |= 0x40
		}
		if spatial > 0 {
			lower = 1
		}
		b := sframe.Header{KID: kid, CTR: m.ctr[kid]}.Append([]byte{first, 0x80, byte(m.ctr[kid] / 3), spatial<<1 | lower, 0})
		b = append(b, make([]byte, 100<<spatial)...)
		m.ctr[kid]++
		m.seq[11]++
		m.sources["a"]["1"].Receive(forward.Low, gate.Packet{SSRC: 11, Sequence: m.seq[11], Timestamp: uint32(m.ctr[kid]/3) * 3000, Marker: spatial == 2, VP9: true, Payload: b}, nil, m.now)
	}
}

// shown is how many layers of the next picture go out.
func (m *meeting) shown(name string) int {
	before := m.count(name)
	m.picture(false)
	return m.count(name) - before
}

// A receiver with a small tile gets none of the upper layers, at once and without a key picture; another one everything.
func TestSpatialLayersFollowTheTile(t *testing.T) {
	m := newMeeting(t)
	for i, id := range []PeerID{"a", "b", "c"} {
		m.join(id, uint32(i+1))
		if err := m.router.Receives(id, true, m.now); err != nil {
			t.Fatal(err)
		}
	}
	m.sources["a"]["1"].Offers(3, true)
	tile := func(id PeerID, height int) {
		if err := m.router.Wants(id, []Want{{Leaf: 1, Context: 1, Height: height}}, m.now); err != nil {
			t.Fatal(err)
		}
	}
	tile("b", 720)
	tile("c", 720)
	m.connect("b")
	m.connect("c")
	m.picture(true)
	m.router.Tick(TickEvery, m.now)
	m.picture(true)
	m.router.Tick(TickEvery, m.now)
	shown := func(id PeerID) int { return m.shown(fmt.Sprintf("%s 1-1", id)) }
	if b := shown("b"); b != 3 {
		t.Fatalf("a large tile gets %d layers", b)
	}
	asked := len(m.uplinks["a"].asked)
	tile("c", 150)
	if c := shown("c"); c != 1 {
		t.Fatalf("a small tile gets %d layers", c)
	}
	if b := shown("b"); b != 3 || len(m.uplinks["a"].asked) != asked {
		t.Fatalf("the other one gets %d layers; key pictures asked for: %v", b, m.uplinks["a"].asked[asked:])
	}
	tile("c", 360)
	if c := shown("c"); c != 1 || len(m.uplinks["a"].asked) != asked+1 || m.uplinks["a"].asked[asked] != 11 {
		t.Fatalf("before the key picture %d layers; asked for %v", c, m.uplinks["a"].asked)
	}
	m.picture(true)
	if c := shown("c"); c != 2 {
		t.Fatalf("with a middle tile it gets %d layers", c)
	}
	rates := m.sources["a"]["1"].rates(m.now)
	if rates[pace.Low][0] >= rates[pace.Middle][0] || rates[pace.Middle][0]+rates[pace.Low][0] >= rates[pace.High][0] {
		t.Fatalf("layers cost %v", rates)
	}
}

// On a line that fills up, one layer less needs no key picture, unless a packet of the layer is missing; two less do.
func TestSpatialLayersOnACongestedLine(t *testing.T) {
	m := newMeeting(t)
	for i, id := range []PeerID{"a", "b"} {
		m.join(id, uint32(i+1))
		if err := m.router.Receives(id, true, m.now); err != nil {
			t.Fatal(err)
		}
	}
	m.sources["a"]["1"].Offers(3, true)
	if err := m.router.Wants("b", []Want{{Leaf: 1, Context: 1, Height: 720}}, m.now); err != nil {
		t.Fatal(err)
	}
	m.connect("b")
	whole := func() {
		t.Helper()
		m.router.Limit("b", 0, false, m.now)
		m.picture(true)
		m.router.Tick(TickEvery, m.now)
		m.picture(true)
		if n := m.shown("b 1-1"); n != 3 {
			t.Fatalf("%d layers on a line without a limit", n)
		}
	}
	asked := func() (n int) { n = len(m.uplinks["a"].asked); m.uplinks["a"].asked = nil; return n }
	down := m.downs["b 1-1"]
	limit := func(l pace.Layer) {
		m.now = m.now.Add(2 * time.Second)
		for range 10 {
			m.picture(false) // what layers cost
		}
		m.router.Limit("b", m.sources["a"]["1"].rates(m.now)[l][0]*11/10, true, m.now)
	}
	for _, test := range []struct {
		layer pace.Layer
		left  int
		asks  bool
	}{{pace.Middle, 2, false}, {pace.Low, 0, true}} {
		whole()
		asked()
		limit(test.layer)
		if n, asks := m.shown("b 1-1"), asked() > 0; n != test.left || asks != test.asks {
			t.Fatalf("down to layer %d: %d layers follow at once, a key picture asked for: %v", test.layer, n, asks)
		}
	}
	m.picture(true)
	if n := m.shown("b 1-1"); n != 1 {
		t.Fatalf("%d layers after the key picture", n)
	}
	whole()
	limit(pace.Middle)
	numbers := m.outlets["b 1-1"].numbers
	sent := numbers[len(numbers)-1].Sequence
	m.shown("b 1-1")
	asked()
	down.Lost([]uint16{sent - 1}, nil, m.now)
	if n := m.shown("b 1-1"); n != 2 || asked() != 0 {
		t.Fatalf("%d layers, after a packet of one of them was missing", n)
	}
	down.Lost([]uint16{sent}, nil, m.now)
	if n := m.shown("b 1-1"); n != 0 || asked() != 1 {
		t.Fatalf("%d layers although a packet of a third is missing and isn't sent again", n)
	}
}

func TestVP9WhileAllTakeIt(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.sources["a"]["1"].Offers(3, true)
	pass := func(seconds int) bool {
		for range seconds * 5 {
			m.now = m.now.Add(TickEvery)
			m.layers(false)
			m.router.Tick(TickEvery, m.now)
		}
		told := m.uplinks["a"].told
		return len(told) > 0 && told[len(told)-1].VP9
	}
	receives := func(id PeerID, vp9 bool) {
		if err := m.router.Receives(id, vp9, m.now); err != nil {
			t.Fatal(err)
		}
	}
	receives("a", true)
	receives("b", false)
	if pass(10) {
		t.Fatal("VP9 where one can't take it")
	}
	receives("b", true)
	if pass(3) || !pass(3) {
		t.Fatal("VP9 after all can for a while")
	}
	m.join("c", 3)
	if !pass(2) {
		t.Fatal("one who receives nothing yet says nothing")
	}
	told := len(m.uplinks["a"].told)
	receives("c", false)
	if now := m.uplinks["a"].told; len(now) != told+1 || now[told].VP9 {
		t.Fatalf("a newcomer who can't: %v", now[told:])
	}
	m.connect("c")
	m.picture(true)
	m.expect("c 1-1", 0) // nothing of VP9 goes to who can't take it
	m.router.Remove("c")
	if pass(10) || !pass(8) {
		t.Fatal("VP9 again, and not too soon")
	}
}
