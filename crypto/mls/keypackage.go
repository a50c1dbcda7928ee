package mls

import (
	"bytes"
	"fmt"
	"io"
	"time"
)

const (
	// Leeway is how far apart the clocks of honest clients may be.
	Leeway = 10 * time.Minute
	// MaxLifetime is the longest total lifetime of a leaf that the product
	// accepts (RFC 9420 §7.2 demands that there is one).
	MaxLifetime = 31 * 24 * time.Hour
)

// Identity is what a member shows in the group, and the key that proves it.
type Identity struct {
	Signer     Signer
	Credential Credential
	Extensions []Extension // leaf node extensions
}

// KeyPackage is RFC 9420 §10 KeyPackage. Read-only.
type KeyPackage struct {
	Suite      CipherSuite
	InitKey    []byte
	Extensions []Extension
	Signature  []byte

	leaf   *LeafNode
	raw    []byte
	signed int
}

// KeyPackageBundle holds a key package with its private keys. It is used once.
type KeyPackageBundle struct {
	KeyPackage *KeyPackage
	signer     Signer
	init, leaf keyPair
}

// NewKeyPackage makes a key package with fresh keys for one join.
func NewKeyPackage(id CipherSuite, identity Identity, lifetime Lifetime, rand io.Reader) (*KeyPackageBundle, error) {
	s, err := suiteOf(id)
	if err != nil {
		return nil, err
	}
	b := &KeyPackageBundle{signer: identity.Signer}
	if b.init, err = s.generateKeyPair(rand); err != nil {
		return nil, err
	}
	if b.leaf, err = s.generateKeyPair(rand); err != nil {
		return nil, err
	}
	leaf, err := newLeaf(identity, b.leaf.public, rand)
	if err != nil {
		return nil, err
	}
	leaf.Source, leaf.Lifetime = SourceKeyPackage, lifetime
	if err := leaf.sign(identity.Signer, nil, 0); err != nil {
		return nil, err
	}
	kp := &KeyPackage{Suite: id, InitKey: b.init.public, leaf: leaf}
	body := encoded(func(e *encoder) {
		e.u16(protocolVersion)
		e.u16(uint16(id))
		e.vec(kp.InitKey)
		leaf.encode(e)
		encodeExtensions(e, nil)
	})
	kp.signed = len(body)
	if kp.Signature, err = signWithLabel(identity.Signer, "KeyPackageTBS", body); err != nil {
		return nil, err
	}
	e := encoder{b: body}
	e.vec(kp.Signature)
	kp.raw = e.b
	b.KeyPackage = kp
	return b, nil
}

func newLeaf(identity Identity, key []byte, rand io.Reader) (*LeafNode, error) {
	capabilities, err := ownCapabilities(rand)
	if err != nil {
		return nil, err
	}
	return &LeafNode{
		EncryptionKey: key,
		SignatureKey:  identity.Signer.PublicKey(),
		Credential:    identity.Credential,
		Capabilities:  capabilities,
		Extensions:    cloneExtensions(identity.Extensions),
	}, nil
}

func decodeKeyPackage(d *decoder) *KeyPackage {
	start := d.b
	k := &KeyPackage{}
	if v := d.u16(); v != protocolVersion && d.err == nil {
		d.fail("key package version %d", v)
	}
	k.Suite = CipherSuite(d.u16())
	k.InitKey = d.vec()
	k.leaf = decodeLeafNode(d)
	k.Extensions = decodeExtensions(d)
	body := len(start) - len(d.b)
	k.Signature = d.vec()
	if d.err == nil {
		k.raw, k.signed = start[:len(start)-len(d.b)], body
	}
	return k
}

func (k *KeyPackage) encode(e *encoder) { e.raw(k.raw) }

// ParseKeyPackage accepts a bare KeyPackage or an MLSMessage that holds one.
func ParseKeyPackage(b []byte) (*KeyPackage, error) {
	// A bare key package starts with version and suite, an MLSMessage with
	// version and wire format 5: suite 5 is told apart by what parses.
	var k *KeyPackage
	bare := decodeAll(b, func(d *decoder) { k = decodeKeyPackage(d) })
	if bare == nil {
		return k, nil
	}
	if m, err := parseMessage(b); err == nil && m.keyPackage != nil {
		return m.keyPackage, nil
	}
	return nil, fmt.Errorf("key package: %w", bare)
}

// Marshal returns the bare KeyPackage.
func (k *KeyPackage) Marshal() []byte { return clone(k.raw) }

// MarshalMessage returns the KeyPackage as an MLSMessage.
func (k *KeyPackage) MarshalMessage() []byte {
	return encoded((&message{keyPackage: k}).encode)
}

// Leaf is the leaf that the key package would put into the tree.
func (k *KeyPackage) Leaf() *LeafNode { return k.leaf }

// Ref is the KeyPackageRef of RFC 9420 §5.2, nil if the suite is unknown.
func (k *KeyPackage) Ref() []byte {
	s, err := suiteOf(k.Suite)
	if err != nil {
		return nil
	}
	return s.refHash("MLS 1.0 KeyPackage Reference", k.raw)
}

// verify is RFC 9420 §10.1 without the clock.
func (k *KeyPackage) verify(s *suite) error {
	if k.Suite != s.id {
		return invalid("key package for suite %v", k.Suite)
	}
	if k.leaf.Source != SourceKeyPackage {
		return invalid("key package holds a leaf of source %d", k.leaf.Source)
	}
	if bytes.Equal(k.InitKey, k.leaf.EncryptionKey) {
		return invalid("key package uses one key twice")
	}
	if err := checkDistinct(k.Extensions); err != nil {
		return err
	}
	if err := k.leaf.checkSelf(s, nil); err != nil {
		return err
	}
	if err := (&publicKey{raw: k.InitKey}).check(s); err != nil {
		return invalid("init key: %v", err)
	}
	if err := k.leaf.key.check(s); err != nil {
		return invalid("leaf key: %v", err)
	}
	if err := k.leaf.verifySignature(s, nil, 0); err != nil {
		return err
	}
	return s.verifyWithLabel(k.leaf.SignatureKey, "KeyPackageTBS", k.raw[:k.signed], k.Signature)
}

// Verify applies RFC 9420 §10.1: suite, keys, capabilities, both signatures,
// and that now lies in the leaf's lifetime give or take [Leeway].
func (k *KeyPackage) Verify(now time.Time) error {
	s, err := suiteOf(k.Suite)
	if err != nil {
		return err
	}
	if err := k.verify(s); err != nil {
		return err
	}
	if !k.leaf.Lifetime.covers(now, Leeway) {
		return fmt.Errorf("%w: key package: %w", ErrInvalid, ErrLifetime)
	}
	return nil
}

// Erase drops the private keys. Bytes that the runtime copied stay until the
// collector takes them.
func (b *KeyPackageBundle) Erase() { b.init, b.leaf, b.signer = keyPair{}, keyPair{}, nil }
