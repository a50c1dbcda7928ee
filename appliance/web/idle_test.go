package web

import (
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/passhash"
)

// longSession is what sessions of the other tests last, in which hours pass between two requests; here they last as they do.
var longSession = accounts.Lifetime{Idle: 12 * time.Hour, Absolute: 24 * time.Hour}

// withTimes gives a house the product's own times.
func withTimes(t *testing.T, h *house) {
	t.Helper()
	cheap := passhash.Params{Memory: 8, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	must(t, err)
	h.server.Accounts, err = accounts.New(h.db, h.audit, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap})
	must(t, err)
}

// quietly asks as a page does by itself.
func (b *browser) quietly(path string) answer {
	r := b.request("GET", path, nil)
	r.Header.Set(quietHeader, "1")
	return b.send(r)
}

func TestSessionsEndWhenNobodyIsThere(t *testing.T) {
	// ASVS 7.3.1
	h := newHouse(t)
	admin, member := h.asAdministrator(), h.asMember()
	withTimes(t, h)
	idle, _ := member.do("GET", "/api/me", nil).json(t)["idle"].(map[string]any)
	if idle["session"] != 900.0 || idle["console"] != 300.0 {
		t.Errorf("pages are told %v", idle)
	}
	expect(t, "the console", admin.do("GET", "/api/admin/status", nil), http.StatusOK, "")
	// Pages ask by themselves: that is no use.
	for range 9 {
		h.advance(30 * time.Second)
		expect(t, "a page by itself", admin.quietly("/api/admin/status"), http.StatusOK, "")
		expect(t, "a page by itself", member.quietly("/api/rooms"), http.StatusOK, "")
	}
	expect(t, "somebody in the console", admin.do("GET", "/api/admin/status", nil), http.StatusOK, "")
	h.advance(4 * time.Minute)
	expect(t, "the console, after four minutes", admin.quietly("/api/admin/status"), http.StatusOK, "")
	h.advance(time.Minute)
	for _, path := range []string{"/api/admin/status", "/api/admin/accounts", "/api/admin/audit"} {
		expect(t, "the console, after five", admin.do("GET", path, nil), http.StatusForbidden, "consoleIdle")
	}
	// What is no console is open still, and opens the console to nobody.
	expect(t, "rooms", admin.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "the console after it", admin.do("GET", "/api/admin/status", nil), http.StatusForbidden, "consoleIdle")
	h.advance(time.Minute)
	expect(t, "a proof", admin.do("POST", "/api/proof", map[string]string{"passphrase": adminPassphrase, "code": h.code("ada@example.org")}), http.StatusNoContent, "")
	expect(t, "the console again", admin.do("GET", "/api/admin/status", nil), http.StatusOK, "")
	h.advance(16 * time.Minute)
	expect(t, "nobody was there", member.quietly("/api/rooms"), http.StatusUnauthorized, "not-signed-in")
	expect(t, "nor here", admin.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
}

// TestACallKeepsNoRights: a call that was left open keeps its session, and lets nobody who comes by change the account.
func TestACallKeepsNoRights(t *testing.T) {
	h := newHouse(t)
	b := h.asMember()
	withTimes(t, h)
	token := b.cookies()[sessionCookie]
	for range 40 {
		h.advance(time.Minute)
		if _, _, err := h.server.Accounts.SessionFor(token, accounts.ByCall, h.clock()); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "rooms", b.do("GET", "/api/rooms", nil), http.StatusOK, "")
	expect(t, "another name", b.do("PATCH", "/api/account", map[string]string{"name": "Mallory"}), http.StatusForbidden, "proofNeeded")
	expect(t, "a proof", b.do("POST", "/api/proof", map[string]string{"passphrase": memberPassphrase}), http.StatusNoContent, "")
	expect(t, "another name then", b.do("PATCH", "/api/account", map[string]string{"name": "Marie Curie"}), http.StatusOK, "")
}
