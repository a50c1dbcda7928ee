//go:build linux && (amd64 || arm64)

package batch

import (
	"math/bits"
	"sync/atomic"
)

// Stats is what a Conn did since it was made.
type Stats struct {
	Sent          uint64 // datagrams that the kernel took
	Sends         uint64 // messages that they went in: a segmented send is one
	SendCalls     uint64 // sendmmsg(2)
	Segments      uint64 // datagrams of Sent that went in a segmented send
	Lengths       Lengths
	Refused       uint64 // datagrams that were dropped: the kernel refused them, or the socket ended
	Unsegmented   uint64 // segmented sends that were refused and whose datagrams were sent one by one
	SegmentsOff   uint64 // times that segmented sends were given up for the whole socket: 0 or 1
	Received      uint64 // datagrams
	Receives      uint64 // messages that they came in
	ReceiveCalls  uint64 // recvmmsg(2) that gave something
	Coalesced     uint64 // datagrams of Received that the kernel had put together
	Truncated     uint64 // messages that were dropped because they were larger than a buffer
	PendingErrors uint64 // errors of earlier datagrams that the kernel told us of (ICMP)
}

// Lengths counts Sends by the datagrams in them: 1, 2, … 8 each for itself, then 9–16, 17–32 and 33–64.
type Lengths [exactLengths + 3]uint64

const exactLengths = 8

// lengthOf is where a send of n datagrams is counted.
func lengthOf(n int) int {
	if n <= exactLengths {
		return n - 1
	}
	return exactLengths + bits.Len(uint(n-1)) - 4
}

// LongestOf is how many datagrams the sends counted at i have at most.
func LongestOf(i int) int {
	if i < exactLengths {
		return i + 1
	}
	return 16 << (i - exactLengths)
}

type counts struct {
	lengths                                                               [exactLengths + 3]atomic.Uint64
	sent, sends, sendCalls, segments, refused, unsegmented, segmentsOff   atomic.Uint64
	received, receives, receiveCalls, coalesced, truncated, pendingErrors atomic.Uint64
}

// Stats may be called at any time, from anywhere. The numbers are read one after the other.
func (c *Conn) Stats() Stats {
	n := &c.counts
	var lengths Lengths
	for i := range lengths {
		lengths[i] = n.lengths[i].Load()
	}
	return Stats{
		Lengths: lengths,
		Sent:    n.sent.Load(), Sends: n.sends.Load(), SendCalls: n.sendCalls.Load(), Segments: n.segments.Load(),
		Refused: n.refused.Load(), Unsegmented: n.unsegmented.Load(), SegmentsOff: n.segmentsOff.Load(),
		Received: n.received.Load(), Receives: n.receives.Load(), ReceiveCalls: n.receiveCalls.Load(),
		Coalesced: n.coalesced.Load(), Truncated: n.truncated.Load(), PendingErrors: n.pendingErrors.Load(),
	}
}
