package accounts

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"huisclos/store"
)

// A loan is what every bearer token (RFC 6750) has that an administrator makes for a program: those of identity systems
// ([Provisioner]) and those of the API ([Program]). The token itself is 256 bits, shown once; stored is its SHA-256, under which it
// is looked up: there is nothing to compare octet by octet, and no time that tells how near a guess was.
type loan struct {
	ID       ID         `json:"id"`
	Name     string     `json:"name"`
	By       ID         `json:"by"` // the administrator who made it
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	Used     time.Time  `json:"used,omitzero"` // last, to the minute
	UsedFrom netip.Addr `json:"from,omitzero"`
}

func (l *loan) of() *loan { return l }

// lent is what is stored of a token of one kind.
type lent[T any] interface {
	*T
	of() *loan
}

// A shelf is where the tokens of one kind are: their bucket, the label of their hash, and the refusal of one that doesn't count.
type shelf[T any, P lent[T]] struct {
	bucket, label string
	refusal       error
}

func (s shelf[T, P]) hash(token string) []byte { return hashSecret(s.label, token) }

func (s shelf[T, P]) read(b []byte) (v T, err error) {
	if err = json.Unmarshal(b, &v); err != nil {
		err = fmt.Errorf("accounts: token in %s: %w", s.bucket, err)
	}
	return v, err
}

func (s shelf[T, P]) put(tx *store.Tx, hash []byte, v T) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("accounts: token in %s: %w", s.bucket, err)
	}
	return tx.Put(s.bucket, hash, b)
}

// scan calls f for each token, expired ones too, with the key that it is stored under.
func (s shelf[T, P]) scan(tx *store.Tx, f func(hash []byte, v T) bool) (err error) {
	tx.Scan(s.bucket, nil, nil, 0, func(k, b []byte) bool {
		var v T
		v, err = s.read(b)
		return err == nil && f(k, v)
	})
	return err
}

// list returns them all, the oldest first.
func (s shelf[T, P]) list(tx *store.Tx) (list []T, err error) {
	err = s.scan(tx, func(_ []byte, v T) bool {
		list = append(list, v)
		return true
	})
	slices.SortStableFunc(list, func(x, y T) int { return P(&x).of().Created.Compare(P(&y).of().Created) })
	return list, err
}

// lend draws a new token and what is stored of it; days is how long it lasts.
func (s shelf[T, P]) lend(a *Accounts, name string, by ID, days int, now time.Time) (loan, Token, error) {
	token, err := a.drawToken()
	if err != nil {
		return loan{}, Token{}, err
	}
	id, err := a.draw(len(ID{}))
	if err != nil {
		return loan{}, Token{}, err
	}
	made := now.UTC().Truncate(time.Second)
	return loan{ID: ID(id), Name: name, By: by, Created: made, Expires: made.AddDate(0, 0, days)}, token, nil
}

// add stores a new one beside at most others. full.
func (s shelf[T, P]) add(tx *store.Tx, token Token, v T, most int, full error) error {
	n := 0
	if err := s.scan(tx, func([]byte, T) bool { n++; return true }); err != nil {
		return err
	}
	if n >= most {
		return full
	}
	return s.put(tx, s.hash(token.Reveal()), v)
}

// byID finds one by its id, expired or not; key is nil when there is none.
func (s shelf[T, P]) byID(tx *store.Tx, id ID) (key []byte, found T, err error) {
	err = s.scan(tx, func(hash []byte, v T) bool {
		if P(&v).of().ID == id {
			key, found = hash, v
		}
		return key == nil
	})
	return key, found, err
}

// counts refuses the acts of one that was revoked, or grew old, since the request came.
func (s shelf[T, P]) counts(tx *store.Tx, id ID, now time.Time) (v T, err error) {
	key, v, err := s.byID(tx, id)
	if err == nil && (key == nil || !now.Before(P(&v).of().Expires)) {
		err = s.refusal
	}
	return v, err
}

// find returns the token under hash, with why it doesn't count.
func (s shelf[T, P]) find(tx *store.Tx, hash []byte, now time.Time) (v T, reason string, err error) {
	b := tx.Get(s.bucket, hash)
	if b == nil {
		return v, "unknown", s.refusal
	}
	if v, err = s.read(b); err == nil && !now.Before(P(&v).of().Expires) {
		return v, "expired", s.refusal
	}
	return v, "", err
}

// present looks a token up. Its use is noted by note.
func (s shelf[T, P]) present(a *Accounts, token string, now time.Time) (v T, err error) {
	if !wellFormed(token) {
		return v, s.refusal
	}
	err = a.db.View(func(tx *store.Tx) (err error) {
		v, _, err = s.find(tx, s.hash(token), now)
		return err
	})
	return v, err
}

// note writes when and from where a token was used, to the minute.
func (s shelf[T, P]) note(a *Accounts, token string, v T, client Client, now time.Time) (T, error) {
	if now.Sub(P(&v).of().Used) < seenEvery {
		return v, nil
	}
	hash := s.hash(token)
	err := a.db.Update(func(tx *store.Tx) (err error) {
		if v, _, err = s.find(tx, hash, now); err != nil {
			return err // revoked meanwhile
		}
		l := P(&v).of()
		l.Used, l.UsedFrom = now.UTC().Truncate(time.Second), client.Address
		return s.put(tx, hash, v)
	})
	return v, err
}
