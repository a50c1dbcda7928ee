package accounts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// EnrolmentLifetime is how long a second factor may take from its picture to its first code.
const EnrolmentLifetime = 10 * time.Minute

// The kinds of second factors as the log names them.
const (
	kindTOTP    = "totp"
	kindPasskey = "passkey"
)

// totpFactor is a second factor by TOTP (RFC 6238) as it is stored.
type totpFactor struct {
	Seed  sealed    `json:"seed"`
	Since time.Time `json:"since"`
	Step  int64     `json:"step"` // the last that was accepted; none up to it is again
}

// enrolment is one that was begun and not confirmed.
type enrolment struct {
	Seed  sealed    `json:"seed"`
	Until time.Time `json:"until"`
	// Replaces: it takes the place of the one that there is, which counts until this one is confirmed.
	Replaces bool `json:"replaces,omitempty"`
}

// Factors are an account's second factors.
type Factors struct {
	TOTP         time.Time // since when; zero: none
	Passkeys     []Passkey // the oldest first
	RecoveryLeft int       // recovery codes that were not used
	Required     bool      // by the policy, of the account's role
}

// Enrolment is a second factor just drawn. Its secret can be had once: the stored one is sealed.
type Enrolment struct {
	Secret Token // the seed in base 32, in groups of four
	URI    Token // otpauth://totp/…, for a picture
	Until  time.Time
}

// Confirmed is what the owner of a new second factor gets: recovery codes with the first one, and a session for the one that ended.
type Confirmed struct {
	Recovery []Token // none where there was a second factor before: those codes stay
	Since    time.Time
	Session  Token
}

// Proof is what somebody signed in types again before an act on their own account.
type Proof struct {
	Passphrase string
	Code       string // of the second factor, or a recovery code; "" without one
	// Passkey stands for both of the above, nil without one: who has it was verified by their device too. Only a change of the
	// passphrase asks for the old one all the same.
	Passkey Assertion
	// Proved is when the owner of the session last proved who they are: of somebody who has no passphrase here, because a provider
	// vouches for them, it stands for that.
	Proved time.Time
}

// Format says, for every verb, that secrets stand here.
func (Proof) Format(f fmt.State, _ rune) { f.Write([]byte("[proof]")) }

// given reports whether a code was typed at all.
func given(code string) bool { return strings.TrimSpace(code) != "" }

// kinds of codes that an act takes.
type kinds int

const (
	anyCode  kinds = iota // of the second factor, or a recovery code
	totpOnly              // who lost the second factor cannot do this
)

// useCode checks what was typed against r's second factor and notes its use in r; the caller saves r in the same
// transaction as what the code was for, so that no code does two things. An account without a second factor needs none.
// ErrSecondFactorNeeded, ErrCodeWrong.
func (t *act) useCode(r *record, typed string, allowed kinds) (byRecovery bool, err error) {
	if !r.secondFactor() {
		return false, nil
	}
	if !given(typed) {
		return false, NeedsFactor{r.TOTP != nil, len(r.Passkeys) > 0}
	}
	// People see six digits in two groups, and ten characters in two.
	switch code := typedCode(typed); {
	case len(code) == 6 && r.TOTP != nil:
		return false, t.useStep(r, code)
	case len(code) == recoveryGroups*codeGroup && allowed == anyCode && r.Recovery != nil:
		ok, err := t.a.useRecovery(r.ID, r.Recovery, code)
		if err != nil {
			return false, err
		}
		if !ok {
			return false, ErrCodeWrong
		}
		return true, t.record(audit.RecoveryUsed, r.ID.String(), "left", strconv.Itoa(r.Recovery.left()))
	}
	return false, ErrCodeWrong
}

// useSecond takes what was given beside the passphrase, before an act on one's own account. A passkey was used before, by ownAct.
func (t *act) useSecond(r *record, p Proof, allowed kinds) error {
	if p.Passkey != nil {
		return nil
	}
	_, err := t.useCode(r, p.Code, allowed)
	return err
}

func (t *act) useStep(r *record, code string) error {
	seed, err := t.a.open(r.ID, r.TOTP.Seed)
	if err != nil {
		return err
	}
	defer clear(seed)
	step, ok, err := matchStep(seed, code, r.TOTP.Step, t.now)
	if err != nil {
		return err
	}
	if !ok {
		return ErrCodeWrong
	}
	r.TOTP.Step = step
	if r.TOTP.Seed.Pepper != t.a.hasher.PepperID() { // as a hash is made anew
		r.TOTP.Seed, err = t.a.seal(r.ID, seed)
	}
	return err
}

// finish ends the try of an act that has run: a wrong code is counted and recorded as a wrong passphrase is, all else is not.
func (a *Accounts) finish(try attempt, r record, key string, client Client, now time.Time, err error) error {
	if !errors.Is(err, ErrCodeWrong) {
		try.done()
		return err
	}
	if failed := a.refuse(try, audit.FactorRefused, r, key, client, now); failed != nil {
		return failed
	}
	return ErrCodeWrong
}

// ownAct runs an act of somebody signed in on their own account, after the passphrase was typed again or a passkey was used; f asks
// for the code that belongs to the passphrase. Tries are limited as those at the door are. ErrPassphraseWrong, ErrPasskeyRefused,
// ErrProofNeeded of who has no passphrase here, ErrNoSession, and what f returns.
func (a *Accounts) ownAct(ctx context.Context, id ID, p Proof, client Client, now time.Time, f func(*act, *record) error) error {
	if p.Passkey != nil {
		return a.ownActByPasskey(id, p.Passkey, client, now, f)
	}
	var r record
	err := a.db.View(func(tx *store.Tx) (err error) {
		r, err = load(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	key := knownKey(id)
	try, err := a.guard.begin(key, a.counter(key), client.Address, now)
	if err != nil {
		return err
	}
	var ok bool
	if r.Hash == "" && r.vouchable() {
		ok, err = true, Actor{Proved: p.Proved}.proved(now)
	} else {
		ok, _, err = a.verify(ctx, r, p.Passphrase)
	}
	if err != nil {
		try.done()
		return err
	}
	if !ok {
		if err := a.refuse(try, audit.PassphraseFailed, r, key, client, now); err != nil {
			return err
		}
		return ErrPassphraseWrong
	}
	seen := r.Hash
	err = a.act(id.String(), client.Address, now, func(t *act) error {
		var err error
		// Read again: between the check and here the account may have been disabled or its passphrase changed.
		if r, err = load(t.tx, id); errors.Is(err, ErrNotFound) || err == nil && (r.state() != Active || r.Hash != seen) {
			return ErrNoSession
		} else if err != nil {
			return err
		}
		return f(t, &r)
	})
	return a.finish(try, r, key, client, now, err)
}

// Factors tells an account's second factors. ErrNotFound.
func (a *Accounts) Factors(id ID) (Factors, error) {
	var f Factors
	err := a.db.View(func(tx *store.Tx) error {
		r, err := load(tx, id)
		if err != nil {
			return err
		}
		p, err := loadPolicy(tx)
		f = Factors{Passkeys: r.passkeys(), RecoveryLeft: r.Recovery.left(), Required: p.TwoFactors(r.Role) != Optional}
		if r.TOTP != nil {
			f.TOTP = r.TOTP.Since
		}
		return err
	})
	return f, err
}

// BeginTOTP draws a second factor for its owner, in place of one that was begun before. It counts from ConfirmTOTP on, for
// which there are ten minutes. An account with a passkey proves itself with that too. ErrPassphraseWrong, ErrSecondFactorNeeded,
// ErrCodeWrong, ErrPasskeyRefused, ErrSecondFactorThere, ErrNoPassphrase, ErrTooMany.
func (a *Accounts) BeginTOTP(ctx context.Context, id ID, p Proof, client Client, now time.Time) (Enrolment, error) {
	return a.beginTOTP(ctx, id, p, false, client, now)
}

// ReplaceTOTP draws another one for somebody who has one: a new telephone. The old one counts until ConfirmTOTP, so that nobody is without
// a second factor that their role needs, and nobody is shut out by a picture that was never scanned. Who lost the old one proves themselves
// by a recovery code or a passkey. ErrNoSecondFactor, and what BeginTOTP returns.
func (a *Accounts) ReplaceTOTP(ctx context.Context, id ID, p Proof, client Client, now time.Time) (Enrolment, error) {
	return a.beginTOTP(ctx, id, p, true, client, now)
}

func (a *Accounts) beginTOTP(ctx context.Context, id ID, p Proof, replaces bool, client Client, now time.Time) (Enrolment, error) {
	var e Enrolment
	err := a.ownAct(ctx, id, p, client, now, func(t *act, r *record) error {
		switch {
		case r.TOTP != nil && !replaces:
			return ErrSecondFactorThere
		case r.TOTP == nil && replaces:
			return ErrNoSecondFactor
		}
		if r.keyed() {
			return ErrNoPassphrase
		}
		if err := t.useSecond(r, p, anyCode); err != nil {
			return err
		}
		seed, err := a.draw(seedLength)
		if err != nil {
			return err
		}
		defer clear(seed)
		box, err := a.seal(id, seed)
		if err != nil {
			return err
		}
		uri, err := seedURI(seed, r.Email)
		if err != nil {
			return err
		}
		r.Enrolment = &enrolment{Seed: box, Until: now.Add(EnrolmentLifetime).UTC(), Replaces: replaces}
		e = Enrolment{Secret: newToken(inFours(seedText(seed))), URI: newToken(uri), Until: r.Enrolment.Until}
		return save(t.tx, *r)
	})
	if err != nil {
		return Enrolment{}, err
	}
	return e, nil
}

// ConfirmTOTP makes the second factor count that BeginTOTP or ReplaceTOTP drew, by its first code; one that it replaces counts no more, and the
// recovery codes stay. All sessions end, and a new one begins for the caller. ErrCodeWrong, ErrEnrolmentOver, ErrSecondFactorThere, ErrTooMany.
func (a *Accounts) ConfirmTOTP(id ID, code string, client Client, now time.Time) (Confirmed, error) {
	key := knownKey(id)
	try, err := a.guard.begin(key, a.counter(key), client.Address, now)
	if err != nil {
		return Confirmed{}, err
	}
	var r record
	var c Confirmed
	err = a.act(id.String(), client.Address, now, func(t *act) error {
		var err error
		if r, err = load(t.tx, id); err != nil {
			return err
		}
		switch {
		case r.state() != Active:
			return ErrNoSession
		case r.TOTP != nil && (r.Enrolment == nil || !r.Enrolment.Replaces):
			return ErrSecondFactorThere
		case r.Enrolment == nil || !now.Before(r.Enrolment.Until):
			return ErrEnrolmentOver
		}
		how := audit.FactorAdded
		if r.Enrolment.Replaces {
			how = audit.FactorReplaced
		}
		r.TOTP, r.Enrolment = &totpFactor{Seed: r.Enrolment.Seed, Since: now.UTC(), Step: -1}, nil
		if err := t.useStep(&r, typedCode(code)); err != nil {
			return err
		}
		if c.Recovery, err = t.firstRecovery(&r); err != nil {
			return err
		}
		c.Since = r.TOTP.Since
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.record(how, id.String(), "kind", kindTOTP); err != nil {
			return err
		}
		if err := t.endAll(id, FactorChanged); err != nil {
			return err
		}
		c.Session, err = t.newSession(r, client)
		return err
	})
	if err := a.finish(try, r, key, client, now, err); err != nil {
		return Confirmed{}, err
	}
	return c, nil
}

// RemoveTOTP is the owner's own act: the second factor is gone, and the recovery codes with the last one. All sessions end, and a
// new one begins for the caller. ErrPassphraseWrong, ErrSecondFactorNeeded, ErrCodeWrong, ErrNoSecondFactor, ErrFactorKept, ErrTooMany.
func (a *Accounts) RemoveTOTP(ctx context.Context, id ID, p Proof, client Client, now time.Time) (Token, error) {
	var session Token
	err := a.ownAct(ctx, id, p, client, now, func(t *act, r *record) (err error) {
		if r.TOTP == nil {
			return ErrNoSecondFactor
		}
		after := *r
		after.TOTP = nil
		if err := t.mayRemove(after); err != nil {
			return err
		}
		if err := t.useSecond(r, p, anyCode); err != nil {
			return err
		}
		r.TOTP, r.Enrolment = nil, nil
		session, err = t.removed(r, client, "kind", kindTOTP)
		return err
	})
	if err != nil {
		return Token{}, err
	}
	return session, nil
}

// RenewRecovery draws new recovery codes for their owner; the old ones no longer count. Sessions stay. It takes a code of
// the second factor alone. ErrPassphraseWrong, ErrSecondFactorNeeded, ErrCodeWrong, ErrNoSecondFactor, ErrNoPassphrase, ErrTooMany.
func (a *Accounts) RenewRecovery(ctx context.Context, id ID, p Proof, client Client, now time.Time) ([]Token, error) {
	var codes []Token
	err := a.ownAct(ctx, id, p, client, now, func(t *act, r *record) error {
		if !r.secondFactor() {
			return ErrNoSecondFactor
		}
		if r.keyed() {
			return ErrNoPassphrase
		}
		if err := t.useSecond(r, p, totpOnly); err != nil {
			return err
		}
		var err error
		if r.Recovery, codes, err = a.newRecovery(id); err != nil {
			return err
		}
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(id))); err != nil {
			return err
		}
		return t.record(audit.RecoveryRenewed, id.String())
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}
