package accounts

import (
	"errors"
	"slices"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// guestsBucket is an index of the records: who invited ‖ guest → nothing, and sixteen zero octets ‖ guest → nothing.
const guestsBucket = "accounts.guests"

const (
	// GuestKept is how long an account whose time is over stays, so that a further invitation finds it again.
	GuestKept = 7 * 24 * time.Hour
	// maxGuestRooms bounds the rooms of one guest.
	maxGuestRooms = 50
)

// GuestRoom is a room that a guest may come to, and who invited to it.
type GuestRoom struct {
	Room [16]byte `json:"room"`
	By   ID       `json:"by"`
}

// Guesthood binds a guest's account to who invited it.
type Guesthood struct {
	Rooms []GuestRoom `json:"rooms"`
	Until time.Time   `json:"until"`
	Over  bool        `json:"over,omitempty"` // its end is in the audit log
	// Asked is who asks the administrators to make this a full account; the zero ID: nobody.
	Asked ID `json:"asked,omitzero"`
}

// Organiser is who invited first, of those whose invitation stands; the zero ID: nobody.
func (g *Guesthood) Organiser() ID {
	if g == nil || len(g.Rooms) == 0 {
		return ID{}
	}
	return g.Rooms[0].By
}

// Invited reports whether a guest may come to a room.
func (g *Guesthood) Invited(room [16]byte) bool {
	return g != nil && slices.ContainsFunc(g.Rooms, func(r GuestRoom) bool { return r.Room == room })
}

// over reports whether a guest's account counts no longer: its time has come, nobody who invited it has an active account, or the
// policy has no guests.
func (r record) over(tx *store.Tx, now time.Time) (bool, error) {
	if r.Guest == nil {
		return false, nil
	}
	switch p, err := loadPolicy(tx); {
	case err != nil:
		return false, err
	case !p.Guests.Allows():
		return true, nil
	}
	if !now.Before(r.Guest.Until) {
		return true, nil
	}
	for _, room := range r.Guest.Rooms {
		switch by, err := load(tx, room.By); {
		case err == nil && by.active():
			return false, nil
		case err != nil && !errors.Is(err, ErrNotFound):
			return false, err
		}
	}
	return true, nil
}

// InvitedTo reports whether an account is a guest who is invited to a room, as the transaction sees it.
func InvitedTo(tx *store.Tx, account ID, room [16]byte) bool {
	r, err := load(tx, account)
	return err == nil && r.Guest.Invited(room)
}

// AddGuests is the migration that makes room for invitations and guests.
func AddGuests(tx *store.Tx) error {
	for _, name := range []string{guestsBucket, invitationsBucket, invitedBucket, confirmationsBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// guestIndexes are a guest's entries in the index.
func (r record) guestIndexes() []indexKey {
	if r.Guest == nil {
		return nil
	}
	list := []indexKey{{guestsBucket, string(make([]byte, len(ID{}))) + string(r.ID[:]), ""}}
	for _, room := range r.Guest.Rooms {
		k := indexKey{guestsBucket, string(room.By[:]) + string(r.ID[:]), ""}
		if !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// guestsOf lists the guests whom an account invited; of the zero ID, all.
func guestsOf(tx *store.Tx, by ID) ([]record, error) {
	var list []record
	var failed error
	tx.Scan(guestsBucket, by[:], nil, 0, func(k, _ []byte) bool {
		var r record
		if r, failed = load(tx, ID(k[len(by):])); failed != nil {
			return false
		}
		list = append(list, r)
		return true
	})
	return list, failed
}

// Guests lists those whom an organiser invited to a room and who have accepted.
func (a *Accounts) Guests(by ID, room [16]byte) (list []Account, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		all, err := guestsOf(tx, by)
		for _, r := range all {
			if slices.Contains(r.Guest.Rooms, GuestRoom{room, by}) {
				list = append(list, r.account())
			}
		}
		return err
	})
	return list, err
}

// takeOff takes rooms from a guest; without any its time is over. The caller saves the record.
func (r *record) takeOff(now time.Time, gone func(GuestRoom) bool) {
	g := *r.Guest
	g.Rooms = slices.DeleteFunc(slices.Clone(g.Rooms), gone)
	if len(g.Rooms) == 0 && now.Before(g.Until) {
		g.Until = now.UTC()
	}
	r.Guest = &g
}

// RoomGone takes a room that is deleted from its owner's guests and invitations, in the transaction of that.
func RoomGone(tx *store.Tx, owner ID, room [16]byte, now time.Time) error {
	guests, err := guestsOf(tx, owner)
	if err != nil {
		return err
	}
	for _, r := range guests {
		if !r.Guest.Invited(room) {
			continue
		}
		r.takeOff(now, func(g GuestRoom) bool { return g.Room == room })
		if err := save(tx, r); err != nil {
			return err
		}
	}
	return dropInvitations(tx, owner, func(i invitation) bool { return i.Room == room })
}

// RemoveGuest takes an organiser's room from a guest: their sessions end, and without another room the account is deleted.
// ErrNotFound.
func (a *Accounts) RemoveGuest(actor Actor, room [16]byte, id ID, now time.Time) error {
	err := a.actBy(actor, now, func(t *act) error {
		r, err := load(t.tx, id)
		if err != nil {
			return err
		}
		mine := GuestRoom{room, actor.Account}
		if r.Guest == nil || !slices.Contains(r.Guest.Rooms, mine) {
			return ErrNotFound
		}
		r.takeOff(now, func(g GuestRoom) bool { return g == mine })
		if err := save(t.tx, r); err != nil {
			return err
		}
		if len(r.Guest.Rooms) == 0 {
			return t.removeGuest(&r, "organiser")
		}
		if err := t.record(audit.GuestRemoved, id.String(), "room", roomText(room), "reason", "organiser"); err != nil {
			return err
		}
		return t.endAll(id, GuestTaken)
	})
	return a.forbidden(actor, id, now, err)
}

// removeGuest deletes a guest's account.
func (t *act) removeGuest(r *record, reason string) error {
	if err := t.record(audit.GuestRemoved, r.ID.String(), "reason", reason); err != nil {
		return err
	}
	return t.delete(r)
}

// withoutOrganiser ends what hangs on an account that is disabled, or deleted: then its rooms are taken from its guests.
func (t *act) withoutOrganiser(by ID, deleted bool) error {
	guests, err := guestsOf(t.tx, by)
	if err != nil {
		return err
	}
	for _, r := range guests {
		if deleted {
			r.takeOff(t.now, func(g GuestRoom) bool { return g.By == by })
			if err := save(t.tx, r); err != nil {
				return err
			}
		}
		over, err := r.over(t.tx, t.now)
		if err != nil {
			return err
		}
		if !over {
			continue
		}
		if err := t.endAll(r.ID, AccountDisabled); err != nil {
			return err
		}
	}
	if !deleted {
		return nil
	}
	return dropInvitations(t.tx, by, func(invitation) bool { return true })
}

// sweepGuests ends the sessions of guests whose time is over, and deletes their accounts when GuestKept has passed.
func (a *Accounts) sweepGuests(now time.Time) error {
	var due [][]byte
	err := a.db.View(func(tx *store.Tx) error {
		all, err := guestsOf(tx, ID{})
		for _, r := range all {
			if r.due(now) {
				due = append(due, slices.Clone(r.ID[:]))
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.inBatches(due, now, func(t *act, key []byte) error {
		r, err := load(t.tx, ID(key))
		if err != nil || !r.due(now) { // invited again meanwhile, or gone
			return ignoreNotFound(err)
		}
		if r.Guest.Over {
			return t.removeGuest(&r, "expired")
		}
		g := *r.Guest
		g.Over, r.Guest = true, &g
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.record(audit.GuestExpired, r.ID.String(), "until", stamp(g.Until)); err != nil {
			return err
		}
		return t.endAll(r.ID, Expired)
	})
}

// due reports whether the sweep has something to do with a guest.
func (r record) due(now time.Time) bool {
	switch {
	case r.Guest == nil:
		return false
	case r.Guest.Over:
		return !now.Before(r.Guest.Until.Add(GuestKept))
	}
	return !now.Before(r.Guest.Until)
}
