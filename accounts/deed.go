package accounts

import (
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// A Deed is an administrator's act on something that another package keeps, while its transaction runs.
type Deed struct {
	Tx  *store.Tx
	act *act
}

// Record writes the audit entry of the deed; details are pairs of name and value.
func (d Deed) Record(action audit.Action, object string, details ...string) error {
	return d.act.record(action, object, details...)
}

// Administer runs an administrator's act on what another package keeps, in one transaction with its rights as they are stored now and
// its entries. proof: it takes a recent one, so that no program can do it. ErrForbidden, ErrProofNeeded, and what f returns.
func (a *Accounts) Administer(actor Actor, proof bool, object string, now time.Time, f func(Deed) error) error {
	err := a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		if proof {
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		return f(Deed{Tx: t.tx, act: t})
	})
	return a.forbiddenOn(actor, object, now, err)
}
