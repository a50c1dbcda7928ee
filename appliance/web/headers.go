package web

import (
	"net/http"
	"strings"
)

// Content security policies. Each response has exactly one; what is not named here gets policyNone.
var (
	// policyDocument is that of the two single-page clients. data: and blob: images are not needed and not allowed;
	// WASM is compiled in the MLS worker only, which has its own policy.
	policyDocument = strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"font-src 'self'",
		"connect-src 'self'",
		"media-src 'self' blob: mediastream:",
		"worker-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types huisclos",
	}, "; ")

	// policyMLSWorker: the one place where WebAssembly is compiled; it fetches its module and nothing else.
	policyMLSWorker = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'"

	// policyFrameWorker: it has keys and frames, and no way to reach anything.
	policyFrameWorker = "default-src 'none'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

	// policyPage is that of the sentences that stand alone: not found, clients not built.
	policyPage = "default-src 'none'; style-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

	policyNone = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// permissions gives this origin what a call and a passkey need and nobody anything else. No frame is ever embedded.
var permissions = strings.Join([]string{
	"accelerometer=()", "autoplay=(self)", "browsing-topics=()", "camera=(self)", "clipboard-read=()",
	"clipboard-write=(self)", "display-capture=(self)", "encrypted-media=()", "fullscreen=(self)", "gamepad=()",
	"geolocation=()", "gyroscope=()", "hid=()", "idle-detection=()", "local-fonts=()", "magnetometer=()",
	"microphone=(self)", "midi=()", "payment=()", "picture-in-picture=(self)", "publickey-credentials-create=(self)", "publickey-credentials-get=(self)",
	"screen-wake-lock=(self)", "serial=()", "speaker-selection=(self)", "usb=()", "xr-spatial-tracking=()",
}, ", ")

// harden sets the headers that every answer carries; a handler may only replace the policy and the caching.
// COOP and COEP isolate the pages from every other origin; CORP keeps other origins from loading anything of ours. COEP is not
// require-corp: Firefox asks that even of an HTTP proxy's answer to CONNECT when media has to go through one, which no proxy
// gives, and then nothing of a call passes (NS_ERROR_DOM_CORP_FAILED, seen with 153 ESR). Nothing of another origin is loaded
// here anyway: the content security policy names 'self' alone.
func (s *Server) harden(h http.Header) {
	h.Set("Content-Security-Policy", policyNone)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "credentialless")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Origin-Agent-Cluster", "?1")
	h.Set("Permissions-Policy", permissions)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Permitted-Cross-Domain-Policies", "none")
	h.Set("X-DNS-Prefetch-Control", "off")
	h.Set("Cache-Control", "no-store")
	// With a self-signed certificate HSTS would take the browser's "go on" away and lock people out.
	if s.strict() {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}
