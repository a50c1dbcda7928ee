package accounts

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	// seenEvery is how often a session's use is written: to the minute is enough for an idle time of a quarter of an hour. consoleEvery is
	// the same of the console's, which is shorter.
	seenEvery, consoleEvery = time.Minute, 15 * time.Second

	// maxSessions of one account, whatever is set; a further one ends the one used last longest ago.
	maxSessions = 32
)

// session is a session as it is stored, under the hash of its token.
type session struct {
	ID      ID         `json:"id"` // a SessionID
	Account ID         `json:"account"`
	Client  netip.Addr `json:"client,omitzero"`
	Agent   string     `json:"agent,omitempty"`
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen"`
	Proved  time.Time  `json:"proved,omitzero"`
	Live    time.Time  `json:"live,omitzero"`    // last time at which a call of it was open
	Console time.Time  `json:"console,omitzero"` // last use of the console
	// Provided is there exactly when a provider of sign-in vouched for the person.
	Provided *provided `json:"provided,omitempty"`
}

// Use says who asks with a session.
type Use int

const (
	ByPerson  Use = iota // somebody who does something
	Quietly              // a page by itself: that is no use
	ByCall               // a call that is open
	InConsole            // somebody who does something, in the console
	AtConsole            // a page of the console by itself
)

// Times are how long sessions of a role last, and after what time without use the console shuts.
func (a *Accounts) Times(role Role) (session Lifetime, console time.Duration) {
	return a.lifetime(role), a.o.ConsoleIdle
}

func (a *Accounts) lifetime(role Role) Lifetime {
	if role.Privileged() {
		return a.o.AdministratorLogin
	}
	return a.o.MemberSession
}

func (a *Accounts) describe(s session, role Role) Session {
	l := a.lifetime(role)
	return Session{ID: SessionID(s.ID), Account: s.Account, Client: s.Client, Agent: s.Agent,
		Created: s.Created, Seen: s.Seen, Proved: s.Proved, Idle: later(s.Seen, s.Live).Add(l.Idle), Until: s.Created.Add(l.Absolute), Provided: s.Provided != nil,
		Vouched: s.Provided != nil && s.Provided.Factor,
		Rights:  later(s.Seen, s.Proved).Add(l.Idle), Console: later(s.Console, s.Proved).Add(a.o.ConsoleIdle)}
}

func later(x, y time.Time) time.Time {
	if x.After(y) {
		return x
	}
	return y
}

// used notes a use in s, and reports whether that is worth writing. What a call keeps alone regains no rights by use: its owner proves
// themselves for that.
func (s *session) used(use Use, rights, now time.Time) (write bool) {
	note := func(t *time.Time, every time.Duration) {
		if now.Sub(*t) >= every {
			*t, write = now.UTC(), true
		}
	}
	switch {
	case use == Quietly || use == AtConsole:
	case use == ByCall || !now.Before(rights):
		note(&s.Live, seenEvery)
	default:
		note(&s.Seen, seenEvery)
		if use == InConsole {
			note(&s.Console, consoleEvery)
		}
	}
	return write
}

func (s Session) live(now time.Time) bool { return now.Before(s.Idle) && now.Before(s.Until) }

// loadSession returns the session under hash, or ErrNoSession.
func loadSession(tx *store.Tx, hash []byte) (session, error) {
	var s session
	b := tx.Get(sessionsBucket, hash)
	if b == nil {
		return s, ErrNoSession
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return session{}, fmt.Errorf("accounts: session: %w", err)
	}
	return s, nil
}

func putSession(tx *store.Tx, hash []byte, s session) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("accounts: session: %w", err)
	}
	return tx.Put(sessionsBucket, hash, b)
}

// newSession begins a session for r, who has just proved who they are, and records it, with details of how.
func (t *act) newSession(r record, client Client, details ...string) (Token, error) {
	s := session{}
	if r.vouchable() {
		s.Provided = t.provided
	}
	return t.openSession(r, s, client, details...)
}

// openSession is newSession of one that is begun by what s holds.
func (t *act) openSession(r record, s session, client Client, details ...string) (Token, error) {
	list, err := sessionsOf(t.tx, r.ID)
	if err != nil {
		return Token{}, err
	}
	if most := t.a.MaxSessions(); len(list) >= most {
		slices.SortFunc(list, func(x, y stored) int { return x.Seen.Compare(y.Seen) })
		for _, old := range list[:len(list)-most+1] {
			if err := t.end(old, EndedByOwner); err != nil {
				return Token{}, err
			}
		}
	}
	token, err := t.a.drawToken()
	if err != nil {
		return Token{}, err
	}
	id, err := t.a.draw(len(ID{}))
	if err != nil {
		return Token{}, err
	}
	now := t.now.UTC()
	s = session{ID: ID(id), Account: r.ID, Client: client.Address, Agent: cleanAgent(client.Agent), Created: now, Seen: now, Proved: now, Provided: s.Provided}
	hash := hashSecret(sessionLabel, token.Reveal())
	if err := putSession(t.tx, hash, s); err != nil {
		return Token{}, err
	}
	if err := t.tx.Put(sessionsOfBucket, slices.Concat(r.ID[:], id), hash); err != nil {
		return Token{}, err
	}
	if key := s.Provided.key(s); key != nil {
		if err := t.tx.Put(providedBucket, key, hash); err != nil {
			return Token{}, err
		}
	}
	return token, t.record(audit.LoginOK, r.ID.String(), append([]string{"session", s.ID.String()}, details...)...)
}

// stored is a session with its key.
type stored struct {
	session
	hash []byte
}

// sessionsOf returns all stored sessions of an account, also those whose time is over.
func sessionsOf(tx *store.Tx, id ID) ([]stored, error) {
	var list []stored
	var failed error
	tx.Scan(sessionsOfBucket, id[:], nil, 0, func(_, hash []byte) bool {
		var s session
		if s, failed = loadSession(tx, hash); failed != nil {
			return false
		}
		list = append(list, stored{s, hash})
		return true
	})
	return list, failed
}

// SessionsInUse is how many sessions the account with the most of them has, those counted that have just expired.
func (a *Accounts) SessionsInUse() (most int, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		var owner ID
		n := 0
		tx.Scan(sessionsOfBucket, nil, nil, 0, func(k, _ []byte) bool {
			if next := ID(k[:len(owner)]); next != owner {
				owner, n = next, 0
			}
			n++
			most = max(most, n)
			return true
		})
		return nil
	})
	return most, err
}

func (t *act) drop(s stored) error {
	if err := t.tx.Delete(sessionsBucket, s.hash); err != nil {
		return err
	}
	if key := s.Provided.key(s.session); key != nil {
		if err := t.tx.Delete(providedBucket, key); err != nil {
			return err
		}
	}
	return t.tx.Delete(sessionsOfBucket, slices.Concat(s.Account[:], s.ID[:]))
}

// end ends one session and records it.
func (t *act) end(s stored, reason Reason) error {
	if err := t.drop(s); err != nil {
		return err
	}
	t.ended = append(t.ended, Ended{Account: s.Account, Sessions: []SessionID{SessionID(s.ID)}, Reason: reason})
	return t.record(audit.SessionEnded, s.Account.String(), "session", s.ID.String(), "reason", string(reason))
}

// endAll ends all sessions of an account with one entry. The listeners are told also when there was none: a call may
// outlive the session it was joined with.
func (t *act) endAll(id ID, reason Reason) error {
	list, err := sessionsOf(t.tx, id)
	if err != nil {
		return err
	}
	var last time.Time
	for _, s := range list {
		if err := t.drop(s); err != nil {
			return err
		}
		// Who acts on their own account has proved who they are just now: what begins in the place of theirs belongs to the same
		// session of the provider, and ends with it.
		if s.Provided != nil && !s.Proved.Before(last) {
			t.provided, last = s.Provided, s.Proved
		}
	}
	t.ended = append(t.ended, Ended{Account: id, Reason: reason})
	if len(list) == 0 {
		return nil
	}
	return t.record(audit.SessionEnded, id.String(), "reason", string(reason), "count", strconv.Itoa(len(list)))
}

// Session is SessionFor somebody who does something.
func (a *Accounts) Session(token string, now time.Time) (Account, Session, error) {
	return a.SessionFor(token, ByPerson, now)
}

// SessionFor returns the account and the session of a token, and notes its use. Every token that does not count is ErrNoSession. With
// ErrConsoleIdle both are returned: the session counts, but not in the console.
func (a *Accounts) SessionFor(token string, use Use, now time.Time) (Account, Session, error) {
	if !wellFormed(token) {
		return Account{}, Session{}, ErrNoSession
	}
	hash := hashSecret(sessionLabel, token)
	var r record
	var account Account
	var s Session
	find := func(tx *store.Tx) error {
		found, err := loadSession(tx, hash)
		if err != nil {
			return err
		}
		if r, err = load(tx, found.Account); errors.Is(err, ErrNotFound) {
			return ErrNoSession
		} else if err != nil {
			return err
		}
		if found.Proved.After(now) {
			found.Proved = time.Time{} // the clock was set back: nobody gains time by it
		}
		s = a.describe(found, r.Role)
		if r.state() != Active || !s.live(now) {
			return ErrNoSession
		}
		switch over, err := r.over(tx, now); {
		case err != nil:
			return err
		case over:
			return ErrNoSession
		}
		account, err = accountNow(tx, r)
		account.FactorMissing = account.FactorMissing && !s.Vouched
		return err
	}
	write := false
	err := a.db.View(func(tx *store.Tx) error {
		if err := find(tx); err != nil {
			return err
		}
		found, err := loadSession(tx, hash)
		write = found.used(use, s.Rights, now)
		return err
	})
	if err != nil {
		return Account{}, Session{}, err
	}
	if (use == InConsole || use == AtConsole) && !now.Before(s.Console) {
		return account, s, ErrConsoleIdle
	}
	if !write {
		return account, s, nil
	}
	err = a.db.Update(func(tx *store.Tx) error {
		if err := find(tx); err != nil {
			return err
		}
		found, err := loadSession(tx, hash)
		if err != nil {
			return err
		}
		found.used(use, s.Rights, now)
		proved := s.Proved
		s = a.describe(found, r.Role)
		s.Proved = proved
		return putSession(tx, hash, found)
	})
	if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrFailed) {
		return account, s, nil // its use is not kept, so it ends sooner; what it may do meanwhile is only what needs no record
	}
	if err != nil {
		return Account{}, Session{}, err
	}
	return account, s, nil
}

// Logout ends the session of a token. A token that no longer counts is no error.
func (a *Accounts) Logout(token string, client Client, now time.Time) error {
	if !wellFormed(token) {
		return nil
	}
	hash := hashSecret(sessionLabel, token)
	var owner ID
	err := a.db.View(func(tx *store.Tx) error {
		s, err := loadSession(tx, hash)
		owner = s.Account
		return err
	})
	if err == nil {
		err = a.act(owner.String(), client.Address, now, func(t *act) error {
			s, err := loadSession(t.tx, hash)
			if err != nil {
				return err
			}
			return t.end(stored{s, hash}, SignedOut)
		})
	}
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// Sessions lists the sessions of an account that count, the newest first. For its owner and for administrators.
func (a *Accounts) Sessions(actor Actor, id ID, now time.Time) ([]Session, error) {
	var list []Session
	err := a.db.View(func(tx *store.Tx) error {
		if err := mayActFor(tx, actor, id); err != nil {
			return err
		}
		r, err := load(tx, id)
		if err != nil {
			return err
		}
		all, err := sessionsOf(tx, id)
		for _, s := range all {
			if d := a.describe(s.session, r.Role); d.live(now) {
				list = append(list, d)
			}
		}
		return err
	})
	if err != nil {
		return nil, a.forbidden(actor, id, now, err)
	}
	slices.SortFunc(list, func(x, y Session) int {
		if c := y.Created.Compare(x.Created); c != 0 {
			return c
		}
		return bytes.Compare(x.ID[:], y.ID[:])
	})
	return list, nil
}

// EndSession ends one session of an account. For its owner and for administrators. ErrNoSession.
func (a *Accounts) EndSession(actor Actor, id ID, session SessionID, now time.Time) error {
	_, err := a.administer(actor, id, true, now, func(t *act, r *record) error {
		hash := t.tx.Get(sessionsOfBucket, slices.Concat(id[:], session[:]))
		if hash == nil {
			return ErrNoSession
		}
		s, err := loadSession(t.tx, hash)
		if err != nil {
			return err
		}
		return t.end(stored{s, hash}, EndedByOwner)
	})
	return err
}

// EndOtherSessions ends all sessions of an account but one: whoever looks at where they are signed in keeps the session that they
// look from. For its owner and for administrators.
func (a *Accounts) EndOtherSessions(actor Actor, id ID, keep SessionID, now time.Time) error {
	_, err := a.administer(actor, id, true, now, func(t *act, r *record) error {
		list, err := sessionsOf(t.tx, id)
		for _, s := range list {
			if SessionID(s.ID) == keep {
				continue
			}
			if err := t.end(s, EndedByOwner); err != nil {
				return err
			}
		}
		return err
	})
	return err
}

// EndSessions ends all sessions of an account. For its owner and for administrators.
func (a *Accounts) EndSessions(actor Actor, id ID, now time.Time) error {
	_, err := a.administer(actor, id, true, now, func(t *act, r *record) error {
		return t.endAll(id, EndedByOwner)
	})
	return err
}
