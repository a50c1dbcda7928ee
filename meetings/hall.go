package meetings

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// Connection is the far end of one signalling connection. Its methods never
// block: an outgoing queue that overflows closes the connection.
type Connection interface {
	Send(Message)
	Close(code CloseCode, reason string)
}

// Records finds the stored part of a room.
type Records interface {
	Card(id mls.RoomID) (Card, error)
}

// Recorder writes to the audit log.
type Recorder interface {
	Write(audit.Event) error
}

// HallOptions put a Hall together. Only Records, Media and Plane are needed.
type HallOptions struct {
	Records Records
	Media   Media
	Plane   Plane
	// Statements are the rules of the key log that every call goes by; nil: no call begins.
	Statements *statement.Checker
	Relay      Credentials // nil: there is none
	Audit      Recorder
	// Writable says whether the audit log can be written at the moment; nil: it always can. It must not block.
	Writable func() error
	Now      func() time.Time
	Rand     io.Reader
	Log      *slog.Logger
	Limits   Limits
	Diary    *Diary // nil: nothing of calls is kept
	// Calls is how many calls may run at once; 0: as many as the machine does. SetLimits changes it, and Limits.Members.
	Calls int
	// RecoverFor is how long after the start calls of the time before are taken
	// back; default 10 minutes, negative: never.
	RecoverFor time.Duration
}

// Bounds of connections.
const (
	maxConnections        = 4096 // in one room
	maxAccountConnections = 16   // of one account in one room
	auditQueue            = 1024
)

// Errors of Connect.
var (
	ErrClosed = errors.New("the server is stopping")
	ErrFull   = errors.New("too many connections to this room")

	errWaiting = errors.New("too many entries wait")
)

// Hall runs every room that somebody is in.
type Hall struct {
	o       HallOptions
	entries chan audit.Event
	running sync.WaitGroup // loops and lanes
	writing sync.WaitGroup

	draining atomic.Bool // a restart begins without it
	drains   sync.Mutex  // who changes draining holds it

	mu     sync.Mutex // owns what follows
	loops  map[mls.RoomID]*loop
	calls  map[CallID]*loop
	begin  int // requests that may begin a further call, and are being dealt with
	closed bool
}

// NewHall opens the hall.
func NewHall(o HallOptions) *Hall {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	orDefault(&o.RecoverFor, 10*time.Minute)
	if o.Limits.RecoverUntil.IsZero() && o.RecoverFor > 0 {
		o.Limits.RecoverUntil = o.Now().Add(o.RecoverFor)
	}
	h := &Hall{
		o: o, entries: make(chan audit.Event, auditQueue),
		loops: map[mls.RoomID]*loop{}, calls: map[CallID]*loop{},
	}
	h.writing.Go(h.writeAudit)
	return h
}

// Close closes every connection so that clients come back to the next process,
// and waits for all goroutines.
func (h *Hall) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	for _, l := range h.loops {
		l.post(job{do: func(l *loop) { l.stop() }})
	}
	h.mu.Unlock()
	h.running.Wait()
	close(h.entries)
	h.writing.Wait()
}

// Line is one connection's way to its room.
type Line struct {
	loop *loop
	id   ConnID
}

// ID names the connection.
func (l *Line) ID() ConnID { return l.id }

// Receive hands a request to the room and returns when it has been dealt with:
// a client that sends faster than its room works waits in its own socket.
func (l *Line) Receive(q Request) {
	h, e := l.loop.hall, Received{Conn: l.id, Request: q, Draining: l.loop.hall.Draining(), Unrecorded: l.unrecorded(q)}
	if _, begins := q.(*Create); begins {
		e.Busy, e.Crowded = h.o.Media.Busy(), h.crowded()
		defer h.begun()
	}
	l.loop.call(job{event: e})
}

// crowded says whether one more call would be too many, and holds a place for it until begun: of two that come at once, one gets it.
func (h *Hall) crowded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	full := h.o.Calls > 0 && len(h.calls)+h.begin >= h.o.Calls
	h.begin++
	return full
}

func (h *Hall) begun() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begin--
}

// SetLimits says how many calls may run at once, 0 for as many as the machine does, and how many leaves each may have. Calls in progress
// go on with all who are in them.
func (h *Hall) SetLimits(calls, members int) {
	h.mu.Lock()
	h.o.Calls, h.o.Limits.Members = calls, members
	for _, l := range h.loops {
		l.post(job{event: LimitChanged{members}})
	}
	h.mu.Unlock()
}

// unrecorded is asked for the requests that bring somebody in.
func (l *Line) unrecorded(q Request) bool {
	switch q.(type) {
	case *Create, *Knock:
		w := l.loop.hall.o.Writable
		return w != nil && w() != nil
	}
	return false
}

// Gone says that the connection is no more.
func (l *Line) Gone() { l.loop.call(job{event: Disconnected{l.id}, gone: l.id}) }

// Connect brings a connection into a room.
func (h *Hall) Connect(room mls.RoomID, v Visitor, c Connection) (*Line, error) {
	card, err := h.o.Records.Card(room)
	if err != nil {
		return nil, err
	}
	var raw [12]byte
	if _, err := io.ReadFull(h.o.Rand, raw[:]); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	id := ConnID(base64.RawURLEncoding.EncodeToString(raw[:]))
	done := make(chan error, 1)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, ErrClosed
	}
	l := h.loops[room]
	if l == nil {
		l = newLoop(h, card)
		h.loops[room] = l
		h.running.Go(l.run)
	}
	// Posted under the lock, so that the loop can't end in between.
	l.post(job{do: func(l *loop) { done <- l.connect(id, v, c) }})
	h.mu.Unlock()
	if err := <-done; err != nil {
		return nil, err
	}
	return &Line{l, id}, nil
}

// find returns the loop of a room, or nil.
func (h *Hall) find(room mls.RoomID) *loop {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.loops[room]
}

func (h *Hall) all() []*loop {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*loop, 0, len(h.loops))
	for _, l := range h.loops {
		out = append(out, l)
	}
	return out
}

// End ends the call of a room.
func (h *Hall) End(room mls.RoomID, by mls.AccountID) {
	if l := h.find(room); l != nil {
		l.call(job{event: EndCall{By: by}})
	}
}

// EndAsOperator ends the call of a room for somebody who has no account, but a shell on the appliance. It reports whether there was one.
func (h *Hall) EndAsOperator(room mls.RoomID) bool {
	l := h.find(room)
	if l == nil {
		return false
	}
	_, live := h.Live(room)
	l.call(job{event: EndCall{Operator: true}})
	return live
}

// Drain sets whether further calls are refused. Those in progress go on: people join and leave them, and what they need to be restarted
// or taken back is not refused. A change is recorded first, with by's time, actor and client: what can't be recorded is not done. What is
// so already is neither done nor recorded again; changed says which.
func (h *Hall) Drain(on bool, by audit.Event) (changed bool, err error) {
	h.drains.Lock()
	defer h.drains.Unlock()
	if h.draining.Load() == on {
		return false, nil
	}
	by.Action, by.Result = audit.ServerResumed, audit.OK
	if on {
		by.Action = audit.ServerDrained
	}
	if h.o.Audit != nil {
		if err := h.o.Audit.Write(by); err != nil {
			return false, err
		}
	}
	h.draining.Store(on)
	return true, nil
}

// Draining reports whether further calls are refused.
func (h *Hall) Draining() bool { return h.draining.Load() }

// Renamed tells a running room its new name.
func (h *Hall) Renamed(room mls.RoomID, name string) {
	if l := h.find(room); l != nil {
		l.call(job{event: RoomRenamed{name}})
	}
}

// RulesChanged sends away those at a room's door whom may does not let there any
// more. It acts on nobody who is inside: they leave, or are removed by a host.
func (h *Hall) RulesChanged(room mls.RoomID, may func(mls.AccountID) bool) {
	if l := h.find(room); l != nil {
		l.call(job{do: func(l *loop) {
			for _, c := range l.room.sorted() {
				if c.member == nil && !may(c.visitor.Account) {
					l.apply(Barred{c.id})
				}
			}
		}})
	}
}

// Inside reports whether an account has a leaf in the call of a room that nobody
// was asked to remove.
func (h *Hall) Inside(room mls.RoomID, account mls.AccountID) (inside bool) {
	if l := h.find(room); l != nil {
		l.call(job{do: func(l *loop) {
			if l.room.call == nil {
				return
			}
			for _, m := range l.room.call.members {
				inside = inside || m.account == account && m.leaving == ""
			}
		}})
	}
	return inside
}

// InCall lists the accounts that are connected to a call.
func (h *Hall) InCall() map[[16]byte]bool {
	in := map[[16]byte]bool{}
	for _, l := range h.all() {
		l.call(job{do: func(l *loop) {
			if l.room.call == nil {
				return
			}
			for _, m := range l.room.call.members {
				if m.conn != nil {
					in[m.account] = true
				}
			}
		}})
	}
	return in
}

// ProfileChanged tells a running room under which profile its next call is held.
func (h *Hall) ProfileChanged(room mls.RoomID, profile mls.Profile) {
	if l := h.find(room); l != nil {
		l.call(job{event: ProfileChanged{profile}})
	}
}

// Refresh tells every running room what its record says of the next call's security profile. The errors of those that could not be
// read are returned, when the others were told.
func (h *Hall) Refresh() error {
	var failed []error
	for _, l := range h.all() {
		card, err := h.o.Records.Card(l.room.card.ID)
		if errors.Is(err, ErrNoRoom) {
			continue // its end is on the way
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		l.call(job{event: ProfileChanged{card.Profile}})
	}
	return errors.Join(failed...)
}

// Deleted ends everything in a room whose record is gone.
func (h *Hall) Deleted(room mls.RoomID) {
	if l := h.find(room); l != nil {
		l.call(job{event: RoomDeleted{}})
	}
}

// EndSessions closes the connections that sessions opened, those of the relay
// too: those named, or all of the account if none is.
func (h *Hall) EndSessions(account mls.AccountID, sessions ...string) {
	if h.o.Relay != nil {
		h.o.Relay.Revoke(account, h.o.Now(), sessions...)
	}
	for _, l := range h.all() {
		l.call(job{do: func(l *loop) {
			for _, id := range l.room.opened(account, sessions) {
				l.apply(SessionEnded{id})
			}
		}})
	}
}

// Tree returns the public tree of an epoch to somebody who is in it.
func (h *Hall) Tree(room mls.RoomID, epoch uint64, account mls.AccountID) (tree []byte, ok bool) {
	l := h.find(room)
	if l == nil {
		return nil, false
	}
	l.call(job{do: func(l *loop) { tree, ok = l.room.TreeFor(epoch, account) }})
	return tree, ok
}

// Live says whether a call runs in a room, and how many leaves are connected.
func (h *Hall) Live(room mls.RoomID) (people int, live bool) {
	l := h.find(room)
	if l == nil {
		return 0, false
	}
	n := l.people.Load()
	return max(int(n)-1, 0), n > 0
}

// Profile is the security profile of the call that is under way in a room.
func (h *Hall) Profile(room mls.RoomID) (p mls.Profile, running bool) {
	l := h.find(room)
	if l == nil {
		return p, false
	}
	of := l.profile.Load()
	if of == nil {
		return p, false
	}
	return *of, true
}

// Rooms says in how many rooms somebody is.
func (h *Hall) Rooms() int { return len(h.all()) }

// CallInfo is what the console shows of a call.
type CallInfo struct {
	Call      CallID
	Room      mls.RoomID
	Name      string
	Since     time.Time
	Epoch     uint64
	Locked    bool
	Members   []MemberInfo
	Forwarded uint64
	Refused   map[string]uint64
}

// MemberInfo is one leaf of a call.
type MemberInfo struct {
	Account   mls.AccountID
	Name      string
	Leaf      mls.LeafIndex
	Since     time.Time
	Connected bool
	Transport string
	Forwarded uint64
	Received  uint64
	Sending   int // bits a second that the network carries to them

	peer PeerID
}

// Calls lists the calls that run.
func (h *Hall) Calls() []CallInfo {
	out := []CallInfo{}
	for _, l := range h.all() {
		var info *CallInfo
		l.call(job{do: func(l *loop) { info = l.room.info() }})
		if info == nil {
			continue
		}
		stats := h.o.Media.Stats(info.Call)
		info.Forwarded, info.Refused = stats.Forwarded, stats.Refused
		for _, p := range stats.Peers {
			for i := range info.Members {
				if m := &info.Members[i]; m.peer != "" && m.peer == p.Peer {
					m.Transport, m.Forwarded, m.Received, m.Sending = p.Transport, p.Forwarded, p.Received, p.Sending
				}
			}
		}
		out = append(out, *info)
	}
	return out
}

// info describes the call for the console; nil if there is none.
func (r *Room) info() *CallInfo {
	c := r.call
	if c == nil {
		return nil
	}
	info := &CallInfo{Call: c.id, Room: r.card.ID, Name: r.card.Name, Since: c.since, Epoch: c.epoch, Locked: c.rules.Locked}
	for _, m := range c.inOrder() {
		entry := MemberInfo{Account: m.account, Name: m.name, Leaf: m.leaf, Since: m.since, Connected: m.conn != nil}
		if m.conn != nil {
			entry.peer = m.conn.peer
		}
		info.Members = append(info.Members, entry)
	}
	return info
}

// opened lists the connections that an account's sessions opened.
func (r *Room) opened(account mls.AccountID, sessions []string) []ConnID {
	var out []ConnID
	for _, c := range r.sorted() {
		if c.visitor.Account != account {
			continue
		}
		match := len(sessions) == 0
		for _, s := range sessions {
			match = match || s == c.visitor.Session
		}
		if match {
			out = append(out, c.id)
		}
	}
	return out
}

// What the media plane reports. Each is safe to call from any goroutine that
// holds no lock of the media plane, and does not block.

// MediaOffer passes an offer of the subscriber connection on.
func (h *Hall) MediaOffer(call CallID, peer PeerID, offer string, tracks []Track) {
	if tracks == nil {
		tracks = []Track{}
	}
	h.reply(call, peer, &Offer{Offer: offer, Tracks: tracks})
}

// MediaConnected says that a media connection stands.
func (h *Hall) MediaConnected(call CallID, peer PeerID, publishing bool, transport string) {
	h.reply(call, peer, &MediaLink{Transport: transport, Direction: direction(publishing)})
}

// MediaFailed says that a media connection fell.
func (h *Hall) MediaFailed(call CallID, peer PeerID, publishing bool) {
	h.reply(call, peer, &MediaLink{Direction: direction(publishing)})
}

// MediaLayers tells a peer's client which of its layers anybody receives.
func (h *Hall) MediaLayers(call CallID, peer PeerID, streams []StreamLayers) {
	h.reply(call, peer, &Layers{Streams: streams})
}

// MediaRefused tells a peer's client what the gate refused of its packets.
func (h *Hall) MediaRefused(call CallID, peer PeerID, counts map[string]uint64) {
	h.reply(call, peer, &MediaRefused{Counts: counts})
}

func direction(publishing bool) string {
	if publishing {
		return "publish"
	}
	return "subscribe"
}

func (h *Hall) reply(call CallID, peer PeerID, m Message) {
	h.mu.Lock()
	l := h.calls[call]
	h.mu.Unlock()
	if l != nil {
		l.post(job{event: PlaneReplied{peer, m}})
	}
}
