package web

import (
	"slices"

	"huisclos/accounts"
)

// access says who may use a route at all. Whether the object in the address is theirs is the domain's rule.
type access int

const (
	anyone      access = iota // signed in or not
	oneself                   // whoever is signed in, also while the second factor is missing that the role needs
	person                    // whoever is signed in
	traveller                 // whoever may come into rooms
	participant               // the same; or one of the two of the appliance's own test call, in its room and nowhere else
	opener                    // whoever may open rooms
	administrator
	officer
	decider // whoever proposes what takes four eyes, or agrees to it
	watcher // whoever reads how the appliance is run

	provisioner // nobody who is signed in: an identity system with a token
)

// roles are whom a route is for; none: it does not depend on the role.
func (a access) roles() []accounts.Role {
	switch a {
	case traveller, participant:
		return []accounts.Role{accounts.Administrator, accounts.Officer, accounts.Organiser, accounts.Member, accounts.Guest}
	case opener:
		return []accounts.Role{accounts.Administrator, accounts.Officer, accounts.Organiser}
	case administrator:
		return []accounts.Role{accounts.Administrator}
	case officer:
		return []accounts.Role{accounts.Officer}
	case decider:
		return []accounts.Role{accounts.Administrator, accounts.Officer}
	case watcher:
		return []accounts.Role{accounts.Administrator, accounts.Officer, accounts.Auditor}
	}
	return nil
}

// refuses says why the one who is signed in may not use the route. What a session without the factor that its role needs is
// good for is setting one up.
func (a access) refuses(v *visit) code {
	switch list := a.roles(); {
	case a == anyone:
		return ""
	case v.account.FactorMissing && a != oneself:
		return codeFactorRequired
	case list != nil && !slices.Contains(list, v.account.Role):
		return codeForbidden
	}
	return ""
}

// mayEnter refuses a guest every room that it is not invited to.
func (v *visit) mayEnter(room [16]byte) error {
	if v.account.Role == accounts.Guest && !v.account.Guest.Invited(room) {
		return refusal{codeForbidden}
	}
	return nil
}

// noGuest refuses guests what is for people of the house: the directory, calendars, plans.
func (v *visit) noGuest() error {
	if v.account.Role == accounts.Guest {
		return refusal{codeForbidden}
	}
	return nil
}
