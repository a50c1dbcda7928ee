package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// TestMembersSeeNamesOnly: where the policy hides addresses, no route tells a member another's, however it lists people: found, known,
// invited, named in a rule. The member of this test owns a room, so that what is for owners is asked for too.
func TestMembersSeeNamesOnly(t *testing.T) {
	s := newScene(t)
	rose := s.there(accounts.Member)
	ids := []accounts.ID{s.member.ID, s.administrator.ID}
	room, err := s.rooms.Create(accounts.Actor{Account: rose.ID}, "Bureau de Rose", s.now)
	must(t, err)
	planned, err := s.rooms.Plan(accounts.Actor{Account: rose.ID}, room.ID, "Point", meetings.Plan{Start: s.now.Add(time.Hour), Zone: "Europe/Paris", Duration: time.Hour},
		[]meetings.Invitee{{Account: ids[0]}, {Account: ids[1]}}, s.now)
	must(t, err)
	s.room, s.meeting = room.ID.String(), planned.ID.String()
	b := s.asRole(accounts.Member)
	rules := map[string]any{"access": map[string]any{"on": true, "persons": ids, "groups": []string{}}, "straight": map[string]any{"on": true, "persons": ids, "groups": []string{}}, "cohosts": ids}
	expect(t, "rules", b.do("PATCH", "/api/rooms/"+s.room+"/rules", rules), http.StatusOK, "")
	for _, id := range ids {
		expect(t, "contact", b.do("POST", "/api/contacts/"+id.String(), nothing), http.StatusNoContent, "")
	}
	list := func() (told []string) {
		t.Helper()
		asked := 0
		look := func(what string, a answer) {
			asked++
			if text := strings.ReplaceAll(string(a.body), address(accounts.Member), ""); strings.Contains(text, "@example.org") {
				told = append(told, what)
			}
		}
		for _, r := range rights {
			// The examples of the description are nobody's. The calendar is another's, whose address is the secret: TestAFeedNamesNoAddress has Rose's.
			if r.method == http.MethodGet && strings.HasPrefix(r.route, "/api/") && r.route != descriptionPath && !strings.HasSuffix(r.route, "/:file") && !strings.HasSuffix(r.route, "/signal") && !strings.HasSuffix(r.route, "/echo") {
				look(r.method+" "+r.route, b.do(r.method, r.path(s), r.body))
			}
		}
		look("GET /api/directory, by name", b.do("GET", "/api/directory?q=marie", nil))
		look("PATCH rules", b.do("PATCH", "/api/rooms/"+s.room+"/rules", rules))
		look("PATCH meeting", b.do("PATCH", "/api/meetings/"+s.meeting, map[string]any{"title": "Point", "start": map[string]string{"date": "2026-02-02", "time": "09:00"}, "zone": "Europe/Paris", "minutes": 30,
			"invitees": []map[string]string{{"account": ids[0].String()}, {"account": ids[1].String()}}}))
		if asked < 20 {
			t.Errorf("%d routes were asked: the test says nothing", asked)
		}
		return told
	}
	before := strings.Join(list(), ", ")
	for _, want := range []string{"/api/directory, by name", "/api/contacts", "/api/rooms/:room,", "/api/rooms/:room/rules", "/api/rooms/:room/meetings", "PATCH rules", "PATCH meeting"} {
		if !strings.Contains(before+",", want) {
			t.Errorf("addresses are shown, and %s shows none: the test says nothing (%s)", want, before)
		}
	}
	officer := s.asRole(accounts.Officer)
	expect(t, "another word", officer.do("PATCH", "/api/admin/policy", map[string]string{"addresses": "some"}), http.StatusUnprocessableEntity, "bad-policy")
	changed := officer.do("PATCH", "/api/admin/policy", map[string]string{"addresses": "hidden"})
	expect(t, "hide", changed, http.StatusOK, "")
	if changed.json(t)["addresses"] != "hidden" {
		t.Errorf("%s", changed.body)
	}
	if told := list(); len(told) > 0 {
		t.Errorf("an address is told by %s", strings.Join(told, ", "))
	}
	found := func(b *browser, q string) int {
		t.Helper()
		return len(b.do("GET", "/api/directory?q="+q, nil).json(t)["people"].([]any))
	}
	if found(b, "marie") != 1 || found(b, "marie@example.org") != 0 || found(b, "example") != 0 {
		t.Error("a member finds people by an address, or nobody by a name")
	}
	// Who opens rooms sees them still, and so do those who keep the accounts.
	for who, other := range map[string]*browser{"organiser": s.asOther(), "administrator": s.asAdministrator()} {
		if found(other, "rose@example.org")+found(other, address(accounts.Member)) != 1 {
			t.Errorf("%s finds nobody by an address", who)
		}
		if a := other.do("GET", "/api/directory?q=rose", nil); !strings.Contains(string(a.body), address(accounts.Member)) {
			t.Errorf("%s is shown no address: %s", who, a.body)
		}
	}
	// Showing them again is less: it waits for a second officer, as the proposal says.
	again := officer.do("PATCH", "/api/admin/policy", map[string]string{"addresses": "shown"})
	expect(t, "show again", again, http.StatusAccepted, "")
	if !strings.Contains(string(again.body), `"addresses":"shown"`) {
		t.Errorf("%s", again.body)
	}
}

func TestLanguageOfOnesAccount(t *testing.T) {
	h := newHouse(t)
	b := h.asMember()
	if _, told := b.do("GET", "/api/me", nil).json(t)["account"].(map[string]any)["language"]; told {
		t.Error("a language that nobody chose")
	}
	expect(t, "another", b.do("PATCH", "/api/account", map[string]string{"language": "de"}), http.StatusUnprocessableEntity, "bad-language")
	expect(t, "nothing", b.do("PATCH", "/api/account", nothing), http.StatusBadRequest, "bad-request")
	expect(t, "English", b.do("PATCH", "/api/account", map[string]string{"language": "en"}), http.StatusOK, "")
	if me := b.do("GET", "/api/me", nil).json(t)["account"].(map[string]any); me["language"] != "en" || me["name"] == "" {
		t.Errorf("%v", me)
	}
	if a := h.asAdministrator().do("GET", "/api/admin/accounts", nil); strings.Contains(string(a.body), `"language"`) {
		t.Error("an administrator is told what language people read")
	}
}
