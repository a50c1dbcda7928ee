package accounts

import (
	"errors"
	"testing"
	"time"

	"huisclos/accounts/passkey"
	"huisclos/audit"
	"huisclos/store"
)

// keyedGuest comes by invitation and makes a passkey.
func (w *world) keyedGuest(k *keyring, by Actor, room [16]byte, email string, now time.Time) (Account, Token) {
	w.t.Helper()
	token := w.inviteTo(by, room, email, now)
	code := w.codeFor(token, email, now)
	id, err := w.GuestToBe(token, email, code, "Gus Invité", desk, now)
	if err != nil {
		w.t.Fatal(err)
	}
	again, err := w.GuestToBe(token, email, code, "Gus Invité", desk, now)
	if err != nil || again != id {
		w.t.Fatalf("asked again: %v, %v", again, err)
	}
	key := k.made(id, now)
	a, session, err := w.Accept(w.t.Context(), Acceptance{Token: token, Email: email, Code: code, Name: "Gus Invité", Key: &key, KeyName: "Téléphone"}, desk, now)
	if err != nil || a.ID != id {
		w.t.Fatalf("%v, %v", a.ID, err)
	}
	return a, session
}

func TestGuestWithPasskeyAlone(t *testing.T) {
	// ASVS 6.3.8, 6.5.1
	w := newWorld(t)
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	k := w.keyring()
	a, session := w.keyedGuest(k, by, hall, "gus@example.org", noon)
	if !a.Keyed || a.State != Active || a.Role != Guest || !w.signedIn(session, noon) {
		t.Errorf("%+v", a)
	}
	if e := w.entry(audit.GuestCreated); e.Detail["by"] != "passkey" {
		t.Errorf("%+v", e)
	}
	f, err := w.Factors(a.ID)
	if err != nil || len(f.Passkeys) != 1 || f.Passkeys[0].Name != "Téléphone" || f.RecoveryLeft != 0 {
		t.Errorf("%+v, %v", f, err)
	}
	now := noon.Add(time.Minute)
	if in, err := k.signIn(now); err != nil || in.Account.ID != a.ID {
		t.Errorf("by passkey: %v", err)
	}
	// Who types a passphrase gets the answer and costs the work of an address that nobody has.
	for _, phrase := range []string{guestPhrase, ""} {
		before := w.hasher.Computed()
		_, _, err := w.Login(t.Context(), "gus@example.org", phrase, from(1), now)
		known := w.hasher.Computed()
		_, _, unknown := w.Login(t.Context(), "nobody@example.org", phrase, from(2), now)
		after := w.hasher.Computed()
		if !errors.Is(err, ErrCredentials) || !errors.Is(unknown, ErrCredentials) || err.Error() != unknown.Error() || known-before != after-known || known == before {
			t.Errorf("%q: %v after %d, %v after %d", phrase, err, known-before, unknown, after-known)
		}
	}
	if e := w.entry(audit.LoginRefused); e.Detail["reason"] == "" {
		t.Errorf("%+v", e)
	}
	prove := func(at time.Time) Proof { return Proof{Passkey: k.asserts(passkey.Prove, a.ID, at)} }
	_, err = w.RemovePasskey(t.Context(), a.ID, f.Passkeys[0].ID, prove(now), desk, now)
	wantErr(t, "the only passkey", err, ErrLastKey)
	_, err = w.BeginTOTP(t.Context(), a.ID, prove(now), desk, now)
	wantErr(t, "TOTP", err, ErrNoPassphrase)
	_, err = w.RenewRecovery(t.Context(), a.ID, prove(now), desk, now)
	wantErr(t, "recovery codes", err, ErrNoPassphrase)
	_, err = w.ChangePassphrase(t.Context(), a.ID, Proof{Passkey: prove(now).Passkey}, guestPhrase, desk, now)
	wantErr(t, "a change", err, ErrPassphraseWrong)
	// A second passkey brings no codes, and then the first may go.
	if _, err := w.MayAddPasskey(t.Context(), a.ID, prove(now), desk, now); err != nil {
		t.Fatal(err)
	}
	_, c, err := w.AddPasskey(a.ID, "Clé", k.made(a.ID, now), desk, now)
	if err != nil || len(c.Recovery) != 0 {
		t.Fatalf("%d codes, %v", len(c.Recovery), err)
	}
	if _, err := w.RemovePasskey(t.Context(), a.ID, f.Passkeys[0].ID, prove(now), desk, now); err != nil {
		t.Error(err)
	}
}

func TestPassphraseBesideAPasskey(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	k := w.keyring()
	a, session := w.keyedGuest(k, by, hall, "gus@example.org", noon)
	now := noon.Add(time.Minute)
	_, err := w.ChoosePassphrase(t.Context(), a.ID, k.asserts(passkey.Prove, a.ID, now), "short", desk, now)
	wantErr(t, "a short one", err, ErrPassphraseShort)
	c, err := w.ChoosePassphrase(t.Context(), a.ID, k.asserts(passkey.Prove, a.ID, now), guestPhrase, desk, now)
	if err != nil || len(c.Recovery) != recoveryCodes || !w.signedIn(c.Session, now) || w.signedIn(session, now) {
		t.Fatalf("%d codes, %v", len(c.Recovery), err)
	}
	_, err = w.ChoosePassphrase(t.Context(), a.ID, k.asserts(passkey.Prove, a.ID, now), guestPhrase, desk, now)
	wantErr(t, "a second time", err, ErrPassphraseThere)
	_, err = w.signIn("gus@example.org", guestPhrase, "", desk, now)
	if needs, ok := errors.AsType[NeedsFactor](err); !ok || !needs.Passkey {
		t.Errorf("the passphrase alone: %v", err)
	}
	if _, err := w.signIn("gus@example.org", guestPhrase, c.Recovery[0].Reveal(), desk, now); err != nil {
		t.Errorf("with a recovery code: %v", err)
	}
	// A full account without a passphrase stays one; a privileged one it can't become.
	b, _ := w.keyedGuest(w.keyring(), by, hall, "bea@example.org", now)
	if _, err := w.SetRole(actor(admin), b.ID, Member, noon); err != nil || !w.record(b.ID).keyed() {
		t.Errorf("to member: %v", err)
	}
	_, err = w.SetRole(actor(admin), b.ID, Administrator, noon)
	wantErr(t, "to administrator", err, ErrPassphraseForRole)
}

// TestLostPasskey: a new link gives a guest a new passkey or a passphrase, and what was lost is good for nothing any more.
func TestLostPasskey(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	lost := w.keyring()
	a, session := w.keyedGuest(lost, by, hall, "gus@example.org", noon)
	_, _, err := w.ActivateByKey("x", "Clé", lost.made(a.ID, noon), desk, noon)
	wantErr(t, "no link", err, ErrActivation)
	link, err := w.NewActivation(actor(admin), a.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	found := w.keyring()
	_, token, err := w.ActivateByKey(link.Token.Reveal(), "Nouveau", found.made(a.ID, noon), desk, noon)
	if err != nil || w.signedIn(session, noon) || !w.signedIn(token, noon) {
		t.Fatal(err)
	}
	if e := w.entry(audit.ActivationUsed); e.Detail["reset"] != "yes" || e.Detail["by"] != "passkey" || e.Detail["replaced"] != "1" {
		t.Errorf("%+v", e)
	}
	_, err = lost.signIn(noon)
	wantErr(t, "the lost one", err, ErrPasskeyRefused)
	if _, err := found.signIn(noon); err != nil {
		t.Error(err)
	}
	// The organiser's link goes to the guest's mailbox.
	other := w.organiserOf("Oscar Hôte", "oscar@example.org")
	_, err = w.GuestLink(other, hall, a.ID, noon)
	wantErr(t, "another organiser", err, ErrNotFound)
	if link, err = w.GuestLink(by, hall, a.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), guestPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	if r := w.record(a.ID); r.keyed() || r.secondFactor() || r.Hash == "" {
		t.Errorf("keyed %v, second %v", r.keyed(), r.secondFactor())
	}
	if _, _, err := w.Login(t.Context(), "gus@example.org", guestPhrase, from(3), noon); err != nil {
		t.Error(err)
	}
	// A full account that has a passkey alone: factors can't be taken from it, and a link replaces it, unless its role needs a second one.
	full := w.keyring()
	b, _ := w.keyedGuest(full, by, hall, "bea@example.org", noon)
	if _, err := w.SetRole(actor(admin), b.ID, Member, noon); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "take factors", w.TakeFactors(actor(admin), b.ID, noon), ErrNoSecondFactor)
	reset := func() error {
		t.Helper()
		link, err := w.NewActivation(actor(admin), b.ID, noon)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = w.Activate(t.Context(), link.Token.Reveal(), guestPhrase, desk, noon)
		return err
	}
	if err := w.db.Update(func(tx *store.Tx) error { return tx.Put(stateBucket, policyKey, []byte(`{"member":"required"}`)) }); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "a link where a second factor is needed", reset(), ErrSignIn)
	if r := w.record(b.ID); len(r.Passkeys) != 1 || r.Hash == "" {
		t.Errorf("%d passkeys", len(r.Passkeys))
	}
	// For other roles a link gives no passkey, nor for a guest with a second factor.
	member, _ := w.member(admin, "Grace Hopper", grace)
	if link, err = w.NewActivation(actor(admin), member.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.ActivateByKey(link.Token.Reveal(), "Clé", found.made(member.ID, noon), desk, noon)
	wantErr(t, "a member", err, ErrActivation)
	w.enrol(a, guestPhrase)
	if link, err = w.GuestLink(by, hall, a.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.ActivateByKey(link.Token.Reveal(), "Clé", found.made(a.ID, noon), desk, noon)
	wantErr(t, "a second factor", err, ErrActivation)
}
