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
	seeds := []string{
		`{}`, `{"name":"x"}`, `{"email":"marie@example.org","passphrase":"x"}`, `{"code":"x","name":"x","email":"x","passphrase":"x"}`,
		`{"token":"x","passphrase":"x"}`, `{"old":"x","new":"y"}`, `{"disabled":true,"role":"member","name":"\u202e"}`,
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
