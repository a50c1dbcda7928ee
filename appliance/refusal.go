package appliance

import (
	"context"
	"time"

	"huisclos/appliance/web"
)

const refusalRuns = 5 // a median of which two may be of a moment at which the machine was busy

// holdRefusals gives the pages the time after which strangers are refused: the most there is until the machine was measured,
// then what it needs. Nobody waits for the measure.
func (a *Appliance) holdRefusals() {
	if a.settings.refuseAfter > 0 {
		a.pages.Load().RefuseAfter(a.settings.refuseAfter)
		return
	}
	a.pages.Load().RefuseAfter(web.MostRefusal)
	ctx, cancel := context.WithCancel(context.Background())
	a.running.Go(func() {
		defer cancel()
		select {
		case <-a.quit:
		case <-ctx.Done():
		}
	})
	a.running.Go(func() {
		defer cancel()
		measured, err := a.accounts.MeasureRefusal(ctx, a.settings.now, refusalRuns)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Warn("the time of a refused sign-in is not measured; the longest is used", "error", err, "after", web.MostRefusal)
			}
			return
		}
		after, enough := web.RefusalTime(measured)
		a.pages.Load().RefuseAfter(after)
		a.log.Info("refused sign-ins are answered at one time", "after", after, "one passphrase", measured.Round(time.Millisecond))
		if !enough {
			a.log.Warn("this machine is slow to check a passphrase: a refusal may take longer than the time at which it should be answered",
				"after", after, "one passphrase", measured.Round(time.Millisecond))
		}
	})
}
