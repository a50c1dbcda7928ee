package web

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/logs"
	"huisclos/audit"
)

// Logs are the service's own messages, and how much is written.
type Logs interface {
	Find(q logs.Query) (list []logs.Line, last uint64)
	// Level is what is written now, Settled what the settings say, Until when that holds again; zero: it holds, or nobody said when.
	Level() (now, settled slog.Level, until time.Time)
	// SetLevel writes from that level on until then, and records it; e names actor and client. The zero time takes the level of the settings.
	SetLevel(level slog.Level, until time.Time, e audit.Event) error
}

const (
	// logMost bounds the lines of one answer.
	logMost = 500
	// levelMost is how long another level may hold: whoever debugs forgets it.
	levelMost = 24 * time.Hour
)

type logLineJSON struct {
	Number  uint64    `json:"number"`
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Part    string    `json:"part,omitempty"`
	Message string    `json:"message"`
	Detail  string    `json:"detail,omitempty"`
}

// listLog gives the latest messages, the newest first: those of a level and above, with a text in them, after the one of a number.
func (s *Server) listLog(v *visit) error {
	if s.Logs == nil {
		return refusal{codeNotFound}
	}
	q := v.r.URL.Query()
	wanted := logs.Query{Level: slog.LevelDebug, Text: q.Get("text"), Limit: v.limit(200, logMost)}
	if name := q.Get("level"); name != "" {
		level, ok := config.LogLevels[name]
		if !ok {
			return refusal{codeBadRequest}
		}
		wanted.Level = level
	}
	if text := q.Get("after"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return refusal{codeBadRequest}
		}
		wanted.After = n
	}
	if len(wanted.Text) > 200 {
		return refusal{codeBadRequest}
	}
	list, last := s.Logs.Find(wanted)
	lines := make([]logLineJSON, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		l := list[i]
		lines = append(lines, logLineJSON{l.Number, l.Time.UTC(), config.LogLevelName(l.Level), l.Part, l.Message, l.Detail})
	}
	answer := s.logLevel()
	answer["lines"], answer["last"] = lines, strconv.FormatUint(last, 10)
	return v.json(http.StatusOK, answer)
}

func (s *Server) logLevel() map[string]any {
	now, settled, until := s.Logs.Level()
	out := map[string]any{"level": config.LogLevelName(now), "settled": config.LogLevelName(settled)}
	if !until.IsZero() {
		out["until"] = until.UTC()
	}
	return out
}

// setLogLevel has more or less written for so many minutes; 0 takes the level of the settings at once.
func (s *Server) setLogLevel(v *visit) error {
	if s.Logs == nil {
		return refusal{codeNotFound}
	}
	var b struct {
		Level   string `json:"level"`
		Minutes int    `json:"minutes"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	level, ok := config.LogLevels[b.Level]
	if b.Minutes == 0 {
		_, level, _ = s.Logs.Level()
		ok = b.Level == ""
	}
	held := time.Duration(b.Minutes) * time.Minute
	if !ok || b.Minutes < 0 || held > levelMost {
		return refusal{codeBadRequest}
	}
	until := time.Time{}
	if b.Minutes > 0 {
		until = v.now.Add(held)
	}
	e := v.auditor()
	e.Action = audit.LogLevelSet
	if err := s.Logs.SetLevel(level, until, e); err != nil {
		return err
	}
	return v.json(http.StatusOK, s.logLevel())
}
