package mls

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"
)

// stageSet is a call with a host and two plain members, and somebody outside.
type stageSet struct {
	*call
	host, b, c, x *person
	room          Room
}

func newStage(t testing.TB, change func(*Room)) *stageSet {
	t.Helper()
	s := &stageSet{host: newPerson(t, Default, 0), b: newPerson(t, Default, 1), c: newPerson(t, Default, 2), x: newPerson(t, Default, 3)}
	s.room = Room{Version: RoomVersion, ID: RoomID{9}, Profile: Standard(), Owner: account(0),
		Hosts: []AccountID{account(0)}, Admits: []AccountID{account(1), account(2)}}
	s.call = newCall(t, s.host, s.room)
	s.commit(0, CommitOptions{}, s.b, s.c)
	if change != nil {
		change(&s.room)
		s.commit(0, CommitOptions{GroupContextExtensions: s.extensions(s.room)})
	}
	return s
}

func (s *stageSet) extensions(r Room) []Extension {
	return []Extension{r.Extension(), callCapabilities().Extension()}
}

func (s *stageSet) admit(by LeafIndex, kp *KeyPackage, expiry time.Time) Admission {
	s.t.Helper()
	a, err := s.groups[by].Admit(kp, expiry)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// lawless commits without the policy, as a modified client would.
func lawless(t testing.TB, g *Group, o CommitOptions) *Pending {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	policy := g.policy
	g.policy = nil
	defer func() { g.policy = policy }()
	p, err := g.Commit(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused: server and members refuse with the same rule and stay usable.
func (s *stageSet) refused(commit []byte, from LeafIndex, at time.Time, rule string) {
	s.t.Helper()
	var policy *PolicyError
	if _, _, err := s.observer.Check(commit, Policy, at); !errors.As(err, &policy) || policy.Rule != rule || Reason(err) != rule {
		s.t.Fatalf("observer: %v, want rule %s", err, rule)
	}
	for l, g := range s.groups {
		if l == from {
			continue
		}
		if n, _, err := g.Process(commit, at); n != nil || Reason(err) != rule {
			s.t.Fatalf("leaf %d: %v, want rule %s", l, err, rule)
		}
	}
	// The refusal changed nothing: an honest commit goes through.
	s.commit(0, CommitOptions{})
	s.talk()
}

const (
	leafHost LeafIndex = iota
	leafB
	leafC
)

func TestPolicyRefuses(t *testing.T) {
	hour := now.Add(time.Hour)
	forge := func(s *stageSet, by *person, at LeafIndex, a Admission) Admission {
		var err error
		a.Host = at
		if a.Signature, err = signWithLabel(by.id.Signer, admissionLabel, a.tbs()); err != nil {
			s.t.Fatal(err)
		}
		return a
	}
	add := func(kp *KeyPackage, admissions ...Admission) CommitOptions {
		return CommitOptions{Adds: []*KeyPackage{kp}, AuthenticatedData: MarshalAdmissions(admissions)}
	}
	cases := []struct {
		name string
		room func(*Room)
		from LeafIndex
		rule string
		make func(s *stageSet) CommitOptions
	}{
		{"add without admission", nil, leafB, "add-without-admission", func(s *stageSet) CommitOptions {
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"host adds without admission", nil, leafHost, "add-without-admission", func(s *stageSet) CommitOptions {
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"admission for another key package", nil, leafB, "add-without-admission", func(s *stageSet) CommitOptions {
			return add(s.x.bundle(s.t, Default).KeyPackage, s.admit(leafHost, s.x.bundle(s.t, Default).KeyPackage, hour))
		}},
		{"admission from a non-host", nil, leafB, "admission-not-host", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			return add(kp, forge(s, s.b, leafB, s.admit(leafHost, kp, hour)))
		}},
		{"admission from an empty leaf", nil, leafB, "admission-not-host", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			return add(kp, forge(s, s.b, 77, s.admit(leafHost, kp, hour)))
		}},
		{"admission forged in the host's name", nil, leafB, "admission-signature", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			return add(kp, forge(s, s.b, leafHost, s.admit(leafHost, kp, hour)))
		}},
		{"admission stretched", nil, leafB, "admission-signature", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			a := s.admit(leafHost, kp, hour)
			a.Expiry += 3600
			return add(kp, a)
		}},
		{"admission for another group", nil, leafB, "admission-group", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			a := s.admit(leafHost, kp, hour)
			a.GroupID = []byte("another")
			return add(kp, forge(s, s.host, leafHost, a))
		}},
		{"admission expired", nil, leafB, "admission-expired", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			return add(kp, s.admit(leafHost, kp, now.Add(-Leeway-time.Second)))
		}},
		{"unreadable authenticated data", nil, leafB, "authenticated-data", func(s *stageSet) CommitOptions {
			return CommitOptions{AuthenticatedData: []byte{1, 2, 3}}
		}},
		{"lock lifted by a non-host", func(r *Room) { r.Locked = true }, leafB, "not-host", func(s *stageSet) CommitOptions {
			r := s.room
			r.Locked = false
			return CommitOptions{GroupContextExtensions: s.extensions(r)}
		}},
		{"hosts changed by a non-host", nil, leafB, "not-host", func(s *stageSet) CommitOptions {
			r := s.room
			r.Hosts = []AccountID{account(0), account(1)}
			return CommitOptions{GroupContextExtensions: s.extensions(r)}
		}},
		{"owner changed by a host", nil, leafHost, "room-fixed", func(s *stageSet) CommitOptions {
			r := s.room
			r.Owner = account(1)
			return CommitOptions{GroupContextExtensions: s.extensions(r)}
		}},
		{"room id changed", nil, leafHost, "room-fixed", func(s *stageSet) CommitOptions {
			r := s.room
			r.ID = RoomID{1}
			return CommitOptions{GroupContextExtensions: s.extensions(r)}
		}},
		{"no host left", nil, leafHost, "room", func(s *stageSet) CommitOptions {
			r := s.room
			r.Hosts = nil
			return CommitOptions{GroupContextExtensions: s.extensions(r)}
		}},
		{"room taken away", nil, leafHost, "room", func(s *stageSet) CommitOptions {
			return CommitOptions{GroupContextExtensions: []Extension{callCapabilities().Extension()}}
		}},
		{"required capabilities taken away", nil, leafHost, "extensions", func(s *stageSet) CommitOptions {
			return CommitOptions{GroupContextExtensions: []Extension{s.room.Extension()}}
		}},
		{"required capabilities changed", nil, leafHost, "extensions", func(s *stageSet) CommitOptions {
			return CommitOptions{GroupContextExtensions: []Extension{s.room.Extension(), RequiredCapabilities{}.Extension()}}
		}},
		{"external senders brought in", nil, leafHost, "extensions", func(s *stageSet) CommitOptions {
			return CommitOptions{GroupContextExtensions: append(s.extensions(s.room), Extension{ExtensionExternalSenders, []byte{0}})}
		}},
		{"external psk", nil, leafHost, "psk", func(s *stageSet) CommitOptions {
			return CommitOptions{PSKs: []PreSharedKeyID{{Type: PSKExternal, ID: []byte("x"), Nonce: make([]byte, 48)}},
				PSKStore: PSKFunc(func(PreSharedKeyID) ([]byte, bool) { return make([]byte, 48), true })}
		}},
		{"resumption psk after epoch 0", nil, leafHost, "psk", func(s *stageSet) CommitOptions {
			id, err := NewResumptionPSKID(Default, []byte("other"), 3, rand.Reader)
			if err != nil {
				s.t.Fatal(err)
			}
			return CommitOptions{PSKs: []PreSharedKeyID{id},
				PSKStore: PSKFunc(func(PreSharedKeyID) ([]byte, bool) { return make([]byte, 48), true })}
		}},
		{"locked, with admission", func(r *Room) { r.Locked = true }, leafB, "locked", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			return add(kp, s.admit(leafHost, kp, hour))
		}},
		{"locked, admitted by account", func(r *Room) { r.Locked, r.Admits = true, append(r.Admits, account(3)) }, leafB, "locked", func(s *stageSet) CommitOptions {
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"locked by the same commit", nil, leafHost, "locked", func(s *stageSet) CommitOptions {
			kp := s.x.bundle(s.t, Default).KeyPackage
			o := add(kp, s.admit(leafHost, kp, hour))
			r := s.room
			r.Locked = true
			o.GroupContextExtensions = s.extensions(r)
			return o
		}},
		{"re-entry of another account's key when locked", func(r *Room) { r.Locked = true }, leafHost, "locked", func(s *stageSet) CommitOptions {
			thief := *s.c
			thief.id.Credential = DeviceCredential{Account: account(9), Device: DeviceID{9}}.Credential()
			return CommitOptions{Removes: []LeafIndex{leafC}, Adds: []*KeyPackage{thief.bundle(s.t, Default).KeyPackage}}
		}},
		{"a device is in already", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "duplicate-device", func(s *stageSet) CommitOptions {
			s.x.device.Device = s.c.device.Device
			s.x.id.Credential = s.x.device.Credential()
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"two devices with one id", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "duplicate-device", func(s *stageSet) CommitOptions {
			y := newPerson(s.t, Default, 3)
			return CommitOptions{Adds: []*KeyPackage{s.x.bundle(s.t, Default).KeyPackage, y.bundle(s.t, Default).KeyPackage}}
		}},
		{"expired key package", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "lifetime", func(s *stageSet) CommitOptions {
			kp, err := NewKeyPackage(Default, s.x.id, LifetimeFrom(now.Add(-2*time.Hour), time.Hour), rand.Reader)
			if err != nil {
				s.t.Fatal(err)
			}
			return add(kp.KeyPackage)
		}},
		{"key package that never expires", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "lifetime", func(s *stageSet) CommitOptions {
			kp, err := NewKeyPackage(Default, s.x.id, Lifetime{0, 1<<64 - 1}, rand.Reader)
			if err != nil {
				s.t.Fatal(err)
			}
			return add(kp.KeyPackage)
		}},
		{"nameless", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "name", func(s *stageSet) CommitOptions {
			s.x.id.Extensions = nil
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"name with a line break", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "name", func(s *stageSet) CommitOptions {
			s.x.id.Extensions = []Extension{{ExtensionName, []byte("a\nb")}}
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"foreign credential", func(r *Room) { r.Admits = append(r.Admits, account(3)) }, leafB, "credential", func(s *stageSet) CommitOptions {
			s.x.id.Credential = BasicCredential([]byte("somebody"))
			return add(s.x.bundle(s.t, Default).KeyPackage)
		}},
		{"more adds than a commit may hold", nil, leafHost, "too-many-adds", func(s *stageSet) (o CommitOptions) {
			for i := range MaxAdds + 1 {
				o.Adds = append(o.Adds, newPerson(s.t, Default, 100+i).bundle(s.t, Default).KeyPackage)
			}
			return o
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, c.room)
			o := c.make(s)
			// An honest client would not have sent it.
			if _, err := s.groups[c.from].Commit(withNow(o)); Reason(err) != c.rule {
				t.Fatalf("honest committer: %v", err)
			}
			p := lawless(t, s.groups[c.from], o)
			s.refused(p.Commit, c.from, now, c.rule)
		})
	}
}

func withNow(o CommitOptions) CommitOptions {
	o.Now = now
	return o
}

func TestPolicyAccepts(t *testing.T) {
	t.Run("admission", func(t *testing.T) {
		s := newStage(t, nil)
		b := s.x.bundle(t, Default)
		a := s.admit(leafHost, b.KeyPackage, now.Add(time.Hour))
		// Any member commits what a host has signed, some epochs later.
		s.commit(leafC, CommitOptions{})
		p, err := s.groups[leafB].Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}, AuthenticatedData: MarshalAdmissions([]Admission{a}), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		s.deliver(leafB, p, now.Add(Leeway/2))
		g, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: s.observer.Tree(), Rand: rand.Reader, Policy: Policy})
		if err != nil {
			t.Fatal(err)
		}
		s.groups[g.Own()], s.people[g.Own()] = g, s.x
		s.agree()
		s.talk()
	})
	t.Run("host's account into a locked room", func(t *testing.T) {
		s := newStage(t, func(r *Room) { r.Locked = true })
		second := newPerson(t, Default, 0)
		second.device.Device = DeviceID{7}
		second.id.Credential = second.device.Credential()
		s.commit(leafB, CommitOptions{}, second)
		s.talk()
	})
	t.Run("re-entry into a locked room", func(t *testing.T) {
		s := newStage(t, func(r *Room) { r.Locked = true })
		old := s.groups[leafC]
		sum := s.commit(leafB, CommitOptions{Removes: []LeafIndex{leafC}}, s.c)
		if len(sum.Replaced) != 1 || sum.Replaced[0].Before.Leaf != leafC || len(sum.Added)+len(sum.Removed) != 0 {
			t.Fatalf("summary %+v", sum)
		}
		s.talk()
		if old.Epoch() == s.observer.Epoch() {
			t.Fatal("the old view went on")
		}
	})
	t.Run("host opens the room and admits at once", func(t *testing.T) {
		s := newStage(t, func(r *Room) { r.Locked = true })
		r := s.room
		r.Locked, r.Admits = false, append(r.Admits, account(3))
		sum := s.commit(leafHost, CommitOptions{GroupContextExtensions: s.extensions(r)}, s.x)
		if !sum.RoomChanged || len(sum.Added) != 1 {
			t.Fatalf("summary %+v", sum)
		}
	})
	t.Run("hand-over", func(t *testing.T) {
		s := newStage(t, nil)
		r := s.room
		r.Hosts = []AccountID{account(1)}
		s.commit(leafHost, CommitOptions{GroupContextExtensions: s.extensions(r)})
		r.Locked = true
		s.commit(leafB, CommitOptions{GroupContextExtensions: s.extensions(r)})
		if _, err := s.groups[leafHost].Admit(s.x.bundle(t, Default).KeyPackage, now); Reason(err) != "not-host" {
			t.Fatalf("former host admits: %v", err)
		}
	})
	t.Run("restart with the last good epoch's psk", func(t *testing.T) {
		s := newStage(t, nil)
		last := s.groups[leafHost]
		store := func(g *Group) PSKStore {
			return PSKFunc(func(id PreSharedKeyID) ([]byte, bool) {
				ok := id.Type == PSKResumption && string(id.GroupID) == string(g.ID()) && id.Epoch == g.Epoch()
				return g.ResumptionPSK(), ok
			})
		}
		fresh, err := NewCallGroup(s.room, s.host.id, Default, []byte("new group"), rand.Reader, Policy)
		if err != nil {
			t.Fatal(err)
		}
		id, err := NewResumptionPSKID(Default, last.ID(), last.Epoch(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b := s.b.bundle(t, Default)
		p, err := fresh.Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}, PSKs: []PreSharedKeyID{id}, PSKStore: store(last), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		g, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: p.Next.Tree(), PSKs: store(s.groups[leafB]), Rand: rand.Reader, Policy: Policy})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "authenticator", g.EpochAuthenticator(), p.Next.EpochAuthenticator())
		// Who was not in the last good epoch does not get in.
		if _, err := JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: p.Next.Tree(), Rand: rand.Reader, Policy: Policy}); !errors.Is(err, ErrNoPSK) {
			t.Fatalf("without the psk: %v", err)
		}
	})
}
