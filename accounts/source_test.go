package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"huisclos/store"
)

// book is a directory of the tests: subject → passphrase.
type book struct {
	mu    sync.Mutex
	of    map[string]string
	down  bool
	slow  bool
	asked []string
}

func (b *book) Check(ctx context.Context, subject, passphrase string) (bool, error) {
	b.mu.Lock()
	b.asked = append(b.asked, subject)
	down, slow, right := b.down, b.slow, subject != "" && b.of[subject] == passphrase
	b.mu.Unlock()
	if slow {
		<-ctx.Done()
		return false, fmt.Errorf("%w: %w", ErrSource, ctx.Err())
	}
	if down {
		return false, fmt.Errorf("%w: no way", ErrSource)
	}
	return right, nil
}

// directoryWorld is a world with a directory that has n people.
func directoryWorld(t *testing.T, n int) (*world, *book, []Entry) {
	t.Helper()
	w := newWorld(t)
	b := &book{of: map[string]string{}}
	var err error
	w.Accounts, err = New(w.db, w.log, w.hasher, rand.Reader, Options{MemberHash: cheap, AdministratorHash: dear, Directory: b})
	if err != nil {
		t.Fatal(err)
	}
	w.OnEnded(func(e Ended) { w.ended = append(w.ended, e) })
	var people []Entry
	for i := range n {
		people = append(people, Entry{Subject: fmt.Sprint(i), Name: fmt.Sprint("Personne ", i), Email: fmt.Sprintf("p%d@example.org", i), Role: Member})
		b.of[fmt.Sprint(i)] = fmt.Sprint("phrase ", i)
	}
	return w, b, people
}

func (w *world) bring(i Roll) Followed {
	w.t.Helper()
	i.Source = Directory
	done, err := w.Follow(i, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

// TestTheDoorAsksForEverybody: no try shows by what is asked where an account comes from, or whether there is one.
func TestTheDoorAsksForEverybody(t *testing.T) {
	w, b, people := directoryWorld(t, 3)
	w.administrator()
	people[2].Off = true
	w.bring(Roll{People: people[:2]})
	from := desk
	for name, at := range map[string]struct {
		email, passphrase, asked string
		want                     error
	}{
		"of the directory":          {"p0@example.org", "phrase 0", "0", nil},
		"of the directory, wrong":   {"p1@example.org", "phrase 0", "1", ErrCredentials},
		"of the directory, empty":   {"p1@example.org", "", "", ErrCredentials},
		"of ours, wrong":            {"ada@example.org", "phrase 0", "", ErrCredentials},
		"nobody":                    {"x@example.org", "phrase 0", "", ErrCredentials},
		"no address":                {"x", "phrase 0", "", ErrCredentials},
		"never had an account":      {"p2@example.org", "phrase 2", "", ErrCredentials},
		"subject instead of e-mail": {"0", "phrase 0", "", ErrCredentials},
	} {
		b.asked = nil
		from.Address = from.Address.Next()
		_, err := w.Accounts.Login(t.Context(), at.email, Proof{Passphrase: at.passphrase}, from, noon)
		if !errors.Is(err, at.want) || !slices.Equal(b.asked, []string{at.asked}) {
			t.Errorf("%s: %v, asked for %q", name, err, b.asked)
		}
	}
	b.slow = true
	if _, err := w.Accounts.Login(t.Context(), "ada@example.org", Proof{Passphrase: adminPhrase, Code: w.plantedCode("ada@example.org", noon)}, desk, noon); err != nil {
		t.Errorf("a right passphrase of ours waits for the directory: %v", err)
	}
}

func TestImportByBatches(t *testing.T) {
	w, _, people := directoryWorld(t, 2*followBatch+50)
	if done := w.bring(Roll{People: people, Dry: true}); done.Created != len(people) || len(done.Changes) != listedMost {
		t.Errorf("dry: %+v", done)
	}
	if n, err := w.Count(); n != 0 || err != nil {
		t.Errorf("%d accounts after a dry run, %v", n, err)
	}
	if done := w.bring(Roll{People: people}); done.Created != len(people) || done.Accounts != 0 {
		t.Errorf("first: %+v", done)
	}
	if done := w.bring(Roll{People: people}); done.Created+done.Changed+done.Shut+done.Opened+done.Troubled != 0 || done.Accounts != len(people) {
		t.Errorf("second: %+v", done)
	}
	// Who is kept is not missing, who is off is shut.
	people[0].Off = true
	if done := w.bring(Roll{People: people[:len(people)-2], Kept: []string{people[len(people)-1].Subject}}); done.Shut != 2 || done.Missing != 1 {
		t.Errorf("third: %+v", done)
	}
	if head, err := w.log.Verify(t.Context()); err != nil {
		t.Errorf("log: %+v, %v", head, err)
	}
}

// TestImportOfBadPeople: what can't be an account is reported, and doesn't stop the others.
func TestImportOfBadPeople(t *testing.T) {
	w, _, people := directoryWorld(t, 4)
	people[0].Email = "no address"
	people[1].Name = "\u202e"
	people[2].Role = Guest
	done := w.bring(Roll{People: people})
	var codes []string
	for _, p := range done.Problems {
		codes = append(codes, p.Code)
	}
	if done.Created != 1 || !slices.Equal(codes, []string{"bad-email", "bad-name", "bad-role"}) {
		t.Errorf("%+v", done)
	}
	// The same happening to who has an account leaves that as it is.
	people[3].Email, people[3].Name, people[3].Role = "no address", "\u202e", "boss"
	if done = w.bring(Roll{People: people[3:]}); done.Changed != 0 || done.Troubled != 3 || done.Shut != 0 {
		t.Errorf("%+v", done)
	}
	if list, _, err := w.List("", "", 10); len(list) != 1 || list[0].Name != "Personne 3" || list[0].Email != "p3@example.org" || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestADirectoryThatIsNoLongerThere: without it in the settings nobody of it comes in, and its accounts can be deleted.
func TestADirectoryThatIsNoLongerThere(t *testing.T) {
	w, _, people := directoryWorld(t, 1)
	admin, _ := w.administrator()
	w.bring(Roll{People: people})
	var err error
	if w.Accounts, err = New(w.db, w.log, w.hasher, rand.Reader, Options{MemberHash: cheap, AdministratorHash: dear}); err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"phrase 0", ""} {
		if _, err := w.Accounts.Login(t.Context(), "p0@example.org", Proof{Passphrase: typed}, Client{}, noon); !errors.Is(err, ErrCredentials) {
			t.Errorf("%q: %v", typed, err)
		}
	}
	list, _, err := w.List("p0", "", 1)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	by := actor(admin)
	by.Proved = noon
	if err := w.Delete(by, list[0].ID, noon.Add(time.Minute)); err != nil {
		t.Error(err)
	}
}

// TestWhoIsProvisionedSignsInHere: of such an account the source says all but the passphrase; of one from elsewhere, that too.
func TestWhoIsProvisionedSignsInHere(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	by := actor(admin)
	bring := func(source Source, subject, name string) ID {
		a, _, err := w.Create(by, name, name+"@example.org", Member, noon)
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.Update(func(tx *store.Tx) error {
			r, err := load(tx, a.ID)
			if err != nil {
				return err
			}
			r.Source, r.Subject = source, subject
			return save(tx, r)
		})
		if err != nil {
			t.Fatal(err)
		}
		return a.ID
	}
	bob, eve := bring(Provisioned, "", "bob"), bring(Provisioned, "7", "eve") // a source may have no name of its own for somebody
	for id, want := range map[ID]error{bob: nil, eve: nil, bring(Provider, "issuer 1", "pia"): ErrFromSource, bring(Directory, "1", "dan"): ErrFromSource} {
		_, err := w.NewActivation(by, id, noon)
		wantErr(t, "link", err, want)
		_, err = w.Rename(by, id, "Other", noon)
		wantErr(t, "name", err, ErrFromSource)
		_, err = w.SetRole(by, id, Organiser, noon)
		wantErr(t, "role", err, ErrFromSource)
	}
	link, err := w.NewActivation(by, bob, noon)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Get(bob); err != nil || got.State != Invited {
		t.Errorf("%+v, %v", got, err)
	}
	if _, _, err := w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Login(t.Context(), "bob@example.org", memberPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	const further = "cerise lent tambour 52 muraille"
	token, err := w.ChangePassphrase(t.Context(), bob, Proof{Passphrase: memberPhrase}, further, desk, noon)
	if err != nil {
		t.Error(err)
	}
	for _, email := range []string{"pia@example.org", "dan@example.org", "eve@example.org"} {
		_, _, err := w.Login(t.Context(), email, memberPhrase, Client{}, noon)
		wantErr(t, email, err, ErrCredentials)
	}
	// Shut out by the source: nothing of the account counts, and no link is made for it.
	link, err = w.NewActivation(by, bob, noon)
	if err != nil {
		t.Fatal(err)
	}
	err = w.act("system", desk.Address, noon, func(t *act) error {
		r, err := load(t.tx, bob)
		if err != nil {
			return err
		}
		return t.leave(&r)
	})
	if err != nil || w.signedIn(token, noon) {
		t.Errorf("still signed in, or %v", err)
	}
	_, err = w.NewActivation(by, bob, noon)
	wantErr(t, "link of who was shut out", err, ErrDisabled)
	_, _, err = w.Activate(t.Context(), link.Token.Reveal(), memberPhrase, desk, noon)
	wantErr(t, "link from before", err, ErrActivation)
	_, _, err = w.Login(t.Context(), "bob@example.org", further, Client{}, noon)
	wantErr(t, "sign-in of who was shut out", err, ErrCredentials)
}
