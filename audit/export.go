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

// A Part says how far an export has come. It is made by Begin, and may be kept by who asks for the next piece.
type Part struct {
	Format Format `json:"format"`
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`   // First-1: there is no entry
	Signed uint64 `json:"signed"` // size of the checkpoint at the end; 0: none
	Next   uint64 `json:"next"`   // 0: nothing is written yet
	Done   bool   `json:"done"`
}

// Begin prepares an export of the entries that were recorded in that time (zero: without a bound): all from the first that was to the
// last, in the order of the log. Entries that are recorded from now on are left out. ErrQuery for another format.
func (l *Log) Begin(ctx context.Context, format Format, from, to time.Time) (Part, error) {
	if format != JSONL && format != CEF {
		return Part{}, ErrQuery
	}
	st, err := l.Last()
	if err != nil {
		return Part{}, err
	}
	p := Part{Format: format, Signed: st.Size}
	if p.First, p.Last, err = l.span(ctx, from, to); err != nil {
		return Part{}, err
	}
	if p.Signed+1 < p.First {
		p.Signed = 0 // it ends before the first of these
	}
	return p, nil
}

// WritePart writes the next piece of an export, a page of entries, and says how far it has come then. It holds up nobody for longer,
// however long the log.
func (l *Log) WritePart(w io.Writer, p Part, version string) (Part, error) {
	if p.Next == 0 {
		p.Next = p.First
		if p.Format == JSONL {
			if err := l.open(w, p); err != nil {
				return p, err
			}
		}
	}
	if p.Next <= p.Last {
		var page [][]byte
		if err := l.db.View(func(tx *store.Tx) error {
			tx.Scan(entriesBucket, nil, numbered(p.Next), int(min(verifyPage, p.Last-p.Next+1)), func(_, v []byte) bool {
				page = append(page, v)
				return true
			})
			return nil
		}); err != nil {
			return p, err
		}
		if len(page) == 0 {
			return p, &Fault{p.Next, "it is missing"}
		}
		for _, v := range page {
			line, err := lineFor(p.Format, p.Next, v, version)
			if err != nil {
				return p, err
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return p, fmt.Errorf("audit: export: %w", err)
			}
			p.Next++
		}
	}
	if p.Next <= p.Last {
		return p, nil
	}
	if p.Format == JSONL {
		if err := l.close(w, p); err != nil {
			return p, err
		}
	}
	p.Done = true
	return p, nil
}

// Export writes a whole export, and returns how many entries it wrote.
func (l *Log) Export(ctx context.Context, w io.Writer, format Format, from, to time.Time, version string) (uint64, error) {
	p, err := l.Begin(ctx, format, from, to)
	b := bufio.NewWriterSize(w, 64<<10)
	for err == nil && !p.Done {
		if err = ctx.Err(); err == nil {
			p, err = l.WritePart(b, p, version)
		}
	}
	if err == nil {
		err = b.Flush()
	}
	if err != nil {
		return 0, fmt.Errorf("audit: export: %w", err)
	}
	return p.Last + 1 - p.First, nil
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

func (l *Log) open(w io.Writer, p Part) error {
	o := opening{Export: exportFormat, First: p.First, Previous: Hash{}.String(), Edge: []keylog.Hash{}, Signed: p.Signed}
	err := l.db.View(func(tx *store.Tx) error {
		if p.First == 1 {
			return nil
		}
		before := tx.Get(entriesBucket, numbered(p.First-1))
		if len(before) < keylog.HashSize {
			return &Fault{p.First - 1, "it is missing"}
		}
		o.Previous = Hash(before[:keylog.HashSize]).String()
		f, err := keylog.FrontierAt(p.First-1, subtrees(tx))
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

func (l *Log) close(w io.Writer, p Part) error {
	c := closing{End: p.Last}
	err := l.db.View(func(tx *store.Tx) error {
		if p.Signed == 0 {
			return nil
		}
		note, err := cosignedNote(tx, p.Signed)
		if err != nil {
			return err
		}
		c.Checkpoint = string(note)
		if p.Signed > p.Last {
			c.Way, err = keylog.Between(p.Last, p.Signed, subtrees(tx))
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
