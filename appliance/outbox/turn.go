package outbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// item is a mail whose time has come.
type item struct {
	due []byte // its key
	waiting
}

func (i item) id() []byte { return i.due[8:] }

// Turn sends what is due, and gives up what is out of date. Call it every few seconds; it costs nothing when nothing is due.
// An error is of the database: what keeps mails from leaving stands in Status and in the log.
func (o *Outbox) Turn(ctx context.Context, now time.Time) error {
	o.turn.Lock()
	defer o.turn.Unlock()
	list, err := o.due(now)
	if err != nil {
		return err
	}
	var ready []item
	for _, i := range list {
		if now.Before(i.Expires) {
			ready = append(ready, i)
		} else if err := o.giveUp(i, now, "expired", ""); err != nil {
			return err
		}
	}
	o.mu.Lock()
	resting := now.Before(o.paused)
	o.mu.Unlock()
	sender := o.through()
	if len(ready) == 0 || sender == nil || resting {
		return nil
	}
	session, err := sender.Open(ctx)
	if err != nil {
		o.rest(err, now)
		return nil
	}
	defer session.Close()
	for _, i := range ready {
		over, err := o.send(session, i, now)
		if err != nil || over {
			return err
		}
	}
	return nil
}

// due returns the first of those whose time has come. Of those that can't be sent now, what is out of date is due as well.
func (o *Outbox) due(now time.Time) (list []item, err error) {
	limit := page
	if !o.On() {
		limit = 0 // they stand before those that are out of date
	}
	err = o.o.DB.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(dueBucket, nil, nil, limit, func(k, v []byte) bool {
			if int64(binary.BigEndian.Uint64(k)) > now.Unix() {
				return false
			}
			i := item{due: k}
			if failed = json.Unmarshal(v, &i.waiting); failed != nil {
				failed = fmt.Errorf("outbox: %w", failed)
			}
			if o.On() || !now.Before(i.Expires) {
				list = append(list, i)
			}
			return failed == nil
		})
		return failed
	})
	return list, err
}

// send tries one mail. over says that the session is.
func (o *Outbox) send(session Session, i item, now time.Time) (over bool, err error) {
	var e envelope
	err = o.o.DB.View(func(tx *store.Tx) (err error) {
		e, err = o.open(i.id(), tx.Get(mailsBucket, i.id()))
		return err
	})
	if err != nil {
		return false, o.giveUp(i, now, "sealed", "")
	}
	sent := session.Send(e.From, e.To, e.Message)
	clear(e.Message)
	var refused *Failure
	switch {
	case sent == nil:
		o.well(now)
		return false, o.done(i, now, audit.MailSent, audit.OK, nil)
	case !errors.As(sent, &refused) || !refused.OfOne():
		o.rest(sent, now)
		if refused != nil && (refused.Step == StepRecipient || refused.Step == StepMessage) {
			return true, o.again(i, now) // should it be this mail that ends connections, others go first from now on
		}
		return true, nil
	case refused.Code >= 500:
		return false, o.giveUp(i, now, "refused", refused.Reply())
	}
	o.o.Log.Info("a mail is not taken for now", "kind", i.Kind, "tries", i.Tries+1, "answer", refused.Reply())
	return false, o.again(i, now)
}

// again puts a mail off.
func (o *Outbox) again(i item, now time.Time) error {
	wait := min(first<<min(i.Tries, 16), longest)
	i.Tries++
	next := now.Add(wait)
	if next.After(i.Expires) {
		next = i.Expires
	}
	return o.o.DB.Update(func(tx *store.Tx) error {
		if tx.Get(dueBucket, i.due) == nil {
			return nil
		}
		if err := tx.Delete(dueBucket, i.due); err != nil {
			return err
		}
		return put(tx, next, i.id(), i.waiting)
	})
}

func (o *Outbox) giveUp(i item, now time.Time, reason, answer string) error {
	o.o.Log.Error("a mail is given up", "kind", i.Kind, "object", i.Object, "reason", reason, "tries", i.Tries, "answer", answer)
	o.mu.Lock()
	o.givenUp++
	o.mu.Unlock()
	more := map[string]string{"reason": reason, "tries": strconv.Itoa(i.Tries)}
	if answer != "" {
		more["answer"] = answer
	}
	return o.done(i, now, audit.MailGivenUp, audit.Failed, more)
}

func (o *Outbox) done(i item, now time.Time, action audit.Action, result audit.Result, more map[string]string) error {
	return o.o.DB.Update(func(tx *store.Tx) error {
		if found, err := take(tx, i.due); err != nil || !found {
			return err
		}
		return o.record(tx, now, action, result, i.waiting, more)
	})
}

// rest makes all mails wait after a failure that isn't one mail's: the server is away, or doesn't want us.
func (o *Outbox) rest(err error, now time.Time) {
	step, detail := StepConnect, err.Error()
	var f *Failure
	if errors.As(err, &f) {
		step = f.Step
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pause = min(max(2*o.pause, shortPause), longPause)
	o.paused = now.Add(o.pause)
	if o.failing == nil {
		o.failing = &Failing{Since: now}
	}
	o.failing.Step, o.failing.Detail = step, detail
	o.o.Log.Warn("mails do not leave", "step", step, "error", detail, "since", o.failing.Since, "again", o.paused)
}

func (o *Outbox) well(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pause, o.paused, o.failing, o.sent = 0, time.Time{}, nil, now
}
