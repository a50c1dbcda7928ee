// Package passkey runs the ceremonies of passkeys (W3C Web Authentication Level 3): what is asked of a browser when a passkey is made
// or used, and whether what comes back answers it.
//
// It decides which passkeys there can be (discoverable, with user verification, without attestation, three algorithms), how long a
// challenge counts and for whom, and whether a signature is good. It never sees HTTP, an account's record or a private key; whose a
// passkey is, whether that account may sign in and what its counter was is accounts' own. Time and randomness are parameters.
package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

const (
	// Lifetime of a challenge: how long a person has to take their finger or telephone out.
	Lifetime = 5 * time.Minute
	// challengeLength in octets; §13.4.3 asks for at least 16.
	challengeLength = 32
	// maxCredential is the length of a credential id that §7.1 step 25 allows.
	maxCredential = 1023
	// minRSA: ANSSI-PG-083 takes 2048 bits until 2030, and Windows Hello has no longer ones.
	minRSA = 2048
)

// Algorithms in the order of preference. EdDSA is left out: no guide of ANSSI names it, and each authenticator that has it has ES256.
// RS256 is for Windows Hello on machines whose TPM signs with nothing else.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES384},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Errors of what comes back. A caller tells people one sentence each.
var (
	// ErrMalformed: not the JSON of a PublicKeyCredential (§5.1).
	ErrMalformed = errors.New("passkey: not an answer of an authenticator")
	// ErrOver: the challenge is none of ours, was used, is too old, or was another browser's, account's or purpose's.
	ErrOver = errors.New("passkey: the challenge does not count, or no longer")
)

// Reason says why an answer is refused, for the audit log.
type Reason string

// The reasons.
const (
	WrongOrigin    Reason = "origin"
	WrongParty     Reason = "party"        // signed for another RP ID
	NotVerified    Reason = "verification" // the user was not verified, or not even present
	WrongSignature Reason = "signature"
	WrongKind      Reason = "kind" // a key, an algorithm or an attestation that is not taken
	WrongOwner     Reason = "owner"
)

// Refused is the error of an answer that is well formed and not good.
type Refused struct {
	Why   Reason
	cause error
}

func (e Refused) Error() string {
	if e.cause == nil {
		return "passkey: refused: " + string(e.Why)
	}
	return fmt.Sprintf("passkey: refused: %s: %v", e.Why, e.cause)
}

// Unwrap gives the library's own cause.
func (e Refused) Unwrap() error { return e.cause }

// Reason says why in one word.
func (e Refused) Reason() string { return string(e.Why) }

// Purpose of a challenge. An answer to one does for no other.
type Purpose string

// The purposes.
const (
	Add    Purpose = "add"     // a new passkey of an account
	SignIn Purpose = "sign-in" // whose passkey it is, the answer says
	Prove  Purpose = "prove"   // that who is signed in is still there
)

// Visitor is the browser that a challenge is for.
type Visitor struct {
	Cookie  string // the secret of its cookie; only a hash is kept
	Origin  string // of the page, exactly as browsers serialise it (RFC 6454 §6.2)
	Account [16]byte
}

// Known names a passkey in a list for browsers.
type Known struct {
	Credential []byte
	Transports []string
}

// Party is the relying party: one host name and its challenges. Its methods may be called from any goroutine.
type Party struct {
	id, name   string
	random     io.Reader
	challenges *challenges
}

// New returns the party for a host name (the RP ID, §5.1.2: a domain, no address, no port). name is what people see.
func New(id, name string, random io.Reader) (*Party, error) {
	if err := protocol.ValidateRPID(id); err != nil {
		return nil, fmt.Errorf("passkey: %q can't be an RP ID: %w", id, err)
	}
	if random == nil {
		return nil, errors.New("passkey: no source of random numbers")
	}
	return &Party{id: id, name: name, random: random, challenges: newChallenges()}, nil
}

// ID is the host name that passkeys are made for.
func (p *Party) ID() string { return p.id }

// user is an account as the library asks for one.
type user struct {
	handle     []byte
	name, full string
	keys       []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return u.handle }
func (u user) WebAuthnName() string                       { return u.name }
func (u user) WebAuthnDisplayName() string                { return u.full }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// library returns the rules for one origin. Nothing of it is kept: times and challenges are ours.
func (p *Party) library(origin string) (*webauthn.WebAuthn, error) {
	required := true
	w, err := webauthn.New(&webauthn.Config{
		RPID: p.id, RPDisplayName: p.name, RPOrigins: []string{origin},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &required, ResidentKey: protocol.ResidentKeyRequirementRequired,
			UserVerification: protocol.VerificationRequired},
		Timeouts: webauthn.TimeoutsConfig{Login: webauthn.TimeoutConfig{Timeout: Lifetime}, Registration: webauthn.TimeoutConfig{Timeout: Lifetime}},
		// Some clients say credProps without being asked (§9.1 lets them); nothing here reads an extension.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return w, nil
}

func (p *Party) draw() ([]byte, error) {
	b := make([]byte, challengeLength)
	if _, err := io.ReadFull(p.random, b); err != nil {
		return nil, fmt.Errorf("passkey: random numbers: %w", err)
	}
	return b, nil
}

func descriptors(list []Known) []protocol.CredentialDescriptor {
	out := make([]protocol.CredentialDescriptor, 0, len(list))
	for _, k := range list {
		d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: k.Credential}
		for _, t := range k.Transports {
			d.Transport = append(d.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, d)
	}
	return out
}

// transports keeps what §5.8.4 names; the rest is anybody's word.
func transports(list []protocol.AuthenticatorTransport) (out []string) {
	for _, t := range []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal} {
		for _, said := range list {
			if said == t {
				out = append(out, string(t))
				break
			}
		}
	}
	return out
}

func toJSON(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("passkey: options: %w", err)
	}
	return b, nil
}
