package scim

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestPatch(t *testing.T) {
	const start = `{"userName":"u","active":true,"name":{"givenName":"G","familyName":"F"},"displayName":"D",
		"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}],"roles":[{"value":"member","primary":true}]}`
	for name, at := range map[string]struct {
		ops  string
		want string // what differs from start; null: gone
	}{
		// RFC 7644 §3.5.2.1
		"add without a path":          {`{"op":"add","value":{"emails":[{"value":"n@x","type":"other"}],"displayName":"N"}}`, `{"displayName":"N","emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"n@x","type":"other"}]}`},
		"add what is there":           {`{"op":"add","path":"emails","value":[{"value":"h@x","type":"home"}]}`, `{}`},
		"add a primary one":           {`{"op":"add","path":"emails","value":[{"value":"n@x","primary":true}]}`, `{"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home"},{"value":"n@x","primary":true}]}`},
		"add to a complex one":        {`{"op":"add","path":"name","value":{"formatted":"GF"}}`, `{"name":{"givenName":"G","familyName":"F","formatted":"GF"}}`},
		"add a part":                  {`{"op":"add","path":"name.formatted","value":"GF"}`, `{"name":{"givenName":"G","familyName":"F","formatted":"GF"}}`},
		"add a part of what isn't":    {`{"op":"add","path":"emails[type eq \"other\"].value","value":"o@x"}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"o@x","type":"other"}]}`},
		"add two, then one of them":   {`{"op":"remove","path":"emails"},{"op":"add","path":"emails","value":{"value":"n@x"}}`, `{"emails":[{"value":"n@x"}]}`},
		"add nothing":                 {`{"op":"add","path":"emails","value":[]}`, `{}`},
		"replace by null":             {`{"op":"replace","path":"displayName","value":null}`, `{"displayName":null}`},
		"an empty text is no value":   {`{"op":"replace","path":"displayName","value":""}`, `{"displayName":null}`},
		"remove an attribute":         {`{"op":"remove","path":"displayName"}`, `{"displayName":null}`},
		"remove what isn't":           {`{"op":"remove","path":"externalId"}`, `{}`},
		"remove a part":               {`{"op":"remove","path":"name.givenName"}`, `{"name":{"familyName":"F"}}`},
		"remove all parts":            {`{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, `{"name":null}`},
		"remove some values":          {`{"op":"remove","path":"emails[type eq \"home\"]"}`, `{"emails":[{"value":"w@x","type":"work","primary":true}]}`},
		"remove by two conditions":    {`{"op":"remove","path":"emails[type eq \"work\" and value ew \"x\"]"}`, `{"emails":[{"value":"h@x","type":"home"}]}`},
		"remove a part of some":       {`{"op":"remove","path":"emails[type eq \"home\"].type"}`, `{"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x"}]}`},
		"remove a named value":        {`{"op":"remove","path":"emails","value":[{"value":"h@x"}]}`, `{"emails":[{"value":"w@x","type":"work","primary":true}]}`},
		"remove all values, each":     {`{"op":"remove","path":"emails[value pr]"}`, `{"emails":null}`},
		"replace without a path":      {`{"op":"replace","value":{"emails":[{"value":"n@x","type":"work","primary":true}],"displayName":"N"}}`, `{"emails":[{"value":"n@x","type":"work","primary":true}],"displayName":"N"}`},
		"replace a part of one":       {`{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"}`, `{"emails":[{"value":"n@x","type":"work","primary":true},{"value":"h@x","type":"home"}]}`},
		"replace one value":           {`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"n@x","type":"other"}}`, `{"emails":[{"value":"n@x","type":"other"},{"value":"h@x","type":"home"}]}`},
		"replace a complex one":       {`{"op":"replace","path":"name","value":{"givenName":"H"}}`, `{"name":{"givenName":"H","familyName":"F"}}`},
		"replace a part of all":       {`{"op":"replace","path":"emails.type","value":"other"}`, `{"emails":[{"value":"w@x","type":"other","primary":true},{"value":"h@x","type":"other"}]}`},
		"the last primary one is it":  {`{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}`, `{"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]}`},
		"names in whatever case":      {`{"op":"rEPLACE","path":"DISPLAYNAME","value":"N"},{"OP":"add","PATH":"Name.FORMATTED","VALUE":"f"}`, `{"displayName":"N","name":{"givenName":"G","familyName":"F","formatted":"f"}}`},
		"a URN before the name":       {`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:name.givenName","value":"H"}`, `{"name":{"givenName":"H","familyName":"F"}}`},
		"the URN alone":               {`{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User","value":{"displayName":"N"}}`, `{"displayName":"N"}`},
		"the URN in the value":        {`{"op":"add","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"displayName":"N"}}}`, `{"displayName":"N"}`},
		"of another schema":           {`{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"x"}`, `{}`},
		"another schema in the value": {`{"op":"add","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"x"}}}`, `{}`},
		"what isn't kept here":        {`{"op":"add","path":"title","value":"x"},{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"},{"op":"remove","path":"addresses"}`, `{}`},
		// Entra ID
		"Entra: Replace, dotted":               {`{"op":"Replace","value":{"displayName":"N","name.givenName":"H","emails[type eq \"work\"].value":"n@x","active":"False","title":"x"}}`, `{"displayName":"N","active":false,"name":{"givenName":"H","familyName":"F"},"emails":[{"value":"n@x","type":"work","primary":true},{"value":"h@x","type":"home"}]}`},
		"Entra: active as text":                {`{"op":"Replace","path":"active","value":"False"}`, `{"active":false}`},
		"Entra: active in a list":              {`{"op":"replace","path":"active","value":[false]}`, `{"active":false}`},
		"Entra: the one role":                  {`{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"organiser"}`, `{"roles":[{"value":"organiser","primary":true}]}`},
		"Entra: a replaced part of what isn't": {`{"op":"remove","path":"emails"},{"op":"Replace","path":"emails[type eq \"work\"].value","value":"n@x"}`, `{"emails":[{"value":"n@x","type":"work"}]}`},
		// Okta
		"Okta: active":      {`{"op":"replace","value":{"active":false}}`, `{"active":false}`},
		"Okta: with its id": {`{"op":"replace","value":{"id":"abf4dd94","displayName":"N","groups":[],"meta":{}}}`, `{"displayName":"N"}`},
	} {
		var r, want, differs resource
		for text, to := range map[string]*resource{start: &r, start + " ": &want, at.want: &differs} {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		for k, v := range differs {
			if want[k] = v; v == nil {
				delete(want, k)
			}
		}
		ops, err := readPatch([]byte(`{"schemas":["` + patchSchema + `"],"Operations":[` + at.ops + `]}`))
		if err == nil {
			err = userSchema.apply(r, ops)
		}
		if err != nil || !reflect.DeepEqual(r, want) {
			got, _ := json.Marshal(r)
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestPatchesThatAreRefused(t *testing.T) {
	for body, want := range map[string]Type{
		``: InvalidSyntax, `[]`: InvalidSyntax, `{}`: InvalidSyntax, `{"Operations":{}}`: InvalidSyntax, `{"Operations":[]}`: InvalidSyntax, `{"Operations":[1]}`: InvalidSyntax,
		`{"Operations":[{"op":"move","path":"x"}]}`:                                                                               InvalidSyntax,
		`{"Operations":[{"path":"displayName"}]}`:                                                                                 InvalidSyntax,
		`{"Operations":[{"op":"add","path":7}]}`:                                                                                  InvalidSyntax,
		`{"Operations":[{"op":"add","value":"x"}]}`:                                                                               InvalidSyntax,
		`{"Operations":[{"op":"add","op":"remove","path":"displayName"}]}`:                                                        InvalidSyntax,
		`{"Operations":[{"op":"add","OP":"remove","path":"displayName"}]}`:                                                        InvalidSyntax,
		`{"Operations":[{"op":"remove"}]}`:                                                                                        NoTarget,
		`{"Operations":[{"op":"remove","path":"userName"}]}`:                                                                      Mutability,
		`{"Operations":[{"op":"replace","path":"id","value":"x"}]}`:                                                               Mutability,
		`{"Operations":[{"op":"add","path":"groups","value":[{"value":"x"}]}]}`:                                                   Mutability,
		`{"Operations":[{"op":"replace","path":"meta.created","value":"x"}]}`:                                                     Mutability,
		`{"Operations":[{"op":"replace","path":"emails[type eq \"x\"]","value":{"value":"y"}}]}`:                                  NoTarget,
		`{"Operations":[{"op":"replace","path":"emails[type sw \"x\"].value","value":"y"}]}`:                                      NoTarget,
		`{"Operations":[{"op":"replace","path":"active","value":"perhaps"}]}`:                                                     InvalidValue,
		`{"Operations":[{"op":"replace","path":"displayName","value":7}]}`:                                                        InvalidValue,
		`{"Operations":[{"op":"replace","path":"name","value":"x"}]}`:                                                             InvalidValue,
		`{"Operations":[{"op":"replace","path":"emails","value":[{"value":{}}]}]}`:                                                InvalidValue,
		`{"Operations":[{"op":"replace","path":"emails[","value":"x"}]}`:                                                          InvalidPath,
		`{"Operations":[{"op":"replace","path":"emails[type eq \"work\"]value","value":"x"}]}`:                                    InvalidPath,
		`{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].","value":"x"}]}`:                                        InvalidPath,
		`{"Operations":[{"op":"replace","path":"emails[primary gt true].value","value":"x"}]}`:                                    InvalidPath,
		`{"Operations":[{"op":"replace","path":"displayName[value eq \"x\"]","value":"x"}]}`:                                      InvalidPath,
		`{"Operations":[{"op":"replace","path":"name[givenName eq \"x\"].familyName","value":"x"}]}`:                              InvalidPath,
		`{"Operations":[{"op":"replace","path":"a b","value":"x"}]}`:                                                              InvalidPath,
		`{"Operations":[{"op":"replace","value":{"a b":"x"}}]}`:                                                                   InvalidPath,
		`{"Operations":[` + strings.Repeat(`{"op":"remove","path":"title"},`, maxOperations) + `{"op":"remove","path":"title"}]}`: InvalidSyntax,
		`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`:                                                       InvalidSyntax,
	} {
		r := barbara()
		ops, err := readPatch([]byte(body))
		if err == nil {
			err = userSchema.apply(r, ops)
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Type != want {
			t.Errorf("%.90s: %v, want %s", body, err, want)
		}
	}
}

func FuzzPath(f *testing.F) {
	for _, text := range []string{`displayName`, `name.givenName`, `emails[type eq "work" and value co "@"].value`, `members[value eq "x"]`, `urn:a:2.0:User:x[y pr].z`, `é`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTarget(text)
		if err != nil {
			if refused, ok := errors.AsType[*Error](err); !ok || refused.Type != InvalidPath {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if !isName(got.name) || got.sub != "" && !isName(got.sub) {
			t.Fatalf("%q: %+v", text, got)
		}
		if got.filter == nil && !strings.EqualFold(got.path.String(), text) {
			t.Fatalf("%q is %q", text, got.path)
		}
	})
}

func FuzzPatch(f *testing.F) {
	for _, body := range []string{
		`{"Operations":[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"x"}]}`, `{"Operations":[{"op":"add","value":{"name.givenName":"x","active":"False","emails":[{"value":"y","primary":true}]}}]}`,
		`{"Operations":[{"op":"remove","path":"emails[value pr]"},{"op":"add","path":"roles","value":"member"}]}`, `{"Operations":[{"op":"remove","path":"emails.type","value":[{"value":"x"}]}]}`,
		`{"Operations":[{"op":"replace","path":"emails.value","value":null},{"op":"add","path":"emails[type eq \"a\" and primary eq true].value","value":["x"]}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		ops, err := readPatch(body)
		r := barbara()
		if err == nil {
			err = userSchema.apply(r, ops)
		}
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		// Whatever was done, the resource is still one of its schema, and what only we say is as it was.
		for name, v := range r {
			at, _ := userSchema.resolve(path{name: name})
			if at == nil || at.name != name || v == nil {
				t.Fatalf("%q: %s is %v", body, name, v)
			}
			if at.mutability == readOnly {
				if !reflect.DeepEqual(v, barbara()[name]) {
					t.Fatalf("%q: changed %s", body, name)
				}
				continue
			}
			if fit, err := at.fit(v); err != nil || !reflect.DeepEqual(fit, v) {
				t.Fatalf("%q: %s is %v, %v", body, name, v, err)
			}
		}
		_, _ = person(r)
	})
}
