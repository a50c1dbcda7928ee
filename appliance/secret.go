package appliance

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"sync"
)

const (
	// maxSecretFile bounds the files that are read for a connection: a secret, and some authorities.
	maxSecretFile = 1 << 20
	// maxSecret bounds a secret; what is longer is another file.
	maxSecret = 1024
)

// secret is what proves to another server who this one is: the content of the file that a setting names, or what the service manager
// handed in.
type secret struct {
	of                        error  // what every error wraps
	what                      string // "password" or "secret"
	none                      string // said where there is none: "mail.user has no password"
	setting, file, credential string
	given                     []byte // of the credential; it is cleared
	console                   string // the setting by which the console gives one
}

// secret returns it, as it was when it was first read.
func (s settings) secret(of secret) (string, error) {
	if of.file == "" && of.given == nil && s.chosen != nil {
		text, err := s.chosen(of.console)
		if err != nil || text != "" {
			return text, err
		}
	}
	text, err := s.kept.once(of.setting+" "+of.file, func() ([]byte, error) {
		text, err := of.read()
		return []byte(text), err
	})
	return string(text), err
}

// kept has the files that a connection needs. The process can't read them any more once it is shut in, and settings of the console
// change later than that.
type kept struct {
	mu    sync.Mutex
	files map[string]keptFile
}

type keptFile struct {
	text []byte
	err  error
}

// once calls read the first time; what came of it is kept. A nil kept calls it each time.
func (k *kept) once(name string, read func() ([]byte, error)) ([]byte, error) {
	if k == nil {
		return read()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if f, ok := k.files[name]; ok {
		return f.text, f.err
	}
	if k.files == nil {
		k.files = map[string]keptFile{}
	}
	text, err := read()
	k.files[name] = keptFile{text, err}
	return text, err
}

// authorities are what is trusted for a server's certificate: those that the console gives, those of a file, or nil, which is the
// system's.
func (s settings) authorities(console, setting, file string) ([]byte, error) {
	switch {
	case console != "":
		return []byte(console), nil
	case file == "":
		_, err := x509.SystemCertPool() // read once, for all: the confined process can't
		if err != nil {
			return nil, fmt.Errorf("the system's authorities: %w", err)
		}
		return nil, nil
	}
	text, err := s.kept.once(file, func() ([]byte, error) { return os.ReadFile(file) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return text, nil
}

// readEarly reads the files that settings of the console may need later. What can't be read is said when it is needed.
func (s settings) readEarly() {
	for _, of := range []secret{s.mailSecret(), s.directorySecret(), s.providerSecretOf()} {
		if of.file != "" || of.given != nil {
			_, _ = s.secret(of)
		}
	}
	for setting, file := range map[string]string{"mail.ca_file": s.Mail.CAFile, "directory.ca_file": s.Directory.CAFile, "oidc.ca_file": s.OIDC.CAFile, "audit.syslog.ca_file": s.Syslog.CAFile, "": ""} {
		_, _ = s.authorities("", setting, file)
	}
	_, _ = s.collectorPair()
}

// read returns it. A line's end after it is none of it.
func (s secret) read() (string, error) {
	text, from := s.given, "the credential "+s.credential
	if s.file != "" {
		from = s.file
		info, err := os.Stat(s.file)
		if err == nil && info.Mode().Perm()&0o007 != 0 {
			err = fmt.Errorf("others may read %s; run: chmod o= %s", s.file, s.file)
		}
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSecretFile) {
			err = fmt.Errorf("%s is no file that holds a %s", s.file, s.what)
		}
		if err == nil {
			text, err = os.ReadFile(s.file)
		}
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", s.of, s.setting, err)
		}
	}
	found := strings.TrimRight(string(text), "\r\n")
	clear(text)
	switch {
	case found == "":
		return "", fmt.Errorf("%w: %s: neither %s nor the credential %s holds one", s.of, s.none, s.setting, s.credential)
	case len(found) > maxSecret || strings.ContainsAny(found, "\r\n\x00"):
		return "", fmt.Errorf("%w: %s holds more than a %s", s.of, from, s.what)
	}
	return found, nil
}
