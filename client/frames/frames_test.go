package frames

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"huisclos/crypto/sframe"
)

var group = []byte("0123456789abcdef")

func base(epoch uint64) []byte { return bytes.Repeat([]byte{byte(epoch), byte(epoch >> 8), 7, 9}, 8) }

func key(epoch uint64, own uint32) Key {
	return Key{Group: group, Epoch: epoch, Own: own, Base: base(epoch)}
}

// pair is a sender on leaf 1 and a receiver on leaf 2, both in epoch 5.
func pair(t *testing.T, context sframe.Context) (from, to *Epochs, r *Receiver) {
	t.Helper()
	from, to = NewEpochs(), NewEpochs()
	for leaf, e := range map[uint32]*Epochs{1: from, 2: to} {
		k := key(5, leaf)
		k.Fresh = true
		if !e.Accept(k, t0) {
			t.Fatal("the first key is not taken")
		}
	}
	return from, to, NewReceiver(to, Expect{Leaf: 1, Context: context})
}

func seal(t *testing.T, e *Epochs, context sframe.Context, key bool, text string, now time.Time) []byte {
	t.Helper()
	b, err := e.Seal(context, key, []byte(text), now)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func texts(list []Opened) (out []string) {
	for _, o := range list {
		out = append(out, string(o.Data))
	}
	return out
}

func TestSealedAndOpened(t *testing.T) {
	from, _, r := pair(t, 1)
	for i, text := range []string{"key", "delta", "delta again"} {
		out := r.Take(Sealed{seal(t, from, 1, i == 0, text, t0), uint32(i), t0}, t0)
		if len(out) != 1 || string(out[0].Data) != text || out[0].Key != (i == 0) || !out[0].Whole || out[0].CTR != uint64(i) {
			t.Fatalf("frame %d: %+v", i, out)
		}
	}
}

func TestWhatDoesNotOpen(t *testing.T) {
	from, to, _ := pair(t, 1)
	good := seal(t, from, 1, true, "picture", t0)
	third := NewEpochs()
	k := key(5, 3)
	k.Fresh = true
	third.Accept(k, t0)
	own := NewEpochs()
	k = key(5, 2)
	k.Fresh = true
	own.Accept(k, t0)
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	prefixed := bytes.Clone(good)
	prefixed[3] ^= 1
	otherKey := NewEpochs()
	k = Key{Group: group, Epoch: 5, Own: 1, Fresh: true, Base: bytes.Repeat([]byte{1}, 32)}
	otherKey.Accept(k, t0)
	old, far := NewEpochs(), NewEpochs()
	old.Accept(key(4, 1), t0)
	far.Accept(key(5+ahead+1, 1), t0)
	for name, c := range map[string]struct {
		data   []byte
		reason Reason
	}{
		"nothing":                      {nil, BadPrefix},
		"no prefix":                    {[]byte("clear picture"), BadPrefix},
		"cut in the header":            {good[:keyPrefix+1], NoHeader},
		"cut in the tag":               {good[:keyPrefix+8], NoRoom},
		"a bit of the tag":             {flipped, BadTag},
		"a bit of the prefix":          {prefixed, BadPrefix},
		"another leaf":                 {seal(t, third, 1, true, "x", t0), WrongKID},
		"our own":                      {seal(t, own, 1, true, "x", t0), OwnKID},
		"another context":              {append([]byte(nil), seal(t, from, 2, true, "x", t0)...), WrongKID},
		"another key of the same name": {seal(t, otherKey, 1, true, "x", t0), BadTag},
		"an epoch before":              {seal(t, old, 1, true, "x", t0), OldEpoch},
		"an epoch far ahead":           {seal(t, far, 1, true, "x", t0), FutureEpoch},
	} {
		r := NewReceiver(to, Expect{Leaf: 1, Context: 1})
		out := r.Take(Sealed{c.data, 0, t0}, t0)
		if _, refused := r.Count(); len(out) != 0 || refused[c.reason] != 1 || len(refused) != 1 {
			t.Errorf("%s: %d opened, refused %v, want %s", name, len(out), refused, c.reason)
		}
	}
	r := NewReceiver(to, Expect{Leaf: 1, Context: 1})
	if out := r.Take(Sealed{good, 0, t0}, t0); len(out) != 1 {
		t.Fatal("the good one does not open")
	}
	r.Take(Sealed{good, 0, t0}, t0)
	if _, refused := r.Count(); refused[Replayed] != 1 || r.WantsKey() {
		t.Errorf("a second time: %v, wants a key frame: %v", refused, r.WantsKey())
	}
}

// keyPrefix is where the SFrame header of a key frame begins.
const keyPrefix = len(sframe.PrefixVP8Key)

func TestWhenSendersSwitch(t *testing.T) {
	epochOf := func(b []byte) uint8 {
		f, err := sframe.ParseFrameHeader(sframe.Opus, b)
		if err != nil {
			t.Fatal(err)
		}
		return f.KID.EpochByte()
	}
	e := NewEpochs()
	if _, err := e.Seal(0, false, []byte("x"), t0); !errors.Is(err, ErrNoKey) {
		t.Fatalf("sealed without a key: %v", err)
	}
	first := key(5, 1)
	first.Fresh = true
	e.Accept(first, t0)
	add := key(6, 1)
	add.AddOnly = true
	e.Accept(add, t0)
	for ms, want := range map[int]uint8{0: 5, 499: 5, 500: 6, 2000: 6} {
		if got := epochOf(seal(t, e, 0, false, "x", at(ms))); got != want {
			t.Errorf("%d ms after an add: epoch %d, want %d", ms, got, want)
		}
	}
	// A removal: at once, though the epoch before has yet to be switched to.
	add = key(7, 1)
	add.AddOnly = true
	e.Accept(add, at(3000))
	gone := key(8, 1)
	gone.Removed = []uint32{9}
	e.Accept(gone, at(3001))
	if got := epochOf(seal(t, e, 0, false, "x", at(3001))); got != 8 {
		t.Errorf("after a removal: epoch %d", got)
	}
	// An epoch that is not later is not taken.
	if e.Accept(key(8, 1), at(4000)) || e.Accept(key(7, 1), at(4000)) {
		t.Error("an epoch was taken twice")
	}
}

func TestFramesWaitForTheirKey(t *testing.T) {
	from, to, r := pair(t, 0)
	from.Accept(key(6, 1), t0)
	ahead := []Sealed{{seal(t, from, 0, false, "a", t0), 0, t0}, {seal(t, from, 0, false, "b", t0), 960, at(20)}}
	for _, s := range ahead {
		if out := r.Take(s, s.At); len(out) != 0 {
			t.Fatal("opened without its key")
		}
	}
	to.Accept(key(6, 2), at(900))
	if got := texts(r.Take(Sealed{seal(t, from, 0, false, "c", at(900)), 1920, at(900)}, at(900))); fmt.Sprint(got) != "[a b c]" {
		t.Errorf("in the order %v", got)
	}
	// Longer than a second: dropped.
	from.Accept(key(7, 1), at(1000))
	r.Take(Sealed{seal(t, from, 0, false, "late", at(1000)), 0, at(1000)}, at(1000))
	r.Changed(at(2001))
	if _, refused := r.Count(); refused[HeldTooLong] != 1 {
		t.Errorf("refused: %v", refused)
	}
	// More than 2 MiB: dropped.
	big := string(make([]byte, 1<<20))
	for range 3 {
		r.Take(Sealed{seal(t, from, 0, false, big, at(2100)), 0, at(2100)}, at(2100))
	}
	if _, refused := r.Count(); refused[HoldFull] != 2 {
		t.Errorf("refused: %v", refused)
	}
}

func TestSupersededEpochsEnd(t *testing.T) {
	from, to, r := pair(t, 0)
	early, late, gone := seal(t, from, 0, false, "early", t0), seal(t, from, 0, false, "late", t0), seal(t, from, 0, false, "gone", t0)
	k := key(6, 2)
	k.AddOnly = true
	to.Accept(k, t0)
	if got := r.Take(Sealed{early, 0, at(3000)}, at(3000)); len(got) != 1 {
		t.Error("a superseded epoch's frame within 3 s does not open")
	}
	r.Take(Sealed{late, 0, at(3001)}, at(3001))
	if _, refused := r.Count(); refused[OldEpoch] != 1 {
		t.Errorf("after 3 s: %v", refused)
	}
	to.Expire(at(3001))
	if len(to.list) != 1 || to.list[0].number != 6 {
		t.Errorf("%d epochs are kept", len(to.list))
	}
	// Who was removed has no grace.
	from, to, r = pair(t, 0)
	_ = from
	k = key(6, 2)
	k.Removed = []uint32{1}
	to.Accept(k, t0)
	r.Take(Sealed{gone, 0, t0}, t0)
	if _, refused := r.Count(); refused[OldEpoch] != 1 {
		t.Errorf("of who was removed: %v", refused)
	}
}

// TestNoCounterTwice: whatever is told again, no pair of KID and counter is sealed with twice under one key.
func TestNoCounterTwice(t *testing.T) {
	e := NewEpochs()
	seen := map[string]bool{}
	note := func(b []byte) {
		f, err := sframe.ParseFrameHeader(sframe.Opus, b)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprint(f.KID, f.CTR)
		if seen[name] {
			t.Fatalf("twice: %s", name)
		}
		seen[name] = true
	}
	sealed := 0
	for round := range 40 {
		k := key(uint64(5+round/8), 1)
		k.Fresh = round%3 == 0
		e.Accept(k, t0)
		if round%5 == 0 {
			e.End()
			e.Accept(k, t0)
		}
		for range 3 {
			if b, err := e.Seal(0, false, []byte("x"), at(60000*round)); err == nil {
				note(b)
				sealed++
			}
		}
	}
	if sealed < 9 {
		t.Fatalf("%d frames were sealed; the test shows nothing", sealed)
	}
	// One byte of the epoch, one key: 256 epochs on, the old one is gone.
	e = NewEpochs()
	k := key(5, 1)
	k.Fresh = true
	e.Accept(k, t0)
	e.Accept(key(5+256, 1), t0)
	if len(e.list) != 1 || e.list[0].number != 261 {
		t.Error("two epochs of one byte live side by side")
	}
}

func TestPicturesNeedTheirKeyFrame(t *testing.T) {
	from, _, r := pair(t, 1)
	take := func(key bool) bool {
		out := r.Take(Sealed{seal(t, from, 1, key, "x", t0), 0, t0}, t0)
		return len(out) == 1 && out[0].Whole
	}
	for i, c := range []struct{ lost, key, whole bool }{{false, false, false}, {false, true, true}, {false, false, true}, {true, false, false}, {false, false, false}, {false, true, true}} {
		if c.lost {
			r.Lost()
		}
		if got := take(c.key); got != c.whole {
			t.Errorf("frame %d: whole %v, want %v", i, got, c.whole)
		}
	}
	s := NewReceiver(from, Expect{Leaf: 9, Context: 0})
	s.Lost()
	if s.WantsKey() {
		t.Error("sound waits for a key frame")
	}
}

// Where the profile asks for it, sound leaves in one size and pictures as they are; both open as what they were.
func TestPaddedSound(t *testing.T) {
	for _, context := range []sframe.Context{0, 1} {
		from, to := NewEpochs(), NewEpochs()
		for leaf, e := range map[uint32]*Epochs{1: from, 2: to} {
			k := key(5, leaf)
			k.Fresh, k.Padded = true, true
			e.Accept(k, t0)
		}
		r := NewReceiver(to, Expect{Leaf: 1, Context: context})
		sizes := map[int]bool{}
		for i := range 100 {
			text := string(bytes.Repeat([]byte("a"), 1+i))
			sealed := seal(t, from, context, !context.Audio(), text, t0)
			sizes[len(sealed)] = true
			if out := r.Take(Sealed{sealed, uint32(i), t0}, t0); len(out) != 1 || string(out[0].Data) != text {
				t.Fatalf("frame %d of context %d: %+v", i, context, out)
			}
		}
		if one := len(sizes) == 1 && sizes[sframe.SoundSize]; one != context.Audio() {
			t.Errorf("context %d: sizes %v", context, sizes)
		}
	}
}
