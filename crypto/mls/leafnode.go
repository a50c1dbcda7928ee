package mls

import (
	"slices"
	"time"
)

// LeafNodeSource says how a leaf came into the tree (RFC 9420 §7.2).
type LeafNodeSource uint8

const (
	SourceKeyPackage LeafNodeSource = 1
	SourceUpdate     LeafNodeSource = 2
	SourceCommit     LeafNodeSource = 3
)

// Lifetime is RFC 9420 §7.2 Lifetime, in seconds since 1970.
type Lifetime struct{ NotBefore, NotAfter uint64 }

// LifetimeFrom starts at now and lasts d. Clocks differ: see [Leeway].
func LifetimeFrom(now time.Time, d time.Duration) Lifetime {
	return Lifetime{uint64(now.Unix()), uint64(now.Add(d).Unix())}
}

// covers says whether now, give or take leeway, lies in the lifetime.
func (l Lifetime) covers(now time.Time, leeway time.Duration) bool {
	early, late := now.Add(-leeway).Unix(), now.Add(leeway).Unix()
	return late >= 0 && l.NotBefore <= uint64(late) && (early < 0 || uint64(early) <= l.NotAfter)
}

// LeafNode is RFC 9420 §7.2 LeafNode. Its fields are read-only: a changed leaf
// is a new leaf with a new signature.
type LeafNode struct {
	EncryptionKey []byte
	SignatureKey  []byte
	Credential    Credential
	Capabilities  Capabilities
	Source        LeafNodeSource
	Lifetime      Lifetime // only from a key package
	ParentHash    []byte   // only from a commit
	Extensions    []Extension
	Signature     []byte

	raw    []byte // the encoding
	signed int    // length of the part of raw before the signature
	key    *publicKey
}

func (l *LeafNode) decodeFields(d *decoder) (before []byte) {
	l.EncryptionKey, l.SignatureKey = d.vec(), d.vec()
	l.Credential.decode(d)
	l.Capabilities.decode(d)
	l.Source = LeafNodeSource(d.u8())
	switch l.Source {
	case SourceKeyPackage:
		l.Lifetime = Lifetime{d.u64(), d.u64()}
	case SourceUpdate:
	case SourceCommit:
		l.ParentHash = d.vec()
	default:
		d.fail("leaf node source %d", l.Source)
	}
	l.Extensions = decodeExtensions(d)
	before = d.b
	l.Signature = d.vec()
	return before
}

// decodeLeafNode copies the leaf out of the message: leaves live as long as
// the group, messages don't.
func decodeLeafNode(d *decoder) *LeafNode {
	start := d.b
	var probe LeafNode
	probe.decodeFields(d)
	if d.err != nil {
		return &LeafNode{}
	}
	raw := clone(start[:len(start)-len(d.b)])
	own := decoder{b: raw}
	l := &LeafNode{raw: raw}
	rest := l.decodeFields(&own)
	l.signed = len(raw) - len(rest)
	l.key = &publicKey{raw: l.EncryptionKey}
	return l
}

func (l *LeafNode) encode(e *encoder) { e.raw(l.raw) }

// tbs is LeafNodeTBS: bound to group and leaf unless from a key package.
func (l *LeafNode) tbs(groupID []byte, at LeafIndex) []byte {
	e := encoder{b: make([]byte, 0, l.signed+len(groupID)+8)}
	e.raw(l.raw[:l.signed])
	if l.Source != SourceKeyPackage {
		e.vec(groupID)
		e.u32(uint32(at))
	}
	return e.b
}

// sign encodes the leaf and signs it. The receiver's fields must not change
// afterwards.
func (l *LeafNode) sign(signer Signer, groupID []byte, at LeafIndex) error {
	body := encoded(func(e *encoder) {
		e.vec(l.EncryptionKey)
		e.vec(l.SignatureKey)
		l.Credential.encode(e)
		l.Capabilities.encode(e)
		e.u8(uint8(l.Source))
		switch l.Source {
		case SourceKeyPackage:
			e.u64(l.Lifetime.NotBefore)
			e.u64(l.Lifetime.NotAfter)
		case SourceCommit:
			e.vec(l.ParentHash)
		}
		encodeExtensions(e, l.Extensions)
	})
	l.raw, l.signed = body, len(body)
	sig, err := signWithLabel(signer, "LeafNodeTBS", l.tbs(groupID, at))
	if err != nil {
		return err
	}
	e := encoder{b: body}
	e.vec(sig)
	l.raw, l.Signature = e.b, sig
	l.key = &publicKey{raw: l.EncryptionKey}
	return nil
}

func (l *LeafNode) verifySignature(s *suite, groupID []byte, at LeafIndex) error {
	return s.verifyWithLabel(l.SignatureKey, "LeafNodeTBS", l.tbs(groupID, at), l.Signature)
}

// checkSelf applies the rules of RFC 9420 §7.3 that need nothing but the leaf
// and the group's extensions.
func (l *LeafNode) checkSelf(s *suite, group []Extension) error {
	if err := s.signature.checkPublic(l.SignatureKey); err != nil {
		return invalid("leaf signature key: %v", err)
	}
	if !slices.Contains(l.Capabilities.Versions, protocolVersion) {
		return invalid("leaf does not support mls 1.0")
	}
	if !slices.Contains(l.Capabilities.CipherSuites, s.id) {
		return invalid("leaf does not support suite %v", s.id)
	}
	if !slices.Contains(l.Capabilities.Credentials, l.Credential.Type) {
		return invalid("leaf does not list its own credential type")
	}
	if err := checkDistinct(l.Extensions); err != nil {
		return err
	}
	for _, x := range l.Extensions {
		if !l.Capabilities.supportsExtension(x.Type) {
			return invalid("leaf does not list its own extension %#04x", uint16(x.Type))
		}
	}
	return l.Capabilities.satisfy(group)
}
