package keylog

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"time"
)

// Secrets gives the key of a purpose under the pepper, which is kept outside of the database (crypto/passhash).
type Secrets interface {
	PepperID() string
	Derive(label, pepper string) ([]byte, error)
}

// Sealed is a key as a log keeps it in its database: AES-256-GCM under a key from the pepper. Without the pepper nobody opens it.
type Sealed struct {
	Public string    `json:"public"`
	Since  time.Time `json:"since"`
	Pepper string    `json:"pepper,omitempty"` // its id
	Nonce  []byte    `json:"nonce"`            // random, 96 bits: a key from the pepper seals few of them
	Box    []byte    `json:"box"`
}

// ErrSealed says that a key does not open.
var ErrSealed = errors.New("keylog: a sealed key does not open: it is damaged, or the pepper is another one")

// Seal seals the key for a purpose, which is its log's own: what is sealed for one does not open for another.
func (k *Key) Seal(label string, with Secrets, random io.Reader, now time.Time) (Sealed, error) {
	s := Sealed{Public: k.public.String(), Since: now.UTC(), Pepper: with.PepperID()}
	aead, err := sealer(label, with, s.Pepper)
	if err != nil {
		return Sealed{}, err
	}
	s.Nonce = make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(random, s.Nonce); err != nil {
		return Sealed{}, fmt.Errorf("keylog: seal: %w", err)
	}
	secret, err := k.Secret()
	if err != nil {
		return Sealed{}, err
	}
	defer clear(secret)
	s.Box = aead.Seal(nil, s.Nonce, secret, []byte(s.Public))
	return s, nil
}

// Open returns the key that was sealed for that purpose. ErrSealed.
func (s Sealed) Open(label string, with Secrets, random io.Reader) (*Key, error) {
	aead, err := sealer(label, with, s.Pepper)
	if err != nil || len(s.Nonce) != aead.NonceSize() {
		return nil, ErrSealed
	}
	secret, err := aead.Open(nil, s.Nonce, s.Box, []byte(s.Public))
	if err != nil {
		return nil, ErrSealed
	}
	defer clear(secret)
	key, err := ParseKey(secret, random)
	if err != nil || key.Public().String() != s.Public {
		return nil, ErrSealed
	}
	return key, nil
}

func sealer(label string, with Secrets, pepper string) (cipher.AEAD, error) {
	key, err := with.Derive(label, pepper)
	if err != nil {
		return nil, fmt.Errorf("keylog: seal: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("keylog: seal: %w", err)
	}
	return cipher.NewGCM(block)
}
