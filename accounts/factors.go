package accounts

import (
	"strconv"
	"time"

	"huisclos/audit"
)

// What holds for second factors of every kind: recovery codes come with the first and go with the last, and an administrator takes all.

// firstRecovery draws recovery codes where r has none yet. They stand beside a passphrase: where there is none, they come with it.
// The caller saves r.
func (t *act) firstRecovery(r *record) (codes []Token, err error) {
	if r.Recovery == nil && !r.keyed() {
		r.Recovery, codes, err = t.a.newRecovery(r.ID)
	}
	return codes, err
}

// mayRemove refuses to leave an account without a second factor that its role needs. ErrFactorKept.
func (t *act) mayRemove(after record) error {
	missing, err := factorMissing(t.tx, after)
	if err == nil && missing {
		err = ErrFactorKept
	}
	return err
}

// removed saves r without a second factor that it had, ends all sessions and begins one for the caller.
func (t *act) removed(r *record, client Client, details ...string) (Token, error) {
	if !r.secondFactor() {
		r.dropFactors()
	}
	if err := save(t.tx, *r); err != nil {
		return Token{}, err
	}
	if err := t.tx.Delete(triesBucket, []byte(knownKey(r.ID))); err != nil {
		return Token{}, err
	}
	if err := t.record(audit.FactorRemoved, r.ID.String(), details...); err != nil {
		return Token{}, err
	}
	if err := t.endAll(r.ID, FactorChanged); err != nil {
		return Token{}, err
	}
	return t.newSession(*r, client)
}

// TakeFactors is an administrator's act for somebody who lost second factors and recovery codes: all are gone, passkeys too, and all
// sessions end. An officer's is Proposed. ErrNoSecondFactor, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) TakeFactors(actor Actor, id ID, now time.Time) error {
	_, err := a.administer(actor, id, false, now, func(t *act, r *record) error {
		// A passkey without a passphrase is no second one: it is replaced by a link.
		if !r.secondFactor() || r.keyed() {
			return ErrNoSecondFactor
		}
		return t.alter(actor, ProposedFactors, r, t.takeFactors)
	})
	return err
}

func (t *act) takeFactors(r *record) error {
	left, kinds := r.Recovery.left(), r.kinds()
	r.dropFactors()
	if err := save(t.tx, *r); err != nil {
		return err
	}
	if err := t.record(audit.FactorTaken, r.ID.String(), "kind", kinds, "recovery", strconv.Itoa(left)); err != nil {
		return err
	}
	return t.endAll(r.ID, FactorChanged)
}

// dropFactors takes all second factors off the record, also one that is being set up. The caller saves it.
func (r *record) dropFactors() { r.TOTP, r.Passkeys, r.Recovery, r.Enrolment = nil, nil, nil, nil }

// kinds names the second factors that there are.
func (r record) kinds() string {
	switch {
	case len(r.Passkeys) == 0:
		return kindTOTP
	case r.TOTP == nil:
		return kindPasskey
	}
	return kindTOTP + " " + kindPasskey
}
