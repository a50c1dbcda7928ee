package line

import (
	"time"

	"huisclos/media/pace"
)

// release spaces what goes to a limited line, so that a key frame does not fill
// its queue in one go. It keeps no packets: it says when each may leave.
type release struct {
	free time.Duration // when what was let go so far has left at the pace
}

// hold is told when the line's queue is full.
func (r *release) hold(at time.Duration) { r.free = max(r.free, at+heldAfterFall) }

// Verdict says what to do with a packet.
type Verdict int8

const (
	// Go is: send it now.
	Go Verdict = iota
	// Wait is: send it at the time given, in the order of asking.
	Wait
	// Drop means this packet and the rest of its frame; it is said of the first
	// one, or in the middle of a frame that is far too long. Unless no other
	// frame refers to this one (it is of the highest temporal layer), the stream
	// sends nothing more until a key frame, which the caller asks for.
	Drop
)

const (
	// paceOver is how much faster than the limit packets leave. More would only
	// wait in the line's queue, and look as if it were full.
	paceOver = 1.25
	// paceFull is the same while the line is congested.
	paceFull = 1.0
	// heldAfterFall is how long nothing leaves but sound when a line fell: what was sent before fills its queue, from which the
	// first packet of the key frame that is asked for would fall.
	heldAfterFall = 120 * time.Millisecond
	// noWait is less than timers can do.
	noWait = time.Millisecond
	// soundMost bounds what sound alone can put off pictures.
	soundMost = time.Second
)

// longest is how long a frame may wait to begin. What is worth less gives way
// first.
func longest(c pace.Class) time.Duration {
	switch c {
	case pace.Screen:
		return time.Second // its frames are large and few
	case pace.Speaker:
		return 400 * time.Millisecond
	}
	return 250 * time.Millisecond
}

// Release says when a packet of this size may leave; begins marks the first
// packet of a frame. Sound never waits. Repetitions that a receiver asked for
// are released like the frame they belong to, with begins; a Drop of one means
// just it. On a line without a limit everything goes at once.
//
// A packet that was told Wait counts as sent: the caller keeps those of a line
// in one queue, which is at most twice the class's longest wait long. Where it
// drops all of that queue, it says so with Emptied.
func (l *Line) Release(size int, class pace.Class, begins bool, now time.Time) (Verdict, time.Time) {
	limit := float64(l.Limit())
	if limit <= 0 {
		return Go, now
	}
	at := l.clock(now)
	if e := &l.estimate; l.anyFeedback && e.wanted > 0 && limit >= freeAbove*e.wanted && !l.Congested() {
		return Go, now // wide enough: packets that leave together cost less
	}
	rate := limit * paceOver
	if l.Congested() {
		rate = limit * paceFull
	}
	free, takes := &l.release.free, time.Duration(float64(size)*8/rate*float64(time.Second))
	*free = max(*free, at)
	wait := *free - at
	switch {
	case class == pace.Sound:
		*free = min(*free+takes, at+max(wait, soundMost))
		return Go, now
	case begins && wait > longest(class), wait > 2*longest(class):
		return Drop, now
	}
	*free += takes
	if wait <= noWait {
		return Go, now
	}
	return Wait, now.Add(wait)
}

// Emptied says that nothing waits any more that was told Wait.
func (l *Line) Emptied(now time.Time) { l.release.free = min(l.release.free, l.clock(now)) }
