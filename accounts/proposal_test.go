package accounts

import (
	"errors"
	"fmt"

	"testing"
	"time"

	"huisclos/audit"
)

// of makes an active account of a role, as an operator may without anybody's agreement.
func (w *world) of(role Role, email string) Account {
	w.t.Helper()
	_, link, err := w.Create(Operator(), "Rose "+email[:1], email, role, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	a, _, err := w.Activate(w.t.Context(), link.Token.Reveal(), adminPhrase, desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	if role.Privileged() {
		w.plant(a.ID)
	}
	return a
}

// proposed is the proposal that an act became.
func proposed(t *testing.T, what string, err error) Proposal {
	t.Helper()
	var p Proposed
	if !errors.As(err, &p) || Code(err) != "" {
		t.Fatalf("%s: %v, want a proposal", what, err)
	}
	return p.Proposal
}

func (w *world) waiting(asker Account, now time.Time) []Proposal {
	w.t.Helper()
	list, err := w.Proposals(actor(asker), now)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// office is an appliance with an administrator and two officers.
func office(t *testing.T) (w *world, admin, olga, oona Account) {
	t.Helper()
	w = newWorld(t)
	admin, _ = w.administrator()
	return w, admin, w.of(Officer, "olga@example.org"), w.of(Officer, "oona@example.org")
}

func TestTheFirstOfficerIsMadeAlone(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	a, link, err := w.Create(actor(admin), "Olga Une", "olga@example.org", Officer, noon)
	if err != nil {
		t.Fatal(err)
	}
	// Still alone: nobody has activated.
	if _, err := w.NewActivation(actor(admin), a.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err = w.Create(actor(admin), "Oona Deux", "oona@example.org", Officer, noon); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "the first link", func() error { _, err := w.Activation(link.Token.Reveal(), noon); return err }(), ErrActivation)
	if err := w.Delete(actor(admin), a.ID, noon); err != nil {
		t.Errorf("one who never was: %v", err)
	}
}

// Each act that makes, unmakes or weakens an officer waits, and is done when the other officer agrees.
func TestWhatTakesFourEyes(t *testing.T) {
	for _, tt := range []struct {
		name string
		kind ProposalKind
		set  func(w *world, olga Account) // before
		act  func(w *world, admin, olga Account) error
		held func(w *world, olga Account) bool // after the agreement
		log  audit.Action
	}{
		{"role from", ProposedRole, nil, func(w *world, admin, olga Account) error {
			_, err := w.SetRole(actor(admin), olga.ID, Member, noon)
			return err
		}, func(w *world, olga Account) bool { return w.record(olga.ID).Role == Member }, audit.RoleChanged},
		{"disable", ProposedDisable, nil, func(w *world, admin, olga Account) error {
			_, err := w.Disable(actor(admin), olga.ID, noon)
			return err
		}, func(w *world, olga Account) bool { return w.record(olga.ID).Disabled }, audit.AccountDisabled},
		{"delete", ProposedDelete, nil, func(w *world, admin, olga Account) error {
			return w.Delete(actor(admin), olga.ID, noon)
		}, func(w *world, olga Account) bool { _, err := w.Get(olga.ID); return errors.Is(err, ErrNotFound) }, audit.AccountDeleted},
		{"factors", ProposedFactors, func(w *world, olga Account) { w.enrol(olga, adminPhrase) }, func(w *world, admin, olga Account) error {
			return w.TakeFactors(actor(admin), olga.ID, noon)
		}, func(w *world, olga Account) bool { return !w.record(olga.ID).secondFactor() }, audit.FactorTaken},
		{"a link without a factor", ProposedActivation, func(w *world, olga Account) { w.unplant(olga.ID) }, func(w *world, admin, olga Account) error {
			_, err := w.NewActivation(actor(admin), olga.ID, noon)
			return err
		}, func(w *world, olga Account) bool { return w.record(olga.ID).Activation != nil }, audit.ActivationMade},
		{"enable", ProposedEnable, func(w *world, olga Account) {
			if _, err := w.Disable(Operator(), olga.ID, noon); err != nil {
				w.t.Fatal(err)
			}
		}, func(w *world, admin, olga Account) error {
			_, err := w.Enable(actor(admin), olga.ID, noon)
			return err
		}, func(w *world, olga Account) bool { return !w.record(olga.ID).Disabled }, audit.AccountEnabled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, admin, olga, oona := office(t)
			if tt.set != nil {
				tt.set(w, olga)
			}
			p := proposed(t, "the act", tt.act(w, admin, olga))
			if p.Kind != tt.kind || p.By.ID != admin.ID || p.Account != (Person{olga.ID, olga.Name}) || p.Waits || p.CanApprove ||
				!p.Until.Equal(noon.Add(ProposalLifetime)) {
				t.Errorf("%+v", p)
			}
			if tt.held(w, olga) {
				t.Error("done without agreement")
			}
			// The same again is the same proposal.
			if again := proposed(t, "again", tt.act(w, admin, olga)); again.ID != p.ID || len(w.waiting(oona, noon)) != 1 {
				t.Errorf("twice: %v, %v", again.ID, w.waiting(oona, noon))
			}
			for who, a := range map[string]Actor{"the administrator": actor(admin), "nobody": {}, "an operator": Operator()} {
				_, err := w.Approve(a, p.ID, noon)
				wantErr(t, who, err, ErrForbidden)
			}
			own := ErrOwnProposal
			if tt.kind == ProposedEnable { // disabled
				own = ErrForbidden
			}
			if tt.kind == ProposedActivation { // without the factor
				own = ErrFactorMissing
			}
			_, err := w.Approve(actor(olga), p.ID, noon)
			wantErr(t, "whose account it is", err, own)
			_, err = w.Approve(Actor{Account: oona.ID, Proved: noon.Add(-ProofLifetime)}, p.ID, noon)
			wantErr(t, "without a proof", err, ErrProofNeeded)
			wantErr(t, "whose account it is rejects", w.Reject(actor(olga), p.ID, noon), own)
			if tt.held(w, olga) {
				t.Fatal("done by who may not")
			}
			if list := w.waiting(oona, noon); !list[0].CanApprove || list[0].Waits {
				t.Errorf("oona sees %+v", list[0])
			}
			done, err := w.Approve(actor(oona), p.ID, noon)
			if err != nil || done.Kind != tt.kind || done.Account.ID != olga.ID || !tt.held(w, olga) {
				t.Fatalf("%+v, %v", done, err)
			}
			if (done.Activation.Token.Reveal() != "") != (tt.kind == ProposedActivation) {
				t.Error("a link, or none")
			}
			if e := w.entry(tt.log); e.Actor != oona.ID.String() || e.Detail["by"] != admin.ID.String() || e.Detail["proposal"] != p.ID.String() {
				t.Errorf("the act is recorded as %+v", e)
			}
			if e := w.entry(audit.ProposalApproved); e.Actor != oona.ID.String() || e.Object != olga.ID.String() || e.Detail["by"] != admin.ID.String() ||
				e.Detail["kind"] != string(tt.kind) {
				t.Errorf("%+v", e)
			}
			_, err = w.Approve(actor(oona), p.ID, noon)
			wantErr(t, "again", err, ErrNoProposal)
			if _, err := w.log.Verify(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOfficersAreMadeByTwo(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	olga := w.of(Officer, "olga@example.org")
	member, _ := w.member(admin, "Grace Hopper", grace)
	_, err := w.ChangePassphrase(t.Context(), member.ID, Proof{Passphrase: memberPhrase}, "kyxmuzo wratt", desk, noon)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.SetRole(actor(admin), member.ID, Officer, noon)
	wantErr(t, "a passphrase that is too short, before anybody is asked", err, ErrPassphraseForRole)
	orga := w.of(Organiser, "orga@example.org")
	_, err = w.SetRole(actor(admin), orga.ID, Officer, noon)
	p := proposed(t, "promote", err)
	if done, err := w.Approve(actor(olga), p.ID, noon); err != nil || done.Account.Role != Officer {
		t.Errorf("%+v, %v", done, err)
	}
	_, _, err = w.Create(actor(admin), "Oona Deux", " Oona@example.org ", Officer, noon)
	p = proposed(t, "create", err)
	if n, _ := w.Count(); n != 4 {
		t.Errorf("%d accounts", n)
	}
	done, err := w.Approve(actor(olga), p.ID, noon)
	if err != nil || done.Account.Name != "Oona Deux" || done.Account.State != Invited {
		t.Fatalf("%+v, %v", done, err)
	}
	if a, _, err := w.Activate(t.Context(), done.Activation.Token.Reveal(), adminPhrase, desk, noon); err != nil || !a.FactorMissing {
		t.Errorf("%+v, %v", a, err)
	}
	// The last administrator is not made an officer, whoever agrees.
	_, err = w.SetRole(actor(admin), admin.ID, Officer, noon)
	wantErr(t, "the last administrator", err, ErrLastAdministrator)
}

// What was true when it was proposed is asked again when it is approved.
func TestProposalsThatNoLongerHold(t *testing.T) {
	for name, change := range map[string]func(w *world, admin, olga Account) error{
		"the account is gone": func(w *world, _, olga Account) error { return w.Delete(Operator(), olga.ID, noon) },
		"it has another role": func(w *world, _, olga Account) error {
			_, err := w.SetRole(Operator(), olga.ID, Auditor, noon)
			return err
		},
		"who proposed is gone":     func(w *world, admin, _ Account) error { return w.Delete(Operator(), admin.ID, noon) },
		"who proposed is disabled": func(w *world, admin, _ Account) error { _, err := w.Disable(Operator(), admin.ID, noon); return err },
		"who proposed is no administrator": func(w *world, admin, _ Account) error {
			_, err := w.SetRole(Operator(), admin.ID, Auditor, noon)
			return err
		},
		"who proposed is no administrator, but": func(w *world, admin, _ Account) error {
			_, err := w.SetRole(Operator(), admin.ID, Officer, noon)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, admin, olga, oona := office(t)
			w.of(Administrator, "second@example.org")
			_, err := w.SetRole(actor(admin), olga.ID, Member, noon)
			p := proposed(t, "role", err)
			if err := change(w, admin, olga); err != nil {
				t.Fatal(err)
			}
			_, err = w.Approve(actor(oona), p.ID, noon)
			wantErr(t, "approve", err, ErrProposalOver)
			if list := w.waiting(oona, noon); len(list) != 0 {
				t.Errorf("still open: %+v", list)
			}
			if e := w.entry(audit.ProposalOver); e.Actor != oona.ID.String() || e.Detail["proposal"] != p.ID.String() {
				t.Errorf("%+v", e)
			}
			if r, err := w.Get(olga.ID); err == nil && r.Role == Member {
				t.Error("done nevertheless")
			}
		})
	}
	t.Run("the address is taken", func(t *testing.T) {
		w, admin, _, oona := office(t)
		_, _, err := w.Create(actor(admin), "X Y", "xy@example.org", Officer, noon)
		p := proposed(t, "create", err)
		w.of(Member, "xy@example.org")
		_, err = w.Approve(actor(oona), p.ID, noon)
		wantErr(t, "approve", err, ErrProposalOver)
	})
	t.Run("the officer is disabled meanwhile", func(t *testing.T) {
		w, admin, olga, oona := office(t)
		_, err := w.SetRole(actor(admin), olga.ID, Member, noon)
		p := proposed(t, "role", err)
		if _, err := w.Disable(Operator(), oona.ID, noon); err != nil {
			t.Fatal(err)
		}
		_, err = w.Approve(actor(oona), p.ID, noon)
		wantErr(t, "a disabled officer approves", err, ErrForbidden)
		if list := w.waiting(admin, noon); len(list) != 1 || !list[0].Waits {
			t.Errorf("nobody is left who could agree: %+v", list)
		}
	})
	t.Run("a refusal of the act leaves it open", func(t *testing.T) {
		w, admin, olga, _ := office(t)
		orga := w.of(Organiser, "orga@example.org")
		_, err := w.SetRole(actor(admin), orga.ID, Officer, noon)
		p := proposed(t, "role", err)
		if _, err := w.ChangePassphrase(t.Context(), orga.ID, Proof{Passphrase: adminPhrase}, "kyxmuzo wratt", desk, noon); err != nil {
			t.Fatal(err)
		}
		_, err = w.Approve(actor(olga), p.ID, noon)
		wantErr(t, "approve", err, ErrPassphraseForRole)
		if len(w.waiting(olga, noon)) != 1 || w.record(orga.ID).Role != Organiser {
			t.Error("half done")
		}
	})
}

func TestProposalsEnd(t *testing.T) {
	w, admin, olga, oona := office(t)
	_, err := w.SetRole(actor(admin), olga.ID, Member, noon)
	p := proposed(t, "role", err)
	last := noon.Add(ProposalLifetime)
	if len(w.waiting(oona, last.Add(-time.Second))) != 1 || len(w.waiting(oona, last)) != 0 {
		t.Error("the list does not know when a proposal ends")
	}
	wantErr(t, "reject", w.Reject(actor(oona), p.ID, last), ErrProposalOver)
	if err := w.Sweep(last.Add(-time.Second)); err != nil || len(w.waiting(oona, noon)) != 1 {
		t.Errorf("swept too early: %v", err)
	}
	if err := w.Sweep(last); err != nil {
		t.Fatal(err)
	}
	if e := w.entry(audit.ProposalExpired); e.Actor != audit.ActorSystem || e.Detail["by"] != admin.ID.String() || e.Object != olga.ID.String() {
		t.Errorf("%+v", e)
	}
	_, err = w.Approve(actor(oona), p.ID, last)
	wantErr(t, "swept", err, ErrNoProposal)
	// Not swept yet, and over all the same.
	_, err = w.SetRole(actor(admin), olga.ID, Member, noon)
	p = proposed(t, "role", err)
	_, err = w.Approve(actor(oona), p.ID, last)
	wantErr(t, "approve", err, ErrProposalOver)
	if w.record(olga.ID).Role != Officer {
		t.Error("done after its time")
	}

	// Who made it takes it back; another administrator does not.
	_, err = w.SetRole(actor(admin), olga.ID, Member, noon)
	p = proposed(t, "role", err)
	other := w.of(Administrator, "second@example.org")
	wantErr(t, "another administrator", w.Reject(actor(other), p.ID, noon), ErrForbidden)
	if err := w.Reject(actor(admin), p.ID, noon); err != nil {
		t.Error(err)
	}
	_, err = w.SetRole(actor(admin), olga.ID, Member, noon)
	p = proposed(t, "role", err)
	if err := w.Reject(actor(oona), p.ID, noon); err != nil {
		t.Error(err)
	}
	if e := w.entry(audit.ProposalRejected); e.Actor != oona.ID.String() || e.Detail["by"] != admin.ID.String() {
		t.Errorf("%+v", e)
	}
	wantErr(t, "again", w.Reject(actor(oona), p.ID, noon), ErrNoProposal)
}

func TestProposalsAreBounded(t *testing.T) {
	w, admin, olga, oona := office(t)
	create := func(n int, now time.Time) error {
		_, _, err := w.Create(actor(admin), "Some One", fmt.Sprintf("o%d@example.org", n), Officer, now)
		return err
	}
	for n := range maxProposals {
		proposed(t, "create", create(n, noon))
	}
	wantErr(t, "one more", create(maxProposals, noon), ErrTooManyProposals)
	proposed(t, "what stands there", create(7, noon))
	list := w.waiting(oona, noon)
	if len(list) != maxProposals {
		t.Fatalf("%d open", len(list))
	}
	if err := w.Reject(actor(olga), list[0].ID, noon); err != nil {
		t.Fatal(err)
	}
	proposed(t, "after one was rejected", create(maxProposals, noon))
	// Those whose time is over take no place, swept or not.
	proposed(t, "a week later", create(maxProposals+1, noon.Add(ProposalLifetime)))
}
