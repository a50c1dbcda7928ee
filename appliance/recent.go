package appliance

import (
	"bytes"
	"sync"
)

// recent keeps the latest lines that were logged, for a support bundle, in memory alone. A writer of logs writes whole lines.
type recent struct {
	mu    sync.Mutex
	lines [][]byte
	size  int
}

// maxRecent bounds them all together.
const maxRecent = 256 << 10

// Write never fails: what is logged elsewhere must not depend on it.
func (r *recent) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := bytes.Clone(line[:min(len(line), maxRecent/8)])
	r.lines, r.size = append(r.lines, kept), r.size+len(kept)
	drop := 0
	for ; r.size > maxRecent; drop++ {
		r.size -= len(r.lines[drop])
		r.lines[drop] = nil
	}
	r.lines = r.lines[drop:]
	return len(line), nil
}

// all are the lines, the oldest first.
func (r *recent) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, 0, len(r.lines))
	for _, l := range r.lines {
		out = append(out, string(l))
	}
	return out
}
