package meetings

import (
	"testing"
	"time"

	"huisclos/audit"
)

// How a call ends.

func TestLastOneOutEndsTheCall(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	for _, c := range all {
		c.say(&Leave{})
		w.pass(2 * time.Second)
	}
	if w.room.call != nil || len(w.epoch) != 0 || !w.room.Idle() {
		t.Fatal("something is left of the call")
	}
	if !w.audited(audit.CallEnded, "empty") {
		t.Fatal("not audited")
	}
	// All at once, by silence.
	w2 := newWorld(t, Limits{})
	for _, c := range crowd(w2, 3) {
		c.drop()
	}
	w2.pass(29 * time.Second)
	if w2.room.call == nil {
		t.Fatal("a call without connections ends too early")
	}
	w2.pass(2 * time.Second)
	if !w2.room.Idle() {
		t.Fatal("an absent call lives on")
	}
}

func TestAnAbandonedCallGivesWayToItsOwner(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	guest := w.client(3, 1)
	for _, c := range all {
		c.drop()
	}
	// Somebody else waits for the absence to end.
	guest.join()
	w.pass(9 * time.Second)
	if w.room.call == nil {
		t.Fatal("the call gave way to a guest")
	}
	// The owner's other device does not: nobody who is there could let it in.
	other := w.client(1, 2)
	before := w.room.call.id
	other.join()
	if w.room.call != nil || !w.audited(audit.CallEnded, "empty") || mustLast[*RoomStatus](t, other).State != StateEmpty {
		t.Fatal("the owner still waits")
	}
	other.offer(other.rules(), nil)
	w.settle()
	if w.room.call == nil || w.room.call.id == before {
		t.Fatal("no new call")
	}
	w.together(other)

	// While one of them is connected the call goes on.
	w = newWorld(t, Limits{})
	all = crowd(w, 2)
	before = w.room.call.id
	all[0].drop()
	other = w.client(1, 2)
	other.join()
	w.pass(12 * time.Second)
	if w.room.call == nil || w.room.call.id != before {
		t.Fatal("a call with somebody in it gave way")
	}
	w.pass(20 * time.Second) // the owner's first device is gone for good
	w.together(all[1], other)
}
