package mls

import (
	"errors"
	"fmt"
	"io"
)

// privateMessage is RFC 9420 §6.3 PrivateMessage.
type privateMessage struct {
	groupID       []byte
	epoch         uint64
	kind          contentType
	authenticated []byte
	senderData    []byte // encrypted_sender_data
	ciphertext    []byte
}

// ErrDecrypt says that a private message did not open.
var ErrDecrypt = errors.New("private message does not open")

func (m *privateMessage) decode(d *decoder) {
	m.groupID, m.epoch = d.vec(), d.u64()
	m.kind = contentType(d.u8())
	if d.err == nil && (m.kind < contentApplication || m.kind > contentCommit) {
		d.fail("content type %d", m.kind)
	}
	m.authenticated, m.senderData, m.ciphertext = d.vec(), d.vec(), d.vec()
}

func (m *privateMessage) encode(e *encoder) {
	e.vec(m.groupID)
	e.u64(m.epoch)
	e.u8(uint8(m.kind))
	e.vec(m.authenticated)
	e.vec(m.senderData)
	e.vec(m.ciphertext)
}

// senderDataAAD and contentAAD: RFC 9420 §6.3.2 and §6.3.1.
func (m *privateMessage) senderDataAAD() []byte {
	return encoded(func(e *encoder) {
		e.vec(m.groupID)
		e.u64(m.epoch)
		e.u8(uint8(m.kind))
	})
}

func (m *privateMessage) contentAAD() []byte {
	return encoded(func(e *encoder) {
		e.raw(m.senderDataAAD())
		e.vec(m.authenticated)
	})
}

// senderDataKey is RFC 9420 §6.3.2.
func (s *suite) senderDataKey(secret, ciphertext []byte) (key, nonce []byte) {
	sample := ciphertext[:min(len(ciphertext), s.size)]
	return s.expandWithLabel(secret, "key", sample, s.keySize), s.expandWithLabel(secret, "nonce", sample, nonceSize)
}

// padding hides the length of short messages: plaintexts come in steps of 64.
func padding(n int) int { return (64 - n%64) % 64 }

// protectPrivate consumes the sender's next generation.
func (a *authenticatedContent) protectPrivate(s *suite, t *secretTree, senderDataSecret []byte, rand io.Reader) (*privateMessage, error) {
	c := &a.content
	guard, err := random(rand, 4)
	if err != nil {
		return nil, err
	}
	if c.sender.kind != SenderMember {
		return nil, invalid("private message from sender type %d", c.sender.kind)
	}
	m := &privateMessage{groupID: c.groupID, epoch: c.epoch, kind: c.kind, authenticated: c.authenticated}
	var plain encoder
	c.encodeBody(&plain)
	a.encodeAuth(&plain)
	plain.raw(make([]byte, padding(len(plain.b))))

	generation, key, nonce, err := t.next(LeafIndex(c.sender.index), c.kind)
	if err != nil {
		return nil, err
	}
	defer wipe(key)
	for i, b := range guard {
		nonce[i] ^= b
	}
	aead, err := s.newAEAD(key)
	if err != nil {
		return nil, err
	}
	m.ciphertext = aead.Seal(nil, nonce, plain.b, m.contentAAD())
	wipe(plain.b)

	sdKey, sdNonce := s.senderDataKey(senderDataSecret, m.ciphertext)
	if aead, err = s.newAEAD(sdKey); err != nil {
		return nil, err
	}
	m.senderData = aead.Seal(nil, sdNonce, encoded(func(e *encoder) {
		e.u32(c.sender.index)
		e.u32(generation)
		e.raw(guard)
	}), m.senderDataAAD())
	return m, nil
}

// unprotect opens m. from may refuse a sender; check verifies the content (its
// signature) before the generation counts as used: a forger must not burn
// another member's keys.
func (m *privateMessage) unprotect(s *suite, t *secretTree, senderDataSecret []byte,
	from func(LeafIndex) error, check func(*authenticatedContent) error) (*authenticatedContent, error) {
	sdKey, sdNonce := s.senderDataKey(senderDataSecret, m.ciphertext)
	aead, err := s.newAEAD(sdKey)
	if err != nil {
		return nil, err
	}
	data, err := aead.Open(nil, sdNonce, m.senderData, m.senderDataAAD())
	if err != nil {
		return nil, fmt.Errorf("%w: sender data", ErrDecrypt)
	}
	sd := decoder{b: data}
	leaf, generation, guard := sd.u32(), sd.u32(), sd.take(4)
	if err := sd.done(); err != nil {
		return nil, err
	}
	if err := from(LeafIndex(leaf)); err != nil {
		return nil, err
	}
	key, nonce, use, err := t.at(LeafIndex(leaf), m.kind, generation)
	if err != nil {
		return nil, err
	}
	defer wipe(key)
	for i, b := range guard {
		nonce[i] ^= b
	}
	if aead, err = s.newAEAD(key); err != nil {
		return nil, err
	}
	plain, err := aead.Open(nil, nonce, m.ciphertext, m.contentAAD())
	if err != nil {
		return nil, fmt.Errorf("%w: content", ErrDecrypt)
	}
	a := &authenticatedContent{wireFormat: wirePrivateMessage, content: framedContent{
		groupID: m.groupID, epoch: m.epoch, sender: sender{SenderMember, leaf},
		authenticated: m.authenticated, kind: m.kind,
	}}
	d := decoder{b: plain}
	a.content.decodeBody(&d)
	a.decodeAuth(&d)
	if d.err != nil {
		return nil, d.err
	}
	// RFC 9420 §6.3.1: padding is zeroes only.
	for _, b := range d.b {
		if b != 0 {
			return nil, fmt.Errorf("%w: padding is not zero", ErrMalformed)
		}
	}
	a.content.seal()
	if err := check(a); err != nil {
		return nil, err
	}
	return a, use()
}
