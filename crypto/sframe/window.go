package sframe

// WindowSize is how far behind the newest counter an unseen one is still taken.
// It covers what a network reorders and what simulcast layers interleave.
const WindowSize = 1024

// Window remembers which counters of one KID were seen. Its zero value has seen
// none. It says "not twice" and never "must grow": layers of one stream share a
// counter and their packets overtake each other.
type Window struct {
	seen [WindowSize / 64]uint64 // bit ctr mod WindowSize, for newest-WindowSize < ctr ≤ newest
	// newest is meaningful once any is set.
	newest uint64
	any    bool
}

// Fresh says whether ctr was neither seen nor left behind. It changes nothing:
// a receiver marks only what it has authenticated.
func (w *Window) Fresh(ctr uint64) bool {
	if !w.any || ctr > w.newest {
		return true
	}
	return w.newest-ctr < WindowSize && w.seen[ctr/64%uint64(len(w.seen))]&(1<<(ctr%64)) == 0
}

// Mark records ctr and says whether it was fresh.
func (w *Window) Mark(ctr uint64) bool {
	if !w.Fresh(ctr) {
		return false
	}
	switch {
	case !w.any || ctr > w.newest && ctr-w.newest >= WindowSize:
		clear(w.seen[:])
		w.newest, w.any = ctr, true
	case ctr > w.newest:
		for c := w.newest + 1; c != ctr; c++ {
			w.seen[c/64%uint64(len(w.seen))] &^= 1 << (c % 64)
		}
		w.newest = ctr
	}
	w.seen[ctr/64%uint64(len(w.seen))] |= 1 << (ctr % 64)
	return true
}
