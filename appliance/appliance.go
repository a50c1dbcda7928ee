package appliance

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"huisclos/accounts"
	adminui "huisclos/admin-ui"
	"huisclos/appliance/appearance"
	"huisclos/appliance/auditor"
	"huisclos/appliance/certs"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/appliance/metrics"
	"huisclos/appliance/outbox"
	"huisclos/appliance/progress"
	"huisclos/appliance/web"
	"huisclos/appliance/webhook"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/hardening"
	"huisclos/media/relay"
	"huisclos/media/transport"
	meetingui "huisclos/meeting-ui"
	"huisclos/meetings"
	"huisclos/store"
)

// migrations is the one list of all packages' buckets. A line is never changed or taken out, only followed by others.
func migrations() []store.Migration {
	return []store.Migration{
		{Version: 1, Name: "audit log", Run: audit.CreateBuckets},
		{Version: 2, Name: "accounts", Run: accounts.CreateBuckets},
		{Version: 3, Name: "rooms", Run: meetings.CreateBuckets},
		{Version: 4, Name: "roles", Run: accounts.AddRoles},
		{Version: 5, Name: "security profiles", Run: meetings.CreateProfiles},
		{Version: 6, Name: "passkeys", Run: accounts.AddPasskeys},
		{Version: 7, Name: "outbox", Run: outbox.CreateBuckets},
		{Version: 8, Name: "sources of accounts", Run: accounts.AddSources},
		{Version: 9, Name: "groups and contacts", Run: accounts.AddGroups},
		{Version: 10, Name: "rules of rooms", Run: meetings.AddRules},
		{Version: 11, Name: "planned meetings", Run: meetings.AddSchedules},
		{Version: 12, Name: "guests", Run: accounts.AddGuests},
		{Version: 13, Name: "provisioning", Run: accounts.AddProvisioning},
		{Version: 14, Name: "provider", Run: accounts.AddProvider},
		{Version: 15, Name: "life", Run: accounts.AddLife},
		{Version: 16, Name: "metrics", Run: createMetrics},
		{Version: 17, Name: "settings of the console", Run: choices.CreateBuckets},
		{Version: 18, Name: "programs", Run: accounts.AddPrograms},
		{Version: 19, Name: "webhooks", Run: webhook.CreateBuckets},
		{Version: 20, Name: "tree of the audit log", Run: audit.AddTree},
		{Version: 21, Name: "appearance", Run: appearance.CreateBuckets},
		{Version: 22, Name: "progress", Run: progress.CreateBuckets},
		{Version: 23, Name: "backups", Run: createBackups},
	}
}

const (
	databaseFile      = "huisclos.db"
	pepperFile        = "pepper"
	certificateFolder = "tls"

	headerWithin = 5 * time.Second  // slowloris: a header takes one packet
	readWithin   = 20 * time.Second // bodies are at most 16 KiB
	writeWithin  = 2 * time.Minute  // the largest file is 6 MB, for somebody with 0.4 Mbit/s
	idleWithin   = time.Minute
	headerBytes  = 16 << 10

	stopWithin  = 10 * time.Second
	drainWithin = 3 * time.Second
	sweepEvery  = 5 * time.Minute
	renewEvery  = time.Hour
	mailEvery   = 2 * time.Second
)

// An Appliance is everything that runs. Its parts are stopped in the reverse order of their start.
type Appliance struct {
	settings settings
	log      *slog.Logger
	started  time.Time

	choices   *choices.Settings
	accounts  *accounts.Accounts
	post      *post
	rooms     *meetings.Rooms
	trail     *audit.Log
	signer    *audit.Signer
	recording bool // the audit log has this run's beginning
	hooks     *webhook.Hooks
	canaries  *canaries
	port      int
	second    int // another of UDP; 0: none
	listeners []syscall.Conn
	keeper    *certs.Keeper
	tls       *certificates
	plain     challenges // for port 80
	relay     *relay.Relay
	hall      *meetings.Hall
	pages     atomic.Pointer[web.Server]
	door      *door
	probes    *probes
	trials    *trials
	current   atomic.Pointer[settings] // those in force
	made      atomic.Pointer[parts]    // for them
	backups   *backups

	following sync.Mutex // owns follows
	follows   following

	appearance *appearance.Keeper
	progress   progress.Keeper
	watched    *watch
	clocks     clocks
	began      time.Time // of the steady clock

	stops   []func()
	quit    chan struct{} // closed when what comes round ends
	failed  chan error    // a server that ended by itself
	running sync.WaitGroup
}

// Start opens the database, then the sockets, shuts the process in, then starts the parts between them. When it returns an
// error, everything that was opened is closed again.
func Start(s settings, log *slog.Logger) (_ *Appliance, err error) {
	a := &Appliance{settings: s, log: log, started: s.now().UTC(), began: time.Now(), quit: make(chan struct{}), failed: make(chan error, 3),
		probes: newProbes(s.now)}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	if err := os.MkdirAll(s.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	seen := newObserver()
	db, err := store.Open(filepath.Join(s.Data, databaseFile), store.Options{Committed: seen.commits.Add})
	if err != nil {
		return nil, err
	}
	a.onStop(func() {
		if err := db.Close(); err != nil {
			log.Error("database not closed", "error", err)
		}
	})
	if err := db.Migrate(migrations()); err != nil {
		return nil, err
	}
	trail := audit.New(db)
	pepperText := bytes.Clone(s.pepper) // for backups, where no file holds it
	pepper, err := s.openPepper(db)
	if err != nil {
		return nil, err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper})
	if err != nil {
		return nil, err
	}
	if a.appearance, err = appearance.Open(db, trail); err != nil {
		return nil, err
	}
	a.progress.DB = db
	if a.signer, err = audit.OpenSigner(trail, hasher, rand.Reader, s.now()); err != nil {
		return nil, err
	}
	a.onStop(a.endLog)
	s.kept = new(kept)
	a.choices, err = choices.Open(choices.Options{DB: db, Audit: trail, Keys: hasher, Random: rand.Reader, Log: log.With("part", "settings"), Sources: s.from()}, s.now())
	if err != nil {
		return nil, err
	}
	s.Settings = a.choices.InForce()
	s.readEarly()
	err = a.choices.Use(func(next config.Settings, secret func(name string) (string, error)) (func(), error) {
		p, err := s.with(next, secret).newParts(nil)
		return func() { a.made.Store(&p) }, err
	})
	if err != nil {
		return nil, err
	}
	s = s.with(a.choices.InForce(), a.choices.Secret)
	a.settings = s
	a.current.Store(&s)
	made := a.made.Load()
	if a.backups, err = a.newBackups(db, trail, pepperText); err != nil {
		return nil, err
	}
	a.post = s.newPost(outbox.Options{DB: db, Audit: trail, Keys: hasher, Random: rand.Reader, Log: log.With("part", "mail")}, made.mail)
	a.post.signature = a.signature
	a.rooms, a.trail, a.canaries = meetings.NewRooms(db, trail, rand.Reader), trail, newCanaries()
	if a.hooks, err = s.newWebhooks(webhook.Options{DB: db, Audit: trail, Keys: hasher, Random: rand.Reader, Now: s.now, Log: log.With("part", "webhooks")}); err != nil {
		return nil, err
	}
	options := accounts.Options{Recorded: seen.recorded(a.post.recorded), CarryOut: a.rooms.CarryOut, Gone: a.gone, Kept: a.kept, Delay: s.DeletionDelay}
	if made.directory != nil {
		options.Directory = made.directory
	}
	if a.accounts, err = accounts.New(db, trail, hasher, rand.Reader, options); err != nil {
		return nil, err
	}

	sockets, err := s.sockets()
	if err != nil {
		return nil, err
	}
	a.onStop(sockets.close)
	a.port, a.second, a.listeners = sockets.port(), sockets.second(), sockets.listeners()
	a.post.use(s, made.mail, s.base(a.port))
	a.rooms.Planned = a.post.invitations()
	if err := a.openCertificates(sockets.redirect != nil); err != nil {
		return nil, err
	}
	a.warnOfCertificate()
	commands, err := control.Listen(s.ControlPath())
	if err != nil {
		return nil, err
	}
	a.onStop(func() { _ = commands.Close() })
	// From here on nothing is opened that is not in the policy, and nothing of a stranger's was read before.
	if s.confine != nil {
		if err := s.confine(s.policy()); err != nil {
			return nil, err
		}
		a.warnOfOpenings()
	}

	said := newReports(seen, s.now)
	webConns, iceConns, turnConns := transport.SplitTCP(newLimitedListener(sockets.tcp, maxConnections, a.maxFrom))
	a.door = newDoor(webConns)
	a.onStop(func() { _ = a.door.Close() })
	told := newTold(func(via netip.Addr) []netip.Addr { return a.inForce().Candidates(via) })
	a.relay, err = relay.New(relay.Config{Ports: a.mediaPorts(), Own: told.has, Random: rand.Reader, Now: s.now})
	if err != nil {
		return nil, err
	}
	a.onStop(a.relay.Close)
	a.running.Go(func() { _ = a.relay.Serve(turnConns) }) // its one error is the port's end
	server, err := transport.New(transport.Config{UDP: sockets.udp, TCP: iceConns, Relay: a.relay, Addresses: told.candidates,
		Port: a.port, Second: a.second, Probe: a.probes.password, Events: said, Log: log.With("part", "media"), Now: s.mediaClock(), Hook: s.hook()})
	if err != nil {
		return nil, err
	}
	a.onStop(server.Close)
	a.trials = &trials{server: server}
	a.hall = meetings.NewHall(meetings.HallOptions{Records: records{a.rooms, a.canaries}, Media: watchedPlane{plane{server}, seen, s.now}, Plane: plane{server}, Relay: lastWay{a.relay}, Audit: recorder{trail, seen, a.canaries}, Writable: db.Writable,
		Now: s.now, Rand: rand.Reader, Log: log.With("part", "meetings"), Limits: s.limits()})
	said.to(a.hall)
	a.onStop(func() {
		a.hall.Close() // tells every member to come back to the next process
		if pages := a.pages.Load(); pages != nil {
			pages.Drain(drainWithin)
		}
	})
	a.onStop(a.endCanary)

	a.watched = &watch{observer: seen, Access: metrics.Access{DB: db, Audit: trail, Random: rand.Reader}, a: a, db: db, server: server}
	pages, err := web.New(a.webConfig(s))
	if err != nil {
		return nil, err
	}
	a.pages.Store(pages)
	a.onStop(a.unfollow)
	if err := a.choices.Use(a.prepare); err != nil { // from now on parts change with the settings
		return nil, err
	}
	a.serveWeb(a.door, sockets.redirect, sockets.metrics)
	a.running.Go(func() { control.Serve(commands, a.acts(), log.With("part", "control")) })
	a.holdRefusals()
	if err := a.beginLog(); err != nil {
		return nil, err
	}
	a.tend()
	a.noteMinutes()
	return a, nil
}

// webConfig is what the routes need under these settings.
func (a *Appliance) webConfig(s settings) web.Config {
	c := web.Config{
		Accounts: a.accounts, Canary: a.canaries.participant, Audit: a.trail, Rooms: a.rooms, Hall: a.hall, Status: a.status, Hooks: a.hooks, Directory: a.followed(), Provider: a.made.Load().provider,
		ExportAudit: func(format audit.Format, from, to time.Time, e audit.Event) (audit.Part, error) {
			return auditor.BeginExport(a.trail, a.signer, format, from, to, e)
		},
		Settings: a.choices, Meeting: meetingui.Files(), Console: adminui.Files(), TestBuild: testBuild,
		Names: s.Hostnames, Addresses: s.Reachable, Base: s.base(a.port), Proxies: s.Trusts, StrictTransport: a.strictTransport, Certificates: a.tls, Passkeys: a.party(s), Proof: a.probes.proof, Trial: a.trials.answer, Relay: lastWay{a.relay},
		Post: a.post.link(), Undo: a.post.undo(), Invite: a.post.guest(), Code: a.post.code(), GuestLink: a.post.guestLink(), PostStatus: a.post.status, Feed: a.feed, Observation: a.watched, Backups: consoleBackups{a.backups},
		Appearance: a.appearance, Organisation: a.organisation, Progress: a.progress, Checks: a.checks(),
		Now: s.now, Rand: func(b []byte) { _, _ = rand.Read(b) }, // crypto/rand never fails (Go 1.24)
		Log: a.log.With("part", "web"), Mask: mask,
	}
	if !a.post.On() {
		c.Post, c.Undo, c.Invite, c.Code, c.GuestLink = nil, nil, nil, nil, nil
	}
	return c
}

func (a *Appliance) onStop(f func()) { a.stops = append(a.stops, f) }

// serveWeb answers TLS with the pages, or hands it to the relay, and plain HTTP with the way to them. HTTP/1.1 only: WebSocket needs it, and a
// handful of hashed files gain nothing from HTTP/2.
// redirect, if there is one, is a port that speaks plain HTTP only; metrics another, for the page of metrics and nothing else.
func (a *Appliance) serveWeb(conns, redirect, metrics net.Listener) {
	secure, plain := splitWeb(conns)
	one := new(http.Protocols)
	one.SetHTTP1(true)
	server := func(h http.Handler) *http.Server {
		return &http.Server{Handler: h, Protocols: one, ReadHeaderTimeout: headerWithin, ReadTimeout: readWithin, WriteTimeout: writeWithin,
			IdleTimeout: idleWithin, MaxHeaderBytes: headerBytes, ErrorLog: log.New(httpLog{a.log}, "", 0)}
	}
	main, hint := server(a.answers()), server(toHTTPS(func(r *http.Request) bool { return a.pages.Load().OwnHost(r) }))
	hint.SetKeepAlivesEnabled(false)
	away := server(a.plain.before(fromOtherPort(a.port, hint.Handler)))
	away.SetKeepAlivesEnabled(false)
	main.TLSConfig = a.keeper.TLS()
	run := func(serve func() error) {
		a.running.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				a.failed <- err
			}
		})
	}
	run(func() error { return main.Serve(splitSecure(secure, main.TLSConfig, a.relay.ServeConn, main.ErrorLog)) })
	run(func() error { return hint.Serve(plain) })
	figures := server(onlyMetrics(a.answers()))
	if metrics != nil {
		run(func() error { return figures.Serve(newLimitedListener(metrics, maxCollectors, a.maxFrom)) })
	}
	if redirect != nil {
		run(func() error { return away.Serve(newLimitedListener(redirect, maxConnections, a.maxFrom)) })
	}
	a.onStop(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		_, _, _ = hint.Close(), away.Close(), figures.Close()
		if err := main.Shutdown(ctx); err != nil {
			_ = main.Close() // what is still open after ten seconds is cut
		}
	})
}

// tend does what comes round: it removes what has expired, and keeps the certificate current.
func (a *Appliance) tend() {
	posted := make(chan struct{})
	a.onStop(func() {
		close(a.quit)
		<-posted // what a server has taken is noted before the database closes
	})
	a.running.Go(func() {
		defer close(posted)
		a.post.run(a.quit, mailEvery, a.settings.now)
	})
	a.running.Go(func() { hardening.TendHeap(a.quit) })
	a.tellWebhooks()
	a.every(sweepEvery, a.sweep)
	a.every(backupTick, a.backups.tick)
	a.every(renewEvery, func(now time.Time) {
		_ = a.refresh(now) // it is in the log
	})
	a.every(orderEvery, func(now time.Time) {
		_ = a.tls.tend(false, now) // likewise
	})
}

// every calls f again and again until the stop.
func (a *Appliance) every(d time.Duration, f func(now time.Time)) {
	a.running.Go(func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-a.quit:
				return
			case <-t.C:
				f(a.settings.now())
			}
		}
	})
}

// refresh brings the certificate up to date.
func (a *Appliance) refresh(now time.Time) error {
	changed, err := a.keeper.Refresh(now)
	if err != nil {
		a.log.Error("certificate not renewed; the one before stays in use", "error", err)
	}
	if changed {
		a.log.Info("certificate renewed", "fingerprint", a.keeper.Fingerprint(), "expires", a.keeper.Expires())
		a.tls.note(now)
	}
	a.warnOfCertificate()
	return err
}

// warnOfOpenings logs what the process should have closed by itself, and has not: an old kernel cannot do all of it.
func (a *Appliance) warnOfOpenings() {
	for _, l := range a.selfCheck() {
		if slices.Contains(ownProtections, l.Name) && l.State != hardening.OK {
			a.log.Warn("less is closed than should be", "what", l.Name, "state", l.State, "detail", l.Detail.EN)
		}
	}
}

func (a *Appliance) selfCheck() hardening.Report {
	r := append(hardening.SelfCheck(hardening.Options{Proc: "/proc", Sys: "/sys", Listeners: a.listeners}), a.directoryLine()...)
	return append(append(r, a.providerLine()...), a.clockLine())
}

func (a *Appliance) warnOfCertificate() {
	for _, w := range a.keeper.Warnings(a.settings.now()) {
		a.log.Warn(w)
	}
}

func (a *Appliance) status() web.Status {
	s := web.Status{Version: Version, Started: a.started, Fingerprint: a.keeper.Fingerprint()}
	if !a.unlisted() {
		s.Address = a.addresses()[0]
	}
	return s
}

// mediaPorts are those at which there is media over UDP.
func (a *Appliance) mediaPorts() []int {
	if a.second == 0 {
		return []int{a.port}
	}
	return []int{a.port, a.second}
}

// unlisted reports whether the appliance knows neither a name nor an address of its own: in a network namespace of its
// own it can list none. Whoever reaches it knows one.
func (a *Appliance) unlisted() bool {
	return len(a.inForce().Hostnames) == 0 && len(a.inForce().Reachable()) == 0
}

// addresses are what people type into their browsers, the best one first.
func (a *Appliance) addresses() []string {
	var out []string
	for _, name := range a.inForce().Hostnames {
		out = append(out, config.URL(name, a.port))
	}
	for _, addr := range a.inForce().Reachable() {
		out = append(out, config.URL(addr.String(), a.port))
	}
	return append(out, config.URL("localhost", a.port))
}

// Stop ends everything: no new requests, members told to come back, media, sockets, and at last the database.
func (a *Appliance) Stop() {
	for i := len(a.stops) - 1; i >= 0; i-- {
		a.stops[i]()
	}
	a.stops = nil
	a.running.Wait()
}
