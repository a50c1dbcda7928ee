package install

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"huisclos/appliance/update"
)

// crash is the end of the process in the middle: what stands on the disk stays.
type crash struct{ at string }

// host is a machine of a test. A package's content is "VERSION DATABASE", and perhaps how it is sick. Started, a version brings the
// database up to its number, and refuses one that is newer, as the appliance does.
type host struct {
	t         *testing.T
	data      string
	installed string
	running   bool
	free      uint64
	busy      bool
	fails     string // the act that fails
	falls     string // the act in which the process ends, "-" in front: before it did anything
	did       []string
	people    int // how many were let in while a version was tried
}

func (h *host) act(name string, do func() error) error {
	h.did = append(h.did, name)
	if h.falls == "-"+name {
		h.falls = ""
		panic(crash{"before " + name})
	}
	if h.fails == name {
		return errors.New("the test has " + name + " fail")
	}
	err := do()
	if h.falls == name {
		h.falls = ""
		panic(crash{"after " + name})
	}
	return err
}

func (h *host) Installed(context.Context) (version, architecture string, err error) {
	return strings.Fields(h.installed)[0], "amd64", nil
}
func (h *host) Lock(context.Context) (func(), error) {
	if h.busy {
		return nil, ErrBusy
	}
	return func() {}, nil
}
func (h *host) Free(string) (octets, disk uint64, err error) { return h.free, 1, nil }
func (h *host) Keep(_ context.Context, file string) error {
	return h.act("keep", func() error { return os.WriteFile(file, []byte(h.installed), 0o600) })
}
func (h *host) Check(_ context.Context, file string, u update.Header) error {
	b, err := os.ReadFile(file)
	if err == nil && !strings.HasPrefix(string(b), u.Version+" ") {
		err = errors.New("another version")
	}
	return err
}
func (h *host) Stop(context.Context) error {
	return h.act("stop", func() error { h.running = false; return nil })
}
func (h *host) Install(_ context.Context, file string) error {
	return h.act("install", func() error {
		b, err := os.ReadFile(file)
		if err == nil {
			h.installed = string(b)
		}
		return err
	})
}
func (h *host) Start(context.Context) error { return h.act("start", h.start) }

func (h *host) start() error {
	version, number, sick := h.parts()
	text, err := os.ReadFile(filepath.Join(h.data, update.Database))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var has int
	_, _ = fmt.Sscanf(string(text), "%d", &has)
	if has > number {
		h.running = false
		return fmt.Errorf("the database is newer (%d) than %s knows (%d)", has, version, number)
	}
	_, records, _ := strings.Cut(string(text), "\n")
	if sick == "eats" {
		records = ""
	}
	if err := errors.Join(os.WriteFile(filepath.Join(h.data, update.Database), fmt.Appendf(nil, "%d\n%s", number, records), 0o600),
		os.WriteFile(filepath.Join(h.data, update.VersionFile), fmt.Append(nil, number), 0o600)); err != nil {
		return err
	}
	h.running = sick != "dies" && sick != "eats"
	return nil
}

func (h *host) parts() (version string, number int, sick string) {
	if _, err := fmt.Sscanf(h.installed, "%s %d %s", &version, &number, &sick); err != nil && version == "" {
		h.t.Fatal(err)
	}
	return version, number, sick
}

func (h *host) Health(context.Context) (version string, ready bool, err error) {
	version, _, sick := h.parts()
	if !h.running {
		return "", false, errors.New("nobody answers")
	}
	// Meanwhile somebody would like to come in.
	if _, err := os.Stat(filepath.Join(h.data, update.Folder, update.TrialFile)); err != nil {
		h.people++
	}
	return version, sick != "unready", nil
}

// place is an appliance of a test, with version 0.2.0 and database 23.
type place struct {
	*host
	*Updater
	t   *testing.T
	key ed25519.PrivateKey
	now time.Time
}

const records = "accounts, rooms, the audit log"

func newPlace(t *testing.T) *place {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, key: private, now: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)}
	p.host = &host{t: t, data: t.TempDir(), installed: "0.2.0 23", free: 1 << 40}
	p.Updater = &Updater{Home: filepath.Join(t.TempDir(), "home"), Data: p.data, Machine: p.host, Console: true, Ready: time.Minute, Steady: 5 * time.Second, Log: slog.New(slog.DiscardHandler),
		Keys: func() ([]update.Key, error) { return []update.Key{{Name: "release.pem", Public: public}}, nil },
		Now:  func() time.Time { return p.now }, Pause: func(_ context.Context, d time.Duration) { p.now = p.now.Add(d) }}
	if err := errors.Join(os.MkdirAll(p.Home, 0o700), os.MkdirAll(filepath.Join(p.data, update.Folder), 0o700), os.WriteFile(filepath.Join(p.data, update.Database), []byte("23\n"+records), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *place) put(path string, content []byte) {
	p.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// bundle is an update to content.
func (p *place) bundle(content string) []byte {
	p.t.Helper()
	h := update.Header{Architecture: "amd64", FromDatabase: 20}
	if _, err := fmt.Sscanf(content, "%s %d", &h.Version, &h.Database); err != nil {
		p.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := update.Write(&b, h, strings.NewReader(content), p.key); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

// ask puts a request where the command line puts it, or where the service does.
func (p *place) ask(console bool, r update.Request, bundle []byte) {
	p.t.Helper()
	folder := p.Home
	if console {
		folder = filepath.Join(p.data, update.Folder)
	}
	r.ID = update.NewID()
	if bundle != nil {
		p.put(filepath.Join(folder, update.BundleFile), bundle)
		if r.SHA256 == "" {
			sum := sha256.Sum256(bundle)
			r.SHA256 = hex.EncodeToString(sum[:])
		}
	}
	text, err := json.Marshal(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.put(filepath.Join(folder, update.RequestFile), text)
}

func (p *place) apply(content string) {
	p.ask(false, update.Request{Act: update.Apply, By: "operator"}, p.bundle(content))
}

// once runs root's part once; false: the process ended in the middle.
func (p *place) once() (list []update.Outcome, whole bool) {
	p.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(crash); !ok {
				panic(r)
			}
		}
	}()
	list, err := p.Run(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return list, true
}

// one is the one outcome of a run.
func (p *place) one() update.Outcome {
	p.t.Helper()
	list, whole := p.once()
	if !whole || len(list) != 1 {
		p.t.Fatalf("%v %v", list, whole)
	}
	return list[0]
}

// is holds what has to be true after every end: the version runs with its database, all records are in it, and nothing is left lying about.
func (p *place) is(installed string) {
	p.t.Helper()
	if p.installed != installed || !p.running {
		p.t.Fatalf("%q is installed, running: %v; want %q", p.installed, p.running, installed)
	}
	_, number, _ := p.parts()
	text, err := os.ReadFile(filepath.Join(p.data, update.Database))
	if err != nil || string(text) != fmt.Sprintf("%d\n%s", number, records) {
		p.t.Fatalf("database: %q %v", text, err)
	}
	for _, name := range []string{update.TrialFile, update.RequestFile} {
		if _, err := os.Lstat(filepath.Join(p.data, update.Folder, name)); err == nil {
			p.t.Fatalf("%s is left", name)
		}
	}
	for _, name := range []string{update.JournalFile, update.RequestFile, newBundle, newPackage, keptPackage, keptData} {
		if _, err := os.Lstat(p.at(name)); err == nil {
			p.t.Fatalf("%s is left", name)
		}
	}
}

func (p *place) want(o update.Outcome, r update.Result, c update.Cause) {
	p.t.Helper()
	if o.Result != r || o.Cause != c {
		p.t.Fatalf("%+v, want %s %s", o, r, c)
	}
	var told update.Outcome
	text, err := os.ReadFile(filepath.Join(p.data, update.Folder, update.OutcomeFile))
	if err != nil || json.Unmarshal(text, &told) != nil || told.ID != o.ID || told.Result != o.Result {
		p.t.Fatalf("the service is told %s, %v", text, err)
	}
}

func TestApplyAndRollback(t *testing.T) {
	p := newPlace(t)
	p.apply("0.3.0 24")
	p.want(p.one(), update.Applied, "")
	p.is("0.3.0 24")
	if want := []string{"keep", "stop", "install", "start"}; !slices.Equal(p.did, want) || p.people != 0 {
		t.Fatalf("%v, %d people", p.did, p.people)
	}
	// Back without the database is not possible: the former version can't read it.
	p.ask(true, update.Request{Act: update.Rollback, By: "a"}, nil)
	p.want(p.one(), update.Refused, update.NeedsData)
	p.is("0.3.0 24")
	p.ask(true, update.Request{Act: update.Rollback, By: "a", Data: true}, nil)
	o := p.one()
	p.want(o, update.RolledBack, "")
	p.is("0.2.0 23")
	if !o.Data || o.From != "0.3.0" || o.To != "0.2.0" {
		t.Fatalf("%+v", o)
	}
	if text, err := os.ReadFile(p.at(replacedData)); err != nil || !strings.HasPrefix(string(text), "24\n") {
		t.Fatalf("the database that was given up: %q %v", text, err)
	}
	// There is one way back, and it was gone.
	p.ask(false, update.Request{Act: update.Rollback}, nil)
	p.want(p.one(), update.Refused, update.NoFormer)
	p.is("0.2.0 23")
}

// TestRollbackKeepsData: where the former version reads the database of now, nothing that was done since is given up.
func TestRollbackKeepsData(t *testing.T) {
	p := newPlace(t)
	p.apply("0.2.1 23")
	p.want(p.one(), update.Applied, "")
	p.ask(false, update.Request{Act: update.Rollback}, nil)
	o := p.one()
	p.want(o, update.RolledBack, "")
	if o.Data {
		t.Fatal("the database came back")
	}
	p.is("0.2.0 23")
}

// TestSick: a version that does not do is given up, with whatever it has made of the database, and nobody was let in meanwhile.
func TestSick(t *testing.T) {
	for _, sick := range []string{"dies", "unready", "eats"} {
		t.Run(sick, func(t *testing.T) {
			p := newPlace(t)
			p.ask(true, update.Request{Act: update.Apply, By: "a"}, p.bundle("0.3.0 24 "+sick))
			o := p.one()
			p.want(o, update.RolledBack, update.NotHealthy)
			p.is("0.2.0 23")
			if o.Detail == "" || o.Stopped <= 0 || p.people != 0 {
				t.Fatalf("%+v, %d people", o, p.people)
			}
			if _, err := os.Stat(p.at(failedData)); err != nil {
				t.Error("the failed database is not kept")
			}
			if _, err := os.Stat(p.at(update.FormerFile)); err == nil {
				t.Error("there is a way back to what is there")
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*place)
		result update.Result
		cause  update.Cause
	}{
		{"closed", func(p *place) { p.Console = false }, update.Refused, update.Closed},
		{"busy", func(p *place) { p.busy = true }, update.Refused, update.Busy},
		{"full", func(p *place) { p.free = spare }, update.Refused, update.NoSpace},
		{"no keys", func(p *place) { p.Keys = func() ([]update.Key, error) { return nil, nil } }, update.Refused, "no-keys"},
		{"open keys", func(p *place) { p.Keys = func() ([]update.Key, error) { return nil, errors.New("mode") } }, update.Refused, "no-keys"},
		{"not kept", func(p *place) { p.fails = "keep" }, update.Refused, update.NotKept},
		{"newer data", func(p *place) { p.put(filepath.Join(p.data, update.VersionFile), []byte("25")) }, update.Refused, "below-data"},
		{"older data", func(p *place) { p.put(filepath.Join(p.data, update.VersionFile), []byte("19")) }, update.Refused, "step-missing"},
		{"same version", func(p *place) { p.installed = "0.3.0 23" }, update.Refused, "older"},
		{"newer version", func(p *place) { p.installed = "0.3.1 23" }, update.Refused, "older"},
		{"altered", func(p *place) {
			path := filepath.Join(p.data, update.Folder, update.BundleFile)
			b := p.bundle("0.3.0 24")
			b[len(b)-1] ^= 1
			p.put(path, b)
			p.asked(path)
		}, update.Refused, "signature"},
		{"another file", func(p *place) { p.put(filepath.Join(p.data, update.Folder, update.BundleFile), p.bundle("0.4.0 24")) }, update.Refused, update.Changed},
		{"no file", func(p *place) { _ = os.Remove(filepath.Join(p.data, update.Folder, update.BundleFile)) }, update.Refused, update.NoRequest},
		{"a link", func(p *place) {
			path := filepath.Join(p.data, update.Folder, update.BundleFile)
			if err := errors.Join(os.Rename(path, path+"2"), os.Link(path+"2", path)); err != nil {
				p.t.Fatal(err)
			}
		}, update.Refused, update.NoRequest},
		{"a pipe", func(p *place) {
			path := filepath.Join(p.data, update.Folder, update.BundleFile)
			if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
				p.t.Fatal(err)
			}
		}, update.Refused, update.NoRequest},
		{"a way out", func(p *place) {
			path, far := filepath.Join(p.data, update.Folder, update.BundleFile), filepath.Join(p.t.TempDir(), "x")
			if err := errors.Join(os.Rename(path, far), os.Symlink(far, path)); err != nil {
				p.t.Fatal(err)
			}
		}, update.Refused, update.NoRequest},
		{"not installed", func(p *place) { p.fails = "install" }, update.Stuck, update.NotPlaced},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			p.ask(true, update.Request{Act: update.Apply, By: "a"}, p.bundle("0.3.0 24"))
			c.before(p)
			o := p.one()
			p.want(o, c.result, c.cause)
			if c.result == update.Refused && (!p.running || slices.Contains(p.did, "install")) {
				t.Fatalf("%v", p.did)
			}
			if _, err := os.Stat(p.at(update.JournalFile)); err == nil {
				t.Fatal("a journal is left")
			}
		})
	}
}

// asked writes the request anew for the file that is there.
func (p *place) asked(path string) {
	p.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.ask(true, update.Request{Act: update.Apply, By: "a"}, b)
}

// TestInstallFailsOnce: the package that can't be installed is given up.
func TestInstallFailsOnce(t *testing.T) {
	p := newPlace(t)
	p.apply("0.3.0 24")
	p.fails = "install"
	p.reached = func(s step) {
		if s == reverting {
			p.fails = ""
		}
	}
	p.want(p.one(), update.RolledBack, update.NotPlaced)
	p.is("0.2.0 23")
}

// TestStuck: where the former version doesn't run either, everything stays for somebody's hands, and no later run puts an old database
// over what they mend.
func TestStuck(t *testing.T) {
	p := newPlace(t)
	p.apply("0.3.0 24")
	p.fails = "install"
	o := p.one()
	p.want(o, update.Stuck, update.NotPlaced)
	for name, want := range map[string]string{stuckPackage: "0.2.0 23", stuckData: "23\n" + records} {
		if text, err := os.ReadFile(p.at(name)); err != nil || string(text) != want {
			t.Errorf("%s: %q %v", name, text, err)
		}
	}
	p.fails = ""
	if list, _ := p.once(); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
}

// TestInterrupted: wherever root's part ends in the middle, also while it puts things back, the next run leads to a version that runs
// with its database and all its records.
func TestInterrupted(t *testing.T) {
	steps := []step{taken, keeping, stopping, saved, placing, trying, finishing, reverting}
	for _, content := range []string{"0.3.0 24", "0.3.0 24 dies"} {
		for _, s := range steps {
			t.Run(content+" at "+string(s), func(t *testing.T) { interrupted(t, content, s, "") })
		}
		for _, act := range []string{"keep", "stop", "install", "start"} {
			for _, before := range []string{"-", ""} {
				t.Run(content+" in "+before+act, func(t *testing.T) { interrupted(t, content, "", before+act) })
				t.Run(content+" reverting in "+before+act, func(t *testing.T) { interrupted(t, content, trying, before+act) })
			}
		}
	}
}

func interrupted(t *testing.T, content string, at step, in string) {
	p := newPlace(t)
	p.apply(content)
	p.falls = in
	fallen := at == "" || in != ""
	if at != "" && in != "" { // ends at the step, and then once more in the act that puts back
		p.falls = ""
	}
	if at != "" {
		p.reached = func(s step) {
			if s == at {
				p.reached = nil
				panic(crash{string(s)})
			}
		}
	}
	var list []update.Outcome
	whole := false
	for range 4 {
		var some []update.Outcome
		if some, whole = p.once(); whole {
			list = append(list, some...)
			break
		}
		if at != "" && in != "" && fallen {
			p.falls, fallen = in, false
		}
	}
	if !whole {
		t.Fatal("it never ends")
	}
	if p.installed == "0.3.0 24" {
		p.is("0.3.0 24")
	} else {
		p.is("0.2.0 23")
	}
	// Said once; after an end at "finishing" by the run that finished.
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	if applied := list[0].Result == update.Applied; applied != (p.installed == "0.3.0 24") {
		t.Fatalf("%+v, and %s is installed", list[0], p.installed)
	}
	if p.people != 0 {
		t.Fatal("somebody was let in while a version was tried")
	}
}

// TestStopped: a machine that shuts down in the middle is no reason to go back at once: the next start does.
func TestStopped(t *testing.T) {
	p := newPlace(t)
	p.apply("0.3.0 24 dies")
	ctx, cancel := context.WithCancel(t.Context())
	p.Pause = func(context.Context, time.Duration) { cancel() }
	if _, err := p.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	p.Pause = func(_ context.Context, d time.Duration) { p.now = p.now.Add(d) }
	p.want(p.one(), update.RolledBack, update.Interrupted)
	p.is("0.2.0 23")
}

// TestLetIn: a version that root's part left on trial, and that let people in after a while, stays: what they did is not given up.
func TestLetIn(t *testing.T) {
	p := newPlace(t)
	p.apply("0.3.0 24")
	p.reached = func(s step) {
		if s == trying {
			p.reached = nil
			panic(crash{string(s)})
		}
	}
	if _, whole := p.once(); whole {
		t.Fatal("it did not end in the middle")
	}
	if err := errors.Join(p.start(), os.Remove(filepath.Join(p.data, update.Folder, update.TrialFile))); err != nil {
		t.Fatal(err)
	}
	p.want(p.one(), update.Applied, "")
	p.is("0.3.0 24")
}

// TestForeignRequests: what a compromised service writes leads to nothing, and no request is left that would start root's part again.
func TestForeignRequests(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "no JSON": "x", "an id": `{"id":"../../x","act":"rollback"}`, "an act": `{"id":"00000000000000000000000000000000","act":"format"}`,
		"no sum": `{"id":"00000000000000000000000000000000","act":"apply"}`, "large": strings.Repeat(" ", 1<<17)} {
		p := newPlace(t)
		p.put(filepath.Join(p.data, update.Folder, update.RequestFile), []byte(text))
		if list, whole := p.once(); !whole || len(list) != 0 {
			t.Errorf("%s: %+v", name, list)
		}
		p.is("0.2.0 23")
	}
	p := newPlace(t)
	if err := os.MkdirAll(filepath.Join(p.data, update.Folder, update.RequestFile, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if list, whole := p.once(); !whole || len(list) != 0 {
		t.Errorf("a folder: %+v", list)
	}
	p.is("0.2.0 23")
	// A database that is a link to what the service may not read is not copied.
	p = newPlace(t)
	shadow := filepath.Join(p.Home, "shadow")
	p.put(shadow, []byte("root's"))
	if err := errors.Join(os.Remove(filepath.Join(p.data, update.Database)), os.Link(shadow, filepath.Join(p.data, update.Database))); err != nil {
		t.Fatal(err)
	}
	p.apply("0.3.0 24")
	if o := p.one(); o.Result != update.Refused || o.Cause != update.NotKept {
		t.Fatalf("%+v", o)
	}
	if _, err := os.Stat(p.at(keptData)); err == nil {
		t.Fatal("it was copied")
	}
}

// TestFirstStart: an appliance that was never started has no database to keep.
func TestFirstStart(t *testing.T) {
	p := newPlace(t)
	if err := errors.Join(os.Remove(filepath.Join(p.data, update.Database)), os.Remove(filepath.Join(p.data, update.VersionFile))); err != nil {
		t.Fatal(err)
	}
	p.apply("0.3.0 24 dies")
	p.want(p.one(), update.RolledBack, update.NotHealthy)
	if p.installed != "0.2.0 23" || !p.running {
		t.Fatalf("%s %v", p.installed, p.running)
	}
}
