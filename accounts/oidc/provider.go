package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// provider is the provider as it describes itself (OpenID Connect Discovery §3; RFC 9207 §3; RP-Initiated Logout §2.1).
type provider struct {
	Issuer      string   `json:"issuer"`
	Authorize   string   `json:"authorization_endpoint"`
	Token       string   `json:"token_endpoint"`
	UserInfo    string   `json:"userinfo_endpoint"`
	Keys        string   `json:"jwks_uri"`
	EndSession  string   `json:"end_session_endpoint"`
	Algorithms  []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Challenges  []string `json:"code_challenge_methods_supported"`
	GivesIssuer bool     `json:"authorization_response_iss_parameter_supported"`
	BackChannel bool     `json:"backchannel_logout_supported"`

	at       time.Time
	style    oauth2.AuthStyle
	verifier *oidc.IDTokenVerifier
}

// algorithms are the signatures that are believed: those with keys that the provider publishes. "none" and those with a shared secret
// are none of them.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// describe asks the provider to describe itself.
func (c *Client) describe(ctx context.Context) (*provider, error) {
	const during = "description"
	body, _, err := c.get(ctx, during, strings.TrimSuffix(c.s.Issuer, "/")+"/.well-known/openid-configuration", "application/json", "")
	if err != nil {
		return nil, err
	}
	p := &provider{at: c.now()}
	if err := json.Unmarshal(body, p); err != nil {
		return nil, &Error{Description, fmt.Errorf("%s: %w", during, plain(err))}
	}
	// Discovery §4.3: it must be exactly the issuer that was asked, or another provider could speak for this one.
	if p.Issuer != c.s.Issuer {
		return nil, &Error{Description, fmt.Errorf("%s: it calls itself %q, and the settings call it %q", during, line(p.Issuer), c.s.Issuer)}
	}
	for _, e := range []struct {
		name, address string
		needed        bool
	}{{"authorization_endpoint", p.Authorize, true}, {"token_endpoint", p.Token, true}, {"jwks_uri", p.Keys, true}, {"userinfo_endpoint", p.UserInfo, c.s.UserInfo}, {"end_session_endpoint", p.EndSession, false}} {
		if e.address == "" && !e.needed {
			continue
		}
		if at, err := url.Parse(e.address); err != nil || at.Scheme != "https" || at.Host == "" || at.User != nil || at.Fragment != "" {
			return nil, &Error{Description, fmt.Errorf("%s: %s %q is no address with https", during, e.name, line(e.address))}
		}
	}
	switch {
	case len(p.AuthMethods) == 0, slices.Contains(p.AuthMethods, "client_secret_basic"): // Discovery §3: the one that holds when nothing is said
		p.style = oauth2.AuthStyleInHeader
	case slices.Contains(p.AuthMethods, "client_secret_post"):
		p.style = oauth2.AuthStyleInParams
	default:
		return nil, &Error{Description, fmt.Errorf("%s: it takes no client secret (%s)", during, line(strings.Join(p.AuthMethods, " ")))}
	}
	// RFC 7636: a provider that names its methods and not S256 would ignore the challenge.
	if len(p.Challenges) > 0 && !slices.Contains(p.Challenges, "S256") {
		return nil, &Error{Description, fmt.Errorf("%s: it knows no S256 (%s)", during, line(strings.Join(p.Challenges, " ")))}
	}
	believed := slices.DeleteFunc(slices.Clone(algorithms), func(a string) bool { return len(p.Algorithms) > 0 && !slices.Contains(p.Algorithms, a) })
	if len(believed) == 0 {
		return nil, &Error{Description, fmt.Errorf("%s: it signs with none of %s", during, strings.Join(algorithms, " "))}
	}
	p.verifier = oidc.NewVerifier(p.Issuer, c.keys, &oidc.Config{ClientID: c.s.ClientID, SupportedSigningAlgs: believed,
		Now: func() time.Time { return c.now().Add(-skew) }})
	return p, nil
}

// current returns the provider's description, which is asked for again when it is old. One that is older still does while the provider
// can't be asked.
func (c *Client) current(ctx context.Context) (*provider, error) {
	if p, err := c.remembered(); p != nil || err != nil {
		return p, err
	}
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil, &Error{NoAnswer, ctx.Err()}
	}
	if p, err := c.remembered(); p != nil || err != nil { // who asked before us knows
		return p, err
	}
	p, err := c.ask(ctx)
	if err == nil {
		return p, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known != nil && c.now().Sub(c.known.at) < keptFor {
		return c.known, nil
	}
	return nil, err
}

// remembered is the description while it is fresh, or why there is none just now.
func (c *Client) remembered() (*provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.known != nil && now.Sub(c.known.at) < freshFor {
		return c.known, nil
	}
	if f := c.status.Failure; f != nil && now.Sub(c.status.Last) < pauseFor {
		if c.known != nil && now.Sub(c.known.at) < keptFor {
			return c.known, nil
		}
		return nil, f
	}
	return nil, nil
}

// ask asks for the description and notes how that went.
func (c *Client) ask(ctx context.Context) (*provider, error) {
	p, err := c.describe(ctx)
	if ctx.Err() != nil && err != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return nil, err // who goes away says nothing of the provider
	}
	c.note(err)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.known = p
	c.mu.Unlock()
	return p, nil
}

// note remembers how it goes with the provider.
func (c *Client) note(err error) {
	var failure *Error
	if errors.As(err, &failure) && !failure.Kind.ofProvider() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Last = c.now()
	switch {
	case failure != nil && failure.Kind == Registered:
		c.refused = failure
	case err == nil:
		c.status.Good, c.status.Failure, c.status.Since = c.status.Last, nil, time.Time{}
	case failure != nil:
		if c.status.Failure == nil {
			c.status.Since = c.status.Last
		}
		c.status.Failure = failure
	}
}

// taken notes that the provider takes our client and its secret.
func (c *Client) taken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = nil
}

func (c *Client) oauth(p *provider, redirect string) *oauth2.Config {
	return &oauth2.Config{ClientID: c.s.ClientID, ClientSecret: c.s.ClientSecret, RedirectURL: redirect, Scopes: append([]string{oidc.ScopeOpenID}, c.s.Scopes...),
		Endpoint: oauth2.Endpoint{AuthURL: p.Authorize, TokenURL: p.Token, AuthStyle: p.style}}
}
