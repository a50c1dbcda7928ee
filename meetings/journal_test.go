package meetings

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
)

// moody is an audit log that can't be written for a while.
type moody struct {
	mu     sync.Mutex
	broken bool
	list   []audit.Action
}

func (m *moody) Write(e audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken {
		return errors.New("no room")
	}
	m.list = append(m.list, e.Action)
	return nil
}

func (m *moody) mend(broken bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = broken
}

func (m *moody) has() []audit.Action {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// TestEntriesWaitForTheDisk: what happens in calls while the audit log can't be written stands in it afterwards, whole and in order, and
// no room is held up meanwhile.
func TestEntriesWaitForTheDisk(t *testing.T) {
	log := &moody{broken: true}
	h := NewHall(HallOptions{Audit: log})
	want := []audit.Action{"a", "b", "c"}
	for _, a := range want {
		h.entries <- audit.Event{Action: a}
	}
	for range 2 * auditQueue { // more than the rooms' queue holds
		select {
		case h.entries <- audit.Event{Action: "many"}:
		case <-time.After(5 * time.Second):
			t.Fatal("a room would wait for the disk")
		}
	}
	if n := len(log.has()); n != 0 {
		t.Fatalf("%d entries in a log that can't be written", n)
	}
	log.mend(false)
	for deadline := time.Now().Add(20 * auditAgain); len(log.has()) < 3+2*auditQueue; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d entries after the disk was mended", len(log.has()))
		}
	}
	if got := log.has(); !slices.Equal(got[:3], want) || len(got) != 3+2*auditQueue {
		t.Errorf("%d entries, the first are %v", len(got), got[:3])
	}
	log.mend(true)
	h.entries <- audit.Event{Action: "last"}
	time.Sleep(auditAgain / 4) // it was tried and waits
	log.mend(false)
	h.Close()
	if got := log.has(); got[len(got)-1] != "last" {
		t.Errorf("what waited at the stop is not written: %v", got[len(got)-1])
	}
}

// TestNobodyComesInUnrecorded: while the audit log can't be written nobody new comes into a call; who is in stays, may be cut off and come
// back.
func TestNobodyComesInUnrecorded(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 2)
	host, guest := all[0], all[1]
	w.unrecorded = true
	late := w.client(9, 1)
	late.join()
	w.settle()
	if m := mustLast[*Failure](t, late); m.Request != "knock" || m.Code != codeUnrecorded {
		t.Fatalf("%+v", m)
	}
	if late.group != nil || len(w.room.knocks) != 0 {
		t.Error("it waits at the door, or is in")
	}
	w.together(host, guest)
	// A member whose line broke comes back meanwhile.
	guest.drop()
	guest.join()
	w.pass(2 * time.Second)
	w.together(host, guest)
	w.unrecorded = false
	late.knock()
	w.settle()
	w.pass(2 * time.Second)
	w.together(host, guest, late)
}

// TestDrainIsRecordedFirst: what can't be recorded is not done, what is so already is not recorded again, and of many who ask at once one
// makes the change.
func TestDrainIsRecordedFirst(t *testing.T) {
	log := &moody{broken: true}
	h := NewHall(HallOptions{Audit: log})
	defer h.Close()
	if changed, err := h.Drain(true, audit.Event{}); changed || err == nil || h.Draining() {
		t.Errorf("with a log that can't be written: %v %v, draining %v", changed, err, h.Draining())
	}
	log.mend(false)
	for _, on := range []bool{true, false} {
		var asked sync.WaitGroup
		var mu sync.Mutex
		changes := 0
		for range 8 {
			asked.Go(func() {
				changed, err := h.Drain(on, audit.Event{})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if changed {
					changes++
				}
			})
		}
		asked.Wait()
		if changes != 1 || h.Draining() != on {
			t.Errorf("%d changes, draining %v", changes, h.Draining())
		}
	}
	if got := log.has(); !slices.Equal(got, []audit.Action{audit.ServerDrained, audit.ServerResumed}) {
		t.Errorf("recorded: %v", got)
	}
}
