package oidc

import (
	"strings"
	"testing"

	"huisclos/accounts"
)

// FuzzClaims: whatever a provider says of somebody, nobody gets a role that the settings don't give for it.
func FuzzClaims(f *testing.F) {
	for _, text := range []string{`{"email":"a@b.example","groups":["visio"],"realm_access":{"roles":["x"]}}`, `{"groups":"visio","email":7,"name":{"a":1}}`, `{"_claim_names":{"groups":"s"},"email":"a"}`,
		`{"groups":[["visio"],{"a":"visio"},null,true,1e999]}`, `null`, `[]`, `{"a.b":1,"a":{"b":{"c":"d"}}}`, `{"email_verified":"true","email":"\u0000"}`} {
		f.Add([]byte(text))
	}
	c := &Client{s: Settings{NameClaims: []string{"name", "given_name"}, MailClaim: "email", RoleClaim: "groups", GroupClaim: "realm_access.roles", ProvisionClaim: "a.b.c",
		Roles: []Grant{{accounts.Administrator, []string{"admins"}}, {accounts.Organiser, []string{"visio"}}}, Require: []Requirement{{"hd", []string{"example.org"}}}}}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, err := readClaims(func(into any) error { return decode(text, into) })
		if err != nil {
			return
		}
		v, err := c.vouch(set, tokenClaims{AMR: []string{""}})
		if err != nil {
			return
		}
		if v.Role != "" && !(strings.Contains(string(text), "example.org") || strings.Contains(string(text), `\u`)) {
			t.Fatalf("a role without what is required: %s", text)
		}
		if v.SecondFactor || v.Email == "" || v.Groups == nil || len(v.Groups) > maxValues {
			t.Fatalf("%+v", v)
		}
	})
}

// FuzzKeys: what isn't a public key for signatures is none.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"oct","k":"AA"},{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"keys":[{}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if (err == nil) != (len(keys) > 0) || len(keys) > maxKeys {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			if !k.IsPublic() || k.Use != "" && k.Use != "sig" {
				t.Fatalf("%+v", k)
			}
		}
	})
}
