package web

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/ldap"
	"huisclos/accounts/oidc"
	"huisclos/accounts/passkey"
)

// Addresses that are registered with the provider. The first two are pages of the meeting client, which hold nothing; what the provider
// sent back the page posts, with its CSRF token: a navigation from another site carries no cookie of ours, which are all
// SameSite=Strict, and no GET changes anything but the provider's own front-channel logout, which can only end
// sessions. The page's own request is same-site, so that session and visit are there.
const (
	callbackPath     = "/oidc/callback"
	signedOutPath    = "/oidc/signed-out"
	frontChannelPath = "/oidc/front-channel-logout"
	backChannelPath  = "/oidc/back-channel-logout"
)

// startsPerSecond and startsBurst bound the ways to the provider that one network begins: an office behind one address comes at nine.
const startsPerSecond, startsBurst = 1, 120

const (
	codeNoProvider    code = "noProvider"
	codeProviderOver  code = "providerOver"
	codeProviderTaken code = "providerEmailTaken"
	codeProviderShut  code = "providerAccountShut"
	codeProviderSaid  code = "providerSaid"
)

// sentBack is a refusal of what a browser brought back from the provider. It is told at once, and not at the door's one time: no secret
// was typed here that somebody could guess. A code is the provider's to judge, a state has 256 bits, and of an account nothing is told
// before the provider has vouched for its owner; the time of the answer is the provider's.
type sentBack struct{ error }

func (e sentBack) Unwrap() error { return e.error }

// providerJSON is what the pages say of the provider. At is there where the request came by another address than the one that the
// provider leads back to: there a sign-in could be begun and not finished, since the cookies are of this one.
type providerJSON struct {
	Name   string `json:"name"`
	Preset string `json:"preset,omitempty"`
	At     string `json:"at,omitempty"`
}

func (v *visit) provider() *providerJSON {
	p := v.srv.Provider
	if p == nil {
		return nil
	}
	j := &providerJSON{Name: p.Name(), Preset: p.Preset()}
	if base := v.srv.base(v.r); !strings.EqualFold(base, "https://"+v.r.Host) {
		j.At = base
	}
	return j
}

// cookieOf is what this browser's CSRF token is bound to: its session's, or its visit's.
func (v *visit) cookieOf() string {
	if v.token != "" {
		return v.token
	}
	return cookie(v.r, visitCookie)
}

// startProvider begins a way to the provider: to sign in, or to prove again who one is. The answer is an address to go to, and no
// redirect: a form's would be held back by form-action 'self'.
func (s *Server) startProvider(v *visit) error {
	var b struct {
		Purpose string `json:"purpose"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Provider == nil {
		return refusal{codeNoProvider}
	}
	purpose, hint := oidc.SignIn, ""
	switch {
	case b.Purpose == "prove" && !v.signedIn:
		return refusal{codeNotSignedIn}
	case b.Purpose == "prove":
		purpose, hint = oidc.Prove, v.account.Email
	case b.Purpose != "signIn":
		return refusal{codeBadRequest}
	}
	if wait, ok := s.starts.take(network(v.client).String(), v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	redirect := s.base(v.r) + callbackPath
	to, begun, err := s.Provider.Begin(v.r.Context(), purpose, redirect, hint)
	if err != nil {
		return v.sentBack(err)
	}
	s.flows.put(&flow{Flow: begun, bound: bound(v.cookieOf()), redirect: redirect, until: v.now.Add(flowLifetime)}, v.now)
	return v.json(http.StatusOK, map[string]string{"url": to, "state": begun.State})
}

// finishProvider takes what the provider sent back by the browser: the query of the callback's address, as it is.
func (s *Server) finishProvider(v *visit) error {
	var b struct {
		Query string `json:"query"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Provider == nil {
		return refusal{codeNoProvider}
	}
	query, err := url.ParseQuery(b.Query)
	if err != nil || len(query["state"]) != 1 {
		return refusal{codeBadRequest}
	}
	f := s.flows.find(query.Get("state"), v.cookieOf(), false, v.now)
	if f == nil {
		return sentBack{refusal{codeProviderOver}}
	}
	got, err := s.Provider.Finish(v.r.Context(), f.Flow, f.redirect, query)
	if err != nil {
		return v.sentBack(err)
	}
	v.now = s.Now() // the provider has taken its time
	f.vouched = &got
	if err := s.arrive(v, f, accounts.Proof{}); err != nil {
		return v.sentBack(err)
	}
	return nil
}

// provideFactor takes the second factor of ours, where the provider's word alone is not enough. It is a secret that somebody types: at
// the door it is refused as all of them are.
func (s *Server) provideFactor(v *visit) error {
	var b struct {
		State   string          `json:"state"`
		Code    string          `json:"code"`
		Passkey json.RawMessage `json:"passkey"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Provider == nil {
		return refusal{codeNoProvider}
	}
	if (b.Code == "") == (len(b.Passkey) == 0) {
		return refusal{codeBadRequest}
	}
	f := s.flows.find(b.State, v.cookieOf(), true, v.now)
	if f == nil {
		return sentBack{refusal{codeProviderOver}}
	}
	p := accounts.Proof{Code: b.Code}
	if len(b.Passkey) > 0 {
		purpose, owner := passkey.SignIn, accounts.ID{}
		if f.Purpose == oidc.Prove {
			purpose, owner = passkey.Prove, v.account.ID
		}
		at, err := v.visitor(owner)
		if err != nil {
			return err
		}
		use, err := s.Passkeys.FinishUse(b.Passkey, purpose, at, v.now)
		if err != nil {
			return ceremony(err)
		}
		p.Passkey = use
	}
	return v.atTheDoor(s.arrive(v, f, p))
}

// arrive signs in, or notes the proof, or says that a second factor is wanted and keeps the flow for it.
func (s *Server) arrive(v *visit, f *flow, p accounts.Proof) error {
	var needs accounts.NeedsFactor
	if f.Purpose == oidc.Prove {
		if !v.signedIn {
			return refusal{codeNotSignedIn}
		}
		switch err := s.Accounts.ProveByProvider(v.token, f.vouched.Vouched, p, v.from(), v.now); {
		case errors.As(err, &needs):
			return s.wantFactor(v, f, needs, v.account.Email, "prove")
		case err != nil:
			return err
		}
		s.flows.drop(f.State)
		return v.json(http.StatusOK, map[string]any{"proved": true})
	}
	in, err := s.Accounts.Arrive(f.vouched.Vouched, p, v.from(), v.now)
	switch {
	case errors.As(err, &needs):
		return s.wantFactor(v, f, needs, f.vouched.Email, "signIn")
	case err != nil:
		return err
	}
	s.flows.drop(f.State)
	s.hints.keep(in.Account.ID, f.vouched.IDToken)
	// A session that this browser still had is over: its cookie is about to be replaced.
	if v.signedIn {
		if err := s.Accounts.Logout(v.token, v.from(), v.now); err != nil {
			return err
		}
	}
	signIn(v.w, in.Session.Reveal())
	j := struct {
		meJSON
		RecoveryLeft *int `json:"recoveryLeft,omitempty"`
	}{meJSON: v.me(in.Account, in.Session.Reveal())}
	j.Account.Provided = !in.Account.Passphrase
	if in.Recovery {
		j.RecoveryLeft = &in.RecoveryLeft
	}
	return v.json(http.StatusOK, j)
}

// wantFactor is no refusal: the provider's word counts, and is kept until the factor is there.
func (s *Server) wantFactor(v *visit, f *flow, needs accounts.NeedsFactor, email, purpose string) error {
	s.flows.put(f, v.now)
	return v.json(http.StatusOK, map[string]any{"second": map[string]any{"totp": needs.TOTP, "passkey": needs.Passkey, "email": email, "purpose": purpose}})
}

// sentBack gives what went wrong with the provider, or with whom it vouches for, the sentence for who comes by it; its cause is for the
// operator.
func (v *visit) sentBack(err error) error {
	var failure *oidc.Error
	switch {
	case errors.As(err, &failure):
		level := slog.LevelWarn
		if failure.Kind == oidc.Cancelled {
			level = slog.LevelInfo // that is the person's right
		}
		v.srv.Log.Log(v.r.Context(), level, "no sign-in by the provider", "kind", string(failure.Kind), "client", v.srv.Mask(v.client), "error", failure)
	case errors.Is(err, accounts.ErrEmailTaken), errors.Is(err, accounts.ErrEmailLeaving), errors.Is(err, accounts.ErrEmailKept):
		err = refusal{codeProviderTaken}
	case errors.Is(err, accounts.ErrDisabled):
		err = refusal{codeProviderShut}
	case errors.Is(err, accounts.ErrEmail), errors.Is(err, accounts.ErrName):
		err = refusal{codeProviderSaid}
	}
	return sentBack{err}
}

// providerStateJSON is what the console shows of the provider.
type providerStateJSON struct {
	Configured bool                  `json:"configured"`
	Name       string                `json:"name,omitempty"`
	Preset     string                `json:"preset,omitempty"`
	Issuer     string                `json:"issuer,omitempty"`
	Client     string                `json:"client,omitempty"`
	Last       *time.Time            `json:"last,omitempty"`
	Good       *time.Time            `json:"good,omitempty"`
	Failure    *directoryFailureJSON `json:"failure,omitempty"`
	Addresses  map[string]string     `json:"addresses,omitempty"` // to be registered there
}

func (s *Server) getProvider(v *visit) error {
	p := s.Provider
	if p == nil {
		return v.json(http.StatusOK, providerStateJSON{})
	}
	base, status := s.base(v.r), p.Status()
	j := providerStateJSON{Configured: true, Name: p.Name(), Preset: p.Preset(), Issuer: p.Issuer(), Client: p.ClientID(),
		Addresses: map[string]string{"callback": base + callbackPath, "signedOut": base + signedOutPath, "backChannel": base + backChannelPath, "frontChannel": base + frontChannelPath}}
	if !status.Last.IsZero() {
		j.Last = &status.Last
	}
	if !status.Good.IsZero() {
		j.Good = &status.Good
	}
	if f := status.Failure; f != nil {
		j.Failure = &directoryFailureJSON{Kind: ldap.Kind(f.Kind), Detail: f.Err.Error()}
		j.Failure.FR, j.Failure.EN = f.Kind.Sentence()
	}
	return v.json(http.StatusOK, j)
}
