package hardening

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ofLimit leaves the kernel's share of a unit's memory (socket buffers, page cache of the database) beside Go's.
const ofLimit = 0.9

// LockMemory keeps in memory what the process holds and will hold, so that no secret of it reaches a swap disk (mlockall(2);
// a page is locked when it is first touched). Only where nothing limits it (RLIMIT_MEMLOCK, the unit's LimitMEMLOCK=): under
// a limit the heap could not grow any more, and the process would end. It returns whether the memory is locked.
func LockMemory() (bool, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit); err != nil {
		return false, fmt.Errorf("hardening: locked memory: %w", err)
	}
	if limit.Cur != unix.RLIM_INFINITY {
		return false, nil
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		return false, fmt.Errorf("hardening: locked memory: %w", err)
	}
	return true, nil
}

// LimitMemory makes the garbage collector keep 90 % of what the unit may have (cgroup v2, memory.max), so that it works
// harder before the kernel kills. It returns the limit, or 0 when the unit has none or GOMEMLIMIT says another.
func LimitMemory(proc, sys string) (int64, error) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return 0, nil
	}
	unit, err := unitMemory(proc, sys)
	if err != nil || unit == 0 {
		return 0, err
	}
	limit := int64(float64(unit) * ofLimit)
	debug.SetMemoryLimit(limit)
	return limit, nil
}

// unitMemory is the lowest memory.max of the process's control group and those above it; 0 when there is none.
func unitMemory(proc, sys string) (lowest int64, err error) {
	err = eachGroup(proc, sys, func(dir string) error {
		text, err := os.ReadFile(filepath.Join(dir, "memory.max"))
		if errors.Is(err, os.ErrNotExist) { // the root group has none
			return nil
		}
		if err != nil {
			return err
		}
		said := strings.TrimSpace(string(text))
		if said == "max" {
			return nil
		}
		n, err := strconv.ParseInt(said, 10, 64)
		if err != nil || n <= 0 {
			return fmt.Errorf("%s says %q", filepath.Join(dir, "memory.max"), said)
		}
		if lowest == 0 || n < lowest {
			lowest = n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("hardening: memory limit: %w", err)
	}
	return lowest, nil
}

// eachGroup calls f with the directory of the process's control group and with those above it. Where control groups v2
// are not mounted there is none.
func eachGroup(proc, sys string, f func(dir string) error) error {
	text, err := os.ReadFile(filepath.Join(proc, "self/cgroup"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/") // cgroups(7): version 2 has number 0 and no controllers
		if !ok {
			continue
		}
		top := filepath.Join(sys, "fs/cgroup")
		for dir := filepath.Join(top, filepath.Clean("/"+group)); ; dir = filepath.Dir(dir) {
			if err := f(dir); err != nil {
				return err
			}
			if dir == top {
				return nil
			}
		}
	}
	return nil
}
