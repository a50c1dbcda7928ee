package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"huisclos/store"
)

const verifiedBucket = "audit.verified" // "last" → Verified

// Verified is what the last verification came to.
type Verified struct {
	Time     time.Time `json:"time"`
	By       string    `json:"by"` // account id, or one of the Actor constants
	Entries  uint64    `json:"entries"`
	Covered  uint64    `json:"covered"`
	Cosigned uint64    `json:"cosigned"`
	// Fault is the first entry that was not as it was recorded, and Reason why; nil: there was none.
	Fault  *uint64 `json:"fault,omitempty"`
	Reason string  `json:"reason,omitempty"`
}

// RecordVerified records what came of an examination, with e's time, actor and client. failed is the examination's error, a *Fault or
// any other that speaks of the log.
func (l *Log) RecordVerified(r Report, failed error, e Event) error {
	v := Verified{Time: e.Time.UTC(), By: e.Actor, Entries: r.Head.Sequence, Covered: r.Covered.Size, Cosigned: r.Cosigned}
	e.Action = LogVerified
	var fault *Fault
	switch {
	case failed == nil:
		e.Detail = map[string]string{"entries": strconv.FormatUint(r.Head.Sequence, 10), "head": r.Head.Hash.String()}
	case errors.As(failed, &fault):
		v.Fault, v.Reason = &fault.Sequence, fault.Reason
		e.Result, e.Detail = Failed, map[string]string{"sequence": strconv.FormatUint(fault.Sequence, 10), "reason": fault.Reason}
	default:
		v.Reason = failed.Error()
		e.Result, e.Detail = Failed, map[string]string{"reason": v.Reason}
	}
	row, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("audit: verification: %w", err)
	}
	return l.db.Update(func(tx *store.Tx) error {
		if err := tx.Put(verifiedBucket, lastKey, row); err != nil {
			return err
		}
		return l.Record(tx, e)
	})
}

var lastKey = []byte("last")

// LastVerified returns what the last verification came to; nil: there was none.
func (l *Log) LastVerified() (v *Verified, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		row := tx.Get(verifiedBucket, lastKey)
		if row == nil {
			return nil
		}
		v = new(Verified)
		if err := json.Unmarshal(row, v); err != nil {
			return fmt.Errorf("audit: verification: %w", err)
		}
		return nil
	})
	return v, err
}
