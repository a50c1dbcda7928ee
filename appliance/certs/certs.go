// Package certs keeps the certificate that browsers see: a self-signed one of the appliance's own, one of the administrator's from
// files, one that was given to it with a key or as the answer to its own request, or one from an authority by ACME.
//
// It decides what certificate is served, what does not do as one and why, when it is renewed and how TLS is spoken: TLS 1.3 only
// (RFC 8446), hybrid post-quantum key agreement where the browser has it, no early data. Keys stay in files of mode 0600 in its
// directory and are in no answer. It never sees a request of HTTP, and never connects to anybody: package order does for ACME.
package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mode says where the certificate comes from.
type Mode string

// The modes, as the settings name them. The zero value is FromFiles where files are named, else ModeSelfSigned.
const (
	ModeSelfSigned Mode = "self-signed"
	FromFiles      Mode = "file"
	ModeStored     Mode = "stored" // given by an administrator, kept in Directory
	ModeACME       Mode = "acme"
)

const (
	storedFile = "stored.pem" // key and chain, 0600
	acmeFile   = "acme.pem"   // likewise
)

// Options of Open.
type Options struct {
	Directory string // where the keys and certificates are kept that are not the administrator's files
	Mode      Mode
	// Certificate and Key are the files of FromFiles.
	Certificate, Key string
	// Hostnames and Addresses are what the self-signed certificate and requests are for, and what another one is checked against.
	Hostnames []string
	Addresses []netip.Addr
	// Roots are the authorities that this machine knows; nil: nothing is said of them.
	Roots  *x509.CertPool
	Random io.Reader
}

func (o *Options) mode() Mode {
	switch {
	case o.Mode != "":
		return o.Mode
	case o.Certificate != "":
		return FromFiles
	}
	return ModeSelfSigned
}

// Keeper holds the certificate in use. Its methods may be called from any goroutine.
type Keeper struct {
	o       atomic.Pointer[Options]
	current atomic.Pointer[state]

	answers answers

	refreshing sync.Mutex // one change of the files, or of what is served, at a time
}

// state is a certificate with what is said about it.
type state struct {
	certificate tls.Certificate
	selfSigned  bool
	files       string // what the files were when they were read
	instead     Code   // why it is not one of the mode that is set; empty: it is
}

// Open loads the certificate, or makes a self-signed one where there is none or it no longer fits. A stored certificate that is
// damaged or gone does not keep the appliance from starting: a self-signed one stands in, and the remarks say why.
func Open(o Options, now time.Time) (*Keeper, error) {
	if o.Random == nil {
		return nil, errors.New("certs: no source of random numbers")
	}
	if (o.Certificate == "") != (o.Key == "") {
		return nil, errors.New("certs: a certificate and its key are given together or not at all")
	}
	k := &Keeper{}
	k.o.Store(&o)
	if _, err := k.Refresh(now); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *Keeper) options() *Options { return k.o.Load() }

// Refresh brings the certificate up to date and reports whether another one is served from now on: a self-signed one is
// renewed before it expires, others are read again when their files have changed. After an error the one before stays
// in use. Call it once an hour, and when the settings are read again.
func (k *Keeper) Refresh(now time.Time) (changed bool, err error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.change(k.options(), now)
}

// Use changes to other settings; Directory, Roots and Random stay. After an error, which may be a *Refusal, nothing has changed.
// Connections that are open keep the certificate with which they began.
func (k *Keeper) Use(to Options, now time.Time) (changed bool, err error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	o := k.options()
	to.Directory, to.Roots, to.Random = o.Directory, o.Roots, o.Random
	if to.mode() == ModeStored {
		if _, err := os.Stat(filepath.Join(to.Directory, storedFile)); err != nil {
			return false, refuse(NothingStored, "")
		}
	}
	return k.change(&to, now)
}

func (k *Keeper) change(o *Options, now time.Time) (bool, error) {
	before := k.current.Load()
	next, err := load(o, before, now)
	if err != nil {
		return false, err
	}
	k.o.Store(o)
	k.current.Store(next)
	return before == nil || fingerprint(before.leaf()) != fingerprint(next.leaf()), nil
}

// Mode is the one that is set.
func (k *Keeper) Mode() Mode { return k.options().mode() }

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
		// RFC 8737 §3: who offers acme-tls/1 alone gets the answer to a challenge, and no application protocol but that.
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c := k.answers.to(hello)
			if c == nil {
				return nil, nil
			}
			return &tls.Config{MinVersion: tls.VersionTLS13, SessionTicketsDisabled: true, NextProtos: []string{ProtocolACME}, Certificates: []tls.Certificate{*c}}, nil
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
