package store

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestSizeAndCommits(t *testing.T) {
	var took []time.Duration
	db, err := Open(filepath.Join(t.TempDir(), "db"), Options{Committed: func(d time.Duration) { took = append(took, d) }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate([]Migration{{1, "one", func(tx *Tx) error { return tx.CreateBucket("b") }}}); err != nil {
		t.Fatal(err)
	}
	before := len(took)
	big := []byte(strings.Repeat("x", 200<<10))
	if err := db.Update(func(tx *Tx) error { return tx.Put("b", []byte("k"), big) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *Tx) error { return tx.Delete("b", []byte("k")) }); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(*Tx) error { return nil }); err != nil { // writes nothing: no commit
		t.Fatal(err)
	}
	if len(took) != before+2 || took[before] <= 0 {
		t.Errorf("%d commits were told, %v", len(took)-before, took)
	}
	file, free, err := db.Size()
	if err != nil || file < int64(len(big)) || free < int64(len(big)) || free > file {
		t.Errorf("file %d, free %d, %v", file, free, err)
	}
	if err := db.Writable(); err != nil {
		t.Error(err)
	}
	db.commit = func(*bolt.Tx) error { return errors.New("the disk is gone") }
	if err := db.Update(func(tx *Tx) error { return tx.Put("b", []byte("k"), nil) }); err == nil {
		t.Fatal("a failed commit went well")
	}
	if err := db.Writable(); !errors.Is(err, ErrFailed) {
		t.Errorf("after a failed write: %v", err)
	}
	if len(took) != before+2 {
		t.Error("a failed commit was told")
	}
}

// TestFullHeals: a write that finds no room is told as such until one goes well; what leaves the disk's state unknown lasts.
func TestFullHeals(t *testing.T) {
	db := migrated(t)
	real := db.commit
	db.commit = func(*bolt.Tx) error { return &os.PathError{Op: "write", Err: syscall.ENOSPC} }
	write := func() error {
		return db.Update(func(tx *Tx) error { return tx.Put("letters", []byte("k"), []byte("v")) })
	}
	if err := write(); !errors.Is(err, ErrFull) || errors.Is(err, ErrFailed) {
		t.Fatalf("no room: %v", err)
	}
	if err := db.Retry(); !errors.Is(err, ErrFull) || !errors.Is(db.Writable(), ErrFull) {
		t.Errorf("still no room: %v, %v", err, db.Writable())
	}
	db.commit = real
	before := db.Revision()
	if err := db.Retry(); err != nil || db.Writable() != nil || db.Revision() != before+2 {
		t.Errorf("there is room: %v, %v, revision %d after %d", err, db.Writable(), db.Revision(), before)
	}
	if err := db.Retry(); err != nil || db.Revision() != before+2 {
		t.Errorf("nothing to retry: %v, revision %d", err, db.Revision())
	}
	db.commit = func(*bolt.Tx) error { return &os.PathError{Op: "write", Err: syscall.EROFS} }
	if err := write(); !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("read-only: %v", err)
	}
	db.commit = real
	if err := db.Retry(); !errors.Is(err, ErrFailed) || !errors.Is(write(), ErrFailed) || !errors.Is(db.Writable(), syscall.EROFS) {
		t.Errorf("it does not last: %v", err)
	}
}

// TestPeek reads the version without writing, and says who has the file.
func TestPeek(t *testing.T) {
	db := migrated(t)
	if _, err := Peek(db.path); !errors.Is(err, ErrInUse) {
		t.Errorf("open elsewhere: %v", err)
	}
	want, err := db.Version()
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	before, err := os.ReadFile(db.path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Peek(db.path); err != nil || got != want {
		t.Errorf("version %d, %v, want %d", got, err, want)
	}
	if after, err := os.ReadFile(db.path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file is another: %v", err)
	}
	if _, err := Peek(db.path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(db.path, before[:len(before)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Peek(db.path); !errors.Is(err, ErrDamaged) {
		t.Errorf("half a file: %v", err)
	}
}
