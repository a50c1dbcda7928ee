package relay

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// TestPeers: only the media port at the appliance's own addresses can be named; everything else is refused before
// anything is made, by every way of naming it (class of CVE-2020-26262).
func TestPeers(t *testing.T) {
	// ASVS 17.1.1
	own := []string{"192.0.2.10", "10.1.2.3", "2001:db8::10"}
	others := map[string][]string{
		"loopback":          {"127.0.0.1", "127.255.255.254", "::1"},
		"link-local":        {"169.254.169.254", "169.254.0.1", "fe80::1"},
		"private":           {"10.0.0.1", "10.1.2.4", "172.16.0.1", "172.31.255.254", "192.168.1.1"},
		"shared":            {"100.64.0.1", "100.127.255.254"},
		"unique local":      {"fc00::1", "fd12:3456:789a::1"},
		"site-local":        {"fec0::1"},
		"multicast":         {"224.0.0.1", "239.255.255.250", "ff02::1", "ff05::2"},
		"broadcast":         {"255.255.255.255"},
		"reserved":          {"240.0.0.1"},
		"unspecified":       {"0.0.0.0", "0.1.2.3", "::"},
		"IPv4-mapped":       {"::ffff:192.0.2.10", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254"},
		"IPv4-compatible":   {"::127.0.0.1", "::192.0.2.10"},
		"NAT64":             {"64:ff9b::7f00:1", "64:ff9b::a01:203", "64:ff9b::c000:20a"},
		"NAT64, local":      {"64:ff9b:1::7f00:1", "64:ff9b:1:ffff::a01:203"},
		"6to4":              {"2002:7f00:1::1", "2002:a01:203::1"},
		"Teredo":            {"2001:0:7f00:1::1", "2001::1"},
		"discard-only":      {"100::1"},
		"relayed addresses": {"192.0.0.8", "100:0:0:1::1"},
		"protocol":          {"192.0.0.170", "192.0.0.1"},
		"somebody else":     {"203.0.113.7", "192.0.2.11", "2001:db8::11", "2606:4700::1"},
	}
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		c4, c6 := s.raw(way, "a"), s.raw(way, "a")
		if code := c4.allocate(); code != 0 {
			t.Fatalf("IPv4 allocation: %d", code)
		}
		if code := c6.allocate(number(stun.AttrRequestedAddressFamily, 2<<24)); code != 0 {
			t.Fatalf("IPv6 allocation: %d", code)
		}
		clientFor := func(a netip.AddrPort) *raw {
			if a.Addr().Is6() {
				return c6
			}
			return c4
		}
		channel := uint32(firstChannel)
		attempt := func(a netip.AddrPort) (permission, bind stun.ErrorCode, heard string) {
			c := clientFor(a)
			_, permission = c.request(stun.MethodCreatePermission, peerOf(a))
			c.indicate(a, "Send to "+a.String())
			_, bind = c.request(stun.MethodChannelBind, number(stun.AttrChannelNumber, channel<<16), peerOf(a))
			frame := []byte{byte(channel >> 8), byte(channel), 0, 8, 'c', 'h', 'a', 'n', 'n', 'e', 'l', '!'}
			c.write(frame)
			channel++
			if _, code := c.request(stun.MethodRefresh); code != 0 { // what was sent before it has been dealt with
				t.Fatal(code)
			}
			heard, _ = s.heard(0)
			return permission, bind, heard
		}
		refused := func(class string, a netip.AddrPort) {
			t.Helper()
			permission, bind, heard := attempt(a)
			if permission != stun.CodeForbidden || bind != stun.CodeForbidden || heard != "" {
				t.Errorf("%s %s: permission %d, channel %d, media heard %q", class, a, permission, bind, heard)
			}
		}
		for class, list := range others {
			for _, text := range list {
				refused(class, at(netip.MustParseAddr(text)))
			}
		}
		for _, text := range own {
			for _, port := range []uint16{1, 22, 80, 443, 3478, mediaPort - 1, mediaPort + 1, 65535} {
				refused("another port", netip.AddrPortFrom(netip.MustParseAddr(text), port))
			}
		}
		// One that is allowed does not take another along.
		c := clientFor(at(own4))
		if _, code := c.request(stun.MethodCreatePermission, peerOf(at(own4)), peerOf(at(netip.MustParseAddr("127.0.0.1")))); code != stun.CodeForbidden {
			t.Errorf("an own address and loopback: %d", code)
		}
		c.indicate(at(own4), "without permission")
		if _, code := c.request(stun.MethodRefresh); code != 0 {
			t.Fatal(code)
		}
		if heard, _ := s.heard(0); heard != "" {
			t.Errorf("the refused request gave a permission: media heard %q", heard)
		}

		for _, text := range own {
			a := at(netip.MustParseAddr(text))
			permission, bind, heard := attempt(a)
			if permission != 0 || bind != 0 || heard != "Send to "+a.String() {
				t.Errorf("own %s: permission %d, channel %d, media heard %q", a, permission, bind, heard)
			}
			if heard, from := s.heard(time.Second); heard != "channel!" || !relayed(from.AddrPort().Addr()) {
				t.Errorf("own %s by channel: %q from %v", a, heard, from)
			}
		}
		if _, code := c.request(stun.MethodCreatePermission, peerOf(netip.AddrPortFrom(own4, 0))); code != 0 {
			t.Errorf("a permission's port may be zero: %d", code)
		}
	})
}

func relayed(a netip.Addr) bool { return a.Unmap() == dummy4 || dummy6.Contains(a) }

// TestNoSocket: allocations, permissions and data open no file, so there is nothing that could reach anybody.
func TestNoSocket(t *testing.T) {
	// ASVS 17.1.1
	eachWay(t, func(t *testing.T, way string) {
		s := newStage(t, Limits{})
		c := s.raw(way, "a")
		if _, code := c.request(stun.MethodRefresh); code != stun.CodeAllocMismatch { // connected, known, no allocation
			t.Fatal(code)
		}
		before := sockets(t)
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
		if _, code := c.request(stun.MethodCreatePermission, peerOf(at(own4))); code != 0 {
			t.Fatal(code)
		}
		c.indicate(at(own4), "a datagram")
		if heard, _ := s.heard(time.Second); heard != "a datagram" {
			t.Fatal(heard)
		}
		if after := sockets(t); after != before {
			t.Errorf("%d sockets before, %d with an allocation", before, after)
		}
	})
}

func sockets(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, f := range files {
		if to, err := os.Readlink(f); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
