package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// A Pair is a certificate that this appliance can serve: with its chain in order, and its key.
type Pair struct {
	Chain []*x509.Certificate // the server's own first, each signed by the next (RFC 8446 §4.4.2); without a root that signed itself
	Key   crypto.Signer
	// Reordered: the certificates stood in another order. Dropped is how many were not of the chain.
	Reordered bool
	Dropped   int
}

// Assemble makes a pair of what was read. Where no key came along, waiting are keys that were made here for requests, one of which
// must be the certificate's. now decides what has expired. What does not do is a *Refusal.
func Assemble(m Material, waiting []crypto.Signer, now time.Time) (*Pair, error) {
	keys := m.Keys
	if len(m.Certificates) == 0 {
		return nil, refuse(NoCertificate, "")
	}
	given := len(keys) > 0
	if !given {
		keys = waiting
	}
	if given && slices.ContainsFunc(keys[1:], func(k crypto.Signer) bool { return !same(k.Public(), keys[0].Public()) }) {
		return nil, refuse(SeveralKeys, "")
	}
	p := &Pair{}
	var leaf *x509.Certificate
	for _, c := range m.Certificates {
		for _, k := range keys {
			// Of two certificates for one key, the one that lasts longer.
			if same(c.PublicKey, k.Public()) && (leaf == nil || c.NotAfter.After(leaf.NotAfter)) {
				leaf, p.Key = c, k
			}
		}
	}
	switch {
	case leaf == nil && given:
		return nil, refuse(OtherKey, "")
	case leaf == nil:
		return nil, refuse(NoKey, "")
	}
	if err := examine(leaf, now); err != nil {
		return nil, err
	}
	p.Chain = order(leaf, m.Certificates)
	p.Dropped = dropped(p.Chain, m.Certificates)
	p.Reordered = !slices.EqualFunc(p.Chain, m.Certificates[:min(len(p.Chain), len(m.Certificates))], (*x509.Certificate).Equal)
	return p, nil
}

// same compares public keys.
func same(a, b crypto.PublicKey) bool {
	k, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && k.Equal(b)
}

// examine refuses what browsers would.
func examine(c *x509.Certificate, now time.Time) error {
	if err := examineKey(c); err != nil {
		return err
	}
	switch {
	case c.BasicConstraintsValid && c.IsCA && !selfIssued(c): // a self-signed one of a single server may call itself an authority
		return refuse(Authority, "")
	case slices.Contains([]x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}, c.SignatureAlgorithm):
		return refuse(WeakSignature, "%v", c.SignatureAlgorithm)
	case len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny):
		return refuse(NotForServers, "")
	case len(c.DNSNames)+len(c.IPAddresses) == 0:
		return refuse(NoNames, "")
	case now.After(c.NotAfter):
		return refuse(Expired, "%s", c.NotAfter.Format(time.DateOnly))
	case now.Before(c.NotBefore):
		return refuse(NotYet, "%s", c.NotBefore.Format(time.DateOnly))
	}
	return nil
}

// selfIssued reports whether a certificate signed itself.
func selfIssued(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// examineKey holds security.md §2: P-256, P-384, or RSA from minRSA up.
func examineKey(c *x509.Certificate) error {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return refuse(OtherCurve, "%s", k.Params().Name)
		}
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return refuse(SmallRSA, "%s", strconv.Itoa(k.N.BitLen()))
		}
	default:
		return refuse(OtherKind, "%v", c.PublicKeyAlgorithm)
	}
	return nil
}

// order follows the signatures upward from leaf. A root is left out: who trusts it has it.
func order(leaf *x509.Certificate, list []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for signed := leaf; !selfIssued(signed); {
		i := slices.IndexFunc(list, func(c *x509.Certificate) bool {
			return bytes.Equal(signed.RawIssuer, c.RawSubject) && signed.CheckSignatureFrom(c) == nil && !slices.ContainsFunc(chain, c.Equal)
		})
		if i < 0 || selfIssued(list[i]) {
			break
		}
		signed = list[i]
		chain = append(chain, signed)
	}
	return chain
}

// dropped counts what was given and is neither in the chain nor a root of it.
func dropped(chain, list []*x509.Certificate) (n int) {
	last := chain[len(chain)-1]
	for i, c := range list {
		again := slices.ContainsFunc(list[:i], c.Equal)
		root := selfIssued(c) && last.CheckSignatureFrom(c) == nil
		if !again && !root && !slices.ContainsFunc(chain, c.Equal) {
			n++
		}
	}
	return n
}

// encode writes the pair as one file: the key, then the chain.
func (p *Pair) encode() ([]byte, error) {
	private, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: private}) // a Buffer takes everything
	for _, c := range p.Chain {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return text.Bytes(), nil
}

func (p *Pair) state() *state {
	c := tls.Certificate{PrivateKey: p.Key, Leaf: p.Chain[0]}
	for _, x := range p.Chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return &state{certificate: c}
}
