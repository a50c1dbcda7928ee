package webhook

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
)

// label names the key that is derived from the pepper, and what it closes.
const label = "webhook 1"

// secrets are what nobody gets who has the database alone: the address, which may hold a token of the receiver, and what requests are
// signed with.
type secrets struct {
	URL    string `json:"url"`
	Secret []byte `json:"secret"`
	Former []byte `json:"former,omitempty"`
}

// box is closed by AES-256-GCM under a key derived from the pepper. It opens only for the webhook that it was closed for.
type box struct {
	Pepper string `json:"pepper,omitempty"` // its ID
	Nonce  []byte `json:"nonce"`            // random, 96 bits: one key closes far fewer than 2³² (SP 800-38D §8.3)
	Box    []byte `json:"box"`
}

var errSealed = errors.New("webhook: a secret does not open: it is damaged, or the pepper is another one")

func (h *Hooks) cipher(pepper string) (cipher.AEAD, error) {
	key, err := h.o.Keys.Derive(label, pepper)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("webhook: seal: %w", err)
	}
	return cipher.NewGCM(block)
}

func boundTo(id ID) []byte { return append([]byte("huisclos "+label+"\x00"), id[:]...) }

func (h *Hooks) seal(id ID, s secrets) ([]byte, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	defer clear(plain)
	b := box{Pepper: h.o.Keys.PepperID()}
	aead, err := h.cipher(b.Pepper)
	if err != nil {
		return nil, err
	}
	if b.Nonce, err = h.draw(aead.NonceSize()); err != nil {
		return nil, err
	}
	b.Box = aead.Seal(nil, b.Nonce, plain, boundTo(id))
	return json.Marshal(b)
}

func (h *Hooks) open(id ID, text []byte) (s secrets, err error) {
	var b box
	if err := json.Unmarshal(text, &b); err != nil {
		return s, errSealed
	}
	aead, err := h.cipher(b.Pepper)
	if err != nil {
		return s, err
	}
	if len(b.Nonce) != aead.NonceSize() {
		return s, errSealed
	}
	plain, err := aead.Open(nil, b.Nonce, b.Box, boundTo(id))
	if err != nil {
		return s, errSealed
	}
	defer clear(plain)
	if err := json.Unmarshal(plain, &s); err != nil {
		return s, errSealed
	}
	return s, nil
}
