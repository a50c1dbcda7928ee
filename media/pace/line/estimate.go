package line

import (
	"math"
	"time"
)

// estimate joins what delay, loss, arrivals and probes say. It follows the rate
// control of draft-ietf-rmcat-gcc-02 §5.5 and §6 with what a forwarder needs
// beside: it sends what layers cost and not what the line carries, so that
// sending little is no evidence of a narrow line.
type estimate struct {
	limit  float64 // bit/s; 0 is none
	wanted float64
	sentAt time.Duration
	seen   time.Duration // the last update
	any    bool

	peak   float64 // most that arrived, fading
	middle float64 // what arrived when the line was full; 0 is unknown
	spread float64 // of middle, relative, squared

	anyTrouble bool
	trouble    time.Duration // the last sign of congestion
	cut        time.Duration // the last cut
	anyCut     bool
	fall       time.Duration // until then a queue stands because of what was sent before the line fell
	silentCut  time.Duration
	queued     bool // a long queue was there at the last update
	queuedAt   time.Duration
	calm       time.Duration // since when all that is wanted is sent and fits

	loss        float64 // fraction, of the last whole window
	lossy       bool    // it is more than radio has
	lost, total int
	window      time.Duration
	lossCut     time.Duration
	stubborn    time.Duration // until then loss is not this flow's doing
	lossSent    float64       // what was sent at the last cut for loss
	lossAcked   float64       // what arrived of it
}

const (
	beta     = 0.85 // of what arrives, when a queue grows (§5.5)
	perSec   = 1.08 // growth while the line's width is unknown
	leastLim = 50_000.0
	// A limit of unused times what is wanted holds nothing back.
	unused     = 1.2
	allArrives = 0.9 // of what is sent
	mostLim    = 1e9
	// Growth needs evidence: no more than this beyond what arrives.
	evidence      = 1.5
	evidenceExtra = 10_000.0

	cutWait = 200 * time.Millisecond
	// A queue of length standing is not left to stand for longer than standsFor:
	// a radio that paused has emptied it by then.
	standing   = 150 * time.Millisecond
	standsFor  = 80 * time.Millisecond
	drainLeast = 0.5
	// fallFor is how long a queue may stand that was there when the line fell.
	fallFor = time.Second

	// Loss up to tolerated is what radio does; a narrow line shows in delay.
	tolerated    = 0.10
	hopeless     = 0.30
	lossPackets  = 20
	lossWindowOf = 400 * time.Millisecond
	stubbornFor  = 10 * time.Second

	silenceAfter = 3 * time.Second // without feedback although there was
	silenceCut   = 0.8

	freeAbove = 1.4
	freeAfter = 20 * time.Second
	// acrossPeak halves the memory of what once arrived.
	acrossPeak = 30 * time.Second
)

// observed is what one feedback message shows.
type observed struct {
	usage         usage
	stalls        bool    // the receiver has some
	stalled       bool    // what is late may be late because of one
	sent          float64 // bit/s
	acked         float64 // the same, that arrived; 0 is unknown
	burst         float64 // the same, of the last moment
	queue         time.Duration
	roundTrip     time.Duration
	lost, arrived int
	probed        bool    // a probe may be what fills the line
	ceiling       float64 // at which a probe found the line full; 0 is unknown
}

func (e *estimate) update(o observed, now time.Duration) {
	since := min(now-e.seen, time.Second)
	if !e.any {
		since, e.any, e.window = 0, true, now
	}
	e.seen = now
	e.peak *= 1 - 0.5*since.Seconds()/acrossPeak.Seconds()
	e.peak = max(e.peak, o.acked)

	e.countLoss(o, now)
	switch {
	case e.stands(o.queue, now) && !o.stalled:
		// The line is full beyond doubt: what arrives is its width, however
		// often it is asked, so there is nothing to wait for.
		e.trouble, e.anyTrouble = now, true
		if now >= e.fall {
			e.drain(o, now)
		}
	case o.usage == overuse:
		e.trouble, e.anyTrouble = now, true
		if !o.probed && now >= e.fall && (!e.anyCut || now-e.cut >= min(max(o.roundTrip, cutWait), time.Second)) {
			e.overused(o, now)
		}
	case o.usage == underuse || o.queue > standing/2:
		// Queues drain: what is found now is not yet the line.
	case e.lossy:
	default:
		e.grow(o, since)
	}
	e.free(now)
}

// stands says whether a long queue was seen before, too.
func (e *estimate) stands(queue, now time.Duration) bool {
	if queue <= standing {
		e.queued = false
		return false
	}
	if !e.queued {
		e.queued, e.queuedAt = true, now
	}
	return now-e.queuedAt >= standsFor
}

// fell is told when the line carries much less than is sent, all at once. What was
// sent before is still on it for a while, and is no reason to cut again. It says
// whether this is the beginning of a fall.
func (e *estimate) fell(to float64, now time.Duration) (begins bool) {
	e.trouble, e.anyTrouble = now, true
	if e.limit > 0 && to >= e.limit {
		return false
	}
	if begins = now >= e.fall; begins {
		e.fall = now + fallFor
	}
	e.cut, e.anyCut = now, true
	e.set(to)
	return begins
}

// drain cuts so far that a standing queue is gone in a second or two.
func (e *estimate) drain(o observed, now time.Duration) {
	acked := max(o.acked, o.burst)
	if acked <= 0 {
		return
	}
	e.cut, e.anyCut = now, true
	to := acked * max(beta-o.queue.Seconds()/2, drainLeast)
	if o.stalls {
		to = max(to, e.was()/2) // what arrives is not steady
	}
	if e.limit == 0 || to < e.limit {
		e.set(to)
	}
}

// overused cuts. What arrives is the line's width if the line was full of it;
// when much less was sent than the line was found to carry, a single sign is
// not believed whole. When all of that arrives besides, signs take no more than
// what is not made use of: a line that is full of it lets a queue stand.
func (e *estimate) overused(o observed, now time.Duration) {
	acked := max(o.acked, o.burst)
	if acked <= 0 {
		return
	}
	was := e.was()
	to := max(beta*acked, was/2)
	if e.wanted > 0 && was > e.wanted && o.acked >= allArrives*o.sent {
		to = max(to, min(unused*e.wanted, was))
	}
	if e.middle > 0 && acked > e.middle*(1-3*e.deviation()) && acked < e.middle*(1+3*e.deviation()) {
		to = max(to, min(beta*e.middle, was))
	}
	e.cut, e.anyCut = now, true
	if acked > was/2 {
		e.learn(acked)
	}
	if e.limit == 0 || to < e.limit {
		e.set(to)
	}
}

// was is the limit, or what arrived at most before there was one.
func (e *estimate) was() float64 {
	if e.limit == 0 {
		return e.peak
	}
	return e.limit
}

// learn follows the width of the line over the times it was full.
func (e *estimate) learn(acked float64) {
	if e.middle == 0 || acked > e.middle*(1+3*e.deviation()) || acked < e.middle*(1-3*e.deviation()) {
		e.middle, e.spread = acked, 0.01
		return
	}
	off := (acked - e.middle) / e.middle
	e.middle += 0.1 * (acked - e.middle)
	e.spread = min(max(0.9*e.spread+0.1*off*off, 0.0025), 0.04)
}

// deviation is between 5 and 20 %.
func (e *estimate) deviation() float64 {
	switch {
	case e.spread >= 0.04:
		return 0.2
	case e.spread >= 0.01:
		return 0.1
	}
	return 0.05
}

func (e *estimate) grow(o observed, since time.Duration) {
	if e.limit == 0 || o.acked <= 0 {
		return
	}
	most := evidence*o.acked + evidenceExtra
	if o.ceiling > 0 {
		most = min(most, max(o.ceiling, o.acked))
	}
	if e.limit >= most {
		return
	}
	to := e.limit * (1 + (perSec-1)*since.Seconds())
	if e.middle > 0 && e.limit > e.middle*0.8 && e.limit < e.middle*(1+3*e.deviation()) {
		// Near the known width, about one packet more each round (§5.5).
		perRound := 1200 * 8 / (o.roundTrip + 100*time.Millisecond).Seconds()
		to = e.limit + max(min(perRound, 0.08*e.limit), 4000)*since.Seconds()
	}
	e.set(min(to, most))
}

// countLoss sums statuses until they say something.
func (e *estimate) countLoss(o observed, now time.Duration) {
	e.lost = max(e.lost+o.lost, 0)
	e.total = max(e.total+o.lost+o.arrived, 0)
	if e.total < lossPackets || now-e.window < lossWindowOf {
		return
	}
	e.loss = float64(min(e.lost, e.total)) / float64(e.total)
	// Of few packets, more are lost by chance: one and a half deviations.
	e.lossy = e.loss > tolerated+1.5*math.Sqrt(tolerated*(1-tolerated)/float64(e.total))
	e.lost, e.total, e.window = 0, 0, now
	if !e.lossy {
		return
	}
	if now < e.stubborn && e.loss < hopeless {
		return
	}
	e.trouble, e.anyTrouble = now, true
	if o.acked <= 0 || e.limit > 0 && e.limit < o.acked {
		return // nothing to go by, or less is sent already than arrives
	}
	sent := o.acked / max(1-e.loss, 0.05)
	// Sending less helps where this flow fills the line: as much arrives as
	// before. Where the same part is lost of less, it is the radio.
	if recent := e.lossSent > 0 && now-e.lossCut < stubbornFor; recent && e.loss < hopeless && sent < 0.95*e.lossSent &&
		o.acked/e.lossAcked < 0.5*(1+sent/e.lossSent) {
		e.stubborn, e.lossSent = now+stubbornFor, 0
		return
	}
	from := e.limit
	if from == 0 {
		from = sent
	}
	e.lossCut, e.lossSent, e.lossAcked = now, sent, o.acked
	e.set(from * (1 - 0.5*e.loss)) // §6
}

// found takes what a probe showed.
func (e *estimate) found(rate float64, now time.Duration) {
	if e.limit == 0 || rate <= e.limit {
		return
	}
	if e.middle > 0 && rate > e.middle*(1+3*e.deviation()) {
		e.middle = 0
	}
	e.set(rate)
}

// silence lowers the limit while packets go out and nothing is heard of them.
func (e *estimate) silence(heard, now time.Duration) {
	if now-heard < silenceAfter || now-e.silentCut < time.Second || e.sentAt <= heard {
		return
	}
	if from := e.was(); from > 0 {
		e.silentCut = now
		e.set(from * silenceCut)
	}
}

// free lifts a limit that has not mattered for long.
func (e *estimate) free(now time.Duration) {
	quiet := e.limit > 0 && e.wanted > 0 && e.limit >= freeAbove*e.wanted && (!e.anyTrouble || now-e.trouble > freeAfter)
	switch {
	case !quiet:
		e.calm = 0
	case e.calm == 0:
		e.calm = now
	case now-e.calm > freeAfter:
		e.limit, e.calm, e.middle = 0, 0, 0
	}
}

// set keeps the limit a number that means something, whatever came in.
func (e *estimate) set(to float64) {
	if math.IsNaN(to) {
		return
	}
	e.limit = min(max(to, leastLim), mostLim)
}
