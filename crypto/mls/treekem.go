package mls

import (
	"bytes"
	"errors"
	"io"
	"slices"
)

// ErrPath says that a commit's path does not give this member the secrets that
// its public half promises. An observer cannot see it.
var ErrPath = errors.New("path secrets of the commit do not open or do not fit")

// pathSecrets are what a committer knows about its new path: a secret per node
// of its filtered direct path, and the commit secret above the last.
type pathSecrets struct {
	steps   []step
	secrets [][]byte
	keys    []keyPair
	commit  []byte
}

func (s *suite) nodeKey(pathSecret []byte) (keyPair, error) {
	secret := s.deriveSecret(pathSecret, "node")
	defer wipe(secret)
	return s.deriveKeyPair(secret)
}

// newPath makes fresh secrets for l and writes the public keys and parent
// hashes into t (RFC 9420 §7.4, §7.5 steps 1 to 3). parentHash is what l's
// new leaf must carry.
func (t *tree) newPath(l LeafIndex, rand io.Reader) (p *pathSecrets, parentHash []byte, err error) {
	p = &pathSecrets{steps: t.filteredPath(l)}
	secret, err := random(rand, t.suite.size)
	if err != nil {
		return nil, nil, err
	}
	public := make([]*publicKey, len(p.steps))
	for i := range p.steps {
		key, err := t.suite.nodeKey(secret)
		if err != nil {
			return nil, nil, err
		}
		p.secrets, p.keys = append(p.secrets, secret), append(p.keys, key)
		public[i] = &publicKey{raw: key.public}
		secret = t.suite.deriveSecret(secret, "path")
	}
	p.commit = secret
	return p, t.setPath(l, p.steps, public), nil
}

// setPath blanks l's direct path, sets the keys of its filtered part and
// computes the parent hashes from the root down (RFC 9420 §7.5, §7.9). It
// returns the parent hash that belongs into l's leaf.
func (t *tree) setPath(l LeafIndex, steps []step, keys []*publicKey) []byte {
	t.blankPath(l)
	hash := []byte{}
	for i := len(steps) - 1; i >= 0; i-- {
		p := &parentNode{key: keys[i], parentHash: hash}
		t.nodes[steps[i].node].parent = p
		hash = t.parentHash(p, steps[i].copath)
	}
	return hash
}

// targets are the nodes that a step's path secret is encrypted to: the
// resolution of the copath child without the leaves that this commit adds
// (RFC 9420 §7.5). The copath is not touched by the path itself.
func (t *tree) targets(s step, added []LeafIndex) []nodeIndex {
	return slices.DeleteFunc(t.resolution(s.copath), func(x nodeIndex) bool {
		return x.isLeaf() && slices.Contains(added, x.leaf())
	})
}

// seal encrypts the path secrets (RFC 9420 §7.6).
func (t *tree) seal(p *pathSecrets, leaf *LeafNode, added []LeafIndex, context []byte) (*updatePath, error) {
	out := &updatePath{leaf: leaf}
	for i, s := range p.steps {
		n := updatePathNode{key: t.nodes[s.node].parent.key}
		for _, x := range t.targets(s, added) {
			c, err := t.suite.encryptWithLabel(t.nodes[x].key(), "UpdatePathNode", context, p.secrets[i])
			if err != nil {
				return nil, err
			}
			n.secrets = append(n.secrets, c)
		}
		out.nodes = append(out.nodes, n)
	}
	return out, nil
}

// merge applies the public half of an update path of the member at l (RFC 9420
// §7.5, §12.4.2). The tree already has the proposals in it.
func (t *tree) merge(l LeafIndex, path *updatePath, added []LeafIndex) ([]step, error) {
	steps := t.filteredPath(l)
	if len(path.nodes) != len(steps) {
		return nil, invalid("update path has %d nodes, the filtered direct path %d", len(path.nodes), len(steps))
	}
	keys := make([]*publicKey, len(steps))
	fresh := map[string]bool{string(path.leaf.EncryptionKey): true}
	for i, n := range path.nodes {
		if want := len(t.targets(steps[i], added)); len(n.secrets) != want {
			return nil, invalid("update path node %d has %d ciphertexts, not %d", i, len(n.secrets), want)
		}
		if fresh[string(n.key.raw)] {
			return nil, invalid("update path repeats a key")
		}
		fresh[string(n.key.raw)] = true
		if err := n.key.check(t.suite); err != nil {
			return nil, invalid("update path node %d: %v", i, err)
		}
		keys[i] = n.key
	}
	// RFC 9420 §12.4.2: none of the keys occurs anywhere in the new tree, the
	// committer's old leaf included.
	for _, n := range t.nodes {
		if k := n.key(); k != nil && fresh[string(k.raw)] {
			return nil, invalid("update path reuses a key of the tree")
		}
	}
	hash := t.setPath(l, steps, keys)
	if !bytes.Equal(hash, path.leaf.ParentHash) {
		return nil, invalid("parent hash of the committer's leaf")
	}
	t.set(l.node(), node{leaf: path.leaf})
	return steps, nil
}

// openPath decrypts the path secret meant for own, checks every public key
// above against what it derives, and returns own's new keys and the commit
// secret (RFC 9420 §7.5).
func (t *tree) openPath(own LeafIndex, keys map[nodeIndex]keyPair, steps []step, path *updatePath,
	added []LeafIndex, context []byte) (fresh map[nodeIndex]keyPair, commit []byte, err error) {
	first := slices.IndexFunc(steps, func(s step) bool { return s.copath.covers(own.node()) })
	if first < 0 {
		return nil, nil, ErrPath
	}
	var secret []byte
	for i, x := range t.targets(steps[first], added) {
		if key, ok := keys[x]; ok && key.matches(t.nodes[x].key().raw) {
			secret, err = t.suite.decryptWithLabel(key.private, "UpdatePathNode", context, path.nodes[first].secrets[i])
			if err != nil {
				return nil, nil, errors.Join(ErrPath, err)
			}
			break
		}
	}
	if secret == nil {
		return nil, nil, ErrPath
	}
	return t.climb(steps[first:], secret)
}

// climb derives the keys of the nodes of a path from the secret of the first.
func (t *tree) climb(steps []step, secret []byte) (keys map[nodeIndex]keyPair, commit []byte, err error) {
	if len(secret) != t.suite.size {
		return nil, nil, ErrPath
	}
	keys = make(map[nodeIndex]keyPair, len(steps))
	for _, s := range steps {
		key, err := t.suite.nodeKey(secret)
		if err != nil {
			return nil, nil, errors.Join(ErrPath, err)
		}
		if n := t.nodes[s.node]; n.parent == nil || !key.matches(n.parent.key.raw) {
			return nil, nil, ErrPath
		}
		keys[s.node] = key
		next := t.suite.deriveSecret(secret, "path")
		wipe(secret)
		secret = next
	}
	return keys, secret, nil
}

// retain drops private keys whose node was blanked, cut off or replaced
// (RFC 9420 §7.5: outdated keys are deleted).
func (t *tree) retain(keys map[nodeIndex]keyPair) map[nodeIndex]keyPair {
	out := make(map[nodeIndex]keyPair, len(keys))
	for x, key := range keys {
		if int(x) < len(t.nodes) {
			if k := t.nodes[x].key(); k != nil && key.matches(k.raw) {
				out[x] = key
			}
		}
	}
	return out
}
