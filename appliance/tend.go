package appliance

import (
	"slices"
	"time"

	"huisclos/hardening"
)

// tend does what comes round: it removes what has expired, and keeps the certificate current.
func (a *Appliance) tend() {
	posted := make(chan struct{})
	a.onStop(func() {
		close(a.quit)
		<-posted // what a server has taken is noted before the database closes
	})
	a.running.Go(func() {
		defer close(posted)
		<-a.probation.over
		a.post.run(a.quit, mailEvery, a.settings.now)
	})
	a.running.Go(func() { hardening.TendHeap(a.quit) })
	a.tellWebhooks()
	a.every(sweepEvery, a.sweep)
	a.every(reserveEvery, a.tendReserve)
	a.every(backupTick, a.backups.tick)
	a.every(updateTick, a.updates.tick)
	a.keepDiary()
	a.every(renewEvery, func(now time.Time) {
		_ = a.refresh(now) // it is in the log
	})
	a.every(orderEvery, func(now time.Time) {
		_ = a.tls.tend(false, now) // likewise
	})
}

// every calls f again and again until the stop.
func (a *Appliance) every(d time.Duration, f func(now time.Time)) {
	a.running.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-a.quit:
				return
			case <-t.C:
				f(a.settings.now())
			}
		}
	})
}

// refresh brings the certificate up to date.
func (a *Appliance) refresh(now time.Time) error {
	changed, err := a.keeper.Refresh(now)
	if err != nil {
		a.log.Error("certificate not renewed; the one before stays in use", "error", err)
	}
	if changed {
		a.log.Info("certificate renewed", "fingerprint", a.keeper.Fingerprint(), "expires", a.keeper.Expires())
		a.tls.note(now)
	}
	a.warnOfCertificate()
	return err
}

// warnOfOpenings logs what the process should have closed by itself, and has not: an old kernel cannot do all of it.
func (a *Appliance) warnOfOpenings() {
	for _, l := range a.selfCheck() {
		if slices.Contains(ownProtections, l.Name) && l.State != hardening.OK {
			a.log.Warn("less is closed than should be", "what", l.Name, "state", l.State, "detail", l.Detail.EN)
		}
	}
}

func (a *Appliance) selfCheck() hardening.Report {
	r := append(hardening.SelfCheck(hardening.Options{Proc: "/proc", Sys: "/sys", Listeners: a.listeners}), a.directoryLine()...)
	r = append(append(r, a.providerLine()...), a.forwardingLine()...)
	return append(r, a.clockLine(), a.reserveLine())
}

func (a *Appliance) warnOfCertificate() {
	for _, w := range a.keeper.Warnings(a.settings.now()) {
		a.log.Warn(w)
	}
}
