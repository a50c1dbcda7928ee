package appliance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/control"
)

// The way of a link: an administrator makes an account, the mail server has the link, and it opens the account. The answer to the
// administrator has none.
func TestLinkGoesByMailAlone(t *testing.T) {
	m := startMailServer(t)
	s := testSettings(t)
	s.Mail, s.Hostnames = m.settings(t), []string{"visio.example.org"}
	beside(t, &s)
	a, log := start(t, s)
	code, _, err := a.accounts.SetupCode(time.Now())
	must(t, err)
	c := browser(t, a)
	var me struct{ CSRF string }
	ask := func(method, path string, want int, body, into any) {
		t.Helper()
		data, err := json.Marshal(body)
		must(t, err)
		req, err := http.NewRequest(method, "https://"+a.at()+path, bytes.NewReader(data))
		must(t, err)
		if method == http.MethodGet {
			req.Body, req.ContentLength = nil, 0
		} else {
			req.Header.Set("Origin", "https://"+a.at())
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-Huisclos-CSRF", me.CSRF)
		}
		res, err := c.Do(req)
		must(t, err)
		defer res.Body.Close()
		if res.StatusCode != want {
			t.Fatalf("%s %s: %d", method, path, res.StatusCode)
		}
		must(t, json.NewDecoder(res.Body).Decode(into))
	}
	ask("GET", "/api/me", http.StatusUnauthorized, nil, &me)
	ask("POST", "/api/setup", http.StatusOK, map[string]string{"code": code.Reveal(), "name": "Ada", "email": "ada@example.org", "passphrase": "quinze lapins sous la lune"}, &me)
	// Who administers has a second factor, and is told that it was added.
	me.CSRF = enrol(t, "quinze lapins sous la lune", func(path string, body, into any) { ask("POST", path, http.StatusOK, body, into) })
	var made struct {
		Activation struct {
			URL    string
			Mailed bool
		}
	}
	ask("POST", "/api/admin/accounts", http.StatusCreated, map[string]any{"name": "Zoé", "email": "zoe@example.org", "role": "member", "mail": true}, &made)
	if !made.Activation.Mailed || made.Activation.URL != "" {
		t.Errorf("the administrator is told %+v", made)
	}
	var got delivered
	for _, d := range m.received(t, 2) {
		switch d.Get("Envelope-To") {
		case "zoe@example.org":
			got = d
		case "ada@example.org":
			if !strings.Contains(d.parts[0], "Un second facteur a été ajouté") {
				t.Errorf("the administrator is told %q", d.parts[0])
			}
		}
	}
	if len(got.parts) != 2 {
		t.Fatalf("no mail to Zoé")
	}
	link := regexp.MustCompile(`https://visio\.example\.org:\d+/activate#([A-Za-z0-9_-]{43})`).FindStringSubmatch(got.parts[0])
	if link == nil {
		t.Fatalf("no link in %q", got.parts[0])
	}
	var who struct{ Email string }
	ask("POST", "/api/activation", http.StatusOK, map[string]string{"token": link[1]}, &who)
	if who.Email != "zoe@example.org" {
		t.Errorf("it is the link of %q", who.Email)
	}
	var status struct {
		Mail struct {
			On      bool
			Waiting int
			Sent    time.Time
		}
	}
	for end := time.Now().Add(5 * time.Second); status.Mail.Sent.IsZero() && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		ask("GET", "/api/admin/status", http.StatusOK, nil, &status)
	}
	if !status.Mail.On || status.Mail.Waiting != 0 || status.Mail.Sent.IsZero() {
		t.Errorf("%+v", status)
	}
	if strings.Contains(log.String(), link[1]) || strings.Contains(log.String(), "zoe@") {
		t.Error("the log has the link, or whose it is")
	}
	var out, errs strings.Builder
	if got := Status(t.Context(), []string{"--data", s.Data}, &out, &errs); got != 0 || !strings.Contains(out.String(), "Mails waiting") || !strings.Contains(out.String(), "Last mail handed over") {
		t.Errorf("status %d: %s%s", got, out.String(), errs.String())
	}
	out.Reset()
	if got := control.CheckMail(t.Context(), []string{"--data", s.Data, "ada@example.org"}, &out, &errs); got != 0 || !strings.Contains(out.String(), "mail-message") {
		t.Errorf("check mail %d: %s%s", got, out.String(), errs.String())
	}
	m.received(t, 3)
}

func TestCheckMailWithoutMail(t *testing.T) {
	s := testSettings(t)
	start(t, s)
	var out, errs strings.Builder
	if got := control.CheckMail(t.Context(), []string{"--data", s.Data}, &out, &errs); got != 1 || !strings.Contains(out.String(), "mail.host is not set") {
		t.Errorf("%d: %s%s", got, out.String(), errs.String())
	}
	if got := control.CheckMail(t.Context(), []string{"--data", s.Data, "nobody"}, &out, &errs); got != 2 {
		t.Errorf("%d for what is no address", got)
	}
}

// TestMailThroughTheService is the mail server of packaging/test-service: it stands in the network of a machine whose appliance and
// way outward are services under systemd, writes the settings, and waits for the one mail.
func TestMailThroughTheService(t *testing.T) {
	etc := os.Getenv("HUISCLOS_TEST_ETC") // /etc/huisclos of that machine, as seen from here
	if etc == "" {
		t.Skip("packaging/test-service runs it")
	}
	m := startMailServer(t)
	ca, err := os.ReadFile(m.ca)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(etc, "mail-ca.pem"), ca, 0o644))
	must(t, os.WriteFile(filepath.Join(etc, "mail.password"), []byte(mailSecret+"\n"), 0o640))
	must(t, os.WriteFile(filepath.Join(etc, "conf.d/60-mail.toml"), fmt.Appendf(nil, `[mail]
host = "127.0.0.1"
port = %d
user = %q
password_file = "/etc/huisclos/mail.password"
from = "visio@example.org"
ca_file = "/etc/huisclos/mail-ca.pem"
`, m.starttls, mailUser), 0o644))
	end := time.Now().Add(time.Minute)
	for {
		if names, _ := filepath.Glob(filepath.Join(m.dir, "mail/new/*")); len(names) > 0 || time.Now().After(end) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if got := m.received(t, 1)[0]; !strings.Contains(got.parts[0], "huisclos check mail") {
		t.Errorf("%+v", got)
	}
}
