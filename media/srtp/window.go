package srtp

const (
	windowWords = 16
	// windowSize is how far behind the highest index a new one is still taken.
	// One word of the ring is always being filled (RFC 6479 §2). RFC 3711 §3.3.2
	// wants 64 at least; this is about a second of the fastest stream.
	windowSize = (windowWords - 1) * 64
)

// window remembers which indices were used. Its zero value has seen none.
type window struct {
	seen [windowWords]uint64 // bit index mod 1024
	next uint64              // one more than the highest index, 0 before the first
}

// fresh says whether index was neither used nor left behind. It changes nothing.
func (w *window) fresh(index uint64) bool {
	if index >= w.next {
		return true
	}
	return w.next-1-index < windowSize && w.seen[index/64%windowWords]&(1<<(index%64)) == 0
}

// mark records an index that is fresh.
func (w *window) mark(index uint64) {
	if index >= w.next {
		if w.next > 0 {
			from := (w.next - 1) / 64
			for n := min(index/64-from, windowWords); n > 0; n-- {
				w.seen[(from+n)%windowWords] = 0
			}
		}
		w.next = index + 1
	}
	w.seen[index/64%windowWords] |= 1 << (index % 64)
}
