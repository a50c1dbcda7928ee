package appliance

import (
	"time"

	"huisclos/appliance/metrics"
)

// everything is the state of an appliance that has all that can be counted.
func everything() metrics.State {
	return metrics.State{Version: "test", Started: time.Now(), Mail: metrics.Good, Directory: metrics.Failing, Provider: metrics.Good, Forwarding: metrics.Good, Backup: time.Now().Add(-time.Hour), BackupEvery: 24 * time.Hour,
		Certificate: time.Now().Add(time.Hour), Closed: map[string]bool{"landlock": true}}
}
