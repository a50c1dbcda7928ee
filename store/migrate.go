package store

import (
	"fmt"
)

// Migration is one step of the schema. The list of all steps stands in one place (the composition root); each package
// exports the functions that make and change its own buckets. A step that was released is never changed or removed.
type Migration struct {
	Version int // 1, 2, 3 … without a gap
	Name    string
	Run     func(*Tx) error
}

// Migrate brings the database to the last version of the list. Each step and its version number are one transaction:
// after a crash the next start goes on with the step that was not committed. A database whose version is greater than
// the list's is refused with ErrNewer, before anything is written.
func (db *DB) Migrate(list []Migration) error {
	for i, m := range list {
		if m.Version != i+1 || m.Run == nil {
			return fmt.Errorf("store: migration %q has version %d, want %d", m.Name, m.Version, i+1)
		}
	}
	have, err := db.Version()
	if err != nil {
		return err
	}
	if have > len(list) {
		return fmt.Errorf("%w (version %d, this program knows %d): %s; install the newer version again or restore a backup",
			ErrNewer, have, len(list), db.path)
	}
	for _, m := range list[have:] {
		err := db.Update(func(tx *Tx) error {
			if err := m.Run(tx); err != nil {
				return err
			}
			tx.dirty = true
			return tx.bolt.Bucket([]byte(metaBucket)).Put(keyVersion, putUint64(uint64(m.Version)))
		})
		if err != nil {
			return fmt.Errorf("store: migration %d (%s): %w", m.Version, m.Name, err)
		}
	}
	return nil
}

// Version returns the number of the last migration that was run; 0 in a new database.
func (db *DB) Version() (int, error) {
	var n uint64
	err := db.View(func(tx *Tx) error {
		n = readUint64(tx.bolt.Bucket([]byte(metaBucket)).Get(keyVersion))
		return nil
	})
	if err == nil && n > 1<<31-1 {
		return 0, fmt.Errorf("%w: %s: version %d", ErrDamaged, db.path, n)
	}
	return int(n), err
}
