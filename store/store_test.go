package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

var oneBucket = []Migration{{1, "letters", func(tx *Tx) error { return tx.CreateBucket("letters") }}}

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path, Options{Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func migrated(t *testing.T) *DB {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "data", "huisclos.db"))
	if err := db.Migrate(oneBucket); err != nil {
		t.Fatal(err)
	}
	return db
}

func put(t *testing.T, db *DB, pairs ...string) {
	t.Helper()
	err := db.Update(func(tx *Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.Put("letters", []byte(pairs[i]), []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, db *DB, key string) (v []byte) {
	t.Helper()
	if err := db.View(func(tx *Tx) error { v = tx.Get("letters", []byte(key)); return nil }); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestWritesReachTheDisk(t *testing.T) {
	db := migrated(t)
	if db.bolt.NoSync || db.bolt.NoGrowSync || db.bolt.NoFreelistSync {
		t.Error("the engine writes without fsync")
	}
	put(t, db, "a", "1", "empty", "")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, db.path)
	if got := get(t, again, "a"); string(got) != "1" {
		t.Errorf("after opening again: %q", got)
	}
	if got := get(t, again, "empty"); got == nil || len(got) != 0 {
		t.Errorf("an empty value reads as %#v", got)
	}
	if got := get(t, again, "b"); got != nil {
		t.Errorf("a key that was never put reads as %q", got)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
}

func TestModes(t *testing.T) {
	// ASVS 13.3.2, 14.2.4
	db := migrated(t)
	for path, want := range map[string]os.FileMode{db.path: 0o600, filepath.Dir(db.path): 0o700} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s is %04o, want %04o", filepath.Base(path), got, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(db.path), ".new-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	db.Close()
	if err := os.Chmod(db.path, 0o644); err != nil {
		t.Fatal(err)
	}
	var said string
	again, err := Open(db.path, Options{Logf: func(f string, a ...any) { said += fmt.Sprintf(f, a...) }})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	info, err := os.Stat(db.path)
	if err != nil || info.Mode().Perm() != 0o600 || !strings.Contains(said, "0644") {
		t.Errorf("mode %04o, said %q, %v", info.Mode().Perm(), said, err)
	}
	if err := os.Chmod(filepath.Dir(db.path), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(db.path, Options{}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a directory open to all: %v", err)
	}
}

func TestOneProcess(t *testing.T) {
	db := migrated(t)
	_, err := Open(db.path, Options{Timeout: 50 * time.Millisecond})
	if !errors.Is(err, ErrInUse) {
		t.Fatalf("a second Open returns %v, want ErrInUse", err)
	}
	if !strings.Contains(err.Error(), "another process") || !strings.Contains(err.Error(), db.path) {
		t.Errorf("the sentence is %q", err)
	}
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	// ASVS 2.3.3
	db := migrated(t)
	put(t, db, "a", "1")
	before := db.Revision()
	stop := errors.New("stop")
	if err := db.Update(func(tx *Tx) error {
		if err := tx.Put("letters", []byte("a"), []byte("2")); err != nil {
			return err
		}
		if err := tx.Put("letters", []byte("b"), []byte("2")); err != nil {
			return err
		}
		return stop
	}); !errors.Is(err, stop) {
		t.Fatalf("Update returns %v", err)
	}
	if string(get(t, db, "a")) != "1" || get(t, db, "b") != nil || db.Revision() != before {
		t.Error("a failed Update left traces")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic inside Update was swallowed")
			}
		}()
		_ = db.Update(func(tx *Tx) error {
			_ = tx.Put("letters", []byte("a"), []byte("3"))
			panic("inside")
		})
	}()
	put(t, db, "c", "1") // the writer's lock is free again
	if string(get(t, db, "a")) != "1" {
		t.Error("an Update that panicked left traces")
	}
}

func TestRevisionGrowsByOneWithEachCommittedWrite(t *testing.T) {
	db := migrated(t)
	first := db.Revision()
	if first == 0 {
		t.Error("the migration was no write")
	}
	for i := range uint64(5) {
		put(t, db, "a", fmt.Sprint(i))
		if got := db.Revision(); got != first+i+1 {
			t.Fatalf("revision %d after %d writes from %d", got, i+1, first)
		}
	}
	if err := db.Update(func(tx *Tx) error { tx.Get("letters", []byte("a")); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := db.Revision(); got != first+5 {
		t.Errorf("an Update that writes nothing made revision %d of %d", got, first+5)
	}
	done := make(chan error)
	for i := range 8 {
		go func() {
			done <- db.Update(func(tx *Tx) error { return tx.Put("letters", []byte{byte(i)}, nil) })
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	db.Close()
	if got := open(t, db.path).Revision(); got != first+13 {
		t.Errorf("after opening again revision %d, want %d", got, first+13)
	}
}

func TestValuesAreCopies(t *testing.T) {
	db := migrated(t)
	key, value := []byte("k"), []byte("value")
	if err := db.Update(func(tx *Tx) error {
		if err := tx.Put("letters", key, value); err != nil {
			return err
		}
		key[0], value[0] = 'x', 'x'
		if got := tx.Get("letters", []byte("k")); string(got) != "value" {
			t.Errorf("the caller's slice is the stored one: %q", got)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	got := get(t, db, "k")
	got[0] = 'y' // would fault in mapped memory
	if again := get(t, db, "k"); string(again) != "value" {
		t.Errorf("after writing into a returned value: %q", again)
	}
}

func keys(t *testing.T, db *DB, scan func(tx *Tx, f func(k, v []byte) bool)) string {
	t.Helper()
	var list []string
	if err := db.View(func(tx *Tx) error {
		scan(tx, func(k, v []byte) bool { list = append(list, string(k)); return true })
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func TestScan(t *testing.T) {
	db := migrated(t)
	put(t, db, "a", "", "b1", "", "b2", "", "b3", "", "c", "", "\xff\xff", "", "\xff\xffa", "")
	for _, c := range []struct {
		prefix, from string
		limit        int
		up, down     string
	}{
		{"", "", 0, "a b1 b2 b3 c \xff\xff \xff\xffa", "\xff\xffa \xff\xff c b3 b2 b1 a"},
		{"", "", 2, "a b1", "\xff\xffa \xff\xff"},
		{"b", "", 0, "b1 b2 b3", "b3 b2 b1"},
		{"b", "", 2, "b1 b2", "b3 b2"},
		{"b", "b2", 0, "b2 b3", "b1"},
		{"b", "a", 0, "b1 b2 b3", ""},
		{"b", "c", 0, "", "b3 b2 b1"},
		{"b1", "", 0, "b1", "b1"},
		{"\xff", "", 0, "\xff\xff \xff\xffa", "\xff\xffa \xff\xff"},
		{"\xff\xff", "\xff\xffa", 0, "\xff\xffa", "\xff\xff"},
		{"d", "", 0, "", ""},
	} {
		from := []byte(c.from)
		if c.from == "" {
			from = nil
		}
		if got := keys(t, db, func(tx *Tx, f func(k, v []byte) bool) { tx.Scan("letters", []byte(c.prefix), from, c.limit, f) }); got != c.up {
			t.Errorf("Scan(%q, %q, %d) = %q, want %q", c.prefix, c.from, c.limit, got, c.up)
		}
		if got := keys(t, db, func(tx *Tx, f func(k, v []byte) bool) { tx.ScanBack("letters", []byte(c.prefix), from, c.limit, f) }); got != c.down {
			t.Errorf("ScanBack(%q, %q, %d) = %q, want %q", c.prefix, c.from, c.limit, got, c.down)
		}
	}
	if got := keys(t, db, func(tx *Tx, f func(k, v []byte) bool) {
		tx.Scan("letters", nil, nil, 0, func(k, v []byte) bool { f(k, v); return string(k) != "b1" })
	}); got != "a b1" {
		t.Errorf("a Scan stopped by its function gave %q", got)
	}
}

func TestPagingSeesEachKeyOnce(t *testing.T) {
	db := migrated(t)
	var want []string
	for i := range 100 {
		k := fmt.Sprintf("k%03d", i)
		put(t, db, k, "")
		want = append(want, k)
	}
	var got []string
	for from := []byte(nil); ; {
		n := 0
		if err := db.View(func(tx *Tx) error {
			tx.Scan("letters", []byte("k"), from, 7, func(k, _ []byte) bool {
				n++
				got = append(got, string(k))
				from = Successor(k)
				return true
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if n < 7 {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages give %v", got)
	}
}

func TestSequence(t *testing.T) {
	db := migrated(t)
	for want := range uint64(3) {
		if err := db.Update(func(tx *Tx) error {
			n, err := tx.NextSequence("letters")
			if n != want+1 {
				t.Errorf("sequence %d, want %d", n, want+1)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadingTransactionWritesNothing(t *testing.T) {
	db := migrated(t)
	if err := db.View(func(tx *Tx) error {
		_, sequence := tx.NextSequence("letters")
		for what, err := range map[string]error{
			"Put": tx.Put("letters", []byte("a"), nil), "Delete": tx.Delete("letters", []byte("a")), "NextSequence": sequence,
			"CreateBucket": tx.CreateBucket("b"), "DeleteBucket": tx.DeleteBucket("letters"),
		} {
			if err == nil {
				t.Errorf("%s in View succeeds", what)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownBucketIsAFaultOfTheProgram(t *testing.T) {
	db := migrated(t)
	for _, name := range []string{"lettres", metaBucket} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), name) {
					t.Errorf("Get in bucket %q: %v", name, r)
				}
			}()
			_ = db.View(func(tx *Tx) error { tx.Get(name, []byte("a")); return nil })
		}()
	}
}

func TestMigrate(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	var ran []int
	step := func(n int, err error) Migration {
		return Migration{n, fmt.Sprint("step ", n), func(tx *Tx) error {
			ran = append(ran, n)
			if e := tx.CreateBucket(fmt.Sprint("b", n)); e != nil {
				return e
			}
			return err
		}}
	}
	stop := errors.New("stop")
	if err := db.Migrate([]Migration{step(1, nil), step(2, nil), step(3, stop)}); !errors.Is(err, stop) {
		t.Fatalf("Migrate returns %v", err)
	}
	if v, err := db.Version(); v != 2 || err != nil {
		t.Errorf("version %d, %v after a failed third step", v, err)
	}
	// The failed step left nothing, and runs again; those before do not.
	if err := db.Migrate([]Migration{step(1, nil), step(2, nil), step(3, nil)}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ran, []int{1, 2, 3, 3}) {
		t.Errorf("steps ran: %v", ran)
	}
	for name, list := range map[string][]Migration{
		"gap":      {step(1, nil), step(3, nil)},
		"twice":    {step(1, nil), step(1, nil)},
		"from two": {step(2, nil)},
		"no step":  {{1, "nothing", nil}},
	} {
		if err := db.Migrate(list); err == nil || errors.Is(err, ErrNewer) {
			t.Errorf("a list with %s: %v", name, err)
		}
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	db := migrated(t)
	if err := db.Migrate(append(oneBucket, Migration{2, "more", func(tx *Tx) error { return tx.CreateBucket("more") }})); err != nil {
		t.Fatal(err)
	}
	before := db.Revision()
	err := db.Migrate(oneBucket)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "version 2, this program knows 1") {
		t.Errorf("an older program gets %v", err)
	}
	if db.Revision() != before {
		t.Error("the refusal wrote something")
	}
	if err := db.bolt.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte(metaBucket)).Put(keyFormat, []byte("huisclos 2"))
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(db.path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("another format: %v", err)
	}
}

func TestSnapshot(t *testing.T) {
	db := migrated(t)
	put(t, db, "a", "1")
	var copied bytes.Buffer
	if err := db.Snapshot(&copied); err != nil {
		t.Fatal(err)
	}
	put(t, db, "a", "2")
	path := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, path)
	if got := get(t, c, "a"); string(got) != "1" {
		t.Errorf("the snapshot holds %q", got)
	}
	if c.Revision()+1 != db.Revision() {
		t.Errorf("revision %d in the snapshot, %d in the database", c.Revision(), db.Revision())
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	var said int64
	var sized bytes.Buffer
	if err := db.SnapshotTo(func(size int64) (io.Writer, error) { said = size; return &sized, nil }); err != nil || said != int64(sized.Len()) || said == 0 {
		t.Errorf("%d bytes were announced, %d written: %v", said, sized.Len(), err)
	}
	if err := db.SnapshotTo(func(int64) (io.Writer, error) { return nil, syscall.EDQUOT }); !errors.Is(err, syscall.EDQUOT) {
		t.Errorf("a beginning that fails: %v", err)
	}
	if err := db.Snapshot(failingWriter{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk under the snapshot: %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestDiskErrors(t *testing.T) {
	// ASVS 16.5.3
	db := migrated(t)
	put(t, db, "a", "1")
	commit := db.commit
	fail := func(err error) { db.commit = func(tx *bolt.Tx) error { tx.Rollback(); return err } }
	write := func() error {
		return db.Update(func(tx *Tx) error { return tx.Put("letters", []byte("a"), []byte("2")) })
	}
	before := db.Revision()
	fail(&os.PathError{Op: "write", Path: "db", Err: syscall.ENOSPC})
	if err := write(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full disk: %v", err)
	}
	if string(get(t, db, "a")) != "1" || db.Revision() != before {
		t.Error("a write on a full disk left traces")
	}
	db.commit = commit
	if err := write(); err != nil {
		t.Errorf("after the disk has room again: %v", err)
	}
	fail(&os.PathError{Op: "sync", Path: "db", Err: syscall.EIO})
	if err := write(); !errors.Is(err, syscall.EIO) {
		t.Errorf("broken disk: %v", err)
	}
	db.commit = commit
	// fsync may report success the next time for pages that were dropped: nothing is acknowledged any more.
	if err := write(); !errors.Is(err, ErrFailed) {
		t.Errorf("after an I/O error: %v, want ErrFailed", err)
	}
	if got := get(t, db, "a"); string(got) != "2" {
		t.Errorf("reading goes on: %q", got)
	}
}

func TestClosed(t *testing.T) {
	db := migrated(t)
	db.Close()
	for what, err := range map[string]error{
		"View": db.View(func(*Tx) error { return nil }), "Update": db.Update(func(*Tx) error { return nil }),
		"Snapshot": db.Snapshot(&bytes.Buffer{}), "Check": db.Check(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s of a closed database: %v", what, err)
		}
	}
}
