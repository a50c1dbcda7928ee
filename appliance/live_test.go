package appliance

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"huisclos/appliance/choices"
	"huisclos/appliance/config"
)

// Settings of the console hold at once: for names, addresses, mail, directory, provider, the log and the accounts; a connection that is
// open stays open, and what the settings take back is gone.
func TestSettingsHoldAtOnce(t *testing.T) {
	s := testSettings(t)
	a, _ := start(t, s)
	c := browser(t, a)
	get := func(host string) int {
		t.Helper()
		req, err := http.NewRequest("GET", "https://"+a.at()+"/healthz", nil)
		must(t, err)
		req.Host = host
		res, err := c.Do(req)
		must(t, err)
		_ = res.Body.Close()
		return res.StatusCode
	}
	change := func(changes map[string]any) {
		t.Helper()
		must(t, a.choices.Change(choices.By{}, changes, time.Now()))
	}
	if get("visio.example.org") == http.StatusOK {
		t.Fatal("a name that is not ours is answered")
	}
	server := a.pages.Load()
	change(map[string]any{"name": "Visio", "hostnames": []string{"visio.example.org"}, "public_addresses": []string{"203.0.113.9"}, "trusted_proxies": []string{"192.0.2.0/28"}, "accounts.deletion_days": 3,
		"mail.host": "smtp.example.org", "mail.from": "visio@example.org",
		"directory.url": "ldaps://ldap.example.org", "directory.base": "dc=example,dc=org",
		"oidc.issuer": "https://id.example.org/", "oidc.client_id": "visio", "oidc.client_secret": "hush"})
	c = browser(t, a) // another certificate
	if get("visio.example.org") != http.StatusOK {
		t.Error("the new name is refused")
	}
	if a.pages.Load() == server || !server.OwnHost(&http.Request{Host: "localhost"}) {
		t.Error("what is being answered has no server any more")
	}
	p := a.made.Load()
	if !a.post.On() || p.mail == nil || p.mail.Host != "smtp.example.org" || a.post.head().place.Name != "Visio" || !strings.HasPrefix(a.post.head().place.URL, "https://visio.example.org") {
		t.Errorf("mail: %+v", a.post.head())
	}
	if a.followed() == nil || p.provider == nil || a.accounts.Delay() != 3*24*time.Hour {
		t.Errorf("directory %v, provider %v, deletion after %v", a.followed(), p.provider, a.accounts.Delay())
	}
	if in := a.inForce(); !in.Trusts(netip.MustParseAddr("192.0.2.3")) || a.maxFrom(netip.MustParseAddr("192.0.2.3")) != maxFromProxy || in.Candidates(netip.Addr{})[0] != netip.MustParseAddr("203.0.113.9") {
		t.Errorf("%+v", in.Settings)
	}
	// The certificate is for the new name: the self-signed one is made again.
	served, err := a.keeper.TLS().GetCertificate(nil)
	must(t, err)
	if err := served.Leaf.VerifyHostname("visio.example.org"); err != nil {
		t.Error(err)
	}
	// What stays the same is not begun anew.
	change(map[string]any{"name": "Autre"})
	if now := a.made.Load(); now.mail != p.mail || now.directory != p.directory || now.provider != p.provider {
		t.Error("a change of the name makes the connections anew")
	}
	change(map[string]any{"oidc.client_secret": "hush-hush"})
	if a.made.Load().provider == p.provider {
		t.Error("another secret is not used")
	}
	must(t, a.choices.Back(choices.By{}, 0, time.Now()))
	if a.post.On() || a.followed() != nil || a.made.Load().provider != nil || a.accounts.Delay() != 30*24*time.Hour {
		t.Error("what was taken back is still there")
	}
	// A file that a reload reads holds at once as well, but for what the process was shut in with.
	next := testSettings(t)
	next.Name, next.Listen = "Du fichier", "127.0.0.1:1"
	must(t, a.choices.Read(config.From(next.Settings), time.Now()))
	if in := a.inForce(); in.Name != "Du fichier" || in.Listen == next.Listen || len(a.choices.NeedsRestart()) == 0 {
		t.Errorf("%+v", in.Settings)
	}
}
