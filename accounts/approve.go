package accounts

import (
	"errors"
	"time"

	"huisclos/audit"
)

// Approved says what an officer's agreement brought about.
type Approved struct {
	Kind ProposalKind
	// Account that it was about, as it is now (of delete: as it was); zero for a policy.
	Account    Account
	Activation Activation // of create and activation
	Policy     Policy     // of policy
	Subject    string     // of what another package carried out
}

// Approve does what a proposal wants, which is checked again as if it were proposed now: the account may be gone, have another
// role, or who proposed it may have no right to any more. Such a proposal is closed (ErrProposalOver). ErrNoProposal,
// ErrOwnProposal, ErrProofNeeded, ErrForbidden, and the refusals of the act itself, which leave it open.
func (a *Accounts) Approve(actor Actor, id ProposalID, now time.Time) (Approved, error) {
	var done Approved
	var p proposal
	over := false
	err := a.actBy(actor, now, func(t *act) (err error) {
		if err := mayDecide(t.tx, actor); err != nil {
			return err
		}
		if p, err = loadProposal(t.tx, id); err != nil {
			return err
		}
		if p.By == actor.Account || p.Account == actor.Account {
			return ErrOwnProposal
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		r, err := t.subject(p)
		if errors.Is(err, ErrProposalOver) {
			over = true
			return t.close(p, audit.ProposalOver)
		}
		if err != nil {
			return err
		}
		if err := t.close(p, audit.ProposalApproved); err != nil {
			return err
		}
		t.agreed = &p
		done, err = t.carryOut(actor, p, r)
		return err
	})
	switch {
	case err != nil:
		return Approved{}, a.forbidden(actor, p.Account, now, err)
	case over:
		return Approved{}, ErrProposalOver
	}
	return done, nil
}

// subject returns the account that a proposal is about, or would make, if it holds still.
func (t *act) subject(p proposal) (record, error) {
	mayPropose := record.activeAdministrator
	if p.Kind == ProposedPolicy || p.Kind == ProposedProfile {
		mayPropose = record.activeOfficer
	}
	switch err := mayBe(t.tx, Actor{Account: p.By}, mayPropose); {
	case errors.Is(err, ErrForbidden), !t.now.Before(p.Until):
		return record{}, ErrProposalOver
	case err != nil:
		return record{}, err
	}
	switch p.Kind {
	case ProposedPolicy, ProposedProfile:
		return record{}, nil
	case ProposedCreate:
		r, err := t.create(p.Change.Name, p.Change.Email, p.Change.Role)
		if errors.Is(err, ErrEmailTaken) || errors.Is(err, ErrEmailLeaving) || errors.Is(err, ErrEmailKept) {
			err = ErrProposalOver
		}
		return r, err
	}
	r, err := load(t.tx, p.Account)
	if errors.Is(err, ErrNotFound) || err == nil && !p.holds(r) {
		return record{}, ErrProposalOver
	}
	return r, err
}

// holds reports whether there is still something to do, to the account as it was when this was proposed.
func (p proposal) holds(r record) bool {
	switch p.Kind {
	case ProposedRole:
		return r.Role == p.Change.From
	case ProposedDisable:
		return r.Role == Officer && !r.Disabled
	case ProposedEnable:
		return r.Role == Officer && r.Disabled
	case ProposedFactors:
		return r.Role == Officer && r.secondFactor()
	case ProposedActivation:
		return r.Role == Officer && !r.off() && !r.secondFactor()
	}
	return r.Role == Officer && p.lifeHolds(r)
}

func (t *act) carryOut(actor Actor, p proposal, r record) (done Approved, err error) {
	done.Kind = p.Kind
	switch p.Kind {
	case ProposedPolicy:
		before, err := loadPolicy(t.tx)
		if err != nil {
			return Approved{}, err
		}
		done.Policy, _ = before.with(p.Change.Policy)
		return done, t.setPolicy(before, p.Change.Policy)
	case ProposedProfile:
		done.Subject = p.Change.Subject
		return done, t.a.o.CarryOut(t.tx, p.Kind, Order{Subject: p.Change.Subject, Wish: p.Change.Wish, By: actor, Now: t.now, Proposer: p.By, Proposal: ProposalID(p.ID)})
	case ProposedCreate:
		done.Activation, err = t.add(r)
	case ProposedRole:
		if err = t.mayBecome(r, p.Change.To); err == nil {
			err = t.setRole(&r, p.Change.To)
		}
	case ProposedDisable:
		err = t.disable(&r)
	case ProposedEnable:
		err = t.enable(&r)
	case ProposedDelete:
		err = t.delete(&r)
	case ProposedFactors:
		err = t.takeFactors(&r)
	case ProposedEmail:
		err = t.moveTo(&r, p.Change.Email)
	case ProposedLeave:
		err = t.leaveShut(&r)
	case ProposedStay:
		err = t.stay(&r)
	case ProposedActivation:
		if done.Activation, err = t.newActivation(&r); err == nil {
			err = save(t.tx, r)
		}
	}
	done.Account = r.account()
	return done, err
}
