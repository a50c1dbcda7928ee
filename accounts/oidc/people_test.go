package oidc

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// people are accounts in a database of the test, with an administrator.
func people(t *testing.T, now time.Time) (*accounts.Accounts, accounts.Actor) {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate(append([]store.Migration{{Version: 1, Name: "audit", Run: audit.CreateAll}}, accounts.Migrations(2)...)))
	pepper, err := accounts.OpenPepper(db, filepath.Join(t.TempDir(), "pepper"), rand.Reader)
	must(t, err)
	cheap := passhash.Params{Memory: 16, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: cheap})
	must(t, err)
	a, err := accounts.New(db, audit.New(db), hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap})
	must(t, err)
	code, _, err := a.SetupCode(now)
	must(t, err)
	ada, _, err := a.Setup(t.Context(), code.Reveal(), "Ada", "ada@example.org", "girofle tandem bruyant 93 escalier", accounts.Client{}, now)
	must(t, err)
	return a, accounts.Actor{Account: ada.ID, Proved: now, Vouched: true}
}

// TestProvisionedPeopleSignInAtTheProvider: from an identity system's word to a session and back, with a real provider.
func TestProvisionedPeopleSignInAtTheProvider(t *testing.T) {
	a := newAuthority(t)
	issuer := real(t, a, nil)
	s := a.settings(issuer)
	s.Scopes, s.ProvisionClaim, s.Role = append(s.Scopes, "uid"), "uid", ""
	c := newClient(t, s, time.Now)
	now := time.Now()
	desk := accounts.Client{Address: netip.MustParseAddr("192.0.2.7")}
	all, ada := people(t, now)
	_, token, err := all.MakeProvisioner(ada, accounts.ProvisionerWish{Name: "HR", Days: 1, Organisers: true}, now)
	must(t, err)
	hr, err := all.ProvisionerOf(token.Reveal(), desk, now)
	must(t, err)

	arrive := func(who string) (accounts.SignedIn, error) {
		t.Helper()
		at, f, err := c.Begin(t.Context(), SignIn, redirect, who)
		must(t, err)
		v, err := c.Finish(t.Context(), f, redirect, a.browser(t).back(at))
		must(t, err)
		return all.Arrive(v.Vouched, accounts.Proof{}, desk, time.Now())
	}
	// Nobody who wasn't brought, and whom no setting gives a role, comes in.
	for _, who := range []string{"zoe", "yves"} {
		if _, err := arrive(who); !errors.Is(err, accounts.ErrNoRole) {
			t.Errorf("%s: %v", who, err)
		}
	}
	made, err := all.Provision(hr, accounts.ProvisionedPerson{UserName: "zoe", Subject: "u-17", Given: "Zoé", Family: "D.", Email: "z.d@example.org", Role: accounts.Organiser}, now)
	must(t, err)
	if made.Account.State != accounts.Invited {
		t.Errorf("%+v", made.Account)
	}
	in, err := arrive("zoe")
	if err != nil || in.Account.ID != made.Account.ID || in.Account.Role != accounts.Organiser || in.Account.Email != "z.d@example.org" || in.Account.State != accounts.Active {
		t.Fatalf("%+v, %v", in.Account, err)
	}
	if _, err := arrive("yves"); !errors.Is(err, accounts.ErrNoRole) {
		t.Error(err)
	}
	change := func(how func(*accounts.ProvisionedPerson)) {
		t.Helper()
		_, err := all.Reprovision(hr, made.Account.ID, func(is accounts.ProvisionedAccount) (accounts.ProvisionedPerson, error) {
			how(&is.Person)
			return is.Person, nil
		}, time.Now())
		must(t, err)
	}
	// Whoever provisions shuts out and lets in again, and says the name; the provider only says that it is them.
	change(func(p *accounts.ProvisionedPerson) { p.Off = true })
	if _, _, err := all.Session(in.Session.Reveal(), time.Now()); !errors.Is(err, accounts.ErrNoSession) {
		t.Error(err)
	}
	if _, err := arrive("zoe"); !errors.Is(err, accounts.ErrDisabled) {
		t.Error(err)
	}
	change(func(p *accounts.ProvisionedPerson) { p.Off, p.Family = false, "Martin" })
	if in, err = arrive("zoe"); err != nil || in.Account.Name != "Zoé Martin" {
		t.Errorf("%+v, %v", in.Account, err)
	}
	// Their account becomes somebody else's there: who it was no longer comes in.
	change(func(p *accounts.ProvisionedPerson) { p.Subject = "u-99" })
	if _, err := arrive("zoe"); !errors.Is(err, accounts.ErrOtherPerson) {
		t.Error(err)
	}
	change(func(p *accounts.ProvisionedPerson) { p.Subject = "u-17" })
	if in, err = arrive("zoe"); err != nil {
		t.Fatal(err)
	}
	if n, err := all.EndProvided(issuer, "zoe", "", time.Now()); err != nil || n < 1 {
		t.Errorf("%d, %v", n, err)
	}
	// Taken away there, nothing is left of the link: who comes is nobody.
	must(t, all.Deprovision(hr, made.Account.ID, func(accounts.ProvisionedAccount) error { return nil }, time.Now()))
	if _, err := arrive("zoe"); !errors.Is(err, accounts.ErrNoRole) {
		t.Error(err)
	}
}
