package webhook

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// waiting is an event that is to be delivered to one webhook.
type waiting struct {
	Event   string          `json:"event"`
	Kind    Kind            `json:"kind"`
	Body    json.RawMessage `json:"body"`
	Created time.Time       `json:"created"`
	Due     time.Time       `json:"due"`
	Tries   int             `json:"tries,omitempty"`
}

// Outcome is how a try ended.
type Outcome string

// The outcomes. Each but Delivered is a failure.
const (
	Delivered   Outcome = "delivered"
	Unreachable Outcome = "unreachable" // no connection, or it may not be made
	Untrusted   Outcome = "untrusted"   // TLS: its certificate is not what it should be
	Silent      Outcome = "silent"      // no answer in time
	Redirected  Outcome = "redirected"  // it leads elsewhere, which is not followed
	Answered    Outcome = "answered"    // with another status than 2xx
	Unreadable  Outcome = "unreadable"  // its answer is no HTTP
)

// Delivery is a try in the list of a webhook.
type Delivery struct {
	Event   string        `json:"event"`
	Kind    Kind          `json:"kind"`
	At      time.Time     `json:"at"`
	Outcome Outcome       `json:"outcome"`
	Status  int           `json:"status,omitempty"` // of HTTP; 0: none
	Took    time.Duration `json:"took"`
	Try     int           `json:"try"`
	Next    time.Time     `json:"next,omitzero"` // when it is tried again
	GivenUp bool          `json:"givenUp,omitempty"`
}

// batch is how many entries of the log are read in one transaction.
const batch = 200

type cursor struct {
	Sequence uint64 `json:"sequence"`
}

// catchUp moves the place in the log to its end.
func (h *Hooks) catchUp(tx *store.Tx) error {
	list, err := h.o.Audit.List(0, 1)
	if err != nil {
		return err
	}
	var c cursor
	if len(list) > 0 {
		c.Sequence = list[0].Sequence
	}
	return setState(tx, "cursor", c)
}

// Feed reads what is new in the audit log, and has it wait for the webhooks that are to be told. more: there may be more to read.
func (h *Hooks) Feed(now time.Time) (more bool, err error) {
	h.feed.Lock()
	defer h.feed.Unlock()
	var hooks []stored
	var at cursor
	err = h.o.DB.View(func(tx *store.Tx) (err error) {
		if hooks, err = all(tx); err != nil {
			return err
		}
		at, err = stateOf[cursor](tx, "cursor")
		return err
	})
	if err != nil || len(hooks) == 0 {
		return false, err
	}
	head, err := h.o.Audit.Head()
	if err != nil {
		return false, err
	}
	if at.Sequence >= head.Sequence {
		if at.Sequence > head.Sequence { // a database that was put back: what it tells anew would be told twice
			at.Sequence = head.Sequence
			err = h.o.DB.Update(func(tx *store.Tx) error { return setState(tx, "cursor", at) })
		}
		return false, err
	}
	upto := min(head.Sequence, at.Sequence+batch)
	list, err := h.o.Audit.List(upto+1, int(upto-at.Sequence))
	if err != nil {
		return false, err
	}
	slices.Reverse(list)
	err = h.o.DB.Update(func(tx *store.Tx) error {
		hooks, err := all(tx) // as they are now
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Sequence > at.Sequence {
				if err := h.enter(tx, hooks, e, now); err != nil {
					return err
				}
			}
		}
		for _, s := range hooks {
			if err := put(tx, s); err != nil {
				return err
			}
		}
		return setState(tx, "cursor", cursor{upto})
	})
	return upto < head.Sequence, err
}

// enter has an entry's events wait for whoever is to be told.
func (h *Hooks) enter(tx *store.Tx, hooks []stored, e audit.Entry, now time.Time) error {
	event, is := of(e)
	if err := counted(tx, e, &event); err != nil {
		return err
	}
	if is {
		if err := tell(tx, hooks, event, now); err != nil {
			return err
		}
	}
	event, is, err := bursts(tx, e)
	if err != nil || !is {
		return err
	}
	return tell(tx, hooks, event, now)
}

// tell has an event wait for the hooks that it is for. One too many is lost, and counted.
func tell(tx *store.Tx, hooks []stored, event Event, now time.Time) error {
	body, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("webhook: event: %w", err)
	}
	for i := range hooks {
		s := &hooks[i]
		if s.Off || s.Failed || !slices.Contains(s.Events, event.Type) {
			continue
		}
		n := 0
		tx.Scan(queueBucket, s.ID[:], nil, MostWaiting, func(_, _ []byte) bool { n++; return true })
		if n >= MostWaiting {
			s.Lost++
			continue
		}
		w := waiting{Event: event.ID, Kind: event.Type, Body: body, Created: now.UTC(), Due: now.UTC()}
		if err := add(tx, s.ID, w); err != nil {
			return err
		}
	}
	return nil
}

func add(tx *store.Tx, id ID, w waiting) error {
	n, err := tx.NextSequence(queueBucket)
	if err != nil {
		return err
	}
	b, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	return tx.Put(queueBucket, binary.BigEndian.AppendUint64(slices.Clone(id[:]), n), b)
}

// Certificate has the webhooks told of a certificate that ends soon: each number of days once.
func (h *Hooks) Certificate(expires, now time.Time) error {
	if expires.IsZero() {
		return nil
	}
	h.feed.Lock()
	defer h.feed.Unlock()
	var w warned
	var say bool
	err := h.o.DB.View(func(tx *store.Tx) error {
		was, err := stateOf[warned](tx, "certificate")
		w, say = was.warning(expires, now)
		return err
	})
	if err != nil || !say {
		return err
	}
	return h.o.DB.Update(func(tx *store.Tx) error {
		hooks, err := all(tx)
		if err != nil {
			return err
		}
		left := max(0, int(expires.Sub(now).Hours()/24))
		event := Event{ID: "evt_certificate_" + strconv.FormatInt(expires.Unix(), 10) + "_" + strconv.Itoa(w.Days), Type: CertificateExpiring, Time: now.UTC(),
			Data: map[string]any{"expires": expires.UTC().Format(time.RFC3339), "days": left}}
		if err := tell(tx, hooks, event, now); err != nil {
			return err
		}
		for _, s := range hooks {
			if err := put(tx, s); err != nil {
				return err
			}
		}
		return setState(tx, "certificate", w)
	})
}

// Deliveries are the latest tries of a webhook, the newest first. ErrNone.
func (h *Hooks) Deliveries(id ID) (list []Delivery, err error) {
	err = h.o.DB.View(func(tx *store.Tx) error {
		if _, err := load(tx, id); err != nil {
			return err
		}
		var failed error
		tx.ScanBack(logBucket, id[:], nil, MostLogged, func(_, v []byte) bool {
			var d Delivery
			failed = json.Unmarshal(v, &d)
			list = append(list, d)
			return failed == nil
		})
		return failed
	})
	return list, err
}

// note adds a try to the list of a webhook, and takes the oldest out.
func note(tx *store.Tx, id ID, d Delivery) error {
	n, err := tx.NextSequence(logBucket)
	if err != nil {
		return err
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("webhook: %w", err)
	}
	if err := tx.Put(logBucket, binary.BigEndian.AppendUint64(slices.Clone(id[:]), n), b); err != nil {
		return err
	}
	var old [][]byte
	seen := 0
	tx.ScanBack(logBucket, id[:], nil, 0, func(k, _ []byte) bool {
		if seen++; seen > MostLogged {
			old = append(old, k)
		}
		return true
	})
	for _, k := range old {
		if err := tx.Delete(logBucket, k); err != nil {
			return err
		}
	}
	return nil
}
