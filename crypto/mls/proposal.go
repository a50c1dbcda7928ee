package mls

const (
	ProposalAdd                    ProposalType = 1
	ProposalUpdate                 ProposalType = 2
	ProposalRemove                 ProposalType = 3
	ProposalPSK                    ProposalType = 4
	ProposalReInit                 ProposalType = 5
	ProposalExternalInit           ProposalType = 6
	ProposalGroupContextExtensions ProposalType = 7
)

// Proposal is RFC 9420 §12.1 Proposal. Type says which field is set.
type Proposal struct {
	Type         ProposalType
	Add          *KeyPackage
	Update       *LeafNode
	Remove       LeafIndex
	PSK          PreSharedKeyID
	ReInit       *ReInit
	ExternalInit []byte      // kem_output
	Extensions   []Extension // group_context_extensions
}

// ReInit is RFC 9420 §12.1.5 ReInit.
type ReInit struct {
	GroupID    []byte
	Version    uint16
	Suite      CipherSuite
	Extensions []Extension
}

func (p *Proposal) decode(d *decoder) {
	p.Type = ProposalType(d.u16())
	switch p.Type {
	case ProposalAdd:
		p.Add = decodeKeyPackage(d)
	case ProposalUpdate:
		p.Update = decodeLeafNode(d)
	case ProposalRemove:
		p.Remove = LeafIndex(d.u32())
	case ProposalPSK:
		p.PSK.decode(d)
	case ProposalReInit:
		p.ReInit = &ReInit{d.vec(), d.u16(), CipherSuite(d.u16()), decodeExtensions(d)}
	case ProposalExternalInit:
		p.ExternalInit = d.vec()
	case ProposalGroupContextExtensions:
		p.Extensions = decodeExtensions(d)
	default:
		d.fail("proposal type %#04x", uint16(p.Type))
	}
}

func (p *Proposal) encode(e *encoder) {
	e.u16(uint16(p.Type))
	switch p.Type {
	case ProposalAdd:
		p.Add.encode(e)
	case ProposalUpdate:
		p.Update.encode(e)
	case ProposalRemove:
		e.u32(uint32(p.Remove))
	case ProposalPSK:
		p.PSK.encode(e)
	case ProposalReInit:
		e.vec(p.ReInit.GroupID)
		e.u16(p.ReInit.Version)
		e.u16(uint16(p.ReInit.Suite))
		encodeExtensions(e, p.ReInit.Extensions)
	case ProposalExternalInit:
		e.vec(p.ExternalInit)
	case ProposalGroupContextExtensions:
		encodeExtensions(e, p.Extensions)
	}
}

// pathRequired: RFC 9420 §12.4.
func (t ProposalType) pathRequired() bool {
	return t != ProposalAdd && t != ProposalPSK && t != ProposalReInit
}

// fromOutside: RFC 9420 §12.1.8, what an external sender may propose.
func (t ProposalType) fromOutside() bool {
	return t != ProposalUpdate && t != ProposalExternalInit
}

// proposalOrRef is RFC 9420 §12.4 ProposalOrRef: ref is nil for by-value.
type proposalOrRef struct {
	proposal Proposal
	ref      []byte
}

func (p *proposalOrRef) decode(d *decoder) {
	switch kind := d.u8(); kind {
	case 1:
		p.proposal.decode(d)
	case 2:
		if p.ref = d.vec(); p.ref == nil {
			p.ref = []byte{}
		}
	default:
		d.fail("proposal or reference of kind %d", kind)
	}
}

func (p *proposalOrRef) encode(e *encoder) {
	if p.ref != nil {
		e.u8(2)
		e.vec(p.ref)
		return
	}
	e.u8(1)
	p.proposal.encode(e)
}

// updatePathNode and updatePath are RFC 9420 §7.6.
type updatePathNode struct {
	key     *publicKey
	secrets []hpkeCiphertext
}

type updatePath struct {
	leaf  *LeafNode
	nodes []updatePathNode
}

func (p *updatePath) decode(d *decoder) {
	p.leaf = decodeLeafNode(d)
	d.each(maxPathNodes, func(d *decoder) {
		// The key moves into the tree and must not keep the message alive.
		n := updatePathNode{key: &publicKey{raw: clone(d.vec())}}
		d.each(maxLeaves, func(d *decoder) {
			var c hpkeCiphertext
			c.decode(d)
			n.secrets = append(n.secrets, c)
		})
		p.nodes = append(p.nodes, n)
	})
}

func (p *updatePath) encode(e *encoder) {
	p.leaf.encode(e)
	e.nested(func(e *encoder) {
		for _, n := range p.nodes {
			e.vec(n.key.raw)
			e.nested(func(e *encoder) {
				for i := range n.secrets {
					n.secrets[i].encode(e)
				}
			})
		}
	})
}

// commit is RFC 9420 §12.4 Commit.
type commit struct {
	proposals []proposalOrRef
	path      *updatePath
}

func (c *commit) decode(d *decoder) {
	d.each(maxProposals, func(d *decoder) {
		var p proposalOrRef
		p.decode(d)
		c.proposals = append(c.proposals, p)
	})
	if d.optional() {
		c.path = &updatePath{}
		c.path.decode(d)
	}
}

func (c *commit) encode(e *encoder) {
	e.nested(func(e *encoder) {
		for i := range c.proposals {
			c.proposals[i].encode(e)
		}
	})
	e.optional(c.path != nil)
	if c.path != nil {
		c.path.encode(e)
	}
}

// externalSender is RFC 9420 §12.1.8.1.
type externalSender struct {
	signatureKey []byte
	credential   Credential
}

func parseExternalSenders(b []byte) (out []externalSender, err error) {
	err = decodeAll(b, func(d *decoder) {
		d.each(maxExtensions, func(d *decoder) {
			x := externalSender{signatureKey: d.vec()}
			x.credential.decode(d)
			out = append(out, x)
		})
	})
	return out, err
}
