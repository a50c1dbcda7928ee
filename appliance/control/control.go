// Package control is the socket over which an operator's commands talk to the running appliance, and those commands.
//
// It decides what an operator without a password may ask: to make a set-up code, to see the status, to read the
// self-check, to make the room of a test call or a probe of the network, to have a test mail sent or the directory or the provider of sign-in asked, to let an administrator who lost
// everything begin again. The protection is the file's: mode 0600, so the appliance's own user and root alone. Nothing of a meeting
// passes here. The secrets that do are a set-up code and an activation link's token, which go to the terminal and nowhere else, the
// tokens of a test call's two participants, which open that room for minutes and nothing else, and a probe's
// password, which stays with the command that asked. One question and one answer each connection, each a line of JSON.
package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"huisclos/appliance/reach"
	"huisclos/hardening"
)

// Acts are what the appliance does when it is asked.
type Acts struct {
	// SetupCode makes a new code and voids the one before; needed is false once there is an administrator. The server
	// keeps no code in its memory that it could show again: only its hash is anywhere.
	SetupCode func() (code string, needed bool, err error)
	Status    func() Status
	Check     func() hardening.Report
	// Reset takes the second factors of an administrator or a security officer and makes the token of an activation link. It sets no
	// passphrase. ErrNoReset is one of the answers: nobody of these has the address.
	Reset func(email string) (Reset, error)
	// Export is everything that is kept of the account with that address, as JSON. ErrNoExport is one of the answers.
	Export func(email string) (json.RawMessage, error)
	// Canary makes the room and the two participants of a test call; EndCanary takes them away again.
	Canary    func() (Canary, error)
	EndCanary func(room string)
	// Network makes a probe, which is worth an answer for a minute, and says where clients are told to come.
	Network func() reach.Service
	// Directory asks the organisation's directory.
	Directory func() hardening.Report
	// Syslog goes the way of a message to the collector of the audit log.
	Syslog func() hardening.Report
	// Provider asks the provider of sign-in.
	Provider func() hardening.Report
	// Mail goes the way of a mail; an empty address sends none.
	Mail func(to string) hardening.Report
	// Explain turns an error of any act into a sentence, or is nil for those that it knows nothing of.
	Explain func(error) *Refusal
	// Other are acts that parts add, by the names under which their commands ask for them.
	Other map[string]Act
}

// Reset is whose account was reset, and the token for a new passphrase.
type Reset struct {
	Name    string    `json:"name"`
	Email   string    `json:"email"`
	Role    string    `json:"role"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// ErrNoReset says that no administrator and no security officer who is active has an address. What it wraps is the appliance's reason.
var ErrNoReset = errors.New("control: nobody to reset")

// Canary is what a test call needs. The first of the people owns the room.
type Canary struct {
	Room        string         `json:"room"`
	People      []CanaryPerson `json:"people"`
	Port        int            `json:"port"`
	Fingerprint string         `json:"fingerprint"`
}

// CanaryPerson is one of the two. Token stands for a session, in that room alone.
type CanaryPerson struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Token   string `json:"token"`
}

// Status is what the appliance says of itself.
type Status struct {
	Version   string    `json:"version"`
	Since     time.Time `json:"since"`
	Calls     int       `json:"calls"`
	People    int       `json:"people"`
	Addresses []string  `json:"addresses"`
	// Unlisted says that the appliance knows neither a name nor an address of its own, because its network namespace
	// shows it none: who asks adds those of the machine.
	Unlisted     bool      `json:"unlisted,omitempty"`
	Port         int       `json:"port"`
	Fingerprint  string    `json:"fingerprint"`
	Expires      time.Time `json:"expires"`
	SelfSigned   bool      `json:"selfSigned"`
	SetupNeeded  bool      `json:"setupNeeded"`
	NeedsRestart []string  `json:"needsRestart,omitempty"` // settings that were changed since the start
	Draining     bool      `json:"draining,omitempty"`     // no further call begins
	Mail         *Mail     `json:"mail,omitempty"`         // nil: no mail leaves
	// Forwarding of the audit log; nil: it goes nowhere.
	Forwarding *Forwarding `json:"forwarding,omitempty"`
	// Needs is what somebody should look after, what is worst first.
	Needs []Need `json:"needs,omitempty"`
}

// Need is one thing that somebody should look after: what it is, and what to do.
type Need struct {
	Code  string         `json:"code"`  // for programs; that of the console
	Grave bool           `json:"grave"` // people feel it, or will soon
	Since time.Time      `json:"since,omitzero"`
	Text  hardening.Text `json:"text"`
	Do    hardening.Text `json:"do,omitzero"`
}

// Mail is how mail is doing.
type Mail struct {
	Waiting int            `json:"waiting"`
	Oldest  time.Time      `json:"oldest,omitzero"`
	Sent    time.Time      `json:"sent,omitzero"` // the last one since the start
	GivenUp int            `json:"givenUp"`       // since the start
	Failing time.Time      `json:"failing,omitzero"`
	Step    hardening.Text `json:"step,omitzero"`
	Detail  string         `json:"detail,omitempty"`
}

// The acts by their names on the socket.
const (
	actSetupCode = "setup-code"
	actStatus    = "status"
	actCheck     = "check"
	actCanary    = "canary"
	actEndCanary = "canary-end"
	actNetwork   = "network"
	actDirectory = "directory"
	actProvider  = "oidc"
	actSyslog    = "syslog"
	actMail      = "mail"
	actReset     = "reset"
	actExport    = "export"
)

type question struct {
	Act  string `json:"act"`
	Room string `json:"room,omitempty"` // of canary-end
	To   string `json:"to,omitempty"`   // of mail
	// Email is that of reset and export.
	Email string `json:"email,omitempty"`
	// Body is what an act of Acts.Other is told.
	Body json.RawMessage `json:"body,omitempty"`
}

type answer struct {
	Error  string           `json:"error,omitempty"`
	Code   string           `json:"code,omitempty"`
	Status *Status          `json:"status,omitempty"`
	Report hardening.Report `json:"report,omitempty"`
	Canary *Canary          `json:"canary,omitempty"`

	Network *reach.Service `json:"network,omitempty"`

	Reset *Reset `json:"reset,omitempty"`
	// NoReset: the error is ErrNoReset.
	NoReset bool `json:"noReset,omitempty"`

	Export json.RawMessage `json:"export,omitempty"`
	// NoExport: the error is ErrNoExport.
	NoExport bool `json:"noExport,omitempty"`

	Result json.RawMessage `json:"result,omitempty"` // of an act of Acts.Other
	// Refusal is what that act answers instead.
	Refusal *Refusal `json:"refusal,omitempty"`
}

const (
	maxQuestion = 64 << 10 // a chain of certificates fits
	maxAnswer   = 1 << 20
	within      = 10 * time.Second
	mailWithin  = 5 * time.Minute // a server of mails may take its time; so does the reading of a long audit log
	maxExport   = 256 << 20       // years of somebody's entries
	maxAtOnce   = 16
	// maxPath is what fits into sun_path (unix(7)), with its closing zero.
	maxPath = 107
)

// ErrInUse says that another appliance listens on the path.
var ErrInUse = errors.New("control: another process listens there")

// Listen opens the socket at path, with mode 0600 from its first moment. One that a dead process left is replaced.
func Listen(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("control: %s exists and is no socket", path)
		}
		if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("%w: %s", ErrInUse, path)
		}
	}
	// A socket is made with the process's umask. Made in a directory that is ours alone, then closed, then moved, it is
	// never open to others.
	dir, err := os.MkdirTemp(filepath.Dir(path), ".c") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	defer os.RemoveAll(dir) // empty by then, or the start has failed
	made := filepath.Join(dir, "s")
	if max(len(path), len(made)) > maxPath {
		return nil, fmt.Errorf("control: the path %s is longer than a socket's may be; give a shorter one in control", path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: %w", err)
	}
	l.SetUnlinkOnClose(false) // it would remove the name under which it was made
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("control: %w", err)
	}
	return &listener{UnixListener: l, path: path}, nil
}

type listener struct {
	*net.UnixListener
	path string
	once sync.Once
}

// Unix is the socket without what Close does beside.
func (l *listener) Unix() *net.UnixListener { return l.UnixListener }

// Close takes the socket away. Where the process may no longer remove it, the next start replaces it.
func (l *listener) Close() error {
	err := l.UnixListener.Close()
	l.once.Do(func() { _ = os.Remove(l.path) })
	return err
}

// Serve answers until the listener is closed, and then waits for what is being answered.
func Serve(l net.Listener, acts Acts, log *slog.Logger) {
	slots := make(chan struct{}, maxAtOnce)
	var running sync.WaitGroup
	defer running.Wait()
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			log.Error("control socket", "error", err)
			time.Sleep(time.Second) // out of files for a moment
			continue
		}
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(within)) // a socket takes every deadline
			a := acts.answer(c, log)
			_ = c.SetDeadline(time.Now().Add(within)) // an act may have taken longer
			_ = json.NewEncoder(c).Encode(a)
		})
	}
}

func (a Acts) answer(from io.Reader, log *slog.Logger) answer {
	var q question
	line, err := bufio.NewReader(io.LimitReader(from, maxQuestion)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		return answer{Error: "the question is not understood"}
	}
	switch q.Act {
	case actSetupCode:
		status := a.Status()
		code, needed, err := a.SetupCode()
		if err != nil {
			log.Error("set-up code not made", "error", err)
			return a.failed(err)
		}
		status.SetupNeeded = needed
		return answer{Code: code, Status: &status}
	case actStatus:
		status := a.Status()
		return answer{Status: &status}
	case actCheck:
		status := a.Status()
		return answer{Status: &status, Report: a.Check()}
	case actCanary:
		c, err := a.Canary()
		if err != nil {
			log.Error("test call not made", "error", err)
			return a.failed(err)
		}
		return answer{Canary: &c}
	case actEndCanary:
		a.EndCanary(q.Room)
		return answer{}
	case actNetwork:
		network := a.Network()
		return answer{Network: &network}
	case actDirectory:
		return answer{Report: a.Directory()}
	case actSyslog:
		return answer{Report: a.Syslog()}
	case actProvider:
		return answer{Report: a.Provider()}
	case actMail:
		return answer{Report: a.Mail(q.To)}
	case actExport:
		text, err := a.Export(q.Email)
		switch {
		case errors.Is(err, ErrNoExport):
			return answer{Error: err.Error(), NoExport: true}
		case err != nil:
			log.Error("account not exported", "error", err)
			return a.failed(err)
		}
		return answer{Export: text}
	case actReset:
		status := a.Status()
		reset, err := a.Reset(q.Email)
		switch {
		case errors.Is(err, ErrNoReset):
			return answer{Error: err.Error(), NoReset: true}
		case err != nil:
			log.Error("administrator not reset", "error", err)
			return a.failed(err)
		}
		return answer{Reset: &reset, Status: &status}
	}
	if do, ok := a.Other[q.Act]; ok {
		return do.carryOut(q, log, a.failed)
	}
	return answer{Error: "there is no act of this name; the command and the running appliance are of different versions"}
}

// failed answers with an error that is no refusal, by a sentence where there is one.
func (a Acts) failed(err error) answer {
	if a.Explain != nil {
		if r := a.Explain(err); r != nil {
			return answer{Error: err.Error(), Refusal: r}
		}
	}
	return answer{Error: err.Error()}
}

// ask puts a question to the appliance that listens at path.
func ask(path, act string) (answer, error) { return put(path, question{Act: act}) }

func put(path string, q question) (answer, error) {
	switch q.Act {
	case actMail:
		return putFor(path, q, mailWithin, maxAnswer)
	case actExport:
		return putFor(path, q, mailWithin, maxExport)
	}
	return putFor(path, q, within, maxAnswer)
}

func putFor(path string, q question, patience time.Duration, most int64) (answer, error) {
	if len(path) > maxPath {
		return answer{}, fmt.Errorf("control: %w: the path %s is longer than a socket's may be", syscall.ENOENT, path)
	}
	c, err := net.DialTimeout("unix", path, within)
	if err != nil {
		return answer{}, fmt.Errorf("control: %w", err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return answer{}, fmt.Errorf("control: %w", err)
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(c, most)).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("control: %w", err)
	}
	if a.Refusal != nil {
		return answer{}, a.Refusal
	}
	if a.NoExport {
		return answer{}, fmt.Errorf("%w: %s", ErrNoExport, a.Error)
	}
	if a.NoReset {
		return answer{}, fmt.Errorf("%w: %s", ErrNoReset, a.Error)
	}
	if a.Error != "" {
		return answer{}, fmt.Errorf("control: %s", a.Error)
	}
	return a, nil
}
