package accounts

import (
	"encoding/base64"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	// MaxPrograms bounds the tokens of the API.
	MaxPrograms = 50
	// MaxProgramDays is the longest life of one, ProgramDays the usual.
	MaxProgramDays, ProgramDays = 366, 90

	maxProgramNetworks = 16

	programsBucket = "accounts.programs" // SHA-256 of the token → program
	programLabel   = "huisclos program 1\x00"
)

// AddPrograms is the migration that makes room for tokens of the API.
func AddPrograms(tx *store.Tx) error { return tx.CreateBucket(programsBucket) }

// Scope is one thing that a program may do. What it may not do by any scope: whatever takes a proof of a person (roles of those who
// run the appliance or watch over it, their accounts, factors, policy, tokens), and to be in a call.
type Scope string

// The scopes. A released name keeps its meaning.
const (
	ReadStatus     Scope = "status:read"     // how the appliance is doing
	ReadAccounts   Scope = "accounts:read"   // accounts, with names and addresses
	WriteAccounts  Scope = "accounts:write"  // make, rename, disable and enable members and organisers
	ReadGroups     Scope = "groups:read"     //
	WriteGroups    Scope = "groups:write"    // local ones
	ReadRooms      Scope = "rooms:read"      // rooms and planned meetings of who made the token
	WriteRooms     Scope = "rooms:write"     // open, rename and delete them, give them a security profile, plan meetings in them
	ReadCalls      Scope = "calls:read"      // calls in progress and their history, without content
	ReadStatistics Scope = "statistics:read" // figures, without names
	ReadAudit      Scope = "audit:read"      // the audit log
	ReadSettings   Scope = "settings:read"   // settings, without secrets
	ReadBackups    Scope = "backups:read"    // which backups there are, not what is in them
)

// Scopes are all that there are, in the order in which they are shown.
func Scopes() []Scope {
	return []Scope{ReadStatus, ReadAccounts, WriteAccounts, ReadGroups, WriteGroups, ReadRooms, WriteRooms, ReadCalls, ReadStatistics, ReadAudit, ReadSettings, ReadBackups}
}

// ProgramID names a token of the API in lists and in the audit log; it gives no right.
type ProgramID [16]byte

// String returns the id in base64url without padding.
func (id ProgramID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseProgramID reads what String wrote. ErrNoProgram.
func ParseProgramID(s string) (ProgramID, error) {
	id, err := ParseID(s)
	if err != nil {
		return ProgramID{}, ErrNoProgram
	}
	return ProgramID(id), nil
}

// Program is what has a token of the API. It acts for the administrator who made it, within its scopes, and counts for nothing when
// that account is no active administrator any more.
type Program struct {
	ID       ProgramID
	Name     string
	Scopes   []Scope
	Networks []netip.Prefix // that it may come from; none: any
	By       ID
	Created  time.Time
	Expires  time.Time
	Used     time.Time // last, to the minute; zero: never
	UsedFrom netip.Addr

	vouched bool
}

// May reports whether the program has a scope.
func (p Program) May(s Scope) bool { return slices.Contains(p.Scopes, s) }

// Actor is who acts, in requests of the program.
func (p Program) Actor(client netip.Addr) Actor {
	return Actor{Account: p.By, Client: client, Vouched: p.vouched, program: p.ID}
}

// Stands reports whether who asks for an act may still act, in the transaction of that act in another package's records. Of somebody
// signed in the session was looked at; a program's token has to count at this moment (ErrProgram) and its maker to administer
// (ErrForbidden, ErrFactorMissing).
func (actor Actor) Stands(tx *store.Tx, now time.Time) error {
	if actor.program == (ProgramID{}) {
		return nil
	}
	if _, err := programTokens().counts(tx, ID(actor.program), now); err != nil {
		return err
	}
	return mayAdminister(tx, actor)
}

// Signed is the entry of an act with the program that did it, if it was one.
func (actor Actor) Signed(e audit.Event) audit.Event {
	if actor.program != (ProgramID{}) {
		e.Detail = maps.Clone(e.Detail)
		if e.Detail == nil {
			e.Detail = map[string]string{}
		}
		e.Detail["program"] = actor.program.String()
	}
	return e
}

// reaches refuses a program everything about an account that runs the appliance or watches over it, and about the one that made it.
func (actor Actor) reaches(r record) error {
	if actor.program != (ProgramID{}) && (r.Role.Privileged() || r.ID == actor.Account) {
		return ErrNotForPrograms
	}
	return nil
}

// ProgramWish is what an administrator says of a new one.
type ProgramWish struct {
	Name     string
	Scopes   []string
	Networks []string
	Days     int // that the token lasts; 0: as usual
}

type storedProgram struct {
	loan
	Scopes   []Scope        `json:"scopes"`
	Networks []netip.Prefix `json:"networks,omitempty"`
	Vouched  bool           `json:"vouched,omitempty"` // its maker's second factor is the provider's
}

func (s storedProgram) program() Program {
	return Program{ID: ProgramID(s.ID), Name: s.Name, Scopes: s.Scopes, Networks: s.Networks, By: s.By, Created: s.Created, Expires: s.Expires,
		Used: s.Used, UsedFrom: s.UsedFrom, vouched: s.Vouched}
}

func programTokens() shelf[storedProgram, *storedProgram] {
	return shelf[storedProgram, *storedProgram]{programsBucket, programLabel, ErrProgram}
}

// scopesOf reads a wish: each once, in the usual order.
func scopesOf(names []string) ([]Scope, error) {
	var list []Scope
	for _, s := range Scopes() {
		if slices.Contains(names, string(s)) {
			list = append(list, s)
		}
	}
	for _, n := range names {
		if !slices.Contains(Scopes(), Scope(n)) {
			return nil, ErrProgramScopes
		}
	}
	if len(list) == 0 {
		return nil, ErrProgramScopes
	}
	return list, nil
}

// networksOf reads networks; an address alone is a network of one.
func networksOf(names []string) (list []netip.Prefix, err error) {
	if len(names) > maxProgramNetworks {
		return nil, ErrProgramNetworks
	}
	for _, n := range names {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			a, err := netip.ParseAddr(n)
			if err != nil || a.Zone() != "" {
				return nil, ErrProgramNetworks
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() {
			return nil, ErrProgramNetworks // it would match nobody: addresses are compared as IPv4
		}
		if p = p.Masked(); !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list, nil
}

// MakeProgram makes a token of the API, which is shown once. ErrName, ErrProgramDays, ErrProgramScopes, ErrProgramNetworks,
// ErrTooManyPrograms, ErrProofNeeded, ErrForbidden.
func (a *Accounts) MakeProgram(actor Actor, w ProgramWish, now time.Time) (Program, Token, error) {
	name, err := cleanName(w.Name)
	if err != nil {
		return Program{}, Token{}, err
	}
	if w.Days == 0 {
		w.Days = ProgramDays
	}
	if w.Days < 1 || w.Days > MaxProgramDays {
		return Program{}, Token{}, ErrProgramDays
	}
	s := storedProgram{Vouched: actor.Vouched}
	if s.Scopes, err = scopesOf(w.Scopes); err != nil {
		return Program{}, Token{}, err
	}
	if s.Networks, err = networksOf(w.Networks); err != nil {
		return Program{}, Token{}, err
	}
	var token Token
	if s.loan, token, err = programTokens().lend(a, name, actor.Account, w.Days, now); err != nil {
		return Program{}, Token{}, err
	}
	err = a.actBy(actor, now, func(t *act) error {
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		if err := actor.proved(now); err != nil {
			return err
		}
		if err := programTokens().add(t.tx, token, s, MaxPrograms, ErrTooManyPrograms); err != nil {
			return err
		}
		names := make([]string, 0, len(s.Scopes))
		for _, scope := range s.Scopes {
			names = append(names, string(scope))
		}
		networks := ""
		if n := len(s.Networks); n > 0 {
			networks = strconv.Itoa(n)
		}
		return t.record(audit.ProgramMade, s.ID.String(), "name", s.Name, "scopes", strings.Join(names, " "), "networks", networks, "expires", stamp(s.Expires))
	})
	if err != nil {
		return Program{}, Token{}, a.forbidden(actor, ID{}, now, err)
	}
	return s.program(), token, nil
}

// Programs lists the tokens of the API, expired ones too, the oldest first.
func (a *Accounts) Programs() (list []Program, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		all, err := programTokens().list(tx)
		for _, s := range all {
			list = append(list, s.program())
		}
		return err
	})
	return list, err
}

// RevokeProgram takes a token away at once, without a proof: whoever has lost one must not lose time. ErrNoProgram, ErrForbidden.
func (a *Accounts) RevokeProgram(actor Actor, id ProgramID, now time.Time) error {
	err := a.actBy(actor, now, func(t *act) error {
		if actor.program != (ProgramID{}) {
			return ErrNotForPrograms
		}
		if err := mayAdminister(t.tx, actor); err != nil {
			return err
		}
		key, found, err := programTokens().byID(t.tx, ID(id))
		switch {
		case err != nil:
			return err
		case key == nil:
			return ErrNoProgram
		}
		if err := t.tx.Delete(programsBucket, key); err != nil {
			return err
		}
		return t.record(audit.ProgramRevoked, id.String(), "name", found.Name)
	})
	return a.forbiddenOn(actor, id.String(), now, err)
}

// ProgramOf returns what has a token and the account that it acts for, as that is now, and notes the use. ErrProgram,
// ErrProgramNetwork.
func (a *Accounts) ProgramOf(token string, client Client, now time.Time) (Program, Account, error) {
	s, err := programTokens().present(a, token, now)
	if err != nil {
		return Program{}, Account{}, err
	}
	maker, err := a.makerOf(s)
	if err != nil {
		return Program{}, Account{}, err
	}
	from := client.Address.Unmap().WithZone("")
	if len(s.Networks) > 0 && !slices.ContainsFunc(s.Networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
		return Program{}, Account{}, ErrProgramNetwork
	}
	s, err = programTokens().note(a, token, s, client, now)
	return s.program(), maker, err
}

// makerOf is the account that a token acts for. ErrProgram: it administers no more, at this moment.
func (a *Accounts) makerOf(s storedProgram) (Account, error) {
	var maker Account
	err := a.db.View(func(tx *store.Tx) error {
		if mayAdminister(tx, Actor{Account: s.By, Vouched: s.Vouched}) != nil {
			return ErrProgram
		}
		r, err := load(tx, s.By)
		maker = r.account()
		return err
	})
	return maker, err
}

// RefusedProgram records that somebody came with a token that doesn't count, or from where it doesn't. It is not ProgramOf that does,
// because whoever may write to the log without a right has to be slowed down first.
func (a *Accounts) RefusedProgram(token string, client Client, now time.Time) error {
	return a.act(audit.ActorAnonymous, client.Address, now, func(t *act) error {
		s, reason, err := programTokens().find(t.tx, programTokens().hash(token), now)
		switch {
		case err == nil:
			reason = "maker"
			if mayAdminister(t.tx, Actor{Account: s.By, Vouched: s.Vouched}) == nil {
				reason = "network"
			}
		case err != ErrProgram:
			return err
		}
		object := ""
		if reason != "unknown" {
			object = s.ID.String()
		}
		return t.recordAs(audit.Refused, audit.ProgramRefused, object, "reason", reason)
	})
}
