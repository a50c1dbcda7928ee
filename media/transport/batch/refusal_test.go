//go:build linux && (amd64 || arm64)

package batch

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// kernel stands before sendmmsg and refuses what a test says.
func kernel(w *Writer, refuse func(h *unix.Msghdr) unix.Errno) {
	w.sendmmsg = func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
		for i := range messages {
			if errno := refuse(&messages[i].Hdr); errno != 0 {
				if i == 0 {
					return 0, errno
				}
				return sendmmsg(fd, messages[:i]) // the error is told at the next call, sendmmsg(2)
			}
		}
		return sendmmsg(fd, messages)
	}
}

func segmented(h *unix.Msghdr) bool { return h.Controllen != 0 }

// runsTo queues n runs of three and sends them.
func runsTo(t *testing.T, w *Writer, to netip.AddrPort, n int) (sizes []int) {
	t.Helper()
	for i := range n {
		for range 3 {
			w.Queue(to, packet(w.Reserve(100+i), len(sizes)))
			sizes = append(sizes, 100+i)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return sizes
}

// The way out makes no segments: the socket gives them up at once, and nothing is lost or out of order.
func TestSegmentsRefusedByTheSocket(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EIO, unix.EOPNOTSUPP} {
		udp, c := listen(t, "udp4", "127.0.0.1:0")
		to, toConn := listen(t, "udp4", "127.0.0.1:0")
		w, r := c.NewWriter(0), reader(t, toConn)
		kernel(w, func(h *unix.Msghdr) unix.Errno {
			if segmented(h) {
				return errno
			}
			return 0
		})
		for range 2 {
			expect(t, r, local(udp), 0, runsTo(t, w, local(to), 10))
		}
		// The runs of the first turn had been built with segments: the second of them was refused as well.
		if s := c.Stats(); c.Segments() || s.Unsegmented == 0 || s.Unsegmented > 2 || s.SegmentsOff != 1 || s.Sent != 60 || s.Refused != 0 {
			t.Errorf("%v: %+v", errno, s)
		}
	}
}

// A path that is too narrow for segments loses them for itself; the others keep theirs.
func TestSegmentsRefusedByAPath(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	narrow, narrowConn := listen(t, "udp4", "127.0.0.2:0")
	w, r, nr := c.NewWriter(0), reader(t, toConn), reader(t, narrowConn)
	kernel(w, func(h *unix.Msghdr) unix.Errno {
		for i := range w.names {
			if h.Name == &w.names[i][0] && w.names[i][7] == 2 && segmented(h) {
				return unix.EINVAL
			}
		}
		return 0
	})
	for turn := range 20 {
		expect(t, nr, local(udp), 0, runsTo(t, w, local(narrow), 2))
		expect(t, r, local(udp), 0, runsTo(t, w, local(to), 2))
		if n := c.Stats().Unsegmented; n != 1 {
			t.Fatalf("turn %d: %d refusals", turn, n)
		}
	}
	if s := c.Stats(); !c.Segments() || s.Unsegmented != 1 || s.Segments != 120 || s.Sent != 240 {
		t.Errorf("%+v", s)
	}
}

// A path takes segments up to a size: only larger ones go one by one.
func TestSegmentsTooLargeForAPath(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	w, r := c.NewWriter(0), reader(t, toConn)
	kernel(w, func(h *unix.Msghdr) unix.Errno {
		if segmented(h) && h.Iov.Len > 3*105 {
			return unix.EMSGSIZE
		}
		return 0
	})
	for range 20 {
		expect(t, r, local(udp), 0, runsTo(t, w, local(to), 10)) // 100 to 109 octets
	}
	if s := c.Stats(); !c.Segments() || s.Unsegmented != 1 || s.Segments != 20*6*3 || s.Sent != 600 {
		t.Errorf("%+v", s)
	}
}

// The real kernel refuses segments to a socket that sends without checksums.
func TestSegmentsRefusedByTheKernel(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	if !c.Segments() {
		t.Skip("this kernel has no UDP_SEGMENT")
	}
	c.raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1) })
	to, toConn := listen(t, "udp4", "127.0.0.1:0")
	w, r := c.NewWriter(0), reader(t, toConn)
	for range 3 {
		expect(t, r, local(udp), 0, runsTo(t, w, local(to), 5))
	}
	if s := c.Stats(); s.Unsegmented != 1 || s.Sent != 45 || s.Segments != 0 {
		t.Errorf("%+v", s)
	}
}

// So many paths in a row that it must be the socket.
func TestManyPathsAreTheSocket(t *testing.T) {
	_, c := listen(t, "udp4", "127.0.0.1:0")
	w := c.NewWriter(0)
	kernel(w, func(h *unix.Msghdr) unix.Errno {
		if segmented(h) {
			return unix.EINVAL
		}
		return 0
	})
	for i := range maxStrikes + 2 {
		if c.Segments() != (i < maxStrikes) {
			t.Errorf("after %d paths: %v", i, c.Segments())
		}
		runsTo(t, w, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(i)}), 9), 1)
	}
}

// Partial results, a full buffer and errors of single messages lose nothing else.
func TestErrorsOfOneMessage(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOBUFS, unix.EMSGSIZE, unix.EPERM, unix.ENETUNREACH, unix.EACCES, unix.ECONNREFUSED} {
		udp, c := listen(t, "udp4", "127.0.0.1:0")
		to, toConn := listen(t, "udp4", "127.0.0.1:0")
		w, calls := c.NewWriter(0), 0
		w.sendmmsg = func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
			calls++
			switch h := &messages[0].Hdr; {
			case calls%3 == 1:
				return 0, unix.EINTR
			case calls == 5:
				return 0, unix.EAGAIN // the poller comes back at once: there is room
			case h.Iov.Len%100 == 66:
				return 0, errno
			}
			return sendmmsg(fd, messages[:1])
		}
		var want []int
		for i := range 30 {
			size := 100 + i
			if i%7 == 3 {
				w.Queue(local(to), packet(w.Reserve(1066), 0))
			}
			w.Queue(local(to), packet(w.Reserve(size), i))
			want = append(want, size)
		}
		c.DisableSegments()
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		expect(t, reader(t, toConn), local(udp), 0, want)
		if s := c.Stats(); s.Refused != 4 || s.Sent != 30 {
			t.Errorf("%v: %+v", errno, s)
		}
	}
}

// Errors of earlier datagrams are passed over when reading, but not for ever.
func TestPendingErrors(t *testing.T) {
	udp, c := listen(t, "udp4", "127.0.0.1:0")
	r, left := reader(t, c), 10
	r.recvmmsg = func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno) {
		if left--; left >= 0 {
			return 0, unix.EHOSTUNREACH
		}
		return recvmmsg(fd, messages)
	}
	udp.WriteToUDPAddrPort(packet(make([]byte, 9), 0), local(udp))
	expect(t, r, local(udp), 0, []int{9})
	if s := c.Stats(); s.PendingErrors != 10 {
		t.Errorf("%+v", s)
	}
	left = 1 << 30
	if _, err := r.Read(); err == nil {
		t.Error("no end")
	}
}

// groSize reads what only the kernel writes; still, nothing in it may carry it out of its octets.
func FuzzGROSize(f *testing.F) {
	var c sendControl
	for _, source := range []netip.Addr{{}, netip.IPv6Loopback(), netip.MustParseAddr("127.0.0.1")} {
		f.Add(c[:c.put(unix.AF_INET6, source, 1100)])
	}
	f.Add(c[:c.put(unix.AF_INET, netip.MustParseAddr("127.0.0.1"), 0)])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) { groSize(b); arrival(b) })
}
