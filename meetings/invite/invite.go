// Package invite composes the mails of the appliance, and the calendar objects of meetings.
//
// It decides what a mail says and looks like (RFC 5322, MIME), and how a meeting stands in a calendar (RFC 5545, sent after RFC 5546
// and RFC 6047). It never sees what a room holds or what is said in it, no key and no passphrase: a mail has a link and the words
// around it. It opens no connection; time and randomness are parameters.
//
// What people have typed (names, titles) becomes text, whatever it is: no header, no line and no property begins with it.
//
// # Inviting to a meeting
//
// Whoever plans meetings keeps a [Meeting] with a UID that never changes and a Sequence that grows with each change, and makes one
// mail for each person, in that person's language:
//
//	m := invite.Meeting{UID: invite.UID(room.String(), host), Sequence: 0, Title: title, Link: link, Organiser: owner,
//		Start: start, Duration: time.Hour, Zone: zone, Recurrence: &invite.Recurrence{Frequency: invite.Weekly, Days: days, Count: 10}}
//	for _, p := range people { // in the transaction of what is planned
//		letter, err := m.Mail(p.Language, p.Address, place, sender, now)
//		envelope, err := letter.Compose(sender, random, now)
//		err = outbox.Add(tx, outbox.Mail{Kind: "invitation", Object: room.String(), From: envelope.From, …}, now)
//	}
//
// The last three are appliance's (invitation, in mail.go): meetings is given a function for them, func(tx *store.Tx, m invite.Meeting,
// room string, to invite.Address, l invite.Language, now time.Time) error.
//
// A change is the same with the next Sequence; an occurrence that is left out stands in Exceptions, one that is moved in Moved. With
// Cancelled the mail takes the meeting out of the calendars again; with Only as well, one occurrence of it.
package invite

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	_ "time/tzdata" // zones are looked up when the process reads no files any more
	"unicode"
	"unicode/utf8"
)

// Language of a mail.
type Language string

// The languages that mails are written in.
const (
	French  Language = "fr"
	English Language = "en"
)

// ParseLanguage returns the language of that name, or otherwise.
func ParseLanguage(name string, otherwise Language) Language {
	if l := Language(name); l == French || l == English {
		return l
	}
	return otherwise
}

// pick chooses one of two texts.
func (l Language) pick(fr, en string) string {
	if l == French {
		return fr
	}
	return en
}

// ErrAddress says that something is no mail address that can be written to.
var ErrAddress = errors.New("invite: not a mail address")

// Address is somebody's, with the name that people see.
type Address struct {
	Name    string
	Address string // local@domain
}

// maxAddress is RFC 5321 §4.5.3.1.3.
const maxAddress = 254

// check refuses what would be more than one address, or another one to somebody else's parser.
func (a Address) check() error {
	parsed, err := mail.ParseAddress(a.Address)
	if err != nil || parsed.Address != a.Address || parsed.Name != "" || len(a.Address) > maxAddress || !utf8.ValidString(a.Address) ||
		strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || !unicode.IsPrint(r) || strings.ContainsRune("\"<>(),:;\\[]", r) }) {
		return fmt.Errorf("%w: %q", ErrAddress, a.Address)
	}
	return nil
}

// Plain reports whether the address can be sent to by any server: others need SMTPUTF8 (RFC 6531).
func (a Address) Plain() bool {
	return !strings.ContainsFunc(a.Address, func(r rune) bool { return r >= utf8.RuneSelf })
}

// maxLine bounds a text of one line that people have typed, in characters.
const maxLine = 200

// line makes one line of visible characters out of what people have typed. Characters that change the direction or the look of
// what follows (category Cf) go too: they would let a name say something else than it holds.
func line(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.Is(unicode.Cf, r) && r != '\u200d': // the joiner of some scripts
			return -1
		case unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Zs, r):
			return ' '
		}
		return r
	}, s)), " ")
	if runes := []rune(s); len(runes) > maxLine {
		s = string(runes[:maxLine-1]) + "…"
	}
	return s
}

// Zone is the time zone of that name in the IANA database.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("invite: %q is not a time zone", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("invite: %w", err)
	}
	return zone, nil
}
