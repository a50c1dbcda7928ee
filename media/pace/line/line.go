// Package line decides what one receiver's line carries, from what the receiver
// says of the packets that were sent on it, and when each packet may leave.
//
// It never sees packets, payload, sockets or clocks: sizes, feedback and times
// come in. It follows draft-holmer-rmcat-transport-wide-cc-extensions-01 for
// feedback and draft-ietf-rmcat-gcc-02 for the estimate.
package line

import (
	"time"

	"huisclos/media/pace"
)

// Line is all that is known of one receiver's line: what was sent on it, what
// arrived, and so what it carries. The zero value is a line without a limit.
// It is not safe for concurrent use.
//
// Its caller numbers every packet with Sent, gives it the receiver's feedback,
// asks Limit for what [pace.Allocate] may spend and Release when a packet may
// leave, says with Wanted what the receiver would get without a limit, and calls
// Tick at least every ten milliseconds while there is one.
type Line struct {
	start time.Time // zero of all durations; set by the first call
	at    time.Duration

	ring   []sent // by number, from the first packet on; its length is a power of two
	next   uint16 // the number that Sent gives next
	kept   int    // numbers before next that ring still has
	expect uint16 // behind the newest number that feedback spoke of

	anyFeedback bool
	assumed     bool          // the limit, without feedback yet
	heard       time.Duration // the last feedback
	reference   uint32        // of it, as it came
	unwrapped   time.Duration

	sending   sending
	aside     sending // without a number
	trend     trend
	usage     usage // what the trend says, if it is the line's doing
	stalls    stalls
	trickle   trickle
	arrivals  throughput
	delayLow  floor
	returnLow floor
	queue     time.Duration // found by both clocks
	roundTrip time.Duration

	// Told hears once of each packet that feedback does not say arrived. It may be nil.
	Told Losses

	estimate estimate
	prober   prober
	release  release
	budget   pace.Budget
}

// Losses hears of packets, by the numbers that Sent gave, of which feedback says
// that they did not arrive, or of which it speaks no more because a message was
// lost on its way. It must not call the line.
type Losses interface{ Lost(sequence uint16) }

const (
	// ringSize is how many packets wait for feedback at most: 16 KiB a line, and
	// more than half a second of the largest rooms.
	ringSize  = 2048
	firstRing = 128
	// remember is for how long packets are kept to wait, if there are no more than
	// that: a queue before a narrow line lasts a second, and a receiver that is busy
	// sends no feedback meanwhile.
	remember = 2 * time.Second
	// staleAfter forgets packets before their times on the ring are ambiguous.
	staleAfter = time.Minute
)

// sent is one packet on its way, in 8 octets.
type sent struct {
	at      uint32 // µs since the line's start, wrapped
	size    uint16
	fate    fate
	cluster uint8 // of a probe; 0 is none
}

type fate uint8

const (
	unknown fate = iota
	missing      // feedback said so; it may still come
	received
)

// clock is the time on the line, which never goes back.
func (l *Line) clock(now time.Time) time.Duration {
	if l.start.IsZero() {
		l.start = now
	}
	l.at = max(l.at, now.Sub(l.start))
	return l.at
}

// Sent numbers a packet for the transport-wide extension. Size is that of the
// whole datagram's payload, in octets.
func (l *Line) Sent(size int, now time.Time) (sequence uint16) {
	at := l.clock(now)
	if at-l.estimate.sentAt > staleAfter { // which is the last one's, and at hand
		l.kept = 0
	}
	l.makeRoom()
	size = min(max(size, 0), 1<<16-1)
	sequence = l.next
	*l.slot(sequence) = sent{at: uint32(at / time.Microsecond), size: uint16(size), cluster: l.prober.sent(size, at)}
	l.next++
	l.kept = min(l.kept+1, len(l.ring))
	l.estimate.sentAt = at
	l.sending.octets += size
	return sequence
}

// makeRoom lets the ring grow while the packet that the next one takes the place of is young, of a receiver that gives feedback
// or said that it would.
func (l *Line) makeRoom() {
	if l.ring == nil {
		l.ring = make([]sent, firstRing)
	}
	if l.kept < len(l.ring) || len(l.ring) == ringSize || !l.anyFeedback && !l.assumed || l.at-l.sentAt(l.next) >= remember {
		return
	}
	before := l.ring
	l.ring = make([]sent, 2*len(before))
	for back := 1; back <= l.kept; back++ {
		sequence := l.next - uint16(back)
		*l.slot(sequence) = before[int(sequence)&(len(before)-1)]
	}
}

// slot is where a number's packet is, or another's of the same place.
func (l *Line) slot(sequence uint16) *sent { return &l.ring[int(sequence)&(len(l.ring)-1)] }

// SentAside notes a packet that has no number, because its receiver gives no
// feedback for the stream (sound, in many clients). It takes its part of the line
// like all others, and is taken to arrive.
func (l *Line) SentAside(size int, now time.Time) {
	l.clock(now)
	l.aside.octets += max(size, 0)
}

// packet finds what was sent under a number, nil when it is not known any more
// or never was sent.
func (l *Line) packet(sequence uint16) *sent {
	if back := int(l.next - sequence); back == 0 || back > l.kept {
		return nil
	}
	return l.slot(sequence)
}

func (l *Line) sentAt(sequence uint16) time.Duration {
	now := uint32(l.at / time.Microsecond)
	return l.at - time.Duration(now-l.slot(sequence).at)*time.Microsecond
}

// Feedback takes a transport-wide feedback message from behind its two SSRCs. A
// malformed one changes nothing. What it says of
// packets that were not sent, or of which it was told already, is left aside;
// so a receiver can lower or raise only what itself is sent.
func (l *Line) Feedback(b []byte, now time.Time) error {
	f, err := parseFeedback(b)
	if err != nil {
		return err
	}
	at := l.clock(now)
	if l.ring == nil {
		return nil
	}
	l.unwrap(f.reference)
	l.gap(f.base)

	var (
		news    bool
		newest  time.Duration // sending time of the last that arrived
		shift   time.Duration // the least of arrival - sent
		lost    int
		arrived int
		arrival time.Duration
		least   = l.delayLow.lowest()
		takes   = l.takes()
	)
	for s := f.walk(int64(l.unwrapped / time.Microsecond)); ; {
		first, n, came, micros, ok := s.next()
		if !ok {
			break
		}
		if !came {
			lost += l.miss(first, n)
			continue
		}
		p := l.packet(first)
		if p == nil || p.fate == received {
			continue
		}
		if p.fate == missing {
			lost--
		}
		p.fate = received
		arrived++
		sentAt := l.sentAt(first)
		arrival = time.Duration(micros) * time.Microsecond
		l.trend.arrived(sentAt, arrival)
		l.arrivals.add(int(p.size), arrival)
		l.prober.arrived(p.cluster, int(p.size), sentAt, arrival)
		if l.delayLow.any {
			l.stalls.arrived(int(p.size), takes, arrival-sentAt-least, arrival)
			l.trickle.arrived(int(p.size), arrival-sentAt-least, arrival)
		}
		if !news || arrival-sentAt < shift {
			shift = arrival - sentAt
		}
		news, newest = true, max(newest, sentAt)
	}
	if ahead := f.base + uint16(f.count) - l.expect; int16(ahead) > 0 && l.packet(f.base+uint16(f.count)-1) != nil {
		l.expect += ahead
	}
	if !news && lost == 0 {
		return nil
	}
	l.anyFeedback, l.heard = true, at
	if news {
		// A queue makes packets late by the receiver's clock and their feedback
		// late by ours. Only both together are the line's own: a receiver's
		// clock may step, and feedback may wait in a queue of the other way.
		l.roundTrip = at - newest
		l.queue = min(l.delayLow.above(shift, at), l.returnLow.above(l.roundTrip, at))
	}
	wait, acked := l.stalls.wait(), l.arrivals.rate()
	stalled := l.stalls.lasted() < wait
	if l.usage = l.trend.usage; stalled {
		l.usage = normal
	}
	if wait > 0 && acked > 0 {
		acked = max(acked, l.stalls.rate())
	}
	// The limit is for all that is sent, so what has no number belongs to it.
	aside := l.aside.rate(at)
	with := func(rate float64) float64 {
		if rate <= 0 {
			return 0 // unknown
		}
		return rate + aside
	}
	sent := with(l.sending.rate(at))
	if rate := l.trickle.rate(sent - aside); rate > 0 && l.estimate.fell(trickleUse*with(rate), at) {
		l.release.hold(at)
	}
	l.estimate.update(observed{usage: l.usage, stalls: wait > 0, stalled: stalled, sent: sent, acked: with(acked), burst: with(l.arrivals.burst()),
		queue: l.queue, roundTrip: l.roundTrip, lost: lost, arrived: arrived, probed: l.prober.felt(at), ceiling: with(l.prober.ceilingAt(at))}, at)
	if found, ok := l.prober.result(newest, least, l.stalls.seen(), l.estimate.limit-aside, at); ok {
		l.estimate.found(found+aside, at)
	}
	return nil
}

// takes is how long the line takes for an octet, as far as is known.
func (l *Line) takes() time.Duration {
	rate := max(l.estimate.limit, l.arrivals.rate())
	if rate <= 0 {
		return 0
	}
	return time.Duration(8 * float64(time.Second) / rate)
}

// farReference is what the reference time may move between two messages before
// the receiver's clock counts as another one.
const farReference = time.Minute

// unwrap follows the 24 bits of the reference time.
func (l *Line) unwrap(reference uint32) {
	step := time.Duration(int32((reference-l.reference)<<8)>>8) * referenceUnit * time.Microsecond
	l.reference = reference
	if !l.anyFeedback || step > farReference || step < -farReference {
		l.unwrapped, l.delayLow, l.arrivals, l.stalls, l.trickle = 0, floor{}, throughput{}, stalls{}, trickle{}
		l.trend.reset()
		return
	}
	l.unwrapped += step
}

// gap credits what a lost feedback message would have spoken of: it says
// nothing about the packets themselves.
func (l *Line) gap(base uint16) {
	n := int16(base - l.expect)
	if l.packet(base) == nil || l.anyFeedback && n <= 0 {
		return
	}
	octets := 0
	if l.anyFeedback && int(n) <= l.kept {
		for sequence := l.expect; sequence != base; sequence++ {
			if p := l.packet(sequence); p != nil && p.fate == unknown {
				octets += int(p.size)
				if l.Told != nil {
					l.Told.Lost(sequence)
				}
			}
		}
	}
	l.expect = base
	l.arrivals.spread(int(float64(octets)*(1-l.estimate.loss)), l.unwrapped)
}

// miss notes that a run did not arrive, and counts what is new of it. Most of a
// long run lies outside what is kept, and costs nothing.
func (l *Line) miss(first uint16, n int) (lost int) {
	at := int(first - (l.next - uint16(l.kept))) // within what is kept, if below kept
	if at >= l.kept {
		skip := 1<<16 - at
		at, n = 0, n-skip
	}
	oldest := l.next - uint16(l.kept)
	for ; n > 0 && at < l.kept; at, n = at+1, n-1 {
		if p := l.slot(oldest + uint16(at)); p.fate == unknown {
			p.fate = missing
			l.prober.lost(p.cluster)
			lost++
			if l.Told != nil {
				l.Told.Lost(oldest + uint16(at))
			}
		}
	}
	return lost
}

// Report notes a receiver report: the fraction lost since the last one and what
// was being sent. It counts only for a line without transport-wide feedback. It
// says whether the limit changed.
func (l *Line) Report(lost float64, sent pace.Bitrate, now time.Time) bool {
	if at := l.clock(now); l.anyFeedback || l.assumed && at < silenceAfter {
		return false
	}
	if l.assumed = false; len(l.ring) > firstRing { // it gives none after all, and nothing has to wait for it
		l.ring, l.kept = nil, 0
	}
	return l.budget.Report(lost, sent, now)
}

// Assume begins a line whose receiver agreed to give feedback with a limit, so
// that it is not filled before the first feedback can say what it carries. Probes
// begin with that feedback; a wide line has all it wants half a second later.
// Later calls do nothing.
func (l *Line) Assume(limit pace.Bitrate) {
	if l.anyFeedback || l.assumed || limit <= 0 {
		return
	}
	l.assumed = true
	l.estimate.set(float64(limit))
	l.prober.credit = 2 * float64(probeSize(probeStep*l.estimate.limit))
}

// Limit is what the line carries; zero says that no limit was met.
func (l *Line) Limit() pace.Bitrate {
	if l.anyFeedback || l.assumed {
		return pace.Bitrate(l.estimate.limit)
	}
	return l.budget.Limit()
}

// Wanted tells the line what its receiver would be sent without a limit, all
// together. Beyond that it looks for nothing.
func (l *Line) Wanted(full pace.Bitrate) { l.estimate.wanted = float64(max(full, 0)) }

// Loss is the part of the packets that were lost lately, from 0 to 1.
func (l *Line) Loss() float64 { return l.estimate.loss }

// Congested says that a queue was seen to grow, or packets to be lost, in the
// last half second. A caller that has to step down does so at once then: it
// stops what no longer fits instead of sending it until the key frame of the
// smaller layer comes.
func (l *Line) Congested() bool {
	return l.estimate.limit > 0 && l.estimate.anyTrouble && l.at-l.estimate.trouble < 500*time.Millisecond
}
