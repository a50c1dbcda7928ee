package meetings

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

// The group outlives the server. After a restart its members hand the public
// state back; the state on which most of those connected agree is the call's.

// recovery collects what the members of a lost call say.
type recovery struct {
	until    time.Time
	verified int // trees looked at: each costs a signature per leaf
	// states are verified; claims name one of them by groupHeader.key.
	states map[string]*recovered
	claims map[ConnID]string
}

type recovered struct {
	header   groupHeader
	observer *mls.Observer
	rules    mls.Room
	members  []*member
}

func (s *recovered) holder(c *conn) bool {
	return slices.ContainsFunc(s.members, func(m *member) bool { return m.is(c) })
}

// mayRecover: only right after the server's start, and only what this process
// has not seen end. Otherwise anybody could revive a call.
func (r *Room) mayRecover() bool {
	return r.recovery != nil || (!r.hadCall && r.now.Before(r.limits.RecoverUntil))
}

func (r *Room) helloRecover(c *conn, at *Position) {
	if r.recovery == nil {
		r.recovery = &recovery{
			until: r.now.Add(r.limits.Recover), states: map[string]*recovered{}, claims: map[ConnID]string{},
		}
		r.statusDirty = true
	}
	c.resume = at
	r.status(c)
	r.send(c, &GroupStateWanted{})
}

// groupState takes one member's view.
func (r *Room) groupState(c *conn, q *GroupState) {
	if c.resume == nil {
		r.fail(c, "groupState", "not-asked")
		return
	}
	header, err := peekGroupInfo(q.GroupInfo)
	if err != nil {
		r.fail(c, "groupState", "malformed")
		return
	}
	if r.call != nil {
		r.lateState(c, header)
		return
	}
	if r.recovery == nil {
		return
	}
	state := r.recovery.states[header.key()]
	if state == nil {
		var code string
		if state, code = r.verifyState(c, q); code != "" {
			r.refused(c.visitor.Account, actionRecoverRefused, map[string]string{"reason": code})
			r.fail(c, "groupState", code)
			return
		}
	}
	if !state.holder(c) {
		r.fail(c, "groupState", "not-member")
		return
	}
	r.recovery.states[state.header.key()] = state
	r.recovery.claims[c.id] = state.header.key()
}

func (r *Room) verifyState(c *conn, q *GroupState) (*recovered, string) {
	if r.recovery.verified++; r.recovery.verified > maxRecoverStates {
		return nil, "too-many"
	}
	observer, err := mls.NewObserver(q.GroupInfo, q.Tree)
	if err != nil {
		return nil, mls.Reason(err)
	}
	rules, code := r.checkRules(observer)
	if code != "" {
		return nil, code
	}
	// The record may have become stricter since the call began; then the next one begins under it.
	if !rules.Profile.AtLeast(r.card.Profile) {
		return nil, "profile"
	}
	members, err := membersOf(observer)
	if err != nil {
		return nil, "credential"
	}
	if err := r.log.Group(rules, observer.Members()); err != nil {
		return nil, mls.Reason(err)
	}
	return &recovered{headerOf(observer), observer, rules, members}, ""
}

// settleRecovery counts when the window closes.
func (r *Room) settleRecovery() {
	v := r.recovery
	if v == nil || r.now.Before(v.until) {
		return
	}
	votes := map[string]int{}
	for id, key := range v.claims {
		if r.conns[id] != nil {
			votes[key]++
		}
	}
	var best *recovered
	for key, n := range votes {
		s := v.states[key]
		if best == nil || n > votes[best.header.key()] || (n == votes[best.header.key()] && s.before(best)) {
			best = s
		}
	}
	if best == nil {
		r.endCall("not-recovered", "")
		return
	}
	r.recovery = nil
	r.begin(best.observer, best.rules)
	call := r.call
	call.recovered, call.base, call.baseEpoch = true, best.header.transcript, best.header.epoch
	r.noted(mls.AccountID{}, audit.CallRecovered, map[string]string{
		"call": string(call.id), "epoch": strconv.FormatUint(call.epoch, 10)})
	for _, c := range r.sorted() {
		if c.resume == nil {
			continue
		}
		m := r.memberOf(c)
		if v.claims[c.id] == best.header.key() && m != nil {
			r.attach(c, m)
			r.send(c, &Recovered{Group: call.group, Epoch: call.epoch})
			continue
		}
		if v.claims[c.id] == "" && m != nil {
			continue // its state is on its way: lateState compares it
		}
		c.resume = nil
		if m != nil {
			m.lost = true
		}
		r.send(c, &Reenter{})
	}
	r.statusDirty, r.lobbyDirty = true, true
}

// before orders states with equally many votes: the later epoch, then whatever
// is the same in every run.
func (s *recovered) before(o *recovered) bool {
	if s.header.epoch != o.header.epoch {
		return s.header.epoch > o.header.epoch
	}
	return s.header.key() < o.header.key()
}

// lateState compares the view of a member that came back to a recovered call.
func (r *Room) lateState(c *conn, header groupHeader) {
	call, at, m := r.call, c.resume, r.memberOf(c)
	c.resume = nil
	if m == nil || m.leaving != "" {
		r.send(c, &Reenter{})
		return
	}
	known := call.ring.transcript(header.epoch)
	if header.epoch == call.baseEpoch {
		known = call.base
	}
	if m.lost || !bytes.Equal(header.group, call.group) || known == nil || !bytes.Equal(header.transcript, known) {
		m.lost = true
		r.send(c, &Reenter{})
		return
	}
	r.resumeAt(c, m, &Position{Group: call.group, Epoch: header.epoch, Seq: at.Seq})
}
