package appliance

import (
	"sync"
	"sync/atomic"
	"time"

	"huisclos/appliance/metrics"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/media"
	"huisclos/meetings"
	"huisclos/store"
)

// observer counts what happens while the appliance runs. What it counts of calls are numbers: who is in them it forgets at once.
type observer struct {
	commits, joining, answering *metrics.Times
	signIns                     metrics.Counts
	begun, epochs, joins        atomic.Uint64
	jumps                       atomic.Uint64

	mu       sync.Mutex // owns what follows
	requests map[metrics.Request]uint64
	admitted map[admission]time.Time // whose first media connection is awaited
	calls    map[meetings.CallID]*tally
	ended    []int // of calls that ended in this minute, their most participants
}

type admission struct {
	call meetings.CallID
	peer meetings.PeerID
}

// tally is how large a call was.
type tally struct {
	inside  map[meetings.PeerID]bool
	most    int // connections at once
	sampled int // people at once, by the look of each minute; it counts more than most, in which who comes back is there twice
	test    bool
}

func newObserver() *observer {
	return &observer{
		commits:   metrics.NewTimes(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
		joining:   metrics.NewTimes(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30),
		answering: metrics.NewTimes(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
		requests:  map[metrics.Request]uint64{}, admitted: map[admission]time.Time{}, calls: map[meetings.CallID]*tally{},
	}
}

// recorded counts sign-ins where accounts record them, and passes on to next.
func (o *observer) recorded(next func(*store.Tx, audit.Event) error) func(*store.Tx, audit.Event) error {
	return func(tx *store.Tx, e audit.Event) error {
		switch e.Action {
		case audit.LoginOK:
			o.signIns.Add("ok")
		case audit.LoginRefused:
			o.signIns.Add("refused")
		case audit.LoginLimited:
			o.signIns.Add("limited")
		}
		return next(tx, e)
	}
}

// Served counts a request.
func (o *observer) Served(class string, status int, took time.Duration) {
	o.mu.Lock()
	o.requests[metrics.Request{Class: class, Status: status}]++
	o.mu.Unlock()
	if took > 0 {
		o.answering.Add(took)
	}
}

// recorder is the audit log of the rooms, which says in which room a call began: the test call is no use of the appliance.
type recorder struct {
	log      meetings.Recorder
	observer *observer
	canaries *canaries
}

func (r recorder) Write(e audit.Event) error {
	if e.Action == audit.CallStarted && r.canaries.at(e.Object) {
		r.observer.isTest(meetings.CallID(e.Detail["call"]))
	}
	return r.log.Write(e)
}

func (o *observer) isTest(call meetings.CallID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t := o.calls[call]; t != nil {
		t.test = true
	}
}

// watchedPlane is the media plane that rooms use, with somebody who counts.
type watchedPlane struct {
	plane
	observer *observer
	now      func() time.Time
}

var _ meetings.Media = watchedPlane{}

func (p watchedPlane) Open(call meetings.CallID, epoch uint64) {
	p.observer.begun.Add(1)
	p.observer.mu.Lock()
	p.observer.calls[call] = &tally{inside: map[meetings.PeerID]bool{}}
	p.observer.mu.Unlock()
	p.plane.Open(call, epoch)
}

func (p watchedPlane) SetEpoch(call meetings.CallID, epoch uint64, now time.Time) {
	p.observer.epochs.Add(1)
	p.plane.SetEpoch(call, epoch, now)
}

func (p watchedPlane) Admit(call meetings.CallID, peer meetings.PeerID, leaf mls.LeafIndex) {
	o := p.observer
	o.joins.Add(1)
	o.mu.Lock()
	o.admitted[admission{call, peer}] = p.now()
	if t := o.calls[call]; t != nil {
		t.inside[peer] = true
		t.most = max(t.most, len(t.inside))
	}
	o.mu.Unlock()
	p.plane.Admit(call, peer, leaf)
}

func (p watchedPlane) Cut(call meetings.CallID, peer meetings.PeerID) {
	o := p.observer
	o.mu.Lock()
	delete(o.admitted, admission{call, peer})
	if t := o.calls[call]; t != nil {
		delete(t.inside, peer)
	}
	o.mu.Unlock()
	p.plane.Cut(call, peer)
}

func (p watchedPlane) CloseCall(call meetings.CallID) {
	p.plane.CloseCall(call)
	p.observer.closed(call)
}

func (o *observer) closed(call meetings.CallID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.calls[call]
	delete(o.calls, call)
	for a := range o.admitted {
		if a.call == call {
			delete(o.admitted, a)
		}
	}
	if t == nil || t.test || t.most == 0 {
		return
	}
	size := t.most
	if t.sampled > 0 {
		size = t.sampled
	}
	o.ended = append(o.ended, size)
}

// connected measures how long it took until somebody who was admitted had media.
func (o *observer) connected(call media.CallID, peer media.PeerID, now time.Time) {
	a := admission{meetings.CallID(call), meetings.PeerID(peer)}
	o.mu.Lock()
	at, ok := o.admitted[a]
	delete(o.admitted, a)
	o.mu.Unlock()
	if ok {
		o.joining.Add(now.Sub(at))
	}
}

// looked notes how many people were seen in a call, and takes what ended since the look before.
func (o *observer) looked(people map[meetings.CallID]int) (ended []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for call, n := range people {
		if t := o.calls[call]; t != nil {
			t.sampled = max(t.sampled, n)
		}
	}
	ended, o.ended = o.ended, nil
	return ended
}

// restore puts back what could not be kept.
func (o *observer) restore(ended []int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = append(ended, o.ended...)
}

// counted fills in what was counted since the start.
func (o *observer) counted(s *metrics.State) {
	s.Begun, s.Epochs, s.Joins, s.Jumps = o.begun.Load(), o.epochs.Load(), o.joins.Load(), o.jumps.Load()
	s.JoinTime, s.Commits, s.Answering = o.joining.Read(), o.commits.Read(), o.answering.Read()
	s.SignIns = o.signIns.Values()
	o.mu.Lock()
	defer o.mu.Unlock()
	s.Requests = make(map[metrics.Request]uint64, len(o.requests))
	for r, n := range o.requests {
		s.Requests[r] = n
	}
}
