package accounts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// forgottenKey stands in the state, with the account that was deleted last, while lists of others may name one that is gone.
var forgottenKey = []byte("forgotten")

// leaving is what is stored of an account that is about to be deleted.
type leaving struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
	// Shut: an administrator deletes it, and nobody signs in any more. Without it the owner has asked, and the account works until then.
	Shut bool `json:"shut,omitempty"`
}

// Leaving says when an account is deleted.
type Leaving struct {
	Until time.Time `json:"until"`
	Own   bool      `json:"own"` // its owner asked for it
}

func (l *leaving) shown() *Leaving {
	if l == nil {
		return nil
	}
	return &Leaving{l.Until, !l.Shut}
}

func leavingKey(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(t.Unix(), 0)))
}

// Delay is how long an account that is to be deleted can be kept after all.
func (a *Accounts) Delay() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.delay
}

// Leave has an account deleted after the delay. Asked by its owner, everything works until then and they can take it back; asked by an
// administrator, the account is shut at once, and an administrator takes it back. An officer's is Proposed when somebody else asks.
// Asked twice the day stays. ErrFromSource, ErrLastAdministrator, ErrLastOfficer, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) Leave(actor Actor, id ID, now time.Time) (Account, error) {
	own := !actor.operator && actor.Account == id
	return a.administer(actor, id, own, now, func(t *act, r *record) error {
		if own {
			if err := r.local(); err != nil {
				return err
			}
			if err := actor.proved(now); err != nil || r.Leaving != nil {
				return err
			}
			if err := keepsAdministrator(t.tx, *r); err != nil {
				return err
			}
			if err := keepsOfficer(t.tx, *r); err != nil {
				return err
			}
			return t.depart(r, false)
		}
		if err := t.mayGo(*r); err != nil {
			return err
		}
		if r.Leaving != nil && r.Leaving.Shut {
			return nil
		}
		if err := keepsAdministrator(t.tx, *r); err != nil {
			return err
		}
		return t.alter(actor, ProposedLeave, r, t.leaveShut)
	})
}

// keepsOfficer refuses the last officer who stays to leave by themselves: what takes four eyes would take two.
func keepsOfficer(tx *store.Tx, r record) (err error) {
	if !r.activeOfficer() {
		return nil
	}
	err = ErrLastOfficer
	tx.Scan(officersBucket, nil, nil, 0, func(k, _ []byte) bool {
		other, failed := load(tx, ID(k))
		if failed != nil {
			err = failed
			return false
		}
		if other.ID != r.ID && other.Leaving == nil {
			err = nil
		}
		return err != nil
	})
	return err
}

func (t *act) leaveShut(r *record) error { return t.depart(r, true) }

func (t *act) depart(r *record, shut bool) error {
	l := leaving{At: t.now.UTC(), Until: t.now.Add(t.a.Delay()).UTC().Truncate(time.Second), Shut: shut}
	if r.Leaving != nil && r.Leaving.Until.Before(l.Until) {
		l.Until = r.Leaving.Until
	}
	r.Leaving = &l
	asked := "owner"
	if shut {
		asked = "administrator"
		if err := t.dropActivation(r); err != nil {
			return err
		}
	}
	if err := save(t.tx, *r); err != nil {
		return err
	}
	if err := t.record(audit.AccountLeaving, r.ID.String(), "until", stamp(l.Until), "asked", asked); err != nil || !shut {
		return err
	}
	if err := t.withoutOrganiser(r.ID, false); err != nil {
		return err
	}
	return t.endAll(r.ID, AccountDisabled)
}

// Stay takes the deletion of an account back: its owner's by the owner, an administrator's by an administrator. An officer's is Proposed.
// ErrOwnersWish, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) Stay(actor Actor, id ID, now time.Time) (Account, error) {
	own := !actor.operator && actor.Account == id
	return a.administer(actor, id, own, now, func(t *act, r *record) error {
		switch {
		case r.Leaving == nil:
			return nil
		case own:
			return t.stay(r)
		case !r.Leaving.Shut:
			return ErrOwnersWish
		}
		return t.alter(actor, ProposedStay, r, t.stay)
	})
}

func (t *act) stay(r *record) error {
	r.Leaving = nil
	if err := save(t.tx, *r); err != nil {
		return err
	}
	return t.record(audit.AccountStays, r.ID.String())
}

// lifeHolds is holds for the proposals of this file and of address.go.
func (p proposal) lifeHolds(r record) bool {
	switch p.Kind {
	case ProposedEmail:
		return r.Email != p.Change.Email
	case ProposedLeave:
		return r.Leaving == nil || !r.Leaving.Shut
	case ProposedStay:
		return r.Leaving != nil && r.Leaving.Shut
	}
	return true
}

// Invites returns how many guests would lose what an account invited them to.
func (a *Accounts) Invites(by ID) (n int, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		list, err := guestsOf(tx, by)
		n = len(list)
		return err
	})
	return n, err
}

// sweepLife deletes the accounts whose day has come, each with all of it in one transaction, and drops former addresses, codes and
// others' lists that count no longer. One that cannot be deleted now keeps the others from nothing; it is tried again.
func (a *Accounts) sweepLife(now time.Time) error {
	var due [][]byte
	err := a.db.View(func(tx *store.Tx) error {
		tx.Scan(leavingBucket, nil, nil, 0, func(k, _ []byte) bool {
			if len(k) != 8+len(ID{}) || string(k[:8]) > string(leavingKey(now)) {
				return false
			}
			due = append(due, k[8:])
			return true
		})
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range due {
		err = errors.Join(err, a.inBatches([][]byte{id}, now, func(t *act, key []byte) error {
			r, err := load(t.tx, ID(key))
			if err != nil || r.Leaving == nil || now.Before(r.Leaving.Until) { // gone, or kept after all
				return ignoreNotFound(err)
			}
			if err := t.delete(&r); err != nil {
				return fmt.Errorf("accounts: account %s is not deleted, though its day has come: %w", r.ID, err)
			}
			return nil
		}))
	}
	return errors.Join(err, a.sweepFormer(now), a.sweepContacts(now))
}

// sweepFormer drops addresses that can no longer be had back, and those that were asked for and not confirmed in time.
func (a *Accounts) sweepFormer(now time.Time) error {
	seen, over := map[ID]bool{}, [][]byte(nil)
	err := a.db.View(func(tx *store.Tx) error {
		var failed error
		look := func(id []byte) bool {
			var r record
			if r, failed = load(tx, ID(id)); failed != nil {
				return false
			}
			if (len(r.Former) > len(r.standing(now)) || r.Address != nil && !now.Before(r.Address.Until)) && !seen[r.ID] {
				seen[r.ID] = true
				over = append(over, r.ID[:])
			}
			return true
		}
		tx.Scan(undoBucket, nil, nil, 0, func(_, id []byte) bool { return look(id) })
		if failed == nil {
			tx.Scan(wantedBucket, nil, nil, 0, func(id, _ []byte) bool { return look(id) })
		}
		return failed
	})
	if err != nil {
		return err
	}
	return a.inBatches(over, now, func(t *act, key []byte) error {
		r, err := load(t.tx, ID(key))
		if err != nil {
			return ignoreNotFound(err)
		}
		if r.Former = r.standing(now); r.Address != nil && !now.Before(r.Address.Until) {
			r.Address = nil
		}
		return save(t.tx, r)
	})
}

// standing are the former addresses that can be had back.
func (r record) standing(now time.Time) (list []formerAddress) {
	for _, f := range r.Former {
		if now.Before(f.Until) {
			list = append(list, f)
		}
	}
	return list
}

// sweepContacts takes accounts that are gone off others' lists, after one was deleted.
func (a *Accounts) sweepContacts(now time.Time) error {
	var mark, from []byte
	if err := a.db.View(func(tx *store.Tx) error { mark = tx.Get(stateBucket, forgottenKey); return nil }); err != nil || mark == nil {
		return err
	}
	for n := sweepPage; n == sweepPage; {
		var gone [][]byte
		n = 0
		err := a.db.View(func(tx *store.Tx) error {
			tx.Scan(contactsBucket, nil, from, sweepPage, func(k, _ []byte) bool {
				n++
				from = store.Successor(k)
				if !Exists(tx, ID(k[len(ID{}):])) {
					gone = append(gone, k)
				}
				return true
			})
			return nil
		})
		if err == nil {
			err = a.inBatches(gone, now, func(t *act, key []byte) error { return t.tx.Delete(contactsBucket, key) })
		}
		if err != nil {
			return err
		}
	}
	return a.db.Update(func(tx *store.Tx) error {
		if string(tx.Get(stateBucket, forgottenKey)) != string(mark) {
			return nil // another was deleted meanwhile
		}
		return tx.Delete(stateBucket, forgottenKey)
	})
}
