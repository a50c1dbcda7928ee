package mls

import (
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

var generate = flag.Bool("generate", false, "write the vector files that the working group does not give")

// pqSuites have no vectors of the working group.
var pqSuites = []CipherSuite{Default, High}

// TestGenerate writes our own vectors, in the working group's formats:
//
//	go test ./crypto/mls -run TestGenerate -generate
//
// The keys in them are fresh at every run. Without the flag it only checks
// that each file is there.
func TestGenerate(t *testing.T) {
	for name, make := range map[string]func(*generator) []any{
		"tree-validation-generated":      (*generator).treeValidation,
		"passive-client-random":          (*generator).passiveRandom,
		"crypto-basics-pq":               (*generator).cryptoBasics,
		"key-schedule-pq":                (*generator).keySchedule,
		"psk_secret-pq":                  (*generator).pskSecret,
		"secret-tree-pq":                 (*generator).secretTree,
		"message-protection-pq":          (*generator).messageProtection,
		"transcript-hashes-pq":           (*generator).transcriptHashes,
		"welcome-pq":                     (*generator).welcome,
		"tree-operations-pq":             (*generator).treeOperations,
		"treekem-pq":                     (*generator).treeKEM,
		"passive-client-random-pq":       (*generator).passiveRandomPQ,
		"tree-validation-generated-pq":   (*generator).treeValidationPQ,
		"passive-client-half-empty-tree": (*generator).passiveHalfEmpty,
	} {
		path := filepath.Join("testdata", "rfc9420", name+".json")
		if !*generate {
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
			continue
		}
		b, err := json.Marshal(make(&generator{t: t, r: mrand.New(mrand.NewPCG(9420, 1))}))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type generator struct {
	t *testing.T
	r *mrand.Rand
	n int
}

func (g *generator) bytes(n int) hexBytes {
	b, err := random(rand.Reader, n)
	if err != nil {
		g.t.Fatal(err)
	}
	return b
}

func (g *generator) suite(id CipherSuite) *suite { return must(suiteOf(id))(g.t) }

func (g *generator) person(id CipherSuite) *person {
	g.n++
	return newPerson(g.t, id, g.n)
}

// privateKey is the signer's key in the encoding of format.md.
func (g *generator) privateKey(s Signer) hexBytes {
	switch k := s.(type) {
	case ed25519Signer:
		return hexBytes(k.key.Seed())
	case ecdsaSigner:
		return must(k.key.Bytes())(g.t)
	}
	panic("unknown signer: " + fmt.Sprintf("%T", s))
}

func (g *generator) hpkeKey(k keyPair) hexBytes { return must(k.private.Bytes())(g.t) }

func perSuite(ids []CipherSuite, f func(CipherSuite) any) []any {
	var out []any
	for _, id := range ids {
		out = append(out, f(id))
	}
	return out
}

func (g *generator) cryptoBasics() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		s, v := g.suite(id), cryptoBasicsVector{Suite: id}
		v.RefHash.Label, v.RefHash.Value = "RefHash", g.bytes(48)
		v.RefHash.Out = s.refHash(v.RefHash.Label, v.RefHash.Value)
		v.Expand.Secret, v.Expand.Label, v.Expand.Context, v.Expand.Length = g.bytes(48), "ExpandWithLabel", g.bytes(48), 70
		v.Expand.Out = s.expandWithLabel(v.Expand.Secret, v.Expand.Label, v.Expand.Context, v.Expand.Length)
		v.Derive.Secret, v.Derive.Label = g.bytes(48), "DeriveSecret"
		v.Derive.Out = s.deriveSecret(v.Derive.Secret, v.Derive.Label)
		v.Tree.Secret, v.Tree.Label, v.Tree.Generation, v.Tree.Length = g.bytes(48), "DeriveTreeSecret", 1<<20+3, 32
		v.Tree.Out = s.deriveTreeSecret(v.Tree.Secret, v.Tree.Label, v.Tree.Generation, v.Tree.Length)
		signer := must(GenerateSigner(id, rand.Reader))(g.t)
		v.Sign.Private, v.Sign.Public, v.Sign.Label, v.Sign.Content = g.privateKey(signer), signer.PublicKey(), "SignWithLabel", g.bytes(48)
		v.Sign.Signature = must(signWithLabel(signer, v.Sign.Label, v.Sign.Content))(g.t)
		key, e := must(s.generateKeyPair(rand.Reader))(g.t), &v.Encrypt
		e.Private, e.Public, e.Label, e.Context, e.Plaintext = g.hpkeKey(key), key.public, "EncryptWithLabel", g.bytes(48), g.bytes(48)
		c := must(s.encryptWithLabel(&publicKey{raw: key.public}, e.Label, e.Context, e.Plaintext))(g.t)
		e.KEMOutput, e.Ciphertext = c.kemOutput, c.ciphertext
		return v
	})
}

func (g *generator) keySchedule() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		s := g.suite(id)
		v := keyScheduleVector{Suite: id, GroupID: g.bytes(16), InitialInit: g.bytes(s.size)}
		init := []byte(v.InitialInit)
		for i := range 5 {
			e := keyEpoch{TreeHash: g.bytes(s.size), Commit: g.bytes(s.size), PSK: g.bytes(s.size), Confirmed: g.bytes(s.size)}
			e.Context = (&groupContext{suite: id, groupID: v.GroupID, epoch: uint64(i), treeHash: e.TreeHash, confirmed: e.Confirmed}).bytes()
			e.Joiner = s.joinerSecret(init, e.Commit, e.Context)
			x, welcome := s.epochFromJoiner(e.Joiner, e.PSK, e.Context)
			e.Welcome, e.Init, e.SenderData, e.Encryption, e.Exporter = welcome, x.init, x.senderData, x.encryption, x.exporter
			e.Authenticator, e.External, e.Confirmation, e.Membership, e.Resumption = x.authenticator, x.external, x.confirmation, x.membership, x.resumption
			e.ExternalPub = must(s.deriveKeyPair(x.external))(g.t).public
			e.Export.Label, e.Export.Context, e.Export.Length = "SFrame 1.0 Base Key", hexBytes{}, 32
			e.Export.Secret = must(s.export(x.exporter, e.Export.Label, e.Export.Context, e.Export.Length))(g.t)
			v.Epochs, init = append(v.Epochs, e), x.init
		}
		return v
	})
}

func (g *generator) pskSecret() []any {
	var out []any
	for _, id := range pqSuites {
		s := g.suite(id)
		for n := range 4 {
			v := pskVector{Suite: id}
			var ids []PreSharedKeyID
			var secrets [][]byte
			for range n {
				v.PSKs = append(v.PSKs, struct {
					ID    hexBytes `json:"psk_id"`
					PSK   hexBytes `json:"psk"`
					Nonce hexBytes `json:"psk_nonce"`
				}{g.bytes(16), g.bytes(s.size), g.bytes(s.size)})
				p := v.PSKs[len(v.PSKs)-1]
				ids, secrets = append(ids, PreSharedKeyID{Type: PSKExternal, ID: p.ID, Nonce: p.Nonce}), append(secrets, p.PSK)
			}
			v.Secret = s.pskSecret(ids, secrets)
			out = append(out, v)
		}
	}
	return out
}

func (g *generator) secretTree() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		s, v := g.suite(id), secretTreeVector{Suite: id, Encryption: g.bytes(48)}
		v.SenderData.Secret, v.SenderData.Ciphertext = g.bytes(s.size), g.bytes(77)
		v.SenderData.Key, v.SenderData.Nonce = func() (hexBytes, hexBytes) {
			k, n := s.senderDataKey(v.SenderData.Secret, v.SenderData.Ciphertext)
			return k, n
		}()
		tree := newSecretTree(s, 8, clone(v.Encryption))
		v.Leaves = append(v.Leaves, nil, nil, nil, nil, nil, nil, nil, nil)
		for l := range v.Leaves {
			for _, generation := range []uint32{0, 1, 15} {
				hk, hn, _, err := tree.at(LeafIndex(l), contentCommit, generation)
				if err != nil {
					g.t.Fatal(err)
				}
				ak, an, _, err := tree.at(LeafIndex(l), contentApplication, generation)
				if err != nil {
					g.t.Fatal(err)
				}
				v.Leaves[l] = append(v.Leaves[l], struct {
					Generation       uint32   `json:"generation"`
					HandshakeKey     hexBytes `json:"handshake_key"`
					HandshakeNonce   hexBytes `json:"handshake_nonce"`
					ApplicationKey   hexBytes `json:"application_key"`
					ApplicationNonce hexBytes `json:"application_nonce"`
				}{generation, hk, hn, ak, an})
			}
		}
		return v
	})
}

func (g *generator) messageProtection() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		s := g.suite(id)
		signer := must(GenerateSigner(id, rand.Reader))(g.t)
		v := protectionVector{Suite: id, GroupID: g.bytes(16), Epoch: 12, TreeHash: g.bytes(s.size), Confirmed: g.bytes(s.size),
			Private: g.privateKey(signer), Public: signer.PublicKey(), Encryption: g.bytes(s.size), SenderData: g.bytes(s.size),
			Membership: g.bytes(s.size), Application: g.bytes(100)}
		context := (&groupContext{suite: id, groupID: v.GroupID, epoch: v.Epoch, treeHash: v.TreeHash, confirmed: v.Confirmed}).bytes()
		proposal := Proposal{Type: ProposalRemove, Remove: 5}
		v.Proposal = encoded(proposal.encode)
		c := &commit{proposals: []proposalOrRef{{proposal: proposal}}}
		v.Commit = encoded(c.encode)
		protect := func(wire uint16, kind contentType) hexBytes {
			a := &authenticatedContent{wireFormat: wire, content: framedContent{groupID: v.GroupID, epoch: v.Epoch,
				sender: sender{SenderMember, 1}, kind: kind, application: v.Application, proposal: &proposal, commit: c}}
			if err := a.sign(signer, context); err != nil {
				g.t.Fatal(err)
			}
			if kind == contentCommit {
				a.confirmationTag = g.bytes(s.size)
			}
			if wire == wirePublicMessage {
				return encoded((&message{public: must(a.protectPublic(s, v.Membership, context))(g.t)}).encode)
			}
			m := must(a.protectPrivate(s, newSecretTree(s, 2, clone(v.Encryption)), v.SenderData, rand.Reader))(g.t)
			return encoded((&message{private: m}).encode)
		}
		v.ProposalPub, v.ProposalPriv = protect(wirePublicMessage, contentProposal), protect(wirePrivateMessage, contentProposal)
		v.CommitPub, v.CommitPriv = protect(wirePublicMessage, contentCommit), protect(wirePrivateMessage, contentCommit)
		v.ApplicationPri = protect(wirePrivateMessage, contentApplication)
		return v
	})
}

func (g *generator) transcriptHashes() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		c := newPlain(g.t, id, g.person(id))
		c.commit(0, CommitOptions{}, g.person(id))
		before := c.groups[1]
		p := must(c.groups[0].Commit(CommitOptions{}))(g.t)
		a := must(parseMessage(p.Commit))(g.t).public.authenticatedContent
		return transcriptVector{Suite: id, ConfirmationKey: p.Next.secrets.confirmation, Content: encoded(a.encode),
			InterimBefore: before.interim, Confirmed: p.Next.context.confirmed, Interim: p.Next.interim}
	})
}

func (g *generator) welcome() []any {
	return perSuite(pqSuites, func(id CipherSuite) any {
		host := g.person(id)
		c := newPlain(g.t, id, host)
		b := g.person(id).bundle(g.t, id)
		p := must(c.groups[0].Commit(CommitOptions{Adds: []*KeyPackage{b.KeyPackage}, WithTree: true}))(g.t)
		return welcomeVector{Suite: id, Init: g.hpkeKey(b.init), Signer: host.id.Signer.PublicKey(),
			KeyPackage: b.KeyPackage.MarshalMessage(), Welcome: p.Welcomes[0]}
	})
}

// grown is format.md's get_tree: leaf i adds leaf i+1.
func (g *generator) grown(id CipherSuite, n int) *call {
	c := newPlain(g.t, id, g.person(id))
	for i := range n - 1 {
		c.commit(LeafIndex(i), CommitOptions{}, g.person(id))
	}
	return c
}

func (g *generator) treeOperations() []any {
	var out []any
	for _, id := range pqSuites {
		s := g.suite(id)
		c := g.grown(id, 4)
		update := func() Proposal {
			old := c.groups[2].tree.leaf(2)
			leaf := &LeafNode{EncryptionKey: must(s.generateKeyPair(rand.Reader))(g.t).public, SignatureKey: old.SignatureKey,
				Credential: old.Credential, Capabilities: old.Capabilities, Extensions: old.Extensions, Source: SourceUpdate}
			if err := leaf.sign(c.people[2].id.Signer, c.observer.context.groupID, 2); err != nil {
				g.t.Fatal(err)
			}
			return Proposal{Type: ProposalUpdate, Update: leaf}
		}()
		for _, p := range []Proposal{
			{Type: ProposalAdd, Add: g.person(id).bundle(g.t, id).KeyPackage},
			{Type: ProposalRemove, Remove: 3}, {Type: ProposalRemove, Remove: 1}, update,
		} {
			before := c.observer.tree
			after := before.clone()
			switch p.Type {
			case ProposalAdd:
				if _, err := after.add(p.Add.leaf); err != nil {
					g.t.Fatal(err)
				}
			case ProposalRemove:
				after.remove(p.Remove)
				after.truncate()
			case ProposalUpdate:
				after.update(2, p.Update)
			}
			out = append(out, treeOperationsVector{Suite: id, Before: before.bytes(), Proposal: encoded(p.encode), Sender: 2,
				HashBefore: before.rootHash(), After: after.bytes(), HashAfter: after.rootHash()})
		}
	}
	return out
}

func (g *generator) validation(c *call) treeValidationVector {
	t := c.observer.tree
	v := treeValidationVector{Suite: c.suite, Tree: t.bytes(), GroupID: c.observer.context.groupID}
	for x := range t.nodes {
		v.Resolutions = append(v.Resolutions, append([]nodeIndex{}, t.resolution(nodeIndex(x))...))
		v.TreeHashes = append(v.TreeHashes, t.hash(nodeIndex(x)))
	}
	return v
}

// treeValidation is format.md's list, in order of increasing complexity.
func (g *generator) treeValidation() []any {
	var out []any
	for _, id := range []CipherSuite{X25519AES128, P256AES128} {
		for _, n := range []int{2, 3, 4, 5, 6, 7, 8, 9, 32, 33, 34} {
			if n < 30 || id == X25519AES128 {
				out = append(out, g.validation(g.grown(id, n)))
			}
		}
		out = append(out, g.blanks(id)...)
	}
	return out
}

func (g *generator) treeValidationPQ() []any {
	var out []any
	for _, id := range pqSuites {
		out = append(out, g.validation(g.grown(id, 3)), g.validation(g.grown(id, 4)))
	}
	return append(out, g.blanks(Default)...)
}

// blanks are the trees with blanks and unmerged leaves.
func (g *generator) blanks(id CipherSuite) []any {
	internal := g.grown(id, 8)
	internal.commit(0, CommitOptions{Removes: []LeafIndex{2, 3}}, g.person(id))
	skipping := g.grown(id, 8)
	skipping.commit(0, CommitOptions{Removes: []LeafIndex{1, 2, 3}})
	unmerged := g.grown(id, 7)
	unmerged.commit(0, CommitOptions{}, g.person(id))
	// RFC 9420 appendix A, how the tree of figure 14 came about.
	figure := newPlain(g.t, id, g.person(id))
	figure.commit(0, CommitOptions{}, g.person(id), g.person(id), g.person(id), g.person(id), g.person(id), g.person(id))
	figure.commit(0, CommitOptions{Removes: []LeafIndex{5}})
	figure.commit(4, CommitOptions{})
	figure.partial(0, g.person(id))
	return []any{g.validation(internal), g.validation(skipping), g.validation(unmerged), g.validation(figure)}
}

// partial adds without a path (RFC 9420 §12.4), which only the vectors do.
func (c *call) partial(from LeafIndex, p *person) *Pending {
	c.t.Helper()
	b := p.bundle(c.t, c.suite)
	pending := partialCommit(c.t, c.groups[from], []SentProposal{{Proposal: Proposal{Type: ProposalAdd, Add: b.KeyPackage}}})
	c.deliver(from, pending, now)
	g, err := JoinWelcome(pending.Welcomes[0], b, JoinOptions{Tree: c.observer.Tree(), Rand: rand.Reader})
	if err != nil {
		c.t.Fatal(err)
	}
	c.groups[g.Own()], c.people[g.Own()] = g, p
	c.agree()
	return pending
}

func partialCommit(t testing.TB, g *Group, list []SentProposal) *Pending {
	t.Helper()
	a := &authenticatedContent{wireFormat: wirePublicMessage, content: g.content(contentCommit, nil)}
	a.content.commit = &commit{}
	for _, p := range list {
		a.content.commit.proposals = append(a.content.commit.proposals, proposalOrRef{proposal: p.Proposal})
	}
	s, err := g.apply(list, a.content.sender)
	if err != nil {
		t.Fatal(err)
	}
	s.next.context.treeHash = s.next.tree.rootHash()
	if err := a.sign(g.signer, g.context.bytes()); err != nil {
		t.Fatal(err)
	}
	p, err := g.conclude(g.next(s), s, a, &pathSecrets{commit: g.suite.zero()}, g.secrets.init, CommitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
