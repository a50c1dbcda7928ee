package appliance

import (
	"time"

	"huisclos/appliance/config"
	"huisclos/media"
	"huisclos/media/pace"
	"huisclos/meetings"
	"huisclos/store"
)

const (
	// takeUp is how long after the start a call of the process before can be taken up again (meetings.HallOptions.RecoverFor), and a little.
	takeUp = 11 * time.Minute
	// diaryEvery is how often what is due is erased: to the hour would do, but a retention that was just made shorter is seen to hold.
	diaryEvery = time.Minute
)

// openDiary opens the history of calls.
func (a *Appliance) openDiary(db *store.DB) (err error) {
	a.diary, err = meetings.OpenDiary(meetings.DiaryOptions{DB: db, Log: a.log.With("part", "history of calls"), Keep: func() time.Duration { return a.inForce().CallHistory }})
	if err == nil {
		a.onStop(func() { a.diary.Close(a.settings.now()) }) // where the start fails before there is a hall
	}
	return err
}

// keepDiary notes the calls in progress each minute, and erases what is due.
func (a *Appliance) keepDiary() {
	a.every(diaryEvery, func(now time.Time) {
		a.diary.Note(now)
		a.settleDiary(now)
	})
}

func (a *Appliance) settleDiary(now time.Time) {
	if err := a.diary.Settle(now.Sub(a.started) > takeUp, now); err != nil {
		a.log.Error("the history of calls is not erased where it is due", "error", err)
	}
}

// budgetOf is what calls may be sent, in bits a second.
func budgetOf(l config.Limits) media.Budget {
	return media.Budget{Call: pace.Bitrate(l.CallMbps) * 1_000_000, Person: pace.Bitrate(l.PersonKbps) * 1000}
}

// useLimits takes over what people may use from now on. No call in progress loses anybody.
func (a *Appliance) useLimits(s config.Settings) {
	a.hall.SetLimits(s.Limits.Calls, s.Limits.People)
	a.accounts.SetSessions(s.Limits.Sessions)
	a.watched.server.SetBudget(budgetOf(s.Limits))
}
