package meetings

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// peopled is a database with accounts, a group and a room of the first of them.
type peopled struct {
	*Rooms
	accounts *accounts.Accounts
	log      *audit.Log
	room     mls.RoomID
	group    accounts.GroupID
	// owner's is the room; in is of the group, named and outside are not.
	owner, in, named, outside accounts.ID
}

func newPeopled(t *testing.T) *peopled {
	t.Helper()
	rooms, log := newRooms(t)
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: passhash.Params{Memory: 8, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := accounts.New(rooms.db, log, hasher, rand.Reader, accounts.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := &peopled{Rooms: rooms, accounts: a, log: log}
	for who, id := range map[string]*accounts.ID{"owner": &p.owner, "in": &p.in, "named": &p.named, "outside": &p.outside} {
		made, _, err := a.Create(accounts.Operator(), who, who+"@example.org", accounts.Member, start)
		if err != nil {
			t.Fatal(err)
		}
		*id = made.ID
	}
	g, err := a.CreateGroup(accounts.Operator(), "Group", start)
	if err != nil {
		t.Fatal(err)
	}
	p.group = g.ID
	if _, err := a.ChangeMembers(accounts.Operator(), g.ID, []accounts.ID{p.in}, nil, start); err != nil {
		t.Fatal(err)
	}
	r, err := rooms.Create(accounts.Actor{Account: p.owner}, "Office", start)
	if err != nil {
		t.Fatal(err)
	}
	p.room = r.ID
	return p
}

func (p *peopled) change(t *testing.T, c RulesChange) Rules {
	t.Helper()
	_, r, err := p.ChangeRules(p.owner, p.room, c, start)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAccess(t *testing.T) {
	p := newPeopled(t)
	naming := Naming{On: true, Persons: []accounts.ID{p.named, p.named}, Groups: []accounts.GroupID{p.group}}
	who := map[string]accounts.ID{"owner": p.owner, "in": p.in, "named": p.named, "outside": p.outside}
	for _, step := range []struct {
		name   string
		change RulesChange
		may    []string
	}{
		{"new room", RulesChange{}, []string{"in", "named", "outside", "owner"}},
		{"named only", RulesChange{Access: &naming}, []string{"in", "named", "owner"}},
		{"co-host", RulesChange{Cohosts: &[]accounts.ID{p.outside, p.owner}}, []string{"in", "named", "outside", "owner"}},
		{"no co-host", RulesChange{Cohosts: &[]accounts.ID{}}, []string{"in", "named", "owner"}},
		{"nobody named", RulesChange{Access: &Naming{On: true}}, []string{"owner"}},
		{"open again", RulesChange{Access: &Naming{Persons: []accounts.ID{p.named}}}, []string{"in", "named", "outside", "owner"}},
	} {
		r := p.change(t, step.change)
		var may []string
		for name, id := range who {
			switch err := p.Enter(id, p.room, start); {
			case err == nil:
				may = append(may, name)
			case !errors.Is(err, ErrBarred):
				t.Errorf("%s, %s: %v", step.name, name, err)
			}
		}
		slices.Sort(may)
		if !slices.Equal(may, step.may) {
			t.Errorf("%s: %v may enter, want %v (%+v)", step.name, may, step.may, r)
		}
	}
	// Who left the group, or whose group is gone, is named by it no more.
	p.change(t, RulesChange{Access: &naming})
	if _, err := p.accounts.ChangeMembers(accounts.Operator(), p.group, nil, []accounts.ID{p.in}, start); err != nil {
		t.Fatal(err)
	}
	if err := p.Enter(p.in, p.room, start); !errors.Is(err, ErrBarred) {
		t.Errorf("left the group: %v", err)
	}
	if err := p.accounts.DeleteGroup(accounts.Operator(), p.group, start); err != nil {
		t.Fatal(err)
	}
	if err := p.Enter(p.named, p.room, start); err != nil {
		t.Error(err)
	}
	// A room that is shut leaves the list of who was there.
	if err := p.Visit(p.in, p.room, start); err != nil {
		t.Fatal(err)
	}
	if list, err := p.List(p.in, start); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestRulesAreTheOwners(t *testing.T) {
	p := newPeopled(t)
	p.change(t, RulesChange{Cohosts: &[]accounts.ID{p.named}})
	for _, by := range []accounts.ID{p.named, p.outside} {
		if _, _, err := p.Rules(by, p.room); !errors.Is(err, ErrNotOwner) {
			t.Errorf("read: %v", err)
		}
		if _, _, err := p.ChangeRules(by, p.room, RulesChange{RemovePIN: true}, start); !errors.Is(err, ErrNotOwner) {
			t.Errorf("change: %v", err)
		}
	}
	many := make([]accounts.ID, MaxNamedPersons+1)
	for i := range many {
		many[i] = accounts.ID{1, byte(i >> 8), byte(i)}
	}
	for name, c := range map[string]RulesChange{
		"unknown person":   {Access: &Naming{On: true, Persons: []accounts.ID{{1}}}},
		"unknown group":    {Straight: &Naming{On: true, Groups: []accounts.GroupID{{1}}}},
		"unknown co-host":  {Cohosts: &[]accounts.ID{{1}}},
		"too many persons": {Access: &Naming{On: true, Persons: many}},
	} {
		if _, _, err := p.ChangeRules(p.owner, p.room, c, start); !errors.Is(err, ErrRules) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := p.ChangeRules(p.owner, mls.RoomID{}, RulesChange{}, start); !errors.Is(err, ErrNoRoom) {
		t.Error(err)
	}
}

func TestStraightIn(t *testing.T) {
	p := newPeopled(t)
	all := []accounts.ID{p.in, p.named, p.outside}
	if in, err := p.StraightIn(p.owner, p.room, all); err != nil || len(in) != 0 {
		t.Errorf("without a rule: %v, %v", in, err)
	}
	a := p.change(t, RulesChange{Straight: &Naming{On: true, Persons: []accounts.ID{p.named}, Groups: []accounts.GroupID{p.group}}, Cohosts: &[]accounts.ID{p.outside}})
	for _, by := range []accounts.ID{p.owner, p.outside} {
		if in, err := p.StraightIn(by, p.room, all); err != nil || !slices.Equal(in, []accounts.ID{p.in, p.named}) {
			t.Errorf("%v, %v", in, err)
		}
	}
	if _, err := p.StraightIn(p.in, p.room, all); !errors.Is(err, ErrNotOwner) {
		t.Error(err)
	}
	// A device knows the rule again by its stamp, whatever the order; another rule has another one.
	b := p.change(t, RulesChange{Straight: &Naming{On: true, Persons: []accounts.ID{p.named, p.in}}})
	c := p.change(t, RulesChange{Straight: &Naming{On: true, Persons: []accounts.ID{p.in, p.named}}})
	if a.Stamp() == b.Stamp() || b.Stamp() != c.Stamp() || (Rules{}).Stamp() != "" {
		t.Errorf("stamps %q %q %q", a.Stamp(), b.Stamp(), c.Stamp())
	}
}

func TestPINIsAskedBeforeTheDoor(t *testing.T) {
	p := newPeopled(t)
	if _, err := p.PIN(p.outside, p.room, start); !errors.Is(err, ErrNoPIN) {
		t.Fatal(err)
	}
	pin, err := p.accounts.HashPIN(p.room, "2468")
	if err != nil {
		t.Fatal(err)
	}
	p.change(t, RulesChange{PIN: pin, Cohosts: &[]accounts.ID{p.named}})
	for _, id := range []accounts.ID{p.owner, p.named} {
		if err := p.Enter(id, p.room, start); err != nil {
			t.Errorf("a host is asked: %v", err)
		}
	}
	enter := func(at time.Time, want error) {
		t.Helper()
		if err := p.Enter(p.outside, p.room, at); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	enter(start, ErrNeedPIN)
	kept, err := p.PIN(p.outside, p.room, start)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Pass(p.outside, p.room, kept, start); err != nil {
		t.Fatal(err)
	}
	enter(start.Add(PassTime-time.Second), nil)
	enter(start.Add(PassTime), ErrNeedPIN)
	if err := p.Enter(p.in, p.room, start); !errors.Is(err, ErrNeedPIN) {
		t.Errorf("another one's pass counts: %v", err)
	}
	// A new PIN voids the passes, also one that was being given.
	other, err := p.accounts.HashPIN(p.room, "1357")
	if err != nil {
		t.Fatal(err)
	}
	p.change(t, RulesChange{PIN: other})
	enter(start, ErrNeedPIN)
	if err := p.Pass(p.outside, p.room, kept, start); err != nil {
		t.Fatal(err)
	}
	enter(start, ErrNeedPIN)
	p.change(t, RulesChange{RemovePIN: true})
	enter(start, nil)
	// Access stands before the PIN.
	p.change(t, RulesChange{PIN: other, Access: &Naming{On: true}})
	enter(start, ErrBarred)
	if _, err := p.PIN(p.outside, p.room, start); !errors.Is(err, ErrBarred) {
		t.Error(err)
	}
	// Nothing of it outlives the room.
	if err := p.Delete(accounts.Actor{Account: p.owner}, p.room, start); err != nil {
		t.Fatal(err)
	}
	if err := p.db.View(func(tx *store.Tx) error {
		for _, b := range []string{rulesBucket, passesBucket} {
			tx.Scan(b, nil, nil, 0, func(k, _ []byte) bool { t.Errorf("%s keeps %x", b, k); return true })
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestPassesAreBounded(t *testing.T) {
	p := newPeopled(t)
	pin, err := p.accounts.HashPIN(p.room, "2468")
	if err != nil {
		t.Fatal(err)
	}
	p.change(t, RulesChange{PIN: pin})
	if err := p.db.Update(func(tx *store.Tx) error {
		for i := range maxPasses {
			key := slices.Concat(p.room[:], []byte{0, byte(i >> 8), byte(i), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			if err := tx.Put(passesBucket, key, slices.Concat([]byte{0, 0, 0, 1, 0, 0, byte(i >> 8), byte(i)}, pin.Salt)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := p.Pass(p.outside, p.room, pin, start); err != nil {
		t.Fatal(err)
	}
	n := 0
	_ = p.db.View(func(tx *store.Tx) error {
		tx.Scan(passesBucket, p.room[:], nil, 0, func(_, _ []byte) bool { n++; return true })
		return nil
	})
	if n != maxPasses {
		t.Errorf("%d passes are kept", n)
	}
}

// TestBarredAtTheDoor: a change of the rules sends those away who wait, and nobody who is inside.
func TestBarredAtTheDoor(t *testing.T) {
	w := newWorld(t, Limits{})
	owner, inside, waits := w.client(1, 1), w.client(2, 1), w.client(3, 1)
	owner.begin()
	owner.admits = true
	inside.join()
	w.pass(time.Second)
	w.together(owner, inside)
	owner.admits = false
	waits.join()
	w.pass(time.Second)
	if len(w.room.knocks) != 1 {
		t.Fatalf("%d knocks", len(w.room.knocks))
	}
	w.apply(Barred{waits.conn})
	w.apply(Barred{inside.conn})
	w.settle()
	if waits.open || waits.closed != CloseBarred || len(w.room.knocks) != 0 {
		t.Errorf("who waits: open %v, closed %d, %d knocks", waits.open, waits.closed, len(w.room.knocks))
	}
	if !inside.open {
		t.Errorf("who is inside was closed with %d", inside.closed)
	}
}
