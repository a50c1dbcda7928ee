package accounts

import (
	"context"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// ProofLifetime is how long a sign-in, a confirmed second factor or a proof stands for the person before sensitive acts.
const ProofLifetime = 10 * time.Minute

// proved refuses sensitive acts of a session whose owner has not proved lately that it is them, and all of a program, which can prove
// nothing of the kind.
func (actor Actor) proved(now time.Time) error {
	if actor.program != (ProgramID{}) {
		return ErrNotForPrograms
	}
	if actor.operator || !actor.Proved.IsZero() && now.Before(actor.Proved.Add(ProofLifetime)) {
		return nil
	}
	return ErrProofNeeded
}

// ProvedLately refuses what another package lets people do with that proof only: ErrProofNeeded.
func (actor Actor) ProvedLately(now time.Time) error { return actor.proved(now) }

// Prove notes in the session of token that its owner has given again what they sign in with: the passphrase, and a code where
// there is a second factor, or a passkey. The token stays. ErrPassphraseWrong, ErrSecondFactorNeeded, ErrCodeWrong,
// ErrPasskeyRefused, ErrTooMany, ErrNoSession.
func (a *Accounts) Prove(ctx context.Context, token string, p Proof, client Client, now time.Time) error {
	if !wellFormed(token) {
		return ErrNoSession
	}
	p.Proved = time.Time{} // a proof doesn't prolong itself
	hash := hashSecret(sessionLabel, token)
	var owner ID
	err := a.db.View(func(tx *store.Tx) error {
		s, err := loadSession(tx, hash)
		owner = s.Account
		return err
	})
	if err != nil {
		return err
	}
	return a.ownAct(ctx, owner, p, client, now, func(t *act, r *record) error {
		if err := t.useSecond(r, p, anyCode); err != nil {
			return err
		}
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(owner))); err != nil {
			return err
		}
		return t.prove(hash)
	})
}

// prove sets the mark of a session and records it.
func (t *act) prove(hash []byte) error {
	s, err := loadSession(t.tx, hash)
	if err != nil {
		return err
	}
	s.Proved = t.now.UTC()
	if err := putSession(t.tx, hash, s); err != nil {
		return err
	}
	return t.record(audit.ProofGiven, s.Account.String(), "session", s.ID.String())
}
