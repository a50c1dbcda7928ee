package hardening

import (
	"runtime/metrics"
	"testing"
	"time"
)

// TestMemoryGoesBackAtRest: memory goes back when there is enough of it, and a large heap is not collected for that all the time.
func TestMemoryGoesBackAtRest(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		heap
		ago  time.Duration
		want bool
	}{
		"after a meeting began":          {heap{live: 5 * mib, free: 3 * mib}, time.Hour, true},
		"nothing is free":                {heap{live: 5 * mib, free: 100 << 10}, time.Hour, false},
		"it just went":                   {heap{live: 5 * mib, free: 1 * mib}, 9 * time.Second, false},
		"it went, and much came":         {heap{live: 5 * mib, free: 1 * mib, dead: 1 * mib}, 3 * time.Second, true},
		"just now":                       {heap{live: 5 * mib, free: 3 * mib}, 2 * time.Second, false},
		"nobody allocates any more":      {heap{live: 5 * mib, dead: 1 * mib}, 11 * time.Second, true},
		"little is dead":                 {heap{live: 5 * mib, dead: 200 << 10}, time.Hour, false},
		"a large heap, little is free":   {heap{live: 800 * mib, free: 40 * mib}, time.Hour, false},
		"a large heap, much is free":     {heap{live: 800 * mib, free: 80 * mib}, time.Hour, true},
		"a large heap, a minute later":   {heap{live: 800 * mib, free: 80 * mib}, time.Minute, false},
		"a large heap, minutes later":    {heap{live: 800 * mib, free: 80 * mib}, 5 * time.Minute, true},
		"a runtime that says it no more": {heap{}, time.Hour, false},
	} {
		if got := c.wants(c.ago); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestCollectorBegins: early while collecting costs nothing, later while it does, and what it costs after a change brings no
// change back.
func TestCollectorBegins(t *testing.T) {
	for _, c := range []struct {
		used        float64
		until, want int
	}{
		{0, collectBusy, collectQuiet},
		{0.002, collectQuiet, collectQuiet},
		{0.005, collectQuiet, collectQuiet},
		{0.005, collectBusy, collectBusy},
		{0.02, collectQuiet, collectBusy},
		{0.02, collectBusy, collectBusy},
	} {
		if got := (heap{used: c.used}).percent(c.until); got != c.want {
			t.Errorf("%g of a processor at %d %%: %d %%", c.used, c.until, got)
		}
	}
	// What takes just more than busyPart takes so much once the collector begins later: that must not bring it back.
	if still := busyPart * collectQuiet / collectBusy; (heap{used: still}).percent(collectBusy) != collectBusy {
		t.Errorf("%g of a processor at %d %% is more than it may be, and %g at %d %% is little: they take turns", busyPart, collectQuiet, still, collectBusy)
	}
}

// TestTendHeapEnds: it ends when it is told to, and the runtime has the names that it asks for.
func TestTendHeapEnds(t *testing.T) {
	done := make(chan struct{})
	close(done)
	TendHeap(done)
	for i, name := range names {
		samples := []metrics.Sample{{Name: name}}
		if metrics.Read(samples); samples[0].Value.Kind() != metrics.KindUint64 && i < 3 || samples[0].Value.Kind() != metrics.KindFloat64 && i >= 3 {
			t.Errorf("the runtime has no %s", name)
		}
	}
	if h, spent := look(0); h.live == 0 || spent <= 0 || h.used != spent {
		t.Errorf("after a collection %d octets live, and it took %g s", h.live, spent)
	}
}
