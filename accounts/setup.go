package accounts

import (
	"context"
	"crypto/subtle"
	"errors"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// A set-up code is four groups of five characters: 100 bits. The alphabet is Crockford's base 32, which leaves out what
// is misread (I, L, O, U).
const (
	codeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeGroups   = 4
	codeGroup    = 5
)

// drawCode draws a code of so many groups, for people to type: 25 bits each.
func (a *Accounts) drawCode(groups int) (Token, error) {
	drawn, err := a.draw(groups * codeGroup)
	if err != nil {
		return Token{}, err
	}
	var b strings.Builder
	for i, c := range drawn {
		if i > 0 && i%codeGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(codeAlphabet[c%32]) // 256 is a multiple of 32: no character is favoured
	}
	return newToken(b.String()), nil
}

// SetupCode makes a new set-up code while the appliance has no administrator, and voids the one before. It is called once
// per start, and by an operator who asks for another code.
func (a *Accounts) SetupCode(now time.Time) (code Token, needed bool, err error) {
	if code, err = a.drawCode(codeGroups); err != nil {
		return Token{}, false, err
	}
	err = a.act(audit.ActorSystem, Client{}.Address, now, func(t *act) error {
		if needed = administrators(t.tx) == 0; !needed {
			return t.dropSetupCode()
		}
		if err := t.tx.Put(stateBucket, setupKey, hashCode(code.Reveal())); err != nil {
			return err
		}
		return t.record(audit.SetupCodeMade, "")
	})
	if err != nil || !needed {
		return Token{}, false, err
	}
	return code, true, nil
}

func (t *act) dropSetupCode() error {
	if t.tx.Get(stateBucket, setupKey) == nil {
		return nil
	}
	return t.tx.Delete(stateBucket, setupKey)
}

func hashCode(typed string) []byte { return hashSecret(setupLabel, typedCode(typed)) }

// typedCode takes what a person typed: groups, case and the letters that are read for others do not matter.
func typedCode(typed string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\u00a0', '\u202f', '\u2010', '\u2011', '\u2013':
			return -1
		case 'o', 'O':
			return '0'
		case 'i', 'I', 'l', 'L':
			return '1'
		}
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, typed)
}

// SetupNeeded reports whether the appliance has no administrator yet.
func (a *Accounts) SetupNeeded() (needed bool, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		needed = administrators(tx) == 0
		return nil
	})
	return needed, err
}

func checkSetup(tx *store.Tx, code string) error {
	if administrators(tx) > 0 {
		return ErrSetupDone
	}
	stored := tx.Get(stateBucket, setupKey)
	if stored == nil || subtle.ConstantTimeCompare(stored, hashCode(code)) != 1 {
		return ErrSetupCode
	}
	return nil
}

// Setup makes the first administrator and signs it in. The code is used up only when all else is right.
func (a *Accounts) Setup(ctx context.Context, code, name, email, passphrase string, client Client, now time.Time) (Account, Token, error) {
	try, err := a.guard.begin(setupKeyOfGuard, nil, client.Address, now)
	if err != nil {
		return Account{}, Token{}, err
	}
	account, session, err := a.setup(ctx, code, name, email, passphrase, client, now)
	if !errors.Is(err, ErrSetupCode) {
		try.done()
		return account, session, err
	}
	failed := a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		return t.recordAs(audit.Refused, audit.SetupCodeRefused, "")
	})
	try.failed(now)
	if failed != nil {
		return Account{}, Token{}, failed
	}
	return Account{}, Token{}, err
}

func (a *Accounts) setup(ctx context.Context, code, name, email, passphrase string, client Client, now time.Time) (Account, Token, error) {
	err := a.db.View(func(tx *store.Tx) error { return checkSetup(tx, code) })
	if err != nil {
		return Account{}, Token{}, err
	}
	normal, err := normalEmail(email)
	if err != nil {
		return Account{}, Token{}, err
	}
	hash, long, err := a.newHash(ctx, passphrase, record{Name: name, Normal: normal, Role: Administrator})
	if err != nil {
		return Account{}, Token{}, err
	}
	var account Account
	var session Token
	err = a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		if err := checkSetup(t.tx, code); err != nil {
			return err
		}
		r, err := t.create(name, email, Administrator)
		if err != nil {
			return err
		}
		r.Hash, r.Long, r.LastLogin = hash, long, now.UTC()
		if err := save(t.tx, r); err != nil {
			return err
		}
		if err := t.dropSetupCode(); err != nil {
			return err
		}
		if err := t.record(audit.SetupDone, r.ID.String()); err != nil {
			return err
		}
		if account, err = accountNow(t.tx, r); err != nil {
			return err
		}
		session, err = t.newSession(r, client)
		return err
	})
	if err != nil {
		return Account{}, Token{}, err
	}
	return account, session, nil
}
