package config

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Reachable lists the addresses at which clients can reach this machine: the public ones first, then those that the
// settings name, or else all that this process can list now. In a network namespace of its own it can list none.
//
// Loopback and link-local addresses are not among those that are listed: for every other machine they would be that
// machine itself, or of no use without a zone.
func (s Settings) Reachable() []netip.Addr {
	out := distinct(s.PublicAddresses)
	if named := s.Named(); len(named) > 0 {
		return distinct(out, named)
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, i := range interfaces {
		if p, err := netip.ParsePrefix(i.String()); err == nil && elsewhere(p.Addr()) {
			out = distinct(out, []netip.Addr{p.Addr()})
		}
	}
	return out
}

// Candidates lists the addresses to which one client is told to send media; via is the one at which that client's own
// connection arrived, or the zero value. Where the settings name addresses, those are all there is. Otherwise via counts:
// it is the one address that is known to lead here from there, even to a process that can list none. A loopback address
// counts only when there is nothing else: it is right for a client on this machine, and Firefox refuses it.
func (s Settings) Candidates(via netip.Addr) []netip.Addr {
	if len(s.Named()) > 0 {
		return s.Reachable()
	}
	via = via.Unmap().WithZone("")
	out := distinct(s.PublicAddresses)
	if elsewhere(via) {
		out = distinct(out, []netip.Addr{via})
	}
	out = distinct(out, s.Reachable())
	if len(out) == 0 && via.IsLoopback() {
		out = append(out, via)
	}
	return out
}

// Named are the addresses of this machine that the settings decide on: those listed, or the only one that is listened on.
func (s Settings) Named() []netip.Addr {
	if len(s.Addresses) > 0 {
		return s.Addresses
	}
	if host, _, err := net.SplitHostPort(s.Listen); err == nil {
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
			return []netip.Addr{a}
		}
	}
	return nil
}

// Trusts reports whether a connection from there is one of the proxies that stand before the TCP port.
func (s Settings) Trusts(peer netip.Addr) bool {
	peer = peer.Unmap().WithZone("")
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(peer) })
}

// elsewhere reports whether an address can lead other machines here.
func elsewhere(a netip.Addr) bool {
	return a.IsValid() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsUnspecified()
}

func distinct(lists ...[]netip.Addr) (out []netip.Addr) {
	for _, a := range slices.Concat(lists...) {
		if a = a.Unmap().WithZone(""); a.IsValid() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Second is the port at which UDP is taken besides the one that is listened on, 0 if there is none: it is for browsers that refuse
// media at ports below 1024, so a port from there up needs no second.
func (s Settings) Second(port int) int {
	if port >= 1024 || port == s.MediaPort {
		return 0
	}
	return s.MediaPort
}

// URL is what people type to come to a host, which is a name or an IP address, at a port.
func URL(host string, port int) string {
	switch {
	case port != 443:
		host = net.JoinHostPort(host, strconv.Itoa(port))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return "https://" + host + "/"
}
