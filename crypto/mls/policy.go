package mls

import (
	"time"
)

// PolicyInput is what a rule about commits may look at: the public state
// before the commit, and the commit.
type PolicyInput struct {
	GroupID           []byte
	Suite             CipherSuite
	Epoch             uint64
	Extensions        []Extension // of the group context, before
	SenderType        SenderType
	Sender            LeafIndex // of a member
	Proposals         []SentProposal
	Path              *LeafNode // nil if the commit has no path
	AuthenticatedData []byte
	Now               time.Time

	before *publicState
}

// PolicyFunc refuses commits by returning an error.
type PolicyFunc func(PolicyInput) error

// Member looks a leaf of the tree before the commit up.
func (in PolicyInput) Member(l LeafIndex) (Member, bool) { return in.before.Member(l) }

// Members lists the tree before the commit.
func (in PolicyInput) Members() []Member { return in.before.Members() }
