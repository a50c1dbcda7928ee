package meetings

import (
	"slices"
	"time"

	"huisclos/crypto/mls"
)

// One commit per epoch. The server names a committer and says what the commit
// may hold; whoever was named in this epoch may still win it, nobody else can.

// request is what a named committer was asked for.
type request struct {
	committer mls.LeafIndex
	deadline  time.Time
	adds      []*knock
	removes   []RequestRemove
	reentries map[mls.LeafIndex]*knock // removes that are only allowed together with this add
	change    *Change
	refresh   bool
	restarts  *Position
}

// Bounds of retrying: how often a commit may leave an add out, and how long the
// room pauses after everybody was named in vain.
const (
	maxSkipped   = 3
	roundPause   = time.Second
	maxPause     = 10 * time.Second
	skipPause    = 500 * time.Millisecond
	refreshPause = time.Second // between two commits that one leaf asked for
)

func (c *call) newEpoch() {
	c.request, c.named, c.tried = nil, map[mls.LeafIndex]*request{}, map[mls.LeafIndex]bool{}
	c.rounds, c.again = 0, time.Time{}
}

// plan names a committer if there is something to commit.
func (r *Room) plan() {
	c := r.call
	if c == nil {
		return
	}
	if q := c.request; q != nil {
		if m := c.members[q.committer]; r.now.Before(q.deadline) && m != nil && m.conn != nil {
			return
		}
		r.giveUp(q)
	}
	if r.now.Before(c.again) {
		return
	}
	q := r.work()
	if q == nil {
		return
	}
	m := r.committer(q)
	if m == nil {
		return
	}
	q.committer = m.leaf
	q.deadline = r.now.Add(r.limits.Deadline + time.Duration(len(q.adds))*r.limits.DeadlineAdd +
		time.Duration(c.observer.PathCiphertexts(m.leaf))*r.limits.DeadlineNode)
	c.request, c.named[m.leaf] = q, q
	r.send(m.conn, q.message(c.epoch, r.now))
}

// giveUp marks a request as unanswered or answered wrongly.
func (r *Room) giveUp(q *request) {
	c := r.call
	c.request = nil
	c.tried[q.committer] = true
	m := c.members[q.committer]
	if q.change != nil {
		if i := slices.IndexFunc(c.changes, func(w wantedChange) bool { return w.change == q.change }); i >= 0 {
			c.changes = slices.Delete(c.changes, i, i+1)
		}
		if m != nil && m.conn != nil {
			r.fail(m.conn, "change", "timeout")
		}
	}
	if m != nil {
		m.tried = r.now
	}
	delete(c.refresh, q.committer)
}

// work collects everything that the next commit should do; nil if nothing or
// not yet.
func (r *Room) work() *request {
	c := r.call
	q := &request{reentries: map[mls.LeafIndex]*knock{}}
	c.changes = slices.DeleteFunc(c.changes, func(w wantedChange) bool {
		return w.member.conn == nil || !c.isHost(w.member.account) || c.tried[w.member.leaf]
	})
	adds, _ := r.readyAdds()
	if len(c.changes) > 0 {
		// Alone: new rules govern the adds of their own commit (RFC 9420 §12.3).
		q.change, adds = c.changes[0].change, nil
	}
	for _, k := range adds {
		if m := r.memberOf(k.conn); m != nil {
			q.reentries[m.leaf] = k
			q.removes = append(q.removes, RequestRemove{m.leaf, RemoveReentry})
		}
	}
	q.adds = adds
	urgent := len(adds) >= mls.MaxAdds || q.change != nil
	for _, m := range c.inOrder() {
		if m.leaving != "" && q.reentries[m.leaf] == nil && !r.now.Before(m.later) {
			q.removes = append(q.removes, RequestRemove{m.leaf, m.leaving})
			urgent = true
		}
	}
	if r.refresher() != nil {
		urgent = true
	}
	if len(adds) == 0 {
		c.batch = time.Time{}
	} else if c.batch.IsZero() {
		c.batch = r.now
	}
	if !urgent && (len(adds) == 0 || r.now.Before(c.batch.Add(r.limits.Batch))) {
		return nil
	}
	if c.restarts != nil && c.epoch == 0 {
		if r.gathering() {
			return nil
		}
		if len(adds) > 0 {
			q.restarts = c.restarts
		}
	}
	return q
}

// gathering: members of the group that this one restarts are still on their way.
func (r *Room) gathering() bool {
	if !r.now.Before(r.call.since.Add(r.limits.Gather)) {
		return false
	}
	for _, c := range r.conns {
		if !c.rejoins {
			continue
		}
		if c.knock == nil {
			return true
		}
		if queued, _ := r.standing(c.knock); !queued {
			return true
		}
	}
	return false
}

// readyAdds returns the knocks that the next commit can add, in order of
// arrival, and when the first of those that have to pause is due.
func (r *Room) readyAdds() (ready []*knock, later time.Time) {
	keys, devices := map[string]bool{}, map[mls.DeviceID]bool{}
	leaves := len(r.call.members)
	for _, k := range r.knocks {
		if len(ready) == mls.MaxAdds {
			break
		}
		queued, _ := r.standing(k)
		if !queued {
			continue
		}
		own := r.memberOf(k.conn)
		if own != nil && own.leaving != RemoveByHost && own.leaving != RemoveWedged {
			if at := own.since.Add(refreshPause); r.now.Before(at) {
				if later.IsZero() || at.Before(later) {
					later = at
				}
				continue
			}
		}
		if keys[string(k.conn.key)] || devices[k.conn.device] || r.blocked(k, own) {
			continue
		}
		if own == nil {
			if r.profile().Full(leaves) {
				continue // once there is no place left at all, turnAway says so
			}
			leaves++
		}
		keys[string(k.conn.key)], devices[k.conn.device] = true, true
		ready = append(ready, k)
	}
	return ready, later
}

// blocked: another leaf, or one that a host removes, still holds the key or the
// device. Policy would refuse the add.
func (r *Room) blocked(k *knock, own *member) bool {
	for _, m := range []*member{r.call.devices[k.conn.device], r.call.keys[string(k.conn.key)]} {
		if m != nil && (m != own || m.leaving == RemoveByHost || m.leaving == RemoveWedged) {
			return true
		}
	}
	return false
}

// refresher is the leaf whose own path is due: one that asked, or the one whose
// path is too old.
func (r *Room) refresher() *member {
	c := r.call
	for _, m := range c.inOrder() {
		at, asked := c.refresh[m.leaf]
		if asked && m.conn != nil && !c.tried[m.leaf] && !r.now.Before(at) {
			return m
		}
	}
	if m, at := r.oldestPath(); m != nil && !r.now.Before(at) {
		return m
	}
	return nil
}

// oldestPath is the connected leaf whose path is due first, and when.
func (r *Room) oldestPath() (first *member, due time.Time) {
	c := r.call
	every := max(r.limits.Refresh, time.Duration(len(c.members))*r.limits.RefreshLeaf)
	for _, m := range c.inOrder() {
		if m.conn == nil || c.tried[m.leaf] {
			continue
		}
		at := m.path
		if m.tried.After(at) {
			at = m.tried
		}
		if at = at.Add(every); first == nil || at.Before(due) {
			first, due = m, at
		}
	}
	return first, due
}

// committer chooses who is named: for a change its host, for a refresh that
// leaf, else the connected leaf whose own path is oldest, so that keys rotate
// through everybody. nil if everybody was tried: then the room pauses.
func (r *Room) committer(q *request) *member {
	c := r.call
	if q.change != nil {
		return c.changes[0].member
	}
	if m := r.refresher(); m != nil {
		q.refresh = true
		return m
	}
	var oldest *member
	connected := false
	for _, m := range c.inOrder() {
		if m.conn == nil {
			continue
		}
		connected = true
		if !c.tried[m.leaf] && (oldest == nil || m.path.Before(oldest.path)) {
			oldest = m
		}
	}
	if oldest == nil && connected {
		c.rounds++
		c.again = r.now.Add(min(time.Duration(c.rounds)*roundPause, maxPause))
		c.tried = map[mls.LeafIndex]bool{}
	}
	return oldest
}

// planDue is when plan has to look again.
func (r *Room) planDue() time.Time {
	c := r.call
	if c.request != nil {
		return c.request.deadline
	}
	var at time.Time
	due := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	connected := false
	for _, m := range c.members {
		connected = connected || m.conn != nil
		if m.leaving != "" && m.later.After(r.now) {
			due(m.later)
		}
		if t, ok := c.refresh[m.leaf]; ok && m.conn != nil && t.After(r.now) {
			due(t)
		}
	}
	if !connected {
		return time.Time{} // nobody could be named
	}
	if c.again.After(r.now) {
		return c.again
	}
	if !c.batch.IsZero() {
		due(c.batch.Add(r.limits.Batch))
		if c.restarts != nil && c.epoch == 0 {
			at = c.since.Add(r.limits.Gather)
		}
	}
	if _, later := r.readyAdds(); !later.IsZero() {
		due(later)
	}
	if _, t := r.oldestPath(); !t.IsZero() {
		due(t)
	}
	for _, k := range r.knocks {
		if k.admission != nil && k.expires.After(r.now) {
			due(k.expires) // back to the lobby
		}
	}
	return at
}

func (q *request) message(epoch uint64, now time.Time) *CommitRequest {
	m := &CommitRequest{
		Epoch: epoch, DeadlineMS: q.deadline.Sub(now).Milliseconds(), Adds: []RequestAdd{},
		Removes: append([]RequestRemove{}, q.removes...), Change: q.change, Refresh: q.refresh, Restarts: q.restarts,
	}
	for _, k := range q.adds {
		m.Adds = append(m.Adds, RequestAdd{k.id, k.raw, k.admission})
	}
	return m
}

// refreshAsked: a client wants a new path before it sends media again.
func (r *Room) refreshAsked(c *conn) {
	if c.member == nil {
		r.fail(c, "refresh", "not-member")
		return
	}
	at := r.now
	if soonest := c.member.path.Add(refreshPause); soonest.After(at) {
		at = soonest
	}
	if _, ok := r.call.refresh[c.member.leaf]; !ok {
		r.call.refresh[c.member.leaf] = at
	}
}

// changeAsked: a host wants other rules; its own leaf has to commit them.
func (r *Room) changeAsked(c *conn, q *Change) {
	call := r.hostAsks(c, "change")
	if call == nil {
		return
	}
	switch {
	case q.Locked == nil && q.Hosts == nil:
		r.fail(c, "change", "empty")
	case len(call.changes) >= maxChanges:
		r.fail(c, "change", "busy")
	case q.Hosts != nil && (len(q.Hosts) > maxHosts || !slices.Contains(q.Hosts, ID(r.card.Owner))):
		r.fail(c, "change", "hosts")
	default:
		call.changes = append(call.changes, wantedChange{c.member, q})
	}
}
