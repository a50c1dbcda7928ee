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

// Writable is nil while writes are taken; else ErrFull, from a write that found no room until Retry finds some, or ErrFailed after a disk error that leaves the
// disk's state unknown. The cause is wrapped, too: syscall.EROFS is a file system that the kernel has made read-only. It does not wait for
// a write in progress.
func (db *DB) Writable() error {
	if t := db.trouble.Load(); t != nil {
		return t.wrap()
	}
	return nil
}

// room is what Retry takes to be enough: more than any ordinary write needs, so that the store doesn't say that it can be written
// because a small one found place among free pages.
const room = 256 << 10

var keyRoom = []byte("room")

// Retry looks whether there is room again, where the last write found none: it writes so much of nothing, and removes it. Otherwise it
// does nothing. Writes are tried all the same meanwhile.
func (db *DB) Retry() error {
	if err := db.Writable(); !errors.Is(err, ErrFull) {
		return err
	}
	err := db.Update(func(tx *Tx) error {
		tx.dirty = true
		return tx.bolt.Bucket([]byte(metaBucket)).Put(keyRoom, make([]byte, room))
	})
	if err == nil {
		err = db.Update(func(tx *Tx) error {
			tx.dirty = true
			return tx.bolt.Bucket([]byte(metaBucket)).Delete(keyRoom)
		})
	}
	if err == nil {
		db.trouble.Store(nil)
	}
	return err
}
