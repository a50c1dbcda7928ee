package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
)

const (
	// maxSettings bounds a change of settings: three lists of authorities are the largest of it.
	maxSettings = 256 << 10
	// historyPage is how many changes of settings are shown at once.
	historyPage = 50
)

// getSettings lists all settings: what each is, and who says so. Secrets are in no answer.
func (s *Server) getSettings(v *visit) error { return v.json(http.StatusOK, s.Settings.List()) }

// changeSettings takes several changes as one: all are made, or none.
func (s *Server) changeSettings(v *visit) error {
	var b struct {
		Changes json.RawMessage `json:"changes"`
	}
	if err := v.decodeUpTo(&b, maxSettings); err != nil {
		return err
	}
	changes, err := choices.ReadChanges(b.Changes)
	if err != nil {
		return v.settingError(err)
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	if err := s.Settings.Change(v.by(), changes, v.now); err != nil {
		return v.settingError(err)
	}
	return s.getSettings(v)
}

// by is who changes settings.
func (v *visit) by() choices.By { return choices.By{Account: v.account.ID.String(), Client: v.client} }

// settingError says which setting does not do, and why.
func (v *visit) settingError(err error) error {
	var wrong config.Wrong
	switch {
	case errors.As(err, &wrong):
		return v.refuseWith(codeSetting, map[string]any{"code": codeSetting, "name": wrong.Name, "reason": map[string]string{"fr": wrong.FR, "en": wrong.EN}})
	case errors.Is(err, choices.ErrNoEntry):
		return refusal{codeNotFound}
	case errors.Is(err, choices.ErrChanges):
		return refusal{codeBadRequest}
	}
	return err
}

type settingsEntryJSON struct {
	ID         uint64            `json:"id"`
	Time       time.Time         `json:"time"`
	Source     choices.Source    `json:"source"`
	Author     string            `json:"author,omitempty"` // "": the files, or the command line
	AuthorName string            `json:"authorName,omitempty"`
	To         *uint64           `json:"to,omitempty"` // of a rollback
	Changes    []choices.Changed `json:"changes"`
}

// settingsHistory lists how settings were changed, the newest first.
func (s *Server) settingsHistory(v *visit) error {
	before := uint64(0)
	if text := v.r.URL.Query().Get("after"); text != "" { // after it in the list, so before it in time
		var err error
		if before, err = strconv.ParseUint(text, 10, 63); err != nil || before == 0 {
			return refusal{codeBadRequest}
		}
	}
	list, next, err := s.Settings.History(before, historyPage)
	if err != nil {
		return err
	}
	var ids []accounts.ID
	for _, e := range list {
		if id, err := accounts.ParseID(e.Author); err == nil {
			ids = append(ids, id)
		}
	}
	names, err := s.Accounts.Names(ids)
	if err != nil {
		return err
	}
	out := make([]settingsEntryJSON, 0, len(list))
	for _, e := range list {
		j := settingsEntryJSON{ID: e.ID, Time: e.Time, Source: e.Source, Author: e.Author, Changes: e.Changes}
		if id, err := accounts.ParseID(e.Author); err == nil {
			j.AuthorName = names[id]
		}
		if e.Source == choices.Rollback {
			j.To = &e.To
		}
		out = append(out, j)
	}
	more := ""
	if next > 0 {
		more = strconv.FormatUint(next, 10)
	}
	return v.json(http.StatusOK, map[string]any{"changes": out, "next": more})
}

// rollBackSettings takes the console's settings back to what they were right after a change; 0 is before the first.
func (s *Server) rollBackSettings(v *visit) error {
	to, err := strconv.ParseUint(v.c.Param("change"), 10, 63)
	if err != nil {
		return refusal{codeNotFound}
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	if err := s.Settings.Back(v.by(), to, v.now); err != nil {
		return v.settingError(err)
	}
	return s.getSettings(v)
}
