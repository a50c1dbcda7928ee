package accounts

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

func (w *world) all(query string, limit int) (names []string) {
	w.t.Helper()
	for after := ""; ; {
		page, next, err := w.List(query, after, limit)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(page) > limit {
			w.t.Fatalf("a page of %d with the limit %d", len(page), limit)
		}
		for _, a := range page {
			names = append(names, a.Name)
		}
		if next == "" {
			return names
		}
		if next == after {
			w.t.Fatal("a page leads to itself")
		}
		after = next
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	for _, p := range [][2]string{
		{"Zoé Martin", "zoe@example.org"}, {"élodie Lefèvre", "elodie@example.org"}, {"Elodie Dupont", "e.dupont@example.org"},
		{"Jean Jeannot", "jean.jeannot@example.org"}, {"Marie-Jeanne d'Arc", "mj@other.example"}, {"Bob", "bob.martin@example.org"},
	} {
		if _, _, err := w.Create(actor(admin), p[0], p[1], Member, noon); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string][]string{
		"":                       {"Ada Lovelace", "Bob", "Elodie Dupont", "élodie Lefèvre", "Jean Jeannot", "Marie-Jeanne d'Arc", "Zoé Martin"},
		"  ":                     {"Ada Lovelace", "Bob", "Elodie Dupont", "élodie Lefèvre", "Jean Jeannot", "Marie-Jeanne d'Arc", "Zoé Martin"},
		"ELODIE":                 {"Elodie Dupont", "élodie Lefèvre"},
		"élo":                    {"Elodie Dupont", "élodie Lefèvre"},
		"lef":                    {"élodie Lefèvre"},
		"jean":                   {"Jean Jeannot", "Marie-Jeanne d'Arc"}, // once each, although two words match
		"jean jeannot":           {"Jean Jeannot"},
		"jeannot jean":           {"Jean Jeannot"},
		"jean mar":               {"Marie-Jeanne d'Arc"},
		"marie-jeanne":           {"Marie-Jeanne d'Arc"},
		"d'arc":                  {"Marie-Jeanne d'Arc"},
		"martin":                 {"Bob", "Zoé Martin"},
		"bob.martin@example":     {"Bob"},
		"BOB.Martin@":            {"Bob"},
		"other":                  {"Marie-Jeanne d'Arc"},
		"nobody":                 nil,
		"elodie nobody":          nil,
		"lodie":                  nil, // words are found by how they begin
		strings.Repeat("é", 200): nil,
		"\xff\xfe":               {"Ada Lovelace", "Bob", "Elodie Dupont", "élodie Lefèvre", "Jean Jeannot", "Marie-Jeanne d'Arc", "Zoé Martin"},
	} {
		for _, limit := range []int{1, 2, 100} {
			if got := w.all(query, limit); !slices.Equal(got, want) {
				t.Errorf("List(%q) by %d = %q, want %q", query, limit, got, want)
			}
		}
	}
	page, _, err := w.List("zoé", "", 10)
	if err != nil || len(page) != 1 {
		t.Fatalf("%v, %v", page, err)
	}
	if _, err := w.Rename(actor(admin), page[0].ID, "Chloé Martin", noon); err != nil {
		t.Fatal(err)
	}
	if got := w.all("zoe", 10); !slices.Equal(got, []string{"Chloé Martin"}) { // by the address
		t.Errorf("after the new name: %q", got)
	}
	if got := w.all("", 10)[2]; got != "Chloé Martin" {
		t.Errorf("in the third place stands %q", got)
	}
	for _, bad := range []string{"!", "A", strings.Repeat("A", 5000), "AAAA\n"} {
		if _, _, err := w.List("", bad, 10); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %.10q: %v", bad, err)
		}
	}
	// A cursor of one list in another is only a place.
	if _, _, err := w.List("elodie", base64.RawURLEncoding.EncodeToString([]byte("zzz")), 10); err != nil {
		t.Error(err)
	}
}

// The index buckets are exactly what the records give, after any sequence of acts.
func TestIndexesFollowTheRecords(t *testing.T) {
	w := newWorld(t)
	w.administrator()
	random := mathrand.New(mathrand.NewPCG(1, 2))
	var ids []ID
	for i := range 300 {
		var err error
		switch n := random.IntN(6); {
		case n < 2 || len(ids) == 0:
			var a Account
			a, _, err = w.Create(Operator(), fmt.Sprintf("Person %c%d", 'A'+random.IntN(26), i), fmt.Sprintf("p%d@example.org", i), Member, noon)
			ids = append(ids, a.ID)
		case n == 2:
			i := random.IntN(len(ids))
			err = w.Delete(Operator(), ids[i], noon)
			ids = slices.Delete(ids, i, i+1)
		case n == 3:
			_, err = w.Rename(Operator(), ids[random.IntN(len(ids))], fmt.Sprintf("Renamed %d", i), noon)
		case n == 4:
			_, err = w.SetRole(Operator(), ids[random.IntN(len(ids))], []Role{Member, Administrator}[random.IntN(2)], noon)
		default:
			id := ids[random.IntN(len(ids))]
			if _, err = w.Disable(Operator(), id, noon); err == nil && random.IntN(2) == 0 {
				_, err = w.Enable(Operator(), id, noon)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[indexKey]bool{}
	count := 0
	if err := w.db.View(func(tx *store.Tx) error {
		tx.Scan(recordsBucket, nil, nil, 0, func(k, _ []byte) bool {
			r, err := load(tx, ID(k))
			if err != nil {
				t.Fatal(err)
			}
			count++
			for _, key := range r.indexes() {
				want[key] = true
			}
			return true
		})
		for _, bucket := range []string{emailBucket, nameBucket, wordBucket, administratorsBucket} {
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
				key := indexKey{bucket, string(k), string(v)}
				if !want[key] {
					t.Errorf("%s holds %q for no record", bucket, k)
				}
				delete(want, key)
				return true
			})
		}
		if len(want) != 0 {
			t.Errorf("missing: %+v", want)
		}
		if administrators(tx) != 1 {
			t.Errorf("%d active administrators", administrators(tx))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Count(); n != count || n != len(ids)+1 || err != nil {
		t.Errorf("Count() = %d, %v; there are %d", n, err, count)
	}
	if got := w.all("", 7); len(got) != count {
		t.Errorf("%d in the list, %d records", len(got), count)
	}
}

// With 100,000 accounts every page comes quickly, and sign-in and creation do not slow down. By default with a fifth of
// them, because writing them takes longer than all else here:
//
//	HUISCLOS_ACCOUNTS=100000 go test ./accounts -run TestManyAccounts -v
func TestManyAccounts(t *testing.T) {
	n := 20000
	if testing.Short() || raceDetector {
		n = 5000
	}
	if s := os.Getenv("HUISCLOS_ACCOUNTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1000 || n%1000 != 0 {
			t.Fatalf("HUISCLOS_ACCOUNTS=%q", s)
		}
	}
	w := newWorld(t)
	admin, token := w.administrator()
	first := []string{"Marie", "Jean", "Élodie", "Ahmed", "Chloé", "Luc", "Nadia", "Paul", "Zoé", "Quentin"}
	last := []string{"Martin", "Durand", "Lefèvre", "Benali", "Nguyen", "Garcia", "Petit", "Robert", "Müller", "Ivanov"}
	for start := 0; start < n; start += 1000 { // the engine sorts what one transaction writes: small ones are quicker
		if err := w.db.Update(func(tx *store.Tx) error {
			for i := start; i < start+1000; i++ {
				r := record{
					ID: ID{byte(i >> 16), byte(i >> 8), byte(i), 1}, Name: fmt.Sprintf("%s %s %d", first[i%10], last[i/10%10], i),
					Email: fmt.Sprintf("u%d@example.org", i), Normal: fmt.Sprintf("u%d@example.org", i), Role: Member, Created: noon,
				}
				if err := save(tx, r); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if count, err := w.Count(); count != n+1 || err != nil {
		t.Fatalf("%d accounts, %v", count, err)
	}
	// In time of the processor, so that a busy machine does not fail the test; without an index each would take seconds.
	quick := func(what string, f func() error) {
		t.Helper()
		start := processorTime(t)
		if err := f(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if took := processorTime(t) - start; took > time.Second {
			t.Errorf("%s takes %v", what, took)
		} else {
			t.Logf("%s: %v", what, took)
		}
	}
	list := func(query, after string, want int) func() error {
		return func() error {
			page, _, err := w.List(query, after, 50)
			if err == nil && len(page) != want {
				err = fmt.Errorf("%d accounts on the page, want %d", len(page), want)
			}
			return err
		}
	}
	quick("first page", list("", "", 50))
	quick("a page in the middle", list("", base64.RawURLEncoding.EncodeToString([]byte("marie")), 50))
	quick("a common word", list("marie", "", 50))
	quick("a rare word", list(fmt.Sprint(n-1), "", 1))
	quick("two common words", list("marie martin", "", 50))
	quick("an address", list(fmt.Sprintf("u%d@", n-1), "", 1))
	quick("a session", func() error { _, _, err := w.Session(token.Reveal(), noon.Add(time.Second)); return err })
	quick("signing in", func() error {
		_, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon)
		return err
	})
	quick("creating", func() error {
		_, _, err := w.Create(actor(admin), "New Person", "new@example.org", Member, noon)
		return err
	})
	// The worst question: many entries are looked at, none fits. The work of a call is bounded, and it says how to go on.
	quick("no answer among many", func() error { _, _, err := w.List("example jea zzz", "", 50); return err })
	if got := w.all("example zzzz", 50); len(got) != 0 {
		t.Errorf("found %q", got)
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func FuzzList(f *testing.F) {
	f.Add("marie", "", 10)
	f.Add("m", "", 1) // both names begin with it: the only account is on the first page, and there is no second
	f.Add("a@b \x00", "AAAA", -1)
	f.Add("é è", "bWFyaWU", 1<<30)
	db, err := store.Open(filepath.Join(f.TempDir(), "db"), store.Options{})
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(migrations); err != nil {
		f.Fatal(err)
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader})
	if err != nil {
		f.Fatal(err)
	}
	a, err := New(db, audit.New(db), hasher, rand.Reader, Options{})
	if err != nil {
		f.Fatal(err)
	}
	if _, _, err := a.Create(Operator(), "Marie Martin", "marie@example.org", Member, noon); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query, after string, limit int) {
		page, next, err := a.List(query, after, limit)
		if err != nil && !errors.Is(err, ErrCursor) {
			t.Fatal(err)
		}
		if len(page) > 1 || next != "" {
			t.Fatalf("%v, next %q", page, next)
		}
	})
}
