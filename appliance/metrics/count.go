package metrics

import (
	"maps"
	"sync"
	"time"
)

// Counts are counters by one label. The zero value counts. Its methods may be called from any goroutine.
type Counts struct {
	mu sync.Mutex
	by map[string]uint64
}

// maxValues bounds what a caller's mistake could make one counter hold.
const maxValues = 256

// Add counts one.
func (c *Counts) Add(value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[string]uint64{}
	}
	if _, ok := c.by[value]; ok || len(c.by) < maxValues {
		c.by[value]++
	}
}

// Values is a copy of what was counted.
func (c *Counts) Values() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.by)
}

// Distribution is how often something took how long. Counts has one more than Bounds: what took longer than all.
type Distribution struct {
	Bounds []float64 // upper bounds in seconds, ascending
	Counts []uint64  // of each, not of those below
	Sum    float64   // seconds
}

// Times gathers a distribution of durations. Make it with NewTimes. Its methods may be called from any goroutine.
type Times struct {
	mu sync.Mutex
	d  Distribution
}

// NewTimes takes the upper bounds in seconds, ascending.
func NewTimes(bounds ...float64) *Times {
	return &Times{d: Distribution{Bounds: bounds, Counts: make([]uint64, len(bounds)+1)}}
}

// Add counts one.
func (t *Times) Add(took time.Duration) {
	seconds := took.Seconds()
	t.mu.Lock()
	defer t.mu.Unlock()
	i := 0
	for i < len(t.d.Bounds) && seconds > t.d.Bounds[i] {
		i++
	}
	t.d.Counts[i]++
	t.d.Sum += seconds
}

// Read is what was gathered.
func (t *Times) Read() Distribution {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Distribution{Bounds: t.d.Bounds, Counts: append([]uint64(nil), t.d.Counts...), Sum: t.d.Sum}
}
