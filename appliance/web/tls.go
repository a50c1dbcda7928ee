package web

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/certs"
	"huisclos/appliance/certs/order"
)

// Certificates is what administrators do with the certificate of this server. What does not do is a *certs.Refusal or an
// *order.Failure.
type Certificates interface {
	State(now time.Time) (CertificateState, error)
	Examine(m certs.Material, now time.Time) (*certs.Pair, certs.Facts, error)
	Import(by accounts.Actor, p *certs.Pair, now time.Time) error
	Request(by accounts.Actor, w certs.Wish, now time.Time) (certs.Request, error)
	Withdraw(by accounts.Actor, id string, now time.Time) error
	Order(by accounts.Actor, now time.Time) error
	Look(ctx context.Context, directory, ca string, now time.Time) (order.Authority, error)
}

// CertificateState is what is served, and what else there is.
type CertificateState struct {
	Mode     certs.Mode
	Names    []string // of this appliance
	Serves   certs.Facts
	Stored   *certs.Facts // that was given; nil: none
	Requests []certs.Request
	Port80   bool // HTTP on port 80 comes here
	Strict   bool // browsers are told to come by HTTPS only
	ACME     order.Status
	Ordering bool
	RenewAt  time.Time // of the one by ACME
}

// maxCertificateBody has room for a chain, its key, and both once more in base64.
const maxCertificateBody = 512 << 10

type acmeFailureJSON struct {
	Kind   order.Kind `json:"kind"`
	FR     string     `json:"fr"`
	EN     string     `json:"en"`
	Detail string     `json:"detail,omitempty"`
}

type acmeJSON struct {
	Ordering bool             `json:"ordering"`
	Got      *time.Time       `json:"got,omitempty"`
	Tried    *time.Time       `json:"tried,omitempty"`
	Failures int              `json:"failures"`
	Next     *time.Time       `json:"next,omitempty"`
	RenewAt  *time.Time       `json:"renewAt,omitempty"`
	Failure  *acmeFailureJSON `json:"failure,omitempty"`
}

type requestJSON struct {
	ID    string    `json:"id"`
	Made  time.Time `json:"made"`
	Names []string  `json:"names"` // and addresses
	Key   string    `json:"key"`
	PEM   string    `json:"pem"`
}

type tlsJSON struct {
	Mode     certs.Mode    `json:"mode"`
	Names    []string      `json:"names"`
	Serves   certs.Facts   `json:"serves"`
	Stored   *certs.Facts  `json:"stored,omitempty"`
	Requests []requestJSON `json:"requests"`
	Port80   bool          `json:"port80"`
	Strict   bool          `json:"strict"`
	ACME     acmeJSON      `json:"acme"`
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func acmeFailureOf(f *order.Failure) *acmeFailureJSON {
	if f == nil {
		return nil
	}
	j := &acmeFailureJSON{Kind: f.Kind, Detail: f.Detail}
	j.FR, j.EN = f.Sentence()
	return j
}

func requestOf(r certs.Request) requestJSON {
	j := requestJSON{ID: r.ID, Made: r.Made, Names: append([]string{}, r.Names...), Key: r.Curve, PEM: string(r.PEM)}
	for _, a := range r.Addresses {
		j.Names = append(j.Names, a.String())
	}
	return j
}

func tlsOf(s CertificateState) tlsJSON {
	j := tlsJSON{Mode: s.Mode, Names: append([]string{}, s.Names...), Serves: s.Serves, Stored: s.Stored, Requests: []requestJSON{}, Port80: s.Port80, Strict: s.Strict,
		ACME: acmeJSON{Ordering: s.Ordering, Got: timeOf(s.ACME.Got), Tried: timeOf(s.ACME.Tried), Failures: s.ACME.Failures, RenewAt: timeOf(s.RenewAt), Failure: acmeFailureOf(s.ACME.Failure)}}
	if s.ACME.Failures > 0 {
		j.ACME.Next = timeOf(s.ACME.Next)
	}
	for _, r := range s.Requests {
		j.Requests = append(j.Requests, requestOf(r))
	}
	return j
}

// certificateError answers what does not do with its sentence.
func (v *visit) certificateError(err error) error {
	var refused *certs.Refusal
	var failed *order.Failure
	said := sentence{status: http.StatusUnprocessableEntity}
	switch {
	case errors.As(err, &refused):
		said.fr, said.en = refused.Sentence()
		v.srv.say(v.w, v.r, codeCertificate, said, map[string]any{"reason": refused.Reason})
	case errors.As(err, &failed):
		said.fr, said.en = failed.Sentence()
		v.srv.say(v.w, v.r, codeCertificate, said, map[string]any{"reason": failed.Kind, "detail": failed.Detail})
	default:
		return err
	}
	return nil
}

func (s *Server) getTLS(v *visit) error {
	state, err := s.Certificates.State(v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, tlsOf(state))
}

// importCertificate takes a certificate, with its key or as the answer to a request. With try it only says what would be served: then
// no proof is needed, and nothing changes.
func (s *Server) importCertificate(v *visit) error {
	var b struct {
		Files      []string `json:"files"` // base64
		Passphrase string   `json:"passphrase"`
		Try        bool     `json:"try"`
	}
	if err := v.decodeUpTo(&b, maxCertificateBody); err != nil {
		return err
	}
	if !b.Try {
		if err := v.actor().ProvedLately(v.now); err != nil {
			return err
		}
	}
	var files [][]byte
	for _, text := range b.Files {
		file, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return refusal{codeBadRequest}
		}
		files = append(files, file)
	}
	m, err := certs.Read(b.Passphrase, files...)
	if err != nil {
		return v.certificateError(err)
	}
	pair, facts, err := s.Certificates.Examine(m, v.now)
	if err != nil {
		return v.certificateError(err)
	}
	out := map[string]any{"certificate": facts, "reordered": pair.Reordered, "dropped": pair.Dropped, "answersRequest": len(m.Keys) == 0}
	if b.Try {
		return v.json(http.StatusOK, out)
	}
	if err := s.Certificates.Import(v.actor(), pair, v.now); err != nil {
		return v.certificateError(err)
	}
	return v.json(http.StatusCreated, out)
}

func (s *Server) requestCertificate(v *visit) error {
	var b struct {
		Organisation string `json:"organisation"`
		Country      string `json:"country"`
		P384         bool   `json:"p384"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	// RFC 5280 ub-organization-name, and two letters of ISO 3166.
	b.Organisation, b.Country = strings.TrimSpace(b.Organisation), strings.TrimSpace(b.Country)
	if len([]rune(b.Organisation)) > 64 || b.Country != "" && len(b.Country) != 2 || strings.ContainsFunc(b.Organisation, func(r rune) bool { return r < ' ' }) ||
		strings.ContainsFunc(b.Country, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) {
		return refusal{codeBadRequest}
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	r, err := s.Certificates.Request(v.actor(), certs.Wish{Organisation: b.Organisation, Country: b.Country, P384: b.P384}, v.now)
	if err != nil {
		return v.certificateError(err)
	}
	return v.json(http.StatusCreated, requestOf(r))
}

func (s *Server) withdrawRequest(v *visit) error {
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	if err := s.Certificates.Withdraw(v.actor(), v.c.Param("request"), v.now); err != nil {
		return v.certificateError(err)
	}
	return v.done()
}

// orderCertificate asks the authority now. How it goes, getTLS says.
func (s *Server) orderCertificate(v *visit) error {
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	if err := s.Certificates.Order(v.actor(), v.now); err != nil {
		return v.certificateError(err)
	}
	v.w.WriteHeader(http.StatusAccepted)
	return nil
}

// lookAtAuthority asks an ACME server what it is, before anybody agrees to its terms. It makes the appliance connect to a server of
// somebody's choice, so it takes a proof.
func (s *Server) lookAtAuthority(v *visit) error {
	var b struct {
		Directory string `json:"directory"`
		CA        string `json:"ca"`
	}
	if err := v.decodeUpTo(&b, maxCertificateBody); err != nil {
		return err
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	a, err := s.Certificates.Look(v.r.Context(), b.Directory, b.CA, v.now)
	if err != nil {
		return v.certificateError(err)
	}
	return v.json(http.StatusOK, map[string]any{"terms": a.Terms, "website": a.Website, "externalAccount": a.ExternalAccount})
}
