package web

import "net/http"

// A sentence is what a person reads when a request is refused: what happened, and what to do. The cause is for the
// operator's log only and never part of an answer.
type sentence struct {
	status int
	fr, en string
}

// code is the stable token that clients branch on; each has one sentence. Refusals of accounts and meetings keep the
// codes that these packages gave them.
type code string

const (
	codeNotSignedIn   code = "not-signed-in"
	codeForbidden     code = "forbidden"
	codeNotFound      code = "not-found"
	codeMethod        code = "method-not-allowed"
	codeCSRF          code = "csrf"
	codeForeignOrigin code = "foreign-origin"
	codeWrongHost     code = "wrong-host"
	codeBadRequest    code = "bad-request"
	codeTooLarge      code = "too-large"
	codeMediaType     code = "media-type"
	codeTooMany       code = "too-many"
	codeTooFast       code = "too-fast"
	codeBusy          code = "busy"
	codeInternal      code = "internal"
	codeNotBuilt      code = "clients-not-built"
	codeOwnAccount    code = "own-account"
	codeNoCall        code = "no-call"
	codeBadRoomName   code = "bad-room-name"
	codeTooManyRooms  code = "too-many-rooms"
	codeNoProfile     code = "no-profile"

	codeBadProfile        code = "bad-profile"
	codeProfileName       code = "profile-name"
	codeProfileUsed       code = "profile-used"
	codeProfileBuiltIn    code = "profile-built-in"
	codeTooManyProfiles   code = "too-many-profiles"
	codeConditionNotBuilt code = "condition-not-built"

	codeUpgrade   code = "upgrade-required"
	codeNoLength  code = "length-required"
	codeCodeWrong code = "codeWrong"

	codeNoPasskeys     code = "passkeysNotHere"
	codePasskeyOver    code = "passkeyOver"
	codePasskeyBad     code = "passkeyUnusable"
	codePasskeyRefused code = "passkeyRefused"
	codeFactorRequired code = "factorRequired"

	codeNoMail code = "no-mail"
)

// Of rooms' rules and planned meetings.
const (
	codeRoomBarred     code = "room-barred"
	codePINNeeded      code = "pin-needed"
	codePINWrong       code = "pin-wrong"
	codeBadRules       code = "bad-rules"
	codeBadPlan        code = "bad-plan"
	codeBadTitle       code = "bad-title"
	codeBadInvitees    code = "bad-invitees"
	codeTooManyPlanned code = "too-many-planned"
	codeTooManyMails   code = "too-many-mails"

	codeGuestsNeedMail code = "guests-need-mail"
	codeEmailNeedsMail code = "email-needs-mail"
)

// sentences is the one table of what people read. French and English are each written, not translated word for word.
var sentences = map[code]sentence{
	codeNotSignedIn: {http.StatusUnauthorized,
		"Vous n'êtes pas connecté. Connectez-vous pour continuer.",
		"You are not signed in. Sign in to go on."},
	codeForbidden: {http.StatusForbidden,
		"Votre compte ne permet pas cette action.",
		"Your account does not allow this."},
	codeNotFound: {http.StatusNotFound,
		"Ce que vous cherchez n'existe pas, ou plus. Vérifiez l'adresse.",
		"What you are looking for does not exist, or no longer. Check the address."},
	codeMethod: {http.StatusMethodNotAllowed,
		"Cette adresse existe, mais ne permet pas cette opération.",
		"This address exists, but does not allow this operation."},
	codeCSRF: {http.StatusForbidden,
		"Cette page est ouverte depuis trop longtemps. Rechargez-la, puis réessayez.",
		"This page has been open for too long. Reload it, then try again."},
	codeForeignOrigin: {http.StatusForbidden,
		"La demande vient d'un autre site et a été refusée.",
		"The request comes from another site and was refused."},
	codeWrongHost: {http.StatusMisdirectedRequest,
		"Ce serveur ne répond pas à ce nom. L'administrateur peut l'ajouter avec --hostname ou --address.",
		"This server does not answer to this name. The administrator can add it with --hostname or --address."},
	codeBadRequest: {http.StatusBadRequest,
		"La demande n'a pas la forme attendue. Rechargez la page, puis réessayez.",
		"The request is not of the expected form. Reload the page, then try again."},
	codeTooLarge: {http.StatusRequestEntityTooLarge,
		"La demande est trop grande.",
		"The request is too large."},
	codeNoLength: {http.StatusLengthRequired,
		"La demande ne donne pas sa longueur.",
		"The request does not give its length."},
	codeMediaType: {http.StatusUnsupportedMediaType,
		"La demande doit être en JSON.",
		"The request must be JSON."},
	codeTooMany: {http.StatusTooManyRequests,
		"Trop d'essais. Attendez un moment, puis réessayez.",
		"Too many tries. Wait a moment, then try again."},
	codeTooFast: {http.StatusTooManyRequests,
		"Trop de demandes en peu de temps. Attendez un moment, puis réessayez.",
		"Too many requests in a short time. Wait a moment, then try again."},
	codeBusy: {http.StatusServiceUnavailable,
		"Le serveur est très occupé. Réessayez dans quelques secondes.",
		"The server is very busy. Try again in a few seconds."},
	codeInternal: {http.StatusInternalServerError,
		"Le serveur n'a pas pu terminer l'opération. Réessayez ; si cela se répète, prévenez votre administrateur.",
		"The server could not finish the operation. Try again; if it happens again, tell your administrator."},
	codeNotBuilt: {http.StatusServiceUnavailable,
		"Les pages de l'application ne sont pas dans ce programme. L'administrateur doit le reconstruire avec « make build ».",
		"The pages of the application are not in this program. The administrator has to rebuild it with “make build”."},
	codeOwnAccount: {http.StatusConflict,
		"Vous ne pouvez pas faire cela avec votre propre compte. Demandez à un autre administrateur.",
		"You cannot do this to your own account. Ask another administrator."},
	codeNoCall: {http.StatusConflict,
		"Aucune réunion n'est en cours dans cette salle.",
		"No meeting is going on in this room."},
	codeBadRoomName: {http.StatusUnprocessableEntity,
		"Le nom de la salle ne convient pas : de 1 à 128 octets, sans retour à la ligne.",
		"This name of a room does not do: 1 to 128 bytes, without line breaks."},
	codeTooManyRooms: {http.StatusConflict,
		"Vous avez déjà 500 salles. Supprimez-en une d'abord.",
		"You have 500 rooms already. Delete one first."},
	codeNoMail: {http.StatusConflict,
		"Aucun courriel n'a pu être préparé : l'envoi n'est pas réglé, trop de messages attendent déjà, ou cette adresse ne peut pas en recevoir. Faites le lien sans l'envoyer.",
		"No mail could be prepared: sending is not set up, too many wait already, or this address cannot receive any. Make the link without sending it."},
	codeRoomBarred: {http.StatusForbidden,
		"Cette salle est réservée aux personnes que son propriétaire a choisies. Si vous devriez en faire partie, demandez-lui de vous ajouter.",
		"This room is for the people its owner has chosen. If you should be among them, ask its owner to add you."},
	codePINNeeded: {http.StatusForbidden,
		"Cette salle demande un code. Rechargez la page pour le saisir.",
		"This room asks for a code. Reload the page to type it."},
	codePINWrong: {http.StatusForbidden,
		"Ce code n'est pas celui de la salle. Vérifiez-le avec la personne qui vous invite.",
		"This is not the room's code. Check it with whoever invited you."},
	codeBadRules: {http.StatusUnprocessableEntity,
		"Ces règles ne conviennent pas : au plus 400 personnes, 50 groupes et 32 co-hôtes, qui existent encore.",
		"These rules do not do: at most 400 people, 50 groups and 32 co-hosts, who still exist."},
	codeBadPlan: {http.StatusUnprocessableEntity,
		"Cette réunion ne peut pas être prévue ainsi : vérifiez la date, l'heure, la durée (d'une minute à 24 heures) et la fin de la répétition (au plus dix ans ou 1 000 fois).",
		"The meeting can't be planned like this: check the date, the time, the duration (one minute to 24 hours) and the end of the repetition (ten years or 1,000 times at most)."},
	codeBadTitle: {http.StatusUnprocessableEntity,
		"Ce titre ne convient pas : de 1 à 128 octets, sans retour à la ligne.",
		"This title does not do: 1 to 128 bytes, without line breaks."},
	codeBadInvitees: {http.StatusUnprocessableEntity,
		"La liste des personnes invitées ne convient pas : 200 au plus, des comptes qui existent ou des adresses valables.",
		"The list of invited people does not do: 200 at most, accounts that exist or valid addresses."},
	codeTooManyPlanned: {http.StatusConflict,
		"Il y a déjà 200 réunions prévues dans cette salle. Supprimez-en une d'abord.",
		"There are 200 planned meetings in this room already. Delete one first."},
	codeTooManyMails: {http.StatusServiceUnavailable,
		"Trop de courriels attendent déjà leur envoi : rien n'a été changé. Réessayez plus tard, ou prévenez votre administrateur.",
		"Too many mails wait to be sent already: nothing was changed. Try again later, or tell your administrator."},
	codeNoProfile: {http.StatusUnprocessableEntity,
		"Ce profil de sécurité n'existe pas, ou plus.",
		"There is no such security profile, or no longer."},
	codeBadProfile: {http.StatusUnprocessableEntity,
		"Ce profil ne convient pas : un nom de 1 à 64 octets sans espace au bord, des conditions connues, et de 2 à 1 000 appareils, ou aucune limite.",
		"This profile does not do: a name of 1 to 64 bytes without spaces around it, known conditions, and 2 to 1,000 devices, or no limit."},
	codeProfileName: {http.StatusConflict,
		"Un autre profil porte déjà ce nom.",
		"Another profile has this name already."},
	codeProfileUsed: {http.StatusConflict,
		"Des salles ont ce profil. Elles doivent d'abord en prendre un autre.",
		"Rooms have this profile. They must take another one first."},
	codeProfileBuiltIn: {http.StatusConflict,
		"Ce profil est livré avec le produit : ses conditions se changent, mais il ne se supprime pas.",
		"This profile comes with the product: its conditions can be changed, but it is not removed."},
	codeTooManyProfiles: {http.StatusConflict,
		"Il y a déjà 32 profils. Supprimez-en un d'abord.",
		"There are 32 profiles already. Remove one first."},
	codeConditionNotBuilt: {http.StatusUnprocessableEntity,
		"Rien ne ferait encore respecter cette condition : elle ne peut pas être demandée dans cette version.",
		"Nothing would keep this condition yet: it cannot be asked for in this version."},
	codeUpgrade: {http.StatusUpgradeRequired,
		"Cette adresse n'accepte que des connexions WebSocket.",
		"This address accepts WebSocket connections only."},

	// Of accounts.
	"bad-credentials": {http.StatusUnauthorized,
		"L'adresse e-mail ou la phrase de passe n'est pas la bonne.",
		"The e-mail address or the passphrase is not right."},
	"sourceDown": {http.StatusServiceUnavailable,
		"L'annuaire de votre organisation ne répond pas : les comptes qui en viennent ne peuvent pas se connecter pour le moment. Si le vôtre n'en vient pas, vérifiez l'adresse e-mail et la phrase de passe.",
		"Your organisation's directory does not answer: accounts that come from it cannot sign in for now. If yours does not, check the e-mail address and the passphrase."},
	"fromSource": {http.StatusConflict,
		"Ce compte vient de l'annuaire de l'organisation : c'est là que cela se décide.",
		"This account comes from the organisation's directory: that is where this is decided."},
	codeNoDirectory: {http.StatusConflict,
		"Aucun annuaire n'est réglé. Remplissez [directory] dans les réglages, puis redémarrez.",
		"No directory is set. Fill in [directory] in the settings, then restart."},
	codeSyncRunning: {http.StatusConflict,
		"Une lecture de l'annuaire est en cours. Attendez qu'elle finisse.",
		"The directory is being read. Wait until that has ended."},
	"setup-done": {http.StatusConflict,
		"L'installation est déjà faite : un administrateur existe. Connectez-vous.",
		"Set-up is already done: an administrator exists. Sign in."},
	"bad-setup-code": {http.StatusForbidden,
		"Ce code d'installation n'est pas le bon. Le code valable est celui que le serveur a affiché à son dernier démarrage.",
		"This set-up code is not right. The valid one is what the server showed when it last started."},
	"bad-activation": {http.StatusGone,
		"Ce lien d'activation n'est plus valable : il a déjà servi, il a expiré ou il a été remplacé. Demandez-en un nouveau à votre administrateur.",
		"This activation link is no longer valid: it was used, has expired or was replaced. Ask your administrator for a new one."},
	"account-disabled": {http.StatusConflict,
		"Ce compte est désactivé. Réactivez-le d'abord.",
		"This account is disabled. Enable it first."},
	"last-administrator": {http.StatusConflict,
		"C'est le dernier administrateur actif : il garde son rôle et son compte. Nommez-en un autre d'abord.",
		"This is the last active administrator, who keeps role and account. Name another one first."},
	"email-taken": {http.StatusConflict,
		"Un compte existe déjà avec cette adresse e-mail.",
		"An account with this e-mail address already exists."},
	"bad-email": {http.StatusUnprocessableEntity,
		"Cette adresse e-mail n'a pas une forme valable.",
		"This e-mail address is not of a valid form."},
	"bad-name": {http.StatusUnprocessableEntity,
		"Le nom ne convient pas : de 1 à 128 octets, sans retour à la ligne ni caractère invisible.",
		"This name does not do: 1 to 128 bytes, without line breaks or invisible characters."},
	"bad-role": {http.StatusUnprocessableEntity,
		"Ce rôle n'existe pas, ou ne se donne pas à la main.",
		"There is no such role, or it is not given by hand."},
	"bad-cursor": {http.StatusBadRequest,
		"Cette page de la liste n'existe plus. Revenez au début.",
		"This page of the list no longer exists. Go back to its beginning."},
	"group-taken": {http.StatusConflict,
		"Un groupe porte déjà ce nom.",
		"A group has this name already."},
	"group-read-only": {http.StatusConflict,
		"Ce groupe vient de l'annuaire de votre organisation : il se modifie là-bas.",
		"This group comes from your organisation's directory: it is changed there."},
	"too-many-groups": {http.StatusConflict,
		"Il y a déjà 2 000 groupes. Supprimez-en un d'abord.",
		"There are 2,000 groups already. Delete one first."},
	"group-full": {http.StatusConflict,
		"C'est trop pour ce groupe : 10 000 membres au plus, 500 à la fois.",
		"This is too much for the group: 10,000 members at most, 500 at a time."},
	"too-many-contacts": {http.StatusConflict,
		"Votre liste de contacts est pleine : 500 personnes.",
		"Your list of contacts is full: 500 people."},
	"bad-pin": {http.StatusUnprocessableEntity,
		"Ce code ne convient pas : de 4 à 12 chiffres, ou une phrase de 8 à 64 caractères.",
		"This code does not do: 4 to 12 digits, or a phrase of 8 to 64 characters."},
	"passphrase-wrong": {http.StatusForbidden,
		"La phrase de passe actuelle n'est pas la bonne.",
		"The present passphrase is not right."},
	"passphrase-short": {http.StatusUnprocessableEntity,
		"La phrase de passe est trop courte : au moins 12 caractères, 15 pour un administrateur, un officier de sécurité ou un auditeur.",
		"The passphrase is too short: at least 12 characters, 15 for an administrator, a security officer or an auditor."},
	"passphrase-long": {http.StatusUnprocessableEntity,
		"La phrase de passe est trop longue : au plus 512 caractères.",
		"The passphrase is too long: at most 512 characters."},
	"passphrase-characters": {http.StatusUnprocessableEntity,
		"La phrase de passe contient des caractères qu'aucun clavier ne saisit.",
		"The passphrase holds characters that no keyboard types."},
	"passphrase-common": {http.StatusUnprocessableEntity,
		"Cette phrase de passe est parmi les premières qu'on essaie. Choisissez-en une autre.",
		"This passphrase is among the first that are tried. Choose another."},
	"passphrase-personal": {http.StatusUnprocessableEntity,
		"La phrase de passe ne peut pas être faite de votre nom ni de votre adresse e-mail.",
		"The passphrase cannot be made of your name or your e-mail address."},
	"passphrase-same": {http.StatusUnprocessableEntity,
		"La nouvelle phrase de passe est la même que l'actuelle.",
		"The new passphrase is the same as the present one."},
	"secondFactorNeeded": {http.StatusUnauthorized,
		"Ce compte a un second facteur : donnez aussi le code de votre application, votre clé d'accès ou un code de secours.",
		"This account has a second factor: give the code of your application, your passkey or a recovery code as well."},
	// At sign-in its status is 401.
	codeCodeWrong: {http.StatusForbidden,
		"Ce code n'est pas le bon, a déjà servi ou n'est plus à l'heure. Attendez le suivant, puis réessayez.",
		"This code is not right, was used already or is out of date. Wait for the next one, then try again."},
	codeNoPasskeys: {http.StatusConflict,
		"Ici, les clés d'accès ne peuvent pas servir : il faut un nom d'hôte et un certificat reconnu, et venir par ce nom.",
		"Passkeys cannot be used here: they need a host name and a trusted certificate, and that you come by that name."},
	codePasskeyOver: {http.StatusConflict,
		"La demande de clé d'accès a plus de cinq minutes, ou a déjà servi. Recommencez.",
		"The request for a passkey is more than five minutes old, or was used already. Begin again."},
	codePasskeyBad: {http.StatusUnprocessableEntity,
		"Cette clé d'accès ne convient pas : elle doit vérifier qui l'utilise, sur cette page. Essayez-en une autre.",
		"This passkey does not do: it has to verify who uses it, on this page. Try another."},
	// At sign-in its status is 401.
	codePasskeyRefused: {http.StatusForbidden,
		"Cette clé d'accès n'a pas été acceptée. Essayez-en une autre, ou connectez-vous avec votre phrase de passe.",
		"This passkey was not accepted. Try another, or sign in with your passphrase."},
	"passkeyThere": {http.StatusConflict,
		"Cette clé d'accès appartient déjà à un compte.",
		"This passkey belongs to an account already."},
	"noPasskey": {http.StatusNotFound,
		"Votre compte n'a pas cette clé d'accès, ou plus.",
		"Your account does not have this passkey, or no longer."},
	"passkeysFull": {http.StatusConflict,
		"Votre compte a déjà dix clés d'accès. Retirez-en une d'abord.",
		"Your account has ten passkeys already. Remove one first."},
	"bad-passkey-name": {http.StatusUnprocessableEntity,
		"Le nom de la clé d'accès ne convient pas : de 1 à 128 octets, sans retour à la ligne ni caractère invisible.",
		"This name of a passkey does not do: 1 to 128 bytes, without line breaks or invisible characters."},
	"noSecondFactor": {http.StatusConflict,
		"Ce compte n'a pas de second facteur.",
		"This account has no second factor."},
	"secondFactorThere": {http.StatusConflict,
		"Ce compte a déjà un second facteur. Retirez-le avant d'en ajouter un autre.",
		"This account has a second factor already. Remove it before you add another."},
	"enrolmentOver": {http.StatusConflict,
		"L'ajout du second facteur a pris plus de dix minutes, ou a été interrompu. Recommencez-le.",
		"Adding the second factor took more than ten minutes, or was interrupted. Begin it again."},
	"signInWithCode": {http.StatusUnauthorized,
		"Votre phrase de passe est enregistrée. Connectez-vous avec elle et le code de votre second facteur.",
		"Your passphrase is set. Sign in with it and the code of your second factor."},
	"import-wrong": {http.StatusUnprocessableEntity,
		"Une ligne de la liste ne convient pas : aucun compte n'a été créé.",
		"A row of the list does not do: no account was created."},
	"import-text": {http.StatusUnprocessableEntity,
		"Le fichier n'est pas du texte en UTF-8. Dans votre tableur, enregistrez-le en « CSV UTF-8 ».",
		"The file is not text in UTF-8. In your spreadsheet, save it as “CSV UTF-8”."},
	"import-header": {http.StatusUnprocessableEntity,
		"La première ligne doit nommer les colonnes : nom, e-mail et, si vous voulez, rôle. Rien d'autre.",
		"The first row has to name the columns: name, email and, if you like, role. Nothing else."},
	"import-line": {http.StatusUnprocessableEntity,
		"Une ligne n'a pas le même nombre de colonnes que la première, ou ses guillemets ne sont pas fermés.",
		"A line does not have as many columns as the first, or its quotes are not closed."},
	"import-rows": {http.StatusUnprocessableEntity,
		"Une liste compte de 1 à 5 000 personnes et au plus 1 Mio.",
		"A list has 1 to 5,000 people and at most 1 MiB."},
	"import-role": {http.StatusUnprocessableEntity,
		"Une liste ne crée que des organisateurs et des membres. Créez les autres comptes un par un.",
		"A list creates organisers and members only. Create the other accounts one by one."},
	"import-twice": {http.StatusUnprocessableEntity,
		"Cette adresse figure déjà plus haut dans la liste.",
		"This address stands further up in the list already."},
	"passphrase-role": {http.StatusConflict,
		"La phrase de passe de ce compte est trop courte pour ce rôle. Créez d'abord un nouveau lien d'activation.",
		"This account's passphrase is too short for this role. Make a new activation link first."},

	// Of proofs, the policy and four eyes.
	codeFactorRequired: {http.StatusForbidden,
		"Votre rôle demande un second facteur. Ajoutez-le d'abord à votre compte.",
		"Your role needs a second factor. Add it to your account first."},
	"factorKept": {http.StatusConflict,
		"Votre rôle demande un second facteur : le dernier ne peut pas être retiré.",
		"Your role needs a second factor: the last one cannot be removed."},
	"proofNeeded": {http.StatusForbidden,
		"Confirmez d'abord que c'est vous : saisissez à nouveau votre phrase de passe et le code de votre second facteur.",
		"Confirm first that it is you: type your passphrase and the code of your second factor again."},
	"bad-policy": {http.StatusUnprocessableEntity,
		"Un second facteur est exigé ou facultatif, rien d'autre.",
		"A second factor is required or optional, nothing else."},
	"ownProposal": {http.StatusForbidden,
		"Il faut quatre yeux : un autre officier de sécurité doit en décider.",
		"This takes four eyes: another security officer has to decide on it."},
	"proposalOver": {http.StatusConflict,
		"Cette proposition ne tient plus : son délai est passé, ou ce qu'elle changeait n'est plus comme avant.",
		"This proposal no longer holds: its time is over, or what it would change is no longer as it was."},
	"tooManyProposals": {http.StatusConflict,
		"Cent propositions attendent déjà. Décidez-en d'abord.",
		"A hundred proposals are waiting already. Decide on those first."},

	// Of the life of an account.
	codeEmailNeedsMail: {http.StatusConflict,
		"Sans serveur de courriel, personne ne peut confirmer une adresse : demandez à un administrateur de changer la vôtre.",
		"Without a mail server nobody can confirm an address: ask an administrator to change yours."},
	"email-leaving": {http.StatusConflict,
		"Un compte qui va être supprimé a encore cette adresse e-mail. Depuis la console, ce compte peut être gardé, ou supprimé tout de suite.",
		"An account that is about to be deleted still has this e-mail address. In the console that account can be kept, or deleted now."},
	"email-kept": {http.StatusConflict,
		"Cette adresse e-mail était celle d'un autre compte il y a moins de sept jours et lui reste réservée jusque-là.",
		"This e-mail address was another account's less than seven days ago, and is kept for it until then."},
	"email-same": {http.StatusUnprocessableEntity,
		"C'est déjà l'adresse e-mail de ce compte.",
		"This is the account's e-mail address already."},
	"email-often": {http.StatusConflict,
		"Votre adresse e-mail a déjà changé trois fois en sept jours. Attendez quelques jours, ou adressez-vous à un administrateur.",
		"Your e-mail address was changed three times within seven days already. Wait a few days, or ask an administrator."},
	"email-guest": {http.StatusConflict,
		"Une invitation vaut pour une adresse : celle d'un invité ne change pas. Il faut inviter la nouvelle.",
		"An invitation is for one address: a guest's does not change. The new one has to be invited."},
	"undo-over": {http.StatusGone,
		"Ce lien ne vaut plus : il a déjà servi, ou il a plus de sept jours. Adressez-vous à un administrateur.",
		"This link no longer counts: it was used, or it is more than seven days old. Ask an administrator."},
	"last-officer": {http.StatusConflict,
		"Vous êtes le dernier officier de sécurité : votre compte reste, tant qu'aucun autre n'est nommé.",
		"You are the last security officer: your account stays as long as no other is named."},
	"owners-wish": {http.StatusConflict,
		"Cette personne a demandé elle-même la suppression de son compte : elle seule peut y renoncer.",
		"This person asked for the deletion of their account themselves: only they can take that back."},

	// Of invitations.
	codeGuestsNeedMail: {http.StatusConflict,
		"Sans serveur de courriel, personne ne peut confirmer son adresse : il n'est pas possible d'inviter. Un administrateur peut le régler.",
		"Without a mail server nobody can confirm their address: inviting is not possible. An administrator can set it up."},
	"invitation-unknown": {http.StatusGone,
		"Cette invitation n'existe pas, ou le lien est incomplet. Copiez-le en entier, ou demandez-en un autre.",
		"There is no such invitation, or the link is incomplete. Copy all of it, or ask for another."},
	"invitation-expired": {http.StatusGone,
		"Cette invitation a expiré. Demandez-en une autre à la personne qui vous invite.",
		"This invitation has expired. Ask the person who invited you for another."},
	"invitation-withdrawn": {http.StatusGone,
		"Cette invitation a été retirée. Demandez-en une autre à la personne qui vous invite.",
		"This invitation was withdrawn. Ask the person who invited you for another."},
	"invitation-used": {http.StatusGone,
		"Cette invitation a déjà servi. Si c'était vous, connectez-vous ; sinon, demandez-en une autre.",
		"This invitation was used already. If it was you, sign in; if not, ask for another."},
	"invitation-address": {http.StatusForbidden,
		"Cette invitation est pour une autre adresse. Saisissez celle qui l'a reçue.",
		"This invitation is for another address. Type the one that received it."},
	"bad-invitation": {http.StatusUnprocessableEntity,
		"Une invitation va à 50 adresses au plus, vaut 90 jours au plus, et un lien sert 100 fois au plus.",
		"An invitation goes to 50 addresses at most, lasts 90 days at most, and a link serves 100 times at most."},
	"too-many-invitations": {http.StatusConflict,
		"Vous avez autant d'invitations qu'il peut y en avoir. Retirez-en d'abord.",
		"You have as many invitations as there can be. Withdraw some first."},
	"confirmation-wrong": {http.StatusForbidden,
		"Ce code n'est pas le bon. Vérifiez celui du dernier courriel reçu.",
		"This code is not the right one. Check the one in the latest mail."},
	"confirmation-over": {http.StatusGone,
		"Ce code ne vaut plus : il a plus de quinze minutes, ou il y a eu trop d'essais. Demandez-en un autre.",
		"This code no longer counts: it is more than fifteen minutes old, or there were too many tries. Ask for another."},
}
