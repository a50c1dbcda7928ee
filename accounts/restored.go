package accounts

import (
	"errors"
	"fmt"
	"strconv"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// Restored ends every session of a database that came back from a backup, and records e with their count, in one transaction, in which
// also is done too: who was signed in when it was saved proves again who they are. A cookie that was stolen and ended since then would
// else live again.
func Restored(db *store.DB, trail *audit.Log, e audit.Event, also ...func(*store.Tx) error) (ended int, err error) {
	err = db.Update(func(tx *store.Tx) error {
		ended = 0
		for _, bucket := range []string{sessionsBucket, sessionsOfBucket, providedBucket} {
			var keys [][]byte
			tx.Scan(bucket, nil, nil, 0, func(k, _ []byte) bool {
				keys = append(keys, append([]byte(nil), k...))
				return true
			})
			for _, k := range keys {
				if err := tx.Delete(bucket, k); err != nil {
					return err
				}
			}
			if bucket == sessionsBucket {
				ended = len(keys)
			}
		}
		detail := map[string]string{"sessions": strconv.Itoa(ended)}
		for k, v := range e.Detail {
			detail[k] = v
		}
		e.Detail = detail
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		return trail.Record(tx, e)
	})
	if err != nil {
		return 0, fmt.Errorf("accounts: restored: %w", err)
	}
	return ended, nil
}

// ErrOtherPepper says that a pepper is not the one that the hashes of a database need.
var ErrOtherPepper = errors.New("accounts: the pepper is another database's")

// PepperFits reports whether the text of a pepper is the one of the database, which it does not change.
func PepperFits(db *store.DB, text []byte) error {
	known, err := boundPepper(db)
	if err != nil {
		return err
	}
	p, err := passhash.ParsePepper(text)
	if err != nil {
		return err
	}
	if known != "" && p.ID() != known {
		return fmt.Errorf("%w (%s, want %s)", ErrOtherPepper, p.ID(), known)
	}
	return nil
}

// CountIn is the number of accounts in a database.
func CountIn(db *store.DB) (n int, err error) {
	err = db.View(func(tx *store.Tx) error {
		n = readCount(tx)
		return nil
	})
	return n, err
}
