package line

import (
	"math"
	"reflect"
	"testing"
	"time"

	"huisclos/media/pace"
)

// A line's memory is bounded and small and follows how much is sent, and a line that sent nothing has no ring.
func TestSize(t *testing.T) {
	var l Line
	if size := reflect.TypeOf(l).Size(); size > 2048 {
		t.Errorf("a line takes %d octets beside its ring", size)
	}
	if l.ring != nil {
		t.Error("a line that sent nothing has a ring")
	}
	l.Assume(1_000_000)
	now := begin
	for _, c := range []struct{ perSecond, octets, kept int }{{40, 1 << 10, 80}, {150, 4 << 10, 300}, {400, 8 << 10, 800}, {20_000, 16 << 10, ringSize}, {20, 16 << 10, ringSize}} {
		for range 3 * c.perSecond {
			now = now.Add(time.Second / time.Duration(c.perSecond))
			l.Sent(1000, now)
		}
		if size := int(reflect.TypeOf(l.ring).Elem().Size()) * len(l.ring); size != c.octets {
			t.Errorf("at %d packets a second its ring takes %d octets, want %d", c.perSecond, size, c.octets)
		}
		for back := 1; back <= c.kept; back++ {
			p := l.packet(l.next - uint16(back))
			if p == nil {
				t.Fatalf("at %d packets a second the one before the last %d is forgotten", c.perSecond, back)
			}
			ago, want := l.at-l.sentAt(l.next-uint16(back)), time.Duration(back-1)*time.Second/time.Duration(c.perSecond)
			if c.perSecond > 20 && (ago-want).Abs() > time.Millisecond { // at 20 those of the rate before are still there
				t.Fatalf("at %d packets a second the one before the last %d was sent %v ago, want %v", c.perSecond, back, ago, want)
			}
		}
	}
}

// TestNoFeedback: a receiver that agreed to give feedback and gives none needs no memory of what it is sent, until it does.
func TestNoFeedback(t *testing.T) {
	var l Line
	l.Assume(1_000_000)
	now := begin
	second := func() {
		for range 1000 {
			now = now.Add(time.Millisecond)
			l.Sent(1000, now)
		}
		l.Report(0, 1_000_000, now)
	}
	if second(); len(l.ring) != 1024 {
		t.Errorf("in the first second it has room for %d packets", len(l.ring))
	}
	for range 2 * silenceAfter / time.Second {
		second()
	}
	if len(l.ring) != firstRing {
		t.Errorf("without feedback it has room for %d packets", len(l.ring))
	}
	last := l.next - 1
	if err := l.Feedback(writeFeedback(last-1, []arrival{{last - 1, time.Second}, {last, time.Second + time.Millisecond}}, 1), now); err != nil {
		t.Fatal(err)
	}
	if second(); len(l.ring) < 1024 {
		t.Errorf("when feedback comes after all it has room for %d packets", len(l.ring))
	}
}

func TestThroughput(t *testing.T) {
	var r throughput
	for i := range 200 {
		r.add(1250, time.Duration(i)*10*time.Millisecond) // 1 Mbit/s
		if got := r.rate(); i > 25 && math.Abs(got-1e6) > 0.12e6 {
			t.Fatalf("after %d packets %v", i, got)
		}
	}
	// What a lost message would have spoken of.
	r.spread(125*40, 200*10*time.Millisecond+390*time.Millisecond)
	r.add(1250, 2400*time.Millisecond)
	if got := r.rate(); got < 0.1e6 || got > 1.2e6 {
		t.Fatalf("with a gap %v", got)
	}
	r.add(1250, -time.Hour)
	r.add(1250, 1000*time.Hour)
	if got := r.rate(); got != 0 {
		t.Fatalf("after a jump %v", got)
	}
}

func TestFloor(t *testing.T) {
	var f floor
	const s, ms = time.Second, time.Millisecond
	for _, step := range []struct{ value, at, above time.Duration }{
		{50 * ms, 0, 0}, {30 * ms, s, 0}, {80 * ms, 2 * s, 50 * ms},
		{90 * ms, 6 * s, 60 * ms}, {90 * ms, 9 * s, 60 * ms}, // the least is remembered into the next five seconds
		{90 * ms, 12 * s, 0}, // and no longer
		{95 * ms, 60 * s, 0}, // nor over a silence
	} {
		if got := f.above(step.value, step.at); got != step.above {
			t.Errorf("%v at %v is %v above, want %v", step.value, step.at, got, step.above)
		}
	}
}

func TestTrend(t *testing.T) {
	feed := func(more func(i int) time.Duration) (over, under int) {
		var w trend
		arrival := time.Hour
		for i := range 200 {
			sent := time.Duration(i) * 20 * time.Millisecond
			arrival = max(time.Hour+sent+more(i), arrival)
			w.arrived(sent, arrival)
			switch w.usage {
			case overuse:
				over++
			case underuse:
				under++
			}
		}
		return over, under
	}
	if over, under := feed(func(int) time.Duration { return 0 }); over+under != 0 {
		t.Errorf("a still line is overused %d and underused %d times", over, under)
	}
	if over, _ := feed(func(i int) time.Duration { return time.Duration(i) * 2 * time.Millisecond }); over < 100 {
		t.Errorf("a queue that grows by a tenth is seen in %d of 200", over)
	}
	if over, under := feed(func(i int) time.Duration { return time.Duration(max(400-2*i, 0)) * time.Millisecond }); over > 0 || under < 100 {
		t.Errorf("a queue that shrinks is overuse %d and underuse %d times", over, under)
	}
	if over, _ := feed(func(i int) time.Duration { return time.Duration(i*7919%10) * time.Millisecond }); over > 5 {
		t.Errorf("jitter is overuse %d times", over)
	}
}

// Without evidence the limit does not grow, and sending little does not sink it.
func TestApplicationLimited(t *testing.T) {
	e := estimate{limit: 1_000_000}
	for i := range 600 {
		e.update(observed{acked: 100_000, arrived: 5}, time.Duration(i)*100*time.Millisecond)
	}
	if e.limit != 1_000_000 {
		t.Errorf("a minute of little made it %v", e.limit)
	}
	e = estimate{limit: 100_000}
	for i := range 600 {
		e.update(observed{acked: 100_000, arrived: 5}, time.Duration(i)*100*time.Millisecond)
	}
	if most := evidence*100_000 + evidenceExtra; e.limit > most || e.limit < 0.9*most {
		t.Errorf("a minute of 100 kbit/s made it %v, want %v", e.limit, most)
	}
}

// One false sign of a queue does not take more than half of what once arrived.
func TestOneSign(t *testing.T) {
	var e estimate
	at := time.Duration(0)
	for range 50 {
		at += 100 * time.Millisecond
		e.update(observed{acked: 2_000_000, arrived: 20}, at)
	}
	for range 20 {
		at += 100 * time.Millisecond
		e.update(observed{acked: 60_000, arrived: 5}, at)
	}
	e.update(observed{acked: 60_000, arrived: 5, usage: overuse}, at+100*time.Millisecond)
	if e.limit < 900_000 {
		t.Errorf("one sign made it %v", e.limit)
	}
}

// A receiver without transport-wide feedback is judged by its reports.
func TestReportsAlone(t *testing.T) {
	var l Line
	now := begin
	if l.Limit() != 0 {
		t.Fatal("a new line has a limit")
	}
	for range 3 {
		now = now.Add(1100 * time.Millisecond)
		l.Report(0.5, 1_000_000, now)
	}
	if got := l.Limit(); got <= 0 || got >= 1_000_000 {
		t.Fatalf("half of everything lost leaves %d", got)
	}
	if verdict, _ := l.Release(60_000, pace.Speaker, true, now); verdict != Go {
		t.Fatal("the first frame does not go")
	}
	if verdict, _ := l.Release(1000, pace.Speaker, true, now); verdict == Go {
		t.Fatal("what was found is not paced")
	}
	if octets := l.Tick(now); octets != 0 {
		t.Fatalf("probes of %d without feedback to see them", octets)
	}
	// From the first feedback on, that counts.
	sequence := l.Sent(1000, now)
	if err := l.Feedback(writeFeedback(sequence, []arrival{{sequence, time.Second}}, 0), now.Add(50*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if l.Report(0.9, 1_000_000, now.Add(5*time.Second)) || l.Limit() != 0 {
		t.Fatalf("reports still count: %d", l.Limit())
	}
}

// Probes stay within their share on a line that gives nothing more, and none is
// sent while nothing is wanted, or the line is congested.
func TestProbeShare(t *testing.T) {
	w := newWorld(t, 300_000)
	w.run(10*time.Second, nil)
	before, at := w.padding, w.at
	w.run(120*time.Second, nil)
	if share := float64(w.padding-before) * 8 / (300_000 * (w.at - at).Seconds()); share > probeShare {
		t.Errorf("probes took %.3f of the line", share)
	} else if share == 0 {
		t.Error("nothing was probed")
	}
	w.height = 0
	w.run(time.Second, nil)
	before = w.padding
	w.run(10*time.Second, nil)
	if w.padding != before {
		t.Error("it is probed although nothing is wanted")
	}
	w.height = 720
	w.run(5*time.Second, nil)
	w.rival = 290_000
	w.run(3*time.Second, nil)
	before = w.padding
	for range 100 {
		w.line.estimate.trouble, w.line.estimate.anyTrouble = w.at, true
		w.run(50*time.Millisecond, nil)
	}
	if w.padding != before {
		t.Error("it is probed although the line is congested")
	}
}
