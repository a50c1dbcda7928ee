package scim

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"huisclos/accounts"
)

func TestMembersOfAPatch(t *testing.T) {
	a, b, c := accounts.ID{1}, accounts.ID{2}, accounts.ID{3}
	val := func(ids ...accounts.ID) string {
		var list []map[string]string
		for _, id := range ids {
			list = append(list, map[string]string{"value": id.String()})
		}
		text, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, at := range map[string]struct {
		ops  string
		want []accounts.ID
		kind Type
	}{
		"add":                          {`{"op":"add","path":"members","value":` + val(c, a) + `}`, []accounts.ID{a, b, c}, ""},
		"add one, no list":             {`{"op":"Add","path":"Members","value":{"value":"` + c.String() + `","type":"User","display":"x"}}`, []accounts.ID{a, b, c}, ""},
		"add without a path":           {`{"op":"add","value":{"members":` + val(c) + `}}`, []accounts.ID{a, b, c}, ""},
		"add by value":                 {`{"op":"add","path":"members.value","value":"` + c.String() + `"}`, []accounts.ID{a, b, c}, ""},
		"add with the URN":             {`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:Group:members","value":` + val(c) + `}`, []accounts.ID{a, b, c}, ""},
		"replace":                      {`{"op":"replace","path":"members","value":` + val(c) + `}`, []accounts.ID{c}, ""},
		"replace by none":              {`{"op":"replace","path":"members","value":[]}`, nil, ""},
		"replace one":                  {`{"op":"replace","path":"members[value eq \"` + a.String() + `\"]","value":` + val(c) + `}`, []accounts.ID{b, c}, ""},
		"remove all":                   {`{"op":"remove","path":"members"}`, nil, ""},
		"remove one":                   {`{"op":"remove","path":"members[value eq \"` + a.String() + `\"]"}`, []accounts.ID{b}, ""},
		"remove two":                   {`{"op":"remove","path":"members[value eq \"` + a.String() + `\" or value eq \"` + b.String() + `\"]"}`, nil, ""},
		"remove by type":               {`{"op":"remove","path":"members[type eq \"User\" and not (value eq \"` + a.String() + `\")]"}`, []accounts.ID{a}, ""},
		"remove named ones":            {`{"op":"Remove","path":"members","value":` + val(b, c) + `}`, []accounts.ID{a}, ""},
		"remove who is no member":      {`{"op":"remove","path":"members[value eq \"nobody\"]"},{"op":"remove","path":"members","value":[{"value":"x"}]}`, []accounts.ID{a, b}, ""},
		"one after the other":          {`{"op":"remove","path":"members"},{"op":"add","path":"members","value":` + val(b) + `},{"op":"add","path":"members","value":` + val(a) + `}`, []accounts.ID{a, b}, ""},
		"a group":                      {`{"op":"add","path":"members","value":[{"value":"` + c.String() + `","type":"Group"}]}`, nil, InvalidValue},
		"no id":                        {`{"op":"add","path":"members","value":[{"value":"x"}]}`, nil, InvalidValue},
		"no value":                     {`{"op":"add","path":"members","value":[{"display":"x"}]}`, nil, InvalidValue},
		"a part that only we say":      {`{"op":"replace","path":"members[value eq \"` + a.String() + `\"].display","value":"x"}`, nil, Mutability},
		"replace who is no member":     {`{"op":"replace","path":"members[value eq \"x\"]","value":` + val(c) + `}`, nil, NoTarget},
		"an order of what has none":    {`{"op":"remove","path":"members[value gt null]"}`, nil, InvalidPath},
		"more searches than are borne": {strings.Repeat(`{"op":"remove","path":"members[value sw \"x\"]"},`, maxSearches) + `{"op":"remove","path":"members[value sw \"x\"]"}`, nil, TooMany},
	} {
		ops, err := readPatch([]byte(`{"Operations":[` + at.ops + `]}`))
		m := newMembers([]accounts.ID{a, b})
		for _, o := range ops {
			if err == nil {
				_, err = m.apply(o)
			}
		}
		if at.kind != "" {
			var refused *Error
			if !errors.As(err, &refused) || refused.Type != at.kind {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		got := m.list()
		slices.SortFunc(got, func(x, y accounts.ID) int { return slices.Compare(x[:], y[:]) })
		if err != nil || !slices.Equal(got, at.want) {
			t.Errorf("%s: %s, %v", name, fmt.Sprint(got), err)
		}
	}
}
