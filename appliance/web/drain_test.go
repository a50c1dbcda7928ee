package web

import (
	"net/http"
	"testing"
	"time"

	"huisclos/audit"
)

// TestDrain: an administrator has no further call begin, and has them begin again; each change is recorded once, with who made it. What it
// would touch is said before.
func TestDrain(t *testing.T) {
	s := newScene(t)
	admin := s.asAdministrator()
	asks := func(draining bool, planned float64) {
		t.Helper()
		got := admin.do("GET", "/api/admin/drain", nil).json(t)
		if got["draining"] != draining || got["calls"] != 0.0 || got["people"] != 0.0 || got["planned"] != planned || got["until"] != s.clock().Add(2*time.Hour).Format(time.RFC3339) {
			t.Errorf("%v", got)
		}
		if st := admin.do("GET", "/api/admin/status", nil).json(t); st["draining"] != draining || s.hall.Draining() != draining {
			t.Errorf("status: %v, hall: %v", st["draining"], s.hall.Draining())
		}
	}
	asks(false, 1) // the scene's meeting, in an hour; of the four weeks only one is soon
	for range 2 {
		expect(t, "drain", admin.do("POST", "/api/admin/drain", nothing), http.StatusNoContent, "")
		asks(true, 1)
	}
	s.advance(2 * time.Hour) // it is past, and the next is in a week
	asks(true, 0)
	for range 2 {
		expect(t, "resume", admin.do("DELETE", "/api/admin/drain", nil), http.StatusNoContent, "")
		asks(false, 0)
	}
	entries, err := s.audit.List(0, 1000)
	must(t, err)
	var told []audit.Action
	for _, e := range entries {
		if e.Action != audit.ServerDrained && e.Action != audit.ServerResumed {
			continue
		}
		told = append(told, e.Action)
		if e.Actor != s.administrator.ID.String() || !e.Client.IsValid() || e.Result != audit.OK {
			t.Errorf("recorded as %+v", e)
		}
	}
	if len(told) != 2 || told[0] == told[1] {
		t.Errorf("recorded: %v", told)
	}
}
