package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// liar is a provider that says whatever a test has it say.
type liar struct {
	t      *testing.T
	a      authority
	server *httptest.Server
	issuer string
	key    *ecdsa.PrivateKey
	nonce  string
	kind   string // typ of what is signed

	mu sync.Mutex // of what follows up to form: a slow answer goes on after nobody waits for it

	describe            func(map[string]any)           // nil: the truth
	claims              func(map[string]any)           // of the ID token
	sign                func(map[string]any) string    // the ID token
	token               func(http.ResponseWriter) bool // the answer of the token endpoint; true: that is all of it
	info                func(http.ResponseWriter) bool // of userinfo
	jwks                func(http.ResponseWriter) bool // of the keys
	tokens, keys, infos atomic.Int64                   // how often each was asked for
	form                url.Values                     // what the token endpoint was told last
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	l := &liar{t: t, a: newAuthority(t), key: key, kind: "JWT"}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		d := map[string]any{"issuer": l.issuer, "authorization_endpoint": l.issuer + "/authorize", "token_endpoint": l.issuer + "/token", "userinfo_endpoint": l.issuer + "/me",
			"jwks_uri": l.issuer + "/keys", "end_session_endpoint": l.issuer + "/out", "id_token_signing_alg_values_supported": []string{"ES256", "RS256", "none", "HS256"},
			"authorization_response_iss_parameter_supported": true}
		if l.describe != nil {
			l.describe(d)
		}
		l.json(w, d)
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		l.keys.Add(1)
		l.mu.Lock()
		answer := l.jwks
		l.mu.Unlock()
		if answer == nil || !answer(w) {
			l.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &l.key.PublicKey, KeyID: "one", Use: "sig", Algorithm: "ES256"}}})
		}
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		l.tokens.Add(1)
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		l.form = r.PostForm
		answer := l.token
		l.mu.Unlock()
		if answer == nil || !answer(w) {
			l.json(w, map[string]any{"access_token": "an access token", "token_type": "Bearer", "expires_in": 60, "id_token": l.idToken()})
		}
	})
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		l.infos.Add(1)
		if r.Header.Get("Authorization") != "Bearer an access token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		l.mu.Lock()
		answer := l.info
		l.mu.Unlock()
		if answer == nil || !answer(w) {
			l.json(w, map[string]any{"sub": "zoe", "email": "zoe@example.org", "email_verified": true, "name": "Zoé"})
		}
	})
	l.server = httptest.NewUnstartedServer(mux)
	l.server.TLS = &tls.Config{Certificates: []tls.Certificate{l.a.leaf}}
	l.server.Config.ErrorLog = nil
	l.server.StartTLS()
	t.Cleanup(l.server.Close)
	l.issuer = l.server.URL
	return l
}

func (l *liar) json(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		l.t.Log(err)
	}
}

func (l *liar) truth() map[string]any {
	sum := sha256.Sum256([]byte("an access token"))
	now := time.Now().Unix()
	return map[string]any{"iss": l.issuer, "sub": "zoe", "aud": "huisclos", "exp": now + 120, "iat": now, "nonce": l.nonce, "auth_time": now, "sid": "s1",
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16])}
}

func (l *liar) idToken() string {
	c := l.truth()
	if l.claims != nil {
		l.claims(c)
	}
	if l.sign != nil {
		return l.sign(c)
	}
	return l.signed(jose.ES256, l.key, "one", c)
}

func (l *liar) signed(alg jose.SignatureAlgorithm, key any, kid string, claims map[string]any) string {
	l.t.Helper()
	o := (&jose.SignerOptions{}).WithType(jose.ContentType(l.kind))
	if kid != "" {
		o = o.WithHeader("kid", kid)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	must(l.t, err)
	text, err := json.Marshal(claims)
	must(l.t, err)
	signed, err := s.Sign(text)
	must(l.t, err)
	compact, err := signed.CompactSerialize()
	must(l.t, err)
	return compact
}

// unsigned is a token with a header of the test's own.
func unsigned(header string, claims map[string]any) string {
	text, _ := json.Marshal(claims)
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e(text) + "."
}

// try signs in, with what a browser brings back changed by change.
func (l *liar) try(c *Client, purpose Purpose, change func(*Flow, url.Values)) (Vouched, error) {
	l.t.Helper()
	at, f, err := c.Begin(l.t.Context(), purpose, redirect, "")
	if err != nil {
		return Vouched{}, err
	}
	to, err := url.Parse(at)
	must(l.t, err)
	q := to.Query()
	sum := sha256.Sum256([]byte(f.Verifier))
	if q.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || q.Get("code_challenge_method") != "S256" || q.Get("state") != f.State || q.Get("nonce") != f.Nonce ||
		q.Get("response_type") != "code" || q.Get("redirect_uri") != redirect || q.Has("client_secret") || strings.Contains(at, f.Verifier) {
		l.t.Errorf("%s", at)
	}
	l.nonce = f.Nonce
	back := url.Values{"code": {"a code"}, "state": {f.State}, "iss": {l.issuer}}
	if change != nil {
		change(&f, back)
	}
	return c.Finish(l.t.Context(), f, redirect, back)
}

func TestWhatAnAttackerBringsBack(t *testing.T) {
	// ASVS 10.1.2, 10.2.1, 10.2.2
	l := newLiar(t)
	c := newClient(t, l.a.settings(l.issuer), time.Now)
	if v, err := l.try(c, SignIn, nil); err != nil || v.Subject != "zoe" || v.SID != "s1" || v.Fresh || v.SecondFactor {
		t.Fatalf("%+v, %v", v.Vouched, err)
	}
	if l.form.Get("code_verifier") == "" || l.form.Get("client_secret") != "" {
		t.Errorf("%v", l.form)
	}
	asked := l.tokens.Load()
	for name, attack := range map[string]struct {
		change func(*Flow, url.Values)
		want   Kind
	}{
		"another state":            {func(_ *Flow, q url.Values) { q.Set("state", "x") }, Invalid},
		"no state":                 {func(_ *Flow, q url.Values) { q.Del("state") }, Invalid},
		"no state on either side":  {func(f *Flow, q url.Values) { f.State = ""; q.Del("state") }, Invalid},
		"two states":               {func(f *Flow, q url.Values) { q["state"] = []string{f.State, "x"} }, Invalid},
		"two codes":                {func(_ *Flow, q url.Values) { q["code"] = []string{"a code", "b"} }, Invalid},
		"no code":                  {func(_ *Flow, q url.Values) { q.Del("code") }, Invalid},
		"mix-up: another issuer":   {func(_ *Flow, q url.Values) { q.Set("iss", "https://id.example.net") }, Invalid},
		"mix-up: no issuer":        {func(_ *Flow, q url.Values) { q.Del("iss") }, Invalid},
		"mix-up: another, refused": {func(_ *Flow, q url.Values) { q.Set("iss", "x"); q.Set("error", "access_denied") }, Invalid},
		"a flow of yesterday":      {func(f *Flow, _ url.Values) { f.Until = time.Now().Add(-time.Second) }, TooOld},
		"refused":                  {func(_ *Flow, q url.Values) { q.Set("error", "access_denied") }, Cancelled},
		"refused with lines":       {func(_ *Flow, q url.Values) { q.Set("error", "x\n"+strings.Repeat("y", 4000)) }, Cancelled},
		"out of order":             {func(_ *Flow, q url.Values) { q.Set("error", "temporarily_unavailable") }, NoAnswer},
		"another scope":            {func(_ *Flow, q url.Values) { q.Set("error", "invalid_scope") }, Registered},
	} {
		_, err := l.try(c, SignIn, attack.change)
		if kindIs(t, err, attack.want); err != nil && (strings.Contains(err.Error(), "\n") || len(err.Error()) > 1000) {
			t.Errorf("%s: %q", name, err)
		}
		if l.tokens.Load() != asked {
			t.Fatalf("%s: the provider was asked for tokens", name)
		}
	}
	if c.Status().Failure != nil {
		t.Errorf("what a browser brings back says nothing of the provider: %+v", c.Status())
	}
}

func TestTokensThatDoNotCount(t *testing.T) {
	// ASVS 9.1.1, 9.1.2, 9.2.1, 9.2.2, 9.2.3, 10.5.1, 10.5.4
	l := newLiar(t)
	s := l.a.settings(l.issuer)
	c := newClient(t, s, time.Now)
	shared := []byte(secret)
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	public, err := json.Marshal(jose.JSONWebKey{Key: &other.PublicKey})
	must(t, err)
	set := func(name string, value any) func(map[string]any) { return func(c map[string]any) { c[name] = value } }
	now := time.Now().Unix()
	type attack struct {
		claims func(map[string]any)
		sign   func(map[string]any) string
	}
	for name, a := range map[string]attack{
		"another nonce":           {claims: set("nonce", "x")},
		"no nonce":                {claims: func(c map[string]any) { delete(c, "nonce") }},
		"another issuer":          {claims: set("iss", "https://id.example.net")},
		"the issuer with a slash": {claims: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }},
		"another audience":        {claims: set("aud", "another")},
		"no audience":             {claims: func(c map[string]any) { delete(c, "aud") }},
		"more audiences":          {claims: set("aud", []string{"huisclos", "another"})},
		"for another party":       {claims: func(c map[string]any) { c["aud"], c["azp"] = []string{"huisclos", "another"}, "another" }},
		"another azp":             {claims: set("azp", "another")},
		"out of date":             {claims: set("exp", now-61)},
		"no end":                  {claims: func(c map[string]any) { delete(c, "exp") }},
		"of the future":           {claims: set("iat", now+600)},
		"not yet":                 {claims: set("nbf", now+600)},
		"no subject":              {claims: func(c map[string]any) { delete(c, "sub") }},
		"a long subject":          {claims: set("sub", strings.Repeat("z", 256))},
		"a subject with a line":   {claims: set("sub", "zoe\nroot")},
		"another access token":    {claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA")},
		"an event":                {claims: set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})},
		"claims of another kind":  {claims: set("azp", 7)},
		"alg none":                {sign: func(c map[string]any) string { return unsigned(`{"alg":"none","kid":"one"}`, c) }},
		"alg NONE":                {sign: func(c map[string]any) string { return unsigned(`{"alg":"NONE"}`, c) }},
		"no alg":                  {sign: func(c map[string]any) string { return unsigned(`{}`, c) }},
		"our secret as a key":     {sign: func(c map[string]any) string { return l.signed(jose.HS256, shared, "one", c) }},
		"the public key as a key": {sign: func(c map[string]any) string { return l.signed(jose.HS256, []byte(strings.Repeat("k", 64)), "one", c) }},
		"another key":             {sign: func(c map[string]any) string { return l.signed(jose.ES256, other, "one", c) }},
		"another key, no name":    {sign: func(c map[string]any) string { return l.signed(jose.ES256, other, "", c) }},
		"another kind of key":     {sign: func(c map[string]any) string { return l.signed(jose.RS256, strong, "one", c) }},
		"its own key":             {sign: func(c map[string]any) string { return embedded(l, other, public, c) }},
		"no signature": {sign: func(c map[string]any) string {
			whole := l.signed(jose.ES256, l.key, "one", c)
			return whole[:strings.LastIndex(whole, ".")+1]
		}},
		"claims of another token": {sign: func(c map[string]any) string {
			whole := strings.Split(l.signed(jose.ES256, l.key, "one", c), ".")
			c["sub"] = "root"
			text, _ := json.Marshal(c)
			return whole[0] + "." + base64.RawURLEncoding.EncodeToString(text) + "." + whole[2]
		}},
		"no token":     {sign: func(map[string]any) string { return "x" }},
		"an encrypted": {sign: func(map[string]any) string { return "a.b.c.d.e" }},
	} {
		l.claims, l.sign = a.claims, a.sign
		infos := l.infos.Load()
		v, err := l.try(c, SignIn, nil)
		if kindIs(t, err, Invalid); err == nil || l.infos.Load() != infos {
			t.Errorf("%s: %+v, asked %d times for more", name, v.Vouched, l.infos.Load()-infos)
		}
	}
	if n := l.keys.Load(); n > 2 {
		t.Errorf("the keys were asked for %d times", n)
	}
	l.claims, l.sign = nil, nil
	for _, kind := range []string{"at+jwt", "application/at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt"} {
		l.kind = kind
		_, err := l.try(c, SignIn, nil)
		kindIs(t, err, Invalid)
	}
	l.kind = "JWT"
	// A party that is named beside others is good when the token was made for it.
	l.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"huisclos", "account"}, "huisclos" }
	if _, err := l.try(c, SignIn, nil); err != nil {
		t.Error(err)
	}
	// Who is to prove again was asked again.
	for name, a := range map[string]struct {
		change func(map[string]any)
		want   Kind
	}{"no auth_time": {func(c map[string]any) { delete(c, "auth_time") }, Claims}, "of an hour ago": {set("auth_time", now-3600), TooOld}} {
		l.claims = a.change
		_, err := l.try(c, Prove, nil)
		if kindIs(t, err, a.want); err == nil {
			t.Error(name)
		}
	}
	l.claims = nil
	if v, err := l.try(c, Prove, nil); err != nil || !v.Fresh {
		t.Errorf("%+v, %v", v.Vouched, err)
	}
}

// embedded is a token that brings its own key (RFC 7515 §4.1.3): it is none of the provider's.
func embedded(l *liar, key *ecdsa.PrivateKey, public []byte, claims map[string]any) string {
	text, _ := json.Marshal(claims)
	e := base64.RawURLEncoding.EncodeToString
	head := e([]byte(`{"alg":"ES256","jwk":`+string(public)+`}`)) + "." + e(text)
	sum := sha256.Sum256([]byte(head))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	must(l.t, err)
	return head + "." + e(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func TestAnswersThatDoNotDo(t *testing.T) {
	l := newLiar(t)
	s := l.a.settings(l.issuer)
	s.Timeout = 500 * time.Millisecond
	endless := func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Type", "application/json")
		for range 64 {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return true
			}
		}
		return true
	}
	slow := func(http.ResponseWriter) bool { time.Sleep(700 * time.Millisecond); return true }
	away := func(w http.ResponseWriter) bool {
		w.Header().Set("Location", "https://127.0.0.1:1/x")
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}
	said := func(status int, body string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
			return true
		}
	}
	signedInfo := func(alter func(map[string]any)) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			c := map[string]any{"iss": l.issuer, "aud": "huisclos", "sub": "zoe", "email": "zoe@example.org", "email_verified": true, "name": "Zoé"}
			alter(c)
			w.Header().Set("Content-Type", "application/jwt; charset=utf-8")
			fmt.Fprint(w, l.signed(jose.ES256, l.key, "one", c))
			return true
		}
	}
	for name, a := range map[string]struct {
		token, info, jwks func(http.ResponseWriter) bool
		want              Kind
	}{
		"no end of tokens":               {token: endless, want: NoAnswer},
		"no end of claims":               {info: endless, want: NoAnswer},
		"no end of keys":                 {jwks: endless, want: NoAnswer},
		"slow tokens":                    {token: slow, want: NoAnswer},
		"slow claims":                    {info: slow, want: NoAnswer},
		"slow keys":                      {jwks: slow, want: NoAnswer},
		"the secret is led away":         {token: away, want: NoAnswer},
		"the access token is led away":   {info: away, want: NoAnswer},
		"keys that are led away":         {jwks: away, want: Unreachable},
		"no tokens":                      {token: said(500, "x"), want: NoAnswer},
		"another secret":                 {token: said(401, `{"error":"invalid_client","error_description":"x\ny"}`), want: Registered},
		"a code that doesn't count":      {token: said(400, `{"error":"invalid_grant"}`), want: Invalid},
		"no ID token":                    {token: said(200, `{"access_token":"an access token","token_type":"Bearer"}`), want: Claims},
		"tokens of another kind":         {token: said(200, `{"access_token":"an access token","token_type":"DPoP","id_token":"x.y.z"}`), want: Invalid},
		"tokens that are no JSON":        {token: said(200, `<html>`), want: NoAnswer},
		"claims that are refused":        {info: said(401, ``), want: Invalid},
		"claims that are no JSON":        {info: said(200, `<html>`), want: Invalid},
		"claims of somebody else":        {info: said(200, `{"sub":"root","email":"root@example.org"}`), want: Invalid},
		"claims of nobody":               {info: said(200, `{"email":"zoe@example.org"}`), want: Invalid},
		"no address":                     {info: said(200, `{"sub":"zoe"}`), want: Claims},
		"signed claims of another":       {info: signedInfo(func(c map[string]any) { c["iss"] = "https://id.example.net" }), want: Invalid},
		"signed claims for another":      {info: signedInfo(func(c map[string]any) { c["aud"] = "another" }), want: Invalid},
		"signed claims for nobody":       {info: signedInfo(func(c map[string]any) { delete(c, "aud") }), want: Invalid},
		"signed claims of yesterday":     {info: signedInfo(func(c map[string]any) { c["exp"] = time.Now().Unix() - 3600 }), want: Invalid},
		"signed claims of somebody else": {info: signedInfo(func(c map[string]any) { c["sub"] = "root" }), want: Invalid},
		"signed claims without a signature": {info: func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "application/jwt")
			fmt.Fprint(w, unsigned(`{"alg":"none"}`, map[string]any{"iss": l.issuer, "aud": "huisclos", "sub": "zoe", "email": "zoe@example.org"}))
			return true
		}, want: Invalid},
		"no keys":             {jwks: said(200, `{"keys":[]}`), want: Description},
		"keys that are none":  {jwks: said(200, `{"keys":[{"kty":"oct","k":"AAAA","kid":"one"},{"kty":"x"}]}`), want: Description},
		"keys that are a lot": {jwks: said(200, `{"keys":[`+strings.Repeat(`{},`, 100)+`{}]}`), want: Description},
	} {
		l.mu.Lock()
		l.token, l.info, l.jwks = a.token, a.info, a.jwks
		l.mu.Unlock()
		c := newClient(t, s, time.Now) // knows no keys yet
		began := time.Now()
		_, err := l.try(c, SignIn, nil)
		if kindIs(t, err, a.want); err == nil || time.Since(began) > 5*time.Second || strings.Contains(fmt.Sprint(err), "an access token") {
			t.Errorf("%s: %v after %s", name, err, time.Since(began))
		}
	}
	l.mu.Lock()
	l.token, l.jwks, l.info = nil, nil, signedInfo(func(map[string]any) {})
	l.mu.Unlock()
	if v, err := l.try(newClient(t, s, time.Now), SignIn, nil); err != nil || v.Email != "zoe@example.org" {
		t.Errorf("%+v, %v", v.Vouched, err)
	}
}

func TestDescriptionsThatDoNotDo(t *testing.T) {
	// ASVS 10.5.3
	l := newLiar(t)
	s := l.a.settings(l.issuer)
	set := func(name string, value any) func(map[string]any) { return func(d map[string]any) { d[name] = value } }
	for name, a := range map[string]struct {
		describe func(map[string]any)
		want     Kind
	}{
		"of another":             {set("issuer", "https://id.example.net"), Description},
		"with a slash":           {set("issuer", l.issuer+"/"), Description},
		"no way in":              {set("authorization_endpoint", ""), Description},
		"in the clear":           {set("token_endpoint", "http://127.0.0.1/token"), Description},
		"a script":               {set("authorization_endpoint", "javascript:alert(1)"), Description},
		"no secret":              {set("token_endpoint_auth_methods_supported", []string{"private_key_jwt"}), Description},
		"no S256":                {set("code_challenge_methods_supported", []string{"plain"}), Description},
		"shared signatures":      {set("id_token_signing_alg_values_supported", []string{"HS256", "none"}), Description},
		"a sign-out of a script": {set("end_session_endpoint", "javascript:alert(1)"), Description},
	} {
		l.describe = a.describe
		_, err := newClient(t, s, time.Now).Probe(t.Context(), redirect)
		if kindIs(t, err, a.want); err == nil {
			t.Error(name)
		}
	}
	// Tokens at a host that nobody named are not asked for there.
	l.describe = set("token_endpoint", "https://keys.example.org/token")
	_, err := l.try(newClient(t, s, time.Now), SignIn, nil)
	kindIs(t, err, Host)
	l.describe = set("token_endpoint_auth_methods_supported", []string{"client_secret_post"})
	if _, err := l.try(newClient(t, s, time.Now), SignIn, nil); err != nil || l.form.Get("client_secret") != secret {
		t.Errorf("%v, %v", l.form, err)
	}
	l.describe = nil
	// One that goes away after it was known: for a day what was known does.
	now := time.Now()
	c := newClient(t, s, func() time.Time { return now })
	if _, _, err := c.Begin(t.Context(), SignIn, redirect, ""); err != nil {
		t.Fatal(err)
	}
	l.server.CloseClientConnections()
	l.server.Close()
	c.Close()
	for _, after := range []struct {
		wait time.Duration
		ok   bool
	}{{freshFor, true}, {keptFor - freshFor - time.Minute, true}, {2 * time.Minute, false}} {
		now = now.Add(after.wait)
		if _, _, err := c.Begin(t.Context(), SignIn, redirect, ""); (err == nil) != after.ok {
			t.Errorf("after %s: %v", after.wait, err)
		}
		if c.Status().Failure == nil {
			t.Error("its failure isn't known")
		}
	}
}

func TestLogoutTokensThatDoNotCount(t *testing.T) {
	// ASVS 10.5.5
	l := newLiar(t)
	now := time.Now()
	c := newClient(t, l.a.settings(l.issuer), func() time.Time { return now })
	const event = "http://schemas.openid.net/event/backchannel-logout"
	n := 0
	token := func(change func(map[string]any)) string {
		n++
		claims := map[string]any{"iss": l.issuer, "aud": "huisclos", "sub": "zoe", "sid": "s1", "iat": now.Unix(), "exp": now.Unix() + 120, "jti": fmt.Sprint("t", n), "events": map[string]any{event: map[string]any{}}}
		if change != nil {
			change(claims)
		}
		return l.signed(jose.ES256, l.key, "one", claims)
	}
	set := func(name string, value any) func(map[string]any) { return func(c map[string]any) { c[name] = value } }
	drop := func(names ...string) func(map[string]any) {
		return func(c map[string]any) {
			maps.DeleteFunc(c, func(k string, _ any) bool { return strings.Contains(strings.Join(names, " "), k) })
		}
	}
	for name, raw := range map[string]string{
		"another issuer": token(set("iss", "https://id.example.net")), "another audience": token(set("aud", "another")), "out of date": token(set("exp", now.Unix()-61)),
		"no end": token(drop("exp")), "no time": token(drop("iat")), "of the future": token(set("iat", now.Unix()+600)), "no jti": token(drop("jti")),
		"with a nonce": token(set("nonce", "x")), "with an empty nonce": token(set("nonce", "")), "no event": token(drop("events")), "of another event": token(set("events", map[string]any{"x": map[string]any{}})),
		"an event that is no object": token(set("events", map[string]any{event: "x"})), "an event that is null": token(set("events", map[string]any{event: nil})),
		"of nobody": token(drop("sub", "sid")), "alg none": unsigned(`{"alg":"none"}`, map[string]any{"iss": l.issuer, "aud": "huisclos", "sub": "zoe"}),
		"nothing": "", "too long": strings.Repeat("x", maxLogoutToken+1),
	} {
		subject, sid, err := c.BackChannel(t.Context(), raw)
		if kindIs(t, err, Invalid); err == nil || subject+sid != "" {
			t.Errorf("%s: %q, %q, %v", name, subject, sid, err)
		}
	}
	good := token(nil)
	if subject, sid, err := c.BackChannel(t.Context(), good); subject != "zoe" || sid != "s1" || err != nil {
		t.Errorf("%q, %q, %v", subject, sid, err)
	}
	_, _, err := c.BackChannel(t.Context(), good)
	kindIs(t, err, Invalid)
	for kind, ok := range map[string]bool{"logout+jwt": true, "application/logout+jwt": true, "LOGOUT+JWT": true, "at+jwt": false, "secevent+jwt": false} {
		l.kind = kind
		if _, _, err := c.BackChannel(t.Context(), token(nil)); (err == nil) != ok {
			t.Errorf("%s: %v", kind, err)
		}
	}
	l.kind = "JWT"
	if subject, sid, err := c.BackChannel(t.Context(), token(drop("sid"))); subject != "zoe" || sid != "" || err != nil {
		t.Errorf("%q, %q, %v", subject, sid, err)
	}
	// Whoever sends tokens of nobody makes us ask for keys twice a minute at most.
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	before := l.keys.Load()
	for i := range 50 {
		_, _, err := c.BackChannel(t.Context(), l.signed(jose.ES256, stranger, fmt.Sprint("k", i), map[string]any{"iss": l.issuer}))
		kindIs(t, err, Invalid)
	}
	if asked := l.keys.Load() - before; asked > 1 {
		t.Errorf("asked for keys %d times", asked)
	}
	// What is remembered stays within bounds.
	for i := range maxUsed + 10 {
		if !c.use(fmt.Sprint("x", i), now.Add(time.Hour+time.Duration(i)), now) {
			t.Fatal(i)
		}
	}
	if len(c.used) > maxUsed {
		t.Errorf("%d tokens are remembered", len(c.used))
	}
	for query, want := range map[string]string{"iss=" + url.QueryEscape(l.issuer) + "&sid=s1": "s1", "iss=x&sid=s1": "", "sid=s1": "", "iss=" + url.QueryEscape(l.issuer): "", "iss=" + url.QueryEscape(l.issuer) + "&sid=": "",
		"iss=" + url.QueryEscape(l.issuer) + "&sid=a&sid=b": ""} {
		q, _ := url.ParseQuery(query)
		if sid, err := c.FrontChannel(q); sid != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", query, sid, err)
		}
	}
}

// TestKeysAreRenewed: one that the provider takes back is gone within the hour, and one that we don't know is asked for.
func TestKeysAreRenewed(t *testing.T) {
	l := newLiar(t)
	now := time.Now()
	c := newClient(t, l.a.settings(l.issuer), func() time.Time { return now })
	if _, err := l.try(c, SignIn, nil); err != nil {
		t.Fatal(err)
	}
	old := l.key
	l.sign = func(c map[string]any) string { return l.signed(jose.ES256, old, "one", c) }
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	l.jwks = func(w http.ResponseWriter) bool {
		l.json(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &other.PublicKey, KeyID: "two"}}})
		return true
	}
	now = now.Add(time.Minute)
	if _, err := l.try(c, SignIn, nil); err != nil {
		t.Error(err) // still believed
	}
	l.sign = func(c map[string]any) string { return l.signed(jose.ES256, other, "two", c) }
	if _, err := l.try(c, SignIn, nil); err != nil {
		t.Error(err)
	}
	l.sign = func(c map[string]any) string { return l.signed(jose.ES256, old, "one", c) }
	now = now.Add(keysEvery)
	_, err = l.try(c, SignIn, nil)
	kindIs(t, err, Invalid)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err == nil { // where the library still makes one
		text, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &small.PublicKey, KeyID: "weak"}}})
		if keys, err := parseKeys(text); err == nil {
			t.Errorf("a key of 1024 bits is believed: %v", keys)
		}
	}
}
