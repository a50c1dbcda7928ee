package audit

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// ErrQuery says that a query is not understood.
var ErrQuery = errors.New("audit: not a query")

// Format is how entries are written for others.
type Format string

// The formats.
const (
	// JSONL is one entry a line, in the bytes that are stored, between a line that says where it begins and one that proves it
	// under a checkpoint: VerifyExport needs nothing else.
	JSONL Format = "jsonl"
	// CEF is ArcSight's Common Event Format, for collectors; it proves nothing.
	CEF Format = "cef"
)

// exportFormat names the form of the file in its first line.
const exportFormat = "huisclos audit 1"

// opening is the first line of an export: the state of the log before its first entry.
type opening struct {
	Export   string        `json:"export"`
	First    uint64        `json:"first"` // of its entries; the next one where there is none
	Previous string        `json:"previous"`
	Edge     []keylog.Hash `json:"edge"`
	Signed   uint64        `json:"signed"` // size of the checkpoint of the last line; 0: there is none
}

// closing is the last line: the checkpoint that was the newest at the beginning, with its cosignatures, and the way to it from the last
// entry, where it covers more.
type closing struct {
	End        uint64        `json:"end"` // the last entry
	Checkpoint string        `json:"checkpoint,omitempty"`
	Way        []keylog.Hash `json:"way,omitempty"`
}

// Export writes the entries that were recorded in that time (zero: without a bound): all from the first that was to the last, in the
// order of the log. It reads page by page, so that a long log neither fills the memory nor holds up the database. It returns how many
// entries it wrote. Entries that are recorded meanwhile are left out.
func (l *Log) Export(ctx context.Context, w io.Writer, format Format, from, to time.Time, version string) (uint64, error) {
	st, err := l.Last()
	if err != nil {
		return 0, err
	}
	first, last, err := l.span(ctx, from, to)
	if err != nil {
		return 0, err
	}
	if st.Size+1 < first {
		st = Statement{} // it ends before the first of these
	}
	b := bufio.NewWriterSize(w, 64<<10)
	if format == JSONL {
		if err := l.open(b, first, st); err != nil {
			return 0, err
		}
	}
	for next := first; next <= last; {
		if err := ctx.Err(); err != nil {
			return next - first, fmt.Errorf("audit: export: %w", err)
		}
		var page [][]byte
		if err := l.db.View(func(tx *store.Tx) error {
			tx.Scan(entriesBucket, nil, numbered(next), int(min(verifyPage, last-next+1)), func(_, v []byte) bool {
				page = append(page, v)
				return true
			})
			return nil
		}); err != nil {
			return next - first, err
		}
		if len(page) == 0 {
			return next - first, &Fault{next, "it is missing"}
		}
		for _, v := range page {
			line, err := lineFor(format, next, v, version)
			if err != nil {
				return next - first, err
			}
			if _, err := b.Write(append(line, '\n')); err != nil {
				return next - first, fmt.Errorf("audit: export: %w", err)
			}
			next++
		}
	}
	if format == JSONL {
		if err := l.close(b, last, st); err != nil {
			return last + 1 - first, err
		}
	}
	if err := b.Flush(); err != nil {
		return last + 1 - first, fmt.Errorf("audit: export: %w", err)
	}
	return last + 1 - first, nil
}

func lineFor(format Format, sequence uint64, value []byte, version string) ([]byte, error) {
	if len(value) < keylog.HashSize {
		return nil, &Fault{sequence, "it is cut"}
	}
	if format == JSONL {
		return value[keylog.HashSize:], nil
	}
	e, err := decode(numbered(sequence), value)
	if err != nil {
		return nil, err
	}
	return AppendCEF(nil, e, version), nil
}

// span returns the first and the last entry of that time; last is first-1 where there is none. The clock may have been set back
// between two entries, so all of them are looked at.
func (l *Log) span(ctx context.Context, from, to time.Time) (first, last uint64, err error) {
	head, err := l.Head()
	if err != nil {
		return 0, 0, err
	}
	if from.IsZero() && to.IsZero() {
		return 1, head.Sequence, nil
	}
	q := Query{From: from, To: to}
	for next := uint64(1); next <= head.Sequence; {
		if err := ctx.Err(); err != nil {
			return 0, 0, fmt.Errorf("audit: export: %w", err)
		}
		n := uint64(0)
		if err := l.db.View(func(tx *store.Tx) (failed error) {
			tx.Scan(entriesBucket, nil, numbered(next), verifyPage, func(k, v []byte) bool {
				n++
				var e Entry
				if e, failed = decode(k, v); failed != nil {
					return false
				}
				if sequence := sequenceOf(k); sequence <= head.Sequence && q.wants(e) {
					last = sequence
					if first == 0 {
						first = sequence
					}
				}
				return true
			})
			return failed
		}); err != nil {
			return 0, 0, err
		}
		if n == 0 {
			break
		}
		next += n
	}
	if first == 0 {
		return head.Sequence + 1, head.Sequence, nil
	}
	return first, last, nil
}

func (l *Log) open(w io.Writer, first uint64, st Statement) error {
	o := opening{Export: exportFormat, First: first, Previous: Hash{}.String(), Edge: []keylog.Hash{}, Signed: st.Size}
	err := l.db.View(func(tx *store.Tx) error {
		if first == 1 {
			return nil
		}
		before := tx.Get(entriesBucket, numbered(first-1))
		if len(before) < keylog.HashSize {
			return &Fault{first - 1, "it is missing"}
		}
		o.Previous = Hash(before[:keylog.HashSize]).String()
		f, err := keylog.FrontierAt(first-1, subtrees{tx})
		if err != nil {
			return err
		}
		o.Edge = f.Edge()
		return nil
	})
	if err != nil {
		return err
	}
	return writeLine(w, o)
}

func (l *Log) close(w io.Writer, last uint64, st Statement) error {
	c := closing{End: last}
	err := l.db.View(func(tx *store.Tx) error {
		if st.Size == 0 {
			return nil
		}
		note, err := cosignedNote(tx, st.Size)
		if err != nil {
			return err
		}
		c.Checkpoint = string(note)
		if st.Size > last {
			c.Way, err = keylog.Between(last, st.Size, subtrees{tx})
		}
		return err
	})
	if err != nil {
		return err
	}
	return writeLine(w, c)
}

func writeLine(w io.Writer, value any) error {
	line, err := json.Marshal(value)
	if err == nil {
		_, err = w.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("audit: export: %w", err)
	}
	return nil
}
