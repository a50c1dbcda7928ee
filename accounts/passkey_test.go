package accounts

import (
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts/passkey"
	"huisclos/accounts/passkey/passkeytest"
	"huisclos/audit"
	"huisclos/store"
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

func TestPasskeysOfAnAccount(t *testing.T) {
	// ASVS 6.5.4, 7.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	k := w.keyring()
	_, err := w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: "wrong"}, desk, noon)
	wantErr(t, "a wrong passphrase", err, ErrPassphraseWrong)
	first, c := k.give(member, memberPhrase, noon)

	// A second one asks for more than the passphrase, and makes no other recovery codes.
	_, err = w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon)
	wantErr(t, "the passphrase alone", err, ErrSecondFactorNeeded)
	for name, p := range map[string]Proof{"by passkey": {Passkey: k.asserts(passkey.Prove, member.ID, noon)}, "by recovery code": {Passphrase: memberPhrase, Code: c.Recovery[0].Reveal()}} {
		list, err := w.MayAddPasskey(t.Context(), member.ID, p, desk, noon)
		if err != nil || len(list) != 1 || list[0].ID != first.ID {
			t.Fatalf("%s: %+v, %v", name, list, err)
		}
	}
	if left := w.record(member.ID).Recovery.left(); left != recoveryCodes-1 {
		t.Errorf("%d recovery codes left", left)
	}
	key := k.made(member.ID, noon)
	second, c, err := w.AddPasskey(member.ID, "Téléphone", key, desk, noon)
	if err != nil || len(c.Recovery) != 0 {
		t.Fatalf("a second one: %d recovery codes, %v", len(c.Recovery), err)
	}
	_, _, err = w.AddPasskey(admin.ID, "x", key, desk, noon)
	wantErr(t, "the same for another account", err, ErrPasskeyThere)
	for _, bad := range []string{"", " ", "a\nb", strings.Repeat("x", 129)} {
		_, _, err = w.AddPasskey(member.ID, bad, k.made(member.ID, noon), desk, noon)
		wantErr(t, "a bad name", err, ErrPasskeyName)
		wantErr(t, "renamed badly", w.RenamePasskey(member.ID, first.ID, bad, desk, noon), ErrPasskeyName)
	}
	if err := w.RenamePasskey(member.ID, second.ID, "Vieux téléphone", desk, noon); err != nil {
		t.Error(err)
	}
	if e := w.entry(audit.PasskeyRenamed); e.Detail["passkey"] != second.ID.String() || len(e.Detail) != 1 {
		t.Errorf("recorded as %+v", e)
	}
	wantErr(t, "another's", w.RenamePasskey(admin.ID, second.ID, "mine", desk, noon), ErrNoPasskey)
	for i := 2; i < MaxPasskeys; i++ {
		if _, _, err := w.AddPasskey(member.ID, "x", k.made(member.ID, noon), desk, noon); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.AddPasskey(member.ID, "x", k.made(member.ID, noon), desk, noon)
	wantErr(t, "an eleventh", err, ErrPasskeysFull)
	_, err = w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon)
	wantErr(t, "to begin an eleventh", err, ErrPasskeysFull)

	// Removed one by one; the recovery codes go with the last.
	_, err = w.RemovePasskey(t.Context(), member.ID, second.ID, Proof{Passphrase: memberPhrase}, desk, noon)
	wantErr(t, "to remove without a second factor", err, ErrSecondFactorNeeded)
	_, err = w.RemovePasskey(t.Context(), admin.ID, second.ID, Proof{Passphrase: adminPhrase}, desk, noon)
	wantErr(t, "another's", err, ErrNoPasskey)
	f, err := w.Factors(member.ID)
	if err != nil || len(f.Passkeys) != MaxPasskeys {
		t.Fatalf("%d, %v", len(f.Passkeys), err)
	}
	for i, one := range f.Passkeys {
		// Its own last act can be to remove itself.
		k.Keys = slices.DeleteFunc(k.Keys, func(x *passkeytest.Key) bool { return string(x.ID) == string(one.Credential) })
		if i == len(f.Passkeys)-1 {
			break
		}
		session, err := w.RemovePasskey(t.Context(), member.ID, one.ID, Proof{Passkey: k.provenBy(t, member.ID, f.Passkeys[i+1:])}, desk, noon)
		if err != nil || !w.signedIn(session, noon) {
			t.Fatal(err)
		}
	}
	r := w.record(member.ID)
	if len(r.Passkeys) != 1 || r.Recovery == nil {
		t.Fatalf("left: %+v", r)
	}
	_, err = w.RenewRecovery(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: "123456"}, desk, noon)
	wantErr(t, "new codes by six digits of no application", err, ErrCodeWrong)
	if _, err := w.TakeFactorsOf(admin, member.ID); err != nil {
		t.Fatal(err)
	}
	if r = w.record(member.ID); r.secondFactor() || r.Recovery != nil {
		t.Errorf("after an administrator took them: %+v", r)
	}
	if e := w.entry(audit.FactorTaken); e.Detail["kind"] != "passkey" {
		t.Errorf("recorded as %+v", e)
	}
	if n := w.indexed(); n != 0 {
		t.Errorf("%d entries in the index", n)
	}
	if _, err := w.signIn(grace, memberPhrase, "", desk, noon.Add(time.Hour)); err != nil {
		t.Errorf("by the passphrase alone: %v", err)
	}
}

// TakeFactorsOf is TakeFactors by an account.
func (w *world) TakeFactorsOf(by Account, id ID) (Account, error) {
	if err := w.TakeFactors(actor(by), id, noon); err != nil {
		return Account{}, err
	}
	return w.Get(id)
}

// provenBy signs with one of the keyring's that the account still has.
func (k *keyring) provenBy(t *testing.T, owner ID, have []Passkey) Assertion {
	t.Helper()
	var known []passkey.Known
	for _, p := range have {
		known = append(known, passkey.Known{Credential: p.Credential, Transports: p.Transports})
	}
	asked, err := k.party.BeginUse(passkey.Prove, visitorOf(owner), known, noon)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := k.Get(asked)
	if err != nil {
		t.Fatal(err)
	}
	use, err := k.party.FinishUse(answer, passkey.Prove, visitorOf(owner), noon)
	if err != nil {
		t.Fatal(err)
	}
	return use
}

// indexed is how many passkeys the index knows.
func (w *world) indexed() (n int) {
	if err := w.db.View(func(tx *store.Tx) error {
		tx.Scan(passkeysBucket, nil, nil, 0, func(_, _ []byte) bool { n++; return true })
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func TestPasskeyBesideTOTP(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	phone, _ := w.enrol(member, memberPhrase)
	k, now := w.keyring(), noon.Add(time.Minute)
	_, err := w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, now)
	wantErr(t, "without the code", err, ErrSecondFactorNeeded)
	if _, err := w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: phone.code(now)}, desk, now); err != nil {
		t.Fatal(err)
	}
	_, err = w.MayAddPasskey(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: phone.code(now)}, desk, now)
	wantErr(t, "the same code again", err, ErrCodeWrong)
	if _, c, err := w.AddPasskey(member.ID, "Clé", k.made(member.ID, now), desk, now); err != nil || len(c.Recovery) != 0 {
		t.Fatalf("%d new codes, %v", len(c.Recovery), err)
	}
	_, err = w.signIn(grace, memberPhrase, "", desk, now)
	if needs, _ := errors.AsType[NeedsFactor](err); needs != (NeedsFactor{TOTP: true, Passkey: true}) {
		t.Errorf("passphrase alone: %v", err)
	}
	// TOTP goes by the passkey, and the recovery codes stay for it.
	session, err := w.RemoveTOTP(t.Context(), member.ID, Proof{Passkey: k.asserts(passkey.Prove, member.ID, now)}, desk, now)
	if err != nil || !w.signedIn(session, now) {
		t.Fatal(err)
	}
	if r := w.record(member.ID); r.TOTP != nil || r.Recovery.left() != recoveryCodes || len(r.Passkeys) != 1 {
		t.Errorf("left: %+v", r)
	}
	// A new TOTP takes the passkey too, or a recovery code: an open session and a passphrase do not do.
	_, err = w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, now)
	wantErr(t, "TOTP by the passphrase alone", err, ErrSecondFactorNeeded)
	e, err := w.BeginTOTP(t.Context(), member.ID, Proof{Passkey: k.asserts(passkey.Prove, member.ID, now)}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	c, err := w.ConfirmTOTP(member.ID, newPhone(t, e).code(now), desk, now)
	if err != nil || len(c.Recovery) != 0 {
		t.Errorf("%d new codes, %v", len(c.Recovery), err)
	}
	// New codes by the passkey alone.
	codes, err := w.RenewRecovery(t.Context(), member.ID, Proof{Passkey: k.asserts(passkey.Prove, member.ID, now)}, desk, now)
	if err != nil || len(codes) != recoveryCodes {
		t.Errorf("%d codes, %v", len(codes), err)
	}
}

func TestPassphraseIsChangedWithAPasskey(t *testing.T) {
	// ASVS 6.2.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	k := w.keyring()
	k.give(member, memberPhrase, noon)
	change := func(old Proof) error {
		_, err := w.ChangePassphrase(t.Context(), member.ID, old, "another phrase of hers 17", desk, noon)
		return err
	}
	wantErr(t, "without", change(Proof{Passphrase: memberPhrase}), ErrSecondFactorNeeded)
	wantErr(t, "without the old one", change(Proof{Passkey: k.asserts(passkey.Prove, member.ID, noon)}), ErrPassphraseWrong)
	stale := k.asserts(passkey.Prove, member.ID, noon)
	if err := change(Proof{Passphrase: memberPhrase, Passkey: k.asserts(passkey.Prove, member.ID, noon)}); err != nil {
		t.Fatal(err)
	}
	_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: "another phrase of hers 17", Passkey: stale}, "a third phrase of hers 23", desk, noon)
	wantErr(t, "an assertion of before the last", err, ErrPasskeyRefused)
}

// TestALinkIsNoPasskey: an activation link sets the passphrase and signs nobody in past a passkey.
func TestALinkIsNoPasskey(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	w.keyring().give(member, memberPhrase, noon)
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Activate(t.Context(), link.Token.Reveal(), "another phrase of hers 17", desk, noon)
	wantErr(t, "a link", err, ErrSignIn)
}
