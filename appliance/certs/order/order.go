// Package order gets certificates from an authority by ACME (RFC 8555), and says when.
//
// It decides which challenge is answered (tls-alpn-01, RFC 8737, or http-01, RFC 8555 §8.3), when a certificate is renewed, how long
// to wait after a failure and what a failure is called. What it began goes on after a restart: account, order and the wait are
// files of mode 0600. It opens no connection itself and serves none: it is given both. It never sees what the certificate is used
// for, and the certificate that is served stays until another one is there.
package order

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/crypto/acme"

	"huisclos/appliance/certs"
)

// LetsEncrypt is the directory that is asked when no other one is named.
const LetsEncrypt = acme.LetsEncryptURL

// Settings say which authority is asked, and for what.
type Settings struct {
	Directory string   // its URL
	Contact   string   // an e-mail address, or empty
	Terms     bool     // an administrator has accepted the authority's terms
	KeyID     string   // of an external account (RFC 8555 §7.3.4), or empty
	HMAC      []byte   // its key
	Names     []string // host names
	// Roots are whom the authority's own certificate must lead to.
	Roots *x509.CertPool
}

// Dialer connects to a host of the authority's.
type Dialer func(ctx context.Context, host string, port int) (net.Conn, error)

// Client orders. All fields are required but Plain. Its methods may be called from one goroutine at a time.
type Client struct {
	Folder string // of its files
	Dial   Dialer
	// Secure has connections to name that speak acme-tls/1 answered by the certificate; nil: no longer.
	Secure func(name string, c *tls.Certificate)
	// Plain has the path of HTTP on port 80 answered by text; empty: no longer. nil: nobody listens there.
	Plain  func(path, text string)
	Random io.Reader
	Agent  string // name and version of this program, for the authority's log
}

const (
	// within bounds one attempt as a whole. An authority looks from several places, and may be slow.
	within = 5 * time.Minute
	// challengeWithin bounds the wait for one name.
	challengeWithin = 90 * time.Second
)

// Obtain gets a certificate for the names, going on with an order that was begun before. prefer is the kind of challenge to answer
// first. What fails is a *Failure. Call Done once the certificate is kept.
func (c *Client) Obtain(ctx context.Context, s Settings, prefer Challenge, now time.Time) (certs.Material, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	m, err := c.obtain(ctx, s, prefer, now)
	if err != nil {
		return certs.Material{}, classify(err, now)
	}
	return m, nil
}

func (c *Client) obtain(ctx context.Context, s Settings, prefer Challenge, now time.Time) (none certs.Material, err error) {
	if len(s.Names) == 0 {
		return none, &Failure{Kind: NoName}
	}
	authority, close, err := c.enter(ctx, s)
	if err != nil {
		return none, err
	}
	defer close()
	begun, order, err := c.resume(ctx, authority, s)
	if err != nil {
		return none, err
	}
	if order == nil {
		if begun, order, err = c.begin(ctx, authority, s); err != nil {
			return none, err
		}
	}
	der, err := c.carryOut(ctx, authority, s, order, begun, prefer)
	if err != nil {
		var over *acme.OrderError
		var refused *acme.AuthorizationError
		if errors.As(err, &over) || errors.As(err, &refused) {
			c.forget() // an order with a failed challenge stays invalid (RFC 8555 §7.1.6)
		}
		return none, err
	}
	m := certs.Material{}
	for _, raw := range der {
		x, err := x509.ParseCertificate(raw)
		if err != nil {
			c.forget()
			return none, &Failure{Kind: Unusable, Detail: err.Error()}
		}
		m.Certificates = append(m.Certificates, x)
	}
	m.Keys = append(m.Keys, begun.key)
	if len(m.Certificates) == 0 || now.After(m.Certificates[0].NotAfter) || m.Certificates[0].NotBefore.After(now.Add(within)) { // issued since now
		c.forget()
		return none, &Failure{Kind: Clock, Detail: "the certificate is not valid by this machine's clock"}
	}
	return m, nil
}

// enter makes a client of the authority's with our account there, which is made at the first time.
func (c *Client) enter(ctx context.Context, s Settings) (*acme.Client, func(), error) {
	at, err := url.Parse(s.Directory)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, nil, &Failure{Kind: BadDirectory, Detail: s.Directory}
	}
	account, err := c.account(s)
	if err != nil {
		return nil, nil, err
	}
	web := newHTTP(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots}, c.Dial)
	client := &acme.Client{Key: account.key, HTTPClient: web, DirectoryURL: s.Directory, UserAgent: c.Agent, RetryBackoff: backoff}
	if err := c.register(ctx, client, s, account); err != nil {
		web.CloseIdleConnections()
		return nil, nil, err
	}
	return client, web.CloseIdleConnections, nil
}

func (c *Client) register(ctx context.Context, client *acme.Client, s Settings, account *account) error {
	directory, err := client.Discover(ctx)
	if err != nil {
		return err
	}
	if directory.Terms != "" && !s.Terms {
		return &Failure{Kind: Terms, Detail: directory.Terms}
	}
	_, err = client.GetReg(ctx, "")
	switch {
	case err == nil:
	case errors.Is(err, acme.ErrNoAccount):
		if directory.ExternalAccountRequired && (s.KeyID == "" || len(s.HMAC) == 0) {
			return &Failure{Kind: BindingMissing}
		}
		wish := &acme.Account{Contact: contact(s.Contact)}
		if s.KeyID != "" {
			wish.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: s.KeyID, Key: s.HMAC}
		}
		if _, err := client.Register(ctx, wish, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
			var refused *acme.Error
			if s.KeyID != "" && errors.As(err, &refused) && refused.StatusCode >= 400 && refused.StatusCode < 500 && problem(refused) != "ratelimited" {
				return &Failure{Kind: BindingRefused, Detail: refused.Detail}
			}
			return err
		}
		return c.keepAccount(account, s.Contact)
	default:
		return err
	}
	if account.contact == s.Contact {
		return nil
	}
	if _, err := client.UpdateReg(ctx, &acme.Account{Contact: contact(s.Contact)}); err != nil {
		return err
	}
	return c.keepAccount(account, s.Contact)
}

func contact(address string) []string {
	if address == "" {
		return nil
	}
	return []string{"mailto:" + address}
}

// resume finds the order that was begun before, if it is for the same and still good for something.
func (c *Client) resume(ctx context.Context, client *acme.Client, s Settings) (*begun, *acme.Order, error) {
	b, err := c.begunBefore()
	if err != nil || b == nil {
		return nil, nil, err
	}
	if b.directory != s.Directory || !slices.Equal(b.names, s.Names) {
		c.forget()
		return nil, nil, nil
	}
	order, err := client.GetOrder(ctx, b.url)
	var refused *acme.Error
	switch {
	case errors.As(err, &refused) && refused.StatusCode >= 400 && refused.StatusCode < 500 && problem(refused) != "ratelimited":
		c.forget() // the authority knows nothing of it any more
		return nil, nil, nil
	case err != nil:
		return nil, nil, err
	case order.Status == acme.StatusInvalid:
		c.forget()
		return nil, nil, nil
	}
	return b, order, nil
}

// begin makes a key and an order, and notes both before anything is answered.
func (c *Client) begin(ctx context.Context, client *acme.Client, s Settings) (*begun, *acme.Order, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), c.Random)
	if err != nil {
		return nil, nil, err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(s.Names...))
	if err != nil {
		return nil, nil, err
	}
	b := &begun{directory: s.Directory, names: s.Names, url: order.URI, key: key}
	return b, order, c.note(b)
}

// carryOut brings an order to its certificate, from whatever state it is in.
func (c *Client) carryOut(ctx context.Context, client *acme.Client, s Settings, order *acme.Order, b *begun, prefer Challenge) ([][]byte, error) {
	if order.Status == acme.StatusPending {
		for _, at := range order.AuthzURLs {
			if err := c.authorize(ctx, client, at, prefer); err != nil {
				return nil, err
			}
		}
	}
	if order.Status != acme.StatusValid {
		ready, err := client.WaitOrder(ctx, b.url)
		if err != nil {
			return nil, err
		}
		ready.URI = b.url // some authorities do not say it again
		order = ready
	}
	if order.Status == acme.StatusValid {
		return client.FetchCert(ctx, order.CertURL, true)
	}
	csr, err := x509.CreateCertificateRequest(c.Random, &x509.CertificateRequest{DNSNames: s.Names}, b.key)
	if err != nil {
		return nil, err
	}
	der, _, err := client.CreateCertFromOrder(ctx, order, csr, true)
	return der, err
}

// backoff is for what may be better in a moment: a stale nonce, a server that restarts. How long to wait when the authority says
// that it has enough of us is not decided here.
func backoff(n int, _ *http.Request, answer *http.Response) time.Duration {
	if n > 3 || answer != nil && answer.StatusCode == http.StatusTooManyRequests {
		return 0
	}
	return time.Duration(n) * time.Second
}
