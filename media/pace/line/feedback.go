package line

import (
	"encoding/binary"
	"errors"
)

// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01
// §3.1): which packets of a run of transport-wide numbers arrived, and when by
// the receiver's clock.
//
//	base number (16) | status count (16)
//	reference time (24, signed, 64 ms) | feedback count (8)
//	chunks (16 each) … deltas (8 or 16 each, 250 µs) … up to 3 octets of padding

// ErrFeedback says that a transport-wide feedback message is malformed.
var ErrFeedback = errors.New("line: malformed transport-wide feedback")

const (
	feedbackHead  = 8
	referenceUnit = 64_000 // µs
	deltaUnit     = 250    // µs
)

// A symbol is what a status says of one packet (§3.1.1).
type symbol uint8

const (
	notReceived symbol = iota
	smallDelta         // one octet, unsigned
	largeDelta         // two octets, signed
	reserved
)

// octets is the length of the symbol's delta.
func (s symbol) octets() int { return int(s) }

// feedback is a message whose lengths and symbols were found to be right.
type feedback struct {
	base      uint16
	count     int
	reference uint32 // 24 bits
	chunks    []byte
	deltas    []byte
}

// parseFeedback reads a message from behind the two SSRCs. Its work is bounded
// by len(b): no status is looked at one by one that a run length can skip.
func parseFeedback(b []byte) (feedback, error) {
	if len(b) < feedbackHead {
		return feedback{}, ErrFeedback
	}
	f := feedback{
		base:      binary.BigEndian.Uint16(b),
		count:     int(binary.BigEndian.Uint16(b[2:])),
		reference: uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]),
	}
	if f.count == 0 {
		return feedback{}, ErrFeedback
	}
	rest, statuses, need := b[feedbackHead:], 0, 0
	for statuses < f.count {
		if len(rest) < 2 {
			return feedback{}, ErrFeedback
		}
		c := chunk(binary.BigEndian.Uint16(rest))
		rest = rest[2:]
		// The last chunk may say more than there are statuses.
		n := min(c.length(), f.count-statuses)
		statuses += n
		if c.isRun() {
			if c.at(0) == reserved || n == 0 {
				return feedback{}, ErrFeedback
			}
			need += n * c.at(0).octets()
			continue
		}
		for i := range n {
			if c.at(i) == reserved {
				return feedback{}, ErrFeedback
			}
			need += c.at(i).octets()
		}
	}
	if len(rest) < need || len(rest)-need > 3 {
		return feedback{}, ErrFeedback
	}
	f.chunks, f.deltas = b[feedbackHead:len(b)-len(rest)], rest[:need]
	return f, nil
}

// chunk is a packet status chunk: a run of one symbol (§3.1.3), or a vector of
// fourteen one-bit or seven two-bit symbols (§3.1.4).
type chunk uint16

func (c chunk) isRun() bool { return c&0x8000 == 0 }

func (c chunk) length() int {
	switch {
	case c.isRun():
		return int(c & 0x1fff)
	case c&0x4000 == 0:
		return 14
	}
	return 7
}

func (c chunk) at(i int) symbol {
	switch {
	case c.isRun():
		return symbol(c >> 13 & 3)
	case c&0x4000 == 0:
		return symbol(c >> (13 - i) & 1)
	}
	return symbol(c >> (12 - 2*i) & 3)
}

// statuses walks over a message. Runs of packets that did not arrive come as
// one; arrivals come one by one.
type statuses struct {
	feedback
	at      uint16
	left    int
	chunk   chunk
	used    int // statuses of chunk
	inChunk int // statuses that chunk has
	arrival int64
}

// walk begins with reference, the unwrapped reference time in µs.
func (f feedback) walk(reference int64) statuses {
	return statuses{feedback: f, at: f.base, left: f.count, arrival: reference}
}

// next gives the run's first number, its length, whether it arrived, and when.
func (s *statuses) next() (first uint16, n int, arrived bool, arrival int64, ok bool) {
	if s.left == 0 {
		return 0, 0, false, 0, false
	}
	if s.used == s.inChunk {
		s.chunk = chunk(binary.BigEndian.Uint16(s.chunks))
		s.chunks = s.chunks[2:]
		s.used, s.inChunk = 0, min(s.chunk.length(), s.left)
	}
	sym := s.chunk.at(s.used)
	first, n = s.at, 1
	switch sym {
	case notReceived:
		if s.chunk.isRun() {
			n = s.inChunk - s.used
		}
	case smallDelta:
		s.arrival += int64(s.deltas[0]) * deltaUnit
	case largeDelta:
		s.arrival += int64(int16(binary.BigEndian.Uint16(s.deltas))) * deltaUnit
	}
	s.deltas = s.deltas[sym.octets():]
	s.used += n
	s.left -= n
	s.at += uint16(n)
	return first, n, sym != notReceived, s.arrival, true
}
