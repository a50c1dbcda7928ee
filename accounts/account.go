// Package accounts decides who someone is and what they may do on this appliance: accounts, the first set-up, activation
// links, signing in, sessions and roles.
//
// It never sees HTTP, a meeting or a key of a device. Passphrases pass through it to crypto/passhash and are kept nowhere;
// tokens and codes are kept as hashes, the seeds of second factors sealed. Time and randomness are parameters. Rules follow NIST SP 800-63B (passphrases,
// tries), RFC 8265 (preparation of passphrases and names), RFC 6238 (TOTP) and OWASP ASVS 5.0 chapters 6 and 7.
package accounts

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// ID names an account for ever; it is drawn at random and says nothing.
type ID [16]byte

// String returns the id in base64url without padding (22 characters).
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// MarshalText and UnmarshalText let an id stand in JSON in its text form.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseID(string(text))
	return err
}

// ParseID reads the one text form of an id.
func ParseID(s string) (ID, error) {
	var id ID
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(id) || len(s) != 22 {
		return ID{}, ErrNotFound
	}
	return ID(b), nil
}

// State of an account.
type State string

const (
	Invited  State = "invited"  // has nothing to sign in with yet
	Active   State = "active"   // may sign in
	Disabled State = "disabled" // may not, whatever it knows
)

// Account is what others may know of one.
type Account struct {
	ID        ID
	Name      string
	Email     string // as it was typed; compared in its normal form
	Role      Role
	State     State
	Created   time.Time
	LastLogin time.Time // zero: never

	SecondFactor  bool // a passphrase alone does not sign in
	TOTP, Passkey bool // which there are
	Keyed         bool // there is no passphrase: passkeys sign in, and nothing else does
	// Guest is what binds a guest to who invited it; nil for all others. It is not to be changed.
	Guest *Guesthood
	// FactorMissing: the role needs a second factor, and there is none; its sessions are good for setting one up, and for
	// nothing else. Told where somebody signs in and of who is signed in.
	FactorMissing bool

	// Language is the one that its owner has chosen, "" while they have chosen none.
	Language Language

	Source Source
	// Passphrase: there is one to be typed, ours or the directory's. Who has none proves who they are at the provider, or by a passkey.
	Passphrase bool
	Absent     bool // its source has no such person any more, or has shut them out

	Leaving *Leaving // it is about to be deleted; nil: it is not
}

// Actor is the account that asks for an act, and where from. The acts check its rights against what is stored at that
// moment, in the transaction of the act.
type Actor struct {
	Account  ID
	Client   netip.Addr
	Proved   time.Time // when the owner of the session last proved that it is them
	Vouched  bool      // the provider of sign-in said of the session that a second factor was shown there ([Session])
	operator bool
	program  ProgramID // it is not the account itself that acts, but a program with a token of its; zero: itself
}

// Operator is the actor of the command line: who has a shell on the appliance has an administrator's rights.
func Operator() Actor { return Actor{operator: true} }

// SessionID names a session in lists; it gives no right.
type SessionID [16]byte

// String returns the id in base64url without padding.
func (id SessionID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseSessionID reads what String wrote.
func ParseSessionID(s string) (SessionID, error) {
	id, err := ParseID(s)
	return SessionID(id), err
}

// Session is one signed-in browser or application.
type Session struct {
	ID      SessionID
	Account ID
	Client  netip.Addr // where it began
	Agent   string     // what the client said of itself; shown to its owner only
	Created time.Time
	Seen    time.Time // last use, to the minute
	Idle    time.Time // ends then if it is not used, and no call of it is open
	Rights  time.Time // from then on a call alone has kept it: its owner proves themselves before they change their account
	Console time.Time // the console shuts then if it is not used; a proof opens it
	Until   time.Time // ends then in any case
	Proved  time.Time // when its owner last proved that it is them; zero: not that we know

	Provided bool // the provider of sign-in vouched for them, and may end it
	Vouched  bool // and said that a second factor was shown there
}

// Reason why sessions ended.
type Reason string

const (
	SignedOut         Reason = "signed-out"
	EndedByOwner      Reason = "ended" // from the list of sessions, by its owner or an administrator
	Expired           Reason = "expired"
	PassphraseChanged Reason = "passphrase"
	FactorChanged     Reason = "factor" // a second factor was added or removed
	RoleChanged       Reason = "role"
	AccountDisabled   Reason = "disabled"
	AccountDeleted    Reason = "deleted"
	EndedAtProvider   Reason = "provider" // the provider of sign-in says that its session has ended
	SourceDecided     Reason = "source"   // who it comes from has no such person any more, or has shut them out
	GuestTaken        Reason = "guest"    // a room was taken from a guest
	GuestsBarred      Reason = "guests"   // the policy has no guests any more
	AccountReset      Reason = "reset"    // by an operator, on the appliance's shell
	AddressRestored   Reason = "email"    // the e-mail address of before was taken back
)

// Ended says that sessions no longer count. Sessions is empty when all of the account ended (and one made after a change
// of passphrase or factor may have begun since).
type Ended struct {
	Account  ID
	Sessions []SessionID
	Reason   Reason
}

// All reports whether all sessions of the account ended.
func (e Ended) All() bool { return len(e.Sessions) == 0 }

// Token is a secret given to a person or a browser once: a session, an activation link, a code, the seed of a second factor. It does not
// print itself, not even inside another value: only Reveal returns it. The zero Token is none.
type Token struct{ text *string } // a pointer: package fmt does not follow one that it finds in a field

func newToken(text string) Token { return Token{&text} }

// Reveal returns the secret, to be sent to whom it belongs and nowhere else.
func (t Token) Reveal() string {
	if t.text == nil {
		return ""
	}
	return *t.text
}

// Format says, for every verb, that a secret stands here.
func (Token) Format(f fmt.State, _ rune) { io.WriteString(f, "[secret]") }

// MarshalText keeps the secret out of JSON and structured logs too.
func (Token) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }
