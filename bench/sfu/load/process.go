package load

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is processor time.
type CPU struct{ Total, User, System time.Duration }

func (c CPU) sub(d CPU) CPU { return CPU{c.Total - d.Total, c.User - d.User, c.System - d.System} }

func (c CPU) add(d CPU) CPU { return CPU{c.Total + d.Total, c.User + d.User, c.System + d.System} }

// tick is what /proc counts user and system time in: USER_HZ, 100 on all of Linux's architectures that matter here.
const tick = 10 * time.Millisecond

// cpuOf reads the processor time of a process: the total to the nanosecond from its threads' schedstat, its division in ticks (proc(5)).
func cpuOf(pid int) (CPU, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return CPU{}, fmt.Errorf("load: processor time: %w", err)
	}
	// The name, in parentheses, may hold anything; fields 14 and 15 are utime and stime.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 13 {
		return CPU{}, fmt.Errorf("load: processor time: %q", stat)
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	c := CPU{User: time.Duration(user) * tick, System: time.Duration(system) * tick}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return CPU{}, err
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread ended
		}
		run, _, _ := strings.Cut(string(text), " ")
		n, _ := strconv.ParseInt(run, 10, 64)
		c.Total += time.Duration(n)
	}
	if c.Total == 0 { // a kernel without schedstat
		c.Total = c.User + c.System
	}
	return c, nil
}

func cpuOfAll(pids []int) (sum CPU, err error) {
	for _, pid := range pids {
		c, err := cpuOf(pid)
		if err != nil {
			return CPU{}, err
		}
		sum = sum.add(c)
	}
	return sum, nil
}

// Memory is the proportional set size of processes in octets: what is theirs alone, and their part of what is shared.
type Memory struct{ All, File int64 }

func memoryOf(pids []int) (sum Memory, err error) {
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return Memory{}, fmt.Errorf("load: memory: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			for prefix, to := range map[string]*int64{"Pss:": &sum.All, "Pss_File:": &sum.File} {
				if rest, ok := strings.CutPrefix(line, prefix); ok {
					n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
					if err != nil {
						return Memory{}, fmt.Errorf("load: memory: %w", err)
					}
					*to += n << 10
				}
			}
		}
	}
	return sum, nil
}

// drops sums what the kernel dropped because a socket's buffer was full, for sockets bound to one of these ports and for all others
// of the namespace (proc(5), /proc/net/udp).
func drops(ports map[uint16]bool) (ours, others uint64) {
	for _, name := range []string{"/proc/self/net/udp", "/proc/self/net/udp6"} {
		file, err := os.Open(name)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(file)
		lines.Scan() // the heading
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) < 13 {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseUint(hex, 16, 16)
			n, err2 := strconv.ParseUint(fields[len(fields)-1], 10, 64)
			if err != nil || err2 != nil {
				continue
			}
			if ports[uint16(port)] {
				ours += n
			} else {
				others += n
			}
		}
		file.Close()
	}
	return ours, others
}

// busy is how long a processor ran anything at all, and how long the hypervisor gave it to others (proc(5), /proc/stat).
func busy(processor int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("load: processor: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[0] != fmt.Sprint("cpu", processor) {
			continue
		}
		var sum int64
		for _, at := range []int{1, 2, 3, 6, 7, 8} { // user, nice, system, irq, softirq, steal; not idle and iowait
			n, err := strconv.ParseInt(fields[at], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("load: processor: %w", err)
			}
			sum += n
		}
		return time.Duration(sum) * tick, nil
	}
	return 0, fmt.Errorf("load: there is no processor %d", processor)
}
