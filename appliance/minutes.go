package appliance

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"huisclos/appliance/control"
	"huisclos/appliance/metrics"
	"huisclos/appliance/metrics/series"
	used "huisclos/appliance/metrics/usage"
	"huisclos/audit"
	"huisclos/store"
)

// createMetrics is the migration of what is counted.
func createMetrics(tx *store.Tx) error {
	for _, create := range []func(*store.Tx) error{metrics.CreateBuckets, series.CreateBuckets, used.CreateBuckets} {
		if err := create(tx); err != nil {
			return err
		}
	}
	return nil
}

const (
	// noteEvery is the step of the finest series: what a minute was like is one transaction.
	noteEvery = time.Minute
	// compareEvery is how soon a clock that jumped is noticed.
	compareEvery = 10 * time.Second
	// retryEvery is how soon a disk is noticed that has room again, when nobody else writes.
	retryEvery = 10 * time.Second
	// maxCollectors bounds the connections of those who read the metrics on their own port.
	maxCollectors = 32
)

// noteMinutes keeps what each minute was like, the last one also when the appliance stops, and watches the clock.
func (a *Appliance) noteMinutes() {
	note := func(now time.Time) {
		if err := a.watched.note(now); err != nil {
			a.log.Error("a minute is not kept", "error", err)
		}
	}
	note(a.settings.now())
	a.every(noteEvery, note)
	a.compareClocks(a.settings.now())
	a.every(compareEvery, a.compareClocks)
	a.every(retryEvery, func(time.Time) { a.lookForRoom(a.watched.db.Retry) })
	a.onStop(func() { note(a.settings.now()) })
}

// sweep removes what has expired; but nothing for a day after the clock jumped ahead. Sessions that ended by that count for nothing all
// the same, and who is in a call stays in it: the notice of their end, which would cut it, comes with their removal.
func (a *Appliance) sweep(now time.Time) {
	a.compareClocks(now)
	if by, _ := a.clocks.jumped(now); by > 0 {
		return
	}
	if err := a.rooms.SweepPlanned(now); err != nil {
		a.log.Error("planned meetings are not swept", "error", err)
	}
	if err := a.accounts.Sweep(now); err != nil {
		a.log.Error("what has expired is not removed", "error", err)
	}
}

// lookForRoom tries to write where the last write found no room, and says when there is some again.
func (a *Appliance) lookForRoom(retry func() error) {
	if !errors.Is(a.watched.db.Writable(), store.ErrFull) {
		return
	}
	if err := retry(); err != nil {
		a.log.Error("there is no room on the disk; nothing is recorded", "error", err)
		return
	}
	a.log.Warn("there is room on the disk again")
}

// compareClocks writes a jump of the clock down: from then on times in the log and in the audit log are of another clock.
func (a *Appliance) compareClocks(now time.Time) {
	by := a.clocks.compare(now, time.Since(a.began))
	if by == 0 {
		return
	}
	a.watched.jumps.Add(1)
	a.log.Error("the clock jumped; look at the machine's time service", "by", by.Round(time.Second))
	if err := a.trail.Write(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.ClockJumped, Detail: map[string]string{"by": by.Round(time.Second).String()}}); err != nil {
		a.log.Error("not in the audit log", "error", err)
	}
}

// onlyMetrics lets through what a collector asks for.
func onlyMetrics(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/metrics", "/readyz", "/healthz":
			pages.ServeHTTP(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

// metricsActs are those of the control socket that are about figures.
func (a *Appliance) metricsActs() map[string]control.Act {
	return map[string]control.Act{
		control.ActMetrics: func(json.RawMessage) (any, error) {
			var page strings.Builder
			err := a.watched.Page(a.settings.now()).Write(&page)
			return page.String(), err
		},
		control.ActMetricsToken: func(json.RawMessage) (any, error) {
			return a.watched.Make(audit.ActorOperator, a.settings.now())
		},
		control.ActMetricsShut: func(json.RawMessage) (any, error) {
			err := a.watched.Revoke(audit.ActorOperator, a.settings.now())
			if errors.Is(err, metrics.ErrToken) {
				err = control.Unknown("no-token", "il n'y a pas de jeton ; « huisclos metrics token » en crée un.", "there is no token; “huisclos metrics token” makes one.")
			}
			return "", err
		},
	}
}
