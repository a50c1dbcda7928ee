package meetings

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement/statementtest"
)

// Malicious members against an honest server, and a malicious server against
// honest members.

// sneak lets a client be named for something harmless, and do more.
func sneak(w *world, c *client, compose func(*CommitRequest, *mls.CommitOptions)) {
	w.t.Helper()
	c.compose = compose
	c.say(&Refresh{})
	w.pass(2 * time.Second)
	c.compose = nil
}

func TestCommitsThatTheServerRefuses(t *testing.T) {
	ghost := func(w *world) *mls.KeyPackage { return w.client(66, 1).newPackage().KeyPackage }
	for name, tc := range map[string]struct {
		rule string
		who  int
		do   func(w *world, all []*client, o *mls.CommitOptions)
	}{
		"add without admission": {"add-without-admission", 1, func(w *world, _ []*client, o *mls.CommitOptions) {
			o.Adds = append(o.Adds, ghost(w))
		}},
		"add with admission that nobody asked for": {"not-asked", 1, func(w *world, all []*client, o *mls.CommitOptions) {
			kp := ghost(w)
			a, err := all[0].group.Admit(kp, w.now.Add(time.Minute))
			if err != nil {
				w.t.Fatal(err)
			}
			o.Adds, o.AuthenticatedData = append(o.Adds, kp), mls.MarshalAdmissions([]mls.Admission{a})
		}},
		"host adds without asking": {"not-asked", 0, func(w *world, all []*client, o *mls.CommitOptions) {
			kp := ghost(w)
			a, err := all[0].group.Admit(kp, w.now.Add(time.Minute))
			if err != nil {
				w.t.Fatal(err)
			}
			o.Adds, o.AuthenticatedData = append(o.Adds, kp), mls.MarshalAdmissions([]mls.Admission{a})
		}},
		"second device of the host that nobody asked for": {"not-asked", 1, func(w *world, _ []*client, o *mls.CommitOptions) {
			o.Adds = append(o.Adds, w.client(1, 9).newPackage().KeyPackage)
		}},
		"admission signed by no host": {"admission-signature", 1, func(w *world, all []*client, o *mls.CommitOptions) {
			kp := ghost(w)
			a, err := all[0].group.Admit(kp, w.now.Add(time.Minute))
			if err != nil {
				w.t.Fatal(err)
			}
			a.Expiry++
			o.Adds, o.AuthenticatedData = append(o.Adds, kp), mls.MarshalAdmissions([]mls.Admission{a})
		}},
		"remove that nobody asked for": {"not-asked", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			o.Removes = append(o.Removes, all[2].group.Own())
		}},
		"remove of the host": {"not-asked", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			o.Removes = append(o.Removes, all[0].group.Own())
		}},
		"replaces another's leaf": {"not-asked", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			o.Removes = append(o.Removes, all[2].group.Own())
			o.Adds = append(o.Adds, all[2].newPackage().KeyPackage)
		}},
		"non-host changes the lock": {"not-host", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			yes := true
			all[1].change(o, &Change{Locked: &yes})
		}},
		"non-host makes itself host": {"not-host", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			all[1].change(o, &Change{Hosts: []ID{ID(account(1)), ID(account(2))}})
		}},
		"host changes rules unasked": {"not-asked", 0, func(_ *world, all []*client, o *mls.CommitOptions) {
			yes := true
			all[0].change(o, &Change{Locked: &yes})
		}},
		"psk that nobody asked for": {"psk", 1, func(_ *world, all []*client, o *mls.CommitOptions) {
			nonce := make([]byte, 48)
			o.PSKStore = all[1]
			o.PSKs = []mls.PreSharedKeyID{{Type: mls.PSKResumption, Usage: mls.UsageApplication,
				GroupID: all[1].group.ID(), Epoch: all[1].group.Epoch(), Nonce: nonce}}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Limits{})
			w.lawless = true
			all := crowd(w, 3)
			epoch := w.room.call.epoch
			sneak(w, all[tc.who], func(_ *CommitRequest, o *mls.CommitOptions) {
				if w.room.call.epoch == epoch {
					tc.do(w, all, o)
				}
			})
			refused := mustLast[*CommitRefused](t, all[tc.who])
			if refused.Reason != tc.rule {
				t.Fatalf("refused for %q, want %q", refused.Reason, tc.rule)
			}
			if !w.audited(audit.CommitRefused, tc.rule) {
				t.Fatal("not audited")
			}
			w.pass(2 * time.Second)
			w.together(all...)
			if w.room.call.rules.Locked || len(w.room.call.rules.Hosts) != 1 {
				t.Fatal("rules changed")
			}
		})
	}
}

func TestCommitEnvelopesThatTheServerRefuses(t *testing.T) {
	// ASVS 2.2.3
	for name, tc := range map[string]struct {
		reason string
		do     func(w *world, all []*client, m *Commit)
	}{
		"one Welcome too many":    {"welcomes", func(_ *world, _ []*client, m *Commit) { m.Welcomes = append(m.Welcomes, Bytes{1}) }},
		"no Welcome":              {"welcomes", func(_ *world, _ []*client, m *Commit) { m.Welcomes = nil }},
		"broken signature":        {"signature", func(_ *world, _ []*client, m *Commit) { flipSignature(m) }},
		"not a commit":            {"malformed", func(_ *world, _ []*client, m *Commit) { m.Commit = m.Commit[:len(m.Commit)-1] }},
		"old epoch said":          {"epoch", func(_ *world, _ []*client, m *Commit) { m.Epoch-- }},
		"next epoch said":         {"epoch", func(_ *world, _ []*client, m *Commit) { m.Epoch++ }},
		"GroupInfo of the past":   {"group-info", func(_ *world, all []*client, m *Commit) { m.GroupInfo = info(all[1]) }},
		"GroupInfo of other room": {"group-info", func(w *world, _ []*client, m *Commit) { m.GroupInfo = foreignInfo(w) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Limits{})
			all := crowd(w, 3)
			late := w.client(4, 1)
			once := true
			for _, c := range all {
				c.tamper = func(m *Commit) {
					if once {
						once = false
						tc.do(w, all, m)
					}
				}
			}
			late.join()
			w.pass(5 * time.Second)
			found := ""
			for _, c := range all {
				if m, ok := last[*CommitRefused](c); ok {
					found = m.Reason
				}
			}
			if found != tc.reason {
				t.Fatalf("refused for %q, want %q", found, tc.reason)
			}
			w.together(append(all, late)...)
		})
	}
}

func info(c *client) Bytes {
	b, err := c.group.GroupInfo(false)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return b
}

func foreignInfo(w *world) Bytes {
	c := w.client(1, 7)
	rules := c.rules()
	rules.ID = mls.RoomID{77}
	c.newGroup(rules)
	return info(c)
}

// tail finds where the signature of a commit message starts: the end holds
// signature, confirmation tag and membership tag, the tags of 48 bytes each.
func tail(m *Commit) int { return len(m.Commit) - 2*49 }

func flipSignature(m *Commit) {
	m.Commit = bytes.Clone(m.Commit)
	m.Commit[tail(m)-1] ^= 1 // the last byte of the DER integer s
}

func TestCommitOfAnOldEpoch(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	var old Bytes
	all[1].tamper = func(m *Commit) { old = m.Commit }
	all[1].say(&Refresh{})
	w.pass(2 * time.Second)
	epoch := w.room.call.epoch
	once := true
	all[1].tamper = func(m *Commit) {
		if once {
			m.Commit, once = old, false
		}
	}
	all[1].say(&Refresh{})
	w.pass(time.Second)
	if m := mustLast[*CommitRefused](t, all[1]); m.Reason != "epoch" {
		t.Fatalf("refused for %q", m.Reason)
	}
	if w.room.call.epoch != epoch {
		t.Fatal("a replayed commit was accepted")
	}
}

func TestCommitOfSomebodyElse(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	// Not named: refused before anything is looked at.
	p, err := all[2].group.Commit(mls.CommitOptions{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	all[2].say(&Commit{Epoch: w.room.call.epoch, Commit: p.Commit})
	w.settle()
	if m := mustLast[*CommitRefused](t, all[2]); m.Reason != "not-asked" {
		t.Fatalf("refused for %q", m.Reason)
	}
	// Named, but the commit is another member's.
	once := true
	all[1].tamper = func(m *Commit) {
		if once {
			m.Commit, m.GroupInfo, once = p.Commit, nil, false
		}
	}
	all[1].say(&Refresh{})
	w.pass(time.Second)
	if m := mustLast[*CommitRefused](t, all[1]); m.Reason != "other-committer" {
		t.Fatalf("refused for %q", m.Reason)
	}
}

func TestHalfOfAReentry(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	for _, c := range all[:2] {
		c.compose = func(_ *CommitRequest, o *mls.CommitOptions) { o.Adds = nil }
	}
	w.pass(2 * time.Second)
	all[2].reload()
	all[2].join()
	w.pass(500 * time.Millisecond)
	if len(w.room.call.members) != 3 || !w.audited(audit.CommitRefused, "not-asked") {
		t.Fatal("a re-entry was used to throw somebody out")
	}
	all[0].compose, all[1].compose = nil, nil
	w.pass(10 * time.Second)
	w.together(all...)
}

func TestCommitterLeavesTheRemovalOut(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	host, friend, kicked := all[0], all[1], all[2]
	friend.compose = func(_ *CommitRequest, o *mls.CommitOptions) { o.Removes = nil }
	for friend.group.Epoch() < 1000 && w.room.committer(&request{}) != w.room.call.members[friend.group.Own()] {
		host.say(&Refresh{})
		w.pass(1500 * time.Millisecond)
		all[3].say(&Refresh{})
		w.pass(1500 * time.Millisecond)
	}
	host.say(&Remove{Leaf: kicked.group.Own()})
	w.pass(10 * time.Second)
	w.together(host, friend, all[3])
}

func TestAddThatEverybodyLeavesOut(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	for _, c := range all {
		c.compose = func(_ *CommitRequest, o *mls.CommitOptions) { o.Adds, o.AuthenticatedData = nil, nil }
	}
	late := w.client(3, 1)
	late.join()
	epoch := w.room.call.epoch
	w.pass(10 * time.Second)
	if m := mustLast[*Failure](t, late); m.Code != "not-added" || len(w.room.knocks) != 0 {
		t.Fatalf("code %q", m.Code)
	}
	if n := w.room.call.epoch - epoch; n != maxSkipped {
		t.Fatalf("%d commits", n)
	}
}

func TestKnocksThatTheServerRefuses(t *testing.T) {
	// ASVS 2.3.1, 9.2.1
	for name, tc := range map[string]struct {
		code string
		do   func(w *world, c *client, host *client) Bytes
	}{
		"key package of another account": {"other-account", func(w *world, _, host *client) Bytes {
			return host.newPackage().KeyPackage.Marshal()
		}},
		"of another device": {"other-device", func(w *world, c, _ *client) Bytes {
			return w.client(5, 2).newPackage().KeyPackage.Marshal()
		}},
		"of another key": {"signature-key", func(w *world, c, _ *client) Bytes {
			o := w.client(5, 1)
			return o.newPackage().KeyPackage.Marshal()
		}},
		"with another name": {"name", func(w *world, c, _ *client) Bytes {
			o := c.tab()
			o.name = "Person 1"
			o.id = o.identity(c.id.Signer)
			return o.newPackage().KeyPackage.Marshal()
		}},
		"not in the key log": {"statement", func(w *world, c, _ *client) Bytes {
			w.log = w.log.Fork(0) // the same key, and a log without this device
			o := w.client(5, 1)
			c.id.Credential = o.id.Credential
			c.id.Extensions = []mls.Extension{c.id.Extensions[0], o.id.Extensions[1]}
			return c.newPackage().KeyPackage.Marshal()
		}},
		"of another key log": {"statement", func(w *world, c, _ *client) Bytes {
			w.log = statementtest.New()
			c.id = c.identity(c.id.Signer)
			return c.newPackage().KeyPackage.Marshal()
		}},
		"without a statement": {"no-statement", func(w *world, c, _ *client) Bytes {
			c.id.Extensions = c.id.Extensions[:1]
			return c.newPackage().KeyPackage.Marshal()
		}},
		"expired": {codeClock, func(w *world, c, _ *client) Bytes {
			b, err := mls.NewKeyPackage(mls.Default, c.id, mls.LifetimeFrom(w.now.Add(-3*time.Hour), time.Hour), rand.Reader)
			if err != nil {
				w.t.Fatal(err)
			}
			return b.KeyPackage.Marshal()
		}},
		"not yet good": {codeClock, func(w *world, c, _ *client) Bytes {
			return c.newPackageBy(w.now.Add(24 * time.Hour)).KeyPackage.Marshal()
		}},
		"forged": {"signature", func(w *world, c, _ *client) Bytes {
			b := c.newPackage().KeyPackage.Marshal()
			b[len(b)-1] ^= 1
			return b
		}},
		"cut": {"malformed", func(w *world, c, _ *client) Bytes {
			b := c.newPackage().KeyPackage.Marshal()
			return b[:len(b)-1]
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Limits{})
			all := crowd(w, 2)
			c := w.client(5, 1)
			c.connect(Hello{})
			c.say(&Knock{KeyPackage: tc.do(w, c, all[0])})
			w.pass(2 * time.Second)
			m := mustLast[*Failure](t, c)
			if m.Code != tc.code {
				t.Fatalf("refused for %q, want %q", m.Code, tc.code)
			}
			w.together(all...)
		})
	}
}

func TestAdmissionsThatTheServerRefuses(t *testing.T) {
	// ASVS 9.1.1, 9.1.3, 9.2.1, 9.2.2, 9.2.3, 9.2.4
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	host, guest := all[0], all[1]
	host.admits = false
	late, other := w.client(3, 1), w.client(4, 1)
	late.join()
	other.join()
	w.pass(time.Second)
	list := mustLast[*Lobby](t, host).Knocks
	admission := func(kp []byte, until time.Time) mls.Admission {
		p, err := mls.ParseKeyPackage(kp)
		if err != nil {
			t.Fatal(err)
		}
		a, err := host.group.Admit(p, until)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	try := func(from *client, knock string, raw Bytes, code string) {
		t.Helper()
		from.say(&Admit{Knock: knock, Admission: raw})
		w.settle()
		if m := mustLast[*Failure](t, from); m.Code != code {
			t.Fatalf("refused for %q, want %q", m.Code, code)
		}
	}
	good := admission(list[0].KeyPackage, w.now.Add(time.Minute))
	wire := func(a ...mls.Admission) Bytes { return mls.MarshalAdmissions(a) }
	try(guest, list[0].ID, wire(good), "not-host")
	try(late, list[0].ID, wire(good), "not-member")
	try(host, "k99", wire(good), "no-knock")
	try(host, list[1].ID, wire(good), "admission-key-package")
	try(host, list[0].ID, wire(admission(list[0].KeyPackage, w.now.Add(-time.Hour))), "admission-expired")
	try(host, list[0].ID, wire(good, good), "malformed")
	try(host, list[0].ID, nil, "malformed")
	forged := good
	forged.Expiry++
	try(host, list[0].ID, wire(forged), "admission-signature")
	foreign := good
	foreign.GroupID = bytes.Repeat([]byte{1}, 16)
	try(host, list[0].ID, wire(foreign), "admission-group")
	stranger := good
	stranger.Host = guest.group.Own()
	try(host, list[0].ID, wire(stranger), "admission-not-host")
	w.pass(2 * time.Second)
	w.together(all...)
}

// TestClocksApart: whose clock is off is told, and nobody else is. A device that is behind gets in all the same where the host's clock is
// right; where the server's is off, all devices are apart from it, and who knocks learns why nobody can let them in; a host whose own clock
// is off turns nobody away.
func TestClocksApart(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		knocks, signs time.Duration // the devices' clocks less the server's
		in            bool
		host, knocker string // what they are told
	}{
		"all have one time":             {0, 0, true, "", ""},
		"who knocks is an hour behind":  {-hour, 0, true, "", ""},
		"the host is an hour behind":    {0, -hour, false, codeExpired, ""},
		"the host is an hour ahead":     {0, hour, true, "", ""},
		"the server is an hour ahead":   {-hour, -hour, false, codeExpired, codeClock},
		"the server is a day ahead":     {-24 * hour, -24 * hour, false, codeExpired, codeClock},
		"the server is two days ahead":  {-48 * hour, -48 * hour, false, "", codeClock},
		"the server is a day behind":    {24 * hour, 24 * hour, false, "", codeClock},
		"the server is minutes ahead":   {-4 * time.Minute, -4 * time.Minute, true, "", ""},
		"the server is minutes behind":  {4 * time.Minute, 4 * time.Minute, true, "", ""},
		"both are off, each by its own": {-hour, hour, true, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Limits{})
			all := crowd(w, 2)
			host, late := all[0], w.client(3, 1)
			host.admits = false
			late.connect(Hello{})
			w.settle()
			late.bundle = late.newPackageBy(w.now.Add(c.knocks))
			late.say(&Knock{KeyPackage: late.bundle.KeyPackage.Marshal()})
			w.pass(time.Second)
			if k := w.room.knocks; len(k) == 1 {
				a, err := host.group.Admit(k[0].pkg, w.now.Add(c.signs+5*time.Minute))
				if err != nil {
					t.Fatal(err)
				}
				host.say(&Admit{Knock: k[0].id, Admission: mls.MarshalAdmissions([]mls.Admission{a})})
			}
			w.pass(2 * time.Second)
			for who, want := range map[*client]string{host: c.host, late: c.knocker} {
				got := ""
				if m, ok := last[*Failure](who); ok {
					got = m.Code
				}
				if got != want {
					t.Errorf("%s is told %q, want %q", who.name, got, want)
				}
			}
			if waits := !c.in && c.knocker == ""; (len(w.room.knocks) == 1) != waits {
				t.Errorf("%d at the door", len(w.room.knocks))
			}
			if c.knocker != "" && !w.audited(actionKnockRefused, codeClock) {
				t.Error("the refusal is not in the audit log")
			}
			if c.in {
				all = append(all, late)
			}
			w.together(all...)
		})
	}
}

// TestLobbyAfterAClockSetBack: hosts learn who waits, and all who is there, although the clock was a day ahead when they were told last.
func TestLobbyAfterAClockSetBack(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	host, one, two := all[0], w.client(3, 1), w.client(4, 1)
	host.admits = false
	w.now = w.now.Add(24 * time.Hour)
	one.join()
	w.pass(time.Second)
	if k := mustLast[*Lobby](t, host).Knocks; len(k) != 1 {
		t.Fatalf("a day ahead: %d at the door", len(k))
	}
	w.now = w.now.Add(-24 * time.Hour)
	two.join()
	w.pass(time.Second)
	if k := mustLast[*Lobby](t, host).Knocks; len(k) != 2 {
		t.Errorf("set back: %d at the door", len(k))
	}
}

// An admission whose signer has gone can't be checked by the members any more.
func TestAdmissionOutlivesNoHost(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	host := all[0]
	host.admits = false
	all[1].silent, all[2].silent = true, true
	late := w.client(4, 1)
	late.join()
	w.pass(time.Second)
	host.silent = true
	host.letIn(mustLast[*Lobby](t, host).Knocks[0])
	w.settle()
	host.say(&Leave{})
	w.settle()
	all[1].silent, all[2].silent = false, false
	w.pass(20 * time.Second)
	// Either the add came in the same commit as the removal, or it waits again.
	if m := late.group; m == nil {
		if r := mustLast[*Waiting](t, late); r.Reason != WaitHostAbsent {
			t.Fatalf("waits for %q", r.Reason)
		}
		w.together(all[1], all[2])
	} else {
		w.together(all[1], all[2], late)
	}
	for _, e := range w.journal {
		if e.Action == audit.CommitRefused {
			t.Fatalf("an honest commit was refused: %v", e.Detail)
		}
	}
}

// A malicious server names a ghost in what it says; the tree stays what it is.
func TestGhostDoesNotEnterTheTree(t *testing.T) {
	w := newWorld(t, Limits{})
	w.lawless = true
	all := crowd(w, 2)
	w.lawless = false
	honest := w.client(3, 1)
	honest.join()
	w.pass(2 * time.Second)
	all = append(all, honest)
	w.together(all...)
	ghost := w.client(66, 1)
	before := all[1].group.TreeHash()
	all[1].take(&Roster{Members: []RosterEntry{{0, ID(account(1)), true, false}, {3, ID(ghost.account), true, false}}})
	if !bytes.Equal(before, all[1].group.TreeHash()) || len(all[1].group.Members()) != 3 {
		t.Fatal("the roster changed the tree")
	}
	// It asks for the ghost's add. An honest client does not even make the commit.
	kp := ghost.newPackage()
	ask := &CommitRequest{Epoch: w.room.call.epoch, Adds: []RequestAdd{{"k", kp.KeyPackage.Marshal(), nil}}}
	if honest.commit(ask); honest.pending != nil || len(w.queue) != 0 {
		t.Fatal("an honest client adds a ghost")
	}
	// A member that plays along makes it, and nobody processes it.
	all[1].commit(ask)
	w.queue = nil
	p := all[1].pending
	if p == nil {
		t.Fatal("no commit")
	}
	all[2].take(&Committed{Epoch: p.Next.Epoch(), Commit: p.Commit, Hash: p.Summary.Hash})
	wedged, ok := w.queue[0].(Received).Request.(*Wedged)
	if !ok || wedged.Reason != "add-without-admission" {
		t.Fatalf("got %+v", w.queue[0])
	}
	sum := sha256.Sum256(p.Commit)
	if !bytes.Equal(wedged.Commit, sum[:]) {
		t.Fatal("reported another commit")
	}
}
