package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestPlannedMeetings(t *testing.T) {
	s := newScene(t) // Monday 2026-01-05 09:00 UTC
	owner := s.asMember()
	other := s.asOther()
	coming := func(b *browser) []map[string]any {
		t.Helper()
		a := b.do("GET", "/api/meetings", nil)
		expect(t, "coming", a, http.StatusOK, "")
		var out []map[string]any
		for _, m := range a.json(t)["meetings"].([]any) {
			out = append(out, m.(map[string]any))
		}
		return out
	}
	expect(t, "delete the scene's", owner.do("DELETE", "/api/meetings/"+s.meeting, nil), http.StatusNoContent, "")
	form := map[string]any{
		"title": " Point  équipe ", "start": map[string]string{"date": "2026-01-06", "time": "09:30"}, "zone": "Europe/Paris", "minutes": 45,
		"recurrence": map[string]any{"frequency": "weekly", "every": 1, "days": []int{2, 4}, "until": "2026-03-31"},
		"invitees":   []map[string]string{{"account": s.house.other.ID.String()}, {"email": "Eva@Ailleurs.example"}, {"account": s.member.ID.String()}},
	}
	a := owner.do("POST", "/api/rooms/"+s.room+"/meetings", form)
	expect(t, "plan", a, http.StatusCreated, "")
	made := a.json(t)
	id := made["id"].(string)
	if len(made["invitees"].([]any)) != 2 || made["start"].(map[string]any)["time"] != "09:30" || made["recurrence"].(map[string]any)["until"] != "2026-03-31" {
		t.Errorf("%v", made)
	}
	// Two weeks: Tuesday 6, Thursday 8, 13, 15; Monday 19 ends it.
	list := coming(other)
	if len(list) != 4 || list[0]["start"] != "2026-01-06T08:30:00Z" || list[0]["mine"] != false || list[0]["room"].(map[string]any)["id"] != s.room {
		t.Fatalf("%v", list)
	}
	if got := coming(owner); len(got) != 4 || got[0]["mine"] != true {
		t.Errorf("%v", got)
	}
	if got := coming(s.asAdministrator()); len(got) != 0 {
		t.Errorf("who is not invited sees %v", got)
	}
	// One moved, one cancelled.
	except := "/api/meetings/" + id + "/occurrence"
	expect(t, "move", owner.do("POST", except, map[string]any{"original": "2026-01-06T08:30:00Z", "start": map[string]string{"date": "2026-01-07", "time": "14:00"}, "zone": "Europe/Paris", "minutes": 30}), http.StatusOK, "")
	expect(t, "cancel", owner.do("POST", except, map[string]any{"original": "2026-01-08T08:30:00Z"}), http.StatusOK, "")
	expect(t, "again", owner.do("POST", except, map[string]any{"original": "2026-01-08T08:30:00Z"}), http.StatusNotFound, "not-found")
	expect(t, "none", owner.do("POST", except, map[string]any{"original": "2026-01-08T08:31:00Z"}), http.StatusNotFound, "not-found")
	list = coming(other)
	if len(list) != 3 || list[0]["start"] != "2026-01-07T13:00:00Z" || list[0]["minutes"] != 30.0 || list[1]["start"] != "2026-01-13T08:30:00Z" {
		t.Errorf("%v", list)
	}
	// A new title keeps the exceptions, a new time does not.
	form["title"] = "Autre"
	if m := owner.do("PATCH", "/api/meetings/"+id, form).json(t); m["exceptions"] != 2.0 {
		t.Errorf("%v", m)
	}
	form["start"] = map[string]string{"date": "2026-01-06", "time": "10:00"}
	if m := owner.do("PATCH", "/api/meetings/"+id, form).json(t); m["exceptions"] != 0.0 {
		t.Errorf("%v", m)
	}
	for name, change := range map[string]map[string]any{
		"bad-title":    {"title": " "},
		"bad-plan":     {"zone": "Europe/Atlantis"},
		"bad-invitees": {"invitees": []map[string]string{{"email": "not an address"}}},
	} {
		bad := map[string]any{}
		for k, v := range form {
			bad[k] = v
		}
		for k, v := range change {
			bad[k] = v
		}
		expect(t, name, owner.do("PATCH", "/api/meetings/"+id, bad), http.StatusUnprocessableEntity, name)
	}
	// Who is invited takes it off their list; nobody else's is touched.
	expect(t, "decline", other.do("DELETE", "/api/meetings/"+id, nil), http.StatusNoContent, "")
	if got := coming(other); len(got) != 0 {
		t.Errorf("%v", got)
	}
	expect(t, "cancel all", owner.do("DELETE", "/api/meetings/"+id, nil), http.StatusNoContent, "")
	if got := coming(owner); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

func TestPlannedMeetingsEnd(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	invite := map[string]any{"title": "Bilan", "start": map[string]string{"date": "2026-01-06", "time": "09:30"}, "zone": "UTC", "minutes": 45,
		"invitees": []map[string]string{{"account": s.house.other.ID.String()}}}
	expect(t, "plan", owner.do("POST", "/api/rooms/"+s.room+"/meetings", invite), http.StatusCreated, "")
	// An account that is deleted leaves the invitations.
	expect(t, "delete account", s.asAdministrator().do("DELETE", "/api/admin/accounts/"+s.house.other.ID.String(), nil), http.StatusNoContent, "")
	list := owner.do("GET", "/api/rooms/"+s.room+"/meetings", nil).json(t)["meetings"].([]any)
	if len(list) != 2 {
		t.Fatalf("%v", list)
	}
	if got, err := s.rooms.PlannedFor(s.house.other.ID); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	// What is long over is swept.
	must(t, s.rooms.SweepPlanned(s.now.AddDate(0, 0, 36)))
	if got, err := s.rooms.PlannedFor(s.member.ID); err != nil || len(got) != 1 || got[0].Title != "Point du lundi" {
		t.Errorf("%v, %v", got, err)
	}
	// A deleted room takes its meetings along.
	expect(t, "delete room", owner.do("DELETE", "/api/rooms/"+s.room, nil), http.StatusNoContent, "")
	if got, err := s.rooms.PlannedFor(s.member.ID); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestCalendarAddress(t *testing.T) {
	// ASVS 7.2.3
	s := newScene(t)
	owner := s.asMember()
	b := s.browser()
	get := func(url string) answer { return b.do("GET", url[len(s.tls.URL):], nil) }
	if owner.do("GET", "/api/account/calendar", nil).json(t)["since"] == nil {
		t.Error("the scene's address is not there")
	}
	expect(t, "the first", b.do("GET", "/api/calendar/"+s.feed+".ics", nil), http.StatusOK, "")
	made := owner.do("POST", "/api/account/calendar", nothing)
	expect(t, "make", made, http.StatusCreated, "")
	url := made.json(t)["url"].(string)
	a := get(url)
	expect(t, "get", a, http.StatusOK, "")
	if a.header.Get("Content-Type") != "text/calendar; charset=utf-8" || string(a.body) != "calendar of marie@example.org at "+s.tls.URL {
		t.Errorf("%s: %s", a.header.Get("Content-Type"), a.body)
	}
	for _, path := range []string{"/api/calendar/" + s.feed + ".ics", url[len(s.tls.URL) : len(url)-4], "/api/calendar/x.ics", "/api/calendar/.ics"} {
		expect(t, path, b.do("GET", path, nil), http.StatusNotFound, "not-found")
	}
	expect(t, "disable", s.asAdministrator().do("PATCH", "/api/admin/accounts/"+s.member.ID.String(), map[string]any{"disabled": true}), http.StatusOK, "")
	expect(t, "of a disabled account", get(url), http.StatusNotFound, "not-found")
	expect(t, "enable", s.asAdministrator().do("PATCH", "/api/admin/accounts/"+s.member.ID.String(), map[string]any{"disabled": false}), http.StatusOK, "")
	expect(t, "again", get(url), http.StatusOK, "")
	expect(t, "remove", s.asMember().do("DELETE", "/api/account/calendar", nil), http.StatusNoContent, "")
	expect(t, "removed", get(url), http.StatusNotFound, "not-found")
	if log := s.log.String(); len(url) > 60 && strings.Contains(log, url[len(url)-30:len(url)-4]) {
		t.Error("the address stands in the log")
	}
}

func TestPlanningIsBounded(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	refused := 0
	for range plansBurst + 3 {
		if owner.do("POST", "/api/rooms/"+s.room+"/meetings", somePlan).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("%d of %d refused", refused, plansBurst+3)
	}
}

// TestInvitationOpensALimitedRoom: who is invited may knock, is shown to the owner, and may no longer once the invitation is gone.
func TestInvitationOpensALimitedRoom(t *testing.T) {
	// ASVS 8.2.2
	s := newScene(t)
	owner, other := s.asMember(), s.asOther()
	owner.rules(t, s.room, map[string]any{"access": map[string]any{"on": true}})
	expect(t, "before", other.do("GET", "/api/rooms/"+s.room, nil), http.StatusForbidden, "room-barred")
	form := map[string]any{"title": "Point", "start": map[string]string{"date": "2026-01-06", "time": "09:30"}, "zone": "Europe/Paris", "minutes": 45,
		"invitees": []map[string]string{{"account": s.house.other.ID.String()}}}
	a := owner.do("POST", "/api/rooms/"+s.room+"/meetings", form)
	expect(t, "plan", a, http.StatusCreated, "")
	expect(t, "invited", other.do("GET", "/api/rooms/"+s.room, nil), http.StatusOK, "")
	expect(t, "the line", other.do("GET", "/api/rooms/"+s.room+"/signal", nil), http.StatusUpgradeRequired, "upgrade-required")
	expect(t, "another", s.asAdministrator().do("GET", "/api/rooms/"+s.room, nil), http.StatusForbidden, "room-barred")
	shown := owner.do("GET", "/api/rooms/"+s.room+"/rules", nil).json(t)["invited"].([]any)
	if len(shown) != 1 || shown[0].(map[string]any)["id"] != s.house.other.ID.String() || shown[0].(map[string]any)["meeting"] != "Point" || shown[0].(map[string]any)["until"] != "2026-01-06T09:15:00Z" {
		t.Errorf("%v", shown)
	}
	form["invitees"] = []map[string]string{}
	expect(t, "taken off", owner.do("PATCH", "/api/meetings/"+a.json(t)["id"].(string), form), http.StatusOK, "")
	expect(t, "afterwards", other.do("GET", "/api/rooms/"+s.room, nil), http.StatusForbidden, "room-barred")
	if shown := owner.do("GET", "/api/rooms/"+s.room+"/rules", nil).json(t)["invited"].([]any); len(shown) != 0 {
		t.Errorf("%v", shown)
	}
}
