package mls

import (
	"slices"
)

// apply validates a list of proposals (RFC 9420 §12.2) and applies it in the
// order of §12.3 to a copy of the tree.
func (p *publicState) apply(list []SentProposal, from sender) (*staged, error) {
	external := from.kind == SenderNewMemberCommit
	if !external && from.kind != SenderMember {
		return nil, invalid("commit from sender type %d", from.kind)
	}
	for i := range list {
		if list[i].missing {
			return nil, ErrNoProposal
		}
	}
	check := p.checkRegular
	if external {
		check = p.checkExternal
	}
	if err := check(list, LeafIndex(from.index)); err != nil {
		return nil, err
	}
	s := &staged{committer: LeafIndex(from.index)}
	s.next = publicState{suite: p.suite, context: p.context, tree: p.tree.clone()}
	s.next.context.epoch++
	if err := p.applyExtensions(s, list); err != nil {
		return nil, err
	}
	if err := p.applyLeaves(s, list); err != nil {
		return nil, err
	}
	for i := range list {
		switch x := &list[i]; x.Type {
		case ProposalPSK:
			s.psks = append(s.psks, x.PSK)
		case ProposalExternalInit:
			s.externalInit = x.ExternalInit
		case ProposalReInit:
			s.reinit = x.ReInit
		}
	}
	return s, nil
}

func (p *publicState) applyExtensions(s *staged, list []SentProposal) error {
	for i := range list {
		if list[i].Type != ProposalGroupContextExtensions {
			continue
		}
		exts := list[i].Extensions
		if err := checkDistinct(exts); err != nil {
			return err
		}
		before, _ := findExtension(p.context.extensions, ExtensionRoom)
		after, _ := findExtension(exts, ExtensionRoom)
		s.roomChanged = string(before) != string(after)
		s.next.context.extensions = cloneExtensions(exts)
	}
	return nil
}

// applyLeaves applies updates, then removes, then adds.
func (p *publicState) applyLeaves(s *staged, list []SentProposal) error {
	t, exts := s.next.tree, s.next.context.extensions
	var fresh []*LeafNode
	for i := range list {
		if x := &list[i]; x.Type == ProposalUpdate {
			if err := p.checkUpdate(x, exts); err != nil {
				return err
			}
			t.update(x.Sender, x.Update)
			fresh = append(fresh, x.Update)
		}
	}
	for i := range list {
		if x := &list[i]; x.Type == ProposalRemove {
			s.removed = append(s.removed, memberOf(x.Remove, p.tree.leaf(x.Remove)))
			t.remove(x.Remove)
		}
	}
	if len(s.removed) > 0 {
		t.truncate()
	}
	for i := range list {
		if x := &list[i]; x.Type == ProposalAdd {
			if err := x.Add.verify(p.suite); err != nil {
				return err
			}
			at, err := t.add(x.Add.leaf)
			if err != nil {
				return err
			}
			s.added, s.joiners = append(s.added, at), append(s.joiners, x.Add)
			fresh = append(fresh, x.Add.leaf)
		}
	}
	for _, leaf := range fresh {
		if err := leaf.Capabilities.satisfy(exts); err != nil {
			return err
		}
	}
	return p.checkLeaves(s, fresh)
}

// checkLeaves: RFC 9420 §7.3 as far as leaves depend on each other. Leaves
// that were in the tree before are checked only against what is new.
func (p *publicState) checkLeaves(s *staged, fresh []*LeafNode) (err error) {
	t := s.next.tree
	if !sameExtensions(p.context.extensions, s.next.context.extensions) {
		t.members(func(_ LeafIndex, leaf *LeafNode) bool {
			err = leaf.Capabilities.satisfy(s.next.context.extensions)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	inUse := t.credentialTypes()
	if slices.Equal(inUse, p.tree.credentialTypes()) {
		for _, leaf := range fresh {
			if err := checkCredentialTypes(leaf, inUse); err != nil {
				return err
			}
		}
	} else {
		t.members(func(_ LeafIndex, leaf *LeafNode) bool {
			err = checkCredentialTypes(leaf, inUse)
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return t.verifyFresh(fresh)
}

// verifyFresh: the keys of fresh leaves occur once in the tree.
func (t *tree) verifyFresh(fresh []*LeafNode) error {
	encryption, signature := map[string]int{}, map[string]int{}
	for _, leaf := range fresh {
		encryption[string(leaf.EncryptionKey)] = 0
		signature[string(leaf.SignatureKey)] = 0
	}
	for _, n := range t.nodes {
		k := n.key()
		if k == nil {
			continue
		}
		if seen, ok := encryption[string(k.raw)]; ok {
			if seen > 0 {
				return invalid("new leaf repeats an encryption key")
			}
			encryption[string(k.raw)]++
		}
		if n.leaf == nil {
			continue
		}
		if seen, ok := signature[string(n.leaf.SignatureKey)]; ok {
			if seen > 0 {
				return invalid("new leaf repeats a signature key")
			}
			signature[string(n.leaf.SignatureKey)]++
		}
	}
	return nil
}

// checkUpdate is RFC 9420 §12.1.2 and §7.3.
func (p *publicState) checkUpdate(x *SentProposal, exts []Extension) error {
	old := p.tree.leaf(x.Sender)
	if x.SenderType != SenderMember || old == nil {
		return invalid("update from outside the tree")
	}
	leaf := x.Update
	if leaf.Source != SourceUpdate {
		return invalid("update leaf of source %d", leaf.Source)
	}
	if string(leaf.EncryptionKey) == string(old.EncryptionKey) {
		return invalid("update keeps the encryption key")
	}
	if err := leaf.checkSelf(p.suite, exts); err != nil {
		return err
	}
	if err := leaf.key.check(p.suite); err != nil {
		return invalid("update leaf: %v", err)
	}
	return leaf.verifySignature(p.suite, p.context.groupID, x.Sender)
}

// checkPSKs: RFC 9420 §12.1.4. Usages reinit and branch occur only in the
// first commit of a group, which nobody but its creator processes.
func (p *publicState) checkPSKs(list []SentProposal) error {
	seen := map[string]bool{}
	for i := range list {
		if list[i].Type != ProposalPSK {
			continue
		}
		id := &list[i].PSK
		if len(id.Nonce) != p.suite.size {
			return invalid("psk nonce of %d bytes", len(id.Nonce))
		}
		if id.Type == PSKResumption && id.Usage != UsageApplication && p.context.epoch != 0 {
			return invalid("resumption psk with usage %d", id.Usage)
		}
		key := string(encoded(id.encode))
		if seen[key] {
			return invalid("the same psk twice")
		}
		seen[key] = true
	}
	return nil
}

// checkRegular is RFC 9420 §12.2 for a member's commit.
func (p *publicState) checkRegular(list []SentProposal, committer LeafIndex) error {
	touched := map[LeafIndex]bool{}
	contexts := 0
	for i := range list {
		x := &list[i]
		switch x.Type {
		case ProposalUpdate, ProposalRemove:
			target := x.Remove
			if x.Type == ProposalUpdate {
				target = x.Sender
			}
			if p.tree.leaf(target) == nil {
				return invalid("leaf %d is not in the tree", target)
			}
			if target == committer {
				return invalid("committer updates or removes itself by proposal")
			}
			if touched[target] {
				return invalid("two proposals for leaf %d", target)
			}
			touched[target] = true
		case ProposalGroupContextExtensions:
			if contexts++; contexts > 1 {
				return invalid("two lists of group context extensions")
			}
		case ProposalReInit:
			if len(list) > 1 {
				return invalid("reinit beside other proposals")
			}
			if x.ReInit.Version < protocolVersion {
				return invalid("reinit to version %d", x.ReInit.Version)
			}
		case ProposalExternalInit:
			return invalid("external init in a member's commit")
		}
	}
	return p.checkPSKs(list)
}

// checkExternal is RFC 9420 §12.2 for an external commit.
func (p *publicState) checkExternal(list []SentProposal, _ LeafIndex) error {
	inits, removes := 0, 0
	for i := range list {
		x := &list[i]
		if x.ByReference {
			return invalid("external commit with a proposal by reference")
		}
		switch x.Type {
		case ProposalExternalInit:
			inits++
		case ProposalRemove:
			if removes++; p.tree.leaf(x.Remove) == nil {
				return invalid("leaf %d is not in the tree", x.Remove)
			}
		case ProposalPSK:
		default:
			return invalid("proposal of type %d in an external commit", x.Type)
		}
	}
	if inits != 1 || removes > 1 {
		return invalid("external commit with %d inits and %d removes", inits, removes)
	}
	return p.checkPSKs(list)
}
