package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Modes of the certificate: where it comes from.
const (
	SelfSigned = "self-signed"
	FromFiles  = "file"
	Stored     = "stored" // imported in the console or by "huisclos cert import"
	ByACME     = "acme"
)

// defaultACME is Let's Encrypt.
const defaultACME = "https://acme-v02.api.letsencrypt.org/directory"

// ACME says which authority makes the certificate where the mode is ByACME (RFC 8555).
type ACME struct {
	Directory string // its URL
	Contact   string // e-mail address that it is told, or ""
	Terms     bool   // its terms are accepted
	KeyID     string // of an external account with it, or ""
	KeyFile   string // file of that account's key (base64url)
	CAFile    string // PEM file of the authorities that its own certificate leads to, instead of the system's
	CA        string // the authorities themselves, where the console gives them
}

// CertificateMode is where the certificate comes from: what is set, or from files where there are any.
func (s Settings) CertificateMode() string {
	switch {
	case s.TLSMode != "":
		return s.TLSMode
	case s.Certificate != "":
		return FromFiles
	}
	return SelfSigned
}

// checkTLS looks at what no single setting of [tls] shows.
func (s Settings) checkTLS() error {
	switch {
	case (s.Certificate == "") != (s.Key == ""):
		return errors.New("tls.certificate and tls.key are given together or not at all")
	case s.TLSMode == FromFiles && s.Certificate == "":
		return errors.New(`tls.mode is "file", and tls.certificate and tls.key name none`)
	case s.TLSMode == ByACME && len(s.Hostnames) == 0:
		return errors.New(`tls.mode is "acme", and there is no name in hostnames for which a certificate could be made`)
	case s.ACME.KeyID == "" && s.ACME.KeyFile != "":
		return errors.New("tls.acme_key_file is the key of the external account tls.acme_key_id, which is missing")
	}
	return nil
}

type tlsTable struct {
	Mode          *tlsMode     `toml:"mode"`
	Certificate   *path        `toml:"certificate"`
	Key           *path        `toml:"key"`
	ACMEDirectory *acmeURL     `toml:"acme_directory"`
	ACMEContact   *mailAddress `toml:"acme_contact"`
	ACMETerms     *bool        `toml:"acme_terms"`
	ACMEKeyID     *user        `toml:"acme_key_id"`
	ACMEKeyFile   *path        `toml:"acme_key_file"`
	ACMECAFile    *path        `toml:"acme_ca_file"`
}

type tlsShape struct {
	Mode          *string `toml:"mode"`
	Certificate   *string `toml:"certificate"`
	Key           *string `toml:"key"`
	ACMEDirectory *string `toml:"acme_directory"`
	ACMEContact   *string `toml:"acme_contact"`
	ACMETerms     *bool   `toml:"acme_terms"`
	ACMEKeyID     *string `toml:"acme_key_id"`
	ACMEKeyFile   *string `toml:"acme_key_file"`
	ACMECAFile    *string `toml:"acme_ca_file"`
}

func (t tlsTable) apply(s *Settings, said func(key string, is bool) bool) {
	if said("tls.mode", t.Mode != nil) {
		s.TLSMode = t.Mode.text
	}
	if said("tls.certificate", t.Certificate != nil) {
		s.Certificate = t.Certificate.text
	}
	if said("tls.key", t.Key != nil) {
		s.Key = t.Key.text
	}
	if said("tls.acme_directory", t.ACMEDirectory != nil) {
		s.ACME.Directory = t.ACMEDirectory.text
	}
	if said("tls.acme_contact", t.ACMEContact != nil) {
		s.ACME.Contact = t.ACMEContact.text
	}
	if said("tls.acme_terms", t.ACMETerms != nil) {
		s.ACME.Terms = *t.ACMETerms
	}
	if said("tls.acme_key_id", t.ACMEKeyID != nil) {
		s.ACME.KeyID = t.ACMEKeyID.text
	}
	if said("tls.acme_key_file", t.ACMEKeyFile != nil) {
		s.ACME.KeyFile = t.ACMEKeyFile.text
	}
	if said("tls.acme_ca_file", t.ACMECAFile != nil) {
		s.ACME.CAFile = t.ACMECAFile.text
	}
}

// valuesTLS are the settings of [tls], by their names, as a file would write them.
func (s Settings) valuesTLS(say func(name string, value any)) {
	say("mode", s.CertificateMode())
	say("certificate", s.Certificate)
	say("key", s.Key)
	say("acme_directory", s.ACME.Directory)
	say("acme_contact", s.ACME.Contact)
	say("acme_terms", s.ACME.Terms)
	say("acme_key_id", s.ACME.KeyID)
	say("acme_key_file", s.ACME.KeyFile)
	say("acme_ca_file", s.ACME.CAFile)
	say("acme_ca", s.ACME.CA)
}

// Place is the host of the authority's directory.
func (a ACME) Place() Place {
	var at acmeURL
	_ = at.UnmarshalText([]byte(a.Directory)) // it was read by it
	return at.at
}

type (
	tlsMode struct{ text string }
	acmeURL struct {
		text string
		at   Place
	}
)

// UnmarshalText accepts self-signed, file, stored and acme.
func (m *tlsMode) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case SelfSigned, FromFiles, Stored, ByACME:
		m.text = s
		return nil
	}
	return fmt.Errorf("%.40q is not self-signed, file, stored or acme", text)
}

// UnmarshalText accepts the address of an ACME directory.
func (a *acmeURL) UnmarshalText(text []byte) error {
	s := string(text)
	at, err := url.Parse(s)
	if err != nil || at.Scheme != "https" || at.User != nil || at.Host == "" || at.Opaque != "" || strings.ContainsAny(s, "# ") || len(s) > 512 {
		return fmt.Errorf("%.100q is not the address of an ACME directory such as %s", text, defaultACME)
	}
	where, err := parsePlace(at.Host)
	if err != nil {
		return err
	}
	a.text, a.at = s, where
	return nil
}
