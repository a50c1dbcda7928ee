package accounts

import (
	"errors"
	"time"

	"huisclos/audit"
)

// Reset is the way out for an administrator, or an officer without a second one, who can no longer sign in: an operator, who has a
// shell on the appliance, takes the second factors and makes a link for a new passphrase. The passphrase counts until the link is used.
// ErrNoReset, ErrDisabled, ErrFromSource.
func (a *Accounts) Reset(email string, now time.Time) (Account, Activation, error) {
	normal, err := normalEmail(email)
	if err != nil {
		return Account{}, Activation{}, ErrNoReset
	}
	operator := Operator()
	var account Account
	var made Activation
	err = a.act(operator.name(), operator.Client, now, func(t *act) error {
		r, err := loadByEmail(t.tx, normal)
		switch {
		case errors.Is(err, ErrNotFound), err == nil && r.Role != Administrator && r.Role != Officer:
			return ErrNoReset
		case err != nil:
			return err
		case r.off():
			return ErrDisabled
		case r.elsewhere():
			return ErrFromSource // there is no passphrase of ours to be chosen
		}
		if err := t.record(audit.AdministratorReset, r.ID.String(), "role", string(r.Role)); err != nil {
			return err
		}
		if r.secondFactor() {
			if err := t.takeFactors(&r); err != nil {
				return err
			}
		}
		// Whoever guesses at the account must not keep its owner out now.
		if err := t.tx.Delete(triesBucket, []byte(knownKey(r.ID))); err != nil {
			return err
		}
		if err := t.endAll(r.ID, AccountReset); err != nil {
			return err
		}
		if made, err = t.newActivation(&r); err != nil {
			return err
		}
		account = r.account()
		return save(t.tx, r)
	})
	if err != nil {
		return Account{}, Activation{}, err
	}
	return account, made, nil
}
