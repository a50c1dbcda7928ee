package appliance

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"huisclos/appliance/outward"
	"huisclos/appliance/webhook"
	"huisclos/store"
)

// TestWebhookAtAPortOfTheSettings: a receiver at another port, and on this machine, is reached where the settings file names it for webhooks,
// through the process that connects outward, shut in to that port; no other port is, and the filter's list says the same.
func TestWebhookAtAPortOfTheSettings(t *testing.T) {
	got := make(chan string, 10)
	receiver := func() *httptest.Server {
		s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got <- r.Host + r.URL.Path + " " + r.Header.Get("Webhook-Signature")
			w.WriteHeader(http.StatusNoContent)
		}))
		t.Cleanup(s.Close)
		return s
	}
	named, other := receiver(), receiver()
	dir := t.TempDir()
	file := filepath.Join(dir, "huisclos.toml")
	place := strings.TrimPrefix(named.URL, "https://")
	must(t, os.WriteFile(file, fmt.Appendf(nil, "listen = \"127.0.0.1:0\"\ndata = %q\noutward = %q\nconsole_destinations = false\ndestinations = [\"webhook=%s\"]\n", filepath.Join(dir, "data"), filepath.Join(dir, "o"), place), 0o600))
	s, err := readSettings([]string{"--config", file})
	must(t, err)
	if p := outwardPolicy(s.Settings).Ports; len(p) != 2 || !slices.Contains(p, 53) || !strings.HasSuffix(place, fmt.Sprintf(":%d", p[1])) {
		t.Errorf("ports outward: %v", p)
	}
	startOutward(t, s, file)
	a, _ := start(t, s)
	make := func(url string) (h webhook.Hook, err error) {
		authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: named.Certificate().Raw})
		err = a.db.Update(func(tx *store.Tx) error {
			h, _, err = a.hooks.Make(tx, webhook.Wish{Name: "Supervision", URL: url + "/huisclos", Events: []string{"server.started"}, Authority: string(authority)}, s.now())
			return err
		})
		return h, err
	}
	if _, err := make(other.URL); err == nil {
		t.Error("a port that no file names was accepted")
	}
	h, err := make(named.URL)
	must(t, err)
	d, err := a.hooks.Test(t.Context(), h.ID)
	must(t, err)
	if d.Outcome != webhook.Delivered || d.Status != http.StatusNoContent {
		t.Fatalf("%+v", d)
	}
	if r := <-got; !strings.HasPrefix(r, place+"/huisclos v1,") {
		t.Errorf("it got %q", r)
	}
	// Whoever took this process over could have no other one connected to.
	_, port, _ := strings.Cut(strings.TrimPrefix(other.URL, "https://"), ":")
	if c, err := (outward.Dialer{Path: s.OutwardPath()}).DialTo(t.Context(), outward.Webhook, "127.0.0.1", atoi(t, port)); err == nil {
		_ = c.Close()
		t.Error("it connects to a port that no file names")
	}
}
