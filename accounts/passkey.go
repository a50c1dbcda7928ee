package accounts

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"huisclos/audit"
)

// MaxPasskeys of one account: a person's devices, with room for old ones.
const MaxPasskeys = 10

// Assertion is a passkey's signature over a challenge that was for this browser, this purpose and, when somebody is signed in, this
// account; package accounts/passkey gives it. Verify checks it against what is kept, and returns what is kept from now on.
type Assertion interface {
	Credential() []byte
	Verify(owner [16]byte, key []byte, backupEligible bool) (counter uint32, backedUp bool, err error)
}

// PasskeyID names a passkey in lists and addresses; it gives no right.
type PasskeyID [16]byte

// String returns the id in base64url without padding.
func (id PasskeyID) String() string { return ID(id).String() }

// ParsePasskeyID reads what String wrote. ErrNoPasskey.
func ParsePasskeyID(s string) (PasskeyID, error) {
	id, err := ParseID(s)
	if err != nil {
		return PasskeyID{}, ErrNoPasskey
	}
	return PasskeyID(id), nil
}

// PasskeyKey is what is kept of a new passkey: nothing of it is secret (accounts/passkey.Made).
type PasskeyKey struct {
	Credential     []byte   `json:"credential"`
	Key            []byte   `json:"key"`               // public, COSE
	Counter        uint32   `json:"counter,omitempty"` // of signatures; 0 for ever where passkeys are synchronised
	BackupEligible bool     `json:"backupEligible,omitempty"`
	BackedUp       bool     `json:"backedUp,omitempty"`
	Transports     []string `json:"transports,omitempty"`
	Party          string   `json:"party"` // the host name that it is for
}

// keptPasskey is one as it is stored.
type keptPasskey struct {
	PasskeyKey
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used,omitzero"`
}

// Passkey is what its owner is told of one.
type Passkey struct {
	ID       PasskeyID
	Name     string
	Created  time.Time
	Used     time.Time // zero: never
	BackedUp bool      // it is kept by a service that synchronises it
	Party    string

	Credential []byte
	Transports []string
}

// passkeyLabel keeps the hashes of credential ids apart from others.
const passkeyLabel = "huisclos passkey 1\x00"

// passkeyKey is the key of a credential id in the index: ids have up to 1023 octets, keys of a bucket had better not.
func passkeyKey(credential []byte) []byte { return hashSecret(passkeyLabel, string(credential)) }

func (k keptPasskey) id() PasskeyID { return PasskeyID(passkeyKey(k.Credential)[:16]) }

func (k keptPasskey) describe() Passkey {
	return Passkey{ID: k.id(), Name: k.Name, Created: k.Created, Used: k.Used, BackedUp: k.BackedUp, Party: k.Party, Credential: k.Credential, Transports: k.Transports}
}

func (r record) passkeys() []Passkey {
	var list []Passkey
	for _, k := range r.Passkeys {
		list = append(list, k.describe())
	}
	return list
}

// findPasskey returns the place of a passkey in r. ErrNoPasskey.
func (r record) findPasskey(id PasskeyID) (int, error) {
	at := slices.IndexFunc(r.Passkeys, func(k keptPasskey) bool { return k.id() == id })
	if at < 0 {
		return 0, ErrNoPasskey
	}
	return at, nil
}

// passkeyRefused is ErrPasskeyRefused with what the log says of it.
type passkeyRefused struct {
	account ID // zero: no account has such a passkey
	reason  string
}

func (e passkeyRefused) Error() string      { return ErrPasskeyRefused.Error() }
func (passkeyRefused) Code() string         { return ErrPasskeyRefused.Code() }
func (passkeyRefused) Is(target error) bool { return target == error(ErrPasskeyRefused) }

// usePasskey checks an assertion against r and notes its use in r; the caller saves r. Every refusal is passkeyRefused.
func (t *act) usePasskey(r *record, s Assertion) error {
	at := slices.IndexFunc(r.Passkeys, func(k keptPasskey) bool { return bytes.Equal(k.Credential, s.Credential()) })
	if at < 0 {
		return passkeyRefused{r.ID, "unknown"}
	}
	k := &r.Passkeys[at]
	counter, backedUp, err := s.Verify(r.ID, k.Key, k.BackupEligible)
	if err != nil {
		var said interface{ Reason() string }
		if errors.As(err, &said) {
			return passkeyRefused{r.ID, said.Reason()}
		}
		return err
	}
	// W3C WebAuthn §7.2 step 22: a counter that does not go on is a copy's, whichever of the two this is. Authenticators that keep
	// none say 0 for ever.
	if (counter != 0 || k.Counter != 0) && counter <= k.Counter {
		return passkeyRefused{r.ID, "counter"}
	}
	k.Counter, k.BackedUp, k.Used = counter, backedUp, t.now.UTC()
	return nil
}

// refusePasskey ends a try by a passkey that was refused: it is recorded, and counts against where it comes from. It does not count
// against the account: nobody guesses a signature, and strangers could keep its owner out.
func (a *Accounts) refusePasskey(try attempt, refused passkeyRefused, client Client, now time.Time) error {
	object := ""
	if refused.account != (ID{}) {
		object = refused.account.String()
	}
	err := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.FactorRefused, object, "kind", kindPasskey, "reason", refused.reason)
	})
	if err := errors.Join(err, a.failedFrom(try, client, now)); err != nil {
		return err
	}
	return ErrPasskeyRefused
}

// byPasskey runs an act that a passkey opens.
func (a *Accounts) byPasskey(actor string, client Client, now time.Time, f func(*act) error) error {
	try, err := a.guard.begin("", nil, client.Address, now)
	if err != nil {
		return err
	}
	err = a.act(actor, client.Address, now, f)
	if refused, ok := errors.AsType[passkeyRefused](err); ok {
		return a.refusePasskey(try, refused, client, now)
	}
	try.done()
	return err
}

func (a *Accounts) ownActByPasskey(id ID, s Assertion, client Client, now time.Time, f func(*act, *record) error) error {
	return a.byPasskey(id.String(), client, now, func(t *act) error {
		r, err := load(t.tx, id)
		if errors.Is(err, ErrNotFound) || err == nil && r.state() != Active {
			return ErrNoSession
		} else if err != nil {
			return err
		}
		if err := t.usePasskey(&r, s); err != nil {
			return err
		}
		return f(t, &r)
	})
}

// LoginPasskey signs in with a passkey alone: it is something that one has, and its device has verified who holds it. email, if
// there is one, is whose it has to be: at the second step of a sign-in. An unknown passkey, one of an account that is disabled and a
// signature that is not good have one answer: ErrPasskeyRefused. ErrTooMany.
func (a *Accounts) LoginPasskey(s Assertion, email string, client Client, now time.Time) (SignedIn, error) {
	var signed SignedIn
	err := a.byPasskey(audit.ActorAnonymous, client, now, func(t *act) error {
		id := t.tx.Get(passkeysBucket, passkeyKey(s.Credential()))
		if len(id) != len(ID{}) {
			return passkeyRefused{reason: "unknown"}
		}
		r, err := load(t.tx, ID(id))
		if err != nil {
			return err
		}
		t.actor = r.ID.String()
		if err := t.usePasskey(&r, s); err != nil {
			return err
		}
		if r.state() != Active {
			return passkeyRefused{r.ID, string(r.state())}
		}
		switch over, err := r.over(t.tx, now); {
		case err != nil:
			return err
		case over:
			return passkeyRefused{r.ID, "expired"}
		}
		if email != "" {
			if normal, err := normalEmail(email); err != nil || normal != r.Normal {
				return passkeyRefused{r.ID, "owner"}
			}
		}
		if r.Enrolment != nil && !now.Before(r.Enrolment.Until) {
			r.Enrolment = nil
		}
		r.LastLogin = now.UTC()
		if err := save(t.tx, r); err != nil {
			return err
		}
		signed.Account = r.account()
		signed.Session, err = t.newSession(r, client, "by", kindPasskey)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return signed, nil
}

// MayAddPasskey asks the owner for passphrase and second factor, before the browser is asked for a new passkey; what comes of that
// is AddPasskey's. It returns the passkeys that there are. ErrPassphraseWrong, ErrSecondFactorNeeded, ErrCodeWrong,
// ErrPasskeyRefused, ErrPasskeysFull, ErrTooMany.
func (a *Accounts) MayAddPasskey(ctx context.Context, id ID, p Proof, client Client, now time.Time) ([]Passkey, error) {
	var list []Passkey
	err := a.ownAct(ctx, id, p, client, now, func(t *act, r *record) error {
		if len(r.Passkeys) >= MaxPasskeys {
			return ErrPasskeysFull
		}
		if err := t.useSecond(r, p, anyCode); err != nil {
			return err
		}
		list = r.passkeys()
		return save(t.tx, *r)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// passkeyName is a name as people give to accounts.
func passkeyName(name string) (string, error) {
	name, err := cleanName(name)
	if err != nil {
		return "", ErrPasskeyName
	}
	return name, nil
}

// AddPasskey keeps a new passkey of somebody whom MayAddPasskey let through in this session. All sessions end, and a new one begins
// for the caller; recovery codes are drawn with the first factor that is a second one. ErrPasskeyName, ErrPasskeyThere, ErrPasskeysFull.
func (a *Accounts) AddPasskey(id ID, name string, key PasskeyKey, client Client, now time.Time) (Passkey, Confirmed, error) {
	name, err := passkeyName(name)
	if err != nil {
		return Passkey{}, Confirmed{}, err
	}
	made := keptPasskey{PasskeyKey: key, Name: name, Created: now.UTC()}
	var c Confirmed
	err = a.act(id.String(), client.Address, now, func(t *act) error {
		r, err := load(t.tx, id)
		if err != nil {
			return err
		}
		switch {
		case r.state() != Active:
			return ErrNoSession
		case len(r.Passkeys) >= MaxPasskeys:
			return ErrPasskeysFull
		// W3C WebAuthn §7.1 step 26: one credential id has one owner.
		case t.tx.Get(passkeysBucket, passkeyKey(key.Credential)) != nil:
			return ErrPasskeyThere
		}
		r.Passkeys = append(r.Passkeys, made)
		if c.Recovery, err = t.firstRecovery(&r); err != nil {
			return err
		}
		c.Since = made.Created
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.record(audit.FactorAdded, id.String(), "kind", kindPasskey, "passkey", made.id().String()); err != nil {
			return err
		}
		if err := t.endAll(id, FactorChanged); err != nil {
			return err
		}
		c.Session, err = t.newSession(r, client)
		return err
	})
	if err != nil {
		return Passkey{}, Confirmed{}, err
	}
	return made.describe(), c, nil
}

// RenamePasskey is the owner's own. ErrPasskeyName, ErrNoPasskey.
func (a *Accounts) RenamePasskey(id ID, which PasskeyID, name string, client Client, now time.Time) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	return a.act(id.String(), client.Address, now, func(t *act) error {
		r, err := load(t.tx, id)
		if err != nil {
			return err
		}
		at, err := r.findPasskey(which)
		if err != nil || r.Passkeys[at].Name == name {
			return err
		}
		r.Passkeys[at].Name = name
		if err := save(t.tx, r); err != nil {
			return err
		}
		return t.record(audit.PasskeyRenamed, id.String(), "passkey", which.String())
	})
}

// RemovePasskey is the owner's own: it signs in no more, and the recovery codes go with the last second factor. All sessions end, and
// a new one begins for the caller. ErrNoPasskey, ErrLastKey, ErrFactorKept, ErrPassphraseWrong, ErrSecondFactorNeeded, ErrCodeWrong, ErrPasskeyRefused, ErrTooMany.
func (a *Accounts) RemovePasskey(ctx context.Context, id ID, which PasskeyID, p Proof, client Client, now time.Time) (Token, error) {
	var session Token
	err := a.ownAct(ctx, id, p, client, now, func(t *act, r *record) error {
		at, err := r.findPasskey(which)
		if err != nil {
			return err
		}
		if err := t.useSecond(r, p, anyCode); err != nil {
			return err
		}
		r.Passkeys = slices.Delete(r.Passkeys, at, at+1)
		if r.state() != Active {
			return ErrLastKey
		}
		if err := t.mayRemove(*r); err != nil {
			return err
		}
		session, err = t.removed(r, client, "kind", kindPasskey, "passkey", which.String(), "left", strconv.Itoa(len(r.Passkeys)))
		return err
	})
	if err != nil {
		return Token{}, err
	}
	return session, nil
}
