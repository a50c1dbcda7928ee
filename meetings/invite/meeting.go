package invite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Frequency of a recurrence.
type Frequency string

// The frequencies (RFC 5545 §3.3.10).
const (
	Daily   Frequency = "DAILY"
	Weekly  Frequency = "WEEKLY"
	Monthly Frequency = "MONTHLY"
)

// Recurrence says when a meeting comes again. It ends: either Count or Until is given.
type Recurrence struct {
	Frequency Frequency
	Every     int            // n-th day, week or month; 0 is 1
	Days      []time.Weekday // of Weekly, that of the start among them; none: that of the start
	// Nth makes Monthly the n-th weekday of the month, the weekday of the start: 1 to 4, or -1 for the last. 0: the day of the month
	// of the start; a month without that day is left out (RFC 5545 §3.3.10).
	Nth   int
	Count int       // occurrences, with those that are left out
	Until time.Time // the last start, inclusive
}

// Moved is an occurrence that begins at another time.
type Moved struct {
	Original time.Time // start after the rule
	Start    time.Time
	Duration time.Duration
}

// Meeting is a planned meeting as a calendar knows it. Times are moments; Zone is where a recurrence counts days and hours, so that a
// meeting at nine stays at nine when the clocks change.
type Meeting struct {
	UID       string // never changes: see [UID]
	Sequence  int    // grows with each change (RFC 5546 §2.1.4)
	Title     string
	Link      string // of the room; a mail holds nothing else of it
	Organiser Address
	Start     time.Time
	Duration  time.Duration
	Zone      *time.Location
	// Recurrence is nil for a meeting that is once. Exceptions are starts after the rule that are left out; Moved are others.
	Recurrence *Recurrence
	Exceptions []time.Time
	Moved      []Moved
	// Cancelled takes the meeting out of calendars; with Only, that occurrence of it alone.
	Cancelled bool
	Only      time.Time
}

// Limits of a meeting.
const (
	maxDuration   = 7 * 24 * time.Hour
	maxCount      = 1000
	maxEvery      = 99
	maxExceptions = 1000
	maxYears      = 10 // from the first start to the last
)

// ErrMeeting is what every error of a meeting wraps.
var ErrMeeting = errors.New("invite: not a meeting that a calendar can hold")

// UID names a meeting for ever, and in all calendars (RFC 7986 §5.3): id is unique at host.
func UID(id, host string) string { return id + "@" + host }

// Check says what a calendar could not hold.
func (m Meeting) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrMeeting}, args...)...)
	}
	outside := func(t time.Time) bool {
		return t.Before(m.Start.AddDate(-1, 0, 0)) || t.After(m.Start.AddDate(maxYears+1, 0, 0))
	}
	switch {
	case len(m.UID) < 3 || len(m.UID) > 255 || strings.ContainsFunc(m.UID, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`\;,"`, r) }):
		return wrong("UID %q", m.UID)
	case m.Sequence < 0:
		return wrong("sequence %d", m.Sequence)
	case line(m.Title) == "":
		return wrong("it has no title")
	case !strings.HasPrefix(m.Link, "https://") || len(m.Link) > 2048 || strings.ContainsFunc(m.Link, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"<>\`, r) }):
		return wrong("link %q", m.Link)
	case m.Zone == nil || m.Zone == time.Local || m.Zone.String() == "" || strings.Trim(m.Zone.String(), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != "":
		return wrong("no time zone of the IANA database")
	case m.Start.Year() < 1971 || m.Start.Year() > 9000:
		return wrong("start %v", m.Start)
	case m.Duration <= 0 || m.Duration > maxDuration || m.Duration%time.Second != 0:
		return wrong("duration %v", m.Duration)
	case m.Recurrence == nil && len(m.Exceptions)+len(m.Moved) > 0, m.Recurrence == nil && !m.Only.IsZero(), !m.Only.IsZero() && !m.Cancelled:
		return wrong("exceptions without a recurrence, or one occurrence that is not cancelled")
	case len(m.Exceptions) > maxExceptions || len(m.Moved) > maxExceptions:
		return wrong("more than %d exceptions", maxExceptions)
	case slices.ContainsFunc(m.Exceptions, outside) || slices.ContainsFunc(m.Moved, func(o Moved) bool { return outside(o.Original) || outside(o.Start) }):
		return wrong("an exception is years away")
	}
	for _, o := range m.Moved {
		if o.Duration <= 0 || o.Duration > maxDuration || o.Duration%time.Second != 0 {
			return wrong("duration %v", o.Duration)
		}
	}
	if err := m.Organiser.check(); err != nil {
		return fmt.Errorf("%w: organiser: %w", ErrMeeting, err)
	}
	if m.Recurrence == nil {
		return nil
	}
	r := *m.Recurrence
	first := m.Start.In(m.Zone)
	switch {
	case !slices.Contains([]Frequency{Daily, Weekly, Monthly}, r.Frequency) || r.Every < 0 || r.Every > maxEvery:
		return wrong("recurrence %+v", r)
	case (r.Count > 0) == !r.Until.IsZero() || r.Count < 0 || r.Count > maxCount:
		return wrong("a recurrence has either a count up to %d or an end", maxCount)
	case !r.Until.IsZero() && (r.Until.Before(m.Start) || r.Until.After(m.Start.AddDate(maxYears, 0, 0))):
		return wrong("the end is before the start, or more than %d years after it", maxYears)
	case len(r.Days) > 0 && (r.Frequency != Weekly || !slices.Contains(r.Days, first.Weekday()) || slices.ContainsFunc(r.Days, func(d time.Weekday) bool { return d < 0 || d > 6 })):
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

// Mail is the mail to one person: an invitation, or its end. Only that person stands in it.
func (m Meeting) Mail(l Language, to Address, at Place, sender Address, now time.Time) (Mail, error) {
	if err := errors.Join(m.Check(), to.check(), sender.check()); err != nil {
		return Mail{}, err
	}
	title, host := line(m.Title), line(m.Organiser.Name)
	if host == "" {
		host = m.Organiser.Address
	}
	mail := Mail{To: to, ReplyTo: m.Organiser, Language: l, calendar: m.calendar(to, sender, now), method: "REQUEST"}
	begin := m.Start
	if !m.Only.IsZero() {
		begin = m.Only
	}
	mail.text = append(mail.text, said(greeting(l, to)))
	times := l.pick("Début : ", "Start: ") + when(l, begin.In(m.Zone)) + l.pick(", durée : ", ", duration: ") + length(m.Duration)
	switch {
	case m.Cancelled:
		mail.method = "CANCEL"
		mail.Subject = l.pick("Annulé : ", "Cancelled: ") + title
		mail.text = append(mail.text, said(l.pick(host+" a annulé la réunion « "+title+" ».", host+" has cancelled the meeting “"+title+"”.")), said(times))
		return mail, nil
	case m.Sequence > 0:
		mail.Subject = l.pick("Changement : ", "Changed: ") + title
		mail.text = append(mail.text, said(l.pick(host+" a changé la réunion « "+title+" ».", host+" has changed the meeting “"+title+"”.")))
	default:
		mail.Subject = "Invitation" + l.pick(" : ", ": ") + title
		mail.text = append(mail.text, said(l.pick(host+" vous invite à la réunion « "+title+" ».", host+" invites you to the meeting “"+title+"”.")))
	}
	mail.text = append(mail.text, said(times))
	if m.Recurrence != nil {
		mail.text = append(mail.text, said(m.again(l)))
	}
	mail.text = append(mail.text, said(l.pick("Pour entrer :", "To enter:")), paragraph{link: m.Link},
		said(l.pick("La réunion se tient sur « "+line(at.Name)+" » et est chiffrée de bout en bout.", "The meeting takes place on “"+line(at.Name)+"” and is end-to-end encrypted.")))
	return mail, nil
}

// again is the recurrence in words.
func (m Meeting) again(l Language) string {
	r, first := *m.Recurrence, m.Start.In(m.Zone)
	every := max(r.Every, 1)
	names := func(days []time.Weekday) string {
		var list []string
		for _, d := range sorted(days) {
			list = append(list, l.pick(daysFR[d], d.String()))
		}
		return strings.Join(list, ", ")
	}
	var s string
	switch r.Frequency {
	case Daily:
		s = l.pick("Tous les jours", "Every day")
		if every > 1 {
			s = fmt.Sprintf(l.pick("Tous les %d jours", "Every %d days"), every)
		}
	case Weekly:
		days := r.Days
		if len(days) == 0 {
			days = []time.Weekday{first.Weekday()}
		}
		s = l.pick("Chaque semaine : ", "Every week: ") + names(days)
		if every > 1 {
			s = fmt.Sprintf(l.pick("Toutes les %d semaines : ", "Every %d weeks: "), every) + names(days)
		}
	case Monthly:
		s = l.pick("Chaque mois", "Every month")
		if every > 1 {
			s = fmt.Sprintf(l.pick("Tous les %d mois", "Every %d months"), every)
		}
		s += l.pick(", le ", ", on ") + m.inMonth(l, r, first)
	}
	if r.Count > 0 {
		return fmt.Sprintf(l.pick("%s, %d fois.", "%s, %d times."), s, r.Count)
	}
	return s + l.pick(", jusqu’au ", ", until ") + day(l, r.Until.In(m.Zone)) + "."
}

func (m Meeting) inMonth(l Language, r Recurrence, first time.Time) string {
	if r.Nth == 0 {
		return fmt.Sprintf(l.pick("%d", "day %d"), first.Day())
	}
	ordinal := map[int][2]string{1: {"premier", "first"}, 2: {"deuxième", "second"}, 3: {"troisième", "third"}, 4: {"quatrième", "fourth"}, -1: {"dernier", "last"}}[r.Nth]
	return l.pick(ordinal[0]+" "+daysFR[first.Weekday()], "the "+ordinal[1]+" "+first.Weekday().String())
}

// sorted begins the week on Monday (RFC 5545 §3.3.10, WKST).
func sorted(days []time.Weekday) []time.Weekday {
	list := slices.Clone(days)
	slices.SortFunc(list, func(a, b time.Weekday) int { return int((a+6)%7) - int((b+6)%7) })
	return slices.Compact(list)
}

func length(d time.Duration) string {
	h, min := int(d/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case h == 0:
		return fmt.Sprintf("%d min", max(min, 1))
	case min == 0:
		return fmt.Sprintf("%d h", h)
	}
	return fmt.Sprintf("%d h %02d", h, min)
}

// octets cuts s so that it has at most n octets, between characters.
func octets(s string, n int) (head, tail string) {
	if len(s) <= n {
		return s, ""
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], s[n:]
}
