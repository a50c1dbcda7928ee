package srtp

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// packet is a small RTP packet with room for the tag.
func packet(ssrc uint32, sequence uint16, payload string) []byte {
	b := make([]byte, rtpHeader, rtpHeader+len(payload)+RTCPOverhead)
	b[0], b[1] = 0x80, 96
	binary.BigEndian.PutUint16(b[2:], sequence)
	binary.BigEndian.PutUint32(b[8:], ssrc)
	return append(b, payload...)
}

// report is a small RTCP packet with room for what sealing adds.
func report(ssrc uint32) []byte {
	b := make([]byte, rtcpHeader, rtcpHeader+24+RTCPOverhead)
	b[0], b[1], b[3] = 0x81, 201, 7
	binary.BigEndian.PutUint32(b[4:], ssrc)
	return append(b, "twenty-four octets of it"...)
}

// recorder is an AEAD that fails the test when a nonce comes again.
type recorder struct {
	cipher.AEAD
	t     *testing.T
	seals map[[saltSize]byte]bool
}

func (r recorder) Seal(dst, nonce, plaintext, aad []byte) []byte {
	n := [saltSize]byte(nonce)
	if r.seals[n] {
		r.t.Fatalf("nonce %x is used twice", n)
	}
	r.seals[n] = true
	return r.AEAD.Seal(dst, nonce, plaintext, aad)
}

// TestNonceNeverTwice hands a Sealer numbers without sense and counts nonces.
func TestNonceNeverTwice(t *testing.T) {
	s, _ := pair(t, AEADAES128GCM)
	rtp := recorder{s.rtp.cipher(), t, map[[saltSize]byte]bool{}}
	rtcp := recorder{s.rtcp.cipher(), t, map[[saltSize]byte]bool{}}
	s.rtp.aead, s.rtcp.aead = rtp, rtcp
	r := rand.New(rand.NewPCG(5, 5))
	var sequence [3]uint16
	sealed, refused, reports := 0, 0, 0
	for range 200_000 {
		i := r.IntN(3)
		switch r.IntN(50) {
		case 0:
			sequence[i] = uint16(r.Uint32())
		case 1:
			sequence[i] -= uint16(r.IntN(2000))
		default:
			sequence[i] += uint16(r.IntN(40))
		}
		if _, err := s.SealRTP(packet(uint32(i), sequence[i], "x")); err == nil {
			sealed++
		} else {
			refused++
		}
		if _, err := s.SealRTCP(report(uint32(i))); err == nil {
			reports++
		}
	}
	if len(rtp.seals) != sealed || len(rtcp.seals) != reports || sealed == 0 || refused == 0 || reports == 0 {
		t.Errorf("%d nonces for %d packets (%d refused), %d for %d reports", len(rtp.seals), sealed, refused, len(rtcp.seals), reports)
	}
}

func TestSealRefuses(t *testing.T) {
	s, _ := pair(t, AEADAES256GCM)
	extended := packet(9, 1, "\xbe\xde\x00\x01abcd")
	extended[0] |= 0x10
	for _, step := range []struct {
		note   string
		packet []byte
		want   error
	}{
		{"nothing", nil, ErrMalformed},
		{"eleven octets", packet(1, 1, "")[:11], ErrMalformed},
		{"version 1", append([]byte{0x40}, packet(1, 1, "")[1:]...), ErrMalformed},
		{"CSRCs missing", append([]byte{0x81}, packet(1, 1, "abc")[1:]...), ErrMalformed},
		{"extension missing", append([]byte{0x90}, packet(1, 1, "")[1:]...), ErrMalformed},
		{"extension without length", append([]byte{0x90}, packet(1, 1, "\xbe\xde\x00")[1:]...), ErrMalformed},
		{"extension cut short", extended[:rtpHeader+7], ErrMalformed},
		{"extension and no payload", extended, nil},
		{"room for 15 octets", packet(1, 1, "")[: rtpHeader : rtpHeader+15], ErrCapacity},
		{"room for 16 octets", packet(1, 1, "")[: rtpHeader : rtpHeader+16], nil},
		{"first of an SSRC", packet(2, 1000, "a"), nil},
		{"the same again", packet(2, 1000, "a"), ErrIndexUsed},
		{"other contents", packet(2, 1000, "b"), ErrIndexUsed},
		{"another SSRC", packet(3, 1000, "b"), nil},
		{"ahead", packet(2, 3000, "c"), nil},
		{"959 behind", packet(2, 2041, "d"), nil},
		{"959 behind, again", packet(2, 2041, "d"), ErrIndexUsed},
		{"960 behind", packet(2, 2040, "e"), ErrIndexUsed},
		{"before the first rollover", packet(2, 60000, "f"), ErrIndexUsed},
		{"2^15 ahead", packet(2, 3000+1<<15, "g"), nil},
		{"rollover", packet(2, 100, "h"), nil},
		{"the same number, one rollover on", packet(2, 1000, "i"), nil},
		{"the number of a rollover ago", packet(2, 50000, "j"), ErrIndexUsed},
	} {
		before := bytes.Clone(step.packet)
		sealed, err := s.SealRTP(step.packet)
		if err != step.want {
			t.Errorf("%s: %v, want %v", step.note, err, step.want)
		}
		if err == nil && len(sealed) != len(before)+TagSize {
			t.Errorf("%s: %d octets became %d", step.note, len(before), len(sealed))
		}
		if err != nil && (sealed != nil || !bytes.Equal(step.packet, before)) {
			t.Errorf("%s: a refused packet changed", step.note)
		}
	}
	for _, step := range []struct {
		note   string
		packet []byte
		want   error
	}{
		{"nothing", nil, ErrMalformed},
		{"seven octets", report(1)[:7], ErrMalformed},
		{"version 3", append([]byte{0xc0}, report(1)[1:]...), ErrMalformed},
		{"room for 19 octets", report(1)[:8:27], ErrCapacity},
		{"room for 20 octets", report(1)[:8:28], nil},
	} {
		if _, err := s.SealRTCP(step.packet); err != step.want {
			t.Errorf("RTCP, %s: %v, want %v", step.note, err, step.want)
		}
	}
}

func TestRetired(t *testing.T) {
	s, _ := pair(t, AEADAES128GCM)
	if _, err := s.SealRTP(packet(1, 1, "")); err != nil {
		t.Fatal(err)
	}
	s.Retire(1)
	s.Retire(2) // never used
	for ssrc := range uint32(4) {
		want := error(nil)
		if ssrc == 1 || ssrc == 2 {
			want = ErrRetired
		}
		if _, err := s.SealRTP(packet(ssrc, 5, "")); err != want {
			t.Errorf("RTP of SSRC %d: %v", ssrc, err)
		}
		if _, err := s.SealRTCP(report(ssrc)); err != want {
			t.Errorf("RTCP of SSRC %d: %v", ssrc, err)
		}
	}
}

// TestLastIndices takes both ends to where the indices end (RFC 3711 §9.2).
func TestLastIndices(t *testing.T) {
	s, o := pair(t, AEADAES128GCM)
	s.streams[1] = &sealing{used: window{next: maxIndex - 9}, next: maxRTCPIndex}
	o.streams[1] = &opening{rtp: window{next: maxIndex - 9}}
	for i, want := range []error{nil, nil, ErrExhausted, ErrExhausted} {
		sequence := uint16(maxIndex&0xffff - 1 + i)
		sealed, err := s.SealRTP(packet(1, sequence, "x"))
		if err != want {
			t.Errorf("sequence number %d sealed: %v", sequence, err)
		}
		if want != nil {
			sealed = packet(1, sequence, "sixteen octets..")
		}
		if _, err := o.OpenRTP(sealed); err != want {
			t.Errorf("sequence number %d opened: %v", sequence, err)
		}
	}
	sealed, err := s.SealRTCP(report(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.OpenRTCP(sealed); err != nil {
		t.Error(err)
	}
	for range 2 {
		if _, err := s.SealRTCP(report(1)); err != ErrExhausted {
			t.Errorf("beyond the last SRTCP index: %v", err)
		}
	}
}

func TestRollover(t *testing.T) {
	for _, c := range []struct {
		highest  uint64
		sequence uint16
		want     int64
	}{
		{0, 0, 0}, {0, 1 << 15, 0}, {0, 1<<15 + 1, -1}, {1<<15 - 1, 65535, 0}, {1 << 15, 65535, 0}, {1 << 15, 0, 0},
		{1<<15 + 1, 0, 1}, {65535, 0, 1}, {65535, 32766, 1}, {65535, 32767, 0}, {1 << 16, 65535, 0}, {5<<16 | 3, 65000, 4},
		{5<<16 | 65000, 3, 6}, {maxIndex, 0, 1 << 32}, {maxIndex, 65535, 1<<32 - 1},
	} {
		if got := rollover(c.highest, c.sequence); got != c.want {
			t.Errorf("highest %#x, sequence number %d: %d, want %d", c.highest, c.sequence, got, c.want)
		}
	}
}

func TestKeysOfWrongLength(t *testing.T) {
	for _, c := range []struct {
		profile   Profile
		key, salt int
		ok        bool
	}{
		{AEADAES128GCM, 16, 12, true}, {AEADAES256GCM, 32, 12, true},
		{AEADAES128GCM, 32, 12, false}, {AEADAES256GCM, 16, 12, false}, {AEADAES128GCM, 16, 14, false},
		{AEADAES128GCM, 0, 0, false}, {0, 0, 0, false}, {0x0001, 16, 14, false}, // AES128_CM_HMAC_SHA1_80
	} {
		_, err := NewSealer(c.profile, make([]byte, c.key), make([]byte, c.salt))
		_, err2 := NewOpener(c.profile, make([]byte, c.key), make([]byte, c.salt), 1)
		if (err == nil) != c.ok || (err2 == nil) != c.ok {
			t.Errorf("%v with %d and %d octets: %v, %v", c.profile, c.key, c.salt, err, err2)
		}
	}
}

func TestNothingPrintsKeys(t *testing.T) {
	s, o := pair(t, AEADAES128GCM)
	for _, c := range []struct {
		value any
		want  string
	}{
		{s, "[SRTP sealer]"}, {*s, "[SRTP sealer]"}, {o, "[SRTP opener]"}, {*o, "[SRTP opener]"},
		{s.rtp, "[SRTP session key]"}, {&s.rtcp, "[SRTP session key]"},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d", "%c"} {
			if text := fmt.Sprintf(verb, c.value); text != c.want {
				t.Errorf("%s of %T prints %s", verb, c.value, text)
			}
			if text := fmt.Sprintf(verb, []any{c.value}); !strings.Contains(text, c.want) || len(text) > 40 {
				t.Errorf("%s of a slice of %T prints %s", verb, c.value, text)
			}
		}
	}
}

// A session key is expanded when it is first used, and not kept beside that.
func TestKeysAreExpandedAtFirstUse(t *testing.T) {
	key, salt := make([]byte, AEADAES256GCM.KeyLength()), make([]byte, AEADAES256GCM.SaltLength())
	s, err := NewSealer(AEADAES256GCM, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	raw := s.rtp.key
	if s.rtp.aead != nil || s.rtcp.aead != nil || len(raw) != len(key) {
		t.Fatal("expanded before it is used")
	}
	if _, err := s.SealRTP(withRoom([]byte{0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 'x'})); err != nil {
		t.Fatal(err)
	}
	if s.rtp.aead == nil || s.rtp.key != nil || s.rtcp.aead != nil {
		t.Error("the wrong one was expanded")
	}
	for _, b := range raw {
		if b != 0 {
			t.Fatal("the key lies beside what it was expanded to")
		}
	}
}
