package passhash

import (
	"container/list"
	"context"
	"fmt"
	"sync"
)

// turns shares an amount of memory among callers, in the order in which they came. A caller that needs more than the
// whole is given the whole.
type turns struct {
	total, waiting int64

	mu    sync.Mutex
	free  int64
	queue list.List // of *turn, in order of arrival
}

type turn struct {
	need  int64
	given chan struct{} // closed, under mu, when the memory is the caller's
}

func newTurns(memory uint32, waiting int) *turns {
	return &turns{total: int64(memory), waiting: int64(waiting), free: int64(memory)}
}

// take waits until need KiB are free. The caller calls release once.
func (t *turns) take(ctx context.Context, memory uint32) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("passhash: %w", err)
	}
	need := min(int64(memory), t.total)
	release = func() { t.give(need) }
	t.mu.Lock()
	if t.queue.Len() == 0 && t.free >= need {
		t.free -= need
		t.mu.Unlock()
		return release, nil
	}
	if int64(t.queue.Len()) >= t.waiting {
		t.mu.Unlock()
		return nil, ErrBusy
	}
	me := &turn{need: need, given: make(chan struct{})}
	place := t.queue.PushBack(me)
	t.mu.Unlock()

	select {
	case <-me.given:
		return release, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-me.given: // both happened: hand the memory on
		t.free += need
	default:
		t.queue.Remove(place)
	}
	t.next() // the one behind may need less than this one did
	return nil, fmt.Errorf("passhash: %w", ctx.Err())
}

func (t *turns) give(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.free += n
	t.next()
}

// next gives memory to those at the front of the queue. The caller holds mu.
func (t *turns) next() {
	for e := t.queue.Front(); e != nil; e = t.queue.Front() {
		first := e.Value.(*turn)
		if first.need > t.free {
			return
		}
		t.free -= first.need
		t.queue.Remove(e)
		close(first.given)
	}
}
