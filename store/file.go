package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// prepare makes the directory and a first, empty database where there is none, and refuses what would let others read or
// replace the database.
func prepare(path string, timeout time.Duration, logf func(string, ...any)) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("store: make directory: %w", err)
	}
	d, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if d.Mode().Perm()&0o002 != 0 && d.Mode()&os.ModeSticky == 0 {
		return fmt.Errorf("store: anybody may write in the directory %s; run: chmod 700 %s", dir, dir)
	}
	f, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return create(path, timeout)
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if !f.Mode().IsRegular() {
		return fmt.Errorf("store: %s is not a regular file", path)
	}
	if f.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("store: others may read %s: %w", path, err)
		}
		logf("store: others could read %s (mode %04o); its mode is now 0600", path, f.Mode().Perm())
	}
	return nil
}

// create writes an empty database under another name and links it to path when it is whole. So an empty or half-written
// file at path is never a beginning: it is damage, and Open refuses it rather than starting an appliance without accounts.
func create(path string, timeout time.Duration) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*.db") // mode 0600
	if err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	defer os.Remove(tmp.Name())
	if err := tmp.Close(); err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	o := engineOptions(timeout)
	o.OpenFile = os.OpenFile
	b, err := bolt.Open(tmp.Name(), 0o600, o)
	if err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	if err := b.Update(writeFormat); err != nil {
		b.Close()
		return fmt.Errorf("store: create database: %w", err)
	}
	if err := b.Close(); err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	// Link fails where rename would replace: another process may have made the database meanwhile, and keeps it.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("store: create database: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("store: create database: %w", err)
	}
	return nil
}

// Peek reads the version of the schema of the database at path, for whoever wants to know why no appliance runs: it writes nothing, makes
// nothing, and waits for nobody. ErrInUse: an appliance has it open.
func Peek(path string) (version int, err error) {
	o := engineOptions(time.Millisecond)
	o.ReadOnly = true
	o.OpenFile = func(path string, _ int, _ os.FileMode) (*os.File, error) { return openWith(path, os.O_RDONLY) }
	b, err := openBolt(path, o)
	if err != nil {
		return 0, err
	}
	db := &DB{path: path, bolt: b}
	defer b.Close()
	if err := db.begin(); err != nil {
		return 0, err
	}
	return db.Version()
}

// openChecked opens an existing database file whose length fits what its own head says. The engine maps the file into
// memory: a page past the end would be a SIGBUS, which ends the process without a sentence.
func openChecked(path string, _ int, _ os.FileMode) (*os.File, error) {
	return openWith(path, os.O_RDWR)
}

func openWith(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, how, 0)
	if err != nil {
		return nil, err
	}
	if err := checkLength(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s: %v", ErrDamaged, path, err)
	}
	return f, nil
}

// The two head pages ("meta") of the engine's file format: a page header of 16 bytes, then, in the byte order of the
// machine, magic, version, page size, flags (32 bits each), root page and sequence, free list page, page count,
// transaction (64 bits each), and FNV-1a of all that.
const (
	pageHeader = 16
	metaSum    = 56
	metaLength = 64
	metaMagic  = 0xED0CDAED
)

func checkLength(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return errors.New("the file is empty; restore a backup")
	}
	first, pageSize, ok := readMeta(f, 0)
	if !ok {
		// The first head may be torn by a power failure; the second stands one page later, at a size yet unknown.
		for pageSize = 1024; pageSize <= 1<<16 && !ok; pageSize *= 2 {
			var size int64
			if first, size, ok = readMeta(f, pageSize); ok && size == pageSize {
				break
			}
			ok = false
		}
	} else if second, _, ok2 := readMeta(f, pageSize); ok2 && second.transaction > first.transaction {
		first = second
	}
	if !ok {
		return errors.New("no valid head page; restore a backup")
	}
	if need := int64(first.pages) * pageSize; first.pages > 1<<40 || info.Size() < need {
		return fmt.Errorf("the file is cut: %d bytes of %d; restore a backup", info.Size(), need)
	}
	return nil
}

type meta struct{ pages, transaction uint64 }

func readMeta(f *os.File, offset int64) (m meta, pageSize int64, ok bool) {
	var b [pageHeader + metaLength]byte
	if _, err := f.ReadAt(b[:], offset); err != nil {
		return m, 0, false
	}
	v := b[pageHeader:]
	sum := fnv.New64a()
	sum.Write(v[:metaSum])
	if binary.NativeEndian.Uint32(v) != metaMagic || binary.NativeEndian.Uint64(v[metaSum:]) != sum.Sum64() {
		return m, 0, false
	}
	m = meta{pages: binary.NativeEndian.Uint64(v[40:]), transaction: binary.NativeEndian.Uint64(v[48:])}
	return m, int64(binary.NativeEndian.Uint32(v[8:])), true
}
