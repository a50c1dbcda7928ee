package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

// getCalendar says since when one's calendar has a secret address. The address itself is kept nowhere.
func (s *Server) getCalendar(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	made, err := s.Rooms.FeedMade(v.account.ID)
	if err != nil {
		return err
	}
	var since *time.Time
	if !made.IsZero() {
		since = &made
	}
	return v.json(http.StatusOK, map[string]any{"since": since})
}

func (s *Server) makeCalendar(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	token, err := s.Rooms.MakeFeed(v.account.ID, v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusCreated, map[string]any{"url": s.base(v.r) + "/api/calendar/" + token + ".ics"})
}

func (s *Server) removeCalendar(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	if err := s.Rooms.RemoveFeed(v.account.ID, v.now); err != nil {
		return err
	}
	return v.done()
}

// calendar is fetched by calendar programs, which have no session: the address is the secret, of 256 bits. It gives titles,
// times and links of one person's meetings, and no way into them.
func (s *Server) calendar(v *visit) error {
	token, ok := strings.CutSuffix(v.c.Param("file"), ".ics")
	if !ok || s.Feed == nil {
		return refusal{codeNotFound}
	}
	id, err := s.Rooms.FeedOf(token)
	if errors.Is(err, meetings.ErrNoFeed) {
		return refusal{codeNotFound}
	}
	if err != nil {
		return err
	}
	account, err := s.Accounts.Get(id)
	if err != nil || account.State != accounts.Active {
		return refusal{codeNotFound} // it comes back with the account
	}
	data, err := s.Feed(account, s.base(v.r), v.now)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	v.w.Header().Set("Content-Disposition", `inline; filename="huisclos.ics"`)
	v.w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(data) // the connection is gone: nobody to tell
	return nil
}
