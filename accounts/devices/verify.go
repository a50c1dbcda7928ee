package devices

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"huisclos/crypto/keylog"
	"huisclos/crypto/statement"
)

// maxLine bounds a line of an export: the last one holds a checkpoint.
const maxLine = 64 << 10

// ErrExport says that a file is no export of the log.
var ErrExport = errors.New("devices: not an export of a key log of devices (JSON Lines)")

// VerifyExport checks a file that Export wrote: every record, that they are those of the checkpoint at its end, the checkpoint's
// signature, by the key that the file names where none was noted, and that they begin with each checkpoint that was noted. A *Fault, ErrExport, or an error of keylog
// for a checkpoint that is none or that no noted key has signed.
func VerifyExport(r io.Reader, noted Noted) (Report, error) {
	f := file{noted: noted, roots: map[uint64]keylog.Hash{}, inside: map[uint64]keylog.Hash{}}
	for _, note := range noted.Checkpoints {
		c, err := f.open(note)
		if err != nil {
			return Report{}, fmt.Errorf("devices: a noted checkpoint: %w", err)
		}
		if other, twice := f.roots[c.Size]; twice && other != c.Root {
			return Report{}, &Fault{c.Size, "two noted checkpoints of this many records differ"}
		}
		f.roots[c.Size] = c.Root
		f.origins = append(f.origins, c.Origin)
	}
	f.passed()
	lines := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(bytes.TrimSpace(text)) == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Report{}, fmt.Errorf("%w: line %d: %w", ErrExport, number, err)
		}
		if err := f.line(bytes.TrimRight(text, "\r\n")); err != nil {
			return Report{}, err
		}
	}
	return f.end()
}

type file struct {
	noted   Noted
	origins []string
	roots   map[uint64]keylog.Hash // noted
	inside  map[uint64]keylog.Hash // of the file's records, at the sizes that were noted
	tree    keylog.Frontier
	closed  bool
	report  Report
}

// open checks the signature of a noted checkpoint where keys were noted; without any it only reads it.
func (f *file) open(note []byte) (keylog.Checkpoint, error) {
	if len(f.noted.Keys) > 0 {
		s, err := keylog.Open(note, f.noted.Keys, nil)
		return s.Checkpoint, err
	}
	return keylog.Peek(note)
}

func (f *file) line(text []byte) error {
	switch {
	case f.closed:
		return fmt.Errorf("%w: it goes on after its end", ErrExport)
	case bytes.HasPrefix(text, []byte(`{"end":`)):
		return f.close(text)
	}
	var l line
	index := f.tree.Size()
	if err := strict(text, &l); err != nil {
		return fmt.Errorf("%w: line %d: %w", ErrExport, index+1, err)
	}
	if l.Index != index {
		return &Fault{index, fmt.Sprintf("record %d stands in its place", l.Index)}
	}
	s, err := l.statement()
	if err != nil {
		return &Fault{index, "it says nothing that a log may say"}
	}
	if s.Kind == statement.Device {
		f.report.Devices++
	} else {
		f.report.Restores++
	}
	f.tree.Append(keylog.LeafHash(s.Marshal()))
	f.passed()
	return nil
}

// passed keeps the root where it is asked for.
func (f *file) passed() {
	if _, ok := f.roots[f.tree.Size()]; ok {
		f.inside[f.tree.Size()] = f.tree.Root()
	}
}

func (f *file) close(text []byte) error {
	var c closing
	if err := strict(text, &c); err != nil {
		return fmt.Errorf("%w: its last line: %w", ErrExport, err)
	}
	f.closed = true
	size := f.tree.Size()
	if c.End != size {
		return &Fault{size, fmt.Sprintf("the file has no more, and its last line says that it has %d", c.End)}
	}
	if c.Checkpoint == "" {
		if size > 0 {
			return &Fault{size, "no checkpoint covers the records"}
		}
		return nil
	}
	keys := f.noted.Keys
	if len(keys) == 0 {
		key, err := keylog.ParsePublicKey(c.Key)
		if err != nil {
			return fmt.Errorf("%w: its last line: %w", ErrExport, err)
		}
		keys = []keylog.PublicKey{key}
	}
	signed, err := keylog.Open([]byte(c.Checkpoint), keys, nil)
	if err != nil {
		return fmt.Errorf("devices: the checkpoint at the file's end: %w", err)
	}
	if signed.Size != size || signed.Root != f.tree.Root() {
		return &Fault{size, "the records before are not those of the checkpoint at the file's end"}
	}
	f.report.Origin, f.report.Key = signed.Origin, signed.Log
	return nil
}

func (f *file) end() (Report, error) {
	size := f.tree.Size()
	if !f.closed {
		if size == 0 {
			return Report{}, ErrExport
		}
		return Report{}, &Fault{size, "the file is cut: its last line is missing"}
	}
	for _, origin := range f.origins {
		if origin != f.report.Origin {
			return Report{}, &Fault{size, "a checkpoint that was noted is of another log"}
		}
	}
	for n, want := range f.roots {
		switch got, ok := f.inside[n]; {
		case !ok:
			return Report{}, &Fault{size, fmt.Sprintf("a checkpoint of %d records was noted, and the file has fewer", n)}
		case got != want:
			return Report{}, &Fault{n, "the records before are not those of a checkpoint that was noted"}
		}
	}
	f.report.Records, f.report.Noted = size, len(f.roots)
	return f.report, nil
}

// strict reads one JSON object whose names are all known.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one object")
	}
	return nil
}
