package accounts

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

// program makes a token of the API and returns who has it.
func (w *world) program(admin Account, scopes ...Scope) (Program, string) {
	w.t.Helper()
	names := make([]string, 0, len(scopes))
	for _, s := range scopes {
		names = append(names, string(s))
	}
	_, token, err := w.MakeProgram(actor(admin), ProgramWish{Name: "Supervision", Scopes: names}, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	p, _, err := w.ProgramOf(token.Reveal(), desk, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, token.Reveal()
}

func TestProgramTokens(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	member, _ := w.member(admin, "Bob Martin", "bob@example.org")
	status := []string{"status:read"}
	for name, at := range map[string]struct {
		by   Actor
		wish ProgramWish
		want error
	}{
		"no name":          {actor(admin), ProgramWish{Scopes: status}, ErrName},
		"too long":         {actor(admin), ProgramWish{Name: "x", Scopes: status, Days: MaxProgramDays + 1}, ErrProgramDays},
		"ended before":     {actor(admin), ProgramWish{Name: "x", Scopes: status, Days: -1}, ErrProgramDays},
		"no scope":         {actor(admin), ProgramWish{Name: "x"}, ErrProgramScopes},
		"no such scope":    {actor(admin), ProgramWish{Name: "x", Scopes: []string{"status:read", "policy:write"}}, ErrProgramScopes},
		"no such network":  {actor(admin), ProgramWish{Name: "x", Scopes: status, Networks: []string{"192.0.2.0/40"}}, ErrProgramNetworks},
		"mapped network":   {actor(admin), ProgramWish{Name: "x", Scopes: status, Networks: []string{"::ffff:192.0.2.0/120"}}, ErrProgramNetworks},
		"too many":         {actor(admin), ProgramWish{Name: "x", Scopes: status, Networks: slices.Repeat([]string{"192.0.2.1"}, 17)}, ErrProgramNetworks},
		"an hour too late": {Actor{Account: admin.ID, Proved: noon.Add(-time.Hour)}, ProgramWish{Name: "x", Scopes: status}, ErrProofNeeded},
		"by a member":      {actor(member), ProgramWish{Name: "x", Scopes: status}, ErrForbidden},
	} {
		_, _, err := w.MakeProgram(at.by, at.wish, noon)
		wantErr(t, name, err, at.want)
	}
	p, token := w.program(admin, ReadStatus, WriteAccounts)
	if !p.Expires.Equal(noon.AddDate(0, 0, ProgramDays)) || !p.May(WriteAccounts) || p.May(ReadAudit) {
		t.Errorf("%+v", p)
	}
	list, err := w.Programs()
	if err != nil || len(list) != 1 || !list[0].Used.Equal(noon) || list[0].UsedFrom != desk.Address || list[0].By != admin.ID {
		t.Errorf("%+v, %v", list, err)
	}
	for _, bad := range []string{"", "x", strings.Repeat("A", 43), token + "A", token[:42]} {
		_, _, err := w.ProgramOf(bad, desk, noon)
		wantErr(t, bad, err, ErrProgram)
	}
	_, _, err = w.ProgramOf(token, desk, noon.AddDate(0, 0, ProgramDays))
	wantErr(t, "too old", err, ErrProgram)
	err = w.db.View(func(tx *store.Tx) error {
		tx.Scan(programsBucket, nil, nil, 0, func(k, v []byte) bool {
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
	// A token for provisioning is none for the API, and the other way round.
	_, provisioning := w.provisioner(admin, ProvisionerWish{})
	_, _, err = w.ProgramOf(provisioning, desk, noon)
	wantErr(t, "a token of SCIM", err, ErrProgram)
	_, err = w.ProvisionerOf(token, desk, noon)
	wantErr(t, "a token of the API at SCIM", err, ErrProvisioner)

	wantErr(t, "revoked by itself", w.RevokeProgram(p.Actor(desk.Address), p.ID, noon), ErrNotForPrograms)
	wantErr(t, "revoked by a member", w.RevokeProgram(actor(member), p.ID, noon), ErrForbidden)
	if err := w.RevokeProgram(actor(admin), p.ID, noon); err != nil {
		t.Error(err)
	}
	wantErr(t, "revoked twice", w.RevokeProgram(actor(admin), p.ID, noon), ErrNoProgram)
	_, _, err = w.ProgramOf(token, desk, noon)
	wantErr(t, "a revoked token", err, ErrProgram)
	_, err = w.CreateGroup(p.Actor(desk.Address), "x", noon)
	wantErr(t, "an act that was under way", err, ErrProgram)
	for range MaxPrograms {
		w.program(admin, ReadStatus)
	}
	_, _, err = w.MakeProgram(actor(admin), ProgramWish{Name: "x", Scopes: status}, noon)
	wantErr(t, "one too many", err, ErrTooManyPrograms)
}

func TestProgramNetworks(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	_, token, err := w.MakeProgram(actor(admin), ProgramWish{Name: "x", Scopes: []string{"status:read"}, Networks: []string{"192.0.2.7", "2001:db8:1::/48"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]error{
		"192.0.2.7": nil, "::ffff:192.0.2.7": nil, "2001:db8:1:2::3": nil, "192.0.2.8": ErrProgramNetwork, "2001:db8:2::1": ErrProgramNetwork,
	} {
		_, _, err := w.ProgramOf(token.Reveal(), Client{Address: netip.MustParseAddr(from)}, noon)
		wantErr(t, from, err, want)
	}
	_, _, err = w.ProgramOf(token.Reveal(), Client{}, noon)
	wantErr(t, "from nowhere", err, ErrProgramNetwork)
}

// TestProgramsReachNoPrivilege: what takes a person with a proof is not a program's, whatever its scopes; nor is any account that runs the
// appliance, its maker's least of all.
func TestProgramsReachNoPrivilege(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	officer := w.of(Officer, "olga@example.org")
	member, _ := w.member(admin, "Bob Martin", "bob@example.org")
	p, _ := w.program(admin, Scopes()...)
	by := p.Actor(desk.Address)
	by.Proved = noon // nothing that a request could bring makes it a person
	refused := func(what string, err error) { t.Helper(); wantErr(t, what, err, ErrNotForPrograms) }
	for _, role := range []Role{Administrator, Officer, Auditor} {
		_, _, err := w.Create(by, "X", string(role)+"2@example.org", role, noon)
		refused("make "+string(role), err)
		_, err = w.SetRole(by, member.ID, role, noon)
		refused("give "+string(role), err)
	}
	for _, who := range []Account{admin, officer} {
		_, err := w.Rename(by, who.ID, "Z", noon)
		refused("rename", err)
		_, err = w.Disable(by, who.ID, noon)
		refused("disable", err)
		_, err = w.NewActivation(by, who.ID, noon)
		refused("link", err)
	}
	_, err := w.NewActivation(by, member.ID, noon)
	refused("reset of a member", err)
	refused("delete", w.Delete(by, member.ID, noon))
	_, err = w.SetAddress(by, member.ID, "x@example.net", noon)
	refused("address", err)
	_, _, err = w.MakeProgram(by, ProgramWish{Name: "x", Scopes: []string{"status:read"}}, noon)
	refused("a token", err)
	_, _, err = w.MakeProvisioner(by, ProvisionerWish{Name: "x", Days: 1}, noon)
	refused("a token of SCIM", err)

	// What it may do names it beside whose it is.
	made, _, err := w.Create(by, "Nora", "nora@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if e := w.entry(audit.AccountCreated); e.Actor != admin.ID.String() || e.Detail["program"] != p.ID.String() || e.Object != made.ID.String() {
		t.Errorf("%+v", e)
	}
	if _, err := w.NewActivation(by, made.ID, noon); err != nil {
		t.Errorf("a link for who never had one that counted: %v", err)
	}
	if _, err := w.Disable(by, made.ID, noon); err != nil {
		t.Error(err)
	}
}

// TestProgramsEndWithTheirMaker: who was disabled, or is no administrator any more, has no tokens that count.
func TestProgramsEndWithTheirMaker(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	second := w.of(Administrator, "ines@example.org")
	p, token := w.program(second, ReadStatus, WriteGroups)
	dead := func(what string) {
		t.Helper()
		_, _, err := w.ProgramOf(token, desk, noon)
		wantErr(t, what, err, ErrProgram)
		_, err = w.CreateGroup(p.Actor(desk.Address), "x", noon)
		wantErr(t, what+", in the act", err, ErrForbidden)
	}
	if _, err := w.Disable(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	dead("disabled")
	if err := w.RefusedProgram(token, desk, noon); err != nil {
		t.Fatal(err)
	}
	if e := w.entry(audit.ProgramRefused); e.Detail["reason"] != "maker" || e.Object != p.ID.String() {
		t.Errorf("%+v", e)
	}
	if _, err := w.Enable(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.ProgramOf(token, desk, noon); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	if _, err := w.SetRole(actor(admin), second.ID, Member, noon); err != nil {
		t.Fatal(err)
	}
	dead("a member")
	if err := w.Delete(actor(admin), second.ID, noon); err != nil {
		t.Fatal(err)
	}
	_, _, err := w.ProgramOf(token, desk, noon)
	wantErr(t, "deleted", err, ErrProgram)
	if err := w.RevokeProgram(actor(admin), p.ID, noon); err != nil {
		t.Errorf("a token that is left over is taken away: %v", err)
	}
}

func FuzzProgramNetworks(f *testing.F) {
	for _, s := range []string{"192.0.2.0/24", "2001:db8::/48", "::ffff:192.0.2.1", "fe80::1%eth0", "", "/", "192.0.2.1/33"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := networksOf([]string{s})
		if err != nil {
			return
		}
		if len(list) != 1 || list[0] != list[0].Masked() || list[0].Addr().Zone() != "" || list[0].Addr().Is4In6() {
			t.Errorf("%q is %v", s, list)
		}
		again, err := networksOf([]string{list[0].String()})
		if err != nil || again[0] != list[0] {
			t.Errorf("%q reads back as %v, %v", list[0], again, err)
		}
	})
}
