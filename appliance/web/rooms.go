package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

type ownerJSON struct {
	ID   accounts.ID `json:"id"`
	Name string      `json:"name"`
}

type roomJSON struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Owner   ownerJSON  `json:"owner"`
	Created time.Time  `json:"created"`
	Visited *time.Time `json:"visited,omitempty"`
	Live    bool       `json:"live"`
	People  int        `json:"people"`
	// Profile is that of the call under way, or of the next.
	Profile profileJSON `json:"profile"`
	// Budget is what a call may be sent; without one as much as the lines take.
	Budget *budgetJSON `json:"budget,omitempty"`

	// To who comes to the door:
	PIN bool `json:"pin,omitempty"` // it is asked first
	// To the owner and the co-hosts:
	Host     bool          `json:"host,omitempty"`
	Cohosts  []foundJSON   `json:"cohosts,omitempty"`
	Straight *straightJSON `json:"straight,omitempty"` // whom a host's device lets in by itself
}

// budgetJSON is in bits a second; zero is no bound.
type budgetJSON struct {
	Call   int `json:"call"`
	Person int `json:"person"`
}

// straightJSON is the rule about who comes straight in, as a host sees it during a call.
type straightJSON struct {
	Stamp   string   `json:"stamp"`
	Persons int      `json:"persons"`
	Groups  []string `json:"groups"`
}

func (s *Server) roomOf(r meetings.StoredRoom) (roomJSON, error) {
	owner, err := s.Accounts.Get(r.Owner)
	if err != nil && !errors.Is(err, accounts.ErrNotFound) { // the owner's account may be gone
		return roomJSON{}, err
	}
	j := roomJSON{ID: r.ID.String(), Name: r.Name, Owner: ownerJSON{r.Owner, owner.Name}, Created: r.Created}
	if !r.Visited.IsZero() {
		j.Visited = &r.Visited
	}
	j.People, j.Live = s.Hall.Live(r.ID)
	p, err := s.Rooms.Profile(r.Profile)
	if err != nil {
		return roomJSON{}, err
	}
	if of, running := s.Hall.Profile(r.ID); running {
		p.Profile = of
	}
	j.Profile = profileOf(p)
	if l := s.Settings.InForce().Limits; l.CallMbps > 0 || l.PersonKbps > 0 {
		j.Budget = &budgetJSON{l.CallMbps * 1_000_000, l.PersonKbps * 1000}
	}
	return j, nil
}

// room is the one that the address names, in the one text form that an id has.
func (v *visit) room() (id [16]byte, err error) {
	text := v.c.Param("room")
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(text) != 22 || len(b) != len(id) {
		return id, refusal{codeNotFound}
	}
	return [16]byte(b), nil
}

// roomError gives the refusals of meetings their codes.
func roomError(err error) error {
	switch {
	case errors.Is(err, meetings.ErrNoRoom):
		return refusal{codeNotFound}
	case errors.Is(err, meetings.ErrNotOwner):
		return refusal{codeForbidden}
	case errors.Is(err, meetings.ErrBarred):
		return refusal{codeRoomBarred}
	case errors.Is(err, meetings.ErrNeedPIN):
		return refusal{codePINNeeded}
	case errors.Is(err, meetings.ErrRules):
		return refusal{codeBadRules}
	case errors.Is(err, meetings.ErrName):
		return refusal{codeBadRoomName}
	case errors.Is(err, meetings.ErrTooMany):
		return refusal{codeTooManyRooms}
	case errors.Is(err, meetings.ErrNoProfile):
		return refusal{codeNoProfile}
	}
	return err
}

func (s *Server) listRooms(v *visit) error {
	list, err := s.roomsFor(v)
	if err != nil {
		return err
	}
	out := make([]roomJSON, 0, len(list))
	for _, r := range list {
		j, err := s.roomOf(r)
		if err != nil {
			return err
		}
		out = append(out, j)
	}
	return v.json(http.StatusOK, map[string]any{"rooms": out})
}

// roomsFor lists a guest the rooms that it is invited to, and others their own and those that they have visited.
func (s *Server) roomsFor(v *visit) ([]meetings.StoredRoom, error) {
	if v.account.Role != accounts.Guest {
		return s.Rooms.List(v.account.ID, v.now)
	}
	var list []meetings.StoredRoom
	if v.account.Guest == nil {
		return nil, nil
	}
	for _, g := range v.account.Guest.Rooms {
		r, err := s.Rooms.Get(g.Room)
		if errors.Is(err, meetings.ErrNoRoom) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func (v *visit) roomAnswer(status int, r meetings.StoredRoom, err error) error {
	if err != nil {
		return roomError(err)
	}
	j, err := v.srv.roomOf(r)
	if err != nil {
		return err
	}
	return v.json(status, j)
}

func (s *Server) createRoom(v *visit) error {
	var b struct {
		Name string `json:"name"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	r, err := s.Rooms.Create(v.actor(), b.Name, v.now)
	return v.roomAnswer(http.StatusCreated, r, err)
}

// getRoom is for everybody who is signed in and holds the room's link (its id is 128 random bits), unless its rules say
// otherwise.
func (s *Server) getRoom(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	if err := v.mayEnter(id); err != nil {
		return err
	}
	e, err := s.Rooms.Entry(v.account.ID, id, v.now)
	if err != nil {
		return roomError(err)
	}
	if !e.Allowed {
		return refusal{codeRoomBarred}
	}
	j, err := s.roomOf(e.Room)
	if err != nil {
		return err
	}
	j.PIN, j.Host = e.PIN, e.Host
	if e.Host {
		if j.Cohosts, err = v.named(e.Cohosts); err != nil {
			return err
		}
		if e.Stamp != "" {
			groups, err := s.namedGroups(e.Named.Groups)
			if err != nil {
				return err
			}
			j.Straight = &straightJSON{Stamp: e.Stamp, Persons: len(e.Named.Persons), Groups: []string{}}
			for _, g := range groups {
				j.Straight.Groups = append(j.Straight.Groups, g.Name)
			}
		}
	}
	return v.json(http.StatusOK, j)
}

// changeRoom changes one thing of a room at a time: its name, or its security profile.
func (s *Server) changeRoom(v *visit) error {
	var b struct {
		Name    *string             `json:"name"`
		Profile *meetings.ProfileID `json:"profile"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.room()
	if err != nil {
		return err
	}
	switch {
	case b.Name != nil && b.Profile == nil:
		r, err := s.Rooms.Rename(v.actor(), id, *b.Name, v.now)
		if err == nil {
			s.Hall.Renamed(id, r.Name)
		}
		return v.roomAnswer(http.StatusOK, r, err)
	case b.Profile != nil && b.Name == nil:
		r, p, err := s.Rooms.SetProfile(v.actor(), id, *b.Profile, v.now)
		if err == nil {
			s.Hall.ProfileChanged(id, p.Profile)
		}
		return v.roomAnswer(http.StatusOK, r, err)
	}
	return refusal{codeBadRequest}
}

func (s *Server) deleteRoom(v *visit) error {
	id, err := v.room()
	if err != nil {
		return err
	}
	if err := s.Rooms.Delete(v.actor(), id, v.now); err != nil {
		return roomError(err)
	}
	s.Hall.Deleted(id)
	return v.done()
}
