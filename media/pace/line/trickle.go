package line

import "time"

// trickle finds a line that became far too narrow for what is sent on it, before
// its queue has stood for long: packets come one by one, each about as much later
// than the one before as it takes on the line, and much more is sent meanwhile
// than comes. A radio that pauses and a receiver that sleeps are no trickle: they
// leave a gap, and what waited comes together then. The zero value is ready.
type trickle struct {
	packets     int           // zero is none
	size        int           // of the last one
	octets      int           // of all but the first
	first, last time.Duration // arrivals
	least, most time.Duration // lateness of the first, and of the latest of all
	gap         time.Duration // the longest between two
}

const (
	// So many packets that became so late by and by are no chance.
	tricklePackets = 5
	trickleLate    = 80 * time.Millisecond
	// trickleGap is more than a full packet takes on a line of 200 kbit/s.
	trickleGap = 55 * time.Millisecond
	// trickleParts is how many times the longest gap a trickle lasts.
	trickleParts = 3
	// Two packets of more than trickleLarge octets that arrive less than
	// trickleApart after each other came together.
	trickleApart = time.Millisecond
	trickleLarge = 600
	// trickleDip is what a packet may be less late than one before because it was
	// sent later: the time from one picture to the next.
	trickleDip = 50 * time.Millisecond
	// trickleOf is the part of what is sent that it is at most.
	trickleOf = 0.5
	// trickleUse is the part of it that the limit is set to, so that the queue goes.
	trickleUse = 0.8
)

// arrived notes a packet: its size, how late it was above the least, and when it
// arrived.
func (t *trickle) arrived(size int, late, at time.Duration) {
	gap := at - t.last
	together := gap < trickleApart && min(size, t.size) > trickleLarge
	if t.packets == 0 || late <= lateFrom || late < t.most-trickleDip || gap < 0 || gap > trickleGap || together {
		*t = trickle{packets: 1, size: size, first: at, last: at, least: late, most: late}
		return
	}
	t.packets++
	t.size, t.octets = size, t.octets+size
	t.last, t.most, t.gap = at, max(t.most, late), max(t.gap, gap)
}

// rate is what the line carries, zero if this is no trickle beside what is sent.
// When lateness grows by less than half of the time that passes, more than half of
// what is sent comes.
func (t *trickle) rate(sent float64) float64 {
	span, grown := t.last-t.first, t.most-t.least
	if t.packets < tricklePackets || grown < trickleLate || span < trickleParts*t.gap || 2*grown < span {
		return 0
	}
	rate := float64(t.octets) * 8 / span.Seconds()
	if rate > trickleOf*sent {
		return 0
	}
	return rate
}
