package mls

import "crypto/rand"

func (g *generator) treeKEM() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		c := g.grown(id, 5)
		c.commit(1, CommitOptions{Removes: []LeafIndex{2}})
		o := c.observer
		v := treeKEMVector{Suite: id, GroupID: o.context.groupID, Epoch: o.Epoch(), Confirmed: o.context.confirmed, Tree: o.Tree()}
		// The secrets of the path are not kept by members, so a last commit's
		// are taken from its committer.
		p, key, _, after := g.rekey(c, 0)
		v.Tree = after.bytes()
		for l, m := range c.groups {
			x := struct {
				Index       LeafIndex `json:"index"`
				Encryption  hexBytes  `json:"encryption_priv"`
				Signature   hexBytes  `json:"signature_priv"`
				PathSecrets []struct {
					Node   nodeIndex `json:"node"`
					Secret hexBytes  `json:"path_secret"`
				} `json:"path_secrets"`
			}{Index: l, Signature: g.privateKey(c.people[l].id.Signer)}
			own := m.keys[l.node()]
			if l == 0 {
				own = key
			}
			x.Encryption = g.hpkeKey(own)
			for i, st := range p.steps {
				if st.node.covers(l.node()) {
					x.PathSecrets = append(x.PathSecrets, struct {
						Node   nodeIndex `json:"node"`
						Secret hexBytes  `json:"path_secret"`
					}{st.node, p.secrets[i]})
				}
			}
			v.Leaves = append(v.Leaves, x)
		}
		for _, from := range []LeafIndex{0, 3, 4} {
			g.updatePath(&v, c, after, from)
		}
		return v
	})
}

// rekey gives a leaf a fresh path and keeps the secrets.
func (g *generator) rekey(c *call, l LeafIndex) (*pathSecrets, keyPair, *LeafNode, *tree) {
	s := g.suite(c.suite)
	t := c.observer.tree.clone()
	p, parentHash, err := t.newPath(l, rand.Reader)
	if err != nil {
		g.t.Fatal(err)
	}
	old, key := t.leaf(l), must(s.generateKeyPair(rand.Reader))(g.t)
	leaf := &LeafNode{EncryptionKey: key.public, SignatureKey: old.SignatureKey, Credential: old.Credential,
		Capabilities: old.Capabilities, Extensions: old.Extensions, Source: SourceCommit, ParentHash: parentHash}
	if err := leaf.sign(c.people[l].id.Signer, c.observer.context.groupID, l); err != nil {
		g.t.Fatal(err)
	}
	t.set(l.node(), node{leaf: leaf})
	return p, key, leaf, t
}

func (g *generator) updatePath(v *treeKEMVector, c *call, base *tree, from LeafIndex) {
	at := *c
	at.observer = &Observer{publicState{suite: c.observer.suite, context: c.observer.context, tree: base}}
	p, _, leaf, after := g.rekey(&at, from)
	context := (&groupContext{suite: c.suite, groupID: v.GroupID, epoch: v.Epoch, treeHash: after.rootHash(), confirmed: v.Confirmed}).bytes()
	path := must(after.seal(p, leaf, nil, context))(g.t)
	secrets := make([]hexBytes, after.leaves())
	for l := range after.leaves() {
		if LeafIndex(l) != from && after.leaf(LeafIndex(l)) != nil {
			secrets[l] = p.at(commonAncestor(LeafIndex(l), from))
		}
	}
	v.Paths = append(v.Paths, struct {
		Sender      LeafIndex  `json:"sender"`
		Path        hexBytes   `json:"update_path"`
		PathSecrets []hexBytes `json:"path_secrets"`
		Commit      hexBytes   `json:"commit_secret"`
		HashAfter   hexBytes   `json:"tree_hash_after"`
	}{from, encoded(path.encode), secrets, p.commit, after.rootHash()})
}
