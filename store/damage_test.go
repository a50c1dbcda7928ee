package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// whole returns the bytes of a database that has grown past the engine's first mapping.
func whole(t *testing.T) []byte {
	t.Helper()
	db := migrated(t)
	for i := range 20 {
		put(t, db, fmt.Sprintf("k%d", i), strings.Repeat("v", 3000))
	}
	db.Close()
	b, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func openBytes(t *testing.T, b []byte) (*DB, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return Open(path, Options{Timeout: 100 * time.Millisecond})
}

// A cut file must be an error with a sentence: the engine alone would read past the end of its map, which kills the process.
func TestTruncatedFile(t *testing.T) {
	b := whole(t)
	// The engine grows its file in steps: find where the pages in use end.
	f := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(f, b, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	used := 0
	for _, offset := range []int64{0, int64(os.Getpagesize())} {
		m, pageSize, ok := readMeta(file, offset)
		if !ok || pageSize != int64(os.Getpagesize()) {
			t.Fatalf("head page at %d: %v, %d", offset, ok, pageSize)
		}
		used = max(used, int(m.pages)*int(pageSize))
	}
	if used < 10*os.Getpagesize() || used > len(b) {
		t.Fatalf("%d of %d bytes in use", used, len(b))
	}
	for n := 0; n < used; n += 1021 {
		db, err := openBytes(t, b[:n])
		if err == nil {
			db.Close()
			t.Fatalf("%d of %d bytes open", n, used)
		}
		if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "restore a backup") {
			t.Fatalf("%d of %d bytes: %v", n, used, err)
		}
	}
	db, err := openBytes(t, b[:used])
	if err != nil {
		t.Fatalf("cut where nothing is in use: %v", err)
	}
	defer db.Close()
	if err := db.Check(); err != nil {
		t.Error(err)
	}
}

// Power may fail while one of the two head pages is written: the other one holds the state before.
func TestTornHeadPage(t *testing.T) {
	for page := range 2 {
		b := whole(t)
		at := page*os.Getpagesize() + pageHeader
		copy(b[at+20:at+metaLength], bytes.Repeat([]byte{0xa5}, metaLength-20))
		db, err := openBytes(t, b)
		if err != nil {
			t.Fatalf("head page %d torn: %v", page, err)
		}
		if err := db.Check(); err != nil {
			t.Error(err)
		}
		put(t, db, "after", "1")
		db.Close()
	}
	b := whole(t)
	for page := range 2 {
		b[page*os.Getpagesize()+pageHeader+30] ^= 1
	}
	if _, err := openBytes(t, b); !errors.Is(err, ErrDamaged) {
		t.Errorf("both head pages torn: %v", err)
	}
}

func TestForeignFiles(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":  {},
		"text":   []byte(strings.Repeat("not a database\n", 5000)),
		"zeroes": make([]byte, 1<<16),
	} {
		if _, err := openBytes(t, b); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path := filepath.Join(t.TempDir(), "other")
	other, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }); err != nil {
		t.Fatal(err)
	}
	other.Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "another program") {
		t.Errorf("another program's database: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Error("another program's database was written to")
	}
	dir := t.TempDir()
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a directory: %v", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, Options{}); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a symbolic link: %v", err)
	}
}

// Any byte of the pages in use may be wrong: Open or Check says so or finds nothing wrong, and the process lives.
func FuzzHeadPages(f *testing.F) {
	f.Add(0, byte(1), 16, byte(0xff))
	f.Add(24, byte(0x80), 4096+56, byte(7))
	path := filepath.Join(f.TempDir(), "db")
	db, err := Open(path, Options{})
	if err != nil {
		f.Fatal(err)
	}
	db.Close()
	clean, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, at1 int, x1 byte, at2 int, x2 byte) {
		b := bytes.Clone(clean)
		// Only the two head pages: the engine trusts the content of the pages that they point to.
		for at, x := range map[int]byte{at1: x1, at2: x2} {
			if at < 0 {
				at = ^at
			}
			b[at%(2*os.Getpagesize())] ^= x
		}
		if db, err := openBytes(t, b); err == nil {
			db.Close()
		}
	})
}
