package order

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/acme"

	"huisclos/appliance/certs"
)

func kindOf(err error) Kind {
	var f *Failure
	if errors.As(err, &f) {
		return f.Kind
	}
	return ""
}

func tend(t *testing.T, h *house, s Settings, now time.Time) {
	t.Helper()
	if got, err := h.Tend(context.Background(), s, false, now); !got || err != nil {
		t.Fatalf("no certificate: %v", err)
	}
}

func TestCertificateByTLSALPN(t *testing.T) {
	t.Parallel()
	p := startPebble(t, nil)
	folder := t.TempDir()
	h := newHouse(t, folder)
	h.answer(p, true, false)
	s := p.settings()
	now := time.Now()
	s.Terms = false
	if _, err := h.Tend(context.Background(), s, false, now); kindOf(err) != Terms || !strings.Contains(err.Error(), "data:text/plain") {
		t.Errorf("terms that nobody accepted: %v", err)
	}
	s.Terms = true
	if got, err := h.Tend(context.Background(), s, false, now.Add(time.Minute)); got || err != nil {
		t.Errorf("it does not wait after a failure: %v", err)
	}
	self := h.keeper.Fingerprint()
	if got, err := h.Tend(context.Background(), s, true, now); !got || err != nil || h.keeper.Fingerprint() == self {
		t.Fatalf("no certificate: %v", err)
	}
	f := h.keeper.Facts(now)
	if f.SelfSigned || len(f.Chain) != 1 || f.Key != "P-256" || !slices.Equal(f.Names, []string{domain}) {
		t.Errorf("facts %+v", f)
	}
	status, busy := h.Status()
	if busy || status.Failures != 0 || status.Failure != nil || !status.Got.Equal(now) {
		t.Errorf("status %+v", status)
	}
	for _, name := range []string{"acme.pem", "acme/status.json"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "acme", orderFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the order is still noted: %v", err)
	}
	// Not due; after a restart neither.
	first := h.keeper.Fingerprint()
	again := newHouse(t, folder)
	if got, err := again.Tend(context.Background(), s, false, now.Add(time.Hour)); got || err != nil || again.keeper.Fingerprint() != first {
		t.Errorf("ordered again: %v", err)
	}
	if status, _ := again.Status(); status.Suggested.IsZero() || status.For == "" {
		t.Errorf("the authority was not asked when to renew: %+v", status)
	}
	// A third before its end. The account is the same one.
	accounts, err := filepath.Glob(filepath.Join(folder, "acme", "account-*"))
	if err != nil || len(accounts) != 1 {
		t.Fatal(accounts, err)
	}
	tend(t, h, s, h.keeper.ACMELeaf().NotAfter.Add(-30*24*time.Hour))
	if h.keeper.Fingerprint() == first {
		t.Error("not renewed")
	}
	// Another name: at once.
	second := h.keeper.Fingerprint()
	s.Names = append(s.Names, "third.acme.test")
	tend(t, h, s, now)
	if h.keeper.Fingerprint() == second {
		t.Error("not for the new name")
	}
	// The authority is gone: what is served stays.
	p.Stop()
	third := h.keeper.Fingerprint()
	s.Names = append(s.Names, "fourth.acme.test")
	if _, err := h.Tend(context.Background(), s, false, now); kindOf(err) != NoAuthority || h.keeper.Fingerprint() != third {
		t.Errorf("without the authority: %v", err)
	}
	// It comes back and remembers nothing of us.
	p.Start(t)
	status, _ = h.Status()
	tend(t, h, s, status.Next)
}

func TestCertificateByHTTP(t *testing.T) {
	t.Parallel()
	p := startPebble(t, nil)
	h := newHouse(t, t.TempDir())
	_ = p.secure.Close() // nothing answers there, as behind a proxy
	h.answer(p, false, true)
	s := p.settings()
	tend(t, h, s, time.Now())
	if status, _ := h.Status(); status.Prefer != HTTP {
		t.Errorf("it would try the other port first again: %+v", status)
	}
	left := 0
	h.plain.Range(func(any, any) bool { left++; return true })
	if left != 0 {
		t.Errorf("%d answers are left", left)
	}
}

func TestAuthorityThatFindsNothing(t *testing.T) {
	t.Parallel()
	p := startPebble(t, nil)
	folder := t.TempDir()
	h := newHouse(t, folder)
	h.Plain = nil // port 80 is not ours
	now := time.Now()
	s := p.settings()
	self := h.keeper.Fingerprint()
	// Somebody else answers at port 443.
	other := newHouse(t, t.TempDir())
	other.answer(p, true, false)
	ask := func(names ...string) *Failure {
		t.Helper()
		s.Names = names
		_, err := h.Tend(context.Background(), s, true, now)
		var f *Failure
		if !errors.As(err, &f) {
			t.Fatalf("%v: %v", names, err)
		}
		return f
	}
	if f := ask(domain); f.Kind != WrongAnswer || f.Name != domain || f.Challenge != TLSALPN {
		t.Errorf("another server's answer: %+v", f)
	}
	if f := ask("unknown.acme.test"); f.Kind != Refused || f.Name != "unknown.acme.test" || !strings.Contains(f.Detail, "resolve") { // Pebble calls it malformed

		t.Errorf("a name that the DNS does not have: %+v", f)
	}
	if f := ask("blocked.acme.test"); f.Kind != NameRefused {
		t.Errorf("a name that the authority refuses: %+v", f)
	}
	if f := ask(); f.Kind != NoName {
		t.Errorf("no name: %+v", f)
	}
	_ = p.secure.Close()
	if f := ask(domain); f.Kind != NotReached && f.Kind != WrongAnswer || f.Name != domain || !strings.Contains(f.Detail, "connect") { // Pebble calls it unauthorized

		t.Errorf("a port that is shut: %+v", f)
	}
	status, _ := h.Status()
	if status.Failures != 5 || status.Next.Sub(now) < 3*time.Hour || status.Next.Sub(now) > 5*time.Hour || h.keeper.Fingerprint() != self {
		t.Errorf("after five failures: %+v", status)
	}
	if again, _ := newHouse(t, folder).Status(); again.Failures != 5 || !again.Next.Equal(status.Next) || again.Failure.Detail != status.Failure.Detail {
		t.Errorf("after a restart it begins anew: %+v", again)
	}
	for name, c := range map[string]struct {
		change func(*Settings)
		want   Kind
	}{
		"an authority that nobody knows": {func(s *Settings) { s.Roots = x509.NewCertPool() }, Untrusted},
		"an address without https":       {func(s *Settings) { s.Directory = strings.Replace(s.Directory, "https", "http", 1) }, BadDirectory},
		"another page of it":             {func(s *Settings) { s.Directory += "/nothing" }, BadDirectory},
	} {
		changed := p.settings()
		c.change(&changed)
		if _, err := h.Tend(context.Background(), changed, true, now); kindOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestExternalAccount(t *testing.T) {
	t.Parallel()
	key := []byte("a key of thirty-two octets or so")
	p := startPebble(t, map[string]any{"externalAccountBindingRequired": true, "externalAccountMACKeys": map[string]string{"ours": "YSBrZXkgb2YgdGhpcnR5LXR3byBvY3RldHMgb3Igc28"}})
	h := newHouse(t, t.TempDir())
	h.answer(p, true, false)
	s := p.settings()
	now := time.Now()
	if _, err := h.Tend(context.Background(), s, true, now); kindOf(err) != BindingMissing {
		t.Errorf("without an external account: %v", err)
	}
	s.KeyID, s.HMAC = "ours", []byte("another key, of the wrong person")
	if _, err := h.Tend(context.Background(), s, true, now); kindOf(err) != BindingRefused || strings.Contains(err.Error(), string(s.HMAC)) {
		t.Errorf("with a wrong key: %v", err)
	}
	s.HMAC = key
	if got, err := h.Tend(context.Background(), s, true, now); !got || err != nil {
		t.Errorf("with the right one: %v", err)
	}
}

func TestOrderGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	p := startPebble(t, nil)
	folder := t.TempDir()
	h := newHouse(t, folder)
	ctx, cancel := context.WithCancel(context.Background())
	h.Secure = func(string, *tls.Certificate) { cancel() } // the process is stopped while the order is under way
	s := p.settings()
	if _, err := h.Tend(ctx, s, true, time.Now()); err == nil {
		t.Fatal("it was not stopped")
	}
	noted, err := os.ReadFile(filepath.Join(folder, "acme", orderFile))
	if err != nil {
		t.Fatal(err)
	}
	block, key, err := decodeKey(noted)
	if err != nil || block.Headers["Order"] == "" {
		t.Fatal(err)
	}
	next := newHouse(t, folder)
	next.answer(p, true, false)
	// The disk takes nothing when the certificate is there: it is fetched again later.
	keep := next.Keep
	next.Keep = func(certs.Material, time.Time) error { return os.ErrPermission }
	if _, err := next.Tend(context.Background(), s, true, time.Now()); kindOf(err) != Disk || !next.keeper.SelfSigned() {
		t.Errorf("on a disk that takes nothing: %v", err)
	}
	next.Keep = keep
	if got, err := next.Tend(context.Background(), s, true, time.Now()); !got || err != nil {
		t.Fatal(err)
	}
	leaf := next.keeper.ACMELeaf()
	if !key.PublicKey.Equal(leaf.PublicKey) {
		t.Error("another order was made")
	}
}

// overrun is an authority that has had enough, in the words of RFC 8555 §6.6.
func overrun(t *testing.T) (Settings, Dialer) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	mux.HandleFunc("/dir", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.ReplaceAll(`{"newNonce":"X/nonce","newAccount":"X/account","newOrder":"X/order"}`, "X", server.URL)))
	})
	nonce := func(w http.ResponseWriter) { w.Header().Set("Replay-Nonce", "bm9uY2U") }
	mux.HandleFunc("/nonce", func(w http.ResponseWriter, _ *http.Request) { nonce(w) })
	mux.HandleFunc("/account", func(w http.ResponseWriter, _ *http.Request) {
		nonce(w)
		w.Header().Set("Location", server.URL+"/account/1")
		_, _ = w.Write([]byte(`{"status":"valid"}`))
	})
	mux.HandleFunc("/order", func(w http.ResponseWriter, _ *http.Request) {
		nonce(w)
		w.Header().Set("Retry-After", "86400")
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many certificates already issued"}`))
	})
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return Settings{Directory: server.URL + "/dir", Names: []string{domain}, Roots: roots}, dial
}

func TestAuthorityThatHasHadEnough(t *testing.T) {
	s, dial := overrun(t)
	h := newHouse(t, t.TempDir())
	h.Dial = dial
	now := time.Now()
	_, err := h.Tend(context.Background(), s, true, now)
	status, _ := h.Status()
	if kindOf(err) != RateLimited || status.Next.Sub(now) != 24*time.Hour {
		t.Errorf("%v, next in %v", err, status.Next.Sub(now))
	}
	if got, err := h.Tend(context.Background(), s, false, now.Add(23*time.Hour)); got || err != nil {
		t.Errorf("it asks before its time: %v", err)
	}
}

func TestDue(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	leaf := &x509.Certificate{Raw: []byte("a certificate"), SerialNumber: big.NewInt(1), DNSNames: []string{domain}, NotBefore: noon, NotAfter: noon.Add(90 * day)}
	names := []string{domain}
	at := (Status{}).RenewAt(leaf)
	if at.After(noon.Add(60*day)) || at.Before(noon.Add(57*day)) {
		t.Errorf("renewed at %v", at)
	}
	short := &x509.Certificate{Raw: []byte("a short one"), SerialNumber: big.NewInt(1), DNSNames: []string{domain}, NotBefore: noon, NotAfter: noon.Add(6 * day)}
	if at := (Status{}).RenewAt(short); at.After(noon.Add(4*day)) || at.Before(noon.Add(3*day+18*time.Hour)) {
		t.Errorf("a short one renewed at %v", at)
	}
	suggested := Status{For: serial(leaf), Suggested: noon.Add(10 * day)}
	for name, c := range map[string]struct {
		s     Status
		leaf  *x509.Certificate
		names []string
		now   time.Time
		want  bool
	}{
		"none":                              {Status{}, nil, names, noon, true},
		"fresh":                             {Status{}, leaf, names, noon.Add(day), false},
		"a third left":                      {Status{}, leaf, names, noon.Add(60 * day), true},
		"a name is missing":                 {Status{}, leaf, []string{domain, "new.acme.test"}, noon, true},
		"none, and it failed":               {Status{Failures: 1, Next: noon.Add(time.Hour)}, nil, names, noon, false},
		"the wait is over":                  {Status{Failures: 1, Next: noon.Add(time.Hour)}, nil, names, noon.Add(time.Hour), true},
		"the clock was years ahead":         {Status{Failures: 1, Next: noon.AddDate(3, 0, 0)}, nil, names, noon, true},
		"suggested, not yet":                {suggested, leaf, names, noon.Add(9 * day), false},
		"suggested":                         {suggested, leaf, names, noon.Add(10 * day), true},
		"a suggestion for another":          {suggested, &x509.Certificate{Raw: []byte("x"), SerialNumber: big.NewInt(8), DNSNames: names, NotBefore: noon, NotAfter: noon.Add(90 * day)}, names, noon.Add(10 * day), false},
		"suggested later than a third left": {Status{For: serial(leaf), Suggested: noon.Add(80 * day)}, leaf, names, noon.Add(61 * day), true},
	} {
		if got := c.s.Due(c.leaf, c.names, c.now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	s, before := Status{}, time.Duration(0)
	for range 12 {
		s = s.after(&Failure{Kind: Broken}, noon, 0.5)
		wait := s.Next.Sub(noon)
		if wait < before || wait > longest {
			t.Errorf("after %d failures %v", s.Failures, wait)
		}
		before = wait
	}
	if before != longest {
		t.Errorf("at last it waits %v", before)
	}
	if s := s.after(&Failure{Kind: RateLimited, Until: noon.AddDate(1, 0, 0)}, noon, 0.5); s.Next.Sub(noon) != maxUntil {
		t.Errorf("an authority may have us wait %v", s.Next.Sub(noon))
	}
	if a, b := (Status{}).after(&Failure{}, noon, 0), (Status{}).after(&Failure{}, noon, 1); a.Next.Equal(b.Next) {
		t.Error("all appliances come back at once")
	}
}

func TestEveryFailureHasItsSentence(t *testing.T) {
	kinds := []Kind{NoName, BadDirectory, NoAuthority, Untrusted, Terms, BindingMissing, BindingRefused, RateLimited, NameUnknown, NotReached, WrongAnswer, CAA, NameRefused, NoChallenge, TooSlow, Unusable, Clock, Disk, Refused, Broken}
	seen := map[string]Kind{}
	for _, k := range kinds {
		fr, en := (&Failure{Kind: k, Name: domain}).Sentence()
		if !strings.HasSuffix(fr, ".") || !strings.HasSuffix(en, ".") || seen[fr] != "" || seen[en] != "" {
			t.Errorf("%s: %q, %q (as %s%s)", k, fr, en, seen[fr], seen[en])
		}
		seen[fr], seen[en] = k, k
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	challenge := func(e *acme.Error) error {
		return &challengeError{domain, TLSALPN, &acme.AuthorizationError{Identifier: domain, Errors: []error{e}}}
	}
	is := func(kind string) *acme.Error {
		return &acme.Error{StatusCode: 403, ProblemType: "urn:ietf:params:acme:error:" + kind, Detail: "said\nso"}
	}
	for want, err := range map[Kind]error{
		CAA: challenge(is("caa")), NameUnknown: challenge(is("dns")), NotReached: challenge(is("connection")), WrongAnswer: challenge(is("unauthorized")), RateLimited: is("rateLimited"),
		NameRefused: &acme.Error{StatusCode: 403, ProblemType: "urn:ietf:params:acme:error:compound", Subproblems: []acme.Subproblem{{Type: "urn:ietf:params:acme:error:rejectedIdentifier", Identifier: &acme.AuthzID{Value: domain}}}},
		Broken:      &acme.Error{StatusCode: 500, Detail: "oops"}, Refused: is("unauthorized"), Terms: is("userActionRequired"), NoAuthority: &dialError{net.ErrClosed},
		Clock: &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired}}, BadDirectory: errors.New("invalid character '<'"),
	} {
		f := classify(err, now)
		if f.Kind != want || strings.Contains(f.Detail, "\n") {
			t.Errorf("%v: %s %q, want %s", err, f.Kind, f.Detail, want)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		line := bytes.Repeat([]byte(" "), 64<<10)
		for range 64 {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c := Client{Folder: t.TempDir(), Dial: dial, Secure: func(string, *tls.Certificate) {}, Random: rand.Reader}
	_, err := c.Obtain(context.Background(), Settings{Directory: server.URL, Names: []string{domain}, Roots: roots}, TLSALPN, time.Now())
	if kindOf(err) != BadDirectory || !strings.Contains(err.Error(), errTooLong.Error()) {
		t.Errorf("an answer without an end: %v", err)
	}
}
