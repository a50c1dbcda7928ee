package config

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// file is what a settings file may say. A nil field was not said. packaging/huisclos.toml documents each; a test holds
// the two together.
type file struct {
	Listen          *listenAddress `toml:"listen"`
	MediaPort       *mediaPort     `toml:"media_port"`
	Data            *path          `toml:"data"`
	Name            *name          `toml:"name"`
	Hostnames       *[]hostname    `toml:"hostnames"`
	Addresses       *[]address     `toml:"addresses"`
	PublicAddresses *[]address     `toml:"public_addresses"`
	TrustedProxies  *[]network     `toml:"trusted_proxies"`
	Control         *path          `toml:"control"`
	Log             logTable       `toml:"log"`
	TLS             tlsTable       `toml:"tls"`
	Outward         *path          `toml:"outward"`
	ConsoleHosts    *bool          `toml:"console_destinations"`
	Destinations    *[]outbound    `toml:"destinations"`
	Mail            mailTable      `toml:"mail"`
	Directory       directoryTable `toml:"directory"`
	OIDC            oidcTable      `toml:"oidc"`
	Accounts        accountsTable  `toml:"accounts"`
	Calls           callsTable     `toml:"calls"`
	Limits          limitsTable    `toml:"limits"`
	Backup          backupTable    `toml:"backup"`
	Update          updateTable    `toml:"update"`
	Audit           auditTable     `toml:"audit"`
}

type logTable struct {
	Level     *level        `toml:"level"`
	Addresses *logAddresses `toml:"addresses"`
}

// shape is file with the plain types of TOML. The decoder would hand a number to a setting that reads text, and would not
// say where; decoded into shape first, a value of the wrong type is found with its line.
type shape struct {
	Listen          *string   `toml:"listen"`
	MediaPort       *int64    `toml:"media_port"`
	Data            *string   `toml:"data"`
	Name            *string   `toml:"name"`
	Hostnames       *[]string `toml:"hostnames"`
	Addresses       *[]string `toml:"addresses"`
	PublicAddresses *[]string `toml:"public_addresses"`
	TrustedProxies  *[]string `toml:"trusted_proxies"`
	Control         *string   `toml:"control"`
	Log             struct {
		Level     *string `toml:"level"`
		Addresses *string `toml:"addresses"`
	} `toml:"log"`
	TLS          tlsShape  `toml:"tls"`
	Outward      *string   `toml:"outward"`
	ConsoleHosts *bool     `toml:"console_destinations"`
	Destinations *[]string `toml:"destinations"`
	Mail         mailShape `toml:"mail"`

	Directory directoryShape `toml:"directory"`
	OIDC      oidcShape      `toml:"oidc"`
	Accounts  accountsShape  `toml:"accounts"`
	Calls     callsShape     `toml:"calls"`
	Limits    limitsShape    `toml:"limits"`
	Backup    backupShape    `toml:"backup"`
	Update    updateShape    `toml:"update"`
	Audit     auditShape     `toml:"audit"`
}

// parse reads the text of a settings file; name stands in its errors.
func parse(name string, text []byte) (given file, err error) {
	// The decoder finds the place of an error by where slices lie in the text: it must be the whole of its array.
	text = bytes.Clone(bytes.TrimPrefix(text, []byte("\ufeff")))
	for _, into := range []any{new(shape), &given} {
		if err = toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(into); err != nil {
			break
		}
	}
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return given, nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		var list []error
		for _, e := range unknown.Errors {
			line, _ := e.Position()
			list = append(list, fmt.Errorf("%w: %s:%d: %s", ErrSettings, name, line, unknownKey(e.Key())))
		}
		return file{}, errors.Join(list...)
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		message := strings.TrimPrefix(wrong.Error(), "toml: ")
		if key := strings.Join(wrong.Key(), "."); key != "" {
			message = key + ": " + message
		}
		return file{}, fmt.Errorf("%w: %s:%d: %s", ErrSettings, name, line, message)
	default:
		return file{}, fmt.Errorf("%w: %s: %s", ErrSettings, name, strings.TrimPrefix(err.Error(), "toml: "))
	}
}

// unknownKey is the reason for a name that is no setting.
func unknownKey(key toml.Key) Reason { return unknown(strings.Join(key, "."), keys()) }

// unknown names the nearest of the names that there are.
func unknown(given string, names []string) Reason {
	last := func(name string) string { return name[strings.LastIndex(name, ".")+1:] }
	nearest, distance := "", 1<<30
	for _, k := range names {
		d := editDistance(given, k)
		// Also a right name in the wrong table: "certificate" for "tls.certificate".
		if last(k) == last(given) {
			d = min(d, 1)
		}
		if d < distance {
			nearest, distance = k, d
		}
	}
	if distance <= max(2, len(given)/3) {
		return reason("there is no setting %.100q; did you mean %q?", "Le réglage %.100q n’existe pas ; vouliez-vous dire %q ?", given, nearest)
	}
	all := strings.Join(names, ", ")
	return reason("there is no setting %.100q; the settings are: %s", "Le réglage %.100q n’existe pas ; les réglages sont : %s", given, all)
}

// keys returns the names of all settings, with those of their tables.
func keys() []string { return keysOf(reflect.TypeFor[file]()) }

func keysOf(t reflect.Type) (list []string) {
	var walk func(t reflect.Type, prefix string)
	walk = func(t reflect.Type, prefix string) {
		for f := range t.Fields() {
			k := prefix + f.Tag.Get("toml")
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, k+".")
				continue
			}
			list = append(list, k)
		}
	}
	walk(t, "")
	return list
}

// editDistance is how many letters must be put in, taken out, replaced or exchanged with their neighbour.
func editDistance(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	if len(x) > 64 {
		x = x[:64]
	}
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			replace := d[i-1][j-1]
			if x[i-1] != y[j-1] {
				replace++
			}
			d[i][j] = min(replace, d[i-1][j]+1, d[i][j-1]+1)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}

// resolve makes relative paths relative to base.
func (f *file) resolve(base string) {
	for _, p := range []*path{f.Data, f.Control, f.TLS.Certificate, f.TLS.Key, f.TLS.ACMEKeyFile, f.TLS.ACMECAFile, f.Outward, f.Mail.PasswordFile, f.Mail.CAFile, f.Directory.CAFile, f.Directory.BindPasswordFile,
		f.OIDC.SecretFile, f.OIDC.CAFile, f.Backup.Folder, f.Backup.SFTP.KeyFile, f.Backup.S3.SecretFile, f.Backup.S3.CAFile, f.Update.Source, f.Update.Keys,
		f.Audit.Syslog.CAFile, f.Audit.Syslog.Certificate, f.Audit.Syslog.Key} {
		if p != nil && p.text != "" && !filepath.IsAbs(p.text) {
			p.text = filepath.Join(base, p.text)
		}
	}
}

// apply sets what the file says in s.
func (f file) apply(s *Settings, from string) {
	said := func(key string, is bool) bool {
		if is {
			s.From[key] = from
		}
		return is
	}
	if said("listen", f.Listen != nil) {
		s.Listen = f.Listen.text
	}
	if said("media_port", f.MediaPort != nil) {
		s.MediaPort = f.MediaPort.value
	}
	if said("data", f.Data != nil) {
		s.Data = f.Data.text
	}
	if said("name", f.Name != nil) {
		s.Name = f.Name.text
	}
	if said("hostnames", f.Hostnames != nil) {
		s.Hostnames = nil
		for _, h := range *f.Hostnames {
			s.Hostnames = append(s.Hostnames, h.text)
		}
	}
	if said("addresses", f.Addresses != nil) {
		s.Addresses = plain(*f.Addresses)
	}
	if said("public_addresses", f.PublicAddresses != nil) {
		s.PublicAddresses = plain(*f.PublicAddresses)
	}
	if said("trusted_proxies", f.TrustedProxies != nil) {
		s.TrustedProxies = nil
		for _, n := range *f.TrustedProxies {
			s.TrustedProxies = append(s.TrustedProxies, n.value)
		}
	}
	if said("control", f.Control != nil) {
		s.Control = f.Control.text
	}
	if said("log.level", f.Log.Level != nil) {
		s.LogLevel = f.Log.Level.value
	}
	if said("log.addresses", f.Log.Addresses != nil) {
		s.FullAddresses = f.Log.Addresses.full
	}
	f.TLS.apply(s, said)
	if said("outward", f.Outward != nil) {
		s.Outward = f.Outward.text
	}
	if said("console_destinations", f.ConsoleHosts != nil) {
		s.ConsoleDestinations = *f.ConsoleHosts
	}
	if said("destinations", f.Destinations != nil) {
		s.Destinations = nil
		for _, d := range *f.Destinations {
			s.Destinations = append(s.Destinations, d.value)
		}
	}
	f.Mail.apply(&s.Mail, said)
	f.Directory.apply(&s.Directory, said)
	f.OIDC.apply(&s.OIDC, said)
	f.Backup.apply(&s.Backup, said)
	f.Update.apply(&s.Update, said)
	f.Audit.apply(&s.Syslog, said)
	f.Accounts.apply(s, said)
	f.Calls.apply(s, said)
	f.Limits.apply(s, said)
}

func plain(list []address) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, a.value)
	}
	return out
}

// The types of the settings. They are structs, because the decoder writes text into a kind string without asking it.
type (
	listenAddress struct{ text string }
	mediaPort     struct{ value int }
	path          struct{ text string }
	name          struct{ text string }
	hostname      struct{ text string }
	address       struct{ value netip.Addr }
	network       struct{ value netip.Prefix }
	level         struct{ value slog.Level }
)
