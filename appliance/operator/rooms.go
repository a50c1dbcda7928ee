package operator

import (
	"time"

	"huisclos/accounts"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// The acts on groups, rooms and calls, by their names on the socket.
const (
	actGroupList    = "group.list"
	actGroupAdd     = "group.add"
	actGroupDelete  = "group.delete"
	actGroupMembers = "group.members"
	actGroupChange  = "group.change"
	actRoomList     = "room.list"
	actRoomShow     = "room.show"
	actRoomDelete   = "room.delete"
	actCallList     = "call.list"
	actCallEnd      = "call.end"
)

// Group is what is shown of one.
type Group struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Source  string `json:"source"` // "local": changed here
	Members int    `json:"members"`
}

func group(g accounts.Group) Group {
	out := Group{g.ID.String(), g.Name, string(g.Source), g.Members}
	if g.Source == "" {
		out.Source = "local"
	}
	return out
}

type (
	groupsAsked struct {
		Query string `json:"query,omitempty"`
	}
	groupsGiven struct {
		Groups []Group `json:"groups"`
	}
	groupNamed struct {
		Group string `json:"group"` // name or id
	}
	membersAsked struct {
		Group string `json:"group"`
		After string `json:"after,omitempty"`
	}
	membersChanged struct {
		Group  string   `json:"group"`
		Add    []string `json:"add,omitempty"` // addresses or ids
		Remove []string `json:"remove,omitempty"`
	}
)

// listGroups answers with all of them at once: there are at most accounts.MaxGroups, of one line each.
func (o Options) listGroups(q groupsAsked) (groupsGiven, error) {
	list, err := o.Accounts.Groups(q.Query, 0)
	out := groupsGiven{Groups: make([]Group, 0, len(list))}
	for _, g := range list {
		out.Groups = append(out.Groups, group(g))
	}
	return out, err
}

func (o Options) addGroup(q groupNamed) (Group, error) {
	g, err := o.Accounts.CreateGroup(accounts.Operator(), q.Group, o.Now())
	if err != nil {
		return Group{}, err
	}
	o.loud("has made a group", "group", g.ID)
	return group(g), nil
}

func (o Options) deleteGroup(q groupNamed) (Group, error) {
	g, err := o.Accounts.FindGroup(q.Group)
	if err == nil {
		err = o.Accounts.DeleteGroup(accounts.Operator(), g.ID, o.Now())
	}
	if err != nil {
		return Group{}, err
	}
	o.loud("has deleted a group", "group", g.ID)
	return group(g), nil
}

func (o Options) listMembers(q membersAsked) (usersGiven, error) {
	g, err := o.Accounts.FindGroup(q.Group)
	if err != nil {
		return usersGiven{}, err
	}
	page, next, err := o.Accounts.Members(g.ID, q.After, pageLimit)
	out := usersGiven{Users: make([]User, 0, len(page)), Next: next}
	for _, a := range page {
		out.Users = append(out.Users, user(a))
	}
	return out, err
}

func (o Options) changeMembers(q membersChanged) (Group, error) {
	g, err := o.Accounts.FindGroup(q.Group)
	if err != nil {
		return Group{}, err
	}
	ids := func(names []string) (list []accounts.ID) {
		for _, name := range names {
			a, bad := o.Accounts.Find(name)
			if bad != nil && err == nil {
				err = bad
			}
			list = append(list, a.ID)
		}
		return list
	}
	add, remove := ids(q.Add), ids(q.Remove)
	if err == nil {
		g, err = o.Accounts.ChangeMembers(accounts.Operator(), g.ID, add, remove, o.Now())
	}
	if err != nil {
		return Group{}, err
	}
	o.loud("has changed the members of a group", "group", g.ID, "added", len(add), "removed", len(remove))
	return group(g), nil
}

// Room is what is shown of one. Its name is there only where it was asked for.
type Room struct {
	ID      string    `json:"id"`
	Name    string    `json:"name,omitempty"`
	Owner   string    `json:"owner"` // address; the id where the account is gone
	Created time.Time `json:"created"`
	InCall  int       `json:"inCall"` // people who are connected to its call
	Live    bool      `json:"live"`   // there is a call
}

type (
	roomsAsked struct {
		After string `json:"after,omitempty"` // the last id of the page before
		Names bool   `json:"names,omitempty"`
	}
	roomsGiven struct {
		Rooms []Room `json:"rooms"`
		Next  string `json:"next,omitempty"`
	}
	roomNamed struct {
		Room string `json:"room"` // id
	}
)

func (o Options) room(r meetings.StoredRoom, name bool) Room {
	out := Room{ID: r.ID.String(), Owner: r.Owner.String(), Created: r.Created}
	if name {
		out.Name = r.Name
	}
	if owner, err := o.Accounts.Get(r.Owner); err == nil {
		out.Owner = owner.Email
	}
	out.InCall, out.Live = o.Hall.Live(r.ID)
	return out
}

func (o Options) listRooms(q roomsAsked) (roomsGiven, error) {
	var after *mls.RoomID
	if q.After != "" {
		id, err := mls.ParseRoomID(q.After)
		if err != nil {
			return roomsGiven{}, meetings.ErrNoRoom
		}
		after = &id
	}
	page, more, err := o.Rooms.All(after, pageLimit)
	if err != nil {
		return roomsGiven{}, err
	}
	out := roomsGiven{Rooms: make([]Room, 0, len(page))}
	for _, r := range page {
		out.Rooms = append(out.Rooms, o.room(r, q.Names))
	}
	if more {
		out.Next = page[len(page)-1].ID.String()
	}
	return out, nil
}

func (o Options) findRoom(q roomNamed) (meetings.StoredRoom, error) {
	id, err := mls.ParseRoomID(q.Room)
	if err != nil {
		return meetings.StoredRoom{}, meetings.ErrNoRoom
	}
	return o.Rooms.Get(id)
}

// showRoom says the room's name: whoever asks for one room by its id asks for it.
func (o Options) showRoom(q roomNamed) (Room, error) {
	r, err := o.findRoom(q)
	if err != nil {
		return Room{}, err
	}
	return o.room(r, true), nil
}

func (o Options) deleteRoom(q roomNamed) (Room, error) {
	r, err := o.findRoom(q)
	if err != nil {
		return Room{}, err
	}
	was := o.room(r, true)
	if err := o.Rooms.DeleteAsOperator(r.ID, o.Now()); err != nil {
		return Room{}, err
	}
	o.Hall.Deleted(r.ID)
	o.loud("has deleted a room", "room", r.ID.String())
	return was, nil
}

// Call is what is shown of one in progress. The room's name is there only where it was asked for.
type Call struct {
	Room   string    `json:"room"`
	Name   string    `json:"name,omitempty"`
	Since  time.Time `json:"since"`
	People int       `json:"people"` // connected
	Locked bool      `json:"locked"`
}

type (
	callsAsked struct {
		Names bool `json:"names,omitempty"`
	}
	callsGiven struct {
		Calls []Call `json:"calls"`
	}
)

// listCalls answers with all of them at once: a machine carries hundreds at most.
func (o Options) listCalls(q callsAsked) (callsGiven, error) {
	out := callsGiven{Calls: []Call{}}
	for _, c := range o.Hall.Calls() {
		call := Call{Room: c.Room.String(), Since: c.Since, Locked: c.Locked}
		if q.Names {
			call.Name = c.Name
		}
		for _, m := range c.Members {
			if m.Connected {
				call.People++
			}
		}
		out.Calls = append(out.Calls, call)
	}
	return out, nil
}

func (o Options) endCall(q roomNamed) (Room, error) {
	r, err := o.findRoom(q)
	if err != nil {
		return Room{}, err
	}
	was := o.room(r, false)
	if !o.Hall.EndAsOperator(r.ID) {
		return Room{}, noCall()
	}
	o.loud("has ended a call", "room", r.ID.String())
	return was, nil
}
