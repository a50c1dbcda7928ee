package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"huisclos/crypto/keylog"
)

// maxLine bounds a line of an export: an entry has 16 details of 256 bytes at most.
const maxLine = 64 << 10

// ErrExport says that a file is no export of the log.
var ErrExport = errors.New("audit: not an export of an audit log (JSON Lines)")

// VerifyExport checks a file that Export wrote as JSONL, or the entries that a collector kept of it line by line. Keys and checkpoints
// that were noted elsewhere are what the file is held against; without a key nobody vouches for it, and the report says so. A *Fault
// names the first entry that is not as it was recorded; what was noted and is not within the file's entries counts as a fault too.
func VerifyExport(r io.Reader, noted Noted) (Report, error) {
	lines := bufio.NewReaderSize(r, maxLine)
	f := file{noted: noted, tree: &keylog.Frontier{}, roots: map[uint64]keylog.Hash{}, inside: map[uint64]keylog.Hash{}}
	for _, note := range noted.Checkpoints {
		s, err := f.openNote(note)
		if err != nil {
			return Report{}, fmt.Errorf("audit: a noted checkpoint: %w", err)
		}
		if other, twice := f.roots[s.Size]; twice && other != s.Root {
			return Report{}, &Fault{s.Size, "two noted checkpoints of this many entries differ"}
		}
		f.roots[s.Size] = s.Root
	}
	for number := 0; ; number++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(line)) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Report{}, fmt.Errorf("%w: line %d: %w", ErrExport, number+1, err)
		}
		if err := f.line(number, bytes.TrimRight(line, "\r\n")); err != nil {
			return Report{}, err
		}
	}
	return f.end()
}

type file struct {
	noted  Noted
	first  uint64
	last   Head
	tree   *keylog.Frontier
	closed bool
	roots  map[uint64]keylog.Hash // noted
	// inside are the roots of the file's own entries at the sizes that were noted.
	inside map[uint64]keylog.Hash
	// signed is the state of the file's own entries where the checkpoint of its last line ends.
	signed signed
	report Report
}

type signed struct {
	size  uint64
	root  keylog.Hash
	chain Hash
}

// openNote checks the signatures of a note with the keys that were given; without any it only reads it.
func (f *file) openNote(note []byte) (keylog.Signed, error) {
	if len(f.noted.Keys) > 0 {
		return keylog.Open(note, f.noted.Keys, f.noted.Witnesses)
	}
	c, err := keylog.Peek(note)
	return keylog.Signed{Checkpoint: c}, err
}

func (f *file) line(number int, line []byte) error {
	if f.closed {
		return fmt.Errorf("%w: it goes on after its end", ErrExport)
	}
	if number == 0 {
		return f.begin(line)
	}
	if bytes.HasPrefix(line, []byte(`{"end":`)) {
		return f.close(line)
	}
	value := make([]byte, 0, len(line)+len(f.last.Hash))
	hash := chain(f.last.Hash, line)
	value = append(append(value, hash[:]...), line...)
	if _, err := verifyEntry(&f.last, numbered(f.last.Sequence+1), value); err != nil {
		return err
	}
	f.tree.Append(keylog.LeafHash(line))
	f.passed()
	return nil
}

// passed keeps the root where it is asked for.
func (f *file) passed() {
	if _, ok := f.roots[f.last.Sequence]; ok {
		f.inside[f.last.Sequence] = f.tree.Root()
	}
	if f.signed.size == f.last.Sequence {
		f.signed.root, f.signed.chain = f.tree.Root(), f.last.Hash
	}
}

func (f *file) begin(line []byte) error {
	var o opening
	if err := json.Unmarshal(line, &o); err != nil || o.Export != exportFormat || o.First == 0 {
		return fmt.Errorf("%w: its first line is another", ErrExport)
	}
	previous, err := ParseHash(o.Previous)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrExport, err)
	}
	if f.tree, err = keylog.ParseFrontier(o.First-1, o.Edge); err != nil {
		return fmt.Errorf("%w: %w", ErrExport, err)
	}
	if o.First == 1 && previous != (Hash{}) {
		return &Fault{1, "it does not follow the beginning"}
	}
	f.first, f.last, f.signed.size = o.First, Head{o.First - 1, previous}, o.Signed
	f.passed()
	return nil
}

// close reads the last line. The checkpoint there must be of these entries: its root is theirs, grown by what it covers beyond.
func (f *file) close(line []byte) error {
	var c closing
	if err := json.Unmarshal(line, &c); err != nil {
		return fmt.Errorf("%w: %w", ErrExport, err)
	}
	if c.End != f.last.Sequence {
		return &Fault{f.last.Sequence + 1, fmt.Sprintf("the file ends here, its last line says entry %d", c.End)}
	}
	f.closed = true
	f.report.Head = f.last
	if c.Checkpoint == "" {
		return nil
	}
	s, err := f.openNote([]byte(c.Checkpoint))
	if err != nil {
		return fmt.Errorf("audit: the checkpoint at the file's end: %w", err)
	}
	st, err := statementOf(s.Checkpoint, []byte(c.Checkpoint))
	if err != nil {
		return err
	}
	if s.Size > f.last.Sequence {
		if err := f.tree.ExtendTo(s.Size, c.Way); err != nil {
			return &Fault{f.last.Sequence, notOfCheckpoint}
		}
		f.signed = signed{s.Size, f.tree.Root(), st.Chain}
	}
	switch {
	case s.Size != f.signed.size:
		return fmt.Errorf("%w: its first line announces another checkpoint than its last line has", ErrExport)
	case s.Root != f.signed.root || st.Chain != f.signed.chain:
		return &Fault{min(s.Size, f.last.Sequence), notOfCheckpoint}
	}
	f.report.Origin, f.report.Covered, f.report.Checkpoints = s.Origin, st, 1
	if !s.Log.IsZero() {
		f.report.Keys = []keylog.PublicKey{s.Log}
	}
	if len(s.Witnesses) > 0 {
		f.report.Cosigned, f.report.Witnesses = s.Size, s.Witnesses
	}
	if _, ok := f.roots[s.Size]; ok {
		f.inside[s.Size] = s.Root
	}
	return nil
}

const notOfCheckpoint = "the entries up to this one are not those of the checkpoint at the file's end"

func (f *file) end() (Report, error) {
	if f.first == 0 {
		return Report{}, ErrExport
	}
	if !f.closed {
		return Report{}, &Fault{f.last.Sequence + 1, "the file is cut: its last line is missing"}
	}
	for size, want := range f.roots {
		got, ok := f.inside[size]
		switch {
		case !ok:
			return Report{}, &Fault{size, "a checkpoint of this many entries was noted; the file neither ends nor passes there"}
		case got != want:
			return Report{}, &Fault{size, "the entries up to this one are not those of a checkpoint that was noted"}
		}
		f.report.Notes++
	}
	f.report.Unsigned = len(f.report.Keys) == 0
	return f.report, nil
}
