package store

import (
	"errors"
	"fmt"
	"os"
)

// Size is the size of the file in octets, and how many of them wait to be used again.
func (db *DB) Size() (file, free int64, err error) {
	info, err := os.Stat(db.path)
	if err != nil {
		return 0, 0, fmt.Errorf("store: %w", err)
	}
	s := db.bolt.Stats()
	return info.Size(), int64(s.FreePageN+s.PendingPageN) * int64(db.bolt.Info().PageSize), nil
}

// Writable is nil while writes are taken, as far as the last one tells; else ErrFull, or ErrFailed after a disk error that leaves the
// disk's state unknown. The cause is wrapped, too: syscall.EROFS is a file system that the kernel has made read-only. It does not wait for
// a write in progress.
func (db *DB) Writable() error {
	if t := db.trouble.Load(); t != nil {
		return t.wrap()
	}
	return nil
}

// Retry looks whether there is room again, where the last write found none: it commits a revision without a record. Otherwise it does
// nothing.
func (db *DB) Retry() error {
	if err := db.Writable(); !errors.Is(err, ErrFull) {
		return err
	}
	return db.Update(func(tx *Tx) error {
		tx.dirty = true
		return nil
	})
}
