package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

// Fault says where the log breaks first. Entries before it are as they were recorded.
type Fault struct {
	Sequence uint64
	Reason   string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("audit: the log is not as it was recorded: entry %d: %s", f.Sequence, f.Reason)
}

// Noted is what was written down outside of the database. With any of it, also a log that was rewritten or cut as a whole is found.
type Noted struct {
	Heads []Head
	// Keys are the public keys whose checkpoints count; none: those that stand in the database.
	Keys []keylog.PublicKey
	// Checkpoints are notes of this log, kept elsewhere, with whatever signatures.
	Checkpoints [][]byte
	// Witnesses are keys whose cosignatures count; none: those that are enrolled.
	Witnesses []keylog.PublicKey
}

// A Report is what a verification that found no fault has seen.
type Report struct {
	Head        Head
	Origin      string // the log's name; empty before the first checkpoint
	Keys        []keylog.PublicKey
	Checkpoints int
	// Covered is how many entries the last checkpoint covers: those after it are held by the chain alone.
	Covered Statement
	// Cosigned is how many entries the last cosigned checkpoint covers; Witnesses are those who did.
	Cosigned  uint64
	Witnesses []keylog.Cosignature
	// Unsigned: nobody's key was given nor stands in the log, so that nobody vouches for the root.
	Unsigned bool
	// Notes is how many of the noted heads and checkpoints were compared.
	Notes int
}

// verifyPage is how many entries are read in one transaction, so that verification of a long log keeps no reader open.
const verifyPage = 2000

// Verify is Examine for who has noted nothing but heads, and asks for nothing but the head.
func (l *Log) Verify(ctx context.Context, noted ...Head) (Head, error) {
	r, err := l.Examine(ctx, Noted{Heads: noted}, nil)
	return r.Head, err
}

// Examine reads the whole log: chain, tree, checkpoints and their signatures. It returns what it has seen, or a *Fault at the first
// entry that was altered, moved, removed or put in. Entries recorded while Examine runs are included. progress, if not nil, is told
// how many entries are done.
func (l *Log) Examine(ctx context.Context, noted Noted, progress func(done uint64)) (Report, error) {
	v := verification{log: l, tree: &keylog.Frontier{}, block: newBlock(), noted: noted}
	if err := v.prepare(); err != nil {
		return Report{}, err
	}
	for done := false; !done; {
		if err := ctx.Err(); err != nil {
			return Report{}, fmt.Errorf("audit: verify: %w", err)
		}
		err := l.db.View(func(tx *store.Tx) (err error) {
			done, err = v.page(tx)
			return err
		})
		if err != nil {
			return Report{}, err
		}
		if progress != nil {
			progress(v.last.Sequence)
		}
	}
	for sequence := range v.heads {
		return Report{}, &Fault{sequence, "an entry with this number was noted and is not there"}
	}
	for size := range v.roots {
		return Report{}, &Fault{size, "a checkpoint of this many entries was noted, and there are fewer"}
	}
	v.report.Head = v.last
	return v.report, nil
}

type verification struct {
	log       *Log
	noted     Noted
	heads     map[uint64]Hash
	roots     map[uint64]keylog.Hash // of noted checkpoints
	witnesses []keylog.PublicKey
	last      Head
	tree      *keylog.Frontier
	block     *block // of the entries since the last full one
	report    Report
}

// prepare reads what was noted, and fetches the keys of the log where none was.
func (v *verification) prepare() error {
	v.heads, v.roots = map[uint64]Hash{}, map[uint64]keylog.Hash{}
	for _, h := range v.noted.Heads {
		if other, twice := v.heads[h.Sequence]; twice && other != h.Hash {
			return &Fault{h.Sequence, "two noted heads with this number differ"}
		}
		v.heads[h.Sequence] = h.Hash
	}
	if h, ok := v.heads[0]; ok && h != (Hash{}) {
		return &Fault{0, "a noted head with number 0 has a hash"}
	}
	delete(v.heads, 0)
	v.report.Notes = len(v.heads)
	err := v.log.db.View(func(tx *store.Tx) error {
		v.report.Keys, v.witnesses = v.noted.Keys, v.noted.Witnesses
		if len(v.report.Keys) == 0 {
			keys, err := publicKeys(tx)
			if err != nil {
				return &Fault{0, err.Error()}
			}
			v.report.Keys = keys
		}
		if len(v.witnesses) > 0 {
			return nil
		}
		list, err := witnesses(tx)
		if err != nil {
			return &Fault{0, err.Error()}
		}
		for _, w := range list {
			v.witnesses = append(v.witnesses, w.Key)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, note := range v.noted.Checkpoints {
		s, err := keylog.Open(note, v.report.Keys, v.witnesses)
		if err != nil {
			return fmt.Errorf("audit: a noted checkpoint: %w", err)
		}
		if other, twice := v.roots[s.Size]; twice && other != s.Root {
			return &Fault{s.Size, "two noted checkpoints of this many entries differ"}
		}
		v.roots[s.Size] = s.Root
		v.report.Notes++
	}
	if root, ok := v.roots[0]; ok && root != v.tree.Root() {
		return &Fault{0, "a noted checkpoint of no entries has another root"}
	}
	delete(v.roots, 0)
	return nil
}

// page reads up to verifyPage entries with the rows of the tree and the checkpoints beside them; at the end of the log it compares
// what stands there.
func (v *verification) page(tx *store.Tx) (done bool, err error) {
	from := numbered(v.last.Sequence + 1)
	if v.last.Sequence == 0 {
		from = nil // an entry with number 0 would be found too
	}
	rows, checkpoints := beside(tx, treeBucket, from), beside(tx, checkpointBucket, from)
	n := 0
	tx.Scan(entriesBucket, nil, from, verifyPage, func(k, value []byte) bool {
		n++
		err = v.entry(tx, k, value, rows[string(k)], checkpoints[string(k)])
		return err == nil
	})
	if err != nil || n == verifyPage {
		return false, err
	}
	return true, v.end(tx)
}

// beside are the rows of another bucket for the entries of one page.
func beside(tx *store.Tx, bucket string, from []byte) map[string][]byte {
	rows := map[string][]byte{}
	tx.Scan(bucket, nil, from, verifyPage, func(k, value []byte) bool {
		rows[string(k)] = value
		return true
	})
	return rows
}

// entry checks an entry, what it adds to the tree, and the checkpoint that ends with it, if there is one.
func (v *verification) entry(tx *store.Tx, key, value, row, note []byte) error {
	e, err := verifyEntry(&v.last, key, value)
	if err != nil {
		return err
	}
	here := v.last.Sequence
	if err := v.indexed(tx, e); err != nil {
		return err
	}
	if want, ok := v.heads[here]; ok {
		if want != v.last.Hash {
			return &Fault{here, "its hash is not the one that was noted"}
		}
		delete(v.heads, here)
	}
	if !bytes.Equal(row, keylog.Row(v.tree.Append(keylog.LeafHash(value[len(v.last.Hash):])))) {
		return &Fault{here, "the tree has other hashes than this entry's"}
	}
	if want, ok := v.roots[here]; ok {
		if want != v.tree.Root() {
			return &Fault{here, "the entries up to this one are not those of a checkpoint that was noted"}
		}
		delete(v.roots, here)
	}
	if note == nil {
		return nil
	}
	return v.checkpoint(tx)
}

// indexed checks the index of the block that an entry ends: a search must not pass over what is there.
func (v *verification) indexed(tx *store.Tx, e Entry) error {
	v.block.add(e)
	if e.Sequence%blockSize != 0 {
		return nil
	}
	if !bytes.Equal(tx.Get(blockBucket, numbered(e.Sequence/blockSize-1)), v.block.row()) {
		return &Fault{e.Sequence, fmt.Sprintf("the index of the %d entries up to this one is not theirs: a search may pass over some of them", blockSize)}
	}
	v.block = newBlock()
	return nil
}

// checkpoint checks the one that covers all entries so far.
func (v *verification) checkpoint(tx *store.Tx) error {
	here := v.last.Sequence
	s, err := openCosigned(tx, here, v.report.Keys, v.witnesses)
	switch {
	case errors.Is(err, keylog.ErrUnsigned):
		return &Fault{here, "the checkpoint here is signed by another key than the log's"}
	case err != nil:
		return &Fault{here, "the checkpoint here: " + err.Error()}
	case s.Size != here || s.Root != v.tree.Root():
		return &Fault{here, "the entries up to this one are not those of its checkpoint"}
	case v.report.Origin != "" && v.report.Origin != s.Origin:
		return &Fault{here, "the checkpoint here is that of another log"}
	}
	st, err := statementOf(s.Checkpoint, nil)
	if err != nil {
		return &Fault{here, err.Error()}
	}
	if st.Chain != v.last.Hash {
		return &Fault{here, "the checkpoint here is of another chain"}
	}
	v.report.Origin, v.report.Covered = s.Origin, st
	v.report.Checkpoints++
	if len(s.Witnesses) > 0 {
		v.report.Cosigned, v.report.Witnesses = here, s.Witnesses
	}
	return nil
}

// end checks that nothing but the last entry is the end of everything.
func (v *verification) end(tx *store.Tx) error {
	head, err := readHead(tx)
	if err != nil {
		return &Fault{v.last.Sequence, err.Error()}
	}
	next := v.last.Sequence + 1
	if head != v.last {
		return &Fault{next, fmt.Sprintf("the log ends here, its head says entry %d", head.Sequence)}
	}
	for bucket, what := range map[string]string{treeBucket: "the tree", checkpointBucket: "a checkpoint", cosignedBucket: "a cosigned checkpoint"} {
		var beyond uint64
		tx.ScanBack(bucket, nil, nil, 1, func(k, _ []byte) bool {
			beyond = sequenceOf(k[:min(len(k), 8)])
			return true
		})
		if beyond >= next {
			return &Fault{next, fmt.Sprintf("the log ends here, %s says entry %d", what, beyond)}
		}
	}
	var blocks uint64
	tx.ScanBack(blockBucket, nil, nil, 1, func(k, _ []byte) bool {
		blocks = sequenceOf(k) + 1
		return true
	})
	if blocks > v.last.Sequence/blockSize {
		return &Fault{next, "the log ends here, its index says more"}
	}
	v.report.Unsigned = v.report.Checkpoints == 0
	return nil
}

// verifyEntry checks one stored entry against the one before and makes it the last.
func verifyEntry(last *Head, key, value []byte) (Entry, error) {
	want := last.Sequence + 1
	e, err := decode(key, value)
	if err != nil {
		return Entry{}, &Fault{want, err.Error()}
	}
	stored := binary.BigEndian.Uint64(key)
	switch {
	case stored != want:
		return Entry{}, &Fault{want, fmt.Sprintf("it is missing, the next one is %d", stored)}
	case e.Sequence != want:
		return Entry{}, &Fault{want, fmt.Sprintf("it was recorded as entry %d", e.Sequence)}
	case e.Previous != last.Hash:
		return Entry{}, &Fault{want, "it does not follow the entry before it"}
	}
	hash := chain(last.Hash, value[len(last.Hash):])
	if !bytes.Equal(hash[:], value[:len(hash)]) {
		return Entry{}, &Fault{want, "its content was altered"}
	}
	*last = Head{want, hash}
	return e, nil
}
