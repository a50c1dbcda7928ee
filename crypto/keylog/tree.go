package keylog

import (
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is that of a record, of a subtree or of a whole tree: SHA-256.
type Hash = tlog.Hash

// HashSize is the length of a Hash in bytes.
const HashSize = tlog.HashSize

// ErrProof says that a proof does not show what it is given for.
var ErrProof = errors.New("keylog: the proof does not hold")

// A Reader returns the hashes of the perfect subtree of 2^level records that begins at record n·2^level, for each place asked for.
type Reader interface {
	Subtree(level int, n uint64) (Hash, error)
}

// reader is a Reader as tlog asks for one.
type reader struct{ r Reader }

func (r reader) ReadHashes(indexes []int64) ([]Hash, error) {
	list := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		var err error
		if list[i], err = r.r.Subtree(level, uint64(n)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// maxSize bounds what is taken for the size of a tree: tlog's places fit into 63 bits up to here.
const maxSize = 1 << 60

// LeafHash is the hash of one record (RFC 6962 §2.1: a zero byte before it keeps it apart from a node).
func LeafHash(record []byte) Hash { return tlog.RecordHash(record) }

// Completed returns the hashes of all perfect subtrees that end with record n, from that of the record itself upward: what is to be
// kept when n is appended. r knows the subtrees of the records before.
func Completed(n uint64, leaf Hash, r Reader) ([]Hash, error) {
	if n >= maxSize {
		return nil, fmt.Errorf("keylog: record %d is out of bounds", n)
	}
	return tlog.StoredHashesForRecordHash(int64(n), leaf, reader{r})
}

// Levels is how many subtrees Completed returns for record n.
func Levels(n uint64) int { return 1 + bits.TrailingZeros64(n+1) }

// LastOf is the record with which the subtree ends.
func LastOf(level int, n uint64) uint64 { return (n+1)<<level - 1 }

// Root returns the hash of the tree of the first size records; that of no record is SHA-256 of nothing.
func Root(size uint64, r Reader) (Hash, error) {
	if size > maxSize {
		return Hash{}, fmt.Errorf("keylog: size %d is out of bounds", size)
	}
	return tlog.TreeHash(int64(size), reader{r})
}

// ProveInclusion returns the proof that record n is in the tree of the first size records (RFC 6962 §2.1.1).
func ProveInclusion(size, n uint64, r Reader) ([]Hash, error) {
	if size > maxSize || n >= size {
		return nil, fmt.Errorf("keylog: no record %d in a tree of %d", n, size)
	}
	return tlog.ProveRecord(int64(size), int64(n), reader{r})
}

// CheckInclusion returns ErrProof unless proof shows that the tree of that size and root holds leaf as record n.
func CheckInclusion(proof []Hash, size uint64, root Hash, n uint64, leaf Hash) error {
	if size > maxSize || n >= size || tlog.CheckRecord(proof, int64(size), root, int64(n), leaf) != nil {
		return ErrProof
	}
	return nil
}

// ProveConsistency returns the proof that the tree of size records begins with that of old records (RFC 6962 §2.1.2). It is empty
// when old is nothing or everything.
func ProveConsistency(size, old uint64, r Reader) ([]Hash, error) {
	switch {
	case size > maxSize || old > size:
		return nil, fmt.Errorf("keylog: no tree of %d in one of %d", old, size)
	case old == 0:
		return nil, nil
	}
	return tlog.ProveTree(int64(size), int64(old), reader{r})
}

// CheckConsistency returns ErrProof unless proof shows that the tree of that size and root begins with that of old and oldRoot.
func CheckConsistency(proof []Hash, size uint64, root Hash, old uint64, oldRoot Hash) error {
	switch {
	case size > maxSize || old > size:
		return ErrProof
	case old == 0:
		// Every tree begins with no record.
		if len(proof) != 0 || oldRoot != (&Frontier{}).Root() {
			return ErrProof
		}
		return nil
	case tlog.CheckTree(proof, int64(size), root, int64(old), oldRoot) != nil:
		return ErrProof
	}
	return nil
}
