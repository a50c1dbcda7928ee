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

// TestHeapIsCollectedWhenAllAreThere: what people's coming left is collected when nobody comes any more, twice and not again, and
// what a meeting allocates that goes on brings no such collection.
func TestHeapIsCollectedWhenAllAreThere(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	begin := time.Unix(0, 0)
	coming, there := heap{live: 2 * mib, came: 6 * mib}, heap{live: 2 * mib, came: 20 * kib, dead: 20 * kib}
	for name, c := range map[string]struct {
		looks []heap // one each two seconds, after a collection long ago
		want  []int
	}{
		"ten come":               {[]heap{there, coming, there, there, there, there}, []int{0, 0, 2, 0, 0, 0}},
		"and a while long":       {[]heap{coming, coming, coming, there, there}, []int{0, 0, 0, 2, 0}},
		"and much was free":      {[]heap{{live: 2 * mib, came: 6 * mib, free: mib}, there, there, there, there}, []int{1, 0, 0, 2, 0}},
		"others come thereafter": {[]heap{coming, there, coming, there, there, there, there}, []int{0, 2, 0, 0, 2, 0, 0}},
		"a meeting goes on":      {[]heap{there, there, there, there}, []int{0, 0, 0, 0}},
		"a large one goes on":    {[]heap{{live: 32 * mib, came: mib}, {live: 32 * mib, came: mib}}, []int{0, 0}},
		"many live, some come":   {[]heap{{live: 80 * mib, came: 6 * mib}, {live: 80 * mib}, {live: 80 * mib}}, []int{0, 2, 0}},
	} {
		tender, now := tender{last: begin.Add(-time.Hour)}, begin
		for i, h := range c.looks {
			now = now.Add(lookEvery)
			got := tender.collections(h, now)
			if got != c.want[i] {
				t.Errorf("%s: %d collections after look %d, not %d", name, got, i+1, c.want[i])
			}
			if got > 0 {
				tender.last = now
			}
		}
	}
	// The rest grows with what lives: 80 MiB three times that of 2.
	large := tender{last: begin, unquiet: true}
	if n := large.collections(heap{live: 80 * mib}, begin.Add(14*time.Second)); n != 0 {
		t.Errorf("a large heap is collected %d times 14 s after another collection", n)
	}
	if n := large.collections(heap{live: 80 * mib}, begin.Add(15*time.Second)); n != 2 {
		t.Errorf("a large heap is collected %d times 15 s after another collection", n)
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
		if metrics.Read(samples); samples[0].Value.Kind() != metrics.KindUint64 && i < 4 || samples[0].Value.Kind() != metrics.KindFloat64 && i >= 4 {
			t.Errorf("the runtime has no %s", name)
		}
	}
	h, total := look(totals{})
	if h.live == 0 || total.spent <= 0 || h.used != total.spent {
		t.Errorf("after a collection %d octets live, and it took %g s", h.live, total.spent)
	}
	if total.octets < h.live || h.came != total.octets {
		t.Errorf("%d octets live and %d came, %d of them since nothing did", h.live, total.octets, h.came)
	}
	if next, now := look(total); now.octets < total.octets || next.came != now.octets-total.octets {
		t.Errorf("%d octets came, %d of them after %d", now.octets, next.came, total.octets)
	}
}
