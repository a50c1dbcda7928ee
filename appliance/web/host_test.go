package web

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOwnHost(t *testing.T) {
	s := &Server{
		names:  map[string]bool{"localhost": true, "visio.example.org": true},
		Config: Config{Addresses: func() []netip.Addr { return []netip.Addr{netip.MustParseAddr("203.0.113.9")} }},
	}
	local := &net.TCPAddr{IP: net.ParseIP("192.0.2.10"), Port: 8443}
	tests := []struct {
		host string
		want bool
	}{
		{"visio.example.org", true},
		{"visio.example.org:8443", true},
		{"VISIO.example.org.", true},
		{"localhost:8443", true},
		{"192.0.2.10:8443", true},     // the connection's own address
		{"203.0.113.9", true},         // a configured address
		{"[::ffff:192.0.2.10]", true}, // the same address in another form
		{"192.0.2.11", false},
		{"[2001:db8::1]:8443", false},
		{"", false},
		{"evil.example", false},
		{"visio.example.org.evil.example", false},
		{"evil.example/visio.example.org", false},
		{"visio.example.org@evil.example", false},
		{"visio.example.org:8443:1", false},
		{"visio.example.org:port", false},
		{"visio.example.org#", false},
		{"[192.0.2.10", false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = tt.host
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))
		if got := s.OwnHost(r); got != tt.want {
			t.Errorf("Host %q: %v, want %v", tt.host, got, tt.want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "192.0.2.10"
	if s.OwnHost(r.WithContext(context.Background())) {
		t.Error("an address is ours without knowing where the connection came in")
	}
}

// TestArrival: the address of ours comes from the connection, in one form and without a zone.
func TestArrival(t *testing.T) {
	for want, local := range map[string]any{
		"192.0.2.10":  &net.TCPAddr{IP: net.ParseIP("192.0.2.10"), Port: 8443}, // in Go's own form of 16 octets
		"2001:db8::1": &net.TCPAddr{IP: net.ParseIP("2001:db8::1"), Port: 8443},
		"fe80::1":     &net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 8443, Zone: "eth0"},
		"invalid IP":  &net.UnixAddr{Name: "/s", Net: "unix"}, // such as the self-check's knock
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-Host", "203.0.113.1")
		if got := arrival(r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, local))); got.String() != want {
			t.Errorf("%v arrives at %v, want %s", local, got, want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	tests := []struct {
		name           string
		origins, sites []string
		want           bool
	}{
		{"own", []string{"https://visio.example.org:8443"}, []string{"same-origin"}, true},
		{"own, browser without fetch metadata", []string{"https://visio.example.org:8443"}, nil, true},
		{"no origin", nil, []string{"same-origin"}, false},
		{"nothing", nil, nil, false},
		{"null", []string{"null"}, nil, false},
		{"empty", []string{""}, nil, false},
		{"http", []string{"http://visio.example.org:8443"}, nil, false},
		{"other port", []string{"https://visio.example.org"}, nil, false},
		{"sibling", []string{"https://www.example.org:8443"}, []string{"same-site"}, false},
		{"suffix", []string{"https://visio.example.org:8443.evil.example"}, nil, false},
		{"prefix", []string{"https://evil.example/https://visio.example.org:8443"}, nil, false},
		{"two", []string{"https://visio.example.org:8443", "https://evil.example"}, nil, false},
		{"cross-site", []string{"https://visio.example.org:8443"}, []string{"cross-site"}, false},
		{"same-site", []string{"https://visio.example.org:8443"}, []string{"same-site"}, false},
		{"navigation", []string{"https://visio.example.org:8443"}, []string{"none"}, false},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodPost, "https://visio.example.org:8443/", nil)
		r.Header["Origin"] = tt.origins
		for _, site := range tt.sites {
			r.Header.Set("Sec-Fetch-Site", site)
		}
		if got := sameOrigin(r); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// FuzzHost: no Host header makes the parser panic, and none that it takes apart could be read as another host by the
// browser to which we write it back.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"localhost", "a:1", "[::1]:2", "[::1", "a@b", "a/b", "a:b:c", "", "a%00b", "::1"} {
		f.Add(s)
	}
	s := &Server{names: map[string]bool{"localhost": true}, Config: Config{Addresses: func() []netip.Addr { return nil }}}
	f.Fuzz(func(t *testing.T, host string) {
		r := &http.Request{Method: http.MethodGet, Host: host, Header: http.Header{}}
		if !s.OwnHost(r) {
			return
		}
		name, port := splitHost(host)
		if back := net.JoinHostPort(name, port); port != "" && back != host {
			t.Fatalf("%q taken for ours, reads back as %q", host, back)
		}
	})
}

// TestAddressOfTheStatus: where the appliance knows no name and no address, it is the one at which the administrator came.
func TestAddressOfTheStatus(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	h.server.Config.Status = func() Status { return Status{Version: "test"} }
	if got := b.do("GET", "/api/admin/status", nil).json(t)["address"]; got != h.tls.URL+"/" {
		t.Errorf("address %v, want %s/", got, h.tls.URL)
	}
}
