package meetings

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestAt reads clocks around changes of the clocks (RFC 5545 §3.3.5).
func TestAt(t *testing.T) {
	for _, c := range []struct{ zone, clock, want string }{
		{"Europe/Paris", "2026-03-28 09:00", "2026-03-28T08:00:00Z"},
		{"Europe/Paris", "2026-03-29 01:59", "2026-03-29T00:59:00Z"},
		{"Europe/Paris", "2026-03-29 02:30", "2026-03-29T01:30:00Z"}, // does not come: offset of before, shown as 03:30
		{"Europe/Paris", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "2026-03-29 09:00", "2026-03-29T07:00:00Z"},
		{"Europe/Paris", "2026-10-25 02:30", "2026-10-25T00:30:00Z"}, // comes twice: the first
		{"Europe/Paris", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"Europe/Paris", "2026-10-25 09:00", "2026-10-25T08:00:00Z"},
		{"America/New_York", "2026-03-08 02:15", "2026-03-08T07:15:00Z"},
		{"America/New_York", "2026-11-01 01:15", "2026-11-01T05:15:00Z"},
		{"Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04T14:45:00Z"}, // half an hour, twice: the first
		{"Asia/Kolkata", "2026-03-29 09:00", "2026-03-29T03:30:00Z"},
		{"Pacific/Kiritimati", "2026-01-01 00:30", "2025-12-31T10:30:00Z"},
		{"Pacific/Apia", "2011-12-30 09:00", "2011-12-30T19:00:00Z"}, // a day that was left out
		{"UTC", "2026-03-29 02:30", "2026-03-29T02:30:00Z"},
	} {
		clock, err := time.Parse("2006-01-02 15:04", c.clock)
		if err != nil {
			t.Fatal(err)
		}
		got := At(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), zone(t, c.zone))
		if !got.Equal(moment(t, c.want)) {
			t.Errorf("%s in %s is %s, want %s", c.clock, c.zone, got.UTC().Format(time.RFC3339), c.want)
		}
	}
}

func TestOccurrences(t *testing.T) {
	until := func(s string) time.Time { return moment(t, s) }
	for _, c := range []struct {
		name, zone, start string
		rule              *Recurrence
		want              string // starts in UTC
	}{
		{"once", "Europe/Paris", "2026-03-28T08:00:00Z", nil, "2026-03-28T08:00"},
		{"daily across spring", "Europe/Paris", "2026-03-27T08:00:00Z", &Recurrence{Frequency: Daily, Count: 4},
			"2026-03-27T08:00 2026-03-28T08:00 2026-03-29T07:00 2026-03-30T07:00"},
		{"daily across autumn", "Europe/Paris", "2026-10-24T07:00:00Z", &Recurrence{Frequency: Daily, Count: 3},
			"2026-10-24T07:00 2026-10-25T08:00 2026-10-26T08:00"},
		{"daily in the gap", "Europe/Paris", "2026-03-28T01:30:00Z", &Recurrence{Frequency: Daily, Count: 3},
			"2026-03-28T01:30 2026-03-29T01:30 2026-03-30T00:30"},
		{"every third day until", "Europe/Paris", "2026-05-01T07:00:00Z", &Recurrence{Frequency: Daily, Every: 3, Until: until("2026-05-10T07:00:00Z")},
			"2026-05-01T07:00 2026-05-04T07:00 2026-05-07T07:00 2026-05-10T07:00"},
		{"until is inclusive to the second", "Europe/Paris", "2026-05-01T07:00:00Z", &Recurrence{Frequency: Daily, Until: until("2026-05-02T06:59:59Z")}, "2026-05-01T07:00"},
		{"weekly on its day", "Europe/Paris", "2026-03-23T08:00:00Z", &Recurrence{Frequency: Weekly, Count: 3}, "2026-03-23T08:00 2026-03-30T07:00 2026-04-06T07:00"},
		{"weekly on three days, begun in the middle", "Europe/Paris", "2026-05-06T07:00:00Z",
			&Recurrence{Frequency: Weekly, Days: []time.Weekday{time.Friday, time.Monday, time.Wednesday}, Count: 4},
			"2026-05-06T07:00 2026-05-08T07:00 2026-05-11T07:00 2026-05-13T07:00"},
		{"every second week, Sunday is the last day", "Europe/Paris", "2026-05-04T07:00:00Z",
			&Recurrence{Frequency: Weekly, Every: 2, Days: []time.Weekday{time.Sunday, time.Monday}, Count: 4},
			"2026-05-04T07:00 2026-05-10T07:00 2026-05-18T07:00 2026-05-24T07:00"},
		{"the local day counts, not that of UTC", "Pacific/Auckland", "2026-05-04T20:30:00Z", &Recurrence{Frequency: Weekly, Days: []time.Weekday{time.Tuesday}, Count: 2},
			"2026-05-04T20:30 2026-05-11T20:30"},
		{"monthly on the 31st leaves months out", "Europe/Paris", "2026-01-31T09:00:00Z", &Recurrence{Frequency: Monthly, Count: 3},
			"2026-01-31T09:00 2026-03-31T08:00 2026-05-31T08:00"},
		{"monthly on the third Tuesday", "Europe/Paris", "2026-02-17T09:00:00Z", &Recurrence{Frequency: Monthly, Nth: 3, Count: 3},
			"2026-02-17T09:00 2026-03-17T09:00 2026-04-21T08:00"},
		{"monthly on the last Friday", "Europe/Paris", "2026-01-30T09:00:00Z", &Recurrence{Frequency: Monthly, Nth: -1, Count: 3},
			"2026-01-30T09:00 2026-02-27T09:00 2026-03-27T09:00"},
		{"every second month over the year", "UTC", "2026-11-15T09:00:00Z", &Recurrence{Frequency: Monthly, Every: 2, Count: 2}, "2026-11-15T09:00 2027-01-15T09:00"},
		{"29 February", "UTC", "2028-02-29T09:00:00Z", &Recurrence{Frequency: Monthly, Every: 12, Count: 2}, "2028-02-29T09:00 2032-02-29T09:00"},
	} {
		p := Plan{Start: moment(t, c.start), Zone: c.zone, Duration: time.Hour, Recurrence: c.rule}
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, o := range p.Between(moment(t, "2000-01-01T00:00:00Z"), moment(t, "2100-01-01T00:00:00Z"), 10) {
			got = append(got, o.Start.Format("2006-01-02T15:04"))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, strings.Join(got, " "), c.want)
		}
		// A window shows the same as the whole.
		for _, o := range p.Between(moment(t, "2000-01-01T00:00:00Z"), moment(t, "2100-01-01T00:00:00Z"), 1000) {
			if w := p.Between(o.Start.Add(time.Minute), o.Start.Add(2*time.Minute), 10); len(w) != 1 || !w[0].Start.Equal(o.Start) {
				t.Errorf("%s: a window at %s shows %v", c.name, o.Start, w)
			}
			if f, ok := p.Find(o.Original); !ok || !f.Start.Equal(o.Start) {
				t.Errorf("%s: %s is not found", c.name, o.Original)
			}
		}
		if _, ok := p.Find(p.Start.Add(time.Minute)); ok {
			t.Errorf("%s: an occurrence that there is not is found", c.name)
		}
	}
}

func TestLongPlansAreSkippedThrough(t *testing.T) {
	start := moment(t, "2026-01-01T08:00:00Z")
	for _, r := range []Recurrence{
		{Frequency: Daily, Until: start.AddDate(10, 0, 0)}, {Frequency: Daily, Every: 7, Until: start.AddDate(10, 0, 0)},
		{Frequency: Weekly, Every: 3, Until: start.AddDate(10, 0, 0)}, {Frequency: Monthly, Until: start.AddDate(10, 0, 0)},
	} {
		p := Plan{Start: start, Zone: "Europe/Paris", Duration: time.Hour, Recurrence: &r}
		all := p.Between(start, start.AddDate(11, 0, 0), 10000)
		for _, days := range []int{0, 1, 13, 400, 3000, 3650} {
			from := start.AddDate(0, 0, days)
			to := from.AddDate(0, 0, 60)
			want := slices.DeleteFunc(slices.Clone(all), func(o Occurrence) bool { return !o.Start.Before(to) || !o.Start.Add(o.Duration).After(from) })
			if got := p.Between(from, to, 10000); !slices.Equal(got, want) {
				t.Errorf("%+v after %d days: %d occurrences, want %d", r, days, len(got), len(want))
			}
		}
	}
}

func TestExceptions(t *testing.T) {
	start := moment(t, "2026-05-04T07:00:00Z")
	p := Plan{Start: start, Zone: "Europe/Paris", Duration: time.Hour, Recurrence: &Recurrence{Frequency: Daily, Count: 4},
		Cancelled: []time.Time{start.AddDate(0, 0, 1)},
		Moved:     []Moved{{Original: start, Start: start.AddDate(0, 0, 2).Add(-time.Hour), Duration: 30 * time.Minute}}}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	list := p.Between(start.AddDate(-1, 0, 0), start.AddDate(1, 0, 0), 10)
	if len(list) != 3 || !list[0].Original.Equal(start) || !list[0].Start.Equal(start.AddDate(0, 0, 2).Add(-time.Hour)) || list[0].Duration != 30*time.Minute {
		t.Errorf("%v", list)
	}
	if want := start.AddDate(0, 0, 3).Add(time.Hour); !p.End().Equal(want) {
		t.Errorf("the end is %v, want %v", p.End(), want)
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	start := moment(t, "2026-05-04T07:00:00Z") // a Monday
	good := Plan{Start: start, Zone: "Europe/Paris", Duration: time.Hour}
	rule := func(r Recurrence) func(*Plan) { return func(p *Plan) { p.Recurrence = &r } }
	for name, spoil := range map[string]func(*Plan){
		"no zone": func(p *Plan) { p.Zone = "" }, "local": func(p *Plan) { p.Zone = "Local" }, "no such zone": func(p *Plan) { p.Zone = "Europe/Atlantis" },
		"a file": func(p *Plan) { p.Zone = "../../etc/passwd" }, "long zone": func(p *Plan) { p.Zone = strings.Repeat("a", 65) },
		"no duration": func(p *Plan) { p.Duration = 0 }, "two days": func(p *Plan) { p.Duration = 48 * time.Hour }, "seconds": func(p *Plan) { p.Duration = 90 * time.Second },
		"no start":       func(p *Plan) { p.Start = time.Time{} },
		"exception once": func(p *Plan) { p.Cancelled = []time.Time{start} },
		"endless":        rule(Recurrence{Frequency: Daily}), "two ends": rule(Recurrence{Frequency: Daily, Count: 2, Until: start}),
		"too many": rule(Recurrence{Frequency: Daily, Count: 1001}), "negative": rule(Recurrence{Frequency: Daily, Count: -1}),
		"yearly": rule(Recurrence{Frequency: "yearly", Count: 2}), "every 100": rule(Recurrence{Frequency: Daily, Every: 100, Count: 2}),
		"ends before": rule(Recurrence{Frequency: Daily, Until: start.Add(-time.Second)}), "eleven years": rule(Recurrence{Frequency: Daily, Until: start.AddDate(11, 0, 0)}),
		"not its day": rule(Recurrence{Frequency: Weekly, Days: []time.Weekday{time.Tuesday}, Count: 2}), "eighth day": rule(Recurrence{Frequency: Weekly, Days: []time.Weekday{1, 8}, Count: 2}),
		"days of a month": rule(Recurrence{Frequency: Monthly, Days: []time.Weekday{1}, Count: 2}), "not the second": rule(Recurrence{Frequency: Monthly, Nth: 2, Count: 2}),
		"fifth": rule(Recurrence{Frequency: Monthly, Nth: 5, Count: 2}), "nth week": rule(Recurrence{Frequency: Weekly, Nth: 1, Count: 2}),
	} {
		p := good
		spoil(&p)
		if err := p.Check(); !errors.Is(err, ErrPlan) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
