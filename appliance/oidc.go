package appliance

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/oidc"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/audit"
	"huisclos/hardening"
)

// providerCredential is what systemd calls the secret that belongs to our client id at the provider.
const providerCredential = "huisclos.oidc"

const (
	// askEvery is how often the provider is asked for its description, so that nobody who signs in waits for it.
	askEvery = 15 * time.Minute
	// askAgain is how often while it doesn't answer.
	askAgain = time.Minute
	// returnPath is where a browser comes back to. It is registered at the provider.
	returnPath = "oidc/callback"
)

// errProvider is what every error of the provider's settings and files wraps.
var errProvider = errors.New("oidc")

// toProvider connects to the provider's hosts, and to no other, through the process that connects outward.
type toProvider struct {
	outward.Dialer
	names  map[string]string // host and port → destination
	places map[string]config.Place
}

func (d toProvider) Dial(ctx context.Context, address string) (net.Conn, error) {
	name, ok := d.names[strings.ToLower(address)]
	if !ok {
		return nil, &oidc.Error{Kind: oidc.Host, Err: errors.New(address)}
	}
	at := d.places[strings.ToLower(address)]
	return d.DialTo(ctx, name, at.Host, at.Port)
}

// providerDestinations names the places of the provider for the process that connects: oidc, oidc-2, oidc-3…
func providerDestinations(o config.OIDC) (names []string, places []config.Place) {
	places = o.Places()
	for i := range places {
		name := outward.Provider
		if i > 0 {
			name = fmt.Sprintf("%s-%d", outward.Provider, i+1)
		}
		names = append(names, name)
	}
	return names, places
}

// newProvider reads what the provider needs, which can't be read any more once the process is shut in; nil without a provider.
func (s settings) newProvider() (*oidc.Client, error) {
	o := s.Provider()
	if !o.On() {
		return nil, nil
	}
	p := oidc.Settings{Issuer: o.Issuer, Name: o.Name, Preset: o.Preset, ClientID: o.ClientID, Scopes: o.Scopes, ACRValues: o.ACRValues, NameClaims: o.NameClaims, MailClaim: o.MailClaim,
		Unverified: !o.VerifiedMail, RoleClaim: o.RoleClaim, GroupClaim: o.GroupClaim, ProvisionClaim: o.ProvisionClaim, UserInfo: o.UserInfo, Role: accounts.Role(o.Role),
		SecondFactorACR: o.SecondFactorACR, SecondFactorAMR: o.SecondFactorAMR, SignOut: o.SignOut, Timeout: o.Timeout}
	if o.Role == config.NoRole {
		p.Role = ""
	}
	for _, role := range config.Roles {
		if values := o.Roles[role]; len(values) > 0 {
			p.Roles = append(p.Roles, oidc.Grant{Role: accounts.Role(role), Values: values})
		}
	}
	for _, r := range o.Require {
		p.Require = append(p.Require, oidc.Requirement{Claim: r.Claim, Values: r.Values})
	}
	var err error
	if p.ClientSecret, err = s.secret(s.providerSecretOf()); err != nil {
		return nil, err
	}
	if p.Authorities, err = s.authorities(o.CA, "oidc.ca_file", o.CAFile); err != nil {
		return nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	if p.Authorities == nil {
		if p.System, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("%w: the system's authorities: %w", errProvider, err)
		}
	}
	var dial oidc.Dialer = s.dialProvider
	if dial == nil {
		names, places := providerDestinations(o)
		to := toProvider{outward.Dialer{Path: s.OutwardPath()}, map[string]string{}, map[string]config.Place{}}
		for i, at := range places {
			to.names[at.String()], to.places[at.String()] = names[i], at
		}
		dial = to
	}
	c, err := oidc.New(p, dial, s.now, func(b []byte) { _, _ = rand.Read(b) }) // crypto/rand never fails (Go 1.24)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProvider, err)
	}
	return c, nil
}

// providerSecretOf belongs to our client id at the provider.
func (s settings) providerSecretOf() secret {
	return secret{of: errProvider, what: "secret", none: "there is no secret", setting: "oidc.client_secret_file", file: s.OIDC.SecretFile, credential: providerCredential, given: s.providerSecret, console: "oidc.client_secret"}
}

// followProvider asks the provider at once, then again and again until the stop: what fails is known before somebody signs in.
func (a *Appliance) followProvider() {
	if a.provider == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.onStop(a.provider.Close)
	a.onStop(cancel)
	a.running.Go(func() {
		failing := false
		for wait := time.Duration(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			err := a.provider.Refresh(ctx)
			if ctx.Err() != nil {
				return
			}
			wait = askEvery
			if err != nil {
				wait = askAgain
			}
			a.noteProvider(err, &failing)
		}
	})
}

// noteProvider writes how it goes with the provider into the log, and the first and the last of a row of failures into the audit log.
func (a *Appliance) noteProvider(err error, failing *bool) {
	log := a.log.With("part", "oidc")
	e := audit.Event{Time: a.settings.now(), Actor: audit.ActorSystem, Action: audit.ProviderBack, Result: audit.OK}
	var failure *oidc.Error
	switch {
	case err == nil && !*failing:
		return
	case err == nil:
		log.Info("the provider answers again")
	case !errors.As(err, &failure):
		log.Error("the provider was not asked", "error", err)
		return
	case *failing:
		log.Warn("the provider still can't be asked", "kind", failure.Kind, "error", failure.Err)
		return
	default:
		log.Error("the provider can't be asked; who signs in here is not concerned", "kind", failure.Kind, "error", failure.Err)
		e.Action, e.Result, e.Detail = audit.ProviderFailed, audit.Failed, map[string]string{"reason": string(failure.Kind)}
	}
	*failing = err != nil
	if err := a.trail.Write(e); err != nil {
		log.Error("not in the audit log", "error", err)
	}
}

// providerLine is what the self-check says of the provider; nil without one.
func (a *Appliance) providerLine() hardening.Report {
	if a.provider == nil {
		return nil
	}
	l := hardening.Line{Name: "oidc", State: hardening.Unknown,
		Detail: hardening.Text{FR: "le fournisseur d'identité n'a pas encore été interrogé.", EN: "the identity provider has not been asked yet."},
		Why: hardening.Text{FR: "Sans lui, personne ne se connecte par lui ; les comptes d'ici, eux, se connectent toujours.",
			EN: "Without it nobody signs in by it; accounts of this appliance still do."}}
	switch s := a.provider.Status(); {
	case s.Failure != nil:
		l.State = hardening.Missing
		l.Detail, l.Do = providerFailure(s.Failure)
	case !s.Good.IsZero():
		l.State = hardening.OK
		l.Detail = hardening.Text{FR: fmt.Sprintf("%s a répondu à %s.", a.provider.Name(), s.Good.UTC().Format(time.RFC3339)),
			EN: fmt.Sprintf("%s answered at %s.", a.provider.Name(), s.Good.UTC().Format(time.RFC3339))}
	}
	return hardening.Report{l}
}

// providerFailure says what failed, and why.
func providerFailure(f *oidc.Error) (detail, do hardening.Text) {
	fr, en := f.Kind.Sentence()
	return hardening.Text{FR: fr, EN: en}, causeText(f.Err)
}

// probeProvider asks the provider now, for "huisclos check oidc". It signs nobody in.
func (a *Appliance) probeProvider() hardening.Report {
	if a.provider == nil {
		return hardening.Report{{Name: "oidc", State: hardening.Missing,
			Detail: hardening.Text{FR: "aucun fournisseur d'identité : oidc.issuer n'est pas réglé.", EN: "there is no identity provider: oidc.issuer is not set."},
			Why:    hardening.Text{FR: "On se connecte par les comptes de cette appliance.", EN: "People sign in by accounts of this appliance."},
			Do:     hardening.Text{FR: "Réglez [oidc], puis redémarrez.", EN: "Set [oidc], then restart."}}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	redirect := a.addresses()[0] + returnPath
	found, err := a.provider.Probe(ctx, redirect)
	l := hardening.Line{Name: "oidc-answers", State: hardening.OK,
		Detail: hardening.Text{FR: fmt.Sprintf("il est joint, son certificat et sa description conviennent, le client et son secret aussi ; %d clés.", found.Keys),
			EN: fmt.Sprintf("it is reached, its certificate and its description do, and so do the client and its secret; %d keys.", found.Keys)},
		Why: hardening.Text{FR: "Sans lui, personne ne se connecte par lui.", EN: "Without it nobody signs in by it."}}
	var failure *oidc.Error
	switch {
	case errors.As(err, &failure):
		l.State = hardening.Missing
		l.Detail, l.Do = providerFailure(failure)
		return hardening.Report{l}
	case err != nil:
		l.State = hardening.Missing
		l.Detail = hardening.Text{FR: err.Error(), EN: err.Error()}
		return hardening.Report{l}
	}
	r := hardening.Report{l, {Name: "oidc-return", State: hardening.OK,
		Detail: hardening.Text{FR: "adresse de retour à inscrire chez lui : " + redirect, EN: "return address to register there: " + redirect}}}
	if a.settings.base(a.port) == "" {
		r[1].State = hardening.Missing
		r[1].Detail = hardening.Text{FR: "aucun nom n'est réglé : l'adresse de retour change avec celle que tape chacun.", EN: "no name is set: the return address changes with what each person types."}
		r[1].Do = hardening.Text{FR: "Réglez hostnames, puis redémarrez.", EN: "Set hostnames, then restart."}
	}
	out := hardening.Line{Name: "oidc-sign-out", State: hardening.OK, Detail: hardening.Text{FR: "une déconnexion chez lui ferme aussi les sessions d'ici.", EN: "a sign-out there ends the sessions here too."}}
	if !found.BackChannel {
		out.State = hardening.Unknown
		out.Detail = hardening.Text{FR: "il n'annonce pas de déconnexion de serveur à serveur (back-channel) : les sessions d'ici durent jusqu'à leur terme.",
			EN: "it announces no sign-out from server to server (back-channel): sessions here last until their own end."}
	}
	return append(r, out)
}
