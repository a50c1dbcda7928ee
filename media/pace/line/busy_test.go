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
	busy              float64       // part of the time that it sleeps
	cost              time.Duration // of reading one packet
	sleeps, wakes     time.Duration // when it does next; the one that is earlier is past
	reads             time.Duration // when it has read what it reads now
}

// newSleeper sleeps half of the time, 20 to 300 ms each time.
func newSleeper() *sleeper {
	return &sleeper{least: 20 * time.Millisecond, mean: 80 * time.Millisecond, most: 300 * time.Millisecond, busy: 0.5, cost: 100 * time.Microsecond}
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
		s.sleeps = now + time.Duration(random.ExpFloat64()*float64(s.least+s.mean)*(1-s.busy)/s.busy) + time.Millisecond
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

var (
	// starved are the layers of a camera whose encoder gets no processor either.
	starved = [pace.Layers]pace.Bitrate{8_000, 16_000, 30_000}
	// lively are those of one that does, with three voices 3 Mbit/s.
	lively = [pace.Layers]pace.Bitrate{250_000, 800_000, 2_800_000}
)

// A receiver that sleeps half of the time on a wide line is no narrow line, whether it is sent little or much.
func TestBusyReceiver(t *testing.T) {
	for name, rates := range map[string][pace.Layers]pace.Bitrate{"little": starved, "much": lively} {
		for seed := range uint64(5) {
			w := newWorld(t, 50e6)
			w.random = rand.New(rand.NewPCG(seed, 5))
			w.rates, w.sounds, w.base, w.sleeper = rates, 3, time.Millisecond, newSleeper()
			w.line.Assume(5_000_000)
			w.run(3*time.Second, nil)
			l := w.live(60 * time.Second)
			t.Logf("%s, seed %d: %v", name, seed, l)
			if l.dark > 0 || float64(l.below) > 0.01*float64(l.ticks) || l.low > 2 {
				t.Errorf("%s, seed %d: %v", name, seed, l)
			}
		}
	}
}

// A narrow line with such a receiver at its end is narrow: sound and the layer that fits. When it is wide again, so is the
// limit.
func TestBusyReceiverOnANarrowLine(t *testing.T) {
	for _, test := range []struct {
		rate  float64
		layer pace.Layer
	}{{300e3, low}, {700e3, middle}, {1e6, middle}} {
		for seed := range uint64(5) {
			w := newWorld(t, 10e6)
			w.random = rand.New(rand.NewPCG(seed, 6))
			w.sleeper = newSleeper()
			w.line.Assume(5_000_000)
			w.run(8*time.Second, nil)
			w.rate, w.buffer = test.rate, int(test.rate/8)
			name := fmt.Sprintf("%.0f kbit/s, seed %d", test.rate/1000, seed)
			s := w.watch(name, 7*time.Second)
			if s[2].current > test.layer {
				t.Errorf("%s: layer %d three seconds after", name, s[2].current)
			}
			w.soundLost, w.switches = 0, 0
			s = w.watch(name, 30*time.Second)
			late := 0
			for i, s := range s {
				if s.queue > 250*time.Millisecond {
					late++
				}
				if s.got == [pace.Layers]int{} {
					t.Errorf("%s: no picture in second %d", name, i+8)
				}
			}
			if w.soundLost > 0 || late > 3 || worst(s) < low || share(s[5:], test.layer+1) > 0.1 || share(s[5:], test.layer) < 0.8 || w.switches > 6 {
				t.Errorf("%s: %d packets of sound lost, a queue in %d of 30 seconds, layer %d at worst, %d in %.2f of the seconds, more in %.2f, %d switches",
					name, w.soundLost, late, worst(s), test.layer, share(s[5:], test.layer), share(s[5:], test.layer+1), w.switches)
			}
			w.rate, w.buffer = 10e6, 64<<10
			// Half of the probes are read late, so it may take longer than for a receiver that is awake.
			if s := w.watch(name+", freed", 18*time.Second); share(s[14:], high) < 1 {
				t.Errorf("%s: fifteen seconds after it was freed layer %d is sent", name, s[14].current)
			}
		}
	}
}

// A line that delivers together what it carried in some hundredths of a second, as radio does, and is full, is seen to be:
// what comes at the end of each delivery is late, too. So is one that lets some octets through at once.
func TestDeliveredTogether(t *testing.T) {
	for _, test := range []struct {
		slot   time.Duration
		bucket int
		rate   float64
		layer  pace.Layer
	}{{20 * time.Millisecond, 0, 300e3, low}, {40 * time.Millisecond, 0, 300e3, low}, {60 * time.Millisecond, 0, 300e3, low},
		{100 * time.Millisecond, 0, 300e3, low}, {40 * time.Millisecond, 0, 1e6, middle}, {100 * time.Millisecond, 0, 1e6, middle},
		{0, 2000, 300e3, low}, {0, 4000, 300e3, low}, {0, 8000, 300e3, low}, {0, 4000, 1e6, middle}} {
		for seed := range uint64(3) {
			w := newWorld(t, 20e6)
			w.random = rand.New(rand.NewPCG(seed, 7))
			w.slot, w.bucket = test.slot, test.bucket
			w.line.Assume(5_000_000)
			name := fmt.Sprintf("%.0f kbit/s, each %v, %d at once, seed %d", test.rate/1000, test.slot, test.bucket, seed)
			if s := w.watch(name, 8*time.Second); worst(s[1:]) != high {
				t.Errorf("%s: layer %d on a wide line", name, worst(s[1:]))
			}
			w.rate = test.rate
			s := w.watch(name, 30*time.Second)
			late := 0
			for _, s := range s[5:] {
				if s.queue > 250*time.Millisecond {
					late++
				}
			}
			most := 5
			if test.bucket > 0 {
				most = 10 // probes take a bucket for the line, and a key frame of what does not fit is stopped by its queue
			}
			if s[2].current > test.layer || share(s[5:], test.layer+1) > 0.15 || worst(s[5:]) < low || late > most {
				t.Errorf("%s: layer %d three seconds after, more than %d in %.2f of the seconds, layer %d at worst, a queue in %d of 25 seconds",
					name, s[2].current, test.layer, share(s[5:], test.layer+1), worst(s[5:]), late)
			}
		}
	}
}

// What the delays of one packet each 20 ms are taken for.
func TestStallOrQueue(t *testing.T) {
	const ms = time.Millisecond
	feed := func(s *stalls, from, n int, size int, takes time.Duration, late func(i int) time.Duration) (longest time.Duration) {
		for i := from; i < from+n; i++ {
			s.arrived(size, takes, late(i), time.Hour+time.Duration(i)*20*ms+late(i))
			longest = max(longest, s.lasted())
		}
		return longest
	}
	// Nothing arrives for 200 ms, then everything.
	stall := func(i int) time.Duration { return max(200-time.Duration(i%50)*20, 0) * ms }
	var s stalls
	longest := feed(&s, 0, 200, 130, 0, stall)
	if wait := s.wait(); wait != 400*ms || longest >= wait {
		t.Errorf("stalls of 200 ms: wait for %v, late for %v", wait, longest)
	}
	feed(&s, 200, 600, 130, 0, func(int) time.Duration { return 0 })
	if wait := s.wait(); wait != 400*ms {
		t.Errorf("twelve seconds later they are forgotten: %v", wait)
	}
	feed(&s, 800, 600, 130, 0, func(int) time.Duration { return 0 })
	if wait := s.wait(); wait != 0 {
		t.Errorf("24 seconds later they are not forgotten: %v", wait)
	}
	// While one goes on it is a stall already, and a receiver that stays late is not.
	s = stalls{}
	feed(&s, 0, 10, 130, 0, func(int) time.Duration { return 0 })
	feed(&s, 10, 1, 130, 0, func(int) time.Duration { return 300 * ms })
	if wait := s.wait(); wait != 550*ms || s.lasted() >= wait {
		t.Errorf("a leap of 300 ms: wait for %v, late for %v", wait, s.lasted())
	}
	if longest := feed(&s, 11, 20, 130, 0, func(int) time.Duration { return 300 * ms }); longest < s.wait() {
		t.Errorf("it stays for %v, and %v are waited for", longest, s.wait())
	}
	// A queue grows and goes.
	s = stalls{}
	if longest := feed(&s, 0, 100, 130, 0, func(i int) time.Duration { return time.Duration(min(i, 100-i)) * 8 * ms }); s.wait() != 0 || longest < 500*ms {
		t.Errorf("a queue: wait for %v, late for %v", s.wait(), longest)
	}
	// Packets that the line takes long for.
	s = stalls{}
	feed(&s, 0, 100, 1130, 53*time.Microsecond, func(i int) time.Duration { return time.Duration(i%5/4) * 60 * ms })
	if s.wait() != 0 {
		t.Errorf("large packets on 150 kbit/s: wait for %v", s.wait())
	}
	// Another clock is another beginning.
	feed(&s, 0, 200, 130, 0, stall)
	s.arrived(130, 0, 300*ms, 3*time.Hour)
	if s.wait() != 0 || s.lasted() != 0 {
		t.Errorf("after a step of the clock: wait for %v, late for %v", s.wait(), s.lasted())
	}
}

// While all that is wanted is sent and arrives, signs of a queue take what is not made use of; a queue that stands takes more.
func TestSignsWhileLittleIsSent(t *testing.T) {
	signs := func(o observed) float64 {
		e := estimate{limit: 5_000_000, wanted: 240_000}
		o.usage = overuse
		for i := range 40 {
			e.update(o, time.Duration(i)*250*time.Millisecond)
		}
		return e.limit
	}
	if limit := signs(observed{sent: 200_000, acked: 195_000, arrived: 5}); limit != unused*240_000 {
		t.Errorf("ten seconds of signs made it %v", limit)
	}
	if limit := signs(observed{sent: 200_000, acked: 120_000, arrived: 5}); limit > 0.9*120_000 {
		t.Errorf("when less arrives than is sent they make it %v", limit)
	}
	if limit := signs(observed{sent: 200_000, acked: 195_000, arrived: 5, queue: 200 * time.Millisecond}); limit > 0.8*195_000 {
		t.Errorf("with a queue that stands it is %v", limit)
	}
	if limit := signs(observed{sent: 200_000, acked: 195_000, arrived: 5, queue: 200 * time.Millisecond, stalled: true}); limit != unused*240_000 {
		t.Errorf("with a queue that may be a stall it is %v", limit)
	}
}
