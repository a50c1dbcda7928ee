package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"
)

const (
	maxLogoutToken = 16 << 10
	// maxUsed bounds the logout tokens that are remembered. Only the provider can make one.
	maxUsed = 16_384
)

// LogoutURL is the address at which a browser signs out at the provider (OpenID Connect RP-Initiated Logout §2), false where the
// provider has none, or the settings want none. idToken is that of the session, or ""; after is our own address to which it comes back, with state.
func (c *Client) LogoutURL(idToken, after, state string) (string, bool) {
	c.mu.Lock()
	p := c.known
	c.mu.Unlock()
	if p == nil || p.EndSession == "" || !c.s.SignOut {
		return "", false
	}
	at, err := url.Parse(p.EndSession)
	if err != nil {
		return "", false
	}
	q := at.Query()
	for name, value := range map[string]string{"id_token_hint": idToken, "client_id": c.s.ClientID, "post_logout_redirect_uri": after, "state": state} {
		if value != "" {
			q.Set(name, value)
		}
	}
	at.RawQuery = q.Encode()
	return at.String(), true
}

// BackChannel checks a logout token that the provider has sent (OpenID Connect Back-Channel Logout §2.6) and returns whose sessions end:
// those of the provider's session sid, or, when that is "", all of subject's. Each token does it once. Every error is an *Error.
func (c *Client) BackChannel(ctx context.Context, logoutToken string) (subject, sid string, err error) {
	if len(logoutToken) > maxLogoutToken {
		return "", "", invalid("logout token: too long")
	}
	p, err := c.current(ctx)
	if err != nil {
		return "", "", err
	}
	if err := c.keys.ready(ctx); err != nil {
		return "", "", err
	}
	if !typed(logoutToken, "logout+jwt") {
		return "", "", invalid("logout token: a token of another kind")
	}
	t, err := p.verifier.VerifyLogout(ctx, logoutToken) // signature, algorithm, iss, aud, exp, events, no nonce, sub or sid, jti
	if err != nil {
		var ours *Error
		if errors.As(err, &ours) {
			return "", "", ours
		}
		return "", "", invalid("logout token: %w", plain(err))
	}
	var claims struct {
		Events map[string]json.RawMessage `json:"events"`
	}
	if err := t.Claims(&claims); err != nil {
		return "", "", invalid("logout token: %w", plain(err))
	}
	now := c.now()
	switch event := claims.Events["http://schemas.openid.net/event/backchannel-logout"]; {
	case !bytes.HasPrefix(event, []byte("{")):
		return "", "", invalid("logout token: its event is no object") // §2.4
	case t.IssuedAt.IsZero() || t.IssuedAt.Unix() <= 0 || t.IssuedAt.After(now.Add(skew)):
		return "", "", invalid("logout token: it is of no time, or of the future")
	}
	if !c.use(t.TokenID, t.Expiry.Add(skew), now) {
		return "", "", invalid("logout token: it was used before")
	}
	return t.Subject, t.SessionID, nil
}

// use remembers a token until it is out of date, and reports whether it is the first time.
func (c *Client) use(jti string, until, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if before, ok := c.used[jti]; ok && now.Before(before) {
		return false
	}
	if len(c.used) >= maxUsed {
		oldest, when := "", time.Time{}
		for j, u := range c.used {
			switch {
			case !now.Before(u):
				delete(c.used, j)
			case oldest == "" || u.Before(when):
				oldest, when = j, u
			}
		}
		if len(c.used) >= maxUsed {
			delete(c.used, oldest)
		}
	}
	c.used[jti] = until
	return true
}

// FrontChannel reads what the provider's page asks of ours by its address (OpenID Connect Front-Channel Logout §3): the provider's
// session whose sessions here end. It needs both iss and sid: nobody else knows them together.
func (c *Client) FrontChannel(query url.Values) (sid string, err error) {
	iss, ids := query["iss"], query["sid"]
	if len(iss) != 1 || len(ids) != 1 || iss[0] != c.s.Issuer || ids[0] == "" || len(ids[0]) > 1024 {
		return "", invalid("front-channel logout of another issuer, or of no session")
	}
	return ids[0], nil
}

// Found is what a provider offers, for whoever sets it up.
type Found struct {
	Keys        int
	BackChannel bool // it can end sessions by itself
	EndSession  bool // a browser can sign out there
	Challenges  bool // it says that it checks PKCE
	GivesIssuer bool // it protects against mix-up (RFC 9207)
}

// Probe asks the provider now, whatever is remembered: its description, its keys, and whether it takes our client and secret, by a
// code that it never gave out. redirect is the address that is registered there. It signs nobody in. Every error is an *Error.
func (c *Client) Probe(ctx context.Context, redirect string) (Found, error) {
	if err := c.Refresh(ctx); err != nil {
		return Found{}, err
	}
	c.mu.Lock()
	p := c.known
	c.mu.Unlock()
	c.keys.mu.Lock()
	n := len(c.keys.keys)
	c.keys.mu.Unlock()
	found := Found{n, p.BackChannel, p.EndSession != "", len(p.Challenges) > 0, p.GivesIssuer}
	_, _, err := c.exchange(ctx, p, Flow{Verifier: c.drawVerifier()}, redirect, "huisclos-check-"+c.draw())
	var failure *Error
	if errors.As(err, &failure) && failure.Kind == Invalid {
		return found, nil // the code is what it refuses
	}
	if err == nil {
		err = &Error{Description, errors.New("token: it gives tokens for a code that nobody gave out")}
	}
	return found, err
}

// Refresh asks for the description and the keys. Every error is an *Error.
func (c *Client) Refresh(ctx context.Context) error {
	select {
	case c.asking <- struct{}{}:
	case <-ctx.Done():
		return &Error{NoAnswer, ctx.Err()}
	}
	_, err := c.ask(ctx)
	<-c.asking
	if err != nil {
		return err
	}
	c.keys.mu.Lock()
	defer c.keys.mu.Unlock()
	if c.now().Sub(c.keys.at) < keysFor/4 {
		return nil
	}
	c.keys.tried = time.Time{}
	if err := c.keys.renew(ctx); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}
