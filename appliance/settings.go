package appliance

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"huisclos/accounts/ldap"
	"huisclos/accounts/oidc"
	"huisclos/appliance/config"
	"huisclos/appliance/logs"
	"huisclos/crypto/passhash"
	"huisclos/hardening"
)

// settings are what a start is given, with the clock that all parts read.
type settings struct {
	config.Settings

	file string // the settings file that was asked for
	// sources are what the files and the command line say; nil in tests, whose Settings hold where the console doesn't choose otherwise.
	sources *config.Sources
	// chosen opens a secret that the console was given.
	chosen func(name string) (string, error)
	// kept has the files that were read before the process was shut in.
	kept *kept
	now  func() time.Time
	// steady is the clock of media, in which a jump of the other one is none: time.Now has both in one (package time, "Monotonic Clocks").
	// nil: now is it, too.
	steady func() time.Time
	// refuseAfter is when strangers are refused; 0: what this machine needs is measured.
	refuseAfter time.Duration
	ring        *logs.Ring     // the latest messages, for the console; nil: none are kept
	recent      *recent        // the latest lines of the log; nil: none are kept
	level       *slog.LevelVar // of the log; nil: it does not change
	given       given
	// pepper is the text of a pepper that the service manager hands in; nil: it is a file beside the database.
	pepper []byte
	// directoryPassword is that of the account that reads the directory, where the service manager hands it in.
	directoryPassword []byte
	// dialDirectory connects to the directory; nil: the process that connects outward does.
	dialDirectory ldap.Dialer
	// providerSecret belongs to our client id at the provider of sign-in, where the service manager hands it in.
	providerSecret []byte
	// dialProvider connects to the provider; nil: the process that connects outward does.
	dialProvider oidc.Dialer
	// password is that of the mail server's user, where the service manager hands it in.
	password []byte
	// backupSecret is the private key of SFTP or the secret of S3, where the service manager hands it in.
	backupSecret []byte
	// cost is that of every passphrase; zero, as always outside tests: passhash.Standard and passhash.Administrator.
	cost passhash.Params
	// confine shuts the process in once everything is open; nil in tests, which go on afterwards.
	confine func(hardening.Policy) error
	hooks
}

var errUsage = errors.New("command line")

// readSettings reads the command line and the file that it names.
func readSettings(args []string) (settings, error) {
	s := settings{Settings: config.Defaults(), now: time.Now}
	f := flag.NewFlagSet("serve", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	given := config.AddFlags(f)
	s.hooks.flags(f)
	s.cost = s.hooks.cost()
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected %q", f.Arg(0))
	}
	if err != nil {
		return s, fmt.Errorf("%w: %w", errUsage, err)
	}
	s.file = given.File()
	src, err := given.Sources()
	if err != nil {
		return s, err
	}
	s.sources = &src
	s.Settings, err = src.Settings()
	return s, err
}

// from are the sources, with the secrets that the service manager hands in.
func (s settings) from() config.Sources {
	src := config.From(s.Settings)
	if s.sources != nil {
		src = *s.sources
	}
	for name, given := range map[string][]byte{"mail.password": s.password, "directory.bind_password": s.directoryPassword, "oidc.client_secret": s.providerSecret} {
		if given != nil {
			src.Handed = append(src.Handed, name)
		}
	}
	return src
}

// maxFrom is how many connections one address may have.
func (s settings) maxFrom(a netip.Addr) int {
	if s.Trusts(a) {
		return maxFromProxy
	}
	return maxPerAddress
}

// base begins the links for people when there is a name; else each request's own host does.
func (s settings) base(port int) string {
	switch {
	case s.Hostname() == "":
		return ""
	case port == 443:
		return "https://" + s.Hostname()
	}
	return fmt.Sprintf("https://%s:%d", s.Hostname(), port)
}

func (s settings) mediaClock() func() time.Time {
	if s.steady != nil {
		return s.steady
	}
	return s.now
}
