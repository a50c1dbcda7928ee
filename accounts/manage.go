package accounts

import (
	"bytes"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// create checks and stores a new account. The caller records it.
func (t *act) create(name, email string, role Role) (record, error) {
	normal, err := normalEmail(email)
	if err != nil {
		return record{}, err
	}
	if name, err = cleanName(name); err != nil {
		return record{}, err
	}
	if role != Administrator && role != Member {
		return record{}, ErrRole
	}
	if t.tx.Get(emailBucket, []byte(normal)) != nil {
		return record{}, ErrEmailTaken
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

// Create makes an account without a passphrase, and the link with which its owner chooses one.
func (a *Accounts) Create(actor Actor, name, email string, role Role, now time.Time, also ...Also) (Account, Activation, error) {
	var account Account
	var activation Activation
	err := a.act(actor.name(), actor.Client, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		r, err := t.create(name, email, role)
		if err != nil {
			return err
		}
		if err := t.record(audit.AccountCreated, r.ID.String(), "role", string(r.Role)); err != nil {
			return err
		}
		if activation, err = t.newActivation(&r, also...); err != nil {
			return err
		}
		account = r.account()
		return save(t.tx, r)
	})
	if err != nil {
		return Account{}, Activation{}, a.forbidden(actor, ID{}, now, err)
	}
	return account, activation, nil
}

// keepsAdministrator refuses to take the last active administrator away.
func keepsAdministrator(tx *store.Tx, r record) error {
	if r.activeAdministrator() && administrators(tx) < 2 {
		return ErrLastAdministrator
	}
	return nil
}

// Disable shuts an account out: its sessions and its activation link end at once.
func (a *Accounts) Disable(actor Actor, id ID, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if r.Disabled {
			return nil
		}
		if err := keepsAdministrator(t.tx, *r); err != nil {
			return err
		}
		r.Disabled = true
		if err := t.dropActivation(r); err != nil {
			return err
		}
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.record(audit.AccountDisabled, id.String()); err != nil {
			return err
		}
		return t.endAll(id, AccountDisabled)
	})
}

// Enable undoes Disable. The account has the passphrase it had; without one it needs a new activation link.
func (a *Accounts) Enable(actor Actor, id ID, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if !r.Disabled {
			return nil
		}
		r.Disabled = false
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.AccountEnabled, id.String())
	})
}

// Delete removes an account for ever. The audit log keeps its id.
func (a *Accounts) Delete(actor Actor, id ID, now time.Time) error {
	_, err := a.administer(actor, id, false, now, func(t *act, r *record) error {
		if err := keepsAdministrator(t.tx, *r); err != nil {
			return err
		}
		if err := t.dropActivation(r); err != nil {
			return err
		}
		if err := t.endAll(id, AccountDeleted); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(id))); err != nil {
			return err
		}
		if err := t.leaveAll(id); err != nil {
			return err
		}
		if err := remove(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.AccountDeleted, id.String())
	})
	return err
}

// Rename gives an account another name; its owner may do so too.
func (a *Accounts) Rename(actor Actor, id ID, name string, now time.Time) (Account, error) {
	return a.administer(actor, id, true, now, func(t *act, r *record) error {
		name, err := cleanName(name)
		if err != nil || name == r.Name {
			return err
		}
		r.Name = name
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.AccountRenamed, id.String())
	})
}

// SetRole gives an account another role. Its sessions end: a session never gains a right (ASVS 7.2.4).
func (a *Accounts) SetRole(actor Actor, id ID, role Role, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if role != Administrator && role != Member {
			return ErrRole
		}
		if role == r.Role {
			return nil
		}
		if role == Administrator && r.Hash != "" && !r.Long {
			return ErrPassphraseForRole
		}
		if role == Member {
			if err := keepsAdministrator(t.tx, *r); err != nil {
				return err
			}
		}
		from := r.Role
		r.Role = role
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.record(audit.RoleChanged, id.String(), "from", string(from), "to", string(role)); err != nil {
			return err
		}
		return t.endAll(id, RoleChanged)
	})
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
