package accounts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"huisclos/store"
)

// tokenOfA is a session's token.
var tokenOfA = strings.Repeat("A", 43)

// A database of before this release: who was a member opens rooms still, and an administrator's session is good for a second factor.
func TestRolesMigrateOldDatabases(t *testing.T) {
	path := t.TempDir() + "/db"
	db, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(migrations[:2]); err != nil {
		t.Fatal(err)
	}
	old := map[string]string{
		"administrator": `{"id":%q,"name":"Ada","email":"a@example.org","normal":"a@example.org","role":"administrator","created":"2026-01-01T00:00:00Z","hash":"x","long":true}`,
		"member":        `{"id":%q,"name":"Mia","email":"m@example.org","normal":"m@example.org","role":"member","created":"2026-01-01T00:00:00Z","hash":"x","later":{"kept":1}}`,
	}
	ids := map[string]ID{"administrator": {1}, "member": {2}}
	err = db.Update(func(tx *store.Tx) error {
		for role, text := range old {
			id := ids[role]
			if err := tx.Put(recordsBucket, id[:], fmt.Appendf(nil, text, id)); err != nil {
				return err
			}
		}
		s := fmt.Appendf(nil, `{"id":%q,"account":%q,"created":"2026-03-01T12:00:00Z","seen":"2026-03-01T12:00:00Z"}`, ID{3}, ids["administrator"])
		hash := hashSecret(sessionLabel, tokenOfA)
		a, id := ids["administrator"], ID{3}
		if err := tx.Put(sessionsBucket, hash, s); err != nil {
			return err
		}
		return tx.Put(sessionsOfBucket, slices.Concat(a[:], id[:]), hash)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, path)
	for role, want := range map[string]Role{"administrator": Administrator, "member": Organiser} {
		if a, err := w.Get(ids[role]); err != nil || a.Role != want {
			t.Errorf("%s: %+v, %v", role, a, err)
		}
	}
	if err := w.db.View(func(tx *store.Tx) error {
		id := ids["member"]
		if b := string(tx.Get(recordsBucket, id[:])); !strings.Contains(b, `"later":{"kept":1}`) {
			t.Errorf("the rest of the record: %s", b)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a, s, err := w.Session(tokenOfA, noon)
	if err != nil || !a.FactorMissing || !s.Proved.IsZero() {
		t.Errorf("the session that stood: %+v, %+v, %v", a, s, err)
	}
	// Started again, nothing is migrated twice.
	w = w.restart(path)
	if a, err := w.Get(ids["member"]); err != nil || a.Role != Organiser {
		t.Errorf("%+v, %v", a, err)
	}
}
