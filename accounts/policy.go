package accounts

import (
	"encoding/json"
	"fmt"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Requirement says whether a role's accounts need a second factor.
type Requirement string

const (
	Always   Requirement = "always" // whatever the policy says
	Required Requirement = "required"
	Optional Requirement = "optional"
)

// Visibility of e-mail addresses among people of the house.
type Visibility string

const (
	Shown  Visibility = "shown"  // whoever may look people up sees them
	Hidden Visibility = "hidden" // members see names alone, and find people by their names alone
)

// Policy is what officers decide for all accounts. The zero value requires and hides nothing, and has guests as the product does.
type Policy struct {
	Organiser Requirement `json:"organiser,omitempty"`
	Member    Requirement `json:"member,omitempty"`
	Addresses Visibility  `json:"addresses,omitempty"`
	Guests    GuestRule   `json:"guests,omitzero"`
}

// NamesOnly reports whether whoever has the role is shown no e-mail address but their own. Who opens rooms invites people and has to tell
// two of one name apart; who runs the appliance keeps the accounts.
func (p Policy) NamesOnly(role Role) bool {
	return p.Addresses == Hidden && (role == Member || role == Guest)
}

// TwoFactors says what a role needs. A guest proves itself by its invitation.
func (p Policy) TwoFactors(role Role) Requirement {
	switch {
	case role.Privileged():
		return Always
	case role == Organiser && p.Organiser == Required, role == Member && p.Member == Required:
		return Required
	}
	return Optional
}

// with returns the policy after a change, whose empty fields say nothing. loosens reports whether anybody needs less then.
func (p Policy) with(change Policy) (after Policy, loosens bool) {
	after = p
	for _, f := range []struct{ to, from *Requirement }{{&after.Organiser, &change.Organiser}, {&after.Member, &change.Member}} {
		if *f.from == "" {
			continue
		}
		loosens = loosens || *f.to == Required && *f.from == Optional
		*f.to = *f.from
	}
	if change.Addresses != "" {
		loosens = loosens || after.Addresses == Hidden && change.Addresses == Shown
		after.Addresses = change.Addresses
	}
	var more bool
	after.Guests, more = p.Guests.with(change.Guests)
	return after, loosens || more
}

func (p Policy) valid() bool {
	for _, r := range []Requirement{p.Organiser, p.Member} {
		if r != "" && r != Required && r != Optional {
			return false
		}
	}
	return p.Addresses == "" || p.Addresses == Shown || p.Addresses == Hidden
}

// details name what a change sets, for the log.
func (p Policy) details() []string {
	list := []string{string(Organiser), string(p.Organiser), string(Member), string(p.Member), "addresses", string(p.Addresses)}
	return append(list, p.Guests.details()...)
}

func loadPolicy(tx *store.Tx) (p Policy, err error) {
	b := tx.Get(stateBucket, policyKey)
	if b == nil {
		return p, nil
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("accounts: policy: %w", err)
	}
	return p, nil
}

// factorMissing reports whether r's role needs a second factor that r has not. It is asked for at each request, so that a
// change of policy, of role or of factors acts at once.
func factorMissing(tx *store.Tx, r record) (bool, error) {
	p, err := loadPolicy(tx)
	return p.TwoFactors(r.Role) != Optional && !r.secondFactor(), err
}

// accountNow is r's account with what depends on the policy.
func accountNow(tx *store.Tx, r record) (Account, error) {
	a := r.account()
	var err error
	a.FactorMissing, err = factorMissing(tx, r)
	return a, err
}

// Policy returns the policy, and how many active officers there are.
func (a *Accounts) Policy() (p Policy, officers int, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		officers = officersWhoCould(tx)
		p, err = loadPolicy(tx)
		return err
	})
	return p, officers, err
}

// mayDecide checks, against what is stored at this moment, that the actor is an active officer.
func mayDecide(tx *store.Tx, actor Actor) error {
	return mayRun(tx, actor, record.activeOfficer)
}

// ChangePolicy is an officer's act. What asks more of people counts at once; what asks less of anybody becomes a proposal
// (Proposed), as a whole. ErrPolicy, ErrGuestRule, ErrForbidden, ErrProofNeeded.
func (a *Accounts) ChangePolicy(actor Actor, change Policy, now time.Time) (Policy, error) {
	var after Policy
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayDecide(t.tx, actor); err != nil {
			return err
		}
		if !change.valid() {
			return ErrPolicy
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		before, err := loadPolicy(t.tx)
		if err != nil {
			return err
		}
		if err := before.Guests.accepts(change.Guests); err != nil {
			return err
		}
		var loosens bool
		if after, loosens = before.with(change); loosens {
			return t.propose(actor, proposal{Kind: ProposedPolicy, Change: Change{Policy: change}})
		}
		return t.setPolicy(before, change)
	})
	if err != nil {
		return Policy{}, a.forbidden(actor, ID{}, now, err)
	}
	return after, nil
}

func (t *act) setPolicy(before, change Policy) error {
	after, _ := before.with(change)
	if after == before {
		return nil
	}
	b, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("accounts: policy: %w", err)
	}
	if err := t.tx.Put(stateBucket, policyKey, b); err != nil {
		return err
	}
	shortened, err := t.holdGuests(before.Guests, after.Guests)
	if err != nil {
		return err
	}
	return t.record(audit.PolicyChanged, "", append(change.details(), "shortened", count(shortened))...)
}
