package appliance

import (
	"huisclos/accounts/ldap"
	"huisclos/accounts/oidc"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/outbox"
)

// parts are what connects to others as the settings say; each is nil where the settings name no server.
type parts struct {
	mail      *outbox.Server
	directory *ldap.Client
	provider  *oidc.Client
}

// newParts makes them, and connects to nobody. An error is a choices.Fault.
func (s settings) newParts() (p parts, err error) {
	if p.mail, err = s.mailServer(); err != nil {
		return p, choices.Fault{Table: "mail", Name: "mail.host", FR: "Le courriel ne peut pas partir ainsi", EN: "mail can't leave like this", Err: err}
	}
	if p.directory, err = s.newDirectory(); err != nil {
		return p, choices.Fault{Table: "directory", Name: "directory.url", FR: "L’annuaire ne peut pas être lu ainsi", EN: "the directory can't be read like this", Err: err}
	}
	if p.provider, err = s.newProvider(); err != nil {
		return p, choices.Fault{Table: "oidc", Name: "oidc.issuer", FR: "Le fournisseur d’identité ne peut pas servir ainsi", EN: "the identity provider can't be used like this", Err: err}
	}
	return p, nil
}

// with are the same surroundings with other settings.
func (s settings) with(next config.Settings, secret func(name string) (string, error)) settings {
	s.Settings, s.chosen = next, secret
	return s
}
