package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
)

// Kind says what went wrong with a directory.
type Kind string

const (
	Unreachable Kind = "unreachable" // no connection
	NoTLS       Kind = "no-tls"      // it doesn't speak TLS there
	Authority   Kind = "authority"   // its certificate is of an authority that isn't trusted
	WrongName   Kind = "wrong-name"  // its certificate is for another name
	OutOfDate   Kind = "out-of-date" // its certificate has expired, or isn't valid yet
	BindRefused Kind = "bind"        // bind_dn or its password
	NoBase      Kind = "base"        // the tree isn't there, or can't be seen
	NoGroup     Kind = "group"       // a group of the settings isn't there
	TooMany     Kind = "too-many"    // more people than are taken
	// NoGroupsBase, NoGroups, TooManyGroups: of the groups that come here, their tree isn't there, the filter finds none, or too many.
	NoGroupsBase  Kind = "groups-base"
	NoGroups      Kind = "no-groups"
	TooManyGroups Kind = "too-many-groups"
	Limited       Kind = "limited"   // it gives the account that reads only so many entries
	NoAnswer      Kind = "no-answer" // it stopped answering, or gave up
	Nobody        Kind = "nobody"    // the filter finds nobody
)

// Error is a directory that could not be asked. It is an accounts.ErrSource.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("ldap: %s: %v", e.Kind, e.Err) }

// Unwrap makes it an accounts.ErrSource beside its cause.
func (e *Error) Unwrap() []error { return []error{accounts.ErrSource, e.Err} }

// Sentence says what happened and what to do, in French and in English.
func (k Kind) Sentence() (fr, en string) {
	switch k {
	case Unreachable:
		return "L'annuaire n'est pas joignable. Vérifiez url dans [directory], et que le serveur répond.", "The directory can't be reached. Check url in [directory], and that the server answers."
	case NoTLS:
		return "L'annuaire ne propose pas TLS à ce port. Activez StartTLS, ou donnez une adresse ldaps:// ; rien n'a été envoyé en clair.",
			"The directory offers no TLS at this port. Enable StartTLS, or give an address with ldaps://; nothing was sent in the clear."
	case Authority:
		return "Le certificat de l'annuaire vient d'une autorité qui n'est pas reconnue. Mettez le certificat de la bonne autorité dans ca_file.",
			"The directory's certificate is of an authority that is not trusted. Put the right authority's certificate into ca_file."
	case WrongName:
		return "Le certificat de l'annuaire porte un autre nom que celui de url. Donnez dans url un nom qui figure dans le certificat.",
			"The directory's certificate is for another name than that of url. Give a name in url that stands in the certificate."
	case OutOfDate:
		return "Le certificat de l'annuaire a expiré, ou n'est pas encore valable. Renouvelez-le, et vérifiez l'heure des deux machines.",
			"The directory's certificate has expired, or is not valid yet. Renew it, and check the time of both machines."
	case BindRefused:
		return "L'annuaire refuse le compte de lecture. Vérifiez bind_dn et son mot de passe.", "The directory refuses the account that reads. Check bind_dn and its password."
	case NoBase:
		return "La branche base n'existe pas dans l'annuaire, ou le compte de lecture ne la voit pas.", "The tree base does not exist in the directory, or the account that reads can't see it."
	case NoGroup:
		return "Un groupe de [directory.groups] ou de sync_groups n'existe pas dans l'annuaire, ou le compte de lecture ne le voit pas. Rien n'a été changé.",
			"A group of [directory.groups] or of sync_groups does not exist in the directory, or the account that reads can't see it. Nothing was changed."
	case NoGroupsBase:
		return "La branche groups_base n'existe pas dans l'annuaire, ou le compte de lecture ne la voit pas. Rien n'a été changé.",
			"The tree groups_base does not exist in the directory, or the account that reads can't see it. Nothing was changed."
	case NoGroups:
		return "Le filtre groups_filter ne trouve aucun groupe. Vérifiez groups_base et groups_filter ; rien n'a été changé.",
			"The filter groups_filter finds no group. Check groups_base and groups_filter; nothing was changed."
	case TooManyGroups:
		return fmt.Sprintf("Les groupes sont plus de %d, ou ont ensemble plus de %d membres. Restreignez groups_filter ; rien n'a été changé.", accounts.MaxGroups, maxMemberships),
			fmt.Sprintf("There are more than %d groups, or they have more than %d members together. Narrow groups_filter down; nothing was changed.", accounts.MaxGroups, maxMemberships)
	case TooMany:
		return fmt.Sprintf("Le filtre désigne plus de %d personnes. Restreignez filter.", maxPeople), fmt.Sprintf("The filter means more than %d people. Narrow filter down.", maxPeople)
	case Limited:
		return "L'annuaire ne donne au compte de lecture qu'une partie des personnes. Levez cette limite pour lui (OpenLDAP : limits … size.prtotal=unlimited). Rien n'a été changé.",
			"The directory gives the account that reads only a part of the people. Lift that limit for it (OpenLDAP: limits … size.prtotal=unlimited). Nothing was changed."
	case Nobody:
		return "Le filtre ne trouve personne. Vérifiez base et filter ; rien n'a été changé.", "The filter finds nobody. Check base and filter; nothing was changed."
	}
	return "L'annuaire n'a pas répondu jusqu'au bout. Rien n'a été changé ; un nouvel essai suit.", "The directory did not answer to the end. Nothing was changed; another try follows."
}

// handshakeError finds the kind of a TLS connection that failed.
func handshakeError(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	kind := NoAnswer
	switch {
	case errors.As(err, &authority):
		kind = Authority
	case errors.As(err, &name):
		kind = WrongName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		kind = OutOfDate
	case errors.As(err, &invalid):
		kind = Authority
	case errors.As(err, &record):
		kind = NoTLS
	}
	return &Error{kind, err}
}

// answerError finds the kind of an answer that is none. during says what was asked.
func answerError(during string, err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return err
	}
	kind := NoAnswer
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultReferral) && during == "base" {
		kind = NoBase
	}
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded) {
		kind = Limited
	}
	return &Error{kind, fmt.Errorf("%s: %w", during, plain(err))}
}

// plain keeps an error's text to a line: what a server says of itself goes to logs.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return err
	}
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(err.Error(), "?"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "")
	}
	return errors.New(text)
}
