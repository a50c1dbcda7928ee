package accounts

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"huisclos/accounts/passkey"
	"huisclos/accounts/passkey/passkeytest"
	"huisclos/audit"
)

const passkeyOrigin = "https://visio.example.org"

// keyring is a browser with an authenticator, and the party that it deals with.
type keyring struct {
	*passkeytest.Authenticator
	w     *world
	party *passkey.Party
}

func (w *world) keyring() *keyring {
	w.t.Helper()
	p, err := passkey.New("visio.example.org", "Huis Clos", rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	return &keyring{&passkeytest.Authenticator{Origin: passkeyOrigin}, w, p}
}

func visitorOf(id ID) passkey.Visitor {
	return passkey.Visitor{Cookie: "cookie", Origin: passkeyOrigin, Account: id}
}

// made is a new passkey for an account, not yet the account's.
func (k *keyring) made(id ID, now time.Time) PasskeyKey {
	k.w.t.Helper()
	options, err := k.party.BeginAdd(visitorOf(id), "x@example.org", "X", nil, now)
	if err != nil {
		k.w.t.Fatal(err)
	}
	answer, err := k.Create(options)
	if err != nil {
		k.w.t.Fatal(err)
	}
	made, err := k.party.FinishAdd(answer, visitorOf(id), now)
	if err != nil {
		k.w.t.Fatal(err)
	}
	return PasskeyKey(made)
}

// give adds one to an account that has none.
func (k *keyring) give(a Account, phrase string, now time.Time) (Passkey, Confirmed) {
	k.w.t.Helper()
	if _, err := k.w.MayAddPasskey(k.w.t.Context(), a.ID, Proof{Passphrase: phrase}, desk, now); err != nil {
		k.w.t.Fatal(err)
	}
	added, c, err := k.w.AddPasskey(a.ID, "  Ordinateur ", k.made(a.ID, now), desk, now)
	if err != nil {
		k.w.t.Fatal(err)
	}
	return added, c
}

// asserts signs for a purpose with the last passkey of the keyring; owner is zero to sign in.
func (k *keyring) asserts(purpose passkey.Purpose, owner ID, now time.Time) Assertion {
	k.w.t.Helper()
	asked, err := k.party.BeginUse(purpose, visitorOf(owner), nil, now)
	if err != nil {
		k.w.t.Fatal(err)
	}
	answer, err := k.Get(asked)
	if err != nil {
		k.w.t.Fatal(err)
	}
	use, err := k.party.FinishUse(answer, purpose, visitorOf(owner), now)
	if err != nil {
		k.w.t.Fatal(err)
	}
	return use
}

func (k *keyring) signIn(now time.Time) (SignedIn, error) {
	return k.w.LoginPasskey(k.asserts(passkey.SignIn, ID{}, now), "", desk, now)
}

func TestPasskeySignsInByItself(t *testing.T) {
	// ASVS 6.5.1, 7.2.4, 7.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, before := w.member(admin, "Grace Hopper", grace)
	k := w.keyring()
	added, c := k.give(member, memberPhrase, noon)
	if added.Name != "Ordinateur" || !added.Created.Equal(noon) || !added.Used.IsZero() || added.Party != "visio.example.org" || len(c.Recovery) != recoveryCodes {
		t.Errorf("added %+v with %d recovery codes", added, len(c.Recovery))
	}
	if w.signedIn(before, noon) || !w.signedIn(c.Session, noon) {
		t.Error("the sessions of before did not end, or none began")
	}
	if e := w.entry(audit.FactorAdded); e.Object != member.ID.String() || e.Detail["kind"] != "passkey" || e.Detail["passkey"] != added.ID.String() {
		t.Errorf("recorded as %+v", e)
	}
	now := noon.Add(time.Minute)
	in, err := k.signIn(now)
	if err != nil || in.Account.ID != member.ID || !in.Account.SecondFactor || !w.signedIn(in.Session, now) {
		t.Fatalf("signed in: %+v, %v", in, err)
	}
	if e := w.entry(audit.LoginOK); e.Actor != member.ID.String() || e.Detail["by"] != "passkey" {
		t.Errorf("recorded as %+v", e)
	}
	f, err := w.Factors(member.ID)
	if err != nil || len(f.Passkeys) != 1 || !f.Passkeys[0].Used.Equal(now) || f.RecoveryLeft != recoveryCodes || !f.TOTP.IsZero() {
		t.Errorf("factors %+v, %v", f, err)
	}
	// The passphrase alone signs in no more, and says which kinds there are; a recovery code stands for the passkey.
	_, err = w.signIn(grace, memberPhrase, "", desk, now)
	if needs, ok := errors.AsType[NeedsFactor](err); !ok || needs != (NeedsFactor{Passkey: true}) {
		t.Errorf("passphrase alone: %v", err)
	}
	_, err = w.signIn(grace, memberPhrase, "123456", desk, now)
	wantErr(t, "six digits of no application", err, ErrCodeWrong)
	if in, err = w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), desk, now); err != nil || !in.Recovery || in.RecoveryLeft != recoveryCodes-1 {
		t.Errorf("recovery code: %+v, %v", in, err)
	}
}

func TestPasskeysThatDoNotSignIn(t *testing.T) {
	// ASVS 6.3.8
	for name, c := range map[string]struct {
		with   func(*world, *keyring, Account, Account)
		email  string
		reason string
		object bool
	}{
		"an unknown one": {func(w *world, k *keyring, _, m Account) { k.made(m.ID, noon) }, "", "unknown", false},
		"of a disabled account": {func(w *world, k *keyring, a, m Account) {
			if _, err := w.Disable(actor(a), m.ID, noon); err != nil {
				w.t.Fatal(err)
			}
		}, "", "disabled", true},
		"of a deleted account": {func(w *world, k *keyring, a, m Account) {
			if err := w.Delete(actor(a), m.ID, noon); err != nil {
				w.t.Fatal(err)
			}
		}, "", "unknown", false},
		"signed by another key": {func(w *world, k *keyring, _, m Account) {
			id := k.Keys[0].ID
			k.made(m.ID, noon)
			k.Keys[1].ID = id
		}, "", "signature", true},
		"without user verification": {func(_ *world, k *keyring, _, _ Account) { k.NotVerified = true }, "", "verification", true},
		"on another site":           {func(_ *world, k *keyring, _, _ Account) { k.Origin = "https://evil.example" }, "", "origin", true},
		"for another party":         {func(_ *world, k *keyring, _, _ Account) { k.Party = "example.org" }, "", "party", true},
		"with another's handle":     {func(_ *world, k *keyring, a, _ Account) { k.Keys[0].Handle = a.ID[:] }, "", "owner", true},
		"a counter that goes back":  {func(_ *world, k *keyring, _, _ Account) { k.Keys[0].Counter -= 2 }, "", "counter", true},
		"a counter that stays":      {func(_ *world, k *keyring, _, _ Account) { k.Keys[0].Counter-- }, "", "counter", true},
		"a counter that is gone":    {func(_ *world, k *keyring, _, _ Account) { k.NoCounter, k.Keys[0].Counter = true, 0 }, "", "counter", true},
		"of whom one did not say":   {func(_ *world, k *keyring, _, _ Account) {}, "ada@example.org", "owner", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			admin, _ := w.administrator()
			member, _ := w.member(admin, "Grace Hopper", grace)
			k := w.keyring()
			k.give(member, memberPhrase, noon)
			if _, err := k.signIn(noon); err != nil { // so that there is a counter to go back from
				t.Fatal(err)
			}
			c.with(w, k, admin, member)
			_, err := w.LoginPasskey(k.asserts(passkey.SignIn, ID{}, noon), c.email, desk, noon)
			wantErr(t, name, err, ErrPasskeyRefused)
			if Code(err) != "passkeyRefused" || err.Error() != ErrPasskeyRefused.Error() {
				t.Errorf("it says more than that it is refused: %v", err)
			}
			e := w.entry(audit.FactorRefused)
			if e.Detail["reason"] != c.reason || e.Detail["kind"] != "passkey" || e.Result != audit.Refused || (e.Object == member.ID.String()) != c.object {
				t.Errorf("recorded as %+v", e)
			}
		})
	}
}

func TestSyncedPasskeysHaveNoCounter(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	k := w.keyring()
	k.NoCounter, k.Backup = true, true
	k.give(member, memberPhrase, noon)
	for range 3 {
		if _, err := k.signIn(noon); err != nil {
			t.Fatal(err)
		}
	}
	if r := w.record(member.ID); !r.Passkeys[0].BackupEligible || !r.Passkeys[0].BackedUp {
		t.Errorf("kept as %+v", r.Passkeys[0])
	}
}

func TestRefusedPasskeysAreLimitedByAddress(t *testing.T) {
	// ASVS 6.3.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	k := w.keyring()
	k.give(member, memberPhrase, noon)
	good := k.Keys[0]
	k.made(member.ID, noon)
	for range 5 {
		_, err := k.signIn(noon)
		wantErr(t, "unknown", err, ErrPasskeyRefused)
	}
	_, err := k.signIn(noon)
	wantErr(t, "a sixth", err, ErrTooMany{})
	if e := w.entry(audit.LoginLimited); e.Detail["by"] != "address" {
		t.Errorf("recorded as %+v", e)
	}
	// The owner, elsewhere, is not kept out.
	k.Keys = []*passkeytest.Key{good}
	if _, err := w.LoginPasskey(k.asserts(passkey.SignIn, ID{}, noon), "", from(7), noon); err != nil {
		t.Error(err)
	}
}
