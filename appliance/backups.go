package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"huisclos/appliance/backup"
	"huisclos/appliance/config"
	"huisclos/audit"
	"huisclos/store"
)

const (
	backupBucket = "backups" // "state" → backupState, as JSON

	// backupTick is how often it is looked whether a backup is due.
	backupTick = time.Minute
	// remoteWithin bounds what goes to another machine.
	remoteWithin = 6 * time.Hour
	// spare is what a disk has left after a backup, beside it.
	spare = 64 << 20
	// Pace: after each burst a pause, so that a backup takes a part of one core and calls have the rest.
	paceBurst, pacePause = 1 << 20, 5 * time.Millisecond
)

var backupKey = []byte("state")

// createBackups is the migration that lets the appliance remember its backups.
func createBackups(tx *store.Tx) error { return tx.CreateBucket(backupBucket) }

// backupState is what is remembered of backups over restarts.
type backupState struct {
	Good   time.Time `json:"good,omitzero"` // the last one that was made
	Name   string    `json:"name,omitempty"`
	Size   int64     `json:"size,omitempty"`
	Copied time.Time `json:"copied,omitzero"` // the last one that the target has
	Failed time.Time `json:"failed,omitzero"` // the last try that failed, of making or of copying
	Reason string    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// failing reports whether the last try failed: of making one, or of copying the one that was made.
func (s backupState) failing() bool { return !s.Failed.IsZero() && !s.Failed.Before(s.Good) }

// Reasons of a backup that was not made, or not copied, as the audit log and the console name them.
const (
	backupNoRecipient = "recipient"
	backupNoSpace     = "space"
	backupNoFolder    = "folder"
	backupNotCopied   = "target"
	backupBroken      = "failed"
)

// backupFailure is why there is no backup, with its cause for an operator.
type backupFailure struct {
	reason string
	err    error
}

func (f *backupFailure) Error() string { return "backup: " + f.reason + ": " + f.err.Error() }
func (f *backupFailure) Unwrap() error { return f.err }

// errBackupRuns says that one is being made already.
var errBackupRuns = errors.New("backup: one is being made")

// errStopping ends a backup when the appliance stops.
var errStopping = errors.New("backup: the appliance stops")

// backups makes the backups of the running appliance, one at a time.
type backups struct {
	db       *store.DB
	trail    *audit.Log
	settings func() config.Settings
	target   backup.Target // nil: nowhere but the folder
	pepper   []byte        // where no file holds it
	log      *slog.Logger
	now      func() time.Time
	quit     <-chan struct{}
	aside    func(func()) // runs what its caller doesn't wait for; the stop does

	one     sync.Mutex // held while one is made
	running atomic.Bool
	written atomic.Int64 // octets of the one that is being made, before they are encrypted

	heads sync.Map // name of a file → backup.Header, which never changes
}

// wish is a backup that somebody wants.
type wish struct {
	to   backup.Recipients
	part backup.Part
	by   string // an account, or an actor of the audit log
	from netip.Addr
}

// madeBackup is a backup that was made.
type madeBackup struct {
	Path    string   `json:"path"`
	Name    string   `json:"name"`
	Size    int64    `json:"size"`
	Sum     string   `json:"sha256"`
	Keys    []string `json:"keys"`
	Missing []string `json:"missing,omitempty"`
	// NotCopied says why the target does not have it; "": it has, or there is none.
	NotCopied string `json:"notCopied,omitempty"`
}

func (b *backups) state() (s backupState, err error) {
	err = b.db.View(func(tx *store.Tx) (err error) {
		s, err = recall[backupState](tx, backupBucket, backupKey)
		return err
	})
	return s, err
}

// record writes an event, what it changes of the state and what more there is, at once.
func (b *backups) record(e audit.Event, change func(*backupState), more ...func(*store.Tx) error) error {
	return remember(b.db, b.trail, backupBucket, backupKey, e, change, more...)
}

// plan is when and how many, by the settings in force.
func planOf(s config.Backup) backup.Plan {
	return backup.Plan{Every: time.Duration(s.EveryHours) * time.Hour, At: s.At, Keep: backup.Keep{Daily: s.Daily, Weekly: s.Weekly, Monthly: s.Monthly}}
}

// next is when the next backup is made by itself; false: never.
func (b *backups) next(s backupState, now time.Time) (time.Time, bool) {
	set := b.settings().Backup
	if !set.On() {
		return time.Time{}, false
	}
	return planOf(set).Next(backup.Past{Good: s.Good, Failed: s.Failed}, now.Local()), true
}

// tick makes a backup when one is due.
func (b *backups) tick(now time.Time) {
	s, err := b.state()
	if err != nil {
		b.log.Error("the state of backups is not read", "error", err)
		return
	}
	if next, on := b.next(s, now); !on || next.After(now) {
		return
	}
	to, err := backup.ForKeys(b.settings().Backup.Recipients...)
	if err != nil {
		b.failed(audit.ActorSystem, &backupFailure{backupNoRecipient, err})
		return
	}
	_, _ = b.make(wish{to: to, by: audit.ActorSystem}) // it is in the log
}

// make makes one backup, copies it and removes what is no longer kept. An error means that there is no backup.
func (b *backups) make(w wish) (madeBackup, error) {
	if !b.one.TryLock() {
		return madeBackup{}, errBackupRuns
	}
	defer b.one.Unlock()
	b.written.Store(0)
	b.running.Store(true)
	defer b.running.Store(false)
	now := b.now()
	made, err := b.create(w, now)
	if errors.Is(err, errStopping) {
		return made, err
	}
	if err != nil {
		b.failed(w.by, err)
		return made, err
	}
	detail := map[string]string{"name": made.Name, "size": strconv.FormatInt(made.Size, 10), "sha256": made.Sum, "keys": strings.Join(made.Keys, " "), "part": string(w.part)}
	if w.part == backup.Whole {
		delete(detail, "part")
	}
	err = b.record(audit.Event{Time: now, Actor: w.by, Action: audit.BackupMade, Client: w.from, Detail: detail}, func(s *backupState) {
		if w.part == backup.Whole {
			s.Good, s.Name, s.Size = now.UTC(), made.Name, made.Size
		}
	}, func(tx *store.Tx) error { return tx.Put(backupBucket, sumKey(made.Name), []byte(made.Sum)) })
	if err != nil {
		// One of which the log knows nothing does not stay.
		return madeBackup{}, errors.Join(err, os.Remove(made.Path))
	}
	b.log.Info("backup made", "name", made.Name, "size", made.Size)
	for _, path := range made.Missing {
		b.log.Warn("a file that the settings name can't be read any more and is not in the backup", "file", path)
	}
	if err := b.copy(made); err != nil {
		made.NotCopied = err.Error()
		b.failed(w.by, &backupFailure{backupNotCopied, err})
	}
	b.tidy(now)
	return made, nil
}

// create writes the file.
func (b *backups) create(w wish, now time.Time) (madeBackup, error) {
	s := b.settings()
	folder := s.BackupFolder()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return madeBackup{}, &backupFailure{backupNoFolder, err}
	}
	if err := backup.Folder(folder).Sweep(); err != nil {
		return madeBackup{}, &backupFailure{backupNoFolder, err}
	}
	if err := roomFor(folder, filepath.Join(s.Data, databaseFile)); err != nil {
		return madeBackup{}, &backupFailure{backupNoSpace, err}
	}
	what, err := gather(s, folder, b.db, b.pepper, w.part, now)
	if err != nil {
		return madeBackup{}, &backupFailure{backupBroken, err}
	}
	name := backup.Name(now)
	path := filepath.Join(folder, name)
	made, err := backup.Create(path, what.header, what.contents, w.to, func(to io.Writer) io.Writer { return &paced{to: to, quit: b.quit, done: &b.written} })
	switch {
	case errors.Is(err, errStopping):
		return madeBackup{}, err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return madeBackup{}, &backupFailure{backupNoSpace, err}
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return madeBackup{}, &backupFailure{backupNoFolder, err}
	case err != nil:
		return madeBackup{}, &backupFailure{backupBroken, err}
	}
	return madeBackup{Path: path, Name: name, Size: made.Size, Sum: made.Sum, Keys: w.to.IDs(), Missing: what.missing}, nil
}

// roomFor reports whether the disk of folder has room for a copy of the database.
func roomFor(folder, database string) error {
	info, err := os.Stat(database)
	if err != nil {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(folder, &disk); err != nil {
		return err
	}
	free := disk.Bavail * uint64(disk.Bsize)
	if need := uint64(info.Size()) + spare; free < need {
		return fmt.Errorf("%s has %d MiB left, and a backup needs up to %d", folder, free>>20, need>>20)
	}
	return nil
}

// copy takes a backup to the target.
func (b *backups) copy(made madeBackup) error {
	if b.target == nil {
		return nil
	}
	f, err := os.Open(made.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, cancel := b.patience()
	defer cancel()
	if err := b.target.Put(ctx, made.Name, made.Size, made.Sum, f); err != nil {
		return err
	}
	return b.db.Update(func(tx *store.Tx) error {
		var s backupState
		if v := tx.Get(backupBucket, backupKey); v != nil {
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
		}
		s.Copied = b.now().UTC()
		v, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return tx.Put(backupBucket, backupKey, v)
	})
}

// patience ends with the appliance.
func (b *backups) patience() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), remoteWithin)
	go func() {
		select {
		case <-b.quit:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// tidy removes what is no longer kept, here and at the target. What can't be removed is tried again with the next backup.
func (b *backups) tidy(now time.Time) {
	s := b.settings()
	keep, folder := planOf(s.Backup).Keep, backup.Folder(s.BackupFolder())
	list, err := folder.List()
	for _, old := range keep.Over(list, now.Local().Location()) {
		err = errors.Join(err, folder.Remove(old.Name), b.forget(old.Name))
	}
	if b.target != nil {
		ctx, cancel := b.patience()
		defer cancel()
		there, far := b.target.List(ctx)
		for _, old := range keep.Over(there, now.Local().Location()) {
			far = errors.Join(far, b.target.Remove(ctx, old.Name))
		}
		err = errors.Join(err, far)
	}
	if err != nil {
		b.log.Warn("backups that are no longer kept are not removed", "error", err)
	}
}

// failed records that there is none, or that the target has none.
func (b *backups) failed(by string, err error) {
	reason := backupBroken
	var f *backupFailure
	if errors.As(err, &f) {
		reason = f.reason
	}
	b.log.Error("no backup", "reason", reason, "error", err)
	now := b.now()
	e := audit.Event{Time: now, Actor: by, Action: audit.BackupFailed, Result: audit.Failed, Detail: map[string]string{"reason": reason}}
	if err := b.record(e, func(s *backupState) { s.Failed, s.Reason, s.Detail = now.UTC(), reason, cutDetail(err.Error()) }); err != nil {
		b.log.Error("that there is no backup is not recorded", "error", err)
	}
}

func cutDetail(s string) string { return strings.ToValidUTF8(s[:min(len(s), 500)], "") }

// paced lets others run between its writes, and ends with the appliance.
type paced struct {
	to    io.Writer
	quit  <-chan struct{}
	done  *atomic.Int64 // how far it is
	since int
}

func (p *paced) Write(b []byte) (int, error) {
	p.done.Add(int64(len(b)))
	if p.since += len(b); p.since >= paceBurst {
		p.since = 0
		select {
		case <-p.quit:
			return 0, errStopping
		case <-time.After(pacePause):
		}
	}
	return p.to.Write(b)
}
