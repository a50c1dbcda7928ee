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
	"os"
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

// newPost reads what mail needs: the password and the authorities, which can't be read any more once the process is shut in.
func (s settings) newPost(o outbox.Options) (*post, error) {
	p := &post{from: invite.Address{Name: s.Name, Address: s.Mail.From}, place: invite.Place{Name: s.Name},
		language: invite.ParseLanguage(s.Mail.Language, invite.French), audit: o.Audit, random: o.Random, log: o.Log}
	if s.Mail.On() {
		server, err := s.mailServer()
		if err != nil {
			return nil, err
		}
		p.server, o.Sender = server, server
	}
	p.Outbox = outbox.New(o)
	return p, nil
}

func (s settings) mailServer() (*outbox.Server, error) {
	dialer := outward.Dialer{Path: s.OutwardPath()}
	server := &outbox.Server{Host: s.Mail.Host, Implicit: s.Mail.Security == config.TLS, Plain: s.Mail.Security == config.NoTLS, User: s.Mail.User, Helo: s.Mail.Helo, Now: s.now,
		Dial: func(ctx context.Context) (net.Conn, error) { return dialer.Dial(ctx, outward.Mail) }}
	if server.Helo == "" {
		server.Helo = s.Hostname()
	}
	if server.Helo == "" {
		_, server.Helo, _ = strings.Cut(s.Mail.From, "@")
	}
	var err error
	if server.User != "" {
		if server.Password, err = s.mailPassword(); err != nil {
			return nil, err
		}
	}
	if server.Plain {
		return server, nil
	}
	if s.Mail.CAFile == "" {
		if server.Roots, err = x509.SystemCertPool(); err != nil {
			return nil, fmt.Errorf("%w: the system's authorities: %w", errMail, err)
		}
		return server, nil
	}
	text, err := os.ReadFile(s.Mail.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: mail.ca_file: %w", errMail, err)
	}
	server.Roots = x509.NewCertPool()
	if !server.Roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%w: mail.ca_file: %s holds no certificate (PEM)", errMail, s.Mail.CAFile)
	}
	return server, nil
}

// maxPassword bounds a password; what is longer is another file.
const maxPassword = 1024

// mailPassword is the file's, or what the service manager handed in. A line's end after it is none of it.
func (s settings) mailPassword() (string, error) {
	text, from := s.password, "the credential "+mailCredential
	if s.Mail.PasswordFile != "" {
		from = s.Mail.PasswordFile
		info, err := os.Stat(from)
		if err != nil {
			return "", fmt.Errorf("%w: mail.password_file: %w", errMail, err)
		}
		if info.Mode().Perm()&0o007 != 0 {
			return "", fmt.Errorf("%w: mail.password_file: others may read %s; run: chmod o= %s", errMail, from, from)
		}
		if text, err = os.ReadFile(from); err != nil {
			return "", fmt.Errorf("%w: mail.password_file: %w", errMail, err)
		}
	}
	password := strings.TrimRight(string(text), "\r\n")
	clear(text)
	switch {
	case password == "":
		return "", fmt.Errorf("%w: mail.user has no password: neither mail.password_file nor the credential %s holds one", errMail, mailCredential)
	case len(password) > maxPassword || strings.ContainsAny(password, "\r\n\x00"):
		return "", fmt.Errorf("%w: %s holds more than a password", errMail, from)
	}
	return password, nil
}

// at says where the appliance is found; it is known once the port is open.
func (p *post) at(base string) { p.place.URL = base }

// link is what the routes write a mail with; nil where none leaves.
func (p *post) link() func(tx *store.Tx, to accounts.Account, url string, expires, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, to accounts.Account, url string, expires, now time.Time) error {
		mail := invite.Activation(p.language, invite.Address{Name: to.Name, Address: to.Email}, p.place, url, expires, to.State != accounts.Invited)
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
}

// recorded writes the notice to an account's owner in the transaction of the act. An act never fails for want of a notice: one
// that can't be written is named in the audit log.
func (p *post) recorded(tx *store.Tx, e audit.Event) error {
	if !p.On() || e.Result != audit.OK && e.Result != "" {
		return nil
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
	if !tell {
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
	client := e.Client
	if e.Actor != e.Object {
		client = netip.Addr{} // not the owner's: where an administrator sits is nobody's business
	}
	mail := invite.Changed(p.language, invite.Address{Name: to.Name, Address: to.Email}, p.place, change, client, e.Time)
	err = p.write(tx, mail, outbox.Mail{Kind: mailNotice, Object: e.Object}, e.Time)
	reason := unwritten(err)
	if reason == "" {
		return err
	}
	p.log.Error("a notice to the owner of an account is not written", "account", e.Object, "reason", reason)
	return p.audit.Record(tx, audit.Event{Time: e.Time, Actor: audit.ActorSystem, Action: audit.MailDropped, Object: e.Object, Result: audit.Failed,
		Detail: map[string]string{"kind": mailNotice, "reason": reason}})
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
