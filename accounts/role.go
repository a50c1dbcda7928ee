package accounts

import (
	"slices"

	"huisclos/store"
)

// Role says what an account may do. An account has one, so that nobody holds two of administrator, officer and auditor.
// Nobody has a right to content by a role.
type Role string

const (
	Administrator Role = "administrator" // the system and the accounts
	Officer       Role = "officer"       // the policy; agrees to what takes four eyes
	Auditor       Role = "auditor"       // reads the audit log and the evidence, nothing else
	Organiser     Role = "organiser"     // opens rooms
	Member        Role = "member"        // comes into rooms
	Guest         Role = "guest"         // comes into the rooms that it is invited to; made by an invitation only
)

// Privileged reports whether a role runs the appliance or watches over it: longer passphrases, dearer hashes, shorter
// sessions, a second factor always.
func (r Role) Privileged() bool { return r == Administrator || r == Officer || r == Auditor }

// given reports whether a person can give the role to an account.
func (r Role) given() bool { return r.Privileged() || r == Organiser || r == Member }

// OfficersBeside returns the active officers, but not who is named: whoever could agree to what those have proposed.
func OfficersBeside(tx *store.Tx, beside ...ID) (list []Account, err error) {
	tx.Scan(officersBucket, nil, nil, 0, func(k, _ []byte) bool {
		if slices.Contains(beside, ID(k)) {
			return true
		}
		var r record
		if r, err = load(tx, ID(k)); err != nil {
			return false
		}
		list = append(list, r.account())
		return true
	})
	return list, err
}

// officersWhoCould returns how many active officers there are beside those who are named.
func officersWhoCould(tx *store.Tx, beside ...ID) (n int) {
	tx.Scan(officersBucket, nil, nil, 0, func(k, _ []byte) bool {
		for _, id := range beside {
			if string(k) == string(id[:]) {
				return true
			}
		}
		n++
		return true
	})
	return n
}
