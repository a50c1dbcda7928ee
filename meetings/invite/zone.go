package invite

import (
	"fmt"
	"time"
)

// A change of a zone's clock: from then on another offset holds.
type change struct {
	at       time.Time
	from, to int // offsets, in seconds east of UTC
	name     string
	daylight bool
}

// local is what the clock showed when it was changed (RFC 5545 §3.6.5: DTSTART is in the time of before).
func (c change) local() time.Time { return c.at.UTC().Add(time.Duration(c.from) * time.Second) }

// changes are those from the last one a year before start to the last one that a meeting of that start can meet.
func changes(zone *time.Location, start time.Time) (list []change) {
	end := start.AddDate(maxYears+2, 0, 0)
	t, _ := start.AddDate(-1, 0, 0).In(zone).ZoneBounds()
	if t.IsZero() { // before the first change of all: that one holds from ever
		name, offset := start.AddDate(-1, 0, 0).In(zone).Zone()
		list = append(list, change{time.Unix(-int64(offset), 0).UTC(), offset, offset, name, start.AddDate(-1, 0, 0).In(zone).IsDST()})
		if _, t = start.AddDate(-1, 0, 0).In(zone).ZoneBounds(); t.IsZero() {
			return list
		}
	}
	for t.Before(end) {
		_, from := t.Add(-time.Second).In(zone).Zone()
		name, to := t.In(zone).Zone()
		list = append(list, change{t, from, to, name, t.In(zone).IsDST()})
		_, next := t.In(zone).ZoneBounds()
		if next.IsZero() {
			return list
		}
		t = next
	}
	return list
}

// timezone writes the zone (RFC 5545 §3.6.5) for the years of a meeting. What changes alike each year is one rule; what doesn't
// is named, change by change.
func timezone(o *object, zone *time.Location, start time.Time) {
	o.add("BEGIN", "VTIMEZONE")
	o.add("TZID", zone.String())
	type alike struct {
		from, to int
		name     string
		daylight bool
	}
	groups, order := map[alike][]change{}, []alike(nil)
	for _, c := range changes(zone, start) {
		a := alike{c.from, c.to, c.name, c.daylight}
		if groups[a] == nil {
			order = append(order, a)
		}
		groups[a] = append(groups[a], c)
	}
	for _, a := range order {
		list := groups[a]
		kind := "STANDARD"
		if a.daylight {
			kind = "DAYLIGHT"
		}
		o.add("BEGIN", kind)
		o.add("DTSTART", list[0].local().Format(local))
		if rule := yearly(list); rule != "" {
			o.add("RRULE", rule)
		} else {
			for _, c := range list[1:] {
				o.add("RDATE", c.local().Format(local))
			}
		}
		o.add("TZOFFSETFROM", offset(a.from))
		o.add("TZOFFSETTO", offset(a.to))
		o.add("TZNAME", text(a.name))
		o.add("END", kind)
	}
	o.add("END", "VTIMEZONE")
}

// yearly is the rule of changes that come each year in the same month, on the same weekday counted from the same end, at the same
// time by the clock; "" where that isn't so for all of the years.
func yearly(list []change) string {
	if len(list) < maxYears {
		return ""
	}
	first := list[0].local()
	fromStart, fromEnd := true, true
	for i, c := range list {
		t := c.local()
		if t.Year() != first.Year()+i || t.Month() != first.Month() || t.Weekday() != first.Weekday() || t.Format("150405") != first.Format("150405") {
			return ""
		}
		fromStart = fromStart && (t.Day()-1)/7 == (first.Day()-1)/7
		fromEnd = fromEnd && t.AddDate(0, 0, 7).Month() != t.Month()
	}
	n := (first.Day()-1)/7 + 1
	switch {
	case fromEnd:
		n = -1
	case !fromStart:
		return ""
	}
	return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", first.Month(), n, weekdays[first.Weekday()])
}

// offset is RFC 5545 §3.3.14.
func offset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf("%02d", seconds%60)
	}
	return s
}
