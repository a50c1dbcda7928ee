package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func reasonOf(err error) Reason {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return ""
}

// assemble is what an import does with files.
func assemble(now time.Time, passphrase string, files ...[]byte) (*Pair, error) {
	m, err := Read(passphrase, files...)
	if err != nil {
		return nil, err
	}
	return Assemble(m, nil, now)
}

func TestImportInEveryForm(t *testing.T) {
	a := newAuthority(t)
	key := p256(t)
	leaf := a.leaf(key.Public(), noon.AddDate(0, 6, 0))
	private := keyPEM(t, key)
	old, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: old})
	modern, err := pkcs12.Modern.Encode(key, leaf, []*x509.Certificate{a.root, a.middle}, "four words of it")
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := pkcs12.LegacyDES.Encode(key, leaf, []*x509.Certificate{a.middle}, "four words of it")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := pkcs12.Passwordless.Encode(key, leaf, []*x509.Certificate{a.middle}, "")
	if err != nil {
		t.Fatal(err)
	}
	parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}})
	stranger := newAuthority(t).middle
	for name, c := range map[string]struct {
		files      [][]byte
		passphrase string
		reordered  bool
		dropped    int
	}{
		"chain and key":             {[][]byte{chainPEM(leaf, a.middle), private}, "", false, 0},
		"one file":                  {[][]byte{slices.Concat(private, chainPEM(leaf, a.middle))}, "", false, 0},
		"as OpenSSL writes a key":   {[][]byte{chainPEM(leaf, a.middle), slices.Concat(parameters, sec1)}, "", false, 0},
		"the root with it":          {[][]byte{chainPEM(leaf, a.middle, a.root), private}, "", false, 0},
		"upside down":               {[][]byte{chainPEM(a.root, a.middle, leaf), private}, "", true, 0},
		"the chain in another file": {[][]byte{chainPEM(a.middle), chainPEM(leaf), private}, "", true, 0},
		"a stranger in it":          {[][]byte{chainPEM(leaf, a.middle, stranger), private}, "", false, 1},
		"DER":                       {[][]byte{leaf.Raw, a.middle.Raw, old}, "", false, 0},
		"PKCS#12":                   {[][]byte{modern}, "four words of it", true, 0},
		"an old PKCS#12":            {[][]byte{legacy}, "four words of it", false, 0},
		"an open PKCS#12":           {[][]byte{plain}, "", false, 0},
		"twice the same":            {[][]byte{chainPEM(leaf, leaf, a.middle), private, private}, "", true, 0},
	} {
		p, err := assemble(noon, c.passphrase, c.files...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(p.Chain) != 2 || !p.Chain[0].Equal(leaf) || !p.Chain[1].Equal(a.middle) || !same(p.Key.Public(), key.Public()) || p.Reordered != c.reordered || p.Dropped != c.dropped {
			t.Errorf("%s: %d in the chain, reordered %v, dropped %d", name, len(p.Chain), p.Reordered, p.Dropped)
		}
	}
}

func TestImportThatIsRefused(t *testing.T) {
	// ASVS 11.6.1, 12.3.2
	a := newAuthority(t)
	key, other := p256(t), p256(t)
	until := noon.AddDate(0, 6, 0)
	leaf, private := a.leaf(key.Public(), until), keyPEM(t, key)
	small, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	special := func(change func(*x509.Certificate)) []byte {
		c := &x509.Certificate{SerialNumber: big.NewInt(9), Subject: pkix.Name{CommonName: "x"}, NotBefore: noon.Add(-time.Hour), NotAfter: until, DNSNames: []string{"visio.example.org"}}
		change(c)
		return chainPEM(a.sign(c, a.middle, key.Public(), a.middleKey))
	}
	p12, err := pkcs12.Modern.Encode(key, leaf, nil, "right")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := asn1.Marshal(struct{ Type asn1.ObjectIdentifier }{signedData})
	if err != nil {
		t.Fatal(err)
	}
	// A count of rounds that would hold the processor for an hour.
	slow, err := pkcs12.Modern2023.WithIterations(2048).Encode(key, leaf, nil, "right")
	if err != nil {
		t.Fatal(err)
	}
	rounds := bytes.ReplaceAll(slow, []byte{2, 2, 8, 0}, []byte{2, 4, 0x7f, 0xff, 0xff, 0xff})
	if bytes.Equal(rounds, slow) {
		t.Fatal("the count of rounds is not where it was")
	}
	for name, c := range map[string]struct {
		want       Reason
		passphrase string
		files      [][]byte
	}{
		"nothing":                    {NoCertificate, "", nil},
		"a text":                     {Unreadable, "", [][]byte{[]byte("my certificate")}},
		"PEM of nothing":             {Unreadable, "", [][]byte{[]byte("-----BEGIN CERTIFICATE-----\n")}},
		"a damaged certificate":      {Unreadable, "", [][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw[:90]})}},
		"PKCS#7":                     {Bundled, "", [][]byte{signed}},
		"PKCS#7 as PEM":              {Bundled, "", [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: signed})}},
		"a wrong passphrase":         {WrongPassword, "wrong", [][]byte{p12}},
		"a key under a passphrase":   {EncryptedKey, "", [][]byte{chainPEM(leaf), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})}},
		"an old key under one":       {EncryptedKey, "", [][]byte{chainPEM(leaf), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte{1}})}},
		"a key alone":                {NoCertificate, "", [][]byte{private}},
		"no key":                     {NoKey, "", [][]byte{chainPEM(leaf)}},
		"another's key":              {OtherKey, "", [][]byte{chainPEM(leaf), keyPEM(t, other)}},
		"two keys":                   {SeveralKeys, "", [][]byte{chainPEM(leaf), private, keyPEM(t, other)}},
		"RSA of 2048 bits":           {SmallRSA, "", [][]byte{chainPEM(a.leaf(small.Public(), until)), keyPEM(t, small)}},
		"P-521":                      {OtherCurve, "", [][]byte{chainPEM(a.leaf(p521.Public(), until)), keyPEM(t, p521)}},
		"expired":                    {Expired, "", [][]byte{chainPEM(a.leaf(key.Public(), noon.Add(-time.Second))), private}},
		"of the future":              {NotYet, "", [][]byte{special(func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Hour) }), private}},
		"for mail":                   {NotForServers, "", [][]byte{special(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), private}},
		"without a name":             {NoNames, "", [][]byte{special(func(c *x509.Certificate) { c.DNSNames = nil }), private}},
		"an authority's":             {Authority, "", [][]byte{special(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), private}},
		"too large":                  {TooLarge, "", [][]byte{bytes.Repeat([]byte("x"), maxGiven+1)}},
		"too many":                   {TooLarge, "", [][]byte{bytes.Repeat(chainPEM(leaf), maxCertificates+1)}},
		"PKCS#12 with endless work":  {TooLarge, "right", [][]byte{rounds}},
		"PKCS#12 that is cut in two": {Unreadable, "right", [][]byte{p12[:len(p12)/2]}},
	} {
		_, err := assemble(noon, c.passphrase, c.files...)
		if reasonOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
			continue
		}
		var r *Refusal
		errors.As(err, &r)
		if fr, en := r.Sentence(); !strings.HasSuffix(fr, ".") && !strings.HasSuffix(fr, ").") || !strings.HasSuffix(en, ".") && !strings.HasSuffix(en, ").") || strings.Contains(fr+en, "%!") {
			t.Errorf("%s: %q, %q", name, fr, en)
		}
	}
}

func TestStoredCertificate(t *testing.T) {
	a := newAuthority(t)
	key := p256(t)
	dir := filepath.Join(t.TempDir(), "tls")
	k := open(t, options(dir), noon)
	self := k.Fingerprint()
	stored := options(dir)
	stored.Mode = ModeStored
	if _, err := k.Use(stored, noon); reasonOf(err) != NothingStored || k.Fingerprint() != self || k.Mode() != ModeSelfSigned {
		t.Errorf("with nothing stored: %v, mode %s", err, k.Mode())
	}
	m, err := Read("", chainPEM(a.middle, a.leaf(key.Public(), noon.AddDate(0, 6, 0))), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Examine(m, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Store(p, noon); err != nil || k.Fingerprint() != self {
		t.Errorf("storing changes what is served: %v", err)
	}
	if changed, err := k.Use(stored, noon); !changed || err != nil || k.SelfSigned() || !k.StrictTransport(noon) {
		t.Errorf("the stored one is not served: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, storedFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file %v, %v", info.Mode(), err)
	}
	f := k.Facts(noon)
	if f.SelfSigned || f.Key != "P-256" || len(f.Chain) != 1 || len(f.Remarks) != 0 || f.Fingerprint != k.Fingerprint() || !slices.Equal(f.Names, []string{"visio.example.org"}) {
		t.Errorf("facts %+v", f)
	}
	again := open(t, stored, noon)
	if again.Fingerprint() != k.Fingerprint() {
		t.Error("after a restart another one is served")
	}
	// Expired: it is served all the same, so that whoever can go past the browser's warning can mend it.
	late := noon.AddDate(0, 7, 0)
	expired := open(t, stored, late)
	if expired.Fingerprint() != k.Fingerprint() || expired.Facts(late).Remarks[0].Code != HasExpired || expired.StrictTransport(late) {
		t.Errorf("an expired one: %+v", expired.Facts(late).Remarks)
	}
	// Damaged while it runs: what is served goes on. At a start: a self-signed one stands in.
	if err := os.WriteFile(filepath.Join(dir, storedFile), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Refresh(noon); err == nil || k.SelfSigned() {
		t.Errorf("a damaged file: %v", err)
	}
	fallen := open(t, stored, noon)
	if !fallen.SelfSigned() || fallen.Mode() != ModeStored || len(fallen.Warnings(noon)) != 1 || fallen.Facts(noon).Remarks[0].Code != DamagedStored {
		t.Errorf("a damaged file at the start: %q", fallen.Warnings(noon))
	}
	if err := os.Remove(filepath.Join(dir, storedFile)); err != nil {
		t.Fatal(err)
	}
	if gone := open(t, stored, noon); !gone.SelfSigned() || gone.Facts(noon).Remarks[0].Code != MissingStored {
		t.Error("no file at the start: it is not said")
	}
	// And back.
	if changed, err := again.Use(options(dir), noon); !changed || err != nil || !again.SelfSigned() || again.StrictTransport(noon) {
		t.Errorf("back to self-signed: %v", err)
	}
}

func TestReadOnlyDiskChangesNothing(t *testing.T) {
	if os.Geteuid() == 0 {
		// Permissions do not hold root back: a file stands where the directory should be.
		dir := filepath.Join(t.TempDir(), "tls")
		k := open(t, options(dir), noon)
		before := k.Fingerprint()
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		checkNothingChanges(t, k, before)
		return
	}
	dir := filepath.Join(t.TempDir(), "tls")
	k := open(t, options(dir), noon)
	before := k.Fingerprint()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	checkNothingChanges(t, k, before)
}

func checkNothingChanges(t *testing.T, k *Keeper, before string) {
	t.Helper()
	a := newAuthority(t)
	key := p256(t)
	p, err := assemble(noon, "", chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0)), a.middle), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Store(p, noon); err == nil {
		t.Error("stored on a disk that takes nothing")
	}
	if err := k.Issued(p, noon); err == nil {
		t.Error("kept on a disk that takes nothing")
	}
	if _, err := k.Request(Wish{}, noon); err == nil {
		t.Error("a request on a disk that takes nothing")
	}
	if changed, err := k.Refresh(noon.Add(lifetime)); changed || err == nil {
		t.Errorf("renewed on a disk that takes nothing: %v", err)
	}
	if k.Fingerprint() != before {
		t.Error("another certificate is served")
	}
}

func TestCertificateForOtherNames(t *testing.T) {
	a := newAuthority(t)
	key := p256(t)
	dir := t.TempDir()
	o := options(dir)
	o.Hostnames = []string{"meet.example.net", "visio.example.org"}
	k := open(t, o, noon)
	p, err := assemble(noon, "", chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0)), a.middle), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	codes := func(f Facts) (list []Code) {
		for _, r := range f.Remarks {
			list = append(list, r.Code)
		}
		return list
	}
	if got := codes(k.FactsOf(p, noon)); !slices.Equal(got, []Code{NameMissing}) {
		t.Errorf("one name of two: %v", got)
	}
	o.Hostnames = o.Hostnames[:1]
	o.Mode = ModeStored
	if err := k.Store(p, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Use(o, noon); err != nil {
		t.Errorf("a certificate for other names is refused, and shuts nobody out: %v", err)
	}
	if got := codes(k.Facts(noon)); !slices.Equal(got, []Code{NameMissing, NoNameCovered}) || k.StrictTransport(noon) {
		t.Errorf("no name: %v, strict %v", got, k.StrictTransport(noon))
	}
	roots := x509.NewCertPool()
	known := open(t, Options{Directory: dir, Mode: ModeStored, Hostnames: []string{"visio.example.org"}, Random: rand.Reader, Roots: roots}, noon)
	if got := codes(known.Facts(noon)); !slices.Equal(got, []Code{Unknown}) || len(known.Warnings(noon)) != 0 {
		t.Errorf("an authority of one's own: %v", got)
	}
	roots.AddCert(a.root)
	if got := codes(known.Facts(noon)); len(got) != 0 {
		t.Errorf("an authority that is known: %v", got)
	}
	alone, err := assemble(noon, "", chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0))), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	if got := codes(known.FactsOf(alone, noon)); !slices.Equal(got, []Code{ShortChain}) {
		t.Errorf("without the certificate between: %v", got)
	}
}

func TestRequests(t *testing.T) {
	// ASVS 13.3.2
	a := newAuthority(t)
	dir := t.TempDir()
	k := open(t, options(dir), noon)
	first, err := k.Request(Wish{Organisation: "Exemple", Country: "fr"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(first.PEM)
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || csr.CheckSignature() != nil || !slices.Equal(csr.DNSNames, []string{"visio.example.org"}) || len(csr.IPAddresses) != 3 || csr.Subject.Country[0] != "FR" || csr.Subject.Organization[0] != "Exemple" {
		t.Fatalf("request %+v, %v", csr, err)
	}
	if bytes.Contains(first.PEM, []byte("PRIVATE")) {
		t.Error("the key is in what goes to the authority")
	}
	if info, err := os.Stat(k.requestFile(first.ID)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	second, err := k.Request(Wish{P384: true}, noon.Add(time.Minute))
	if err != nil || second.Curve != "P-384" {
		t.Fatal(second.Curve, err)
	}
	list, err := open(t, options(dir), noon).Requests()
	if err != nil || len(list) != 2 || list[0].ID != first.ID || list[1].ID != second.ID || !list[0].Made.Equal(noon) {
		t.Fatalf("after a restart: %+v, %v", list, err)
	}
	// The answer to the first comes, without a key.
	m, err := Read("", chainPEM(a.leaf(csr.PublicKey, noon.AddDate(1, 0, 0)), a.middle, a.root))
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Examine(m, noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Store(p, noon); err != nil {
		t.Fatal(err)
	}
	if list, err := k.Requests(); err != nil || len(list) != 1 || list[0].ID != second.ID {
		t.Errorf("what waits: %+v, %v", list, err)
	}
	o := options(dir)
	o.Mode = ModeStored
	if _, err := k.Use(o, noon); err != nil || k.SelfSigned() {
		t.Errorf("the answer is not served: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.root)
	if _, err := handshake(t, k, &tls.Config{RootCAs: roots, ServerName: "visio.example.org", Time: func() time.Time { return noon }}); err != nil {
		t.Error(err)
	}
	// What nobody asked for.
	if _, err := k.Examine(Material{Certificates: []*x509.Certificate{a.leaf(p256(t).Public(), noon.AddDate(1, 0, 0))}}, noon); reasonOf(err) != NoKey {
		t.Errorf("an answer to no request: %v", err)
	}
	if err := k.Withdraw(second.ID); err != nil {
		t.Error(err)
	}
	for _, id := range []string{second.ID, "", "..", "../stored", strings.Repeat("0", 16)} {
		if err := k.Withdraw(id); reasonOf(err) != NoSuchRequest {
			t.Errorf("%q withdrawn: %v", id, err)
		}
	}
	for range maxRequests {
		if _, err := k.Request(Wish{}, noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Request(Wish{}, noon); reasonOf(err) != TooMany {
		t.Errorf("one too many: %v", err)
	}
	nameless := options(t.TempDir())
	nameless.Hostnames = nil
	if _, err := open(t, nameless, noon).Request(Wish{}, noon); reasonOf(err) != NothingToSign {
		t.Errorf("for no name: %v", err)
	}
}

func TestModeACMEBeforeAnythingIsIssued(t *testing.T) {
	a := newAuthority(t)
	key := p256(t)
	dir := t.TempDir()
	k := open(t, options(dir), noon)
	p, err := assemble(noon, "", chainPEM(a.leaf(key.Public(), noon.AddDate(0, 6, 0)), a.middle), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	o.Mode = ModeStored
	if err := k.Store(p, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Use(o, noon); err != nil {
		t.Fatal(err)
	}
	stored := k.Fingerprint()
	o.Mode = ModeACME
	if changed, err := k.Use(o, noon); changed || err != nil || k.Fingerprint() != stored || k.Facts(noon).Remarks[0].Code != NotIssued {
		t.Errorf("the one before is not served until there is another: %v", err)
	}
	if again := open(t, o, noon); again.Fingerprint() != stored {
		t.Error("nor after a restart")
	}
	issued, err := assemble(noon, "", chainPEM(a.leaf(key.Public(), noon.AddDate(0, 3, 0)), a.middle), keyPEM(t, key))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Issued(issued, noon); err != nil || k.Fingerprint() == stored || len(k.Facts(noon).Remarks) != 0 {
		t.Errorf("what was issued is not served: %v, %+v", err, k.Facts(noon).Remarks)
	}
	if f, ok := k.ByACME(noon); !ok || f.Fingerprint != k.Fingerprint() {
		t.Error("what was issued is not found again")
	}
	if f, ok := k.Stored(noon); !ok || f.Fingerprint != stored {
		t.Error("what was stored is not found again")
	}
}

func TestChallengeIsAnsweredApart(t *testing.T) {
	k := open(t, options(t.TempDir()), noon)
	key := p256(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"visio.example.org"}}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(name string, protocols ...string) (*tls.ConnectionState, error) {
		return handshake(t, k, &tls.Config{ServerName: name, NextProtos: protocols, InsecureSkipVerify: true})
	}
	if _, err := ask("visio.example.org", ProtocolACME); err == nil {
		t.Error("answered before there was a challenge")
	}
	k.Answer("Visio.example.org", &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key})
	if s, err := ask("visio.example.org", ProtocolACME); err != nil || !bytes.Equal(s.PeerCertificates[0].Raw, der) || s.NegotiatedProtocol != ProtocolACME {
		t.Errorf("the challenge is not answered: %v", err)
	}
	if _, err := ask("other.example.org", ProtocolACME); err == nil {
		t.Error("another name is answered")
	}
	for _, protocols := range [][]string{nil, {"http/1.1"}, {"http/1.1", ProtocolACME}} {
		if s, err := ask("visio.example.org", protocols...); err != nil || !k.Serves(s.PeerCertificates[0].Raw) || s.NegotiatedProtocol == ProtocolACME {
			t.Errorf("%v: people get the answer to the challenge: %v", protocols, err)
		}
	}
	k.Answer("visio.example.org", nil)
	if _, err := ask("visio.example.org", ProtocolACME); err == nil {
		t.Error("answered after the challenge")
	}
}

func FuzzX509Import(f *testing.F) {
	_, self, err := generate(options(""), noon)
	if err != nil {
		f.Fatal(err)
	}
	key := p256(f)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotBefore: noon.Add(-time.Hour), NotAfter: noon.AddDate(1, 0, 0), DNSNames: []string{"visio.example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		f.Fatal(err)
	}
	p12, err := pkcs12.Modern.Encode(key, leaf, nil, "p")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(self, []byte{}, "")
	f.Add(self[:300], self[300:], "")
	f.Add(p12, []byte{}, "p")
	f.Add(der, []byte("-----BEGIN PKCS7-----\nAA==\n-----END PKCS7-----\n"), "")
	f.Fuzz(func(t *testing.T, a, b []byte, passphrase string) {
		m, err := Read(passphrase, a, b)
		if err == nil {
			var p *Pair
			if p, err = Assemble(m, []crypto.Signer{key}, noon); err == nil {
				text, err := p.encode()
				if err != nil {
					t.Fatal(err)
				}
				back, err := tls.X509KeyPair(text, text)
				if err != nil || sha256.Sum256(back.Leaf.Raw) != sha256.Sum256(p.Chain[0].Raw) {
					t.Fatalf("what is stored is not what was taken: %v", err)
				}
				return
			}
		}
		if reasonOf(err) == "" {
			t.Fatalf("an error without a sentence: %v", err)
		}
	})
}
