package accounts

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	contactsBucket = "accounts.contacts" // account, contact → Unix seconds at which it was added
	hiddenBucket   = "accounts.hidden"   // account → nothing, for those whose presence is never shown

	// MaxContacts bounds one account's list.
	MaxContacts = 500
)

// Contacts returns an account's own list, by name. An account that was deleted is left out.
func (a *Accounts) Contacts(owner ID) (list []Account, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(contactsBucket, owner[:], nil, MaxContacts, func(k, _ []byte) bool {
			r, err := load(tx, ID(k[len(owner):]))
			switch {
			case errors.Is(err, ErrNotFound):
			case err != nil:
				failed = err
				return false
			case r.state() == Active:
				list = append(list, r.account())
			}
			return true
		})
		slices.SortStableFunc(list, func(a, b Account) int { return compare(fold(a.Name), fold(b.Name)) })
		return failed
	})
	return list, err
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// SetContact puts an account on another one's list, or takes it off. It has no audit entry: whom somebody likes to find
// quickly is nobody else's business, and decides nothing.
func (a *Accounts) SetContact(owner, contact ID, on bool, now time.Time) error {
	return a.db.Update(func(tx *store.Tx) error {
		key := slices.Concat(owner[:], contact[:])
		if !on {
			return tx.Delete(contactsBucket, key)
		}
		r, err := load(tx, contact)
		if err != nil {
			return err
		}
		if r.state() != Active || contact == owner {
			return ErrNotFound
		}
		n := 0
		tx.Scan(contactsBucket, owner[:], nil, MaxContacts, func(k, _ []byte) bool { n++; return true })
		if n >= MaxContacts && tx.Get(contactsBucket, key) == nil {
			return ErrTooManyContacts
		}
		return tx.Put(contactsBucket, key, binary.BigEndian.AppendUint64(nil, uint64(now.Unix())))
	})
}

// forgetContacts removes a deleted account's own list and choice. Lists of others that name it are cleaned as they are read.
func forgetContacts(tx *store.Tx, account ID) error {
	var keys [][]byte
	tx.Scan(contactsBucket, account[:], nil, 0, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return true
	})
	for _, k := range keys {
		if err := tx.Delete(contactsBucket, k); err != nil {
			return err
		}
	}
	return tx.Delete(hiddenBucket, account[:])
}

// Directory returns active accounts, guests left out, that a query finds, as List does, at most limit of them.
func (a *Accounts) Directory(query string, limit int) ([]Account, error) {
	return a.directory(query, limit, false)
}

// DirectoryByName finds people by their names alone: who is shown no addresses can't try them either.
func (a *Accounts) DirectoryByName(query string, limit int) ([]Account, error) {
	return a.directory(query, limit, true)
}

func (a *Accounts) directory(query string, limit int, namesOnly bool) (list []Account, err error) {
	after := ""
	for len(list) < limit {
		page, next, err := a.list(query, after, limit, namesOnly)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			if p.State == Active && p.Role != Guest && len(list) < limit {
				list = append(list, p)
			}
		}
		if next == "" {
			break
		}
		after = next
	}
	return list, nil
}

// PresenceHidden reports whether an account has turned its presence off.
func (a *Accounts) PresenceHidden(id ID) (hidden bool, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		hidden = tx.Get(hiddenBucket, id[:]) != nil
		return nil
	})
	return hidden, err
}

// HidePresence turns an account's own presence off, or on again.
func (a *Accounts) HidePresence(actor Actor, hidden bool, now time.Time) error {
	return a.actBy(actor, now, func(t *act) error {
		id := actor.Account
		if err := mayActFor(t.tx, actor, id); err != nil {
			return err
		}
		if (t.tx.Get(hiddenBucket, id[:]) != nil) == hidden {
			return nil
		}
		shown := "no"
		if hidden {
			if err := t.tx.Put(hiddenBucket, id[:], []byte{}); err != nil {
				return err
			}
		} else {
			shown = "yes"
			if err := t.tx.Delete(hiddenBucket, id[:]); err != nil {
				return err
			}
		}
		return t.record(audit.PresenceChanged, id.String(), "shown", shown)
	})
}
