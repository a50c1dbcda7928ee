// Package contender starts the servers that the media benchmark measures and speaks their signalling: our own media plane, the floor,
// and other SFUs where their programs are found.
package contender

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a server as a child process.
type process struct {
	command *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Reader
	ended   chan error
}

// Place is where and how a program runs.
type Place struct {
	CPU int // the one processor that it may use; -1: all
	// RealTime puts it before all programs that are not (sched(7), SCHED_RR), for a machine that others use too. Only root may.
	RealTime bool
}

// start runs a program at its place. Its standard error goes to log.
func start(at Place, log io.Writer, name string, arguments ...string) (*process, error) {
	return startWith(at, log, nil, name, arguments...)
}

// startWith is start with environment variables; nil are those of this process.
func startWith(at Place, log io.Writer, environment []string, name string, arguments ...string) (*process, error) {
	p := &process{command: exec.Command(name, arguments...), ended: make(chan error, 1)}
	p.command.Env = environment
	p.command.Stderr = log
	var err error
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.stdout = bufio.NewReader(out)
	if err := at.Start(p.command.Start); err != nil {
		return nil, fmt.Errorf("contender: %s: %w", name, err)
	}
	return p, nil
}

// Start runs do on a thread at this place, which a process inherits that do starts.
func (at Place) Start(do func() error) error {
	if at.CPU < 0 && !at.RealTime {
		return do()
	}
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: a thread that was changed ends with its goroutine
		ended <- at.enter(do)
	}()
	return <-ended
}

func (at Place) enter(do func() error) error {
	if at.CPU >= 0 {
		var one unix.CPUSet
		one.Set(at.CPU)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			return fmt.Errorf("processor %d: %w", at.CPU, err)
		}
	}
	if at.RealTime {
		if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}, 0); err != nil {
			return fmt.Errorf("real-time priority: %w", err)
		}
	}
	return do()
}

// stepBack takes real-time priority from all threads of a running program, but not from its children: it only directs one that is
// measured, on the same processor, which would wait for its turn to end (sched(7), SCHED_RR: 100 ms).
func (p *process) stepBack() error {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.pid()))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return err
		}
		err = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
		if err != nil && !errors.Is(err, unix.ESRCH) { // the thread ended
			return fmt.Errorf("priority of %s: %w", p.command.Path, err)
		}
	}
	return nil
}

// OwnNetwork makes a program start in a new network namespace, for which somebody who is not root needs a user namespace.
func OwnNetwork() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if id := os.Geteuid(); id != 0 {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

// line reads one line of JSON from the program.
func (p *process) line(into any) error {
	b, err := p.stdout.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("contender: %s said nothing: %w", p.command.Path, err)
	}
	return json.Unmarshal(b, into)
}

func (p *process) pid() int { return p.command.Process.Pid }

// discard reads what else the program prints, so that it never waits for a reader.
func (p *process) discard() { go io.Copy(io.Discard, p.stdout) }

// stop ends the program: by the end of its standard input, by SIGTERM, or else.
func (p *process) stop() error {
	_ = p.stdin.Close() // closed already, or it is gone
	go func() { p.ended <- p.command.Wait() }()
	for _, signal := range []os.Signal{nil, unix.SIGTERM, unix.SIGKILL} {
		if signal != nil {
			_ = p.command.Process.Signal(signal) // it may be gone
		}
		select {
		case err := <-p.ended:
			var exit *exec.ExitError
			if signal != nil && errors.As(err, &exit) {
				return nil // it ended as it was told
			}
			return err
		case <-time.After(5 * time.Second):
		}
	}
	return errors.New("contender: the program doesn't end")
}
