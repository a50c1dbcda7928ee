package transport

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// loadOver is how long a load must last to count: a moment's burst is what buffers are for.
	loadOver = 2 * time.Second
	// busyAt is the load above which another call would be felt by those in progress: the rest is for who joins them.
	busyAt = 0.75
	// memoryAt is the part of the memory limit above which there is no room for another call.
	memoryAt = 0.85
)

// load is how much of the machine the turns take: 1 is all cores that they can be on, or all of one for the busiest of them,
// because one turn is on one core.
type load struct {
	mu    sync.Mutex
	at    time.Time
	spent []time.Duration // by each turn, when it was last asked
	value float64
}

// measure is called now and then. Cores and time are arguments; spent is what each turn has taken since it began.
func (l *load) measure(spent []time.Duration, cores int, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	elapsed := now.Sub(l.at)
	if l.spent == nil || elapsed <= 0 {
		l.spent, l.at = spent, now
		return
	}
	var sum, most float64
	for i, s := range spent {
		part := float64(s-l.spent[i]) / float64(elapsed)
		sum, most = sum+part, max(most, part)
	}
	fresh := min(max(sum/float64(min(cores, len(spent))), most), 1)
	l.value += (fresh - l.value) * (1 - math.Exp(-float64(elapsed)/float64(loadOver)))
	l.spent, l.at = spent, now
}

func (l *load) now() float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.value
}

func (s *Server) measureLoad(now time.Time) {
	spent := make([]time.Duration, len(s.port.turns))
	for i, t := range s.port.turns {
		spent[i] = time.Duration(t.spent.Load())
	}
	s.load.measure(spent, runtime.GOMAXPROCS(0), now)
}

// Load is how busy the forwarding path was in the last seconds, from 0 to 1, where it can do no more.
func (s *Server) Load() float64 { return s.load.now() }

// Busy says that another call would spoil those in progress: the path is near what it can do, or the process near its limit of
// memory, if it has one.
func (s *Server) Busy() bool { return s.load.now() > busyAt || memory() > memoryAt }

// memory is the part of the limit (GOMEMLIMIT) that the process has taken from the system and not given back, 0 without a limit.
func memory() float64 {
	limit := debug.SetMemoryLimit(-1)
	if limit <= 0 || limit == math.MaxInt64 {
		return 0
	}
	used := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(used)
	return float64(used[0].Value.Uint64()-used[1].Value.Uint64()) / float64(limit)
}
