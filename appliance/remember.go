package appliance

import (
	"encoding/json"

	"huisclos/audit"
	"huisclos/store"
)

// recall reads what is kept as JSON under a key; the zero value where there is nothing.
func recall[T any](tx *store.Tx, bucket string, key []byte) (s T, err error) {
	if v := tx.Get(bucket, key); v != nil {
		err = json.Unmarshal(v, &s)
	}
	return s, err
}

// remember changes what is kept under a key, does what more there is, and records an event: all of it or nothing.
func remember[T any](db *store.DB, trail *audit.Log, bucket string, key []byte, e audit.Event, change func(*T), more ...func(*store.Tx) error) error {
	return db.Update(func(tx *store.Tx) error {
		for _, f := range more {
			if err := f(tx); err != nil {
				return err
			}
		}
		s, err := recall[T](tx, bucket, key)
		if err != nil {
			return err
		}
		change(&s)
		v, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := tx.Put(bucket, key, v); err != nil {
			return err
		}
		return trail.Record(tx, e)
	})
}
