package meetings

import (
	"errors"
	"slices"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
)

// entries of an action, the newest first.
func (p *peopled) entries(t *testing.T, action audit.Action) (list []audit.Entry) {
	t.Helper()
	all, err := p.log.List(0, audit.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Action == action {
			list = append(list, e)
		}
	}
	return list
}

// TestInvitedMayKnock: an invitation opens the door's first question of a limited room, for as long as it stands, and nothing else.
func TestInvitedMayKnock(t *testing.T) {
	// ASVS 8.2.2
	p := newPeopled(t)
	plan := Plan{Start: start.Add(time.Hour).UTC(), Zone: "Europe/Paris", Duration: time.Hour}
	enter := func(who accounts.ID, at time.Time, want error) {
		t.Helper()
		if err := p.Enter(who, p.room, at); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	p.change(t, RulesChange{Access: &Naming{On: true}})
	enter(p.outside, start, ErrBarred)
	m, err := p.Plan(accounts.Actor{Account: p.owner}, p.room, "Point", plan, []Invitee{{Account: p.outside}, {Account: p.named}, {Email: "x@example.org"}}, start)
	if err != nil {
		t.Fatal(err)
	}
	enter(p.outside, start, nil)
	enter(p.in, start, ErrBarred)
	if e := p.entries(t, audit.RoomInvited); len(e) != 1 || e[0].Detail["added-count"] != "2" || e[0].Detail["added"] != p.outside.String()+" "+p.named.String() || e[0].Actor != p.owner.String() {
		t.Errorf("%+v", e)
	}
	// It is shown to the owner alone.
	list, err := p.Opened(p.owner, p.room, start)
	if err != nil || len(list) != 2 || list[0].Account != p.outside || list[0].Title != "Point" || !list[0].Until.Equal(start.Add(2*time.Hour)) {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := p.Opened(p.outside, p.room, start); !errors.Is(err, ErrNotOwner) {
		t.Error(err)
	}
	// Nobody comes straight in by it, and the PIN is asked for all the same.
	p.change(t, RulesChange{Straight: &Naming{On: true}})
	if in, err := p.StraightIn(p.owner, p.room, []accounts.ID{p.outside}); err != nil || len(in) != 0 {
		t.Errorf("%v, %v", in, err)
	}
	pin, err := p.accounts.HashPIN(p.room, "2468")
	if err != nil {
		t.Fatal(err)
	}
	p.change(t, RulesChange{PIN: pin})
	enter(p.outside, start, ErrNeedPIN)
	if _, err := p.PIN(p.outside, p.room, start); err != nil {
		t.Error(err)
	}
	p.change(t, RulesChange{RemovePIN: true})
	// It ends a while after the meeting.
	enter(p.outside, start.Add(2*time.Hour+InvitedTime-time.Second), nil)
	enter(p.outside, start.Add(2*time.Hour+InvitedTime), ErrBarred)
	// Another room is none of its business.
	other, err := p.Create(accounts.Actor{Account: p.owner}, "Cellar", start)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.ChangeRules(p.owner, other.ID, RulesChange{Access: &Naming{On: true}}, start); err != nil {
		t.Fatal(err)
	}
	if err := p.Enter(p.outside, other.ID, start); !errors.Is(err, ErrBarred) {
		t.Errorf("another room: %v", err)
	}

	// Taken off the list by the owner, declined, cancelled: it is undone each time.
	if _, err := p.Replan(accounts.Actor{Account: p.owner}, m.ID, "Point", plan, []Invitee{{Account: p.outside}, {Account: p.in}}, start); err != nil {
		t.Fatal(err)
	}
	enter(p.named, start, ErrBarred)
	enter(p.in, start, nil)
	if e := p.entries(t, audit.RoomInvited)[0]; e.Detail["added"] != p.in.String() || e.Detail["taken"] != p.named.String() {
		t.Errorf("%+v", e)
	}
	if room, err := p.Decline(accounts.Actor{Account: p.in}, m.ID, start); err != nil || room != p.room {
		t.Fatal(err)
	}
	enter(p.in, start, ErrBarred)
	if e := p.entries(t, audit.RoomInvited)[0]; e.Detail["taken"] != p.in.String() || e.Actor != p.in.String() {
		t.Errorf("%+v", e)
	}
	if room, err := p.Unplan(accounts.Actor{Account: p.owner}, m.ID, start); err != nil || room != p.room {
		t.Fatal(err)
	}
	enter(p.outside, start, ErrBarred)

	// A room that becomes limited later says in the log how many invitations stand.
	p.change(t, RulesChange{Access: &Naming{}})
	before := len(p.entries(t, audit.RoomInvited))
	if _, err := p.Plan(accounts.Actor{Account: p.owner}, p.room, "Point", plan, []Invitee{{Account: p.outside}}, start); err != nil {
		t.Fatal(err)
	}
	if len(p.entries(t, audit.RoomInvited)) != before {
		t.Error("an open room is opened to somebody")
	}
	p.change(t, RulesChange{Access: &Naming{On: true}})
	if e := p.entries(t, audit.RoomAccess)[0]; e.Detail["invited"] != "1" {
		t.Errorf("%+v", e)
	}
	enter(p.outside, start, nil)
	if list, err := p.List(p.outside, start); err != nil || slices.ContainsFunc(list, func(r StoredRoom) bool { return r.Owner == p.outside }) {
		t.Errorf("%v, %v", list, err)
	}
}
