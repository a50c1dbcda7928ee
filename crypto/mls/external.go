package mls

import (
	"crypto/hpke"
	"fmt"
	"io"
)

// externalInitLabel is the export context of RFC 9420 §8.3.
const externalInitLabel = "MLS 1.0 external init secret"

// externalInit recovers the init secret of an external commit.
func (g *Group) externalInit(kemOutput []byte) ([]byte, error) {
	key, err := g.suite.deriveKeyPair(g.secrets.external)
	if err != nil {
		return nil, err
	}
	r, err := hpke.NewRecipient(kemOutput, key.private, g.suite.kdf, g.suite.hpkeAEAD, nil)
	if err != nil {
		return nil, fmt.Errorf("external init: %w", err)
	}
	return r.Export(externalInitLabel, g.suite.size)
}

// ExternalOptions describe an external commit.
type ExternalOptions struct {
	Tree     []byte // unless the GroupInfo holds it
	Identity Identity
	Rand     io.Reader
	PSKs     PSKStore
	PSKIDs   []PreSharedKeyID
	Replace  *LeafIndex // resync: the joiner's own old leaf
	Policy   PolicyFunc
}

// JoinExternal joins by an external commit (RFC 9420 §12.4.3.2). It serves the
// vectors and interop: [Policy] refuses such commits.
func JoinExternal(info []byte, o ExternalOptions) (*Pending, error) {
	m, err := parseMessage(info)
	if err != nil {
		return nil, err
	}
	if m.groupInfo == nil {
		return nil, invalid("not a group info")
	}
	s, err := suiteOf(m.groupInfo.context.suite)
	if err != nil {
		return nil, err
	}
	state, err := m.groupInfo.open(s, o.Tree, nil)
	if err != nil {
		return nil, err
	}
	public, err := m.groupInfo.externalPub()
	if err != nil {
		return nil, err
	}
	pk, err := public.open(s)
	if err != nil {
		return nil, err
	}
	kemOutput, joiner, err := hpke.NewSender(pk, s.kdf, s.hpkeAEAD, nil)
	if err != nil {
		return nil, fmt.Errorf("external init: %w", err)
	}
	init, err := joiner.Export(externalInitLabel, s.size)
	if err != nil {
		return nil, fmt.Errorf("external init: %w", err)
	}
	defer wipe(init)
	list := []SentProposal{{Proposal: Proposal{Type: ProposalExternalInit, ExternalInit: kemOutput}}}
	if o.Replace != nil {
		list = append(list, SentProposal{Proposal: Proposal{Type: ProposalRemove, Remove: *o.Replace}})
	}
	for _, id := range o.PSKIDs {
		list = append(list, SentProposal{Proposal: Proposal{Type: ProposalPSK, PSK: id}})
	}
	// g stands in for a member of the current epoch, with no secrets of it.
	g := &Group{publicState: *state, signer: o.Identity.Signer, rand: o.Rand, policy: o.Policy, psks: o.PSKs,
		secrets: &epochSecrets{}, past: map[uint64][]byte{}}
	return g.commitFromOutside(list, init, o)
}

func (g *Group) commitFromOutside(list []SentProposal, init []byte, o ExternalOptions) (*Pending, error) {
	c := &commit{}
	for i := range list {
		list[i].SenderType = SenderNewMemberCommit
		c.proposals = append(c.proposals, proposalOrRef{proposal: list[i].Proposal})
	}
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, nil)}
	a.content.sender = sender{kind: SenderNewMemberCommit}
	a.content.commit = c
	s, err := g.apply(list, a.content.sender)
	if err != nil {
		return nil, err
	}
	if s.committer, err = s.next.tree.freeLeaf(); err != nil {
		return nil, err
	}
	template, err := newLeaf(o.Identity, nil, g.rand)
	if err != nil {
		return nil, err
	}
	p, key, leaf, err := g.renew(s, template)
	if err != nil {
		return nil, err
	}
	defer p.wipe()
	if c.path, err = s.next.tree.seal(p, leaf, nil, s.next.context.bytes()); err != nil {
		return nil, err
	}
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		return nil, err
	}
	g.own = s.committer
	n := g.next(s)
	clear(n.past)
	n.keys[n.own.node()] = key
	p.adopt(n.keys)
	return g.conclude(n, s, a, p, init, CommitOptions{})
}
