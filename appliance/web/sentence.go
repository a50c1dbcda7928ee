package web

import "net/http"

// A sentence is what a person reads when a request is refused: what happened, and what to do. Code is the stable token
// that clients branch on. The cause is for the operator's log only and never part of an answer.
type sentence struct {
	status int
	fr, en string
}

// code names a sentence. Every refusal of this package is one of these; a test walks the table.
type code string

const (
	codeNotSignedIn      code = "not-signed-in"
	codeForbidden        code = "forbidden"
	codeNotFound         code = "not-found"
	codeMethod           code = "method-not-allowed"
	codeCSRF             code = "csrf"
	codeForeignOrigin    code = "foreign-origin"
	codeWrongHost        code = "wrong-host"
	codeBadRequest       code = "bad-request"
	codeTooLarge         code = "too-large"
	codeMediaType        code = "media-type"
	codeTooMany          code = "too-many"
	codeBusy             code = "busy"
	codeInternal         code = "internal"
	codeNotBuilt         code = "clients-not-built"
	codeWrongCredentials code = "wrong-credentials"
	codeWrongCode        code = "wrong-code"
	codeSetupDone        code = "setup-done"
	codeBadActivation    code = "activation-invalid"
	codeBadName          code = "name-invalid"
	codeBadEmail         code = "email-invalid"
	codeEmailTaken       code = "email-taken"
	codeBadRole          code = "role-invalid"
	codeWeakPassphrase   code = "passphrase-too-short"
	codeLongPassphrase   code = "passphrase-too-long"
	codeKnownPassphrase  code = "passphrase-known"
	codeOwnPassphrase    code = "passphrase-personal"
	codeLastAdmin        code = "last-administrator"
	codeSelf             code = "own-account"
	codeAccountState     code = "account-state"
	codeBadRoomName      code = "room-name-invalid"
	codeTooManyRooms     code = "too-many-rooms"
	codeNoCall           code = "no-call"
	codeConflict         code = "conflict"
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
	codeMediaType: {http.StatusUnsupportedMediaType,
		"La demande doit être en JSON.",
		"The request must be JSON."},
	codeTooMany: {http.StatusTooManyRequests,
		"Trop d'essais. Attendez un moment, puis réessayez.",
		"Too many tries. Wait a moment, then try again."},
	codeBusy: {http.StatusServiceUnavailable,
		"Le serveur est très occupé. Réessayez dans quelques secondes.",
		"The server is very busy. Try again in a few seconds."},
	codeInternal: {http.StatusInternalServerError,
		"Le serveur n'a pas pu terminer l'opération. Réessayez ; si cela se répète, prévenez votre administrateur.",
		"The server could not finish the operation. Try again; if it happens again, tell your administrator."},
	codeNotBuilt: {http.StatusServiceUnavailable,
		"Les pages de l'application ne sont pas dans ce programme. L'administrateur doit le reconstruire avec « make build ».",
		"The pages of the application are not in this program. The administrator has to rebuild it with “make build”."},
	codeWrongCredentials: {http.StatusUnauthorized,
		"L'adresse e-mail ou la phrase de passe n'est pas la bonne.",
		"The e-mail address or the passphrase is not right."},
	codeWrongCode: {http.StatusForbidden,
		"Ce code d'installation n'est pas le bon. Le code valable est affiché par le serveur à son démarrage.",
		"This set-up code is not right. The valid code is shown by the server when it starts."},
	codeSetupDone: {http.StatusConflict,
		"L'installation est déjà faite : un administrateur existe. Connectez-vous.",
		"Set-up is already done: an administrator exists. Sign in."},
	codeBadActivation: {http.StatusGone,
		"Ce lien d'activation n'est plus valable : il a déjà servi, il a expiré ou il a été remplacé. Demandez-en un nouveau à votre administrateur.",
		"This activation link is no longer valid: it was used, has expired or was replaced. Ask your administrator for a new one."},
	codeBadName: {http.StatusUnprocessableEntity,
		"Le nom doit compter de 1 à 128 octets, sans retour à la ligne ni caractère invisible.",
		"The name must have 1 to 128 bytes, without line breaks or invisible characters."},
	codeBadEmail: {http.StatusUnprocessableEntity,
		"Cette adresse e-mail n'a pas une forme valable.",
		"This e-mail address is not of a valid form."},
	codeEmailTaken: {http.StatusConflict,
		"Un compte existe déjà avec cette adresse e-mail.",
		"An account with this e-mail address already exists."},
	codeBadRole: {http.StatusUnprocessableEntity,
		"Ce rôle n'existe pas.",
		"This role does not exist."},
	codeWeakPassphrase: {http.StatusUnprocessableEntity,
		"La phrase de passe est trop courte : au moins 12 caractères, 15 pour un administrateur.",
		"The passphrase is too short: at least 12 characters, 15 for an administrator."},
	codeLongPassphrase: {http.StatusUnprocessableEntity,
		"La phrase de passe est trop longue : au plus 512 caractères.",
		"The passphrase is too long: at most 512 characters."},
	codeKnownPassphrase: {http.StatusUnprocessableEntity,
		"Cette phrase de passe est parmi les plus connues. Choisissez-en une autre.",
		"This passphrase is among the best known ones. Choose another."},
	codeOwnPassphrase: {http.StatusUnprocessableEntity,
		"La phrase de passe ne peut pas être votre nom ni votre adresse e-mail.",
		"The passphrase cannot be your name or your e-mail address."},
	codeLastAdmin: {http.StatusConflict,
		"C'est le dernier administrateur actif. Nommez-en un autre d'abord.",
		"This is the last active administrator. Name another one first."},
	codeSelf: {http.StatusConflict,
		"Vous ne pouvez pas faire cela avec votre propre compte. Demandez à un autre administrateur.",
		"You cannot do this to your own account. Ask another administrator."},
	codeAccountState: {http.StatusConflict,
		"L'état de ce compte ne permet pas cette opération.",
		"The state of this account does not allow this operation."},
	codeBadRoomName: {http.StatusUnprocessableEntity,
		"Le nom de la salle doit compter de 1 à 128 octets, sans retour à la ligne ni caractère invisible.",
		"The room's name must have 1 to 128 bytes, without line breaks or invisible characters."},
	codeTooManyRooms: {http.StatusConflict,
		"Vous avez atteint le nombre de salles permis. Supprimez-en une d'abord.",
		"You have reached the number of rooms allowed. Delete one first."},
	codeNoCall: {http.StatusConflict,
		"Aucune réunion n'est en cours dans cette salle.",
		"No meeting is going on in this room."},
	codeConflict: {http.StatusConflict,
		"Quelqu'un d'autre vient de modifier ceci. Rechargez la page, puis réessayez.",
		"Somebody else has just changed this. Reload the page, then try again."},
}
