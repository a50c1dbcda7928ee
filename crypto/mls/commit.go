package mls

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"time"
)

// CommitOptions say what a commit does. All of it is by value, except what
// ByReference takes in.
type CommitOptions struct {
	Adds                   []*KeyPackage
	Removes                []LeafIndex
	PSKs                   []PreSharedKeyID
	PSKStore               PSKStore    // for PSKs; nil: the group's
	GroupContextExtensions []Extension // nil: unchanged
	AuthenticatedData      []byte
	Now                    time.Time // for the policy

	// For the vectors and interop; no call uses them.
	ByReference bool // cover every proposal received in this epoch
	Private     bool // send the commit as a private message
	WithTree    bool // put the tree into the Welcome
}

// Pending is a commit that the delivery service has yet to accept. Next is the
// committer's next epoch once it has.
type Pending struct {
	Commit    []byte   // MLSMessage
	Welcomes  [][]byte // MLSMessage with one joiner each, in the order of the adds
	GroupInfo []byte   // MLSMessage, of the next epoch
	Next      *Group
	Summary   CommitSummary
}

func commitHash(commit []byte) []byte {
	h := sha256.Sum256(commit)
	return h[:]
}

// confirmed checks a confirmation tag against this epoch (RFC 9420 §6.1).
func (g *Group) confirmed(tag []byte) bool {
	return hmac.Equal(tag, g.suite.mac(g.secrets.confirmation, g.context.confirmed))
}

func (o *CommitOptions) proposals() []Proposal {
	var out []Proposal
	if o.GroupContextExtensions != nil {
		out = append(out, Proposal{Type: ProposalGroupContextExtensions, Extensions: o.GroupContextExtensions})
	}
	for _, l := range o.Removes {
		out = append(out, Proposal{Type: ProposalRemove, Remove: l})
	}
	for _, k := range o.Adds {
		out = append(out, Proposal{Type: ProposalAdd, Add: k})
	}
	for _, id := range o.PSKs {
		out = append(out, Proposal{Type: ProposalPSK, PSK: id})
	}
	return out
}

// Commit prepares the next epoch (RFC 9420 §12.4.1). The commit always has a
// path, so every commit refreshes its committer's keys. g stays as it was: if
// another commit wins the epoch, drop the Pending and process that one.
func (g *Group) Commit(o CommitOptions) (*Pending, error) {
	if err := g.canSend(); err != nil {
		return nil, err
	}
	c := &commit{}
	var list []SentProposal
	if o.ByReference {
		c.proposals, list = g.references()
	}
	for _, p := range o.proposals() {
		c.proposals = append(c.proposals, proposalOrRef{proposal: p})
		list = append(list, SentProposal{Proposal: p, SenderType: SenderMember, Sender: g.own})
	}
	return g.commit(c, list, o)
}

func (g *Group) commit(c *commit, list []SentProposal, o CommitOptions) (*Pending, error) {
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, o.AuthenticatedData)}
	if o.Private {
		a.wireFormat = wirePrivateMessage
	}
	a.content.commit = c
	s, err := g.apply(list, a.content.sender)
	if err != nil {
		return nil, err
	}
	p, key, leaf, err := g.renew(s, g.tree.leaf(g.own))
	if err != nil {
		return nil, err
	}
	defer p.wipe()
	if g.policy != nil {
		in := g.policyInput(&a.content, list, &updatePath{leaf: leaf}, o.Now)
		if err := g.policy(in); err != nil {
			return nil, err
		}
	}
	t := s.next.tree
	if c.path, err = t.seal(p, leaf, s.added, s.next.context.bytes()); err != nil {
		return nil, err
	}
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		return nil, err
	}
	n := g.next(s)
	n.keys[g.own.node()] = key
	p.adopt(n.keys)
	return g.conclude(n, s, a, p, g.secrets.init, o)
}

// renew gives the committer a new path and leaf in the staged tree and
// completes the provisional group context.
func (g *Group) renew(s *staged, old *LeafNode) (*pathSecrets, keyPair, *LeafNode, error) {
	t := s.next.tree
	key, err := g.suite.generateKeyPair(g.rand)
	if err != nil {
		return nil, keyPair{}, nil, err
	}
	p, parentHash, err := t.newPath(s.committer, g.rand)
	if err != nil {
		return nil, keyPair{}, nil, err
	}
	leaf := &LeafNode{
		EncryptionKey: key.public, SignatureKey: old.SignatureKey, Credential: old.Credential,
		Capabilities: old.Capabilities, Extensions: old.Extensions,
		Source: SourceCommit, ParentHash: parentHash,
	}
	if err := leaf.sign(g.signer, g.context.groupID, s.committer); err != nil {
		return nil, keyPair{}, nil, err
	}
	t.set(s.committer.node(), node{leaf: leaf})
	s.next.context.treeHash = t.rootHash()
	return p, key, leaf, nil
}

// conclude runs the key schedule, tags and protects the signed commit, and
// writes the Welcomes.
func (g *Group) conclude(n *Group, s *staged, a *authenticatedContent, p *pathSecrets, init []byte, o CommitOptions) (*Pending, error) {
	s.finish(&g.publicState, a)
	n.publicState = s.next
	store := g.psks
	if o.PSKStore != nil {
		store = o.PSKStore
	}
	joiner, welcomeSecret, err := g.advance(n, init, p.commit, s.psks, store)
	if err != nil {
		return nil, err
	}
	defer wipe(joiner)
	defer wipe(welcomeSecret)
	a.confirmationTag = g.suite.mac(n.secrets.confirmation, n.context.confirmed)
	s.finish(&g.publicState, a)
	n.publicState = s.next

	out := &Pending{Next: n}
	if out.Commit, err = g.protect(a); err != nil {
		return nil, err
	}
	info, err := n.groupInfo(o.WithTree)
	if err != nil {
		return nil, err
	}
	out.GroupInfo = encoded((&message{groupInfo: info}).encode)
	if out.Welcomes, err = n.welcomes(s, info, p, joiner, welcomeSecret); err != nil {
		return nil, err
	}
	out.Summary = *s.summary(commitHash(out.Commit))
	return out, nil
}

// protect frames signed content with the keys of this epoch.
func (g *Group) protect(a *authenticatedContent) ([]byte, error) {
	m := &message{}
	var err error
	if a.wireFormat == wirePrivateMessage {
		m.private, err = a.protectPrivate(g.suite, g.messages, g.secrets.senderData, g.rand)
	} else {
		m.public, err = a.protectPublic(g.suite, g.secrets.membership, g.context.bytes())
	}
	if err != nil {
		return nil, err
	}
	return encoded(m.encode), nil
}

// welcomes makes one Welcome per joiner. All carry the same encrypted group
// info; the secrets in each open for its joiner alone (RFC 9420 §12.4.3.1).
func (n *Group) welcomes(s *staged, info *groupInfo, p *pathSecrets, joiner, welcomeSecret []byte) ([][]byte, error) {
	if len(s.added) == 0 {
		return nil, nil
	}
	key, nonce := n.suite.infoKey(welcomeSecret)
	defer wipe(key)
	aead, err := n.suite.newAEAD(key)
	if err != nil {
		return nil, err
	}
	sealed := aead.Seal(nil, nonce, encoded(info.encode), nil)
	var out [][]byte
	for i, at := range s.added {
		secrets := groupSecrets{joiner: joiner, psks: s.psks, path: p.at(commonAncestor(at, s.committer))}
		plain := encoded(secrets.encode)
		c, err := n.suite.encryptWithLabel(&publicKey{raw: s.joiners[i].InitKey}, "Welcome", sealed, plain)
		wipe(plain)
		if err != nil {
			return nil, err
		}
		w := &welcome{suite: n.suite.id, groupInfo: sealed,
			secrets: []encryptedGroupSecrets{{s.joiners[i].Ref(), c}}}
		out = append(out, encoded((&message{welcome: w}).encode))
	}
	return out, nil
}

// at is the secret of a node of the path.
func (p *pathSecrets) at(x nodeIndex) []byte {
	for i, s := range p.steps {
		if s.node == x {
			return p.secrets[i]
		}
	}
	return nil
}

func (p *pathSecrets) adopt(keys map[nodeIndex]keyPair) {
	fresh := make(map[nodeIndex]keyPair, len(p.steps))
	for i, s := range p.steps {
		fresh[s.node] = p.keys[i]
	}
	maps.Copy(keys, fresh)
}

func (p *pathSecrets) wipe() {
	for _, secret := range p.secrets {
		wipe(secret)
	}
	wipe(p.commit)
}
