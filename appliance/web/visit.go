package web

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"huisclos/accounts"
	"huisclos/accounts/scim"
	"huisclos/meetings"
	"huisclos/store"
)

// kind says what a route answers with, and so which defences stand before it.
type kind int

const (
	page    kind = iota // a document or a file: may be opened from another site
	call                // JSON of the API
	secret              // JSON of the API that checks a secret which somebody could guess
	socket              // the upgrade to WebSocket
	machine             // SCIM: a program with a token, no browser
	foreign             // what the provider of sign-in calls itself: neither cookie nor origin of ours, but its signature
)

type route struct {
	method, path string
	access       access
	kind         kind
	handler      func(*visit) error
}

// A visit is one request with what is known of who makes it.
type visit struct {
	srv    *Server
	w      *echo.Response
	r      *http.Request
	c      echo.Context
	now    time.Time
	heard  time.Time // when the body was read
	client netip.Addr

	signedIn bool
	account  accounts.Account
	session  accounts.Session
	token    string // of the session

	provisioner accounts.Provisioner // who has the token of a request for SCIM; then nobody is signed in
	program     *accounts.Program    // what has the token of a request for the API; then account is whose it is, and there is no session

	route route

	canary *meetings.Visitor // one of the two of the test call; then account has an id and a name, and there is no session
}

func (v *visit) actor() accounts.Actor {
	if v.program != nil {
		return v.program.Actor(v.client)
	}
	return accounts.Actor{Account: v.account.ID, Client: v.client, Proved: v.session.Proved, Vouched: v.session.Vouched}
}

func (v *visit) from() accounts.Client {
	agent := strings.ToValidUTF8(v.r.UserAgent(), "")
	return accounts.Client{Address: v.client, Agent: agent[:min(len(agent), 256)]}
}

// handle puts the defences before a route's handler. Their order: what costs least first, and nothing that tells an
// outsider more than that the address exists.
func (s *Server) handle(rt route) echo.HandlerFunc {
	return func(c echo.Context) error {
		v := &visit{srv: s, w: c.Response(), r: c.Request(), c: c, now: s.Now(), client: s.client(c.Request()), route: rt}
		defer v.served(rt, v.now)
		if rt.kind == page {
			return v.answer(rt.handler(v))
		}
		switch rt.kind {
		case machine:
			return v.answer(s.provision(v, rt))
		case foreign:
			return v.answer(s.fromProvider(v, rt))
		}
		if token, given := bearer(v.r); given {
			return v.answer(s.byProgram(v, rt, token))
		}
		if refused := s.admit(v, rt); refused != "" {
			return v.refuse(refused)
		}
		if rt.kind == socket {
			return v.answer(rt.handler(v))
		}
		if rt.atDoor() {
			return v.answer(s.knock(v, rt))
		}
		return v.answer(s.run(v, rt))
	}
}

// run calls a route's handler in one of the slots, and counts it when it may be a guess.
func (s *Server) run(v *visit, rt route) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		v.w.Header().Set("Retry-After", "2")
		return refusal{codeBusy}
	}
	if rt.kind != secret {
		return rt.handler(v)
	}
	if until, ok := s.guesses.begin(v.client, v.now); !ok {
		return accounts.ErrTooMany{Until: until}
	}
	err := rt.handler(v)
	if !guessed(err) {
		s.guesses.giveBack(v.client)
	}
	return err
}

// guessed reports whether a secret was tried and wrong.
func guessed(err error) bool {
	return errors.Is(err, accounts.ErrSetupCode) || errors.Is(err, accounts.ErrActivation) || errors.Is(err, accounts.ErrPassphraseWrong) ||
		errors.Is(err, accounts.ErrCodeWrong) || errors.Is(err, accounts.ErrPasskeyRefused) || errors.Is(err, accounts.ErrInvitation) || errors.Is(err, accounts.ErrConfirmation) || errors.Is(err, accounts.ErrUndo) ||
		err == errPIN
}

// admit checks origin, rate, session, CSRF token, second factor and role, and returns why not.
func (s *Server) admit(v *visit, rt route) code {
	changes := rt.method != http.MethodGet && rt.method != http.MethodHead
	switch {
	case changes || rt.kind == socket:
		if !sameOrigin(v.r) {
			return codeForeignOrigin
		}
	case !ownNavigation(v.r):
		return codeForeignOrigin
	}
	bucket, key := s.unsigned, network(v.client).String()
	shut := false // the console, for this session
	if v.token = cookie(v.r, sessionCookie); v.token != "" {
		account, session, err := s.Accounts.SessionFor(v.token, rt.use(v.r), v.now)
		if shut = errors.Is(err, accounts.ErrConsoleIdle); shut {
			err = nil
		}
		switch {
		case err == nil:
			v.signedIn, v.account, v.session = true, account, session
			bucket, key = s.signed, session.ID.String()
			s.presence.note(account.ID, v.now)
		case errors.Is(err, accounts.ErrNoSession) && rt.access == participant && s.isCanary(v):
			bucket, key = s.signed, v.canary.Session
		case errors.Is(err, accounts.ErrNoSession):
			v.token = ""
		default:
			s.Log.Error("session not read", "error", err)
			return codeInternal
		}
	}
	if wait, ok := bucket.take(key, v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		s.Log.Info("too many requests", "client", s.Mask(v.client), "signedIn", v.signedIn)
		return codeTooFast
	}
	if rt.access != anyone && !v.signedIn {
		return codeNotSignedIn
	}
	// No browser holds the token of a test call's participant, so that no page of a stranger's could use it.
	if changes && v.canary == nil {
		bound := v.token
		if bound == "" {
			bound = cookie(v.r, visitCookie)
		}
		if !csrfMatches(v.r, bound) {
			return codeCSRF
		}
	}
	if v.canary != nil {
		return "" // it has no role: its token names one room, and no other is open to it
	}
	if refused := rt.access.refuses(v); refused != "" {
		return refused
	}
	switch {
	case shut:
		return codeConsoleIdle
	case rt.method == http.MethodPatch && rt.access.own() && !v.now.Before(v.session.Rights):
		return codeProofNeeded
	}
	return ""
}

// quietHeader is what a page sends with what it asks by itself: nobody has touched the device for a while. Without it a request is a use.
// Who leaves it out keeps their own session longer, no more.
const quietHeader = "X-Huisclos-Quiet"

// use says who asks. What a WebSocket does is a call's.
func (rt route) use(r *http.Request) accounts.Use {
	quiet := r.Header.Get(quietHeader) != ""
	switch console := strings.HasPrefix(rt.path, "/api/admin/"); {
	case rt.kind == socket:
		return accounts.ByCall
	case console && quiet:
		return accounts.AtConsole
	case console:
		return accounts.InConsole
	case quiet:
		return accounts.Quietly
	}
	return accounts.ByPerson
}

// isCanary lets one of the two of the test call in, where the address names their room. Their tokens are no sessions: on
// every other route, and in every other room, they are nobody's.
func (s *Server) isCanary(v *visit) bool {
	if s.Canary == nil {
		return false
	}
	room, err := v.room()
	if err != nil {
		return false
	}
	who, ok := s.Canary(v.token, room, v.now)
	if !ok {
		return false
	}
	v.canary, v.signedIn = &who, true
	v.account = accounts.Account{ID: accounts.ID(who.Account), Name: who.Name}
	return true
}

// answer renders what a handler's error means to a person; nil is that the handler has answered.
func (v *visit) answer(err error) error {
	var many accounts.ErrTooMany
	var needs accounts.NeedsFactor
	var proposed accounts.Proposed
	var he *echo.HTTPError
	var protocol *scim.Error
	switch {
	case err == nil:
		return nil
	case v.w.Committed:
		v.srv.Log.Debug("answer cut", "error", err)
		return nil
	case errors.Is(err, ErrPost):
		v.srv.Log.Warn("no mail written", "route", v.c.Path(), "error", err)
		return v.refuse(codeNoMail)
	case errors.As(err, &many):
		v.w.Header().Set("Retry-After", seconds(many.Until.Sub(v.now)))
		v.srv.Log.Info("too many tries", "client", v.srv.Mask(v.client), "route", v.c.Path())
		return v.refuseWith(codeTooMany, map[string]any{"until": many.Until.UTC().Format(time.RFC3339)})
	case errors.As(err, &needs):
		return v.refuseWith(code(needs.Code()), map[string]any{"factors": map[string]bool{"totp": needs.TOTP, "passkey": needs.Passkey}})
	case errors.As(err, &proposed): // not done, and not refused: it waits for a second pair of eyes
		return v.json(http.StatusAccepted, map[string]any{"proposal": proposalOf(proposed.Proposal)})
	case errors.Is(err, errTooLarge):
		return v.refuse(codeTooLarge)
	case errors.Is(err, errMediaType):
		return v.refuse(codeMediaType)
	case errors.As(err, &protocol):
		scimRefusal(v.w, v.r, protocol)
		return nil
	case errors.As(err, &he):
		return err
	}
	var r refusal
	if errors.As(err, &r) {
		return v.refuse(r.code)
	}
	var door doorRefusal
	if errors.As(err, &door) {
		said := sentences[door.code]
		said.status = http.StatusUnauthorized
		v.srv.say(v.w, v.r, door.code, said, nil)
		return nil
	}
	if known := code(accounts.Code(err)); known != "" {
		if _, ok := sentences[known]; ok {
			return v.refuse(known)
		}
	}
	if errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrFailed) {
		v.srv.Log.Error("not done, because it can't be recorded", "method", v.r.Method, "route", v.c.Path(), "error", err)
		return v.refuse(codeNotRecorded)
	}
	v.srv.Log.Error("request failed", "method", v.r.Method, "route", v.c.Path(), "error", err)
	return v.refuse(codeInternal)
}

// A refusal is a handler's own no.
type refusal struct{ code code }

func (r refusal) Error() string { return "refused: " + string(r.code) }

func (v *visit) refuse(c code) error { return v.refuseWith(c, nil) }

func (v *visit) refuseWith(c code, more map[string]any) error {
	v.srv.refuseWith(v.w, v.r, c, more)
	return nil
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, c code) { s.refuseWith(w, r, c, nil) }

// refuseWith answers with the sentence of c: JSON below /api/, a page elsewhere.
func (s *Server) refuseWith(w http.ResponseWriter, r *http.Request, c code, more map[string]any) {
	said, ok := sentences[c]
	if !ok {
		c, said = codeInternal, sentences[codeInternal]
	}
	s.say(w, r, c, said, more)
}

func (s *Server) say(w http.ResponseWriter, r *http.Request, c code, said sentence, more map[string]any) {
	if isScim(r) {
		s.sayScim(w, r, c, said)
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/api/") {
		s.sentencePage(w, r, said)
		return
	}
	body := map[string]any{"error": map[string]string{"code": string(c), "fr": said.fr, "en": said.en}}
	for k, value := range more {
		body[k] = value
	}
	writeJSON(w, r, said.status, body)
}

// json answers with v. An answer of the API is never kept by a cache.
func (v *visit) json(status int, value any) error {
	if v.srv.observe != nil {
		v.srv.observe(v.route, status, value)
	}
	writeJSON(v.w, v.r, status, value)
	return nil
}

func (v *visit) done() error {
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic("a value of ours that JSON can't hold: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // the connection is gone: nobody to tell
	}
}

// decode reads the body into value; see the function of that name.
func (v *visit) decode(value any) error { return v.decodeUpTo(value, maxBody) }

func (v *visit) decodeUpTo(value any, limit int64) error {
	if v.srv.observe != nil {
		v.srv.observe(v.route, 0, value)
	}
	err := decodeUpTo(v.w, v.r, value, limit)
	v.heard = v.srv.Now()
	if err == nil || errors.Is(err, errTooLarge) || errors.Is(err, errMediaType) {
		return err
	}
	return refusal{codeBadRequest}
}

// seconds is a Retry-After, at least 1.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
