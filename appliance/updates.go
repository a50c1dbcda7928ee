package appliance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"huisclos/accounts/devices"
	"huisclos/appliance/config"
	"huisclos/appliance/update"
	"huisclos/audit"
	"huisclos/store"
)

const (
	updatesBucket = "updates" // "state" → updateState, as JSON

	updateTick = 2 * time.Second
	// taken is how long root's part may leave a request where it is: systemd starts it at once.
	updateTaken = time.Minute
	// longest is how long one act may take before another may be asked for: the trial of both versions, and a slow disk.
	updateLongest = 30 * time.Minute
	// pastUpdates is how many are remembered.
	pastUpdates = 20
)

var updatesKey = []byte("state")

// createUpdates is the migration that lets the appliance remember its updates.
func createUpdates(tx *store.Tx) error { return tx.CreateBucket(updatesBucket) }

// updateState is what is remembered of updates over restarts.
type updateState struct {
	Asked *askedUpdate     `json:"asked,omitempty"` // nil: nothing is under way
	Past  []update.Outcome `json:"past,omitempty"`  // the latest first
}

type askedUpdate struct {
	update.Request
	Version string    `json:"version,omitempty"`
	At      time.Time `json:"at"`
}

var (
	errUpdateRuns   = errors.New("update: one is under way")
	errUpdateClosed = errors.New("update: closed by the settings files")
	errNoUpdate     = errors.New("update: no such file")
)

// updates is the service's part of an update: it looks at the file, asks root's part, and records what came of it.
type updates struct {
	db       *store.DB
	trail    *audit.Log
	settings func() config.Settings
	log      *slog.Logger
	now      func() time.Time

	mu       sync.Mutex // guards known, and the file that waits
	incoming sync.Mutex // held while a file comes in
	known    map[string]examined
	health   func() bool
}

// examined is a file that was looked at, as long as it is the same.
type examined struct {
	size   int64
	at     time.Time
	inode  uint64
	sum    string
	bundle update.Header
	key    update.Key
	err    error
}

func (u *updates) folder() string        { return filepath.Join(u.settings().Data, update.Folder) }
func (u *updates) at(name string) string { return filepath.Join(u.folder(), name) }

// keys are those of the package and of the administrators. Root's part reads them again: this only tells people early.
func (u *updates) keys() ([]update.Key, error) {
	return update.ReadKeys([]int{0, os.Geteuid()}, update.ReleaseKeys, u.settings().Update.Keys)
}

func (u *updates) here() (update.Here, error) {
	n, err := u.db.Version()
	return update.Here{Version: Version, Architecture: runtime.GOARCH, Database: n}, err
}

func (u *updates) state() (s updateState, err error) {
	err = u.db.View(func(tx *store.Tx) (err error) {
		s, err = recall[updateState](tx, updatesBucket, updatesKey)
		return err
	})
	return s, err
}

// record writes an event and what it changes of the state, at once.
func (u *updates) record(e audit.Event, change func(*updateState), more ...func(*store.Tx) error) error {
	return remember(u.db, u.trail, updatesBucket, updatesKey, e, change, more...)
}

// examine looks at a file with the keys of now: signature first. One that is as it was is not read again. The caller holds mu.
func (u *updates) examine(path string, keys []update.Key) (examined, error) {
	f, err := os.Open(path)
	if err != nil {
		return examined{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return examined{}, err
	}
	at, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return examined{}, fmt.Errorf("update: %s is no file", path)
	}
	ids := ""
	for _, k := range keys {
		ids += k.ID()
	}
	name := path + "\x00" + ids
	was := u.known[name]
	if was.inode == at.Ino && was.size == info.Size() && was.at.Equal(info.ModTime()) {
		return was, nil
	}
	e := examined{size: info.Size(), at: info.ModTime(), inode: at.Ino}
	b, err := update.Open(f, info.Size(), keys)
	var bad *update.Error
	switch {
	case errors.As(err, &bad):
		e.err = bad
	case err != nil:
		return examined{}, err
	default:
		sum := sha256.New()
		if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
			return examined{}, err
		}
		e.bundle, e.key, e.sum = b.Header, b.Key, hex.EncodeToString(sum.Sum(nil))
	}
	if len(u.known) > 64 { // a folder of many files is looked at anew now and then
		clear(u.known)
	}
	u.known[name] = e
	return e, nil
}

// receive takes a file in from from, looks at it, and keeps it for whoever says that it is to be installed. What is refused is recorded and
// not kept.
func (u *updates) receive(r io.Reader, by string, client netip.Addr) error {
	if !u.settings().Update.Console {
		return errUpdateClosed
	}
	// A slow upload holds up another one, and nothing else.
	if !u.incoming.TryLock() {
		return errUpdateRuns
	}
	defer u.incoming.Unlock()
	if err := u.quiet(); err != nil {
		return err
	}
	if err := os.MkdirAll(u.folder(), 0o700); err != nil {
		return err
	}
	if err := u.sweep(); err != nil {
		return err
	}
	f, err := os.CreateTemp(u.folder(), ".incoming-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = io.Copy(f, io.LimitReader(r, update.MaxSize+1))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return &update.Error{Reason: update.Reason(update.NoSpace), Err: err}
		}
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.quiet(); err != nil {
		return err
	}
	return u.keep(f.Name(), by, client)
}

// quiet is errUpdateRuns while an act that was asked for is under way.
func (u *updates) quiet() error {
	s, err := u.state()
	if err == nil && s.Asked != nil {
		err = errUpdateRuns
	}
	return err
}

// sweep removes what a broken upload has left.
func (u *updates) sweep() error {
	list, err := filepath.Glob(u.at(".incoming-*"))
	for _, path := range list {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// keep looks at a file that came in, and gives it the name under which root's part finds it.
func (u *updates) keep(path, by string, client netip.Addr) error {
	keys, err := u.keys()
	if err != nil {
		return err
	}
	e, err := u.examine(path, keys)
	if err != nil {
		return err
	}
	here, err := u.here()
	if err != nil {
		return err
	}
	refused := e.err
	if refused == nil {
		refused = e.bundle.Fits(here)
	}
	event := audit.Event{Time: u.now(), Actor: by, Client: client, Action: audit.UpdateReceived, Detail: map[string]string{"version": e.bundle.Version, "sha256": e.sum, "signer": e.key.ID()}}
	var bad *update.Error
	if errors.As(refused, &bad) {
		event.Action, event.Result, event.Detail = audit.UpdateRefused, audit.Refused, map[string]string{"reason": string(bad.Reason), "version": e.bundle.Version}
		if e.bundle.Version == "" {
			delete(event.Detail, "version")
		}
		u.log.Warn("an update is refused", "reason", bad.Reason, "error", bad.Err)
		return errors.Join(refused, u.trail.Write(event))
	}
	if refused != nil {
		return refused
	}
	if err := u.trail.Write(event); err != nil {
		return err
	}
	return os.Rename(path, u.at(update.BundleFile))
}

// fetch takes a file of the source in, by its name.
func (u *updates) fetch(name, by string, client netip.Addr) error {
	source := u.settings().Update.Source
	if source == "" || name != filepath.Base(name) || !strings.HasSuffix(name, update.Suffix) || strings.HasPrefix(name, ".") {
		return errNoUpdate
	}
	f, err := os.Open(filepath.Join(source, name))
	if errors.Is(err, fs.ErrNotExist) {
		return errNoUpdate
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return u.receive(f, by, client)
}

// drop removes the file that waits.
func (u *updates) drop() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.quiet(); err != nil {
		return err
	}
	if err := os.Remove(u.at(update.BundleFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ask asks root's part. Who asked for what is in the audit log before anything happens.
func (u *updates) ask(r update.Request, client netip.Addr) error {
	if !u.settings().Update.Console {
		return errUpdateClosed
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.quiet(); err != nil {
		return err
	}
	now := u.now().UTC()
	r.ID = update.NewID()
	asked := askedUpdate{Request: r, At: now}
	detail := map[string]string{"act": string(r.Act)}
	switch r.Act {
	case update.Apply:
		keys, err := u.keys()
		if err != nil {
			return err
		}
		e, err := u.examine(u.at(update.BundleFile), keys)
		if errors.Is(err, fs.ErrNotExist) {
			return errNoUpdate
		}
		if err != nil {
			return err
		}
		here, err := u.here()
		if err != nil {
			return err
		}
		if err := errors.Join(e.err, e.bundle.Fits(here)); err != nil {
			return err
		}
		if e.sum != r.SHA256 {
			return errNoUpdate // another file than the one that was shown
		}
		asked.Version = e.bundle.Version
		detail["sha256"] = e.sum
	case update.Rollback:
		former, ok := u.former(now)
		if !ok {
			return errNoUpdate
		}
		asked.Version = former.Version
		if r.Data {
			detail["data"] = "yes"
		}
	}
	detail["version"] = asked.Version
	if err := os.MkdirAll(u.folder(), 0o700); err != nil {
		return err
	}
	event := audit.Event{Time: now, Actor: r.By, Client: client, Action: audit.UpdateAsked, Detail: detail}
	if err := u.record(event, func(s *updateState) { s.Asked = &asked }); err != nil {
		return err
	}
	if err := writeRequest(u.folder(), r); err != nil {
		u.over(update.Outcome{ID: r.ID, Act: r.Act, Result: update.Refused, By: r.By, From: Version, To: asked.Version, Cause: update.NoRequest, Detail: err.Error(), Began: now, Ended: now})
		return err
	}
	u.log.Warn("an update is asked for", "act", r.Act, "version", asked.Version)
	return nil
}

// writeRequest puts a request where systemd waits for it: whole, or not at all.
func writeRequest(folder string, r update.Request) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, ".request-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(folder, update.RequestFile))
}

// former is the version that root's part has kept, as long as it is kept.
func (u *updates) former(now time.Time) (f update.Former, ok bool) {
	text, err := os.ReadFile(u.at(update.FormerFile))
	if err != nil || json.Unmarshal(text, &f) != nil || now.Sub(f.Kept) >= update.KeptFor {
		return f, false
	}
	return f, true
}

// tick records what root's part says, and notices where it says nothing.
func (u *updates) tick(now time.Time) {
	text, err := os.ReadFile(u.at(update.OutcomeFile))
	var o update.Outcome
	if err == nil {
		if err = json.Unmarshal(text, &o); err != nil || o.ID == "" || len(text) > 64<<10 {
			u.log.Error("an outcome of an update that is not understood", "error", err)
			_ = os.Remove(u.at(update.OutcomeFile))
			return
		}
		if !u.over(o) {
			return // it stays, for the next time
		}
		if err := os.Remove(u.at(update.OutcomeFile)); err != nil {
			u.log.Error("the outcome of an update is not removed", "error", err)
		}
		return
	}
	s, err := u.state()
	if err != nil {
		u.log.Error("the state of updates is not read", "error", err)
		return
	}
	if s.Asked == nil {
		return
	}
	waited := now.Sub(s.Asked.At)
	none := update.Outcome{ID: s.Asked.ID, Act: s.Asked.Act, Result: update.Refused, By: s.Asked.By, From: Version, To: s.Asked.Version, Cause: update.NoUpdater, Began: s.Asked.At, Ended: now.UTC()}
	switch {
	case waited >= updateTaken && os.Remove(u.at(update.RequestFile)) == nil: // still there, and nobody takes it any more
		u.over(none)
	case waited >= updateLongest:
		none.Cause, none.Detail = update.Interrupted, "nothing was heard of it"
		u.over(none)
	}
}

// over records an outcome, once.
func (u *updates) over(o update.Outcome) bool {
	e := audit.Event{Time: u.now(), Actor: o.By, Detail: map[string]string{"from": o.From, "to": o.To, "reason": string(o.Cause)}}
	if e.Actor == "" {
		e.Actor = audit.ActorSystem
	}
	var more []func(*store.Tx) error
	switch o.Result {
	case update.Applied:
		e.Action = audit.UpdateApplied
	case update.RolledBack:
		e.Action = audit.UpdateRolledBack
		if o.Cause != "" {
			e.Result = audit.Failed // it was an update
		}
		if o.Data || o.Cause != "" {
			e.Detail["data"] = "yes"
			more = append(more, func(tx *store.Tx) error { return devices.Restored(tx, e.Time) }) // the former database came back
		}
	case update.Refused:
		e.Action, e.Result = audit.UpdateRefused, audit.Refused
	default:
		e.Action, e.Result = audit.UpdateRefused, audit.Failed
	}
	for k, v := range e.Detail {
		if v == "" {
			delete(e.Detail, k)
		}
	}
	seen := false
	err := u.db.View(func(tx *store.Tx) error {
		var s updateState
		if v := tx.Get(updatesBucket, updatesKey); v != nil {
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		}
		for _, p := range s.Past {
			seen = seen || p.ID == o.ID && p.Result == o.Result
		}
		return nil
	})
	if err == nil && !seen {
		err = u.record(e, func(s *updateState) {
			// Also where another one is named: a database that came back does not know what was asked since.
			s.Asked = nil
			s.Past = append([]update.Outcome{o}, s.Past...)
			s.Past = s.Past[:min(len(s.Past), pastUpdates)]
		}, more...)
	}
	if err != nil {
		u.log.Error("the outcome of an update is not recorded", "error", err)
		return false
	}
	if !seen {
		u.log.Warn("an update has ended", "act", o.Act, "result", o.Result, "reason", o.Cause, "from", o.From, "to", o.To, "detail", o.Detail)
	}
	return true
}

// actUpdateHealth is what root's part asks a version that it tries. Its answer is a promise to versions to come.
const actUpdateHealth = "update-health"

func (u *updates) answerHealth(json.RawMessage) (any, error) {
	n, err := u.db.Version()
	return map[string]any{"version": Version, "database": n, "ready": err == nil && u.health()}, nil
}
