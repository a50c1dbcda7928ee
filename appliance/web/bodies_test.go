package web

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// FuzzBodies sends anything to every handler that reads a body. None panics, none answers with a fault of the server, and
// none changes something that the audit log does not show.
func FuzzBodies(f *testing.F) {
	// ASVS 2.2.2
	seeds := []string{
		`{}`, `{"name":"x"}`, `{"email":"marie@example.org","passphrase":"x"}`, `{"code":"x","name":"x","email":"x","passphrase":"x"}`,
		`{"token":"x","passphrase":"x"}`, `{"old":"x","new":"y"}`, `{"passphrase":"x","code":"123456"}`, `{"code":"ABCDE-FGHJK"}`, `{"email":"marie@example.org","passphrase":"x","code":"\u0661"}`, `{"disabled":true,"role":"member","name":"\u202e"}`,
		`{"name":"\u0000"}`, `{"name":{"a":[]}}`, `[`, `"`, "\xff\xfe", `{"name":"` + string(bytes.Repeat([]byte("a"), 300)) + `"}`,
		`{"role":"security-officer"}`, `{"email":"a@b\r\nBcc: c@d","name":"a","role":"member"}`,
	}
	h := newHouse(f)
	b := h.asAdministrator()
	session := b.cookies()[sessionCookie]
	var routes []route
	for _, r := range changes(h.server) {
		if r.path != "/api/logout" && r.path != "/api/account/passphrase" { // these end the session that the others need
			routes = append(routes, r)
		}
	}
	for i := range routes {
		for _, s := range seeds {
			f.Add(i, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, i int, body []byte) {
		r := routes[uint(i)%uint(len(routes))]
		h.advance(forgetTries)
		req := httptest.NewRequest(r.method, "https://localhost"+example(r.path), bytes.NewReader(body))
		req.Header.Set("Origin", "https://localhost")
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set(csrfHeader, b.csrf)
		req.AddCookie(&http.Cookie{Name: sessionCookie, Value: session})
		w := httptest.NewRecorder()
		h.server.ServeHTTP(w, req)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Fatalf("%s %s: %d %s\n%s", r.method, r.path, w.Code, w.Body, h.log)
		}
	})
}

// FuzzCookies: nothing that stands in Cookie and token headers is taken for a session, makes a fault or reaches the log.
func FuzzCookies(f *testing.F) {
	// ASVS 7.2.1
	for _, s := range []string{"", "x", sessionCookie + "=", sessionCookie + "=a; " + sessionCookie + "=b", sessionCookie + "=\"a\"",
		visitCookie + "=a", "=;=;", sessionCookie + "=" + string(bytes.Repeat([]byte("A"), 200)), sessionCookie + "=\x00\xff"} {
		f.Add(s, s)
	}
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, cookies, token string) {
		h.advance(forgetTries)
		for _, at := range []struct{ method, path string }{{"GET", "/api/rooms"}, {"GET", "/api/me"}, {"POST", "/api/rooms"}} {
			r := httptest.NewRequest(at.method, "https://localhost"+at.path, nil)
			r.Header["Cookie"], r.Header[csrfHeader] = []string{cookies}, []string{token}
			r.Header.Set("Origin", "https://localhost")
			w := httptest.NewRecorder()
			h.server.ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized {
				t.Fatalf("%s %s with %q, %q: %d %s", at.method, at.path, cookies, token, w.Code, w.Body)
			}
		}
	})
}
