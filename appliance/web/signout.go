package web

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"huisclos/accounts/oidc"
)

// maxLogoutBody bounds what the provider posts: one signed token.
const maxLogoutBody = 32 << 10

// leavingJSON is where to go to sign out at the provider as well. Now: at once, as ProConnect wants it of its services; else the page
// offers it, since others of the person's services may be open by the same session there.
type leavingJSON struct {
	URL string `json:"url"`
	Now bool   `json:"now"`
}

// leaving is the sign-out at the provider of who is signed in by it (OpenID Connect RP-Initiated Logout §2); nil: there is none to be had.
func (v *visit) leaving() *leavingJSON {
	s := v.srv
	if s.Provider == nil || !v.signedIn || !v.session.Provided {
		return nil
	}
	// Nothing hangs on it when the browser comes back: the page that it comes back to does nothing.
	var state [16]byte
	s.Rand(state[:])
	to, ok := s.Provider.LogoutURL(s.hints.of(v.account.ID), s.base(v.r)+signedOutPath, base64.RawURLEncoding.EncodeToString(state[:]))
	if !ok {
		return nil
	}
	return &leavingJSON{to, s.Provider.Preset() == oidc.ProConnect}
}

// fromProvider runs a handler that the provider calls, or a page of the provider's: there is no cookie, no CSRF token and no origin of
// ours. Who calls is shown by a signature, or by the name of a session that only the provider and its clients know.
func (s *Server) fromProvider(v *visit, rt route) error {
	if s.Provider == nil {
		return refusal{codeNotFound}
	}
	if wait, ok := s.unsigned.take(network(v.client).String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	return s.run(v, rt)
}

// backChannel ends sessions at the provider's word, told from server to server (OpenID Connect Back-Channel Logout 1.0 §2.5 to 2.8). They,
// and the calls that they are in, are over when it is answered.
func (s *Server) backChannel(v *visit) error {
	media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return v.logoutRefused(http.StatusBadRequest)
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, maxLogoutBody))
	if err != nil {
		return v.logoutRefused(http.StatusBadRequest)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil || len(form["logout_token"]) != 1 {
		return v.logoutRefused(http.StatusBadRequest)
	}
	subject, sid, err := s.Provider.BackChannel(v.r.Context(), form.Get("logout_token"))
	if err != nil {
		s.Log.Warn("the provider's sign-out was refused", "client", s.Mask(v.client), "error", err)
		var failure *oidc.Error
		if errors.As(err, &failure) && failure.Kind != oidc.Invalid {
			return v.logoutRefused(http.StatusServiceUnavailable) // its keys could not be read: it may try again
		}
		return v.logoutRefused(http.StatusBadRequest)
	}
	n, err := s.Accounts.EndProvided(s.Provider.Issuer(), subject, sid, v.now)
	if err != nil {
		s.Log.Error("the provider's sign-out failed", "error", err)
		return v.logoutRefused(http.StatusServiceUnavailable)
	}
	s.Log.Info("the provider signed somebody out", "by", "back channel", "sessions", n)
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// logoutRefused answers as §2.8 has it.
func (v *visit) logoutRefused(status int) error {
	said := "invalid_request"
	if status == http.StatusServiceUnavailable {
		said = "temporarily_unavailable"
	}
	return v.json(status, map[string]string{"error": said})
}

// frontChannel ends the sessions of one session of the provider's (OpenID Connect Front-Channel Logout 1.0 §3): a page of the provider's
// has it in a frame. No cookie of ours is in a frame of another site, so that iss and sid say whose they are; both are required, and a
// sid is a name that nobody can guess. It is a GET that changes something, because the standard has it so; all that it can do is to end
// a session. The browser keeps a cookie that opens nothing any more.
func (s *Server) frontChannel(v *visit) error {
	sid, err := s.Provider.FrontChannel(v.r.URL.Query())
	if err != nil {
		return refusal{codeBadRequest}
	}
	n, err := s.Accounts.EndProvided(s.Provider.Issuer(), "", sid, v.now)
	if err != nil {
		return err
	}
	s.Log.Info("the provider signed somebody out", "by", "front channel", "sessions", n)
	const said = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Huis Clos</title></html>\n"
	h := v.w.Header()
	// The one answer that may stand in a frame, and in the provider's alone. There is nothing in it.
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors "+strings.Join(s.Provider.Origins(), " "))
	h.Del("X-Frame-Options")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Content-Type", mediaTypes[".html"])
	v.w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(v.w, said)
	return nil
}
