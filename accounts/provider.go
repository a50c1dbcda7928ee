package accounts

import (
	"errors"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Vouched is what the organisation's provider of sign-in says of somebody who has just proved there who they are. Package
// accounts/oidc has checked that it is the provider's word, and for us; what the settings make of its claims is in it already.
type Vouched struct {
	Issuer, Subject string // name the person for ever (OpenID Connect Core §2)
	Name, Email     string
	EmailVerified   bool
	Role            Role     // "": the settings give the person none
	Groups          []string // all groups that the person is in; nil: the settings follow none
	SecondFactor    bool     // they have shown a second factor there
	Fresh           bool     // they were asked again for this, whatever session there was
	At              time.Time
	SID             string // the provider's name of its session; ""
	// Provisioned is the name under which whoever provisions accounts knows the person, where the settings say which claim that is.
	Provisioned string
}

const (
	// vouchLifetime is how long a word of the provider counts here: until a second factor of ours was found and typed.
	vouchLifetime = 10 * time.Minute
	maxIssuer     = 512
	maxSubject    = 255 // OpenID Connect Core §2: sub has at most that many characters, of ASCII
	byProvider    = "oidc"
)

// Of people for whom a provider vouches.
var (
	ErrNoRole          = &Error{"noRole", "the provider vouches for the person, and no setting gives them a role here"}
	ErrEmailUnverified = &Error{"emailUnverified", "the provider has not verified the person's e-mail address"}
	ErrOtherPerson     = &Error{"otherPerson", "the provider vouches for another person than the account's"}
	ErrVouchOver       = &Error{"vouchOver", "the provider's word is too old: it has to be asked again"}
	ErrNotSetUp        = &Error{"notSetUp", "the appliance has no administrator yet"}
)

// subject is the person's name in the index of subjects. An issuer has no fragment (OpenID Connect Discovery §3), so that the first
// # is where it ends, and nobody of one provider can be somebody of another.
func (v Vouched) subject() string { return v.Issuer + "#" + v.Subject }

func (v Vouched) check(now time.Time) error {
	if v.Issuer == "" || v.Subject == "" || len(v.Issuer) > maxIssuer || len(v.Subject) > maxSubject || strings.Contains(v.Issuer, "#") {
		return errors.New("accounts: a provider vouches for nobody")
	}
	if !now.Before(v.At.Add(vouchLifetime)) || v.At.After(now.Add(time.Minute)) {
		return ErrVouchOver
	}
	return nil
}

func (v Vouched) entry(r record) Entry {
	e := Entry{Subject: v.subject(), Name: v.Name, Email: v.Email, Role: v.Role}
	if !v.EmailVerified && r.ID != (ID{}) {
		e.Email = r.Email // what nobody has verified changes nothing
	}
	return e
}

// vouchable reports whether a provider's word signs in: it does for people of the provider, and for those of whoever provisions who
// have come by it.
func (r record) vouchable() bool { return r.Source == Provider || r.Provided != "" }

// Arrive signs in whom the provider vouches for. Who comes for the first time gets an account, whose name, address and role follow at
// each sign-in what the provider says. People and accounts meet by issuer and subject, never by an e-mail address: who has the
// address of another account is refused. A second factor of ours is asked for, where there is one, unless the provider says that one was
// shown to it; p holds it the second time. ErrNoRole, which also shuts the account; ErrEmailTaken, ErrEmailUnverified, ErrEmail,
// ErrName, ErrDisabled, ErrOtherPerson, ErrNotSetUp, ErrVouchOver, NeedsFactor, ErrCodeWrong, ErrPasskeyRefused, ErrTooMany.
func (a *Accounts) Arrive(v Vouched, p Proof, client Client, now time.Time) (SignedIn, error) {
	if err := v.check(now); err != nil {
		return SignedIn{}, err
	}
	var r record
	var refused error
	err := a.act(audit.ActorSystem, client.Address, now, func(t *act) (err error) {
		r, refused, err = t.vouched(v)
		if err != nil || refused == nil {
			return err
		}
		object := ""
		if r.ID != (ID{}) {
			object = r.ID.String()
		}
		return t.recordAs(audit.Refused, audit.LoginRefused, object, "reason", Code(refused), "by", byProvider)
	})
	if err = errors.Join(err, refused); err != nil {
		return SignedIn{}, err
	}
	var signed SignedIn
	err = a.withFactor(r, v, p, client, now, func(t *act, r *record, byRecovery bool) error {
		if byRecovery {
			signed.Recovery, signed.RecoveryLeft = true, r.Recovery.left()
		}
		if r.Enrolment != nil && !now.Before(r.Enrolment.Until) {
			r.Enrolment = nil
		}
		r.LastLogin = now.UTC()
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if signed.Account, err = accountNow(t.tx, *r); err != nil {
			return err
		}
		signed.Account.FactorMissing = signed.Account.FactorMissing && !v.SecondFactor
		signed.Session, err = t.openSession(*r, session{Provided: &provided{Issuer: v.Issuer, SID: v.SID, Factor: v.SecondFactor}}, client, "by", byProvider)
		return err
	})
	if err != nil {
		return SignedIn{}, err
	}
	return signed, nil
}

// vouched finds or makes the account of whom the provider vouches for, and brings it to what the provider says. refused is why they
// don't come in though all that is done.
func (t *act) vouched(v Vouched) (r record, refused, err error) {
	r, err = loadBySubject(t.tx, Provider, v.subject())
	if errors.Is(err, ErrNotFound) && v.Provisioned != "" {
		if r, err = loadBySubject(t.tx, Provisioned, v.Provisioned); err == nil && r.state() != Disabled {
			// By the settings the claim is whoever provisions' own name of the person: also when the provider has made them anew.
			r.Provided = v.subject()
			if err := save(t.tx, r); err != nil {
				return r, nil, err
			}
			err = t.record(audit.AccountVouched, r.ID.String(), "source", string(Provider))
		}
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return t.firstArrival(v)
	case err != nil:
		return r, nil, err
	case r.Source != Provider && v.Provisioned != r.Subject:
		return r, ErrOtherPerson, nil // the two names are of two people now
	case r.Source != Provider && r.state() == Disabled, r.Disabled:
		return r, ErrDisabled, nil
	case r.Source != Provider:
		return r, nil, nil // name, address and role are another's
	case v.Role == "" && r.Absent:
		return r, ErrNoRole, nil
	case v.Role == "":
		return r, ErrNoRole, t.shut(&r, new(Followed))
	}
	if err := t.meet(Provider, v.entry(r), new(Followed)); err != nil {
		return r, nil, err
	}
	if r, err = load(t.tx, r.ID); err != nil {
		return r, nil, err
	}
	return r, nil, t.followGroups(v, r)
}

// firstArrival makes the account of somebody new.
func (t *act) firstArrival(v Vouched) (r record, refused, err error) {
	switch {
	case administrators(t.tx) == 0:
		return r, ErrNotSetUp, nil
	case v.Role == "":
		return r, ErrNoRole, nil
	case !v.EmailVerified:
		return r, ErrEmailUnverified, nil
	}
	if r, err = t.create(v.Name, v.Email, v.Role); err != nil {
		if Code(err) != "" {
			return record{}, err, nil
		}
		return record{}, nil, err
	}
	r.Source, r.Subject = Provider, v.subject()
	if err := t.record(audit.AccountCreated, r.ID.String(), "role", string(r.Role), "source", string(Provider)); err != nil {
		return r, nil, err
	}
	if err := save(t.tx, r); err != nil {
		return r, nil, err
	}
	return r, nil, t.followGroups(v, r)
}

// withFactor runs f for somebody whom the provider vouches for, after the second factor of ours, if it is needed, was used. f saves r.
func (a *Accounts) withFactor(r record, v Vouched, p Proof, client Client, now time.Time, f func(t *act, r *record, byRecovery bool) error) error {
	id := r.ID
	again := func(t *act) (r record, err error) {
		// Read again: meanwhile the account may have been disabled, or a factor set up.
		switch r, err = load(t.tx, id); {
		case errors.Is(err, ErrNotFound) || err == nil && r.state() != Active:
			return r, ErrDisabled
		case err != nil:
			return r, err
		case !r.vouchable():
			return r, ErrOtherPerson
		}
		return r, nil
	}
	if p.Passkey != nil {
		return a.byPasskey(id.String(), client, now, func(t *act) error {
			r, err := again(t)
			if err != nil {
				return err
			}
			if err := t.usePasskey(&r, p.Passkey); err != nil {
				return err
			}
			return f(t, &r, false)
		})
	}
	without := func(t *act) error {
		found, err := again(t)
		if err != nil {
			return err
		}
		byRecovery := false
		if r = found; !v.SecondFactor {
			if byRecovery, err = t.useCode(&r, p.Code, anyCode); err != nil {
				return err
			}
		}
		return f(t, &r, byRecovery)
	}
	if !given(p.Code) {
		return a.act(id.String(), client.Address, now, without) // nothing is guessed, so that nobody waits for those who guess
	}
	key := knownKey(id)
	try, err := a.guard.begin(key, a.counter(key), client.Address, now)
	if err != nil {
		return err
	}
	err = a.act(id.String(), client.Address, now, func(t *act) error {
		if err := without(t); err != nil {
			return err
		}
		return t.tx.Delete(triesBucket, []byte(key))
	})
	return a.finish(try, r, key, client, now, err)
}

// ProveByProvider notes in the session of token that its owner has proved again who they are, at the provider, and with a second
// factor as Arrive asks for it. ErrOtherPerson, ErrVouchOver, NeedsFactor, ErrCodeWrong, ErrPasskeyRefused, ErrTooMany, ErrNoSession.
func (a *Accounts) ProveByProvider(token string, v Vouched, p Proof, client Client, now time.Time) error {
	if !wellFormed(token) {
		return ErrNoSession
	}
	if err := v.check(now); err != nil {
		return err
	}
	if !v.Fresh {
		return ErrVouchOver
	}
	hash := hashSecret(sessionLabel, token)
	var r record
	err := a.db.View(func(tx *store.Tx) error {
		s, err := loadSession(tx, hash)
		if err != nil {
			return err
		}
		r, err = loadBySubject(tx, Provider, v.subject())
		// Of somebody who was provisioned, too: they have come by the provider before.
		if errors.Is(err, ErrNotFound) || err == nil && (r.ID != s.Account || r.Source != Provider && v.Provisioned != r.Subject) {
			return ErrOtherPerson
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.withFactor(r, v, p, client, now, func(t *act, r *record, _ bool) error {
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.prove(hash)
	})
}
