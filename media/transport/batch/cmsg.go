//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Control messages (cmsg(3)) as octets: length (a size_t), level, type, then the value, all in the machine's order and padded
// to eight octets.
const (
	sizeofCmsghdr = 16
	cmsgAlign     = 8

	segmentLen   = sizeofCmsghdr + 2 // UDP_SEGMENT carries a uint16
	segmentSpace = sizeofCmsghdr + cmsgAlign

	// receiveSpace has room for what else someone may have asked this socket for (time stamps, packet information): UDP_GRO
	// comes last and would be the one that is cut off.
	receiveSpace = 256
)

type segmentControl [segmentSpace]byte

func (c *segmentControl) init() {
	binary.NativeEndian.PutUint64(c[:], segmentLen)
	binary.NativeEndian.PutUint32(c[8:], unix.IPPROTO_UDP)
	binary.NativeEndian.PutUint32(c[12:], unix.UDP_SEGMENT)
}

func (c *segmentControl) setSize(n int) { binary.NativeEndian.PutUint16(c[sizeofCmsghdr:], uint16(n)) }

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
