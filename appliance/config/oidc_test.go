package config

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestIssuers(t *testing.T) {
	for text, want := range map[string]Place{
		"https://id.example.org":                    {"id.example.org", 443},
		"https://ID.example.org/realms/a/":          {"id.example.org", 443},
		"https://192.0.2.1:8443/x":                  {"192.0.2.1", 8443},
		"https://[2001:db8::1]":                     {"2001:db8::1", 443},
		"https://[2001:db8::1]:1":                   {"2001:db8::1", 1},
		"https://login.microsoftonline.com/id/v2.0": {"login.microsoftonline.com", 443},
	} {
		var i issuer
		if err := i.UnmarshalText([]byte(text)); err != nil || i.at != want || i.text != text {
			t.Errorf("%s: %+v, %v", text, i, err)
		}
	}
	for _, text := range []string{"", "id.example.org", "http://id.example.org", "https://", "https://a@id.example.org", "https://id.example.org?x", "https://id.example.org/#x", "https://id.example.org#",
		"https://localhost", "https://x.localhost:1", "https://0.0.0.0", "https://[fe80::1%25eth0]", "https://id.example.org:0", "https://id.example.org:70000", "https://a b", "https:id"} {
		if err := new(issuer).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func TestWhatAProviderNeeds(t *testing.T) {
	const on = "[oidc]\nissuer = \"https://id.example.org\"\nclient_id = \"visio\"\n"
	for text, want := range map[string]string{
		"[oidc]\nclient_id = \"x\"":                                      `oidc.issuer is missing`,
		"[oidc]\npreset = \"proconnect\"":                                `oidc.issuer is missing`,
		"[oidc]\nissuer = \"https://id.example.org\"":                    `oidc.client_id is missing`,
		on + "[oidc.roles]\nmember = [\"x\"]":                            `oidc.role_claim is missing`,
		on + "default_role = \"none\"":                                   `nobody would have an account`,
		on + "default_role = \"administrator\"":                          `oidc.default_role`,
		on + "preset = \"proconnect\"":                                   `oidc.require is missing`,
		on + "preset = \"google\"":                                       `:4: oidc.preset: "google" is not proconnect`,
		on + "client_secret = \"x\"":                                     `did you mean "oidc.client_secret_file"?`,
		on + "require = [\"siret\"]":                                     `:4: oidc.require: "siret" is not a claim and its value`,
		on + "require = [\"=1\"]":                                        `is not a claim and its value`,
		on + "hosts = [\"https://x.example\"]":                           `:4: oidc.hosts: `,
		on + "scopes = [\"openid email\"]":                               `is not one word of ASCII`,
		on + "mail_claim = \"\"":                                         `the name of a claim is missing`,
		on + "name_claims = [\"a b\"]":                                   `is not the name of a claim`,
		on + "name_claims = []":                                          `oidc.name_claims`,
		on + "verified_mail = \"no\"":                                    `:4: `,
		on + "[oidc.roles]\nguest = [\"x\"]":                             `there is no setting "oidc.roles.guest"`,
		on + "hosts = [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\"]": `oidc.hosts`,
	} {
		_, err := Load(write(t, filepath.Join(t.TempDir(), "s.toml"), text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// A preset is what holds where nothing else is said.
func TestProConnect(t *testing.T) {
	const text = "[oidc]\nissuer = \"https://auth.example.gouv.fr/api/v2\"\npreset = \"proconnect\"\nclient_id = \"visio\"\nrequire = [\"siret=13002526500013\"]\n"
	s, err := Load(write(t, filepath.Join(t.TempDir(), "s.toml"), text))
	if err != nil {
		t.Fatal(err)
	}
	o := s.Provider()
	if o.Name != "ProConnect" || o.VerifiedMail || !reflect.DeepEqual(o.NameClaims, []string{"given_name", "usual_name"}) || len(o.Scopes) != 6 || o.Role != "member" ||
		!reflect.DeepEqual(o.Places(), []Place{{"auth.example.gouv.fr", 443}}) {
		t.Errorf("%+v", o)
	}
	if s, err = Load(write(t, filepath.Join(t.TempDir(), "s.toml"), text+"scopes = [\"email\"]\nverified_mail = true\nname_claims = [\"uid\"]\nname = \"Agents\"")); err != nil {
		t.Fatal(err)
	}
	if o := s.Provider(); o.Name != "Agents" || !o.VerifiedMail || len(o.Scopes) != 1 || len(o.NameClaims) != 1 {
		t.Errorf("%+v", o)
	}
	if o := Defaults().Provider(); o.On() || o.Name != "" || o.Places() != nil {
		t.Errorf("%+v", o)
	}
}
