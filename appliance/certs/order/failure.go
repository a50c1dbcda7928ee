package order

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// Kind says which element failed.
type Kind string

// The kinds are part of what the console is told, and stand in the audit log.
const (
	NoName         Kind = "no-hostname"      // nothing to ask for
	BadDirectory   Kind = "bad-directory"    // no https, or no ACME there
	NoAuthority    Kind = "authority-down"   // no connection to it, or none that speaks
	Untrusted      Kind = "untrusted"        // its own certificate
	Terms          Kind = "terms"            // not accepted; Detail is where they stand
	BindingMissing Kind = "binding-missing"  // it asks for an external account
	BindingRefused Kind = "binding-refused"  //
	RateLimited    Kind = "rate-limited"     //
	NameUnknown    Kind = "name-unknown"     // the authority does not resolve it
	NotReached     Kind = "not-reached"      // it does not reach the port
	WrongAnswer    Kind = "wrong-answer"     // something else answers there
	CAA            Kind = "caa"              // the DNS forbids it (RFC 8659)
	NameRefused    Kind = "name-refused"     //
	NoChallenge    Kind = "no-challenge"     // none that can be answered here
	TooSlow        Kind = "too-slow"         // it did not look in time
	Unusable       Kind = "unusable"         // what it issued
	Clock          Kind = "clock"            //
	Disk           Kind = "disk"             //
	Refused        Kind = "refused"          // anything else that it says no to
	Broken         Kind = "authority-broken" // it fails by itself
)

// A Failure is why there is no certificate. What is served stays.
type Failure struct {
	Kind      Kind
	Name      string    // which of our names, where it is about one
	Challenge Challenge // that failed, if one did
	Detail    string    // the authority's own words, or the system's; no secret
	Until     time.Time // not before; zero: nothing is said
}

func (f *Failure) Error() string {
	_, en := f.Sentence()
	if f.Detail != "" {
		en += " (" + f.Detail + ")"
	}
	return "order: " + en
}

// Sentence says what failed and what to do.
func (f *Failure) Sentence() (fr, en string) {
	port := "443"
	if f.Challenge == HTTP {
		port = "80"
	}
	switch f.Kind {
	case NoName:
		return "Aucun nom n'est réglé pour cette appliance : il n'y a rien à demander. Réglez hostnames.", "No name is set for this appliance: there is nothing to ask for. Set hostnames."
	case BadDirectory:
		return "L'adresse de l'autorité ne convient pas : ce doit être celle d'un annuaire ACME, en https.", "The authority's address does not do: it must be that of an ACME directory, with https."
	case NoAuthority:
		return "L'autorité n'est pas joignable. Vérifiez son adresse et le chemin vers elle.", "The authority is not reached. Check its address and the way to it."
	case Untrusted:
		return "Le certificat de l'autorité elle-même n'est pas reconnu. Donnez le certificat (PEM) qui le signe.", "The authority's own certificate is not known. Give the certificate (PEM) that signs it."
	case Terms:
		return "L'autorité demande d'accepter ses conditions. Lisez-les, puis acceptez-les.", "The authority asks that its terms be accepted. Read them, then accept them."
	case BindingMissing:
		return "L'autorité demande un compte externe. Donnez l'identifiant et la clé qu'elle vous a remis.", "The authority asks for an external account. Give the key identifier and the key that it gave you."
	case BindingRefused:
		return "L'autorité refuse le compte externe. Vérifiez l'identifiant et la clé qu'elle vous a remis.", "The authority refuses the external account. Check the key identifier and the key that it gave you."
	case RateLimited:
		return "L'autorité a reçu trop de demandes pour ces noms. Il faut attendre ; rien d'autre n'est à faire.", "The authority has had too many requests for these names. Wait; there is nothing else to do."
	case NameUnknown:
		return fmt.Sprintf("L'autorité ne trouve pas %s dans le DNS. Publiez ce nom, avec l'adresse publique de cette appliance.", f.Name), fmt.Sprintf("The authority does not find %s in the DNS. Publish this name with this appliance's public address.", f.Name)
	case NotReached:
		return fmt.Sprintf("L'autorité n'atteint pas le port %s de %s. Ouvrez-le jusqu'à cette appliance.", port, f.Name), fmt.Sprintf("The authority does not reach port %s of %s. Open it up to this appliance.", port, f.Name)
	case WrongAnswer:
		return fmt.Sprintf("Ce qui répond au port %s de %s n'est pas cette appliance : un autre serveur, ou un mandataire qui ouvre TLS. Faites mener ce nom jusqu'ici.", port, f.Name),
			fmt.Sprintf("What answers at port %s of %s is not this appliance: another server, or a proxy that opens TLS. Lead this name up to here.", port, f.Name)
	case CAA:
		return fmt.Sprintf("Le DNS de %s interdit à cette autorité de faire ce certificat (enregistrement CAA). Ajoutez-la, ou choisissez une autorité permise.", f.Name),
			fmt.Sprintf("The DNS of %s forbids this authority to make the certificate (CAA record). Add it, or choose an authority that is allowed.", f.Name)
	case NameRefused:
		return "L'autorité ne fait pas de certificat pour ces noms. Vérifiez hostnames.", "The authority makes no certificate for these names. Check hostnames."
	case NoChallenge:
		return "L'autorité ne propose aucune vérification à laquelle cette appliance sait répondre (ports 443 et 80).", "The authority offers no check that this appliance can answer (ports 443 and 80)."
	case TooSlow:
		return "L'autorité n'a pas fini de vérifier à temps. Un autre essai suit.", "The authority did not finish its check in time. Another attempt follows."
	case Unusable:
		return "L'autorité a remis un certificat qui ne convient pas ; celui d'avant reste en service.", "The authority handed over a certificate that does not do; the one before stays in use."
	case Clock:
		return "Le certificat remis n'est pas valable à l'heure de cette machine. Vérifiez son horloge.", "The certificate that was issued is not valid by this machine's clock. Check the clock."
	case Disk:
		return "Rien ne peut être écrit dans le dossier des données : disque plein ou en lecture seule. Le certificat d'avant reste en service.",
			"Nothing can be written to the data directory: the disk is full or read-only. The certificate before stays in use."
	case Broken:
		return "L'autorité est en panne. Un autre essai suit.", "The authority is out of order. Another attempt follows."
	}
	return "L'autorité refuse la demande.", "The authority refuses the request."
}

// disk says that a file of ours was not read or written; nil stays nil.
func disk(err error) error {
	if err == nil {
		return nil
	}
	return &Failure{Kind: Disk, Detail: err.Error()}
}

// problem is the last part of an ACME error's type, in lower case (RFC 8555 §6.7).
func problem(e *acme.Error) string {
	return strings.ToLower(strings.TrimPrefix(e.ProblemType, "urn:ietf:params:acme:error:"))
}

// classify finds what failed.
func classify(err error, now time.Time) *Failure {
	var done *Failure
	if errors.As(err, &done) {
		return done
	}
	f := &Failure{Kind: Refused, Detail: words(err)}
	var at *challengeError
	if errors.As(err, &at) {
		f.Name, f.Challenge = at.name, at.kind
	}
	var authorization *acme.AuthorizationError
	if errors.As(err, &authorization) {
		for _, one := range authorization.Errors {
			var e *acme.Error
			if errors.As(one, &e) {
				f.of(e, now)
				return f
			}
		}
		return f
	}
	var order *acme.OrderError
	if errors.As(err, &order) {
		if order.Problem != nil {
			f.of(order.Problem, now)
		}
		return f
	}
	var e *acme.Error
	if errors.As(err, &e) {
		f.of(e, now)
		return f
	}
	f.Kind = transport(err)
	return f
}

// of takes over what an answer of the authority's says.
func (f *Failure) of(e *acme.Error, now time.Time) {
	f.Detail = cut(e.Detail)
	kind := problem(e)
	if kind == "compound" && len(e.Subproblems) > 0 {
		kind = strings.ToLower(strings.TrimPrefix(e.Subproblems[0].Type, "urn:ietf:params:acme:error:"))
		f.Detail = cut(e.Subproblems[0].Detail)
	}
	if i := slices.IndexFunc(e.Subproblems, func(s acme.Subproblem) bool { return s.Identifier != nil }); i >= 0 && f.Name == "" {
		f.Name = e.Subproblems[i].Identifier.Value
	}
	if wait, is := acme.RateLimit(e); is {
		f.Kind = RateLimited
		if wait > 0 {
			f.Until = now.Add(wait)
		}
		return
	}
	switch {
	case kind == "dns":
		f.Kind = NameUnknown
	case kind == "connection":
		f.Kind = NotReached
	case kind == "tls", kind == "incorrectresponse", kind == "unauthorized" && f.Challenge != "":
		f.Kind = WrongAnswer
	case kind == "caa":
		f.Kind = CAA
	case kind == "rejectedidentifier", kind == "unsupportedidentifier":
		f.Kind = NameRefused
	case kind == "externalaccountrequired":
		f.Kind = BindingMissing
	case kind == "useractionrequired":
		f.Kind = Terms
	case e.StatusCode >= 500, kind == "serverinternal":
		f.Kind = Broken
	case e.StatusCode == 404 && kind == "":
		f.Kind = BadDirectory
	}
}

// transport finds what failed below HTTP.
func transport(err error) Kind {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dial *dialError
	var network net.Error
	switch {
	case errors.As(err, &unknown), errors.As(err, &name):
		return Untrusted
	case errors.As(err, &invalid):
		if invalid.Reason == x509.Expired {
			return Clock
		}
		return Untrusted
	case errors.As(err, &dial), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return NoAuthority
	}
	return BadDirectory // it speaks, but not ACME
}

const maxDetail = 256

func words(err error) string { return cut(err.Error()) }

func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxDetail {
		return strings.ToValidUTF8(s[:maxDetail], "")
	}
	return s
}
