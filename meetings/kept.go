package meetings

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
	"huisclos/store"
)

// Kept is what this package keeps of one account, as its owner's export shows it. Of other people it holds what the account's owner
// has named themselves, and the organisers whom they see on their pages.
type Kept struct {
	Rooms    []KeptRoom    `json:"rooms"`    // that the account owns
	CoHosted []KeptRef     `json:"coHosted"` // of others
	NamedIn  []KeptRef     `json:"namedIn"`  // rooms of others whose rules name the account: who may knock, who comes straight in
	Visited  []KeptVisit   `json:"visited"`
	PINs     []KeptVisit   `json:"pinsGiven"` // until when a room's PIN is not asked for again
	Meetings []KeptMeeting `json:"meetings"`
	Calendar *time.Time    `json:"calendarAddressMade"` // since when the calendar has a secret address, which itself is not kept
}

// KeptRef is a room of somebody else.
type KeptRef struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// KeptPerson is somebody whom a rule names; without a name their account is gone.
type KeptPerson struct {
	ID   accounts.ID `json:"id,omitzero"`
	Name string      `json:"name,omitempty"`
}

// KeptNaming is a rule that names people.
type KeptNaming struct {
	On      bool               `json:"on"`
	Persons []KeptPerson       `json:"persons"`
	Groups  []accounts.GroupID `json:"groups"`
}

// KeptRoom is a room with its rules. Of a PIN nothing is kept that could be shown.
type KeptRoom struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Created  time.Time    `json:"created"`
	Profile  ProfileID    `json:"profile"`
	Access   KeptNaming   `json:"mayKnock"` // on: only these
	Straight KeptNaming   `json:"straightIn"`
	Cohosts  []KeptPerson `json:"coHosts"`
	PIN      bool         `json:"pin"`
	Calls    []KeptCall   `json:"calls"` // in this room, for as long as the history of calls is kept
}

// KeptCall is a call in a room, of which no person is kept.
type KeptCall struct {
	Began time.Time  `json:"began"`
	Ended *time.Time `json:"ended"` // null: it is in progress
	Most  int        `json:"most"`  // people at once
	How   Ending     `json:"how"`
}

// KeptVisit is a moment at a room.
type KeptVisit struct {
	Room string    `json:"room"`
	Name string    `json:"name,omitempty"`
	At   time.Time `json:"at"`
}

// KeptMeeting is a planned meeting: of one that others plan, the list of those invited is not the account's.
type KeptMeeting struct {
	ID        string        `json:"id"`
	Room      string        `json:"room"`
	Own       bool          `json:"own"`
	Title     string        `json:"title"`
	Start     time.Time     `json:"start"`
	Zone      string        `json:"zone"`
	Minutes   int           `json:"minutes"`
	Repeats   *Recurrence   `json:"repeats,omitempty"`
	Cancelled []time.Time   `json:"cancelled,omitempty"`
	Moved     []KeptMove    `json:"moved,omitempty"`
	Invitees  []KeptInvitee `json:"invitees,omitempty"`
	Created   time.Time     `json:"created"`
	Ends      time.Time     `json:"ends"`
}

// KeptMove is one occurrence that takes place at another time.
type KeptMove struct {
	Original time.Time `json:"original"`
	Start    time.Time `json:"start"`
	Minutes  int       `json:"minutes"`
}

// KeptInvitee is somebody of the house, or an address.
type KeptInvitee struct {
	KeptPerson
	Email string `json:"email,omitempty"`
}

func keptPersons(tx *store.Tx, list []accounts.ID) ([]KeptPerson, error) {
	out := make([]KeptPerson, 0, len(list))
	for _, id := range list {
		a, err := accounts.Find(tx, id)
		if err != nil && !errors.Is(err, accounts.ErrNotFound) {
			return nil, err
		}
		out = append(out, KeptPerson{id, a.Name})
	}
	return out, nil
}

func keptNaming(tx *store.Tx, n Naming) (KeptNaming, error) {
	persons, err := keptPersons(tx, n.Persons)
	return KeptNaming{n.On, persons, append([]accounts.GroupID{}, n.Groups...)}, err
}

func keptRoom(tx *store.Tx, r StoredRoom) (k KeptRoom, err error) {
	rules, err := rulesOf(tx, r.ID)
	k = KeptRoom{ID: r.ID.String(), Name: r.Name, Created: r.Created, Profile: r.Profile, PIN: rules.PIN != nil}
	if err == nil {
		k.Access, err = keptNaming(tx, rules.Access)
	}
	if err == nil {
		k.Straight, err = keptNaming(tx, rules.Straight)
	}
	if err == nil {
		k.Cohosts, err = keptPersons(tx, rules.Cohosts)
	}
	return k, err
}

func keptMeeting(tx *store.Tx, p Planned, own bool) (KeptMeeting, error) {
	m := KeptMeeting{ID: p.ID.String(), Room: p.Room.String(), Own: own, Title: p.Title, Start: p.Plan.Start, Zone: p.Plan.Zone, Minutes: int(p.Plan.Duration / time.Minute),
		Repeats: p.Plan.Recurrence, Cancelled: p.Plan.Cancelled, Created: p.Created, Ends: p.Ends}
	for _, o := range p.Plan.Moved {
		m.Moved = append(m.Moved, KeptMove{o.Original, o.Start, int(o.Duration / time.Minute)})
	}
	if !own {
		return m, nil
	}
	for _, i := range p.Invitees {
		person, err := keptPersons(tx, []accounts.ID{i.Account})
		if err != nil {
			return m, err
		}
		m.Invitees = append(m.Invitees, KeptInvitee{person[0], i.Email})
	}
	return m, nil
}

// Kept collects it, within a transaction.
func (s *Rooms) Kept(tx *store.Tx, account accounts.ID) (k Kept, err error) {
	k = Kept{Rooms: []KeptRoom{}, CoHosted: []KeptRef{}, NamedIn: []KeptRef{}, Visited: []KeptVisit{}, PINs: []KeptVisit{}, Meetings: []KeptMeeting{}}
	tx.Scan(ownersBucket, account[:], nil, 0, func(key, _ []byte) bool {
		var r StoredRoom
		var room KeptRoom
		if r, err = get(tx, mls.RoomID(key[len(account):])); err == nil {
			room, err = keptRoom(tx, r)
		}
		if err == nil {
			room.Calls, err = keptCalls(tx, r.ID)
		}
		k.Rooms = append(k.Rooms, room)
		return err == nil
	})
	if err != nil {
		return k, err
	}
	tx.Scan(rulesBucket, nil, nil, 0, func(key, v []byte) bool {
		var rules Rules
		if err = json.Unmarshal(v, &rules); err != nil {
			err = fmt.Errorf("rules of room %s: %w", mls.RoomID(key), err)
			return false
		}
		var r StoredRoom
		switch r, err = get(tx, mls.RoomID(key)); {
		case err != nil:
			return false
		case slices.Contains(rules.Cohosts, account):
			k.CoHosted = append(k.CoHosted, KeptRef{r.ID.String(), r.Name})
		}
		if r.Owner != account && (slices.Contains(rules.Access.Persons, account) || slices.Contains(rules.Straight.Persons, account)) {
			k.NamedIn = append(k.NamedIn, KeptRef{r.ID.String(), r.Name})
		}
		if b := tx.Get(passesBucket, slices.Concat(key, account[:])); len(b) > 8 {
			k.PINs = append(k.PINs, KeptVisit{r.ID.String(), r.Name, time.Unix(int64(binary.BigEndian.Uint64(b)), 0).UTC()})
		}
		return true
	})
	if err != nil {
		return k, err
	}
	for _, v := range visits(tx, account) {
		r, err := get(tx, v.id)
		if err != nil && !errors.Is(err, ErrNoRoom) {
			return k, err
		}
		k.Visited = append(k.Visited, KeptVisit{v.id.String(), r.Name, time.Unix(v.at, 0).UTC()})
	}
	list, err := plannedBy(tx, plannedForBucket, account[:])
	if err != nil {
		return k, err
	}
	for _, p := range list {
		m, err := keptMeeting(tx, p, p.Owner == account)
		if err != nil {
			return k, err
		}
		k.Meetings = append(k.Meetings, m)
	}
	if b := tx.Get(feedOfBucket, account[:]); len(b) > 8 {
		made := time.Unix(int64(binary.BigEndian.Uint64(b[len(b)-8:])), 0).UTC()
		k.Calendar = &made
	}
	return k, nil
}

// Owned returns how many rooms an account has, and how many meetings that are planned in them are not over.
func (s *Rooms) Owned(account accounts.ID, now time.Time) (rooms, meetings int, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		tx.Scan(ownersBucket, account[:], nil, 0, func(_, _ []byte) bool { rooms++; return true })
		list, err := plannedBy(tx, plannedForBucket, account[:])
		for _, p := range list {
			if p.Owner == account && p.Ends.After(now) {
				meetings++
			}
		}
		return err
	})
	return rooms, meetings, err
}
