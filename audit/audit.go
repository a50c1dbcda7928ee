// Package audit keeps the record of what people and the appliance did: who, from where, what, to what, with which result.
//
// It decides how an event is written and that none can be altered, removed, moved or put in unnoticed: each entry holds
// the SHA-256 of the one before. It never sees a secret: callers pass identifiers, never what was typed. An event is
// recorded in the transaction of the act, so that an act that cannot be recorded does not happen.
//
// Over the entries stands a Merkle tree (crypto/keylog), whose root is signed every few minutes: a checkpoint. Witnesses outside of
// the appliance sign it too, after they have seen that the log only grew.
//
// What chain, tree and signatures cannot show by themselves: a rewrite of the whole log by somebody who may write the database file
// and makes a key of their own. For that something noted elsewhere is given to Verify: a head (sequence and hash), the public key, or
// a checkpoint that a witness has signed. Nor is there a trace of what was cut off the end before a checkpoint covered it.
package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"huisclos/store"
)

const (
	entriesBucket = "audit.entries" // sequence (8 bytes, big endian) → hash ‖ JSON
	headBucket    = "audit.head"    // "head" → sequence ‖ hash of the last entry

	// MaxPage bounds what List returns at once.
	MaxPage = 500

	maxDetails = 16
	maxKey     = 32
	maxValue   = 256 // bytes; longer values are cut, so that no caller can fill the disk with one event
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error {
	if err := tx.CreateBucket(entriesBucket); err != nil {
		return err
	}
	return tx.CreateBucket(headBucket)
}

// Actors that are not an account.
const (
	ActorSystem    = "system"    // the appliance itself
	ActorAnonymous = "anonymous" // somebody not signed in
	ActorOperator  = "operator"  // somebody with a shell on the appliance

	ActorProvisioning = "provisioning" // an identity system with a token (SCIM)
)

// Event is what a caller records.
type Event struct {
	Time   time.Time
	Actor  string     // account id in text form, or one of the Actor constants
	Client netip.Addr // where the request came from; invalid for the appliance's own acts
	Action Action
	Object string // id of the account, room … acted upon; may be empty
	Result Result // empty means OK
	Detail map[string]string
}

// Hash of an entry, and of all entries before it.
type Hash [sha256.Size]byte

// String returns the hash in base64url without padding.
func (h Hash) String() string { return base64.RawURLEncoding.EncodeToString(h[:]) }

// ParseHash reads what String wrote.
func ParseHash(s string) (Hash, error) {
	var h Hash
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(h) || len(s) != 43 {
		return h, errors.New("audit: a hash has 43 characters of base64url")
	}
	return Hash(b), nil
}

// Entry is an event as it stands in the log.
type Entry struct {
	Sequence uint64 // 1, 2, 3 …
	Event
	Previous Hash // hash of the entry before; zero for the first
	Hash     Hash
}

// Head names a state of the log: the last entry's sequence and hash.
type Head struct {
	Sequence uint64
	Hash     Hash
}

// Log is the log in one database. Its methods may be called from any goroutine.
type Log struct{ db *store.DB }

// New returns the log that is kept in db.
func New(db *store.DB) *Log { return &Log{db: db} }

// Record adds the event to the log within tx. When it fails, the caller returns the error from its transaction: the act
// is then undone.
func (l *Log) Record(tx *store.Tx, e Event) error {
	if err := check(&e); err != nil {
		return err
	}
	head, err := readHead(tx)
	if err != nil {
		return err
	}
	entry := Entry{Sequence: head.Sequence + 1, Event: e, Previous: head.Hash}
	body, err := encode(entry)
	if err != nil {
		return err
	}
	entry.Hash = chain(head.Hash, body)
	key := binary.BigEndian.AppendUint64(nil, entry.Sequence)
	if tx.Get(entriesBucket, key) != nil {
		return fmt.Errorf("audit: entry %d stands already: the head of the log was set back", entry.Sequence)
	}
	if err := tx.Put(entriesBucket, key, append(entry.Hash[:], body...)); err != nil {
		return err
	}
	if err := grow(tx, key, entry.Sequence, body); err != nil {
		return err
	}
	if err := index(tx, entry.Sequence); err != nil {
		return err
	}
	return tx.Put(headBucket, headKey, append(key, entry.Hash[:]...))
}

// Write records an event that belongs to no other change.
func (l *Log) Write(e Event) error {
	return l.db.Update(func(tx *store.Tx) error { return l.Record(tx, e) })
}

// List returns up to limit entries (1 to MaxPage), the newest first, that are older than the entry with the sequence
// before; 0 begins with the newest.
func (l *Log) List(before uint64, limit int) ([]Entry, error) {
	if limit < 1 || limit > MaxPage {
		limit = MaxPage
	}
	var from []byte
	if before != 0 {
		from = binary.BigEndian.AppendUint64(nil, before)
	}
	list := make([]Entry, 0, limit)
	var failed error
	err := l.db.View(func(tx *store.Tx) error {
		tx.ScanBack(entriesBucket, nil, from, limit, func(k, v []byte) bool {
			var e Entry
			if e, failed = decode(k, v); failed != nil {
				return false
			}
			list = append(list, e)
			return true
		})
		return failed
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Stored is an entry with the bytes that its hash is made of, after the hash of the one before: the line that an export has of it.
type Stored struct {
	Entry
	Line []byte
}

// After returns up to limit entries (1 to MaxPage), the oldest first, that follow the entry with that sequence; 0 begins with the first.
func (l *Log) After(sequence uint64, limit int) (list []Stored, err error) {
	if limit < 1 || limit > MaxPage {
		limit = MaxPage
	}
	err = l.db.View(func(tx *store.Tx) (failed error) {
		tx.Scan(entriesBucket, nil, numbered(sequence+1), limit, func(k, v []byte) bool {
			var e Entry
			if e, failed = decode(k, v); failed != nil {
				return false
			}
			list = append(list, Stored{e, v[sha256.Size:]})
			return true
		})
		return failed
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Head returns the present head; its Sequence is 0 when the log is empty.
func (l *Log) Head() (Head, error) {
	var h Head
	err := l.db.View(func(tx *store.Tx) (err error) {
		h, err = readHead(tx)
		return err
	})
	return h, err
}

var headKey = []byte("head")

func readHead(tx *store.Tx) (Head, error) {
	v := tx.Get(headBucket, headKey)
	if v == nil {
		return Head{}, nil
	}
	if len(v) != 8+sha256.Size {
		return Head{}, fmt.Errorf("audit: the head of the log has %d bytes", len(v))
	}
	return Head{Sequence: binary.BigEndian.Uint64(v), Hash: Hash(v[8:])}, nil
}

// chainLabel separates these hashes from every other use of SHA-256 in the product.
const chainLabel = "huisclos audit entry 1\x00"

func chain(previous Hash, body []byte) Hash {
	h := sha256.New()
	h.Write([]byte(chainLabel))
	h.Write(previous[:])
	h.Write(body)
	return Hash(h.Sum(nil))
}

// wire is the stored form. The hash is taken over these bytes as they are stored, so that verification never depends on
// how a later version would write them.
type wire struct {
	Sequence uint64            `json:"seq"`
	Time     time.Time         `json:"time"`
	Actor    string            `json:"actor"`
	Client   netip.Addr        `json:"client,omitzero"`
	Action   Action            `json:"action"`
	Object   string            `json:"object,omitempty"`
	Result   Result            `json:"result"`
	Detail   map[string]string `json:"detail,omitempty"`
	Previous string            `json:"prev"`
}

func encode(e Entry) ([]byte, error) {
	b, err := json.Marshal(wire{e.Sequence, e.Time.UTC(), e.Actor, e.Client, e.Action, e.Object, e.Result, e.Detail, e.Previous.String()})
	if err != nil {
		return nil, fmt.Errorf("audit: encode entry %d: %w", e.Sequence, err)
	}
	return b, nil
}

// decode reads a stored entry; it does not check its hash.
func decode(key, value []byte) (Entry, error) {
	if len(key) != 8 || len(value) < sha256.Size {
		return Entry{}, fmt.Errorf("audit: entry %x is cut", key)
	}
	sequence := binary.BigEndian.Uint64(key)
	var w wire
	if err := json.Unmarshal(value[sha256.Size:], &w); err != nil {
		return Entry{}, fmt.Errorf("audit: entry %d: %w", sequence, err)
	}
	previous, err := ParseHash(w.Previous)
	if err != nil {
		return Entry{}, fmt.Errorf("audit: entry %d: %w", sequence, err)
	}
	return Entry{
		Sequence: w.Sequence,
		Event:    Event{w.Time, w.Actor, w.Client, w.Action, w.Object, w.Result, w.Detail},
		Previous: previous,
		Hash:     Hash(value[:sha256.Size]),
	}, nil
}

// check refuses an event that could not be read later, and brings the rest into its stored form.
func check(e *Event) error {
	switch {
	case e.Time.IsZero() || e.Time.Year() > 9999:
		return fmt.Errorf("audit: event %q at no valid time", e.Action)
	case !validAction(e.Action):
		return fmt.Errorf("audit: action %q is not a name such as login.ok", e.Action)
	case e.Actor == "":
		return fmt.Errorf("audit: event %q without an actor", e.Action)
	case len(e.Detail) > maxDetails:
		return fmt.Errorf("audit: event %q with %d details", e.Action, len(e.Detail))
	}
	if e.Result == "" {
		e.Result = OK
	}
	e.Actor, e.Object = clean(e.Actor), clean(e.Object)
	if len(e.Detail) == 0 {
		e.Detail = nil
		return nil
	}
	detail := make(map[string]string, len(e.Detail))
	for k, v := range e.Detail {
		if !validKey(k) {
			return fmt.Errorf("audit: event %q: %q is no name of a detail", e.Action, k)
		}
		if secretKeys[k] {
			return fmt.Errorf("audit: event %q: a detail named %q would be a secret", e.Action, k)
		}
		detail[k] = clean(v)
	}
	e.Detail = detail
	return nil
}

// secretKeys catch the mistake of recording what must never be recorded.
var secretKeys = map[string]bool{
	"passphrase": true, "password": true, "token": true, "code": true, "cookie": true, "secret": true, "key": true, "pepper": true,
}

// clean cuts s to maxValue bytes at a character's end and replaces what is not UTF-8.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxValue {
		return s
	}
	cut := maxValue - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func validAction(a Action) bool {
	for part := range strings.SplitSeq(string(a), ".") {
		if !validKey(part) {
			return false
		}
	}
	return len(a) <= 2*maxKey
}

func validKey(s string) bool {
	if s == "" || len(s) > maxKey || s[0] == '-' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}
