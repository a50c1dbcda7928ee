package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"huisclos/accounts"
)

// maxValues bounds what one claim may hold: roles and groups of one person.
const maxValues = 1000

// tokenClaims are those of an ID token that say how the person signed in.
type tokenClaims struct {
	AZP      string          `json:"azp"`
	SID      string          `json:"sid"`
	ACR      string          `json:"acr"`
	AMR      methods         `json:"amr"`
	AuthTime float64         `json:"auth_time"`
	Events   json.RawMessage `json:"events"`

	set claimSet
}

// methods are those of amr (RFC 8176). Some providers write a single one without a list.
type methods []string

// UnmarshalJSON reads a list, or the one.
func (m *methods) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*m = strings.Fields(one)
		return nil
	}
	return json.Unmarshal(text, (*[]string)(m))
}

// claimSet is what a provider says of somebody.
type claimSet map[string]any

func decode(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // an identifier in digits stays what it is
	return d.Decode(into)
}

func readClaims(read func(any) error) (claimSet, error) {
	var raw json.RawMessage
	if err := read(&raw); err != nil {
		return nil, invalid("claims: %w", plain(err))
	}
	set := claimSet{}
	if err := decode(raw, &set); err != nil {
		return nil, invalid("claims: %w", plain(err))
	}
	return set, nil
}

// with returns s with what is in over, which is signed, in place of its own.
func (s claimSet) with(over claimSet) claimSet {
	out := maps.Clone(s)
	maps.Copy(out, over)
	return out
}

func contains(list []string, value string) bool { return value != "" && slices.Contains(list, value) }

// find returns a claim by its name, or by a path with dots through objects: names with dots are names first.
func (s claimSet) find(name string) any {
	if v, ok := s[name]; ok {
		return v
	}
	for at, r := range name {
		if r != '.' {
			continue
		}
		if inner, ok := s[name[:at]].(map[string]any); ok {
			if v := claimSet(inner).find(name[at+1:]); v != nil {
				return v
			}
		}
	}
	return nil
}

// values returns a claim's values as text. What is neither text, number, truth value nor a list of those is left out.
func (s claimSet) values(name string) []string {
	found := s.find(name)
	list, ok := found.([]any)
	if !ok {
		list = []any{found}
	}
	var out []string
	for _, v := range list {
		switch v := v.(type) {
		case string:
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, v)
			}
		case json.Number:
			out = append(out, v.String())
		case bool:
			out = append(out, strconv.FormatBool(v))
		}
	}
	return out
}

// elsewhere reports whether a claim is kept elsewhere because it is too long for the token (Core §5.6.2), as Entra ID does with groups.
// Then it is not known here: to take it for empty would take people's roles from them.
func (s claimSet) elsewhere(name string) bool {
	names, ok := s["_claim_names"].(map[string]any)
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(name, ".")
	_, whole := names[name]
	_, begun := names[first]
	return whole || begun
}

// vouch is what the settings make of the claims.
func (c *Client) vouch(said claimSet, token tokenClaims) (accounts.Vouched, error) {
	needed := []string{c.s.RoleClaim, c.s.GroupClaim, c.s.ProvisionClaim}
	for _, r := range c.s.Require {
		needed = append(needed, r.Claim)
	}
	for _, name := range needed {
		if name != "" && said.elsewhere(name) {
			return accounts.Vouched{}, &Error{Claims, fmt.Errorf("%s has too many values for the token, and is kept elsewhere", name)}
		}
	}
	v := accounts.Vouched{Name: c.name(said), EmailVerified: c.s.Unverified}
	if list := said.values(c.s.MailClaim); len(list) > 0 {
		v.Email = list[0]
	}
	if v.Email == "" {
		return accounts.Vouched{}, &Error{Claims, fmt.Errorf("%s, the claim of the e-mail address, is empty", c.s.MailClaim)}
	}
	if list := said.values("email_verified"); !v.EmailVerified && len(list) == 1 && list[0] == "true" {
		v.EmailVerified = true
	}
	if list := said.values(c.s.ProvisionClaim); c.s.ProvisionClaim != "" && len(list) == 1 {
		v.Provisioned = list[0]
	}
	if c.s.GroupClaim != "" {
		v.Groups = said.values(c.s.GroupClaim)
		if v.Groups == nil {
			v.Groups = []string{}
		}
		if len(v.Groups) > maxValues {
			return accounts.Vouched{}, &Error{Claims, errors.New("more groups than are taken")}
		}
	}
	v.Role = c.role(said)
	v.SecondFactor = contains(c.s.SecondFactorACR, token.ACR) || slices.ContainsFunc(token.AMR, func(m string) bool { return contains(c.s.SecondFactorAMR, m) })
	return v, nil
}

// name is made of the claims of the settings; else of what a provider usually says. An address is no name, but better than none.
func (c *Client) name(said claimSet) string {
	var parts []string
	for _, claim := range c.s.NameClaims {
		parts = append(parts, said.values(claim)...)
	}
	if len(parts) > 0 {
		return strings.Join(parts, " ")
	}
	for _, claim := range []string{"name", "preferred_username", c.s.MailClaim} {
		if list := said.values(claim); len(list) > 0 {
			return list[0]
		}
	}
	return ""
}

// role is the first of the settings' that a value gives. Who lacks what is required has none.
func (c *Client) role(said claimSet) accounts.Role {
	for _, r := range c.s.Require {
		values := said.values(r.Claim)
		if !slices.ContainsFunc(values, func(v string) bool { return slices.Contains(r.Values, v) || slices.Contains(r.Values, "*") }) {
			return ""
		}
	}
	if c.s.RoleClaim == "" {
		return c.s.Role
	}
	values := said.values(c.s.RoleClaim)
	for _, g := range c.s.Roles {
		if slices.ContainsFunc(values, func(v string) bool { return slices.Contains(g.Values, v) }) {
			return g.Role
		}
	}
	return c.s.Role
}
