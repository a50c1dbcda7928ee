package mls

import "slices"

// hash is RFC 9420 §7.8, cached.
func (t *tree) hash(x nodeIndex) []byte {
	if t.hashes[x] == nil {
		if x.isLeaf() {
			t.hashes[x] = t.leafHash(x, t.nodes[x].leaf)
		} else {
			t.hashes[x] = t.parentHashInput(t.nodes[x].parent, t.hash(x.left()), t.hash(x.right()))
		}
	}
	return t.hashes[x]
}

func (t *tree) rootHash() []byte { return t.hash(t.root()) }

func (t *tree) leafHash(x nodeIndex, leaf *LeafNode) []byte {
	return t.suite.digest(encoded(func(e *encoder) {
		e.u8(1)
		e.u32(uint32(x.leaf()))
		e.optional(leaf != nil)
		if leaf != nil {
			leaf.encode(e)
		}
	}))
}

func (t *tree) parentHashInput(p *parentNode, left, right []byte) []byte {
	return t.suite.digest(encoded(func(e *encoder) {
		e.u8(2)
		e.optional(p != nil)
		if p != nil {
			p.encode(e)
		}
		e.vec(left)
		e.vec(right)
	}))
}

// hashWithout is the tree hash of x in the tree with the given leaves blanked
// and taken out of every unmerged list (RFC 9420 §7.9). Subtrees that hold
// none of them keep their cached hash.
func (t *tree) hashWithout(x nodeIndex, gone []LeafIndex) []byte {
	gone = within(gone, x)
	if len(gone) == 0 {
		return t.hash(x)
	}
	if x.isLeaf() {
		return t.leafHash(x, nil)
	}
	p := t.nodes[x].parent
	if p != nil {
		kept := slices.DeleteFunc(slices.Clone(p.unmerged), func(l LeafIndex) bool {
			_, found := slices.BinarySearch(gone, l)
			return found
		})
		p = &parentNode{p.key, p.parentHash, kept}
	}
	return t.parentHashInput(p, t.hashWithout(x.left(), gone), t.hashWithout(x.right(), gone))
}

// within is the part of a sorted list of leaves that lies under x.
func within(leaves []LeafIndex, x nodeIndex) []LeafIndex {
	half := nodeIndex(1)<<x.level() - 1
	first, _ := slices.BinarySearch(leaves, (x - half).leaf())
	after, _ := slices.BinarySearch(leaves, (x+half).leaf()+1)
	return leaves[first:after]
}

// parentHash is the hash of ParentHashInput for p with the given copath child
// (RFC 9420 §7.9).
func (t *tree) parentHash(p *parentNode, sibling nodeIndex) []byte {
	original := t.hashWithout(sibling, p.unmerged)
	return t.suite.digest(encoded(func(e *encoder) {
		e.vec(p.key.raw)
		e.vec(p.parentHash)
		e.vec(original)
	}))
}
