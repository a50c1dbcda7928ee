package web

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/oidc"
)

func TestProviderSignsIn(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, nil)
	n := newNamed(t, h)
	if at := n.me().json(t)["provider"].(map[string]any); at["name"] != "Atelier" || at["at"] != nil {
		t.Errorf("before sign-in: %v", at)
	}
	to := n.start("signIn")
	if asked, err := url.Parse(to); err != nil || asked.Query().Get("redirect_uri") != passkeyOrigin+"/oidc/callback" || !strings.HasPrefix(to, p.tls.URL+"/auth?") {
		t.Fatalf("%s, %v", to, err)
	}
	query := p.says(to, zoe.but(somebody{"role": "boss"}))
	in := n.must("finish", n.finish(query), http.StatusOK)
	who := in.json(t)["account"].(map[string]any)
	if who["email"] != "zoe@example.org" || who["role"] != "organiser" || who["source"] != "oidc" || who["provided"] != true {
		t.Errorf("signed in: %v", who)
	}
	if c := in.header.Values("Set-Cookie"); !slices.ContainsFunc(c, func(s string) bool {
		return strings.HasPrefix(s, sessionCookie+"=") && strings.Contains(s, "SameSite=Strict")
	}) {
		t.Errorf("cookies %q", c)
	}
	n.token()
	if me := n.must("me", n.me(), http.StatusOK).json(t)["account"].(map[string]any); me["provided"] != true {
		t.Errorf("me: %v", me)
	}
	// The answer is taken once, and a passphrase opens nothing.
	expect(t, "a second time", n.finish(query), http.StatusGone, "providerOver")
	other := newNamed(t, h)
	expect(t, "by passphrase", other.do("POST", "/api/login", map[string]string{"email": "zoe@example.org", "passphrase": "whatever it is"}), http.StatusUnauthorized, "bad-credentials")
	// The second time it is the same person, and a session that the browser still had is over.
	first := n.cookies[sessionCookie]
	again := n.must("again", n.arrive(p, zoe.but(somebody{"role": "boss", "name": "Zoé Neuve", "email": "neuve@example.org"})), http.StatusOK).json(t)["account"].(map[string]any)
	if again["id"] != who["id"] || again["name"] != "Zoé Neuve" || again["email"] != "neuve@example.org" {
		t.Errorf("the second time: %v", again)
	}
	if _, _, err := h.accounts.Session(first, h.clock()); err == nil {
		t.Error("the session before is open still")
	}
	for _, secret := range []string{clientSecret, "code 1", "eyJ"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestProviderByAnotherAddress: where the cookies would not be there at the way back, the page leads to where they are.
func TestProviderByAnotherAddress(t *testing.T) {
	h := newHouse(t)
	withProvider(t, h, nil)
	h.server.Base = "https://visio.example.org"
	if at := newNamed(t, h).me().json(t)["provider"].(map[string]any)["at"]; at != nil {
		t.Errorf("at its own address: %v", at)
	}
	b := h.browser()
	if at := b.do("GET", "/api/me", nil).json(t)["provider"].(map[string]any)["at"]; at != "https://visio.example.org" {
		t.Errorf("by another: %v", at)
	}
}

// TestProviderRefusals: what isn't the provider's word, or not for this browser, signs nobody in; each has its sentence, at once.
func TestProviderRefusals(t *testing.T) {
	swap := func(query, name, value string) string {
		v, _ := url.ParseQuery(query)
		v.Set(name, value)
		return v.Encode()
	}
	for name, c := range map[string]struct {
		do     func(*named, *provider) answer
		status int
		code   string
	}{
		"another browser's": {func(n *named, p *provider) answer {
			return newNamed(n.t, n.h).finish(p.says(n.start("signIn"), zoe))
		}, 410, "providerOver"},
		"no such state": {func(n *named, p *provider) answer {
			return n.finish(swap(p.says(n.start("signIn"), zoe), "state", strings.Repeat("0", 64)))
		}, 410, "providerOver"},
		"two states": {func(n *named, p *provider) answer {
			return n.finish(p.says(n.start("signIn"), zoe) + "&state=x")
		}, 400, "bad-request"},
		"too late": {func(n *named, p *provider) answer {
			query := p.says(n.start("signIn"), zoe)
			n.h.advance(flowLifetime)
			return n.finish(query)
		}, 410, "providerOver"},
		"cancelled": {func(n *named, p *provider) answer {
			query := swap(p.says(n.start("signIn"), zoe), "error", "access_denied")
			return n.finish(query)
		}, 403, "providerCancelled"},
		"another issuer": {func(n *named, p *provider) answer {
			return n.finish(swap(p.says(n.start("signIn"), zoe), "iss", "https://evil.example"))
		}, 403, "providerInvalid"},
		"another code": {func(n *named, p *provider) answer {
			return n.finish(swap(p.says(n.start("signIn"), zoe), "code", "guessed"))
		}, 403, "providerInvalid"},
		"a code of another flow": {func(n *named, p *provider) answer {
			stolen, err := url.ParseQuery(p.says(newNamed(n.t, n.h).start("signIn"), zoe))
			must(n.t, err)
			return n.finish(swap(p.says(n.start("signIn"), zoe), "code", stolen.Get("code")))
		}, 403, "providerInvalid"},
		"another nonce": {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"nonce": "x"})) }, 403, "providerInvalid"},
		"for another":   {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"aud": "another"})) }, 403, "providerInvalid"},
		"out of date":   {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"exp": 1})) }, 403, "providerInvalid"},
		"no address":    {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"email": ""})) }, 503, "providerSettings"},
		"not verified":  {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"email_verified": false})) }, 403, "emailUnverified"},
		"a bad address": {func(n *named, p *provider) answer { return n.arrive(p, zoe.but(somebody{"email": "zoe"})) }, 422, "providerSaid"},
		"address of ours": {func(n *named, p *provider) answer {
			return n.arrive(p, zoe.but(somebody{"email": "MARIE@example.org"}))
		}, 409, "providerEmailTaken"},
		"account shut": {func(n *named, p *provider) answer {
			n.must("first", n.arrive(p, zoe), http.StatusOK)
			id, err := accounts.ParseID(n.me().json(n.t)["account"].(map[string]any)["id"].(string))
			must(n.t, err)
			_, err = n.h.accounts.Disable(accounts.Actor{Account: n.h.administrator.ID, Proved: n.h.clock()}, id, n.h.clock())
			must(n.t, err)
			n.token()
			return n.arrive(p, zoe)
		}, 403, "providerAccountShut"},
		"provider away": {func(n *named, p *provider) answer {
			query := p.says(n.start("signIn"), zoe)
			p.stop(true)
			return n.finish(query)
		}, 503, "providerDown"},
		"provider away at the start": {func(n *named, p *provider) answer {
			p.stop(true)
			return n.do("POST", "/api/oidc/start", map[string]string{"purpose": "signIn"})
		}, 503, "providerDown"},
		"other purpose": {func(n *named, _ *provider) answer {
			return n.do("POST", "/api/oidc/start", map[string]string{"purpose": "x"})
		}, 400, "bad-request"},
		"a proof of nobody": {func(n *named, _ *provider) answer {
			return n.do("POST", "/api/oidc/start", map[string]string{"purpose": "prove"})
		}, 401, "not-signed-in"},
		"a factor before the word": {func(n *named, p *provider) answer {
			at, err := url.Parse(n.start("signIn"))
			must(n.t, err)
			return n.do("POST", "/api/oidc/factor", map[string]string{"state": at.Query().Get("state"), "code": "123456"})
		}, 410, "providerOver"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			p := withProvider(t, h, nil)
			room := heldHouse(h, 2*time.Second)
			n := newNamed(t, h)
			expect(t, "answer", c.do(n, p), c.status, c.code)
			if _, in := n.cookies[sessionCookie]; in && n.me().status == http.StatusOK {
				t.Error("signed in")
			}
			if held := room.take(); name != "a proof of nobody" && name != "other purpose" && name != "two states" && len(held) != 0 {
				t.Errorf("held for %v", held)
			}
		})
	}
}

func TestProviderGivesNoRole(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, func(s *oidc.Settings) { s.Role = "" })
	n := newNamed(t, h)
	expect(t, "no role", n.arrive(p, zoe), http.StatusForbidden, "noRole")
	n.must("with a role", n.arrive(p, zoe.but(somebody{"role": []string{"boss"}})), http.StatusOK)
	expect(t, "taken away", newNamed(t, h).arrive(p, zoe), http.StatusForbidden, "noRole")
	expect(t, "the session before", n.me(), http.StatusUnauthorized, "not-signed-in")
}

// TestFactorAfterTheProvider: a second factor of ours is asked for, in the browser that came back, and refused at the door's own time.
func TestFactorAfterTheProvider(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, nil)
	n := newNamed(t, h)
	n.must("first", n.arrive(p, zoe), http.StatusOK)
	id, err := accounts.ParseID(n.me().json(t)["account"].(map[string]any)["id"].(string))
	must(t, err)
	// There is no passphrase: that the sign-in is of just now stands for it.
	begun := n.must("begin", n.do("POST", "/api/account/totp", nothing), http.StatusOK).json(t)
	secret := strings.ReplaceAll(begun["secret"].(string), " ", "")
	n.must("confirm", n.do("POST", "/api/account/totp/confirm", map[string]string{"code": totp(t, secret, h.clock())}), http.StatusOK)
	n.token()
	h.phones["zoe@example.org"] = &phone{secret, h.clock().Unix() / step}
	if me := n.me().json(t)["account"].(map[string]any); me["provided"] != true {
		t.Errorf("after the factor: %v", me)
	}
	n.must("out", n.do("POST", "/api/logout", nothing), http.StatusOK)
	n.token()

	room := heldHouse(h, 2*time.Second)
	to := n.start("signIn")
	at, err := url.Parse(to)
	must(t, err)
	state := at.Query().Get("state")
	second := n.must("finish", n.finish(p.says(to, zoe)), http.StatusOK).json(t)["second"].(map[string]any)
	if second["totp"] != true || second["passkey"] != false || second["email"] != "zoe@example.org" || second["purpose"] != "signIn" {
		t.Errorf("second: %v", second)
	}
	expect(t, "not in yet", n.me(), http.StatusUnauthorized, "not-signed-in")
	factor := func(b *named, code string) answer {
		return b.do("POST", "/api/oidc/factor", map[string]string{"state": state, "code": code})
	}
	expect(t, "neither", n.do("POST", "/api/oidc/factor", map[string]string{"state": state}), http.StatusBadRequest, "bad-request")
	expect(t, "another browser", factor(newNamed(t, h), h.code("zoe@example.org")), http.StatusGone, "providerOver")
	room.take()
	expect(t, "wrong", factor(n, "000000"), http.StatusUnauthorized, "codeWrong")
	if held := room.take(); len(held) != 1 || held[0] != 2*time.Second {
		t.Error("a wrong code was not held")
	}
	n.must("right", factor(n, h.code("zoe@example.org")), http.StatusOK)
	n.token()
	expect(t, "again", factor(n, h.code("zoe@example.org")), http.StatusGone, "providerOver")
	n.must("in", n.me(), http.StatusOK)

	// A passkey does as well; and what the provider vouches for needs none of ours.
	n.must("proof", n.finish(p.says(n.start("prove"), zoe)), http.StatusOK)
	key := n.must("add a passkey", n.do("POST", "/api/account/passkeys/begin", map[string]string{"code": h.code("zoe@example.org")}), http.StatusOK)
	n.must("made", n.do("POST", "/api/account/passkeys", map[string]any{"name": "Portable", "credential": n.create(key)}), http.StatusCreated)
	n.token()
	n.must("out", n.do("POST", "/api/logout", nothing), http.StatusOK)
	n.token()
	to = n.start("signIn")
	at, err = url.Parse(to)
	must(t, err)
	n.must("finish", n.finish(p.says(to, zoe)), http.StatusOK)
	signed := n.get(n.must("options", n.do("POST", "/api/passkey/login/begin", nothing), http.StatusOK))
	n.must("by passkey", n.do("POST", "/api/oidc/factor", map[string]any{"state": at.Query().Get("state"), "passkey": json.RawMessage(signed)}), http.StatusOK)
	n.token()
	mfa := newNamed(t, h)
	if got := mfa.must("vouched", mfa.arrive(p, zoe.but(somebody{"amr": []string{"pwd", "mfa"}})), http.StatusOK).json(t); got["account"] == nil {
		t.Errorf("with a factor of the provider's: %v", got)
	}
	if f, err := h.accounts.Factors(id); err != nil || len(f.Passkeys) != 1 {
		t.Errorf("%v, %v", f, err)
	}
}

// TestProofByTheProvider: an act that needs a recent proof gets it by signing in there again, as the same person, just now.
func TestProofByTheProvider(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, nil)
	n := newNamed(t, h)
	n.must("in", n.arrive(p, zoe), http.StatusOK)
	h.advance(accounts.ProofLifetime)
	expect(t, "too long ago", n.do("POST", "/api/account/totp", nothing), http.StatusForbidden, "proofNeeded")
	to := n.start("prove")
	if asked, err := url.Parse(to); err != nil || asked.Query().Get("prompt") != "login" || asked.Query().Get("max_age") != "0" || asked.Query().Get("login_hint") != "zoe@example.org" {
		t.Errorf("%s, %v", to, err)
	}
	expect(t, "as another", n.finish(p.says(to, zoe.but(somebody{"sub": "eve", "email": "eve@example.org"}))), http.StatusForbidden, "otherPerson")
	expect(t, "an old session there", n.finish(p.says(n.start("prove"), zoe.but(somebody{"auth_time": h.clock().Add(-time.Hour).Unix()}))), http.StatusForbidden, "providerTooOld")
	expect(t, "still", n.do("POST", "/api/account/totp", nothing), http.StatusForbidden, "proofNeeded")
	before := n.cookies[sessionCookie]
	if a := n.must("proof", n.finish(p.says(n.start("prove"), zoe)), http.StatusOK); a.json(t)["proved"] != true || n.cookies[sessionCookie] != before {
		t.Errorf("proof: %s", a.body)
	}
	n.must("the act", n.do("POST", "/api/account/totp", nothing), http.StatusOK)
	// The session ends meanwhile: what comes back proves nothing to anybody.
	to = n.start("prove")
	n.must("out", n.do("POST", "/api/logout", nothing), http.StatusOK)
	n.token()
	expect(t, "signed out meanwhile", n.finish(p.says(to, zoe)), http.StatusGone, "providerOver")
}

func TestSignOutAtTheProvider(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, nil)
	n := newNamed(t, h)
	n.must("in", n.arrive(p, zoe), http.StatusOK)
	leaving := n.must("out", n.do("POST", "/api/logout", nothing), http.StatusOK).json(t)["provider"].(map[string]any)
	to, err := url.Parse(leaving["url"].(string))
	must(t, err)
	if q := to.Query(); !strings.HasPrefix(leaving["url"].(string), p.tls.URL+"/end?") || q.Get("post_logout_redirect_uri") != passkeyOrigin+"/oidc/signed-out" || q.Get("id_token_hint") == "" || q.Get("state") == "" || leaving["now"] != false {
		t.Errorf("%v", leaving)
	}
	n.token()
	expect(t, "here", n.me(), http.StatusUnauthorized, "not-signed-in")
	// Who signed in here has nothing to sign out of there.
	n.signIn("marie@example.org", memberPassphrase)
	n.must("out", n.do("POST", "/api/logout", nothing), http.StatusNoContent)
}

// TestProConnectSignsOutAtOnce: it wants of its services that who signs out of one signs out of it.
func TestProConnectSignsOutAtOnce(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, func(s *oidc.Settings) { s.Preset = oidc.ProConnect })
	n := newNamed(t, h)
	if at := n.me().json(t)["provider"].(map[string]any); at["preset"] != "proconnect" {
		t.Errorf("the button: %v", at)
	}
	n.must("in", n.arrive(p, zoe), http.StatusOK)
	leaving := n.must("out", n.do("POST", "/api/logout", nothing), http.StatusOK).json(t)["provider"].(map[string]any)
	if leaving["now"] != true {
		t.Errorf("%v", leaving)
	}
	// Where the settings want nothing of it, nothing is said.
	p = withProvider(t, h, func(s *oidc.Settings) { s.SignOut = false })
	n.token()
	n.must("in", n.arrive(p, zoe.but(somebody{"email": "another@example.org"})), http.StatusOK) // another provider's: somebody else
	n.must("out", n.do("POST", "/api/logout", nothing), http.StatusNoContent)
}

const formMedia = "application/x-www-form-urlencoded"

func TestProviderSignsOut(t *testing.T) {
	h := newHouse(t)
	p := withProvider(t, h, nil)
	away := newNamed(t, h) // the provider itself, which has no cookie
	first, second := newNamed(t, h), newNamed(t, h)
	both := func() {
		first.token()
		second.token()
		first.must("in", first.arrive(p, zoe), http.StatusOK)
		second.must("in", second.arrive(p, zoe.but(somebody{"sid": "s2"})), http.StatusOK)
	}
	are := func(what string, want ...int) {
		t.Helper()
		for i, n := range []*named{first, second} {
			if got := n.me().status; got != want[i] {
				t.Errorf("%s: browser %d: %d, want %d", what, i, got, want[i])
			}
		}
	}
	send := func(token string) answer {
		return away.post("/oidc/back-channel-logout", formMedia, "logout_token="+url.QueryEscape(token))
	}
	both()
	forger, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	right := p.logout(p.key, map[string]any{"sid": "s1"})
	for what, a := range map[string]answer{
		"forged":     send(p.logout(forger, map[string]any{"sid": "s1"})),
		"no event":   send(p.logout(p.key, map[string]any{"sid": "s1", "events": nil})),
		"nonce":      send(p.logout(p.key, map[string]any{"sid": "s1", "nonce": "x"})),
		"of another": send(p.logout(p.key, map[string]any{"sid": "s1", "aud": "another"})),
		"of nobody":  send(p.logout(p.key, nil)),
		"JSON":       away.post("/oidc/back-channel-logout", "application/json", `{"logout_token":"x"}`),
		"two":        away.post("/oidc/back-channel-logout", formMedia, "logout_token="+url.QueryEscape(right)+"&logout_token=x"),
		"long":       away.post("/oidc/back-channel-logout", formMedia, "logout_token="+strings.Repeat("x", 40<<10)),
	} {
		if a.status != http.StatusBadRequest || a.json(t)["error"] != "invalid_request" {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	are("after what doesn't count", 200, 200)
	if a := send(right); a.status != http.StatusOK || len(a.body) != 0 || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", a.status, a.body)
	}
	are("one session there", 401, 200)
	if a := send(right); a.status != http.StatusBadRequest {
		t.Errorf("a second time: %d", a.status)
	}
	both()
	if a := send(p.logout(p.key, map[string]any{"sub": "zoe-1"})); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	are("the whole person", 401, 401)

	// By a frame in a page of the provider's: nothing of ours is sent with it, and nothing but iss and sid says whose it is.
	both()
	frame := func(query string) answer {
		return (&named{t: t, h: h, host: passkeyHost, cookies: map[string]string{}}).do("GET", "/oidc/front-channel-logout?"+query, nil)
	}
	iss := url.QueryEscape(p.tls.URL)
	for _, query := range []string{"", "sid=s1", "iss=" + iss, "iss=https%3A%2F%2Fevil.example&sid=s1", "iss=" + iss + "&sid=s1&sid=s2"} {
		if a := frame(query); a.status != http.StatusBadRequest {
			t.Errorf("%q: %d", query, a.status)
		}
	}
	frame("iss=" + iss + "&sid=unknown")
	are("another's frame", 200, 200)
	a := frame("iss=" + iss + "&sid=s1")
	if policy := a.header.Get("Content-Security-Policy"); a.status != http.StatusOK || !strings.HasSuffix(policy, "frame-ancestors "+p.tls.URL) || a.header.Get("X-Frame-Options") != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	are("its frame", 401, 200)
	// And everywhere else no frame is allowed.
	if got := first.me().header.Get("X-Frame-Options"); got != "DENY" {
		t.Errorf("X-Frame-Options %q", got)
	}
}

func TestFlowsAreBounded(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	table := newFlows()
	for i := range maxFlows + 100 {
		table.put(&flow{Flow: oidc.Flow{State: fmt.Sprint(i)}, bound: bound("cookie"), until: now.Add(flowLifetime + time.Duration(i))}, now)
	}
	if len(table.by) != maxFlows {
		t.Errorf("%d flows", len(table.by))
	}
	last := fmt.Sprint(maxFlows + 99)
	if table.find(last, "", false, now) != nil || table.find(last, "another", false, now) != nil || table.find(last, "cookie", true, now) != nil {
		t.Error("found by another browser, or for another step")
	}
	if table.find(last, "cookie", false, now) == nil || table.find(last, "cookie", false, now) != nil {
		t.Error("not found once, or twice")
	}
	kept := newHints()
	for i := range maxHints + 10 {
		kept.keep(accounts.ID{byte(i), byte(i >> 8)}, "token")
	}
	kept.keep(accounts.ID{1}, strings.Repeat("x", maxHint+1))
	if len(kept.by) != maxHints {
		t.Errorf("%d hints", len(kept.by))
	}
}

// TestStartsAreLimited: nobody fills the table from one address.
func TestStartsAreLimited(t *testing.T) {
	h := newHouse(t)
	withProvider(t, h, nil)
	n := newNamed(t, h)
	for range startsBurst {
		n.start("signIn")
	}
	expect(t, "one more", n.do("POST", "/api/oidc/start", map[string]string{"purpose": "signIn"}), http.StatusTooManyRequests, "too-many")
	h.advance(time.Second)
	n.start("signIn")
}

func TestProviderInTheConsole(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	if a := b.do("GET", "/api/admin/provider", nil).json(t); a["configured"] != false || len(a) != 1 {
		t.Errorf("without one: %v", a)
	}
	p := withProvider(t, h, nil)
	h.server.Base = "https://visio.example.org"
	n := newNamed(t, h)
	n.must("in", n.arrive(p, zoe), http.StatusOK)
	a := b.do("GET", "/api/admin/provider", nil).json(t)
	if at := a["addresses"].(map[string]any); a["configured"] != true || a["issuer"] != p.tls.URL || a["client"] != clientID || a["good"] == nil || a["failure"] != nil || at["backChannel"] != "https://visio.example.org/oidc/back-channel-logout" {
		t.Errorf("%v", a)
	}
	h.advance(2 * time.Hour)
	p.stop(true)
	newNamed(t, h).do("POST", "/api/oidc/start", map[string]string{"purpose": "signIn"})
	if f, _ := b.do("GET", "/api/admin/provider", nil).json(t)["failure"].(map[string]any); f["fr"] == "" || f["en"] == "" || f["detail"] == "" {
		t.Errorf("failure: %v", f)
	}
	if strings.Contains(fmt.Sprint(a), clientSecret) {
		t.Error("the secret is told")
	}
}
