package oidc

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// TestARealProvider: one of another hand takes what we ask, and we take what it says.
func TestARealProvider(t *testing.T) {
	a := newAuthority(t)
	logouts := make(chan string, 4)
	inbox := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { logouts <- r.FormValue("logout_token") }))
	inbox.TLS = &tls.Config{Certificates: []tls.Certificate{a.leaf}}
	inbox.StartTLS()
	defer inbox.Close()
	issuer := real(t, a, map[string]any{"backchannel_logout_uri": inbox.URL + "/back", "backchannel_logout_session_required": true})
	s := a.settings(issuer)
	s.Scopes = append(s.Scopes, "groups")
	s.RoleClaim, s.GroupClaim = "groups", "groups"
	s.Roles = []Grant{{accounts.Auditor, []string{"visio-auditors"}}, {accounts.Organiser, []string{"visio"}}}
	s.SecondFactorAMR = []string{"otp"}
	c := newClient(t, s, time.Now)

	found, err := c.Probe(t.Context(), redirect)
	if err != nil || found.Keys != 2 || !found.BackChannel || !found.EndSession || !found.Challenges || !found.GivesIssuer {
		t.Fatalf("%+v, %v", found, err)
	}
	if c.Status().Good.IsZero() || c.Status().Failure != nil {
		t.Errorf("%+v", c.Status())
	}
	b := a.browser(t)
	at, f, err := c.Begin(t.Context(), SignIn, redirect, "zoe")
	must(t, err)
	answer := b.back(at)
	v, err := c.Finish(t.Context(), f, redirect, answer)
	must(t, err)
	want := accounts.Vouched{Issuer: issuer, Subject: "zoe", Name: "Zoé Durand", Email: "zoe@example.org", EmailVerified: true, Role: accounts.Organiser, Groups: []string{"visio", "staff"},
		SecondFactor: true, At: v.At, SID: v.SID}
	if v.SID == "" || v.IDToken == "" || time.Since(v.At) > time.Minute || !reflect.DeepEqual(v.Vouched, want) {
		t.Errorf("%+v", v.Vouched)
	}
	// A code counts once, and only with its verifier: the provider sees to that, and what it refuses is not taken for its failure.
	_, err = c.Finish(t.Context(), f, redirect, answer)
	kindIs(t, err, Invalid)
	at, f2, err := c.Begin(t.Context(), SignIn, redirect, "zoe")
	must(t, err)
	answer = b.back(at)
	stolen := f2
	stolen.Verifier = c.drawVerifier()
	_, err = c.Finish(t.Context(), stolen, redirect, answer)
	kindIs(t, err, Invalid)
	if c.Status().Failure != nil {
		t.Errorf("%+v", c.Status())
	}
	// Without PKCE it says no at once: it is asked for.
	at, f3, err := c.Begin(t.Context(), SignIn, redirect, "zoe")
	must(t, err)
	bare, _ := url.Parse(at)
	q := bare.Query()
	q.Del("code_challenge")
	q.Del("code_challenge_method")
	bare.RawQuery = q.Encode()
	_, err = c.Finish(t.Context(), f3, redirect, b.back(bare.String()))
	kindIs(t, err, Registered)

	// Who is asked again proves it by auth_time, though there is a session.
	at, f4, err := c.Begin(t.Context(), Prove, redirect, "zoe")
	must(t, err)
	again, err := c.Finish(t.Context(), f4, redirect, b.back(at))
	if err != nil || !again.Fresh || again.Subject != "zoe" {
		t.Errorf("%+v, %v", again.Vouched, err)
	}
	at, f5, err := c.Begin(t.Context(), SignIn, redirect, "nobody")
	must(t, err)
	_, err = c.Finish(t.Context(), f5, redirect, a.browser(t).back(at))
	kindIs(t, err, Cancelled)

	// Another key: what was signed with the one before is no longer asked about, and the new one is fetched.
	if _, err := b.Get(issuer + "/test/rotate"); err != nil {
		t.Fatal(err)
	}
	c.keys.tried = time.Time{} // half a minute has gone by
	b = a.browser(t)
	at, f6, err := c.Begin(t.Context(), SignIn, redirect, "zoe")
	must(t, err)
	v, err = c.Finish(t.Context(), f6, redirect, b.back(at))
	must(t, err)

	// A browser that signs out there, by our address, makes the provider tell us whose sessions end.
	out, ok := c.LogoutURL(v.IDToken, "https://visio.example.org/oidc/signed-out", "a state of 32 characters or more…")
	if !ok {
		t.Fatal("no way to sign out")
	}
	page, err := b.Get(out)
	must(t, err)
	text, err := io.ReadAll(page.Body)
	must(t, err)
	_ = page.Body.Close()
	xsrf := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindSubmatch(text)
	if xsrf == nil {
		t.Fatalf("%s: %s", page.Status, text)
	}
	done, err := b.PostForm(issuer+"/session/end/confirm", url.Values{"xsrf": {string(xsrf[1])}, "logout": {"yes"}})
	must(t, err)
	_ = done.Body.Close()
	if back, err := done.Location(); err != nil || back.Query().Get("state") != "a state of 32 characters or more…" {
		t.Errorf("%s, %v, %v", done.Status, back, err)
	}
	select {
	case token := <-logouts:
		subject, sid, err := c.BackChannel(t.Context(), token)
		if err != nil || subject != "zoe" || sid != v.SID {
			t.Errorf("%q, %q, %v; want %q", subject, sid, err, v.SID)
		}
		_, _, err = c.BackChannel(t.Context(), token)
		kindIs(t, err, Invalid) // once
		_, _, err = c.BackChannel(t.Context(), v.IDToken)
		kindIs(t, err, Invalid) // an ID token is none
		// And a logout token is no ID token.
		_, _, err = c.idToken(t.Context(), c.known, Flow{Nonce: "x"}, token)
		kindIs(t, err, Invalid)
	case <-time.After(10 * time.Second):
		t.Error("the provider sends no logout token")
	}
	if got := c.Origins(); !reflect.DeepEqual(got, []string{issuer}) {
		t.Errorf("%v", got)
	}
}

// TestProConnectAsItIs: what ProConnect has that others have not, from the same library that it runs on. Its userinfo is signed, its
// claims are its own, and it takes no parameter that it doesn't know.
func TestProConnectAsItIs(t *testing.T) {
	a := newAuthority(t)
	issuer := real(t, a, map[string]any{"token_endpoint_auth_method": "client_secret_post", "userinfo_signed_response_alg": "ES256", "id_token_signed_response_alg": "ES256"})
	s := a.settings(issuer)
	s.Preset, s.Name, s.Unverified = ProConnect, "ProConnect", true
	s.Scopes, s.NameClaims, s.ProvisionClaim = []string{"given_name", "usual_name", "email", "uid", "siret", "idp_id"}, []string{"given_name", "usual_name"}, "uid"
	s.Require = []Requirement{{"siret", []string{"13002526500013"}}}
	s.ACRValues, s.SecondFactorACR = []string{"eidas1-mfa"}, []string{"eidas1-mfa"}
	c := newClient(t, s, time.Now)
	known := map[string]bool{"client_id": true, "acr_values": true, "claims": true, "response_type": true, "response_mode": true, "nonce": true, "login_hint": true, "siret_hint": true,
		"state": true, "redirect_uri": true, "scope": true, "prompt": true, "idp_hint": true, "code_challenge": true, "code_challenge_method": true}
	for _, purpose := range []Purpose{SignIn, Prove} {
		at, f, err := c.Begin(t.Context(), purpose, redirect, "zoe")
		must(t, err)
		asked, _ := url.Parse(at)
		for name := range asked.Query() {
			if !known[name] {
				t.Errorf("ProConnect doesn't know the parameter %s", name)
			}
		}
		if len(f.State) < 32 || len(f.Nonce) < 32 {
			t.Errorf("state and nonce have %d and %d characters", len(f.State), len(f.Nonce))
		}
		v, err := c.Finish(t.Context(), f, redirect, a.browser(t).back(at))
		if err != nil || v.Name != "Zoé Durand" || v.Provisioned != "u-17" || v.Role != accounts.Member || !v.SecondFactor || v.Fresh != (purpose == Prove) {
			t.Errorf("%s: %+v, %v", purpose, v.Vouched, err)
		}
	}
	// Somebody of another administration has no role.
	at, f, err := c.Begin(t.Context(), SignIn, redirect, "yves")
	must(t, err)
	if v, err := c.Finish(t.Context(), f, redirect, a.browser(t).back(at)); err != nil || v.Role != "" {
		t.Errorf("%+v, %v", v.Vouched, err)
	}
}

// TestAWrongSecret is found by a check, before anybody signs in.
func TestAWrongSecret(t *testing.T) {
	a := newAuthority(t)
	issuer := real(t, a, nil)
	s := a.settings(issuer)
	s.ClientSecret = "another"
	c := newClient(t, s, time.Now)
	_, err := c.Probe(t.Context(), redirect)
	kindIs(t, err, Registered)
	if f := c.Status().Failure; f == nil || f.Kind != Registered {
		t.Errorf("%+v", c.Status())
	}
	// That it describes itself doesn't undo it; that it takes the secret does.
	must(t, c.Refresh(t.Context()))
	if f := c.Status().Failure; f == nil || f.Kind != Registered || c.Status().Since.IsZero() {
		t.Errorf("%+v", c.Status())
	}
	c.s.ClientSecret = secret
	if _, err := c.Probe(t.Context(), redirect); err != nil || c.Status().Failure != nil {
		t.Errorf("%v, %+v", err, c.Status())
	}
	s = a.settings(issuer + "/")
	_, err = newClient(t, s, time.Now).Probe(t.Context(), redirect)
	kindIs(t, err, Description) // another issuer, by a slash
	s = a.settings(issuer)
	s.Authorities = newAuthority(t).pem
	_, err = newClient(t, s, time.Now).Probe(t.Context(), redirect)
	kindIs(t, err, Authority)
}

// silent takes connections and says nothing.
func silent(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	return "https://" + l.Addr().String()
}

// TestAProviderThatIsAway: nobody waits longer than the settings say, and not again right after.
func TestAProviderThatIsAway(t *testing.T) {
	a := newAuthority(t)
	now := time.Now()
	clock := func() time.Time { return now }
	s := a.settings(silent(t))
	s.Timeout = 300 * time.Millisecond
	d := new(loopback)
	c, err := New(s, d, clock, func([]byte) {})
	must(t, err)
	began := time.Now()
	_, _, err = c.Begin(t.Context(), SignIn, redirect, "")
	kindIs(t, err, NoAnswer)
	for range 20 {
		_, _, err = c.Begin(t.Context(), SignIn, redirect, "")
		kindIs(t, err, NoAnswer)
		_, _, err = c.BackChannel(t.Context(), "x.y.z")
		kindIs(t, err, NoAnswer)
	}
	if took := time.Since(began); took > 3*time.Second || d.made.Load() != 1 {
		t.Errorf("%s, %d connections", took, d.made.Load())
	}
	if s := c.Status(); s.Failure == nil || s.Since.IsZero() || !s.Good.IsZero() {
		t.Errorf("%+v", s)
	}
	now = now.Add(pauseFor)
	_, _, err = c.Begin(t.Context(), SignIn, redirect, "")
	kindIs(t, err, NoAnswer)
	if d.made.Load() != 2 {
		t.Errorf("%d connections after the pause", d.made.Load())
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	_ = gone.Close()
	c = newClient(t, a.settings("https://"+gone.Addr().String()), clock)
	_, _, err = c.Begin(t.Context(), SignIn, redirect, "")
	kindIs(t, err, Unreachable)
	c = newClient(t, a.settings("https://provider.example.org"), clock)
	_, _, err = c.Begin(t.Context(), SignIn, redirect, "")
	kindIs(t, err, Host)
	// Who goes away says nothing of the provider.
	c = newClient(t, s, clock)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err = c.Begin(ctx, SignIn, redirect, ""); err == nil || c.Status().Failure != nil {
		t.Errorf("%v, %+v", err, c.Status())
	}
	for _, k := range []Kind{Unreachable, NoTLS, Authority, WrongName, OutOfDate, NoAnswer, Description, Host, Registered, Claims, Cancelled, Invalid, TooOld} {
		if fr, en := k.Sentence(); fr == "" || fr == en || (&Error{Kind: k}).Code() == "" || strings.Contains(fr, "  ") {
			t.Errorf("%s: %s / %s", k, fr, en)
		}
	}
}
