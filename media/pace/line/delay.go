package line

import "time"

// The delay part of the estimate: a queue that grows somewhere on the line makes
// packets arrive ever later after they were sent. It follows the arrival filter,
// the trend and the adaptive threshold of draft-ietf-rmcat-gcc-02 §5, with the
// line fit in the Kalman filter's place that today's WebRTC senders use.

const (
	// Packets sent within groupSpan are one group: they left in one go, and the
	// time between them says nothing (§5.2).
	groupSpan = 5 * time.Millisecond
	// A group that arrives at once after a pause of the radio may be this long.
	longestBurst = 100 * time.Millisecond
	// A jump of the receiver's clock against ours by more than this begins anew.
	clockJump = 3 * time.Second
	// So many groups in a row from the past begin anew, too.
	maxReordered = 3

	trendPoints = 20
	smoothing   = 0.9
	trendGain   = 4.0
	maxDeltas   = 60

	// The threshold rises fast and falls slowly, so that a flow of another kind
	// on the same line does not starve this one (§5.4). In ms.
	firstThreshold = 12.5
	leastThreshold = 6.0
	mostThreshold  = 600.0
	thresholdUp    = 0.0087
	thresholdDown  = 0.039
	adaptWithin    = 15.0
	overuseAfter   = 10 * time.Millisecond
)

// usage is what the delay says about the line.
type usage int8

const (
	normal  usage = iota
	overuse       // a queue grows
	underuse
)

type group struct {
	firstSent, lastSent       time.Duration
	firstArrival, lastArrival time.Duration
}

// trend watches one receiver's delays. The zero value is ready.
type trend struct {
	groups    int // of which group and before are the last two
	group     group
	before    group
	reordered int

	deltas      int // at most maxDeltas
	accumulated float64
	smoothed    float64 // ms
	first       time.Duration
	points      [trendPoints]point
	next        int // where the next point goes

	slope     float64
	threshold float64
	adapted   time.Duration
	overFor   time.Duration
	overs     int
	usage     usage
}

type point struct{ at, delay float64 } // ms

func (t *trend) reset() { *t = trend{threshold: t.threshold} }

// arrived notes one packet, in the order of sending. Times are on two clocks:
// only differences on each count.
func (t *trend) arrived(sent, arrival time.Duration) {
	if t.groups == 0 {
		t.begin(sent, arrival)
		return
	}
	g := &t.group
	if sent < g.firstSent {
		return
	}
	gap := arrival - g.lastArrival
	later := gap - (sent - g.lastSent)
	if later > clockJump || later < -clockJump {
		t.reset()
		t.begin(sent, arrival)
		return
	}
	// What left in one go may be read a little apart.
	burst := gap <= groupSpan && (later < 0 || sent-g.lastSent < time.Millisecond) && arrival-g.firstArrival < longestBurst
	if sent-g.firstSent <= groupSpan || burst {
		g.lastSent = max(g.lastSent, sent)
		g.lastArrival = max(g.lastArrival, arrival)
		return
	}
	if t.groups > 1 {
		if g.lastArrival < t.before.lastArrival {
			if t.reordered++; t.reordered >= maxReordered {
				t.reset()
				t.begin(sent, arrival)
				return
			}
		} else {
			t.reordered = 0
			t.delta(g.lastSent-t.before.lastSent, g.lastArrival-t.before.lastArrival, g.lastArrival)
		}
	}
	t.before = t.group
	t.begin(sent, arrival)
}

func (t *trend) begin(sent, arrival time.Duration) {
	t.group = group{sent, sent, arrival, arrival}
	t.groups = min(t.groups+1, 2)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// delta takes the distance of two groups on both clocks.
func (t *trend) delta(sent, arrived, at time.Duration) {
	if t.deltas == 0 {
		t.first = at
	}
	t.deltas = min(t.deltas+1, maxDeltas)
	t.accumulated += milliseconds(arrived - sent)
	t.smoothed = smoothing*t.smoothed + (1-smoothing)*t.accumulated
	t.points[t.next] = point{milliseconds(at - t.first), t.smoothed}
	t.next = (t.next + 1) % trendPoints
	slope := t.slope
	if t.deltas >= trendPoints {
		if fit, ok := fit(&t.points); ok {
			slope = fit
		}
	}
	t.detect(slope, sent, at)
}

// fit is the slope of the least squares line.
func fit(points *[trendPoints]point) (float64, bool) {
	var at, delay float64
	for _, p := range points {
		at += p.at
		delay += p.delay
	}
	at, delay = at/trendPoints, delay/trendPoints
	var over, under float64
	for _, p := range points {
		over += (p.at - at) * (p.delay - delay)
		under += (p.at - at) * (p.at - at)
	}
	if under < 1e-6 {
		return 0, false
	}
	return over / under, true
}

func (t *trend) detect(slope float64, span, at time.Duration) {
	if t.threshold == 0 {
		t.threshold = firstThreshold
	}
	if t.deltas < 2 {
		t.usage = normal
		return
	}
	measure := float64(t.deltas) * slope * trendGain
	switch {
	case measure > t.threshold:
		// One sample is no trend: it must last, and not be on its way back.
		if t.overs == 0 {
			t.overFor = span / 2
		} else {
			t.overFor += span
		}
		t.overs++
		if t.overFor > overuseAfter && t.overs > 1 && slope >= t.slope {
			t.overs, t.usage = 0, overuse
		}
	case measure < -t.threshold:
		t.overs, t.usage = 0, underuse
	default:
		t.overs, t.usage = 0, normal
	}
	t.slope = slope
	t.adapt(max(measure, -measure), at)
}

func (t *trend) adapt(measure float64, at time.Duration) {
	since := min(max(at-t.adapted, 0), 100*time.Millisecond)
	t.adapted = at
	if measure > t.threshold+adaptWithin {
		return // a sudden change is no reason to become deaf
	}
	k := thresholdUp
	if measure < t.threshold {
		k = thresholdDown
	}
	t.threshold += k * (measure - t.threshold) * milliseconds(since)
	t.threshold = min(max(t.threshold, leastThreshold), mostThreshold)
}

// floor is the least of a measure over the last five to ten seconds.
type floor struct {
	since         time.Duration
	before, least time.Duration
	any, old      bool
}

const floorSpan = 5 * time.Second

// above notes a value and says how far it is above the least.
func (f *floor) above(value, now time.Duration) time.Duration {
	switch {
	case !f.any:
		f.any, f.since, f.least = true, now, value
	case now-f.since > floorSpan:
		f.before, f.old = f.least, now-f.since <= 2*floorSpan
		f.since, f.least = now, value
	default:
		f.least = min(f.least, value)
	}
	return value - f.lowest()
}

func (f *floor) lowest() time.Duration {
	if f.old {
		return min(f.least, f.before)
	}
	return f.least
}
