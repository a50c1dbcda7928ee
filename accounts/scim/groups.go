package scim

import (
	"strings"

	"huisclos/accounts"
)

// maxSearches bounds the operations of one PATCH that look at each member of a group.
const maxSearches = 20

// group is the resource of a provisioned group, whole with its members.
func (q Request) group(g accounts.Group, members []accounts.ID, whole bool) Answer {
	id := g.ID.String()
	location := q.Base + "/Groups/" + id
	r := resource{"schemas": []any{GroupSchema}, "id": id, "displayName": g.Name}
	if g.Subject != "" {
		r["externalId"] = g.Subject
	}
	if whole && len(members) > 0 {
		values := make([]any, 0, len(members))
		for _, m := range members {
			values = append(values, map[string]any{"value": m.String(), "$ref": q.Base + "/Users/" + m.String(), "type": "User"})
		}
		r["members"] = values
	}
	version := groupVersion(g)
	r["meta"] = meta("Group", location, version, g.Created, g.Changed)
	return Answer{r, location, version}
}

// groupVersion needs no look at ten thousand members: no two changes by the source have one time, and what else takes a member out makes
// them fewer.
func groupVersion(g accounts.Group) string {
	return versionOf([]any{g.ID.String(), g.Name, g.Subject, g.Changed, g.Members})
}

func (q Request) shownGroup(g accounts.ProvisionedGroup) Answer {
	shown := q.Query.projection()
	a := q.group(g.Group, g.IDs, shown.shows(groupSchema, "members"))
	a.Body = shown.of(groupSchema, a.Body)
	return a
}

// GetGroup shows one group. accounts.ErrNoGroup.
func (s Provider) GetGroup(q Request, id string) (Answer, error) {
	key, err := accounts.ParseGroupID(id)
	if err != nil {
		return Answer{}, err
	}
	g, err := s.Accounts.ProvisionedGroupByID(key)
	if err != nil {
		return Answer{}, err
	}
	return q.shownGroup(g), nil
}

// readGroup reads the body of POST and PUT.
func readGroup(body []byte) (g accounts.SourcedGroup, err error) {
	m, err := object(body)
	if err != nil {
		return g, err
	}
	r, err := groupSchema.fitting(m)
	if err != nil {
		return g, err
	}
	if g.Members, err = memberIDs(r["members"]); err != nil {
		return g, err
	}
	return g, takeNames(&g, r)
}

func takeNames(g *accounts.SourcedGroup, r resource) error {
	g.Name, _ = r["displayName"].(string)
	g.Subject, _ = r["externalId"].(string)
	if strings.TrimSpace(g.Name) == "" {
		return errRequired("displayName")
	}
	return nil
}

// memberIDs are the accounts that members name.
func memberIDs(v any) (list []accounts.ID, err error) {
	for _, one := range valuesOf(v) {
		parts, _ := one.(map[string]any)
		value, _ := parts["value"].(string)
		if kind, said := parts["type"].(string); said && !strings.EqualFold(kind, "User") {
			return nil, bad(InvalidValue, "Un groupe ne contient que des comptes, pas de groupes.", "A group holds accounts only, no groups.")
		}
		id, err := accounts.ParseID(value)
		if err != nil {
			return nil, errValue("members.value")
		}
		list = append(list, id)
	}
	return list, nil
}

// CreateGroup makes a group.
func (s Provider) CreateGroup(q Request, body []byte) (Answer, error) {
	want, err := readGroup(body)
	if err != nil {
		return Answer{}, err
	}
	g, err := s.Accounts.ProvisionGroup(q.By, want, q.Now)
	if err != nil {
		return Answer{}, err
	}
	return q.shownGroup(g), nil
}

// ReplaceGroup is PUT.
func (s Provider) ReplaceGroup(q Request, id string, body []byte) (Answer, error) {
	want, err := readGroup(body)
	if err != nil {
		return Answer{}, err
	}
	return s.changeGroup(q, id, func(accounts.ProvisionedGroup) (accounts.SourcedGroup, error) { return want, nil })
}

// PatchGroup is PATCH. A group of ten thousand is no list of values to walk through for each operation: its members are a set.
func (s Provider) PatchGroup(q Request, id string, body []byte) (Answer, error) {
	ops, err := readPatch(body)
	if err != nil {
		return Answer{}, err
	}
	return s.changeGroup(q, id, func(g accounts.ProvisionedGroup) (accounts.SourcedGroup, error) {
		r := resource{"displayName": g.Name}
		if g.Subject != "" {
			r["externalId"] = g.Subject
		}
		members := newMembers(g.IDs)
		for _, o := range ops {
			rest, err := members.apply(o)
			if err != nil {
				return accounts.SourcedGroup{}, err
			}
			if rest == nil {
				continue
			}
			if err := groupSchema.applyOne(r, *rest); err != nil {
				return accounts.SourcedGroup{}, err
			}
		}
		want := accounts.SourcedGroup{Members: members.list()}
		return want, takeNames(&want, r)
	})
}

func (s Provider) changeGroup(q Request, id string, change func(accounts.ProvisionedGroup) (accounts.SourcedGroup, error)) (Answer, error) {
	key, err := accounts.ParseGroupID(id)
	if err != nil {
		return Answer{}, err
	}
	g, err := s.Accounts.ReprovisionGroup(q.By, key, func(g accounts.ProvisionedGroup) (accounts.SourcedGroup, error) {
		if err := q.check(groupVersion(g.Group)); err != nil {
			return accounts.SourcedGroup{}, err
		}
		return change(g)
	}, q.Now)
	if err != nil {
		return Answer{}, err
	}
	return q.shownGroup(g), nil
}

// DeleteGroup removes a group; its members stay.
func (s Provider) DeleteGroup(q Request, id string) error {
	key, err := accounts.ParseGroupID(id)
	if err != nil {
		return err
	}
	return s.Accounts.DeprovisionGroup(q.By, key, func(g accounts.ProvisionedGroup) error { return q.check(groupVersion(g.Group)) }, q.Now)
}

// ListGroups is a page of the groups that a filter keeps, by name.
func (s Provider) ListGroups(q Request) (map[string]any, error) {
	start, count, err := q.Query.page()
	if err != nil {
		return nil, err
	}
	f, err := q.Query.parsed(groupSchema)
	if err != nil {
		return nil, err
	}
	shown := q.Query.projection()
	whole := shown.shows(groupSchema, "members")
	total, inPage := 0, 0
	full := false
	var resources []any
	_, err = s.Accounts.ProvisionedGroups(func(g accounts.Group, members func() []accounts.ID) bool {
		if f != nil && !f.matches(groupSchema, q.group(g, f.members(members), true).Body) {
			return false
		}
		total++
		if total < start || full {
			return false
		}
		// A page ends before it is too long, but has one group at least (RFC 7644 §3.4.2.4: fewer than were asked for are an answer).
		if inPage += g.Members; len(resources) >= count || whole && len(resources) > 0 && inPage > maxMembers {
			full = true
			return false
		}
		var in []accounts.ID
		if whole {
			in = members()
		}
		resources = append(resources, shown.of(groupSchema, q.group(g, in, whole).Body))
		return false
	})
	if err != nil {
		return nil, err
	}
	return list(total, start, resources), nil
}

// members are those that a filter has to see.
func (f *filter) members(of func() []accounts.ID) []accounts.ID {
	if f.speaksOf("members") {
		return of()
	}
	return nil
}

func (f *filter) speaksOf(name string) bool {
	switch f.op {
	case and, or:
		return f.left.speaksOf(name) || f.right.speaksOf(name)
	case not:
		return f.left.speaksOf(name)
	}
	return strings.EqualFold(f.path.name, name)
}
