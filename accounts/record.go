package accounts

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"huisclos/store"
)

// record is an account as it is stored.
type record struct {
	ID       ID     `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`  // as typed
	Normal   string `json:"normal"` // in the form that is compared
	Role     Role   `json:"role"`
	Disabled bool   `json:"disabled,omitempty"`
	// Source and Subject say who else knows the person, and under which name that never changes. Absent: the source has no such
	// person any more, or has shut them out; Disabled is an administrator's word of our own.
	Source  Source   `json:"source,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Absent  bool     `json:"absent,omitempty"`
	Brought *brought `json:"brought,omitempty"` // there exactly for Provisioned accounts
	// Provided is the provider's name of somebody whose account is of another source, once they have come by it.
	Provided  string    `json:"provided,omitempty"`
	Created   time.Time `json:"created"`
	LastLogin time.Time `json:"login,omitzero"`
	// Hash is the PHC string of the passphrase, "" while there is none.
	Hash string `json:"hash,omitempty"`
	// Long: the passphrase has the length that privileged roles need. Only so can a role be granted without asking for it.
	Long bool `json:"long,omitempty"`
	// Activation is the SHA-256 of the one activation token that counts.
	Activation []byte `json:"activation,omitempty"`
	// TOTP and Passkeys are the second factors, Recovery what stands for a lost one beside the passphrase: it comes with the first of
	// them, and not before there is a passphrase.
	TOTP     *totpFactor   `json:"totp,omitempty"`
	Passkeys []keptPasskey `json:"passkeys,omitempty"`
	Recovery *recovery     `json:"recovery,omitempty"`
	// Guest is there exactly for guests who came by an invitation.
	Guest *Guesthood `json:"guest,omitempty"`
	// Enrolment is a second factor that its owner has not shown to work yet. It counts for nothing, and takes nothing away.
	Enrolment *enrolment `json:"enrolment,omitempty"`
}

func (r record) state() State {
	switch {
	case r.Disabled || r.Absent:
		return Disabled
	case r.Hash == "" && !r.elsewhere() && !r.vouchable() && len(r.Passkeys) == 0:
		return Invited
	default:
		return Active
	}
}

func (r record) account() Account {
	return Account{ID: r.ID, Name: r.Name, Email: r.Email, Role: r.Role, State: r.state(), Created: r.Created, LastLogin: r.LastLogin,
		SecondFactor: r.secondFactor(), TOTP: r.TOTP != nil, Passkey: len(r.Passkeys) > 0, Source: r.Source, Passphrase: r.Hash != "" || r.Source == Directory, Absent: r.Absent, Guest: r.Guest, Keyed: r.keyed()}
}

// secondFactor reports whether a passphrase alone does not sign in.
func (r record) secondFactor() bool { return r.TOTP != nil || len(r.Passkeys) > 0 }

func (r record) active() bool              { return r.state() == Active }
func (r record) activeAdministrator() bool { return r.Role == Administrator && r.active() }
func (r record) activeOfficer() bool       { return r.Role == Officer && r.active() }

// lastingAdministrator: one whom no other source can take away. One of them is always left, so that a directory may shut out whom
// it wants.
func (r record) lastingAdministrator() bool { return r.activeAdministrator() && !r.ofSource() }

func subjectKey(source Source, subject string) string { return string(source) + "\x00" + subject }

// loadBySubject returns the account that a source calls subject. ErrNotFound.
func loadBySubject(tx *store.Tx, source Source, subject string) (record, error) {
	id := tx.Get(subjectBucket, []byte(subjectKey(source, subject)))
	if len(id) != len(ID{}) {
		return record{}, ErrNotFound
	}
	return load(tx, ID(id))
}

func load(tx *store.Tx, id ID) (record, error) {
	var r record
	b := tx.Get(recordsBucket, id[:])
	if b == nil {
		return r, ErrNotFound
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, fmt.Errorf("accounts: record %s: %w", id, err)
	}
	return r, nil
}

func loadByEmail(tx *store.Tx, normal string) (record, error) {
	id := tx.Get(emailBucket, []byte(normal))
	if len(id) != len(ID{}) {
		return record{}, ErrNotFound
	}
	return load(tx, ID(id))
}

// indexKey is an entry that must stand in an index bucket while a record is as it is.
type indexKey struct{ bucket, key, value string }

// maxWords bounds the entries of one account in the index of words.
const maxWords = 24

// indexes returns all entries of a record. They are the only thing that is written to the index buckets.
func (r record) indexes() []indexKey {
	id, name := string(r.ID[:]), fold(r.Name)
	list := []indexKey{
		{emailBucket, r.Normal, id},
		{nameBucket, name + "\x00" + id, ""},
	}
	for _, w := range words(name, r.Normal) {
		list = append(list, indexKey{wordBucket, w + "\x00" + name + "\x00" + id, r.Normal})
	}
	if r.lastingAdministrator() {
		list = append(list, indexKey{administratorsBucket, id, ""})
	}
	if r.ofSource() && r.Subject != "" {
		list = append(list, indexKey{subjectBucket, subjectKey(r.Source, r.Subject), id})
	}
	if r.Brought != nil {
		list = append(list, indexKey{userNameBucket, userNameKey(r.Brought.UserName), id})
	}
	if r.Provided != "" {
		list = append(list, indexKey{subjectBucket, subjectKey(Provider, r.Provided), id})
	}
	if r.activeOfficer() {
		list = append(list, indexKey{officersBucket, id, ""})
	}
	for _, k := range r.Passkeys {
		list = append(list, indexKey{passkeysBucket, string(passkeyKey(k.Credential)), id})
	}
	return append(list, r.guestIndexes()...)
}

// words are what an account is found by: the words of its folded name and of its address, and the address as a whole.
func words(name, normalEmail string) []string {
	list := make([]string, 0, maxWords)
	add := func(w string) {
		if !slices.Contains(list, w) && len(list) < maxWords {
			list = append(list, w)
		}
	}
	add(normalEmail)
	for w := range strings.FieldsSeq(name) {
		add(w)
	}
	for w := range strings.FieldsSeq(fold(normalEmail)) {
		add(w)
	}
	return list
}

// save writes a record and brings the index buckets along. The caller has checked that the address is free.
func save(tx *store.Tx, r record) error {
	had := map[indexKey]bool{}
	switch old, err := load(tx, r.ID); {
	case err == nil:
		for _, k := range old.indexes() {
			had[k] = true
		}
	case err != ErrNotFound:
		return err
	default:
		if err := addCount(tx, 1); err != nil {
			return err
		}
	}
	now := r.indexes()
	var add []indexKey
	for _, k := range now {
		if !had[k] {
			add = append(add, k)
		}
		delete(had, k)
	}
	// First away, then in: an entry that only changes its value has one key.
	for k := range had {
		if err := tx.Delete(k.bucket, []byte(k.key)); err != nil {
			return err
		}
	}
	for _, k := range add {
		if err := tx.Put(k.bucket, []byte(k.key), []byte(k.value)); err != nil {
			return err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("accounts: record %s: %w", r.ID, err)
	}
	return tx.Put(recordsBucket, r.ID[:], b)
}

// remove deletes a record and its index entries.
func remove(tx *store.Tx, r record) error {
	for _, k := range r.indexes() {
		if err := tx.Delete(k.bucket, []byte(k.key)); err != nil {
			return err
		}
	}
	if err := tx.Delete(recordsBucket, r.ID[:]); err != nil {
		return err
	}
	return addCount(tx, -1)
}

// administrators returns how many active administrators there are, counting to two at most.
func administrators(tx *store.Tx) int {
	n := 0
	tx.Scan(administratorsBucket, nil, nil, 2, func(_, _ []byte) bool {
		n++
		return true
	})
	return n
}
