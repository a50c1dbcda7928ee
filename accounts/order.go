package accounts

import (
	"time"

	"huisclos/store"
)

// Order is an officer's act on something that another package keeps.
type Order struct {
	Subject string // which of its things
	Wish    string // what is to become of it, in that package's own form
	By      Actor  // who orders it; where it took four eyes, who agreed
	Now     time.Time
	// Where it took four eyes: who proposed it, and as what.
	Proposer ID
	Proposal ProposalID
}

// Loosens reports whether an order makes anything less strict, so that it takes a second officer.
type Loosens func(tx *store.Tx, o Order) (bool, error)

// AsOfficer runs an officer's act that Options.CarryOut does: at once, or, when it loosens something, as a proposal (Proposed).
// ErrForbidden, ErrProofNeeded, and what the two functions return.
func (a *Accounts) AsOfficer(actor Actor, kind ProposalKind, subject, wish string, loosens Loosens, now time.Time) error {
	o := Order{Subject: subject, Wish: wish, By: actor, Now: now}
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayDecide(t.tx, actor); err != nil {
			return err
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		switch less, err := loosens(t.tx, o); {
		case err != nil:
			return err
		case less:
			return t.propose(actor, proposal{Kind: kind, Change: Change{Subject: subject, Wish: wish}})
		}
		return a.o.CarryOut(t.tx, kind, o)
	})
	return a.forbidden(actor, ID{}, now, err)
}
