package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// forwardedFor is the one header in which a proxy may say for whom it speaks. Forwarded (RFC 7239), X-Real-IP and the like are
// read from nobody: two headers that say different things would be a choice for whoever forges one.
const forwardedFor = "X-Forwarded-For"

// client is whose request this is, for limits, sessions and the audit log: the peer of the connection, or, where that is a proxy
// of ours, for whom it says that it speaks. The zero value when neither is an IP address.
func (s *Server) client(r *http.Request) netip.Addr {
	peer := peerOf(r)
	if !s.proxied(r) {
		return peer
	}
	// Each proxy appends whom it has before it. So the list is read from its right end as long as ours have written it: the first
	// that isn't one of ours is the client, and what stands to its left is that client's own word. What can't be read is taken for
	// nothing, and the proxy that wrote it counts in its stead: many share one limit then, and nobody gets one of their own.
	lines := r.Header.Values(forwardedFor)
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			at := strings.LastIndexByte(rest, ',')
			a, ok := forwarded(rest[at+1:])
			if !ok {
				return peer
			}
			if peer = a; !s.Proxies(a) {
				return peer
			}
			if more = at >= 0; more {
				rest = rest[:at]
			}
		}
	}
	return peer
}

// proxied reports whether a request came by a proxy of ours. Then the address at which it arrived is not one that the client
// knows, and the port in its Host is the proxy's.
func (s *Server) proxied(r *http.Request) bool {
	peer := peerOf(r)
	return s.Proxies != nil && peer.IsValid() && s.Proxies(peer)
}

// seenHeader tells who holds a probe how their request arrived (appliance/reach has the other end): its Host, the peer, and for
// whom that one spoke if it is a proxy of ours.
const seenHeader = "Huisclos-Seen"

func (s *Server) seen(r *http.Request) string {
	speaksFor := "-"
	if s.proxied(r) {
		speaksFor = s.client(r).String()
	}
	return strings.Join([]string{r.Host, peerOf(r).String(), speaksFor}, " ")
}

// forwarded reads one entry of X-Forwarded-For: an address; some proxies write its port too.
func forwarded(entry string) (netip.Addr, bool) {
	entry = strings.Trim(entry, " \t")
	a, err := netip.ParseAddr(entry)
	if err != nil {
		ap, bad := netip.ParseAddrPort(entry)
		if bad != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	a = a.Unmap().WithZone("")
	return a, !a.IsUnspecified() && !a.IsMulticast()
}

// peerOf is the peer of the connection; the zero value when that is no IP address.
func peerOf(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}
