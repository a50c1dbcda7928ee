package accounts

import (
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"huisclos/audit"
	"huisclos/store"
)

// maxSourced bounds a user name and a source's own name of a person or group, in bytes.
const maxSourced = 256

// ProvisionedPerson is what an identity system says of somebody. What it says nothing of is made of the rest: a name of the parts or the user
// name, an address of the user name.
type ProvisionedPerson struct {
	UserName string // unique among provisioned accounts, compared without case (RFC 7643 §4.1.1)
	Subject  string // the system's own name of the person (externalId); "": none
	// Display is what the account is called; without it Formatted, or Given and Family.
	Display, Formatted, Given, Family string
	Email                             string
	EmailType                         string // what the source says it is for: work
	Role                              Role   // Member or Organiser; "": nothing is said
	Off                               bool   // may not sign in
}

// brought is what stands in the record of a provisioned account beside what every account has.
type brought struct {
	UserName  string    `json:"userName"`
	Display   string    `json:"display,omitempty"`
	Formatted string    `json:"formatted,omitempty"`
	Given     string    `json:"given,omitempty"`
	Family    string    `json:"family,omitempty"`
	Email     string    `json:"email,omitempty"`
	EmailType string    `json:"emailType,omitempty"`
	Changed   time.Time `json:"changed"`
}

// ProvisionedAccount is a provisioned account as its source sees it.
type ProvisionedAccount struct {
	Account Account
	Person  ProvisionedPerson // with Role as it is
	Changed time.Time
	Groups  []Group // provisioned ones that it is a member of
}

func (r record) provisioned() (ProvisionedAccount, error) {
	if r.Source != Provisioned || r.Brought == nil {
		return ProvisionedAccount{}, ErrNotFound // to an identity system there are no other accounts
	}
	p := r.Brought
	return ProvisionedAccount{Account: r.account(), Changed: p.Changed, Person: ProvisionedPerson{UserName: p.UserName, Subject: r.Subject, Display: p.Display,
		Formatted: p.Formatted, Given: p.Given, Family: p.Family, Email: p.Email, EmailType: p.EmailType, Role: r.Role, Off: r.Absent}}, nil
}

// name is what the account is called.
func (p ProvisionedPerson) name() string {
	for _, s := range []string{p.Display, p.Formatted, strings.TrimSpace(p.Given + " " + p.Family)} {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return p.UserName
}

// userNameKey is the form in which user names are compared.
func userNameKey(s string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(s))) }

// sourced reports whether text can be a user name or a source's own name.
func sourced(s string) bool {
	return len(s) <= maxSourced && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// Provision makes the account of a person whom an identity system brings. also is done with the activation link, which is made where
// the token says that it is mailed. ErrUserName, ErrUserNameTaken, ErrSubject, ErrSubjectTaken, ErrName, ErrEmail, ErrEmailTaken,
// ErrProvisionedRole, ErrProvisioner.
func (a *Accounts) Provision(p Provisioner, who ProvisionedPerson, now time.Time, also ...Also) (made ProvisionedAccount, err error) {
	if who.Role == "" {
		who.Role = Member
	}
	if err := who.check(p); err != nil {
		return made, err
	}
	err = a.provision(p, now, func(t *act) error {
		if err := t.nameFree(who, ID{}); err != nil {
			return err
		}
		email := who.email()
		r, err := t.create(who.name(), email, who.Role)
		if err != nil {
			return err
		}
		r.Source, r.Subject, r.Absent = Provisioned, who.Subject, who.Off
		r.Brought = who.brought(now)
		if err := t.record(audit.AccountCreated, r.ID.String(), "role", string(r.Role), "source", string(Provisioned)); err != nil {
			return err
		}
		if err := t.invite(p, &r, also); err != nil {
			return err
		}
		if err := save(t.tx, r); err != nil {
			return err
		}
		made, err = r.provisioned()
		return err
	})
	return made, err
}

func (p ProvisionedPerson) brought(now time.Time) *brought {
	return &brought{strings.TrimSpace(p.UserName), p.Display, p.Formatted, p.Given, p.Family, p.Email, p.EmailType, now.UTC().Truncate(time.Millisecond)}
}

func (p ProvisionedPerson) email() string {
	if p.Email != "" {
		return p.Email
	}
	return p.UserName
}

// check refuses what no database has to be asked for.
func (p ProvisionedPerson) check(by Provisioner) error {
	switch {
	case strings.TrimSpace(p.UserName) == "" || !sourced(p.UserName):
		return ErrUserName
	case !sourced(p.Subject):
		return ErrSubject
	case p.Role != Member && p.Role != Organiser, p.Role == Organiser && !by.Organisers:
		return ErrProvisionedRole
	}
	for _, part := range []string{p.Display, p.Formatted, p.Given, p.Family, p.EmailType} {
		if len(part) > 4*maxName {
			return ErrName
		}
	}
	return nil
}

// nameFree refuses names of the source that another account has.
func (t *act) nameFree(p ProvisionedPerson, but ID) error {
	if id := t.tx.Get(userNameBucket, []byte(userNameKey(p.UserName))); id != nil && string(id) != string(but[:]) {
		return ErrUserNameTaken
	}
	if p.Subject == "" {
		return nil
	}
	if id := t.tx.Get(subjectBucket, []byte(subjectKey(Provisioned, p.Subject))); id != nil && string(id) != string(but[:]) {
		return ErrSubjectTaken
	}
	return nil
}

// invite makes the link of somebody who has none and no passphrase, where the token has it mailed. The caller saves r.
func (t *act) invite(p Provisioner, r *record, also []Also) error {
	if !p.Mails || len(also) == 0 || r.state() != Invited || r.Activation != nil {
		return nil
	}
	_, err := t.newActivation(r, also...)
	return err
}

// Reprovision changes a provisioned account to what change makes of it, which sees it as it is at that moment: an error of change is
// the answer, and nothing changes. Off ends all that the account has at once. Errors as of Provision, and ErrNotFound.
func (a *Accounts) Reprovision(p Provisioner, id ID, change func(ProvisionedAccount) (ProvisionedPerson, error), now time.Time, also ...Also) (after ProvisionedAccount, err error) {
	err = a.provision(p, now, func(t *act) error {
		r, is, err := t.ofProvisioner(id)
		if err != nil {
			return err
		}
		who, err := change(is)
		if err != nil {
			return err
		}
		if who.Role == "" {
			who.Role = r.Role
		}
		who.UserName = strings.TrimSpace(who.UserName)
		by := p
		// A role that somebody has already is no gift: a token for members alone may still change an organiser's name.
		by.Organisers = by.Organisers || who.Role == r.Role
		if err := who.check(by); err != nil {
			return err
		}
		if who == is.Person {
			after = is
			return nil
		}
		if err := t.reprovision(&r, is.Person, who); err != nil {
			return err
		}
		if err := t.invite(p, &r, also); err != nil {
			return err
		}
		if err := save(t.tx, r); err != nil {
			return err
		}
		if after, err = r.provisioned(); err != nil {
			return err
		}
		after.Groups, err = provisionedGroups(t.tx, id)
		return err
	})
	return after, err
}

// ofProvisioner loads a provisioned account. ErrNotFound.
func (t *act) ofProvisioner(id ID) (record, ProvisionedAccount, error) {
	r, err := load(t.tx, id)
	if err != nil {
		return r, ProvisionedAccount{}, err
	}
	is, err := r.provisioned()
	if err != nil {
		return r, is, err
	}
	if r.Role.Privileged() { // no identity system gives such a role, and none touches who has one
		return r, is, ErrForbidden
	}
	is.Groups, err = provisionedGroups(t.tx, id)
	return r, is, err
}

// reprovision brings r from what its source said to what it says, with an entry for each thing; the caller saves it.
func (t *act) reprovision(r *record, was, who ProvisionedPerson) error {
	id, source := r.ID.String(), string(Provisioned)
	if err := t.nameFree(who, r.ID); err != nil {
		return err
	}
	name, err := cleanName(who.name())
	if err != nil {
		return err
	}
	email := strings.TrimSpace(who.email())
	normal, err := normalEmail(email)
	if err != nil {
		return err
	}
	if err := addressFree(t.tx, normal, r.ID, t.now); err != nil {
		return err
	}
	var changed []string
	if who.UserName != was.UserName {
		changed = append(changed, "userName")
	}
	if who.Subject != was.Subject {
		changed = append(changed, "externalId")
	}
	if name == r.Name && (who.Display != was.Display || who.Formatted != was.Formatted || who.Given != was.Given || who.Family != was.Family) {
		changed = append(changed, "name")
	}
	if len(changed) > 0 {
		if err := t.record(audit.AccountNamed, id, "source", source, "changed", strings.Join(changed, " ")); err != nil {
			return err
		}
	}
	if name != r.Name {
		if err := t.record(audit.AccountRenamed, id, "source", source); err != nil {
			return err
		}
	}
	moved := email != r.Email
	if moved {
		if err := t.record(audit.AccountAddressed, id, "source", source); err != nil {
			return err
		}
		// A link that went to the address before is not this one's.
		if err := t.dropActivation(r); err != nil {
			return err
		}
	}
	from := r.Role
	r.Subject, r.Name, r.Email, r.Normal, r.Role, r.Brought = who.Subject, name, email, normal, who.Role, who.brought(t.now)
	if r.Role != from {
		if err := t.record(audit.RoleChanged, id, "from", string(from), "to", string(r.Role), "source", source); err != nil {
			return err
		}
		if err := t.endAll(r.ID, RoleChanged); err != nil {
			return err
		}
	}
	switch {
	case who.Off && !was.Off:
		return t.leave(r)
	case !who.Off && was.Off:
		r.Absent = false
		return t.record(audit.AccountEnabled, id, "source", source)
	}
	return nil
}

// Deprovision deletes a provisioned account for ever. check sees it as it is at that moment, and its error is the answer.
// ErrNotFound, ErrProvisioner.
func (a *Accounts) Deprovision(p Provisioner, id ID, check func(ProvisionedAccount) error, now time.Time) error {
	return a.provision(p, now, func(t *act) error {
		r, is, err := t.ofProvisioner(id)
		if err != nil {
			return err
		}
		if err := check(is); err != nil {
			return err
		}
		return t.delete(&r)
	})
}

// ProvisionedByID returns a provisioned account. ErrNotFound, also for accounts of other sources.
func (a *Accounts) ProvisionedByID(id ID) (found ProvisionedAccount, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		found, err = loadProvisioned(tx, id)
		return err
	})
	return found, err
}

// ProvisionedBy returns the provisioned account that a source calls so: by user name, by its own name, by e-mail address, of which one
// is given. ErrNotFound.
func (a *Accounts) ProvisionedBy(userName, subject, email string) (found ProvisionedAccount, err error) {
	bucket, key := userNameBucket, userNameKey(userName)
	switch {
	case subject != "":
		bucket, key = subjectBucket, subjectKey(Provisioned, subject)
	case email != "":
		if key, err = normalEmail(email); err != nil {
			return found, ErrNotFound
		}
		bucket = emailBucket
	}
	err = a.db.View(func(tx *store.Tx) error {
		id := tx.Get(bucket, []byte(key))
		if len(id) != len(ID{}) {
			return ErrNotFound
		}
		found, err = loadProvisioned(tx, ID(id))
		return err
	})
	return found, err
}

func loadProvisioned(tx *store.Tx, id ID) (ProvisionedAccount, error) {
	r, err := load(tx, id)
	if err != nil {
		return ProvisionedAccount{}, err
	}
	found, err := r.provisioned()
	if err != nil {
		return found, err
	}
	found.Groups, err = provisionedGroups(tx, id)
	return found, err
}

// provisionedGroups are the groups of its source that an account is a member of.
func provisionedGroups(tx *store.Tx, id ID) (list []Group, err error) {
	for _, g := range GroupsOf(tx, id) {
		group, err := loadGroup(tx, g)
		if err != nil && !errors.Is(err, ErrNoGroup) {
			return nil, err
		}
		if err == nil && group.Source == Provisioned {
			list = append(list, group)
		}
	}
	return list, nil
}

// ListProvisioned calls f with each provisioned account that keep is true of, in the order of user names, from the from-th of those on
// (0: the first), at most limit times; total is how many there are. keep nil is true of all, and costs nothing. With keep, ErrTooMuch
// when most accounts would have to be looked at.
func (a *Accounts) ListProvisioned(keep func(ProvisionedAccount) bool, from, limit, most int) (page []ProvisionedAccount, total int, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		examined := 0
		var failed error
		tx.Scan(userNameBucket, nil, nil, 0, func(_, v []byte) bool {
			if keep == nil {
				if total >= from && len(page) < limit {
					var found ProvisionedAccount
					if found, failed = loadProvisioned(tx, ID(v)); failed != nil {
						return false
					}
					page = append(page, found)
				}
				total++
				return true
			}
			if examined++; examined > most {
				failed = ErrTooMuch
				return false
			}
			var found ProvisionedAccount
			if found, failed = loadProvisioned(tx, ID(v)); failed != nil {
				return false
			}
			if keep(found) {
				if total >= from && len(page) < limit {
					page = append(page, found)
				}
				total++
			}
			return true
		})
		return failed
	})
	if err != nil {
		return nil, 0, err
	}
	return page, total, nil
}
