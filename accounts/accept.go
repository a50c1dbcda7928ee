package accounts

import (
	"context"
	"time"

	"huisclos/audit"
)

// Acceptance is what somebody gives who has an invitation and no account: the code from the mail, a name, and what they sign in with
// from now on, either a passphrase or a passkey.
type Acceptance struct {
	Token, Email, Code string
	Name               string

	Passphrase string
	Key        *PasskeyKey // made for GuestToBe's account; then there is no passphrase
	KeyName    string
}

// confirmedBy checks the code of an acceptance. A wrong one is counted: then wrong is true, and the transaction has to end well.
func (t *act) confirmedBy(token, email, code string) (i invitation, hash []byte, normal string, wrong bool, err error) {
	i, hash, _, err = findInvitation(t.tx, token, t.now)
	if err == nil {
		normal, err = i.addressed(email)
	}
	if err == nil {
		wrong, err = t.confirmed(hash, i, normal, code)
	}
	return i, hash, normal, wrong, err
}

// GuestToBe returns the id of the account that an acceptance will make. A passkey carries it as its user handle, so that it is drawn
// before there is an account; for one code it stays the same. Errors as Confirm's, and ErrName, ErrEmailTaken.
func (a *Accounts) GuestToBe(token, email, code, name string, client Client, now time.Time) (ID, error) {
	var id ID
	wrong := false
	err := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		_, hash, normal, bad, err := t.confirmedBy(token, email, code)
		if wrong = bad; err != nil || wrong {
			return err
		}
		key := confirmationKey(hash, normal)
		c, err := readConfirmation(t.tx.Get(confirmationsBucket, key))
		if err != nil {
			return err
		}
		r, err := t.draft(name, email, Guest)
		if err != nil {
			return err
		}
		if c.Account == (ID{}) {
			c.Account = r.ID
			err = saveConfirmation(t.tx, key, c)
		}
		id = c.Account
		return err
	})
	if err == nil && wrong {
		err = ErrConfirmation
	}
	return id, err
}

// Accept makes a guest's account for who has confirmed an address, and signs it in. Errors as Confirm's, and ErrName, ErrEmailTaken,
// those of a new passphrase, ErrPasskeyName and ErrPasskeyThere, which leave the code good.
func (a *Accounts) Accept(ctx context.Context, in Acceptance, client Client, now time.Time) (Account, Token, error) {
	wrong, normal := false, ""
	err := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) (err error) {
		_, _, normal, wrong, err = t.confirmedBy(in.Token, in.Email, in.Code)
		return err
	})
	if err == nil && wrong {
		err = ErrConfirmation
	}
	if err != nil {
		return Account{}, Token{}, err
	}
	name, err := cleanName(in.Name)
	if err != nil {
		return Account{}, Token{}, err
	}
	var way credential
	if in.Key != nil {
		way, err = newKey(in.KeyName, *in.Key, now)
	} else {
		way.hash, way.long, err = a.newHash(ctx, in.Passphrase, record{Name: name, Normal: normal, Role: Guest})
	}
	if err != nil {
		return Account{}, Token{}, err
	}
	var account Account
	var session Token
	err = a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		// Read again: it may have been used, withdrawn or outlived meanwhile.
		i, hash, _, bad, err := t.confirmedBy(in.Token, in.Email, in.Code)
		if wrong = bad; err != nil || wrong {
			return err
		}
		r, err := t.draft(name, in.Email, Guest)
		if err != nil {
			return err
		}
		if way.key != nil {
			c, err := readConfirmation(t.tx.Get(confirmationsBucket, confirmationKey(hash, normal)))
			if err != nil {
				return err
			}
			if c.Account == (ID{}) { // another code was sent meanwhile: the passkey is for an account that will never be
				return ErrConfirmationOver
			}
			r.ID = c.Account
		}
		t.actor = r.ID.String()
		r.LastLogin = now.UTC()
		if err := t.give(&r, way); err != nil {
			return err
		}
		if err := t.host(&r, &i, hash); err != nil {
			return err
		}
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.record(audit.GuestCreated, r.ID.String(), "organiser", i.Organiser.String(), "until", stamp(r.Guest.Until), "by", way.kind()); err != nil {
			return err
		}
		if account, err = accountNow(t.tx, r); err != nil {
			return err
		}
		session, err = t.newSession(r, client)
		return err
	})
	if err == nil && wrong {
		err = ErrConfirmation
	}
	return account, session, err
}
