package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

const (
	witnessBucket  = "audit.witnesses" // id (8 digits) → witnessRecord
	cosignedBucket = "audit.cosigned"  // size (8 bytes, big endian) ‖ id of the witness → its line in the note

	// MaxWitnesses bounds the witnesses that are enrolled at once.
	MaxWitnesses = 16
)

// Sentinels of witnesses.
var (
	// ErrNoCheckpoint: there is none yet, or none that has grown from what is asked about.
	ErrNoCheckpoint = errors.New("audit: there is no such checkpoint")
	// ErrWitnessKey: a text is no public key of a witness.
	ErrWitnessKey = errors.New("audit: not the public key of a witness")
	// ErrKnownWitness: a witness of this id is enrolled already.
	ErrKnownWitness = errors.New("audit: this witness is enrolled already")
	// ErrManyWitnesses: there are MaxWitnesses.
	ErrManyWitnesses = errors.New("audit: too many witnesses")
	// ErrNoWitness: nobody enrolled has this id.
	ErrNoWitness = errors.New("audit: no such witness")
	// ErrCosignature: what was handed in is not the signature of an enrolled witness under a checkpoint of this log.
	ErrCosignature = errors.New("audit: not a cosignature of a checkpoint by a witness who is enrolled")
)

type witnessRecord struct {
	Public string    `json:"public"`
	Added  time.Time `json:"added"`
	By     string    `json:"by"`
}

// A WitnessState is an enrolled witness, and the last checkpoint that it has cosigned; Size is 0 before the first.
type WitnessState struct {
	Key   keylog.PublicKey
	Added time.Time
	By    string // account id
	Size  uint64
	Time  time.Time // that it states
}

// Enrol takes a witness's public key in. e names actor and client.
func (l *Log) Enrol(key string, e Event) (WitnessState, error) {
	k, err := keylog.ParsePublicKey(key)
	if err != nil || k.Use() != keylog.Witness {
		return WitnessState{}, ErrWitnessKey
	}
	e.Action, e.Object, e.Detail = WitnessAdded, k.ID(), map[string]string{"name": k.Name()}
	err = l.db.Update(func(tx *store.Tx) error {
		list, err := witnesses(tx)
		if err != nil {
			return err
		}
		switch {
		case len(list) >= MaxWitnesses:
			return ErrManyWitnesses
		case tx.Get(witnessBucket, []byte(k.ID())) != nil:
			return ErrKnownWitness
		}
		row, err := json.Marshal(witnessRecord{k.String(), e.Time.UTC(), e.Actor})
		if err != nil {
			return fmt.Errorf("audit: witness: %w", err)
		}
		if err := tx.Put(witnessBucket, []byte(k.ID()), row); err != nil {
			return err
		}
		return l.Record(tx, e)
	})
	return WitnessState{Key: k, Added: e.Time.UTC(), By: e.Actor}, err
}

// Dismiss takes a witness out. What it has cosigned stays, and stays provable with its public key; it is not counted any more.
func (l *Log) Dismiss(id string, e Event) error {
	return l.db.Update(func(tx *store.Tx) error {
		row := tx.Get(witnessBucket, []byte(id))
		if id == "" || row == nil {
			return ErrNoWitness
		}
		var r witnessRecord
		_ = json.Unmarshal(row, &r) // one that is damaged can go too
		e.Action, e.Object = WitnessRemoved, id
		if k, err := keylog.ParsePublicKey(r.Public); err == nil {
			e.Detail = map[string]string{"name": k.Name()}
		}
		if err := tx.Delete(witnessBucket, []byte(id)); err != nil {
			return err
		}
		return l.Record(tx, e)
	})
}

// Witnesses returns the enrolled ones with what they have cosigned last.
func (l *Log) Witnesses() (list []WitnessState, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		list, err = witnesses(tx)
		if err != nil {
			return err
		}
		for i := range list {
			err = lastCosigned(tx, &list[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func witnesses(tx *store.Tx) (list []WitnessState, err error) {
	tx.Scan(witnessBucket, nil, nil, 0, func(_, v []byte) bool {
		var r witnessRecord
		var k keylog.PublicKey
		if err = json.Unmarshal(v, &r); err == nil {
			k, err = keylog.ParsePublicKey(r.Public)
		}
		list = append(list, WitnessState{Key: k, Added: r.Added, By: r.By})
		return err == nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit: a witness: %w", err)
	}
	slices.SortFunc(list, func(a, b WitnessState) int { return a.Added.Compare(b.Added) })
	return list, nil
}

// lastCosigned looks from the newest back: witnesses that sign now and then are found at once, and one that never did costs a walk
// over what the others have signed.
func lastCosigned(tx *store.Tx, w *WitnessState) error {
	var size uint64
	tx.ScanBack(cosignedBucket, nil, nil, 0, func(k, _ []byte) bool {
		if len(k) > 8 && string(k[8:]) == w.Key.ID() {
			size = sequenceOf(k[:8])
			return false
		}
		return true
	})
	if size == 0 {
		return nil
	}
	keys, err := publicKeys(tx)
	if err != nil {
		return err
	}
	s, err := openCosigned(tx, size, keys, []keylog.PublicKey{w.Key})
	if err != nil || len(s.Witnesses) == 0 {
		return nil // verification says what is wrong with it
	}
	w.Size, w.Time = size, s.Witnesses[0].Time
	return nil
}

// cosignedNote returns the checkpoint of that size with all its cosignatures; nil: there is none.
func cosignedNote(tx *store.Tx, size uint64) ([]byte, error) {
	note := tx.Get(checkpointBucket, numbered(size))
	if note == nil {
		return nil, nil
	}
	var lines []string
	tx.Scan(cosignedBucket, numbered(size), nil, 0, func(_, v []byte) bool {
		lines = append(lines, string(v))
		return true
	})
	return keylog.Join(note, lines...)
}

func openCosigned(tx *store.Tx, size uint64, logs, witnesses []keylog.PublicKey) (keylog.Signed, error) {
	note, err := cosignedNote(tx, size)
	if err == nil && note == nil {
		err = ErrNoCheckpoint
	}
	if err != nil {
		return keylog.Signed{}, err
	}
	return keylog.Open(note, logs, witnesses)
}

// Cosigned returns the newest checkpoint that a witness who is enrolled has cosigned, with its signatures; nil: there is none.
func (l *Log) Cosigned() (note []byte, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		var size uint64
		tx.ScanBack(cosignedBucket, nil, nil, 1, func(k, _ []byte) bool {
			size = sequenceOf(k[:min(len(k), 8)])
			return true
		})
		if size == 0 {
			return nil
		}
		note, err = cosignedNote(tx, size)
		return err
	})
	return note, err
}

// Cosign takes in what a witness has signed: a checkpoint of this log with the witness's line. e names actor and client.
func (l *Log) Cosign(note []byte, e Event) (w WitnessState, err error) {
	c, err := keylog.Peek(note)
	if err != nil {
		return w, ErrCosignature
	}
	err = l.db.Update(func(tx *store.Tx) error {
		list, err := witnesses(tx)
		if err != nil {
			return err
		}
		logs, err := publicKeys(tx)
		if err != nil {
			return err
		}
		var keys []keylog.PublicKey
		for _, w := range list {
			keys = append(keys, w.Key)
		}
		s, err := keylog.Open(note, logs, keys)
		own, _ := keylog.Peek(tx.Get(checkpointBucket, numbered(c.Size)))
		if err != nil || len(s.Witnesses) == 0 || own.Text() != c.Text() {
			return ErrCosignature
		}
		for _, sig := range s.Witnesses {
			key := append(numbered(c.Size), sig.Witness.ID()...)
			w = WitnessState{Key: sig.Witness, Size: c.Size, Time: sig.Time}
			if tx.Get(cosignedBucket, key) != nil {
				continue
			}
			line, err := lineOf(note, sig.Witness)
			if err != nil {
				return err
			}
			if err := tx.Put(cosignedBucket, key, line); err != nil {
				return err
			}
			e.Action, e.Object = LogCosigned, sig.Witness.ID()
			e.Detail = map[string]string{"name": sig.Witness.Name(), "size": fmt.Sprint(c.Size)}
			if err := l.Record(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	return w, err
}

// lineOf is the witness's line in a note that was opened.
func lineOf(note []byte, k keylog.PublicKey) ([]byte, error) {
	for line := range bytes.Lines(note) {
		if !bytes.HasPrefix(line, []byte("— "+k.Name()+" ")) {
			continue
		}
		// Another key may have the same name: the line that is this one's opens with this key alone.
		text := note[:bytes.LastIndex(note, []byte("\n\n"))+2]
		if keylog.SignedBy(append(slices.Clone(text), line...), k) {
			return line, nil
		}
	}
	return nil, ErrCosignature
}
