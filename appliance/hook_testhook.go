//go:build testhook

package appliance

import (
	"flag"
	"os"
	"path/filepath"
	"time"

	"huisclos/crypto/passhash"
	"huisclos/media/transport"
	"huisclos/meetings"
)

const testBuild = true

// hooks are what test builds add to the settings.
type hooks struct {
	record  string
	sends   string
	lines   string
	absence time.Duration
}

func (h *hooks) flags(f *flag.FlagSet) {
	f.StringVar(&h.record, "test-record", "", "test builds: `DIR`ectory that receives every RTP payload that arrived")
	f.StringVar(&h.sends, "test-sends", os.Getenv("HUISCLOS_TEST_SENDS"), "test builds: `FILE` that receives, each second, in how many sends of which length media left")
	f.StringVar(&h.lines, "test-lines", os.Getenv("HUISCLOS_TEST_LINES"), "test builds: `DIR`ectory that receives a file of each receiver's line")
	f.DurationVar(&h.absence, "test-absence", 0, "test builds: remove a disconnected device after this time")
}

// writes are the directories that the hooks write to beside the data.
func (h *hooks) writes() (folders []string) {
	if h.record != "" {
		folders = append(folders, h.record)
	}
	if h.sends != "" {
		folders = append(folders, filepath.Dir(h.sends))
	}
	if h.lines != "" {
		folders = append(folders, h.lines)
	}
	return folders
}

func (h *hooks) hook() transport.Hook {
	return transport.Hook{Record: h.record, Sends: h.sends, Lines: h.lines}
}

func (h *hooks) limits() meetings.Limits { return meetings.Limits{Absence: h.absence} }

// cost is what a passphrase costs in test builds: the browser journeys sign in so often that a third of their work was this.
func (h *hooks) cost() passhash.Params { return passhash.Params{Memory: 8 << 10, Time: 1, Threads: 1} }
