package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// foundJSON is somebody as pickers and lists show them.
type foundJSON struct {
	ID    accounts.ID `json:"id"`
	Name  string      `json:"name"`
	Email string      `json:"email,omitempty"`
}

type groupJSON struct {
	ID      accounts.GroupID `json:"id"`
	Name    string           `json:"name"`
	Source  accounts.Source  `json:"source"`
	Members int              `json:"members"`
	Created time.Time        `json:"created"`
}

func groupOf(g accounts.Group) groupJSON {
	return groupJSON{g.ID, g.Name, g.Source, g.Members, g.Created}
}

// named resolves ids; an account or a group that is gone is left out.
func (s *Server) named(ids []accounts.ID) ([]foundJSON, error) {
	out := []foundJSON{}
	for _, id := range ids {
		switch a, err := s.Accounts.Get(id); {
		case errors.Is(err, accounts.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			out = append(out, foundJSON{a.ID, a.Name, a.Email})
		}
	}
	return out, nil
}

func (s *Server) namedGroups(ids []accounts.GroupID) ([]groupJSON, error) {
	out := []groupJSON{}
	for _, id := range ids {
		switch g, err := s.Accounts.GetGroup(id); {
		case errors.Is(err, accounts.ErrNoGroup):
		case err != nil:
			return nil, err
		default:
			out = append(out, groupOf(g))
		}
	}
	return out, nil
}

type namingJSON struct {
	On      bool        `json:"on"`
	Persons []foundJSON `json:"persons"`
	Groups  []groupJSON `json:"groups"`
}

func (s *Server) namingOf(n meetings.Naming) (j namingJSON, err error) {
	j.On = n.On
	if j.Persons, err = s.named(n.Persons); err != nil {
		return j, err
	}
	j.Groups, err = s.namedGroups(n.Groups)
	return j, err
}

// rulesJSON is what the owner of a room sees of its rules. Of a PIN nobody sees more than that there is one.
type rulesJSON struct {
	Access   namingJSON  `json:"access"`
	Straight namingJSON  `json:"straight"`
	Cohosts  []foundJSON `json:"cohosts"`
	PIN      bool        `json:"pin"`
	Stamp    string      `json:"stamp"`
	// Invited are those whom an invitation to a meeting lets knock while the room is limited, whoever else is named.
	Invited []openedJSON `json:"invited"`
}

type openedJSON struct {
	foundJSON
	Meeting string    `json:"meeting"` // its title
	Until   time.Time `json:"until"`   // its end
}

// openedOf leaves out who is a co-host: they come anyway.
func (s *Server) openedOf(list []meetings.Opened, r meetings.Rules) ([]openedJSON, error) {
	out := []openedJSON{}
	for _, o := range list {
		if slices.Contains(r.Cohosts, o.Account) {
			continue
		}
		found, err := s.named([]accounts.ID{o.Account})
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			out = append(out, openedJSON{f, o.Title, o.Until})
		}
	}
	return out, nil
}

func (s *Server) rulesOf(room meetings.StoredRoom, r meetings.Rules, now time.Time) (j rulesJSON, err error) {
	opened, err := s.Rooms.Opened(room.Owner, room.ID, now)
	if err != nil {
		return j, err
	}
	if j.Invited, err = s.openedOf(opened, r); err != nil {
		return j, err
	}
	if j.Access, err = s.namingOf(r.Access); err != nil {
		return j, err
	}
	if j.Straight, err = s.namingOf(r.Straight); err != nil {
		return j, err
	}
	j.Cohosts, err = s.named(r.Cohosts)
	j.PIN, j.Stamp = r.PIN != nil, r.Stamp()
	return j, err
}

func (v *visit) rulesAnswer(room meetings.StoredRoom, r meetings.Rules, err error) error {
	if err != nil {
		return roomError(err)
	}
	j, err := v.srv.rulesOf(room, r, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, j)
}

func (s *Server) getRules(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	room, r, err := s.Rooms.Rules(v.account.ID, id)
	return v.rulesAnswer(room, r, err)
}

// changeRules acts on the next entry: who is inside stays, who waits and may no longer come is sent away.
func (s *Server) changeRules(v *visit) error {
	var b struct {
		Access   *meetings.Naming `json:"access"`
		Straight *meetings.Naming `json:"straight"`
		Cohosts  *[]accounts.ID   `json:"cohosts"`
		PIN      *string          `json:"pin"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.room()
	if err != nil {
		return err
	}
	change := meetings.RulesChange{Access: b.Access, Straight: b.Straight, Cohosts: b.Cohosts}
	switch {
	case b.PIN == nil:
	case *b.PIN == "":
		change.RemovePIN = true
	default:
		if change.PIN, err = s.Accounts.HashPIN(id, *b.PIN); err != nil {
			return err
		}
	}
	room, r, err := s.Rooms.ChangeRules(v.account.ID, id, change, v.now)
	if err == nil {
		s.Hall.RulesChanged(id, s.Rooms.MayStay(id, v.now))
	}
	return v.rulesAnswer(room, r, err)
}

// givePIN checks a room's PIN, once for PassTime. Tries are counted by address before it (see handle), here by account
// and by room.
func (s *Server) givePIN(v *visit) error {
	var b struct {
		PIN string `json:"pin"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.room()
	if err != nil {
		return err
	}
	if err := v.mayEnter(id); err != nil {
		return err
	}
	pin, err := s.Rooms.PIN(v.account.ID, id, v.now)
	switch {
	case errors.Is(err, meetings.ErrNoPIN):
		return v.done()
	case err != nil:
		return roomError(err)
	}
	if until, ok := s.pins.begin(id, v.account.ID, v.now); !ok {
		return accounts.ErrTooMany{Until: until}
	}
	ok, err := s.Accounts.PINMatches(id, pin, b.PIN)
	if err != nil {
		return err
	}
	if !ok {
		if err := s.Rooms.PINRefused(v.account.ID, id, v.now); err != nil {
			return err
		}
		return errPIN
	}
	s.pins.giveBack(id, v.account.ID)
	if err := s.Rooms.Pass(v.account.ID, id, pin, v.now); err != nil {
		return err
	}
	return v.done()
}

// errPIN: the PIN is not the room's.
var errPIN = refusal{codePINWrong}

// straightIn tells a host's device which of those who wait the room's rule names. The device admits them; the server can't.
func (s *Server) straightIn(v *visit) error {
	var b struct {
		Accounts []accounts.ID `json:"accounts"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.room()
	if err != nil {
		return err
	}
	in, err := s.Rooms.StraightIn(v.account.ID, id, b.Accounts)
	if err != nil {
		return roomError(err)
	}
	if in == nil {
		in = []accounts.ID{}
	}
	return v.json(http.StatusOK, map[string]any{"accounts": in})
}
