package line

import "time"

// prober finds out whether a limited line carries more. A forwarder can't send
// more picture than there is, so it sends padding, or packets again, for a few
// hundredths of a second at a higher rate, and sees how they arrive.
//
// What probes find nothing costs at most probeShare of what the line carries;
// and none is sent while the line shows a queue or more loss than radio has.
type prober struct {
	id      uint8 // of the newest cluster; 0 was never used
	state   probing
	rate    float64 // bit/s that the cluster aims at
	octets  int     // that it is long
	begun   time.Duration
	padded  int // octets asked of the caller
	sentSum shot
	left    shot // of what came, when it left
	came    shot
	missed  int // packets that are known not to have come

	// ceiling is what the last cluster found the line to be full with; 0 is
	// that it was not full.
	ceiling  float64
	credit   float64 // octets
	credited time.Duration
	wait     time.Duration
	ended    time.Duration
	next     time.Duration // no cluster before
}

type probing int8

const (
	idle    probing = iota
	running         // the cluster is being sent
	waiting         // for what arrives of it
)

// shot is a cluster as one end saw it.
type shot struct {
	packets, octets   int
	first, last       time.Duration // on the seer's clock
	firstSize, latest int           // octets of the first and the last packet
}

func (s *shot) add(size int, at time.Duration) {
	if s.packets == 0 || at < s.first {
		s.first, s.firstSize = at, size
	}
	if s.packets == 0 || at >= s.last {
		s.last, s.latest = at, size
	}
	s.packets++
	s.octets += size
}

const (
	probeShare   = 0.05
	probeRate    = 4000 // bit/s at least: a line that was taken for a very narrow one is asked every eight seconds
	probeSpan    = 40 * time.Millisecond
	probeLeast   = 4000 // octets: a few packets, less than a tenth of a second on a slow line
	probePackets = 5
	probeGiveUp  = 250 * time.Millisecond // a caller has nothing to pad with
	probeTimeout = time.Second

	probeStep = 2.0 // times the limit
	// probeGoal times what is wanted is enough: layers vary.
	probeGoal = 1.5

	probeSoon      = 150 * time.Millisecond // after one that found more
	probeWait      = time.Second            // after one that did not, growing
	probeLongest   = 3 * time.Second
	calmFirst      = time.Second // after congestion
	ceilingFor     = 10 * time.Second
	probeFelt      = 300 * time.Millisecond
	probeQueue     = 50 * time.Millisecond
	probeFeedback  = 500 * time.Millisecond
	probeIdle      = time.Second
	receivedEnough = 0.8
	saturated      = 0.9
	ofSaturated    = 0.95
	implausible    = 2.0
)

// Tick gives the octets of padding or repetition that are to leave now; most of
// the time none. The caller sends packets of about that much together, without
// asking Release, and numbers them with Sent as all others. Repetitions are
// better than padding: they may even be of use. It must be called at least
// every ten milliseconds while there is a limit, else it does nothing.
func (l *Line) Tick(now time.Time) (octets int) {
	if l.start.IsZero() {
		return 0
	}
	at := l.clock(now)
	e, p := &l.estimate, &l.prober
	if !l.anyFeedback {
		l.assumed = l.assumed && at < silenceAfter // it gives none after all
		return 0
	}
	e.silence(l.heard, at)
	if e.limit == 0 {
		p.state = idle
		return 0
	}
	most := probeSize(probeStep * e.limit)
	if p.credit < float64(most) {
		p.credit = min(p.credit+max(probeShare*e.limit, probeRate)/8*(at-p.credited).Seconds(), float64(most))
	}
	p.credited = at
	if p.state == waiting && at-p.begun > probeTimeout {
		p.wait = 0
		p.over(false, at)
	}
	if p.state == idle && l.mayProbe(at) {
		p.start(min(probeStep*e.limit, probeGoal*e.wanted), at)
	}
	return p.due(at)
}

// Idle says that Tick has nothing to do soon: the line carries all that is wanted, and no cluster is under way. It is enough
// to call Tick a few times a second then, and at the next feedback.
func (l *Line) Idle() bool {
	e := &l.estimate
	return l.anyFeedback && l.prober.state == idle && e.wanted > 0 && e.limit >= freeAbove*e.wanted && !l.Congested()
}

func probeSize(rate float64) int {
	return max(int(rate/8*probeSpan.Seconds()), probeLeast)
}

func (l *Line) mayProbe(at time.Duration) bool {
	e, p := &l.estimate, &l.prober
	calm := !e.lossy && l.usage == normal && l.queue < probeQueue && at-l.heard < probeFeedback
	// Where nothing numbered was sent for a while (no picture fits, and the receiver's sound gets no feedback), the last
	// feedback says nothing any more, and no other comes before something is sent.
	calm = calm || at-e.sentAt > probeIdle
	return e.limit < e.wanted*probeGoal*0.9 &&
		at >= p.next && p.credit >= float64(probeLeast) &&
		(!e.anyTrouble || at-e.trouble >= calmFirst) && calm
}

func (p *prober) start(rate float64, at time.Duration) {
	if p.id++; p.id == 0 {
		p.id = 1
	}
	p.state, p.rate, p.octets, p.begun = running, rate, probeSize(rate), at
	p.padded, p.missed, p.sentSum, p.left, p.came = 0, 0, shot{}, shot{}, shot{}
}

// due is what a running cluster lacks.
func (p *prober) due(at time.Duration) int {
	if p.state != running {
		return 0
	}
	if p.sentSum.octets >= p.octets && p.sentSum.packets >= probePackets || at-p.begun > probeGiveUp {
		p.state, p.begun = waiting, at
		return 0
	}
	lead := p.octets / probePackets
	octets := int(p.rate/8*(at-p.begun).Seconds()) + lead - p.sentSum.octets
	if octets < lead/2 {
		return 0
	}
	p.padded += octets
	p.credit -= float64(octets)
	return octets
}

// sent says which cluster a packet belongs to: all that leave while one runs.
func (p *prober) sent(size int, at time.Duration) uint8 {
	if p.state != running {
		return 0
	}
	p.sentSum.add(size, at)
	return p.id
}

func (p *prober) arrived(cluster uint8, size int, sent, arrival time.Duration) {
	if cluster != 0 && cluster == p.id && p.state != idle {
		p.left.add(size, sent)
		p.came.add(size, arrival)
	}
}

func (p *prober) lost(cluster uint8) {
	if cluster != 0 && cluster == p.id {
		p.missed++
	}
}

// felt says whether the queue of a cluster may still be seen. Before it there
// was none, so it says nothing about the limit.
func (p *prober) felt(at time.Duration) bool {
	return p.state != idle || p.id != 0 && at-p.ended < probeFelt
}

// ceilingAt is the ceiling while it is news.
func (p *prober) ceilingAt(at time.Duration) float64 {
	if at-p.ended > ceilingFor {
		return 0
	}
	return p.ceiling
}

// result says what a cluster found, when all of it or something sent after it
// has arrived, and only if that is more than limit.
// Least is the least that a packet takes by both clocks, and stall is how long
// the receiver was seen to leave packets unread.
func (p *prober) result(newest, least, stall time.Duration, limit float64, at time.Duration) (rate float64, ok bool) {
	if p.state != waiting || p.came.packets < p.sentSum.packets && newest <= p.sentSum.last {
		return 0, false
	}
	waited := min(p.came.first-p.left.first-least, stall)
	if waited <= lateFrom {
		waited = 0
	}
	rate, ok = p.measure(waited)
	p.ceiling = 0
	if ok && rate < p.rate*saturated {
		p.ceiling = rate
	}
	if p.missed == 0 && (!ok || waited > 0) {
		p.wait = 0 // its feedback was lost, or it came while nobody read: that says nothing
	}
	ok = ok && rate > 1.05*limit
	p.over(ok, at)
	return rate, ok
}

// measure says at what rate a cluster came. Its first packet may have waited for
// so long to be read, together with others: by itself it could have come as much
// earlier.
func (p *prober) measure(waited time.Duration) (rate float64, ok bool) {
	out, in := &p.left, &p.came
	if in.packets < probePackets-1 || float64(in.packets) < receivedEnough*float64(in.packets+p.missed) {
		return 0, false
	}
	// The last packet's sending is not within the time between first and last,
	// nor is the first one's arrival.
	sending := float64(out.octets-out.latest) * 8 / max(out.last-out.first, time.Millisecond).Seconds()
	span := in.last - in.first + waited
	arriving := float64(in.octets-in.firstSize) * 8 / max(span, time.Millisecond).Seconds()
	if arriving > implausible*sending {
		return 0, false
	}
	rate = min(sending, arriving, p.rate)
	if arriving < saturated*min(sending, p.rate) {
		rate = ofSaturated * arriving
	}
	return rate, rate > 0
}

// over ends a cluster. One that found more costs nothing: there was room.
func (p *prober) over(found bool, at time.Duration) {
	p.state, p.ended = idle, at
	if found {
		p.credit += float64(p.padded)
		p.wait, p.next = probeWait, at+probeSoon
		return
	}
	p.wait = min(max(p.wait, probeWait)*3/2, probeLongest)
	p.next = at + p.wait
}
