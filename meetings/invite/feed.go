package invite

import (
	"errors"
	"time"
)

// Feed is the calendar of one person, to be fetched again and again by a program (RFC 5545; no METHOD, as nothing is asked of
// anybody). A meeting that Check refuses is an error.
func Feed(list []Meeting, name string, to Address, now time.Time) ([]byte, error) {
	var o object
	o.add("BEGIN", "VCALENDAR")
	o.add("PRODID", product)
	o.add("VERSION", "2.0")
	o.add("CALSCALE", "GREGORIAN")
	o.add("NAME", text(line(name)))         // RFC 7986 §5.1
	o.add("X-WR-CALNAME", text(line(name))) // what programs read that do not know the former
	o.add("REFRESH-INTERVAL;VALUE=DURATION", "PT1H")
	first := map[string]Meeting{}
	var zones []string
	for _, m := range list {
		if err := errors.Join(m.Check(), to.check()); err != nil {
			return nil, err
		}
		z := m.Zone.String()
		if known, ok := first[z]; !ok {
			zones, first[z] = append(zones, z), m
		} else if m.Start.Before(known.Start) {
			first[z] = m
		}
	}
	// RFC 5545 §3.6.5: one definition of each zone that is named.
	for _, z := range zones {
		if m := first[z]; !m.utc() {
			timezone(&o, m.Zone, m.Start)
		}
	}
	for _, m := range list {
		m.event(&o, to, m.Organiser, now, nil)
		for i := range m.Moved {
			m.event(&o, to, m.Organiser, now, &m.Moved[i])
		}
	}
	o.add("END", "VCALENDAR")
	return []byte(o.b.String()), nil
}
