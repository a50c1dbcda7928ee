package gate

import "testing"

// Verdicts are kept for more than a second, whatever the rate is, in as much room as that takes.
func TestFramesAreRemembered(t *testing.T) {
	for _, c := range []struct{ rate, most int }{{1, firstMemory}, {25, firstMemory}, {30, 64}, {60, frameMemory}, {90, frameMemory}, {90_000, frameMemory}} {
		var s source
		const first = ^uint32(0) - 200_000 // timestamps begin anew on the way
		for i := range uint32(500) {
			at := first + i*90_000/uint32(c.rate)
			s.remember(frame{known: true, timestamp: at, first: uint16(i)})
			for back := range min(i, uint32(min(c.rate+c.rate/10, c.most-1))) {
				p := Packet{Timestamp: first + (i-back)*90_000/uint32(c.rate)}
				if f := s.find(&p); f == nil || f.first != uint16(i-back) && c.rate <= 90 {
					t.Fatalf("at %d frames a second, frame %d is not known %d frames later: %+v", c.rate, i-back, back, f)
				}
			}
		}
		if len(s.frames) != c.most {
			t.Errorf("at %d frames a second there is room for %d", c.rate, len(s.frames))
		}
	}
}
