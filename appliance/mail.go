package appliance

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/config"
	"huisclos/appliance/outbox"
	"huisclos/appliance/outward"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/meetings/invite"
	"huisclos/store"
)

// mailCredential is what systemd calls the password of the mail server's user.
const mailCredential = "huisclos.mail"

// Kinds of mails, as the audit log names them.
const (
	mailActivation = "activation"
	mailNotice     = "notice"
	mailProposal   = "proposal"
)

// A post writes the mails of the appliance, and keeps the outbox that sends them.
type post struct {
	*outbox.Outbox
	server   *outbox.Server // nil: no mail leaves
	from     invite.Address
	place    invite.Place
	language invite.Language
	audit    *audit.Log
	random   io.Reader
	log      *slog.Logger
}

// errMail is what every error of the mail's files wraps; they are read once, before the process is shut in.
var errMail = errors.New("mail")

// newPost writes for the settings; server, nil where no mail leaves, is theirs.
func (s settings) newPost(o outbox.Options, server *outbox.Server) *post {
	p := &post{from: invite.Address{Name: s.Name, Address: s.Mail.From}, place: invite.Place{Name: s.Name},
		language: invite.ParseLanguage(s.Mail.Language, invite.French), audit: o.Audit, random: o.Random, log: o.Log}
	if server != nil {
		p.server, o.Sender = server, server
	}
	p.Outbox = outbox.New(o)
	return p
}

// mailServer is the one that takes mails in; nil where no mail leaves.
func (s settings) mailServer() (*outbox.Server, error) {
	if !s.Mail.On() {
		return nil, nil
	}
	dialer, at := outward.Dialer{Path: s.OutwardPath()}, s.Mail.At()
	server := &outbox.Server{Host: s.Mail.Host, Implicit: s.Mail.Security == config.TLS, Plain: s.Mail.Security == config.NoTLS, User: s.Mail.User, Helo: s.Mail.Helo, Now: s.now,
		Dial: func(ctx context.Context) (net.Conn, error) { return dialer.DialTo(ctx, outward.Mail, s.Mail.Host, at) }}
	if server.Helo == "" {
		server.Helo = s.Hostname()
	}
	if server.Helo == "" {
		_, server.Helo, _ = strings.Cut(s.Mail.From, "@")
	}
	var err error
	if server.User != "" {
		if server.Password, err = s.secret(s.mailSecret()); err != nil {
			return nil, err
		}
	}
	if server.Plain {
		return server, nil
	}
	text, err := s.authorities(s.Mail.CA, "mail.ca_file", s.Mail.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMail, err)
	}
	if text == nil {
		server.Roots, err = x509.SystemCertPool()
		return server, err
	}
	server.Roots = x509.NewCertPool()
	if !server.Roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: mail.ca_file: %s holds no certificate (PEM)", errMail, s.Mail.CAFile)
	}
	return server, nil
}

// mailSecret is the password of the mail server's user.
func (s settings) mailSecret() secret {
	return secret{of: errMail, what: "password", none: "mail.user has no password", setting: "mail.password_file", file: s.Mail.PasswordFile, credential: mailCredential, given: s.password, console: "mail.password"}
}

// at says where the appliance is found; it is known once the port is open.
func (p *post) at(base string) { p.place.URL = base }

// languageOf is the one that a person has chosen, or the organisation's.
func (p *post) languageOf(a accounts.Account) invite.Language {
	return invite.ParseLanguage(string(a.Language), p.language)
}

// link is what the routes write a mail with; nil where none leaves.
func (p *post) link() func(tx *store.Tx, to accounts.Account, url string, expires, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, to accounts.Account, url string, expires, now time.Time) error {
		mail := invite.Activation(p.languageOf(to), invite.Address{Name: to.Name, Address: to.Email}, p.place, url, expires, to.State != accounts.Invited)
		err := p.write(tx, mail, outbox.Mail{Kind: mailActivation, Object: to.ID.String(), Expires: expires}, now)
		if reason := unwritten(err); reason != "" {
			return fmt.Errorf("%w: %s", web.ErrPost, reason) // without the address, which no log has
		}
		return err
	}
}

// unwritten is why a mail can't be written, as the audit log says it; "" is another error, or none.
func unwritten(err error) string {
	switch {
	case errors.Is(err, outbox.ErrFull):
		return "full"
	case errors.Is(err, invite.ErrAddress):
		return "address"
	}
	return ""
}

// mailInvitation is the kind of what follows.
const mailInvitation = "invitation"

// invitation writes the mail about a planned meeting to one person, in the transaction of the plan. outbox.ErrFull,
// invite.ErrAddress, invite.ErrMeeting. Where no mail leaves it does nothing.
func (p *post) invitation(tx *store.Tx, m invite.Meeting, room string, to invite.Address, l invite.Language, now time.Time) error {
	if !p.On() {
		return nil
	}
	letter, err := m.Mail(l, to, p.place, p.from, now)
	if err != nil {
		return err
	}
	return p.write(tx, letter, outbox.Mail{Kind: mailInvitation, Object: room}, now)
}

func (p *post) write(tx *store.Tx, mail invite.Mail, about outbox.Mail, now time.Time) error {
	e, err := mail.Compose(p.from, p.random, now)
	if err != nil {
		return err
	}
	about.From, about.To, about.Message = e.From, e.To, e.Message
	return p.Add(tx, about, now)
}

// changes are the acts that an account's owner is told of.
var changes = map[audit.Action]invite.Change{
	audit.PassphraseChange: invite.PassphraseChanged, audit.FactorAdded: invite.FactorAdded, audit.FactorReplaced: invite.FactorReplaced, audit.FactorRemoved: invite.FactorRemoved,
	audit.FactorTaken: invite.FactorTaken, audit.RecoveryUsed: invite.RecoveryUsed, audit.RecoveryRenewed: invite.RecoveryRenewed,
	audit.AccountAddressed: invite.AddressChanged, audit.AccountExported: invite.DataExported,
}

// recorded writes the notice to an account's owner in the transaction of the act. An act never fails for want of a notice: one
// that can't be written is named in the audit log.
func (p *post) recorded(tx *store.Tx, e audit.Event) error {
	if !p.On() || e.Result != audit.OK && e.Result != "" {
		return nil
	}
	if e.Action == audit.ProposalMade {
		return p.proposed(tx, e)
	}
	change, tell := changes[e.Action]
	switch {
	case e.Action == audit.ActivationUsed && e.Detail["reset"] != "" && e.Detail["by"] != "":
		change, tell = invite.KeyReplaced, true
	case e.Action == audit.ActivationUsed && e.Detail["reset"] != "":
		change, tell = invite.PassphraseChanged, true
	case e.Action == audit.PassphraseChange && e.Detail["first"] != "":
		change = invite.PassphraseChosen
	}
	if !tell && !ends[e.Action] {
		return nil
	}
	id, err := accounts.ParseID(e.Object)
	if err != nil {
		return nil // of no account
	}
	to, err := accounts.Find(tx, id)
	if errors.Is(err, accounts.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if to.State == accounts.Invited && (ends[e.Action] || e.Action == audit.AccountAddressed) {
		return nil // who has never come may know nothing of the account
	}
	if e.Action == audit.AccountAddressed && e.Detail["source"] != "" {
		return nil // the organisation gave it; when it renames itself, it would be a mail for everybody at once
	}
	var mail invite.Mail
	if ends[e.Action] {
		mail = p.end(e.Action, to)
	} else {
		client := e.Client
		if e.Actor != e.Object {
			client = netip.Addr{} // not the owner's: where an administrator sits is nobody's business
		}
		mail = invite.Changed(p.languageOf(to), invite.Address{Name: to.Name, Address: to.Email}, p.place, change, client, e.Time)
	}
	return p.notice(tx, mail, outbox.Mail{Kind: mailNotice, Object: e.Object}, e.Time)
}

// notice writes a mail without which the act that it tells of is done all the same.
func (p *post) notice(tx *store.Tx, mail invite.Mail, about outbox.Mail, now time.Time) error {
	err := p.write(tx, mail, about, now)
	reason := unwritten(err)
	if reason == "" {
		return err
	}
	p.log.Error("a notice is not written", "kind", about.Kind, "account", about.Object, "reason", reason)
	return p.audit.Record(tx, audit.Event{Time: now, Actor: audit.ActorSystem, Action: audit.MailDropped, Object: about.Object, Result: audit.Failed,
		Detail: map[string]string{"kind": about.Kind, "reason": reason}})
}

// proposed tells the officers who could agree that a proposal waits for them. What it would do is for the console to say.
func (p *post) proposed(tx *store.Tx, e audit.Event) error {
	by, err := accounts.ParseID(e.Actor)
	if err != nil {
		return nil // of nobody
	}
	asks, err := accounts.Find(tx, by)
	if err != nil {
		return err
	}
	about, _ := accounts.ParseID(e.Object) // of a policy or a profile: nobody's
	list, err := accounts.OfficersBeside(tx, by, about)
	if err != nil {
		return err
	}
	until := e.Time.Add(accounts.ProposalLifetime)
	for _, to := range list {
		mail := invite.Waiting(p.languageOf(to), invite.Address{Name: to.Name, Address: to.Email}, invite.Address{Name: asks.Name}, p.place, p.place.URL+"/console/proposals", until)
		if err := p.notice(tx, mail, outbox.Mail{Kind: mailProposal, Object: to.ID.String(), Expires: until}, e.Time); err != nil {
			return err
		}
	}
	return nil
}

// run sends what is due until the stop.
func (p *post) run(quit <-chan struct{}, every time.Duration, now func() time.Time) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-quit:
			return
		case <-t.C:
			if err := p.Turn(ctx, now()); err != nil {
				p.log.Error("the outbox is not read", "error", err)
			}
		}
	}
}

func (p *post) status() (web.PostStatus, error) {
	s, err := p.Status()
	if err != nil {
		return web.PostStatus{}, err
	}
	w := web.PostStatus{On: s.On, Waiting: s.Waiting, Oldest: s.Oldest, Sent: s.Sent, GivenUp: s.GivenUp}
	if f := s.Failing; f != nil {
		w.Failing, w.LastWord = f.Since, f.Detail
		w.StepFR, w.StepEN = f.Step.Sentence()
		w.StepFR, w.StepEN = strings.ReplaceAll(w.StepFR, "'", "’"), strings.ReplaceAll(w.StepEN, "'", "’") // pages have the printer’s apostrophe
	}
	return w, nil
}

// try goes the whole way of a mail for "huisclos check mail". An empty address sends nothing.
func (p *post) try(ctx context.Context, to string, now time.Time) error {
	var e invite.Envelope
	if to != "" {
		var err error
		if e, err = invite.Test(p.language, invite.Address{Address: to}, p.place).Compose(p.from, rand.Reader, now); err != nil {
			return err
		}
	}
	return p.server.Check(ctx, p.from.Address, to, e.Message)
}
