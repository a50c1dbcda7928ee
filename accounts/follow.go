package accounts

import (
	"errors"
	"slices"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Entry is somebody whom a source knows.
type Entry struct {
	Subject string // the source's name of the person, which never changes and goes to nobody else
	Name    string
	Email   string
	Role    Role
	Off     bool // the source has shut them out
}

// Roll is what a source says, all at once: who isn't in it is gone from the source.
type Roll struct {
	Source Source
	People []Entry
	// Kept are subjects of people whom the source has and who can't be brought in as they are: their accounts stay what they were.
	Kept []string
	By   *Actor // who asks for it; nil: the appliance itself
	Dry  bool   // nothing changes; the answer says what would
	// Anyway: also when more than half of the people are gone, which is more often a mistake in a filter than the truth.
	Anyway bool
}

// Followed is what came of it.
type Followed struct {
	People   int  // whom the source has
	Created  int  // new accounts
	Changed  int  // with another name, address or role
	Shut     int  // may no longer sign in; their sessions have ended
	Opened   int  // may again
	Missing  int  // have an account that may sign in, and are no longer in the source
	Accounts int  // of that source that could sign in before
	Held     bool // Missing is more than half of Accounts: none of those was shut
	// Changes and Problems are the first listedMost of each; Troubled is how many problems there are.
	Changes  []FollowedChange
	Problems []FollowedProblem
	Troubled int
}

// FollowedChange is one change, as it is shown to an administrator.
type FollowedChange struct {
	Kind string // created, name, email, role, shut, opened
	Name string
	To   string // the new name, address or role
}

// FollowedProblem is somebody who could not be brought in, or not wholly. Code is that of an [Error].
type FollowedProblem struct {
	Code, Name, Email string
}

const (
	listedMost  = 100
	followBatch = 200 // people in one transaction
)

// errDry undoes the transactions of a dry run.
var errDry = errors.New("accounts: a dry run")

// Follow brings the accounts of a source to what it says: made, renamed, given another address or role, shut out, let in again. Done
// twice it changes nothing the second time. People and accounts meet by the source's own name of the person, never by an e-mail
// address: who has the address of another account is reported and left alone. ErrForbidden, and ErrProofNeeded with Anyway.
func (a *Accounts) Follow(i Roll, now time.Time) (Followed, error) {
	actor := Actor{}
	name := audit.ActorSystem
	if i.By != nil {
		actor, name = *i.By, i.By.name()
	}
	done := Followed{People: len(i.People)}
	var missing []string
	err := a.db.View(func(tx *store.Tx) (err error) {
		if i.By != nil {
			if err := mayAdminister(tx, actor); err != nil {
				return err
			}
			if i.Anyway && !i.Dry {
				if err := actor.proved(now); err != nil {
					return err
				}
			}
		}
		missing, done.Accounts, err = i.missing(tx)
		return err
	})
	if err != nil {
		return Followed{}, a.forbidden(actor, ID{}, now, err)
	}
	done.Missing = len(missing)
	done.Held = 2*done.Missing > done.Accounts && !i.Anyway
	inBatches := func(n int, f func(t *act, at int) error) error {
		for from := 0; from < n; from += followBatch {
			kept := done // a transaction that is undone counts for nothing
			err := a.act(name, actor.Client, now, func(t *act) error {
				for at := from; at < min(from+followBatch, n); at++ {
					if err := f(t, at); err != nil {
						return err
					}
				}
				if i.Dry {
					return errDry
				}
				return nil
			})
			if err != nil && !errors.Is(err, errDry) {
				done = kept
				return err
			}
		}
		return nil
	}
	if err := inBatches(len(i.People), func(t *act, at int) error { return t.meet(i.Source, i.People[at], &done) }); err != nil || done.Held {
		return done, err
	}
	return done, inBatches(len(missing), func(t *act, at int) error {
		r, err := loadBySubject(t.tx, i.Source, missing[at])
		if errors.Is(err, ErrNotFound) || err == nil && r.Absent {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return t.shut(&r, &done)
	})
}

// missing are the subjects of accounts that may sign in as far as the source goes, and whom it no longer has; of is how many such
// accounts there are.
func (i Roll) missing(tx *store.Tx) (missing []string, of int, err error) {
	has := make(map[string]bool, len(i.People)+len(i.Kept))
	for _, p := range i.People {
		has[p.Subject] = true
	}
	for _, subject := range i.Kept {
		has[subject] = true
	}
	prefix := subjectKey(i.Source, "")
	tx.Scan(subjectBucket, []byte(prefix), nil, 0, func(k, v []byte) bool {
		var r record
		if r, err = load(tx, ID(v)); err != nil {
			return false
		}
		if r.Absent {
			return true
		}
		of++
		if subject := strings.TrimPrefix(string(k), prefix); !has[subject] {
			missing = append(missing, subject)
		}
		return true
	})
	return missing, of, err
}

func (done *Followed) changed(kind string, r record, to string) {
	if len(done.Changes) < listedMost {
		done.Changes = append(slices.Clip(done.Changes), FollowedChange{kind, r.Name, to})
	}
}

// problem notes a refusal that is about this one person; other errors pass.
func (done *Followed) problem(p Entry, err error) error {
	code := Code(err)
	if code == "" {
		return err
	}
	if done.Troubled++; len(done.Problems) < listedMost {
		done.Problems = append(slices.Clip(done.Problems), FollowedProblem{code, p.Name, p.Email})
	}
	return nil
}

// meet brings one person's account to what the source says.
func (t *act) meet(source Source, p Entry, done *Followed) error {
	r, err := loadBySubject(t.tx, source, p.Subject)
	switch {
	case errors.Is(err, ErrNotFound) && p.Off:
		return nil
	case errors.Is(err, ErrNotFound):
		return t.welcome(source, p, done)
	case err != nil:
		return err
	case p.Off && r.Absent:
		return nil
	case p.Off:
		return t.shut(&r, done)
	}
	was := r
	if r.Absent {
		r.Absent = false
		done.Opened++
		done.changed("opened", r, "")
		if err := t.record(audit.AccountEnabled, r.ID.String(), "source", string(source)); err != nil {
			return err
		}
	}
	if err := t.follow(&r, p, done); err != nil {
		return err
	}
	switch {
	case r.Name != was.Name || r.Email != was.Email || r.Role != was.Role:
		done.Changed++
	case r.Absent == was.Absent:
		return nil
	}
	return save(t.tx, r)
}

// welcome makes the account of somebody new.
func (t *act) welcome(source Source, p Entry, done *Followed) error {
	r, err := t.create(p.Name, p.Email, p.Role)
	if err != nil {
		return done.problem(p, err)
	}
	r.Source, r.Subject = source, p.Subject
	done.Created++
	done.changed("created", r, r.Email)
	if err := t.record(audit.AccountCreated, r.ID.String(), "role", string(r.Role), "source", string(source)); err != nil {
		return err
	}
	return save(t.tx, r)
}

// follow takes name, address and role over into r; the caller saves it.
func (t *act) follow(r *record, p Entry, done *Followed) error {
	id, source := r.ID.String(), string(r.Source)
	name, err := cleanName(p.Name)
	if err != nil {
		if err := done.problem(p, err); err != nil {
			return err
		}
		name = r.Name
	}
	if name != r.Name {
		done.changed("name", *r, name)
		r.Name = name
		if err := t.record(audit.AccountRenamed, id, "source", source); err != nil {
			return err
		}
	}
	if email := strings.TrimSpace(p.Email); email != r.Email {
		normal, err := normalEmail(email)
		if err == nil {
			err = addressFree(t.tx, normal, r.ID, t.now)
		}
		if err != nil {
			if err := done.problem(p, err); err != nil {
				return err
			}
		} else {
			done.changed("email", *r, email)
			r.Email, r.Normal = email, normal
			if err := t.record(audit.AccountAddressed, id, "source", source); err != nil {
				return err
			}
		}
	}
	if p.Role == r.Role {
		return nil
	}
	if !Importable(p.Role) {
		return done.problem(p, ErrRole)
	}
	done.changed("role", *r, string(p.Role))
	from := r.Role
	r.Role = p.Role
	if err := t.record(audit.RoleChanged, id, "from", string(from), "to", string(p.Role), "source", source); err != nil {
		return err
	}
	return t.endAll(r.ID, RoleChanged)
}

// shut ends what an account has: its source says that it may not, or has no such person.
func (t *act) shut(r *record, done *Followed) error {
	done.Shut++
	done.changed("shut", *r, "")
	return t.leave(r)
}

// leave shuts out whom their source no longer has: link, sessions and guests' sessions end at once.
func (t *act) leave(r *record) error {
	r.Absent = true
	if err := t.dropActivation(r); err != nil {
		return err
	}
	if err := save(t.tx, *r); err != nil {
		return err
	}
	if err := t.record(audit.AccountDisabled, r.ID.String(), "source", string(r.Source)); err != nil {
		return err
	}
	if err := t.withoutOrganiser(r.ID, false); err != nil {
		return err
	}
	return t.endAll(r.ID, SourceDecided)
}

// Importable reports whether a source may give a role.
func Importable(role Role) bool { return role.given() }
