package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"huisclos/store"
)

func TestGroups(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	bob, _ := w.member(admin, "Bob Martin", "bob@example.org")
	eve, _ := w.member(admin, "Eve Durand", "eve@example.org")

	g, err := w.CreateGroup(actor(admin), "  Équipe   projet ", noon)
	if err != nil || g.Name != "Équipe projet" || g.Source != Local || g.Members != 0 {
		t.Fatalf("%+v, %v", g, err)
	}
	for name, want := range map[string]error{"": ErrName, "a\nb": ErrName, "équipe projet": ErrGroupTaken, "EQUIPE PROJET": ErrGroupTaken} {
		if _, err := w.CreateGroup(actor(admin), name, noon); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	if _, err := w.CreateGroup(actor(bob), "Bande", noon); !errors.Is(err, ErrForbidden) {
		t.Errorf("a member made a group: %v", err)
	}
	if _, err := w.ChangeMembers(actor(admin), g.ID, []ID{bob.ID, {9}}, nil, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("an account that does not exist: %v", err)
	}
	if g, err = w.GetGroup(g.ID); err != nil || g.Members != 0 {
		t.Errorf("a refused change changed something: %+v, %v", g, err)
	}
	// Twice the same is once.
	for range 2 {
		if g, err = w.ChangeMembers(actor(admin), g.ID, []ID{bob.ID, eve.ID, bob.ID}, nil, noon); err != nil || g.Members != 2 {
			t.Fatalf("%+v, %v", g, err)
		}
	}
	members, next, err := w.Members(g.ID, "", 1)
	if err != nil || len(members) != 1 || next == "" {
		t.Fatalf("%v, %q, %v", members, next, err)
	}
	rest, next, err := w.Members(g.ID, next, 1)
	if err != nil || len(rest) != 1 || next != "" || rest[0].ID == members[0].ID {
		t.Errorf("%v, %q, %v", rest, next, err)
	}
	in := func(account ID) (in bool) {
		if err := w.db.View(func(tx *store.Tx) error { in = InGroups(tx, account, []GroupID{{1}, g.ID}); return nil }); err != nil {
			t.Fatal(err)
		}
		return in
	}
	if !in(bob.ID) || in(admin.ID) {
		t.Error("membership is not what was set")
	}
	if g, err = w.ChangeMembers(actor(admin), g.ID, nil, []ID{bob.ID, bob.ID, admin.ID}, noon); err != nil || g.Members != 1 || in(bob.ID) {
		t.Errorf("%+v, %v", g, err)
	}
	if g, err = w.RenameGroup(actor(admin), g.ID, "Direction générale", noon); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{"": 1, "dir": 1, "gen dir": 1, "projet": 0, "eneral": 0} {
		if list, err := w.Groups(query, 0); err != nil || len(list) != want {
			t.Errorf("%q finds %v, %v", query, list, err)
		}
	}
	// A deleted account leaves its groups.
	if err := w.Delete(actor(admin), eve.ID, noon); err != nil {
		t.Fatal(err)
	}
	if g, err = w.GetGroup(g.ID); err != nil || g.Members != 0 {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err = w.ChangeMembers(actor(admin), g.ID, []ID{bob.ID}, nil, noon); err != nil {
		t.Fatal(err)
	}
	if err := w.DeleteGroup(actor(admin), g.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, err := w.GetGroup(g.ID); !errors.Is(err, ErrNoGroup) || in(bob.ID) {
		t.Errorf("a deleted group is there: %v", err)
	}
	log := w.actions()
	for _, want := range []string{"group.created", "group.member-added", "group.member-removed", "group.renamed", "group.deleted", "access.refused refused"} {
		if !slices.Contains(log, want) {
			t.Errorf("%s is not in the log: %v", want, log)
		}
	}
}

func TestGroupFromElsewhereIsReadOnly(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	g := Group{ID: GroupID{7}, Name: "Annuaire", Source: "ldap", Created: noon}
	if err := w.db.Update(func(tx *store.Tx) error { return saveGroup(tx, g) }); err != nil {
		t.Fatal(err)
	}
	_, renamed := w.RenameGroup(actor(admin), g.ID, "Autre", noon)
	_, changed := w.ChangeMembers(actor(admin), g.ID, []ID{admin.ID}, nil, noon)
	for name, err := range map[string]error{"rename": renamed, "members": changed, "delete": w.DeleteGroup(actor(admin), g.ID, noon)} {
		if !errors.Is(err, ErrGroupSource) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGroupBounds(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	g, err := w.CreateGroup(actor(admin), "Tous", noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeMembers(actor(admin), g.ID, make([]ID, maxChange+1), nil, noon); !errors.Is(err, ErrGroupFull) {
		t.Errorf("%d at once: %v", maxChange+1, err)
	}
	g.Members = MaxMembers
	if err := w.db.Update(func(tx *store.Tx) error { return saveGroup(tx, g) }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeMembers(actor(admin), g.ID, []ID{admin.ID}, nil, noon); !errors.Is(err, ErrGroupFull) {
		t.Errorf("member %d: %v", MaxMembers+1, err)
	}
	if err := w.db.Update(func(tx *store.Tx) error {
		for i := range MaxGroups - 1 {
			if err := saveGroup(tx, Group{ID: GroupID{1, byte(i >> 8), byte(i)}, Name: fmt.Sprint("g", i)}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CreateGroup(actor(admin), "Un de trop", noon); !errors.Is(err, ErrTooManyGroups) {
		t.Errorf("group %d: %v", MaxGroups+1, err)
	}
}

func TestContactsAndPresence(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	bob, _ := w.member(admin, "Bob Martin", "bob@example.org")
	amy, _ := w.member(admin, "Amy Petit", "amy@example.org")
	for _, c := range []ID{bob.ID, amy.ID, bob.ID} {
		if err := w.SetContact(admin.ID, c, true, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.SetContact(admin.ID, admin.ID, true, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("oneself: %v", err)
	}
	if err := w.SetContact(admin.ID, ID{9}, true, noon); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	names := func() (s []string) {
		list, err := w.Contacts(admin.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			s = append(s, a.Name)
		}
		return s
	}
	if got := names(); !slices.Equal(got, []string{"Amy Petit", "Bob Martin"}) {
		t.Errorf("contacts: %v", got)
	}
	if list, err := w.Contacts(bob.ID); err != nil || len(list) != 0 {
		t.Errorf("bob's contacts: %v, %v", list, err)
	}
	if _, err := w.Disable(actor(admin), bob.ID, noon); err != nil {
		t.Fatal(err)
	}
	if found, err := w.Directory("martin", 20); err != nil || len(found) != 0 {
		t.Errorf("a disabled account is in the directory: %v, %v", found, err)
	}
	if err := w.Delete(actor(admin), bob.ID, noon); err != nil {
		t.Fatal(err)
	}
	if err := w.SetContact(admin.ID, bob.ID, false, noon); err != nil {
		t.Fatal(err)
	}
	if got := names(); !slices.Equal(got, []string{"Amy Petit"}) {
		t.Errorf("contacts: %v", got)
	}

	for _, hide := range []bool{true, true, false} {
		if err := w.HidePresence(actor(amy), hide, noon); err != nil {
			t.Fatal(err)
		}
		if hidden, err := w.PresenceHidden(amy.ID); err != nil || hidden != hide {
			t.Errorf("hidden: %v, %v", hidden, err)
		}
	}
	n := 0
	for _, a := range w.actions() {
		if a == "account.presence" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d entries for two changes", n)
	}
}

func TestRoomPIN(t *testing.T) {
	w := newWorld(t)
	room := [16]byte{3}
	for pin, ok := range map[string]bool{
		"1234": true, "123 456": true, "123456789012": true, "une phrase": true, "quatre mots de passe": true, "пароль комнаты": true,
		"": false, "123": false, "1234567890123": false, "court": false, "12a4": false, strings.Repeat("é", 65): false, "a\x00bcdefgh": false, "\xffabcdefgh": false,
	} {
		p, err := w.HashPIN(room, pin)
		if (err == nil) != ok {
			t.Errorf("%q: %v", pin, err)
			continue
		}
		if err != nil {
			if !errors.Is(err, ErrPIN) {
				t.Errorf("%q: %v", pin, err)
			}
			continue
		}
		for typed, want := range map[string]bool{pin: true, "  " + pin + " ": true, pin + "5": false, "0000": false, "": false} {
			if got, err := w.PINMatches(room, p, typed); err != nil || got != want {
				t.Errorf("%q typed for %q: %v, %v", typed, pin, got, err)
			}
		}
		if got, _ := w.PINMatches([16]byte{4}, p, pin); got {
			t.Errorf("%q opens another room", pin)
		}
	}
	// Composed and decomposed letters are the same PIN.
	p, err := w.HashPIN(room, "e\u0301tage du haut")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := w.PINMatches(room, p, "\u00e9tage du haut"); !ok {
		t.Error("the two spellings of é differ")
	}
}
