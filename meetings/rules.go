package meetings

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

const (
	rulesBucket  = "meetings.rules"  // room id -> Rules
	passesBucket = "meetings.passes" // room id ‖ account -> Unix seconds of the end ‖ salt of the PIN that was given
)

// Bounds of a room's rules.
const (
	MaxNamedPersons = 400
	MaxNamedGroups  = 50
	MaxCohosts      = 32
	// PassTime is how long a PIN that was given is not asked again: no session lasts longer, so that a call is never
	// interrupted by the question.
	PassTime  = 24 * time.Hour
	maxPasses = 5000 // of one room; beyond, those that end first go
	shownIDs  = 8    // in an audit entry
)

// Errors of rules.
var (
	ErrRules   = errors.New("the rules name too many, or somebody who does not exist")
	ErrBarred  = errors.New("the room is for persons whom its rules name")
	ErrNeedPIN = errors.New("the room's PIN has not been given")
	ErrNoPIN   = errors.New("the room has no PIN")
)

// Naming is a set of accounts: some by themselves, some by their groups.
type Naming struct {
	On      bool               `json:"on"` // false: nobody is named, and the rule does not apply
	Persons []accounts.ID      `json:"persons,omitempty"`
	Groups  []accounts.GroupID `json:"groups,omitempty"`
}

func (n Naming) names(tx *store.Tx, account accounts.ID) bool {
	return n.On && (slices.Contains(n.Persons, account) || accounts.InGroups(tx, account, n.Groups))
}

// Rules say who may come to the door of a room, who passes it without waiting, and who helps its owner. The zero value is
// the rule of a new room: everybody who is signed in and has the link may knock, and everybody waits.
//
// They end where the sealed group begins: nobody is admitted but by a host's device. The server keeps people from the
// door; it lets nobody through.
type Rules struct {
	Access   Naming            `json:"access"`   // On: only these may knock, and who is invited to a meeting in the room
	Straight Naming            `json:"straight"` // On: a host's device admits these by itself
	Cohosts  []accounts.ID     `json:"cohosts,omitempty"`
	PIN      *accounts.RoomPIN `json:"pin,omitempty"`
}

// Stamp names the rule about who comes straight in. A host's device that has seen it knows it again.
func (r Rules) Stamp() string {
	if !r.Straight.On {
		return ""
	}
	h := sha256.New()
	for _, list := range [][]string{texts(r.Straight.Persons), texts(r.Straight.Groups)} {
		slices.Sort(list)
		fmt.Fprintf(h, "%d %s\n", len(list), strings.Join(list, " "))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

func texts[T fmt.Stringer](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = v.String()
	}
	return out
}

// allows: the owner and the co-hosts are always welcome; an invitation is the owner's word, too, a guest's or one to a meeting.
func (r Rules) allows(tx *store.Tx, room StoredRoom, account accounts.ID, now time.Time) (bool, error) {
	if !r.Access.On || r.hosts(room, account) || r.Access.names(tx, account) || accounts.InvitedTo(tx, account, room.ID) {
		return true, nil
	}
	return invitedTo(tx, room, account, now)
}

func (r Rules) hosts(room StoredRoom, account accounts.ID) bool {
	return room.Owner == account || slices.Contains(r.Cohosts, account)
}

// AddRules is the migration that brings rules.
func AddRules(tx *store.Tx) error {
	for _, name := range []string{rulesBucket, passesBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

func rulesOf(tx *store.Tx, id mls.RoomID) (r Rules, err error) {
	if b := tx.Get(rulesBucket, id[:]); b != nil {
		if err := json.Unmarshal(b, &r); err != nil {
			return Rules{}, fmt.Errorf("rules of room %s: %w", id, err)
		}
	}
	return r, nil
}

func forgetRules(tx *store.Tx, id mls.RoomID) error {
	if err := tx.Delete(rulesBucket, id[:]); err != nil {
		return err
	}
	return forgetPasses(tx, id)
}

func forgetPasses(tx *store.Tx, id mls.RoomID) error {
	var keys [][]byte
	tx.Scan(passesBucket, id[:], nil, 0, func(k, _ []byte) bool {
		keys = append(keys, slices.Clone(k))
		return true
	})
	for _, k := range keys {
		if err := tx.Delete(passesBucket, k); err != nil {
			return err
		}
	}
	return nil
}

// unname takes an account that is deleted out of the rules of others' rooms, and forgets the PINs that it gave.
func unname(tx *store.Tx, account accounts.ID) error {
	type change struct {
		key []byte
		r   Rules
	}
	var list []change
	var passes [][]byte
	var failed error
	tx.Scan(rulesBucket, nil, nil, 0, func(k, v []byte) bool {
		var r Rules
		if failed = json.Unmarshal(v, &r); failed != nil {
			failed = fmt.Errorf("rules of room %s: %w", mls.RoomID(k), failed)
			return false
		}
		n := len(r.Cohosts) + len(r.Access.Persons) + len(r.Straight.Persons)
		is := func(a accounts.ID) bool { return a == account }
		r.Cohosts, r.Access.Persons, r.Straight.Persons = slices.DeleteFunc(r.Cohosts, is), slices.DeleteFunc(r.Access.Persons, is), slices.DeleteFunc(r.Straight.Persons, is)
		if len(r.Cohosts)+len(r.Access.Persons)+len(r.Straight.Persons) < n {
			list = append(list, change{k, r})
		}
		if r.PIN != nil {
			passes = append(passes, slices.Concat(k, account[:]))
		}
		return true
	})
	if failed != nil {
		return failed
	}
	for _, c := range list {
		b, err := json.Marshal(c.r)
		if err != nil {
			return fmt.Errorf("rules of room %s: %w", mls.RoomID(c.key), err)
		}
		if err := tx.Put(rulesBucket, c.key, b); err != nil {
			return err
		}
	}
	for _, key := range passes {
		if err := tx.Delete(passesBucket, key); err != nil {
			return err
		}
	}
	return nil
}

// Rules returns the rules of a room of the account. ErrNoRoom, ErrNotOwner.
func (s *Rooms) Rules(by accounts.ID, id mls.RoomID) (room StoredRoom, r Rules, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		if room, err = get(tx, id); err != nil {
			return err
		}
		if room.Owner != by {
			return ErrNotOwner
		}
		r, err = rulesOf(tx, id)
		return err
	})
	return room, r, err
}

// Change says which rules change; nil stays as it is. A PIN that is not nil and empty takes the PIN away.
type RulesChange struct {
	Access, Straight *Naming
	Cohosts          *[]accounts.ID
	PIN              *accounts.RoomPIN
	RemovePIN        bool
}

// ChangeRules changes the rules of a room of the account, each with its audit entry. No program may: they say who comes in. ErrRules.
func (s *Rooms) ChangeRules(by accounts.ID, id mls.RoomID, c RulesChange, now time.Time) (room StoredRoom, out Rules, err error) {
	err = s.owned(accounts.Actor{Account: by}, id, now, func(tx *store.Tx, r StoredRoom) error {
		room = r
		rules, err := rulesOf(tx, id)
		if err != nil {
			return err
		}
		record := func(action audit.Action, detail map[string]string) error {
			e := s.event(by, action, id, now)
			e.Detail = detail
			return s.log.Record(tx, e)
		}
		if c.Access != nil {
			if rules.Access, err = checkNaming(tx, *c.Access); err != nil {
				return err
			}
			detail := counted("limited", rules.Access)
			if rules.Access.On {
				opened, err := openedIn(tx, r, now)
				if err != nil {
					return err
				}
				if len(opened) > 0 {
					detail["invited"] = strconv.Itoa(len(opened))
				}
			}
			if err := record(audit.RoomAccess, detail); err != nil {
				return err
			}
		}
		if c.Straight != nil {
			if rules.Straight, err = checkNaming(tx, *c.Straight); err != nil {
				return err
			}
			if err := record(audit.RoomLobby, counted("straight", rules.Straight)); err != nil {
				return err
			}
		}
		if c.Cohosts != nil {
			list := once(slices.DeleteFunc(slices.Clone(*c.Cohosts), func(a accounts.ID) bool { return a == r.Owner }))
			if len(list) > MaxCohosts || slices.ContainsFunc(list, func(a accounts.ID) bool { return !accounts.Exists(tx, a) }) {
				return ErrRules
			}
			rules.Cohosts = list
			detail := map[string]string{"count": strconv.Itoa(len(list))}
			if len(list) > 0 {
				detail["cohosts"] = strings.Join(texts(list[:min(len(list), shownIDs)]), " ")
			}
			if err := record(audit.RoomCohosts, detail); err != nil {
				return err
			}
		}
		if c.PIN != nil || c.RemovePIN {
			action := audit.RoomPINSet
			if rules.PIN = c.PIN; c.RemovePIN {
				rules.PIN, action = nil, audit.RoomPINRemoved
			}
			if err := forgetPasses(tx, id); err != nil {
				return err
			}
			if err := record(action, nil); err != nil {
				return err
			}
		}
		out = rules
		b, err := json.Marshal(rules)
		if err != nil {
			return fmt.Errorf("rules of room %s: %w", id, err)
		}
		return tx.Put(rulesBucket, id[:], b)
	})
	return room, out, err
}

func counted(name string, n Naming) map[string]string {
	if !n.On {
		return map[string]string{name: "no"}
	}
	return map[string]string{name: "yes", "persons": strconv.Itoa(len(n.Persons)), "groups": strconv.Itoa(len(n.Groups))}
}

// once keeps the first of each.
func once[T comparable](list []T) []T {
	out := make([]T, 0, len(list))
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// checkNaming: whoever is named exists when it is said. Those who are gone later name nobody.
func checkNaming(tx *store.Tx, n Naming) (Naming, error) {
	if !n.On {
		return Naming{}, nil
	}
	n.Persons, n.Groups = once(n.Persons), once(n.Groups)
	if len(n.Persons) > MaxNamedPersons || len(n.Groups) > MaxNamedGroups ||
		slices.ContainsFunc(n.Persons, func(a accounts.ID) bool { return !accounts.Exists(tx, a) }) ||
		slices.ContainsFunc(n.Groups, func(g accounts.GroupID) bool { return !accounts.GroupExists(tx, g) }) {
		return Naming{}, ErrRules
	}
	return n, nil
}

// Entry is what the rules of a room mean to one account.
type Entry struct {
	Room    StoredRoom
	Cohosts []accounts.ID
	Allowed bool   // may knock
	Host    bool   // owner or co-host
	PIN     bool   // has to give the PIN first
	Stamp   string // to hosts: of the rule about who comes straight in; "" if there is none
	Named   Naming // to hosts: that rule
}

// Entry looks an account's rights at a room's door up. ErrNoRoom.
func (s *Rooms) Entry(account accounts.ID, id mls.RoomID, now time.Time) (e Entry, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		room, err := get(tx, id)
		if err != nil {
			return err
		}
		rules, err := rulesOf(tx, id)
		if err != nil {
			return err
		}
		e = Entry{Room: room, Host: rules.hosts(room, account)}
		if e.Allowed, err = rules.allows(tx, room, account, now); err != nil {
			return err
		}
		if e.Host {
			e.Cohosts, e.Stamp, e.Named = rules.Cohosts, rules.Stamp(), rules.Straight
		} else if rules.PIN != nil {
			e.PIN = !passed(tx, id, account, rules.PIN, now)
		}
		return nil
	})
	return e, err
}

// Enter is Entry for who comes to the door: ErrBarred, ErrNeedPIN.
func (s *Rooms) Enter(account accounts.ID, id mls.RoomID, now time.Time) error {
	switch e, err := s.Entry(account, id, now); {
	case err != nil:
		return err
	case !e.Allowed:
		return ErrBarred
	case e.PIN:
		return ErrNeedPIN
	}
	return nil
}

// StraightIn says which of the accounts a host's device may admit by itself. ErrNotOwner for who is no host of the room.
func (s *Rooms) StraightIn(by accounts.ID, id mls.RoomID, who []accounts.ID) (in []accounts.ID, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		room, err := get(tx, id)
		if err != nil {
			return err
		}
		rules, err := rulesOf(tx, id)
		if err != nil {
			return err
		}
		if !rules.hosts(room, by) {
			return ErrNotOwner
		}
		for _, a := range who {
			if rules.Straight.names(tx, a) {
				in = append(in, a)
			}
		}
		return nil
	})
	return in, err
}

// PIN returns what is kept of a room's PIN, for an account that may knock. ErrNoRoom, ErrBarred, ErrNoPIN.
func (s *Rooms) PIN(account accounts.ID, id mls.RoomID, now time.Time) (pin *accounts.RoomPIN, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		room, err := get(tx, id)
		if err != nil {
			return err
		}
		rules, err := rulesOf(tx, id)
		if err != nil {
			return err
		}
		switch allowed, err := rules.allows(tx, room, account, now); {
		case err != nil:
			return err
		case !allowed:
			return ErrBarred
		case rules.PIN == nil:
			return ErrNoPIN
		}
		pin = rules.PIN
		return nil
	})
	return pin, err
}

// Pass notes that an account has given the PIN, unless it was changed meanwhile.
func (s *Rooms) Pass(account accounts.ID, id mls.RoomID, pin *accounts.RoomPIN, now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		rules, err := rulesOf(tx, id)
		if err != nil || rules.PIN == nil || !slices.Equal(rules.PIN.Salt, pin.Salt) {
			return err
		}
		if err := sweepPasses(tx, id, now); err != nil {
			return err
		}
		value := slices.Concat(binary.BigEndian.AppendUint64(nil, uint64(now.Add(PassTime).Unix())), pin.Salt)
		return tx.Put(passesBucket, slices.Concat(id[:], account[:]), value)
	})
}

// passed: within PassTime, and with the PIN of now.
func passed(tx *store.Tx, id mls.RoomID, account accounts.ID, pin *accounts.RoomPIN, now time.Time) bool {
	b := tx.Get(passesBucket, slices.Concat(id[:], account[:]))
	return len(b) > 8 && now.Unix() < int64(binary.BigEndian.Uint64(b)) && slices.Equal(b[8:], pin.Salt)
}

// sweepPasses makes room for one more.
func sweepPasses(tx *store.Tx, id mls.RoomID, now time.Time) error {
	type pass struct {
		key []byte
		end int64
	}
	var list []pass
	tx.Scan(passesBucket, id[:], nil, 0, func(k, v []byte) bool {
		p := pass{key: slices.Clone(k)}
		if len(v) > 8 {
			p.end = int64(binary.BigEndian.Uint64(v))
		}
		list = append(list, p)
		return true
	})
	slices.SortFunc(list, func(a, b pass) int { return int(a.end - b.end) })
	for i, p := range list {
		if p.end > now.Unix() && len(list)-i < maxPasses {
			break
		}
		if err := tx.Delete(passesBucket, p.key); err != nil {
			return err
		}
	}
	return nil
}

// PINRefused records a wrong PIN.
func (s *Rooms) PINRefused(account accounts.ID, id mls.RoomID, now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		e := s.event(account, audit.RoomPINRefused, id, now)
		e.Result = audit.Refused
		return s.log.Record(tx, e)
	})
}

// MayStay returns a function that says whom the rules of a room let to its door.
func (s *Rooms) MayStay(id mls.RoomID, now time.Time) func(mls.AccountID) bool {
	return func(a mls.AccountID) bool {
		err := s.Enter(accounts.ID(a), id, now)
		return !errors.Is(err, ErrBarred) && !errors.Is(err, ErrNeedPIN)
	}
}
