package appliance

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/hardening"
)

// onSmallDisk is the environment of the process that runs in a mount namespace of its own.
const onSmallDisk = "HUISCLOS_SMALL_DISK"

// smallDisk runs the test again in a process with a mount namespace, and there returns a directory on a disk of so many octets; in the
// process that asks it returns "" when that one is done.
func smallDisk(t *testing.T, octets int) string {
	t.Helper()
	if os.Getenv(onSmallDisk) != "" {
		dir := t.TempDir()
		must(t, errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("mode=700,size=", octets))))
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		return dir
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), onSmallDisk+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		t.Skip("a mount namespace takes root")
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return ""
}

// A disk that is full in the middle of the day: an act that can't be recorded is not done, the log says why, people go on being served,
// and what is done after that is recorded. Once there is room, the reserve is held again.
func TestFullDiskIsRecorded(t *testing.T) {
	dir := smallDisk(t, 96<<20)
	if dir == "" {
		return
	}
	s := testSettings(t)
	s.Data = filepath.Join(dir, "data")
	a, log := start(t, s)
	state := func() hardening.State { return a.reserveLine().State }
	if state() != hardening.OK || a.db.Reserved() != reserved {
		t.Fatal(a.reserveLine())
	}
	others, err := os.Create(filepath.Join(dir, "others"))
	must(t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = others.Write(block)
	}
	must(t, others.Close())

	name, failed := 0, 0
	create := func() error {
		name++
		_, _, err := a.accounts.Create(accounts.Operator(), "Ada", fmt.Sprintf("ada%d@example.org", name), accounts.Member, time.Now())
		return err
	}
	for range 5000 {
		if err = create(); err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("on a full disk: %v", err)
	}
	lost := fmt.Sprintf("ada%d@example.org", name)
	recorded := func(want audit.Action) (audit.Entry, bool) {
		list, err := a.trail.List(0, 100)
		must(t, err)
		for _, e := range list {
			if e.Action == want {
				return e, true
			}
		}
		return audit.Entry{}, false
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if e, ok := recorded(audit.DiskFull); ok {
			if e.Result != audit.Failed || e.Detail["free"] != fmt.Sprint(reserved) {
				t.Errorf("%+v", e)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatal("the log does not say that the disk is full")
		}
	}
	if list, _, err := a.accounts.List(lost, "", 10); err != nil || len(list) != 0 {
		t.Errorf("an act that could not be recorded was done: %v, %v", list, err)
	}
	if state() != hardening.Missing || !strings.Contains(log.String(), "the disk is full") {
		t.Error(a.reserveLine())
	}
	for range 100 {
		if err := create(); err != nil {
			failed++
		}
	}
	if failed > 0 {
		t.Errorf("of 100 acts in the reserve %d failed", failed)
	}
	res, err := browser(t, a).Get("https://" + a.at() + "/healthz")
	must(t, err)
	if res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
	a.tendReserve(time.Now())
	if state() != hardening.Missing {
		t.Error("a reserve on a full disk")
	}
	must(t, os.Remove(others.Name()))
	a.tendReserve(time.Now())
	if _, ok := recorded(audit.DiskBack); !ok || state() != hardening.OK {
		t.Error("there is room again, and nobody says so")
	}
	if _, err := a.trail.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
