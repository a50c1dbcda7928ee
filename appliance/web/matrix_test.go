package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// The privilege matrix: every route of the router, and what four people get from it. owner is the member to whom the
// room, the session and the account in the address belong; other is a member to whom nothing belongs. A route without a
// line here fails, and so does a line without a route.
//
// 401 not signed in · 403 not allowed · 404 not there for this person · 409, 410, 422 allowed, and refused by a rule
type right struct {
	method, route        string
	nobody, owner, other int
	administrator        int
	path                 func(*scene) string
	body                 any
	refused              string // codes of the refusals above that are not about rights
}

// A scene is a house with objects that belong to the member.
type scene struct {
	*house
	room, session, group, meeting, feed string
}

func newScene(t *testing.T) (*scene, *browser) {
	h := newHouse(t)
	r, err := h.rooms.Create(h.member.ID, "Salle", h.now)
	must(t, err)
	// A session of the member that no test uses, so that ending it ends nobody's request.
	b := h.asMember()
	list, err := h.accounts.Sessions(accounts.Actor{Account: h.member.ID}, h.member.ID, h.now)
	must(t, err)
	g, err := h.accounts.CreateGroup(accounts.Operator(), "Équipe", h.now)
	must(t, err)
	m, err := h.rooms.Plan(h.member.ID, r.ID, "Point du lundi", meetings.Plan{Start: h.now.Add(time.Hour), Zone: "Europe/Paris", Duration: time.Hour,
		Recurrence: &meetings.Recurrence{Frequency: meetings.Weekly, Count: 4}}, nil, h.now)
	must(t, err)
	feed, err := h.rooms.MakeFeed(h.member.ID, h.now)
	must(t, err)
	return &scene{h, r.ID.String(), list[len(list)-1].ID.String(), g.ID.String(), m.ID.String(), feed}, b
}

func fixed(path string) func(*scene) string { return func(*scene) string { return path } }

func ofRoom(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.room) }
}

func ofMeeting(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.meeting) }
}

// somePlan is a form that is right.
var somePlan = map[string]any{"title": "Point", "start": map[string]string{"date": "2026-02-02", "time": "09:00"}, "zone": "Europe/Paris", "minutes": 30}

func ofGroup(s *scene) string { return "/api/admin/groups/" + s.group }

func ofMember(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.member.ID) }
}

var nothing = map[string]string{}

var rights = []right{
	{"GET", "/healthz", 200, 200, 200, 200, fixed("/healthz"), nil, ""},

	{"GET", "/api/me", 401, 200, 200, 200, fixed("/api/me"), nil, ""},
	{"POST", "/api/setup", 409, 409, 409, 409, fixed("/api/setup"),
		map[string]string{"code": "x", "name": "x", "email": "x@example.org", "passphrase": "a passphrase of somebody"}, "setup-done"},
	{"POST", "/api/login", 200, 200, 200, 200, fixed("/api/login"),
		map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase}, ""},
	{"POST", "/api/logout", 204, 204, 204, 204, fixed("/api/logout"), nothing, ""},
	{"POST", "/api/activation", 410, 410, 410, 410, fixed("/api/activation"), map[string]string{"token": "x"}, "bad-activation"},
	{"POST", "/api/activate", 410, 410, 410, 410, fixed("/api/activate"),
		map[string]string{"token": "x", "passphrase": "a passphrase of somebody"}, "bad-activation"},

	{"PATCH", "/api/account", 401, 200, 200, 200, fixed("/api/account"), map[string]string{"name": "Quelqu'un"}, ""},
	{"POST", "/api/account/passphrase", 401, 200, 403, 403, fixed("/api/account/passphrase"),
		map[string]string{"old": memberPassphrase, "new": "vingt vaches valsent vite"}, "passphrase-wrong"},
	{"GET", "/api/account/factors", 401, 200, 200, 200, fixed("/api/account/factors"), nil, ""},
	{"POST", "/api/account/totp", 401, 200, 403, 403, fixed("/api/account/totp"), map[string]string{"passphrase": memberPassphrase}, "passphrase-wrong"},
	{"POST", "/api/account/totp/confirm", 401, 409, 409, 409, fixed("/api/account/totp/confirm"), map[string]string{"code": "123456"}, "enrolmentOver"},
	{"DELETE", "/api/account/totp", 401, 409, 403, 403, fixed("/api/account/totp"),
		map[string]string{"passphrase": memberPassphrase, "code": "123456"}, "noSecondFactor passphrase-wrong"},
	{"POST", "/api/account/recovery", 401, 409, 403, 403, fixed("/api/account/recovery"),
		map[string]string{"passphrase": memberPassphrase, "code": "123456"}, "noSecondFactor passphrase-wrong"},
	{"GET", "/api/account/sessions", 401, 200, 200, 200, fixed("/api/account/sessions"), nil, ""},
	{"DELETE", "/api/account/sessions/:session", 401, 204, 404, 404,
		func(s *scene) string { return "/api/account/sessions/" + s.session }, nil, "not-found"},

	{"POST", "/api/connection", 401, 200, 200, 200, fixed("/api/connection"), map[string]string{"offer": "v=0", "mid": "0"}, ""},
	{"GET", "/api/connection/echo", 401, 426, 426, 426, fixed("/api/connection/echo"), nil, "upgrade-required"},

	{"GET", "/api/rooms", 401, 200, 200, 200, fixed("/api/rooms"), nil, ""},
	{"POST", "/api/rooms", 401, 201, 201, 201, fixed("/api/rooms"), map[string]string{"name": "Une salle"}, ""},
	// Whoever is signed in and holds a room's link may see its name and knock: its id is 128 random bits.
	{"GET", "/api/rooms/:room", 401, 200, 200, 200, ofRoom("/api/rooms/%s"), nil, ""},
	{"PATCH", "/api/rooms/:room", 401, 200, 403, 403, ofRoom("/api/rooms/%s"), map[string]string{"name": "Autre nom"}, ""},
	{"DELETE", "/api/rooms/:room", 401, 204, 403, 403, ofRoom("/api/rooms/%s"), nil, ""},
	{"GET", "/api/rooms/:room/rules", 401, 200, 403, 403, ofRoom("/api/rooms/%s/rules"), nil, ""},
	{"PATCH", "/api/rooms/:room/rules", 401, 200, 403, 403, ofRoom("/api/rooms/%s/rules"), map[string]any{"pin": "2468"}, ""},
	{"POST", "/api/rooms/:room/pin", 401, 204, 204, 204, ofRoom("/api/rooms/%s/pin"), map[string]string{"pin": "2468"}, ""}, // it has none
	{"POST", "/api/rooms/:room/straight", 401, 200, 403, 403, ofRoom("/api/rooms/%s/straight"), map[string]any{"accounts": []string{}}, ""},
	{"GET", "/api/rooms/:room/meetings", 401, 200, 403, 403, ofRoom("/api/rooms/%s/meetings"), nil, ""},
	{"POST", "/api/rooms/:room/meetings", 401, 201, 403, 403, ofRoom("/api/rooms/%s/meetings"), somePlan, ""},
	{"GET", "/api/rooms/:room/signal", 401, 426, 426, 426, ofRoom("/api/rooms/%s/signal"), nil, "upgrade-required"},
	{"GET", "/api/rooms/:room/tree/:epoch", 401, 404, 404, 404, ofRoom("/api/rooms/%s/tree/0"), nil, "not-found"},

	{"GET", "/api/account/calendar", 401, 200, 200, 200, fixed("/api/account/calendar"), nil, ""},
	{"POST", "/api/account/calendar", 401, 201, 201, 201, fixed("/api/account/calendar"), nothing, ""},
	{"DELETE", "/api/account/calendar", 401, 204, 204, 204, fixed("/api/account/calendar"), nil, ""},
	// Who knows the address has it, whoever that is: calendar programs have no session.
	{"GET", "/api/calendar/:file", 200, 200, 200, 200, func(s *scene) string { return "/api/calendar/" + s.feed + ".ics" }, nil, ""},
	{"GET", "/api/meetings", 401, 200, 200, 200, fixed("/api/meetings"), nil, ""},
	{"PATCH", "/api/meetings/:meeting", 401, 200, 403, 403, ofMeeting("/api/meetings/%s"), somePlan, ""},
	{"POST", "/api/meetings/:meeting/occurrence", 401, 200, 403, 403, ofMeeting("/api/meetings/%s/occurrence"), map[string]any{"original": "2026-01-12T10:00:00Z"}, ""},
	// Who is not invited has nothing to take off their list.
	{"DELETE", "/api/meetings/:meeting", 401, 204, 404, 404, ofMeeting("/api/meetings/%s"), nil, "not-found"},
	{"GET", "/api/directory", 401, 200, 200, 200, fixed("/api/directory?q=marie"), nil, ""},
	{"GET", "/api/contacts", 401, 200, 200, 200, fixed("/api/contacts"), nil, ""},
	{"POST", "/api/contacts/:account", 401, 404, 204, 204, ofMember("/api/contacts/%s"), nothing, "not-found"}, // nobody is their own
	{"DELETE", "/api/contacts/:account", 401, 204, 204, 204, ofMember("/api/contacts/%s"), nil, ""},
	{"GET", "/api/account/presence", 401, 200, 200, 200, fixed("/api/account/presence"), nil, ""},
	{"PATCH", "/api/account/presence", 401, 200, 200, 200, fixed("/api/account/presence"), map[string]any{"shown": false}, ""},

	{"GET", "/api/admin/groups", 401, 403, 403, 200, fixed("/api/admin/groups"), nil, ""},
	{"POST", "/api/admin/groups", 401, 403, 403, 201, fixed("/api/admin/groups"), map[string]string{"name": "Direction"}, ""},
	{"GET", "/api/admin/groups/:group", 401, 403, 403, 200, ofGroup, nil, ""},
	{"PATCH", "/api/admin/groups/:group", 401, 403, 403, 200, ofGroup, map[string]any{"name": "Accueil"}, ""},
	{"DELETE", "/api/admin/groups/:group", 401, 403, 403, 204, ofGroup, nil, ""},

	{"GET", "/api/admin/accounts", 401, 403, 403, 200, fixed("/api/admin/accounts"), nil, ""},
	{"POST", "/api/admin/accounts", 401, 403, 403, 201, fixed("/api/admin/accounts"),
		map[string]string{"name": "Neuf", "email": "neuf@example.org", "role": "member"}, ""},
	{"POST", "/api/admin/accounts/:account/activation", 401, 403, 403, 200, ofMember("/api/admin/accounts/%s/activation"), nothing, ""},
	{"PATCH", "/api/admin/accounts/:account", 401, 403, 403, 200, ofMember("/api/admin/accounts/%s"), map[string]any{"disabled": true}, ""},
	{"DELETE", "/api/admin/accounts/:account", 401, 403, 403, 204, ofMember("/api/admin/accounts/%s"), nil, ""},
	{"DELETE", "/api/admin/accounts/:account/factors", 401, 403, 403, 409, ofMember("/api/admin/accounts/%s/factors"), nil, "noSecondFactor"},
	{"GET", "/api/admin/calls", 401, 403, 403, 200, fixed("/api/admin/calls"), nil, ""},
	{"POST", "/api/admin/calls/:room/end", 401, 403, 403, 409, ofRoom("/api/admin/calls/%s/end"), nothing, "no-call"},
	{"GET", "/api/admin/audit", 401, 403, 403, 200, fixed("/api/admin/audit"), nil, ""},
	{"GET", "/api/admin/status", 401, 403, 403, 200, fixed("/api/admin/status"), nil, ""},

	// Documents and files hold nothing of anybody.
	{"GET", "/", 200, 200, 200, 200, fixed("/"), nil, ""},
	{"GET", "/r/:room", 200, 200, 200, 200, ofRoom("/r/%s"), nil, ""},
	{"GET", "/r/:room/settings", 200, 200, 200, 200, ofRoom("/r/%s/settings"), nil, ""},
	{"GET", "/r/:room/meetings", 200, 200, 200, 200, ofRoom("/r/%s/meetings"), nil, ""},
	{"GET", "/directory", 200, 200, 200, 200, fixed("/directory"), nil, ""},
	{"GET", "/activate", 200, 200, 200, 200, fixed("/activate"), nil, ""},
	{"GET", "/about", 200, 200, 200, 200, fixed("/about"), nil, ""},
	{"GET", "/account", 200, 200, 200, 200, fixed("/account"), nil, ""},
	{"GET", "/test", 200, 200, 200, 200, fixed("/test"), nil, ""},
	{"GET", "/setup", 308, 308, 308, 308, fixed("/setup"), nil, ""},
	{"GET", "/console", 308, 308, 308, 308, fixed("/console"), nil, ""},
	{"GET", "/console/", 200, 200, 200, 200, fixed("/console/"), nil, ""},
	{"GET", "/console/:section", 200, 200, 200, 200, fixed("/console/audit"), nil, ""},
	{"GET", "/console/:section/:item", 200, 200, 200, 200, fixed("/console/accounts/x"), nil, ""},
	{"GET", "/assets/:file", 200, 200, 200, 200, fixed("/assets/main-0123456789.js"), nil, ""},
	{"GET", "/w/:file", 200, 200, 200, 200, fixed("/w/mls-0123456789.wasm"), nil, ""},
	{"GET", "/console/assets/:file", 200, 200, 200, 200, fixed("/console/assets/main-0123456789.js"), nil, ""},
}

// people are the four, in one scene.
func people(s *scene, owner *browser) map[string]*browser {
	nobody := s.browser()
	nobody.token()
	return map[string]*browser{"nobody": nobody, "owner": owner, "other": s.asOther(), "administrator": s.asAdministrator()}
}

func (r right) wants() map[string]int {
	return map[string]int{"nobody": r.nobody, "owner": r.owner, "other": r.other, "administrator": r.administrator}
}

func (r right) check(t *testing.T, s *scene, who string, b *browser) {
	t.Helper()
	a := b.do(r.method, r.path(s), r.body)
	if want := r.wants()[who]; a.status != want {
		t.Errorf("%s: %d %s, want %d", who, a.status, strings.TrimSpace(string(a.body)), want)
		return
	}
	if a.status < 400 || !strings.HasPrefix(r.route, "/api/") {
		return
	}
	switch got := a.code(t); {
	case a.status == http.StatusUnauthorized && got == "not-signed-in":
	case a.status == http.StatusForbidden && got == "forbidden":
	case slices.Contains(strings.Fields(r.refused), got):
	default:
		t.Errorf("%s: code %q", who, got)
	}
}

func TestPrivilegeMatrix(t *testing.T) {
	// ASVS 6.3.4, 8.2.1, 8.3.1, 13.4.5
	lines := map[string]bool{}
	reads, owner := newScene(t)
	readers := people(reads, owner)
	for _, r := range rights {
		lines[r.method+" "+r.route] = true
		t.Run(r.method+" "+r.route, func(t *testing.T) {
			for who := range r.wants() {
				if r.method == http.MethodGet {
					r.check(t, reads, who, readers[who])
					continue
				}
				// What one does must not change what the next one gets.
				s, owner := newScene(t)
				r.check(t, s, who, people(s, owner)[who])
			}
		})
	}
	h := newHouse(t)
	routed := map[string]bool{}
	for _, r := range h.server.echo.Routes() {
		name := r.Method + " " + r.Path
		routed[name] = true
		if get, ok := strings.CutPrefix(name, "HEAD "); ok { // the same handler without a body
			name = "GET " + get
		}
		if !lines[name] {
			t.Errorf("%s %s has no line in the privilege matrix", r.Method, r.Path)
		}
	}
	for name := range lines {
		if !routed[name] {
			t.Errorf("the privilege matrix has a line for %s, which is no route", name)
		}
	}
}

// TestObjectsOfOthers swaps every id in an address for one that does not exist, is malformed, or is of another kind.
func TestObjectsOfOthers(t *testing.T) {
	// ASVS 8.2.2
	s, owner := newScene(t)
	admin := s.asAdministrator()
	for _, id := range []string{
		"AAAAAAAAAAAAAAAAAAAAAA", s.member.ID.String(), "x", s.room + "A", s.room[:21], "%2e%2e", "..%2f..%2fetc", "%00", strings.Repeat("A", 4000),
		s.room[:21] + "%3d",
	} {
		for _, at := range []struct {
			b            *browser
			method, path string
			body         any
		}{
			{owner, "GET", "/api/rooms/" + id, nil},
			{owner, "PATCH", "/api/rooms/" + id, map[string]string{"name": "x"}},
			{owner, "DELETE", "/api/rooms/" + id, nil},
			{owner, "GET", "/api/rooms/" + id + "/tree/0", nil},
			{owner, "DELETE", "/api/account/sessions/" + id, nil},
			{admin, "POST", "/api/admin/calls/" + id + "/end", nothing},
		} {
			a := at.b.do(at.method, at.path, at.body)
			if a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s, want 404", at.method, at.path, a.status, a.body)
			}
		}
		if id == s.member.ID.String() {
			continue
		}
		for _, at := range []struct{ method, path string }{
			{"PATCH", "/api/admin/accounts/" + id}, {"DELETE", "/api/admin/accounts/" + id}, {"POST", "/api/admin/accounts/" + id + "/activation"},
			{"DELETE", "/api/admin/accounts/" + id + "/factors"},
		} {
			a := admin.do(at.method, at.path, nothing)
			if a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s, want 404", at.method, at.path, a.status, a.body)
			}
		}
	}
	if _, err := s.rooms.Get(mustRoom(t, s.room)); err != nil {
		t.Errorf("the room is gone: %v", err)
	}
	for _, epoch := range []string{"00", "-1", "1e3", "18446744073709551616", "x"} {
		expect(t, "epoch "+epoch, owner.do("GET", "/api/rooms/"+s.room+"/tree/"+epoch, nil), http.StatusNotFound, "not-found")
	}
}

func mustRoom(t *testing.T, text string) [16]byte {
	t.Helper()
	id, err := accounts.ParseID(text)
	must(t, err)
	return [16]byte(id)
}
