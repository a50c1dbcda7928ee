package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/sys/unix"
)

// Contents are what is saved.
type Contents struct {
	// Database writes one consistent state of the whole database to what begin returns for its size; nil: it is not saved.
	Database func(begin func(size int64) (io.Writer, error)) error
	Files    []File
	Audit    Head
}

// File is one file beside the database. Name is its name in the archive; see [DataName] and [SettingsName].
type File struct {
	Name string
	Text []byte
}

// Write writes a backup. What it wrote before an error is no backup: [Create] leaves none behind.
func Write(w io.Writer, h Header, c Contents, to Recipients) (Manifest, error) {
	if to.None() {
		return Manifest{}, fmt.Errorf("%w: none is given", ErrRecipient)
	}
	h.Keys = to.ids
	lines, err := h.encode()
	if err != nil {
		return Manifest{}, err
	}
	if _, err := w.Write(lines); err != nil {
		return Manifest{}, fmt.Errorf("backup: write: %w", err)
	}
	sealed, err := age.Encrypt(w, to.list...)
	if err != nil {
		return Manifest{}, fmt.Errorf("backup: encrypt: %w", err)
	}
	a := &archive{tar: tar.NewWriter(sealed), header: h, manifest: Manifest{Header: hexSum(lines), Audit: c.Audit}}
	if err := a.all(c); err != nil {
		return Manifest{}, err
	}
	if err := errors.Join(a.tar.Close(), sealed.Close()); err != nil {
		return Manifest{}, fmt.Errorf("backup: write: %w", err)
	}
	return a.manifest, nil
}

// archive is a tar archive that is being written.
type archive struct {
	tar      *tar.Writer
	header   Header
	manifest Manifest
}

func (a *archive) all(c Contents) error {
	if c.Database != nil {
		var in *summed
		err := c.Database(func(size int64) (w io.Writer, err error) {
			in, err = a.begin(DatabaseName, size)
			return in, err
		})
		if err != nil {
			return err
		}
		a.end(in)
	}
	if len(c.Files) > maxFiles {
		return fmt.Errorf("backup: %d files, %d at most", len(c.Files), maxFiles)
	}
	for _, f := range c.Files {
		if err := checkName(f.Name); err != nil || len(f.Text) > maxFile {
			return fmt.Errorf("backup: %q cannot be saved: it has %d octets, %d at most: %w", f.Name, len(f.Text), maxFile, err)
		}
		in, err := a.begin(f.Name, int64(len(f.Text)))
		if err != nil {
			return err
		}
		if _, err := in.Write(f.Text); err != nil {
			return err
		}
		a.end(in)
	}
	text, err := a.manifest.encode()
	if err != nil {
		return err
	}
	in, err := a.begin(manifestName, int64(len(text)))
	if err == nil {
		_, err = in.Write(text)
	}
	return err
}

// summed is one file of the archive while it is written.
type summed struct {
	name string
	tar  *tar.Writer
	sum  hash.Hash
	size int64
}

func (a *archive) begin(name string, size int64) (*summed, error) {
	err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.header.Created, Format: tar.FormatPAX})
	if err != nil {
		return nil, fmt.Errorf("backup: write %s: %w", name, err)
	}
	return &summed{name: name, tar: a.tar, sum: sha256.New()}, nil
}

func (s *summed) Write(b []byte) (int, error) {
	n, err := s.tar.Write(b)
	s.sum.Write(b[:n])
	s.size += int64(n)
	if err != nil {
		err = fmt.Errorf("backup: write %s: %w", s.name, err)
	}
	return n, err
}

// end notes a file that is whole; the next begin fails when it is not.
func (a *archive) end(s *summed) {
	a.manifest.Files = append(a.manifest.Files, Entry{s.name, s.size, hex.EncodeToString(s.sum.Sum(nil))})
}

// Partial begins the name of a file that is being written: after a crash it is known for what it is, and removed.
const Partial = ".partial-"

// Create writes a backup at path, which must not exist: to another name first, with mode 0600, and it has its name only when it
// is on the disk. pace, if there is one, stands between the backup and the file.
func Create(path string, h Header, c Contents, to Recipients, pace func(io.Writer) io.Writer) (Created, error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, Partial+"*") // mode 0600
	if err != nil {
		return Created{}, fmt.Errorf("backup: create: %w", err)
	}
	defer os.Remove(f.Name()) // gone by then, or unfinished
	defer f.Close()
	counted := &counter{w: f, sum: sha256.New()}
	var w io.Writer = counted
	if pace != nil {
		w = pace(counted)
	}
	m, err := Write(w, h, c, to)
	if err != nil {
		return Created{}, err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return Created{}, fmt.Errorf("backup: create: %w", err)
	}
	if err := unix.Renameat2(unix.AT_FDCWD, f.Name(), unix.AT_FDCWD, path, unix.RENAME_NOREPLACE); errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		// A file system that can't promise it, such as NFS. Names have a second in them, and one backup is made at a time.
		if _, err = os.Lstat(path); err == nil {
			return Created{}, fmt.Errorf("backup: create: %s: %w", path, os.ErrExist)
		}
		if err := os.Rename(f.Name(), path); err != nil {
			return Created{}, fmt.Errorf("backup: create: %w", err)
		}
	} else if err != nil {
		return Created{}, fmt.Errorf("backup: create: %w", err)
	}
	return Created{Size: counted.n, Sum: hex.EncodeToString(counted.sum.Sum(nil)), Manifest: m}, syncFolder(dir)
}

// Created is a backup that is on the disk.
type Created struct {
	Size     int64
	Sum      string // SHA-256 of the whole file, hexadecimal
	Manifest Manifest
}

type counter struct {
	w   io.Writer
	n   int64
	sum hash.Hash
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.sum.Write(b[:n])
	return n, err
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}
