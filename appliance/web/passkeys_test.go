package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/passkey"
	"huisclos/accounts/passkey/passkeytest"
)

const passkeyHost, passkeyOrigin = "visio.example.org", "https://visio.example.org"

// named is a browser that came by the host name, to a house whose certificate it trusts.
type named struct {
	t       testing.TB
	h       *house
	host    string
	cookies map[string]string
	csrf    string
	keys    *passkeytest.Authenticator
}

func newNamed(t testing.TB, h *house) *named {
	t.Helper()
	h.server.StrictTransport = func() bool { return true }
	n := &named{t: t, h: h, host: passkeyHost, cookies: map[string]string{}, keys: &passkeytest.Authenticator{Origin: passkeyOrigin}}
	n.token()
	return n
}

func (n *named) token() { n.csrf, _ = n.do("GET", "/api/me", nil).json(n.t)["csrf"].(string) }

func (n *named) do(method, path string, body any) answer {
	n.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case []byte:
		text = b
	default:
		var err error
		text, err = json.Marshal(body)
		must(n.t, err)
	}
	r := httptest.NewRequest(method, "https://"+n.host+path, bytes.NewReader(text))
	if method != http.MethodGet {
		r.Header.Set("Origin", "https://"+strings.ToLower(n.host)) // as browsers write it
		r.Header.Set(csrfHeader, n.csrf)
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range n.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	n.h.server.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(n.cookies, c.Name)
		} else {
			n.cookies[c.Name] = c.Value
		}
	}
	return answer{w.Code, res.Header, w.Body.Bytes()}
}

func (n *named) must(what string, a answer, status int) answer {
	n.t.Helper()
	if a.status != status {
		n.t.Fatalf("%s: %d %s", what, a.status, a.body)
	}
	return a
}

func (n *named) signIn(email, passphrase string) {
	n.t.Helper()
	n.must("sign-in", n.do("POST", "/api/login", map[string]string{"email": email, "passphrase": passphrase}), http.StatusOK)
	n.token()
}

func options(t testing.TB, a answer) []byte {
	t.Helper()
	var b struct {
		Options json.RawMessage `json:"options"`
	}
	must(t, json.Unmarshal(a.body, &b))
	return b.Options
}

// create answers a begun passkey with the browser's authenticator.
func (n *named) create(begun answer) json.RawMessage {
	n.t.Helper()
	made, err := n.keys.Create(options(n.t, begun))
	must(n.t, err)
	return made
}

func (n *named) get(begun answer) json.RawMessage {
	n.t.Helper()
	signed, err := n.keys.Get(options(n.t, begun))
	must(n.t, err)
	return signed
}

// give adds a passkey to whom this browser is signed in as.
func (n *named) give(passphrase, name string) answer {
	n.t.Helper()
	begun := n.must("begin", n.do("POST", "/api/account/passkeys/begin", map[string]string{"passphrase": passphrase}), http.StatusOK)
	a := n.must("add", n.do("POST", "/api/account/passkeys", map[string]any{"name": name, "credential": n.create(begun)}), http.StatusCreated)
	n.token()
	return a
}

func (n *named) signOut() {
	n.t.Helper()
	n.must("sign-out", n.do("POST", "/api/logout", nothing), http.StatusNoContent)
	n.token()
}

func (n *named) byPasskey(more map[string]any) answer {
	n.t.Helper()
	body := map[string]any{"credential": n.get(n.must("begin", n.do("POST", "/api/passkey/login/begin", nothing), http.StatusOK))}
	for k, v := range more {
		body[k] = v
	}
	return n.do("POST", "/api/passkey/login/finish", body)
}

func TestPasskeyFromThePages(t *testing.T) {
	// ASVS 7.2.4
	h := newHouse(t)
	n := newNamed(t, h)
	if p := n.do("GET", "/api/me", nil).json(t)["passkeys"].(map[string]any); p["possible"] != true || p["reason"] != nil {
		t.Errorf("before sign-in: %v", p)
	}
	n.signIn("marie@example.org", memberPassphrase)
	before := n.cookies[sessionCookie]
	added := n.give(memberPassphrase, "Portable").json(t)
	if len(added["recovery"].([]any)) != 10 || added["passkey"].(map[string]any)["name"] != "Portable" || n.cookies[sessionCookie] == before {
		t.Errorf("added: %v", added)
	}
	id := added["passkey"].(map[string]any)["id"].(string)
	n.signOut()

	in := n.must("by passkey alone", n.byPasskey(nil), http.StatusOK).json(t)
	if in["account"].(map[string]any)["email"] != "marie@example.org" || n.cookies[visitCookie] != "" {
		t.Errorf("signed in: %v", in)
	}
	n.token()
	list := n.do("GET", "/api/account/factors", nil).json(t)["passkeys"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["used"] == nil || list[0].(map[string]any)["party"] != nil {
		t.Errorf("list: %v", list)
	}
	n.must("rename", n.do("PATCH", "/api/account/passkeys/"+id, map[string]string{"name": "Vieux portable"}), http.StatusNoContent)
	expect(t, "another's", h.asOther().do("PATCH", "/api/account/passkeys/"+id, map[string]string{"name": "x"}), http.StatusNotFound, "noPasskey")

	// At the second step: the passphrase says whose it has to be.
	n.signOut()
	a := n.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase})
	expect(t, "passphrase alone", a, http.StatusUnauthorized, "secondFactorNeeded")
	if f := a.json(t)["factors"].(map[string]any); f["passkey"] != true || f["totp"] != false {
		t.Errorf("factors %v", f)
	}
	expect(t, "as another", n.byPasskey(map[string]any{"email": "omar@example.org"}), http.StatusUnauthorized, "passkeyRefused")
	n.must("as whom one said", n.byPasskey(map[string]any{"email": "Marie@Example.org"}), http.StatusOK)
	n.token()

	// Removed, with itself as the proof; it signs in no more.
	proof := n.get(n.must("proof", n.do("POST", "/api/proof/passkey/begin", nothing), http.StatusOK))
	expect(t, "the passphrase alone", n.do("DELETE", "/api/account/passkeys/"+id, map[string]any{"passphrase": memberPassphrase}), http.StatusUnauthorized, "secondFactorNeeded")
	n.must("remove", n.do("DELETE", "/api/account/passkeys/"+id, map[string]any{"passkey": proof}), http.StatusNoContent)
	n.token()
	expect(t, "proof without one", n.do("POST", "/api/proof/passkey/begin", nothing), http.StatusNotFound, "noPasskey")
	n.signOut()
	expect(t, "removed", n.byPasskey(nil), http.StatusUnauthorized, "passkeyRefused")
	n.signIn("marie@example.org", memberPassphrase)
	for _, secret := range []string{string(proof), memberPassphrase, "Vieux portable"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("%.20q is in the log", secret)
		}
	}
}

// TestPasskeyRefusals: what is not good has one answer, whatever is wrong with it; what is too late says so.
func TestPasskeyRefusals(t *testing.T) {
	// ASVS 6.3.8
	for name, c := range map[string]struct {
		do     func(*named) answer
		status int
		code   string
	}{
		"wrong origin": {func(n *named) answer { n.keys.Origin = "https://visio.example.org:8443"; return n.byPasskey(nil) }, 401, "passkeyRefused"},
		"wrong party":  {func(n *named) answer { n.keys.Party = "example.org"; return n.byPasskey(nil) }, 401, "passkeyRefused"},
		"not verified": {func(n *named) answer { n.keys.NotVerified = true; return n.byPasskey(nil) }, 401, "passkeyRefused"},
		"counter back": {func(n *named) answer {
			n.must("first", n.byPasskey(nil), http.StatusOK)
			n.token()
			n.keys.Keys[0].Counter = 0
			return n.byPasskey(nil)
		}, 401, "passkeyRefused"},
		"unknown": {func(n *named) answer {
			_, err := n.keys.Create([]byte(`{"rp":{"id":"visio.example.org"},"user":{"id":"AQIDAAAAAAAAAAAAAAAAAA"},"challenge":"x"}`))
			must(n.t, err)
			return n.byPasskey(nil)
		}, 401, "passkeyRefused"},
		"disabled": {func(n *named) answer {
			_, err := n.h.accounts.Disable(accounts.Actor{Account: n.h.administrator.ID}, n.h.member.ID, n.h.now)
			must(n.t, err)
			return n.byPasskey(nil)
		}, 401, "passkeyRefused"},
		"too late": {func(n *named) answer {
			signed := n.get(n.do("POST", "/api/passkey/login/begin", nothing))
			n.h.advance(passkey.Lifetime)
			return n.do("POST", "/api/passkey/login/finish", map[string]any{"credential": signed})
		}, 409, "passkeyOver"},
		"a second time": {func(n *named) answer {
			signed := n.get(n.do("POST", "/api/passkey/login/begin", nothing))
			body := map[string]any{"credential": signed}
			other := *n
			other.cookies = map[string]string{visitCookie: n.cookies[visitCookie]}
			n.must("once", n.do("POST", "/api/passkey/login/finish", body), http.StatusOK)
			return other.do("POST", "/api/passkey/login/finish", body)
		}, 409, "passkeyOver"},
		"another browser's challenge": {func(n *named) answer {
			signed := n.get(newNamed(n.t, n.h).do("POST", "/api/passkey/login/begin", nothing))
			return n.do("POST", "/api/passkey/login/finish", map[string]any{"credential": signed})
		}, 409, "passkeyOver"},
		"a proof's challenge, of another account": {func(n *named) answer {
			n.must("in", n.byPasskey(nil), http.StatusOK)
			n.token()
			begun := n.do("POST", "/api/proof/passkey/begin", nothing)
			o := newNamed(n.t, n.h)
			o.signIn("omar@example.org", otherPassphrase)
			return o.do("DELETE", "/api/account/totp", map[string]any{"passkey": n.get(begun)})
		}, 409, "passkeyOver"},
		"another account's passkey as a proof": {func(n *named) answer {
			marie := n.keys.Keys[0]
			o := newNamed(n.t, n.h)
			o.signIn("omar@example.org", otherPassphrase)
			o.give(otherPassphrase, "x")
			begun := o.must("begin", o.do("POST", "/api/proof/passkey/begin", nothing), http.StatusOK)
			signed, err := n.keys.GetWith(marie, passkeytest.Challenge(options(n.t, begun)))
			must(n.t, err)
			return o.do("POST", "/api/account/recovery", map[string]any{"passkey": json.RawMessage(signed)})
		}, 403, "passkeyRefused"},
		"no credential": {func(n *named) answer {
			return n.do("POST", "/api/passkey/login/finish", map[string]any{"credential": map[string]string{}})
		}, 400, "bad-request"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNamed(t, newHouse(t))
			n.signIn("marie@example.org", memberPassphrase)
			n.give(memberPassphrase, "Portable")
			n.signOut()
			room := heldHouse(n.h, 2*time.Second)
			a := c.do(n)
			expect(t, name, a, c.status, c.code)
			if waits := room.take(); a.status == http.StatusUnauthorized && !slices.Equal(waits, []time.Duration{2 * time.Second}) {
				t.Errorf("a refused stranger waited %v, want once 2 s", waits)
			}
			if a.status == http.StatusUnauthorized && !bytes.Equal(a.body, []byte(refusedBody(t))) {
				t.Errorf("another answer than the others': %s", a.body)
			}
		})
	}
}

// refusedBody is the one answer to a passkey that does not sign in.
func refusedBody(t *testing.T) string {
	t.Helper()
	s := sentences[codePasskeyRefused]
	b, err := json.Marshal(map[string]any{"error": map[string]string{"code": "passkeyRefused", "fr": s.fr, "en": s.en}})
	must(t, err)
	return string(b)
}

// TestWherePasskeysCannotBe: a host name that is come by, and a certificate that is trusted.
func TestWherePasskeysCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*named)
		reason string
		at     any
	}{
		"no host name":             {func(n *named) { n.h.server.Passkeys = nil }, noName, nil},
		"self-signed":              {func(n *named) { n.h.server.StrictTransport = func() bool { return false } }, untrusted, nil},
		"come to by localhost":     {func(n *named) { n.host = "localhost" }, otherName, passkeyOrigin},
		"come to by another port":  {func(n *named) { n.host = passkeyHost + ":8443" }, "", nil},
		"come to in capitals":      {func(n *named) { n.host = "VISIO.example.org" }, "", nil},
		"with everything in place": {func(*named) {}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNamed(t, newHouse(t))
			c.change(n)
			p := n.do("GET", "/api/me", nil).json(t)["passkeys"].(map[string]any)
			reason, _ := p["reason"].(string)
			if reason != c.reason || p["possible"] != (c.reason == "") || p["at"] != c.at {
				t.Errorf("%v", p)
			}
			want, code := http.StatusOK, ""
			if c.reason != "" {
				want, code = http.StatusConflict, "passkeysNotHere"
			}
			if a := n.do("POST", "/api/passkey/login/begin", nothing); a.status != want {
				t.Errorf("begin: %d %s", a.status, a.body)
			} else if code != "" {
				expect(t, "begin", a, want, code)
			}
		})
	}
}

// TestPasskeyWhereARoleNeedsOne: it is a second factor as TOTP is; it sets a session up, is proof before sensitive acts, and stays
// while it is the last.
func TestPasskeyWhereARoleNeedsOne(t *testing.T) {
	// ASVS 7.5.3
	h := newHouse(t)
	n := newNamed(t, h)
	h.newAccountOf("neu@example.org", accounts.Administrator)
	n.signIn("neu@example.org", rolePassphrase)
	expect(t, "without a factor", n.do("GET", "/api/admin/accounts", nil), http.StatusForbidden, "factorRequired")
	id := n.give(rolePassphrase, "Clé").json(t)["passkey"].(map[string]any)["id"].(string)
	if me := n.do("GET", "/api/me", nil).json(t); me["must"] != nil || me["secondFactor"] != true {
		t.Errorf("told %v", me)
	}
	reset := func() answer {
		return n.do("POST", "/api/admin/accounts/"+h.member.ID.String()+"/activation", nothing)
	}
	n.must("just proved", reset(), http.StatusOK)
	h.advance(accounts.ProofLifetime)
	expect(t, "ten minutes later", reset(), http.StatusForbidden, "proofNeeded")
	expect(t, "the passphrase alone", n.do("POST", "/api/proof", map[string]string{"passphrase": rolePassphrase}), http.StatusUnauthorized, "secondFactorNeeded")
	prove := func() json.RawMessage {
		return n.get(n.must("begin", n.do("POST", "/api/proof/passkey/begin", nothing), http.StatusOK))
	}
	before := n.cookies[sessionCookie]
	n.must("proof", n.do("POST", "/api/proof", map[string]any{"passkey": prove()}), http.StatusNoContent)
	n.must("proved again", reset(), http.StatusOK)
	if n.cookies[sessionCookie] != before {
		t.Error("a proof is another session")
	}
	expect(t, "the last one", n.do("DELETE", "/api/account/passkeys/"+id, map[string]any{"passkey": prove()}), http.StatusConflict, "factorKept")
}

// TestPasskeyOrigin: behind no proxy the origin is the settings' own, whatever the request says.
func TestPasskeyOrigin(t *testing.T) {
	n := newNamed(t, newHouse(t))
	n.h.server.Base = "https://visio.example.org:8443"
	n.signIn("marie@example.org", memberPassphrase)
	begun := n.must("begin", n.do("POST", "/api/account/passkeys/begin", map[string]string{"passphrase": memberPassphrase}), http.StatusOK)
	expect(t, "from another port", n.do("POST", "/api/account/passkeys", map[string]any{"name": "x", "credential": n.create(begun)}), http.StatusUnprocessableEntity, "passkeyUnusable")
	n.keys.Origin = "https://visio.example.org:8443"
	begun = n.must("begin", n.do("POST", "/api/account/passkeys/begin", map[string]string{"passphrase": memberPassphrase}), http.StatusOK)
	n.must("from its own", n.do("POST", "/api/account/passkeys", map[string]any{"name": "x", "credential": n.create(begun)}), http.StatusCreated)
}

// FuzzPasskeyBodies sends anything to the routes of passkeys where there can be some: no fault of the server, no session.
func FuzzPasskeyBodies(f *testing.F) {
	h := newHouse(f)
	n := newNamed(f, h)
	n.signIn("marie@example.org", memberPassphrase)
	n.give(memberPassphrase, "Portable")
	signed := n.get(n.must("begin", n.do("POST", "/api/proof/passkey/begin", nothing), http.StatusOK))
	routes := []string{"/api/passkey/login/finish", "/api/account/passkeys", "/api/account/passkeys/begin"}
	for _, s := range []string{`{}`, `{"credential":{}}`, `{"credential":[]}`, `{"passkey":{"id":1}}`, `{"credential":` + string(signed) + `}`, `{"name":"x","credential":` + string(signed) + `}`, `{"passkey":` + string(signed) + `}`} {
		for i := range routes {
			f.Add(i, []byte(s))
		}
	}
	session := n.cookies[sessionCookie]
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		h.advance(forgetTries)
		n.t, n.cookies = t, map[string]string{sessionCookie: session}
		a := n.do("POST", routes[uint(i)%uint(len(routes))], body)
		if a.status >= http.StatusInternalServerError && a.status != http.StatusServiceUnavailable {
			t.Fatalf("%d %s\n%s", a.status, a.body, h.log)
		}
	})
}
