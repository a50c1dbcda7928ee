package accounts

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

// RFC 6238 appendix B, SHA-1: the seed of 20 bytes, the last six of the eight digits.
func TestVectorsOfRFC6238(t *testing.T) {
	seed := []byte("12345678901234567890")
	for _, c := range []struct {
		unix, step int64
		code       string
	}{
		{59, 0x1, "94287082"}, {1111111109, 0x23523EC, "07081804"}, {1111111111, 0x23523ED, "14050471"},
		{1234567890, 0x273EF07, "89005924"}, {2000000000, 0x3F940AA, "69279037"}, {20000000000, 0x27BC86AA, "65353130"},
	} {
		now := time.Unix(c.unix, 0)
		if got := stepAt(now); got != c.step {
			t.Errorf("step at %d: %#x, want %#x", c.unix, got, c.step)
		}
		code := c.code[2:]
		if got, err := codeAt(seed, c.step); got != code || err != nil {
			t.Errorf("code at %d: %s, want %s, %v", c.unix, got, code, err)
		}
		if step, ok, err := matchStep(seed, code, -1, now); step != c.step || !ok || err != nil {
			t.Errorf("match at %d: %d, %v, %v", c.unix, step, ok, err)
		}
	}
	// RFC 4226 appendix D, the first three of the same seed.
	for step, want := range []string{"755224", "287082", "359152"} {
		if got, err := codeAt(seed, int64(step)); got != want || err != nil {
			t.Errorf("HOTP %d: %s, want %s, %v", step, got, want, err)
		}
	}
}

func TestToleranceIsOneStep(t *testing.T) {
	seed := []byte("12345678901234567890")
	at := stepAt(noon)
	for d := int64(-4); d <= 4; d++ {
		code, err := codeAt(seed, at+d)
		if err != nil {
			t.Fatal(err)
		}
		step, ok, err := matchStep(seed, code, -1, noon)
		if want := d >= -1 && d <= 1; err != nil || ok != want || ok && step != at+d {
			t.Errorf("%+d steps: %d, %v, %v", d, step, ok, err)
		}
		// Neither the last accepted step nor one before it.
		if _, ok, _ := matchStep(seed, code, at, noon); ok != (d == 1) {
			t.Errorf("%+d steps after the present one was used: %v", d, ok)
		}
	}
	for _, bad := range []string{"", "1", "12345", "1234567", "abcdef", "      "} {
		if _, ok, err := matchStep(seed, bad, -1, noon); ok || err != nil {
			t.Errorf("%q: %v, %v", bad, ok, err)
		}
	}
	// Before 1970 there is no step.
	if _, ok, err := matchStep(seed, "755224", -1, time.Unix(-60, 0)); ok || err != nil {
		t.Errorf("before 1970: %v, %v", ok, err)
	}
}

func TestSeedURI(t *testing.T) {
	uri, err := seedURI([]byte("12345678901234567890"), "élodie+visio@example.org")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Huis Clos:élodie+visio@example.org" {
		t.Fatalf("%s: %+v, %v", uri, u, err)
	}
	q := u.Query()
	for name, want := range map[string]string{"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "issuer": "Huis Clos", "digits": "6", "period": "30", "algorithm": "SHA1"} {
		if q.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, q.Get(name), want)
		}
	}
	if strings.Contains(uri, "+visio@example.org") && strings.Contains(uri, "Huis+Clos") {
		t.Errorf("applications do not read a plus as a space: %s", uri)
	}
	if got := inFours("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"); got != "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ" {
		t.Errorf("in fours: %q", got)
	}
}

func TestSealedSeedOpensInItsAccountAlone(t *testing.T) {
	w := newWorld(t)
	seed := []byte("12345678901234567890")
	one, other := ID{1}, ID{2}
	s, err := w.seal(one, seed)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.open(one, s); err != nil || !bytes.Equal(got, seed) {
		t.Fatalf("its own: %x, %v", got, err)
	}
	if _, err := w.open(other, s); !errors.Is(err, errSealed) {
		t.Errorf("another account: %v", err)
	}
	for name, change := range map[string]func(*sealed){
		"a bit of the box":      func(s *sealed) { s.Box[0] ^= 1 },
		"a bit of the tag":      func(s *sealed) { s.Box[len(s.Box)-1] ^= 1 },
		"a bit of the nonce":    func(s *sealed) { s.Nonce[3] ^= 1 },
		"a short nonce":         func(s *sealed) { s.Nonce = s.Nonce[:11] },
		"no box":                func(s *sealed) { s.Box = nil },
		"made without a pepper": func(s *sealed) { s.Pepper = "" },
	} {
		bad := sealed{s.Pepper, bytes.Clone(s.Nonce), bytes.Clone(s.Box)}
		change(&bad)
		if _, err := w.open(one, bad); !errors.Is(err, errSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Sealed again, it is another box.
	if again, err := w.seal(one, seed); err != nil || bytes.Equal(again.Box, s.Box) || bytes.Equal(again.Nonce, s.Nonce) {
		t.Errorf("sealed twice alike: %v", err)
	}
}
