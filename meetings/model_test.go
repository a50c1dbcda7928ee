package meetings

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Random histories: people come, go, reload, lose their connection, are let in
// and thrown out, commit nonsense, and the server dies. The harness checks the
// invariants after every event; in the end everybody who behaves must be in one
// call again.
func TestRandomHistories(t *testing.T) {
	histories, steps := 12, 120
	if testing.Short() {
		histories = 3
	}
	seed := uint64(1)
	if s := os.Getenv("HUISCLOS_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed, histories, steps = n, 1, 120
	}
	seen := map[string]int{}
	for i := range histories {
		s := seed + uint64(i)
		t.Run("seed "+strconv.FormatUint(s, 10), func(t *testing.T) {
			w := history(t, rand.New(rand.NewPCG(s, 7)), steps)
			for _, e := range w.journal {
				seen[string(e.Action)]++
				seen[string(e.Action)+" "+e.Detail["reason"]+e.Detail["rule"]]++
			}
		})
	}
	t.Log(seen)
	if histories < 12 {
		return
	}
	// Random histories that miss these would hold nothing.
	for _, what := range []string{"call.started", "call.member-added", "call.member-removed left", "call.member-removed absent",
		"call.member-removed removed", "call.member-removed re-entry", "call.locked", "call.hosts", "commit.wedged", "call.restart",
		"call.restarted", "call.recovered", "call.ended empty", "call.ended ended", "commit.refused welcomes", "commit.refused signature"} {
		if n := seen[what] + seen[what+" "]; n == 0 {
			t.Errorf("no history has %q", what)
		}
	}
}

func history(t *testing.T, r *rand.Rand, steps int) *world {
	w := newWorld(t, Limits{Refresh: 20 * time.Second, RingCommits: 4})
	var all []*client
	for i := 1; i <= 6; i++ {
		w.lawless = i == 5
		all = append(all, w.client(i, 1))
	}
	all = append(all, w.client(1, 2), w.client(2, 2))
	for _, c := range all {
		c.admits, c.rejoins = true, true
	}
	for range steps {
		step(w, r, all)
		w.pass(time.Duration(r.ExpFloat64() * float64(2*time.Second)))
	}
	// Everybody behaves again.
	for _, c := range all {
		c.silent, c.tamper, c.compose = false, nil, nil
	}
	w.pass(time.Minute)
	for _, c := range all {
		if c.open {
			c.say(&Leave{})
		}
	}
	w.pass(time.Minute)
	if !w.room.Idle() {
		t.Fatalf("not idle: %d connections, call %v", len(w.room.conns), w.room.call != nil)
	}
	if len(w.epoch) != 0 || len(w.peers) != 0 {
		t.Fatal("media goes on")
	}
	for _, c := range all {
		c.reload()
	}
	all[0].begin()
	for _, c := range all[1:] {
		c.join()
	}
	w.pass(time.Minute)
	w.together(all...)
	return w
}

func step(w *world, r *rand.Rand, all []*client) {
	c := all[r.IntN(len(all))]
	if w.room.call == nil && r.IntN(2) == 0 {
		// Most of a history is a call.
		if c = all[0]; c.open {
			c.reload()
		}
		c.connect(Hello{Replace: true})
		c.offer(c.rules(), nil)
		return
	}
	if !c.open {
		switch r.IntN(4) {
		case 0:
			c.reload()
			c.connect(Hello{Replace: r.IntN(2) == 0})
		case 1:
			if c.group != nil {
				c.resume()
				break
			}
			fallthrough
		default:
			c.reload()
			c.join()
		}
		return
	}
	call := w.room.call
	switch r.IntN(16) {
	case 0:
		c.drop()
	case 1:
		c.reload()
		c.join()
	case 2:
		c.say(&Leave{})
	case 3:
		if call == nil && c.account == account(1) {
			c.offer(c.rules(), nil)
		}
	case 4, 5:
		if c.group != nil {
			c.post("text")
		}
	case 6:
		c.say(&Refresh{})
	case 7:
		locked := r.IntN(3) == 0
		c.say(&Change{Locked: &locked})
	case 8:
		c.say(&Change{Hosts: []ID{ID(account(1)), ID(account(2 + r.IntN(2)))}})
	case 9:
		if c.group != nil {
			members := c.group.Members()
			c.say(&Remove{Leaf: members[r.IntN(len(members))].Leaf})
		}
	case 10:
		c.silent = !c.silent
	case 11:
		if c.tamper == nil && r.IntN(3) == 0 {
			c.tamper = func(m *Commit) {
				switch r.IntN(4) {
				case 0:
					wrongTag(m)
				case 1:
					flipSignature(m)
				case 2:
					m.Welcomes = nil
				default:
					m.Epoch += uint64(r.IntN(3)) - 1
				}
			}
		} else {
			c.tamper = nil
		}
	case 12:
		c.knock()
	case 13:
		if r.IntN(4) == 0 {
			resumeAll(w, all)
		} else {
			c.say(&Publish{Offer: "o"})
		}
	case 14:
		if m, ok := last[*Committed](c); ok {
			c.say(&Wedged{Epoch: m.Epoch, Commit: m.Hash, Reason: "path"})
			c.knock()
		}
	case 15:
		if r.IntN(4) == 0 {
			w.apply(EndCall{By: account(1)})
		} else {
			c.tabbed(w)
		}
	}
}

// resumeAll lets the server die, and all who were in the call come back.
func resumeAll(w *world, all []*client) {
	w.settle()
	was := []*client{}
	for _, c := range all {
		if c.open && c.group != nil {
			was = append(was, c)
		}
	}
	w.restartServer()
	for _, c := range was {
		c.resume()
	}
}

// tabbed opens the device in another tab, which takes over.
func (c *client) tabbed(w *world) {
	old := c.conn
	c.open = true
	c.group, c.pending = nil, nil
	c.connect(Hello{Replace: true})
	if w.clients[old] != nil {
		w.t.Fatal("the first tab goes on")
	}
	c.open = w.clients[c.conn] == c
	c.knock()
	w.settle()
}
