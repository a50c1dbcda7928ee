package keylog

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// kept is a log in memory: the hashes that each record completed.
type kept [][]Hash

func (k kept) Subtree(level int, n uint64) (Hash, error) {
	last := LastOf(level, n)
	if last >= uint64(len(k)) || level >= len(k[last]) {
		return Hash{}, fmt.Errorf("no subtree %d at level %d", n, level)
	}
	return k[last][level], nil
}

// stored is the same log as tlog keeps it.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var list []tlog.Hash
	for _, i := range indexes {
		list = append(list, s[i])
	}
	return list, nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const most = 40

// grow makes the same log of most records here and in tlog.
func grow(t testing.TB) (kept, stored, []Hash) {
	var k kept
	var s stored
	var leaves []Hash
	for i := range uint64(most) {
		record := fmt.Appendf(nil, "record %d", i)
		ours, err := Completed(i, LeafHash(record), k)
		must(t, err)
		theirs, err := tlog.StoredHashes(int64(i), record, s)
		must(t, err)
		if len(ours) != len(theirs) || len(ours) != Levels(i) {
			t.Fatalf("record %d completes %d, %d", i, len(ours), len(theirs))
		}
		k, s, leaves = append(k, ours), append(s, theirs...), append(leaves, LeafHash(record))
	}
	return k, s, leaves
}

// Trees, proofs and their checks are those of golang.org/x/mod, at every size, record and former size of a small log; and a proof
// holds for nothing else.
func TestAsTheChecksumDatabase(t *testing.T) {
	k, s, leaves := grow(t)
	frontier := &Frontier{}
	roots := map[uint64]Hash{0: frontier.Root()}
	for size := uint64(1); size <= most; size++ {
		want, err := tlog.TreeHash(int64(size), s)
		must(t, err)
		got, err := Root(size, k)
		must(t, err)
		ended := frontier.Append(leaves[size-1])
		for level, h := range ended {
			if h != k[size-1][level] {
				t.Fatalf("the frontier completes another subtree at %d, level %d", size-1, level)
			}
		}
		at, err := FrontierAt(size, k)
		must(t, err)
		again, err := ParseFrontier(size, at.Edge())
		must(t, err)
		if got != want || frontier.Root() != want || at.Root() != want || again.Root() != want || frontier.Size() != size {
			t.Fatalf("root of %d differs", size)
		}
		roots[size] = want
		for n := range size {
			proof, err := ProveInclusion(size, n, k)
			must(t, err)
			must(t, tlog.CheckRecord(proof, int64(size), want, int64(n), leaves[n]))
			must(t, CheckInclusion(proof, size, want, n, leaves[n]))
			if CheckInclusion(proof, size, want, n, leaves[(n+1)%most]) == nil || CheckInclusion(proof, size, Hash{}, n, leaves[n]) == nil ||
				size > 1 && CheckInclusion(proof, size, want, (n+1)%size, leaves[n]) == nil || CheckInclusion(append(proof, Hash{}), size, want, n, leaves[n]) == nil {
				t.Fatalf("a proof for record %d of %d holds for something else", n, size)
			}
		}
		for old := uint64(0); old <= size; old++ {
			proof, err := ProveConsistency(size, old, k)
			must(t, err)
			if old > 0 {
				must(t, tlog.CheckTree(proof, int64(size), want, int64(old), roots[old]))
			}
			must(t, CheckConsistency(proof, size, want, old, roots[old]))
			if CheckConsistency(proof, size, want, old, LeafHash([]byte("another"))) == nil || old > 0 && old < size && CheckConsistency(proof, size, LeafHash(nil), old, roots[old]) == nil {
				t.Fatalf("a proof from %d to %d holds for something else", old, size)
			}
			way, err := Between(old, size, k)
			must(t, err)
			from, err := FrontierAt(old, k)
			must(t, err)
			must(t, from.ExtendTo(size, way))
			if from.Root() != want || from.Size() != size {
				t.Fatalf("the way from %d leads to another tree of %d", old, size)
			}
			if from, err = FrontierAt(old, k); err != nil || from.ExtendTo(size, append(way, Hash{})) == nil {
				t.Fatal("a way with a hash too many is taken")
			}
		}
	}
	for name, err := range map[string]error{
		"a record that is not there": func() error { _, err := ProveInclusion(3, 3, k); return err }(),
		"a tree that shrank":         func() error { _, err := ProveConsistency(2, 3, k); return err }(),
		"shrunk":                     CheckConsistency(nil, 2, roots[2], 3, roots[3]),
		"out of bounds":              CheckInclusion(nil, 1<<63, roots[1], 0, leaves[0]),
		"no edge":                    func() error { _, err := ParseFrontier(3, make([]Hash, 3)); return err }(),
		"not aligned":                (&Frontier{size: 1, edge: make([]Hash, 1)}).Extend(1, Hash{}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func keys(t testing.TB) (log, witness *Key) {
	t.Helper()
	log, err := NewKey("audit.example/1", Log, rand.Reader)
	must(t, err)
	witness, err = NewKey("auditor", Witness, rand.Reader)
	must(t, err)
	return log, witness
}

func TestKeys(t *testing.T) {
	log, witness := keys(t)
	for _, k := range []*Key{log, witness} {
		public, err := ParsePublicKey(k.Public().String() + "\n")
		must(t, err)
		if !public.Equal(k.Public()) || public.Use() != k.Public().Use() || public.Name() != k.Public().Name() {
			t.Errorf("%s is read as %s", k.Public(), public)
		}
		text, err := k.Secret()
		must(t, err)
		again, err := ParseKey(append(text, '\n'), rand.Reader)
		must(t, err)
		if !again.Public().Equal(k.Public()) {
			t.Errorf("%v is read as %v", k, again)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if said := fmt.Sprintf(verb, k); !strings.HasPrefix(said, "[key ") {
				t.Errorf("%s prints %s", verb, said)
			}
		}
		for name, wrong := range map[string]string{
			"a letter less": public.String()[:len(public.String())-5], "another id": public.Name() + "+00000000+" + strings.SplitN(public.String(), "+", 3)[2],
			"another name": "x" + public.String(), "nothing": "", "two parts": "a+00000000", "Ed25519": "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
		} {
			if _, err := ParsePublicKey(wrong); !errors.Is(err, ErrKey) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, wrong := range []string{"", "PRIVATE+KEY+", string(text[:len(text)-8]), strings.Replace(string(text), public.ID(), "00000000", 1)} {
			if _, err := ParseKey([]byte(wrong), rand.Reader); !errors.Is(err, ErrKey) {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	}
	for _, name := range []string{"", "two words", "a+b", "line\n", strings.Repeat("a", maxName+1), "\xff"} {
		if _, err := NewKey(name, Log, rand.Reader); err == nil {
			t.Errorf("a key is called %q", name)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	log, witness := keys(t)
	other, second := keys(t)
	c := Checkpoint{Origin: "audit.example/1", Size: 7, Root: LeafHash([]byte("x")), Extra: []string{"time 2026-11-29T12:00:00Z"}}
	text, err := log.Sign(c)
	must(t, err)
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	line, err := witness.Cosign(text, now)
	must(t, err)
	joined, err := Join(text, line, line)
	must(t, err)
	if bytes.Count(joined, []byte("— ")) != 2 {
		t.Errorf("signed: %s", joined)
	}
	s, err := Open(joined, []PublicKey{other.Public(), log.Public()}, []PublicKey{second.Public(), witness.Public()})
	must(t, err)
	if s.Text() != c.Text() || !s.Log.Equal(log.Public()) || len(s.Witnesses) != 1 || !s.Witnesses[0].Witness.Equal(witness.Public()) || !s.Witnesses[0].Time.Equal(now) {
		t.Errorf("read as %+v", s)
	}
	if peeked, err := Peek(joined); err != nil || peeked.Text() != c.Text() {
		t.Errorf("peek: %v", err)
	}
	for name, tt := range map[string]struct {
		text []byte
		logs []PublicKey
		want error
	}{
		"another key":            {joined, []PublicKey{other.Public()}, ErrUnsigned},
		"a witness is no log":    {joined, []PublicKey{second.Public()}, ErrUnsigned},
		"altered":                {bytes.Replace(joined, []byte("\n7\n"), []byte("\n8\n"), 1), []PublicKey{log.Public()}, ErrSignature},
		"altered under another":  {bytes.Replace(joined, []byte("\n7\n"), []byte("\n8\n"), 1), []PublicKey{other.Public()}, ErrSignature},
		"a number with a zero":   {bytes.Replace(joined, []byte("\n7\n"), []byte("\n07\n"), 1), []PublicKey{other.Public()}, ErrSignature},
		"cut":                    {joined[:len(joined)-4], []PublicKey{log.Public()}, ErrNote},
		"nothing":                {nil, []PublicKey{log.Public()}, ErrNote},
		"long":                   {bytes.Repeat([]byte("a"), maxNote+1), []PublicKey{log.Public()}, ErrNote},
		"the witness's is wrong": {bytes.Replace(joined, []byte(line), []byte(forge(line)), 1), []PublicKey{log.Public()}, ErrSignature},
	} {
		if _, err := Open(tt.text, tt.logs, []PublicKey{witness.Public()}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := witness.Sign(c); err == nil {
		t.Error("a witness signs as a log")
	}
	if _, err := log.Cosign(text, now); err == nil {
		t.Error("a log cosigns")
	}
	for _, extra := range []string{"", "two\nlines"} {
		wrong := c
		wrong.Extra = []string{extra}
		if _, err := log.Sign(wrong); err == nil {
			t.Errorf("the line %q is signed", extra)
		}
	}
	// What package note makes of it, with a key of its own kind beside: ours is passed over, not misread.
	skey, vkey, err := note.GenerateKey(rand.Reader, "audit.example/1")
	must(t, err)
	their, err := note.NewSigner(skey)
	must(t, err)
	both, err := note.Sign(&note.Note{Text: c.Text()}, their)
	must(t, err)
	both, err = Join(text, string(both[len(c.Text())+1:]))
	must(t, err)
	check, err := note.NewVerifier(vkey)
	must(t, err)
	if n, err := note.Open(both, note.VerifierList(check)); err != nil || len(n.UnverifiedSigs) != 1 {
		t.Errorf("package note: %v", err)
	}
	if _, err := Open(both, []PublicKey{log.Public()}, nil); err != nil {
		t.Errorf("with an Ed25519 signature beside: %v", err)
	}
}

// forge changes the last octet of a signature line.
func forge(line string) string {
	at := strings.LastIndex(line, " ") + 1
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(line[at:]))
	raw[len(raw)-1] ^= 1
	return line[:at] + base64.StdEncoding.EncodeToString(raw) + "\n"
}

// OpenSSL checks a signature with the public key in PEM: an auditor needs nothing of ours.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is needed")
	}
	log, _ := keys(t)
	c := Checkpoint{Origin: "audit.example/1", Size: 1, Root: LeafHash(nil)}
	text, err := log.Sign(c)
	must(t, err)
	line := strings.TrimSpace(string(text[strings.LastIndex(string(text), " ")+1:]))
	raw, err := base64.StdEncoding.DecodeString(line)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(log.Public().Key())
	must(t, err)
	dir := t.TempDir()
	for name, content := range map[string][]byte{"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "text": []byte(c.Text()), "sig": raw[4:]} {
		must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
	cmd := exec.Command(program, "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig", "text")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestGrowth(t *testing.T) {
	log, _ := keys(t)
	k, _, _ := grow(t)
	at := func(size uint64) Checkpoint {
		root, err := Root(size, k)
		must(t, err)
		return Checkpoint{Origin: "audit.example/1", Size: size, Root: root}
	}
	note, err := log.Sign(at(30))
	must(t, err)
	for _, old := range []uint64{0, 1, 17, 30} {
		proof, err := ProveConsistency(30, old, k)
		must(t, err)
		g, err := ParseGrowth(Growth{old, proof, note}.Text())
		must(t, err)
		before := at(old)
		if old == 0 {
			before = Checkpoint{}
		}
		s, err := g.Check(before, log.Public())
		must(t, err)
		if s.Size != 30 {
			t.Errorf("size %d", s.Size)
		}
		wrong := at(old + 1)
		if _, err := g.Check(wrong, log.Public()); !errors.Is(err, ErrProof) {
			t.Errorf("about another size: %v", err)
		}
		if old > 0 {
			wrong = before
			wrong.Root[0] ^= 1
			if _, err := g.Check(wrong, log.Public()); !errors.Is(err, ErrProof) {
				t.Errorf("another tree: %v", err)
			}
		}
	}
	for _, text := range []string{"", "old 1\n", "old x\n\n" + string(note), "old 01\n\n" + string(note), "old 1\nabc\n\n" + string(note), "old 1\n\nnote"} {
		if _, err := ParseGrowth([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// FuzzNote: whatever comes as a note opens only as what the log's key has signed, and what was read is written the same.
func FuzzNote(f *testing.F) {
	log, witness := keys(f)
	text, err := log.Sign(Checkpoint{Origin: "audit.example/1", Size: 3, Extra: []string{"time x"}})
	must(f, err)
	line, err := witness.Cosign(text, time.Unix(1, 0))
	must(f, err)
	f.Add(text)
	f.Add(append(text, line...))
	f.Add([]byte("a\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n— a AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := Open(text, []PublicKey{log.Public()}, []PublicKey{witness.Public()}); err == nil && s.Size != 3 {
			t.Fatalf("opened as %+v", s)
		}
		c, err := Peek(text)
		if err != nil {
			return
		}
		if !bytes.HasPrefix(text, []byte(c.Text())) {
			t.Fatalf("%q is read as %q", text, c.Text())
		}
		if _, err := Join(text, line); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzGrowth: what is read is written the same.
func FuzzGrowth(f *testing.F) {
	log, _ := keys(f)
	note, err := log.Sign(Checkpoint{Origin: "audit.example/1", Size: 3})
	must(f, err)
	f.Add(Growth{2, []Hash{{1}, {2}}, note}.Text())
	f.Add(Growth{0, nil, note}.Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := ParseGrowth(text)
		if err != nil {
			return
		}
		if !bytes.Equal(g.Text(), text) {
			t.Fatalf("%q is read as %q", text, g.Text())
		}
		if _, err := g.Check(Checkpoint{}, log.Public()); err == nil && !bytes.Contains(text, []byte("\n3\n")) {
			t.Fatalf("%q holds", text)
		}
	})
}

// FuzzPublicKey: what is read is written the same.
func FuzzPublicKey(f *testing.F) {
	log, witness := keys(f)
	f.Add(log.Public().String())
	f.Add(witness.Public().String())
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := ParsePublicKey(text); err == nil && k.String() != strings.TrimSpace(text) {
			t.Fatalf("%q is read as %q", text, k)
		}
	})
}
