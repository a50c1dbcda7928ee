package web

import (
	"net/http"
	"time"

	"huisclos/meetings"
)

// drainAhead is how far ahead planned meetings are counted that could not begin while the appliance empties: a stop for maintenance is over by then.
const drainAhead = 2 * time.Hour

// drainJSON says whether further calls are refused, and whom that touches.
type drainJSON struct {
	Draining bool      `json:"draining"`
	Calls    int       `json:"calls"`   // in progress, which go on
	People   int       `json:"people"`  // connected to them
	Planned  int       `json:"planned"` // meetings that are to begin before Until, in rooms where no call is in progress
	Until    time.Time `json:"until"`
}

// connected counts the people who are connected to these calls.
func connected(calls []meetings.CallInfo) (n int) {
	for _, c := range calls {
		for _, m := range c.Members {
			if m.Connected {
				n++
			}
		}
	}
	return n
}

// getDrain says whom it would touch, or touches, that no further call begins.
func (s *Server) getDrain(v *visit) error {
	until := v.now.Add(drainAhead)
	beginning, err := s.Rooms.Beginning(v.now, until)
	if err != nil {
		return err
	}
	planned := 0
	for _, room := range beginning {
		if _, live := s.Hall.Live(room); !live {
			planned++
		}
	}
	calls := s.Hall.Calls()
	return v.json(http.StatusOK, drainJSON{s.Hall.Draining(), len(calls), connected(calls), planned, until.UTC()})
}

// drain has no further call begin, or has calls begin again. Those in progress go on either way.
func (s *Server) drain(on bool) func(*visit) error {
	return func(v *visit) error {
		changed, err := s.Hall.Drain(on, v.auditor())
		if err != nil {
			return err
		}
		switch {
		case changed && on:
			s.Log.Warn("an administrator has no further call begin")
		case changed:
			s.Log.Warn("an administrator has calls begin again")
		}
		return v.done()
	}
}
