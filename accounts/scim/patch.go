package scim

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxOperations bounds one PATCH.
const maxOperations = 1000

// operation of a PATCH (RFC 7644 §3.5.2).
type operation struct {
	op    string // add, replace, remove
	path  string // "": the value names what it is about
	value any
}

// target is where an operation's path leads: attribute, the values of it that a filter keeps, the part of them.
type target struct {
	path
	filter *filter // on the parts of a value; nil: all values
}

// readPatch reads the body of a PATCH. Entra ID writes the operations with capitals.
func readPatch(body []byte) ([]operation, error) {
	m, err := object(body)
	if err != nil {
		return nil, err
	}
	list, ok := field(m, "Operations").([]any)
	if !ok || len(list) == 0 || len(list) > maxOperations {
		return nil, errSyntax
	}
	ops := make([]operation, 0, len(list))
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, errSyntax
		}
		name, _ := field(m, "op").(string)
		at, isText := field(m, "path").(string)
		if !isText && field(m, "path") != nil {
			return nil, errSyntax
		}
		o := operation{strings.ToLower(name), strings.TrimSpace(at), field(m, "value")}
		switch o.op {
		case "add", "replace", "remove":
		default:
			return nil, bad(InvalidSyntax, "L'opération doit être add, replace ou remove.", "The operation has to be add, replace or remove.")
		}
		ops = append(ops, o)
	}
	return ops, nil
}

// parseTarget reads RFC 7644 §3.5.2, figure 7: PATH = attrPath / valuePath [subAttr].
func parseTarget(text string) (target, error) {
	if len(text) > maxFilter || strings.HasPrefix(text, " ") {
		return target{}, errPath(text)
	}
	p := &parser{text: text}
	at, err := p.path()
	if err != nil {
		return target{}, errPath(text)
	}
	t := target{path: at}
	if p.at < len(text) && text[p.at] == '[' {
		if at.sub != "" {
			return target{}, errPath(text)
		}
		p.inValue = true
		if t.filter, err = p.bracketed(']'); err != nil {
			return target{}, errPath(text)
		}
		if rest, dotted := strings.CutPrefix(text[p.at:], "."); dotted && isName(rest) {
			t.sub = rest
			p.at = len(text)
		}
	}
	if p.at != len(text) {
		return target{}, errPath(text)
	}
	return t, nil
}

// apply changes r, which is in the form of its schema, as the operations say, one after the other.
func (s *schema) apply(r resource, ops []operation) error {
	for _, o := range ops {
		if err := s.applyOne(r, o); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) applyOne(r resource, o operation) error {
	if o.path != "" && !strings.EqualFold(o.path, s.urn) {
		t, err := parseTarget(o.path)
		if err != nil {
			return err
		}
		return s.at(r, t, o, true)
	}
	if o.op == "remove" {
		return errNoTarget // RFC 7644 §3.5.2.2
	}
	m, ok := o.value.(map[string]any)
	if !ok {
		return errSyntax
	}
	// In the order of the names, so that the same request always does the same.
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if strings.EqualFold(name, s.urn) {
			if err := s.applyOne(r, operation{o.op, "", m[name]}); err != nil {
				return err
			}
			continue
		}
		t, err := parseTarget(name)
		if err != nil {
			return err
		}
		if err := s.at(r, t, operation{o.op, name, m[name]}, false); err != nil {
			return err
		}
	}
	return nil
}

// at does one operation where its path leads. What we have no attribute for is left out. named: the path says it, and not a member of
// the value, among which Okta sends an id.
func (s *schema) at(r resource, t target, o operation, named bool) error {
	at, sub := s.resolve(t.path)
	switch {
	case at == nil:
		return nil
	case at.mutability == readOnly && !named:
		return nil
	case at.mutability == readOnly, sub != nil && sub.mutability == readOnly:
		return errReadOnly(t.path.String())
	case t.filter != nil && (!at.multi || len(at.sub) == 0):
		return errPath(o.path)
	}
	if t.filter != nil {
		if err := t.filter.check(s, at); err != nil {
			return errPath(o.path)
		}
	}
	switch {
	case o.op == "remove":
		return s.take(r, at, sub, t.filter, o.value)
	case at.multi && (t.filter != nil || sub != nil):
		return s.within(r, at, sub, t.filter, o)
	case sub != nil:
		v, err := sub.one(o.value)
		if err != nil {
			return errValue(t.path.String())
		}
		parts, _ := r[at.name].(map[string]any)
		setPart(r, at.name, maps.Clone(parts), sub.name, v)
		return nil
	}
	v, err := at.fit(o.value)
	if err != nil {
		return err
	}
	switch {
	case v == nil && (o.op == "replace" || !at.multi && at.kind != "complex"):
		delete(r, at.name)
	case v == nil:
	case at.multi && o.op == "add":
		r[at.name] = joined(valuesOf(r[at.name]), v.([]any))
	case at.kind == "complex" && !at.multi: // parts that aren't named stay (RFC 7644 §3.5.2.1, §3.5.2.3)
		parts, _ := r[at.name].(map[string]any)
		merged := maps.Clone(v.(map[string]any))
		for k, v := range parts {
			if _, named := merged[k]; !named {
				merged[k] = v
			}
		}
		r[at.name] = merged
	default:
		r[at.name] = v
	}
	return nil
}

func setPart(r resource, name string, parts map[string]any, sub string, v any) {
	if parts == nil {
		parts = map[string]any{}
	}
	if v == nil {
		delete(parts, sub)
	} else {
		parts[sub] = v
	}
	if len(parts) == 0 {
		delete(r, name)
	} else {
		r[name] = parts
	}
}

// joined adds values to those there are, each once; of several primary ones the last is it (RFC 7644 §3.5.2).
func joined(have, more []any) []any {
	out := slices.Clone(have)
	for _, v := range more {
		if slices.ContainsFunc(out, func(h any) bool { return reflect.DeepEqual(h, v) }) {
			continue
		}
		onePrimary(out, v)
		out = append(out, v)
	}
	return out
}

// onePrimary takes the mark from the others where v has it.
func onePrimary(list []any, v any) {
	if parts, ok := v.(map[string]any); !ok || parts["primary"] != true {
		return
	}
	for i, other := range list {
		if parts, ok := other.(map[string]any); ok && parts["primary"] == true {
			parts = maps.Clone(parts)
			parts["primary"] = false
			list[i] = parts
		}
	}
}

// within adds to or replaces values of an attribute that a filter keeps, or one part of them.
func (s *schema) within(r resource, at, sub *attribute, f *filter, o operation) error {
	part := at
	if sub != nil {
		part = sub
	}
	v, err := part.one(o.value)
	if list, ok := o.value.([]any); ok && len(list) == 1 {
		v, err = part.one(list[0])
	}
	if err != nil {
		return errValue(o.path)
	}
	found := false
	var out []any
	for _, value := range valuesOf(r[at.name]) {
		if f != nil && !f.matchesValue(at, value) {
			out = append(out, value)
			continue
		}
		found = true
		had, _ := value.(map[string]any)
		parts := maps.Clone(had)
		switch {
		case sub == nil && v == nil:
			continue
		case sub == nil && o.op == "replace":
			parts = v.(map[string]any)
		case sub == nil:
			maps.Copy(parts, v.(map[string]any))
		case v == nil:
			delete(parts, sub.name)
		default:
			parts[sub.name] = v
		}
		if len(parts) > 0 {
			onePrimary(out, parts)
			out = append(out, parts)
		}
	}
	if !found {
		// A value that isn't there yet is made of what the filter asks for. RFC 7644 §3.5.2.3 would have a replacement fail, which
		// Entra ID sends all the same, for a part of a value.
		parts, plain := f.described(at)
		if !plain || sub == nil && o.op == "replace" {
			return errNoTarget
		}
		switch {
		case v == nil:
			return nil
		case sub == nil:
			maps.Copy(parts, v.(map[string]any))
		default:
			parts[sub.name] = v
		}
		onePrimary(out, parts)
		out = append(out, parts)
	}
	if len(out) == 0 {
		delete(r, at.name)
	} else {
		r[at.name] = out
	}
	return nil
}

// described is the value that a filter of equalities describes.
func (f *filter) described(at *attribute) (map[string]any, bool) {
	if f == nil {
		return map[string]any{}, true
	}
	switch f.op {
	case and:
		left, ok := f.left.described(at)
		right, also := f.right.described(at)
		if !ok || !also {
			return nil, false
		}
		maps.Copy(left, right)
		return left, true
	case "eq":
		sub := find(at.sub, f.path.name)
		if sub == nil || f.path.sub != "" {
			return nil, false
		}
		v, err := sub.one(f.value)
		if err != nil || v == nil {
			return nil, false
		}
		return map[string]any{sub.name: v}, true
	}
	return nil, false
}

// take removes an attribute, the values of it that a filter keeps or that are named, or one part of them.
func (s *schema) take(r resource, at, sub *attribute, f *filter, named any) error {
	if f == nil && sub == nil && (named == nil || !at.multi) {
		if at.required {
			return errReadOnly(at.name)
		}
		delete(r, at.name)
		return nil
	}
	if !at.multi {
		parts, _ := r[at.name].(map[string]any)
		setPart(r, at.name, maps.Clone(parts), sub.name, nil)
		return nil
	}
	var without []any
	if f == nil && sub == nil {
		fit, err := at.fit(named)
		if err != nil {
			return err
		}
		without = valuesOf(fit)
	}
	var out []any
	for _, value := range valuesOf(r[at.name]) {
		parts, _ := value.(map[string]any)
		switch {
		case f != nil && !f.matchesValue(at, value):
		case f == nil && sub == nil && !slices.ContainsFunc(without, func(w any) bool { return sameValue(parts, w) }):
		case sub != nil:
			rest := maps.Clone(parts)
			if delete(rest, sub.name); len(rest) == 0 {
				continue
			}
			value = rest
		default:
			continue
		}
		out = append(out, value)
	}
	if len(out) == 0 {
		delete(r, at.name)
	} else {
		r[at.name] = out
	}
	return nil
}

// sameValue reports whether a value is the one that is named to be taken: by its "value", as Entra ID names it.
func sameValue(parts map[string]any, named any) bool {
	m, ok := named.(map[string]any)
	return ok && m["value"] != nil && m["value"] == parts["value"]
}
