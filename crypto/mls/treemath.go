package mls

import "math/bits"

// LeafIndex numbers the leaves of the ratchet tree from the left.
type LeafIndex uint32

// nodeIndex numbers all nodes in order (RFC 9420, appendix C): leaves are even.
type nodeIndex uint32

// maxLeaves bounds the tree. Frame keys carry the leaf in 16 bits.
const maxLeaves = 1 << 16

func (l LeafIndex) node() nodeIndex { return nodeIndex(l) * 2 }
func (x nodeIndex) isLeaf() bool    { return x&1 == 0 }
func (x nodeIndex) leaf() LeafIndex { return LeafIndex(x / 2) }
func (x nodeIndex) level() int      { return bits.TrailingZeros32(^uint32(x)) }
func nodeWidth(leaves int) int      { return max(0, 2*leaves-1) }
func rootOf(leaves int) nodeIndex   { return nodeIndex(1<<(bits.Len(uint(nodeWidth(leaves)))-1) - 1) }
func (x nodeIndex) left() nodeIndex { return x ^ 1<<(x.level()-1) }
func (x nodeIndex) right() nodeIndex {
	return x ^ 3<<(x.level()-1)
}

// parent must not be asked of the root.
func (x nodeIndex) parent() nodeIndex {
	k := x.level()
	b := (x >> (k + 1)) & 1
	return (x | 1<<k) ^ b<<(k+1)
}

func (x nodeIndex) sibling() nodeIndex {
	p := x.parent()
	if x < p {
		return p.right()
	}
	return p.left()
}

// covers says whether y is x or below x.
func (x nodeIndex) covers(y nodeIndex) bool {
	half := nodeIndex(1)<<x.level() - 1
	return x-half <= y && y <= x+half
}

// directPath lists the ancestors of x from its parent to the root.
func directPath(x, root nodeIndex) []nodeIndex {
	var path []nodeIndex
	for x != root {
		x = x.parent()
		path = append(path, x)
	}
	return path
}

// commonAncestor is the lowest node above both leaves.
func commonAncestor(a, b LeafIndex) nodeIndex {
	x := a.node()
	for !x.covers(b.node()) {
		x = x.parent()
	}
	return x
}
