package accounts

import (
	"testing"
	"time"

	"huisclos/accounts/passkey"
	"huisclos/audit"
)

func TestReplaceTOTP(t *testing.T) {
	// ASVS 6.5.6, 7.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	_, err := w.ReplaceTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon)
	wantErr(t, "nothing to replace", err, ErrNoSecondFactor)
	old, first := w.enrol(member, memberPhrase)

	now := noon.Add(time.Minute)
	for name, p := range map[string]struct {
		proof Proof
		want  error
	}{
		"no code":            {Proof{Passphrase: memberPhrase}, NeedsFactor{TOTP: true}},
		"a wrong passphrase": {Proof{Passphrase: "wrong", Code: old.code(now)}, ErrPassphraseWrong},
		"a wrong code":       {Proof{Passphrase: memberPhrase, Code: old.wrong(now)}, ErrCodeWrong},
		"a used code":        {Proof{Passphrase: memberPhrase, Code: old.code(noon)}, ErrCodeWrong},
	} {
		_, err := w.ReplaceTOTP(t.Context(), member.ID, p.proof, desk, now)
		wantErr(t, name, err, p.want)
	}
	_, err = w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: old.code(now)}, desk, now)
	wantErr(t, "a second one that replaces nothing", err, ErrSecondFactorThere)

	e, err := w.ReplaceTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: old.code(now)}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	fresh := newPhone(t, e)
	// Until its first code nothing has changed: the old one signs in, the new one doesn't, the session stays.
	now = now.Add(time.Minute)
	_, err = w.signIn(grace, memberPhrase, fresh.code(now), desk, now)
	wantErr(t, "the new one before it is confirmed", err, ErrCodeWrong)
	if _, err := w.signIn(grace, memberPhrase, old.code(now), desk, now); err != nil || !w.signedIn(first.Session, now) {
		t.Errorf("the old one before the new one is confirmed: %v", err)
	}
	// Nor does a code of the old one confirm the new one.
	now = now.Add(time.Minute)
	_, err = w.ConfirmTOTP(member.ID, old.code(now), desk, now)
	wantErr(t, "confirmed by the old one", err, ErrCodeWrong)
	w.takeEnded()
	now = now.Add(10 * time.Second) // five failures from one address: a wait
	c, err := w.ConfirmTOTP(member.ID, fresh.code(now), desk, now)
	if err != nil || len(c.Recovery) != 0 || !c.Since.Equal(now) {
		t.Fatalf("confirmed: %+v, %v", c, err)
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != FactorChanged {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(first.Session, now) || !w.signedIn(c.Session, now) {
		t.Error("not all sessions but the new one ended")
	}
	if e := w.entry(audit.FactorReplaced); e.Actor != member.ID.String() || e.Object != member.ID.String() || e.Client != desk.Address || e.Detail["kind"] != "totp" {
		t.Errorf("recorded %+v", e)
	}
	now = now.Add(time.Minute)
	_, err = w.signIn(grace, memberPhrase, old.code(now), desk, now)
	wantErr(t, "the old one afterwards", err, ErrCodeWrong)
	now = now.Add(20 * time.Second)
	if _, err := w.signIn(grace, memberPhrase, fresh.code(now), desk, now); err != nil {
		t.Errorf("the new one afterwards: %v", err)
	}
	_, err = w.ConfirmTOTP(member.ID, fresh.code(now.Add(30*time.Second)), desk, now)
	wantErr(t, "confirmed again", err, ErrSecondFactorThere)

	// A telephone that is gone: a recovery code does, and the others stay.
	e, err = w.ReplaceTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: first.Recovery[3].Reveal()}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ConfirmTOTP(member.ID, newPhone(t, e).code(now.Add(EnrolmentLifetime)), desk, now.Add(EnrolmentLifetime))
	wantErr(t, "after ten minutes", err, ErrEnrolmentOver)
	if _, err = w.ConfirmTOTP(member.ID, newPhone(t, e).code(now), desk, now); err != nil {
		t.Error(err)
	}
	if f, err := w.Factors(member.ID); err != nil || f.RecoveryLeft != recoveryCodes-1 || !f.TOTP.Equal(now) {
		t.Errorf("afterwards: %+v, %v", f, err)
	}
}

// TestReplaceWhereAFactorIsRequired: who may not turn it off may change it all the same, and is at no moment without one.
func TestReplaceWhereAFactorIsRequired(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	old, _ := w.enrol(admin, adminPhrase)
	now := noon.Add(time.Minute)
	_, err := w.RemoveTOTP(t.Context(), admin.ID, Proof{Passphrase: adminPhrase, Code: old.code(now)}, desk, now)
	wantErr(t, "removed", err, ErrFactorKept)
	e, err := w.ReplaceTOTP(t.Context(), admin.ID, Proof{Passphrase: adminPhrase, Code: old.code(now)}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := w.Get(admin.ID); err != nil || !a.TOTP {
		t.Errorf("between: %+v, %v", a, err)
	}
	c, err := w.ConfirmTOTP(admin.ID, newPhone(t, e).code(now), desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if a, _, err := w.Session(c.Session.Reveal(), now); err != nil || a.FactorMissing {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
	// What an administrator takes takes the one that is being set up too.
	k := newPhone(t, e)
	now = now.Add(time.Minute)
	if e, err = w.ReplaceTOTP(t.Context(), admin.ID, Proof{Passphrase: adminPhrase, Code: k.code(now)}, desk, now); err != nil {
		t.Fatal(err)
	}
	if err := w.TakeFactors(actor(admin), admin.ID, now); err != nil {
		t.Fatal(err)
	}
	_, err = w.ConfirmTOTP(admin.ID, newPhone(t, e).code(now), desk, now)
	wantErr(t, "confirmed after all was taken", err, ErrEnrolmentOver)
}

// TestReplaceByPasskey: a passkey stands for passphrase and code.
func TestReplaceByPasskey(t *testing.T) {
	w := newWorld(t)
	k := w.keyring()
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	k.give(member, memberPhrase, noon)
	e, err := w.BeginTOTP(t.Context(), member.ID, Proof{Passkey: k.asserts(passkey.Prove, member.ID, noon)}, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ConfirmTOTP(member.ID, newPhone(t, e).code(noon), desk, noon); err != nil {
		t.Fatal(err)
	}
	if e, err = w.ReplaceTOTP(t.Context(), member.ID, Proof{Passkey: k.asserts(passkey.Prove, member.ID, noon)}, desk, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ConfirmTOTP(member.ID, newPhone(t, e).code(noon), desk, noon); err != nil {
		t.Fatal(err)
	}
}
