package accounts

import (
	"errors"
	"testing"
	"time"

	"huisclos/audit"
)

func TestGuestRule(t *testing.T) {
	for _, tt := range []struct {
		before, change, after GuestRule
		loosens               bool
		err                   error
	}{
		{GuestRule{}, GuestRule{}, GuestRule{}, false, nil},
		{GuestRule{}, GuestRule{MaxDays: 60}, GuestRule{MaxDays: 60}, false, nil},
		{GuestRule{}, GuestRule{MaxDays: 91}, GuestRule{MaxDays: 91}, true, nil},
		{GuestRule{MaxDays: 60}, GuestRule{MaxDays: 61}, GuestRule{MaxDays: 61}, true, nil},
		{GuestRule{}, GuestRule{Days: 90}, GuestRule{Days: 90}, false, nil},
		{GuestRule{}, GuestRule{Days: 91}, GuestRule{Days: 91}, false, ErrGuestRule},
		{GuestRule{Days: 40}, GuestRule{MaxDays: 20}, GuestRule{MaxDays: 20, Days: 40}, false, nil},
		{GuestRule{}, GuestRule{MaxUses: 1}, GuestRule{MaxUses: 1}, false, nil},
		{GuestRule{MaxUses: 1}, GuestRule{MaxUses: 2}, GuestRule{MaxUses: 2}, true, nil},
		{GuestRule{}, GuestRule{Allowed: No}, GuestRule{Allowed: No}, false, nil},
		{GuestRule{}, GuestRule{Allowed: Yes}, GuestRule{Allowed: Yes}, false, nil},
		{GuestRule{Allowed: No}, GuestRule{Allowed: Yes}, GuestRule{Allowed: Yes}, true, nil},
		{GuestRule{}, GuestRule{MaxDays: LongestGuestDays + 1}, GuestRule{MaxDays: LongestGuestDays + 1}, true, ErrGuestRule},
		{GuestRule{}, GuestRule{MaxDays: -1}, GuestRule{MaxDays: -1}, false, ErrGuestRule},
		{GuestRule{}, GuestRule{MaxUses: MostUses + 1}, GuestRule{MaxUses: MostUses + 1}, true, ErrGuestRule},
		{GuestRule{}, GuestRule{Allowed: "perhaps"}, GuestRule{Allowed: "perhaps"}, false, ErrGuestRule},
	} {
		after, loosens := tt.before.with(tt.change)
		if err := tt.before.accepts(tt.change); after != tt.after || loosens != tt.loosens || !errors.Is(err, tt.err) {
			t.Errorf("%+v with %+v: %+v, %v, %v", tt.before, tt.change, after, loosens, err)
		}
	}
	if g := (GuestRule{Days: 40, MaxDays: 20}); g.Usual() != 20 || g.stay(0) != 20*24*time.Hour || g.stay(50) != 20*24*time.Hour || g.stay(3) != 3*24*time.Hour {
		t.Errorf("%d, %v, %v", g.Usual(), g.stay(0), g.stay(50))
	}
}

func TestGuestsAreBound(t *testing.T) {
	// ASVS 8.3.1
	w, _, olga, oona := office(t)
	by := w.organiserOf("Olga Hôte", "host@example.org")
	a, session := w.guest(by, hall, "gus@example.org", noon)
	open := func(now time.Time) error {
		_, _, err := w.Invite(by, Inviting{Room: hall}, now)
		return err
	}
	if _, err := w.ChangePolicy(actor(olga), Policy{Guests: GuestRule{MaxDays: 10}}, noon); err != nil {
		t.Fatal(err)
	}
	if got := w.record(a.ID).Guest.Until; !got.Equal(noon.Add(10 * 24 * time.Hour)) {
		t.Errorf("until %v", got)
	}
	if e := w.entry(audit.PolicyChanged); e.Detail["guest-days-most"] != "10" || e.Detail["shortened"] != "1" {
		t.Errorf("%+v", e)
	}
	if !w.signedIn(session, noon) {
		t.Error("who may stay was sent away")
	}
	_, err := w.ExtendGuest(by, hall, a.ID, 11, noon)
	wantErr(t, "beyond the bound", err, ErrGuestBounds)
	// An invitation of before is held to the bound of now.
	token := w.inviteTo(by, [16]byte{7}, "gus@example.org", noon)
	later := noon.Add(24 * time.Hour)
	if _, err := w.Confirm(token, "gus@example.org", w.codeFor(token, "gus@example.org", later), desk, later); err != nil {
		t.Fatal(err)
	}
	if got := w.record(a.ID).Guest.Until; !got.Equal(later.Add(10 * 24 * time.Hour)) {
		t.Errorf("until %v", got)
	}
	// No guests: at once; guests again: with four eyes, and who was there comes back.
	waiting := w.inviteTo(by, hall, "late@example.org", noon)
	if _, err := w.ChangePolicy(actor(olga), Policy{Guests: GuestRule{Allowed: No}}, noon); err != nil {
		t.Fatal(err)
	}
	if w.signedIn(session, noon) {
		t.Error("the session goes on")
	}
	_, _, err = w.Login(t.Context(), "gus@example.org", guestPhrase, from(1), noon)
	wantErr(t, "a sign-in", err, ErrCredentials)
	wantErr(t, "an invitation", open(noon), ErrNoGuests)
	_, err = w.ExtendGuest(by, hall, a.ID, 5, noon)
	wantErr(t, "an extension", err, ErrNoGuests)
	_, _, err = w.Invitation(waiting, noon)
	wantErr(t, "one of before", err, ErrNoGuests)
	if w.takeEnded(); w.RemoveGuest(by, [16]byte{7}, a.ID, noon) != nil {
		t.Error("nobody can be removed")
	}
	_, err = w.ChangePolicy(actor(olga), Policy{Guests: GuestRule{Allowed: Yes}}, noon)
	p := proposed(t, "guests again", err)
	if p.Change.Policy.Guests.Allowed != Yes {
		t.Errorf("%+v", p.Change)
	}
	if _, err := w.Approve(actor(oona), p.ID, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err = w.Login(t.Context(), "gus@example.org", guestPhrase, from(2), noon); err != nil {
		t.Error(err)
	}
	if _, _, err := w.Invitation(waiting, noon); err != nil {
		t.Error(err)
	}
	if got, _, err := w.Policy(); err != nil || got.Guests != (GuestRule{Allowed: Yes, MaxDays: 10}) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = w.ChangePolicy(actor(olga), Policy{Guests: GuestRule{Days: 11}}, noon)
	wantErr(t, "usual above longest", err, ErrGuestRule)
}

func TestHosting(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	by, other := w.organiserOf("Olga Hôte", "olga@example.org"), w.organiserOf("Oscar Hôte", "oscar@example.org")
	_, link, err := w.Invite(by, Inviting{Room: hall, Uses: 1, Stay: 3}, noon)
	if err != nil {
		t.Fatal(err)
	}
	code := w.codeFor(link.Reveal(), "gus@example.org", noon)
	a, _, err := w.Accept(t.Context(), Acceptance{Token: link.Reveal(), Email: "gus@example.org", Code: code, Name: "Gus", Passphrase: guestPhrase}, desk, noon)
	if err != nil || !a.Guest.Until.Equal(noon.Add(3*24*time.Hour)) {
		t.Fatalf("%+v, %v", a.Guest, err)
	}
	_, err = w.ExtendGuest(other, hall, a.ID, 5, noon)
	wantErr(t, "another's guest", err, ErrNotFound)
	_, err = w.ExtendGuest(by, hall, a.ID, 0, noon)
	wantErr(t, "no days", err, ErrGuestBounds)
	if a, err = w.ExtendGuest(by, hall, a.ID, 1, noon); err != nil || !a.Guest.Until.Equal(noon.Add(3*24*time.Hour)) {
		t.Errorf("shorter: %v, %v", a.Guest.Until, err)
	}
	over := noon.Add(4 * 24 * time.Hour)
	if err := w.Sweep(over); err != nil {
		t.Fatal(err)
	}
	_, err = w.GuestLink(by, hall, a.ID, over)
	wantErr(t, "a link when it is over", err, ErrGuestOver)
	if a, err = w.ExtendGuest(by, hall, a.ID, 5, over); err != nil || !a.Guest.Until.Equal(over.Add(5*24*time.Hour)) || a.Guest.Over {
		t.Errorf("back: %+v, %v", a.Guest, err)
	}
	if e := w.entry(audit.GuestExtended); e.Object != a.ID.String() || e.Actor != by.Account.String() {
		t.Errorf("%+v", e)
	}
	if _, _, err := w.Login(t.Context(), "gus@example.org", guestPhrase, desk, over); err != nil {
		t.Error(err)
	}
	// The wish for a full account: an organiser's, and an administrator's decision.
	_, err = w.AskFull(other, hall, a.ID, true, noon)
	wantErr(t, "another organiser", err, ErrNotFound)
	for _, on := range []bool{true, true, false, true} {
		if a, err = w.AskFull(by, hall, a.ID, on, noon); err != nil || (a.Guest.Asked == by.Account) != on {
			t.Errorf("%v: %+v, %v", on, a.Guest, err)
		}
	}
	_, err = w.DeclineFull(by, a.ID, noon)
	wantErr(t, "an organiser declines", err, ErrForbidden)
	if a, err = w.DeclineFull(actor(admin), a.ID, noon); err != nil || a.Guest.Asked != (ID{}) || !w.hasEntry(audit.GuestDeclined) {
		t.Errorf("%+v, %v", a.Guest, err)
	}
	// Invitations last longer, and used or withdrawn ones don't come back.
	list, err := w.Invitations(by.Account, hall)
	if err != nil || len(list) != 1 || list[0].Stay != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	wantErr(t, "a used one", w.ExtendInvitation(by, hall, list[0].ID, 5, noon), ErrInvitationUsed)
	token := w.inviteTo(by, hall, "late@example.org", noon)
	late := noon.Add(InvitationTime + time.Hour)
	if _, _, err := w.Invitation(token, late); !errors.Is(err, ErrInvitationExpired) {
		t.Errorf("too old: %v", err)
	}
	list, err = w.Invitations(by.Account, hall)
	if err != nil {
		t.Fatal(err)
	}
	var id InvitationID
	for _, i := range list {
		if i.Email != "" {
			id = i.ID
		}
	}
	wantErr(t, "another's", w.ExtendInvitation(other, hall, id, 5, late), ErrInvitation)
	wantErr(t, "too long", w.ExtendInvitation(by, hall, id, MaxInvitationDays+1, late), ErrInvitees)
	if err := w.ExtendInvitation(by, hall, id, 5, late); err != nil {
		t.Error(err)
	}
	if _, _, err := w.Invitation(token, late); err != nil {
		t.Errorf("extended: %v", err)
	}
	if err := w.Withdraw(by, hall, id, late); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "a withdrawn one", w.ExtendInvitation(by, hall, id, 10, late), ErrInvitationWithdrawn)
}
