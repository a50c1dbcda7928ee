package web

import (
	"errors"
	"net/http"
	"time"

	"huisclos/accounts/ldap"
)

const (
	codeNoDirectory code = "noDirectory"
	codeSyncRunning code = "syncRunning"
)

// directoryJSON is what the console shows of the organisation's directory. Without one only Configured is there.
type directoryJSON struct {
	Configured bool                  `json:"configured"`
	Last       *time.Time            `json:"last,omitempty"` // end of the last reading
	Good       *time.Time            `json:"good,omitempty"` // of the last one that went well
	Failure    *directoryFailureJSON `json:"failure,omitempty"`
	Report     *directoryReportJSON  `json:"report,omitempty"` // of the last one that went well
}

type directoryFailureJSON struct {
	Kind   ldap.Kind `json:"kind"`
	FR     string    `json:"fr"`
	EN     string    `json:"en"`
	Detail string    `json:"detail"`
}

type directoryReportJSON struct {
	People   int                  `json:"people"`
	Created  int                  `json:"created"`
	Changed  int                  `json:"changed"`
	Shut     int                  `json:"shut"`
	Opened   int                  `json:"opened"`
	Missing  int                  `json:"missing"`
	Accounts int                  `json:"accounts"`
	Held     bool                 `json:"held"`
	Roleless int                  `json:"roleless"`
	Took     int64                `json:"took"`     // milliseconds
	Troubled int                  `json:"troubled"` // how many problems there are, of which some are listed
	Changes  []directoryLineJSON  `json:"changes"`
	Problems []directoryTroubleJS `json:"problems"`
	Groups   *directoryGroupsJSON `json:"groups,omitempty"` // where groups of the directory come here
}

type directoryGroupsJSON struct {
	Created int  `json:"created"`
	Renamed int  `json:"renamed"`
	Deleted int  `json:"deleted"`
	Added   int  `json:"added"` // memberships
	Taken   int  `json:"taken"`
	Missing int  `json:"missing"`
	Groups  int  `json:"groups"` // before
	Held    bool `json:"held"`
}

type directoryLineJSON struct {
	Kind string `json:"kind"` // created, name, email, role, shut, opened
	Name string `json:"name"`
	To   string `json:"to,omitempty"`
}

type directoryTroubleJS struct {
	Code string `json:"code"` // email-taken, bad-email, bad-name, bad-role; noIdentifier, noMail, twice, login, groupIdentifier; group-…
	Who  string `json:"who"`  // name, or the DN
	At   string `json:"at,omitempty"`
}

func failureJSON(f *ldap.Error) *directoryFailureJSON {
	if f == nil {
		return nil
	}
	j := &directoryFailureJSON{Kind: f.Kind, Detail: f.Err.Error()}
	j.FR, j.EN = f.Kind.Sentence()
	return j
}

func reportJSON(r ldap.Report) *directoryReportJSON {
	j := &directoryReportJSON{People: r.People, Created: r.Created, Changed: r.Changed, Shut: r.Shut, Opened: r.Opened, Missing: r.Missing, Accounts: r.Accounts,
		Held: r.Held, Roleless: r.Roleless, Took: r.Took.Milliseconds(), Troubled: r.Troubled + r.Refused + r.Groups.Troubled, Changes: []directoryLineJSON{}, Problems: []directoryTroubleJS{}}
	for _, c := range r.Changes {
		j.Changes = append(j.Changes, directoryLineJSON{c.Kind, c.Name, c.To})
	}
	for _, p := range r.Problems {
		j.Problems = append(j.Problems, directoryTroubleJS{p.Code, p.Name, p.Email})
	}
	for _, p := range r.Entries {
		j.Problems = append(j.Problems, directoryTroubleJS{p.Code, p.DN, ""})
	}
	for _, p := range r.Groups.Problems {
		j.Problems = append(j.Problems, directoryTroubleJS{p.Code, p.Name, ""})
	}
	if g := r.Groups; r.BringsGroups {
		j.Groups = &directoryGroupsJSON{g.Created, g.Renamed, g.Deleted, g.Added, g.Taken, g.Missing, g.Groups, g.Held}
	}
	return j
}

func (s *Server) getDirectory(v *visit) error {
	if s.Directory == nil {
		return v.json(http.StatusOK, directoryJSON{})
	}
	status := s.Directory.Status()
	j := directoryJSON{Configured: true, Failure: failureJSON(status.Failure)}
	if !status.Last.IsZero() {
		j.Last = &status.Last
	}
	if !status.Good.IsZero() {
		j.Good, j.Report = &status.Good, reportJSON(status.Report)
	}
	return v.json(http.StatusOK, j)
}

// syncDirectory reads the directory now. dry: nothing changes, and the answer says what would. anyway: also people are shut out who
// are more than half of all.
func (s *Server) syncDirectory(v *visit) error {
	var b struct {
		Dry    bool `json:"dry"`
		Anyway bool `json:"anyway"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if s.Directory == nil {
		return refusal{codeNoDirectory}
	}
	by := v.actor()
	r, err := s.Directory.Run(v.r.Context(), ldap.Order{By: &by, Dry: b.Dry, Anyway: b.Anyway})
	var failure *ldap.Error
	switch {
	case errors.As(err, &failure):
		return v.json(http.StatusOK, map[string]any{"failure": failureJSON(failure)})
	case errors.Is(err, ldap.ErrRunning):
		return refusal{codeSyncRunning}
	case err != nil:
		return err
	}
	return v.json(http.StatusOK, map[string]any{"report": reportJSON(r)})
}
