package invite

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// Mail is one mail to one person. Make it with the functions of this package, then compose it.
type Mail struct {
	To       Address
	ReplyTo  Address // zero: nobody; whoever answers writes to the sender
	Language Language
	Subject  string
	text     []paragraph
	calendar []byte
	method   string // of the calendar object: REQUEST or CANCEL
}

// Signed ends the mail with whom its reader may ask, in one or a few lines; without a text it stays as it is.
func (m Mail) Signed(contact string) Mail {
	var lines []string
	for one := range strings.SplitSeq(contact, "\n") {
		if one = line(one); one != "" {
			lines = append(lines, one)
		}
	}
	if len(lines) == 0 {
		return m
	}
	who := strings.Join(lines, ", ")
	m.text = append(slices.Clone(m.text), paragraph{text: m.Language.pick("Une question\u00a0? "+who, "Any question? "+who)})
	return m
}

// paragraph of a mail: a text, or a link that stands alone.
type paragraph struct {
	text string
	link string
}

func said(text string) paragraph { return paragraph{text: text} }

// Envelope is what a server is told of a mail, beside the mail itself.
type Envelope struct {
	From, To string
	Message  []byte // RFC 5322, lines ended by CRLF
}

// Compose writes the mail. Its Message-ID is drawn: a mail that is sent twice is known as the same.
func (m Mail) Compose(from Address, random io.Reader, now time.Time) (Envelope, error) {
	for _, a := range []Address{from, m.To} {
		if err := a.check(); err != nil {
			return Envelope{}, err
		}
	}
	draw := make([]byte, 32)
	if _, err := io.ReadFull(random, draw); err != nil {
		return Envelope{}, fmt.Errorf("invite: random numbers: %w", err)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	header("From", named(from))
	header("To", named(m.To))
	if m.ReplyTo != (Address{}) {
		if err := m.ReplyTo.check(); err != nil {
			return Envelope{}, err
		}
		header("Reply-To", named(m.ReplyTo))
	}
	header("Subject", encoded(m.Subject))
	header("Message-ID", "<"+base64.RawURLEncoding.EncodeToString(draw[:16])+"@"+domain+">")
	header("Auto-Submitted", "auto-generated") // RFC 3834 §5: nobody's absence answers it
	header("Content-Language", string(m.Language))
	header("MIME-Version", "1.0")
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary("=_" + base64.RawURLEncoding.EncodeToString(draw[16:])); err != nil {
		return Envelope{}, fmt.Errorf("invite: boundary: %w", err)
	}
	header("Content-Type", `multipart/alternative; boundary="`+w.Boundary()+`"`)
	b.WriteString("\r\n")
	parts := [][2]string{{"text/plain; charset=utf-8", m.plain()}, {"text/html; charset=utf-8", m.html()}}
	if m.calendar != nil {
		parts = append(parts, [2]string{"text/calendar; charset=utf-8; method=" + m.method, string(m.calendar)}) // RFC 6047 §2.4
	}
	for _, p := range parts {
		if err := part(w, p[0], p[1]); err != nil {
			return Envelope{}, err
		}
	}
	if err := w.Close(); err != nil {
		return Envelope{}, fmt.Errorf("invite: mail: %w", err)
	}
	return Envelope{From: from.Address, To: m.To.Address, Message: b.Bytes()}, nil
}

func part(w *multipart.Writer, kind, text string) error {
	h := textproto.MIMEHeader{"Content-Type": {kind}, "Content-Transfer-Encoding": {"quoted-printable"}}
	p, err := w.CreatePart(h)
	if err == nil {
		q := quotedprintable.NewWriter(p)
		if _, err = io.WriteString(q, text); err == nil {
			err = q.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("invite: mail: %w", err)
	}
	return nil
}

// named writes an address with its name; net/mail quotes or encodes the name as needed.
func named(a Address) string {
	return folded((&mail.Address{Name: line(a.Name), Address: a.Address}).String())
}

func encoded(s string) string { return folded(mime.QEncoding.Encode("utf-8", line(s))) }

// folded puts each encoded word on a line of its own (RFC 2047 §2): a line has no more than 998 octets (RFC 5322 §2.1.1).
func folded(s string) string { return strings.ReplaceAll(s, "?= =?", "?=\r\n =?") }

func (m Mail) plain() string {
	var b strings.Builder
	for i, p := range m.text {
		if i > 0 {
			b.WriteString("\r\n\r\n")
		}
		b.WriteString(p.text + p.link)
	}
	return b.String() + "\r\n"
}

func (m Mail) html() string {
	var b strings.Builder
	fmt.Fprintf(&b, "<!DOCTYPE html>\r\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title></head>\r\n"+
		"<body style=\"font-family:sans-serif;line-height:1.5;max-width:36em\">\r\n", m.Language, html.EscapeString(line(m.Subject)))
	for _, p := range m.text {
		if p.link != "" {
			link := html.EscapeString(p.link)
			fmt.Fprintf(&b, "<p><a href=\"%s\">%s</a></p>\r\n", link, link)
			continue
		}
		fmt.Fprintf(&b, "<p>%s</p>\r\n", html.EscapeString(p.text))
	}
	return b.String() + "</body></html>\r\n"
}
