package appliance

import (
	"context"

	"huisclos/hardening"
)

// organisation is what the organisation calls the appliance.
func (a *Appliance) organisation() string { return a.current.Load().Name }

// signature ends each mail: whom people may ask. Empty: nobody is named.
func (a *Appliance) signature() string { return a.appearance.Now().Contact }

// checks are what an administrator may try from the console: the same as the commands of these names.
func (a *Appliance) checks() map[string]func(context.Context, string) hardening.Report {
	return map[string]func(context.Context, string) hardening.Report{
		"mail":      a.tryMailIn,
		"directory": func(context.Context, string) hardening.Report { return a.probeDirectory() },
		"provider":  func(context.Context, string) hardening.Report { return a.probeProvider() },
		"syslog":    func(ctx context.Context, _ string) hardening.Report { return a.tryCollector(ctx) },
	}
}
