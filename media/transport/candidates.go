package transport

import "net/netip"

// Priorities of the first candidates (RFC 8445 §5.1.2.1): type preference 126
// for host over UDP, less over TCP (RFC 6544 §4.2), the first local preference,
// component 1. Later addresses prefer less.
const (
	preferUDP uint32 = 126<<24 | 65535<<8 | 255
	preferTCP uint32 = 90<<24 | 65535<<8 | 255
)

// candidate is one of the server's (RFC 8839 §5.1), all of them hosts.
type candidate struct {
	at       netip.AddrPort
	tcp      bool
	priority uint32
}

// candidates are what clients are told: each address with the port, over UDP and then over TCP, and with the second port, over
// UDP, where browsers refuse the first. There the second follows the first: who takes both (Firefox) stays at the port that
// firewalls know, and who refuses one (Chromium, Edge) drops it unseen and takes the other. Elsewhere the second port is not told:
// it would be one more pair to check, and one more hole in a firewall, for nothing.
func candidates(addresses []netip.Addr, port, second int, udp, tcp bool) (list []candidate) {
	preference := preferUDP
	add := func(at netip.Addr, port int, tcp bool) {
		list = append(list, candidate{netip.AddrPortFrom(at.Unmap().WithZone(""), uint16(port)), tcp, preference})
		preference -= 1 << 8
	}
	for _, at := range addresses {
		if udp {
			add(at, port, false)
			if second != 0 && Refused(at, port) {
				add(at, second, false)
			}
		}
	}
	preference = preferTCP
	for _, at := range addresses {
		if tcp {
			add(at, port, true)
		}
	}
	return list
}

var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	uniqueLocal = netip.MustParsePrefix("fc00::/7")      // RFC 4193
)

// Refused says whether browsers made of libwebrtc (Chromium, Edge) drop a candidate at an address and a port, over UDP or passive
// TCP: below 1024 they take 80 and 443 only, and these only where an address is not private (VerifyCandidate in
// p2p/base/ice_transport_internal.cc and IPIsPrivate in rtc_base/ip_address.cc; of fc00::/7 they mean the half with the L bit,
// which is all that RFC 4193 gives out).
func Refused(at netip.Addr, port int) bool {
	if port >= 1024 {
		return false
	}
	at = at.Unmap()
	return port != 80 && port != 443 || at.IsPrivate() || at.IsLoopback() || at.IsLinkLocalUnicast() || sharedSpace.Contains(at) || uniqueLocal.Contains(at)
}
