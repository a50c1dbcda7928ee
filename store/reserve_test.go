package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onSmallDisk is the environment of the process that runs in a mount namespace of its own.
const onSmallDisk = "HUISCLOS_SMALL_DISK"

// smallDisk runs the test again in a process with a mount namespace, and there returns a directory on a disk of so many octets. In the
// process that asks it returns "" when that one is done.
func smallDisk(t *testing.T, octets int) string {
	t.Helper()
	if os.Getenv(onSmallDisk) != "" {
		dir := t.TempDir()
		if err := errors.Join(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""), syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("mode=700,size=", octets))); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
		return dir
	}
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), onSmallDisk+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	out, err := c.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSPC) {
		t.Skip("no mount namespace here: ", err)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return ""
}

// fillDisk takes all the room that is left, and returns what gives it back.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "others")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// A disk that others fill: what can't be written fails as a whole, the reserve is given up, and there is room for what comes then. When
// that is full too, nothing is written by halves; when there is room again, the reserve is.
func TestReserveOnFullDisk(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	if dir == "" {
		return
	}
	const reserve = 8 << 20
	told := make(chan int64, 10)
	db, err := Open(filepath.Join(dir, "data", "db"), Options{Reserve: reserve, GaveUp: func(n int64) { told <- n }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(crashSchema); err != nil {
		t.Fatal(err)
	}
	if made, err := db.Replenish(); !made || err != nil || db.Reserved() != reserve {
		t.Fatal(made, err, db.Reserved())
	}
	var disk syscall.Stat_t
	if err := syscall.Stat(db.reservePath(), &disk); err != nil || disk.Blocks*512 < reserve {
		t.Fatalf("%d octets are taken, %v", disk.Blocks*512, err)
	}
	if made, err := db.Replenish(); made || err != nil {
		t.Error("it is made twice", made, err)
	}
	n := uint64(0)
	value := []byte(strings.Repeat("v", 400))
	put := func() error {
		err := db.Update(func(tx *Tx) error {
			return errors.Join(tx.Put("left", putUint64(n), value), tx.Put("right", putUint64(n), value))
		})
		if err == nil {
			n++
		}
		return err
	}
	free := fillDisk(t, dir)
	// until reports how many are written before the disk is full.
	until := func() uint64 {
		t.Helper()
		from := n
		for {
			if err := put(); errors.Is(err, syscall.ENOSPC) {
				return n - from
			} else if err != nil {
				t.Fatal(err)
			}
		}
	}
	until()
	select {
	case got := <-told:
		if got != reserve {
			t.Errorf("%d octets were given up", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody was told that the reserve is given up")
	}
	if db.Reserved() != 0 || db.Writable() != nil {
		t.Error(db.Reserved(), db.Writable())
	}
	if more := until(); more < 1000 {
		t.Errorf("the reserve was good for %d records", more)
	}
	if len(told) != 0 {
		t.Error("told twice")
	}
	if made, err := db.Replenish(); made || err != nil || db.Reserved() != 0 {
		t.Error("a reserve on a full disk:", made, err)
	}
	if err := db.Check(); err != nil {
		t.Error(err)
	}
	count := 0
	if err := db.View(func(tx *Tx) error {
		tx.Scan("left", nil, nil, 0, func(k, _ []byte) bool { count++; return tx.Get("right", k) != nil })
		return nil
	}); err != nil || uint64(count) != n {
		t.Errorf("%d records, %d were acknowledged, %v", count, n, err)
	}
	free()
	if err := put(); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
	if made, err := db.Replenish(); !made || err != nil || db.Reserved() != reserve {
		t.Error(made, err, db.Reserved())
	}
}

// Without a reserve, or with one that was cut, Replenish does what it says.
func TestReplenish(t *testing.T) {
	dir := t.TempDir()
	db, err := Open(filepath.Join(dir, "db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if made, err := db.Replenish(); made || err != nil || db.Reserved() != 0 {
		t.Error(made, err)
	}
	db.Close()
	if db, err = Open(filepath.Join(dir, "db"), Options{Reserve: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := os.WriteFile(filepath.Join(dir, reserveFile), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if made, err := db.Replenish(); !made || err != nil || db.Reserved() != 1<<20 {
		t.Error(made, err, db.Reserved())
	}
	if info, err := os.Stat(filepath.Join(dir, reserveFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	// Where the file system can't allocate, zeros take the room.
	f, err := os.Create(filepath.Join(dir, "zeros"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := fillWithZeros(f, 3<<20+5); err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 3<<20+5 {
		t.Error(info.Size(), err)
	}
}
