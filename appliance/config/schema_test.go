package config

import (
	"bytes"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// understood is what each setting does to whether meetings stay sealed end to end: nothing. A setting that is not in this list fails the
// test, so that whoever adds one says which of these it is.
//
//	who:  who may sign in, and as what: whoever comes in is seen by all (MLS leaf, lobby, verification words); and who may sign
//	      and install the program itself, which no setting of a program could hold against that
//	way:  where connections lead, and what they are protected by below the seal
//	kept: where a sealed copy of what the appliance keeps goes, and who can open it; it has no key of a meeting
//	look: names, words, how much is logged, how long something is kept
var understood = map[string]string{
	"listen": "way", "media_port": "way", "data": "look", "name": "look", "hostnames": "way", "addresses": "way", "public_addresses": "way", "trusted_proxies": "way",
	"control": "way", "outward": "way", "console_destinations": "way", "destinations": "way", "log.level": "look", "log.addresses": "look", "audit": "kept", "tls": "way", "mail": "way", "directory": "who", "oidc": "who",
	"accounts": "look", "calls": "look", "limits": "look", "backup": "kept", "update": "who",
}

// CF-5: no setting turns end-to-end encryption off, accepts clear frames or adds a hidden participant.
func TestNoSettingOpensMeetings(t *testing.T) {
	for _, k := range Schema() {
		table, _, _ := strings.Cut(k.Name, ".")
		if understood[k.Name] == "" && understood[table] == "" {
			t.Errorf("%s: nobody has said what it does to meetings; see understood", k.Name)
		}
		for _, word := range []string{"e2e", "encrypt", "clear", "plain", "sframe", "mls", "frame", "record", "transcri", "bot", "hidden", "observer", "listener", "intercept", "escrow", "key_server", "gate", "cipher", "insecure"} {
			if strings.Contains(k.Name, word) {
				t.Errorf("%s sounds like a setting that opens meetings", k.Name)
			}
		}
		if slices.ContainsFunc(k.Choices, func(c string) bool { return c == "off" || c == "disabled" }) {
			t.Errorf("%s can be switched off", k.Name)
		}
	}
	// None of the packages that seal, or check the seal, knows that there are settings.
	for _, dir := range []string{"../../crypto/sframe", "../../crypto/mls", "../../crypto/e2ee/session", "../../media", "../../media/gate", "../../media/forward", "../../meetings"} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
				continue
			}
			text, err := os.ReadFile(dir + "/" + f.Name())
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte("huisclos/appliance")) {
				t.Errorf("%s/%s reads settings", dir, f.Name())
			}
		}
	}
}

// What a setting is said to be is what its values are, and what it is now could be chosen.
func TestSchema(t *testing.T) {
	values := Defaults().Values()
	var names []string
	for _, k := range Schema() {
		names = append(names, k.Name)
		value, is := values[k.Name]
		switch {
		case k.Kind == Secret:
			if is {
				t.Errorf("%s is a secret, and has a value", k.Name)
			}
			continue
		case !is:
			t.Errorf("%s has no value", k.Name)
			continue
		case value == nil, value == "":
			continue
		}
		if err := k.Check(value); err != nil {
			t.Errorf("%s: its default %v: %v", k.Name, value, err)
		}
		if k.Live != k.Console {
			t.Errorf("%s: live %v, in the console %v", k.Name, k.Live, k.Console)
		}
	}
	if extra := slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(n string) bool { return slices.Contains(names, n) }); len(extra) > 0 {
		t.Errorf("values without a setting: %v", extra)
	}
}

// What the console chooses is what is shown, letter by letter.
func TestValuesComeBack(t *testing.T) {
	chosen := map[string]any{"name": "Visio", "hostnames": []string{"a.example"}, "mail.host": "smtp.example.org", "mail.port": 2525, "mail.from": "a@example.org", "mail.security": "tls",
		"directory.url": "ldap://[2001:db8::1]:1389", "directory.base": "dc=a", "directory.groups.member": []string{"cn=m"}, "directory.interval": "1h30m", "directory.nested": true,
		"oidc.issuer": "https://id.example.org/x", "oidc.client_id": "c", "oidc.require": []string{"a=1", "a=2"}, "oidc.hosts": []string{"k.example.org:8443"}, "trusted_proxies": []string{"192.0.2.0/28"},
		"accounts.deletion_days": 7, "log.level": "warn", "log.addresses": "full", "audit.syslog.address": "logs.example.org:6514", "audit.syslog.format": "cef"}
	s, left := From(Defaults()).Choose(chosen)
	if len(left) > 0 {
		t.Fatal(left)
	}
	values := s.Values()
	for name, want := range chosen {
		if !reflect.DeepEqual(values[name], want) || s.From[name] != Console {
			t.Errorf("%s: %v from %q, want %v", name, values[name], s.From[name], want)
		}
	}
}
