package devices

import (
	"fmt"

	"huisclos/crypto/keylog"
	"huisclos/crypto/statement"
	"huisclos/store"
)

// tree is the tree in a transaction.
func tree(tx *store.Tx) keylog.Reader {
	return keylog.Rows(func(n uint64) []byte { return tx.Get(treeBucket, numbered(n)) })
}

// sizeOf is how many records the log has.
func sizeOf(tx *store.Tx) (size uint64) {
	tx.ScanBack(recordBucket, nil, nil, 1, func(k, _ []byte) bool {
		size = number(k) + 1
		return true
	})
	return size
}

// appendRecord adds a statement to records and tree.
func appendRecord(tx *store.Tx, s statement.Statement) (index uint64, err error) {
	index = sizeOf(tx)
	record, key := s.Marshal(), numbered(index)
	hashes, err := keylog.Completed(index, keylog.LeafHash(record), tree(tx))
	if err != nil {
		return 0, err
	}
	if err := tx.Put(recordBucket, key, record); err != nil {
		return 0, err
	}
	return index, tx.Put(treeBucket, key, keylog.Row(hashes))
}

func readRecord(tx *store.Tx, index uint64) (statement.Statement, error) {
	s, err := statement.Parse(tx.Get(recordBucket, numbered(index)))
	if err != nil {
		return s, fmt.Errorf("%w: record %d: %w", ErrDamaged, index, err)
	}
	return s, nil
}
