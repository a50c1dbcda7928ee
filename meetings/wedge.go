package meetings

import (
	"slices"
	"strconv"
	"time"

	"huisclos/crypto/mls"
)

// A commit that the server accepted may still be one that members can't
// process: the server sees neither the confirmation tag nor whether path secrets
// open. Who can't process it re-enters; if half can't, the call restarts in a
// new group without the committer.

// wedgeReports are the reports about one accepted commit.
type wedgeReports struct {
	first time.Time
	by    map[mls.LeafIndex]bool
}

func (r *Room) wedged(c *conn, q *Wedged) {
	m := c.member
	if m == nil {
		r.fail(c, "wedged", "not-member")
		return
	}
	call := r.call
	entry := call.ring.commit(q.Epoch, q.Commit)
	if entry == nil || entry.from == m.leaf || m.joined >= entry.epoch {
		r.fail(c, "wedged", "no-commit")
		return
	}
	detail := r.detail(m, "reason", q.Reason)
	detail["committer"] = strconv.FormatUint(uint64(entry.from), 10)
	r.refused(m.account, actionCommitWedged, detail)
	reports := call.reports[string(q.Commit)]
	if reports == nil || r.now.After(reports.first.Add(r.limits.Wedge)) {
		reports = &wedgeReports{first: r.now, by: map[mls.LeafIndex]bool{}}
		call.reports[string(q.Commit)] = reports
	}
	reports.by[m.leaf] = true
	for hash, old := range call.reports {
		if r.now.After(old.first.Add(r.limits.Wedge)) {
			delete(call.reports, hash)
		}
	}
	// It stands behind and can follow nothing more: from here it can only re-enter.
	r.detach(c)
	m.lost = true
	if 2*len(reports.by) >= entry.present {
		r.startRestart(entry)
	}
}

// restart is a call between two groups.
type restart struct {
	group    Position // last epoch that everybody could process
	without  []mls.LeafIndex
	hosts    []mls.AccountID // of the old group
	profile  mls.Profile     // likewise
	rejoin   map[string]bool // signature keys of those who were in it and may come
	creator  ConnID
	tried    map[ConnID]bool
	deadline time.Time
}

func (s *restart) message(c *conn) *Restart {
	role := "join"
	if c.id == s.creator {
		role = "create"
	}
	return &Restart{Group: s.group, Without: s.without, Role: role}
}

// startRestart ends the group after a bad commit, if a host can make a new one.
func (r *Room) startRestart(entry *ringEntry) {
	call := r.call
	s := &restart{
		group:   Position{Group: call.group, Epoch: entry.epoch - 1},
		without: []mls.LeafIndex{entry.from},
		hosts:   slices.Clone(call.rules.Hosts),
		profile: call.rules.Profile,
		rejoin:  map[string]bool{},
		tried:   map[ConnID]bool{},
	}
	committer := call.members[entry.from]
	for _, m := range call.inOrder() {
		// A leaf that came with the bad commit or later does not hold the last
		// good epoch: it knocks like anybody else.
		if m != committer && m.joined < entry.epoch && m.leaving == "" {
			s.rejoin[string(m.key)] = true
		}
	}
	rejoins := func(c *conn) bool {
		m := r.memberOf(c)
		return c.greeted && m != nil && s.rejoin[string(m.key)]
	}
	if !slices.ContainsFunc(r.sorted(), func(c *conn) bool { return rejoins(c) && call.isHost(c.visitor.Account) }) {
		return // they re-enter one by one
	}
	r.noted(mls.AccountID{}, actionCallRestart, map[string]string{"call": string(call.id),
		"epoch": strconv.FormatUint(entry.epoch, 10), "without": strconv.FormatUint(uint64(entry.from), 10)})
	r.emit(MediaClose{call.id})
	marked := []*conn{}
	for _, c := range r.sorted() {
		if rejoins(c) {
			marked = append(marked, c)
		}
	}
	r.unattachAll()
	if committer != nil {
		for _, c := range r.sorted() {
			if c.greeted && committer.is(c) {
				r.send(c, &Removed{RemoveWedged})
				r.close(c, CloseRemoved, string(RemoveWedged))
			}
		}
	}
	r.call, r.restart = nil, s
	for _, k := range r.knocks {
		k.admission = nil
	}
	for _, c := range marked {
		// A KeyPackage that it has handed in already counts in the new group too.
		c.rejoins = true
	}
	r.nextCreator()
}

// nextCreator names a host that makes the new group.
func (r *Room) nextCreator() {
	s := r.restart
	s.creator = ""
	for _, c := range r.sorted() {
		if c.rejoins && !s.tried[c.id] && slices.Contains(s.hosts, c.visitor.Account) {
			s.creator = c.id
			break
		}
	}
	if s.creator == "" {
		r.endCall("not-restarted", "")
		return
	}
	s.tried[s.creator] = true
	s.deadline = r.now.Add(r.limits.Restart)
	for _, c := range r.sorted() {
		if c.rejoins {
			r.send(c, s.message(c))
		}
	}
	r.statusDirty = true
}

// settleRestart: the named host is gone or too slow.
func (r *Room) settleRestart() {
	s := r.restart
	if s == nil {
		return
	}
	if c := r.conns[s.creator]; c == nil || !r.now.Before(s.deadline) {
		r.nextCreator()
	}
}
