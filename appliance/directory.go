package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/ldap"
	"huisclos/appliance/config"
	"huisclos/appliance/outward"
	"huisclos/hardening"
)

// directoryCredential is what systemd calls the password of the account that reads the directory.
const directoryCredential = "huisclos.directory"

const (
	// syncWithin bounds one synchronisation: a hundred thousand people are read in one or two minutes.
	syncWithin = 10 * time.Minute
	// probeWithin bounds "huisclos check directory", whose question waits for ten seconds.
	probeWithin = 8 * time.Second
)

// errDirectory is what every error of the directory's settings and files wraps.
var errDirectory = errors.New("directory")

// toDirectory connects to the directory through the process that connects outward.
type toDirectory struct {
	outward.Dialer
	host string
	port int
}

func (d toDirectory) Dial(ctx context.Context) (net.Conn, error) {
	return d.DialTo(ctx, outward.Directory, d.host, d.port)
}

// newDirectory reads what the directory needs, which can't be read any more once the process is shut in; nil without a directory.
func (s settings) newDirectory() (*ldap.Client, error) {
	d := s.Directory
	if !d.On() {
		return nil, nil
	}
	o := ldap.Settings{Host: d.Host, TLS: d.TLS, BindDN: d.BindDN, Base: d.Base, Filter: d.Filter, Disabled: d.Disabled, Name: d.Name, Mail: d.Mail,
		Identifier: d.Identifier, Role: accounts.Role(d.Role), Member: d.Member, Nested: d.Nested, Login: d.Login,
		Sync: d.SyncGroups, GroupsBase: d.GroupsBase, GroupsFilter: d.GroupsFilter, GroupName: d.GroupName, PageSize: d.PageSize, Timeout: d.Timeout}
	if d.Role == config.NoRole {
		o.Role = ""
	}
	for _, role := range config.Roles {
		for _, dn := range d.Groups[role] {
			o.Groups = append(o.Groups, ldap.Group{DN: dn, Role: accounts.Role(role)})
		}
	}
	var err error
	if d.BindDN != "" {
		if o.Password, err = s.secret(s.directorySecret()); err != nil {
			return nil, err
		}
	}
	if o.Authorities, err = s.authorities(d.CA, "directory.ca_file", d.CAFile); err != nil {
		return nil, fmt.Errorf("%w: %w", errDirectory, err)
	}
	var dial ldap.Dialer = toDirectory{outward.Dialer{Path: s.OutwardPath()}, d.Host, d.Port}
	if s.dialDirectory != nil {
		dial = s.dialDirectory
	}
	c, err := ldap.New(o, dial, s.now, func(b []byte) { _, _ = rand.Read(b) }) // crypto/rand never fails (Go 1.24)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDirectory, err)
	}
	return c, nil
}

// directorySecret is the password of the account that reads the directory.
func (s settings) directorySecret() secret {
	return secret{of: errDirectory, what: "password", none: "directory.bind_dn has no password", setting: "directory.bind_password_file",
		file: s.Directory.BindPasswordFile, credential: directoryCredential, given: s.directoryPassword, console: "directory.bind_password"}
}

// untilSetUp is how often is looked whether the appliance has an administrator.
const untilSetUp = 5 * time.Second

// followDirectory reads the directory at once, then again and again until the stop. While the appliance waits for its first
// administrator it doesn't: whoever installs it would find their own address taken by their account of the directory.
func (a *Appliance) followDirectory() {
	if a.directory == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.onStop(a.directory.Client.Close)
	a.onStop(cancel)
	a.running.Go(func() {
		for wait := time.Duration(0); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			wait = a.settings.Directory.Interval
			if needed, err := a.accounts.SetupNeeded(); needed || err != nil {
				wait = untilSetUp
				continue
			}
			_, err := a.directory.Run(ctx, ldap.Order{})
			var failure *ldap.Error // is in the log already
			if err != nil && ctx.Err() == nil && !errors.As(err, &failure) && !errors.Is(err, ldap.ErrRunning) {
				a.log.Error("directory not synchronised", "error", err)
			}
		}
	})
}

// directoryLine is what the self-check says of the last synchronisation; nil without a directory.
func (a *Appliance) directoryLine() hardening.Report {
	if a.directory == nil {
		return nil
	}
	l := hardening.Line{Name: "directory", State: hardening.Unknown,
		Detail: hardening.Text{FR: "l'annuaire n'a pas encore été lu.", EN: "the directory has not been read yet."},
		Why: hardening.Text{FR: "Personne de l'annuaire ne peut se connecter, et qui l'a quitté garde son accès jusqu'à la prochaine lecture.",
			EN: "Nobody of the directory can sign in, and whoever has left it keeps their access until it is read again."}}
	switch s := a.directory.Status(); {
	case s.Failure != nil:
		l.State = hardening.Missing
		l.Detail, l.Do = failureText(s.Failure)
	case s.Report.Held:
		l.State = hardening.Missing
		l.Detail = hardening.Text{FR: fmt.Sprintf("%d personnes sur %d ne sont plus dans l'annuaire ; aucune n'a été fermée.", s.Report.Missing, s.Report.Accounts),
			EN: fmt.Sprintf("%d of %d people are no longer in the directory; none of them was shut out.", s.Report.Missing, s.Report.Accounts)}
		l.Do = hardening.Text{FR: "Vérifiez base et filter ; s'ils conviennent, synchronisez malgré tout depuis la console.", EN: "Check base and filter; if they do, synchronise anyway from the console."}
	case !s.Good.IsZero():
		l.State = hardening.OK
		l.Detail = hardening.Text{FR: fmt.Sprintf("lu à %s : %d personnes.", s.Good.UTC().Format(time.RFC3339), s.Report.People),
			EN: fmt.Sprintf("read at %s: %d people.", s.Good.UTC().Format(time.RFC3339), s.Report.People)}
	}
	return hardening.Report{l}
}

// failureText says what failed, and why.
func failureText(f *ldap.Error) (detail, do hardening.Text) {
	fr, en := f.Kind.Sentence()
	return hardening.Text{FR: fr, EN: en}, causeText(f.Err)
}

// causeText names the cause of a failed connection, in the words of the process that connects where it is that one's.
func causeText(err error) hardening.Text {
	fr, en := err.Error(), err.Error()
	var o *outward.Error
	if errors.As(err, &o) {
		fr, en = o.Kind.Sentence()
		fr, en = fr+" ("+o.Detail+")", en+" ("+o.Detail+")"
	}
	return hardening.Text{FR: "Cause : " + fr, EN: "Cause: " + en}
}

// probeDirectory asks the directory now, for "huisclos check directory". It changes no account.
func (a *Appliance) probeDirectory() hardening.Report {
	if a.directory == nil {
		return hardening.Report{{Name: "directory", State: hardening.Missing,
			Detail: hardening.Text{FR: "aucun annuaire : directory.url n'est pas réglé.", EN: "there is no directory: directory.url is not set."},
			Why:    hardening.Text{FR: "Les comptes se créent à la main dans la console.", EN: "Accounts are made by hand in the console."},
			Do:     hardening.Text{FR: "Réglez [directory], puis redémarrez.", EN: "Set [directory], then restart."}}}
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	found, err := a.directory.Client.Probe(ctx)
	l := hardening.Line{Name: "directory-answers", State: hardening.OK,
		Detail: hardening.Text{FR: fmt.Sprintf("il est joint, son certificat convient, le compte de lecture et les groupes aussi ; %d personnes dans sa première page, dont %d sans adresse, sans identifiant ou en double.", found.Entries, found.Refused),
			EN: fmt.Sprintf("it is reached, its certificate does, and so do the account that reads and the groups; %d people in its first page, %d of them without an address, without an identifier or twice.", found.Entries, found.Refused)},
		Why: hardening.Text{FR: "Sans lui, personne de l'annuaire ne peut se connecter.", EN: "Without it nobody of the directory can sign in."}}
	var failure *ldap.Error
	switch {
	case errors.As(err, &failure):
		l.State = hardening.Missing
		l.Detail, l.Do = failureText(failure)
	case err != nil:
		l.State = hardening.Missing
		l.Detail = hardening.Text{FR: err.Error(), EN: err.Error()}
	}
	return append(hardening.Report{l}, a.directoryLine()...)
}
