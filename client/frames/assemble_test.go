package frames

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var t0 = time.Unix(1_800_000_000, 0)

func at(ms int) time.Time { return t0.Add(time.Duration(ms) * time.Millisecond) }

// packets are n frames of VP8 of several packets each, from a sequence number on.
func packets(n int, sequence uint16) (frames [][]byte, list []Packet) {
	for i := range n {
		frame := bytes.Repeat([]byte{byte(2*i + 1)}, MaxPayload*2+i) // no key frames
		frames = append(frames, frame)
		parts := VP8Payloads(frame, uint16(i))
		for j, p := range parts {
			list = append(list, Packet{Sequence: sequence, Timestamp: uint32(3000 * i), Marker: j == len(parts)-1, Payload: p, At: at(33 * i)})
			sequence++
		}
	}
	return frames, list
}

func TestFramesAreTakenApartAndPutTogether(t *testing.T) {
	frames, list := packets(6, 65530)
	for _, p := range list {
		if len(p.Payload) > MaxPayload {
			t.Fatalf("a payload of %d bytes", len(p.Payload))
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, order := range map[string]func([]Packet) []Packet{
		"in order": func(l []Packet) []Packet { return l },
		"swapped": func(l []Packet) []Packet {
			for i := 2; i+1 < len(l); i += 3 {
				l[i], l[i+1] = l[i+1], l[i]
			}
			return l
		},
		"shuffled behind the first": func(l []Packet) []Packet {
			random.Shuffle(len(l)-1, func(i, j int) { l[i+1], l[j+1] = l[j+1], l[i+1] })
			return l
		},
		"each twice": func(l []Packet) (out []Packet) {
			for _, p := range l {
				out = append(out, p, p)
			}
			return out
		},
	} {
		a := NewAssembler(true)
		var got [][]byte
		for _, p := range order(append([]Packet(nil), list...)) {
			out, broken := a.Push(p, p.At)
			if broken {
				t.Errorf("%s: broken", name)
			}
			for _, s := range out {
				got = append(got, s.Data)
			}
		}
		if len(got) != len(frames) {
			t.Fatalf("%s: %d frames", name, len(got))
		}
		for i := range frames {
			if !bytes.Equal(got[i], frames[i]) {
				t.Errorf("%s: frame %d is another", name, i)
			}
		}
		if received, lost := a.Count(); received != len(list) || lost != 0 {
			t.Errorf("%s: %d received, %d lost", name, received, lost)
		}
	}
}

func TestAMissingPacketIsGivenUp(t *testing.T) {
	_, list := packets(4, 10)
	a := NewAssembler(true)
	n := 0
	for i, p := range list {
		if i == 4 { // of the second frame
			continue
		}
		out, broken := a.Push(p, p.At)
		if n += len(out); broken {
			t.Fatal("given up too soon")
		}
	}
	if n != 1 {
		t.Fatalf("%d frames before the gap", n)
	}
	if out, broken := a.Due(at(33 + 399)); len(out) != 0 || broken {
		t.Fatal("given up before its time")
	}
	out, broken := a.Due(at(33 + 401))
	if !broken || len(out) != 2 || out[0].Timestamp != 6000 {
		t.Fatalf("after its time: %d frames, broken %v", len(out), broken)
	}
	if _, lost := a.Count(); lost != 1 {
		t.Errorf("%d lost", lost)
	}
	// It comes after all: nothing of it is used.
	if out, broken := a.Push(list[4], at(500)); len(out) != 0 || broken {
		t.Error("a packet that was given up is used")
	}
}

func TestTheNumberingBeginsAnew(t *testing.T) {
	frames, list := packets(60, 50000)
	a := NewAssembler(true)
	a.Push(list[0], t0)
	whole, breaks := 0, 0
	for i, p := range list[1:] {
		p.Sequence = uint16(20000 + i) // behind, and it stays there
		out, broken := a.Push(p, t0)
		if whole += len(out); broken {
			breaks++
		}
	}
	if whole < len(frames)*3/5 || breaks == 0 {
		t.Errorf("%d frames of %d, %d breaks", whole, len(frames), breaks)
	}
}

func TestTheBeginningOfAStream(t *testing.T) {
	// Who joins late may hear the middle of a frame first.
	_, list := packets(2, 0)
	a := NewAssembler(true)
	var out []Sealed
	for _, p := range list[1:] {
		o, _ := a.Push(p, p.At)
		out = append(out, o...)
	}
	if len(out) != 1 || out[0].Timestamp != 3000 {
		t.Fatalf("%d frames", len(out))
	}
	// Sound: a frame a packet, padding is none.
	s := NewAssembler(false)
	for i, payload := range [][]byte{{1}, {}, {2}} {
		o, broken := s.Push(Packet{Sequence: uint16(i), Payload: payload, At: t0}, t0)
		if broken || len(o) != min(1, len(payload)) {
			t.Errorf("packet %d: %d frames, broken %v", i, len(o), broken)
		}
	}
}

func FuzzAssembler(f *testing.F) {
	_, list := packets(2, 0)
	for _, p := range list {
		f.Add(p.Payload, uint16(3), true)
		key := bytes.Clone(p.Payload)
		key[descriptorSize] &^= 1
		f.Add(key, uint16(3), true)
	}
	f.Add([]byte{0x90, 0xff}, uint16(0), false)
	f.Fuzz(func(t *testing.T, payload []byte, sequence uint16, marker bool) {
		a := NewAssembler(true)
		for i := range uint16(3) {
			out, _ := a.Push(Packet{Sequence: sequence * i, Payload: payload, Marker: marker, At: t0}, t0)
			for _, s := range out {
				if len(s.Data) == 0 || len(s.Data) > 3*len(payload) {
					t.Fatalf("a frame of %d bytes out of payloads of %d", len(s.Data), len(payload))
				}
			}
		}
		a.Due(t0.Add(keyPatience))
		a.Due(t0.Add(time.Hour))
	})
}

// A whole key frame soon ends the wait for what is missing before it; one that is not whole, or no key frame, does not.
func TestAWholeKeyFrameEndsTheWait(t *testing.T) {
	_, list := packets(6, 65533) // three packets each
	for _, key := range []int{0, 3, 9, 15} {
		list[key].Payload[descriptorSize] &^= 1
	}
	for _, c := range []struct {
		name string
		lose []int
		want []uint32 // timestamps, long before all is given up
		lost int
	}{
		{"nothing", nil, []uint32{0, 3000, 6000, 9000, 12000, 15000}, 0},
		{"of a frame before it", []int{1}, []uint32{3000, 6000, 9000, 12000, 15000}, 1},
		{"all between two", []int{2, 3, 4, 5, 6, 7, 8}, []uint32{9000, 12000, 15000}, 7},
		{"of the key frame too", []int{1, 4}, []uint32{9000, 12000, 15000}, 2},
		{"and there is no other", []int{10, 16}, []uint32{0, 3000, 6000}, 0},
	} {
		a := NewAssembler(true)
		var got []uint32
		gone := false
		for i, p := range list {
			if slices.Contains(c.lose, i) {
				continue
			}
			p.At = at(0)
			out, broken := a.Push(p, at(0))
			late, worse := a.Due(at(90))
			if gone = gone || broken || worse; len(late) > 0 {
				t.Errorf("%s: %d frames too soon", c.name, len(late))
			}
			for _, s := range out {
				got = append(got, s.Timestamp)
			}
		}
		out, broken := a.Due(at(110))
		gone = gone || broken
		for _, s := range out {
			got = append(got, s.Timestamp)
		}
		if _, lost := a.Count(); !slices.Equal(got, c.want) || lost != c.lost || gone != (c.lost > 0) {
			t.Errorf("%s: frames %v, %d lost, broken %v", c.name, got, lost, gone)
		}
	}
}
