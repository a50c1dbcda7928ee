package transport

import (
	"maps"
	"sync"
	"time"

	"huisclos/media"
)

// tick drives everything that is due by time and not by a packet.
func (s *Server) tick() {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	last := s.cfg.Now()
	reported := last
	told := make(map[*publisher]map[media.RefusedReason]uint64)
	var of everybody
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
		}
		now := s.cfg.Now()
		s.port.defend(now)
		s.all(&of)
		for _, c := range of.calls {
			if c.router.Stale() {
				s.refresh(c)
			}
		}
		for _, p := range of.publishers {
			p.tick(now)
		}
		for _, sub := range of.subscribers {
			sub.tick(now)
		}
		if interval := now.Sub(last); interval >= media.TickEvery {
			last = now
			s.measureLoad(now)
			for _, c := range of.calls {
				s.routerTick(c, interval, now)
			}
		}
		if now.Sub(reported) >= reportEvery {
			reported = now
			for _, c := range of.calls {
				c.router.Report(now)
			}
			s.sendReports(of.subscribers)
			s.tellRefused(of.publishers, told)
		}
	}
}

func (s *Server) sendReports(to []*subscriber) {
	defer s.port.guard("reports")
	t := s.port.aside()
	began := t.begin()
	defer func() { t.end(began) }()
	for _, sub := range to {
		sub.link.sendReports(t)
	}
}

func (s *Server) routerTick(c *call, interval time.Duration, now time.Time) {
	defer s.port.guard("router")
	c.router.Tick(interval, now)
}

// everybody is who there is at a tick. The clock keeps it from one to the next, so that a quiet room allocates nothing.
type everybody struct {
	calls       []*call
	publishers  []*publisher
	subscribers []*subscriber
}

func (s *Server) all(of *everybody) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := *of
	of.calls, of.publishers, of.subscribers = of.calls[:0], of.publishers[:0], of.subscribers[:0]
	for _, c := range s.calls {
		of.calls = append(of.calls, c)
		for _, p := range c.publishers {
			of.publishers = append(of.publishers, p)
		}
		for _, sub := range c.subscribers {
			of.subscribers = append(of.subscribers, sub)
		}
	}
	// Who is gone is not kept from the collector.
	clearFrom(was.calls, len(of.calls))
	clearFrom(was.publishers, len(of.publishers))
	clearFrom(was.subscribers, len(of.subscribers))
}

func clearFrom[T any](was []T, from int) {
	if from < len(was) {
		clear(was[from:])
	}
}

// tellRefused tells new counts, and forgets publishers that are gone.
func (s *Server) tellRefused(publishers []*publisher, told map[*publisher]map[media.RefusedReason]uint64) {
	alive := make(map[*publisher]bool, len(publishers))
	for _, p := range publishers {
		alive[p] = true
		counts, any := p.call.router.Refused(p.peer)
		if !any || maps.Equal(counts, told[p]) {
			continue
		}
		told[p] = counts
		s.events.add(func(e media.Events) { e.Refused(p.call.id, p.peer, counts) })
	}
	maps.DeleteFunc(told, func(p *publisher, _ map[media.RefusedReason]uint64) bool { return !alive[p] })
}

// events calls a media.Events in order, from one goroutine, never under a lock.
type events struct {
	to    media.Events
	guard func(string)

	mu     sync.Mutex
	queue  []func(media.Events)
	wake   chan struct{}
	done   chan struct{}
	ended  chan struct{}
	closed bool
}

func newEvents(to media.Events, guard func(string)) *events {
	e := &events{to: to, guard: guard, wake: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go e.run()
	return e
}

func (e *events) add(event func(media.Events)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.queue = append(e.queue, event)
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *events) run() {
	defer close(e.ended)
	for {
		select {
		case <-e.wake:
		case <-e.done:
			return
		}
		e.mu.Lock()
		queue := e.queue
		e.queue = nil
		e.mu.Unlock()
		for _, event := range queue {
			e.call(event)
		}
	}
}

func (e *events) call(event func(media.Events)) {
	defer e.guard("events")
	event(e.to)
}

// close drops what was not told yet and waits for the call that is under way.
func (e *events) close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	close(e.done)
	e.mu.Unlock()
	<-e.ended
}
