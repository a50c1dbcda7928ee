package web

import (
	"errors"
	"net/http"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

const (
	comingDays  = 14
	comingLimit = 100
	// Each change may write a mail to 200 people: nobody plans by the dozen.
	plansPerSecond, plansBurst = 0.02, 30
)

// plannedError gives the refusals of planned meetings their codes.
func plannedError(err error) error {
	switch {
	case errors.Is(err, meetings.ErrNoMeeting), errors.Is(err, meetings.ErrNoOccurrence):
		return refusal{codeNotFound}
	case errors.Is(err, meetings.ErrPlan):
		return refusal{codeBadPlan}
	case errors.Is(err, meetings.ErrInvitees):
		return refusal{codeBadInvitees}
	case errors.Is(err, meetings.ErrTooMuch):
		return refusal{codeTooManyPlanned}
	case errors.Is(err, ErrPost):
		return refusal{codeTooManyMails}
	case errors.Is(err, meetings.ErrName):
		return refusal{codeBadTitle}
	}
	return roomError(err)
}

// clockJSON is a date and a time as a clock in a zone reads them.
type clockJSON struct {
	Date string `json:"date"` // 2006-01-02
	Time string `json:"time"` // 15:04
}

func (c clockJSON) in(zone *time.Location) (time.Time, error) {
	t, err := time.Parse("2006-01-02 15:04", c.Date+" "+c.Time)
	if err != nil {
		return time.Time{}, meetings.ErrPlan
	}
	return meetings.At(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), zone), nil
}

func clockOf(t time.Time, zone *time.Location) clockJSON {
	t = t.In(zone)
	return clockJSON{t.Format("2006-01-02"), t.Format("15:04")}
}

type recurrenceJSON struct {
	Frequency meetings.Frequency `json:"frequency"`
	Every     int                `json:"every"`
	Days      []time.Weekday     `json:"days"` // 0 is Sunday
	Nth       int                `json:"nth"`
	Count     int                `json:"count"`
	Until     string             `json:"until"` // the last day, in the meeting's zone; "" with a count
}

type inviteeJSON struct {
	Account string `json:"account,omitempty"`
	Email   string `json:"email,omitempty"`
	Name    string `json:"name,omitempty"` // in answers
}

type planForm struct {
	Title      string          `json:"title"`
	Start      clockJSON       `json:"start"`
	Zone       string          `json:"zone"`
	Minutes    int             `json:"minutes"`
	Recurrence *recurrenceJSON `json:"recurrence"`
	Invitees   []inviteeJSON   `json:"invitees"`
}

func (b planForm) read() (plan meetings.Plan, invitees []meetings.Invitee, err error) {
	zone, err := meetings.LoadZone(b.Zone)
	if err != nil {
		return plan, nil, err
	}
	start, err := b.Start.in(zone)
	if err != nil {
		return plan, nil, err
	}
	plan = meetings.Plan{Start: start.UTC(), Zone: b.Zone, Duration: time.Duration(b.Minutes) * time.Minute}
	if r := b.Recurrence; r != nil {
		plan.Recurrence = &meetings.Recurrence{Frequency: r.Frequency, Every: r.Every, Days: r.Days, Nth: r.Nth, Count: r.Count}
		if r.Until != "" {
			last, err := clockJSON{r.Until, "23:59"}.in(zone)
			if err != nil {
				return plan, nil, err
			}
			plan.Recurrence.Until = last.UTC()
		}
	}
	for _, i := range b.Invitees {
		out := meetings.Invitee{Email: i.Email}
		if i.Account != "" {
			if out.Account, err = accounts.ParseID(i.Account); err != nil {
				return plan, nil, meetings.ErrInvitees
			}
		}
		invitees = append(invitees, out)
	}
	return plan, invitees, nil
}

type occurrenceJSON struct {
	Original time.Time `json:"original"` // names it
	Start    time.Time `json:"start"`
	Minutes  int       `json:"minutes"`
}

func occurrenceOf(o meetings.Occurrence) occurrenceJSON {
	return occurrenceJSON{o.Original, o.Start, int(o.Duration / time.Minute)}
}

// plannedJSON is a planned meeting for its owner.
type plannedJSON struct {
	ID         string           `json:"id"`
	Title      string           `json:"title"`
	Start      clockJSON        `json:"start"`
	Zone       string           `json:"zone"`
	Minutes    int              `json:"minutes"`
	Recurrence *recurrenceJSON  `json:"recurrence"`
	Invitees   []inviteeJSON    `json:"invitees"`
	Next       []occurrenceJSON `json:"next"` // a few that are still to come
	Exceptions int              `json:"exceptions"`
}

const nextShown = 8

func (v *visit) plannedOf(p meetings.Planned) (j plannedJSON, err error) {
	s, now := v.srv, v.now
	namesOnly, err := v.namesOnly()
	if err != nil {
		return j, err
	}
	zone, err := meetings.LoadZone(p.Plan.Zone)
	if err != nil {
		return j, err
	}
	j = plannedJSON{ID: p.ID.String(), Title: p.Title, Start: clockOf(p.Plan.Start, zone), Zone: p.Plan.Zone, Minutes: int(p.Plan.Duration / time.Minute),
		Invitees: []inviteeJSON{}, Next: []occurrenceJSON{}, Exceptions: len(p.Plan.Cancelled) + len(p.Plan.Moved)}
	if r := p.Plan.Recurrence; r != nil {
		j.Recurrence = &recurrenceJSON{Frequency: r.Frequency, Every: max(r.Every, 1), Days: r.Days, Nth: r.Nth, Count: r.Count}
		if !r.Until.IsZero() {
			j.Recurrence.Until = r.Until.In(zone).Format("2006-01-02")
		}
	}
	for _, i := range p.Invitees {
		if i.Account == (accounts.ID{}) {
			j.Invitees = append(j.Invitees, inviteeJSON{Email: i.Email, Name: i.Email})
			continue
		}
		switch a, err := s.Accounts.Get(i.Account); {
		case errors.Is(err, accounts.ErrNotFound):
		case err != nil:
			return j, err
		default:
			j.Invitees = append(j.Invitees, inviteeJSON{Account: a.ID.String(), Email: foundOf(a, namesOnly).Email, Name: a.Name})
		}
	}
	for _, o := range p.Plan.Between(now, p.Plan.End(), nextShown) {
		j.Next = append(j.Next, occurrenceOf(o))
	}
	return j, nil
}

func (v *visit) plannedAnswer(status int, p meetings.Planned, err error) error {
	if err != nil {
		return plannedError(err)
	}
	j, err := v.plannedOf(p)
	if err != nil {
		return err
	}
	return v.json(status, j)
}

func (v *visit) meeting() (meetings.MeetingID, error) {
	id, err := meetings.ParseMeetingID(v.c.Param("meeting"))
	if err != nil {
		return id, refusal{codeNotFound}
	}
	return id, nil
}

func (s *Server) listPlanned(v *visit) error {
	room, err := v.room()
	if err != nil {
		return err
	}
	list, err := s.Rooms.PlannedIn(v.account.ID, room)
	if err != nil {
		return plannedError(err)
	}
	out := make([]plannedJSON, 0, len(list))
	for _, p := range list {
		if p.Ends.Before(v.now) {
			continue
		}
		j, err := v.plannedOf(p)
		if err != nil {
			return err
		}
		out = append(out, j)
	}
	return v.json(http.StatusOK, map[string]any{"meetings": out, "mail": s.Post != nil})
}

// mayPlan bounds how many changes, and so mails, one account makes.
func (v *visit) mayPlan() error {
	if wait, ok := v.srv.plans.take(v.account.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	return nil
}

func (s *Server) plan(v *visit) error {
	var b planForm
	if err := v.mayPlan(); err != nil {
		return err
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	room, err := v.room()
	if err != nil {
		return err
	}
	plan, invitees, err := b.read()
	if err != nil {
		return plannedError(err)
	}
	p, err := s.Rooms.Plan(v.actor(), room, b.Title, plan, invitees, v.now)
	return v.plannedAnswer(http.StatusCreated, p, err)
}

func (s *Server) replan(v *visit) error {
	var b planForm
	if err := v.mayPlan(); err != nil {
		return err
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.meeting()
	if err != nil {
		return err
	}
	plan, invitees, err := b.read()
	if err != nil {
		return plannedError(err)
	}
	p, err := s.Rooms.Replan(v.actor(), id, b.Title, plan, invitees, v.now)
	if err == nil {
		v.invitedChanged(p.Room)
	}
	return v.plannedAnswer(http.StatusOK, p, err)
}

// except moves one occurrence, or cancels it where no start is given.
func (s *Server) except(v *visit) error {
	var b struct {
		Original time.Time  `json:"original"`
		Start    *clockJSON `json:"start"`
		Zone     string     `json:"zone"`
		Minutes  int        `json:"minutes"`
	}
	if err := v.mayPlan(); err != nil {
		return err
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	id, err := v.meeting()
	if err != nil {
		return err
	}
	var start time.Time
	if b.Start != nil {
		zone, err := meetings.LoadZone(b.Zone)
		if err != nil {
			return plannedError(err)
		}
		if start, err = b.Start.in(zone); err != nil {
			return plannedError(err)
		}
	}
	p, err := s.Rooms.Except(v.actor(), id, b.Original, start, time.Duration(b.Minutes)*time.Minute, v.now)
	return v.plannedAnswer(http.StatusOK, p, err)
}

// invitedChanged sends those away from a room's door whom only an invitation let there that is gone.
func (v *visit) invitedChanged(room [16]byte) {
	v.srv.Hall.RulesChanged(room, v.srv.Rooms.MayStay(room, v.now))
}

// unplan cancels a meeting of one's own; of another's it takes it off one's list.
func (s *Server) unplan(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	id, err := v.meeting()
	if err != nil {
		return err
	}
	room, err := s.Rooms.Unplan(v.actor(), id, v.now)
	if errors.Is(err, meetings.ErrNotOwner) {
		room, err = s.Rooms.Decline(v.actor(), id, v.now)
	}
	if err != nil {
		return plannedError(err)
	}
	v.invitedChanged(room)
	return v.done()
}

// comingJSON is one occurrence in a person's list.
type comingJSON struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Room    ownerRoom `json:"room"`
	Mine    bool      `json:"mine"`
	Repeats bool      `json:"repeats"`
	Zone    string    `json:"zone"`
	Live    bool      `json:"live"`
	occurrenceJSON
}

type ownerRoom struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Owner ownerJSON `json:"owner"`
}

func (s *Server) coming(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	list, err := s.Rooms.Coming(v.account.ID, v.now, v.now.AddDate(0, 0, comingDays), comingLimit)
	if err != nil {
		return err
	}
	out := make([]comingJSON, 0, len(list))
	for _, c := range list {
		r, err := s.Rooms.Get(c.Room)
		if errors.Is(err, meetings.ErrNoRoom) {
			continue
		}
		if err != nil {
			return err
		}
		j, err := s.roomOf(r)
		if err != nil {
			return err
		}
		out = append(out, comingJSON{ID: c.ID.String(), Title: c.Title, Room: ownerRoom{j.ID, j.Name, j.Owner}, Mine: c.Owner == v.account.ID,
			Repeats: c.Plan.Recurrence != nil, Zone: c.Plan.Zone, Live: j.Live, occurrenceJSON: occurrenceOf(c.Occurrence)})
	}
	return v.json(http.StatusOK, map[string]any{"meetings": out})
}
