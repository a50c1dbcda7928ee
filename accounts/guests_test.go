package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

var hall = [16]byte{1, 2, 3}

// guestTime is the usual time of a guest's account.
const guestTime = DefaultGuestDays * 24 * time.Hour

const guestPhrase = "tilleul comète rapide 58"

// organiserOf makes an organiser who may invite.
func (w *world) organiserOf(name, email string) Actor {
	w.t.Helper()
	a, link, err := w.Create(Operator(), name, email, Organiser, noon)
	if err != nil {
		w.t.Fatal(err)
	}
	if _, _, err := w.Activate(w.t.Context(), link.Token.Reveal(), memberPhrase, desk, noon); err != nil {
		w.t.Fatal(err)
	}
	return Actor{Account: a.ID, Proved: noon}
}

// inviteTo invites one address and returns the token from its mail.
func (w *world) inviteTo(by Actor, room [16]byte, email string, now time.Time) (token string) {
	w.t.Helper()
	_, link, err := w.Invite(by, Inviting{Room: room, Emails: []string{email}, Post: func(_ *store.Tx, l Letter) error {
		token = l.Link.Reveal()
		return nil
	}}, now)
	if err != nil || link.Reveal() != "" {
		w.t.Fatalf("Invite: %v, shows %q", err, link.Reveal())
	}
	return token
}

// codeFor asks for a code and returns it from its mail.
func (w *world) codeFor(token, email string, now time.Time) (code string) {
	w.t.Helper()
	err := w.SendCode(token, email, desk, now, func(_ *store.Tx, _ string, c Token, _ time.Time) error {
		code = c.Reveal()
		return nil
	})
	if err != nil || len(code) != codeDigits {
		w.t.Fatalf("SendCode: %q, %v", code, err)
	}
	return code
}

// guest goes the whole way.
func (w *world) guest(by Actor, room [16]byte, email string, now time.Time) (Account, Token) {
	w.t.Helper()
	token := w.inviteTo(by, room, email, now)
	code := w.codeFor(token, email, now)
	if next, err := w.Confirm(token, email, code, desk, now); next != NextName || err != nil {
		w.t.Fatalf("Confirm: %q, %v", next, err)
	}
	a, session, err := w.Accept(w.t.Context(), Acceptance{Token: token, Email: email, Code: code, Name: "Gus Invité", Passphrase: guestPhrase}, desk, now)
	if err != nil {
		w.t.Fatal(err)
	}
	return a, session
}

func (w *world) hasEntry(action audit.Action) bool {
	w.t.Helper()
	list, err := w.log.List(0, 200)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if e.Action == action {
			return true
		}
	}
	return false
}

func TestGuestComesByInvitation(t *testing.T) {
	w := newWorld(t)
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	a, session := w.guest(by, hall, "Gus@Example.org", noon)
	if a.Role != Guest || a.Guest.Organiser() != by.Account || !a.Guest.Invited(hall) || a.Guest.Invited([16]byte{9}) || !a.Guest.Until.Equal(noon.Add(guestTime)) {
		t.Errorf("%+v %+v", a, a.Guest)
	}
	if got, _, err := w.Session(session.Reveal(), noon); err != nil || got.ID != a.ID {
		t.Errorf("signed in as %v, %v", got.ID, err)
	}
	if list, err := w.Guests(by.Account, hall); err != nil || len(list) != 1 || list[0].ID != a.ID {
		t.Errorf("guests: %v, %v", list, err)
	}
	if list, err := w.Invitations(by.Account, hall); err != nil || len(list) != 1 || list[0].Used != 1 || list[0].Email != "gus@example.org" {
		t.Errorf("invitations: %+v, %v", list, err)
	}
	for _, action := range []audit.Action{audit.InvitationMade, audit.InvitationAccepted, audit.GuestCreated} {
		if !w.hasEntry(action) {
			t.Errorf("no %s", action)
		}
	}
	// A second room: the account that there is gets it, and lasts longer.
	later := noon.Add(10 * 24 * time.Hour)
	other := [16]byte{7}
	token := w.inviteTo(by, other, "gus@example.org", later)
	if next, err := w.Confirm(token, "gus@example.org", w.codeFor(token, "gus@example.org", later), desk, later); next != NextGuest || err != nil {
		t.Fatalf("%q, %v", next, err)
	}
	if a, err := w.Get(a.ID); err != nil || !a.Guest.Invited(other) || !a.Guest.Invited(hall) || !a.Guest.Until.Equal(later.Add(guestTime)) {
		t.Errorf("%+v, %v", a.Guest, err)
	}
	// An address with a full account is told to sign in, and only to who holds the mailbox.
	token = w.inviteTo(by, hall, "olga@example.org", noon)
	if next, err := w.Confirm(token, "olga@example.org", w.codeFor(token, "olga@example.org", noon), desk, noon); next != NextSignIn || err != nil {
		t.Errorf("%q, %v", next, err)
	}
}

func TestInvitationRefused(t *testing.T) {
	w := newWorld(t)
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	look := func(token string, now time.Time) error {
		_, _, err := w.Invitation(token, now)
		return err
	}
	withdrawn := w.inviteTo(by, hall, "a@example.org", noon)
	list, err := w.Invitations(by.Account, hall)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if err := w.Withdraw(by, hall, list[0].ID, noon); err != nil {
		t.Fatal(err)
	}
	fresh := w.inviteTo(by, hall, "b@example.org", noon)
	again := w.inviteTo(by, hall, "b@example.org", noon)
	_, link, err := w.Invite(by, Inviting{Room: hall, Uses: 1}, noon)
	if err != nil || link.Reveal() == "" {
		t.Fatalf("a link: %v", err)
	}
	for i, c := range []struct {
		token string
		now   time.Time
		want  error
	}{
		{"", noon, ErrInvitation}, {"x", noon, ErrInvitation}, {strings.Repeat("A", 43), noon, ErrInvitation},
		{withdrawn, noon, ErrInvitationWithdrawn}, {fresh, noon, ErrInvitation}, {again, noon, nil},
		{again, noon.Add(InvitationTime - time.Second), nil}, {again, noon.Add(InvitationTime), ErrInvitationExpired}, {link.Reveal(), noon, nil},
	} {
		if err := look(c.token, c.now); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", i, err, c.want)
		}
	}
	if err := w.SendCode(again, "c@example.org", desk, noon, nil); !errors.Is(err, ErrInvitationAddress) {
		t.Errorf("another address: %v", err)
	}
	// A link that is used up says so.
	code := w.codeFor(link.Reveal(), "c@example.org", noon)
	if _, _, err := w.Accept(t.Context(), Acceptance{Token: link.Reveal(), Email: "c@example.org", Code: code, Name: "Cléo", Passphrase: guestPhrase}, desk, noon); err != nil {
		t.Fatal(err)
	}
	if err := look(link.Reveal(), noon); !errors.Is(err, ErrInvitationUsed) {
		t.Errorf("used up: %v", err)
	}
	// Members invite nobody, and a request has its bounds.
	m, _, err := w.Create(Operator(), "Marc", "marc@example.org", Member, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.Invite(Actor{Account: m.ID}, Inviting{Room: hall}, noon); !errors.Is(err, ErrForbidden) {
		t.Errorf("a member invites: %v", err)
	}
	for _, in := range []Inviting{{Uses: -1}, {Stay: -1}, {Last: MaxInvitationTime + 1}, {Last: time.Minute}, {Emails: make([]string, MaxInvitees+1)}} {
		if _, _, err := w.Invite(by, in, noon); !errors.Is(err, ErrInvitees) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	for _, in := range []Inviting{{Uses: DefaultMaxUses + 1}, {Stay: DefaultMaxGuestDays + 1}} {
		if _, _, err := w.Invite(by, in, noon); !errors.Is(err, ErrGuestBounds) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	if _, _, err := w.Invite(by, Inviting{Emails: []string{"no address"}}, noon); !errors.Is(err, ErrEmail) {
		t.Errorf("no address: %v", err)
	}
	// Without an active organiser an invitation is as if it were withdrawn.
	if _, err := w.Disable(Operator(), by.Account, noon); err != nil {
		t.Fatal(err)
	}
	if err := look(again, noon); !errors.Is(err, ErrInvitationWithdrawn) {
		t.Errorf("of a disabled organiser: %v", err)
	}
}

func TestCodeIsGuessedFiveTimes(t *testing.T) {
	w := newWorld(t)
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	token := w.inviteTo(by, hall, "gus@example.org", noon)
	if _, err := w.Confirm(token, "gus@example.org", "12345678", desk, noon); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("before a code: %v", err)
	}
	code := w.codeFor(token, "gus@example.org", noon)
	wrong := "0" + code[1:]
	if code[0] == '0' {
		wrong = "1" + code[1:]
	}
	for range codeTries {
		if _, err := w.Confirm(token, "gus@example.org", wrong, desk, noon); !errors.Is(err, ErrConfirmation) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if _, err := w.Confirm(token, "gus@example.org", code, desk, noon); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("the right one, after five wrong ones: %v", err)
	}
	if !w.hasEntry(audit.InvitationRefused) {
		t.Error("wrong codes are not in the log")
	}
	// Accept counts as well.
	code = w.codeFor(token, "gus@example.org", noon)
	if _, _, err := w.Accept(t.Context(), Acceptance{Token: token, Email: "gus@example.org", Code: "x", Name: "Gus", Passphrase: guestPhrase}, desk, noon); !errors.Is(err, ErrConfirmation) {
		t.Errorf("Accept: %v", err)
	}
	// Spaces do not matter, a bad name or passphrase leaves the code good, and it ends.
	if _, err := w.Confirm(token, "gus@example.org", code[:4]+" "+code[4:], desk, noon.Add(CodeTime-time.Second)); err != nil {
		t.Errorf("with a space: %v", err)
	}
	if _, _, err := w.Accept(t.Context(), Acceptance{Token: token, Email: "gus@example.org", Code: code, Name: "Gus", Passphrase: "short"}, desk, noon); !errors.Is(err, ErrPassphraseShort) {
		t.Errorf("a short passphrase: %v", err)
	}
	if _, _, err := w.Accept(t.Context(), Acceptance{Token: token, Email: "gus@example.org", Code: code, Name: "\u0007", Passphrase: guestPhrase}, desk, noon); !errors.Is(err, ErrName) {
		t.Errorf("a bad name: %v", err)
	}
	if _, err := w.Confirm(token, "gus@example.org", code, desk, noon.Add(3*CodeTime)); !errors.Is(err, ErrConfirmationOver) {
		t.Errorf("later: %v", err)
	}
}

func TestConfirmationsAreBounded(t *testing.T) {
	w := newWorld(t)
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	_, link, err := w.Invite(by, Inviting{Room: hall}, noon)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxConfirmations {
		w.codeFor(link.Reveal(), fmt.Sprintf("p%d@example.org", i), noon)
	}
	if err := w.SendCode(link.Reveal(), "last@example.org", desk, noon, nil); !errors.Is(err, ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	w.codeFor(link.Reveal(), "p0@example.org", noon) // whoever waits already may ask again
	if err := w.Sweep(noon.Add(CodeTime)); err != nil {
		t.Fatal(err)
	}
	w.codeFor(link.Reveal(), "last@example.org", noon.Add(CodeTime))
}

func TestGuestEnds(t *testing.T) {
	login := func(w *world, now time.Time) error {
		_, _, err := w.Login(w.t.Context(), "gus@example.org", guestPhrase, desk, now)
		return err
	}
	end := noon.Add(guestTime)
	t.Run("by time", func(t *testing.T) {
		w := newWorld(t)
		by := w.organiserOf("Olga Hôte", "olga@example.org")
		a, _ := w.guest(by, hall, "gus@example.org", noon)
		_, signed, err := w.Login(t.Context(), "gus@example.org", guestPhrase, desk, end.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Session(signed.Reveal(), end); !errors.Is(err, ErrNoSession) {
			t.Errorf("a session afterwards: %v", err)
		}
		if err := login(w, end); !errors.Is(err, ErrCredentials) {
			t.Errorf("a sign-in afterwards: %v", err)
		}
		if err := w.Sweep(end); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Get(a.ID); err != nil || !w.hasEntry(audit.GuestExpired) {
			t.Errorf("the account waits for a further invitation: %v", err)
		}
		if err := w.Sweep(end.Add(GuestKept)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Get(a.ID); !errors.Is(err, ErrNotFound) || !w.hasEntry(audit.GuestRemoved) {
			t.Errorf("it is still there: %v", err)
		}
	})
	t.Run("with the organiser", func(t *testing.T) {
		w := newWorld(t)
		by := w.organiserOf("Olga Hôte", "olga@example.org")
		_, session := w.guest(by, hall, "gus@example.org", noon)
		if _, err := w.Disable(Operator(), by.Account, noon); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Session(session.Reveal(), noon); !errors.Is(err, ErrNoSession) {
			t.Errorf("a session: %v", err)
		}
		if err := login(w, noon); !errors.Is(err, ErrCredentials) {
			t.Errorf("a sign-in: %v", err)
		}
		if _, err := w.Enable(Operator(), by.Account, noon); err != nil {
			t.Fatal(err)
		}
		if err := login(w, noon.Add(time.Minute)); err != nil {
			t.Errorf("with the organiser back: %v", err)
		}
		if err := w.Delete(Operator(), by.Account, noon); err != nil {
			t.Fatal(err)
		}
		if err := login(w, noon.Add(2*time.Minute)); !errors.Is(err, ErrCredentials) {
			t.Errorf("of a deleted organiser: %v", err)
		}
	})
	t.Run("with the room", func(t *testing.T) {
		w := newWorld(t)
		by := w.organiserOf("Olga Hôte", "olga@example.org")
		_, session := w.guest(by, hall, "gus@example.org", noon)
		if err := w.db.Update(func(tx *store.Tx) error { return RoomGone(tx, by.Account, hall, noon) }); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.Session(session.Reveal(), noon); !errors.Is(err, ErrNoSession) {
			t.Errorf("a session: %v", err)
		}
		if list, err := w.Invitations(by.Account, hall); err != nil || len(list) != 0 {
			t.Errorf("invitations: %v, %v", list, err)
		}
	})
	t.Run("by the organiser", func(t *testing.T) {
		w := newWorld(t)
		by, other := w.organiserOf("Olga Hôte", "olga@example.org"), w.organiserOf("Oscar Hôte", "oscar@example.org")
		a, _ := w.guest(by, hall, "gus@example.org", noon)
		second := [16]byte{8}
		token := w.inviteTo(other, second, "gus@example.org", noon)
		if _, err := w.Confirm(token, "gus@example.org", w.codeFor(token, "gus@example.org", noon), desk, noon); err != nil {
			t.Fatal(err)
		}
		if err := w.RemoveGuest(other, hall, a.ID, noon); !errors.Is(err, ErrNotFound) {
			t.Errorf("from another's room: %v", err)
		}
		if err := w.RemoveGuest(by, hall, a.ID, noon); err != nil {
			t.Fatal(err)
		}
		if a, err := w.Get(a.ID); err != nil || a.Guest.Invited(hall) || !a.Guest.Invited(second) {
			t.Errorf("after the first: %+v, %v", a.Guest, err)
		}
		if err := w.RemoveGuest(other, second, a.ID, noon); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Get(a.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("without a room: %v", err)
		}
	})
}

func TestGuestBecomesMember(t *testing.T) {
	w := newWorld(t)
	admin, _ := w.administrator()
	by := w.organiserOf("Olga Hôte", "olga@example.org")
	a, _ := w.guest(by, hall, "gus@example.org", noon)
	if _, err := w.SetRole(Actor{Account: admin.ID}, a.ID, Member, noon); !errors.Is(err, ErrProofNeeded) {
		t.Errorf("without a proof: %v", err)
	}
	actor := Actor{Account: admin.ID, Proved: noon}
	if _, err := w.SetRole(actor, a.ID, Administrator, noon); !errors.Is(err, ErrRole) {
		t.Errorf("to administrator: %v", err)
	}
	got, err := w.SetRole(actor, a.ID, Member, noon)
	if err != nil || got.Role != Member || got.Guest != nil || !w.hasEntry(audit.GuestConverted) {
		t.Fatalf("%+v, %v", got, err)
	}
	far := noon.Add(2 * guestTime)
	if _, _, err := w.Login(t.Context(), "gus@example.org", guestPhrase, desk, far); err != nil {
		t.Errorf("with the same passphrase, later: %v", err)
	}
	if list, err := w.Guests(by.Account, hall); err != nil || len(list) != 0 {
		t.Errorf("still a guest: %v, %v", list, err)
	}
	if _, err := w.SetRole(actor, a.ID, Guest, noon); !errors.Is(err, ErrRole) {
		t.Errorf("back to guest: %v", err)
	}
}
