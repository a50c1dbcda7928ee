package web

import (
	"net/http"
	"time"

	"huisclos/crypto/mls"
	"huisclos/meetings"
)

type profileJSON struct {
	ID         meetings.ProfileID `json:"id"`
	Name       string             `json:"name"`
	Conditions mls.Condition      `json:"conditions"`
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

// listProfiles is for who chooses one for a room: all that there are.
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
