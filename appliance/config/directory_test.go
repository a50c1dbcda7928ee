package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDirectoryAddresses(t *testing.T) {
	for text, want := range map[string]directoryURL{
		"ldap://ldap.example.org":      {"ldap.example.org", 389, false},
		"ldaps://ldap.example.org/":    {"ldap.example.org", 636, true},
		"ldaps://LDAP.Example.org:1":   {"ldap.example.org", 1, true},
		"ldap://192.0.2.1:65535":       {"192.0.2.1", 65535, false},
		"ldaps://[2001:db8::1]":        {"2001:db8::1", 636, true},
		"ldaps://[2001:db8::1]:3269":   {"2001:db8::1", 3269, true},
		"ldap://[::ffff:127.0.0.1]:39": {"127.0.0.1", 39, false},
	} {
		var u directoryURL
		if err := u.UnmarshalText([]byte(text)); err != nil || u != want {
			t.Errorf("%s: %+v, %v", text, u, err)
		}
	}
	for _, text := range []string{"", "ldap.example.org", "http://ldap.example.org", "ldapi:///run/slapd", "ldap://", "ldap://a@ldap.example.org", "ldap://ldap.example.org/dc=x",
		"ldap://ldap.example.org?x", "ldap://ldap.example.org#x", "ldap://localhost", "ldaps://x.localhost", "ldap://[::]", "ldap://0.0.0.0", "ldap://[fe80::1%25eth0]",
		"ldap://ldap.example.org:0", "ldap://ldap.example.org:70000", "ldap://ldap.example.org:ldap", "ldap://a b", "ldap://ldap_x"} {
		if err := new(directoryURL).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		}
	}
}

func TestWhatADirectoryNeeds(t *testing.T) {
	for text, want := range map[string]string{
		"[directory]\nbase = \"dc=x\"":                                                                 `directory.url is missing`,
		"[directory]\nurl = \"ldap://a.example\"":                                                      `directory.base is missing`,
		"[directory]\nurl = \"ldap://a.example\"\nbase = \"dc=x\"\nbind_password_file = \"p\"":         `directory.bind_dn, which is missing`,
		"[directory]\nurl = \"ldap://a.example\"\nbase = \"dc=x\"\ndefault_role = \"none\"":            `nobody would have an account`,
		"[directory]\nbind_password = \"x\"":                                                           `did you mean "directory.bind_password_file"?`,
		"[directory]\nurl = \"ldap://localhost\"":                                                      `:2: directory.url: write 127.0.0.1`,
		"[directory]\nfilter = \"objectClass=person\"":                                                 `:2: directory.filter: `,
		"[directory]\nmail = \"mail;lang-fr\"":                                                         `:2: directory.mail: `,
		"[directory]\nidentifier = \"\"":                                                               `:2: directory.identifier: `,
		"[directory]\ndefault_role = \"guest\"":                                                        `:2: directory.default_role: "guest" is not a role`,
		"[directory]\ninterval = \"15\"":                                                               `:2: directory.interval: "15" is not a duration`,
		"[directory]\ninterval = \"0s\"":                                                               `is not a duration`,
		"[directory]\npage_size = 1":                                                                   `directory.page_size: 1 is not a number`,
		"[directory]\nnested = \"yes\"":                                                                `:2: `,
		"[directory.groups]\nguest = [\"cn=x\"]":                                                       `:2: there is no setting "directory.groups.guest"`,
		"[directory.groups]\nadministrator = [\"cn=\\u0000\"]":                                         `:2: directory.groups.administrator: `,
		"[directory]\nurl = \"ldap://a.example\"\nbase = \"dc=x\"\n[directory.groups]\nmember = \"x\"": `:5: `,
	} {
		_, err := Load(write(t, filepath.Join(t.TempDir(), "s.toml"), text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
