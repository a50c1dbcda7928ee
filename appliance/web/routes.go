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
		{get, "/readyz", anyone, page, s.ready},
		{get, "/metrics", anyone, page, s.metrics},

		{get, "/api/me", anyone, call, s.getMe},
		{post, "/api/setup", anyone, secret, s.setup},
		{post, "/api/login", anyone, call, s.login},
		{post, "/api/passkey/login/begin", anyone, call, s.beginPasskeyLogin},
		{post, "/api/passkey/login/finish", anyone, call, s.passkeyLogin},
		{post, "/api/logout", anyone, call, s.logout},
		{post, "/api/oidc/start", anyone, call, s.startProvider},
		{post, "/api/oidc/finish", anyone, call, s.finishProvider},
		{post, "/api/oidc/factor", anyone, call, s.provideFactor},
		{get, frontChannelPath, anyone, foreign, s.frontChannel},
		{post, backChannelPath, anyone, foreign, s.backChannel},
		{post, "/api/activation", anyone, secret, s.activation},
		{post, "/api/activation/passkey", anyone, secret, s.beginActivationPasskey},
		{post, "/api/activate", anyone, secret, s.activate},

		{post, "/api/invitation", anyone, secret, s.invitation},
		{post, "/api/invitation/code", anyone, secret, s.sendCode},
		{post, "/api/invitation/confirm", anyone, secret, s.confirmAddress},
		{post, "/api/invitation/passkey", anyone, secret, s.beginGuestPasskey},
		{post, "/api/invitation/accept", anyone, secret, s.accept},

		{post, "/api/address", anyone, secret, s.formerAddress},
		{post, "/api/address/restore", anyone, secret, s.restoreAddress},

		{patch, "/api/account", person, call, s.changeOwn},
		{get, "/api/account/life", person, call, s.getLife},
		{post, "/api/account/email", person, call, s.askAddress},
		{post, "/api/account/email/confirm", person, secret, s.confirmOwnAddress},
		{post, "/api/account/export", person, call, s.export},
		{post, "/api/account/leaving", person, call, s.leave},
		{del, "/api/account/leaving", person, call, s.stay},
		{post, "/api/account/passphrase", person, secret, s.changePassphrase},
		{get, "/api/account/factors", oneself, call, s.getFactors},
		{post, "/api/account/totp", oneself, secret, s.beginTOTP},
		{post, "/api/account/totp/replace", oneself, secret, s.replaceTOTP},
		{post, "/api/account/totp/confirm", oneself, secret, s.confirmTOTP},
		{del, "/api/account/totp", oneself, secret, s.removeTOTP},
		{post, "/api/account/recovery", oneself, secret, s.renewRecovery},
		{post, "/api/account/passkeys/begin", oneself, secret, s.beginPasskey},
		{post, "/api/account/passkeys", oneself, call, s.addPasskey},
		{patch, "/api/account/passkeys/:passkey", oneself, call, s.renamePasskey},
		{del, "/api/account/passkeys/:passkey", oneself, secret, s.removePasskey},
		{get, "/api/account/sessions", oneself, call, s.listSessions},
		{del, "/api/account/sessions", oneself, call, s.endOtherSessions},
		{del, "/api/account/sessions/:session", oneself, call, s.endSession},
		{post, "/api/proof", person, secret, s.prove},
		{post, "/api/proof/passkey/begin", person, call, s.beginProof},

		{post, "/api/connection", traveller, call, s.tryConnection},
		{get, "/api/connection/echo", traveller, socket, s.tryMessages},

		{get, "/api/profiles", opener, call, s.listProfiles},
		{get, "/api/rooms", traveller, call, s.listRooms},
		{post, "/api/rooms", opener, call, s.createRoom},
		{get, "/api/rooms/:room", traveller, call, s.getRoom},
		{patch, "/api/rooms/:room", traveller, call, s.changeRoom},
		{del, "/api/rooms/:room", traveller, call, s.deleteRoom},
		{get, "/api/rooms/:room/rules", traveller, call, s.getRules},
		{patch, "/api/rooms/:room/rules", traveller, call, s.changeRules},
		{post, "/api/rooms/:room/pin", traveller, secret, s.givePIN},
		{post, "/api/rooms/:room/straight", traveller, call, s.straightIn},
		{get, "/api/rooms/:room/meetings", traveller, call, s.listPlanned},
		{post, "/api/rooms/:room/meetings", traveller, call, s.plan},
		{get, "/api/rooms/:room/guests", opener, call, s.listGuests},
		{post, "/api/rooms/:room/invitations", opener, call, s.invite},
		{del, "/api/rooms/:room/invitations/:invitation", opener, call, s.withdraw},
		{patch, "/api/rooms/:room/invitations/:invitation", opener, call, s.extendInvitation},
		{del, "/api/rooms/:room/guests/:account", opener, call, s.removeGuest},
		{patch, "/api/rooms/:room/guests/:account", opener, call, s.changeGuest},
		{post, "/api/rooms/:room/guests/:account/link", opener, call, s.guestLink},
		{get, "/api/rooms/:room/signal", participant, socket, s.signal},
		{get, "/api/rooms/:room/tree/:epoch", participant, call, s.tree},

		{get, "/api/account/calendar", traveller, call, s.getCalendar},
		{post, "/api/account/calendar", traveller, call, s.makeCalendar},
		{del, "/api/account/calendar", traveller, call, s.removeCalendar},
		{get, "/api/calendar/:file", anyone, call, s.calendar},
		{get, "/api/meetings", traveller, call, s.coming},
		{patch, "/api/meetings/:meeting", traveller, call, s.replan},
		{post, "/api/meetings/:meeting/occurrence", traveller, call, s.except},
		{del, "/api/meetings/:meeting", traveller, call, s.unplan},
		{get, "/api/directory", traveller, call, s.directory},
		{get, "/api/contacts", traveller, call, s.listContacts},
		{post, "/api/contacts/:account", traveller, call, s.setContact(true)},
		{del, "/api/contacts/:account", traveller, call, s.setContact(false)},
		{get, "/api/account/presence", person, call, s.getPresence},
		{patch, "/api/account/presence", person, call, s.changePresence},

		{get, "/api/admin/groups", administrator, call, s.listGroups},
		{post, "/api/admin/groups", administrator, call, s.createGroup},
		{get, "/api/admin/groups/:group", administrator, call, s.getGroup},
		{patch, "/api/admin/groups/:group", administrator, call, s.changeGroup},
		{del, "/api/admin/groups/:group", administrator, call, s.deleteGroup},
		{get, "/api/admin/accounts", administrator, call, s.listAccounts},
		{post, "/api/admin/accounts", administrator, call, s.createAccount},
		{post, "/api/admin/accounts/import", administrator, call, s.importAccounts},
		{post, "/api/admin/accounts/:account/activation", administrator, call, s.newActivation},
		{patch, "/api/admin/accounts/:account", administrator, call, s.changeAccount},
		{del, "/api/admin/accounts/:account", administrator, call, s.deleteAccount},
		{post, "/api/admin/accounts/:account/leaving", administrator, call, s.leaveFor},
		{del, "/api/admin/accounts/:account/leaving", administrator, call, s.stayFor},
		{del, "/api/admin/accounts/:account/factors", administrator, call, s.takeFactors},
		{get, "/api/admin/directory", administrator, call, s.getDirectory},
		{post, "/api/admin/directory/sync", administrator, call, s.syncDirectory},
		{get, "/api/admin/provisioning", administrator, call, s.getProvisioning},
		{post, "/api/admin/provisioning", administrator, call, s.makeProvisioner},
		{del, "/api/admin/provisioning/:provisioner", administrator, call, s.revokeProvisioner},
		{get, "/api/admin/provider", administrator, call, s.getProvider},
		{get, "/api/admin/programs", administrator, call, s.getPrograms},
		{post, "/api/admin/programs", administrator, call, s.makeProgram},
		{del, "/api/admin/programs/:program", administrator, call, s.revokeProgram},
		{get, "/api/admin/webhooks", administrator, call, s.getWebhooks},
		{post, "/api/admin/webhooks", administrator, call, s.makeWebhook},
		{patch, "/api/admin/webhooks/:webhook", administrator, call, s.changeWebhook},
		{del, "/api/admin/webhooks/:webhook", administrator, call, s.deleteWebhook},
		{post, "/api/admin/webhooks/:webhook/secret", administrator, call, s.rotateWebhook},
		{post, "/api/admin/webhooks/:webhook/test", administrator, call, s.testWebhook},
		{get, "/api/admin/webhooks/:webhook/deliveries", administrator, call, s.listDeliveries},
		{get, descriptionPath, anyone, call, s.description},
		{get, "/api/admin/calls", administrator, call, s.listCalls},
		{post, "/api/admin/calls/:room/end", administrator, call, s.endCall},
		{get, "/api/admin/audit", watcher, call, s.listAudit},
		{get, "/api/admin/audit/state", watcher, call, s.auditState},
		{post, "/api/admin/audit/verify", watcher, call, s.verifyAudit},
		{get, "/api/admin/audit/export", watcher, call, s.exportAudit},
		{get, "/api/admin/audit/growth", watcher, call, s.auditGrowth},
		{post, "/api/admin/audit/cosignature", watcher, call, s.cosignAudit},
		{post, "/api/admin/audit/witnesses", officer, call, s.enrolWitness},
		{del, "/api/admin/audit/witnesses/:witness", officer, call, s.dismissWitness},
		{get, "/api/admin/policy", watcher, call, s.getPolicy},
		{patch, "/api/admin/policy", officer, call, s.changePolicy},
		{get, "/api/admin/profiles", watcher, call, s.listProfiles},
		{post, "/api/admin/profiles", officer, call, s.createProfile},
		{patch, "/api/admin/profiles/:profile", officer, call, s.changeProfile},
		{del, "/api/admin/profiles/:profile", officer, call, s.deleteProfile},
		{get, "/api/admin/proposals", watcher, call, s.listProposals},
		{post, "/api/admin/proposals/:proposal/approve", officer, call, s.approve},
		{post, "/api/admin/proposals/:proposal/reject", decider, call, s.reject},
		{get, "/api/admin/status", administrator, call, s.getStatus},
		{get, "/api/admin/tls", administrator, call, s.getTLS},
		{post, "/api/admin/tls/authority", administrator, call, s.lookAtAuthority},
		{post, "/api/admin/tls/certificate", administrator, call, s.importCertificate},
		{post, "/api/admin/tls/order", administrator, call, s.orderCertificate},
		{post, "/api/admin/tls/requests", administrator, call, s.requestCertificate},
		{del, "/api/admin/tls/requests/:request", administrator, call, s.withdrawRequest},
		{get, "/api/admin/settings", administrator, call, s.getSettings},
		{patch, "/api/admin/settings", administrator, call, s.changeSettings},
		{get, "/api/admin/settings/history", administrator, call, s.settingsHistory},
		{post, "/api/admin/settings/history/:change/rollback", administrator, call, s.rollBackSettings},
		{get, "/api/admin/series", administrator, call, s.getSeries},
		{get, "/api/admin/statistics", administrator, call, s.getStatistics},
		{get, "/api/admin/metrics-token", administrator, call, s.getMetricsToken},
		{post, "/api/admin/metrics-token", administrator, call, s.makeMetricsToken},
		{del, "/api/admin/metrics-token", administrator, call, s.revokeMetricsToken},
	}
	list = append(list, s.scimRoutes()...)
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
var meetingPages = []string{"/", "/r/:room", "/r/:room/settings", "/r/:room/meetings", "/directory", "/activate", "/i", "/undo", "/account", "/about", "/test", callbackPath, "/oidc/prove", signedOutPath}
