package invite

import (
	"fmt"
	"strings"
	"time"
)

// object writes an iCalendar object, line by line.
type object struct{ b strings.Builder }

// maxOctets is how long a line may be without its end (RFC 5545 §3.1).
const maxOctets = 75

// add writes a content line and folds it. value is already in the form of its type; control characters, which no type has but for
// the tab of a text, have no place in it.
func (o *object) add(name, value string) {
	rest := name + ":" + strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, value)
	for n := maxOctets; ; n = maxOctets - 1 { // the space that a continued line begins with counts
		var head string
		head, rest = octets(rest, n)
		o.b.WriteString(head + "\r\n")
		if rest == "" {
			return
		}
		o.b.WriteByte(' ')
	}
}

// text is RFC 5545 §3.3.11.
func text(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`).Replace(s)
}

// quoted is the value of a parameter (RFC 5545 §3.2), with what can't stand in it after RFC 6868.
func quoted(s string) string {
	return `"` + strings.NewReplacer("^", "^^", `"`, "^'", "\n", "^n").Replace(s) + `"`
}

// product names what wrote the object.
const product = "-//Huis Clos//Huis Clos//FR"

const (
	local = "20060102T150405"
	utc   = "20060102T150405Z"
)

// moment writes a property with a time. UTC needs no zone; any other is named.
func (m Meeting) moment(o *object, name string, t time.Time) {
	if m.utc() {
		o.add(name, t.UTC().Format(utc))
		return
	}
	o.add(name+";TZID="+quoted(m.Zone.String()), t.In(m.Zone).Format(local))
}

func (m Meeting) utc() bool {
	name := m.Zone.String()
	return m.Zone == time.UTC || name == "UTC" || name == "Etc/UTC"
}

// calendar is the object of the mail to one person (RFC 5546 §3.2.2 and §3.2.5).
func (m Meeting) calendar(to, sender Address, now time.Time) []byte {
	var o object
	o.add("BEGIN", "VCALENDAR")
	o.add("PRODID", product)
	o.add("VERSION", "2.0")
	o.add("CALSCALE", "GREGORIAN")
	if m.Cancelled {
		o.add("METHOD", "CANCEL")
	} else {
		o.add("METHOD", "REQUEST")
	}
	if !m.utc() {
		timezone(&o, m.Zone, m.Start)
	}
	m.event(&o, to, sender, now, nil)
	if !m.Cancelled {
		for i := range m.Moved {
			m.event(&o, to, sender, now, &m.Moved[i])
		}
	}
	o.add("END", "VCALENDAR")
	return []byte(o.b.String())
}

// event writes the meeting, or an occurrence of it that was moved.
func (m Meeting) event(o *object, to, sender Address, now time.Time, moved *Moved) {
	o.add("BEGIN", "VEVENT")
	o.add("UID", m.UID)
	o.add("SEQUENCE", fmt.Sprint(m.Sequence))
	o.add("DTSTAMP", now.UTC().Format(utc))
	start, duration := m.Start, m.Duration
	switch {
	case moved != nil:
		m.moment(o, "RECURRENCE-ID", moved.Original)
		start, duration = moved.Start, moved.Duration
	case !m.Only.IsZero():
		m.moment(o, "RECURRENCE-ID", m.Only)
		start = m.Only
	}
	m.moment(o, "DTSTART", start)
	m.moment(o, "DTEND", start.Add(duration))
	if moved == nil && m.Only.IsZero() && m.Recurrence != nil {
		o.add("RRULE", m.rule())
		for _, t := range m.Exceptions {
			m.moment(o, "EXDATE", t)
		}
	}
	o.add("SUMMARY", text(line(m.Title)))
	// RFC 5545 §3.2.18: the appliance writes on behalf of the organiser, to whom answers go.
	o.add("ORGANIZER"+common(m.Organiser)+";SENT-BY="+quoted("mailto:"+sender.Address), "mailto:"+m.Organiser.Address)
	if m.Cancelled {
		o.add("ATTENDEE"+common(to), "mailto:"+to.Address)
		o.add("STATUS", "CANCELLED")
	} else {
		o.add("ATTENDEE"+common(to)+";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE", "mailto:"+to.Address)
		o.add("STATUS", "CONFIRMED")
		o.add("LOCATION", text(m.Link))
		o.add("URL", m.Link)
		o.add("DESCRIPTION", text(m.Link))
		o.add("CLASS", "PRIVATE") // whoever may see a calendar need not see the way into a room
		o.add("TRANSP", "OPAQUE")
	}
	o.add("END", "VEVENT")
}

func common(a Address) string {
	if name := line(a.Name); name != "" {
		return ";CN=" + quoted(name)
	}
	return ""
}

var weekdays = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// rule is RFC 5545 §3.3.10.
func (m Meeting) rule() string {
	r, first := *m.Recurrence, m.Start.In(m.Zone)
	s := "FREQ=" + string(r.Frequency)
	if r.Every > 1 {
		s += fmt.Sprintf(";INTERVAL=%d", r.Every)
	}
	switch r.Frequency {
	case Weekly:
		days := r.Days
		if len(days) == 0 {
			days = []time.Weekday{first.Weekday()}
		}
		var names []string
		for _, d := range sorted(days) {
			names = append(names, weekdays[d])
		}
		s += ";WKST=MO;BYDAY=" + strings.Join(names, ",")
	case Monthly:
		if r.Nth != 0 {
			s += fmt.Sprintf(";BYDAY=%d%s", r.Nth, weekdays[first.Weekday()])
		} else {
			s += fmt.Sprintf(";BYMONTHDAY=%d", first.Day())
		}
	}
	if r.Count > 0 {
		return s + fmt.Sprintf(";COUNT=%d", r.Count)
	}
	return s + ";UNTIL=" + r.Until.UTC().Format(utc) // in UTC where the start has a zone
}
