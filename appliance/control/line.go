package control

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"syscall"
	"time"

	"huisclos/appliance/config"
	"huisclos/hardening"
)

// A Refusal is why an act that was understood is not done, for a person: a sentence in each language that says what to do. It is an
// answer and no fault, so it stands in no log.
type Refusal struct {
	Code string `json:"code"` // for programs; it does not change
	FR   string `json:"fr"`
	EN   string `json:"en"`
	Exit int    `json:"exit,omitempty"` // the command's exit code; 0: 1
}

func (r *Refusal) Error() string { return r.Code }

// Exit codes of refusals, beside 1 and 2.
const (
	ExitUnknown = 3 // nobody and nothing of that name
	ExitNotSaid = 4 // it asks for a yes, and had none
)

// Unknown is the refusal of what there is nothing of.
func Unknown(code, fr, en string) *Refusal {
	return &Refusal{Code: code, FR: fr, EN: en, Exit: ExitUnknown}
}

// An Act is one that a part of the appliance adds to those of this package: it reads the question's body, at most maxQuestion octets
// with what stands around it, and its result goes out as JSON. A *Refusal among its errors is an answer.
type Act func(body json.RawMessage) (any, error)

// carryOut answers with one of them.
func (do Act) carryOut(q question, log *slog.Logger, failed func(error) answer) answer {
	result, err := do(q.Body)
	var text []byte
	if err == nil {
		text, err = json.Marshal(result)
	}
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		return answer{Error: err.Error(), Refusal: refusal}
	case err != nil:
		log.Error("an operator's act failed", "act", q.Act, "error", err)
		return failed(err)
	}
	return answer{Result: text}
}

// A Line is a command line that was understood: where the appliance is, and the operands.
type Line struct {
	Operands []string
	JSON     bool // the answer goes out as JSON
	// Broken is what is wrong with the settings, for [ReadAnyway]; nil: nothing.
	Broken error
	path   string
	place  place
	stderr io.Writer
}

// Read reads the command line of the command at path of the table: the options of the place, those that more adds, and from least to
// most operands (most below 0: any number), which may stand before, between and behind them. Where it is not understood, it says so and
// returns nil and the exit code.
func Read(path string, args []string, stderr io.Writer, least, most int, more func(*flag.FlagSet)) (*Line, int) {
	l, code := ReadAnyway(path, args, stderr, least, most, more)
	if l != nil && l.Broken != nil {
		explain(stderr, path, l.place, l.Broken)
		return nil, 2
	}
	return l, code
}

// ReadAnyway is Read for a command that is of use where the settings can't be read, too: then it goes by what is known of them.
func ReadAnyway(path string, args []string, stderr io.Writer, least, most int, more func(*flag.FlagSet)) (*Line, int) {
	l := &Line{path: path, stderr: stderr}
	var err error
	l.place, l.Operands, err = locateWith(path, args, packaged, more)
	switch n := len(l.Operands); {
	case err != nil:
	case n < least:
		err = fmt.Errorf("%w: a word is missing", errUsage)
	case most >= 0 && n > most:
		err = fmt.Errorf("%w: unexpected %q", errUsage, l.Operands[most])
	}
	if err != nil {
		explain(stderr, path, l.place, err)
		return nil, 2
	}
	l.JSON, l.Broken = l.place.json, l.place.err
	return l, 0
}

// Settings are those of the files that the command line named, or of the package's.
func (l *Line) Settings() config.Settings { return l.place.Settings }

// Data is the data directory of the appliance that the line names: for what is done where none runs.
func (l *Line) Data() string { return l.place.Settings.Data }

// ReadAlone is Read for a command that needs no appliance: it takes no option of a place.
func ReadAlone(path string, args []string, stderr io.Writer, least, most int, more func(*flag.FlagSet)) (*Line, int) {
	f := flag.NewFlagSet(path, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	more(f)
	l := &Line{path: path, stderr: stderr}
	var err error
	for rest := args; ; {
		if err = f.Parse(rest); err != nil {
			err = fmt.Errorf("%w: %w", errUsage, err)
			break
		}
		if f.NArg() == 0 {
			break
		}
		l.Operands, rest = append(l.Operands, f.Arg(0)), f.Args()[1:]
	}
	if n := len(l.Operands); err == nil && (n < least || most >= 0 && n > most) {
		err = fmt.Errorf("%w: %d words are not understood", errUsage, n)
	}
	if err != nil {
		explain(stderr, path, l.place, err)
		return nil, 2
	}
	return l, 0
}

// Usage is the error of a command line that is not understood, for [Line.Fail].
func Usage(why string) error { return fmt.Errorf("%w: %s", errUsage, why) }

// Ask puts one question, and reads the result of at most 1 MiB into into; nil: it is not looked at.
func (l *Line) Ask(act string, body, into any) error {
	return l.AskFor(act, body, into, within, maxAnswer)
}

// AskFor is Ask with the time that an answer may take, and the most octets that it may have.
func (l *Line) AskFor(act string, body, into any, patience time.Duration, most int64) error {
	q := question{Act: act}
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("control: %w", err)
		}
		q.Body = text
	}
	a, err := putFor(l.place.ControlPath(), q, patience, most)
	if err != nil {
		return err
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(a.Result, into); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	return nil
}

// Fail says why nothing came of it, and returns the exit code.
func (l *Line) Fail(err error) int {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		if l.JSON {
			_ = json.NewEncoder(l.stderr).Encode(struct {
				Error *Refusal `json:"error"`
			}{refusal})
		} else {
			fmt.Fprintf(l.stderr, "huisclos : %s\nhuisclos: %s\n", refusal.FR, refusal.EN)
		}
		return max(refusal.Exit, 1)
	}
	explain(l.stderr, l.path, l.place, err)
	if errors.Is(err, errUsage) {
		return 2
	}
	return 1
}

// Rows writes, for each, a label in both languages and a value, in two columns.
func Rows(w io.Writer, list ...[3]string) { rows(w, list...) }

// Address is that at which people come first to the appliance, with a slash at its end.
func (l *Line) Address() (string, error) {
	s, err := l.Status()
	if err != nil {
		return "", err
	}
	all := append(listed(l.place.Settings, *s), s.Addresses...)
	if len(all) == 0 {
		return "", errors.New("control: the appliance names no address")
	}
	return all[0], nil
}

// Status is what the running appliance says of itself.
func (l *Line) Status() (*Status, error) {
	a, err := ask(l.place.ControlPath(), actStatus)
	if err != nil {
		return nil, err
	}
	if a.Status == nil {
		return nil, errors.New("control: the answer has no status")
	}
	return a.Status, nil
}

// Examine is the report of the command check.
func (l *Line) Examine(ctx context.Context, look Look) hardening.Report {
	return doctor{place: l.place, look: look, now: time.Now(), proc: "/proc"}.examine(ctx)
}

// Absent reports whether an error of Ask says that no appliance answers there.
func Absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}
