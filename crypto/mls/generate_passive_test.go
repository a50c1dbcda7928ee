package mls

import (
	"crypto/rand"
	"time"
)

func (g *generator) passiveRandom() []any {
	return perSuite([]CipherSuite{X25519AES128, P256AES128, X25519ChaCha20, P521AES256, P384AES256}, func(id CipherSuite) any {
		return g.passive(id, 12, 10)
	})
}

func (g *generator) passiveRandomPQ() []any {
	return []any{g.passive(Default, 6, 8), g.passive(High, 4, 4)}
}

// watched adds a passive member to c and starts its vector.
func (g *generator) watched(c *call, from LeafIndex) (passiveVector, LeafIndex) {
	passive := g.person(c.suite)
	b := passive.bundle(g.t, c.suite)
	p := must(c.groups[from].Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}}))(g.t)
	c.deliver(from, p, now)
	own := p.Summary.Added[0].Leaf
	c.groups[own], c.people[own] = must(JoinWelcome(p.Welcomes[0], b, JoinOptions{Tree: c.observer.Tree(), Rand: rand.Reader, PSKs: g.psks()}))(g.t), passive
	c.agree()
	v := passiveVector{Suite: c.suite, KeyPackage: b.KeyPackage.MarshalMessage(), Signature: g.privateKey(passive.id.Signer),
		Encryption: g.hpkeKey(b.leaf), Init: g.hpkeKey(b.init), Welcome: p.Welcomes[0], Tree: c.observer.Tree(),
		Authenticator: p.Next.EpochAuthenticator()}
	v.PSKs = append(v.PSKs, struct {
		ID  hexBytes `json:"psk_id"`
		PSK hexBytes `json:"psk"`
	}{hexBytes("known"), hexBytes("the shared key")})
	return v, own
}

func (g *generator) psks() PSKStore {
	return PSKFunc(func(id PreSharedKeyID) ([]byte, bool) {
		return []byte("the shared key"), id.Type == PSKExternal && string(id.ID) == "known"
	})
}

// passive is a scenario of random operations: by value and by reference,
// public and private, with updates, PSKs, extensions and external commits.
func (g *generator) passive(id CipherSuite, people, epochs int) passiveVector {
	s := g.suite(id)
	c := newPlain(g.t, id, g.person(id))
	for range people / 2 {
		c.commit(pick(g.r, c.groups), CommitOptions{}, g.person(id))
	}
	for _, m := range c.groups {
		m.psks = g.psks()
	}
	v, own := g.watched(c, pick(g.r, c.groups))
	active := func(not ...LeafIndex) LeafIndex {
		for {
			if l := pick(g.r, c.groups); l != own && !contains(not, l) {
				return l
			}
		}
	}
	for n := range epochs {
		e := passiveEpoch{Proposals: []hexBytes{}}
		from := active()
		o := CommitOptions{Private: g.r.IntN(2) == 0}
		var joiner *person
		var bundle *KeyPackageBundle
		send := func(by LeafIndex, m []byte) {
			e.Proposals = append(e.Proposals, m)
			for l, other := range c.groups {
				if l != by {
					if err := other.ReceiveProposal(m); err != nil {
						g.t.Fatal(err)
					}
				}
			}
		}
		var pending *Pending
		switch n % 6 {
		case 0: // update and remove by reference
			o.ByReference = true
			updater := active(from)
			send(updater, must(c.groups[updater].ProposeUpdate())(g.t))
			if len(c.groups) > 4 {
				proposer := active()
				send(proposer, must(c.groups[proposer].ProposeRemove(active(from, updater)))(g.t))
			}
		case 1: // add, with two psks
			joiner = g.person(id)
			bundle = joiner.bundle(g.t, id)
			o.Adds = []*KeyPackage{bundle.KeyPackage}
			o.PSKs = []PreSharedKeyID{{Type: PSKExternal, ID: []byte("known"), Nonce: g.bytes(s.size)},
				{Type: PSKResumption, Usage: UsageApplication, GroupID: c.groups[from].ID(), Epoch: c.groups[own].Epoch(), Nonce: g.bytes(s.size)}}
		case 2:
			o.GroupContextExtensions = []Extension{callCapabilities().Extension()}
		case 3: // external commit
			joiner = g.person(id)
			pending = must(JoinExternal(must(c.groups[from].GroupInfo(true))(g.t), ExternalOptions{Identity: joiner.id, Rand: rand.Reader, PSKs: g.psks()}))(g.t)
		case 4: // partial
			joiner = g.person(id)
			bundle = joiner.bundle(g.t, id)
			pending = partialCommit(g.t, c.groups[from], []SentProposal{{Proposal: Proposal{Type: ProposalAdd, Add: bundle.KeyPackage}}})
		case 5:
			o.Removes = []LeafIndex{active(from)}
		}
		external := n%6 == 3
		if pending == nil {
			pending = must(c.groups[from].Commit(o))(g.t)
		}
		for l, other := range c.groups {
			if l == from && !external {
				c.groups[l] = pending.Next
				continue
			}
			next, _, err := other.Process(pending.Commit, time.Time{})
			if err == ErrRemoved {
				delete(c.groups, l)
				delete(c.people, l)
				continue
			}
			if err != nil {
				g.t.Fatalf("suite %v epoch %d leaf %d: %v", id, n, l, err)
			}
			c.groups[l] = next
		}
		if external {
			c.groups[pending.Next.Own()], c.people[pending.Next.Own()] = pending.Next, joiner
		} else if bundle != nil {
			resumption := PSKFunc(func(x PreSharedKeyID) ([]byte, bool) {
				if x.Type == PSKResumption {
					secret, ok := pending.Next.past[x.Epoch]
					return secret, ok
				}
				return g.psks().PSK(x)
			})
			m := must(JoinWelcome(pending.Welcomes[0], bundle, JoinOptions{Tree: pending.Next.Tree(), Rand: rand.Reader, PSKs: resumption}))(g.t)
			m.psks = g.psks()
			c.groups[m.Own()], c.people[m.Own()] = m, joiner
		}
		e.Commit, e.Authenticator = pending.Commit, pending.Next.EpochAuthenticator()
		for _, m := range c.groups {
			same(g.t, "authenticator", m.EpochAuthenticator(), e.Authenticator)
		}
		v.Epochs = append(v.Epochs, e)
	}
	return v
}

// passiveHalfEmpty follows a tree whose halves fill and empty: RFC 9420 §7.7
// and §12.4.1 with a committer alone in its half.
func (g *generator) passiveHalfEmpty() []any {
	return perSuite([]CipherSuite{P256AES128, Default}, func(id CipherSuite) any {
		c := g.grown(id, 4)
		v, _ := g.watched(c, 0) // leaf 4, alone in the right half
		step := func(from LeafIndex, o CommitOptions, joiners ...*person) {
			bundles := make([]*KeyPackageBundle, len(joiners))
			for i, p := range joiners {
				bundles[i] = p.bundle(g.t, id)
				o.Adds = append(o.Adds, bundles[i].KeyPackage)
			}
			p := must(c.groups[from].Commit(o))(g.t)
			c.deliver(from, p, now)
			for i, b := range bundles {
				m := must(JoinWelcome(p.Welcomes[i], b, JoinOptions{Tree: c.observer.Tree(), Rand: rand.Reader}))(g.t)
				c.groups[m.Own()], c.people[m.Own()] = m, joiners[i]
			}
			c.agree()
			v.Epochs = append(v.Epochs, passiveEpoch{Proposals: []hexBytes{}, Commit: p.Commit, Authenticator: p.Next.EpochAuthenticator()})
		}
		step(3, CommitOptions{})
		step(0, CommitOptions{}, g.person(id), g.person(id)) // 5 and 6 beside it
		step(6, CommitOptions{Removes: []LeafIndex{0, 1, 2, 3}})
		step(5, CommitOptions{})                        // the left half is empty
		step(6, CommitOptions{}, g.person(id))          // into leaf 0
		step(0, CommitOptions{Removes: []LeafIndex{5}}) // alone in its half
		step(6, CommitOptions{}, g.person(id))          // into leaf 1, half of a half
		step(1, CommitOptions{Removes: []LeafIndex{6}}) // right: only the watcher
		step(0, CommitOptions{}, g.person(id))          // into leaf 2
		step(2, CommitOptions{Removes: []LeafIndex{0}}) // and out again
		step(1, CommitOptions{Removes: []LeafIndex{2}}, g.person(id), g.person(id), g.person(id), g.person(id), g.person(id))
		return v
	})
}
