package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/store"
)

// someday records n entries whose actions, persons and times are of many kinds; the clock is set back now and then.
func someday(t testing.TB, l *Log, n int, r *rand.Rand) {
	t.Helper()
	actions := []Action{LoginOK, LoginRefused, RoomCreated, RoomDeleted, CallStarted, CallEnded, SettingsChanged, Restored}
	at := noon
	must(t, l.db.Update(func(tx *store.Tx) error {
		for i := range n {
			at = at.Add(time.Duration(r.IntN(20)-2) * time.Second)
			e := Event{Time: at, Actor: fmt.Sprint("person ", r.IntN(40)), Action: actions[min(r.IntN(9), r.IntN(9), 7)], Object: fmt.Sprint("room ", r.IntN(500))}
			switch {
			case r.IntN(1500) == 0:
				e.Actor, e.Result = "rare", Refused
			case r.IntN(1500) == 0:
				e.Detail = map[string]string{"by": "rare", "call": fmt.Sprint(i)}
			}
			if err := l.Record(tx, e); err != nil {
				return err
			}
		}
		return nil
	}))
}

// whole is a search without the index.
func whole(t testing.TB, l *Log, q Query) (list []uint64) {
	t.Helper()
	must(t, l.db.View(func(tx *store.Tx) error {
		tx.ScanBack(entriesBucket, nil, nil, 0, func(k, v []byte) bool {
			e, err := decode(k, v)
			must(t, err)
			if q.wants(e) {
				list = append(list, e.Sequence)
			}
			return true
		})
		return nil
	}))
	return list
}

// With the index a search finds what it finds without, and passes over most of the log.
func TestIndexLeavesNothingOut(t *testing.T) {
	l, _ := newLog(t)
	someday(t, l, 6*blockSize+77, rand.New(rand.NewPCG(1, 2)))
	for name, q := range map[string]Query{
		"all": {}, "rare": {Persons: []string{"rare"}}, "rare and refused": {Persons: []string{"rare"}, Result: Refused}, "nobody": {Persons: []string{"nobody"}}, "one of two": {Persons: []string{"nobody", "rare"}},
		"action": {Action: "settings.changed"}, "family": {Action: "login."}, "action without a family": {Action: "restored"}, "no action": {Action: "log."}, "object": {Object: "room 77"},
		"time": {From: noon.Add(3 * time.Hour), To: noon.Add(3*time.Hour + 10*time.Minute)}, "a second": {From: noon.Add(5000 * time.Second), To: noon.Add(5001 * time.Second)},
		"before all": {To: noon.Add(-time.Hour)}, "together": {From: noon.Add(time.Hour), Action: "room.", Persons: []string{"person 7"}, Object: "room 9"},
	} {
		for _, most := range []int{1, 700, 5000, searchMost} {
			if most == 1 && name == "all" {
				continue
			}
			var got []uint64
			turns := 0
			for before := uint64(0); ; turns++ {
				f, err := l.search(q, before, 10, most)
				must(t, err)
				for _, e := range f.Entries {
					got = append(got, e.Sequence)
				}
				if f.Next == 0 {
					break
				}
				if before != 0 && f.Next >= before {
					t.Fatalf("%s: %d after %d", name, f.Next, before)
				}
				before = f.Next
			}
			if want := whole(t, l, q); !slices.Equal(got, want) {
				t.Errorf("%s, looking at %d: %d entries, want %d", name, most, len(got), len(want))
			}
		}
	}
	// Of six full blocks, one for nobody would be one too many by chance.
	passed := 0
	must(t, l.db.View(func(tx *store.Tx) error {
		for n := range uint64(6) {
			if readBlock(tx, n).passes(Query{Persons: []string{"nobody at all"}}) {
				passed++
			}
		}
		return nil
	}))
	if passed < 5 {
		t.Errorf("of 6 blocks %d are passed over", passed)
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// A filter lets few blocks pass that have nothing of what is looked for, also when each entry has terms of its own.
func TestIndexIsNarrow(t *testing.T) {
	b := newBlock()
	for i := range blockSize {
		b.add(Entry{Event: Event{Time: noon, Action: LoginOK, Result: OK, Actor: fmt.Sprint("actor ", i), Object: fmt.Sprint("object ", i), Detail: map[string]string{"session": fmt.Sprint("session ", i)}}})
	}
	wrong := 0
	for i := range 10_000 {
		if b.has(nameTerm(fmt.Sprint("other ", i))) {
			wrong++
		}
	}
	if wrong > 200 {
		t.Errorf("%d of 10000 would be looked for in vain", wrong)
	}
	for i := range blockSize {
		if !b.has(nameTerm(fmt.Sprint("session ", i))) {
			t.Fatalf("session %d is not found", i)
		}
	}
}

// An index that hides entries from a search is found by verification, as is one of blocks that are not there.
func TestIndexAltered(t *testing.T) {
	for name, change := range map[string]func(tx *store.Tx) error{
		"emptied": func(tx *store.Tx) error {
			return tx.Put(blockBucket, numbered(1), newBlock().row())
		},
		"one mark less": func(tx *store.Tx) error {
			row := tx.Get(blockBucket, numbered(0))
			at := 16 + slices.IndexFunc(row[16:], func(b byte) bool { return b != 0 })
			row[at] &= row[at] - 1
			return tx.Put(blockBucket, numbered(0), row)
		},
		"other times": func(tx *store.Tx) error {
			row := tx.Get(blockBucket, numbered(0))
			row[15]++
			return tx.Put(blockBucket, numbered(0), row)
		},
		"removed": func(tx *store.Tx) error { return tx.Delete(blockBucket, numbered(0)) },
		"more":    func(tx *store.Tx) error { return tx.Put(blockBucket, numbered(2), newBlock().row()) },
	} {
		l, db := newLog(t)
		someday(t, l, 2*blockSize+5, rand.New(rand.NewPCG(3, 4)))
		if _, err := l.Verify(t.Context()); err != nil {
			t.Fatal(err)
		}
		must(t, db.Update(change))
		var fault *Fault
		if _, err := l.Verify(t.Context()); !errors.As(err, &fault) || !strings.Contains(fault.Reason, "index") {
			t.Errorf("%s: %v", name, err)
		}
		if name == "removed" { // a search reads the block then
			if got, want := len(whole(t, l, Query{Action: "login."})), 0; got == want {
				t.Error("nothing to find")
			}
			f, err := l.Search(Query{Action: "login."}, 0, MaxPage)
			if must(t, err); len(f.Entries) == 0 {
				t.Error("nothing found")
			}
		}
	}
}

// The index over a log of before is the one that would have been written with it.
func TestIndexOverAnOlderLog(t *testing.T) {
	l, db := newLog(t)
	someday(t, l, 3*blockSize+9, rand.New(rand.NewPCG(5, 6)))
	rows := func() (list [][]byte) {
		must(t, db.View(func(tx *store.Tx) error {
			tx.Scan(blockBucket, nil, nil, 0, func(_, v []byte) bool { list = append(list, v); return true })
			return nil
		}))
		return list
	}
	before := rows()
	must(t, db.Update(func(tx *store.Tx) error {
		if err := tx.DeleteBucket(blockBucket); err != nil {
			return err
		}
		return AddIndex(tx)
	}))
	if after := rows(); len(after) != 3 || !slices.EqualFunc(before, after, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Errorf("%d blocks, %d before", len(after), len(before))
	}
	someday(t, l, blockSize, rand.New(rand.NewPCG(7, 8)))
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}
