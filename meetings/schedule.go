package meetings

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

const (
	plannedBucket     = "meetings.planned"      // meeting id -> Planned
	plannedRoomBucket = "meetings.planned-room" // room id ‖ meeting id -> nothing
	plannedForBucket  = "meetings.planned-for"  // account ‖ meeting id -> nothing; owner and invited accounts
)

// Bounds of planned meetings.
const (
	MaxPlanned  = 200 // of one room
	MaxInvitees = 200
	maxTitle    = 200 // bytes
	// KeepPlanned is how long a meeting is kept after its last occurrence.
	KeepPlanned = 30 * 24 * time.Hour
	sweepAtOnce = 500
	maxListed   = 2000 // meetings of one account that are looked at
)

// Errors of planned meetings.
var (
	ErrNoMeeting    = errors.New("there is no such planned meeting")
	ErrNoOccurrence = errors.New("the meeting has no such occurrence")
	ErrInvitees     = errors.New("the list of invited people names too many, or somebody who does not exist")
	ErrTooMuch      = errors.New("too many planned meetings in this room")
)

// MeetingID names a planned meeting.
type MeetingID [16]byte

// String returns the id in base64url without padding (22 characters).
func (id MeetingID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseMeetingID reads what String wrote. ErrNoMeeting.
func ParseMeetingID(s string) (MeetingID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != 16 || len(s) != 22 {
		return MeetingID{}, ErrNoMeeting
	}
	return MeetingID(b), nil
}

// Invitee is an account, or somebody known by an address alone.
type Invitee struct {
	Account accounts.ID `json:"account,omitzero"`
	Email   string      `json:"email,omitempty"` // in its normal form; empty for accounts
}

// Planned is a meeting that is planned in a room. Who may enter is the room's rule, which lets those knock who are invited.
type Planned struct {
	ID       MeetingID   `json:"-"`
	Room     mls.RoomID  `json:"room"`
	Owner    accounts.ID `json:"owner"`
	Title    string      `json:"title"`
	Plan     Plan        `json:"plan"`
	Invitees []Invitee   `json:"invitees,omitempty"`
	Sequence int         `json:"sequence"` // grows with each change (RFC 5546 §2.1.4)
	Created  time.Time   `json:"created"`
	Ends     time.Time   `json:"ends"` // of the last occurrence
}

// AddSchedules is the migration that brings planned meetings.
func AddSchedules(tx *store.Tx) error {
	for _, name := range []string{plannedBucket, plannedRoomBucket, plannedForBucket, feedsBucket, feedOfBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

func loadPlanned(tx *store.Tx, id MeetingID) (p Planned, err error) {
	b := tx.Get(plannedBucket, id[:])
	if b == nil {
		return p, ErrNoMeeting
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return Planned{}, fmt.Errorf("planned meeting %s: %w", id, err)
	}
	p.ID = id
	return p, nil
}

// whose are the accounts that find a meeting in their list.
func (p Planned) whose() []accounts.ID {
	list := []accounts.ID{p.Owner}
	for _, i := range p.Invitees {
		if i.Account != (accounts.ID{}) {
			list = append(list, i.Account)
		}
	}
	return once(list)
}

func plannedFor(account accounts.ID, id MeetingID) []byte { return slices.Concat(account[:], id[:]) }

func savePlanned(tx *store.Tx, p Planned) error {
	if old, err := loadPlanned(tx, p.ID); err == nil {
		for _, a := range old.whose() {
			if err := tx.Delete(plannedForBucket, plannedFor(a, p.ID)); err != nil {
				return err
			}
		}
	}
	for _, a := range p.whose() {
		if err := tx.Put(plannedForBucket, plannedFor(a, p.ID), []byte{}); err != nil {
			return err
		}
	}
	if err := tx.Put(plannedRoomBucket, slices.Concat(p.Room[:], p.ID[:]), []byte{}); err != nil {
		return err
	}
	p.Ends = p.Plan.End().UTC()
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("planned meeting %s: %w", p.ID, err)
	}
	return tx.Put(plannedBucket, p.ID[:], b)
}

func dropPlanned(tx *store.Tx, p Planned) error {
	for _, a := range p.whose() {
		if err := tx.Delete(plannedForBucket, plannedFor(a, p.ID)); err != nil {
			return err
		}
	}
	if err := tx.Delete(plannedRoomBucket, slices.Concat(p.Room[:], p.ID[:])); err != nil {
		return err
	}
	return tx.Delete(plannedBucket, p.ID[:])
}

func cleanTitle(title string) (string, error) {
	title, err := cleanName(title)
	if err != nil || len(title) > maxTitle {
		return "", ErrName
	}
	return title, nil
}

// checkInvitees: accounts exist, addresses are ones, nobody is twice.
func checkInvitees(tx *store.Tx, list []Invitee, owner accounts.ID) ([]Invitee, error) {
	out := make([]Invitee, 0, len(list))
	for _, i := range list {
		switch {
		case i.Account != (accounts.ID{}) && i.Email == "":
			if !accounts.Exists(tx, i.Account) {
				return nil, ErrInvitees
			}
			if i.Account == owner {
				continue
			}
		case i.Account == (accounts.ID{}):
			normal, err := accounts.NormalEmail(i.Email)
			if err != nil {
				return nil, ErrInvitees
			}
			i.Email = normal
		default:
			return nil, ErrInvitees
		}
		if !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	if len(out) > MaxInvitees {
		return nil, ErrInvitees
	}
	return out, nil
}

// Told is called in the transaction of a change with the meeting as it was and as it is; nil stands for none. only is the
// occurrence that alone was cancelled, or zero. An error undoes the change.
type Told func(tx *store.Tx, before, after *Planned, only, now time.Time) error

func (s *Rooms) told(tx *store.Tx, before, after *Planned, only, now time.Time) error {
	if s.Planned == nil {
		return nil
	}
	return s.Planned(tx, before, after, only, now)
}

func (s *Rooms) planEvent(tx *store.Tx, by accounts.Actor, action audit.Action, p Planned, now time.Time, detail ...string) error {
	e := s.event(by.Account, action, p.Room, now)
	e.Detail = map[string]string{"meeting": p.ID.String()}
	for i := 0; i+1 < len(detail); i += 2 {
		e.Detail[detail[i]] = detail[i+1]
	}
	return s.record(tx, by, e)
}

// Plan plans a meeting in a room of the account. ErrPlan, ErrName, ErrInvitees, ErrTooMuch.
func (s *Rooms) Plan(by accounts.Actor, room mls.RoomID, title string, plan Plan, invitees []Invitee, now time.Time) (p Planned, err error) {
	if title, err = cleanTitle(title); err != nil {
		return p, err
	}
	plan.Cancelled, plan.Moved = nil, nil
	if err := plan.Check(); err != nil {
		return p, err
	}
	p = Planned{Room: room, Owner: by.Account, Title: title, Plan: plan, Created: now.UTC().Truncate(time.Second)}
	if _, err := io.ReadFull(s.rand, p.ID[:]); err != nil {
		return Planned{}, fmt.Errorf("read randomness: %w", err)
	}
	err = s.owned(by, room, now, func(tx *store.Tx, _ StoredRoom) error {
		n := 0
		tx.Scan(plannedRoomBucket, room[:], nil, MaxPlanned, func(_, _ []byte) bool { n++; return true })
		if n >= MaxPlanned {
			return ErrTooMuch
		}
		if p.Invitees, err = checkInvitees(tx, invitees, by.Account); err != nil {
			return err
		}
		if err := savePlanned(tx, p); err != nil {
			return err
		}
		if err := s.told(tx, nil, &p, time.Time{}, now); err != nil {
			return err
		}
		if err := s.recordOpened(tx, by, nil, &p, now); err != nil {
			return err
		}
		return s.planEvent(tx, by, audit.MeetingPlanned, p, now, "invited", strconv.Itoa(len(p.Invitees)))
	})
	return p, err
}

// replan runs f on a planned meeting of the account.
func (s *Rooms) replan(by accounts.Actor, id MeetingID, now time.Time, f func(tx *store.Tx, p *Planned) error) (p Planned, err error) {
	err = s.db.Update(func(tx *store.Tx) error {
		if err := by.Stands(tx, now); err != nil {
			return err
		}
		if p, err = loadPlanned(tx, id); err != nil {
			return err
		}
		if p.Owner != by.Account {
			return ErrNotOwner
		}
		return f(tx, &p)
	})
	return p, err
}

// Replan changes a planned meeting. Exceptions of before are gone where its rule or its start changes: they would name
// occurrences that there are no more.
func (s *Rooms) Replan(by accounts.Actor, id MeetingID, title string, plan Plan, invitees []Invitee, now time.Time) (Planned, error) {
	title, err := cleanTitle(title)
	if err != nil {
		return Planned{}, err
	}
	return s.replan(by, id, now, func(tx *store.Tx, p *Planned) error {
		before := *p
		plan.Cancelled, plan.Moved = nil, nil
		if sameRule(plan, p.Plan) {
			plan.Cancelled, plan.Moved = p.Plan.Cancelled, p.Plan.Moved
		}
		if err := plan.Check(); err != nil {
			return err
		}
		if p.Invitees, err = checkInvitees(tx, invitees, by.Account); err != nil {
			return err
		}
		p.Title, p.Plan = title, plan
		p.Sequence++
		if err := savePlanned(tx, *p); err != nil {
			return err
		}
		if err := s.told(tx, &before, p, time.Time{}, now); err != nil {
			return err
		}
		if err := s.recordOpened(tx, by, &before, p, now); err != nil {
			return err
		}
		return s.planEvent(tx, by, audit.MeetingChanged, *p, now, "invited", strconv.Itoa(len(p.Invitees)))
	})
}

func sameRule(a, b Plan) bool {
	ra, _ := json.Marshal(a.Recurrence)
	rb, _ := json.Marshal(b.Recurrence)
	return a.Start.Equal(b.Start) && a.Zone == b.Zone && string(ra) == string(rb)
}

// Except moves one occurrence of a meeting, or cancels it where start is zero. ErrNoOccurrence.
func (s *Rooms) Except(by accounts.Actor, id MeetingID, original, start time.Time, duration time.Duration, now time.Time) (Planned, error) {
	return s.replan(by, id, now, func(tx *store.Tx, p *Planned) error {
		before := *p
		o, ok := p.Plan.Find(original)
		if !ok || p.Plan.Recurrence == nil || slices.ContainsFunc(p.Plan.Cancelled, original.Equal) {
			return ErrNoOccurrence
		}
		p.Plan.Moved = slices.DeleteFunc(slices.Clone(p.Plan.Moved), func(m Moved) bool { return m.Original.Equal(original) })
		action, only := audit.MeetingMoved, time.Time{}
		if start.IsZero() {
			p.Plan.Cancelled = append(slices.Clone(p.Plan.Cancelled), o.Original)
			action, only = audit.MeetingCancelled, o.Original
		} else {
			p.Plan.Moved = append(p.Plan.Moved, Moved{o.Original, start.UTC(), duration})
		}
		if err := p.Plan.Check(); err != nil {
			return err
		}
		p.Sequence++
		if err := savePlanned(tx, *p); err != nil {
			return err
		}
		if err := s.told(tx, &before, p, only, now); err != nil {
			return err
		}
		return s.planEvent(tx, by, action, *p, now, "occurrence", o.Original.Format(time.RFC3339))
	})
}

// Unplan cancels a meeting as a whole, and returns its room.
func (s *Rooms) Unplan(by accounts.Actor, id MeetingID, now time.Time) (mls.RoomID, error) {
	p, err := s.replan(by, id, now, func(tx *store.Tx, p *Planned) error {
		if err := dropPlanned(tx, *p); err != nil {
			return err
		}
		p.Sequence++
		if err := s.told(tx, p, nil, time.Time{}, now); err != nil {
			return err
		}
		if err := s.recordOpened(tx, by, p, nil, now); err != nil {
			return err
		}
		return s.planEvent(tx, by, audit.MeetingCancelled, *p, now)
	})
	return p.Room, err
}

// Decline takes a meeting off the list of an account that is invited to it, and returns its room. Nobody has to bear what others plan
// for them.
func (s *Rooms) Decline(by accounts.Actor, id MeetingID, now time.Time) (room mls.RoomID, err error) {
	err = s.db.Update(func(tx *store.Tx) error {
		if err := by.Stands(tx, now); err != nil {
			return err
		}
		p, err := loadPlanned(tx, id)
		if err != nil {
			return err
		}
		room = p.Room
		left := slices.DeleteFunc(slices.Clone(p.Invitees), func(i Invitee) bool { return i.Account == by.Account })
		if len(left) == len(p.Invitees) {
			return ErrNoMeeting
		}
		before := p
		p.Invitees = left
		if err := savePlanned(tx, p); err != nil {
			return err
		}
		if err := s.recordOpened(tx, by, &before, &p, now); err != nil {
			return err
		}
		return s.planEvent(tx, by, audit.MeetingDeclined, p, now)
	})
	return room, err
}

// PlannedIn lists the meetings that are planned in a room of the account, the next first.
func (s *Rooms) PlannedIn(by accounts.ID, room mls.RoomID) (list []Planned, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		r, err := get(tx, room)
		if err != nil {
			return err
		}
		if r.Owner != by {
			return ErrNotOwner
		}
		list, err = plannedBy(tx, plannedRoomBucket, room[:])
		return err
	})
	slices.SortStableFunc(list, func(a, b Planned) int { return a.Plan.Start.Compare(b.Plan.Start) })
	return list, err
}

func plannedBy(tx *store.Tx, bucket string, key []byte) (list []Planned, err error) {
	tx.Scan(bucket, key, nil, maxListed, func(k, _ []byte) bool {
		var p Planned
		if p, err = loadPlanned(tx, MeetingID(k[len(key):])); err != nil {
			return false
		}
		list = append(list, p)
		return true
	})
	return list, err
}

// PlannedFor lists the meetings that an account plans or is invited to.
func (s *Rooms) PlannedFor(account accounts.ID) (list []Planned, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		list, err = plannedBy(tx, plannedForBucket, account[:])
		return err
	})
	return list, err
}

// Coming is one occurrence in somebody's list.
type Coming struct {
	Planned
	Occurrence
}

// Coming lists what an account has before it from one time to another, the next first; at most limit.
func (s *Rooms) Coming(account accounts.ID, from, to time.Time, limit int) (list []Coming, err error) {
	all, err := s.PlannedFor(account)
	for _, p := range all {
		if p.Ends.Before(from) {
			continue
		}
		for _, o := range p.Plan.Between(from, to, limit) {
			list = append(list, Coming{p, o})
		}
	}
	slices.SortStableFunc(list, func(a, b Coming) int {
		if c := a.Occurrence.Start.Compare(b.Occurrence.Start); c != 0 {
			return c
		}
		return strings.Compare(a.Title, b.Title)
	})
	return list[:min(len(list), limit)], err
}

// Beginning lists the rooms of all planned meetings that start from from on and before to, one for each occurrence. It reads every planned
// meeting.
func (s *Rooms) Beginning(from, to time.Time) (rooms []mls.RoomID, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(plannedBucket, nil, nil, 0, func(k, _ []byte) bool {
			var p Planned
			if p, failed = loadPlanned(tx, MeetingID(k)); failed != nil {
				return false
			}
			if p.Ends.Before(from) {
				return true
			}
			for _, o := range p.Plan.Between(from, to, math.MaxInt) {
				if !o.Start.Before(from) {
					rooms = append(rooms, p.Room)
				}
			}
			return true
		})
		return failed
	})
	return rooms, err
}

// forgetPlanned removes the meetings of a room that is deleted. Those invited are told.
func (s *Rooms) forgetPlanned(tx *store.Tx, room mls.RoomID, now time.Time) error {
	list, err := plannedBy(tx, plannedRoomBucket, room[:])
	for _, p := range list {
		if err := dropPlanned(tx, p); err != nil {
			return err
		}
		p.Sequence++
		if err := s.told(tx, &p, nil, time.Time{}, now); err != nil {
			return err
		}
	}
	return err
}

// uninvite takes an account that is deleted off all invitations.
func uninvite(tx *store.Tx, account accounts.ID) error {
	list, err := plannedBy(tx, plannedForBucket, account[:])
	if err != nil {
		return err
	}
	for _, p := range list {
		p.Invitees = slices.DeleteFunc(slices.Clone(p.Invitees), func(i Invitee) bool { return i.Account == account })
		if err := savePlanned(tx, p); err != nil {
			return err
		}
	}
	return dropFeed(tx, account)
}

// SweepPlanned removes meetings whose last occurrence is over for KeepPlanned.
func (s *Rooms) SweepPlanned(now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		var old []Planned
		var failed error
		tx.Scan(plannedBucket, nil, nil, 0, func(k, _ []byte) bool {
			p, err := loadPlanned(tx, MeetingID(k))
			if err != nil {
				failed = err
				return false
			}
			if now.Sub(p.Ends) > KeepPlanned {
				old = append(old, p)
			}
			return len(old) < sweepAtOnce
		})
		for _, p := range old {
			if err := dropPlanned(tx, p); err != nil {
				return err
			}
		}
		return failed
	})
}
