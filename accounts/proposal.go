package accounts

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	// ProposalLifetime is how long a proposal waits for its second pair of eyes.
	ProposalLifetime = 7 * 24 * time.Hour

	// maxProposals are open at once.
	maxProposals = 100
)

// ProposalID names a proposal.
type ProposalID [16]byte

// String returns the id in base64url without padding.
func (id ProposalID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseProposalID reads what String wrote.
func ParseProposalID(s string) (ProposalID, error) {
	id, err := ParseID(s)
	return ProposalID(id), err
}

// ProposalKind is what a proposal would do.
type ProposalKind string

const (
	ProposedPolicy  ProposalKind = "policy"  // ask less of people
	ProposedCreate  ProposalKind = "create"  // an account that is an officer
	ProposedRole    ProposalKind = "role"    // to or from officer
	ProposedDisable ProposalKind = "disable" // those below: an officer's account
	ProposedEnable  ProposalKind = "enable"
	ProposedDelete  ProposalKind = "delete"
	ProposedFactors ProposalKind = "factors" // take the second factors
	ProposedEmail   ProposalKind = "email"   // another e-mail address
	ProposedLeave   ProposalKind = "leave"   // delete after the delay
	ProposedStay    ProposalKind = "stay"    // not to delete after all
	// ProposedActivation makes a link where it is all that is needed to be that officer.
	ProposedActivation ProposalKind = "activation"
	// ProposedProfile makes a security profile ask less; what it is about is another package's (Options.CarryOut).
	ProposedProfile ProposalKind = "profile"
)

// Change is what a proposal sets; which fields count depends on its kind.
type Change struct {
	Policy Policy `json:"policy,omitzero"`
	From   Role   `json:"from,omitempty"` // of role
	To     Role   `json:"to,omitempty"`   // of role
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Role   Role   `json:"role,omitempty"` // of create
	// Of what another package carries out: which of its things, and what is to become of it.
	Subject string `json:"subject,omitempty"`
	Wish    string `json:"wish,omitempty"`
}

// Person is an account by id and name; the name of one that is gone is empty.
type Person struct {
	ID   ID
	Name string
}

// Proposal is an act that takes four eyes and has had two.
type Proposal struct {
	ID      ProposalID
	Kind    ProposalKind
	By      Person
	Account Person // whose account it is about; zero: none
	At      time.Time
	Until   time.Time
	Change  Change

	CanApprove bool // by whoever asked for it
	Waits      bool // for an officer who could agree: there is none
}

// Proposed is the answer to an act that became a proposal instead. It has no code: it is no refusal.
type Proposed struct{ Proposal Proposal }

func (p Proposed) Error() string {
	return "accounts: proposed, and not done yet: " + p.Proposal.ID.String()
}

// proposal is one as it is stored, under its id.
type proposal struct {
	ID      ID           `json:"id"` // a ProposalID
	Kind    ProposalKind `json:"kind"`
	By      ID           `json:"by"`
	Account ID           `json:"account,omitzero"`
	At      time.Time    `json:"at"`
	Until   time.Time    `json:"until"`
	Change  Change       `json:"change"`
}

func (p proposal) object() string {
	if p.Account == (ID{}) {
		return p.Change.Subject
	}
	return p.Account.String()
}

// details name the proposal in the log, with who made it and what it would set.
func (p proposal) details() []string {
	list := []string{"proposal", ProposalID(p.ID).String(), "kind", string(p.Kind), "by", p.By.String()}
	switch p.Kind {
	case ProposedPolicy:
		list = append(list, p.Change.Policy.details()...)
	case ProposedRole:
		list = append(list, "from", string(p.Change.From), "to", string(p.Change.To))
	case ProposedCreate:
		list = append(list, "role", string(p.Change.Role))
	case ProposedProfile:
		list = append(list, "profile", p.Change.Subject)
	}
	return list
}

func loadProposal(tx *store.Tx, id ProposalID) (p proposal, err error) {
	b := tx.Get(proposalsBucket, id[:])
	if b == nil {
		return p, ErrNoProposal
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("accounts: proposal %s: %w", id, err)
	}
	return p, nil
}

// openProposals returns those whose time is not over, the oldest first.
func openProposals(tx *store.Tx, now time.Time) (list []proposal, err error) {
	tx.Scan(proposalsBucket, nil, nil, 0, func(_, v []byte) bool {
		var p proposal
		if err = json.Unmarshal(v, &p); err != nil {
			err = fmt.Errorf("accounts: proposal: %w", err)
			return false
		}
		if now.Before(p.Until) {
			list = append(list, p)
		}
		return true
	})
	slices.SortStableFunc(list, func(x, y proposal) int { return x.At.Compare(y.At) })
	return list, err
}

// fourEyes reports whether an act on an account takes an officer's agreement: it makes, unmakes or weakens an officer, and
// there is an officer who is active. Before that an administrator alone makes the first one.
func (t *act) fourEyes(actor Actor, roles ...Role) bool {
	return !actor.operator && slices.Contains(roles, Officer) && officersWhoCould(t.tx) > 0
}

// propose stores p instead of doing it; the act that it was asked in answers Proposed. What stands there already is not
// proposed twice.
func (t *act) propose(actor Actor, p proposal) error {
	open, err := openProposals(t.tx, t.now)
	if err != nil {
		return err
	}
	for _, there := range open {
		if there.Kind == p.Kind && there.Account == p.Account && there.Change == p.Change {
			t.proposed = &Proposed{t.describe(there, actor)}
			return nil
		}
	}
	if len(open) >= maxProposals {
		return ErrTooManyProposals
	}
	id, err := t.a.draw(len(ID{}))
	if err != nil {
		return err
	}
	p.ID, p.By, p.At, p.Until = ID(id), actor.Account, t.now.UTC(), t.now.Add(ProposalLifetime).UTC()
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("accounts: proposal: %w", err)
	}
	if err := t.tx.Put(proposalsBucket, id, b); err != nil {
		return err
	}
	t.proposed = &Proposed{t.describe(p, actor)}
	return t.record(audit.ProposalMade, p.object(), p.details()...)
}

func (t *act) describe(p proposal, asker Actor) Proposal { return describeProposal(t.tx, p, asker) }

func describeProposal(tx *store.Tx, p proposal, asker Actor) Proposal {
	person := func(id ID) Person {
		r, err := load(tx, id)
		if err != nil { // gone: the id is what is left of it
			return Person{ID: id}
		}
		return Person{id, r.Name}
	}
	d := Proposal{ID: ProposalID(p.ID), Kind: p.Kind, By: person(p.By), At: p.At, Until: p.Until, Change: p.Change,
		CanApprove: asker.Account != p.By && asker.Account != p.Account && mayDecide(tx, asker) == nil,
		Waits:      officersWhoCould(tx, p.By, p.Account) == 0}
	if p.Account != (ID{}) {
		d.Account = person(p.Account)
	}
	return d
}

// Proposals lists what waits for agreement, the oldest first, as the actor sees it.
func (a *Accounts) Proposals(actor Actor, now time.Time) (list []Proposal, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		open, err := openProposals(tx, now)
		for _, p := range open {
			list = append(list, describeProposal(tx, p, actor))
		}
		return err
	})
	return list, err
}

// Reject ends a proposal: who made it takes it back, or an officer whose own account it is not about refuses it.
// ErrNoProposal, ErrProposalOver, ErrOwnProposal, ErrForbidden.
func (a *Accounts) Reject(actor Actor, id ProposalID, now time.Time) error {
	var p proposal
	err := a.actBy(actor, now, func(t *act) (err error) {
		if p, err = loadProposal(t.tx, id); err != nil {
			return err
		}
		if p.By == actor.Account {
			err = mayBe(t.tx, actor, record.active)
		} else if err = mayDecide(t.tx, actor); err == nil && p.Account == actor.Account {
			err = ErrOwnProposal
		}
		if err != nil {
			return err
		}
		if !now.Before(p.Until) {
			return ErrProposalOver
		}
		return t.close(p, audit.ProposalRejected)
	})
	return a.forbidden(actor, p.Account, now, err)
}

// close takes a proposal away and records how it ended.
func (t *act) close(p proposal, how audit.Action) error {
	if err := t.tx.Delete(proposalsBucket, p.ID[:]); err != nil {
		return err
	}
	return t.record(how, p.object(), p.details()...)
}
