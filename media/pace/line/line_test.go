package line

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"huisclos/media/pace"
)

// second is what a world looked like at the end of one.
type second struct {
	limit   pace.Bitrate
	target  pace.Target
	current pace.Layer
	got     [pace.Layers]int
	queue   time.Duration
	frames  int // that arrived whole
}

// watch runs a world and gives its seconds, which the log shows.
func (w *world) watch(name string, d time.Duration) (seconds []second) {
	w.t.Helper()
	w.run(d, func(n int) {
		s := second{w.line.Limit(), w.choices[1].Target, w.current, w.got, w.longestQueue, w.frames}
		w.longestQueue = 0
		seconds = append(seconds, s)
		w.t.Logf("%s +%2d s: limit %8d target %d.%d sends %d frames %2d arrived %v queue %v loss %.2f switches %d padding %d", name, n+1, s.limit,
			s.target.Layer, s.target.Temporal, s.current, s.frames, s.got, s.queue.Round(time.Millisecond), w.line.estimate.loss, w.switches, w.padding)
	})
	return seconds
}

const (
	low    = pace.Low
	middle = pace.Middle
	high   = pace.High
)

// worst is the lowest layer that was sent from some second on.
func worst(seconds []second) pace.Layer {
	layer := high
	for _, s := range seconds {
		layer = min(layer, s.current)
	}
	return layer
}

// share is how many of the seconds ended with at least that layer.
func share(seconds []second, l pace.Layer) float64 {
	n := 0
	for _, s := range seconds {
		if s.current >= l {
			n++
		}
	}
	return float64(n) / float64(len(seconds))
}

// A receiver is throttled to 300 kbit/s and freed again.
func TestThrottledAndFreed(t *testing.T) {
	w := newWorld(t, 10e6)
	if s := w.watch("wide", 8*time.Second); worst(s[1:]) != high || w.line.Limit() != 0 {
		t.Fatalf("a wide line got less than all, or a limit of %d", w.line.Limit())
	}
	w.soundGap, w.longestGap = 0, 0
	w.rate = 300_000
	s := w.watch("narrow", 5*time.Second)
	t.Logf("at the fall: no picture for %v, no sound for %v, %d packets of sound lost", w.longestGap, w.soundGap, w.soundLost)
	w.soundGap, w.soundLost = 0, 0
	s = append(s, w.watch("narrow", 20*time.Second)...)
	if s[2].current != low {
		t.Errorf("three seconds after, layer %d is sent", s[2].current)
	}
	for i, s := range s {
		if i >= 5 && s.queue > 200*time.Millisecond {
			t.Errorf("second %d has a queue of %v", i+1, s.queue)
		}
		if i >= 3 && (s.current != low || s.got[low] == 0) {
			t.Errorf("second %d: layer %d is sent and %d octets came", i+1, s.current, s.got[low])
		}
	}
	if w.longestGap > time.Second {
		t.Errorf("no picture for %v", w.longestGap)
	}
	if w.soundGap > 100*time.Millisecond || w.soundLost > 0 {
		t.Errorf("no sound for %v, %d packets of it lost", w.soundGap, w.soundLost)
	}
	t.Logf("then no sound for %v", w.soundGap)
	if share := float64(w.padding) / (25 * 300_000 / 8); share > probeShare {
		t.Errorf("probes took %.3f of the line", share)
	}
	w.longestGap = 0
	w.rate = 10e6
	s = w.watch("freed", 25*time.Second)
	if s[9].current != high || worst(s[9:]) != high {
		t.Errorf("ten seconds after, layer %d is sent", s[9].current)
	}
	if w.longestGap > time.Second {
		t.Errorf("no picture for %v at the switches", w.longestGap)
	}
}

// Five packets of a hundred are lost by the radio of a wide line, both ways.
func TestRandomLoss(t *testing.T) {
	w := newWorld(t, 10e6)
	w.loss, w.deafness = 0.05, 0.05
	s := w.watch("5 %", 60*time.Second)
	if worst(s[1:]) != high {
		t.Errorf("layer %d was sent", worst(s[1:]))
	}
	for i, s := range s[2:] {
		if s.frames < 20 {
			t.Errorf("second %d has %d frames", i+3, s.frames)
		}
	}
	if w.repeats == 0 {
		t.Error("nothing was sent again")
	}
}

func TestHeavyLoss(t *testing.T) {
	w := newWorld(t, 10e6)
	w.watch("clean", 5*time.Second)
	w.loss = 0.20
	s := w.watch("20 %", 30*time.Second)
	if s[3].limit == 0 || s[3].limit > 2_000_000 {
		t.Errorf("a fifth lost leaves a limit of %d", s[3].limit)
	}
	if worst(s) < low {
		t.Error("no picture at all")
	}
	w.loss = 0
	s = w.watch("clean again", 10*time.Second)
	if s[9].current != high {
		t.Errorf("ten seconds after, layer %d is sent", s[9].current)
	}
}

// Half of what is sent fits: the middle layer stays, without a queue.
func TestHalf(t *testing.T) {
	w := newWorld(t, 10e6)
	w.watch("wide", 5*time.Second)
	w.rate = 900_000
	s := w.watch("half", 40*time.Second)
	if worst(s[5:]) < low || share(s[5:], middle) < 0.9 {
		t.Errorf("the middle layer was sent in %.2f of the seconds", share(s[5:], middle))
	}
	for i, s := range s[4:] {
		if s.queue > 250*time.Millisecond {
			t.Errorf("second %d has a queue of %v", i+5, s.queue)
		}
	}
}

// A flow that yields to nobody takes half of the line, and goes.
func TestRival(t *testing.T) {
	w := newWorld(t, 2.4e6)
	w.watch("alone", 10*time.Second)
	w.rival = 1.2e6
	s := w.watch("rival", 30*time.Second)
	if share(s[4:], middle) < 0.9 {
		t.Errorf("beside a rival the middle layer was sent in %.2f of the seconds", share(s[4:], middle))
	}
	w.rival = 0
	s = w.watch("alone again", 12*time.Second)
	if s[9].current != high {
		t.Errorf("ten seconds after, layer %d is sent", s[9].current)
	}
}

func TestJitter(t *testing.T) {
	w := newWorld(t, 10e6)
	w.jitter = 30 * time.Millisecond
	if s := w.watch("jitter", 60*time.Second); share(s[1:], high) < 0.95 || worst(s[1:]) < middle {
		t.Errorf("with jitter the top layer was sent in %.2f of the seconds, the lowest was %d", share(s[1:], high), worst(s[1:]))
	}
}

func TestLostFeedback(t *testing.T) {
	w := newWorld(t, 10e6)
	w.deafness = 0.30
	if s := w.watch("deaf", 30*time.Second); worst(s[1:]) != high {
		t.Errorf("layer %d was sent", worst(s[1:]))
	}
	w.rate = 300_000
	if s := w.watch("deaf and narrow", 20*time.Second); s[2].current > low || share(s[6:], low) < 0.99 {
		t.Errorf("layer %d is sent", s[2].current)
	}
	w.rate = 10e6
	if s := w.watch("deaf and freed", 10*time.Second); s[9].current != high {
		t.Errorf("layer %d is sent", s[9].current)
	}
}

// Feedback stays away for two seconds and comes all at once.
func TestLateFeedback(t *testing.T) {
	w := newWorld(t, 10e6)
	w.watch("before", 5*time.Second)
	w.deaf = true
	w.watch("deaf", 2*time.Second)
	w.deaf = false
	if s := w.watch("after", 20*time.Second); worst(s) < middle || s[9].current != high {
		t.Errorf("layers down to %d were sent, at the end %d", worst(s), s[9].current)
	}
}

// Nothing is heard for long: less is sent, but pictures come back.
func TestSilence(t *testing.T) {
	w := newWorld(t, 10e6)
	w.watch("before", 5*time.Second)
	w.deaf = true
	if s := w.watch("deaf", 15*time.Second); s[14].limit == 0 || s[14].limit > 500_000 {
		t.Errorf("nothing heard leaves a limit of %d", s[14].limit)
	}
	w.deaf, w.returning = false, nil
	if s := w.watch("after", 15*time.Second); s[9].current != high {
		t.Errorf("layer %d is sent", s[9].current)
	}
}

func TestReceiverClock(t *testing.T) {
	for _, step := range []time.Duration{500 * time.Millisecond, -500 * time.Millisecond, 2 * time.Second, 10 * time.Second, -10 * time.Second,
		5 * time.Minute, -time.Hour} {
		w := newWorld(t, 10e6)
		w.clock = 2 * time.Hour
		w.watch("before", 5*time.Second)
		w.clock += step
		if s := w.watch(step.String(), 15*time.Second); worst(s) < middle || s[9].current != high {
			t.Errorf("a step of %v: layers down to %d were sent, at the end %d", step, worst(s), s[9].current)
		}
	}
	// A clock that runs a thousandth too fast.
	w := newWorld(t, 10e6)
	for range 60 {
		w.run(time.Second, nil)
		w.clock += time.Millisecond
	}
	if w.current != high {
		t.Errorf("a fast clock: layer %d is sent", w.current)
	}
}

// Numbers wrap, more than once.
func TestWrap(t *testing.T) {
	w := newWorld(t, 10e6)
	w.line.next = 65_000
	if s := w.watch("wrap", 10*time.Second); worst(s[1:]) != high || w.line.Limit() != 0 {
		t.Errorf("layer %d, limit %d", worst(s[1:]), w.line.Limit())
	}
	w.run(400*time.Second, nil)
	w.rate = 300_000
	if s := w.watch("wrapped", 10*time.Second); s[2].current != low {
		t.Errorf("layer %d is sent", s[2].current)
	}
}

// A line that keeps no queue and drops what is above its rate.
func TestPolicer(t *testing.T) {
	w := newWorld(t, 10e6)
	w.buffer = 6000
	w.watch("wide", 5*time.Second)
	w.rate = 300_000
	s := w.watch("policed", 40*time.Second)
	if s[4].current > low || share(s[5:], middle) > 0.2 {
		t.Errorf("layer %d is sent after five seconds, more than the lowest in %.2f of the rest", s[4].current, share(s[5:], middle))
	}
	w.rate = 10e6
	if s := w.watch("freed", 12*time.Second); s[9].current != high {
		t.Errorf("ten seconds after, layer %d is sent", s[9].current)
	}
}

// A receiver that joins on a narrow line.
func TestNarrowFromTheStart(t *testing.T) {
	w := newWorld(t, 300_000)
	if s := w.watch("narrow", 20*time.Second); s[2].current > low || worst(s[5:]) < low {
		t.Errorf("three seconds after, layer %d is sent; layer %d at worst", s[2].current, worst(s[5:]))
	}
}

// With a careful beginning a narrow line is not filled, and a wide one soon has
// everything.
func TestAssume(t *testing.T) {
	for _, base := range []time.Duration{2 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		w := newWorld(t, 10e6)
		w.base = base
		w.line.Assume(600_000)
		if w.line.Limit() != 600_000 {
			t.Fatalf("the limit is %d", w.line.Limit())
		}
		if s := w.watch("wide", 4*time.Second); s[2].current != high {
			t.Errorf("delay %v: three seconds after layer %d is sent", base, s[2].current)
		}
		w.line.Assume(100_000)
		if w.line.Limit() < 1_000_000 && w.line.Limit() != 0 {
			t.Error("a known line was assumed to be narrow")
		}
		w = newWorld(t, 300_000)
		w.base = base
		w.line.Assume(600_000)
		for i, s := range w.watch("narrow", 10*time.Second) {
			if s.current > low && i > 0 || i > 2 && s.queue > 200*time.Millisecond {
				t.Errorf("delay %v: second %d has layer %d and a queue of %v", base, i+1, s.current, s.queue)
			}
		}
	}
	// A receiver that agreed and gives none is judged by its reports.
	var l Line
	now := begin
	l.Sent(100, now)
	l.Assume(600_000)
	if l.Report(0.5, 1_000_000, now.Add(time.Second)); l.Limit() != 600_000 {
		t.Errorf("a report at the beginning made it %d", l.Limit())
	}
	if l.Report(0, 1_000_000, now.Add(4*time.Second)); l.Limit() != 0 {
		t.Errorf("without feedback it is still %d", l.Limit())
	}
}

// Jitter on a line that just carries everything, with and without packets
// overtaking each other.
func TestJitterOnFullLine(t *testing.T) {
	for _, reorders := range []bool{false, true} {
		w := newWorld(t, 3e6)
		w.jitter, w.reorders = 30*time.Millisecond, reorders
		if s := w.watch("jitter", 60*time.Second); share(s[1:], high) < 0.9 || worst(s[1:]) < middle {
			t.Errorf("overtaking %v: the top layer was sent in %.2f of the seconds, the lowest was %d", reorders, share(s[1:], high), worst(s[1:]))
		}
	}
}

// What TestThrottledAndFreed shows of one line holds on many.
func TestManyLines(t *testing.T) {
	for _, base := range []time.Duration{2 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		for _, buffer := range []int{8 << 10, 32 << 10, 64 << 10} {
			for _, jitter := range []time.Duration{0, 10 * time.Millisecond, 30 * time.Millisecond} {
				for _, loss := range []float64{0, 0.02, 0.05} {
					for seed := range uint64(3) {
						w := newWorld(t, 10e6)
						w.random = rand.New(rand.NewPCG(seed, 1))
						w.base, w.buffer, w.jitter, w.loss = base, buffer, jitter, loss
						name := fmt.Sprintf("delay %v, buffer %d, jitter %v, loss %.2f, seed %d", base, buffer, jitter, loss, seed)
						w.run(5*time.Second, nil)
						if w.current < middle {
							t.Errorf("%s: layer %d on a wide line", name, w.current)
						}
						w.rate = 300_000
						w.run(3*time.Second, nil)
						if target := w.choices[1].Layer; target > low {
							t.Errorf("%s: layer %d is the target three seconds after", name, target)
						}
						w.run(17*time.Second, nil)
						w.rate, w.longestGap = 10e6, 0
						w.run(10*time.Second, nil)
						if w.current != high {
							t.Errorf("%s: layer %d ten seconds after, limit %d", name, w.current, w.line.Limit())
						}
						if w.longestGap > time.Second {
							t.Errorf("%s: no picture for %v", name, w.longestGap)
						}
					}
				}
			}
		}
	}
}

// A radio that stalls now and then loses nothing and narrows nothing.
func TestStalls(t *testing.T) {
	w := newWorld(t, 10e6)
	var all []second
	for range 15 {
		all = append(all, w.watch("stalls", 2*time.Second)...)
		w.serving = w.at + 250*time.Millisecond
	}
	if share(all[1:], high) < 0.8 || worst(all[1:]) < middle {
		t.Errorf("the top layer was sent in %.2f of the seconds, the lowest was %d", share(all[1:], high), worst(all[1:]))
	}
}

// The way back is full: feedback is late, and says nothing about the way there.
func TestFullWayBack(t *testing.T) {
	w := newWorld(t, 10e6)
	w.watch("before", 5*time.Second)
	for i := range 20 {
		w.back = time.Duration(i) * 50 * time.Millisecond
		if s := w.watch("back", time.Second); worst(s) != high {
			t.Errorf("with feedback %v late layer %d is sent", w.back, worst(s))
		}
	}
}

// Lines that are narrow for good: no queue, few switches, the line used.
func TestSteadyLines(t *testing.T) {
	for _, jitter := range []time.Duration{0, 20 * time.Millisecond} {
		for _, test := range []struct {
			rate  float64
			layer pace.Layer
			used  float64 // of the line
		}{{120e3, pace.None, 0.4}, {150e3, pace.None, 0.6}, {200e3, low, 0.7}, {300e3, low, 0.6}, {450e3, low, 0.6}, {600e3, middle, 0.5},
			{800e3, middle, 0.6}, {1e6, middle, 0.5}, {1.5e6, middle, 0.6}, {2e6, middle, 0.5}, {2.3e6, high, 0.7}, {3e6, high, 0.5}} {
			for seed := range uint64(3) {
				w := newWorld(t, test.rate)
				w.jitter, w.random = jitter, rand.New(rand.NewPCG(seed, 1))
				w.run(10*time.Second, nil)
				switches := w.switches
				var got, late int
				lowest := high
				w.longestGap, w.longestQueue = 0, 0
				w.run(60*time.Second, func(int) {
					got += w.got[low] + w.got[middle] + w.got[high]
					lowest = min(lowest, w.current)
					if w.longestQueue > 200*time.Millisecond {
						late++
					}
					w.longestQueue = 0
				})
				used := (float64(got)*8/60 + 55_000) / test.rate
				name := fmt.Sprintf("%.0f kbit/s, jitter %v, seed %d", test.rate/1000, jitter, seed)
				if lowest < test.layer-1 || used < test.used {
					t.Errorf("%s: down to layer %d, %.2f of the line used, limit %d", name, lowest, used, w.line.Limit())
				}
				if w.switches-switches > 6 {
					t.Errorf("%s: %d switches in a minute", name, w.switches-switches)
				}
				if test.rate >= 200e3 && (late > 0 || w.longestGap > time.Second) {
					t.Errorf("%s: a queue in %d of 60 seconds, no picture for %v", name, late, w.longestGap)
				}
			}
		}
	}
}

// A receiver whose sound gets no feedback says nothing once no picture fits. Its line is asked all the same.
func TestALineWithoutPicturesIsAsked(t *testing.T) {
	var l Line
	now := time.Unix(0, 0)
	l.Sent(1000, now)
	l.Assume(50_000)
	l.Wanted(1_500_000)
	probed := 0
	for range 2000 { // ten seconds
		now = now.Add(5 * time.Millisecond)
		for octets := l.Tick(now); octets > 0; octets -= 255 {
			l.Sent(255, now)
			probed += 255
		}
	}
	if probed != 0 {
		t.Fatalf("%d octets of probes before any feedback", probed)
	}
	firstArrived(t, &l, now)
	now = now.Add(2 * time.Second)
	for range 2000 {
		now = now.Add(5 * time.Millisecond)
		for octets := l.Tick(now); octets > 0; octets -= 255 {
			l.Sent(255, now)
			probed += 255
		}
	}
	if probed < 4000 || probed > 20_000 {
		t.Fatalf("%d octets of probes in ten seconds of silence", probed)
	}
}

// firstArrived tells a line that the packet with number 0 came.
func firstArrived(t *testing.T, l *Line, now time.Time) {
	t.Helper()
	f := rtcp.TransportLayerCC{Header: rtcp.Header{Count: 15, Type: 205, Length: 5}, PacketStatusCount: 1, ReferenceTime: 9,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 1}}, RecvDeltas: []*rtcp.RecvDelta{{Type: 1, Delta: 250}}}
	b, err := f.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Feedback(b[12:], now); err != nil {
		t.Fatal(err)
	}
}
