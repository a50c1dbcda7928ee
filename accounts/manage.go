package accounts

import (
	"bytes"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// create checks a new account that a person makes. The caller stores and records it.
func (t *act) create(name, email string, role Role) (record, error) {
	if !role.given() {
		return record{}, ErrRole
	}
	return t.draft(name, email, role)
}

// draft is create for any role.
func (t *act) draft(name, email string, role Role) (record, error) {
	normal, err := normalEmail(email)
	if err != nil {
		return record{}, err
	}
	if name, err = cleanName(name); err != nil {
		return record{}, err
	}
	if err := addressFree(t.tx, normal, ID{}, t.now); err != nil {
		return record{}, err
	}
	id, err := t.a.draw(len(ID{}))
	if err != nil {
		return record{}, err
	}
	if t.tx.Get(recordsBucket, id) != nil {
		// 128 random bits: the source of random numbers is broken, and nothing may be made from it.
		panic("accounts: an account id was drawn twice")
	}
	return record{ID: ID(id), Name: name, Email: strings.TrimSpace(email), Normal: normal, Role: role, Created: t.now.UTC()}, nil
}

// Create makes an account without a passphrase, and the link with which its owner chooses one. Where there is an active
// officer, a further one is Proposed. ErrEmail, ErrName, ErrRole, ErrEmailTaken, ErrForbidden, ErrProofNeeded.
func (a *Accounts) Create(actor Actor, name, email string, role Role, now time.Time, also ...Also) (Account, Activation, error) {
	var account Account
	var activation Activation
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		r, err := t.create(name, email, role)
		if err != nil {
			return err
		}
		if role.Privileged() {
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		if t.fourEyes(actor, role) {
			return t.propose(actor, proposal{Kind: ProposedCreate, Change: Change{Name: r.Name, Email: r.Email, Role: role}})
		}
		account = r.account()
		activation, err = t.add(r, also...)
		return err
	})
	if err != nil {
		return Account{}, Activation{}, a.forbidden(actor, ID{}, now, err)
	}
	return account, activation, nil
}

// add stores what create made, with its link.
func (t *act) add(r record, also ...Also) (Activation, error) {
	if err := t.record(audit.AccountCreated, r.ID.String(), "role", string(r.Role)); err != nil {
		return Activation{}, err
	}
	activation, err := t.newActivation(&r, also...)
	if err != nil {
		return Activation{}, err
	}
	return activation, save(t.tx, r)
}

// alter runs an administrator's act on an account that there is, which may be a privileged one: then it takes a proof, and an
// officer's takes four eyes.
func (t *act) alter(actor Actor, kind ProposalKind, r *record, do func(*record) error) error {
	if r.Role.Privileged() || kind == ProposedDelete || kind == ProposedLeave || kind == ProposedFactors {
		if err := actor.proved(t.now); err != nil {
			return err
		}
	}
	if t.fourEyes(actor, r.Role) {
		return t.propose(actor, proposal{Kind: kind, Account: r.ID})
	}
	return do(r)
}

// keepsAdministrator refuses to take the last active administrator away.
func keepsAdministrator(tx *store.Tx, r record) error {
	if r.lastingAdministrator() && administrators(tx) < 2 {
		return ErrLastAdministrator
	}
	return nil
}

// Disable shuts an account out: its sessions and its activation link end at once. An officer's is Proposed.
// ErrLastAdministrator, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) Disable(actor Actor, id ID, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if r.Disabled {
			return nil
		}
		if err := keepsAdministrator(t.tx, *r); err != nil {
			return err
		}
		return t.alter(actor, ProposedDisable, r, t.disable)
	})
}

func (t *act) disable(r *record) error {
	r.Disabled = true
	if err := t.dropActivation(r); err != nil {
		return err
	}
	if err := save(t.tx, *r); err != nil {
		return err
	}
	if err := t.record(audit.AccountDisabled, r.ID.String()); err != nil {
		return err
	}
	if err := t.withoutOrganiser(r.ID, false); err != nil {
		return err
	}
	return t.endAll(r.ID, AccountDisabled)
}

// Enable undoes Disable. The account has the passphrase it had; without one it needs a new activation link. An officer's is
// Proposed. ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) Enable(actor Actor, id ID, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if !r.Disabled {
			return nil
		}
		return t.alter(actor, ProposedEnable, r, t.enable)
	})
}

func (t *act) enable(r *record) error {
	// What its source has shut out stays out: only the word of our own is taken back.
	r.Disabled = false
	if err := save(t.tx, *r); err != nil {
		return err
	}
	return t.record(audit.AccountEnabled, r.ID.String())
}

// Delete removes an account for ever and at once. The audit log keeps its id. An officer's is Proposed. ErrLastAdministrator,
// ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) Delete(actor Actor, id ID, now time.Time) error {
	_, err := a.administer(actor, id, false, now, func(t *act, r *record) error {
		if err := t.mayGo(*r); err != nil {
			return err
		}
		if err := keepsAdministrator(t.tx, *r); err != nil {
			return err
		}
		return t.alter(actor, ProposedDelete, r, t.delete)
	})
	return err
}

// mayGo refuses to delete who is still in the directory, and would be here again after the next synchronisation. Without a
// directory nobody is. Other sources bring somebody when they have something to say of them.
func (t *act) mayGo(r record) error {
	if r.Source == Directory && !r.Absent && t.a.o.Directory != nil {
		return ErrFromSource
	}
	return nil
}

func (t *act) delete(r *record) error {
	// First what is told to people: while the account is there, its meetings have an organiser and it has an address.
	if err := t.record(audit.AccountDeleted, r.ID.String()); err != nil {
		return err
	}
	if t.a.o.Gone != nil {
		after, err := t.a.o.Gone(t.tx, r.ID, t.actor, t.now)
		if err != nil {
			return err
		}
		if after != nil {
			t.after = append(t.after, after)
		}
	}
	if err := t.dropActivation(r); err != nil {
		return err
	}
	if err := t.endAll(r.ID, AccountDeleted); err != nil {
		return err
	}
	if err := t.tx.Delete(triesBucket, []byte(knownKey(r.ID))); err != nil {
		return err
	}
	if err := t.leaveAll(r.ID); err != nil {
		return err
	}
	if err := t.withoutOrganiser(r.ID, true); err != nil {
		return err
	}
	// Others' lists still name it; the sweep cleans them.
	if err := t.tx.Put(stateBucket, forgottenKey, r.ID[:]); err != nil {
		return err
	}
	return remove(t.tx, *r)
}

// Rename gives an account another name; its owner may do so too, without a proof. ErrName, ErrProofNeeded, ErrNotFound,
// ErrForbidden.
func (a *Accounts) Rename(actor Actor, id ID, name string, now time.Time) (Account, error) {
	return a.administer(actor, id, true, now, func(t *act, r *record) error {
		name, err := cleanName(name)
		if err != nil || name == r.Name {
			return err
		}
		if err := r.local(); err != nil {
			return err
		}
		if r.Role.Privileged() && actor.Account != id {
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		r.Name = name
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.AccountRenamed, id.String())
	})
}

// SetRole gives an account another role. Its sessions end: a session never gains a right (ASVS 7.2.4). To or from officer it
// is Proposed where there is an active officer. A guest becomes a member or an organiser, with the passphrase or passkey that it has. ErrRole, ErrPassphraseForRole, ErrLastAdministrator, ErrProofNeeded,
// ErrNotFound, ErrForbidden.
func (a *Accounts) SetRole(actor Actor, id ID, role Role, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if !role.given() || r.Role == Guest && role.Privileged() {
			return ErrRole
		}
		if role == r.Role {
			return nil
		}
		if err := r.local(); err != nil {
			return err
		}
		if err := t.mayBecome(*r, role); err != nil {
			return err
		}
		if role.Privileged() || r.Role.Privileged() || r.Role == Guest {
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		if t.fourEyes(actor, role, r.Role) {
			return t.propose(actor, proposal{Kind: ProposedRole, Account: id, Change: Change{From: r.Role, To: role}})
		}
		return t.setRole(r, role)
	})
}

// mayBecome refuses what no agreement changes.
func (t *act) mayBecome(r record, role Role) error {
	if role.Privileged() && (r.Hash != "" || r.keyed()) && !r.Long {
		return ErrPassphraseForRole
	}
	return keepsAdministrator(t.tx, r)
}

func (t *act) setRole(r *record, role Role) error {
	from := r.Role
	r.Role, r.Guest = role, nil
	if err := save(t.tx, *r); err != nil {
		return err
	}
	if err := t.record(audit.RoleChanged, r.ID.String(), "from", string(from), "to", string(role)); err != nil {
		return err
	}
	if from == Guest {
		if err := t.record(audit.GuestConverted, r.ID.String(), "to", string(role)); err != nil {
			return err
		}
	}
	return t.endAll(r.ID, RoleChanged)
}

// dropActivation voids the account's link. The caller saves the record.
func (t *act) dropActivation(r *record) error {
	if r.Activation == nil {
		return nil
	}
	hash := bytes.Clone(r.Activation)
	r.Activation = nil
	return t.tx.Delete(activationsBucket, hash)
}
