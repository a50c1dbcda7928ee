package meetings

import (
	"bytes"
	"time"

	"huisclos/crypto/mls"
)

// ring keeps the latest commits and messages of a call in their one order, for
// members who come back after a short break. It holds what the members saw on
// the wire and nothing else.
type ring struct {
	commits, bytes int           // bounds
	keep           time.Duration // commits after the last of them, messages each

	entries    []ringEntry
	commitSize int // how many entries are commits
	size       int
	lastCommit time.Time
	due        time.Time // of the next expire that finds something; zero if empty
}

// ringMessages bounds the messages beside the commits.
const ringMessages = 1024

type ringEntry struct {
	seq        uint64
	at         time.Time
	epoch      uint64 // of a commit: the epoch it leads to
	from       mls.LeafIndex
	message    Message
	hash       []byte // of a commit
	transcript []byte // of a commit: confirmed transcript hash of the epoch it leads to
	present    int    // of a commit: leaves connected when it was accepted
	size       int
}

func (e *ringEntry) isCommit() bool { return e.hash != nil }

func (r *ring) push(e ringEntry, now time.Time) {
	e.at = now
	if e.isCommit() {
		r.commitSize++
		r.lastCommit = now
	}
	r.size += e.size
	r.entries = append(r.entries, e)
	for len(r.entries) > 0 && (r.commitSize > r.commits || r.size > r.bytes || len(r.entries)-r.commitSize > ringMessages) {
		r.drop()
	}
	if r.due.IsZero() {
		r.due = now.Add(r.keep)
	}
}

func (r *ring) drop() {
	e := r.entries[0]
	if e.isCommit() {
		r.commitSize--
	}
	r.size -= e.size
	r.entries[0] = ringEntry{}
	r.entries = r.entries[1:]
}

// expire forgets what is too old: all commits together, or a gap would stay, and
// each message by itself.
func (r *ring) expire(now time.Time) {
	if r.due.IsZero() || now.Before(r.due) {
		return
	}
	old := r.entries
	r.entries, r.commitSize, r.size, r.due = nil, 0, 0, time.Time{}
	for _, e := range old {
		until := e.at.Add(r.keep)
		if e.isCommit() {
			until = r.lastCommit.Add(r.keep)
		}
		if !now.Before(until) {
			continue
		}
		if e.isCommit() {
			r.commitSize++
		}
		r.size += e.size
		r.entries = append(r.entries, e)
		if r.due.IsZero() || until.Before(r.due) {
			r.due = until
		}
	}
}

// after returns what a member that stands at epoch missed, up to the call's
// epoch current: every commit, and the messages after seq if seq is not zero,
// its own left out. ok is false if a commit is missing.
func (r *ring) after(epoch, current, seq uint64, own mls.LeafIndex) (missed []ringEntry, ok bool) {
	next := epoch + 1
	for _, e := range r.entries {
		switch {
		case e.isCommit() && e.epoch == next:
			missed = append(missed, e)
			next++
		case !e.isCommit() && seq != 0 && e.seq > seq && e.epoch+1 >= next && e.from != own:
			missed = append(missed, e)
		}
	}
	return missed, next == current+1
}

// commit finds an accepted commit by the epoch that it leads to and its hash.
func (r *ring) commit(epoch uint64, hash []byte) *ringEntry {
	for i := len(r.entries) - 1; i >= 0; i-- {
		if e := &r.entries[i]; e.isCommit() && e.epoch == epoch && bytes.Equal(e.hash, hash) {
			return e
		}
	}
	return nil
}

// transcript is the confirmed transcript hash of an epoch, if the commit that
// led to it is still here.
func (r *ring) transcript(epoch uint64) []byte {
	for i := len(r.entries) - 1; i >= 0; i-- {
		if e := &r.entries[i]; e.isCommit() && e.epoch == epoch {
			return e.transcript
		}
	}
	return nil
}

// treeShelf keeps the public trees that joiners still have to fetch.
type treeShelf struct {
	keep  time.Duration
	trees []shelvedTree
}

// shelvedBytes bounds the shelf; the newest tree stays whatever its size.
const shelvedBytes = 32 << 20

type shelvedTree struct {
	epoch    uint64
	until    time.Time
	tree     []byte
	accounts map[mls.AccountID]bool // who may fetch it: everybody in it
}

func (s *treeShelf) put(t shelvedTree, now time.Time) {
	t.until = now.Add(s.keep)
	s.trees = append(s.trees, t)
	size := 0
	for i := len(s.trees) - 1; i >= 0; i-- {
		size += len(s.trees[i].tree)
		if size > shelvedBytes && i < len(s.trees)-1 {
			s.trees = append([]shelvedTree(nil), s.trees[i+1:]...)
			return
		}
	}
}

func (s *treeShelf) expiry() time.Time {
	if len(s.trees) == 0 {
		return time.Time{}
	}
	return s.trees[0].until
}

func (s *treeShelf) expire(now time.Time) {
	for len(s.trees) > 0 && !now.Before(s.trees[0].until) {
		s.trees = append([]shelvedTree(nil), s.trees[1:]...)
	}
}

func (s *treeShelf) get(epoch uint64, account mls.AccountID) ([]byte, bool) {
	for _, t := range s.trees {
		if t.epoch == epoch && t.accounts[account] {
			return t.tree, true
		}
	}
	return nil, false
}
