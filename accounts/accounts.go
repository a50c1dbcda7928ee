package accounts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// Buckets. The index buckets are functions of the records: see indexes.
const (
	recordsBucket        = "accounts.records"        // id → record
	emailBucket          = "accounts.email"          // address in normal form → id
	nameBucket           = "accounts.name"           // folded name, 0, id → nothing
	wordBucket           = "accounts.word"           // folded word, 0, folded name, 0, id → address in normal form
	administratorsBucket = "accounts.administrators" // id → nothing, for active administrators
	officersBucket       = "accounts.officers"       // id → nothing, for active officers
	proposalsBucket      = "accounts.proposals"      // id → proposal
	activationsBucket    = "accounts.activations"    // SHA-256 of the token → activation
	sessionsBucket       = "accounts.sessions"       // SHA-256 of the token → session
	sessionsOfBucket     = "accounts.sessions-of"    // account, session id → SHA-256 of the token
	triesBucket          = "accounts.tries"          // see triesKey → tries
	passkeysBucket       = "accounts.passkeys"       // SHA-256 of the credential id → id
	stateBucket          = "accounts.state"          // the keys below
	subjectBucket        = "accounts.subject"        // source, 0, its name of the person → id
)

var (
	countKey   = []byte("count")   // number of accounts
	setupKey   = []byte("setup")   // SHA-256 of the set-up code, while there is one
	unknownKey = []byte("unknown") // key of the MAC that names unknown addresses
	pepperKey  = []byte("pepper")  // id of the pepper that belongs to this database
	policyKey  = []byte("policy")  // what officers have decided; absent: nothing
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error {
	for _, name := range []string{recordsBucket, emailBucket, nameBucket, wordBucket, administratorsBucket,
		activationsBucket, sessionsBucket, sessionsOfBucket, triesBucket, stateBucket} {
		if err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	return nil
}

// AddPasskeys is the migration that makes room for passkeys.
func AddPasskeys(tx *store.Tx) error { return tx.CreateBucket(passkeysBucket) }

// AddSources is the migration that lets accounts come from elsewhere.
func AddSources(tx *store.Tx) error { return tx.CreateBucket(subjectBucket) }

// Lifetime of a session.
type Lifetime struct {
	Idle     time.Duration // ends when it was not used for so long
	Absolute time.Duration // ends then in any case
}

// Options change the defaults. Zero fields are the product's values.
type Options struct {
	MemberHash         passhash.Params // passhash.Standard
	AdministratorHash  passhash.Params // passhash.Administrator, for all privileged roles
	MemberSession      Lifetime        // 15 min, 8 h, for organisers, members and guests
	AdministratorLogin Lifetime        // 15 min, 8 h, for all privileged roles
	ConsoleIdle        time.Duration   // 5 min
	PerAccount         Limits          // 5 tries, then 4 s doubled up to 15 min, forgotten after 24 h
	PerAddress         Limits          // 5 tries, then 2 s doubled up to 1 min, forgotten after 10 min

	// Recorded is called with each audit entry, in the transaction of its act: an error undoes the act. nil: nobody is told.
	Recorded func(tx *store.Tx, e audit.Event) error
	// CarryOut does an officer's act on what another package keeps, with its audit entry, in the transaction that it is given.
	// Needed by AsOfficer, and by Approve of what AsOfficer proposed.
	CarryOut func(tx *store.Tx, kind ProposalKind, o Order) error
	// Gone deletes what another package keeps of an account that is about to be removed, in the transaction of that; after is called
	// when that is on the disk. nil: nobody does.
	Gone func(tx *store.Tx, account ID, actor string, now time.Time) (after func(), err error)
	// Kept is what another package keeps of an account, for its owner's export. nil: nothing.
	Kept func(tx *store.Tx, account ID) (any, error)
	// Devices is what the key log of devices says of an account, likewise.
	Devices func(tx *store.Tx, account ID) (any, error)

	// Delay is how long an account that is to be deleted can be kept after all: 30 days.
	Delay time.Duration

	Directory Checker // of the accounts that come from a directory; nil: there is none
}

// Accounts are the accounts kept in one database. Its methods may be called from any goroutine.
type Accounts struct {
	db     *store.DB
	log    *audit.Log
	hasher *passhash.Hasher
	random io.Reader
	o      Options
	guard  *guard

	mu        sync.Mutex
	listeners []func(Ended)
	asked     Checker       // Options.Directory, or another since
	delay     time.Duration // Options.Delay, likewise
	sessions  int           // of one account at most; see SetSessions
}

// Follows says from which directory accounts come from now on, nil for none, and how long an account that is to be deleted can be kept.
func (a *Accounts) Follows(directory Checker, delay time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.delay = directory, delay
}

// SetSessions says how many sessions an account may have from now on, at most 32. Who has more keeps them until the next sign-in.
func (a *Accounts) SetSessions(most int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions = most
}

// MaxSessions is how many sessions an account may have.
func (a *Accounts) MaxSessions() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions < 1 || a.sessions > maxSessions {
		return maxSessions
	}
	return a.sessions
}

// checker is the directory that accounts come from; nil: there is none.
func (a *Accounts) checker() Checker {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// New returns the accounts that are kept in db. random is the appliance's source of secrets.
func New(db *store.DB, log *audit.Log, hasher *passhash.Hasher, random io.Reader, o Options) (*Accounts, error) {
	if db == nil || log == nil || hasher == nil || random == nil {
		return nil, errors.New("accounts: a database, a log, a hasher and a source of random numbers are needed")
	}
	setDefault(&o.MemberHash, passhash.Standard())
	setDefault(&o.AdministratorHash, passhash.Administrator())
	// A quarter of an hour is what a device may be left alone at a desk; eight hours are a working day. In the console, where one act
	// is everybody's, five minutes.
	setDefault(&o.MemberSession, Lifetime{15 * time.Minute, 8 * time.Hour})
	setDefault(&o.AdministratorLogin, Lifetime{15 * time.Minute, 8 * time.Hour})
	setDefault(&o.ConsoleIdle, 5*time.Minute)
	setDefault(&o.PerAccount, Limits{Quick: 5, First: 4 * time.Second, Longest: 15 * time.Minute, Forget: 24 * time.Hour})
	setDefault(&o.PerAddress, Limits{Quick: 5, Parallel: 32, First: 2 * time.Second, Longest: time.Minute, Forget: 10 * time.Minute})
	setDefault(&o.Delay, 30*24*time.Hour)
	a := &Accounts{db: db, log: log, hasher: hasher, random: random, o: o, asked: o.Directory, delay: o.Delay}
	key, err := a.unknownMACKey()
	if err != nil {
		return nil, err
	}
	if a.guard, err = newGuard(db, o.PerAccount, o.PerAddress, key); err != nil {
		return nil, err
	}
	return a, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// unknownMACKey returns the key that names unknown addresses in the counters of tries, and draws it the first time.
func (a *Accounts) unknownMACKey() (key []byte, err error) {
	err = a.db.Update(func(tx *store.Tx) error {
		if key = tx.Get(stateBucket, unknownKey); key != nil {
			return nil
		}
		if key, err = a.draw(32); err != nil {
			return err
		}
		return tx.Put(stateBucket, unknownKey, key)
	})
	return key, err
}

func (a *Accounts) draw(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(a.random, b); err != nil {
		return nil, fmt.Errorf("accounts: random numbers: %w", err)
	}
	return b, nil
}

// OnEnded adds a function that is told of each end of sessions, after it is on the disk. It must not block, nor call
// a method of Accounts that ends sessions.
func (a *Accounts) OnEnded(f func(Ended)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listeners = append(a.listeners, f)
}

func (a *Accounts) tell(list ...Ended) {
	a.mu.Lock()
	listeners := slices.Clone(a.listeners)
	a.mu.Unlock()
	for _, e := range list {
		for _, f := range listeners {
			f(e)
		}
	}
}

// OpenPepper loads the pepper that belongs to the database from path. It makes one only where no hash can depend on
// another: a database with accounts whose pepper file is missing, or is another one, is an error, not a new pepper.
func OpenPepper(db *store.DB, path string, random io.Reader) (*passhash.Pepper, error) {
	known, err := boundPepper(db)
	if err != nil {
		return nil, err
	}
	p, err := passhash.LoadPepper(path)
	if errors.Is(err, os.ErrNotExist) {
		if known != "" {
			return nil, fmt.Errorf("accounts: the pepper file %s is missing; restore it from the backup: no passphrase can be checked without it", path)
		}
		p, err = passhash.CreatePepper(path, random)
	}
	if err != nil {
		return nil, err
	}
	return p, bindPepper(db, p, known, path)
}

// GivenPepper is OpenPepper where the pepper is no file of ours: text is what the service manager hands in, and name is what
// it calls that (a credential, systemd.exec(5)). It never makes one.
func GivenPepper(db *store.DB, name string, text []byte) (*passhash.Pepper, error) {
	known, err := boundPepper(db)
	if err != nil {
		return nil, err
	}
	p, err := passhash.ParsePepper(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, name)
	}
	return p, bindPepper(db, p, known, name)
}

// boundPepper is the ID of the pepper that hashes in db depend on, "" when there are none.
func boundPepper(db *store.DB) (known string, err error) {
	err = db.View(func(tx *store.Tx) error {
		if readCount(tx) > 0 {
			known = string(tx.Get(stateBucket, pepperKey))
		}
		return nil
	})
	return known, err
}

// bindPepper notes that hashes will depend on p. known is what they depend on already.
func bindPepper(db *store.DB, p *passhash.Pepper, known, name string) error {
	switch known {
	case p.ID():
		return nil
	case "":
		return db.Update(func(tx *store.Tx) error { return tx.Put(stateBucket, pepperKey, []byte(p.ID())) })
	}
	return fmt.Errorf("accounts: %s is the pepper of another database (%s, want %s); restore the right one from the backup", name, p.ID(), known)
}

func readCount(tx *store.Tx) int {
	b := tx.Get(stateBucket, countKey)
	if len(b) != 8 {
		return 0
	}
	return int(binary.BigEndian.Uint64(b))
}

func addCount(tx *store.Tx, delta int) error {
	return tx.Put(stateBucket, countKey, binary.BigEndian.AppendUint64(nil, uint64(readCount(tx)+delta)))
}

// Count returns the number of accounts.
func (a *Accounts) Count() (n int, err error) {
	err = a.db.View(func(tx *store.Tx) error {
		n = readCount(tx)
		return nil
	})
	return n, err
}

// Find is Get within a transaction.
func Find(tx *store.Tx, id ID) (Account, error) {
	r, err := load(tx, id)
	return r.account(), err
}

// Get returns one account. ErrNotFound.
func (a *Accounts) Get(id ID) (Account, error) {
	var account Account
	err := a.db.View(func(tx *store.Tx) error {
		r, err := load(tx, id)
		account = r.account()
		return err
	})
	return account, err
}

// Names returns the names of those ids that are accounts.
func (a *Accounts) Names(ids []ID) (map[ID]string, error) {
	names := map[ID]string{}
	err := a.db.View(func(tx *store.Tx) error {
		for _, id := range ids {
			if _, known := names[id]; known {
				continue
			}
			r, err := load(tx, id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			names[id] = r.Name
		}
		return nil
	})
	return names, err
}
