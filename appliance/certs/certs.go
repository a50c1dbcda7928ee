// Package certs keeps the certificate that browsers see: one of the administrator's from files, or a self-signed one of
// the appliance's own.
//
// It decides what certificate is served, when it is renewed and how TLS is spoken: TLS 1.3 only (RFC 8446), hybrid
// post-quantum key agreement where the browser has it, no early data. It never sees a request.
package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options of Open.
type Options struct {
	Directory string // where the self-signed certificate is kept
	// Certificate and Key are the files of an own certificate; both empty: self-signed.
	Certificate, Key string
	// Hostnames and Addresses are what the self-signed certificate is for, and what an own one is checked against.
	Hostnames []string
	Addresses []netip.Addr
	Random    io.Reader
}

// Keeper holds the certificate in use. Its methods may be called from any goroutine.
type Keeper struct {
	o       Options
	current atomic.Pointer[state]

	refreshing sync.Mutex // one Refresh at a time
}

// state is a certificate with what is said about it.
type state struct {
	certificate tls.Certificate
	selfSigned  bool
	files       string // what the files were when they were read
}

// Open loads the certificate, or makes a self-signed one where there is none or it no longer fits.
func Open(o Options, now time.Time) (*Keeper, error) {
	if o.Random == nil {
		return nil, errors.New("certs: no source of random numbers")
	}
	if (o.Certificate == "") != (o.Key == "") {
		return nil, errors.New("certs: a certificate and its key are given together or not at all")
	}
	k := &Keeper{o: o}
	if _, err := k.Refresh(now); err != nil {
		return nil, err
	}
	return k, nil
}

// Refresh brings the certificate up to date and reports whether another one is served from now on: a self-signed one is
// renewed before it expires, an own one is read again when its files have changed. After an error the one before stays
// in use. Call it once an hour, and when the settings are read again.
func (k *Keeper) Refresh(now time.Time) (changed bool, err error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	before := k.current.Load()
	var next *state
	if k.o.Certificate != "" {
		next, err = readOwn(k.o.Certificate, k.o.Key, before)
	} else {
		next, err = k.selfSigned(now)
	}
	if err != nil {
		return false, err
	}
	k.current.Store(next)
	return before == nil || fingerprint(before.leaf()) != fingerprint(next.leaf()), nil
}

func (s *state) leaf() *x509.Certificate { return s.certificate.Leaf }

// TLS returns the configuration of the server. It serves the certificate that is in use at each handshake.
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{
		// Every browser in which meetings work speaks TLS 1.3. The server of crypto/tls takes no early data (RFC 8446 §2.3).
		MinVersion: tls.VersionTLS13,
		// The hybrids first, then the curves that ANSSI names. Browsers have X25519MLKEM768 today; X25519 by itself is left out.
		CurvePreferences: []tls.CurveID{
			tls.SecP384r1MLKEM1024, tls.SecP256r1MLKEM768, tls.X25519MLKEM768, tls.CurveP384, tls.CurveP256,
		},
		// Without tickets no key outlives a connection.
		SessionTicketsDisabled: true,
		// WebSocket needs HTTP/1.1.
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &k.current.Load().certificate, nil
		},
	}
}

// Fingerprint is the SHA-256 of the certificate in the form in which browsers show it: AB:CD:…
func (k *Keeper) Fingerprint() string { return fingerprint(k.current.Load().leaf()) }

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(parts, ":")
}

// Serves reports whether raw is the certificate in use (DER).
func (k *Keeper) Serves(raw []byte) bool { return bytes.Equal(raw, k.current.Load().leaf().Raw) }

// SelfSigned reports whether the certificate is the appliance's own: browsers warn, and people compare the fingerprint.
func (k *Keeper) SelfSigned() bool { return k.current.Load().selfSigned }

// Expires is when the certificate ends.
func (k *Keeper) Expires() time.Time { return k.current.Load().leaf().NotAfter }

// Warnings are sentences about an own certificate that browsers will refuse, or soon. A self-signed one has none.
func (k *Keeper) Warnings(now time.Time) (list []string) {
	s := k.current.Load()
	if s.selfSigned {
		return nil
	}
	leaf := s.leaf()
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		list = append(list, fmt.Sprintf("the certificate has expired on %s", leaf.NotAfter.Format(time.DateOnly)))
	case left < renewBefore:
		list = append(list, fmt.Sprintf("the certificate expires on %s", leaf.NotAfter.Format(time.DateOnly)))
	}
	if now.Before(leaf.NotBefore) {
		list = append(list, fmt.Sprintf("the certificate begins on %s: it, or the clock of this machine, is wrong", leaf.NotBefore.Format(time.DateOnly)))
	}
	for _, name := range k.o.Hostnames {
		if leaf.VerifyHostname(name) != nil {
			list = append(list, fmt.Sprintf("the certificate is not for %s", name))
		}
	}
	return list
}
