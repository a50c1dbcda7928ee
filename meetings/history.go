package meetings

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"huisclos/crypto/mls"
	"huisclos/store"
)

// Buckets of the history of calls.
const (
	historyBucket   = "meetings.history"    // beginning (Unix milliseconds) ‖ room id -> kept call
	historyOfBucket = "meetings.history-of" // room id ‖ beginning -> nothing
)

const momentSize = 8 // octets of a beginning

// AddHistory is the migration that brings the history of calls.
func AddHistory(tx *store.Tx) error {
	for _, name := range []string{historyBucket, historyOfBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// Ending says how a call ended.
type Ending string

// Ways in which a call ends. By whose hand, only the audit log says.
const (
	EndLeft        Ending = "left"        // the last person left, or stayed away
	EndEnded       Ending = "ended"       // an administrator or an operator ended it
	EndInterrupted Ending = "interrupted" // the appliance stopped, and nobody took the call up again
	EndBroken      Ending = "broken"      // its group was to be restarted, and nobody did
)

// A PastCall is all that is kept of a call: no person, no address, no device, nothing of what was said.
type PastCall struct {
	Room  mls.RoomID
	Began time.Time
	Ended time.Time // zero: it is in progress
	// About: the appliance stopped in mid-call without being told to, and the end is known to the minute only.
	About bool
	Most  int // of different people who were in it at the same time
	How   Ending
}

// keptCall is a PastCall as it is stored, without what its key says. Seen is when it was last known to go on.
type keptCall struct {
	Ended int64  `json:"ended,omitempty"` // Unix milliseconds, as all times here
	Seen  int64  `json:"seen"`
	Exact bool   `json:"exact,omitempty"` // Seen is the moment of an orderly stop
	Most  int    `json:"most"`
	How   Ending `json:"how,omitempty"`
}

// ErrCursor: the place in the list is none of it.
var ErrCursor = errors.New("there is no such place in the list of past calls")

// A Diary keeps the history of calls for as long as it is told to, and nothing when that is no time at all. What it is told of it writes
// later, from a goroutine of its own: no room waits for the disk. The history of a room goes with the room.
type Diary struct {
	o DiaryOptions

	mu     sync.Mutex // owns what follows
	open   map[mls.RoomID]*openCall
	closed bool

	work    chan func()
	working sync.WaitGroup
}

type openCall struct {
	key    []byte
	kept   keptCall
	before bool // the process before began it, and nobody has taken it up yet
}

// DiaryOptions put a Diary together.
type DiaryOptions struct {
	DB *store.DB
	// Keep is how long a call is kept after its end; 0: not at all. It is asked whenever it matters, so it may change.
	Keep func() time.Duration
	Log  *slog.Logger
}

// OpenDiary opens the history. Calls that the process before did not see end may be taken up again; Settle closes those that are not.
func OpenDiary(o DiaryOptions) (*Diary, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Diary{o: o, open: map[mls.RoomID]*openCall{}, work: make(chan func(), 1024)}
	err := o.DB.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(historyBucket, nil, nil, 0, func(k, v []byte) bool {
			var c keptCall
			if failed = readKept(k, v, &c); failed != nil {
				return false
			}
			if c.Ended == 0 {
				d.open[roomOf(k)] = &openCall{key: k, kept: c, before: true}
			}
			return true
		})
		return failed
	})
	if err != nil {
		return nil, err
	}
	d.working.Go(func() {
		for f := range d.work {
			f()
		}
	})
	return d, nil
}

// Close notes that the calls in progress were so until now, and ends the diary. Nothing may be told to it afterwards.
func (d *Diary) Close(now time.Time) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	for _, c := range d.open {
		if !c.before {
			c.kept.Seen, c.kept.Exact = now.UnixMilli(), true
		}
	}
	d.closed = true
	d.mu.Unlock()
	close(d.work)
	d.working.Wait()
	d.store(d.going()...)
}

func readKept(k, v []byte, into *keptCall) error {
	if len(k) != momentSize+len(mls.RoomID{}) {
		return fmt.Errorf("history of calls: a key of %d octets", len(k))
	}
	if err := json.Unmarshal(v, into); err != nil {
		return fmt.Errorf("history of calls: %x: %w", k, err)
	}
	return nil
}

func historyKey(began time.Time, room mls.RoomID) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(began.UnixMilli())), room[:]...)
}

func roomOf(key []byte) mls.RoomID { return mls.RoomID(key[momentSize:]) }

func momentOf(octets []byte) time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(octets[:momentSize]))).UTC()
}

// Began notes that a call runs in a room. again: it is the one from before, taken up again after the appliance's stop or because its group
// had to be restarted.
func (d *Diary) Began(room mls.RoomID, again bool, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.open[room]
	if was != nil && (again || !was.before) {
		was.before, was.kept.Exact = false, false
		return
	}
	if was != nil {
		d.over(room, was, EndInterrupted, now)
	}
	c := &openCall{key: historyKey(now, room), kept: keptCall{Seen: now.UnixMilli()}}
	d.open[room] = c
	d.later(*c)
}

// Inside notes how many different people are in the call of a room.
func (d *Diary) Inside(room mls.RoomID, people int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.open[room]; c != nil && !c.before {
		c.kept.Most = max(c.kept.Most, people)
	}
}

// Over notes that the call of a room has ended, or that the one from before the appliance's stop is not taken up again.
func (d *Diary) Over(room mls.RoomID, how Ending, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c := d.open[room]; c != nil {
		d.over(room, c, how, now)
	}
}

// over ends an entry. d.mu is held.
func (d *Diary) over(room mls.RoomID, c *openCall, how Ending, now time.Time) {
	delete(d.open, room)
	c.kept.Ended, c.kept.How = now.UnixMilli(), how
	if c.before { // it ended when the appliance stopped, not when that was found
		c.kept.Ended, c.kept.How = c.kept.Seen, EndInterrupted
	} else {
		c.kept.Exact = true
	}
	d.later(*c)
}

// later writes an entry from the goroutine that may wait. d.mu is held, so that entries of a room are written in their order.
func (d *Diary) later(c openCall) {
	if !d.closed {
		d.work <- func() { d.store(c) }
	}
}

func (d *Diary) going() (list []openCall) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.open {
		if !c.before {
			list = append(list, *c)
		}
	}
	return list
}

// store writes entries of rooms that are still there: the appliance's own test call has none. With nothing to be kept it writes nothing.
func (d *Diary) store(list ...openCall) {
	if len(list) == 0 || d.o.Keep() <= 0 {
		return
	}
	err := d.o.DB.Update(func(tx *store.Tx) error {
		for _, c := range list {
			room := roomOf(c.key)
			if tx.Get(roomsBucket, room[:]) == nil {
				continue // deleted meanwhile: its history went with it
			}
			text, err := json.Marshal(c.kept)
			if err != nil {
				return fmt.Errorf("history of calls: %w", err)
			}
			if err := tx.Put(historyBucket, c.key, text); err != nil {
				return err
			}
			if err := tx.Put(historyOfBucket, append(room[:], c.key[:momentSize]...), []byte{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.o.Log.Error("the history of calls is not kept", "error", err)
	}
}

// Keeps is how long a call is kept after its end; 0: not at all.
func (d *Diary) Keeps() time.Duration { return max(d.o.Keep(), 0) }

// Note writes how the calls in progress stand: after a crash their end is known that closely. Once a minute is often enough.
func (d *Diary) Note(now time.Time) {
	d.mu.Lock()
	for _, c := range d.open {
		if !c.before {
			c.kept.Seen = now.UnixMilli()
		}
	}
	d.mu.Unlock()
	d.store(d.going()...)
}

// most entries that one transaction erases: no other waits long for it.
const eraseAtOnce = 1000

// Settle closes calls of the process before that nobody takes up any more, once taken says so, and erases what is due.
func (d *Diary) Settle(taken bool, now time.Time) error {
	if taken {
		d.mu.Lock()
		for room, c := range d.open {
			if c.before {
				d.over(room, c, EndInterrupted, now)
			}
		}
		d.mu.Unlock()
	}
	keep := d.o.Keep()
	for {
		n, err := d.erase(now.Add(-keep), keep <= 0)
		if err != nil || n < eraseAtOnce {
			return err
		}
	}
}

// erase removes what ended before a time, at most eraseAtOnce; all: also what is in progress.
func (d *Diary) erase(before time.Time, all bool) (n int, err error) {
	due := func(tx *store.Tx) (keys [][]byte, failed error) {
		tx.Scan(historyBucket, nil, nil, 0, func(k, v []byte) bool {
			if !all && !momentOf(k).Before(before) {
				return false // no call ends before it begins
			}
			var c keptCall
			if failed = readKept(k, v, &c); failed != nil {
				return false
			}
			if all || c.Ended != 0 && time.UnixMilli(c.Ended).Before(before) {
				keys = append(keys, k)
			}
			return len(keys) < eraseAtOnce
		})
		return keys, failed
	}
	var keys [][]byte
	err = d.o.DB.View(func(tx *store.Tx) (err error) {
		keys, err = due(tx)
		return err
	})
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	return len(keys), d.o.DB.Update(func(tx *store.Tx) error {
		for _, k := range keys {
			room := roomOf(k)
			if err := tx.Delete(historyBucket, k); err != nil {
				return err
			}
			if err := tx.Delete(historyOfBucket, append(room[:], k[:momentSize]...)); err != nil {
				return err
			}
		}
		return nil
	})
}

// forgetHistory removes the history of a room, in the transaction in which the room goes.
func forgetHistory(tx *store.Tx, room mls.RoomID) error {
	var moments [][]byte
	tx.Scan(historyOfBucket, room[:], nil, 0, func(k, _ []byte) bool {
		moments = append(moments, k[len(room):])
		return true
	})
	for _, m := range moments {
		if err := tx.Delete(historyBucket, append(m[:momentSize:momentSize], room[:]...)); err != nil {
			return err
		}
		if err := tx.Delete(historyOfBucket, append(room[:], m...)); err != nil {
			return err
		}
	}
	return nil
}

// A HistoryQuery says which past calls are wanted: of a room, or with the zero value of all; that began from From on and before To, where
// these are not zero.
type HistoryQuery struct {
	Room     mls.RoomID
	From, To time.Time
	After    string // where the page before ended; "": the beginning
}

// A NamedCall is a past call with the name that its room has now.
type NamedCall struct {
	PastCall
	Name string
}

// Page returns at most limit of the past calls that q names, the latest first, and where they end: the After of the next page, "" when there
// are no more. ErrCursor.
func (d *Diary) Page(q HistoryQuery, limit int) (page []NamedCall, next string, err error) {
	var end []byte // the key before which it goes on
	if q.After != "" {
		end, err = hex.DecodeString(q.After)
		if err != nil || len(end) != momentSize+len(mls.RoomID{}) {
			return nil, "", ErrCursor
		}
	} else if !q.To.IsZero() {
		end = historyKey(q.To, mls.RoomID{})
	}
	now := d.progress()
	err = d.o.DB.View(func(tx *store.Tx) error {
		var failed error
		var last []byte
		one := func(k []byte) bool {
			if !q.From.IsZero() && momentOf(k).Before(q.From) {
				return false
			}
			if len(page) == limit {
				next = hex.EncodeToString(last)
				return false
			}
			var c NamedCall
			if c, failed = named(tx, k, now); failed != nil {
				return false
			}
			page, last = append(page, c), k
			return true
		}
		if q.Room == (mls.RoomID{}) {
			tx.ScanBack(historyBucket, nil, end, 0, func(k, _ []byte) bool { return one(k) })
			return failed
		}
		var before []byte
		if end != nil {
			before = append(q.Room[:], end[:momentSize]...)
		}
		tx.ScanBack(historyOfBucket, q.Room[:], before, 0, func(k, _ []byte) bool {
			return one(historyKey(momentOf(k[len(q.Room):]), q.Room))
		})
		return failed
	})
	return page, next, err
}

// named reads one entry; going is how many people the calls in progress had at most.
func named(tx *store.Tx, k []byte, going map[string]int) (NamedCall, error) {
	var c keptCall
	if err := readKept(k, tx.Get(historyBucket, k), &c); err != nil {
		return NamedCall{}, err
	}
	r, err := get(tx, roomOf(k))
	if err != nil {
		return NamedCall{}, err
	}
	p := PastCall{Room: r.ID, Began: momentOf(k), Most: max(c.Most, going[string(k)]), How: c.How}
	if c.Ended != 0 {
		p.Ended, p.About = time.UnixMilli(c.Ended).UTC(), !c.Exact
	}
	return NamedCall{p, r.Name}, nil
}

// progress is how many people the calls in progress had at most, by their keys.
func (d *Diary) progress() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]int{}
	for _, c := range d.open {
		out[string(c.key)] = c.kept.Most
	}
	return out
}

// keptCalls lists the calls of a room, the first one first.
func keptCalls(tx *store.Tx, room mls.RoomID) (list []KeptCall, err error) {
	list = []KeptCall{}
	tx.Scan(historyOfBucket, room[:], nil, 0, func(k, _ []byte) bool {
		var c NamedCall
		if c, err = named(tx, historyKey(momentOf(k[len(room):]), room), nil); err != nil {
			return false
		}
		one := KeptCall{Began: c.Began, Most: c.Most, How: c.How}
		if !c.Ended.IsZero() {
			one.Ended = &c.Ended
		}
		list = append(list, one)
		return true
	})
	return list, err
}
