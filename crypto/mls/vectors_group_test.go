package mls

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"slices"
	"testing"
	"time"
)

type protectionVector struct {
	Suite          CipherSuite `json:"cipher_suite"`
	GroupID        hexBytes    `json:"group_id"`
	Epoch          uint64      `json:"epoch"`
	TreeHash       hexBytes    `json:"tree_hash"`
	Confirmed      hexBytes    `json:"confirmed_transcript_hash"`
	Private        hexBytes    `json:"signature_priv"`
	Public         hexBytes    `json:"signature_pub"`
	Encryption     hexBytes    `json:"encryption_secret"`
	SenderData     hexBytes    `json:"sender_data_secret"`
	Membership     hexBytes    `json:"membership_key"`
	Proposal       hexBytes    `json:"proposal"`
	ProposalPub    hexBytes    `json:"proposal_pub"`
	ProposalPriv   hexBytes    `json:"proposal_priv"`
	Commit         hexBytes    `json:"commit"`
	CommitPub      hexBytes    `json:"commit_pub"`
	CommitPriv     hexBytes    `json:"commit_priv"`
	Application    hexBytes    `json:"application"`
	ApplicationPri hexBytes    `json:"application_priv"`
}

func testMessageProtection(t *testing.T, raw json.RawMessage) {
	var v protectionVector
	s := parseCase(t, raw, &v)
	signer := must(NewSigner(s.id, v.Private))(t)
	context := (&groupContext{suite: s.id, groupID: v.GroupID, epoch: v.Epoch, treeHash: v.TreeHash, confirmed: v.Confirmed}).bytes()
	verify := func(a *authenticatedContent) error { return a.verify(s, v.Public, context) }
	body := func(a *authenticatedContent) []byte {
		if a.content.kind == contentApplication {
			return a.content.application
		}
		return encoded(a.content.encodeBody)
	}
	checkPublic := func(m *publicMessage, want []byte) {
		t.Helper()
		if err := verify(&m.authenticatedContent); err != nil {
			t.Error(err)
		}
		if err := m.checkTag(s, v.Membership, context); err != nil {
			t.Error(err)
		}
		if m.content.sender != (sender{SenderMember, 1}) {
			t.Errorf("sender %v", m.content.sender)
		}
		same(t, "public content", body(&m.authenticatedContent), want)
	}
	anyone := func(LeafIndex) error { return nil }
	openPrivate := func(m *privateMessage, want []byte) {
		t.Helper()
		tree := newSecretTree(s, 2, clone(v.Encryption))
		a, err := m.unprotect(s, tree, v.SenderData, anyone, verify)
		if err != nil {
			t.Fatal(err)
		}
		if a.content.sender != (sender{SenderMember, 1}) {
			t.Errorf("sender %v", a.content.sender)
		}
		same(t, "private content", body(a), want)
		if _, err := m.unprotect(s, tree, v.SenderData, anyone, verify); err == nil {
			t.Error("a generation opened twice")
		}
	}
	for _, c := range []struct {
		kind           contentType
		raw, pub, priv []byte
	}{
		{contentProposal, v.Proposal, v.ProposalPub, v.ProposalPriv},
		{contentCommit, v.Commit, v.CommitPub, v.CommitPriv},
		{contentApplication, v.Application, nil, v.ApplicationPri},
	} {
		if c.pub != nil {
			checkPublic(must(parseMessage(c.pub))(t).public, c.raw)
		}
		openPrivate(must(parseMessage(c.priv))(t).private, c.raw)

		for _, wire := range []uint16{wirePublicMessage, wirePrivateMessage} {
			a := &authenticatedContent{wireFormat: wire, content: framedContent{
				groupID: v.GroupID, epoch: v.Epoch, sender: sender{SenderMember, 1}, kind: c.kind}}
			if c.kind == contentApplication {
				a.content.application = c.raw
			} else {
				d := decoder{b: c.raw}
				a.content.decodeBody(&d)
				if err := d.done(); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.sign(signer, context); err != nil {
				t.Fatal(err)
			}
			if c.kind == contentCommit {
				a.confirmationTag = s.zero()
			}
			if wire == wirePrivateMessage {
				m := must(a.protectPrivate(s, newSecretTree(s, 2, clone(v.Encryption)), v.SenderData, rand.Reader))(t)
				openPrivate(must(parseMessage(encoded((&message{private: m}).encode)))(t).private, c.raw)
				continue
			}
			m, err := a.protectPublic(s, v.Membership, context)
			if c.kind == contentApplication {
				if err == nil {
					t.Error("application data as a public message")
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			checkPublic(must(parseMessage(encoded((&message{public: m}).encode)))(t).public, c.raw)
		}
	}
}

type welcomeVector struct {
	Suite      CipherSuite `json:"cipher_suite"`
	Init       hexBytes    `json:"init_priv"`
	Signer     hexBytes    `json:"signer_pub"`
	KeyPackage hexBytes    `json:"key_package"`
	Welcome    hexBytes    `json:"welcome"`
}

func testWelcome(t *testing.T, raw json.RawMessage) {
	var v welcomeVector
	s := parseCase(t, raw, &v)
	kp := must(ParseKeyPackage(v.KeyPackage))(t)
	w := must(parseMessage(v.Welcome))(t).welcome
	secrets, info, err := w.open(s, &KeyPackageBundle{KeyPackage: kp, init: vectorKey(t, s, v.Init)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := info.verify(s, v.Signer); err != nil {
		t.Error(err)
	}
	epoch, _ := s.epochFromJoiner(secrets.joiner, s.zero(), info.context.bytes())
	same(t, "confirmation tag", info.confirmationTag, s.mac(epoch.confirmation, info.context.confirmed))
}

type treeOperationsVector struct {
	Suite      CipherSuite `json:"cipher_suite"`
	Before     hexBytes    `json:"tree_before"`
	Proposal   hexBytes    `json:"proposal"`
	Sender     LeafIndex   `json:"proposal_sender"`
	HashBefore hexBytes    `json:"tree_hash_before"`
	After      hexBytes    `json:"tree_after"`
	HashAfter  hexBytes    `json:"tree_hash_after"`
}

func testTreeOperations(t *testing.T, raw json.RawMessage) {
	var v treeOperationsVector
	s := parseCase(t, raw, &v)
	tree := must(parseTree(s, v.Before))(t)
	same(t, "hash before", tree.rootHash(), v.HashBefore)
	p := &Proposal{}
	if err := decodeAll(v.Proposal, p.decode); err != nil {
		t.Fatal(err)
	}
	switch p.Type {
	case ProposalAdd:
		if _, err := tree.add(p.Add.leaf); err != nil {
			t.Fatal(err)
		}
	case ProposalRemove:
		tree.remove(p.Remove)
		tree.truncate()
	case ProposalUpdate:
		tree.update(v.Sender, p.Update)
	default:
		t.Fatalf("proposal type %d", p.Type)
	}
	same(t, "tree after", tree.bytes(), v.After)
	same(t, "hash after", tree.rootHash(), v.HashAfter)
	same(t, "hash of the parsed tree", must(parseTree(s, v.After))(t).rootHash(), v.HashAfter)
}

type treeValidationVector struct {
	Suite       CipherSuite   `json:"cipher_suite"`
	Tree        hexBytes      `json:"tree"`
	GroupID     hexBytes      `json:"group_id"`
	Resolutions [][]nodeIndex `json:"resolutions"`
	TreeHashes  []hexBytes    `json:"tree_hashes"`
}

func testTreeValidation(t *testing.T, raw json.RawMessage) {
	var v treeValidationVector
	s := parseCase(t, raw, &v)
	tree := must(parseTree(s, v.Tree))(t)
	if len(v.Resolutions) != len(tree.nodes) || len(v.TreeHashes) != len(tree.nodes) {
		t.Fatalf("%d resolutions, %d hashes for %d nodes", len(v.Resolutions), len(v.TreeHashes), len(tree.nodes))
	}
	for x := range tree.nodes {
		if got := tree.resolution(nodeIndex(x)); !slices.Equal(got, v.Resolutions[x]) {
			t.Errorf("resolution of %d is %v, want %v", x, got, v.Resolutions[x])
		}
		if tree.emptyResolution(nodeIndex(x)) != (len(v.Resolutions[x]) == 0) {
			t.Errorf("resolution of %d: emptiness", x)
		}
		same(t, "tree hash", tree.hash(nodeIndex(x)), v.TreeHashes[x])
	}
	for _, err := range []error{tree.verifyShape(), tree.verifyUnmerged(), tree.verifyUnique(), tree.verifyParentHashes(), tree.verifyLeaves(v.GroupID, nil, nil)} {
		if err != nil {
			t.Error(err)
		}
	}
	same(t, "encoding", tree.bytes(), v.Tree)
}

type treeKEMVector struct {
	Suite     CipherSuite `json:"cipher_suite"`
	GroupID   hexBytes    `json:"group_id"`
	Epoch     uint64      `json:"epoch"`
	Confirmed hexBytes    `json:"confirmed_transcript_hash"`
	Tree      hexBytes    `json:"ratchet_tree"`
	Leaves    []struct {
		Index       LeafIndex `json:"index"`
		Encryption  hexBytes  `json:"encryption_priv"`
		Signature   hexBytes  `json:"signature_priv"`
		PathSecrets []struct {
			Node   nodeIndex `json:"node"`
			Secret hexBytes  `json:"path_secret"`
		} `json:"path_secrets"`
	} `json:"leaves_private"`
	Paths []struct {
		Sender      LeafIndex  `json:"sender"`
		Path        hexBytes   `json:"update_path"`
		PathSecrets []hexBytes `json:"path_secrets"`
		Commit      hexBytes   `json:"commit_secret"`
		HashAfter   hexBytes   `json:"tree_hash_after"`
	} `json:"update_paths"`
}

func testTreeKEM(t *testing.T, raw json.RawMessage) {
	var v treeKEMVector
	s := parseCase(t, raw, &v)
	before := must(parseTree(s, v.Tree))(t)
	keys, signers := map[LeafIndex]map[nodeIndex]keyPair{}, map[LeafIndex]Signer{}
	for _, l := range v.Leaves {
		own := map[nodeIndex]keyPair{l.Index.node(): vectorKey(t, s, l.Encryption)}
		for _, p := range l.PathSecrets {
			own[p.Node] = must(s.nodeKey(p.Secret))(t)
		}
		for x, key := range own {
			if k := before.nodes[x].key(); k == nil || !key.matches(k.raw) {
				t.Fatalf("leaf %d: private key of node %d does not fit", l.Index, x)
			}
		}
		keys[l.Index] = own
		signers[l.Index] = must(NewSigner(s.id, l.Signature))(t)
		same(t, "signature key", signers[l.Index].PublicKey(), before.leaf(l.Index).SignatureKey)
	}
	context := func(after *tree) []byte {
		return (&groupContext{suite: s.id, groupID: v.GroupID, epoch: v.Epoch, treeHash: after.rootHash(), confirmed: v.Confirmed}).bytes()
	}
	for _, u := range v.Paths {
		path := &updatePath{}
		if err := decodeAll(u.Path, path.decode); err != nil {
			t.Fatal(err)
		}
		after := before.clone()
		steps, err := after.merge(u.Sender, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "tree hash after", after.rootHash(), u.HashAfter)
		if err := path.leaf.verifySignature(s, v.GroupID, u.Sender); err != nil {
			t.Error(err)
		}
		for j, own := range keys {
			if j == u.Sender {
				continue
			}
			fresh, commit, err := after.openPath(j, own, steps, path, nil, context(after))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "commit secret", commit, u.Commit)
			want := must(s.nodeKey(u.PathSecrets[j]))(t)
			if got := fresh[commonAncestor(j, u.Sender)]; !got.matches(want.public) {
				t.Errorf("path secret of leaf %d", j)
			}
		}

		mine := before.clone()
		p, parentHash, err := mine.newPath(u.Sender, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		old := before.leaf(u.Sender)
		leaf := &LeafNode{EncryptionKey: must(s.generateKeyPair(rand.Reader))(t).public, SignatureKey: old.SignatureKey,
			Credential: old.Credential, Capabilities: old.Capabilities, Source: SourceCommit, ParentHash: parentHash}
		if err := leaf.sign(signers[u.Sender], v.GroupID, u.Sender); err != nil {
			t.Fatal(err)
		}
		mine.set(u.Sender.node(), node{leaf: leaf})
		fresh, err := mine.seal(p, leaf, nil, context(mine))
		if err != nil {
			t.Fatal(err)
		}
		theirs := before.clone()
		if steps, err = theirs.merge(u.Sender, fresh, nil); err != nil {
			t.Fatal(err)
		}
		same(t, "tree hash of a new path", theirs.rootHash(), mine.rootHash())
		for j, own := range keys {
			if j == u.Sender {
				continue
			}
			_, commit, err := theirs.openPath(j, own, steps, fresh, nil, context(theirs))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "new commit secret", commit, p.commit)
		}
	}
}

type passiveVector struct {
	Suite CipherSuite `json:"cipher_suite"`
	PSKs  []struct {
		ID  hexBytes `json:"psk_id"`
		PSK hexBytes `json:"psk"`
	} `json:"external_psks"`
	KeyPackage    hexBytes       `json:"key_package"`
	Signature     hexBytes       `json:"signature_priv"`
	Encryption    hexBytes       `json:"encryption_priv"`
	Init          hexBytes       `json:"init_priv"`
	Welcome       hexBytes       `json:"welcome"`
	Tree          hexBytes       `json:"ratchet_tree"`
	Authenticator hexBytes       `json:"initial_epoch_authenticator"`
	Epochs        []passiveEpoch `json:"epochs"`
}

type passiveEpoch struct {
	Proposals     []hexBytes `json:"proposals"`
	Commit        hexBytes   `json:"commit"`
	Authenticator hexBytes   `json:"epoch_authenticator"`
}

func testPassiveClient(t *testing.T, raw json.RawMessage) {
	var v passiveVector
	s := parseCase(t, raw, &v)
	kp := must(ParseKeyPackage(v.KeyPackage))(t)
	if err := kp.verify(s); err != nil {
		t.Fatal(err)
	}
	bundle := &KeyPackageBundle{KeyPackage: kp, signer: must(NewSigner(s.id, v.Signature))(t),
		init: vectorKey(t, s, v.Init), leaf: vectorKey(t, s, v.Encryption)}
	same(t, "signature key", bundle.signer.PublicKey(), kp.leaf.SignatureKey)
	same(t, "init key", bundle.init.public, kp.InitKey)
	same(t, "encryption key", bundle.leaf.public, kp.leaf.EncryptionKey)
	store := PSKFunc(func(id PreSharedKeyID) ([]byte, bool) {
		for _, p := range v.PSKs {
			if id.Type == PSKExternal && bytes.Equal(p.ID, id.ID) {
				return p.PSK, true
			}
		}
		return nil, false
	})
	g, err := JoinWelcome(v.Welcome, bundle, JoinOptions{Tree: v.Tree, PSKs: store, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "initial authenticator", g.EpochAuthenticator(), v.Authenticator)
	for i, e := range v.Epochs {
		for _, p := range e.Proposals {
			if err := g.ReceiveProposal(p); err != nil {
				t.Fatalf("epoch %d: proposal: %v", i, err)
			}
		}
		next, _, err := g.Process(e.Commit, time.Time{})
		if err != nil {
			t.Fatalf("epoch %d: commit: %v", i, err)
		}
		g = next
		same(t, "authenticator", g.EpochAuthenticator(), e.Authenticator)
	}
}

// vectorKey reads an HPKE private key. Some vectors drop leading zeroes of
// P-521 scalars, which RFC 9180 §7.1.2 does not.
func vectorKey(t *testing.T, s *suite, b []byte) keyPair {
	t.Helper()
	if s.id == P521AES256 && len(b) < 66 {
		b = append(make([]byte, 66-len(b)), b...)
	}
	return must(s.parseKeyPair(b))(t)
}
