package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// OwnHost reports whether the request's Host names this appliance: one of its names, one of its addresses, or the
// address on which this very connection arrived.
func (s *Server) OwnHost(r *http.Request) bool {
	name, _ := splitHost(r.Host)
	if name == "" {
		return false
	}
	if a, err := netip.ParseAddr(name); err == nil {
		a = a.Unmap().WithZone("")
		if a == arrival(r) {
			return true
		}
		return slices.Contains(s.Addresses(), a)
	}
	return s.names[strings.ToLower(strings.TrimSuffix(name, "."))]
}

// arrival is the address of ours on which the request's connection arrived, without a zone; the zero value when that is
// no IP address. The kernel says it, so nothing in a request can forge it.
func arrival(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	at, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// splitHost takes a Host header apart; name is empty when it is malformed. Brackets of IPv6 addresses are taken off.
func splitHost(host string) (name, port string) {
	if strings.ContainsAny(host, "/\\@?#%<>\"'` \t") {
		return "", ""
	}
	if n, p, err := net.SplitHostPort(host); err == nil {
		for _, c := range p {
			if c < '0' || c > '9' {
				return "", ""
			}
		}
		return n, p
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return "", ""
		}
		return inner, ""
	}
	if strings.Contains(host, ":") {
		return "", ""
	}
	return host, ""
}

// base is what links for people begin with: the configured name, else the one under which this person reached us, which
// OwnHost has checked. Behind a proxy the port that leads to us is the proxy's, which only the request knows.
func (s *Server) base(r *http.Request) string {
	if u, err := url.Parse(s.Base); err == nil && s.Base != "" && s.proxied(r) {
		if _, port := splitHost(r.Host); port != "" && port != "443" {
			return "https://" + net.JoinHostPort(u.Hostname(), port)
		}
		return "https://" + u.Hostname()
	}
	if s.Base != "" {
		return strings.TrimSuffix(s.Base, "/")
	}
	return "https://" + r.Host
}

// sameOrigin holds for requests that a page of ours made. Origin must be present and exactly ours; browsers send it with
// every request that changes something and with every WebSocket. Where they also send Sec-Fetch-Site it must agree.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origins := r.Header.Values("Origin")
	return len(origins) == 1 && origins[0] == "https://"+strings.ToLower(r.Host)
}

// ownNavigation holds for reads of the API that a page of ours made, or that a person typed. Browsers without Fetch
// Metadata send nothing: they are held back by CORP and SameSite alone.
func ownNavigation(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin" || site == "none"
}
