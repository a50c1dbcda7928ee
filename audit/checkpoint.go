package audit

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"huisclos/crypto/keylog"
	"huisclos/store"
)

const (
	checkpointBucket = "audit.checkpoints" // size (8 bytes, big endian) → signed note; they are kept for ever

	// A checkpoint is signed after so many entries or so much time since the one before, whichever comes first: what somebody who
	// takes the machine over may still cut off unnoticed is at most that. One is about 300 bytes: at most 30 MB a year.
	checkpointEntries = 512
	checkpointAfter   = 5 * time.Minute

	// The lines of a checkpoint that are ours: when it was signed, and the hash of its last entry, so that the chain hangs on it too.
	timeLine  = "time "
	chainLine = "chain "
)

// Statement is a checkpoint of this log, as it was signed.
type Statement struct {
	Size  uint64 // entries that it covers
	Time  time.Time
	Chain Hash // of its last entry
	Note  []byte
}

// Due reports whether it is time for a checkpoint.
func (s *Signer) Due(now time.Time) (bool, error) {
	var due bool
	err := s.log.db.View(func(tx *store.Tx) error {
		head, err := readHead(tx)
		if err != nil {
			return err
		}
		last, err := lastStatement(tx)
		if err != nil {
			return err
		}
		new := head.Sequence - min(last.Size, head.Sequence)
		// A clock that was set back does not put the next one off.
		due = new > 0 && (new >= checkpointEntries || last.Size == 0 || now.Sub(last.Time).Abs() >= checkpointAfter)
		return nil
	})
	return due, err
}

// Sign signs the log as it is now, unless the last checkpoint covers all of it, and returns the last one.
func (s *Signer) Sign(now time.Time) (st Statement, err error) {
	err = s.log.db.Update(func(tx *store.Tx) error {
		head, err := readHead(tx)
		if err != nil {
			return err
		}
		if st, err = lastStatement(tx); err != nil || st.Size == head.Sequence {
			return err
		}
		if st.Size > head.Sequence {
			return fmt.Errorf("audit: the log has %d entries, and a checkpoint of %d: it was cut", head.Sequence, st.Size)
		}
		root, err := keylog.Root(head.Sequence, subtrees(tx))
		if err != nil {
			return err
		}
		now := now.UTC().Truncate(time.Second)
		note, err := s.key.Sign(keylog.Checkpoint{Origin: s.key.Public().Name(), Size: head.Sequence, Root: root,
			Extra: []string{timeLine + now.Format(time.RFC3339), chainLine + head.Hash.String()}})
		if err != nil {
			return err
		}
		st = Statement{Size: head.Sequence, Time: now, Chain: head.Hash, Note: note}
		return tx.Put(checkpointBucket, numbered(st.Size), note)
	})
	return st, err
}

// Last returns the last checkpoint; its Size is 0 where there is none.
func (l *Log) Last() (st Statement, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		st, err = lastStatement(tx)
		return err
	})
	return st, err
}

func lastStatement(tx *store.Tx) (st Statement, err error) {
	tx.ScanBack(checkpointBucket, nil, nil, 1, func(_, v []byte) bool {
		st, err = parseStatement(v)
		return true
	})
	return st, err
}

// parseStatement reads a note of this log. It does not check its signature.
func parseStatement(note []byte) (Statement, error) {
	c, err := keylog.Peek(note)
	if err != nil {
		return Statement{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	return statementOf(c, note)
}

func statementOf(c keylog.Checkpoint, note []byte) (st Statement, err error) {
	st = Statement{Size: c.Size, Note: note}
	found := 0
	for _, line := range c.Extra {
		if text, ok := strings.CutPrefix(line, timeLine); ok {
			found++
			if st.Time, err = time.Parse(time.RFC3339, text); err != nil {
				return Statement{}, fmt.Errorf("audit: checkpoint: %w", err)
			}
		}
		if text, ok := strings.CutPrefix(line, chainLine); ok {
			found++
			if st.Chain, err = ParseHash(text); err != nil {
				return Statement{}, err
			}
		}
	}
	if found != 2 {
		return Statement{}, fmt.Errorf("audit: the checkpoint of %d entries says not when, or not of which chain", c.Size)
	}
	return st, nil
}

// Growth returns the last checkpoint with the proof that the log only grew since it had old entries: what a witness is given.
func (l *Log) Growth(old uint64) (g keylog.Growth, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		last, err := lastStatement(tx)
		if err != nil {
			return err
		}
		if last.Size == 0 || old > last.Size {
			return ErrNoCheckpoint
		}
		proof, err := keylog.ProveConsistency(last.Size, old, subtrees(tx))
		g = keylog.Growth{Old: old, Proof: proof, Note: last.Note}
		return err
	})
	return g, err
}

func sequenceOf(key []byte) uint64 {
	if len(key) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(key)
}
