package appliance

import (
	"errors"
	"net/url"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/outbox"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/meetings"
	"huisclos/meetings/invite"
	"huisclos/store"
)

var frequencies = map[meetings.Frequency]invite.Frequency{meetings.Daily: invite.Daily, meetings.Weekly: invite.Weekly, meetings.Monthly: invite.Monthly}

// meetingOf is a planned meeting as calendars know it.
func meetingOf(p meetings.Planned, organiser invite.Address, base string) (invite.Meeting, error) {
	zone, err := meetings.LoadZone(p.Plan.Zone)
	if err != nil {
		return invite.Meeting{}, err
	}
	at, err := url.Parse(base)
	if err != nil {
		return invite.Meeting{}, err
	}
	m := invite.Meeting{UID: invite.UID(p.ID.String(), at.Hostname()), Sequence: p.Sequence, Title: p.Title, Organiser: organiser,
		Link:  base + "/r/" + p.Room.String() + "#" + p.Owner.String(),
		Start: p.Plan.Start, Duration: p.Plan.Duration, Zone: zone, Exceptions: p.Plan.Cancelled}
	if r := p.Plan.Recurrence; r != nil {
		m.Recurrence = &invite.Recurrence{Frequency: frequencies[r.Frequency], Every: r.Every, Days: r.Days, Nth: r.Nth, Count: r.Count, Until: r.Until}
	}
	for _, o := range p.Plan.Moved {
		m.Moved = append(m.Moved, invite.Moved{Original: o.Original, Start: o.Start, Duration: o.Duration})
	}
	return m, nil
}

// invitations is what the rooms tell of each change of a planned meeting.
func (p *post) invitations() meetings.Told {
	return func(tx *store.Tx, before, after *meetings.Planned, only, now time.Time) error {
		if !p.On() {
			return nil
		}
		// Of what is over nobody is told.
		if after != nil && after.Plan.End().After(now) {
			cancels := !only.IsZero()
			if err := p.invite(tx, *after, after.Invitees, cancels, only, now); err != nil {
				return err
			}
		}
		if before == nil || !before.Plan.End().After(now) {
			return nil
		}
		gone := before.Invitees
		if after != nil {
			gone = slices.DeleteFunc(slices.Clone(gone), func(i meetings.Invitee) bool { return slices.Contains(after.Invitees, i) })
		}
		last := *before
		if after != nil {
			last.Sequence = after.Sequence
		}
		return p.invite(tx, last, gone, true, time.Time{}, now)
	}
}

// invite writes the mails about one meeting to some of those who are invited to it.
func (p *post) invite(tx *store.Tx, planned meetings.Planned, to []meetings.Invitee, cancelled bool, only, now time.Time) error {
	if len(to) == 0 {
		return nil
	}
	owner, err := accounts.Find(tx, planned.Owner)
	if errors.Is(err, accounts.ErrNotFound) {
		return nil // it goes with its rooms; nobody is left to answer
	}
	if err != nil {
		return err
	}
	m, err := meetingOf(planned, invite.Address{Name: owner.Name, Address: owner.Email}, p.head().place.URL)
	if err != nil {
		return err
	}
	m.Cancelled, m.Only = cancelled, only
	for _, i := range to {
		// Who has an account reads it in their own language, who comes from outside in that of who invites them.
		address, language := invite.Address{Address: i.Email}, p.languageOf(owner)
		if i.Account != (accounts.ID{}) {
			a, err := accounts.Find(tx, i.Account)
			if errors.Is(err, accounts.ErrNotFound) || err == nil && a.State == accounts.Disabled {
				continue
			}
			if err != nil {
				return err
			}
			address, language = invite.Address{Name: a.Name, Address: a.Email}, p.languageOf(a)
		}
		err := p.invitation(tx, m, planned.Room.String(), address, language, now)
		switch {
		case err == nil:
		case errors.Is(err, outbox.ErrFull):
			return web.ErrPost
		case errors.Is(err, invite.ErrAddress):
			// One address that nobody can write to keeps the others from nothing.
			if err := p.audit.Record(tx, audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.MailDropped, Object: planned.Room.String(), Result: audit.Failed,
				Detail: map[string]string{"kind": mailInvitation, "reason": "address"}}); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// nobodys is the address of organisers for those who are shown none (RFC 2606 §2).
const nobodys = "nobody@invalid"

// feed is the calendar of one account: base begins its links.
func (a *Appliance) feed(account accounts.Account, base string, now time.Time) ([]byte, error) {
	list, err := a.rooms.PlannedFor(account.ID)
	if err != nil {
		return nil, err
	}
	policy, _, err := a.accounts.Policy()
	if err != nil {
		return nil, err
	}
	var out []invite.Meeting
	for _, p := range list {
		owner, err := a.accounts.Get(p.Owner)
		if errors.Is(err, accounts.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		organiser := invite.Address{Name: owner.Name, Address: owner.Email}
		if policy.NamesOnly(account.Role) && owner.ID != account.ID {
			organiser.Address = nobodys // RFC 5545 §3.8.4.3: an organiser has one
		}
		m, err := meetingOf(p, organiser, base)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return invite.Feed(out, a.inForce().Name, invite.Address{Name: account.Name, Address: account.Email}, now)
}
