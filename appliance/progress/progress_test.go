package progress

import (
	"errors"
	"path/filepath"
	"testing"

	"huisclos/store"
)

func TestStepsAreRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "db")
	open := func() *store.DB {
		db, err := store.Open(file, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate([]store.Migration{{Version: 1, Name: "progress", Run: CreateBuckets}}); err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	k := Keeper{db}
	p, err := k.Now()
	if err != nil || p.Over || p.Begun || len(p.Steps) != len(Steps()) {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, s := range p.Steps {
		if s.State != Open {
			t.Errorf("%+v", s)
		}
	}
	if err := errors.Join(k.Set("mail", Later), k.Set("tls", Done), k.Set("mail", Done), k.Set("people", Later)); err != nil {
		t.Fatal(err)
	}
	for step, state := range map[Step]State{"": Done, "root": Done, "mail": "broken", "tls": ""} {
		if err := k.Set(step, state); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q %q: %v", step, state, err)
		}
	}
	if err := errors.Join(k.Begin(), k.SetOver(true), db.Close()); err != nil {
		t.Fatal(err)
	}
	db = open()
	defer db.Close()
	if p, err = (Keeper{db}).Now(); err != nil || !p.Over {
		t.Fatalf("%+v, %v", p, err)
	}
	want := map[Step]State{"organisation": Open, "addresses": Open, "tls": Done, "mail": Done, "sources": Open, "people": Later, "connection": Open}
	for _, s := range p.Steps {
		if want[s.Step] != s.State {
			t.Errorf("%+v", s)
		}
	}
}
