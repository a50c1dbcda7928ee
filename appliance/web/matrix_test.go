package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
	"huisclos/appliance/webhook"
	"huisclos/meetings"
)

// The privilege matrix: every route of the router, and what eight people get from it. owner is the organiser to whom the room, the
// session and the account in the address belong; to the others nothing belongs. A route without a line here fails, and so does
// a line without a route. hardening/papers reads the lines for hardening/docs/privileges.md: they keep this form.
//
// 401 not signed in · 403 not allowed · 404 not there for this person · 409, 410, 422, 426 allowed, and refused by a rule
type right struct {
	method, route string
	want          is
	path          func(*scene) string
	body          any
	refused       string // codes of the refusals above that are not about rights
}

// is what each of them gets, in the order of columns.
type is [8]int

var columns = [len(is{})]string{"nobody", "guest", "member", "organiser", "owner", "auditor", "officer", "administrator"}

// A scene is a house with objects that belong to the owner.
type scene struct {
	*house
	room, session, group, meeting, feed string
}

func newScene(t *testing.T) *scene {
	h := newHouse(t)
	r, err := h.rooms.Create(accounts.Actor{Account: h.member.ID}, "Salle", h.now)
	must(t, err)
	// A session of the owner that no test uses, so that ending it ends nobody's request.
	list, err := h.accounts.Sessions(accounts.Actor{Account: h.member.ID}, h.member.ID, h.now)
	must(t, err)
	g, err := h.accounts.CreateGroup(accounts.Operator(), "Équipe", h.now)
	must(t, err)
	m, err := h.rooms.Plan(accounts.Actor{Account: h.member.ID}, r.ID, "Point du lundi", meetings.Plan{Start: h.now.Add(time.Hour), Zone: "Europe/Paris", Duration: time.Hour,
		Recurrence: &meetings.Recurrence{Frequency: meetings.Weekly, Count: 4}}, nil, h.now)
	must(t, err)
	feed, err := h.rooms.MakeFeed(h.member.ID, h.now)
	must(t, err)
	return &scene{h, r.ID.String(), list[len(list)-1].ID.String(), g.ID.String(), m.ID.String(), feed}
}

// as is a browser of one of the columns' people.
func (s *scene) as(who string) *browser {
	s.t.Helper()
	switch who {
	case "nobody":
		b := s.browser()
		b.token()
		return b
	case "owner":
		return s.asMember()
	case "organiser":
		return s.asOther()
	case "administrator":
		return s.asAdministrator()
	case "guest":
		return s.asGuest()
	}
	return s.asRole(accounts.Role(who))
}

func fixed(path string) func(*scene) string { return func(*scene) string { return path } }

func ofRoom(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.room) }
}

func ofMeeting(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.meeting) }
}

// somePlan is a form that is right.
var somePlan = map[string]any{"title": "Point", "start": map[string]string{"date": "2026-02-02", "time": "09:00"}, "zone": "Europe/Paris", "minutes": 30}

func ofGroup(s *scene) string { return "/api/admin/groups/" + s.group }

func ofMember(format string) func(*scene) string {
	return func(s *scene) string { return fmt.Sprintf(format, s.member.ID) }
}

// ofProposal names what the administrator has proposed: a second officer.
func ofProposal(format string) func(*scene) string {
	return func(s *scene) string {
		s.there(accounts.Officer)
		actor := accounts.Actor{Account: s.administrator.ID, Proved: s.clock()}
		_, _, err := s.accounts.Create(actor, "Oona Deux", "oona@example.org", accounts.Officer, s.clock())
		var proposed accounts.Proposed
		if !errors.As(err, &proposed) {
			s.t.Fatalf("a second officer: %v", err)
		}
		return fmt.Sprintf(format, proposed.Proposal.ID)
	}
}

var nothing = map[string]string{}

var rights = []right{
	{"GET", "/healthz", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/healthz"), nil, ""},

	{"GET", "/api/me", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/me"), nil, ""},
	{"POST", "/api/setup", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/setup"),
		map[string]string{"code": "x", "name": "x", "email": "x@example.org", "passphrase": "a passphrase of somebody"}, "setup-done"},
	{"POST", "/api/login", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/login"),
		map[string]string{"email": "marie@example.org", "passphrase": memberPassphrase}, ""},
	// The house of this test is come to by its address, where there can be no passkeys.
	{"POST", "/api/passkey/login/begin", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/passkey/login/begin"), nothing, "passkeysNotHere"},
	{"POST", "/api/passkey/login/finish", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/passkey/login/finish"), map[string]any{"credential": nothing}, "passkeysNotHere"},
	{"POST", "/api/logout", is{204, 204, 204, 204, 204, 204, 204, 204}, fixed("/api/logout"), nothing, ""},
	// There is no provider in the house of this test; TestProvider… have one.
	{"POST", "/api/oidc/start", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/oidc/start"), map[string]string{"purpose": "signIn"}, "noProvider"},
	{"POST", "/api/oidc/finish", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/oidc/finish"), map[string]string{"query": "state=x&code=x"}, "noProvider"},
	{"POST", "/api/oidc/factor", is{409, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/oidc/factor"), map[string]string{"state": "x", "code": "123456"}, "noProvider"},
	{"GET", "/oidc/front-channel-logout", is{404, 404, 404, 404, 404, 404, 404, 404}, fixed("/oidc/front-channel-logout?iss=x&sid=x"), nil, ""},
	{"POST", "/oidc/back-channel-logout", is{404, 404, 404, 404, 404, 404, 404, 404}, fixed("/oidc/back-channel-logout"), nothing, ""},
	{"POST", "/api/activation", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/activation"), map[string]string{"token": "x"}, "bad-activation"},
	{"POST", "/api/activate", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/activate"),
		map[string]string{"token": "x", "passphrase": "a passphrase of somebody"}, "bad-activation"},

	{"POST", "/api/activation/passkey", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/activation/passkey"), map[string]string{"token": "x"}, "bad-activation"},
	{"POST", "/api/invitation", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/invitation"), map[string]string{"token": "x"}, "invitation-unknown"},
	{"POST", "/api/invitation/code", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/invitation/code"), map[string]string{"token": "x", "email": "x@example.org"}, "invitation-unknown"},
	{"POST", "/api/invitation/confirm", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/invitation/confirm"), map[string]string{"token": "x", "email": "x@example.org", "code": "1"}, "invitation-unknown"},
	{"POST", "/api/invitation/passkey", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/invitation/passkey"),
		map[string]string{"token": "x", "email": "x@example.org", "code": "1", "name": "X"}, "invitation-unknown"},
	{"POST", "/api/invitation/accept", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/invitation/accept"),
		map[string]string{"token": "x", "email": "x@example.org", "code": "1", "name": "X", "passphrase": "a passphrase of somebody"}, "invitation-unknown"},

	{"POST", "/api/address", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/address"), map[string]string{"token": "x"}, "undo-over"},
	{"POST", "/api/address/restore", is{410, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/address/restore"), map[string]string{"token": "x"}, "undo-over"},

	{"GET", "/api/account/life", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/life"), nil, ""},
	// A guest was invited by their address.
	{"POST", "/api/account/email", is{401, 409, 200, 200, 200, 200, 200, 200}, fixed("/api/account/email"), map[string]string{"email": "neuf@example.org", "language": "fr"}, "email-guest"},
	{"POST", "/api/account/email/confirm", is{401, 410, 410, 410, 410, 410, 410, 410}, fixed("/api/account/email/confirm"), map[string]string{"code": "12345678"}, "confirmation-over"},
	{"POST", "/api/account/export", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/export"), nothing, ""},
	// The last administrator and the last officer stay.
	{"POST", "/api/account/leaving", is{401, 200, 200, 200, 200, 200, 409, 409}, fixed("/api/account/leaving"), nothing, "last-administrator last-officer"},
	{"DELETE", "/api/account/leaving", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/leaving"), nil, ""},

	{"PATCH", "/api/account", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account"), map[string]string{"name": "Quelqu'un"}, ""},
	{"POST", "/api/account/passphrase", is{401, 403, 403, 403, 200, 403, 403, 403}, fixed("/api/account/passphrase"),
		map[string]string{"old": memberPassphrase, "new": "vingt vaches valsent vite"}, "passphrase-wrong"},
	{"GET", "/api/account/factors", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/factors"), nil, ""},
	{"POST", "/api/account/totp", is{401, 403, 403, 403, 200, 403, 403, 403}, fixed("/api/account/totp"),
		map[string]string{"passphrase": memberPassphrase}, "passphrase-wrong"},
	{"POST", "/api/account/totp/replace", is{401, 403, 403, 403, 409, 403, 403, 403}, fixed("/api/account/totp/replace"),
		map[string]string{"passphrase": memberPassphrase, "code": "123456"}, "noSecondFactor passphrase-wrong"},
	{"POST", "/api/account/totp/confirm", is{401, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/account/totp/confirm"),
		map[string]string{"code": "123456"}, "enrolmentOver secondFactorThere"},
	{"DELETE", "/api/account/totp", is{401, 403, 403, 403, 409, 403, 403, 403}, fixed("/api/account/totp"),
		map[string]string{"passphrase": memberPassphrase, "code": "123456"}, "noSecondFactor passphrase-wrong"},
	{"POST", "/api/account/recovery", is{401, 403, 403, 403, 409, 403, 403, 403}, fixed("/api/account/recovery"),
		map[string]string{"passphrase": memberPassphrase, "code": "123456"}, "noSecondFactor passphrase-wrong"},
	{"POST", "/api/account/passkeys/begin", is{401, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/account/passkeys/begin"),
		map[string]string{"passphrase": memberPassphrase}, "passkeysNotHere"},
	{"POST", "/api/account/passkeys", is{401, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/account/passkeys"),
		map[string]any{"name": "x", "credential": nothing}, "passkeysNotHere"},
	{"PATCH", "/api/account/passkeys/:passkey", is{401, 404, 404, 404, 404, 404, 404, 404}, fixed("/api/account/passkeys/AAAAAAAAAAAAAAAAAAAAAA"),
		map[string]string{"name": "x"}, "noPasskey"},
	{"DELETE", "/api/account/passkeys/:passkey", is{401, 403, 403, 403, 404, 403, 403, 403}, fixed("/api/account/passkeys/AAAAAAAAAAAAAAAAAAAAAA"),
		map[string]string{"passphrase": memberPassphrase}, "noPasskey passphrase-wrong"},
	{"POST", "/api/proof/passkey/begin", is{401, 409, 409, 409, 409, 409, 409, 409}, fixed("/api/proof/passkey/begin"), nothing, "passkeysNotHere"},
	{"GET", "/api/account/sessions", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/sessions"), nil, ""},
	{"DELETE", "/api/account/sessions", is{401, 204, 204, 204, 204, 204, 204, 204}, fixed("/api/account/sessions"), nothing, ""},
	{"DELETE", "/api/account/sessions/:session", is{401, 404, 404, 404, 204, 404, 404, 404},
		func(s *scene) string { return "/api/account/sessions/" + s.session }, nil, "not-found"},
	{"POST", "/api/proof", is{401, 403, 403, 403, 204, 403, 403, 403}, fixed("/api/proof"), map[string]string{"passphrase": memberPassphrase}, "passphrase-wrong"},

	// What one has there is one's own.
	{"GET", "/api/devices", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/devices"), nil, ""},

	{"POST", "/api/connection", is{401, 200, 200, 200, 200, 403, 200, 200}, fixed("/api/connection"), map[string]string{"offer": "v=0", "mid": "0"}, ""},
	{"GET", "/api/connection/echo", is{401, 426, 426, 426, 426, 403, 426, 426}, fixed("/api/connection/echo"), nil, "upgrade-required"},

	{"GET", "/api/profiles", is{401, 403, 403, 200, 200, 403, 200, 200}, fixed("/api/profiles"), nil, ""},
	{"GET", "/api/rooms", is{401, 200, 200, 200, 200, 403, 200, 200}, fixed("/api/rooms"), nil, ""},
	{"POST", "/api/rooms", is{401, 403, 403, 201, 201, 403, 201, 201}, fixed("/api/rooms"), map[string]string{"name": "Une salle"}, ""},
	// Whoever may come into rooms and holds a room's link may see its name and knock: its id is 128 random bits. This guest is not
	// invited to it; TestGuestReachesItsRoom has one that is.
	{"GET", "/api/rooms/:room", is{401, 403, 200, 200, 200, 403, 200, 200}, ofRoom("/api/rooms/%s"), nil, ""},
	{"PATCH", "/api/rooms/:room", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s"), map[string]string{"name": "Autre nom"}, ""},
	{"DELETE", "/api/rooms/:room", is{401, 403, 403, 403, 204, 403, 403, 403}, ofRoom("/api/rooms/%s"), nil, ""},
	{"GET", "/api/rooms/:room/rules", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s/rules"), nil, ""},
	{"PATCH", "/api/rooms/:room/rules", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s/rules"), map[string]any{"pin": "2468"}, ""},
	{"POST", "/api/rooms/:room/pin", is{401, 403, 204, 204, 204, 403, 204, 204}, ofRoom("/api/rooms/%s/pin"), map[string]string{"pin": "2468"}, ""}, // it has none
	{"POST", "/api/rooms/:room/straight", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s/straight"), map[string]any{"accounts": []string{}}, ""},
	{"GET", "/api/rooms/:room/meetings", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s/meetings"), nil, ""},
	{"POST", "/api/rooms/:room/meetings", is{401, 403, 403, 403, 201, 403, 403, 403}, ofRoom("/api/rooms/%s/meetings"), somePlan, ""},
	// Inviting is the owner's own: neither members nor other organisers do it.
	{"GET", "/api/rooms/:room/guests", is{401, 403, 403, 403, 200, 403, 403, 403}, ofRoom("/api/rooms/%s/guests"), nil, ""},
	{"POST", "/api/rooms/:room/invitations", is{401, 403, 403, 403, 201, 403, 403, 403}, ofRoom("/api/rooms/%s/invitations"), map[string]any{"emails": []string{"gast@example.org"}, "language": "fr"}, ""},
	{"DELETE", "/api/rooms/:room/invitations/:invitation", is{401, 403, 403, 403, 404, 403, 403, 403}, ofRoom("/api/rooms/%s/invitations/AAAAAAAAAAAAAAAAAAAAAA"), nil, "not-found"},
	{"PATCH", "/api/rooms/:room/invitations/:invitation", is{401, 403, 403, 403, 404, 403, 403, 403}, ofRoom("/api/rooms/%s/invitations/AAAAAAAAAAAAAAAAAAAAAA"), map[string]int{"days": 5}, "not-found"},
	{"DELETE", "/api/rooms/:room/guests/:account", is{401, 403, 403, 403, 404, 403, 403, 403}, ofRoom("/api/rooms/%s/guests/AAAAAAAAAAAAAAAAAAAAAA"), nil, "not-found"},
	{"PATCH", "/api/rooms/:room/guests/:account", is{401, 403, 403, 403, 404, 403, 403, 403}, ofRoom("/api/rooms/%s/guests/AAAAAAAAAAAAAAAAAAAAAA"), map[string]int{"days": 5}, "not-found"},
	{"POST", "/api/rooms/:room/guests/:account/link", is{401, 403, 403, 403, 404, 403, 403, 403}, ofRoom("/api/rooms/%s/guests/AAAAAAAAAAAAAAAAAAAAAA/link"), map[string]string{"language": "fr"}, "not-found"},
	{"GET", "/api/rooms/:room/signal", is{401, 403, 426, 426, 426, 403, 426, 426}, ofRoom("/api/rooms/%s/signal"), nil, "upgrade-required"},
	// Without sizes that there are, nothing is proved.
	{"POST", "/api/rooms/:room/device", is{401, 200, 200, 200, 200, 403, 200, 200}, ofRoom("/api/rooms/%s/device"), someDevice, ""},
	{"GET", "/api/rooms/:room/device/growth", is{401, 400, 400, 400, 400, 403, 400, 400}, ofRoom("/api/rooms/%s/device/growth?sizes=1,2"), nil, "sizes"},
	{"GET", "/api/rooms/:room/tree/:epoch", is{401, 403, 404, 404, 404, 403, 404, 404}, ofRoom("/api/rooms/%s/tree/0"), nil, "not-found"},

	{"GET", "/api/account/calendar", is{401, 403, 200, 200, 200, 403, 200, 200}, fixed("/api/account/calendar"), nil, ""},
	{"POST", "/api/account/calendar", is{401, 403, 201, 201, 201, 403, 201, 201}, fixed("/api/account/calendar"), nothing, ""},
	{"DELETE", "/api/account/calendar", is{401, 403, 204, 204, 204, 403, 204, 204}, fixed("/api/account/calendar"), nil, ""},
	// Who knows the address has it, whoever that is: calendar programs have no session.
	{"GET", "/api/calendar/:file", is{200, 200, 200, 200, 200, 200, 200, 200}, func(s *scene) string { return "/api/calendar/" + s.feed + ".ics" }, nil, ""},
	{"GET", "/api/meetings", is{401, 403, 200, 200, 200, 403, 200, 200}, fixed("/api/meetings"), nil, ""},
	{"PATCH", "/api/meetings/:meeting", is{401, 403, 403, 403, 200, 403, 403, 403}, ofMeeting("/api/meetings/%s"), somePlan, ""},
	{"POST", "/api/meetings/:meeting/occurrence", is{401, 403, 403, 403, 200, 403, 403, 403}, ofMeeting("/api/meetings/%s/occurrence"), map[string]any{"original": "2026-01-12T10:00:00Z"}, ""},
	// Who is not invited has nothing to take off their list.
	{"DELETE", "/api/meetings/:meeting", is{401, 403, 404, 404, 204, 403, 404, 404}, ofMeeting("/api/meetings/%s"), nil, "not-found"},
	{"GET", "/api/directory", is{401, 403, 200, 200, 200, 403, 200, 200}, fixed("/api/directory?q=marie"), nil, ""},
	{"GET", "/api/contacts", is{401, 403, 200, 200, 200, 403, 200, 200}, fixed("/api/contacts"), nil, ""},
	{"POST", "/api/contacts/:account", is{401, 403, 204, 204, 404, 403, 204, 204}, ofMember("/api/contacts/%s"), nothing, "not-found"}, // nobody is their own
	{"DELETE", "/api/contacts/:account", is{401, 403, 204, 204, 204, 403, 204, 204}, ofMember("/api/contacts/%s"), nil, ""},
	{"GET", "/api/account/presence", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/presence"), nil, ""},
	{"PATCH", "/api/account/presence", is{401, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/account/presence"), map[string]any{"shown": false}, ""},

	// The door looks as the organisation wants it, so anybody may read how.
	{"GET", "/api/appearance", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/appearance"), nil, ""},
	{"PATCH", "/api/admin/appearance", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/appearance"), map[string]any{"contact": "poste 4242"}, ""},
	{"POST", "/api/admin/appearance/accent", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/appearance/accent"), map[string]any{"accent": "#7a1f5c"}, ""},
	{"POST", "/api/admin/appearance/logo", is{401, 403, 403, 403, 403, 403, 403, 422}, fixed("/api/admin/appearance/logo"), map[string]any{"picture": "AAAA"}, "bad-logo"},
	{"DELETE", "/api/admin/appearance/logo", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/appearance/logo"), nil, ""},
	{"GET", "/api/admin/progress", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/progress"), nil, ""},
	{"PATCH", "/api/admin/progress", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/progress"), map[string]any{"step": "mail", "state": "later"}, ""},
	{"POST", "/api/admin/check/:what", is{401, 403, 403, 403, 403, 403, 403, 404}, fixed("/api/admin/check/nothing"), nothing, "not-found"},

	{"GET", "/api/admin/groups", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/groups"), nil, ""},
	{"POST", "/api/admin/groups", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/groups"), map[string]string{"name": "Direction"}, ""},
	{"GET", "/api/admin/groups/:group", is{401, 403, 403, 403, 403, 403, 403, 200}, ofGroup, nil, ""},
	{"PATCH", "/api/admin/groups/:group", is{401, 403, 403, 403, 403, 403, 403, 200}, ofGroup, map[string]any{"name": "Accueil"}, ""},
	{"DELETE", "/api/admin/groups/:group", is{401, 403, 403, 403, 403, 403, 403, 204}, ofGroup, nil, ""},

	{"GET", "/api/admin/accounts", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/accounts"), nil, ""},
	{"POST", "/api/admin/accounts", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/accounts"),
		map[string]string{"name": "Neuf", "email": "neuf@example.org", "role": "member"}, ""},
	{"POST", "/api/admin/accounts/import", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/accounts/import"),
		map[string]any{"text": "name,email\nNeuf,neuf@example.org\n", "dry": false}, ""},
	{"POST", "/api/admin/accounts/:account/activation", is{401, 403, 403, 403, 403, 403, 403, 200}, ofMember("/api/admin/accounts/%s/activation"), nothing, ""},
	{"PATCH", "/api/admin/accounts/:account", is{401, 403, 403, 403, 403, 403, 403, 200}, ofMember("/api/admin/accounts/%s"), map[string]any{"disabled": true}, ""},
	{"DELETE", "/api/admin/accounts/:account", is{401, 403, 403, 403, 403, 403, 403, 204}, ofMember("/api/admin/accounts/%s"), nil, ""},
	{"POST", "/api/admin/accounts/:account/leaving", is{401, 403, 403, 403, 403, 403, 403, 200}, ofMember("/api/admin/accounts/%s/leaving"), nothing, ""},
	{"DELETE", "/api/admin/accounts/:account/leaving", is{401, 403, 403, 403, 403, 403, 403, 200}, ofMember("/api/admin/accounts/%s/leaving"), nil, ""},
	{"DELETE", "/api/admin/accounts/:account/factors", is{401, 403, 403, 403, 403, 403, 403, 409}, ofMember("/api/admin/accounts/%s/factors"), nil, "noSecondFactor"},
	{"GET", "/api/admin/directory", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/directory"), nil, ""},
	{"POST", "/api/admin/directory/sync", is{401, 403, 403, 403, 403, 403, 403, 409}, fixed("/api/admin/directory/sync"), nothing, "noDirectory"},
	{"GET", "/api/admin/provisioning", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/provisioning"), nil, ""},
	{"POST", "/api/admin/provisioning", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/provisioning"), map[string]any{"name": "Entra ID", "days": 90}, ""},
	{"DELETE", "/api/admin/provisioning/:provisioner", is{401, 403, 403, 403, 403, 403, 403, 204}, ofProvisioner, nil, ""},
	{"GET", "/api/admin/provider", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/provider"), nil, ""},
	{"GET", "/api/admin/programs", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/programs"), nil, ""},
	{"POST", "/api/admin/programs", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/programs"), map[string]any{"name": "Supervision", "scopes": []string{"status:read"}}, ""},
	{"DELETE", "/api/admin/programs/:program", is{401, 403, 403, 403, 403, 403, 403, 204}, ofProgram, nil, ""},
	{"GET", "/api/admin/webhooks", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/webhooks"), nil, ""},
	{"POST", "/api/admin/webhooks", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/webhooks"), someWebhook, ""},
	{"PATCH", "/api/admin/webhooks/:webhook", is{401, 403, 403, 403, 403, 403, 403, 200}, ofWebhook(""), someWebhook, ""},
	{"DELETE", "/api/admin/webhooks/:webhook", is{401, 403, 403, 403, 403, 403, 403, 204}, ofWebhook(""), nil, ""},
	{"POST", "/api/admin/webhooks/:webhook/secret", is{401, 403, 403, 403, 403, 403, 403, 200}, ofWebhook("/secret"), nothing, ""},
	// The receiver of this test is not there: that is the outcome, and no refusal.
	{"POST", "/api/admin/webhooks/:webhook/test", is{401, 403, 403, 403, 403, 403, 403, 200}, ofWebhook("/test"), nothing, ""},
	{"GET", "/api/admin/webhooks/:webhook/deliveries", is{401, 403, 403, 403, 403, 403, 403, 200}, ofWebhook("/deliveries"), nil, ""},
	// The description of the API holds nothing of anybody.
	{"GET", "/api/openapi.json", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/api/openapi.json"), nil, ""},
	{"GET", "/api/admin/calls", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/calls"), nil, ""},
	{"GET", "/api/admin/calls/history", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/calls/history?from=2026-01-01T00:00:00Z"), nil, ""},
	{"GET", "/api/admin/calls/history/export", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/calls/history/export"), nil, ""},
	{"GET", "/api/admin/limits", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/limits"), nil, ""},
	{"GET", "/api/admin/drain", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/drain"), nil, ""},
	{"POST", "/api/admin/drain", is{401, 403, 403, 403, 403, 403, 403, 204}, fixed("/api/admin/drain"), nothing, ""},
	{"DELETE", "/api/admin/drain", is{401, 403, 403, 403, 403, 403, 403, 204}, fixed("/api/admin/drain"), nil, ""},
	{"POST", "/api/admin/calls/:room/end", is{401, 403, 403, 403, 403, 403, 403, 409}, ofRoom("/api/admin/calls/%s/end"), nothing, "no-call"},
	{"GET", "/api/admin/backups", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/backups"), nil, ""},
	{"POST", "/api/admin/backups", is{401, 403, 403, 403, 403, 403, 403, 409}, fixed("/api/admin/backups"), nothing, "no-recipient"},
	{"GET", "/api/admin/updates", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/updates"), nil, ""},
	{"POST", "/api/admin/updates/file", is{401, 403, 403, 403, 403, 403, 403, 415}, fixed("/api/admin/updates/file"), nothing, "media-type"},
	{"DELETE", "/api/admin/updates/file", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/updates/file"), nil, ""},
	{"POST", "/api/admin/updates/source", is{401, 403, 403, 403, 403, 403, 403, 409}, fixed("/api/admin/updates/source"), map[string]string{"name": "huisclos_1.0.0_amd64.update"}, "no-update"},
	{"POST", "/api/admin/updates/apply", is{401, 403, 403, 403, 403, 403, 403, 409}, fixed("/api/admin/updates/apply"), map[string]string{"sha256": "00"}, "no-update"},
	{"POST", "/api/admin/updates/rollback", is{401, 403, 403, 403, 403, 403, 403, 409}, fixed("/api/admin/updates/rollback"), map[string]bool{"data": true}, "no-update"},
	{"GET", "/api/admin/backups/:backup", is{401, 403, 403, 403, 403, 403, 403, 404}, fixed("/api/admin/backups/huisclos-20260105T090000Z.backup"), nil, "not-found"},
	{"POST", "/api/admin/backups/:backup/compare", is{401, 403, 403, 403, 403, 403, 403, 404}, fixed("/api/admin/backups/huisclos-20260105T090000Z.backup/compare"), nothing, "not-found"},
	{"GET", "/api/admin/tls", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/tls"), nil, ""},
	{"POST", "/api/admin/tls/authority", is{401, 403, 403, 403, 403, 403, 403, 422}, fixed("/api/admin/tls/authority"), map[string]any{"directory": "https://acme.example.org/", "ca": ""}, "certificate"},
	{"POST", "/api/admin/tls/certificate", is{401, 403, 403, 403, 403, 403, 403, 422}, fixed("/api/admin/tls/certificate"), map[string]any{"files": []string{}}, "certificate"},
	{"POST", "/api/admin/tls/order", is{401, 403, 403, 403, 403, 403, 403, 422}, fixed("/api/admin/tls/order"), nothing, "certificate"},
	{"POST", "/api/admin/tls/requests", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/tls/requests"), map[string]any{"organisation": "Exemple"}, ""},
	{"DELETE", "/api/admin/tls/requests/:request", is{401, 403, 403, 403, 403, 403, 403, 422}, fixed("/api/admin/tls/requests/0123456789abcdef"), nil, "certificate"},
	{"GET", "/api/admin/status", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/status"), nil, ""},
	{"GET", "/api/admin/settings", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/settings"), nil, ""},
	{"PATCH", "/api/admin/settings", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/settings"), map[string]any{"changes": map[string]any{"name": "Visio"}}, ""},
	{"GET", "/api/admin/settings/history", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/settings/history"), nil, ""},
	{"POST", "/api/admin/settings/history/:change/rollback", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/settings/history/0/rollback"), nothing, ""},
	{"GET", "/api/admin/series", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/series?span=day"), nil, ""},
	{"GET", "/api/admin/statistics", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/statistics?from=2026-01-01&to=2026-01-31"), nil, ""},
	{"GET", "/api/admin/metrics-token", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/metrics-token"), nil, ""},
	{"POST", "/api/admin/metrics-token", is{401, 403, 403, 403, 403, 403, 403, 201}, fixed("/api/admin/metrics-token"), nothing, ""},
	{"DELETE", "/api/admin/metrics-token", is{401, 403, 403, 403, 403, 403, 403, 204}, withMetricsToken, nil, ""},

	// The page of metrics: a program with a token of its own (TestMetricsNeedTheirToken). Nobody's session is good for anything there.
	{"GET", "/metrics", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/metrics"), nil, ""},
	{"GET", "/readyz", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/readyz"), nil, ""},

	// SCIM: an identity system with a token of its own (TestScimNeedsItsToken). Nobody's session is good for anything there.
	{"GET", "/scim/v2/ServiceProviderConfig", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/ServiceProviderConfig"), nil, ""},
	{"GET", "/scim/v2/ResourceTypes", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/ResourceTypes"), nil, ""},
	{"GET", "/scim/v2/ResourceTypes/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/ResourceTypes/User"), nil, ""},
	{"GET", "/scim/v2/Schemas", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Schemas"), nil, ""},
	{"GET", "/scim/v2/Schemas/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"), nil, ""},
	{"GET", "/scim/v2/Users", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Users"), nil, ""},
	{"POST", "/scim/v2/Users/.search", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Users/.search"), nothing, ""},
	{"POST", "/scim/v2/Users", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Users"), nothing, ""},
	{"GET", "/scim/v2/Users/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, ofMember("/scim/v2/Users/%s"), nil, ""},
	{"PUT", "/scim/v2/Users/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, ofMember("/scim/v2/Users/%s"), nothing, ""},
	{"PATCH", "/scim/v2/Users/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, ofMember("/scim/v2/Users/%s"), nothing, ""},
	{"DELETE", "/scim/v2/Users/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, ofMember("/scim/v2/Users/%s"), nil, ""},
	{"GET", "/scim/v2/Groups", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Groups"), nil, ""},
	{"POST", "/scim/v2/Groups/.search", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Groups/.search"), nothing, ""},
	{"POST", "/scim/v2/Groups", is{401, 401, 401, 401, 401, 401, 401, 401}, fixed("/scim/v2/Groups"), nothing, ""},
	{"GET", "/scim/v2/Groups/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, func(s *scene) string { return "/scim/v2/Groups/" + s.group }, nil, ""},
	{"PUT", "/scim/v2/Groups/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, func(s *scene) string { return "/scim/v2/Groups/" + s.group }, nothing, ""},
	{"PATCH", "/scim/v2/Groups/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, func(s *scene) string { return "/scim/v2/Groups/" + s.group }, nothing, ""},
	{"DELETE", "/scim/v2/Groups/:id", is{401, 401, 401, 401, 401, 401, 401, 401}, func(s *scene) string { return "/scim/v2/Groups/" + s.group }, nil, ""},
	{"GET", "/api/admin/log", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/log"), nil, ""},
	{"POST", "/api/admin/log/level", is{401, 403, 403, 403, 403, 403, 403, 200}, fixed("/api/admin/log/level"), map[string]any{"level": "warn", "minutes": 5}, ""},
	{"GET", "/api/admin/audit", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/audit"), nil, ""},
	{"GET", "/api/admin/audit/state", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/audit/state"), nil, ""},
	{"GET", "/api/admin/posture", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/posture"), nil, ""},
	{"GET", "/api/admin/sbom", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/sbom"), nil, ""},
	{"POST", "/api/admin/audit/verify", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/audit/verify"), nothing, ""},
	{"GET", "/api/admin/audit/export", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/audit/export?format=cef"), nil, ""},
	{"GET", "/api/admin/audit/growth", is{401, 403, 403, 403, 403, 404, 404, 404}, fixed("/api/admin/audit/growth?since=0"), nil, "no-checkpoint"},
	{"POST", "/api/admin/audit/cosignature", is{401, 403, 403, 403, 403, 422, 422, 422}, fixed("/api/admin/audit/cosignature"), map[string]string{"note": "x"}, "bad-cosignature"},
	{"POST", "/api/admin/audit/witnesses", is{401, 403, 403, 403, 403, 403, 422, 403}, fixed("/api/admin/audit/witnesses"), map[string]string{"key": "x"}, "witness-key"},
	{"DELETE", "/api/admin/audit/witnesses/:witness", is{401, 403, 403, 403, 403, 403, 404, 403}, fixed("/api/admin/audit/witnesses/00000000"), nil, "not-found"},
	{"GET", "/api/admin/policy", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/policy"), nil, ""},
	{"PATCH", "/api/admin/policy", is{401, 403, 403, 403, 403, 403, 200, 403}, fixed("/api/admin/policy"),
		map[string]any{"twoFactors": map[string]string{"member": "required"}}, ""},
	{"GET", "/api/admin/profiles", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/profiles"), nil, ""},
	{"POST", "/api/admin/profiles", is{401, 403, 403, 403, 403, 403, 200, 403}, fixed("/api/admin/profiles"),
		map[string]any{"name": "Conseil", "conditions": []string{"padded"}}, ""},
	{"PATCH", "/api/admin/profiles/:profile", is{401, 403, 403, 403, 403, 403, 200, 403}, fixed("/api/admin/profiles/standard"),
		map[string]any{"name": "Standard", "conditions": []string{"padded"}}, ""},
	{"DELETE", "/api/admin/profiles/:profile", is{401, 403, 403, 403, 403, 403, 409, 403}, fixed("/api/admin/profiles/standard"), nil, "profile-built-in"},
	{"GET", "/api/admin/proposals", is{401, 403, 403, 403, 403, 200, 200, 200}, fixed("/api/admin/proposals"), nil, ""},
	{"POST", "/api/admin/proposals/:proposal/approve", is{401, 403, 403, 403, 403, 403, 200, 403}, ofProposal("/api/admin/proposals/%s/approve"), nothing, ""},
	{"POST", "/api/admin/proposals/:proposal/reject", is{401, 403, 403, 403, 403, 403, 204, 204}, ofProposal("/api/admin/proposals/%s/reject"), nothing, ""},

	// Documents and files hold nothing of anybody.
	{"GET", "/", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/"), nil, ""},
	{"GET", "/r/:room", is{200, 200, 200, 200, 200, 200, 200, 200}, ofRoom("/r/%s"), nil, ""},
	{"GET", "/r/:room/settings", is{200, 200, 200, 200, 200, 200, 200, 200}, ofRoom("/r/%s/settings"), nil, ""},
	{"GET", "/r/:room/meetings", is{200, 200, 200, 200, 200, 200, 200, 200}, ofRoom("/r/%s/meetings"), nil, ""},
	{"GET", "/directory", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/directory"), nil, ""},
	{"GET", "/activate", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/activate"), nil, ""},
	{"GET", "/i", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/i"), nil, ""},
	{"GET", "/undo", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/undo"), nil, ""},
	{"GET", "/about", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/about"), nil, ""},
	{"GET", "/account", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/account"), nil, ""},
	{"GET", "/oidc/callback", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/oidc/callback?code=x&state=x"), nil, ""},
	{"GET", "/oidc/prove", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/oidc/prove"), nil, ""},
	{"GET", "/oidc/signed-out", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/oidc/signed-out"), nil, ""},
	{"GET", "/test", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/test"), nil, ""},
	{"GET", "/logo/:file", is{404, 404, 404, 404, 404, 404, 404, 404}, fixed("/logo/x.png"), nil, ""}, // there is none
	{"GET", "/setup", is{308, 308, 308, 308, 308, 308, 308, 308}, fixed("/setup"), nil, ""},
	{"GET", "/console", is{308, 308, 308, 308, 308, 308, 308, 308}, fixed("/console"), nil, ""},
	{"GET", "/console/", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/console/"), nil, ""},
	{"GET", "/console/:section", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/console/audit"), nil, ""},
	{"GET", "/console/:section/:item", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/console/accounts/x"), nil, ""},
	{"GET", "/assets/:file", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/assets/main-0123456789.js"), nil, ""},
	{"GET", "/w/:file", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/w/mls-0123456789.wasm"), nil, ""},
	{"GET", "/console/assets/:file", is{200, 200, 200, 200, 200, 200, 200, 200}, fixed("/console/assets/main-0123456789.js"), nil, ""},
}

func (r right) check(t *testing.T, s *scene, who string, b *browser) {
	t.Helper()
	a := b.do(r.method, r.path(s), r.body)
	if want := r.want[slices.Index(columns[:], who)]; a.status != want {
		t.Errorf("%s: %d %s, want %d", who, a.status, strings.TrimSpace(string(a.body)), want)
		return
	}
	if a.status < 400 || !strings.HasPrefix(r.route, "/api/") {
		return
	}
	switch got := a.code(t); {
	case a.status == http.StatusUnauthorized && got == "not-signed-in":
	case a.status == http.StatusForbidden && got == "forbidden":
	case slices.Contains(strings.Fields(r.refused), got):
	default:
		t.Errorf("%s: code %q", who, got)
	}
}

// ofProvisioner names a token that the administrator has made.
func ofProvisioner(s *scene) string {
	p, _, err := s.accounts.MakeProvisioner(accounts.Operator(), accounts.ProvisionerWish{Name: "Entra ID", Days: 90}, s.clock())
	must(s.t, err)
	return "/api/admin/provisioning/" + p.ID.String()
}

var someWebhook = map[string]any{"name": "Supervision", "url": "https://hooks.example.org/huisclos", "events": []string{"account.created"}}

// ofWebhook names one that there is.
func ofWebhook(rest string) func(*scene) string {
	return func(s *scene) string {
		list, err := s.hooks.List()
		must(s.t, err)
		if len(list) > 0 {
			return "/api/admin/webhooks/" + list[0].ID.String() + rest
		}
		var id webhook.ID
		must(s.t, s.accounts.Administer(accounts.Operator(), true, "", s.clock(), func(d accounts.Deed) error {
			hook, _, err := s.hooks.Make(d.Tx, webhook.Wish{Name: "Supervision", URL: "https://hooks.example.org/x", Events: []string{"call.started"}}, s.clock())
			id = hook.ID
			return err
		}))
		return "/api/admin/webhooks/" + id.String() + rest
	}
}

// ofProgram names a token of the API that the administrator has made.
func ofProgram(s *scene) string {
	p, _, err := s.accounts.MakeProgram(accounts.Operator(), accounts.ProgramWish{Name: "Supervision", Scopes: []string{"status:read"}}, s.clock())
	must(s.t, err)
	return "/api/admin/programs/" + p.ID.String()
}

func TestPrivilegeMatrix(t *testing.T) {
	// ASVS 6.3.4, 8.2.1, 8.3.1, 13.4.5
	lines := map[string]bool{}
	reads, readers := newScene(t), map[string]*browser{}
	for _, who := range columns {
		readers[who] = reads.as(who)
	}
	for _, r := range rights {
		lines[r.method+" "+r.route] = true
		t.Run(r.method+" "+r.route, func(t *testing.T) {
			for _, who := range columns {
				if r.method == http.MethodGet {
					r.check(t, reads, who, readers[who])
					continue
				}
				// What one does must not change what the next one gets.
				s := newScene(t)
				r.check(t, s, who, s.as(who))
			}
		})
	}
	routed := map[string]bool{}
	for _, r := range reads.server.echo.Routes() {
		name := r.Method + " " + r.Path
		routed[name] = true
		if get, ok := strings.CutPrefix(name, "HEAD "); ok { // the same handler without a body
			name = "GET " + get
		}
		if !lines[name] {
			t.Errorf("%s %s has no line in the privilege matrix", r.Method, r.Path)
		}
	}
	for name := range lines {
		if !routed[name] {
			t.Errorf("the privilege matrix has a line for %s, which is no route", name)
		}
	}
}

// TestObjectsOfOthers swaps every id in an address for one that does not exist, is malformed, or is of another kind.
func TestObjectsOfOthers(t *testing.T) {
	// ASVS 8.2.2
	s := newScene(t)
	owner, admin, officer := s.asMember(), s.asAdministrator(), s.asRole(accounts.Officer)
	for _, id := range []string{
		"AAAAAAAAAAAAAAAAAAAAAA", s.member.ID.String(), "x", s.room + "A", s.room[:21], "%2e%2e", "..%2f..%2fetc", "%00", strings.Repeat("A", 4000),
		s.room[:21] + "%3d",
	} {
		for _, at := range []struct {
			b            *browser
			method, path string
			body         any
		}{
			{owner, "GET", "/api/rooms/" + id, nil},
			{owner, "PATCH", "/api/rooms/" + id, map[string]string{"name": "x"}},
			{owner, "DELETE", "/api/rooms/" + id, nil},
			{owner, "GET", "/api/rooms/" + id + "/tree/0", nil},
			{owner, "DELETE", "/api/account/sessions/" + id, nil},
			{admin, "POST", "/api/admin/calls/" + id + "/end", nothing},
			{admin, "POST", "/api/admin/proposals/" + id + "/reject", nothing},
			{officer, "POST", "/api/admin/proposals/" + id + "/approve", nothing},
		} {
			a := at.b.do(at.method, at.path, at.body)
			if a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s, want 404", at.method, at.path, a.status, a.body)
			}
		}
		if id == s.member.ID.String() {
			continue
		}
		for _, at := range []struct{ method, path string }{
			{"PATCH", "/api/admin/accounts/" + id}, {"DELETE", "/api/admin/accounts/" + id}, {"POST", "/api/admin/accounts/" + id + "/activation"},
			{"DELETE", "/api/admin/accounts/" + id + "/factors"},
		} {
			a := admin.do(at.method, at.path, nothing)
			if a.status != http.StatusNotFound {
				t.Errorf("%s %s: %d %s, want 404", at.method, at.path, a.status, a.body)
			}
		}
	}
	if _, err := s.rooms.Get(mustRoom(t, s.room)); err != nil {
		t.Errorf("the room is gone: %v", err)
	}
	for _, epoch := range []string{"00", "-1", "1e3", "18446744073709551616", "x"} {
		expect(t, "epoch "+epoch, owner.do("GET", "/api/rooms/"+s.room+"/tree/"+epoch, nil), http.StatusNotFound, "not-found")
	}
}

func mustRoom(t *testing.T, text string) [16]byte {
	t.Helper()
	id, err := accounts.ParseID(text)
	must(t, err)
	return [16]byte(id)
}
