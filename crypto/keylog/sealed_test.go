package keylog

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// peppered derives keys as crypto/passhash does, from a pepper that is its own text.
type peppered string

func (p peppered) PepperID() string { return string(p) }
func (p peppered) Derive(label, pepper string) ([]byte, error) {
	if pepper != string(p) {
		return nil, errors.New("another pepper")
	}
	sum := sha256.Sum256([]byte(label + "\x00" + pepper))
	return sum[:], nil
}

func TestSealed(t *testing.T) {
	key, err := NewKey("log.example/1", Log, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	sealed, err := key.Seal("a", peppered("p"), rand.Reader, now)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := key.Secret()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), string(secret)) || strings.Contains(fmt.Sprint(sealed), string(secret)) {
		t.Error("what is sealed shows the secret")
	}
	var read Sealed
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	again, err := read.Open("a", peppered("p"), rand.Reader)
	if err != nil || !again.Public().Equal(key.Public()) || read.Public != key.Public().String() || !read.Since.Equal(now) {
		t.Fatalf("%v, %+v", err, read)
	}
	other, err := NewKey("log.example/1", Log, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(change func(*Sealed)) Sealed {
		s := read
		s.Box = append([]byte(nil), s.Box...)
		change(&s)
		return s
	}
	for name, open := range map[string]func() (*Key, error){
		"another purpose": func() (*Key, error) { return read.Open("b", peppered("p"), rand.Reader) },
		"another pepper":  func() (*Key, error) { return read.Open("a", peppered("q"), rand.Reader) },
		"altered": func() (*Key, error) {
			return changed(func(s *Sealed) { s.Box[0] ^= 1 }).Open("a", peppered("p"), rand.Reader)
		},
		"under another key": func() (*Key, error) {
			return changed(func(s *Sealed) { s.Public = other.Public().String() }).Open("a", peppered("p"), rand.Reader)
		},
		"without a nonce": func() (*Key, error) {
			return changed(func(s *Sealed) { s.Nonce = nil }).Open("a", peppered("p"), rand.Reader)
		},
		"nothing": func() (*Key, error) { return Sealed{}.Open("a", peppered("p"), rand.Reader) },
	} {
		if k, err := open(); !errors.Is(err, ErrSealed) || k != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRows: what is kept by rows proves what the records' hashes do, and a row that is missing or cut is an error, not another proof.
func TestRows(t *testing.T) {
	f, rows := &Frontier{}, map[uint64][]byte{}
	for n := range uint64(21) {
		rows[n] = Row(f.Append(LeafHash([]byte{byte(n)})))
	}
	r := Rows(func(n uint64) []byte { return rows[n] })
	root, err := Root(21, r)
	if err != nil || root != f.Root() {
		t.Fatalf("%v: %v, want %v", err, root, f.Root())
	}
	for n := range uint64(21) {
		proof, err := ProveInclusion(21, n, r)
		if err != nil || CheckInclusion(proof, 21, root, n, LeafHash([]byte{byte(n)})) != nil {
			t.Errorf("record %d: %v", n, err)
		}
	}
	rows[15] = rows[15][:4*HashSize]
	if _, err := Root(21, r); err == nil {
		t.Error("a root of a tree with a cut row")
	}
	delete(rows, 20)
	if _, err := ProveInclusion(21, 20, r); err == nil {
		t.Error("a proof of a tree without its last row")
	}
}
