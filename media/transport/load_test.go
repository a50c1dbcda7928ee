package transport

import (
	"math"
	"testing"
	"time"
)

func TestLoad(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, test := range []struct {
		name  string
		parts []float64 // of each turn's time that it is busy
		cores int
		want  float64
	}{
		{"idle", []float64{0, 0, 0}, 2, 0},
		{"all cores half busy", []float64{0.5, 0.5}, 2, 0.5},
		{"four turns share two cores", []float64{0.4, 0.4, 0.4, 0.4}, 2, 0.8},
		{"one turn is full, though cores are free", []float64{1, 0, 0, 0}, 8, 1},
		{"waiting for the processor counts", []float64{1, 1, 1, 1}, 2, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var l load
			spent := make([]time.Duration, len(test.parts))
			for i := range 101 {
				l.measure(append([]time.Duration(nil), spent...), test.cores, at.Add(time.Duration(i)*200*time.Millisecond))
				for turn, part := range test.parts {
					spent[turn] += time.Duration(part * float64(200*time.Millisecond))
				}
			}
			if got := l.now(); math.Abs(got-test.want) > 0.01 {
				t.Fatalf("load %v, want %v", got, test.want)
			}
		})
	}
	// A burst of a moment is not a load, a clock that stands still divides by nothing.
	var l load
	l.measure([]time.Duration{0}, 2, at)
	l.measure([]time.Duration{200 * time.Millisecond}, 2, at.Add(200*time.Millisecond))
	if got := l.now(); got > 0.15 || got <= 0 {
		t.Fatalf("a moment's burst is a load of %v", got)
	}
	l.measure([]time.Duration{time.Second}, 2, at.Add(200*time.Millisecond))
	if got := l.now(); math.IsNaN(got) || got > 0.15 {
		t.Fatalf("no time at all gives %v", got)
	}
}

// The turns' time is counted while media flows.
func TestLoadOfACall(t *testing.T) {
	s := newStage(t)
	a, b := s.join("a", 1), s.join("b", 2)
	a.stream()
	until(t, "media", func() bool { return b.count(track(1, 0)) > 5 })
	until(t, "a load above nothing", func() bool { return s.server.Load() > 0 })
	if s.server.Load() > busyAt || s.server.Busy() {
		t.Fatalf("a call of two is a load of %v", s.server.Load())
	}
}
