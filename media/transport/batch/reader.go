//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	// receiveMessages times groBuffer is the room of a Reader: 2 MiB, or 128 KiB without UDP_GRO. Of that, only pages that a
	// datagram reached take memory.
	receiveMessages = 32
	// groBuffer holds any datagram that the kernel puts together: it stops at 65,535 octets, headers included.
	groBuffer = 1 << 16
	// plainBuffer holds what fits an Ethernet frame; what is larger is counted and dropped.
	plainBuffer = 4096
	// maxPending bounds how many errors of earlier datagrams one Read passes over.
	maxPending = 64
)

// Packet is a datagram. Data is the Reader's and is overwritten by the next Read.
type Packet struct {
	Data []byte
	From netip.AddrPort // IPv4 is never mapped
	To   netip.Addr     // of ours, that it was sent to; invalid where the kernel does not say
}

// Reader reads datagrams. It is for one goroutine at a time. Its room is not Go's: the collector would count it as live, and
// let so much more garbage lie. Close gives it back.
type Reader struct {
	conn     *Conn
	messages []unix.Mmsghdr
	iovecs   []unix.Iovec
	names    []sockaddr
	controls [][receiveSpace]byte
	size     int // of one buffer
	buffers  []byte
	packets  []Packet

	coalesces bool
	receive   func(fd uintptr) bool // made once: a closure at each Read would be an allocation
	recvmmsg  func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno)
	n         int
	errno     unix.Errno
}

// NewReader turns UDP_GRO on if the kernel has it (Linux 5.0): from then on nothing but a Reader can read this socket, since
// others would take several datagrams for one.
func (c *Conn) NewReader() (*Reader, error) {
	r := &Reader{conn: c, size: plainBuffer, recvmmsg: recvmmsg}
	if err := c.raw.Control(func(fd uintptr) {
		// A host has several addresses, and a client takes an answer from the one that it asked (RFC 8445 §7.2.5.2.1).
		if c.family == unix.AF_INET {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1) // without it the kernel chooses, as before
		} else {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
		r.coalesces = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1) == nil
	}); err != nil {
		return nil, fmt.Errorf("batch: reader: %w", err)
	}
	if r.coalesces {
		r.size = groBuffer
	}
	r.messages = make([]unix.Mmsghdr, receiveMessages)
	r.iovecs = make([]unix.Iovec, receiveMessages)
	r.names = make([]sockaddr, receiveMessages)
	r.controls = make([][receiveSpace]byte, receiveMessages)
	var err error
	if r.buffers, err = unix.Mmap(-1, 0, receiveMessages*r.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE); err != nil {
		return nil, fmt.Errorf("batch: reader: %w", err)
	}
	r.packets = make([]Packet, 0, 4*receiveMessages)
	for i := range r.messages {
		r.iovecs[i].Base = &r.buffers[i*r.size]
		r.iovecs[i].SetLen(r.size)
		h := &r.messages[i].Hdr
		h.Name, h.Control, h.Iov = &r.names[i][0], &r.controls[i][0], &r.iovecs[i]
		h.SetIovlen(1)
	}
	r.n = receiveMessages
	r.receive = r.receiveFrom
	return r, nil
}

// Close gives back the Reader's room. No packet that it gave may be read after that, nor may it be used again.
func (r *Reader) Close() error {
	buffers := r.buffers
	r.buffers, r.messages, r.iovecs, r.packets = nil, nil, nil, nil
	if buffers == nil {
		return nil
	}
	return unix.Munmap(buffers)
}

// Read waits until there is something and gives what has come, in the order in which it came. The result is valid until the
// next Read; it may be empty when all that came was dropped. An error is the end of the socket or a deadline.
func (r *Reader) Read() ([]Packet, error) {
	clear(r.packets)
	r.packets = r.packets[:0]
	// What the kernel wrote into the headers of the last batch goes back to what there is room for (recvmsg(2)).
	for i := range r.messages[:r.n] {
		h := &r.messages[i].Hdr
		h.Namelen, h.Flags = sizeofSockaddrInet6, 0
		h.SetControllen(receiveSpace)
	}
	r.n, r.errno = 0, 0
	if err := r.conn.raw.Read(r.receive); err != nil {
		return nil, err
	}
	if r.errno != 0 {
		return nil, fmt.Errorf("batch: recvmmsg: %w", r.errno)
	}
	r.split()
	return r.packets, nil
}

// receiveFrom is called by the poller; false makes it wait.
func (r *Reader) receiveFrom(fd uintptr) bool {
	for pending := 0; ; {
		n, errno := r.recvmmsg(fd, r.messages)
		switch {
		case errno == 0:
			r.n = n
			return true
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EINTR:
		case isPending(errno) && pending < maxPending:
			r.conn.counts.pendingErrors.Add(1)
			pending++
		default:
			r.errno = errno
			return true
		}
	}
}

// split takes the messages apart: all datagrams of one are of the size that UDP_GRO names but the last, which may be shorter.
func (r *Reader) split() {
	var coalesced, truncated int
	for i := range r.messages[:r.n] {
		m := &r.messages[i]
		from, ok := r.names[i].get(m.Hdr.Namelen)
		if !ok || int(m.Len) > r.size || m.Hdr.Flags&unix.MSG_TRUNC != 0 || r.coalesces && m.Hdr.Flags&unix.MSG_CTRUNC != 0 {
			truncated++
			continue
		}
		data := r.buffers[i*r.size:][:m.Len:m.Len]
		control := r.controls[i][:min(m.Hdr.Controllen, receiveSpace)]
		size, to := groSize(control), arrival(control)
		if size <= 0 || size >= len(data) {
			r.packets = append(r.packets, Packet{data, from, to})
			continue
		}
		for len(data) > 0 {
			n := min(size, len(data))
			r.packets = append(r.packets, Packet{data[:n:n], from, to})
			data = data[n:]
			coalesced++
		}
	}
	n := &r.conn.counts
	n.receiveCalls.Add(1)
	n.receives.Add(uint64(r.n))
	n.received.Add(uint64(len(r.packets)))
	n.coalesced.Add(uint64(coalesced))
	n.truncated.Add(uint64(truncated))
}

// isPending says whether an error is one of an earlier datagram, which the kernel keeps on the socket and tells once (udp(7),
// icmp(7)): it is no reason to stop, and says nothing of the call that got it.
func isPending(errno unix.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET, unix.ENOPROTOOPT, unix.EPROTO,
		unix.EACCES, unix.EMSGSIZE, unix.EOPNOTSUPP:
		return true
	}
	return false
}
