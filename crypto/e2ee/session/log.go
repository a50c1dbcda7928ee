package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// Log is what the device knows of the key log: what the server answered when it was inscribed, checked by [statement.Enter].
type Log struct {
	View     statement.View
	Index    uint64 // of the device's statement
	Evidence statement.Evidence
}

// maxAsked bounds the states of the log that one question is about. The server's bound is the same.
const maxAsked = 64

// ErrNotAsked says that proofs came that nobody asked for.
var ErrNotAsked = errors.New("no proofs were asked for")

// watch is what a session makes of the log: the rules of calls, and which states of the log were shown to go together.
type watch struct {
	checker *statement.Checker
	seen    statement.View            // the latest state of those that go together
	at      statement.Mark            // of seen
	proven  map[uint64]keylog.Hash    // size → root
	fresh   map[statement.Mark][]byte // states that calls have shown, with a checkpoint, and that are not proven
	asked   []statement.Mark          // waits for its proofs
}

func newWatch(d Device) (*watch, error) {
	checker := statement.NewChecker(d.Log.View.Log)
	identity := mls.DeviceCredential{Account: d.Account, Device: d.ID, Statement: d.Log.Index}.Marshal()
	if _, err := checker.Leaf(identity, d.Signer.PublicKey(), []mls.Extension{d.Log.Evidence.Extension()}); err != nil {
		return nil, err
	}
	_, at, err := statement.ParseView(d.Log.View.Marshal())
	if err != nil {
		return nil, err
	}
	w := &watch{checker: checker, seen: d.Log.View, at: statement.MarkOf(at), fresh: make(map[statement.Mark][]byte)}
	w.proven = map[uint64]keylog.Hash{w.at.Size: w.at.Root}
	return w, nil
}

// shown takes a checkpoint, whose signature was checked, out of a group.
func (w *watch) shown(note []byte) {
	at, err := keylog.Peek(note)
	if err != nil {
		return // no group was entered whose checkpoints do not open
	}
	if root, proven := w.proven[at.Size]; !proven || root != at.Root {
		w.fresh[statement.MarkOf(at)] = note
	}
}

func (w *watch) members(list []mls.Member) {
	for _, m := range list {
		if e, err := statement.EvidenceOf(m.Extensions); err == nil {
			w.shown(e.Note)
		}
	}
}

func (w *watch) entered(g *mls.Group) {
	if room, err := g.Room(); err == nil {
		if v, _, err := statement.ParseView(room.Checkpoint); err == nil {
			w.shown(v.Note)
		}
	}
	w.members(g.Members())
}

func (w *watch) moved(s mls.CommitSummary) {
	w.members(s.Added)
	for _, r := range s.Replaced {
		w.members([]mls.Member{r.After})
	}
}

// Unproven returns the sizes of the states of the log that calls have shown and that were not shown to go together with what this
// device has seen, in rising order, among them one that was; nothing when there is none. What [statement.Chain] takes for them is
// to be given to Proven. More than one question may be needed. The [Refusal] is log-forked.
func (s *Session) Unproven() ([]uint64, error) {
	w := s.log
	w.asked = nil
	if len(w.fresh) == 0 {
		return nil, nil
	}
	// Two states of one size that differ are found without any proof.
	for m := range w.fresh {
		if _, proven := w.proven[m.Size]; proven {
			return nil, caught(fmt.Errorf("%w: two of %d statements", statement.ErrForked, m.Size))
		}
	}
	asked, err := statement.Order(append(slices.Collect(maps.Keys(w.fresh)), w.at))
	if err != nil {
		return nil, caught(err)
	}
	if len(asked) > maxAsked {
		asked = asked[:maxAsked]
		if !slices.Contains(asked, w.at) {
			asked[maxAsked-1] = w.at
		}
	}
	w.asked = asked
	sizes := make([]uint64, len(asked))
	for i, m := range asked {
		sizes[i] = m.Size
	}
	return sizes, nil
}

// Proven takes the proofs for what Unproven returned last: each state is the beginning of the next. The [Refusal] log-forked
// otherwise.
func (s *Session) Proven(proofs [][]keylog.Hash) error {
	w := s.log
	asked := w.asked
	w.asked = nil
	if asked == nil {
		return ErrNotAsked
	}
	if err := statement.Chain(asked, proofs); err != nil {
		return caught(err)
	}
	for _, m := range asked {
		if m.Size > w.at.Size {
			w.at, w.seen.Note = m, w.fresh[m]
		}
		w.proven[m.Size] = m.Root
		delete(w.fresh, m)
	}
	return nil
}

// Seen is the latest state of the log that this device has seen and that goes together with all that it saw before: what it keeps for
// its next call.
func (s *Session) Seen() statement.View { return s.log.seen }

// caught makes a [Refusal] of what a server was caught at, with a stable token; other errors stay as they are.
func caught(err error) error {
	for _, c := range []struct {
		cause error
		rule  string
	}{{statement.ErrOtherLog, "log-key"}, {statement.ErrShorter, "log-shorter"}, {statement.ErrForked, "log-forked"}, {statement.ErrNotInLog, "log-statement"}} {
		if errors.Is(err, c.cause) {
			return &Refusal{c.rule, err.Error()}
		}
	}
	return err
}

// EnterLog checks what the server answered when the device was inscribed, against what the device has seen before: before is what
// [statement.View.Marshal] wrote, empty where it has seen nothing. What the server is caught at comes back as a [Refusal]: log-key,
// log-shorter, log-forked, log-statement; and log-kept where what was kept is damaged.
func EnterLog(before []byte, account mls.AccountID, device mls.DeviceID, key []byte, a statement.Answer) (Log, error) {
	var seen *statement.View
	if len(before) > 0 {
		v, _, err := statement.ParseView(before)
		if err != nil {
			return Log{}, &Refusal{"log-kept", "what this device has kept of the key log: " + err.Error()}
		}
		seen = &v
	}
	view, evidence, err := statement.Enter(seen, statement.Statement{Account: account, Device: device, Key: key}, a)
	if err != nil {
		return Log{}, caught(fmt.Errorf("the key log's answer: %w", err))
	}
	return Log{View: view, Index: a.Index, Evidence: evidence}, nil
}
