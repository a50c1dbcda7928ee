package invite

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := Zone(name)
	must(t, err)
	return z
}

var (
	owner  = Address{"Marie Curie", "marie@example.org"}
	guest  = Address{"Jean \"Jeannot\" Dupont; né Müller", "jean@example.org"}
	sender = Address{"Visio", "visio@example.org"}
	place  = Place{"Visio", "https://visio.example.org/"}
	stamp  = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
)

func planned(t *testing.T, zoneName string) Meeting {
	z := zone(t, zoneName)
	return Meeting{UID: UID("r1", "visio.example.org"), Title: "Conseil, budget; suite \\ fin", Link: "https://visio.example.org/r/abc", Organiser: owner,
		Start: time.Date(2026, 3, 20, 9, 0, 0, 0, z), Duration: 90 * time.Minute, Zone: z}
}

func parse(t *testing.T, text []byte) *ical.Calendar {
	t.Helper()
	for _, l := range strings.SplitAfter(string(text), "\r\n") {
		if len(l) > maxOctets+2 || strings.Contains(strings.TrimSuffix(l, "\r\n"), "\n") || strings.Contains(strings.TrimSuffix(l, "\r\n"), "\r") {
			t.Errorf("line of %d octets: %q", len(l), l)
		}
	}
	c, err := ical.NewDecoder(bytes.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// The object is read by a parser of another hand, and what it says is what was meant.
func TestRequest(t *testing.T) {
	m := planned(t, "Europe/Paris")
	m.Title = strings.Repeat("é", 60) + ", ; \\ \"x\"\r\nATTENDEE:mailto:mallory@example.org"
	c := parse(t, m.calendar(guest, sender, stamp))
	events := c.Events()
	if len(events) != 1 || c.Props.Get("METHOD").Value != "REQUEST" || c.Props.Get("VERSION").Value != "2.0" {
		t.Fatalf("%d events, %+v", len(events), c.Props)
	}
	e := events[0]
	title, err := e.Props.Text(ical.PropSummary)
	must(t, err)
	if title != line(m.Title) || len(e.Props.Values(ical.PropAttendee)) != 1 {
		t.Errorf("title %q, attendees %v", title, e.Props.Values(ical.PropAttendee))
	}
	start, err := e.DateTimeStart(nil)
	must(t, err)
	end, err := e.DateTimeEnd(nil)
	must(t, err)
	if !start.Equal(m.Start) || end.Sub(start) != m.Duration || e.Props.Get(ical.PropDateTimeStart).Params.Get("TZID") != "Europe/Paris" {
		t.Errorf("from %v to %v", start, end)
	}
	a, o := e.Props.Get(ical.PropAttendee), e.Props.Get(ical.PropOrganizer)
	if a.Value != "mailto:jean@example.org" || a.Params.Get("RSVP") != "TRUE" || a.Params.Get("CN") != "Jean ^'Jeannot^' Dupont; né Müller" {
		t.Errorf("attendee %+v", a)
	}
	if o.Value != "mailto:marie@example.org" || o.Params.Get("SENT-BY") != "mailto:visio@example.org" || o.Params.Get("CN") != "Marie Curie" {
		t.Errorf("organiser %+v", o)
	}
	if e.Props.Get(ical.PropUID).Value != "r1@visio.example.org" || e.Props.Get(ical.PropSequence).Value != "0" || e.Props.Get(ical.PropURL).Value != m.Link {
		t.Errorf("%+v", e.Props)
	}
	if utc := parse(t, func() []byte { m := planned(t, "UTC"); return m.calendar(guest, sender, stamp) }()); len(utc.Children) != 1 || utc.Events()[0].Props.Get(ical.PropDateTimeStart).Value != "20260320T090000Z" {
		t.Errorf("UTC has %d components", len(utc.Children))
	}
}

// What a calendar makes of the rule is what was meant: nine by the clock of the zone, on both sides of the change to summer time.
func TestRecurrence(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	at := func(month time.Month, d int) time.Time { return time.Date(2026, month, d, 9, 0, 0, 0, paris) }
	for name, c := range map[string]struct {
		r     Recurrence
		start time.Time
		rule  string
		want  []time.Time
	}{
		"daily":             {Recurrence{Frequency: Daily, Count: 3}, at(3, 28), "FREQ=DAILY;COUNT=3", []time.Time{at(3, 28), at(3, 29), at(3, 30)}},
		"every second day":  {Recurrence{Frequency: Daily, Every: 2, Until: at(4, 1)}, at(3, 28), "FREQ=DAILY;INTERVAL=2;UNTIL=20260401T070000Z", []time.Time{at(3, 28), at(3, 30), at(4, 1)}},
		"weekly":            {Recurrence{Frequency: Weekly, Count: 2}, at(3, 27), "FREQ=WEEKLY;WKST=MO;BYDAY=FR;COUNT=2", []time.Time{at(3, 27), at(4, 3)}},
		"days of a week":    {Recurrence{Frequency: Weekly, Days: []time.Weekday{time.Sunday, time.Friday, time.Monday}, Count: 4}, at(3, 27), "FREQ=WEEKLY;WKST=MO;BYDAY=MO,FR,SU;COUNT=4", []time.Time{at(3, 27), at(3, 29), at(3, 30), at(4, 3)}},
		"every second week": {Recurrence{Frequency: Weekly, Every: 2, Days: []time.Weekday{time.Sunday, time.Monday}, Count: 4}, at(3, 29), "FREQ=WEEKLY;INTERVAL=2;WKST=MO;BYDAY=MO,SU;COUNT=4", []time.Time{at(3, 29), at(4, 6), at(4, 12), at(4, 20)}},
		"day of the month":  {Recurrence{Frequency: Monthly, Count: 3}, at(3, 31), "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3", []time.Time{at(3, 31), at(5, 31), at(7, 31)}},
		"second Tuesday":    {Recurrence{Frequency: Monthly, Nth: 2, Count: 2}, at(3, 10), "FREQ=MONTHLY;BYDAY=2TU;COUNT=2", []time.Time{at(3, 10), at(4, 14)}},
		"last Friday":       {Recurrence{Frequency: Monthly, Nth: -1, Count: 2}, at(3, 27), "FREQ=MONTHLY;BYDAY=-1FR;COUNT=2", []time.Time{at(3, 27), at(4, 24)}},
	} {
		m := planned(t, "Europe/Paris")
		m.Start, m.Recurrence = c.start, &c.r
		e := parse(t, m.calendar(guest, sender, stamp)).Events()[0]
		if got := e.Props.Get(ical.PropRecurrenceRule).Value; got != c.rule {
			t.Errorf("%s: %s, want %s", name, got, c.rule)
		}
		set, err := e.RecurrenceSet(paris)
		must(t, err)
		got := set.All()
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if !got[i].Equal(c.want[i]) {
				t.Errorf("%s: %v, want %v", name, got[i], c.want[i])
			}
		}
		for _, l := range []Language{French, English} {
			mail, err := m.Mail(l, guest, place, sender, stamp)
			must(t, err)
			if !strings.Contains(mail.plain(), m.again(l)) || strings.Contains(m.again(l), "%!") {
				t.Errorf("%s: %q", name, m.again(l))
			}
		}
	}
}

func TestExceptions(t *testing.T) {
	paris := zone(t, "Europe/Paris")
	at := func(d, h int) time.Time { return time.Date(2026, 3, d, h, 0, 0, 0, paris) }
	m := planned(t, "Europe/Paris")
	m.Sequence = 3
	m.Recurrence = &Recurrence{Frequency: Weekly, Count: 5}
	m.Exceptions = []time.Time{at(27, 9)}
	m.Moved = []Moved{{Original: at(34, 9), Start: at(35, 14), Duration: time.Hour}}
	events := parse(t, m.calendar(guest, sender, stamp)).Events()
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	if x := events[0].Props.Get(ical.PropExceptionDates); x == nil || x.Value != "20260327T090000" || x.Params.Get("TZID") != "Europe/Paris" {
		t.Errorf("left out: %+v", x)
	}
	moved := events[1].Props
	if moved.Get(ical.PropRecurrenceID).Value != "20260403T090000" || moved.Get(ical.PropDateTimeStart).Value != "20260404T140000" || moved.Get(ical.PropDateTimeEnd).Value != "20260404T150000" ||
		moved.Get(ical.PropRecurrenceRule) != nil || moved.Get(ical.PropUID).Value != m.UID || moved.Get(ical.PropSequence).Value != "3" {
		t.Errorf("moved: %+v", moved)
	}

	m.Cancelled = true
	c := parse(t, m.calendar(guest, sender, stamp))
	if e := c.Events(); len(e) != 1 || c.Props.Get("METHOD").Value != "CANCEL" || e[0].Props.Get(ical.PropStatus).Value != "CANCELLED" || e[0].Props.Get(ical.PropRecurrenceID) != nil || e[0].Props.Get(ical.PropURL) != nil {
		t.Errorf("cancelled: %d events, %+v", len(e), e[0].Props)
	}
	m.Only = at(34, 9)
	c = parse(t, m.calendar(guest, sender, stamp))
	if e := c.Events(); len(e) != 1 || e[0].Props.Get(ical.PropRecurrenceID).Value != "20260403T090000" || e[0].Props.Get(ical.PropRecurrenceRule) != nil {
		t.Errorf("one cancelled: %+v", e[0].Props)
	}
}

// offsetAt reads a VTIMEZONE as RFC 5545 §3.6.5 says: the observance whose onset is the last before the moment holds.
func offsetAt(t *testing.T, z *ical.Component, moment time.Time) int {
	t.Helper()
	var best time.Time
	found, result := false, 0
	for _, o := range z.Children {
		from, to := seconds(t, o.Props.Get("TZOFFSETFROM").Value), seconds(t, o.Props.Get("TZOFFSETTO").Value)
		begin, err := time.Parse(local, o.Props.Get("DTSTART").Value)
		must(t, err)
		onsets := []time.Time{begin}
		for _, r := range o.Props.Values("RDATE") {
			at, err := time.Parse(local, r.Value)
			must(t, err)
			onsets = append(onsets, at)
		}
		if rule := o.Props.Get("RRULE"); rule != nil {
			option, err := rrule.StrToROption(rule.Value)
			must(t, err)
			option.Dtstart = begin
			r, err := rrule.NewRRule(*option)
			must(t, err)
			onsets = append(onsets, r.Between(begin, moment.AddDate(0, 0, 2), true)...)
		}
		for _, onset := range onsets {
			at := onset.Add(-time.Duration(from) * time.Second)
			if !at.After(moment) && (!found || at.After(best)) {
				best, found, result = at, true, to
			}
		}
	}
	if !found {
		t.Fatalf("no observance holds at %v", moment)
	}
	return result
}

func seconds(t *testing.T, s string) int {
	t.Helper()
	var h, m, sec int
	_, err := fmt.Sscanf(s[1:5], "%02d%02d", &h, &m)
	must(t, err)
	if len(s) == 7 {
		_, err = fmt.Sscanf(s[5:], "%02d", &sec)
		must(t, err)
	}
	n := h*3600 + m*60 + sec
	if s[0] == '-' {
		return -n
	}
	return n
}

// Every day of the years that a meeting may last, and around every change, the zone in the object shows the time that the zone has.
func TestTimezones(t *testing.T) {
	for name, rules := range map[string]int{
		"Europe/Paris": 2, "America/New_York": 2, "Australia/Lord_Howe": 2, "America/Santiago": -1, "Africa/Casablanca": 0, "Asia/Kolkata": 0, "Asia/Tehran": 0,
		"Europe/Dublin": 2, "America/Sao_Paulo": 0, "Pacific/Apia": 0, "Etc/GMT+5": 0, "America/Nuuk": -1, "Asia/Gaza": -1,
	} {
		z := zone(t, name)
		for _, year := range []int{1975, 2010, 2026} {
			m := Meeting{UID: UID("r", "h"), Title: "x", Link: "https://h/r", Organiser: owner, Start: time.Date(year, 7, 1, 9, 0, 0, 0, z), Duration: time.Hour, Zone: z}
			must(t, m.Check())
			text := m.calendar(guest, sender, stamp)
			c := parse(t, text)
			if c.Children[0].Name != "VTIMEZONE" || c.Children[0].Props.Get("TZID").Value != name {
				t.Fatalf("%s: %+v", name, c.Children[0])
			}
			if n := strings.Count(string(text), "RRULE"); year == 2026 && rules >= 0 && n != rules {
				t.Errorf("%s: %d rules, want %d\n%s", name, n, rules, text)
			}
			look := func(at time.Time) {
				_, want := at.In(z).Zone()
				if got := offsetAt(t, c.Children[0], at); got != want {
					t.Fatalf("%s at %v: %d, want %d\n%s", name, at, got, want, text)
				}
			}
			for at := m.Start; at.Before(m.Start.AddDate(maxYears, 0, 0)); at = at.AddDate(0, 0, 41) {
				look(at)
			}
			for _, ch := range changes(z, m.Start) {
				if !ch.at.Before(m.Start) {
					look(ch.at.Add(-time.Minute))
					look(ch.at.Add(time.Minute))
				}
			}
		}
	}
	if _, err := Zone("Mars/Olympus"); err == nil {
		t.Error("a zone that doesn't exist")
	}
	if _, err := Zone("Local"); err == nil {
		t.Error("the machine's own zone")
	}
}

func TestMeetingsThatAreNone(t *testing.T) {
	for name, f := range map[string]func(*Meeting){
		"UID":         func(m *Meeting) { m.UID = "a\r\nMETHOD:CANCEL" },
		"no title":    func(m *Meeting) { m.Title = " \u200b\n" },
		"script":      func(m *Meeting) { m.Link = "javascript:alert(1)" },
		"link":        func(m *Meeting) { m.Link = "https://a/\r\nX: y" },
		"no zone":     func(m *Meeting) { m.Zone = nil },
		"own zone":    func(m *Meeting) { m.Zone = time.Local },
		"zone":        func(m *Meeting) { m.Zone = time.FixedZone("x\r\ny", 0) },
		"no duration": func(m *Meeting) { m.Duration = 0 },
		"too long":    func(m *Meeting) { m.Duration = maxDuration + time.Second },
		"endless":     func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Daily} },
		"two ends": func(m *Meeting) {
			m.Recurrence = &Recurrence{Frequency: Daily, Count: 2, Until: m.Start.AddDate(0, 1, 0)}
		},
		"end before start":  func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Daily, Until: m.Start.Add(-1)} },
		"too many":          func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Daily, Count: maxCount + 1} },
		"another frequency": func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: "YEARLY", Count: 2} },
		"another day":       func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Weekly, Days: []time.Weekday{1}, Count: 2} },
		"days of a month":   func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Monthly, Days: []time.Weekday{5}, Count: 2} },
		"not the second":    func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Monthly, Nth: 2, Count: 2} },
		"exception of once": func(m *Meeting) { m.Exceptions = []time.Time{m.Start} },
		"exception far away": func(m *Meeting) {
			m.Recurrence = &Recurrence{Frequency: Daily, Count: 2}
			m.Exceptions = []time.Time{m.Start.AddDate(50, 0, 0)}
		},
		"organiser": func(m *Meeting) { m.Organiser.Address = "a@b\r\nBcc: c@d" },
		"only":      func(m *Meeting) { m.Recurrence = &Recurrence{Frequency: Daily, Count: 2}; m.Only = m.Start },
	} {
		m := planned(t, "Europe/Paris")
		f(&m)
		if err := m.Check(); !errors.Is(err, ErrMeeting) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.Mail(French, guest, place, sender, stamp); err == nil {
			t.Errorf("%s: a mail", name)
		}
	}
}

func FuzzMeeting(f *testing.F) {
	f.Add("Titre", "https://h/r", "Nom", "a@b.example", int64(1774000000), 3600, 5)
	f.Add("x\r\nEND:VCALENDAR", "https://h/\u2028", "\"", "a@b", int64(0), 1, 0)
	f.Fuzz(func(t *testing.T, title, link, name, address string, start int64, duration, count int) {
		z, err := Zone("Europe/Paris")
		must(t, err)
		m := Meeting{UID: UID("r", "h"), Title: title, Link: link, Organiser: Address{name, address}, Start: time.Unix(start, 0), Duration: time.Duration(duration) * time.Second, Zone: z}
		if count > 0 {
			m.Recurrence = &Recurrence{Frequency: Weekly, Count: count}
		}
		if _, err := m.Mail(French, Address{name, address}, place, sender, stamp); err != nil {
			return
		}
		text := m.calendar(Address{name, address}, sender, stamp)
		c := parse(t, text)
		if len(c.Events()) != 1 || len(c.Children) != 2 || len(c.Events()[0].Props.Values(ical.PropAttendee)) != 1 {
			t.Fatalf("another object:\n%s", text)
		}
		if got, err := c.Events()[0].Props.Text(ical.PropSummary); err != nil || got != line(title) {
			t.Fatalf("%q became %q, %v", line(title), got, err)
		}
	})
}
