package appliance

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// TestAFeedNamesNoAddress: who sees names only sees no address of an organiser in the calendar either. The mail of an invitation has it: an
// answer goes there, and who writes has chosen to.
func TestAFeedNamesNoAddress(t *testing.T) {
	c := correspond(t, nil)
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	ada, bob := c.active(t, "ada@example.org", accounts.Organiser, now), c.active(t, "bob@example.org", accounts.Member, now)
	olga := c.active(t, "olga@example.org", accounts.Officer, now)
	rooms := meetings.NewRooms(c.db, c.audit, rand.Reader)
	room, err := rooms.Create(accounts.Actor{Account: ada.Account}, "Bureau", now)
	must(t, err)
	_, err = rooms.Plan(accounts.Actor{Account: ada.Account}, room.ID, "Point", meetings.Plan{Start: now.AddDate(0, 0, 1), Zone: "Europe/Paris", Duration: time.Hour}, []meetings.Invitee{{Account: bob.Account}}, now)
	must(t, err)
	a := &Appliance{rooms: rooms, accounts: c.accounts}
	a.current.Store(new(settings))
	feed := func(who accounts.ID) string {
		t.Helper()
		account, err := c.accounts.Get(who)
		must(t, err)
		text, err := a.feed(account, "https://visio.example.org", now)
		must(t, err)
		return strings.ReplaceAll(string(text), "\r\n ", "")
	}
	if !strings.Contains(feed(bob.Account), "ada@example.org") {
		t.Error("addresses are shown, and the feed shows none: the test says nothing")
	}
	_, err = c.accounts.ChangePolicy(olga, accounts.Policy{Addresses: accounts.Hidden}, now)
	must(t, err)
	if text := feed(bob.Account); strings.Contains(text, "ada@example.org") || !strings.Contains(text, `CN="ada"`) || !strings.Contains(text, "mailto:"+nobodys) {
		t.Errorf("a member's: %s", text)
	}
	if !strings.Contains(feed(ada.Account), "ada@example.org") {
		t.Error("one's own address is hidden from oneself")
	}
}

// Invitations leave with the plan, its changes and its end, each to the right people, and the feed shows the same meeting.
func TestInvitationsAreMailed(t *testing.T) {
	c := correspond(t, nil)
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	rooms := meetings.NewRooms(c.db, c.audit, rand.Reader)
	rooms.Planned = c.post.invitations()
	made := func(name, email string) accounts.ID {
		t.Helper()
		a, _, err := c.accounts.Create(accounts.Operator(), name, email, accounts.Member, now)
		must(t, err)
		return a.ID
	}
	owner, bob := made("Ada", "ada@example.org"), made("Bob", "bob@example.org")
	room, err := rooms.Create(accounts.Actor{Account: owner}, "Bureau", now)
	must(t, err)
	type sent struct{ to, method, sequence, extra string }
	seen := 0
	expect := func(what string, want ...sent) {
		t.Helper()
		must(t, c.post.Turn(t.Context(), now))
		all := c.received(t, seen+len(want))
		var got []sent
		for _, m := range all[seen:] {
			calendar := m.parts[len(m.parts)-1]
			s := sent{to: m.Get("Envelope-To")}
			for l := range strings.SplitSeq(strings.ReplaceAll(calendar, "\r", ""), "\n") {
				switch name, value, _ := strings.Cut(l, ":"); {
				case name == "METHOD":
					s.method = value
				case name == "SEQUENCE":
					s.sequence = value
				case strings.HasPrefix(name, "RECURRENCE-ID"):
					s.extra = value
				}
			}
			got = append(got, s)
		}
		seen = len(all)
		order := func(a, b sent) int { return strings.Compare(a.to, b.to) }
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	start := now.AddDate(0, 0, 1)
	plan := meetings.Plan{Start: start, Zone: "Europe/Paris", Duration: time.Hour, Recurrence: &meetings.Recurrence{Frequency: meetings.Weekly, Count: 4}}
	people := []meetings.Invitee{{Account: bob}, {Email: "eva@elsewhere.example"}}
	p, err := rooms.Plan(accounts.Actor{Account: owner}, room.ID, "Point", plan, people, now)
	must(t, err)
	expect("plan", sent{"bob@example.org", "REQUEST", "0", ""}, sent{"eva@elsewhere.example", "REQUEST", "0", ""})
	_, err = rooms.Except(accounts.Actor{Account: owner}, p.ID, start, time.Time{}, 0, now)
	must(t, err)
	only := start.In(time.FixedZone("", 3600)).Format("20060102T150405")
	expect("one cancelled", sent{"bob@example.org", "CANCEL", "1", only}, sent{"eva@elsewhere.example", "CANCEL", "1", only})
	_, err = rooms.Replan(accounts.Actor{Account: owner}, p.ID, "Point", plan, people[:1], now)
	must(t, err)
	expect("one less", sent{"bob@example.org", "REQUEST", "2", ""}, sent{"eva@elsewhere.example", "CANCEL", "2", ""})
	a := &Appliance{rooms: rooms, accounts: c.accounts}
	a.current.Store(new(settings))
	feed, err := a.feed(accounts.Account{ID: bob, Name: "Bob", Email: "bob@example.org"}, "https://visio.example.org", now)
	must(t, err)
	for _, want := range []string{"UID:" + p.ID.String() + "@visio.example.org", "SEQUENCE:2", "EXDATE", "/r/" + room.ID.String() + "#" + owner.String()[:4]} {
		if !strings.Contains(strings.ReplaceAll(string(feed), "\r\n ", ""), want) {
			t.Errorf("the feed does not say %q:\n%s", want, feed)
		}
	}
	_, err = rooms.Except(accounts.Actor{Account: owner}, p.ID, start.AddDate(0, 0, 7), start.AddDate(0, 0, 8), 30*time.Minute, now)
	must(t, err)
	moved := start.AddDate(0, 0, 7).In(time.FixedZone("", 3600)).Format("20060102T150405")
	expect("one moved", sent{"bob@example.org", "REQUEST", "3", moved})
	must(t, rooms.Delete(accounts.Actor{Account: owner}, room.ID, now))
	expect("the room is gone", sent{"bob@example.org", "CANCEL", "4", ""})
	// Of what is over nobody is told.
	room, err = rooms.Create(accounts.Actor{Account: owner}, "Archives", now)
	must(t, err)
	plan.Start, plan.Recurrence = now.AddDate(0, 0, -2), nil
	_, err = rooms.Plan(accounts.Actor{Account: owner}, room.ID, "Passé", plan, people, now)
	must(t, err)
	expect("over")
}
