package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// enrol gives the signed-in account a second factor, and the browser its new session.
func (b *browser) enrol(t *testing.T, passphrase string) (secret string, recovery []string) {
	t.Helper()
	a := b.do("POST", "/api/account/totp", map[string]string{"passphrase": passphrase})
	expect(t, "begin", a, http.StatusOK, "")
	secret, _ = a.json(t)["secret"].(string)
	a = b.do("POST", "/api/account/totp/confirm", map[string]string{"code": totp(t, secret, b.h.clock())})
	expect(t, "confirm", a, http.StatusOK, "")
	for _, code := range a.json(t)["recovery"].([]any) {
		recovery = append(recovery, code.(string))
	}
	b.csrf, _ = a.json(t)["csrf"].(string)
	return secret, recovery
}

func login(b *browser, email, passphrase, code string) answer {
	body := map[string]string{"email": email, "passphrase": passphrase}
	if code != "" {
		body["code"] = code
	}
	return b.do("POST", "/api/login", body)
}

func TestSecondFactorFromEndToEnd(t *testing.T) {
	// ASVS 6.3.4, 6.5.1, 7.2.4
	h := newHouse(t)
	one, two := h.asMember(), h.asMember()
	a := one.do("GET", "/api/account/factors", nil)
	if got := strings.TrimSpace(string(a.body)); got != `{"passkeys":[],"recoveryLeft":0,"required":false,"totp":null}` {
		t.Errorf("before: %s", got)
	}
	expect(t, "wrong passphrase", one.do("POST", "/api/account/totp", map[string]string{"passphrase": "not this passphrase"}), http.StatusForbidden, "passphrase-wrong")
	expect(t, "confirm nothing", one.do("POST", "/api/account/totp/confirm", map[string]string{"code": "123456"}), http.StatusConflict, "enrolmentOver")
	begun := one.do("POST", "/api/account/totp", map[string]string{"passphrase": memberPassphrase})
	expect(t, "begin", begun, http.StatusOK, "")
	secret := begun.json(t)["secret"].(string)
	uri := begun.json(t)["uri"].(string)
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(secret) || !strings.HasPrefix(uri, "otpauth://totp/") {
		t.Errorf("secret %q, uri %q", secret, uri)
	}
	checkModules(t, begun.json(t)["qr"].([]any))
	wrong := "000000"
	for _, d := range []time.Duration{-30, 0, 30} {
		if totp(t, secret, h.clock().Add(d*time.Second)) == wrong {
			wrong = "000001"
		}
	}
	expect(t, "wrong first code", one.do("POST", "/api/account/totp/confirm", map[string]string{"code": wrong}), http.StatusForbidden, "codeWrong")
	before := one.cookies()[sessionCookie]
	done := one.do("POST", "/api/account/totp/confirm", map[string]string{"code": totp(t, secret, h.clock())})
	expect(t, "confirm", done, http.StatusOK, "")
	recovery := done.json(t)["recovery"].([]any)
	if len(recovery) != 10 || done.json(t)["since"] != h.clock().Format(time.RFC3339) {
		t.Errorf("confirmed: %s", done.body)
	}
	if one.cookies()[sessionCookie] == before {
		t.Error("the token did not change")
	}
	one.csrf = done.json(t)["csrf"].(string)
	expect(t, "own session", one.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "other browser", two.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	expect(t, "a second one", one.do("POST", "/api/account/totp", map[string]string{"passphrase": memberPassphrase}), http.StatusConflict, "secondFactorThere")
	if f := one.do("GET", "/api/account/factors", nil).json(t); f["recoveryLeft"] != 10.0 || f["totp"].(map[string]any)["since"] != done.json(t)["since"] {
		t.Errorf("after: %v", f)
	}

	h.advance(time.Minute)
	b := h.browser()
	b.token()
	expect(t, "no code", login(b, "marie@example.org", memberPassphrase, ""), http.StatusUnauthorized, "secondFactorNeeded")
	if b.cookies()[sessionCookie] != "" {
		t.Error("a passphrase alone made a session")
	}
	expect(t, "wrong code", login(b, "marie@example.org", memberPassphrase, wrong), http.StatusUnauthorized, "codeWrong")
	expect(t, "wrong passphrase, right code", login(b, "marie@example.org", "not this passphrase", totp(t, secret, h.clock())), http.StatusUnauthorized, "bad-credentials")
	in := login(b, "marie@example.org", memberPassphrase, totp(t, secret, h.clock()))
	expect(t, "right code", in, http.StatusOK, "")
	if _, there := in.json(t)["recoveryLeft"]; there {
		t.Error("says how many recovery codes are left where none was used")
	}
	expect(t, "the same again", login(h.fresh(), "marie@example.org", memberPassphrase, totp(t, secret, h.clock())), http.StatusUnauthorized, "codeWrong")
	h.advance(11 * time.Minute) // the tries from this address are forgotten
	b = h.fresh()
	in = login(b, "marie@example.org", memberPassphrase, strings.ToLower(recovery[0].(string)))
	expect(t, "a recovery code", in, http.StatusOK, "")
	if in.json(t)["recoveryLeft"] != 9.0 || in.json(t)["csrf"] == nil || in.json(t)["account"] == nil {
		t.Errorf("answer: %s", in.body)
	}
	b.token()
	expect(t, "passphrase without code", b.do("POST", "/api/account/passphrase", map[string]string{"old": memberPassphrase, "new": "treize tortues traversent"}),
		http.StatusUnauthorized, "secondFactorNeeded")
	expect(t, "passphrase with a wrong code", b.do("POST", "/api/account/passphrase",
		map[string]string{"old": memberPassphrase, "new": "treize tortues traversent", "code": wrong}), http.StatusForbidden, "codeWrong")
	expect(t, "signed in still", b.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "passphrase with a code", b.do("POST", "/api/account/passphrase",
		map[string]string{"old": memberPassphrase, "new": "treize tortues traversent", "code": recovery[1].(string)}), http.StatusOK, "")
	b.token()

	h.advance(11 * time.Minute)
	expect(t, "renew by a recovery code", b.do("POST", "/api/account/recovery",
		map[string]string{"passphrase": "treize tortues traversent", "code": recovery[2].(string)}), http.StatusForbidden, "codeWrong")
	renewed := b.do("POST", "/api/account/recovery", map[string]string{"passphrase": "treize tortues traversent", "code": totp(t, secret, h.clock())})
	expect(t, "renew", renewed, http.StatusOK, "")
	fresh := renewed.json(t)["recovery"].([]any)
	if len(fresh) != 10 {
		t.Errorf("renewed: %s", renewed.body)
	}
	expect(t, "the session stays", b.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "remove without a code", b.do("DELETE", "/api/account/totp", map[string]string{"passphrase": "treize tortues traversent"}),
		http.StatusUnauthorized, "secondFactorNeeded")
	before = b.cookies()[sessionCookie]
	expect(t, "remove by an old recovery code", b.do("DELETE", "/api/account/totp",
		map[string]string{"passphrase": "treize tortues traversent", "code": recovery[3].(string)}), http.StatusForbidden, "codeWrong")
	h.advance(forgetTries + time.Second)
	expect(t, "remove", b.do("DELETE", "/api/account/totp",
		map[string]string{"passphrase": "treize tortues traversent", "code": fresh[0].(string)}), http.StatusNoContent, "")
	if b.cookies()[sessionCookie] == before {
		t.Error("the token did not change")
	}
	b.token()
	if got := strings.TrimSpace(string(b.do("GET", "/api/account/factors", nil).body)); got != `{"passkeys":[],"recoveryLeft":0,"required":false,"totp":null}` {
		t.Errorf("removed: %s", got)
	}
	expect(t, "remove again", b.do("DELETE", "/api/account/totp", map[string]string{"passphrase": "treize tortues traversent", "code": "123456"}),
		http.StatusConflict, "noSecondFactor")
	expect(t, "sign-in without a code", login(h.fresh(), "marie@example.org", "treize tortues traversent", ""), http.StatusOK, "")
	log := h.log.String()
	for _, s := range append(append([]any{secret, strings.ReplaceAll(secret, " ", ""), uri}, recovery...), fresh...) {
		if strings.Contains(log, s.(string)) {
			t.Errorf("%q stands in the log", s)
		}
	}
}

func TestAnAuthenticatorIsReplaced(t *testing.T) {
	// ASVS 6.5.6, 7.4.3
	h := newHouse(t)
	one, two := h.asMember(), h.asMember()
	replace := func(code string) answer {
		return one.do("POST", "/api/account/totp/replace", map[string]string{"passphrase": memberPassphrase, "code": code})
	}
	expect(t, "nothing to replace", replace(""), http.StatusConflict, "noSecondFactor")
	secret, recovery := one.enrol(t, memberPassphrase)
	h.advance(time.Minute)
	expect(t, "without a code", replace(""), http.StatusUnauthorized, "secondFactorNeeded")
	begun := replace(totp(t, secret, h.clock()))
	expect(t, "begin", begun, http.StatusOK, "")
	fresh := begun.json(t)["secret"].(string)
	checkModules(t, begun.json(t)["qr"].([]any))
	h.advance(time.Minute)
	two.token()
	expect(t, "the old one signs in still", login(two, "marie@example.org", memberPassphrase, totp(t, secret, h.clock())), http.StatusOK, "")
	before := one.cookies()[sessionCookie]
	done := one.do("POST", "/api/account/totp/confirm", map[string]string{"code": totp(t, fresh, h.clock())})
	expect(t, "confirm", done, http.StatusOK, "")
	if list := done.json(t)["recovery"].([]any); len(list) != 0 {
		t.Errorf("other recovery codes: %v", list)
	}
	if one.cookies()[sessionCookie] == before {
		t.Error("the token did not change")
	}
	one.csrf = done.json(t)["csrf"].(string)
	expect(t, "own session", one.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "other browser", two.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	h.advance(time.Minute)
	expect(t, "the old one", login(h.fresh(), "marie@example.org", memberPassphrase, totp(t, secret, h.clock())), http.StatusUnauthorized, "codeWrong")
	expect(t, "the new one", login(h.fresh(), "marie@example.org", memberPassphrase, totp(t, fresh, h.clock())), http.StatusOK, "")
	expect(t, "by a recovery code", replace(recovery[0]), http.StatusOK, "")
	for _, s := range []string{secret, fresh, strings.ReplaceAll(fresh, " ", ""), recovery[0]} {
		if strings.Contains(h.log.String(), s) {
			t.Errorf("%q stands in the log", s)
		}
	}
}

// fresh is a browser of nobody.
func (h *house) fresh() *browser {
	b := h.browser()
	b.token()
	return b
}

// checkModules looks at what every reader looks for (ISO/IEC 18004 §6.3): the size of a version, three finder patterns, two
// timing lines and the dark module.
func checkModules(t *testing.T, list []any) {
	t.Helper()
	n := len(list)
	rows := make([]string, n)
	for i, row := range list {
		rows[i] = row.(string)
		if len(rows[i]) != n || strings.Trim(rows[i], "01") != "" {
			t.Fatalf("row %d of %d: %q", i, n, rows[i])
		}
	}
	if n < 21 || n > 177 || (n-17)%4 != 0 {
		t.Fatalf("%d modules a side", n)
	}
	finder := []string{"1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"}
	for _, corner := range [][2]int{{0, 0}, {0, n - 7}, {n - 7, 0}} {
		for i, want := range finder {
			if got := rows[corner[0]+i][corner[1] : corner[1]+7]; got != want {
				t.Errorf("finder at %v, line %d: %s", corner, i, got)
			}
		}
	}
	for i := 8; i < n-8; i++ {
		want := byte('0' + (i+1)%2)
		if rows[6][i] != want || rows[i][6] != want {
			t.Errorf("timing line at %d", i)
		}
	}
	if rows[n-8][8] != '1' {
		t.Error("no dark module: rows and columns are exchanged")
	}
}

func TestCodesAreRateLimited(t *testing.T) {
	// ASVS 6.3.1, 6.5.1
	h := newHouse(t)
	b := h.asMember()
	secret, _ := b.enrol(t, memberPassphrase)
	h.advance(time.Minute)
	limited := answer{}
	for range 8 {
		limited = b.do("DELETE", "/api/account/totp", map[string]string{"passphrase": memberPassphrase, "code": "no code"})
	}
	expect(t, "removal", limited, http.StatusTooManyRequests, "too-many")
	expect(t, "sign-in meanwhile", login(h.fresh(), "marie@example.org", memberPassphrase, totp(t, secret, h.clock())), http.StatusTooManyRequests, "too-many")
	h.advance(48 * time.Hour)
	door := h.fresh()
	for i := range 6 {
		limited = login(door, "marie@example.org", memberPassphrase, "no code")
		if i < 5 {
			expect(t, "a quick try", limited, http.StatusUnauthorized, "codeWrong")
		}
	}
	expect(t, "sign-in", limited, http.StatusTooManyRequests, "too-many")
	if limited.header.Get("Retry-After") == "" || limited.json(t)["until"] == nil {
		t.Errorf("says not when to come back: %s", limited.body)
	}
}

func TestAdministratorTakesFactors(t *testing.T) {
	// ASVS 6.5.6
	h := newHouse(t)
	member, admin := h.asMember(), h.asAdministrator()
	member.enrol(t, memberPassphrase)
	path := "/api/admin/accounts/" + h.member.ID.String() + "/factors"
	has := func() bool {
		t.Helper()
		found := admin.do("GET", "/api/admin/accounts?query=marie", nil).json(t)["accounts"].([]any)
		return found[0].(map[string]any)["secondFactor"].(bool)
	}
	if !has() {
		t.Error("the list does not say that there is one")
	}
	expect(t, "its owner", member.do("DELETE", path, nil), http.StatusForbidden, "forbidden")
	expect(t, "nobody's", admin.do("DELETE", "/api/admin/accounts/AAAAAAAAAAAAAAAAAAAAAA/factors", nil), http.StatusNotFound, "not-found")
	expect(t, "take", admin.do("DELETE", path, nil), http.StatusNoContent, "")
	expect(t, "take again", admin.do("DELETE", path, nil), http.StatusConflict, "noSecondFactor")
	if has() {
		t.Error("the list says that there is one")
	}
	expect(t, "its session", member.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	h.asMember()
	newest := admin.do("GET", "/api/admin/audit?limit=20", nil).json(t)["entries"].([]any)
	loud := false
	for _, e := range newest {
		loud = loud || e.(map[string]any)["action"] == "factor.taken" && e.(map[string]any)["actor"] == h.administrator.ID.String()
	}
	if !loud {
		t.Error("not in the audit log")
	}
	// The own one: the session ends with it, and the next one is good for setting another up.
	expect(t, "own", admin.do("DELETE", "/api/admin/accounts/"+h.administrator.ID.String()+"/factors", nil), http.StatusNoContent, "")
	if admin.cookies()[sessionCookie] != "" {
		t.Error("the cookie outlives the session")
	}
	delete(h.phones, h.administrator.Email)
	if me := h.asAdministrator().do("GET", "/api/me", nil).json(t); me["must"] != "factor" || me["secondFactor"] != false {
		t.Errorf("signed in again: %v", me)
	}
}

func TestResetLinkIsNoSecondFactor(t *testing.T) {
	// ASVS 6.3.4, 6.4.3
	h := newHouse(t)
	member, admin := h.asMember(), h.asAdministrator()
	secret, _ := member.enrol(t, memberPassphrase)
	a := admin.do("POST", "/api/admin/accounts/"+h.member.ID.String()+"/activation", nothing)
	expect(t, "link", a, http.StatusOK, "")
	_, token, _ := strings.Cut(a.json(t)["activation"].(map[string]any)["url"].(string), "#")
	h.advance(time.Minute)
	b := h.fresh()
	expect(t, "use", b.do("POST", "/api/activate", map[string]string{"token": token, "passphrase": "neuf narvals nagent au nord"}),
		http.StatusUnauthorized, "signInWithCode")
	if b.cookies()[sessionCookie] != "" {
		t.Error("the link signed in")
	}
	expect(t, "without a code", login(b, "marie@example.org", "neuf narvals nagent au nord", ""), http.StatusUnauthorized, "secondFactorNeeded")
	expect(t, "with one", login(b, "marie@example.org", "neuf narvals nagent au nord", totp(t, secret, h.clock())), http.StatusOK, "")
}
