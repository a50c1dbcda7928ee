package statement

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"huisclos/crypto/keylog"
)

// What a server may be caught at.
var (
	// ErrOtherLog: the log has another key than the one that this device knows.
	ErrOtherLog = errors.New("the key log is signed by another key than the one seen before")
	// ErrShorter: the log has fewer statements than this device has seen. A backup that was restored looks like this.
	ErrShorter = errors.New("the key log is shorter than the one seen before")
	// ErrForked: two states of the log do not go together: one is not the beginning of the other. A backup that was restored and
	// went on looks like this, too.
	ErrForked = errors.New("the key log is not the one seen before, grown on")
	// ErrNotInLog: what is said to be in the log is not.
	ErrNotInLog = errors.New("the device's statement is not in the key log")
)

// A Mark is a state of the log: the root of the tree of its first Size records. Marks compare with ==.
type Mark struct {
	Size uint64
	Root keylog.Hash
}

// MarkOf is the state that a checkpoint states.
func MarkOf(c keylog.Checkpoint) Mark { return Mark{c.Size, c.Root} }

// Order sorts marks by size and drops what is there twice. ErrForked where two of one size differ: no proof could ever join them.
func Order(marks []Mark) ([]Mark, error) {
	out := slices.Clone(marks)
	slices.SortFunc(out, func(a, b Mark) int { return cmp.Compare(a.Size, b.Size) })
	out = slices.Compact(out)
	for i := 1; i < len(out); i++ {
		if out[i].Size == out[i-1].Size {
			return nil, fmt.Errorf("%w: two of %d statements", ErrForked, out[i].Size)
		}
	}
	return out, nil
}

// Chain checks that each of the marks, in the order of [Order], is the beginning of the next: proofs has one for each neighbouring
// pair. ErrForked otherwise.
func Chain(marks []Mark, proofs [][]keylog.Hash) error {
	if len(proofs) != max(0, len(marks)-1) {
		return fmt.Errorf("%w: %d proofs for %d states", ErrForked, len(proofs), len(marks))
	}
	for i, proof := range proofs {
		old, now := marks[i], marks[i+1]
		if keylog.CheckConsistency(proof, now.Size, now.Root, old.Size, old.Root) != nil {
			return fmt.Errorf("%w: %d and %d statements", ErrForked, old.Size, now.Size)
		}
	}
	return nil
}

// An Answer is what the server says to a device that it has inscribed.
type Answer struct {
	Log    string // the text of the log's key
	Index  uint64 // of the device's statement
	Time   uint64 // of that statement, seconds since 1970
	Note   []byte // the log's checkpoint now
	Proof  []keylog.Hash
	Growth []keylog.Hash // from the size that the device has seen last
}

// Enter checks an answer against what the device has seen of the log before (nil: nothing) and returns what it is to keep. s is the
// statement that it asked for, its time aside. ErrOtherLog, ErrShorter, ErrForked, ErrNotInLog, or the cause of an answer that is
// none.
func Enter(before *View, s Statement, a Answer) (View, Evidence, error) {
	key, err := keylog.ParsePublicKey(a.Log)
	if err != nil || key.Use() != keylog.Log {
		return View{}, Evidence{}, fmt.Errorf("%w: the log's key", ErrMalformed)
	}
	if before != nil && !before.Log.Equal(key) {
		return View{}, Evidence{}, ErrOtherLog
	}
	now := View{Log: key, Note: a.Note}
	signed, err := keylog.Open(a.Note, []keylog.PublicKey{key}, nil)
	if err != nil {
		return View{}, Evidence{}, err
	}
	if len(a.Note) > maxNote || len(a.Proof) > maxProof {
		return View{}, Evidence{}, ErrMalformed
	}
	if before != nil {
		last, err := keylog.Open(before.Note, []keylog.PublicKey{key}, nil)
		switch {
		case err != nil:
			return View{}, Evidence{}, err
		case signed.Size < last.Size:
			return View{}, Evidence{}, fmt.Errorf("%w: %d statements, there were %d", ErrShorter, signed.Size, last.Size)
		case keylog.CheckConsistency(a.Growth, signed.Size, signed.Root, last.Size, last.Root) != nil:
			return View{}, Evidence{}, fmt.Errorf("%w: %d and %d statements", ErrForked, last.Size, signed.Size)
		}
	}
	s.Kind, s.Time = Device, a.Time
	if keylog.CheckInclusion(a.Proof, signed.Size, signed.Root, a.Index, keylog.LeafHash(s.Marshal())) != nil {
		return View{}, Evidence{}, ErrNotInLog
	}
	return now, Evidence{Time: a.Time, Note: a.Note, Proof: a.Proof}, nil
}
