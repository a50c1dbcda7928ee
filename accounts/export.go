package accounts

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// ExportSchema names the form of an export. A released name keeps its meaning; docs/account-export.md says what each field is.
const ExportSchema = "huisclos.account-export.1"

// Export is everything that is kept of one account (GDPR art. 15 and 20). It holds no secret: none is kept that could be shown. Of others
// it holds what the account's owner has named themselves.
type Export struct {
	Schema string            `json:"schema"`
	ReadMe map[string]string `json:"readMe"` // by language
	Made   time.Time         `json:"made"`

	Account  ExportedAccount   `json:"account"`
	Factors  ExportedFactors   `json:"signIn"`
	Sessions []ExportedSession `json:"sessions"`
	Choices  ExportedChoices   `json:"choices"`
	Groups   []ExportedGroup   `json:"groups"`
	Contacts []ExportedContact `json:"contacts"`

	Invitations []ExportedInvitation `json:"invitations"` // that the owner made
	Guests      []ExportedGuest      `json:"guests"`      // who accepted one
	Proposals   []ExportedProposal   `json:"proposals"`   // that wait for a second pair of eyes
	Meetings    any                  `json:"meetings"`
	Devices     any                  `json:"devices"` // what the key log says of the account's devices
	Audit       []ExportedEntry      `json:"audit"`   // the oldest first
}

// ExportedAccount is the account itself.
type ExportedAccount struct {
	ID        ID                `json:"id"`
	Name      string            `json:"name"`
	Email     string            `json:"email"`
	Role      Role              `json:"role"`
	State     State             `json:"state"`
	Created   time.Time         `json:"created"`
	LastLogin time.Time         `json:"lastSignIn,omitzero"`
	Source    Source            `json:"source,omitempty"`
	Subject   string            `json:"sourcesName,omitempty"` // what the source calls the person
	Absent    bool              `json:"goneFromSource,omitempty"`
	Brought   any               `json:"sourcesRecord,omitempty"` // what an identity system brought
	Provided  string            `json:"providersName,omitempty"` // what the provider of sign-in calls the person
	Guest     *ExportedGuestOf  `json:"guest,omitempty"`
	Leaving   *Leaving          `json:"leaving,omitempty"`
	Wanted    *ExportedAddress  `json:"addressAsked,omitempty"`
	Former    []ExportedAddress `json:"formerAddresses,omitempty"`
}

// ExportedGuestOf is what binds a guest.
type ExportedGuestOf struct {
	Rooms []string  `json:"rooms"`
	Until time.Time `json:"until"`
	Asked bool      `json:"fullAccountAsked,omitempty"` // by an organiser
}

// ExportedAddress is one that the account does not have.
type ExportedAddress struct {
	Email   string    `json:"email"`
	Changed time.Time `json:"changed,omitzero"`
	Until   time.Time `json:"until"` // when it is forgotten
}

// ExportedFactors is what signs in. Of the passphrase a hash is kept, of a passkey its public key, of a seed its sealed form.
type ExportedFactors struct {
	Passphrase     bool              `json:"passphrase"`
	ActivationLink time.Time         `json:"activationLinkUntil,omitzero"`
	TOTP           time.Time         `json:"authenticatorSince,omitzero"`
	BeingSetUp     time.Time         `json:"authenticatorBegunUntil,omitzero"`
	RecoveryLeft   int               `json:"recoveryCodesLeft"`
	Passkeys       []ExportedPasskey `json:"passkeys"`
	WrongTries     int               `json:"wrongTries"`
	WrongLast      time.Time         `json:"wrongTriesLast,omitzero"`
}

// ExportedPasskey is one passkey.
type ExportedPasskey struct {
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	Used     time.Time `json:"used,omitzero"`
	BackedUp bool      `json:"synchronised"`
	Party    string    `json:"hostName"`
}

// ExportedSession is where somebody is signed in. Beside it the key log has the key of each device that came into a call.
type ExportedSession struct {
	ID      string     `json:"id"`
	Address netip.Addr `json:"address,omitzero"`
	Agent   string     `json:"agent,omitempty"`
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen"`
	Proved  time.Time  `json:"proved,omitzero"`
	Until   time.Time  `json:"until"`
	// Provided says that a provider of sign-in vouched for the person, and how it calls the session.
	Provided string `json:"providersSession,omitempty"`
}

// ExportedChoices are what the owner chose.
type ExportedChoices struct {
	PresenceShown bool     `json:"presenceShown"`
	Language      Language `json:"language,omitempty"` // of mails; none: the appliance's
}

// ExportedGroup is a group that the account belongs to.
type ExportedGroup struct {
	ID     GroupID `json:"id"`
	Name   string  `json:"name"`
	Source Source  `json:"source,omitempty"`
}

// ExportedContact is somebody on the owner's list.
type ExportedContact struct {
	ID    ID        `json:"id"`
	Name  string    `json:"name,omitempty"` // none: the account is gone
	Since time.Time `json:"since"`
}

// ExportedInvitation is one of a guest.
type ExportedInvitation struct {
	ID        string    `json:"id"`
	Room      string    `json:"room"`
	Email     string    `json:"email,omitempty"`
	Made      time.Time `json:"made"`
	Expires   time.Time `json:"expires"`
	Uses      int       `json:"uses"`
	Used      int       `json:"used"`
	Withdrawn bool      `json:"withdrawn"`
}

// ExportedGuest is who came by an invitation.
type ExportedGuest struct {
	Name  string    `json:"name"`
	Email string    `json:"email"`
	Rooms []string  `json:"rooms"` // of this owner
	Until time.Time `json:"until"`
}

// ExportedProposal is about the account, or of its owner.
type ExportedProposal struct {
	ID    string       `json:"id"`
	Kind  ProposalKind `json:"kind"`
	Own   bool         `json:"own"`   // made by the account's owner
	About bool         `json:"about"` // about the account
	At    time.Time    `json:"at"`
	Until time.Time    `json:"until"`
}

// ExportedEntry is one of the audit log in which the account stands. Who else stands there is not told by name, and where they sat
// not at all (GDPR art. 15(4)).
type ExportedEntry struct {
	Number uint64            `json:"number"`
	Time   time.Time         `json:"time"`
	Actor  string            `json:"actor"` // self, other, or what the log says of who is no account
	Client netip.Addr        `json:"client,omitzero"`
	Action audit.Action      `json:"action"`
	Object string            `json:"object,omitempty"`
	Result audit.Result      `json:"result"`
	Detail map[string]string `json:"detail,omitempty"`
}

var exportReadMe = map[string]string{
	"fr": "Tout ce que ce serveur garde de ce compte, à l'instant indiqué. Les phrases de passe, codes, liens et clés secrètes n'y figurent pas : il n'en reste que des empreintes ou des formes chiffrées, " +
		"d'où rien ne se retrouve. Ce qui se dit et se montre dans les réunions n'est jamais gardé. Le journal d'audit garde, même après la suppression du compte, son identifiant et ses actes.",
	"en": "Everything that this server keeps of this account, at the moment that is named. Passphrases, codes, links and secret keys are not in it: only fingerprints or sealed forms are left of them, " +
		"from which nothing can be had back. What is said and shown in meetings is never kept. The audit log keeps the account's id and acts even after the account is deleted.",
}

// Export collects what is kept of an account: for its owner after a proof, or for an operator on the command line, who answers for
// somebody without access. No administrator reads it. ErrProofNeeded, ErrForbidden, ErrNotFound.
func (a *Accounts) Export(actor Actor, id ID, now time.Time) (Export, error) {
	e := Export{Schema: ExportSchema, ReadMe: exportReadMe, Made: now.UTC()}
	err := a.db.View(func(tx *store.Tx) error {
		if !actor.operator {
			if actor.Account != id {
				return ErrForbidden
			}
			if err := mayBe(tx, actor, record.active); err != nil {
				return err
			}
			if err := actor.proved(now); err != nil {
				return err
			}
		}
		r, err := load(tx, id)
		if err != nil {
			return err
		}
		return a.collect(tx, r, &e, now)
	})
	if err == nil {
		e.Audit, err = a.concerning(id)
	}
	if err == nil {
		err = a.actBy(actor, now, func(t *act) error { return t.record(audit.AccountExported, id.String()) })
	}
	if err != nil {
		return Export{}, a.forbidden(actor, id, now, err)
	}
	return e, nil
}

// ExportOf is Export for the account that has an e-mail address. ErrNoExport.
func (a *Accounts) ExportOf(email string, now time.Time) (Export, error) {
	var id ID
	normal, err := normalEmail(email)
	if err == nil {
		err = a.db.View(func(tx *store.Tx) error {
			r, err := loadByEmail(tx, normal)
			id = r.ID
			return err
		})
	}
	if errors.Is(err, ErrEmail) || errors.Is(err, ErrNotFound) {
		return Export{}, ErrNoExport
	}
	if err != nil {
		return Export{}, err
	}
	return a.Export(Operator(), id, now)
}

// collect fills in what the database holds, but for the audit log.
func (a *Accounts) collect(tx *store.Tx, r record, e *Export, now time.Time) (err error) {
	e.Account = ExportedAccount{ID: r.ID, Name: r.Name, Email: r.Email, Role: r.Role, State: r.state(), Created: r.Created, LastLogin: r.LastLogin, Source: r.Source, Subject: r.Subject,
		Absent: r.Absent, Provided: r.Provided, Leaving: r.Leaving.shown()}
	if r.Brought != nil {
		e.Account.Brought = r.Brought
	}
	if g := r.Guest; g != nil {
		e.Account.Guest = &ExportedGuestOf{Rooms: []string{}, Until: g.Until, Asked: g.Asked != ID{}}
		for _, room := range g.Rooms {
			e.Account.Guest.Rooms = append(e.Account.Guest.Rooms, roomText(room.Room))
		}
	}
	if w := r.Address; w != nil {
		e.Account.Wanted = &ExportedAddress{Email: w.Email, Until: w.Until}
	}
	for _, f := range r.Former {
		e.Account.Former = append(e.Account.Former, ExportedAddress{f.Email, f.At, f.Until})
	}
	if e.Factors, err = a.exportFactors(tx, r, now); err != nil {
		return err
	}
	e.Choices = ExportedChoices{PresenceShown: tx.Get(hiddenBucket, r.ID[:]) == nil, Language: r.Language}
	sessions, err := sessionsOf(tx, r.ID)
	if err != nil {
		return err
	}
	e.Sessions = []ExportedSession{}
	for _, s := range sessions {
		d := a.describe(s.session, r.Role)
		out := ExportedSession{ID: d.ID.String(), Address: d.Client, Agent: d.Agent, Created: d.Created, Seen: d.Seen, Proved: d.Proved, Until: d.Until}
		if p := s.session.Provided; p != nil {
			out.Provided = strings.TrimSpace(p.Issuer + " " + p.SID)
		}
		e.Sessions = append(e.Sessions, out)
	}
	e.Groups = []ExportedGroup{}
	for _, id := range GroupsOf(tx, r.ID) {
		g, err := loadGroup(tx, id)
		if err != nil {
			return err
		}
		e.Groups = append(e.Groups, ExportedGroup{g.ID, g.Name, g.Source})
	}
	if err := exportOthers(tx, r, e); err != nil {
		return err
	}
	if a.o.Kept != nil {
		if e.Meetings, err = a.o.Kept(tx, r.ID); err != nil {
			return err
		}
	}
	if a.o.Devices != nil {
		e.Devices, err = a.o.Devices(tx, r.ID)
	}
	return err
}

func (a *Accounts) exportFactors(tx *store.Tx, r record, now time.Time) (ExportedFactors, error) {
	f := ExportedFactors{Passphrase: r.Hash != "", RecoveryLeft: r.Recovery.left(), Passkeys: []ExportedPasskey{}}
	if r.TOTP != nil {
		f.TOTP = r.TOTP.Since
	}
	if r.Enrolment != nil {
		f.BeingSetUp = r.Enrolment.Until
	}
	for _, p := range r.passkeys() {
		f.Passkeys = append(f.Passkeys, ExportedPasskey{p.Name, p.Created, p.Used, p.BackedUp, p.Party})
	}
	if r.Activation != nil {
		var link activation
		if err := json.Unmarshal(tx.Get(activationsBucket, r.Activation), &link); err != nil {
			return f, fmt.Errorf("accounts: activation: %w", err)
		}
		f.ActivationLink = link.Expires
	}
	counter, err := loadTries(tx, knownKey(r.ID))
	counter = a.o.PerAccount.current(counter, now)
	f.WrongTries, f.WrongLast = counter.Failures, counter.Last
	return f, err
}

// exportOthers fills in contacts, invitations, guests and proposals.
func exportOthers(tx *store.Tx, r record, e *Export) error {
	e.Contacts, e.Invitations, e.Guests, e.Proposals = []ExportedContact{}, []ExportedInvitation{}, []ExportedGuest{}, []ExportedProposal{}
	var failed error
	tx.Scan(contactsBucket, r.ID[:], nil, 0, func(k, v []byte) bool {
		c := ExportedContact{ID: ID(k[len(r.ID):])}
		if len(v) == 8 {
			c.Since = time.Unix(int64(binary.BigEndian.Uint64(v)), 0).UTC()
		}
		switch other, err := load(tx, c.ID); {
		case err == nil:
			c.Name = other.Name
		case !errors.Is(err, ErrNotFound):
			failed = err
		}
		e.Contacts = append(e.Contacts, c)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	invitations, err := invitationsOf(tx, r.ID)
	if err != nil {
		return err
	}
	for _, k := range invitations {
		i := k.shown(k.hash)
		e.Invitations = append(e.Invitations, ExportedInvitation{i.ID.String(), roomText(i.Room), i.Email, i.Made, i.Expires, i.Uses, i.Used, i.Withdrawn})
	}
	guests, err := guestsOf(tx, r.ID)
	if err != nil {
		return err
	}
	for _, g := range guests {
		out := ExportedGuest{Name: g.Name, Email: g.Email, Rooms: []string{}, Until: g.Guest.Until}
		for _, room := range g.Guest.Rooms {
			if room.By == r.ID {
				out.Rooms = append(out.Rooms, roomText(room.Room))
			}
		}
		e.Guests = append(e.Guests, out)
	}
	open, err := openProposals(tx, time.Time{}) // also those whose time is over, while they are kept
	for _, p := range open {
		if p.By == r.ID || p.Account == r.ID {
			e.Proposals = append(e.Proposals, ExportedProposal{ProposalID(p.ID).String(), p.Kind, p.By == r.ID, p.Account == r.ID, p.At, p.Until})
		}
	}
	return err
}

// ofOthers are the details of an entry that name accounts.
var ofOthers = []string{"by", "account", "admitted-by", "organiser", "hosts", "cohosts"}

// concerning reads the audit log for the entries in which an account stands.
func (a *Accounts) concerning(id ID) ([]ExportedEntry, error) {
	text, list := id.String(), []ExportedEntry{}
	for before := uint64(0); ; {
		page, err := a.log.List(before, audit.MaxPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.Actor == text || e.Object == text || named(e.Detail, text) {
				list = append(list, exportEntry(e, text))
			}
		}
		if len(page) < audit.MaxPage || page[len(page)-1].Sequence <= 1 {
			slices.Reverse(list)
			return list, nil
		}
		before = page[len(page)-1].Sequence
	}
}

// named reports whether an entry's details name an account.
func named(detail map[string]string, id string) bool {
	for _, v := range detail {
		if slices.Contains(strings.Fields(v), id) {
			return true
		}
	}
	return false
}

func exportEntry(e audit.Entry, own string) ExportedEntry {
	out := ExportedEntry{Number: e.Sequence, Time: e.Time, Actor: e.Actor, Action: e.Action, Object: e.Object, Result: e.Result}
	switch _, err := ParseID(e.Actor); {
	case e.Actor == own:
		out.Actor, out.Client = "self", e.Client
	case e.Actor == audit.ActorAnonymous: // at the account's own door
		out.Client = e.Client
	case err == nil:
		out.Actor = "other"
	}
	for k, v := range e.Detail {
		if out.Detail == nil {
			out.Detail = make(map[string]string, len(e.Detail))
		}
		if slices.Contains(ofOthers, k) {
			list := strings.Fields(v)
			for i, id := range list {
				if _, err := ParseID(id); err == nil {
					list[i] = "other"
				}
				if id == own {
					list[i] = "self"
				}
			}
			v = strings.Join(list, " ")
		}
		out.Detail[k] = v
	}
	return out
}
