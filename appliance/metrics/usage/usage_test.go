package usage

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/store"
)

type world struct {
	t  *testing.T
	db *store.DB
}

func newWorld(t *testing.T) world {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate([]store.Migration{{Version: 1, Name: "usage", Run: CreateBuckets}}); err != nil {
		t.Fatal(err)
	}
	return world{t, db}
}

func (w world) add(at time.Time, m Minute) {
	w.t.Helper()
	if err := w.db.Update(func(tx *store.Tx) error { return Add(tx, at, m, rand.Reader) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) days(from, to string) (list []Day) {
	w.t.Helper()
	if err := w.db.View(func(tx *store.Tx) (err error) {
		list, err = Days(tx, from, to)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

var (
	morning = time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	large   = [16]byte{0: 1}
	small   = [16]byte{0: 2}
)

func person(n byte, groups ...[16]byte) Present {
	return Present{Account: [16]byte{5: 0xaa, 6: n, 7: 0xbb}, Groups: groups}
}

func TestADay(t *testing.T) {
	w := newWorld(t)
	var present []Present
	for n := range byte(6) {
		groups := [][16]byte{large}
		if n < 4 { // one below the floor
			groups = append(groups, small)
		}
		present = append(present, person(n, groups...))
	}
	for i := range 90 {
		w.add(morning.Add(time.Duration(i)*time.Minute), Minute{Present: present})
	}
	w.add(morning.Add(2*time.Hour), Minute{Present: present[:2], Ended: []int{1, 6, 6, 150}})
	today := w.days("2026-11-28", "2026-11-28")
	if len(today) != 1 || today[0].Groups != nil {
		t.Fatalf("the day in progress: %+v", today)
	}
	w.add(morning.Add(24*time.Hour), Minute{Present: present[:1]})
	days := w.days("2026-11-01", "2026-12-31")
	if len(days) != 2 {
		t.Fatalf("%+v", days)
	}
	d := days[0]
	if d.Calls != 4 || d.People != 6 || d.Minutes != 6*90+2 || d.Most != 6 || d.Sizes[0] != 1 || d.Sizes[3] != 2 || d.Sizes[len(Sizes)] != 1 {
		t.Errorf("%+v", d)
	}
	// Six people are said as five, and 542 minutes as nine hours; a group of four that took part isn't said at all.
	if len(d.Groups) != 1 || d.Groups[0] != (GroupUsage{"01000000000000000000000000000000", 5, 540}) {
		t.Errorf("groups: %+v", d.Groups)
	}
	if days[1].People != 1 || days[1].Minutes != 1 {
		t.Errorf("the next day: %+v", days[1])
	}
}

// The account of nobody is in what is kept, in no form that goes on from one day to the next.
func TestNobodyIsKept(t *testing.T) {
	w := newWorld(t)
	who := person(7, large)
	w.add(morning, Minute{Present: []Present{who}})
	first := w.dump()
	w.add(morning.Add(24*time.Hour), Minute{Present: []Present{who}})
	second := w.dump()
	for k := range second {
		if strings.HasPrefix(k, "p") && first[k] != nil {
			t.Error("the hash of a person is that of the day before")
		}
	}
	persons := 0
	for k, v := range second {
		if strings.HasPrefix(k, "p") {
			persons++
		}
		if strings.Contains(k, string(who.Account[:])) || bytes.Contains(v, who.Account[:]) {
			t.Errorf("an account is in the record %q", k)
		}
	}
	if persons != 1 {
		t.Errorf("%d people are remembered for the second day", persons)
	}
	for k, v := range second {
		if strings.HasPrefix(k, "2026-11-28") {
			var fields map[string]any
			if err := json.Unmarshal(v, &fields); err != nil {
				t.Fatal(err)
			}
			for f := range fields {
				switch f {
				case "date", "calls", "people", "minutes", "most", "sizes":
				default:
					t.Errorf("a day says %q", f)
				}
			}
		}
	}
}

func (w world) dump() map[string][]byte {
	out := map[string][]byte{}
	if err := w.db.View(func(tx *store.Tx) error {
		for _, b := range []string{daysBucket, todayBucket} {
			tx.Scan(b, nil, nil, 0, func(k, v []byte) bool {
				out[string(k)] = append([]byte(nil), v...)
				return true
			})
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestOldDaysGo(t *testing.T) {
	w := newWorld(t)
	w.add(morning, Minute{Ended: []int{2}})
	for _, later := range []int{1, keepDays, keepDays + 1, keepDays + 2} {
		w.add(morning.AddDate(0, 0, later), Minute{Ended: []int{2}})
	}
	days := w.days("2000-01-01", "2100-01-01")
	if len(days) != 4 || days[0].Date != "2026-11-29" {
		t.Errorf("%+v", days)
	}
}

func TestTwoDevices(t *testing.T) {
	w := newWorld(t)
	w.add(morning, Minute{Present: []Present{person(1), person(1), person(2)}})
	if d := w.days("2026-11-28", "2026-11-28")[0]; d.People != 2 || d.Most != 2 || d.Minutes != 2 {
		t.Errorf("%+v", d)
	}
}
