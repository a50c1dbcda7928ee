package oidc

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/crypto/certtest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// authority is one of the tests, with a certificate for 127.0.0.1.
type authority struct {
	pem       []byte
	pool      *x509.CertPool
	cert, key string // files
	leaf      tls.Certificate
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	root, dir := certtest.New(t), t.TempDir()
	root.File(t, dir)
	leaf := root.Issue(t, certtest.For{Names: []string{"127.0.0.1"}})
	a := authority{pem: root.Cert, pool: root.Roots(), leaf: leaf.TLS}
	a.cert, a.key = leaf.Files(t, dir)
	return a
}

// loopback connects to what it is told, on the loopback only, and counts.
type loopback struct{ made atomic.Int64 }

func (d *loopback) Dial(ctx context.Context, address string) (net.Conn, error) {
	if !strings.HasPrefix(address, "127.0.0.1:") {
		return nil, &Error{Host, errors.New(address)}
	}
	d.made.Add(1)
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

const (
	redirect = "https://visio.example.org/oidc/callback"
	secret   = "a secret with 64 letters, which nobody else knows: +/%& =?"
)

// settings are those of the tests.
func (a authority) settings(issuer string) Settings {
	return Settings{Issuer: issuer, Name: "Example ID", ClientID: "huisclos", ClientSecret: secret, Authorities: a.pem, Scopes: []string{"profile", "email"},
		NameClaims: []string{"name"}, MailClaim: "email", UserInfo: true, Role: accounts.Member, SignOut: true, Timeout: 5 * time.Second}
}

func newClient(t testing.TB, s Settings, now func() time.Time) *Client {
	t.Helper()
	c, err := New(s, new(loopback), now, func(b []byte) { _, _ = rand.Read(b) })
	must(t, err)
	t.Cleanup(c.Close)
	return c
}

// real starts a provider of another hand, under node, with one client.
func real(t *testing.T, a authority, client map[string]any) (issuer string) {
	t.Helper()
	all := map[string]any{"client_id": "huisclos", "client_secret": secret, "redirect_uris": []string{redirect}, "response_types": []string{"code"},
		"grant_types": []string{"authorization_code"}, "token_endpoint_auth_method": "client_secret_basic", "scope": "openid profile email groups given_name usual_name uid siret idp_id",
		"post_logout_redirect_uris": []string{"https://visio.example.org/oidc/signed-out"}}
	for k, v := range client {
		all[k] = v
	}
	text, err := json.Marshal(all)
	must(t, err)
	node := exec.Command("node", "testdata/provider.mjs", a.cert, a.key, string(text))
	node.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+filepath.Join(filepath.Dir(a.cert), "ca.pem"))
	in, err := node.StdinPipe()
	must(t, err)
	out, err := node.StdoutPipe()
	must(t, err)
	var said strings.Builder
	node.Stderr = &said
	must(t, node.Start())
	t.Cleanup(func() {
		_ = in.Close() // it ends then
		_ = node.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "https://") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return lines.Text()
		}
	}
	t.Fatalf("the provider does not start (npm install, in the root): %s", said.String())
	return ""
}

// browser is one at the provider, with its cookies. It goes no further than to our own address.
type browser struct {
	t testing.TB
	http.Client
}

func (a authority) browser(t testing.TB) *browser {
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t, http.Client{Jar: jar, Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: a.pool}},
		CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if r.URL.Host == "visio.example.org" {
				return http.ErrUseLastResponse
			}
			return nil
		}}}
}

// back goes to address and returns with what it brings back to us.
func (b *browser) back(address string) url.Values {
	b.t.Helper()
	answer, err := b.Get(address)
	must(b.t, err)
	defer answer.Body.Close()
	at, err := answer.Location()
	if err != nil {
		body, _ := io.ReadAll(answer.Body)
		b.t.Fatalf("%s: %s", answer.Status, body)
	}
	return at.Query()
}

func kindIs(t testing.TB, err error, want Kind) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the secret stands in %v", err)
	}
}
