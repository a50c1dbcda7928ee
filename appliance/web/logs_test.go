package web

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/logs"
	"huisclos/audit"
)

// someLogs stand for the service's own messages, and for the level that the appliance holds.
type someLogs struct {
	*logs.Ring
	h     *house
	level slog.Level
	until time.Time
}

func (l *someLogs) Level() (now, settled slog.Level, until time.Time) {
	return l.level, slog.LevelInfo, l.until
}

func (l *someLogs) SetLevel(level slog.Level, until time.Time, e audit.Event) error {
	l.level, l.until = level, until
	return l.h.audit.Write(e)
}

func newSomeLogs(h *house) *someLogs {
	r := new(logs.Ring)
	log := slog.New(logs.New(logs.Options{Out: &strings.Builder{}, Level: slog.LevelDebug, Ring: r}))
	log.Info("started", "part", "web")
	log.Warn("too many requests", "part", "web", "client", "192.0.2.0/24")
	return &someLogs{Ring: r, h: h, level: slog.LevelInfo}
}

func TestLogIsRead(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	lines := func(query string) []any {
		t.Helper()
		r := b.do("GET", "/api/admin/log?"+query, nil)
		if r.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, r.status, r.body)
		}
		return r.json(t)["lines"].([]any)
	}
	all := lines("")
	first := all[0].(map[string]any)
	if len(all) != 2 || first["level"] != "warn" || first["part"] != "web" || first["message"] != "too many requests" || first["detail"] != "client=192.0.2.0/24" || first["number"] != 2.0 {
		t.Errorf("%v", all)
	}
	for query, want := range map[string]int{"level=warn": 1, "level=error": 0, "text=STARTED": 1, "after=1": 1, "after=2": 0, "limit=1": 1, "level=debug&text=web": 2} {
		if got := lines(query); len(got) != want {
			t.Errorf("%s: %d lines", query, len(got))
		}
	}
	for _, query := range []string{"level=loud", "after=x", "text=" + strings.Repeat("a", 201)} {
		expect(t, query, b.do("GET", "/api/admin/log?"+query, nil), http.StatusBadRequest, "bad-request")
	}
	for _, role := range []accounts.Role{accounts.Officer, accounts.Auditor} {
		expect(t, string(role), h.asRole(role).do("GET", "/api/admin/log", nil), http.StatusForbidden, "forbidden")
	}
}

func TestLogLevelIsSetForATime(t *testing.T) {
	h := newHouse(t)
	b := h.asAdministrator()
	r := b.do("POST", "/api/admin/log/level", map[string]any{"level": "debug", "minutes": 30})
	if got := r.json(t); r.status != http.StatusOK || got["level"] != "debug" || got["settled"] != "info" || got["until"] != h.clock().Add(30*time.Minute).UTC().Format(time.RFC3339Nano) {
		t.Errorf("%d %s", r.status, r.body)
	}
	list, err := h.audit.List(0, 1)
	must(t, err)
	if e := list[0]; e.Action != audit.LogLevelSet || e.Actor != h.administrator.ID.String() || !e.Client.IsValid() {
		t.Errorf("%+v", e)
	}
	if r := b.do("POST", "/api/admin/log/level", map[string]any{"level": "", "minutes": 0}); r.status != http.StatusOK || r.json(t)["level"] != "info" || r.json(t)["until"] != nil {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, body := range []map[string]any{{"level": "loud", "minutes": 5}, {"level": "debug", "minutes": -1}, {"level": "debug", "minutes": 1441}, {"level": "debug", "minutes": 0}, {"level": "", "minutes": 5}} {
		expect(t, "level", b.do("POST", "/api/admin/log/level", body), http.StatusBadRequest, "bad-request")
	}
}

func TestForwardingIsShown(t *testing.T) {
	h := newHouse(t)
	b := h.asRole(accounts.Auditor)
	shown := b.do("GET", "/api/admin/audit/state", nil).json(t)["forwarding"].(map[string]any)
	failing := shown["failing"].(map[string]any)
	if shown["on"] != true || shown["collector"] != "logs.example.org:6514" || shown["sequence"] != 12.0 || shown["waiting"] != 3.0 || failing["fr"] != "fr" || failing["lastWord"] != "refused" {
		t.Errorf("%v", shown)
	}
	h.server.Forwarding = func() (ForwardingStatus, error) { return ForwardingStatus{}, nil }
	if shown := b.do("GET", "/api/admin/audit/state", nil).json(t)["forwarding"].(map[string]any); shown["on"] != false || len(shown) != 1 {
		t.Errorf("%v", shown)
	}
}
