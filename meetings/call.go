package meetings

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
)

// conn is one signalling connection.
type conn struct {
	id      ConnID
	number  uint64 // order of arrival
	visitor Visitor

	greeted bool
	device  mls.DeviceID
	key     []byte // the device's signature key, as Hello claims

	member  *member // set while attached
	peer    PeerID  // set while attached
	knock   *knock
	told    WaitReason // last Waiting reason
	resume  *Position  // the client waits for its GroupState to be compared
	rejoins bool       // it was in the group that is being restarted

	refusedSeen  uint64 // gate refusals already audited
	refusedAudit time.Time
}

// member is one leaf of the tree.
type member struct {
	leaf    mls.LeafIndex
	account mls.AccountID
	device  mls.DeviceID
	name    string
	key     []byte
	since   time.Time
	joined  uint64 // epoch that it came in with

	conn *conn
	gone time.Time // since when conn is nil

	path  time.Time // when its own path was made
	tried time.Time // when it last failed to refresh it

	leaving RemoveReason // set once somebody is to remove it
	later   time.Time    // not asked again before it
	skipped int          // accepted commits that left its removal out
	guest   bool         // its session is a guest's
	lost    bool         // its device came back without the group's keys
}

// alive: the leaf can still take part.
func (m *member) alive() bool { return m.leaving == "" && !m.lost }

// call is a running call.
type call struct {
	id       CallID
	group    []byte
	observer *mls.Observer
	epoch    uint64
	since    time.Time
	rules    mls.Room
	members  map[mls.LeafIndex]*member
	keys     map[string]*member       // the same by signature key,
	devices  map[mls.DeviceID]*member // and by device: crypto/mls holds both unique

	seq   uint64 // of the last entry of the call's order
	ring  ring
	trees treeShelf

	request *request                   // outstanding
	named   map[mls.LeafIndex]*request // everybody named in this epoch, the latest request of each
	tried   map[mls.LeafIndex]bool     // named in vain since the last accepted commit
	rounds  int                        // how often everybody was tried
	again   time.Time                  // nobody is named before it
	batch   time.Time                  // when the first add of the next commit came
	changes []wantedChange
	refresh map[mls.LeafIndex]time.Time // asked for a new path; not before

	reports map[string]*wedgeReports

	recovered bool
	base      []byte // transcript hash at which the call was recovered
	baseEpoch uint64

	restarts *Position // bind the first commit to it
}

type wantedChange struct {
	member *member
	change *Change
}

// sorted returns the connections in order of arrival.
func (r *Room) sorted() []*conn {
	all := make([]*conn, 0, len(r.conns))
	for _, c := range r.conns {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *conn) int { return int(a.number) - int(b.number) })
	return all
}

// inOrder returns the members in leaf order.
func (c *call) inOrder() []*member {
	all := make([]*member, 0, len(c.members))
	for _, m := range c.members {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *member) int { return int(a.leaf) - int(b.leaf) })
	return all
}

func (c *call) isHost(a mls.AccountID) bool { return slices.Contains(c.rules.Hosts, a) }

// memberOf finds the leaf that a connection's device holds, by the binding that
// counts: account of the session, device and signature key.
func (r *Room) memberOf(c *conn) *member {
	if r.call == nil {
		return nil
	}
	if m := r.call.keys[string(c.key)]; m != nil && m.is(c) {
		return m
	}
	return nil
}

func (c *call) put(m *member) {
	c.members[m.leaf], c.keys[string(m.key)], c.devices[m.device] = m, m, m
}

func (c *call) drop(m *member) {
	delete(c.members, m.leaf)
	delete(c.keys, string(m.key))
	delete(c.devices, m.device)
	delete(c.refresh, m.leaf)
}

func (m *member) is(c *conn) bool {
	return m.account == c.visitor.Account && m.device == c.device && bytes.Equal(m.key, c.key)
}

// attached lists the connections of the call's members, except one.
func (r *Room) attached(except *conn) []ConnID {
	var to []ConnID
	for _, m := range r.call.inOrder() {
		if m.conn != nil && m.conn != except {
			to = append(to, m.conn.id)
		}
	}
	return to
}

// attach makes a connection the one of its leaf.
func (r *Room) attach(c *conn, m *member) {
	r.peercount++
	c.member, c.peer = m, PeerID(string(c.id)+"."+strconv.FormatUint(r.peercount, 10))
	c.resume, c.rejoins, c.told = nil, false, ""
	m.conn, m.gone, m.lost = c, time.Time{}, false
	m.guest = c.visitor.Role == accounts.Guest
	r.emit(MediaAdmit{r.call.id, c.id, c.peer, m.leaf})
	r.rosterDirty = true
	if r.call.isHost(m.account) {
		r.lobbyDirty = true
	}
}

// detach ends a connection's part in the call; its leaf stays.
func (r *Room) detach(c *conn) {
	m := c.member
	if m == nil {
		return
	}
	r.emit(MediaCut{r.call.id, c.peer})
	c.member, c.peer = nil, ""
	m.conn, m.gone = nil, r.now
	r.rosterDirty, r.lobbyDirty = true, true
}

// forget takes a connection out of the room.
func (r *Room) forget(c *conn) {
	r.detach(c)
	r.dropKnock(c)
	delete(r.conns, c.id)
}

func (r *Room) close(c *conn, code CloseCode, reason string) {
	if r.conns[c.id] != c {
		return
	}
	r.forget(c)
	r.emit(Close{c.id, code, reason})
}
