package forwarding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	bucket = "forwarding" // "position" → position

	// look is how often is looked for entries: that is how late one may leave.
	look = time.Second
	// page bounds the entries that are read, and held, at once.
	page = 200
	// confirmAfter and confirmEntries are when the collector is asked to confirm: so much after the first entry, or so many entries.
	confirmAfter   = 5 * time.Second
	confirmEntries = 5000
	// The wait after a failure doubles from the first to the longest.
	firstWait   = time.Second
	longestWait = 2 * time.Minute
	// lastWithin is how long the collector has to confirm what was sent before a stop.
	lastWithin = 2 * time.Second
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error { return tx.CreateBucket(bucket) }

var positionKey = []byte("position")

// position is how far a collector has confirmed.
type position struct {
	Collector string    `json:"collector"` // Address
	Sequence  uint64    `json:"sequence"`  // the last entry that it has confirmed; 0: none
	Time      time.Time `json:"time,omitzero"`
	Failing   time.Time `json:"failing,omitzero"` // since when it fails, as the audit log has it; zero: it does not
}

// Failing is a row of failures.
type Failing struct {
	Since  time.Time
	Step   Step
	Detail string // for an operator: the system's own words
}

// Status is how forwarding is doing.
type Status struct {
	On        bool
	Address   string
	Sequence  uint64    // the last entry that the collector has confirmed; 0: none
	Confirmed time.Time // when it did
	Waiting   uint64    // entries after that one
	Failing   *Failing  // nil: it goes well, or was not tried yet
}

// A Forwarder sends a log's entries on.
type Forwarder struct {
	DB    *store.DB
	Audit *audit.Log
	Log   *slog.Logger
	Now   func() time.Time

	mu      sync.Mutex // owns what follows
	to      *Collector
	at      position
	failing *Failing
}

// Status says how it is doing now.
func (f *Forwarder) Status() (Status, error) {
	f.mu.Lock()
	s := Status{On: f.to != nil, Sequence: f.at.Sequence, Confirmed: f.at.Time, Failing: f.failing}
	if f.to != nil {
		s.Address = f.to.Address
	}
	f.mu.Unlock()
	if !s.On {
		return Status{}, nil
	}
	head, err := f.Audit.Head()
	if err != nil {
		return Status{}, err
	}
	s.Waiting = head.Sequence - min(s.Sequence, head.Sequence)
	return s, nil
}

// Run forwards to the collector until ctx ends. One Run at a time.
func (f *Forwarder) Run(ctx context.Context, to *Collector) {
	if err := f.begin(to); err != nil {
		f.Log.Error("the audit log is not forwarded", "error", err)
		return
	}
	defer func() {
		f.mu.Lock()
		f.to, f.failing = nil, nil
		f.mu.Unlock()
	}()
	wait := firstWait
	for {
		err := f.turn(ctx, to)
		if ctx.Err() != nil {
			return
		}
		pause := look
		if err != nil {
			f.failed(err)
			pause, wait = wait, min(2*wait, longestWait)
		} else {
			wait = firstWait
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// begin goes on where the collector has confirmed. Another one gets the whole log.
func (f *Forwarder) begin(to *Collector) error {
	var at position
	err := f.DB.View(func(tx *store.Tx) (err error) {
		at, err = read(tx)
		return err
	})
	if err != nil {
		return err
	}
	if at.Collector != to.Address {
		at = position{Collector: to.Address}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to, f.at = to, at
	if !at.Failing.IsZero() { // still, until it goes well
		f.failing = &Failing{Since: at.Failing, Step: StepConnect, Detail: "not tried since the start"}
	}
	return nil
}

func read(tx *store.Tx) (p position, err error) {
	if row := tx.Get(bucket, positionKey); row != nil {
		if err := json.Unmarshal(row, &p); err != nil {
			return p, fmt.Errorf("forwarding: position: %w", err)
		}
	}
	return p, nil
}

// turn opens one session, sends what there is and what comes, and has it confirmed. Where there is nothing to send it does nothing.
func (f *Forwarder) turn(ctx context.Context, to *Collector) error {
	last := f.at.Sequence // Run alone changes it
	list, err := f.Audit.After(last, page)
	if err != nil || len(list) == 0 {
		return err
	}
	s, err := to.open(ctx)
	if err != nil {
		return err
	}
	until := time.Now().Add(confirmAfter)
	for sent := 0; ; {
		var text []byte
		for _, e := range list {
			text = append(text, frame(to.message(e.Entry, e.Line))...)
			last = e.Sequence
		}
		if len(text) > 0 {
			if err := s.send(text); err != nil {
				s.close()
				return err
			}
		}
		sent += len(list)
		left := time.Until(until)
		if sent >= confirmEntries || left <= 0 || ctx.Err() != nil {
			break
		}
		if len(list) < page {
			select {
			case <-ctx.Done():
			case <-time.After(min(look, left)):
			}
		}
		if list, err = f.Audit.After(last, page); err != nil {
			s.close()
			return err
		}
	}
	if err := s.confirm(); err != nil {
		return err
	}
	return f.confirmed(last)
}

// confirmed remembers how far the collector has come.
func (f *Forwarder) confirmed(last uint64) error {
	f.mu.Lock()
	was, next := f.at, f.at
	f.mu.Unlock()
	now := f.Now()
	next.Sequence, next.Time, next.Failing = last, now.UTC(), time.Time{}
	err := f.DB.Update(func(tx *store.Tx) error {
		if !was.Failing.IsZero() {
			e := audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.ForwardingBack, Detail: map[string]string{"collector": was.Collector,
				"since": was.Failing.Format(time.RFC3339), "sent": strconv.FormatUint(last-min(was.Sequence, last), 10)}}
			if err := f.Audit.Record(tx, e); err != nil {
				return err
			}
		}
		return write(tx, next)
	})
	if err != nil {
		return fmt.Errorf("forwarding: position: %w", err)
	}
	f.mu.Lock()
	recovered := f.failing != nil
	f.at, f.failing = next, nil
	f.mu.Unlock()
	if recovered {
		f.Log.Info("the audit log is forwarded again", "sequence", last)
	}
	return nil
}

func write(tx *store.Tx, p position) error {
	row, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("forwarding: position: %w", err)
	}
	return tx.Put(bucket, positionKey, row)
}

// failed notes a failure: the first of a row in the audit log, each in the service's own.
func (f *Forwarder) failed(err error) {
	now := f.Now()
	var failure *Failure
	if !errors.As(err, &failure) {
		f.Log.Error("the audit log is not read, or its position not kept", "error", err)
		return
	}
	f.mu.Lock()
	at, first := f.at, f.at.Failing.IsZero()
	if f.failing == nil {
		f.failing = &Failing{Since: now.UTC()}
	}
	// Another one: a status that was handed out stays as it is.
	f.failing = &Failing{Since: f.failing.Since, Step: failure.Step, Detail: failure.Err.Error()}
	f.mu.Unlock()
	if !first {
		f.Log.Warn("the audit log still can't be forwarded", "step", failure.Step, "error", failure.Err)
		return
	}
	f.Log.Error("the audit log can't be forwarded; what waits is sent later", "step", failure.Step, "error", failure.Err)
	at.Failing = now.UTC()
	err = f.DB.Update(func(tx *store.Tx) error {
		if err := write(tx, at); err != nil {
			return err
		}
		return f.Audit.Record(tx, audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.ForwardingFailed, Result: audit.Failed,
			Detail: map[string]string{"collector": at.Collector, "reason": string(failure.Step)}})
	})
	if err != nil {
		f.Log.Error("not in the audit log", "error", err)
		return
	}
	f.mu.Lock()
	f.at.Failing = at.Failing
	f.mu.Unlock()
}
