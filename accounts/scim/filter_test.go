package scim

import (
	"errors"
	"strings"
	"testing"
)

// barbara is the user of RFC 7643 §8.2, as far as this appliance keeps one.
func barbara() resource {
	return resource{
		"schemas": []any{UserSchema}, "id": "2819c223-7f76-453a-919d-413861904646", "externalId": "701984", "userName": "bjensen@example.com",
		"name":        map[string]any{"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara"},
		"displayName": "Babs Jensen", "active": true,
		"emails": []any{map[string]any{"value": "bjensen@example.com", "type": "work", "primary": true}, map[string]any{"value": "babs@jensen.org", "type": "home"}},
		"roles":  []any{map[string]any{"value": "member", "primary": true}},
		"meta":   map[string]any{"resourceType": "User", "created": "2011-05-13T04:42:34Z", "lastModified": "2011-05-13T04:42:34Z"},
	}
}

func TestFilters(t *testing.T) {
	for text, want := range map[string]bool{
		// The examples of RFC 7644 §3.4.2.2, figure 2, on barbara.
		`userName eq "bjensen"`:                                      false,
		`userName eq "bjensen@example.com"`:                          true,
		`userName Eq "BJensen@example.com"`:                          true,
		`name.familyName co "O'Malley"`:                              false,
		`name.familyName co "ense"`:                                  true,
		`userName sw "J"`:                                            false,
		`userName sw "b"`:                                            true,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "B"`: true,
		`title pr`:       false,
		`displayName pr`: true,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                                       false,
		`meta.lastModified ge "2011-05-13T04:42:34Z"`:                                                       true,
		`meta.lastModified ge "2011-05-13T06:42:34+02:00"`:                                                  true,
		`meta.lastModified lt "2011-05-13T04:42:34.001Z"`:                                                   true,
		`meta.lastModified le "2011-05-13T04:42:33Z"`:                                                       false,
		`title pr and userType eq "Employee"`:                                                               false,
		`title pr or userName co "jensen"`:                                                                  true,
		`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`:                                           true,
		`schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`:                           false,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`:             false,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`:         false,
		`userType ne "Employee" and not (emails co "example.net" or emails.value co "example.org")`:         true,
		`userName pr and (emails.type eq "work")`:                                                           true,
		`userName pr and emails[type eq "work" and value co "@example.com"]`:                                true,
		`userName pr and emails[type eq "home" and value co "@example.com"]`:                                false,
		`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`: true,
		`emails[not (type eq "work")]`:                                                                      true,
		`emails[not (type pr)]`:                                                                             false,
		`emails[type eq "home" or type eq "other"]`:                                                         true,
		`emails pr`:                true,
		`name pr`:                  true,
		`roles eq "member"`:        true,
		`roles[primary eq true]`:   true,
		`roles[primary eq "True"]`: true,
		`roles[primary ne true]`:   false,
		`active eq true`:           true,
		`active eq "true"`:         true,
		`active eq True`:           true,
		`active ne true`:           false,
		`active eq false`:          false,
		`nickName eq null`:         true,
		`userName ne null`:         true,
		`userName eq null`:         false,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "x"`: false,
		`externalId eq "701984"`:                       true,
		`id eq "2819C223-7f76-453a-919d-413861904646"`: false, // caseExact
		`userName eq 7`:                                false,
		`userName ne 7`:                                true,
		`userName ew ".COM"`:                           true,
		`displayName gt "A" and displayName lt "C"`:    true,
		`displayName eq "Babs \u004aensen"`:            true,
		// and binds closer than or, not closer than both.
		`active eq true or active eq false and userName eq "x"`:   true,
		`(active eq true or active eq false) and userName eq "x"`: false,
		`not (active eq true) or active eq true`:                  true,
		`not(active eq false)`:                                    true,
		"userName   eq   \"bjensen@example.com\"  ":               true,
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := f.check(userSchema, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got := f.matches(userSchema, barbara()); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestFiltersThatAreNone(t *testing.T) {
	for _, text := range []string{
		"x", "userName", `userName eq`, `userName eq "x`, `userName eq x`, `userName is "x"`, `userName eq "x" and`, `and userName pr`, `(userName pr`, `userName pr)`,
		`userName pr userName pr`, `emails[type eq "work"`, `emails[]`, `emails[type eq "work"].value eq "x"`, `emails[emails[type pr]]`, `emails.value[type pr]`, `not userName pr`,
		`userName eq {"a":1}`, `userName eq ["a"]`, `.x pr`, `x. pr`, `x..y pr`, `1x pr`, `urn:userName`, `a:b pr`, `userName eq "\x"`, `$ pr`, `a$b pr`, "userName\tpr", "\xff pr",
		strings.Repeat("(", maxDepth+1) + "userName pr" + strings.Repeat(")", maxDepth+1), strings.Repeat("not (", 2000), `userName eq "` + strings.Repeat("x", maxFilter) + `"`,
		`active gt true`, `active ge "x"`, `meta.created gt null`, `userName[value eq "x"]`, `emails[primary lt true]`, `userName eq tru`, `userName eq -`,
	} {
		f, err := parseFilter(text)
		if err == nil {
			err = f.check(userSchema, nil)
		}
		var refused *Error
		if !errors.As(err, &refused) || refused.Type != InvalidFilter || refused.Status != 400 || refused.FR == "" {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}

func TestIndexedFilters(t *testing.T) {
	for text, want := range map[string][3]string{
		`userName eq "x"`:                                      {"userName", "", "x"},
		`USERNAME eq "x" and active eq true`:                   {"userName", "", "x"},
		`active eq true and externalId eq "y"`:                 {"externalId", "", "y"},
		`emails.value eq "z"`:                                  {"emails", "value", "z"},
		`emails eq "z"`:                                        {"emails", "value", "z"},
		`emails[type eq "work" and value eq "z"]`:              {"emails", "value", "z"},
		`id eq "i"`:                                            {"id", "", "i"},
		`urn:ietf:params:scim:schemas:core:2.0:User:id eq "i"`: {"id", "", "i"},
	} {
		f, err := parseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := f.required(userSchema, want[0], want[1]); !ok || got != want[2] {
			t.Errorf("%s: %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{`userName ne "x"`, `userName eq "x" or active eq true`, `not (userName eq "x")`, `userName sw "x"`, `userName eq null`, `emails.type eq "work"`, `emails[value co "x"]`} {
		f, err := parseFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range [][2]string{{"userName", ""}, {"externalId", ""}, {"id", ""}, {"emails", "value"}} {
			if got, ok := f.required(userSchema, at[0], at[1]); ok {
				t.Errorf("%s: %s is %q", text, at, got)
			}
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, text := range []string{`userName eq "x"`, `emails[type eq "work" and not (value co "@")] or (a.b pr)`, `urn:a:b:2.0:User:x.y gt 1e3`, `x eq "\u00e9\""`, `not (not (a ne null))`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			if refused, ok := errors.AsType[*Error](err); !ok || refused.Type != InvalidFilter {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if parsed.check(userSchema, nil) != nil {
			return
		}
		// What an index finds, the filter is true of only if it is what the index was asked for.
		b := barbara()
		if name, ok := parsed.required(userSchema, "userName", ""); ok && parsed.matches(userSchema, b) && !strings.EqualFold(name, "bjensen@example.com") {
			t.Fatalf("%q is true of barbara and asks for %q", text, name)
		}
		again, err := parseFilter(" " + text + " ")
		if err != nil || again.matches(userSchema, b) != parsed.matches(userSchema, b) {
			t.Fatalf("%q between blanks: %v", text, err)
		}
		if negated, err := parseFilter("not (" + text + ")"); err == nil && negated.matches(userSchema, b) == parsed.matches(userSchema, b) {
			t.Fatalf("not (%s) is as true", text)
		}
	})
}
