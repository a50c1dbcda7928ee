package web

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// Whoever lacks the second factor that the role needs is let to what sets one up, and out again: to nothing else, whatever
// route is added.
func TestIncompleteSessionOnEveryRoute(t *testing.T) {
	// ASVS 8.2.1, 8.3.1
	open := map[string]bool{}
	for _, name := range []string{
		"GET /api/me", "GET /api/openapi.json", "POST /api/setup", "POST /api/login", "POST /api/logout", "POST /api/activation", "POST /api/activate", "POST /api/activation/passkey", "POST /api/invitation/passkey",
		"GET /api/account/factors", "POST /api/account/totp", "POST /api/account/totp/replace", "POST /api/account/totp/confirm", "DELETE /api/account/totp",
		"POST /api/passkey/login/begin", "POST /api/passkey/login/finish", "POST /api/account/passkeys/begin", "POST /api/account/passkeys",
		"PATCH /api/account/passkeys/:passkey", "DELETE /api/account/passkeys/:passkey",
		"POST /api/account/recovery", "GET /api/account/sessions", "DELETE /api/account/sessions", "DELETE /api/account/sessions/:session",
		"GET /api/calendar/:file",                                                                                          // its address is the secret, whoever asks
		"POST /api/invitation", "POST /api/invitation/code", "POST /api/invitation/confirm", "POST /api/invitation/accept", // likewise
		"POST /api/address", "POST /api/address/restore", // likewise
		"GET /api/appearance",                                                    // what stands at the door
		"POST /api/oidc/start", "POST /api/oidc/finish", "POST /api/oidc/factor", // signing in, and proving again before the factor is set up
	} {
		open[name] = true
	}
	s := newScene(t)
	must(t, s.require(accounts.Organiser, accounts.Member))
	bodies := map[string]right{}
	for _, r := range rights {
		bodies[r.method+" "+r.route] = r
	}
	for _, role := range []accounts.Role{accounts.Administrator, accounts.Officer, accounts.Auditor, accounts.Organiser, accounts.Member} {
		email := "without-" + address(role)
		s.newAccountOf(email, role)
		b := s.signedIn(email, rolePassphrase)
		if me := b.do("GET", "/api/me", nil).json(t); me["must"] != "factor" || b.roleOf() != string(role) {
			t.Errorf("%s is told %v", role, me)
		}
		refused := 0
		for _, rt := range s.server.echo.Routes() {
			name := rt.Method + " " + rt.Path
			if !strings.HasPrefix(rt.Path, "/api/") || open[name] {
				continue
			}
			r, known := bodies[name]
			if !known {
				t.Fatalf("%s has no line in the privilege matrix", name)
			}
			refused++
			expect(t, string(role)+" "+name, b.do(r.method, r.path(s), r.body), http.StatusForbidden, "factorRequired")
		}
		if refused < 20 {
			t.Errorf("%s was refused %d routes: the test says nothing", role, refused)
		}
		// What is open: the factor, and with it the rest.
		expect(t, "sessions", b.do("GET", "/api/account/sessions", nil), http.StatusOK, "")
		b.enrol(t, rolePassphrase)
		if me := b.do("GET", "/api/me", nil).json(t); me["must"] != nil || me["secondFactor"] != true {
			t.Errorf("%s is told %v afterwards", role, me)
		}
		if f := b.do("GET", "/api/account/factors", nil).json(t); f["required"] != true {
			t.Errorf("%s is told %v of its factors", role, f)
		}
		expect(t, "rename", b.do("PATCH", "/api/account", map[string]string{"name": "Complet"}), http.StatusOK, "")
		status := http.StatusOK
		if role == accounts.Auditor {
			status = http.StatusForbidden
		}
		if a := b.do("GET", "/api/rooms", nil); a.status != status {
			t.Errorf("%s: rooms %d", role, a.status)
		}
		s.advance(time.Minute)
	}
}

// newAccountOf is an active account without a second factor, also where an officer takes four eyes to make.
func (h *house) newAccountOf(email string, role accounts.Role) accounts.Account {
	h.t.Helper()
	_, link, err := h.accounts.Create(accounts.Operator(), "Sans "+string(role), email, role, h.clock())
	must(h.t, err)
	a, _, err := h.accounts.Activate(h.t.Context(), link.Token.Reveal(), rolePassphrase, accounts.Client{Address: netip.MustParseAddr("192.0.2.200")}, h.clock())
	must(h.t, err)
	return a
}

// require makes the officer's policy ask a second factor of roles.
func (h *house) require(roles ...accounts.Role) error {
	officer := h.there(accounts.Officer)
	var p accounts.Policy
	for _, r := range roles {
		switch r {
		case accounts.Organiser:
			p.Organiser = accounts.Required
		case accounts.Member:
			p.Member = accounts.Required
		}
	}
	_, err := h.accounts.ChangePolicy(accounts.Actor{Account: officer.ID, Proved: h.clock()}, p, h.clock())
	return err
}

func TestPolicyActsAtOnce(t *testing.T) {
	h := newHouse(t)
	member, officer := h.asMember(), h.asRole(accounts.Officer)
	expect(t, "before", member.do("GET", "/api/rooms", nil), http.StatusOK, "")
	a := officer.do("PATCH", "/api/admin/policy", map[string]any{"twoFactors": map[string]string{"organiser": "required"}})
	expect(t, "stricter", a, http.StatusOK, "")
	factors := a.json(t)["twoFactors"].(map[string]any)
	for role, want := range map[string]string{"administrator": "always", "officer": "always", "auditor": "always", "organiser": "required", "member": "optional"} {
		if factors[role] != want {
			t.Errorf("%s: %v, want %s", role, factors[role], want)
		}
	}
	if a.json(t)["officers"] != 1.0 {
		t.Errorf("officers: %s", a.body)
	}
	expect(t, "the session that stood", member.do("GET", "/api/rooms", nil), http.StatusForbidden, "factorRequired")
	expect(t, "a socket", member.do("GET", "/api/connection/echo", nil), http.StatusForbidden, "factorRequired")
	secret, _ := member.enrol(t, memberPassphrase)
	expect(t, "with a factor", member.do("GET", "/api/rooms", nil), http.StatusOK, "")
	h.advance(time.Minute)
	expect(t, "the last one stays", member.do("DELETE", "/api/account/totp",
		map[string]string{"passphrase": memberPassphrase, "code": totp(t, secret, h.clock())}), http.StatusConflict, "factorKept")
	for name, body := range map[string]any{
		"a role that has no choice": map[string]any{"twoFactors": map[string]string{"administrator": "optional"}},
		"a guest":                   map[string]any{"twoFactors": map[string]string{"guest": "optional"}},
	} {
		expect(t, name, officer.do("PATCH", "/api/admin/policy", body), http.StatusBadRequest, "bad-request")
	}
	expect(t, "another word", officer.do("PATCH", "/api/admin/policy", map[string]any{"twoFactors": map[string]string{"member": "always"}}),
		http.StatusUnprocessableEntity, "bad-policy")
}

// Sensitive acts ask again after ten minutes, and not before; a proof stands for ten more, and the token stays.
func TestStepUp(t *testing.T) {
	// ASVS 7.5.3
	h := newHouse(t)
	h.there(accounts.Auditor)
	admin := h.asAdministrator()
	auditor := h.there(accounts.Auditor).ID.String()
	member := h.member.ID.String()
	sensitive := []struct {
		name, method, path string
		body               any
	}{
		{"create an administrator", "POST", "/api/admin/accounts", map[string]string{"name": "Neuf", "email": "n1@example.org", "role": "administrator"}},
		{"create an auditor", "POST", "/api/admin/accounts", map[string]string{"name": "Neuf", "email": "n2@example.org", "role": "auditor"}},
		{"to a privileged role", "PATCH", "/api/admin/accounts/" + member, map[string]string{"role": "auditor"}},
		{"from a privileged role", "PATCH", "/api/admin/accounts/" + auditor, map[string]string{"role": "member"}},
		{"disable an auditor", "PATCH", "/api/admin/accounts/" + auditor, map[string]bool{"disabled": true}},
		{"rename an auditor", "PATCH", "/api/admin/accounts/" + auditor, map[string]string{"name": "Autre"}},
		{"delete a member", "DELETE", "/api/admin/accounts/" + member, nil},
		{"take factors", "DELETE", "/api/admin/accounts/" + auditor + "/factors", nil},
		{"reset an active account", "POST", "/api/admin/accounts/" + member + "/activation", nothing},
	}
	token := admin.cookies()[sessionCookie]
	h.advance(accounts.ProofLifetime - time.Second)
	expect(t, "a second before", admin.do("PATCH", "/api/admin/accounts/"+auditor, map[string]string{"name": "Rose A."}), http.StatusOK, "")
	h.advance(time.Second)
	for _, x := range sensitive {
		expect(t, x.name, admin.do(x.method, x.path, x.body), http.StatusForbidden, "proofNeeded")
	}
	// What is not sensitive goes on.
	expect(t, "create a member", admin.do("POST", "/api/admin/accounts", map[string]string{"name": "Neuf", "email": "n3@example.org", "role": "member"}), http.StatusCreated, "")
	expect(t, "disable a member", admin.do("PATCH", "/api/admin/accounts/"+h.other.ID.String(), map[string]bool{"disabled": true}), http.StatusOK, "")

	expect(t, "a wrong passphrase", admin.do("POST", "/api/proof", map[string]string{"passphrase": "not this one at all", "code": h.code("ada@example.org")}),
		http.StatusForbidden, "passphrase-wrong")
	expect(t, "no code", admin.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase}), http.StatusUnauthorized, "secondFactorNeeded")
	expect(t, "a wrong code", admin.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase, "code": "00000"}), http.StatusForbidden, "codeWrong")
	expect(t, "still", admin.do("DELETE", "/api/admin/accounts/"+member, nil), http.StatusForbidden, "proofNeeded")
	expect(t, "proof", admin.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase, "code": h.code("ada@example.org")}), http.StatusNoContent, "")
	if admin.cookies()[sessionCookie] != token {
		t.Error("the token changed")
	}
	for _, x := range sensitive {
		if a := admin.do(x.method, x.path, x.body); a.status >= 300 && x.name != "reset an active account" && x.name != "take factors" {
			t.Errorf("%s after a proof: %d %s", x.name, a.status, a.body)
		}
	}
	// Another session of the same account has proved nothing.
	other := h.asAdministrator()
	h.advance(accounts.ProofLifetime)
	expect(t, "proof", admin.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase, "code": h.code("ada@example.org")}), http.StatusNoContent, "")
	expect(t, "the other session", other.do("DELETE", "/api/admin/accounts/"+h.other.ID.String(), nil), http.StatusForbidden, "proofNeeded")
	expect(t, "the one that proved", admin.do("DELETE", "/api/admin/accounts/"+h.other.ID.String(), nil), http.StatusNoContent, "")
}

func TestFourEyesFromEndToEnd(t *testing.T) {
	h := newHouse(t)
	admin := h.asAdministrator()
	first := map[string]string{"name": "Olga Une", "email": "olga@example.org", "role": "officer"}
	a := admin.do("POST", "/api/admin/accounts", first)
	expect(t, "the first officer", a, http.StatusCreated, "")
	_, token, _ := strings.Cut(a.json(t)["activation"].(map[string]any)["url"].(string), "#")
	b := h.fresh()
	a = b.do("POST", "/api/activate", map[string]string{"token": token, "passphrase": rolePassphrase})
	expect(t, "activates", a, http.StatusOK, "")
	if a.json(t)["must"] != "factor" {
		t.Errorf("activated: %s", a.body)
	}
	b.token()
	b.enrol(t, rolePassphrase)

	// From now on an officer is not made alone.
	a = admin.do("POST", "/api/admin/accounts", map[string]string{"name": "Oona Deux", "email": "oona@example.org", "role": "officer"})
	expect(t, "a second officer", a, http.StatusAccepted, "")
	p := a.json(t)["proposal"].(map[string]any)
	change := p["change"].(map[string]any)
	if p["kind"] != "create" || p["by"].(map[string]any)["name"] != "Ada Admin" || p["canApprove"] != false || p["waits"] != "" ||
		change["email"] != "oona@example.org" || change["role"] != "officer" || p["account"] != nil {
		t.Errorf("proposed: %v", p)
	}
	list := b.do("GET", "/api/admin/proposals", nil).json(t)["proposals"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["canApprove"] != true {
		t.Fatalf("the officer sees %v", list)
	}
	path := "/api/admin/proposals/" + p["id"].(string)
	expect(t, "the administrator approves", admin.do("POST", path+"/approve", nothing), http.StatusForbidden, "forbidden")
	a = b.do("POST", path+"/approve", nothing)
	expect(t, "approve", a, http.StatusOK, "")
	done := a.json(t)
	if done["kind"] != "create" || done["account"].(map[string]any)["role"] != "officer" || !strings.Contains(done["activation"].(map[string]any)["url"].(string), "/activate#") {
		t.Errorf("approved: %s", a.body)
	}
	expect(t, "again", b.do("POST", path+"/approve", nothing), http.StatusNotFound, "not-found")

	// Asking less of people waits for a second officer while there is one only, and nobody agrees to their own.
	expect(t, "stricter", b.do("PATCH", "/api/admin/policy", map[string]any{"twoFactors": map[string]string{"member": "required"}}), http.StatusOK, "")
	a = b.do("PATCH", "/api/admin/policy", map[string]any{"twoFactors": map[string]string{"member": "optional", "organiser": "required"}})
	expect(t, "looser", a, http.StatusAccepted, "")
	p = a.json(t)["proposal"].(map[string]any)
	if p["kind"] != "policy" || p["waits"] != "secondOfficer" || p["canApprove"] != false {
		t.Errorf("proposed: %v", p)
	}
	path = "/api/admin/proposals/" + p["id"].(string)
	expect(t, "the own one", b.do("POST", path+"/approve", nothing), http.StatusForbidden, "ownProposal")
	if got := b.do("GET", "/api/admin/policy", nil).json(t)["twoFactors"].(map[string]any); got["member"] != "required" || got["organiser"] != "optional" {
		t.Errorf("not approved, and in force: %v", got)
	}
	expect(t, "another administrator rejects", h.asRole(accounts.Administrator).do("POST", path+"/reject", nothing), http.StatusForbidden, "forbidden")
	expect(t, "taken back", b.do("POST", path+"/reject", nothing), http.StatusNoContent, "")
	expect(t, "the only officer goes", admin.do("PATCH", "/api/admin/accounts/"+idOf(t, admin, "olga"), map[string]string{"role": "member"}), http.StatusAccepted, "")
	if p := admin.do("GET", "/api/admin/proposals", nil).json(t)["proposals"].([]any)[0].(map[string]any); p["waits"] != "secondOfficer" ||
		p["account"].(map[string]any)["name"] != "Olga Une" || p["change"].(map[string]any)["from"] != "officer" {
		t.Errorf("waits: %v", p)
	}
}

func idOf(t *testing.T, b *browser, query string) string {
	t.Helper()
	list := b.do("GET", "/api/admin/accounts?query="+query, nil).json(t)["accounts"].([]any)
	if len(list) != 1 {
		t.Fatalf("%s: %v", query, list)
	}
	return list[0].(map[string]any)["id"].(string)
}

// A role counts for own objects too: what an auditor owned before is nothing that it may use.
func TestRolesAndWhatTheyOwn(t *testing.T) {
	h := newHouse(t)
	room := func(role accounts.Role) (*browser, string) {
		r, err := h.rooms.Create(accounts.Actor{Account: h.there(role).ID}, "Ancienne", h.clock())
		must(t, err)
		return h.asRole(role), "/api/rooms/" + r.ID.String()
	}
	auditor, path := room(accounts.Auditor)
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		expect(t, "auditor "+method, auditor.do(method, path, map[string]string{"name": "x"}), http.StatusForbidden, "forbidden")
	}
	for _, role := range []accounts.Role{accounts.Member, accounts.Officer, accounts.Administrator} {
		b, path := room(role)
		expect(t, string(role)+" renames", b.do("PATCH", path, map[string]string{"name": "Mienne"}), http.StatusOK, "")
		expect(t, string(role)+" deletes", b.do("DELETE", path, nil), http.StatusNoContent, "")
	}
	// An administrator gets nobody's room by being one, nor a way around its lobby: see TestSignallingIsWhoTheSessionSays.
	admin := h.asAdministrator()
	r, err := h.rooms.Create(accounts.Actor{Account: h.member.ID}, "Salle", h.clock())
	must(t, err)
	expect(t, "administrator renames", admin.do("PATCH", "/api/rooms/"+r.ID.String(), map[string]string{"name": "x"}), http.StatusForbidden, "forbidden")
	expect(t, "administrator reads the tree", admin.do("GET", "/api/rooms/"+r.ID.String()+"/tree/0", nil), http.StatusNotFound, "not-found")
}

// What follows a deletion follows one that was agreed to: the rooms of the account go with it, and its calls.
func TestAgreedDeletionTakesRoomsAlong(t *testing.T) {
	h := newHouse(t)
	olga := h.there(accounts.Officer)
	oona := h.newAccountOf("oona@example.org", accounts.Officer)
	h.giveFactor(oona, rolePassphrase)
	room, err := h.rooms.Create(accounts.Actor{Account: olga.ID}, "Salle d'Olga", h.clock())
	must(t, err)
	admin := h.asAdministrator()
	a := admin.do("DELETE", "/api/admin/accounts/"+olga.ID.String(), nil)
	expect(t, "proposed", a, http.StatusAccepted, "")
	if _, err := h.rooms.Get(room.ID); err != nil {
		t.Errorf("the room went with the proposal: %v", err)
	}
	path := "/api/admin/proposals/" + a.json(t)["proposal"].(map[string]any)["id"].(string)
	expect(t, "whose account it is", h.asRole(accounts.Officer).do("POST", path+"/approve", nothing), http.StatusForbidden, "ownProposal")
	b := h.signedIn("oona@example.org", rolePassphrase)
	h.advance(accounts.ProofLifetime)
	expect(t, "an old proof", b.do("POST", path+"/approve", nothing), http.StatusForbidden, "proofNeeded")
	expect(t, "proof", b.do("POST", "/api/proof", map[string]string{"passphrase": rolePassphrase, "code": h.code("oona@example.org")}), http.StatusNoContent, "")
	a = b.do("POST", path+"/approve", nothing)
	expect(t, "approve", a, http.StatusOK, "")
	if a.json(t)["kind"] != "delete" || a.json(t)["account"].(map[string]any)["id"] != olga.ID.String() || a.json(t)["activation"] != nil {
		t.Errorf("approved: %s", a.body)
	}
	if _, err := h.rooms.Get(room.ID); err == nil {
		t.Error("the room outlives its owner")
	}
}
