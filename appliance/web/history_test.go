package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/meetings"
)

// The history of calls as an administrator and a program read it: pages, one room, days, a copy that is recorded; and the limits.
func TestHistoryOfCalls(t *testing.T) {
	h := newHouse(t)
	admin, owner := h.asAdministrator(), h.member
	room, err := h.rooms.Create(accounts.Actor{Account: owner.ID}, "=Conseil", h.now)
	must(t, err)
	began := h.now
	for i := range 3 {
		at := began.Add(time.Duration(i) * 24 * time.Hour)
		h.diary.Began(room.ID, false, at)
		h.diary.Inside(room.ID, 2+i)
		if i < 2 {
			h.diary.Over(room.ID, meetings.EndLeft, at.Add(time.Hour))
		}
	}
	type page struct {
		Calls []struct {
			Room  struct{ ID, Name string }
			Began time.Time
			Ended *time.Time
			Most  int
			How   string
		}
		Next string
		Days int
	}
	list := func(query string) (p page) {
		t.Helper()
		r := admin.do("GET", "/api/admin/calls/history"+query, nil)
		expect(t, query, r, http.StatusOK, "")
		readInto(t, r, &p)
		return p
	}
	for deadline := time.Now().Add(10 * time.Second); len(list("").Calls) < 3 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	first := list("?limit=2")
	if len(first.Calls) != 2 || first.Next == "" || first.Days != 30 || first.Calls[0].Ended != nil || first.Calls[0].Most != 4 || first.Calls[1].How != "left" || first.Calls[1].Room.Name != "=Conseil" {
		t.Fatalf("%+v", first)
	}
	if rest := list("?limit=2&after=" + first.Next); len(rest.Calls) != 1 || rest.Next != "" || !rest.Calls[0].Began.Equal(began) {
		t.Fatalf("%+v", rest)
	}
	if one := list("?room=" + room.ID.String() + "&to=" + began.Add(time.Hour).Format(time.RFC3339)); len(one.Calls) != 1 {
		t.Fatalf("%+v", one)
	}
	for _, bad := range []string{"?after=zz", "?room=zz", "?from=yesterday"} {
		expect(t, bad, admin.do("GET", "/api/admin/calls/history"+bad, nil), http.StatusBadRequest, "bad-request")
	}
	// Nobody is in it, and a name is no formula.
	r := admin.do("GET", "/api/admin/calls/history/export?from="+began.Format(time.RFC3339), nil)
	expect(t, "a copy", r, http.StatusOK, "")
	lines := strings.Split(strings.TrimSpace(string(r.body)), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], "'=Conseil,") || strings.Contains(string(r.body), "Marie") || strings.Contains(string(r.body), owner.ID.String()) {
		t.Fatalf("%s", r.body)
	}
	found, err := h.audit.Search(audit.Query{Action: string(audit.HistoryExported)}, 0, 10)
	must(t, err)
	if len(found.Entries) != 1 || found.Entries[0].Detail["from"] == "" {
		t.Fatalf("recorded: %+v", found.Entries)
	}
	var used struct {
		Limits []struct {
			Setting    string
			Most, Used int
		}
		Rooms int
	}
	r = admin.do("GET", "/api/admin/limits", nil)
	readInto(t, r, &used)
	if len(used.Limits) != 6 || used.Rooms != 1 || used.Limits[1].Most != 1000 || used.Limits[2].Used != 1 || used.Limits[3].Used < 1 {
		t.Fatalf("%+v", used)
	}
}

func readInto(t *testing.T, a answer, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// Who left the first start before the second factor is told that it goes on; nobody else is.
func TestLeftBeforeTheSecondFactor(t *testing.T) {
	h := emptyHouse(t)
	code, _, err := h.accounts.SetupCode(h.now)
	must(t, err)
	b := h.browser()
	b.token()
	var me struct {
		Must   string
		Wizard bool
	}
	r := b.do("POST", "/api/setup", map[string]any{"code": code.Reveal(), "name": "Ada", "email": "ada@example.org", "passphrase": "quinze lapins sous la lune", "wizard": true})
	expect(t, "set-up", r, http.StatusOK, "")
	readInto(t, r, &me)
	if me.Must != "factor" || !me.Wizard {
		t.Fatalf("%+v", me)
	}
	again := h.browser()
	again.token()
	r = again.do("POST", "/api/login", map[string]string{"email": "ada@example.org", "passphrase": "quinze lapins sous la lune"})
	me.Wizard = false
	readInto(t, r, &me)
	if me.Must != "factor" || !me.Wizard {
		t.Fatalf("at the next sign-in: %+v", me)
	}
	must(t, h.server.Progress.SetOver(true))
	me.Wizard = false
	readInto(t, again.do("GET", "/api/me", nil), &me)
	if me.Wizard {
		t.Fatal("the wizard that is over goes on")
	}
}
