package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// ErrSignature says that a signature did not verify.
var ErrSignature = errors.New("signature does not verify")

// Signer signs with a device key that may live elsewhere (WebCrypto, a TPM).
// Sign may block; no lock is held while it does. ECDSA signatures are DER and
// public keys uncompressed points (RFC 9420 §5.1.1, §5.1.2).
type Signer interface {
	PublicKey() []byte
	Sign(message []byte) ([]byte, error)
}

// SignatureCheck is one signature to verify: over Message as it is, with the
// suite's signature scheme, in the encodings of [Signer].
type SignatureCheck struct{ PublicKey, Message, Signature []byte }

// VerifyFunc says whether every check holds. A joiner may have its platform
// (WebCrypto) verify the leaves of a large tree, where Go compiled to WASM
// takes milliseconds for each. It may block.
type VerifyFunc func(CipherSuite, []SignatureCheck) bool

type signatureScheme interface {
	generate(random io.Reader) (Signer, error)
	signer(private []byte) (Signer, error)
	checkPublic(public []byte) error
	verify(public, message, signature []byte) bool
}

// GenerateSigner makes a device key in memory.
func GenerateSigner(suite CipherSuite, random io.Reader) (Signer, error) {
	s, err := suiteOf(suite)
	if err != nil {
		return nil, err
	}
	return s.signature.generate(random)
}

// NewSigner restores a device key: the scalar of an ECDSA key, the seed of an
// Ed25519 key.
func NewSigner(suite CipherSuite, private []byte) (Signer, error) {
	s, err := suiteOf(suite)
	if err != nil {
		return nil, err
	}
	return s.signature.signer(private)
}

type ed25519Scheme struct{}

type ed25519Signer struct{ key ed25519.PrivateKey }

func (s ed25519Signer) PublicKey() []byte { return s.key.Public().(ed25519.PublicKey) }
func (s ed25519Signer) Sign(message []byte) ([]byte, error) {
	return ed25519.Sign(s.key, message), nil
}

func (ed25519Scheme) generate(random io.Reader) (Signer, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("read randomness: %w", err)
	}
	return ed25519Signer{ed25519.NewKeyFromSeed(seed)}, nil
}

func (ed25519Scheme) signer(private []byte) (Signer, error) {
	switch len(private) {
	case ed25519.SeedSize:
		return ed25519Signer{ed25519.NewKeyFromSeed(private)}, nil
	case ed25519.PrivateKeySize:
		key := ed25519.NewKeyFromSeed(private[:ed25519.SeedSize])
		if !bytes.Equal(key, private) {
			return nil, errors.New("ed25519 private key does not match its public half")
		}
		return ed25519Signer{key}, nil
	}
	return nil, fmt.Errorf("ed25519 private key of %d bytes", len(private))
}

func (ed25519Scheme) checkPublic(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("ed25519 public key of %d bytes", len(public))
	}
	return nil
}

func (ed25519Scheme) verify(public, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, message, signature)
}

type ecdsaScheme struct {
	curve   elliptic.Curve
	newHash func() hash.Hash
}

type ecdsaSigner struct {
	key    *ecdsa.PrivateKey
	public []byte
	scheme ecdsaScheme
}

func (s ecdsaSigner) PublicKey() []byte { return clone(s.public) }

func (s ecdsaSigner) Sign(message []byte) ([]byte, error) {
	// The nonce never comes from the caller's reader: tests pass weak ones.
	return ecdsa.SignASN1(rand.Reader, s.key, s.scheme.digest(message))
}

func (c ecdsaScheme) digest(message []byte) []byte {
	h := c.newHash()
	h.Write(message)
	return h.Sum(nil)
}

// generate draws scalars until one is in range. The top bits of P-521's first
// byte are cleared, or nearly every draw would be too large.
func (c ecdsaScheme) generate(random io.Reader) (Signer, error) {
	bits := c.curve.Params().BitSize
	for range 64 {
		scalar := make([]byte, (bits+7)/8)
		if _, err := io.ReadFull(random, scalar); err != nil {
			return nil, fmt.Errorf("read randomness: %w", err)
		}
		if bits%8 != 0 {
			scalar[0] &= 1<<(bits%8) - 1
		}
		if s, err := c.signer(scalar); err == nil {
			return s, nil
		}
	}
	return nil, errors.New("no ecdsa scalar in 64 draws: the source of randomness is broken")
}

func (c ecdsaScheme) signer(private []byte) (Signer, error) {
	// Vectors drop leading zeroes of the scalar.
	size := (c.curve.Params().BitSize + 7) / 8
	if len(private) < size {
		private = append(make([]byte, size-len(private)), private...)
	}
	key, err := ecdsa.ParseRawPrivateKey(c.curve, private)
	if err != nil {
		return nil, fmt.Errorf("ecdsa private key: %w", err)
	}
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("ecdsa public key: %w", err)
	}
	return ecdsaSigner{key, public, c}, nil
}

func (c ecdsaScheme) checkPublic(public []byte) error {
	_, err := ecdsa.ParseUncompressedPublicKey(c.curve, public)
	return err
}

func (c ecdsaScheme) verify(public, message, signature []byte) bool {
	key, err := ecdsa.ParseUncompressedPublicKey(c.curve, public)
	if err != nil {
		return false
	}
	return ecdsa.VerifyASN1(key, c.digest(message), signature)
}

var errSignatureForm = errors.New("ecdsa signature is not in its one valid form")

// SignatureFromRaw turns WebCrypto's r‖s into the DER of RFC 9420 §5.1.2.
func SignatureFromRaw(rs []byte) ([]byte, error) {
	if len(rs) == 0 || len(rs)%2 != 0 || len(rs) > 132 {
		return nil, fmt.Errorf("%w: %d bytes of r and s", errSignatureForm, len(rs))
	}
	r, s := trimZeros(rs[:len(rs)/2]), trimZeros(rs[len(rs)/2:])
	if len(r) == 0 || len(s) == 0 {
		return nil, fmt.Errorf("%w: zero", errSignatureForm)
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, v := range [][]byte{r, s} {
			b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) {
				if v[0]&0x80 != 0 {
					b.AddUint8(0)
				}
				b.AddBytes(v)
			})
		}
	})
	return b.Bytes()
}

// SignatureToRaw turns DER into r‖s of size bytes each. It accepts only DER:
// one encoding per signature, so that hashes of messages are unambiguous.
func SignatureToRaw(der []byte, size int) ([]byte, error) {
	if size <= 0 || size > 66 {
		return nil, fmt.Errorf("%w: size %d", errSignatureForm, size)
	}
	in, inner := cryptobyte.String(der), cryptobyte.String(nil)
	if !in.ReadASN1(&inner, asn1.SEQUENCE) || !in.Empty() {
		return nil, fmt.Errorf("%w: sequence", errSignatureForm)
	}
	out := make([]byte, 2*size)
	for i := range 2 {
		// ReadASN1Integer refuses integers that are not minimal.
		var v []byte
		if !inner.ReadASN1Integer(&v) || len(trimZeros(v)) == 0 || len(v) > size {
			return nil, fmt.Errorf("%w: integer", errSignatureForm)
		}
		copy(out[(i+1)*size-len(v):(i+1)*size], v)
	}
	if !inner.Empty() {
		return nil, fmt.Errorf("%w: after s", errSignatureForm)
	}
	return out, nil
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}
