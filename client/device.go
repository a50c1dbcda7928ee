package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/mls"
	"huisclos/meetings"
)

// Device is who a participant is in its calls: a key that signs, and an id made
// with it, as a browser has them in its IndexedDB.
type Device struct {
	ID     meetings.ID
	Signer mls.Signer
}

const (
	pemType  = "HUISCLOS DEVICE KEY"
	idHeader = "Device"
)

var (
	errOpenKey = errors.New("the device's key can be read by others; chmod 600")
	errBadKey  = errors.New("the device's key can't be read")
)

// openDevice makes or loads the device's key of an account at an origin. It
// stands in a file of mode 0600 in a directory of mode 0700; an empty state
// makes a device that is never written.
func openDevice(state, origin string, account meetings.ID) (Device, error) {
	if state == "" {
		return makeDevice(nil)
	}
	name := filepath.Join(state, SafeName(strings.TrimPrefix(origin, "https://")), account.String()+".device")
	d, err := readDevice(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return Device{}, fmt.Errorf("keeping the device's key: %w", err)
	}
	d, err = makeDevice(func(text []byte) error { return writeNew(name, text) })
	if errors.Is(err, fs.ErrExist) {
		return readDevice(name) // another process has made it meanwhile
	}
	return d, err
}

func makeDevice(keep func([]byte) error) (Device, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Device{}, fmt.Errorf("making a device's key: %w", err)
	}
	var d Device
	_, _ = rand.Read(d.ID[:]) // never fails (Go 1.24)
	if keep != nil {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return Device{}, fmt.Errorf("making a device's key: %w", err)
		}
		defer clear(der)
		text := pem.EncodeToMemory(&pem.Block{Type: pemType, Headers: map[string]string{idHeader: hex.EncodeToString(d.ID[:])}, Bytes: der})
		defer clear(text)
		if err := keep(text); err != nil {
			return Device{}, fmt.Errorf("keeping the device's key: %w", err)
		}
	}
	return d, d.sign(key)
}

func (d *Device) sign(key *ecdsa.PrivateKey) error {
	scalar, err := key.Bytes()
	if err != nil {
		return fmt.Errorf("%w: %w", errBadKey, err)
	}
	defer clear(scalar)
	d.Signer, err = mls.NewSigner(session.Suite, scalar)
	return err
}

func readDevice(name string) (Device, error) {
	f, err := os.Open(name)
	if err != nil {
		return Device{}, fmt.Errorf("reading the device's key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Device{}, fmt.Errorf("reading the device's key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Device{}, fmt.Errorf("%w %s", errOpenKey, name)
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return Device{}, fmt.Errorf("%w: %s", errBadKey, name)
	}
	text := make([]byte, info.Size())
	defer clear(text)
	if _, err := f.ReadAt(text, 0); err != nil {
		return Device{}, fmt.Errorf("reading the device's key: %w", err)
	}
	return parseDevice(text, name)
}

func parseDevice(text []byte, name string) (d Device, err error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return d, fmt.Errorf("%w: %s", errBadKey, name)
	}
	defer clear(block.Bytes)
	id, err := hex.DecodeString(block.Headers[idHeader])
	if err != nil || len(id) != len(d.ID) {
		return d, fmt.Errorf("%w: %s", errBadKey, name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return d, fmt.Errorf("%w: %s", errBadKey, name)
	}
	d.ID = meetings.ID(id)
	return d, d.sign(key)
}

// writeNew makes a file that nobody had, whole or not at all.
func writeNew(name string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), name) // refuses where another was faster
}

// SafeName makes a file's name out of what others chose: letters, digits, dots
// and hyphens stay; it never begins with a dot and is never empty or long.
func SafeName(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '-' || r == '.' && b.Len() > 0 || unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() >= 60 {
			break
		}
	}
	if s := strings.Trim(b.String(), "_."); s != "" {
		return s
	}
	return "unnamed"
}
