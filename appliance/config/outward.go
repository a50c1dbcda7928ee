package config

import (
	"slices"
	"strings"
)

// Outward is a place that the console may choose for a kind of destination, at whatever port and address it stands.
type Outward struct {
	Kind string
	Place
}

func (o Outward) String() string { return o.Kind + "=" + o.Place.String() }

// destinationKinds are those of appliance/outward.
var destinationKinds = []string{"acme", "directory", "mail", "oidc", "s3", "sftp", "syslog", "webhook", "witness"}

type outbound struct{ value Outward }

// UnmarshalText accepts kind=host:port.
func (o *outbound) UnmarshalText(text []byte) (err error) {
	kind, at, ok := strings.Cut(string(text), "=")
	if !ok || !slices.Contains(destinationKinds, kind) {
		return reason("%.100q does not begin with a kind and =, such as s3=s3.example.org:9000; the kinds are: %s", "%.100q ne commence pas par une espèce et =, comme s3=s3.example.org:9000 ; les espèces sont : %s.", text, strings.Join(destinationKinds, ", "))
	}
	o.value.Kind = kind
	o.value.Place, err = parsePlace(at)
	return err
}
