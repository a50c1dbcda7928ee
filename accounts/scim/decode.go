package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// object reads a body. A name that stands there twice, in whatever case, is refused: two readers of it would read two things.
func object(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errSyntax
	}
	d := json.NewDecoder(bytes.NewReader(body))
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, errSyntax
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errSyntax
	}
	if m, ok := v.(map[string]any); ok {
		return m, nil
	}
	return nil, errSyntax
}

func decodeValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errSyntax
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := decodeValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		m, seen := map[string]any{}, map[string]bool{}
		for d.More() {
			t, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := t.(string)
			if key := strings.ToLower(name); seen[key] {
				return nil, errSyntax
			} else {
				seen[key] = true
			}
			if m[name], err = decodeValue(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return m, err
	}
	return t, nil
}

// field returns a member of an object, whatever the case of its name.
func field(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// fitting brings an object into the form of a schema: its names, its kinds. What the schema doesn't know is left out, and so is what
// only we say.
func (s *schema) fitting(m map[string]any) (resource, error) {
	out := resource{}
	for k, v := range m {
		p, ok := splitPath(k)
		if !ok || p.sub != "" {
			continue
		}
		at, _ := s.resolve(p)
		if at == nil || at.mutability == readOnly {
			continue
		}
		fit, err := at.fit(v)
		if err != nil {
			return nil, err
		}
		if fit != nil {
			out[at.name] = fit
		}
	}
	return out, nil
}

// fit brings a value into the form of its attribute. nil: there is none (RFC 7643 §2.5: null and an empty array say so).
func (at *attribute) fit(v any) (any, error) {
	if !at.multi {
		if list, ok := v.([]any); ok && len(list) == 1 {
			v = list[0]
		}
		return at.one(v)
	}
	list := []any{}
	for _, v := range valuesOf(v) {
		one, err := at.one(v)
		if err != nil {
			return nil, err
		}
		if one != nil {
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list, nil
}

func (at *attribute) one(v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch at.kind {
	case "boolean":
		if b, ok := boolean(v); ok {
			return b, nil
		}
	case "complex":
		parts, ok := v.(map[string]any)
		if !ok {
			if find(at.sub, "value") == nil {
				return nil, errValue(at.name)
			}
			parts = map[string]any{"value": v} // the short form
		}
		out := map[string]any{}
		for k, v := range parts {
			sub := find(at.sub, k)
			if sub == nil {
				continue
			}
			fit, err := sub.one(v)
			if err != nil {
				return nil, errValue(at.name + "." + sub.name)
			}
			if fit != nil {
				out[sub.name] = fit
			}
		}
		if len(out) == 0 {
			return nil, nil
		}
		return out, nil
	default:
		if text, ok := v.(string); ok {
			if text == "" {
				return nil, nil
			}
			return text, nil
		}
	}
	return nil, errValue(at.name)
}
