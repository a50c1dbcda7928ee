package keylog

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// A Frontier is the right edge of a tree: enough to append to it and to know its root. The zero value is the tree of no record.
type Frontier struct {
	size uint64
	// edge are the perfect subtrees that the tree is made of, the largest first: one for each bit of size.
	edge []Hash
}

// FrontierAt returns the frontier of the tree of the first size records, from what is kept of it.
func FrontierAt(size uint64, r Reader) (*Frontier, error) {
	f := &Frontier{}
	for f.size < size {
		level := bits.Len64(size-f.size) - 1
		h, err := r.Subtree(level, f.size>>level)
		if err != nil {
			return nil, err
		}
		f.edge = append(f.edge, h)
		f.size += 1 << level
	}
	return f, nil
}

// ParseFrontier reads what Edge returned for a tree of that size.
func ParseFrontier(size uint64, edge []Hash) (*Frontier, error) {
	if size > maxSize || len(edge) != bits.OnesCount64(size) {
		return nil, fmt.Errorf("keylog: %d hashes are no edge of a tree of %d", len(edge), size)
	}
	return &Frontier{size: size, edge: append([]Hash(nil), edge...)}, nil
}

// Size is how many records the tree has.
func (f *Frontier) Size() uint64 { return f.size }

// Edge returns the hashes of the perfect subtrees, the largest first.
func (f *Frontier) Edge() []Hash { return append([]Hash(nil), f.edge...) }

// Append adds a record's hash and returns the hashes of all perfect subtrees that it ends, as Completed does.
func (f *Frontier) Append(leaf Hash) []Hash {
	ended := make([]Hash, 1, Levels(f.size))
	ended[0] = leaf
	for range Levels(f.size) - 1 {
		last := len(f.edge) - 1
		leaf = tlog.NodeHash(f.edge[last], leaf)
		f.edge = f.edge[:last]
		ended = append(ended, leaf)
	}
	f.edge = append(f.edge, leaf)
	f.size++
	return ended
}

// Extend adds a perfect subtree of 2^level records. The tree's size must be a multiple of that.
func (f *Frontier) Extend(level int, h Hash) error {
	if level < 0 || level > 60 || f.size&(1<<level-1) != 0 || f.size > maxSize-1<<level {
		return fmt.Errorf("keylog: no subtree of level %d may follow %d records", level, f.size)
	}
	for rest := f.size >> level; rest&1 != 0; rest >>= 1 {
		last := len(f.edge) - 1
		h = tlog.NodeHash(f.edge[last], h)
		f.edge = f.edge[:last]
	}
	f.edge = append(f.edge, h)
	f.size += 1 << level
	return nil
}

// Root is the hash of the tree.
func (f *Frontier) Root() Hash {
	if f.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // of nothing: it reads nothing and cannot fail
		return h
	}
	h := f.edge[len(f.edge)-1]
	for i := len(f.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(f.edge[i], h)
	}
	return h
}

// Between returns the perfect subtrees that lead from a tree of from records to one of to records, in the order in which Extend takes
// them: the levels, and the hashes.
func Between(from, to uint64, r Reader) (list []Hash, err error) {
	for level := range levelsBetween(from, to) {
		h, err := r.Subtree(level, from>>level)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
		from += 1 << level
	}
	return list, nil
}

// ExtendTo adds what Between returned for the way from this tree's size to to.
func (f *Frontier) ExtendTo(to uint64, list []Hash) error {
	if to > maxSize || to < f.size {
		return fmt.Errorf("keylog: a tree of %d does not grow to %d", f.size, to)
	}
	for level := range levelsBetween(f.size, to) {
		if len(list) == 0 {
			return ErrProof
		}
		if err := f.Extend(level, list[0]); err != nil {
			return err
		}
		list = list[1:]
	}
	if len(list) != 0 {
		return ErrProof
	}
	return nil
}

// levelsBetween are the levels of the largest subtrees, each aligned to its own size, that fill the way.
func levelsBetween(from, to uint64) func(yield func(level int) bool) {
	return func(yield func(int) bool) {
		for from < to {
			level := bits.Len64(to-from) - 1
			if from != 0 {
				level = min(level, bits.TrailingZeros64(from))
			}
			if !yield(level) {
				return
			}
			from += 1 << level
		}
	}
}
