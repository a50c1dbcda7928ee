// Package forwarding sends the entries of the audit log on to a collector as they are recorded: syslog (RFC 5424) over TLS (RFC 5425).
//
// It decides the form of a message, which entries are still to be sent, when one counts as sent, and when to try again. An entry counts
// as sent when the collector has confirmed it: syslog has no acknowledgement of its own, but whoever reads close_notify has read all that
// came before, and ends the connection in turn (RFC 5425 §4.4). So the sender says close_notify after a few seconds, or some thousand
// entries, and counts what it had sent only when the collector has ended the connection in order, not by a reset. What was not confirmed
// is sent again: each entry arrives at least once, in order, and its number tells a second time from the first. How far a collector has
// confirmed is remembered in the database, over restarts.
//
// The collector's end is its own close_notify, or that of TCP alone: rsyslog over GnuTLS says no more. Somebody on the way could forge the
// latter and keep entries back; at the collector their numbers are missing then, and the chain does not close.
//
// It never changes an entry and never holds up who records one. It sees no secret but the key of our own certificate, if there is one.
package forwarding

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// Format is the form in which an entry is sent.
type Format string

// The formats.
const (
	// JSON is an entry as it is stored, in the bytes that its hash is made of, with structured data that name it.
	JSON Format = "rfc5424"
	// CEF is ArcSight's Common Event Format.
	CEF Format = "cef"
)

// Step of the way to a collector, by which a failure is named. The names stand in the audit log.
type Step string

// The steps, in their order.
const (
	StepConnect     Step = "connect"
	StepTLS         Step = "tls"
	StepCertificate Step = "certificate" // the collector's
	StepOwn         Step = "own"         // ours, which the collector wants to see
	StepSend        Step = "send"
	StepConfirm     Step = "confirm"
)

// Sentence says to an operator what failed at the step, in French and in English, and what to look at.
func (s Step) Sentence() (fr, en string) {
	switch s {
	case StepConnect:
		return "le collecteur n’est pas joint (audit.syslog.address)", "the collector is not reached (audit.syslog.address)"
	case StepTLS:
		return "le collecteur ne parle pas TLS, ou pas TLS 1.2 ou 1.3", "the collector does not speak TLS, or neither TLS 1.2 nor 1.3"
	case StepCertificate:
		return "le certificat du collecteur ne convient pas (audit.syslog.address, audit.syslog.ca)", "the collector’s certificate does not do (audit.syslog.address, audit.syslog.ca)"
	case StepOwn:
		return "le collecteur refuse notre certificat, ou en demande un (audit.syslog.certificate)", "the collector refuses our certificate, or asks for one (audit.syslog.certificate)"
	case StepSend:
		return "le collecteur ne prend plus rien", "the collector takes nothing any more"
	}
	return "le collecteur ne confirme pas ce qu’il a reçu", "the collector does not confirm what it has received"
}

// Failure is what a step ended with.
type Failure struct {
	Step Step
	Err  error
}

func (f *Failure) Error() string { return "forwarding: " + string(f.Step) + ": " + f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// A Collector takes messages in.
type Collector struct {
	Dial        func(ctx context.Context) (net.Conn, error)
	Host        string           // for which its certificate is checked
	Address     string           // host and port: what is confirmed is remembered for it
	Roots       *x509.CertPool   // that its certificate must come from
	Certificate *tls.Certificate // ours; nil: we show none
	Format      Format
	From        string // our name (HOSTNAME of RFC 5424 §6.2.4); "": none
	Version     string // of this program
	Now         func() time.Time
}

const (
	// stepWithin bounds a handshake, the writing of a page and the wait for a confirmation.
	stepWithin = 30 * time.Second
	// linger is how long is waited, after the collector's close_notify, for a reset: it would mean that the collector had gone before it
	// read all. A reset takes one way there and back.
	linger = 250 * time.Millisecond
	// lastWord is how long is waited, after a write has failed, for what the collector said before. On a connection that is broken it is
	// there, or nothing is.
	lastWord = 5 * time.Second
)

// session is a connection that messages go over, in one direction.
type session struct {
	raw   net.Conn
	conn  *tls.Conn
	asked bool       // the collector wants to see a certificate of ours
	shown bool       // and we have one
	ended chan error // what reading ended with
	stop  func() bool
}

// open connects, and lets the collector prove who it is. What fails is a *Failure.
func (c *Collector) open(ctx context.Context) (*session, error) {
	raw, err := c.Dial(ctx)
	if err != nil {
		return nil, &Failure{StepConnect, err}
	}
	// RFC 9662 §4: TLS 1.2 at least.
	cfg := &tls.Config{ServerName: c.Host, RootCAs: c.Roots, MinVersion: tls.VersionTLS12, Time: c.Now}
	s := &session{raw: raw, ended: make(chan error, 1), stop: func() bool { return true }}
	cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if s.asked = true; c.Certificate == nil {
			return new(tls.Certificate), nil // none
		}
		s.shown = true
		return c.Certificate, nil
	}
	s.conn = tls.Client(whole{raw}, cfg)
	within, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	if err := s.conn.HandshakeContext(within); err != nil {
		s.close()
		return nil, s.failure(StepTLS, err)
	}
	s.stop = context.AfterFunc(ctx, func() {
		time.AfterFunc(lastWithin, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	})
	go func() { // a collector has nothing to say but its end
		_, err := io.Copy(io.Discard, s.conn)
		if err == nil {
			err = io.EOF
		}
		s.ended <- err
	}()
	return s, nil
}

// whole tells the end of a connection from close_notify: crypto/tls takes the one for the other where it falls between two records.
type whole struct{ net.Conn }

func (c whole) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

// errCut is the end of TCP without close_notify.
var errCut = errors.New("the connection was ended without close_notify")

// failure is what an error at a step means. With TLS 1.3 a collector refuses our certificate only after the handshake.
func (s *session) failure(at Step, err error) error {
	var certificate *tls.CertificateVerificationError
	var remote *net.OpError
	switch {
	case errors.As(err, &certificate):
		return &Failure{StepCertificate, err}
	case s.asked && errors.As(err, &remote) && remote.Op == "remote error": // an alert (RFC 8446 §6.2)
		return &Failure{StepOwn, err}
	case at == StepSend && (errors.Is(err, io.EOF) || errors.Is(err, errCut)):
		return &Failure{StepSend, errors.New("the collector has closed the connection")}
	}
	// With TLS 1.3 some refuse it without a word.
	if s.asked && !s.shown && at != StepTLS {
		return &Failure{StepOwn, err}
	}
	return &Failure{at, err}
}

// send writes messages, each behind its length (RFC 5425 §4.3).
func (s *session) send(text []byte) error {
	select {
	case err := <-s.ended:
		s.ended <- err
		return s.failure(StepSend, err)
	default:
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(stepWithin))
	if _, err := s.conn.Write(text); err != nil {
		return s.unwritten(err)
	}
	return nil
}

// unwritten is what an error of writing means: what the collector said of it, if it did, is the better reason.
func (s *session) unwritten(err error) error {
	_ = s.raw.SetReadDeadline(time.Now().Add(lastWord))
	said := <-s.ended
	s.ended <- said
	if isTimeout(said) {
		said = err
	}
	return s.failure(StepSend, said)
}

// errGone: the collector was gone before it had read all.
var errGone = errors.New("the connection was reset while its end was awaited")

// confirm says that nothing follows, and waits for the collector to end the connection: it has read all then. A reset confirms nothing.
func (s *session) confirm() error {
	defer s.close()
	select {
	case err := <-s.ended: // it closed first: who knows what it had read by then
		return s.failure(StepSend, err)
	default:
	}
	_ = s.conn.SetWriteDeadline(time.Now().Add(stepWithin))
	if err := s.conn.CloseWrite(); err != nil {
		return s.unwritten(err)
	}
	timer := time.NewTimer(stepWithin)
	defer timer.Stop()
	var err error
	select {
	case err = <-s.ended:
	case <-timer.C:
		err = errors.New("no answer to close_notify (RFC 5425 §4.4)")
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, errCut) {
		return s.failure(StepConfirm, err)
	}
	return s.unbroken()
}

// unbroken looks whether a reset follows on the collector's end: it had closed by itself then, at the same moment, and what
// arrived after that was read by nobody.
func (s *session) unbroken() error {
	raw, until := s.raw, time.Now().Add(linger)
	_ = raw.SetReadDeadline(until)
	if _, err := io.Copy(io.Discard, raw); err != nil && !isTimeout(err) {
		return &Failure{StepConfirm, errGone}
	}
	time.Sleep(time.Until(until))
	c, ok := raw.(syscall.Conn)
	if !ok {
		return nil
	}
	rc, err := c.SyscallConn()
	if err != nil {
		return &Failure{StepConfirm, err}
	}
	pending := 0
	if outer := rc.Control(func(fd uintptr) { pending, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ERROR) }); outer != nil {
		err = outer
	}
	if err != nil || pending != 0 {
		return &Failure{StepConfirm, errGone}
	}
	return nil
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func (s *session) close() {
	s.stop()
	_ = s.raw.Close()
}

// Check goes the whole way with one message that is no entry, and says how far it came. What fails is a *Failure.
func (c *Collector) Check(ctx context.Context) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	if err := s.send(frame(c.trial())); err != nil {
		s.close()
		return err
	}
	return s.confirm()
}
