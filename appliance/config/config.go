// Package config reads the appliance's settings: one commented TOML file, the files of the directory conf.d beside it,
// and the command line, each winning over the one before.
//
// It decides which settings there are, what each may be and what holds when nothing is said. A name that it does not
// know is an error with the line and the nearest right name: a setting that is misspelt must not be left out in silence.
// It never writes a file of the administrator, and no setting is a secret.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ErrSettings is what every error of a settings file wraps; its text names the file and the line.
var ErrSettings = errors.New("settings")

const (
	// maxFile bounds what is read as settings.
	maxFile = 1 << 20
	// directory of further settings files, beside the main one.
	directory = "conf.d"
)

// Settings are all settings, with those that were not given at their defaults.
type Settings struct {
	Listen          string         // address and port, for TCP and UDP
	MediaPort       int            // second port for UDP, where browsers refuse the first; 0: none. See [Settings.Second]
	Data            string         // directory of the database and the keys
	Name            string         // of the appliance, as people see it
	Hostnames       []string       // under which people come; the first one stands in links
	Addresses       []netip.Addr   // of this machine, offered to clients; none: all it has
	PublicAddresses []netip.Addr   // at which clients reach this machine through 1:1 NAT
	TrustedProxies  []netip.Prefix // whose X-Forwarded-For says which client they speak for
	Control         string         // path of the control socket; "": control.sock in the data directory
	LogLevel        slog.Level
	Certificate     string // PEM file of an own certificate with its chain; "": self-signed
	Key             string // PEM file of its key
	TLSMode         string // as it was given; see [Settings.CertificateMode]
	ACME            ACME
	Outward         string // path of the socket of the process that connects outward; "": outward.sock in the data directory
	// ConsoleDestinations lets the console name servers that connections go out to; Destinations are further places that it may name.
	ConsoleDestinations bool
	Destinations        []Outward
	Mail                Mail
	Directory           Directory
	OIDC                OIDC          // as it was given; see [Settings.Provider]
	DeletionDelay       time.Duration // from the moment at which the deletion of an account is asked for

	// Files are the files that were read, in their order.
	Files []string
	// From says where a setting was given: a file, or "command line". A setting at its default is not in it.
	From map[string]string
}

// Defaults returns the settings of a start without any.
func Defaults() Settings {
	return Settings{Listen: ":8443", MediaPort: 10443, Data: "./var", Name: "Huis Clos", LogLevel: slog.LevelInfo, ConsoleDestinations: true,
		ACME: ACME{Directory: defaultACME}, Mail: Mail{Security: StartTLS, Language: "fr"}, Directory: defaultDirectory(), OIDC: defaultOIDC(), DeletionDelay: 30 * 24 * time.Hour, From: map[string]string{}}
}

// Hostname is the name that stands in links, or "".
func (s Settings) Hostname() string {
	if len(s.Hostnames) == 0 {
		return ""
	}
	return s.Hostnames[0]
}

// controlFile is where the control socket lies when nothing else is said.
const controlFile = "control.sock"

// ControlPath is the path of the control socket.
func (s Settings) ControlPath() string {
	if s.Control != "" {
		return s.Control
	}
	return filepath.Join(s.Data, controlFile)
}

// outwardFile is where the socket of the process that connects outward lies when nothing else is said.
const outwardFile = "outward.sock"

// OutwardPath is the path of that socket.
func (s Settings) OutwardPath() string {
	if s.Outward != "" {
		return s.Outward
	}
	return filepath.Join(s.Data, outwardFile)
}

// Differences lists the names of the settings that are not the same in both.
func (s Settings) Differences(other Settings) (names []string) {
	for _, d := range []struct {
		name string
		same bool
	}{
		{"listen", s.Listen == other.Listen}, {"media_port", s.MediaPort == other.MediaPort}, {"data", s.Data == other.Data}, {"name", s.Name == other.Name},
		{"hostnames", slices.Equal(s.Hostnames, other.Hostnames)}, {"addresses", slices.Equal(s.Addresses, other.Addresses)},
		{"public_addresses", slices.Equal(s.PublicAddresses, other.PublicAddresses)}, {"trusted_proxies", slices.Equal(s.TrustedProxies, other.TrustedProxies)}, {"control", s.Control == other.Control},
		{"log.level", s.LogLevel == other.LogLevel}, {"tls.certificate", s.Certificate == other.Certificate}, {"tls.key", s.Key == other.Key},
		{"outward", s.Outward == other.Outward}, {"console_destinations", s.ConsoleDestinations == other.ConsoleDestinations},
		{"destinations", slices.Equal(s.Destinations, other.Destinations)},
		{"mail.host", s.Mail.Host == other.Mail.Host}, {"mail.port", s.Mail.Port == other.Mail.Port}, {"mail.security", s.Mail.Security == other.Mail.Security},
		{"mail.user", s.Mail.User == other.Mail.User}, {"mail.password_file", s.Mail.PasswordFile == other.Mail.PasswordFile}, {"mail.from", s.Mail.From == other.Mail.From},
		{"mail.ca_file", s.Mail.CAFile == other.Mail.CAFile}, {"mail.helo", s.Mail.Helo == other.Mail.Helo}, {"mail.language", s.Mail.Language == other.Mail.Language},
	} {
		if !d.same {
			names = append(names, d.name)
		}
	}
	names = append(names, s.differencesTLS(other)...)
	names = append(append(names, s.Directory.differences(other.Directory)...), s.OIDC.differences(other.OIDC)...)
	if s.DeletionDelay != other.DeletionDelay {
		names = append(names, "accounts.deletion_days")
	}
	return names
}

// Load reads the file at path and the files *.toml of the directory conf.d beside it, in the order of their names.
// Relative paths in all of them are relative to the directory of the main file.
func Load(path string) (Settings, error) {
	s := Defaults()
	if err := s.read(path, filepath.Dir(path)); err != nil {
		return s, err
	}
	more := filepath.Join(filepath.Dir(path), directory)
	entries, err := os.ReadDir(more)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return s, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	for _, e := range entries { // sorted by name
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			if err := s.read(filepath.Join(more, e.Name()), filepath.Dir(path)); err != nil {
				return s, err
			}
		}
	}
	return s, s.check()
}

func (s *Settings) read(path, base string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a file", ErrSettings, path)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("%w: anybody may change %s; run: chmod o-w %s", ErrSettings, path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if len(text) > maxFile {
		return fmt.Errorf("%w: %s has more than %d bytes", ErrSettings, path, maxFile)
	}
	given, err := parse(path, text)
	if err != nil {
		return err
	}
	given.resolve(base)
	given.apply(s, path)
	s.Files = append(s.Files, path)
	return nil
}

// check looks at what no single setting shows.
func (s Settings) check() error {
	if err := s.checkTLS(); err != nil {
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if err := s.Mail.check(); err != nil {
		if from := s.From["mail.host"]; from != "" {
			return fmt.Errorf("%w: %s: %w", ErrSettings, from, err)
		}
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if err := s.Directory.check(); err != nil {
		if from := s.From["directory.url"]; from != "" {
			return fmt.Errorf("%w: %s: %w", ErrSettings, from, err)
		}
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if err := s.OIDC.check(); err != nil {
		if from := s.From["oidc.issuer"]; from != "" {
			return fmt.Errorf("%w: %s: %w", ErrSettings, from, err)
		}
		return fmt.Errorf("%w: %w", ErrSettings, err)
	}
	return nil
}

// Flags are the settings of the command line. Make them with AddFlags, parse the flag set, then call Settings.
type Flags struct {
	file  string
	given file
}

// AddFlags adds --config and a flag for each setting of which a command line has use to f.
func AddFlags(f *flag.FlagSet) *Flags {
	o := new(Flags)
	o.addPlaces(f)
	one(f, "listen", "address and port, TCP and UDP", &o.given.Listen)
	one(f, "media-port", "second UDP port (0: none)", &o.given.MediaPort)
	one(f, "log-level", "debug, info, warn or error", &o.given.Log.Level)
	one(f, "tls-certificate", "own certificate (PEM)", &o.given.TLS.Certificate)
	one(f, "tls-key", "key of the own certificate (PEM)", &o.given.TLS.Key)
	many(f, "hostname", "name under which people come; may be repeated", &o.given.Hostnames)
	many(f, "address", "public address at which clients come (NAT); may be repeated", &o.given.PublicAddresses)
	return o
}

// AddPlaceFlags adds the flags that say where a running appliance is found: --config, --data and --control.
func AddPlaceFlags(f *flag.FlagSet) *Flags {
	o := new(Flags)
	o.addPlaces(f)
	return o
}

func (o *Flags) addPlaces(f *flag.FlagSet) {
	f.StringVar(&o.file, "config", "", "settings file (TOML)")
	one(f, "data", "directory of the data", &o.given.Data)
	one(f, "control", "path of the control socket", &o.given.Control)
}

// File is the settings file that was asked for, or "".
func (o *Flags) File() string { return o.file }

// Settings returns the settings of the file that was asked for, if any, with those of the command line over them.
func (o *Flags) Settings() (Settings, error) {
	s := Defaults()
	if o.file != "" {
		var err error
		if s, err = Load(o.file); err != nil {
			return s, err
		}
	}
	o.given.apply(&s, CommandLine)
	return s, s.check()
}

// CommandLine is what Settings.From says of a setting given there.
const CommandLine = "command line"

type textValue[T any] interface {
	*T
	UnmarshalText([]byte) error
}

func one[T any, P textValue[T]](f *flag.FlagSet, name, usage string, into **T) {
	f.Func(name, usage, func(s string) error {
		v := new(T)
		*into = v
		return P(v).UnmarshalText([]byte(s))
	})
}

func many[T any, P textValue[T]](f *flag.FlagSet, name, usage string, into **[]T) {
	f.Func(name, usage, func(s string) error {
		var v T
		if err := P(&v).UnmarshalText([]byte(s)); err != nil {
			return err
		}
		if *into == nil {
			*into = new([]T)
		}
		**into = append(slices.Clip(**into), v)
		return nil
	})
}
