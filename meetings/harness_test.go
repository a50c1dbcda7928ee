package meetings

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/crypto/statement/statementtest"
)

// The harness: a room, a clock and clients with real MLS groups, in memory.

var start = time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)

// world holds one room and everybody around it, and checks the room's invariants
// after each event.
type world struct {
	t       testing.TB
	log     *statementtest.Log
	rules   *statement.Checker // of that log
	room    *Room
	now     time.Time
	wake    time.Time
	clients map[ConnID]*client // open connections
	queue   []Event            // what clients have sent
	conns   int

	epoch   map[CallID]uint64
	peers   map[PeerID]mls.LeafIndex // admitted at media
	used    map[PeerID]bool
	plane   []Negotiate
	journal []audit.Event
	commits map[string]bool // "call epoch" that had its commit

	profile    mls.Profile // of the room's record
	lawless    bool        // of new clients
	busy       bool        // the media plane
	draining   bool        // the hall
	unrecorded bool        // its audit log
}

func newWorld(t testing.TB, limits Limits) *world {
	log := statementtest.New()
	w := &world{t: t, log: log, rules: statement.NewChecker(log.Public()), now: start, clients: map[ConnID]*client{}, epoch: map[CallID]uint64{},
		peers: map[PeerID]mls.LeafIndex{}, used: map[PeerID]bool{}, commits: map[string]bool{}}
	w.room = New(w.card(), limits, w.rules)
	return w
}

func (w *world) card() Card {
	return Card{ID: mls.RoomID{9}, Name: "Office", Owner: account(1), Profile: w.profile}
}

func account(n int) mls.AccountID { return mls.AccountID{byte(n >> 8), byte(n), 0xac} }

// restartServer throws the room away, as a crash does.
func (w *world) restartServer() {
	w.room = New(w.card(), Limits{RecoverUntil: w.now.Add(time.Minute)}, w.rules)
	for id, c := range w.clients {
		c.open = false
		delete(w.clients, id)
	}
	w.queue, w.wake = nil, time.Time{}
	clear(w.peers)
	clear(w.epoch)
	clear(w.commits) // most may stand before a commit that the dead server took
}

func (w *world) apply(e Event) {
	w.t.Helper()
	before := w.room.call
	effects := w.room.Apply(e, w.now)
	for _, effect := range effects {
		w.execute(effect)
	}
	w.check(before)
}

func (w *world) execute(e Effect) {
	w.t.Helper()
	switch e := e.(type) {
	case Send:
		for _, id := range e.To {
			c := w.clients[id]
			if c == nil {
				w.t.Fatalf("%s sent to a connection that is gone", e.Message.Type())
			}
			c.take(e.Message)
		}
	case Close:
		c := w.clients[e.Conn]
		if c == nil {
			w.t.Fatalf("close %d of a connection that is gone", e.Code)
		}
		c.open, c.closed = false, e.Code
		delete(w.clients, e.Conn)
	case MediaOpen:
		if _, ok := w.epoch[e.Call]; ok {
			w.t.Fatalf("call %s opened twice", e.Call)
		}
		w.epoch[e.Call] = e.Epoch
	case MediaEpoch:
		if e.Epoch != w.epoch[e.Call]+1 {
			w.t.Fatalf("media goes from epoch %d to %d", w.epoch[e.Call], e.Epoch)
		}
		key := fmt.Sprint(e.Call, e.Epoch)
		if w.commits[key] {
			w.t.Fatalf("two commits lead to epoch %d", e.Epoch)
		}
		w.commits[key] = true
		w.epoch[e.Call] = e.Epoch
	case CallOver: // the hall tells its diary
	case MediaClose:
		delete(w.epoch, e.Call)
		clear(w.peers)
	case MediaAdmit:
		if w.used[e.Peer] {
			w.t.Fatalf("peer %s admitted twice", e.Peer)
		}
		if w.clients[e.Conn] == nil {
			w.t.Fatalf("media admitted for a connection that is gone")
		}
		w.used[e.Peer], w.peers[e.Peer] = true, e.Leaf
	case MediaCut:
		if _, ok := w.peers[e.Peer]; !ok {
			w.t.Fatalf("cut of a peer that is not admitted")
		}
		delete(w.peers, e.Peer)
	case Negotiate:
		if _, ok := w.peers[e.Peer]; !ok {
			w.t.Fatalf("media negotiation of a peer that is not admitted")
		}
		w.plane = append(w.plane, e)
	case Record:
		w.journal = append(w.journal, e.Event)
	case Wake:
		if !e.At.IsZero() && !e.At.After(w.now) {
			w.t.Fatalf("wake in the past")
		}
		w.wake = e.At
	default:
		w.t.Fatalf("effect %T", e)
	}
}

// check holds the invariants of Room.
func (w *world) check(before *call) {
	w.t.Helper()
	c := w.room.call
	if c == nil {
		if len(w.peers) != 0 {
			w.t.Fatalf("%d peers at media without a call", len(w.peers))
		}
		return
	}
	if c == before && c.epoch != w.epoch[c.id] {
		w.t.Fatalf("room at epoch %d, media at %d", c.epoch, w.epoch[c.id])
	}
	tree := map[mls.LeafIndex]mls.Member{}
	for _, m := range c.observer.Members() {
		tree[m.Leaf] = m
	}
	if len(tree) != len(c.members) {
		w.t.Fatalf("%d members, %d leaves in the tree", len(c.members), len(tree))
	}
	receivers := 0
	for leaf, m := range c.members {
		in, ok := tree[leaf]
		if !ok || !bytes.Equal(in.SignatureKey, m.key) {
			w.t.Fatalf("member of leaf %d is not the tree's", leaf)
		}
		if m.conn == nil {
			continue
		}
		receivers++
		if m.leaving != "" {
			w.t.Fatalf("leaf %d is attached and to be removed", leaf)
		}
		if l, ok := w.peers[m.conn.peer]; !ok || l != leaf {
			w.t.Fatalf("leaf %d is attached and not at media", leaf)
		}
	}
	if receivers != len(w.peers) {
		w.t.Fatalf("%d peers at media, %d members attached", len(w.peers), receivers)
	}
}

// settle lets everybody talk until nobody has anything to say.
func (w *world) settle() {
	w.t.Helper()
	for n := 0; len(w.queue) > 0; n++ {
		if n > 100000 {
			w.t.Fatal("endless conversation")
		}
		e := w.queue[0]
		w.queue = w.queue[1:]
		w.apply(e)
	}
}

// pass lets time pass, with a Tick whenever the room asked for one.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.settle()
	end := w.now.Add(d)
	for n := 0; !w.wake.IsZero() && !w.wake.After(end); n++ {
		if n > 100000 {
			w.t.Fatal("endless ticking")
		}
		if w.wake.After(w.now) {
			w.now = w.wake
		}
		w.wake = time.Time{}
		w.apply(Tick{})
		w.settle()
	}
	w.now = end
	w.apply(Tick{})
	w.settle()
}

// last returns the latest message of a type.
func last[M Message](c *client) (m M, ok bool) {
	for i := len(c.got) - 1; i >= 0; i-- {
		if m, ok := c.got[i].(M); ok {
			return m, true
		}
	}
	return m, false
}

func count[M Message](c *client) (n int) {
	for _, m := range c.got {
		if _, ok := m.(M); ok {
			n++
		}
	}
	return n
}

// together demands that exactly these clients are the group, attached and agreed.
func (w *world) together(clients ...*client) {
	w.t.Helper()
	call := w.room.call
	if call == nil {
		w.t.Fatal("no call")
	}
	if len(call.members) != len(clients) {
		w.t.Fatalf("%d leaves, want %d", len(call.members), len(clients))
	}
	for _, c := range clients {
		if c.group == nil || !bytes.Equal(c.group.ID(), call.group) || c.group.Epoch() != call.epoch {
			w.t.Fatalf("%s is not at epoch %d: %v", c.name, call.epoch, types(c))
		}
		if !bytes.Equal(c.group.EpochAuthenticator(), clients[0].group.EpochAuthenticator()) {
			w.t.Fatalf("%s has other words", c.name)
		}
		m := call.members[c.group.Own()]
		if m == nil || m.conn == nil || m.conn.id != c.conn {
			w.t.Fatalf("%s is not attached to its leaf", c.name)
		}
	}
	if !bytes.Equal(clients[0].group.ConfirmedTranscriptHash(), call.observer.ConfirmedTranscriptHash()) {
		w.t.Fatal("the server's transcript differs")
	}
}

func types(c *client) []string {
	var out []string
	for _, m := range c.got {
		out = append(out, m.Type())
	}
	return out
}

func (w *world) audited(action audit.Action, detail ...string) bool {
	return slices.ContainsFunc(w.journal, func(e audit.Event) bool {
		if e.Action != action {
			return false
		}
		for _, d := range detail {
			found := false
			for _, v := range e.Detail {
				found = found || v == d
			}
			if !found {
				return false
			}
		}
		return true
	})
}

// crowd begins a call of n: person 1, its host, and persons 2…n, let in by it.
func crowd(w *world, n int) []*client {
	w.t.Helper()
	host := w.client(1, 1)
	host.admits = true
	host.begin()
	all := []*client{host}
	for i := 2; i <= n; i++ {
		c := w.client(i, 1)
		c.join()
		all = append(all, c)
	}
	w.pass(2 * time.Second)
	w.together(all...)
	return all
}
