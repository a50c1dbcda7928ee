package web

import (
	"errors"
	"net/http"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// rolesOfPolicy are those that the policy speaks of.
var rolesOfPolicy = []accounts.Role{accounts.Administrator, accounts.Officer, accounts.Auditor, accounts.Organiser, accounts.Member}

type policyJSON struct {
	TwoFactors map[accounts.Role]accounts.Requirement `json:"twoFactors"`
	Addresses  accounts.Visibility                    `json:"addresses"` // of people, to members
	Officers   int                                    `json:"officers"`  // who are active
	Guests     guestRuleJSON                          `json:"guests"`
}

// guestRuleJSON is the rule about guests; of a change, what it sets.
type guestRuleJSON struct {
	Allowed *bool `json:"allowed,omitempty"`
	Days    int   `json:"days,omitempty"`
	MaxDays int   `json:"maxDays,omitempty"`
	MaxUses int   `json:"maxUses,omitempty"`
}

func (j guestRuleJSON) rule() accounts.GuestRule {
	g := accounts.GuestRule{MaxDays: j.MaxDays, Days: j.Days, MaxUses: j.MaxUses}
	if j.Allowed != nil {
		if g.Allowed = accounts.No; *j.Allowed {
			g.Allowed = accounts.Yes
		}
	}
	return g
}

// guestChange is what a proposal sets.
func guestChange(g accounts.GuestRule) guestRuleJSON {
	j := guestRuleJSON{Days: g.Days, MaxDays: g.MaxDays, MaxUses: g.MaxUses}
	if g.Allowed != "" {
		allowed := g.Allows()
		j.Allowed = &allowed
	}
	return j
}

func policyOf(p accounts.Policy, officers int) policyJSON {
	allowed := p.Guests.Allows()
	j := policyJSON{map[accounts.Role]accounts.Requirement{}, accounts.Shown, officers, guestRuleJSON{&allowed, p.Guests.Usual(), p.Guests.Longest(), p.Guests.Uses()}}
	if p.Addresses != "" {
		j.Addresses = p.Addresses
	}
	for _, r := range rolesOfPolicy {
		j.TwoFactors[r] = p.TwoFactors(r)
	}
	return j
}

func (s *Server) getPolicy(v *visit) error {
	p, officers, err := s.Accounts.Policy()
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, policyOf(p, officers))
}

// twoFactorsJSON is what a policy says of the roles that have a choice; empty: nothing.
type twoFactorsJSON struct {
	Organiser accounts.Requirement `json:"organiser,omitempty"`
	Member    accounts.Requirement `json:"member,omitempty"`
}

func (s *Server) changePolicy(v *visit) error {
	var b struct {
		TwoFactors map[accounts.Role]accounts.Requirement `json:"twoFactors"`
		Addresses  accounts.Visibility                    `json:"addresses"`
		Guests     guestRuleJSON                          `json:"guests"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	change := accounts.Policy{Addresses: b.Addresses, Guests: b.Guests.rule()}
	for role, r := range b.TwoFactors {
		switch role {
		case accounts.Organiser:
			change.Organiser = r
		case accounts.Member:
			change.Member = r
		default: // there is nothing to choose
			return refusal{codeBadRequest}
		}
	}
	if _, err := s.Accounts.ChangePolicy(v.actor(), change, v.now); err != nil {
		return err
	}
	return s.getPolicy(v)
}

type personJSON struct {
	ID   accounts.ID `json:"id"`
	Name string      `json:"name"`
}

type proposalJSON struct {
	ID         string                `json:"id"`
	Kind       accounts.ProposalKind `json:"kind"`
	By         personJSON            `json:"by"`
	Account    *personJSON           `json:"account,omitempty"`
	At         time.Time             `json:"at"`
	Until      time.Time             `json:"until"`
	Change     map[string]any        `json:"change"`
	CanApprove bool                  `json:"canApprove"`
	Waits      string                `json:"waits"` // "secondOfficer": there is nobody yet who could agree
}

func proposalOf(p accounts.Proposal) proposalJSON {
	j := proposalJSON{ID: p.ID.String(), Kind: p.Kind, By: personJSON(p.By), At: p.At, Until: p.Until, Change: map[string]any{}, CanApprove: p.CanApprove}
	if p.Account.ID != (accounts.ID{}) {
		j.Account = &personJSON{p.Account.ID, p.Account.Name}
	}
	if p.Waits {
		j.Waits = "secondOfficer"
	}
	switch p.Kind {
	case accounts.ProposedPolicy:
		if f := (twoFactorsJSON{p.Change.Policy.Organiser, p.Change.Policy.Member}); f != (twoFactorsJSON{}) {
			j.Change["twoFactors"] = f
		}
		if a := p.Change.Policy.Addresses; a != "" {
			j.Change["addresses"] = a
		}
		if g := p.Change.Policy.Guests; g != (accounts.GuestRule{}) {
			j.Change["guests"] = guestChange(g)
		}
	case accounts.ProposedProfile:
		if to, err := meetings.ReadWish(p.Change.Wish); err == nil {
			j.Change["profile"] = profileOf(meetings.NamedProfile{ID: meetings.ProfileID(p.Change.Subject), Profile: to})
		}
	case accounts.ProposedEmail:
		j.Change["email"] = p.Change.Email
	case accounts.ProposedRole:
		j.Change["from"], j.Change["to"] = p.Change.From, p.Change.To
	case accounts.ProposedCreate:
		j.Change["name"], j.Change["email"], j.Change["role"] = p.Change.Name, p.Change.Email, p.Change.Role
	}
	return j
}

func (s *Server) listProposals(v *visit) error {
	list, err := s.Accounts.Proposals(v.actor(), v.now)
	if err != nil {
		return err
	}
	out := make([]proposalJSON, 0, len(list))
	for _, p := range list {
		out = append(out, proposalOf(p))
	}
	return v.json(http.StatusOK, map[string]any{"proposals": out})
}

// approve answers with what the agreement brought about: the policy, or the account, and its link where one was made.
func (s *Server) approve(v *visit) error {
	id, err := accounts.ParseProposalID(v.c.Param("proposal"))
	if err != nil {
		return refusal{codeNotFound}
	}
	done, err := s.Accounts.Approve(v.actor(), id, v.now)
	if err != nil {
		return profileError(err)
	}
	out := map[string]any{"kind": done.Kind}
	switch done.Kind {
	case accounts.ProposedProfile:
		s.tellProfile(meetings.ProfileID(done.Subject))
	case accounts.ProposedPolicy:
		p, officers, err := s.Accounts.Policy()
		if err != nil {
			return err
		}
		out["policy"] = policyOf(p, officers)
	default:
		out["account"] = adminAccountOf(done.Account)
	}
	if done.Activation.Token.Reveal() != "" {
		out["activation"] = v.activationJSON(done.Activation, false)
	}
	return v.json(http.StatusOK, out)
}

func (s *Server) reject(v *visit) error {
	id, err := accounts.ParseProposalID(v.c.Param("proposal"))
	if err != nil {
		return refusal{codeNotFound}
	}
	if err := s.Accounts.Reject(v.actor(), id, v.now); err != nil {
		return err
	}
	return v.done()
}

// prove is what a person does who is asked to show again that it is them.
func (s *Server) prove(v *visit) error {
	var b proofJSON
	if err := v.decode(&b); err != nil {
		return err
	}
	p, err := v.proof(b)
	if err != nil {
		return err
	}
	err = s.Accounts.Prove(v.r.Context(), v.token, p, v.from(), v.now)
	if errors.Is(err, accounts.ErrNoSession) {
		return refusal{codeNotSignedIn} // it ended meanwhile
	}
	if err != nil {
		return err
	}
	return v.done()
}
