package audit

import (
	"encoding/binary"
	"fmt"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// The tree over the entries: its records are the entries' bytes as they are stored (without the hash before them), entry 1 being
// record 0. With each entry go the hashes of all subtrees that it completes, so that any state of the log can be proved later.
const treeBucket = "audit.tree" // sequence (8 bytes, big endian) → hashes, from that of the entry upward

// AddTree is this package's second migration: it makes the tree over the entries that stand already.
func AddTree(tx *store.Tx) error {
	for _, name := range []string{treeBucket, checkpointBucket, keyBucket, witnessBucket, cosignedBucket, verifiedBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	f := &keylog.Frontier{}
	var failed error
	tx.Scan(entriesBucket, nil, nil, 0, func(k, v []byte) bool {
		if len(v) < keylog.HashSize {
			failed = fmt.Errorf("audit: entry %x is cut", k)
			return false
		}
		failed = tx.Put(treeBucket, k, keylog.Row(f.Append(keylog.LeafHash(v[keylog.HashSize:]))))
		return failed == nil
	})
	return failed
}

// CreateAll makes everything that this package keeps, for a database that begins with today's form of it.
func CreateAll(tx *store.Tx) error {
	if err := CreateBuckets(tx); err != nil {
		return err
	}
	if err := AddTree(tx); err != nil {
		return err
	}
	return AddIndex(tx)
}

// grow adds entry sequence to the tree within tx.
func grow(tx *store.Tx, key []byte, sequence uint64, body []byte) error {
	hashes, err := keylog.Completed(sequence-1, keylog.LeafHash(body), subtrees(tx))
	if err != nil {
		return err
	}
	return tx.Put(treeBucket, key, keylog.Row(hashes))
}

// subtrees is the tree in a transaction, as keylog reads it.
func subtrees(tx *store.Tx) keylog.Reader {
	return keylog.Rows(func(n uint64) []byte { return tx.Get(treeBucket, numbered(n+1)) })
}

// numbered is the key of what belongs to a sequence, or to a size.
func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
