package mls

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
)

// rewrite changes a public commit as its own sender could: signed again with
// the sender's key, tagged with the members' key. The confirmation tag stays
// unless change sets it.
func rewrite(t *testing.T, g *Group, b []byte, change func(*authenticatedContent)) []byte {
	t.Helper()
	m := must(parseMessage(b))(t).public
	a := &m.authenticatedContent
	change(a)
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		t.Fatal(err)
	}
	return must(g.protect(a))(t)
}

// usable: the members whose group an attack did not change go on.
func (s *stageSet) usable() {
	s.t.Helper()
	s.commit(leafC, CommitOptions{})
	s.talk()
}

// TestBlindObserver: what a server can't see, the members refuse, with a
// typed error, and stay at their epoch.
func TestBlindObserver(t *testing.T) {
	for _, c := range []struct {
		name   string
		want   error
		reason string
		change func(*authenticatedContent)
	}{
		{"wrong confirmation tag", ErrConfirmation, "confirmation-tag", func(a *authenticatedContent) { a.confirmationTag[0] ^= 1 }},
		{"path secret that does not open", ErrPath, "path", func(a *authenticatedContent) {
			for i := range a.content.commit.path.nodes {
				for j := range a.content.commit.path.nodes[i].secrets {
					a.content.commit.path.nodes[i].secrets[j].ciphertext[0] ^= 1
				}
			}
		}},
		{"kem output of nonsense", ErrPath, "path", func(a *authenticatedContent) {
			for i := range a.content.commit.path.nodes {
				for j := range a.content.commit.path.nodes[i].secrets {
					a.content.commit.path.nodes[i].secrets[j].kemOutput = []byte{1, 2, 3}
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			bad := rewrite(t, s.groups[leafB], p.Commit, c.change)
			if _, _, err := s.observer.Check(bad, Policy, now); err != nil {
				t.Fatalf("observer: %v", err)
			}
			for _, l := range []LeafIndex{leafHost, leafC} {
				n, _, err := s.groups[l].Process(bad, now)
				if n != nil || !errors.Is(err, c.want) || Reason(err) != c.reason {
					t.Fatalf("leaf %d: %v", l, err)
				}
			}
			s.usable()
		})
	}
}

// TestOneBadCiphertext: a committer may cut off a single member. The others
// follow; the one it cut off knows, and its group stays usable.
func TestOneBadCiphertext(t *testing.T) {
	s := newStage(t, nil)
	g := s.groups[leafHost]
	// Built by hand: the confirmation tag is right, one ciphertext is not.
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, nil)}
	a.content.commit = &commit{}
	st := must(g.apply(nil, a.content.sender))(t)
	p, key, leaf, err := g.renew(st, g.tree.leaf(g.own))
	if err != nil {
		t.Fatal(err)
	}
	path := must(st.next.tree.seal(p, leaf, nil, st.next.context.bytes()))(t)
	if len(path.nodes) != 2 || len(path.nodes[1].secrets) != 1 {
		t.Fatalf("unexpected path %d", len(path.nodes))
	}
	path.nodes[1].secrets[0].ciphertext[3] ^= 0x40 // C's
	a.content.commit.path = path
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		t.Fatal(err)
	}
	n := g.next(st)
	n.keys[g.own.node()] = key
	p.adopt(n.keys)
	pending := must(g.conclude(n, st, a, p, g.secrets.init, CommitOptions{}))(t)

	if _, _, err := s.observer.Check(pending.Commit, Policy, now); err != nil {
		t.Fatalf("observer: %v", err)
	}
	next, _, err := s.groups[leafB].Process(pending.Commit, now)
	if err != nil {
		t.Fatalf("the member that can: %v", err)
	}
	same(t, "authenticator", next.EpochAuthenticator(), pending.Next.EpochAuthenticator())
	if _, _, err := s.groups[leafC].Process(pending.Commit, now); !errors.Is(err, ErrPath) {
		t.Fatalf("the member that can't: %v", err)
	}
	s.usable()
}

// TestRefusedByAll are commits that server and members refuse alike.
func TestRefusedByAll(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason string
		make   func(*testing.T, *stageSet) []byte
	}{
		{"signature of another member", "signature", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			m := must(parseMessage(p.Commit))(t).public
			m.signature = must(signWithLabel(s.c.id.Signer, "FramedContentTBS", m.tbs(s.observer.context.bytes())))(t)
			return must(s.groups[leafB].protect(&m.authenticatedContent))(t)
		}},
		{"one ciphertext too few", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				n := &a.content.commit.path.nodes[1]
				n.secrets = n.secrets[:len(n.secrets)-1]
			})
		}},
		{"one ciphertext too many", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				n := &a.content.commit.path.nodes[1]
				n.secrets = append(n.secrets, n.secrets[0])
			})
		}},
		{"path too short", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				a.content.commit.path.nodes = a.content.commit.path.nodes[:1]
			})
		}},
		{"path key of the tree", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				a.content.commit.path.nodes[1].key = s.observer.tree.leaf(leafC).key
			})
		}},
		{"path key swapped under a signed parent hash", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				a.content.commit.path.nodes[1].key = &publicKey{raw: must(s.observer.suite.generateKeyPair(rand.Reader))(t).public}
			})
		}},
		{"path key of nonsense", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				a.content.commit.path.nodes[1].key = &publicKey{raw: []byte("nonsense")}
			})
		}},
		{"path leaf of another source", "invalid", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafB].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafB], p.Commit, func(a *authenticatedContent) {
				a.content.commit.path.leaf = s.observer.tree.leaf(leafB)
			})
		}},
		{"unsigned key package", "signature", func(t *testing.T, s *stageSet) []byte {
			x := newPerson(t, Default, 1)
			x.device.Device = DeviceID{77}
			x.id.Credential = x.device.Credential()
			x.id.Signer = brokenSigner{x.id.Signer}
			g := s.groups[leafHost]
			g.policy = nil
			defer func() { g.policy = Policy }()
			list := []SentProposal{{Proposal: Proposal{Type: ProposalAdd, Add: x.bundle(t, Default).KeyPackage}, SenderType: SenderMember}}
			a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, nil)}
			p := must(g.Commit(CommitOptions{}))(t)
			a.content.commit = must(parseMessage(p.Commit))(t).public.content.commit
			a.content.commit.proposals = []proposalOrRef{{proposal: list[0].Proposal}}
			a.confirmationTag = make([]byte, 48)
			if err := a.sign(g.signer, g.context.bytes()); err != nil {
				t.Fatal(err)
			}
			return must(g.protect(a))(t)
		}},
		{"two adds of one key", "duplicate-key", func(t *testing.T, s *stageSet) []byte {
			x := newPerson(t, Default, 1)
			x.device.Device = DeviceID{77}
			x.id.Credential = x.device.Credential()
			p := must(s.groups[leafHost].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafHost], p.Commit, func(a *authenticatedContent) {
				for range 2 {
					a.content.commit.proposals = append(a.content.commit.proposals,
						proposalOrRef{proposal: Proposal{Type: ProposalAdd, Add: x.bundle(t, Default).KeyPackage}})
				}
			})
		}},
		{"no path", "no-path", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafHost].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafHost], p.Commit, func(a *authenticatedContent) { a.content.commit.path = nil })
		}},
		{"update by reference", "by-reference", func(t *testing.T, s *stageSet) []byte {
			update := must(s.groups[leafC].ProposeUpdate())(t)
			for _, l := range []LeafIndex{leafHost, leafB} {
				if err := s.groups[l].ReceiveProposal(update); err != nil {
					t.Fatal(err)
				}
			}
			return lawless(t, s.groups[leafB], CommitOptions{ByReference: true}).Commit
		}},
		{"reinit", "reinit", func(t *testing.T, s *stageSet) []byte {
			p := must(s.groups[leafHost].Commit(CommitOptions{Now: now}))(t)
			return rewrite(t, s.groups[leafHost], p.Commit, func(a *authenticatedContent) {
				a.content.commit.proposals = []proposalOrRef{{proposal: Proposal{Type: ProposalReInit,
					ReInit: &ReInit{GroupID: []byte("x"), Version: 1, Suite: Default}}}}
			})
		}},
		{"external commit", "external-commit", func(t *testing.T, s *stageSet) []byte {
			g := s.groups[leafHost]
			g.policy = nil
			info := must(g.GroupInfo(true))(t)
			g.policy = Policy
			return must(JoinExternal(info, ExternalOptions{Identity: s.x.id, Rand: rand.Reader}))(t).Commit
		}},
		{"committer changes its name", "path-leaf", func(t *testing.T, s *stageSet) []byte {
			g := s.groups[leafB]
			return recommit(t, g, func(l *LeafNode) { l.Extensions = s.x.id.Extensions })
		}},
		{"committer changes its account", "path-leaf", func(t *testing.T, s *stageSet) []byte {
			g := s.groups[leafB]
			return recommit(t, g, func(l *LeafNode) { l.Credential = s.x.id.Credential })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			bad := c.make(t, s)
			if _, _, err := s.observer.Check(bad, Policy, now); Reason(err) != c.reason {
				t.Errorf("observer: %v", err)
			}
			from := LeafIndex(must(parseMessage(bad))(t).public.content.sender.index)
			if must(parseMessage(bad))(t).public.content.sender.kind != SenderMember {
				from = 99
			}
			for l, g := range s.groups {
				if l == from {
					continue
				}
				if n, _, err := g.Process(bad, now); n != nil || Reason(err) != c.reason {
					t.Errorf("leaf %d: %v", l, err)
				}
			}
			s.usable()
		})
	}
}

// brokenSigner signs something else.
type brokenSigner struct{ Signer }

func (b brokenSigner) Sign(m []byte) ([]byte, error) { return b.Signer.Sign(append(clone(m), 0)) }

// recommit is an otherwise right commit whose path leaf is changed.
func recommit(t *testing.T, g *Group, change func(*LeafNode)) []byte {
	t.Helper()
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, nil)}
	a.content.commit = &commit{}
	st := must(g.apply(nil, a.content.sender))(t)
	old := *g.tree.leaf(g.own)
	change(&old)
	p, _, leaf, err := g.renew(st, &old)
	if err != nil {
		t.Fatal(err)
	}
	a.content.commit.path = must(st.next.tree.seal(p, leaf, nil, st.next.context.bytes()))(t)
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		t.Fatal(err)
	}
	return must(g.conclude(g.next(st), st, a, p, g.secrets.init, CommitOptions{}))(t).Commit
}

func TestReplayAndOrder(t *testing.T) {
	s := newStage(t, nil)
	old := s.groups[leafB]
	p := must(old.Commit(CommitOptions{Now: now}))(t)
	s.deliver(leafB, p, now)
	for _, l := range []LeafIndex{leafHost, leafC} {
		if _, _, err := s.groups[l].Process(p.Commit, now); !errors.Is(err, ErrEpoch) {
			t.Errorf("replayed: %v", err)
		}
	}
	if _, _, err := s.observer.Check(p.Commit, Policy, now); !errors.Is(err, ErrEpoch) {
		t.Errorf("observer: replayed: %v", err)
	}
	late := must(old.Commit(CommitOptions{Now: now}))(t)
	if _, _, err := s.groups[leafC].Process(late.Commit, now); !errors.Is(err, ErrEpoch) {
		t.Errorf("past epoch: %v", err)
	}
	other := newStage(t, nil)
	other.observer.context.groupID = []byte("elsewhere")
	if _, _, err := other.observer.Check(p.Commit, Policy, now); !errors.Is(err, ErrGroup) {
		t.Errorf("another group: %v", err)
	}
	// A member of another group with the same id and epoch.
	twin := newStage(t, nil)
	fork := must(twin.groups[leafB].Commit(CommitOptions{Now: now}))(t)
	fresh := newStage(t, nil)
	if _, _, err := fresh.groups[leafC].Process(fork.Commit, now); !errors.Is(err, ErrMembershipTag) {
		t.Errorf("fork: %v", err)
	}
	m, err := s.groups[leafB].Seal([]byte("x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.commit(leafC, CommitOptions{})
	if _, err := s.groups[leafHost].Open(m); !errors.Is(err, ErrEpoch) {
		t.Errorf("message of a past epoch: %v", err)
	}
	s.usable()
}

// TestRemoved: who was removed can't go on.
func TestRemoved(t *testing.T) {
	s := newStage(t, nil)
	gone := s.groups[leafC]
	p := must(s.groups[leafHost].Commit(CommitOptions{Removes: []LeafIndex{leafC}, Now: now}))(t)
	n, sum, err := gone.Process(p.Commit, now)
	if n != nil || !errors.Is(err, ErrRemoved) || len(sum.Removed) != 1 || sum.Removed[0].Leaf != leafC {
		t.Fatalf("%v %+v", err, sum)
	}
	s.deliver(leafHost, p, now)
	s.agree()
	// Its keys open no ciphertext of the path.
	a := &must(parseMessage(p.Commit))(t).public.authenticatedContent
	st := must(gone.stage(a, gone.lookup, nil, now))(t)
	context := st.next.context.bytes()
	for _, node := range st.path.nodes {
		for _, c := range node.secrets {
			for x, key := range gone.keys {
				if _, err := gone.suite.decryptWithLabel(key.private, "UpdatePathNode", context, c); err == nil {
					t.Fatalf("the removed member's key of node %d opens the path", x)
				}
			}
		}
	}
	if _, _, err := st.next.tree.openPath(gone.own, st.next.tree.retain(gone.keys), st.steps, st.path, nil, context); !errors.Is(err, ErrPath) {
		t.Fatalf("path: %v", err)
	}
	m, err := s.groups[leafB].Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Open(m); !errors.Is(err, ErrEpoch) {
		t.Fatalf("message: %v", err)
	}
	if bytes.Equal(gone.EpochAuthenticator(), s.groups[leafB].EpochAuthenticator()) {
		t.Fatal("same epoch")
	}
	// And what it sends no longer counts.
	stale := must(gone.Commit(CommitOptions{Now: now}))(t)
	if _, _, err := s.groups[leafB].Process(stale.Commit, now); !errors.Is(err, ErrEpoch) {
		t.Fatalf("commit of the removed: %v", err)
	}
}
