package appliance

import (
	"fmt"
	"os"
	"strings"
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
