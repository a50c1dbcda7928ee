package web

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"huisclos/accounts"
)

func TestProfileOfARoom(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	list := owner.do("GET", "/api/profiles", nil)
	expect(t, "profiles", list, http.StatusOK, "")
	profiles := list.json(t)["profiles"].([]any)
	var names []string
	for _, p := range profiles {
		names = append(names, p.(map[string]any)["id"].(string))
	}
	if !slices.Equal(names, []string{"standard", "sensible", "restreint"}) {
		t.Fatal(names)
	}
	path := "/api/rooms/" + s.room
	of := func(a answer) map[string]any { return a.json(t)["profile"].(map[string]any) }
	if p := of(owner.do("GET", path, nil)); p["id"] != "standard" || p["name"] != "Standard" || len(p["conditions"].([]any)) != 0 || p["members"] != 0.0 {
		t.Errorf("%v", p)
	}
	changed := owner.do("PATCH", path, map[string]string{"profile": "restreint"})
	expect(t, "change", changed, http.StatusOK, "")
	if p := of(changed); p["id"] != "restreint" || p["members"] != 25.0 || !slices.Contains(p["conditions"].([]any), any("compared")) {
		t.Errorf("%v", p)
	}
	expect(t, "unknown", owner.do("PATCH", path, map[string]string{"profile": "secret"}), http.StatusUnprocessableEntity, "no-profile")
	expect(t, "nothing", owner.do("PATCH", path, map[string]string{}), http.StatusBadRequest, "bad-request")
	expect(t, "two things", owner.do("PATCH", path, map[string]string{"profile": "standard", "name": "x"}), http.StatusBadRequest, "bad-request")
	expect(t, "of somebody else", s.asAdministrator().do("PATCH", path, map[string]string{"profile": "standard"}), http.StatusForbidden, "forbidden")
	if p := of(owner.do("GET", path, nil)); p["id"] != "restreint" {
		t.Errorf("%v", p)
	}
}

// profilesOf reads a list of profiles by their ids.
func profilesOf(t *testing.T, a answer) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	for _, p := range a.json(t)["profiles"].([]any) {
		p := p.(map[string]any)
		out[p["id"].(string)] = p
	}
	return out
}

func TestOfficersOrderProfiles(t *testing.T) {
	s := newScene(t)
	one := s.asRole(accounts.Officer)
	made := one.do("POST", "/api/admin/profiles", map[string]any{"name": "Conseil", "conditions": []string{"twoFactors", "compared"}, "members": 12})
	expect(t, "make", made, http.StatusOK, "")
	var id string
	for at, p := range profilesOf(t, made) {
		if p["name"] == "Conseil" {
			id = at
		}
	}
	path := "/api/admin/profiles/" + id
	expect(t, "stricter", one.do("PATCH", path, map[string]any{"name": "Conseil", "conditions": []string{"twoFactors", "compared", "padded"}, "members": 12}), http.StatusOK, "")
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		code   string
	}{
		"no name":       {map[string]any{"conditions": []string{}}, http.StatusUnprocessableEntity, "bad-profile"},
		"unknown":       {map[string]any{"name": "A", "conditions": []string{"secret"}}, http.StatusUnprocessableEntity, "bad-profile"},
		"too many":      {map[string]any{"name": "A", "members": 70000}, http.StatusUnprocessableEntity, "bad-profile"},
		"fewer than 0":  {map[string]any{"name": "A", "members": -1}, http.StatusUnprocessableEntity, "bad-profile"},
		"name taken":    {map[string]any{"name": "restreint"}, http.StatusConflict, "profile-name"},
		"not built yet": {map[string]any{"name": "A", "conditions": []string{"padded", "managedClient"}}, http.StatusUnprocessableEntity, "condition-not-built"},
	} {
		expect(t, name, one.do("POST", "/api/admin/profiles", c.body), c.status, c.code)
	}
	expect(t, "not there", one.do("PATCH", "/api/admin/profiles/AAAAAAAAAAAAAAAA", map[string]any{"name": "A"}), http.StatusUnprocessableEntity, "no-profile")

	// What asks less waits for another officer, says what it would be, and changes nothing meanwhile.
	looser := one.do("PATCH", path, map[string]any{"name": "Conseil", "conditions": []string{"twoFactors"}, "members": 12})
	expect(t, "looser", looser, http.StatusAccepted, "")
	proposal := looser.json(t)["proposal"].(map[string]any)
	if proposal["kind"] != "profile" || proposal["waits"] != "secondOfficer" || proposal["change"].(map[string]any)["profile"].(map[string]any)["id"] != id {
		t.Errorf("proposed: %v", proposal)
	}
	expect(t, "the own one", one.do("POST", "/api/admin/proposals/"+proposal["id"].(string)+"/approve", nothing), http.StatusForbidden, "ownProposal")
	if p := profilesOf(t, one.do("GET", "/api/admin/profiles", nil))[id]; len(p["conditions"].([]any)) != 3 {
		t.Errorf("not approved, and in force: %v", p)
	}
	s.newAccountOf("second-officer@example.org", accounts.Officer)
	two := s.signedIn("second-officer@example.org", rolePassphrase)
	two.enrol(t, rolePassphrase)
	expect(t, "approve", two.do("POST", "/api/admin/proposals/"+proposal["id"].(string)+"/approve", nothing), http.StatusOK, "")
	if p := profilesOf(t, one.do("GET", "/api/admin/profiles", nil))[id]; len(p["conditions"].([]any)) != 1 {
		t.Errorf("approved, and not in force: %v", p)
	}

	// A room's profile is not taken from under it.
	expect(t, "choose", s.asMember().do("PATCH", "/api/rooms/"+s.room, map[string]string{"profile": id}), http.StatusOK, "")
	expect(t, "in use", one.do("DELETE", path, nil), http.StatusConflict, "profile-used")
	expect(t, "choose another", s.asMember().do("PATCH", "/api/rooms/"+s.room, map[string]string{"profile": "sensible"}), http.StatusOK, "")
	expect(t, "remove", one.do("DELETE", path, nil), http.StatusOK, "")
	expect(t, "built in", one.do("DELETE", "/api/admin/profiles/sensible", nil), http.StatusConflict, "profile-built-in")

	// It is a sensitive act.
	s.advance(accounts.ProofLifetime + time.Second)
	expect(t, "without a proof", one.do("POST", "/api/admin/profiles", map[string]any{"name": "B"}), http.StatusForbidden, "proofNeeded")
}
