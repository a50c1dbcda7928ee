package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

const (
	// maxGiven bounds what is read as a certificate with its chain and its key, all files together.
	maxGiven = 256 << 10
	// maxCertificates bounds a chain with all that came along by mistake. The authorities of a whole company have some ten.
	maxCertificates = 32
	// maxWork bounds the rounds of a PKCS#12 file's key derivation, which the file itself names: a stranger's number must not
	// hold the processor. What OpenSSL, Windows and Java write has 1 to 600,000.
	maxWork = 2_000_000
)

// Material is what certificates and keys were found in what somebody gave, in the order in which they stand there.
type Material struct {
	Certificates []*x509.Certificate
	Keys         []crypto.Signer
}

// Read finds certificates and keys in files that are PEM, DER or PKCS#12 (RFC 7292); passphrase opens the latter. What is wrong is a
// *Refusal. PEM blocks of other kinds (parameters of a curve, a request) are passed over.
func Read(passphrase string, files ...[]byte) (m Material, err error) {
	total := 0
	for _, text := range files {
		if total += len(text); total > maxGiven {
			return Material{}, refuse(TooLarge, "")
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if bytes.Contains(text, []byte("-----BEGIN ")) {
			err = m.readPEM(text)
		} else {
			err = m.readBinary(text, passphrase)
		}
		if err != nil {
			return Material{}, err
		}
		if len(m.Certificates) > maxCertificates {
			return Material{}, refuse(TooLarge, "")
		}
	}
	return m, nil
}

func (m *Material) readPEM(text []byte) error {
	found := false
	for {
		var b *pem.Block
		if b, text = pem.Decode(text); b == nil {
			break
		}
		found = true
		switch {
		case b.Type == "CERTIFICATE" || b.Type == "X509 CERTIFICATE" || b.Type == "TRUSTED CERTIFICATE":
			if err := m.addCertificate(b.Bytes); err != nil {
				return err
			}
		case b.Type == "PKCS7":
			return refuse(Bundled, "")
		case b.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return refuse(EncryptedKey, "")
		case strings.HasSuffix(b.Type, "PRIVATE KEY"):
			if err := m.addKey(b.Bytes); err != nil {
				return err
			}
		}
	}
	if !found {
		return refuse(Unreadable, "")
	}
	return nil
}

func (m *Material) addCertificate(der []byte) error {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return refuse(Unreadable, "")
	}
	m.Certificates = append(m.Certificates, c)
	return nil
}

// addKey takes PKCS#8 (RFC 5208), PKCS#1 (RFC 8017) or SEC 1 (RFC 5915), whatever the block is called.
func (m *Material) addKey(der []byte) error {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if signer, ok := k.(crypto.Signer); ok {
			m.Keys = append(m.Keys, signer)
			return nil
		}
		return refuse(OtherKind, "%T", k)
	}
	if k, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		m.Keys = append(m.Keys, k)
		return nil
	}
	if k, err := x509.ParseECPrivateKey(der); err == nil {
		m.Keys = append(m.Keys, k)
		return nil
	}
	return refuse(Unreadable, "")
}

// readBinary takes one DER certificate or key, or PKCS#12.
func (m *Material) readBinary(data []byte, passphrase string) error {
	if c, err := x509.ParseCertificate(data); err == nil {
		m.Certificates = append(m.Certificates, c)
		return nil
	}
	if m.addKey(data) == nil {
		return nil
	}
	var outer struct {
		Type asn1.ObjectIdentifier
		Rest asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(data, &outer); err == nil && outer.Type.Equal(signedData) {
		return refuse(Bundled, "")
	}
	if work(data) > maxWork {
		return refuse(TooLarge, "")
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, passphrase)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return refuse(WrongPassword, "")
	case err != nil:
		return refuse(Unreadable, "")
	}
	if signer, ok := key.(crypto.Signer); ok {
		m.Keys = append(m.Keys, signer)
	}
	m.Certificates = append(append(m.Certificates, leaf), chain...)
	return nil
}

// signedData is the content type of PKCS#7 (RFC 2315 §14).
var signedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}

// work is the largest count of rounds that a PKCS#12 file may ask for: the largest of the integers that stand in it beside a salt
// (RFC 7292 §4 MacData, RFC 8018 §A.2 PBKDF2-params, appendix C pkcs-12PbeParams), wherever that is. It reads the file's elements by the
// rules by which they are decoded later, and looks into every octet string that holds some; no certificate and no key has such a pair.
func work(data []byte) int { return rounds(data, maxNested) }

// maxNested is how deep elements are looked for; what is decoded of a PKCS#12 file lies half as deep.
const maxNested = 32

func rounds(data []byte, depth int) (most int) {
	salted := false // the element before is an octet string
	for depth > 0 && len(data) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(data, &v)
		if err != nil {
			break
		}
		data = rest
		octets := v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		switch {
		case v.IsCompound || octets:
			most = max(most, rounds(v.Bytes, depth-1))
		case salted && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger:
			n := 0
			for _, b := range v.Bytes {
				n = min(n<<8|int(b), 1<<40)
			}
			most = max(most, n)
		}
		salted = octets
	}
	return most
}
