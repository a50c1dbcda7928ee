// Package devices keeps the key log of devices: which signature key an account has said to be that of one of its devices, one record
// (crypto/statement) after the other, under a Merkle tree (crypto/keylog) whose root is signed with every record.
//
// It decides what is inscribed and when, and what proof goes with it. It never sees a secret of a device, nor a call. Clients hold it
// to what it says: each keeps the last checkpoint that it saw and asks for the proof that the log only grew since. So neither the
// server nor who runs it brings in a device that nobody sees, shows different people different lists, or takes a record back. A backup
// that is restored says so in a record of its own. Records stay for ever: they hold random ids and public keys, nothing of a person.
package devices

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
	"huisclos/store"
)

const (
	recordBucket  = "devices.records"  // index, 0, 1, 2 … (8 bytes, big endian) → the record
	treeBucket    = "devices.tree"     // index → the hashes of the subtrees that end there, from that of the record upward
	keyBucket     = "devices.keys"     // 1, 2, 3 … (8 bytes, big endian) → keylog.Sealed as JSON; the last one signs
	noteBucket    = "devices.note"     // "last" → the last checkpoint, signed
	accountBucket = "devices.accounts" // account (16 bytes) ‖ index → time in seconds (8 bytes)
	knownBucket   = "devices.known"    // account ‖ device (16 bytes) ‖ SHA-256 of the key → index

	// MaxNew is how many statements an account may bring in within MaxNewFor: somebody with a session could else fill the disk.
	MaxNew    = 200
	MaxNewFor = 24 * time.Hour
	// MaxList bounds what Of returns.
	MaxList = 200
	// MinSizes and MaxSizes bound how many sizes Growth takes at once.
	MinSizes, MaxSizes = 2, 64
)

// An Error is a refusal with a stable name.
type Error struct{ code, text string }

func (e *Error) Error() string { return "devices: " + e.text }

// Code returns the stable name.
func (e *Error) Code() string { return e.code }

var (
	// ErrDevice: an id or key that is none.
	ErrDevice = &Error{"bad-device", "a device has an id of 16 bytes, and a key that is an uncompressed point of P-256"}
	// ErrTooMany: MaxNew.
	ErrTooMany = &Error{"too-many-devices", "the account has inscribed as many devices as it may within a day"}
	// ErrSizes: what Growth is asked for.
	ErrSizes = &Error{"sizes", "the sizes are not 2 to 64 ascending numbers of records that there are"}
	// ErrDamaged: the log is not what its last checkpoint says; nothing is inscribed or signed any more, so that nobody takes another
	// log for the same one. A backup brings back one that is whole.
	ErrDamaged = &Error{"device-log-damaged", "the log is not what its last checkpoint says"}
)

// Device is what an account says of one of its devices.
type Device struct {
	ID  mls.DeviceID
	Key []byte // the signature key, an uncompressed point of P-256
}

// ParseDevice reads id and key as clients write them: in base64url without padding. ErrDevice; a key that is no point Inscribe refuses.
func ParseDevice(id, key string) (d Device, err error) {
	if d.ID, err = mls.ParseDeviceID(id); err != nil || len(key) > base64.RawURLEncoding.EncodedLen(statement.KeySize) {
		return Device{}, ErrDevice
	}
	if d.Key, err = base64.RawURLEncoding.Strict().DecodeString(key); err != nil {
		return Device{}, ErrDevice
	}
	return d, nil
}

// CreateBuckets is this package's migration: the log is empty.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{recordBucket, treeBucket, keyBucket, noteBucket, accountBucket, knownBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// Log is the log in one database. Its methods may be called from any goroutine.
type Log struct {
	db    *store.DB
	trail *audit.Log
	key   *keylog.Key
	fault atomic.Pointer[error] // of the log, as it was found first
}

// Open opens the log and the key that signs it, and draws one where none opens: after the loss of the pepper, say. A new key keeps the
// log's name, stands beside those before and is an entry of the audit log. A log that is not what its last checkpoint says opens all the
// same, so that the appliance can tell: see Fault.
func Open(db *store.DB, trail *audit.Log, keys keylog.Secrets, random io.Reader, now time.Time) (*Log, error) {
	l := &Log{db: db, trail: trail}
	err := db.Update(func(tx *store.Tx) (err error) {
		if l.key, err = openKey(tx, trail, keys, random, now); err != nil {
			return err
		}
		if err := verifyLast(tx); err != nil {
			if !errors.Is(err, ErrDamaged) {
				return err
			}
			l.fault.Store(&err)
			return nil
		}
		_, err = l.sign(tx) // a restore, or a new key, has left it behind
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("devices: open: %w", err)
	}
	return l, nil
}

// Public is the key that checks this log's checkpoints.
func (l *Log) Public() keylog.PublicKey { return l.key.Public() }

// Fault says, wrapped in ErrDamaged, why the log is not what its last checkpoint says, as it was found when it was opened or last
// inscribed into; nil: it is. What was found stays until the log is opened anew.
func (l *Log) Fault() error {
	if at := l.fault.Load(); at != nil {
		return *at
	}
	return nil
}

// Inscribed is a statement of the log with the evidence that it is there.
type Inscribed struct {
	Log    keylog.PublicKey
	Index  uint64
	Time   time.Time     // when it was written, to the second
	Note   []byte        // the checkpoint of the whole log
	Proof  []keylog.Hash // that it holds the record
	Growth []keylog.Hash // that it begins with the tree of the size that was asked for; empty for none, all of it, or more than there is
}

// Inscribe returns the account's statement that the device has the key, and writes it where there is none: with the entry of the audit
// log and the checkpoint, in one transaction. since is the size of the last checkpoint that the client saw.
// ErrDevice, ErrTooMany, ErrDamaged, accounts.ErrForbidden for an account that is not active.
func (l *Log) Inscribe(actor accounts.Actor, d Device, since uint64, now time.Time) (Inscribed, error) {
	return l.inscribe(actor, d, since, now, active)
}

// InscribeTest is the same for a participant of the appliance's own test call, who has no account.
func (l *Log) InscribeTest(actor accounts.Actor, d Device, since uint64, now time.Time) (Inscribed, error) {
	return l.inscribe(actor, d, since, now, func(*store.Tx, accounts.ID) error { return nil })
}

// active returns accounts.ErrForbidden for an account that may inscribe nothing.
func active(tx *store.Tx, id accounts.ID) error {
	account, err := accounts.Find(tx, id)
	if errors.Is(err, accounts.ErrNotFound) || err == nil && account.State != accounts.Active {
		return accounts.ErrForbidden
	}
	return err
}

func (l *Log) inscribe(actor accounts.Actor, d Device, since uint64, now time.Time, may func(*store.Tx, accounts.ID) error) (in Inscribed, err error) {
	s := statement.Statement{Kind: statement.Device, Account: mls.AccountID(actor.Account), Device: d.ID, Key: d.Key, Time: seconds(now)}
	if s.Check() != nil {
		return Inscribed{}, ErrDevice
	}
	if fault := l.Fault(); fault != nil {
		return Inscribed{}, fault
	}
	defer func() {
		if errors.Is(err, ErrDamaged) {
			l.fault.CompareAndSwap(nil, &err)
		}
	}()
	done := false
	err = l.db.View(func(tx *store.Tx) (err error) {
		index, there := known(tx, s)
		note, _, err := lastNote(tx)
		if err != nil || !there || !l.covers(tx, note) {
			return err
		}
		done = true
		in, err = l.evidence(tx, index, note, since)
		return err
	})
	if err != nil || done {
		return in, err
	}
	err = l.db.Update(func(tx *store.Tx) error {
		index, there := known(tx, s)
		if !there {
			if err := may(tx, actor.Account); err != nil {
				return err
			}
			if index, err = l.write(tx, actor, s, now); err != nil {
				return err
			}
		}
		note, err := l.sign(tx)
		if err != nil {
			return err
		}
		in, err = l.evidence(tx, index, note, since)
		return err
	})
	if err != nil {
		return Inscribed{}, err
	}
	return in, nil
}

// write appends a device's statement, with its entry in the audit log.
func (l *Log) write(tx *store.Tx, actor accounts.Actor, s statement.Statement, now time.Time) (uint64, error) {
	fresh, from := 0, seconds(now.Add(-MaxNewFor))
	tx.ScanBack(accountBucket, s.Account[:], nil, MaxNew, func(_, v []byte) bool {
		if number(v) > from {
			fresh++
		}
		return true
	})
	if fresh >= MaxNew {
		return 0, ErrTooMany
	}
	index, err := appendRecord(tx, s)
	if err != nil {
		return 0, err
	}
	at := numbered(index)
	if err := tx.Put(accountBucket, append(s.Account[:], at...), numbered(s.Time)); err != nil {
		return 0, err
	}
	if err := tx.Put(knownBucket, knownKey(s), at); err != nil {
		return 0, err
	}
	return index, l.trail.Record(tx, audit.Event{Time: now, Actor: actor.Account.String(), Client: actor.Client, Action: audit.DeviceInscribed, Object: actor.Account.String(),
		Detail: map[string]string{"device": s.Device.String(), "statement": strconv.FormatUint(index, 10)}})
}

// evidence is what a client is given about a record.
func (l *Log) evidence(tx *store.Tx, index uint64, note []byte, since uint64) (Inscribed, error) {
	s, err := readRecord(tx, index)
	if err != nil {
		return Inscribed{}, err
	}
	in := Inscribed{Log: l.Public(), Index: index, Time: time.Unix(int64(s.Time), 0).UTC(), Note: note}
	size := sizeOf(tx)
	if in.Proof, err = keylog.ProveInclusion(size, index, tree(tx)); err != nil {
		return Inscribed{}, err
	}
	if since < size {
		in.Growth, err = keylog.ProveConsistency(size, since, tree(tx))
	}
	return in, err
}

// Restored appends, within tx, that the database came back from a backup. The next Open signs it.
func Restored(tx *store.Tx, now time.Time) error {
	_, err := appendRecord(tx, statement.Statement{Kind: statement.Restored, Time: seconds(now)})
	return err
}

// Growth returns, for each of sizes but the first, the proof that the tree of so many records begins with that of the size before it.
// ErrSizes.
func (l *Log) Growth(sizes []uint64) (list [][]keylog.Hash, err error) {
	if len(sizes) < MinSizes || len(sizes) > MaxSizes {
		return nil, ErrSizes
	}
	err = l.db.View(func(tx *store.Tx) error {
		size := sizeOf(tx)
		for i := 1; i < len(sizes); i++ {
			if sizes[i] <= sizes[i-1] || sizes[i] > size {
				return ErrSizes
			}
			proof, err := keylog.ProveConsistency(sizes[i], sizes[i-1], tree(tx))
			if err != nil {
				return err
			}
			list = append(list, proof)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Entry is a statement with its place.
type Entry struct {
	Index uint64
	statement.Statement
}

// Of returns an account's statements, the newest first, at most MaxList.
func (l *Log) Of(account accounts.ID) (list []Entry, err error) {
	err = l.db.View(func(tx *store.Tx) error {
		list, err = entriesOf(tx, account, MaxList)
		return err
	})
	return list, err
}

// KeptDevice is a statement in its owner's export.
type KeptDevice struct {
	Device string    `json:"device"`
	Key    string    `json:"key"` // in base64url
	Time   time.Time `json:"time"`
	Number uint64    `json:"number"` // its place in the log
}

// Kept are all of an account's statements, the newest first, for its owner's export.
func Kept(tx *store.Tx, account accounts.ID) (any, error) {
	list, err := entriesOf(tx, account, 0)
	out := make([]KeptDevice, 0, len(list))
	for _, e := range list {
		out = append(out, KeptDevice{e.Device.String(), base64.RawURLEncoding.EncodeToString(e.Key), time.Unix(int64(e.Time), 0).UTC(), e.Index})
	}
	return out, err
}

func entriesOf(tx *store.Tx, account accounts.ID, limit int) (list []Entry, err error) {
	tx.ScanBack(accountBucket, account[:], nil, limit, func(k, _ []byte) bool {
		e := Entry{Index: number(k[len(account):])}
		e.Statement, err = readRecord(tx, e.Index)
		list = append(list, e)
		return err == nil
	})
	return list, err
}

func known(tx *store.Tx, s statement.Statement) (index uint64, there bool) {
	v := tx.Get(knownBucket, knownKey(s))
	return number(v), v != nil
}

func knownKey(s statement.Statement) []byte {
	sum := sha256.Sum256(s.Key)
	return append(append(s.Account[:], s.Device[:]...), sum[:]...)
}

func seconds(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }

func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func number(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}
