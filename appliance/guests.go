package appliance

import (
	"fmt"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/outbox"
	"huisclos/appliance/web"
	"huisclos/meetings/invite"
	"huisclos/store"
)

// Kinds of mails to people from outside.
const (
	mailGuest = "guest"
	mailCode  = "code"
)

// guest is what the routes write an invitation with; nil where no mail leaves.
func (p *post) guest() func(tx *store.Tx, l accounts.Letter, room, url, language string, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, l accounts.Letter, room, url, language string, now time.Time) error {
		mail := invite.Guest(invite.ParseLanguage(language, p.head().language), invite.Address{Address: l.To}, p.head().place,
			invite.Address{Name: l.From.Name, Address: l.From.Email}, room, url, l.Expires)
		return unposted(p.write(tx, mail, outbox.Mail{Kind: mailGuest, Object: l.From.ID.String(), Expires: l.Expires}, now))
	}
}

// code is what the routes write the code with that confirms an address; nil where no mail leaves.
func (p *post) code() func(tx *store.Tx, to string, code accounts.Token, until time.Time, language string, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, to string, code accounts.Token, until time.Time, language string, now time.Time) error {
		mail := invite.Confirmation(invite.ParseLanguage(language, p.head().language), invite.Address{Address: to}, p.head().place, code.Reveal(), until)
		return unposted(p.write(tx, mail, outbox.Mail{Kind: mailCode, Expires: until}, now))
	}
}

// guestLink is what the routes write a guest's new way in with; nil where no mail leaves.
func (p *post) guestLink() func(tx *store.Tx, to, from accounts.Account, url, language string, expires, now time.Time) error {
	if !p.On() {
		return nil
	}
	return func(tx *store.Tx, to, from accounts.Account, url, language string, expires, now time.Time) error {
		mail := invite.GuestLink(invite.ParseLanguage(language, p.head().language), invite.Address{Name: to.Name, Address: to.Email}, p.head().place,
			invite.Address{Name: from.Name, Address: from.Email}, url, expires)
		return unposted(p.write(tx, mail, outbox.Mail{Kind: mailActivation, Object: to.ID.String(), Expires: expires}, now))
	}
}

// unposted tells a mail that can't be written from a fault.
func unposted(err error) error {
	if reason := unwritten(err); reason != "" {
		return fmt.Errorf("%w: %s", web.ErrPost, reason) // without the address, which no log has
	}
	return err
}
