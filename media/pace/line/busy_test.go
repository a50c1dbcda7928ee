package line

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"huisclos/media/pace"
)

// sleeper is a receiver on a busy machine: it gets the processor now and then, reads what waits for it until it has to give
// the processor away, and notes as arrival when it read. Nil is one that is always awake.
type sleeper struct {
	least, mean, most time.Duration // of a sleep: least and something exponential
	cost              time.Duration // of reading one packet
	sleeps, wakes     time.Duration // when it does next; the one that is earlier is past
	reads             time.Duration // when it has read what it reads now
}

// newSleeper sleeps half of the time, 20 to 300 ms each time.
func newSleeper() *sleeper {
	return &sleeper{least: 20 * time.Millisecond, mean: 80 * time.Millisecond, most: 300 * time.Millisecond, cost: 100 * time.Microsecond}
}

func (s *sleeper) awake(now time.Duration, random *rand.Rand) bool {
	if s == nil {
		return true
	}
	if s.wakes <= s.sleeps && now >= s.sleeps {
		s.wakes = now + min(s.least+time.Duration(random.ExpFloat64()*float64(s.mean)), s.most)
	}
	if s.wakes > s.sleeps && now >= s.wakes {
		s.reads = max(s.reads, now)
		s.sleeps = now + time.Duration(random.ExpFloat64()*float64(s.least+s.mean)) + time.Millisecond
	}
	return s.wakes <= s.sleeps
}

// read says whether a packet that came is read by now, and when.
func (s *sleeper) read(at *time.Duration, now time.Duration) bool {
	if s == nil {
		return true
	}
	done := max(*at, s.reads) + s.cost
	if done > now {
		return false
	}
	s.reads, *at = done, done
	return true
}

// lived is how a receiver fared.
type lived struct {
	below, ticks int // when the limit was below what is wanted
	least        pace.Bitrate
	dark, low    int // seconds without a picture, and with less than the best
	seconds      int
	switches     int
}

func (l lived) String() string {
	return fmt.Sprintf("limit below what is wanted %.3f of the time, at least %d; of %d seconds %d without picture, %d below the top layer; %d switches",
		float64(l.below)/float64(l.ticks), l.least, l.seconds, l.dark, l.low, l.switches)
}

func (w *world) live(d time.Duration) (l lived) {
	w.t.Helper()
	l.least = 1e9
	before := w.switches
	for range int(d / time.Second) {
		lowest := w.current
		for range 1000 {
			w.step()
			limit := w.line.Limit()
			if l.ticks++; limit > 0 && limit < w.full {
				l.below++
			}
			if limit > 0 {
				l.least = min(l.least, limit)
			}
			lowest = min(lowest, w.current)
		}
		l.seconds++
		if w.got == [pace.Layers]int{} {
			l.dark++
		}
		if lowest < high {
			l.low++
		}
		w.got, w.frames = [pace.Layers]int{}, 0
		clear(w.whole)
	}
	l.switches = w.switches - before
	return l
}

// starved are the layers of a camera whose encoder gets no processor either.
var starved = [pace.Layers]pace.Bitrate{8_000, 16_000, 30_000}

// A receiver that sleeps half of the time on a wide line is no narrow line.
func TestBusyReceiver(t *testing.T) {
	for _, test := range []struct {
		name   string
		rates  [pace.Layers]pace.Bitrate
		sounds int
	}{{"little", starved, 3}, {"much", [pace.Layers]pace.Bitrate{250_000, 800_000, 2_800_000}, 3}} {
		for seed := range uint64(5) {
			w := newWorld(t, 50e6)
			w.random = rand.New(rand.NewPCG(seed, 5))
			w.rates, w.sounds, w.base = test.rates, test.sounds, time.Millisecond
			w.sleeper = newSleeper()
			w.line.Assume(5_000_000)
			w.run(3*time.Second, nil)
			l := w.live(120 * time.Second)
			t.Logf("%s, seed %d: %v", test.name, seed, l)
		}
	}
}

// A narrow line with such a receiver at its end is narrow.
func TestBusyReceiverOnANarrowLine(t *testing.T) {
	for seed := range uint64(5) {
		w := newWorld(t, 10e6)
		w.random = rand.New(rand.NewPCG(seed, 6))
		w.sleeper = newSleeper()
		w.line.Assume(5_000_000)
		w.watch("wide", 8*time.Second)
		w.rate = 300_000
		w.soundLost = 0
		w.watch("narrow", 20*time.Second)
		t.Logf("seed %d: %d packets of sound lost", seed, w.soundLost)
	}
}
