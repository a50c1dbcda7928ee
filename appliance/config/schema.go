package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Kind says what a setting's value is, for whoever shows it.
type Kind string

// Kinds of settings. The value of Number is a whole number, that of List a list of texts, that of the others but Bool a text.
const (
	Text   Kind = "text"
	Number Kind = "number"
	Bool   Kind = "bool"
	List   Kind = "list"
	Choice Kind = "choice" // one of a few texts
	Secret Kind = "secret" // a text that is never shown again
	PEM    Kind = "pem"    // certificates
)

// A Setting is one of the names that settings have.
type Setting struct {
	Name    string
	Kind    Kind
	Choices []string // of a Choice
	Console bool     // it can be chosen in the console
	Live    bool     // it holds without a restart
}

// choices are those of settings that have a few.
var choices = map[string][]string{
	"log.level":              {"debug", "info", "warn", "error"},
	"log.addresses":          {AddressesMasked, AddressesFull},
	"audit.syslog.format":    {SyslogJSON, SyslogCEF},
	"mail.security":          {string(StartTLS), string(TLS), string(NoTLS)},
	"backup.target":          {string(ToFolder), string(ToSFTP), string(ToS3)},
	"mail.language":          {"fr", "en"},
	"tls.mode":               {SelfSigned, FromFiles, Stored, ByACME},
	"directory.default_role": append(slices.Clone(Roles), NoRole),
	"oidc.default_role":      {"organiser", "member", NoRole},
	"oidc.preset":            {"", ProConnect},
}

// consoleOnly are settings that no file has: a file names another file for each.
var consoleOnly = []struct {
	name string
	kind Kind
	file string // the setting of the files that stands for it there
}{
	{"mail.password", Secret, "mail.password_file"}, {"mail.ca", PEM, "mail.ca_file"},
	{"directory.bind_password", Secret, "directory.bind_password_file"}, {"directory.ca", PEM, "directory.ca_file"},
	{"tls.acme_key", Secret, "tls.acme_key_file"}, {"tls.acme_ca", PEM, "tls.acme_ca_file"},
	{"oidc.client_secret", Secret, "oidc.client_secret_file"}, {"oidc.ca", PEM, "oidc.ca_file"},
	{"audit.syslog.ca", PEM, "audit.syslog.ca_file"},
}

// filesOnly are the settings that the console can't choose: what the process is shut in with, and where the files of the machine lie.
var filesOnly = []string{"listen", "media_port", "data", "control", "outward", "console_destinations", "destinations", "tls.certificate", "tls.key", "tls.acme_key_file", "tls.acme_ca_file",
	"mail.password_file", "mail.ca_file", "directory.bind_password_file", "directory.ca_file", "oidc.client_secret_file", "oidc.ca_file",
	"backup.folder", "backup.target", "backup.sftp.host", "backup.sftp.port", "backup.sftp.user", "backup.sftp.folder", "backup.sftp.host_key", "backup.sftp.key_file",
	"backup.s3.host", "backup.s3.port", "backup.s3.region", "backup.s3.bucket", "backup.s3.prefix", "backup.s3.access_key", "backup.s3.secret_file", "backup.s3.ca_file",
	"update.console", "update.source", "update.keys", "audit.syslog.ca_file", "audit.syslog.certificate", "audit.syslog.key"}

// Schema lists all settings in the order of the file, then those of the console alone.
func Schema() []Setting {
	var list []Setting
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for f := range t.Fields() {
			name := prefix + f.Tag.Get("toml")
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, name+".")
				continue
			}
			s := Setting{Name: name, Choices: slices.Clone(choices[name]), Console: !slices.Contains(filesOnly, name)}
			s.Live = s.Console
			switch f.Type.Elem().Kind() {
			case reflect.Int64:
				s.Kind = Number
			case reflect.Bool:
				s.Kind = Bool
			case reflect.Slice:
				s.Kind = List
			default:
				if s.Kind = Text; s.Choices != nil {
					s.Kind = Choice
				}
			}
			list = append(list, s)
		}
	}
	walk(reflect.TypeFor[shape](), "")
	for _, c := range consoleOnly {
		list = append(list, Setting{Name: c.name, Kind: c.kind, Console: true, Live: true})
	}
	return list
}

// Values are the values of all settings but secrets, by their names: texts, whole numbers (int), truth values and
// lists of texts; nil is a number that is not set.
func (s Settings) Values() map[string]any {
	out := map[string]any{}
	say := func(name string, value any) {
		if list, ok := value.([]string); ok && list == nil {
			value = []string{}
		}
		out[name] = value
	}
	below := func(table string) func(string, any) {
		return func(name string, value any) { say(table+"."+name, value) }
	}
	say("listen", s.Listen)
	say("media_port", s.MediaPort)
	say("data", s.Data)
	say("name", s.Name)
	say("hostnames", s.Hostnames)
	say("addresses", texts(s.Addresses))
	say("public_addresses", texts(s.PublicAddresses))
	say("trusted_proxies", texts(s.TrustedProxies))
	say("control", s.Control)
	say("log.level", levelName(s.LogLevel))
	say("log.addresses", s.LogAddresses())
	s.valuesTLS(below("tls"))
	say("outward", s.Outward)
	say("console_destinations", s.ConsoleDestinations)
	say("destinations", texts(s.Destinations))
	s.Mail.values(below("mail"))
	s.Directory.values(below("directory"))
	s.OIDC.values(below("oidc"))
	s.Backup.values(below("backup"))
	s.Update.values(below("update"))
	s.Syslog.values(below("audit.syslog"))
	say("accounts.deletion_days", int(s.DeletionDelay/(24*time.Hour)))
	say("calls.history_days", int(s.CallHistory/(24*time.Hour)))
	s.Limits.values(below("limits"))
	return out
}

// Differences lists the names of the settings that are not the same in both, in the order of the file.
func (s Settings) Differences(other Settings) (names []string) {
	mine, theirs := s.Values(), other.Values()
	for _, k := range Schema() {
		if !reflect.DeepEqual(mine[k.Name], theirs[k.Name]) {
			names = append(names, k.Name)
		}
	}
	return names
}

func texts[T fmt.Stringer](list []T) []string {
	out := []string{}
	for _, v := range list {
		out = append(out, v.String())
	}
	return out
}

// duration writes d as people do: 15m, not 15m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }
