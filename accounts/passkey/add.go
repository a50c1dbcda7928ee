package passkey

import (
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Made is a new passkey: what its owner's account keeps of it. Nothing of it is secret.
type Made struct {
	Credential     []byte // its id, up to 1023 octets
	Key            []byte // public key, COSE (RFC 9052 §7)
	Counter        uint32
	BackupEligible bool // it may be on several devices; never changes
	BackedUp       bool // it is now
	Transports     []string
	Party          string // the RP ID that it is for
}

// BeginAdd draws a challenge for a new passkey of v.Account, whose user handle is the account's id: 16 random octets that say nothing
// (§14.6.1). name and full are what the authenticator shows; existing passkeys are not made twice on one authenticator. It returns the
// options of navigator.credentials.create() as JSON (§5.1.8).
func (p *Party) BeginAdd(v Visitor, name, full string, existing []Known, now time.Time) (json.RawMessage, error) {
	w, err := p.library(v.Origin)
	if err != nil {
		return nil, err
	}
	challenge, err := p.draw()
	if err != nil {
		return nil, err
	}
	creation, _, err := w.BeginRegistration(user{handle: v.Account[:], name: name, full: full},
		webauthn.WithCredentialParameters(algorithms), webauthn.WithExclusions(descriptors(existing)),
		func(o *protocol.PublicKeyCredentialCreationOptions) error { o.Challenge = challenge; return nil })
	if err != nil {
		return nil, err
	}
	p.challenges.put(challenge, Add, v, now)
	return toJSON(creation.Response)
}

// FinishAdd checks the answer (§7.1). ErrMalformed, ErrOver, Refused.
func (p *Party) FinishAdd(answer []byte, v Visitor, now time.Time) (Made, error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Made{}, ErrMalformed
	}
	said := parsed.Response.CollectedClientData
	a, err := p.challenges.take(said.Challenge, Add, v, now)
	if err != nil {
		return Made{}, err
	}
	data := parsed.Response.AttestationObject.AuthData
	if why := p.look(said, data, a.origin); why != "" {
		return Made{}, Refused{Why: why}
	}
	// None was asked for: browsers then send none, or leave an authenticator's own signature (§5.1.3). The parsers of the other
	// statements are not reached.
	if f := parsed.Response.AttestationObject.Format; f != "none" && f != "packed" || parsed.Response.AttestationObject.AttStatement["x5c"] != nil {
		return Made{}, Refused{Why: WrongKind}
	}
	if !taken(data.AttData.CredentialPublicKey) || len(data.AttData.CredentialID) > maxCredential {
		return Made{}, Refused{Why: WrongKind}
	}
	w, err := p.library(a.origin)
	if err != nil {
		return Made{}, err
	}
	c, err := w.CreateCredential(user{handle: v.Account[:]}, webauthn.SessionData{Challenge: said.Challenge, RelyingPartyID: p.id, Origin: a.origin,
		UserID: v.Account[:], UserVerification: protocol.VerificationRequired, CredParams: algorithms}, parsed)
	if err != nil {
		return Made{}, Refused{Why: WrongSignature, cause: err}
	}
	return Made{Credential: c.ID, Key: c.PublicKey, Counter: c.Authenticator.SignCount, BackupEligible: c.Flags.BackupEligible,
		BackedUp: c.Flags.BackupState, Transports: transports(c.Transport), Party: p.id}, nil
}

// look checks first what the library checks too: its one error does not say which of them failed, and the audit log shall. The origin
// is compared octet for octet, the port with it.
func (p *Party) look(said protocol.CollectedClientData, data protocol.AuthenticatorData, origin string) Reason {
	party := sha256.Sum256([]byte(p.id))
	switch {
	case said.Origin != origin, said.CrossOrigin, said.TopOrigin != "":
		return WrongOrigin
	case string(data.RPIDHash) != string(party[:]):
		return WrongParty
	case !data.Flags.UserPresent(), !data.Flags.UserVerified():
		return NotVerified
	}
	return ""
}

// taken reports whether a public key is of a kind that was asked for, on its own curve and long enough.
func taken(cose []byte) bool {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return false
	}
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgES256) && k.Curve == int64(webauthncose.P256) ||
			k.Algorithm == int64(webauthncose.AlgES384) && k.Curve == int64(webauthncose.P384)
	case webauthncose.RSAPublicKeyData:
		return k.Algorithm == int64(webauthncose.AlgRS256) && new(big.Int).SetBytes(k.Modulus).BitLen() >= minRSA
	}
	return false
}
