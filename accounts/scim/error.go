package scim

import "strings"

// Error is a refusal in the words of the protocol (RFC 7644 §3.12), with a sentence in both languages for whoever reads the client's log.
type Error struct {
	Status int
	Type   Type
	FR, EN string
}

// Type is a detail error keyword of RFC 7644 table 9.
type Type string

// The keywords in use.
const (
	InvalidFilter Type = "invalidFilter"
	TooMany       Type = "tooMany"
	Uniqueness    Type = "uniqueness"
	Mutability    Type = "mutability"
	InvalidSyntax Type = "invalidSyntax"
	InvalidPath   Type = "invalidPath"
	NoTarget      Type = "noTarget"
	InvalidValue  Type = "invalidValue"
)

func (e *Error) Error() string { return "scim: " + string(e.Type) + ": " + e.EN }

func bad(t Type, fr, en string) *Error { return &Error{400, t, fr, en} }

// ErrorSchema is the schema of an error's body.
const ErrorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// Refusals that have one cause.
var (
	errSyntax = bad(InvalidSyntax, "Le corps de la requête n'est pas l'objet JSON attendu.", "The body of the request is not the JSON object that is expected.")
	errDeep   = bad(InvalidFilter, "Le filtre est trop long ou trop profond.", "The filter is too long or too deep.")

	errNoTarget = bad(NoTarget, "Le chemin ne désigne aucune valeur.", "The path leads to no value.")

	// ErrChanged: the resource has another version than the one that was named (RFC 7644 §3.14).
	ErrChanged = &Error{412, "", "La ressource a changé entre-temps ; relisez-la.", "The resource was changed meanwhile; read it again."}
	// ErrTooMany: a filter that no index answers, where there are too many accounts.
	ErrTooMany = bad(TooMany, "Ce filtre demanderait d'examiner trop de comptes. Filtrez par userName, externalId, id ou emails.value.",
		"This filter would take looking at too many accounts. Filter by userName, externalId, id or emails.value.")
)

func errFilter(fr, en string) *Error {
	return bad(InvalidFilter, "Le filtre n'est pas valable : "+fr+".", "The filter is not valid: "+en+".")
}

// short is the beginning of what somebody sent, for a sentence.
func short(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func errPath(path string) *Error {
	path = short(path, 80)
	return bad(InvalidPath, "Le chemin « "+path+" » n'est pas valable.", "The path “"+path+"” is not valid.")
}

func errValue(attribute string) *Error {
	return bad(InvalidValue, "L'attribut "+attribute+" a une valeur qui ne convient pas.", "The attribute "+attribute+" has a value that does not fit.")
}

func errReadOnly(attribute string) *Error {
	return bad(Mutability, "L'attribut "+attribute+" ne se modifie pas.", "The attribute "+attribute+" can't be changed.")
}

func errRequired(attribute string) *Error {
	return bad(InvalidValue, "L'attribut "+attribute+" manque.", "The attribute "+attribute+" is missing.")
}
