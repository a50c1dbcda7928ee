// Package outward is the one way out of the appliance. A process of its own, with a network and nothing else, connects to the
// destinations that the settings name and hands the connected sockets over (unix(7), SCM_RIGHTS); the appliance has no network and
// does everything else: TLS, the protocol, the secrets.
//
// It decides which addresses may be connected to and how often. It never sees a secret nor an octet of what is said: a connection
// leaves it before anything was sent. Who asks names a destination ("mail"), never an address: whoever takes the appliance over
// reaches what the settings name, and nothing more. One question and one answer each connection; the answer is a line of JSON
// and, when all went well, one descriptor.
package outward

import (
	"fmt"
	"time"
)

// Destinations by their names.
const (
	Mail      = "mail"
	Directory = "directory"
	S3        = "s3"
	SFTP      = "sftp"
	Provider  = "oidc" // and oidc-2, oidc-3…, where the provider has several hosts
)

// Destination is where a name leads. Host is a host name or an IP address.
type Destination struct {
	Host string
	Port int
}

func (d Destination) String() string { return fmt.Sprintf("%s:%d", d.Host, d.Port) }

// Kind says which element failed.
type Kind string

// The kinds are part of what the two processes say to each other.
const (
	Unavailable Kind = "unavailable" // the process that connects doesn't answer
	Unknown     Kind = "unknown"     // the settings name no such destination
	NoName      Kind = "no-name"     // the DNS has no such host
	NoAnswer    Kind = "no-answer"   // the DNS doesn't answer
	Forbidden   Kind = "forbidden"   // it leads to an address that nobody is to be led to
	Refused     Kind = "refused"     // nobody listens on that port
	TimedOut    Kind = "timed-out"   // nobody answers at that address
	Unreachable Kind = "unreachable" // there is no way to that address
	Busy        Kind = "busy"        // too many at once, or too often
	Failed      Kind = "failed"      // anything else; the text says what
)

// Error is what a dial ends with when there is no connection.
type Error struct {
	Kind   Kind   `json:"kind"`
	Detail string `json:"detail"` // of an operator's use: destination, and the system's own words
}

func (e *Error) Error() string {
	said := map[Kind]string{Unavailable: "the process that connects outward does not answer", Unknown: "no such destination in the settings",
		NoName: "the name is not known to the DNS", NoAnswer: "the DNS does not answer", Forbidden: "the name leads to an address that is not connected to",
		Refused: "the connection is refused", TimedOut: "the connection timed out", Unreachable: "there is no way to the address", Busy: "too many connections"}[e.Kind]
	if said == "" {
		said = "the connection failed"
	}
	return "outward: " + said + ": " + e.Detail
}

// Sentence says the same to an operator, in French and in English.
func (k Kind) Sentence() (fr, en string) {
	switch k {
	case Unavailable:
		return "Le service qui ouvre les connexions sortantes (huisclos-outward) ne répond pas.", "The service that opens connections outward (huisclos-outward) does not answer."
	case Unknown:
		return "Les réglages de ce service ne nomment pas cette destination.", "The settings of that service do not name this destination."
	case NoName:
		return "Le DNS ne connaît pas ce nom.", "The DNS does not know this name."
	case NoAnswer:
		return "Le DNS ne répond pas.", "The DNS does not answer."
	case Forbidden:
		return "Ce nom mène à une adresse interdite (boucle locale, lien local, métadonnées).", "This name leads to an address that is closed (loopback, link-local, metadata)."
	case Refused:
		return "La machine refuse la connexion sur ce port.", "The machine refuses the connection on this port."
	case TimedOut:
		return "Personne ne répond à cette adresse et sur ce port.", "Nobody answers at this address and port."
	case Unreachable:
		return "Aucun chemin ne mène à cette adresse.", "There is no way to this address."
	case Busy:
		return "Trop de connexions à la fois.", "Too many connections at once."
	}
	return "La connexion a échoué.", "The connection failed."
}

type question struct {
	Destination string `json:"destination"`
}

type answer struct {
	Error *Error `json:"error,omitempty"` // nil: a descriptor comes along
}

const (
	maxQuestion = 128
	maxAnswer   = 1 << 10
	maxDetail   = 256
	// within bounds a whole question: name, addresses, connection.
	within = 20 * time.Second
)
