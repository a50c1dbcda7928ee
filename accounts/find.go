package accounts

import (
	"errors"

	"huisclos/store"
)

// Counted is how many accounts there are, as the transaction sees it.
func Counted(tx *store.Tx) int { return readCount(tx) }

// Find returns the account that a person means: by its address, or by its id. ErrNotFound.
func (a *Accounts) Find(who string) (found Account, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		normal, bad := normalEmail(who)
		r, err := record{}, error(ErrNotFound)
		if bad == nil {
			r, err = loadByEmail(tx, normal)
		} else if id, bad := ParseID(who); bad == nil {
			r, err = load(tx, id)
		}
		found = r.account()
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return found, nil
}

// FindGroup returns the group that a person means: by its name, whatever its case, or by its id. ErrNoGroup.
func (a *Accounts) FindGroup(which string) (found Group, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		var ids []GroupID
		tx.Scan(groupBucket, []byte(fold(which)+"\x00"), nil, 2, func(k, _ []byte) bool {
			ids = append(ids, GroupID(k[len(k)-len(GroupID{}):]))
			return true
		})
		id, err := ParseGroupID(which)
		if len(ids) == 1 {
			id, err = ids[0], nil
		}
		if err != nil {
			return err // several have that name, from several sources: only ids tell them apart
		}
		found, err = loadGroup(tx, id)
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return found, nil
}

// GroupsOf lists the groups of an account. ErrNotFound.
func (a *Accounts) GroupsOf(id ID) (list []Group, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		if !Exists(tx, id) {
			return ErrNotFound
		}
		for _, g := range GroupsOf(tx, id) {
			group, err := loadGroup(tx, g)
			if errors.Is(err, ErrNoGroup) {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, group)
		}
		return nil
	})
	return list, err
}
