package scim

import (
	"maps"
	"slices"
	"strings"

	"huisclos/accounts"
)

// members of a group while a PATCH changes them.
type members struct {
	in       map[accounts.ID]bool
	order    []accounts.ID // of all that ever were in
	searches int
}

func newMembers(ids []accounts.ID) *members {
	m := &members{in: make(map[accounts.ID]bool, len(ids))}
	m.add(ids)
	return m
}

func (m *members) add(ids []accounts.ID) {
	for _, id := range ids {
		if _, known := m.in[id]; !known {
			m.order = append(m.order, id)
		}
		m.in[id] = true
	}
}

func (m *members) list() []accounts.ID {
	return slices.DeleteFunc(slices.Clone(m.order), func(id accounts.ID) bool { return !m.in[id] })
}

func (m *members) clear() {
	for id := range m.in {
		m.in[id] = false
	}
}

var membersAttribute = find(groupSchema.attributes, "members")

// apply does what an operation says of members, and returns what else it says; nil: nothing.
func (m *members) apply(o operation) (*operation, error) {
	if o.path == "" || strings.EqualFold(o.path, GroupSchema) {
		value, ok := o.value.(map[string]any)
		if !ok {
			return &o, nil
		}
		rest := maps.Clone(value)
		for name, v := range value {
			if t, err := parseTarget(name); err == nil && isMembers(t) {
				delete(rest, name)
				if err := m.at(t, operation{o.op, name, v}); err != nil {
					return nil, err
				}
			}
		}
		return &operation{o.op, o.path, rest}, nil
	}
	t, err := parseTarget(o.path)
	if err != nil {
		return nil, err
	}
	if !isMembers(t) {
		return &o, nil
	}
	return nil, m.at(t, o)
}

func isMembers(t target) bool {
	at, _ := groupSchema.resolve(path{t.urn, t.name, ""})
	return at == membersAttribute
}

func (m *members) at(t target, o operation) error {
	if t.sub != "" && !strings.EqualFold(t.sub, "value") {
		return errReadOnly(t.path.String())
	}
	if t.filter != nil {
		if err := t.filter.check(groupSchema, membersAttribute); err != nil {
			return errPath(o.path)
		}
		return m.where(t, o)
	}
	if o.op == "remove" && o.value == nil {
		m.clear()
		return nil
	}
	value := o.value
	if o.op == "remove" {
		// Whoever is no member needs no id of ours to be taken out.
		for _, v := range valuesOf(value) {
			parts, ok := v.(map[string]any)
			if !ok {
				parts = map[string]any{"value": v}
			}
			text, _ := field(parts, "value").(string)
			if id, err := accounts.ParseID(text); err == nil && m.in[id] {
				m.in[id] = false
			}
		}
		return nil
	}
	fit, err := membersAttribute.fit(value)
	if err != nil {
		return err
	}
	ids, err := memberIDs(fit)
	if err != nil {
		return err
	}
	if o.op == "replace" {
		m.clear()
	}
	m.add(ids)
	return nil
}

// where is an operation on the members that a filter keeps.
func (m *members) where(t target, o operation) error {
	var found []accounts.ID
	if f := t.filter; f.op == "eq" && strings.EqualFold(f.path.name, "value") {
		text, _ := f.value.(string)
		if id, err := accounts.ParseID(text); err == nil && m.in[id] {
			found = append(found, id)
		}
	} else {
		if m.searches++; m.searches > maxSearches {
			return bad(TooMany, "Trop d'opérations cherchent parmi les membres.", "Too many operations search among the members.")
		}
		for _, id := range m.list() {
			if f.matchesValue(membersAttribute, map[string]any{"value": id.String(), "type": "User"}) {
				found = append(found, id)
			}
		}
	}
	switch o.op {
	case "remove":
		for _, id := range found {
			m.in[id] = false
		}
		return nil
	case "replace":
		if len(found) == 0 {
			return errNoTarget
		}
		for _, id := range found {
			m.in[id] = false
		}
	}
	fit, err := membersAttribute.fit(o.value)
	if err != nil {
		return err
	}
	ids, err := memberIDs(fit)
	m.add(ids)
	return err
}
