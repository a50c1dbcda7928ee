package meetings

import (
	"slices"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement/statementtest"
)

func TestHostCreatesAndOthersWait(t *testing.T) {
	w := newWorld(t, Limits{})
	guest := w.client(2, 1)
	guest.join()
	if s, _ := last[*RoomStatus](guest); s.State != StateWaitingHost {
		t.Fatalf("state %q", s.State)
	}
	if m, _ := last[*Waiting](guest); m == nil || m.Reason != WaitHostAbsent {
		t.Fatalf("got %v", types(guest))
	}
	own := guest.rules()
	own.Hosts = append(own.Hosts, guest.account)
	guest.offer(own, nil)
	w.settle()
	if m := mustLast[*Failure](t, guest); m.Code != "not-host" {
		t.Fatalf("code %q", m.Code)
	}
	if w.room.call != nil {
		t.Fatal("a guest created the call")
	}
	host := w.client(1, 1)
	host.connect(Hello{})
	if s, _ := last[*RoomStatus](host); s.State != StateEmpty || s.Room.Name != "Office" {
		t.Fatalf("state %q", s.State)
	}
	host.offer(host.rules(), nil)
	w.settle()
	w.together(host)
	w.pass(time.Second)
	if m, _ := last[*Waiting](guest); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
	lobby, ok := last[*Lobby](host)
	if !ok || len(lobby.Knocks) != 1 || lobby.Knocks[0].Email != "Person 2@example.org" {
		t.Fatalf("lobby %+v", lobby)
	}
	guest.bundle = guest.newPackage() // the KeyPackage that the host admits is the newest
	guest.say(&Knock{KeyPackage: guest.bundle.KeyPackage.Marshal()})
	w.pass(time.Second)
	host.letIn(mustLast[*Lobby](t, host).Knocks[0])
	w.pass(time.Second)
	w.together(host, guest)
	if !w.audited(audit.CallStarted) || !w.audited(audit.CallMemberAdded, account(2).String()) {
		t.Fatal("audit lacks entries")
	}
}

func mustLast[M Message](t testing.TB, c *client) M {
	t.Helper()
	m, ok := last[M](c)
	if !ok {
		t.Fatalf("%s got no %T, but %v", c.name, m, types(c))
	}
	return m
}

func TestTwoCreators(t *testing.T) {
	w := newWorld(t, Limits{})
	a, b := w.client(1, 1), w.client(1, 2)
	a.connect(Hello{})
	b.connect(Hello{})
	a.offer(a.rules(), nil)
	b.offer(b.rules(), nil)
	w.settle()
	if count[*Created](a) != 1 || count[*CreateLost](b) != 1 {
		t.Fatalf("a got %v, b got %v", types(a), types(b))
	}
	if !slices.Equal(mustLast[*CreateLost](t, b).Group, Bytes(a.group.ID())) {
		t.Fatal("the loser learns of another group")
	}
	b.knock() // a device of the host account is added by any member
	w.pass(time.Second)
	w.together(a, b)
}

func TestCreateRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		code string
		do   func(*client) *Create
	}{
		"group of another room": {"other-room", func(c *client) *Create {
			rules := c.rules()
			rules.ID = mls.RoomID{8}
			return c.created(rules)
		}},
		"another owner": {"owner", func(c *client) *Create {
			rules := c.rules()
			rules.Owner = account(7)
			return c.created(rules)
		}},
		"owner is no host": {"invalid", func(c *client) *Create {
			rules := c.rules()
			q := c.created(rules)
			q.GroupInfo[len(q.GroupInfo)-1] ^= 1
			return q
		}},
		"no key log": {"no-log", func(c *client) *Create { rules := c.rules(); rules.Checkpoint = nil; return c.created(rules) }},
		"another key log": {"other-log", func(c *client) *Create {
			c.w.log = statementtest.New()
			return c.created(c.rules())
		}},
		"another device's group": {"not-own-leaf", func(c *client) *Create { return c.w.client(1, 5).created(c.rules()) }},
		"another name": {"name", func(c *client) *Create {
			twin := c.tab()
			twin.name = "Somebody"
			twin.id = twin.identity(c.id.Signer)
			return twin.created(c.rules())
		}},
		"without a tree": {"malformed", func(c *client) *Create {
			q := c.created(c.rules())
			q.Tree = nil
			return q
		}},
		"nobody asked for a restart": {"not-asked", func(c *client) *Create {
			q := c.created(c.rules())
			q.Restarts = make(Bytes, 16)
			return q
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Limits{})
			c := w.client(1, 1)
			c.connect(Hello{})
			c.say(tc.do(c))
			w.settle()
			if m := mustLast[*Failure](t, c); (m.Code != tc.code && tc.code != "invalid" && tc.code != "malformed") || m.Request != "create" {
				t.Fatalf("refused for %q, want %q", m.Code, tc.code)
			}
			if w.room.call != nil {
				t.Fatal("call created")
			}
		})
	}
}

func (c *client) created(rules mls.Room) *Create {
	c.newGroup(rules)
	info, err := c.group.GroupInfo(false)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return &Create{GroupInfo: info, Tree: c.group.Tree()}
}

func TestLock(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	host, two, three := all[0], all[1], all[2]
	yes, no := true, false
	two.say(&Change{Locked: &yes})
	w.settle()
	if m := mustLast[*Failure](t, two); m.Code != "not-host" {
		t.Fatalf("code %q", m.Code)
	}
	host.say(&Change{Locked: &yes})
	w.pass(time.Second)
	if !w.room.call.rules.Locked || !w.audited(audit.CallLocked) {
		t.Fatal("not locked")
	}
	late := w.client(4, 1)
	late.join()
	w.pass(time.Second)
	if m := mustLast[*Waiting](t, late); m.Reason != WaitLocked {
		t.Fatalf("waits for %q", m.Reason)
	}
	// The host's client admits all the same: refused.
	if m := mustLast[*Failure](t, host); m.Code != "locked" {
		t.Fatalf("code %q", m.Code)
	}
	w.together(host, two, three)
	// Re-entry and hosts pass the lock.
	three.reload()
	three.join()
	w.pass(2 * time.Second)
	w.together(host, two, three)
	second := w.client(1, 2)
	second.join()
	w.pass(2 * time.Second)
	w.together(host, two, three, second)
	host.say(&Change{Locked: &no})
	w.pass(2 * time.Second)
	if m := mustLast[*Waiting](t, late); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
	for _, k := range mustLast[*Lobby](t, host).Knocks {
		host.letIn(k)
	}
	w.pass(2 * time.Second)
	w.together(host, two, three, second, late)
}

func TestHostHandsOver(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	host, two, three := all[0], all[1], all[2]
	host.say(&Change{Hosts: []ID{ID(account(2))}})
	w.settle()
	if m := mustLast[*Failure](t, host); m.Code != "hosts" {
		t.Fatalf("the owner went out of the hosts: %q", m.Code)
	}
	host.say(&Change{Hosts: []ID{ID(account(1)), ID(account(2))}})
	w.pass(time.Second)
	two.admits = true
	host.say(&Leave{})
	w.pass(2 * time.Second)
	w.together(two, three)
	late := w.client(4, 1)
	late.join()
	w.pass(2 * time.Second)
	w.together(two, three, late)
	// Without a host connected the call goes on, and knockers are told.
	two.say(&Leave{})
	w.pass(2 * time.Second)
	w.together(three, late)
	later := w.client(5, 1)
	later.join()
	if m := mustLast[*Waiting](t, later); m.Reason != WaitHostAbsent {
		t.Fatalf("waits for %q", m.Reason)
	}
	// The owner's device is added by any member.
	host.join()
	w.pass(2 * time.Second)
	w.together(three, late, host, later)
}

func TestDeny(t *testing.T) {
	w := newWorld(t, Limits{})
	host := w.client(1, 1)
	host.begin()
	guest := w.client(2, 1)
	guest.join()
	w.pass(time.Second)
	host.say(&Deny{Knock: mustLast[*Lobby](t, host).Knocks[0].ID})
	w.pass(time.Second)
	if guest.closed != CloseDenied || count[*Denied](guest) != 1 {
		t.Fatalf("closed with %d", guest.closed)
	}
	if len(mustLast[*Lobby](t, host).Knocks) != 0 {
		t.Fatal("still in the lobby")
	}
	guest.join()
	if guest.closed != CloseDenied {
		t.Fatal("asked the host again at once")
	}
	w.pass(31 * time.Second)
	guest.join()
	if !guest.open {
		t.Fatal("denied for ever")
	}
}

func TestReloadReenters(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	for range 3 {
		all[2].reload()
		all[2].connect(Hello{})
		if s := mustLast[*RoomStatus](t, all[2]); s.State != StateCall || !s.Member || s.Leaf == nil {
			t.Fatalf("status %+v", s)
		}
		all[2].knock()
		w.pass(2 * time.Second)
		w.together(all...)
	}
	// Nobody was asked: the lobby stayed empty for it.
	if len(w.room.knocks) != 0 {
		t.Fatal("knock left over")
	}
}

func TestLoneHostReloads(t *testing.T) {
	w := newWorld(t, Limits{})
	host := w.client(1, 1)
	host.begin()
	host.reload()
	host.connect(Hello{})
	if w.room.call != nil {
		t.Fatal("a call that nobody can enter lives on")
	}
	if s := mustLast[*RoomStatus](t, host); s.State != StateEmpty {
		t.Fatalf("state %q", s.State)
	}
	host.offer(host.rules(), nil)
	w.settle()
	w.together(host)
}

func TestReconnectionReplays(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	away := all[3]
	away.drop()
	if len(w.peers) != 3 {
		t.Fatal("media of a connection that is gone")
	}
	all[0].post("while away")
	w.settle()
	late := w.client(5, 1)
	late.join()
	w.pass(5 * time.Second)
	all[1].post("and after")
	all[2].say(&Refresh{})
	w.pass(5 * time.Second)
	if away.group.Epoch()+2 > w.room.call.epoch {
		t.Fatal("nothing to replay")
	}
	away.resume()
	w.together(append(all, late)...)
	if !slices.Equal(away.texts, []string{"while away", "and after"}) {
		t.Fatalf("texts %q", away.texts)
	}
}

func TestReconnectionBeyondTheRing(t *testing.T) {
	w := newWorld(t, Limits{RingCommits: 1})
	all := crowd(w, 3)
	all[2].drop()
	for range 2 {
		all[1].say(&Refresh{})
		w.pass(2 * time.Second)
	}
	all[2].resume()
	w.pass(2 * time.Second)
	if count[*Reenter](all[2]) != 1 {
		t.Fatalf("got %v", types(all[2]))
	}
	w.together(all...)
}

func TestAbsence(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	all[2].drop()
	w.pass(29 * time.Second)
	if len(w.room.call.members) != 3 {
		t.Fatal("removed too early")
	}
	if r := mustLast[*Roster](t, all[0]); r.Members[2].Connected {
		t.Fatal("roster says connected")
	}
	w.pass(2 * time.Second)
	w.together(all[0], all[1])
	if !w.audited(audit.CallMemberRemoved, string(RemoveAbsent)) {
		t.Fatal("not audited")
	}
	all[2].resume()
	if s := mustLast[*RoomStatus](t, all[2]); s.Member {
		t.Fatal("a removed leaf resumes")
	}
	all[2].knock()
	w.pass(2 * time.Second)
	w.together(all...)
}

func TestKick(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	host, two, three := all[0], all[1], all[2]
	host.admits = false
	two.say(&Remove{Leaf: three.group.Own()})
	w.settle()
	if m := mustLast[*Failure](t, two); m.Code != "not-host" {
		t.Fatalf("code %q", m.Code)
	}
	two.silent, host.silent = true, true
	host.say(&Remove{Leaf: three.group.Own()})
	w.settle()
	// Media and signalling end at once, before any commit.
	if three.closed != CloseRemoved || len(w.peers) != 2 || len(w.room.call.members) != 3 {
		t.Fatalf("closed %d, %d peers", three.closed, len(w.peers))
	}
	// The one who was turned out can't come back through its old leaf.
	three.join()
	w.pass(time.Second)
	if m := mustLast[*Waiting](t, three); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
	two.silent, host.silent = false, false
	w.pass(10 * time.Second)
	w.together(host, two)
	if m := mustLast[*Waiting](t, three); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
	host.letIn(mustLast[*Lobby](t, host).Knocks[0])
	w.pass(2 * time.Second)
	w.together(all...)
}

func TestNobodyRemovesTheOwner(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	all[0].say(&Change{Hosts: []ID{ID(account(1)), ID(account(2))}})
	w.pass(2 * time.Second)
	all[1].say(&Remove{Leaf: all[0].group.Own()})
	w.settle()
	if m := mustLast[*Failure](t, all[1]); m.Code != "owner" {
		t.Fatalf("code %q", m.Code)
	}
}

func TestPathsAreRefreshed(t *testing.T) {
	w := newWorld(t, Limits{Refresh: time.Minute})
	all := crowd(w, 3)
	w.pass(5 * time.Minute)
	w.together(all...)
	for leaf, m := range w.room.call.members {
		if w.now.Sub(m.path) > time.Minute+5*time.Second {
			t.Fatalf("leaf %d has a path of %v ago", leaf, w.now.Sub(m.path))
		}
	}
	before := w.room.call.members[all[2].group.Own()].path
	all[2].say(&Refresh{})
	w.pass(2 * time.Second)
	if !w.room.call.members[all[2].group.Own()].path.After(before) {
		t.Fatal("no new path on request")
	}
}

func TestMessages(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	all[0].post("hello")
	w.settle()
	for _, c := range all[1:] {
		if !slices.Equal(c.texts, []string{"hello"}) {
			t.Fatalf("%s got %q", c.name, c.texts)
		}
	}
	if count[*Posted](all[0]) != 0 {
		t.Fatal("the sender got its own message")
	}
	// Sealed in the epoch before: refused, sealed again by the client.
	stale, err := all[0].group.Seal([]byte("stale"), nil)
	if err != nil {
		t.Fatal(err)
	}
	epoch := all[0].group.Epoch()
	all[1].say(&Refresh{})
	w.pass(2 * time.Second)
	all[0].say(&Post{Epoch: epoch, Data: stale, ID: "s"})
	all[0].say(&Post{Epoch: epoch + 1, Data: stale, ID: "t"})
	all[0].say(&Post{Epoch: w.room.call.epoch, Data: []byte("in the clear"), ID: "u"})
	w.settle()
	var reasons []string
	for _, m := range all[0].got {
		if m, ok := m.(*MessageRefused); ok {
			reasons = append(reasons, m.ID+" "+m.Reason)
		}
	}
	if !slices.Equal(reasons, []string{"s epoch", "t not-sealed", "u not-sealed"}) {
		t.Fatalf("refused: %q", reasons)
	}
	if len(all[1].texts) != 1 {
		t.Fatalf("got %q", all[1].texts)
	}
	out := w.client(6, 1)
	out.connect(Hello{})
	out.say(&Post{Epoch: w.room.call.epoch, Data: stale})
	w.settle()
	if m := mustLast[*Failure](t, out); m.Code != "not-member" {
		t.Fatalf("code %q", m.Code)
	}
}

func TestTwoTabs(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	first := all[1]
	second := first.tab()
	second.connect(Hello{})
	if count[*DeviceBusy](second) != 1 || !first.open {
		t.Fatalf("got %v", types(second))
	}
	second.say(&Knock{KeyPackage: second.newPackage().KeyPackage.Marshal()})
	w.settle()
	if second.closed != CloseBadMessage {
		t.Fatal("knocked before it was told apart")
	}
	third := first.tab()
	third.connect(Hello{})
	third.hello(Hello{Replace: true})
	if first.closed != CloseReplaced {
		t.Fatalf("closed with %d", first.closed)
	}
	third.knock()
	w.pass(2 * time.Second)
	w.together(all[0], third)
	// Another account that knows the public key takes nobody's place.
	thief := w.client(7, 1)
	thief.device = third.device
	thief.id.Signer = third.id.Signer
	thief.connect(Hello{Replace: true})
	if !third.open {
		t.Fatal("another account closed the tab")
	}
	if s := mustLast[*RoomStatus](t, thief); s.Member {
		t.Fatal("another account is taken for the leaf")
	}
}

func TestEndAndDelete(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	w.apply(EndCall{By: account(9)})
	for _, c := range all {
		if !c.open || mustLast[*Ended](t, c).Reason != "ended" {
			t.Fatalf("%s got %v", c.name, types(c))
		}
	}
	if w.room.call != nil || !w.audited(audit.CallEnded, "ended") {
		t.Fatal("call goes on")
	}
	if s := mustLast[*RoomStatus](t, all[0]); s.State != StateEmpty {
		t.Fatalf("state %q", s.State)
	}
	w.apply(RoomDeleted{})
	for _, c := range all {
		if c.closed != CloseRoomDeleted {
			t.Fatalf("closed with %d", c.closed)
		}
	}
}

func TestSessionEnds(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	w.apply(SessionEnded{all[1].conn})
	if all[1].closed != CloseSession {
		t.Fatalf("closed with %d", all[1].closed)
	}
	w.pass(2 * time.Second)
	w.together(all[0], all[2])
}

func TestMediaOnlyForMembers(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	guest := w.client(3, 1)
	all[0].admits = false
	guest.join()
	for _, q := range []Request{&Publish{Offer: "o"}, &Subscribe{}, &Answer{}, &Wants{}, &RestartICE{}} {
		guest.say(q)
	}
	w.settle()
	if len(w.plane) != 0 || count[*Failure](guest) != 5 {
		t.Fatalf("%d requests passed, got %v", len(w.plane), types(guest))
	}
	good := []Stream{{"0", "audio", 0}, {"1", "video", 1}, {"2", "video", 2}, {"3", "audio", 3}}
	all[1].say(&Publish{Offer: "o", Streams: good})
	for _, bad := range [][]Stream{
		{{"0", "audio", 0}, {"0", "video", 1}}, {{"0", "audio", 0}, {"1", "audio", 0}},
		{{"0", "video", 0}}, {{"0", "audio", 1}}, {{"", "audio", 0}}, {{"0", "video", 3}},
	} {
		all[1].say(&Publish{Offer: "o", Streams: bad})
	}
	w.settle()
	if len(w.plane) != 1 || count[*Failure](all[1]) != 6 {
		t.Fatalf("%d passed, %d refused", len(w.plane), count[*Failure](all[1]))
	}
	peer := w.plane[0].Peer
	w.apply(PlaneReplied{peer, &Published{Answer: "a", Streams: good}})
	if mustLast[*Published](t, all[1]).Answer != "a" {
		t.Fatal("no answer")
	}
	w.apply(PlaneReplied{peer, &MediaRefused{Counts: map[string]uint64{"wrong-kid": 500}}})
	w.apply(PlaneReplied{peer, &MediaRefused{Counts: map[string]uint64{"wrong-kid": 900}}})
	n := 0
	for _, e := range w.journal {
		if e.Action == audit.GateRefused {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d audit entries", n)
	}
	// What the media plane says about an admission that is over goes nowhere.
	before := len(all[1].got)
	all[1].drop()
	all[1].resume()
	w.apply(PlaneReplied{peer, &Published{Answer: "late"}})
	for _, m := range all[1].got[before:] {
		if m.Type() == "published" {
			t.Fatal("an answer of an earlier admission")
		}
	}
}
