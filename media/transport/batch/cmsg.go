//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Control messages (cmsg(3)) as octets: length (a size_t), level, type, then the value, all in the machine's order and padded
// to eight octets.
const (
	sizeofCmsghdr = 16
	cmsgAlign     = 8

	segmentLen   = sizeofCmsghdr + 2 // UDP_SEGMENT carries a uint16
	segmentSpace = sizeofCmsghdr + cmsgAlign

	// IP_PKTINFO (ip(7)): interface, our address, the header's destination. IPV6_PKTINFO (RFC 3542 §6.1): our address, interface;
	// on a socket of AF_INET6 it has IPv4 too, as mapped addresses.
	info4Len   = sizeofCmsghdr + 12
	info4Space = sizeofCmsghdr + 16
	info6Len   = sizeofCmsghdr + 20
	info6Space = sizeofCmsghdr + 24

	sendSpace = info6Space + segmentSpace

	// receiveSpace has room for what else someone may have asked this socket for (time stamps, packet information): UDP_GRO
	// comes last and would be the one that is cut off.
	receiveSpace = 256
)

// sendControl is what a message is sent with.
type sendControl [sendSpace]byte

// put writes the address of ours that a socket of the family sends from, if there is one, and the size of segments, unless it is 0.
// It gives the length.
func (c *sendControl) put(family int, source netip.Addr, segment int) (length int) {
	if source.IsValid() {
		length = c.putSource(family, source)
	}
	if segment > 0 {
		header(c[length:], segmentLen, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		binary.NativeEndian.PutUint16(c[length+sizeofCmsghdr:], uint16(segment))
		length += segmentSpace
	}
	return length
}

func (c *sendControl) putSource(family int, source netip.Addr) int {
	if family == unix.AF_INET {
		if source = source.Unmap(); !source.Is4() {
			return 0
		}
		header(c[:], info4Len, unix.IPPROTO_IP, unix.IP_PKTINFO)
		a := source.As4()
		clear(c[sizeofCmsghdr:info4Space])
		copy(c[sizeofCmsghdr+4:], a[:]) // ipi_spec_dst; the kernel chooses the interface
		return info4Space
	}
	header(c[:], info6Len, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO)
	a := source.As16()
	clear(c[sizeofCmsghdr:info6Space])
	copy(c[sizeofCmsghdr:], a[:])
	return info6Space
}

func header(c []byte, length uint64, level, kind uint32) {
	binary.NativeEndian.PutUint64(c, length)
	binary.NativeEndian.PutUint32(c[8:], level)
	binary.NativeEndian.PutUint32(c[12:], kind)
}

// arrival finds the address of ours that a datagram was sent to, which only a socket on all addresses does not know by itself.
func arrival(control []byte) netip.Addr {
	for len(control) >= sizeofCmsghdr {
		n := binary.NativeEndian.Uint64(control)
		if n < sizeofCmsghdr || n > uint64(len(control)) {
			return netip.Addr{}
		}
		switch level, kind := binary.NativeEndian.Uint32(control[8:]), binary.NativeEndian.Uint32(control[12:]); {
		case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && n >= info4Len:
			return netip.AddrFrom4([4]byte(control[sizeofCmsghdr+4:])) // ipi_spec_dst: never a broadcast address
		case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && n >= info6Len:
			return netip.AddrFrom16([16]byte(control[sizeofCmsghdr:])).Unmap()
		}
		control = control[min(uint64(len(control)), (n+cmsgAlign-1)&^(cmsgAlign-1)):]
	}
	return netip.Addr{}
}

// Source is the control message (sendmsg(2)) with which a single datagram leaves from an address of ours, nil where the kernel
// may choose.
func (c *Conn) Source(from netip.Addr) []byte {
	var control sendControl
	if n := control.put(c.family, from, 0); n > 0 {
		return control[:n]
	}
	return nil
}

// groSize finds the size of the segments that the kernel put together (udp(7), UDP_GRO: an int), 0 if it put nothing together.
func groSize(control []byte) int {
	for len(control) >= sizeofCmsghdr {
		n := binary.NativeEndian.Uint64(control)
		if n < sizeofCmsghdr || n > uint64(len(control)) {
			return 0
		}
		if binary.NativeEndian.Uint32(control[8:]) == unix.IPPROTO_UDP && binary.NativeEndian.Uint32(control[12:]) == unix.UDP_GRO {
			switch value := control[sizeofCmsghdr:n]; {
			case len(value) >= 4:
				return int(int32(binary.NativeEndian.Uint32(value)))
			case len(value) >= 2:
				return int(binary.NativeEndian.Uint16(value))
			}
			return 0
		}
		control = control[min(uint64(len(control)), (n+cmsgAlign-1)&^(cmsgAlign-1)):]
	}
	return 0
}
