package appliance

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	adminui "huisclos/admin-ui"
	"huisclos/appliance/appearance"
	"huisclos/appliance/auditor"
	"huisclos/appliance/certs"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/control"
	"huisclos/appliance/forwarding"
	"huisclos/appliance/metrics"
	"huisclos/appliance/outbox"
	"huisclos/appliance/progress"
	"huisclos/appliance/web"
	"huisclos/appliance/webhook"
	"huisclos/audit"
	"huisclos/crypto/passhash"
	"huisclos/crypto/statement"
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
		{Version: 24, Name: "updates", Run: createUpdates},
		{Version: 25, Name: "index and forwarding of the audit log", Run: addForwarding},
		{Version: 26, Name: "history of calls", Run: meetings.AddHistory},
		{Version: 27, Name: "key log of devices", Run: devices.CreateBuckets},
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
	devices   *devices.Log
	post      *post
	rooms     *meetings.Rooms
	db        *store.DB
	diary     *meetings.Diary
	trail     *audit.Log
	forwarder *forwarding.Forwarder
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
	updates   *updates
	probation *probation
	agreed    handshakes

	following sync.Mutex // owns follows
	follows   following

	appearance *appearance.Keeper
	progress   progress.Keeper
	watched    *watch
	held       heldLevel
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
	db, err := store.Open(filepath.Join(s.Data, databaseFile), store.Options{Committed: seen.commits.Add, Reserve: reserved, GaveUp: a.whenFull(s.now)})
	if err != nil {
		return nil, err
	}
	a.onStop(func() {
		if err := db.Close(); err != nil {
			log.Error("database not closed", "error", err)
		}
	})
	a.db = db
	if err := db.Migrate(migrations()); err != nil {
		return nil, err
	}
	if _, err := db.Replenish(); err != nil {
		log.Error("nothing is held in reserve for a full disk", "error", err)
	}
	trail := audit.New(db)
	pepperText := bytes.Clone(s.pepper) // for backups, where no file holds it
	pepper, err := s.openPepper(db)
	if err != nil {
		return nil, err
	}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Pepper: pepper, Refusal: s.cost})
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
	if err := a.openDevices(trail, hasher); err != nil {
		return nil, err
	}
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
	a.updates = a.newUpdates(db, trail)
	given := make(chan struct{})
	a.onStop(func() { close(given) }) // also of a start that fails before there is anything to tend
	a.probation = newProbation(s.Data, a.running.Go, [2]<-chan struct{}{a.quit, given}, log)
	a.post = s.newPost(outbox.Options{DB: db, Audit: trail, Keys: hasher, Random: rand.Reader, Log: log.With("part", "mail")}, made.mail)
	a.post.signature = a.signature
	a.rooms, a.trail, a.canaries = meetings.NewRooms(db, trail, rand.Reader), trail, newCanaries()
	a.forwarder = &forwarding.Forwarder{DB: db, Audit: trail, Log: log.With("part", "forwarding"), Now: s.now}
	a.rooms.Most = func() int { return a.inForce().Limits.Rooms }
	if err := a.openDiary(db); err != nil {
		return nil, err
	}
	if a.hooks, err = s.newWebhooks(webhook.Options{DB: db, Audit: trail, Keys: hasher, Random: rand.Reader, Now: s.now, Log: log.With("part", "webhooks")}); err != nil {
		return nil, err
	}
	options := accounts.Options{MemberHash: s.cost, AdministratorHash: s.cost, Recorded: seen.recorded(a.post.recorded), CarryOut: a.rooms.CarryOut, Gone: a.gone, Kept: a.kept, Devices: devices.Kept, Delay: s.DeletionDelay}
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
	server.SetBudget(budgetOf(s.Limits))
	a.trials = &trials{server: server}
	a.hall = meetings.NewHall(meetings.HallOptions{Statements: statement.NewChecker(a.devices.Public()), Records: records{a.rooms, a.canaries}, Media: watchedPlane{plane{server}, seen, s.now}, Plane: plane{server}, Relay: lastWay{a.relay}, Audit: recorder{trail, seen, a.canaries}, Writable: db.Writable,
		Diary: a.diary, Calls: s.Limits.Calls, Now: s.now, Rand: rand.Reader, Log: log.With("part", "meetings"), Limits: s.limits()})
	said.to(a.hall)
	a.onStop(func() {
		a.hall.Close() // tells every member to come back to the next process
		a.diary.Close(s.now())
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
	a.onStop(a.endHeld)
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
		Accounts: a.accounts, Canary: a.canaries.participant, Audit: a.trail, Rooms: a.rooms, Hall: a.hall, Diary: a.diary, Status: a.status, Devices: a.devices, Hooks: a.hooks, Directory: a.followed(), Provider: a.made.Load().provider,
		ExportAudit: func(format audit.Format, from, to time.Time, e audit.Event) (audit.Part, error) {
			return auditor.BeginExport(a.trail, a.signer, format, from, to, e)
		},
		Settings: a.choices, Meeting: meetingui.Files(), Console: adminui.Files(), TestBuild: testBuild,
		Names: s.Hostnames, Addresses: s.Reachable, Base: s.base(a.port), Proxies: s.Trusts, StrictTransport: a.strictTransport, Certificates: a.tls, Passkeys: a.party(s), Proof: a.probes.proof, Trial: a.trials.answer, Relay: lastWay{a.relay},
		Post: a.post.link(), Undo: a.post.undo(), Invite: a.post.guest(), Code: a.post.code(), GuestLink: a.post.guestLink(), PostStatus: a.post.status, Forwarding: a.forwardingShown, Feed: a.feed, Observation: a.watched, Backups: consoleBackups{a.backups}, Updates: consoleUpdates{a.updates, a.busy},
		Appearance: a.appearance, Organisation: a.organisation, Progress: a.progress, Checks: a.checks(),
		Now: s.now, Rand: func(b []byte) { _, _ = rand.Read(b) }, // crypto/rand never fails (Go 1.24)
		Log: a.log.With("part", "web"), Mask: maskOf(s.FullAddresses), Logs: a.logbook(),
	}
	if !a.post.On() {
		c.Post, c.Undo, c.Invite, c.Code, c.GuestLink = nil, nil, nil, nil, nil
	}
	return c
}

func (a *Appliance) onStop(f func()) { a.stops = append(a.stops, f) }

// Stop ends everything: no new requests, members told to come back, media, sockets, and at last the database.
func (a *Appliance) Stop() {
	for i := len(a.stops) - 1; i >= 0; i-- {
		a.stops[i]()
	}
	a.stops = nil
	a.running.Wait()
}
