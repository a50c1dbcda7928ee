package line

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"huisclos/media/pace"
)

// A line that falls from wide to narrow, behind a queue of a quarter of a second as tbf makes one: what no longer fits is
// stopped before the queue is long, and the picture stays.
func TestFall(t *testing.T) {
	for _, test := range []struct {
		rate          float64
		layers        [pace.Layers]pace.Bitrate
		unheard, flat bool
	}{
		{300e3, layerRates, false, false},
		{300e3, layerRates, true, false},
		{300e3, layerRates, false, true},
		{300e3, layerRates, true, true},
		{300e3, [pace.Layers]pace.Bitrate{100_000, 500_000, 1_500_000}, true, true},
		{800e3, layerRates, false, false},
	} {
		for seed := range uint64(4) {
			w := newWorld(t, 100e6)
			w.random = rand.New(rand.NewPCG(seed, 8))
			w.rates, w.unheard, w.flat = test.layers, test.unheard, test.flat
			w.base, w.overhead, w.bucket = time.Millisecond, 42, 3000
			w.line.Assume(5_000_000)
			name := fmt.Sprintf("%.0f kbit/s, layers %v, sound without feedback %v, no temporal layers %v, seed %d", test.rate/1000, test.layers, test.unheard, test.flat, seed)
			w.run(8*time.Second+time.Duration(seed)*17*time.Millisecond, nil)
			fell := w.at
			w.rate, w.buffer, w.longestGap = test.rate, int(test.rate/8/4)+3000, 0
			seen, least := time.Duration(0), pace.Bitrate(1e9)
			for w.at < fell+3*time.Second {
				w.step()
				limit := w.line.Limit()
				if seen == 0 && limit > 0 && float64(limit) <= test.rate {
					seen = w.at - fell
				}
				if seen > 0 && limit > 0 {
					least = min(least, limit)
				}
			}
			if seen == 0 || seen > 250*time.Millisecond || float64(least) < 0.6*test.rate || w.longestGap > 800*time.Millisecond {
				t.Errorf("%s: seen after %v, then a limit of %d at least, no picture for %v", name, seen, least, w.longestGap)
			}
			t.Logf("%s: seen after %v, least %d, no picture for %v", name, seen, least, w.longestGap)
		}
	}
}

// What looks like a narrow line for a moment and is none.
func TestNoFall(t *testing.T) {
	const ms = time.Millisecond
	for _, rate := range []float64{2.5e6, 4e6, 10e6} {
		for _, pause := range []time.Duration{0, 60 * ms, 100 * ms, 150 * ms, 200 * ms, 300 * ms} {
			for _, slot := range []time.Duration{0, 20 * ms, 60 * ms, 100 * ms} {
				for _, jitter := range []time.Duration{0, 30 * ms} {
					for _, sleeps := range []bool{false, true} {
						w := newWorld(t, rate)
						w.random = rand.New(rand.NewPCG(3, uint64(pause+slot+jitter)))
						w.slot, w.jitter, w.overhead, w.deafness = slot, jitter, 42, 0.05
						if sleeps {
							w.sleeper = newSleeper()
						}
						w.line.Assume(5_000_000)
						w.run(3*time.Second, nil)
						for range 20 {
							w.run(time.Second, nil)
							w.keyAt = [pace.Layers]time.Duration{w.at, w.at, w.at} // somebody else asked for them
							w.serving = w.at + pause
						}
						if w.line.estimate.fall != 0 {
							t.Errorf("%.1f Mbit/s, each second a pause of %v, each %v, jitter %v, the receiver sleeps %v: it was said to fall, at %v the last time",
								rate/1e6, pause, slot, jitter, sleeps, w.line.estimate.fall-fallFor)
						}
					}
				}
			}
		}
	}
}

// The same with what real receivers said (testdata/fall-*.txt tell what they are).
func TestRecordedFalls(t *testing.T) {
	const fell = 4 * time.Second
	for _, name := range []string{"chromium", "native"} {
		file, err := os.Open("testdata/fall-" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var l Line
		l.Assume(5_000_000)
		l.Wanted(1_900_000)
		var seen time.Duration
		for lines := bufio.NewScanner(file); lines.Scan() && seen == 0; {
			var (
				kind, what string
				micros     int64
				size       int
			)
			if n, _ := fmt.Sscan(lines.Text(), &kind, &micros, &what); n == 3 {
				_, _ = fmt.Sscan(what, &size)
			}
			now := begin.Add(time.Duration(micros) * time.Microsecond)
			switch kind {
			case "n":
				l.clock(begin)
				l.next = uint16(micros)
			case "s":
				l.Sent(size, now)
			case "f":
				b, err := hex.DecodeString(what)
				if err == nil {
					err = l.Feedback(b, now)
				}
				if err != nil {
					t.Fatalf("%s: %s: %v", name, lines.Text(), err)
				}
				at := now.Sub(begin)
				if limit := l.Limit(); at < fell && limit < 1_900_000 {
					t.Fatalf("%s: a limit of %d on the wide line", name, limit)
				} else if limit < 300_000 {
					seen = at - fell
				}
			}
		}
		t.Logf("%s: seen after %v, as a limit of %d", name, seen, l.Limit())
		if seen == 0 || seen > 250*time.Millisecond {
			t.Errorf("%s: seen after %v", name, seen)
		}
	}
}
