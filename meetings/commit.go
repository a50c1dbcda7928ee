package meetings

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

func encodeID(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// policy is the rule for one named committer: the one that every member runs
// too (statement.Checker), and on top what only the server can know, that each change was asked for.
func (r *Room) policy(q *request, adds *[]*knock) mls.PolicyFunc {
	rules := r.call.rules
	return func(in mls.PolicyInput) error {
		if err := r.log.Policy(in); err != nil {
			return err
		}
		removed, psks := map[mls.LeafIndex]bool{}, 0
		for i := range in.Proposals {
			p := &in.Proposals[i]
			switch p.Type {
			case mls.ProposalAdd:
				raw := p.Add.Marshal()
				at := slices.IndexFunc(q.adds, func(k *knock) bool { return bytes.Equal(k.pkg.Marshal(), raw) })
				if at < 0 {
					return notAsked("add")
				}
				*adds = append(*adds, q.adds[at])
			case mls.ProposalRemove:
				if !slices.ContainsFunc(q.removes, func(m RequestRemove) bool { return m.Leaf == p.Remove }) {
					return notAsked("remove of leaf " + strconv.FormatUint(uint64(p.Remove), 10))
				}
				removed[p.Remove] = true
			case mls.ProposalGroupContextExtensions:
				after, err := mls.RoomOf(p.Extensions)
				if err != nil || q.change == nil || !sameRules(wanted(rules, q.change), after) {
					return notAsked("change")
				}
			case mls.ProposalPSK:
				psks++
				if q.restarts == nil || p.PSK.Type != mls.PSKResumption || p.PSK.Epoch != q.restarts.Epoch ||
					!bytes.Equal(p.PSK.GroupID, q.restarts.Group) {
					return notAsked("psk")
				}
			}
		}
		for leaf, k := range q.reentries {
			if removed[leaf] != slices.Contains(*adds, k) {
				return notAsked("half of a re-entry")
			}
		}
		if q.restarts != nil && len(*adds) > 0 && psks != 1 {
			return notAsked("adds without the resumption psk")
		}
		return nil
	}
}

func notAsked(what string) error { return &mls.PolicyError{Rule: "not-asked", Detail: what} }

// wanted is the room's rules after a change.
func wanted(rules mls.Room, change *Change) mls.Room {
	if change.Locked != nil {
		rules.Locked = *change.Locked
	}
	if change.Hosts != nil {
		rules.Hosts = nil
		for _, h := range change.Hosts {
			rules.Hosts = append(rules.Hosts, mls.AccountID(h))
		}
	}
	return rules
}

// sameRules compares as sets what has no order.
func sameRules(a, b mls.Room) bool {
	set := func(ids []mls.AccountID) []mls.AccountID {
		ids = slices.Clone(ids)
		slices.SortFunc(ids, func(x, y mls.AccountID) int { return bytes.Compare(x[:], y[:]) })
		return slices.Compact(ids)
	}
	a.Hosts, b.Hosts = set(a.Hosts), set(b.Hosts)
	a.Admits, b.Admits = set(a.Admits), set(b.Admits)
	return bytes.Equal(a.Marshal(), b.Marshal())
}

// commit is the compare-and-swap on (group, epoch). The loser needs no replay:
// the commit that won is in its queue already, before the refusal.
func (r *Room) commit(c *conn, m *Commit) {
	call := r.call
	if c.member == nil {
		r.fail(c, "commit", "not-member")
		return
	}
	if m.Epoch != call.epoch {
		r.send(c, &CommitRefused{call.epoch, "epoch"})
		return
	}
	q := call.named[c.member.leaf]
	if q == nil {
		r.refuse(c, nil, "not-asked")
		return
	}
	var adds []*knock
	next, summary, err := call.observer.Check(m.Commit, r.policy(q, &adds), r.now)
	if err != nil {
		r.refuse(c, q, mls.Reason(err))
		return
	}
	switch {
	case summary.Committer != q.committer:
		r.refuse(c, q, "other-committer")
		return
	case len(m.Welcomes) != len(adds):
		r.refuse(c, q, "welcomes")
		return
	}
	if len(m.GroupInfo) > 0 {
		// A GroupInfo that names another state would mislead whoever used it.
		info, err := peekGroupInfo(m.GroupInfo)
		if err != nil || info.key() != headerOf(next).key() {
			r.refuse(c, q, "group-info")
			return
		}
	}
	if code := r.advance(c, m, q, next, summary, adds); code != "" {
		r.refuse(c, q, code)
	}
}

func headerOf(o *mls.Observer) groupHeader {
	return groupHeader{o.ID(), o.Epoch(), o.ConfirmedTranscriptHash()}
}

// refuse answers a commit that breaks a rule; its committer's turn is over.
func (r *Room) refuse(c *conn, q *request, reason string) {
	call := r.call
	r.refused(c.visitor.Account, audit.CommitRefused, map[string]string{
		"rule": reason, "epoch": strconv.FormatUint(call.epoch, 10), "call": string(call.id)})
	r.send(c, &CommitRefused{call.epoch, reason})
	if q == nil {
		return
	}
	delete(call.named, q.committer)
	if call.request == q {
		r.giveUp(q)
	}
}

// advance makes an accepted commit the call's next epoch.
func (r *Room) advance(c *conn, m *Commit, q *request, next *mls.Observer, summary *mls.CommitSummary, adds []*knock) string {
	call := r.call
	rules, err := mls.RoomOf(next.GroupContextExtensions())
	if err != nil {
		return "room"
	}
	added := slices.Clone(summary.Added)
	removed := slices.Clone(summary.Removed)
	for _, x := range summary.Replaced {
		added, removed = append(added, x.After), append(removed, x.Before)
	}
	joined := make([]*member, len(adds))
	for i, k := range adds {
		at := slices.IndexFunc(added, func(a mls.Member) bool { return bytes.Equal(a.SignatureKey, k.conn.key) })
		if at < 0 {
			return "internal"
		}
		if joined[i], err = readMember(added[at]); err != nil {
			return "credential"
		}
	}
	before, present := r.attached(nil), 0
	for _, o := range call.members {
		if o.conn != nil {
			present++
		}
	}
	call.seq++
	done := &Committed{Epoch: next.Epoch(), Commit: m.Commit, Hash: summary.Hash, Time: r.now.UnixMilli(), Seq: call.seq}
	call.observer, call.epoch = next, next.Epoch()
	changed := !sameRules(call.rules, rules)
	r.auditRules(c, rules)
	call.rules = rules
	call.ring.push(ringEntry{
		seq: call.seq, epoch: call.epoch, from: c.member.leaf, message: done, hash: summary.Hash,
		transcript: next.ConfirmedTranscriptHash(), size: len(m.Commit), present: present,
	}, r.now)
	c.member.path = r.now
	delete(call.refresh, c.member.leaf)
	r.emit(MediaEpoch{call.id, call.epoch})
	for _, x := range removed {
		r.removedLeaf(x.Leaf, c.visitor.Account)
	}
	r.tell(before, done)
	for i, k := range adds {
		r.addedLeaf(joined[i], k, m.Welcomes[i], c.visitor.Account)
	}
	r.afterCommit(q, adds)
	if len(adds) > 0 {
		t := shelvedTree{epoch: call.epoch, tree: next.Tree(), accounts: map[mls.AccountID]bool{}}
		for _, o := range call.members {
			t.accounts[o.account] = true
		}
		call.trees.put(t, r.now)
	}
	r.rosterDirty, r.lobbyDirty = true, true
	r.statusDirty = r.statusDirty || changed
	return ""
}

// removedLeaf: the tree holds the leaf no more.
func (r *Room) removedLeaf(leaf mls.LeafIndex, by mls.AccountID) {
	call := r.call
	m := call.members[leaf]
	if m == nil {
		return
	}
	if m.conn != nil {
		// Resumed after its removal had been asked for: no leaf, no media.
		c := m.conn
		r.detach(c)
		r.send(c, &Reenter{})
	}
	reason := m.leaving
	if reason == "" {
		reason = RemoveReentry
	}
	call.drop(m)
	r.noted(by, audit.CallMemberRemoved, r.detail(m, "reason", string(reason)))
}

// detail is what the audit log says about a leaf of the call.
func (r *Room) detail(m *member, key, value string) map[string]string {
	return map[string]string{
		"call": string(r.call.id), "epoch": strconv.FormatUint(r.call.epoch, 10),
		"leaf": strconv.FormatUint(uint64(m.leaf), 10), "account": m.account.String(), key: value,
	}
}

// addedLeaf: the tree holds a new leaf. Its media is admitted from now on if
// its connection still stands.
func (r *Room) addedLeaf(m *member, k *knock, welcome Bytes, by mls.AccountID) {
	call := r.call
	m.since, m.path, m.gone, m.joined = r.now, r.now, r.now, call.epoch
	call.put(m)
	r.noted(by, audit.CallMemberAdded, r.detail(m, "device", m.device.String()))
	c := k.conn
	if r.conns[c.id] != c || c.knock != k {
		m.lost = true // nobody is there to take the Welcome
		return
	}
	r.dropKnock(c)
	r.attach(c, m)
	r.send(c, &Welcome{Welcome: welcome, Epoch: call.epoch, Leaf: m.leaf, Seq: call.seq})
}

// afterCommit looks at what the accepted commit left out of what was asked.
func (r *Room) afterCommit(q *request, adds []*knock) {
	call := r.call
	call.newEpoch()
	call.batch = r.now
	if call.epoch > 0 {
		call.restarts = nil
	}
	for _, k := range q.adds {
		if slices.Contains(adds, k) || k.conn.knock != k {
			continue
		}
		if k.skipped++; k.skipped >= maxSkipped {
			r.dropKnock(k.conn)
			r.fail(k.conn, "knock", "not-added")
		}
	}
	for _, x := range q.removes {
		// Still the same leaf: a replaced one has come in with this epoch.
		if m := call.members[x.Leaf]; m != nil && m.leaving != "" {
			m.skipped++
			m.later = r.now.Add(min(skipPause<<min(m.skipped, 5), maxPause))
		}
	}
	if q.change == nil {
		return
	}
	call.changes = slices.DeleteFunc(call.changes, func(w wantedChange) bool { return w.change == q.change })
	if m := call.members[q.committer]; m != nil && m.conn != nil && !sameRules(call.rules, wanted(call.rules, q.change)) {
		r.fail(m.conn, "change", "not-made")
	}
}

func (r *Room) auditRules(c *conn, after mls.Room) {
	before := r.call.rules
	if before.Locked != after.Locked {
		action := audit.CallUnlocked
		if after.Locked {
			action = audit.CallLocked
		}
		r.noted(c.visitor.Account, action, map[string]string{
			"call": string(r.call.id), "epoch": strconv.FormatUint(r.call.epoch, 10)})
	}
	if !slices.Equal(before.Hosts, after.Hosts) {
		r.noted(c.visitor.Account, audit.CallHosts, map[string]string{
			"call": string(r.call.id), "epoch": strconv.FormatUint(r.call.epoch, 10), "hosts": strconv.Itoa(len(after.Hosts))})
	}
}

// post hands a sealed message to everybody else, in one order with commits.
func (r *Room) post(c *conn, q *Post) {
	if c.member == nil {
		r.fail(c, "message", "not-member")
		return
	}
	call := r.call
	group, epoch, err := privateHeader(q.Data)
	switch {
	case q.Epoch != call.epoch:
		r.send(c, &MessageRefused{"epoch", call.epoch, q.ID})
		return
	case err != nil || epoch != q.Epoch || !bytes.Equal(group, call.group):
		// Only sealed messages of this group pass: text in the clear can't.
		r.send(c, &MessageRefused{"not-sealed", call.epoch, q.ID})
		return
	}
	call.seq++
	m := &Posted{Epoch: q.Epoch, Data: q.Data, Time: r.now.UnixMilli(), Seq: call.seq}
	call.ring.push(ringEntry{seq: call.seq, epoch: q.Epoch, from: c.member.leaf, message: m, size: len(q.Data)}, r.now)
	r.tell(r.attached(c), m)
}
