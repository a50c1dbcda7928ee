//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSockaddr(t *testing.T) {
	for _, c := range []struct {
		family int
		to     string
		length uint32 // 0: such a socket does not reach it
		back   string
	}{
		{unix.AF_INET, "192.0.2.1:65535", 16, "192.0.2.1:65535"},
		{unix.AF_INET, "[::ffff:192.0.2.1]:1", 16, "192.0.2.1:1"},
		{unix.AF_INET, "[2001:db8::1]:1", 0, ""},
		{unix.AF_INET6, "192.0.2.1:258", 28, "192.0.2.1:258"},
		{unix.AF_INET6, "[::ffff:192.0.2.1]:258", 28, "192.0.2.1:258"},
		{unix.AF_INET6, "[2001:db8::1]:258", 28, "[2001:db8::1]:258"},
		{unix.AF_INET6, "[fe80::1%7]:258", 28, "[fe80::1%7]:258"},
		{unix.AF_INET6, "[fe80::1%lo]:258", 28, "[fe80::1%1]:258"},
		{unix.AF_INET6, "[fe80::1%no-such-one]:258", 0, ""},
	} {
		var s sockaddr
		for i := range s {
			s[i] = 0xff // what the message before left there
		}
		length := s.put(c.family, netip.MustParseAddrPort(c.to))
		if length != c.length {
			t.Errorf("%s: %d octets, want %d", c.to, length, c.length)
		}
		if length == 0 {
			continue
		}
		if back, ok := s.get(length); !ok || back != netip.MustParseAddrPort(c.back) {
			t.Errorf("%s came back as %v, want %s", c.to, back, c.back)
		}
		if _, ok := s.get(length - 1); ok {
			t.Errorf("%s: taken although it was cut short", c.to)
		}
	}
	if _, ok := new(sockaddr).get(sizeofSockaddrInet6); ok {
		t.Error("an address of no family")
	}
}

// control puts messages together as the kernel does.
func control(values ...[3]int) (out []byte) {
	for _, v := range values {
		m := make([]byte, sizeofCmsghdr+8)
		binary.NativeEndian.PutUint64(m, sizeofCmsghdr+4)
		binary.NativeEndian.PutUint32(m[8:], uint32(v[0]))
		binary.NativeEndian.PutUint32(m[12:], uint32(v[1]))
		binary.NativeEndian.PutUint32(m[16:], uint32(v[2]))
		out = append(out, m...)
	}
	return out
}

func TestGROSize(t *testing.T) {
	gro := [3]int{unix.IPPROTO_UDP, unix.UDP_GRO, 1100}
	other := [3]int{unix.IPPROTO_IP, unix.UDP_GRO, 7}
	long := control(gro)
	binary.NativeEndian.PutUint64(long, 1<<40)
	for name, c := range map[string]struct {
		control []byte
		want    int
	}{
		"none": {nil, 0}, "first": {control(gro), 1100}, "after another": {control(other, gro), 1100}, "only another": {control(other), 0},
		"without padding": {control(other, gro)[:24+20], 1100}, "cut short": {control(gro)[:18], 0}, "too long": {long, 0},
	} {
		if got := groSize(c.control); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
