package meetings

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

// An owner who invites an account to a meeting in a limited room means that it may knock there. That follows from the plan itself, and is
// stored nowhere else: it begins with the invitation and ends with it, however that ends, or InvitedTime after the last occurrence. It
// opens the door's first question only: a PIN is asked for all the same, and nobody is admitted but by a host's device.

// InvitedTime is how long after its last occurrence an invitation still lets somebody knock: meetings last longer than planned.
const InvitedTime = 12 * time.Hour

// opens reports whether a meeting lets those who are invited to it knock.
func (p Planned) opens(now time.Time) bool { return now.Before(p.Ends.Add(InvitedTime)) }

// invitedTo reports whether an account is invited to a meeting in a room that still is to come, or under way. Plans are read only where
// they are of this room and for this account.
func invitedTo(tx *store.Tx, room StoredRoom, account accounts.ID, now time.Time) (bool, error) {
	var ids []MeetingID
	tx.Scan(plannedForBucket, account[:], nil, maxListed, func(k, _ []byte) bool {
		id := MeetingID(k[len(account):])
		if tx.Get(plannedRoomBucket, slices.Concat(room.ID[:], id[:])) != nil {
			ids = append(ids, id)
		}
		return true
	})
	for _, id := range ids {
		p, err := loadPlanned(tx, id)
		if err != nil {
			return false, err
		}
		// A plan is its room's owner's word; an owner of before has none.
		if p.Owner == room.Owner && p.opens(now) {
			return true, nil
		}
	}
	return false, nil
}

// Opened is an account that an invitation lets to a room's door.
type Opened struct {
	Account accounts.ID
	Title   string    // of the meeting that lets it do so the longest
	Until   time.Time // that meeting's end
}

// Opened lists whom invitations let to the door of a room of the account. ErrNoRoom, ErrNotOwner.
func (s *Rooms) Opened(by accounts.ID, room mls.RoomID, now time.Time) (out []Opened, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		r, err := get(tx, room)
		if err != nil {
			return err
		}
		if r.Owner != by {
			return ErrNotOwner
		}
		out, err = openedIn(tx, r, now)
		return err
	})
	return out, err
}

func openedIn(tx *store.Tx, room StoredRoom, now time.Time) (out []Opened, err error) {
	list, err := plannedBy(tx, plannedRoomBucket, room.ID[:])
	for _, p := range list {
		if p.Owner != room.Owner || !p.opens(now) {
			continue
		}
		for _, i := range p.Invitees {
			if i.Account == (accounts.ID{}) {
				continue
			}
			at := slices.IndexFunc(out, func(o Opened) bool { return o.Account == i.Account })
			switch o := (Opened{i.Account, p.Title, p.Ends}); {
			case at < 0:
				out = append(out, o)
			case o.Until.After(out[at].Until):
				out[at] = o
			}
		}
	}
	return out, err
}

// recordOpened records whom a change of a plan lets to the door of a limited room, and whom no longer. The plan is stored already.
func (s *Rooms) recordOpened(tx *store.Tx, by accounts.Actor, before, after *Planned, now time.Time) error {
	of := func(p *Planned) (list []accounts.ID) {
		if p != nil {
			list = p.whose()[1:] // without the owner
		}
		return list
	}
	p := after
	if p == nil {
		p = before
	}
	rules, err := rulesOf(tx, p.Room)
	if err != nil || !rules.Access.On {
		return err
	}
	less := func(list, without []accounts.ID) (left []string) {
		for _, a := range list {
			if !slices.Contains(without, a) {
				left = append(left, a.String())
			}
		}
		return left
	}
	detail := []string{}
	for name, list := range map[string][]string{"added": less(of(after), of(before)), "taken": less(of(before), of(after))} {
		if len(list) > 0 {
			detail = append(detail, name, strings.Join(list[:min(len(list), shownIDs)], " "), name+"-count", strconv.Itoa(len(list)))
		}
	}
	if len(detail) == 0 {
		return nil
	}
	return s.planEvent(tx, by, audit.RoomInvited, *p, now, detail...)
}
