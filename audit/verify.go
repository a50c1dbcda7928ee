package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"huisclos/store"
)

// Fault says where the chain breaks first. Entries before it are as they were recorded.
type Fault struct {
	Sequence uint64
	Reason   string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("audit: the log is not as it was recorded: entry %d: %s", f.Sequence, f.Reason)
}

// verifyPage is how many entries are read in one transaction, so that verification of a long log keeps no reader open.
const verifyPage = 2000

// Verify reads the whole log and returns its head, or a *Fault at the first entry that was altered, moved, removed or put
// in. noted are heads written down earlier, outside the database: with one, also a log that was rewritten or cut as a
// whole is found. Entries recorded while Verify runs are included.
func (l *Log) Verify(ctx context.Context, noted ...Head) (Head, error) {
	at := make(map[uint64]Hash, len(noted))
	for _, h := range noted {
		if other, twice := at[h.Sequence]; twice && other != h.Hash {
			return Head{}, &Fault{h.Sequence, "two noted heads with this number differ"}
		}
		at[h.Sequence] = h.Hash
	}
	if h, ok := at[0]; ok && h != (Hash{}) {
		return Head{}, &Fault{0, "a noted head with number 0 has a hash"}
	}
	delete(at, 0)
	var last Head
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return Head{}, fmt.Errorf("audit: verify: %w", err)
		}
		err := l.db.View(func(tx *store.Tx) error {
			var failed error
			n := 0
			from := binary.BigEndian.AppendUint64(nil, last.Sequence+1)
			if last.Sequence == 0 {
				from = nil // an entry with number 0 would be found too
			}
			tx.Scan(entriesBucket, nil, from, verifyPage, func(k, v []byte) bool {
				n++
				if failed = verifyEntry(&last, k, v); failed != nil {
					return false
				}
				if want, ok := at[last.Sequence]; ok {
					if want != last.Hash {
						failed = &Fault{last.Sequence, "its hash is not the one that was noted"}
						return false
					}
					delete(at, last.Sequence)
				}
				return true
			})
			if failed != nil || n == verifyPage {
				return failed
			}
			done = true
			head, err := readHead(tx)
			if err != nil {
				return &Fault{last.Sequence, err.Error()}
			}
			if head != last {
				return &Fault{last.Sequence + 1, fmt.Sprintf("the log ends here, its head says entry %d", head.Sequence)}
			}
			return nil
		})
		if err != nil {
			return Head{}, err
		}
	}
	for sequence := range at {
		return Head{}, &Fault{sequence, "an entry with this number was noted and is not there"}
	}
	return last, nil
}

// verifyEntry checks one stored entry against the one before and makes it the last.
func verifyEntry(last *Head, key, value []byte) error {
	want := last.Sequence + 1
	e, err := decode(key, value)
	if err != nil {
		return &Fault{want, err.Error()}
	}
	stored := binary.BigEndian.Uint64(key)
	switch {
	case stored != want:
		return &Fault{want, fmt.Sprintf("it is missing, the next one is %d", stored)}
	case e.Sequence != want:
		return &Fault{want, fmt.Sprintf("it was recorded as entry %d", e.Sequence)}
	case e.Previous != last.Hash:
		return &Fault{want, "it does not follow the entry before it"}
	}
	hash := chain(last.Hash, value[len(last.Hash):])
	if !bytes.Equal(hash[:], value[:len(hash)]) {
		return &Fault{want, "its content was altered"}
	}
	*last = Head{want, hash}
	return nil
}
