package session

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"huisclos/crypto/mls"
	"huisclos/crypto/statement/statementtest"
)

var now = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

type person struct {
	*Session
	device Device
}

func newPerson(t *testing.T, name string) person {
	t.Helper()
	signer, err := mls.GenerateSigner(Suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := Device{Signer: signer, Name: name}
	rand.Read(d.Account[:])
	rand.Read(d.ID[:])
	return inscribed(t, keyLog, d)
}

// keyLog is the log that everybody in these tests goes by.
var keyLog = statementtest.New()

// inscribed is a device whose statement is in a log.
func inscribed(t *testing.T, log *statementtest.Log, d Device) person {
	t.Helper()
	d.Log.View, d.Log.Index, d.Log.Evidence = log.Vouch(d.Account, d.ID, d.Signer.PublicKey())
	return again(t, d)
}

// again is the same device after its page was loaded anew.
func again(t *testing.T, d Device) person {
	t.Helper()
	s, err := New(d, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return person{s, d}
}

func roomOf(owner person) mls.Room {
	r := mls.Room{Version: mls.RoomVersion, Owner: owner.device.Account, Hosts: []mls.AccountID{owner.device.Account}, Profile: mls.Standard()}
	rand.Read(r.ID[:])
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p person) keyPackage(t *testing.T) []byte {
	t.Helper()
	kp, err := p.KeyPackage(now)
	must(t, err)
	return kp.MarshalMessage()
}

// admitted is a key package of each, with the host's admission.
func (p person) admitted(t *testing.T, people ...person) []Add {
	t.Helper()
	var adds []Add
	for _, other := range people {
		kp := other.keyPackage(t)
		admission, err := p.Admit(kp, now.Add(time.Minute))
		must(t, err)
		adds = append(adds, Add{kp, admission})
	}
	return adds
}

// start makes a call of host and guests.
func start(t *testing.T, guests int) (person, []person, Expect) {
	t.Helper()
	host := newPerson(t, "host")
	room := roomOf(host)
	must(t, host.Create(room, nil))
	want := Expect{Room: room.ID, Owner: room.Owner}
	var people []person
	for range guests {
		people = append(people, newPerson(t, "guest"))
	}
	p, err := host.Commit(Commit{Adds: host.admitted(t, people...)}, now)
	must(t, err)
	must(t, host.Accepted())
	_, tree, err := host.Public()
	must(t, err)
	for i, guest := range people {
		must(t, guest.Join(p.Welcomes[i], tree, want, now))
	}
	return host, people, want
}

func same(t *testing.T, people ...person) {
	t.Helper()
	key, err := people[0].FrameKey()
	must(t, err)
	first, err := people[0].View()
	must(t, err)
	for _, p := range people[1:] {
		k, err := p.FrameKey()
		must(t, err)
		v, err := p.View()
		must(t, err)
		if !bytes.Equal(k, key) || v.Words != first.Words || v.Epoch != first.Epoch || len(v.Members) != len(first.Members) {
			t.Fatalf("two members differ in epoch %d and %d", first.Epoch, v.Epoch)
		}
	}
}

func rule(err error) string {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Rule
	}
	return mls.Reason(err)
}

func TestCall(t *testing.T) {
	host, guests, want := start(t, 3)
	anna, ben, chloe := guests[0], guests[1], guests[2]
	same(t, host, anna, ben, chloe)
	sealed, err := anna.Seal([]byte("hello"))
	must(t, err)
	if m, err := ben.Open(sealed); err != nil || m.Sender != 1 || string(m.Data) != "hello" {
		t.Fatalf("opened %q of %d, %v", m.Data, m.Sender, err)
	}
	if _, err := ben.Open(sealed); rule(err) != "decrypt" {
		t.Errorf("the same message twice: %v", err)
	}

	p, err := anna.Commit(Commit{Removes: []mls.LeafIndex{2}}, now)
	must(t, err)
	if err := ben.Process(p.Commit, now); !errors.Is(err, mls.ErrRemoved) {
		t.Errorf("the removed: %v", err)
	}
	must(t, host.Process(p.Commit, now))
	must(t, chloe.Process(p.Commit, now))
	must(t, anna.Process(p.Commit, now)) // instead of Accepted
	same(t, host, anna, chloe)
	v, err := host.View()
	must(t, err)
	if v.AddOnly || len(v.Removed) != 1 || v.Removed[0].Leaf != 2 || v.Committer != 1 {
		t.Errorf("view after a removal: %+v", v)
	}

	// Re-entry takes the leaf's place, and is no mere addition.
	back := again(t, chloe.device)
	p, err = host.Commit(Commit{Adds: []Add{{KeyPackage: back.keyPackage(t)}}, Removes: []mls.LeafIndex{3}}, now)
	must(t, err)
	must(t, host.Accepted())
	must(t, anna.Process(p.Commit, now))
	_, tree, err := host.Public()
	must(t, err)
	must(t, back.Join(p.Welcomes[0], tree, want, now))
	same(t, host, anna, back)
	if v, err = anna.View(); err != nil || v.AddOnly || len(v.Added) != 1 || len(v.Removed) != 1 {
		t.Errorf("view after a re-entry: %+v, %v", v, err)
	}
}

func TestPending(t *testing.T) {
	host, guests, _ := start(t, 1)
	if err := host.Accepted(); !errors.Is(err, ErrNoPending) {
		t.Errorf("accepted without a commit: %v", err)
	}
	_, err := host.Commit(Commit{}, now)
	must(t, err)
	if _, err := host.Commit(Commit{}, now); !errors.Is(err, ErrPending) {
		t.Errorf("a second commit: %v", err)
	}
	if err := host.Create(roomOf(host), nil); !errors.Is(err, ErrPending) {
		t.Errorf("a new group meanwhile: %v", err)
	}
	// The other's commit wins.
	p, err := guests[0].Commit(Commit{}, now)
	must(t, err)
	must(t, host.Process(p.Commit, now))
	must(t, guests[0].Accepted())
	same(t, host, guests[0])
	if err := host.Accepted(); !errors.Is(err, ErrNoPending) {
		t.Errorf("the loser's commit was kept: %v", err)
	}
	// A commit that does not verify leaves everything as it was, the pending one too.
	p, err = host.Commit(Commit{}, now)
	must(t, err)
	broken := bytes.Clone(p.Commit)
	broken[len(broken)-1] ^= 1
	if err := guests[0].Process(broken, now); err == nil {
		t.Error("a broken commit was taken")
	}
	must(t, guests[0].Process(p.Commit, now))
	must(t, host.Accepted())
	same(t, host, guests[0])
}

func TestJoinRefuses(t *testing.T) {
	host, _, want := start(t, 0)
	stranger := newPerson(t, "stranger")
	for name, c := range map[string]struct {
		change func(*Expect)
		rule   string
	}{
		"another room":      {func(e *Expect) { e.Room[0] ^= 1 }, "wrong-room"},
		"another owner":     {func(e *Expect) { e.Owner = stranger.device.Account }, "creator-not-owner"},
		"not the successor": {func(e *Expect) { e.Restart = &Restart{Group: []byte("old"), Epoch: 3} }, "restart-without-secret"},
	} {
		guest := newPerson(t, "guest")
		p, err := host.Commit(Commit{Adds: host.admitted(t, guest)}, now)
		must(t, err)
		must(t, host.Accepted())
		_, tree, err := host.Public()
		must(t, err)
		expect := want
		c.change(&expect)
		if err := guest.Join(p.Welcomes[0], tree, expect, now); rule(err) != c.rule {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := guest.View(); !errors.Is(err, ErrNoGroup) {
			t.Errorf("%s: joined all the same", name)
		}
		// A Welcome has one use, also when it was refused.
		if err := guest.Join(p.Welcomes[0], tree, want, now); !errors.Is(err, ErrNoWaiting) {
			t.Errorf("%s, again: %v", name, err)
		}
		if err := stranger.Join(p.Welcomes[0], tree, want, now); !errors.Is(err, ErrNoWaiting) {
			t.Errorf("%s, a stranger: %v", name, err)
		}
	}
}

func TestRestart(t *testing.T) {
	host, guests, want := start(t, 2)
	v, err := host.View()
	must(t, err)
	want.Restart = &Restart{Group: v.Group, Epoch: v.Epoch}
	must(t, host.Create(v.Room, nil))
	ghost := newPerson(t, "ghost")
	p, err := host.Commit(Commit{Adds: host.admitted(t, guests[0], guests[1], ghost), Restart: want.Restart}, now)
	must(t, err)
	must(t, host.Accepted())
	_, tree, err := host.Public()
	must(t, err)
	must(t, guests[0].Join(p.Welcomes[0], tree, want, now))
	must(t, guests[1].Join(p.Welcomes[1], tree, want, now))
	same(t, host, guests[0], guests[1])
	if err := ghost.Join(p.Welcomes[2], tree, want, now); !errors.Is(err, mls.ErrNoPSK) {
		t.Errorf("who was not in the old group: %v", err)
	}
	// An epoch that is too long ago has no secret any more.
	first := *want.Restart
	for range maxResumptions {
		_, err := host.Commit(Commit{}, now)
		must(t, err)
		must(t, host.Accepted())
	}
	must(t, host.Create(v.Room, nil))
	if _, err := host.Commit(Commit{Restart: &first}, now); !errors.Is(err, mls.ErrNoPSK) {
		t.Errorf("a secret of %d epochs ago: %v", maxResumptions, err)
	}
}

func TestWaitingIsBounded(t *testing.T) {
	host, _, want := start(t, 0)
	guest := newPerson(t, "guest")
	adds := host.admitted(t, guest)
	for range maxWaiting {
		guest.keyPackage(t)
	}
	p, err := host.Commit(Commit{Adds: adds}, now)
	must(t, err)
	must(t, host.Accepted())
	_, tree, err := host.Public()
	must(t, err)
	if err := guest.Join(p.Welcomes[0], tree, want, now); !errors.Is(err, ErrNoWaiting) {
		t.Errorf("the oldest of %d key packages: %v", maxWaiting+1, err)
	}
}

func TestChange(t *testing.T) {
	host, guests, _ := start(t, 1)
	locked, hosts := true, []mls.AccountID{host.device.Account, guests[0].device.Account}
	if _, err := guests[0].Commit(Commit{Change: &Change{Locked: &locked}}, now); rule(err) != "not-host" {
		t.Errorf("a guest locks: %v", err)
	}
	p, err := host.Commit(Commit{Change: &Change{Locked: &locked, Hosts: &hosts}}, now)
	must(t, err)
	must(t, host.Accepted())
	must(t, guests[0].Process(p.Commit, now))
	v, err := guests[0].View()
	must(t, err)
	if !v.Room.Locked || len(v.Room.Hosts) != 2 || v.AddOnly {
		t.Errorf("view after a change: %+v", v)
	}
	without := []mls.AccountID{guests[0].device.Account}
	if _, err := host.Commit(Commit{Change: &Change{Hosts: &without}}, now); rule(err) != "creator-not-owner" {
		t.Errorf("the owner is dropped: %v", err)
	}
	room := roomOf(host)
	room.Owner = guests[0].device.Account
	if err := newPerson(t, "other").Create(room, nil); rule(err) != "creator-not-owner" {
		t.Errorf("a room whose owner is no host: %v", err)
	}
}

func TestInspect(t *testing.T) {
	host := newPerson(t, "host")
	p := newPerson(t, "Zoé")
	kp := p.keyPackage(t)
	k, err := host.Inspect(kp, now)
	if err != nil || k.Account != p.device.Account || k.Device != p.device.ID || k.Name != "Zoé" || !bytes.Equal(k.SignatureKey, p.device.Signer.PublicKey()) {
		t.Errorf("%+v, %v", k, err)
	}
	if _, err := host.Inspect(kp, now.Add(lifetime+time.Hour)); err == nil {
		t.Error("an expired key package")
	}
	forged := bytes.Clone(kp)
	forged[len(forged)-1] ^= 1
	if _, err := host.Inspect(forged, now); err == nil {
		t.Error("a forged key package")
	}
	signer, err := mls.GenerateSigner(mls.P256AES128, rand.Reader)
	must(t, err)
	other, err := mls.NewKeyPackage(mls.P256AES128, mls.Identity{Signer: signer, Credential: mls.BasicCredential([]byte("x"))}, mls.LifetimeFrom(now, time.Hour), rand.Reader)
	must(t, err)
	if _, err := host.Inspect(other.KeyPackage.Marshal(), now); !errors.Is(err, ErrNotThisCall) {
		t.Errorf("a key package of another suite: %v", err)
	}
}

func TestLeave(t *testing.T) {
	host, guests, _ := start(t, 1)
	sealed, err := host.Seal([]byte("late"))
	must(t, err)
	guests[0].Leave()
	if _, err := guests[0].Open(sealed); !errors.Is(err, ErrNoGroup) {
		t.Errorf("opened after leaving: %v", err)
	}
	for name, err := range map[string]error{
		"process": guests[0].Process(nil, now), "accepted": guests[0].Accepted(),
	} {
		if err == nil {
			t.Errorf("%s after leaving", name)
		}
	}
	if len(guests[0].resumptions) != 0 || len(guests[0].waiting) != 0 {
		t.Error("secrets are left")
	}
	guests[0].keyPackage(t)
}
