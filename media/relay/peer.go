package relay

import (
	"net/netip"
	"slices"
)

// neverPeers are the addresses that no appliance has towards its clients, whatever the settings say: those of the IANA
// special-purpose registries (RFC 6890) that lead inside, to everybody, nowhere, or to an IPv4 address in disguise.
var neverPeers = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),      // this network, RFC 791 §3.2
	netip.MustParsePrefix("127.0.0.0/8"),    // loopback, RFC 1122 §3.2.1.3
	netip.MustParsePrefix("169.254.0.0/16"), // link-local, RFC 3927; a cloud's metadata stand there
	netip.MustParsePrefix("192.0.0.0/24"),   // IETF protocol assignments, RFC 6890 §2.1; our relayed addresses
	netip.MustParsePrefix("224.0.0.0/4"),    // multicast, RFC 1112
	netip.MustParsePrefix("240.0.0.0/4"),    // reserved, and broadcast, RFC 919
	netip.MustParsePrefix("::/96"),          // unspecified, loopback, IPv4-compatible, RFC 4291 §2.5
	netip.MustParsePrefix("::ffff:0:0/96"),  // IPv4-mapped, RFC 4291 §2.5.5.2: no address on a wire
	netip.MustParsePrefix("64:ff9b::/96"),   // NAT64, RFC 6052
	netip.MustParsePrefix("64:ff9b:1::/48"), // NAT64 of one network, RFC 8215
	netip.MustParsePrefix("100::/63"),       // discard-only, RFC 6666; dummy, RFC 9780: our relayed addresses
	netip.MustParsePrefix("2001::/32"),      // Teredo, RFC 4380
	netip.MustParsePrefix("2002::/16"),      // 6to4, RFC 3056
	netip.MustParsePrefix("fe80::/10"),      // link-local, RFC 4291 §2.5.6
	netip.MustParsePrefix("fec0::/10"),      // site-local, RFC 3879
	netip.MustParsePrefix("ff00::/8"),       // multicast, RFC 4291 §2.7
}

// mayReach says whether a client may name an address as its peer: only one at which this appliance takes media. Private
// addresses (RFC 1918, RFC 4193, RFC 6598) are none unless the appliance has just this one.
func (r *Relay) mayReach(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	for _, p := range neverPeers {
		if p.Contains(a) {
			return false
		}
	}
	return !a.Is4In6() && r.cfg.Own(a)
}

// isMedia says whether a peer is the media plane.
func (r *Relay) isMedia(peer netip.AddrPort) bool {
	return slices.Contains(r.cfg.Ports, int(peer.Port())) && r.mayReach(peer.Addr())
}
