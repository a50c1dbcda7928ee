package accounts

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

func (a *Accounts) hashCost(role Role) passhash.Params {
	if role.Privileged() {
		return a.o.AdministratorHash
	}
	return a.o.MemberHash
}

// newHash checks a new passphrase against the rule for r and returns its hash.
func (a *Accounts) newHash(ctx context.Context, passphrase string, r record) (hash string, long bool, err error) {
	if passphrase, err = preparePassphrase(passphrase); err != nil {
		return "", false, err
	}
	if long, err = checkPassphrase(passphrase, r.Role, r.Name, r.Normal); err != nil {
		return "", false, err
	}
	hash, err = a.hasher.Hash(ctx, passphrase, a.hashCost(r.Role))
	return hash, long, hashError(err)
}

func hashError(err error) error {
	if errors.Is(err, passhash.ErrBusy) {
		return ErrBusy
	}
	return err
}

// verify checks what was typed against r's hash. Whatever it is refused for, a refusal costs the same work.
func (a *Accounts) verify(ctx context.Context, r record, passphrase string) (ok, rehash bool, err error) {
	if r.Source == Directory {
		ok, err = a.askSource(ctx, r, passphrase)
		return ok, false, err
	}
	prepared, unusable := preparePassphrase(passphrase)
	if unusable != nil {
		prepared = ""
	}
	if r.state() != Active || r.Hash == "" || unusable != nil {
		return false, false, hashError(a.hasher.VerifyUnknown(ctx, prepared))
	}
	ok, rehash, err = a.hasher.Verify(ctx, r.Hash, prepared, a.hashCost(r.Role))
	return ok, rehash, hashError(err)
}

// SignedIn is a sign-in that succeeded.
type SignedIn struct {
	Account Account
	Session Token
	// Recovery reports that a recovery code stood for the second factor; RecoveryLeft is how many are left then.
	Recovery     bool
	RecoveryLeft int
}

// Login signs in. Unknown, disabled and not yet activated accounts get the answer, the time and the waits of a wrong
// passphrase: ErrCredentials or ErrTooMany. Only after the right passphrase does an account with a second factor say so:
// ErrSecondFactorNeeded without a code, which counts as nothing, ErrCodeWrong with a wrong one, which counts as a wrong
// passphrase does.
func (a *Accounts) Login(ctx context.Context, email string, p Proof, client Client, now time.Time) (SignedIn, error) {
	typed, err := normalEmail(email)
	if err != nil {
		// No account can have it. It is counted all the same.
		typed = strings.ToLower(strings.TrimSpace(email))
	}
	var r record
	key := a.guard.unknownAddressKey(typed)
	err = a.db.View(func(tx *store.Tx) error {
		var err error
		switch r, err = loadByEmail(tx, typed); {
		case err == nil:
			key = knownKey(r.ID)
			over, err := r.over(tx, now)
			r.Disabled = r.Disabled || over // what a guest whose time is over knows counts for nothing
			return err
		case !errors.Is(err, ErrNotFound):
			return err
		}
		return nil
	})
	if err != nil {
		return SignedIn{}, err
	}
	try, err := a.guard.begin(key, a.counter(key), client.Address, now)
	if err != nil {
		return SignedIn{}, err
	}
	ok, rehash, err := a.verifyAtDoor(ctx, r, p.Passphrase)
	unasked := errors.Is(err, ErrSource)
	if err != nil && !unasked {
		// Nothing was learned: the caller went away, or there was no room.
		try.done()
		return SignedIn{}, err
	}
	if !ok {
		// Also while the directory can't be asked: what is counted for some only would tell who they are.
		if err := a.refuse(try, audit.LoginRefused, r, key, client, now); err != nil {
			return SignedIn{}, err
		}
		if unasked {
			return SignedIn{}, err
		}
		return SignedIn{}, ErrCredentials
	}
	signed, err := a.begin(ctx, &r, rehash, key, p, client, now)
	if err := a.finish(try, r, key, client, now, err); err != nil {
		return SignedIn{}, err
	}
	return signed, nil
}

// begin makes the session of somebody whose passphrase was right for r, and takes the code of a second factor with it. r is
// what is stored afterwards.
func (a *Accounts) begin(ctx context.Context, r *record, rehash bool, key string, p Proof, client Client, now time.Time) (SignedIn, error) {
	if r.secondFactor() && !given(p.Code) {
		return SignedIn{}, NeedsFactor{r.TOTP != nil, len(r.Passkeys) > 0}
	}
	seen := r.Hash
	hash := seen
	if rehash {
		prepared, err := preparePassphrase(p.Passphrase)
		if err != nil {
			return SignedIn{}, err
		}
		if hash, err = a.hasher.Hash(ctx, prepared, a.hashCost(r.Role)); err != nil {
			return SignedIn{}, hashError(err)
		}
	}
	var signed SignedIn
	err := a.act(r.ID.String(), client.Address, now, func(t *act) error {
		// Read again: between the check and here the account may have been disabled, its passphrase changed or a code used.
		found, err := load(t.tx, r.ID)
		if errors.Is(err, ErrNotFound) || err == nil && (found.state() != Active || found.Hash != seen) {
			return ErrCredentials
		} else if err != nil {
			return err
		}
		*r = found
		if signed.Recovery, err = t.useCode(r, p.Code, anyCode); err != nil {
			return err
		}
		if signed.Recovery {
			signed.RecoveryLeft = r.Recovery.left()
		}
		if r.Enrolment != nil && !now.Before(r.Enrolment.Until) {
			r.Enrolment = nil
		}
		r.Hash, r.LastLogin = hash, now.UTC()
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(key)); err != nil {
			return err
		}
		if signed.Account, err = accountNow(t.tx, *r); err != nil {
			return err
		}
		signed.Session, err = t.newSession(*r, client)
		return err
	})
	return signed, err
}

// counter returns the function that reads the counter of key.
func (a *Accounts) counter(key string) func() (tries, error) {
	return func() (t tries, err error) {
		err = a.db.View(func(tx *store.Tx) error {
			t, err = loadTries(tx, key)
			return err
		})
		return t, err
	}
}

// refuse ends a failed try: it is counted and recorded in one transaction, the same for accounts that exist and others.
func (a *Accounts) refuse(try attempt, action audit.Action, r record, key string, client Client, now time.Time) error {
	object, reason := "", "unknown"
	if r.ID != (ID{}) {
		object = r.ID.String()
		switch {
		case action == audit.FactorRefused:
			reason = "code"
		case r.state() == Active && r.keyed():
			reason = "keyed"
		case r.state() == Active:
			reason = "passphrase"
		default:
			reason = string(r.state())
		}
	}
	err := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		counter, err := a.guard.countFailure(t.tx, key, now)
		if err != nil {
			return err
		}
		if err := t.recordAs(audit.Refused, action, object, "reason", reason, "failures", strconv.Itoa(counter.Failures)); err != nil {
			return err
		}
		if counter.Failures != a.o.PerAccount.Quick {
			return nil
		}
		return t.recordAs(audit.Refused, audit.LoginLimited, object, "by", "account", "until", stamp(counter.Until))
	})
	return errors.Join(err, a.failedFrom(try, client, now))
}

// failedFrom counts a failure against where it comes from, and records when its waits begin.
func (a *Accounts) failedFrom(try attempt, client Client, now time.Time) error {
	network, limited := try.failed(now)
	if !limited {
		return nil
	}
	return a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.LoginLimited, "", "by", "address", "until", stamp(network.Until))
	})
}

// ChangePassphrase is the owner's own act; an account with a second factor needs its code too. All sessions end, and a new
// one begins for the caller. ErrPassphraseWrong, ErrPassphraseSame and the others of a new passphrase, ErrSecondFactorNeeded,
// ErrCodeWrong, ErrTooMany.
func (a *Accounts) ChangePassphrase(ctx context.Context, id ID, old Proof, new string, client Client, now time.Time) (Token, error) {
	var r record
	key := knownKey(id)
	err := a.db.View(func(tx *store.Tx) (err error) {
		r, err = load(tx, id)
		return err
	})
	if err != nil {
		return Token{}, err
	}
	try, err := a.guard.begin(key, a.counter(key), client.Address, now)
	if err != nil {
		return Token{}, err
	}
	if err := r.keepsPassphrase(); err != nil {
		try.done()
		return Token{}, err
	}
	ok, _, err := a.verify(ctx, r, old.Passphrase)
	if err != nil {
		try.done()
		return Token{}, err
	}
	if !ok {
		if err := a.refuse(try, audit.PassphraseFailed, r, key, client, now); err != nil {
			return Token{}, err
		}
		return Token{}, ErrPassphraseWrong
	}
	session, err := a.change(ctx, &r, old, new, client, now)
	if refused, ok := errors.AsType[passkeyRefused](err); ok {
		return Token{}, a.refusePasskey(try, refused, client, now)
	}
	if err := a.finish(try, r, key, client, now, err); err != nil {
		return Token{}, fmt.Errorf("accounts: change passphrase: %w", err)
	}
	return session, nil
}

// change is ChangePassphrase after the old passphrase was right for r.
func (a *Accounts) change(ctx context.Context, r *record, old Proof, new string, client Client, now time.Time) (Token, error) {
	if r.secondFactor() && !given(old.Code) && old.Passkey == nil {
		return Token{}, NeedsFactor{r.TOTP != nil, len(r.Passkeys) > 0}
	}
	if new == old.Passphrase {
		return Token{}, ErrPassphraseSame
	}
	id, seen, role := r.ID, r.Hash, r.Role
	hash, long, err := a.newHash(ctx, new, *r)
	if err != nil {
		return Token{}, err
	}
	var session Token
	err = a.act(id.String(), client.Address, now, func(t *act) error {
		found, err := load(t.tx, id)
		if err != nil {
			return err
		}
		if found.state() != Active || found.Hash != seen || found.Role != role {
			return ErrNoSession
		}
		*r = found
		if old.Passkey != nil {
			err = t.usePasskey(r, old.Passkey)
		} else {
			_, err = t.useCode(r, old.Code, anyCode)
		}
		if err != nil {
			return err
		}
		r.Hash, r.Long, r.Enrolment = hash, long, nil
		// A link for a reset, made while the old passphrase was feared for, is no longer wanted.
		if err := t.dropActivation(r); err != nil {
			return err
		}
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.tx.Delete(triesBucket, []byte(knownKey(id))); err != nil {
			return err
		}
		if err := t.record(audit.PassphraseChange, id.String()); err != nil {
			return err
		}
		if err := t.endAll(id, PassphraseChanged); err != nil {
			return err
		}
		session, err = t.newSession(*r, client)
		return err
	})
	return session, err
}
