package appliance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// identity is the certificate that browsers see.
type identity struct {
	certificate tls.Certificate
	fingerprint string // SHA-256 of the certificate, as browsers show it
	trusted     bool   // browsers accept it by themselves
}

func openIdentity(s settings, addresses []netip.Addr) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Huis Clos"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(397 * 24 * time.Hour), DNSNames: append(slices.Clone(s.Hostnames), "localhost"), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	for _, a := range addresses {
		t.IPAddresses = append(t.IPAddresses, a.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &key.PublicKey, key)
	if err != nil {
		return identity{}, err
	}
	var parts []string
	for _, b := range sha256.Sum256(der) {
		parts = append(parts, fmt.Sprintf("%02X", b))
	}
	return identity{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, strings.Join(parts, ":"), false}, nil
}

// config is TLS as the security reference asks for (section 5F): 1.3 only, hybrid post-quantum groups first, no tickets.
func (i identity) config() *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{i.certificate},
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.SecP384r1MLKEM1024, tls.SecP256r1MLKEM768, tls.X25519MLKEM768, tls.CurveP384, tls.CurveP256, tls.X25519},
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
}
