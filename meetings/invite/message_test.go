package invite

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// opened is a mail as a reader takes it apart.
type opened struct {
	mail.Header
	kinds []string
	parts []string
}

func open(t *testing.T, message []byte) opened {
	t.Helper()
	for _, l := range bytes.SplitAfter(message, []byte("\n")) {
		if len(l) > 998+2 || len(l) > 0 && !bytes.HasSuffix(l, []byte("\r\n")) || bytes.ContainsAny(bytes.TrimSuffix(l, []byte("\r\n")), "\r\x00") {
			t.Errorf("line of %d octets: %q", len(l), l)
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(message))
	must(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	if kind != "multipart/alternative" {
		t.Fatalf("it is %s", kind)
	}
	o := opened{Header: m.Header}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextPart() // takes quoted-printable off
		if errors.Is(err, io.EOF) {
			return o
		}
		must(t, err)
		text, err := io.ReadAll(p)
		must(t, err)
		o.kinds, o.parts = append(o.kinds, p.Header.Get("Content-Type")), append(o.parts, string(text))
	}
}

func (o opened) subject(t *testing.T) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(o.Get("Subject"))
	must(t, err)
	return s
}

func compose(t *testing.T, m Mail) Envelope {
	t.Helper()
	e, err := m.Compose(sender, rand.Reader, stamp)
	must(t, err)
	return e
}

var headers = []string{"Date", "From", "To", "Reply-To", "Subject", "Message-Id", "Auto-Submitted", "Content-Language", "Mime-Version", "Content-Type"}

// sound looks for what nobody may bring in: another header, another recipient, another part.
func sound(t *testing.T, o opened, to string, parts int) {
	t.Helper()
	for name, values := range o.Header {
		if len(values) != 1 || !strings.Contains(strings.Join(headers, " ")+" ", name+" ") {
			t.Errorf("header %s: %q", name, values)
		}
	}
	list, err := o.AddressList("To")
	must(t, err)
	if len(list) != 1 || list[0].Address != to {
		t.Errorf("to %v, want %s", list, to)
	}
	if len(o.parts) != parts {
		t.Errorf("parts %v", o.kinds)
	}
}

func TestMailsAreWhatTheySay(t *testing.T) {
	link := "https://visio.example.org/activate#abc_-123"
	expires := time.Date(2026, 8, 1, 7, 5, 0, 0, time.UTC)
	m := planned(t, "Europe/Paris")
	invitation, err := m.Mail(French, guest, place, sender, stamp)
	must(t, err)
	m.Sequence, m.Cancelled = 1, true
	over, err := m.Mail(English, guest, place, sender, stamp)
	must(t, err)
	m.Cancelled = false
	changed, err := m.Mail(English, guest, place, sender, stamp)
	must(t, err)
	for name, c := range map[string]struct {
		mail    Mail
		subject string
		holds   []string
		parts   int
	}{
		"activation":   {Activation(French, guest, place, link, expires, false), "Votre compte : Visio", []string{link, "samedi 1er août 2026 à 07:05 (UTC)", "Bonjour Jean"}, 2},
		"reset":        {Activation(English, guest, place, link, expires, true), "A new passphrase: Visio", []string{link, "Saturday 1 August 2026 at 07:05 (UTC)", "Hello Jean"}, 2},
		"change":       {Changed(French, owner, place, FactorTaken, netip.MustParseAddr("::ffff:192.0.2.7"), stamp), "Sécurité de votre compte : Visio", []string{"Un administrateur a retiré", "192.0.2.7.", "dimanche 1er mars 2026 à 08:00"}, 2},
		"from nowhere": {Changed(English, owner, place, PassphraseChanged, netip.Addr{}, stamp), "Security of your account: Visio", []string{"It was on Sunday 1 March 2026 at 08:00 (UTC).", "The passphrase"}, 2},
		"test":         {Test(French, owner, place), "Essai : Visio", []string{"huisclos check mail"}, 2},
		"invitation":   {invitation, "Invitation : Conseil, budget; suite \\ fin", []string{m.Link, "vendredi 20 mars 2026 à 09:00 (Europe/Paris), durée : 1 h 30", "Marie Curie vous invite"}, 3},
		"cancelled":    {over, "Cancelled: Conseil, budget; suite \\ fin", []string{"has cancelled"}, 3},
		"changed":      {changed, "Changed: Conseil, budget; suite \\ fin", []string{"has changed", m.Link}, 3},
	} {
		o := open(t, compose(t, c.mail).Message)
		sound(t, o, c.mail.To.Address, c.parts)
		if got := o.subject(t); got != c.subject {
			t.Errorf("%s: subject %q", name, got)
		}
		for _, want := range c.holds {
			if !strings.Contains(o.parts[0], want) || !strings.Contains(o.parts[1], strings.ReplaceAll(want, `"`, "&#34;")) {
				t.Errorf("%s: no %q in\n%s\n%s", name, want, o.parts[0], o.parts[1])
			}
		}
		if o.Get("Content-Language") != string(c.mail.Language) || o.Get("Auto-Submitted") != "auto-generated" {
			t.Errorf("%s: %v", name, o.Header)
		}
		if c.parts == 3 {
			if want := "text/calendar; charset=utf-8; method=" + c.mail.method; o.kinds[2] != want || o.parts[2] != string(c.mail.calendar) {
				t.Errorf("%s: the calendar is %s, and not what was written", name, o.kinds[2])
			}
		}
	}
	for c := PassphraseChanged; c <= AddressChanged; c++ {
		if c.sentence(French) == c.sentence(English) {
			t.Errorf("change %d has no sentence", c)
		}
	}
}

func TestNobodyWritesAHeader(t *testing.T) {
	// ASVS 1.3.11
	for _, evil := range []string{"x\r\nBcc: mallory@example.org", "x\nBcc: m@example.org", "x\rBcc: y", "\r\n\r\n<html>", "x\u2028Bcc: y", "x\x00y", "=?utf-8?q?x=0D=0ABcc:_m?=",
		"\u202egnp.exe", strings.Repeat("é", 5000), strings.Repeat("x ", 3000), strings.Repeat("x", 3000), "<script>alert(1)</script>", "a\x85b", "\xff\xfe", "--=_", "\"quoted\" <a@b>, c@d"} {
		to := Address{evil, "jean@example.org"}
		mails := []Mail{Activation(French, to, Place{evil, "https://h/"}, "https://h/activate#x", stamp, false), Changed(English, to, Place{evil, ""}, FactorAdded, netip.Addr{}, stamp), Test(French, to, Place{evil, ""}),
			Guest(French, to, Place{evil, ""}, Address{evil, "o@example.org"}, evil, "https://h/i#x", stamp), Confirmation(English, to, Place{evil, ""}, "12345678", stamp)}
		m := planned(t, "Europe/Paris")
		m.Title, m.Organiser.Name = "Réunion "+evil, evil
		meeting, err := m.Mail(English, to, Place{evil, ""}, sender, stamp)
		must(t, err)
		for i, mail := range append(mails, meeting) {
			e, err := mail.Compose(Address{evil, sender.Address}, rand.Reader, stamp)
			must(t, err)
			o := open(t, e.Message)
			parts := 2
			if i == len(mails) {
				parts = 3
			}
			sound(t, o, to.Address, parts)
			if strings.Contains(o.parts[1], "<script") || strings.ContainsRune(o.parts[0], '\u202e') {
				t.Errorf("%q stands in the text as it was typed", evil)
			}
		}
	}
	for _, evil := range []string{"", "a", "a@", "@b", "a@b\r\nRCPT TO:<c@d>", "a@b, c@d", "a@b>", "<a@b>", "A <a@b>", "\"a b\"@c", "a@b\x00", "a b@c", "a@[127.0.0.1]", "a@b\u2028", strings.Repeat("a", 250) + "@b.example", "group:a@b;"} {
		if _, err := Test(French, Address{"x", evil}, place).Compose(sender, rand.Reader, stamp); !errors.Is(err, ErrAddress) {
			t.Errorf("to %q: %v", evil, err)
		}
		if _, err := Test(French, owner, place).Compose(Address{"x", evil}, rand.Reader, stamp); !errors.Is(err, ErrAddress) {
			t.Errorf("from %q: %v", evil, err)
		}
	}
	if !owner.Plain() || (Address{Address: "é@example.org"}).Plain() {
		t.Error("which addresses need SMTPUTF8")
	}
}

func FuzzMail(f *testing.F) {
	f.Add("Jean", "jean@example.org", "Visio", "https://h/#x")
	f.Add("\r\nBcc: x", "a@b", "=?utf-8?q?=0A?=", "\"><script>")
	f.Fuzz(func(t *testing.T, name, address, place, link string) {
		e, err := Activation(French, Address{name, address}, Place{place, ""}, link, stamp, true).Compose(sender, rand.Reader, stamp)
		if err != nil {
			if !errors.Is(err, ErrAddress) {
				t.Fatal(err)
			}
			return
		}
		m, err := mail.ReadMessage(bytes.NewReader(e.Message))
		if err != nil {
			t.Fatal(err)
		}
		for h, values := range m.Header {
			if len(values) != 1 || !strings.Contains(strings.Join(headers, " ")+" ", h+" ") {
				t.Fatalf("header %s: %q", h, values)
			}
		}
		list, err := m.Header.AddressList("To")
		if err != nil || len(list) != 1 || list[0].Address != address || list[0].Name != line(name) {
			t.Fatalf("%q <%s> became %v, %v", name, address, list, err)
		}
	})
}

func TestSignature(t *testing.T) {
	m := Test(French, Address{Address: "ada@example.test"}, Place{Name: "Mairie", URL: "https://visio.example.test"})
	if unsigned := m.Signed(" \n\t"); len(unsigned.text) != len(m.text) {
		t.Error("nothing is a signature")
	}
	signed := m.Signed("Accueil\n<b>poste</b> 4242\r\nBcc: x@example.test")
	if got := signed.text[len(signed.text)-1].text; got != "Une question\u00a0? Accueil, <b>poste</b> 4242, Bcc: x@example.test" {
		t.Errorf("%q", got)
	}
	if len(m.text) != len(signed.text)-1 {
		t.Error("signing changed the mail that was signed")
	}
}
