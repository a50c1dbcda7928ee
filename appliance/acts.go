package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/signal"

	"huisclos/accounts"
	"huisclos/appliance/auditor"
	"huisclos/appliance/console"
	"huisclos/appliance/control"
	"huisclos/appliance/factory"
	"huisclos/appliance/operator"
	"huisclos/appliance/support"
	"huisclos/hardening"
)

// CheckCall places a sealed call of two test participants through the running appliance.
func CheckCall(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return control.CheckCall(ctx, args, stdout, stderr, placeCall)
}

// Console shows the menu of the appliance's image on this process's terminal. It needs the acts of that image.
func Console(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 {
		fmt.Fprint(stderr, "huisclos : la commande console ne prend pas d'options.\nhuisclos: the command console takes no options.\n")
		return 2
	}
	signal.Ignore(os.Interrupt) // Ctrl-C does not end the menu
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		console.Main(Version, os.Stdin, stdout)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	return 0
}

// acts are what the control socket may ask of this appliance.
func (a *Appliance) acts() control.Acts {
	return control.Acts{
		SetupCode: func() (string, bool, error) {
			code, needed, err := a.accounts.SetupCode(a.settings.now())
			if err != nil || !needed {
				return "", false, err
			}
			return code.Reveal(), true, nil
		},
		Status: func() control.Status {
			calls, people := a.busy()
			needed, err := a.accounts.SetupNeeded()
			return control.Status{Version: Version, Since: a.started, Calls: calls, People: people, Addresses: a.addresses(), Unlisted: a.unlisted(), Port: a.port,
				Fingerprint: a.keeper.Fingerprint(), Expires: a.keeper.Expires(), SelfSigned: a.keeper.SelfSigned(),
				SetupNeeded: needed && err == nil, NeedsRestart: a.choices.NeedsRestart(), Mail: a.mail(), Forwarding: a.forwardingStatus(), Draining: a.hall.Draining(), Needs: a.needs()}
		},
		Reset:     a.reset,
		Export:    a.export,
		Check:     func() hardening.Report { return append(a.selfCheck(), a.needLines()...) },
		Explain:   notRecorded,
		Canary:    a.makeCanary,
		EndCanary: a.endCanaryOf,
		Network:   a.network,
		Directory: a.probeDirectory,
		Provider:  a.probeProvider,
		Syslog:    a.probeCollector,
		Mail:      a.tryMail,
		Other:     a.otherActs(),
	}
}

// otherActs are those of parts that have commands of their own.
func (a *Appliance) otherActs() map[string]control.Act {
	all := operator.Acts(operator.Options{Accounts: a.accounts, Rooms: a.rooms, Hall: a.hall, Trail: a.trail, Level: a.settings.level,
		Settled: func() slog.Level { return a.choices.InForce().LogLevel }, Now: a.settings.now, Log: a.log.With("part", "operator")})
	maps.Copy(all, a.settingsActs())
	maps.Copy(all, auditor.Acts(a.trail, a.signer, Version, a.settings.now))
	maps.Copy(all, auditor.DeviceActs(a.db, a.trail, a.settings.now))
	maps.Copy(all, a.metricsActs())
	maps.Copy(all, a.certActs())
	all[actBackup] = a.backups.asked
	all[actPosture] = a.tellPosture
	all[support.Act] = a.forSupport
	all[actUpdateHealth] = a.updates.answerHealth
	return all
}

// FactoryReset takes a stopped appliance back to what it was before its first start.
func FactoryReset(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return factory.Command(accounts.Counted)(ctx, args, stdout, stderr)
}

// SupportBundle writes what somebody who helps needs to know.
func SupportBundle(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return support.Command(Version, lookAtDatabase)(ctx, args, stdout, stderr)
}

// reset is loud: in the audit log, and in the service's own.
func (a *Appliance) reset(email string) (control.Reset, error) {
	account, link, err := a.accounts.Reset(email, a.settings.now())
	if errors.Is(err, accounts.ErrNoReset) || errors.Is(err, accounts.ErrDisabled) || errors.Is(err, accounts.ErrFromSource) {
		return control.Reset{}, fmt.Errorf("%w: %w", control.ErrNoReset, err)
	}
	if err != nil {
		return control.Reset{}, err
	}
	a.log.Warn("an operator has taken the second factors of an account and made an activation link", "account", account.ID, "role", account.Role)
	return control.Reset{Name: account.Name, Email: account.Email, Role: string(account.Role), Token: link.Token.Reveal(), Expires: link.Expires}, nil
}

// export answers for somebody without access; it is loud as reset is.
func (a *Appliance) export(email string) (json.RawMessage, error) {
	e, err := a.accounts.ExportOf(email, a.settings.now())
	if errors.Is(err, accounts.ErrNoExport) {
		return nil, fmt.Errorf("%w: %w", control.ErrNoExport, err)
	}
	if err != nil {
		return nil, err
	}
	a.log.Warn("an operator was given what is kept of an account", "account", e.Account.ID)
	return json.Marshal(e)
}

// busy counts the calls and the people connected to them.
func (a *Appliance) busy() (calls, people int) {
	for _, c := range a.hall.Calls() {
		calls++
		for _, m := range c.Members {
			if m.Connected {
				people++
			}
		}
	}
	return calls, people
}

// sentence is what the service manager shows of us.
func (a *Appliance) sentence() string {
	calls, people := a.busy()
	s := fmt.Sprintf("Port %d ; appels : %d, personnes : %d. / Calls: %d, people: %d.", a.port, calls, people, calls, people)
	if a.hall.Draining() {
		s += " Plus aucun appel ne commence (huisclos drain). / No further call begins (huisclos drain)."
	}
	if n := len(a.choices.NeedsRestart()); n > 0 {
		s += fmt.Sprintf(" Réglages en attente d'un redémarrage : %d. / Settings waiting for a restart: %d.", n, n)
	}
	return s
}
