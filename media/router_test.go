package media

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"huisclos/crypto/sframe"
	"huisclos/media/forward"
	"huisclos/media/gate"
	"huisclos/media/pace"
)

var start = time.Unix(1_700_000_000, 0)

// uplink and outlet stand for connections.
type uplink struct {
	asked []uint32
	told  []StreamLayers
}

func (u *uplink) Layers(s StreamLayers) { u.told = append(u.told, s) }

func (u *uplink) RequestKeyFrame(ssrc uint32) { u.asked = append(u.asked, ssrc) }

type outlet struct {
	sent    [][]byte
	numbers []forward.Numbers
	again   []forward.Numbers
	reports []forward.SenderReport
}

func (o *outlet) Send(_ Turn, _ *Down, n forward.Numbers, p *gate.Packet) {
	b := bytes.Clone(p.Payload)
	n.Write(b, p)
	o.sent, o.numbers = append(o.sent, b), append(o.numbers, n)
}
func (o *outlet) Resend(_ Turn, _ *Down, n forward.Numbers, _ *gate.Packet) {
	o.again = append(o.again, n)
}
func (o *outlet) Report(r forward.SenderReport) { o.reports = append(o.reports, r) }

// meeting is a router with what the transport would hold.
type meeting struct {
	t       testing.TB
	router  *Router
	now     time.Time
	uplinks map[PeerID]*uplink
	sources map[PeerID]map[string]*Source
	outlets map[string]*outlet // "receiver leaf-context"
	downs   map[string]*Down
	ctr     map[sframe.KID]uint64
	seq     map[uint32]uint16
}

func newMeeting(t testing.TB) *meeting {
	return &meeting{t: t, router: NewRouter(1, start), now: start, uplinks: make(map[PeerID]*uplink),
		sources: make(map[PeerID]map[string]*Source), outlets: make(map[string]*outlet), downs: make(map[string]*Down),
		ctr: make(map[sframe.KID]uint64), seq: make(map[uint32]uint16)}
}

var both = []Stream{{MID: "0", Kind: Audio, Context: 0}, {MID: "1", Kind: Video, Context: 1}}

func (m *meeting) join(id PeerID, leaf uint32) {
	m.t.Helper()
	if err := m.router.Admit(id, leaf, m.now); err != nil {
		m.t.Fatal(err)
	}
	m.publish(id, both)
}

func (m *meeting) publish(id PeerID, streams []Stream) {
	m.t.Helper()
	m.uplinks[id] = &uplink{}
	sources, err := m.router.Publish(id, m.uplinks[id], streams)
	if err != nil {
		m.t.Fatal(err)
	}
	m.sources[id] = sources
}

// connect attaches all that a peer should receive.
func (m *meeting) connect(id PeerID) {
	for _, track := range m.router.Tracks(id) {
		name := fmt.Sprintf("%s %d-%d", id, track.Leaf, track.Context)
		o := &outlet{}
		if d := m.router.Attach(id, track.Leaf, track.Context, o, m.now); d != nil {
			m.outlets[name], m.downs[name] = o, d
		}
	}
}

func (m *meeting) packet(leaf uint32, context uint8, epoch uint64, ssrc uint32, key bool) gate.Packet {
	kid, err := sframe.NewKID(sframe.Context(context), leaf, epoch)
	if err != nil {
		m.t.Fatal(err)
	}
	var b []byte
	if context == 1 {
		prefix := sframe.PrefixVP8Delta
		if key {
			prefix = sframe.PrefixVP8Key
		}
		b = append([]byte{0x90, 0xf0, 0x80, byte(m.seq[ssrc]), byte(m.seq[ssrc]), 0x20}, prefix...)
	}
	b = sframe.Header{KID: kid, CTR: m.ctr[kid]}.Append(b)
	body := 100
	if ssrc == 13 { // the top layer
		body = 1200
	}
	b = append(b, bytes.Repeat([]byte{0xa5}, body)...)
	m.ctr[kid]++
	m.seq[ssrc]++
	return gate.Packet{SSRC: ssrc, Sequence: m.seq[ssrc], Timestamp: uint32(m.seq[ssrc]) * 3000, Marker: true, Payload: b}
}

func (m *meeting) send(id PeerID, mid string, l forward.Layer, p gate.Packet) {
	m.now = m.now.Add(10 * time.Millisecond)
	m.sources[id][mid].Receive(l, p, nil, m.now)
}

func (m *meeting) count(name string) int {
	if o := m.outlets[name]; o != nil {
		return len(o.sent)
	}
	return 0
}

func (m *meeting) expect(name string, n int) {
	m.t.Helper()
	if got := m.count(name); got != n {
		m.t.Fatalf("%s received %d packets, want %d", name, got, n)
	}
}

func TestEverybodyHearsEverybodyElse(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.join("c", 3)
	if got, want := m.router.Tracks("b"), []Track{{Leaf: 1, Context: 0}, {Leaf: 1, Context: 1, Kind: Video},
		{Leaf: 3, Context: 0}, {Leaf: 3, Context: 1, Kind: Video}}; !slices.Equal(got, want) {
		t.Fatalf("tracks %v", got)
	}
	for _, id := range []PeerID{"a", "b", "c"} {
		m.connect(id)
	}
	m.send("a", "0", forward.Low, m.packet(1, 0, 1, 10, false))
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, 11, true))
	for _, id := range []string{"b", "c"} {
		m.expect(id+" 1-0", 1)
		m.expect(id+" 1-1", 1)
	}
	if d := m.router.Attach("a", 1, 0, &outlet{}, m.now); d != nil {
		t.Fatal("a peer receives itself")
	}
	if d := m.router.Attach("a", 9, 0, &outlet{}, m.now); d != nil {
		t.Fatal("a leaf that is not there is received")
	}
}

func TestNobodyBeforeAdmission(t *testing.T) {
	// ASVS 2.3.1, 8.3.1
	m := newMeeting(t)
	m.join("a", 1)
	m.publish("stranger", both)
	m.connect("a")
	if tracks := m.router.Tracks("stranger"); tracks != nil {
		t.Fatalf("a stranger is offered %v", tracks)
	}
	if m.router.Attach("stranger", 1, 0, &outlet{}, m.now) != nil {
		t.Fatal("a stranger receives")
	}
	m.send("stranger", "0", forward.Low, m.packet(2, 0, 1, 20, false))
	if counts, _ := m.router.Refused("stranger"); !maps.Equal(counts, map[RefusedReason]uint64{NotAdmitted: 1}) {
		t.Fatalf("refused %v", counts)
	}
	if err := m.router.Admit("stranger", 2, m.now); err != nil {
		t.Fatal(err)
	}
	m.connect("a")
	m.send("stranger", "0", forward.Low, m.packet(2, 0, 1, 20, false))
	m.expect("a 2-0", 1)
}

func TestRemovalIsAtOnce(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("a")
	m.connect("b")
	a := m.sources["a"]["0"]
	m.send("a", "0", forward.Low, m.packet(1, 0, 1, 10, false))
	m.expect("b 1-0", 1)
	m.router.Remove("a")
	a.Receive(forward.Low, m.packet(1, 0, 1, 10, false), nil, m.now)
	m.send("b", "0", forward.Low, m.packet(2, 0, 1, 20, false))
	m.expect("b 1-0", 1)
	m.expect("a 2-0", 0)
	if m.downs["b 1-0"].Attached() || m.downs["a 2-0"].Attached() {
		t.Fatal("ways to or from the removed peer stand")
	}
	if stats := m.router.Stats(); stats.Forwarded != 1 || len(stats.Peers) != 1 {
		t.Fatalf("stats %+v", stats)
	}
}

func TestALeafHasOnePeer(t *testing.T) {
	// ASVS 2.3.4
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.join("a again", 1)
	m.send("a", "0", forward.Low, m.packet(1, 0, 1, 10, false))
	m.expect("b 1-0", 0)
	m.connect("b")
	m.send("a again", "0", forward.Low, m.packet(1, 0, 1, 30, false))
	m.expect("b 1-0", 1)
	if m.router.Tracks("a") != nil {
		t.Fatal("the peer before is still offered tracks")
	}
	// Re-entry: the same connection as another leaf.
	if err := m.router.Admit("a again", 5, m.now); err != nil {
		t.Fatal(err)
	}
	m.connect("b")
	m.send("a again", "0", forward.Low, m.packet(1, 0, 1, 30, false))
	m.expect("b 5-0", 0)
	m.send("a again", "0", forward.Low, m.packet(5, 0, 1, 30, false))
	m.expect("b 5-0", 1)
}

func TestRefusedPacketsGoNowhereAndLeaveNoGap(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, 11, true))
	clear := m.packet(1, 1, 1, 11, false)
	clear.Payload = append([]byte{0x10, 0x31, 0x22, 0x33}, bytes.Repeat([]byte{0x77}, 200)...)
	m.send("a", "1", forward.Low, clear)
	m.send("a", "1", forward.Low, m.packet(1, 1, 9, 11, false))
	large := m.packet(1, 1, 1, 11, false)
	large.Payload = append(large.Payload, make([]byte, MaxPayload)...)
	m.send("a", "1", forward.Low, large)
	again := m.packet(1, 1, 1, 11, false)
	m.send("a", "1", forward.Low, again)
	m.send("a", "1", forward.Low, again) // a probe's copy: neither forwarded nor refused
	padding := m.seq[11] + 1
	m.seq[11]++
	m.sources["a"]["1"].Padding(forward.Low, 11, padding)
	m.send("a", "1", forward.Low, m.packet(1, 1, 1, 11, false))

	o := m.outlets["b 1-1"]
	var numbers []uint16
	for i, n := range o.numbers {
		numbers = append(numbers, n.Sequence)
		if bytes.Contains(o.sent[i], []byte{0x77, 0x77, 0x77}) {
			t.Fatal("clear media was forwarded")
		}
	}
	if !slices.Equal(numbers, []uint16{1, 2, 3}) {
		t.Fatalf("went out as %v", numbers)
	}
	want := map[RefusedReason]uint64{gate.BadPrefix: 1, gate.FutureEpoch: 1, TooLarge: 1}
	if counts, _ := m.router.Refused("a"); !maps.Equal(counts, want) {
		t.Fatalf("refused %v, want %v", counts, want)
	}
	if stats := m.router.Stats(); !maps.Equal(stats.Refused, want) || stats.Forwarded != 3 {
		t.Fatalf("stats %+v", stats)
	}
}

func TestEpochsOfACall(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.router.SetEpoch(2, m.now)
	m.send("a", "0", forward.Low, m.packet(1, 0, 1, 10, false))
	m.send("a", "0", forward.Low, m.packet(1, 0, 2, 10, false))
	m.expect("b 1-0", 2)
	m.now = m.now.Add(gate.Grace)
	m.send("a", "0", forward.Low, m.packet(1, 0, 1, 10, false))
	m.expect("b 1-0", 2)
}

// layers sends a frame on each layer.
func (m *meeting) layers(key bool) {
	for l := range forward.Layers {
		m.send("a", "1", forward.Layer(l), m.packet(1, 1, 1, 11+uint32(l), key))
	}
}

func TestLayerFollowsTheTile(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.layers(true)
	down := m.downs["b 1-1"].numbers
	if down.Current() != pace.Low {
		t.Fatalf("before a word about tiles the layer is %d", down.Current())
	}
	want := func(height int, l forward.Layer) {
		t.Helper()
		if err := m.router.Wants("b", []Want{{Leaf: 1, Context: 1, Height: height}}, m.now); err != nil {
			t.Fatal(err)
		}
		before, shown := m.count("b 1-1"), down.Current() != forward.None
		m.layers(false)
		if shown && l != forward.None && m.count("b 1-1") == before {
			t.Fatal("the picture stops while the key frame is awaited")
		}
		m.layers(true)
		m.layers(false)
		if down.Current() != l {
			t.Fatalf("for %d lines the layer is %d, want %d", height, down.Current(), l)
		}
	}
	want(720, pace.High)
	want(360, pace.Middle)
	want(0, forward.None)
	quiet := m.count("b 1-1")
	m.layers(true)
	m.expect("b 1-1", quiet)
	want(180, pace.Low)
	if asked := m.uplinks["a"].asked; len(asked) == 0 {
		t.Fatal("no key frame was asked for")
	}

	// The top layer falls silent: the next one takes over.
	want(720, pace.High)
	for range 200 {
		m.send("a", "1", pace.Low, m.packet(1, 1, 1, 11, false))
		m.send("a", "1", pace.Middle, m.packet(1, 1, 1, 12, false))
		m.router.Tick(20*time.Millisecond, m.now)
	}
	m.send("a", "1", pace.Middle, m.packet(1, 1, 1, 12, true))
	if down.Current() != pace.Middle {
		t.Fatalf("with the top layer silent the layer is %d", down.Current())
	}
}

func TestALimitLowersThatReceiverOnly(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	for i := range 2 {
		id := PeerID(fmt.Sprint("r", i))
		m.join(id, uint32(2+i))
		m.connect(id)
		if err := m.router.Wants(id, []Want{{Leaf: 1, Context: 1, Height: 720}}, m.now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		m.layers(i%20 == 0)
		m.router.Tick(30*time.Millisecond, m.now)
		if i == 40 {
			if full := m.router.Limit("r0", 100_000, true, m.now); full < 100_000 {
				t.Fatalf("without a limit it would get %d bit/s", full)
			}
			m.router.Limit("r1", 50_000_000, false, m.now)
		}
	}
	if got := m.downs["r0 1-1"].numbers.Wanted(); got == pace.High {
		t.Fatal("the limited receiver still gets the top layer")
	}
	if got := m.downs["r1 1-1"].numbers.Wanted(); got != pace.High {
		t.Fatalf("the other one gets layer %d", got)
	}
}

// On a congested line what is too much stops at once; on another it goes on until the smaller layer's key frame.
func TestACongestedLineDoesNotWait(t *testing.T) {
	for _, congested := range []bool{true, false} {
		m := newMeeting(t)
		m.join("a", 1)
		m.join("b", 2)
		m.connect("b")
		if err := m.router.Wants("b", []Want{{Leaf: 1, Context: 1, Height: 720}}, m.now); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			m.layers(i%10 == 0)
			m.router.Tick(30*time.Millisecond, m.now)
		}
		asked, before := len(m.uplinks["a"].asked), m.count("b 1-1")
		m.now = m.now.Add(time.Second)
		m.router.Limit("b", 100_000, congested, m.now)
		if len(m.uplinks["a"].asked) == asked {
			t.Fatal("no key frame was asked for")
		}
		m.layers(false)
		if sent := m.count("b 1-1") > before; sent == congested {
			t.Fatalf("congested %v: sent on %v", congested, sent)
		}
		m.layers(true)
		if m.downs["b 1-1"].numbers.Current() == pace.High || m.count("b 1-1") == before {
			t.Fatal("the smaller layer did not begin")
		}
	}
}

// A publisher is told which layers are received, at once when one is wanted again, and all anew on a new connection.
func TestPublishersAreToldWhatIsReceived(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.sources["a"]["1"].Offers(3, false)
	pass := func(seconds int) {
		for range seconds * 10 {
			m.layers(false)
			m.now = m.now.Add(70 * time.Millisecond)
			m.router.Tick(100*time.Millisecond, m.now)
		}
	}
	last := func() string {
		told := m.uplinks["a"].told
		if len(told) == 0 {
			return "nothing"
		}
		return fmt.Sprint(told[len(told)-1])
	}
	m.layers(true)
	pass(3)
	if got := last(); got != "nothing" {
		t.Fatalf("after three seconds it is told %s", got)
	}
	pass(5)
	if got := last(); got != "{1 [0] false}" { // a tile that nobody spoke of is a small one
		t.Fatalf("with a small tile it is told %s", got)
	}
	told := len(m.uplinks["a"].told)
	pass(5)
	if len(m.uplinks["a"].told) != told {
		t.Fatalf("told again: %v", m.uplinks["a"].told)
	}
	if err := m.router.Wants("b", []Want{{Leaf: 1, Context: 1, Height: 720}}, m.now); err != nil {
		t.Fatal(err)
	}
	if got := last(); got != "{1 [0 2] false}" {
		t.Fatalf("with a large tile it is told %s", got)
	}
	m.router.Remove("b")
	pass(8)
	if got := last(); got != "{1 [] false}" {
		t.Fatalf("without receivers it is told %s", got)
	}
	// Its connection is made anew, and sends everything again.
	before := m.uplinks["a"]
	m.publish("a", both)
	if pass(8); m.uplinks["a"] == before || last() != "{1 [] false}" || len(m.uplinks["a"].told) != 1 {
		t.Fatalf("on a new connection it is told %v", m.uplinks["a"].told)
	}
}

// A screen that nobody shares yet has no receivers; the publisher is not told to rest it, or it could never begin.
func TestScreensAreNotPutToRest(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.publish("a", append(slices.Clone(both), Stream{MID: "2", Kind: Video, Context: 2}))
	m.join("b", 2)
	m.connect("b")
	for range 200 {
		m.now = m.now.Add(100 * time.Millisecond)
		m.router.Tick(100*time.Millisecond, m.now)
	}
	for _, told := range m.uplinks["a"].told {
		if told.Context != 1 {
			t.Fatalf("told %v", told)
		}
	}
}

// A narrow line gets fewer frames before it gets a smaller picture, where the publisher has temporal layers.
func TestTemporalLayersAreChosen(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	frame := func(n int, key bool) gate.Packet {
		p := m.packet(1, 1, 1, 11, key)
		p.Payload[5] = []byte{0x00, 0xa0, 0x60, 0x80}[n%4] // T0, T2 sync, T1 sync, T2
		return p
	}
	send := func(n int) {
		for i := range n {
			m.send("a", "1", pace.Low, frame(i, i == 0))
			m.router.Tick(10*time.Millisecond, m.now)
		}
	}
	send(200)
	rate := m.router.Rate("b")
	m.router.Limit("b", rate*7/10, false, m.now)
	send(8)
	before := m.count("b 1-1")
	send(200)
	if got := m.count("b 1-1") - before; got != 100 {
		t.Fatalf("%d of 200 frames at 70 %% of the rate", got)
	}
}

func TestRetransmissionAndKeyFrameRequests(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.layers(true)
	m.layers(false)
	d, o := m.downs["b 1-1"], m.outlets["b 1-1"]
	d.Lost([]uint16{o.numbers[1].Sequence, 999}, nil, m.now)
	if len(o.again) != 1 || o.again[0] != o.numbers[1] {
		t.Fatalf("sent again: %v", o.again)
	}
	asked := len(m.uplinks["a"].asked)
	for range 50 {
		d.KeyFrame(m.now.Add(2 * time.Second))
	}
	if got := len(m.uplinks["a"].asked) - asked; got != 1 {
		t.Fatalf("fifty requests make %d", got)
	}
	d.Detach()
	d.Lost([]uint16{o.numbers[1].Sequence}, nil, m.now.Add(time.Second))
	m.layers(true)
	if len(o.again) != 1 || m.count("b 1-1") != 2 {
		t.Fatal("a detached outlet is called")
	}
}

func TestSenderReportsGoOn(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	m.layers(true)
	m.router.Report(m.now)
	if len(m.outlets["b 1-1"].reports) != 0 {
		t.Fatal("a report before the publisher's")
	}
	m.sources["a"]["1"].Reported(pace.Low, forward.Clock{SSRC: 11, RTP: 3000, Wall: m.now})
	m.sources["a"]["1"].Reported(pace.Low, forward.Clock{SSRC: 99, RTP: 1, Wall: m.now}) // not that layer's
	m.router.Report(m.now.Add(time.Second))
	if r := m.outlets["b 1-1"].reports; len(r) != 1 || r[0].RTP != 93000 {
		t.Fatalf("reports %+v", r)
	}
}

func TestPublishingAnew(t *testing.T) {
	m := newMeeting(t)
	m.join("a", 1)
	m.join("b", 2)
	m.connect("b")
	camera := m.sources["a"]["1"]
	withScreen := append(slices.Clone(both), Stream{MID: "2", Kind: Video, Context: 2}, Stream{MID: "3", Kind: Audio, Context: 3})
	m.publish("a", withScreen)
	if m.sources["a"]["1"] != camera || !m.downs["b 1-1"].Attached() {
		t.Fatal("a stream that stays is disturbed")
	}
	if tracks := m.router.Tracks("b"); len(tracks) != 2 || m.router.Stale() {
		t.Fatalf("a screen that nobody shares is offered: %v", tracks)
	}
	m.send("a", "3", forward.Low, m.packet(1, 0, 1, 40, false)) // not that stream's KID
	if m.router.Stale() {
		t.Fatal("a refused packet makes a stream heard")
	}
	m.send("a", "3", forward.Low, m.packet(1, 3, 1, 40, false))
	if tracks := m.router.Tracks("b"); !m.router.Stale() || m.router.Stale() || len(tracks) != 3 || tracks[2].Context != 3 || tracks[2].Kind != Audio {
		t.Fatalf("tracks %v", tracks)
	}
	m.publish("a", both[:1])
	if m.downs["b 1-1"].Attached() || len(m.router.Tracks("b")) != 1 {
		t.Fatal("a stream that went is still received")
	}
	m.sources["b"]["1"].Receive(forward.Low, gate.Packet{Payload: []byte{1}}, nil, m.now)
	m.publish("b", nil)
	if counts, _ := m.router.Refused("b"); counts[gate.BadDescriptor] != 1 {
		t.Fatalf("counts went with the stream: %v", counts)
	}
}

func TestCheckStreams(t *testing.T) {
	// ASVS 2.2.3
	many := make([]Stream, MaxStreamsPerPeer+1)
	for i := range many {
		many[i] = Stream{MID: fmt.Sprint(i), Kind: Kind((i + 1) % 2), Context: uint8(i + 2)}
	}
	for _, test := range []struct {
		name    string
		streams []Stream
		ok      bool
	}{
		{"nothing", nil, true},
		{"microphone and camera", both, true},
		{"as many as may be", many[:MaxStreamsPerPeer], true},
		{"one more", many, false},
		{"one context twice", []Stream{{"0", Audio, 0}, {"1", Audio, 0}}, false},
		{"one m-line twice", []Stream{{"0", Audio, 0}, {"0", Video, 1}}, false},
		{"no m-line", []Stream{{"", Audio, 0}}, false},
		{"a microphone that shows pictures", []Stream{{"0", Video, 0}}, false},
		{"a camera that sounds", []Stream{{"0", Audio, 1}}, false},
		{"a screen that sounds", []Stream{{"0", Audio, 2}}, false},
		{"a screen's sound", []Stream{{"0", Audio, 3}}, true},
	} {
		if err := CheckStreams(test.streams); (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	// ASVS 2.3.2
	r := NewRouter(1, start)
	for i := range MaxPeers {
		if err := r.Join(PeerID(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if r.Join("one more") == nil || r.Admit("one more", 1, start) == nil {
		t.Fatal("a call has no end")
	}
	if r.Wants("1", make([]Want, MaxWants+1), start) == nil {
		t.Fatal("wants have no end")
	}
}

// Whatever happens at once: media's receivers are admitted members, and after
// a removal returned nothing comes any more.
func TestConcurrentChanges(t *testing.T) {
	m := newMeeting(t)
	const peers = 6
	var sources [peers]*Source
	for i := range peers {
		id := PeerID(fmt.Sprint(i))
		m.join(id, uint32(i))
		sources[i] = m.sources[id]["0"]
	}
	for i := range peers {
		m.connect(PeerID(fmt.Sprint(i)))
	}
	packets := make([][]gate.Packet, peers)
	for i := range packets {
		for range 400 {
			packets[i] = append(packets[i], m.packet(uint32(i), 0, 1, uint32(i), false))
		}
	}
	var group sync.WaitGroup
	for i := range peers {
		group.Go(func() {
			for _, p := range packets[i] {
				sources[i].Receive(forward.Low, p, nil, start)
			}
		})
	}
	group.Go(func() {
		for i := range 50 {
			m.router.Tick(TickEvery, start)
			_ = m.router.Wants(PeerID(fmt.Sprint(i%peers)), []Want{{Leaf: 1, Context: 0}}, start)
			m.router.Stats()
		}
	})
	time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
	m.router.Remove("3")
	after := 0
	for name, o := range m.outlets {
		if bytes.HasPrefix([]byte(name), []byte("3 ")) || bytes.HasSuffix([]byte(name), []byte(" 3-0")) {
			after += len(o.sent)
		}
	}
	group.Wait()
	for name, o := range m.outlets {
		if bytes.HasPrefix([]byte(name), []byte("3 ")) || bytes.HasSuffix([]byte(name), []byte(" 3-0")) {
			after -= len(o.sent)
		}
	}
	if after != 0 {
		t.Fatalf("%d packets after the removal", -after)
	}
}
