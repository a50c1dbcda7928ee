package mls

import (
	"encoding/json"
	"testing"
)

func testTreeMath(t *testing.T, raw json.RawMessage) {
	var v struct {
		Leaves  int          `json:"n_leaves"`
		Nodes   int          `json:"n_nodes"`
		Root    nodeIndex    `json:"root"`
		Left    []*nodeIndex `json:"left"`
		Right   []*nodeIndex `json:"right"`
		Parent  []*nodeIndex `json:"parent"`
		Sibling []*nodeIndex `json:"sibling"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if nodeWidth(v.Leaves) != v.Nodes || rootOf(v.Leaves) != v.Root {
		t.Fatalf("width %d root %d", nodeWidth(v.Leaves), rootOf(v.Leaves))
	}
	check := func(what string, x nodeIndex, want *nodeIndex, exists bool, f func() nodeIndex) {
		if (want != nil) != exists {
			t.Errorf("%s of %d: exists %v", what, x, exists)
		} else if want != nil && f() != *want {
			t.Errorf("%s of %d is %d, want %d", what, x, f(), *want)
		}
	}
	for i := range v.Nodes {
		x := nodeIndex(i)
		check("left", x, v.Left[i], !x.isLeaf(), x.left)
		check("right", x, v.Right[i], !x.isLeaf(), x.right)
		check("parent", x, v.Parent[i], x != v.Root, x.parent)
		check("sibling", x, v.Sibling[i], x != v.Root, x.sibling)
	}
}

type cryptoBasicsVector struct {
	Suite   CipherSuite `json:"cipher_suite"`
	RefHash struct {
		Label string   `json:"label"`
		Value hexBytes `json:"value"`
		Out   hexBytes `json:"out"`
	} `json:"ref_hash"`
	Expand struct {
		Secret  hexBytes `json:"secret"`
		Label   string   `json:"label"`
		Context hexBytes `json:"context"`
		Length  int      `json:"length"`
		Out     hexBytes `json:"out"`
	} `json:"expand_with_label"`
	Derive struct {
		Secret hexBytes `json:"secret"`
		Label  string   `json:"label"`
		Out    hexBytes `json:"out"`
	} `json:"derive_secret"`
	Tree struct {
		Secret     hexBytes `json:"secret"`
		Label      string   `json:"label"`
		Generation uint32   `json:"generation"`
		Length     int      `json:"length"`
		Out        hexBytes `json:"out"`
	} `json:"derive_tree_secret"`
	Sign struct {
		Private   hexBytes `json:"priv"`
		Public    hexBytes `json:"pub"`
		Content   hexBytes `json:"content"`
		Label     string   `json:"label"`
		Signature hexBytes `json:"signature"`
	} `json:"sign_with_label"`
	Encrypt struct {
		Private    hexBytes `json:"priv"`
		Public     hexBytes `json:"pub"`
		Label      string   `json:"label"`
		Context    hexBytes `json:"context"`
		Plaintext  hexBytes `json:"plaintext"`
		KEMOutput  hexBytes `json:"kem_output"`
		Ciphertext hexBytes `json:"ciphertext"`
	} `json:"encrypt_with_label"`
}

func testCryptoBasics(t *testing.T, raw json.RawMessage) {
	var v cryptoBasicsVector
	s := parseCase(t, raw, &v)
	same(t, "ref hash", s.refHash(v.RefHash.Label, v.RefHash.Value), v.RefHash.Out)
	same(t, "expand", s.expandWithLabel(v.Expand.Secret, v.Expand.Label, v.Expand.Context, v.Expand.Length), v.Expand.Out)
	same(t, "derive", s.deriveSecret(v.Derive.Secret, v.Derive.Label), v.Derive.Out)
	same(t, "tree", s.deriveTreeSecret(v.Tree.Secret, v.Tree.Label, v.Tree.Generation, v.Tree.Length), v.Tree.Out)
	if err := s.verifyWithLabel(v.Sign.Public, v.Sign.Label, v.Sign.Content, v.Sign.Signature); err != nil {
		t.Error(err)
	}
	signer := must(NewSigner(s.id, v.Sign.Private))(t)
	same(t, "public key", signer.PublicKey(), v.Sign.Public)
	sig := must(signWithLabel(signer, v.Sign.Label, v.Sign.Content))(t)
	if err := s.verifyWithLabel(v.Sign.Public, v.Sign.Label, v.Sign.Content, sig); err != nil {
		t.Error(err)
	}
	e := v.Encrypt
	key := must(s.parseKeyPair(e.Private))(t)
	same(t, "hpke public key", key.public, e.Public)
	same(t, "decrypt", must(s.decryptWithLabel(key.private, e.Label, e.Context, hpkeCiphertext{e.KEMOutput, e.Ciphertext}))(t), e.Plaintext)
	c := must(s.encryptWithLabel(&publicKey{raw: e.Public}, e.Label, e.Context, e.Plaintext))(t)
	same(t, "round trip", must(s.decryptWithLabel(key.private, e.Label, e.Context, c))(t), e.Plaintext)
}

type secretTreeVector struct {
	Suite      CipherSuite `json:"cipher_suite"`
	SenderData struct {
		Secret     hexBytes `json:"sender_data_secret"`
		Ciphertext hexBytes `json:"ciphertext"`
		Key        hexBytes `json:"key"`
		Nonce      hexBytes `json:"nonce"`
	} `json:"sender_data"`
	Encryption hexBytes `json:"encryption_secret"`
	Leaves     [][]struct {
		Generation       uint32   `json:"generation"`
		HandshakeKey     hexBytes `json:"handshake_key"`
		HandshakeNonce   hexBytes `json:"handshake_nonce"`
		ApplicationKey   hexBytes `json:"application_key"`
		ApplicationNonce hexBytes `json:"application_nonce"`
	} `json:"leaves"`
}

func testSecretTree(t *testing.T, raw json.RawMessage) {
	var v secretTreeVector
	s := parseCase(t, raw, &v)
	key, nonce := s.senderDataKey(v.SenderData.Secret, v.SenderData.Ciphertext)
	same(t, "sender data key", key, v.SenderData.Key)
	same(t, "sender data nonce", nonce, v.SenderData.Nonce)
	tree := newSecretTree(s, len(v.Leaves), clone(v.Encryption))
	for l, generations := range v.Leaves {
		for _, g := range generations {
			for _, kind := range []contentType{contentProposal, contentApplication} {
				wantKey, wantNonce := g.HandshakeKey, g.HandshakeNonce
				if kind == contentApplication {
					wantKey, wantNonce = g.ApplicationKey, g.ApplicationNonce
				}
				key, nonce, use, err := tree.at(LeafIndex(l), kind, g.Generation)
				if err != nil {
					t.Fatal(err)
				}
				same(t, "key", key, wantKey)
				same(t, "nonce", nonce, wantNonce)
				if err := use(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

type keyScheduleVector struct {
	Suite       CipherSuite `json:"cipher_suite"`
	GroupID     hexBytes    `json:"group_id"`
	InitialInit hexBytes    `json:"initial_init_secret"`
	Epochs      []keyEpoch  `json:"epochs"`
}

type keyEpoch struct {
	TreeHash      hexBytes `json:"tree_hash"`
	Commit        hexBytes `json:"commit_secret"`
	PSK           hexBytes `json:"psk_secret"`
	Confirmed     hexBytes `json:"confirmed_transcript_hash"`
	Context       hexBytes `json:"group_context"`
	Joiner        hexBytes `json:"joiner_secret"`
	Welcome       hexBytes `json:"welcome_secret"`
	Init          hexBytes `json:"init_secret"`
	SenderData    hexBytes `json:"sender_data_secret"`
	Encryption    hexBytes `json:"encryption_secret"`
	Exporter      hexBytes `json:"exporter_secret"`
	Authenticator hexBytes `json:"epoch_authenticator"`
	External      hexBytes `json:"external_secret"`
	Confirmation  hexBytes `json:"confirmation_key"`
	Membership    hexBytes `json:"membership_key"`
	Resumption    hexBytes `json:"resumption_psk"`
	ExternalPub   hexBytes `json:"external_pub"`
	Export        struct {
		Label   string   `json:"label"`
		Context hexBytes `json:"context"`
		Length  int      `json:"length"`
		Secret  hexBytes `json:"secret"`
	} `json:"exporter"`
}

func testKeySchedule(t *testing.T, raw json.RawMessage) {
	var v keyScheduleVector
	s := parseCase(t, raw, &v)
	init := []byte(v.InitialInit)
	for i, e := range v.Epochs {
		context := (&groupContext{suite: s.id, groupID: v.GroupID, epoch: uint64(i),
			treeHash: e.TreeHash, confirmed: e.Confirmed}).bytes()
		same(t, "context", context, e.Context)
		psk := []byte(e.PSK)
		if psk == nil {
			psk = s.zero()
		}
		joiner := s.joinerSecret(init, e.Commit, context)
		same(t, "joiner", joiner, e.Joiner)
		got, welcome := s.epochFromJoiner(joiner, psk, context)
		same(t, "welcome", welcome, e.Welcome)
		same(t, "welcome of a joiner", s.welcomeSecret(joiner, psk), e.Welcome)
		same(t, "init", got.init, e.Init)
		same(t, "sender data", got.senderData, e.SenderData)
		same(t, "encryption", got.encryption, e.Encryption)
		same(t, "exporter", got.exporter, e.Exporter)
		same(t, "authenticator", got.authenticator, e.Authenticator)
		same(t, "external", got.external, e.External)
		same(t, "confirmation", got.confirmation, e.Confirmation)
		same(t, "membership", got.membership, e.Membership)
		same(t, "resumption", got.resumption, e.Resumption)
		same(t, "external pub", must(s.deriveKeyPair(got.external))(t).public, e.ExternalPub)
		exported := must(s.export(got.exporter, e.Export.Label, e.Export.Context, e.Export.Length))(t)
		same(t, "exported", exported, e.Export.Secret)
		init = got.init
	}
}

type pskVector struct {
	Suite CipherSuite `json:"cipher_suite"`
	PSKs  []struct {
		ID    hexBytes `json:"psk_id"`
		PSK   hexBytes `json:"psk"`
		Nonce hexBytes `json:"psk_nonce"`
	} `json:"psks"`
	Secret hexBytes `json:"psk_secret"`
}

func testPSKSecret(t *testing.T, raw json.RawMessage) {
	var v pskVector
	s := parseCase(t, raw, &v)
	var ids []PreSharedKeyID
	var secrets [][]byte
	for _, p := range v.PSKs {
		ids = append(ids, PreSharedKeyID{Type: PSKExternal, ID: p.ID, Nonce: p.Nonce})
		secrets = append(secrets, p.PSK)
	}
	same(t, "psk secret", s.pskSecret(ids, secrets), v.Secret)
}

type transcriptVector struct {
	Suite           CipherSuite `json:"cipher_suite"`
	ConfirmationKey hexBytes    `json:"confirmation_key"`
	Content         hexBytes    `json:"authenticated_content"`
	InterimBefore   hexBytes    `json:"interim_transcript_hash_before"`
	Confirmed       hexBytes    `json:"confirmed_transcript_hash_after"`
	Interim         hexBytes    `json:"interim_transcript_hash_after"`
}

func testTranscriptHashes(t *testing.T, raw json.RawMessage) {
	var v transcriptVector
	s := parseCase(t, raw, &v)
	a := &authenticatedContent{}
	if err := decodeAll(v.Content, a.decode); err != nil {
		t.Fatal(err)
	}
	if a.content.kind != contentCommit {
		t.Fatal("not a commit")
	}
	same(t, "confirmation tag", a.confirmationTag, s.mac(v.ConfirmationKey, v.Confirmed))
	confirmed := s.confirmedTranscript(v.InterimBefore, a)
	same(t, "confirmed", confirmed, v.Confirmed)
	same(t, "interim", s.interimTranscript(confirmed, a.confirmationTag), v.Interim)
}

func testDeserialization(t *testing.T, raw json.RawMessage) {
	var v struct {
		Header hexBytes `json:"vlbytes_header"`
		Length int      `json:"length"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	d := decoder{b: v.Header}
	if got := d.length(); d.done() != nil || got != v.Length {
		t.Errorf("length %d, want %d (%v)", got, v.Length, d.err)
	}
	same(t, "header", encoded(func(e *encoder) { e.length(v.Length) }), v.Header)
}

type messagesVector map[string]hexBytes

func testMessages(t *testing.T, raw json.RawMessage) {
	var v messagesVector
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	proposal := func(kind ProposalType) func(*testing.T, []byte) []byte {
		return func(t *testing.T, b []byte) []byte {
			// The vector holds the body without proposal_type.
			body := append(encoded(func(e *encoder) { e.u16(uint16(kind)) }), b...)
			p := &Proposal{}
			if err := decodeAll(body, p.decode); err != nil {
				t.Fatal(err)
			}
			return encoded(p.encode)[2:]
		}
	}
	msg := func(t *testing.T, b []byte) []byte {
		return encoded(must(parseMessage(b))(t).encode)
	}
	object := func(c interface {
		decode(*decoder)
		encode(*encoder)
	}) func(*testing.T, []byte) []byte {
		return func(t *testing.T, b []byte) []byte {
			if err := decodeAll(b, c.decode); err != nil {
				t.Fatal(err)
			}
			return encoded(c.encode)
		}
	}
	fields := map[string]func(*testing.T, []byte) []byte{
		"mls_welcome": msg, "mls_group_info": msg, "mls_key_package": msg,
		"ratchet_tree": object(&tree{}), "group_secrets": object(&groupSecrets{}), "commit": object(&commit{}),
		"add_proposal": proposal(ProposalAdd), "update_proposal": proposal(ProposalUpdate),
		"remove_proposal": proposal(ProposalRemove), "pre_shared_key_proposal": proposal(ProposalPSK),
		"re_init_proposal": proposal(ProposalReInit), "external_init_proposal": proposal(ProposalExternalInit),
		"group_context_extensions_proposal": proposal(ProposalGroupContextExtensions),
		"public_message_application":        msg, "public_message_proposal": msg, "public_message_commit": msg,
		"private_message": msg,
	}
	if len(fields) != len(v) {
		t.Fatalf("%d fields, want %d", len(v), len(fields))
	}
	for name, b := range v {
		same(t, name, fields[name](t, b), b)
		// What is cut short or too long does not decode.
		for _, broken := range [][]byte{b[:len(b)-1], append(clone(b), 0)} {
			if decodes(name, broken) {
				t.Errorf("%s decodes with %d bytes instead of %d", name, len(broken), len(b))
			}
		}
	}
}

// decodes says whether a field of a messages vector parses.
func decodes(name string, b []byte) bool {
	switch name {
	case "ratchet_tree":
		return decodeAll(b, (&tree{}).decode) == nil
	case "group_secrets":
		return decodeAll(b, (&groupSecrets{}).decode) == nil
	case "commit":
		return decodeAll(b, (&commit{}).decode) == nil
	}
	kinds := map[string]ProposalType{"add_proposal": 1, "update_proposal": 2, "remove_proposal": 3,
		"pre_shared_key_proposal": 4, "re_init_proposal": 5, "external_init_proposal": 6, "group_context_extensions_proposal": 7}
	if kind, ok := kinds[name]; ok {
		return decodeAll(append([]byte{0, byte(kind)}, b...), (&Proposal{}).decode) == nil
	}
	_, err := parseMessage(b)
	return err == nil
}
