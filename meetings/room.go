package meetings

import (
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// Card is the stored part of a room.
type Card struct {
	ID      mls.RoomID
	Name    string
	Owner   mls.AccountID
	Profile mls.Profile // that a call which begins now is held under; the zero value means mls.Standard
}

// Room is the state of one room: who is connected, who waits, and the call if
// there is one. The same events at the same times give the same effects.
//
// Invariants: a peer is admitted at media exactly while its connection is
// attached to a leaf of the tree that nobody was asked to remove; the epoch grows
// by one with each accepted commit and by nothing else; no effect names a
// connection that is gone.
type Room struct {
	card   Card
	limits Limits
	log    *statement.Checker // the rules of the key log

	conns  map[ConnID]*conn
	knocks []*knock // in order of arrival
	denied map[string]time.Time

	// At most one of the three is set; none while there is no call.
	call     *call
	recovery *recovery
	restart  *restart
	hadCall  bool // this process has run a call here: no group is taken back any more

	conncount, knockcount, peercount uint64

	// Of the Apply that is running.
	now time.Time
	out []Effect

	refusalsFrom time.Time // audited refusals since then
	refusals     int

	rosterDirty, lobbyDirty, statusDirty bool
	lobbyAt, rosterAt                    time.Time // no Lobby, no Roster before it
	wake                                 time.Time // of the last Wake effect
}

// New returns a room in which nobody is.
func New(card Card, limits Limits, log *statement.Checker) *Room {
	card.Profile = orStandard(card.Profile)
	return &Room{card: card, limits: limits.withDefaults(), log: log, conns: map[ConnID]*conn{}, denied: map[string]time.Time{}}
}

func orStandard(p mls.Profile) mls.Profile {
	if p == (mls.Profile{}) {
		return mls.Standard()
	}
	return p
}

// Apply takes the room through one event.
func (r *Room) Apply(e Event, now time.Time) []Effect {
	r.now, r.out = now, nil
	switch e := e.(type) {
	case Connected:
		r.conncount++
		r.conns[e.Conn] = &conn{id: e.Conn, number: r.conncount, visitor: e.Visitor}
	case Disconnected:
		if c := r.conns[e.Conn]; c != nil {
			r.forget(c)
		}
	case Received:
		if c := r.conns[e.Conn]; c != nil {
			r.receive(c, e)
		}
	case SessionEnded:
		if c := r.conns[e.Conn]; c != nil {
			r.leave(c, RemoveLeft)
			r.close(c, CloseSession, "session ended")
		}
	case Barred:
		if c := r.conns[e.Conn]; c != nil && c.member == nil && r.memberOf(c) == nil {
			r.close(c, CloseBarred, "not allowed any more")
		}
	case EndCall:
		if r.call != nil || r.restart != nil || r.recovery != nil {
			actor := e.By.String()
			if e.Operator {
				actor = audit.ActorOperator
			}
			r.endCall("ended", actor)
		}
	case RoomRenamed:
		r.card.Name = e.Name
		r.statusDirty = true
	case ProfileChanged:
		r.card.Profile = orStandard(e.Profile)
		r.statusDirty = true
	case LimitChanged:
		r.limits.Members = e.Members
	case RoomDeleted:
		if r.call != nil || r.restart != nil || r.recovery != nil {
			r.endCall("deleted", "")
		}
		for _, c := range r.sorted() {
			r.close(c, CloseRoomDeleted, "room deleted")
		}
	case PlaneReplied:
		r.planeReplied(e)
	case Tick:
	}
	if !r.quiet(e) {
		r.settle()
	}
	return r.out
}

// quiet events change nothing that settle looks at: there are many of them in a
// large call, and what is due has its own Tick.
func (r *Room) quiet(e Event) bool {
	switch e := e.(type) {
	case PlaneReplied:
		return true
	case Received:
		switch e.Request.(type) {
		case *Publish, *Subscribe, *Answer, *Wants, *RestartICE, *WantRelay:
			return r.conns[e.Conn] != nil && r.conns[e.Conn].greeted
		case *Post:
			// The first entry of an empty ring asks for a Tick to expire it.
			return r.call != nil && !r.wake.IsZero() && !r.call.ring.due.Before(r.wake)
		}
	}
	return false
}

// Idle: nobody is connected and nothing runs, so the room may be forgotten.
func (r *Room) Idle() bool {
	return len(r.conns) == 0 && r.call == nil && r.recovery == nil && r.restart == nil
}

func (r *Room) receive(c *conn, e Received) {
	if h, ok := e.Request.(*Hello); ok {
		r.hello(c, h)
		return
	}
	if !c.greeted {
		r.close(c, CloseBadMessage, "hello comes first")
		return
	}
	switch q := e.Request.(type) {
	case *Create:
		r.create(c, q, e)
	case *Knock:
		r.knock(c, q, e.Unrecorded)
	case *Admit:
		r.admit(c, q)
	case *Deny:
		r.deny(c, q)
	case *Commit:
		r.commit(c, q)
	case *Refresh:
		r.refreshAsked(c)
	case *Change:
		r.changeAsked(c, q)
	case *Remove:
		r.remove(c, q)
	case *Leave:
		r.leave(c, RemoveLeft)
		r.close(c, CloseLeft, "left")
	case *Post:
		r.post(c, q)
	case *GroupState:
		r.groupState(c, q)
	case *Wedged:
		r.wedged(c, q)
	case *Publish, *Subscribe, *Answer, *Wants, *RestartICE, *WantRelay:
		r.negotiate(c, q)
	}
}

// settle does everything that is due, and is the only place that looks at time.
func (r *Room) settle() {
	r.expireDenied()
	r.settleRecovery()
	r.settleRestart()
	if c := r.call; c != nil {
		r.settleAbsence()
		c.ring.expire(r.now)
		c.trees.expire(r.now)
	}
	if c := r.call; c != nil {
		at := r.abandonedAt()
		if !c.anyAlive() || !at.IsZero() && !r.now.Before(at) {
			r.endCall("empty", "")
		}
	}
	r.turnAway()
	r.plan()
	r.tellRoster()
	r.tellStatus()
	r.tellLobby()
	r.setWake()
}

func (c *call) anyAlive() bool {
	for _, m := range c.members {
		if m.alive() {
			return true
		}
	}
	return false
}

// setWake asks for a Tick at the earliest time at which settle has work.
func (r *Room) setWake() {
	var at time.Time
	due := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if r.recovery != nil {
		due(r.recovery.until)
	}
	if r.restart != nil {
		due(r.restart.deadline)
	}
	if r.lobbyDirty {
		due(r.lobbyAt)
	}
	for _, t := range r.denied {
		due(t)
	}
	if r.call != nil {
		r.callDue(due)
	}
	// A time that is past already would make an endless loop of Ticks.
	if !at.IsZero() && !at.After(r.now) {
		at = r.now.Add(time.Millisecond)
	}
	if !at.Equal(r.wake) || (!at.IsZero() && !r.wake.After(r.now)) {
		r.wake = at
		r.emit(Wake{At: at})
	}
}

func (r *Room) callDue(due func(time.Time)) {
	c := r.call
	due(c.ring.due)
	due(c.trees.expiry())
	if r.rosterDirty {
		due(r.rosterAt)
	}
	for _, m := range c.members {
		if m.conn == nil && m.leaving == "" {
			due(m.gone.Add(r.limits.Absence))
		}
	}
	due(r.abandonedAt())
	due(r.planDue())
}

func (r *Room) emit(e Effect) { r.out = append(r.out, e) }

func (r *Room) send(c *conn, m Message) { r.emit(Send{[]ConnID{c.id}, m}) }

func (r *Room) fail(c *conn, request, code string) { r.send(c, &Failure{Code: code, Request: request}) }

// tell sends one message to several, if there are any.
func (r *Room) tell(to []ConnID, m Message) {
	if len(to) > 0 {
		r.emit(Send{to, m})
	}
}

// noted records an act of an account; the zero account is the appliance itself.
func (r *Room) noted(by mls.AccountID, action audit.Action, detail map[string]string) {
	r.record(by, action, audit.OK, detail)
}

// refused records an act that a rule did not let pass.
func (r *Room) refused(by mls.AccountID, action audit.Action, detail map[string]string) {
	r.record(by, action, audit.Refused, detail)
}

// At most so many refusals of one room are audited in a while.
const (
	maxRefusals   = 30
	refusalsEvery = time.Minute
)

func (r *Room) record(by mls.AccountID, action audit.Action, result audit.Result, detail map[string]string) {
	if result == audit.Refused {
		// Whoever sends nonsense all day does not fill the log.
		if r.now.Sub(r.refusalsFrom) >= refusalsEvery {
			r.refusalsFrom, r.refusals = r.now, 0
		}
		if r.refusals++; r.refusals > maxRefusals {
			return
		}
	}
	actor := ""
	if by != (mls.AccountID{}) {
		actor = by.String()
	}
	r.recordAs(actor, action, result, detail)
}

// recordAs is record for an actor of any kind; "": the appliance itself.
func (r *Room) recordAs(actor string, action audit.Action, result audit.Result, detail map[string]string) {
	if actor == "" {
		actor = audit.ActorSystem
	}
	r.emit(Record{audit.Event{Time: r.now, Actor: actor, Action: action, Object: r.card.ID.String(), Result: result, Detail: detail}})
}
