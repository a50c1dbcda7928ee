package mls

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestVectorLength(t *testing.T) {
	// ASVS 1.4.2
	for _, bad := range []string{"", "c0", "ff", "40", "4000", "403f", "80000000", "80003fff", "8000", "800040"} {
		d := decoder{b: must(hex.DecodeString(bad))(t)}
		if d.length(); !errors.Is(d.err, ErrMalformed) {
			t.Errorf("%s: %v", bad, d.err)
		}
	}
	for _, n := range []int{0, 63, 64, 16383, 16384, maxVector} {
		d := decoder{b: encoded(func(e *encoder) { e.length(n) })}
		if got := d.length(); got != n || d.done() != nil {
			t.Errorf("%d became %d, %v", n, got, d.err)
		}
	}
	d := decoder{b: []byte{2}}
	if d.optional(); d.err == nil {
		t.Error("presence octet 2")
	}
	d = decoder{b: []byte{5, 1, 2}}
	if d.vec(); d.err == nil {
		t.Error("vector longer than its input")
	}
}

// TestSignatureConversion reads vectors that the browser's tests read too.
func TestSignatureConversion(t *testing.T) {
	var v struct {
		Signatures []struct{ Raw, DER hexBytes }
		Refused    []hexBytes
	}
	readJSON(t, "testdata/signatures.json", &v)
	if len(v.Signatures) == 0 || len(v.Refused) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Signatures {
		same(t, "der", must(SignatureFromRaw(c.Raw))(t), c.DER)
		same(t, "raw", must(SignatureToRaw(c.DER, 32))(t), c.Raw)
	}
	for _, bad := range v.Refused {
		if raw, err := SignatureToRaw(bad, 32); err == nil {
			t.Errorf("%x became %x", []byte(bad), raw)
		}
	}
	for _, n := range []int{0, 63, 134} {
		if _, err := SignatureFromRaw(make([]byte, n)); err == nil {
			t.Errorf("%d bytes accepted", n)
		}
	}
	if _, err := SignatureFromRaw(make([]byte, 64)); err == nil {
		t.Error("r = s = 0 accepted")
	}
	for _, id := range []CipherSuite{P256AES128, P384AES256, P521AES256} {
		s := must(suiteOf(id))(t)
		signer := must(GenerateSigner(id, rand.Reader))(t)
		size := (s.signature.(ecdsaScheme).curve.Params().BitSize + 7) / 8
		for range 20 {
			der := must(signer.Sign([]byte("m")))(t)
			back := must(SignatureFromRaw(must(SignatureToRaw(der, size))(t)))(t)
			if !bytes.Equal(back, der) || !s.signature.verify(signer.PublicKey(), []byte("m"), back) {
				t.Fatal("signature does not survive")
			}
			if s.signature.verify(signer.PublicKey(), []byte("n"), back) {
				t.Fatal("signature of another message")
			}
		}
	}
}

// zeroReader is a broken source of randomness.
type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestGenerateSignerNeedsRandomness(t *testing.T) {
	// ASVS 11.5.1
	if _, err := GenerateSigner(Default, zeroReader{}); err == nil {
		t.Error("a key of zeroes")
	}
	if _, err := GenerateSigner(Default, bytes.NewReader(nil)); err == nil {
		t.Error("a key of nothing")
	}
	if _, err := GenerateSigner(4, rand.Reader); !errors.Is(err, ErrSuite) {
		t.Error(err)
	}
}

// TestSecretTree: order, limits and deletion (RFC 9420 §9.2).
func TestSecretTree(t *testing.T) {
	s := must(suiteOf(P256AES128))(t)
	tree := newSecretTree(s, 4, must(random(rand.Reader, 32))(t))
	read := func(g uint32) error {
		_, _, use, err := tree.at(2, contentApplication, g)
		if err != nil {
			return err
		}
		return use()
	}
	for _, step := range []struct {
		generation uint32
		want       error
	}{
		{3, nil}, {1, nil}, {1, ErrGeneration}, {3, ErrGeneration}, {0, nil}, {2, nil}, {2, ErrGeneration},
		{4 + maxSkip + 1, ErrTooFarAhead}, {4 + maxSkip, nil}, {4, nil}, {4 + maxSkip, ErrGeneration},
		{1<<32 - 1, ErrTooFarAhead},
		{4 + 2*maxSkip, nil}, {5, ErrGeneration}, // given up: more than maxSkip back
		{6 + maxSkip, nil},
	} {
		if err := read(step.generation); !errors.Is(err, step.want) {
			t.Fatalf("generation %d: %v, want %v", step.generation, err, step.want)
		}
	}
	r := tree.ratchets[ratchetID{2, false}]
	if len(r.skipped) > maxSkip {
		t.Errorf("%d keys kept", len(r.skipped))
	}
	for _, x := range []nodeIndex{3, 5, 4} {
		if tree.nodes[x] != nil {
			t.Errorf("secret of node %d is still there", x)
		}
	}
	if tree.nodes[1] == nil || tree.nodes[6] == nil {
		t.Error("unused secrets are gone")
	}
	// A key that was derived and not used stays usable; used once, not twice.
	_, _, first, err := tree.at(1, contentProposal, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _, second, err := tree.at(1, contentProposal, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := first(); err != nil {
		t.Fatal(err)
	}
	if err := second(); !errors.Is(err, ErrGeneration) {
		t.Errorf("used twice: %v", err)
	}
	if _, _, _, err := tree.at(4, contentApplication, 0); err == nil {
		t.Error("a leaf outside the tree")
	}
	tree.erase()
	if err := read(9000); err == nil {
		t.Error("erased tree gives keys")
	}
}

// TestForgedMessage: what does not verify burns no generation.
func TestForgedMessage(t *testing.T) {
	// ASVS 11.3.3
	s := newStage(t, nil)
	good := must(s.groups[leafB].Seal([]byte("one"), nil))(t)
	// C knows the group's secrets and forges B's first generation.
	c := s.groups[leafC]
	a := &authenticatedContent{wireFormat: wirePrivateMessage, content: c.content(contentApplication, nil)}
	a.content.sender.index = uint32(leafB)
	a.content.application = []byte("forged")
	if err := a.sign(c.signer, c.context.bytes()); err != nil {
		t.Fatal(err)
	}
	m := must(a.protectPrivate(c.suite, c.messages, c.secrets.senderData, rand.Reader))(t)
	forged := encoded((&message{private: m}).encode)
	host := s.groups[leafHost]
	if _, err := host.Open(forged); !errors.Is(err, ErrSignature) {
		t.Fatalf("forged: %v", err)
	}
	if got, err := host.Open(good); err != nil || string(got.Data) != "one" {
		t.Fatalf("after the forgery: %v", err)
	}
	for i := range good {
		bad := clone(good)
		bad[i] ^= 4
		if _, err := s.groups[leafC].Open(bad); err == nil {
			t.Fatalf("byte %d changed unnoticed", i)
		}
	}
	// Lengths of short messages are hidden.
	if a, b := must(host.Seal([]byte("yes"), nil))(t), must(host.Seal([]byte("no, not at all"), nil))(t); len(a) != len(b) {
		t.Errorf("%d and %d bytes", len(a), len(b))
	}
}

func TestRestoredGroup(t *testing.T) {
	s := newStage(t, nil)
	m := must(s.groups[leafB].Seal([]byte("one"), nil))(t)
	late := must(s.groups[leafB].Seal([]byte("two"), nil))(t)
	if _, err := s.groups[leafC].Open(late); err != nil {
		t.Fatal(err)
	}
	state := must(s.groups[leafC].Marshal())(t)
	g, err := UnmarshalGroup(state, nil, Policy)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "state", must(g.Marshal())(t), state)
	if got, err := g.Open(m); err != nil || string(got.Data) != "one" {
		t.Fatalf("open: %v", err)
	}
	if _, err := g.Open(late); !errors.Is(err, ErrGeneration) {
		t.Fatalf("opened again after the restore: %v", err)
	}
	if _, err := g.Seal([]byte("x"), nil); !errors.Is(err, ErrRestored) {
		t.Errorf("seal: %v", err)
	}
	if _, err := g.Commit(CommitOptions{Now: now}); !errors.Is(err, ErrRestored) {
		t.Errorf("commit: %v", err)
	}
	if _, err := g.ProposeUpdate(); !errors.Is(err, ErrRestored) {
		t.Errorf("propose: %v", err)
	}
	p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
	n, _, err := g.Process(p.Commit, now)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "authenticator", n.EpochAuthenticator(), p.Next.EpochAuthenticator())
	if _, err := n.Seal(nil, nil); !errors.Is(err, ErrRestored) {
		t.Errorf("seal in the next epoch: %v", err)
	}
	for i := range state {
		if g, err := UnmarshalGroup(state[:i], nil, nil); err == nil || g != nil {
			t.Fatalf("state cut at %d", i)
		}
	}
}

func TestErase(t *testing.T) {
	s := newStage(t, nil)
	g := s.groups[leafB]
	p := must(s.groups[leafHost].Commit(CommitOptions{Now: now}))(t)
	n, _, err := g.Process(p.Commit, now)
	if err != nil {
		t.Fatal(err)
	}
	want := n.EpochAuthenticator()
	g.Erase()
	if !bytes.Equal(g.secrets.init, make([]byte, 48)) || !bytes.Equal(g.secrets.exporter, make([]byte, 48)) || len(g.keys) != 0 {
		t.Error("secrets are still there")
	}
	if _, err := g.Seal(nil, nil); err == nil {
		t.Error("an erased group sends")
	}
	if _, _, err := g.Process(p.Commit, now); err == nil {
		t.Error("an erased group processes")
	}
	same(t, "the next epoch", n.EpochAuthenticator(), want)
	m := must(p.Next.Seal([]byte("x"), nil))(t)
	if _, err := n.Open(m); err != nil {
		t.Error(err)
	}
}

func TestExport(t *testing.T) {
	s := newStage(t, nil)
	a := must(s.groups[leafB].Export("SFrame 1.0 Base Key", nil, 32))(t)
	same(t, "exported", a, must(s.groups[leafC].Export("SFrame 1.0 Base Key", []byte{}, 32))(t))
	if bytes.Equal(a, must(s.groups[leafB].Export("other", nil, 32))(t)) {
		t.Error("label ignored")
	}
	for _, n := range []int{-1, 255*48 + 1} {
		if _, err := s.groups[leafB].Export("x", nil, n); err == nil {
			t.Errorf("export of %d bytes", n)
		}
	}
	before := s.groups[leafB].EpochAuthenticator()
	s.commit(leafC, CommitOptions{})
	if bytes.Equal(before, s.groups[leafB].EpochAuthenticator()) {
		t.Error("the epoch authenticator stays")
	}
}

// TestWords reads vectors that the browser's tests read too.
func TestWords(t *testing.T) {
	var v struct {
		Words []struct {
			Authenticator hexBytes `json:"epoch_authenticator"`
			Words         [WordCount]uint16
		}
	}
	readJSON(t, "testdata/words.json", &v)
	if len(v.Words) == 0 {
		t.Fatal("no vectors")
	}
	for _, c := range v.Words {
		if got := Words(c.Authenticator); got != c.Words {
			t.Errorf("%x: %v, want %v", []byte(c.Authenticator), got, c.Words)
		}
	}
}

func TestRoom(t *testing.T) {
	good := Room{Version: RoomVersion, ID: RoomID{1}, Profile: Standard(), Owner: account(4), Locked: true,
		Hosts: []AccountID{account(1), account(2)}, Admits: []AccountID{account(3)}, Checkpoint: []byte("checkpoint")}
	back := must(ParseRoom(good.Marshal()))(t)
	if !bytes.Equal(back.Marshal(), good.Marshal()) || !back.IsHost(account(2)) || back.IsHost(account(3)) || !back.AdmitsAccount(account(3)) {
		t.Fatalf("%+v", back)
	}
	for name, change := range map[string]func(*Room){
		"version":      func(r *Room) { r.Version = 1 },
		"profile":      func(r *Room) { r.Profile.Conditions = allConditions + 1 },
		"no profile":   func(r *Room) { r.Profile = Profile{} },
		"one member":   func(r *Room) { r.Profile.Members = 1 },
		"no hosts":     func(r *Room) { r.Hosts = nil },
		"host twice":   func(r *Room) { r.Hosts = append(r.Hosts, account(1)) },
		"admits twice": func(r *Room) { r.Admits = append(r.Admits, account(3)) },
		"many hosts":   func(r *Room) { r.Hosts = make([]AccountID, maxHosts+1) },
		"checkpoint":   func(r *Room) { r.Checkpoint = make([]byte, maxCheckpoint+1) },
	} {
		bad := back
		change(&bad)
		if _, err := ParseRoom(bad.Marshal()); err == nil {
			t.Errorf("%s accepted", name)
		}
	}
	stranger := newPerson(t, Default, 9)
	if _, err := NewCallGroup(good, stranger.id, Default, []byte("g"), rand.Reader, Policy); err == nil {
		t.Error("a call created by a non-host")
	}
	host := newPerson(t, P256AES128, 1)
	if _, err := NewCallGroup(good, host.id, P256AES128, []byte("g"), rand.Reader, Policy); err == nil {
		t.Error("a call with another suite than its profile's")
	}
	for _, s := range []string{"", "AAAA", strings.Repeat("A", 21) + "B", strings.Repeat("A", 22) + "==", strings.Repeat("A", 23)} {
		if id, err := ParseRoomID(s); err == nil {
			t.Errorf("%q became %v", s, id)
		}
	}
	if id := must(ParseRoomID(good.ID.String()))(t); id != good.ID {
		t.Error("room id does not survive")
	}
	for _, name := range []string{"", "a\x00b", "\xff", strings.Repeat("a", 129), "a\nb"} {
		if _, err := NameExtension(name); err == nil {
			t.Errorf("name %q accepted", name)
		}
	}
	if x := must(NameExtension("Zoé 李"))(t); must(NameOf([]Extension{x}))(t) != "Zoé 李" {
		t.Error("name does not survive")
	}
}

func TestLifetime(t *testing.T) {
	// ASVS 9.2.1
	l := LifetimeFrom(now, time.Hour)
	for after, want := range map[time.Duration]bool{
		-Leeway: true, -Leeway - time.Second: false, 0: true, time.Hour + Leeway: true, time.Hour + Leeway + time.Second: false,
	} {
		if l.covers(now.Add(after), Leeway) != want {
			t.Errorf("%v after the start: %v", after, !want)
		}
	}
	if (Lifetime{0, 1}).covers(time.Unix(-5000, 0), Leeway) {
		t.Error("before 1970")
	}
}

func TestKeyPackage(t *testing.T) {
	p := newPerson(t, Default, 1)
	b := p.bundle(t, Default)
	kp := must(ParseKeyPackage(b.KeyPackage.Marshal()))(t)
	same(t, "from a message", must(ParseKeyPackage(b.KeyPackage.MarshalMessage()))(t).Ref(), kp.Ref())
	if err := kp.Verify(now); err != nil {
		t.Fatal(err)
	}
	if err := kp.Verify(now.Add(24 * time.Hour)); err == nil {
		t.Error("expired")
	}
	raw := kp.Marshal()
	for i := 0; i < len(raw); i += 13 {
		bad := clone(raw)
		bad[i] ^= 1
		if k, err := ParseKeyPackage(bad); err == nil && k.Verify(now) == nil {
			t.Fatalf("byte %d changed unnoticed", i)
		}
	}
	b.Erase()
	if _, err := JoinWelcome(nil, b, JoinOptions{}); err == nil {
		t.Error("joined with an erased bundle")
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
