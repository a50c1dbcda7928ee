package accounts

import (
	"context"
	"errors"
	"strconv"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Accounts without a passphrase. A guest may have a passkey instead: the authenticator has verified who holds it (W3C WebAuthn §7.2
// step 17), so that it stands for both factors. The door answers somebody who types a passphrase for such an account as if there were
// none, after the same work (verify). Recovery codes and TOTP stand beside a passphrase, and come with one.

// keyed reports whether passkeys are all that r signs in with.
func (r record) keyed() bool {
	return r.Hash == "" && !r.elsewhere() && !r.vouchable() && len(r.Passkeys) > 0
}

// credential is what an account signs in with from now on: a passphrase's hash, or a passkey.
type credential struct {
	hash string
	long bool
	key  *keptPasskey
}

func (c credential) kind() string {
	if c.key != nil {
		return kindPasskey
	}
	return ""
}

func newKey(name string, key PasskeyKey, now time.Time) (credential, error) {
	name, err := passkeyName(name)
	return credential{key: &keptPasskey{PasskeyKey: key, Name: name, Created: now.UTC()}}, err
}

// give sets r's credential in the place of the one before. The caller saves r. ErrPasskeyThere.
func (t *act) give(r *record, c credential) error {
	r.Hash, r.Long, r.Enrolment = c.hash, c.long, nil
	if c.key == nil {
		return nil
	}
	// W3C WebAuthn §7.1 step 26: one credential id has one owner.
	if t.tx.Get(passkeysBucket, passkeyKey(c.key.Credential)) != nil {
		return ErrPasskeyThere
	}
	r.Passkeys = append(r.Passkeys, *c.key)
	return nil
}

// dropKeys takes off r what a link is to replace: the passkeys that were all it signed in with. A link never stands for a second
// factor: where the policy asks for one of the role, they stay. The caller saves r.
func (t *act) dropKeys(r *record) (dropped int, err error) {
	p, err := loadPolicy(t.tx)
	if err != nil || !r.keyed() || p.TwoFactors(r.Role) != Optional {
		return 0, err
	}
	dropped = len(r.Passkeys)
	r.dropFactors()
	return dropped, nil
}

// MayBeKeyed reports whether a link may give an account a passkey instead of a passphrase.
func (a Account) MayBeKeyed() bool { return a.Role == Guest && (a.Keyed || !a.SecondFactor) }

// ActivateByKey is Activate with a passkey instead of a passphrase, for guests: what they signed in with before is gone. The passkey
// was made for the account of the link. ErrActivation, ErrPasskeyName, ErrPasskeyThere.
func (a *Accounts) ActivateByKey(token, name string, key PasskeyKey, client Client, now time.Time) (Account, Token, error) {
	way, err := newKey(name, key, now)
	if err != nil {
		return Account{}, Token{}, err
	}
	try, err := a.guard.begin("", nil, client.Address, now)
	if err != nil {
		return Account{}, Token{}, err
	}
	var account Account
	var session Token
	err = a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		r, stored, err := findActivation(t.tx, token, now)
		if err != nil {
			return err
		}
		if !r.account().MayBeKeyed() {
			return ErrActivation
		}
		t.actor = r.ID.String()
		if err := t.dropActivation(&r); err != nil {
			return err
		}
		if err := t.endAll(r.ID, FactorChanged); err != nil {
			return err
		}
		dropped, err := t.dropKeys(&r)
		if err != nil {
			return err
		}
		if err := t.give(&r, way); err != nil {
			return err
		}
		r.LastLogin = now.UTC()
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(r.ID))); err != nil {
			return err
		}
		if err := t.record(audit.ActivationUsed, r.ID.String(), "reset", yes(stored.Reset), "by", kindPasskey, "replaced", count(dropped)); err != nil {
			return err
		}
		if account, err = accountNow(t.tx, r); err != nil {
			return err
		}
		session, err = t.newSession(r, client)
		return err
	})
	if !errors.Is(err, ErrActivation) {
		try.done()
		return account, session, err
	}
	failed := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.ActivationBad, "")
	})
	try.failed(now)
	return Account{}, Token{}, errors.Join(failed, err)
}

// count is a number for the log, where none is not worth a word.
func count(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// ChoosePassphrase gives an account without a passphrase one, for its owner, who proves it with a passkey; from then on that is a
// second factor beside it, and there are recovery codes. All sessions end, and a new one begins for the caller. ErrPassphraseThere,
// ErrPasskeyRefused, those of a new passphrase, ErrTooMany.
func (a *Accounts) ChoosePassphrase(ctx context.Context, id ID, by Assertion, new string, client Client, now time.Time) (Confirmed, error) {
	r, err := a.keyedRecord(id)
	if err != nil {
		return Confirmed{}, err
	}
	role := r.Role
	hash, long, err := a.newHash(ctx, new, r)
	if err != nil {
		return Confirmed{}, err
	}
	c := Confirmed{Since: now.UTC()}
	err = a.ownActByPasskey(id, by, client, now, func(t *act, r *record) error {
		switch {
		case !r.keyed():
			return ErrPassphraseThere
		case r.Role != role: // and with it the rule
			return ErrNoSession
		}
		if err := t.give(r, credential{hash: hash, long: long}); err != nil {
			return err
		}
		if c.Recovery, err = t.firstRecovery(r); err != nil {
			return err
		}
		if err := t.dropActivation(r); err != nil {
			return err
		}
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(id))); err != nil {
			return err
		}
		if err := t.record(audit.PassphraseChange, id.String(), "first", "yes"); err != nil {
			return err
		}
		if err := t.endAll(id, PassphraseChanged); err != nil {
			return err
		}
		c.Session, err = t.newSession(*r, client)
		return err
	})
	if err != nil {
		return Confirmed{}, err
	}
	return c, nil
}

// keyedRecord returns an account that has no passphrase. ErrPassphraseThere.
func (a *Accounts) keyedRecord(id ID) (r record, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		if r, err = load(tx, id); err == nil && !r.keyed() {
			err = ErrPassphraseThere
		}
		return err
	})
	return r, err
}
