package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	"huisclos/accounts/passkey"
	"huisclos/appliance/appearance"
	"huisclos/appliance/choices"
	"huisclos/appliance/config"
	"huisclos/appliance/progress"
	"huisclos/appliance/webhook"
	"huisclos/audit"
	"huisclos/crypto/mls"
	"huisclos/crypto/passhash"
	"huisclos/hardening"
	"huisclos/meetings"
	"huisclos/store"
)

// A house is a whole server on loopback with real TLS, real accounts and rooms, and a clock of its own.
type house struct {
	settings *choices.Settings
	t        testing.TB
	server   *Server
	tls      *httptest.Server
	accounts *accounts.Accounts
	audit    *audit.Log
	rooms    *meetings.Rooms
	hall     *meetings.Hall
	diary    *meetings.Diary
	hooks    *webhook.Hooks
	log      *logbook
	db       *store.DB

	mu  sync.Mutex
	now time.Time

	// member and other are organisers.
	administrator, member, other accounts.Account

	phones map[string]*phone // by address
	mails  []string          // to, and what counts of it: a link or a code
}

const (
	adminPassphrase  = "quinze lapins sous la lune"
	memberPassphrase = "douze renards au soleil"
	otherPassphrase  = "onze hiboux dans le vent"
)

// noRelay stands for the relay: it names who asked.
type noRelay struct{}

func (noRelay) Credential(_ mls.AccountID, session string, now time.Time) (username, password string, expires time.Time) {
	return "for " + session, "password", now.Add(time.Hour)
}
func (noRelay) Revoke(mls.AccountID, time.Time, ...string) {}

// trial stands for the media plane.
func (h *house) trial(_ context.Context, via netip.Addr, offer, mid string) (string, error) {
	switch {
	case offer == "full":
		return "", ErrTrials
	case offer == "" || mid == "":
		return "", errors.New("no offer")
	}
	return "answer to " + offer + " via " + via.String(), nil
}

// mail stands for the outbox.
func (h *house) mail(to, text string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.mails = append(h.mails, to+" "+text)
	return nil
}

// lastMail is what counts of the latest mail to an address.
func (h *house) lastMail(to string) string {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.mails) - 1; i >= 0; i-- {
		if text, ok := strings.CutPrefix(h.mails[i], to+" "); ok {
			return text
		}
	}
	h.t.Fatalf("no mail to %s", to)
	return ""
}

// logbook keeps what was logged, to be searched for what must not be there.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func emptyHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), log: &logbook{}}
	db, err := store.Open(filepath.Join(t.TempDir(), "huisclos.db"), store.Options{})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	must(t, db.Migrate(append([]store.Migration{
		{Version: 1, Name: "audit", Run: audit.CreateAll}, {Version: 2, Name: "rooms", Run: meetings.CreateBuckets}, {Version: 3, Name: "profiles", Run: meetings.CreateProfiles},
		{Version: 4, Name: "rules of rooms", Run: meetings.AddRules}, {Version: 5, Name: "planned meetings", Run: meetings.AddSchedules},
		{Version: 6, Name: "metrics", Run: createWatch}, {Version: 7, Name: "appearance", Run: appearance.CreateBuckets}, {Version: 8, Name: "progress", Run: progress.CreateBuckets},
		{Version: 9, Name: "settings of the console", Run: choices.CreateBuckets},
		{Version: 10, Name: "webhooks", Run: webhook.CreateBuckets}, {Version: 11, Name: "history of calls", Run: meetings.AddHistory},
		{Version: 12, Name: "key log of devices", Run: devices.CreateBuckets},
	}, accounts.Migrations(13)...)))
	h.audit, h.db = audit.New(db), db
	h.rooms = meetings.NewRooms(db, h.audit, rand.Reader)
	cheap := passhash.Params{Memory: 8, Time: 1, Threads: 1}
	hasher, err := passhash.New(passhash.Options{Random: rand.Reader, Refusal: cheap})
	must(t, err)
	h.accounts, err = accounts.New(db, h.audit, hasher, rand.Reader, accounts.Options{MemberHash: cheap, AdministratorHash: cheap, MemberSession: longSession, AdministratorLogin: longSession, ConsoleIdle: 8 * time.Hour, CarryOut: h.rooms.CarryOut,
		Gone: func(tx *store.Tx, account accounts.ID, actor string, now time.Time) (func(), error) {
			gone, err := h.rooms.Forget(tx, account, actor, now)
			return func() {
				for _, room := range gone {
					h.hall.Deleted(room)
				}
			}, err
		},
		Kept: func(tx *store.Tx, account accounts.ID) (any, error) { return h.rooms.Kept(tx, account) }, Devices: devices.Kept})
	must(t, err)
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.diary, err = meetings.OpenDiary(meetings.DiaryOptions{DB: db, Keep: func() time.Duration { return h.settings.InForce().CallHistory }, Log: logger})
	must(t, err)
	h.hall = meetings.NewHall(meetings.HallOptions{Records: h.rooms, Media: noMedia{}, Plane: noMedia{}, Audit: h.audit, Diary: h.diary, Now: h.clock, Log: logger})
	t.Cleanup(func() {
		h.hall.Close()
		h.diary.Close(h.now)
	})
	h.settings, err = choices.Open(choices.Options{DB: db, Audit: h.audit, Keys: hasher, Random: rand.Reader, Log: logger, Sources: config.From(config.Defaults())}, h.now)
	must(t, err)
	party, err := passkey.New("visio.example.org", "Huis Clos", rand.Reader)
	must(t, err)
	h.hooks = webhook.New(webhook.Options{DB: db, Audit: h.audit, Keys: hasher, Random: rand.Reader, Now: h.clock, Log: logger, Open: true,
		Dial: func(context.Context, string, int) (net.Conn, error) { return nil, errors.New("nobody is there") }})
	log, err := devices.Open(db, h.audit, hasher, rand.Reader, h.now)
	must(t, err)
	look, err := appearance.Open(db, h.audit)
	must(t, err)
	h.server, err = New(Config{
		Appearance: look, Organisation: func() string { return "Mairie" }, Progress: progress.Keeper{DB: db}, Checks: map[string]func(context.Context, string) hardening.Report{
			"mail": func(_ context.Context, to string) hardening.Report {
				return hardening.Report{{Name: "mail-connect", State: hardening.OK, Detail: hardening.Text{FR: "joint: " + to, EN: "reached: " + to}}}
			}},
		Hooks:    h.hooks,
		Devices:  log,
		Accounts: h.accounts, Audit: h.audit, Rooms: h.rooms, Hall: h.hall, Diary: h.diary,
		ExportAudit: func(format audit.Format, from, to time.Time, e audit.Event) (audit.Part, error) {
			return h.audit.Begin(t.Context(), format, from, to)
		},
		Status: func() Status {
			return Status{Version: "test", Started: h.now, Fingerprint: "AB:CD", Address: "https://localhost"}
		},
		Settings: h.settings, Certificates: newCabinet(t, h.now),
		Meeting: builtClient("/"), Console: builtClient("/console/"),
		Passkeys: party,
		Names:    []string{"visio.example.org"}, Addresses: func() []netip.Addr { return nil },
		Now: h.clock, Rand: func(b []byte) { _, _ = rand.Read(b) }, Log: logger,
		Mask:   func(a netip.Addr) string { return "masked" },
		Trial:  h.trial,
		Invite: func(_ *store.Tx, l accounts.Letter, _, url, _ string, _ time.Time) error { return h.mail(l.To, url) },
		GuestLink: func(_ *store.Tx, to, _ accounts.Account, url, _ string, _, _ time.Time) error {
			return h.mail(to.Email, url)
		},
		Code: func(_ *store.Tx, to string, code accounts.Token, _ time.Time, _ string, _ time.Time) error {
			return h.mail(to, code.Reveal())
		},
		Undo:  func(_ *store.Tx, u accounts.Undo, url string, _ time.Time) error { return h.mail(u.To.Email, url) },
		Relay: noRelay{}, Backups: noBackups{}, Updates: noUpdates{}, Observation: h.watch(), Logs: newSomeLogs(h),
		Forwarding: func() (ForwardingStatus, error) {
			return ForwardingStatus{On: true, Collector: "logs.example.org:6514", Sequence: 12, Confirmed: h.now, Waiting: 3, Failing: h.now, StepFR: "fr", StepEN: "en", LastWord: "refused"}, nil
		},
		Feed: func(a accounts.Account, base string, _ time.Time) ([]byte, error) {
			return []byte("calendar of " + a.Email + " at " + base), nil
		},
	})
	must(t, err)
	h.server.observe = seen.see
	h.tls = httptest.NewUnstartedServer(seen.watch(h.server))
	h.tls.EnableHTTP2 = false
	h.tls.StartTLS()
	t.Cleanup(h.tls.Close)
	return h
}

// newHouse has an administrator, with a second factor, and two organisers.
func newHouse(t testing.TB) *house {
	t.Helper()
	h := emptyHouse(t)
	code, needed, err := h.accounts.SetupCode(h.now)
	must(t, err)
	if !needed {
		t.Fatal("no set-up code")
	}
	here := accounts.Client{Address: netip.MustParseAddr("192.0.2.200")}
	h.administrator, _, err = h.accounts.Setup(context.Background(), code.Reveal(), "Ada Admin", "ada@example.org", adminPassphrase, here, h.now)
	must(t, err)
	h.giveFactor(h.administrator, adminPassphrase)
	h.member = h.newAccount("Marie Membre", "marie@example.org", memberPassphrase, accounts.Organiser)
	h.other = h.newAccount("Omar Autre", "omar@example.org", otherPassphrase, accounts.Organiser)
	return h
}

// newAccount is one that is active.
func (h *house) newAccount(name, email, passphrase string, role accounts.Role) accounts.Account {
	h.t.Helper()
	here := accounts.Client{Address: netip.MustParseAddr("192.0.2.200")}
	actor := accounts.Actor{Account: h.administrator.ID, Client: here.Address, Proved: h.clock()}
	_, activation, err := h.accounts.Create(actor, name, email, role, h.clock())
	must(h.t, err)
	a, _, err := h.accounts.Activate(context.Background(), activation.Token.Reveal(), passphrase, here, h.clock())
	must(h.t, err)
	return a
}

func (h *house) actor() accounts.Actor {
	return accounts.Actor{Account: h.administrator.ID, Client: netip.MustParseAddr("192.0.2.200")}
}

// builtClient is what build.mjs writes, in small.
func builtClient(prefix string) fstest.MapFS {
	files := map[string]string{
		"index.html":                 "<!doctype html><title>Huis Clos</title>",
		"assets/main-0123456789.js":  "console.warn(1)",
		"assets/main-0123456789.css": "body{margin:0}",
	}
	policies := map[string]string{}
	if prefix == "/" {
		files["w/frame-0123456789.js"], policies["w/frame-0123456789.js"] = "onmessage=null", "frame"
		files["w/mls-0123456789.js"], policies["w/mls-0123456789.js"] = "onmessage=1", "mls"
		files["w/mls-0123456789.wasm"] = "\x00asm"
	}
	m := manifest{Document: "index.html", Style: prefix + "assets/main-0123456789.css", Files: map[string]manifestFile{}}
	out := fstest.MapFS{}
	for name, data := range files {
		sum := sha256.Sum256([]byte(data))
		m.Files[name] = manifestFile{SHA256: hex.EncodeToString(sum[:]), Policy: policies[name]}
		out[name] = &fstest.MapFile{Data: []byte(data)}
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic("a manifest is always JSON: " + err.Error())
	}
	out["manifest.json"] = &fstest.MapFile{Data: text}
	return out
}

// A browser keeps cookies and the CSRF token as a page of ours would.
type browser struct {
	h      *house
	client *http.Client
	csrf   string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	client := &http.Client{Jar: jar, Transport: h.tls.Client().Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &browser{h: h, client: client}
}

// signedIn is a browser of somebody who has signed in.
func (h *house) signedIn(email, passphrase string) *browser {
	h.t.Helper()
	b := h.browser()
	b.token()
	form := map[string]string{"email": email, "passphrase": passphrase}
	if h.phones[email] != nil {
		form["code"] = h.code(email)
	}
	if a := b.do("POST", "/api/login", form); a.status != http.StatusOK {
		h.t.Fatalf("sign-in of %s: %d %s", email, a.status, a.body)
	}
	b.token()
	return b
}

func (h *house) asAdministrator() *browser { return h.signedIn("ada@example.org", adminPassphrase) }
func (h *house) asMember() *browser        { return h.signedIn("marie@example.org", memberPassphrase) }
func (h *house) asOther() *browser         { return h.signedIn("omar@example.org", otherPassphrase) }

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(a.body, &m); err != nil {
		t.Fatalf("answer %d is no JSON object: %q", a.status, a.body)
	}
	return m
}

func (a answer) code(t testing.TB) string {
	t.Helper()
	e, _ := a.json(t)["error"].(map[string]any)
	c, _ := e["code"].(string)
	return c
}

func (b *browser) token() {
	b.h.t.Helper()
	b.csrf, _ = b.do("GET", "/api/me", nil).json(b.h.t)["csrf"].(string)
}

// request is what a page of ours would send; change may alter it.
func (b *browser) request(method, path string, body any) *http.Request {
	b.h.t.Helper()
	var r io.Reader
	switch body := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(body)
	default:
		data, err := json.Marshal(body)
		must(b.h.t, err)
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequest(method, b.h.tls.URL+path, r)
	must(b.h.t, err)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if strings.HasSuffix(path, "/signal") || strings.HasSuffix(path, "/echo") {
		req.Header.Set("Origin", b.h.tls.URL) // as browsers do for WebSocket
	}
	if method != http.MethodGet && method != http.MethodHead {
		req.Header.Set("Origin", b.h.tls.URL)
		req.Header.Set(csrfHeader, b.csrf)
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func (b *browser) send(req *http.Request) answer {
	b.h.t.Helper()
	res, err := b.client.Do(req)
	must(b.h.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(b.h.t, err)
	return answer{res.StatusCode, res.Header, data}
}

func (b *browser) do(method, path string, body any) answer {
	b.h.t.Helper()
	return b.send(b.request(method, path, body))
}

func (b *browser) cookies() map[string]string {
	u, err := url.Parse(b.h.tls.URL)
	must(b.h.t, err)
	out := map[string]string{}
	for _, c := range b.client.Jar.Cookies(u) {
		out[c.Name] = c.Value
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect asserts a status and, for refusals of the API, the code.
func expect(t *testing.T, what string, a answer, status int, wanted string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: %d %s, want %d", what, a.status, strings.TrimSpace(string(a.body)), status)
		return
	}
	if wanted != "" {
		if got := a.code(t); got != wanted {
			t.Errorf("%s: code %q, want %q", what, got, wanted)
		}
	}
}

// noMedia is a media plane in which nobody has a camera.
type noMedia struct{}

func (noMedia) Open(meetings.CallID, uint64)                                       {}
func (noMedia) SetEpoch(meetings.CallID, uint64, time.Time)                        {}
func (noMedia) CloseCall(meetings.CallID)                                          {}
func (noMedia) Admit(meetings.CallID, meetings.PeerID, mls.LeafIndex)              {}
func (noMedia) Cut(meetings.CallID, meetings.PeerID)                               {}
func (noMedia) Busy() bool                                                         { return false }
func (noMedia) Stats(meetings.CallID) meetings.MediaStats                          { return meetings.MediaStats{} }
func (noMedia) Subscribe(meetings.CallID, meetings.PeerID, netip.Addr, bool) error { return nil }
func (noMedia) Answer(meetings.CallID, meetings.PeerID, string) error              { return nil }
func (noMedia) Wants(meetings.CallID, meetings.PeerID, []meetings.Want) error      { return nil }
func (noMedia) RestartSubscriber(meetings.CallID, meetings.PeerID) error           { return nil }
func (noMedia) Publish(context.Context, meetings.CallID, meetings.PeerID, netip.Addr, string, []meetings.Stream) (string, error) {
	return "", nil
}
