package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// confirmationsBucket holds codes that were mailed: SHA-256 of the invitation's token ‖ SHA-256 of the address → confirmation.
const confirmationsBucket = "accounts.confirmations"

const (
	// CodeTime is how long a code from a mail can be typed, and how long somebody who has typed it may take for the rest.
	CodeTime = 15 * time.Minute
	// codeTries is how often one code may be typed wrong.
	codeTries = 5
	// codeDigits: five tries in a hundred million.
	codeDigits = 8
	// maxConfirmations of one invitation wait at once, maxAllConfirmations of all.
	maxConfirmations    = 50
	maxAllConfirmations = 10000

	confirmationLabel = "invitation code 1"
)

// confirmation is what is kept of a code: its HMAC under a key derived from the pepper, as of a room's PIN.
type confirmation struct {
	Pepper string    `json:"pepper,omitempty"`
	Hash   []byte    `json:"hash"`
	Until  time.Time `json:"until"`
	Tries  int       `json:"tries,omitempty"` // wrong ones
	// Account is the id of the account that is to be made: a passkey is for it before it is there.
	Account ID `json:"account,omitzero"`
}

func readConfirmation(b []byte) (c confirmation, err error) {
	if b == nil {
		return c, nil // none: over since ever
	}
	if err = json.Unmarshal(b, &c); err != nil {
		err = fmt.Errorf("accounts: confirmation: %w", err)
	}
	return c, err
}

func saveConfirmation(tx *store.Tx, key []byte, c confirmation) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("accounts: confirmation: %w", err)
	}
	return tx.Put(confirmationsBucket, key, b)
}

func confirmationKey(invitation []byte, normal string) []byte {
	sum := sha256.Sum256([]byte(normal))
	return slices.Concat(invitation, sum[:])
}

func dropConfirmations(tx *store.Tx, invitation []byte) error {
	var keys [][]byte
	tx.Scan(confirmationsBucket, invitation, nil, 0, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return true
	})
	for _, k := range keys {
		if err := tx.Delete(confirmationsBucket, k); err != nil {
			return err
		}
	}
	return nil
}

func (a *Accounts) codeHash(key []byte, pepper, code string) ([]byte, error) {
	secret, err := a.hasher.Derive(confirmationLabel, pepper)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	mac := hmac.New(sha256.New, secret)
	mac.Write(key) // always 64 octets
	mac.Write([]byte(code))
	return mac.Sum(nil), nil
}

// drawDigits draws a code of digits, none of them favoured.
func (a *Accounts) drawDigits(n int) (string, error) {
	var b strings.Builder
	for b.Len() < n {
		drawn, err := a.draw(n)
		if err != nil {
			return "", err
		}
		for _, c := range drawn {
			if c < 250 && b.Len() < n {
				b.WriteByte('0' + c%10)
			}
		}
	}
	return b.String(), nil
}

// addressed checks that an invitation is for an address, and returns that in its normal form. ErrEmail, ErrInvitationAddress.
func (i invitation) addressed(email string) (string, error) {
	normal, err := normalEmail(email)
	if err == nil && i.Email != "" && i.Email != normal {
		err = ErrInvitationAddress
	}
	return normal, err
}

// SendCode makes the code that confirms an address and voids the one before; post writes its mail in the same transaction. Whether the
// address has an account shows nowhere. The caller bounds how often it is called. ErrEmail, ErrInvitationAddress, ErrBusy, and
// findInvitation's.
func (a *Accounts) SendCode(token, email string, client Client, now time.Time, post func(tx *store.Tx, to string, code Token, until time.Time) error) error {
	digits, err := a.drawDigits(codeDigits)
	if err != nil {
		return err
	}
	return a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		i, hash, _, err := findInvitation(t.tx, token, now)
		if err != nil {
			return err
		}
		normal, err := i.addressed(email)
		if err != nil {
			return err
		}
		key := confirmationKey(hash, normal)
		own, all := 0, 0
		t.tx.Scan(confirmationsBucket, hash, nil, maxConfirmations, func(_, _ []byte) bool { own++; return true })
		t.tx.Scan(confirmationsBucket, nil, nil, maxAllConfirmations, func(_, _ []byte) bool { all++; return true })
		if t.tx.Get(confirmationsBucket, key) == nil && (own >= maxConfirmations || all >= maxAllConfirmations) {
			return ErrBusy
		}
		c := confirmation{Pepper: a.hasher.PepperID(), Until: now.Add(CodeTime).UTC()}
		if c.Hash, err = a.codeHash(key, c.Pepper, digits); err != nil {
			return err
		}
		if err := saveConfirmation(t.tx, key, c); err != nil {
			return err
		}
		return post(t.tx, normal, newToken(digits), c.Until)
	})
}

// typed keeps a code's digits: spaces between them do not matter.
func typedDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// confirmed checks a code. A wrong one is counted and recorded: then wrong is true, and the transaction has to end well.
func (t *act) confirmed(hash []byte, i invitation, normal, code string) (wrong bool, err error) {
	key := confirmationKey(hash, normal)
	c, err := readConfirmation(t.tx.Get(confirmationsBucket, key))
	if err != nil {
		return false, err
	}
	if !t.now.Before(c.Until) || c.Tries >= codeTries {
		return false, ErrConfirmationOver
	}
	want, err := t.a.codeHash(key, c.Pepper, typedDigits(code))
	if err != nil {
		return false, err
	}
	if hmac.Equal(want, c.Hash) {
		return false, nil
	}
	c.Tries++
	if err := saveConfirmation(t.tx, key, c); err != nil {
		return false, err
	}
	return true, t.recordAs(audit.Refused, audit.InvitationRefused, roomText(i.Room), "invitation", InvitationID(hash[:16]).String(), "reason", "code", "failures", strconv.Itoa(c.Tries))
}

// Next is what somebody who has confirmed an address does then.
type Next string

const (
	NextName   Next = "name"    // name and passphrase: there is no account yet
	NextGuest  Next = "guest"   // sign in: the guest's account has the room now
	NextSignIn Next = "account" // sign in: there is an account
)

// Confirm checks the code from a mail, for who holds an invitation and that mailbox. A guest's account gets the room then. The code
// stays good for Accept. ErrConfirmation for a wrong code, ErrConfirmationOver, ErrEmail, ErrInvitationAddress, and findInvitation's.
func (a *Accounts) Confirm(token, email, code string, client Client, now time.Time) (next Next, err error) {
	wrong := false
	err = a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		i, hash, _, err := findInvitation(t.tx, token, now)
		if err != nil {
			return err
		}
		normal, err := i.addressed(email)
		if err != nil {
			return err
		}
		if wrong, err = t.confirmed(hash, i, normal, code); err != nil || wrong {
			return err
		}
		key := confirmationKey(hash, normal)
		c, err := readConfirmation(t.tx.Get(confirmationsBucket, key))
		if err != nil {
			return err
		}
		c.Until = now.Add(CodeTime).UTC()
		if err := saveConfirmation(t.tx, key, c); err != nil {
			return err
		}
		r, err := loadByEmail(t.tx, normal)
		switch {
		case errors.Is(err, ErrNotFound):
			next = NextName
			return nil
		case err != nil:
			return err
		case r.Guest == nil || !r.active():
			next = NextSignIn
			return nil
		}
		next, t.actor = NextGuest, r.ID.String()
		if err := t.host(&r, &i, hash); err != nil {
			return err
		}
		return save(t.tx, r)
	})
	if err == nil && wrong {
		err = ErrConfirmation
	}
	return next, err
}

// host lets a guest into the room of an invitation, which is used by it. The caller saves the record.
func (t *act) host(r *record, i *invitation, hash []byte) error {
	g := Guesthood{}
	if r.Guest != nil {
		g = *r.Guest
	}
	room := GuestRoom{i.Room, i.Organiser}
	if !slices.Contains(g.Rooms, room) {
		if len(g.Rooms) >= maxGuestRooms {
			return ErrTooManyInvitations
		}
		g.Rooms = append(slices.Clone(g.Rooms), room)
	}
	p, err := loadPolicy(t.tx)
	if err != nil {
		return err
	}
	// The bound of now, whatever it was when the invitation was made.
	if until := t.now.Add(p.Guests.stay(i.Stay)).UTC(); until.After(g.Until) {
		g.Until = until
	}
	g.Over, r.Guest = false, &g
	i.Used++
	if err := saveInvitation(t.tx, hash, *i); err != nil {
		return err
	}
	if err := dropConfirmation(t.tx, hash, r.Normal); err != nil {
		return err
	}
	return t.record(audit.InvitationAccepted, roomText(i.Room), "invitation", InvitationID(hash[:16]).String(), "account", r.ID.String(), "until", stamp(g.Until))
}

func dropConfirmation(tx *store.Tx, hash []byte, normal string) error {
	return tx.Delete(confirmationsBucket, confirmationKey(hash, normal))
}
