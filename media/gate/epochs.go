package gate

import "time"

// Grace is how long frames of a superseded epoch still pass, so that packets
// under way and senders about to switch are not cut off.
const Grace = 3 * time.Second

// maxSuperseded keeps the low bytes of the epochs in memory distinct, with room
// to tell a late frame from an early one.
const maxSuperseded = 100

// Epochs are the epochs whose frames pass: the current one and those that were
// superseded at most Grace ago. Its zero value passes nothing.
type Epochs struct {
	known      bool
	current    uint64
	superseded []superseded
}

type superseded struct {
	epoch uint64
	until time.Time
}

// Set makes epoch the current one. Going back is not possible.
func (e *Epochs) Set(epoch uint64, now time.Time) {
	if e.known && epoch <= e.current {
		return
	}
	if e.known {
		kept := e.superseded[:0]
		for _, s := range e.superseded {
			if now.Before(s.until) {
				kept = append(kept, s)
			}
		}
		if len(kept) == maxSuperseded {
			kept = append(kept[:0], kept[1:]...)
		}
		e.superseded = append(kept, superseded{e.current, now.Add(Grace)})
	}
	e.known, e.current = true, epoch
}

// Current is the epoch that senders should use.
func (e *Epochs) Current() uint64 { return e.current }

// match finds the living epoch whose low byte a KID carries.
func (e *Epochs) match(low uint8, now time.Time) (uint64, Reason) {
	if !e.known {
		return 0, FutureEpoch
	}
	if uint8(e.current) == low {
		return e.current, ""
	}
	for i := len(e.superseded) - 1; i >= 0; i-- {
		if s := e.superseded[i]; uint8(s.epoch) == low && !now.After(s.until) {
			return s.epoch, ""
		}
	}
	if int8(low-uint8(e.current)) > 0 {
		return 0, FutureEpoch
	}
	return 0, OldEpoch
}

func (e *Epochs) alive(epoch uint64, now time.Time) bool {
	if epoch == e.current {
		return true
	}
	for _, s := range e.superseded {
		if s.epoch == epoch && !now.After(s.until) {
			return true
		}
	}
	return false
}
