package scim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	filterparser "github.com/scim2/filter-parser/v2"
)

// ours and theirs write a filter in one form, with all its brackets.
func (f *filter) ours() string {
	switch f.op {
	case and, or:
		return "(" + f.left.ours() + " " + string(f.op) + " " + f.right.ours() + ")"
	case not:
		return "not " + f.left.ours()
	case within:
		return f.path.String() + "[" + f.left.ours() + "]"
	case present:
		return f.path.String() + " pr"
	}
	return fmt.Sprintf("%s %s %#v", f.path, f.op, f.value)
}

func theirs(e filterparser.Expression) string {
	switch e := e.(type) {
	case *filterparser.LogicalExpression:
		return "(" + theirs(e.Left) + " " + strings.ToLower(string(e.Operator)) + " " + theirs(e.Right) + ")"
	case *filterparser.NotExpression:
		return "not " + theirs(e.Expression)
	case *filterparser.ValuePath:
		return e.AttributePath.String() + "[" + theirs(e.ValueFilter) + "]"
	case *filterparser.AttributeExpression:
		if e.Operator == filterparser.PR {
			return e.AttributePath.String() + " pr"
		}
		value := e.CompareValue
		if n, ok := value.(int); ok {
			value = float64(n)
		}
		return fmt.Sprintf("%s %s %#v", e.AttributePath, strings.ToLower(string(e.Operator)), value)
	}
	return fmt.Sprintf("%T", e)
}

// written draws a filter, with operators in lower case (theirs knows no other), after the grammar of RFC 7644 §3.4.2.2, figure 1.
func written(r *rand.Rand, depth int, inValue bool) string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	name := pick("userName", "emails", "name.familyName", "meta.created", "x-y_z", "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName")
	if inValue {
		name = pick("type", "value", "primary")
	}
	if inValue && depth > 0 { // of brackets between those of a value theirs knows few
		if r.IntN(2) == 0 {
			return written(r, 0, true) + " " + pick("and", "or") + " " + written(r, 0, true)
		}
		return written(r, 0, true)
	}
	if depth > 0 {
		switch r.IntN(6) {
		case 0, 1:
			return written(r, depth-1, inValue) + " " + pick("and", "or") + " " + written(r, depth-1, inValue)
		case 2:
			return "(" + written(r, depth-1, inValue) + ")"
		case 3:
			return "not" + pick(" ", "") + "(" + written(r, depth-1, inValue) + ")"
		case 4:
			return pick("emails", "members", "urn:ietf:params:scim:schemas:core:2.0:User:emails") + "[" + written(r, 1, true) + "]"
		}
	}
	if r.IntN(5) == 0 {
		return name + " " + "pr"
	}
	return name + " " + pick("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le") + " " +
		pick(`"x"`, `"a b"`, `""`, `"@example.com"`, `"O'Malley"`, `"(x) and [y]"`, `"é"`, "true", "false", "null", "0", "12", "-3.5", "1e3")
}

// TestFiltersAsAnotherReads: another implementation (Quint Daenen's) makes the same of fifteen hundred filters.
func TestFiltersAsAnotherReads(t *testing.T) {
	r := rand.New(rand.NewPCG(7644, 342))
	for range 1500 {
		text := written(r, 4, false)
		f, err := parseFilter(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		e, err := filterparser.ParseFilter([]byte(text))
		if err != nil {
			t.Fatalf("%s: they: %v", text, err)
		}
		if ours, theirs := f.ours(), theirs(e); ours != theirs {
			t.Fatalf("%s:\n  %s\n  %s", text, ours, theirs)
		}
	}
}

// TestPathsAsAnotherReads does the same for the paths of PATCH.
func TestPathsAsAnotherReads(t *testing.T) {
	r := rand.New(rand.NewPCG(7644, 352))
	for range 1000 {
		text := []string{"emails", "name", "urn:ietf:params:scim:schemas:core:2.0:User:emails"}[r.IntN(3)]
		if r.IntN(2) == 0 {
			text += "[" + written(r, 2, true) + "]"
		}
		if r.IntN(2) == 0 {
			text += ".value"
		}
		got, err := parseTarget(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want, err := filterparser.ParsePath([]byte(text))
		if err != nil {
			t.Fatalf("%s: they: %v", text, err)
		}
		theirsSub := want.AttributePath.SubAttributeName() + want.SubAttributeName()
		if got.name != want.AttributePath.AttributeName || got.urn != want.AttributePath.URI() || got.sub != theirsSub || (got.filter == nil) != (want.ValueExpression == nil) {
			t.Fatalf("%s: %+v, %+v", text, got, want)
		}
		if got.filter != nil && got.filter.ours() != theirs(want.ValueExpression) {
			t.Fatalf("%s:\n  %s\n  %s", text, got.filter.ours(), theirs(want.ValueExpression))
		}
	}
}
