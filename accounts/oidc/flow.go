package oidc

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"huisclos/accounts"
)

// Purpose is what somebody is sent to the provider for.
type Purpose string

const (
	SignIn Purpose = "sign-in"
	Prove  Purpose = "prove" // that they are who has signed in: the provider asks again, whatever session there is
)

// Flow is one way to the provider and back. It is kept where only the browser that goes it can bring it back, and used once. Its
// secrets are in no log.
type Flow struct {
	State, Nonce, Verifier string
	Purpose                Purpose
	Until                  time.Time
}

// Format says, for every verb, that secrets stand here.
func (Flow) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[flow]") }

// Vouched is the provider's word, with what a later sign-out there needs.
type Vouched struct {
	accounts.Vouched
	IDToken string
}

// Format says, for every verb, that a token stands here.
func (Vouched) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[vouched]") }

// Begin returns the address at the provider to which a browser is sent, and what it has to bring back. redirect is our own address
// that it comes back to, hint an e-mail address that is typed already, or "".
func (c *Client) Begin(ctx context.Context, purpose Purpose, redirect, hint string) (string, Flow, error) {
	p, err := c.current(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f := Flow{State: c.draw(), Nonce: c.draw(), Verifier: c.drawVerifier(), Purpose: purpose, Until: c.now().Add(flowLifetime)}
	options := []oauth2.AuthCodeOption{oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)} // RFC 9700 §2.1.1
	add := func(name, value string) {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	add("login_hint", hint)
	if purpose == Prove {
		add("prompt", "login")
	}
	switch {
	case c.s.Preset == ProConnect:
		// It answers parameters that it doesn't know, max_age among them, with an error: what it is to say is asked for by claims.
		add("claims", c.claimsParameter(purpose))
	default:
		add("acr_values", strings.Join(c.s.ACRValues, " "))
		if purpose == Prove {
			add("max_age", "0") // Core §3.1.2.1: then auth_time is in the answer
		}
	}
	return c.oauth(p, redirect).AuthCodeURL(f.State, options...), f, nil
}

// claimsParameter asks for single claims of the ID token (Core §5.5).
func (c *Client) claimsParameter(purpose Purpose) string {
	type wish struct {
		Essential bool     `json:"essential"`
		Values    []string `json:"values,omitempty"`
	}
	token := map[string]wish{"amr": {Essential: true}}
	if purpose == Prove {
		token["auth_time"] = wish{Essential: true}
	}
	if len(c.s.ACRValues) > 0 {
		token["acr"] = wish{true, c.s.ACRValues}
	}
	text, err := json.Marshal(map[string]any{"id_token": token})
	if err != nil {
		panic("oidc: strings are not written as JSON: " + err.Error()) // cannot happen
	}
	return string(text)
}

func invalid(format string, args ...any) error { return &Error{Invalid, fmt.Errorf(format, args...)} }

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Finish takes what the browser has brought back and returns whom the provider vouches for. query is that of the address that it came
// back to, redirect the address itself, as it was given to Begin. Every error is an *Error.
func (c *Client) Finish(ctx context.Context, f Flow, redirect string, query url.Values) (Vouched, error) {
	code, err := c.answer(ctx, f, query)
	if err != nil {
		return Vouched{}, err
	}
	p, err := c.current(ctx)
	if err != nil {
		return Vouched{}, err
	}
	token, raw, err := c.exchange(ctx, p, f, redirect, code)
	if err != nil {
		return Vouched{}, err
	}
	id, claims, err := c.idToken(ctx, p, f, raw)
	if err != nil {
		return Vouched{}, err
	}
	if id.AccessTokenHash != "" { // Core §3.1.3.8
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			return Vouched{}, invalid("at_hash: %w", plain(err))
		}
	}
	said := claims.set
	if c.s.UserInfo {
		more, err := c.userInfo(ctx, p, token.AccessToken, id.Subject)
		if err != nil {
			return Vouched{}, err
		}
		said = more.with(claims.set)
	}
	v, err := c.vouch(said, claims)
	if err != nil {
		return Vouched{}, err
	}
	v.Issuer, v.Subject, v.SID, v.At, v.Fresh = p.Issuer, id.Subject, claims.SID, c.now(), f.Purpose == Prove
	return Vouched{v, raw}, nil
}

// answer checks what came back over the browser, and returns the code.
func (c *Client) answer(ctx context.Context, f Flow, query url.Values) (string, error) {
	for name, values := range query {
		if len(values) > 1 { // RFC 6749 §3.1
			return "", invalid("%s stands there %d times", line(name), len(values))
		}
	}
	if f.State == "" || !same(f.State, query.Get("state")) {
		return "", invalid("another state")
	}
	if !c.now().Before(f.Until) {
		return "", &Error{TooOld, errors.New("the way there and back took too long")}
	}
	p, err := c.current(ctx)
	if err != nil {
		return "", err
	}
	// RFC 9207 §2.4: against mix-up. It holds for errors too.
	switch iss, there := query["iss"]; {
	case there && iss[0] != p.Issuer:
		return "", invalid("the answer is of another issuer, %q", line(iss[0]))
	case !there && p.GivesIssuer:
		return "", invalid("the answer doesn't say of which issuer it is")
	}
	if said := query.Get("error"); said != "" {
		err := fmt.Errorf("%s %s", line(said), line(query.Get("error_description")))
		switch said {
		case "server_error", "temporarily_unavailable":
			return "", &Error{NoAnswer, err}
		case "invalid_request", "unauthorized_client", "invalid_scope", "unsupported_response_type":
			return "", &Error{Registered, err}
		}
		return "", &Error{Cancelled, err}
	}
	code := query.Get("code")
	if code == "" {
		return "", invalid("no code")
	}
	return code, nil
}

// exchange gives the code for tokens (Core §3.1.3).
func (c *Client) exchange(ctx context.Context, p *provider, f Flow, redirect, code string) (*oauth2.Token, string, error) {
	token, err := c.oauth(p, redirect).Exchange(oidc.ClientContext(ctx, c.http), code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		err := tokenError(err)
		if err.Kind == Invalid {
			c.taken() // it looked at the code, so that the client and its secret are good
		} else if ctx.Err() == nil {
			c.note(err)
		}
		return nil, "", err
	}
	c.taken()
	raw, _ := token.Extra("id_token").(string)
	switch {
	case raw == "":
		return nil, "", &Error{Claims, errors.New("its answer has no ID token")}
	case !strings.EqualFold(token.Type(), "Bearer"):
		return nil, "", invalid("a token of type %q", line(token.Type()))
	}
	return token, raw, nil
}

// tokenError finds the kind of a refusal at the token endpoint (RFC 6749 §5.2). What it says beside is not shown.
func tokenError(err error) *Error {
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return transportError("token", err)
	}
	said := fmt.Errorf("token: %d %s %s", refused.Response.StatusCode, line(refused.ErrorCode), line(refused.ErrorDescription))
	switch code := refused.ErrorCode; {
	case code == "invalid_grant":
		return &Error{Invalid, said}
	case code == "invalid_client", code == "unauthorized_client", code == "invalid_request", code == "invalid_scope", code == "unsupported_grant_type",
		refused.Response.StatusCode == 401, refused.Response.StatusCode == 403:
		return &Error{Registered, said}
	}
	return &Error{NoAnswer, said}
}

// idToken checks an ID token (Core §3.1.3.7).
func (c *Client) idToken(ctx context.Context, p *provider, f Flow, raw string) (*oidc.IDToken, tokenClaims, error) {
	var claims tokenClaims
	if err := c.keys.ready(ctx); err != nil {
		return nil, claims, err
	}
	if !typed(raw) {
		return nil, claims, invalid("ID token: a token of another kind")
	}
	id, err := p.verifier.Verify(ctx, raw) // signature, algorithm, issuer, audience, time
	if err != nil {
		var ours *Error
		if errors.As(err, &ours) {
			return nil, claims, ours
		}
		return nil, claims, invalid("ID token: %w", plain(err))
	}
	if err := id.Claims(&claims); err != nil {
		return nil, claims, invalid("ID token: %w", plain(err))
	}
	if claims.set, err = readClaims(id.Claims); err != nil {
		return nil, claims, err
	}
	now := c.now()
	switch {
	case f.Nonce == "" || !same(f.Nonce, id.Nonce):
		return nil, claims, invalid("another nonce")
	case id.Subject == "" || len(id.Subject) > 255 || strings.ContainsFunc(id.Subject, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, claims, invalid("a subject that is none")
	case claims.AZP != "" && claims.AZP != c.s.ClientID, len(id.Audience) > 1 && claims.AZP == "":
		return nil, claims, invalid("the token is for another party")
	case id.IssuedAt.After(now.Add(skew)):
		return nil, claims, invalid("the token is of the future")
	case claims.Events != nil:
		return nil, claims, invalid("the token is no ID token")
	case f.Purpose != Prove:
		return id, claims, nil
	case claims.AuthTime == 0:
		return nil, claims, &Error{Claims, errors.New("auth_time is not in the ID token")}
	case time.Unix(int64(claims.AuthTime), 0).Before(f.Until.Add(-flowLifetime - skew)):
		return nil, claims, &Error{TooOld, errors.New("the person was not asked again")}
	}
	return id, claims, nil
}

// userInfo asks for more claims (Core §5.3). A signed answer must be the provider's, for us.
func (c *Client) userInfo(ctx context.Context, p *provider, access, subject string) (claimSet, error) {
	body, media, err := c.get(ctx, "userinfo", p.UserInfo, "application/json, application/jwt", access)
	if err != nil {
		c.note(err)
		return nil, err
	}
	if c.s.Preset == ProConnect && media != "application/jwt" {
		return nil, invalid("userinfo is not signed")
	}
	if media == "application/jwt" {
		if body, err = c.keys.VerifySignature(ctx, strings.TrimSpace(string(body))); err != nil {
			var ours *Error
			if errors.As(err, &ours) {
				return nil, ours
			}
			return nil, invalid("userinfo: %w", plain(err))
		}
	}
	set, err := readClaims(func(into any) error { return decode(body, into) })
	if err != nil {
		return nil, err
	}
	if media == "application/jwt" {
		// §5.3.2: a signed one has iss and aud. Else a token for somebody else could be passed off as it.
		if iss := set.values("iss"); len(iss) != 1 || iss[0] != p.Issuer {
			return nil, invalid("userinfo is of another issuer")
		}
		if !contains(set.values("aud"), c.s.ClientID) {
			return nil, invalid("userinfo is for another party")
		}
		var times struct {
			Expiry float64 `json:"exp"`
		}
		if err := decode(body, &times); err != nil {
			return nil, invalid("userinfo: %w", plain(err))
		}
		if times.Expiry != 0 && !c.now().Add(-skew).Before(time.Unix(int64(times.Expiry), 0)) {
			return nil, invalid("userinfo is out of date")
		}
	}
	// §5.3.2: or it is about somebody else.
	if sub := set.values("sub"); len(sub) != 1 || sub[0] != subject {
		return nil, invalid("userinfo is about another subject")
	}
	return set, nil
}
