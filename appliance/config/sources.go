package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sources are what the files and the command line say, each winning over the one before. They win over the console.
type Sources struct {
	base   Settings // what holds where nothing is said
	layers []layer
	files  []string
	// Handed are the secrets that the service manager hands in, by the names of the console's settings: they are files as well.
	Handed []string
}

type layer struct {
	given file
	from  string
}

// From are sources that say nothing: base holds where the console doesn't choose otherwise.
func From(base Settings) Sources { return Sources{base: base} }

// read reads the file at path, and those of the directory conf.d beside it.
func read(path string) (Sources, error) {
	src := From(Defaults())
	add := func(name string) error {
		given, err := readFile(name, filepath.Dir(path))
		if err != nil {
			return err
		}
		src.layers, src.files = append(src.layers, layer{given, name}), append(src.files, name)
		return nil
	}
	if err := add(path); err != nil {
		return src, err
	}
	more := filepath.Join(filepath.Dir(path), directory)
	entries, err := os.ReadDir(more)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return src, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	for _, e := range entries { // sorted by name
		if strings.HasSuffix(e.Name(), ".toml") && !strings.HasPrefix(e.Name(), ".") {
			if err := add(filepath.Join(more, e.Name())); err != nil {
				return src, err
			}
		}
	}
	return src, nil
}

// Settings are those of the sources alone. An error wraps ErrSettings.
func (src Sources) Settings() (Settings, error) {
	s := src.apply(nil)
	return s, s.check()
}

// apply puts the console's layers under those of the files.
func (src Sources) apply(console []layer) Settings {
	s := src.base
	s.From = map[string]string{}
	for name, from := range src.base.From {
		s.From[name] = from
	}
	s.Files = append(s.Files, src.files...)
	for _, l := range slices.Concat(console, src.layers) {
		l.given.apply(&s, l.from)
	}
	return s
}

// CommandLine and Console are what Settings.From says of a setting given there.
const (
	CommandLine = "command line"
	Console     = "console"
)

// leads are the settings that say which server is meant, each with those that say it with it.
var leads = []struct {
	lead, secret string
	with         []string
}{
	{"mail.host", "mail.password", []string{"mail.port", "mail.security"}},
	{"directory.url", "directory.bind_password", nil},
	{"oidc.issuer", "oidc.client_secret", []string{"oidc.hosts"}},
}

// Fixed says which file, or CommandLine, takes a setting out of the console's hands; "" is none.
//
// It is the one that names it. Which server is meant is said as a whole, so that what a file names there isn't bent. And a secret that
// a file holds goes to no server but one that a file names: else whoever administers the console could have it sent to a server of
// theirs and read it.
func (src Sources) Fixed(name string) string {
	said := src.apply(nil)
	if from := said.From[name]; from != "" {
		return from
	}
	for _, c := range consoleOnly {
		if c.name != name {
			continue
		}
		if from := said.From[c.file]; from != "" {
			return from
		}
		if slices.Contains(src.Handed, name) {
			return handed(name)
		}
	}
	for _, l := range leads {
		if l.lead != name && !slices.Contains(l.with, name) {
			continue
		}
		if from := said.From[l.lead]; from != "" {
			return from
		}
		if from := src.Fixed(l.secret); from != "" {
			return from
		}
		if !said.ConsoleDestinations {
			return said.From["console_destinations"]
		}
	}
	return ""
}

// handed is how a credential of the service is named where files are.
func handed(name string) string { return "systemd: " + name }
