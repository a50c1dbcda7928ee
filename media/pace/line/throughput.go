package line

import "time"

// throughput is what arrived per second, by the receiver's clock, over the last
// half second. The zero value is ready.
type throughput struct {
	buckets [buckets]int // octets
	newest  int64        // number of the newest bucket
	first   time.Duration
	last    time.Duration
	any     bool
}

const (
	bucketSpan = 50 * time.Millisecond
	buckets    = 10
	// burstBuckets are those of the last fifth of a second.
	burstBuckets = 4
	// leastSpan is what a rate needs to be worth anything.
	leastSpan = 200 * time.Millisecond
)

func bucketOf(at time.Duration) int64 {
	n := int64(at / bucketSpan)
	if at < 0 {
		n--
	}
	return n
}

func slot(n int64) int { return int((n%buckets + buckets) % buckets) }

func (t *throughput) add(size int, at time.Duration) {
	n := bucketOf(at)
	switch ahead := n - t.newest; {
	case !t.any, ahead >= 2*buckets, ahead <= -buckets:
		*t = throughput{newest: n, first: at, last: at, any: true}
	case ahead > 0:
		for i := range min(ahead, buckets) {
			t.buckets[slot(n-i)] = 0
		}
		t.newest = n
	}
	t.buckets[slot(n)] += size
	t.last = max(t.last, at)
}

// spread adds what arrived some time between the last packet and at.
func (t *throughput) spread(size int, at time.Duration) {
	from := t.last
	if !t.any || at <= from || at-from > buckets*bucketSpan {
		return
	}
	steps := int(bucketOf(at)-bucketOf(from)) + 1
	for i := range steps {
		t.add(size/steps, min(from+time.Duration(i)*bucketSpan, at))
	}
}

// rate is zero while too little is known.
func (t *throughput) rate() float64 {
	if !t.any {
		return 0
	}
	from := max(t.first, time.Duration(t.newest-buckets+1)*bucketSpan)
	span := t.last - from
	if span < leastSpan {
		return 0
	}
	sum := 0
	for _, octets := range t.buckets {
		sum += octets
	}
	return float64(sum) * 8 / span.Seconds()
}

// burst is what arrived per second over the last fifth of a second: on a line
// whose queue grows, that is its width, even if little was sent before.
func (t *throughput) burst() float64 {
	if !t.any {
		return 0
	}
	from := max(t.first, time.Duration(t.newest-burstBuckets+1)*bucketSpan)
	span := t.last - from
	if span < leastSpan*3/4 {
		return 0
	}
	sum := 0
	for i := range int64(burstBuckets) {
		sum += t.buckets[slot(t.newest-i)]
	}
	return float64(sum) * 8 / span.Seconds()
}

// sending is what was sent per second, of about the last second. The zero value
// is ready.
type sending struct {
	octets int // since at
	at     time.Duration
	mean   float64 // bit/s, up to at
}

// rate is to be asked for now and then.
func (s *sending) rate(now time.Duration) float64 {
	since := now - s.at
	if since < leastSpan {
		return s.mean
	}
	part := min(since.Seconds(), 1)
	s.mean += part * (float64(s.octets)*8/since.Seconds() - s.mean)
	s.octets, s.at = 0, now
	return s.mean
}
