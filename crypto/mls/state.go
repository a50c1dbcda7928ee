package mls

import (
	"bytes"
	"slices"
	"time"
)

// publicState is the half of an epoch that needs no secrets. A member and an
// observer stage commits on it with the same code.
type publicState struct {
	suite           *suite
	context         groupContext
	tree            *tree
	interim         []byte // interim_transcript_hash
	confirmationTag []byte
}

// Member is an occupied leaf. Its slices are the tree's own: read-only.
type Member struct {
	Leaf         LeafIndex
	Identity     []byte // of a basic credential
	SignatureKey []byte
	Extensions   []Extension
}

func memberOf(l LeafIndex, leaf *LeafNode) Member {
	return Member{l, leaf.Credential.Identity, leaf.SignatureKey, leaf.Extensions}
}

// ID is the group id.
func (p *publicState) ID() []byte { return clone(p.context.groupID) }

// Epoch counts the commits since the group's creation.
func (p *publicState) Epoch() uint64 { return p.context.epoch }

// Suite is the group's cipher suite.
func (p *publicState) Suite() CipherSuite { return p.suite.id }

// Members lists the occupied leaves from the left.
func (p *publicState) Members() []Member {
	var out []Member
	p.tree.members(func(l LeafIndex, leaf *LeafNode) bool {
		out = append(out, memberOf(l, leaf))
		return true
	})
	return out
}

// Member looks one leaf up.
func (p *publicState) Member(l LeafIndex) (Member, bool) {
	if leaf := p.tree.leaf(l); leaf != nil {
		return memberOf(l, leaf), true
	}
	return Member{}, false
}

// HasSignatureKey finds the leaf with a signature key.
func (p *publicState) HasSignatureKey(public []byte) (at LeafIndex, found bool) {
	p.tree.members(func(l LeafIndex, leaf *LeafNode) bool {
		found = bytes.Equal(leaf.SignatureKey, public)
		at = l
		return !found
	})
	if !found {
		return 0, false
	}
	return at, true
}

// GroupContextExtensions are the group's parameters.
func (p *publicState) GroupContextExtensions() []Extension {
	return cloneExtensions(p.context.extensions)
}

// Tree is the ratchet tree, as a joiner needs it beside its Welcome.
func (p *publicState) Tree() []byte { return p.tree.bytes() }

// TreeHash is in every member's group context.
func (p *publicState) TreeHash() []byte { return clone(p.context.treeHash) }

// ConfirmedTranscriptHash covers every commit up to this epoch.
func (p *publicState) ConfirmedTranscriptHash() []byte { return clone(p.context.confirmed) }

// SentProposal is a proposal with who proposed it, as a commit covers it.
type SentProposal struct {
	Proposal
	ByReference bool
	SenderType  SenderType
	Sender      LeafIndex // of a member

	missing bool // a reference to a proposal that was never received
}

// Replacement is one device that took its own leaf's place.
type Replacement struct{ Before, After Member }

// CommitSummary says what a commit did.
type CommitSummary struct {
	Epoch       uint64 // the new one
	Committer   LeafIndex
	Added       []Member // without those in Replaced
	Removed     []Member // without those in Replaced
	Replaced    []Replacement
	RoomChanged bool   // the room extension is another one
	Hash        []byte // SHA-256 of the commit message
}

// staged is the next epoch's public state under construction. Until finish,
// next.context is the provisional group context of RFC 9420 §12.4.1: the new
// epoch, tree hash and extensions with the old confirmed transcript hash.
type staged struct {
	next         publicState
	committer    LeafIndex
	added        []LeafIndex
	joiners      []*KeyPackage // of added, in order
	removed      []Member
	psks         []PreSharedKeyID
	externalInit []byte
	reinit       *ReInit
	path         *updatePath
	steps        []step
	roomChanged  bool
}

// signatureKey is whose key signs a content (RFC 9420 §6.1).
func (p *publicState) signatureKey(c *framedContent) ([]byte, error) {
	switch c.sender.kind {
	case SenderMember:
		if leaf := p.tree.leaf(LeafIndex(c.sender.index)); leaf != nil {
			return leaf.SignatureKey, nil
		}
		return nil, invalid("sender leaf %d is blank", c.sender.index)
	case SenderNewMemberCommit:
		if c.kind == contentCommit && c.commit.path != nil {
			return c.commit.path.leaf.SignatureKey, nil
		}
	case SenderNewMemberProposal:
		if c.kind == contentProposal && c.proposal.Type == ProposalAdd {
			return c.proposal.Add.leaf.SignatureKey, nil
		}
	case SenderExternal:
		if c.kind != contentProposal || !c.proposal.Type.fromOutside() {
			break
		}
		data, _ := findExtension(p.context.extensions, ExtensionExternalSenders)
		senders, err := parseExternalSenders(data)
		if err != nil || int64(c.sender.index) >= int64(len(senders)) {
			return nil, invalid("external sender %d is not listed", c.sender.index)
		}
		return senders[c.sender.index].signatureKey, nil
	}
	return nil, invalid("content of type %d from sender type %d", c.kind, c.sender.kind)
}

// authenticate checks group, epoch and signature of a content.
func (p *publicState) authenticate(a *authenticatedContent) error {
	if !bytes.Equal(a.content.groupID, p.context.groupID) {
		return ErrGroup
	}
	if a.content.epoch != p.context.epoch {
		return ErrEpoch
	}
	public, err := p.signatureKey(&a.content)
	if err != nil {
		return err
	}
	return a.verify(p.suite, public, p.context.bytes())
}

// stage checks an authenticated commit and builds the next public state, as
// RFC 9420 §12.4.2 says, up to what needs secrets.
func (p *publicState) stage(a *authenticatedContent, received func(ref []byte) (SentProposal, bool),
	policy PolicyFunc, now time.Time) (*staged, error) {
	c := &a.content
	if c.kind != contentCommit {
		return nil, invalid("content of type %d is not a commit", c.kind)
	}
	list := make([]SentProposal, len(c.commit.proposals))
	for i, item := range c.commit.proposals {
		if item.ref == nil {
			list[i] = SentProposal{Proposal: item.proposal, SenderType: c.sender.kind, Sender: LeafIndex(c.sender.index)}
			continue
		}
		sent, ok := received(item.ref)
		sent.ByReference, sent.missing = true, !ok
		list[i] = sent
	}
	if policy != nil {
		if err := policy(p.policyInput(c, list, c.commit.path, now)); err != nil {
			return nil, err
		}
	}
	s, err := p.apply(list, c.sender)
	if err != nil {
		return nil, err
	}
	if c.commit.path == nil {
		// RFC 9420 §12.4: an empty commit and some proposals require a path.
		if len(list) == 0 || slices.ContainsFunc(list, func(x SentProposal) bool { return x.Type.pathRequired() }) {
			return nil, invalid("commit without the path that it needs")
		}
	} else if err := p.applyPath(s, c.commit.path, c.sender.kind == SenderNewMemberCommit); err != nil {
		return nil, err
	}
	s.next.context.treeHash = s.next.tree.rootHash()
	return s, nil
}

func (p *publicState) policyInput(c *framedContent, list []SentProposal, path *updatePath, now time.Time) PolicyInput {
	in := PolicyInput{
		GroupID: p.context.groupID, Suite: p.suite.id, Epoch: p.context.epoch,
		Extensions: p.context.extensions, SenderType: c.sender.kind, Sender: LeafIndex(c.sender.index),
		Proposals: list, AuthenticatedData: c.authenticated, Now: now, before: p,
	}
	if path != nil {
		in.Path = path.leaf
	}
	return in
}

// applyPath validates a received path and merges it (RFC 9420 §12.4.2).
func (p *publicState) applyPath(s *staged, path *updatePath, external bool) error {
	t, leaf := s.next.tree, path.leaf
	if external {
		at, err := t.freeLeaf()
		if err != nil {
			return err
		}
		s.committer = at
	}
	if leaf.Source != SourceCommit {
		return invalid("path leaf of source %d", leaf.Source)
	}
	if err := leaf.checkSelf(p.suite, s.next.context.extensions); err != nil {
		return err
	}
	if err := leaf.key.check(p.suite); err != nil {
		return invalid("path leaf: %v", err)
	}
	if err := checkCredentialTypes(leaf, t.credentialTypes()); err != nil {
		return err
	}
	var err error
	t.members(func(l LeafIndex, other *LeafNode) bool {
		if l == s.committer {
			return true
		}
		if bytes.Equal(other.SignatureKey, leaf.SignatureKey) {
			err = invalid("path leaf repeats the signature key of leaf %d", l)
		} else if !slices.Contains(other.Capabilities.Credentials, leaf.Credential.Type) {
			err = invalid("leaf %d does not support the path leaf's credential type", l)
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	if err := leaf.verifySignature(p.suite, p.context.groupID, s.committer); err != nil {
		return err
	}
	s.path = path
	s.steps, err = t.merge(s.committer, path, s.added)
	return err
}

// finish moves the staged state past the commit's transcript (RFC 9420 §8.2).
func (s *staged) finish(before *publicState, a *authenticatedContent) {
	n := &s.next
	n.context.confirmed = n.suite.confirmedTranscript(before.interim, a)
	n.confirmationTag = clone(a.confirmationTag)
	n.interim = n.suite.interimTranscript(n.context.confirmed, a.confirmationTag)
}

// summary names members as they stand in the new tree, the removed as they
// stood in the old.
func (s *staged) summary(hash []byte) *CommitSummary {
	out := &CommitSummary{Epoch: s.next.context.epoch, Committer: s.committer, RoomChanged: s.roomChanged, Hash: hash}
	gone := slices.Clone(s.removed)
	for _, l := range s.added {
		m := memberOf(l, s.next.tree.leaf(l))
		if i := slices.IndexFunc(gone, func(g Member) bool { return bytes.Equal(g.SignatureKey, m.SignatureKey) }); i >= 0 {
			out.Replaced = append(out.Replaced, Replacement{gone[i], m})
			gone = slices.Delete(gone, i, i+1)
			continue
		}
		out.Added = append(out.Added, m)
	}
	out.Removed = gone
	return out
}
