package mls

// groupInfo is RFC 9420 §12.4.3 GroupInfo.
type groupInfo struct {
	context         groupContext
	extensions      []Extension
	confirmationTag []byte
	signer          LeafIndex
	signature       []byte
}

func (g *groupInfo) decode(d *decoder) {
	g.context.decode(d)
	g.extensions = decodeExtensions(d)
	g.confirmationTag = d.vec()
	g.signer = LeafIndex(d.u32())
	g.signature = d.vec()
}

func (g *groupInfo) encodeTBS(e *encoder) {
	g.context.encode(e)
	encodeExtensions(e, g.extensions)
	e.vec(g.confirmationTag)
	e.u32(uint32(g.signer))
}

func (g *groupInfo) encode(e *encoder) {
	g.encodeTBS(e)
	e.vec(g.signature)
}

func (g *groupInfo) sign(signer Signer) (err error) {
	g.signature, err = signWithLabel(signer, "GroupInfoTBS", encoded(g.encodeTBS))
	return err
}

func (g *groupInfo) verify(s *suite, public []byte) error {
	return s.verifyWithLabel(public, "GroupInfoTBS", encoded(g.encodeTBS), g.signature)
}

// open checks what a newcomer of any kind checks: extensions, the tree (given,
// or in the ratchet_tree extension), and the signature of a leaf in it.
func (g *groupInfo) open(s *suite, given []byte, batch VerifyFunc) (*publicState, error) {
	if g.context.suite != s.id {
		return nil, invalid("group info for suite %v", g.context.suite)
	}
	if err := checkDistinct(g.extensions); err != nil {
		return nil, err
	}
	if err := checkDistinct(g.context.extensions); err != nil {
		return nil, err
	}
	if len(given) == 0 {
		given, _ = findExtension(g.extensions, ExtensionRatchetTree)
	}
	t, err := parseTree(s, given)
	if err != nil {
		return nil, err
	}
	signer := t.leaf(g.signer)
	if signer == nil {
		return nil, invalid("group info signed by blank leaf %d", g.signer)
	}
	if err := g.verify(s, signer.SignatureKey); err != nil {
		return nil, err
	}
	if err := t.verify(&g.context, batch); err != nil {
		return nil, err
	}
	return &publicState{
		suite: s, context: g.context, tree: t, confirmationTag: g.confirmationTag,
		interim: s.interimTranscript(g.context.confirmed, g.confirmationTag),
	}, nil
}

// externalPub reads the external_pub extension (RFC 9420 §12.4.3.2).
func (g *groupInfo) externalPub() (*publicKey, error) {
	data, ok := findExtension(g.extensions, ExtensionExternalPub)
	if !ok {
		return nil, invalid("group info has no external_pub")
	}
	k := &publicKey{}
	if err := decodeAll(data, func(d *decoder) { k.raw = d.vec() }); err != nil {
		return nil, err
	}
	return k, nil
}

// welcome is RFC 9420 §12.4.3.1 Welcome.
type welcome struct {
	suite     CipherSuite
	secrets   []encryptedGroupSecrets
	groupInfo []byte // encrypted_group_info
}

type encryptedGroupSecrets struct {
	newMember []byte // KeyPackageRef
	secrets   hpkeCiphertext
}

func (w *welcome) decode(d *decoder) {
	w.suite = CipherSuite(d.u16())
	d.each(maxLeaves, func(d *decoder) {
		s := encryptedGroupSecrets{newMember: d.vec()}
		s.secrets.decode(d)
		w.secrets = append(w.secrets, s)
	})
	w.groupInfo = d.vec()
}

func (w *welcome) encode(e *encoder) {
	e.u16(uint16(w.suite))
	e.nested(func(e *encoder) {
		for i := range w.secrets {
			e.vec(w.secrets[i].newMember)
			w.secrets[i].secrets.encode(e)
		}
	})
	e.vec(w.groupInfo)
}

// groupSecrets is RFC 9420 §12.4.3.1 GroupSecrets.
type groupSecrets struct {
	joiner []byte
	path   []byte // nil if absent
	psks   []PreSharedKeyID
}

func (g *groupSecrets) decode(d *decoder) {
	g.joiner = d.vec()
	if d.optional() {
		if g.path = d.vec(); g.path == nil {
			g.path = []byte{}
		}
	}
	d.each(maxPSKs, func(d *decoder) {
		var id PreSharedKeyID
		id.decode(d)
		g.psks = append(g.psks, id)
	})
}

func (g *groupSecrets) encode(e *encoder) {
	e.vec(g.joiner)
	e.optional(g.path != nil)
	if g.path != nil {
		e.vec(g.path)
	}
	e.nested(func(e *encoder) {
		for i := range g.psks {
			g.psks[i].encode(e)
		}
	})
}

// infoKey is the key and nonce of encrypted_group_info.
func (s *suite) infoKey(welcomeSecret []byte) (key, nonce []byte) {
	return s.expandWithLabel(welcomeSecret, "key", nil, s.keySize), s.expandWithLabel(welcomeSecret, "nonce", nil, nonceSize)
}
