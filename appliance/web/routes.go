package web

import "net/http"

// routes is every address that this server answers. The privilege matrix of the tests has one line for each; a route
// without its line fails them.
func (s *Server) routes() []route {
	const (
		get, head, post, patch, del = http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete
	)
	list := []route{
		{get, "/healthz", anyone, page, s.health},

		{get, "/api/me", anyone, call, s.getMe},
		{post, "/api/setup", anyone, secret, s.setup},
		{post, "/api/login", anyone, call, s.login},
		{post, "/api/logout", anyone, call, s.logout},
		{post, "/api/activation", anyone, secret, s.activation},
		{post, "/api/activate", anyone, secret, s.activate},

		{patch, "/api/account", member, call, s.renameAccount},
		{post, "/api/account/passphrase", member, secret, s.changePassphrase},
		{get, "/api/account/factors", member, call, s.getFactors},
		{post, "/api/account/totp", member, secret, s.beginTOTP},
		{post, "/api/account/totp/confirm", member, secret, s.confirmTOTP},
		{del, "/api/account/totp", member, secret, s.removeTOTP},
		{post, "/api/account/recovery", member, secret, s.renewRecovery},
		{get, "/api/account/sessions", member, call, s.listSessions},
		{del, "/api/account/sessions/:session", member, call, s.endSession},

		{post, "/api/connection", member, call, s.tryConnection},
		{get, "/api/connection/echo", member, socket, s.tryMessages},

		{get, "/api/rooms", member, call, s.listRooms},
		{post, "/api/rooms", member, call, s.createRoom},
		{get, "/api/rooms/:room", member, call, s.getRoom},
		{patch, "/api/rooms/:room", member, call, s.renameRoom},
		{del, "/api/rooms/:room", member, call, s.deleteRoom},
		{get, "/api/rooms/:room/rules", member, call, s.getRules},
		{patch, "/api/rooms/:room/rules", member, call, s.changeRules},
		{post, "/api/rooms/:room/pin", member, secret, s.givePIN},
		{post, "/api/rooms/:room/straight", member, call, s.straightIn},
		{get, "/api/rooms/:room/meetings", member, call, s.listPlanned},
		{post, "/api/rooms/:room/meetings", member, call, s.plan},
		{get, "/api/rooms/:room/signal", participant, socket, s.signal},
		{get, "/api/rooms/:room/tree/:epoch", participant, call, s.tree},

		{get, "/api/account/calendar", member, call, s.getCalendar},
		{post, "/api/account/calendar", member, call, s.makeCalendar},
		{del, "/api/account/calendar", member, call, s.removeCalendar},
		{get, "/api/calendar/:file", anyone, call, s.calendar},
		{get, "/api/meetings", member, call, s.coming},
		{patch, "/api/meetings/:meeting", member, call, s.replan},
		{post, "/api/meetings/:meeting/occurrence", member, call, s.except},
		{del, "/api/meetings/:meeting", member, call, s.unplan},
		{get, "/api/directory", member, call, s.directory},
		{get, "/api/contacts", member, call, s.listContacts},
		{post, "/api/contacts/:account", member, call, s.setContact(true)},
		{del, "/api/contacts/:account", member, call, s.setContact(false)},
		{get, "/api/account/presence", member, call, s.getPresence},
		{patch, "/api/account/presence", member, call, s.changePresence},

		{get, "/api/admin/groups", administrator, call, s.listGroups},
		{post, "/api/admin/groups", administrator, call, s.createGroup},
		{get, "/api/admin/groups/:group", administrator, call, s.getGroup},
		{patch, "/api/admin/groups/:group", administrator, call, s.changeGroup},
		{del, "/api/admin/groups/:group", administrator, call, s.deleteGroup},
		{get, "/api/admin/accounts", administrator, call, s.listAccounts},
		{post, "/api/admin/accounts", administrator, call, s.createAccount},
		{post, "/api/admin/accounts/:account/activation", administrator, call, s.newActivation},
		{patch, "/api/admin/accounts/:account", administrator, call, s.changeAccount},
		{del, "/api/admin/accounts/:account", administrator, call, s.deleteAccount},
		{del, "/api/admin/accounts/:account/factors", administrator, call, s.takeFactors},
		{get, "/api/admin/calls", administrator, call, s.listCalls},
		{post, "/api/admin/calls/:room/end", administrator, call, s.endCall},
		{get, "/api/admin/audit", administrator, call, s.listAudit},
		{get, "/api/admin/status", administrator, call, s.getStatus},
	}
	// Documents and files. They tell nobody anything: what a page shows comes from the API.
	for _, method := range []string{get, head} {
		for _, path := range meetingPages {
			list = append(list, route{method, path, anyone, page, s.meetingPage})
		}
		for _, path := range []string{"/console/", "/console/:section", "/console/:section/:item"} {
			list = append(list, route{method, path, anyone, page, s.consolePage})
		}
		for _, path := range []string{"/assets/:file", "/w/:file", "/console/assets/:file"} {
			list = append(list, route{method, path, anyone, page, s.asset})
		}
		list = append(list,
			route{method, "/console", anyone, page, redirect("/console/")},
			route{method, "/setup", anyone, page, redirect("/console/setup")},
		)
	}
	return list
}

// meetingPages are the addresses that the meeting client draws a page for.
var meetingPages = []string{"/", "/r/:room", "/r/:room/settings", "/r/:room/meetings", "/directory", "/activate", "/account", "/about", "/test"}
