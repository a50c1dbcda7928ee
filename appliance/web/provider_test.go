package web

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/oidc"
)

// provider is a small real OpenID Connect provider: it speaks TLS, checks what the client sends, and signs what it says.
type provider struct {
	t    testing.TB
	h    *house
	tls  *httptest.Server
	key  *rsa.PrivateKey
	mu   sync.Mutex
	gone bool // it answers nobody
	code map[string]url.Values
	whom map[string]somebody
	jti  int
}

// somebody is what it says of somebody.
type somebody map[string]any

const clientID, clientSecret = "huisclos", "the client's secret 41926"

func (p *provider) b64(v any) string {
	text, err := json.Marshal(v)
	must(p.t, err)
	return base64.RawURLEncoding.EncodeToString(text)
}

// sign makes a token (RFC 7519) of claims.
func (p *provider) sign(key *rsa.PrivateKey, typ string, claims map[string]any) string {
	text := p.b64(map[string]string{"alg": "RS256", "kid": "1", "typ": typ}) + "." + p.b64(claims)
	sum := sha256.Sum256([]byte(text))
	mac, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	must(p.t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(mac)
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		panic(http.ErrAbortHandler)
	}
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	iss := p.tls.URL
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer(http.StatusOK, map[string]any{"issuer": iss, "authorization_endpoint": iss + "/auth", "token_endpoint": iss + "/token", "jwks_uri": iss + "/keys", "end_session_endpoint": iss + "/end",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true, "backchannel_logout_supported": true})
	case "/keys":
		answer(http.StatusOK, map[string]any{"keys": []any{map[string]string{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": base64.RawURLEncoding.EncodeToString(p.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(p.key.E)).Bytes())}}})
	case "/token":
		id, secret, _ := r.BasicAuth()
		if secret, _ = url.QueryUnescape(secret); id != clientID || secret != clientSecret {
			answer(http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
			return
		}
		_ = r.ParseForm()
		asked := p.code[r.PostForm.Get("code")]
		delete(p.code, r.PostForm.Get("code"))
		sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
		if asked == nil || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.Get("redirect_uri") != r.PostForm.Get("redirect_uri") {
			answer(http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
			return
		}
		now := p.h.clock()
		claims := map[string]any{"iss": iss, "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "nonce": asked.Get("nonce"), "auth_time": now.Unix(), "email_verified": true}
		for k, v := range p.whom[r.PostForm.Get("code")] {
			claims[k] = v
		}
		answer(http.StatusOK, map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(p.key, "JWT", claims)})
	default:
		http.NotFound(w, r)
	}
}

// says is the query with which it sends back a browser that came to an address of it, after who signed in there.
func (p *provider) says(to string, who somebody) string {
	p.t.Helper()
	at, err := url.Parse(to)
	must(p.t, err)
	asked := at.Query()
	if asked.Get("code_challenge_method") != "S256" || asked.Get("nonce") == "" || asked.Get("client_id") != clientID || asked.Get("response_type") != "code" {
		p.t.Fatalf("asked: %v", asked)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jti++
	code := "code " + strconv.Itoa(p.jti)
	p.code[code], p.whom[code] = asked, who
	return url.Values{"code": {code}, "state": {asked.Get("state")}, "iss": {p.tls.URL}}.Encode()
}

// logout is a logout token (Back-Channel Logout §2.4) of claims.
func (p *provider) logout(key *rsa.PrivateKey, claims map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jti++
	now := p.h.clock()
	all := map[string]any{"iss": p.tls.URL, "aud": clientID, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": strconv.Itoa(p.jti),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
	for k, v := range claims {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return p.sign(key, "logout+jwt", all)
}

func (p *provider) stop(gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = gone
}

type dialer struct{}

func (dialer) Dial(ctx context.Context, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// withProvider gives a house a provider.
func withProvider(t testing.TB, h *house, change func(*oidc.Settings)) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p := &provider{t: t, h: h, key: key, code: map[string]url.Values{}, whom: map[string]somebody{}}
	p.tls = httptest.NewUnstartedServer(p)
	p.tls.Config.ErrorLog = nil
	p.tls.StartTLS()
	t.Cleanup(p.tls.Close)
	s := oidc.Settings{Issuer: p.tls.URL, Name: "Atelier", ClientID: clientID, ClientSecret: clientSecret,
		Authorities: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.tls.Certificate().Raw}),
		NameClaims:  []string{"name"}, MailClaim: "email", RoleClaim: "role", Roles: []oidc.Grant{{Role: accounts.Organiser, Values: []string{"boss"}}, {Role: accounts.Administrator, Values: []string{"root"}}},
		Role: accounts.Member, SecondFactorAMR: []string{"mfa"}, SignOut: true, Timeout: 5 * time.Second}
	if change != nil {
		change(&s)
	}
	h.server.Provider, err = oidc.New(s, dialer{}, h.clock, func(b []byte) { _, _ = rand.Read(b) })
	must(t, err)
	t.Cleanup(h.server.Provider.Close)
	return p
}

var zoe = somebody{"sub": "zoe-1", "sid": "s1", "name": "Zoé Œuvrard", "email": "zoe@example.org"}

// but is what it says of the same person, with other claims.
func (w somebody) but(claims somebody) somebody {
	out := somebody{}
	for _, m := range []somebody{w, claims} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// start begins a way to the provider in this browser, and returns where that leads.
func (n *named) start(purpose string) string {
	n.t.Helper()
	a := n.must("start", n.do("POST", "/api/oidc/start", map[string]string{"purpose": purpose}), http.StatusOK)
	to, _ := a.json(n.t)["url"].(string)
	return to
}

func (n *named) finish(query string) answer {
	n.t.Helper()
	return n.do("POST", "/api/oidc/finish", map[string]string{"query": query})
}

// arrive is the whole way of somebody.
func (n *named) arrive(p *provider, who somebody) answer {
	n.t.Helper()
	a := n.finish(p.says(n.start("signIn"), who))
	n.token()
	return a
}

func (n *named) me() answer { n.t.Helper(); return n.do("GET", "/api/me", nil) }

// post is a request of the provider's own: no cookie, no origin.
func (n *named) post(path, media, body string) answer {
	n.t.Helper()
	r := httptest.NewRequest("POST", "https://"+n.host+path, strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	w := httptest.NewRecorder()
	n.h.server.ServeHTTP(w, r)
	data, err := io.ReadAll(w.Result().Body)
	must(n.t, err)
	return answer{w.Code, w.Result().Header, data}
}
