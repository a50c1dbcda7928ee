package devices

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/store"
)

const (
	// sealLabel is the purpose of the key that the signing key is sealed with.
	sealLabel = "device log key 1"
	// The log's name has sixteen random digits between these.
	originPrefix, originSuffix = "huisclos/", "/devices"
)

// PublicKeys returns the keys that have signed checkpoints here, in the order of their use.
func (l *Log) PublicKeys() (list []keylog.PublicKey, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		list, err = publicKeys(tx)
		return err
	})
	return list, err
}

func publicKeys(tx *store.Tx) (list []keylog.PublicKey, err error) {
	tx.Scan(keyBucket, nil, nil, 0, func(_, v []byte) bool {
		var s keylog.Sealed
		var k keylog.PublicKey
		if err = json.Unmarshal(v, &s); err == nil {
			k, err = keylog.ParsePublicKey(s.Public)
		}
		list = append(list, k)
		return err == nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: a key: %w", ErrDamaged, err)
	}
	return list, nil
}

// openKey returns the key that signs, and draws one where there is none that opens.
func openKey(tx *store.Tx, trail *audit.Log, keys keylog.Secrets, random io.Reader, now time.Time) (*keylog.Key, error) {
	var last keylog.Sealed
	var count uint64
	tx.ScanBack(keyBucket, nil, nil, 1, func(k, v []byte) bool {
		count = number(k)
		_ = json.Unmarshal(v, &last) // what is not read does not open
		return true
	})
	reason := "first"
	if count > 0 {
		key, err := last.Open(sealLabel, keys, random)
		if !errors.Is(err, keylog.ErrSealed) {
			return key, err
		}
		reason = "sealed"
	}
	name, err := nameAfter(last, random)
	if err != nil {
		return nil, err
	}
	key, err := keylog.NewKey(name, keylog.Log, random)
	if err != nil {
		return nil, err
	}
	sealed, err := key.Seal(sealLabel, keys, random, now)
	if err != nil {
		return nil, err
	}
	row, err := json.Marshal(sealed)
	if err != nil {
		return nil, err
	}
	if err := tx.Put(keyBucket, numbered(count+1), row); err != nil {
		return nil, err
	}
	return key, trail.Record(tx, audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.DeviceKeyMade, Object: key.Public().ID(), Detail: map[string]string{"reason": reason}})
}

// nameAfter is the log's name: that of the key before, or one of its own.
func nameAfter(last keylog.Sealed, random io.Reader) (string, error) {
	if former, err := keylog.ParsePublicKey(last.Public); err == nil {
		return former.Name(), nil
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(random, id); err != nil {
		return "", fmt.Errorf("name of the log: %w", err)
	}
	return originPrefix + hex.EncodeToString(id) + originSuffix, nil
}
