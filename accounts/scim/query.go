package scim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

const (
	usualCount = 100
	// MaxCount bounds one page of a list.
	MaxCount = 200
	// maxMembers bounds the members of groups in one page: a page is shorter where its groups are large.
	maxMembers = 20_000
	// maxExamined bounds the accounts that a filter looks at which no index answers.
	maxExamined = 20_000
)

// Query is what a request asks of a list or of how a resource is shown (RFC 7644 §3.4.2, §3.9).
type Query struct {
	Filter               string
	Start, Count         string // numbers; "": from the first, as many as is usual
	Attributes, Excluded string // names with commas between
}

// ReadSearch reads the body of a search (RFC 7644 §3.4.3).
func ReadSearch(body []byte) (Query, error) {
	m, err := object(body)
	if err != nil {
		return Query{}, err
	}
	var q Query
	for name, to := range map[string]*string{"filter": &q.Filter, "startIndex": &q.Start, "count": &q.Count, "attributes": &q.Attributes, "excludedAttributes": &q.Excluded} {
		switch v := field(m, name).(type) {
		case nil:
		case string:
			*to = v
		case float64:
			*to = strconv.FormatFloat(v, 'f', -1, 64)
		case []any:
			var names []string
			for _, n := range v {
				text, ok := n.(string)
				if !ok {
					return Query{}, errSyntax
				}
				names = append(names, text)
			}
			*to = strings.Join(names, ",")
		default:
			return Query{}, errSyntax
		}
	}
	return q, nil
}

// page is which of a list's answers are wanted. start counts from 1 (RFC 7644 §3.4.2.4).
func (q Query) page() (start, count int, err error) {
	start, count = 1, usualCount
	for name, to := range map[string]*int{"startIndex": &start, "count": &count} {
		text := q.Start
		if name == "count" {
			text = q.Count
		}
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, 0, errValue(name)
		}
		*to = n
	}
	return max(1, start), min(max(0, count), MaxCount), nil
}

// parsed is the query's filter, nil where there is none.
func (q Query) parsed(s *schema) (*filter, error) {
	if strings.TrimSpace(q.Filter) == "" {
		return nil, nil
	}
	f, err := parseFilter(q.Filter)
	if err != nil {
		return nil, err
	}
	return f, f.check(s, nil)
}

// projection says which attributes are shown.
type projection struct {
	only, without []path
}

func (q Query) projection() projection {
	read := func(names string) (list []path) {
		for name := range strings.SplitSeq(names, ",") {
			if p, ok := splitPath(strings.TrimSpace(name)); ok {
				list = append(list, p)
			}
		}
		return list
	}
	return projection{read(q.Attributes), read(q.Excluded)}
}

// shows reports whether an attribute is in the answer at all.
func (p projection) shows(s *schema, name string) bool {
	at, _ := s.resolve(path{name: name})
	if at == nil || at.returned == always {
		return true
	}
	if len(p.only) > 0 {
		return slices.ContainsFunc(p.only, func(o path) bool { a, _ := s.resolve(o); return a == at })
	}
	return !slices.ContainsFunc(p.without, func(o path) bool { a, _ := s.resolve(o); return a == at && o.sub == "" })
}

// of is the resource with the attributes that are shown.
func (p projection) of(s *schema, r resource) resource {
	if len(p.only)+len(p.without) == 0 {
		return r
	}
	out := resource{}
	for name, v := range r {
		if !p.shows(s, name) {
			continue
		}
		out[name] = p.parts(s, name, v)
	}
	return out
}

// parts is a value with the parts that are shown.
func (p projection) parts(s *schema, name string, v any) any {
	keep := func(sub string) bool {
		named := false
		for _, o := range p.only {
			at, part := s.resolve(o)
			if at == nil || at.name != name {
				continue
			}
			if part == nil || part.name == sub {
				return true
			}
			named = true
		}
		for _, o := range p.without {
			at, part := s.resolve(o)
			if len(p.only) == 0 && at != nil && at.name == name && part != nil && part.name == sub {
				return false
			}
		}
		return !named
	}
	switch v := v.(type) {
	case map[string]any:
		parts := maps.Clone(v)
		maps.DeleteFunc(parts, func(k string, _ any) bool { return !keep(k) })
		return parts
	case []any:
		out := make([]any, 0, len(v))
		for _, one := range v {
			out = append(out, p.parts(s, name, one))
		}
		return out
	}
	return v
}

// versionOf is the weak entity tag of what a resource says (RFC 7644 §3.14).
func versionOf(r any) string {
	text, err := json.Marshal(r)
	if err != nil {
		panic("a resource of ours that JSON can't hold: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return `W/"` + hex.EncodeToString(sum[:10]) + `"`
}

// named reports whether a header of entity tags (RFC 9110 §13.1) names a version.
func named(header, version string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(version, "W/") {
			return true
		}
	}
	return false
}

// list is the body of a list (RFC 7644 §3.4.2).
func list(total, start int, resources []any) resource {
	if resources == nil {
		resources = []any{}
	}
	return resource{"schemas": []any{listSchema}, "totalResults": total, "startIndex": start, "itemsPerPage": len(resources), "Resources": resources}
}
