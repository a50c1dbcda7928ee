package meetings

import (
	"bytes"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

func failed(t *testing.T, c *client, q Request, code string) {
	t.Helper()
	c.say(q)
	c.w.settle()
	if m := mustLast[*Failure](t, c); m.Code != code {
		t.Fatalf("%T: code %q, want %q", q, m.Code, code)
	}
}

func TestRequestsThatComeToNothing(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	host, guest := all[0], all[1]
	outside := w.client(3, 1)
	outside.connect(Hello{})
	yes := true
	failed(t, outside, &Refresh{}, "not-member")
	failed(t, outside, &Commit{}, "not-member")
	failed(t, outside, &Change{Locked: &yes}, "not-member")
	failed(t, outside, &Wedged{}, "not-member")
	failed(t, outside, &GroupState{}, "not-asked")
	failed(t, guest, &Deny{Knock: "k1"}, "not-host")
	failed(t, host, &Deny{Knock: "k99"}, "no-knock")
	failed(t, host, &Remove{Leaf: 99}, "no-leaf")
	failed(t, host, &Remove{Leaf: host.group.Own()}, "own-leaf")
	failed(t, host, &Change{}, "empty")
	for _, c := range all {
		c.silent = true
	}
	for range maxChanges {
		host.say(&Change{Locked: &yes})
	}
	failed(t, host, &Change{Locked: &yes}, "busy")
	// Asked, not made in time: dropped, and said so.
	w.pass(30 * time.Second)
	if m := mustLast[*Failure](t, host); m.Code != "timeout" || len(w.room.call.changes) != 0 {
		t.Fatalf("code %q, %d changes", m.Code, len(w.room.call.changes))
	}
	w.together(all...)
}

func TestAdmittedIsNotDenied(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	all[0].silent, all[1].silent = true, true
	late := w.client(3, 1)
	late.join()
	w.pass(time.Second)
	failed(t, all[0], &Deny{Knock: late.w.room.knocks[0].id}, "admitted")
}

func TestOtherVersionIsToldToReload(t *testing.T) {
	w := newWorld(t, Limits{})
	c := w.client(1, 1)
	w.conns++
	c.conn, c.open = "old", true
	w.clients["old"] = c
	w.apply(Connected{"old", Visitor{Account: c.account}})
	w.apply(Received{Conn: "old", Request: &Hello{Protocol: 1}})
	if c.closed != CloseReload {
		t.Fatalf("closed with %d", c.closed)
	}
	// Anything before hello is a fault.
	w.conns++
	c.conn, c.open = "rude", true
	w.clients["rude"] = c
	w.apply(Connected{"rude", Visitor{Account: c.account}})
	w.apply(Received{Conn: "rude", Request: &Leave{}})
	if c.closed != CloseBadMessage {
		t.Fatalf("closed with %d", c.closed)
	}
	c.connect(Hello{})
	c.hello(Hello{})
	if c.closed != CloseBadMessage {
		t.Fatalf("a second hello: closed with %d", c.closed)
	}
}

// A machine that carries no further call says so; what is in progress goes on and takes people in.
func TestNoRoomForAnotherCall(t *testing.T) {
	w := newWorld(t, Limits{})
	w.busy = true
	host := w.client(1, 1)
	host.connect(Hello{})
	failed(t, host, host.created(host.rules()), "capacity")
	if w.room.call != nil || !w.audited(actionCallRefused) {
		t.Fatal("begun, or refused without a trace")
	}
	// So does an appliance that begins none because it is about to be taken down.
	w.busy, w.draining = false, true
	failed(t, host, host.created(host.rules()), "draining")
	// And one whose audit log can't be written: an entry nobody would know of.
	w.draining, w.unrecorded = false, true
	failed(t, host, host.created(host.rules()), codeUnrecorded)
	w.unrecorded, host.admits = false, true
	host.offer(host.rules(), nil)
	w.settle()
	w.busy, w.draining = true, true
	guest := w.client(2, 1)
	guest.join()
	w.pass(2 * time.Second)
	w.together(host, guest)
}

func TestFullCall(t *testing.T) {
	// ASVS 2.3.2
	w := newWorld(t, Limits{Members: 3})
	all := crowd(w, 3)
	late := w.client(4, 1)
	late.connect(Hello{})
	failed(t, late, &Knock{KeyPackage: late.newPackage().KeyPackage.Marshal()}, "full")
	// Who is in may come back.
	all[2].reload()
	all[2].join()
	w.pass(3 * time.Second)
	w.together(all...)
}

func TestAnotherAccountWithTheKeyOfAMember(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	thief := w.client(7, 1)
	thief.device = all[1].device // the key is its own, the device is not
	thief.id = thief.identity(thief.id.Signer)
	thief.connect(Hello{})
	failed(t, thief, &Knock{KeyPackage: thief.newPackage().KeyPackage.Marshal()}, "key-in-use")
}

// The owner's client that knocks where there is no call is told to create one.
func TestOwnerDoesNotWaitForItself(t *testing.T) {
	w := newWorld(t, Limits{})
	host := w.client(1, 1)
	host.join()
	if s := mustLast[*RoomStatus](t, host); s.State != StateEmpty || len(w.room.knocks) != 0 || count[*Waiting](host) != 0 {
		t.Fatalf("got %v", types(host))
	}
	// Also when the call ends under its knock.
	first, second := w.client(1, 2), w.client(1, 3)
	first.begin()
	first.silent = true
	second.join()
	first.drop()
	w.pass(31 * time.Second)
	if s := mustLast[*RoomStatus](t, second); s.State != StateEmpty || len(w.room.knocks) != 0 {
		t.Fatalf("state %q, %d knocks", s.State, len(w.room.knocks))
	}
}

func TestRecoveryTieGoesToTheLaterEpoch(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	p, err := all[1].group.Commit(mls.CommitOptions{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	all[1].enter(p.Next)
	later := p.Next.Epoch()
	w.restartServer()
	all[0].resume()
	all[1].resume()
	w.pass(3 * time.Second)
	if w.room.call == nil || w.room.call.epoch != later {
		t.Fatalf("call %+v", w.room.call)
	}
	w.pass(3 * time.Second)
	w.together(all...)
}

func TestRecoveryLooksAtFewTrees(t *testing.T) {
	w := newWorld(t, Limits{RecoverUntil: start.Add(time.Hour)})
	thief := w.client(7, 1)
	own := thief.rules()
	own.Hosts = append(own.Hosts, thief.account)
	thief.newGroup(own)
	thief.resume()
	for range maxRecoverStates + 5 {
		thief.newGroup(own)
		q := &GroupState{GroupInfo: bytes.Clone(info(thief)), Tree: thief.group.Tree()}
		q.GroupInfo[len(q.GroupInfo)-1] ^= 1 // a signature that does not hold
		thief.say(q)
	}
	w.settle()
	codes := map[string]int{}
	for _, m := range thief.got {
		if f, ok := m.(*Failure); ok {
			codes[f.Code]++
		}
	}
	// Its first state stood; of the others only so many were looked at.
	if codes["too-many"] != 6 || codes["signature"] != maxRecoverStates-1 {
		t.Fatalf("codes %v", codes)
	}
}

// Refusals are audited, but nobody can fill the log with them.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	w := newWorld(t, Limits{})
	crowd(w, 2)
	c := w.client(5, 1)
	c.connect(Hello{})
	for range 100 {
		c.say(&Knock{KeyPackage: Bytes{1}})
	}
	w.settle()
	n := 0
	for _, e := range w.journal {
		if e.Action == actionKnockRefused && e.Result == audit.Refused {
			n++
		}
	}
	if n == 0 || n > maxRefusals {
		t.Fatalf("%d entries", n)
	}
}

// A client that can't join with the resumption PSK (its page was loaded anew)
// comes back by re-entry.
func TestRestartWithoutThePSK(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	bad := all[2]
	all[3].past = map[string][]byte{} // it will not remember the last good epoch
	bad.tamper = wrongTag
	bad.say(&Refresh{})
	w.settle()
	clear(all[3].past)
	w.pass(100 * time.Millisecond)
	clear(all[3].past)
	w.pass(15 * time.Second)
	w.together(all[0], all[1], all[3])
}
