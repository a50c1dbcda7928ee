package config

import (
	"strconv"
	"time"
)

// Limits bound what people may use of the appliance, below what it can do in any case.
type Limits struct {
	Calls    int // at once; 0: as many as the machine does (media/transport's own measure refuses what would spoil those in progress)
	People   int // in one call
	Rooms    int // of one person
	Sessions int // of one person; a further sign-in ends the one used last longest ago

	CallMbps   int // Mbit/s that all of one call are sent together; 0: no limit but their lines'
	PersonKbps int // kbit/s that each of them is sent; likewise
}

// Most that can be set, which is also what holds when nothing is: what the product is tested at.
const (
	mostCalls    = 5000
	mostPeople   = 1000
	mostRooms    = 500
	mostSessions = 32
	mostMbps     = 100_000
	mostKbps     = 1_000_000
	// leastPeople: a call of one is none.
	leastPeople = 2
	// mostHistory is a year and a day: nobody needs longer to see how rooms are used, and the records name when people met.
	mostHistory = 366
)

func defaultLimits() Limits {
	return Limits{People: mostPeople, Rooms: mostRooms, Sessions: mostSessions}
}

type limitsTable struct {
	Calls    *callLimit    `toml:"calls"`
	People   *peopleLimit  `toml:"people"`
	Rooms    *roomLimit    `toml:"rooms"`
	Sessions *sessionLimit `toml:"sessions"`

	CallMbps   *callRate   `toml:"call_mbps"`
	PersonKbps *personRate `toml:"person_kbps"`
}

type limitsShape struct {
	Calls    *int64 `toml:"calls"`
	People   *int64 `toml:"people"`
	Rooms    *int64 `toml:"rooms"`
	Sessions *int64 `toml:"sessions"`

	CallMbps   *int64 `toml:"call_mbps"`
	PersonKbps *int64 `toml:"person_kbps"`
}

type callsTable struct {
	HistoryDays *historyDays `toml:"history_days"`
}

type callsShape struct {
	HistoryDays *int64 `toml:"history_days"`
}

func (t limitsTable) apply(s *Settings, said func(key string, is bool) bool) {
	if said("limits.calls", t.Calls != nil) {
		s.Limits.Calls = t.Calls.value
	}
	if said("limits.people", t.People != nil) {
		s.Limits.People = t.People.value
	}
	if said("limits.rooms", t.Rooms != nil) {
		s.Limits.Rooms = t.Rooms.value
	}
	if said("limits.sessions", t.Sessions != nil) {
		s.Limits.Sessions = t.Sessions.value
	}
	if said("limits.call_mbps", t.CallMbps != nil) {
		s.Limits.CallMbps = t.CallMbps.value
	}
	if said("limits.person_kbps", t.PersonKbps != nil) {
		s.Limits.PersonKbps = t.PersonKbps.value
	}
}

func (t callsTable) apply(s *Settings, said func(key string, is bool) bool) {
	if said("calls.history_days", t.HistoryDays != nil) {
		s.CallHistory = time.Duration(t.HistoryDays.value) * 24 * time.Hour
	}
}

func (l Limits) values(say func(name string, value any)) {
	say("calls", l.Calls)
	say("people", l.People)
	say("rooms", l.Rooms)
	say("sessions", l.Sessions)
	say("call_mbps", l.CallMbps)
	say("person_kbps", l.PersonKbps)
}

type (
	callLimit    struct{ value int }
	peopleLimit  struct{ value int }
	roomLimit    struct{ value int }
	sessionLimit struct{ value int }
	callRate     struct{ value int }
	personRate   struct{ value int }
	historyDays  struct{ value int }
)

// UnmarshalText accepts 0, for no limit but the machine's, and a number of calls.
func (n *callLimit) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.calls", 0, mostCalls)
}

// UnmarshalText accepts a number of people.
func (n *peopleLimit) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.people", leastPeople, mostPeople)
}

// UnmarshalText accepts a number of rooms.
func (n *roomLimit) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.rooms", 1, mostRooms)
}

// UnmarshalText accepts a number of sessions.
func (n *sessionLimit) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.sessions", 1, mostSessions)
}

// UnmarshalText accepts 0, for no limit, and Mbit/s.
func (n *callRate) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.call_mbps", 0, mostMbps)
}

// UnmarshalText accepts 0, for no limit, and kbit/s.
func (n *personRate) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "limits.person_kbps", 0, mostKbps)
}

// UnmarshalText accepts whole days; 0: nothing is kept.
func (n *historyDays) UnmarshalText(text []byte) error {
	return whole(&n.value, text, "calls.history_days", 0, mostHistory)
}

func whole(into *int, text []byte, name string, least, most int) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < least || n > most {
		// Of a number that has the right type, the decoder says no line.
		return reason("%[1]s: %[2]s is not a whole number from %[3]d to %[4]d", "%[1]s : %[2]s n’est pas un nombre entier de %[3]d à %[4]d.", name, text, least, most)
	}
	*into = n
	return nil
}
