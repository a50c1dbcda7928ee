//go:build linux && (amd64 || arm64)

package batch

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's structures as both architectures lay them out; another layout does not compile. This is the one file of the
// package with unsafe in it: names, control messages and buffers are octets or typed pointers everywhere else.
var (
	_ [56]byte = [unsafe.Sizeof(unix.Msghdr{})]byte{}
	_ [64]byte = [unsafe.Sizeof(unix.Mmsghdr{})]byte{}
	_ [16]byte = [unsafe.Sizeof(unix.Iovec{})]byte{}
	_ [32]byte = [unsafe.Offsetof(unix.Msghdr{}.Control)]byte{}
	_ [48]byte = [unsafe.Offsetof(unix.Msghdr{}.Flags)]byte{}
	_ [56]byte = [unsafe.Offsetof(unix.Mmsghdr{}.Len)]byte{}

	_ [sizeofSockaddrInet4]byte = [unsafe.Sizeof(unix.RawSockaddrInet4{})]byte{}
	_ [sizeofSockaddrInet6]byte = [unsafe.Sizeof(unix.RawSockaddrInet6{})]byte{}
	_ [sizeofCmsghdr]byte       = [unsafe.Sizeof(unix.Cmsghdr{})]byte{}
)

// Both calls are raw: with MSG_DONTWAIT the kernel never waits in them, so the scheduler need not be told. Told, it wakes its monitor at
// each of them, which then looks every 20 µs whether they have ended: a sixth of the processor's time of a port with little to do.
// What they keep a thread for is bounded by sendMessages and the reader's batch.

// recvmmsg fills messages and says how many. It never waits. The timeout of recvmmsg(2) is not used: by its own page (BUGS)
// it is only looked at after a datagram has come.
//
// The addresses inside messages are of Go memory that does not move: the caller keeps them on the heap.
func recvmmsg(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(messages))), uintptr(len(messages)),
		unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendmmsg sends messages and says how many the kernel took; an error is that of the first message, none was taken then.
func sendmmsg(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(messages))), uintptr(len(messages)),
		unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// memoryInfo is what SO_MEMINFO gives (linux/sock_diag.h): the last are datagrams that were dropped before they were read.
type memoryInfo [9]uint32

func getMemoryInfo(fd int) (info memoryInfo, err error) {
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return memoryInfo{}, errno
	}
	return info, nil
}
