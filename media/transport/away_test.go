package transport

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// TestAway: the round trip is what passed since the report that a receiver names, less what the receiver says it kept it
// (RFC 3550 §6.4.1); one that says what cannot be changes nothing.
func TestAway(t *testing.T) {
	now := time.Unix(1_700_000_000, 250_000_000)
	sent := func(ago time.Duration) uint32 { return uint32(toNTP(now.Add(-ago)) >> 16) }
	units := func(d time.Duration) uint32 { return uint32(d * 65536 / time.Second) }
	for name, c := range map[string]struct {
		block rtcp.ReceptionReport
		want  time.Duration
	}{
		"a line of 80 ms":              {rtcp.ReceptionReport{LastSenderReport: sent(580 * time.Millisecond), Delay: units(500 * time.Millisecond)}, 80 * time.Millisecond},
		"over the turn of a second":    {rtcp.ReceptionReport{LastSenderReport: sent(1300 * time.Millisecond), Delay: units(time.Second)}, 300 * time.Millisecond},
		"on the same machine":          {rtcp.ReceptionReport{LastSenderReport: sent(time.Second), Delay: units(time.Second)}, time.Microsecond},
		"no report has come yet":       {rtcp.ReceptionReport{Delay: units(time.Second)}, 0},
		"more delay than there was":    {rtcp.ReceptionReport{LastSenderReport: sent(time.Second), Delay: units(2 * time.Second)}, 0},
		"a report of tomorrow":         {rtcp.ReceptionReport{LastSenderReport: sent(-time.Hour), Delay: 0}, 0},
		"what wraps, of a far past":    {rtcp.ReceptionReport{LastSenderReport: sent(5 * time.Hour), Delay: 0}, 5 * time.Hour},
		"nothing but ones in the past": {rtcp.ReceptionReport{LastSenderReport: sent(time.Second), Delay: 0xffffffff}, time.Second},
	} {
		var l losses
		l.away(c.block, now)
		if off := (l.farthest - c.want).Abs(); off > time.Millisecond {
			t.Errorf("%s: %v, want %v", name, l.farthest, c.want)
		}
		if before := l.farthest; before > 0 {
			l.away(rtcp.ReceptionReport{LastSenderReport: sent(time.Second), Delay: units(time.Second)}, now)
			if l.farthest != before {
				t.Errorf("%s: the farthest of two is %v", name, l.farthest)
			}
		}
	}
}
