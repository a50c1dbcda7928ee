package mls

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// CipherSuite names a row of the suite table.
type CipherSuite uint16

// The two suites of calls have no registered number yet
// (draft-ietf-mls-pq-ciphersuites); until then they use private-use ids.
const (
	X25519AES128        CipherSuite = 0x0001
	P256AES128          CipherSuite = 0x0002
	X25519ChaCha20      CipherSuite = 0x0003
	P521AES256          CipherSuite = 0x0005
	P384AES256          CipherSuite = 0x0007
	MLKEM768P256AES256  CipherSuite = 0xF001
	MLKEM1024P384AES256 CipherSuite = 0xF002

	// Default is the suite of every call, High that of the high profile.
	Default = MLKEM768P256AES256
	High    = MLKEM1024P384AES256
)

// ErrSuite says that a cipher suite is unknown or not the group's.
var ErrSuite = errors.New("cipher suite not supported")

// suite is one row: the primitives of RFC 9420 §5.1.
type suite struct {
	id        CipherSuite
	name      string
	kem       hpke.KEM
	kdf       hpke.KDF
	hpkeAEAD  hpke.AEAD
	newAEAD   func(key []byte) (cipher.AEAD, error)
	keySize   int // AEAD.Nk
	newHash   func() hash.Hash
	size      int // KDF.Nh, which is also the hash's size in every row
	signature signatureScheme
}

const nonceSize = 12 // AEAD.Nn of every AEAD in the table

// suites is the one table.
var suites = [...]*suite{
	{X25519AES128, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519", hpke.DHKEM(ecdh.X25519()),
		hpke.HKDFSHA256(), hpke.AES128GCM(), newGCM, 16, sha256.New, 32, ed25519Scheme{}},
	{P256AES128, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256", hpke.DHKEM(ecdh.P256()),
		hpke.HKDFSHA256(), hpke.AES128GCM(), newGCM, 16, sha256.New, 32, ecdsaScheme{elliptic.P256(), sha256.New}},
	{X25519ChaCha20, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519", hpke.DHKEM(ecdh.X25519()),
		hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), chacha20poly1305.New, 32, sha256.New, 32, ed25519Scheme{}},
	{P521AES256, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521", hpke.DHKEM(ecdh.P521()),
		hpke.HKDFSHA512(), hpke.AES256GCM(), newGCM, 32, sha512.New, 64, ecdsaScheme{elliptic.P521(), sha512.New}},
	{P384AES256, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384", hpke.DHKEM(ecdh.P384()),
		hpke.HKDFSHA384(), hpke.AES256GCM(), newGCM, 32, sha512.New384, 48, ecdsaScheme{elliptic.P384(), sha512.New384}},
	{MLKEM768P256AES256, "MLS_128_MLKEM768P256_AES256GCM_SHA384_P256", hpke.MLKEM768P256(),
		hpke.HKDFSHA384(), hpke.AES256GCM(), newGCM, 32, sha512.New384, 48, ecdsaScheme{elliptic.P256(), sha256.New}},
	{MLKEM1024P384AES256, "MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384", hpke.MLKEM1024P384(),
		hpke.HKDFSHA384(), hpke.AES256GCM(), newGCM, 32, sha512.New384, 48, ecdsaScheme{elliptic.P384(), sha512.New384}},
}

func suiteOf(id CipherSuite) (*suite, error) {
	for _, s := range suites {
		if s.id == id {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: %#04x", ErrSuite, uint16(id))
}

// String is the registered (or drafted) name.
func (c CipherSuite) String() string {
	if s, err := suiteOf(c); err == nil {
		return s.name
	}
	return fmt.Sprintf("mls suite %#04x", uint16(c))
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (s *suite) zero() []byte { return make([]byte, s.size) }

func (s *suite) digest(parts ...[]byte) []byte {
	h := s.newHash()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func (s *suite) mac(key, message []byte) []byte {
	h := hmac.New(s.newHash, key)
	h.Write(message)
	return h.Sum(nil)
}

func (s *suite) extract(salt, ikm []byte) []byte {
	out, err := hkdf.Extract(s.newHash, ikm, salt)
	if err != nil {
		panic("mls: hkdf extract fails only on hashes or keys below its approved sizes: " + err.Error())
	}
	return out
}

// expandWithLabel is RFC 9420 §8 ExpandWithLabel.
func (s *suite) expandWithLabel(secret []byte, label string, context []byte, n int) []byte {
	info := encoded(func(e *encoder) {
		e.u16(uint16(n))
		e.vec([]byte("MLS 1.0 " + label))
		e.vec(context)
	})
	out, err := hkdf.Expand(s.newHash, secret, string(info), n)
	if err != nil {
		panic("mls: hkdf expand fails only beyond 255 blocks, which callers exclude: " + err.Error())
	}
	return out
}

func (s *suite) deriveSecret(secret []byte, label string) []byte {
	return s.expandWithLabel(secret, label, nil, s.size)
}

// refHash is RFC 9420 §5.2 RefHash.
func (s *suite) refHash(label string, value []byte) []byte {
	return s.digest(encoded(func(e *encoder) {
		e.vec([]byte(label))
		e.vec(value)
	}))
}

func labelled(label string, content []byte) []byte {
	return encoded(func(e *encoder) {
		e.vec([]byte("MLS 1.0 " + label))
		e.vec(content)
	})
}

// signWithLabel is RFC 9420 §5.1.2. The signer may block.
func signWithLabel(signer Signer, label string, content []byte) ([]byte, error) {
	sig, err := signer.Sign(labelled(label, content))
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", label, err)
	}
	return sig, nil
}

func (s *suite) verifyWithLabel(public []byte, label string, content, signature []byte) error {
	if !s.signature.verify(public, labelled(label, content), signature) {
		return fmt.Errorf("%w: %s", ErrSignature, label)
	}
	return nil
}

// publicKey is an HPKE public key. Parsing a hybrid key expands a matrix, so
// it happens when a key is first encrypted to, and once.
type publicKey struct {
	raw    []byte
	parsed atomic.Pointer[hpke.PublicKey]
}

func (k *publicKey) open(s *suite) (hpke.PublicKey, error) {
	if p := k.parsed.Load(); p != nil {
		return *p, nil
	}
	p, err := s.kem.NewPublicKey(k.raw)
	if err != nil {
		return nil, fmt.Errorf("hpke public key: %w", err)
	}
	k.parsed.Store(&p)
	return p, nil
}

// check parses without keeping the result: an observer never encrypts.
func (k *publicKey) check(s *suite) error {
	if k.parsed.Load() != nil {
		return nil
	}
	if _, err := s.kem.NewPublicKey(k.raw); err != nil {
		return fmt.Errorf("hpke public key: %w", err)
	}
	return nil
}

// hpkeCiphertext is RFC 9420 §7.6 HPKECiphertext.
type hpkeCiphertext struct{ kemOutput, ciphertext []byte }

func (c *hpkeCiphertext) decode(d *decoder) { c.kemOutput, c.ciphertext = d.vec(), d.vec() }
func (c *hpkeCiphertext) encode(e *encoder) { e.vec(c.kemOutput); e.vec(c.ciphertext) }

// encryptWithLabel is RFC 9420 §5.1.3.
func (s *suite) encryptWithLabel(to *publicKey, label string, context, plaintext []byte) (hpkeCiphertext, error) {
	pk, err := to.open(s)
	if err != nil {
		return hpkeCiphertext{}, err
	}
	enc, sender, err := hpke.NewSender(pk, s.kdf, s.hpkeAEAD, labelled(label, context))
	if err != nil {
		return hpkeCiphertext{}, fmt.Errorf("hpke seal %s: %w", label, err)
	}
	ct, err := sender.Seal(nil, plaintext)
	if err != nil {
		return hpkeCiphertext{}, fmt.Errorf("hpke seal %s: %w", label, err)
	}
	return hpkeCiphertext{enc, ct}, nil
}

func (s *suite) decryptWithLabel(with hpke.PrivateKey, label string, context []byte, c hpkeCiphertext) ([]byte, error) {
	r, err := hpke.NewRecipient(c.kemOutput, with, s.kdf, s.hpkeAEAD, labelled(label, context))
	if err != nil {
		return nil, fmt.Errorf("hpke open %s: %w", label, err)
	}
	plain, err := r.Open(nil, c.ciphertext)
	if err != nil {
		return nil, fmt.Errorf("hpke open %s: %w", label, err)
	}
	return plain, nil
}

// keyPair is an HPKE private key with the encoding of its public key, which
// says whether the key still belongs to the node it was made for.
type keyPair struct {
	private hpke.PrivateKey
	public  []byte
}

func (s *suite) deriveKeyPair(ikm []byte) (keyPair, error) {
	private, err := s.kem.DeriveKeyPair(ikm)
	if err != nil {
		return keyPair{}, fmt.Errorf("derive hpke key pair: %w", err)
	}
	return keyPair{private, private.PublicKey().Bytes()}, nil
}

func (s *suite) generateKeyPair(rand io.Reader) (keyPair, error) {
	ikm, err := random(rand, 64)
	if err != nil {
		return keyPair{}, err
	}
	defer wipe(ikm)
	return s.deriveKeyPair(ikm)
}

func (s *suite) parseKeyPair(private []byte) (keyPair, error) {
	k, err := s.kem.NewPrivateKey(private)
	if err != nil {
		return keyPair{}, fmt.Errorf("hpke private key: %w", err)
	}
	return keyPair{k, k.PublicKey().Bytes()}, nil
}

func (k keyPair) matches(public []byte) bool {
	return k.private != nil && bytes.Equal(k.public, public)
}

func random(rand io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(rand, b); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return b, nil
}
