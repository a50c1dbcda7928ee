package metrics

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ReadProcess asks the runtime and the kernel what the process takes; proc is /proc. What can't be read stays zero.
func ReadProcess(proc string) Process {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}, {Name: "/sched/pauses/total/gc:seconds"},
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	p := Process{Cores: runtime.GOMAXPROCS(0), Goroutines: runtime.NumGoroutine(), Heap: samples[0].Value.Uint64(), Collections: samples[1].Value.Uint64(),
		Paused: sum(samples[2].Value.Float64Histogram())}
	if limit := debug.SetMemoryLimit(-1); limit > 0 && limit < math.MaxInt64 {
		p.MemoryLimit = uint64(limit)
	}
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil {
		p.CPU = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	if text, err := os.ReadFile(filepath.Join(proc, "self/statm")); err == nil {
		p.Memory, _ = resident(string(text), os.Getpagesize())
	}
	if p.Memory == 0 {
		p.Memory = samples[3].Value.Uint64() - samples[4].Value.Uint64()
	}
	if open, err := os.ReadDir(filepath.Join(proc, "self/fd")); err == nil {
		p.Files = len(open)
	}
	return p
}

// resident reads the second number of proc_pid_statm(5), in pages.
func resident(statm string, page int) (uint64, error) {
	f := strings.Fields(statm)
	if len(f) < 2 {
		return 0, fmt.Errorf("metrics: statm %q", statm)
	}
	pages, err := strconv.ParseUint(f[1], 10, 48)
	if err != nil {
		return 0, fmt.Errorf("metrics: statm: %w", err)
	}
	return pages * uint64(page), nil
}

// sum estimates the sum of a distribution by the middles of its buckets.
func sum(h *metrics.Float64Histogram) time.Duration {
	var seconds float64
	for i, n := range h.Counts {
		from, to := h.Buckets[i], h.Buckets[i+1]
		if math.IsInf(from, -1) {
			from = 0
		}
		if math.IsInf(to, 1) {
			to = from
		}
		seconds += float64(n) * (from + to) / 2
	}
	return time.Duration(seconds * float64(time.Second))
}

// ReadDisk asks how much room the file system of path has.
func ReadDisk(path string) (Disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return Disk{}, fmt.Errorf("metrics: room on the disk: %w", err)
	}
	return Disk{Size: s.Blocks * uint64(s.Bsize), Free: s.Bavail * uint64(s.Bsize)}, nil
}
