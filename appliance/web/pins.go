package web

import (
	"sync"
	"time"

	"huisclos/accounts"
)

// pinTries slows down guessing at rooms' PINs. Of one account at one room five tries are free, and each further one waits
// as waitAfter says; of all accounts together a room takes a hundred wrong ones, and each further try waits half a minute:
// with 10,000 PINs of four digits and ten accounts that is three days for half of them, in an audit log full of refusals.
type pinTries struct {
	mu    sync.Mutex
	by    map[pinKey]*attempt
	rooms map[[16]byte]*attempt
}

type pinKey struct {
	room    [16]byte
	account accounts.ID
}

const (
	freeRoomTries = 100
	roomWait      = 30 * time.Second
)

func newPINTries() *pinTries {
	return &pinTries{by: map[pinKey]*attempt{}, rooms: map[[16]byte]*attempt{}}
}

// begin counts a try before the PIN is looked at. When it may not be made now, until says when it may.
func (t *pinTries) begin(room [16]byte, account accounts.ID, now time.Time) (until time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := entryOf(t.by, pinKey{room, account}, now)
	all := entryOf(t.rooms, room, now)
	for _, e := range []*attempt{own, all} {
		if now.Before(e.next) {
			return e.next, false
		}
	}
	own.tries++
	own.last, own.next = now, now.Add(waitAfter(own.tries))
	all.tries++
	all.last = now
	if all.tries >= freeRoomTries {
		all.next = now.Add(roomWait)
	}
	return time.Time{}, true
}

// giveBack takes a right try off both counts.
func (t *pinTries) giveBack(room [16]byte, account accounts.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.by, pinKey{room, account})
	if e := t.rooms[room]; e != nil && e.tries > 0 {
		e.tries--
		e.next = time.Time{}
		if e.tries >= freeRoomTries {
			e.next = e.last.Add(roomWait)
		}
	}
}

// entryOf finds or makes an entry; it keeps the table bounded as attempts does.
func entryOf[K comparable](table map[K]*attempt, key K, now time.Time) *attempt {
	e := table[key]
	if e != nil && now.Sub(e.last) <= forgetTries {
		return e
	}
	delete(table, key)
	if len(table) >= maxAddresses {
		var oldest K
		var at time.Time
		looked := 0
		for k, e := range table {
			if looked == 0 || e.last.Before(at) {
				oldest, at = k, e.last
			}
			if looked++; looked == sweepFraction {
				break
			}
		}
		delete(table, oldest)
	}
	e = &attempt{last: now}
	table[key] = e
	return e
}
