package meetings

import (
	"testing"
	"time"

	"huisclos/crypto/mls"
)

// Who is named to commit, and what wins.

func TestBatching(t *testing.T) {
	if testing.Short() {
		t.Skip("sixty real joins")
	}
	w := newWorld(t, Limits{})
	host := w.client(1, 1)
	host.admits = true
	host.begin()
	all := []*client{host}
	for i := 2; i <= 61; i++ {
		c := w.client(i, 1)
		c.join()
		all = append(all, c)
	}
	w.pass(5 * time.Second)
	w.together(all...)
	if w.room.call.epoch > 5 {
		t.Fatalf("%d commits for 60 joiners", w.room.call.epoch)
	}
	for _, m := range host.got {
		if q, ok := m.(*CommitRequest); ok {
			if len(q.Adds) > mls.MaxAdds {
				t.Fatalf("%d adds asked for", len(q.Adds))
			}
			// The path of the creator, alone, is encrypted to nobody; later ones to one node at least.
			least := 2000 + 10*int64(len(q.Adds))
			if q.Epoch > 0 {
				least += 10
			}
			if q.DeadlineMS < least || q.Epoch == 0 && q.DeadlineMS != least || q.DeadlineMS > least+10*61 {
				t.Fatalf("deadline %d ms, want %d", q.DeadlineMS, least)
			}
		}
	}
}

func TestCommitterVanishes(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 4)
	for _, c := range all {
		c.silent = true
	}
	late := w.client(5, 1)
	late.join()
	w.pass(100 * time.Millisecond)
	named := func() (out []*client) {
		for _, c := range all {
			if count[*CommitRequest](c) > 0 {
				if q := mustLast[*CommitRequest](t, c); q.Epoch == w.room.call.epoch && len(q.Adds) == 1 {
					out = append(out, c)
				}
			}
		}
		return out
	}
	first := named()
	if len(first) != 1 {
		t.Fatalf("%d named", len(first))
	}
	// One that disconnects is replaced at once, one that is silent after its deadline: 2 s, 10 ms for the add and at
	// most 40 ms for the path.
	first[0].drop()
	second := named()
	if len(second) != 2 {
		t.Fatalf("%d named", len(second))
	}
	w.pass(2051 * time.Millisecond)
	if n := len(named()); n != 3 {
		t.Fatalf("%d named", n)
	}
	for _, c := range all {
		c.silent = false
	}
	w.pass(10 * time.Second)
	first[0].resume()
	w.pass(5 * time.Second)
	w.together(append(all, late)...)
}

func TestLateCommitOfOneWhoWasNamedWins(t *testing.T) {
	w := newWorld(t, Limits{})
	all := crowd(w, 3)
	var held []*Commit
	for _, c := range all {
		c.compose = func(*CommitRequest, *mls.CommitOptions) {}
		c.tamper = func(m *Commit) { held = append(held, m) }
	}
	// Two are named in one epoch, both commit, the first commit wins.
	senders := map[*Commit]*client{}
	for _, c := range all {
		c.tamper = func(m *Commit) {
			copied := *m
			held = append(held, &copied)
			senders[&copied] = c
			m.Epoch = 1 << 40 // not sent for now
		}
	}
	all[1].say(&Refresh{})
	w.pass(10 * time.Second)
	late := w.client(4, 1)
	late.join()
	w.pass(10 * time.Second)
	if len(held) < 2 {
		t.Fatalf("%d commits made", len(held))
	}
	epoch := w.room.call.epoch
	first, second := held[len(held)-2], held[len(held)-1]
	if senders[first] == senders[second] || first.Epoch != epoch || second.Epoch != epoch {
		t.Fatal("not two committers of one epoch")
	}
	for _, c := range all {
		c.tamper = nil
	}
	// Their pendings were dropped by the refusals: only the server's side counts here.
	senders[first].say(first)
	senders[second].say(second)
	w.queue = w.queue[:2]
	for _, e := range w.queue {
		w.apply(e)
	}
	w.queue = nil
	if w.room.call.epoch != epoch+1 {
		t.Fatalf("epoch %d, want %d", w.room.call.epoch, epoch+1)
	}
	if m := mustLast[*CommitRefused](t, senders[second]); m.Reason != "epoch" || m.Epoch != epoch+1 {
		t.Fatalf("loser got %+v", m)
	}
}
