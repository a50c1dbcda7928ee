package pace

import "time"

const (
	// Loss above highLoss shrinks the budget, below lowLoss it grows (the loss
	// controller of draft-ietf-rmcat-gcc-02 §6).
	highLoss = 0.10
	lowLoss  = 0.02

	growth     = 1.08 // per grow interval
	growEvery  = time.Second
	cutEvery   = time.Second
	leastLimit = Bitrate(150_000)
	// freedAt lifts a limit that is so far above what is sent that it means
	// nothing any more.
	freedAt = 4
)

// Budget is what one receiver's line was found to carry, from its loss reports
// alone: for receivers that give no transport-wide feedback. Its zero value has
// no limit.
type Budget struct {
	limit   Bitrate
	changed time.Time
}

// Limit is zero while no loss has been seen.
func (b *Budget) Limit() Bitrate { return b.limit }

// Report notes the fraction of packets lost since the last report, and what was
// being sent. It says whether the limit changed.
func (b *Budget) Report(lost float64, sent Bitrate, now time.Time) bool {
	switch {
	case lost > highLoss && now.Sub(b.changed) >= cutEvery:
		from := sent
		if b.limit > 0 && b.limit < from {
			from = b.limit
		}
		b.limit = max(Bitrate(float64(from)*(1-0.5*min(lost, 1))), leastLimit)
	case lost < lowLoss && b.limit > 0 && now.Sub(b.changed) >= growEvery:
		b.limit = Bitrate(float64(b.limit) * growth)
		if b.limit > freedAt*max(sent, leastLimit) {
			b.limit = 0
		}
	default:
		return false
	}
	b.changed = now
	return true
}
