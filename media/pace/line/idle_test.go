package line

import (
	"testing"
	"time"

	"huisclos/media/pace"
)

// A line that carries all that is wanted needs no look every few milliseconds: Tick would ask nothing of it. One that may be probed does.
func TestIdle(t *testing.T) {
	for name, test := range map[string]struct {
		limit, wanted pace.Bitrate
		heard, idle   bool
	}{
		"room":        {5_000_000, 1_500_000, true, true},
		"no feedback": {5_000_000, 1_500_000, false, false},
		"full":        {1_500_000, 1_500_000, true, false},
		"narrow":      {100_000, 1_500_000, true, false},
		"unknown":     {5_000_000, 0, true, false},
	} {
		var l Line
		now := time.Unix(0, 0)
		l.Sent(1000, now)
		l.Assume(test.limit)
		l.Wanted(test.wanted)
		if test.heard {
			firstArrived(t, &l, now)
		}
		asked, idle := 0, l.Idle()
		for range 400 { // two seconds
			now = now.Add(5 * time.Millisecond)
			octets := l.Tick(now)
			if octets > 0 && l.Idle() {
				t.Errorf("%s: idle with %d octets to send", name, octets)
			}
			for asked += octets; octets > 0; octets -= 255 {
				l.Sent(255, now)
			}
		}
		if idle != test.idle || idle && asked > 0 {
			t.Errorf("%s: idle %v, %d octets asked in two seconds", name, idle, asked)
		}
	}
}
