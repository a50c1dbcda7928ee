package line

import (
	"testing"
	"time"

	"huisclos/media/pace"
)

var begin = time.Unix(1_700_000_000, 0)

// limited is a line with a limit, set as feedback would.
func limited(limit float64) *Line {
	l := &Line{anyFeedback: true}
	l.clock(begin)
	l.estimate.limit = limit
	return l
}

func TestReleaseWithoutLimit(t *testing.T) {
	var l Line
	for range 10_000 {
		if verdict, when := l.Release(1200, pace.Thumbnail, true, begin); verdict != Go || !when.Equal(begin) {
			t.Fatalf("verdict %d", verdict)
		}
	}
}

func TestRelease(t *testing.T) {
	l := limited(1_000_000) // 1.25 Mbit/s on the wire: 7.68 ms for 1,200 octets
	if verdict, _ := l.Release(1200, pace.Speaker, true, begin); verdict != Go {
		t.Fatal("the first packet does not go at once")
	}
	for i := range 20 {
		verdict, when := l.Release(1200, pace.Speaker, false, begin)
		if want := begin.Add(time.Duration(i+1) * 7680 * time.Microsecond); verdict != Wait || !when.Equal(want) {
			t.Fatalf("packet %d: verdict %d, in %v", i+1, verdict, when.Sub(begin))
		}
	}
	if verdict, when := l.Release(100, pace.Sound, true, begin); verdict != Go || !when.Equal(begin) {
		t.Fatal("sound waits")
	}
	later := begin.Add(time.Second)
	if verdict, when := l.Release(1200, pace.Speaker, true, later); verdict != Go || !when.Equal(later) {
		t.Fatal("an idle line is not free")
	}
}

// A line that is behind begins no new frames, those of the least worth first.
func TestReleaseDrops(t *testing.T) {
	for _, test := range []struct {
		class pace.Class
		after time.Duration
	}{{pace.Thumbnail, 250 * time.Millisecond}, {pace.Speaker, 400 * time.Millisecond}, {pace.Screen, time.Second}} {
		l := limited(100_000)
		var longest time.Duration
		for frames := 0; ; frames++ {
			verdict, when := l.Release(1000, test.class, true, begin) // 64 ms
			if verdict == Drop {
				break
			}
			longest = when.Sub(begin)
			if frames > 100 {
				t.Fatalf("class %d: nothing is dropped", test.class)
			}
		}
		if longest > test.after || longest < test.after-70*time.Millisecond {
			t.Errorf("class %d: a frame waits for %v", test.class, longest)
		}
		// A frame that has begun goes on, but not without end.
		n := 0
		for ; ; n++ {
			if verdict, _ := l.Release(1000, test.class, false, begin); verdict == Drop {
				break
			}
			if n > 1000 {
				t.Fatalf("class %d: a frame has no end", test.class)
			}
		}
		if n == 0 {
			t.Errorf("class %d: the rest of a frame is dropped", test.class)
		}
	}
}

// Sound that alone fills the line does not put pictures off for ever.
func TestReleaseMuchSound(t *testing.T) {
	l := limited(60_000)
	now := begin
	for range 1000 {
		l.Release(400, pace.Sound, true, now)
		now = now.Add(time.Millisecond)
	}
	now = now.Add(soundMost)
	if verdict, _ := l.Release(1000, pace.Screen, true, now); verdict != Go {
		t.Fatalf("after the sound ended: verdict %d", verdict)
	}
}

// A packet costs no allocation, nor does feedback.
func TestAllocations(t *testing.T) {
	l := &Line{}
	now := begin
	l.Sent(1000, now)
	next := l.next
	var messages [][]byte
	for i := range uint16(1000) {
		var came []arrival
		for n := range uint16(10) {
			if n != 4 {
				came = append(came, arrival{next + 10*i + n, time.Duration(i)*50*time.Millisecond + time.Duration(n)*4*time.Millisecond})
			}
		}
		messages = append(messages, writeFeedback(came[0].sequence, came, byte(i)))
	}
	i := 0
	if n := testing.AllocsPerRun(900, func() {
		for range 10 {
			now = now.Add(5 * time.Millisecond)
			l.Sent(1000, now)
			l.Release(1000, pace.Speaker, true, now)
		}
		if err := l.Feedback(messages[i], now); err != nil {
			t.Fatal(err)
		}
		l.Tick(now)
		i++
	}); n != 0 {
		t.Fatalf("ten packets and a message cost %v allocations", n)
	}
	if l.heard == 0 || l.arrivals.rate() == 0 {
		t.Fatal("the feedback was not taken")
	}
}

func BenchmarkSent(b *testing.B) {
	var l Line
	now := begin
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Microsecond)
		l.Sent(1000, now)
		l.Release(1000, pace.Speaker, true, now)
	}
}

// BenchmarkFeedback is a message of 50 packets.
func BenchmarkFeedback(b *testing.B) {
	l := limited(2_000_000)
	now := begin
	var came []arrival
	for n := range uint16(50) {
		came = append(came, arrival{n, time.Duration(n) * time.Millisecond})
	}
	message := writeFeedback(0, came, 0)
	b.ReportAllocs()
	for b.Loop() {
		for range 50 {
			now = now.Add(time.Millisecond)
			l.Sent(1000, now)
		}
		base := l.next - 50
		message[0], message[1] = byte(base>>8), byte(base)
		if err := l.Feedback(message, now); err != nil {
			b.Fatal(err)
		}
	}
}

// The costliest message for its length: a run over all numbers.
func BenchmarkLongRun(b *testing.B) {
	l := &Line{}
	for i := range ringSize {
		l.Sent(100, begin.Add(time.Duration(i)*time.Millisecond))
	}
	message := []byte{0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x1f, 0xff, 0x00, 0x07}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.Feedback(message, begin); err != nil {
			b.Fatal(err)
		}
	}
}

// A line that is known to carry far more than is wanted paces nothing.
func TestReleaseOnAWideLine(t *testing.T) {
	l := limited(1_000_000)
	l.anyFeedback = true
	l.Wanted(700_000)
	for range 50 {
		if verdict, when := l.Release(1200, pace.Thumbnail, true, begin); verdict != Go || !when.Equal(begin) {
			t.Fatalf("verdict %d, in %v", verdict, when.Sub(begin))
		}
	}
	l.Wanted(800_000)
	l.Release(12_000, pace.Thumbnail, true, begin)
	if verdict, _ := l.Release(1200, pace.Thumbnail, false, begin); verdict != Wait {
		t.Fatal("a line that is just wide enough paces nothing")
	}
}
