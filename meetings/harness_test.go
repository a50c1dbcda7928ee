package meetings

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"huisclos/accounts"
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

// client is one device of one account, as a browser behaves.
type client struct {
	w       *world
	account mls.AccountID
	name    string
	device  mls.DeviceID
	id      mls.Identity
	role    accounts.Role

	oneFactor bool

	conn   ConnID
	open   bool
	closed CloseCode

	group   *mls.Group
	bundle  *mls.KeyPackageBundle
	pending *mls.Pending
	past    map[string][]byte // resumption PSKs by group and epoch
	seq     uint64
	trusted map[string]bool // signature keys in the group that it restarted
	known   map[string]bool // signature keys in the group that it held last

	admits  bool // lets everybody in
	rejoins bool // after a restart: lets those in whom it knows
	silent  bool // never commits
	slow    bool // does not answer GroupStateWanted
	lawless bool // its own software does not hold it to Policy
	knocks  bool // knocks as soon as it may
	tamper  func(*Commit)
	compose func(*CommitRequest, *mls.CommitOptions)

	got   []Message
	texts []string
}

func (w *world) client(n, device int) *client {
	w.t.Helper()
	signer, err := mls.GenerateSigner(mls.Default, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	c := &client{w: w, account: account(n), name: fmt.Sprintf("Person %d", n),
		device: mls.DeviceID{byte(n >> 8), byte(n), byte(device), 0xde}, past: map[string][]byte{}, knocks: true, lawless: w.lawless}
	c.id = c.identity(signer)
	return c
}

func (c *client) identity(signer mls.Signer) mls.Identity {
	name, err := mls.NameExtension(c.name)
	if err != nil {
		c.w.t.Fatal(err)
	}
	_, index, evidence := c.w.log.Vouch(c.account, c.device, signer.PublicKey())
	credential := mls.DeviceCredential{Account: c.account, Device: c.device, Statement: index}
	return mls.Identity{Signer: signer, Credential: credential.Credential(), Extensions: []mls.Extension{name, evidence.Extension()}}
}

// tab is the same device in a second browser tab: same key, no group.
func (c *client) tab() *client {
	return &client{w: c.w, account: c.account, name: c.name, device: c.device, id: c.id, past: map[string][]byte{}, knocks: c.knocks, admits: c.admits}
}

func (c *client) say(q Request) {
	c.w.queue = append(c.w.queue, Received{Conn: c.conn, Request: q, Busy: c.w.busy, Draining: c.w.draining, Unrecorded: c.w.unrecorded})
}

func (c *client) connect(hello Hello) {
	c.w.t.Helper()
	c.w.conns++
	c.conn, c.open, c.closed = ConnID(fmt.Sprintf("c%d", c.w.conns)), true, 0
	c.w.clients[c.conn] = c
	c.w.apply(Connected{c.conn, Visitor{Account: c.account, Name: c.name, Email: c.name + "@example.org", Session: "s" + string(c.conn),
		Role: c.role, TwoFactors: !c.oneFactor}})
	c.hello(hello)
}

func (c *client) hello(h Hello) {
	h.Protocol, h.Device, h.SignatureKey = ProtocolVersion, ID(c.device), c.id.Signer.PublicKey()
	c.say(&h)
	c.w.settle()
}

// drop loses the connection without a word.
func (c *client) drop() {
	c.w.t.Helper()
	if !c.open {
		return
	}
	c.open = false
	delete(c.w.clients, c.conn)
	c.w.apply(Disconnected{c.conn})
	c.w.settle()
}

// reload loses everything that a page holds.
func (c *client) reload() {
	c.drop()
	c.group, c.bundle, c.pending, c.seq = nil, nil, nil, 0
	c.past = map[string][]byte{}
}

func (c *client) resume() {
	c.connect(Hello{Resume: &Position{Group: c.group.ID(), Epoch: c.group.Epoch(), Seq: c.seq}})
}

func (c *client) rules() mls.Room {
	view := statement.View{Log: c.w.log.Public(), Note: c.w.log.Note()}
	return mls.Room{ID: c.w.card().ID, Hosts: []mls.AccountID{c.w.card().Owner}, Profile: c.w.room.profile(), Owner: c.w.card().Owner, Checkpoint: view.Marshal()}
}

func (c *client) newGroup(rules mls.Room) {
	id := make([]byte, 16)
	rand.Read(id)
	g, err := mls.NewCallGroup(rules, c.id, mls.Default, id, rand.Reader, mls.Policy)
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.enter(g)
}

// enter holds a group, and the resumption PSK of its epoch for a restart.
func (c *client) enter(g *mls.Group) {
	c.group = g
	c.known = map[string]bool{}
	for _, m := range g.Members() {
		c.known[string(m.SignatureKey)] = true
	}
	c.past[fmt.Sprintf("%x %d", g.ID(), g.Epoch())] = g.ResumptionPSK()
}

// PSK makes a client the store of what it remembers.
func (c *client) PSK(id mls.PreSharedKeyID) ([]byte, bool) {
	secret, ok := c.past[fmt.Sprintf("%x %d", id.GroupID, id.Epoch)]
	return secret, ok
}

func (c *client) offer(rules mls.Room, restarts Bytes) {
	c.newGroup(rules)
	info, err := c.group.GroupInfo(false)
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.say(&Create{GroupInfo: info, Tree: c.group.Tree(), Restarts: restarts})
}

// begin connects and creates the call.
func (c *client) begin() {
	c.w.t.Helper()
	c.connect(Hello{})
	c.offer(c.rules(), nil)
	c.w.settle()
	if c.w.room.call == nil {
		c.w.t.Fatalf("no call: %v", c.got)
	}
}

// join connects and knocks.
func (c *client) join() {
	c.w.t.Helper()
	c.connect(Hello{})
	c.knock()
	c.w.settle()
}

func (c *client) newPackage() *mls.KeyPackageBundle { return c.newPackageBy(c.w.now) }

// newPackageBy makes it by the device's own clock, good for a day, as the product's clients do.
func (c *client) newPackageBy(clock time.Time) *mls.KeyPackageBundle {
	b, err := mls.NewKeyPackage(mls.Default, c.id, mls.LifetimeFrom(clock, 24*time.Hour), rand.Reader)
	if err != nil {
		c.w.t.Fatal(err)
	}
	return b
}

func (c *client) knock() {
	c.group, c.pending = nil, nil
	c.bundle = c.newPackage()
	c.say(&Knock{KeyPackage: c.bundle.KeyPackage.Marshal()})
}

func (c *client) take(m Message) {
	c.got = append(c.got, m)
	switch m := m.(type) {
	case *CommitRequest:
		if !c.silent {
			c.commit(m)
		}
	case *Committed:
		c.seq = m.Seq
		c.process(m)
	case *CommitRefused:
		c.pending = nil
	case *Welcome:
		c.seq = m.Seq
		c.welcome(m)
	case *Lobby:
		for _, k := range m.Knocks {
			if c.group != nil && (c.admits || c.rejoins && c.trusts(k)) {
				c.letIn(k)
			}
		}
	case *Posted:
		c.seq = m.Seq
		if c.group != nil {
			if text, err := c.group.Open(m.Data); err == nil {
				c.texts = append(c.texts, string(text.Data))
			}
		}
	case *Reenter:
		c.group = nil
		if c.knocks {
			c.knock()
		}
	case *GroupStateWanted:
		if c.slow {
			return
		}
		c.handBack()
	case *Restart:
		if m.Role == "create" {
			c.trusted, c.rejoins = c.known, true
			if !c.silent {
				rules := c.rules()
				if c.account != rules.Owner {
					rules.Hosts = append(rules.Hosts, c.account)
				}
				c.offer(rules, m.Group.Group)
			}
		} else if c.knocks {
			c.knock()
		}
	case *Ended:
		c.group, c.pending = nil, nil
	}
}

func (c *client) handBack() {
	info, err := c.group.GroupInfo(false)
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.say(&GroupState{GroupInfo: info, Tree: c.group.Tree()})
}

func (c *client) trusts(k LobbyEntry) bool {
	kp, err := mls.ParseKeyPackage(k.KeyPackage)
	return err == nil && c.trusted[string(kp.Leaf().SignatureKey)]
}

func (c *client) letIn(k LobbyEntry) {
	kp, err := mls.ParseKeyPackage(k.KeyPackage)
	if err != nil {
		c.w.t.Fatal(err)
	}
	a, err := c.group.Admit(kp, c.w.now.Add(10*time.Minute))
	if err != nil {
		return // not a host any more
	}
	c.say(&Admit{Knock: k.ID, Admission: mls.MarshalAdmissions([]mls.Admission{a})})
}

// commit answers a CommitRequest.
func (c *client) commit(q *CommitRequest) {
	if c.group == nil || c.group.Epoch() != q.Epoch {
		return
	}
	o := mls.CommitOptions{Now: c.w.now}
	var admissions []mls.Admission
	for _, a := range q.Adds {
		kp, err := mls.ParseKeyPackage(a.KeyPackage)
		if err != nil {
			c.w.t.Fatal(err)
		}
		list, err := mls.ParseAdmissions(a.Admission)
		if err != nil {
			c.w.t.Fatal(err)
		}
		o.Adds, admissions = append(o.Adds, kp), append(admissions, list...)
	}
	o.AuthenticatedData = mls.MarshalAdmissions(admissions)
	for _, m := range q.Removes {
		o.Removes = append(o.Removes, m.Leaf)
	}
	if q.Change != nil {
		c.change(&o, q.Change)
	}
	if q.Restarts != nil {
		nonce := make([]byte, 48)
		rand.Read(nonce)
		o.PSKStore = c
		o.PSKs = []mls.PreSharedKeyID{{Type: mls.PSKResumption, Usage: mls.UsageApplication,
			GroupID: q.Restarts.Group, Epoch: q.Restarts.Epoch, Nonce: nonce}}
	}
	if c.compose != nil {
		c.compose(q, &o)
	}
	pending, err := c.group.Commit(o)
	if err != nil {
		c.w.t.Logf("%s can't commit: %v", c.name, err)
		return
	}
	c.pending = pending
	m := &Commit{Epoch: q.Epoch, Commit: pending.Commit, GroupInfo: pending.GroupInfo}
	for _, welcome := range pending.Welcomes {
		m.Welcomes = append(m.Welcomes, welcome)
	}
	if c.tamper != nil {
		c.tamper(m)
	}
	c.say(m)
}

func (c *client) change(o *mls.CommitOptions, change *Change) {
	rules, err := c.group.Room()
	if err != nil {
		c.w.t.Fatal(err)
	}
	rules = wanted(rules, change)
	for _, e := range c.group.GroupContextExtensions() {
		if e.Type == mls.ExtensionRoom {
			e = rules.Extension()
		}
		o.GroupContextExtensions = append(o.GroupContextExtensions, e)
	}
}

func (c *client) process(m *Committed) {
	if c.group == nil || m.Epoch != c.group.Epoch()+1 {
		return
	}
	if c.pending != nil && bytes.Equal(c.pending.Summary.Hash, m.Hash) {
		c.enter(c.pending.Next)
		c.pending = nil
		return
	}
	next, _, err := c.group.Process(m.Commit, c.w.now)
	if err != nil {
		c.say(&Wedged{Epoch: m.Epoch, Commit: m.Hash, Reason: mls.Reason(err)})
		if c.knocks {
			c.knock()
		}
		return
	}
	c.pending = nil
	c.enter(next)
}

var errNoTree = errors.New("no tree")

func (c *client) welcome(m *Welcome) {
	tree, ok := c.w.room.TreeFor(m.Epoch, c.account)
	if !ok {
		c.w.t.Fatal(errNoTree)
	}
	if c.bundle == nil {
		return
	}
	policy := mls.PolicyFunc(c.w.rules.Policy)
	if c.lawless {
		policy = func(mls.PolicyInput) error { return nil }
	}
	g, err := mls.JoinWelcome(m.Welcome, c.bundle, mls.JoinOptions{Tree: tree, PSKs: c, Rand: rand.Reader, Policy: policy, Now: c.w.now})
	if err != nil {
		c.w.t.Logf("%s can't join: %v", c.name, err)
		if c.knocks {
			c.knock()
		}
		return
	}
	if g.Own() != m.Leaf {
		c.w.t.Fatalf("welcomed at leaf %d, own leaf is %d", m.Leaf, g.Own())
	}
	c.enter(g)
}

func (c *client) post(text string) {
	data, err := c.group.Seal([]byte(text), nil)
	if err != nil {
		c.w.t.Fatal(err)
	}
	c.say(&Post{Epoch: c.group.Epoch(), Data: data, ID: text})
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
