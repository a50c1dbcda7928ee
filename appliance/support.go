package appliance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"huisclos/appliance/support"
	"huisclos/audit"
)

// forSupport is what a support bundle gets of the running appliance: how many of what there are, and the latest lines of its log. That it
// was handed out is recorded.
func (a *Appliance) forSupport(json.RawMessage) (any, error) {
	now := a.settings.now()
	people, err := a.accounts.Count()
	if err != nil {
		return nil, err
	}
	rooms, err := a.rooms.Count()
	if err != nil {
		return nil, err
	}
	head, err := a.trail.Head()
	if err != nil {
		return nil, err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	calls, connected := a.busy()
	c := map[string]uint64{"accounts": uint64(people), "rooms": uint64(rooms), "auditEntries": head.Sequence, "calls": uint64(calls), "connected": uint64(connected), "goroutines": uint64(runtime.NumGoroutine()),
		"heapOctets": m.HeapAlloc, "systemOctets": m.Sys, "collections": uint64(m.NumGC), "secondsRunning": uint64(now.Sub(a.started) / time.Second)}
	if info, err := os.Stat(filepath.Join(a.settings.Data, databaseFile)); err == nil {
		c["databaseOctets"] = uint64(info.Size())
	}
	for _, call := range a.hall.Calls() {
		c["packetsForwarded"] += call.Forwarded
		for reason, n := range call.Refused {
			c["packetsRefused."+reason] += n
		}
	}
	if err := a.trail.Write(audit.Event{Time: now, Actor: audit.ActorOperator, Action: audit.SupportGiven, Result: audit.OK}); err != nil {
		return nil, err
	}
	a.log.Warn("an operator was given counters and the latest lines of this log for a support bundle", "part", "support")
	out := support.Running{Counters: c, Log: []string{}}
	if a.settings.recent != nil {
		out.Log = a.settings.recent.all()
	}
	return out, nil
}
