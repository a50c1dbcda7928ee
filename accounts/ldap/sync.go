package ldap

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
)

// Sync brings the accounts to what the directory says, and remembers how that went. Its methods may be called from any goroutine.
type Sync struct {
	Client   *Client
	Accounts *accounts.Accounts
	Audit    *audit.Log
	Log      *slog.Logger
	Now      func() time.Time
	// Within bounds one synchronisation.
	Within time.Duration

	running sync.Mutex // held by the one that runs
	before  *Sync      // which may still run

	mu     sync.Mutex
	status Status
}

// Status is how the last synchronisations went.
type Status struct {
	Last    time.Time // when the last one ended; zero: none yet
	Good    time.Time // when the last one ended that went well
	Failure *Error    // of the last one
	Report  Report    // of the last one that went well
}

// Report is what a synchronisation did, or would do.
type Report struct {
	accounts.Followed
	// Groups is what became of the groups of the directory; BringsGroups: the settings have some come here.
	Groups       accounts.FollowedGroups
	BringsGroups bool
	Roleless     int
	Entries      []Problem // the first of those that can't be brought in
	Refused      int       // how many there are
	Took         time.Duration
}

// maxListed bounds the problems that are shown.
const maxListed = 100

// ErrRunning: there is one at a time.
var ErrRunning = runningError{}

type runningError struct{}

func (runningError) Error() string { return "ldap: a synchronisation is running" }

// Code returns the stable name.
func (runningError) Code() string { return "syncRunning" }

// Order is what somebody asks for.
type Order struct {
	By     *accounts.Actor // nil: the appliance itself, because it is time
	Dry    bool
	Anyway bool
}

// Status returns how the last ones went.
func (s *Sync) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Follow says which one this one stands in the place of: while that runs, this one doesn't. Call it before anything else.
func (s *Sync) Follow(before *Sync) { s.before = before }

// Run does one. Whatever fails while the directory is read changes no account. An *Error, ErrRunning, an error of accounts.
func (s *Sync) Run(ctx context.Context, o Order) (Report, error) {
	if !s.running.TryLock() {
		return Report{}, ErrRunning
	}
	defer s.running.Unlock()
	if s.before != nil {
		if !s.before.running.TryLock() {
			return Report{}, ErrRunning
		}
		defer s.before.running.Unlock()
	}
	ctx, cancel := context.WithTimeout(ctx, s.Within)
	defer cancel()
	began := s.Now()
	found, err := s.Client.People(ctx)
	if err != nil {
		return Report{}, s.failed(o, err)
	}
	done, err := s.Accounts.Follow(accounts.Roll{Source: accounts.Directory, People: found.People, Kept: found.Kept, By: o.By, Dry: o.Dry, Anyway: o.Anyway}, s.Now())
	report := Report{Followed: done, Roleless: found.Roleless, Refused: len(found.Problems), Entries: found.Problems[:min(len(found.Problems), maxListed)],
		Took: s.Now().Sub(began)}
	// While it is doubted that the people are gone, so is it that the groups have lost them.
	if err == nil && !done.Held {
		err = s.groups(o, found, &report)
	}
	if err != nil || o.Dry {
		return report, err
	}
	return report, s.went(o, report)
}

// groups brings the groups here to what the directory has. Where the settings no longer have any come, those that came are gone: nobody
// would keep them right.
func (s *Sync) groups(o Order, found Found, report *Report) error {
	roll := accounts.GroupRoll{Source: accounts.Directory, By: o.By, Dry: o.Dry, Anyway: o.Anyway}
	if report.BringsGroups = s.Client.bringsGroups(); !report.BringsGroups {
		roll.By, roll.Anyway = nil, true
	}
	ids, err := s.Accounts.Subjects(accounts.Directory)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, g := range found.Groups {
		if seen[g.Subject] {
			report.Refused++
			report.Entries = append(slices.Clip(report.Entries), Problem{"twice", g.Name})
			continue
		}
		seen[g.Subject] = true
		group := accounts.SourcedGroup{Subject: g.Subject, Name: g.Name}
		for _, subject := range g.Members {
			if id, ok := ids[subject]; ok {
				group.Members = append(group.Members, id)
			}
		}
		roll.Groups = append(roll.Groups, group)
	}
	report.Groups, err = s.Accounts.FollowGroups(roll, s.Now())
	return err
}

// groupsChanged is how many groups are not as they were.
func (r Report) groupsChanged() int {
	return r.Groups.Created + r.Groups.Renamed + r.Groups.Deleted + r.Groups.Added + r.Groups.Taken
}

// failed notes a directory that can't be asked. Only the first of a row is in the audit log, the rest in the log.
func (s *Sync) failed(o Order, err error) error {
	var failure *Error
	if !errors.As(err, &failure) {
		failure = &Error{NoAnswer, err}
	}
	if o.Dry {
		return failure
	}
	s.mu.Lock()
	first := s.status.Failure == nil
	s.status.Last, s.status.Failure = s.Now(), failure
	s.mu.Unlock()
	s.Log.Error("the directory can't be asked; no account was changed", "kind", failure.Kind, "error", failure.Err)
	if !first && o.By == nil {
		return failure
	}
	if err := s.record(o, audit.DirectoryFailed, audit.Failed, map[string]string{"reason": string(failure.Kind)}); err != nil {
		return errors.Join(failure, err)
	}
	return failure
}

// went notes one that went well.
func (s *Sync) went(o Order, r Report) error {
	s.mu.Lock()
	back, held, heldGroups := s.status.Failure != nil, s.status.Report.Held, s.status.Report.Groups.Held
	s.status = Status{Last: s.Now(), Good: s.Now(), Report: r}
	s.mu.Unlock()
	s.Log.Info("directory synchronised", "people", r.People, "created", r.Created, "changed", r.Changed, "shut", r.Shut, "opened", r.Opened,
		"groups", r.groupsChanged(), "problems", r.problems(), "took", r.Took)
	if r.Held {
		s.Log.Error("more than half of the directory's people are gone from it; none of them was shut out", "missing", r.Missing, "accounts", r.Accounts)
	}
	if back {
		if err := s.record(o, audit.DirectoryBack, audit.OK, nil); err != nil {
			return err
		}
	}
	if r.Held && (!held || o.By != nil) {
		err := s.record(o, audit.DirectoryHeld, audit.Refused, map[string]string{"missing": strconv.Itoa(r.Missing), "accounts": strconv.Itoa(r.Accounts)})
		if err != nil {
			return err
		}
	}
	if r.Groups.Held && (!heldGroups || o.By != nil) {
		err := s.record(o, audit.DirectoryHeld, audit.Refused, map[string]string{"missing": strconv.Itoa(r.Groups.Missing), "groups": strconv.Itoa(r.Groups.Groups)})
		if err != nil {
			return err
		}
	}
	if o.By == nil && r.Created+r.Changed+r.Shut+r.Opened+r.groupsChanged() == 0 {
		return nil
	}
	return s.record(o, audit.DirectorySynced, audit.OK, map[string]string{"people": strconv.Itoa(r.People), "created": strconv.Itoa(r.Created),
		"changed": strconv.Itoa(r.Changed), "shut": strconv.Itoa(r.Shut), "opened": strconv.Itoa(r.Opened), "groups": strconv.Itoa(r.groupsChanged()),
		"problems": strconv.Itoa(r.problems())})
}

// problems is how many people and groups could not be brought in, or not wholly.
func (r Report) problems() int { return r.Troubled + r.Refused + r.Groups.Troubled }

func (s *Sync) record(o Order, action audit.Action, result audit.Result, detail map[string]string) error {
	e := audit.Event{Time: s.Now(), Actor: audit.ActorSystem, Action: action, Result: result, Detail: detail}
	if o.By != nil {
		e.Actor, e.Client = o.By.Account.String(), o.By.Client
	}
	return s.Audit.Write(e)
}
