package appliance

import (
	"time"

	"huisclos/audit"
)

// signEvery is how often is looked whether the audit log is due for a checkpoint.
const signEvery = 10 * time.Second

// beginLog records that the appliance runs, and has its log signed whenever it is due.
func (a *Appliance) beginLog() error {
	if err := a.trail.Write(audit.Event{Time: a.settings.now(), Actor: audit.ActorSystem, Action: audit.ServerStarted, Detail: map[string]string{"version": Version}}); err != nil {
		return err
	}
	a.recording = true
	a.every(signEvery, func(now time.Time) {
		due, err := a.signer.Due(now)
		if err == nil && due {
			_, err = a.signer.Sign(now)
		}
		if err != nil {
			a.log.Error("the audit log is not signed", "error", err)
		}
	})
	return nil
}

// endLog is the last that is recorded: a run that ends without it was cut. The signature covers it, and all before.
func (a *Appliance) endLog() {
	if !a.recording {
		return
	}
	now := a.settings.now()
	err := a.trail.Write(audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.ServerStopped})
	if err == nil {
		_, err = a.signer.Sign(now)
	}
	if err != nil {
		a.log.Error("the end of the run is not recorded, or not signed", "error", err)
	}
}
