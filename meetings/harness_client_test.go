package meetings

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

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
