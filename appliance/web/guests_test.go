package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// tokenIn is the token in an invitation's link.
func tokenIn(t *testing.T, url string) string {
	t.Helper()
	_, token, ok := strings.Cut(url, "/i#")
	if !ok || len(token) != 43 {
		t.Fatalf("no link of an invitation: %q", url)
	}
	return token
}

// comes goes the whole way of an invitation and returns the guest's browser and account.
func (s *scene) comes(t *testing.T, email string) (*browser, string) {
	t.Helper()
	expect(t, "invite", s.asMember().do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{email}, "language": "en"}), http.StatusCreated, "")
	token := tokenIn(t, s.lastMail(email))
	v := s.browser()
	v.token()
	shown := v.do("POST", "/api/invitation", map[string]string{"token": token})
	expect(t, "look", shown, http.StatusOK, "")
	if got := shown.json(t); got["room"] != "Salle" || got["email"] != email || strings.Contains(string(shown.body), s.room) {
		t.Errorf("it shows %v", got)
	}
	expect(t, "code", v.do("POST", "/api/invitation/code", map[string]string{"token": token, "email": email, "language": "en"}), http.StatusNoContent, "")
	code := s.lastMail(email)
	next := v.do("POST", "/api/invitation/confirm", map[string]string{"token": token, "email": email, "code": code})
	expect(t, "confirm", next, http.StatusOK, "")
	if got := next.json(t)["next"]; got != "name" {
		t.Errorf("next: %v", got)
	}
	in := v.do("POST", "/api/invitation/accept", map[string]string{"token": token, "email": email, "code": code, "name": "Gus Gast", "passphrase": "tilleul comète rapide 58"})
	expect(t, "accept", in, http.StatusCreated, "")
	room := in.json(t)["room"].(map[string]any)
	if room["id"] != s.room || room["owner"] != s.member.ID.String() {
		t.Errorf("it leads to %v", room)
	}
	return s.signedIn(email, "tilleul comète rapide 58"), in.json(t)["account"].(map[string]any)["id"].(string)
}

func TestGuestReachesItsRoom(t *testing.T) {
	// ASVS 8.2.2, 8.3.1
	s := newScene(t)
	guest, id := s.comes(t, "gus@example.net")
	other, err := s.rooms.Create(accounts.Actor{Account: s.member.ID}, "Autre", s.now)
	must(t, err)
	if got := guest.roleOf(); got != "guest" {
		t.Errorf("role %q", got)
	}
	if rooms := guest.do("GET", "/api/rooms", nil).json(t)["rooms"].([]any); len(rooms) != 1 || rooms[0].(map[string]any)["id"] != s.room {
		t.Errorf("its rooms: %v", rooms)
	}
	for _, c := range []struct {
		path string
		want int
	}{
		{"/api/rooms/" + s.room, http.StatusOK}, {"/api/rooms/" + s.room + "/tree/0", http.StatusNotFound}, {"/api/rooms/" + s.room + "/signal", http.StatusUpgradeRequired},
		{"/api/rooms/" + other.ID.String(), http.StatusForbidden}, {"/api/rooms/" + other.ID.String() + "/tree/0", http.StatusForbidden},
		{"/api/rooms/" + other.ID.String() + "/signal", http.StatusForbidden}, {"/api/directory?q=marie", http.StatusForbidden}, {"/api/contacts", http.StatusForbidden},
		{"/api/rooms/" + s.room + "/guests", http.StatusForbidden}, {"/api/rooms/" + s.room + "/rules", http.StatusForbidden},
	} {
		if a := guest.do("GET", c.path, nil); a.status != c.want {
			t.Errorf("%s: %d, want %d", c.path, a.status, c.want)
		}
	}
	// The rule about who may knock names the guest by the invitation.
	owner := s.asMember()
	owner.rules(t, s.room, map[string]any{"access": map[string]any{"on": true, "groups": []string{s.group}}})
	expect(t, "a limited room", guest.do("GET", "/api/rooms/"+s.room, nil), http.StatusOK, "")
	// The server's word in the lobby.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next(t, ctx, guest.enter(t, ctx, s.room), "room")

	list := owner.do("GET", "/api/rooms/"+s.room+"/guests", nil).json(t)
	if guests := list["guests"].([]any); len(guests) != 1 || guests[0].(map[string]any)["id"] != id || list["mail"] != true {
		t.Errorf("%v", list)
	}
	console := s.asAdministrator().do("GET", "/api/admin/accounts?query=gast", nil).json(t)["accounts"].([]any)
	if len(console) != 1 || console[0].(map[string]any)["guest"].(map[string]any)["name"] != s.member.Name {
		t.Errorf("the console shows %v", console)
	}
	expect(t, "remove", owner.do("DELETE", "/api/rooms/"+s.room+"/guests/"+id, nil), http.StatusNoContent, "")
	expect(t, "afterwards", guest.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
}

func TestGuestLosesADeletedRoom(t *testing.T) {
	s := newScene(t)
	guest, _ := s.comes(t, "gus@example.net")
	expect(t, "delete", s.asMember().do("DELETE", "/api/rooms/"+s.room, nil), http.StatusNoContent, "")
	expect(t, "afterwards", guest.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
}

func TestInvitingIsBounded(t *testing.T) {
	// ASVS 6.3.1, 2.4.1
	s := newScene(t)
	owner := s.asMember()
	invite := func(body map[string]any) answer { return owner.do("POST", "/api/rooms/"+s.room+"/invitations", body) }
	expect(t, "too many at once", invite(map[string]any{"emails": make([]string, accounts.MaxInvitees+1)}), http.StatusUnprocessableEntity, "bad-invitation")
	expect(t, "too long", invite(map[string]any{"emails": []string{}, "days": 91}), http.StatusUnprocessableEntity, "bad-invitation")
	expect(t, "too many uses", invite(map[string]any{"emails": []string{}, "uses": 101}), http.StatusUnprocessableEntity, "guest-bounds")
	link := invite(map[string]any{"emails": []string{}})
	expect(t, "a link", link, http.StatusCreated, "")
	token := tokenIn(t, link.json(t)["url"].(string))
	sent := 2 // with the one about uses
	for sent < invitesPerHour {
		n := min(40, invitesPerHour-sent)
		var to []string
		for i := range n {
			to = append(to, fmt.Sprintf("p%d-%d@example.net", sent, i))
		}
		expect(t, "invite", invite(map[string]any{"emails": to}), http.StatusCreated, "")
		sent += n
	}
	expect(t, "the 101st", invite(map[string]any{"emails": []string{"last@example.net"}}), http.StatusTooManyRequests, "too-many")

	// Codes: five an hour to one address, whoever asks.
	v := s.browser()
	v.token()
	ask := func(email string) answer {
		return v.do("POST", "/api/invitation/code", map[string]string{"token": token, "email": email, "language": "fr"})
	}
	for range codesPerHour {
		expect(t, "code", ask("gus@example.net"), http.StatusNoContent, "")
	}
	expect(t, "the sixth code", ask("GUS@example.net"), http.StatusTooManyRequests, "too-many")
	// And sixty an hour that one network asks for.
	for i := codesPerHour + 1; i < askedPerHour; i++ {
		if a := ask(fmt.Sprintf("n%d@example.net", i%40)); a.status != http.StatusNoContent && a.status != http.StatusTooManyRequests {
			t.Fatalf("%d: %d %s", i, a.status, a.body)
		}
	}
	expect(t, "the network's last", ask("fresh@example.net"), http.StatusTooManyRequests, "too-many")
	s.advance(2 * time.Hour)
	v = s.browser()
	v.token()
	expect(t, "later", ask("fresh@example.net"), http.StatusNoContent, "")
	// Wrong codes are counted for the code itself.
	for range 5 {
		a := v.do("POST", "/api/invitation/confirm", map[string]string{"token": token, "email": "fresh@example.net", "code": "x"})
		expect(t, "a wrong code", a, http.StatusForbidden, "confirmation-wrong")
	}
	s.advance(time.Minute)
	expect(t, "the right one, too late", v.do("POST", "/api/invitation/confirm", map[string]string{"token": token, "email": "fresh@example.net", "code": s.lastMail("fresh@example.net")}),
		http.StatusGone, "confirmation-over")
}

func TestWithoutMailNobodyIsInvited(t *testing.T) {
	s := newScene(t)
	s.server.Invite, s.server.Code = nil, nil
	owner := s.asMember()
	expect(t, "invite", owner.do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{"gus@example.net"}}), http.StatusConflict, "guests-need-mail")
	if list := owner.do("GET", "/api/rooms/"+s.room+"/guests", nil).json(t); list["mail"] != false {
		t.Errorf("%v", list)
	}
}

func TestWithdrawnInvitation(t *testing.T) {
	s := newScene(t)
	owner := s.asMember()
	made := owner.do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{"gus@example.net"}, "language": "fr"}).json(t)
	if made["url"] != nil {
		t.Error("the link of somebody's mail is shown to another")
	}
	id := made["invitations"].([]any)[0].(map[string]any)["id"].(string)
	expect(t, "withdraw", owner.do("DELETE", "/api/rooms/"+s.room+"/invitations/"+id, nil), http.StatusNoContent, "")
	v := s.browser()
	v.token()
	expect(t, "look", v.do("POST", "/api/invitation", map[string]string{"token": tokenIn(t, s.lastMail("gus@example.net"))}), http.StatusGone, "invitation-withdrawn")
}

// TestGuestMakesAPasskey: the whole way with a passkey, a lost one, and a passphrase beside it later.
func TestGuestMakesAPasskey(t *testing.T) {
	// ASVS 6.3.8, 6.5.1
	s := newScene(t)
	owner := s.asMember()
	const email = "gus@example.net"
	expect(t, "invite", owner.do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{email}, "language": "en", "stay": 5}), http.StatusCreated, "")
	token := tokenIn(t, s.lastMail(email))
	n := newNamed(t, s.house)
	n.token()
	n.must("code", n.do("POST", "/api/invitation/code", map[string]string{"token": token, "email": email, "language": "en"}), http.StatusNoContent)
	with := func(more map[string]any) map[string]any {
		body := map[string]any{"token": token, "email": email, "code": s.lastMail(email), "name": "Gus Gast"}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	expect(t, "a wrong code", n.do("POST", "/api/invitation/passkey", with(map[string]any{"code": "x"})), http.StatusForbidden, "confirmation-wrong")
	expect(t, "no name", n.do("POST", "/api/invitation/passkey", with(map[string]any{"name": ""})), http.StatusUnprocessableEntity, "bad-name")
	made := n.create(n.must("begin", n.do("POST", "/api/invitation/passkey", with(nil)), http.StatusOK))
	// Another browser can't use what this one was asked.
	o := newNamed(t, s.house)
	o.token()
	expect(t, "another browser", o.do("POST", "/api/invitation/accept", with(map[string]any{"credential": made, "keyName": "Téléphone"})), http.StatusConflict, "passkeyOver")
	in := n.must("accept", n.do("POST", "/api/invitation/accept", with(map[string]any{"credential": made, "keyName": "Téléphone"})), http.StatusCreated).json(t)
	if f := in["factors"].(map[string]any); f["keyed"] != true || f["passkey"] != true || in["room"].(map[string]any)["id"] != s.room {
		t.Errorf("%v", in)
	}
	id := in["account"].(map[string]any)["id"].(string)
	n.token()
	n.must("the room", n.do("GET", "/api/rooms/"+s.room, nil), http.StatusOK)
	factors := n.do("GET", "/api/account/factors", nil).json(t)
	if factors["keyed"] != true || len(factors["passkeys"].([]any)) != 1 || factors["recoveryLeft"] != 0.0 {
		t.Errorf("%v", factors)
	}
	n.signOut()
	expect(t, "a passphrase", n.do("POST", "/api/login", map[string]string{"email": email, "passphrase": "tilleul comète rapide 58"}), http.StatusUnauthorized, "bad-credentials")
	n.must("by passkey", n.byPasskey(nil), http.StatusOK)
	n.token()

	// The organiser's link goes to the guest alone, and gives a new passkey.
	guests := owner.do("GET", "/api/rooms/"+s.room+"/guests", nil).json(t)
	if b := guests["bounds"].(map[string]any); b["days"] != 30.0 || b["maxDays"] != 90.0 || b["uses"] != 20.0 || b["maxUses"] != 100.0 || guests["allowed"] != true {
		t.Errorf("%v", guests)
	}
	a := owner.do("POST", "/api/rooms/"+s.room+"/guests/"+id+"/link", map[string]string{"language": "fr"})
	expect(t, "a link", a, http.StatusNoContent, "")
	_, link, _ := strings.Cut(s.lastMail(email), "/activate#")
	f := newNamed(t, s.house)
	f.token()
	if got := f.must("look", f.do("POST", "/api/activation", map[string]string{"token": link}), http.StatusOK).json(t); got["passkey"] != true {
		t.Errorf("%v", got)
	}
	fresh := f.create(f.must("begin", f.do("POST", "/api/activation/passkey", map[string]string{"token": link}), http.StatusOK))
	f.must("use", f.do("POST", "/api/activate", map[string]any{"token": link, "credential": fresh, "keyName": "Nouveau"}), http.StatusOK)
	f.token()
	expect(t, "the session of before", n.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	n.token()
	expect(t, "the lost passkey", n.byPasskey(nil), http.StatusUnauthorized, "passkeyRefused")

	// A passphrase beside it: proved by the passkey, with recovery codes.
	expect(t, "without a proof", f.do("POST", "/api/account/passphrase", map[string]any{"old": "", "new": "tilleul comète rapide 58"}), http.StatusBadRequest, "bad-request")
	proof := f.get(f.must("proof", f.do("POST", "/api/proof/passkey/begin", nothing), http.StatusOK))
	chosen := f.must("choose", f.do("POST", "/api/account/passphrase", map[string]any{"old": "", "new": "tilleul comète rapide 58", "passkey": proof}), http.StatusOK).json(t)
	if len(chosen["recovery"].([]any)) != 10 || chosen["factors"].(map[string]any)["keyed"] != false {
		t.Errorf("%v", chosen)
	}
	f.token()
	f.signOut()
	expect(t, "the passphrase alone", f.do("POST", "/api/login", map[string]string{"email": email, "passphrase": "tilleul comète rapide 58"}), http.StatusUnauthorized, "secondFactorNeeded")
}

// TestGuestsAreLookedAfter: more time, a wish, and what the administrator makes of it.
func TestGuestsAreLookedAfter(t *testing.T) {
	s := newScene(t)
	_, id := s.comes(t, "gus@example.net")
	owner, path := s.asMember(), "/api/rooms/"+s.room+"/guests/"
	expect(t, "too long", owner.do("PATCH", path+id, map[string]int{"days": 91}), http.StatusUnprocessableEntity, "guest-bounds")
	expect(t, "two things", owner.do("PATCH", path+id, map[string]any{"days": 1, "full": true}), http.StatusBadRequest, "bad-request")
	expect(t, "nothing", owner.do("PATCH", path+id, nothing), http.StatusBadRequest, "bad-request")
	a := owner.do("PATCH", path+id, map[string]int{"days": 60})
	expect(t, "longer", a, http.StatusOK, "")
	if until := a.json(t)["guest"].(map[string]any)["until"]; until != s.clock().Add(60*24*time.Hour).UTC().Format(time.RFC3339Nano) {
		t.Errorf("until %v", until)
	}
	a = owner.do("PATCH", path+id, map[string]bool{"full": true})
	expect(t, "a wish", a, http.StatusOK, "")
	if a.json(t)["guest"].(map[string]any)["asked"] != true {
		t.Errorf("%s", a.body)
	}
	admin := s.asAdministrator()
	seen := admin.do("GET", "/api/admin/accounts?query=gast", nil).json(t)["accounts"].([]any)[0].(map[string]any)["guest"].(map[string]any)
	if asked := seen["asked"].(map[string]any); asked["name"] != s.member.Name {
		t.Errorf("%v", seen)
	}
	expect(t, "no", admin.do("PATCH", "/api/admin/accounts/"+id, map[string]bool{"asked": false}), http.StatusOK, "")
	if guests := owner.do("GET", "/api/rooms/"+s.room+"/guests", nil).json(t)["guests"].([]any); guests[0].(map[string]any)["asked"] != nil {
		t.Errorf("%v", guests)
	}
	link := owner.do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{}, "uses": 2, "stay": 7}).json(t)
	made := link["invitations"].([]any)[0].(map[string]any)
	if made["uses"] != 2.0 || made["stay"] != 7.0 {
		t.Errorf("%v", made)
	}
	expect(t, "extend", owner.do("PATCH", "/api/rooms/"+s.room+"/invitations/"+made["id"].(string), map[string]int{"days": 40}), http.StatusNoContent, "")
	expect(t, "too far", owner.do("PATCH", "/api/rooms/"+s.room+"/invitations/"+made["id"].(string), map[string]int{"days": 91}), http.StatusUnprocessableEntity, "bad-invitation")
	s.server.GuestLink = nil
	expect(t, "no mail", owner.do("POST", path+id+"/link", map[string]string{"language": "fr"}), http.StatusConflict, "guests-need-mail")
}

// TestTheRuleAboutGuests: officers set it; what allows more takes four eyes.
func TestTheRuleAboutGuests(t *testing.T) {
	s := newScene(t)
	guest, _ := s.comes(t, "gus@example.net")
	owner, officer := s.asMember(), s.asRole(accounts.Officer)
	change := func(guests map[string]any) answer {
		return officer.do("PATCH", "/api/admin/policy", map[string]any{"guests": guests})
	}
	a := change(map[string]any{"maxDays": 10, "maxUses": 3})
	expect(t, "less", a, http.StatusOK, "")
	if g := a.json(t)["guests"].(map[string]any); g["maxDays"] != 10.0 || g["days"] != 10.0 || g["maxUses"] != 3.0 || g["allowed"] != true {
		t.Errorf("%v", g)
	}
	expect(t, "out of range", change(map[string]any{"maxDays": 400}), http.StatusUnprocessableEntity, "bad-guest-rule")
	for _, body := range []map[string]any{{"emails": []string{}, "uses": 4}, {"emails": []string{}, "stay": 11}} {
		expect(t, "beyond", owner.do("POST", "/api/rooms/"+s.room+"/invitations", body), http.StatusUnprocessableEntity, "guest-bounds")
	}
	expect(t, "none", change(map[string]any{"allowed": false}), http.StatusOK, "")
	expect(t, "who was there", guest.do("GET", "/api/rooms", nil), http.StatusUnauthorized, "not-signed-in")
	expect(t, "invite", owner.do("POST", "/api/rooms/"+s.room+"/invitations", map[string]any{"emails": []string{}}), http.StatusGone, "invitation-no-guests")
	a = change(map[string]any{"allowed": true})
	expect(t, "again", a, http.StatusAccepted, "")
	got := a.json(t)["proposal"].(map[string]any)["change"].(map[string]any)
	if got["guests"].(map[string]any)["allowed"] != true || got["twoFactors"] != nil {
		t.Errorf("%v", got)
	}
}
