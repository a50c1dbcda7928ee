package store

import (
	"errors"
	"path/filepath"
	"strings"
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
