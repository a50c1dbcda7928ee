package accounts

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	sweepPage  = 1000 // entries read in one transaction
	sweepBatch = 200  // entries removed in one transaction
)

// Sweep removes what counts no longer: sessions, links and proposals whose time is over, forgotten counters. What it removes counts
// for nothing already, so that only disk space and the notice of ended sessions wait for it. Call it every few minutes.
func (a *Accounts) Sweep(now time.Time) error {
	sessions, err := a.expired(sessionsBucket, func(tx *store.Tx, value []byte) (bool, error) {
		var s session
		if err := json.Unmarshal(value, &s); err != nil {
			return false, fmt.Errorf("accounts: session: %w", err)
		}
		r, err := load(tx, s.Account)
		if err != nil {
			return errors.Is(err, ErrNotFound), ignoreNotFound(err)
		}
		return !a.describe(s, r.Role).live(now), nil
	})
	if err != nil {
		return err
	}
	err = a.inBatches(sessions, now, func(t *act, hash []byte) error {
		s, err := loadSession(t.tx, hash)
		if errors.Is(err, ErrNoSession) {
			return nil // ended meanwhile
		}
		if err != nil {
			return err
		}
		// Asked again: it may have been used meanwhile.
		if r, err := load(t.tx, s.Account); err == nil && a.describe(s, r.Role).live(now) {
			return nil
		}
		return t.end(stored{s, hash}, Expired)
	})
	if err != nil {
		return err
	}
	links, err := a.expired(activationsBucket, func(tx *store.Tx, value []byte) (bool, error) {
		var link activation
		if err := json.Unmarshal(value, &link); err != nil {
			return false, fmt.Errorf("accounts: activation: %w", err)
		}
		return !now.Before(link.Expires), nil
	})
	if err != nil {
		return err
	}
	err = a.inBatches(links, now, func(t *act, hash []byte) error {
		var link activation
		b := t.tx.Get(activationsBucket, hash)
		if b == nil {
			return nil
		}
		if err := json.Unmarshal(b, &link); err != nil {
			return fmt.Errorf("accounts: activation: %w", err)
		}
		r, err := load(t.tx, link.Account)
		if err == nil && string(r.Activation) == string(hash) {
			r.Activation = nil
			err = save(t.tx, r)
		}
		if err := ignoreNotFound(err); err != nil {
			return err
		}
		return t.tx.Delete(activationsBucket, hash)
	})
	if err != nil {
		return err
	}
	proposals, err := a.expired(proposalsBucket, func(_ *store.Tx, value []byte) (bool, error) {
		var p proposal
		if err := json.Unmarshal(value, &p); err != nil {
			return false, fmt.Errorf("accounts: proposal: %w", err)
		}
		return !now.Before(p.Until), nil
	})
	if err != nil {
		return err
	}
	err = a.inBatches(proposals, now, func(t *act, key []byte) error {
		p, err := loadProposal(t.tx, ProposalID(key))
		if errors.Is(err, ErrNoProposal) {
			return nil // decided meanwhile
		}
		if err != nil {
			return err
		}
		return t.close(p, audit.ProposalExpired)
	})
	if err != nil {
		return err
	}
	if err := a.sweepGuests(now); err != nil {
		return err
	}
	if err := a.sweepInvitations(now); err != nil {
		return err
	}
	if err := a.sweepLife(now); err != nil {
		return err
	}
	return a.sweepTries(now)
}

func (a *Accounts) sweepTries(now time.Time) error {
	var keys [][]byte
	for _, k := range a.guard.sweep(now) {
		keys = append(keys, []byte(k))
	}
	known, err := a.expired(triesBucket, func(_ *store.Tx, value []byte) (bool, error) {
		var t tries
		if err := json.Unmarshal(value, &t); err != nil {
			return false, fmt.Errorf("accounts: counter of tries: %w", err)
		}
		return a.o.PerAccount.current(t, now) == (tries{}), nil
	})
	if err != nil {
		return err
	}
	return a.inBatches(append(keys, known...), now, func(t *act, key []byte) error {
		counter, err := loadTries(t.tx, string(key))
		if err != nil || a.o.PerAccount.current(counter, now) != (tries{}) {
			return err // failed again meanwhile
		}
		return t.tx.Delete(triesBucket, key)
	})
}

func ignoreNotFound(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// expired returns the keys of a bucket whose value is over. It reads in pages, so that it holds no state of the database
// for long.
func (a *Accounts) expired(bucket string, over func(tx *store.Tx, value []byte) (bool, error)) (keys [][]byte, err error) {
	var from []byte
	for {
		n := 0
		err := a.db.View(func(tx *store.Tx) error {
			var failed error
			tx.Scan(bucket, nil, from, sweepPage, func(k, v []byte) bool {
				n++
				from = store.Successor(k)
				var is bool
				if is, failed = over(tx, v); is {
					keys = append(keys, k)
				}
				return failed == nil
			})
			return failed
		})
		if err != nil {
			return nil, err
		}
		if n < sweepPage {
			return keys, nil
		}
	}
}

func (a *Accounts) inBatches(keys [][]byte, now time.Time, f func(t *act, key []byte) error) error {
	for len(keys) > 0 {
		batch := keys[:min(len(keys), sweepBatch)]
		keys = keys[len(batch):]
		err := a.act(audit.ActorSystem, Client{}.Address, now, func(t *act) error {
			for _, k := range batch {
				if err := f(t, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
