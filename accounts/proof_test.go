package accounts

import (
	"errors"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// What each role's accounts are: passphrase, session, second factor, and whether a person can give the role.
func TestRoles(t *testing.T) {
	for _, tt := range []struct {
		role              Role
		privileged, given bool
	}{
		{Administrator, true, true}, {Officer, true, true}, {Auditor, true, true}, {Organiser, false, true}, {Member, false, true}, {Guest, false, false},
		{"", false, false}, {"root", false, false},
	} {
		if tt.role.Privileged() != tt.privileged || tt.role.given() != tt.given {
			t.Errorf("%q: privileged %v, given %v", tt.role, tt.role.Privileged(), tt.role.given())
		}
		w := newWorld(t)
		cost, life := cheap, Lifetime{15 * time.Minute, 8 * time.Hour}
		if tt.privileged {
			cost = dear
		}
		if w.hashCost(tt.role) != cost || w.lifetime(tt.role) != life {
			t.Errorf("%q: %v, %v", tt.role, w.hashCost(tt.role), w.lifetime(tt.role))
		}
		if _, err := checkPassphrase("kyxmuzo wratty", tt.role, "", ""); errors.Is(err, ErrPassphraseShort) != tt.privileged {
			t.Errorf("%q: fourteen characters: %v", tt.role, err)
		}
		admin, _ := w.administrator()
		orga := w.of(Organiser, "orga@example.org")
		_, create := w.SetRole(actor(admin), orga.ID, tt.role, noon)
		_, _, set := w.Create(actor(admin), "X Y", "xy@example.org", tt.role, noon)
		if errors.Is(create, ErrRole) == tt.given || errors.Is(set, ErrRole) == tt.given {
			t.Errorf("%q: create %v, set %v", tt.role, create, set)
		}
	}
}

// Only administrators administer: the other privileged roles are refused every act on another's account.
func TestPrivilegeIsNotAdministration(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	for _, role := range []Role{Officer, Auditor, Organiser, Member} {
		a := actor(w.of(role, string(role)+"@example.org"))
		_, _, err := w.Create(a, "X Y", "xy@example.org", Member, noon)
		wantErr(t, string(role)+" creates", err, ErrForbidden)
		_, err = w.SetRole(a, a.Account, Administrator, noon)
		wantErr(t, string(role)+" promotes itself", err, ErrForbidden)
		wantErr(t, string(role)+" deletes", w.Delete(a, admin.ID, noon), ErrForbidden)
		wantErr(t, string(role)+" takes factors", w.TakeFactors(a, admin.ID, noon), ErrForbidden)
		if role == Officer {
			continue
		}
		_, err = w.ChangePolicy(a, Policy{Member: Required}, noon)
		wantErr(t, string(role)+" decides", err, ErrForbidden)
		_, err = w.Approve(a, ProposalID{}, noon)
		wantErr(t, string(role)+" approves", err, ErrForbidden)
	}
}

func TestProof(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, token := w.member(admin, "Grace Hopper", grace)
	mark := func(now time.Time) time.Time {
		t.Helper()
		_, s, err := w.Session(token.Reveal(), now)
		if err != nil {
			t.Fatal(err)
		}
		return s.Proved
	}
	if !mark(noon).Equal(noon) {
		t.Errorf("a session that begins: %v", mark(noon))
	}
	if got := mark(noon.Add(-time.Second)); !got.IsZero() {
		t.Errorf("the clock was set back, and a proof of the future counts: %v", got)
	}
	later := noon.Add(14 * time.Minute)
	if !mark(later).Equal(noon) {
		t.Error("use is no proof")
	}
	wantErr(t, "a wrong passphrase", w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: "wrong"}, desk, later), ErrPassphraseWrong)
	wantErr(t, "no token", w.Prove(t.Context(), "x", Proof{Passphrase: memberPhrase}, desk, later), ErrNoSession)
	wantErr(t, "another token", w.Prove(t.Context(), tokenOfA, Proof{Passphrase: memberPhrase}, desk, later), ErrNoSession)
	if err := w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase}, desk, later); err != nil || !mark(later).Equal(later) {
		t.Errorf("%v, %v", mark(later), err)
	}
	if e := w.entry(audit.ProofGiven); e.Actor != member.ID.String() || e.Detail["session"] == "" {
		t.Errorf("%+v", e)
	}
	p, c := w.enrol(member, memberPhrase)
	token = c.Session
	later = noon.Add(13 * time.Minute)
	wantErr(t, "without the code", w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase}, desk, later), ErrSecondFactorNeeded)
	wantErr(t, "a wrong code", w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase, Code: p.wrong(later)}, desk, later), ErrCodeWrong)
	if mark(later).Equal(later) {
		t.Error("a wrong code is a proof")
	}
	if err := w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase, Code: p.code(later)}, desk, later); err != nil || !mark(later).Equal(later) {
		t.Errorf("%v, %v", mark(later), err)
	}
	wantErr(t, "the same code", w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase, Code: p.code(later)}, desk, later), ErrCodeWrong)

	for at, want := range map[time.Duration]error{0: nil, ProofLifetime - 1: nil, ProofLifetime: ErrProofNeeded, -time.Hour: nil} {
		if err := (Actor{Account: member.ID, Proved: noon}).proved(noon.Add(at)); !errors.Is(err, want) {
			t.Errorf("after %v: %v", at, err)
		}
	}
	wantErr(t, "never", Actor{Account: member.ID}.proved(noon), ErrProofNeeded)
	if err := Operator().proved(noon); err != nil {
		t.Error(err)
	}
}

func TestReset(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	_, c := w.enrol(admin, adminPhrase)
	officer := w.of(Officer, "olga@example.org")
	w.of(Auditor, "audra@example.org")
	for _, email := range []string{"audra@example.org", "nobody@example.org", "no address", ""} {
		_, _, err := w.Reset(email, noon)
		wantErr(t, email, err, ErrNoReset)
	}
	a, link, err := w.Reset(" ADA@Example.org ", noon)
	if err != nil || a.ID != admin.ID || a.SecondFactor {
		t.Fatalf("%+v, %v", a, err)
	}
	if w.signedIn(c.Session, noon) {
		t.Error("a session outlives the reset")
	}
	e := w.entry(audit.AdministratorReset)
	if e.Actor != audit.ActorOperator || e.Object != admin.ID.String() || e.Detail["role"] != "administrator" {
		t.Errorf("%+v", e)
	}
	if e := w.entry(audit.FactorTaken); e.Actor != audit.ActorOperator {
		t.Errorf("%+v", e)
	}
	// No passphrase was set: the old one signs in to nothing but a new factor, until the link is used.
	if a, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon); err != nil || !a.FactorMissing {
		t.Errorf("%+v, %v", a, err)
	}
	if a, _, err := w.Activate(t.Context(), link.Token.Reveal(), "girafe tandem bruyant 94 ascenseur", desk, noon); err != nil || !a.FactorMissing {
		t.Errorf("%+v, %v", a, err)
	}
	if _, _, err := w.Login(t.Context(), "ada@example.org", adminPhrase, desk, noon); !errors.Is(err, ErrCredentials) {
		t.Errorf("the old passphrase: %v", err)
	}
	if needed, err := w.SetupNeeded(); needed || err != nil {
		t.Errorf("set-up is open again: %v, %v", needed, err)
	}
	if _, _, err := w.Reset("olga@example.org", noon); err != nil {
		t.Errorf("an officer: %v", err)
	}
	if _, err := w.Disable(Operator(), officer.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.Reset("olga@example.org", noon)
	wantErr(t, "a disabled one", err, ErrDisabled)
	if err := w.db.View(func(tx *store.Tx) error {
		if administrators(tx) != 1 {
			t.Error("the administrator is not active any more")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// The role's last second factor stays, whoever else loses theirs.
func TestRequiredFactorIsKept(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	p, _ := w.enrol(admin, adminPhrase)
	later := noon.Add(time.Minute)
	_, err := w.RemoveTOTP(t.Context(), admin.ID, Proof{Passphrase: adminPhrase, Code: p.code(later)}, desk, later)
	wantErr(t, "an administrator's", err, ErrFactorKept)
	if r := w.record(admin.ID); r.TOTP == nil || r.Recovery.left() != 10 {
		t.Error("it is gone")
	}
	// The code was not used up by the refusal.
	if _, err := w.signIn("ada@example.org", adminPhrase, p.code(later), desk, later); err != nil {
		t.Error(err)
	}
}
