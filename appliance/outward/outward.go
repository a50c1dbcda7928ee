// Package outward is the one way out of the appliance. A process of its own, with a network and nothing else, connects to the
// destinations that the settings name and hands the connected sockets over (unix(7), SCM_RIGHTS); the appliance has no network and
// does everything else: TLS, the protocol, the secrets.
//
// It decides which addresses may be connected to and how often. It never sees a secret nor an octet of what is said: a connection
// leaves it before anything was sent. Who asks names a destination ("mail"). What the settings files name keeps the host and port
// that stand there. Of a destination that they don't name, the question says the host and the port, because an administrator
// chose it in the console: it is connected to on the few ports of its kind, never at an address of this machine, and only while the
// files leave that open. One question and one answer each connection; the answer is a line of JSON and, when all went well, one
// descriptor.
package outward

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Destinations by their names. What follows a hyphen tells several of one kind apart: oidc-2, oidc-3….
const (
	Mail      = "mail"
	Directory = "directory"
	Provider  = "oidc"
	Syslog    = "syslog"
	S3        = "s3"
	SFTP      = "sftp"
	ACME      = "acme"
	Webhook   = "webhook"
	Witness   = "witness"
)

// ports are those of each kind of destination, at which the console may choose a host: the ones that the protocol's own
// documents assign, so that this is no way to every service of a network.
var ports = map[string][]int{
	Mail:      {25, 465, 587},         // RFC 5321 §2.3.4, RFC 8314 §7.3, RFC 6409 §3.1
	Directory: {389, 636, 3268, 3269}, // RFC 4516 §3; the two of Active Directory's global catalogue
	Provider:  {443},
	Syslog:    {601, 6514}, // RFC 6587 §3.1, RFC 5425 §4.1
	S3:        {443},
	SFTP:      {22},
	ACME:      {443},
	Webhook:   {443},
	Witness:   {443},
}

// Ports are those at which a host of that kind may be chosen in the console, in their order; nil for what is no kind.
func Ports(kind string) []int { return slices.Clone(ports[kind]) }

// Kinds are the names of all kinds, in their order.
func Kinds() []string { return slices.Sorted(maps.Keys(ports)) }

// kindOfName is the kind of a destination's name: what stands before the first hyphen.
func kindOfName(name string) string {
	kind, _, _ := strings.Cut(name, "-")
	return kind
}

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
	Closed      Kind = "closed"      // the files leave no destination open to the console
	Port        Kind = "port"        // not one of the ports of its kind
	Fixed       Kind = "fixed"       // the files name another host or port for it
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
		Closed: "the settings files leave no destination to the console", Port: "not a port of that kind of destination", Fixed: "the settings files name another host or port",
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
	case Closed:
		return "Les fichiers de réglages ne laissent aucune destination à la console (console_destinations = false).", "The settings files leave no destination to the console (console_destinations = false)."
	case Port:
		return "Ce port n'est pas de ceux de ce service ; un fichier de réglages peut le nommer (destinations).", "This port is not one of that service's; a settings file can name it (destinations)."
	case Fixed:
		return "Les fichiers de réglages nomment un autre serveur pour cette destination ; s'ils ont changé, relancez huisclos-outward.", "The settings files name another server for this destination; if they were changed, start huisclos-outward again."
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

// question asks for a connection. Without a host it is to what the settings files name.
type question struct {
	Destination string `json:"destination"`
	Host        string `json:"host,omitempty"`
	Port        int    `json:"port,omitempty"`
}

type answer struct {
	Error *Error `json:"error,omitempty"` // nil: a descriptor comes along
}

const (
	maxQuestion = 512 // a host has up to 253 octets (RFC 1035 §2.3.4)
	maxAnswer   = 1 << 10
	maxDetail   = 256
	// within bounds a whole question: name, addresses, connection.
	within = 20 * time.Second
)
