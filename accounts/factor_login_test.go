package accounts

import (
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

func TestSignInWithASecondFactor(t *testing.T) {
	// ASVS 6.3.4, 6.5.1, 6.5.8
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, _ := w.enrol(member, memberPhrase)
	_, err := w.signIn(grace, memberPhrase, p.code(noon), desk, noon)
	wantErr(t, "the code of the confirmation again", err, ErrCodeWrong)
	now := noon.Add(time.Minute)
	for _, code := range []string{"", " ", "\t"} {
		before := w.db.Revision()
		_, err := w.signIn(grace, memberPhrase, code, desk, now)
		wantErr(t, "no code", err, ErrSecondFactorNeeded)
		if w.db.Revision() != before {
			t.Error("something was written for a passphrase without a code")
		}
	}
	shown := p.code(now)
	in, err := w.signIn(grace, memberPhrase, " "+shown[:3]+" "+shown[3:]+" ", desk, now)
	if err != nil || in.Account.ID != member.ID || !in.Account.SecondFactor || in.Recovery || !w.signedIn(in.Session, now) {
		t.Fatalf("%+v, %v", in, err)
	}
	_, err = w.signIn(grace, memberPhrase, shown, desk, now)
	wantErr(t, "the same code again", err, ErrCodeWrong)
	w = w.restart(path)
	_, err = w.signIn(grace, memberPhrase, shown, from(1), now)
	wantErr(t, "the same code after a restart", err, ErrCodeWrong)
	_, err = w.signIn(grace, memberPhrase, p.code(now.Add(-30*time.Second)), from(2), now)
	wantErr(t, "the step before an accepted one", err, ErrCodeWrong)
	// One step ahead is accepted, and none up to it afterwards.
	ahead := p.code(now.Add(30 * time.Second))
	if _, err := w.signIn(grace, memberPhrase, ahead, from(3), now); err != nil {
		t.Fatal(err)
	}
	_, err = w.signIn(grace, memberPhrase, ahead, from(4), now.Add(30*time.Second))
	wantErr(t, "accepted ahead of its time, at its time", err, ErrCodeWrong)
	now = now.Add(10 * time.Minute)
	_, err = w.signIn(grace, memberPhrase, p.code(now.Add(time.Minute)), from(5), now)
	wantErr(t, "two steps ahead", err, ErrCodeWrong)
	_, err = w.signIn(grace, memberPhrase, p.code(now.Add(-time.Minute)), from(6), now)
	wantErr(t, "two steps behind", err, ErrCodeWrong)
	if _, err := w.signIn(grace, memberPhrase, p.code(now.Add(-30*time.Second)), from(7), now); err != nil {
		t.Errorf("one step behind: %v", err)
	}
	// A code where none is needed does no harm.
	w.unplant(admin.ID)
	if _, err := w.signIn("ada@example.org", adminPhrase, "123456", desk, now); err != nil {
		t.Error(err)
	}
	e := w.entry(audit.FactorRefused)
	if e.Object != member.ID.String() || e.Actor != audit.ActorAnonymous || e.Result != audit.Refused || e.Detail["reason"] != "code" || e.Detail["failures"] == "" {
		t.Errorf("recorded %+v", e)
	}
	if _, err := w.log.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// Who does not know the passphrase learns nothing of a second factor, not even by a right code.
func TestCodesTellNothingWithoutThePassphrase(t *testing.T) {
	// ASVS 6.3.8
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	w.member(admin, "No Factor", "none@example.org")
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	for i, email := range []string{grace, "none@example.org", "nobody@example.org"} {
		for j, code := range []string{"", p.code(now), p.wrong(now), c.Recovery[0].Reveal()} {
			work, writes := w.hasher.Computed(), w.db.Revision()
			_, err := w.signIn(email, "wrong", code, from(10*i+j), now)
			if err != error(ErrCredentials) || w.hasher.Computed()-work != uint64(dear.Memory) || w.db.Revision()-writes != 1 {
				t.Errorf("%s with %q: %v", email, code, err)
			}
		}
	}
	// None of them was used up.
	if _, err := w.signIn(grace, memberPhrase, p.code(now), from(99), now); err != nil {
		t.Error(err)
	}
	if f, err := w.Factors(member.ID); err != nil || f.RecoveryLeft != 10 {
		t.Errorf("%+v, %v", f, err)
	}
	// Disabled, the account answers as one that is not there, whatever is known of it.
	if _, err := w.Disable(actor(admin), member.ID, now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	for _, code := range []string{"", p.code(now)} {
		_, err := w.signIn(grace, memberPhrase, code, from(100), now)
		wantErr(t, "disabled", err, ErrCredentials)
	}
	// Enabled again, it has the second factor that it had.
	if _, err := w.Enable(actor(admin), member.ID, now); err != nil {
		t.Fatal(err)
	}
	_, err := w.signIn(grace, memberPhrase, "", from(101), now)
	wantErr(t, "enabled again", err, ErrSecondFactorNeeded)
}

func TestWrongCodesAreLimitedAsPassphrasesAre(t *testing.T) {
	// ASVS 6.3.1, 6.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	counted := func() int {
		var n tries
		if err := w.db.View(func(tx *store.Tx) (err error) { n, err = loadTries(tx, knownKey(member.ID)); return err }); err != nil {
			t.Fatal(err)
		}
		return n.Failures
	}
	for i, code := range []string{p.wrong(now), "00000-00000", "not a code", "1234567"} {
		_, err := w.signIn(grace, memberPhrase, code, from(i), now)
		wantErr(t, "a quick try", err, ErrCodeWrong)
	}
	// A passphrase without a code is no success: it sets nothing back, however often.
	for i := range 8 {
		_, err := w.signIn(grace, memberPhrase, "", from(10+i), now)
		wantErr(t, "no code", err, ErrSecondFactorNeeded)
	}
	if n := counted(); n != 4 {
		t.Errorf("%d failures are counted, want 4", n)
	}
	// A wrong passphrase and a wrong code are counted together.
	_, err := w.signIn(grace, "wrong", "", from(20), now)
	wantErr(t, "the fifth", err, ErrCredentials)
	var many ErrTooMany
	if _, err := w.signIn(grace, memberPhrase, p.code(now), from(21), now); !errors.As(err, &many) || many.Until.Sub(now) != 4*time.Second {
		t.Errorf("the sixth, with the right code: %v", err)
	}
	if _, err := w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), from(22), now); !errors.Is(err, ErrTooMany{}) {
		t.Errorf("a recovery code meanwhile: %v", err)
	}
	now = now.Add(time.Hour)
	if _, err := w.signIn(grace, memberPhrase, p.code(now), from(23), now); err != nil || counted() != 0 {
		t.Errorf("after the wait: %v, %d", err, counted())
	}
	// Those from one address are counted as well, and those of somebody signed in.
	for range 5 {
		_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: p.wrong(now)}, "poivre lanterne 77 gravier", from(30), now)
		wantErr(t, "a wrong code for a change", err, ErrCodeWrong)
	}
	_, err = w.signIn("ada@example.org", adminPhrase, "", from(30), now)
	wantErr(t, "another account from that address", err, ErrTooMany{})
	now = now.Add(25 * time.Hour)
	for i, act := range []func(code string) error{
		func(code string) error {
			_, err := w.RemoveTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: code}, from(41), now)
			return err
		},
		func(code string) error {
			_, err := w.RenewRecovery(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: code}, from(42), now)
			return err
		},
	} {
		wantErr(t, "a wrong code", act(p.wrong(now)), ErrCodeWrong)
		wantErr(t, "no code", act(""), ErrSecondFactorNeeded)
		if n := counted(); n != i+1 {
			t.Errorf("%d failures are counted, want %d", n, i+1)
		}
	}
	second, _ := w.member(admin, "Second Member", "second@example.org")
	if _, err := w.BeginTOTP(t.Context(), second.ID, Proof{Passphrase: memberPhrase}, from(50), now); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		_, err := w.ConfirmTOTP(second.ID, "nonsense", from(51), now)
		wantErr(t, "a wrong first code", err, ErrCodeWrong)
	}
	_, err = w.ConfirmTOTP(second.ID, "nonsense", from(52), now)
	wantErr(t, "the sixth", err, ErrTooMany{})
	if len(w.guard.running) != 0 {
		t.Errorf("still under way: %v", w.guard.running)
	}
}

func TestRecoveryCodes(t *testing.T) {
	// ASVS 6.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	code := c.Recovery[0].Reveal()
	in, err := w.signIn(grace, memberPhrase, strings.ToLower(strings.ReplaceAll(code, "-", "")), from(1), now)
	if err != nil || !in.Recovery || in.RecoveryLeft != 9 || !w.signedIn(in.Session, now) {
		t.Fatalf("%+v, %v", in, err)
	}
	if e := w.entry(audit.RecoveryUsed); e.Object != member.ID.String() || e.Actor != member.ID.String() || e.Detail["left"] != "9" {
		t.Errorf("recorded %+v", e)
	}
	_, err = w.signIn(grace, memberPhrase, code, from(2), now)
	wantErr(t, "the same again", err, ErrCodeWrong)
	// Letters that are read for others, and spaces.
	typed := strings.NewReplacer("0", "O", "1", "l", "-", " ").Replace(c.Recovery[1].Reveal())
	if _, err := w.signIn(grace, memberPhrase, typed, from(3), now); err != nil {
		t.Errorf("typed as %q: %v", typed, err)
	}
	// Renewing takes a code of the second factor, not of these.
	_, err = w.RenewRecovery(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: c.Recovery[2].Reveal()}, from(4), now)
	wantErr(t, "renewed by a recovery code", err, ErrCodeWrong)
	w.takeEnded()
	fresh, err := w.RenewRecovery(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: p.code(now)}, from(5), now)
	if err != nil || len(fresh) != 10 {
		t.Fatalf("%d codes, %v", len(fresh), err)
	}
	if got := w.takeEnded(); len(got) != 0 || !w.signedIn(in.Session, now) {
		t.Errorf("sessions ended: %+v", got)
	}
	if e := w.entry(audit.RecoveryRenewed); e.Object != member.ID.String() {
		t.Errorf("recorded %+v", e)
	}
	_, err = w.signIn(grace, memberPhrase, c.Recovery[3].Reveal(), from(6), now)
	wantErr(t, "a code of the old set", err, ErrCodeWrong)
	for i, code := range fresh {
		in, err := w.signIn(grace, memberPhrase, code.Reveal(), from(20+i), now)
		if err != nil || in.RecoveryLeft != 9-i {
			t.Fatalf("code %d: %+v, %v", i, in, err)
		}
	}
	_, err = w.signIn(grace, memberPhrase, fresh[9].Reveal(), from(40), now)
	wantErr(t, "when none is left", err, ErrCodeWrong)
	if f, err := w.Factors(member.ID); err != nil || f.RecoveryLeft != 0 || f.TOTP.IsZero() {
		t.Errorf("%+v, %v", f, err)
	}
}

// Two at once with one code: one session.
func TestACodeHasOneWinner(t *testing.T) {
	// ASVS 2.3.4, 6.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(member, memberPhrase)
	now := noon
	for _, kind := range []string{"recovery", "totp"} {
		now = now.Add(48 * time.Hour)
		code := c.Recovery[0].Reveal()
		if kind == "totp" {
			code = p.code(now)
		}
		var wg sync.WaitGroup
		results := make([]error, 4)
		for i := range results {
			wg.Go(func() { _, results[i] = w.signIn(grace, memberPhrase, code, from(i), now) })
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrCodeWrong) && !errors.Is(err, ErrTooMany{}):
				t.Errorf("%s: %v", kind, err)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d won", kind, won)
		}
		if list, err := w.Sessions(actor(member), member.ID, now); err != nil || len(list) != 1 {
			t.Errorf("%s: %d sessions, %v", kind, len(list), err)
		}
		if err := w.EndSessions(actor(member), member.ID, now); err != nil {
			t.Fatal(err)
		}
	}
}
