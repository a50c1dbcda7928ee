package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

func TestSetupOnce(t *testing.T) {
	h := emptyHouse(t)
	code, _, err := h.accounts.SetupCode(h.now)
	must(t, err)
	b := h.browser()
	a := b.do("GET", "/api/me", nil)
	expect(t, "me before set-up", a, http.StatusUnauthorized, "not-signed-in")
	if a.json(t)["setupNeeded"] != true {
		t.Error("set-up is needed and not said")
	}
	b.token()
	form := map[string]string{"code": "wrong", "name": "Ada", "email": "ada@example.org", "passphrase": adminPassphrase}
	expect(t, "wrong code", b.do("POST", "/api/setup", form), http.StatusForbidden, "bad-setup-code")
	form["code"] = code.Reveal()
	form["passphrase"] = "short"
	expect(t, "short passphrase", b.do("POST", "/api/setup", form), http.StatusUnprocessableEntity, "passphrase-short")
	form["passphrase"] = adminPassphrase
	a = b.do("POST", "/api/setup", form)
	expect(t, "set-up", a, http.StatusOK, "")
	if got := a.json(t)["account"].(map[string]any)["role"]; got != "administrator" {
		t.Errorf("role %v", got)
	}
	expect(t, "me after set-up", b.do("GET", "/api/me", nil), http.StatusOK, "")
	second := h.browser()
	a = second.do("GET", "/api/me", nil)
	if a.json(t)["setupNeeded"] != false {
		t.Error("set-up is done and not said")
	}
	second.token()
	expect(t, "second set-up", second.do("POST", "/api/setup", form), http.StatusConflict, "setup-done")
}

func TestSignInAndOut(t *testing.T) {
	// ASVS 3.3.1, 3.3.2, 3.3.3, 3.3.4, 6.3.8, 7.2.2, 7.2.4, 7.4.1
	h := newHouse(t)
	b := h.browser()
	b.token()
	before := b.cookies()
	if before[visitCookie] == "" || before[sessionCookie] != "" {
		t.Fatalf("cookies before sign-in: %v", before)
	}
	wrong := b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": "not this passphrase"})
	expect(t, "wrong passphrase", wrong, http.StatusUnauthorized, "bad-credentials")
	unknown := b.do("POST", "/api/login", map[string]string{"email": "nobody@example.org", "passphrase": "not this passphrase"})
	expect(t, "unknown account", unknown, http.StatusUnauthorized, "bad-credentials")
	if string(wrong.body) != string(unknown.body) {
		t.Errorf("the answers tell which accounts exist:\n%s\n%s", wrong.body, unknown.body)
	}
	a := b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase})
	expect(t, "sign-in", a, http.StatusOK, "")
	for _, line := range a.header.Values("Set-Cookie") {
		for _, part := range []string{"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} {
			if !strings.Contains(line, part) {
				t.Errorf("cookie without %s: %s", part, line)
			}
		}
		if strings.Contains(line, "Domain=") || !strings.HasPrefix(line, "__Host-") {
			t.Errorf("cookie for other hosts: %s", line)
		}
	}
	after := b.cookies()
	if after[sessionCookie] == "" || after[visitCookie] != "" {
		t.Errorf("cookies after sign-in: %v", after)
	}
	b.token()
	expect(t, "sign-out", b.do("POST", "/api/logout", map[string]string{}), http.StatusNoContent, "")
	if b.cookies()[sessionCookie] != "" {
		t.Error("the cookie outlives the session")
	}
	stolen := h.browser()
	r := stolen.request("GET", "/api/me", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: after[sessionCookie]})
	expect(t, "session after sign-out", stolen.send(r), http.StatusUnauthorized, "not-signed-in")
	if log := h.log.String(); strings.Contains(log, after[sessionCookie]) || strings.Contains(log, memberPassphrase) {
		t.Error("a secret stands in the log")
	}
}

func TestSecretsAreRateLimited(t *testing.T) {
	// ASVS 6.3.1
	h := newHouse(t)
	for name, try := range map[string]func(*browser) answer{
		"sign-in": func(b *browser) answer {
			return b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": "not this passphrase"})
		},
		"activation look": func(b *browser) answer { return b.do("POST", "/api/activation", map[string]string{"token": "guess"}) },
	} {
		h.advance(48 * time.Hour)
		b := h.browser()
		b.token()
		for range 5 {
			if a := try(b); a.status == http.StatusTooManyRequests {
				t.Errorf("%s: limited within five tries", name)
			}
		}
		// The sixth may be a first short wait already.
		var limited answer
		for range 3 {
			limited = try(b)
		}
		expect(t, name, limited, http.StatusTooManyRequests, "too-many")
		if limited.header.Get("Retry-After") == "" || limited.json(t)["until"] == nil {
			t.Errorf("%s: says not when to come back: %s", name, limited.body)
		}
	}
	if log := h.log.String(); !strings.Contains(log, "client=masked") || strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log does not mask who it was:\n%s", log)
	}
}

func TestActivation(t *testing.T) {
	// ASVS 14.2.1
	h := newHouse(t)
	admin := h.asAdministrator()
	a := admin.do("POST", "/api/admin/accounts", map[string]string{"name": "Nina Neuve", "email": "nina@example.org", "role": "member"})
	expect(t, "create", a, http.StatusCreated, "")
	link, _ := a.json(t)["activation"].(map[string]any)["url"].(string)
	address, token, found := strings.Cut(link, "#")
	if !found || address != h.tls.URL+"/activate" {
		t.Fatalf("link %q", link)
	}
	b := h.browser()
	b.token()
	look := b.do("POST", "/api/activation", map[string]string{"token": token})
	expect(t, "look", look, http.StatusOK, "")
	if look.json(t)["name"] != "Nina Neuve" {
		t.Errorf("look: %s", look.body)
	}
	use := map[string]string{"token": token, "passphrase": "neuf narvals nagent au nord"}
	expect(t, "use", b.do("POST", "/api/activate", use), http.StatusOK, "")
	expect(t, "signed in", b.do("GET", "/api/rooms", nil), http.StatusOK, "")
	again := h.browser()
	again.token()
	expect(t, "second use", again.do("POST", "/api/activate", use), http.StatusGone, "bad-activation")
}

func TestSessionsListAndEnd(t *testing.T) {
	// ASVS 8.2.2
	h := newHouse(t)
	one, two := h.asMember(), h.asMember()
	list := one.do("GET", "/api/account/sessions", nil).json(t)["sessions"].([]any)
	if len(list) < 2 {
		t.Fatalf("%d sessions", len(list))
	}
	current := 0
	for _, item := range list {
		s := item.(map[string]any)
		if s["current"] == true {
			current++
			continue
		}
		expect(t, "end", one.do("DELETE", "/api/account/sessions/"+s["id"].(string), nil), http.StatusNoContent, "")
	}
	if current != 1 {
		t.Errorf("%d current sessions", current)
	}
	expect(t, "the ended one", two.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	expect(t, "the other", one.do("GET", "/api/rooms", nil), http.StatusOK, "")
	mine := one.do("GET", "/api/account/sessions", nil).json(t)["sessions"].([]any)[0].(map[string]any)["id"].(string)
	expect(t, "somebody else's", h.asOther().do("DELETE", "/api/account/sessions/"+mine, nil), http.StatusNotFound, "not-found")
	expect(t, "still there", one.do("GET", "/api/rooms", nil), http.StatusOK, "")

	// All others at once: theirs go, this one and other people's stay.
	third, fourth, other := h.asMember(), h.asMember(), h.asOther()
	expect(t, "end all others", one.do("DELETE", "/api/account/sessions", nothing), http.StatusNoContent, "")
	for _, b := range []*browser{third, fourth} {
		expect(t, "an ended one", b.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	}
	if list := one.do("GET", "/api/account/sessions", nil).json(t)["sessions"].([]any); len(list) != 1 || list[0].(map[string]any)["id"] != mine {
		t.Errorf("left are %v", list)
	}
	expect(t, "somebody else", other.do("GET", "/api/rooms", nil), http.StatusOK, "")
}

func TestPassphraseChangeEndsSessions(t *testing.T) {
	// ASVS 6.2.3, 7.2.2, 7.2.4, 7.4.3, 7.5.1
	h := newHouse(t)
	one, two := h.asMember(), h.asMember()
	expect(t, "wrong old one", one.do("POST", "/api/account/passphrase", map[string]string{"old": "not this passphrase", "new": "treize tortues traversent"}),
		http.StatusForbidden, "passphrase-wrong")
	before := one.cookies()[sessionCookie]
	expect(t, "change", one.do("POST", "/api/account/passphrase", map[string]string{"old": memberPassphrase, "new": "treize tortues traversent"}), http.StatusOK, "")
	if one.cookies()[sessionCookie] == before {
		t.Error("the token did not change")
	}
	expect(t, "own", one.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "other browser", two.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
}

func TestOwnAccountIsKept(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	path := "/api/admin/accounts/" + h.administrator.ID.String()
	expect(t, "disable oneself", b.do("PATCH", path, map[string]any{"disabled": true}), http.StatusConflict, "own-account")
	expect(t, "demote oneself", b.do("PATCH", path, map[string]any{"role": "member"}), http.StatusConflict, "own-account")
	expect(t, "delete oneself", b.do("DELETE", path, nil), http.StatusConflict, "own-account")
	expect(t, "rename oneself", b.do("PATCH", path, map[string]any{"name": "Ada L."}), http.StatusOK, "")
}

func TestAccountsPage(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	seen := map[string]bool{}
	after := ""
	for range 5 {
		page := b.do("GET", "/api/admin/accounts?limit=1&after="+after, nil).json(t)
		for _, item := range page["accounts"].([]any) {
			seen[item.(map[string]any)["email"].(string)] = true
		}
		if after, _ = page["next"].(string); after == "" {
			break
		}
	}
	if len(seen) != 3 {
		t.Errorf("paging found %v", seen)
	}
	found := b.do("GET", "/api/admin/accounts?query=mari", nil).json(t)["accounts"].([]any)
	if len(found) != 1 {
		t.Errorf("search found %v", found)
	}
	expect(t, "cursor from elsewhere", b.do("GET", "/api/admin/accounts?after=%00%ff", nil), http.StatusBadRequest, "bad-cursor")
}

func TestAuditPages(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	first := b.do("GET", "/api/admin/audit?limit=2", nil).json(t)
	if n := len(first["entries"].([]any)); n != 2 || first["next"] == "" {
		t.Fatalf("first page: %v", first)
	}
	second := b.do("GET", "/api/admin/audit?limit=2&after="+first["next"].(string), nil).json(t)
	last := first["entries"].([]any)[1].(map[string]any)["sequence"].(float64)
	if next := second["entries"].([]any)[0].(map[string]any)["sequence"].(float64); next != last-1 {
		t.Errorf("the second page begins at %v after %v", next, last)
	}
	// Who reads the log reads names, whatever else is shut to them; of accounts alone.
	page := h.asRole(accounts.Auditor).do("GET", "/api/admin/audit", nil).json(t)
	names := page["names"].(map[string]any)
	for _, item := range page["entries"].([]any) {
		e := item.(map[string]any)
		if _, err := accounts.ParseID(e["actor"].(string)); err == nil && names[e["actor"].(string)] == nil {
			t.Errorf("no name for who did %v", e["action"])
		}
	}
	if len(names) == 0 {
		t.Error("no names at all")
	}
	expect(t, "no number", b.do("GET", "/api/admin/audit?after=x", nil), http.StatusBadRequest, "bad-request")
}
