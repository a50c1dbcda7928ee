package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// trusting is what config.Settings.Trusts does.
func trusting(networks ...string) func(netip.Addr) bool {
	return func(a netip.Addr) bool {
		return slices.ContainsFunc(networks, func(n string) bool { return netip.MustParsePrefix(n).Contains(a) })
	}
}

// TestWhoIsTheClient: a header counts only from a proxy of ours, and only as far as proxies of ours wrote it.
func TestWhoIsTheClient(t *testing.T) {
	// ASVS 4.1.3, 15.3.4
	ours := trusting("192.0.2.20/32", "10.9.0.0/16", "2001:db8:1::/64")
	for name, tt := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"straight":                            {"198.51.100.7:1234", nil, "198.51.100.7"},
		"a stranger who names somebody":       {"198.51.100.7:1234", http.Header{forwardedFor: {"203.0.113.1"}}, "198.51.100.7"},
		"a stranger who names the proxy":      {"198.51.100.7:1234", http.Header{forwardedFor: {"192.0.2.20"}}, "198.51.100.7"},
		"our proxy":                           {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.1"}}, "203.0.113.1"},
		"mapped into IPv6, as sockets say it": {"[::ffff:192.0.2.20]:1234", http.Header{forwardedFor: {"203.0.113.1"}}, "203.0.113.1"},
		"our proxy by IPv6":                   {"[2001:db8:1::20]:1234", http.Header{forwardedFor: {"2001:db8:5::1"}}, "2001:db8:5::1"},
		"a zone":                              {"[2001:db8:1::20%eth0]:1234", http.Header{forwardedFor: {"2001:db8:5::1"}}, "2001:db8:5::1"},
		"appended to the client's forgery":    {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9, 203.0.113.1"}}, "203.0.113.1"},
		"appended as a line of its own":       {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9", "203.0.113.1"}}, "203.0.113.1"},
		"a forgery that names our proxies":    {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9, 10.9.0.1, 192.0.2.20, 203.0.113.1"}}, "203.0.113.1"},
		"two proxies of ours":                 {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9, 203.0.113.1, 10.9.0.1"}}, "203.0.113.1"},
		"two proxies, two lines":              {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9,203.0.113.1", "10.9.0.1"}}, "203.0.113.1"},
		"nobody but proxies":                  {"192.0.2.20:1234", http.Header{forwardedFor: {"10.9.0.2, 10.9.0.1"}}, "10.9.0.2"},
		"with a port":                         {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.1:49152"}}, "203.0.113.1"},
		"with a port, IPv6":                   {"192.0.2.20:1234", http.Header{forwardedFor: {"[2001:db8:5::1]:49152"}}, "2001:db8:5::1"},
		"mapped into IPv6, in the list":       {"192.0.2.20:1234", http.Header{forwardedFor: {"::ffff:203.0.113.1"}}, "203.0.113.1"},
		"our proxy says nothing":              {"192.0.2.20:1234", nil, "192.0.2.20"},
		"our proxy says an empty word":        {"192.0.2.20:1234", http.Header{forwardedFor: {""}}, "192.0.2.20"},
		"unreadable at the right end":         {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.1, unknown"}}, "192.0.2.20"},
		"unreadable after a proxy":            {"192.0.2.20:1234", http.Header{forwardedFor: {"203.0.113.9, _hidden, 10.9.0.1"}}, "10.9.0.1"},
		"nobody's address":                    {"192.0.2.20:1234", http.Header{forwardedFor: {"0.0.0.0"}}, "192.0.2.20"},
		"other headers":                       {"192.0.2.20:1234", http.Header{"X-Real-Ip": {"203.0.113.1"}, "Forwarded": {"for=203.0.113.1"}, "Client-Ip": {"203.0.113.1"}}, "192.0.2.20"},
		"no address at all":                   {"@", http.Header{forwardedFor: {"203.0.113.1"}}, "invalid IP"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tt.peer
		for k, v := range tt.header {
			r.Header[k] = v
		}
		s := &Server{Config: Config{Proxies: ours}}
		if got := s.client(r).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		s.Proxies = nil
		if got, want := s.client(r), peerOf(r); got != want {
			t.Errorf("%s, without proxies: %s, want %s", name, got, want)
		}
	}
}

// TestProxysClientsAreTold: through a proxy of ours each client is counted, recorded and listed by itself; whoever comes straight
// gains nothing by the header.
func TestProxysClientsAreTold(t *testing.T) {
	// ASVS 4.1.3, 15.3.4, 16.2.1
	const alice, bruno = "203.0.113.1", "203.0.113.2"
	for name, tt := range map[string]struct {
		proxies func(netip.Addr) bool
		want    string // of alice, in the audit log
	}{
		"a proxy of ours": {trusting("127.0.0.1/32"), alice},
		"a stranger":      {trusting("192.0.2.20/32"), "127.0.0.1"},
	} {
		h := newHouse(t)
		h.server.Proxies = tt.proxies
		b := h.browser()
		b.token()
		try := func(from string) int {
			r := b.request("POST", "/api/activation", map[string]string{"token": "A" + strings.Repeat("A", 42)})
			r.Header.Set(forwardedFor, from)
			return b.send(r).status
		}
		statuses := map[int]int{}
		for range freeTries + 1 {
			statuses[try(alice)]++
		}
		if statuses[http.StatusTooManyRequests] != 1 {
			t.Errorf("%s: %d tries by one client: %v", name, freeTries+1, statuses)
		}
		if got, free := try(bruno), tt.want == alice; (got != http.StatusTooManyRequests) != free {
			t.Errorf("%s: another client's first try: %d", name, got)
		}
		h.advance(longestWait)
		r := b.request("POST", "/api/login", map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase})
		r.Header.Set(forwardedFor, "198.51.100.66, "+alice)
		if a := b.send(r); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		page := h.asAdministrator().do("GET", "/api/admin/audit", nil)
		if got := string(page.body); !strings.Contains(got, `"`+tt.want+`"`) || strings.Contains(got, "198.51.100.66") || tt.want != alice && strings.Contains(got, alice) {
			t.Errorf("%s: audit log without %s, or with a forgery: %s", name, tt.want, got)
		}
		if got := string(b.do("GET", "/api/account/sessions", nil).body); !strings.Contains(got, tt.want) || strings.Contains(got, "198.51.100.66") {
			t.Errorf("%s: sessions: %s", name, got)
		}
	}
}

// TestLinksBehindAProxy: a link has the configured name and the port at which the proxy was come to; straight, the configured port.
func TestLinksBehindAProxy(t *testing.T) {
	s := &Server{Config: Config{Base: "https://visio.example.org:8443", Proxies: trusting("192.0.2.20/32")}}
	for _, tt := range []struct{ peer, host, want string }{
		{"192.0.2.20:1", "visio.example.org", "https://visio.example.org"},
		{"192.0.2.20:1", "visio.example.org:443", "https://visio.example.org"},
		{"192.0.2.20:1", "autre.example.org:4443", "https://visio.example.org:4443"},
		{"198.51.100.7:1", "visio.example.org", "https://visio.example.org:8443"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = tt.peer, tt.host
		if got := s.base(r); got != tt.want {
			t.Errorf("%s from %s: %s, want %s", tt.host, tt.peer, got, tt.want)
		}
	}
	s.Base = ""
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr, r.Host = "192.0.2.20:1", "192.0.2.10:8443"
	if got := s.base(r); got != "https://192.0.2.10:8443" {
		t.Errorf("without a name: %s", got)
	}
}

// TestTrialSaysThatPagesComeByAProxy: the page that tests a connection can then say why TCP has no way.
func TestTrialSaysThatPagesComeByAProxy(t *testing.T) {
	h := newHouse(t)
	b := h.asMember()
	ask := func() string {
		return string(b.do("POST", "/api/connection", map[string]any{"offer": "o", "mid": "0", "relay": false}).body)
	}
	if got := ask(); strings.Contains(got, "proxied") {
		t.Errorf("straight: %s", got)
	}
	h.server.Proxies = trusting("127.0.0.1/32")
	if got := ask(); !strings.Contains(got, `"proxied":true`) {
		t.Errorf("by a proxy: %s", got)
	}
}

// TestSeenIsForProbes: who names a probe is told how the request arrived; others are told nothing.
func TestSeenIsForProbes(t *testing.T) {
	h := emptyHouse(t)
	h.server.Proof = func(probe string) string { return map[string]string{"known": "proof"}[probe] }
	h.server.Proxies = trusting("127.0.0.1/32")
	ask := func(probe, names string) http.Header {
		r := h.browser().request("GET", "/healthz", nil)
		r.Header.Set(probeHeader, probe)
		if names != "" {
			r.Header.Set(forwardedFor, names)
		}
		return h.browser().send(r).header
	}
	host := strings.TrimPrefix(h.tls.URL, "https://")
	for names, want := range map[string]string{"203.0.113.1": host + " 127.0.0.1 203.0.113.1", "": host + " 127.0.0.1 127.0.0.1"} {
		if got := ask("known", names).Get(seenHeader); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
	h.server.Proxies = nil
	if got := ask("known", "203.0.113.1").Get(seenHeader); got != host+" 127.0.0.1 -" {
		t.Errorf("no proxy of ours: %q", got)
	}
	for _, probe := range []string{"", "unknown"} {
		if got := ask(probe, ""); got.Get(seenHeader) != "" || got.Get(probeHeader) != "" {
			t.Errorf("%q: %v", probe, got)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"203.0.113.1", "a, b", "[2001:db8::1]:1, 192.0.2.20", ",,,", "fe80::1%eth0", "192.0.2.20,192.0.2.20"} {
		f.Add(s)
	}
	s := &Server{Config: Config{Proxies: trusting("192.0.2.20/32")}}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.20:1"
		r.Header[forwardedFor] = []string{header}
		got := s.client(r)
		if !got.IsValid() || got.IsUnspecified() || got.Is4In6() || got.Zone() != "" {
			t.Fatalf("%q: %v", header, got)
		}
		// Whatever stands to the left of what our proxy wrote changes nothing.
		r.Header[forwardedFor] = []string{header + ", 203.0.113.1"}
		if got := s.client(r).String(); got != "203.0.113.1" {
			t.Fatalf("%q: %s", header, got)
		}
	})
}
