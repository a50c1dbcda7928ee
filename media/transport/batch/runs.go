//go:build linux && (amd64 || arm64)

package batch

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	// sendMessages is how many messages one sendmmsg(2) is given; the kernel would take 1,024 (UIO_MAXIOV).
	sendMessages = 256
	// maxSegments is UDP_MAX_SEGMENTS of Linux 4.18; newer kernels take 128.
	maxSegments = 64
)

// run is the packets of one message: consecutive ones to one destination.
type run struct{ first, packets int }

// build fills messages from the packet next on. It moves next over packets for which the socket has no way to say where they
// go, as long as no run was built before them: next stays the first packet of the first run.
func (w *Writer) build() {
	w.runs, w.sent, w.retried = w.runs[:0], 0, false
	segments := w.conn.segments.Load()
	for i := w.next; i < len(w.packets) && len(w.runs) < sendMessages; {
		p := w.packets[i]
		m := len(w.runs)
		if m == len(w.messages) {
			w.makeMessages(min(2*m, sendMessages))
		}
		length := w.names[m].put(w.conn.family, p.to)
		if length == 0 {
			if m > 0 {
				return // the next build begins with it
			}
			w.conn.counts.refused.Add(1)
			i++
			w.next = i
			continue
		}
		count, total := 1, p.size
		if segments && i >= w.plainUntil && !w.unsegmented.refuses(p.to, p.size) {
			count, total = w.together(i)
		}
		h := &w.messages[m].Hdr
		h.Namelen = length
		segment := 0
		if count > 1 {
			segment = p.size
		}
		h.SetControllen(w.controls[m].put(w.conn.family, p.source, segment))
		w.iovecs[m].Base = nil
		if total > 0 {
			w.iovecs[m].Base = &w.arena[p.at]
		}
		w.iovecs[m].SetLen(total)
		w.runs = append(w.runs, run{i, count})
		i += count
	}
}

// together is how many packets from first on make one segmented send (udp(7), UDP_SEGMENT): of equal size, the last may be
// shorter. They lie in the arena one after the other, so that one iovec is enough.
func (w *Writer) together(first int) (count, total int) {
	p := w.packets[first]
	count, total = 1, p.size
	for _, q := range w.packets[first+1:] {
		if count == maxSegments || q.to != p.to || q.source != p.source || q.size > p.size || q.size == 0 || total+q.size > maxPayload {
			break
		}
		count++
		total += q.size
		if q.size < p.size {
			break
		}
	}
	return count, total
}

// refusesSegments says whether an error may be about UDP_SEGMENT rather than about the datagrams. udp_send_skb of
// net/ipv4/udp.c: EIO when the way out makes no checksums or goes through IPsec; EINVAL (newer kernels: EMSGSIZE) when a
// segment does not fit the path, when there are too many, or when the socket sends without checksums.
func refusesSegments(errno unix.Errno) bool {
	switch errno {
	case unix.EIO, unix.EINVAL, unix.EOPNOTSUPP, unix.EMSGSIZE:
		return true
	}
	return false
}

const (
	maxUnsegmented = 256
	maxStrikes     = 8
)

// unsegmented remembers the destinations whose path refused segments and took the same datagrams one by one, with the smallest
// size that was refused: smaller ones still go as segments. So one narrow path, which its far end can bring about (RFC 1191),
// neither costs a refusal each turn nor takes segments from the others.
type unsegmented struct {
	paths   map[netip.Addr]int
	strikes int // refusals since a segmented send got through
}

func (u *unsegmented) refuses(to netip.AddrPort, size int) bool {
	if len(u.paths) == 0 {
		return false
	}
	least, ok := u.paths[to.Addr()]
	return ok && size >= least
}

// blame is called when a datagram got through whose segmented send was refused. EIO and EOPNOTSUPP are about the socket's way
// out; the others are about a path, until so many paths in a row say the same.
func (w *Writer) blame(packet int) {
	u := &w.unsegmented
	errno := w.suspect
	w.suspect = 0
	u.strikes++
	if errno == unix.EIO || errno == unix.EOPNOTSUPP || u.strikes >= maxStrikes {
		if w.conn.segments.CompareAndSwap(true, false) {
			w.conn.counts.segmentsOff.Add(1)
		}
		clear(u.paths)
		return
	}
	if u.paths == nil {
		u.paths = make(map[netip.Addr]int)
	}
	if len(u.paths) >= maxUnsegmented {
		clear(u.paths) // forgotten ones are refused once more
	}
	// Refused before with a larger size, or it would not have been tried: the new one is the least.
	u.paths[w.packets[packet].to.Addr()] = w.suspectSize
}
