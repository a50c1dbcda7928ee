package appliance

import (
	"log/slog"
	"sync"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/logs"
	"huisclos/appliance/web"
	"huisclos/audit"
)

// logbook is what the console is given of the service's own messages.
type logbook struct {
	*logs.Ring
	a *Appliance
}

// heldLevel is a level that holds for a time.
type heldLevel struct {
	mu    sync.Mutex
	until time.Time // zero: the settings' holds, or somebody at the shell set another
	timer *time.Timer
}

// logbook is nil where no messages are kept.
func (a *Appliance) logbook() web.Logs {
	if a.settings.ring == nil || a.settings.level == nil {
		return nil
	}
	return logbook{a.settings.ring, a}
}

func (b logbook) Level() (now, settled slog.Level, until time.Time) {
	now, settled = b.a.settings.level.Level(), b.a.choices.InForce().LogLevel
	b.a.held.mu.Lock()
	defer b.a.held.mu.Unlock()
	if now != settled {
		until = b.a.held.until
	}
	return now, settled, until
}

// SetLevel records the change before it is made: what can't be recorded is not done.
func (b logbook) SetLevel(level slog.Level, until time.Time, e audit.Event) error {
	a := b.a
	a.held.mu.Lock()
	defer a.held.mu.Unlock()
	if before := a.settings.level.Level(); before != level {
		e.Detail = map[string]string{"from": config.LogLevelName(before), "to": config.LogLevelName(level)}
		if !until.IsZero() {
			e.Detail["until"] = until.UTC().Format(time.RFC3339)
		}
		if err := a.trail.Write(e); err != nil {
			return err
		}
		a.settings.level.Set(level)
		a.log.Warn("an administrator has set what is logged", "part", "log", "level", config.LogLevelName(level))
	}
	a.held.stop()
	if until.IsZero() {
		return nil
	}
	a.held.until = until
	a.held.timer = time.AfterFunc(until.Sub(e.Time), func() { a.endLevel(until) })
	return nil
}

// endLevel takes the level of the settings again, unless another was set since.
func (a *Appliance) endLevel(until time.Time) {
	a.held.mu.Lock()
	defer a.held.mu.Unlock()
	if !a.held.until.Equal(until) {
		return
	}
	a.held.until = time.Time{}
	settled := a.choices.InForce().LogLevel
	before := a.settings.level.Level()
	if before == settled {
		return
	}
	// Less is written again; that this can't be recorded is no reason to go on.
	err := a.trail.Write(audit.Event{Time: a.settings.now(), Actor: audit.ActorSystem, Action: audit.LogLevelSet, Detail: map[string]string{"from": config.LogLevelName(before), "to": config.LogLevelName(settled)}})
	a.settings.level.Set(settled)
	a.log.Info("the level of the settings holds again", "part", "log", "level", config.LogLevelName(settled), "recorded", err == nil)
}

// stop forgets when another level ends. mu is held.
func (h *heldLevel) stop() {
	if h.timer != nil {
		h.timer.Stop()
	}
	h.until, h.timer = time.Time{}, nil
}

// endHeld stops the timer at the end of the run.
func (a *Appliance) endHeld() {
	a.held.mu.Lock()
	defer a.held.mu.Unlock()
	a.held.stop()
}
