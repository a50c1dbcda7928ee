package passkey

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// BeginUse draws a challenge for a passkey that exists: any of this party's that the browser finds (SignIn), or one of those that are
// named. It returns the options of navigator.credentials.get() as JSON (§5.1.9).
func (p *Party) BeginUse(purpose Purpose, v Visitor, among []Known, now time.Time) (json.RawMessage, error) {
	w, err := p.library(v.Origin)
	if err != nil {
		return nil, err
	}
	challenge, err := p.draw()
	if err != nil {
		return nil, err
	}
	options := []webauthn.LoginOption{webauthn.WithChallenge(challenge)}
	if len(among) > 0 {
		options = append(options, webauthn.WithAllowedCredentials(descriptors(among)))
	}
	request, _, err := w.BeginDiscoverableLogin(options...)
	if err != nil {
		return nil, err
	}
	p.challenges.put(challenge, purpose, v, now)
	return toJSON(request.Response)
}

// Assertion is an answer to a challenge that counted, and counts no more. Whether it is good, Verify says.
type Assertion struct {
	party  *Party
	origin string
	parsed *protocol.ParsedCredentialAssertionData
	named  bool // the challenge said whose it was
}

// FinishUse reads an answer and uses its challenge up. ErrMalformed, ErrOver.
func (p *Party) FinishUse(answer []byte, purpose Purpose, v Visitor, now time.Time) (*Assertion, error) {
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil || len(parsed.RawID) > maxCredential {
		return nil, ErrMalformed
	}
	a, err := p.challenges.take(parsed.Response.CollectedClientData.Challenge, purpose, v, now)
	if err != nil {
		return nil, err
	}
	return &Assertion{p, a.origin, parsed, purpose != SignIn}, nil
}

// Credential is the id of the passkey that signed, as the answer has it.
func (a *Assertion) Credential() []byte { return a.parsed.RawID }

// Verify checks the answer against what is kept of the passkey and of its owner (§7.2), and returns what is kept from now on. What the
// counter was is the caller's to compare. Refused.
func (a *Assertion) Verify(owner [16]byte, key []byte, backupEligible bool) (counter uint32, backedUp bool, err error) {
	said, data := a.parsed.Response.CollectedClientData, a.parsed.Response.AuthenticatorData
	if why := a.party.look(said, data, a.origin); why != "" {
		return 0, false, Refused{Why: why}
	}
	// §7.2 step 6: where nobody was named before, the user handle has to be there.
	if h := a.parsed.Response.UserHandle; !bytes.Equal(h, owner[:]) && (len(h) > 0 || !a.named) {
		return 0, false, Refused{Why: WrongOwner}
	}
	w, err := a.party.library(a.origin)
	if err != nil {
		return 0, false, err
	}
	c := webauthn.Credential{ID: a.parsed.RawID, PublicKey: key, Flags: webauthn.CredentialFlags{BackupEligible: backupEligible}}
	used, err := w.ValidateLogin(user{handle: owner[:], keys: []webauthn.Credential{c}}, webauthn.SessionData{Challenge: said.Challenge,
		RelyingPartyID: a.party.id, Origin: a.origin, UserID: owner[:], UserVerification: protocol.VerificationRequired}, a.parsed)
	if err != nil {
		return 0, false, Refused{Why: WrongSignature, cause: err}
	}
	return data.Counter, used.Flags.BackupState, nil
}
