package accounts

import (
	"errors"
	"strings"
	"testing"

	"huisclos/audit"
	"huisclos/store"
)

// What is done beside an act is done in its transaction: it sees the account, and what it refuses did not happen.
func TestWhatIsDoneBesideAnAct(t *testing.T) {
	w := newWorld(t)
	refused := errors.New("no mail")
	var links []Activation
	var fails error
	also := func(tx *store.Tx, a Account, link Activation) error {
		if a.Email != "zoe@example.org" || link.Token.Reveal() == "" {
			t.Errorf("%+v, %v", a, link)
		}
		if err := tx.Put(stateBucket, []byte("beside"), []byte("x")); err != nil {
			return err
		}
		links = append(links, link)
		return fails
	}
	kept := func() (there bool) {
		if err := w.db.View(func(tx *store.Tx) error { there = tx.Get(stateBucket, []byte("beside")) != nil; return nil }); err != nil {
			t.Fatal(err)
		}
		return there
	}
	fails = refused
	if _, _, err := w.Create(Operator(), "Zoé", "zoe@example.org", Member, noon, also); !errors.Is(err, refused) {
		t.Fatalf("%v", err)
	}
	if n, err := w.Count(); n != 0 || err != nil || kept() {
		t.Errorf("%d accounts, %v", n, err)
	}
	if _, err := w.Accounts.Activation(links[0].Token.Reveal(), noon); !errors.Is(err, ErrActivation) {
		t.Errorf("the link that nobody got counts: %v", err)
	}
	fails = nil
	a, link, err := w.Create(Operator(), "Zoé", "zoe@example.org", Member, noon, also)
	if err != nil || !kept() || links[1].Token.Reveal() != link.Token.Reveal() {
		t.Fatalf("%v, %v", err, kept())
	}
	fails = refused
	if _, err := w.NewActivation(Operator(), a.ID, noon, also); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if _, err := w.Accounts.Activation(link.Token.Reveal(), noon); err != nil {
		t.Errorf("the link before is void, though there is no other: %v", err)
	}
}

// Each entry is told in its act's transaction, with an account that can be found there.
func TestActsAreTold(t *testing.T) {
	w := newWorld(t)
	var told []string
	refused := errors.New("no")
	stop := false
	w.o.Recorded = func(tx *store.Tx, e audit.Event) error {
		told = append(told, string(e.Action))
		if stop {
			return refused
		}
		if id, err := ParseID(e.Object); err == nil && e.Action == audit.AccountRenamed {
			if a, err := Find(tx, id); err != nil || a.Name != "Zoé Z" {
				t.Errorf("%+v, %v", a, err)
			}
		}
		return nil
	}
	a, _, err := w.Create(Operator(), "Zoé", "zoe@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rename(Operator(), a.ID, "Zoé Z", noon); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(told, " "); got != "account.created activation.made account.renamed" {
		t.Errorf("told %s", got)
	}
	stop = true
	if _, err := w.Rename(Operator(), a.ID, "Another", noon); !errors.Is(err, refused) {
		t.Errorf("%v", err)
	}
	if a, err := w.Get(a.ID); err != nil || a.Name != "Zoé Z" {
		t.Errorf("%+v, %v", a, err)
	}
	if err := w.db.View(func(tx *store.Tx) error { _, err := Find(tx, ID{1}); return err }); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}
