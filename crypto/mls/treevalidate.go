package mls

import (
	"bytes"
	"fmt"
	"slices"
)

// verifyParentHashes: RFC 9420 §7.9.2, every parent node is the end of exactly
// one chain from a leaf. By induction it is enough that each has exactly one
// valid descendant.
func (t *tree) verifyParentHashes() error {
	for x := nodeIndex(1); int(x) < len(t.nodes); x += 2 {
		p := t.nodes[x].parent
		if p == nil {
			continue
		}
		left, right := x.left(), x.right()
		l := t.chainsTo(p, left, right)
		r := t.chainsTo(p, right, left)
		if l == r {
			return invalid("parent node %d is not parent-hash valid", x)
		}
	}
	return nil
}

// chainsTo says whether a node D under child is parent-hash valid with respect
// to p. The resolution of child without D must be p's unmerged leaves under
// child, so D is the one element that is left.
func (t *tree) chainsTo(p *parentNode, child, sibling nodeIndex) bool {
	unmerged := within(p.unmerged, child)
	resolution := t.resolution(child)
	if len(resolution) != len(unmerged)+1 {
		return false
	}
	var d []nodeIndex
	for _, x := range resolution {
		if x.isLeaf() {
			if _, found := slices.BinarySearch(unmerged, x.leaf()); found {
				continue
			}
		}
		d = append(d, x)
	}
	if len(d) != 1 {
		return false
	}
	var stored []byte
	switch n := t.nodes[d[0]]; {
	case n.parent != nil:
		stored = n.parent.parentHash
	case n.leaf.Source == SourceCommit:
		stored = n.leaf.ParentHash
	default:
		return false
	}
	return bytes.Equal(stored, t.parentHash(p, sibling))
}

// verifyUnmerged: RFC 9420 §12.4.3.1.
func (t *tree) verifyUnmerged() error {
	for x := nodeIndex(1); int(x) < len(t.nodes); x += 2 {
		p := t.nodes[x].parent
		if p == nil {
			continue
		}
		for _, l := range p.unmerged {
			if !x.covers(l.node()) || t.leaf(l) == nil {
				return invalid("node %d lists leaf %d as unmerged", x, l)
			}
			for _, between := range directPath(l.node(), x) {
				q := t.nodes[between].parent
				if between == x || q == nil {
					continue
				}
				if _, found := slices.BinarySearch(q.unmerged, l); !found {
					return invalid("node %d does not list leaf %d as unmerged", between, l)
				}
			}
		}
	}
	return nil
}

// verifyUnique: RFC 9420 §7.3 and §12.4.3.1, no key occurs twice.
func (t *tree) verifyUnique() error {
	encryption, signature := map[string]bool{}, map[string]bool{}
	for x, n := range t.nodes {
		k := n.key()
		if k == nil {
			continue
		}
		if encryption[string(k.raw)] {
			return invalid("node %d repeats an encryption key", x)
		}
		encryption[string(k.raw)] = true
		if n.leaf == nil {
			continue
		}
		if signature[string(n.leaf.SignatureKey)] {
			return invalid("leaf %d repeats a signature key", x/2)
		}
		signature[string(n.leaf.SignatureKey)] = true
	}
	return nil
}

// verifyShape: a tree whose right half holds no leaf is one that RFC 9420
// §12.1.3 would have truncated.
func (t *tree) verifyShape() error {
	if len(t.nodes) > 1 && t.emptyLeaves(t.root().right()) || t.emptyLeaves(t.root()) {
		return invalid("the right half of the tree is empty")
	}
	return nil
}

// credentialTypes in use.
func (t *tree) credentialTypes() []CredentialType {
	var out []CredentialType
	t.members(func(_ LeafIndex, leaf *LeafNode) bool {
		if !slices.Contains(out, leaf.Credential.Type) {
			out = append(out, leaf.Credential.Type)
		}
		return true
	})
	return out
}

func checkCredentialTypes(leaf *LeafNode, inUse []CredentialType) error {
	for _, c := range inUse {
		if !slices.Contains(leaf.Capabilities.Credentials, c) {
			return invalid("leaf does not support credential type %d, which is in use", c)
		}
	}
	return nil
}

// verifyLeaves: RFC 9420 §7.3 for every leaf. Lifetimes are not looked at: a
// leaf may have expired since it was added.
func (t *tree) verifyLeaves(groupID []byte, extensions []Extension, batch VerifyFunc) (err error) {
	inUse := t.credentialTypes()
	var checks []SignatureCheck
	t.members(func(l LeafIndex, leaf *LeafNode) bool {
		if err = leaf.checkSelf(t.suite, extensions); err == nil {
			err = checkCredentialTypes(leaf, inUse)
		}
		if err == nil && batch == nil {
			err = leaf.verifySignature(t.suite, groupID, l)
		} else if err == nil {
			checks = append(checks, SignatureCheck{leaf.SignatureKey, labelled("LeafNodeTBS", leaf.tbs(groupID, l)), leaf.Signature})
		}
		return err == nil
	})
	if err == nil && batch != nil && !batch(t.suite.id, checks) {
		err = fmt.Errorf("%w: a leaf of the tree", ErrSignature)
	}
	return err
}

// verify is what a joiner and an observer demand of a tree that they did not
// follow (RFC 9420 §12.4.3.1).
func (t *tree) verify(c *groupContext, batch VerifyFunc) error {
	if !bytes.Equal(t.rootHash(), c.treeHash) {
		return invalid("tree hash is not the group's")
	}
	if err := t.verifyShape(); err != nil {
		return err
	}
	if err := t.verifyUnmerged(); err != nil {
		return err
	}
	if err := t.verifyUnique(); err != nil {
		return err
	}
	if err := t.verifyParentHashes(); err != nil {
		return err
	}
	return t.verifyLeaves(c.groupID, c.extensions, batch)
}
