package devices

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/store"
)

// An export is JSON Lines: a line for each record from the first on, and one that ends it, with the checkpoint that covers exactly these.
// VerifyExport needs nothing else.

// pageRecords is how many records one transaction reads: an export holds up nobody for longer.
const pageRecords = 1000

// The words for kinds in an export.
var kinds = map[statement.Kind]string{statement.Device: "device", statement.Restored: "restored"}

// line is a record in an export.
type line struct {
	Index   uint64 `json:"index"`
	Kind    string `json:"kind"`
	Account string `json:"account,omitempty"`
	Device  string `json:"device,omitempty"`
	Key     string `json:"key,omitempty"` // base64url without padding, as ids are
	Time    uint64 `json:"time"`          // seconds since 1970
}

// closing is the last line.
type closing struct {
	End        uint64 `json:"end"` // how many records there are before it
	Checkpoint string `json:"checkpoint,omitempty"`
	Key        string `json:"key,omitempty"` // that has signed it
}

func lineOf(index uint64, s statement.Statement) line {
	l := line{Index: index, Kind: kinds[s.Kind], Time: s.Time}
	if s.Kind == statement.Device {
		l.Account, l.Device, l.Key = s.Account.String(), s.Device.String(), base64.RawURLEncoding.EncodeToString(s.Key)
	}
	return l
}

// statement reads what lineOf wrote.
func (l line) statement() (s statement.Statement, err error) {
	s.Time = l.Time
	for kind, word := range kinds {
		if l.Kind == word {
			s.Kind = kind
		}
	}
	if s.Kind == statement.Device {
		if s.Account, err = mls.ParseAccountID(l.Account); err != nil {
			return s, err
		}
		if s.Device, err = mls.ParseDeviceID(l.Device); err != nil {
			return s, err
		}
		if s.Key, err = base64.RawURLEncoding.Strict().DecodeString(l.Key); err != nil {
			return s, err
		}
	} else if l.Account != "" || l.Device != "" || l.Key != "" {
		return s, statement.ErrMalformed
	}
	return s, s.Check()
}

// A Part says how far an export has come. It may be kept by who asks for the next piece.
type Part struct {
	Size uint64 `json:"size"`           // records: those that the checkpoint covers
	Note string `json:"note,omitempty"` // the checkpoint; empty: there is none
	Key  string `json:"key,omitempty"`  // that has signed it
	Next uint64 `json:"next"`
	Done bool   `json:"done"`
}

// BeginExport prepares an export of what the last checkpoint covers. What a restore has added since, the next Open signs.
func BeginExport(db *store.DB) (p Part, err error) {
	err = db.View(func(tx *store.Tx) error {
		note, c, err := lastNote(tx)
		if note == nil || err != nil {
			return err
		}
		keys, err := publicKeys(tx)
		if err != nil {
			return err
		}
		s, err := keylog.Open(note, keys, nil)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		p = Part{Size: c.Size, Note: string(note), Key: s.Log.String()}
		return nil
	})
	return p, err
}

// WritePart writes the next piece of an export, and says how far it has come then.
func WritePart(w io.Writer, db *store.DB, p Part) (Part, error) {
	var page []statement.Statement
	err := db.View(func(tx *store.Tx) error {
		for n := p.Next; n < p.Size && len(page) < pageRecords; n++ {
			s, err := readRecord(tx, n)
			if err != nil {
				return err
			}
			page = append(page, s)
		}
		return nil
	})
	if err != nil {
		return p, err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, s := range page {
		if err := out.Encode(lineOf(p.Next, s)); err != nil {
			return p, fmt.Errorf("devices: export: %w", err)
		}
		p.Next++
	}
	if p.Next < p.Size {
		return p, nil
	}
	if err := out.Encode(closing{p.Next, p.Note, p.Key}); err != nil {
		return p, fmt.Errorf("devices: export: %w", err)
	}
	p.Done = true
	return p, nil
}

// Export writes a whole export, and returns how many records it wrote.
func Export(ctx context.Context, w io.Writer, db *store.DB) (uint64, error) {
	p, err := BeginExport(db)
	for err == nil && !p.Done {
		if err = ctx.Err(); err == nil {
			p, err = WritePart(w, db, p)
		}
	}
	return p.Next, err
}

// Noted is what was kept elsewhere.
type Noted struct {
	Keys        []keylog.PublicKey
	Checkpoints [][]byte // notes: of clients, or of earlier exports
}

// Report is what a verification found.
type Report struct {
	Records, Devices, Restores uint64
	Origin                     string           // the log's name; empty: there is no checkpoint
	Key                        keylog.PublicKey // that signed the checkpoint: one of those noted, and where none was, the one that the file names
	Noted                      int              // checkpoints of Noted that the records begin with
}

// A Fault is the first record that is not as it was written, or the first that is not there.
type Fault struct {
	Index  uint64
	Reason string
}

func (f *Fault) Error() string { return fmt.Sprintf("devices: record %d: %s", f.Index, f.Reason) }
