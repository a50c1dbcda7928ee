package devices

import (
	"fmt"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// lastKey is where the last checkpoint stands.
var lastKey = []byte("last")

// lastNote returns the last checkpoint, nil where there is none.
func lastNote(tx *store.Tx) (note []byte, c keylog.Checkpoint, err error) {
	if note = tx.Get(noteBucket, lastKey); note == nil {
		return nil, c, nil
	}
	if c, err = keylog.Peek(note); err != nil {
		return nil, c, fmt.Errorf("%w: the checkpoint: %w", ErrDamaged, err)
	}
	return note, c, nil
}

// verifyLast returns ErrDamaged unless the log begins with what its last checkpoint says, and one of its keys has signed that.
func verifyLast(tx *store.Tx) error {
	note, c, err := lastNote(tx)
	if note == nil || err != nil {
		return err
	}
	keys, err := publicKeys(tx)
	if err != nil {
		return err
	}
	if _, err := keylog.Open(note, keys, nil); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return begins(tx, c)
}

// begins returns ErrDamaged unless the log begins with the tree of a checkpoint.
func begins(tx *store.Tx, c keylog.Checkpoint) error {
	if size := sizeOf(tx); c.Size > size {
		return fmt.Errorf("%w: it has %d records and a checkpoint of %d: it was cut", ErrDamaged, size, c.Size)
	}
	switch root, err := keylog.Root(c.Size, tree(tx)); {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case root != c.Root:
		return fmt.Errorf("%w: its first %d records are others than those of the checkpoint", ErrDamaged, c.Size)
	}
	return nil
}

// covers reports whether note is of the whole log, and signed by the key that signs now.
func (l *Log) covers(tx *store.Tx, note []byte) bool {
	if note == nil {
		return false
	}
	s, err := keylog.Open(note, []keylog.PublicKey{l.Public()}, nil)
	return err == nil && s.Size == sizeOf(tx)
}

// sign returns the checkpoint of the whole log, and signs one where the last covers less. Of one size there is one checkpoint of a key.
// An empty log has none. ErrDamaged where the log does not begin with what was signed last.
func (l *Log) sign(tx *store.Tx) ([]byte, error) {
	note, last, err := lastNote(tx)
	if err != nil {
		return nil, err
	}
	if note != nil {
		if err := begins(tx, last); err != nil {
			return nil, err
		}
	}
	size := sizeOf(tx)
	if size == 0 || l.covers(tx, note) {
		return note, nil
	}
	root, err := keylog.Root(size, tree(tx))
	if err != nil {
		return nil, err
	}
	note, err = l.key.Sign(keylog.Checkpoint{Origin: l.Public().Name(), Size: size, Root: root})
	if err != nil {
		return nil, err
	}
	return note, tx.Put(noteBucket, lastKey, note)
}

// State is how the log stands.
type State struct {
	Size uint64    // records
	Note []byte    // the last checkpoint; nil: there is none
	Last time.Time // when the last record was written, to the second; zero: there is none
}

// State returns how the log stands.
func (l *Log) State() (s State, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		s.Size = sizeOf(tx)
		s.Note = tx.Get(noteBucket, lastKey)
		if s.Size == 0 {
			return nil
		}
		last, err := readRecord(tx, s.Size-1)
		s.Last = time.Unix(int64(last.Time), 0).UTC()
		return err
	})
	return s, err
}
