//go:build linux && (amd64 || arm64)

package batch

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// DefaultArena holds a video frame of six packets for a hundred receivers.
const DefaultArena = 1 << 20

// firstArena is what a Writer begins with, in octets; it grows up to what it was made for.
const firstArena = 32 << 10

// firstMessages is how many messages a Writer begins with; it grows up to sendMessages.
const firstMessages = 32

// queued is a packet in the arena.
type queued struct {
	at, size int
	to       netip.AddrPort
	source   netip.Addr // of ours; invalid: the kernel chooses
}

// Writer gathers the packets of a turn and sends them. It is for one goroutine at a time; several Writers may share a Conn.
type Writer struct {
	conn     *Conn
	arena    []byte
	most     int // octets of the arena
	used     int
	packets  []queued
	deferred error // of a Flush that a full arena brought about

	messages []unix.Mmsghdr
	iovecs   []unix.Iovec
	names    []sockaddr
	controls []sendControl
	runs     []run // what is in messages

	// The state of a Flush.
	next        int // the first packet that is not dealt with yet
	sent        int // of runs
	retried     bool
	plainUntil  int        // packets before this one leave one by one: their segmented send was refused …
	suspect     unix.Errno // … with this, which one of them that gets through proves to be about segments …
	suspectSize int        // … of this size
	fatal       error

	unsegmented unsegmented
	send        func(fd uintptr) bool // made once: a closure at each Flush would be an allocation
	sendmmsg    func(fd uintptr, messages []unix.Mmsghdr) (int, unix.Errno)
}

// NewWriter makes a Writer whose arena grows up to so many octets, which is at least what the largest datagram needs.
func (c *Conn) NewWriter(arena int) *Writer {
	w := &Writer{conn: c, sendmmsg: sendmmsg, most: max(arena, maxPayload)}
	w.arena = make([]byte, min(w.most, firstArena))
	w.makeMessages(firstMessages)
	w.send = w.sendTo
	return w
}

// makeMessages gives room for so many messages, with what is built already.
func (w *Writer) makeMessages(n int) {
	w.messages = append(make([]unix.Mmsghdr, 0, n), w.messages...)[:n]
	w.iovecs = append(make([]unix.Iovec, 0, n), w.iovecs...)[:n]
	w.names = append(make([]sockaddr, 0, n), w.names...)[:n]
	w.controls = append(make([]sendControl, 0, n), w.controls...)[:n]
	w.runs = append(make([]run, 0, n), w.runs...)
	for i := range w.messages {
		h := &w.messages[i].Hdr
		h.Name, h.Control, h.Iov = &w.names[i][0], &w.controls[i][0], &w.iovecs[i]
		h.SetIovlen(1)
	}
}

// Reserve gives room to build a packet of at most size octets in; Queue takes it, or the beginning of it. The room is the
// caller's until the next Reserve, Queue or Flush. When the arena is full, what is queued is sent first.
func (w *Writer) Reserve(size int) []byte {
	if size > w.most {
		return make([]byte, size) // which Queue refuses: no datagram is that large
	}
	w.makeRoom(size)
	return w.arena[w.used : w.used+size : w.used+size]
}

func (w *Writer) makeRoom(size int) {
	if len(w.arena)-w.used >= size {
		return
	}
	if len(w.arena) < w.most {
		arena := make([]byte, min(max(2*len(w.arena), w.used+size), w.most))
		copy(arena, w.arena[:w.used])
		w.arena = arena
		if len(w.arena)-w.used >= size {
			return
		}
	}
	if err := w.Flush(); err != nil && w.deferred == nil {
		w.deferred = err
	}
}

// Queue adds a packet to what the next Flush sends. A packet that was not built in what Reserve gave last is copied. Packets to
// one destination that are queued one after the other leave in one send, if they are of one size; only the last of them may be
// shorter.
func (w *Writer) Queue(to netip.AddrPort, packet []byte) { w.QueueFrom(netip.Addr{}, to, packet) }

// QueueFrom is Queue for a packet that leaves from an address of this machine.
func (w *Writer) QueueFrom(source netip.Addr, to netip.AddrPort, packet []byte) {
	if len(packet) > maxPayload {
		w.conn.counts.refused.Add(1)
		return
	}
	if len(packet) > 0 && (w.used == len(w.arena) || &packet[0] != &w.arena[w.used]) {
		w.makeRoom(len(packet))
		copy(w.arena[w.used:], packet)
	}
	w.packets = append(w.packets, queued{w.used, len(packet), to, source})
	w.used += len(packet)
}

// Queued is the number of packets that the next Flush sends.
func (w *Writer) Queued() int { return len(w.packets) }

// Flush sends all that is queued. What the kernel refuses is counted and loses nothing else. It waits while the socket's
// buffer is full. An error is the end of the socket or a deadline: what was not sent by then is dropped and counted, since media
// that comes late is worth nothing.
func (w *Writer) Flush() error {
	w.next, w.plainUntil, w.suspect, w.fatal = 0, 0, 0, nil
	for w.next < len(w.packets) && w.fatal == nil {
		w.build()
		if len(w.runs) == 0 {
			continue
		}
		if err := w.conn.raw.Write(w.send); err != nil {
			w.fatal = fmt.Errorf("batch: sendmmsg: %w", err)
		}
	}
	w.conn.counts.refused.Add(uint64(len(w.packets) - w.next))
	w.packets, w.used = w.packets[:0], 0
	err := w.fatal
	if w.deferred != nil {
		err, w.deferred = w.deferred, nil
	}
	return err
}

// sendTo is called by the poller until it gives true. Whatever it does, next is the first packet of the first run that the
// kernel has not dealt with.
func (w *Writer) sendTo(fd uintptr) bool {
	for w.sent < len(w.runs) {
		n, errno := w.sendmmsg(fd, w.messages[w.sent:len(w.runs)])
		switch {
		case errno == 0 && n > 0:
			w.took(n)
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return false
		case errno == unix.EBADF || errno == unix.ENOTSOCK:
			w.fatal = fmt.Errorf("batch: sendmmsg: %w", errno)
			return true
		case !w.refused(errno):
			return true
		}
	}
	return true
}

// took counts n messages that are gone.
func (w *Writer) took(n int) {
	var datagrams, segments int
	var lengths Lengths // so that the shared counters are touched once a call
	for _, r := range w.runs[w.sent : w.sent+n] {
		datagrams += r.packets
		lengths[lengthOf(r.packets)]++
		if r.packets > 1 {
			segments += r.packets
			w.unsegmented.strikes = 0
		} else if w.suspect != 0 && r.first < w.plainUntil {
			w.blame(r.first)
		}
	}
	last := w.runs[w.sent+n-1]
	w.sent += n
	w.next = last.first + last.packets
	w.retried = false
	c := &w.conn.counts
	c.sendCalls.Add(1)
	c.sends.Add(uint64(n))
	c.sent.Add(uint64(datagrams))
	c.segments.Add(uint64(segments))
	for i, sends := range lengths {
		if sends > 0 {
			c.lengths[i].Add(sends)
		}
	}
}

// refused deals with an error of the first message that was not sent: it is skipped. It gives false when the rest has to be
// built anew, because a segmented send turned into plain ones.
func (w *Writer) refused(errno unix.Errno) bool {
	r := w.runs[w.sent]
	// An error of an earlier datagram is told once, and this message was not even looked at: it gets a second try.
	if (errno == unix.ECONNREFUSED || errno == unix.EHOSTUNREACH) && !w.retried {
		w.conn.counts.pendingErrors.Add(1)
		w.retried = true
		return true
	}
	w.retried = false
	if r.packets > 1 && refusesSegments(errno) {
		w.conn.counts.unsegmented.Add(1)
		w.plainUntil, w.suspect, w.suspectSize = r.first+r.packets, errno, w.packets[r.first].size
		for w.plainUntil < len(w.packets) && w.packets[w.plainUntil].to == w.packets[r.first].to {
			w.plainUntil++ // what goes the same way would be refused as well
		}
		return false
	}
	w.conn.counts.refused.Add(uint64(r.packets))
	w.sent++
	w.next = r.first + r.packets
	return true
}
