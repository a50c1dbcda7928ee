package accounts

import (
	"errors"
	"net/netip"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Client is where a request comes from.
type Client struct {
	Address netip.Addr
	Agent   string
}

// name is the actor in the audit log.
func (actor Actor) name() string {
	if actor.operator {
		return audit.ActorOperator
	}
	return actor.Account.String()
}

// mayAdminister checks, against what is stored at this moment, that the actor is an active administrator.
func mayAdminister(tx *store.Tx, actor Actor) error {
	if actor.operator {
		return nil
	}
	return mayRun(tx, actor, record.activeAdministrator)
}

// mayRun is mayBe for the acts of a role that runs the appliance or agrees to it: such an account has the second factor that its role needs, or has
// shown one to the provider.
// The gate of the interface asks for it as well (appliance/web); here it holds for every way in.
func mayRun(tx *store.Tx, actor Actor, is func(record) bool) error {
	if err := mayBe(tx, actor, is); err != nil {
		return err
	}
	r, err := load(tx, actor.Account)
	if err != nil {
		return err
	}
	missing, err := factorMissing(tx, r)
	if err == nil && missing && !actor.Vouched {
		err = ErrFactorMissing
	}
	return err
}

// mayBe checks that the actor's account is there and as is says.
func mayBe(tx *store.Tx, actor Actor, is func(record) bool) error {
	switch r, err := load(tx, actor.Account); {
	case errors.Is(err, ErrNotFound):
		return ErrForbidden
	case err != nil:
		return err
	case !is(r):
		return ErrForbidden
	}
	return nil
}

// mayActFor is mayAdminister, or the account itself while it is active.
func mayActFor(tx *store.Tx, actor Actor, id ID) error {
	if !actor.operator && actor.program == (ProgramID{}) && actor.Account == id {
		return mayBe(tx, actor, record.active)
	}
	return mayAdminister(tx, actor)
}

// act is one change with its audit entry, in one transaction: either both are on the disk or neither. The listeners
// are told of the sessions that ended with it, afterwards.
type act struct {
	tx    *store.Tx
	a     *Accounts
	actor string
	from  netip.Addr
	now   time.Time
	ended []Ended
	after []func() // called once it is on the disk

	provided *provided // of the session that was proved last among those that endAll ended
	proposed *Proposed // the act became this proposal
	agreed   *proposal // the act is what this proposal wanted: its entries name it

	provisioner ProvisionerID // who asks for it; its entries name it
	program     ProgramID     // likewise, beside the actor, whose it is
}

func (a *Accounts) act(actor string, from netip.Addr, now time.Time, f func(*act) error) error {
	t := &act{a: a, actor: actor, from: from, now: now}
	err := a.db.Update(func(tx *store.Tx) error {
		t.tx = tx
		return f(t)
	})
	if err != nil {
		return err
	}
	a.tell(t.ended...)
	for _, f := range t.after {
		f()
	}
	if t.proposed != nil {
		return *t.proposed
	}
	return nil
}

// actBy is act for somebody signed in, the operator, or a program of theirs: whose token still counts at that moment, and whose
// entries name it.
func (a *Accounts) actBy(actor Actor, now time.Time, f func(*act) error) error {
	return a.act(actor.name(), actor.Client, now, func(t *act) error {
		if actor.program != (ProgramID{}) {
			if _, err := programTokens().counts(t.tx, ID(actor.program), now); err != nil {
				return err
			}
			t.program = actor.program
		}
		return f(t)
	})
}

// record writes the audit entry of a successful act. details are pairs of name and value; pairs without a value are left out.
func (t *act) record(action audit.Action, object string, details ...string) error {
	return t.recordAs(audit.OK, action, object, details...)
}

func (t *act) recordAs(result audit.Result, action audit.Action, object string, details ...string) error {
	e := audit.Event{Time: t.now, Actor: t.actor, Client: t.from, Action: action, Object: object, Result: result}
	if p := t.agreed; p != nil {
		details = append(details, "proposal", ProposalID(p.ID).String(), "by", p.By.String())
	}
	if t.provisioner != (ProvisionerID{}) {
		details = append(details, "provisioner", t.provisioner.String())
	}
	if t.program != (ProgramID{}) {
		details = append(details, "program", t.program.String())
	}
	for i := 0; i+1 < len(details); i += 2 {
		if details[i+1] == "" {
			continue
		}
		if e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail[details[i]] = details[i+1]
	}
	if err := t.a.log.Record(t.tx, e); err != nil || t.a.o.Recorded == nil {
		return err
	}
	return t.a.o.Recorded(t.tx, e)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// administer runs an administrator's act on one account. A refused try is recorded.
func (a *Accounts) administer(actor Actor, id ID, own bool, now time.Time, f func(*act, *record) error) (Account, error) {
	var account Account
	err := a.actBy(actor, now, func(t *act) error {
		allowed := mayAdminister
		if own {
			allowed = func(tx *store.Tx, actor Actor) error { return mayActFor(tx, actor, id) }
		}
		if err := allowed(t.tx, actor); err != nil {
			return err
		}
		r, err := load(t.tx, id)
		if err != nil {
			return err
		}
		if err := actor.reaches(r); err != nil {
			return err
		}
		if err := f(t, &r); err != nil {
			return err
		}
		account = r.account()
		return nil
	})
	if err != nil {
		return Account{}, a.forbidden(actor, id, now, err)
	}
	return account, nil
}

// forbidden records that an account tried what it may not do; other errors pass.
func (a *Accounts) forbidden(actor Actor, id ID, now time.Time, err error) error {
	object := ""
	if id != (ID{}) {
		object = id.String()
	}
	return a.forbiddenOn(actor, object, now, err)
}

// forbiddenOn is forbidden for an object of any kind.
func (a *Accounts) forbiddenOn(actor Actor, object string, now time.Time, err error) error {
	if !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrOwnProposal) {
		return err
	}
	if failed := a.actBy(actor, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.AccessRefused, object)
	}); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}
