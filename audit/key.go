package audit

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

const (
	keyBucket = "audit.keys" // 1, 2, 3 … (8 bytes, big endian) → keylog.Sealed as JSON; the last one signs

	// sealLabel is the purpose of the key that the signing key is sealed with.
	sealLabel = "audit checkpoint key 1"
	// originPrefix begins the log's name; sixteen random digits make it this one's.
	originPrefix = "huisclos.audit/"
)

// Keys gives the key of a purpose under the pepper.
type Keys = keylog.Secrets

// PublicKeys returns the keys that have signed checkpoints here, in the order of their use. Whoever may write the database may
// write these too: a verifier notes them elsewhere.
func (l *Log) PublicKeys() (list []keylog.PublicKey, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		list, err = publicKeys(tx)
		return err
	})
	return list, err
}

func publicKeys(tx *store.Tx) (list []keylog.PublicKey, err error) {
	tx.Scan(keyBucket, nil, nil, 0, func(_, v []byte) bool {
		var r keylog.Sealed
		var k keylog.PublicKey
		if err = json.Unmarshal(v, &r); err == nil {
			k, err = keylog.ParsePublicKey(r.Public)
		}
		list = append(list, k)
		return err == nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit: a key of the log: %w", err)
	}
	return list, nil
}

// A Signer signs checkpoints of a log with a key of its own.
type Signer struct {
	log *Log
	key *keylog.Key
}

// OpenSigner opens the key that signs, and draws one where there is none that opens: after a restore without the pepper, say. A new
// key is an entry of the log.
func OpenSigner(l *Log, keys Keys, random io.Reader, now time.Time) (*Signer, error) {
	s := &Signer{log: l}
	err := l.db.Update(func(tx *store.Tx) error {
		var last keylog.Sealed
		number := uint64(0)
		tx.ScanBack(keyBucket, nil, nil, 1, func(k, v []byte) bool {
			number = sequenceOf(k)
			_ = json.Unmarshal(v, &last) // what is not read does not open
			return true
		})
		reason := "first"
		if number > 0 {
			key, err := last.Open(sealLabel, keys, random)
			if err == nil {
				s.key = key
				return nil
			}
			if !errors.Is(err, keylog.ErrSealed) {
				return err
			}
			reason = "sealed"
		}
		return s.replace(tx, last, number, reason, keys, random, now)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// replace draws a key, which keeps the log's name.
func (s *Signer) replace(tx *store.Tx, last keylog.Sealed, number uint64, reason string, keys Keys, random io.Reader, now time.Time) error {
	var origin string
	if former, err := keylog.ParsePublicKey(last.Public); err == nil {
		origin = former.Name()
	} else {
		id := make([]byte, 8)
		if _, err := io.ReadFull(random, id); err != nil {
			return fmt.Errorf("audit: name of the log: %w", err)
		}
		origin = originPrefix + hex.EncodeToString(id)
	}
	key, err := keylog.NewKey(origin, keylog.Log, random)
	if err != nil {
		return err
	}
	sealed, err := key.Seal(sealLabel, keys, random, now)
	if err != nil {
		return err
	}
	record, err := json.Marshal(sealed)
	if err != nil {
		return err
	}
	if err := tx.Put(keyBucket, numbered(number+1), record); err != nil {
		return err
	}
	s.key = key
	return s.log.Record(tx, Event{Time: now, Actor: ActorSystem, Action: LogKeyMade, Object: key.Public().ID(), Detail: map[string]string{"reason": reason}})
}

// Public is the key that checks this signer's checkpoints.
func (s *Signer) Public() keylog.PublicKey { return s.key.Public() }
