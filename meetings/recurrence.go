package meetings

import (
	"errors"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // zones are looked up when the process reads no files any more
)

// Frequency of a recurrence.
type Frequency string

// The frequencies (RFC 5545 §3.3.10).
const (
	Daily   Frequency = "daily"
	Weekly  Frequency = "weekly"
	Monthly Frequency = "monthly"
)

// Bounds of a plan.
const (
	maxEvery      = 99
	maxCount      = 1000
	maxYears      = 10 // from the first start to the last
	maxExceptions = 200
	minDuration   = time.Minute
	maxDuration   = 24 * time.Hour
	// maxSteps bounds the days or months that one expansion walks through: ten years of days, and some.
	maxSteps = 4000
)

// ErrPlan is what every error of a plan wraps.
var ErrPlan = errors.New("the meeting can't be planned like this")

// Recurrence says when a meeting comes again. It ends: either Count or Until is given.
type Recurrence struct {
	Frequency Frequency      `json:"frequency"`
	Every     int            `json:"every,omitempty"` // n-th day, week or month; 0 is 1
	Days      []time.Weekday `json:"days,omitempty"`  // of Weekly, that of the start among them; none: that of the start
	// Nth makes Monthly the n-th weekday of the month, the weekday of the start: 1 to 4, or -1 for the last. 0: the day of the
	// month of the start; a month without that day is left out (RFC 5545 §3.3.10).
	Nth   int       `json:"nth,omitempty"`
	Count int       `json:"count,omitempty"` // occurrences, with those that are left out
	Until time.Time `json:"until,omitzero"`  // the last start, inclusive
}

// Moved is an occurrence that begins at another time. Original is its start after the rule, and names it.
type Moved struct {
	Original time.Time     `json:"original"`
	Start    time.Time     `json:"start"`
	Duration time.Duration `json:"duration"`
}

// Plan is when a meeting takes place. Start is a moment; Zone is where days and hours are counted, so that a meeting at nine
// stays at nine when the clocks change.
type Plan struct {
	Start      time.Time     `json:"start"`
	Zone       string        `json:"zone"` // of the IANA database
	Duration   time.Duration `json:"duration"`
	Recurrence *Recurrence   `json:"recurrence,omitempty"`
	Cancelled  []time.Time   `json:"cancelled,omitempty"` // originals of occurrences that do not take place
	Moved      []Moved       `json:"moved,omitempty"`
}

// Occurrence is one time at which a meeting takes place.
type Occurrence struct {
	Original time.Time
	Start    time.Time
	Duration time.Duration
}

// LoadZone is the time zone of that name in the IANA database.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil, fmt.Errorf("%w: %q is no time zone", ErrPlan, name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is no time zone", ErrPlan, name)
	}
	return zone, nil
}

// At is the moment of a clock's reading in a zone. RFC 5545 §3.3.5: a reading that comes twice is the first of the two, and
// one that does not come at all counts with the offset from before the gap.
func At(year int, month time.Month, day, hour, minute int, zone *time.Location) time.Time {
	clock := time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
	with := func(near time.Time) time.Time {
		_, offset := near.In(zone).Zone()
		return clock.Add(-time.Duration(offset) * time.Second).In(zone)
	}
	reads := func(t time.Time) bool {
		return t.Hour() == clock.Hour() && t.Minute() == clock.Minute() && t.Day() == clock.Day()
	}
	// No zone is further from UTC than 14 hours, and none changes twice within two days.
	before, after := with(clock.Add(-26*time.Hour)), with(clock.Add(26*time.Hour))
	if !reads(before) && reads(after) {
		return after
	}
	return before
}

// Check says what can't be planned.
func (p Plan) Check() error {
	zone, err := LoadZone(p.Zone)
	if err != nil {
		return err
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrPlan}, args...)...)
	}
	badDuration := func(d time.Duration) bool { return d < minDuration || d > maxDuration || d%time.Minute != 0 }
	switch {
	case p.Start.Year() < 2000 || p.Start.Year() > 9000:
		return wrong("start %v", p.Start)
	case badDuration(p.Duration):
		return wrong("duration %v", p.Duration)
	case p.Recurrence == nil && len(p.Cancelled)+len(p.Moved) > 0:
		return wrong("exceptions without a recurrence")
	case len(p.Cancelled)+len(p.Moved) > maxExceptions:
		return wrong("more than %d exceptions", maxExceptions)
	case slices.ContainsFunc(p.Moved, func(m Moved) bool { return badDuration(m.Duration) || m.Start.Sub(p.Start).Abs() > 11*366*24*time.Hour }):
		return wrong("an occurrence is moved out of reach")
	case p.Recurrence == nil:
		return nil
	}
	r, first := *p.Recurrence, p.Start.In(zone)
	switch {
	case !slices.Contains([]Frequency{Daily, Weekly, Monthly}, r.Frequency) || r.Every < 0 || r.Every > maxEvery:
		return wrong("recurrence %q every %d", r.Frequency, r.Every)
	case (r.Count > 0) == !r.Until.IsZero() || r.Count < 0 || r.Count > maxCount:
		return wrong("a recurrence has either a count up to %d or an end", maxCount)
	case !r.Until.IsZero() && (r.Until.Before(p.Start) || r.Until.After(p.Start.AddDate(maxYears, 0, 0))):
		return wrong("the end is before the start, or more than %d years after it", maxYears)
	case len(r.Days) > 7 || len(r.Days) > 0 && (r.Frequency != Weekly || !slices.Contains(r.Days, first.Weekday()) ||
		slices.ContainsFunc(r.Days, func(d time.Weekday) bool { return d < 0 || d > 6 })):
		return wrong("days of the week belong to a weekly recurrence, and that of the start is among them")
	case r.Nth != 0 && (r.Frequency != Monthly || !isNth(first, r.Nth)):
		return wrong("the start is not the n-th weekday of its month")
	}
	return nil
}

// isNth reports whether t is the n-th of its weekday in its month; -1 is the last.
func isNth(t time.Time, n int) bool {
	if n == -1 {
		return t.AddDate(0, 0, 7).Month() != t.Month()
	}
	return n == (t.Day()+6)/7 && n <= 4
}

// days calls f with the dates that the rule gives, in order, the first being that of the start, until f returns false. Dates
// more than two days before from may be left out where nothing counts them.
func (p Plan) days(zone *time.Location, from time.Time, f func(year int, month time.Month, day int) bool) {
	first := p.Start.In(zone)
	year, month, day := first.Date()
	if p.Recurrence == nil {
		f(year, month, day)
		return
	}
	r := *p.Recurrence
	every := max(r.Every, 1)
	// A daily meeting of ten years is not walked through from its beginning each time that somebody looks at next week.
	skip := 0
	if gap := int(from.Sub(p.Start)/(24*time.Hour)) - 2; r.Count == 0 && gap > 0 {
		skip = gap
	}
	// Dates are counted where no clock changes.
	date := func(day int) time.Time { return time.Date(year, month, day, 12, 0, 0, 0, time.UTC) }
	say := func(t time.Time) bool { y, m, d := t.Date(); return f(y, m, d) }
	switch r.Frequency {
	case Daily:
		for i := range maxSteps {
			if !say(date(day + (skip/every+i)*every)) {
				return
			}
		}
	case Weekly:
		days := r.Days
		if len(days) == 0 {
			days = []time.Weekday{first.Weekday()}
		}
		// RFC 5545 §3.3.10: weeks begin on Monday, unless WKST says otherwise.
		sinceMonday := func(d time.Weekday) int { return (int(d) + 6) % 7 }
		monday := day - sinceMonday(first.Weekday())
		for week := range maxSteps / 7 * 2 {
			week += skip / (7 * every)
			for d := range 7 {
				if !slices.ContainsFunc(days, func(w time.Weekday) bool { return sinceMonday(w) == d }) {
					continue
				}
				if at := monday + 7*every*week + d; at >= day && !say(date(at)) {
					return
				}
			}
		}
	case Monthly:
		for i := range maxSteps {
			begin := time.Date(year, month+time.Month(i*every), 1, 12, 0, 0, 0, time.UTC)
			t := begin.AddDate(0, 0, day-1)
			if r.Nth != 0 {
				t = begin.AddDate(0, 0, (int(first.Weekday())-int(begin.Weekday())+7)%7)
				if t = t.AddDate(0, 0, 7*(max(r.Nth, 1)-1)); r.Nth == -1 {
					for t.AddDate(0, 0, 7).Month() == begin.Month() {
						t = t.AddDate(0, 0, 7)
					}
				}
			}
			if t.Month() == begin.Month() && !say(t) {
				return
			}
		}
	}
}

// each calls f with the occurrences of the rule, in order and before any exception, until f returns false. Those that begin
// more than two days before from may be left out.
func (p Plan) each(from time.Time, f func(Occurrence) bool) {
	zone, err := LoadZone(p.Zone)
	if err != nil {
		return // Check has said so
	}
	first, n := p.Start.In(zone), 0
	p.days(zone, from, func(year int, month time.Month, day int) bool {
		t := p.Start
		if first.Year() != year || first.Month() != month || first.Day() != day {
			t = At(year, month, day, first.Hour(), first.Minute(), zone)
		}
		if r := p.Recurrence; r != nil && (r.Count > 0 && n >= r.Count || !r.Until.IsZero() && t.After(r.Until)) {
			return false
		}
		n++
		return f(Occurrence{t.UTC(), t.UTC(), p.Duration})
	})
}

// Between returns the occurrences that go on at some time from from to to, in the order of their starts; at most limit.
func (p Plan) Between(from, to time.Time, limit int) (list []Occurrence) {
	take := func(o Occurrence) {
		if o.Start.Before(to) && o.Start.Add(o.Duration).After(from) {
			list = append(list, o)
		}
	}
	p.each(from.Add(-maxDuration), func(o Occurrence) bool {
		if o.Start.After(to) {
			return false
		}
		if !slices.ContainsFunc(p.Cancelled, o.Original.Equal) && !slices.ContainsFunc(p.Moved, func(m Moved) bool { return m.Original.Equal(o.Original) }) {
			take(o)
		}
		return true
	})
	for _, m := range p.Moved {
		if !slices.ContainsFunc(p.Cancelled, m.Original.Equal) {
			take(Occurrence{m.Original.UTC(), m.Start.UTC(), m.Duration})
		}
	}
	slices.SortFunc(list, func(a, b Occurrence) int { return a.Start.Compare(b.Start) })
	return list[:min(len(list), limit)]
}

// Find returns the occurrence whose start after the rule is original.
func (p Plan) Find(original time.Time) (found Occurrence, ok bool) {
	p.each(original, func(o Occurrence) bool {
		if o.Original.Equal(original) {
			found, ok = o, true
		}
		return !ok && !o.Original.After(original)
	})
	return found, ok
}

// End is when the last occurrence is over.
func (p Plan) End() (end time.Time) {
	p.each(time.Time{}, func(o Occurrence) bool { end = o.Start.Add(o.Duration); return true })
	for _, m := range p.Moved {
		if e := m.Start.Add(m.Duration); e.After(end) {
			end = e
		}
	}
	return end
}
