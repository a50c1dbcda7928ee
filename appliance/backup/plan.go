package backup

import (
	"time"
)

// Plan says when a backup is due, and which are kept.
type Plan struct {
	// Every is the time from one backup to the next; 0: daily, at the time of day At.
	Every time.Duration
	// At is a time of day, as the time since midnight on a day without a change of clocks.
	At time.Duration

	Keep Keep
}

// Keep says how many backups are kept: of the newest one of each of so many days, weeks (ISO 8601) and months that have one.
// What the last 24 hours before the newest brought is kept as well, and so is the newest.
type Keep struct{ Daily, Weekly, Monthly int }

// Past is what has happened so far; a zero time is never.
type Past struct {
	Good   time.Time // the last backup that was made
	Failed time.Time // the last try that failed
}

const (
	// retryAfter is how long after a failure it is tried again, when the plan does not say earlier.
	retryAfter = time.Hour
	// recent is how long all backups are kept.
	recent = 24 * time.Hour
)

// Next is when the next backup is due, in the time zone of now; a moment that is past is now. The first is due at once.
func (p Plan) Next(past Past, now time.Time) time.Time {
	good := past.Good
	if good.After(now) {
		good = now // the clock was set back: a time in the future holds up no backup
	}
	next := now
	switch {
	case good.IsZero():
	case p.Every > 0:
		next = good.Add(p.Every)
	default:
		next = p.dayAfter(good.In(now.Location()))
	}
	if past.Failed.After(past.Good) && !past.Failed.After(now) {
		if again := past.Failed.Add(retryAfter); again.After(next) {
			next = again
		}
	}
	return next
}

// dayAfter is the first moment after t that has the time of day At.
func (p Plan) dayAfter(t time.Time) time.Time {
	at := func(day int) time.Time {
		return time.Date(t.Year(), t.Month(), day, 0, int(p.At/time.Minute), 0, 0, t.Location())
	}
	if today := at(t.Day()); today.After(t) {
		return today
	}
	return at(t.Day() + 1)
}

// Over returns which of list are no longer kept, by the calendar of where.
func (k Keep) Over(list []Stored, where *time.Location) []Stored {
	list = sortStored(append([]Stored(nil), list...))
	if len(list) == 0 {
		return nil
	}
	kept := make(map[string]bool, len(list))
	kept[list[0].Name] = true
	period := func(most int, of func(time.Time) [2]int) {
		seen := map[[2]int]bool{}
		for _, s := range list {
			key := of(s.At.In(where))
			if seen[key] {
				continue
			}
			if len(seen) == most {
				return
			}
			seen[key], kept[s.Name] = true, true
		}
	}
	period(k.Daily, func(t time.Time) [2]int { return [2]int{t.Year(), t.YearDay()} })
	period(k.Weekly, func(t time.Time) [2]int { y, w := t.ISOWeek(); return [2]int{y, w} })
	period(k.Monthly, func(t time.Time) [2]int { return [2]int{t.Year(), int(t.Month())} })
	var over []Stored
	for _, s := range list {
		if !kept[s.Name] && list[0].At.Sub(s.At) >= recent {
			over = append(over, s)
		}
	}
	return over
}
