package update

// Sentence says to a person why an update is not taken, and what to do, in French and English.
func (r Reason) Sentence() (fr, en string) {
	switch r {
	case NotABundle:
		return "Ce fichier n'est pas une mise à jour de Huis Clos.", "This file is no update of Huis Clos."
	case NoKeys:
		return "Il n'y a ici aucune clé publique pour vérifier une mise à jour : mettez celle de l'éditeur dans /etc/huisclos/update-keys, nom en .pem.",
			"There is no public key here to check an update with: put the publisher's into /etc/huisclos/update-keys, with a name in .pem."
	case Unsigned:
		return "Aucune des clés publiques d'ici n'a signé ce fichier tel qu'il est : il est abîmé, modifié, ou d'un autre éditeur. Rien n'en a été lu.",
			"None of the public keys here has signed this file as it is: it is damaged, altered, or another publisher's. Nothing of it was read."
	case Malformed:
		return "La signature est bonne, mais ce programme ne comprend pas cette mise à jour : une version intermédiaire est sans doute nécessaire.",
			"The signature holds, but this program does not understand this update: a version in between is probably needed."
	case TooLarge:
		return "Ce fichier est trop grand pour une mise à jour (512 Mio au plus).", "This file is too large for an update (512 MiB at most)."
	case WrongPlace:
		return "Cette mise à jour est pour une autre sorte de processeur.", "This update is for another kind of processor."
	case Older:
		return "La version installée est la même, ou plus récente. Seul le retour à la version d'avant, gardée ici, va en arrière.",
			"The version that is installed is the same, or newer. Only the way back to the former version, which is kept here, goes backward."
	case BelowData:
		return "La base de données est d'une version que cette mise à jour ne connaît pas encore : elle ne pourrait pas la lire.",
			"The database has a version that this update does not know yet: it could not read it."
	case StepMissing:
		return "La base de données est trop ancienne pour cette mise à jour : installez d'abord une version intermédiaire.",
			"The database is too old for this update: install a version in between first."
	}
	return "La mise à jour n'a pas pu être lue.", "The update could not be read."
}
