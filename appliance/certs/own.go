package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// minRSA: ANSSI-PG-083 asks for 3072 bits from 2031 and recommends them now.
const minRSA = 3072

// readOwn reads an own certificate. When the files are what they were, it returns before.
func readOwn(certificate, key string, before *state) (*state, error) {
	chain, err := readFile(certificate)
	if err != nil {
		return nil, err
	}
	private, err := readFile(key)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(key)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	// A group may read it: that is how tools that renew certificates share them.
	if info.Mode().Perm()&0o007 != 0 {
		return nil, fmt.Errorf("certs: anybody may read the key %s; run: chmod o= %s", key, key)
	}
	sum := sha256.New()
	sum.Write(chain)
	sum.Write(private)
	files := hex.EncodeToString(sum.Sum(nil))
	if before != nil && before.files == files {
		return before, nil
	}
	c, err := parseOwn(chain, private)
	if err != nil {
		return nil, fmt.Errorf("certs: %s and %s: %w", certificate, key, err)
	}
	return &state{certificate: c, files: files}, nil
}

// parseOwn checks that the key belongs to the certificate, that browsers can use it and that the chain is in order.
func parseOwn(chain, private []byte) (tls.Certificate, error) {
	c, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := examineKey(c.Leaf); err != nil {
		return tls.Certificate{}, err
	}
	// RFC 8446 §4.4.2: the server's own first, each one signed by the next.
	signed := c.Leaf
	for i, der := range c.Certificate[1:] {
		next, err := x509.ParseCertificate(der)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("certificate %d of the file: %w", i+2, err)
		}
		if err := signed.CheckSignatureFrom(next); err != nil {
			return tls.Certificate{}, fmt.Errorf("certificate %d of the file (%s) did not sign the one before it; put them in order, the server's own first", i+2, next.Subject)
		}
		signed = next
	}
	return c, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEM))
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	return text, nil
}
