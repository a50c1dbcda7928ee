package accounts

import (
	"slices"
	"time"

	"huisclos/audit"
)

// What an organiser does for guests and invitations that there are: more time, a new way in, and the wish for a full account.

// MaxInvitationDays is how long from now an invitation can be made to last.
const MaxInvitationDays = int(MaxInvitationTime / (24 * time.Hour))

// ofGuest runs an organiser's act on a guest of a room of theirs. ErrNotFound, ErrForbidden, ErrNoGuests.
func (a *Accounts) ofGuest(actor Actor, room [16]byte, id ID, now time.Time, f func(*act, *record, GuestRule) error) (Account, error) {
	var account Account
	err := a.actBy(actor, now, func(t *act) error {
		_, rule, err := t.inviter(actor)
		if err != nil {
			return err
		}
		r, err := load(t.tx, id)
		if err != nil {
			return err
		}
		if r.Guest == nil || !slices.Contains(r.Guest.Rooms, GuestRoom{room, actor.Account}) {
			return ErrNotFound
		}
		g := *r.Guest
		r.Guest = &g
		if err := f(t, &r, rule); err != nil {
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

// ExtendGuest lets a guest of a room of the actor's stay so many days from now on, within the policy's bound; never shorter than
// before. One whose time is over comes back. ErrGuestBounds, ErrNotFound, ErrForbidden, ErrNoGuests.
func (a *Accounts) ExtendGuest(actor Actor, room [16]byte, id ID, days int, now time.Time) (Account, error) {
	return a.ofGuest(actor, room, id, now, func(t *act, r *record, rule GuestRule) error {
		if days < 1 || days > rule.Longest() {
			return ErrGuestBounds
		}
		until := now.Add(rule.stay(days)).UTC()
		if !until.After(r.Guest.Until) {
			return nil
		}
		r.Guest.Until, r.Guest.Over = until, false
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.GuestExtended, id.String(), "room", roomText(room), "until", stamp(until))
	})
}

// GuestLink is NewActivation for a guest of a room of the actor's, who has lost the passkey or forgotten the passphrase. Its caller has
// it mailed to the guest, in the same transaction, and shows it to nobody: an organiser is not to be able to come in as their guest.
// ErrDisabled, ErrGuestOver, ErrNotFound, ErrForbidden, ErrNoGuests.
func (a *Accounts) GuestLink(actor Actor, room [16]byte, id ID, now time.Time, also ...Also) (Activation, error) {
	var made Activation
	_, err := a.ofGuest(actor, room, id, now, func(t *act, r *record, _ GuestRule) error {
		if r.Disabled {
			return ErrDisabled
		}
		switch over, err := r.over(t.tx, now); {
		case err != nil:
			return err
		case over:
			return ErrGuestOver
		}
		var err error
		if made, err = t.newActivation(r, also...); err != nil {
			return err
		}
		return save(t.tx, *r)
	})
	if err != nil {
		return Activation{}, err
	}
	return made, nil
}

// AskFull notes that an organiser wishes a full account for a guest of theirs, or no longer. Administrators make accounts: they see the
// wish, and decide. ErrNotFound, ErrForbidden, ErrNoGuests.
func (a *Accounts) AskFull(actor Actor, room [16]byte, id ID, on bool, now time.Time) (Account, error) {
	return a.ofGuest(actor, room, id, now, func(t *act, r *record, _ GuestRule) error {
		wish, said := ID{}, "no"
		if on {
			wish, said = actor.Account, "yes"
		}
		if (r.Guest.Asked == ID{}) != on {
			return nil
		}
		r.Guest.Asked = wish
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.GuestAsked, id.String(), "room", roomText(room), "full", said)
	})
}

// DeclineFull is an administrator's no to that wish. ErrNotFound, ErrForbidden.
func (a *Accounts) DeclineFull(actor Actor, id ID, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		if r.Guest == nil || r.Guest.Asked == (ID{}) {
			return nil
		}
		g := *r.Guest
		g.Asked, r.Guest = ID{}, &g
		if err := save(t.tx, *r); err != nil {
			return err
		}
		return t.record(audit.GuestDeclined, id.String())
	})
}

// ExtendInvitation makes an invitation of the actor's last so many days from now on, never shorter than before. One that is too old
// counts again. ErrInvitation, ErrInvitationWithdrawn, ErrInvitationUsed, ErrInvitees, ErrForbidden, ErrNoGuests.
func (a *Accounts) ExtendInvitation(actor Actor, room [16]byte, id InvitationID, days int, now time.Time) error {
	err := a.actBy(actor, now, func(t *act) error {
		if _, _, err := t.inviter(actor); err != nil {
			return err
		}
		k, err := t.invitationOf(actor, room, id)
		if err != nil {
			return err
		}
		if days < 1 || days > MaxInvitationDays {
			return ErrInvitees
		}
		if err := k.refused(now); err != nil && err != error(ErrInvitationExpired) {
			return err
		}
		expires := now.Add(time.Duration(days) * 24 * time.Hour).UTC()
		if !expires.After(k.Expires) {
			return nil
		}
		k.Expires = expires
		if err := saveInvitation(t.tx, k.hash, k.invitation); err != nil {
			return err
		}
		return t.record(audit.InvitationExtended, roomText(room), "invitation", id.String(), "expires", stamp(expires))
	})
	return a.forbidden(actor, ID{}, now, err)
}

// invitationOf returns an invitation of the actor's to a room. ErrInvitation.
func (t *act) invitationOf(actor Actor, room [16]byte, id InvitationID) (keptInvitation, error) {
	list, err := invitationsOf(t.tx, actor.Account)
	if err != nil {
		return keptInvitation{}, err
	}
	at := slices.IndexFunc(list, func(k keptInvitation) bool { return k.Room == room && InvitationID(k.hash[:16]) == id })
	if at < 0 {
		return keptInvitation{}, ErrInvitation
	}
	return list[at], nil
}
