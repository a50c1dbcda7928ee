package group

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
	"huisclos/meetings"
)

// noMedia is a media plane that forwards nothing: only groups are looked at here.
type noMedia struct{}

func (noMedia) Open(meetings.CallID, uint64)                                       {}
func (noMedia) SetEpoch(meetings.CallID, uint64, time.Time)                        {}
func (noMedia) CloseCall(meetings.CallID)                                          {}
func (noMedia) Admit(meetings.CallID, meetings.PeerID, mls.LeafIndex)              {}
func (noMedia) Cut(meetings.CallID, meetings.PeerID)                               {}
func (noMedia) Busy() bool                                                         { return false }
func (noMedia) Stats(meetings.CallID) (s meetings.MediaStats)                      { return s }
func (noMedia) Subscribe(meetings.CallID, meetings.PeerID, netip.Addr, bool) error { return nil }
func (noMedia) Answer(meetings.CallID, meetings.PeerID, string) error              { return nil }
func (noMedia) RestartSubscriber(meetings.CallID, meetings.PeerID) error           { return nil }
func (noMedia) Wants(meetings.CallID, meetings.PeerID, []meetings.Want) error      { return nil }
func (noMedia) Publish(context.Context, meetings.CallID, meetings.PeerID, netip.Addr, string, []meetings.Stream) (string, error) {
	return "", nil
}

var (
	roomID = mls.RoomID{9}
	owner  = mls.AccountID{1}
)

type cards struct{}

func (cards) Card(id mls.RoomID) (meetings.Card, error) {
	return meetings.Card{ID: id, Name: "Salle", Owner: owner}, nil
}

// person is a device in a real hall: what the member wants said is said, what the hall says is taken.
type person struct {
	t       *testing.T
	hall    *meetings.Hall
	member  *Member
	core    *session.Session
	account mls.AccountID
	signer  mls.Signer
	id      mls.DeviceID
	line    *meetings.Line
	inbox   chan meetings.Message
	admit   bool

	mu      sync.Mutex // owns what follows
	effects []Effect
	hold    func(meetings.Message) bool // true: the message does not arrive
}

// keyLog is what every call in these tests goes by.
var keyLog = struct {
	sync.Mutex
	*statementtest.Log
}{Log: statementtest.New()}

// inscribed is a device that stands in the key log.
func inscribed(d session.Device) session.Device {
	keyLog.Lock()
	defer keyLog.Unlock()
	d.Log.View, d.Log.Index, d.Log.Evidence = keyLog.Vouch(d.Account, d.ID, d.Signer.PublicKey())
	return d
}

func newPerson(t *testing.T, hall *meetings.Hall, account mls.AccountID, name string) *person {
	t.Helper()
	signer, err := mls.GenerateSigner(session.Suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, hall: hall, account: account, signer: signer, inbox: make(chan meetings.Message, 1024)}
	_, _ = rand.Read(p.id[:])
	if p.core, err = session.New(inscribed(session.Device{Signer: signer, Account: account, ID: p.id, Name: name}), rand.Reader); err != nil {
		t.Fatal(err)
	}
	p.member = New(p.core, Room{ID: roomID, Owner: owner}, account)
	p.connect(name)
	go p.run()
	return p
}

func (p *person) connect(name string) {
	p.t.Helper()
	line, err := p.hall.Connect(roomID, meetings.Visitor{Account: p.account, Name: name, Session: name}, p)
	if err != nil {
		p.t.Fatal(err)
	}
	p.line = line
	line.Receive(&meetings.Hello{Protocol: meetings.ProtocolVersion, Device: meetings.ID(p.id), SignatureKey: p.signer.PublicKey()})
}

func (p *person) Send(m meetings.Message)          { p.inbox <- unshared(m) }
func (p *person) Close(meetings.CloseCode, string) {}

func unshared(m meetings.Message) meetings.Message {
	if s, ok := m.(*meetings.Shared); ok {
		return s.Message
	}
	return m
}

func (p *person) run() {
	for {
		select {
		case <-p.t.Context().Done():
			return
		case m := <-p.inbox:
			p.mu.Lock()
			if p.hold == nil || !p.hold(m) {
				now := time.Now()
				if lobby, ok := m.(*meetings.Lobby); ok {
					p.apply(p.member.Admit(lobby, p.admit, now))
				} else {
					p.apply(p.member.Take(m, now))
				}
			}
			p.mu.Unlock()
		}
	}
}

func (p *person) apply(list []Effect) {
	for _, e := range list {
		p.effects = append(p.effects, e)
		switch e := e.(type) {
		case Send:
			p.line.Receive(e.Request)
		case FetchTree:
			tree, ok := p.hall.Tree(roomID, e.Epoch, p.account)
			var err error
			if !ok {
				err = errors.New("no tree")
			}
			p.apply(p.member.Tree(tree, err, time.Now()))
		}
	}
}

func (p *person) view() (v session.View, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.member.View()
}

// did finds the first effect of a kind.
func did[E Effect](p *person) (e E, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.effects {
		if e, ok = one.(E); ok {
			return e, true
		}
	}
	return e, false
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func newHall(t *testing.T) *meetings.Hall {
	h := meetings.NewHall(meetings.HallOptions{Statements: statement.NewChecker(keyLog.Public()), Records: cards{}, Media: noMedia{}, Plane: noMedia{}})
	t.Cleanup(h.Close)
	return h
}

func together(t *testing.T, people ...*person) {
	t.Helper()
	until(t, "all are in one epoch with the same words", func() bool {
		first, ok := people[0].view()
		if !ok || len(first.Members) != len(people) {
			return false
		}
		for _, p := range people[1:] {
			v, ok := p.view()
			if !ok || v.Epoch != first.Epoch || v.Words != first.Words {
				return false
			}
		}
		return true
	})
}

func TestAGroupComesAbout(t *testing.T) {
	hall := newHall(t)
	host := newPerson(t, hall, owner, "Ada")
	until(t, "the owner has made the group", func() bool { _, ok := host.view(); return ok })
	guest := newPerson(t, hall, mls.AccountID{2}, "Bob")
	until(t, "the guest knocks", func() bool { k, ok := did[Knocked](guest); return ok && !k.Again })
	time.Sleep(300 * time.Millisecond)
	if _, in := guest.view(); in {
		t.Fatal("nobody admitted the guest")
	}
	// A host that is to admit admits; the list is told again when somebody else comes.
	host.mu.Lock()
	host.admit = true
	host.mu.Unlock()
	third := newPerson(t, hall, mls.AccountID{3}, "Cleo")
	together(t, host, guest, third)

	host.mu.Lock()
	list, err := host.member.Say([]byte("hello"))
	host.apply(list)
	host.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	until(t, "what is said is heard", func() bool { s, ok := did[Said](guest); return ok && string(s.Data) == "hello" && s.Sender == 0 })
	guest.line.Receive(&meetings.Leave{})
	together(t, host, third)
	moved, _ := did[Moved](host)
	if len(moved.View.Added) == 0 {
		t.Error("an epoch without news")
	}
}

func TestALineThatComesBack(t *testing.T) {
	hall := newHall(t)
	host := newPerson(t, hall, owner, "Ada")
	until(t, "the owner has made the group", func() bool { _, ok := host.view(); return ok })
	host.mu.Lock()
	host.admit = true
	host.mu.Unlock()
	guest := newPerson(t, hall, mls.AccountID{2}, "Bob")
	together(t, host, guest)
	guest.line.Gone()
	third := newPerson(t, hall, mls.AccountID{3}, "Cleo")
	until(t, "the group has gone on", func() bool { v, _ := host.view(); return len(v.Members) == 3 })
	line, err := hall.Connect(roomID, meetings.Visitor{Account: guest.account, Name: "Bob", Session: "Bob"}, guest)
	if err != nil {
		t.Fatal(err)
	}
	guest.mu.Lock()
	guest.line = line
	guest.member.LineUp()
	at := guest.member.Position()
	guest.mu.Unlock()
	line.Receive(&meetings.Hello{Protocol: meetings.ProtocolVersion, Device: meetings.ID(guest.id), SignatureKey: guest.signer.PublicKey(), Resume: at})
	until(t, "it goes on in the same group", func() bool { _, ok := did[Resumed](guest); return ok })
	together(t, host, guest, third)
	if _, left := did[Left](guest); left {
		t.Error("it left the group")
	}
}

// TestACommitThatDoesNotOpen: it is reported with its hash, and the device enters anew by its place in the tree.
func TestACommitThatDoesNotOpen(t *testing.T) {
	hall := newHall(t)
	host := newPerson(t, hall, owner, "Ada")
	until(t, "the owner has made the group", func() bool { _, ok := host.view(); return ok })
	host.mu.Lock()
	host.admit = true
	host.mu.Unlock()
	guest := newPerson(t, hall, mls.AccountID{2}, "Bob")
	together(t, host, guest)
	var spoilt []byte
	guest.mu.Lock()
	guest.hold = func(m meetings.Message) bool {
		c, ok := m.(*meetings.Committed)
		if !ok || spoilt != nil {
			return false
		}
		b := bytes.Clone(c.Commit)
		b[len(b)-1] ^= 1 // of the membership tag: the server can't see it
		spoilt = b
		guest.apply(guest.member.Take(&meetings.Committed{Epoch: c.Epoch, Commit: b, Hash: c.Hash, Time: c.Time, Seq: c.Seq}, time.Now()))
		return true
	}
	guest.mu.Unlock()
	third := newPerson(t, hall, mls.AccountID{3}, "Cleo")
	until(t, "it is reported", func() bool {
		guest.mu.Lock()
		defer guest.mu.Unlock()
		for _, e := range guest.effects {
			if s, ok := e.(Send); ok {
				if w, ok := s.Request.(*meetings.Wedged); ok {
					sum := sha256.Sum256(spoilt)
					return bytes.Equal(w.Commit, sum[:]) && w.Reason != ""
				}
			}
		}
		return false
	})
	together(t, host, guest, third)
	if _, left := did[Left](guest); !left {
		t.Error("it did not step out")
	}
}

// TestWhatTheServerMayNotAsk: requests that are not carried out, and answers that end the stay.
func TestWhatTheServerMayNotAsk(t *testing.T) {
	hall := newHall(t)
	host := newPerson(t, hall, owner, "Ada")
	until(t, "the owner has made the group", func() bool { _, ok := host.view(); return ok })
	host.mu.Lock()
	defer host.mu.Unlock()
	v, _ := host.member.View()
	now := time.Now()
	locked := true
	stranger := newKeyPackage(t)
	for name, q := range map[string]*meetings.CommitRequest{
		"its own removal":        {Epoch: v.Epoch, Removes: []meetings.RequestRemove{{Leaf: v.Own, Reason: meetings.RemoveByHost}}},
		"a change nobody wished": {Epoch: v.Epoch, Change: &meetings.Change{Locked: &locked}},
		"other hosts":            {Epoch: v.Epoch, Change: &meetings.Change{Hosts: []meetings.ID{{1}, {2}}}},
		"an unadmitted stranger": {Epoch: v.Epoch, Adds: []meetings.RequestAdd{{Knock: "k1", KeyPackage: stranger}}},
		"no key package":         {Epoch: v.Epoch, Adds: []meetings.RequestAdd{{Knock: "k1", KeyPackage: meetings.Bytes{1}}}},
		"another epoch":          {Epoch: v.Epoch + 1, Refresh: true},
		"another group's secret": {Epoch: v.Epoch, Restarts: &meetings.Position{Group: make([]byte, 16), Epoch: 1}},
	} {
		if list := host.member.Take(q, now); len(list) != 0 {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if list := host.member.Take(&meetings.Restart{Group: meetings.Position{Group: make([]byte, 16)}, Role: "create"}, now); len(list) != 0 {
		t.Errorf("a restart of another group: %+v", list)
	}
	for name, c := range map[string]struct {
		member func(m *Member) []Effect
		code   string
	}{
		"another room": {func(m *Member) []Effect {
			return m.Take(&meetings.RoomStatus{Room: meetings.RoomCard{ID: meetings.ID{8}}, State: meetings.StateEmpty}, now)
		}, "wrong-room"},
		"another owner": {func(m *Member) []Effect {
			return m.Take(&meetings.RoomStatus{Room: meetings.RoomCard{ID: meetings.ID(roomID), Owner: meetings.ID{7}}, State: meetings.StateEmpty}, now)
		}, "creator-not-owner"},
		"another group than it made": {func(m *Member) []Effect {
			m.Take(&meetings.RoomStatus{Room: meetings.RoomCard{ID: meetings.ID(roomID), Owner: meetings.ID(owner), Profile: mls.Standard()}, State: meetings.StateEmpty}, now)
			return m.Take(&meetings.Created{Group: make([]byte, 16)}, now)
		}, "forked"},
	} {
		core, err := session.New(inscribed(session.Device{Signer: host.signer, Account: owner, ID: host.id, Name: "Ada"}), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		m := New(core, Room{ID: roomID, Owner: owner}, owner)
		list := c.member(m)
		if len(list) != 1 {
			t.Errorf("%s: %+v", name, list)
			continue
		}
		if u, ok := list[0].(Unsafe); !ok || u.Code != c.code {
			t.Errorf("%s: %+v", name, list[0])
		}
		if again := m.Take(&meetings.Reenter{}, now); len(again) != 0 {
			t.Errorf("%s: it comes back by itself: %+v", name, again)
		}
	}
}

func newKeyPackage(t *testing.T) meetings.Bytes {
	t.Helper()
	signer, err := mls.GenerateSigner(session.Suite, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	core, err := session.New(inscribed(session.Device{Signer: signer, Account: mls.AccountID{5}, ID: mls.DeviceID{5}, Name: "Eve"}), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kp, err := core.KeyPackage(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return kp.MarshalMessage()
}

// TestNobodyIsAdmittedTwice: a long list that comes again and again is answered in few words.
func TestNobodyIsAdmittedTwice(t *testing.T) {
	hall := newHall(t)
	host := newPerson(t, hall, owner, "Ada")
	until(t, "the owner has made the group", func() bool { _, ok := host.view(); return ok })
	host.mu.Lock()
	defer host.mu.Unlock()
	list := &meetings.Lobby{}
	for i := range 12 {
		list.Knocks = append(list.Knocks, meetings.LobbyEntry{ID: string(rune('a' + i)), KeyPackage: newKeyPackage(t)})
	}
	list.Knocks = append(list.Knocks, meetings.LobbyEntry{ID: "bad", KeyPackage: meetings.Bytes{1}})
	now := time.Now()
	if out := host.member.Admit(list, false, now); len(out) != 0 {
		t.Errorf("%d are admitted though nobody is to be", len(out))
	}
	for round, want := range []int{admitAtOnce, admitAtOnce, 2, 0} {
		if got := len(host.member.Admit(list, true, now)); got != want {
			t.Errorf("list %d: %d admissions, not %d", round, got, want)
		}
	}
	list.Knocks[3].KeyPackage = newKeyPackage(t) // it knocked anew
	if got := len(host.member.Admit(list, true, now)); got != 1 {
		t.Errorf("another key package: %d admissions", got)
	}
	host.member.Take(&meetings.Failure{Code: "locked", Request: "admit"}, now)
	if got := len(host.member.Admit(list, true, now)); got != admitAtOnce {
		t.Errorf("after a refusal: %d admissions", got)
	}
}

// TestRestartRefusal is a table of new groups that claim to follow an old one.
func TestRestartRefusal(t *testing.T) {
	member := func(leaf mls.LeafIndex, n byte) session.Member {
		return session.Member{Leaf: leaf, Account: mls.AccountID{n}, Device: mls.DeviceID{n}, SignatureKey: []byte{n}}
	}
	old := session.View{Room: mls.Room{Owner: owner, Hosts: []mls.AccountID{owner}, Profile: mls.Standard()}, Members: []session.Member{member(0, 1), member(1, 2), member(2, 3)}}
	change := func(f func(*session.View)) session.View {
		v := old
		v.Members = append([]session.Member(nil), old.Members[:2]...)
		f(&v)
		return v
	}
	for name, c := range map[string]struct {
		view session.View
		says string
	}{
		"those who are left":       {change(func(*session.View) {}), ""},
		"led by a guest":           {change(func(v *session.View) { v.Members[0], v.Members[1] = member(0, 2), member(1, 1) }), "not made by a host"},
		"nobody leads":             {change(func(v *session.View) { v.Members[0].Leaf = 4 }), "not made by a host"},
		"a stranger":               {change(func(v *session.View) { v.Members = append(v.Members, member(2, 9)) }), "not in the old one"},
		"who is left out is in":    {change(func(v *session.View) { v.Members = append(v.Members, member(2, 3)) }), "not in the old one"},
		"a key of another":         {change(func(v *session.View) { v.Members[1].Account = mls.AccountID{8} }), "not in the old one"},
		"more hosts":               {change(func(v *session.View) { v.Room.Hosts = []mls.AccountID{owner, {2}} }), "other rules"},
		"another security rule":    {change(func(v *session.View) { v.Room.Profile.Conditions |= mls.Padded }), "other rules"},
		"another host than before": {change(func(v *session.View) { v.Room.Hosts = []mls.AccountID{{2}} }), "other rules"},
	} {
		if got := restartRefusal(c.view, old, []mls.LeafIndex{2}); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
