package transport

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// TestCandidates: where browsers refuse the port, they are told the second one after it, over UDP.
func TestCandidates(t *testing.T) {
	addresses := func(list ...string) (out []netip.Addr) {
		for _, a := range list {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	for _, tt := range []struct {
		name         string
		at           []netip.Addr
		port, second int
		udp, tcp     bool
		want         []string
	}{
		{"public", addresses("203.0.113.9", "2001:db8::1"), 443, 10443, true, true, []string{"203.0.113.9:443", "[2001:db8::1]:443", "203.0.113.9:443 tcp", "[2001:db8::1]:443 tcp"}},
		{"private", addresses("10.0.0.9"), 443, 10443, true, true, []string{"10.0.0.9:443", "10.0.0.9:10443", "10.0.0.9:443 tcp"}},
		{"both", addresses("203.0.113.9", "::ffff:172.16.0.9", "fd00::9"), 443, 10443, true, false,
			[]string{"203.0.113.9:443", "172.16.0.9:443", "172.16.0.9:10443", "[fd00::9]:443", "[fd00::9]:10443"}},
		{"private, no second", addresses("192.168.1.9"), 443, 0, true, false, []string{"192.168.1.9:443"}},
		{"private, a port that nobody refuses", addresses("192.168.1.9"), 8443, 10443, true, false, []string{"192.168.1.9:8443"}},
		{"a port that everybody refuses", addresses("203.0.113.9"), 444, 10443, true, false, []string{"203.0.113.9:444", "203.0.113.9:10443"}},
		{"TCP only", addresses("10.0.0.9"), 443, 10443, false, true, []string{"10.0.0.9:443 tcp"}},
	} {
		var got []string
		before := uint32(1<<31 - 1)
		for _, c := range candidates(tt.at, tt.port, tt.second, tt.udp, tt.tcp) {
			text := c.at.String()
			if c.tcp {
				text += " tcp"
			}
			got = append(got, text)
			if c.priority >= before {
				t.Errorf("%s: %s is preferred to what stands before it", tt.name, text)
			}
			before = c.priority
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestRefused holds the rule of libwebrtc (VerifyCandidate, IPIsPrivate).
func TestRefused(t *testing.T) {
	for at, private := range map[string]bool{"10.1.2.3": true, "172.15.255.255": false, "172.16.0.1": true, "172.31.255.255": true, "172.32.0.0": false, "192.168.0.1": true,
		"192.169.0.1": false, "100.63.255.255": false, "100.64.0.1": true, "100.127.255.255": true, "100.128.0.0": false, "127.0.0.2": true, "169.254.9.9": true, "8.8.8.8": false,
		"::1": true, "fe80::1": true, "fd00::1": true, "2001:db8::1": false, "::ffff:10.0.0.1": true} {
		for port, want := range map[int]bool{443: private, 80: private, 442: true, 1023: true, 1024: false, 10443: false} {
			if got := Refused(netip.MustParseAddr(at), port); got != want {
				t.Errorf("%s: %v", fmt.Sprint(at, " ", port), got)
			}
		}
	}
}
