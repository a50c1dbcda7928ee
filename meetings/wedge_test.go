package meetings

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

// wrongTag keeps the signature of a commit and breaks its confirmation tag:
// what the server can't see and no member accepts.
func wrongTag(m *Commit) {
	m.Commit = bytes.Clone(m.Commit)
	m.Commit[tail(m)+10] ^= 1
}

// forger signs what it likes, and remembers what it was given to sign.
type forger struct {
	mls.Signer
	signed [][]byte
}

func (f *forger) Sign(message []byte) ([]byte, error) {
	f.signed = append(f.signed, bytes.Clone(message))
	return f.Signer.Sign(message)
}

// badPath breaks the last path ciphertext of a commit and signs it again.
func (f *forger) badPath(t testing.TB, m *Commit) {
	t.Helper()
	// What was signed for a commit (FramedContentTBS, RFC 9420 §6.1) starts as
	// the message does.
	var tbs []byte
	at := -1
	for _, s := range f.signed {
		if i := bytes.Index(s, m.Commit[:64]); i >= 0 {
			tbs, at = s, i
		}
	}
	if at < 0 {
		t.Fatal("the commit was not signed here")
	}
	length := 0
	for length < len(m.Commit) && at+length < len(tbs) && m.Commit[length] == tbs[at+length] {
		length++
	}
	forged := bytes.Clone(tbs)
	forged[at+length-1] ^= 1
	signature, err := f.Signer.Sign(forged)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(m.Commit[:length])
	out[length-1] ^= 1
	out = append(out, 0x40, byte(len(signature)))
	out = append(out, signature...)
	m.Commit = append(out, m.Commit[tail(m):]...)
}

func TestWedgeRestartsWithoutTheCommitter(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	bad := all[2]
	waiting := w.client(5, 1)
	all[0].admits = false
	waiting.join()
	w.pass(time.Second)
	old, words := w.room.call.group, all[0].group.EpochAuthenticator()
	bad.tamper = wrongTag
	bad.say(&Refresh{})
	w.pass(6 * time.Second)
	if bad.closed != CloseRemoved || mustLast[*Removed](t, bad).Reason != RemoveWedged {
		t.Fatalf("the committer was closed with %d", bad.closed)
	}
	w.together(all[0], all[1], all[3])
	if bytes.Equal(w.room.call.group, old) || bytes.Equal(words, all[0].group.EpochAuthenticator()) {
		t.Fatal("the same group")
	}
	if w.room.call.epoch != 1 {
		t.Fatalf("epoch %d: the others did not come in one commit", w.room.call.epoch)
	}
	if !slices.ContainsFunc(all[0].got, func(m Message) bool {
		q, ok := m.(*CommitRequest)
		return ok && q.Restarts != nil && bytes.Equal(q.Restarts.Group, old)
	}) {
		t.Fatal("not bound to the last good epoch")
	}
	if !w.audited(actionCommitWedged, bad.account.String()) && !w.audited(actionCallRestart) {
		t.Fatal("not audited")
	}
	if !w.audited(audit.CallRestarted) {
		t.Fatal("not audited")
	}
	// Who waited in the lobby waits again; who was thrown out knocks like anybody.
	if m := mustLast[*Waiting](t, waiting); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
	bad.tamper = nil
	bad.join()
	w.pass(2 * time.Second)
	if m := mustLast[*Waiting](t, bad); m.Reason != WaitLobby {
		t.Fatalf("waits for %q", m.Reason)
	}
}

func TestBadPathWedges(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	bad := w.client(4, 1)
	f := &forger{Signer: bad.id.Signer}
	bad.id.Signer = f
	bad.join()
	w.pass(3 * time.Second)
	w.together(append(all, bad)...)
	once := true
	bad.tamper = func(m *Commit) {
		if once {
			once = false
			m.GroupInfo = nil // of a state that is not this commit's any more
			f.badPath(t, m)
		}
	}
	bad.say(&Refresh{})
	w.pass(6 * time.Second)
	if bad.closed != CloseRemoved {
		t.Fatalf("closed %d, got %v", bad.closed, types(bad))
	}
	w.together(all...)
}

func TestMinorityReenters(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 6)
	group := w.room.call.group
	all[1].say(&Refresh{})
	w.pass(2 * time.Second)
	commit := mustLast[*Committed](t, all[0])
	for _, c := range []*client{all[4], all[5]} { // two of six are less than half
		c.say(&Wedged{Epoch: commit.Epoch, Commit: commit.Hash, Reason: "path"})
		w.settle()
		c.knock()
		w.pass(2 * time.Second)
	}
	w.together(all...)
	if !bytes.Equal(group, w.room.call.group) {
		t.Fatal("restarted for a minority")
	}
}

func TestReportsFarApartDoNotAddUp(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	group := w.room.call.group
	all[0].say(&Refresh{})
	w.pass(2 * time.Second)
	commit := mustLast[*Committed](t, all[1])
	all[2].say(&Wedged{Epoch: commit.Epoch, Commit: commit.Hash})
	w.pass(5001 * time.Millisecond)
	all[3].say(&Wedged{Epoch: commit.Epoch, Commit: commit.Hash})
	w.settle()
	if w.room.call == nil || !bytes.Equal(group, w.room.call.group) {
		t.Fatal("restarted")
	}
	all[2].knock()
	all[3].knock()
	w.pass(2 * time.Second)
	w.together(all...)
}

func TestFalseReports(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	all[1].say(&Refresh{})
	w.pass(2 * time.Second)
	commit := mustLast[*Committed](t, all[0])
	for _, q := range []*Wedged{
		{Epoch: commit.Epoch, Commit: make(Bytes, 32)},
		{Epoch: commit.Epoch + 1, Commit: commit.Hash},
	} {
		all[2].say(q)
		w.settle()
		if m := mustLast[*Failure](t, all[2]); m.Code != "no-commit" {
			t.Fatalf("code %q", m.Code)
		}
	}
	all[1].say(&Wedged{Epoch: commit.Epoch, Commit: commit.Hash}) // its own commit
	w.settle()
	if m := mustLast[*Failure](t, all[1]); m.Code != "no-commit" {
		t.Fatalf("code %q", m.Code)
	}
	w.together(all...)
}

func TestWedgeWithoutAnotherHost(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	group := w.room.call.group
	all[0].say(&Refresh{})
	w.pass(2 * time.Second)
	commit := mustLast[*Committed](t, all[1])
	// The only host made the commit: no restart, the other re-enters.
	all[1].say(&Wedged{Epoch: commit.Epoch, Commit: commit.Hash, Reason: "path"})
	all[1].knock()
	w.pass(5 * time.Second)
	if w.room.call == nil || !bytes.Equal(w.room.call.group, group) {
		t.Fatal("restarted")
	}
	w.together(all...)
}

func TestRestartNeedsAHostInTime(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	all[0].say(&Change{Hosts: []ID{ID(account(1)), ID(account(2))}})
	w.pass(2 * time.Second)
	bad := all[2]
	all[0].silent = true // the first host that is named does nothing
	bad.tamper = wrongTag
	bad.say(&Refresh{})
	w.pass(500 * time.Millisecond)
	if s := w.room.restart; s == nil || s.creator != all[0].conn {
		t.Fatalf("restart %+v", w.room.restart)
	}
	all[0].silent = false
	w.pass(20 * time.Second)
	w.together(all[0], all[1], all[3])
	if !w.room.call.isHost(account(1)) || w.room.call.members[all[1].group.Own()].leaf != 0 {
		t.Fatal("the second host did not create the group")
	}

	w = newWorld(t, Limits{})
	all = crowd(w, 3)
	all[0].silent = true
	all[1].tamper = wrongTag
	all[1].say(&Refresh{})
	w.pass(20 * time.Second)
	if w.room.call != nil || w.room.restart != nil {
		t.Fatal("a call that no host restarts goes on")
	}
	if mustLast[*Ended](t, all[2]).Reason != "not-restarted" {
		t.Fatalf("got %v", types(all[2]))
	}
}
