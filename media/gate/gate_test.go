package gate

import (
	"bytes"
	"maps"
	"testing"
	"time"

	"huisclos/crypto/sframe"
)

var start = time.Unix(1_700_000_000, 0)

const (
	leaf   = 7
	camera = 1
)

func kid(context uint8, leaf uint32, epoch uint64) sframe.KID {
	k, err := sframe.NewKID(sframe.Context(context), leaf, epoch)
	if err != nil {
		panic(err)
	}
	return k
}

// sealed is what a client puts into an RTP payload: the beginning of a frame.
func sealed(prefix string, k sframe.KID, ctr uint64, body int) []byte {
	b := sframe.Header{KID: k, CTR: ctr}.Append([]byte(prefix))
	return append(b, bytes.Repeat([]byte{0xa5}, body)...)
}

// vp8 puts a full descriptor in front: picture id, TL0PICIDX, TID.
func vp8(first bool, frame []byte) []byte {
	head := []byte{0x80, 0xf0, 0x81, 0x23, 0x45, 0x20}
	if first {
		head[0] |= 0x10
	}
	return append(head, frame...)
}

func videoGate() *Gate { return New(Binding{Video: true, Leaf: leaf, Context: camera}) }
func audioGate() *Gate { return New(Binding{Leaf: leaf}) }

func epochAt(epoch uint64, now time.Time) *Epochs {
	e := new(Epochs)
	e.Set(epoch, now)
	return e
}

func TestFirstPackets(t *testing.T) {
	const epoch = 300 // its low byte is not itself
	good := kid(camera, leaf, epoch)
	for _, test := range []struct {
		name    string
		payload []byte
		marker  bool
		want    Reason
	}{
		{"delta", vp8(true, sealed(sframe.PrefixVP8Delta, good, 0, 200)), false, ""},
		{"key", vp8(true, sealed(sframe.PrefixVP8Key, good, 0, 200)), true, ""},
		{"smallest frame", vp8(true, sealed(sframe.PrefixVP8Delta, good, 0, 17)), true, ""},
		{"one byte short of a tag", vp8(true, sealed(sframe.PrefixVP8Delta, good, 0, 16)), true, NoRoomForTag},
		{"short, but more packets follow", vp8(true, sealed(sframe.PrefixVP8Delta, good, 0, 16)), false, ""},
		{"one-byte descriptor", append([]byte{0x10}, sealed(sframe.PrefixVP8Delta, good, 0, 20)...), true, ""},
		{"largest counter", vp8(true, sealed(sframe.PrefixVP8Delta, good, sframe.MaxCounter, 20)), true, ""},
		{"counter beyond the largest", vp8(true, sealed(sframe.PrefixVP8Delta, good, sframe.MaxCounter+1, 20)), true, WrongKID},
		{"empty", nil, true, BadDescriptor},
		{"only a descriptor", vp8(true, nil), true, BadDescriptor},
		{"descriptor cut short", []byte{0x90, 0x80, 0x81}, true, BadDescriptor},
		{"clear VP8 key frame", vp8(true, []byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01, 0xff, 0xff}), true, BadPrefix},
		{"clear VP8 delta frame", vp8(true, bytes.Repeat([]byte{0x31}, 60)), true, BadPrefix},
		{"prefix of another size", vp8(true, sealed("\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x02", good, 0, 40)), true, BadPrefix},
		{"prefix cut short", vp8(true, []byte(sframe.PrefixVP8Key[:9])), true, BadPrefix},
		{"prefix alone", vp8(true, []byte(sframe.PrefixVP8Delta)), true, NoHeader},
		{"header cut short", vp8(true, []byte(sframe.PrefixVP8Delta+"\xb8\x01\x00")), true, NoHeader},
		{"header not minimal", vp8(true, append([]byte(sframe.PrefixVP8Delta+"\xf8"), make([]byte, 60)...)), true, BadHeader},
		{"another leaf", vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf+1, epoch), 0, 40)), true, WrongKID},
		{"the microphone's KID", vp8(true, sealed(sframe.PrefixVP8Delta, kid(0, leaf, epoch), 0, 40)), true, WrongKID},
		{"a screen's KID", vp8(true, sealed(sframe.PrefixVP8Delta, kid(2, leaf, epoch), 0, 40)), true, WrongKID},
		{"KID beyond the layout", vp8(true, sealed(sframe.PrefixVP8Delta, good|1<<32, 0, 40)), true, WrongKID},
		{"the epoch before the call's first", vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, epoch-1), 0, 40)), true, OldEpoch},
		{"the next epoch", vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, epoch+1), 0, 40)), true, FutureEpoch},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := videoGate()
			p := Packet{SSRC: 1, Timestamp: 9000, Sequence: 5, Marker: test.marker, Payload: test.payload}
			v := g.Check(p, epochAt(epoch, start), start)
			if v.Refused != test.want || v.Held {
				t.Fatalf("refused %q held %v, want %q", v.Refused, v.Held, test.want)
			}
			if passed := len(v.Forward) == 1; passed != (test.want == "") {
				t.Fatalf("%d packets forwarded", len(v.Forward))
			}
			want := map[Reason]uint64{}
			if test.want != "" {
				want[test.want] = 1
			}
			if got := g.Counts(); !maps.Equal(got, want) {
				t.Fatalf("counts %v, want %v", got, want)
			}
		})
	}
}

func TestKeyFrameIsSeen(t *testing.T) {
	g, e := videoGate(), epochAt(1, start)
	key := g.Check(Packet{Timestamp: 1, Sequence: 1, Payload: vp8(true, sealed(sframe.PrefixVP8Key, kid(camera, leaf, 1), 0, 40))}, e, start)
	if !key.Forward[0].Key || !key.Forward[0].Start || key.Forward[0].Descriptor.Picture != 0x123 {
		t.Fatalf("key frame came out as %+v", key.Forward[0])
	}
	delta := g.Check(Packet{Timestamp: 2, Sequence: 2, Payload: vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, 1), 1, 40))}, e, start)
	if delta.Forward[0].Key {
		t.Fatal("a delta frame is no key frame")
	}
}

func TestAudio(t *testing.T) {
	good := kid(0, leaf, 1)
	for _, test := range []struct {
		name    string
		payload []byte
		want    Reason
	}{
		{"sealed", sealed("", good, 3, 60), ""},
		{"smallest", sealed("", good, 3, 17), ""},
		{"no room", sealed("", good, 3, 16), NoRoomForTag},
		{"empty", nil, NoHeader},
		{"clear Opus, 20 ms CELT", bytes.Repeat([]byte{0xfc}, 80), WrongKID},
		{"clear Opus, SILK", append([]byte{0x48, 0x83}, bytes.Repeat([]byte{0x11}, 60)...), WrongKID},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := audioGate().Check(Packet{Payload: test.payload}, epochAt(1, start), start)
			if v.Refused != test.want {
				t.Fatalf("refused %q, want %q", v.Refused, test.want)
			}
		})
	}
}

// A step is a packet at a time, and what the gate says to it.
type step struct {
	after    time.Duration
	ssrc     uint32
	ts       uint32
	seq      uint16
	marker   bool
	payload  []byte
	forward  []uint16 // sequence numbers that come out
	held     bool
	refused  Reason
	setEpoch uint64 // before the packet
}

func run(t *testing.T, g *Gate, e *Epochs, steps []step) {
	t.Helper()
	now := start
	for i, s := range steps {
		now = now.Add(s.after)
		if s.setEpoch != 0 {
			e.Set(s.setEpoch, now)
		}
		v := g.Check(Packet{SSRC: s.ssrc, Timestamp: s.ts, Sequence: s.seq, Marker: s.marker, Payload: s.payload}, e, now)
		var out []uint16
		for _, p := range v.Forward {
			out = append(out, p.Sequence)
		}
		if len(out) != len(s.forward) || v.Held != s.held || v.Refused != s.refused {
			t.Fatalf("step %d: forwards %v held %v refused %q, want %v %v %q", i, out, v.Held, v.Refused, s.forward, s.held, s.refused)
		}
		for j := range out {
			if out[j] != s.forward[j] {
				t.Fatalf("step %d: forwards %v, want %v", i, out, s.forward)
			}
		}
	}
}

func TestFramesOfSeveralPackets(t *testing.T) {
	first := func(ctr uint64) []byte {
		return vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, 1), ctr, 900))
	}
	wrong := vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf+1, 1), 0, 900))
	more := vp8(false, bytes.Repeat([]byte{9}, 900))
	for _, test := range []struct {
		name  string
		steps []step
		want  map[Reason]uint64
	}{
		{"in order", []step{
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
			{ts: 1, seq: 11, payload: more, forward: []uint16{11}},
			{ts: 1, seq: 12, marker: true, payload: more, forward: []uint16{12}},
		}, nil},
		{"first packet last", []step{
			{ts: 1, seq: 11, payload: more, held: true},
			{ts: 1, seq: 12, marker: true, payload: more, held: true},
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10, 11, 12}},
		}, nil},
		{"sequence numbers that wrap", []step{
			{ts: 1, seq: 0, payload: more, held: true},
			{ts: 1, seq: 65535, payload: first(0), forward: []uint16{65535, 0}},
			{ts: 1, seq: 1, marker: true, payload: more, forward: []uint16{1}},
		}, nil},
		{"the next frame meanwhile", []step{
			{ts: 1, seq: 11, marker: true, payload: more, held: true},
			{ts: 2, seq: 12, payload: first(1), forward: []uint16{12}},
			{ts: 2, seq: 13, marker: true, payload: more, forward: []uint16{13}},
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10, 11}},
		}, nil},
		{"never a first packet", []step{
			{ts: 1, seq: 11, payload: more, held: true},
			{after: HoldFor + time.Millisecond, ts: 2, seq: 20, payload: first(0), forward: []uint16{20}},
			{ts: 1, seq: 10, payload: first(1), forward: []uint16{10}},
		}, map[Reason]uint64{HeldTooLong: 1}},
		{"of a refused frame", []step{
			{ts: 1, seq: 11, payload: more, held: true},
			{ts: 1, seq: 10, payload: wrong, refused: WrongKID},
			{ts: 1, seq: 12, payload: more, refused: WrongKID},
		}, map[Reason]uint64{WrongKID: 3}},
		{"before its frame's first", []step{
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
			{ts: 1, seq: 9, payload: more, refused: NoFirstPacket},
		}, map[Reason]uint64{NoFirstPacket: 1}},
		{"held, before its frame's first", []step{
			{ts: 1, seq: 9, payload: more, held: true},
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
		}, map[Reason]uint64{NoFirstPacket: 1}},
		{"behind its frame's last", []step{
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
			{ts: 1, seq: 11, marker: true, payload: more, forward: []uint16{11}},
			{ts: 1, seq: 12, payload: more, refused: NoFirstPacket},
		}, map[Reason]uint64{NoFirstPacket: 1}},
		{"a second first packet", []step{
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
			{ts: 1, seq: 11, payload: first(1), refused: Replayed},
		}, map[Reason]uint64{Replayed: 1}},
		{"another SSRC's frame", []step{
			{ts: 1, seq: 10, payload: first(0), forward: []uint16{10}},
			{ssrc: 9, ts: 1, seq: 11, payload: more, held: true},
		}, map[Reason]uint64{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := videoGate()
			run(t, g, epochAt(1, start), test.steps)
			if got := g.Counts(); !maps.Equal(got, test.want) {
				t.Fatalf("counts %v, want %v", got, test.want)
			}
		})
	}
}

func TestReplay(t *testing.T) {
	frame := func(ctr uint64) []byte {
		return vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, 1), ctr, 40))
	}
	g, e := videoGate(), epochAt(1, start)
	run(t, g, e, []step{
		{ssrc: 1, ts: 1, seq: 1, payload: frame(2000), forward: []uint16{1}},
		{ssrc: 1, ts: 2, seq: 2, payload: frame(2000), refused: Replayed},
		{ssrc: 2, ts: 1, seq: 1, payload: frame(2000), refused: Replayed}, // layers share the counter
		{ssrc: 1, ts: 3, seq: 3, payload: frame(1999), forward: []uint16{3}},
		{ssrc: 2, ts: 2, seq: 2, payload: frame(2000 - sframe.WindowSize + 1), forward: []uint16{2}},
		{ssrc: 2, ts: 3, seq: 3, payload: frame(2000 - sframe.WindowSize), refused: Replayed},
		{ssrc: 1, ts: 4, seq: 4, payload: frame(90000), forward: []uint16{4}},
		{ssrc: 1, ts: 5, seq: 5, payload: frame(1), refused: Replayed},
	})
}

func TestEpochs(t *testing.T) {
	frame := func(epoch, ctr uint64) []byte {
		return vp8(true, sealed(sframe.PrefixVP8Delta, kid(camera, leaf, epoch), ctr, 40))
	}
	t.Run("grace", func(t *testing.T) {
		g, e := videoGate(), epochAt(255, start)
		run(t, g, e, []step{
			{ts: 1, payload: frame(255, 0), forward: []uint16{0}},
			{ts: 2, payload: frame(256, 0), refused: FutureEpoch},
			{ts: 3, setEpoch: 256, payload: frame(256, 0), forward: []uint16{0}},
			{ts: 4, after: time.Second, setEpoch: 257, payload: frame(255, 1), forward: []uint16{0}},
			{ts: 5, payload: frame(256, 1), forward: []uint16{0}},
			// A counter that the new epoch saw is not one that the old one saw.
			{ts: 6, payload: frame(257, 1), forward: []uint16{0}},
			{ts: 7, payload: frame(255, 1), refused: Replayed},
			{ts: 8, after: 2*time.Second + time.Millisecond, payload: frame(255, 2), refused: OldEpoch},
			{ts: 9, payload: frame(256, 2), forward: []uint16{0}},
			{ts: 10, after: time.Second, payload: frame(256, 3), refused: OldEpoch},
			{ts: 11, payload: frame(257, 2), forward: []uint16{0}},
		})
	})
	t.Run("windows die with their epoch", func(t *testing.T) {
		g, e := videoGate(), epochAt(1, start)
		run(t, g, e, []step{
			{ts: 1, payload: frame(1, 0), forward: []uint16{0}},
			{ts: 2, setEpoch: 2, payload: frame(2, 0), forward: []uint16{0}},
			{ts: 3, after: time.Minute, setEpoch: 3, payload: frame(3, 0), forward: []uint16{0}},
		})
		// The one just superseded still lives.
		if len(g.windows) != 2 {
			t.Fatalf("%d windows are kept, want 2", len(g.windows))
		}
	})
	t.Run("never backwards", func(t *testing.T) {
		e := epochAt(9, start)
		e.Set(8, start)
		e.Set(9, start)
		if e.Current() != 9 || len(e.superseded) != 0 {
			t.Fatalf("epoch %d with %d before it", e.Current(), len(e.superseded))
		}
	})
	t.Run("before the first", func(t *testing.T) {
		if v := videoGate().Check(Packet{Payload: frame(0, 0)}, new(Epochs), start); v.Refused != FutureEpoch {
			t.Fatalf("refused %q", v.Refused)
		}
	})
	t.Run("many in a moment", func(t *testing.T) {
		e := epochAt(1, start)
		for epoch := uint64(2); epoch < 1000; epoch++ {
			e.Set(epoch, start)
		}
		if len(e.superseded) > maxSuperseded {
			t.Fatalf("%d epochs are kept", len(e.superseded))
		}
		forgotten := uint64(999 - maxSuperseded - 1)
		if _, reason := e.match(uint8(forgotten), start); reason != OldEpoch {
			t.Fatalf("a forgotten epoch is %q", reason)
		}
	})
}

func TestHoldingIsBounded(t *testing.T) {
	small, large := vp8(false, make([]byte, 50)), vp8(false, make([]byte, 8000))
	t.Run("packets", func(t *testing.T) {
		g, e := videoGate(), epochAt(1, start)
		for i := range HoldPackets {
			if v := g.Check(Packet{Timestamp: uint32(i), Sequence: uint16(i), Payload: small}, e, start); !v.Held {
				t.Fatalf("packet %d is not held", i)
			}
		}
		if v := g.Check(Packet{Timestamp: 999, Payload: small}, e, start); v.Refused != HeldTooMuch {
			t.Fatalf("one more is %q", v.Refused)
		}
		g.Sweep(start.Add(HoldFor))
		if v := g.Check(Packet{Timestamp: 999, Payload: small}, e, start.Add(HoldFor)); v.Refused != HeldTooMuch {
			t.Fatal("nothing is dropped before its time")
		}
		late := start.Add(HoldFor + time.Millisecond)
		g.Sweep(late)
		if g.Counts()[HeldTooLong] != HoldPackets || g.sources[0].bytes != 0 {
			t.Fatalf("after the sweep: %v, %d bytes", g.Counts(), g.sources[0].bytes)
		}
		if v := g.Check(Packet{Timestamp: 999, Payload: small}, e, late); !v.Held {
			t.Fatal("there is room again")
		}
	})
	t.Run("bytes", func(t *testing.T) {
		g, e := videoGate(), epochAt(1, start)
		held := 0
		for i := range HoldPackets {
			if g.Check(Packet{Timestamp: uint32(i), Payload: large}, e, start).Held {
				held += len(large)
			}
		}
		if held == 0 || held > HoldBytes {
			t.Fatalf("%d bytes are held, the bound is %d", held, HoldBytes)
		}
	})
	t.Run("SSRCs", func(t *testing.T) {
		g, e := videoGate(), epochAt(1, start)
		for ssrc := range uint32(1000) {
			g.Check(Packet{SSRC: ssrc, Payload: small}, e, start)
		}
		if len(g.sources) != maxSSRCs || g.Counts()[HeldTooMuch] != 1000-maxSSRCs {
			t.Fatalf("%d SSRCs are kept, %v", len(g.sources), g.Counts())
		}
	})
}

func TestDescriptor(t *testing.T) {
	for _, test := range []struct {
		name string
		b    []byte
		ok   bool
		want Descriptor
	}{
		{"one byte", []byte{0x10, 9}, true, Descriptor{Size: 1, Start: true}},
		{"continuation", []byte{0x00, 9}, true, Descriptor{Size: 1}},
		{"another partition", []byte{0x11, 9}, true, Descriptor{Size: 1}},
		{"short picture", []byte{0x90, 0x80, 0x7f, 9}, true, Descriptor{Size: 3, Start: true, HasPicture: true, Picture: 0x7f, pictureAt: 2}},
		{"long picture", []byte{0x90, 0x80, 0xff, 0xee, 9}, true,
			Descriptor{Size: 4, Start: true, HasPicture: true, LongPicture: true, Picture: 0x7fee, pictureAt: 2}},
		{"TL0 alone", []byte{0x90, 0x40, 0x33, 9}, true, Descriptor{Size: 3, Start: true, HasTL0: true, TL0: 0x33, tl0At: 2}},
		{"all", []byte{0x90, 0xf0, 0x81, 0x00, 0x44, 0x80, 9}, true, Descriptor{Size: 6, Start: true, HasPicture: true,
			LongPicture: true, Picture: 0x100, HasTL0: true, TL0: 0x44, Temporal: 2, pictureAt: 2, tl0At: 4}},
		{"nothing follows", []byte{0x10}, false, Descriptor{}},
		{"no extension byte", []byte{0x90}, false, Descriptor{}},
		{"no second picture byte", []byte{0x90, 0x80, 0x80}, false, Descriptor{}},
		{"no TID byte", []byte{0x90, 0x20}, false, Descriptor{}},
		{"empty", nil, false, Descriptor{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := ParseDescriptor(test.b)
			if (err == nil) != test.ok || test.ok && d != test.want {
				t.Fatalf("%+v, %v", d, err)
			}
		})
	}
}

func TestRewriteTouchesItsFieldsOnly(t *testing.T) {
	for _, b := range [][]byte{
		{0x10, 1, 2, 3},
		{0x90, 0x80, 0x05, 1, 2, 3},
		{0x90, 0xf0, 0x81, 0x00, 0x44, 0xa0, 1, 2, 3},
		{0x90, 0x40, 0x44, 1, 2, 3},
	} {
		d, err := ParseDescriptor(b)
		if err != nil {
			t.Fatal(err)
		}
		was := bytes.Clone(b)
		d.Rewrite(b, 0x1234, 0x77)
		again, err := ParseDescriptor(b)
		if err != nil || again.Size != d.Size || again.Temporal != d.Temporal || !bytes.Equal(b[d.Size:], was[d.Size:]) {
			t.Fatalf("%x became %x: %+v, %v", was, b, again, err)
		}
		want := uint16(0)
		switch {
		case d.LongPicture:
			want = 0x1234
		case d.HasPicture:
			want = 0x34
		}
		if again.Picture != want || d.HasTL0 && again.TL0 != 0x77 {
			t.Fatalf("%x became %x", was, b)
		}
	}
}

func FuzzDescriptor(f *testing.F) {
	f.Add([]byte{0x90, 0xf0, 0x81, 0x00, 0x44, 0xa0, 1}, uint16(7), uint8(9))
	f.Add([]byte{0x10, 0x00}, uint16(0x7fff), uint8(255))
	f.Fuzz(func(t *testing.T, b []byte, picture uint16, tl0 uint8) {
		d, err := ParseDescriptor(b)
		if err != nil {
			return
		}
		if d.Size < 1 || d.Size >= len(b) {
			t.Fatalf("size %d of %d bytes", d.Size, len(b))
		}
		body := bytes.Clone(b[d.Size:])
		d.Rewrite(b, picture&0x7fff, tl0)
		again, err := ParseDescriptor(b)
		if err != nil || again.Size != d.Size || again.Start != d.Start || !bytes.Equal(b[again.Size:], body) {
			t.Fatalf("rewritten: %+v, %v", again, err)
		}
	})
}

// FuzzGate feeds a gate with a stream of packets cut out of the input. Whatever
// comes: it forwards only frames whose header it could have accepted, what it
// holds is bounded, and each packet has exactly one fate.
func FuzzGate(f *testing.F) {
	frame := vp8(true, sealed(sframe.PrefixVP8Key, kid(camera, leaf, 1), 0, 30))
	f.Add(append([]byte{1, 1, byte(len(frame))}, frame...))
	f.Add([]byte{0, 3, 2, 0x00, 9, 0x80, 4, 2, 0x11, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		g, e, now := videoGate(), epochAt(1, start), start
		var in, out, held uint64
		for seq := uint16(0); len(b) > 3; seq++ {
			size := min(int(b[2]), len(b)-3)
			p := Packet{SSRC: uint32(b[0] & 7), Marker: b[0]&0x80 != 0, Timestamp: uint32(b[1]), Sequence: seq, Payload: b[3 : 3+size]}
			now = now.Add(time.Duration(b[0]>>4) * 10 * time.Millisecond)
			b = b[3+size:]
			in++
			v := g.Check(p, e, now)
			fates := 0
			for _, fate := range []bool{len(v.Forward) > 0, v.Held, v.Refused != ""} {
				if fate {
					fates++
				}
			}
			if fates != 1 {
				t.Fatalf("verdict %+v", v)
			}
			for i, passed := range v.Forward {
				if d, err := ParseDescriptor(passed.Payload); err != nil || d != passed.Descriptor {
					t.Fatalf("forwarded without a descriptor: %+v", passed)
				}
				if passed.Start != (i == 0 && passed.Descriptor.Start) {
					t.Fatalf("forwarded as first: %+v", passed)
				}
				if passed.Start {
					h, err := sframe.ParseFrameHeader(sframe.VP8, passed.Payload[passed.Descriptor.Size:])
					if err != nil || h.KID != kid(camera, leaf, 1) {
						t.Fatalf("forwarded %+v, %v", h, err)
					}
				}
			}
			out += uint64(len(v.Forward))
		}
		for _, src := range g.sources {
			if len(src.held) > HoldPackets || src.bytes > HoldBytes || src.bytes < 0 {
				t.Fatalf("%d packets, %d bytes are held", len(src.held), src.bytes)
			}
			held += uint64(len(src.held))
		}
		refused := uint64(0)
		for _, n := range g.Counts() {
			refused += n
		}
		if in != out+held+refused {
			t.Fatalf("%d packets came, %d went, %d wait, %d were refused", in, out, held, refused)
		}
	})
}
