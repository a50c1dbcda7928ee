// Package oidc signs people in at the organisation's provider: OpenID Connect Core 1.0, by the authorization code with PKCE (RFC 7636)
// and the practice of RFC 9700.
//
// It decides whether an answer is the provider's word, for us and for this one question, and what its claims say of the person: name,
// address, role, groups, whether a second factor was shown. It keeps no account and no session; what it finds it hands to accounts. It
// sees the client's secret and tokens of the provider, and lets none of them out. Every connection is TLS with a checked certificate, to
// hosts that the settings name.
package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"huisclos/accounts"
)

// Dialer makes TCP connections to the hosts that the settings name, and to no other. address is a host and a port.
type Dialer interface {
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// ProConnect is the preset of the French administration's federation.
const ProConnect = "proconnect"

// Settings say which provider it is and what its claims mean.
type Settings struct {
	Issuer       string // names the provider; it begins the address of its description (OpenID Connect Discovery §4)
	Name         string // of the provider, as people know it
	Preset       string // "" or ProConnect
	ClientID     string
	ClientSecret string
	// Authorities are PEM certificates that are trusted for the provider's; nil: those of System.
	Authorities []byte
	System      *x509.CertPool // nil: the system's, read when the first connection is made

	Scopes    []string // asked for beside openid
	ACRValues []string // asked for; the provider decides
	// Claims by their names, or by a path with dots where there is no such name.
	NameClaims     []string // whose values make the name, one after the other
	MailClaim      string
	Unverified     bool   // an address counts though the provider doesn't say that it verified it
	RoleClaim      string // whose values give roles
	GroupClaim     string // whose values are groups; "": groups aren't followed
	ProvisionClaim string // whose value is the name that whoever provisions gives the person; ""
	UserInfo       bool   // the provider is asked for more claims (Core §5.3)
	Roles          []Grant
	Role           accounts.Role // of who has none of Roles; "": no account
	Require        []Requirement // whoever doesn't fulfil all of them has no account

	SecondFactorACR []string // values of acr and amr that say that a second factor was shown
	SecondFactorAMR []string

	SignOut bool          // who signs out here signs out there
	Timeout time.Duration // of each question to the provider
}

// Grant gives a role to whose role claim has one of the values. The first one counts.
type Grant struct {
	Role   accounts.Role
	Values []string
}

// Requirement is a claim that must have one of the values; "*" is any.
type Requirement struct {
	Claim  string
	Values []string
}

const (
	flowLifetime = 10 * time.Minute
	// skew is how far the provider's clock may be from ours. ProConnect's tokens live for a minute.
	skew = time.Minute
	// freshFor is how old the provider's description may be before it is asked for again, and keptFor how old while it can't be asked.
	freshFor = time.Hour
	keptFor  = 24 * time.Hour
	// pauseFor is how long nobody waits for a provider that could not be asked.
	pauseFor = 3 * time.Second
)

// Client speaks to one provider. Its methods may be called from any goroutine.
type Client struct {
	s      Settings
	http   *http.Client
	now    func() time.Time
	random func([]byte)
	keys   *keySet

	asking chan struct{} // held by who asks for the description

	mu     sync.Mutex
	known  *provider // nil: not asked yet
	status Status
	// refused is why the provider refuses our client: that it answers other questions well doesn't undo it.
	refused *Error
	used    map[string]time.Time // jti of logout tokens → when it may be forgotten
}

// Status is how it goes with the provider.
type Status struct {
	Last    time.Time // when it was asked last; zero: never
	Good    time.Time // when it answered last
	Failure *Error    // why it didn't answer the last time
	Since   time.Time // when the first of a row of failures was
}

// New returns a client. It connects to nobody yet. random fills secrets.
func New(s Settings, dial Dialer, now func() time.Time, random func([]byte)) (*Client, error) {
	at, err := url.Parse(s.Issuer)
	if err != nil || at.Scheme != "https" || at.Host == "" || at.RawQuery != "" || at.Fragment != "" || at.User != nil || strings.ContainsAny(s.Issuer, "?#") {
		return nil, fmt.Errorf("oidc: the issuer %q is no address with https, without query and fragment", s.Issuer)
	}
	if s.ClientID == "" || s.ClientSecret == "" {
		return nil, errors.New("oidc: a client id and its secret are needed")
	}
	if len(s.NameClaims) == 0 || s.MailClaim == "" || s.Timeout <= 0 {
		return nil, errors.New("oidc: the claims of name and address and a timeout are needed")
	}
	for _, g := range s.Roles {
		if !accounts.Importable(g.Role) {
			return nil, fmt.Errorf("oidc: no claim can give the role %q", g.Role)
		}
	}
	// Privileged roles are given by name, never to everybody.
	if s.Role != "" && (!accounts.Importable(s.Role) || s.Role.Privileged()) {
		return nil, fmt.Errorf("oidc: default_role: not everybody can get the role %q", s.Role)
	}
	roots := s.System
	if s.Authorities != nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(s.Authorities) {
			return nil, errors.New("oidc: the file of the authorities (ca_file) holds no certificate in PEM form")
		}
	}
	c := &Client{s: s, now: now, random: random, asking: make(chan struct{}, 1), used: map[string]time.Time{}}
	c.http = newHTTP(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: now}, dial, s.Timeout)
	c.keys = &keySet{get: c.fetchKeys, now: now}
	return c, nil
}

// Close ends the connections that rest.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name is what people know the provider by.
func (c *Client) Name() string { return c.s.Name }

// Preset is "" or ProConnect.
func (c *Client) Preset() string { return c.s.Preset }

// ClientID is the name that the provider gave to the appliance.
func (c *Client) ClientID() string { return c.s.ClientID }

// Issuer names the provider.
func (c *Client) Issuer() string { return c.s.Issuer }

// Status returns how it goes with the provider.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	if s.Failure == nil && c.refused != nil {
		s.Failure, s.Since = c.refused, s.Last
	}
	return s
}

// Origins are those of the pages that the provider may show ours in, for front-channel logout: the issuer's, and that of its page for
// signing out.
func (c *Client) Origins() []string {
	list := []string{origin(c.s.Issuer)}
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
	if known != nil {
		if o := origin(known.EndSession); o != "" && o != list[0] {
			list = append(list, o)
		}
	}
	return list
}

func origin(address string) string {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return ""
	}
	return "https://" + at.Host
}

// draw returns 256 random bits as 64 letters and digits: some providers take no other characters.
func (c *Client) draw() string {
	b := make([]byte, 32)
	c.random(b)
	return hex.EncodeToString(b)
}

// drawVerifier returns a code verifier of 256 bits (RFC 7636 §4.1).
func (c *Client) drawVerifier() string {
	b := make([]byte, 32)
	c.random(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
