//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"
)

const (
	sizeofSockaddrInet4 = 16 // ip(7): family, port, address, zeroes
	sizeofSockaddrInet6 = 28 // ipv6(7): family, port, flow information, address, scope id
)

// sockaddr is a sockaddr_in or sockaddr_in6 as octets: the family and the scope id in the machine's order, the port in the
// network's.
type sockaddr [sizeofSockaddrInet6]byte

// put writes to as a socket of the family takes it and gives the length, 0 when such a socket cannot reach it.
// An AF_INET6 socket reaches IPv4 by mapped addresses (RFC 4291 §2.5.5.2).
func (s *sockaddr) put(family int, to netip.AddrPort) uint32 {
	addr := to.Addr()
	if !addr.IsValid() {
		return 0
	}
	binary.BigEndian.PutUint16(s[2:], to.Port())
	if family == unix.AF_INET {
		if addr = addr.Unmap(); !addr.Is4() {
			return 0
		}
		binary.NativeEndian.PutUint16(s[:], unix.AF_INET)
		a := addr.As4()
		copy(s[4:8], a[:])
		clear(s[8:16])
		return sizeofSockaddrInet4
	}
	var scope uint32
	if zone := addr.Zone(); zone != "" {
		var ok bool
		if scope, ok = index(zone); !ok {
			return 0
		}
	}
	binary.NativeEndian.PutUint16(s[:], unix.AF_INET6)
	clear(s[4:8])
	a := addr.As16()
	copy(s[8:24], a[:])
	binary.NativeEndian.PutUint32(s[24:], scope)
	return sizeofSockaddrInet6
}

// get reads a source address; mapped IPv4 comes out as IPv4. A scope id becomes a zone of digits, which put takes back.
func (s *sockaddr) get(length uint32) (netip.AddrPort, bool) {
	port := binary.BigEndian.Uint16(s[2:])
	switch family := binary.NativeEndian.Uint16(s[:]); {
	case family == unix.AF_INET && length >= sizeofSockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port), true
	case family == unix.AF_INET6 && length >= sizeofSockaddrInet6:
		addr := netip.AddrFrom16([16]byte(s[8:24])).Unmap()
		if scope := binary.NativeEndian.Uint32(s[24:]); scope != 0 && addr.Is6() {
			addr = addr.WithZone(strconv.FormatUint(uint64(scope), 10))
		}
		return netip.AddrPortFrom(addr, port), true
	}
	return netip.AddrPort{}, false
}

// index of an interface, by number as get gives it or by name as net gives it. Link-local peers only: a look-up by name asks
// the kernel each time.
func index(zone string) (uint32, bool) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), true
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, false
	}
	return uint32(i.Index), true
}
