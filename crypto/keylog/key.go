package keylog

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Use is what a key signs. A key of one use makes no signature of another: the use is a part of the key's text and of its id.
type Use byte

// The uses.
const (
	Log     Use = iota + 1 // checkpoints of its own log
	Witness                // checkpoints of others that it has checked
)

// typeOf is the signature type (C2SP signed-note, "Signature types": 0xff with a longer name for what has no number).
func (u Use) typeOf() string {
	if u == Witness {
		return "\xffhuisclos/ecdsa-p256-sha256/cosignature/v1\x00"
	}
	return "\xffhuisclos/ecdsa-p256-sha256/v1\x00"
}

const (
	pointSize = 65 // SEC 1 §2.3.3, uncompressed
	maxName   = 128
	maxKey    = 512 // bytes of a key's text
)

// ErrKey says that a text is no key of this package.
var ErrKey = errors.New("keylog: not a key")

// A PublicKey is what signatures are checked with. Its text is a verifier key of C2SP signed-note: name+id+base64.
type PublicKey struct {
	name string
	use  Use
	key  *ecdsa.PublicKey
	id   uint32
}

func newPublicKey(name string, use Use, key *ecdsa.PublicKey) (PublicKey, error) {
	if !validName(name) {
		return PublicKey{}, fmt.Errorf("%w: a name has neither spaces nor plus signs, and up to %d bytes", ErrKey, maxName)
	}
	point, err := key.Bytes()
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	h := sha256.New()
	io.WriteString(h, name+"\n"+use.typeOf())
	h.Write(point)
	return PublicKey{name, use, key, binary.BigEndian.Uint32(h.Sum(nil))}, nil
}

// Name is the key's, and that of the log or witness.
func (k PublicKey) Name() string { return k.name }

// Use is what it signs.
func (k PublicKey) Use() Use { return k.use }

// ID tells keys of one name apart, in eight hexadecimal digits. It is no fingerprint: who wants to, finds another key of the same id.
func (k PublicKey) ID() string { return fmt.Sprintf("%08x", k.id) }

// IsZero reports whether it is no key.
func (k PublicKey) IsZero() bool { return k.key == nil }

// Equal reports whether both are the same key under the same name.
func (k PublicKey) Equal(other PublicKey) bool {
	return k.name == other.name && k.use == other.use && k.key != nil && other.key != nil && k.key.Equal(other.key)
}

func (k PublicKey) String() string {
	if k.key == nil {
		return ""
	}
	point, _ := k.key.Bytes() // it was taken when the key was made
	return k.name + "+" + k.ID() + "+" + base64.StdEncoding.EncodeToString(append([]byte(k.use.typeOf()), point...))
}

// Key is the key itself, for who checks a signature with other means.
func (k PublicKey) Key() *ecdsa.PublicKey { return k.key }

// ParsePublicKey reads what String wrote.
func ParsePublicKey(text string) (PublicKey, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxKey {
		return PublicKey{}, ErrKey
	}
	name, rest, _ := strings.Cut(text, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	n, err := strconv.ParseUint(id, 16, 32)
	body, err2 := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || err2 != nil || len(id) != 8 || id != strings.ToLower(id) {
		return PublicKey{}, ErrKey
	}
	for _, use := range []Use{Log, Witness} {
		point, ok := bytes.CutPrefix(body, []byte(use.typeOf()))
		if !ok || len(point) != pointSize {
			continue
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			return PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
		}
		k, err := newPublicKey(name, use, key)
		if err == nil && k.id != uint32(n) {
			err = fmt.Errorf("%w: its id is not that of its content: it was not copied whole", ErrKey)
		}
		return k, err
	}
	return PublicKey{}, ErrKey
}

// A Key signs. It does not print itself.
type Key struct {
	public PublicKey
	key    *ecdsa.PrivateKey
	random io.Reader
}

// NewKey draws a key. The name is that of the log (its origin) or of the witness.
func NewKey(name string, use Use, random io.Reader) (*Key, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("keylog: draw a key: %w", err)
	}
	return keyOf(name, use, key, random)
}

func keyOf(name string, use Use, key *ecdsa.PrivateKey, random io.Reader) (*Key, error) {
	public, err := newPublicKey(name, use, &key.PublicKey)
	if err != nil {
		return nil, err
	}
	return &Key{public, key, random}, nil
}

// Public is the key that checks what this one signs.
func (k *Key) Public() PublicKey { return k.public }

// Format keeps the secret out of every verb.
func (k *Key) Format(f fmt.State, _ rune) {
	io.WriteString(f, "[key "+k.public.name+"+"+k.public.ID()+"]")
}

// secretPrefix begins the text of a key.
const secretPrefix = "PRIVATE+KEY+"

// Secret is the key's text, for a file or a seal of the caller's; the caller clears it.
func (k *Key) Secret() ([]byte, error) {
	scalar, err := k.key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("keylog: %w", err)
	}
	defer clear(scalar)
	body := append([]byte(k.public.use.typeOf()), scalar...)
	defer clear(body)
	text := []byte(secretPrefix + k.public.name + "+" + k.public.ID() + "+")
	return base64.StdEncoding.AppendEncode(text, body), nil
}

// ParseKey reads what Secret wrote.
func ParseKey(text []byte, random io.Reader) (*Key, error) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(text), []byte(secretPrefix))
	name, rest, found := bytes.Cut(rest, []byte("+"))
	id, encoded, found2 := bytes.Cut(rest, []byte("+"))
	if !ok || !found || !found2 || len(text) > maxKey {
		return nil, ErrKey
	}
	body, err := base64.StdEncoding.Strict().AppendDecode(nil, encoded)
	defer clear(body)
	if err != nil {
		return nil, ErrKey // the error would quote it
	}
	for _, use := range []Use{Log, Witness} {
		scalar, ok := bytes.CutPrefix(body, []byte(use.typeOf()))
		if !ok {
			continue
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err != nil {
			return nil, ErrKey
		}
		k, err := keyOf(string(name), use, key, random)
		if err == nil && k.public.ID() != string(id) {
			err = ErrKey
		}
		if err != nil {
			return nil, err
		}
		return k, nil
	}
	return nil, ErrKey
}

// signatures are over the message alone, so that any tool that knows ECDSA checks them: what a message is for stands in its text.
func (k *Key) sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	sig, err := ecdsa.SignASN1(k.random, k.key, sum[:])
	if err != nil {
		return nil, fmt.Errorf("keylog: sign: %w", err)
	}
	return sig, nil
}

func (k PublicKey) verify(message, sig []byte) bool {
	sum := sha256.Sum256(message)
	return ecdsa.VerifyASN1(k.key, sum[:], sig)
}

// validName is signed-note's rule for the names of keys, and no control characters.
func validName(name string) bool {
	return name != "" && len(name) <= maxName && utf8.ValidString(name) &&
		strings.IndexFunc(name, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || !unicode.IsPrint(r) }) < 0
}
