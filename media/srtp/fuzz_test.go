package srtp

import (
	"bytes"
	"testing"
)

// FuzzOpenRTP: whatever comes, nothing panics, and only what was sealed opens.
func FuzzOpenRTP(f *testing.F) {
	s, _ := pair(f, AEADAES128GCM)
	sealed := map[string][]byte{}
	for i, payload := range []string{"", "x", "a payload", "\xbe\xde\x00\x01abcdbehind an extension", "CSRCbehind a CSRC"} {
		b := packet(uint32(i), uint16(i), payload)
		b[0] |= []byte{0, 0, 0x20, 0x10, 0x01}[i]
		out, err := s.SealRTP(withRoom(b))
		if err != nil {
			f.Fatal(err)
		}
		sealed[string(out)] = b
		f.Add(bytes.Clone(out))
		f.Add(bytes.Clone(out[:len(out)-1]))
		f.Add(b)
	}
	f.Add([]byte{0x9f, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xbe, 0xde, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, o := pair(t, AEADAES128GCM)
		fuzzOpen(t, o.OpenRTP, b, sealed)
	})
}

// FuzzOpenRTCP is the same of RTCP.
func FuzzOpenRTCP(f *testing.F) {
	s, _ := pair(f, AEADAES256GCM)
	sealed := map[string][]byte{}
	for i := range 4 {
		b := report(uint32(i / 2))
		b = b[:rtcpHeader+8*i]
		out, err := s.SealRTCP(withRoom(b))
		if err != nil {
			f.Fatal(err)
		}
		sealed[string(out)] = b
		f.Add(bytes.Clone(out))
		f.Add(bytes.Clone(out[:len(out)-1]))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, o := pair(t, AEADAES256GCM)
		fuzzOpen(t, o.OpenRTCP, b, sealed)
	})
}

func fuzzOpen(t *testing.T, open func([]byte) ([]byte, error), b []byte, sealed map[string][]byte) {
	plain, was := sealed[string(b)]
	opened, err := open(bytes.Clone(b))
	if was != (err == nil) || !bytes.Equal(opened, plain) {
		t.Fatalf("%x opens to %x, %v", b, opened, err)
	}
	_, err = open(bytes.Clone(b))
	if was && err != ErrReplayed || !was && err == nil {
		t.Fatalf("%x again: %v", b, err)
	}
}
