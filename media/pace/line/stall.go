package line

import "time"

// stalls tells a receiver that reads late from a line that is full. Arrivals are
// noted when a program reads them: on a busy machine that is some hundredths of
// a second after they came, and then all that waited is read at once. By delay
// alone that looks like a queue.
//
// A queue on a line grows little by little, because each packet is later than
// the one before by no more than the line takes for it; so from the first late
// packet to the latest at least as much time passes as the latest is late. A
// stall comes whole with its first packet, and is gone as soon as it is read.
// Episodes of that kind are remembered, and for a receiver that has them
// lateness means the line only when it lasts longer than its stalls: what it
// reads at the end of a stall is as late as the line makes it, and on a full
// line that is never little. The zero value is ready.
type stalls struct {
	any   bool
	clear time.Duration // arrival of the last packet that was not late
	late  bool          // those after it were
	begun time.Duration // arrival of the first of them
	first time.Duration // its lateness
	takes time.Duration // that may be the line's, because of its size
	most  time.Duration // of any of them
	came  int           // octets of all of them
	last  time.Duration // arrival of the newest packet

	since           time.Duration // of longest, by the receiver's clock
	longest, before time.Duration // stall of this span and of the last
}

const (
	// lateFrom is more than packets that leave one after the other, and less
	// than a queue that matters.
	lateFrom = 20 * time.Millisecond
	// leastStall is beyond what radio scatters.
	leastStall = 40 * time.Millisecond
	// leastLeap is what a first late packet must be late by to be taken for a
	// stall before its end is seen: on a line of 150 kbit/s a packet takes less.
	leastLeap = 80 * time.Millisecond
	// stallSpan is how long a stall is remembered at least, and half of how long
	// at most.
	stallSpan = 10 * time.Second
	// Stalls may follow each other, with only a part read in between.
	stallOver  = 1.5
	stallExtra = 100 * time.Millisecond
	stallMost  = 800 * time.Millisecond
)

// arrived notes a packet: how late it was above the least, and when it arrived.
// Takes is what the line takes for an octet, as far as is known.
func (s *stalls) arrived(size int, takes, late, at time.Duration) {
	if back := s.last - at; !s.any || back > clockJump || -back > clockJump {
		*s = stalls{any: true, clear: at, last: at, since: at}
		return
	}
	s.last = max(s.last, at)
	switch {
	case late <= lateFrom:
		if s.late && s.most >= leastStall+s.takes && at-s.begun <= s.most/2 {
			s.note(s.most)
		}
		s.late, s.clear = false, max(s.clear, at)
	case !s.late:
		s.late, s.begun, s.first, s.most, s.came = true, at, late, late, size
		s.takes = 2 * time.Duration(size) * takes
	default:
		s.most = max(s.most, late)
		s.came += size
	}
}

func (s *stalls) note(stall time.Duration) {
	s.turn()
	s.longest = max(s.longest, stall)
}

// turn begins a new span when it is time.
func (s *stalls) turn() {
	switch over := s.last - s.since; {
	case over > 2*stallSpan:
		s.since, s.longest, s.before = s.last, 0, 0
	case over > stallSpan:
		s.since, s.longest, s.before = s.last, 0, s.longest
	}
}

// seen is the longest stall that was seen to end lately; zero is none.
func (s *stalls) seen() time.Duration {
	s.turn()
	return max(s.longest, s.before)
}

// wait is how long packets must have been late without a break before that is
// the line's doing; zero is at once.
func (s *stalls) wait() time.Duration {
	stall := s.seen()
	if s.late && s.first >= leastLeap+s.takes {
		stall = max(stall, s.first)
	}
	if stall == 0 {
		return 0
	}
	return min(time.Duration(stallOver*float64(stall))+stallExtra, stallMost)
}

// lasted is how long packets have been late without a break.
func (s *stalls) lasted() time.Duration {
	if !s.late {
		return 0
	}
	return s.last - s.clear
}

// rate is what arrived per second while packets were late: what line and receiver
// got through together, sleep and all. Zero is unknown.
func (s *stalls) rate() float64 {
	span := s.lasted()
	if span < leastSpan {
		return 0
	}
	return float64(s.came) * 8 / span.Seconds()
}
