package accounts

import (
	"errors"
	"time"
)

// Error is a refusal that a person is told about. Its code is stable: the client renders the sentence in the person's
// language from it. Compare with errors.Is against the variables below.
type Error struct{ code, text string }

func (e *Error) Error() string { return "accounts: " + e.text }

// Code returns the stable name.
func (e *Error) Code() string { return e.code }

var (
	// ErrCredentials: unknown address, wrong passphrase, disabled or not yet activated: one answer for all.
	ErrCredentials = &Error{"bad-credentials", "wrong e-mail address or passphrase"}
	ErrNoSession   = &Error{"not-signed-in", "no such session, or it has ended"}
	ErrForbidden   = &Error{"forbidden", "this account may not do that"}
	ErrNotFound    = &Error{"not-found", "no such account"}
	ErrBusy        = &Error{"busy", "too many people are signing in at once"}

	ErrSetupDone  = &Error{"setup-done", "the appliance has an administrator already"}
	ErrSetupCode  = &Error{"bad-setup-code", "wrong set-up code"}
	ErrActivation = &Error{"bad-activation", "the activation link is unknown, used or too old"}
	ErrDisabled   = &Error{"account-disabled", "the account is disabled"}

	// ErrSource: a try failed while the source of accounts can't be asked. Every try that fails then gets it, whoever's it is.
	ErrSource     = &Error{"sourceDown", "the directory can't be asked, so that nobody of it can sign in"}
	ErrFromSource = &Error{"fromSource", "the account comes from the organisation's directory, which decides that"}

	ErrLastAdministrator = &Error{"last-administrator", "the last administrator keeps the role and the account"}
	ErrEmailTaken        = &Error{"email-taken", "another account has this e-mail address"}
	ErrEmailLeaving      = &Error{"email-leaving", "an account that is about to be deleted has this e-mail address"}
	ErrEmailKept         = &Error{"email-kept", "the e-mail address was another account's a few days ago, and is kept for it"}
	ErrEmail             = &Error{"bad-email", "not an e-mail address"}
	ErrName              = &Error{"bad-name", "a name has 1 to 128 bytes of visible characters"}
	ErrRole              = &Error{"bad-role", "no such role, or none that is given by hand"}
	ErrCursor            = &Error{"bad-cursor", "not a place in the list of accounts"}

	ErrPassphraseWrong      = &Error{"passphrase-wrong", "the present passphrase is wrong"}
	ErrPassphraseShort      = &Error{"passphrase-short", "the passphrase is too short"}
	ErrPassphraseLong       = &Error{"passphrase-long", "the passphrase is too long"}
	ErrPassphraseCharacters = &Error{"passphrase-characters", "the passphrase has characters that no keyboard types"}
	ErrPassphraseCommon     = &Error{"passphrase-common", "the passphrase is among those that are tried first"}
	ErrPassphrasePersonal   = &Error{"passphrase-personal", "the passphrase is made of the name or the e-mail address"}
	ErrPassphraseSame       = &Error{"passphrase-same", "the new passphrase is the present one"}
	// ErrPassphraseForRole: a member's passphrase may be shorter than that of a privileged role must be.
	ErrPassphraseForRole = &Error{"passphrase-role", "the account's passphrase is too short for that role: make an activation link first"}
)

// Of second factors.
var (
	// ErrSecondFactorNeeded: the passphrase is right, and a code is wanted as well. It counts neither as a failure nor as a success.
	ErrSecondFactorNeeded = &Error{"secondFactorNeeded", "the account has a second factor: its code is wanted too"}
	ErrCodeWrong          = &Error{"codeWrong", "the code is wrong, used or out of date"}
	ErrNoSecondFactor     = &Error{"noSecondFactor", "the account has no second factor"}
	ErrSecondFactorThere  = &Error{"secondFactorThere", "the account has a second factor already"}
	ErrEnrolmentOver      = &Error{"enrolmentOver", "no second factor is being set up, or its time is over"}
	ErrPasskeyRefused     = &Error{"passkeyRefused", "the passkey is unknown, is not good here or did not sign for this"}
	ErrPasskeyThere       = &Error{"passkeyThere", "this passkey belongs to an account already"}
	ErrPasskeyName        = &Error{"bad-passkey-name", "the name of a passkey has 1 to 128 bytes of visible characters"}
	ErrNoPasskey          = &Error{"noPasskey", "the account has no such passkey"}
	ErrLastKey            = &Error{"lastPasskey", "the account has no passphrase, and this is its only passkey"}
	ErrNoPassphrase       = &Error{"noPassphrase", "the account has no passphrase yet"}
	ErrPassphraseThere    = &Error{"passphraseThere", "the account has a passphrase already"}
	ErrPasskeysFull       = &Error{"passkeysFull", "the account has ten passkeys already"}
	// ErrSignIn: a link has set the passphrase of an account with a second factor, and signs nobody in.
	ErrSignIn = &Error{"signInWithCode", "the passphrase is set; sign in with it and the code of the second factor"}
)

// Of groups, the directory and rooms' PINs.
var (
	ErrNoGroup         = &Error{"not-found", "no such group"}
	ErrGroupTaken      = &Error{"group-taken", "another group has this name"}
	ErrGroupSource     = &Error{"group-read-only", "the group comes from elsewhere and is changed there"}
	ErrTooManyGroups   = &Error{"too-many-groups", "there are as many groups as can be kept"}
	ErrGroupFull       = &Error{"group-full", "too many members, or too many in one request"}
	ErrTooManyContacts = &Error{"too-many-contacts", "the list of contacts is full"}
	ErrPIN             = &Error{"bad-pin", "a PIN has 4 to 12 digits, or 8 to 64 characters"}
)

// Of provisioning.
var (
	ErrProvisioner         = &Error{"bad-provisioner", "the token is unknown, revoked or too old"}
	ErrNoProvisioner       = &Error{"not-found", "no such token"}
	ErrProvisionerDays     = &Error{"provisioner-days", "a token lasts 1 to 366 days"}
	ErrTooManyProvisioners = &Error{"too-many-provisioners", "as many tokens as can be kept"}
	ErrUserName            = &Error{"bad-user-name", "a user name has 1 to 256 bytes of visible characters"}
	ErrUserNameTaken       = &Error{"user-name-taken", "another provisioned account has this user name"}
	ErrSubject             = &Error{"bad-subject", "the source's own name has at most 256 bytes of visible characters"}
	ErrSubjectTaken        = &Error{"subject-taken", "another one has this name of the source"}
	ErrGroupMember         = &Error{"group-member", "no provisioned account has this id"}
	ErrTooMuch             = &Error{"too-much", "too many accounts would have to be looked at"}
	ErrProvisionedRole     = &Error{"provisioned-role", "a role that this token may not give"}
)

// Of programs.
var (
	ErrProgram         = &Error{"bad-token", "the token is unknown, revoked or too old, or who made it administers no more"}
	ErrProgramNetwork  = &Error{"token-network", "the token is not for this network"}
	ErrNoProgram       = &Error{"not-found", "no such token"}
	ErrProgramDays     = &Error{"token-days", "a token lasts 1 to 366 days"}
	ErrProgramScopes   = &Error{"token-scopes", "a token has one scope at least, and only such as there are"}
	ErrProgramNetworks = &Error{"token-networks", "at most 16 networks, each as 192.0.2.0/24 or 2001:db8::/48"}
	ErrTooManyPrograms = &Error{"too-many-tokens", "as many tokens as can be kept"}
	ErrNotForPrograms  = &Error{"not-for-programs", "an act that only a person may do, with a proof that it is them"}
)

// Of invitations.
var (
	ErrInvitation          = &Error{"invitation-unknown", "no such invitation"}
	ErrInvitationExpired   = &Error{"invitation-expired", "the invitation is too old"}
	ErrInvitationWithdrawn = &Error{"invitation-withdrawn", "the invitation was withdrawn"}
	ErrInvitationUsed      = &Error{"invitation-used", "the invitation was accepted as often as it could be"}
	ErrInvitationAddress   = &Error{"invitation-address", "the invitation is for another address"}
	ErrInvitees            = &Error{"bad-invitation", "too many addresses, or too long a time"}
	ErrNoGuests            = &Error{"invitation-no-guests", "the policy allows no guests"}
	ErrGuestBounds         = &Error{"guest-bounds", "longer, or for more people, than the policy allows"}
	ErrGuestRule           = &Error{"bad-guest-rule", "a rule about guests is out of its range"}
	ErrGuestOver           = &Error{"guest-over", "the guest's time is over"}
	ErrTooManyInvitations  = &Error{"too-many-invitations", "as many invitations as can be kept"}
	ErrConfirmation        = &Error{"confirmation-wrong", "the code from the mail is wrong"}
	ErrConfirmationOver    = &Error{"confirmation-over", "no code waits for this address any more"}
)

// Of proofs, the policy and four eyes.
var (
	// ErrFactorKept: the role needs a second factor, and this is the last one.
	ErrFactorKept = &Error{"factorKept", "the role needs a second factor: the last one stays"}
	// ErrFactorMissing: an act of a role that needs a second factor, by an account that has none.
	ErrFactorMissing = &Error{"factorRequired", "the role needs a second factor, and the account has none"}
	// ErrConsoleIdle: the console was not used for a while; a proof opens it again.
	ErrConsoleIdle      = &Error{"consoleIdle", "the console was left alone: its owner has to prove that it is them"}
	ErrProofNeeded      = &Error{"proofNeeded", "the owner of the session has to prove again that it is them"}
	ErrPolicy           = &Error{"bad-policy", "a second factor is required or optional, addresses are shown or hidden"}
	ErrNoProposal       = &Error{"not-found", "no such proposal"}
	ErrOwnProposal      = &Error{"ownProposal", "nobody agrees to their own proposal, nor decides on their own account"}
	ErrProposalOver     = &Error{"proposalOver", "the proposal no longer holds"}
	ErrTooManyProposals = &Error{"tooManyProposals", "too many proposals are open"}
	// ErrNoReset: the way out by the shell is for who runs the appliance or agrees to what they do.
	ErrNoReset = &Error{"noReset", "neither an administrator nor a security officer has this address"}
)

// ErrLanguage: the product speaks French and English.
var ErrLanguage = &Error{"bad-language", "a language is fr or en"}

// NeedsFactor is ErrSecondFactorNeeded with the kinds that do. They are told only to who had the passphrase.
type NeedsFactor struct{ TOTP, Passkey bool }

func (NeedsFactor) Error() string { return ErrSecondFactorNeeded.Error() }

// Code returns the stable name.
func (NeedsFactor) Code() string { return ErrSecondFactorNeeded.Code() }

// Is makes errors.Is(err, ErrSecondFactorNeeded) true.
func (NeedsFactor) Is(target error) bool { return target == error(ErrSecondFactorNeeded) }

// ErrTooMany refuses a try before it is looked at. It matches any other ErrTooMany in errors.Is.
type ErrTooMany struct{ Until time.Time }

func (e ErrTooMany) Error() string {
	return "accounts: too many tries; next one at " + e.Until.UTC().Format(time.RFC3339)
}

// Code returns the stable name.
func (ErrTooMany) Code() string { return "too-many-tries" }

// Is makes errors.Is(err, ErrTooMany{}) true for every time.
func (ErrTooMany) Is(target error) bool { _, ok := target.(ErrTooMany); return ok }

// Code returns the stable name of a refusal, or "" when err is a fault of the appliance.
func Code(err error) string {
	var coded interface{ Code() string }
	if errors.As(err, &coded) {
		return coded.Code()
	}
	return ""
}

// Of the life of an account.
var (
	ErrEmailSame   = &Error{"email-same", "the account has this e-mail address already"}
	ErrEmailOften  = &Error{"email-often", "the e-mail address was changed three times within a few days"}
	ErrEmailGuest  = &Error{"email-guest", "a guest was invited by their e-mail address, which stays"}
	ErrUndo        = &Error{"undo-over", "the link is unknown, used or too old"}
	ErrLastOfficer = &Error{"last-officer", "the last security officer keeps the account"}
	ErrOwnersWish  = &Error{"owners-wish", "the owner asked for the deletion, and nobody else takes that back"}
	ErrNoExport    = &Error{"no-export", "no account has this e-mail address"}
)

// Of imports.
var (
	ErrImport       = &Error{"import-wrong", "a row of the list is wrong: nothing was imported"}
	ErrImportText   = &Error{"import-text", "the file is not text in UTF-8"}
	ErrImportHeader = &Error{"import-header", "the first row does not name the columns name and email, and role at most besides"}
	ErrImportLine   = &Error{"import-line", "a line has another number of columns than the first, or its quotes do not close"}
	ErrImportRows   = &Error{"import-rows", "a list has 1 to 5,000 people and at most 1 MiB"}
	ErrImportRole   = &Error{"import-role", "an import makes organisers and members only"}
	ErrImportTwice  = &Error{"import-twice", "the address stands in the list before"}
)
