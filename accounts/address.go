package accounts

import (
	"crypto/hmac"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// Indexes of the records' life.
const (
	wantedBucket  = "accounts.wanted"  // id → nothing; of accounts whose owner has asked for another address
	formerBucket  = "accounts.former"  // former address in normal form, 0, id → nothing
	undoBucket    = "accounts.undo"    // SHA-256 of the token that takes it back → id
	leavingBucket = "accounts.leaving" // Unix seconds, id → nothing; of accounts that are deleted then
)

const (
	// UndoTime is how long an address that its owner has changed can be had back, and belongs to nobody else.
	UndoTime = 7 * 24 * time.Hour
	// maxFormer bounds the changes within that time. A further one is refused and no older one forgotten: else whoever stole an account
	// would change its address until its owner's could no longer be had back.
	maxFormer = 3

	undoLabel = "huisclos undo 1\x00"
)

// AddLife is the migration that brings changes of address and deletion after a delay.
func AddLife(tx *store.Tx) error {
	for _, name := range []string{wantedBucket, formerBucket, undoBucket, leavingBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// wantedAddress is one that a code was mailed to: of the code is kept what is kept of a guest's.
type wantedAddress struct {
	Email string `json:"email"` // as typed
	confirmation
}

// formerAddress is one that was changed by the account's owner.
type formerAddress struct {
	Email  string    `json:"email"`
	Normal string    `json:"normal"`
	Hash   []byte    `json:"hash"` // of the token that takes it back
	At     time.Time `json:"at"`
	Until  time.Time `json:"until"`
}

// lifeIndexes are a record's entries in the indexes above.
func (r record) lifeIndexes() (list []indexKey) {
	id := string(r.ID[:])
	for _, f := range r.Former {
		list = append(list, indexKey{formerBucket, f.Normal + "\x00" + id, ""}, indexKey{undoBucket, string(f.Hash), id})
	}
	if r.Address != nil {
		list = append(list, indexKey{wantedBucket, id, ""})
	}
	if r.Leaving != nil {
		list = append(list, indexKey{leavingBucket, string(leavingKey(r.Leaving.Until)) + id, ""})
	}
	return list
}

// addressFree refuses an address that is another account's than own, or was it a few days ago. ErrEmailTaken, ErrEmailLeaving,
// ErrEmailKept.
func addressFree(tx *store.Tx, normal string, own ID, now time.Time) error {
	switch r, err := loadByEmail(tx, normal); {
	case errors.Is(err, ErrNotFound) || err == nil && r.ID == own:
	case err != nil:
		return err
	case r.Leaving != nil:
		return ErrEmailLeaving
	default:
		return ErrEmailTaken
	}
	var failed error
	tx.Scan(formerBucket, []byte(normal+"\x00"), nil, 0, func(k, _ []byte) bool {
		var r record
		if r, failed = load(tx, ID(k[len(normal)+1:])); failed != nil || r.ID == own {
			return failed == nil
		}
		if slices.ContainsFunc(r.Former, func(f formerAddress) bool { return f.Normal == normal && now.Before(f.Until) }) {
			failed = ErrEmailKept
		}
		return failed == nil
	})
	return failed
}

// AskAddress begins the change of an account's e-mail address by its owner: post writes the mail that brings a code to it, in the same
// transaction. Whether another account has the address shows only when the code was right: then who asks reads its mails. The caller
// bounds how often it is called. ErrFromSource, ErrEmailGuest, ErrEmail, ErrEmailSame, ErrEmailOften, ErrProofNeeded, ErrForbidden.
func (a *Accounts) AskAddress(actor Actor, email string, now time.Time, post func(tx *store.Tx, to string, code Token, until time.Time) error) (until time.Time, err error) {
	digits, err := a.drawDigits(codeDigits)
	if err != nil {
		return until, err
	}
	_, err = a.administer(actor, actor.Account, true, now, func(t *act, r *record) error {
		normal, err := r.mayMove(email)
		if err != nil {
			return err
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		if normal == r.Normal {
			return ErrEmailSame
		}
		kept := 0
		for _, f := range r.Former {
			if now.Before(f.Until) {
				kept++
			}
		}
		if kept >= maxFormer {
			return ErrEmailOften
		}
		w := wantedAddress{Email: strings.TrimSpace(email), confirmation: confirmation{Pepper: a.hasher.PepperID(), Until: now.Add(CodeTime).UTC()}}
		if w.Hash, err = a.codeHash(addressKey(r.ID, normal), w.Pepper, digits); err != nil {
			return err
		}
		r.Address, until = &w, w.Until
		if err := save(t.tx, *r); err != nil {
			return err
		}
		if err := t.record(audit.AddressAsked, r.ID.String()); err != nil {
			return err
		}
		return post(t.tx, w.Email, newToken(digits), w.Until)
	})
	return until, err
}

// addressKey binds a code to the account and the address that it was made for.
func addressKey(id ID, normal string) []byte {
	return confirmationKey(hashSecret("huisclos address 1\x00", string(id[:])), normal)
}

// mayMove checks that an account may have another address, and returns that in its normal form.
func (r record) mayMove(email string) (normal string, err error) {
	if err := r.local(); err != nil {
		return "", err
	}
	if r.Role == Guest {
		return "", ErrEmailGuest
	}
	return normalEmail(email)
}

// Undo is what takes a change of address back: it goes to the address of before.
type Undo struct {
	To    Account // as it was
	Link  Token
	Until time.Time
}

// ConfirmAddress gives an account the address that its owner has asked for, if the code from the mail to it is right. post writes the
// mail to the address of before, in the same transaction. ErrConfirmation for a wrong code, ErrConfirmationOver, ErrEmailTaken,
// ErrEmailLeaving, ErrEmailKept, ErrForbidden.
func (a *Accounts) ConfirmAddress(actor Actor, code string, now time.Time, post func(tx *store.Tx, u Undo) error) (Account, error) {
	wrong := false
	account, err := a.administer(actor, actor.Account, true, now, func(t *act, r *record) error {
		w := r.Address
		if w == nil || !now.Before(w.Until) || w.Tries >= codeTries {
			return ErrConfirmationOver
		}
		normal, err := r.mayMove(w.Email)
		if err != nil {
			return err
		}
		want, err := a.codeHash(addressKey(r.ID, normal), w.Pepper, typedDigits(code))
		if err != nil {
			return err
		}
		if !hmac.Equal(want, w.Hash) {
			wrong = true // it is counted: the transaction ends well
			w.Tries++
			if err := save(t.tx, *r); err != nil {
				return err
			}
			return t.recordAs(audit.Refused, audit.AddressRefused, r.ID.String(), "reason", "code", "failures", strconv.Itoa(w.Tries))
		}
		if err := addressFree(t.tx, normal, r.ID, now); err != nil {
			return err
		}
		link, err := a.drawToken()
		if err != nil {
			return err
		}
		undo := Undo{To: r.account(), Link: link, Until: now.Add(UndoTime).UTC()}
		r.Former = append(slices.DeleteFunc(slices.Clone(r.Former), func(f formerAddress) bool { return !now.Before(f.Until) }),
			formerAddress{r.Email, r.Normal, hashSecret(undoLabel, link.Reveal()), now.UTC(), undo.Until})
		if err := t.move(r, w.Email, normal); err != nil {
			return err
		}
		// After it is stored: the notice of it goes to the new address.
		if err := t.record(audit.AccountAddressed, r.ID.String(), "how", "owner"); err != nil {
			return err
		}
		return post(t.tx, undo)
	})
	if err == nil && wrong {
		err = ErrConfirmation
	}
	return account, err
}

// move stores another address. A link for a new passphrase went to the one before, and counts no longer.
func (t *act) move(r *record, email, normal string) error {
	r.Email, r.Normal, r.Address = email, normal, nil
	if err := t.dropActivation(r); err != nil {
		return err
	}
	return save(t.tx, *r)
}

// SetAddress is an administrator's act: the address needs no confirmation, and cannot be had back by a link. An officer's is Proposed.
// ErrFromSource, ErrEmailGuest, ErrEmail, ErrEmailTaken, ErrEmailLeaving, ErrEmailKept, ErrProofNeeded, ErrNotFound, ErrForbidden.
func (a *Accounts) SetAddress(actor Actor, id ID, email string, now time.Time) (Account, error) {
	return a.administer(actor, id, false, now, func(t *act, r *record) error {
		email := strings.TrimSpace(email)
		normal, err := r.mayMove(email)
		if err != nil || email == r.Email {
			return err
		}
		// With it goes the way back in: whoever reads that mailbox is sent the link for a new passphrase.
		if err := actor.proved(now); err != nil {
			return err
		}
		if err := addressFree(t.tx, normal, id, now); err != nil {
			return err
		}
		if t.fourEyes(actor, r.Role) {
			return t.propose(actor, proposal{Kind: ProposedEmail, Account: id, Change: Change{Email: email}})
		}
		return t.moveTo(r, email)
	})
}

// moveTo is SetAddress once it may be done. The notice of it goes to the address of before.
func (t *act) moveTo(r *record, email string) error {
	normal, err := r.mayMove(email)
	if err != nil {
		return err
	}
	if err := addressFree(t.tx, normal, r.ID, t.now); err != nil {
		return err
	}
	if err := t.record(audit.AccountAddressed, r.ID.String()); err != nil {
		return err
	}
	r.Former = nil
	return t.move(r, email, normal)
}

// findUndo returns the account whose former address a token takes back, and which of them that is. ErrUndo.
func findUndo(tx *store.Tx, token string, now time.Time) (r record, at int, err error) {
	if !wellFormed(token) {
		return r, 0, ErrUndo
	}
	hash := hashSecret(undoLabel, token)
	id := tx.Get(undoBucket, hash)
	if len(id) != len(ID{}) {
		return r, 0, ErrUndo
	}
	if r, err = load(tx, ID(id)); err != nil {
		return r, 0, err
	}
	at = slices.IndexFunc(r.Former, func(f formerAddress) bool { return string(f.Hash) == string(hash) })
	if at < 0 || !now.Before(r.Former[at].Until) || r.local() != nil {
		return r, 0, ErrUndo
	}
	return r, at, nil
}

// FormerAddress says which address a token takes back, and changes nothing. ErrUndo.
func (a *Accounts) FormerAddress(token string, now time.Time) (email string, until time.Time, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		r, at, err := findUndo(tx, token, now)
		if err == nil {
			email, until = r.Former[at].Email, r.Former[at].Until
		}
		return err
	})
	return email, until, err
}

// UndoAddress gives an account the address back that a token is for. All its sessions end, and a deletion that was asked for since in
// its owner's name is taken back: whoever changed the address may have asked for that, too. ErrUndo, ErrEmailTaken.
func (a *Accounts) UndoAddress(token string, client Client, now time.Time) (email string, err error) {
	err = a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		r, at, err := findUndo(t.tx, token, now)
		if err != nil {
			return err
		}
		f := r.Former[at]
		if err := addressFree(t.tx, f.Normal, r.ID, now); err != nil {
			return err
		}
		// Those that came after it are of whoever changed it.
		r.Former = slices.Clone(r.Former[:at])
		if l := r.Leaving; l != nil && !l.Shut && !l.At.Before(f.At) {
			if err := t.stay(&r); err != nil {
				return err
			}
		}
		email = f.Email
		if err := t.move(&r, f.Email, f.Normal); err != nil {
			return err
		}
		if err := t.record(audit.AccountAddressed, r.ID.String(), "how", "undone"); err != nil {
			return err
		}
		return t.endAll(r.ID, AddressRestored)
	})
	return email, err
}
