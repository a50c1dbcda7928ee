package config

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Syslog is the collector that the audit log is forwarded to. Without an address it is forwarded nowhere.
type Syslog struct {
	At          Place  // host and port of the collector (RFC 5425)
	Format      string // of the messages: SyslogJSON or SyslogCEF
	CAFile      string // PEM file of the authorities that are trusted instead of the system's
	CA          string // the authorities themselves, where the console gives them
	Certificate string // PEM file of our own certificate, for a collector that asks for one; "": we show none
	Key         string // PEM file of its key
}

// Forms in which an entry of the audit log is forwarded.
const (
	SyslogJSON = "rfc5424" // structured data, and the entry as it is stored
	SyslogCEF  = "cef"     // ArcSight's Common Event Format
)

// syslogPort is that of syslog over TLS (RFC 5425 §4.1).
const syslogPort = 6514

// On reports whether the audit log is forwarded.
func (s Syslog) On() bool { return s.At.Host != "" }

func (s Syslog) values(say func(name string, value any)) {
	address := ""
	if s.On() {
		address = s.At.String()
	}
	say("address", address)
	say("format", s.Format)
	say("ca_file", s.CAFile)
	say("certificate", s.Certificate)
	say("key", s.Key)
	say("ca", s.CA)
}

// check looks at what no single setting shows.
func (s Syslog) check() error {
	if (s.Certificate == "") != (s.Key == "") {
		return reason("audit.syslog.certificate and audit.syslog.key go together: one of them is missing", "audit.syslog.certificate et audit.syslog.key vont ensemble : il en manque un.")
	}
	if !s.On() && (s.CAFile != "" || s.Certificate != "") {
		return reason("audit.syslog.address is missing; without it the audit log is forwarded nowhere", "audit.syslog.address manque ; sans elle, le journal d’audit n’est envoyé nulle part.")
	}
	return nil
}

type auditTable struct {
	Syslog syslogTable `toml:"syslog"`
}

type syslogTable struct {
	Address     *syslogAddress `toml:"address"`
	Format      *syslogFormat  `toml:"format"`
	CAFile      *path          `toml:"ca_file"`
	Certificate *path          `toml:"certificate"`
	Key         *path          `toml:"key"`
}

type auditShape struct {
	Syslog struct {
		Address     *string `toml:"address"`
		Format      *string `toml:"format"`
		CAFile      *string `toml:"ca_file"`
		Certificate *string `toml:"certificate"`
		Key         *string `toml:"key"`
	} `toml:"syslog"`
}

func (t auditTable) apply(s *Syslog, said func(key string, is bool) bool) {
	if said("audit.syslog.address", t.Syslog.Address != nil) {
		s.At = t.Syslog.Address.value
	}
	if said("audit.syslog.format", t.Syslog.Format != nil) {
		s.Format = t.Syslog.Format.text
	}
	if said("audit.syslog.ca_file", t.Syslog.CAFile != nil) {
		s.CAFile = t.Syslog.CAFile.text
	}
	if said("audit.syslog.certificate", t.Syslog.Certificate != nil) {
		s.Certificate = t.Syslog.Certificate.text
	}
	if said("audit.syslog.key", t.Syslog.Key != nil) {
		s.Key = t.Syslog.Key.text
	}
}

type (
	syslogAddress struct{ value Place }
	syslogFormat  struct{ text string }
	logAddresses  struct{ full bool }
)

// UnmarshalText accepts a host and a port; without one it is 6514. "" is none.
func (a *syslogAddress) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if s == "" {
		a.value = Place{}
		return nil
	}
	if strings.Contains(s, "/") {
		return reason("%.100q is not a host and a port such as logs.example.org:6514", "%.100q n’est pas un hôte et un port, comme logs.example.org:6514.", text)
	}
	if _, _, err := net.SplitHostPort(s); err != nil {
		bare := strings.Trim(s, "[]")
		if _, ip := netip.ParseAddr(bare); strings.Contains(bare, ":") && ip != nil {
			return reason("%.100q is not a host and a port such as logs.example.org:6514", "%.100q n’est pas un hôte et un port, comme logs.example.org:6514.", text)
		}
		s = net.JoinHostPort(bare, strconv.Itoa(syslogPort))
	}
	place, err := parsePlace(s)
	if err != nil {
		return err
	}
	a.value = place
	return nil
}

// UnmarshalText accepts rfc5424 and cef.
func (f *syslogFormat) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case SyslogJSON, SyslogCEF:
		f.text = s
		return nil
	}
	return reason("%q is not rfc5424 or cef", "%q n’est pas rfc5424 ou cef.", text)
}

// How the addresses of clients stand in the service's own log.
const (
	AddressesMasked = "masked"
	AddressesFull   = "full"
)

// UnmarshalText accepts masked and full.
func (a *logAddresses) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case AddressesMasked, AddressesFull:
		a.full = s == AddressesFull
		return nil
	}
	return reason("%q is not masked or full", "%q n’est pas masked ou full.", text)
}

// LogAddresses is the name of how addresses stand in the log.
func (s Settings) LogAddresses() string {
	if s.FullAddresses {
		return AddressesFull
	}
	return AddressesMasked
}
