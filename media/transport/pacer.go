package transport

import (
	"sync"
	"time"
)

// pacer looks after links whose lines have a limit, every few milliseconds; without any it sleeps.
type pacer struct {
	mu    sync.Mutex
	links []*link
	wake  chan struct{}
}

func newPacer() *pacer { return &pacer{wake: make(chan struct{}, 1)} }

func (p *pacer) add(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.links = append(p.links, l)
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pacer) take() (links []*link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	links, p.links = p.links, nil
	return links
}

// pace runs until the port is closed.
func (p *port) pace() {
	ticker := time.NewTicker(paceEvery)
	defer ticker.Stop()
	ticker.Stop()
	var links []*link
	for {
		select {
		case <-p.done:
			return
		case <-p.pacer.wake:
			if len(links) == 0 {
				ticker.Reset(paceEvery)
			}
			links = append(links, p.pacer.take()...)
		case <-ticker.C:
			links = p.releaseAll(links)
			if len(links) == 0 {
				ticker.Stop()
			}
		}
	}
}

// releaseAll lets leave what is due, and keeps the links that have to be watched on.
func (p *port) releaseAll(links []*link) []*link {
	t := p.aside()
	began := t.begin()
	defer func() { t.end(began) }()
	kept := links[:0]
	for _, l := range links {
		if p.release(l, t, began) {
			kept = append(kept, l)
		}
	}
	clear(links[len(kept):])
	return kept
}

func (p *port) release(l *link, t *turn, now time.Time) bool {
	defer p.guard("pacer")
	return l.release(t, now)
}
