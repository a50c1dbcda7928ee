package web

import (
	_ "embed" // the description of the API
	"errors"
	"net/http"
	"net/netip"
	"time"

	"huisclos/accounts"
)

// The API for programs: the routes of the console that a token with the right scope may ask ([operations]), and what the console shows
// of these tokens. A request with a bearer header is a program's and nobody's else: no cookie is read, so that it carries nobody's
// session, and there is no CSRF token to have, because no browser puts that header there by itself.

const (
	// A program that looks at something every second, with others beside it.
	programsPerSecond, programsBurst = 10, 100

	descriptionPath = "/api/openapi.json"
)

const (
	codeBadToken       code = "bad-token"
	codeTokenNetwork   code = "token-network"
	codeScope          code = "scope"
	codeNotForPrograms code = "not-for-programs"
)

// byProgram is what stands before the routes for a request with a token.
func (s *Server) byProgram(v *visit, rt route, token string) error {
	by, account, err := s.Accounts.ProgramOf(token, v.from(), v.now)
	var bad code
	switch {
	case errors.Is(err, accounts.ErrProgram):
		bad = codeBadToken
	case errors.Is(err, accounts.ErrProgramNetwork):
		bad = codeTokenNetwork
	case err != nil:
		return err
	}
	if bad != "" {
		refused := v.strange(s.strangers, bad, `Bearer realm="api", error="invalid_token"`) // RFC 6750 §3.1
		if refused == (refusal{bad}) {                                                      // not one too many of its kind
			if err := s.Accounts.RefusedProgram(token, v.from(), v.now); err != nil {
				return err
			}
		}
		return refused
	}
	if wait, ok := s.programs.take(by.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	// What has no scope is not for programs: a new route is shut to them until somebody says which scope it asks for.
	scope := scopeOf(rt)
	switch {
	case scope == "":
		return refusal{codeNotForPrograms}
	case !by.May(scope):
		v.w.Header().Set("WWW-Authenticate", `Bearer realm="api", error="insufficient_scope", scope="`+string(scope)+`"`)
		return refusal{codeScope}
	}
	v.program, v.account, v.signedIn = &by, account, true
	if refused := rt.access.refuses(v); refused != "" {
		return refusal{refused}
	}
	return s.run(v, rt)
}

//go:embed openapi.json
var openapi []byte

// description answers with the OpenAPI document. It is there for whoever asks: it says what everybody can read in the source, and
// tools that make clients of it have no session.
func (s *Server) description(v *visit) error {
	v.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(openapi)
	return nil
}

type programJSON struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Scopes   []accounts.Scope `json:"scopes"`
	Networks []netip.Prefix   `json:"networks"`
	By       string           `json:"by"` // name; "" when the account is gone
	Created  time.Time        `json:"created"`
	Expires  time.Time        `json:"expires"`
	Expired  bool             `json:"expired"`
	Used     *time.Time       `json:"used,omitempty"`
	From     string           `json:"from,omitempty"` // address of the last use
}

func programOf(p accounts.Program, by string, now time.Time) programJSON {
	j := programJSON{ID: p.ID.String(), Name: p.Name, Scopes: p.Scopes, Networks: p.Networks, By: by, Created: p.Created, Expires: p.Expires, Expired: !now.Before(p.Expires)}
	if j.Networks == nil {
		j.Networks = []netip.Prefix{}
	}
	if !p.Used.IsZero() {
		j.Used = &p.Used
		if p.UsedFrom.IsValid() {
			j.From = p.UsedFrom.Unmap().String()
		}
	}
	return j
}

func (s *Server) getPrograms(v *visit) error {
	list, err := s.Accounts.Programs()
	if err != nil {
		return err
	}
	makers := make([]accounts.ID, 0, len(list))
	for _, p := range list {
		makers = append(makers, p.By)
	}
	names, err := s.Accounts.Names(makers)
	if err != nil {
		return err
	}
	tokens := make([]programJSON, 0, len(list))
	for _, p := range list {
		tokens = append(tokens, programOf(p, names[p.By], v.now))
	}
	return v.json(http.StatusOK, map[string]any{"url": s.base(v.r) + "/api", "description": s.base(v.r) + descriptionPath, "scopes": accounts.Scopes(),
		"most": accounts.MaxPrograms, "days": accounts.ProgramDays, "mostDays": accounts.MaxProgramDays, "tokens": tokens})
}

// makeProgram makes a token. It is in this answer and nowhere else.
func (s *Server) makeProgram(v *visit) error {
	var b struct {
		Name     string   `json:"name"`
		Scopes   []string `json:"scopes"`
		Networks []string `json:"networks"`
		Days     int      `json:"days"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	p, token, err := s.Accounts.MakeProgram(v.actor(), accounts.ProgramWish{Name: b.Name, Scopes: b.Scopes, Networks: b.Networks, Days: b.Days}, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusCreated, map[string]any{"program": programOf(p, v.account.Name, v.now), "token": token.Reveal()})
}

func (s *Server) revokeProgram(v *visit) error {
	id, err := accounts.ParseProgramID(v.c.Param("program"))
	if err != nil {
		return err
	}
	if err := s.Accounts.RevokeProgram(v.actor(), id, v.now); err != nil {
		return err
	}
	return v.done()
}
