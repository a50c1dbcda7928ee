package web

import (
	"net/http"
	"strings"
	"testing"

	"huisclos/accounts"
)

func TestSettings(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	change := func(changes map[string]any) answer {
		return b.do("PATCH", "/api/admin/settings", map[string]any{"changes": changes})
	}
	r := change(map[string]any{"name": "Visio", "mail.host": "smtp.example.org", "mail.from": "a@example.org", "mail.user": "a", "mail.password": "hush-hush"})
	expect(t, "a change", r, http.StatusOK, "")
	if strings.Contains(string(r.body), "hush") || !strings.Contains(string(r.body), `{"name":"name","value":"Visio","default":"Huis Clos","from":"console"`) {
		t.Errorf("%s", r.body)
	}
	r = change(map[string]any{"mail.hots": "x"})
	expect(t, "a name that is none", r, http.StatusUnprocessableEntity, "setting")
	for _, want := range []string{`"name":"mail.hots"`, `"code":"setting"`, `did you mean \"mail.host\"?`, `vouliez-vous dire \"mail.host\"`} {
		if !strings.Contains(string(r.body), want) {
			t.Errorf("%s\nhas no %s", string(r.body), want)
		}
	}
	expect(t, "twice the same name", b.do("PATCH", "/api/admin/settings", []byte(`{"changes":{"name":"a","name":"b"}}`)), http.StatusBadRequest, "bad-request")
	r = b.do("GET", "/api/admin/settings/history", nil)
	expect(t, "the history", r, http.StatusOK, "")
	if strings.Contains(string(r.body), "hush") || !strings.Contains(string(r.body), `"authorName":"Ada Admin"`) || !strings.Contains(string(r.body), `{"name":"mail.password","before":null,"after":true}`) {
		t.Errorf("%s", r.body)
	}
	expect(t, "no such page", b.do("GET", "/api/admin/settings/history?after=x", nil), http.StatusBadRequest, "bad-request")
	expect(t, "no such entry", b.do("POST", "/api/admin/settings/history/99/rollback", nothing), http.StatusNotFound, "not-found")
	expect(t, "back", b.do("POST", "/api/admin/settings/history/0/rollback", nothing), http.StatusOK, "")
	if got := h.settings.InForce(); got.Name != "Huis Clos" || got.Mail.On() {
		t.Errorf("%+v", got)
	}
	h.advance(2 * accounts.ProofLifetime)
	expect(t, "without a proof", change(map[string]any{"name": "Visio"}), http.StatusForbidden, "proofNeeded")
	expect(t, "back without a proof", b.do("POST", "/api/admin/settings/history/1/rollback", nothing), http.StatusForbidden, "proofNeeded")
}
