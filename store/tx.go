package store

import (
	"bytes"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Tx is one transaction. It is used by one goroutine, and not after the function that received it has returned. What it
// returns is the caller's own copy.
type Tx struct {
	bolt    *bolt.Tx
	writing bool
	dirty   bool
}

var errReadOnly = errors.New("store: write in a reading transaction")

// bucket panics when no migration has made the bucket: the name is a constant of the calling package, so that the fault
// is in the program, and an answer "not found" would hide it.
func (tx *Tx) bucket(name string) *bolt.Bucket {
	b := tx.bolt.Bucket([]byte(name))
	if b == nil || name == metaBucket {
		panic(fmt.Sprintf("store: no migration has made the bucket %q", name))
	}
	return b
}

// CreateBucket makes a bucket; one that exists already is an error. Only migrations call it.
func (tx *Tx) CreateBucket(name string) error {
	if !tx.writing {
		return errReadOnly
	}
	if name == metaBucket {
		return fmt.Errorf("store: the bucket name %q is reserved", name)
	}
	if _, err := tx.bolt.CreateBucket([]byte(name)); err != nil {
		return fmt.Errorf("store: create bucket %q: %w", name, err)
	}
	tx.dirty = true
	return nil
}

// DeleteBucket removes a bucket and all in it. Only migrations call it.
func (tx *Tx) DeleteBucket(name string) error {
	if !tx.writing {
		return errReadOnly
	}
	if name == metaBucket {
		return fmt.Errorf("store: the bucket name %q is reserved", name)
	}
	if err := tx.bolt.DeleteBucket([]byte(name)); err != nil {
		return fmt.Errorf("store: delete bucket %q: %w", name, err)
	}
	tx.dirty = true
	return nil
}

// Get returns the value of key, or nil when there is none. A stored empty value is not nil.
func (tx *Tx) Get(bucket string, key []byte) []byte {
	v := tx.bucket(bucket).Get(key)
	if v == nil {
		return nil
	}
	return append(make([]byte, 0, len(v)), v...)
}

// Put sets the value of key. The key has 1 to 32,768 bytes.
func (tx *Tx) Put(bucket string, key, value []byte) error {
	if !tx.writing {
		return errReadOnly
	}
	// The engine keeps both slices until the commit; the caller may use its own again at once.
	if err := tx.bucket(bucket).Put(bytes.Clone(key), bytes.Clone(value)); err != nil {
		return fmt.Errorf("store: put in %q: %w", bucket, err)
	}
	tx.dirty = true
	return nil
}

// Delete removes key. A key that is not there is no error.
func (tx *Tx) Delete(bucket string, key []byte) error {
	if !tx.writing {
		return errReadOnly
	}
	if err := tx.bucket(bucket).Delete(key); err != nil {
		return fmt.Errorf("store: delete in %q: %w", bucket, err)
	}
	tx.dirty = true
	return nil
}

// Scan calls f for the keys that begin with prefix, in ascending order, from the first key that is not less than from
// (nil: the first of the prefix), at most limit times (0: no limit), until f returns false. f must not write. To go on
// after key k, pass k followed by a zero byte as from: Successor does it.
func (tx *Tx) Scan(bucket string, prefix, from []byte, limit int, f func(k, v []byte) (more bool)) {
	c := tx.bucket(bucket).Cursor()
	if bytes.Compare(from, prefix) < 0 {
		from = prefix
	}
	n := 0
	for k, v := c.Seek(from); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if limit > 0 && n == limit {
			return
		}
		n++
		if !f(bytes.Clone(k), bytes.Clone(v)) {
			return
		}
	}
}

// ScanBack is Scan in descending order, from the last key that is less than before (nil: the last of the prefix).
func (tx *Tx) ScanBack(bucket string, prefix, before []byte, limit int, f func(k, v []byte) (more bool)) {
	c := tx.bucket(bucket).Cursor()
	end := prefixEnd(prefix)
	if before != nil && (end == nil || bytes.Compare(before, end) < 0) {
		end = before
	}
	var k, v []byte
	if end == nil {
		k, v = c.Last()
	} else if k, _ = c.Seek(end); k == nil {
		k, v = c.Last()
	} else {
		k, v = c.Prev()
	}
	for n := 0; k != nil && bytes.HasPrefix(k, prefix); k, v = c.Prev() {
		if limit > 0 && n == limit {
			return
		}
		n++
		if !f(bytes.Clone(k), bytes.Clone(v)) {
			return
		}
	}
}

// NextSequence returns 1, 2, 3 … for the bucket, each number once, over restarts too.
func (tx *Tx) NextSequence(bucket string) (uint64, error) {
	if !tx.writing {
		return 0, errReadOnly
	}
	n, err := tx.bucket(bucket).NextSequence()
	if err != nil {
		return 0, fmt.Errorf("store: next sequence of %q: %w", bucket, err)
	}
	tx.dirty = true
	return n, nil
}

// Successor returns the smallest key greater than k.
func Successor(k []byte) []byte {
	return append(append(make([]byte, 0, len(k)+1), k...), 0)
}

// prefixEnd returns the smallest key greater than all keys with the prefix, or nil when there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}
