package web

import (
	"net/http"
	"sync"
	"time"

	"huisclos/accounts"
)

const (
	directoryAnswers = 20
	// Somebody who types asks a few times a second; nobody reads a whole directory by hand.
	lookupsPerSecond, lookupsBurst = 4, 40
)

// entryJSON is somebody in the directory. Presence is absent where it is turned off: nobody can tell that from away.
type entryJSON struct {
	foundJSON
	Presence string `json:"presence,omitempty"`
	Contact  bool   `json:"contact,omitempty"`
}

func (v *visit) entries(list []accounts.Account, contacts map[accounts.ID]bool) ([]entryJSON, error) {
	s := v.srv
	namesOnly, err := v.namesOnly()
	if err != nil {
		return nil, err
	}
	inCall := s.Hall.InCall()
	out := make([]entryJSON, 0, len(list))
	for _, a := range list {
		hidden, err := s.Accounts.PresenceHidden(a.ID)
		if err != nil {
			return nil, err
		}
		e := entryJSON{foundJSON: foundOf(a, namesOnly), Contact: contacts[a.ID]}
		switch {
		case hidden:
		case inCall[a.ID]:
			e.Presence = "call"
		case s.presence.recent(a.ID, v.now):
			e.Presence = "here"
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *Server) contactsOf(id accounts.ID) (list []accounts.Account, set map[accounts.ID]bool, err error) {
	list, err = s.Accounts.Contacts(id)
	set = make(map[accounts.ID]bool, len(list))
	for _, a := range list {
		set[a.ID] = true
	}
	return list, set, err
}

// directory finds people and groups by the beginnings of words. Without a word it answers nothing: it is for finding, not
// for copying.
func (s *Server) directory(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	q := v.r.URL.Query().Get("q")
	if len(q) > 256 {
		return refusal{codeBadRequest}
	}
	if wait, ok := s.lookups.take(v.account.ID.String(), v.now); !ok {
		v.w.Header().Set("Retry-After", seconds(wait))
		return refusal{codeTooFast}
	}
	people, groups := []entryJSON{}, []groupJSON{}
	if accounts.Searches(q) {
		namesOnly, err := v.namesOnly()
		if err != nil {
			return err
		}
		find := s.Accounts.Directory
		if namesOnly {
			find = s.Accounts.DirectoryByName
		}
		found, err := find(q, directoryAnswers)
		if err != nil {
			return err
		}
		_, contacts, err := s.contactsOf(v.account.ID)
		if err != nil {
			return err
		}
		if people, err = v.entries(found, contacts); err != nil {
			return err
		}
		list, err := s.Accounts.Groups(q, directoryAnswers)
		if err != nil {
			return err
		}
		for _, g := range list {
			groups = append(groups, groupOf(g))
		}
	}
	return v.json(http.StatusOK, map[string]any{"people": people, "groups": groups})
}

func (s *Server) listContacts(v *visit) error {
	if err := v.noGuest(); err != nil {
		return err
	}
	list, set, err := s.contactsOf(v.account.ID)
	if err != nil {
		return err
	}
	out, err := v.entries(list, set)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"people": out})
}

func (s *Server) setContact(on bool) func(*visit) error {
	return func(v *visit) error {
		if err := v.noGuest(); err != nil {
			return err
		}
		id, err := v.subject()
		if err != nil {
			return err
		}
		if err := s.Accounts.SetContact(v.account.ID, id, on, v.now); err != nil {
			return err
		}
		return v.done()
	}
}

func (s *Server) getPresence(v *visit) error {
	hidden, err := s.Accounts.PresenceHidden(v.account.ID)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"shown": !hidden})
}

func (s *Server) changePresence(v *visit) error {
	var b struct {
		Shown bool `json:"shown"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := s.Accounts.HidePresence(v.actor(), !b.Shown, v.now); err != nil {
		return err
	}
	return v.json(http.StatusOK, map[string]any{"shown": b.Shown})
}

// presence knows who used the appliance a moment ago. It is kept in memory only: presence is for now, and nobody can look up
// when somebody was there last week.
type presence struct {
	mu sync.Mutex
	at map[accounts.ID]time.Time
}

const (
	// presentFor is a little longer than the pages' own interval of asking.
	presentFor = 90 * time.Second
	maxSeen    = 65536
)

func (s *presence) note(id accounts.ID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[accounts.ID]time.Time{}
	}
	if _, known := s.at[id]; !known && len(s.at) >= maxSeen {
		for k, at := range s.at {
			if now.Sub(at) > presentFor {
				delete(s.at, k)
			}
		}
		if len(s.at) >= maxSeen {
			return // shown as away; nothing else depends on it
		}
	}
	s.at[id] = now
}

func (s *presence) recent(id accounts.ID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[id]
	return ok && now.Sub(at) <= presentFor
}

func (s *presence) forget(id accounts.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, id)
}
