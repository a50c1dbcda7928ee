package outbox

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/smtp"
	"net/textproto"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keys derives from one pepper.
type keys struct{ id string }

func (k keys) PepperID() string { return k.id }
func (k keys) Derive(label, pepper string) ([]byte, error) {
	if pepper != k.id {
		return nil, errors.New("another pepper")
	}
	sum := sha256.Sum256([]byte(label + pepper))
	return sum[:], nil
}

// mailbox takes mails, or answers with what it is told to.
type mailbox struct {
	got     []string // recipients
	opened  int
	refuse  map[string]error // by recipient
	refused error            // at the opening
}

func (m *mailbox) Open(context.Context) (Session, error) {
	m.opened++
	return m, m.refused
}
func (m *mailbox) Close() {}
func (m *mailbox) Send(_, to string, _ []byte) error {
	if err := m.refuse[to]; err != nil {
		return err
	}
	m.got = append(m.got, to)
	return nil
}

type house struct {
	*Outbox
	db    *store.DB
	audit *audit.Log
	box   *mailbox
}

func open(t *testing.T) *house {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "outbox", Run: CreateBuckets}}))
	h := &house{db: db, audit: audit.New(db), box: &mailbox{refuse: map[string]error{}}}
	h.Outbox = New(Options{DB: db, Audit: h.audit, Keys: keys{"p1"}, Random: rand.Reader, Sender: h.box, Log: slog.New(slog.DiscardHandler)})
	return h
}

func (h *house) add(t *testing.T, to string, expires, now time.Time) {
	t.Helper()
	must(t, h.db.Update(func(tx *store.Tx) error {
		return h.Add(tx, Mail{Kind: "notice", Object: "a1", From: "v@example.org", To: to, Message: []byte("Subject: x\r\n\r\nsecret\r\n"), Expires: expires}, now)
	}))
}

func (h *house) state(t *testing.T) Status {
	t.Helper()
	s, err := h.Status()
	must(t, err)
	return s
}

func temporary(code int) error {
	return &Failure{Step: StepRecipient, Code: code, Err: &textproto.Error{Code: code, Msg: "4.7.1 later, a@b"}}
}

var start = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

// A mail that isn't taken for now comes again after 1, 2, 4 … minutes, four hours at most, and is given up after three days.
func TestTriesAgain(t *testing.T) {
	h := open(t)
	h.box.refuse["grey@example.org"] = temporary(451)
	h.add(t, "grey@example.org", time.Time{}, start)
	var at []time.Duration
	for now := start; h.state(t).Waiting > 0; now = now.Add(30 * time.Second) {
		before := h.box.opened
		must(t, h.Turn(t.Context(), now))
		if h.box.opened > before {
			at = append(at, now.Sub(start))
		}
		if now.Sub(start) > Patience+time.Hour {
			t.Fatal("it is never given up")
		}
	}
	want := []time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute, 15 * time.Minute, 31 * time.Minute, 63 * time.Minute, 127 * time.Minute, 255 * time.Minute, 495 * time.Minute}
	for i, d := range want {
		if i >= len(at) || at[i] != d {
			t.Fatalf("tried at %v, want %v …", at, want)
		}
	}
	if last := at[len(at)-1]; len(at) < 20 || len(at) > 30 || last >= Patience {
		t.Errorf("%d tries, the last after %v", len(at), last)
	}
	list, err := h.audit.List(0, 1)
	must(t, err)
	if e := list[0]; e.Action != audit.MailGivenUp || e.Detail["reason"] != "expired" || e.Result != audit.Failed || e.Object != "a1" {
		t.Errorf("%+v", e)
	}
	if s := h.state(t); s.GivenUp != 1 || s.Waiting != 0 || !s.Oldest.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestRefusedIsGivenUpAndNamed(t *testing.T) {
	h := open(t)
	h.box.refuse["nobody@example.org"] = &Failure{StepRecipient, 550, &textproto.Error{Code: 550, Msg: "5.1.1 <nobody@example.org> unknown"}}
	h.add(t, "nobody@example.org", time.Time{}, start)
	h.add(t, "somebody@example.org", time.Time{}, start)
	must(t, h.Turn(t.Context(), start))
	if fmt.Sprint(h.box.got) != "[somebody@example.org]" || h.box.opened != 1 {
		t.Errorf("%v over %d connections", h.box.got, h.box.opened)
	}
	list, err := h.audit.List(0, 10)
	must(t, err)
	found := false
	for _, e := range list {
		if strings.Contains(fmt.Sprint(e), "@") {
			t.Errorf("an address stands in the audit log: %+v", e)
		}
		found = found || e.Action == audit.MailGivenUp && e.Detail["answer"] == "550 5.1.1" && e.Detail["reason"] == "refused"
	}
	if !found {
		t.Errorf("%+v", list)
	}
}

// A failure that isn't one mail's makes all wait, longer and longer, and no mail is tried for nothing.
func TestRests(t *testing.T) {
	for name, refused := range map[string]error{
		"away": &Failure{StepConnect, 0, io.EOF}, "password": &Failure{StepLogin, 535, errors.New("no")}, "sender": nil,
	} {
		h := open(t)
		h.box.refused = refused
		if refused == nil {
			h.box.refuse["a@example.org"] = &Failure{StepSender, 550, errors.New("not yours")}
		}
		h.add(t, "a@example.org", time.Time{}, start)
		h.add(t, "b@example.org", time.Time{}, start)
		now, tries := start, 0
		for ; now.Before(start.Add(time.Hour)); now = now.Add(10 * time.Second) {
			must(t, h.Turn(t.Context(), now))
		}
		if tries = h.box.opened; tries != 8 { // 0, 0:30, 1:30, 3:30, 7:30, 15:30, 30:30, 45:30
			t.Errorf("%s: %d tries in an hour", name, tries)
		}
		if s := h.state(t); s.Waiting != 2 || s.GivenUp != 0 || s.Failing == nil || !s.Failing.Since.Equal(start) || len(h.box.got) != 0 || !s.Oldest.Equal(start) {
			t.Errorf("%s: %+v", name, s)
		}
		h.box.refused, h.box.refuse = nil, nil
		must(t, h.Turn(t.Context(), now.Add(longPause)))
		if s := h.state(t); s.Waiting != 0 || s.Failing != nil || len(h.box.got) != 2 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A mail at which the server hangs up keeps no other back.
func TestOneMailKeepsNoOtherBack(t *testing.T) {
	h := open(t)
	h.box.refuse["poison@example.org"] = &Failure{StepMessage, 0, io.EOF}
	h.add(t, "poison@example.org", time.Time{}, start)
	h.add(t, "b@example.org", time.Time{}, start)
	for now := start; now.Before(start.Add(10 * time.Minute)); now = now.Add(10 * time.Second) {
		must(t, h.Turn(t.Context(), now))
	}
	if fmt.Sprint(h.box.got) != "[b@example.org]" || h.state(t).Waiting != 1 {
		t.Errorf("%v, %+v", h.box.got, h.state(t))
	}
}

// The end of the appliance ends a conversation at once, whatever the server does.
func TestStopEndsTheConversation(t *testing.T) {
	a, b := net.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	_, done := scripted(t, b, "220 x\r\n", func(line string) string {
		if strings.HasPrefix(line, "MAIL") {
			cancel()
			return ""
		}
		return "250 x\r\n"
	})
	began := time.Now()
	if err := (&Server{Dial: dialTo(a), Plain: true, Helo: "h"}).Check(ctx, "v@example.org", "z@example.org", nil); err == nil || time.Since(began) > stepWithin/2 {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	<-done
}

func TestOutOfDate(t *testing.T) {
	h := open(t)
	h.add(t, "a@example.org", start.Add(time.Hour), start)
	h.add(t, "b@example.org", start.Add(30*24*time.Hour), start)
	must(t, h.Turn(t.Context(), start.Add(time.Hour)))
	if fmt.Sprint(h.box.got) != "[b@example.org]" || h.state(t).GivenUp != 1 {
		t.Errorf("%v, %+v", h.box.got, h.state(t))
	}
	// Where no mail leaves any more, those that wait still end.
	h.add(t, "c@example.org", time.Time{}, start)
	h.Through(nil)
	must(t, h.Turn(t.Context(), start.Add(Patience-time.Second)))
	if s := h.state(t); s.Waiting != 1 || s.On {
		t.Errorf("%+v", s)
	}
	must(t, h.Turn(t.Context(), start.Add(Patience)))
	if s := h.state(t); s.Waiting != 0 || s.GivenUp != 2 {
		t.Errorf("%+v", s)
	}
}

// What was sealed under another pepper, or for another place, does not open, and is given up.
func TestSealIsBound(t *testing.T) {
	h := open(t)
	h.add(t, "a@example.org", time.Time{}, start)
	h.add(t, "b@example.org", time.Time{}, start)
	must(t, h.db.Update(func(tx *store.Tx) error {
		var ids, boxes [][]byte
		tx.Scan(mailsBucket, nil, nil, 0, func(k, v []byte) bool { ids, boxes = append(ids, k), append(boxes, v); return true })
		return errors.Join(tx.Put(mailsBucket, ids[0], boxes[1]), tx.Put(mailsBucket, ids[1], []byte("{")))
	}))
	must(t, h.Turn(t.Context(), start))
	if s := h.state(t); len(h.box.got) != 0 || s.GivenUp != 2 || s.Waiting != 0 {
		t.Errorf("%v, %+v", h.box.got, s)
	}
	h.add(t, "c@example.org", time.Time{}, start)
	h.o.Keys = keys{"p2"}
	must(t, h.Turn(t.Context(), start))
	if s := h.state(t); len(h.box.got) != 0 || s.GivenUp != 3 {
		t.Errorf("%v, %+v", h.box.got, s)
	}
}

func TestBounds(t *testing.T) {
	h := open(t)
	must(t, h.db.Update(func(tx *store.Tx) error { return setCount(tx, Most) }))
	err := h.db.Update(func(tx *store.Tx) error { return h.Add(tx, Mail{To: "a@example.org"}, start) })
	if !errors.Is(err, ErrFull) {
		t.Errorf("%v", err)
	}
	if err := h.db.Update(func(tx *store.Tx) error { return h.Add(tx, Mail{Message: make([]byte, maxMessage+1)}, start) }); err == nil {
		t.Error("a mail of any size")
	}
	// An act that fails leaves no mail.
	must(t, h.db.Update(func(tx *store.Tx) error { return setCount(tx, 0) }))
	undone := errors.New("undone")
	err = h.db.Update(func(tx *store.Tx) error { return errors.Join(h.Add(tx, Mail{To: "a@example.org"}, start), undone) })
	if !errors.Is(err, undone) || h.state(t).Waiting != 0 {
		t.Errorf("%v, %+v", err, h.state(t))
	}
}

// scripted is a server that answers each line with what stands beside it, and what it was told.
func scripted(t testing.TB, conn net.Conn, greeting string, answer func(line string) string) (told *bytes.Buffer, done chan struct{}) {
	told, done = &bytes.Buffer{}, make(chan struct{})
	go func() {
		defer close(done)
		defer conn.Close()
		fmt.Fprint(conn, greeting)
		r := bufio.NewScanner(conn)
		for r.Scan() {
			told.WriteString(r.Text() + "\n")
			if a := answer(r.Text()); a != "" {
				fmt.Fprint(conn, a)
			}
		}
	}()
	return told, done
}

func dialTo(conn net.Conn) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { return conn, nil }
}

func TestAddressesOfOtherLetters(t *testing.T) {
	for extension, want := range map[string]string{"SMTPUTF8": "MAIL FROM:<v@example.org> SMTPUTF8", "8BITMIME": ""} {
		a, b := net.Pipe()
		in := false
		told, done := scripted(t, b, "220 x\r\n", func(line string) string {
			switch {
			case in && line != ".":
				return ""
			case in:
				in = false
				return "250 ok\r\n"
			case strings.HasPrefix(line, "EHLO"):
				return "250-x\r\n250 " + extension + "\r\n"
			case line == "DATA":
				in = true
				return "354 go\r\n"
			}
			return "250 ok\r\n"
		})
		s := &Server{Dial: dialTo(a), Plain: true, Helo: "h"}
		session, err := s.Open(t.Context())
		must(t, err)
		err = session.Send("v@example.org", "zoé@example.org", []byte("x\r\n"))
		must(t, session.Send("v@example.org", "zoe@example.org", []byte("x\r\n")))
		session.Close()
		<-done
		var f *Failure
		if want == "" && (!errors.As(err, &f) || !f.OfOne() || f.Code != 553) || want != "" && (err != nil || !strings.Contains(told.String(), want+"\n")) {
			t.Errorf("%s: %v\n%s", extension, err, told)
		}
		if !strings.Contains(told.String(), "MAIL FROM:<v@example.org>\nRCPT TO:<zoe@example.org>\n") {
			t.Errorf("%s: a plain address asks for more:\n%s", extension, told)
		}
	}
}

// Nobody makes a command: what isn't one address is refused before it is said.
func TestNobodyMakesACommand(t *testing.T) {
	a, b := net.Pipe()
	told, done := scripted(t, b, "220 x\r\n", func(string) string { return "250 x\r\n" })
	session, err := (&Server{Dial: dialTo(a), Plain: true, Helo: "h"}).Open(t.Context())
	must(t, err)
	for _, to := range []string{"a@b>\r\nDATA\r\n.", "a@b> SIZE=1 <c@d", "a\x00b@c", "a@b\n"} {
		var f *Failure
		if err := session.Send("v@example.org", to, nil); !errors.As(err, &f) || f.Step != StepRecipient || f.Code != 553 {
			t.Errorf("%q: %v", to, err)
		}
	}
	session.Close()
	<-done
	if strings.Contains(told.String(), "RCPT") || strings.Contains(told.String(), "DATA") {
		t.Errorf("it was said:\n%s", told)
	}
}

func TestNoTLSNoMail(t *testing.T) {
	// ASVS 12.3.1
	a, b := net.Pipe()
	told, done := scripted(t, b, "220 x\r\n", func(string) string { return "250-x\r\n250 AUTH PLAIN LOGIN\r\n" })
	_, err := (&Server{Dial: dialTo(a), Host: "x", Helo: "h", User: "u", Password: "secret"}).Open(t.Context())
	var f *Failure
	if !errors.As(err, &f) || f.Step != StepTLS {
		t.Errorf("%v", err)
	}
	<-done
	if strings.Contains(told.String(), "AUTH") {
		t.Errorf("it signed in:\n%s", told)
	}
}

func TestLogin(t *testing.T) {
	l := login{"u", "p"}
	if _, _, err := l.Start(&smtp.ServerInfo{TLS: false}); err == nil {
		t.Error("a password on the open line")
	}
	if name, _, err := l.Start(&smtp.ServerInfo{TLS: true}); name != "LOGIN" || err != nil {
		t.Errorf("%s, %v", name, err)
	}
	for asked, want := range map[string]string{"Username:": "u", "User Name\x00": "u", "Password:": "p"} {
		if got, err := l.Next([]byte(asked), true); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", asked, got, err)
		}
	}
	if _, err := l.Next([]byte("PIN:"), true); err == nil {
		t.Error("it answers anything")
	}
}

// FuzzServer: whatever a server says, the end is a session or a failure with a step, and the code is one of three digits or none.
func FuzzServer(f *testing.F) {
	f.Add([]byte("220 x\r\n250-x\r\n250 SMTPUTF8\r\n250 a\r\n250 b\r\n354 c\r\n250 d\r\n"))
	f.Add([]byte("220 x\r\n250 x\r\n250 a\r\n450 4.7.1 later\r\n"))
	f.Add([]byte("554 go away\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		a, b := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			go func() { _, _ = io.Copy(io.Discard, b) }()
			_, _ = b.Write(said)
			_ = b.Close()
		}()
		err := (&Server{Dial: dialTo(a), Plain: true, Helo: "h"}).Check(t.Context(), "v@example.org", "z@example.org", []byte("x\r\n"))
		<-done
		var failure *Failure
		if err != nil && (!errors.As(err, &failure) || failure.Code != 0 && (failure.Code < 100 || failure.Code > 999)) {
			t.Fatalf("%q: %v", said, err)
		}
		if failure != nil && strings.Contains(failure.Reply(), "@") {
			t.Fatalf("%q: an address in %q", said, failure.Reply())
		}
	})
}
