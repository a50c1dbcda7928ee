package meetings

import (
	"slices"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

// Removal: the server makes no proposal. It cuts forwarding at once and asks the
// next committer to remove the leaf.

// remove: a host removes somebody.
func (r *Room) remove(c *conn, q *Remove) {
	call := r.hostAsks(c, "remove")
	if call == nil {
		return
	}
	m := call.members[q.Leaf]
	switch {
	case m == nil:
		r.fail(c, "remove", "no-leaf")
	case m == c.member:
		r.fail(c, "remove", "own-leaf")
	case m.account == r.card.Owner && c.visitor.Account != r.card.Owner:
		r.fail(c, "remove", "owner")
	default:
		r.noted(c.visitor.Account, actionRemoveAsked, map[string]string{
			"call": string(call.id), "account": m.account.String()})
		r.expel(m, RemoveByHost)
	}
}

// expel marks a leaf for removal, whatever it was marked for before, and turns
// its device out.
func (r *Room) expel(m *member, reason RemoveReason) {
	m.leaving, m.later = reason, r.now
	for _, c := range r.sorted() {
		if c.greeted && m.is(c) {
			r.send(c, &Removed{reason})
			r.close(c, CloseRemoved, string(reason))
		}
	}
}

// leave: the client goes by itself, or its session ended.
func (r *Room) leave(c *conn, reason RemoveReason) {
	m := c.member
	if m == nil {
		if m = r.memberOf(c); !c.greeted || m == nil {
			return
		}
	}
	r.detach(c)
	r.dropKnock(c)
	if m.leaving == "" {
		m.leaving, m.later = reason, r.now
	}
}

// settleAbsence marks leaves that stayed away too long.
func (r *Room) settleAbsence() {
	for _, m := range r.call.inOrder() {
		if m.conn == nil && m.leaving == "" && !r.now.Before(m.gone.Add(r.limits.Absence)) {
			m.leaving, m.later = RemoveAbsent, r.now
		}
	}
}

// abandonedAt is when a call in which nobody is connected gives way to its
// owner, who waits at the door with a device that is not in it: nobody could let
// that device in. The zero time while there is no such case.
func (r *Room) abandonedAt() time.Time {
	waits := func(k *knock) bool { return k.conn.visitor.Account == r.card.Owner }
	if !slices.ContainsFunc(r.knocks, waits) {
		return time.Time{}
	}
	for _, c := range r.conns {
		if c.resume != nil {
			return time.Time{} // it is about to go on
		}
	}
	var last time.Time
	for _, m := range r.call.members {
		if m.conn != nil {
			return time.Time{}
		}
		if m.gone.After(last) {
			last = m.gone
		}
	}
	return last.Add(r.limits.Abandoned)
}

// endCall forgets the call and everything about it. actor is whose doing it is in the audit log; "": the appliance's own.
func (r *Room) endCall(reason, actor string) {
	var was []ConnID
	detail := map[string]string{"reason": reason}
	how := EndBroken
	switch reason {
	case "empty":
		how = EndLeft
	case "ended":
		how = EndEnded
	}
	r.emit(CallOver{how})
	switch {
	case r.call != nil:
		detail["call"] = string(r.call.id)
		r.emit(MediaClose{r.call.id})
		was = r.attached(nil)
		r.unattachAll()
	case r.restart != nil:
		for _, c := range r.sorted() {
			if c.rejoins {
				was = append(was, c.id)
			}
		}
	case r.recovery != nil:
		for _, c := range r.sorted() {
			if c.resume != nil {
				was = append(was, c.id)
			}
		}
	}
	for _, c := range r.conns {
		c.resume, c.rejoins = nil, false
	}
	r.call, r.recovery, r.restart = nil, nil, nil
	for _, k := range r.knocks {
		k.admission = nil // it named a group that is no more
	}
	clear(r.denied)
	r.tell(was, &Ended{Reason: reason})
	r.recordAs(actor, audit.CallEnded, audit.OK, detail)
	// A host that waited to be let in does not wait for itself.
	for _, k := range append([]*knock(nil), r.knocks...) {
		if k.conn.visitor.Account == r.card.Owner {
			r.dropKnock(k.conn)
		}
	}
	r.rosterDirty, r.statusDirty = false, true
}

// unattachAll takes every connection off its leaf. Media is closed by the caller.
func (r *Room) unattachAll() {
	for _, m := range r.call.members {
		if m.conn != nil {
			m.conn.member, m.conn.peer = nil, ""
			m.conn, m.gone = nil, r.now
		}
	}
}

// TreeFor is the public tree of an epoch, for somebody who is in it and still
// may have to fetch it.
func (r *Room) TreeFor(epoch uint64, account mls.AccountID) ([]byte, bool) {
	if r.call == nil {
		return nil, false
	}
	return r.call.trees.get(epoch, account)
}
