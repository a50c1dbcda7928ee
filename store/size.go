package store

import (
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

// Writable reports whether writes are still taken: ErrFailed after a disk error that leaves the disk's state unknown.
func (db *DB) Writable() error {
	db.writer.Lock()
	defer db.writer.Unlock()
	if db.failed {
		return ErrFailed
	}
	return nil
}
