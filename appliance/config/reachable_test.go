package config

import (
	"net/netip"
	"slices"
	"testing"
)

func TestReachable(t *testing.T) {
	public, own := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("192.0.2.10")
	for name, tt := range map[string]struct {
		s    Settings
		want []netip.Addr
	}{
		"listens on one":   {Settings{Listen: "192.0.2.10:8443", PublicAddresses: []netip.Addr{public}}, []netip.Addr{public, own}},
		"named":            {Settings{Listen: ":8443", Addresses: []netip.Addr{own, own}}, []netip.Addr{own}},
		"named and public": {Settings{Listen: ":8443", Addresses: []netip.Addr{own}, PublicAddresses: []netip.Addr{public}}, []netip.Addr{public, own}},
		"loopback":         {Settings{Listen: "127.0.0.1:8443"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")}},
	} {
		if got := tt.s.Reachable(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	for _, a := range (Settings{Listen: ":8443", PublicAddresses: []netip.Addr{public}}).Reachable() {
		if a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() {
			t.Errorf("no client reaches %v", a)
		}
	}
}

// TestCandidates: the address by which a client came stands before what the machine lists, after what is public, and
// where the settings name addresses it does not count.
func TestCandidates(t *testing.T) {
	at := netip.MustParseAddr
	public, own, via := at("203.0.113.9"), at("192.0.2.10"), at("198.51.100.7") // no machine has the last one: it is for documentation
	listed := Settings{Listen: ":8443"}.Reachable()                             // none, in a network of its own
	everywhere := Settings{Listen: ":8443"}
	for name, tt := range map[string]struct {
		s    Settings
		via  netip.Addr
		want []netip.Addr
	}{
		"the way that it came":     {everywhere, via, slices.Concat([]netip.Addr{via}, listed)},
		"in another form":          {everywhere, at("::ffff:198.51.100.7"), slices.Concat([]netip.Addr{via}, listed)},
		"public first":             {Settings{Listen: ":8443", PublicAddresses: []netip.Addr{public}}, via, slices.Concat([]netip.Addr{public, via}, listed)},
		"public, by itself":        {Settings{Listen: ":8443", PublicAddresses: []netip.Addr{public}}, public, slices.Concat([]netip.Addr{public}, listed)},
		"named":                    {Settings{Listen: ":8443", Addresses: []netip.Addr{own}}, via, []netip.Addr{own}},
		"listens on one":           {Settings{Listen: "192.0.2.10:8443"}, via, []netip.Addr{own}},
		"not known":                {everywhere, netip.Addr{}, listed},
		"link-local":               {everywhere, at("fe80::1%eth0"), listed},
		"a tunnel, with an answer": {Settings{Listen: ":8443", PublicAddresses: []netip.Addr{public}}, at("127.0.0.1"), slices.Concat([]netip.Addr{public}, listed)},
	} {
		if got := tt.s.Candidates(tt.via); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	want := listed
	if len(listed) == 0 {
		want = []netip.Addr{at("::1")}
	}
	if got := everywhere.Candidates(at("::1")); !slices.Equal(got, want) {
		t.Errorf("from this machine: %v, want %v", got, want)
	}
}

func TestURL(t *testing.T) {
	for want, tt := range map[string]struct {
		host string
		port int
	}{
		"https://visio.example/":      {"visio.example", 443},
		"https://visio.example:8443/": {"visio.example", 8443},
		"https://192.0.2.1/":          {"192.0.2.1", 443},
		"https://[2001:db8::1]/":      {"2001:db8::1", 443},
		"https://[2001:db8::1]:8443/": {"2001:db8::1", 8443},
	} {
		if got := URL(tt.host, tt.port); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
