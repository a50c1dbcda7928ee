package series

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"huisclos/store"
)

func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate([]store.Migration{{Version: 1, Name: "series", Run: CreateBuckets}}); err != nil {
		t.Fatal(err)
	}
	return db
}

func values(first float64) []float64 {
	v := make([]float64, len(Names))
	for i := range v {
		v[i] = first + float64(i)
	}
	return v
}

func add(t *testing.T, db *store.DB, at time.Time, v []float64) {
	t.Helper()
	if err := db.Update(func(tx *store.Tx) error { return Add(tx, at, v) }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, db *store.DB, tier Tier, from, to time.Time) (list []Point) {
	t.Helper()
	if err := db.View(func(tx *store.Tx) (err error) {
		list, err = Read(tx, tier, from, to)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func TestMeansSurviveARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := open(t, path)
	add(t, db, noon, values(2))
	add(t, db, noon.Add(time.Minute), values(4))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path)
	add(t, db, noon.Add(2*time.Minute+59*time.Second), values(9))
	minutes := read(t, db, Minutes, noon, noon.Add(time.Hour))
	if len(minutes) != 3 || minutes[0].Mean[0] != 2 || minutes[2].Mean[1] != 10 || !minutes[2].Start.Equal(noon.Add(2*time.Minute)) {
		t.Errorf("minutes: %v", minutes)
	}
	for _, tier := range []Tier{Quarters, Days} {
		list := read(t, db, tier, noon.Add(-24*time.Hour), noon.Add(24*time.Hour))
		if len(list) != 1 || list[0].Count != 3 || list[0].Mean[0] != 5 || list[0].Most[0] != 9 {
			t.Errorf("%c: %v", tier, list)
		}
	}
	if got := read(t, db, Minutes, noon.Add(time.Minute), noon.Add(2*time.Minute)); len(got) != 1 || got[0].Mean[0] != 4 {
		t.Errorf("a part of them: %v", got)
	}
}

// Nothing grows: after more than a round each tier has as many records as it keeps, and those of the round before are gone.
func TestRings(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	if err := db.Update(func(tx *store.Tx) error {
		for i := range Minutes.Points() + 600 {
			if err := Add(tx, noon.Add(time.Duration(i)*time.Minute), values(float64(i))); err != nil {
				return err
			}
		}
		for i := range Days.Points() + 3 {
			if err := Add(tx, noon.Add(time.Duration(i)*24*time.Hour), values(1)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var records, octets int
	if err := db.View(func(tx *store.Tx) error {
		tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
			records++
			octets += len(k) + len(v)
			return true
		})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	most := Minutes.Points() + Quarters.Points() + Days.Points()
	if records > most || octets > 500_000 {
		t.Errorf("%d records of %d at most, %d octets", records, most, octets)
	}
	days := read(t, db, Days, time.Time{}, noon.Add(10*365*24*time.Hour))
	if len(days) != Days.Points() || !days[len(days)-1].Start.Equal(noon.Add(time.Duration(Days.Points()+2)*24*time.Hour).Truncate(24*time.Hour)) {
		t.Errorf("%d days, the last of %v", len(days), days[len(days)-1].Start)
	}
}

func TestValuesThatAreNone(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "db"))
	if err := db.Update(func(tx *store.Tx) error { return Add(tx, noon, []float64{1}) }); err != ErrValues {
		t.Errorf("too few: %v", err)
	}
	v := values(1)
	v[1] = math.NaN()
	add(t, db, noon, v)
	add(t, db, noon, values(5))
	p := read(t, db, Minutes, noon, noon.Add(time.Minute))[0]
	if p.Mean[1] != 6 || p.Mean[0] != 3 {
		t.Errorf("%v", p)
	}
}

// A record of a program with fewer measures is read, and added to.
func TestFewerMeasures(t *testing.T) {
	old := encode(Point{Start: noon, Count: 2, Mean: []float64{1, 2}, Most: []float64{3, 4}})
	p, err := decode(old)
	if err != nil || p.Mean[1] != 2 || !math.IsNaN(p.Mean[2]) || len(p.Most) != len(Names) {
		t.Fatalf("%v, %v", p, err)
	}
	p.add(values(7))
	if p.Mean[0] != 3 || p.Mean[2] != 9 {
		t.Errorf("%v", p)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(Point{Start: noon, Count: 1, Mean: values(1), Most: values(2)}))
	f.Add([]byte{form})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := decode(b)
		if err == nil && (len(p.Mean) != len(Names) || len(p.Most) != len(Names)) {
			t.Fatalf("%v", p)
		}
	})
}
