package audit

import (
	"encoding/binary"
	"fmt"
	"time"

	"huisclos/store"
)

// The index lets a search pass over most of a long log. For each block of entries that is full it keeps between which times they lie, and
// a Bloom filter of what they can be looked for by: a search reads only blocks whose filter has all that it asks for. A filter never
// leaves out what is there; of what is not there it lets about one block in a hundred pass. It is written once, with the last entry of
// its block, and costs 4 octets an entry.
const (
	blockBucket = "audit.blocks" // number of the block, 0, 1, 2 … (8 bytes, big endian) → earliest and latest second (8 bytes each) ‖ filter
	blockSize   = 1024
	// With 3 terms that no other entry of its block has, an entry has 10 bits of the filter for each: 6 of them are set.
	filterBytes = 4000
	filterMarks = 6
)

// AddIndex is this package's third migration: it makes the index over the entries that stand already.
func AddIndex(tx *store.Tx) error {
	if err := tx.CreateBucket(blockBucket); err != nil {
		return err
	}
	b := newBlock()
	var failed error
	tx.Scan(entriesBucket, nil, nil, 0, func(k, v []byte) bool {
		var e Entry
		if e, failed = decode(k, v); failed != nil {
			return false
		}
		b.add(e)
		if sequence := sequenceOf(k); sequence%blockSize == 0 {
			failed = tx.Put(blockBucket, numbered(sequence/blockSize-1), b.row())
			b = newBlock()
		}
		return failed == nil
	})
	return failed
}

// index closes the block that ends with the entry of that sequence, if one does, within tx.
func index(tx *store.Tx, sequence uint64) error {
	if sequence%blockSize != 0 {
		return nil
	}
	b := newBlock()
	var failed error
	n := 0
	tx.Scan(entriesBucket, nil, numbered(sequence-blockSize+1), blockSize, func(k, v []byte) bool {
		var e Entry
		if e, failed = decode(k, v); failed == nil {
			b.add(e)
			n++
		}
		return failed == nil
	})
	if failed == nil && n != blockSize {
		failed = fmt.Errorf("audit: of the %d entries up to %d there are %d", blockSize, sequence, n)
	}
	if failed != nil {
		return failed
	}
	return tx.Put(blockBucket, numbered(sequence/blockSize-1), b.row())
}

// block is the index of a block of entries.
type block struct {
	from, to int64 // seconds since 1970
	filter   []byte
}

func newBlock() *block {
	return &block{from: 1<<63 - 1, to: -1 << 63, filter: make([]byte, filterBytes)}
}

func (b *block) add(e Entry) {
	b.from, b.to = min(b.from, e.Time.Unix()), max(b.to, e.Time.Unix())
	for i, c := range []byte(e.Action) {
		if c == '.' {
			b.mark(actionTerm(string(e.Action[:i+1]))) // its family
		}
	}
	b.mark(actionTerm(string(e.Action)))
	b.mark(resultTerm(e.Result))
	b.mark(nameTerm(e.Actor))
	b.mark(nameTerm(e.Object))
	for _, v := range e.Detail {
		b.mark(nameTerm(v))
	}
}

// Terms of different kinds never meet.
func actionTerm(a string) string { return "a" + a }
func resultTerm(r Result) string { return "r" + string(r) }
func nameTerm(s string) string   { return "n" + s } // of whoever acted, or was acted upon, or is named

// places are where a term is marked: double hashing (Kirsch, Mitzenmacher 2006) with FNV-1a of 64 bits.
func places(term string) (list [filterMarks]uint32) {
	h := uint64(14695981039346656037)
	for _, c := range []byte(term) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>33) * 0xff51afd7ed558ccd // short terms differ in few bits: the finaliser of MurmurHash3 spreads them
	h ^= h >> 33
	first, step := uint32(h), uint32(h>>32)|1
	for i := range list {
		list[i] = (first + uint32(i)*step) % (8 * filterBytes)
	}
	return list
}

func (b *block) mark(term string) {
	for _, at := range places(term) {
		b.filter[at/8] |= 1 << (at % 8)
	}
}

func (b *block) has(term string) bool {
	for _, at := range places(term) {
		if b.filter[at/8]&(1<<(at%8)) == 0 {
			return false
		}
	}
	return true
}

func (b *block) row() []byte {
	row := binary.BigEndian.AppendUint64(make([]byte, 0, 16+filterBytes), uint64(b.from))
	return append(binary.BigEndian.AppendUint64(row, uint64(b.to)), b.filter...)
}

// readBlock returns the index of a block; nil where it has none: the block is not full, or its index is damaged.
func readBlock(tx *store.Tx, number uint64) *block {
	row := tx.Get(blockBucket, numbered(number))
	if len(row) != 16+filterBytes {
		return nil
	}
	return &block{int64(binary.BigEndian.Uint64(row)), int64(binary.BigEndian.Uint64(row[8:])), row[16:]}
}

// passes reports whether no entry of the block is looked for.
func (b *block) passes(q Query) bool {
	switch {
	case !q.From.IsZero() && b.to < q.From.Unix(), !q.To.IsZero() && b.from > q.To.Unix(),
		q.Action != "" && !b.has(actionTerm(q.Action)), q.Result != "" && !b.has(resultTerm(q.Result)), q.Object != "" && !b.has(nameTerm(q.Object)):
		return true
	}
	for _, p := range q.Persons {
		if b.has(nameTerm(p)) {
			return false
		}
	}
	return len(q.Persons) > 0
}

// earliest is the time of the block's first second.
func (b *block) earliest() time.Time { return time.Unix(b.from, 0).UTC() }

// indexed reports whether a query is answered faster with the index.
func (q Query) indexed() bool {
	return q.Action != "" || q.Result != "" || q.Object != "" || len(q.Persons) > 0 || !q.From.IsZero() || !q.To.IsZero()
}
