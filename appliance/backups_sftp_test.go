package appliance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/backup/sftp/sftptest"
	"huisclos/audit"
)

// startOutward runs the process that connects outward as one of its own, shut in, by a settings file. It returns when that listens, with what
// ends it.
func startOutward(t *testing.T, s settings, file string) (stop func()) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	said := &notes{}
	run := exec.Command(self, "--config", file)
	run.Env = append(os.Environ(), serviceVariable+"="+outwardService)
	run.Stdout, run.Stderr = said, said
	run.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, run.Start())
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		_ = run.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("the process outward ends with %v\n%s", err, said)
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("outward:\n%s", said)
		}
	})
	eventually(t, "the process outward listens", func() bool {
		c, err := net.Dial("unix", s.OutwardPath()) // one that asks nothing
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return stop
}

// TestBackupsGoToAnotherMachine: what the schedule makes arrives whole on another machine, by the process that connects outward and
// OpenSSH's server; what is over is removed there too, and nothing that isn't ours. While there is no way outward the backups are made here
// all the same, and that they aren't copied is recorded and shown; the next one goes again. What lies there restores.
func TestBackupsGoToAnotherMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("a server of another hand")
	}
	there := sftptest.Start(t)
	public, keys := keyed(t)
	dir := t.TempDir()
	keyFile, file := filepath.Join(dir, "key"), filepath.Join(dir, "huisclos.toml")
	must(t, os.WriteFile(keyFile, there.Key, 0o600))
	must(t, os.WriteFile(file, fmt.Appendf(nil, `listen = "127.0.0.1:0"
data = %q
outward = %q
console_destinations = false
[backup]
recipients = [%q]
every_hours = 24
keep_daily = 2
keep_weekly = 0
keep_monthly = 0
target = "sftp"
sftp.host = %q
sftp.port = %d
sftp.user = %q
sftp.folder = "sauvegardes"
sftp.host_key = %q
sftp.key_file = %q
`, filepath.Join(dir, "data"), filepath.Join(dir, "o"), public, there.Host, there.Port, there.User, there.HostKey, keyFile), 0o600))
	s, err := readSettings([]string{"--config", file})
	must(t, err)
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.Local)
	var hand atomic.Pointer[time.Time] // the appliance looks at its clock from elsewhere, too
	move := func(by time.Duration) { n := now.Add(by); now = n; hand.Store(&n) }
	move(0)
	s.now = func() time.Time { return *hand.Load() }
	stop := startOutward(t, s, file)
	a, _ := start(t, s)
	a.backups.tick(now)
	far := filepath.Join(there.Home, "sauvegardes")
	must(t, os.WriteFile(filepath.Join(far, "notes.txt"), []byte("of somebody else's"), 0o600))
	names := func(list []backup.Stored) (out []string) {
		for _, b := range list {
			out = append(out, b.Name)
		}
		return out
	}
	here := func() []string { list, err := backup.Folder(s.BackupFolder()).List(); must(t, err); return names(list) }
	// Looked at in the folder itself: a process that connects as often as a test would is one that waits.
	away := func() []string { list, err := backup.Folder(far).List(); must(t, err); return names(list) }
	if first := away(); len(first) != 1 {
		t.Fatalf("the first backup is not there: %v", first)
	}
	for range 4 {
		move(24 * time.Hour)
		a.backups.tick(now)
	}
	list := away()
	if want := []string{backup.Name(now), backup.Name(now.Add(-24 * time.Hour))}; !slices.Equal(list, want) || !slices.Equal(here(), want) {
		t.Errorf("there are %v, and here %v; want %v", list, here(), want)
	}
	for _, name := range list {
		ours, err := os.ReadFile(filepath.Join(s.BackupFolder(), name))
		must(t, err)
		theirs, err := os.ReadFile(filepath.Join(far, name))
		must(t, err)
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%s is another one there", name)
		}
	}
	if entries, err := os.ReadDir(far); err != nil || len(entries) != len(list)+1 {
		t.Errorf("the folder there has %v, %v", entries, err)
	}
	state := func() backupState { st, err := a.backups.state(); must(t, err); return st }
	if st := state(); !st.Copied.Equal(now) || st.failing() {
		t.Errorf("%+v", st)
	}

	// No way outward: one is made and not copied.
	stop()
	copied := now
	move(24 * time.Hour)
	a.backups.tick(now)
	if got := here(); got[0] != backup.Name(now) {
		t.Errorf("here are %v", got)
	}
	if _, err := os.Stat(filepath.Join(far, backup.Name(now))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
	if e := lastEntry(t, a.trail); e.Action != audit.BackupFailed || e.Result != audit.Failed || e.Detail["reason"] != backupNotCopied {
		t.Errorf("%+v", e)
	}
	if v, err := (consoleBackups{a.backups}).View(now); err != nil || v.Reason != backupNotCopied || v.Copied == nil || !v.Copied.Equal(copied) || !v.Good.Equal(now) {
		t.Errorf("%+v, %v", v, err)
	}

	// It is back: the next one goes.
	startOutward(t, s, file)
	move(24 * time.Hour)
	a.backups.tick(now)
	if st := state(); !st.Copied.Equal(now) || st.failing() {
		t.Errorf("%+v", st)
	}
	name := backup.Name(now)
	if got := away(); !slices.Equal(got, []string{name, list[0]}) {
		t.Errorf("there are %v", got)
	}
	f, err := os.Open(filepath.Join(far, name))
	must(t, err)
	defer f.Close()
	var found inspected
	if _, err := backup.Verify(f, keys, t.TempDir(), inspect(context.Background(), &found, nil)); err != nil || found.Audit.Sequence == 0 {
		t.Errorf("what lies there: %+v, %v", found, err)
	}
}
