package meetings

import (
	"fmt"
	"testing"
	"time"

	"huisclos/crypto/mls"
)

func TestRing(t *testing.T) {
	r := &ring{commits: 3, bytes: 100, keep: 30 * time.Second}
	seq := uint64(0)
	commit := func(epoch uint64, at time.Time) {
		seq++
		r.push(ringEntry{seq: seq, epoch: epoch, hash: []byte{byte(epoch)}, transcript: []byte{byte(epoch)}, size: 10}, at)
	}
	message := func(epoch uint64, from mls.LeafIndex, at time.Time) {
		seq++
		r.push(ringEntry{seq: seq, epoch: epoch, from: from, size: 5}, at)
	}
	commit(1, start)               // 1
	message(1, 0, start)           // 2
	message(1, 1, start)           // 3
	commit(2, start.Add(20e9))     // 4
	message(2, 0, start.Add(25e9)) // 5
	for _, tc := range []struct {
		epoch, current, seq uint64
		own                 mls.LeafIndex
		want                string
		ok                  bool
	}{
		{0, 2, 0, 9, "1 4", true},
		{0, 2, 1, 9, "1 2 3 4 5", true},
		{1, 2, 2, 9, "3 4 5", true},
		{1, 2, 1, 1, "2 4 5", true}, // not its own
		{2, 2, 4, 9, "5", true},
		{2, 2, 0, 9, "", true},
		{1, 3, 0, 9, "4", false}, // a commit is missing
		{3, 2, 0, 9, "", false},  // ahead of the call
	} {
		missed, ok := r.after(tc.epoch, tc.current, tc.seq, tc.own)
		got := ""
		for i, e := range missed {
			if i > 0 {
				got += " "
			}
			got += fmt.Sprint(e.seq)
		}
		if ok != tc.ok || (ok && got != tc.want) {
			t.Errorf("after(%d, %d, %d): %q %v, want %q %v", tc.epoch, tc.current, tc.seq, got, ok, tc.want, tc.ok)
		}
	}
	if r.commit(2, []byte{2}) == nil || r.commit(2, []byte{1}) != nil || r.commit(3, []byte{3}) != nil {
		t.Error("commit found by the wrong hash")
	}
	// Messages go one by one, commits together, 30 s after the last of them.
	r.expire(start.Add(31 * time.Second))
	if len(r.entries) != 3 || r.commitSize != 2 || r.size != 25 {
		t.Errorf("%d entries, %d commits, %d bytes", len(r.entries), r.commitSize, r.size)
	}
	r.expire(start.Add(51 * time.Second))
	if len(r.entries) != 1 || r.commitSize != 0 {
		t.Errorf("%d entries, %d commits", len(r.entries), r.commitSize)
	}
	r.expire(start.Add(time.Minute))
	if len(r.entries) != 0 || r.size != 0 || !r.due.IsZero() {
		t.Error("something is left")
	}
	// Bounds.
	for e := range uint64(10) {
		commit(e+3, start)
	}
	if r.commitSize != 3 || r.entries[0].epoch != 10 {
		t.Errorf("%d commits from epoch %d", r.commitSize, r.entries[0].epoch)
	}
	for range 40 {
		message(12, 0, start)
	}
	if r.size > 100 {
		t.Errorf("%d bytes", r.size)
	}
	if _, ok := r.after(9, 12, 0, 0); ok {
		t.Error("replays over a gap")
	}
}

func TestTreeShelf(t *testing.T) {
	s := &treeShelf{keep: time.Minute}
	in := map[mls.AccountID]bool{account(1): true}
	s.put(shelvedTree{epoch: 1, tree: make([]byte, shelvedBytes), accounts: in}, start)
	if _, ok := s.get(1, account(2)); ok {
		t.Error("a tree for somebody outside")
	}
	if _, ok := s.get(1, account(1)); !ok {
		t.Error("the newest tree is gone")
	}
	s.put(shelvedTree{epoch: 2, tree: []byte{2}, accounts: in}, start.Add(time.Second))
	if _, ok := s.get(1, account(1)); ok {
		t.Error("more than the bound is kept")
	}
	s.expire(start.Add(60 * time.Second))
	if _, ok := s.get(2, account(1)); !ok {
		t.Error("gone too early")
	}
	s.expire(start.Add(61 * time.Second))
	if _, ok := s.get(2, account(1)); ok || !s.expiry().IsZero() {
		t.Error("kept too long")
	}
}
