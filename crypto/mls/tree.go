package mls

import (
	"fmt"
	"slices"
)

// parentNode is RFC 9420 §7.1 ParentNode. Immutable once in a tree.
type parentNode struct {
	key        *publicKey
	parentHash []byte
	unmerged   []LeafIndex
}

// decode copies: nodes outlive the message they came in.
func (p *parentNode) decode(d *decoder) {
	p.key = &publicKey{raw: clone(d.vec())}
	p.parentHash = clone(d.vec())
	d.each(maxLeaves, func(d *decoder) {
		l := LeafIndex(d.u32())
		// RFC 9420 §7.1: sorted in increasing order.
		if n := len(p.unmerged); n > 0 && p.unmerged[n-1] >= l {
			d.fail("unmerged leaves are not in increasing order")
		}
		p.unmerged = append(p.unmerged, l)
	})
}

func (p *parentNode) encode(e *encoder) {
	e.vec(p.key.raw)
	e.vec(p.parentHash)
	e.length(4 * len(p.unmerged))
	for _, l := range p.unmerged {
		e.u32(uint32(l))
	}
}

// node is a leaf, a parent, or blank when both are nil. Which of the two it
// may be follows from its index.
type node struct {
	leaf   *LeafNode
	parent *parentNode
}

func (n node) blank() bool { return n.leaf == nil && n.parent == nil }

func (n node) key() *publicKey {
	if n.leaf != nil {
		return n.leaf.key
	}
	if n.parent != nil {
		return n.parent.key
	}
	return nil
}

// tree is the ratchet tree. Its width is always 2^(d+1)-1. The nodes are
// immutable and shared between epochs; a tree changes only while the next
// epoch is staged, on a copy.
type tree struct {
	suite  *suite
	nodes  []node
	hashes [][]byte // tree hash per node, nil where it must be computed
}

func newTree(s *suite, leaf *LeafNode) *tree {
	return &tree{suite: s, nodes: []node{{leaf: leaf}}, hashes: make([][]byte, 1)}
}

func (t *tree) clone() *tree {
	return &tree{t.suite, slices.Clone(t.nodes), slices.Clone(t.hashes)}
}

func (t *tree) leaves() int     { return (len(t.nodes) + 1) / 2 }
func (t *tree) root() nodeIndex { return nodeIndex(len(t.nodes) / 2) }

// leaf returns nil for a blank leaf and for one outside the tree.
func (t *tree) leaf(l LeafIndex) *LeafNode {
	if int64(l) >= int64(t.leaves()) {
		return nil
	}
	return t.nodes[l.node()].leaf
}

// members calls f for every occupied leaf from the left.
func (t *tree) members(f func(LeafIndex, *LeafNode) bool) {
	for x := 0; x < len(t.nodes); x += 2 {
		if leaf := t.nodes[x].leaf; leaf != nil && !f(LeafIndex(x/2), leaf) {
			return
		}
	}
}

// set replaces a node and forgets the hashes above it.
func (t *tree) set(x nodeIndex, n node) {
	t.nodes[x] = n
	t.hashes[x] = nil
	for _, p := range directPath(x, t.root()) {
		t.hashes[p] = nil
	}
}

func (t *tree) blankPath(l LeafIndex) {
	for _, p := range directPath(l.node(), t.root()) {
		t.nodes[p] = node{}
		t.hashes[p] = nil
	}
}

func (t *tree) resize(width int) {
	for len(t.nodes) < width {
		t.nodes = append(t.nodes, node{})
		t.hashes = append(t.hashes, nil)
	}
	clear(t.nodes[width:])
	t.nodes, t.hashes = t.nodes[:width], t.hashes[:width]
}

// freeLeaf is the leftmost blank leaf, extending the tree if there is none
// (RFC 9420 §12.1.1, §7.7).
func (t *tree) freeLeaf() (LeafIndex, error) {
	for x := 0; x < len(t.nodes); x += 2 {
		if t.nodes[x].leaf == nil {
			return LeafIndex(x / 2), nil
		}
	}
	l := LeafIndex(t.leaves())
	if l >= maxLeaves {
		return 0, invalid("the tree has %d leaves already", maxLeaves)
	}
	t.resize(2*len(t.nodes) + 1)
	return l, nil
}

// add is RFC 9420 §12.1.1.
func (t *tree) add(leaf *LeafNode) (LeafIndex, error) {
	l, err := t.freeLeaf()
	if err != nil {
		return 0, err
	}
	for _, p := range directPath(l.node(), t.root()) {
		old := t.nodes[p].parent
		if old == nil {
			continue
		}
		at, _ := slices.BinarySearch(old.unmerged, l)
		t.nodes[p].parent = &parentNode{old.key, old.parentHash, slices.Insert(slices.Clone(old.unmerged), at, l)}
	}
	t.set(l.node(), node{leaf: leaf})
	return l, nil
}

// update is RFC 9420 §12.1.2.
func (t *tree) update(l LeafIndex, leaf *LeafNode) {
	t.blankPath(l)
	t.set(l.node(), node{leaf: leaf})
}

// remove is RFC 9420 §12.1.3 without the truncation, which happens once after
// all removals (truncate): the result is the same.
func (t *tree) remove(l LeafIndex) {
	t.blankPath(l)
	t.set(l.node(), node{})
}

// truncate is RFC 9420 §7.7: halve while the right half holds no leaf.
func (t *tree) truncate() {
	for len(t.nodes) > 1 && t.emptyLeaves(t.root().right()) {
		t.resize(len(t.nodes) / 2)
	}
}

// emptyLeaves says whether no leaf under x is occupied.
func (t *tree) emptyLeaves(x nodeIndex) bool {
	half := nodeIndex(1)<<x.level() - 1
	for y := x - half; y <= x+half; y += 2 {
		if t.nodes[y].leaf != nil {
			return false
		}
	}
	return true
}

// resolution is RFC 9420 §4.1.1.
func (t *tree) resolution(x nodeIndex) []nodeIndex { return t.resolve(nil, x) }

func (t *tree) resolve(out []nodeIndex, x nodeIndex) []nodeIndex {
	switch n := t.nodes[x]; {
	case n.leaf != nil:
		return append(out, x)
	case n.parent != nil:
		out = append(out, x)
		for _, l := range n.parent.unmerged {
			out = append(out, l.node())
		}
		return out
	case x.isLeaf():
		return out
	}
	return t.resolve(t.resolve(out, x.left()), x.right())
}

// emptyResolution avoids building the list.
func (t *tree) emptyResolution(x nodeIndex) bool {
	if !t.nodes[x].blank() {
		return false
	}
	return x.isLeaf() || t.emptyResolution(x.left()) && t.emptyResolution(x.right())
}

// step is one node of a filtered direct path with its child off the path.
type step struct{ node, copath nodeIndex }

// filteredPath is RFC 9420 §4.1.2: the direct path without the nodes whose
// child on the copath has an empty resolution.
func (t *tree) filteredPath(l LeafIndex) []step {
	var out []step
	below := l.node()
	for _, p := range directPath(below, t.root()) {
		if s := below.sibling(); !t.emptyResolution(s) {
			out = append(out, step{p, s})
		}
		below = p
	}
	return out
}

// encode writes ratchet_tree (RFC 9420 §12.4.3.3): no blanks at the end.
func (t *tree) encode(e *encoder) {
	end := len(t.nodes)
	for end > 0 && t.nodes[end-1].blank() {
		end--
	}
	e.nested(func(e *encoder) {
		for _, n := range t.nodes[:end] {
			e.optional(!n.blank())
			switch {
			case n.leaf != nil:
				e.u8(1)
				n.leaf.encode(e)
			case n.parent != nil:
				e.u8(2)
				n.parent.encode(e)
			}
		}
	})
}

func (t *tree) bytes() []byte { return encoded(t.encode) }

func (t *tree) decode(d *decoder) {
	d.each(nodeWidth(maxLeaves), func(d *decoder) {
		var n node
		if d.optional() {
			switch kind := d.u8(); kind {
			case 1:
				n.leaf = decodeLeafNode(d)
			case 2:
				n.parent = &parentNode{}
				n.parent.decode(d)
			default:
				d.fail("node type %d", kind)
			}
			if d.err == nil && (n.leaf != nil) != (len(t.nodes)%2 == 0) {
				d.fail("leaf and parent nodes do not alternate at %d", len(t.nodes))
			}
		}
		t.nodes = append(t.nodes, n)
	})
	if d.err != nil {
		return
	}
	// RFC 9420 §12.4.3.3: the last node is not blank, and the tree is extended
	// to a full one.
	if len(t.nodes) == 0 || t.nodes[len(t.nodes)-1].blank() {
		d.fail("ratchet tree ends with a blank node")
		return
	}
	width := 1
	for width < len(t.nodes) {
		width = 2*width + 1
	}
	t.hashes = make([][]byte, len(t.nodes))
	t.resize(width)
}

func parseTree(s *suite, b []byte) (*tree, error) {
	t := &tree{suite: s}
	if err := decodeAll(b, t.decode); err != nil {
		return nil, fmt.Errorf("ratchet tree: %w", err)
	}
	return t, nil
}
