package web

import (
	"net/http"

	"huisclos/accounts"
)

// Groups are made and changed by administrators.

func (v *visit) group() (accounts.GroupID, error) { return accounts.ParseGroupID(v.c.Param("group")) }

func (s *Server) listGroups(v *visit) error {
	q := v.r.URL.Query().Get("query")
	if len(q) > 256 {
		return refusal{codeBadRequest}
	}
	list, err := s.Accounts.Groups(q, v.limit(accounts.MaxGroups, accounts.MaxGroups))
	if err != nil {
		return err
	}
	out := make([]groupJSON, 0, len(list))
	for _, g := range list {
		out = append(out, groupOf(g))
	}
	return v.json(http.StatusOK, map[string]any{"groups": out})
}

func (v *visit) groupAnswer(status int, g accounts.Group, err error) error {
	if err != nil {
		return err
	}
	return v.json(status, groupOf(g))
}

func (s *Server) createGroup(v *visit) error {
	var b struct {
		Name string `json:"name"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	g, err := s.Accounts.CreateGroup(v.actor(), b.Name, v.now)
	return v.groupAnswer(http.StatusCreated, g, err)
}

func (s *Server) getGroup(v *visit) error {
	id, err := v.group()
	if err != nil {
		return err
	}
	g, err := s.Accounts.GetGroup(id)
	if err != nil {
		return err
	}
	after := v.r.URL.Query().Get("after")
	if len(after) > 64 {
		return refusal{codeBadRequest}
	}
	members, next, err := s.Accounts.Members(id, after, v.limit(100, 200))
	if err != nil {
		return err
	}
	people := make([]foundJSON, 0, len(members))
	for _, m := range members {
		people = append(people, foundOf(m, false))
	}
	return v.json(http.StatusOK, map[string]any{"group": groupOf(g), "members": people, "next": next})
}

// changeGroup renames, adds and takes away, in this order; each is an act of its own in the audit log.
func (s *Server) changeGroup(v *visit) error {
	var b struct {
		Name *string       `json:"name"`
		Add  []accounts.ID `json:"add"`
		Take []accounts.ID `json:"take"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.group()
	if err != nil {
		return err
	}
	g, err := s.Accounts.GetGroup(id)
	if err != nil {
		return err
	}
	if b.Name != nil && *b.Name != g.Name {
		if g, err = s.Accounts.RenameGroup(v.actor(), id, *b.Name, v.now); err != nil {
			return err
		}
	}
	if len(b.Add)+len(b.Take) > 0 {
		g, err = s.Accounts.ChangeMembers(v.actor(), id, b.Add, b.Take, v.now)
	}
	return v.groupAnswer(http.StatusOK, g, err)
}

func (s *Server) deleteGroup(v *visit) error {
	id, err := v.group()
	if err != nil {
		return err
	}
	if err := s.Accounts.DeleteGroup(v.actor(), id, v.now); err != nil {
		return err
	}
	return v.done()
}
