package web

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/meetings"
)

type profileJSON struct {
	ID         meetings.ProfileID `json:"id"`
	Name       string             `json:"name"`
	Conditions meetings.Condition `json:"conditions"`
	Members    uint16             `json:"members"`
	BuiltIn    bool               `json:"builtIn"`
	Changed    *time.Time         `json:"changed,omitempty"`
}

func profileOf(p meetings.NamedProfile) profileJSON {
	j := profileJSON{ID: p.ID, Name: p.Name, Conditions: p.Conditions, Members: p.Members, BuiltIn: p.BuiltIn}
	if !p.Changed.IsZero() {
		j.Changed = &p.Changed
	}
	return j
}

// listProfiles is for who chooses one for a room, and for who watches over them: all that there are.
func (s *Server) listProfiles(v *visit) error {
	list, err := s.Rooms.Profiles()
	if err != nil {
		return err
	}
	out := make([]profileJSON, 0, len(list))
	for _, p := range list {
		out = append(out, profileOf(p))
	}
	return v.json(http.StatusOK, map[string]any{"profiles": out})
}

// notBuilt are conditions that a profile will be able to set, and whose mechanism is not there yet. None of them is taken
// silently: a profile that says what nothing keeps would be a lie.
var notBuilt = []string{"managedClient", "highSuite", "recording", "files", "chatRetention"}

type profileForm struct {
	Name       string   `json:"name"`
	Conditions []string `json:"conditions"`
	Members    int      `json:"members"`
}

// wish is what the form asks a profile to be.
func (f profileForm) wish() (string, error) {
	for _, c := range f.Conditions {
		if slices.Contains(notBuilt, c) {
			return "", refusal{codeConditionNotBuilt}
		}
	}
	p, err := meetings.NewProfile(f.Name, f.Conditions, f.Members)
	if err != nil {
		return "", profileError(err)
	}
	return meetings.Wish(p), nil
}

// orderProfile runs an officer's act on profiles and answers with all of them.
func (s *Server) orderProfile(v *visit, id meetings.ProfileID, wish string) error {
	if err := s.Accounts.AsOfficer(v.actor(), accounts.ProposedProfile, string(id), wish, s.Rooms.Loosens, v.now); err != nil {
		return profileError(err)
	}
	s.tellProfile(id)
	return s.listProfiles(v)
}

// tellProfile lets the rooms that somebody is in know under what their next call is held. Calls keep what they have.
func (s *Server) tellProfile(id meetings.ProfileID) {
	if err := s.Hall.Refresh(); err != nil {
		s.Log.Error("rooms not told of a profile", "profile", string(id), "error", err)
	}
}

func profileError(err error) error {
	switch {
	case errors.Is(err, meetings.ErrNoProfile):
		return refusal{codeNoProfile}
	case errors.Is(err, meetings.ErrBadProfile):
		return refusal{codeBadProfile}
	case errors.Is(err, meetings.ErrProfileName):
		return refusal{codeProfileName}
	case errors.Is(err, meetings.ErrProfileUsed):
		return refusal{codeProfileUsed}
	case errors.Is(err, meetings.ErrProfileBuiltIn):
		return refusal{codeProfileBuiltIn}
	case errors.Is(err, meetings.ErrTooManyProfiles):
		return refusal{codeTooManyProfiles}
	}
	return err
}

func (s *Server) createProfile(v *visit) error { return s.wishProfile(v, "") }

func (s *Server) changeProfile(v *visit) error {
	return s.wishProfile(v, meetings.ProfileID(v.c.Param("profile")))
}

func (s *Server) wishProfile(v *visit, id meetings.ProfileID) error {
	var b profileForm
	if err := v.decode(&b); err != nil {
		return err
	}
	wish, err := b.wish()
	if err != nil {
		return err
	}
	return s.orderProfile(v, id, wish)
}

func (s *Server) deleteProfile(v *visit) error {
	return s.orderProfile(v, meetings.ProfileID(v.c.Param("profile")), "")
}
