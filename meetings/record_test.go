package meetings

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

func newRooms(t *testing.T) (*Rooms, *audit.Log) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db", "huisclos.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	err = db.Migrate(append([]store.Migration{
		{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "meetings", Run: CreateBuckets}, {Version: 3, Name: "rules", Run: AddRules},
		{Version: 4, Name: "schedules", Run: AddSchedules}, {Version: 5, Name: "profiles", Run: CreateProfiles},
		{Version: 6, Name: "history", Run: AddHistory},
	}, accounts.Migrations(7)...))
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(db)
	return NewRooms(db, log, rand.Reader), log
}

func TestRooms(t *testing.T) {
	rooms, log := newRooms(t)
	ann, bob := accounts.ID{1}, accounts.ID{2}
	for _, bad := range []string{"", "  ", "a\nb", strings.Repeat("x", 129), "\xff"} {
		if _, err := rooms.Create(accounts.Actor{Account: ann}, bad, start); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	b, err := rooms.Create(accounts.Actor{Account: ann}, " Bureau ", start)
	if err != nil || b.Name != "Bureau" || b.Owner != ann {
		t.Fatalf("%+v, %v", b, err)
	}
	a, err := rooms.Create(accounts.Actor{Account: ann}, "Atelier", start)
	if err != nil || a.ID == b.ID {
		t.Fatal(err)
	}
	c, err := rooms.Create(accounts.Actor{Account: bob}, "Conseil", start)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := rooms.Get(b.ID); err != nil || got != b {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := rooms.Get(mls.RoomID{}); !errors.Is(err, ErrNoRoom) {
		t.Fatal(err)
	}
	if _, err := rooms.Rename(accounts.Actor{Account: bob}, b.ID, "Mine", start); !errors.Is(err, ErrNotOwner) {
		t.Fatal(err)
	}
	if err := rooms.Delete(accounts.Actor{Account: bob}, b.ID, start); !errors.Is(err, ErrNotOwner) {
		t.Fatal(err)
	}
	if got, err := rooms.Rename(accounts.Actor{Account: ann}, b.ID, "Bibliothèque", start); err != nil || got.Name != "Bibliothèque" {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, id := range []mls.RoomID{c.ID, b.ID} {
		if err := rooms.Visit(ann, id, start.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if err := rooms.Visit(ann, mls.RoomID{}, start); !errors.Is(err, ErrNoRoom) {
		t.Fatal(err)
	}
	list, err := rooms.List(ann, start)
	if err != nil || len(list) != 3 || list[0].Name != "Atelier" || list[1].Name != "Bibliothèque" || list[2].Name != "Conseil" ||
		!list[0].Visited.IsZero() || !list[1].Visited.Equal(start.Add(time.Hour)) || !list[2].Visited.Equal(start) {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := rooms.Delete(accounts.Actor{Account: bob}, c.ID, start); err != nil {
		t.Fatal(err)
	}
	if list, err = rooms.List(ann, start); err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	var gone []mls.RoomID
	err = rooms.db.Update(func(tx *store.Tx) (err error) {
		gone, err = rooms.Forget(tx, ann, audit.ActorOperator, start)
		return err
	})
	if err != nil || len(gone) != 2 {
		t.Fatalf("%v, %v", gone, err)
	}
	if n, err := rooms.Count(); err != nil || n != 0 {
		t.Fatalf("%d rooms, %v", n, err)
	}
	if list, err = rooms.List(ann, start); err != nil || len(list) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	entries, err := log.List(0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 7 { // three made, one renamed, three deleted
		t.Fatalf("%d audit entries", len(entries))
	}
}

func TestVisitsAreBounded(t *testing.T) {
	rooms, _ := newRooms(t)
	ann, bob := accounts.ID{1}, accounts.ID{2}
	var first mls.RoomID
	// The bound is a few above what is kept; all of one owner.
	for i := range 3 {
		r, err := rooms.Create(accounts.Actor{Account: bob}, "Room", start)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = r.ID
		}
		if err := rooms.Visit(ann, r.ID, start.Add(time.Duration(i)*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	err := rooms.db.Update(func(tx *store.Tx) error { return forgetVisits(tx, ann, 2) })
	if err != nil {
		t.Fatal(err)
	}
	list, err := rooms.List(ann, start)
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, r := range list {
		if r.ID == first {
			t.Fatal("the oldest visit was kept")
		}
	}
}
