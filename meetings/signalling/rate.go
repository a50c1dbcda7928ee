package signalling

import "time"

// bucket is a token bucket: a client may save up to most, and gains perSecond.
type bucket struct {
	perSecond, most float64
	have            float64
	last            time.Time
}

func newBucket(perSecond, most float64, now time.Time) *bucket {
	return &bucket{perSecond: perSecond, most: most, have: most, last: now}
}

// take takes n tokens, or none and says so.
func (b *bucket) take(n float64, now time.Time) bool {
	if now.After(b.last) {
		b.have = min(b.most, b.have+now.Sub(b.last).Seconds()*b.perSecond)
		b.last = now
	}
	if b.have < n {
		return false
	}
	b.have -= n
	return true
}
