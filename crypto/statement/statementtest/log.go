// Package statementtest is a key log in memory, for tests of what goes by one. Only tests import it.
package statementtest

import (
	"crypto/rand"
	"fmt"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// Log is one. Its methods panic where a real one would return an error: a test can't go on.
type Log struct {
	key     *keylog.Key
	records [][]byte
	rows    rows
}

type rows [][]keylog.Hash // for each record, the hashes of the subtrees that it completes

// Subtree is keylog.Reader.
func (r rows) Subtree(level int, n uint64) (keylog.Hash, error) {
	last := keylog.LastOf(level, n)
	if last >= uint64(len(r)) {
		return keylog.Hash{}, fmt.Errorf("no subtree %d of level %d", n, level)
	}
	return r[last][level], nil
}

// New is an empty log with a key of its own.
func New() *Log {
	key, err := keylog.NewKey("huisclos.devices/test", keylog.Log, rand.Reader)
	must(err)
	return &Log{key: key}
}

// Fork is the log as it was after size records, with the same key: what a server has that shows two people two logs, or that was
// restored from a backup.
func (l *Log) Fork(size int) *Log {
	return &Log{key: l.key, records: l.records[:size:size], rows: l.rows[:size:size]}
}

// Public is the log's key.
func (l *Log) Public() keylog.PublicKey { return l.key.Public() }

// Size is how many records it has.
func (l *Log) Size() uint64 { return uint64(len(l.records)) }

// Append adds a record.
func (l *Log) Append(s statement.Statement) (index uint64) {
	record := s.Marshal()
	index = l.Size()
	hashes, err := keylog.Completed(index, keylog.LeafHash(record), l.rows)
	must(err)
	l.records, l.rows = append(l.records, record), append(l.rows, hashes)
	return index
}

// Note is the checkpoint now, signed.
func (l *Log) Note() []byte {
	root, err := keylog.Root(l.Size(), l.rows)
	must(err)
	note, err := l.key.Sign(keylog.Checkpoint{Origin: l.key.Public().Name(), Size: l.Size(), Root: root})
	must(err)
	return note
}

// Inscribe adds the statement of a device, and answers as a server does to one that has seen since records.
func (l *Log) Inscribe(account mls.AccountID, device mls.DeviceID, key []byte, since uint64) statement.Answer {
	const at = 1_700_000_000
	return l.Answer(l.Append(statement.Statement{Kind: statement.Device, Account: account, Device: device, Key: key, Time: at}), at, since)
}

// Answer is what a server says now about record index.
func (l *Log) Answer(index, at, since uint64) statement.Answer {
	proof, err := keylog.ProveInclusion(l.Size(), index, l.rows)
	must(err)
	a := statement.Answer{Log: l.key.Public().String(), Index: index, Time: at, Note: l.Note(), Proof: proof}
	if since > 0 && since < l.Size() {
		a.Growth, err = keylog.ProveConsistency(l.Size(), since, l.rows)
		must(err)
	}
	return a
}

// Growth is the proofs between neighbouring sizes.
func (l *Log) Growth(sizes []uint64) (proofs [][]keylog.Hash) {
	for i := 1; i < len(sizes); i++ {
		proof, err := keylog.ProveConsistency(sizes[i], sizes[i-1], l.rows)
		must(err)
		proofs = append(proofs, proof)
	}
	return proofs
}

// Vouch inscribes a device and returns what its leaf shows.
func (l *Log) Vouch(account mls.AccountID, device mls.DeviceID, key []byte) (statement.View, uint64, statement.Evidence) {
	a := l.Inscribe(account, device, key, 0)
	view, evidence, err := statement.Enter(nil, statement.Statement{Account: account, Device: device, Key: key}, a)
	must(err)
	return view, a.Index, evidence
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
