package meetings

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/store"
)

// Buckets of this package.
const (
	roomsBucket   = "meetings.rooms"   // room id -> stored
	ownersBucket  = "meetings.owners"  // owner ‖ room id -> nothing
	visitedBucket = "meetings.visited" // account ‖ room id -> Unix seconds of the last visit
)

// Bounds of what is stored.
const (
	maxRoomName = 128 // bytes
	maxRooms    = 500 // of one owner, whatever is set
	maxVisited  = 100 // shown of one account
	maxNotes    = 500 // visits kept of one account
)

// Errors that callers tell apart.
var (
	ErrNoRoom   = errors.New("there is no such room")
	ErrNotOwner = errors.New("the room belongs to somebody else")
	ErrName     = errors.New("a room's name has 1 to 128 bytes and no control characters")
	ErrTooMany  = errors.New("too many rooms")
)

// TooMany: a person has as many rooms as one may have. It is ErrTooMany.
type TooMany struct{ Most int }

func (e TooMany) Error() string        { return fmt.Sprintf("%v: %d are allowed", ErrTooMany, e.Most) }
func (e TooMany) Is(target error) bool { return target == ErrTooMany }

// CreateBuckets is the first migration of this package.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{roomsBucket, ownersBucket, visitedBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// StoredRoom is a room that people find again. Of its calls a Diary keeps when they were.
type StoredRoom struct {
	ID      mls.RoomID
	Name    string
	Owner   accounts.ID
	Created time.Time
	Profile ProfileID // that calls are held under; "" is ProfileStandard
	Visited time.Time // in List: when the account was last there; zero if never
}

type stored struct {
	Name    string      `json:"name"`
	Owner   accounts.ID `json:"owner"`
	Created time.Time   `json:"created"`
	Profile ProfileID   `json:"profile,omitempty"`
}

// Rooms keeps the stored rooms. Its methods may be called from any goroutine.
type Rooms struct {
	db   *store.DB
	log  *audit.Log
	rand io.Reader

	// Planned is told of each planned meeting that is made, changed or cancelled, in the transaction of that; nil: nobody
	// is. Set it before the first request.
	Planned Told
	// Most is how many rooms a person may have, up to 500; nil: 500. Set it before the first request.
	Most func() int
}

// MaxRooms is how many rooms a person may have now.
func (s *Rooms) MaxRooms() int {
	if s.Most == nil {
		return maxRooms
	}
	return min(s.Most(), maxRooms)
}

// NewRooms returns the rooms of a database.
func NewRooms(db *store.DB, log *audit.Log, rand io.Reader) *Rooms {
	return &Rooms{db: db, log: log, rand: rand}
}

func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxRoomName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", ErrName
	}
	return name, nil
}

func (s *Rooms) event(by accounts.ID, action audit.Action, id mls.RoomID, now time.Time) audit.Event {
	return audit.Event{Time: now, Actor: by.String(), Action: action, Object: id.String()}
}

// record writes the entry of an act; where a program did it, the entry names that.
func (s *Rooms) record(tx *store.Tx, by accounts.Actor, e audit.Event) error {
	return s.log.Record(tx, by.Signed(e))
}

// Create makes a room of whoever asks. ErrName, TooMany; of a program what accounts.Actor.Stands says, here and in all acts.
func (s *Rooms) Create(by accounts.Actor, name string, now time.Time) (StoredRoom, error) {
	owner := by.Account
	name, err := cleanName(name)
	if err != nil {
		return StoredRoom{}, err
	}
	r := StoredRoom{Name: name, Owner: owner, Created: now.UTC().Truncate(time.Second)}
	if _, err := io.ReadFull(s.rand, r.ID[:]); err != nil {
		return StoredRoom{}, fmt.Errorf("read randomness: %w", err)
	}
	err = s.db.Update(func(tx *store.Tx) error {
		if err := by.Stands(tx, now); err != nil {
			return err
		}
		n, most := 0, s.MaxRooms()
		tx.Scan(ownersBucket, owner[:], nil, maxRooms, func(_, _ []byte) bool { n++; return true })
		if n >= most {
			return TooMany{most}
		}
		if tx.Get(roomsBucket, r.ID[:]) != nil {
			return fmt.Errorf("room id %s was drawn twice: the source of randomness is broken", r.ID)
		}
		if err := put(tx, r); err != nil {
			return err
		}
		if err := tx.Put(ownersBucket, pair(owner, r.ID), []byte{}); err != nil {
			return err
		}
		return s.record(tx, by, s.event(owner, audit.RoomCreated, r.ID, now))
	})
	return r, err
}

func pair(account accounts.ID, id mls.RoomID) []byte { return slices.Concat(account[:], id[:]) }

func put(tx *store.Tx, r StoredRoom) error {
	b, err := json.Marshal(stored{r.Name, r.Owner, r.Created, r.Profile})
	if err != nil {
		return fmt.Errorf("room %s: %w", r.ID, err)
	}
	return tx.Put(roomsBucket, r.ID[:], b)
}

func get(tx *store.Tx, id mls.RoomID) (StoredRoom, error) {
	b := tx.Get(roomsBucket, id[:])
	if b == nil {
		return StoredRoom{}, ErrNoRoom
	}
	var v stored
	if err := json.Unmarshal(b, &v); err != nil {
		return StoredRoom{}, fmt.Errorf("record of room %s: %w", id, err)
	}
	return StoredRoom{ID: id, Name: v.Name, Owner: v.Owner, Created: v.Created, Profile: v.Profile}, nil
}

// Get returns a room.
func (s *Rooms) Get(id mls.RoomID) (r StoredRoom, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		r, err = get(tx, id)
		return err
	})
	return r, err
}

// Card returns what a running room needs of its record.
func (s *Rooms) Card(id mls.RoomID) (Card, error) {
	var c Card
	err := s.db.View(func(tx *store.Tx) error {
		r, err := get(tx, id)
		if err != nil {
			return err
		}
		p, err := profileOf(tx, r.Profile)
		c = Card{ID: r.ID, Name: r.Name, Owner: mls.AccountID(r.Owner), Profile: p.Profile}
		return err
	})
	return c, err
}

// owned runs f on a room that must be the account's.
func (s *Rooms) owned(by accounts.Actor, id mls.RoomID, now time.Time, f func(tx *store.Tx, r StoredRoom) error) error {
	return s.db.Update(func(tx *store.Tx) error {
		if err := by.Stands(tx, now); err != nil {
			return err
		}
		r, err := get(tx, id)
		if err != nil {
			return err
		}
		if r.Owner != by.Account {
			return ErrNotOwner
		}
		return f(tx, r)
	})
}

// Rename gives a room of the account another name.
func (s *Rooms) Rename(by accounts.Actor, id mls.RoomID, name string, now time.Time) (StoredRoom, error) {
	name, err := cleanName(name)
	if err != nil {
		return StoredRoom{}, err
	}
	var out StoredRoom
	err = s.owned(by, id, now, func(tx *store.Tx, r StoredRoom) error {
		r.Name = name
		out = r
		if err := put(tx, r); err != nil {
			return err
		}
		return s.record(tx, by, s.event(by.Account, audit.RoomRenamed, id, now))
	})
	return out, err
}

// Delete removes a room of the account.
func (s *Rooms) Delete(by accounts.Actor, id mls.RoomID, now time.Time) error {
	return s.owned(by, id, now, func(tx *store.Tx, r StoredRoom) error {
		return s.remove(tx, r, by.Signed(s.event(by.Account, audit.RoomDeleted, id, now)))
	})
}

// DeleteAsOperator removes a room for somebody who has no account, but a shell on the appliance.
func (s *Rooms) DeleteAsOperator(id mls.RoomID, now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		r, err := get(tx, id)
		if err != nil {
			return err
		}
		return s.remove(tx, r, s.gone(id, audit.ActorOperator, now))
	})
}

// All returns a page of all rooms, in the order of their ids, of at most limit; last is the id before the first one, nil at the
// beginning. It says whether there are more.
func (s *Rooms) All(last *mls.RoomID, limit int) (page []StoredRoom, more bool, err error) {
	var from []byte
	if last != nil {
		from = store.Successor(last[:])
	}
	err = s.db.View(func(tx *store.Tx) error {
		var failed error
		tx.Scan(roomsBucket, nil, from, 0, func(k, _ []byte) bool {
			if more = len(page) == limit; more {
				return false
			}
			var r StoredRoom
			if r, failed = get(tx, mls.RoomID(k)); failed != nil {
				return false
			}
			page = append(page, r)
			return true
		})
		return failed
	})
	return page, more, err
}

// gone is the entry of a room's end by somebody who is no account, or not its owner.
func (s *Rooms) gone(id mls.RoomID, actor string, now time.Time) audit.Event {
	return audit.Event{Time: now, Actor: actor, Action: audit.RoomDeleted, Object: id.String()}
}

// remove takes a room away with all that hangs on it, and writes the entry that says who did.
func (s *Rooms) remove(tx *store.Tx, r StoredRoom, e audit.Event) error {
	now := e.Time
	if err := tx.Delete(roomsBucket, r.ID[:]); err != nil {
		return err
	}
	if err := tx.Delete(ownersBucket, pair(r.Owner, r.ID)); err != nil {
		return err
	}
	if err := accounts.RoomGone(tx, r.Owner, r.ID, now); err != nil {
		return err
	}
	if err := forgetRules(tx, r.ID); err != nil {
		return err
	}
	if err := s.forgetPlanned(tx, r.ID, now); err != nil {
		return err
	}
	if err := forgetHistory(tx, r.ID); err != nil {
		return err
	}
	return s.log.Record(tx, e)
}

// Forget removes, in the transaction in which an account is deleted, what is kept of it: its rooms with their meetings, of which
// everybody who is invited is told, its visits, and its name in the rules and meetings of others. It says which rooms are gone.
func (s *Rooms) Forget(tx *store.Tx, account accounts.ID, actor string, now time.Time) (gone []mls.RoomID, err error) {
	tx.Scan(ownersBucket, account[:], nil, 0, func(k, _ []byte) bool {
		gone = append(gone, mls.RoomID(k[len(account):]))
		return true
	})
	for _, id := range gone {
		r, err := get(tx, id)
		if err == nil {
			err = s.remove(tx, r, s.gone(id, actor, now))
		}
		if err != nil {
			return nil, err
		}
	}
	if err := uninvite(tx, account); err != nil {
		return nil, err
	}
	if err := unname(tx, account); err != nil {
		return nil, err
	}
	return gone, forgetVisits(tx, account, 0)
}

// Visit notes that an account was in a room, so that it finds it again.
func (s *Rooms) Visit(account accounts.ID, id mls.RoomID, now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		if _, err := get(tx, id); err != nil {
			return err
		}
		key := pair(account, id)
		// To the hour: a room that is opened ten times a day costs no ten writes.
		if b := tx.Get(visitedBucket, key); len(b) == 8 && now.Unix()-int64(binary.BigEndian.Uint64(b)) < 3600 {
			return nil
		}
		if err := tx.Put(visitedBucket, key, binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))); err != nil {
			return err
		}
		return forgetVisits(tx, account, maxNotes)
	})
}

type visit struct {
	id mls.RoomID
	at int64
}

// visits lists an account's visits, the latest first.
func visits(tx *store.Tx, account accounts.ID) []visit {
	var list []visit
	tx.Scan(visitedBucket, account[:], nil, 0, func(k, v []byte) bool {
		if len(v) == 8 {
			list = append(list, visit{mls.RoomID(k[len(account):]), int64(binary.BigEndian.Uint64(v))})
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b visit) int { return int(b.at - a.at) })
	return list
}

func forgetVisits(tx *store.Tx, account accounts.ID, keep int) error {
	list := visits(tx, account)
	for i := keep; i < len(list); i++ {
		if err := tx.Delete(visitedBucket, pair(account, list[i].id)); err != nil {
			return err
		}
	}
	return nil
}

// List returns the account's own rooms by name, then those it visited, the
// latest first. Rooms that were deleted meanwhile, or are no longer open to it,
// are left out.
func (s *Rooms) List(account accounts.ID, now time.Time) (list []StoredRoom, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		seen := map[mls.RoomID]time.Time{}
		notes := visits(tx, account)
		for _, v := range notes {
			seen[v.id] = time.Unix(v.at, 0).UTC()
		}
		var failed error
		tx.Scan(ownersBucket, account[:], nil, maxRooms, func(k, _ []byte) bool {
			r, err := get(tx, mls.RoomID(k[len(account):]))
			if err != nil {
				failed = err
				return false
			}
			r.Visited = seen[r.ID]
			list = append(list, r)
			return true
		})
		if failed != nil {
			return failed
		}
		slices.SortStableFunc(list, func(a, b StoredRoom) int { return strings.Compare(a.Name, b.Name) })
		for i, v := range notes {
			if i == maxVisited {
				break
			}
			r, err := get(tx, v.id)
			if errors.Is(err, ErrNoRoom) {
				continue
			}
			if err != nil {
				return err
			}
			if r.Owner == account {
				continue
			}
			rules, err := rulesOf(tx, v.id)
			if err != nil {
				return err
			}
			allowed, err := rules.allows(tx, r, account, now)
			if err != nil {
				return err
			}
			if !allowed {
				continue
			}
			r.Visited = seen[r.ID]
			list = append(list, r)
		}
		return nil
	})
	return list, err
}

// InUse says how many rooms the person with the most of them has, and how many there are.
func (s *Rooms) InUse() (most, all int, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		var owner accounts.ID
		n := 0
		tx.Scan(ownersBucket, nil, nil, 0, func(k, _ []byte) bool {
			if next := accounts.ID(k[:len(owner)]); next != owner {
				owner, n = next, 0
			}
			n++
			all++
			most = max(most, n)
			return true
		})
		return nil
	})
	return most, all, err
}

// Count says how many rooms there are.
func (s *Rooms) Count() (n int, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		tx.Scan(roomsBucket, nil, nil, 0, func(_, _ []byte) bool { n++; return true })
		return nil
	})
	return n, err
}
