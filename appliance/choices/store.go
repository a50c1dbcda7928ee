// Package choices keeps the settings that administrators choose in the console, with the history of how settings changed.
//
// It decides that a change is made as a whole or not at all, recorded in the audit log and in the history, and in force for the parts
// that it concerns once it is on the disk. What a setting may be, and that files win, is config's to say; what a part does with it,
// the appliance's. Secrets are sealed as the outbox seals mails: they come in, and leave only to the part that uses them; no answer and
// no history has one. It writes no file.
package choices

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"huisclos/appliance/config"
	"huisclos/store"
)

// Buckets.
const (
	valuesBucket  = "settings"         // name → value in JSON; of a secret: true
	secretsBucket = "settings.secrets" // name → sealed
	historyBucket = "settings.history" // number (8 bytes, big endian) → entry
	filesBucket   = "settings.files"   // name → value in JSON, as the files were when they were last read
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{valuesBucket, secretsBucket, historyBucket, filesBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// maxNames bounds what a bucket of values holds: there are far fewer settings.
const maxNames = 1000

// load reads a bucket of values. One that can't be read is a fault of the disk: it is left out, and returned by its name.
func load(tx *store.Tx, bucket string) (values map[string]any, unread []string) {
	values = map[string]any{}
	tx.Scan(bucket, nil, nil, maxNames, func(k, v []byte) bool {
		value, err := config.ReadValue(v)
		if err != nil {
			unread = append(unread, string(k))
		} else {
			values[string(k)] = value
		}
		return true
	})
	return values, unread
}

// put writes a value, or takes it out where it is nil.
func put(tx *store.Tx, bucket, name string, value any) error {
	if value == nil {
		return tx.Delete(bucket, []byte(name))
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("choices: %w", err)
	}
	return tx.Put(bucket, []byte(name), text)
}

// Source says where a change of settings came from.
type Source string

// Sources of changes.
const (
	OfConsole Source = "console"
	OfFiles   Source = "files"    // seen at a start, or when they were read again
	Rollback  Source = "rollback" // to an earlier state of the console's settings
)

// An Entry of the history is what was changed at once.
type Entry struct {
	ID      uint64    `json:"id"`
	Time    time.Time `json:"time"`
	Source  Source    `json:"source"`
	Author  string    `json:"author,omitempty"` // id of the account; "": the files, or the command line
	To      uint64    `json:"to,omitempty"`     // of a rollback: the entry that was gone back to
	Changes []Changed `json:"changes"`
}

// Changed is one setting before and after; nil is what holds when nothing is said. Of a secret, true says that one is set.
type Changed struct {
	Name   string `json:"name"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// kept is how many entries there are at most; the oldest goes.
const kept = 1000

func key(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// note adds an entry to the history.
func note(tx *store.Tx, e Entry) error {
	id, err := tx.NextSequence(historyBucket)
	if err != nil {
		return err
	}
	e.ID, e.Time = id, e.Time.UTC()
	text, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("choices: %w", err)
	}
	if err := tx.Put(historyBucket, key(id), text); err != nil {
		return err
	}
	if id <= kept {
		return nil
	}
	return tx.Delete(historyBucket, key(id-kept))
}

// entries calls f with those before an entry, the newest first; 0 is from the newest on.
func entries(tx *store.Tx, before uint64, limit int, f func(Entry) (more bool)) error {
	var from []byte
	if before > 0 {
		from = key(before)
	}
	var failed error
	tx.ScanBack(historyBucket, nil, from, limit, func(_, text []byte) bool {
		var e Entry
		if err := json.Unmarshal(text, &e); err != nil {
			failed = fmt.Errorf("choices: history: %w", err)
			return false
		}
		for i := range e.Changes {
			e.Changes[i].Before, e.Changes[i].After = plain(e.Changes[i].Before), plain(e.Changes[i].After)
		}
		return f(e)
	})
	return failed
}

// plain is a value as config has it, from what encoding/json makes of it.
func plain(v any) any {
	switch v := v.(type) {
	case float64:
		return int(v)
	case []any:
		list := []string{}
		for _, e := range v {
			if text, ok := e.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return v
}

// Keys derives keys from the pepper: passhash.Hasher does.
type Keys interface {
	PepperID() string
	Derive(label, pepper string) ([]byte, error)
}

// label names the key that is derived from the pepper, and what it closes.
const label = "setting 1"

// sealed is a secret closed by AES-256-GCM under a key derived from the pepper. It opens only under the name that it was sealed for.
type sealed struct {
	Pepper string `json:"pepper,omitempty"` // its ID
	Nonce  []byte `json:"nonce"`            // random, 96 bits: one key closes fewer than 2³² secrets (SP 800-38D §8.3)
	Box    []byte `json:"box"`
}

// errSealed says that a secret has to be given again.
var errSealed = errors.New("choices: a secret does not open: it is damaged, or the pepper is another one")

func aead(keys Keys, pepper string) (cipher.AEAD, error) {
	k, err := keys.Derive(label, pepper)
	if err != nil {
		return nil, err
	}
	defer clear(k)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, fmt.Errorf("choices: seal: %w", err)
	}
	return cipher.NewGCM(block)
}

func boundTo(name string) []byte { return []byte("huisclos " + label + "\x00" + name) }

// seal writes a secret.
func seal(tx *store.Tx, keys Keys, random io.Reader, name, secret string) error {
	s := sealed{Pepper: keys.PepperID()}
	c, err := aead(keys, s.Pepper)
	if err != nil {
		return err
	}
	s.Nonce = make([]byte, c.NonceSize())
	if _, err := io.ReadFull(random, s.Nonce); err != nil {
		return fmt.Errorf("choices: random numbers: %w", err)
	}
	s.Box = c.Seal(nil, s.Nonce, []byte(secret), boundTo(name))
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("choices: %w", err)
	}
	return tx.Put(secretsBucket, []byte(name), text)
}

// open reads a secret; "" is none.
func open(tx *store.Tx, keys Keys, name string) (string, error) {
	text := tx.Get(secretsBucket, []byte(name))
	if text == nil {
		return "", nil
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return "", errSealed
	}
	c, err := aead(keys, s.Pepper)
	if err != nil {
		return "", err
	}
	if len(s.Nonce) != c.NonceSize() {
		return "", errSealed
	}
	secret, err := c.Open(nil, s.Nonce, s.Box, boundTo(name))
	if err != nil {
		return "", errSealed
	}
	defer clear(secret)
	return string(secret), nil
}
