package web

import (
	"encoding/base64"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/meetings"
)

// pastCallJSON is all that is kept of a call. Ended is absent while it is in progress.
type pastCallJSON struct {
	Room  callRoomJSON    `json:"room"`
	Began time.Time       `json:"began"`
	Ended *time.Time      `json:"ended,omitempty"`
	About bool            `json:"about"` // the end is known to the minute only
	Most  int             `json:"most"`  // people at once
	How   meetings.Ending `json:"how,omitempty"`
}

// historyQuery reads which past calls are wanted.
func (v *visit) historyQuery() (q meetings.HistoryQuery, err error) {
	if q.From, q.To, err = v.span(); err != nil {
		return q, err
	}
	q.After = v.r.URL.Query().Get("after")
	if text := v.r.URL.Query().Get("room"); text != "" {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(text) != 22 || len(b) != len(q.Room) {
			return q, refusal{codeBadRequest}
		}
		q.Room = [16]byte(b)
	}
	return q, nil
}

// listPastCalls shows when calls were, the latest first. Who was in them is kept nowhere but in the audit log.
func (s *Server) listPastCalls(v *visit) error {
	q, err := v.historyQuery()
	if err != nil {
		return err
	}
	page, next, err := s.Diary.Page(q, v.limit(50, 200))
	if errors.Is(err, meetings.ErrCursor) {
		return refusal{codeBadRequest}
	}
	if err != nil {
		return err
	}
	out := make([]pastCallJSON, 0, len(page))
	for _, c := range page {
		j := pastCallJSON{Room: callRoomJSON{c.Room.String(), c.Name}, Began: c.Began, About: c.About, Most: c.Most, How: c.How}
		if !c.Ended.IsZero() {
			j.Ended = &c.Ended
		}
		out = append(out, j)
	}
	return v.json(http.StatusOK, map[string]any{"calls": out, "next": next, "days": int(s.Diary.Keeps() / (24 * time.Hour))})
}

// exportPastCalls answers with the same as a file for a spreadsheet. That it was handed out is recorded first.
func (s *Server) exportPastCalls(v *visit) error {
	q, err := v.historyQuery()
	if err != nil {
		return err
	}
	if q.After != "" {
		return refusal{codeBadRequest}
	}
	if wait, ok := s.exports.take(v.account.ID.String(), v.now); !ok {
		return accounts.ErrTooMany{Until: v.now.Add(wait)}
	}
	e := v.auditor()
	e.Action, e.Detail = audit.HistoryExported, map[string]string{}
	for name, t := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !t.IsZero() {
			e.Detail[name] = t.UTC().Format(time.RFC3339)
		}
	}
	if q.Room != ([16]byte{}) {
		e.Object = q.Room.String()
	}
	if err := s.Audit.Write(e); err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="huisclos-calls-`+v.now.UTC().Format("2006-01-02")+`.csv"`)
	v.w.WriteHeader(http.StatusOK)
	w := csv.NewWriter(v.w)
	_ = w.Write([]string{"room", "room_id", "began", "ended", "end_is_about", "most_people", "how"})
	for {
		page, next, err := s.Diary.Page(q, 500)
		if err != nil {
			// What is there already can't be taken back: the connection is cut, so that nobody takes it for the whole.
			s.Log.Warn("a copy of the history of calls was not written to its end", "error", err)
			panic(http.ErrAbortHandler)
		}
		for _, c := range page {
			ended := ""
			if !c.Ended.IsZero() {
				ended = c.Ended.Format(time.RFC3339)
			}
			_ = w.Write([]string{accounts.Inert(c.Name), c.Room.String(), c.Began.Format(time.RFC3339), ended, strconv.FormatBool(c.About), strconv.Itoa(c.Most), string(c.How)})
		}
		if q.After = next; next == "" {
			break
		}
	}
	w.Flush()
	return nil
}

// limitJSON is one limit with what is used of it now: by the one call or person that uses most.
type limitJSON struct {
	Setting string `json:"setting"`
	Most    int    `json:"most"` // 0: no limit but the machine's
	Used    int    `json:"used"`
}

// getLimits shows what people may use, beside what they do use.
func (s *Server) getLimits(v *visit) error {
	calls, largest := s.Hall.Calls(), 0
	widest, most := 0, 0 // bits a second, of a call and of a person
	for _, c := range calls {
		largest = max(largest, len(c.Members))
		sum := 0
		for _, m := range c.Members {
			sum, most = sum+m.Sending, max(most, m.Sending)
		}
		widest = max(widest, sum)
	}
	rooms, all, err := s.Rooms.InUse()
	if err != nil {
		return err
	}
	sessions, err := s.Accounts.SessionsInUse()
	if err != nil {
		return err
	}
	bound := s.Settings.InForce().Limits
	return v.json(http.StatusOK, map[string]any{"limits": []limitJSON{
		{"limits.calls", bound.Calls, len(calls)}, {"limits.people", bound.People, largest}, {"limits.rooms", bound.Rooms, rooms}, {"limits.sessions", bound.Sessions, sessions},
		{"limits.call_mbps", bound.CallMbps, (widest + 500_000) / 1_000_000}, {"limits.person_kbps", bound.PersonKbps, (most + 500) / 1000},
	}, "rooms": all})
}
