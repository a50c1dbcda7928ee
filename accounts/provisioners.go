package accounts

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
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
	ID         ID         `json:"id"`
	Name       string     `json:"name"`
	Organisers bool       `json:"organisers,omitempty"`
	Mails      bool       `json:"mails,omitempty"`
	By         ID         `json:"by"`
	Created    time.Time  `json:"created"`
	Expires    time.Time  `json:"expires"`
	Used       time.Time  `json:"used,omitzero"`
	UsedFrom   netip.Addr `json:"from,omitzero"`
}

func (s storedProvisioner) provisioner() Provisioner {
	return Provisioner{ID: ProvisionerID(s.ID), Name: s.Name, Organisers: s.Organisers, Mails: s.Mails, By: s.By, Created: s.Created, Expires: s.Expires,
		Used: s.Used, UsedFrom: s.UsedFrom}
}

func readProvisioner(b []byte) (s storedProvisioner, err error) {
	if err = json.Unmarshal(b, &s); err != nil {
		err = fmt.Errorf("accounts: provisioner: %w", err)
	}
	return s, err
}

func putProvisioner(tx *store.Tx, hash []byte, s storedProvisioner) error {
	b, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("accounts: provisioner: %w", err)
	}
	return tx.Put(provisionersBucket, hash, b)
}

// scanProvisioners calls f for each token, expired ones too, with the key that it is stored under.
func scanProvisioners(tx *store.Tx, f func(hash []byte, s storedProvisioner) bool) (err error) {
	tx.Scan(provisionersBucket, nil, nil, 0, func(k, v []byte) bool {
		var s storedProvisioner
		s, err = readProvisioner(v)
		return err == nil && f(k, s)
	})
	return err
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
	token, err := a.drawToken()
	if err != nil {
		return Provisioner{}, Token{}, err
	}
	id, err := a.draw(len(ID{}))
	if err != nil {
		return Provisioner{}, Token{}, err
	}
	s := storedProvisioner{ID: ID(id), Name: name, Organisers: w.Organisers, Mails: w.Mails, By: actor.Account,
		Created: now.UTC().Truncate(time.Second), Expires: now.UTC().Truncate(time.Second).AddDate(0, 0, w.Days)}
	err = a.act(actor.name(), actor.Client, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		n := 0
		if err := scanProvisioners(t.tx, func([]byte, storedProvisioner) bool { n++; return true }); err != nil {
			return err
		}
		if n >= MaxProvisioners {
			return ErrTooManyProvisioners
		}
		if err := putProvisioner(t.tx, hashSecret(provisionerLabel, token.Reveal()), s); err != nil {
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
		return scanProvisioners(tx, func(_ []byte, s storedProvisioner) bool {
			list = append(list, s.provisioner())
			return true
		})
	})
	slices.SortStableFunc(list, func(x, y Provisioner) int { return x.Created.Compare(y.Created) })
	return list, err
}

// RevokeProvisioner takes a token away at once. Whom and what it brought stays. It takes no proof: whoever has lost a token must not
// lose time. ErrNoProvisioner, ErrForbidden.
func (a *Accounts) RevokeProvisioner(actor Actor, id ProvisionerID, now time.Time) error {
	err := a.act(actor.name(), actor.Client, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		var found storedProvisioner
		var key []byte
		err := scanProvisioners(t.tx, func(hash []byte, s storedProvisioner) bool {
			if ProvisionerID(s.ID) == id {
				key, found = hash, s
			}
			return key == nil
		})
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

// findProvisioner returns the token under hash, with why it doesn't count: ErrProvisioner.
func findProvisioner(tx *store.Tx, hash []byte, now time.Time) (s storedProvisioner, reason string, err error) {
	b := tx.Get(provisionersBucket, hash)
	if b == nil {
		return s, "unknown", ErrProvisioner
	}
	if s, err = readProvisioner(b); err == nil && !now.Before(s.Expires) {
		return s, "expired", ErrProvisioner
	}
	return s, "", err
}

// ProvisionerOf returns who has a token, and notes its use. ErrProvisioner.
func (a *Accounts) ProvisionerOf(token string, client Client, now time.Time) (Provisioner, error) {
	if !wellFormed(token) {
		return Provisioner{}, ErrProvisioner
	}
	hash := hashSecret(provisionerLabel, token)
	var s storedProvisioner
	err := a.db.View(func(tx *store.Tx) (err error) {
		s, _, err = findProvisioner(tx, hash, now)
		return err
	})
	if err == nil && now.Sub(s.Used) >= seenEvery {
		err = a.db.Update(func(tx *store.Tx) (err error) {
			if s, _, err = findProvisioner(tx, hash, now); err != nil {
				return err // revoked meanwhile
			}
			s.Used, s.UsedFrom = now.UTC().Truncate(time.Second), client.Address
			return putProvisioner(tx, hash, s)
		})
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
		s, reason, err := findProvisioner(t.tx, hashSecret(provisionerLabel, token), now)
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
		found := false
		err := scanProvisioners(t.tx, func(_ []byte, s storedProvisioner) bool {
			found = ProvisionerID(s.ID) == p.ID && now.Before(s.Expires)
			return !found
		})
		if err != nil {
			return err
		}
		if !found {
			return ErrProvisioner
		}
		t.provisioner = p.ID
		return f(t)
	})
}
