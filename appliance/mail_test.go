package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/config"
	"huisclos/appliance/outbox"
	"huisclos/appliance/outward"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/meetings/invite"
	"huisclos/store"
)

// beside starts the process that connects outward for these settings, in this one.
func beside(t *testing.T, s *settings) {
	t.Helper()
	s.Outward = filepath.Join(t.TempDir(), "o")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.Outward, Net: "unix"})
	must(t, err)
	server := &outward.Server{Destinations: destinationsOf(s.Settings), Accounts: []int{os.Geteuid()}, Log: slog.New(slog.DiscardHandler)}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
}

// A correspondence is accounts, an outbox and a mail server, without the rest of the appliance.
type correspondence struct {
	*mailServer
	post     *post
	accounts *accounts.Accounts
	db       *store.DB
	audit    *audit.Log
	log      *notes
}

func correspond(t *testing.T, change func(*config.Mail)) *correspondence {
	t.Helper()
	c := &correspondence{mailServer: startMailServer(t), log: &notes{}}
	s := testSettings(t)
	s.Mail = c.settings(t)
	if change != nil {
		change(&s.Mail)
	}
	beside(t, &s)
	c.open_(t, s)
	return c
}

func (c *correspondence) open_(t *testing.T, s settings) {
	t.Helper()
	var err error
	c.db, err = store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = c.db.Close() })
	must(t, c.db.Migrate(migrations()))
	c.audit = audit.New(c.db)
	pepper, err := passhash.CreatePepper(filepath.Join(t.TempDir(), "pepper"), rand.Reader)
	must(t, err)
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper})
	must(t, err)
	server, err := s.mailServer()
	must(t, err)
	c.post = s.newPost(outbox.Options{DB: c.db, Audit: c.audit, Keys: hasher, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(c.log, nil))}, server)
	must(t, err)
	c.post.head().place.URL = "https://visio.example.org"
	cheap := passhash.Params{Memory: 8 << 10, Time: 1, Threads: 1}
	c.accounts, err = accounts.New(c.db, c.audit, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, Recorded: c.post.recorded})
	must(t, err)
}

func (c *correspondence) actions(t *testing.T) (list []audit.Action) {
	t.Helper()
	entries, err := c.audit.List(0, 100)
	must(t, err)
	for _, e := range entries {
		list = append(list, e.Action)
	}
	slices.Reverse(list)
	return list
}

func (c *correspondence) state(t *testing.T) outbox.Status {
	t.Helper()
	s, err := c.post.Status()
	must(t, err)
	return s
}

// create makes an account whose link is mailed.
func (c *correspondence) create(t *testing.T, email string, now time.Time) (accounts.Account, accounts.Activation) {
	t.Helper()
	a, link, err := c.accounts.Create(accounts.Operator(), "Zoé Ångström", email, accounts.Member, now, func(tx *store.Tx, to accounts.Account, link accounts.Activation) error {
		return c.post.link()(tx, to, "https://visio.example.org/activate#"+link.Token.Reveal(), link.Expires, now)
	})
	must(t, err)
	return a, link
}

// The link of an account arrives over STARTTLS, and over TLS from the first octet; nothing of it is left behind.
func TestActivationIsMailed(t *testing.T) {
	// ASVS 12.3.2
	for _, security := range []config.Security{config.StartTLS, config.TLS} {
		c := correspond(t, nil)
		if security == config.TLS {
			s := testSettings(t)
			s.Mail = c.settings(t)
			s.Mail.Security, s.Mail.Port, s.Mail.Language = security, c.tls, "en"
			beside(t, &s)
			c.open_(t, s)
		}
		now := time.Now()
		a, link := c.create(t, "zoe@example.org", now)
		must(t, c.post.Turn(t.Context(), now))
		got := c.received(t, 1)[0]
		if got.Get("Return-Path") != "<visio@example.org>" || got.Get("Envelope-To") != "zoe@example.org" || len(got.parts) != 2 || !strings.Contains(got.parts[0], "/activate#"+link.Token.Reveal()+"\r\n") &&
			!strings.Contains(got.parts[0], "/activate#"+link.Token.Reveal()+"\n") {
			t.Errorf("%+v", got)
		}
		if from, err := got.AddressList("From"); err != nil || from[0].Name != "Huis Clos" || from[0].Address != "visio@example.org" {
			t.Errorf("from %v, %v", from, err)
		}
		if received := got.Get("Received"); !strings.Contains(received, " with esmtpsa") || !strings.Contains(received, "TLS1.3") {
			t.Errorf("it came %s", received)
		}
		if s := c.state(t); s.Waiting != 0 || s.Sent.IsZero() || s.Failing != nil {
			t.Errorf("%+v", s)
		}
		if got, want := c.actions(t), []audit.Action{audit.AccountCreated, audit.ActivationMade, audit.MailQueued, audit.MailSent}; !slices.Equal(got, want) {
			t.Errorf("audit log %v, want %v", got, want)
		}
		_ = a
	}
}

func TestLinkIsSealedAtRest(t *testing.T) {
	c := correspond(t, nil)
	now := time.Now()
	_, link := c.create(t, "zoe@example.org", now)
	must(t, c.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{"outbox.mails", "outbox.due", "audit.entries"} {
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
				for _, secret := range []string{link.Token.Reveal(), "zoe@", "example.org", "activate#"} {
					if strings.Contains(string(v), secret) {
						t.Errorf("%s holds %q as it is", bucket, secret)
					}
				}
				return true
			})
		}
		return nil
	}))
	// Out of date with its link, at the latest after three days.
	must(t, c.post.Turn(t.Context(), now.Add(outbox.Patience)))
	if got := c.actions(t); got[len(got)-1] != audit.MailGivenUp || c.state(t).Waiting != 0 {
		t.Errorf("%v, %+v", got, c.state(t))
	}
	c.mustHaveNone(t)
}

func (m *mailServer) mustHaveNone(t *testing.T) {
	t.Helper()
	if names, _ := filepath.Glob(filepath.Join(m.dir, "mail/new/*")); len(names) > 0 {
		t.Errorf("%d mails arrived", len(names))
	}
}

func TestOwnerIsToldOfChanges(t *testing.T) {
	// ASVS 6.3.7
	c := correspond(t, nil)
	now := time.Now()
	client := accounts.Client{Address: netip.MustParseAddr("192.0.2.7"), Agent: "x"}
	a, link, err := c.accounts.Create(accounts.Operator(), "Zoé", "zoe@example.org", accounts.Member, now)
	must(t, err)
	first := "correct horse battery of Zanzibar"
	_, _, err = c.accounts.Activate(t.Context(), link.Token.Reveal(), first, client, now)
	must(t, err)
	if s := c.state(t); s.Waiting != 0 {
		t.Errorf("a first passphrase is a change: %+v", s)
	}
	_, err = c.accounts.ChangePassphrase(t.Context(), a.ID, accounts.Proof{Passphrase: first}, "another horse battery of Zanzibar", client, now)
	must(t, err)
	reset, err := c.accounts.NewActivation(accounts.Operator(), a.ID, now)
	must(t, err)
	_, _, err = c.accounts.Activate(t.Context(), reset.Token.Reveal(), first, client, now)
	must(t, err)
	must(t, c.post.Turn(t.Context(), now))
	for _, m := range c.received(t, 2) {
		if !strings.Contains(m.parts[0], "phrase de passe de votre compte a été changée") || !strings.Contains(m.parts[0], "192.0.2.7") || m.Get("Envelope-To") != "zoe@example.org" {
			t.Errorf("%+v", m)
		}
	}
}

func TestGreylistingAndRefusals(t *testing.T) {
	c := correspond(t, nil)
	now := time.Now()
	c.create(t, "grey@example.org", now)
	c.create(t, "nobody@example.org", now)
	c.create(t, "zoe@example.org", now)
	must(t, c.post.Turn(t.Context(), now)) // one after the other: a refusal stops nothing
	c.received(t, 1)
	if s := c.state(t); s.Waiting != 1 || s.GivenUp != 1 || s.Failing != nil || s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
	if got := c.actions(t); !slices.Contains(got, audit.MailGivenUp) {
		t.Errorf("%v", got)
	}
	if !strings.Contains(c.log.String(), "a mail is given up") || strings.Contains(c.log.String(), "nobody@") {
		t.Errorf("log: %s", c.log)
	}
	c.open(t)
	must(t, c.post.Turn(t.Context(), now.Add(30*time.Second))) // too early
	if s := c.state(t); s.Waiting != 1 {
		t.Errorf("%+v", s)
	}
	must(t, c.post.Turn(t.Context(), now.Add(61*time.Second)))
	c.received(t, 2)
	if s := c.state(t); s.Waiting != 0 || s.GivenUp != 1 {
		t.Errorf("%+v", s)
	}
}

// What is wrong is named by its step, nothing is lost, and mails leave once it is mended.
func TestWhatFailsIsNamed(t *testing.T) {
	// ASVS 12.3.2
	c := correspond(t, nil)
	good := c.post.head().server
	other := t.TempDir()
	(&mailServer{dir: other}).certify(t, "127.0.0.1") // another authority
	for name, w := range map[string]struct {
		change func(*config.Mail)
		step   outbox.Step
	}{
		"another authority":  {func(m *config.Mail) { m.CAFile = filepath.Join(other, "ca.pem") }, outbox.StepCertificate},
		"the system's":       {func(m *config.Mail) { m.CAFile = "" }, outbox.StepCertificate},
		"wrong password":     {func(m *config.Mail) { must(t, os.WriteFile(m.PasswordFile, []byte("wrong"), 0o600)) }, outbox.StepLogin},
		"tls on starttls":    {func(m *config.Mail) { m.Security = config.TLS }, outbox.StepTLS},
		"nobody there":       {func(m *config.Mail) { m.Port = freePort(t) }, outbox.StepConnect},
		"no sign-in":         {func(m *config.Mail) { m.User, m.PasswordFile = "", "" }, outbox.StepRecipient},
		"plain, and sign-in": {func(m *config.Mail) { m.Security = config.NoTLS }, outbox.StepLogin},
	} {
		s := testSettings(t)
		s.Mail = c.settings(t)
		w.change(&s.Mail)
		beside(t, &s)
		server, err := s.mailServer()
		must(t, err)
		err = server.Check(t.Context(), "visio@example.org", "zoe@example.org", []byte("Subject: x\r\n\r\nx\r\n"))
		var f *outbox.Failure
		if !errors.As(err, &f) || f.Step != w.step {
			t.Errorf("%s: %v, want %s", name, err, w.step)
		}
		report := mailReport(err, server, true)
		if last := report[len(report)-1]; last.Name != "mail-"+string(w.step) || last.State != "missing" {
			t.Errorf("%s: %+v", name, report)
		}
	}
	// The whole way, with and without a mail.
	for _, to := range []string{"", "zoe@example.org"} {
		must(t, c.post.try(t.Context(), to, time.Now()))
	}
	c.received(t, 1)
	if r := mailReport(nil, good, true); len(r) != len(mailSteps) {
		t.Errorf("%+v", r)
	}
	if err := c.post.try(t.Context(), "a@b\r\nDATA", time.Now()); !errors.Is(err, invite.ErrAddress) {
		t.Errorf("an address of two lines: %v", err)
	}
}

func TestServerThatIsAway(t *testing.T) {
	c := correspond(t, nil)
	away := c.post.head().server.Dial
	c.post.head().server.Dial = func(context.Context) (net.Conn, error) {
		return nil, &outward.Error{Kind: outward.Refused, Detail: "x"}
	}
	now := time.Now()
	c.create(t, "zoe@example.org", now)
	must(t, c.post.Turn(t.Context(), now))
	s := c.state(t)
	if s.Waiting != 1 || s.Failing == nil || s.Failing.Step != outbox.StepConnect || !s.Failing.Since.Equal(now) {
		t.Fatalf("%+v", s)
	}
	c.post.head().server.Dial = away
	must(t, c.post.Turn(t.Context(), now.Add(29*time.Second))) // it rests
	if s := c.state(t); s.Waiting != 1 {
		t.Errorf("%+v", s)
	}
	must(t, c.post.Turn(t.Context(), now.Add(31*time.Second)))
	c.received(t, 1)
	if s := c.state(t); s.Waiting != 0 || s.Failing != nil {
		t.Errorf("%+v", s)
	}
}

// An invitation arrives as a calendar reads it.
func TestInvitationArrives(t *testing.T) {
	c := correspond(t, nil)
	zone, err := invite.Zone("Europe/Paris")
	must(t, err)
	now := time.Now()
	m := invite.Meeting{UID: invite.UID("r1", "visio.example.org"), Title: "Conseil d’été", Link: "https://visio.example.org/r/abc", Organiser: invite.Address{Name: "Marie", Address: "marie@example.org"},
		Start: time.Date(2027, 6, 1, 9, 0, 0, 0, zone), Duration: time.Hour, Zone: zone}
	must(t, c.db.Update(func(tx *store.Tx) error {
		return c.post.invitation(tx, m, "r1", invite.Address{Name: "Zoé", Address: "zoe@example.org"}, invite.French, now)
	}))
	must(t, c.post.Turn(t.Context(), now))
	got := c.received(t, 1)[0]
	if len(got.parts) != 3 || !strings.HasPrefix(got.parts[2], "BEGIN:VCALENDAR") || !strings.Contains(got.parts[2], "UID:r1@visio.example.org") || !strings.Contains(got.Get("Reply-To"), "marie@example.org") {
		t.Errorf("%+v", got)
	}
}

func TestFullQueueStopsNoChange(t *testing.T) {
	c := correspond(t, nil)
	now := time.Now()
	a, _, err := c.accounts.Create(accounts.Operator(), "Zoé", "zoe@example.org", accounts.Member, now)
	must(t, err)
	must(t, c.db.Update(func(tx *store.Tx) error {
		return tx.Put("outbox.state", []byte("count"), []byte{0, 0, 0, 0, 0, 0, outbox.Most >> 8, outbox.Most & 0xff})
	}))
	e := audit.Event{Time: now, Actor: a.ID.String(), Action: audit.PassphraseChange, Object: a.ID.String()}
	must(t, c.db.Update(func(tx *store.Tx) error { return c.post.recorded(tx, e) }))
	if got := c.actions(t); got[len(got)-1] != audit.MailDropped {
		t.Errorf("%v", got)
	}
	err = c.db.Update(func(tx *store.Tx) error { return c.post.link()(tx, a, "https://x/#y", now.Add(time.Hour), now) })
	if !errors.Is(err, web.ErrPost) || !strings.HasSuffix(err.Error(), "full") {
		t.Errorf("a link that nobody gets: %v", err)
	}
}

func TestMailFilesAreLookedAt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, s *settings)
		want   string
	}{
		"no password":     {func(_ *testing.T, s *settings) {}, "has no password"},
		"others may read": {func(t *testing.T, s *settings) { s.Mail.PasswordFile = file(t, "secret", 0o644) }, "others may read"},
		"another file":    {func(t *testing.T, s *settings) { s.Mail.PasswordFile = file(t, "a\nb", 0o600) }, "more than a password"},
		"missing":         {func(_ *testing.T, s *settings) { s.Mail.PasswordFile = "/nonexistent/p" }, "mail.password_file"},
		"no authority":    {func(t *testing.T, s *settings) { s.password = []byte("x"); s.Mail.CAFile = file(t, "x", 0o644) }, "holds no certificate"},
		"credential":      {func(_ *testing.T, s *settings) { s.password = []byte("x\n") }, ""},
	} {
		s := testSettings(t)
		s.Mail = config.Mail{Host: "smtp.example.org", Security: config.StartTLS, User: "u", From: "a@example.org"}
		c.change(t, &s)
		server, err := s.mailServer()
		if c.want == "" {
			if err != nil || server.Password != "x" || server.Helo != "example.org" {
				t.Errorf("%s: %v", name, err)
			}
		} else if !errors.Is(err, errMail) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func file(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(name, []byte(text), mode))
	return name
}
