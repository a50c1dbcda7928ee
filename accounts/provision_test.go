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

// provisioner makes a token and returns who has it.
func (w *world) provisioner(admin Account, wish ProvisionerWish) (Provisioner, string) {
	w.t.Helper()
	if wish.Name == "" {
		wish.Name = "Entra ID"
	}
	if wish.Days == 0 {
		wish.Days = 90
	}
	_, token, err := w.MakeProvisioner(actor(admin), wish, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := w.ProvisionerOf(token.Reveal(), desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, token.Reveal()
}

func TestProvisionerTokens(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Bob Martin", "bob@example.org")
	late := Actor{Account: admin.ID, Proved: noon.Add(-time.Hour)}
	for name, at := range map[string]struct {
		by   Actor
		wish ProvisionerWish
		want error
	}{
		"no name":      {actor(admin), ProvisionerWish{Days: 1}, ErrName},
		"no end":       {actor(admin), ProvisionerWish{Name: "x"}, ErrProvisionerDays},
		"too long":     {actor(admin), ProvisionerWish{Name: "x", Days: MaxProvisionerDays + 1}, ErrProvisionerDays},
		"no proof":     {late, ProvisionerWish{Name: "x", Days: 1}, ErrProofNeeded},
		"by a member":  {actor(member), ProvisionerWish{Name: "x", Days: 1}, ErrForbidden},
		"as it should": {actor(admin), ProvisionerWish{Name: "x", Days: 1}, nil},
	} {
		_, _, err := w.MakeProvisioner(at.by, at.wish, noon)
		wantErr(t, name, err, at.want)
	}
	p, token := w.provisioner(admin, ProvisionerWish{Organisers: true})
	list, err := w.Provisioners()
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if got := list[slices.IndexFunc(list, func(l Provisioner) bool { return l.ID == p.ID })]; !got.Used.Equal(noon) || got.UsedFrom != desk.Address || got.By != admin.ID || !got.Organisers {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", 43), token + "A", token[:42]} {
		_, err := w.ProvisionerOf(bad, desk, noon)
		wantErr(t, bad, err, ErrProvisioner)
	}
	late90 := noon.AddDate(0, 0, 90)
	_, err = w.ProvisionerOf(token, desk, late90)
	wantErr(t, "too old", err, ErrProvisioner)
	for _, at := range []struct {
		token string
		now   time.Time
	}{{"x", noon}, {token, late90}, {token, noon}} { // the last one counts: nothing is written
		if err := w.RefusedProvisioner(at.token, desk, at.now); err != nil {
			t.Error(err)
		}
	}
	// The database holds no token.
	err = w.db.View(func(tx *store.Tx) error {
		tx.Scan(provisionersBucket, nil, nil, 0, func(k, v []byte) bool {
			if strings.Contains(string(k)+string(v), token) {
				t.Error("the token itself is stored")
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantErr(t, "revoked by a member", w.RevokeProvisioner(actor(member), p.ID, noon), ErrForbidden)
	if err := w.RevokeProvisioner(late, p.ID, noon); err != nil {
		t.Error(err)
	}
	wantErr(t, "revoked twice", w.RevokeProvisioner(actor(admin), p.ID, noon), ErrNoProvisioner)
	_, err = w.ProvisionerOf(token, desk, noon)
	wantErr(t, "a revoked token", err, ErrProvisioner)
	// A request that was under way when its token was revoked does nothing any more.
	_, err = w.Provision(p, ProvisionedPerson{UserName: "x@example.org"}, noon)
	wantErr(t, "a revoked token's act", err, ErrProvisioner)
	for len(list) < MaxProvisioners {
		w.provisioner(admin, ProvisionerWish{})
		if list, err = w.Provisioners(); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err = w.MakeProvisioner(actor(admin), ProvisionerWish{Name: "x", Days: 1}, noon)
	wantErr(t, "one too many", err, ErrTooManyProvisioners)
	log := strings.Join(w.actions(), " ")
	if n := strings.Count(log, "provisioner.refused refused"); n != 2 {
		t.Errorf("%d refusals in the log", n)
	}
	for _, want := range []string{"provisioner.made", "provisioner.revoked"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log", want)
		}
	}
}

func TestProvision(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	p, _ := w.provisioner(admin, ProvisionerWish{Mails: true})
	some, _ := w.provisioner(admin, ProvisionerWish{Organisers: true})
	var mailed []string
	mail := func(_ *store.Tx, to Account, _ Activation) error {
		mailed = append(mailed, to.Email)
		return nil
	}
	bob, err := w.Provision(p, ProvisionedPerson{UserName: "Bob@Example.org", Subject: "e1", Given: "Bob", Family: "Martin"}, noon, mail)
	if err != nil {
		t.Fatal(err)
	}
	if a := bob.Account; a.Name != "Bob Martin" || a.Email != "Bob@Example.org" || a.Role != Member || a.State != Invited || a.Source != Provisioned {
		t.Errorf("%+v", a)
	}
	for name, at := range map[string]struct {
		by   Provisioner
		who  ProvisionedPerson
		want error
	}{
		"no user name":           {p, ProvisionedPerson{UserName: " "}, ErrUserName},
		"a user name of control": {p, ProvisionedPerson{UserName: "a\nb"}, ErrUserName},
		"a long user name":       {p, ProvisionedPerson{UserName: strings.Repeat("a", 257)}, ErrUserName},
		"that user name":         {p, ProvisionedPerson{UserName: "BOB@example.ORG", Email: "b2@example.org"}, ErrUserNameTaken},
		"that name of theirs":    {p, ProvisionedPerson{UserName: "b3@example.org", Subject: "e1"}, ErrSubjectTaken},
		"an administrator's":     {p, ProvisionedPerson{UserName: "root", Email: "ADA@example.org"}, ErrEmailTaken},
		"no address":             {p, ProvisionedPerson{UserName: "root"}, ErrEmail},
		"no name":                {p, ProvisionedPerson{UserName: "b4@example.org", Display: "\u202e"}, ErrName},
		"an organiser, by some":  {some, ProvisionedPerson{UserName: "b5@example.org", Role: Organiser}, nil},
		"an organiser, by p":     {p, ProvisionedPerson{UserName: "b6@example.org", Role: Organiser}, ErrProvisionedRole},
		"an officer":             {some, ProvisionedPerson{UserName: "b7@example.org", Role: Officer}, ErrProvisionedRole},
		"an administrator":       {some, ProvisionedPerson{UserName: "b8@example.org", Role: Administrator}, ErrProvisionedRole},
		"a guest":                {some, ProvisionedPerson{UserName: "b9@example.org", Role: Guest}, ErrProvisionedRole},
		"who is off":             {p, ProvisionedPerson{UserName: "off@example.org", Off: true}, nil},
	} {
		_, err := w.Provision(at.by, at.who, noon, mail)
		wantErr(t, name, err, at.want)
	}
	if !slices.Equal(mailed, []string{"Bob@Example.org"}) {
		t.Errorf("mailed: %q", mailed)
	}
	// Accounts that it didn't bring are not there.
	if _, err := w.ProvisionedByID(admin.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("an account of ours: %v", err)
	}
	if _, err := w.ProvisionedBy("", "", "ada@example.org"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an account of ours by its address: %v", err)
	}
	_, err = w.Reprovision(p, admin.ID, func(ProvisionedAccount) (ProvisionedPerson, error) {
		t.Error("shown an account of ours")
		return ProvisionedPerson{}, nil
	}, noon)
	wantErr(t, "change of ours", err, ErrNotFound)
	wantErr(t, "end of ours", w.Deprovision(p, admin.ID, func(ProvisionedAccount) error { return nil }, noon), ErrNotFound)
	for name, find := range map[string][3]string{"user name": {"bob@EXAMPLE.org"}, "their name": {"", "e1"}, "address": {"", "", "bob@example.org"}} {
		if got, err := w.ProvisionedBy(find[0], find[1], find[2]); err != nil || got.Account.ID != bob.Account.ID {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestReprovision(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	p, _ := w.provisioner(admin, ProvisionerWish{Mails: true, Organisers: true})
	few, _ := w.provisioner(admin, ProvisionerWish{})
	var links []string
	mail := func(_ *store.Tx, _ Account, l Activation) error {
		links = append(links, l.Token.Reveal())
		return nil
	}
	made, err := w.Provision(p, ProvisionedPerson{UserName: "bob@example.org", Subject: "e1", Display: "Bob"}, noon, mail)
	if err != nil || len(links) != 1 {
		t.Fatal(err, links)
	}
	id := made.Account.ID
	set := func(by Provisioner, f func(*ProvisionedPerson)) (ProvisionedAccount, error) {
		return w.Reprovision(by, id, func(is ProvisionedAccount) (ProvisionedPerson, error) {
			f(&is.Person)
			return is.Person, nil
		}, noon, mail)
	}
	must := func(f func(*ProvisionedPerson)) ProvisionedAccount {
		t.Helper()
		a, err := set(p, f)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	head := len(w.actions())
	must(func(*ProvisionedPerson) {})
	if len(w.actions()) != head {
		t.Error("a change of nothing is in the log")
	}
	// Another address before the link was used: the link that went to the old one is void, and another goes to the new one.
	must(func(p *ProvisionedPerson) { p.Email = "robert@example.org" })
	if len(links) != 2 {
		t.Fatalf("%d links", len(links))
	}
	if _, err := w.Activation(links[0], noon); !errors.Is(err, ErrActivation) {
		t.Errorf("the link to the address before: %v", err)
	}
	_, token, err := w.Activate(t.Context(), links[1], memberPhrase, desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.CreateGroup(actor(admin), "Équipe", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeMembers(actor(admin), g.ID, []ID{id}, nil, noon); err != nil {
		t.Fatal(err)
	}
	// Names change nothing of a session, a role ends it.
	if a := must(func(p *ProvisionedPerson) { p.Display, p.Family, p.Subject = "Robert", "Martin", "e2" }); a.Account.Name != "Robert" || !w.signedIn(token, noon) {
		t.Errorf("%+v", a)
	}
	if a := must(func(p *ProvisionedPerson) { p.Role = Organiser }); a.Account.Role != Organiser || w.signedIn(token, noon) {
		t.Errorf("%+v", a)
	}
	// A token for members alone changes an organiser's name, and takes the role, but gives it to nobody.
	if _, err := set(few, func(p *ProvisionedPerson) { p.Display = "Rob" }); err != nil {
		t.Error(err)
	}
	if _, err := set(few, func(p *ProvisionedPerson) { p.Role = Member }); err != nil {
		t.Error(err)
	}
	_, err = set(few, func(p *ProvisionedPerson) { p.Role = Organiser })
	wantErr(t, "a role that the token may not give", err, ErrProvisionedRole)
	for _, role := range []Role{Administrator, Officer, Auditor, Guest, "x"} {
		_, err = set(p, func(p *ProvisionedPerson) { p.Role = role })
		wantErr(t, string(role), err, ErrProvisionedRole)
	}
	_, err = set(p, func(p *ProvisionedPerson) { p.Email = "ada@example.org" })
	wantErr(t, "an address of another", err, ErrEmailTaken)
	if _, token, err = w.Login(t.Context(), "robert@example.org", memberPhrase, desk, noon); err != nil {
		t.Fatal(err)
	}
	// Off: at once, whatever it was doing; on again, with the passphrase that it had.
	w.takeEnded()
	must(func(p *ProvisionedPerson) { p.Off = true })
	if ended := w.takeEnded(); w.signedIn(token, noon) || len(ended) != 1 || !ended[0].All() || ended[0].Reason != SourceDecided {
		t.Errorf("%+v", ended)
	}
	_, _, err = w.Login(t.Context(), "robert@example.org", memberPhrase, Client{}, noon)
	wantErr(t, "who is off", err, ErrCredentials)
	must(func(p *ProvisionedPerson) { p.Off = false })
	if _, _, err = w.Login(t.Context(), "robert@example.org", memberPhrase, Client{}, noon); err != nil {
		t.Error(err)
	}
	// Our own word stands whatever an identity system says.
	if _, err := w.Disable(actor(admin), id, noon); err != nil {
		t.Fatal(err)
	}
	must(func(p *ProvisionedPerson) { p.Display = "Roberto" })
	if a, err := w.Get(id); err != nil || a.State != Disabled {
		t.Errorf("%+v, %v", a, err)
	}
	if len(links) != 2 {
		t.Errorf("%d links for who has a passphrase", len(links))
	}
	refused := errors.New("no")
	wantErr(t, "an end that is refused", w.Deprovision(p, id, func(ProvisionedAccount) error { return refused }, noon), refused)
	if err := w.Deprovision(p, id, func(ProvisionedAccount) error { return nil }, noon); err != nil {
		t.Error(err)
	}
	if g, err := w.GetGroup(g.ID); err != nil || g.Members != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	// The same names are free again.
	if _, err := w.Provision(p, ProvisionedPerson{UserName: "bob@example.org", Subject: "e1", Email: "robert@example.org"}, noon); err != nil {
		t.Error(err)
	}
	log := strings.Join(w.actions(), " ")
	for _, want := range []string{"account.created", "account.named", "account.renamed", "account.email", "account.role", "account.disabled", "account.enabled", "account.deleted"} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in the log", want)
		}
	}
}

// TestProvisionerReachesNoPrivilege: should a provisioned account have an administrator's role all the same, no token touches it.
func TestProvisionerReachesNoPrivilege(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	p, _ := w.provisioner(admin, ProvisionerWish{})
	made, err := w.Provision(p, ProvisionedPerson{UserName: "bob@example.org"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SetRole(actor(admin), made.Account.ID, Administrator, noon)
	wantErr(t, "by hand", err, ErrFromSource)
	err = w.db.Update(func(tx *store.Tx) error {
		r, err := load(tx, made.Account.ID)
		r.Role = Administrator
		return errors.Join(err, save(tx, r))
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Reprovision(p, made.Account.ID, func(is ProvisionedAccount) (ProvisionedPerson, error) { return is.Person, nil }, noon)
	wantErr(t, "change", err, ErrForbidden)
	wantErr(t, "end", w.Deprovision(p, made.Account.ID, func(ProvisionedAccount) error { return nil }, noon), ErrForbidden)
}

func TestProvisionGroups(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	p, _ := w.provisioner(admin, ProvisionerWish{})
	var ids []ID
	for i := range 3 {
		a, err := w.Provision(p, ProvisionedPerson{UserName: fmt.Sprintf("p%d@example.org", i)}, noon)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.Account.ID)
	}
	slices.SortFunc(ids, func(a, b ID) int { return slices.Compare(a[:], b[:]) })
	ours, err := w.CreateGroup(actor(admin), "Ici", noon)
	if err != nil {
		t.Fatal(err)
	}
	g, err := w.ProvisionGroup(p, SourcedGroup{"s", "Équipe", ids[:2]}, noon)
	if err != nil || !slices.Equal(g.IDs, ids[:2]) || g.Members != 2 {
		t.Fatalf("%+v, %v", g, err)
	}
	for name, at := range map[string]struct {
		g    SourcedGroup
		want error
	}{"that name": {SourcedGroup{"", "equipe", nil}, ErrGroupTaken}, "a name of ours": {SourcedGroup{"", "ici", nil}, ErrGroupTaken}, "that name of theirs": {SourcedGroup{"s", "X", nil}, ErrSubjectTaken},
		"no name": {SourcedGroup{"", " ", nil}, ErrName}, "a member of ours": {SourcedGroup{"", "X", []ID{admin.ID}}, ErrGroupMember}, "nobody": {SourcedGroup{"", "X", []ID{{9}}}, ErrGroupMember}} {
		_, err := w.ProvisionGroup(p, at.g, noon)
		wantErr(t, name, err, at.want)
	}
	change := func(want SourcedGroup) (ProvisionedGroup, error) {
		return w.ReprovisionGroup(p, g.ID, func(ProvisionedGroup) (SourcedGroup, error) { return want, nil }, noon)
	}
	after, err := change(SourcedGroup{"t", "Équipe 2", ids[1:]})
	if err != nil || !slices.Equal(after.IDs, ids[1:]) || after.Name != "Équipe 2" || after.Subject != "t" || !after.Changed.After(g.Changed) {
		t.Errorf("%+v, %v", after, err)
	}
	if again, err := w.ProvisionedGroupByID(g.ID); err != nil || again.Name != after.Name || !slices.Equal(again.IDs, after.IDs) || !again.Changed.Equal(after.Changed) {
		t.Errorf("%+v, %v", again, err)
	}
	if a, err := w.ProvisionedByID(ids[1]); err != nil || len(a.Groups) != 1 || a.Groups[0].ID != g.ID {
		t.Errorf("%+v, %v", a, err)
	}
	_, err = w.ReprovisionGroup(p, ours.ID, func(ProvisionedGroup) (SourcedGroup, error) { return SourcedGroup{}, nil }, noon)
	wantErr(t, "a group of ours", err, ErrNoGroup)
	_, err = w.RenameGroup(actor(admin), g.ID, "X", noon)
	wantErr(t, "by hand", err, ErrGroupSource)
	if _, err = w.ProvisionGroup(p, SourcedGroup{"s", "Équipe", nil}, noon); err != nil {
		t.Errorf("names that are free again: %v", err)
	}
	var names []string
	if _, err = w.ProvisionedGroups(func(g Group, members func() []ID) bool {
		names = append(names, fmt.Sprint(g.Name, len(members())))
		return true
	}); err != nil || !slices.Equal(names, []string{"Équipe0", "Équipe 22"}) {
		t.Errorf("%q, %v", names, err)
	}
	if err := w.DeprovisionGroup(p, g.ID, func(ProvisionedGroup) error { return nil }, noon); err != nil {
		t.Error(err)
	}
	wantErr(t, "twice", w.DeprovisionGroup(p, g.ID, func(ProvisionedGroup) error { return nil }, noon), ErrNoGroup)
	if a, err := w.ProvisionedByID(ids[1]); err != nil || len(a.Groups) != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}
