package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// The crash test: a child process of this test binary writes, says on its standard output what was acknowledged, and is
// killed at a random moment. Then the file must open, be whole, and hold everything acknowledged and nothing by halves.
//
//	HUISCLOS_CRASH_ROUNDS=1000 go test ./store -run TestKill -timeout 30m
const (
	crashRounds = "HUISCLOS_CRASH_ROUNDS"
	crashChild  = "HUISCLOS_CRASH_CHILD" // path of the database; set in the child only
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChild); path != "" {
		fmt.Fprintln(os.Stderr, crashWriter(path))
		os.Exit(3)
	}
	os.Exit(m.Run())
}

// crashWriter writes for ever: record n under its number, its twin in a second bucket in the same transaction, and now
// and then the deletion of an old record in a transaction of its own.
func crashWriter(path string) error {
	db, err := Open(path, Options{})
	if err != nil {
		return err
	}
	if err := db.Migrate(crashSchema); err != nil {
		return err
	}
	var n, low uint64
	if err := db.View(func(tx *Tx) error {
		tx.ScanBack("left", nil, nil, 1, func(k, _ []byte) bool { n = binary.BigEndian.Uint64(k); return false })
		tx.Scan("left", nil, nil, 1, func(k, _ []byte) bool { low = binary.BigEndian.Uint64(k); return false })
		return nil
	}); err != nil {
		return err
	}
	for {
		n++
		if err := db.Update(func(tx *Tx) error {
			if err := tx.Put("left", putUint64(n), crashValue(n)); err != nil {
				return err
			}
			return tx.Put("right", putUint64(n), crashValue(^n))
		}); err != nil {
			return err
		}
		fmt.Printf("put %d %d\n", n, db.Revision())
		if n%5 != 0 || n < low+50 {
			continue
		}
		if err := db.Update(func(tx *Tx) error {
			if err := tx.Delete("left", putUint64(low)); err != nil {
				return err
			}
			return tx.Delete("right", putUint64(low))
		}); err != nil {
			return err
		}
		fmt.Printf("deleted %d %d\n", low, db.Revision())
		low++
	}
}

var crashSchema = []Migration{{1, "crash", func(tx *Tx) error {
	if err := tx.CreateBucket("left"); err != nil {
		return err
	}
	return tx.CreateBucket("right")
}}}

// crashValue has a length and content that follow from n; some values need pages of their own.
func crashValue(n uint64) []byte {
	sum := sha256.Sum256(putUint64(n))
	v := make([]byte, int(sum[0])*int(sum[1]%40)+8)
	for i := range v {
		v[i] = sum[i%len(sum)]
	}
	return v
}

func TestKill(t *testing.T) {
	rounds := 30
	if s := os.Getenv(crashRounds); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			t.Fatalf("%s=%q", crashRounds, s)
		}
		rounds = n
	}
	if testing.Short() {
		rounds = min(rounds, 8)
	}
	path := filepath.Join(t.TempDir(), "data", "db")
	var acknowledged, low, revision uint64
	low = 1
	for round := range rounds {
		put, deleted, rev := crashRun(t, path)
		acknowledged, revision = max(acknowledged, put), max(revision, rev)
		if deleted > 0 {
			low = max(low, deleted+1)
		}
		db, err := Open(path, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := db.Check(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if v, err := db.Version(); err != nil || v > 1 {
			t.Fatalf("round %d: version %d, %v", round, v, err)
		} else if v == 0 { // killed before the first migration
			if acknowledged > 0 {
				t.Fatalf("round %d: the schema is lost", round)
			}
			db.Close()
			continue
		}
		if db.Revision() < revision {
			t.Fatalf("round %d: revision %d, %d was acknowledged", round, db.Revision(), revision)
		}
		last, first := crashCheck(t, db, round)
		// At most the one write that was not acknowledged may be there in addition.
		if last < acknowledged || last > acknowledged+1 {
			t.Fatalf("round %d: last record %d, acknowledged %d", round, last, acknowledged)
		}
		if acknowledged > 0 && (first < low || first > low+1) {
			t.Fatalf("round %d: first record %d, deleted up to %d", round, first, low-1)
		}
		acknowledged, low = last, max(low, first)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged < uint64(rounds) {
		t.Errorf("only %d records were written in %d rounds: the test says nothing", acknowledged, rounds)
	}
	t.Logf("%d rounds, %d records, revision %d", rounds, acknowledged, revision)
}

// crashCheck reads all records: there is none missing between the first and the last, and each stands in both buckets.
func crashCheck(t *testing.T, db *DB, round int) (last, first uint64) {
	t.Helper()
	if err := db.View(func(tx *Tx) error {
		tx.Scan("left", nil, nil, 0, func(k, v []byte) bool {
			n := binary.BigEndian.Uint64(k)
			if first == 0 {
				first = n
			} else if n != last+1 {
				t.Fatalf("round %d: record %d follows %d", round, n, last)
			}
			last = n
			if string(v) != string(crashValue(n)) || string(tx.Get("right", k)) != string(crashValue(^n)) {
				t.Fatalf("round %d: record %d was written by halves", round, n)
			}
			return true
		})
		right := uint64(0)
		tx.Scan("right", nil, nil, 0, func(_, _ []byte) bool { right++; return true })
		if want := last - first + 1; first > 0 && right != want {
			t.Fatalf("round %d: %d twins of %d records", round, right, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return last, first
}

// crashRun starts a writer, kills it and returns the last record put, the last deleted and the last revision that it acknowledged.
func crashRun(t *testing.T, path string) (put, deleted, revision uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashChild+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// Half of the children are killed at a time after their start, wherever they are then; the other half at a time
	// after their first acknowledged write, however slow the machine is.
	after, early := time.Duration(20+rand.IntN(150))*time.Millisecond, rand.IntN(2) == 0
	kill := func() { child.Process.Kill() }
	limit := 30 * time.Second
	if early {
		limit = after
	}
	timer := time.AfterFunc(limit, kill)
	defer timer.Stop()
	lines := bufio.NewReader(out)
	for {
		// A line without its end was cut by the kill: it acknowledges nothing.
		line, err := lines.ReadString('\n')
		if err != nil {
			if err != io.EOF {
				t.Fatal(err)
			}
			break
		}
		var what string
		var n, rev uint64
		if _, err := fmt.Sscanf(line, "%s %d %d\n", &what, &n, &rev); err != nil {
			t.Fatalf("the writer said %q", line)
		}
		if revision == 0 && !early {
			timer.Reset(after)
		}
		revision = rev
		if what == "put" {
			put = n
		} else {
			deleted = n
		}
	}
	if err := child.Wait(); child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return put, deleted, revision
}
