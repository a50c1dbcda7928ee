package web

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/update"
)

// noUpdates is an appliance that nobody has brought an update to.
type noUpdates struct{}

func (noUpdates) View(time.Time) (UpdatesView, error)         { return UpdatesView{}, nil }
func (noUpdates) Receive(io.Reader, string, netip.Addr) error { return errors.New("unused") }
func (noUpdates) Fetch(string, string, netip.Addr) error      { return ErrNoUpdate }
func (noUpdates) Drop() error                                 { return nil }
func (noUpdates) Apply(string, string, netip.Addr) error      { return ErrNoUpdate }
func (noUpdates) Rollback(bool, string, netip.Addr) error     { return ErrNoUpdate }

// someUpdates takes what it is told to.
type someUpdates struct {
	refuse error
	got    string
}

func (u *someUpdates) View(now time.Time) (UpdatesView, error) {
	return UpdatesView{Version: "0.2.0", Keys: []UpdateKey{{Name: "release.pem", ID: "00"}}, Waiting: &UpdateFile{Name: "bundle", Made: &now, Refused: "older"}, Found: []UpdateFile{},
		Asked: &UpdateAsked{At: now}, Former: &UpdateFormer{Kept: now, Until: now}, Past: []UpdatePast{{Act: "apply", Ended: now}}}, nil
}

func (u *someUpdates) Receive(r io.Reader, by string, _ netip.Addr) error {
	if u.refuse != nil {
		return u.refuse
	}
	b, err := io.ReadAll(r)
	u.got = fmt.Sprintf("file %d", len(b))
	return err
}

func (u *someUpdates) note(format string, args ...any) error {
	if u.refuse == nil {
		u.got = fmt.Sprintf(format, args...)
	}
	return u.refuse
}

func (u *someUpdates) Fetch(name, _ string, _ netip.Addr) error { return u.note("fetch %s", name) }
func (u *someUpdates) Drop() error                              { return u.note("drop") }
func (u *someUpdates) Apply(sum, _ string, _ netip.Addr) error  { return u.note("apply %s", sum) }
func (u *someUpdates) Rollback(data bool, _ string, _ netip.Addr) error {
	return u.note("rollback %v", data)
}

// bring sends a body as it is.
func (b *browser) bring(h *house, path, media string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "https://localhost"+path, bytes.NewReader(body))
	r.Header.Set("Origin", "https://localhost")
	r.Header.Set("Content-Type", media)
	r.Header.Set(csrfHeader, b.csrf)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: b.cookies()[sessionCookie]})
	w := httptest.NewRecorder()
	seen.watch(h.server).ServeHTTP(w, r)
	return w
}

// TestUpdates: each act reaches the appliance, only after a fresh proof, and each refusal has its sentence.
func TestUpdates(t *testing.T) {
	// ASVS 7.5.3
	h := newHouse(t)
	u := &someUpdates{}
	h.server.Updates = u
	b := h.asAdministrator()
	if w := b.bring(h, "/api/admin/updates/file", "application/octet-stream", make([]byte, 100_000)); w.Code != http.StatusCreated || u.got != "file 100000" {
		t.Fatalf("%d %s %q", w.Code, w.Body, u.got)
	}
	if w := b.bring(h, "/api/admin/updates/file", "multipart/form-data", nil); w.Code != http.StatusUnsupportedMediaType {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	acts := []struct {
		method, path string
		body         any
		status       int
		got          string
	}{
		{"POST", "/api/admin/updates/source", map[string]string{"name": "x.update"}, http.StatusCreated, "fetch x.update"},
		{"DELETE", "/api/admin/updates/file", nil, http.StatusOK, "drop"},
		{"POST", "/api/admin/updates/apply", map[string]string{"sha256": "ab"}, http.StatusAccepted, "apply ab"},
		{"POST", "/api/admin/updates/rollback", map[string]bool{"data": true}, http.StatusAccepted, "rollback true"},
	}
	for _, a := range acts {
		expect(t, a.path, b.do(a.method, a.path, a.body), a.status, "")
		if u.got != a.got {
			t.Errorf("%s: %q", a.path, u.got)
		}
	}
	for want, err := range map[string]error{"update-runs": ErrUpdateRuns, "update-closed": ErrUpdateClosed, "no-update": ErrNoUpdate} {
		u.refuse = fmt.Errorf("x: %w", err)
		expect(t, want, b.do("POST", "/api/admin/updates/apply", map[string]string{"sha256": "ab"}), http.StatusConflict, want)
	}
	for _, reason := range []update.Reason{update.Unsigned, update.Older, update.NotABundle, update.Reason(update.NoSpace)} {
		u.refuse = &update.Error{Reason: reason}
		expect(t, string(reason), b.do("POST", "/api/admin/updates/source", map[string]string{"name": "x"}), http.StatusUnprocessableEntity, "update-"+string(reason))
	}
	u.refuse, u.got = nil, ""
	h.advance(accounts.ProofLifetime)
	for _, a := range acts {
		if a.got != "drop" {
			expect(t, "no proof: "+a.path, b.do(a.method, a.path, a.body), http.StatusForbidden, "proofNeeded")
		}
	}
	if w := b.bring(h, "/api/admin/updates/file", "application/octet-stream", []byte("x")); w.Code != http.StatusForbidden || u.got != "" {
		t.Fatalf("%d %s %q", w.Code, w.Body, u.got)
	}
}
