package certs

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

const (
	selfSignedFile = "self-signed.pem" // key and certificate, 0600

	lifetime    = 365 * 24 * time.Hour
	renewBefore = 30 * 24 * time.Hour
	// backdate allows for clients whose clock is slow.
	backdate = time.Hour

	// maxPEM bounds what is read as a certificate or key.
	maxPEM = 1 << 20
)

// selfSigned returns the stored certificate while it fits, or makes and stores another.
func selfSigned(o *Options, now time.Time) (*state, error) {
	path := filepath.Join(o.Directory, selfSignedFile)
	text, err := ReadPrivate(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, err
	default:
		c, err := tls.X509KeyPair(text, text)
		if err != nil {
			return nil, fmt.Errorf("certs: %s is damaged: %w; remove it, and another is made", path, err)
		}
		if fits(c.Leaf, o.Hostnames, o.Addresses, now) {
			return &state{certificate: c, selfSigned: true}, nil
		}
	}
	c, text, err := generate(*o, now)
	if err != nil {
		return nil, err
	}
	if err := WritePrivate(path, text); err != nil {
		return nil, err
	}
	return &state{certificate: c, selfSigned: true}, nil
}

// fits reports whether a certificate is valid for long enough and for all names and addresses. One that is for more is
// kept: people have accepted its fingerprint.
func fits(c *x509.Certificate, names []string, addresses []netip.Addr, now time.Time) bool {
	// It may begin in the future when the clock was ahead at its making.
	if now.Before(c.NotBefore) || now.After(c.NotAfter.Add(-renewBefore)) {
		return false
	}
	for _, n := range names {
		if c.VerifyHostname(n) != nil {
			return false
		}
	}
	for _, a := range addresses {
		if c.VerifyHostname(a.Unmap().WithZone("").String()) != nil {
			return false
		}
	}
	return true
}

// generate makes a certificate with a fresh key.
func generate(o Options, now time.Time) (tls.Certificate, []byte, error) {
	fail := func(err error) (tls.Certificate, []byte, error) {
		return tls.Certificate{}, nil, fmt.Errorf("certs: self-signed certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), o.Random)
	if err != nil {
		return fail(err)
	}
	serial := make([]byte, 16)
	if _, err := io.ReadFull(o.Random, serial); err != nil {
		return fail(err)
	}
	serial[0] = serial[0]&0x7f | 0x40 // RFC 5280 §4.1.2.2: positive, at most 20 octets, never zero
	subject := "Huis Clos"
	if len(o.Hostnames) > 0 && len(o.Hostnames[0]) <= 64 { // RFC 5280 ub-common-name
		subject = o.Hostnames[0]
	}
	t := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: subject},
		NotBefore:    now.Add(-backdate).UTC(),
		NotAfter:     now.Add(lifetime).UTC(),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// Not a CA: who trusts this certificate trusts it for this appliance only.
		BasicConstraintsValid: true,
		DNSNames:              append([]string{"localhost"}, o.Hostnames...),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, a := range o.Addresses {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.Unmap().AsSlice()))
	}
	der, err := x509.CreateCertificate(o.Random, t, t, &key.PublicKey, key)
	if err != nil {
		return fail(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	var text bytes.Buffer
	for _, b := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: private}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&text, b); err != nil {
			return fail(err)
		}
	}
	c, err := tls.X509KeyPair(text.Bytes(), text.Bytes())
	if err != nil {
		return fail(err)
	}
	return c, text.Bytes(), nil
}

// ReadPrivate reads a file that holds a key; it refuses one that others may read.
func ReadPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("certs: %s is not a file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("certs: others may read the key in %s; run: chmod 600 %s", path, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	return text, nil
}

// WritePrivate replaces a file as a whole: after a crash it is the old one or the new one.
func WritePrivate(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	f, err := os.CreateTemp(dir, ".cert-*") // mode 0600
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("certs: %w", err)
	}
	return nil
}
