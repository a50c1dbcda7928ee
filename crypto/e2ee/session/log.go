package session

import (
	"errors"
	"fmt"
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
	own     statement.View
	at      statement.Mark // the latest state of those that go together
	proven  map[statement.Mark]bool
	asked   []statement.Mark // waits for its proofs
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
	w := &watch{checker: checker, own: d.Log.View, at: statement.MarkOf(at)}
	w.proven = map[statement.Mark]bool{w.at: true}
	return w, nil
}

// Unproven returns the sizes of the states of the log that the group shows and that were not shown to go together with what this
// device has seen, in rising order, among them one that was; nothing when there is none. What [statement.Chain] takes for them is
// to be given to Proven. More than one question may be needed. The [Refusal] is log-forked.
func (s *Session) Unproven() ([]uint64, error) {
	s.log.asked = nil
	if s.group == nil {
		return nil, ErrNoGroup
	}
	room, err := s.group.Room()
	if err != nil {
		return nil, err
	}
	shown, err := s.log.checker.Group(room, s.group.Members())
	if err != nil {
		return nil, err
	}
	// Two states of one size that differ are found without any proof, and whatever was proven.
	if _, err := statement.Order(append(shown, s.log.at)); err != nil {
		return nil, caught(err)
	}
	fresh := slices.DeleteFunc(shown, func(m statement.Mark) bool { return s.log.proven[m] })
	if len(fresh) == 0 {
		return nil, nil
	}
	asked, err := statement.Order(append(slices.Clip(fresh[:min(len(fresh), maxAsked-1)]), s.log.at))
	if err != nil {
		return nil, caught(err)
	}
	s.log.asked = asked
	sizes := make([]uint64, len(asked))
	for i, m := range asked {
		sizes[i] = m.Size
	}
	return sizes, nil
}

// Proven takes the proofs for what Unproven returned last: each state is the beginning of the next. The [Refusal] log-forked
// otherwise.
func (s *Session) Proven(proofs [][]keylog.Hash) error {
	asked := s.log.asked
	s.log.asked = nil
	if asked == nil {
		return ErrNotAsked
	}
	if err := statement.Chain(asked, proofs); err != nil {
		return caught(err)
	}
	for _, m := range asked {
		s.log.proven[m] = true
	}
	s.log.at = asked[len(asked)-1]
	return nil
}

// Seen is the latest state of the log that this device has seen and that goes together with all that it saw before: what it keeps for
// its next call. It is one of those that the group shows, or the device's own.
func (s *Session) Seen() (statement.View, error) {
	if s.group == nil {
		return s.log.own, nil
	}
	room, err := s.group.Room()
	if err != nil {
		return statement.View{}, err
	}
	notes := [][]byte{}
	if v, _, err := statement.ParseView(room.Checkpoint); err == nil {
		notes = append(notes, v.Note)
	}
	for _, m := range s.group.Members() {
		if e, err := statement.EvidenceOf(m.Extensions); err == nil {
			notes = append(notes, e.Note)
		}
	}
	for _, note := range notes {
		if at, err := keylog.Peek(note); err == nil && statement.MarkOf(at) == s.log.at {
			return statement.View{Log: s.log.own.Log, Note: note}, nil
		}
	}
	return s.log.own, nil
}

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
// log-shorter, log-forked, log-statement.
func EnterLog(before []byte, account mls.AccountID, device mls.DeviceID, key []byte, a statement.Answer) (Log, error) {
	var seen *statement.View
	if len(before) > 0 {
		v, _, err := statement.ParseView(before)
		if err != nil {
			return Log{}, fmt.Errorf("what this device has kept of the key log: %w", err)
		}
		seen = &v
	}
	view, evidence, err := statement.Enter(seen, statement.Statement{Account: account, Device: device, Key: key}, a)
	if err != nil {
		return Log{}, caught(fmt.Errorf("the key log's answer: %w", err))
	}
	return Log{View: view, Index: a.Index, Evidence: evidence}, nil
}
