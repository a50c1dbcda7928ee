package config

import (
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// Mail is how mail leaves. Without a host none does.
type Mail struct {
	Host         string // name or IP address of the server that takes mail in (RFC 6409)
	Port         int    // 0: what belongs to Security
	Security     Security
	User         string // "": no sign-in
	PasswordFile string // of the user; "": the credential that the service manager hands in
	From         string // address that mails come from
	CAFile       string // PEM file of the authorities that are trusted instead of the system's
	Helo         string // name that the appliance gives (EHLO); "": its host name
	Language     string // of mails to people whose language isn't known: "fr" or "en"
	CA           string // the authorities themselves, where the console gives them
}

// values are those of the settings, by their names, as a file would write them.
func (m Mail) values(say func(name string, value any)) {
	say("host", m.Host)
	if m.Port == 0 {
		say("port", nil)
	} else {
		say("port", m.Port)
	}
	say("security", string(m.Security))
	say("user", m.User)
	say("password_file", m.PasswordFile)
	say("from", m.From)
	say("ca_file", m.CAFile)
	say("helo", m.Helo)
	say("language", m.Language)
	say("ca", m.CA)
}

// Security says where TLS begins.
type Security string

// The names of the settings file.
const (
	StartTLS Security = "starttls" // within the conversation, before anything is said (RFC 3207)
	TLS      Security = "tls"      // from the first octet (RFC 8314 §3.3)
	NoTLS    Security = "none"     // never; only to this machine
)

// On reports whether mail leaves at all.
func (m Mail) On() bool { return m.Host != "" }

// At is the port to connect to.
func (m Mail) At() int {
	switch {
	case m.Port != 0:
		return m.Port
	case m.Security == TLS:
		return 465 // RFC 8314 §7.3
	case m.Security == NoTLS:
		return 25
	}
	return 587 // RFC 6409 §3.1
}

// check looks at what no single setting shows.
func (m Mail) check() error {
	if !m.On() {
		if m != (Mail{Security: m.Security, Language: m.Language}) {
			return reason("mail.host is missing; without it no mail leaves", "mail.host manque ; sans lui aucun courriel ne part.")
		}
		return nil
	}
	if m.From == "" {
		return reason("mail.from is missing: the address that mails come from", "mail.from manque : l’adresse d’où viennent les courriels.")
	}
	if m.Security == NoTLS {
		if ip, err := netip.ParseAddr(m.Host); err != nil || !ip.IsLoopback() {
			return reason("mail.security \"none\" is for 127.0.0.1 or ::1 only, and mail.host is %q: mails hold links that open accounts", "mail.security « none » est pour 127.0.0.1 ou ::1 seulement, et mail.host est %q : les courriels portent des liens qui ouvrent des comptes.", m.Host)
		}
		if m.User != "" {
			return reason("mail.user needs TLS: mail.security is \"none\"", "mail.user demande TLS : mail.security est « none ».")
		}
	}
	if m.User == "" && m.PasswordFile != "" {
		return reason("mail.password_file is the password of mail.user, which is missing", "mail.password_file est le mot de passe de mail.user, qui manque.")
	}
	return nil
}

type mailTable struct {
	Host         *mailHost    `toml:"host"`
	Port         *port        `toml:"port"`
	Security     *security    `toml:"security"`
	User         *user        `toml:"user"`
	PasswordFile *path        `toml:"password_file"`
	From         *mailAddress `toml:"from"`
	CAFile       *path        `toml:"ca_file"`
	Helo         *hostname    `toml:"helo"`
	Language     *language    `toml:"language"`
}

type mailShape struct {
	Host         *string `toml:"host"`
	Port         *int64  `toml:"port"`
	Security     *string `toml:"security"`
	User         *string `toml:"user"`
	PasswordFile *string `toml:"password_file"`
	From         *string `toml:"from"`
	CAFile       *string `toml:"ca_file"`
	Helo         *string `toml:"helo"`
	Language     *string `toml:"language"`
}

func (t mailTable) apply(m *Mail, said func(key string, is bool) bool) {
	if said("mail.host", t.Host != nil) {
		m.Host = t.Host.text
	}
	if said("mail.port", t.Port != nil) {
		m.Port = t.Port.value
	}
	if said("mail.security", t.Security != nil) {
		m.Security = t.Security.value
	}
	if said("mail.user", t.User != nil) {
		m.User = t.User.text
	}
	if said("mail.password_file", t.PasswordFile != nil) {
		m.PasswordFile = t.PasswordFile.text
	}
	if said("mail.from", t.From != nil) {
		m.From = t.From.text
	}
	if said("mail.ca_file", t.CAFile != nil) {
		m.CAFile = t.CAFile.text
	}
	if said("mail.helo", t.Helo != nil) {
		m.Helo = t.Helo.text
	}
	if said("mail.language", t.Language != nil) {
		m.Language = t.Language.text
	}
}

type (
	mailHost    struct{ text string }
	port        struct{ value int }
	security    struct{ value Security }
	user        struct{ text string }
	mailAddress struct{ text string }
	language    struct{ text string }
)

// UnmarshalText accepts a host name or an IP address.
func (h *mailHost) UnmarshalText(text []byte) error {
	if ip, err := netip.ParseAddr(string(text)); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return reason("%q is not an address that can be connected to", "%q n’est pas une adresse à laquelle on peut se connecter.", text)
		}
		h.text = ip.String()
		return nil
	}
	var name hostname
	if err := name.UnmarshalText(text); err != nil {
		return err
	}
	if name.text == "localhost" || strings.HasSuffix(name.text, ".localhost") { // RFC 6761 §6.3
		return reason("write 127.0.0.1 or ::1 for this machine: a name is never led to it", "Pour cette machine, écrivez 127.0.0.1 ou ::1 : un nom n’y mène jamais.")
	}
	h.text = name.text
	return nil
}

// UnmarshalText accepts a port that can be connected to.
func (p *port) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n == 0 {
		return reason("mail.port: %s is not a port from 1 to 65535", "mail.port : %s n’est pas un port de 1 à 65535.", text)
	}
	p.value = int(n)
	return nil
}

// UnmarshalText accepts starttls, tls and none.
func (s *security) UnmarshalText(text []byte) error {
	switch v := Security(text); v {
	case StartTLS, TLS, NoTLS:
		s.value = v
		return nil
	}
	return reason("%q is not starttls, tls or none", "%q n’est pas starttls, tls ou none.", text)
}

// UnmarshalText accepts a name without control characters.
func (u *user) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return reason("not a user name", "Ce n’est pas un nom d’utilisateur.")
	}
	u.text = s
	return nil
}

// UnmarshalText accepts an address alone, without a name: the name that people see is the appliance's.
func (a *mailAddress) UnmarshalText(text []byte) error {
	s := string(text)
	local, domain, ok := strings.Cut(s, "@")
	parsed, err := mail.ParseAddress(s)
	if err != nil || !ok || parsed.Address != s || parsed.Name != "" || strings.ContainsAny(local, "\" ") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) ||
		new(hostname).UnmarshalText([]byte(domain)) != nil {
		return reason("%q is not a mail address such as visio@example.org", "%q n’est pas une adresse électronique comme visio@example.org.", text)
	}
	a.text = s
	return nil
}

// UnmarshalText accepts fr and en.
func (l *language) UnmarshalText(text []byte) error {
	if s := string(text); s == "fr" || s == "en" {
		l.text = s
		return nil
	}
	return reason("%q is not fr or en", "%q n’est pas fr ou en.", text)
}
