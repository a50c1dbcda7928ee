package accounts

import (
	"testing"

	"huisclos/audit"
)

// TestNoActWithoutTheFactor: what the gate of the interface asks for holds in the acts too, whoever calls them.
func TestNoActWithoutTheFactor(t *testing.T) {
	// ASVS 8.3.1
	w, admin, olga, oona := office(t)
	member, _ := w.member(admin, "Grace Hopper", grace)
	_, err := w.ChangePolicy(actor(olga), Policy{Member: Required}, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.ChangePolicy(actor(olga), Policy{Member: Optional}, noon)
	p := proposed(t, "loosened", err)
	group, err := w.CreateGroup(actor(admin), "Chirurgie", noon)
	if err != nil {
		t.Fatal(err)
	}
	list, err := w.Sessions(actor(member), member.ID, noon)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	for _, who := range []Account{admin, olga, oona} {
		w.unplant(who.ID)
	}
	for name, act := range map[string]func() error{
		"create":        func() error { _, _, err := w.Create(actor(admin), "X", "x@example.org", Member, noon); return err },
		"rename":        func() error { _, err := w.Rename(actor(admin), member.ID, "X", noon); return err },
		"role":          func() error { _, err := w.SetRole(actor(admin), member.ID, Organiser, noon); return err },
		"disable":       func() error { _, err := w.Disable(actor(admin), member.ID, noon); return err },
		"enable":        func() error { _, err := w.Enable(actor(admin), member.ID, noon); return err },
		"delete":        func() error { return w.Delete(actor(admin), member.ID, noon) },
		"link":          func() error { _, err := w.NewActivation(actor(admin), member.ID, noon); return err },
		"factors":       func() error { return w.TakeFactors(actor(admin), member.ID, noon) },
		"sessions":      func() error { _, err := w.Sessions(actor(admin), member.ID, noon); return err },
		"end a session": func() error { return w.EndSession(actor(admin), member.ID, list[0].ID, noon) },
		"group":         func() error { _, err := w.CreateGroup(actor(admin), "X", noon); return err },
		"group's people": func() error {
			_, err := w.ChangeMembers(actor(admin), group.ID, []ID{member.ID}, nil, noon)
			return err
		},
		"directory": func() error {
			by := actor(admin)
			_, err := w.Follow(Roll{Source: Directory, By: &by}, noon)
			return err
		},
		"policy":  func() error { _, err := w.ChangePolicy(actor(olga), Policy{Organiser: Required}, noon); return err },
		"approve": func() error { _, err := w.Approve(actor(oona), p.ID, noon); return err },
		"reject":  func() error { return w.Reject(actor(oona), p.ID, noon) },
	} {
		wantErr(t, name, act(), ErrFactorMissing)
	}
	// Their own sessions are theirs: whoever lost a device ends them before anything else.
	if err := w.EndSessions(actor(admin), admin.ID, noon); err != nil {
		t.Error(err)
	}
	// An operator has a shell, and with it more than any factor protects.
	if _, err := w.Disable(Operator(), member.ID, noon); err != nil {
		t.Error(err)
	}
	if e := w.entry(audit.AccountDisabled); e.Actor != audit.ActorOperator {
		t.Errorf("%+v", e)
	}
}
