// Package config reads the appliance's settings: those chosen in the console, one commented TOML file, the files of the directory
// conf.d beside it, and the command line, each winning over the one before.
//
// It decides which settings there are, what each may be, what holds when nothing is said, and what the console may choose. A name
// that it does not know is an error with the nearest right name: a setting that is misspelt must not be left out in silence.
// It never writes a file of the administrator, and never sees a secret but to say whether one could be it: where secrets are kept is
// the business of others.
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
	FullAddresses   bool   // clients' addresses stand whole in the service's log; else their network alone
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
	OIDC                OIDC // as it was given; see [Settings.Provider]
	Backup              Backup
	Update              Update
	Syslog              Syslog        // where the audit log is forwarded to
	DeletionDelay       time.Duration // from the moment at which the deletion of an account is asked for

	CallHistory time.Duration // how long it is kept when a call was; 0: not at all
	Limits      Limits

	// Files are the files that were read, in their order.
	Files []string
	// From says where a setting was given: a file, CommandLine, or Console. A setting at its default is not in it.
	From map[string]string
}

// Defaults returns the settings of a start without any.
func Defaults() Settings {
	return Settings{Listen: ":8443", MediaPort: 10443, Data: "./var", Name: "Huis Clos", LogLevel: slog.LevelInfo, ConsoleDestinations: true,
		ACME: ACME{Directory: defaultACME}, Mail: Mail{Security: StartTLS, Language: "fr"}, Directory: defaultDirectory(), OIDC: defaultOIDC(), Backup: defaultBackup(), Update: defaultUpdate(), Syslog: Syslog{Format: SyslogJSON}, DeletionDelay: 30 * 24 * time.Hour, CallHistory: 30 * 24 * time.Hour, Limits: defaultLimits(), From: map[string]string{}}
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

// Load reads the file at path and the files *.toml of the directory conf.d beside it, in the order of their names.
// Relative paths in all of them are relative to the directory of the main file.
func Load(path string) (Settings, error) {
	src, err := read(path)
	if err != nil {
		return Defaults(), err
	}
	return src.Settings()
}

// readFile reads one file; base is what relative paths in it are relative to.
func readFile(path, base string) (given file, err error) {
	f, err := os.Open(path)
	if err != nil {
		return given, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return given, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if !info.Mode().IsRegular() {
		return given, fmt.Errorf("%w: %s is not a file", ErrSettings, path)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return given, fmt.Errorf("%w: anybody may change %s; run: chmod o-w %s", ErrSettings, path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return given, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	if len(text) > maxFile {
		return given, fmt.Errorf("%w: %s has more than %d bytes", ErrSettings, path, maxFile)
	}
	if given, err = parse(path, text); err != nil {
		return given, err
	}
	given.resolve(base)
	return given, nil
}

// check looks at what no single setting shows.
func (s Settings) check() error {
	for _, t := range s.tables() {
		if t.err == nil {
			continue
		}
		if from := s.From[t.lead]; from != "" {
			return fmt.Errorf("%w: %s: %w", ErrSettings, from, t.err)
		}
		return fmt.Errorf("%w: %w", ErrSettings, t.err)
	}
	return nil
}

// A table is a part of the settings that stands or falls together: lead is the one without which the others say nothing.
type table struct {
	name, lead string
	on         bool
	err        error // what is wrong with it as a whole
}

func (s Settings) tables() []table {
	return []table{
		{"tls", "tls.mode", s.TLSMode != "", s.checkTLS()},
		{"mail", "mail.host", s.Mail.On(), s.Mail.check()},
		{"directory", "directory.url", s.Directory.On(), s.Directory.check()},
		{"oidc", "oidc.issuer", s.OIDC.On(), s.OIDC.check()},
		{"backup", "backup.target", s.Backup.Target != ToFolder, s.Backup.check()},
		{"audit.syslog", "audit.syslog.address", s.Syslog.On(), s.Syslog.check()},
	}
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
	src, err := o.Sources()
	if err != nil {
		return Defaults(), err
	}
	return src.Settings()
}

// Sources returns what the file that was asked for, if any, and the command line say.
func (o *Flags) Sources() (Sources, error) {
	src := From(Defaults())
	if o.file != "" {
		var err error
		if src, err = read(o.file); err != nil {
			return src, err
		}
	}
	src.layers = append(src.layers, layer{o.given, CommandLine})
	return src, nil
}

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
