package accounts

import (
	"context"
	"errors"
)

// Source says where an account comes from, and so who says what its owner is called, may do, and types at the door.
type Source string

const (
	Local       Source = ""     // made here: the passphrase is ours
	Directory   Source = "ldap" // of the organisation's directory
	Provider    Source = "oidc" // vouched for by the organisation's provider of sign-in
	Provisioned Source = "scim" // brought by whoever provisions: the passphrase is ours, all else is theirs
)

// Checker asks a source whether a passphrase is a person's.
type Checker interface {
	// Check reports whether passphrase is that of the person whom the source calls subject. "" is nobody: it is asked for like
	// anybody else and answered no. An error that wraps ErrSource says that the source can't be asked at the moment.
	Check(ctx context.Context, subject, passphrase string) (bool, error)
}

// ofSource reports whether the account's name, address and role are another's to decide.
func (r record) ofSource() bool { return r.Source != Local }

// elsewhere reports whether its owner proves who they are elsewhere: there is no passphrase of ours, and none can be chosen.
func (r record) elsewhere() bool { return r.Source == Directory || r.Source == Provider }

// local refuses what the account's source decides.
func (r record) local() error {
	if r.ofSource() {
		return ErrFromSource
	}
	return nil
}

// keepsPassphrase refuses what is about a passphrase of ours where there can be none.
func (r record) keepsPassphrase() error {
	if r.elsewhere() {
		return ErrFromSource
	}
	return nil
}

// askSource checks a passphrase at the source of r. Without that source in the settings nobody of it comes in.
func (a *Accounts) askSource(ctx context.Context, r record, passphrase string) (bool, error) {
	// An empty one would be an unauthenticated bind, to which directories say yes (RFC 4513 §5.1.2).
	directory := a.checker()
	if directory == nil || r.Source != Directory || r.state() != Active || r.Subject == "" || passphrase == "" || len(passphrase) > maxBytes {
		return false, nil
	}
	return directory.Check(ctx, r.Subject, passphrase)
}

// verifyAtDoor is verify where nobody is known yet. Every try does the same two things at once, whoever's address was typed:
// the work of a hash, and a question to the directory, where there is one. So neither time nor answer tells whether an address
// has an account, nor where that comes from: while the directory can't be asked, every try that fails ends with ErrSource. A
// right passphrase of an account of ours doesn't wait for the directory.
func (a *Accounts) verifyAtDoor(ctx context.Context, r record, passphrase string) (ok, rehash bool, err error) {
	directory := a.checker()
	if directory == nil {
		return a.verify(ctx, r, passphrase)
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	type answer struct {
		ok  bool
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		subject, typed := "", passphrase
		if r.Source == Directory && r.state() == Active {
			subject = r.Subject
		}
		if typed == "" || len(typed) > maxBytes {
			subject, typed = "", "-"
		}
		ok, err := directory.Check(asking, subject, typed)
		answers <- answer{ok && subject != "", err}
	}()
	local := r
	if r.elsewhere() {
		local = record{} // costs what an unknown address does
	}
	ok, rehash, err = a.verify(ctx, local, passphrase)
	if err != nil || ok {
		return ok, rehash, err
	}
	said := <-answers
	if said.err != nil && ctx.Err() == nil && !errors.Is(said.err, ErrSource) {
		return false, false, errors.Join(ErrSource, said.err)
	}
	return said.ok, false, said.err
}
