package config

import "strings"

// Until returns the settings that hold until the next start: what the process was shut in with at this one stays.
func (s Settings) Until(started Settings) Settings {
	s.Listen, s.MediaPort, s.Data, s.Control, s.Outward = started.Listen, started.MediaPort, started.Data, started.Control, started.Outward
	s.ConsoleDestinations, s.Destinations = started.ConsoleDestinations, started.Destinations
	s.Certificate, s.Key = started.Certificate, started.Key
	s.ACME.KeyFile, s.ACME.CAFile = started.ACME.KeyFile, started.ACME.CAFile
	s.Mail.PasswordFile, s.Mail.CAFile = started.Mail.PasswordFile, started.Mail.CAFile
	s.Directory.BindPasswordFile, s.Directory.CAFile = started.Directory.BindPasswordFile, started.Directory.CAFile
	s.OIDC.SecretFile, s.OIDC.CAFile = started.OIDC.SecretFile, started.OIDC.CAFile
	return s
}

// Keep returns the settings with one table as it was: "mail", "directory" or "oidc".
func (s Settings) Keep(table string, was Settings) Settings {
	switch table {
	case "tls":
		s.TLSMode, s.ACME, s.Certificate, s.Key = was.TLSMode, was.ACME, was.Certificate, was.Key
	case "mail":
		s.Mail = was.Mail
	case "directory":
		s.Directory = was.Directory
	case "oidc":
		s.OIDC = was.OIDC
	}
	from := map[string]string{}
	for name, f := range s.From {
		if !strings.HasPrefix(name, table+".") {
			from[name] = f
		}
	}
	for name, f := range was.From {
		if strings.HasPrefix(name, table+".") {
			from[name] = f
		}
	}
	s.From = from
	return s
}
