package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/store"
)

// asks asks for another address and returns the code from its mail.
func (w *world) asks(who Actor, email string, now time.Time) (code string, err error) {
	w.t.Helper()
	_, err = w.AskAddress(who, email, now, func(_ *store.Tx, to string, c Token, _ time.Time) error {
		if to != email {
			w.t.Errorf("the code goes to %q", to)
		}
		code = c.Reveal()
		return nil
	})
	return code, err
}

// confirms types a code and returns the link that went to the address of before.
func (w *world) confirms(who Actor, code string, now time.Time) (former, link string, err error) {
	w.t.Helper()
	_, err = w.ConfirmAddress(who, code, now, func(_ *store.Tx, u Undo) error {
		former, link = u.To.Email, u.Link.Reveal()
		return nil
	})
	return former, link, err
}

// moves goes the whole way.
func (w *world) moves(who Actor, email string, now time.Time) (link string) {
	w.t.Helper()
	code, err := w.asks(who, email, now)
	if err != nil {
		w.t.Fatal(err)
	}
	_, link, err = w.confirms(who, code, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return link
}

func TestOwnerChangesAddress(t *testing.T) {
	// ASVS 6.3.7, 7.5.1
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, token := w.member(admin, "Grace Hopper", "grace@example.org")
	me := actor(grace)
	if _, err := w.asks(Actor{Account: grace.ID}, "amazing@example.org", noon); !errors.Is(err, ErrProofNeeded) {
		t.Errorf("without a proof: %v", err)
	}
	for email, want := range map[string]error{"nothing": ErrEmail, "GRACE@example.org": ErrEmailSame} {
		if _, err := w.asks(me, email, noon); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", email, err, want)
		}
	}
	code, err := w.asks(me, "Amazing@example.org", noon)
	if err != nil || len(code) != codeDigits {
		t.Fatalf("%q, %v", code, err)
	}
	if a, err := w.Get(grace.ID); err != nil || a.Email != "grace@example.org" {
		t.Errorf("changed before it is confirmed: %+v, %v", a, err)
	}
	if _, _, err := w.confirms(me, "00000000", noon); !errors.Is(err, ErrConfirmation) && code != "00000000" {
		t.Errorf("a wrong code: %v", err)
	}
	former, link, err := w.confirms(me, code[:4]+" "+code[4:], noon.Add(CodeTime-time.Second))
	if err != nil || former != "grace@example.org" || len(link) != 43 {
		t.Fatalf("%q, %q, %v", former, link, err)
	}
	if _, _, err := w.confirms(me, code, noon); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("the same code again: %v", err)
	}
	if !w.signedIn(token, noon) {
		t.Error("the session that asked is over")
	}
	if _, _, err := w.Login(t.Context(), "amazing@example.org", memberPhrase, desk, noon); err != nil {
		t.Errorf("sign-in with the new address: %v", err)
	}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); !errors.Is(err, ErrCredentials) {
		t.Errorf("sign-in with the old one: %v", err)
	}
	// The old address is nobody else's meanwhile, and its owner's again afterwards.
	if _, _, err := w.Create(actor(admin), "Another", "grace@example.org", Member, noon); !errors.Is(err, ErrEmailKept) {
		t.Errorf("taking the old address: %v", err)
	}
	if email, _, err := w.FormerAddress(link, noon); err != nil || email != "grace@example.org" {
		t.Errorf("%q, %v", email, err)
	}
	if _, _, err := w.FormerAddress(link, noon.Add(CodeTime+UndoTime)); !errors.Is(err, ErrUndo) {
		t.Errorf("too late: %v", err)
	}
	if email, err := w.UndoAddress(link, desk, noon.Add(UndoTime)); err != nil || email != "grace@example.org" {
		t.Fatalf("%q, %v", email, err)
	}
	if w.signedIn(token, noon) {
		t.Error("a session outlives the undoing")
	}
	if _, err := w.UndoAddress(link, desk, noon); !errors.Is(err, ErrUndo) {
		t.Errorf("the same link again: %v", err)
	}
	if a, err := w.Get(grace.ID); err != nil || a.Email != "grace@example.org" {
		t.Errorf("%+v, %v", a, err)
	}
	w.consistent()
	for _, want := range []string{"account.email-asked", "account.email-refused refused", "account.email"} {
		if !slices.Contains(w.actions(), want) {
			t.Errorf("no entry %s", want)
		}
	}
}

func TestTakenAddressShowsOnlyToItsReader(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	code, err := w.asks(actor(grace), "ada@example.org", noon)
	if err != nil {
		t.Fatalf("asking for a taken address: %v", err)
	}
	if _, _, err := w.confirms(actor(grace), code, noon); !errors.Is(err, ErrEmailTaken) {
		t.Errorf("confirming it: %v", err)
	}
	w.consistent()
}

func TestAddressCodeIsBounded(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	code, err := w.asks(actor(grace), "new@example.org", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.confirms(actor(grace), code, noon.Add(CodeTime)); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("too late: %v", err)
	}
	wrong := strings.Repeat("0", codeDigits)
	if code == wrong {
		wrong = strings.Repeat("1", codeDigits)
	}
	for range codeTries {
		if _, _, err := w.confirms(actor(grace), wrong, noon); !errors.Is(err, ErrConfirmation) {
			t.Errorf("a wrong code: %v", err)
		}
	}
	if _, _, err := w.confirms(actor(grace), code, noon); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("the right code after five wrong ones: %v", err)
	}
	// What was asked for and never confirmed is not kept.
	if err := w.Sweep(noon.Add(CodeTime)); err != nil {
		t.Fatal(err)
	}
	if r := w.record(grace.ID); r.Address != nil {
		t.Errorf("kept: %+v", r.Address)
	}
}

// Whoever stole the account changes the address on and on: the first one can be had back all the same, and with it goes the deletion
// that was asked for.
func TestFirstAddressCanBeHadBack(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	me := actor(grace)
	first := w.moves(me, "t1@example.net", noon)
	second := w.moves(me, "t2@example.net", noon.Add(time.Minute))
	w.moves(me, "t3@example.net", noon.Add(2*time.Minute))
	if _, err := w.asks(me, "t4@example.net", noon.Add(3*time.Minute)); !errors.Is(err, ErrEmailOften) {
		t.Errorf("a fourth change: %v", err)
	}
	if _, err := w.Leave(me, grace.ID, noon.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.UndoAddress(first, desk, noon.Add(4*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Get(grace.ID); err != nil || a.Email != "grace@example.org" || a.Leaving != nil {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := w.UndoAddress(second, desk, noon.Add(4*time.Minute)); !errors.Is(err, ErrUndo) {
		t.Errorf("the thief's link: %v", err)
	}
	w.consistent()
	// The links of a later change are dropped with time.
	w.moves(me, "fine@example.org", noon.Add(time.Hour))
	if err := w.Sweep(noon.Add(time.Hour + UndoTime)); err != nil {
		t.Fatal(err)
	}
	if r := w.record(grace.ID); len(r.Former) != 0 {
		t.Errorf("kept: %+v", r.Former)
	}
	if _, _, err := w.Create(actor(admin), "Another", "grace@example.org", Member, noon.Add(time.Hour+UndoTime)); err != nil {
		t.Errorf("the old address stays taken: %v", err)
	}
	w.consistent()
}

func TestAdministratorChangesAddress(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	for what, c := range map[string]struct {
		by    Actor
		email string
		want  error
	}{
		"without a proof": {Actor{Account: admin.ID}, "g@example.org", ErrProofNeeded}, "by the owner": {actor(grace), "g@example.org", ErrForbidden},
		"taken": {actor(admin), "ada@example.org", ErrEmailTaken}, "no address": {actor(admin), "g", ErrEmail},
	} {
		if _, err := w.SetAddress(c.by, grace.ID, c.email, noon); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	// A link in the mailbox of before counts no longer.
	link, err := w.NewActivation(actor(admin), grace.ID, noon)
	if err != nil {
		t.Fatal(err)
	}
	undo := w.moves(actor(grace), "own@example.org", noon)
	if _, err := w.SetAddress(actor(admin), grace.ID, "grace.hopper@example.org", noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, noon); !errors.Is(err, ErrActivation) {
		t.Errorf("the old link: %v", err)
	}
	if _, err := w.UndoAddress(undo, desk, noon); !errors.Is(err, ErrUndo) {
		t.Errorf("the owner's undoing after an administrator's change: %v", err)
	}
	guest, _ := w.guest(w.organiserOf("Olga", "olga@example.org"), hall, "gus@example.net", noon)
	if _, err := w.SetAddress(actor(admin), guest.ID, "gus2@example.net", noon); !errors.Is(err, ErrEmailGuest) {
		t.Errorf("a guest's: %v", err)
	}
	if _, err := w.asks(actor(guest), "gus2@example.net", noon); !errors.Is(err, ErrEmailGuest) {
		t.Errorf("by a guest: %v", err)
	}
	w.consistent()
}

func TestSourceKeepsItsAddress(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	if _, err := w.Follow(Roll{Source: Directory, People: []Entry{{Subject: "u1", Name: "Grace", Email: "grace@example.org", Role: Member}}}, noon); err != nil {
		t.Fatal(err)
	}
	list, _, err := w.List("grace", "", 2)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if _, err := w.asks(actor(list[0]), "g@example.org", noon); !errors.Is(err, ErrFromSource) {
		t.Errorf("by the owner: %v", err)
	}
	if _, err := w.SetAddress(actor(admin), list[0].ID, "g@example.org", noon); !errors.Is(err, ErrFromSource) {
		t.Errorf("by an administrator: %v", err)
	}
	if _, err := w.Leave(actor(list[0]), list[0].ID, noon); !errors.Is(err, ErrFromSource) {
		t.Errorf("leaving: %v", err)
	}
	// A source gives nobody an address that is kept for somebody else.
	zoe, _ := w.member(admin, "Zoé", "zoe@example.org")
	w.moves(actor(zoe), "zoe.new@example.org", noon)
	done, err := w.Follow(Roll{Source: Directory, People: []Entry{{Subject: "u1", Name: "Grace", Email: "zoe@example.org", Role: Member}}}, noon)
	if err != nil || len(done.Problems) != 1 || done.Problems[0].Code != "email-kept" {
		t.Errorf("%+v, %v", done, err)
	}
	if fmt.Sprint(done.Changed) != "0" {
		t.Errorf("%d changed", done.Changed)
	}
}
