package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"huisclos/accounts"
	"huisclos/accounts/scim"
)

// The routes of SCIM 2.0 (RFC 7644). Who asks is an identity system with a bearer token: no cookie is read here, so that no browser can be
// made to ask with somebody's session, and there is no CSRF token to have.

const (
	scimPath  = "/scim/v2"
	scimMedia = "application/scim+json"

	maxUserBody  = 128 << 10
	maxGroupBody = 4 << 20 // ten thousand members

	// Entra ID asks 25 times a second at most, and in bursts.
	provisionsPerSecond, provisionsBurst = 50, 500
	// maxProvisions bounds the requests that run at once: each that writes waits for the others anyway.
	maxProvisions = 16
	// Tokens that don't count, by network: each is in the log.
	strangersPerSecond, strangersBurst = 0.2, 20
)

const (
	codeUnprovisioned  code = "no-provisioner" // a request without a token
	codeBadProvisioner code = "bad-provisioner"
)

// provision is what stands before the routes of SCIM.
func (s *Server) provision(v *visit, rt route) error {
	token, given := bearer(v.r)
	if !given {
		return v.strange(s.unsigned, codeUnprovisioned, `Bearer realm="scim"`) // RFC 6750 §3
	}
	by, err := s.Accounts.ProvisionerOf(token, v.from(), v.now)
	if errors.Is(err, accounts.ErrProvisioner) {
		refused := v.strange(s.strangers, codeBadProvisioner, `Bearer realm="scim", error="invalid_token"`)
		if refused == (refusal{codeBadProvisioner}) { // not one too many of its kind
			if err := s.Accounts.RefusedProvisioner(token, v.from(), v.now); err != nil {
				return err
			}
		}
		return refused
	}
	if err != nil {
		return err
	}
	if wait, ok := s.provisions.take(by.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	select {
	case s.provisioning <- struct{}{}:
		defer func() { <-s.provisioning }()
	case <-v.r.Context().Done():
		return v.r.Context().Err()
	}
	v.provisioner = by
	err = s.run(v, rt)
	if errors.Is(err, ErrPost) { // as many mails wait as can: it will be better in a while
		v.w.Header().Set("Retry-After", "60")
	}
	return err
}

// strange is the refusal of who has no right to be here, slowed down.
func (v *visit) strange(limit *rate, c code, challenge string) error {
	if wait, ok := limit.take(network(v.client).String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	v.w.Header().Set("WWW-Authenticate", challenge)
	return refusal{c}
}

// bearer is the token of RFC 6750 §2.1. It is taken from that header and from nowhere else.
func bearer(r *http.Request) (token string, ok bool) {
	all := r.Header.Values("Authorization")
	if len(all) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(all[0], " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// scim is the request in the words of the protocol.
func (v *visit) scim() (scim.Request, error) {
	q := v.r.URL.Query()
	r := scim.Request{By: v.provisioner, Base: v.srv.base(v.r) + scimPath, Match: strings.Join(v.r.Header.Values("If-Match"), ","), Now: v.now,
		Query: scim.Query{Filter: q.Get("filter"), Start: q.Get("startIndex"), Count: q.Get("count"), Attributes: q.Get("attributes"), Excluded: q.Get("excludedAttributes")}}
	if v.srv.Post != nil && r.By.Mails {
		also, err := v.posted(true)
		if err != nil {
			return r, err
		}
		r.Also = also
	}
	return r, nil
}

// scimBody reads a body of at most limit octets.
func (v *visit) scimBody(limit int64) ([]byte, error) {
	media, params, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != scimMedia && media != "application/json" {
		return nil, errMediaType
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return nil, errMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(v.w, v.r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case err != nil:
		return nil, refusal{codeBadRequest}
	}
	return body, nil
}

// scimJSON answers with a resource, a list or an error.
func scimJSON(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		panic("a value of ours that JSON can't hold: " + err.Error())
	}
	w.Header().Set("Content-Type", scimMedia+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data) // the connection is gone: nobody to tell
}

// resource answers with one resource and its version (RFC 7644 §3.14).
func (v *visit) resource(status int, a scim.Answer, err error) error {
	if err != nil {
		return err
	}
	v.w.Header().Set("ETag", a.Version)
	if status == http.StatusCreated {
		v.w.Header().Set("Location", a.Location)
	}
	if v.r.Method == http.MethodGet && a.Version != "" && v.r.Header.Get("If-None-Match") == a.Version {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	scimJSON(v.w, status, a.Body)
	return nil
}

func (v *visit) list(body map[string]any, err error) error {
	if err != nil {
		return err
	}
	scimJSON(v.w, http.StatusOK, body)
	return nil
}

func (s *Server) scimProvider() scim.Provider { return scim.Provider{Accounts: s.Accounts} }

// one runs f with the resource that the address names.
func one(f func(s scim.Provider, q scim.Request, id string) (scim.Answer, error)) func(*visit) error {
	return func(v *visit) error {
		q, err := v.scim()
		if err != nil {
			return err
		}
		a, err := f(v.srv.scimProvider(), q, v.c.Param("id"))
		return v.resource(http.StatusOK, a, err)
	}
}

// change runs f with the resource that the address names, and the body.
func change(limit int64, f func(s scim.Provider, q scim.Request, id string, body []byte) (scim.Answer, error)) func(*visit) error {
	return func(v *visit) error {
		q, err := v.scim()
		if err != nil {
			return err
		}
		body, err := v.scimBody(limit)
		if err != nil {
			return err
		}
		a, err := f(v.srv.scimProvider(), q, v.c.Param("id"), body)
		return v.resource(http.StatusOK, a, err)
	}
}

// create runs f with the body.
func create(limit int64, f func(s scim.Provider, q scim.Request, body []byte) (scim.Answer, error)) func(*visit) error {
	return func(v *visit) error {
		q, err := v.scim()
		if err != nil {
			return err
		}
		body, err := v.scimBody(limit)
		if err != nil {
			return err
		}
		a, err := f(v.srv.scimProvider(), q, body)
		return v.resource(http.StatusCreated, a, err)
	}
}

// lists runs f with what the address asks for; searches, with what the body does (RFC 7644 §3.4.3).
func lists(f func(scim.Provider, scim.Request) (map[string]any, error)) func(*visit) error {
	return func(v *visit) error {
		q, err := v.scim()
		if err != nil {
			return err
		}
		return v.list(f(v.srv.scimProvider(), q))
	}
}

func searches(f func(scim.Provider, scim.Request) (map[string]any, error)) func(*visit) error {
	return func(v *visit) error {
		q, err := v.scim()
		if err != nil {
			return err
		}
		body, err := v.scimBody(maxUserBody)
		if err != nil {
			return err
		}
		if q.Query, err = scim.ReadSearch(body); err != nil {
			return err
		}
		return v.list(f(v.srv.scimProvider(), q))
	}
}

func (s *Server) scimDeleteUser(v *visit) error {
	q, err := v.scim()
	if err != nil {
		return err
	}
	if _, err := s.scimProvider().DeleteUser(q, v.c.Param("id")); err != nil {
		return err
	}
	return v.done()
}

func (s *Server) scimDeleteGroup(v *visit) error {
	q, err := v.scim()
	if err != nil {
		return err
	}
	if err := s.scimProvider().DeleteGroup(q, v.c.Param("id")); err != nil {
		return err
	}
	return v.done()
}

// scimSays answers with one of the documents that say what there is (RFC 7644 §4).
func scimSays(f func(base, name string) (map[string]any, bool)) func(*visit) error {
	return func(v *visit) error {
		// "This endpoint doesn't filter" (RFC 7644 §4): whoever asks for a part is not told that the whole is it.
		if v.r.URL.Query().Has("filter") {
			return refusal{codeForbidden}
		}
		body, ok := f(v.srv.base(v.r)+scimPath, v.c.Param("id"))
		if !ok {
			return refusal{codeNotFound}
		}
		scimJSON(v.w, http.StatusOK, body)
		return nil
	}
}

func always(f func(base string) map[string]any) func(base, _ string) (map[string]any, bool) {
	return func(base, _ string) (map[string]any, bool) { return f(base), true }
}

func (s *Server) scimRoutes() []route {
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	at := func(method, path string, f func(*visit) error) route {
		return route{method, scimPath + path, provisioner, machine, f}
	}
	return []route{
		at(get, "/ServiceProviderConfig", scimSays(always(scim.Config))),
		at(get, "/ResourceTypes", scimSays(always(scim.ResourceTypes))),
		at(get, "/ResourceTypes/:id", scimSays(scim.ResourceType)),
		at(get, "/Schemas", scimSays(always(scim.Schemas))),
		at(get, "/Schemas/:id", scimSays(scim.Schema)),
		at(get, "/Users", lists(scim.Provider.ListUsers)),
		at(post, "/Users/.search", searches(scim.Provider.ListUsers)),
		at(post, "/Users", create(maxUserBody, scim.Provider.CreateUser)),
		at(get, "/Users/:id", one(scim.Provider.GetUser)),
		at(put, "/Users/:id", change(maxUserBody, scim.Provider.ReplaceUser)),
		at(patch, "/Users/:id", change(maxUserBody, scim.Provider.PatchUser)),
		at(del, "/Users/:id", s.scimDeleteUser),
		at(get, "/Groups", lists(scim.Provider.ListGroups)),
		at(post, "/Groups/.search", searches(scim.Provider.ListGroups)),
		at(post, "/Groups", create(maxGroupBody, scim.Provider.CreateGroup)),
		at(get, "/Groups/:id", one(scim.Provider.GetGroup)),
		at(put, "/Groups/:id", change(maxGroupBody, scim.Provider.ReplaceGroup)),
		at(patch, "/Groups/:id", change(maxGroupBody, scim.Provider.PatchGroup)),
		at(del, "/Groups/:id", s.scimDeleteGroup),
	}
}
