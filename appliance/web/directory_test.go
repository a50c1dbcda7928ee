package web

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/ldap"
	"huisclos/crypto/passhash"
)

type noWay struct{}

func (noWay) Dial(context.Context) (net.Conn, error) { return nil, errors.New("there is no way") }

// directoryOf gives a house a directory that nobody reaches.
func directoryOf(t *testing.T, h *house) {
	t.Helper()
	client, err := ldap.New(ldap.Settings{Host: "ldap.example.org", TLS: true, Base: "dc=example,dc=org", Filter: "(objectClass=person)", Identifier: "entryUUID",
		Role: accounts.Member, PageSize: 10, Timeout: time.Second}, noWay{}, h.clock, func(b []byte) { _, _ = rand.Read(b) })
	must(t, err)
	cheap := passhash.Params{Memory: 8, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	must(t, err)
	with, err := accounts.New(h.db, h.audit, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, MemberSession: longSession, AdministratorLogin: longSession, ConsoleIdle: 8 * time.Hour, Directory: client})
	must(t, err)
	h.server.Accounts = with
	h.server.Directory = &ldap.Sync{Client: client, Accounts: with, Audit: h.audit, Log: slog.New(slog.NewTextHandler(h.log, nil)), Now: h.clock, Within: time.Minute}
}

// bring puts somebody of the directory among the accounts, without asking it.
func bring(t *testing.T, h *house, people ...accounts.Entry) {
	t.Helper()
	_, err := h.server.Accounts.Follow(accounts.Roll{Source: accounts.Directory, People: people}, h.clock())
	must(t, err)
}

func TestDirectoryRoutes(t *testing.T) {
	h := newHouse(t)
	admin := h.asAdministrator()
	if j := admin.do("GET", "/api/admin/directory", nil).json(t); j["configured"] != false || len(j) != 1 {
		t.Errorf("without a directory: %v", j)
	}
	directoryOf(t, h)
	if j := admin.do("GET", "/api/admin/directory", nil).json(t); j["configured"] != true || j["last"] != nil || j["failure"] != nil || j["report"] != nil {
		t.Errorf("before the first reading: %v", j)
	}
	for _, body := range []any{map[string]bool{"dry": true}, map[string]bool{}, map[string]bool{"anyway": true}} {
		failure, _ := admin.do("POST", "/api/admin/directory/sync", body).json(t)["failure"].(map[string]any)
		if failure["kind"] != "unreachable" || failure["fr"] == failure["en"] || !strings.Contains(failure["detail"].(string), "there is no way") {
			t.Errorf("%v: %v", body, failure)
		}
	}
	if j := admin.do("GET", "/api/admin/directory", nil).json(t); j["last"] == nil || j["good"] != nil || j["failure"] == nil {
		t.Errorf("after it: %v", j)
	}
	expect(t, "another body", admin.do("POST", "/api/admin/directory/sync", map[string]string{"dry": "yes"}), http.StatusBadRequest, "bad-request")
}

// TestTheDoorWhileTheDirectoryIsDown: one answer for whoever fails, and none for who has a right passphrase of ours.
func TestTheDoorWhileTheDirectoryIsDown(t *testing.T) {
	h := newHouse(t)
	directoryOf(t, h)
	bring(t, h, accounts.Entry{Subject: "1", Name: "Zoé", Email: "zoe@example.org", Role: accounts.Organiser})
	answers := map[string]string{}
	for _, email := range []string{"zoe@example.org", "marie@example.org", "nobody@example.org"} {
		b := h.browser()
		b.token()
		a := b.do("POST", "/api/login", map[string]string{"email": email, "passphrase": "something else"})
		expect(t, email, a, http.StatusServiceUnavailable, "sourceDown")
		answers[string(a.body)] = email
	}
	if len(answers) != 1 {
		t.Errorf("there are %d answers: %v", len(answers), answers)
	}
	b := h.browser()
	b.token()
	expect(t, "a right passphrase of ours", b.do("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase}), http.StatusOK, "")
}

// TestWhatTheDirectoryDecides: the acts that it decides are refused, and lists say where an account comes from.
func TestWhatTheDirectoryDecides(t *testing.T) {
	h := newHouse(t)
	directoryOf(t, h)
	zoe := accounts.Entry{Subject: "1", Name: "Zoé", Email: "zoe@example.org", Role: accounts.Organiser}
	bring(t, h, zoe)
	admin := h.asAdministrator()
	entry := func() map[string]any {
		list := admin.do("GET", "/api/admin/accounts?query=zoe", nil).json(t)["accounts"].([]any)
		if len(list) != 1 {
			t.Fatal(list)
		}
		return list[0].(map[string]any)
	}
	z := entry()
	if z["source"] != "ldap" || z["state"] != "active" || z["absent"] != nil {
		t.Errorf("%v", z)
	}
	at := "/api/admin/accounts/" + z["id"].(string)
	for _, r := range []struct {
		method, path string
		body         any
	}{{"PATCH", at, map[string]string{"name": "Autre"}}, {"PATCH", at, map[string]string{"role": "member"}}, {"POST", at + "/activation", nothing}, {"DELETE", at, nil}} {
		expect(t, r.method+" "+r.path, admin.do(r.method, r.path, r.body), http.StatusConflict, "fromSource")
	}
	expect(t, "disable", admin.do("PATCH", at, map[string]bool{"disabled": true}), http.StatusOK, "")
	expect(t, "enable", admin.do("PATCH", at, map[string]bool{"disabled": false}), http.StatusOK, "")
	zoe.Off = true
	bring(t, h, zoe)
	if z = entry(); z["state"] != "disabled" || z["absent"] != true {
		t.Errorf("%v", z)
	}
	expect(t, "delete", admin.do("DELETE", at, nil), http.StatusNoContent, "")
}
