package appliance

import (
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"huisclos/appliance/config"
	"huisclos/appliance/update"
	"huisclos/appliance/web"
	"huisclos/audit"
	"huisclos/store"
)

// newUpdates is the service's part. Which settings it has only files decide: the update's way must not be one that the console opens.
func (a *Appliance) newUpdates(db *store.DB, trail *audit.Log) *updates {
	return &updates{db: db, trail: trail, settings: a.updateSettings, log: a.log.With("part", "update"), now: a.settings.now, known: map[string]examined{}, health: a.wholly}
}

// updateSettings are those of the files at the start: the console chooses none of them.
func (a *Appliance) updateSettings() config.Settings { return a.settings.Settings }

// wholly reports whether every part is ready.
func (a *Appliance) wholly() bool {
	if a.watched == nil {
		return false // the start is not over
	}
	for _, ready := range a.watched.Ready() {
		if !ready {
			return false
		}
	}
	return true
}

// consoleUpdates is what the console may do about updates.
type consoleUpdates struct {
	*updates
	busy func() (calls, people int)
}

// View is what the console shows.
func (u consoleUpdates) View(now time.Time) (web.UpdatesView, error) {
	s, err := u.state()
	if err != nil {
		return web.UpdatesView{}, err
	}
	here, err := u.here()
	if err != nil {
		return web.UpdatesView{}, err
	}
	set := u.settings()
	v := web.UpdatesView{Version: here.Version, Architecture: here.Architecture, Database: here.Database, Console: set.Update.Console, Source: set.Update.Source, Keys: []web.UpdateKey{}, Found: []web.UpdateFile{}, Past: []web.UpdatePast{}}
	v.Calls, v.People = u.busy()
	keys, err := u.keys()
	if err != nil {
		v.KeysWrong = err.Error()
	}
	for _, k := range keys {
		v.Keys = append(v.Keys, web.UpdateKey{Name: k.Name, ID: k.ID()})
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if e, err := u.examine(u.at(update.BundleFile), keys); err == nil {
		f := shownUpdate(update.BundleFile, e, here)
		v.Waiting = &f
	} else if !errors.Is(err, fs.ErrNotExist) {
		return web.UpdatesView{}, err
	}
	v.Found, v.SourceWrong = u.found(keys, here)
	if s.Asked != nil {
		v.Asked = &web.UpdateAsked{Act: string(s.Asked.Act), Version: s.Asked.Version, At: s.Asked.At}
	}
	if f, ok := u.former(now); ok {
		v.Former = &web.UpdateFormer{Version: f.Version, Database: f.Database, Kept: f.Kept, Until: f.Kept.Add(update.KeptFor), NeedsData: here.Database > f.Database}
	}
	for _, o := range s.Past {
		p := web.UpdatePast{Act: string(o.Act), Result: string(o.Result), From: o.From, To: o.To, Reason: string(o.Cause), Detail: o.Detail, Data: o.Data, Ended: o.Ended, Stopped: int(o.Stopped + 0.5)}
		if o.Cause != "" {
			p.French, p.English = o.Cause.Sentence()
		}
		v.Past = append(v.Past, p)
	}
	return v, nil
}

// maxFound is how many files of the source are looked at.
const maxFound = 20

// found are the updates in the source, the newest first. The caller holds mu.
func (u *updates) found(keys []update.Key, here update.Here) (list []web.UpdateFile, wrong string) {
	list = []web.UpdateFile{}
	source := u.settings().Update.Source
	if source == "" {
		return list, ""
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return list, err.Error()
	}
	looked := 0
	for _, e := range slices.Backward(entries) {
		if !strings.HasSuffix(e.Name(), update.Suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if looked++; looked > maxFound {
			break
		}
		x, err := u.examine(filepath.Join(source, e.Name()), keys)
		if err != nil {
			wrong = err.Error()
			continue
		}
		list = append(list, shownUpdate(e.Name(), x, here))
	}
	slices.SortStableFunc(list, func(a, b web.UpdateFile) int { return update.Compare(b.Version, a.Version) })
	return list, wrong
}

func shownUpdate(name string, e examined, here update.Here) web.UpdateFile {
	err := e.err
	f := web.UpdateFile{Name: name, Size: e.size}
	if err == nil { // nothing is shown of what nobody has signed
		h := e.bundle
		made := h.Made
		f = web.UpdateFile{Name: name, Size: e.size, Version: h.Version, Architecture: h.Architecture, Database: h.Database, Made: &made, SHA256: e.sum, Key: e.key.ID(), KeyName: e.key.Name, French: h.French, English: h.English,
			Migrates: h.Database > here.Database}
		err = h.Fits(here)
	}
	var bad *update.Error
	if errors.As(err, &bad) {
		f.Refused = string(bad.Reason)
		f.RefusedFrench, f.RefusedEnglish = bad.Reason.Sentence()
	}
	return f
}

// Receive takes a file in.
func (u consoleUpdates) Receive(r io.Reader, by string, client netip.Addr) error {
	return forConsole(u.receive(r, by, client))
}

// Fetch takes a file of the source in.
func (u consoleUpdates) Fetch(name, by string, client netip.Addr) error {
	return forConsole(u.fetch(name, by, client))
}

// Drop removes the file that waits.
func (u consoleUpdates) Drop() error { return forConsole(u.drop()) }

// Apply asks for the file with that SHA-256.
func (u consoleUpdates) Apply(sha256, by string, client netip.Addr) error {
	return forConsole(u.ask(update.Request{Act: update.Apply, SHA256: sha256, By: by}, client))
}

// Rollback asks for the former version.
func (u consoleUpdates) Rollback(data bool, by string, client netip.Addr) error {
	return forConsole(u.ask(update.Request{Act: update.Rollback, Data: data, By: by}, client))
}

func forConsole(err error) error {
	for from, to := range map[error]error{errUpdateRuns: web.ErrUpdateRuns, errUpdateClosed: web.ErrUpdateClosed, errNoUpdate: web.ErrNoUpdate} {
		if errors.Is(err, from) {
			return errors.Join(to, err)
		}
	}
	return err
}
