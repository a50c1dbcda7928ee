package accounts

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// Options change what the defaults decide. The zero value is the product's.
type Options struct{}

// Accounts are the accounts kept in one database. Its methods may be called from any goroutine.
type Accounts struct {
	db *store.DB
}

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error { return nil }

// New returns the accounts that are kept in db. random is the appliance's source of secrets.
func New(db *store.DB, log *audit.Log, hasher *passhash.Hasher, random io.Reader, o Options) (*Accounts, error) {
	return &Accounts{db: db}, nil
}

var errDraft = errors.New("draft")

// OnEnded adds a function that is told of each end of sessions, after it is on the disk. It must not block.
func (a *Accounts) OnEnded(f func(Ended)) {}

// SetupCode makes a new set-up code while no administrator exists, and voids the one before. Call it once per start.
func (a *Accounts) SetupCode(now time.Time) (code Token, needed bool, err error) {
	return Token{}, false, errDraft
}

// SetupNeeded reports whether no administrator exists yet.
func (a *Accounts) SetupNeeded() (bool, error) { return false, errDraft }

// Setup makes the first administrator and signs it in.
func (a *Accounts) Setup(ctx context.Context, code, name, email, passphrase string, client Client, now time.Time) (Account, Token, error) {
	return Account{}, Token{}, errDraft
}

// Client is where a request comes from.
type Client struct {
	Address netip.Addr
	Agent   string
}

// Create makes an account without a passphrase and the link that lets its owner choose one.
func (a *Accounts) Create(actor Actor, name, email string, role Role, now time.Time) (Account, Activation, error) {
	return Account{}, Activation{}, errDraft
}

// Activation is a link just made.
type Activation struct {
	Token   Token
	Expires time.Time
}

// NewActivation makes a new link and voids the one before.
func (a *Accounts) NewActivation(actor Actor, id ID, now time.Time) (Activation, error) {
	return Activation{}, errDraft
}

// Activation returns the account that a link belongs to and changes nothing.
func (a *Accounts) Activation(token string, now time.Time) (Account, error) {
	return Account{}, errDraft
}

// Activate uses up a link: the account gets the passphrase, is active and signed in.
func (a *Accounts) Activate(ctx context.Context, token, passphrase string, client Client, now time.Time) (Account, Token, error) {
	return Account{}, Token{}, errDraft
}

// Login signs in.
func (a *Accounts) Login(ctx context.Context, email, passphrase string, client Client, now time.Time) (Account, Token, error) {
	return Account{}, Token{}, errDraft
}

// Session returns the account and the session of a token, and notes its use. ErrNoSession.
func (a *Accounts) Session(token string, now time.Time) (Account, Session, error) {
	return Account{}, Session{}, errDraft
}

// Logout ends the session of a token. An unknown token is no error.
func (a *Accounts) Logout(token string, client Client, now time.Time) error { return errDraft }

// Sessions lists the sessions of an account that have not ended, the newest first. By its owner or an administrator.
func (a *Accounts) Sessions(actor Actor, id ID, now time.Time) ([]Session, error) {
	return nil, errDraft
}

// EndSession ends one session of an account, EndSessions all. By its owner or an administrator.
func (a *Accounts) EndSession(actor Actor, id ID, session SessionID, now time.Time) error {
	return errDraft
}

// EndSessions ends all sessions of an account.
func (a *Accounts) EndSessions(actor Actor, id ID, now time.Time) error { return errDraft }

// ChangePassphrase is the owner's own act. All sessions end; a new one begins for the caller.
func (a *Accounts) ChangePassphrase(ctx context.Context, id ID, old, new string, client Client, now time.Time) (Token, error) {
	return Token{}, errDraft
}

// Disable, Enable, Delete, Rename and SetRole are an administrator's acts (Rename: also its owner's).
func (a *Accounts) Disable(actor Actor, id ID, now time.Time) (Account, error) {
	return Account{}, errDraft
}

// Enable undoes Disable.
func (a *Accounts) Enable(actor Actor, id ID, now time.Time) (Account, error) {
	return Account{}, errDraft
}

// Delete removes the account for ever.
func (a *Accounts) Delete(actor Actor, id ID, now time.Time) error { return errDraft }

// Rename gives the account another name.
func (a *Accounts) Rename(actor Actor, id ID, name string, now time.Time) (Account, error) {
	return Account{}, errDraft
}

// SetRole gives the account another role and ends its sessions.
func (a *Accounts) SetRole(actor Actor, id ID, role Role, now time.Time) (Account, error) {
	return Account{}, errDraft
}

// Get returns one account. ErrNotFound.
func (a *Accounts) Get(id ID) (Account, error) { return Account{}, errDraft }

// List returns a page of the accounts whose name or address has words beginning with those of query (all accounts for
// ""), in the order of names, and where the next page begins ("": there is none).
func (a *Accounts) List(query, after string, limit int) (page []Account, next string, err error) {
	return nil, "", errDraft
}

// Count returns the number of accounts.
func (a *Accounts) Count() (int, error) { return 0, errDraft }

// Sweep removes what has expired by now. Call it every few minutes.
func (a *Accounts) Sweep(now time.Time) error { return errDraft }
