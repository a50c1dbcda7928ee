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

// start runs a program on one processor (none: wherever it likes). Its standard error goes to log.
func start(cpu int, log io.Writer, name string, arguments ...string) (*process, error) {
	p := &process{command: exec.Command(name, arguments...), ended: make(chan error, 1)}
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
	if err := Pinned(cpu, p.command.Start); err != nil {
		return nil, fmt.Errorf("contender: %s: %w", name, err)
	}
	return p, nil
}

// Pinned runs do on a thread that may only use one processor, which a process inherits that do starts.
func Pinned(cpu int, do func() error) error {
	if cpu < 0 {
		return do()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	return errors.Join(do(), unix.SchedSetaffinity(0, &before))
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
