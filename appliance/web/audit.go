package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
)

// Of the audit log.
const (
	codeVerifying      code = "audit-verifying"
	codeNoCheckpoint   code = "no-checkpoint"
	codeWitnessKey     code = "witness-key"
	codeWitnessKnown   code = "witness-known"
	codeWitnessMany    code = "witness-many"
	codeBadCosignature code = "bad-cosignature"
)

const (
	// verifyingMost bounds one verification that the console asks for, and one export.
	verifyingMost = 30 * time.Minute
	// partMost is how long one piece of an export may take on its way.
	partMost = time.Minute
	// foundMost bounds the accounts that a text of a search for a person stands for.
	foundMost = 20
)

type auditJSON struct {
	Sequence uint64            `json:"sequence"`
	Time     time.Time         `json:"time"`
	Actor    string            `json:"actor"`
	Client   string            `json:"client,omitempty"`
	Action   audit.Action      `json:"action"`
	Object   string            `json:"object,omitempty"`
	Result   audit.Result      `json:"result"`
	Detail   map[string]string `json:"detail,omitempty"`
	Hash     string            `json:"hash"`
}

// listAudit searches the log, the newest first; after is where the page before has come to. A page of a search for what is rare may be
// empty and have a next one: the log is looked at piece by piece.
func (s *Server) listAudit(v *visit) error {
	q := v.r.URL.Query()
	var before uint64
	if text := q.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil || n == 0 || n == math.MaxUint64 {
			return refusal{codeBadRequest}
		}
		before = n
	}
	wanted := audit.Query{Action: q.Get("action"), Object: q.Get("object"), Result: audit.Result(q.Get("result"))}
	var err error
	if wanted.From, wanted.To, err = v.span(); err != nil {
		return err
	}
	if person := q.Get("person"); person != "" {
		if wanted.Persons, err = s.personsOf(person); err != nil {
			return err
		}
	}
	found, err := s.Audit.Search(wanted, before, v.limit(100, audit.MaxPage))
	if errors.Is(err, audit.ErrQuery) {
		return refusal{codeBadRequest}
	}
	if err != nil {
		return err
	}
	head, err := s.Audit.Head()
	if err != nil {
		return err
	}
	out := make([]auditJSON, 0, len(found.Entries))
	for _, e := range found.Entries {
		j := auditJSON{Sequence: e.Sequence, Time: e.Time, Actor: e.Actor, Action: e.Action, Object: e.Object, Result: e.Result,
			Detail: e.Detail, Hash: e.Hash.String()}
		if e.Client.IsValid() {
			j.Client = e.Client.String()
		}
		out = append(out, j)
	}
	names, err := s.namesIn(found.Entries)
	if err != nil {
		return err
	}
	answer := map[string]any{"entries": out, "next": "", "names": names, "head": map[string]any{"sequence": head.Sequence, "hash": head.Hash.String()}}
	if found.Next > 1 {
		answer["next"] = strconv.FormatUint(found.Next, 10)
		answer["reached"] = found.Reached
	}
	return v.json(http.StatusOK, answer)
}

// span reads from and to.
func (v *visit) span() (from, to time.Time, err error) {
	q := v.r.URL.Query()
	if text := q.Get("from"); text != "" {
		from, err = time.Parse(time.RFC3339, text)
	}
	if text := q.Get("to"); text != "" && err == nil {
		to, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return from, to, refusal{codeBadRequest}
	}
	return from, to, nil
}

// personsOf are the ids that a text stands for: an id, one of the names for who has none, or a part of names and addresses. Nobody at
// all is a list of what no entry names.
func (s *Server) personsOf(text string) ([]string, error) {
	switch _, err := accounts.ParseID(text); {
	case len(text) > 256:
		return nil, refusal{codeBadRequest}
	case err == nil, text == audit.ActorSystem, text == audit.ActorAnonymous, text == audit.ActorOperator, text == audit.ActorProvisioning:
		return []string{text}, nil
	}
	list, _, err := s.Accounts.List(text, "", foundMost)
	ids := []string{text}
	for _, a := range list {
		ids = append(ids, a.ID.String())
	}
	return ids, err
}

// namesIn are the names of the accounts that entries speak of: the log keeps ids only, and whoever reads it may not see the
// accounts themselves. One that is gone has no name.
func (s *Server) namesIn(list []audit.Entry) (map[accounts.ID]string, error) {
	var ids []accounts.ID
	for _, e := range list {
		for _, text := range []string{e.Actor, e.Object, e.Detail["by"]} {
			if id, err := accounts.ParseID(text); err == nil {
				ids = append(ids, id)
			}
		}
	}
	return s.Accounts.Names(ids)
}

// auditor is who asks, as the log names them.
func (v *visit) auditor() audit.Event {
	return audit.Event{Time: v.now, Actor: v.account.ID.String(), Client: v.client}
}

type witnessJSON struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Key    string     `json:"key"`
	Added  time.Time  `json:"added"`
	By     string     `json:"by"`
	Size   uint64     `json:"size"`
	Signed *time.Time `json:"signed,omitempty"`
}

// auditState says how far the log is signed, by whom, and what the last verification came to.
func (s *Server) auditState(v *visit) error {
	last, err := s.Audit.Last()
	if err != nil {
		return err
	}
	verified, err := s.Audit.LastVerified()
	if err != nil {
		return err
	}
	keys, err := s.Audit.PublicKeys()
	if err != nil {
		return err
	}
	list, err := s.Audit.Witnesses()
	if err != nil {
		return err
	}
	head, err := s.Audit.Head()
	if err != nil {
		return err
	}
	ids := []accounts.ID{}
	named := func(text string) {
		if id, err := accounts.ParseID(text); err == nil {
			ids = append(ids, id)
		}
	}
	texts := []string{}
	for _, k := range keys {
		texts = append(texts, k.String())
	}
	witnesses := []witnessJSON{}
	for _, w := range list {
		j := witnessJSON{ID: w.Key.ID(), Name: w.Key.Name(), Key: w.Key.String(), Added: w.Added, By: w.By, Size: w.Size}
		if w.Size > 0 {
			j.Signed = &w.Time
		}
		named(w.By)
		witnesses = append(witnesses, j)
	}
	out := map[string]any{"entries": head.Sequence, "keys": texts, "witnesses": witnesses}
	if last.Size > 0 {
		out["checkpoint"] = map[string]any{"size": last.Size, "time": last.Time}
	}
	if verified != nil {
		named(verified.By)
		out["verified"] = verified
	}
	if of := s.verifying.Load(); of != nil {
		out["verifying"] = map[string]uint64{"done": of.done.Load(), "of": of.of}
	}
	if s.Forwarding != nil {
		f, err := s.Forwarding()
		if err != nil {
			return err
		}
		out["forwarding"] = f.json()
	}
	names, err := s.Accounts.Names(ids)
	if err != nil {
		return err
	}
	out["names"] = names
	return v.json(http.StatusOK, out)
}

// verifyAudit reads the whole log while whoever asked waits; the state says how far it is. One at a time: it reads the whole database.
func (s *Server) verifyAudit(v *visit) error {
	var b struct{}
	if err := v.decode(&b); err != nil {
		return err
	}
	head, err := s.Audit.Head()
	if err != nil {
		return err
	}
	under := &verifying{of: head.Sequence}
	if !s.verifying.CompareAndSwap(nil, under) {
		return refusal{codeVerifying}
	}
	defer s.verifying.Store(nil)
	if err := v.takesUpTo(verifyingMost); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), verifyingMost)
	defer cancel()
	r, failed := s.Audit.Examine(ctx, audit.Noted{}, under.done.Store)
	var fault *audit.Fault
	if failed != nil && !errors.As(failed, &fault) {
		return failed
	}
	e := v.auditor()
	e.Time = s.Now()
	if err := s.Audit.RecordVerified(r, failed, e); err != nil {
		return err
	}
	return s.auditState(v)
}

// takesUpTo gives an answer more time than others have.
func (v *visit) takesUpTo(d time.Duration) error {
	if err := http.NewResponseController(v.w.Writer).SetWriteDeadline(time.Now().Add(d)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("longer answer: %w", err)
	}
	return nil
}

// exportAudit answers with a copy of the log as a file, page after page.
func (s *Server) exportAudit(v *visit) error {
	from, to, err := v.span()
	if err != nil {
		return err
	}
	e, format := v.auditor(), audit.Format(v.r.URL.Query().Get("format"))
	if format != audit.JSONL && format != audit.CEF {
		return refusal{codeBadRequest}
	}
	if wait, ok := s.exports.take(e.Actor, v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	p, err := s.ExportAudit(format, from, to, e)
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", map[audit.Format]string{audit.JSONL: "application/jsonl; charset=utf-8", audit.CEF: "text/plain; charset=utf-8"}[format])
	h.Set("Content-Disposition", `attachment; filename="huisclos-audit-`+v.now.UTC().Format("2006-01-02")+"."+string(format)+`"`)
	v.w.WriteHeader(http.StatusOK)
	version := s.Status().Version
	for !p.Done {
		if err := v.takesUpTo(partMost); err != nil {
			return err
		}
		if p, err = s.Audit.WritePart(v.w, p, version); err != nil {
			// What is there already can't be taken back: the connection is cut, so that nobody takes it for the whole.
			s.Log.Warn("a copy of the audit log was not written to its end", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}

// auditGrowth answers with what a witness is given: the last checkpoint, and the proof that the log only grew since it saw it last.
func (s *Server) auditGrowth(v *visit) error {
	old, err := strconv.ParseUint(v.r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return refusal{codeBadRequest}
	}
	g, err := s.Audit.Growth(old)
	if errors.Is(err, audit.ErrNoCheckpoint) {
		return refusal{codeNoCheckpoint}
	}
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]string{"text": string(g.Text())})
}

// cosignAudit takes in what a witness has signed. Whoever reads the log may hand it in: the signature speaks for itself.
func (s *Server) cosignAudit(v *visit) error {
	var b struct {
		Note string `json:"note"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if _, err := s.Audit.Cosign([]byte(b.Note), v.auditor()); errors.Is(err, audit.ErrCosignature) {
		return refusal{codeBadCosignature}
	} else if err != nil {
		return err
	}
	return s.auditState(v)
}

// enrolWitness takes a witness's public key in: a root of trust, so it takes a security officer who has proved lately who they are.
func (s *Server) enrolWitness(v *visit) error {
	var b struct {
		Key string `json:"key"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	_, err := s.Audit.Enrol(b.Key, v.auditor())
	for known, code := range map[error]code{audit.ErrWitnessKey: codeWitnessKey, audit.ErrKnownWitness: codeWitnessKnown, audit.ErrManyWitnesses: codeWitnessMany} {
		if errors.Is(err, known) {
			return refusal{code}
		}
	}
	if err != nil {
		return err
	}
	return s.auditState(v)
}

func (s *Server) dismissWitness(v *visit) error {
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	err := s.Audit.Dismiss(v.c.Param("witness"), v.auditor())
	if errors.Is(err, audit.ErrNoWitness) {
		return refusal{codeNotFound}
	}
	if err != nil {
		return err
	}
	return s.auditState(v)
}
