package hardening

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// A Policy is what a process keeps. Every socket that listens is open before.
type Policy struct {
	// Write are directories below which files are read, made, changed and removed. Nothing below them is executed.
	Write []string
	// Read are directories below which files are read again: settings, a certificate that a tool renews. They are
	// directories, because Landlock's rules hold for a file and not for its name, and renewing replaces the file.
	Read []string
	// ReadFiles are single files that are read again. One that is replaced is read no more: for processes that live for minutes.
	ReadFiles []string
	// Sockets are directories in which the process connects to the sockets of others (unix(7)).
	Sockets []string
	// Ports are the TCP ports that are connected to, at any address; none: no connection begins here. Where there are any, the
	// DNS is asked, and UDP stays as it is.
	Ports []uint16
}

const (
	readFiles  = ll.AccessFSReadFile | ll.AccessFSReadDir
	writeFiles = readFiles | ll.AccessFSWriteFile | ll.AccessFSTruncate | ll.AccessFSMakeReg | ll.AccessFSMakeDir |
		ll.AccessFSRemoveFile | ll.AccessFSRemoveDir
	// allFiles are the rights that Landlock's ABI 9 knows; an older kernel holds those that it knows.
	allFiles = writeFiles | ll.AccessFSExecute | ll.AccessFSMakeChar | ll.AccessFSMakeSock | ll.AccessFSMakeFifo | ll.AccessFSMakeBlock |
		ll.AccessFSMakeSym | ll.AccessFSRefer | ll.AccessFSIoctlDev | ll.AccessFSResolveUnix
	// Sending UDP stays free: clients have any port, and a rule names one.
	allPorts = ll.AccessNetBindTCP | ll.AccessNetConnectTCP | ll.AccessNetBindUDP
	allScope = ll.ScopeAbstractUnixSocket | ll.ScopeSignal
)

// NoDumps keeps the process's memory out of core dumps and away from debuggers of the same user. Call it before the
// first secret is read.
func NoDumps() error {
	// A unit that has set the limit already may deny the call.
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
			return fmt.Errorf("hardening: core limit: %w", err)
		}
	}
	// prctl(2): /proc/self belongs to root from then on, and ptrace(2) needs CAP_SYS_PTRACE.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("hardening: dumpable: %w", err)
	}
	return nil
}

// Confine takes everything from the process that p does not name, for ever and for all of its threads. Call it when all
// sockets and files are open, and before the first octet of a stranger is read.
//
// A kernel that does not know Landlock, or not all of it, holds what it knows: SelfCheck says how much that is. All else
// that fails is an error, and the process must not serve.
func Confine(p Policy) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := NoDumps(); err != nil {
		return err
	}
	// prctl(2): the flag belongs to a thread and is never taken back. Landlock asks for it as well.
	if err := ll.AllThreadsPrctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("hardening: no new privileges: %w", err)
	}
	_, _ = time.Now().Zone() // the time zone's file is read at its first use: now
	config := landlock.Config{HandledAccessFS: allFiles, HandledAccessNet: allPorts, Scoped: allScope}
	rules := []landlock.Rule{
		landlock.PathAccess(writeFiles, p.Write...),
		landlock.PathAccess(readFiles, p.Read...).IgnoreIfMissing(),
		landlock.PathAccess(readFiles, kept("/proc/self", "/proc/sys", "/sys/fs/cgroup")...), // what SelfCheck reads
		landlock.PathAccess(ll.AccessFSReadFile, kept("/proc/swaps")...),
		landlock.PathAccess(ll.AccessFSReadFile, p.ReadFiles...).IgnoreIfMissing(),
		landlock.PathAccess(ll.AccessFSResolveUnix, p.Sockets...).IgnoreIfMissing(),
	}
	if len(p.Ports) > 0 {
		config.HandledAccessNet &^= ll.AccessNetBindUDP // a question to the DNS takes a port by itself
	}
	for _, port := range p.Ports {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	if err := config.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("hardening: landlock: %w", err)
	}
	return nil
}

func (p Policy) check() error {
	for _, dir := range slices.Concat(p.Write, p.Read, p.Sockets) {
		if clean, err := filepath.Abs(dir); err != nil || clean == "/" {
			return errors.Join(fmt.Errorf("hardening: %q would leave every file open", dir), err)
		}
	}
	return nil
}

// kept returns the paths that there are, and keeps their inodes, for which the rules hold: procfs would make others after
// a while. The descriptors are never closed.
func kept(paths ...string) (found []string) {
	for _, path := range paths {
		if _, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// Monotonic is CLOCK_MONOTONIC, which service managers compare with their own (sd_notify(3), MONOTONIC_USEC).
func Monotonic() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // the clock exists since Linux 2.6
	}
	return time.Duration(t.Nano())
}
