// Package certtest is a certification authority for tests, and certificates that vouch for themselves: keys, chains (RFC 5280) and the PEM
// files that programs read. It decides nothing about certificates that a test is about. Nothing but tests imports it.
package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// For says what a certificate is for. The zero value is for nothing by name, from an hour ago until tomorrow.
type For struct {
	Names       []string // host names and IP addresses; the first one is the common name too
	From, Until time.Time
	Public      crypto.PublicKey // whose it is, where the test has the private key; nil: a new one
}

// Pair is a certificate with its key.
type Pair struct {
	Leaf      *x509.Certificate
	Cert, Key []byte          // PEM; Key is nil where the test has it
	TLS       tls.Certificate // likewise without a key then
}

// Authority signs certificates. It is good from an hour ago for two days.
type Authority struct {
	Pair
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	now := time.Now()
	c := draft(t, For{Names: []string{"Test authority"}, From: now.Add(-time.Hour), Until: now.Add(48 * time.Hour)})
	c.DNSNames, c.ExtKeyUsage = nil, nil
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	return &Authority{sign(t, c, nil, nil)}
}

// SelfSigned is a certificate that is its own authority.
func SelfSigned(t testing.TB, f For) Pair {
	t.Helper()
	c := draft(t, f)
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	return sign(t, c, nil, f.Public)
}

// Issue signs a certificate of a server or a client.
func (a *Authority) Issue(t testing.TB, f For) Pair {
	t.Helper()
	return sign(t, draft(t, f), a, f.Public)
}

// Roots has this certificate and no other.
func (p Pair) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.Leaf)
	return pool
}

// File writes the authority's certificate into a folder, as ca.pem.
func (a *Authority) File(t testing.TB, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "ca.pem")
	must(t, os.WriteFile(path, a.Cert, 0o644))
	return path
}

// Files writes certificate and key into a folder, as cert.pem and key.pem, as a tool that renews does: by new files that take the place of
// those of before.
func (p Pair) Files(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, text := range map[string][]byte{cert: p.Cert, key: p.Key} {
		must(t, os.WriteFile(path+".new", text, 0o600))
		must(t, os.Rename(path+".new", path))
	}
	return cert, key
}

func draft(t testing.TB, f For) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	if f.From.IsZero() {
		f.From = time.Now().Add(-time.Hour)
	}
	if f.Until.IsZero() {
		f.Until = time.Now().Add(24 * time.Hour)
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: f.From, NotAfter: f.Until, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for i, name := range f.Names {
		if i == 0 {
			c.Subject.CommonName = name
		}
		if ip := net.ParseIP(name); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, name)
		}
	}
	return c
}

// sign makes the certificate, by an authority or, where that is nil, by its own key.
func sign(t testing.TB, template *x509.Certificate, by *Authority, public crypto.PublicKey) (p Pair) {
	t.Helper()
	var own *ecdsa.PrivateKey
	if public == nil {
		var err error
		own, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		must(t, err)
		public = own.Public()
		der, err := x509.MarshalPKCS8PrivateKey(own)
		must(t, err)
		p.Key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		p.TLS.PrivateKey = own
	}
	parent, signer := template, crypto.PrivateKey(own)
	if by != nil {
		parent, signer = by.Leaf, by.TLS.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	must(t, err)
	p.Leaf, err = x509.ParseCertificate(der)
	must(t, err)
	p.TLS.Certificate, p.TLS.Leaf = [][]byte{der}, p.Leaf
	p.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return p
}
