package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"huisclos/appliance/progress"
)

func (s *Server) getProgress(v *visit) error {
	p, err := s.Progress.Now()
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, p)
}

// changeProgress notes where a step of the wizard stands, or that the wizard is left.
func (s *Server) changeProgress(v *visit) error {
	var b struct {
		Step  progress.Step  `json:"step"`
		State progress.State `json:"state"`
		Over  *bool          `json:"over"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	var err error
	switch {
	case b.Over != nil && b.Step == "" && b.State == "":
		err = s.Progress.SetOver(*b.Over)
	case b.Over == nil:
		err = s.Progress.Set(b.Step, b.State)
	default:
		return refusal{codeBadRequest}
	}
	if errors.Is(err, progress.ErrUnknown) {
		return refusal{codeBadRequest}
	}
	if err != nil {
		return err
	}
	return s.getProgress(v)
}

// checkWithin ends a check before the answer could no longer be sent.
const checkWithin = 75 * time.Second

// checksPerSecond and checksBurst: each check keeps somebody else's server busy, and may send a mail.
const checksPerSecond, checksBurst = 0.2, 5

// check tries a connection of the appliance's for real, as the command of that name does, and answers in sentences. to is where a
// test mail goes; without it none is sent.
func (s *Server) check(v *visit) error {
	var b struct {
		To string `json:"to"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	run := s.Checks[v.c.Param("what")]
	if run == nil {
		return refusal{codeNotFound}
	}
	if wait, ok := s.checks.take(v.account.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), checkWithin)
	defer cancel()
	return v.json(http.StatusOK, map[string]any{"lines": run(ctx, b.To)})
}
