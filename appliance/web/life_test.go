package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// The whole way of another address and back, by the routes that the pages use.
func TestAddressIsChangedAndHadBack(t *testing.T) {
	s := newScene(t)
	b := s.asMember()
	old := s.member.Email
	if got := b.do("GET", "/api/account/life", nil).json(t); got["mail"] != true || got["days"] != float64(30) || got["rooms"] != float64(1) || got["meetings"] != float64(1) || got["guests"] != float64(0) || got["leaving"] != nil {
		t.Errorf("life: %v", got)
	}
	// The answer is the same, whoever has the address.
	taken := b.do("POST", "/api/account/email", map[string]string{"email": "ada@example.org", "language": "fr"})
	free := b.do("POST", "/api/account/email", map[string]string{"email": "marie.neuve@example.org", "language": "fr"})
	if taken.status != http.StatusOK || string(taken.body) != string(free.body) {
		t.Errorf("taken: %d %s, free: %d %s", taken.status, taken.body, free.status, free.body)
	}
	expect(t, "a wrong code", b.do("POST", "/api/account/email/confirm", map[string]string{"code": "1"}), http.StatusForbidden, "confirmation-wrong")
	done := b.do("POST", "/api/account/email/confirm", map[string]string{"code": s.lastMail("marie.neuve@example.org")})
	expect(t, "confirm", done, http.StatusOK, "")
	if got := done.json(t)["account"].(map[string]any)["email"]; got != "marie.neuve@example.org" {
		t.Errorf("the address is %v", got)
	}
	_, token, _ := strings.Cut(s.lastMail(old), "/undo#")
	if len(token) != 43 {
		t.Fatalf("the old address is told %q", s.lastMail(old))
	}
	stranger := s.browser()
	stranger.token()
	if got := stranger.do("POST", "/api/address", map[string]string{"token": token}).json(t); got["email"] != old {
		t.Errorf("the link says %v", got)
	}
	expect(t, "looking changes nothing", b.do("GET", "/api/account/sessions", nil), http.StatusOK, "")
	expect(t, "restore", stranger.do("POST", "/api/address/restore", map[string]string{"token": token}), http.StatusOK, "")
	expect(t, "the session is over", b.do("GET", "/api/account/sessions", nil), http.StatusUnauthorized, "not-signed-in")
	expect(t, "once only", stranger.do("POST", "/api/address/restore", map[string]string{"token": token}), http.StatusGone, "undo-over")
}

func TestCodesToAddressesAreBounded(t *testing.T) {
	s := newScene(t)
	b := s.asMember()
	for range codesPerHour {
		expect(t, "code", b.do("POST", "/api/account/email", map[string]string{"email": "marie.neuve@example.org"}), http.StatusOK, "")
	}
	expect(t, "one more", b.do("POST", "/api/account/email", map[string]string{"email": "autre@example.org"}), http.StatusTooManyRequests, "too-many")
	s.server.Code = nil
	expect(t, "without mail", b.do("POST", "/api/account/email", map[string]string{"email": "autre@example.org"}), http.StatusConflict, "email-needs-mail")
	if got := b.do("GET", "/api/account/life", nil).json(t); got["mail"] != false {
		t.Errorf("life: %v", got)
	}
}

func TestExportIsAFileOfTheOwner(t *testing.T) {
	s := newScene(t)
	b := s.asMember()
	got := b.do("POST", "/api/account/export", nothing)
	expect(t, "export", got, http.StatusOK, "")
	if kind := got.header.Get("Content-Disposition"); !strings.HasPrefix(kind, `attachment; filename="huisclos-20`) || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("it comes as %q", kind)
	}
	e := got.json(t)
	rooms := e["meetings"].(map[string]any)["rooms"].([]any)
	if e["schema"] != accounts.ExportSchema || len(rooms) != 1 || rooms[0].(map[string]any)["name"] != "Salle" {
		t.Errorf("%v", e)
	}
	s.advance(11 * time.Minute)
	expect(t, "without a proof", b.do("POST", "/api/account/export", nothing), http.StatusForbidden, "proofNeeded")
}

// Asked by the owner, everything works until the day; then the account and its rooms are gone. By an administrator it is shut at once.
func TestAccountLeavesByTheRoutes(t *testing.T) {
	s := newScene(t)
	b, admin := s.asMember(), s.asAdministrator()
	expect(t, "leave", b.do("POST", "/api/account/leaving", nothing), http.StatusOK, "")
	if me := b.do("GET", "/api/me", nil).json(t); me["leaving"] == nil {
		t.Errorf("it is told %v", me)
	}
	expect(t, "an administrator's undoing", admin.do("DELETE", "/api/admin/accounts/"+s.member.ID.String()+"/leaving", nil), http.StatusConflict, "owners-wish")
	expect(t, "its address", admin.do("POST", "/api/admin/accounts", map[string]string{"name": "X", "email": s.member.Email, "role": "member"}), http.StatusConflict, "email-leaving")
	rows := admin.do("POST", "/api/admin/accounts/import", map[string]any{"text": "name,email\nX," + s.member.Email + "\n", "dry": true}).json(t)["rows"].([]any)[0].(map[string]any)
	if rows["what"] != "exists" || rows["error"].(map[string]any)["code"] != "email-leaving" {
		t.Errorf("the import says %v", rows)
	}
	expect(t, "stay", b.do("DELETE", "/api/account/leaving", nil), http.StatusOK, "")
	expect(t, "shut", admin.do("POST", "/api/admin/accounts/"+s.member.ID.String()+"/leaving", nothing), http.StatusOK, "")
	expect(t, "signed out", b.do("GET", "/api/account/sessions", nil), http.StatusUnauthorized, "not-signed-in")
	expect(t, "oneself", admin.do("POST", "/api/admin/accounts/"+s.administrator.ID.String()+"/leaving", nothing), http.StatusConflict, "own-account")
	s.advance(30 * 24 * time.Hour)
	must(t, s.accounts.Sweep(s.clock()))
	if _, err := s.accounts.Get(s.member.ID); err == nil {
		t.Error("the account is there still")
	}
	if n, err := s.rooms.Count(); err != nil || n != 0 {
		t.Errorf("%d rooms, %v", n, err)
	}
}

func TestAdministratorChangesAddressByTheRoute(t *testing.T) {
	s := newScene(t)
	admin := s.asAdministrator()
	got := admin.do("PATCH", "/api/admin/accounts/"+s.member.ID.String(), map[string]string{"email": "marie.neuve@example.org"})
	expect(t, "change", got, http.StatusOK, "")
	if a := got.json(t)["account"].(map[string]any); a["email"] != "marie.neuve@example.org" {
		t.Errorf("%v", a)
	}
	s.advance(11 * time.Minute)
	expect(t, "without a proof", admin.do("PATCH", "/api/admin/accounts/"+s.member.ID.String(), map[string]string{"email": "m@example.org"}), http.StatusForbidden, "proofNeeded")
}
