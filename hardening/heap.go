package hardening

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// collectBusy is by how many percent the heap may grow between two collections at first, and while collecting takes more of a
	// processor than busyPart: half of Go's 100 halves the garbage that lies in memory beside what lives.
	collectBusy = 50
	// collectQuiet is that while it takes less than quietPart. A meeting that goes on allocates next to nothing: with fifty people
	// that is one collection a second, of 2 ms (docs/measurements.md).
	collectQuiet = 15
	busyPart     = 0.01
	quietPart    = 0.0025 // less than what a use of busyPart at collectQuiet is at collectBusy, or both would take turns
)

const (
	// lookEvery is how often TendHeap looks at the heap; a look costs microseconds.
	lookEvery = 2 * time.Second
	// freeLeast and 1/freePart of what lives is free and dead memory that isn't worth a collection.
	freeLeast = 256 << 10
	freePart  = 16
	// restFor is the least time between two collections for what is free, for each restOf octets that live: a collection of 32 MiB
	// takes some 30 ms, a three-hundredth of the time then.
	restFor = 10 * time.Second
	restOf  = 32 << 20
	// soonPart: where free and dead are as much as 1/soonPart of what lives, people just came, and the rest is 1/soonPart of that.
	soonPart = 4
)

// CollectEarly makes the garbage collector begin at half of what it would wait for, unless GOGC says another.
func CollectEarly() {
	if ours() {
		debug.SetGCPercent(collectBusy)
	}
}

// ours says whether the collector's beginning is ours to choose.
func ours() bool { return os.Getenv("GOGC") == "" }

// heap is what TendHeap sees.
type heap struct {
	live uint64  // octets that the last collection found
	free uint64  // octets that nothing is in and that the system has not got back
	dead uint64  // octets that came since, dead for the most part: while nobody allocates, nothing collects them
	came uint64  // octets that came since the look before
	used float64 // the part of a processor that collecting took since the look before
}

// wants says whether memory goes back now, when it last went so long ago.
func (h heap) wants(ago time.Duration) bool {
	gain, rest := h.free+h.dead, h.rest()
	if gain >= h.live/soonPart {
		rest /= soonPart
	}
	return gain >= h.worth() && ago >= rest
}

// worth is how much is worth a collection, in octets.
func (h heap) worth() uint64 { return max(freeLeast, h.live/freePart) }

// rest is the least time between two collections.
func (h heap) rest() time.Duration { return restFor * time.Duration(1+h.live/restOf) }

// percent is by how much the heap may grow from now on, when it was so much until now.
func (h heap) percent(until int) int {
	switch {
	case h.used > busyPart:
		return collectBusy
	case h.used < quietPart:
		return collectQuiet
	}
	return until
}

// tender is what TendHeap remembers from one look to the next.
type tender struct {
	last    time.Time // when memory last went back
	unquiet bool      // people came or went, and nothing was collected since that was over
}

// collections is how often the heap is collected now before its memory goes back, 0 for not at all.
//
// The collection that people's coming brings finds alive what the last of them needed for a second: handshakes, requests, what
// waited for their lines. After it so little is allocated (5 to 20 KiB between two looks for ten people who meet, 6 MiB when they
// come) that no other follows for minutes, and it is not seen that this is dead: so it is collected once nobody comes any more.
// Twice, because what pools keep goes when nobody took it between two collections (sync.Pool), and with the rest of two.
func (t *tender) collections(h heap, now time.Time) int {
	quiet, ago := h.came < h.worth(), now.Sub(t.last)
	t.unquiet = t.unquiet || !quiet
	switch {
	case quiet && t.unquiet && ago >= 2*h.rest()/soonPart:
		t.unquiet = false
		return 2
	case h.wants(ago):
		return 1
	}
	return 0
}

// TendHeap keeps the heap small until done is closed, and returns then. It gives the system what the heap has no use for: first
// what the start took, then what people take while they come in, of which most is garbage a moment later, and Go keeps room for as
// much again; and when all are there, what the last of them left. And while little is allocated, it lets the collector begin
// earlier, unless GOGC says when.
func TendHeap(done <-chan struct{}) {
	debug.FreeOSMemory()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	looked := time.Now()
	t := tender{last: looked}
	percent := collectBusy
	_, before := look(totals{})
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			var h heap
			h, before = look(before)
			h.used /= now.Sub(looked).Seconds()
			looked = now
			if next := h.percent(percent); next != percent && ours() {
				percent = next
				debug.SetGCPercent(percent)
			}
			n := t.collections(h, now)
			if n == 0 {
				continue
			}
			for range n - 1 {
				runtime.GC()
			}
			debug.FreeOSMemory() // which collects
			t.last = time.Now()
			_, before = look(before) // what that took is not what is looked for
		}
	}
}

// names are what look reads, in the order of its reading (runtime/metrics).
var names = [...]string{"/gc/heap/live:bytes", "/memory/classes/heap/free:bytes", "/memory/classes/heap/objects:bytes", "/gc/heap/allocs:bytes",
	"/cpu/classes/gc/total:cpu-seconds", "/cpu/classes/gc/mark/idle:cpu-seconds"}

// totals are what the process ever took.
type totals struct {
	octets uint64  // of the heap
	spent  float64 // processor seconds, for collecting; not those of a processor that had nothing else to do
}

// look reads the heap's state, which is since those totals. Used is in processor seconds here.
func look(before totals) (heap, totals) {
	var samples [len(names)]metrics.Sample
	for i := range samples {
		samples[i].Name = names[i]
	}
	metrics.Read(samples[:])
	now := totals{octets(samples[3]), seconds(samples[4]) - seconds(samples[5])}
	h := heap{live: octets(samples[0]), free: octets(samples[1]), used: max(now.spent-before.spent, 0)}
	if all := octets(samples[2]); all > h.live {
		h.dead = all - h.live
	}
	if now.octets > before.octets {
		h.came = now.octets - before.octets
	}
	return h, now
}

// octets is a sample's value, zero where the runtime doesn't know the name any more.
func octets(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}

// seconds is octets for a sample of time.
func seconds(s metrics.Sample) float64 {
	if s.Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return s.Value.Float64()
}
