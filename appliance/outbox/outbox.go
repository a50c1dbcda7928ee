// Package outbox keeps the mails that are to be sent, and sends them.
//
// It decides when a mail is tried, tried again and given up. A mail is written in the transaction of what it is about: either both
// are on the disk or neither. It is sealed as seeds of second factors are, because some hold links that open an account; it is gone
// from the disk's records once it was sent, given up or out of date. It never sees what a mail means, and opens no connection by
// itself. A mail may come twice after a crash, with the same Message-ID; it is never lost in silence.
package outbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Buckets.
const (
	mailsBucket = "outbox.mails" // id (8 bytes, big endian) → sealed mail
	dueBucket   = "outbox.due"   // when it is tried next (8 bytes, Unix seconds), id → waiting
	stateBucket = "outbox.state" // "count" → how many
)

var countKey = []byte("count")

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{mailsBucket, dueBucket, stateBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

const (
	// Most bounds the mails that wait: 10,000 of 8 KiB are 80 MiB.
	Most = 10000
	// Patience is how long a mail is tried.
	Patience = 3 * 24 * time.Hour
	// A mail that a server doesn't take for now is tried again after first, then twice as long each time, up to longest.
	first   = time.Minute
	longest = 4 * time.Hour
	// After a connection that failed all mails wait, from shortPause up to longPause.
	shortPause = 30 * time.Second
	longPause  = 15 * time.Minute
	// page is how many mails leave over one connection.
	page = 50
	// maxMessage bounds one mail.
	maxMessage = 256 << 10
)

// ErrFull says that no more mails can wait.
var ErrFull = errors.New("outbox: too many mails wait already")

// Mail is one to one person.
type Mail struct {
	Kind    string // what it is about, for the audit log: "activation", "notice", "invitation"
	Object  string // id of the account, room … that it is about
	From    string
	To      string
	Message []byte    // RFC 5322
	Expires time.Time // it is worth nothing from then on; zero: for as long as it is tried
}

// waiting is what is known of a mail without opening it.
type waiting struct {
	Kind    string    `json:"kind"`
	Object  string    `json:"object,omitempty"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Tries   int       `json:"tries,omitempty"`
}

// Keys derives keys from the pepper: passhash.Hasher does.
type Keys interface {
	PepperID() string
	Derive(label, pepper string) ([]byte, error)
}

// Options of an outbox. Sender is nil where no mail leaves: then mails that wait from before grow out of date.
type Options struct {
	DB     *store.DB
	Audit  *audit.Log
	Keys   Keys
	Random io.Reader
	Sender Opener
	Log    *slog.Logger
}

// Opener opens a connection to a server that takes mails: *Server does.
type Opener interface {
	Open(ctx context.Context) (Session, error)
}

// Session sends one mail after the other. After an error that isn't a refusal of one mail it is over.
type Session interface {
	Send(from, to string, message []byte) error
	Close()
}

// Outbox is the queue of one appliance. Its methods may be called from any goroutine.
type Outbox struct {
	o Options

	turn sync.Mutex // one turn at a time

	mu      sync.Mutex
	sender  Opener
	pause   time.Duration // the last one
	paused  time.Time     // until
	sent    time.Time     // the last one
	givenUp int           // since the start
	failing *Failing
}

// Failing says what keeps mails from leaving.
type Failing struct {
	Since  time.Time
	Step   Step
	Detail string // for an operator; no address of a recipient
}

// Status is how mail is doing.
type Status struct {
	On      bool
	Waiting int
	Oldest  time.Time // when the oldest of those that wait was written; zero: none
	Sent    time.Time // when the last one left since the start; zero: none
	GivenUp int       // since the start; the audit log has each
	Failing *Failing  // nil: nothing keeps mails from leaving
}

// New returns the outbox that is kept in the database.
func New(o Options) *Outbox { return &Outbox{o: o, sender: o.Sender} }

// Through sends over another server from now on; nil: no mail leaves. What kept mails from leaving before is forgotten.
func (o *Outbox) Through(sender Opener) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sender, o.pause, o.paused, o.failing = sender, 0, time.Time{}, nil
}

// through is what mails leave by.
func (o *Outbox) through() Opener {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sender
}

// On reports whether mails leave.
func (o *Outbox) On() bool { return o.through() != nil }

// Add writes a mail in the transaction of what it is about. ErrFull.
func (o *Outbox) Add(tx *store.Tx, m Mail, now time.Time) error {
	if len(m.Message) > maxMessage {
		return fmt.Errorf("outbox: a mail of %d octets", len(m.Message))
	}
	n := count(tx)
	if n >= Most {
		return ErrFull
	}
	sequence, err := tx.NextSequence(mailsBucket)
	if err != nil {
		return err
	}
	w := waiting{Kind: m.Kind, Object: m.Object, Created: now.UTC(), Expires: now.Add(Patience).UTC()}
	if !m.Expires.IsZero() && m.Expires.Before(w.Expires) {
		w.Expires = m.Expires.UTC()
	}
	id := binary.BigEndian.AppendUint64(nil, sequence)
	box, err := o.seal(id, envelope{m.From, m.To, m.Message})
	if err != nil {
		return err
	}
	if err := tx.Put(mailsBucket, id, box); err != nil {
		return err
	}
	if err := put(tx, now, id, w); err != nil {
		return err
	}
	if err := setCount(tx, n+1); err != nil {
		return err
	}
	return o.record(tx, now, audit.MailQueued, audit.OK, w, nil)
}

func put(tx *store.Tx, due time.Time, id []byte, w waiting) error {
	b, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return tx.Put(dueBucket, append(binary.BigEndian.AppendUint64(nil, uint64(max(due.Unix(), 0))), id...), b)
}

func count(tx *store.Tx) int {
	b := tx.Get(stateBucket, countKey)
	if len(b) != 8 {
		return 0
	}
	return int(binary.BigEndian.Uint64(b))
}

func setCount(tx *store.Tx, n int) error {
	return tx.Put(stateBucket, countKey, binary.BigEndian.AppendUint64(nil, uint64(max(n, 0))))
}

// take removes a mail that is done with; found is false when it is gone already.
func take(tx *store.Tx, due []byte) (found bool, err error) {
	if tx.Get(dueBucket, due) == nil {
		return false, nil
	}
	if err := tx.Delete(dueBucket, due); err != nil {
		return false, err
	}
	if err := tx.Delete(mailsBucket, due[8:]); err != nil {
		return false, err
	}
	return true, setCount(tx, count(tx)-1)
}

func (o *Outbox) record(tx *store.Tx, now time.Time, action audit.Action, result audit.Result, w waiting, more map[string]string) error {
	detail := map[string]string{"kind": w.Kind}
	for k, v := range more {
		detail[k] = v
	}
	return o.o.Audit.Record(tx, audit.Event{Time: now, Actor: audit.ActorSystem, Action: action, Object: w.Object, Result: result, Detail: detail})
}

// Status reads how mail is doing.
func (o *Outbox) Status() (Status, error) {
	o.mu.Lock()
	s := Status{On: o.sender != nil, Sent: o.sent, GivenUp: o.givenUp}
	if o.failing != nil {
		f := *o.failing
		s.Failing = &f
	}
	o.mu.Unlock()
	err := o.o.DB.View(func(tx *store.Tx) error {
		s.Waiting = count(tx)
		if s.Waiting == 0 {
			return nil
		}
		// Ids grow: the first mail is the oldest. Its time stands where it waits.
		var oldest []byte
		tx.Scan(mailsBucket, nil, nil, 1, func(k, _ []byte) bool { oldest = k; return false })
		var failed error
		tx.Scan(dueBucket, nil, nil, 0, func(k, v []byte) bool {
			if string(k[8:]) != string(oldest) {
				return true
			}
			var w waiting
			failed = json.Unmarshal(v, &w)
			s.Oldest = w.Created
			return false
		})
		return failed
	})
	return s, err
}
