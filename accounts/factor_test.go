package accounts

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// phone is an application that makes codes.
type phone struct {
	t    *testing.T
	seed []byte
}

func newPhone(t *testing.T, e Enrolment) phone {
	t.Helper()
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(e.Secret.Reveal(), " ", ""))
	if err != nil || len(seed) != seedLength {
		t.Fatalf("the secret: %d bytes, %v", len(seed), err)
	}
	return phone{t, seed}
}

// code is what the phone shows at now.
func (p phone) code(now time.Time) string {
	p.t.Helper()
	code, err := codeAt(p.seed, stepAt(now))
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// wrong is a code that no step near now has.
func (p phone) wrong(now time.Time) string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		if _, ok, err := matchStep(p.seed, code, -1, now); !ok && err == nil {
			return code
		}
	}
}

// enrol gives an account a second factor at noon.
func (w *world) enrol(a Account, phrase string) (phone, Confirmed) {
	w.t.Helper()
	e, err := w.BeginTOTP(w.t.Context(), a.ID, phrase, desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	p := newPhone(w.t, e)
	c, err := w.ConfirmTOTP(a.ID, p.code(noon), desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, c
}

func (w *world) signIn(email, phrase, code string, client Client, now time.Time) (SignedIn, error) {
	return w.Accounts.Login(w.t.Context(), email, Proof{phrase, code}, client, now)
}

func (w *world) record(id ID) (r record) {
	w.t.Helper()
	if err := w.db.View(func(tx *store.Tx) (err error) { r, err = load(tx, id); return err }); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// entry is the newest entry of an action.
func (w *world) entry(action audit.Action) audit.Entry {
	w.t.Helper()
	list, err := w.log.List(0, audit.MaxPage)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if e.Action == action {
			return e
		}
	}
	w.t.Fatalf("no entry of %s", action)
	return audit.Entry{}
}

const grace = "grace@example.org"

func TestEnrolment(t *testing.T) {
	// ASVS 6.5.4, 7.2.4, 7.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", grace)
	if f, err := w.Factors(member.ID); err != nil || f != (Factors{}) {
		t.Errorf("before: %+v, %v", f, err)
	}
	_, err := w.ConfirmTOTP(member.ID, "123456", desk, noon)
	wantErr(t, "confirm without an enrolment", err, ErrEnrolmentOver)
	_, err = w.BeginTOTP(t.Context(), member.ID, "wrong", desk, noon)
	wantErr(t, "a wrong passphrase", err, ErrPassphraseWrong)
	first, err := w.BeginTOTP(t.Context(), member.ID, memberPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$`).MatchString(first.Secret.Reveal()) ||
		!strings.HasPrefix(first.URI.Reveal(), "otpauth://totp/") || !first.Until.Equal(noon.Add(10*time.Minute)) {
		t.Errorf("%s, %s, %v", first.Secret.Reveal(), first.URI.Reveal(), first.Until)
	}
	if !strings.Contains(first.URI.Reveal(), "secret="+strings.ReplaceAll(first.Secret.Reveal(), " ", "")) {
		t.Error("the picture holds another seed")
	}
	// Nothing is active yet: the passphrase alone signs in, sessions stay.
	if in, err := w.signIn(grace, memberPhrase, "", desk, noon); err != nil || in.Account.SecondFactor {
		t.Errorf("while enrolling: %+v, %v", in, err)
	}
	if !w.signedIn(token, noon) {
		t.Error("the session ended with an enrolment")
	}
	// A further one replaces it.
	second, err := w.BeginTOTP(t.Context(), member.ID, memberPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := newPhone(t, first), newPhone(t, second)
	_, err = w.ConfirmTOTP(member.ID, old.code(noon), desk, noon)
	wantErr(t, "a code of the replaced one", err, ErrCodeWrong)
	_, err = w.ConfirmTOTP(member.ID, fresh.code(noon), desk, noon.Add(10*time.Minute))
	wantErr(t, "after ten minutes", err, ErrEnrolmentOver)
	// A sign-in takes what is over off the disk.
	if _, err := w.signIn(grace, memberPhrase, "", desk, noon.Add(10*time.Minute)); err != nil || w.record(member.ID).Enrolment != nil {
		t.Errorf("an enrolment that is over is kept: %v", err)
	}
	if second, err = w.BeginTOTP(t.Context(), member.ID, memberPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	fresh = newPhone(t, second)
	w.takeEnded()
	now := noon.Add(10*time.Minute - time.Second)
	c, err := w.ConfirmTOTP(member.ID, fresh.code(now), desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != FactorChanged {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(token, now) || !w.signedIn(c.Session, now) {
		t.Error("not all sessions but the new one ended")
	}
	seen := map[string]bool{}
	for _, code := range c.Recovery {
		seen[code.Reveal()] = true
		if !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$`).MatchString(code.Reveal()) {
			t.Errorf("a recovery code is %q", code.Reveal())
		}
	}
	if len(c.Recovery) != 10 || len(seen) != 10 || !c.Since.Equal(now) {
		t.Errorf("%d codes, %d different, since %v", len(c.Recovery), len(seen), c.Since)
	}
	if f, err := w.Factors(member.ID); err != nil || !f.TOTP.Equal(now) || f.RecoveryLeft != 10 {
		t.Errorf("after: %+v, %v", f, err)
	}
	if a, err := w.Get(member.ID); err != nil || !a.SecondFactor {
		t.Errorf("%+v, %v", a, err)
	}
	if e := w.entry(audit.FactorAdded); e.Actor != member.ID.String() || e.Object != member.ID.String() || e.Client != desk.Address || e.Detail["kind"] != "totp" {
		t.Errorf("recorded %+v", e)
	}
	_, err = w.BeginTOTP(t.Context(), member.ID, memberPhrase, desk, now)
	wantErr(t, "a second one", err, ErrSecondFactorThere)
	_, err = w.ConfirmTOTP(member.ID, fresh.code(now.Add(30*time.Second)), desk, now)
	wantErr(t, "confirmed again", err, ErrSecondFactorThere)
	_, err = w.Factors(ID{9})
	wantErr(t, "nobody's", err, ErrNotFound)
}

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
		_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{memberPhrase, p.wrong(now)}, "poivre lanterne 77 gravier", from(30), now)
		wantErr(t, "a wrong code for a change", err, ErrCodeWrong)
	}
	_, err = w.signIn("ada@example.org", adminPhrase, "", from(30), now)
	wantErr(t, "another account from that address", err, ErrTooMany{})
	now = now.Add(25 * time.Hour)
	for i, act := range []func(code string) error{
		func(code string) error {
			_, err := w.RemoveTOTP(t.Context(), member.ID, Proof{memberPhrase, code}, from(41), now)
			return err
		},
		func(code string) error {
			_, err := w.RenewRecovery(t.Context(), member.ID, Proof{memberPhrase, code}, from(42), now)
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
	if _, err := w.BeginTOTP(t.Context(), second.ID, memberPhrase, from(50), now); err != nil {
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
	_, err = w.RenewRecovery(t.Context(), member.ID, Proof{memberPhrase, c.Recovery[2].Reveal()}, from(4), now)
	wantErr(t, "renewed by a recovery code", err, ErrCodeWrong)
	w.takeEnded()
	fresh, err := w.RenewRecovery(t.Context(), member.ID, Proof{memberPhrase, p.code(now)}, from(5), now)
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

func TestRemoveSecondFactor(t *testing.T) {
	// ASVS 6.5.6, 7.4.3, 7.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	_, err := w.RemoveTOTP(t.Context(), member.ID, Proof{memberPhrase, "123456"}, desk, noon)
	wantErr(t, "removed without one", err, ErrNoSecondFactor)
	_, err = w.RenewRecovery(t.Context(), member.ID, Proof{memberPhrase, "123456"}, desk, noon)
	wantErr(t, "renewed without one", err, ErrNoSecondFactor)
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	_, err = w.RemoveTOTP(t.Context(), member.ID, Proof{"wrong", p.code(now)}, desk, now)
	wantErr(t, "a wrong passphrase", err, ErrPassphraseWrong)
	if !w.signedIn(c.Session, now) {
		t.Error("a refused removal ended a session")
	}
	w.takeEnded()
	fresh, err := w.RemoveTOTP(t.Context(), member.ID, Proof{memberPhrase, p.code(now)}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != FactorChanged {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(c.Session, now) || !w.signedIn(fresh, now) {
		t.Error("not all sessions but the new one ended")
	}
	if r := w.record(member.ID); r.TOTP != nil || r.Recovery != nil || r.Enrolment != nil {
		t.Errorf("left: %+v", r)
	}
	if _, err := w.signIn(grace, memberPhrase, "", desk, now); err != nil {
		t.Errorf("signing in without a code: %v", err)
	}
	if e := w.entry(audit.FactorRemoved); e.Actor != member.ID.String() || e.Object != member.ID.String() || e.Detail["kind"] != "totp" {
		t.Errorf("recorded %+v", e)
	}
	// Who lost the phone may use a recovery code.
	_, c = w.enrol(member, memberPhrase)
	if _, err := w.RemoveTOTP(t.Context(), member.ID, Proof{memberPhrase, c.Recovery[4].Reveal()}, desk, now); err != nil {
		t.Errorf("by a recovery code: %v", err)
	}
}

func TestAdministratorTakesASecondFactor(t *testing.T) {
	// ASVS 6.5.6
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	other, _ := w.member(admin, "Other One", "other@example.org")
	wantErr(t, "where there is none", w.TakeFactors(actor(admin), member.ID, noon), ErrNoSecondFactor)
	_, c := w.enrol(member, memberPhrase)
	for name, who := range map[string]Actor{"a member": actor(other), "its owner": actor(member), "nobody": {}} {
		wantErr(t, name, w.TakeFactors(who, member.ID, noon), ErrForbidden)
	}
	wantErr(t, "nobody's", w.TakeFactors(actor(admin), ID{9}, noon), ErrNotFound)
	w.takeEnded()
	now := noon.Add(time.Minute)
	if err := w.TakeFactors(actor(admin), member.ID, now); err != nil {
		t.Fatal(err)
	}
	if got := w.takeEnded(); len(got) != 1 || !got[0].All() || got[0].Reason != FactorChanged || got[0].Account != member.ID {
		t.Errorf("listeners were told %+v", got)
	}
	if w.signedIn(c.Session, now) {
		t.Error("a session stayed")
	}
	if e := w.entry(audit.FactorTaken); e.Actor != admin.ID.String() || e.Object != member.ID.String() || e.Detail["recovery"] != "10" {
		t.Errorf("recorded %+v", e)
	}
	_, err := w.signIn(grace, "wrong", "", from(1), now)
	wantErr(t, "the passphrase is still wanted", err, ErrCredentials)
	if _, err := w.signIn(grace, memberPhrase, "", from(2), now); err != nil {
		t.Error(err)
	}
	// Administrators may have one too, and the operator takes the last administrator's.
	w.enrol(admin, adminPhrase)
	_, err = w.signIn("ada@example.org", adminPhrase, "", from(3), now)
	wantErr(t, "an administrator without a code", err, ErrSecondFactorNeeded)
	if err := w.TakeFactors(Operator(), admin.ID, now); err != nil {
		t.Error(err)
	}
}

// A reset gives a new passphrase, and nothing else: the link stands for no second factor.
func TestResetKeepsTheSecondFactor(t *testing.T) {
	// ASVS 6.4.3
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(member, memberPhrase)
	link, err := w.NewActivation(actor(admin), member.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	const next = "poivre lanterne 77 gravier"
	now := noon.Add(time.Minute)
	a, session, err := w.Activate(t.Context(), link.Token.Reveal(), next, desk, now)
	wantErr(t, "the reset", err, ErrSignIn)
	if a != (Account{}) || session != (Token{}) {
		t.Error("the link signed in")
	}
	if list, err := w.Sessions(actor(member), member.ID, now); err != nil || len(list) != 0 || w.signedIn(c.Session, now) {
		t.Errorf("%d sessions, %v", len(list), err)
	}
	_, _, err = w.Activate(t.Context(), link.Token.Reveal(), next, desk, now)
	wantErr(t, "the link again", err, ErrActivation)
	_, err = w.signIn(grace, memberPhrase, p.code(now), desk, now)
	wantErr(t, "the old passphrase", err, ErrCredentials)
	_, err = w.signIn(grace, next, "", desk, now)
	wantErr(t, "the new one without a code", err, ErrSecondFactorNeeded)
	if in, err := w.signIn(grace, next, p.code(now), desk, now); err != nil || !w.signedIn(in.Session, now) {
		t.Errorf("both: %v", err)
	}
	if f, err := w.Factors(member.ID); err != nil || f.RecoveryLeft != 10 {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestChangePassphraseWithASecondFactor(t *testing.T) {
	// ASVS 6.2.3, 7.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(member, memberPhrase)
	const next = "poivre lanterne 77 gravier"
	now := noon.Add(time.Minute)
	change := func(phrase, code, new string) error {
		_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{phrase, code}, new, desk, now)
		return err
	}
	wantErr(t, "without a code", change(memberPhrase, "", next), ErrSecondFactorNeeded)
	wantErr(t, "a wrong passphrase with a right code", change("wrong", p.code(now), next), ErrPassphraseWrong)
	wantErr(t, "a wrong code", change(memberPhrase, p.wrong(now), next), ErrCodeWrong)
	// A new passphrase that is refused uses no code up.
	wantErr(t, "a short one", change(memberPhrase, p.code(now), "short"), ErrPassphraseShort)
	if !w.signedIn(c.Session, now) {
		t.Error("a refused change ended a session")
	}
	if err := change(memberPhrase, p.code(now), next); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the code again", change(next, p.code(now), memberPhrase), ErrCodeWrong)
	if err := change(next, c.Recovery[0].Reveal(), memberPhrase); err != nil {
		t.Errorf("by a recovery code: %v", err)
	}
	// An enrolment that somebody else may have begun does not outlive the passphrase.
	if err := w.TakeFactors(actor(admin), member.ID, now); err != nil {
		t.Fatal(err)
	}
	e, err := w.BeginTOTP(t.Context(), member.ID, memberPhrase, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := change(memberPhrase, "", next); err != nil {
		t.Fatal(err)
	}
	_, err = w.ConfirmTOTP(member.ID, newPhone(t, e).code(now), desk, now)
	wantErr(t, "confirmed after a change of passphrase", err, ErrEnrolmentOver)
}

func TestSeedAndCodesAreNotInTheFile(t *testing.T) {
	// ASVS 6.5.2, 14.2.4
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	begun, err := w.BeginTOTP(t.Context(), admin.ID, adminPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), desk, now); err != nil {
		t.Fatal(err)
	}
	typed := p.wrong(now)
	if _, err := w.signIn(grace, memberPhrase, typed, desk, now); !errors.Is(err, ErrCodeWrong) {
		t.Fatal(err)
	}
	entries, err := w.log.List(0, audit.MaxPage)
	if err != nil {
		t.Fatal(err)
	}
	w.db.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{begun.Secret.Reveal(), begun.URI.Reveal()}
	for _, seed := range [][]byte{p.seed, newPhone(t, begun).seed} {
		secrets = append(secrets, string(seed), seedText(seed), strings.ToLower(seedText(seed)), inFours(seedText(seed)),
			fmt.Sprintf("%x", seed), fmt.Sprintf("%X", seed))
		for shift := range 3 { // base 64 at each offset, as JSON would hold it
			text := string(encodeBase64(append(make([]byte, shift), seed...)))
			secrets = append(secrets, text[4:len(text)-4])
		}
	}
	for _, code := range c.Recovery {
		text := code.Reveal()
		secrets = append(secrets, text, strings.ReplaceAll(text, "-", ""), strings.ToLower(text), string(encodeBase64([]byte(text))))
	}
	for _, secret := range secrets {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the database holds %q", secret)
		}
		if strings.Contains(fmt.Sprintf("%+v", entries), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
	if !bytes.Contains(file, []byte(grace)) || !bytes.Contains(file, []byte(`"totp"`)) {
		t.Error("the search finds nothing in the file at all")
	}
	for _, e := range entries {
		if slices.ContainsFunc([]string{e.Detail["reason"], e.Detail["left"], e.Detail["failures"]}, func(s string) bool { return s == typed }) {
			t.Errorf("a typed code is recorded: %+v", e)
		}
	}
	for _, v := range []any{Proof{memberPhrase, "123456"}, begun, c} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range append(secrets, memberPhrase, "123456") {
				if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
					t.Errorf("%s prints %q", verb, secret)
				}
			}
		}
	}
}

// A second factor that is written into another account's record opens nothing there.
func TestASecondFactorCannotBeMoved(t *testing.T) {
	// ASVS 11.3.2
	w := newWorld(t)
	admin, _ := w.administrator()
	thief, _ := w.member(admin, "Thief", "thief@example.org")
	member, _ := w.member(admin, "Grace Hopper", grace)
	p, c := w.enrol(thief, memberPhrase)
	w.enrol(member, memberPhrase)
	from := w.record(thief.ID)
	if err := w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, member.ID)
		if err != nil {
			return err
		}
		r.TOTP, r.Recovery = from.TOTP, from.Recovery
		return save(tx, r)
	}); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Minute)
	_, err := w.signIn(grace, memberPhrase, p.code(now), desk, now)
	wantErr(t, "the thief's code", err, errSealed)
	if Code(err) != "" {
		t.Errorf("a fault of the store has the code %q", Code(err))
	}
	_, err = w.signIn(grace, memberPhrase, c.Recovery[0].Reveal(), desk, now)
	wantErr(t, "the thief's recovery code", err, ErrCodeWrong)
	if _, err := w.signIn("thief@example.org", memberPhrase, p.code(now), desk, now); err != nil {
		t.Errorf("in its own account: %v", err)
	}
}

func TestSecondFactorsAndThePepper(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	with := w.Accounts.hasher
	bare, err := passhash.New(passhash.Options{Random: w.random, Refusal: dear})
	if err != nil {
		t.Fatal(err)
	}
	p, c := w.enrol(member, memberPhrase)
	if s := w.record(member.ID).TOTP.Seed; s.Pepper == "" || s.Pepper != with.PepperID() {
		t.Errorf("sealed under %q", s.Pepper)
	}
	// The database without its pepper gives nothing.
	w.Accounts.hasher = bare
	if _, err := w.open(member.ID, w.record(member.ID).TOTP.Seed); !errors.Is(err, passhash.ErrPepper) {
		t.Errorf("without the pepper: %v", err)
	}
	if _, err := w.hashRecovery(member.ID, w.record(member.ID).Recovery, typedCode(c.Recovery[0].Reveal())); !errors.Is(err, passhash.ErrPepper) {
		t.Errorf("a recovery code without the pepper: %v", err)
	}
	w.Accounts.hasher = with
	// What was sealed before there was a pepper opens, and is sealed anew when it is used.
	w.Accounts.hasher = bare
	plain, err := w.seal(member.ID, p.seed)
	w.Accounts.hasher = with
	if err != nil || plain.Pepper != "" {
		t.Fatalf("%+v, %v", plain, err)
	}
	if err := w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, member.ID)
		if err != nil {
			return err
		}
		r.TOTP.Seed = plain
		return save(tx, r)
	}); err != nil {
		t.Fatal(err)
	}
	now := noon.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, p.code(now), desk, now); err != nil {
		t.Fatal(err)
	}
	if s := w.record(member.ID).TOTP.Seed; s.Pepper != with.PepperID() {
		t.Errorf("still sealed under %q", s.Pepper)
	}
	now = now.Add(time.Minute)
	if _, err := w.signIn(grace, memberPhrase, p.code(now), desk, now); err != nil {
		t.Error(err)
	}
}

func encodeBase64(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }
