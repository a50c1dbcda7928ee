package web

import (
	"errors"
	"time"
)

// ErrPost says that no mail could be written: none leaves, too many wait, or the address can't be written to.
var ErrPost = errors.New("web: no mail could be written")

// PostStatus is how mail is doing, for the console.
type PostStatus struct {
	On      bool // mails leave
	Waiting int
	Oldest  time.Time // of those that wait; zero: none
	Sent    time.Time // the last one since the start; zero: none
	GivenUp int       // since the start
	// Failing is since when nothing leaves, zero while all is well; Step is what fails, in both languages.
	Failing  time.Time
	StepFR   string
	StepEN   string
	LastWord string // the system's own, for whoever mends it
}

type postJSON struct {
	On      bool         `json:"on"`
	Waiting int          `json:"waiting"`
	Oldest  *time.Time   `json:"oldest,omitempty"`
	Sent    *time.Time   `json:"sent,omitempty"`
	GivenUp int          `json:"givenUp"`
	Failing *failingJSON `json:"failing,omitempty"`
}

type failingJSON struct {
	Since  time.Time `json:"since"`
	FR     string    `json:"fr"`
	EN     string    `json:"en"`
	Detail string    `json:"detail"`
}

func (s *Server) postJSON() (postJSON, error) {
	if s.PostStatus == nil {
		return postJSON{}, nil
	}
	p, err := s.PostStatus()
	if err != nil {
		return postJSON{}, err
	}
	j := postJSON{On: p.On, Waiting: p.Waiting, GivenUp: p.GivenUp}
	if !p.Oldest.IsZero() {
		j.Oldest = &p.Oldest
	}
	if !p.Sent.IsZero() {
		j.Sent = &p.Sent
	}
	if !p.Failing.IsZero() {
		j.Failing = &failingJSON{p.Failing, p.StepFR, p.StepEN, p.LastWord}
	}
	return j, nil
}
