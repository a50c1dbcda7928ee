package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	"huisclos/accounts/ldap"
	"huisclos/accounts/oidc"
	"huisclos/accounts/passkey"
	"huisclos/appliance/appearance"
	"huisclos/appliance/choices"
	"huisclos/appliance/progress"
	"huisclos/appliance/webhook"
	"huisclos/audit"
	"huisclos/hardening"
	"huisclos/meetings"
	"huisclos/store"
)

// Config is what the routes need. All of it is required but Directory, Provider, StrictTransport, TestBuild, Passkeys, Names, Base, Proxies, Proof, Post, Invite, Code, Undo, PostStatus, Forwarding, Logs, Feed, Observation, Relay, Canary and Wait.
type Config struct {
	Accounts *accounts.Accounts
	Audit    *audit.Log
	Rooms    *meetings.Rooms
	Hall     *meetings.Hall
	Status   func() Status
	// ExportAudit records that the audit log is handed out, has it signed, and prepares the export. e names who asks.
	ExportAudit func(format audit.Format, from, to time.Time, e audit.Event) (audit.Part, error)
	Hooks       *webhook.Hooks
	// Devices is the key log of devices.
	Devices *devices.Log
	// Directory is where accounts come from beside those made by hand; nil: there is none.
	Directory *ldap.Sync
	// Provider is where people may sign in beside here; nil: there is none.
	Provider *oidc.Client
	// Settings are those of the appliance, for the console.
	Settings *choices.Settings

	// Canary says whose token this is in the room of the appliance's own test call; nil: there are no such calls.
	Canary func(token string, room [16]byte, now time.Time) (meetings.Visitor, bool)

	Meeting, Console fs.FS // the two built clients
	TestBuild        bool  // this program is a test build, and so may they be

	// Names are the host names that requests may name beside localhost; Addresses the IP addresses beside that on which
	// the connection came in. Any other Host is refused, so that no page of ours is ever built for a name of others.
	Names     []string
	Addresses func() []netip.Addr
	// Base begins the links that are given to people ("https://visio.example.org"); empty: what the request names.
	Base string
	// Proxies reports whether an address is one of the proxies whose X-Forwarded-For is believed; nil: nobody's is.
	Proxies func(netip.Addr) bool
	// Passkeys are the ceremonies for the host name in the settings; nil: there is none, and no passkeys either.
	Passkeys *passkey.Party
	// StrictTransport reports whether the certificate is one that browsers trust by themselves; nil: it is not.
	StrictTransport func() bool
	// Certificates is what administrators do with it.
	Certificates Certificates
	// Proof is what the health page answers to who names a probe of "huisclos check network", empty for all others; nil: nothing.
	Proof func(probe string) string
	// Trial answers the offer of a media connection that carries nothing, in one audio section with that mid; via is the address
	// at which the request arrived. ErrTrials: not now; any other error is the offer's fault.
	Trial func(ctx context.Context, via netip.Addr, offer, mid string) (answer string, err error)
	// Post writes the mail that brings somebody their activation link, in the transaction in which the link is made. An error is
	// ErrPost. nil: no mail leaves.
	Post func(tx *store.Tx, to accounts.Account, url string, expires, now time.Time) error
	// Invite writes the mail that brings somebody a link to a room, Code the one that confirms an address; language is that of the
	// page. Both as Post.
	Invite func(tx *store.Tx, l accounts.Letter, room, url, language string, now time.Time) error
	Code   func(tx *store.Tx, to string, code accounts.Token, until time.Time, language string, now time.Time) error
	// GuestLink writes the mail that brings a guest a new way in, from an organiser.
	GuestLink func(tx *store.Tx, to, from accounts.Account, url, language string, expires, now time.Time) error
	// Undo writes the mail to a former address by which it is had back. As Post.
	Undo func(tx *store.Tx, u accounts.Undo, url string, now time.Time) error
	// Logs are the service's own messages; nil: none are kept.
	Logs Logs
	// Forwarding says how the audit log's way to its collector is doing.
	Forwarding func() (ForwardingStatus, error)
	// PostStatus says how mail is doing.
	PostStatus func() (PostStatus, error)
	// Feed is the calendar of an account, in text/calendar; base begins its links. nil: there is none.
	Feed    func(account accounts.Account, base string, now time.Time) ([]byte, error)
	Backups Backups
	// Updates are brought in and asked for here.
	Updates Updates
	// Appearance is what the organisation has its appliance look like, Organisation its name.
	Appearance   *appearance.Keeper
	Organisation func() string
	// Diary keeps when calls were.
	Diary *meetings.Diary
	// Progress is how far the first start has come.
	Progress progress.Keeper
	// Checks are what an administrator may try from the console, by name; to is where a test mail goes.
	Checks map[string]func(ctx context.Context, to string) hardening.Report
	// Observation is how the appliance is doing; nil: nobody watches.
	Observation Observation
	// Relay opens the relay to who tries it; nil: there is none.
	Relay meetings.Credentials

	Now func() time.Time
	// Wait returns after d, or when ctx ends; nil: by the machine's clock.
	Wait func(ctx context.Context, d time.Duration)
	Rand func([]byte)
	Log  *slog.Logger
	// Mask gives the form in which a client's address may stand in a log.
	Mask func(netip.Addr) string
}

// Status is what the console shows of the appliance as a whole.
type Status struct {
	Version     string
	Started     time.Time
	Fingerprint string
	Address     string    // that people type; empty: not known, so the way that the one who asks came
	Backup      time.Time // the last good one; zero: none
}

// verifying is how far a verification has come.
type verifying struct {
	done atomic.Uint64
	of   uint64
}

// Server answers every request. It is an http.Handler.
type Server struct {
	Config
	echo  *echo.Echo
	names map[string]bool
	*counts
}

// counts are what is remembered between requests, also when the settings change meanwhile.
type counts struct {
	meeting client
	console client

	guesses  *attempts // at secrets, by address
	unsigned *rate     // API requests without a session, by address
	signed   *rate     // API requests by session
	trials   *rate     // trial connections by session
	pins     *pinTries
	invites  *rate // invitations by organiser
	codes    *rate // codes by mail, by whom they go to
	askers   *rate // the same, by who asks
	starts   *rate // ways to the provider, by address
	flows    *flows
	hints    *hints
	exports  *rate // copies of all that is kept, by account
	// verifying is the verification of the audit log that is under way; nil: there is none.
	verifying atomic.Pointer[verifying]
	plans     *rate        // changes of planned meetings by account
	checks    *rate        // trials of mail and the like by account
	lookups   *rate        // searches of the directory by account
	presence  presence     // who is here
	meters    *rate        // wrong tokens for the metrics, by network
	scrapes   *rate        // the page of the metrics for who has the token
	lively    atomic.Int64 // connections to rooms
	slots     chan struct{}

	provisions   *rate         // requests for SCIM by token
	strangers    *rate         // the same without one that counts, by address; and those for the API
	provisioning chan struct{} // slots for them
	programs     *rate         // requests for the API by token
	tries        *rate         // deliveries that administrators try, by account
	door         *door
	lines        sync.WaitGroup // connections to rooms
	// observe is told what each route decodes (status 0) and answers: tests hold the description of the API against it. nil: nobody is.
	observe func(rt route, status int, value any)
}

const (
	// maxRunning bounds the handlers that run at once; connections to rooms are bounded by meetings and the listener.
	maxRunning = 512
	// A page load asks the API a handful of questions; a console page that refreshes asks one or two a second. A whole
	// office behind one address opens its pages at nine.
	unsignedPerSecond, unsignedBurst = 20, 300
	signedPerSecond, signedBurst     = 20, 200
)

// New builds the router and reads the clients into memory.
func New(c Config) (*Server, error) {
	kept := &counts{
		guesses: newAttempts(), unsigned: newRate(unsignedPerSecond, unsignedBurst), signed: newRate(signedPerSecond, signedBurst),
		trials: newRate(trialsPerSecond, trialsBurst), pins: newPINTries(), lookups: newRate(lookupsPerSecond, lookupsBurst), plans: newRate(plansPerSecond, plansBurst),
		invites: newRate(invitesPerHour/3600.0, invitesPerHour), codes: newRate(codesPerHour/3600.0, codesPerHour), askers: newRate(askedPerHour/3600.0, askedPerHour),
		starts: newRate(startsPerSecond, startsBurst), flows: newFlows(), hints: newHints(),
		meters: newRate(strangersPerSecond, strangersBurst), scrapes: newRate(scrapesPerSecond, scrapesBurst),
		slots:      make(chan struct{}, maxRunning),
		provisions: newRate(provisionsPerSecond, provisionsBurst), strangers: newRate(strangersPerSecond, strangersBurst), provisioning: make(chan struct{}, maxProvisions),
		programs: newRate(programsPerSecond, programsBurst), tries: newRate(triesPerSecond, triesBurst),
		exports: newRate(exportsPerHour/3600.0, exportsPerHour), checks: newRate(checksPerSecond, checksBurst),
	}
	if c.Wait == nil {
		c.Wait = waitFor
	}
	kept.door = newDoor(c.Wait)
	var err error
	if kept.meeting, err = loadClient(c.Meeting, "/", c.TestBuild); err != nil {
		return nil, fmt.Errorf("meeting client: %w", err)
	}
	if kept.console, err = loadClient(c.Console, "/console/", c.TestBuild); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	s := build(c, kept)
	c.Accounts.OnEnded(s.sessionsEnded)
	return s, nil
}

// With is the server for other settings: it remembers what s does, and requests that s is answering end there. The clients, and
// Accounts, Hall, Wait and Log, stay those of s.
func (s *Server) With(c Config) *Server {
	c.Accounts, c.Hall, c.Wait, c.Log, c.Meeting, c.Console = s.Accounts, s.Hall, s.Wait, s.Log, s.Meeting, s.Console
	return build(c, s.counts)
}

func build(c Config, kept *counts) *Server {
	s := &Server{Config: c, echo: echo.New(), names: map[string]bool{"localhost": true}, counts: kept}
	for _, n := range c.Names {
		s.names[strings.ToLower(strings.TrimSuffix(n, "."))] = true
	}
	// See client: what a header says of an address is anybody's word, and the router has no business with it.
	s.echo.IPExtractor = echo.ExtractIPDirect()
	s.echo.HideBanner, s.echo.HidePort = true, true
	s.echo.HTTPErrorHandler = func(err error, c echo.Context) { s.unrouted(err, c) }
	for _, r := range s.routes() {
		s.echo.Add(r.method, r.path, s.handle(r))
	}
	return s
}

// Built reports whether both clients are in this program.
func (s *Server) Built() bool { return s.meeting.document != nil && s.console.document != nil }

// Lines is how many signalling connections are open.
func (s *Server) Lines() int { return int(s.lively.Load()) }

// Drain waits until every connection to a room has said its last word. Close the hall first.
func (s *Server) Drain(within time.Duration) {
	done := make(chan struct{})
	go func() {
		s.lines.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(within): // a client that does not read is cut with the process
	}
}

// ServeHTTP sets what every answer carries, refuses hosts that are not ours, and survives a handler that panics.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.harden(w.Header())
	defer func() {
		if fault := recover(); fault != nil {
			if fault == http.ErrAbortHandler {
				panic(fault) // net/http's own way to cut a connection
			}
			s.Log.Error("handler panicked", "method", r.Method, "fault", fmt.Sprint(fault))
			s.refuse(w, r, codeInternal)
		}
	}()
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete:
	case http.MethodPut:
		if isScim(r) {
			break
		}
		fallthrough
	default: // no method override, no preflight: nothing here is for other origins
		s.refuse(w, r, codeMethod)
		return
	}
	// A body comes with its length. net/http accepts a request that gives two and believes the chunks (RFC 9112 §6.3);
	// no browser sends chunks, so there is no need to be the second opinion. A program that provisions may; whatever a proxy takes for
	// the next request on that connection is never read.
	if len(r.TransferEncoding) > 0 {
		w.Header().Set("Connection", "close")
		if !isScim(r) {
			s.refuse(w, r, codeNoLength)
			return
		}
	}
	if !s.OwnHost(r) {
		s.refuse(w, r, codeWrongHost)
		return
	}
	s.echo.ServeHTTP(w, r)
}

// unrouted answers what the router itself refuses: no such address, or another method than those it has.
func (s *Server) unrouted(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var he *echo.HTTPError
	switch {
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		s.refuse(c.Response(), c.Request(), codeMethod)
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		s.refuse(c.Response(), c.Request(), codeNotFound)
	default:
		s.Log.Error("router failed", "error", err)
		s.refuse(c.Response(), c.Request(), codeInternal)
	}
}

// strict reports whether browsers may be told to come by HTTPS only.
func (s *Server) strict() bool { return s.StrictTransport != nil && s.StrictTransport() }
