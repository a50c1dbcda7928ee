//go:build testhook

package appliance

import (
	"flag"
	"time"

	"huisclos/media/transport"
	"huisclos/meetings"
)

const testBuild = true

// hooks are what test builds add to the settings.
type hooks struct {
	record  string
	absence time.Duration
}

func (h *hooks) flags(f *flag.FlagSet) {
	f.StringVar(&h.record, "test-record", "", "test builds: `DIR`ectory that receives every RTP payload that arrived")
	f.DurationVar(&h.absence, "test-absence", 0, "test builds: remove a disconnected device after this time")
}

// writes are the directories that the hooks write to beside the data.
func (h *hooks) writes() []string {
	if h.record == "" {
		return nil
	}
	return []string{h.record}
}

func (h *hooks) hook() transport.Hook { return transport.Hook{Record: h.record} }

func (h *hooks) limits() meetings.Limits { return meetings.Limits{Absence: h.absence} }
