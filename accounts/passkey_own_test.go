package accounts

import (
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
