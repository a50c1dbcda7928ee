package meetings

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"huisclos/audit"
	"huisclos/crypto/mls"
)

// loop runs one room: the only goroutine that touches it.
type loop struct {
	hall    *Hall
	room    *Room
	profile atomic.Pointer[mls.Profile] // of the call that runs
	people  atomic.Int64                // connected leaves + 1 while a call runs, else 0

	// Of the loop's goroutine.
	conns map[ConnID]Connection
	lanes map[PeerID]*lane
	timer *time.Timer
	ended bool

	mu    sync.Mutex // owns what follows
	queue []job
	over  bool
	ring  chan struct{} // the queue is not empty, or the loop is over
}

// job is one thing for the loop to do.
type job struct {
	event Event
	do    func(*loop)
	gone  ConnID // forget this connection first
	done  chan struct{}
}

func newLoop(h *Hall, card Card) *loop {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return &loop{
		hall: h, room: New(card, h.o.Limits, h.o.Statements), conns: map[ConnID]Connection{}, lanes: map[PeerID]*lane{},
		timer: t, ring: make(chan struct{}, 1),
	}
}

// post queues a job. After the loop's end it is dropped: the room is empty then.
func (l *loop) post(j job) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.queue = append(l.queue, j)
	select {
	case l.ring <- struct{}{}:
	default:
	}
	return true
}

// call queues a job and waits for it.
func (l *loop) call(j job) {
	j.done = make(chan struct{})
	if l.post(j) {
		<-j.done
	}
}

func (l *loop) take() []job {
	l.mu.Lock()
	defer l.mu.Unlock()
	q := l.queue
	l.queue = nil
	return q
}

func (l *loop) run() {
	defer l.timer.Stop()
	for {
		select {
		case <-l.ring:
			for _, j := range l.take() {
				l.work(j)
			}
		case <-l.timer.C:
			l.apply(Tick{})
		}
		if (l.ended || l.room.Idle()) && l.finish() {
			return
		}
	}
}

func (l *loop) work(j job) {
	if j.done != nil {
		defer close(j.done)
	}
	if j.gone != "" {
		delete(l.conns, j.gone)
	}
	if j.do != nil {
		j.do(l)
	}
	if j.event != nil {
		l.apply(j.event)
	}
}

// finish takes the loop out of the hall, unless something was queued meanwhile.
func (l *loop) finish() bool {
	h := l.hall
	h.mu.Lock()
	defer h.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) > 0 && !l.ended {
		return false
	}
	l.over = true
	for _, j := range l.queue {
		if j.done != nil {
			close(j.done)
		}
	}
	l.queue = nil
	if h.loops[l.room.card.ID] == l {
		delete(h.loops, l.room.card.ID)
	}
	for id, o := range h.calls {
		if o == l {
			delete(h.calls, id)
		}
	}
	return true
}

// connect is Connect, in the loop's goroutine.
func (l *loop) connect(id ConnID, v Visitor, c Connection) error {
	if l.ended {
		return ErrClosed
	}
	if len(l.conns) >= maxConnections || len(l.room.opened(v.Account, nil)) >= maxAccountConnections {
		return ErrFull
	}
	l.conns[id] = c
	l.apply(Connected{id, v})
	return nil
}

// stop closes everything without telling the room: its members come back to the
// next process and hand the group over.
func (l *loop) stop() {
	l.ended = true
	for id, c := range l.conns {
		c.Close(CloseRestarting, "server is stopping")
		delete(l.conns, id)
	}
	for peer := range l.lanes {
		l.closeLane(peer)
	}
	if c := l.room.call; c != nil {
		l.hall.o.Media.CloseCall(c.id)
	}
	l.people.Store(0)
}

func (l *loop) apply(e Event) {
	if l.ended {
		return
	}
	now := l.hall.o.Now()
	for _, effect := range l.room.Apply(e, now) {
		l.execute(effect, now)
	}
	n, inside := int64(0), map[mls.AccountID]bool{}
	if c := l.room.call; c != nil {
		n = 1
		for _, m := range c.members {
			if m.conn != nil {
				n++
				inside[m.account] = true
			}
		}
	}
	if l.people.Swap(n) != n && l.hall.o.Diary != nil {
		l.hall.o.Diary.Inside(l.room.card.ID, len(inside))
	}
	l.showProfile()
}

// showProfile lets others read the call's profile, which is one for the call's whole life.
func (l *loop) showProfile() {
	shown := l.profile.Load()
	switch c := l.room.call; {
	case c == nil && shown != nil:
		l.profile.Store(nil)
	case c != nil && (shown == nil || *shown != c.rules.Profile):
		p := c.rules.Profile
		l.profile.Store(&p)
	}
}

func (l *loop) execute(e Effect, now time.Time) {
	media := l.hall.o.Media
	switch e := e.(type) {
	case Send:
		l.send(e)
	case Close:
		if c := l.conns[e.Conn]; c != nil {
			delete(l.conns, e.Conn)
			c.Close(e.Code, e.Reason)
		}
	case MediaOpen:
		l.hall.mu.Lock()
		l.hall.calls[e.Call] = l
		l.hall.mu.Unlock()
		media.Open(e.Call, e.Epoch)
		if d := l.hall.o.Diary; d != nil {
			d.Began(l.room.card.ID, l.room.call != nil && l.room.call.recovered, now)
		}
	case CallOver:
		if d := l.hall.o.Diary; d != nil {
			d.Over(l.room.card.ID, e.How, now)
		}
	case MediaEpoch:
		media.SetEpoch(e.Call, e.Epoch, now)
	case MediaAdmit:
		media.Admit(e.Call, e.Peer, e.Leaf)
		l.lanes[e.Peer] = newLane(l, e)
		if l.hall.o.Relay != nil {
			l.lanes[e.Peer].push(&WantRelay{}) // as if it had asked
		}
	case MediaCut:
		media.Cut(e.Call, e.Peer)
		l.closeLane(e.Peer)
	case MediaClose:
		media.CloseCall(e.Call)
		for peer := range l.lanes {
			l.closeLane(peer)
		}
		l.hall.mu.Lock()
		delete(l.hall.calls, e.Call)
		l.hall.mu.Unlock()
	case Negotiate:
		if lane := l.lanes[e.Peer]; lane != nil {
			lane.push(e.Request)
		}
	case Record:
		l.record(e.Event)
	case Wake:
		l.timer.Stop()
		if !e.At.IsZero() {
			l.timer.Reset(max(e.At.Sub(now), 0))
		}
	}
}

func (l *loop) record(e audit.Event) { l.hall.entries <- e }

// send hands a message over; to several it is encoded once.
func (l *loop) send(e Send) {
	m := e.Message
	if len(e.To) > 1 {
		m = &Shared{Message: e.Message}
	}
	for _, id := range e.To {
		if c := l.conns[id]; c != nil {
			c.Send(m)
		}
	}
}

// Shared is a message for several connections. What encodes it first does so for
// all.
type Shared struct {
	Message
	once sync.Once
	raw  []byte
	err  error
}

// Encoded returns encode(Message), run once.
func (s *Shared) Encoded(encode func(Message) ([]byte, error)) ([]byte, error) {
	s.once.Do(func() { s.raw, s.err = encode(s.Message) })
	return s.raw, s.err
}

// lane carries one admitted peer's negotiation to the media plane, in order and
// outside of the room's goroutine.
type lane struct {
	loop  *loop
	call  CallID
	peer  PeerID
	conn  ConnID
	from  Visitor
	queue chan Request
	done  context.Context
	end   context.CancelFunc
	busy  bool // the goroutine runs
}

// laneQueue bounds what a client may ask before the first of it is answered.
const laneQueue = 64

func newLane(l *loop, e MediaAdmit) *lane {
	ctx, cancel := context.WithCancel(context.Background())
	var from Visitor
	if c := l.room.conns[e.Conn]; c != nil {
		from = c.visitor
	}
	return &lane{
		loop: l, call: e.Call, peer: e.Peer, conn: e.Conn, from: from,
		queue: make(chan Request, laneQueue), done: ctx, end: cancel,
	}
}

func (l *loop) closeLane(peer PeerID) {
	if lane := l.lanes[peer]; lane != nil {
		lane.end()
		delete(l.lanes, peer)
	}
}

// push is called by the loop's goroutine.
func (l *lane) push(q Request) {
	if !l.busy {
		l.busy = true
		l.loop.hall.running.Go(l.run)
	}
	select {
	case l.queue <- q:
	default:
		// The room learns of it as it learns of any broken connection.
		if c := l.loop.conns[l.conn]; c != nil {
			c.Close(CloseBadMessage, "too many media requests")
		}
	}
}

func (l *lane) run() {
	for {
		select {
		case <-l.done.Done():
			return
		case q := <-l.queue:
			m := l.negotiate(q)
			if l.done.Err() != nil {
				// Cut overtook the request. What it may have opened at the media
				// plane is closed; a later admission has another PeerID.
				l.loop.hall.o.Media.Cut(l.call, l.peer)
				return
			}
			if m != nil {
				l.loop.post(job{event: PlaneReplied{l.peer, m}})
			}
		}
	}
}

var errNoRelay = errors.New("there is no relay")

// negotiate runs one request and returns what its client is told.
func (l *lane) negotiate(q Request) Message {
	plane, err := l.loop.hall.o.Plane, error(nil)
	switch q := q.(type) {
	case *Publish:
		answer, failed := plane.Publish(l.done, l.call, l.peer, l.from.Via, q.Offer, q.Streams)
		if failed == nil {
			return &Published{Answer: answer, Streams: q.Streams}
		}
		err = failed
	case *Subscribe:
		err = plane.Subscribe(l.call, l.peer, l.from.Via, q.VP9)
	case *Answer:
		err = plane.Answer(l.call, l.peer, q.Answer)
	case *Wants:
		err = plane.Wants(l.call, l.peer, q.Wants)
	case *RestartICE:
		err = plane.RestartSubscriber(l.call, l.peer)
	case *WantRelay:
		if relay := l.loop.hall.o.Relay; relay != nil {
			now := l.loop.hall.o.Now()
			username, password, expires := relay.Credential(l.from.Account, l.from.Session, now)
			return &Relay{Username: username, Credential: password, LifetimeMs: expires.Sub(now).Milliseconds()}
		}
		err = errNoRelay
	}
	if err == nil {
		return nil
	}
	l.loop.hall.o.Log.Info("media request failed", "request", requestName(q), "peer", string(l.peer), "error", err)
	return &Failure{Code: "media", Request: requestName(q)}
}
