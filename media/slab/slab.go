// Package slab lends blocks of memory that is not Go's: packets that are kept for
// a while, which the collector would count as live, and let half as much garbage
// lie for. It decides where a block lies and when memory goes back to the system.
// It never sees what is kept.
//
// A block that is given back may be lent to somebody else at once. Who reads one
// that it gave back reads others' octets, or zeros, and never what is not a block:
// address space is not given back.
package slab

import (
	"math/bits"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// Size of a block, in octets: a page, where pages are that small.
	Size = 4 << 10
	// perSlab is how many blocks come from the system at once, and go back at once.
	perSlab = 16
	full    = 1<<perSlab - 1
)

// Store is where blocks come from. The zero value has none yet. It is safe for concurrent use, and allocates nothing while no
// more blocks are lent than ever before.
type Store struct {
	mu     sync.Mutex
	slabs  []*slab // in the order in which they are lent from, so that the last ones empty
	lowest int     // none before this has a free block
	spare  *slab   // one that is all free and keeps its memory, so that a rate that goes up and down asks the system for nothing
	lent   int
}

type slab struct {
	octets []byte
	free   uint32 // a bit for each block
	index  int    // among the store's
}

// Block is one block, of Size octets. The zero value is none.
type Block struct {
	of *slab
	n  int
}

// Octets are the block's, until it is given back.
func (b Block) Octets() []byte { return b.of.octets[b.n*Size : (b.n+1)*Size : (b.n+1)*Size] }

// Take lends a block. What is in it is left from others.
func (s *Store) Take() Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.lowest < len(s.slabs) && s.slabs[s.lowest].free == 0 {
		s.lowest++
	}
	if s.lowest == len(s.slabs) {
		s.slabs = append(s.slabs, newSlab(s.lowest))
	}
	of := s.slabs[s.lowest]
	if of == s.spare {
		s.spare = nil
	}
	n := bits.TrailingZeros32(of.free)
	of.free &^= 1 << n
	s.lent++
	return Block{of, n}
}

// Give takes a block back.
func (s *Store) Give(b Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.of.free&(1<<b.n) != 0 {
		panic("slab: a block is given back twice") // two owners would write into it
	}
	b.of.free |= 1 << b.n
	s.lent--
	s.lowest = min(s.lowest, b.of.index)
	switch {
	case b.of.free != full:
	case s.lent == 0: // nobody knows when it is wanted again
		b.of.empty()
		if s.spare != nil {
			s.spare.empty()
			s.spare = nil
		}
	case s.spare == nil:
		s.spare = b.of
	case s.spare.index < b.of.index:
		b.of.empty()
	default: // the one that is lent from first keeps its memory
		s.spare.empty()
		s.spare = b.of
	}
}

// Lent is how many blocks are out.
func (s *Store) Lent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lent
}

func newSlab(index int) *slab {
	octets, err := unix.Mmap(-1, 0, perSlab*Size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		octets = make([]byte, perSlab*Size) // Go's then; it says so itself when there is none either
	}
	return &slab{octets: octets, free: full, index: index}
}

// empty gives a slab's memory back and keeps its addresses. Where that is refused, memory stays.
func (s *slab) empty() {
	if os.Getpagesize() > perSlab*Size {
		return // its page is others' as well
	}
	if unix.Madvise(s.octets, unix.MADV_DONTNEED) != nil {
		_ = unix.Madvise(s.octets, unix.MADV_DONTNEED_LOCKED) // of a process that is locked in memory; Linux 5.18
	}
}
