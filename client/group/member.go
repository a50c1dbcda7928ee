package group

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

const (
	// joinTries is how often a Welcome that does not open, or a KeyPackage that
	// was left out, is followed by another.
	joinTries = 4
	// admission is for now, not for later: the commit that uses it follows
	// within seconds.
	admission = 5 * time.Minute
	// maxReason bounds what a report of a commit says.
	maxReason = 120
)

// Room is the call that the device wants to be in, as the link names it.
type Room struct {
	ID    mls.RoomID
	Owner mls.AccountID // from the link's fragment
}

// Member is one device's place in a call. Use by one caller at a time.
type Member struct {
	core    *session.Session
	room    Room
	account mls.AccountID
	told    mls.Profile // what the server says the call's, or else the next call's profile is

	view *session.View // nil while the device is not in the group
	seq  uint64        // of the last commit, message or Welcome

	wasIn    bool // coming back is a re-entry, not a first knock
	creating bool
	made     *session.View // the group that the server was offered
	knocking bool          // a KeyPackage of ours waits at the server, on this line
	joins    int
	pending  []byte            // commit that waits for the server's answer
	welcome  *meetings.Welcome // waits for its tree

	restart *restart
	// wedgedFrom is the view before a commit that did not open: its resumption
	// secret is kept until the device is in a group again.
	wedgedFrom *session.View
	// replaced is the group that this host's new one follows: who was in it
	// comes back without being asked about.
	replaced *restart
	// admitted are the knocks that were answered, with their KeyPackages.
	admitted map[string][sha256.Size]byte
	// Nobody but hosts can be added to a locked room, so a new group that
	// follows a locked one is made open, and locked with those who came back.
	relock, asked bool
	ended         bool
	asking        bool // proofs of the key log are awaited
}

// New is a device that is in no group yet.
func New(core *session.Session, room Room, account mls.AccountID) *Member {
	return &Member{core: core, room: room, account: account, admitted: make(map[string][sha256.Size]byte)}
}

// View is the group as it stands; false while the device is not in it.
func (m *Member) View() (session.View, bool) {
	if m.view == nil {
		return session.View{}, false
	}
	return *m.view, true
}

// Position is what hello offers to resume from; nil if there is nothing.
func (m *Member) Position() *meetings.Position {
	if m.view == nil {
		return nil
	}
	return &meetings.Position{Group: m.view.Group, Epoch: m.view.Epoch, Seq: m.seq}
}

// LineUp: a new line. What waited at the server on the old one is gone.
func (m *Member) LineUp() { m.knocking = false }

// FrameKey is the current epoch's base key for SFrame.
func (m *Member) FrameKey() ([]byte, error) { return m.core.FrameKey() }

// Leave erases the group's secrets.
func (m *Member) Leave() {
	m.ended, m.view = true, nil
	m.core.Leave()
}

// Take is the server's next message. Those that are not about the group have no effect.
func (m *Member) Take(message meetings.Message, now time.Time) []Effect {
	if m.ended {
		return nil
	}
	switch q := message.(type) {
	case *meetings.RoomStatus:
		return m.onRoom(q, now)
	case *meetings.Created:
		return m.onCreated(q.Group)
	case *meetings.CreateLost:
		m.drop()
		return m.knock(now)
	case *meetings.CommitRequest:
		return m.onRequest(q, now)
	case *meetings.Committed:
		return m.onCommit(q, now)
	case *meetings.CommitRefused:
		m.refused()
	case *meetings.Welcome:
		m.welcome = q
		return []Effect{FetchTree{q.Epoch}}
	case *meetings.Posted:
		return m.onPosted(q)
	case *meetings.GroupStateWanted:
		if m.view == nil {
			return nil
		}
		info, tree, err := m.core.Public()
		if err != nil {
			return []Effect{Failed{"core-failed", err.Error()}}
		}
		return []Effect{Send{&meetings.GroupState{GroupInfo: info, Tree: tree}}}
	case *meetings.Recovered:
		if m.view != nil && bytes.Equal(m.view.Group, q.Group) && m.view.Epoch == q.Epoch {
			return []Effect{Resumed{*m.view}}
		}
	case *meetings.Reenter:
		return m.reenter(now)
	case *meetings.Restart:
		return m.onRestart(q, now)
	case *meetings.Failure:
		return m.onFailure(q)
	}
	return nil
}

func (m *Member) onRoom(q *meetings.RoomStatus, now time.Time) []Effect {
	if mls.RoomID(q.Room.ID) != m.room.ID {
		return m.unsafe("wrong-room", "the server answers for another room")
	}
	if m.view != nil && (q.State == meetings.StateRecover || q.Group == nil) {
		return nil // groupStateWanted follows, or the call is over and "ended" does
	}
	if m.view != nil && q.Member && bytes.Equal(q.Group.Group, m.view.Group) {
		return []Effect{Resumed{*m.view}}
	}
	m.told = q.Room.Profile
	var out []Effect
	if m.view != nil {
		// The device had been away for too long, and its leaf is gone.
		m.drop()
		m.wasIn = false
		out = append(out, Left{})
	}
	m.wasIn = m.wasIn || q.Member
	switch {
	case m.creating: // "created" or another's group follows
		return out
	case q.State != meetings.StateEmpty || m.account != m.room.Owner:
		if !m.knocking {
			out = append(out, m.knock(now)...)
		}
		return out
	case mls.AccountID(q.Room.Owner) != m.room.Owner:
		return append(out, m.unsafe("creator-not-owner", "the server names another owner than the link")...)
	}
	return append(out, m.create(nil)...)
}

// create makes the group of the call, or the one that follows another.
func (m *Member) create(follows *restart) []Effect {
	m.knocking = false
	room := mls.Room{Version: mls.RoomVersion, ID: m.room.ID, Owner: m.room.Owner, Hosts: []mls.AccountID{m.room.Owner}, Profile: m.told}
	q := &meetings.Create{}
	if follows != nil {
		room.Hosts, room.Admits, room.Profile = follows.from.Room.Hosts, follows.from.Room.Admits, follows.from.Room.Profile
		q.Restarts = follows.of.Group
	}
	err := m.core.Create(room, nil)
	if err == nil {
		q.GroupInfo, q.Tree, err = m.publicParts()
	}
	if err != nil {
		return []Effect{Failed{"core-failed", err.Error()}}
	}
	v, err := m.core.View()
	if err != nil {
		return []Effect{Failed{"core-failed", err.Error()}}
	}
	m.creating, m.made = true, &v
	return []Effect{Send{q}}
}

func (m *Member) publicParts() (info, tree meetings.Bytes, err error) {
	a, b, err := m.core.Public()
	return a, b, err
}

func (m *Member) onCreated(group []byte) []Effect {
	if !m.creating || m.made == nil {
		return nil
	}
	v := *m.made
	m.creating, m.made = false, nil
	m.replaced, m.relock = m.restart, m.restart != nil && m.restart.from.Room.Locked
	if !bytes.Equal(v.Group, group) {
		return m.unsafe("forked", "the server took another group than the one made here")
	}
	return m.enter(v, 0)
}

func (m *Member) enter(v session.View, seq uint64) []Effect {
	m.view, m.seq, m.joins, m.knocking, m.wasIn, m.wedgedFrom = &v, seq, 0, false, true, nil
	return append([]Effect{Entered{v}}, m.watchLog()...)
}

// KnockNow knocks after [KnockLater], unless something came in between.
func (m *Member) KnockNow(now time.Time) []Effect {
	if m.ended || m.view != nil || m.knocking {
		return nil
	}
	return m.knock(now)
}

func (m *Member) knock(now time.Time) []Effect {
	kp, err := m.core.KeyPackage(now)
	if err != nil {
		return []Effect{Failed{"core-failed", err.Error()}}
	}
	m.knocking = true
	return []Effect{Send{&meetings.Knock{KeyPackage: kp.MarshalMessage()}}, Knocked{m.wasIn}}
}

func (m *Member) onFailure(q *meetings.Failure) []Effect {
	switch {
	case (q.Request == "knock" || q.Request == "create") && (q.Code == "two-factors" || q.Code == "role" || q.Code == "not-recorded" || q.Code == "clock"):
		return []Effect{Failed{q.Code, q.Request}}
	case q.Request == "knock" && q.Code == "not-added":
		// The committers left this KeyPackage out (it may have been too old for
		// them): a fresh one, after a pause.
		m.knocking = false
		if m.joins++; m.joins >= joinTries {
			return []Effect{Failed{"key-failed", q.Code}}
		}
		return []Effect{KnockLater{}}
	case q.Request == "knock" && q.Code == "full":
		return []Effect{Failed{"full", q.Code}}
	case q.Request == "create" && (q.Code == "capacity" || q.Code == "calls" || q.Code == "draining"):
		return []Effect{Failed{q.Code, q.Request}}
	case q.Request == "admit":
		clear(m.admitted) // those who still wait are on the next list
	case q.Request == "knock", q.Request == "create" && q.Code != "recover":
		return []Effect{Failed{"protocol", q.Request + ": " + q.Code}}
	}
	return nil
}

// reenter: the core keeps what it holds of the group. Should the call restart,
// that is the proof of having been in it.
func (m *Member) reenter(now time.Time) (out []Effect) {
	if m.view != nil {
		m.wasIn, m.view = true, nil
		m.refused()
		out = append(out, Left{})
	}
	return append(out, m.knock(now)...)
}

func (m *Member) refused() {
	m.pending = nil
	m.core.Refused()
}

// drop forgets the group and all that hangs on it.
func (m *Member) drop() {
	m.view, m.restart, m.made, m.creating, m.pending = nil, nil, nil, false, nil
	if m.wedgedFrom == nil {
		m.core.Leave()
	}
}

// onRequest makes the commit that the server asks for: exactly that, or none.
func (m *Member) onRequest(q *meetings.CommitRequest, now time.Time) []Effect {
	if m.view == nil || q.Epoch != m.view.Epoch {
		return nil
	}
	m.refused()
	c := session.Commit{}
	for _, r := range q.Removes {
		if r.Leaf == m.view.Own {
			return nil // a committer can't remove itself (RFC 9420 §12.2)
		}
		c.Removes = append(c.Removes, r.Leaf)
	}
	if q.Change != nil {
		// A change that was not asked for here is the server's idea.
		if !m.asked || q.Change.Locked == nil || !*q.Change.Locked || q.Change.Hosts != nil {
			return nil
		}
		c.Change = &session.Change{Locked: q.Change.Locked}
	}
	for _, a := range q.Adds {
		c.Adds = append(c.Adds, session.Add{KeyPackage: a.KeyPackage, Admission: a.Admission})
	}
	if q.Restarts != nil {
		if m.restart == nil || !bytes.Equal(q.Restarts.Group, m.restart.of.Group) || q.Restarts.Epoch != m.restart.of.Epoch {
			return nil
		}
		c.Restart = &session.Restart{Group: q.Restarts.Group, Epoch: q.Restarts.Epoch}
	}
	p, err := m.core.Commit(c, now)
	if err != nil {
		// Our own core refuses what was asked (an unadmitted add, an expired
		// KeyPackage): not made, and the server asks another.
		return nil
	}
	m.pending = p.Commit
	answer := &meetings.Commit{Epoch: p.Summary.Epoch - 1, Commit: p.Commit, GroupInfo: p.GroupInfo}
	for _, w := range p.Welcomes {
		answer.Welcomes = append(answer.Welcomes, w)
	}
	return []Effect{Send{answer}}
}

func (m *Member) onCommit(q *meetings.Committed, now time.Time) []Effect {
	switch {
	case m.view == nil || q.Epoch <= m.view.Epoch:
		return nil
	case q.Epoch != m.view.Epoch+1:
		return m.reenter(now)
	}
	var err error
	if m.pending != nil && bytes.Equal(m.pending, q.Commit) {
		m.pending = nil
		err = m.core.Accepted()
	} else {
		m.refused()
		err = m.core.Process(q.Commit, now)
	}
	if err != nil {
		if rule := ruleOf(err); rule != "" {
			return m.unsafe("policy", rule)
		}
		before, own := m.view, sha256.Sum256(q.Commit)
		reason := err.Error()
		out := []Effect{Send{&meetings.Wedged{Epoch: q.Epoch, Commit: own[:], Reason: reason[:min(len(reason), maxReason)]}}}
		m.wedgedFrom = before
		return append(out, m.reenter(now)...)
	}
	v, err := m.core.View()
	if err != nil {
		return []Effect{Failed{"core-failed", err.Error()}}
	}
	m.view, m.seq, m.restart = &v, max(m.seq, q.Seq), nil
	out := []Effect{Moved{v}}
	switch {
	case v.Room.Locked:
		m.relock, m.asked = false, false
	case m.relock:
		m.relock, m.asked = false, true
		locked := true
		out = append(out, Send{&meetings.Change{Locked: &locked}})
	}
	return append(out, m.watchLog()...)
}

// Tree answers [FetchTree], with the tree or with why there is none.
func (m *Member) Tree(tree []byte, err error, now time.Time) []Effect {
	q := m.welcome
	m.welcome = nil
	if m.ended || q == nil {
		return nil
	}
	want := session.Expect{Room: m.room.ID, Owner: m.room.Owner}
	if m.restart != nil {
		want.Restart = &session.Restart{Group: m.restart.of.Group, Epoch: m.restart.of.Epoch}
	}
	var v session.View
	if err == nil {
		err = m.core.Join(q.Welcome, tree, want, now)
	}
	if err == nil {
		v, err = m.core.View()
	}
	if err != nil {
		if rule := ruleOf(err); rule != "" {
			return m.unsafe(codeOfRule(rule), rule)
		}
		if m.joins++; m.joins < joinTries {
			return m.knock(now)
		}
		return []Effect{Failed{"key-failed", err.Error()}}
	}
	// What the door showed is what this device agreed to.
	if !v.Room.Profile.AtLeast(m.told) {
		return m.unsafe("profile", "the call's profile is weaker than the server said")
	}
	if r := m.restart; r != nil {
		m.restart = nil
		if why := restartRefusal(v, r.from, r.without); why != "" {
			return m.unsafe("restart-refused", why)
		}
	}
	return m.enter(v, q.Seq)
}

func (m *Member) onPosted(q *meetings.Posted) []Effect {
	m.seq = max(m.seq, q.Seq)
	if m.view == nil {
		return nil
	}
	opened, err := m.core.Open(q.Data)
	if err != nil || opened.Epoch != m.view.Epoch {
		return nil // repeated, own, or from nobody: nothing was said
	}
	return []Effect{Said{*m.view, uint32(opened.Sender), opened.Data}}
}

// Say seals data for the group.
func (m *Member) Say(data []byte) ([]Effect, error) {
	if m.view == nil || m.ended {
		return nil, session.ErrNoGroup
	}
	sealed, err := m.core.Seal(data)
	if err != nil {
		return nil, fmt.Errorf("sealing a message: %w", err)
	}
	return []Effect{Send{&meetings.Post{Epoch: m.view.Epoch, Data: sealed}}}, nil
}

func (m *Member) unsafe(code, detail string) []Effect {
	m.ended = true
	return []Effect{Unsafe{code, detail}}
}

// ruleOf is the rule that was broken, "" where something merely failed.
func ruleOf(err error) string {
	var policy *mls.PolicyError
	var refusal *session.Refusal
	switch {
	case errors.As(err, &policy):
		return policy.Rule
	case errors.As(err, &refusal):
		return refusal.Rule
	}
	return ""
}

func codeOfRule(rule string) string {
	switch rule {
	case "wrong-room", "creator-not-owner", "log-forked":
		return rule
	}
	return "policy"
}
