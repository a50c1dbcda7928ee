package mls

// Proposals by reference exist for the vectors and interop: [Policy] refuses
// commits that use them.

// lookup finds a received proposal by its reference.
func (g *Group) lookup(ref []byte) (SentProposal, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, ok := g.received[string(ref)]
	return p, ok
}

// references lists what was received in this epoch, without own updates: a
// committer renews its leaf by its path.
func (g *Group) references() (refs []proposalOrRef, list []SentProposal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, ref := range g.order {
		p := g.received[ref]
		if p.Type == ProposalUpdate && p.Sender == g.own {
			continue
		}
		p.ByReference = true
		refs = append(refs, proposalOrRef{ref: []byte(ref)})
		list = append(list, p)
	}
	return refs, list
}

func (g *Group) remember(a *authenticatedContent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &a.content
	ref := string(a.ref(g.suite))
	if _, again := g.received[ref]; !again {
		g.order = append(g.order, ref)
	}
	g.received[ref] = SentProposal{
		Proposal: *c.proposal, ByReference: true, SenderType: c.sender.kind, Sender: LeafIndex(c.sender.index)}
}

// Propose sends a proposal of this member, to be committed by reference.
func (g *Group) Propose(p Proposal) ([]byte, error) {
	if err := g.canSend(); err != nil {
		return nil, err
	}
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentProposal, nil)}
	a.content.proposal = &p
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		return nil, err
	}
	b, err := g.protect(a)
	if err != nil {
		return nil, err
	}
	g.remember(a)
	return b, nil
}

// ProposeAdd proposes to add k.
func (g *Group) ProposeAdd(k *KeyPackage) ([]byte, error) {
	return g.Propose(Proposal{Type: ProposalAdd, Add: k})
}

// ProposeRemove proposes to remove l.
func (g *Group) ProposeRemove(l LeafIndex) ([]byte, error) {
	return g.Propose(Proposal{Type: ProposalRemove, Remove: l})
}

// ProposeUpdate proposes a fresh leaf for this member.
func (g *Group) ProposeUpdate() ([]byte, error) {
	if err := g.canSend(); err != nil {
		return nil, err
	}
	key, err := g.suite.generateKeyPair(g.rand)
	if err != nil {
		return nil, err
	}
	old := g.tree.leaf(g.own)
	leaf := &LeafNode{EncryptionKey: key.public, SignatureKey: old.SignatureKey, Credential: old.Credential,
		Capabilities: old.Capabilities, Extensions: old.Extensions, Source: SourceUpdate}
	if err := leaf.sign(g.signer, g.context.groupID, g.own); err != nil {
		return nil, err
	}
	b, err := g.Propose(Proposal{Type: ProposalUpdate, Update: leaf})
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.updates[string(key.public)] = key
	return b, nil
}

// ReceiveProposal checks and keeps a proposal for the commit that refers to it.
func (g *Group) ReceiveProposal(b []byte) error {
	m, err := parseMessage(b)
	if err != nil {
		return err
	}
	a, err := g.open(m)
	if err != nil {
		return err
	}
	if a.content.kind != contentProposal {
		return invalid("not a proposal")
	}
	g.remember(a)
	return nil
}
