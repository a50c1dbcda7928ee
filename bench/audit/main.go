// Command audit measures searches of a long audit log: what is rare, what is everywhere, and what is not there at all. It makes a log in
// a temporary directory, prints the time of each search from its first question to its end, and fails beyond -most.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

func main() {
	entries := flag.Int("entries", 1_000_000, "entries of the log")
	most := flag.Duration("most", 3*time.Second, "longest time that a search may take")
	flag.Parse()
	if err := run(*entries, *most); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(entries int, most time.Duration) error {
	dir, err := os.MkdirTemp("", "bench-audit-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "db")
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}); err != nil {
		return err
	}
	l := audit.New(db)
	began := time.Now()
	if err := fill(db, l, entries); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Printf("%d entries in %v, %d MiB\n", entries, time.Since(began).Round(time.Second), info.Size()>>20)
	worst := time.Duration(0)
	for _, s := range []struct {
		what string
		q    audit.Query
	}{
		{"an action that was 5 times", audit.Query{Action: "policy.changed"}},
		{"a family that was 5 times", audit.Query{Action: "policy."}},
		{"an action that never was", audit.Query{Action: "setup.done"}},
		{"a person who was here 5 times", audit.Query{Persons: []string{"rare"}}},
		{"a person who never was", audit.Query{Persons: []string{"nobody"}}},
		{"a person who is everywhere, refused", audit.Query{Persons: []string{"person 7"}, Result: audit.Refused}},
		{"an hour in the middle", audit.Query{From: first.Add(time.Duration(entries/2) * step), To: first.Add(time.Duration(entries/2)*step + time.Hour)}},
		{"all of them", audit.Query{}},
	} {
		took, found, turns, err := search(l, s.q)
		if err != nil {
			return err
		}
		worst = max(worst, took)
		fmt.Printf("%-40s %8.1f ms, %d found, %d questions\n", s.what, float64(took.Microseconds())/1000, found, turns)
	}
	if worst > most {
		return fmt.Errorf("a search took %v, the limit is %v", worst, most)
	}
	return nil
}

const step = 30 * time.Second

var first = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func fill(db *store.DB, l *audit.Log, entries int) error {
	r := rand.New(rand.NewPCG(1, 2))
	actions := []audit.Action{audit.LoginOK, audit.SessionEnded, audit.CallStarted, audit.CallMemberAdded, audit.CallMemberRemoved, audit.CallEnded, audit.RoomCreated, audit.MeetingPlanned}
	for at := 0; at < entries; {
		err := db.Update(func(tx *store.Tx) error {
			for range min(5000, entries-at) {
				e := audit.Event{Time: first.Add(time.Duration(at) * step), Actor: fmt.Sprint("person ", r.IntN(2000)), Action: actions[r.IntN(len(actions))], Object: fmt.Sprint("room ", r.IntN(4000)),
					Detail: map[string]string{"call": fmt.Sprint("call ", at), "session": fmt.Sprint("session ", r.Uint64())}}
				if at%(entries/5) == entries/10 {
					e.Action, e.Actor = audit.PolicyChanged, "rare"
				}
				if r.IntN(200) == 0 {
					e.Result = audit.Refused
				}
				if err := l.Record(tx, e); err != nil {
					return err
				}
				at++
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// search goes on until it has a page of 50 or has come to the beginning, as the console does.
func search(l *audit.Log, q audit.Query) (took time.Duration, found, turns int, err error) {
	began := time.Now()
	for before := uint64(0); found < 50; {
		f, err := l.Search(q, before, 50-found)
		if err != nil {
			return 0, 0, 0, err
		}
		turns++
		found += len(f.Entries)
		if before = f.Next; before == 0 {
			break
		}
	}
	return time.Since(began), found, turns, nil
}
