package meetings

import (
	"bytes"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
)

// hello binds a connection to a device, and to its leaf if it can go on there.
func (r *Room) hello(c *conn, h *Hello) {
	if h.Protocol != ProtocolVersion {
		r.close(c, CloseReload, "other protocol version")
		return
	}
	if c.greeted {
		r.close(c, CloseBadMessage, "hello comes once")
		return
	}
	c.device, c.key = mls.DeviceID(h.Device), h.SignatureKey
	// A client that still holds the group is the one that was there: no need to ask.
	replace := h.Replace || (h.Resume != nil && r.call != nil && bytes.Equal(h.Resume.Group, r.call.group))
	for _, other := range r.sorted() {
		if other == c || !other.greeted || other.visitor.Account != c.visitor.Account ||
			(other.device != c.device && !bytes.Equal(other.key, c.key)) {
			continue
		}
		if !replace {
			r.send(c, &DeviceBusy{})
			return
		}
		r.close(other, CloseReplaced, "replaced by another tab")
	}
	c.greeted = true
	switch {
	case r.restart != nil:
		c.rejoins = r.restart.rejoin[string(c.key)]
		r.status(c)
		if c.rejoins {
			r.send(c, r.restart.message(c))
		}
	case r.call != nil:
		r.helloInCall(c, h.Resume)
	case h.Resume != nil && r.mayRecover():
		r.helloRecover(c, h.Resume)
	default:
		r.status(c)
		if h.Resume != nil {
			r.send(c, &Ended{})
		}
	}
}

// helloInCall resumes a leaf, or learns that its device has lost the group's keys.
func (r *Room) helloInCall(c *conn, at *Position) {
	m := r.memberOf(c)
	if m == nil || m.leaving != "" {
		r.status(c)
		return
	}
	if at == nil || !bytes.Equal(at.Group, r.call.group) || m.lost {
		m.lost = true
		r.status(c)
		if at != nil {
			r.send(c, &Reenter{})
		}
		return
	}
	if r.call.recovered {
		// The server can't know what this member saw before the restart: two
		// commits may have been made in one epoch, each accepted by one server.
		c.resume = at
		r.status(c)
		r.send(c, &GroupStateWanted{})
		return
	}
	r.status(c)
	r.resumeAt(c, m, at)
}

// resumeAt replays what a member missed and attaches it, or asks it to re-enter.
func (r *Room) resumeAt(c *conn, m *member, at *Position) {
	missed, ok := r.call.ring.after(at.Epoch, r.call.epoch, at.Seq, m.leaf)
	if !ok {
		m.lost = true
		c.resume = nil
		r.send(c, &Reenter{})
		return
	}
	r.attach(c, m)
	if r.call.recovered {
		r.send(c, &Recovered{Group: r.call.group, Epoch: at.Epoch})
	}
	for _, e := range missed {
		r.send(c, e.message)
	}
}

// status answers Hello.
func (r *Room) status(c *conn) {
	s := &RoomStatus{
		Room:       RoomCard{ID(r.card.ID), r.card.Name, ID(r.card.Owner), r.profile()},
		You:        You{ID(c.visitor.Account), c.visitor.Name, string(c.id)},
		State:      StateWaitingHost,
		Hosts:      []ID{ID(r.card.Owner)},
		ServerTime: r.now.UnixMilli(),
	}
	switch {
	case r.call != nil && c.resume != nil:
		s.State = StateRecover // until its view has been compared
	case r.call != nil:
		s.State = StateCall
		s.Group = &Position{Group: r.call.group, Epoch: r.call.epoch}
		s.Hosts = wireIDs(r.call.rules.Hosts)
		s.Locked = r.call.rules.Locked
		if m := r.memberOf(c); m != nil && m.leaving == "" {
			s.Member, s.Leaf = true, &m.leaf
		}
	case r.recovery != nil || r.restart != nil:
		s.State = StateRecover
	case c.visitor.Account == r.card.Owner:
		s.State = StateEmpty
	}
	r.send(c, s)
}

// unfit says which condition of the profile somebody does not meet; those that only a client can keep are not among them.
func (r *Room) unfit(c *conn) string {
	switch p := r.profile().Conditions; {
	case p.Has(mls.TwoFactors) && !c.visitor.TwoFactors:
		return "two-factors"
	case p.Has(mls.NoGuests) && c.visitor.Role == accounts.Guest, p.Has(mls.NoMembers) && c.visitor.Role == accounts.Member:
		return "role"
	}
	return ""
}

// profile is that of the call, or else that of the next.
func (r *Room) profile() mls.Profile {
	switch {
	case r.call != nil:
		return r.call.rules.Profile
	case r.restart != nil:
		return r.restart.profile
	}
	return r.card.Profile
}

func wireIDs(accounts []mls.AccountID) []ID {
	out := make([]ID, len(accounts))
	for i, a := range accounts {
		out[i] = ID(a)
	}
	return out
}

// create takes a group for a room without one: compare-and-swap on "no group".
func (r *Room) create(c *conn, q *Create, e Received) {
	if r.call != nil {
		r.send(c, &CreateLost{Group: r.call.group, Epoch: r.call.epoch})
		return
	}
	if r.recovery != nil {
		r.fail(c, "create", "recover")
		return
	}
	var again *restart
	if r.restart != nil {
		if again = r.restart; again.creator != c.id || !bytes.Equal(again.group.Group, q.Restarts) {
			r.fail(c, "create", "not-asked")
			return
		}
	} else if len(q.Restarts) != 0 {
		r.fail(c, "create", "not-asked")
		return
	} else if c.visitor.Account != r.card.Owner {
		r.fail(c, "create", "not-host")
		return
	} else if e.Unrecorded {
		r.fail(c, "create", codeUnrecorded)
		return
	} else if e.Draining {
		r.refused(c.visitor.Account, actionCallRefused, map[string]string{"reason": "draining"})
		r.fail(c, "create", "draining")
		return
	} else if e.Crowded {
		r.refused(c.visitor.Account, actionCallRefused, map[string]string{"reason": "calls"})
		r.fail(c, "create", "calls")
		return
	} else if e.Busy {
		// A restart goes on with a call that is in progress; only a new one is too much.
		r.refused(c.visitor.Account, actionCallRefused, map[string]string{"reason": "capacity"})
		r.fail(c, "create", "capacity")
		return
	}
	if code := r.unfit(c); code != "" {
		r.fail(c, "create", code)
		return
	}
	observer, rules, code := r.checkNew(c, q, again)
	if code != "" {
		r.refused(c.visitor.Account, actionCallRefused, map[string]string{"reason": code})
		r.fail(c, "create", code)
		return
	}
	r.begin(observer, rules)
	call := r.call
	if again != nil {
		call.restarts = &again.group
		r.restart = nil
	}
	action := audit.CallStarted
	if again != nil {
		action = audit.CallRestarted
	}
	r.noted(c.visitor.Account, action, map[string]string{"call": string(call.id)})
	r.dropKnock(c)
	for _, m := range call.members {
		r.attach(c, m)
	}
	r.send(c, &Created{Group: call.group, Epoch: call.epoch})
	r.statusDirty, r.lobbyDirty = true, true
}

// checkNew says what is wrong with a new group, or returns it. Its one member
// must be the device that offers it, its rules those of this room.
func (r *Room) checkNew(c *conn, q *Create, again *restart) (*mls.Observer, mls.Room, string) {
	observer, err := mls.NewObserver(q.GroupInfo, q.Tree)
	if err != nil {
		return nil, mls.Room{}, mls.Reason(err)
	}
	rules, code := r.checkRules(observer)
	if code != "" {
		return nil, rules, code
	}
	members, err := membersOf(observer)
	if err != nil {
		return nil, rules, "credential"
	}
	if err := r.log.Group(rules, observer.Members()); err != nil {
		return nil, rules, mls.Reason(err)
	}
	hosts := []mls.AccountID{r.card.Owner}
	if again != nil {
		if bytes.Equal(observer.ID(), again.group.Group) {
			return nil, rules, "group-id"
		}
		hosts = append(hosts, again.hosts...)
	}
	strange := func(a mls.AccountID) bool { return !slices.Contains(hosts, a) }
	switch {
	case observer.Epoch() != 0:
		return nil, rules, "epoch"
	case len(members) != 1 || !members[0].is(c):
		return nil, rules, "not-own-leaf"
	case members[0].name != c.visitor.Name:
		return nil, rules, "name"
	case !slices.Contains(rules.Hosts, c.visitor.Account):
		return nil, rules, "not-host"
	case again != nil && slices.ContainsFunc(rules.Hosts, strange):
		return nil, rules, "hosts"
	case rules.Profile != r.profile():
		return nil, rules, "profile"
	}
	return observer, rules, ""
}

// checkRules checks that a group is one of this room.
func (r *Room) checkRules(observer *mls.Observer) (mls.Room, string) {
	rules, err := mls.RoomOf(observer.GroupContextExtensions())
	switch {
	case err != nil:
		return rules, "room"
	case len(observer.ID()) != 16:
		return rules, "group-id"
	case rules.ID != r.card.ID:
		return rules, "other-room"
	case rules.Owner != r.card.Owner || !slices.Contains(rules.Hosts, r.card.Owner):
		return rules, "owner"
	case observer.Suite() != mls.Default:
		return rules, "suite"
	}
	return rules, ""
}

// membersOf reads the leaves of a tree.
func membersOf(o *mls.Observer) ([]*member, error) {
	var out []*member
	for _, l := range o.Members() {
		m, err := readMember(l)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func readMember(l mls.Member) (*member, error) {
	credential, err := mls.ParseDeviceCredential(l.Identity)
	if err != nil {
		return nil, err
	}
	return &member{
		leaf: l.Leaf, account: credential.Account, device: credential.Device,
		name: leafName(l.Extensions), key: l.SignatureKey,
	}, nil
}

// leafName is the display name in a leaf's extensions, "" if it has no valid one.
func leafName(extensions []mls.Extension) string {
	name, err := mls.NameOf(extensions)
	if err != nil {
		return ""
	}
	return name
}

// begin makes an observed group the room's call.
func (r *Room) begin(observer *mls.Observer, rules mls.Room) {
	group := observer.ID()
	c := &call{
		id: CallID(encodeID(group)), group: group, observer: observer, epoch: observer.Epoch(),
		since: r.now, rules: rules, members: map[mls.LeafIndex]*member{},
		keys: map[string]*member{}, devices: map[mls.DeviceID]*member{},
		ring:    ring{commits: r.limits.RingCommits, bytes: r.limits.RingBytes, keep: r.limits.RingTime},
		trees:   treeShelf{keep: r.limits.TreeTime},
		refresh: map[mls.LeafIndex]time.Time{}, reports: map[string]*wedgeReports{},
	}
	c.newEpoch()
	members, _ := membersOf(observer) // the callers have read them once
	for _, m := range members {
		m.since, m.path, m.gone = r.now, r.now, r.now
		c.put(m)
	}
	r.call, r.hadCall = c, true
	r.emit(MediaOpen{c.id, c.epoch})
}
