package session

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
)

func device(t *testing.T) Device {
	t.Helper()
	signer, err := mls.GenerateSigner(Suite, rand.Reader)
	must(t, err)
	d := Device{Signer: signer, Name: "guest"}
	rand.Read(d.Account[:])
	rand.Read(d.ID[:])
	return d
}

// refused is the token of what broke a rule, whichever package says it.
func refused(err error) string {
	var p *mls.PolicyError
	if errors.As(err, &p) {
		return p.Rule
	}
	return rule(err)
}

// TestOnlyInscribedDevices: whoever is not in the log of the call gets no seat in it, and no group without the log is entered.
func TestOnlyInscribedDevices(t *testing.T) {
	host, guests, _ := start(t, 1)
	ghost := inscribed(t, statementtest.New(), device(t)) // in a log of another key
	kp := ghost.keyPackage(t)
	admission, err := host.Admit(kp, now.Add(lifetime))
	must(t, err)
	if _, err := host.Commit(Commit{Adds: []Add{{kp, admission}}}, now); refused(err) != "statement" {
		t.Errorf("a device of another log: %v", err)
	}
	if _, err := host.Inspect(kp, now); refused(err) != "statement" {
		t.Errorf("it is shown to the host: %v", err)
	}
	// Its statement is another device's.
	thief := device(t)
	thief.Log = guests[0].device.Log
	if _, err := New(thief, rand.Reader); refused(err) != "statement" {
		t.Errorf("a session with the statement of another: %v", err)
	}
	// A committer without these rules: the others refuse what it made.
	lax := again(t, host.device)
	room := roomOf(lax)
	room.Checkpoint = lax.log.seen.Marshal()
	g, err := mls.NewCallGroup(room, lax.identity, Suite, make([]byte, 16), rand.Reader, mls.Policy)
	must(t, err)
	add := func(p person) ([]byte, []byte, []byte) {
		t.Helper()
		kp, err := mls.ParseKeyPackage(p.keyPackage(t))
		must(t, err)
		a, err := g.Admit(kp, now.Add(lifetime))
		must(t, err)
		c, err := g.Commit(mls.CommitOptions{Adds: []*mls.KeyPackage{kp}, AuthenticatedData: mls.MarshalAdmissions([]mls.Admission{a}), Now: now})
		must(t, err)
		g = c.Next
		return c.Commit, c.Welcomes[0], g.Tree()
	}
	want := Expect{Room: room.ID, Owner: room.Owner}
	member := newPerson(t, "member")
	_, welcome, tree := add(member)
	must(t, member.Join(welcome, tree, want, now))
	commit, _, _ := add(ghost)
	if err := member.Process(commit, now); refused(err) != "statement" {
		t.Errorf("a commit that adds a ghost: %v", err)
	}
	late := newPerson(t, "late")
	_, welcome, tree = add(late)
	if err := late.Join(welcome, tree, want, now); refused(err) != "statement" {
		t.Errorf("a group with a ghost in it: %v", err)
	}

	for name, c := range map[string]struct {
		checkpoint []byte
		rule       string
	}{
		"none":    {nil, "no-log"},
		"another": {ghost.log.seen.Marshal(), "other-log"},
		"forged":  {append(bytes.Clone(host.log.seen.Marshal()), '\n'), "no-log"},
	} {
		room := roomOf(host)
		room.Checkpoint = c.checkpoint
		g, err = mls.NewCallGroup(room, host.identity, Suite, make([]byte, 16), rand.Reader, mls.Policy)
		must(t, err)
		p := newPerson(t, "joiner")
		_, welcome, tree := add(p)
		if err := p.Join(welcome, tree, Expect{Room: room.ID, Owner: room.Owner}, now); refused(err) != c.rule {
			t.Errorf("a group whose log is %s: %v", name, err)
		}
	}
}

// TestTwoLogs: who is shown another log than the others is found in the first call that they share.
func TestTwoLogs(t *testing.T) {
	log := statementtest.New()
	for range 3 {
		d := device(t)
		log.Vouch(d.Account, d.ID, d.Signer.PublicKey())
	}
	host := inscribed(t, log, device(t))
	fork := log.Fork(3)
	honest, shown := inscribed(t, log, device(t)), inscribed(t, fork, device(t))
	room := roomOf(host)
	must(t, host.Create(room, nil))
	p, err := host.Commit(Commit{Adds: host.admitted(t, honest)}, now)
	must(t, err)
	must(t, host.Accepted())
	_, tree, err := host.Public()
	must(t, err)
	must(t, honest.Join(p.Welcomes[0], tree, Expect{Room: room.ID, Owner: room.Owner}, now))

	sizes, err := host.Unproven()
	must(t, err)
	if len(sizes) != 2 || sizes[0] != 4 || sizes[1] != 5 {
		t.Fatalf("asks about %v", sizes)
	}
	must(t, host.Proven(log.Growth(sizes)))
	if err := host.Proven(log.Growth(sizes)); !errors.Is(err, ErrNotAsked) {
		t.Errorf("proofs that nobody asked for: %v", err)
	}
	if sizes, err := host.Unproven(); err != nil || sizes != nil {
		t.Errorf("asks again: %v, %v", sizes, err)
	}
	if at, err := keylog.Peek(host.Seen().Note); err != nil || at.Size != 5 {
		t.Errorf("keeps %d, %v", at.Size, err)
	}

	p, err = host.Commit(Commit{Adds: host.admitted(t, shown)}, now)
	must(t, err)
	must(t, host.Accepted())
	must(t, honest.Process(p.Commit, now))
	// 4 statements there, 4 others here: no proof is needed. The third member would have to be given one.
	if _, err := host.Unproven(); refused(err) != "log-forked" {
		t.Errorf("two logs of one size: %v", err)
	}
	_, tree, err = host.Public()
	must(t, err)
	must(t, shown.Join(p.Welcomes[0], tree, Expect{Room: room.ID, Owner: room.Owner}, now))
	if _, err := shown.Unproven(); refused(err) != "log-forked" {
		t.Errorf("the one who was shown another: %v", err)
	}

	// Of different sizes: whatever proof the server makes, it is none.
	log = statementtest.New()
	first := device(t)
	log.Vouch(first.Account, first.ID, first.Signer.PublicKey())
	fork = log.Fork(0)
	for range 2 {
		d := device(t)
		fork.Vouch(d.Account, d.ID, d.Signer.PublicKey())
	}
	host, shown = inscribed(t, log, device(t)), inscribed(t, fork, device(t))
	room = roomOf(host)
	must(t, host.Create(room, nil))
	_, err = host.Commit(Commit{Adds: host.admitted(t, shown)}, now)
	must(t, err)
	must(t, host.Accepted())
	sizes, err = host.Unproven()
	must(t, err)
	for name, proofs := range map[string][][]keylog.Hash{"its own": fork.Growth(sizes), "empty": {nil}, "none": nil} {
		if _, err := host.Unproven(); err != nil {
			t.Fatal(err)
		}
		if err := host.Proven(proofs); refused(err) != "log-forked" {
			t.Errorf("proof %s: %v", name, err)
		}
	}
}

// TestRollback: a device that comes back finds that the log was taken back, replaced or rewritten since it was there.
func TestRollback(t *testing.T) {
	log := statementtest.New()
	d := device(t)
	key := d.Signer.PublicKey()
	enter := func(before []byte, a statement.Answer) (Log, error) { return EnterLog(before, d.Account, d.ID, key, a) }
	first, err := enter(nil, log.Inscribe(d.Account, d.ID, key, 0))
	must(t, err)
	for range 3 {
		other := device(t)
		log.Vouch(other.Account, other.ID, other.Signer.PublicKey())
	}
	at := first.Evidence.Time
	grown, err := enter(first.View.Marshal(), log.Answer(0, at, 1))
	must(t, err)
	if _, err := enter(grown.View.Marshal(), log.Answer(0, at, 4)); err != nil {
		t.Errorf("nothing new: %v", err)
	}
	before := grown.View.Marshal()
	back := log.Fork(2)
	if _, err := enter(before, back.Answer(0, at, 4)); refused(err) != "log-shorter" {
		t.Errorf("an older log: %v", err)
	}
	back.Append(statement.Statement{Kind: statement.Restored, Time: at + 1})
	for range 3 {
		other := device(t)
		back.Vouch(other.Account, other.ID, other.Signer.PublicKey())
	}
	if _, err := enter(before, back.Answer(0, at, 4)); refused(err) != "log-forked" {
		t.Errorf("an older log that went on: %v", err)
	}
	if _, err := enter(before, log.Fork(4).Answer(0, at, 1)); refused(err) != "log-forked" {
		t.Errorf("a proof for another size: %v", err)
	}
	if _, err := enter(before, statementtest.New().Inscribe(d.Account, d.ID, key, 4)); refused(err) != "log-key" {
		t.Errorf("a log of another key: %v", err)
	}
	other := device(t)
	if _, err := enter(nil, log.Inscribe(other.Account, other.ID, other.Signer.PublicKey(), 0)); refused(err) != "log-statement" {
		t.Errorf("the statement of another: %v", err)
	}
	if _, err := enter([]byte("kept badly"), log.Answer(0, at, 0)); refused(err) != "log-kept" {
		t.Errorf("what was kept is damaged: %v", err)
	}
}
