package outbox

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// label names the key that is derived from the pepper, and what it closes.
const label = "mail 1"

// envelope is a mail as it is sealed: who it is for is nobody's who has the database alone.
type envelope struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Message []byte `json:"message"`
}

// sealed is a mail closed by AES-256-GCM under a key derived from the pepper. It opens only under the id that it was sealed for.
type sealed struct {
	Pepper string `json:"pepper,omitempty"` // its ID
	Nonce  []byte `json:"nonce"`            // random, 96 bits: one key closes fewer than 2³² mails (SP 800-38D §8.3)
	Box    []byte `json:"box"`
}

var errSealed = errors.New("outbox: a mail does not open: it is damaged, or the pepper is another one")

func (o *Outbox) cipher(pepper string) (cipher.AEAD, error) {
	key, err := o.o.Keys.Derive(label, pepper)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("outbox: seal: %w", err)
	}
	return cipher.NewGCM(block)
}

func boundTo(id []byte) []byte { return append([]byte("huisclos "+label+"\x00"), id...) }

func (o *Outbox) seal(id []byte, e envelope) ([]byte, error) {
	plain, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer clear(plain)
	s := sealed{Pepper: o.o.Keys.PepperID()}
	aead, err := o.cipher(s.Pepper)
	if err != nil {
		return nil, err
	}
	s.Nonce = make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(o.o.Random, s.Nonce); err != nil {
		return nil, fmt.Errorf("outbox: random numbers: %w", err)
	}
	s.Box = aead.Seal(nil, s.Nonce, plain, boundTo(id))
	return json.Marshal(s)
}

func (o *Outbox) open(id, text []byte) (e envelope, err error) {
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return e, errSealed
	}
	aead, err := o.cipher(s.Pepper)
	if err != nil {
		return e, err
	}
	if len(s.Nonce) != aead.NonceSize() {
		return e, errSealed
	}
	plain, err := aead.Open(nil, s.Nonce, s.Box, boundTo(id))
	if err != nil {
		return e, errSealed
	}
	defer clear(plain)
	if err := json.Unmarshal(plain, &e); err != nil {
		return e, errSealed
	}
	return e, nil
}
