package scim

import (
	"strings"
	"time"
)

// resource is one as JSON has it, with the names of its schema.
type resource = map[string]any

// matches reports whether a filter is true of a resource. An attribute that isn't there has no value (RFC 7644 §3.4.2.2).
func (f *filter) matches(s *schema, r resource) bool {
	switch f.op {
	case and:
		return f.left.matches(s, r) && f.right.matches(s, r)
	case or:
		return f.left.matches(s, r) || f.right.matches(s, r)
	case not:
		return !f.left.matches(s, r)
	case within:
		at, _ := s.resolve(f.path)
		if at == nil {
			return false
		}
		for _, v := range valuesOf(r[at.name]) {
			if f.left.matchesValue(at, v) {
				return true
			}
		}
		return false
	}
	at, sub := s.resolve(f.path)
	if at == nil {
		return f.compare(nil, nil)
	}
	var values []any
	for _, v := range valuesOf(r[at.name]) {
		if parts, ok := v.(map[string]any); ok {
			name := "value"
			if sub != nil {
				name = sub.name
			} else if f.op == present {
				values = append(values, v)
				continue
			}
			if v = parts[name]; v == nil {
				continue
			}
		}
		values = append(values, v)
	}
	return f.compare(leaf(s, nil, f.path), values)
}

// matchesValue reports whether a filter is true of one value of an attribute.
func (f *filter) matchesValue(at *attribute, value any) bool {
	switch f.op {
	case and:
		return f.left.matchesValue(at, value) && f.right.matchesValue(at, value)
	case or:
		return f.left.matchesValue(at, value) || f.right.matchesValue(at, value)
	case not:
		return !f.left.matchesValue(at, value)
	}
	parts, ok := value.(map[string]any)
	sub := find(at.sub, f.path.name)
	if !ok || sub == nil || f.path.sub != "" || parts[sub.name] == nil {
		return f.compare(nil, nil)
	}
	return f.compare(sub, []any{parts[sub.name]})
}

func valuesOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

// compare reports whether the comparison holds for one of the values.
func (f *filter) compare(at *attribute, values []any) bool {
	switch {
	case f.op == present:
		return len(values) > 0
	case f.value == nil: // of null: that there is no value, or that there is one
		return f.op == "eq" && len(values) == 0 || f.op == "ne" && len(values) > 0
	case len(values) == 0:
		return f.op == "ne"
	}
	for _, v := range values {
		if f.holds(at, v) {
			return true
		}
	}
	return false
}

func (f *filter) holds(at *attribute, v any) bool {
	switch have := v.(type) {
	case bool:
		want, ok := boolean(f.value)
		return ok && (f.op == "eq" && have == want || f.op == "ne" && have != want)
	case string:
		want, ok := f.value.(string)
		if !ok {
			return f.op == "ne"
		}
		if at != nil && at.kind == "dateTime" {
			x, errX := time.Parse(time.RFC3339, have)
			y, errY := time.Parse(time.RFC3339, want)
			if errX == nil && errY == nil {
				return f.ordered(x.Compare(y))
			}
		}
		if at == nil || !at.caseExact {
			have, want = strings.ToLower(have), strings.ToLower(want)
		}
		switch f.op {
		case "co":
			return strings.Contains(have, want)
		case "sw":
			return strings.HasPrefix(have, want)
		case "ew":
			return strings.HasSuffix(have, want)
		}
		return f.ordered(strings.Compare(have, want))
	}
	return f.op == "ne"
}

func (f *filter) ordered(c int) bool {
	switch f.op {
	case "eq":
		return c == 0
	case "ne":
		return c != 0
	case "gt":
		return c > 0
	case "ge":
		return c >= 0
	case "lt":
		return c < 0
	case "le":
		return c <= 0
	}
	return false
}

// boolean reads a truth value; Entra ID writes it as the text of another language's: "True".
func boolean(v any) (is, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case string:
		switch strings.ToLower(v) {
		case "true":
			return true, true
		case "false":
			return false, true
		}
	}
	return false, false
}

// required returns what an attribute must be equal to for the filter to be true, so that an index can answer.
func (f *filter) required(s *schema, name, sub string) (string, bool) {
	switch f.op {
	case and:
		if v, ok := f.left.required(s, name, sub); ok {
			return v, true
		}
		return f.right.required(s, name, sub)
	case within:
		if at, _ := s.resolve(f.path); at != nil && at.name == name && sub != "" {
			return f.left.requiredPart(at, sub)
		}
	case "eq":
		at, part := s.resolve(f.path)
		text, ok := f.value.(string)
		if !ok || at == nil || at.name != name {
			return "", false
		}
		if sub == "" || part == nil && sub == "value" || part != nil && part.name == sub {
			return text, true
		}
	}
	return "", false
}

func (f *filter) requiredPart(at *attribute, sub string) (string, bool) {
	switch f.op {
	case and:
		if v, ok := f.left.requiredPart(at, sub); ok {
			return v, true
		}
		return f.right.requiredPart(at, sub)
	case "eq":
		part := find(at.sub, f.path.name)
		text, ok := f.value.(string)
		if ok && part != nil && part.name == sub && f.path.sub == "" {
			return text, true
		}
	}
	return "", false
}
