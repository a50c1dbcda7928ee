package scim

import (
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	maxFilter = 8 << 10 // octets
	maxDepth  = 32      // brackets and nots within one another
)

// path names an attribute: [urn:]name[.sub] (RFC 7644 §3.10).
type path struct{ urn, name, sub string }

func (p path) String() string {
	s := p.name
	if p.urn != "" {
		s = p.urn + ":" + s
	}
	if p.sub != "" {
		s += "." + p.sub
	}
	return s
}

// operator of a filter.
type operator string

const (
	and     operator = "and"
	or      operator = "or"
	not     operator = "not"
	within  operator = "[]" // a filter on the parts of one value of the attribute
	present operator = "pr"
)

// comparisons: RFC 7644 §3.4.2.2, table 3.
var comparisons = map[operator]bool{"eq": true, "ne": true, "co": true, "sw": true, "ew": true, "gt": true, "ge": true, "lt": true, "le": true}

// filter is a node of a parsed filter.
type filter struct {
	op          operator
	path        path
	value       any // of comparisons: string, float64, bool, nil
	left, right *filter
}

// parser reads RFC 7644 §3.4.2.2 (figure 1).
type parser struct {
	text    string
	at      int
	depth   int
	inValue bool // between square brackets
}

// parseFilter reads a filter as a whole.
func parseFilter(text string) (*filter, error) {
	if len(text) > maxFilter || !utf8.ValidString(text) {
		return nil, errDeep
	}
	p := &parser{text: text}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(text) {
		return nil, p.fault()
	}
	return f, nil
}

func (p *parser) fault() error {
	rest := p.text[p.at:]
	if rest == "" {
		return errFilter("il s'arrête trop tôt", "it ends too early")
	}
	rest = short(rest, 20)
	return errFilter("« "+rest+" » n'y a pas sa place", "“"+rest+"” is out of place")
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// word returns the next word without taking it.
func (p *parser) word() string {
	p.space()
	end := p.at
	for end < len(p.text) && isNameChar(p.text[end]) {
		end++
	}
	return p.text[p.at:end]
}

// isNameChar: RFC 7643 §2.1, with what joins the parts of a path.
func isNameChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '$' || c == '.' || c == ':'
}

// keyword takes a word that is one of the language's, whatever its case.
func (p *parser) keyword(w operator) bool {
	next := p.word()
	if !strings.EqualFold(next, string(w)) {
		return false
	}
	p.at += len(next)
	return true
}

func (p *parser) or() (*filter, error) { return p.chain(or, p.and) }

func (p *parser) and() (*filter, error) { return p.chain(and, p.term) }

func (p *parser) chain(op operator, next func() (*filter, error)) (*filter, error) {
	left, err := next()
	if err != nil {
		return nil, err
	}
	for p.keyword(op) {
		right, err := next()
		if err != nil {
			return nil, err
		}
		left = &filter{op: op, left: left, right: right}
	}
	return left, nil
}

// bracketed reads a filter up to a closing bracket.
func (p *parser) bracketed(end byte) (*filter, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errDeep
	}
	defer func() { p.depth-- }()
	p.at++
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at == len(p.text) || p.text[p.at] != end {
		return nil, p.fault()
	}
	p.at++
	return f, nil
}

func (p *parser) opens(c byte) bool {
	p.space()
	return p.at < len(p.text) && p.text[p.at] == c
}

func (p *parser) term() (*filter, error) {
	if p.opens('(') {
		return p.bracketed(')')
	}
	start := p.at
	if p.keyword(not) {
		if p.opens('(') {
			f, err := p.bracketed(')')
			return &filter{op: not, left: f}, err
		}
		p.at = start // an attribute may have that name
	}
	at, err := p.path()
	if err != nil {
		return nil, err
	}
	if p.at < len(p.text) && p.text[p.at] == '[' {
		if at.sub != "" || p.inValue { // a value has no values within
			return nil, p.fault()
		}
		p.inValue = true
		f, err := p.bracketed(']')
		p.inValue = false
		return &filter{op: within, path: at, left: f}, err
	}
	op := operator(strings.ToLower(p.word()))
	if op != present && !comparisons[op] {
		return nil, p.fault()
	}
	p.at += len(op)
	if op == present {
		return &filter{op: op, path: at}, nil
	}
	value, err := p.value()
	return &filter{op: op, path: at, value: value}, err
}

// path takes a name as it stands in a filter or in PATCH.
func (p *parser) path() (path, error) {
	text := p.word()
	at, ok := splitPath(text)
	if !ok {
		return path{}, p.fault()
	}
	p.at += len(text)
	return at, nil
}

// splitPath takes the name of an attribute apart.
func splitPath(text string) (at path, ok bool) {
	rest := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		at.urn, rest = text[:i], text[i+1:]
		if len(at.urn) < 5 || !strings.EqualFold(at.urn[:4], "urn:") {
			return at, false
		}
	}
	var dotted bool
	at.name, at.sub, dotted = strings.Cut(rest, ".")
	return at, isName(at.name) && (isName(at.sub) || !dotted)
}

func isName(s string) bool {
	if s == "" || s == "$" || strings.ContainsAny(s, ".:") || strings.LastIndexByte(s, '$') > 0 {
		return false
	}
	c := s[0]
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '$'
}

// value takes a literal of JSON that is no array and no object.
func (p *parser) value() (any, error) {
	p.space()
	end := p.at
	if end < len(p.text) && p.text[end] == '"' {
		for end++; end < len(p.text) && p.text[end] != '"'; end++ {
			if p.text[end] == '\\' {
				end++
			}
		}
		end++
	} else {
		for end < len(p.text) && !strings.ContainsRune(" )]", rune(p.text[end])) {
			end++
		}
	}
	var v any
	if end > len(p.text) || json.Unmarshal([]byte(p.text[p.at:end]), &v) != nil {
		// Some write the words of JSON as other languages do.
		switch word := strings.ToLower(p.text[p.at:min(end, len(p.text))]); word {
		case "true", "false":
			v = word == "true"
		default:
			return nil, p.fault()
		}
	}
	switch v.(type) {
	case map[string]any, []any:
		return nil, p.fault()
	}
	p.at = end
	return v, nil
}

// check refuses what RFC 7644 §3.4.2.2 does: an order of values that have none. in: the parts of an attribute's values, within brackets.
func (f *filter) check(s *schema, in *attribute) error {
	switch f.op {
	case and, or:
		if err := f.left.check(s, in); err != nil {
			return err
		}
		return f.right.check(s, in)
	case not:
		return f.left.check(s, in)
	case within:
		at, _ := s.resolve(f.path)
		if at != nil && len(at.sub) == 0 {
			return errFilter(f.path.String()+" n'a pas de parties", f.path.String()+" has no parts")
		}
		return f.left.check(s, at)
	}
	at := leaf(s, in, f.path)
	if at != nil && (at.kind == "boolean" || f.value == nil) && strings.Contains("gt ge lt le", string(f.op)) {
		return errFilter(f.path.String()+" n'a pas d'ordre", f.path.String()+" has no order")
	}
	return nil
}

// leaf is the attribute whose values a comparison is about; nil: there is none.
func leaf(s *schema, in *attribute, p path) *attribute {
	if in != nil {
		if p.sub != "" {
			return nil
		}
		return find(in.sub, p.name)
	}
	at, sub := s.resolve(p)
	if sub != nil {
		return sub
	}
	if at != nil && at.kind == "complex" {
		if value := find(at.sub, "value"); value != nil {
			return value
		}
	}
	return at
}
