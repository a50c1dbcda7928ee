package passhash

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// Small costs: the tests are about the rules, not about argon2.
var (
	cheap = Params{Memory: 64, Time: 1, Threads: 2}
	dear  = Params{Memory: 256, Time: 2, Threads: 2}
)

func hasher(t *testing.T, pepper *Pepper) *Hasher {
	t.Helper()
	h, err := New(Options{Random: rand.Reader, Pepper: pepper, Refusal: dear})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestParamsAreThePublishedOnes(t *testing.T) {
	// ASVS 11.4.2
	if p := Standard(); p != (Params{64 * 1024, 3, 4}) {
		t.Errorf("Standard() = %+v", p)
	}
	if p := Administrator(); p != (Params{256 * 1024, 3, 4}) {
		t.Errorf("Administrator() = %+v", p)
	}
	for _, p := range []Params{Standard(), Administrator()} {
		if err := p.valid(); err != nil {
			t.Error(err)
		}
	}
}

// The string is what the reference implementation writes: `echo -n password | argon2 somesalt… -id -v 13`, here with the
// value of x/crypto computed beside it, so that a change of our encoding cannot pass.
func TestHashIsPlainArgon2id(t *testing.T) {
	// ASVS 11.4.2
	h := hasher(t, nil)
	phc, err := h.Hash(t.Context(), "une longue phrase", cheap)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[1] != "argon2id" || fields[2] != "v=19" || fields[3] != "m=64,t=1,p=2" {
		t.Fatalf("PHC string %q", phc)
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil || len(salt) != 16 {
		t.Fatalf("salt %q", fields[4])
	}
	want := argon2.IDKey([]byte("une longue phrase"), salt, 1, 64, 2, 32)
	if got := fields[5]; got != base64.RawStdEncoding.EncodeToString(want) {
		t.Errorf("hash %s, want %s", got, hex.EncodeToString(want))
	}
}

func TestVerify(t *testing.T) {
	h := hasher(t, nil)
	phc, err := h.Hash(t.Context(), "la bonne phrase", cheap)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		passphrase string
		want       Params
		ok, rehash bool
	}{
		{"la bonne phrase", cheap, true, false},
		{"la bonne phrase", dear, true, true},
		{"la bonne phrase", Params{Memory: 64, Time: 2, Threads: 2}, true, true},
		{"la bonne phrase", Params{Memory: 32, Time: 1, Threads: 2}, true, false},
		{"la mauvaise phrase", cheap, false, false},
		{"la mauvaise phrase", dear, false, false},
		{"", cheap, false, false},
	} {
		ok, rehash, err := h.Verify(t.Context(), phc, c.passphrase, c.want)
		if err != nil || ok != c.ok || rehash != c.rehash {
			t.Errorf("Verify(%q, %+v) = %v, %v, %v; want %v, %v", c.passphrase, c.want, ok, rehash, err, c.ok, c.rehash)
		}
	}
	again, err := h.Hash(t.Context(), "la bonne phrase", cheap)
	if err != nil || again == phc {
		t.Errorf("two hashes of one passphrase are equal (%v)", err)
	}
}

func TestEveryRefusalCostsTheSame(t *testing.T) {
	// ASVS 6.3.8
	h := hasher(t, nil)
	low, err := h.Hash(t.Context(), "phrase d'un membre", cheap)
	if err != nil {
		t.Fatal(err)
	}
	high, err := h.Hash(t.Context(), "phrase d'un administrateur", dear)
	if err != nil {
		t.Fatal(err)
	}
	cost := func(f func() error) uint64 {
		t.Helper()
		before := h.Computed()
		if err := f(); err != nil {
			t.Fatal(err)
		}
		return h.Computed() - before
	}
	wrong := func(phc string) func() error {
		return func() error {
			ok, _, err := h.Verify(t.Context(), phc, "autre chose", cheap)
			if ok {
				t.Error("a wrong passphrase was accepted")
			}
			return err
		}
	}
	unknown := cost(func() error { return h.VerifyUnknown(t.Context(), "autre chose") })
	if want := dear.work(); unknown != want {
		t.Errorf("VerifyUnknown costs %d, want %d", unknown, want)
	}
	if got := cost(wrong(low)); got != unknown {
		t.Errorf("a refusal of a cheap hash costs %d, of an unknown account %d", got, unknown)
	}
	if got := cost(wrong(high)); got != unknown {
		t.Errorf("a refusal of a dear hash costs %d, of an unknown account %d", got, unknown)
	}
}

func TestPepper(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pepper")
	pepper, err := CreatePepper(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreatePepper(path, rand.Reader); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second CreatePepper returns %v, want ErrExist", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the pepper file: %v, %v", info.Mode(), err)
	}
	loaded, err := LoadPepper(path)
	if err != nil || *loaded != *pepper {
		t.Fatalf("LoadPepper: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.TrimSpace(strings.TrimPrefix(string(text), pepperLine))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		printed := fmt.Sprintf(verb, pepper)
		if strings.Contains(printed, secret) || strings.Contains(printed, hex.EncodeToString(pepper.key[:8])) {
			t.Errorf("%s prints the pepper", verb)
		}
	}

	plain, peppered := hasher(t, nil), hasher(t, loaded)
	phc, err := peppered.Hash(t.Context(), "la bonne phrase", cheap)
	if err != nil {
		t.Fatal(err)
	}
	if ok, rehash, err := peppered.Verify(t.Context(), phc, "la bonne phrase", cheap); !ok || rehash || err != nil {
		t.Errorf("with the pepper: %v, %v, %v", ok, rehash, err)
	}
	if ok, _, err := plain.Verify(t.Context(), phc, "la bonne phrase", cheap); ok || !errors.Is(err, ErrPepper) {
		t.Errorf("without the pepper: %v, %v", ok, err)
	}
	other, err := CreatePepper(path+"2", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := hasher(t, other).Verify(t.Context(), phc, "la bonne phrase", cheap); ok || !errors.Is(err, ErrPepper) {
		t.Errorf("with another pepper: %v, %v", ok, err)
	}
	// With the id taken away, the hash must not verify as one without pepper.
	stripped := strings.Replace(phc, ",keyid="+pepper.ID(), "", 1)
	if ok, _, err := peppered.Verify(t.Context(), stripped, "la bonne phrase", cheap); ok || err != nil {
		t.Errorf("with the pepper's id removed: %v, %v", ok, err)
	}
	before, err := plain.Hash(t.Context(), "la bonne phrase", cheap)
	if err != nil {
		t.Fatal(err)
	}
	if ok, rehash, err := peppered.Verify(t.Context(), before, "la bonne phrase", cheap); !ok || !rehash || err != nil {
		t.Errorf("a hash from before the pepper: %v, %v, %v", ok, rehash, err)
	}
}

func TestLoadPepperRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := pepperLine + base64.RawStdEncoding.EncodeToString(make([]byte, pepperLength)) + "\n"
	if _, err := LoadPepper(write("good", good, 0o600)); err != nil {
		t.Errorf("good file: %v", err)
	}
	for name, p := range map[string]string{
		"missing":        filepath.Join(dir, "none"),
		"others may":     write("open", good, 0o640),
		"empty":          write("empty", "", 0o600),
		"cut":            write("cut", good[:len(good)-3], 0o600),
		"other format":   write("other", strings.Replace(good, "-1 ", "-2 ", 1), 0o600),
		"more than that": write("more", good+good, 0o600),
	} {
		if _, err := LoadPepper(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	salt, hash := strings.Repeat("A", 22), strings.Repeat("A", 43)
	good := "$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + hash
	if _, err := parse(good); err != nil {
		t.Fatal(err)
	}
	if _, err := parse("$argon2id$v=19$m=65536,t=3,p=4,keyid=AAAAAAAAAAA$" + salt + "$" + hash); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "$", "argon2id", good + "$", good + "\n", " " + good, good[1:],
		"$argon2i$v=19$m=65536,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=16$m=65536,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$m=65536,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$t=3,m=65536,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3$" + salt + "$" + hash,
		"$argon2id$v=19$m=065536,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=+65536,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=0,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=0$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=256$" + salt + "$" + hash,
		"$argon2id$v=19$m=31,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=1048577,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=4294967297,t=3,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=65,p=4$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=4,keyid=$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=4,data=AAAA$" + salt + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt[1:] + "$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt[:21] + "B$" + hash, // bits after the end
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "==$" + hash,
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + hash[1:],
		"$argon2id$v=19$m=65536,t=3,p=4$" + salt[:21] + "\n" + "A$" + hash,
	} {
		if _, err := parse(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("parse(%q) returns %v, want ErrFormat", bad, err)
		}
	}
}

func TestBoundedAtOnceAndInLine(t *testing.T) {
	// ASVS 15.2.2
	turns := newTurns(100, 2)
	first, err := turns.take(t.Context(), 80)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, err := turns.take(ctx, 80); gone <- err }()
	waitFor(t, turns, 1)
	// Fits, but stands behind one that came first.
	second := make(chan error, 1)
	var release func()
	go func() {
		r, err := turns.take(t.Context(), 20)
		release = r
		second <- err
	}()
	waitFor(t, turns, 2)
	if _, err := turns.take(t.Context(), 1); !errors.Is(err, ErrBusy) {
		t.Errorf("a third waiting caller gets %v, want ErrBusy", err)
	}
	select {
	case err := <-second:
		t.Fatalf("the second in line passed the first (%v)", err)
	default:
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller whose context ended gets %v", err)
	}
	if err := <-second; err != nil {
		t.Fatal(err)
	}
	first()
	release()
	// More than there is: the whole is given, alone.
	all, err := turns.take(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	if turns.free != 0 {
		t.Errorf("free = %d beside a caller that took all", turns.free)
	}
	all()
	if turns.free != 100 || turns.queue.Len() != 0 {
		t.Errorf("at the end: free %d, %d in line", turns.free, turns.queue.Len())
	}
	ended, cancelled := context.WithCancel(t.Context())
	cancelled()
	if _, err := turns.take(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func waitFor(t *testing.T, turns *turns, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		turns.mu.Lock()
		in := turns.queue.Len()
		turns.mu.Unlock()
		if in == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d in line, want %d", in, n)
		}
	}
}

func TestTurnsNeverExceedTheWhole(t *testing.T) {
	turns := newTurns(10, 1000)
	done := make(chan struct{})
	var held, most = make(chan int, 1), 0
	held <- 0
	for i := range 200 {
		need := uint32(1 + i%7)
		go func() {
			defer func() { done <- struct{}{} }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+i%13)*time.Millisecond)
			defer cancel()
			release, err := turns.take(ctx, need)
			if err != nil {
				return
			}
			n := <-held + int(need)
			most = max(most, n)
			held <- n
			time.Sleep(100 * time.Microsecond)
			held <- <-held - int(need)
			release()
		}()
	}
	for range 200 {
		<-done
	}
	if most > 10 || most == 0 {
		t.Errorf("%d of 10 were given at once", most)
	}
	if turns.free != 10 || turns.queue.Len() != 0 {
		t.Errorf("at the end: free %d, %d in line", turns.free, turns.queue.Len())
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=3,p=4$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=65536,t=3,p=4,keyid=AAAAAAAAAAA$" + strings.Repeat("A", 22) + "$" + strings.Repeat("A", 43))
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$$")
	f.Fuzz(func(t *testing.T, s string) {
		e, err := parse(s)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if e.String() != s {
			t.Fatalf("%q has a second spelling %q", s, e.String())
		}
		if err := e.valid(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzParsePepper(f *testing.F) {
	f.Add([]byte(pepperLine + base64.RawStdEncoding.EncodeToString(make([]byte, pepperLength)) + "\n"))
	f.Add([]byte(pepperLine))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePepper(text)
		if err != nil {
			return
		}
		again := pepperLine + base64.RawStdEncoding.EncodeToString(p.key[:])
		if strings.TrimSuffix(string(text), "\n") != again {
			t.Fatalf("%q has a second spelling", text)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h, err := New(Options{Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	for name, p := range map[string]Params{"member": Standard(), "administrator": Administrator()} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := h.Hash(b.Context(), "une longue phrase", p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestDerivedKeys(t *testing.T) {
	one, other := newPepper(bytes.Repeat([]byte{1}, pepperLength)), newPepper(bytes.Repeat([]byte{2}, pepperLength))
	derive := func(h *Hasher, label, pepper string) string {
		key, err := h.Derive(label, pepper)
		if err != nil || len(key) != 32 {
			t.Fatalf("%q under %q: %d bytes, %v", label, pepper, len(key), err)
		}
		return string(key)
	}
	a, b, none := hasher(t, one), hasher(t, other), hasher(t, nil)
	if a.PepperID() != one.ID() || none.PepperID() != "" {
		t.Errorf("named %q and %q", a.PepperID(), none.PepperID())
	}
	keys := []string{derive(a, "x", one.ID()), derive(a, "y", one.ID()), derive(b, "x", other.ID()), derive(none, "x", ""), string(one.key[:32])}
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 5 {
		t.Error("two of the keys are the same")
	}
	if derive(a, "x", one.ID()) != derive(hasher(t, one), "x", one.ID()) {
		t.Error("another key after a restart")
	}
	// RFC 5869, computed by another hand: what is sealed today opens with every later version.
	if got := hex.EncodeToString([]byte(derive(a, "x", one.ID()))); got != "f9cce517daacee381a6d5883ace6f86afb412542aec7093469001a4a5fc92ed2" {
		t.Errorf("derived %s", got)
	}
	// As a passphrase's hash: what was made without a pepper can still be read.
	if derive(a, "x", "") != derive(none, "x", "") {
		t.Error("what was made before there was a pepper is lost")
	}
	for _, c := range []struct {
		h      *Hasher
		pepper string
	}{{a, other.ID()}, {none, one.ID()}} {
		if key, err := c.h.Derive("x", c.pepper); !errors.Is(err, ErrPepper) || key != nil {
			t.Errorf("under another pepper: %v", err)
		}
	}
}
