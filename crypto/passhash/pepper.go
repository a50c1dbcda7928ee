package passhash

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	pepperLength   = 48 // as long as HMAC-SHA-384's output
	pepperIDLength = 8
	pepperLine     = "huisclos-pepper-1 "
)

// Pepper is a secret that every hash needs and that is kept outside the database: who steals the database alone cannot
// try passphrases. It does not print itself. A nil *Pepper is none.
type Pepper struct {
	key [pepperLength]byte
	id  string
}

func newPepper(key []byte) *Pepper {
	p := &Pepper{key: [pepperLength]byte(key)}
	sum := sha256.Sum256(append([]byte("huisclos pepper id 1\x00"), key...))
	p.id = base64.RawStdEncoding.EncodeToString(sum[:pepperIDLength])
	return p
}

// ID names the pepper in hashes and tells nothing about it. It is "" without a pepper.
func (p *Pepper) ID() string {
	if p == nil {
		return ""
	}
	return p.id
}

// String says which pepper it is.
func (p *Pepper) String() string { return "[pepper " + p.ID() + "]" }

// Format keeps the secret out of every verb.
func (p *Pepper) Format(f fmt.State, _ rune) { io.WriteString(f, p.String()) }

// apply returns what argon2id is computed of: HMAC-SHA-384 under the pepper, or the passphrase itself without one.
func (p *Pepper) apply(passphrase string) []byte {
	if p == nil {
		return []byte(passphrase)
	}
	mac := hmac.New(sha512.New384, p.key[:])
	io.WriteString(mac, passphrase)
	return mac.Sum(nil)
}

// derivedLength is an AES-256 or HMAC-SHA-256 key.
const derivedLength = 32

// derive returns the key of one purpose (RFC 5869, HKDF-SHA-256). Without a pepper it is the same for everybody, as a
// passphrase is hashed without one then: what it closes is closed against nobody.
func (p *Pepper) derive(label string) ([]byte, error) {
	var secret []byte
	if p != nil {
		secret = p.key[:]
	}
	return hkdf.Key(sha256.New, secret, nil, "huisclos derived 1\x00"+label, derivedLength)
}

// ParsePepper reads the text of a pepper file.
func ParsePepper(text []byte) (*Pepper, error) {
	s, ok := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), pepperLine)
	if !ok {
		return nil, errors.New("passhash: not a pepper file")
	}
	key, ok := decode(s, pepperLength)
	if !ok {
		return nil, errors.New("passhash: the pepper file is damaged")
	}
	return newPepper(key), nil
}

// LoadPepper reads a pepper file. It refuses one that others may read.
func LoadPepper(path string) (*Pepper, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("passhash: others may read %s; run: chmod 600 %s", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	p, err := ParsePepper(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	return p, nil
}

// CreatePepper draws a pepper and writes its file (0600). It never replaces one: the hashes made with it would be lost.
func CreatePepper(path string, random io.Reader) (*Pepper, error) {
	key := make([]byte, pepperLength)
	if _, err := io.ReadFull(random, key); err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".pepper-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(pepperLine + base64.RawStdEncoding.EncodeToString(key) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		// Link fails where rename would replace.
		err = os.Link(f.Name(), path)
	}
	if err == nil {
		err = syncDirectory(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("passhash: pepper: %w", err)
	}
	return newPepper(key), nil
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
