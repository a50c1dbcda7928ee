package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func options(dir string) Options {
	return Options{
		Directory: dir, Hostnames: []string{"visio.example.org"}, Random: rand.Reader,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("2001:db8::10"), netip.MustParseAddr("::ffff:192.0.2.11")},
	}
}

func open(t *testing.T, o Options, now time.Time) *Keeper {
	t.Helper()
	k, err := Open(o, now)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSelfSigned(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	k := open(t, options(dir), noon)
	leaf := k.current.Load().leaf()
	for _, name := range []string{"visio.example.org", "localhost", "192.0.2.10", "192.0.2.11", "2001:db8::10", "127.0.0.1", "::1"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if err := leaf.VerifyHostname("other.example.org"); err == nil {
		t.Error("it is for any name")
	}
	if key, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		t.Errorf("key %T", leaf.PublicKey)
	}
	if leaf.IsCA || leaf.SerialNumber.Sign() != 1 || !leaf.NotAfter.Equal(noon.Add(365*24*time.Hour)) || !leaf.NotBefore.Before(noon) {
		t.Errorf("CA %v, serial %v, from %v to %v", leaf.IsCA, leaf.SerialNumber, leaf.NotBefore, leaf.NotAfter)
	}
	sum := sha256.Sum256(leaf.Raw)
	want := strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), ":")
	if k.Fingerprint() != want || !k.SelfSigned() || !k.Expires().Equal(leaf.NotAfter) || k.Warnings(noon.AddDate(5, 0, 0)) != nil {
		t.Errorf("fingerprint %s, want %s", k.Fingerprint(), want)
	}
	path := filepath.Join(dir, selfSignedFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again := open(t, options(dir), noon.Add(time.Hour)); again.Fingerprint() != k.Fingerprint() {
		t.Error("another certificate after a restart")
	}
	// Fewer names: people have accepted the one there is.
	less := options(dir)
	less.Addresses, less.Hostnames = nil, nil
	if again := open(t, less, noon); again.Fingerprint() != k.Fingerprint() {
		t.Error("another certificate for fewer names")
	}
	more := options(dir)
	more.Hostnames = append(more.Hostnames, "new.example.org")
	other := open(t, more, noon)
	if other.Fingerprint() == k.Fingerprint() || other.current.Load().leaf().VerifyHostname("new.example.org") != nil {
		t.Error("no certificate for a new name")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".cert-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestSelfSignedIsRenewed(t *testing.T) {
	dir := t.TempDir()
	k := open(t, options(dir), noon)
	first := k.Fingerprint()
	if changed, err := k.Refresh(noon.Add(lifetime - renewBefore)); changed || err != nil {
		t.Errorf("thirty days before the end: %v, %v", changed, err)
	}
	later := noon.Add(lifetime - renewBefore + time.Second)
	if changed, err := k.Refresh(later); !changed || err != nil || k.Fingerprint() == first {
		t.Errorf("within the last thirty days: %v, %v", changed, err)
	}
	if !k.Expires().Equal(later.Add(lifetime)) {
		t.Errorf("expires %v", k.Expires())
	}
	// The clock was ahead when it was made.
	second := k.Fingerprint()
	if changed, err := k.Refresh(noon); !changed || err != nil || k.Fingerprint() == second {
		t.Errorf("with a certificate of the future: %v, %v", changed, err)
	}
}

func TestSelfSignedFileIsGuarded(t *testing.T) {
	// ASVS 13.3.2
	dir := t.TempDir()
	k := open(t, options(dir), noon)
	path := filepath.Join(dir, selfSignedFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(options(dir), noon); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(options(dir), noon); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("a damaged file: %v", err)
	}
	before := k.Fingerprint()
	if _, err := k.Refresh(noon); err == nil || k.Fingerprint() != before {
		t.Errorf("after a failed Refresh another certificate is in use (%v)", err)
	}
}

// handshake connects with the client's settings and returns both ends' state.
func handshake(t *testing.T, k *Keeper, client *tls.Config) (*tls.ConnectionState, error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			served <- err
			return
		}
		defer conn.Close()
		server := tls.Server(conn, k.TLS())
		err = server.Handshake()
		if err == nil {
			_, err = server.Write([]byte("x"))
		}
		served <- err
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(conn, client)
	if err := c.Handshake(); err != nil {
		conn.Close()
		<-served
		return nil, err
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		return nil, err
	}
	if err := <-served; err != nil {
		return nil, err
	}
	state := c.ConnectionState()
	return &state, nil
}

func trusting(k *Keeper) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(k.current.Load().leaf())
	return &tls.Config{RootCAs: pool, ServerName: "visio.example.org", Time: func() time.Time { return noon }}
}

func TestTLS(t *testing.T) {
	// ASVS 11.3.1, 11.6.2, 12.1.1, 12.1.2
	k := open(t, options(t.TempDir()), noon)
	for _, group := range []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024, tls.CurveP256, tls.CurveP384} {
		c := trusting(k)
		c.CurvePreferences = []tls.CurveID{group}
		c.NextProtos = []string{"h2", "http/1.1"}
		c.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for range 2 {
			state, err := handshake(t, k, c)
			if err != nil {
				t.Errorf("%v: %v", group, err)
				break
			}
			if state.Version != tls.VersionTLS13 || state.CurveID != group || state.NegotiatedProtocol != "http/1.1" || state.DidResume {
				t.Errorf("%v: version %x, group %v, protocol %q, resumed %v", group, state.Version, state.CurveID, state.NegotiatedProtocol, state.DidResume)
			}
		}
	}
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2":        func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"X25519 alone":   func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"P-521":          func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} },
		"another name":   func(c *tls.Config) { c.ServerName = "other.example.org" },
		"another's root": func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
	} {
		c := trusting(k)
		change(c)
		if _, err := handshake(t, k, c); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	// What a browser of today offers.
	c := trusting(k)
	c.CurvePreferences = []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384}
	if state, err := handshake(t, k, c); err != nil || state.CurveID != tls.X25519MLKEM768 {
		t.Errorf("a browser's offer: %+v, %v", state, err)
	}
}

// authority is a root with an intermediate, as a certification authority has them.
type authority struct {
	t                  *testing.T
	rootKey, middleKey *ecdsa.PrivateKey
	root, middle       *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a.rootKey, a.middleKey = key(), key()
	ca := func(name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.AddDate(5, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
	}
	a.root = a.sign(ca("root"), ca("root"), a.rootKey.Public(), a.rootKey)
	a.middle = a.sign(ca("middle"), a.root, a.middleKey.Public(), a.rootKey)
	return a
}

func (a *authority) sign(c, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, key)
	if err != nil {
		a.t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return parsed
}

func (a *authority) leaf(public crypto.PublicKey, until time.Time) *x509.Certificate {
	return a.sign(&x509.Certificate{
		SerialNumber: big.NewInt(until.Unix()), Subject: pkix.Name{CommonName: "visio"}, NotBefore: noon.Add(-time.Hour), NotAfter: until,
		DNSNames: []string{"visio.example.org"}, KeyUsage: x509.KeyUsageDigitalSignature,
	}, a.middle, public, a.middleKey)
}

func chainPEM(list ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range list {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes()
}

func keyPEM(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func files(t *testing.T, dir string, chain, key []byte) Options {
	t.Helper()
	o := options(dir)
	o.Certificate, o.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := os.WriteFile(o.Certificate, chain, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(o.Key, key, 0o640); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOwnCertificate(t *testing.T) {
	a := newAuthority(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := files(t, dir, chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0)), a.middle, a.root), keyPEM(t, key))
	k := open(t, o, noon)
	if k.SelfSigned() || len(k.Warnings(noon)) != 0 {
		t.Errorf("self-signed %v, warnings %q", k.SelfSigned(), k.Warnings(noon))
	}
	if _, err := os.Stat(filepath.Join(dir, selfSignedFile)); err == nil {
		t.Error("a self-signed certificate was made too")
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	client := &tls.Config{RootCAs: roots, ServerName: "visio.example.org", Time: func() time.Time { return noon }}
	if _, err := handshake(t, k, client); err != nil {
		t.Error(err)
	}
	if changed, err := k.Refresh(noon); changed || err != nil {
		t.Errorf("the same files: %v, %v", changed, err)
	}
	// Renewed by a tool: served from the next handshake on.
	files(t, dir, chainPEM(a.leaf(key.Public(), noon.AddDate(1, 0, 0)), a.middle), keyPEM(t, key))
	before := k.Fingerprint()
	if changed, err := k.Refresh(noon); !changed || err != nil || k.Fingerprint() == before || !k.Expires().Equal(noon.AddDate(1, 0, 0)) {
		t.Errorf("renewed files: %v, %v", changed, err)
	}
	if state, err := handshake(t, k, client); err != nil || !state.PeerCertificates[0].NotAfter.Equal(noon.AddDate(1, 0, 0)) {
		t.Errorf("the old one is served: %v", err)
	}
	// Half-written: the one before stays.
	if err := os.WriteFile(o.Certificate, []byte("-----BEGIN CERT"), 0o644); err != nil {
		t.Fatal(err)
	}
	before = k.Fingerprint()
	if changed, err := k.Refresh(noon); changed || err == nil || k.Fingerprint() != before {
		t.Errorf("damaged files: %v, %v", changed, err)
	}
}

func TestOwnCertificateThatIsRefused(t *testing.T) {
	// ASVS 11.6.1
	a := newAuthority(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := noon.AddDate(1, 0, 0)
	leaf := a.leaf(ec.Public(), until)
	good := keyPEM(t, ec)
	for name, c := range map[string]struct {
		chain, key []byte
		want       string
	}{
		"good":               {chainPEM(leaf, a.middle), good, ""},
		"RSA of 3072 bits":   {chainPEM(a.leaf(large.Public(), until)), keyPEM(t, large), ""},
		"another key":        {chainPEM(leaf), keyPEM(t, p521), "private key"},
		"no certificate":     {nil, good, "failed to find"},
		"no key":             {chainPEM(leaf), nil, "failed to find"},
		"RSA of 2048 bits":   {chainPEM(a.leaf(small.Public(), until)), keyPEM(t, small), "RSA key of 2048 bits"},
		"P-521":              {chainPEM(a.leaf(p521.Public(), until)), keyPEM(t, p521), "P-521"},
		"Ed25519":            {chainPEM(a.leaf(ed.Public(), until)), keyPEM(t, ed), "Ed25519"},
		"the chain shuffled": {chainPEM(leaf, a.root, a.middle), good, "put them in order"},
		"a stranger in it":   {chainPEM(leaf, newAuthority(t).middle), good, "did not sign"},
	} {
		o := files(t, t.TempDir(), c.chain, c.key)
		_, err := Open(o, noon)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	o := files(t, t.TempDir(), chainPEM(leaf), good)
	if err := os.Chmod(o.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(o, noon); err == nil || !strings.Contains(err.Error(), "chmod o=") {
		t.Errorf("a key that anybody may read: %v", err)
	}
	o.Key = ""
	if _, err := Open(o, noon); err == nil {
		t.Error("a certificate without a key: accepted")
	}
}

func TestWarnings(t *testing.T) {
	a := newAuthority(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := files(t, t.TempDir(), chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0)), a.middle), keyPEM(t, key))
	o.Hostnames = []string{"visio.example.org", "other.example.org"}
	k := open(t, o, noon)
	for at, want := range map[time.Time][]string{
		noon:                      {"not for other.example.org"},
		noon.AddDate(0, 6, -10):   {"expires on 2026-09-01", "not for other.example.org"},
		noon.AddDate(0, 7, 0):     {"has expired on 2026-09-01", "not for other.example.org"},
		noon.Add(-24 * time.Hour): {"the clock of this machine", "not for other.example.org"},
	} {
		got := k.Warnings(at)
		if len(got) != len(want) {
			t.Errorf("at %v: %q, want %q", at, got, want)
			continue
		}
		for i := range want {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("at %v: %q, want %q", at, got, want)
			}
		}
	}
}

func FuzzParseOwn(f *testing.F) {
	c, text, err := generate(options(""), noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, text)
	f.Add(text[:200], text[200:])
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte{})
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), text)
	f.Fuzz(func(t *testing.T, chain, key []byte) {
		c, err := parseOwn(chain, key)
		if err != nil {
			return
		}
		if c.Leaf == nil || c.PrivateKey == nil || len(c.Certificate) == 0 {
			t.Fatal("accepted without a certificate or a key")
		}
	})
}
