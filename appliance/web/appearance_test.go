package web

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"net/http"
	"strings"
	"testing"
)

func TestAppearanceIsForEverybody(t *testing.T) {
	h := newHouse(t)
	admin, nobody := h.asAdministrator(), h.browser()
	nobody.token()
	look := func() map[string]any { return nobody.do("GET", "/api/appearance", nil).json(t) }
	if a := look(); a["name"] != "Mairie" || a["accent"] != "" || a["logo"] != "" || a["palette"] != nil {
		t.Errorf("the default: %v", a)
	}

	expect(t, "accent and texts", admin.do("PATCH", "/api/admin/appearance", map[string]any{"accent": "#7A1F5C", "legal": map[string]string{"fr": "<b>Mentions</b>", "en": ""}}), http.StatusOK, "")
	a := look()
	if a["accent"] != "#7a1f5c" || a["palette"].(map[string]any)["light"].(map[string]any)["accent"] != "#7a1f5c" || a["legal"].(map[string]any)["fr"] != "<b>Mentions</b>" {
		t.Errorf("%v", a)
	}
	pale := admin.do("POST", "/api/admin/appearance/accent", map[string]any{"accent": "#ffcc00"})
	expect(t, "a pale colour", pale, http.StatusUnprocessableEntity, "pale-accent")
	proposal, _ := pale.json(t)["proposal"].(string)
	expect(t, "what is proposed instead", admin.do("PATCH", "/api/admin/appearance", map[string]any{"accent": proposal}), http.StatusOK, "")
	for name, body := range map[string]map[string]any{"bad-colour": {"accent": "url(x)"}, "bad-text": {"contact": "a\u202eb"}, "pale-accent": {"accent": "#ffffff"}} {
		expect(t, name, admin.do("PATCH", "/api/admin/appearance", body), http.StatusUnprocessableEntity, name)
	}

	var file bytes.Buffer
	if err := png.Encode(&file, image.NewNRGBA(image.Rect(0, 0, 60, 30))); err != nil {
		t.Fatal(err)
	}
	send := func(picture []byte) answer {
		return admin.do("POST", "/api/admin/appearance/logo", map[string]string{"picture": base64.StdEncoding.EncodeToString(picture)})
	}
	expect(t, "a drawing with scripts", send([]byte("<svg xmlns=\"http://www.w3.org/2000/svg\"><script>1</script></svg>")), http.StatusUnprocessableEntity, "bad-logo")
	expect(t, "too large", send(bytes.Repeat(file.Bytes(), 10_000)), http.StatusRequestEntityTooLarge, "too-large")
	expect(t, "a picture", send(file.Bytes()), http.StatusOK, "")
	at, _ := look()["logo"].(string)
	if !strings.HasPrefix(at, "/logo/") {
		t.Fatalf("the logo is at %q", at)
	}
	got := nobody.do("GET", at, nil)
	if head := got.header; got.status != http.StatusOK || head.Get("Content-Type") != "image/png" || head.Get("X-Content-Type-Options") != "nosniff" ||
		head.Get("Content-Security-Policy") != policyNone || !strings.Contains(head.Get("Cache-Control"), "immutable") {
		t.Errorf("%d %v", got.status, head)
	}
	expect(t, "no logo", admin.do("DELETE", "/api/admin/appearance/logo", nil), http.StatusOK, "")
	if again := nobody.do("GET", at, nil); again.status != http.StatusNotFound {
		t.Errorf("a logo that was taken away: %d", again.status)
	}
}

func TestProgressAndChecks(t *testing.T) {
	h := newHouse(t)
	admin := h.asAdministrator()
	expect(t, "put off", admin.do("PATCH", "/api/admin/progress", map[string]string{"step": "mail", "state": "later"}), http.StatusOK, "")
	over := admin.do("PATCH", "/api/admin/progress", map[string]bool{"over": true})
	expect(t, "over", over, http.StatusOK, "")
	p := over.json(t)
	for _, s := range p["steps"].([]any) {
		s := s.(map[string]any)
		if want := map[bool]string{true: "later", false: "open"}[s["step"] == "mail"]; s["state"] != want {
			t.Errorf("%v", s)
		}
	}
	if p["over"] != true {
		t.Errorf("%v", p)
	}
	for _, bad := range []map[string]any{{"step": "mail", "state": "gone"}, {"step": "x", "state": "done"}, {"step": "mail", "state": "done", "over": true}, {}} {
		expect(t, "no such thing", admin.do("PATCH", "/api/admin/progress", bad), http.StatusBadRequest, "bad-request")
	}

	mail := admin.do("POST", "/api/admin/check/mail", map[string]string{"to": "ada@example.org"})
	expect(t, "check", mail, http.StatusOK, "")
	if !strings.Contains(string(mail.body), "reached: ada@example.org") {
		t.Errorf("%s", mail.body)
	}
	for range checksBurst {
		mail = admin.do("POST", "/api/admin/check/mail", map[string]string{})
	}
	expect(t, "too many", mail, http.StatusTooManyRequests, "too-fast")
}
