package appliance

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"huisclos/appliance/update"
	"huisclos/appliance/web"
	"huisclos/audit"
)

// updateKey puts a public key where the settings say, and returns the private one.
func updateKey(t *testing.T, folder string) ed25519.PrivateKey {
	t.Helper()
	public, private, err := update.MakeKey(rand.Reader)
	must(t, err)
	must(t, os.MkdirAll(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "test.pem"), public, 0o644))
	key, err := update.ParsePrivateKey(private)
	must(t, err)
	return key
}

func updateFile(t *testing.T, key ed25519.PrivateKey, version string, database int) []byte {
	t.Helper()
	var b bytes.Buffer
	h := update.Header{Version: version, Architecture: runtime.GOARCH, Database: database, FromDatabase: 1, Made: time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC), French: "Notes.", English: "Notes."}
	must(t, update.Write(&b, h, strings.NewReader("a package"), key))
	return b.Bytes()
}

// TestUpdateIsAsked: what comes in is looked at, what is asked for is recorded before root's part is told, and what that one says is recorded
// once. Where nobody takes the request up, it is taken back, and said.
func TestUpdateIsAsked(t *testing.T) {
	s := testSettings(t)
	var hand atomic.Pointer[time.Time]
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	move := func(by time.Duration) { now = now.Add(by); n := now; hand.Store(&n) }
	move(0)
	s.now = func() time.Time { return *hand.Load() }
	s.Update.Console, s.Update.Keys, s.Update.Source = true, filepath.Join(t.TempDir(), "keys"), t.TempDir()
	key := updateKey(t, s.Update.Keys)
	a, _ := start(t, s)
	u, from := consoleUpdates{a.updates, a.busy}, netip.MustParseAddr("192.0.2.7")
	view := func() web.UpdatesView {
		t.Helper()
		v, err := u.View(now)
		must(t, err)
		return v
	}
	last := func(action audit.Action) audit.Entry {
		t.Helper()
		e := lastEntry(t, a.trail)
		if e.Action != action {
			t.Fatalf("%+v, want %s", e, action)
		}
		return e
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	good := updateFile(t, key, "99.0.0", 999)
	altered := bytes.Clone(good)
	altered[len(altered)-1] ^= 1
	for reason, file := range map[update.Reason][]byte{update.NotABundle: bytes.Repeat([]byte("x"), 200), update.Unsigned: altered, update.Older: updateFile(t, key, Version, 999), update.BelowData: updateFile(t, key, "99.0.0", 1)} {
		err := u.Receive(bytes.NewReader(file), "a", from)
		var bad *update.Error
		if !errors.As(err, &bad) || bad.Reason != reason {
			t.Errorf("%s: %v", reason, err)
		}
		if e := last(audit.UpdateRefused); e.Detail["reason"] != string(reason) || e.Result != audit.Refused {
			t.Errorf("%+v", e)
		}
	}
	if err := u.Receive(bytes.NewReader(updateFile(t, stranger, "99.0.0", 999)), "a", from); err == nil {
		t.Fatal("a stranger's is taken")
	}
	if v := view(); v.Waiting != nil || len(v.Keys) != 1 || !v.Console || v.Database != len(migrations()) {
		t.Fatalf("%+v", v)
	}
	if list, err := os.ReadDir(u.folder()); err != nil || len(list) != 0 {
		t.Fatalf("what was refused is kept: %v %v", list, err)
	}
	if err := u.Apply("00", "a", from); !errors.Is(err, web.ErrNoUpdate) {
		t.Fatal(err)
	}

	// From the source, then asked for by its sum and no other.
	must(t, os.WriteFile(filepath.Join(s.Update.Source, "huisclos_99.0.0.update"), good, 0o644))
	must(t, os.WriteFile(filepath.Join(s.Update.Source, "huisclos_98.0.0.update"), altered, 0o644))
	v := view()
	if len(v.Found) != 2 || v.Found[0].Version != "99.0.0" || v.Found[1].Version != "" || v.Found[1].Refused != string(update.Unsigned) {
		t.Fatalf("%+v", v.Found)
	}
	for _, name := range []string{"../huisclos_99.0.0.update", "huisclos_99.0.0", ".x.update", "none.update"} {
		if err := u.Fetch(name, "a", from); !errors.Is(err, web.ErrNoUpdate) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, u.Fetch("huisclos_99.0.0.update", "a", from))
	last(audit.UpdateReceived)
	sum := view().Waiting.SHA256
	if err := u.Apply(strings.Repeat("0", 64), "a", from); !errors.Is(err, web.ErrNoUpdate) {
		t.Fatal(err)
	}
	must(t, u.Apply(sum, "a", from))
	if e := last(audit.UpdateAsked); e.Actor != "a" || e.Detail["sha256"] != sum || e.Detail["version"] != "99.0.0" || e.Client != from {
		t.Errorf("%+v", e)
	}
	text, err := os.ReadFile(u.at(update.RequestFile))
	must(t, err)
	asked, err := update.ParseRequest(text)
	must(t, err)
	if asked.SHA256 != sum || view().Asked == nil {
		t.Fatalf("%+v", asked)
	}
	for _, err := range []error{u.Apply(sum, "a", from), u.Drop(), u.Receive(bytes.NewReader(good), "a", from), u.Rollback(false, "a", from)} {
		if !errors.Is(err, web.ErrUpdateRuns) {
			t.Error(err)
		}
	}

	// Nobody takes it up.
	move(updateTaken)
	a.updates.tick(now)
	if e := last(audit.UpdateRefused); e.Detail["reason"] != string(update.NoUpdater) {
		t.Errorf("%+v", e)
	}
	if _, err := os.Stat(u.at(update.RequestFile)); err == nil || view().Asked != nil || view().Past[0].French == "" {
		t.Fatal("the request is left")
	}

	// Root's part says that the former version came back; it says so twice, for it was cut off in between.
	must(t, u.Apply(sum, "a", from))
	text, err = os.ReadFile(u.at(update.RequestFile))
	must(t, err)
	asked, err = update.ParseRequest(text)
	must(t, err)
	must(t, os.Remove(u.at(update.RequestFile)))
	outcome, err := json.Marshal(update.Outcome{ID: asked.ID, Act: update.Apply, Result: update.RolledBack, By: "a", From: Version, To: "99.0.0", Cause: update.NotHealthy, Detail: "x", Ended: now})
	must(t, err)
	said := deviceLogSize(t, a)
	for range 2 {
		must(t, os.WriteFile(u.at(update.OutcomeFile), outcome, 0o600))
		a.updates.tick(now)
	}
	if n := deviceLogSize(t, a); n != said+1 {
		t.Errorf("the key log of devices has %d records more of a database that came back", n-said)
	}
	if e := last(audit.UpdateRolledBack); e.Detail["reason"] != "health" || e.Result != audit.Failed || e.Detail["data"] != "yes" {
		t.Errorf("%+v", e)
	}
	if v := view(); len(v.Past) != 2 || v.Past[0].Result != string(update.RolledBack) || v.Asked != nil {
		t.Fatalf("%+v", v.Past)
	}

	// The way back is there as long as root's part keeps it.
	if err := u.Rollback(true, "a", from); !errors.Is(err, web.ErrNoUpdate) {
		t.Fatal(err)
	}
	former, err := json.Marshal(update.Former{Version: "0.0.9", Database: 3, Kept: now})
	must(t, err)
	must(t, os.WriteFile(u.at(update.FormerFile), former, 0o600))
	if f := view().Former; f == nil || !f.NeedsData {
		t.Fatalf("%+v", f)
	}
	must(t, u.Rollback(true, "a", from))
	if e := last(audit.UpdateAsked); e.Detail["act"] != "rollback" || e.Detail["data"] != "yes" {
		t.Errorf("%+v", e)
	}
	move(updateTaken)
	a.updates.tick(now)
	move(update.KeptFor)
	if view().Former != nil {
		t.Error("what is gone is offered")
	}
	health, err := a.updates.answerHealth(nil)
	must(t, err)
	if h := health.(map[string]any); h["ready"] != true || h["version"] != Version {
		t.Errorf("%+v", h)
	}
}

// TestUpdatesClosed: where the files close it, the console does nothing.
func TestUpdatesClosed(t *testing.T) {
	s := testSettings(t)
	s.Update.Console = false
	a, _ := start(t, s)
	u := consoleUpdates{a.updates, a.busy}
	for _, err := range []error{u.Receive(strings.NewReader("x"), "a", netip.Addr{}), u.Apply("x", "a", netip.Addr{}), u.Rollback(false, "a", netip.Addr{})} {
		if !errors.Is(err, web.ErrUpdateClosed) {
			t.Error(err)
		}
	}
}

// TestProbation: while the mark stands, whoever comes is told to come back, and the health that root's part asks for is answered; once it is
// gone, everybody comes in.
func TestProbation(t *testing.T) {
	s := testSettings(t)
	mark := filepath.Join(s.Data, update.Folder, update.TrialFile)
	must(t, os.MkdirAll(filepath.Dir(mark), 0o700))
	must(t, os.WriteFile(mark, nil, 0o600))
	a, _ := start(t, s)
	get := func() int {
		w := httptest.NewRecorder()
		a.answers().ServeHTTP(w, httptest.NewRequest("GET", "https://localhost/healthz", nil))
		return w.Code
	}
	if status := get(); status != http.StatusServiceUnavailable {
		t.Fatalf("%d while it is tried", status)
	}
	if !a.wholly() {
		t.Error("not ready")
	}
	must(t, os.Remove(mark))
	select {
	case <-a.probation.over:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody is let in")
	}
	if status := get(); status == http.StatusServiceUnavailable {
		t.Fatalf("%d afterwards", status)
	}
}

// TestProbationEnds: a start that is on probation stops like any other.
func TestProbationEnds(t *testing.T) {
	quit := make(chan struct{})
	data := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(data, update.Folder), 0o700))
	must(t, os.WriteFile(filepath.Join(data, update.Folder, update.TrialFile), nil, 0o600))
	p := newProbation(data, func(f func()) { go f() }, [2]<-chan struct{}{make(chan struct{}), quit}, slog.New(slog.DiscardHandler))
	if !p.on() {
		t.Fatal("not on probation")
	}
	close(quit)
	<-p.over
}

// TestSlowUpload: while a file comes in slowly the page is shown, and another file is refused; then it is looked at like any other.
func TestSlowUpload(t *testing.T) {
	s := testSettings(t)
	s.Update.Console, s.Update.Keys = true, filepath.Join(t.TempDir(), "keys")
	good := updateFile(t, updateKey(t, s.Update.Keys), "99.0.0", 999)
	a, _ := start(t, s)
	u, from := consoleUpdates{a.updates, a.busy}, netip.MustParseAddr("192.0.2.7")
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- u.Receive(r, "a", from) }()
	_, err := w.Write(good[:100])
	must(t, err)
	shown := make(chan error, 2)
	go func() {
		_, err := u.View(s.now())
		shown <- err
		shown <- u.Receive(bytes.NewReader(good), "b", from)
	}()
	for _, want := range []error{nil, web.ErrUpdateRuns} {
		select {
		case err := <-shown:
			if !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it waits for the upload")
		}
	}
	_, err = w.Write(good[100:])
	must(t, errors.Join(err, w.Close(), <-done))
	if v, err := u.View(s.now()); err != nil || v.Waiting == nil || v.Waiting.Version != "99.0.0" {
		t.Errorf("%+v, %v", v.Waiting, err)
	}
}
