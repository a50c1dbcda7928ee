package meetings

import (
	"bytes"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

func TestRecoveryWindow(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	w.restartServer()
	all[0].resume()
	if s := mustLast[*RoomStatus](t, all[0]); s.State != StateRecover {
		t.Fatalf("state %q", s.State)
	}
	late := w.client(9, 1)
	late.join()
	all[1].resume()
	all[2].resume()
	w.pass(2900 * time.Millisecond)
	if w.room.call != nil {
		t.Fatal("the window closed early")
	}
	second := w.client(1, 2)
	second.connect(Hello{})
	second.offer(second.rules(), nil)
	w.settle()
	if m := mustLast[*Failure](t, second); m.Code != "recover" {
		t.Fatalf("code %q", m.Code)
	}
	w.pass(3 * time.Second)
	second.knock()
	w.pass(3 * time.Second)
	w.together(append(all, late, second)...)
}

func TestServerRestartsAndTheCallGoesOn(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	group, epoch, words := w.room.call.group, w.room.call.epoch, all[0].group.EpochAuthenticator()
	w.restartServer()
	for _, c := range all[:3] {
		c.resume()
	}
	w.pass(3 * time.Second)
	call := w.room.call
	if call == nil || !bytes.Equal(call.group, group) || call.epoch != epoch {
		t.Fatal("another group or epoch")
	}
	for _, c := range all[:3] {
		if count[*Recovered](c) != 1 || count[*Reenter](c) != 0 || !bytes.Equal(words, c.group.EpochAuthenticator()) {
			t.Fatalf("%s got %v", c.name, types(c))
		}
	}
	if !w.audited(audit.CallRecovered) || len(w.peers) != 3 {
		t.Fatal("not recovered")
	}
	// One comes late, to the same state.
	all[3].resume()
	w.together(all...)
	if count[*Recovered](all[3]) != 1 || mustLast[*RoomStatus](t, all[3]).State != StateRecover {
		t.Fatalf("got %v", types(all[3]))
	}
	// And the call can be changed again.
	late := w.client(9, 1)
	late.join()
	w.pass(2 * time.Second)
	w.together(append(all, late)...)
}

// A client that is connected but has not answered yet differs from nobody.
func TestRecoveryDoesNotThrowOutWhoAnswersSlowly(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	epoch := w.room.call.epoch
	w.restartServer()
	all[2].slow = true
	for _, c := range all {
		c.resume()
	}
	w.pass(4 * time.Second)
	all[2].handBack()
	w.pass(time.Second)
	if w.room.call.epoch != epoch || count[*Reenter](all[2]) != 0 || count[*Recovered](all[2]) != 1 {
		t.Fatalf("epoch %d of %d, got %v", w.room.call.epoch, epoch, types(all[2]))
	}
	w.together(all...)
}

func TestRestartWithoutOneMember(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	w.restartServer()
	all[0].resume()
	all[1].resume()
	w.pass(40 * time.Second)
	w.together(all[0], all[1])
}

// Two members committed in one epoch, each accepted by a server that died.
func TestRestartWithAFork(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	fork, err := all[3].group.Commit(mls.CommitOptions{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	ahead := all[3]
	ahead.enter(fork.Next)
	w.restartServer()
	for _, c := range all {
		c.resume()
	}
	w.pass(6 * time.Second)
	if count[*Reenter](ahead) != 1 {
		t.Fatalf("got %v", types(ahead))
	}
	w.together(all...)
}

func TestLateForkReenters(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	fork, err := all[3].group.Commit(mls.CommitOptions{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	all[3].enter(fork.Next)
	w.restartServer()
	for _, c := range all[:3] {
		c.resume()
	}
	w.pass(4 * time.Second)
	all[1].say(&Refresh{})
	w.pass(2 * time.Second)
	// The same epoch number, another history.
	if all[3].group.Epoch() != w.room.call.epoch {
		t.Fatal("not the same epoch")
	}
	all[3].resume()
	w.pass(3 * time.Second)
	if count[*Reenter](all[3]) != 1 {
		t.Fatalf("got %v", types(all[3]))
	}
	w.together(all...)
}

func TestLateMemberOfARecoveredCallGetsItsCommits(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	w.restartServer()
	for _, c := range all[:3] {
		c.resume()
	}
	w.pass(4 * time.Second)
	for range 2 {
		all[1].say(&Refresh{})
		w.pass(2 * time.Second)
	}
	all[3].resume()
	w.together(all...)
	all[3].drop()
	all[2].say(&Refresh{})
	w.pass(2 * time.Second)
	all[3].resume()
	w.together(all...)
}

func TestRecoveryRefuses(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	w.restartServer()
	// Somebody outside claims a group of his own, and one whom he copied.
	thief := w.client(7, 1)
	own := thief.rules()
	own.Hosts = append(own.Hosts, thief.account)
	thief.newGroup(own)
	for _, c := range all {
		c.resume()
	}
	thief.resume()
	copied := w.client(8, 1)
	copied.group = all[0].group // only to have a state to hand in
	copied.resume()
	if m := mustLast[*Failure](t, copied); m.Code != "not-member" {
		t.Fatalf("code %q", m.Code)
	}
	foreign := w.client(1, 8)
	rules := foreign.rules()
	rules.ID = mls.RoomID{77}
	foreign.newGroup(rules)
	foreign.resume()
	if m := mustLast[*Failure](t, foreign); m.Code != "other-room" {
		t.Fatalf("code %q", m.Code)
	}
	thief.knocks, copied.knocks, foreign.knocks = false, false, false
	w.pass(5 * time.Second)
	w.together(all...)
}

func TestNothingToRecover(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	w.restartServer()
	w.now = w.now.Add(2 * time.Minute) // past RecoverUntil
	all[0].resume()
	if count[*Ended](all[0]) != 1 || mustLast[*RoomStatus](t, all[0]).State != StateEmpty {
		t.Fatalf("got %v", types(all[0]))
	}

	// A call that this server saw end can't be revived.
	w = newWorld(t, Limits{RecoverUntil: start.Add(time.Hour)})
	all = crowd(w, 2)
	kept := all[1].group
	w.apply(EndCall{By: account(1)})
	all[1].drop()
	all[1].group = kept
	all[1].resume()
	w.pass(4 * time.Second)
	if w.room.call != nil || w.room.recovery != nil {
		t.Fatal("revived")
	}

	// Nobody hands a state in.
	w = newWorld(t, Limits{RecoverUntil: start.Add(time.Hour)})
	mute := w.client(1, 1)
	mute.newGroup(mute.rules())
	mute.connect(Hello{})
	mute.drop()
	w.conns++
	mute.conn, mute.open = "mute", true
	w.clients["mute"] = mute
	w.apply(Connected{"mute", Visitor{Account: mute.account, Name: mute.name}})
	w.apply(Received{Conn: "mute", Request: &Hello{Protocol: ProtocolVersion, Device: ID(mute.device), SignatureKey: mute.id.Signer.PublicKey(),
		Resume: &Position{Group: mute.group.ID()}}})
	w.queue = nil // it never answers
	w.pass(4 * time.Second)
	if mustLast[*Ended](t, mute).Reason != "not-recovered" {
		t.Fatalf("got %v", types(mute))
	}
}
