package config

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAllSettings(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "huisclos.toml"), `
listen = "[2001:db8::1]:443"
media_port = 10444
data = "state"
name = "Visio de l’hôpital"
hostnames = ["Visio.Example.org.", "xn--hpital-xxa.example"]
addresses = ["192.0.2.10", "::ffff:192.0.2.11"]
public_addresses = ["2001:db8::10"]
trusted_proxies = ["::ffff:192.0.2.20", "2001:db8:1::/64"]
control = "run/c.sock"
outward = "run/o.sock"
console_destinations = false
destinations = ["s3=s3.example.org:9000", "sftp=192.0.2.30:2222"]
log.level = "debug"
log.addresses = "full"
[tls]
mode = "stored"
certificate = "/etc/ssl/cert.pem"
key = "tls/key.pem"
acme_directory = "https://acme.example.org:9000/acme/directory"
acme_contact = "admin@example.org"
acme_terms = true
acme_key_id = "kid-1"
acme_key_file = "acme.key"
acme_ca_file = "/etc/ssl/acme-ca.pem"
[mail]
host = "SMTP.example.org"
port = 2525
security = "tls"
user = "visio"
password_file = "mail.password"
from = "visio@example.org"
ca_file = "/etc/ssl/ca.pem"
helo = "visio.example.org"
language = "en"
[directory]
url = "ldaps://LDAP.example.org:1636"
ca_file = "tls/ldap-ca.pem"
bind_dn = "cn=lecteur,dc=example,dc=org"
bind_password_file = "ldap.password"
base = "ou=people,dc=example,dc=org"
filter = "(&(objectClass=user)(visio=TRUE))"
disabled_filter = "(nsAccountLock=TRUE)"
name = "cn"
mail = "rfc822Mailbox"
identifier = "objectGUID"
default_role = "none"
member = "uniqueMember"
nested = true
login = "uid"
sync_groups = ["cn=c,dc=example,dc=org"]
groups_base = "ou=groups,dc=example,dc=org"
groups_filter = "(cn=visio-*)"
group_name = "displayName"
interval = "5m"
timeout = "3s"
page_size = 1000
[directory.groups]
administrator = ["cn=a,dc=example,dc=org", "cn=b,dc=example,dc=org"]
officer = ["cn=o,dc=example,dc=org"]
auditor = ["cn=x,dc=example,dc=org"]
organiser = ["cn=s,dc=example,dc=org"]
member = ["cn=m,dc=example,dc=org"]
[oidc]
issuer = "https://Id.Example.org:8443/realms/x/"
preset = "proconnect"
name = "Mon identité"
client_id = "visio"
client_secret_file = "oidc.secret"
ca_file = "/etc/ssl/oidc-ca.pem"
hosts = ["keys.example.org", "192.0.2.9:444"]
scopes = ["mail"]
name_claims = ["given_name", "family_name"]
mail_claim = "mail"
verified_mail = false
userinfo = false
require = ["siret=1", "hd=example.org", "siret=2"]
role_claim = "realm_access.roles"
default_role = "none"
group_claim = "groups"
scim = "uid"
acr_values = ["mfa"]
second_factor_acr = ["mfa"]
second_factor_amr = ["otp", "hwk"]
sign_out = false
timeout = "3s"
[oidc.roles]
administrator = ["visio admins"]
officer = ["visio-officers"]
auditor = ["visio-auditors"]
organiser = ["visio-organisers", "staff"]
member = ["visio-members"]
[accounts]
deletion_days = 7
[calls]
history_days = 0
[limits]
calls = 12
people = 50
rooms = 7
sessions = 3
call_mbps = 40
person_kbps = 2500

[backup]
folder = "backups"
recipients = ["age1pq1x", "age1pq1y"]
at = "23:05"
every_hours = 6
keep_daily = 1
keep_weekly = 2
keep_monthly = 3
target = "sftp"
[backup.sftp]
host = "backup.example.org"
port = 2222
user = "visio"
folder = "sauvegardes/visio/"
host_key = "ssh-ed25519 AAAA comment"
key_file = "backup.key"
[backup.s3]
host = "s3.example.org"
port = 9000
region = "fr-par"
bucket = "visio"
prefix = "a/b"
access_key = "AKIA"
secret_file = "s3.secret"
ca_file = "/etc/ssl/s3-ca.pem"
[update]
console = false
source = "updates"
keys = "/etc/huisclos/keys"

[audit.syslog]
address = "logs.example.org"
format = "cef"
ca_file = "syslog-ca.pem"
certificate = "/etc/ssl/syslog.pem"
key = "syslog.key"
`)
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Listen: "[2001:db8::1]:443", MediaPort: 10444, Data: filepath.Join(dir, "state"), Name: "Visio de l’hôpital",
		Hostnames:       []string{"visio.example.org", "xn--hpital-xxa.example"},
		Addresses:       []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11")},
		PublicAddresses: []netip.Addr{netip.MustParseAddr("2001:db8::10")},
		TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("192.0.2.20/32"), netip.MustParsePrefix("2001:db8:1::/64")},
		Control:         filepath.Join(dir, "run/c.sock"),
		LogLevel:        slog.LevelDebug, FullAddresses: true, Certificate: "/etc/ssl/cert.pem", Key: filepath.Join(dir, "tls/key.pem"), TLSMode: Stored,
		ACME:         ACME{Directory: "https://acme.example.org:9000/acme/directory", Contact: "admin@example.org", Terms: true, KeyID: "kid-1", KeyFile: filepath.Join(dir, "acme.key"), CAFile: "/etc/ssl/acme-ca.pem"},
		Outward:      filepath.Join(dir, "run/o.sock"),
		Destinations: []Outward{{"s3", Place{"s3.example.org", 9000}}, {"sftp", Place{"192.0.2.30", 2222}}},
		Mail: Mail{"smtp.example.org", 2525, TLS, "visio", filepath.Join(dir, "mail.password"), "visio@example.org", "/etc/ssl/ca.pem",
			"visio.example.org", "en", ""},
		Directory: Directory{Host: "ldap.example.org", Port: 1636, TLS: true, CAFile: filepath.Join(dir, "tls/ldap-ca.pem"), BindDN: "cn=lecteur,dc=example,dc=org",
			BindPasswordFile: filepath.Join(dir, "ldap.password"), Base: "ou=people,dc=example,dc=org", Filter: "(&(objectClass=user)(visio=TRUE))",
			Disabled: "(nsAccountLock=TRUE)", Name: "cn", Mail: "rfc822Mailbox", Identifier: "objectGUID", Role: NoRole, Member: "uniqueMember", Nested: true, Login: "uid", SyncGroups: []string{"cn=c,dc=example,dc=org"}, GroupsBase: "ou=groups,dc=example,dc=org",
			GroupsFilter: "(cn=visio-*)", GroupName: "displayName",
			Interval: 5 * time.Minute, Timeout: 3 * time.Second, PageSize: 1000,
			Groups: map[string][]string{"administrator": {"cn=a,dc=example,dc=org", "cn=b,dc=example,dc=org"}, "officer": {"cn=o,dc=example,dc=org"},
				"auditor": {"cn=x,dc=example,dc=org"}, "organiser": {"cn=s,dc=example,dc=org"}, "member": {"cn=m,dc=example,dc=org"}}},
		OIDC: OIDC{Issuer: "https://Id.Example.org:8443/realms/x/", At: Place{"id.example.org", 8443}, Preset: ProConnect, Name: "Mon identité", ClientID: "visio",
			SecretFile: filepath.Join(dir, "oidc.secret"), CAFile: "/etc/ssl/oidc-ca.pem", Hosts: []Place{{"keys.example.org", 443}, {"192.0.2.9", 444}},
			Scopes: []string{"mail"}, ACRValues: []string{"mfa"}, NameClaims: []string{"given_name", "family_name"}, MailClaim: "mail", RoleClaim: "realm_access.roles",
			GroupClaim: "groups", ProvisionClaim: "uid", Require: []Required{{"siret", []string{"1", "2"}}, {"hd", []string{"example.org"}}}, Role: NoRole,
			Roles: map[string][]string{"administrator": {"visio admins"}, "officer": {"visio-officers"}, "auditor": {"visio-auditors"},
				"organiser": {"visio-organisers", "staff"}, "member": {"visio-members"}},
			SecondFactorACR: []string{"mfa"}, SecondFactorAMR: []string{"otp", "hwk"}, Timeout: 3 * time.Second},
		Backup: Backup{Folder: filepath.Join(dir, "backups"), Recipients: []string{"age1pq1x", "age1pq1y"}, At: 23*time.Hour + 5*time.Minute, EveryHours: 6, Daily: 1, Weekly: 2, Monthly: 3, Target: ToSFTP,
			SFTP: SFTP{Host: "backup.example.org", Port: 2222, User: "visio", Folder: "sauvegardes/visio", HostKey: "ssh-ed25519 AAAA", KeyFile: filepath.Join(dir, "backup.key")},
			S3:   S3{Host: "s3.example.org", Port: 9000, Region: "fr-par", Bucket: "visio", Prefix: "a/b", AccessKey: "AKIA", SecretFile: filepath.Join(dir, "s3.secret"), CAFile: "/etc/ssl/s3-ca.pem"}},
		Update:        Update{Source: filepath.Join(dir, "updates"), Keys: "/etc/huisclos/keys"},
		Syslog:        Syslog{At: Place{"logs.example.org", 6514}, Format: SyslogCEF, CAFile: filepath.Join(dir, "syslog-ca.pem"), Certificate: "/etc/ssl/syslog.pem", Key: filepath.Join(dir, "syslog.key")},
		DeletionDelay: 7 * 24 * time.Hour, CallHistory: 0, Limits: Limits{12, 50, 7, 3, 40, 2500}, Files: []string{path}, From: map[string]string{},
	}
	for _, k := range keys() {
		want.From[k] = path
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
	if got := s.Differences(Defaults()); !slices.Equal(got, keys()) {
		t.Errorf("differences %v, want every setting", got)
	}
	if got := s.Differences(s); len(got) != 0 {
		t.Errorf("differences %v to itself", got)
	}
	if s.ControlPath() != s.Control || Defaults().ControlPath() != "var/control.sock" {
		t.Errorf("control socket at %s, %s", s.ControlPath(), Defaults().ControlPath())
	}
	if s.OutwardPath() != s.Outward || Defaults().OutwardPath() != "var/outward.sock" {
		t.Errorf("socket of the way outward at %s, %s", s.OutwardPath(), Defaults().OutwardPath())
	}
	if s.Hostname() != "visio.example.org" || Defaults().Hostname() != "" {
		t.Errorf("the name in links is %q", s.Hostname())
	}
}

func TestEmptyFileIsTheDefaults(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "huisclos.toml"), "\ufeff# nothing\r\n")
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.Files = []string{path}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%+v\nwant %+v", s, want)
	}
}

func TestWhatIsRefused(t *testing.T) {
	// ASVS 2.2.1
	for text, want := range map[string]string{
		"\nlissten = \":8443\"":                                  `:2: there is no setting "lissten"; did you mean "listen"?`,
		"hostname = \"x\"":                                       `:1: there is no setting "hostname"; did you mean "hostnames"?`,
		"[log]\n\nlevle = \"info\"":                              `:3: there is no setting "log.levle"; did you mean "log.level"?`,
		"certificate = \"x\"":                                    `:1: there is no setting "certificate"; did you mean "tls.certificate"?`,
		"public_adresses = []":                                   `did you mean "public_addresses"?`,
		"smtp.server = \"x\"":                                    `:1: there is no setting "smtp.server"; the settings are: listen, media_port, data,`,
		"a1 = 1\nlistn = \"x\"":                                  `:2: there is no setting "listn"; did you mean "listen"?`,
		"[media]\nport = 1":                                      `there is no setting`,
		"listen = \"8443\"":                                      `:1: listen: "8443" is not an address and a port`,
		"listen = 8443":                                          `:1: `,
		"trusted_proxies = [\"0.0.0.0/0\"]":                      `"0.0.0.0/0" would believe anybody`,
		"trusted_proxies = [\"::/0\"]":                           `would believe anybody`,
		"trusted_proxies = [\"0.0.0.0\"]":                        `is not an address that a proxy can connect from`,
		"trusted_proxies = [\"::ffff:10.0.0.0/104\"]":            `is not an IP address such as 192.0.2.20 or a network`,
		"trusted_proxies = [\"10.0.0.5/24\"]":                    `write 10.0.0.5 for this one machine, or 10.0.0.0/24 for all of them`,
		"trusted_proxies = [\"proxy.example.org\"]":              `is not an IP address such as`,
		"trusted_proxies = [\"fe80::1%eth0\"]":                   `is not an address that a proxy can connect from`,
		"trusted_proxies = \"192.0.2.20\"":                       `:1: `,
		"trusted_proxy = [\"192.0.2.20\"]":                       `did you mean "trusted_proxies"?`,
		"media_port = 443":                                       `s.toml: media_port: 443 is not a port from 1024 to 65535`,
		"media_port = 65536":                                     `65536 is not a port`,
		"media_port = -1":                                        `-1 is not a port`,
		"media_port = \"10443\"":                                 `:1: `,
		"listen = \":00\"":                                       `"00" is not a port`,
		"listen = \":65536\"":                                    `"65536" is not a port`,
		"listen = \":https\"":                                    `"https" is not a port`,
		"listen = \":+80\"":                                      `"+80" is not a port`,
		"listen = \"visio:443\"":                                 `"visio" is not an IP address`,
		"listen = \"224.0.0.1:443\"":                             `is not an IP address of this machine`,
		"name = \"\"":                                            `1 to 64 visible characters`,
		"name = \"a\\u0007b\"":                                   `1 to 64 visible characters`,
		"name = \"a\\u202eb\"":                                   `1 to 64 visible characters`,
		"hostnames = \"x\"":                                      `:1: `,
		"\nhostnames = [\n\"a\",\n\"https://x\"]":                `:4: hostnames: "https://x" is not a host name`,
		"hostnames = [\"a_b\"]":                                  `is not a host name`,
		"hostnames = [\"-a\"]":                                   `is not a host name`,
		"hostnames = [\"a..b\"]":                                 `is not a host name`,
		"hostnames = [\"é.fr\"]":                                 `xn--`,
		"hostnames = [\"\"]":                                     `is not a host name`,
		"hostnames = [\"192.0.2.1\"]":                            `is an IP address; it belongs in addresses`,
		"addresses = [\"0.0.0.0\"]":                              `is not an address that a client can reach`,
		"addresses = [\"ff02::1\"]":                              `is not an address that a client can reach`,
		"addresses = [\"fe80::1%eth0\"]":                         `is not an address that a client can reach`,
		"addresses = [\"x\"]":                                    `is not an IP address`,
		"addresses = [\"fe80::1\"]":                              `is not an address that a client can reach`,
		"public_addresses = [\"169.254.1.1\"]":                   `is not an address that a client can reach`,
		"public_addresses = [\"visio.example\"]":                 `names belong in hostnames`,
		"name = 12":                                              `:1: `,
		"data = true":                                            `:1: `,
		"log = \"info\"":                                         `:1: `,
		"[[tls]]\nkey = \"x\"":                                   `:`,
		"public_addresses = [1]":                                 `:1: `,
		"[log]\naddresses = \"none\"":                            `:2: log.addresses: "none" is not masked or full`,
		"[audit.syslog]\naddress = \"a/b\"":                      `:2: audit.syslog.address: "a/b" is not a host and a port such as logs.example.org:6514`,
		"[audit.syslog]\naddress = \"a:0\"":                      `:2: audit.syslog.address: "0" is not a port from 1 to 65535`,
		"[audit.syslog]\naddress = \"localhost\"":                `:2: audit.syslog.address: write 127.0.0.1 or ::1 for this machine: a name is never led to it`,
		"[audit.syslog]\nformat = \"json\"":                      `:2: audit.syslog.format: "json" is not rfc5424 or cef`,
		"[audit.syslog]\naddress = \"a.example\"\nkey = \"k\"":   `audit.syslog.certificate and audit.syslog.key go together: one of them is missing`,
		"[audit.syslog]\nca_file = \"k\"":                        `audit.syslog.address is missing; without it the audit log is forwarded nowhere`,
		"[log]\nlevel = \"loud\"":                                `:2: log.level: "loud" is not debug, info, warn or error`,
		"[tls]\ncertificate = \"x\"":                             `tls.certificate and tls.key are given together`,
		"[tls]\nmode = \"let's encrypt\"":                        `:2: tls.mode: "let's encrypt" is not self-signed, file, stored or acme`,
		"[tls]\nmode = \"file\"":                                 `tls.certificate and tls.key name none`,
		"[tls]\nmode = \"acme\"":                                 `no name in hostnames`,
		"[tls]\nacme_directory = \"http://acme.example.org\"":    `:2: tls.acme_directory: "http://acme.example.org" is not the address of an ACME directory`,
		"[tls]\nacme_key_file = \"x\"":                           `tls.acme_key_id, which is missing`,
		"[mail]\nfrom = \"a@example.org\"":                       `mail.host is missing`,
		"[mail]\nhost = \"smtp.example.org\"":                    `mail.from is missing`,
		"[mail]\nhost = \"localhost\"\nfrom = \"a@example.org\"": `:2: mail.host: write 127.0.0.1 or ::1`,
		"[mail]\nhost = \"smtp://x\"":                            `:2: mail.host: "smtp://x" is not a host name`,
		"[mail]\nhost = \"::\"":                                  `is not an address that can be connected to`,
		"[mail]\nhost = \"a.example\"\nfrom = \"a@b.example\"\nsecurity = \"none\"":         `"none" is for 127.0.0.1 or ::1 only`,
		"[mail]\nhost = \"192.0.2.1\"\nfrom = \"a@b.example\"\nsecurity = \"none\"":         `"none" is for 127.0.0.1 or ::1 only`,
		"[mail]\nhost = \"::1\"\nfrom = \"a@b.example\"\nsecurity = \"none\"\nuser = \"u\"": `mail.user needs TLS`,
		"[mail]\nhost = \"a.example\"\nfrom = \"a@b.example\"\npassword_file = \"p\"":       `which is missing`,
		"[mail]\nsecurity = \"ssl\"":                               `:2: mail.security: "ssl" is not starttls, tls or none`,
		"[mail]\nport = 0":                                         `mail.port: 0 is not a port`,
		"[mail]\nport = 65536":                                     `mail.port: 65536 is not a port`,
		"[mail]\nfrom = \"Visio <a@example.org>\"":                 `:2: mail.from: `,
		"[mail]\nfrom = \"a@example.org\\r\\nBcc: b@example.org\"": `:2: mail.from: `,
		"[mail]\nfrom = \"a@b@example.org\"":                       `:2: mail.from: `,
		"[mail]\nuser = \"a\\u0000b\"":                             `:2: mail.user: not a user name`,
		"[mail]\nhelo = \"a b\"":                                   `:2: mail.helo: `,
		"[mail]\nlanguage = \"de\"":                                `:2: mail.language: "de" is not fr or en`,
		"[mail]\npassword = \"secret\"":                            `there is no setting "mail.password"`,
		"data = \"a\\u0000b\"":                                     `not a path`,
		"listen = ":                                                `:1: `,
		"listen = \":1\"\nlisten = \":2\"":                         `:2: `,
		"= 1":                                                      `:1: `,
		"listen = \"\xff\"":                                        `:1: `,
		"\x00":                                                     `:1: `,
	} {
		path := write(t, filepath.Join(t.TempDir(), "s.toml"), text)
		_, err := Load(path)
		if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v\n want %s", text, err, want)
		}
		if err != nil && strings.HasPrefix(want, ":") && !strings.Contains(err.Error(), path+want) {
			t.Errorf("%q: the file is not named: %v", text, err)
		}
	}
}

func TestDirectoryOfSettings(t *testing.T) {
	dir := t.TempDir()
	main := write(t, filepath.Join(dir, "huisclos.toml"), "listen = \":1\"\nname = \"One\"\nhostnames = [\"a\", \"b\"]\n")
	ten := write(t, filepath.Join(dir, "conf.d/10-name.toml"), "name = \"Ten\"\nhostnames = [\"c\"]\ndata = \"state\"")
	twenty := write(t, filepath.Join(dir, "conf.d/20-name.toml"), "name = \"Twenty\"")
	write(t, filepath.Join(dir, "conf.d/30-name.toml.dpkg-dist"), "name = \"Not read\"")
	write(t, filepath.Join(dir, "conf.d/.40.toml"), "name = \"Not read\"")
	s, err := Load(main)
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != ":1" || s.Name != "Twenty" || !slices.Equal(s.Hostnames, []string{"c"}) || s.Data != filepath.Join(dir, "state") {
		t.Errorf("%+v", s)
	}
	if !slices.Equal(s.Files, []string{main, ten, twenty}) || s.From["name"] != twenty || s.From["listen"] != main || s.From["log.level"] != "" {
		t.Errorf("from %v", s.From)
	}
	bad := write(t, filepath.Join(dir, "conf.d/50.toml"), "nmae = \"x\"")
	if _, err := Load(main); err == nil || !strings.Contains(err.Error(), bad+":1: ") {
		t.Errorf("an error in a further file: %v", err)
	}
}

func TestFilesThatAreNotRead(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "s.toml"), "listen = \":1\"")
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("a file that anybody may change: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none.toml")); !errors.Is(err, ErrSettings) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := Load(dir); !errors.Is(err, ErrSettings) {
		t.Errorf("a directory: %v", err)
	}
	big := write(t, filepath.Join(dir, "big.toml"), "#"+strings.Repeat("x", maxFile))
	if _, err := Load(big); !errors.Is(err, ErrSettings) {
		t.Errorf("a big file: %v", err)
	}
}

func flags(args ...string) (Settings, error) {
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	o := AddFlags(f)
	if err := f.Parse(args); err != nil {
		return Settings{}, err
	}
	return o.Settings()
}

func TestTheCommandLineWins(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "s.toml"), `
listen = ":1"
name = "One"
hostnames = ["a", "b"]
public_addresses = ["192.0.2.1"]
[tls]
certificate = "/c"
key = "/k"`)
	s, err := flags("--config", path, "--listen", ":2", "--hostname", "c", "--hostname", "d", "--log-level=warn", "--data", "here",
		"--tls-certificate", "", "--tls-key", "")
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != ":2" || s.Name != "One" || !slices.Equal(s.Hostnames, []string{"c", "d"}) || s.LogLevel != slog.LevelWarn ||
		s.Data != "here" || len(s.PublicAddresses) != 1 || s.Certificate != "" || s.Key != "" {
		t.Errorf("%+v", s)
	}
	if s.From["listen"] != CommandLine || s.From["name"] != path {
		t.Errorf("from %v", s.From)
	}
	if s, err := flags(); err != nil || !reflect.DeepEqual(s, Defaults()) {
		t.Errorf("no flags: %+v, %v", s, err)
	}
	if s, err := flags("--address", "192.0.2.1", "--address", "2001:db8::1"); err != nil || len(s.PublicAddresses) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range [][]string{
		{"--listen", "x"}, {"--log-level", "x"}, {"--hostname", "a b"}, {"--address", "x"}, {"--tls-key", "k"}, {"--config", "/nonexistent"}, {"--lissten", ":1"},
	} {
		if _, err := flags(bad...); err == nil {
			t.Errorf("%q: accepted", bad)
		}
	}
}

// The shipped file documents every setting, in the order in which the program knows them, and changes nothing. With the
// marks of comment taken away it is valid, and every setting that has a default shows it.
func TestShippedFile(t *testing.T) {
	const shipped = "../../packaging/huisclos.toml"
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(shipped)
	if err != nil || len(s.From) != 0 {
		t.Errorf("as shipped it sets %v, %v", s.From, err)
	}
	settings := regexp.MustCompile(`(?m)^#([a-z_]+ = )`)
	given, err := parse(shipped, settings.ReplaceAll(text, []byte("$1")))
	if err != nil {
		t.Fatal(err)
	}
	shown := Defaults()
	given.apply(&shown, "shipped")
	for _, k := range keys() {
		if shown.From[k] == "" {
			t.Errorf("%s is not in the shipped file", k)
		}
	}
	d := Defaults()
	if shown.Listen != d.Listen || shown.Data != d.Data || shown.Name != d.Name || shown.LogLevel != d.LogLevel {
		t.Errorf("the file shows %+v, the defaults are %+v", shown, d)
	}
	// Each setting has its explanation right above it.
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if settings.MatchString(line) && !strings.HasPrefix(lines[i-1], "# ") && !settings.MatchString(lines[i-1]) {
			t.Errorf("line %d has no explanation: %s", i+1, line)
		}
	}
}

func TestBothShapesHaveTheSameKeys(t *testing.T) {
	if a, b := keysOf(reflect.TypeFor[shape]()), keys(); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"listen", "listen", 0}, {"lisetn", "listen", 1}, {"LISTEN", "listen", 0}, {"lissten", "listen", 1}, {"", "abc", 3}, {"data", "date", 1}} {
		if got := editDistance(c.a, c.b); got != c.want {
			t.Errorf("%q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	shipped, err := os.ReadFile("../../packaging/huisclos.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(shipped)
	f.Add(bytes.ReplaceAll(shipped, []byte("\n#"), []byte("\n")))
	f.Add([]byte("listen = \":1\"\n[tls]\nkey = '''\nx'''\n[[log]]"))
	f.Add([]byte("hostnames = [\"a\", {b = 1}]\nlog = 1\ntls.x.y.z = 1979-05-27"))
	f.Fuzz(func(t *testing.T, text []byte) {
		given, err := parse("f.toml", text)
		if err != nil {
			if !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), "f.toml:") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		s := Defaults()
		given.resolve("/base")
		given.apply(&s, "f.toml")
		for _, h := range s.Hostnames {
			if strings.ContainsAny(h, "/: \x00") || h == "" {
				t.Fatalf("host name %q", h)
			}
		}
		for _, a := range append(s.Addresses, s.PublicAddresses...) {
			if !a.IsValid() || a.IsUnspecified() {
				t.Fatalf("address %v", a)
			}
		}
		for _, n := range s.TrustedProxies {
			if !n.IsValid() || n.Bits() == 0 || n != n.Masked() || n.Addr().Is4In6() {
				t.Fatalf("network %v", n)
			}
		}
		if !strings.Contains(s.Listen, ":") {
			t.Fatalf("listen %q", s.Listen)
		}
	})
}
