package web

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"time"

	"huisclos/appliance/update"
)

// UpdatesView is what the console shows of updates.
type UpdatesView struct {
	Version      string        `json:"version"`
	Architecture string        `json:"architecture"`
	Database     int           `json:"database"`
	Console      bool          `json:"console"` // false: the settings files leave updates to a shell of the machine
	Calls        int           `json:"calls"`   // that an update would interrupt now
	People       int           `json:"people"`
	Keys         []UpdateKey   `json:"keys"`
	KeysWrong    string        `json:"keysWrong,omitempty"` // why they can't be read
	Source       string        `json:"source"`              // "": none is set
	SourceWrong  string        `json:"sourceWrong,omitempty"`
	Waiting      *UpdateFile   `json:"waiting,omitempty"` // the file that was brought in
	Found        []UpdateFile  `json:"found"`             // in the source, the newest first
	Asked        *UpdateAsked  `json:"asked,omitempty"`   // what is under way
	Former       *UpdateFormer `json:"former,omitempty"`
	Past         []UpdatePast  `json:"past"` // the latest first
}

// UpdateKey is a key that may sign.
type UpdateKey struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

// UpdateFile is one update. Of one whose signature does not hold nothing is said but its name, its size and that.
type UpdateFile struct {
	Name           string     `json:"name"`
	Size           int64      `json:"size"`
	Version        string     `json:"version,omitempty"`
	Architecture   string     `json:"architecture,omitempty"`
	Database       int        `json:"database,omitempty"`
	Made           *time.Time `json:"made,omitempty"`
	SHA256         string     `json:"sha256,omitempty"`
	Key            string     `json:"key,omitempty"`
	KeyName        string     `json:"keyName,omitempty"`
	French         string     `json:"fr,omitempty"` // notes
	English        string     `json:"en,omitempty"`
	Migrates       bool       `json:"migrates,omitempty"` // it changes the database
	Refused        string     `json:"refused,omitempty"`  // why it can't be installed
	RefusedFrench  string     `json:"refusedFr,omitempty"`
	RefusedEnglish string     `json:"refusedEn,omitempty"`
}

// UpdateAsked is what was asked for and is not over.
type UpdateAsked struct {
	Act     string    `json:"act"`
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

// UpdateFormer is the version that is kept.
type UpdateFormer struct {
	Version   string    `json:"version"`
	Database  int       `json:"database"`
	Kept      time.Time `json:"kept"`
	Until     time.Time `json:"until"`
	NeedsData bool      `json:"needsData"` // it can't read the database of now
}

// UpdatePast is how one ended.
type UpdatePast struct {
	Act     string    `json:"act"`
	Result  string    `json:"result"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Reason  string    `json:"reason,omitempty"`
	French  string    `json:"fr,omitempty"`
	English string    `json:"en,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Data    bool      `json:"data,omitempty"`
	Ended   time.Time `json:"ended"`
	Stopped int       `json:"stopped"` // seconds
}

// Updates are brought in here, and installed by another part of the machine. Besides the errors below, a file is refused with an
// *update.Error.
type Updates interface {
	View(now time.Time) (UpdatesView, error)
	Receive(r io.Reader, by string, from netip.Addr) error
	Fetch(name, by string, from netip.Addr) error
	Drop() error
	Apply(sha256, by string, from netip.Addr) error
	Rollback(data bool, by string, from netip.Addr) error
}

var (
	// ErrUpdateRuns says that an update is under way.
	ErrUpdateRuns = errors.New("web: an update is under way")
	// ErrUpdateClosed says that the settings files leave updates to a shell of the machine.
	ErrUpdateClosed = errors.New("web: updates from the console are closed")
	// ErrNoUpdate says that there is no such file, or no former version.
	ErrNoUpdate = errors.New("web: no such update")
)

// bringWithin bounds the upload of an update: 20 MB at 0.2 Mbit/s.
const bringWithin = 15 * time.Minute

func (s *Server) getUpdates(v *visit) error {
	view, err := s.Updates.View(v.now)
	if err != nil {
		return err
	}
	return v.json(http.StatusOK, view)
}

// updated answers with what is there now, or with why not.
func (s *Server) updated(v *visit, status int, err error) error {
	var bad *update.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return v.refuseUpdate(update.TooLarge)
	case errors.As(err, &bad):
		return v.refuseUpdate(bad.Reason)
	case errors.Is(err, ErrUpdateRuns):
		return refusal{codeUpdateRuns}
	case errors.Is(err, ErrUpdateClosed):
		return refusal{codeUpdateClosed}
	case errors.Is(err, ErrNoUpdate):
		return refusal{codeNoUpdate}
	case err != nil:
		return err
	}
	view, err := s.Updates.View(v.now)
	if err != nil {
		return err
	}
	return v.json(status, view)
}

// refuseUpdate says why a file is no update for here.
func (v *visit) refuseUpdate(r update.Reason) error {
	said := sentence{status: http.StatusUnprocessableEntity}
	said.fr, said.en = r.Sentence()
	if r == update.Reason(update.NoSpace) {
		said.fr, said.en = update.NoSpace.Sentence()
	}
	v.srv.say(v.w, v.r, code("update-"+string(r)), said, nil)
	return nil
}

// bringUpdate takes a file in, as it is: it is looked at when all of it is there, and nothing is installed.
func (s *Server) bringUpdate(v *visit) error {
	media, _, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || media != "application/octet-stream" {
		return errMediaType
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	until := time.Now().Add(bringWithin)
	control := http.NewResponseController(v.w)
	for _, err := range []error{control.SetReadDeadline(until), control.SetWriteDeadline(until.Add(time.Minute))} {
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
	}
	body := http.MaxBytesReader(v.w, v.r.Body, update.MaxSize)
	return s.updated(v, http.StatusCreated, s.Updates.Receive(body, v.account.ID.String(), v.client))
}

// fetchUpdate takes a file of the source in.
func (s *Server) fetchUpdate(v *visit) error {
	var b struct {
		Name string `json:"name"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	return s.updated(v, http.StatusCreated, s.Updates.Fetch(b.Name, v.account.ID.String(), v.client))
}

func (s *Server) dropUpdate(v *visit) error {
	return s.updated(v, http.StatusOK, s.Updates.Drop())
}

// applyUpdate asks for the file that was shown, and no other. Who asks has just proved who they are.
func (s *Server) applyUpdate(v *visit) error {
	var b struct {
		SHA256 string `json:"sha256"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	return s.updated(v, http.StatusAccepted, s.Updates.Apply(b.SHA256, v.account.ID.String(), v.client))
}

// rollBackUpdate asks for the former version; data: what was done since is given up.
func (s *Server) rollBackUpdate(v *visit) error {
	var b struct {
		Data bool `json:"data"`
	}
	if err := v.decode(&b); err != nil {
		return err
	}
	if err := v.actor().ProvedLately(v.now); err != nil {
		return err
	}
	return s.updated(v, http.StatusAccepted, s.Updates.Rollback(b.Data, v.account.ID.String(), v.client))
}
