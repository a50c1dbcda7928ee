package group

import (
	"errors"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/keylog"
	"huisclos/crypto/statement"
)

// watchLog: what the group shows of the key log has to go together with what this device has seen of it. Two states that nothing
// could join end the stay at once; others are asked about, while the call goes on.
func (m *Member) watchLog() []Effect {
	if m.ended || m.view == nil {
		return nil
	}
	sizes, err := m.core.Unproven()
	switch {
	case err != nil:
		return m.caught(err)
	case len(sizes) == 0:
		m.asking = false
		return nil
	case m.asking:
		return nil
	}
	m.asking = true
	return []Effect{AskLog{sizes}}
}

// Grown answers [AskLog]: with the server's proofs, or with why there are none, after it was asked for as long as the caller is ready
// to wait.
func (m *Member) Grown(proofs [][]keylog.Hash, err error) []Effect {
	if m.ended || !m.asking {
		return nil
	}
	m.asking = false
	if m.view == nil {
		return nil // asked again when the device is back
	}
	if err != nil {
		return m.unsafe("log-unproven", err.Error())
	}
	switch err := m.core.Proven(proofs); {
	case errors.Is(err, session.ErrNotAsked):
		return m.watchLog() // the group has moved on
	case err != nil:
		return m.caught(err)
	}
	return append([]Effect{KeepLog{m.core.Seen()}}, m.watchLog()...)
}

func (m *Member) caught(err error) []Effect {
	if rule := ruleOf(err); rule != "" {
		return m.unsafe(codeOfRule(rule), err.Error())
	}
	return []Effect{Failed{"core-failed", err.Error()}}
}

// AskLog: get the proofs that the log of each size is the beginning of the one of the next, and call [Member.Grown]. Other things go
// on meanwhile.
type AskLog struct{ Sizes []uint64 }

// KeepLog: what this device has seen of the key log, to be held against at its next call.
type KeepLog struct{ Seen statement.View }

func (AskLog) effect()  {}
func (KeepLog) effect() {}
