package web

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"huisclos/accounts"
)

func (b *browser) rules(t *testing.T, room string, change map[string]any) map[string]any {
	t.Helper()
	a := b.do("PATCH", "/api/rooms/"+room+"/rules", change)
	expect(t, fmt.Sprint("rules ", change), a, http.StatusOK, "")
	return a.json(t)
}

func TestAccessIsEnforcedAtPageAndSocket(t *testing.T) {
	// ASVS 8.2.2, 8.3.1
	s := newScene(t)
	owner := s.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	other := s.asOther()
	waits := other.enter(t, ctx, s.room)
	next(t, ctx, waits, "room")

	owner.rules(t, s.room, map[string]any{"access": map[string]any{"on": true, "groups": []string{s.group}}})
	if got := closeCode(ctx, waits); got != 4008 {
		t.Errorf("who waited was closed with %d", got)
	}
	expect(t, "page", other.do("GET", "/api/rooms/"+s.room, nil), http.StatusForbidden, "room-barred")
	_, res, err := other.dial(ctx, s.room, nil)
	if err == nil || res == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("socket: %v", err)
	}
	expect(t, "pin", other.do("POST", "/api/rooms/"+s.room+"/pin", map[string]string{"pin": "1234"}), http.StatusForbidden, "room-barred")
	if rooms := other.do("GET", "/api/rooms", nil).json(t)["rooms"].([]any); len(rooms) != 0 {
		t.Errorf("the list shows %v", rooms)
	}

	id, err := accounts.ParseGroupID(s.group)
	must(t, err)
	_, err = s.accounts.ChangeMembers(accounts.Operator(), id, []accounts.ID{s.house.other.ID}, nil, s.now)
	must(t, err)
	expect(t, "page of a member of the group", other.do("GET", "/api/rooms/"+s.room, nil), http.StatusOK, "")
	next(t, ctx, other.enter(t, ctx, s.room), "room")
}

func TestRulesAreShownToTheOwnerAlone(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	id := s.house.other.ID.String()
	shown := owner.rules(t, s.room, map[string]any{
		"cohosts": []string{id}, "straight": map[string]any{"on": true, "persons": []string{id}, "groups": []string{s.group}}, "pin": "2468",
	})
	if shown["pin"] != true || shown["stamp"] == "" || len(shown["cohosts"].([]any)) != 1 {
		t.Errorf("%v", shown)
	}
	for path, b := range map[string]*browser{"/api/rooms/" + s.room: s.asOther(), "/api/rooms": owner} {
		if a := b.do("GET", path, nil); a.status != http.StatusOK || string(a.body) == "" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	// A co-host learns whom to let in, not the rest; somebody else nothing but that a PIN is asked.
	cohost := s.asOther().do("GET", "/api/rooms/"+s.room, nil).json(t)
	if cohost["host"] != true || cohost["straight"] == nil || cohost["pin"] != nil {
		t.Errorf("co-host: %v", cohost)
	}
	guest := s.asAdministrator().do("GET", "/api/rooms/"+s.room, nil).json(t)
	if guest["host"] != nil || guest["straight"] != nil || guest["cohosts"] != nil || guest["pin"] != true {
		t.Errorf("guest: %v", guest)
	}
	in := s.asOther().do("POST", "/api/rooms/"+s.room+"/straight", map[string]any{"accounts": []string{id, s.administrator.ID.String()}})
	expect(t, "straight", in, http.StatusOK, "")
	if got := in.json(t)["accounts"].([]any); len(got) != 1 || got[0] != id {
		t.Errorf("straight in: %v", got)
	}
	for name, change := range map[string]any{
		"bad-pin": map[string]any{"pin": "12"}, "bad-rules": map[string]any{"cohosts": []string{"AAAAAAAAAAAAAAAAAAAAAA"}},
	} {
		expect(t, name, owner.do("PATCH", "/api/rooms/"+s.room+"/rules", change), http.StatusUnprocessableEntity, name)
	}
	expect(t, "no rules", owner.do("PATCH", "/api/rooms/"+s.room+"/rules", map[string]any{"lobby": true}), http.StatusBadRequest, "bad-request")
}

func TestPINAtTheDoor(t *testing.T) {
	// ASVS 6.3.1
	s := newScene(t)
	owner := s.asMember()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	owner.rules(t, s.room, map[string]any{"pin": "2468"})
	other := s.asOther()
	give := func(pin string) answer {
		return other.do("POST", "/api/rooms/"+s.room+"/pin", map[string]string{"pin": pin})
	}
	_, res, err := other.dial(ctx, s.room, nil)
	if err == nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("socket without the PIN: %v", err)
	}
	for range freeTries {
		expect(t, "wrong", give("1111"), http.StatusForbidden, "pin-wrong")
	}
	// The sixth waits, also when it is right.
	expect(t, "sixth", give("2468"), http.StatusTooManyRequests, "too-many")
	s.advance(2 * time.Second)
	expect(t, "right", give("24 68"), http.StatusNoContent, "")
	c, _, err := other.dial(ctx, s.room, nil)
	must(t, err)
	must(t, c.Close(websocket.StatusNormalClosure, ""))
	if room := other.do("GET", "/api/rooms/"+s.room, nil).json(t); room["pin"] != nil {
		t.Errorf("it is asked again: %v", room)
	}
	owner.rules(t, s.room, map[string]any{"pin": ""})
	if room := s.asAdministrator().do("GET", "/api/rooms/"+s.room, nil).json(t); room["pin"] != nil {
		t.Errorf("a PIN that is gone is asked: %v", room)
	}
}

func TestPINTries(t *testing.T) {
	p := newPINTries()
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	room, ann := [16]byte{1}, accounts.ID{1}
	try := func(room [16]byte, who accounts.ID) bool { _, ok := p.begin(room, who, now); return ok }
	for i := range freeTries {
		if !try(room, ann) {
			t.Fatalf("try %d is refused", i+1)
		}
	}
	for _, wait := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
		if until, ok := p.begin(room, ann, now); ok || until.Sub(now) != wait*time.Second {
			t.Fatalf("allowed %v, next in %v, want %v s", ok, until.Sub(now), int(wait))
		}
		if !try([16]byte{2}, ann) && wait == 1 {
			t.Error("another room is shut as well")
		}
		now = now.Add(wait * time.Second)
		if !try(room, ann) {
			t.Fatalf("refused after %v", wait)
		}
	}
	now = now.Add(forgetTries + time.Second)
	if !try(room, ann) {
		t.Error("not forgotten")
	}
	// Many accounts at one room: a hundred tries, then one in half a minute, whoever makes it.
	p = newPINTries()
	for i := range freeRoomTries {
		if !try(room, accounts.ID{2, byte(i)}) {
			t.Fatalf("try %d of the room is refused", i+1)
		}
	}
	if until, ok := p.begin(room, accounts.ID{3}, now); ok || until.Sub(now) != roomWait {
		t.Errorf("allowed %v, next in %v", ok, until.Sub(now))
	}
	// Right tries count for nothing.
	p = newPINTries()
	for range 3 * freeRoomTries {
		if !try(room, ann) {
			t.Fatal("a right try counts")
		}
		p.giveBack(room, ann)
	}
	// The tables are bounded.
	for i := range maxAddresses + 100 {
		p.begin([16]byte{4, byte(i >> 16), byte(i >> 8), byte(i)}, ann, now)
	}
	if len(p.by) > maxAddresses || len(p.rooms) > maxAddresses {
		t.Errorf("%d and %d entries", len(p.by), len(p.rooms))
	}
}

func TestDirectory(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	ask := func(b *browser, path string) (people, groups []any) {
		t.Helper()
		a := b.do("GET", path, nil)
		expect(t, path, a, http.StatusOK, "")
		m := a.json(t)
		people, _ = m["people"].([]any)
		groups, _ = m["groups"].([]any)
		return people, groups
	}
	if people, groups := ask(owner, "/api/directory?q=%20%27"); len(people)+len(groups) != 0 {
		t.Errorf("without a word: %v %v", people, groups)
	}
	other := s.asOther()
	people, _ := ask(owner, "/api/directory?q=omar")
	if len(people) != 1 {
		t.Fatalf("%v", people)
	}
	omar := people[0].(map[string]any)
	if omar["id"] != s.house.other.ID.String() || omar["email"] != "omar@example.org" || omar["presence"] != "here" {
		t.Errorf("%v", omar)
	}
	if _, groups := ask(owner, "/api/directory?q=equ"); len(groups) != 1 || groups[0].(map[string]any)["name"] != "Équipe" {
		t.Errorf("%v", groups)
	}
	// Presence that is turned off is never shown, and looks like being away.
	expect(t, "off", other.do("PATCH", "/api/account/presence", map[string]any{"shown": false}), http.StatusOK, "")
	people, _ = ask(owner, "/api/directory?q=omar")
	if p, there := people[0].(map[string]any)["presence"]; there {
		t.Errorf("presence is %v", p)
	}
	expect(t, "on", other.do("PATCH", "/api/account/presence", map[string]any{"shown": true}), http.StatusOK, "")
	s.advance(presentFor + time.Second)
	people, _ = ask(owner, "/api/directory?q=omar")
	if p, there := people[0].(map[string]any)["presence"]; there {
		t.Errorf("after %v: %v", presentFor, p)
	}
	// Contacts.
	path := "/api/contacts/" + s.house.other.ID.String()
	expect(t, "add", owner.do("POST", path, nothing), http.StatusNoContent, "")
	if people, _ := ask(owner, "/api/contacts"); len(people) != 1 || people[0].(map[string]any)["contact"] != true {
		t.Errorf("%v", people)
	}
	if people, _ := ask(other, "/api/contacts"); len(people) != 0 {
		t.Errorf("contacts of another: %v", people)
	}
	expect(t, "remove", owner.do("DELETE", path, nil), http.StatusNoContent, "")
	if people, _ := ask(owner, "/api/contacts"); len(people) != 0 {
		t.Errorf("%v", people)
	}
	// Nobody copies a directory by asking fast.
	s.advance(time.Minute)
	refused := 0
	for range lookupsBurst + 5 {
		if owner.do("GET", "/api/directory?q=m", nil).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of %d refused", refused, lookupsBurst+5)
	}
}

func TestPresenceIsBounded(t *testing.T) {
	var p presence
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	for i := range maxSeen + 10 {
		p.note(accounts.ID{byte(i >> 16), byte(i >> 8), byte(i)}, now)
	}
	if len(p.at) != maxSeen {
		t.Errorf("%d entries", len(p.at))
	}
	p.note(accounts.ID{0xff, 1}, now.Add(presentFor+time.Second))
	if len(p.at) != 1 {
		t.Errorf("%d entries after a while", len(p.at))
	}
	p.forget(accounts.ID{0xff, 1})
	if p.recent(accounts.ID{0xff, 1}, now) {
		t.Error("not forgotten")
	}
}

func TestGroupsOfTheConsole(t *testing.T) {
	s := newScene(t)
	admin := s.asAdministrator()
	a := admin.do("PATCH", "/api/admin/groups/"+s.group, map[string]any{"name": "Accueil", "add": []string{s.member.ID.String(), s.house.other.ID.String()}})
	expect(t, "change", a, http.StatusOK, "")
	if m := a.json(t); m["name"] != "Accueil" || m["members"] != 2.0 {
		t.Errorf("%v", m)
	}
	got := admin.do("GET", "/api/admin/groups/"+s.group, nil).json(t)
	if members := got["members"].([]any); len(members) != 2 {
		t.Errorf("%v", members)
	}
	expect(t, "again", admin.do("POST", "/api/admin/groups", map[string]string{"name": "accueil"}), http.StatusConflict, "group-taken")
	expect(t, "nobody", admin.do("PATCH", "/api/admin/groups/"+s.group, map[string]any{"add": []string{"AAAAAAAAAAAAAAAAAAAAAA"}}), http.StatusNotFound, "not-found")
	expect(t, "no id", admin.do("GET", "/api/admin/groups/x", nil), http.StatusNotFound, "not-found")
}
