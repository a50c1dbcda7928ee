package accounts

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/crypto/passhash"
)

func TestNothingSecretIsStoredOrPrinted(t *testing.T) {
	// ASVS 6.5.2, 14.2.4, 16.2.5
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	code, _, err := w.SetupCode(noon)
	if err != nil {
		t.Fatal(err)
	}
	admin, token, err := w.Setup(t.Context(), code.Reveal(), "Ada Lovelace", "ada@example.org", adminPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	w.plant(admin.ID)
	_, link, err := w.Create(actor(admin), "Grace Hopper", "grace@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	// People type passphrases into the field for the address.
	if _, _, err := w.Login(t.Context(), "typed in the wrong field", adminPhrase+"x", desk, noon); !errors.Is(err, ErrCredentials) {
		t.Fatal(err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, tok := range []Token{code, token, link.Token} {
		logger.Info("x", "token", tok, "pointer", &tok)
		j, err := json.Marshal(map[string]any{"token": tok})
		if err != nil {
			t.Fatal(err)
		}
		log.Write(j)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&log, verb, tok)
			fmt.Fprintf(&log, verb, struct{ T Token }{tok})
			fmt.Fprintf(&log, verb, []any{&tok, struct{ t *Token }{&tok}, struct{ t Token }{tok}})
		}
	}
	w.db.Close()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{
		code.Reveal(), strings.ReplaceAll(code.Reveal(), "-", ""), token.Reveal(), link.Token.Reveal(), adminPhrase, "typed in the wrong field",
	} {
		if bytes.Contains(file, []byte(secret)) {
			t.Errorf("the database holds %q", secret)
		}
		if strings.Contains(log.String(), secret) || strings.Contains(log.String(), fmt.Sprintf("%x", secret)) {
			t.Errorf("printed: %q in %s", secret, &log)
		}
	}
	if !bytes.Contains(file, []byte("ada@example.org")) {
		t.Error("the search finds nothing in the file at all")
	}
}

// Every act with its entry, in one transaction: when the entry cannot be written, the act does not happen.
func TestActsFailWhenTheyCannotBeRecorded(t *testing.T) {
	// ASVS 2.3.3, 16.5.3
	w := newWorld(t)
	admin, adminToken := w.administrator()
	member, token := w.member(admin, "Grace Hopper", "grace@example.org")
	_, link, err := w.Create(actor(admin), "Not Yet", "notyet@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	second, _ := w.member(admin, "Second Factor", "second@example.org")
	phone, codes := w.enrol(second, memberPhrase)
	olga, oona := w.of(Officer, "olga@example.org"), w.of(Officer, "oona@example.org")
	_, err = w.Disable(actor(admin), olga.ID, noon)
	waits := proposed(t, "disable", err)
	// An event at no time is refused by the log: every act below is given one.
	never := time.Time{}
	for name, act := range map[string]func() error{
		"Create":     func() error { _, _, err := w.Create(actor(admin), "X Y", "xy@example.org", Member, never); return err },
		"Disable":    func() error { _, err := w.Disable(actor(admin), member.ID, never); return err },
		"Delete":     func() error { return w.Delete(actor(admin), member.ID, never) },
		"SetRole":    func() error { _, err := w.SetRole(actor(admin), member.ID, Administrator, never); return err },
		"Rename":     func() error { _, err := w.Rename(actor(admin), member.ID, "Other Name", never); return err },
		"Activation": func() error { _, err := w.NewActivation(actor(admin), member.ID, never); return err },
		"Activate": func() error {
			_, _, err := w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, never)
			return err
		},
		"Login": func() error {
			_, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, never)
			return err
		},
		"a refused Login": func() error {
			_, _, err := w.Login(t.Context(), "grace@example.org", "wrong", desk, never)
			return err
		},
		"ChangePassphrase": func() error {
			_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, adminPhrase, desk, never)
			return err
		},
		"a sign-in by a recovery code": func() error {
			_, err := w.signIn("second@example.org", memberPhrase, codes.Recovery[0].Reveal(), desk, never)
			return err
		},
		"a refused code": func() error {
			_, err := w.signIn("second@example.org", memberPhrase, phone.wrong(noon), desk, never)
			return err
		},
		"RemoveTOTP": func() error {
			_, err := w.RemoveTOTP(t.Context(), second.ID, Proof{Passphrase: memberPhrase, Code: codes.Recovery[0].Reveal()}, desk, never)
			return err
		},
		"TakeFactors": func() error { return w.TakeFactors(actor(admin), second.ID, never) },
		"Prove": func() error {
			return w.Prove(t.Context(), token.Reveal(), Proof{Passphrase: memberPhrase}, desk, never)
		},
		"a proposal": func() error {
			_, err := w.SetRole(actor(admin), olga.ID, Member, never)
			return err
		},
		"ChangePolicy": func() error { _, err := w.ChangePolicy(actor(olga), Policy{Member: Required}, never); return err },
		"Approve":      func() error { _, err := w.Approve(actor(oona), waits.ID, never); return err },
		"Reject":       func() error { return w.Reject(actor(oona), waits.ID, never) },
		"Reset":        func() error { _, _, err := w.Reset("ada@example.org", never); return err },
		"EndSessions":  func() error { return w.EndSessions(actor(admin), member.ID, never) },
		"Logout":       func() error { return w.Logout(token.Reveal(), desk, never) },
		"SetupCode": func() error {
			_, _, err := newWorld(t).SetupCode(never)
			return err
		},
	} {
		before := w.db.Revision()
		if err := act(); err == nil || Code(err) != "" {
			t.Errorf("%s: %v, want a fault", name, err)
		}
		if w.db.Revision() != before {
			t.Errorf("%s changed something", name)
		}
	}
	if !w.signedIn(token, noon) || !w.signedIn(adminToken, noon) {
		t.Error("a session was ended without an entry")
	}
	if f, err := w.Factors(second.ID); err != nil || f.RecoveryLeft != 10 {
		t.Errorf("%+v, %v", f, err)
	}
	if a, err := w.Get(member.ID); err != nil || a.State != Active || a.Role != Member || a.Name != "Grace Hopper" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestAuditTrail(t *testing.T) {
	// ASVS 16.2.1, 16.3.1
	w := newWorld(t)
	admin, adminToken := w.administrator()
	member, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	if _, _, err := w.Login(t.Context(), "grace@example.org", "wrong", desk, noon); !errors.Is(err, ErrCredentials) {
		t.Fatal(err)
	}
	if _, err := w.Disable(actor(admin), member.ID, noon); err != nil {
		t.Fatal(err)
	}
	if err := w.Logout(adminToken.Reveal(), desk, noon); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"setup.code-made", "setup.done", "login.ok",
		"account.created", "activation.made", "activation.used", "login.ok",
		"login.refused refused", "account.disabled", "session.ended", "session.ended",
	}
	if got := w.actions(); !slices.Equal(got, want) {
		t.Errorf("recorded %v\nwant %v", got, want)
	}
	list, err := w.log.List(0, 4)
	if err != nil {
		t.Fatal(err)
	}
	refused := list[3]
	if refused.Client != desk.Address || refused.Actor != audit.ActorAnonymous || refused.Object != member.ID.String() ||
		refused.Detail["reason"] != "passphrase" || refused.Detail["failures"] != "1" {
		t.Errorf("recorded %+v", refused)
	}
	if list[2].Actor != admin.ID.String() || list[2].Client != desk.Address {
		t.Errorf("recorded %+v", list[2])
	}
	if _, err := w.log.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestPepperBelongsToTheDatabase(t *testing.T) {
	dir := t.TempDir()
	w := openWorld(t, filepath.Join(dir, "db"))
	path := filepath.Join(dir, "pepper")
	p, err := OpenPepper(w.db, path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := OpenPepper(w.db, path, rand.Reader); err != nil || again.ID() != p.ID() {
		t.Fatalf("opened again: %v", err)
	}
	// No account depends on it yet: it may be lost.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if p, err = OpenPepper(w.db, path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.administrator()
	if err := os.Rename(path, path+".kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPepper(w.db, path, rand.Reader); err == nil || !strings.Contains(err.Error(), "restore it") {
		t.Errorf("missing: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a new pepper was made for a database with accounts")
	}
	if _, err := passhash.CreatePepper(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenPepper(w.db, path, rand.Reader); err == nil || !strings.Contains(err.Error(), "another database") {
		t.Errorf("another: %v", err)
	}
	if err := os.Rename(path+".kept", path); err != nil {
		t.Fatal(err)
	}
	if again, err := OpenPepper(w.db, path, rand.Reader); err != nil || again.ID() != p.ID() {
		t.Errorf("restored: %v", err)
	}
	// Handed in, it is the same one; nothing else does.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if given, err := GivenPepper(w.db, "huisclos.pepper", text); err != nil || given.ID() != p.ID() {
		t.Errorf("handed in: %v", err)
	}
	if _, err := GivenPepper(w.db, "huisclos.pepper", text[:len(text)-4]); err == nil || !strings.Contains(err.Error(), "damaged: huisclos.pepper") {
		t.Errorf("damaged: %v", err)
	}
	if _, err := passhash.CreatePepper(path+".other", rand.Reader); err != nil {
		t.Fatal(err)
	}
	if text, err = os.ReadFile(path + ".other"); err != nil {
		t.Fatal(err)
	}
	if _, err := GivenPepper(w.db, "huisclos.pepper", text); err == nil || !strings.Contains(err.Error(), "huisclos.pepper is the pepper of another database") {
		t.Errorf("another, handed in: %v", err)
	}
}

func TestErrorsHaveStableCodes(t *testing.T) {
	for err, want := range map[error]string{
		ErrCredentials: "bad-credentials", ErrNoSession: "not-signed-in", ErrForbidden: "forbidden", ErrNotFound: "not-found",
		ErrSetupCode: "bad-setup-code", ErrSetupDone: "setup-done", ErrActivation: "bad-activation", ErrTooMany{}: "too-many-tries",
		ErrLastAdministrator: "last-administrator", ErrEmailTaken: "email-taken", ErrPassphraseShort: "passphrase-short",
		ErrPassphraseCommon: "passphrase-common", ErrSecondFactorNeeded: "secondFactorNeeded", ErrCodeWrong: "codeWrong",
		ErrNoSecondFactor: "noSecondFactor", ErrSecondFactorThere: "secondFactorThere", ErrEnrolmentOver: "enrolmentOver", ErrSignIn: "signInWithCode",
		ErrFactorKept: "factorKept", ErrProofNeeded: "proofNeeded", ErrPolicy: "bad-policy", ErrNoProposal: "not-found", ErrOwnProposal: "ownProposal",
		ErrProposalOver: "proposalOver", ErrTooManyProposals: "tooManyProposals", ErrNoReset: "noReset", ErrImport: "import-wrong", ErrImportRole: "import-role", ImportFault{ErrImportText, 0}: "import-text", fmt.Errorf("around: %w", ErrName): "bad-name", errors.New("a fault"): "",
	} {
		if got := Code(err); got != want {
			t.Errorf("Code(%v) = %q, want %q", err, got, want)
		}
	}
	if !errors.Is(ErrTooMany{noon}, ErrTooMany{}) {
		t.Error("ErrTooMany does not match itself")
	}
}
