package appliance

import (
	"time"

	"huisclos/accounts"
	"huisclos/appliance/outbox"
	"huisclos/audit"
	"huisclos/meetings/invite"
	"huisclos/store"
)

// mailUndo is the kind of the mail to an address that an account no longer has.
const mailUndo = "undo"

// gone deletes what the rooms keep of an account that is deleted, and ends the calls in its rooms once it is.
func (a *Appliance) gone(tx *store.Tx, account accounts.ID, actor string, now time.Time) (after func(), err error) {
	rooms, err := a.rooms.Forget(tx, account, actor, now)
	return func() {
		for _, room := range rooms {
			a.hall.Deleted(room)
		}
	}, err
}

// kept is what the rooms keep of an account, for its owner's export.
func (a *Appliance) kept(tx *store.Tx, account accounts.ID) (any, error) {
	return a.rooms.Kept(tx, account)
}

// undo is what the routes write the mail with that lets somebody have a former address back; nil where no mail leaves.
func (p *post) undo() func(tx *store.Tx, u accounts.Undo, url string, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, u accounts.Undo, url string, now time.Time) error {
		mail := invite.AddressMoved(p.languageOf(u.To), invite.Address{Name: u.To.Name, Address: u.To.Email}, p.head().place, url, u.Until, now)
		return unposted(p.write(tx, mail, outbox.Mail{Kind: mailUndo, Object: u.To.ID.String(), Expires: u.Until}, now))
	}
}

// ends are the acts about the end of an account, of which its owner is told.
var ends = map[audit.Action]bool{audit.AccountLeaving: true, audit.AccountStays: true, audit.AccountDeleted: true}

// end is the notice of one of them.
func (p *post) end(action audit.Action, to accounts.Account) invite.Mail {
	address := invite.Address{Name: to.Name, Address: to.Email}
	switch {
	case action == audit.AccountDeleted:
		return invite.Erased(p.languageOf(to), address, p.head().place)
	case to.Leaving != nil:
		return invite.Leaving(p.languageOf(to), address, p.head().place, to.Leaving.Until, to.Leaving.Own)
	}
	return invite.Stays(p.languageOf(to), address, p.head().place)
}
