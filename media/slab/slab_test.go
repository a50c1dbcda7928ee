package slab

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// TestBlocksAreOneOwners: whatever the order of taking and giving back, no two blocks that are lent share an octet, and all
// slabs empty from the end.
func TestBlocksAreOneOwners(t *testing.T) {
	var s Store
	type lent struct {
		Block
		mark byte
	}
	var out []lent
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		most := 200
		if i/2000%2 == 1 {
			most = 20
		}
		if len(out) == 0 || len(out) < most && random.IntN(3) > 0 {
			b := lent{s.Take(), byte(random.Uint32())}
			octets := b.Octets()
			if len(octets) != Size || cap(octets) != Size {
				t.Fatalf("a block has %d octets, room for %d", len(octets), cap(octets))
			}
			for i := range octets {
				octets[i] = b.mark
			}
			out = append(out, b)
			continue
		}
		n := random.IntN(len(out))
		for i, o := range out[n].Octets() {
			if o != out[n].mark {
				t.Fatalf("octet %d of a block was written by another owner", i)
			}
		}
		s.Give(out[n].Block)
		out[n] = out[len(out)-1]
		out = out[:len(out)-1]
		if s.Lent() != len(out) {
			t.Fatalf("%d blocks are lent, the store says %d", len(out), s.Lent())
		}
	}
	if most := (200 + perSlab - 1) / perSlab; len(s.slabs) > most {
		t.Errorf("%d slabs for 200 blocks, want at most %d", len(s.slabs), most)
	}
	for _, b := range out {
		s.Give(b.Block)
	}
	if b := s.Take(); b.of != s.slabs[0] {
		t.Error("a store that has all blocks back does not lend from its first slab")
	}
}

// TestMemoryGoesBack: what the process has in memory falls when blocks are given back, and the store keeps one slab at most.
func TestMemoryGoesBack(t *testing.T) {
	const slabs, slack = 256, 2 << 20 // 16 MiB of blocks; what else the process does meanwhile
	var s Store
	none := resident(t)
	var out []Block
	for range slabs * perSlab {
		b := s.Take()
		for i := range b.Octets() {
			b.Octets()[i] = 1
		}
		out = append(out, b)
	}
	all := resident(t)
	if all-none < slabs*perSlab*Size-slack {
		t.Fatalf("%d octets are in memory with all blocks, %d without", all, none)
	}
	for _, b := range out[1:] {
		s.Give(b)
	}
	if after := resident(t); after-none > slack {
		t.Errorf("with one block lent %d octets are in memory, were %d", after, all)
	}
	s.Give(out[0])
	if b := s.Take(); b.Octets()[0] != 0 {
		t.Error("a store that has all blocks back keeps memory")
	}
}

// resident is how much of the process is in memory and no file's, in octets.
func resident(t *testing.T) (octets int) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, after, _ := strings.Cut(string(status), "RssAnon:")
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}

// TestGivenBackTwice: a block that two give back would be lent to two.
func TestGivenBackTwice(t *testing.T) {
	var s Store
	b := s.Take()
	s.Give(b)
	defer func() {
		if recover() == nil {
			t.Error("it was taken back")
		}
	}()
	s.Give(b)
}

// TestStoreAllocatesNothing: once there are slabs, also when they empty.
func TestStoreAllocatesNothing(t *testing.T) {
	var s Store
	var out [40]Block
	round := func() {
		for i := range out {
			out[i] = s.Take()
			out[i].Octets()[0] = 1
		}
		for _, b := range out {
			s.Give(b)
		}
	}
	round()
	if n := testing.AllocsPerRun(100, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
}

// TestManyTakers: rings of several calls take and give at once.
func TestManyTakers(t *testing.T) {
	var s Store
	var takers sync.WaitGroup
	for taker := range 4 {
		takers.Go(func() {
			var out []Block
			for i := range 2000 {
				b := s.Take()
				b.Octets()[i%Size] = byte(taker)
				if out = append(out, b); len(out) == 30 {
					for _, b := range out {
						s.Give(b)
					}
					out = out[:0]
				}
			}
			for _, b := range out {
				s.Give(b)
			}
		})
	}
	takers.Wait()
	if s.Lent() != 0 {
		t.Errorf("%d blocks are lent when all are back", s.Lent())
	}
}
