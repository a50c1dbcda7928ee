package statement

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"testing"

	"huisclos/crypto/mls"
)

// point is the generator of P-256: a key that is always valid (FIPS 186-5, D.1.2.3).
var point = mustHex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
	"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")

func mustHex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func device() Statement {
	return Statement{Kind: Device, Account: mls.AccountID{1, 2}, Device: mls.DeviceID{3, 4}, Key: point, Time: 0x0102030405060708}
}

func equal(a, b Statement) bool {
	return a.Kind == b.Kind && a.Account == b.Account && a.Device == b.Device && bytes.Equal(a.Key, b.Key) && a.Time == b.Time
}

func TestRecord(t *testing.T) {
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		t.Fatal(err)
	}
	id := func(a, b byte) []byte { return append([]byte{a, b}, make([]byte, 14)...) }
	written := bytes.Join([][]byte{{1, 1}, id(1, 2), id(3, 4), {0, 65}, point, {1, 2, 3, 4, 5, 6, 7, 8}}, nil)
	for name, c := range map[string]struct {
		s Statement
		b []byte
	}{
		"device":   {device(), written},
		"restored": {Statement{Kind: Restored, Time: 9}, append(append([]byte{1, 2}, make([]byte, 32+2+7)...), 9)},
	} {
		if got := c.s.Marshal(); !bytes.Equal(got, c.b) {
			t.Errorf("%s: %x is written, not %x", name, got, c.b)
		}
		got, err := Parse(c.b)
		if err != nil || !equal(got, c.s) {
			t.Errorf("%s: %+v is read (%v), not %+v", name, got, err, c.s)
		}
	}
	// What is read does not change with the bytes that it was read from.
	b := device().Marshal()
	s, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if !bytes.Equal(s.Key, point) {
		t.Error("the key lies in the caller's bytes")
	}
}

func TestMalformed(t *testing.T) {
	changed := func(change func(*Statement)) []byte {
		s := device()
		s.Key = bytes.Clone(s.Key)
		change(&s)
		return s.Marshal()
	}
	whole := device().Marshal()
	at := func(i int, v byte) []byte { b := bytes.Clone(whole); b[i] = v; return b }
	for name, b := range map[string][]byte{
		"nothing":              {},
		"cut":                  whole[:len(whole)-1],
		"longer":               append(bytes.Clone(whole), 0),
		"version 0":            at(0, 0),
		"version 2":            at(0, 2),
		"kind 0":               at(1, 0),
		"kind 3":               at(1, 3),
		"length of key":        at(35, 64),
		"length beyond":        at(34, 255),
		"no key":               changed(func(s *Statement) { s.Key = nil }),
		"short key":            changed(func(s *Statement) { s.Key = s.Key[:64] }),
		"compressed key":       changed(func(s *Statement) { s.Key = append([]byte{3}, s.Key[1:33]...) }),
		"key at infinity":      changed(func(s *Statement) { s.Key = []byte{0} }),
		"key off the curve":    changed(func(s *Statement) { s.Key[64] ^= 1 }),
		"restored, an account": changed(func(s *Statement) { s.Kind, s.Device, s.Key = Restored, mls.DeviceID{}, nil }),
		"restored, a device":   changed(func(s *Statement) { s.Kind, s.Account, s.Key = Restored, mls.AccountID{}, nil }),
		"restored, a key":      changed(func(s *Statement) { s.Kind, s.Account, s.Device = Restored, mls.AccountID{}, mls.DeviceID{} }),
	} {
		if s, err := Parse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: read as %+v (%v)", name, s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(device().Marshal())
	f.Add(Statement{Kind: Restored, Time: 1}.Marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Marshal(), b) {
			t.Fatal("another encoding of the same statement")
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}
