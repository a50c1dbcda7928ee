package backup

import "fmt"

// Reason says why a file is no backup that could be used.
type Reason string

// The reasons.
const (
	NotOurs       Reason = "not-ours"       // another kind of file
	NewerFormat   Reason = "newer-format"   // laid out by a later version
	NewerDatabase Reason = "newer-database" // its database was written by a later version
	WrongKey      Reason = "wrong-key"      // encrypted for others than those who try
	Damaged       Reason = "damaged"        // cut, altered, or not whole
)

// Error is why a file is refused. Nothing was changed.
type Error struct {
	Reason Reason
	Err    error // the cause, for an operator
}

func (e *Error) Error() string { return fmt.Sprintf("backup: %s: %v", e.Reason, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{r, fmt.Errorf(format, args...)}
}

// Sentence says it to a person, in French and in English, with what to do.
func (r Reason) Sentence() (fr, en string) {
	switch r {
	case NotOurs:
		return "ce fichier n'est pas une sauvegarde de Huis Clos ; donnez celui qu'a écrit « huisclos backup create ».",
			"this file is no backup of Huis Clos; give one that “huisclos backup create” has written."
	case NewerFormat:
		return "cette sauvegarde vient d'une version plus récente de Huis Clos ; installez cette version ou une plus récente, puis recommencez.",
			"this backup comes from a newer version of Huis Clos; install that version or a newer one, then try again."
	case NewerDatabase:
		return "la base de cette sauvegarde vient d'une version plus récente de Huis Clos ; installez cette version ou une plus récente, puis recommencez.",
			"the database of this backup comes from a newer version of Huis Clos; install that version or a newer one, then try again."
	case WrongKey:
		return "ni cette clé ni cette phrase de passe n'ouvrent cette sauvegarde ; « huisclos backup list » dit pour quelle clé elle est. Si c'est la bonne, le début du fichier a été altéré.",
			"neither this key nor this passphrase opens this backup; “huisclos backup list” says for which key it is. If it is the right one, the beginning of the file was altered."
	case Damaged:
		return "cette sauvegarde est coupée ou altérée et ne peut pas servir ; prenez-en une autre copie, ou une autre sauvegarde.",
			"this backup is cut or altered and cannot be used; take another copy of it, or another backup."
	}
	return "cette sauvegarde ne peut pas servir ; la cause est ci-dessous.", "this backup cannot be used; the cause is below."
}
