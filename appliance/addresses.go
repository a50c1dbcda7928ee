package appliance

import (
	"huisclos/appliance/config"
	"huisclos/appliance/web"
)

func (a *Appliance) status() web.Status {
	s := web.Status{Version: Version, Started: a.started, Fingerprint: a.keeper.Fingerprint()}
	if !a.unlisted() {
		s.Address = a.addresses()[0]
	}
	s.Backup = a.backups.facts().Good
	return s
}

// mediaPorts are those at which there is media over UDP.
func (a *Appliance) mediaPorts() []int {
	if a.second == 0 {
		return []int{a.port}
	}
	return []int{a.port, a.second}
}

// unlisted reports whether the appliance knows neither a name nor an address of its own: in a network namespace of its
// own it can list none. Whoever reaches it knows one.
func (a *Appliance) unlisted() bool {
	return len(a.inForce().Hostnames) == 0 && len(a.inForce().Reachable()) == 0
}

// addresses are what people type into their browsers, the best one first.
func (a *Appliance) addresses() []string {
	var out []string
	for _, name := range a.inForce().Hostnames {
		out = append(out, config.URL(name, a.port))
	}
	for _, addr := range a.inForce().Reachable() {
		out = append(out, config.URL(addr.String(), a.port))
	}
	return append(out, config.URL("localhost", a.port))
}
