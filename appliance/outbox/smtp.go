package outbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Step of a mail's way, by which a failure is named.
type Step string

// The steps, in their order.
const (
	StepConnect     Step = "connect"
	StepGreeting    Step = "greeting"
	StepTLS         Step = "tls"
	StepCertificate Step = "certificate"
	StepLogin       Step = "login"
	StepSender      Step = "sender"
	StepRecipient   Step = "recipient"
	StepMessage     Step = "message"
)

// Failure is what a step ended with. Code is the server's reply (RFC 5321 §4.2), 0 when there was none.
type Failure struct {
	Step Step
	Code int
	Err  error
}

func (f *Failure) Error() string { return "mail: " + string(f.Step) + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// OfOne reports whether it is of one mail, and the next one may do better: the server answered, and goes on.
func (f *Failure) OfOne() bool {
	return (f.Step == StepRecipient || f.Step == StepMessage) && f.Code >= 400 && f.Code != 421 // RFC 5321 §3.8: it closes
}

// Reply is the code, and the extended one where there is one (RFC 3463). The words beside often repeat the recipient's address.
func (f *Failure) Reply() string {
	var said *textproto.Error
	if !errors.As(f.Err, &said) {
		return fmt.Sprint(f.Code)
	}
	if word, _, _ := strings.Cut(said.Msg, " "); len(word) <= 10 && strings.Trim(word, "0123456789.") == "" && word != "" {
		return fmt.Sprint(f.Code, " ", word)
	}
	return fmt.Sprint(f.Code)
}

// Sentence says to an operator what the step is, in French and in English, and what to look at.
func (s Step) Sentence() (fr, en string) {
	switch s {
	case StepConnect:
		return "le serveur n'est pas joint", "the server is not reached"
	case StepGreeting:
		return "le serveur ne parle pas SMTP, ou refuse de nous parler", "the server does not speak SMTP, or refuses to speak with us"
	case StepTLS:
		return "le serveur n'offre pas le TLS demandé (mail.security)", "the server does not offer the TLS that is asked for (mail.security)"
	case StepCertificate:
		return "le certificat du serveur ne convient pas (mail.host, mail.ca_file)", "the server's certificate does not do (mail.host, mail.ca_file)"
	case StepLogin:
		return "le serveur refuse l'identification (mail.user et son mot de passe)", "the server refuses the sign-in (mail.user and its password)"
	case StepSender:
		return "le serveur refuse l'expéditeur (mail.from)", "the server refuses the sender (mail.from)"
	case StepRecipient:
		return "le serveur refuse le destinataire", "the server refuses the recipient"
	}
	return "le serveur refuse le message", "the server refuses the message"
}

// Server takes mails in (RFC 6409). Mails go to it over TLS, but for a server on this machine.
type Server struct {
	Dial     func(ctx context.Context) (net.Conn, error)
	Host     string // for which its certificate is checked
	Roots    *x509.CertPool
	Implicit bool // TLS from the first octet (RFC 8314)
	Plain    bool // no TLS at all: a server on this machine
	User     string
	Password string
	Helo     string
	Now      func() time.Time
}

// stepWithin bounds one step; RFC 5321 §4.5.3.2 would have minutes, and a mail is tried again.
const stepWithin = time.Minute

// session is a connection that is ready to take mails.
type session struct {
	ctx  context.Context // of the whole session: its end ends each step
	c    *smtp.Client
	conn net.Conn
	stop func() bool
}

func failed(step Step, err error) error {
	f := &Failure{Step: step, Err: err}
	var said *textproto.Error
	if errors.As(err, &said) {
		f.Code = said.Code
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		f.Step = StepCertificate
	}
	return f
}

// Open connects, and signs in. What fails is a *Failure.
func (s *Server) Open(ctx context.Context) (Session, error) {
	conn, err := s.Dial(ctx)
	if err != nil {
		return nil, failed(StepConnect, err)
	}
	o := &session{ctx: ctx, conn: conn, stop: context.AfterFunc(ctx, func() { _ = conn.SetDeadline(passed) })}
	if err := s.begin(ctx, o); err != nil {
		o.stop()
		_ = conn.Close()
		return nil, err
	}
	return o, nil
}

func (s *Server) begin(ctx context.Context, o *session) error {
	cfg := &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12, Time: s.Now}
	o.more()
	conn := o.conn
	if s.Implicit {
		secure := tls.Client(conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return failed(StepTLS, err)
		}
		conn = secure
	}
	var err error
	if o.c, err = smtp.NewClient(conn, s.Host); err != nil {
		return failed(StepGreeting, err)
	}
	o.more()
	if err := o.c.Hello(s.Helo); err != nil {
		return failed(StepGreeting, err)
	}
	if !s.Implicit && !s.Plain {
		if ok, _ := o.c.Extension("STARTTLS"); !ok {
			return failed(StepTLS, errors.New("the server does not offer STARTTLS"))
		}
		o.more()
		// What came before is forgotten with the reader of before (RFC 3207 §4.2).
		if err := o.c.StartTLS(cfg); err != nil {
			return failed(StepTLS, err)
		}
	}
	if s.User == "" {
		return nil
	}
	o.more()
	auth, err := s.auth(o.c)
	if err == nil {
		err = o.c.Auth(auth)
	}
	if err != nil {
		return failed(StepLogin, err)
	}
	return nil
}

// auth chooses how to sign in: the password as it is, inside TLS. Nothing that hides it from the server is worth having there.
func (s *Server) auth(c *smtp.Client) (smtp.Auth, error) {
	_, list := c.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(list))
	switch {
	case slices.Contains(offered, "PLAIN"):
		return smtp.PlainAuth("", s.User, s.Password, s.Host), nil
	case slices.Contains(offered, "LOGIN"):
		return login{s.User, s.Password}, nil
	}
	return nil, fmt.Errorf("the server offers neither PLAIN nor LOGIN, but %q", list)
}

// login is what servers by Microsoft offer beside their own (draft-murchison-sasl-login): two questions.
type login struct{ user, password string }

func (l login) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("the connection is not encrypted")
	}
	return "LOGIN", nil, nil
}

func (l login) Next(asked []byte, more bool) ([]byte, error) {
	switch said := strings.ToLower(string(asked)); {
	case !more:
		return nil, nil
	case strings.HasPrefix(said, "user"):
		return []byte(l.user), nil
	case strings.HasPrefix(said, "pass"):
		return []byte(l.password), nil
	}
	return nil, errors.New("the server asks for something else than user and password")
}

// passed is a deadline that has passed.
var passed = time.Unix(1, 0)

// more gives the next step its time.
func (o *session) more() {
	_ = o.conn.SetDeadline(time.Now().Add(stepWithin))
	if o.ctx.Err() != nil { // it ended just before, and its own deadline was taken back
		_ = o.conn.SetDeadline(passed)
	}
}

// Send sends one mail. After a *Failure of one mail the session goes on.
func (o *session) Send(from, to string, message []byte) error {
	err := o.try(from, to, message)
	var f *Failure
	if errors.As(err, &f) && f.OfOne() {
		o.more()
		if reset := o.c.Reset(); reset != nil {
			return failed(StepConnect, reset)
		}
	}
	return err
}

// Try is Send without a message: whether sender and recipient would be taken. An empty recipient isn't named.
func (o *session) Try(from, to string) error {
	// SMTPUTF8 is asked for by those who need it only, unlike net/smtp does: a mail that has asked for it goes nowhere else.
	mail := "MAIL FROM:<" + from + ">"
	if other(to) {
		mail += " SMTPUTF8"
	}
	if err := o.command(mail); err != nil {
		return failed(StepSender, err)
	}
	if to == "" {
		return nil
	}
	if err := o.command("RCPT TO:<" + to + ">"); err != nil {
		return failed(StepRecipient, err)
	}
	return nil
}

// other reports whether an address has letters that RFC 5321 doesn't know.
func other(address string) bool {
	return strings.ContainsFunc(address, func(r rune) bool { return r >= utf8.RuneSelf })
}

// command says one line and reads the answer. A line is one: what would make two of it, or another path, is the fault of who asks.
func (o *session) command(line string) error {
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) || strings.Count(line, "<") > 1 || strings.Count(line, ">") > 1 {
		return &textproto.Error{Code: 553, Msg: "not an address"}
	}
	o.more()
	id, err := o.c.Text.Cmd("%s", line)
	if err != nil {
		return err
	}
	o.c.Text.StartResponse(id)
	defer o.c.Text.EndResponse(id)
	_, _, err = o.c.Text.ReadResponse(25)
	return err
}

func (o *session) try(from, to string, message []byte) error {
	if other(to) {
		if ok, _ := o.c.Extension("SMTPUTF8"); !ok { // RFC 6531 §3.1
			return &Failure{StepRecipient, 553, errors.New("the server takes no addresses with other letters than ASCII's")}
		}
	}
	if err := o.Try(from, to); err != nil {
		return err
	}
	o.more()
	w, err := o.c.Data()
	if err == nil {
		if _, err = w.Write(message); err == nil {
			o.more()
			err = w.Close()
		}
	}
	if err != nil {
		return failed(StepMessage, err)
	}
	return nil
}

// Close says goodbye; a server that doesn't answer is left.
func (o *session) Close() {
	_ = o.conn.SetDeadline(time.Now().Add(2 * time.Second))
	_ = o.c.Quit()
	o.stop()
	_ = o.conn.Close()
}

// Check tries the whole way of a mail. Without a recipient nothing is sent: sender and sign-in are tried alone.
func (s *Server) Check(ctx context.Context, from, to string, message []byte) error {
	opened, err := s.Open(ctx)
	if err != nil {
		return err
	}
	defer opened.Close()
	if to == "" {
		return opened.(*session).Try(from, "")
	}
	return opened.Send(from, to, message)
}
