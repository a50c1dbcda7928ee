package sframe

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestKIDRefusesLargeLeaf(t *testing.T) {
	if _, err := NewKID(0, MaxLeaf+1, 0); err == nil {
		t.Error("leaf 65536 has a KID")
	}
	if k, err := NewKID(MaxContext, MaxLeaf, 255); err != nil || !k.Valid() || (k + 1).Valid() {
		t.Errorf("the last KID is %d, %v", k, err)
	}
}

func TestKinds(t *testing.T) {
	want := []Kind{Microphone, Camera, Screen, ScreenSound, Screen, ScreenSound}
	for c, k := range want {
		if got := Context(c).Kind(); got != k {
			t.Errorf("context %d has kind %d", c, got)
		}
	}
	if Context(254).Kind() != Screen || Context(255).Kind() != ScreenSound || !Context(255).Audio() || Context(4).Audio() {
		t.Error("kinds at the end of the contexts")
	}
}

// TestSealerCountsUp holds that a KID's counters are each used once, that a
// failed call uses none twice and that the last one is the end.
func TestSealerCountsUp(t *testing.T) {
	// ASVS 11.3.4
	kid, _ := NewKID(0, 1, 1)
	s, err := NewSealer(AES256GCM, baseKey("counting"), kid)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for i := range 600 {
		if i%3 == 0 {
			if _, err := s.Seal(nil, VP8, true, 0, nil); err == nil {
				t.Fatal("a microphone sealed VP8")
			}
		}
		sealed, err := s.Seal(nil, Opus, false, 0, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		f, err := ParseFrameHeader(Opus, sealed)
		if err != nil || seen[f.CTR] {
			t.Fatalf("counter %d again (%v)", f.CTR, err)
		}
		seen[f.CTR] = true
	}
	s.next = MaxCounter
	if _, err := s.Seal(nil, Opus, false, 0, nil); err != nil {
		t.Errorf("last counter: %v", err)
	}
	if _, err := s.Seal(nil, Opus, false, 0, nil); !errors.Is(err, ErrExhausted) {
		t.Errorf("beyond the last counter: %v", err)
	}
}

func TestSealAppends(t *testing.T) {
	kid, _ := NewKID(1, 1, 1)
	s, _ := NewSealer(AES128GCM, make([]byte, 16), kid)
	o, _ := NewOpener(AES128GCM, make([]byte, 16), kid)
	sealed, err := s.Seal([]byte("packet:"), VP8, true, 0, []byte("frame"))
	if err != nil || !bytes.HasPrefix(sealed, []byte("packet:"+PrefixVP8Key)) {
		t.Fatalf("%q, %v", sealed, err)
	}
	frame, key, err := o.Open([]byte("out:"), VP8, sealed[len("packet:"):])
	if err != nil || !key || string(frame) != "out:frame" {
		t.Errorf("%q, %v, %v", frame, key, err)
	}
}

// TestWindowAgainstModel compares the ring with the rule said in words.
func TestWindowAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var w Window
		seen := map[uint64]bool{}
		var newest, base uint64
		base = r.Uint64N(1 << 40)
		for range 20000 {
			var ctr uint64
			switch r.IntN(20) {
			case 0:
				ctr = base + r.Uint64N(20000)
			case 1:
				ctr = newest + r.Uint64N(3000)
			default:
				ctr = newest + 8 - min(newest+8, r.Uint64N(1040))
			}
			fresh := !seen[ctr] && (len(seen) == 0 || ctr > newest || newest-ctr < WindowSize)
			if w.Fresh(ctr) != fresh {
				t.Fatalf("counter %d with newest %d: fresh is %v", ctr, newest, !fresh)
			}
			if w.Mark(ctr) != fresh {
				t.Fatalf("counter %d with newest %d: mark is %v", ctr, newest, !fresh)
			}
			if fresh {
				newest = max(newest, ctr)
				seen[ctr] = true
			}
		}
	}
	var w Window
	if !w.Mark(1<<64-1) || w.Mark(1<<64-1) || !w.Mark(1<<64-2) || w.Fresh(0) {
		t.Error("the end of the counters")
	}
}

func FuzzParseFrameHeader(f *testing.F) {
	f.Add(uint8(Opus), []byte{0x99, 1, 2, 3, 4})
	f.Add(uint8(VP8), []byte(PrefixVP8Key+"\x00"))
	f.Add(uint8(VP8), []byte(PrefixVP8Delta+"\xbb\x01\xff\xff\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, codec uint8, b []byte) {
		h, err := ParseFrameHeader(Codec(codec), b)
		if err != nil {
			return
		}
		// One form only: what was accepted is what would be written.
		again := h.Header.Append([]byte(Prefix(Codec(codec), h.Key)))
		if !bytes.Equal(again, b[:h.Size]) {
			t.Fatalf("%x was taken for %+v, which is written %x", b, h, again)
		}
		if !h.KID.Valid() || h.CTR > MaxCounter {
			t.Fatalf("%+v is outside the layout", h)
		}
	})
}

func FuzzParseInner(f *testing.F) {
	f.Add([]byte{0, 1, 2})
	f.Add([]byte{3, 0, 2, 0, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		key, frame, err := parseInner(b)
		if err != nil {
			return
		}
		padding := 0
		if b[0]&innerPadding != 0 {
			padding = len(b) - 3 - len(frame)
		}
		if again := appendInner(nil, key, padding, frame); !bytes.Equal(again, b) {
			t.Fatalf("%x parses to what is written %x", b, again)
		}
	})
}

func FuzzOpen(f *testing.F) {
	kid, _ := NewKID(1, 7, 9)
	s, _ := NewSealer(AES256GCM, baseKey("fuzz"), kid)
	for range 3 {
		sealed, _ := s.Seal(nil, VP8, true, 0, []byte("frame"))
		f.Add(sealed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, _ := NewOpener(AES256GCM, baseKey("fuzz"), kid)
		frame, _, err := o.Open(nil, VP8, b)
		if err == nil && string(frame) != "frame" {
			t.Fatalf("%x opens to %q", b, frame)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	kid, _ := NewKID(1, 7, 9)
	s, _ := NewSealer(AES256GCM, baseKey("bench"), kid)
	frame, dst := make([]byte, 10000), []byte(nil)
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = s.Seal(dst[:0], VP8, false, 0, frame)
	}
}

// TestSoundPadding: whatever the encoder gives and the counter is, what leaves has a multiple of SoundSize, the smallest that can be.
func TestSoundPadding(t *testing.T) {
	kid, _ := NewKID(0, 300, 77)
	base := baseKey("padding")
	s, err := NewSealer(AES256GCM, base, kid)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewOpener(AES256GCM, base, kid)
	if err != nil {
		t.Fatal(err)
	}
	for _, ctr := range []uint64{0, 1000, 65300, 70000, MaxCounter - 1500} { // the header grows twice on the way
		s.next = ctr
		for size := range 490 {
			frame := bytes.Repeat([]byte{1}, size)
			padding := s.SoundPadding(size)
			sealed, err := s.Seal(nil, Opus, false, padding, frame)
			if err != nil {
				t.Fatal(err)
			}
			bare := len(sealed) - padding
			if padding > 0 {
				bare -= 2
			}
			if len(sealed)%SoundSize != 0 || len(sealed) > bare+SoundSize+2 || len(sealed) == 2*SoundSize && bare+3 <= SoundSize {
				t.Fatalf("counter %d, frame of %d: padding %d, sealed %d", ctr, size, padding, len(sealed))
			}
			if opened, _, err := o.Open(nil, Opus, sealed); err != nil || !bytes.Equal(opened, frame) {
				t.Fatalf("counter %d, frame of %d: %v", ctr, size, err)
			}
		}
	}
	// A microphone at 40 kbit/s, as clients send it, is always one size.
	for range 1000 {
		if sealed, err := s.Seal(nil, Opus, false, s.SoundPadding(100), make([]byte, 100)); err != nil || len(sealed) != SoundSize {
			t.Fatalf("%d, %v", len(sealed), err)
		}
		if s.next > MaxCounter-2 {
			break
		}
	}
}
