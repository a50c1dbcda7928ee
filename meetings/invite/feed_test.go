package invite

import (
	"strings"
	"testing"
	"time"
)

func TestFeed(t *testing.T) {
	paris, err := Zone("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 3, 23, 8, 0, 0, 0, time.UTC)
	m := Meeting{UID: UID("AAAA", "visio.example.org"), Sequence: 2, Title: "Point; équipe\r\nEND:VCALENDAR", Link: "https://visio.example.org/r/x#y",
		Organiser: Address{"Ada", "ada@example.org"}, Start: start, Duration: time.Hour, Zone: paris,
		Recurrence: &Recurrence{Frequency: Weekly, Days: []time.Weekday{time.Monday}, Count: 4}, Exceptions: []time.Time{start.AddDate(0, 0, 7).Add(-time.Hour)},
		Moved: []Moved{{Original: start, Start: start.Add(2 * time.Hour), Duration: time.Hour}}}
	once := m
	once.UID, once.Recurrence, once.Exceptions, once.Moved, once.Start = UID("BBBB", "visio.example.org"), nil, nil, nil, start.AddDate(0, -1, 0)
	feed, err := Feed([]Meeting{m, once}, "Huis Clos", Address{"Bob", "bob@example.org"}, start)
	if err != nil {
		t.Fatal(err)
	}
	s := string(feed)
	for what, n := range map[string]int{
		"BEGIN:VCALENDAR\r\n": 1, "\r\nEND:VCALENDAR\r\n": 1, "BEGIN:VEVENT\r\n": 3, "BEGIN:VTIMEZONE\r\n": 1, "METHOD": 0, "UID:AAAA@visio.example.org\r\n": 2, "RRULE:FREQ=WEEKLY": 1,
		"EXDATE;TZID=": 1, "RECURRENCE-ID;TZID=": 1, "SEQUENCE:2\r\n": 3,
	} {
		if got := strings.Count(s, what); got != n {
			t.Errorf("%q stands %d times, want %d\n%s", what, got, n, s)
		}
	}
	for l := range strings.SplitSeq(s, "\r\n") {
		if len(l) > 75 {
			t.Errorf("a line of %d octets: %q", len(l), l)
		}
	}
	if empty, err := Feed(nil, "Huis Clos", Address{}, start); err != nil || !strings.HasSuffix(string(empty), "END:VCALENDAR\r\n") {
		t.Errorf("%s, %v", empty, err)
	}
	m.Link = "http://visio.example.org"
	if _, err := Feed([]Meeting{m}, "", Address{"Bob", "bob@example.org"}, start); err == nil {
		t.Error("a meeting that is none is in the feed")
	}
}
