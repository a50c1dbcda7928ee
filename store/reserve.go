package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// reserveFile lies in the directory of the database. Its name begins with a dot: no backup takes it along.
const reserveFile = ".reserve"

// full reports whether an error says that there is no room.
func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func (db *DB) reservePath() string { return filepath.Join(filepath.Dir(db.path), reserveFile) }

// Reserved is how many octets are held in reserve; 0: none, or what was held is given up.
func (db *DB) Reserved() int64 {
	info, err := os.Lstat(db.reservePath())
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// Replenish holds Options.Reserve octets of the disk in reserve, in a file beside the database, where they aren't held yet. It takes
// them only where as much again stays free, and reports whether it has. The first Update that finds the disk full gives them up.
func (db *DB) Replenish() (made bool, err error) {
	if db.reserve <= 0 || db.Reserved() == db.reserve {
		return false, nil
	}
	path := db.reservePath()
	// One of another size, or cut by the end of a process.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fmt.Errorf("store: reserve: %w", err)
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		return false, fmt.Errorf("store: reserve: %w", err)
	}
	if disk.Bavail*uint64(disk.Bsize) < 2*uint64(db.reserve) {
		return false, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, fmt.Errorf("store: reserve: %w", err)
	}
	err = allocate(f, db.reserve)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path)
		if full(err) {
			return false, nil // others were quicker
		}
		return false, fmt.Errorf("store: reserve: %w", err)
	}
	return true, nil
}

// allocate takes room on the disk, as zeros where the file system has no other way.
func allocate(f *os.File, size int64) error {
	err := syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if !errors.Is(err, syscall.EOPNOTSUPP) && !errors.Is(err, syscall.ENOSYS) {
		return err
	}
	return fillWithZeros(f, size)
}

func fillWithZeros(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return f.Sync()
}

// giveUp lets the reserve go, and has that told once the writer is done. It reports whether there was one.
func (db *DB) giveUp() bool {
	size := db.Reserved()
	if size == 0 || os.Remove(db.reservePath()) != nil {
		return false
	}
	if db.gaveUp != nil {
		go db.gaveUp(size)
	}
	return true
}
