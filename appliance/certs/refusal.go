package certs

import "fmt"

// Reason says why a certificate that somebody gave does not do.
type Reason string

// The reasons are part of what the API answers.
const (
	Unreadable    Reason = "unreadable"     // neither PEM, DER nor PKCS#12
	Bundled       Reason = "pkcs7"          // PKCS#7, which holds no key and no order
	WrongPassword Reason = "wrong-password" // of PKCS#12
	EncryptedKey  Reason = "encrypted-key"  // a PEM key under a passphrase
	NoCertificate Reason = "no-certificate"
	NoKey         Reason = "no-key" // none came along, and no request waits for this certificate
	OtherKey      Reason = "other-key"
	SeveralKeys   Reason = "several-keys"
	SmallRSA      Reason = "small-rsa"
	OtherCurve    Reason = "other-curve"
	OtherKind     Reason = "other-kind" // of key
	WeakSignature Reason = "weak-signature"
	Authority     Reason = "authority" // the certificate of a certification authority
	NotForServers Reason = "not-for-servers"
	NoNames       Reason = "no-names" // no subject alternative name
	Expired       Reason = "expired"
	NotYet        Reason = "not-yet"
	TooLarge      Reason = "too-large"
	NoSuchRequest Reason = "no-such-request"
	TooMany       Reason = "too-many-requests"
	NothingToSign Reason = "no-hostname" // no name is set for which a certificate could be asked
	NothingStored Reason = "nothing-stored"
	NotByACME     Reason = "not-by-acme" // an order, where that is not the mode
)

// A Refusal is a certificate that does not do, or an act for which something is missing. Detail is a number, a date or the name of a
// curve; never anything of a key.
type Refusal struct {
	Reason Reason
	Detail string
}

func (r *Refusal) Error() string {
	_, en := r.Sentence()
	return "certs: " + en
}

func refuse(r Reason, detail string, with ...any) error {
	return &Refusal{r, fmt.Sprintf(detail, with...)}
}

// Sentence says what is wrong and what to do.
func (r *Refusal) Sentence() (fr, en string) {
	switch r.Reason {
	case Bundled:
		return "Ce fichier est au format PKCS#7 (.p7b), qui ne dit pas quel certificat est le vôtre. Donnez le certificat et sa chaîne en PEM (openssl pkcs7 -print_certs).",
			"This file is PKCS#7 (.p7b), which does not say which certificate is yours. Give the certificate and its chain as PEM (openssl pkcs7 -print_certs)."
	case WrongPassword:
		return "La phrase de passe n'ouvre pas ce fichier PKCS#12. Vérifiez-la.", "The passphrase does not open this PKCS#12 file. Check it."
	case EncryptedKey:
		return "La clé est protégée par une phrase de passe. Donnez un fichier PKCS#12 avec sa phrase, ou la clé sans phrase (openssl pkey).",
			"The key is under a passphrase. Give a PKCS#12 file with its passphrase, or the key without one (openssl pkey)."
	case NoCertificate:
		return "Il n'y a aucun certificat dans ce qui a été donné. Ajoutez celui du serveur, en PEM.", "There is no certificate in what was given. Add the server's, as PEM."
	case NoKey:
		return "Il manque la clé privée : elle n'a pas été donnée, et aucune demande de certificat en attente ne lui correspond. Donnez la clé, ou vérifiez que ce certificat répond à une demande faite ici.",
			"The private key is missing: none was given, and no waiting certificate request matches. Give the key, or check that this certificate answers a request made here."
	case OtherKey:
		return "La clé donnée n'est celle d'aucun de ces certificats. Donnez la clé avec laquelle le certificat a été demandé.",
			"The key given belongs to none of these certificates. Give the key that the certificate was asked with."
	case SeveralKeys:
		return "Il y a plusieurs clés dans ce qui a été donné. Donnez-en une seule, celle du certificat.", "There are several keys in what was given. Give one only, the certificate's."
	case SmallRSA:
		return fmt.Sprintf("La clé est une clé RSA de %s bits, trop courte. Demandez un certificat avec une clé P-256, ou RSA d'au moins %d bits.", r.Detail, minRSA),
			fmt.Sprintf("The key is an RSA key of %s bits, which is too short. Ask for a certificate with a P-256 key, or RSA of at least %d bits.", r.Detail, minRSA)
	case OtherCurve:
		return fmt.Sprintf("La clé est sur la courbe %s, que tous les navigateurs n'acceptent pas. Demandez un certificat avec une clé P-256 ou P-384.", r.Detail),
			fmt.Sprintf("The key is on the curve %s, which not all browsers take. Ask for a certificate with a P-256 or P-384 key.", r.Detail)
	case OtherKind:
		return fmt.Sprintf("Les navigateurs n'acceptent pas une clé de type %s. Demandez un certificat avec une clé P-256.", r.Detail),
			fmt.Sprintf("Browsers do not take a key of the kind %s. Ask for a certificate with a P-256 key.", r.Detail)
	case WeakSignature:
		return fmt.Sprintf("Le certificat est signé avec %s, que les navigateurs refusent. Demandez-en un signé avec SHA-256 ou plus.", r.Detail),
			fmt.Sprintf("The certificate is signed with %s, which browsers refuse. Ask for one signed with SHA-256 or better.", r.Detail)
	case Authority:
		return "Ce certificat est celui d'une autorité de certification, pas d'un serveur. Donnez celui que l'autorité a fait pour ce serveur.",
			"This is the certificate of a certification authority, not of a server. Give the one that the authority made for this server."
	case NotForServers:
		return "Ce certificat n'est pas prévu pour un serveur web (usage étendu serverAuth). Demandez-en un pour serveur.",
			"This certificate is not meant for a web server (extended usage serverAuth). Ask for one for servers."
	case NoNames:
		return "Ce certificat ne porte aucun nom que lisent les navigateurs (subjectAltName). Demandez-en un pour le nom de ce serveur.",
			"This certificate carries no name that browsers read (subjectAltName). Ask for one for this server's name."
	case Expired:
		return fmt.Sprintf("Ce certificat a expiré le %s. Demandez-en un nouveau.", r.Detail), fmt.Sprintf("This certificate expired on %s. Ask for a new one.", r.Detail)
	case NotYet:
		return fmt.Sprintf("Ce certificat ne commence que le %s. Attendez ce jour, ou vérifiez l'horloge de cette machine.", r.Detail),
			fmt.Sprintf("This certificate begins on %s only. Wait for that day, or check this machine's clock.", r.Detail)
	case TooLarge:
		return "Ce qui a été donné est trop grand pour un certificat et sa chaîne.", "What was given is too large for a certificate and its chain."
	case NoSuchRequest:
		return "Cette demande de certificat n'existe pas, ou plus.", "There is no such certificate request, or no longer."
	case TooMany:
		return fmt.Sprintf("Il y a déjà %d demandes de certificat en attente. Retirez-en une d'abord.", maxRequests), fmt.Sprintf("There are %d certificate requests waiting already. Withdraw one first.", maxRequests)
	case NothingToSign:
		return "Aucun nom n'est réglé pour cette appliance : il n'y a rien à demander. Réglez hostnames d'abord.", "No name is set for this appliance: there is nothing to ask for. Set hostnames first."
	case NotByACME:
		return "Le certificat ne vient pas d'une autorité ACME : il n'y a rien à commander. Choisissez d'abord ce mode.", "The certificate does not come from an ACME authority: there is nothing to order. Choose that mode first."
	case NothingStored:
		return "Aucun certificat n'a été importé. Importez-en un d'abord.", "No certificate has been imported. Import one first."
	}
	return "Ce qui a été donné n'est ni du PEM ni du PKCS#12 lisible. Donnez le certificat tel que l'autorité l'a remis.",
		"What was given is neither readable PEM nor PKCS#12. Give the certificate as the authority handed it over."
}
