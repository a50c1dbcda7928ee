package install

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"syscall"
	"time"

	"huisclos/appliance/update"
)

// Machine is what an update does to the machine. Its paths are of root's own folder.
type Machine interface {
	// Installed is the version and the architecture of what is installed.
	Installed(ctx context.Context) (version, architecture string, err error)
	// Lock keeps other installations out until release is called; ErrBusy: one is under way.
	Lock(ctx context.Context) (release func(), err error)
	// Free is how many octets a folder's disk has left, and which disk that is.
	Free(folder string) (octets, disk uint64, err error)
	// Keep writes what is installed to file, so that Install brings it back.
	Keep(ctx context.Context, file string) error
	// Check reports why a package is not what the update's header says.
	Check(ctx context.Context, file string, h update.Header) error
	// Stop ends the service, and lets nothing start it.
	Stop(ctx context.Context) error
	// Install puts a package in place of what is installed.
	Install(ctx context.Context, file string) error
	Start(ctx context.Context) error
	// Health is what the running service says: its version, and whether all its parts are ready.
	Health(ctx context.Context) (version string, ready bool, err error)
}

// ErrBusy says that another installation is under way.
var ErrBusy = errors.New("install: another installation is under way")

// Updater carries requests out, one at a time.
type Updater struct {
	Home    string // root's own folder
	Data    string // the appliance's
	Machine Machine
	Keys    func() ([]update.Key, error)
	Console bool // what the service asks for is carried out
	Now     func() time.Time
	Pause   func(ctx context.Context, d time.Duration)
	Log     *slog.Logger

	Ready  time.Duration // how long a version may take to become ready
	Steady time.Duration // how long it must then stay so

	// reached is told each step when it is in the journal; tests end there. nil: nobody is told.
	reached func(step)
}

const (
	lookEvery = 500 * time.Millisecond
	// spare is what a disk has left beside what an update needs.
	spare = 128 << 20
	// unpacked is how many times its own size a package takes, unpacked beside what it replaces.
	unpacked = 5
	// keptSize is what the installed version takes that is kept: the program is some 60 MB, packed again.
	keptSize = 64 << 20
)

// Step is how far an update is.
type step string

const (
	taken     step = "taken"     // understood; nothing is changed
	keeping   step = "kept"      // the installed version is kept
	stopping  step = "stopping"  // nobody is let in
	saved     step = "saved"     // the database is kept
	placing   step = "placing"   // the package is being put in place
	trying    step = "trying"    // it runs, and nobody is let in
	finishing step = "finishing" // it stays
	reverting step = "reverting" // the former version comes back
)

// journal is what a later run needs to know.
type journal struct {
	Request update.Request `json:"request"`
	Step    step           `json:"step"`
	From    string         `json:"from"`
	FromDB  int            `json:"from_database"`
	To      string         `json:"to"`
	ToDB    int            `json:"to_database"`
	Empty   bool           `json:"empty,omitempty"`  // there was no database
	Placed  bool           `json:"placed,omitempty"` // the package may be changed
	Cause   update.Cause   `json:"cause,omitempty"`
	Detail  string         `json:"detail,omitempty"`
	Began   time.Time      `json:"began"`
	Stopped time.Time      `json:"stopped,omitzero"`
}

// refusal is why nothing was changed.
type refusal struct {
	cause update.Cause
	err   error
}

func (r *refusal) Error() string {
	if r.err == nil {
		return "install: " + string(r.cause)
	}
	return "install: " + string(r.cause) + ": " + r.err.Error()
}
func (r *refusal) Unwrap() error { return r.err }

// Run brings an interrupted update to its end, then carries out what is asked for. It returns the outcomes. An error is one that leaves
// something to a later run, or that nobody can be told of otherwise.
func (u *Updater) Run(ctx context.Context) (list []update.Outcome, err error) {
	if err := os.MkdirAll(u.Home, 0o700); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	release, err := u.lock()
	if err != nil {
		return nil, err
	}
	defer release()
	data, err := os.OpenRoot(u.Data)
	if err != nil {
		return nil, fmt.Errorf("install: data: %w", err)
	}
	defer data.Close()
	if err := spool(data); err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	w := &work{Updater: u, data: data}
	text, err := os.ReadFile(u.at(update.JournalFile))
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &w.journal); err != nil {
			return nil, fmt.Errorf("install: journal: %w", err)
		}
		o, err := w.recover(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("install: journal: %w", err)
	}
	for _, console := range []bool{false, true} {
		w := &work{Updater: u, data: data, console: console}
		asked, err := w.take()
		if err != nil {
			return list, err
		}
		if !asked {
			continue
		}
		o, err := w.carryOut(ctx)
		if err != nil {
			return list, err
		}
		list = append(list, o)
	}
	return list, nil
}

func (u *Updater) lock() (release func(), err error) {
	f, err := os.OpenFile(u.at(lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("install: another process is at it: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// work is one request being carried out.
type work struct {
	*Updater
	data    *os.Root
	console bool // the service asked
	journal journal
}

// take reads a request and removes it, so that it is carried out once. What can't be understood is a request of nobody.
func (w *work) take() (asked bool, err error) {
	var text []byte
	if w.console {
		if text, err = takeSmall(w.data, inSpool(update.RequestFile)); err == nil || !errors.Is(err, fs.ErrNotExist) {
			// Whatever stands there goes: else systemd would start us for it again and again.
			if gone := w.data.RemoveAll(inSpool(update.RequestFile)); gone != nil {
				return false, errors.Join(err, gone)
			}
		}
	} else if text, err = os.ReadFile(w.at(update.RequestFile)); err == nil {
		if gone := remove(w.at(update.RequestFile)); gone != nil {
			return false, gone
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	w.journal = journal{Began: w.Now().UTC()}
	if err == nil {
		w.journal.Request, err = update.ParseRequest(text)
	}
	if err != nil {
		w.Log.Warn("a request that is none", "console", w.console, "error", err)
		return false, nil
	}
	return true, nil
}

// carryOut does it. What it refuses has changed nothing.
func (w *work) carryOut(ctx context.Context) (update.Outcome, error) {
	w.Log.Info("asked", "act", w.journal.Request.Act, "id", w.journal.Request.ID, "console", w.console)
	release, payload, err := w.prepare(ctx)
	if err == nil {
		defer release()
		err = w.keep(ctx)
	}
	var no *refusal
	var dead *down
	switch {
	case ctx.Err() != nil:
		return update.Outcome{}, ctx.Err() // the journal, if there is one, says how far it is
	case errors.As(err, &dead):
		w.journal.Cause, w.journal.Detail = update.NotKept, detail(err)
		return w.end(update.Stuck)
	case errors.As(err, &no):
		w.journal.Cause, w.journal.Detail = no.cause, detail(no.err)
		return w.end(update.Refused)
	case err != nil:
		w.journal.Cause, w.journal.Detail = update.NotKept, detail(err)
		return w.end(update.Refused)
	}
	return w.place(ctx, payload)
}

// prepare looks at everything that can be looked at beforehand.
func (w *work) prepare(ctx context.Context) (release func(), payload string, err error) {
	if w.console && !w.Console {
		return nil, "", &refusal{cause: update.Closed}
	}
	j := &w.journal
	version, architecture, err := w.Machine.Installed(ctx)
	if err != nil {
		return nil, "", err
	}
	j.From, j.FromDB = version, databaseVersion(w.data)
	if j.Request.Act == update.Rollback {
		payload, err = w.lookBack()
	} else {
		payload, err = w.lookAt(ctx, update.Here{Version: version, Architecture: architecture, Database: j.FromDB})
	}
	if err != nil {
		return nil, "", err
	}
	release, err = w.Machine.Lock(ctx)
	if errors.Is(err, ErrBusy) {
		return nil, "", &refusal{update.Busy, err}
	}
	if err != nil {
		return nil, "", err
	}
	if err := w.reach(taken); err != nil {
		release()
		return nil, "", err
	}
	return release, payload, nil
}

// lookBack looks at what is kept.
func (w *work) lookBack() (payload string, err error) {
	var former update.Former
	text, err := os.ReadFile(w.at(update.FormerFile))
	if err == nil {
		err = json.Unmarshal(text, &former)
	}
	if err == nil {
		_, err = os.Stat(w.at(formerPackage))
	}
	if err != nil {
		return "", &refusal{update.NoFormer, err}
	}
	j := &w.journal
	j.To, j.ToDB = former.Version, former.Database
	if j.FromDB > former.Database && !j.Request.Data {
		return "", &refusal{update.NeedsData, fmt.Errorf("database %d, and the former version knows %d", j.FromDB, former.Database)}
	}
	if j.Request.Data {
		if _, err := os.Stat(w.at(formerData)); err != nil {
			return "", &refusal{update.NoFormer, err}
		}
	}
	if err := w.room(0); err != nil {
		return "", err
	}
	return w.at(formerPackage), nil
}

// lookAt copies the file that is meant into root's own folder, checks its signature there, and takes the package out.
func (w *work) lookAt(ctx context.Context, here update.Here) (payload string, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, remove(w.at(newBundle)), remove(w.at(newPackage)))
		}
	}()
	size, sum, err := w.copyBundle()
	if err != nil {
		return "", err
	}
	if sum != w.journal.Request.SHA256 {
		return "", &refusal{update.Changed, fmt.Errorf("SHA-256 %s", sum)}
	}
	f, err := os.Open(w.at(newBundle))
	if err != nil {
		return "", err
	}
	defer f.Close()
	keys, err := w.Keys()
	if err != nil {
		return "", &refusal{update.Cause(update.NoKeys), err}
	}
	b, err := update.Open(f, size, keys)
	if err == nil {
		w.journal.To, w.journal.ToDB = b.Header.Version, b.Header.Database
		err = b.Header.Fits(here)
	}
	var bad *update.Error
	if errors.As(err, &bad) {
		return "", &refusal{update.Cause(bad.Reason), bad.Err}
	}
	if err != nil {
		return "", err
	}
	w.Log.Info("the signature holds", "version", b.Header.Version, "database", b.Header.Database, "key", b.Key.ID(), "file", b.Key.Name)
	if err := replace(w.Home, newPackage, b.Payload()); err != nil {
		return "", unfit(err)
	}
	if err := w.Machine.Check(ctx, w.at(newPackage), b.Header); err != nil {
		return "", &refusal{update.Cause(update.Malformed), err}
	}
	return w.at(newPackage), nil
}

// unfit is a full disk's refusal, or the error itself.
func unfit(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &refusal{update.NoSpace, err}
	}
	return err
}

func (w *work) copyBundle() (size int64, sum string, err error) {
	var f *os.File
	var info fs.FileInfo
	if w.console {
		f, info, err = plain(w.data, inSpool(update.BundleFile))
	} else if f, err = os.Open(w.at(update.BundleFile)); err == nil {
		info, err = f.Stat()
	}
	if err != nil {
		return 0, "", &refusal{update.NoRequest, err}
	}
	defer f.Close()
	size = info.Size()
	if size > update.MaxSize {
		return 0, "", &refusal{update.Cause(update.TooLarge), fmt.Errorf("%d octets", size)}
	}
	if err := w.room(uint64(size)); err != nil {
		return 0, "", err
	}
	hash := sha256.New()
	// Root alone reads the copy, and nobody changes it any more.
	if err := replace(w.Home, newBundle, io.TeeReader(io.LimitReader(f, size), hash)); err != nil {
		return 0, "", unfit(err)
	}
	if !w.console {
		if err := remove(w.at(update.BundleFile)); err != nil {
			return 0, "", err
		}
	}
	copied, err := os.Stat(w.at(newBundle))
	if err != nil {
		return 0, "", err
	}
	return copied.Size(), hex.EncodeToString(hash.Sum(nil)), nil
}

// room looks whether the disks have what an update with a file of that size needs.
func (w *work) room(size uint64) error {
	var database uint64
	if info, err := w.data.Stat(update.Database); err == nil {
		database = uint64(info.Size())
	}
	needs, free := map[uint64]uint64{}, map[uint64]uint64{}
	for _, n := range []struct {
		folder string
		octets uint64
	}{{w.Home, 2*size + keptSize + 2*database}, {w.Data, 2 * database}, {"/usr", unpacked * size}} {
		octets, disk, err := w.Machine.Free(n.folder)
		if err != nil {
			return err
		}
		needs[disk] += n.octets
		free[disk] = octets
	}
	for disk, need := range needs {
		if free[disk] < need+spare {
			return &refusal{update.NoSpace, fmt.Errorf("%d MiB are needed, and %d are left", (need+spare)>>20, free[disk]>>20)}
		}
	}
	return nil
}

// reach notes a step before it is taken.
func (w *work) reach(s step) error {
	w.journal.Step = s
	if err := w.putHome(update.JournalFile, w.journal); err != nil {
		return fmt.Errorf("install: journal: %w", err)
	}
	w.Log.Info("step", "step", s)
	if w.reached != nil {
		w.reached(s)
	}
	return nil
}

func detail(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	return s[:min(len(s), 2000)]
}
