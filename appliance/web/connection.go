package web

import (
	"errors"
	"net/http"
	"strings"

	"huisclos/meetings/signalling"
)

// ErrTrials says that as many trial connections stand as there may.
var ErrTrials = errors.New("web: too many trial connections")

// A run of the page "test my connection" makes four trials and one echo; nobody needs more than a few runs a minute.
const trialsPerSecond, trialsBurst = 0.2, 16

// tryConnection answers the offer of a media connection that carries nothing. It is the browser's own way to see whether UDP and
// TCP lead here.
func (s *Server) tryConnection(v *visit) error {
	if refused := s.trial(v); refused != nil {
		return refused
	}
	var given struct {
		Offer string `json:"offer"`
		MID   string `json:"mid"`
		Relay bool   `json:"relay"` // the relay is to be tried, which takes a credential
	}
	if err := v.decode(&given); err != nil {
		return err
	}
	answer, err := s.Trial(v.r.Context(), arrival(v.r), given.Offer, given.MID)
	switch {
	case errors.Is(err, ErrTrials):
		v.w.Header().Set("Retry-After", "10")
		return refusal{codeBusy}
	case err != nil:
		s.Log.Debug("trial connection refused", "error", err)
		return refusal{codeBadRequest}
	}
	said := trialJSON{Answer: answer, Proxied: s.proxied(v.r)}
	if given.Relay && s.Relay != nil {
		username, credential, expires := s.Relay.Credential([16]byte(v.account.ID), v.session.ID.String(), v.now)
		said.Relay = &grantJSON{username, credential, expires.Sub(v.now).Milliseconds()}
	}
	return v.json(http.StatusOK, said)
}

type trialJSON struct {
	Answer string     `json:"answer"`
	Relay  *grantJSON `json:"relay,omitempty"`
	// Proxied: pages come by a proxy that takes HTTPS apart, where media over TCP has no way.
	Proxied bool `json:"proxied,omitempty"`
}

// grantJSON is what the signalling's message "relay" says.
type grantJSON struct {
	Username   string `json:"username"`
	Credential string `json:"credential"`
	LifetimeMs int64  `json:"lifetimeMs"`
}

// tryMessages upgrades to a WebSocket that repeats what it is sent: whether what lies between lets them pass, and how fast.
func (s *Server) tryMessages(v *visit) error {
	if !strings.EqualFold(v.r.Header.Get("Upgrade"), "websocket") {
		return refusal{codeUpgrade}
	}
	if refused := s.trial(v); refused != nil {
		return refused
	}
	s.lines.Add(1)
	defer s.lines.Done()
	signalling.Echo(v.w, v.r)
	return nil
}

func (s *Server) trial(v *visit) error {
	if wait, ok := s.trials.take(v.session.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	return nil
}
