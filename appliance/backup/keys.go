package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

const (
	// MinPassphrase is how many characters a passphrase has at least: who holds the file tries without anybody's leave.
	MinPassphrase = 16
	maxPassphrase = 512
	// workFactor is log2 of scrypt's N (RFC 7914; r = 8, p = 1): 256 MiB and about a second for each try.
	workFactor = 18
	// maxWorkFactor bounds what a file may make its reader do: 1 GiB.
	maxWorkFactor = 20

	byPassphrase = "passphrase"
)

// Recipients are for whom a file is encrypted.
type Recipients struct {
	list []age.Recipient
	ids  []string
}

// IDs name them, as they stand in the file in clear.
func (r Recipients) IDs() []string { return r.ids }

// None reports whether there is nobody.
func (r Recipients) None() bool { return len(r.list) == 0 }

// ErrRecipient is what every error of a recipient wraps; its text says what is wrong, for a person.
var ErrRecipient = errors.New("backup: recipient")

// ErrPassphrase says that a passphrase is too short, or too long.
var ErrPassphrase = fmt.Errorf("backup: a passphrase has %d to %d characters", MinPassphrase, maxPassphrase)

// ForKeys returns the recipients of public keys: "age1pq1…" (ML-KEM-768 with X25519), "age1…" (X25519), "ssh-ed25519 …" and
// "ssh-rsa …". What is safe against a quantum computer stands alone or with its like: a file is as weak as its weakest key.
func ForKeys(keys ...string) (Recipients, error) {
	var out Recipients
	strong := 0
	for _, text := range keys {
		r, plain, err := parseRecipient(text)
		if err != nil {
			return Recipients{}, err
		}
		if _, ok := r.(*age.HybridRecipient); ok {
			strong++
		}
		out.list, out.ids = append(out.list, r), append(out.ids, keyID(plain))
	}
	switch {
	case len(keys) == 0:
		return Recipients{}, fmt.Errorf("%w: none is given", ErrRecipient)
	case len(keys) > maxKeys:
		return Recipients{}, fmt.Errorf("%w: %d are given, %d at most", ErrRecipient, len(keys), maxKeys)
	case strong > 0 && strong < len(keys):
		return Recipients{}, fmt.Errorf("%w: keys that begin with age1pq1 are given alone: another kind beside them would undo what they are for", ErrRecipient)
	}
	return out, nil
}

// KeyID returns the name of a public key, as files have it, or an error of ErrRecipient.
func KeyID(key string) (string, error) {
	_, plain, err := parseRecipient(key)
	if err != nil {
		return "", err
	}
	return keyID(plain), nil
}

// parseRecipient also returns the key without what is written after it.
func parseRecipient(text string) (r age.Recipient, plain string, err error) {
	fields := strings.Fields(text)
	switch {
	case strings.Contains(text, "SECRET-KEY") || strings.Contains(text, "PRIVATE KEY"):
		// Its text stands in no error: it is a secret that somebody put into the wrong place.
		return nil, "", fmt.Errorf("%w: this is a private key; the public one is wanted, and the private one belongs nowhere but with whoever restores", ErrRecipient)
	case len(fields) == 1 && strings.HasPrefix(fields[0], "age1pq1"):
		r, err = age.ParseHybridRecipient(fields[0])
		plain = fields[0]
	case len(fields) == 1 && strings.HasPrefix(fields[0], "age1"):
		r, err = age.ParseX25519Recipient(fields[0])
		plain = fields[0]
	case len(fields) >= 2 && (fields[0] == ssh.KeyAlgoED25519 || fields[0] == ssh.KeyAlgoRSA):
		plain = fields[0] + " " + fields[1]
		r, err = agessh.ParseRecipient(plain)
	default:
		return nil, "", fmt.Errorf("%w: a public key begins with age1pq1, age1, ssh-ed25519 or ssh-rsa", ErrRecipient)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%w: the public key that begins with %.12s is not whole", ErrRecipient, plain)
	}
	return r, plain, nil
}

// keyID is short enough to be read out and compared.
func keyID(plain string) string {
	sum := sha256.Sum256([]byte("huisclos backup key 1\x00" + plain))
	return hex.EncodeToString(sum[:8])
}

// ForPassphrase returns the one recipient of a passphrase.
func ForPassphrase(passphrase string) (Recipients, error) {
	return forPassphrase(passphrase, workFactor)
}

func forPassphrase(passphrase string, work int) (Recipients, error) {
	if n := utf8.RuneCountInString(passphrase); n < MinPassphrase || n > maxPassphrase {
		return Recipients{}, ErrPassphrase
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return Recipients{}, fmt.Errorf("backup: %w", err)
	}
	r.SetWorkFactor(work)
	return Recipients{[]age.Recipient{r}, []string{byPassphrase}}, nil
}

// Keys open files.
type Keys struct{ list []age.Identity }

// ErrKey says that what was given as a private key is none. No error has its text.
var ErrKey = errors.New("backup: not a private key (a file of “huisclos backup key”, of age, or of OpenSSH)")

// WithPassphrase opens what was encrypted for a passphrase.
func WithPassphrase(passphrase string) (Keys, error) {
	i, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return Keys{}, fmt.Errorf("backup: %w", err)
	}
	i.SetMaxWorkFactor(maxWorkFactor)
	return Keys{[]age.Identity{i}}, nil
}

// WithKeys reads a file of private keys. ask is called for the passphrase of an OpenSSH key that has one.
func WithKeys(text []byte, ask func() ([]byte, error)) (Keys, error) {
	if !bytes.Contains(text, []byte("PRIVATE KEY-----")) {
		list, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil {
			return Keys{}, ErrKey
		}
		return Keys{list}, nil
	}
	i, err := agessh.ParseIdentity(text)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) && locked.PublicKey != nil && ask != nil {
		i, err = agessh.NewEncryptedSSHIdentity(locked.PublicKey, text, ask)
	}
	if err != nil {
		return Keys{}, ErrKey
	}
	return Keys{[]age.Identity{i}}, nil
}

// MakeKey draws a pair of keys: ML-KEM-768 with X25519, so that files which are stored for years stay closed. private is
// the text of a file that WithKeys reads.
func MakeKey() (public, private string, err error) {
	i, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", "", fmt.Errorf("backup: key: %w", err)
	}
	public = i.Recipient().String()
	return public, fmt.Sprintf("# Huis Clos: private key of backups %s\n# public key: %s\n%s\n", keyID(public), public, i), nil
}
