package devices

import (
	"bytes"
	"crypto/rand"
	"errors"
	"regexp"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/store"
)

func TestKey(t *testing.T) {
	h := newHouse(t)
	key := point(t)
	first := h.inscribe(h.ada, 1, key, 0)
	if name := h.Public().Name(); !regexp.MustCompile(`^huisclos/[0-9a-f]{16}/devices$`).MatchString(name) || h.Public().Use() != keylog.Log {
		t.Errorf("a key %q of use %d", name, h.Public().Use())
	}
	// The next start has the same key, and signs nothing anew.
	was := h.Public()
	h.open()
	if s, err := h.State(); err != nil || !h.Public().Equal(was) || !bytes.Equal(s.Note, first.Note) {
		t.Fatalf("%v, another key or checkpoint after a start", err)
	}
	// Without the pepper another key signs, under the same name; what was signed before stays good.
	h.keys = keys{"q"}
	h.open()
	next := h.inscribe(h.ada, 1, key, 0)
	if h.Fault() != nil || h.Public().Equal(was) || h.Public().Name() != was.Name() || next.Index != 0 || !next.Log.Equal(h.Public()) {
		t.Fatalf("%v, %v", h.Fault(), h.Public())
	}
	c := check(t, next, h.ada, 1, key)
	if before := check(t, first, h.ada, 1, key); before.Root != c.Root || before.Size != c.Size {
		t.Error("another tree under another key")
	}
	list, err := h.PublicKeys()
	if err != nil || len(list) != 2 || !list[0].Equal(was) || !list[1].Equal(h.Public()) {
		t.Errorf("keys %v, %v", list, err)
	}
	entries := h.entries(audit.DeviceKeyMade)
	if len(entries) != 2 || entries[0].Detail["reason"] != "sealed" || entries[0].Object != h.Public().ID() || entries[1].Detail["reason"] != "first" || entries[1].Object != was.ID() {
		t.Errorf("%+v", entries)
	}
	for _, bucket := range []string{keyBucket} {
		must(t, h.db.View(func(tx *store.Tx) error {
			tx.Scan(bucket, nil, nil, 0, func(_, v []byte) bool {
				if bytes.Contains(v, []byte("PRIVATE")) {
					t.Error("a key lies open in the database")
				}
				return true
			})
			return nil
		}))
	}
}

// TestRestored: what a backup brings back says so, and whoever has seen what came after it finds out.
func TestRestored(t *testing.T) {
	h := newHouse(t)
	key := point(t)
	saved := check(t, h.inscribe(h.ada, 1, key, 0), h.ada, 1, key)
	var kept []pair
	buckets := []string{recordBucket, treeBucket, noteBucket, accountBucket, knownBucket}
	must(t, h.db.View(func(tx *store.Tx) error { kept = everything(tx, buckets); return nil }))
	h.inscribe(h.ada, 2, key, 0)
	later := check(t, h.inscribe(h.ada, 3, key, 0), h.ada, 3, key)

	restored := noon.Add(time.Hour)
	must(t, h.db.Update(func(tx *store.Tx) error {
		for _, p := range everything(tx, buckets) {
			if err := tx.Delete(p.bucket, p.key); err != nil {
				return err
			}
		}
		for _, p := range kept {
			if err := tx.Put(p.bucket, p.key, p.value); err != nil {
				return err
			}
		}
		return Restored(tx, restored)
	}))
	h.open()
	if h.Fault() != nil {
		t.Fatal(h.Fault())
	}
	s, err := h.State()
	must(t, err)
	if !s.Last.Equal(restored) || s.Size != 2 {
		t.Errorf("%+v", s)
	}
	now := h.inscribe(h.ada, 4, key, saved.Size)
	c := check(t, now, h.ada, 4, key)
	must(t, keylog.CheckConsistency(now.Growth, c.Size, c.Root, saved.Size, saved.Root))
	if c.Size != later.Size || c.Root == later.Root {
		t.Fatalf("a tree of %d after the restore", c.Size)
	}
	// Of the size that the other one had, or more, nothing shows that it grew from that.
	more := h.inscribe(h.ada, 5, key, later.Size)
	if c := check(t, more, h.ada, 5, key); keylog.CheckConsistency(more.Growth, c.Size, c.Root, later.Size, later.Root) == nil {
		t.Error("the tree of after is proved to begin with one that was taken back")
	}
	must(t, h.db.View(func(tx *store.Tx) error {
		at, err := readRecord(tx, 1)
		if at.Kind != statement.Restored || at.Time != uint64(restored.Unix()) {
			t.Errorf("%+v", at)
		}
		return err
	}))
}

type pair struct {
	bucket     string
	key, value []byte
}

func everything(tx *store.Tx, buckets []string) (list []pair) {
	for _, b := range buckets {
		tx.Scan(b, nil, nil, 0, func(k, v []byte) bool {
			list = append(list, pair{b, k, v})
			return true
		})
	}
	return list
}

// TestDamaged: a log that is not what was signed last is neither signed nor added to, and says so.
func TestDamaged(t *testing.T) {
	for name, damage := range map[string]func(tx *store.Tx) error{
		"cut": func(tx *store.Tx) error { return tx.Delete(recordBucket, numbered(2)) },
		"emptied": func(tx *store.Tx) error {
			return errors.Join(tx.Delete(recordBucket, numbered(0)), tx.Delete(recordBucket, numbered(1)), tx.Delete(recordBucket, numbered(2)))
		},
		"another tree":    func(tx *store.Tx) error { return tx.Put(treeBucket, numbered(2), make([]byte, 32)) },
		"no tree":         func(tx *store.Tx) error { return tx.Delete(treeBucket, numbered(2)) },
		"no checkpoint":   func(tx *store.Tx) error { return tx.Put(noteBucket, lastKey, []byte("x")) },
		"another's note":  forge,
		"no key's record": func(tx *store.Tx) error { return tx.Put(keyBucket, numbered(1), []byte("{}")) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			key := point(t)
			for i := range byte(3) {
				h.inscribe(h.ada, i, key, 0)
			}
			var before []byte
			must(t, h.db.Update(func(tx *store.Tx) error {
				err := damage(tx)
				before = tx.Get(noteBucket, lastKey)
				return err
			}))
			if name == "cut" || name == "another tree" || name == "no checkpoint" { // while it runs, it is found as well
				if _, err := h.Inscribe(h.ada, Device{mls.DeviceID{9}, key}, 0, noon); !errors.Is(err, ErrDamaged) {
					t.Errorf("it runs: %v", err)
				}
				if !errors.Is(h.Fault(), ErrDamaged) {
					t.Errorf("it runs: fault %v", h.Fault())
				}
			}
			h.open()
			if !errors.Is(h.Fault(), ErrDamaged) {
				t.Fatalf("opened as if nothing were: %v", h.Fault())
			}
			if _, err := h.Inscribe(h.ada, Device{mls.DeviceID{9}, key}, 0, noon); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
			if s, _ := h.State(); !bytes.Equal(s.Note, before) {
				t.Error("another checkpoint was signed")
			}
		})
	}
}

// forge puts a checkpoint of the right tree there, signed by a key of the log's name that is none of its keys.
func forge(tx *store.Tx) error {
	_, c, err := lastNote(tx)
	if err != nil {
		return err
	}
	key, err := keylog.NewKey(c.Origin, keylog.Log, rand.Reader)
	if err != nil {
		return err
	}
	note, err := key.Sign(c)
	if err != nil {
		return err
	}
	return tx.Put(noteBucket, lastKey, note)
}
