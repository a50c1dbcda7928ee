package forward

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"huisclos/media/gate"
	"huisclos/media/pace"
)

var start = time.Unix(1_700_000_000, 0)

const (
	middle = pace.Middle
	high   = pace.High
)

// packet makes what the gate would hand on: a frame of one packet, its payload
// a full descriptor and a body.
func packet(ssrc uint32, seq uint16, ts uint32, picture uint16, tl0 uint8, key bool) *gate.Packet {
	payload := []byte{0x90, 0xf0, 0x80 | byte(picture>>8), byte(picture), tl0, 0x20, 1, 2, 3}
	d, err := gate.ParseDescriptor(payload)
	if err != nil {
		panic(err)
	}
	return &gate.Packet{SSRC: ssrc, Sequence: seq, Timestamp: ts, Payload: payload, Descriptor: d, Start: true, Key: key}
}

var noClocks [Layers]Clock

func TestLayerSwitch(t *testing.T) {
	type sent struct {
		layer   Layer
		ssrc    uint32
		seq     uint16
		ts      uint32
		picture uint16
		tl0     uint8
		key     bool
		after   time.Duration
		target  Layer // if not zero value "keep"
		retune  bool
		forward bool
		want    Numbers
	}
	for _, test := range []struct {
		name  string
		steps []sent
	}{
		{"waits for a key frame", []sent{
			{layer: Low, ssrc: 1, seq: 10, ts: 100, retune: true, target: Low},
			{layer: middle, ssrc: 2, seq: 70, ts: 900, key: true},
			{layer: Low, ssrc: 1, seq: 11, ts: 200, picture: 5, tl0: 9, key: true, forward: true, want: Numbers{11, 200, 5, 9, false}},
			{layer: Low, ssrc: 1, seq: 12, ts: 300, picture: 6, tl0: 10, forward: true, want: Numbers{12, 300, 6, 10, false}},
			{layer: Low, ssrc: 1, seq: 10, ts: 100, picture: 4, tl0: 8}, // from before the beginning
		}},
		{"up and down, numbers go on", []sent{
			{layer: Low, ssrc: 1, seq: 65535, ts: 1000, picture: 0x7fff, tl0: 255, key: true, retune: true, target: Low,
				forward: true, want: Numbers{65535, 1000, 0x7fff, 255, false}},
			{layer: Low, ssrc: 1, seq: 0, ts: 4000, picture: 0, tl0: 0, after: 33 * time.Millisecond, retune: true, target: high,
				forward: true, want: Numbers{0, 4000, 0, 0, false}},
			{layer: high, ssrc: 3, seq: 500, ts: 77, picture: 90, tl0: 7, key: false},
			{layer: high, ssrc: 3, seq: 501, ts: 3077, picture: 91, tl0: 8, key: true, after: 100 * time.Millisecond,
				forward: true, want: Numbers{1, 4000 + 9000, 1, 1, false}},
			{layer: Low, ssrc: 1, seq: 1, ts: 7000, picture: 1, tl0: 1},
			{layer: high, ssrc: 3, seq: 502, ts: 6077, picture: 92, tl0: 9, forward: true, want: Numbers{2, 4000 + 9000 + 3000, 2, 2, false}},
			{layer: high, ssrc: 3, seq: 500, ts: 77, picture: 90, tl0: 7}, // late, from before the switch
			{layer: Low, ssrc: 1, seq: 9, ts: 30000, picture: 9, tl0: 9, key: true, after: 10 * time.Millisecond, retune: true, target: Low,
				forward: true, want: Numbers{3, 16000 + 900, 3, 3, false}},
		}},
		{"late packet of the present layer", []sent{
			{layer: Low, ssrc: 1, seq: 10, ts: 100, key: true, retune: true, target: Low, forward: true, want: Numbers{10, 100, 0, 0, false}},
			{layer: Low, ssrc: 1, seq: 12, ts: 300, picture: 2, tl0: 2, forward: true, want: Numbers{12, 300, 2, 2, false}},
			{layer: Low, ssrc: 1, seq: 11, ts: 200, picture: 1, tl0: 1, forward: true, want: Numbers{11, 200, 1, 1, false}},
			{layer: high, ssrc: 3, seq: 1, ts: 1, picture: 50, tl0: 50, key: true, after: time.Second, retune: true, target: high,
				forward: true, want: Numbers{13, 300 + 90000, 3, 3, false}},
		}},
		{"the layer's SSRC is replaced", []sent{
			{layer: Low, ssrc: 1, seq: 10, ts: 100, key: true, retune: true, target: Low, forward: true, want: Numbers{10, 100, 0, 0, false}},
			{layer: Low, ssrc: 8, seq: 900, ts: 5, picture: 3, tl0: 3},
			{layer: Low, ssrc: 8, seq: 901, ts: 6, picture: 4, tl0: 4, key: true, after: time.Second, forward: true, want: Numbers{11, 90100, 1, 1, false}},
		}},
		{"not sent, then sent again", []sent{
			{layer: Low, ssrc: 1, seq: 10, ts: 100, key: true, retune: true, target: Low, forward: true, want: Numbers{10, 100, 0, 0, false}},
			{layer: Low, ssrc: 1, seq: 11, ts: 200, picture: 1, tl0: 1, key: true, retune: true, target: None},
			{layer: Low, ssrc: 1, seq: 12, ts: 300, picture: 2, tl0: 2, retune: true, target: Low},
			{layer: Low, ssrc: 1, seq: 13, ts: 400, picture: 3, tl0: 3, key: true, after: time.Second, forward: true, want: Numbers{11, 90100, 1, 1, false}},
			{layer: Low, ssrc: 1, seq: 14, ts: 500, picture: 4, tl0: 4, forward: true, want: Numbers{12, 90200, 2, 2, false}},
		}},
		{"two switches without time between", []sent{
			{layer: Low, ssrc: 1, seq: 10, ts: 100, key: true, retune: true, target: Low, forward: true, want: Numbers{10, 100, 0, 0, false}},
			{layer: high, ssrc: 3, seq: 1, ts: 9, key: true, retune: true, target: high, forward: true, want: Numbers{11, 101, 1, 1, false}},
			{layer: Low, ssrc: 1, seq: 11, ts: 200, key: true, retune: true, target: Low, forward: true, want: Numbers{12, 102, 2, 2, false}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, now := NewDown(true, 90000), start
			for i, s := range test.steps {
				now = now.Add(s.after)
				if s.retune {
					d.Target(s.target)
				}
				p := packet(s.ssrc, s.seq, s.ts, s.picture, s.tl0, s.key)
				n, ok := d.Forward(s.layer, p, &noClocks, now)
				if ok != s.forward || ok && n != s.want {
					t.Fatalf("step %d: %+v %v, want %+v %v", i, n, ok, s.want, s.forward)
				}
			}
		})
	}
}

func TestSenderReportsJoinLayersExactly(t *testing.T) {
	d := NewDown(true, 90000)
	d.Target(Low)
	clocks := [Layers]Clock{
		Low:  {SSRC: 1, RTP: 1_000_000, Wall: start},
		high: {SSRC: 3, RTP: 4_294_900_000, Wall: start.Add(500 * time.Millisecond)},
	}
	d.Forward(Low, packet(1, 1, 1_000_000, 0, 0, true), &clocks, start)
	d.Target(high)
	// Captured 1 s after the first frame, but it arrived 70 ms late.
	rtp := uint32(4_294_900_000)
	rtp += 45000
	n, ok := d.Forward(high, packet(3, 1, rtp, 0, 0, true), &clocks, start.Add(1070*time.Millisecond))
	if !ok || n.Timestamp != 1_000_000+90_000 {
		t.Fatalf("joined at %d", n.Timestamp)
	}
	report, ok := d.Report(&clocks, start.Add(2*time.Second))
	if !ok || report.RTP != 1_000_000+180_000 || report.Packets != 2 || !report.Wall.Equal(start.Add(2*time.Second)) {
		t.Fatalf("report %+v", report)
	}
	// A report that is far off is not believed.
	d.Target(Low)
	clocks[Low].RTP += 90000 * 60
	n, _ = d.Forward(Low, packet(1, 50, 1_000_000, 0, 0, true), &clocks, start.Add(2070*time.Millisecond))
	if n.Timestamp != 1_090_000+90_000 {
		t.Fatalf("joined at %d with a false report", n.Timestamp)
	}
}

// Outgoing sequence numbers have no gap that the publisher's had not, and none
// comes twice, over many wraps, switches and omissions.
func TestNumbersNeverRepeat(t *testing.T) {
	d, now := NewDown(true, 90000), start
	seqs := [Layers]uint16{65000, 3, 40000}
	current := Low
	d.Target(current)
	var last uint16
	for i := range 400_000 {
		now = now.Add(10 * time.Millisecond)
		if i%5000 == 0 {
			current = Layer(i / 5000 % Layers)
			d.Target(current)
		}
		key := i%5000 == 20
		if i%97 == 96 && i%5000 > 30 {
			d.Skip(uint32(current)+1, seqs[current])
			seqs[current]++
			continue
		}
		for l := range Layers {
			if Layer(l) != current && i%5000 >= 20 {
				continue
			}
			n, ok := d.Forward(Layer(l), packet(uint32(l)+1, seqs[l], uint32(i*900), 0, 0, key && Layer(l) == current), &noClocks, now)
			seqs[l]++
			if !ok {
				continue
			}
			if i > 20 && n.Sequence != last+1 {
				t.Fatalf("packet %d went out as %d after %d", i, n.Sequence, last)
			}
			last = n.Sequence
		}
	}
	if len(d.segments) > maxSegments {
		t.Fatalf("%d segments are kept", len(d.segments))
	}
}

func TestSkip(t *testing.T) {
	d := NewDown(true, 90000)
	d.Target(Low)
	forward := func(seq uint16, key bool) (uint16, bool) {
		n, ok := d.Forward(Low, packet(1, seq, uint32(seq), 0, 0, key), &noClocks, start)
		return n.Sequence, ok
	}
	d.Skip(1, 99) // nothing was sent yet
	for _, s := range []struct {
		seq  uint16
		skip bool
		want uint16
	}{
		{seq: 100, want: 100}, {seq: 101, skip: true}, {seq: 102, skip: true}, {seq: 103, want: 101},
		{seq: 105, want: 103}, {seq: 104, skip: true}, // too late: its number is a loss
		{seq: 106, want: 104}, {seq: 107, skip: true}, {seq: 109, want: 106}, {seq: 108, want: 105},
		{seq: 112, skip: true}, {seq: 113, skip: true}, {seq: 111, want: 108}, {seq: 114, want: 109}, {seq: 110, want: 107}, // what may still come keeps its place
	} {
		if s.skip {
			d.Skip(1, s.seq)
			continue
		}
		if got, ok := forward(s.seq, s.seq == 100); !ok || got != s.want {
			t.Fatalf("%d went out as %d %v, want %d", s.seq, got, ok, s.want)
		}
	}
	d.Skip(2, 115) // not the SSRC that is being sent
	if got, _ := forward(115, false); got != 110 {
		t.Fatalf("115 went out as %d", got)
	}
}

// What is left out begins a segment ahead of the packets that came; a late one
// must not make its predecessors forgotten, or the next would get a number twice.
func TestTwoLatePacketsBehindASkip(t *testing.T) {
	d := NewDown(true, 90000)
	d.Target(Low)
	for _, s := range []struct {
		seq  uint16
		skip bool
	}{{seq: 100}, {seq: 103}, {seq: 104, skip: true}, {seq: 101}, {seq: 102}} {
		if s.skip {
			d.Skip(1, s.seq)
			continue
		}
		if n, ok := d.Forward(Low, packet(1, s.seq, uint32(s.seq), 0, 0, s.seq == 100), &noClocks, start); !ok || n.Sequence != s.seq {
			t.Fatalf("%d went out as %d %v", s.seq, n.Sequence, ok)
		}
	}
}

func TestAudioNeedsNoKeyFrame(t *testing.T) {
	d := NewDown(false, 48000)
	d.Target(None) // sound comes first: there is no not sending it
	opus := func(ssrc uint32, seq uint16, ts uint32, now time.Time) Numbers {
		n, ok := d.Forward(Low, &gate.Packet{SSRC: ssrc, Sequence: seq, Timestamp: ts, Payload: []byte{1}}, &noClocks, now)
		if !ok {
			t.Fatalf("packet %d is not forwarded", seq)
		}
		return n
	}
	opus(1, 10, 960, start)
	if n := opus(1, 11, 1920, start); n.Sequence != 11 || n.Timestamp != 1920 {
		t.Fatalf("%+v", n)
	}
	if n := opus(2, 700, 5, start.Add(20*time.Millisecond)); n.Sequence != 12 || n.Timestamp != 1920+960 {
		t.Fatalf("a replaced microphone goes on with %+v", n)
	}
}

func TestNumbersAreWrittenIntoACopy(t *testing.T) {
	p := packet(1, 1, 1, 0x123, 9, true)
	was, out := bytes.Clone(p.Payload), bytes.Clone(p.Payload)
	Numbers{Picture: 0x321, TL0: 7}.Write(out, p)
	d, err := gate.ParseDescriptor(out)
	if err != nil || d.Picture != 0x321 || d.TL0 != 7 || !bytes.Equal(out[d.Size:], was[d.Size:]) {
		t.Fatalf("%x", out)
	}
	if !bytes.Equal(p.Payload, was) {
		t.Fatal("the shared payload changed")
	}
	bare := &gate.Packet{Payload: []byte{1, 2, 3}}
	out = bytes.Clone(bare.Payload)
	if (Numbers{Picture: 5, TL0: 5}).Write(out, bare); !bytes.Equal(out, bare.Payload) {
		t.Fatalf("%x was written where no number is", out)
	}
}

func TestRetransmission(t *testing.T) {
	d, now := NewDown(true, 90000), start
	var rings [Layers]Ring
	send := func(l Layer, p *gate.Packet) Numbers {
		rings[l].Add(p, now)
		n, _ := d.Forward(l, p, &noClocks, now)
		return n
	}
	d.Target(Low)
	first := send(Low, packet(1, 100, 1000, 10, 20, true))
	d.Skip(1, 101)
	second := send(Low, packet(1, 102, 2000, 11, 21, false))
	ask := func(n uint16, at time.Time) (gate.Packet, Numbers, bool) { return d.Lost(n, &rings, at) }
	for _, want := range []struct {
		n    Numbers
		ssrc uint32
		seq  uint16
	}{{first, 1, 100}, {second, 1, 102}} {
		p, n, ok := ask(want.n.Sequence, now)
		if !ok || n != want.n || p.SSRC != want.ssrc || p.Sequence != want.seq {
			t.Fatalf("asked for %+v: %+v %+v %v", want, p, n, ok)
		}
	}
	if _, _, ok := ask(first.Sequence, now.Add(answerAgain-1)); ok {
		t.Fatal("answered twice within a moment")
	}
	d.Target(high)
	third := send(high, packet(3, 7, 9, 50, 60, true))
	if p, n, ok := ask(third.Sequence, now); !ok || n != third || p.SSRC != 3 || p.Sequence != 7 {
		t.Fatalf("after the switch: %+v %+v %v", p, n, ok)
	}
	if _, _, ok := ask(second.Sequence, now.Add(time.Second)); ok {
		t.Fatal("answered with a layer that is no longer sent")
	}
	if _, _, ok := ask(third.Sequence+1, now); ok {
		t.Fatal("answered for what was never sent")
	}
	if _, _, ok := ask(first.Sequence-1, now); ok {
		t.Fatal("answered for what was before the first")
	}
	if _, _, ok := ask(third.Sequence, now.Add(keepFor+time.Millisecond)); ok {
		t.Fatal("answered with an old packet")
	}
}

func TestRetransmissionsCostNoMoreThanTheStream(t *testing.T) {
	d, now := NewDown(true, 90000), start
	var rings [Layers]Ring
	d.Target(Low)
	sent := 0
	for i := range 20 {
		p := packet(1, uint16(i), uint32(i), 0, 0, i == 0)
		rings[Low].Add(p, now)
		d.Forward(Low, p, &noClocks, now)
		sent += len(p.Payload)
	}
	again := 0
	for range 1000 {
		now = now.Add(time.Millisecond)
		for i := range 20 {
			if p, _, ok := d.Lost(uint16(i), &rings, now); ok {
				again += len(p.Payload)
			}
		}
	}
	if again == 0 || again > sent {
		t.Fatalf("%d bytes were sent, %d again", sent, again)
	}
}

func TestRTX(t *testing.T) {
	wrapped := AppendRTX(nil, 0x1234, []byte{9, 8, 7})
	osn, payload, ok := UnwrapRTX(wrapped)
	if !ok || osn != 0x1234 || !bytes.Equal(payload, []byte{9, 8, 7}) {
		t.Fatalf("%x %x %v", osn, payload, ok)
	}
	for _, b := range [][]byte{nil, {1}, {1, 2}} {
		if _, _, ok := UnwrapRTX(b); ok {
			t.Fatalf("%x holds no original", b)
		}
	}
}

func FuzzUnwrapRTX(f *testing.F) {
	f.Add([]byte{0, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		osn, payload, ok := UnwrapRTX(b)
		if ok != (len(b) > 2) {
			t.Fatalf("%d bytes: %v", len(b), ok)
		}
		if ok && !bytes.Equal(AppendRTX(nil, osn, payload), b) {
			t.Fatal("wrapped again, it differs")
		}
	})
}

func TestSequences(t *testing.T) {
	var s Sequences
	for _, step := range []struct {
		seq   uint16
		fresh bool
	}{
		{65530, true}, {65530, false}, {65532, true}, {65531, true}, {65531, false}, {3, true}, {65535, true}, {3, false},
		{1000, true}, {65531, false}, {999, true}, {1000 + sequenceWindow - 1, true}, {1000, false}, {1001, true},
		{30000, true}, {2000, false}, {30000 - sequenceWindow, false}, {30000 - sequenceWindow + 1, true},
	} {
		if got := s.Fresh(step.seq); got != step.fresh {
			t.Fatalf("%d: fresh %v, want %v", step.seq, got, step.fresh)
		}
	}
}

// FuzzSequences compares the window with a map of all that was seen.
func FuzzSequences(f *testing.F) {
	f.Add([]byte{0, 1, 255, 3, 128, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Sequences
		seen := make(map[int]bool)
		at, newest := 0, 0
		for i, step := range b {
			at = newest + int(int8(step))*8
			if at < 0 || at > newest+30000 {
				continue
			}
			want := !seen[at] && (i == 0 || newest-at < sequenceWindow)
			if len(seen) == 0 {
				want = true
			}
			if got := s.Fresh(uint16(at)); got != want {
				t.Fatalf("step %d: %d is fresh %v, newest is %d", i, at, got, newest)
			}
			seen[at] = true
			newest = max(newest, at)
		}
	})
}

func TestMissing(t *testing.T) {
	var m Missing
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	due := func(ms int, want ...uint16) {
		t.Helper()
		if got := m.Due(at(ms)); !slices.Equal(got, want) {
			t.Fatalf("at %d ms: %v, want %v", ms, got, want)
		}
	}
	m.Received(65534, at(0))
	m.Received(2, at(0)) // 65535, 0 and 1 are missing
	due(5)
	m.Received(0, at(6)) // it was only late
	due(20, 65535, 1)
	due(40)
	due(80, 65535, 1)
	m.Received(65535, at(90))
	due(145, 1)
	for ms := 205; ms < 1000; ms += 60 {
		m.Due(at(ms))
	}
	due(1000)
	if len(m.lost) != 0 {
		t.Fatalf("%v is still asked for", m.lost)
	}
	m.Received(500, at(2000)) // too much is gone
	due(2100)
	for n := uint16(600); n < 60000; n += 100 {
		m.Received(n, at(2100))
	}
	if len(m.lost) > maxMissing {
		t.Fatalf("%d numbers are remembered", len(m.lost))
	}
	m = Missing{Hurry: true}
	m.Received(1, at(0))
	m.Received(3, at(20))
	due(20, 2)
	due(79)
	due(80, 2)
}

func TestKeyFrames(t *testing.T) {
	var k KeyFrames
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	if !k.Want(time.Time{}, at(0)) {
		t.Fatal("the first request goes out")
	}
	for range 100 {
		if k.Want(time.Time{}, at(10)) || k.Tick(at(10)) {
			t.Fatal("hundred receivers ask once")
		}
	}
	if k.Tick(at(900)) || !k.Tick(at(1000)) || k.Tick(at(1200)) {
		t.Fatal("an unanswered request is repeated each second")
	}
	k.Arrived()
	if k.Tick(at(5000)) {
		t.Fatal("nobody waits any more")
	}
	if k.Want(time.Time{}, at(1200)) {
		t.Fatal("too soon after the last request")
	}
	if k.Tick(at(1300)) || !k.Tick(at(1500)) {
		t.Fatal("a request that came too soon goes out when it may")
	}
	// Browsers leave out a request that comes soon after one of another layer.
	k = KeyFrames{}
	if !k.Want(at(0), at(60)) || k.Asked() != at(60) {
		t.Fatal("the first request goes out, whoever is asked besides")
	}
	if k.Tick(at(319)) || !k.Tick(at(320)) || k.Tick(at(1300)) || !k.Tick(at(1320)) {
		t.Fatal("it is repeated when it is listened to, and then each second")
	}
}

func TestReception(t *testing.T) {
	r := NewReception(90000)
	if _, ok := r.Report(start); ok {
		t.Fatal("nothing to report")
	}
	for i := range 100 {
		if i%10 == 5 {
			continue
		}
		// Even spacing, but each second packet 10 ms late: the jitter nears 10 ms.
		late := time.Duration(i%2) * 10 * time.Millisecond
		r.Received(uint16(65500+i), uint32(i*900), start.Add(time.Duration(i)*10*time.Millisecond+late))
	}
	r.Reported(0x0123456789abcdef, start.Add(time.Second))
	got, ok := r.Report(start.Add(1500 * time.Millisecond))
	if !ok || got.TotalLost != 10 || got.FractionLost != 256/10 || got.Highest != 65599 ||
		got.LastReport != 0x456789ab || got.Delay != 32768 {
		t.Fatalf("%+v", got)
	}
	if got.Jitter < 600 || got.Jitter > 1000 {
		t.Fatalf("jitter %d", got.Jitter)
	}
	again, _ := r.Report(start.Add(2 * time.Second))
	if again.FractionLost != 0 || again.TotalLost != 10 {
		t.Fatalf("%+v", again)
	}
}

// TestTemporalLayers sends the eight frames of libwebrtc's cycle of three temporal layers over and over.
func TestTemporalLayers(t *testing.T) {
	pattern := []struct {
		temporal byte
		sync     bool
	}{{0, false}, {2, true}, {1, true}, {2, false}, {0, false}, {2, false}, {1, false}, {2, false}}
	d, now := NewDown(true, 90000), start
	d.Target(Low)
	seq, frames := uint16(0), 0
	var last Numbers
	// round sends n cycles of frames of two packets and gives how many of each temporal layer went out.
	round := func(n int) (sent [3]int) {
		for range n {
			for i, f := range pattern {
				key := frames == 0
				for part := range 2 {
					seq++
					octet := f.temporal << 6
					if f.sync {
						octet |= 0x20
					}
					first := byte(0x90)
					if part == 1 {
						first = 0x80
					}
					payload := []byte{first, 0xe0, 0x80, byte(frames), 7, octet, 1, 2, 3}
					descriptor, err := gate.ParseDescriptor(payload)
					if err != nil {
						t.Fatal(err)
					}
					p := &gate.Packet{SSRC: 1, Sequence: seq, Timestamp: uint32(frames) * 3000, Payload: payload, Descriptor: descriptor,
						Start: part == 0, Key: key && part == 0, Marker: part == 1}
					if n, ok := d.Forward(Low, p, &noClocks, now); ok {
						if last.Sequence != 0 && n.Sequence != last.Sequence+1 {
							t.Fatalf("frame %d: number %d follows %d", frames, n.Sequence, last.Sequence)
						}
						last = n
						sent[f.temporal]++
					}
				}
				if i == len(pattern)-1 {
					now = now.Add(266 * time.Millisecond)
				}
				frames++
			}
		}
		return sent
	}
	if got := round(2); got != [3]int{8, 8, 16} {
		t.Fatalf("at first %v", got)
	}
	d.Temporal(0)
	if got := round(2); got != [3]int{8, 0, 0} {
		t.Fatalf("the lowest only: %v", got)
	}
	d.Temporal(2)
	if got := round(1); got != [3]int{4, 4, 0} {
		t.Fatalf("the first layer comes back first: %v", got)
	}
	if got := round(1); got != [3]int{4, 4, 8} {
		t.Fatalf("all again: %v", got)
	}
	d.Temporal(1)
	if got := round(2); got != [3]int{8, 8, 0} {
		t.Fatalf("half: %v", got)
	}
	d.Pause()
	if got := round(1); got != [3]int{} || d.Current() != None || !d.Waiting() {
		t.Fatalf("paused: %v", got)
	}
}
