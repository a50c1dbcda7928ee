package line

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"huisclos/media/pace"
)

// sane holds what must be true of a line whatever it was told.
func sane(t *testing.T, l *Line) {
	t.Helper()
	e := &l.estimate
	for name, v := range map[string]float64{"limit": e.limit, "wanted": e.wanted, "peak": e.peak, "middle": e.middle, "spread": e.spread,
		"loss": e.loss, "threshold": l.trend.threshold, "slope": l.trend.slope, "credit": l.prober.credit, "ceiling": l.prober.ceiling} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("%s is %v", name, v)
		}
		if v < 0 && name != "slope" && name != "credit" {
			t.Fatalf("%s is %v", name, v)
		}
	}
	if e.limit != 0 && (e.limit < leastLim || e.limit > mostLim) {
		t.Fatalf("the limit is %v", e.limit)
	}
	if wait := l.stalls.wait(); wait < 0 || wait > stallMost || l.stalls.lasted() < 0 || l.stalls.rate() < 0 || l.sending.mean < 0 {
		t.Fatalf("stalls %+v, sending %+v", l.stalls, l.sending)
	}
	if e.loss > 1 || l.Limit() < 0 {
		t.Fatalf("loss %v, limit %d", e.loss, l.Limit())
	}
}

// FuzzFeedback gives a line arbitrary messages at arbitrary times, between
// packets, ticks and releases. Its input is a list of actions.
func FuzzFeedback(f *testing.F) {
	action := func(kind byte, step int16, body []byte) []byte {
		b := binary.BigEndian.AppendUint16([]byte{kind}, uint16(step))
		return append(append(b, byte(len(body))), body...)
	}
	var seed []byte
	for i := range uint16(60) {
		seed = append(seed, action(0, 5, nil)...)
		if i%10 == 9 {
			var came []arrival
			for n := i - 9; n <= i; n++ {
				came = append(came, arrival{n, time.Duration(n) * time.Duration(5+i/3) * time.Millisecond})
			}
			seed = append(seed, action(1, 3, writeFeedback(i-9, came, byte(i)))...)
			seed = append(seed, action(2, 3, nil)...)
		}
	}
	f.Add(seed)
	f.Add(action(1, -3000, writeFeedback(0, []arrival{{0, 0}}, 0)))
	f.Add(append(append(action(0, 0, nil), action(1, 32767, writeFeedback(0, []arrival{{0, 9 * time.Hour}}, 0))...), action(3, -1, nil)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var l Line
		now := time.Unix(1_700_000_000, 0)
		l.Wanted(3_000_000)
		for len(b) >= 4 {
			kind, step, n := b[0]%6, int16(binary.BigEndian.Uint16(b[1:])), int(b[3])
			b = b[4:]
			n = min(n, len(b))
			body := b[:n]
			b = b[n:]
			now = now.Add(time.Duration(step) * time.Millisecond)
			switch kind {
			case 0:
				l.Sent(100+8*n, now)
			case 1:
				if err := l.Feedback(body, now); err == nil {
					if _, err := parseFeedback(body); err != nil {
						t.Fatal("a malformed message was taken")
					}
				}
			case 2:
				if octets := l.Tick(now); octets < 0 || octets > 1<<24 {
					t.Fatalf("%d octets of padding", octets)
				}
			case 3:
				class := pace.Class(n % 4)
				verdict, when := l.Release(n*8, class, n%2 == 0, now)
				if class == pace.Sound && (verdict != Go || !when.Equal(now)) {
					t.Fatal("sound was held up")
				}
				if wait := when.Sub(now); wait < 0 || wait > 3*time.Second {
					t.Fatalf("a packet is to wait for %v", wait)
				}
			case 5:
				l.Assume(pace.Bitrate(step) * 1000)
			case 4:
				l.Report(float64(n)/255, pace.Bitrate(step)*1000, now)
			}
			sane(t, &l)
		}
	})
}

// FuzzParse reads arbitrary messages: whatever is taken speaks of as many packets as it says.
func FuzzParse(f *testing.F) {
	f.Add([]byte{0, 1, 0, 1, 0, 0, 0, 0, 0x20, 1, 4})
	f.Add([]byte{0, 1, 0, 9, 0, 0, 0, 0, 0xd8, 0, 4, 0, 8, 0, 2, 0, 0, 0})
	f.Add(writeFeedback(65_530, []arrival{{65_531, time.Second}, {3, 2 * time.Second}, {4, time.Second}}, 7))
	f.Fuzz(func(t *testing.T, b []byte) {
		f, err := parseFeedback(b)
		if err != nil {
			return
		}
		if came, gone := f.arrivals(0); len(came)+gone != f.count {
			t.Fatalf("%d came and %d did not, of %d", len(came), gone, f.count)
		}
	})
}
