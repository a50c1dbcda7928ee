package accounts

import (
	"encoding/base64"
	"net/netip"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	// MaxProvisioners bounds the tokens: each identity system has one, and a second while it is renewed.
	MaxProvisioners = 20
	// MaxProvisionerDays is the longest life of a token: somebody looks at it once a year.
	MaxProvisionerDays = 366

	provisionerLabel = "huisclos provisioner 1\x00"
)

// ProvisionerID names a token in lists; it gives no right.
type ProvisionerID [16]byte

// String returns the id in base64url without padding.
func (id ProvisionerID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseProvisionerID reads what String wrote. ErrNoProvisioner.
func ParseProvisionerID(s string) (ProvisionerID, error) {
	id, err := ParseID(s)
	if err != nil {
		return ProvisionerID{}, ErrNoProvisioner
	}
	return ProvisionerID(id), nil
}

// Provisioner is an identity system that may bring accounts and groups by SCIM, as long as it has its bearer token (RFC 7644 §2,
// RFC 6750). It reaches Provisioned accounts and groups only, and gives no privileged role.
type Provisioner struct {
	ID         ProvisionerID
	Name       string
	Organisers bool // it may give the role of organiser, where it says so; else all are members
	Mails      bool // who is new gets their activation link by mail
	By         ID   // the administrator who made it
	Created    time.Time
	Expires    time.Time
	Used       time.Time // last, to the minute; zero: never
	UsedFrom   netip.Addr

	client netip.Addr // of the request that it makes now
}

// ProvisionerWish is what an administrator says of a new one.
type ProvisionerWish struct {
	Name       string
	Organisers bool
	Mails      bool
	Days       int // that the token lasts
}

type storedProvisioner struct {
	loan
	Organisers bool `json:"organisers,omitempty"`
	Mails      bool `json:"mails,omitempty"`
}

func (s storedProvisioner) provisioner() Provisioner {
	return Provisioner{ID: ProvisionerID(s.ID), Name: s.Name, Organisers: s.Organisers, Mails: s.Mails, By: s.By, Created: s.Created, Expires: s.Expires,
		Used: s.Used, UsedFrom: s.UsedFrom}
}

// provisionerTokens are those of identity systems.
func provisionerTokens() shelf[storedProvisioner, *storedProvisioner] {
	return shelf[storedProvisioner, *storedProvisioner]{provisionersBucket, provisionerLabel, ErrProvisioner}
}

// MakeProvisioner makes a token, which is shown once. ErrName, ErrProvisionerDays, ErrTooManyProvisioners, ErrProofNeeded, ErrForbidden.
func (a *Accounts) MakeProvisioner(actor Actor, w ProvisionerWish, now time.Time) (Provisioner, Token, error) {
	name, err := cleanName(w.Name)
	switch {
	case err != nil:
		return Provisioner{}, Token{}, err
	case w.Days < 1 || w.Days > MaxProvisionerDays:
		return Provisioner{}, Token{}, ErrProvisionerDays
	}
	l, token, err := provisionerTokens().lend(a, name, actor.Account, w.Days, now)
	if err != nil {
		return Provisioner{}, Token{}, err
	}
	s := storedProvisioner{loan: l, Organisers: w.Organisers, Mails: w.Mails}
	err = a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		if err := provisionerTokens().add(t.tx, token, s, MaxProvisioners, ErrTooManyProvisioners); err != nil {
			return err
		}
		return t.record(audit.ProvisionerMade, s.ID.String(), "name", s.Name, "organisers", yes(s.Organisers), "mails", yes(s.Mails), "expires", stamp(s.Expires))
	})
	if err != nil {
		return Provisioner{}, Token{}, a.forbidden(actor, ID{}, now, err)
	}
	return s.provisioner(), token, nil
}

// Provisioners lists the tokens, expired ones too, the oldest first.
func (a *Accounts) Provisioners() (list []Provisioner, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		all, err := provisionerTokens().list(tx)
		for _, s := range all {
			list = append(list, s.provisioner())
		}
		return err
	})
	return list, err
}

// RevokeProvisioner takes a token away at once. Whom and what it brought stays. It takes no proof: whoever has lost a token must not
// lose time. ErrNoProvisioner, ErrForbidden.
func (a *Accounts) RevokeProvisioner(actor Actor, id ProvisionerID, now time.Time) error {
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		key, found, err := provisionerTokens().byID(t.tx, ID(id))
		if err != nil {
			return err
		}
		if key == nil {
			return ErrNoProvisioner
		}
		if err := t.tx.Delete(provisionersBucket, key); err != nil {
			return err
		}
		return t.record(audit.ProvisionerRevoked, id.String(), "name", found.Name)
	})
	return a.forbiddenOn(actor, id.String(), now, err)
}

// ProvisionerOf returns who has a token, and notes its use. ErrProvisioner.
func (a *Accounts) ProvisionerOf(token string, client Client, now time.Time) (Provisioner, error) {
	s, err := provisionerTokens().present(a, token, now)
	if err == nil {
		s, err = provisionerTokens().note(a, token, s, client, now)
	}
	if err != nil {
		return Provisioner{}, err
	}
	p := s.provisioner()
	p.client = client.Address
	return p, nil
}

// RefusedProvisioner records that somebody came with a token that doesn't count. It is not ProvisionerOf that does, because whoever may
// write to the log without a right has to be slowed down first.
func (a *Accounts) RefusedProvisioner(token string, client Client, now time.Time) error {
	return a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		s, reason, err := provisionerTokens().find(t.tx, provisionerTokens().hash(token), now)
		if err != ErrProvisioner {
			return err // it counts after all
		}
		object := ""
		if reason == "expired" {
			object = s.ID.String()
		}
		return t.recordAs(audit.Refused, audit.ProvisionerRefused, object, "reason", reason)
	})
}

// provision runs an act of an identity system. Its token is looked up again: it may have been revoked since the request came.
func (a *Accounts) provision(p Provisioner, now time.Time, f func(*act) error) error {
	return a.act(audit.ActorProvisioning, p.client, now, func(t *act) error {
		if _, err := provisionerTokens().counts(t.tx, ID(p.ID), now); err != nil {
			return err
		}
		t.provisioner = p.ID
		return f(t)
	})
}
