package web

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
)

// changes lists the routes that change something for a page of ours. Those for programs read no cookie (TestScimReadsNoCookie), and what
// the provider calls has defences of its own (signout_test.go).
func changes(s *Server) []route {
	var out []route
	for _, r := range s.routes() {
		if r.method != http.MethodGet && r.method != http.MethodHead && r.kind != machine && r.kind != foreign {
			out = append(out, r)
		}
	}
	return out
}

// example fills the parameters of a route's path.
func example(path string) string {
	for _, name := range []string{":session", ":room", ":account"} {
		path = strings.ReplaceAll(path, name, "AAAAAAAAAAAAAAAAAAAAAA")
	}
	return strings.ReplaceAll(path, ":epoch", "0")
}

func TestEveryChangeIsDefended(t *testing.T) {
	// ASVS 3.5.1, 3.5.2, 7.6.2
	h := newHouse(t)
	b := h.asAdministrator()
	visitor := h.browser()
	visitor.token()
	attacks := map[string]struct {
		do   func(*http.Request)
		want string
	}{
		"no token":        {func(r *http.Request) { r.Header.Del(csrfHeader) }, "csrf"},
		"empty token":     {func(r *http.Request) { r.Header.Set(csrfHeader, "") }, "csrf"},
		"another's token": {func(r *http.Request) { r.Header.Set(csrfHeader, visitor.csrf) }, "csrf"},
		"two tokens":      {func(r *http.Request) { r.Header.Add(csrfHeader, b.csrf) }, "csrf"},
		"no origin":       {func(r *http.Request) { r.Header.Del("Origin") }, "foreign-origin"},
		"null origin":     {func(r *http.Request) { r.Header.Set("Origin", "null") }, "foreign-origin"},
		"foreign origin":  {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, "foreign-origin"},
		"cross-site":      {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, "foreign-origin"},
		"sibling":         {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, "foreign-origin"},
		"foreign host":    {func(r *http.Request) { r.Host = "evil.example"; r.Header.Set("Origin", "https://evil.example") }, "wrong-host"},
		"forwarded host":  {func(r *http.Request) { r.Header.Set("X-Forwarded-Host", "evil.example"); r.Header.Del("Origin") }, "foreign-origin"},
	}
	before, err := h.audit.Head()
	must(t, err)
	n := 0
	for _, r := range changes(h.server) {
		for name, attack := range attacks {
			if n++; n%100 == 0 {
				h.advance(time.Minute) // the rate limit is tested elsewhere
			}
			req := b.request(r.method, example(r.path), nothing)
			attack.do(req)
			a := b.send(req)
			if got := a.code(t); got != attack.want {
				t.Errorf("%s %s, %s: %d %q, want %q", r.method, r.path, name, a.status, got, attack.want)
			}
		}
	}
	after, err := h.audit.Head()
	must(t, err)
	if before != after {
		t.Error("a refused request did something that was audited")
	}
}

func TestChangesByGetDoNothing(t *testing.T) {
	// ASVS 3.5.3, 13.4.4
	h := newHouse(t)
	b := h.asAdministrator()
	reads := map[string]bool{}
	for _, r := range h.server.routes() {
		if r.method == http.MethodGet {
			reads[r.path] = true
		}
	}
	for _, r := range changes(h.server) {
		if reads[r.path] {
			continue // the same address reads; that it changes nothing, the matrix shows
		}
		for _, change := range []func(*http.Request){
			func(*http.Request) {},
			func(q *http.Request) { q.Header.Set("X-HTTP-Method-Override", r.method) },
			func(q *http.Request) { q.Header.Set("X-Method-Override", r.method) },
			func(q *http.Request) { q.URL.RawQuery = "_method=" + r.method },
		} {
			q := b.request("GET", example(r.path), nil)
			change(q)
			expect(t, "GET "+r.path, b.send(q), http.StatusMethodNotAllowed, "method-not-allowed")
		}
	}
	q := b.request("POST", "/api/rooms/AAAAAAAAAAAAAAAAAAAAAA", nothing)
	q.Header.Set("X-HTTP-Method-Override", "DELETE")
	expect(t, "override", b.send(q), http.StatusMethodNotAllowed, "method-not-allowed")
	for _, method := range []string{"TRACE", "TRACK", "CONNECT", "PROPFIND", "OPTIONS", "PUT"} {
		a := b.do(method, "/api/me", nil)
		if a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.status)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	// ASVS 3.2.1, 3.4.2, 3.4.3, 3.4.4, 3.4.5, 3.4.6, 13.4.6, 14.2.2, 14.3.2
	h := newHouse(t)
	b := h.asAdministrator()
	always := map[string]string{
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "credentialless", "Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	}
	paths := []string{"/nothing/here", "/assets/other.js", "/api/nothing", "/assets/../api/me", "/%00"}
	for _, r := range h.server.routes() {
		paths = append(paths, strings.ReplaceAll(example(r.path), ":file", "main-0123456789.js"))
	}
	for _, p := range paths {
		h.advance(time.Minute)
		a := b.do("GET", p, nil)
		for name, want := range always {
			if got := a.header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %s: %q", p, name, got)
			}
		}
		policy := a.header.Values("Content-Security-Policy")
		if len(policy) != 1 || !strings.HasPrefix(policy[0], "default-src 'none'") || !strings.Contains(policy[0], "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", p, policy)
		} else if strings.Contains(policy[0], "unsafe") || strings.Contains(policy[0], "*") || strings.Contains(policy[0], "data:") || strings.Contains(policy[0], "http") {
			t.Errorf("%s: lax policy %q", p, policy)
		}
		for _, part := range []string{"camera=(self)", "microphone=(self)", "display-capture=(self)", "speaker-selection=(self)", "geolocation=()"} {
			if !strings.Contains(a.header.Get("Permissions-Policy"), part) {
				t.Errorf("%s: Permissions-Policy without %s", p, part)
			}
		}
		if a.header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS with a certificate that no browser trusts", p)
		}
		for _, name := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin"} {
			if a.header.Get(name) != "" {
				t.Errorf("%s: %s: %s", p, name, a.header.Get(name))
			}
		}
		cache, kind := a.header.Get("Cache-Control"), a.header.Get("Content-Type")
		immutable := strings.Contains(p, "/assets/main-")
		if immutable != (cache == "public, max-age=31536000, immutable") || !immutable && cache != "no-store" {
			t.Errorf("%s: Cache-Control %q", p, cache)
		}
		if a.status != http.StatusNoContent && a.status != http.StatusPermanentRedirect && kind == "" {
			t.Errorf("%s: no Content-Type", p)
		}
	}
}

// TestContentTypes: what an answer says it is, with its character set where it is text.
func TestContentTypes(t *testing.T) {
	// ASVS 4.1.1
	h := newHouse(t)
	b := h.asAdministrator()
	paths := []string{"/nothing/here", "/assets/other.js", "/api/nothing", "/%00"}
	for _, r := range h.server.routes() {
		paths = append(paths, strings.ReplaceAll(example(r.path), ":file", "main-0123456789.js"))
	}
	text := 0
	for _, p := range paths {
		h.advance(time.Minute)
		a := b.do("GET", p, nil)
		if len(a.body) == 0 {
			continue
		}
		media, parameters, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		if strings.HasPrefix(media, "text/") || media == "application/json" || media == scimMedia {
			text++
			if !strings.EqualFold(parameters["charset"], "utf-8") {
				t.Errorf("%s: %s with the character set %q", p, media, parameters["charset"])
			}
		}
		if strings.HasSuffix(media, "json") != json.Valid(a.body) || (media == "text/html") != bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(a.body)), []byte("<!doctype html")) {
			t.Errorf("%s: says %s and is %.40q", p, media, a.body)
		}
	}
	if text < 10 {
		t.Errorf("%d answers were text", text)
	}
}

func TestPolicies(t *testing.T) {
	// ASVS 1.3.2, 3.2.2, 3.4.3, 14.2.3
	h := newHouse(t)
	b := h.browser()
	for path, want := range map[string]string{
		"/":                          policyDocument,
		"/console/":                  policyDocument,
		"/r/AAAAAAAAAAAAAAAAAAAAAA":  policyDocument,
		"/w/mls-0123456789.js":       policyMLSWorker,
		"/w/frame-0123456789.js":     policyFrameWorker,
		"/w/mls-0123456789.wasm":     policyNone,
		"/assets/main-0123456789.js": policyNone,
		"/nowhere":                   policyPage,
		"/api/me":                    policyNone,
	} {
		if got := b.do("GET", path, nil).header.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q, want %q", path, got, want)
		}
	}
	for _, part := range []string{"require-trusted-types-for 'script'", "trusted-types huisclos", "script-src 'self';", "base-uri 'none'", "object-src"} {
		if has := strings.Contains(policyDocument, part); has != (part != "object-src") { // object-src falls back to default-src
			t.Errorf("document policy and %q: %v", part, has)
		}
	}
	if strings.Contains(policyDocument, "unsafe") || strings.Count(policyMLSWorker, "unsafe") != 1 || strings.Contains(policyFrameWorker, "connect") {
		t.Error("a policy allows more than it says")
	}
}

func TestStrictTransportWithARealCertificate(t *testing.T) {
	h := newHouse(t)
	h.server.StrictTransport = func() bool { return true }
	if got := h.browser().do("GET", "/", nil).header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
		t.Errorf("HSTS %q", got)
	}
}

func TestForeignHostsGetNothing(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	for _, host := range []string{"evil.example", "evil.example:443", "visio.example.org.evil.example", "192.0.2.99"} {
		r := b.request("GET", "/", nil)
		r.Host = host
		a := b.send(r)
		if a.status != http.StatusMisdirectedRequest || strings.Contains(string(a.body), host) {
			t.Errorf("Host %s: %d %q", host, a.status, a.body)
		}
	}
	r := b.request("GET", "/", nil)
	r.Host = "visio.example.org"
	if a := b.send(r); a.status != http.StatusOK {
		t.Errorf("own name: %d", a.status)
	}
}

// TestLinksNameUsOnly: what the request says of itself never gets into a link that is given to people.
func TestLinksNameUsOnly(t *testing.T) {
	// ASVS 1.2.2, 4.1.3
	h := newHouse(t)
	b := h.asAdministrator()
	r := b.request("POST", "/api/admin/accounts", map[string]string{"name": "N", "email": "n@example.org", "role": "member"})
	r.Header.Set("X-Forwarded-Host", "evil.example")
	r.Header.Set("X-Forwarded-Proto", "http")
	r.Header.Set("Forwarded", "host=evil.example")
	a := b.send(r)
	if a.status != http.StatusCreated || strings.Contains(string(a.body), "evil") {
		t.Errorf("%d %s", a.status, a.body)
	}
	h.server.Base = "https://visio.example.org"
	a = b.do("POST", "/api/admin/accounts", map[string]string{"name": "M", "email": "m@example.org", "role": "member"})
	if !strings.Contains(string(a.body), `"url":"https://visio.example.org/activate#`) {
		t.Errorf("configured name not used: %s", a.body)
	}
}

func TestNoOpenRedirect(t *testing.T) {
	// ASVS 3.7.2
	h := newHouse(t)
	for _, path := range []string{
		"//evil.example", "//evil.example/", "/\\evil.example", "/%5cevil.example", "/console//evil.example", "//console", "/console?next=https://evil.example",
		"/console/..//evil.example", "/setup?to=//evil.example", "/.//evil.example", "/%2f%2fevil.example", "/console%2f..%2f%2fevil.example",
	} {
		c, err := tls.Dial("tcp", h.tls.Listener.Addr().String(), h.tls.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
		must(t, err)
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path)
		all, err := io.ReadAll(c)
		must(t, err)
		_ = c.Close()
		for line := range strings.Lines(strings.ToLower(string(all))) {
			if location, ok := strings.CutPrefix(line, "location:"); ok {
				if l := strings.TrimSpace(location); l != "/console/" && l != "/console/setup" {
					t.Errorf("%s leads to %q", path, l)
				}
			}
		}
	}
}

func TestFilesDoNotEscape(t *testing.T) {
	// ASVS 1.1.1, 5.3.2, 13.4.1, 13.4.3, 13.4.7
	h := newHouse(t)
	b := h.browser()
	for _, path := range []string{
		"/assets/..%2fmanifest.json", "/assets/manifest.json", "/manifest.json", "/w/..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/index.html",
		"/assets/main-0123456789.js/", "/assets/", "/w/", "/console/assets/..%2f..%2fassets%2fmain-0123456789.js", "/assets/main-0123456789.js%00",
		"/index.html", "/.git/config", "/var/huisclos.db",
	} {
		if a := b.do("GET", path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
}

func TestNotFoundIsASentence(t *testing.T) {
	// ASVS 1.2.1
	h := newHouse(t)
	b := h.browser()
	for language, first := range map[string]string{"fr-FR,fr;q=0.9,en;q=0.5": "n'existe pas", "en-GB,en": "does not exist", "de": "n'existe pas", "": "n'existe pas"} {
		r := b.request("GET", "/nowhere/<script>alert(1)</script>", nil)
		r.Header.Set("Accept-Language", language)
		a := b.send(r)
		body := strings.ReplaceAll(string(a.body), "&#39;", "'")
		if a.status != http.StatusNotFound || !strings.Contains(body, first) || !strings.Contains(body, "does not exist") {
			t.Errorf("%q: %d %s", language, a.status, body)
		}
		if strings.Index(body, "n'existe pas") < strings.Index(body, "does not exist") != (first == "n'existe pas") {
			t.Errorf("%q: the other language comes first", language)
		}
		if strings.Contains(body, "alert(1)") {
			t.Error("the address is repeated in the page")
		}
	}
	a := b.do("GET", "/api/nowhere", nil)
	expect(t, "below /api/", a, http.StatusNotFound, "not-found")
}

func TestReadsFromOtherSitesAreRefused(t *testing.T) {
	// ASVS 3.2.1
	h := newHouse(t)
	b := h.asMember()
	for _, site := range []string{"cross-site", "same-site"} {
		r := b.request("GET", "/api/rooms", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		expect(t, site, b.send(r), http.StatusForbidden, "foreign-origin")
	}
	r := b.request("GET", "/r/AAAAAAAAAAAAAAAAAAAAAA", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := b.send(r); a.status != http.StatusOK {
		t.Errorf("a link from elsewhere: %d", a.status)
	}
}

func TestCookiesThatAreTwice(t *testing.T) {
	// ASVS 15.3.7
	h := newHouse(t)
	b := h.asMember()
	r := h.browser().request("GET", "/api/rooms", nil)
	r.Header.Set("Cookie", sessionCookie+"="+b.cookies()[sessionCookie]+"; "+sessionCookie+"=other")
	expect(t, "two sessions", h.browser().send(r), http.StatusUnauthorized, "not-signed-in")
}

func TestRequestRate(t *testing.T) {
	// ASVS 2.4.1
	h := newHouse(t)
	b := h.asMember()
	limited := 0
	for range signedBurst + 20 {
		if a := b.do("GET", "/api/account/sessions", nil); a.status == http.StatusTooManyRequests {
			if a.code(t) != "too-fast" || a.header.Get("Retry-After") == "" {
				t.Fatalf("limited: %s", a.body)
			}
			limited++
		}
	}
	if limited < 15 {
		t.Errorf("%d requests beyond the burst refused", limited)
	}
	expect(t, "another session", h.asOther().do("GET", "/api/rooms", nil), http.StatusOK, "")
	h.advance(10 * time.Second)
	expect(t, "later", b.do("GET", "/api/rooms", nil), http.StatusOK, "")
}

func TestTooManyAtOnce(t *testing.T) {
	// ASVS 15.2.2
	h := newHouse(t)
	b := h.asMember()
	for range maxRunning {
		h.server.slots <- struct{}{}
	}
	a := b.do("GET", "/api/rooms", nil)
	expect(t, "full", a, http.StatusServiceUnavailable, "busy")
	if a.header.Get("Retry-After") == "" {
		t.Error("says not when to come back")
	}
	if a := b.do("GET", "/", nil); a.status != http.StatusOK {
		t.Errorf("pages wait for the API: %d", a.status)
	}
}

func TestPanicIsAnAnswer(t *testing.T) {
	// ASVS 16.5.1, 16.5.4
	h := newHouse(t)
	h.server.Config.Status = func() Status { panic("secret-cause") }
	b := h.browser()
	b.token()
	a := b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase})
	expect(t, "panic", a, http.StatusInternalServerError, "internal")
	if strings.Contains(string(a.body), "secret-cause") || strings.Contains(string(a.body), "goroutine") {
		t.Errorf("the cause is told: %s", a.body)
	}
	expect(t, "afterwards", b.do("GET", "/api/nowhere", nil), http.StatusNotFound, "not-found")
}

// TestSmuggling: a request whose length can be read in two ways is refused, and its connection closed.
func TestSmuggling(t *testing.T) {
	// ASVS 4.2.1
	h := newHouse(t)
	for name, raw := range map[string]string{
		"both lengths":  "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"two lengths":   "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcdGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"odd encoding":  "POST /api/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"space in name": "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
		"two hosts":     "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"no host":       "GET / HTTP/1.1\r\n\r\n",
		"folded header": "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c\x00\r\n\r\n",
	} {
		c, err := tls.Dial("tcp", h.tls.Listener.Addr().String(), h.tls.Client().Transport.(*http.Transport).TLSClientConfig.Clone())
		must(t, err)
		_, _ = io.WriteString(c, raw)
		_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
		all, _ := io.ReadAll(c)
		_ = c.Close()
		answers := strings.Count(string(all), "HTTP/1.1 ")
		if strings.Contains(string(all), "HTTP/1.1 200") || answers > 1 {
			t.Errorf("%s: %d answers: %.120q", name, answers, all)
		}
	}
}

func TestUnsignedAddressIsCounted(t *testing.T) {
	// ASVS 4.1.3, 15.3.4
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "[::ffff:192.0.2.7]:1234"
	r.Header.Set("X-Forwarded-For", "203.0.113.1")
	r.Header.Set("X-Real-Ip", "203.0.113.1")
	s := &Server{}
	if got := s.client(r).String(); got != "192.0.2.7" {
		t.Errorf("client %s", got)
	}
	r.RemoteAddr = "@"
	if s.client(r).IsValid() {
		t.Error("an address out of nothing")
	}
}

// TestSentences: every code of ours and of accounts has both sentences, without the cause, and a fitting status.
func TestSentences(t *testing.T) {
	// ASVS 16.5.1
	for _, err := range []error{
		accounts.ErrCredentials, accounts.ErrNoSession, accounts.ErrForbidden, accounts.ErrNotFound, accounts.ErrBusy, accounts.ErrSetupDone,
		accounts.ErrSetupCode, accounts.ErrActivation, accounts.ErrDisabled, accounts.ErrLastAdministrator, accounts.ErrEmailTaken,
		accounts.ErrEmail, accounts.ErrName, accounts.ErrRole, accounts.ErrCursor, accounts.ErrPassphraseWrong, accounts.ErrPassphraseShort,
		accounts.ErrPassphraseLong, accounts.ErrPassphraseCharacters, accounts.ErrPassphraseCommon, accounts.ErrPassphrasePersonal,
		accounts.ErrPassphraseSame, accounts.ErrPassphraseForRole, accounts.ErrSecondFactorNeeded, accounts.ErrCodeWrong,
		accounts.ErrNoSecondFactor, accounts.ErrSecondFactorThere, accounts.ErrEnrolmentOver, accounts.ErrSignIn,
		accounts.ErrPasskeyRefused, accounts.ErrPasskeyThere, accounts.ErrPasskeyName, accounts.ErrNoPasskey, accounts.ErrPasskeysFull,
		devices.ErrDevice, devices.ErrTooMany, devices.ErrSizes, devices.ErrDamaged,
	} {
		if _, ok := sentences[code(accounts.Code(err))]; !ok {
			t.Errorf("no sentence for %v (%s)", err, accounts.Code(err))
		}
	}
	for c, s := range sentences {
		if s.fr == "" || s.en == "" || s.fr == s.en || !strings.HasSuffix(s.fr, ".") || !strings.HasSuffix(s.en, ".") {
			t.Errorf("%s: not two sentences: %q, %q", c, s.fr, s.en)
		}
		if s.status < 400 || s.status > 599 {
			t.Errorf("%s: status %d", c, s.status)
		}
		if strings.ContainsAny(s.fr+s.en, "!") {
			t.Errorf("%s: an exclamation mark", c)
		}
	}
}
