package meetings

import (
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
)

func profiled(t *testing.T, p mls.Profile) *world {
	w := newWorld(t, Limits{})
	w.profile = p
	w.room = New(w.card(), Limits{}, w.rules)
	return w
}

func TestProfileIsToldAndDemanded(t *testing.T) {
	strict := mls.Profile{Name: "Restreint", Conditions: mls.Padded | mls.Compared}
	w := profiled(t, strict)
	host := w.client(1, 1)
	host.connect(Hello{})
	if got := mustLast[*RoomStatus](t, host).Room.Profile; got != strict {
		t.Fatalf("told %+v", got)
	}
	// A client that was told something weaker by somebody, or makes it weaker.
	for _, p := range []mls.Profile{mls.Standard(), {Name: "Restreint", Conditions: mls.Padded}, {Name: "Restreint", Conditions: strict.Conditions | mls.NoGuests}} {
		rules := host.rules()
		rules.Profile = p
		failed(t, host, host.created(rules), "profile")
	}
	if w.room.call != nil {
		t.Fatal("a call under another profile")
	}
	host.admits = true
	host.offer(host.rules(), nil)
	w.settle()
	guest := w.client(2, 1)
	guest.join()
	w.pass(2 * time.Second)
	w.together(host, guest)
	// The record changes: this call keeps its profile, the next one has the new.
	w.apply(ProfileChanged{mls.Standard()})
	w.settle()
	late := w.client(3, 1)
	late.join()
	w.pass(2 * time.Second)
	if got := mustLast[*RoomStatus](t, late).Room.Profile; got != strict {
		t.Fatalf("the call's profile became %+v", got)
	}
	w.together(host, guest, late)
	w.apply(EndCall{})
	w.settle()
	host.reload()
	host.connect(Hello{})
	if got := mustLast[*RoomStatus](t, host).Room.Profile; got != mls.Standard() {
		t.Fatalf("the next call's profile is %+v", got)
	}
}

func TestProfileAtTheDoor(t *testing.T) {
	for name, c := range map[string]struct {
		conditions mls.Condition
		role       accounts.Role
		oneFactor  bool
		code       string
	}{
		"nothing asked":             {0, accounts.Guest, true, ""},
		"one factor":                {mls.TwoFactors, accounts.Member, true, "two-factors"},
		"two factors":               {mls.TwoFactors, accounts.Member, false, ""},
		"guest where none may be":   {mls.NoGuests, accounts.Guest, false, "role"},
		"member where no guest may": {mls.NoGuests, accounts.Member, false, ""},
		"member where none may be":  {mls.NoMembers, accounts.Member, false, "role"},
		"guest where no member may": {mls.NoMembers, accounts.Guest, false, ""},
		"administrator":             {mls.NoGuests | mls.NoMembers, accounts.Administrator, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := profiled(t, mls.Profile{Name: "P", Conditions: c.conditions})
			host := crowd(w, 1)[0]
			p := w.client(2, 1)
			p.role, p.oneFactor = c.role, c.oneFactor
			if c.code != "" {
				p.connect(Hello{})
				failed(t, p, &Knock{KeyPackage: p.newPackage().KeyPackage.Marshal()}, c.code)
				if !w.audited(actionKnockRefused, c.code) {
					t.Error("refused without a trace")
				}
				return
			}
			p.join()
			w.pass(2 * time.Second)
			w.together(host, p)
		})
	}
	w := profiled(t, mls.Profile{Name: "P", Conditions: mls.TwoFactors})
	owner := w.client(1, 1)
	owner.oneFactor = true
	owner.connect(Hello{})
	failed(t, owner, owner.created(owner.rules()), "two-factors")
}

// TestGuestIsSaid: the lobby and the roster say who is a guest, and of nobody else that they are.
func TestGuestIsSaid(t *testing.T) {
	w := newWorld(t, Limits{})
	host := crowd(w, 1)[0]
	host.admits = false
	guest, member := w.client(2, 1), w.client(3, 1)
	guest.role, member.role = accounts.Guest, accounts.Member
	guest.join()
	member.join()
	w.pass(2 * time.Second)
	for _, k := range mustLast[*Lobby](t, host).Knocks {
		if k.Guest != (k.Account == ID(account(2))) {
			t.Errorf("the lobby says guest %v of %v", k.Guest, k.Account)
		}
		host.letIn(k)
	}
	w.pass(3 * time.Second)
	w.together(host, guest, member)
	w.pass(2 * time.Second)
	list := mustLast[*Roster](t, host).Members
	if len(list) != 3 {
		t.Fatalf("%+v", list)
	}
	for _, m := range list {
		if m.Guest != (m.Account == ID(account(2))) {
			t.Errorf("the roster says guest %v of %v", m.Guest, m.Account)
		}
	}
}

// TestProfileSize: nobody is asked to commit what the profile forbids, and who is one too many hears that the call is full.
func TestProfileSize(t *testing.T) {
	w := profiled(t, mls.Profile{Name: "Trois", Members: 3})
	all := crowd(w, 1)
	all[0].admits = false
	var waiting []*client
	for i := 2; i <= 4; i++ {
		c := w.client(i, 1)
		c.join()
		waiting = append(waiting, c)
	}
	w.pass(time.Second)
	all[0].admits = true
	for _, k := range mustLast[*Lobby](t, all[0]).Knocks {
		all[0].letIn(k)
	}
	w.settle()
	w.pass(3 * time.Second)
	w.together(all[0], waiting[0], waiting[1])
	if m := mustLast[*Failure](t, waiting[2]); m.Code != "full" {
		t.Fatalf("code %q", m.Code)
	}
	// Who is in may come back, and a place that is left is taken.
	waiting[1].reload()
	waiting[1].join()
	w.pass(3 * time.Second)
	w.together(all[0], waiting[0], waiting[1])
	waiting[0].say(&Leave{})
	w.settle()
	w.pass(3 * time.Second)
	waiting[2].knock()
	w.pass(3 * time.Second)
	w.together(all[0], waiting[1], waiting[2])
}

// TestProfileAfterARestart: what was stricter than the record goes on, what is weaker is not taken back.
func TestProfileAfterARestart(t *testing.T) {
	for name, c := range map[string]struct {
		then, now mls.Profile
		back      bool
	}{
		"the same":            {mls.Profile{Name: "P", Conditions: mls.Padded}, mls.Profile{Name: "P", Conditions: mls.Padded}, true},
		"the record weaker":   {mls.Profile{Name: "P", Conditions: mls.Padded}, mls.Standard(), true},
		"the record stricter": {mls.Standard(), mls.Profile{Name: "P", Conditions: mls.Padded}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := profiled(t, c.then)
			all := crowd(w, 2)
			w.profile = c.now
			w.restartServer()
			for _, p := range all {
				p.resume()
			}
			w.pass(3 * time.Second)
			if got := w.room.call != nil; got != c.back {
				t.Fatalf("call taken back: %v", got)
			}
			if !c.back {
				if m := mustLast[*Failure](t, all[0]); m.Code != "profile" {
					t.Fatalf("code %q", m.Code)
				}
			}
		})
	}
}
