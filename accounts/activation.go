package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// ActivationLifetime is how long a link can be used.
const ActivationLifetime = 7 * 24 * time.Hour

const tokenLength = 32 // bytes: 256 bits

// Activation is a link just made: its secret is not kept.
type Activation struct {
	Token   Token
	Expires time.Time
}

// Also is done with a link in the transaction in which it is made: an error undoes both.
type Also func(tx *store.Tx, account Account, link Activation) error

// activation is a link as it is stored, under the hash of its token.
type activation struct {
	Account ID        `json:"account"`
	Expires time.Time `json:"expires"`
	Reset   bool      `json:"reset,omitempty"` // the account could sign in already
}

// Labels keep the hashes of different secrets apart.
const (
	sessionLabel    = "huisclos session 1\x00"
	activationLabel = "huisclos activation 1\x00"
	setupLabel      = "huisclos setup code 1\x00"
)

// hashSecret is what is kept of a secret with full entropy. Plain SHA-256 is enough for those: there is nothing to guess.
func hashSecret(label, text string) []byte {
	sum := sha256.Sum256([]byte(label + text))
	return sum[:]
}

func (a *Accounts) drawToken() (Token, error) {
	b, err := a.draw(tokenLength)
	return newToken(base64.RawURLEncoding.EncodeToString(b)), err
}

// wellFormed reports whether text can be a token, so that nothing else is looked up.
func wellFormed(text string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(b) == tokenLength && len(text) == 43
}

// NewActivation makes a new link and voids the one before. For an account that has a passphrase it is the reset: the
// passphrase and the sessions count until the link is used. Whoever uses the link of an officer without a second factor is that
// officer: it is Proposed. ErrDisabled, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) NewActivation(actor Actor, id ID, now time.Time, also ...Also) (Activation, error) {
	var made Activation
	_, err := a.administer(actor, id, false, now, func(t *act, r *record) error {
		if err := r.keepsPassphrase(); err != nil {
			return err
		}
		if r.Disabled || r.Absent {
			return ErrDisabled
		}
		if r.active() || r.Role.Privileged() {
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		if !r.secondFactor() && t.fourEyes(actor, r.Role) {
			return t.propose(actor, proposal{Kind: ProposedActivation, Account: id})
		}
		var err error
		if made, err = t.newActivation(r, also...); err != nil {
			return err
		}
		return save(t.tx, *r)
	})
	if err != nil {
		return Activation{}, err
	}
	return made, nil
}

// newActivation writes a link and its audit entry, and sets it in r; the caller saves r.
func (t *act) newActivation(r *record, also ...Also) (Activation, error) {
	if err := t.dropActivation(r); err != nil {
		return Activation{}, err
	}
	token, err := t.a.drawToken()
	if err != nil {
		return Activation{}, err
	}
	stored := activation{Account: r.ID, Expires: t.now.Add(ActivationLifetime).UTC(), Reset: r.Hash != "" || r.keyed()}
	b, err := json.Marshal(stored)
	if err != nil {
		return Activation{}, fmt.Errorf("accounts: activation: %w", err)
	}
	r.Activation = hashSecret(activationLabel, token.Reveal())
	if err := t.tx.Put(activationsBucket, r.Activation, b); err != nil {
		return Activation{}, err
	}
	made := Activation{token, stored.Expires}
	if err := t.record(audit.ActivationMade, r.ID.String(), "reset", yes(stored.Reset), "expires", stamp(stored.Expires)); err != nil {
		return Activation{}, err
	}
	for _, f := range also {
		if err := f(t.tx, r.account(), made); err != nil {
			return Activation{}, err
		}
	}
	return made, nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

// findActivation returns the account of a link that counts. Every other link is ErrActivation.
func findActivation(tx *store.Tx, token string, now time.Time) (record, activation, error) {
	var stored activation
	if !wellFormed(token) {
		return record{}, stored, ErrActivation
	}
	hash := hashSecret(activationLabel, token)
	b := tx.Get(activationsBucket, hash)
	if b == nil {
		return record{}, stored, ErrActivation
	}
	if err := json.Unmarshal(b, &stored); err != nil {
		return record{}, stored, fmt.Errorf("accounts: activation: %w", err)
	}
	r, err := load(tx, stored.Account)
	if errors.Is(err, ErrNotFound) || err == nil && (r.state() == Disabled || string(r.Activation) != string(hash) || !now.Before(stored.Expires)) {
		return record{}, stored, ErrActivation
	}
	return r, stored, err
}

// Activation returns the account that a link belongs to and changes nothing.
func (a *Accounts) Activation(token string, now time.Time) (Account, error) {
	var account Account
	err := a.db.View(func(tx *store.Tx) error {
		r, _, err := findActivation(tx, token, now)
		account = r.account()
		return err
	})
	return account, err
}

// Activate uses a link up: the account gets the passphrase, all its sessions end, and a new one begins. A passphrase
// that is refused leaves the link as it is. A link never stands for a second factor: where there is one it stays, no session
// begins, and the answer after the passphrase was set is ErrSignIn.
func (a *Accounts) Activate(ctx context.Context, token, passphrase string, client Client, now time.Time) (Account, Token, error) {
	try, err := a.guard.begin("", nil, client.Address, now)
	if err != nil {
		return Account{}, Token{}, err
	}
	account, session, err := a.activate(ctx, token, passphrase, client, now)
	if !errors.Is(err, ErrActivation) {
		try.done()
		return account, session, err
	}
	failed := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.ActivationBad, "")
	})
	try.failed(now)
	if failed != nil {
		return Account{}, Token{}, failed
	}
	return Account{}, Token{}, err
}

func (a *Accounts) activate(ctx context.Context, token, passphrase string, client Client, now time.Time) (Account, Token, error) {
	var r record
	err := a.db.View(func(tx *store.Tx) (err error) {
		r, _, err = findActivation(tx, token, now)
		return err
	})
	if err != nil {
		return Account{}, Token{}, err
	}
	var account Account
	role := r.Role
	hash, long, err := a.newHash(ctx, passphrase, r)
	if err != nil {
		return Account{}, Token{}, err
	}
	var session Token
	err = a.act(r.ID.String(), client.Address, now, func(t *act) error {
		// Read again: the link may have been used, voided or outlived meanwhile, or the role changed, and with it the rule.
		var stored activation
		if r, stored, err = findActivation(t.tx, token, now); err != nil {
			return err
		}
		if r.Role != role {
			return ErrActivation
		}
		if err := t.dropActivation(&r); err != nil {
			return err
		}
		if err := t.endAll(r.ID, PassphraseChanged); err != nil {
			return err
		}
		dropped, err := t.dropKeys(&r)
		if err != nil {
			return err
		}
		r.Hash, r.Long, r.Enrolment = hash, long, nil
		if !r.secondFactor() {
			r.LastLogin = now.UTC()
		}
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(r.ID))); err != nil {
			return err
		}
		if err := t.record(audit.ActivationUsed, r.ID.String(), "reset", yes(stored.Reset), "replaced", count(dropped)); err != nil || r.secondFactor() {
			return err
		}
		if account, err = accountNow(t.tx, r); err != nil {
			return err
		}
		session, err = t.newSession(r, client)
		return err
	})
	if err == nil && r.secondFactor() {
		err = ErrSignIn
	}
	if err != nil {
		return Account{}, Token{}, err
	}
	return account, session, nil
}
