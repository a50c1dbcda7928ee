package accounts

import (
	"errors"
	"strings"
	"time"

	"huisclos/store"
)

// MaxImportRows bounds one import, which is one transaction: sign-ins wait while it is written.
const MaxImportRows = 5000

// ImportRow is one line of a list of people.
type ImportRow struct {
	Line        int // in the file, from 1
	Name, Email string
	Role        Role
}

// Imported is what happens, or has happened, with one row.
type Imported struct {
	ImportRow
	Exists     bool       // an account has this address already: it stays as it is
	Leaving    bool       // that account is about to be deleted
	Err        error      // why the row cannot be: ErrName, ErrEmail, ErrEmailKept, ErrImportRole, ErrImportTwice
	Account    Account    // that was made
	Activation Activation // its link
}

// Import makes an account and its link for each row whose address has none, in one transaction with their audit entries. When
// one row is wrong none is made, and the error is ErrImport beside what is wrong with each. dry: nothing is made in any case.
// Accounts that run the appliance or watch over it are made one by one, with a proof and, for officers, four eyes.
func (a *Accounts) Import(actor Actor, rows []ImportRow, dry bool, now time.Time) (list []Imported, err error) {
	if len(rows) == 0 || len(rows) > MaxImportRows {
		return nil, ErrImportRows
	}
	if dry {
		err = a.db.View(func(tx *store.Tx) error {
			if err := mayAdminister(tx, actor); err != nil {
				return err
			}
			list, _ = examine(tx, rows, now)
			return nil
		})
		return list, a.forbidden(actor, ID{}, now, err)
	}
	err = a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		var wrong bool
		if list, wrong = examine(t.tx, rows, now); wrong {
			return ErrImport
		}
		for i := range list {
			l := &list[i]
			if l.Exists {
				continue
			}
			r, err := t.create(l.Name, l.Email, l.Role)
			if err != nil {
				return err
			}
			if l.Activation, err = t.add(r); err != nil {
				return err
			}
			l.Account = r.account()
		}
		return nil
	})
	switch {
	case errors.Is(err, ErrImport):
		return list, err
	case err != nil:
		return nil, a.forbidden(actor, ID{}, now, err)
	}
	return list, nil
}

// examine says of each row what would happen with it. What it returns as good, create takes.
func examine(tx *store.Tx, rows []ImportRow, now time.Time) (list []Imported, wrong bool) {
	list = make([]Imported, 0, len(rows))
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		row.Email = strings.TrimSpace(row.Email)
		l := Imported{ImportRow: row}
		normal, err := normalEmail(row.Email)
		name, nameErr := cleanName(row.Name)
		switch {
		case err != nil:
			l.Err = err
		case nameErr != nil:
			l.Err = nameErr
		case row.Role != Organiser && row.Role != Member:
			l.Err = ErrImportRole
		case seen[normal]:
			l.Err = ErrImportTwice
		default:
			l.Name = name
			switch err := addressFree(tx, normal, ID{}, now); err {
			case ErrEmailTaken, ErrEmailLeaving:
				l.Exists, l.Leaving = true, err == ErrEmailLeaving
			default:
				l.Err = err
			}
		}
		seen[normal] = true
		wrong = wrong || l.Err != nil
		list = append(list, l)
	}
	return list, wrong
}
