package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Kind says what went wrong with a provider, or with one sign-in there.
type Kind string

const (
	Unreachable Kind = "unreachable" // no connection
	NoTLS       Kind = "no-tls"      // it doesn't speak TLS there
	Authority   Kind = "authority"   // its certificate is of an authority that isn't trusted
	WrongName   Kind = "wrong-name"  // its certificate is for another name
	OutOfDate   Kind = "out-of-date" // its certificate has expired, or isn't valid yet
	NoAnswer    Kind = "no-answer"   // it stopped answering, or says that it is out of order
	Description Kind = "description" // what stands at the issuer's address is no description of this provider
	Host        Kind = "host"        // it leads to a host that the settings don't name
	Registered  Kind = "client"      // it refuses the client or its secret, or an address or scope of it
	Claims      Kind = "claims"      // it doesn't say what the settings need

	Cancelled Kind = "cancelled" // the person, or the provider, broke off
	Invalid   Kind = "invalid"   // what came back is not its word for this question
	TooOld    Kind = "too-old"   // it didn't ask the person again, or the answer took too long
)

// Error is a provider that could not be asked, or an answer that doesn't sign in. Its cause is for operators.
type Error struct {
	Kind Kind
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("oidc: %s: %v", e.Kind, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code returns the stable name: the client renders the sentence in the person's language from it.
func (e *Error) Code() string {
	switch e.Kind {
	case Cancelled:
		return "providerCancelled"
	case Invalid:
		return "providerInvalid"
	case TooOld:
		return "providerTooOld"
	case Registered, Claims, Host, Description:
		return "providerSettings"
	}
	return "providerDown"
}

// ofProvider reports whether the kind says how it goes with the provider, whoever signs in.
func (k Kind) ofProvider() bool { return k != Cancelled && k != Invalid && k != TooOld && k != Claims }

// Sentence says what happened and what to do, in French and in English.
func (k Kind) Sentence() (fr, en string) {
	switch k {
	case Unreachable:
		return "Le fournisseur d'identité n'est pas joignable. Vérifiez issuer dans [oidc], et que le serveur répond.",
			"The identity provider can't be reached. Check issuer in [oidc], and that the server answers."
	case NoTLS:
		return "Le fournisseur d'identité ne propose pas TLS à ce port ; rien n'a été envoyé en clair.", "The identity provider offers no TLS at this port; nothing was sent in the clear."
	case Authority:
		return "Le certificat du fournisseur d'identité vient d'une autorité qui n'est pas reconnue. Mettez le certificat de la bonne autorité dans ca_file.",
			"The identity provider's certificate is of an authority that is not trusted. Put the right authority's certificate into ca_file."
	case WrongName:
		return "Le certificat du fournisseur d'identité porte un autre nom que celui de son adresse. Donnez dans issuer un nom qui figure dans le certificat.",
			"The identity provider's certificate is for another name than that of its address. Give a name in issuer that stands in the certificate."
	case OutOfDate:
		return "Le certificat du fournisseur d'identité a expiré, ou n'est pas encore valable. Renouvelez-le, et vérifiez l'heure des deux machines.",
			"The identity provider's certificate has expired, or is not valid yet. Renew it, and check the time of both machines."
	case Description:
		return "L'adresse d'issuer ne donne pas la description d'un fournisseur OpenID Connect, ou celle d'un autre. Recopiez issuer tel que le fournisseur l'écrit, barre finale comprise.",
			"The address of issuer gives no description of an OpenID Connect provider, or that of another. Copy issuer exactly as the provider writes it, with or without its last slash."
	case Host:
		return "Le fournisseur d'identité renvoie à une machine que les réglages ne nomment pas. Si elle est bien à lui, ajoutez-la à hosts dans [oidc].",
			"The identity provider leads to a host that the settings do not name. If it is the provider's, add it to hosts in [oidc]."
	case Registered:
		return "Le fournisseur d'identité refuse cette application. Vérifiez client_id, le secret, les scopes, et l'adresse de retour inscrite chez lui.",
			"The identity provider refuses this application. Check client_id, the secret, the scopes, and the return address that is registered there."
	case Claims:
		return "Le fournisseur d'identité ne transmet pas ce que les réglages attendent de lui. Vérifiez les claims de [oidc] et ceux qu'il remet à cette application.",
			"The identity provider does not pass on what the settings expect. Check the claims of [oidc] and those that it gives to this application."
	case Cancelled:
		return "La connexion a été interrompue chez le fournisseur d'identité.", "The sign-in was broken off at the identity provider."
	case Invalid:
		return "La réponse du fournisseur d'identité ne convient pas à cette connexion. Recommencez.", "The identity provider's answer does not fit this sign-in. Begin again."
	case TooOld:
		return "La connexion a pris trop de temps, ou le fournisseur d'identité n'a pas redemandé qui vous êtes. Recommencez.",
			"The sign-in took too long, or the identity provider did not ask again who you are. Begin again."
	}
	return "Le fournisseur d'identité n'a pas répondu comme il le doit. Un nouvel essai suit.", "The identity provider did not answer as it should. Another try follows."
}

// dialError is a connection that wasn't made.
type dialError struct{ err error }

func (e dialError) Error() string { return e.err.Error() }
func (e dialError) Unwrap() error { return e.err }

var errTooLong = errors.New("an answer that is too long")

// transportError finds the kind of a question that got no answer.
func transportError(during string, err error) *Error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	var dial dialError
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
	case errors.As(err, &dial):
		return &Error{Unreachable, fmt.Errorf("%s: %w", during, dial.err)} // with the kind of the process that connects
	}
	var at *url.Error
	if errors.As(err, &at) && !at.Timeout() {
		err = at.Err // without the address: it may hold a query
	}
	return &Error{kind, fmt.Errorf("%s: %w", during, plain(err))}
}

// plain keeps an error's text to a line: what a server says of itself goes to logs.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.Is(err, errTooLong) {
		return err
	}
	return errors.New(line(err.Error()))
}

func line(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "")
	}
	return text
}
