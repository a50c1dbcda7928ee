package hardening

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// confinement cannot be undone, so it is tried in a process of its own: this program again, with what to try.
const (
	tryVariable = "HUISCLOS_TEST_TRY"
	farewell    = "answers:"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(tryVariable); text != "" {
		if text == tryPorts {
			outward()
			os.Exit(0)
		}
		var a arena
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			panic(err)
		}
		a.run()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// arena is what stands ready around the process that confines itself.
type arena struct {
	Write, Read, Outside string // directories
	TCP                  string // a listener of another process
	UDP                  string // a socket of another process
	Parent               int
	NotRoot              bool
}

// run confines the process, then tries everything and prints each answer: "" or an error.
func (a arena) run() {
	open, err := os.OpenFile(filepath.Join(a.Outside, "opened before"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	// Threads that sleep in the kernel while the process confines itself, and one for each later question.
	for range 4 {
		r, _, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		go func() {
			runtime.LockOSThread()
			_, _ = syscall.Read(int(r.Fd()), make([]byte, 1))
		}()
	}
	if err := Confine(Policy{Write: []string{a.Write}, Read: []string{a.Read, filepath.Join(a.Read, "missing")}}); err != nil {
		panic(err)
	}
	answers := map[string]string{}
	try := func(name string, f func() error) {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // on a thread of its own, which ends with it
			done <- f()
		}()
		answers[name] = ""
		if err := <-done; err != nil {
			answers[name] = err.Error()
			var no syscall.Errno
			if errors.As(err, &no) {
				answers[name] = unix.ErrnoName(no)
			}
		}
	}
	read := func(path string) func() error { return func() error { _, err := os.ReadFile(path); return err } }
	write := func(path string) func() error { return func() error { return os.WriteFile(path, []byte("x"), 0o700) } }

	try("write inside", write(filepath.Join(a.Write, "new")))
	try("rename inside", func() error { return os.Rename(filepath.Join(a.Write, "new"), filepath.Join(a.Write, "renamed")) })
	try("directory inside", func() error { return os.Mkdir(filepath.Join(a.Write, "directory"), 0o700) })
	try("remove inside", func() error { return os.Remove(filepath.Join(a.Write, "renamed")) })
	try("read again", read(filepath.Join(a.Read, "settings")))
	try("read replaced", read(filepath.Join(a.Read, "settings")))
	try("opened before", func() error { _, err := open.WriteAt([]byte("grows"), 4096); return err })
	try("UDP opened before", func() error {
		to, err := net.ResolveUDPAddr("udp", a.UDP)
		if err == nil {
			_, err = udp.WriteTo([]byte("x"), to)
		}
		return err
	})
	try("status of itself", read("/proc/self/status"))
	try("accept", func() error {
		return inside.(*net.TCPListener).SetDeadline(farFuture())
	})

	try("no: write what is read", write(filepath.Join(a.Read, "settings")))
	try("no: write outside", write(filepath.Join(a.Outside, "new")))
	try("no: read outside", read(filepath.Join(a.Outside, "secret")))
	try("no: list outside", func() error { _, err := os.ReadDir(a.Outside); return err })
	try("no: read /etc/passwd", read("/etc/passwd"))
	try("no: another's environment", read(fmt.Sprintf("/proc/%d/environ", a.Parent)))
	try("no: socket file", func() error { _, err := net.Listen("unix", filepath.Join(a.Write, "s")); return err })
	try("no: symbolic link", func() error { return os.Symlink("/etc/passwd", filepath.Join(a.Write, "link")) })
	try("no: execve", func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) })
	try("no: execve of a file that it wrote", func() error {
		path := filepath.Join(a.Write, "program")
		if err := os.WriteFile(path, []byte("#!/bin/true\n"), 0o700); err != nil {
			return err
		}
		return syscall.Exec(path, []string{path}, nil)
	})
	try("no: start a program", func() error { return exec.Command("/bin/true").Run() })
	try("no: bind TCP", func() error {
		l := net.ListenConfig{}
		l.SetMultipathTCP(false)
		_, err := l.Listen(context.Background(), "tcp", "127.0.0.1:0")
		return err
	})
	// Why listeners must not speak it: Landlock's rule for TCP ports does not hold here. Only the unit's filter helps.
	try("note: bind MPTCP", func() error {
		_, err := net.Listen("tcp", "127.0.0.1:0")
		return err
	})
	try("no: connect out", func() error {
		d := net.Dialer{}
		d.SetMultipathTCP(false)
		_, err := d.Dial("tcp", a.TCP)
		return err
	})
	try("no: ptrace", func() error { return unix.PtraceAttach(a.Parent) })
	try("no: memory of another", read(fmt.Sprintf("/proc/%d/mem", a.Parent)))
	try("no: signal to another", func() error { return syscall.Kill(a.Parent, 0) })
	try("no: mount", func() error { return unix.Mount("none", a.Write, "tmpfs", 0, "") })
	try("no: become root", func() error {
		if !a.NotRoot {
			return syscall.EPERM // is root: nothing to raise
		}
		return syscall.Setresuid(0, 0, 0)
	})
	try("no: dumps again", func() error {
		if !a.NotRoot {
			return syscall.EPERM // CAP_SYS_RESOURCE raises every limit
		}
		return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1})
	})
	report := SelfCheck(Options{Proc: "/proc", Sys: "/sys", Listeners: []syscall.Conn{inside.(*net.TCPListener)}})
	for _, line := range report {
		answers["line "+line.Name] = string(line.State)
	}
	text, err := json.Marshal(answers)
	if err != nil {
		panic(err)
	}
	fmt.Println(farewell + string(text))
}

func TestConfine(t *testing.T) {
	// ASVS 13.2.2, 13.2.4, 13.2.5
	abi, err := ll.LandlockGetABIVersion()
	if err != nil {
		t.Skip("this kernel has no Landlock")
	}
	for _, as := range []string{"root", "nobody"} {
		t.Run(as, func(t *testing.T) { confine(t, abi, as) })
	}
}

func confine(t *testing.T, abi int, as string) {
	if as == "root" && os.Geteuid() != 0 {
		t.Skip("not root")
	}
	a, attributes := newArena(t), &syscall.SysProcAttr{}
	if as == "nobody" && os.Geteuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	a.NotRoot = as == "nobody"
	text, err := json.Marshal(a)
	must(t, err)
	self, err := os.Executable()
	must(t, err)
	program := filepath.Join(a.Outside, "again") // where the other account may execute it
	octets, err := os.ReadFile(self)
	must(t, err)
	must(t, os.WriteFile(program, octets, 0o755))
	child := exec.Command(program)
	child.Env = append(os.Environ(), tryVariable+"="+string(text))
	child.SysProcAttr, child.Dir = attributes, a.Outside
	out, err := child.CombinedOutput()
	_, said, ok := strings.Cut(string(out), farewell)
	if err != nil || !ok {
		t.Fatalf("%v\n%s", err, out)
	}
	var answers map[string]string
	must(t, json.Unmarshal([]byte(said), &answers))
	since := map[string]int{ // the ABI of Landlock that denies it
		"no: bind TCP": 4, "no: connect out": 4, "no: signal to another": 6,
	}
	for name, answer := range answers {
		switch {
		case strings.HasPrefix(name, "line "):
		case strings.HasPrefix(name, "note: "):
			t.Logf("%s: %q", name, answer)
		case strings.HasPrefix(name, "no: "):
			if abi < since[name] {
				t.Logf("%s: Landlock's ABI %d is older than %d", name, abi, since[name])
			} else if answer != "EACCES" && answer != "EPERM" {
				t.Errorf("%s: %q", name, answer)
			}
		case answer != "":
			t.Errorf("%s: %s", name, answer)
		}
	}
	want := map[string]State{"no-new-privileges": OK, "not-dumpable": OK, "no-core-dump": OK, "landlock": OK, "plain-tcp": Missing, "random": OK,
		"no-capabilities": OK, "not-root": OK, "kernel.randomize_va_space": OK}
	if as == "root" {
		want["no-capabilities"], want["not-root"] = Missing, Missing
	}
	if speaks, err := os.ReadFile("/proc/sys/net/mptcp/enabled"); err != nil || string(speaks) != "1\n" {
		want["plain-tcp"] = OK // Go falls back to TCP
	}
	for name, state := range want {
		if got := answers["line "+name]; got != string(state) {
			t.Errorf("the self-check says of %s %q, want %q", name, got, state)
		}
	}
	t.Logf("%d answers, ABI %d", len(answers), abi)
}
