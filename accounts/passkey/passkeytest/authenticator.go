// Package passkeytest is an authenticator in software (W3C Web Authentication Level 3, §6) with a browser's part (§5.1), for tests: what
// it signs is real, and each of its fields makes it do one thing wrong that a real one would not. Nothing but tests imports it.
package passkeytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// COSE algorithms (RFC 9053, RFC 8812).
const (
	ES256 = -7
	ES384 = -35
	RS256 = -257
)

// Authenticator holds passkeys. The zero value with an Origin is a good one with ES256 and a counter.
type Authenticator struct {
	Origin    string // of the page that it believes to serve
	Party     string // sign for this RP ID whatever is asked; "": the one of the options
	Algorithm int    // 0: ES256

	NotVerified bool   // leave the flag UV out
	NoCounter   bool   // as synced passkeys: always 0
	Backup      bool   // flags BE and BS
	OtherType   string // in place of webauthn.create or webauthn.get
	CrossOrigin bool
	NoHandle    bool   // leave the user handle out
	Format      string // of the attestation; "": none
	RSABits     int    // of RS256; 0: 2048

	Keys []*Key
}

// Key is one passkey.
type Key struct {
	ID, Handle []byte
	Party      string
	Counter    uint32
	signer     crypto.Signer
	algorithm  int
}

// options are those of create() and get() as far as an authenticator looks at them.
type options struct {
	Challenge string `json:"challenge"`
	Party     struct {
		ID string `json:"id"`
	} `json:"rp"`
	PartyID string `json:"rpId"`
	User    struct {
		ID string `json:"id"`
	} `json:"user"`
	Parameters []struct {
		Algorithm int `json:"alg"`
	} `json:"pubKeyCredParams"`
	Exclude []described `json:"excludeCredentials"`
	Allow   []described `json:"allowCredentials"`
}

type described struct {
	ID string `json:"id"`
}

var b64 = base64.RawURLEncoding

// Create makes a passkey and returns the JSON of its PublicKeyCredential.
func (a *Authenticator) Create(asked []byte) ([]byte, error) {
	var o options
	if err := json.Unmarshal(asked, &o); err != nil {
		return nil, err
	}
	for _, e := range o.Exclude {
		if slices.ContainsFunc(a.Keys, func(k *Key) bool { return b64.EncodeToString(k.ID) == e.ID }) {
			return nil, fmt.Errorf("InvalidStateError: a passkey of this account is here already")
		}
	}
	handle, err := b64.DecodeString(o.User.ID)
	if err != nil {
		return nil, err
	}
	k := &Key{Handle: handle, Party: o.Party.ID, algorithm: a.Algorithm, ID: make([]byte, 16)}
	if k.algorithm == 0 {
		k.algorithm = ES256
	}
	if _, err := rand.Read(k.ID); err != nil {
		return nil, err
	}
	cose, err := k.generate(a.RSABits)
	if err != nil {
		return nil, err
	}
	a.Keys = append(a.Keys, k)
	client := a.client("webauthn.create", o.Challenge)
	// §6.5.1: AAGUID, length, id, public key.
	attested := append(make([]byte, 16), byte(len(k.ID)>>8), byte(len(k.ID)))
	data := append(a.data(k, 0x40), slices.Concat(attested, k.ID, cose)...)
	format := a.Format
	if format == "" {
		format = "none"
	}
	object := slices.Concat([]byte{0xa3}, text("fmt"), text(format), text("attStmt"), []byte{0xa0}, text("authData"), octets(data))
	return a.answer(k, map[string]any{"clientDataJSON": b64.EncodeToString(client), "attestationObject": b64.EncodeToString(object), "transports": []string{"internal", "teleport"}})
}

// Get signs with the passkey that is allowed, or the last that was made for the party.
func (a *Authenticator) Get(asked []byte) ([]byte, error) {
	var o options
	if err := json.Unmarshal(asked, &o); err != nil {
		return nil, err
	}
	at := -1
	for i, k := range a.Keys {
		if k.Party == o.PartyID && (len(o.Allow) == 0 || slices.Contains(o.Allow, described{b64.EncodeToString(k.ID)})) {
			at = i
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("NotAllowedError: there is no passkey for %q here", o.PartyID)
	}
	return a.GetWith(a.Keys[at], o.Challenge)
}

// GetWith signs a challenge (base64url) with one passkey, whatever is allowed.
func (a *Authenticator) GetWith(k *Key, challenge string) ([]byte, error) {
	if !a.NoCounter {
		k.Counter++
	}
	client := a.client("webauthn.get", challenge)
	data := a.data(k, 0)
	hash := sha256.Sum256(client)
	signature, err := k.sign(append(slices.Clone(data), hash[:]...))
	if err != nil {
		return nil, err
	}
	response := map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(signature)}
	if !a.NoHandle {
		response["userHandle"] = b64.EncodeToString(k.Handle)
	}
	return a.answer(k, response)
}

// Challenge returns the one of options.
func Challenge(asked []byte) string {
	var o options
	_ = json.Unmarshal(asked, &o) // none then
	return o.Challenge
}

func (a *Authenticator) client(kind, challenge string) []byte {
	if a.OtherType != "" {
		kind = a.OtherType
	}
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin}) // strings and a bool
	return b
}

// data is the authenticator data (§6.1) without attested credential data.
func (a *Authenticator) data(k *Key, flags byte) []byte {
	party := k.Party
	if a.Party != "" {
		party = a.Party
	}
	hash := sha256.Sum256([]byte(party))
	flags |= 0x01
	if !a.NotVerified {
		flags |= 0x04
	}
	if a.Backup {
		flags |= 0x18
	}
	return binary.BigEndian.AppendUint32(append(hash[:], flags), k.Counter)
}

func (a *Authenticator) answer(k *Key, response map[string]any) ([]byte, error) {
	id := b64.EncodeToString(k.ID)
	return json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response})
}

// generate makes the key pair and returns its public half in COSE (RFC 9053 §7.1.1, RFC 8230 §4).
func (k *Key) generate(bits int) ([]byte, error) {
	if k.algorithm == RS256 {
		if bits == 0 {
			bits = 2048
		}
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return nil, err
		}
		k.signer = key
		return slices.Concat([]byte{0xa4, 0x01, 0x03, 0x03}, integer(RS256), []byte{0x20}, octets(key.N.Bytes()), []byte{0x21}, octets([]byte{1, 0, 1})), nil
	}
	curve, number := elliptic.P256(), byte(1)
	if k.algorithm == ES384 {
		curve, number = elliptic.P384(), 2
	}
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		return nil, err
	}
	k.signer = key
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	half := (len(point) - 1) / 2
	return slices.Concat([]byte{0xa5, 0x01, 0x02, 0x03}, integer(k.algorithm), []byte{0x20, number, 0x21}, octets(point[1:1+half]), []byte{0x22}, octets(point[1+half:])), nil
}

func (k *Key) sign(text []byte) ([]byte, error) {
	if k.algorithm == ES384 {
		hash := sha512.Sum384(text)
		return k.signer.Sign(rand.Reader, hash[:], crypto.SHA384)
	}
	hash := sha256.Sum256(text)
	return k.signer.Sign(rand.Reader, hash[:], crypto.SHA256)
}

// The three kinds of CBOR (RFC 8949 §3) that are needed.

func head(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	default:
		return []byte{major<<5 | 25, byte(n >> 8), byte(n)}
	}
}

func octets(b []byte) []byte { return append(head(2, len(b)), b...) }
func text(s string) []byte   { return append(head(3, len(s)), s...) }

func integer(n int) []byte {
	if n < 0 {
		return head(1, -1-n)
	}
	return head(0, n)
}
