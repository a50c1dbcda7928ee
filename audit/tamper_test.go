package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// pepper is a secret beside the database, as passhash has one.
type pepper string

func (p pepper) PepperID() string { return string(p) }
func (p pepper) Derive(label, id string) ([]byte, error) {
	if id != string(p) {
		return nil, errors.New("another pepper")
	}
	return bytes.Repeat([]byte(label[:1]+id[:1]), 16), nil
}

func openSigner(t testing.TB, l *Log, p pepper) *Signer {
	t.Helper()
	s, err := OpenSigner(l, p, rand.Reader, noon)
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A small log, with a checkpoint every fourth entry; a witness has signed the one before the last.
type sealedLog struct {
	log     *Log
	db      *store.DB
	public  keylog.PublicKey
	witness keylog.PublicKey
	kept    []byte // by the witness: the checkpoint with its signature
	size    uint64
	signed  uint64 // by the log
	rows    map[string]map[string][]byte
}

func newSealedLog(t testing.TB) sealedLog {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: CreateAll}}))
	l := New(db)
	signer := openSigner(t, l, "pepper")
	w, err := keylog.NewKey("auditor", keylog.Witness, rand.Reader)
	must(t, err)
	_, err = l.Enrol(w.Public().String(), Event{Time: noon, Actor: ActorOperator})
	must(t, err)
	s := sealedLog{log: l, db: db, public: signer.Public(), witness: w.Public()}
	for i := range 11 { // after the key and the witness
		must(t, l.Write(event(i+1)))
		if i%4 == 1 {
			st, err := signer.Sign(noon.Add(time.Duration(i) * time.Minute))
			must(t, err)
			if i == 5 {
				line, err := w.Cosign(st.Note, noon)
				must(t, err)
				s.kept, err = keylog.Join(st.Note, line)
				must(t, err)
			}
			s.signed = st.Size
		}
	}
	head, err := l.Head()
	must(t, err)
	s.size = head.Sequence
	s.rows = map[string]map[string][]byte{}
	must(t, db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{entriesBucket, headBucket, treeBucket, checkpointBucket, keyBucket} {
			s.rows[bucket] = map[string][]byte{}
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool { s.rows[bucket][string(k)] = v; return true })
		}
		return nil
	}))
	return s
}

// values are the stored entries, from the first.
func (s sealedLog) values(t testing.TB) (list [][]byte) {
	t.Helper()
	must(t, s.db.View(func(tx *store.Tx) error {
		tx.Scan(entriesBucket, nil, nil, 0, func(_, v []byte) bool { list = append(list, v); return true })
		return nil
	}))
	return list
}

// A change of the log at one place.
var tampers = map[string]func(list [][]byte, at int) [][]byte{
	"alter": func(list [][]byte, at int) [][]byte {
		list[at] = bytes.Replace(list[at], []byte(`"result":"ok"`), []byte(`"result":"no"`), 1)
		return list
	},
	"delete": func(list [][]byte, at int) [][]byte { return slices.Delete(list, at, at+1) },
	"insert": func(list [][]byte, at int) [][]byte { return slices.Insert(list, at, bytes.Clone(list[at])) },
	"reorder": func(list [][]byte, at int) [][]byte {
		list[at], list[(at+1)%len(list)] = list[(at+1)%len(list)], list[at]
		return list
	},
	"truncate": func(list [][]byte, at int) [][]byte { return list[:at] },
}

// How much of the rest somebody makes fit who has the database file.
const (
	rowsOnly     = iota // nothing: the entries alone
	withChain           // numbers, hashes and head too
	withTree            // and the tree; checkpoints that no longer fit the length are deleted
	withOwnKey          // and the checkpoints, signed by a key of their own under the log's name, which stands in the database now
	cunningLevel        // how many there are
)

// forge writes the changed entries into the database, with as much besides as the level says.
func (s sealedLog) forge(t *testing.T, list [][]byte, level int) {
	t.Helper()
	own, err := keylog.NewKey(s.public.Name(), keylog.Log, rand.Reader)
	must(t, err)
	must(t, s.db.Update(func(tx *store.Tx) error {
		var last Head
		tree := &keylog.Frontier{}
		var notes []uint64
		tx.Scan(checkpointBucket, nil, nil, 0, func(k, _ []byte) bool { notes = append(notes, sequenceOf(k)); return true })
		for i := range max(s.size, uint64(len(list))) {
			if err := tx.Delete(entriesBucket, numbered(i+1)); err != nil {
				return err
			}
			if level >= withTree {
				must(t, tx.Delete(treeBucket, numbered(i+1)))
			}
		}
		for i, v := range list {
			k := numbered(uint64(i + 1))
			if level >= withChain {
				e, err := decode(k, v)
				must(t, err)
				e.Sequence, e.Previous = uint64(i+1), last.Hash
				body, err := encode(e)
				must(t, err)
				last = Head{e.Sequence, chain(last.Hash, body)}
				v = append(last.Hash[:], body...)
			}
			must(t, tx.Put(entriesBucket, k, v))
			if level >= withTree {
				must(t, tx.Put(treeBucket, k, keylog.Row(tree.Append(keylog.LeafHash(v[32:])))))
			}
			if level >= withOwnKey && slices.Contains(notes, uint64(i+1)) {
				note, err := own.Sign(keylog.Checkpoint{Origin: s.public.Name(), Size: uint64(i + 1), Root: tree.Root(), Extra: []string{timeLine + noon.Format(time.RFC3339), chainLine + last.Hash.String()}})
				must(t, err)
				must(t, tx.Put(checkpointBucket, k, note))
			}
		}
		for _, n := range notes {
			if level >= withTree && n > uint64(len(list)) {
				must(t, tx.Delete(checkpointBucket, numbered(n)))
			}
		}
		if level >= withOwnKey {
			row, err := json.Marshal(keylog.Sealed{Public: own.Public().String(), Since: noon})
			must(t, err)
			must(t, tx.Put(keyBucket, numbered(1), row))
		}
		if level >= withChain {
			return tx.Put(headBucket, headKey, append(numbered(last.Sequence), last.Hash[:]...))
		}
		return nil
	}))
}

// Each change of each entry is found, whatever else is made to fit: by the log itself as far as its checkpoints go, and where those
// are made anew by what a verifier has noted. Nothing of it needs the running appliance.
func TestEveryChangeOfEveryEntryIsFound(t *testing.T) {
	// ASVS 16.4.2
	whole := newSealedLog(t)
	noted := Noted{Keys: []keylog.PublicKey{whole.public}, Witnesses: []keylog.PublicKey{whole.witness}, Checkpoints: [][]byte{whole.kept}}
	r, err := whole.log.Examine(t.Context(), noted, nil)
	must(t, err)
	if r.Checkpoints != 3 || r.Covered.Size != whole.signed || r.Notes != 1 || r.Unsigned || r.Head.Sequence != whole.size || whole.size != 13 || whole.signed != 12 {
		t.Fatalf("before: %+v of %d", r, whole.size)
	}
	cosigned, err := keylog.Peek(whole.kept)
	must(t, err)
	original := whole.values(t)
	for name, change := range tampers {
		for at := range original {
			for level := range cunningLevel {
				s := whole
				list := change(slices.Clone(original), at)
				s.forge(t, list, level)
				_, alone := s.log.Examine(t.Context(), Noted{}, nil)
				_, withKey := s.log.Examine(t.Context(), Noted{Keys: noted.Keys}, nil)
				_, withAll := s.log.Examine(t.Context(), noted, nil)
				changed := at
				if name == "insert" {
					changed++ // one of the two is where it was
				}
				// What comes after the last checkpoint is held by the chain and the tree, which can be made to fit; and a log that is
				// cut has lost the checkpoints beyond, which the database alone does not show.
				left := uint64(0)
				for _, n := range []uint64{4, 8, 12} {
					if n <= uint64(len(list)) {
						left = n
					}
				}
				covered := uint64(changed) < left
				where := fmt.Sprintf("%s entry %d, level %d", name, at+1, level)
				var fault *Fault
				for what, found := range map[string]struct {
					err  error
					want bool
				}{
					"alone":           {alone, level < withTree || level == withTree && covered},
					"with its key":    {withKey, level < withTree || covered || level == withOwnKey && left > 0},
					"with a cosigned": {withAll, level < withTree || covered || uint64(changed) < cosigned.Size},
				} {
					if found.want && found.err == nil {
						t.Errorf("%s: not found %s", where, what)
					}
					if found.err != nil && !errors.As(found.err, &fault) && !errors.Is(found.err, keylog.ErrUnsigned) {
						t.Errorf("%s: %s: %v", where, what, found.err)
					}
				}
				if level == rowsOnly && errors.As(alone, &fault) && fault.Sequence > uint64(changed)+1 {
					t.Errorf("%s: found at %d", where, fault.Sequence)
				}
				whole.restore(t)
			}
		}
	}
	if _, err := whole.log.Examine(t.Context(), noted, nil); err != nil {
		t.Errorf("after all: %v", err)
	}
}

// restore puts the log back as it was.
func (s sealedLog) restore(t *testing.T) {
	t.Helper()
	must(t, s.db.Update(func(tx *store.Tx) error {
		for _, bucket := range []string{entriesBucket, treeBucket, checkpointBucket, keyBucket} {
			var keys [][]byte
			tx.Scan(bucket, nil, nil, 0, func(k, _ []byte) bool { keys = append(keys, k); return true })
			for _, k := range keys {
				must(t, tx.Delete(bucket, k))
			}
		}
		for bucket, rows := range s.rows {
			for k, v := range rows {
				must(t, tx.Put(bucket, []byte(k), v))
			}
		}
		return nil
	}))
}
