package audit

// Action names what was done. The names are part of the log's format: a released name keeps its meaning for ever.
type Action string

// The documented actions. Detail keys are given in brackets; a key is absent when it says nothing.
const (
	// The appliance.
	ServerStarted     Action = "server.started"          // [version]
	ServerStopped     Action = "server.stopped"          //
	SettingsChanged   Action = "settings.changed"        // [keys] names only, never values
	AppearanceChanged Action = "appearance.changed"      // [keys] of logo, accent, legal, privacy, contact: what was changed
	CertificateLoaded Action = "certificate.loaded"      // [fingerprint, expires]
	LogVerified       Action = "audit.verified"          // [entries, head; sequence: of the first entry that is not as it was recorded]
	LogKeyMade        Action = "audit.key-made"          // [reason=first|sealed: the one before does not open] object: the id of the key that signs checkpoints from now on
	LogCosigned       Action = "audit.cosigned"          // [name, size] object: the id of the witness
	WitnessAdded      Action = "audit.witness-added"     // [name] object: its id
	WitnessRemoved    Action = "audit.witness-removed"   // [name] object: its id
	LogExported       Action = "audit.exported"          // [format=jsonl|cef, from, to] the log, or a part of it, was handed out
	ForwardingFailed  Action = "audit.forwarding-failed" // [collector, reason=connect|tls|certificate|own|send|confirm] the log does not reach the collector: the first of a row
	ForwardingBack    Action = "audit.forwarding-back"   // [collector, since, sent: entries] it does again
	DiskFull          Action = "disk.full"               // [free: octets given up from the reserve] something could not be recorded; entries from now on are written in what was kept in reserve
	DiskBack          Action = "disk.back"               // [reserved: octets] there is room again, and the reserve is made anew
	BackupMade        Action = "backup.made"             // [name, size, sha256, keys: for whom it is, part=settings|secrets where it is not all]
	BackupFailed      Action = "backup.failed"           // [reason=recipient|space|folder|target|failed] none was made, or the target has it not
	BackupTaken       Action = "backup.taken"            // [name] somebody was handed the encrypted file in the console
	UpdateReceived    Action = "update.received"         // [version, sha256, signer: id of the key] an update was brought in, its signature holds; nothing is installed
	UpdateAsked       Action = "update.asked"            // [act=apply|rollback, version, sha256, data=yes: the former database as well] somebody wants it installed
	UpdateApplied     Action = "update.applied"          // [from, to] the new version runs
	UpdateRolledBack  Action = "update.rolled-back"      // [from, to, reason=health|install|interrupted: the new version did not do; data=yes: the database, and this log, go on from before it] the former version runs
	UpdateRefused     Action = "update.refused"          // [reason, version, from, to] nothing was changed; a result "failed": neither version runs
	BackupCompared    Action = "backup.compared"         // [name, sha256: of the file as it is, result: same, altered or unrecorded]
	Restored          Action = "restored"                // [made, version, revision, sessions] the chain goes on from a backup; as many sessions were ended
	CanaryMade        Action = "canary.made"             // object: the room of the appliance's own test call [expires]
	CanaryEnded       Action = "canary.ended"            // object: the same room [reason=done|expired|stopped]

	// What an operator at the appliance's shell, or an administrator in the console, does to it.
	ServerDrained Action = "server.drained" // no further call begins, until it is resumed or started again
	ServerResumed Action = "server.resumed" //
	LogLevelSet   Action = "log.level"      // [from, to, until] of the service's log, until then, or the next start or reading of the settings
	SupportGiven  Action = "support.given"  // counters and the latest log lines, for a support bundle

	// Mail. Object: the account or room that it is about. Who it goes to stands nowhere.
	MailQueued  Action = "mail.queued"   // [kind=activation|notice|undo|proposal|invitation|guest|code|test]
	MailSent    Action = "mail.sent"     // [kind] the server has taken it
	MailGivenUp Action = "mail.given-up" // [kind, reason=expired|refused|sealed, tries, answer] it is not tried any more
	MailDropped Action = "mail.dropped"  // [kind, reason=full|address] it was never written, because the queue is full or the address can't be written to

	// First set-up.
	SetupCodeMade    Action = "setup.code-made"    // a new code voids the one before
	SetupCodeRefused Action = "setup.code-refused" // [reason]
	SetupDone        Action = "setup.done"         // object: the first administrator

	// Accounts. Object: the account.
	// source=ldap: the organisation's directory decided it; scim: an identity system did, and provisioner is its token.
	AccountCreated   Action = "account.created"       // [role, source]
	AccountRenamed   Action = "account.renamed"       // [source]
	RoleChanged      Action = "account.role"          // [from, to, source]
	AccountDisabled  Action = "account.disabled"      // [source]
	AccountEnabled   Action = "account.enabled"       // [source]
	CalendarMade     Action = "calendar.made"         // a new secret address voids the one before
	CalendarRemoved  Action = "calendar.removed"      //
	PresenceChanged  Action = "account.presence"      // [shown]
	AccountDeleted   Action = "account.deleted"       //
	AccountLeaving   Action = "account.leaving"       // [until, asked=owner|administrator] it is to be deleted then
	AccountStays     Action = "account.stays"         // it is not to be deleted any more
	AccountExported  Action = "account.exported"      // what is kept of it was handed to its owner, or on the command line to the operator
	AccountAddressed Action = "account.email"         // [source, how=owner|undone] another e-mail address: by its source, its owner who confirmed it, a link that undoes that, or an administrator
	AddressAsked     Action = "account.email-asked"   // its owner wants another e-mail address; nothing has changed yet
	AddressRefused   Action = "account.email-refused" // [reason=code, failures] a wrong code from the mail to it
	AccountNamed     Action = "account.named"         // [source, changed] its source calls it otherwise: changed=userName|externalId|name, or several
	ActivationMade   Action = "activation.made"       // [reset=yes when the account was active already, expires]
	ActivationUsed   Action = "activation.used"       // [reset, by=passkey, replaced: passkeys that are gone]
	ActivationBad    Action = "activation.refused"
	PassphraseChange Action = "passphrase.changed" // [first=yes where there was none]

	// Second factors. Object: the account. kind is totp, passkey, or both of them; passkey is the id of one in its owner's list.
	FactorAdded     Action = "factor.added"    // [kind, passkey]
	FactorReplaced  Action = "factor.replaced" // [kind] by its owner: a new one in the place of the old
	FactorRemoved   Action = "factor.removed"  // [kind, passkey, left] by its owner; left: passkeys
	FactorTaken     Action = "factor.taken"    // [kind, recovery] by an administrator, or by an operator's reset, with as many recovery codes as were left
	FactorRefused   Action = "factor.refused"  // [reason, failures] a code that is wrong, used or out of date, after a right passphrase: reason=code; [kind=passkey, reason=unknown|origin|party|verification|signature|owner|counter|disabled|invited]
	PasskeyRenamed  Action = "passkey.renamed" // [passkey]
	RecoveryRenewed Action = "recovery.renewed"
	RecoveryUsed    Action = "recovery.used" // [left] a recovery code stood for the second factor

	// Devices. The key log of devices (crypto/statement) has the statement itself. Object of DeviceInscribed: the account.
	DeviceInscribed Action = "device.inscribed" // [device, statement: its place in the log] the account has said that a device has a key
	DevicesExported Action = "devices.exported" // [records] the key log of devices was handed out
	DeviceKeyMade   Action = "devices.key"      // [reason=first|sealed: the one before does not open] object: the id of the key that signs the key log of devices from now on

	// Policy and four eyes. Object: the account that a proposal is about, if any. Each act that follows a proposal names it too:
	// [proposal, by], by being who proposed, beside the actor who agreed.
	PolicyChanged    Action = "policy.changed"    // [organiser, member =required|optional, addresses=shown|hidden, guests=yes|no, guest-days-most, guest-days, guest-uses-most, shortened: guests whose time is shorter now] what was set
	ProposalMade     Action = "proposal.made"     // [proposal, kind=policy|create|role|disable|enable|delete|leave|stay|email|factors|activation, by, and what it would set]
	ProposalApproved Action = "proposal.approved" // [proposal, kind, by …]
	ProposalRejected Action = "proposal.rejected" // [proposal, kind, by …] refused, or taken back by who made it
	ProposalExpired  Action = "proposal.expired"  // [proposal, kind, by …]
	ProposalOver     Action = "proposal.over"     // [proposal, kind, by …] when it was to be approved, it no longer held

	// ProofGiven: somebody signed in has typed passphrase and code again. Object: the account.
	ProofGiven Action = "proof.given" // [session]
	// AdministratorReset: by an operator, on the appliance's shell. Object: the account.
	AdministratorReset Action = "account.reset" // [role]

	// Signing in. Object: the account, empty when there is none for what was typed: what was typed is never recorded,
	// because people type passphrases into the field for the address.
	LoginOK          Action = "login.ok"           // [session, by=passkey|oidc]
	LoginRefused     Action = "login.refused"      // [reason=passphrase|keyed|unknown|disabled|invited, failures; by=oidc: the code of why]
	LoginLimited     Action = "login.limited"      // [by=account|address, until]
	SessionEnded     Action = "session.ended"      // [session, reason=signed-out|ended|expired|passphrase|factor|role|disabled|deleted|guest|guests|reset|source|provider|email, count]
	PassphraseFailed Action = "passphrase.refused" // wrong old passphrase on a change

	// Invitations. Object: the room. Whom one is for stands nowhere.
	InvitationMade      Action = "invitation.made"      // [invitation, open=yes for a link, expires]
	InvitationExtended  Action = "invitation.extended"  // [invitation, expires]
	InvitationWithdrawn Action = "invitation.withdrawn" // [invitation, used]
	InvitationAccepted  Action = "invitation.accepted"  // [invitation, account, until]
	InvitationRefused   Action = "invitation.refused"   // [invitation, reason=code, failures] a wrong code from a mail
	// Guests. Object: the guest's account.
	GuestCreated   Action = "guest.created"   // [organiser, until, by=passkey]
	GuestExtended  Action = "guest.extended"  // [room, until]
	GuestAsked     Action = "guest.asked"     // [room, full=yes|no] an organiser asks for a full account, or no longer
	GuestDeclined  Action = "guest.declined"  // an administrator makes none
	GuestExpired   Action = "guest.expired"   // [until]
	GuestConverted Action = "guest.converted" // [to]
	GuestRemoved   Action = "guest.removed"   // [room, reason=organiser|expired] from one room, or the account as a whole

	// Groups. Object: the group. source=ldap|oidc|scim: that source decided it.
	GroupCreated     Action = "group.created"        // [source]
	GroupRenamed     Action = "group.renamed"        // [source]
	GroupNamed       Action = "group.named"          // [source] its source calls it otherwise
	GroupDeleted     Action = "group.deleted"        // [source]
	GroupMemberAdded Action = "group.member-added"   // [account, source]
	GroupMemberTaken Action = "group.member-removed" // [account, source]
	// Security profiles. Object: the profile.
	ProfileCreated Action = "profile.created" // [name, conditions, members]
	ProfileChanged Action = "profile.changed" // likewise, as it is now
	ProfileDeleted Action = "profile.deleted" // likewise, as it was

	// The organisation's directory.
	DirectorySynced Action = "directory.synchronised" // [people, created, changed, shut, opened, groups, problems] when something changed, or by hand
	DirectoryHeld   Action = "directory.held"         // [missing, accounts or groups] far fewer people, or groups, than before: nobody was shut out, no group deleted
	DirectoryFailed Action = "directory.failed"       // [reason] the first of a row
	DirectoryBack   Action = "directory.answers"      // again, after a row of failures

	// Provisioning (SCIM). Object: the token, by its id. Each act by one names it: [provisioner], the actor being "provisioning".
	ProvisionerMade    Action = "provisioner.made"    // [name, organisers=yes, mails=yes, expires]
	ProvisionerRevoked Action = "provisioner.revoked" // [name]
	ProvisionerRefused Action = "provisioner.refused" // [reason=unknown|expired] object: the token, when it is an expired one

	// The certificate of this server. Object: its SHA-256.
	CertificateImported  Action = "certificate.imported"          // [ends, issuer] by an administrator, with its key or as the answer to a request
	CertificateServed    Action = "certificate.served"            // [mode, ends, issuer] another one than before
	CertificateRequested Action = "certificate.requested"         // [names] a key and a request for an authority were made
	CertificateWithdrawn Action = "certificate.request-withdrawn" // [request]
	CertificateOrdered   Action = "certificate.ordered"           // from an authority by ACME, by hand
	CertificateFailed    Action = "certificate.failed"            // [reason] no certificate by ACME: the first of a row, or by hand

	// Access for programs (the API). Object: the token, by its id. Each act by one names it beside the actor, whose it is: [program].
	ProgramMade    Action = "program.made"    // [name, scopes, networks: how many it is limited to, expires]
	ProgramRevoked Action = "program.revoked" // [name]
	ProgramRefused Action = "program.refused" // [reason=unknown|expired|maker|network] object: the token, unless it is unknown; maker: who made it administers no more

	// Webhooks. Object: the webhook.
	WebhookMade     Action = "webhook.made"     // [name, host, events]
	WebhookChanged  Action = "webhook.changed"  // [name, host, events, off=yes]
	WebhookDeleted  Action = "webhook.deleted"  // [name]
	WebhookRotated  Action = "webhook.rotated"  // [name, until: when the secret before ends]
	WebhookDisabled Action = "webhook.disabled" // [name, reason=unreachable|untrusted|silent|redirected|answered|unreadable, lost] it had failed for three days

	// The machine.
	ClockJumped Action = "clock.jumped" // [by] the clock was set, or stood still: times before and after are of two clocks

	// The token that opens the page of metrics. An operator's act, or an administrator's.
	MetricsTokenMade    Action = "metrics.token-made"
	MetricsTokenRevoked Action = "metrics.token-revoked"

	// The provider of sign-in. Object of AccountVouched: the account.
	AccountVouched Action = "account.vouched"  // [source] somebody whom another source brought signs in by the provider from now on
	ProviderFailed Action = "provider.failed"  // [reason] the first of a row
	ProviderBack   Action = "provider.answers" // again, after a row of failures

	// Rooms and calls. Object: the room.
	RoomCreated       Action = "room.created"
	RoomRenamed       Action = "room.renamed"
	RoomDeleted       Action = "room.deleted"
	RoomAccess        Action = "room.access"           // [limited, persons, groups, invited: to meetings in it] who may knock
	RoomInvited       Action = "room.invited"          // [meeting, added, added-count, taken, taken-count] whom an invitation lets knock at a limited room, and whom no longer; up to 8 of them are named
	RoomLobby         Action = "room.lobby"            // [straight, persons, groups] whom a host's device lets in by itself
	RoomCohosts       Action = "room.cohosts"          // [count, cohosts] up to 8 of them are named
	RoomPINSet        Action = "room.pin-set"          //
	RoomPINRemoved    Action = "room.pin-removed"      //
	RoomPINRefused    Action = "room.pin-refused"      // a wrong PIN
	MeetingPlanned    Action = "meeting.planned"       // [meeting, invited]
	MeetingChanged    Action = "meeting.changed"       // [meeting, invited]
	MeetingMoved      Action = "meeting.moved"         // [meeting, occurrence] one occurrence
	MeetingCancelled  Action = "meeting.cancelled"     // [meeting, occurrence] as a whole, or one occurrence
	MeetingDeclined   Action = "meeting.declined"      // [meeting] by somebody who was invited
	RoomProfile       Action = "room.profile"          // [profile, name]
	CallStarted       Action = "call.started"          // [call]
	CallEnded         Action = "call.ended"            // [call, reason]
	HistoryExported   Action = "call.history-exported" // [from, to] object: the room, if it is of one; the history of calls was handed out
	CallMemberAdded   Action = "call.member-added"     // [call, account, leaf, epoch, admitted-by]
	CallMemberRemoved Action = "call.member-removed"   // [call, account, leaf, epoch, reason]
	CallLocked        Action = "call.locked"           // [call, epoch]
	CallUnlocked      Action = "call.unlocked"         // [call, epoch]
	CallHosts         Action = "call.hosts"            // [call, epoch, hosts]
	CallRestarted     Action = "call.restarted"        // [call, former, without]
	CallRecovered     Action = "call.recovered"        // [call, epoch]
	KnockDenied       Action = "knock.denied"          // [account]
	CommitRefused     Action = "commit.refused"        // [call, epoch, rule, account]
	GateRefused       Action = "gate.refused"          // [call, account, and a count per reason]
	AccessRefused     Action = "access.refused"        // [route] an account tried what its role may not do
)

// Result of an action.
type Result string

const (
	OK      Result = "ok"
	Refused Result = "refused"
	Failed  Result = "failed"
)
