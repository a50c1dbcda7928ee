package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/meetings"
)

// A robot is a program with a token of the API: no cookie, no origin, no CSRF token.
type robot struct {
	h      *house
	token  string
	id     string // as the audit log names it
	change func(*http.Request)
}

func (h *house) robot(w accounts.ProgramWish) *robot {
	h.t.Helper()
	w.Name = "Supervision"
	actor := h.actor()
	actor.Proved = h.clock()
	p, token, err := h.accounts.MakeProgram(actor, w, h.clock())
	must(h.t, err)
	return &robot{h: h, token: token.Reveal(), id: p.ID.String()}
}

func scopes(list ...accounts.Scope) (out accounts.ProgramWish) {
	for _, s := range list {
		out.Scopes = append(out.Scopes, string(s))
	}
	return out
}

func (r *robot) do(method, path string, body any) answer {
	r.h.t.Helper()
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		must(r.h.t, err)
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, r.h.tls.URL+path, in)
	must(r.h.t, err)
	req.Header.Set("Authorization", "Bearer "+r.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.change != nil {
		r.change(req)
	}
	res, err := r.h.tls.Client().Do(req)
	must(r.h.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(r.h.t, err)
	return answer{res.StatusCode, res.Header, data}
}

// acts are the entries of the audit log that name the program, the oldest first.
func (r *robot) acts() (list []audit.Entry) {
	r.h.t.Helper()
	all, err := r.h.audit.List(0, 100)
	must(r.h.t, err)
	for _, e := range slices.Backward(all) {
		if e.Detail["program"] == r.id {
			list = append(list, e)
		}
	}
	return list
}

// byPrograms is what a program with the scope of a route gets, where that is not what an administrator gets by the privilege matrix.
var byPrograms = map[string]int{
	// A room of somebody else that the administrator has a link to: by its page they could knock, and so may see its name.
	"GET /api/rooms/:room/meetings": 403,
	// Their account is active: that would be a reset, which takes a person.
	"POST /api/admin/accounts/:account/activation": 403,
}

// TestProgramMatrix: every route of the router with a token that has the scope, one with all others, one that expired and one that was
// revoked. A route without a scope gives none of them anything.
func TestProgramMatrix(t *testing.T) {
	s := newScene(t)
	all, revoked := s.robot(scopes(accounts.Scopes()...)), s.robot(scopes(accounts.Scopes()...))
	expired := s.robot(accounts.ProgramWish{Scopes: scopes(accounts.Scopes()...).Scopes, Days: 1})
	gone, _, err := s.accounts.ProgramOf(revoked.token, accounts.Client{}, s.clock())
	must(t, err)
	must(t, s.accounts.RevokeProgram(s.actor(), gone.ID, s.clock()))
	without := map[accounts.Scope]*robot{}
	for _, scope := range accounts.Scopes() {
		without[scope] = s.robot(scopes(slices.DeleteFunc(accounts.Scopes(), func(o accounts.Scope) bool { return o == scope })...))
	}
	s.advance(25 * time.Hour)
	for _, r := range rights {
		if !inAPI(r.route) {
			continue
		}
		name := r.method + " " + r.route
		t.Run(name, func(t *testing.T) {
			s.advance(10 * time.Minute) // refusals are slowed down
			path, scope := r.path(s), operations[name].scope
			for _, dead := range []*robot{expired, revoked} {
				a := dead.do(r.method, path, r.body)
				expect(t, "a dead token", a, http.StatusUnauthorized, "bad-token")
				if !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
					t.Error("no challenge")
				}
			}
			if scope == "" {
				expect(t, "no token is enough", all.do(r.method, path, r.body), http.StatusForbidden, "not-for-programs")
				return
			}
			a := without[scope].do(r.method, path, r.body)
			expect(t, "without the scope", a, http.StatusForbidden, "scope")
			if !strings.Contains(a.header.Get("WWW-Authenticate"), `scope="`+string(scope)+`"`) {
				t.Errorf("challenge %q", a.header.Get("WWW-Authenticate"))
			}
			want := r.want[len(columns)-1] // what the administrator gets, whose the token is
			if other := byPrograms[name]; other != 0 {
				want = other
			}
			one := s
			if r.method != http.MethodGet { // what it does must not be in the way of the next
				one = newScene(t)
				path = r.path(one)
			}
			has := one.robot(scopes(scope))
			if a := has.do(r.method, path, r.body); a.status != want {
				t.Errorf("with the scope: %d %s, want %d", a.status, a.body, want)
			}
			if r.method == http.MethodGet {
				return
			}
			if !strings.HasSuffix(string(scope), ":write") {
				t.Errorf("%s changes something by the scope %s", name, scope)
			}
			if want < 300 && len(has.acts()) == 0 {
				t.Errorf("%s changes something, and its acts don't name the program", name)
			}
		})
	}
}

// TestProgramReadsNoCookie: with a token a request is the program's, whatever else comes with it; and without one nothing is open.
func TestProgramReadsNoCookie(t *testing.T) {
	h := newHouse(t)
	admin := h.asAdministrator()
	weak := h.robot(scopes(accounts.ReadStatus))
	weak.change = func(r *http.Request) {
		for name, value := range admin.cookies() {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		r.Header.Set(csrfHeader, admin.csrf)
		r.Header.Set("Origin", h.tls.URL)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	expect(t, "an administrator's cookie beside a weak token", weak.do("GET", "/api/admin/accounts", nil), http.StatusForbidden, "scope")
	expect(t, "the same, of itself", weak.do("GET", "/api/admin/status", nil), http.StatusOK, "")
	weak.token = strings.Repeat("A", 43)
	expect(t, "and beside a wrong one", weak.do("GET", "/api/admin/status", nil), http.StatusUnauthorized, "bad-token")
	strong := h.robot(scopes(accounts.WriteGroups))
	a := strong.do("POST", "/api/admin/groups", map[string]string{"name": "Direction"})
	expect(t, "no CSRF token", a, http.StatusCreated, "")
	if len(a.header.Values("Set-Cookie")) != 0 {
		t.Error("a program got a cookie")
	}
	for _, header := range []string{"Bearer", "Bearer  ", "Basic " + strong.token, strong.token} {
		strong.change = func(r *http.Request) { r.Header.Set("Authorization", header) }
		if a := strong.do("POST", "/api/admin/groups", map[string]string{"name": "Accueil"}); a.status != http.StatusUnauthorized && a.status != http.StatusForbidden {
			t.Errorf("%q: %d %s", header, a.status, a.body)
		}
	}
	// What a token is taken from is that header alone.
	strong.change = func(r *http.Request) {
		r.Header.Del("Authorization")
		r.URL.RawQuery = "access_token=" + strong.token
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: strong.token})
	}
	expect(t, "in the address or a cookie", strong.do("GET", "/api/admin/groups", nil), http.StatusUnauthorized, "not-signed-in")
	if strings.Contains(h.log.String(), strong.token) {
		t.Error("a token is in the log")
	}
}

// TestProgramEntersNoCall: neither the socket of a room nor its tree, nor anything that leads into a call.
func TestProgramEntersNoCall(t *testing.T) {
	s := newScene(t)
	all := s.robot(scopes(accounts.Scopes()...))
	all.change = func(r *http.Request) {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "websocket")
		r.Header.Set("Sec-WebSocket-Version", "13")
		r.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
		r.Header.Set("Origin", s.tls.URL)
	}
	expect(t, "the socket", all.do("GET", "/api/rooms/"+s.room+"/signal", nil), http.StatusForbidden, "not-for-programs")
	expect(t, "the tree", all.do("GET", "/api/rooms/"+s.room+"/tree/0", nil), http.StatusForbidden, "not-for-programs")
	for name, op := range operations {
		if op.scope != "" && (strings.Contains(name, "/signal") || strings.Contains(name, "/tree") || strings.Contains(name, "/connection") || strings.Contains(name, "/pin") || strings.Contains(name, "/straight")) {
			t.Errorf("%s has a scope", name)
		}
	}
}

// TestProgramKeepsRooms: with the scope a program opens, changes and deletes rooms of who made its token and plans meetings in them, each act
// in the log with both; with the scope of reading it sees them and changes none. Others' rooms stay theirs, and who comes in is no program's
// to say.
func TestProgramKeepsRooms(t *testing.T) {
	s := newScene(t)
	keeper, reader := s.robot(scopes(accounts.WriteRooms)), s.robot(scopes(accounts.ReadRooms))
	does := func(method, path string, body any, status int) answer {
		t.Helper()
		a := keeper.do(method, path, body)
		if a.status != status {
			t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.body, status)
		}
		return a
	}
	room := at(does("POST", "/api/rooms", map[string]string{"name": "Revue hebdomadaire"}, http.StatusCreated).json(t), "id").(string)
	does("PATCH", "/api/rooms/"+room, map[string]string{"name": "Revue"}, http.StatusOK)
	does("PATCH", "/api/rooms/"+room, map[string]any{"profile": meetings.ProfileSensible}, http.StatusOK)
	plan := maps.Clone(somePlan)
	plan["recurrence"] = map[string]any{"frequency": "weekly", "every": 1, "count": 4}
	meeting := at(does("POST", "/api/rooms/"+room+"/meetings", plan, http.StatusCreated).json(t), "id").(string)
	plan["title"] = "Revue du lundi"
	does("PATCH", "/api/meetings/"+meeting, plan, http.StatusOK)
	does("POST", "/api/meetings/"+meeting+"/occurrence", map[string]any{"original": "2026-02-09T08:00:00Z"}, http.StatusOK)
	if list := at(reader.do("GET", "/api/rooms/"+room+"/meetings", nil).json(t), "meetings").([]any); len(list) != 1 || at(list[0], "title") != "Revue du lundi" {
		t.Errorf("planned: %v", list)
	}
	for method, path := range map[string]string{"POST": "/api/rooms", "PATCH": "/api/rooms/" + room, "DELETE": "/api/rooms/" + room} {
		expect(t, method+" by who reads", reader.do(method, path, map[string]string{"name": "Autre"}), http.StatusForbidden, "scope")
	}
	expect(t, "reading by who writes", keeper.do("GET", "/api/rooms/"+room, nil), http.StatusForbidden, "scope")
	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"PATCH", "/rules", map[string]any{"pin": "2468"}}, {"GET", "/rules", nil}, {"POST", "/pin", map[string]string{"pin": "2468"}}, {"POST", "/straight", map[string]any{"accounts": []string{}}},
		{"POST", "/invitations", map[string]any{"emails": []string{"gast@example.org"}, "language": "fr"}},
	} {
		expect(t, r.method+r.path, keeper.do(r.method, "/api/rooms/"+room+r.path, r.body), http.StatusForbidden, "not-for-programs")
	}
	for _, method := range []string{"PATCH", "DELETE"} {
		expect(t, method+" of another's room", keeper.do(method, "/api/rooms/"+s.room, map[string]string{"name": "À moi"}), http.StatusForbidden, "forbidden")
	}
	does("DELETE", "/api/meetings/"+meeting, nil, http.StatusNoContent)
	does("DELETE", "/api/rooms/"+room, nil, http.StatusNoContent)
	expect(t, "it is gone", reader.do("GET", "/api/rooms/"+room, nil), http.StatusNotFound, "not-found")
	want := []audit.Action{audit.RoomCreated, audit.RoomRenamed, audit.RoomProfile, audit.MeetingPlanned, audit.MeetingChanged, audit.MeetingCancelled, audit.MeetingCancelled, audit.RoomDeleted}
	var got []audit.Action
	for _, e := range keeper.acts() {
		if got = append(got, e.Action); e.Actor != s.administrator.ID.String() || e.Object != room {
			t.Errorf("%+v", e)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
	if len(reader.acts()) != 0 {
		t.Errorf("who reads stands in the log: %+v", reader.acts())
	}
}

// TestRoomsOfATokenThatEnds: a token that was revoked or grew old between the request and its act changes nothing any more.
func TestRoomsOfATokenThatEnds(t *testing.T) {
	h := newHouse(t)
	lend := func(actor accounts.Actor) accounts.Program {
		t.Helper()
		actor.Proved = h.clock()
		p, _, err := h.accounts.MakeProgram(actor, accounts.ProgramWish{Name: "Agenda", Scopes: []string{string(accounts.WriteRooms)}, Days: 1}, h.clock())
		must(t, err)
		return p
	}
	now, from := h.clock(), netip.MustParseAddr("192.0.2.9")
	revoked, old := lend(h.actor()), lend(h.actor())
	room, err := h.rooms.Create(revoked.Actor(from), "Revue", now)
	must(t, err)
	plan := meetings.Plan{Start: now.Add(time.Hour), Zone: "Europe/Paris", Duration: time.Hour}
	meeting, err := h.rooms.Plan(revoked.Actor(from), room.ID, "Revue", plan, nil, now)
	must(t, err)
	must(t, h.accounts.RevokeProgram(h.actor(), revoked.ID, now))
	for what, c := range map[string]struct {
		actor accounts.Actor
		at    time.Time
		err   error
	}{
		"revoked": {revoked.Actor(from), now, accounts.ErrProgram}, "too old": {old.Actor(from), now.Add(25 * time.Hour), accounts.ErrProgram},
	} {
		for name, do := range map[string]func() error{
			"create": func() error { _, err := h.rooms.Create(c.actor, "Autre", c.at); return err },
			"rename": func() error { _, err := h.rooms.Rename(c.actor, room.ID, "Autre", c.at); return err },
			"profile": func() error {
				_, _, err := h.rooms.SetProfile(c.actor, room.ID, meetings.ProfileSensible, c.at)
				return err
			},
			"delete": func() error { return h.rooms.Delete(c.actor, room.ID, c.at) },
			"plan":   func() error { _, err := h.rooms.Plan(c.actor, room.ID, "Autre", plan, nil, c.at); return err },
			"replan": func() error { _, err := h.rooms.Replan(c.actor, meeting.ID, "Autre", plan, nil, c.at); return err },
			"except": func() error {
				_, err := h.rooms.Except(c.actor, meeting.ID, plan.Start, time.Time{}, 0, c.at)
				return err
			},
			"unplan":  func() error { _, err := h.rooms.Unplan(c.actor, meeting.ID, c.at); return err },
			"decline": func() error { _, err := h.rooms.Decline(c.actor, meeting.ID, c.at); return err },
		} {
			if err := do(); !errors.Is(err, c.err) {
				t.Errorf("%s by a token that is %s: %v", name, what, err)
			}
		}
	}
	if list, err := h.rooms.List(h.administrator.ID, now); err != nil || len(list) != 1 || list[0].Name != "Revue" {
		t.Errorf("the rooms are %+v, %v", list, err)
	}
	if list, err := h.rooms.PlannedIn(h.administrator.ID, room.ID); err != nil || len(list) != 1 || list[0].Title != "Revue" {
		t.Errorf("the meetings are %+v, %v", list, err)
	}
}

// TestProgramsAreSlowedDown: a token that counts by itself, tokens that don't by network; only so many of those are in the log.
func TestProgramsAreSlowedDown(t *testing.T) {
	// ASVS 6.3.1
	h := newHouse(t)
	r := h.robot(scopes(accounts.ReadStatus))
	for range programsBurst {
		if a := r.do("GET", "/api/admin/status", nil); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	a := r.do("GET", "/api/admin/status", nil)
	expect(t, "one too many", a, http.StatusTooManyRequests, "too-fast")
	if a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	expect(t, "another token", h.robot(scopes(accounts.ReadStatus)).do("GET", "/api/admin/status", nil), http.StatusOK, "")
	guess := &robot{h: h}
	for i := range strangersBurst + 5 {
		guess.token = strings.Repeat(string(rune('A'+i)), 43)
		want, code := http.StatusUnauthorized, "bad-token"
		if i >= strangersBurst {
			want, code = http.StatusTooManyRequests, "too-fast"
		}
		expect(t, "a guess", guess.do("GET", "/api/admin/status", nil), want, code)
	}
	list, err := h.audit.List(0, 100)
	must(t, err)
	n := 0
	for _, e := range list {
		if e.Action == audit.ProgramRefused {
			n++
		}
	}
	if n != strangersBurst {
		t.Errorf("%d refusals in the log, want %d", n, strangersBurst)
	}
}

func TestProgramsInTheConsole(t *testing.T) {
	h := newHouse(t)
	admin := h.asAdministrator()
	made := admin.do("POST", "/api/admin/programs", map[string]any{"name": "Inventaire", "scopes": []string{"accounts:read"}, "networks": []string{"127.0.0.0/8"}, "days": 30})
	expect(t, "made", made, http.StatusCreated, "")
	token, _ := made.json(t)["token"].(string)
	r := &robot{h: h, token: token}
	expect(t, "used", r.do("GET", "/api/admin/accounts?limit=1", nil), http.StatusOK, "")
	shown := admin.do("GET", "/api/admin/programs", nil)
	if at(shown.json(t), "tokens", 0, "used") == nil || at(shown.json(t), "tokens", 0, "by") != "Ada Admin" || at(shown.json(t), "tokens", 0, "networks", 0) != "127.0.0.0/8" {
		t.Errorf("%s", shown.body)
	}
	if strings.Contains(string(shown.body), token) {
		t.Error("the token is shown again")
	}
	for name, body := range map[string]map[string]any{
		"token-scopes":   {"name": "x", "scopes": []string{}},
		"token-networks": {"name": "x", "scopes": []string{"status:read"}, "networks": []string{"here"}},
		"token-days":     {"name": "x", "scopes": []string{"status:read"}, "days": 400},
		"bad-name":       {"name": " ", "scopes": []string{"status:read"}},
	} {
		expect(t, name, admin.do("POST", "/api/admin/programs", body), http.StatusUnprocessableEntity, name)
	}
	elsewhere := h.robot(accounts.ProgramWish{Scopes: []string{"status:read"}, Networks: []string{"192.0.2.0/24"}})
	expect(t, "from another network", elsewhere.do("GET", "/api/admin/status", nil), http.StatusForbidden, "token-network")
	h.advance(accounts.ProofLifetime + time.Minute)
	expect(t, "without a proof", admin.do("POST", "/api/admin/programs", map[string]any{"name": "x", "scopes": []string{"status:read"}}), http.StatusForbidden, "proofNeeded")
	id, _ := at(made.json(t), "program", "id").(string)
	expect(t, "revoked without one", admin.do("DELETE", "/api/admin/programs/"+id, nil), http.StatusNoContent, "")
	expect(t, "a revoked token", r.do("GET", "/api/admin/accounts", nil), http.StatusUnauthorized, "bad-token")
	expect(t, "no such token", admin.do("DELETE", "/api/admin/programs/x", nil), http.StatusNotFound, "not-found")
}

// FuzzBearer: whatever stands in the header, nobody gets in and nothing breaks.
func FuzzBearer(f *testing.F) {
	h := newHouse(f)
	right := h.robot(scopes(accounts.ReadStatus)).token
	for _, s := range []string{"", "Bearer ", "Bearer x", "bearer\tx", "Bearer " + strings.Repeat("A", 43), "Basic eDp4", "Bearer " + right[:42], "Bearer " + right + " x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if strings.Contains(header, right) {
			t.Skip()
		}
		h.advance(time.Minute)
		r := httptest.NewRequest(http.MethodGet, "https://visio.example.org/api/admin/status", nil)
		r.Header["Authorization"] = []string{header}
		w := httptest.NewRecorder()
		h.server.ServeHTTP(w, r)
		if w.Code < 400 || w.Code >= 500 {
			t.Fatalf("%q: %d %s", header, w.Code, w.Body)
		}
	})
}
