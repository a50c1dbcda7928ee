package transport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"

	"huisclos/media/srtp"
)

var srtpProfiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AEAD_AES_128_GCM}

var dtlsSuites = []dtls.CipherSuiteID{
	dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	// Chromium offers no AES-256 suite for DTLS 1.2 with ECDSA.
	dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
}

func newCertificate(now time.Time) (tls.Certificate, string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, "", err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "media"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	sum := sha256.Sum256(der)
	octets := make([]string, len(sum))
	for i, octet := range sum {
		octets[i] = fmt.Sprintf("%02X", octet)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, "sha-256 " + strings.Join(octets, ":"), nil
}

// shake runs the DTLS handshake (RFC 5763) over records and takes the SRTP keys (RFC 5764).
func (l *link) shake(over *records) error {
	conn, err := dtls.ServerWithOptions(over, farEnd,
		dtls.WithCertificates(l.certificate),
		dtls.WithCipherSuites(dtlsSuites...),
		dtls.WithSRTPProtectionProfiles(srtpProfiles...),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerify(true), // the fingerprint says who it is
		dtls.WithVerifyPeerCertificate(func(certificates [][]byte, _ [][]*x509.Certificate) error {
			if len(certificates) == 0 || !l.expected(certificates[0]) {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithFlightInterval(500*time.Millisecond),
		dtls.WithLoggerFactory(quiet{}),
	)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.dtls = conn
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), connectWithin)
	defer cancel()
	go func() {
		select {
		case <-l.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	return l.takeKeys(conn)
}

func (l *link) expected(certificate []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.far.matches(certificate)
}

func (l *link) takeKeys(conn *dtls.Conn) error {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("transport: no SRTP profile in common")
	}
	profile := srtp.AEADAES256GCM
	if chosen == dtls.SRTP_AEAD_AES_128_GCM {
		profile = srtp.AEADAES128GCM
	} else if chosen != dtls.SRTP_AEAD_AES_256_GCM {
		return errors.New("transport: SRTP profile was not offered")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("transport: DTLS has no state")
	}
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.ExporterLength())
	if err != nil {
		return err
	}
	defer clear(material)
	client, server, err := profile.Split(material)
	if err != nil {
		return err
	}
	in, err := srtp.NewOpener(profile, client.Key, client.Salt, maxSSRCs)
	if err != nil {
		return err
	}
	out, err := srtp.NewSealer(profile, server.Key, server.Salt)
	if err != nil {
		return err
	}
	l.inMu.Lock()
	l.in = in
	l.inMu.Unlock()
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	if l.ended {
		return net.ErrClosed
	}
	l.out = out
	l.port.sealed.add(Suite{DTLS: dtls.CipherSuiteName(state.CipherSuiteID), SRTP: profileNames[profile]})
	return nil
}

// profileNames are those of RFC 7714.
var profileNames = map[srtp.Profile]string{srtp.AEADAES128GCM: "AEAD_AES_128_GCM", srtp.AEADAES256GCM: "AEAD_AES_256_GCM"}
