package accounts

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const day = 24 * time.Hour

func TestOwnerLeaves(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, token := w.member(admin, "Grace Hopper", "grace@example.org")
	other, _ := w.member(admin, "Other", "other@example.org")
	if err := w.SetContact(other.ID, grace.ID, true, noon); err != nil {
		t.Fatal(err)
	}
	me := actor(grace)
	if _, err := w.Leave(Actor{Account: grace.ID}, grace.ID, noon); !errors.Is(err, ErrProofNeeded) {
		t.Errorf("without a proof: %v", err)
	}
	a, err := w.Leave(me, grace.ID, noon)
	if err != nil || a.Leaving == nil || !a.Leaving.Own || !a.Leaving.Until.Equal(noon.Add(30*day)) || a.State != Active {
		t.Fatalf("%+v, %v", a, err)
	}
	if again, err := w.Leave(me, grace.ID, noon.Add(day)); err != nil || !again.Leaving.Until.Equal(a.Leaving.Until) {
		t.Errorf("asked twice: %+v, %v", again, err)
	}
	// Everything works until then; nobody else takes it back; the address is taken.
	if !w.signedIn(token, noon) {
		t.Error("the session is over")
	}
	if _, _, err := w.Login(t.Context(), "grace@example.org", memberPhrase, desk, noon); err != nil {
		t.Error(err)
	}
	if _, err := w.Stay(actor(admin), grace.ID, noon); !errors.Is(err, ErrOwnersWish) {
		t.Errorf("taken back by an administrator: %v", err)
	}
	if _, _, err := w.Create(actor(admin), "X", "grace@example.org", Member, noon); !errors.Is(err, ErrEmailLeaving) {
		t.Errorf("taking the address: %v", err)
	}
	rows, err := w.Import(actor(admin), []ImportRow{{Line: 2, Name: "X", Email: "grace@example.org", Role: Member}}, true, noon)
	if err != nil || !rows[0].Exists || !rows[0].Leaving {
		t.Errorf("%+v, %v", rows, err)
	}
	if a, err := w.Stay(me, grace.ID, noon); err != nil || a.Leaving != nil {
		t.Fatalf("%+v, %v", a, err)
	}
	w.consistent()
	if err := w.Sweep(noon.Add(31 * day)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(grace.ID); err != nil {
		t.Errorf("deleted although kept: %v", err)
	}
	if _, err := w.Leave(me, grace.ID, noon); err != nil {
		t.Fatal(err)
	}
	if err := w.Sweep(noon.Add(30*day - time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(grace.ID); err != nil {
		t.Errorf("deleted before its day: %v", err)
	}
	if err := w.Sweep(noon.Add(30 * day)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(grace.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("not deleted: %v", err)
	}
	if _, _, err := w.Create(actor(admin), "X", "grace@example.org", Member, noon); err != nil {
		t.Errorf("the address stays taken: %v", err)
	}
	// Nothing in the file names it any more but the log.
	err = w.db.View(func(tx *store.Tx) error {
		for _, bucket := range []string{recordsBucket, contactsBucket, sessionsOfBucket, memberOfBucket, leavingBucket, triesBucket} {
			tx.Scan(bucket, nil, nil, 0, func(k, v []byte) bool {
				if strings.Contains(string(k)+string(v), string(grace.ID[:])) {
					t.Errorf("%s still names it", bucket)
				}
				return true
			})
		}
		if tx.Get(stateBucket, forgottenKey) != nil {
			t.Error("the sweep does not end")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.consistent()
	for _, want := range []audit.Action{audit.AccountLeaving, audit.AccountStays, audit.AccountDeleted} {
		if !slices.Contains(w.actions(), string(want)) {
			t.Errorf("no entry %s", want)
		}
	}
}

func TestAdministratorsDeletionShutsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	w := openWorld(t, path)
	admin, _ := w.administrator()
	olga := w.organiserOf("Olga", "olga@example.org")
	guest, guestToken := w.guest(olga, hall, "gus@example.net", noon)
	_, token, err := w.Login(t.Context(), "olga@example.org", memberPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Leave(Actor{Account: admin.ID}, olga.Account, noon); !errors.Is(err, ErrProofNeeded) {
		t.Errorf("without a proof: %v", err)
	}
	a, err := w.Leave(actor(admin), olga.Account, noon)
	if err != nil || a.State != Disabled || a.Leaving == nil || a.Leaving.Own {
		t.Fatalf("%+v, %v", a, err)
	}
	if w.signedIn(token, noon) || w.signedIn(guestToken, noon) {
		t.Error("a session outlives it: of the account, or of its guest")
	}
	if _, _, err := w.Login(t.Context(), "olga@example.org", memberPhrase, desk, noon); !errors.Is(err, ErrCredentials) {
		t.Errorf("sign-in: %v", err)
	}
	if _, err := w.NewActivation(actor(admin), olga.Account, noon); !errors.Is(err, ErrDisabled) {
		t.Errorf("a link for it: %v", err)
	}
	if _, err := w.Enable(actor(admin), olga.Account, noon); err != nil {
		t.Fatal(err)
	}
	if a, err := w.Get(olga.Account); err != nil || a.State != Disabled {
		t.Errorf("enabled instead of kept: %+v, %v", a, err)
	}
	// Taken back, it is as it was, its guest too.
	if a, err = w.Stay(actor(admin), olga.Account, noon); err != nil || a.State != Active || a.Leaving != nil {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, _, err := w.Login(t.Context(), "gus@example.net", guestPhrase, desk, noon); err != nil {
		t.Errorf("its guest: %v", err)
	}
	if _, err = w.Leave(actor(admin), olga.Account, noon); err != nil {
		t.Fatal(err)
	}
	// A process that begins anew deletes it on its day, and takes the room from the guest.
	w = w.restart(path)
	w.takeEnded()
	if err := w.Sweep(noon.Add(30 * day)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(olga.Account); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if g, err := w.Get(guest.ID); err == nil && len(g.Guest.Rooms) != 0 {
		t.Errorf("the guest keeps %v", g.Guest.Rooms)
	}
	w.consistent()
}

func TestLastAdministratorAndOfficerStay(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	if _, err := w.Leave(actor(admin), admin.ID, noon); !errors.Is(err, ErrLastAdministrator) {
		t.Errorf("the last administrator: %v", err)
	}
	second := w.of(Administrator, "second@example.org")
	if _, err := w.Leave(actor(second), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	// Of two who leave, one would be the last: a leaving one counts no longer.
	if _, err := w.Leave(actor(admin), admin.ID, noon); !errors.Is(err, ErrLastAdministrator) {
		t.Errorf("the last who stays: %v", err)
	}
	if _, err := w.Disable(actor(second), admin.ID, noon); !errors.Is(err, ErrLastAdministrator) {
		t.Errorf("disabling the last who stays: %v", err)
	}
	officer := w.of(Officer, "olga@example.org")
	if _, err := w.Leave(actor(officer), officer.ID, noon); !errors.Is(err, ErrLastOfficer) {
		t.Errorf("the last officer: %v", err)
	}
	w.consistent()
}

func TestOfficersDeletionTakesFourEyes(t *testing.T) {
	w, admin, olga, other := office(t)
	var p Proposed
	if _, err := w.Leave(actor(admin), olga.ID, noon); !errors.As(err, &p) || p.Proposal.Kind != ProposedLeave {
		t.Fatalf("%v", err)
	}
	if _, err := w.SetAddress(actor(admin), olga.ID, "o@example.org", noon); !errors.As(err, &p) || p.Proposal.Kind != ProposedEmail {
		t.Fatalf("%v", err)
	}
	if a, err := w.Get(olga.ID); err != nil || a.Leaving != nil || a.Email != "olga@example.org" {
		t.Errorf("done before it was agreed to: %+v, %v", a, err)
	}
	for _, p := range w.waiting(other, noon) {
		if p.Account.ID == olga.ID && p.Kind == ProposedEmail {
			if done, err := w.Approve(actor(other), p.ID, noon); err != nil || done.Account.Email != "o@example.org" {
				t.Errorf("%+v, %v", done, err)
			}
		}
	}
	for _, p := range w.waiting(other, noon) {
		if p.Account.ID == olga.ID && p.Kind == ProposedLeave {
			if done, err := w.Approve(actor(other), p.ID, noon); err != nil || done.Account.Leaving == nil || done.Account.State != Disabled {
				t.Errorf("%+v, %v", done, err)
			}
		}
	}
	if _, err := w.Stay(actor(admin), olga.ID, noon); !errors.As(err, &p) || p.Proposal.Kind != ProposedStay {
		t.Fatalf("%v", err)
	}
	if done, err := w.Approve(actor(other), p.Proposal.ID, noon); err != nil || done.Account.Leaving != nil || done.Account.State != Active {
		t.Errorf("%+v, %v", done, err)
	}
	w.consistent()
}

// One account that can't be deleted keeps the others from nothing.
func TestDeletionIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	other, _ := w.member(admin, "Other", "other@example.org")
	stuck, told := errors.New("the queue of mails is full"), 0
	w.o.Gone = func(_ *store.Tx, account ID, actor string, _ time.Time) (func(), error) {
		if account == grace.ID && stuck != nil {
			return nil, stuck
		}
		if actor != audit.ActorSystem {
			t.Errorf("by %s", actor)
		}
		return func() { told++ }, nil
	}
	for _, a := range []Account{grace, other} {
		if _, err := w.Leave(actor(a), a.ID, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Sweep(noon.Add(30 * day)); !errors.Is(err, stuck) {
		t.Errorf("%v", err)
	}
	if _, err := w.Get(other.ID); !errors.Is(err, ErrNotFound) || told != 1 {
		t.Errorf("%v, told %d", err, told)
	}
	if a, err := w.Get(grace.ID); err != nil || a.Leaving == nil {
		t.Errorf("half deleted: %+v, %v", a, err)
	}
	stuck = nil
	if err := w.Sweep(noon.Add(30 * day)); err != nil || told != 2 {
		t.Errorf("%v, told %d", err, told)
	}
}

func TestExportHoldsEverythingAndNoSecret(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	olga := w.organiserOf("Olga", "olga@example.org")
	grace, _ := w.member(admin, "Grace Hopper", "grace@example.org")
	w.guest(olga, hall, "gus@example.net", noon)
	if err := w.SetContact(olga.Account, grace.ID, true, noon); err != nil {
		t.Fatal(err)
	}
	g, err := w.CreateGroup(actor(admin), "Direction", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeMembers(actor(admin), g.ID, []ID{olga.Account}, nil, noon); err != nil {
		t.Fatal(err)
	}
	w.moves(olga, "olga.new@example.org", noon)
	if _, err := w.asks(olga, "olga.other@example.org", noon); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SetLanguage(olga, English, noon); err != nil {
		t.Fatal(err)
	}
	w.o.Kept = func(*store.Tx, ID) (any, error) { return map[string]string{"rooms": "what the rooms keep"}, nil }
	if _, err := w.Export(Actor{Account: olga.Account}, olga.Account, noon); !errors.Is(err, ErrProofNeeded) {
		t.Errorf("without a proof: %v", err)
	}
	if _, err := w.Export(actor(admin), olga.Account, noon); !errors.Is(err, ErrForbidden) {
		t.Errorf("by an administrator: %v", err)
	}
	e, err := w.Export(olga, olga.Account, noon)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{ExportSchema, "olga.new@example.org", "olga@example.org", "olga.other@example.org", "Grace Hopper", "Direction", "gus@example.net", "what the rooms keep", "group.member-added", "192.0.2.7",
		`"passphrase": true`, `"presenceShown": true`, `"language": "en"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
	r := w.record(olga.Account)
	for what, not := range map[string]string{"the hash": r.Hash, "the administrator": admin.ID.String(), "the administrator's name": "Ada", "other accounts' addresses": "ada@example.org"} {
		if strings.Contains(string(text), not) {
			t.Errorf("it holds %s", what)
		}
	}
	if by, err := w.ExportOf("Olga.New@example.org", noon); err != nil || by.Account.ID != olga.Account {
		t.Errorf("by an operator: %v", err)
	}
	if _, err := w.ExportOf("nobody@example.org", noon); !errors.Is(err, ErrNoExport) {
		t.Errorf("of nobody: %v", err)
	}
	if n := len(slices.DeleteFunc(w.actions(), func(a string) bool { return a != string(audit.AccountExported) })); n != 2 {
		t.Errorf("%d entries", n)
	}
}
