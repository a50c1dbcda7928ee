package transport

import (
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
)

// Sound is sent twice where packets are lost in the air, and not where they are lost because the line is full of them.
func TestWhenSoundIsSentTwice(t *testing.T) {
	for _, c := range []struct {
		name  string
		width float64 // bit/s
		lose  int     // each so-many-th packet; 0 is none
		want  bool
	}{
		{"a good line", 100e6, 0, false},
		{"a line in bad air", 100e6, 20, true},
		{"a narrow line that is full", 300e3, 0, false},
		{"a narrow line that is full, in bad air", 300e3, 20, false},
		{"a wide line that is full", 1.6e6, 0, true},
	} {
		p := newPacing(nil)
		p.watched = true // by nobody
		recorder := twcc.NewRecorder(1)
		now := time.Unix(1000, 0)
		free := now
		const size, pause, queue = 1000, 4 * time.Millisecond, 250 * time.Millisecond // 2 Mbit/s
		arrivals := make(map[uint16]time.Time)
		var lost int
		for i := range 500 {
			number := p.line.Sent(size, now)
			if free.Before(now) {
				free = now
			}
			if c.lose > 0 && i%c.lose == 0 || free.Sub(now) > queue {
				lost++
			} else {
				free = free.Add(time.Duration(size * 8 / c.width * float64(time.Second)))
				arrivals[number] = free
			}
			if now = now.Add(pause); i%15 == 14 {
				for n := range uint16(i + 1) { // in order
					if at, ok := arrivals[n]; ok && !at.After(now) {
						recorder.Record(1, n, at.UnixMicro())
						delete(arrivals, n)
					}
				}
				for _, packet := range recorder.BuildFeedbackPacket() {
					b, err := packet.Marshal()
					if err != nil {
						t.Fatal(err)
					}
					if err := p.line.Feedback(b[12:], now); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if got := p.repeatsSound(); got != c.want {
			t.Errorf("%s: %v; %d lost, loss %.2f, limit %d, congested %v", c.name, got, lost, p.line.Loss(), p.line.Limit(), p.line.Congested())
		}
	}
}
