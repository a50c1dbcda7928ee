package sframe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
)

// Suite is a cipher suite of RFC 9605 §8.1. The registry's suites with
// truncated tags are not among those that keys can be made for.
type Suite uint16

const (
	AES128GCM Suite = 4 // AES_128_GCM_SHA256_128
	AES256GCM Suite = 5 // AES_256_GCM_SHA512_128, the suite of calls
)

const nonceSize = 12

var (
	ErrSuite     = errors.New("sframe: suite without a full tag")
	ErrExhausted = errors.New("sframe: the key's counters are used up")
	ErrOtherKey  = errors.New("sframe: frame is of another key")
	ErrReplayed  = errors.New("sframe: counter was seen before")
	ErrOpen      = errors.New("sframe: frame does not open")
)

// KeySize is AEAD.Nk, the length of a suite's base key from the MLS exporter.
func (s Suite) KeySize() (int, error) {
	switch s {
	case AES128GCM:
		return 16, nil
	case AES256GCM:
		return 32, nil
	}
	return 0, ErrSuite
}

// cipherKey is the key and salt of one KID.
type cipherKey struct {
	aead cipher.AEAD
	salt [nonceSize]byte
	kid  KID
}

func newCipherKey(suite Suite, base []byte, kid KID) (cipherKey, error) {
	size, err := suite.KeySize()
	if err != nil {
		return cipherKey{}, err
	}
	if len(base) != size {
		return cipherKey{}, fmt.Errorf("sframe: base key of %d bytes, suite %d wants %d", len(base), suite, size)
	}
	if !kid.Valid() {
		return cipherKey{}, ErrBadKID
	}
	digest := sha256.New
	if suite == AES256GCM {
		digest = sha512.New
	}
	key, salt, err := derive(digest, suite, size, base, kid)
	if err != nil {
		return cipherKey{}, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return cipherKey{}, fmt.Errorf("sframe: making a key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return cipherKey{}, fmt.Errorf("sframe: making a key: %w", err)
	}
	k := cipherKey{aead: aead, kid: kid}
	copy(k.salt[:], salt)
	return k, nil
}

// derive is derive_key_salt of RFC 9605 §4.4.2.
func derive[H hash.Hash](digest func() H, suite Suite, size int, base []byte, kid KID) (key, salt []byte, err error) {
	secret, err := hkdf.Extract(digest, base, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("sframe: deriving keys: %w", err)
	}
	defer clear(secret)
	if key, err = hkdf.Expand(digest, secret, label("SFrame 1.0 Secret key ", suite, kid), size); err != nil {
		return nil, nil, fmt.Errorf("sframe: deriving keys: %w", err)
	}
	if salt, err = hkdf.Expand(digest, secret, label("SFrame 1.0 Secret salt ", suite, kid), nonceSize); err != nil {
		return nil, nil, fmt.Errorf("sframe: deriving keys: %w", err)
	}
	return key, salt, nil
}

func label(text string, suite Suite, kid KID) string {
	b := binary.BigEndian.AppendUint64([]byte(text), uint64(kid))
	return string(binary.BigEndian.AppendUint16(b, uint16(suite)))
}

// nonce is the salt XOR the counter (RFC 9605 §4.4.3).
func nonce(salt [nonceSize]byte, ctr uint64) [nonceSize]byte {
	low := binary.BigEndian.Uint64(salt[4:])
	binary.BigEndian.PutUint64(salt[4:], low^ctr)
	return salt
}

// Sealer seals one stream's frames in one epoch. It owns the KID's counter,
// which only grows: there is no way to set it, and a second Sealer for the same
// base key and KID would repeat nonces (RFC 9605 §4.4.1).
type Sealer struct {
	key  cipherKey
	next uint64
	aad  []byte
	body []byte
}

func NewSealer(suite Suite, base []byte, kid KID) (*Sealer, error) {
	key, err := newCipherKey(suite, base, kid)
	if err != nil {
		return nil, err
	}
	return &Sealer{key: key}, nil
}

// Seal appends the sealed frame to dst.
func (s *Sealer) Seal(dst []byte, codec Codec, key bool, padding int, frame []byte) ([]byte, error) {
	if codec != VP8 && codec != VP9 && codec != Opus || codec == Opus && key {
		return nil, ErrBadPrefix
	}
	if s.key.kid.Context().Audio() != (codec == Opus) {
		return nil, ErrBadPrefix
	}
	if padding < 0 || padding > MaxPadding {
		return nil, fmt.Errorf("sframe: padding of %d bytes", padding)
	}
	if s.next > MaxCounter {
		return nil, ErrExhausted
	}
	ctr := s.next
	s.next++

	prefix := len(dst)
	dst = append(dst, Prefix(codec, key)...)
	header := len(dst)
	dst = Header{KID: s.key.kid, CTR: ctr}.Append(dst)
	s.aad = append(s.aad[:0], dst[header:]...)
	s.aad = metadata(s.aad, s.key.kid.Context().Kind(), dst[prefix:header])
	s.body = appendInner(s.body[:0], key, padding, frame)
	iv := nonce(s.key.salt, ctr)
	return s.key.aead.Seal(dst, iv[:], s.body, s.aad), nil
}

// SoundPadding is the padding with which the next frame of sound, of so many
// bytes of the encoder's, is a multiple of SoundSize once it is sealed: header,
// ciphertext and tag (RFC 6562 §4 on what sizes tell).
func (s *Sealer) SoundPadding(frame int) int {
	const kind, length = 1, 2 // of appendInner; the length is there only with padding
	var header [MaxHeaderSize]byte
	bare := len(Header{KID: s.key.kid, CTR: s.next}.Append(header[:0])) + kind + frame + s.key.aead.Overhead()
	fill := (SoundSize - bare%SoundSize) % SoundSize
	switch {
	case fill == 0:
		return 0
	case fill <= length:
		fill += SoundSize
	}
	return fill - length
}

// Opener opens one stream's frames of one epoch, each once.
type Opener struct {
	key    cipherKey
	window Window
	aad    []byte
	body   []byte
}

func NewOpener(suite Suite, base []byte, kid KID) (*Opener, error) {
	key, err := newCipherKey(suite, base, kid)
	if err != nil {
		return nil, err
	}
	return &Opener{key: key}, nil
}

// Open appends the encoder's frame to dst. A frame of another KID is refused
// before any key is used; the counter is marked only once the tag is right.
func (o *Opener) Open(dst []byte, codec Codec, sealed []byte) (frame []byte, key bool, err error) {
	f, err := ParseFrameHeader(codec, sealed)
	if err != nil {
		return nil, false, err
	}
	if f.KID != o.key.kid {
		return nil, false, ErrOtherKey
	}
	if f.KID.Context().Audio() != (codec == Opus) {
		return nil, false, ErrBadPrefix
	}
	if !f.Fits(len(sealed)) {
		return nil, false, ErrTooShort
	}
	if !o.window.Fresh(f.CTR) {
		return nil, false, ErrReplayed
	}
	o.aad = append(o.aad[:0], sealed[f.Prefix:f.Size]...)
	o.aad = metadata(o.aad, f.KID.Context().Kind(), sealed[:f.Prefix])
	iv := nonce(o.key.salt, f.CTR)
	if o.body, err = o.key.aead.Open(o.body[:0], iv[:], sealed[f.Size:], o.aad); err != nil {
		return nil, false, ErrOpen
	}
	o.window.Mark(f.CTR)
	inner, frame, err := parseInner(o.body)
	if err != nil {
		return nil, false, err
	}
	if codec != VP9 && inner != f.Key {
		return nil, false, ErrBadInner
	}
	return append(dst, frame...), inner, nil
}
