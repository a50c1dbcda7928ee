package accounts

import (
	"encoding/base32"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
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
	w.unplant(a.ID)
	e, err := w.BeginTOTP(w.t.Context(), a.ID, Proof{Passphrase: phrase}, desk, noon)
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
	if code == "" {
		code = w.plantedCode(email, now)
	}
	return w.Accounts.Login(w.t.Context(), email, Proof{Passphrase: phrase, Code: code}, client, now)
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
	if f, err := w.Factors(member.ID); err != nil || !reflect.DeepEqual(f, Factors{}) {
		t.Errorf("before: %+v, %v", f, err)
	}
	_, err := w.ConfirmTOTP(member.ID, "123456", desk, noon)
	wantErr(t, "confirm without an enrolment", err, ErrEnrolmentOver)
	_, err = w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: "wrong"}, desk, noon)
	wantErr(t, "a wrong passphrase", err, ErrPassphraseWrong)
	first, err := w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon)
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
	second, err := w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon)
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
	if second, err = w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, noon); err != nil {
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
	_, err = w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, now)
	wantErr(t, "a second one", err, ErrSecondFactorThere)
	_, err = w.ConfirmTOTP(member.ID, fresh.code(now.Add(30*time.Second)), desk, now)
	wantErr(t, "confirmed again", err, ErrSecondFactorThere)
	_, err = w.Factors(ID{9})
	wantErr(t, "nobody's", err, ErrNotFound)
}

func TestRemoveSecondFactor(t *testing.T) {
	// ASVS 6.5.6, 7.4.3, 7.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", grace)
	_, err := w.RemoveTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: "123456"}, desk, noon)
	wantErr(t, "removed without one", err, ErrNoSecondFactor)
	_, err = w.RenewRecovery(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: "123456"}, desk, noon)
	wantErr(t, "renewed without one", err, ErrNoSecondFactor)
	p, c := w.enrol(member, memberPhrase)
	now := noon.Add(time.Minute)
	_, err = w.RemoveTOTP(t.Context(), member.ID, Proof{Passphrase: "wrong", Code: p.code(now)}, desk, now)
	wantErr(t, "a wrong passphrase", err, ErrPassphraseWrong)
	if !w.signedIn(c.Session, now) {
		t.Error("a refused removal ended a session")
	}
	w.takeEnded()
	fresh, err := w.RemoveTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: p.code(now)}, desk, now)
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
	if _, err := w.RemoveTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase, Code: c.Recovery[4].Reveal()}, desk, now); err != nil {
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
		_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: phrase, Code: code}, new, desk, now)
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
	e, err := w.BeginTOTP(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, desk, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := change(memberPhrase, "", next); err != nil {
		t.Fatal(err)
	}
	_, err = w.ConfirmTOTP(member.ID, newPhone(t, e).code(now), desk, now)
	wantErr(t, "confirmed after a change of passphrase", err, ErrEnrolmentOver)
}
