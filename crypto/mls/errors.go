package mls

import (
	"errors"
	"fmt"
)

var (
	// ErrOwnCommit: the caller has the next epoch already, in Pending.Next.
	ErrOwnCommit = errors.New("commit is this member's own")
	// ErrOwnMessage: a private message of this member came back to it.
	ErrOwnMessage = errors.New("message is this member's own")
	// ErrRemoved: the commit takes this member out of the group.
	ErrRemoved = errors.New("removed from the group")
	// ErrEpoch: the message belongs to another epoch.
	ErrEpoch = errors.New("message of another epoch")
	// ErrGroup: the message belongs to another group.
	ErrGroup = errors.New("message of another group")
	// ErrConfirmation: the committer arrived at another state of the group.
	ErrConfirmation = errors.New("confirmation tag does not verify")
	// ErrRestored: a group from serialised state does not send, or its
	// generations and signatures would be used twice.
	ErrRestored = errors.New("a restored group does not send")
	// ErrReinitialised: the group was closed by a ReInit.
	ErrReinitialised = errors.New("group is closed by a reinit")
	// ErrLifetime: the leaf's time has not begun or is over, by the clock that is asked: one of the two clocks may be wrong.
	ErrLifetime = errors.New("outside its lifetime")
	// ErrNoProposal: a commit refers to a proposal that was not received.
	ErrNoProposal = errors.New("referenced proposal not received")
)

// PolicyError is a refusal by the product's rule. Rule is a short stable token.
type PolicyError struct {
	Rule   string
	Detail string
}

func (e *PolicyError) Error() string {
	if e.Detail == "" {
		return "policy: " + e.Rule
	}
	return fmt.Sprintf("policy: %s: %s", e.Rule, e.Detail)
}

// Reason is a short stable token for why a message was refused, for reports
// between members and server, the audit and the user interface.
func Reason(err error) string {
	var policy *PolicyError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &policy):
		return policy.Rule
	case errors.Is(err, ErrPath):
		return "path"
	case errors.Is(err, ErrConfirmation):
		return "confirmation-tag"
	case errors.Is(err, ErrMembershipTag):
		return "membership-tag"
	case errors.Is(err, ErrSignature):
		return "signature"
	case errors.Is(err, ErrEpoch):
		return "epoch"
	case errors.Is(err, ErrGroup):
		return "group"
	case errors.Is(err, ErrOwnCommit), errors.Is(err, ErrOwnMessage):
		return "own"
	case errors.Is(err, ErrRemoved):
		return "removed"
	case errors.Is(err, ErrNoPSK):
		return "psk"
	case errors.Is(err, ErrNoProposal):
		return "reference"
	case errors.Is(err, ErrDecrypt), errors.Is(err, ErrGeneration), errors.Is(err, ErrTooFarAhead):
		return "decrypt"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	case errors.Is(err, ErrSuite):
		return "suite"
	case errors.Is(err, ErrLifetime):
		return "lifetime"
	case errors.Is(err, ErrInvalid):
		return "invalid"
	}
	return "internal"
}
