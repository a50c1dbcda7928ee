package accounts

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"huisclos/audit"
)

func TestPolicy(t *testing.T) {
	for _, tt := range []struct {
		before, change, after Policy
		loosens               bool
	}{
		{Policy{}, Policy{}, Policy{}, false},
		{Policy{}, Policy{Organiser: Optional}, Policy{Organiser: Optional}, false},
		{Policy{}, Policy{Organiser: Required}, Policy{Organiser: Required}, false},
		{Policy{Organiser: Required}, Policy{Member: Required}, Policy{Organiser: Required, Member: Required}, false},
		{Policy{Organiser: Required}, Policy{Organiser: Optional}, Policy{Organiser: Optional}, true},
		{Policy{Organiser: Required}, Policy{Organiser: Optional, Member: Required}, Policy{Organiser: Optional, Member: Required}, true},
		{Policy{Organiser: Required, Member: Required}, Policy{Member: Optional}, Policy{Organiser: Required, Member: Optional}, true},
	} {
		after, loosens := tt.before.with(tt.change)
		if after != tt.after || loosens != tt.loosens {
			t.Errorf("%v with %v: %v, %v", tt.before, tt.change, after, loosens)
		}
	}
	for role, want := range map[Role]Requirement{Administrator: Always, Officer: Always, Auditor: Always, Organiser: Optional, Member: Required, Guest: Optional} {
		if got := (Policy{Member: Required}).TwoFactors(role); got != want {
			t.Errorf("%s: %s, want %s", role, got, want)
		}
	}
	w, admin, olga, oona := office(t)
	member, token := w.member(admin, "Grace Hopper", grace)
	for name, who := range map[string]Actor{"an administrator": actor(admin), "a member": actor(member), "nobody": {}} {
		_, err := w.ChangePolicy(who, Policy{Member: Required}, noon)
		wantErr(t, name, err, ErrForbidden)
	}
	_, err := w.ChangePolicy(Actor{Account: olga.ID}, Policy{Member: Required}, noon)
	wantErr(t, "without a proof", err, ErrProofNeeded)
	_, err = w.ChangePolicy(actor(olga), Policy{Member: Always}, noon)
	wantErr(t, "another word", err, ErrPolicy)
	if p, err := w.ChangePolicy(actor(olga), Policy{Member: Required}, noon); err != nil || p.Member != Required {
		t.Fatalf("%v, %v", p, err)
	}
	if e := w.entry(audit.PolicyChanged); e.Actor != olga.ID.String() || e.Detail["member"] != "required" || e.Detail["organiser"] != "" {
		t.Errorf("%+v", e)
	}
	if a, _, err := w.Session(token.Reveal(), noon); err != nil || !a.FactorMissing {
		t.Errorf("the session that stood: %+v, %v", a, err)
	}
	revision := w.db.Revision()
	if _, err := w.ChangePolicy(actor(olga), Policy{Member: Required}, noon); err != nil || w.db.Revision() != revision {
		t.Errorf("nothing to change: %v", err)
	}
	_, err = w.ChangePolicy(actor(olga), Policy{Member: Optional, Organiser: Required}, noon)
	p := proposed(t, "looser", err)
	if got, n, err := w.Policy(); err != nil || n != 2 || got != (Policy{Member: Required}) {
		t.Errorf("%v, %d, %v", got, n, err)
	}
	_, err = w.Approve(actor(olga), p.ID, noon)
	wantErr(t, "the own one", err, ErrOwnProposal)
	if e := w.entry(audit.AccessRefused); e.Actor != olga.ID.String() {
		t.Errorf("%+v", e)
	}
	done, err := w.Approve(actor(oona), p.ID, noon)
	if err != nil || done.Policy != (Policy{Organiser: Required, Member: Optional}) {
		t.Errorf("%+v, %v", done, err)
	}
	if e := w.entry(audit.PolicyChanged); e.Actor != oona.ID.String() || e.Detail["by"] != olga.ID.String() || e.Detail["proposal"] != p.ID.String() {
		t.Errorf("%+v", e)
	}
	if a, _, err := w.Session(token.Reveal(), noon); err != nil || a.FactorMissing {
		t.Errorf("afterwards: %+v, %v", a, err)
	}
}

// Many agree at once: it is done once, and the log has one agreement.
func TestAgreementAtTheSameTime(t *testing.T) {
	w, admin, olga, _ := office(t)
	var others []Account
	for n := range 4 {
		others = append(others, w.of(Officer, fmt.Sprintf("o%d@example.org", n)))
	}
	_, err := w.SetRole(actor(admin), olga.ID, Member, noon)
	p := proposed(t, "role", err)
	results := make([]error, len(others))
	var all sync.WaitGroup
	for i, o := range others {
		all.Go(func() { _, results[i] = w.Approve(actor(o), p.ID, noon) })
	}
	all.Wait()
	done := 0
	for _, err := range results {
		if err == nil {
			done++
		} else {
			wantErr(t, "a later one", err, ErrNoProposal)
		}
	}
	if done != 1 || w.record(olga.ID).Role != Member {
		t.Errorf("done %d times", done)
	}
	if n := strings.Count(strings.Join(w.actions(), " "), string(audit.ProposalApproved)); n != 1 {
		t.Errorf("%d agreements in the log", n)
	}
}
