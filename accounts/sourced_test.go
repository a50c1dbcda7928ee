package accounts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/store"
)

func (w *world) groupNames() (list []string) {
	w.t.Helper()
	groups, err := w.Groups("", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range groups {
		list = append(list, fmt.Sprintf("%s %s%d", g.Name, g.Source, g.Members))
	}
	return list
}

func TestFollowGroups(t *testing.T) {
	w, _, people := directoryWorld(t, 3)
	admin, _ := w.administrator()
	w.bring(Roll{People: people})
	var of []ID
	for _, p := range people {
		err := w.db.View(func(tx *store.Tx) error {
			r, err := loadBySubject(tx, Directory, p.Subject)
			of = append(of, r.ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	local, err := w.CreateGroup(actor(admin), "Ici", noon)
	if err != nil {
		t.Fatal(err)
	}
	follow := func(i GroupRoll) FollowedGroups {
		t.Helper()
		i.Source = Directory
		done, err := w.FollowGroups(i, noon)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	has := func(want ...string) {
		t.Helper()
		if got := w.groupNames(); !slices.Equal(got, want) {
			t.Errorf("groups %q, want %q", got, want)
		}
	}
	roll := []SourcedGroup{{"a", "Alpha", of[:2]}, {"b", "  Bêta ", append([]ID{{9}, of[0], of[0]}, of...)}, {"c", "ici", of}, {"d", "\u202e", nil}}
	if done := follow(GroupRoll{Groups: roll, Dry: true}); done.Created != 2 || done.Troubled != 2 {
		t.Errorf("dry: %+v", done)
	}
	has("Ici 0")
	done := follow(GroupRoll{Groups: roll})
	if done.Created != 2 || done.Added != 5 || done.Held || !slices.Equal(done.Problems, []GroupProblem{{"bad-name", "\u202e"}, {"group-taken", "ici"}}) {
		t.Errorf("first: %+v", done)
	}
	has("Alpha ldap2", "Bêta ldap3", "Ici 0")
	head := len(w.actions())
	if done = follow(GroupRoll{Groups: roll[:2]}); done.Created+done.Renamed+done.Deleted+done.Added+done.Taken+done.Troubled != 0 || done.Groups != 2 || len(w.actions()) != head {
		t.Errorf("second: %+v", done)
	}
	// They change names; one of them also members.
	if done = follow(GroupRoll{Groups: []SourcedGroup{{"a", "Bêta 2", of[1:]}, {"b", "Alpha", of}}}); done.Renamed != 2 || done.Added != 1 || done.Taken != 1 || done.Troubled != 0 {
		t.Errorf("names: %+v", done)
	}
	has("Alpha ldap3", "Bêta 2 ldap2", "Ici 0")
	if members, _, err := w.Members(w.groupCalled("a"), "", 0); err != nil || len(members) != 2 || slices.ContainsFunc(members, func(m Account) bool { return m.ID == of[0] }) {
		t.Errorf("%+v, %v", members, err)
	}
	// Most are gone: they stay, unless somebody says so; and that takes a proof.
	if done = follow(GroupRoll{}); !done.Held || done.Missing != 2 || done.Deleted != 0 {
		t.Errorf("none: %+v", done)
	}
	by := Actor{Account: admin.ID}
	_, err = w.FollowGroups(GroupRoll{Source: Directory, By: &by, Anyway: true}, noon)
	wantErr(t, "without a proof", err, ErrProofNeeded)
	by.Account, by.Proved = of[0], noon
	_, err = w.FollowGroups(GroupRoll{Source: Directory, By: &by, Anyway: true}, noon)
	wantErr(t, "by a member", err, ErrForbidden)
	by.Account = admin.ID
	if done = follow(GroupRoll{By: &by, Anyway: true, Groups: []SourcedGroup{{"z", "Alpha", nil}}}); done.Deleted != 2 || done.Created != 1 || done.Troubled != 0 {
		t.Errorf("anyway: %+v", done)
	}
	has("Alpha ldap0", "Ici 0")
	// One of another source isn't touched, nor one of ours.
	if _, err := w.FollowGroups(GroupRoll{Source: Provider, Groups: []SourcedGroup{{"z", "Zêta", of}}}, noon); err != nil {
		t.Fatal(err)
	}
	follow(GroupRoll{Anyway: true})
	has("Ici 0", "Zêta oidc3")
	for name, bad := range map[string]GroupRoll{"of ours": {Groups: roll}, "no subject": {Source: Directory, Groups: []SourcedGroup{{"", "X", nil}}},
		"twice": {Source: Directory, Groups: []SourcedGroup{{"x", "X", nil}, {"x", "Y", nil}}}} {
		if _, err := w.FollowGroups(bad, noon.Add(time.Hour)); err == nil || Code(err) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.RenameGroup(actor(admin), local.ID, "Encore", noon); err != nil {
		t.Error(err)
	}
	if log := strings.Join(w.actions(), " "); !strings.Contains(log, "group.created group.created group.member-added") {
		t.Errorf("log: %s", log)
	}
}

// groupCalled is the id of the directory's group of that subject.
func (w *world) groupCalled(subject string) (id GroupID) {
	w.t.Helper()
	err := w.db.View(func(tx *store.Tx) error {
		g, err := loadGroupBySubject(tx, Directory, subject)
		id = g.ID
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// TestFollowLargeGroup: its members come in several transactions, and more than fit are refused as a whole.
func TestFollowLargeGroup(t *testing.T) {
	w, _, people := directoryWorld(t, maxChange+100)
	w.bring(Roll{People: people})
	var all []ID
	for after := ""; ; {
		page, next, err := w.List("", after, MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			all = append(all, a.ID)
		}
		if after = next; after == "" {
			break
		}
	}
	for _, step := range []struct {
		members      []ID
		added, taken int
		problem      error
	}{{all, len(all), 0, nil}, {all[maxChange/2:], 0, maxChange / 2, nil}, {make([]ID, MaxMembers+1), 0, 0, ErrGroupFull}, {all[:1], 1, len(all) - maxChange/2, nil}} {
		done, err := w.FollowGroups(GroupRoll{Source: Directory, Groups: []SourcedGroup{{"g", "Tous", step.members}}}, noon)
		if err != nil || done.Added != step.added || done.Taken != step.taken || (done.Troubled > 0) != (step.problem != nil) {
			t.Errorf("%d members: %+v, %v", len(step.members), done, err)
		}
		if step.problem != nil && done.Problems[0].Code != Code(step.problem) {
			t.Errorf("%+v", done.Problems)
		}
	}
	if g, err := w.GetGroup(w.groupCalled("g")); err != nil || g.Members != 1 {
		t.Errorf("%+v, %v", g, err)
	}
}
