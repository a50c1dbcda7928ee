package srtp

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

func TestReplay(t *testing.T) {
	s, o := pair(t, AEADAES128GCM)
	// Sealed in order, then delivered as the table says.
	sealed := map[uint16][]byte{}
	for sequence := range uint16(3000) {
		b, err := s.SealRTP(packet(1, sequence, "payload"))
		if err != nil {
			t.Fatal(err)
		}
		sealed[sequence] = b
	}
	for _, step := range []struct {
		note     string
		sequence uint16
		want     error
	}{
		{"first", 10, nil},
		{"again", 10, ErrReplayed},
		{"older, unseen", 3, nil},
		{"older, again", 3, ErrReplayed},
		{"far ahead", 2000, nil},
		{"959 behind", 1041, nil},
		{"959 behind, again", 1041, ErrReplayed},
		{"960 behind", 1040, ErrReplayed},
		{"long ago", 10, ErrReplayed},
		{"just behind", 1999, nil},
		{"slot of a seen one, one round on", 1041 + 1024, nil},
		{"newest again", 1041 + 1024, ErrReplayed},
	} {
		if _, err := o.OpenRTP(bytes.Clone(sealed[step.sequence])); err != step.want {
			t.Errorf("%s: %v, want %v", step.note, err, step.want)
		}
	}
}

func TestWindowAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var w window
		seen := map[uint64]bool{}
		base := r.Uint64N(1 << 47)
		var highest uint64
		for range 20000 {
			var index uint64
			switch r.IntN(20) {
			case 0:
				index = base + r.Uint64N(20000)
			case 1:
				index = highest + r.Uint64N(3000)
			default:
				index = highest + 8 - min(highest+8, r.Uint64N(1100))
			}
			fresh := !seen[index] && (len(seen) == 0 || index > highest || highest-index < windowSize)
			if w.fresh(index) != fresh {
				t.Fatalf("index %d with highest %d: fresh is %v", index, highest, !fresh)
			}
			if fresh {
				w.mark(index)
				seen[index] = true
				highest = max(highest, index)
			}
		}
	}
}

// TestEveryBitCounts changes each bit of a packet, and cuts it at each octet.
func TestEveryBitCounts(t *testing.T) {
	extended := []byte("\xbe\xde\x00\x01abcd" + "payload and the end of it")
	for _, p := range profiles {
		s, o := pair(t, p)
		plain := packet(1, 7, "CSRC"+string(extended))
		plain[0] |= 0x11
		rtp, err := s.SealRTP(withRoom(plain))
		if err != nil {
			t.Fatal(err)
		}
		rtcp, err := s.SealRTCP(report(1))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			open   func([]byte) ([]byte, error)
			sealed []byte
			plain  []byte
		}{{"RTP", o.OpenRTP, rtp, plain}, {"RTCP", o.OpenRTCP, rtcp, report(1)}} {
			for i := range 8 * len(c.sealed) {
				b := bytes.Clone(c.sealed)
				b[i/8] ^= 1 << (i % 8)
				if _, err := c.open(b); err == nil {
					t.Errorf("%v %s: bit %d changed and it opens", p, c.name, i)
				}
			}
			for n := range c.sealed {
				if _, err := c.open(bytes.Clone(c.sealed[:n])); err == nil {
					t.Errorf("%v %s: %d octets of %d open", p, c.name, n, len(c.sealed))
				}
			}
			if _, err := c.open(append(bytes.Clone(c.sealed), 0)); err == nil {
				t.Errorf("%v %s: opens with an octet more", p, c.name)
			}
			// None of that was remembered.
			if opened, err := c.open(bytes.Clone(c.sealed)); err != nil || !bytes.Equal(opened, c.plain) {
				t.Errorf("%v %s: the packet at last: %x, %v", p, c.name, opened, err)
			}
		}
	}
}

// TestKeysAreApart: what other keys sealed doesn't open, and RTP and RTCP have
// keys of their own (RFC 3711 §4.3).
func TestKeysAreApart(t *testing.T) {
	s, _ := pair(t, AEADAES128GCM)
	key, salt := masters(AEADAES128GCM)
	for i, change := range []struct {
		note      string
		key, salt []byte
	}{
		{"another key", append([]byte{key[0] ^ 1}, key[1:]...), salt},
		{"another salt", key, append(bytes.Clone(salt[:11]), salt[11]^1)},
	} {
		o, err := NewOpener(AEADAES128GCM, change.key, change.salt, 8)
		if err != nil {
			t.Fatal(err)
		}
		rtp, _ := s.SealRTP(packet(uint32(i), 1, "x"))
		if _, err := o.OpenRTP(rtp); err != ErrOpen {
			t.Errorf("RTP, %s: %v", change.note, err)
		}
		rtcp, _ := s.SealRTCP(report(1))
		if _, err := o.OpenRTCP(rtcp); err != ErrOpen {
			t.Errorf("RTCP, %s: %v", change.note, err)
		}
	}
	if bytes.Equal(s.rtp.salt[:], s.rtcp.salt[:]) {
		t.Error("RTP and RTCP have one salt")
	}
}

// TestStrangersLeaveNothing: without the key nobody makes an Opener remember an
// SSRC, move a window, or refuse those who have it.
func TestStrangersLeaveNothing(t *testing.T) {
	s, o := pair(t, AEADAES256GCM)
	r := rand.New(rand.NewPCG(8, 8))
	for range 5000 {
		b := packet(r.Uint32(), uint16(r.Uint32()), "whatever this is, it has a length")
		if _, err := o.OpenRTP(b); err != ErrOpen {
			t.Fatal(err)
		}
		b = binary.BigEndian.AppendUint32(report(r.Uint32()), r.Uint32()|encrypted)
		if _, err := o.OpenRTCP(b); err != ErrOpen {
			t.Fatal(err)
		}
	}
	if len(o.streams) != 0 {
		t.Fatalf("%d SSRCs are remembered", len(o.streams))
	}
	for ssrc := range uint32(80) {
		want := error(nil)
		if ssrc >= 64 {
			want = ErrTooManySSRCs
		}
		// The first 32 begin with RTCP, the others with RTP.
		rtcp, _ := s.SealRTCP(report(ssrc))
		rtp, _ := s.SealRTP(packet(ssrc, 9, "x"))
		if ssrc < 32 {
			if _, err := o.OpenRTCP(rtcp); err != want {
				t.Errorf("RTCP of SSRC %d: %v", ssrc, err)
			}
		}
		// A forged packet far ahead moves no window.
		if _, err := o.OpenRTP(packet(ssrc, 30000, "sixteen octets..")); err == nil {
			t.Errorf("SSRC %d: a forged packet opens", ssrc)
		}
		if _, err := o.OpenRTP(rtp); err != want {
			t.Errorf("RTP of SSRC %d: %v", ssrc, err)
		}
		if ssrc >= 32 {
			if _, err := o.OpenRTCP(rtcp); err != want {
				t.Errorf("RTCP of SSRC %d: %v", ssrc, err)
			}
		}
	}
	if len(o.streams) != 64 {
		t.Errorf("%d SSRCs are remembered, want 64", len(o.streams))
	}
}

func TestNoAllocations(t *testing.T) {
	s, o := pair(t, AEADAES256GCM)
	b := packet(1, 0, string(make([]byte, 1100)))
	c := report(1)
	var index uint16
	round := func() {
		index++
		binary.BigEndian.PutUint16(b[2:], index)
		sealed, err := s.SealRTP(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.OpenRTP(sealed); err != nil {
			t.Fatal(err)
		}
		if sealed, err = s.SealRTCP(c); err != nil {
			t.Fatal(err)
		}
		if _, err := o.OpenRTCP(sealed); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SealRTP(b); err != ErrIndexUsed {
			t.Fatal(err)
		}
		if _, err := o.OpenRTP(b[:len(b)+TagSize]); err != ErrReplayed {
			t.Fatal(err)
		}
		if _, err := o.OpenRTP(b[:40]); err == nil {
			t.Fatal("a piece opens")
		}
	}
	round() // the SSRC's first packet
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func TestOpenRefuses(t *testing.T) {
	_, o := pair(t, AEADAES128GCM)
	extended := packet(1, 1, "\xbe\xde\x00\x05sixteen octets..")
	extended[0] |= 0x10
	for _, step := range []struct {
		note   string
		open   func([]byte) ([]byte, error)
		packet []byte
		want   error
	}{
		{"nothing", o.OpenRTP, nil, ErrMalformed},
		{"version 0", o.OpenRTP, make([]byte, 40), ErrMalformed},
		{"15 octets behind the header", o.OpenRTP, packet(1, 1, "fifteen octets."), ErrMalformed},
		{"16 octets behind the header", o.OpenRTP, packet(1, 1, "sixteen octets.."), ErrOpen},
		{"extension cut short", o.OpenRTP, extended, ErrMalformed},
		{"nothing, RTCP", o.OpenRTCP, nil, ErrMalformed},
		{"27 octets of RTCP", o.OpenRTCP, report(1)[:27], ErrMalformed},
		{"28 octets of RTCP", o.OpenRTCP, append(report(1)[:24], 0x80, 0, 0, 1), ErrOpen},
		{"RTCP of version 1", o.OpenRTCP, append([]byte{0x41}, report(1)[1:]...), ErrMalformed},
		{"RTCP without E-bit", o.OpenRTCP, append(report(1)[:24], 0x7f, 0, 0, 1), ErrUnencrypted},
	} {
		if opened, err := step.open(step.packet); err != step.want || opened != nil {
			t.Errorf("%s: %x, %v, want %v", step.note, opened, err, step.want)
		}
	}
}

// TestJumpBeforeTheFirstRollover: no rollover is before the first, so a sequence
// number that would be of it is far ahead. Other implementations send such.
func TestJumpBeforeTheFirstRollover(t *testing.T) {
	_, o := pair(t, AEADAES128GCM)
	theirs := pionContext(t, AEADAES128GCM)
	for _, sequence := range []uint16{100, 60000, 3} {
		plain := packet(1, sequence, "x")
		sealed, err := theirs.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := o.OpenRTP(sealed); err != nil || !bytes.Equal(opened, plain) {
			t.Errorf("sequence number %d: %v", sequence, err)
		}
	}
	if next := o.streams[1].rtp.next; next != 1<<16+4 {
		t.Errorf("the highest index is %#x", next-1)
	}
}
