package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"huisclos/accounts"
	"huisclos/accounts/devices"
	"huisclos/appliance/backup"
	"huisclos/appliance/config"
	"huisclos/audit"
	"huisclos/store"
)

const (
	// versionFile is the package's note of what is installed on this machine: it is of the machine, and not saved.
	versionFile = "database-version"
	// maxSaved bounds what is read of a file beside the database.
	maxSaved = 16 << 20
)

// saved is what a backup of an appliance holds, and what it should hold and does not.
type saved struct {
	header   backup.Header
	contents backup.Contents
	missing  []string // paths of files that the settings name and that can't be read here
}

// errNoPepper says that the pepper is handed to the service alone, and a backup without it would be worth nothing.
var errNoPepper = errors.New("backup: the pepper is no file, and only the running appliance has it")

// gather collects what is saved. pepper is the text of one that no file holds; nil: there is none such.
func gather(s config.Settings, folder string, db *store.DB, pepper []byte, part backup.Part, now time.Time) (saved, error) {
	var out saved
	version, err := db.Version()
	if err != nil {
		return out, err
	}
	head, err := audit.New(db).Head()
	if err != nil {
		return out, err
	}
	out.header = backup.Header{Appliance: Version, Database: version, Created: now.UTC().Truncate(time.Second), Part: part}
	if part == backup.Whole {
		out.contents.Database = db.SnapshotTo
		out.contents.Audit = backup.Head{Sequence: head.Sequence, Hash: head.Hash.String()}
	}
	if part != backup.Settings {
		if err := out.data(s.Data, folder); err != nil {
			return out, err
		}
		if pepper != nil && !slices.ContainsFunc(out.contents.Files, func(f backup.File) bool { return f.Name == backup.DataName(pepperFile) }) {
			out.contents.Files = append(out.contents.Files, backup.File{Name: backup.DataName(pepperFile), Text: pepper})
		}
	}
	if part == backup.Whole && !slices.ContainsFunc(out.contents.Files, func(f backup.File) bool { return f.Name == backup.DataName(pepperFile) }) {
		return out, errNoPepper
	}
	plain, secret := settingsFiles(s)
	if part != backup.Secrets {
		out.settings(plain)
	}
	if part != backup.Settings {
		out.settings(secret)
	}
	return out, nil
}

// data adds the files of the data directory beside the database: the pepper, certificates made here and their keys, and whatever
// else a part keeps there.
func (out *saved) data(data, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == data {
			return err
		}
		name, err := filepath.Rel(data, path)
		if err != nil {
			return err
		}
		at, err := filepath.Abs(path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (at == folder || name == backup.SettingsFolder || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case !d.Type().IsRegular(), strings.HasPrefix(d.Name(), "."), name == databaseFile, name == versionFile:
			return nil // sockets, links, what is half-written
		}
		text, err := readSaved(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was replaced or removed meanwhile
		}
		if err == nil {
			out.contents.Files = append(out.contents.Files, backup.File{Name: backup.DataName(filepath.ToSlash(name)), Text: text})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("backup: data directory: %w", err)
	}
	return nil
}

// settingsFiles are the files that settings stand in, and those that they name: plain ones, and those that hold a secret.
func settingsFiles(s config.Settings) (plain, secret []string) {
	plain = append(slices.Clone(s.Files), s.Certificate, s.Mail.CAFile, s.Directory.CAFile, s.OIDC.CAFile, s.Backup.S3.CAFile)
	return plain, []string{s.Key, s.Mail.PasswordFile, s.Directory.BindPasswordFile, s.OIDC.SecretFile, s.Backup.SFTP.KeyFile, s.Backup.S3.SecretFile}
}

func (out *saved) settings(paths []string) {
	for _, path := range paths {
		if path == "" {
			continue
		}
		at, err := filepath.Abs(path)
		var text []byte
		if err == nil {
			text, err = readSaved(at)
		}
		if err != nil {
			out.missing = append(out.missing, path)
			continue
		}
		name := backup.SettingsName(at)
		if !slices.ContainsFunc(out.contents.Files, func(f backup.File) bool { return f.Name == name }) {
			out.contents.Files = append(out.contents.Files, backup.File{Name: name, Text: text})
		}
	}
}

func readSaved(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxSaved) {
		err = fmt.Errorf("%s is no file of up to %d octets", path, maxSaved)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// inspected is what a look at the database of a backup found.
type inspected struct {
	Accounts int
	Audit    audit.Head
}

// inspect opens the database of a backup and looks at all of it: its structure, its version, the chain of its audit log, and whether
// the pepper is its own. finish, if there is one, goes on with the open database.
func inspect(ctx context.Context, into *inspected, finish func(*store.DB) error) backup.Inspect {
	return func(o backup.Opened, s backup.Staged) (err error) {
		damaged := func(err error) error { return &backup.Error{Reason: backup.Damaged, Err: err} }
		// Whoever has the public key can write any database: one without what its version says is refused, and ends no process.
		defer func() {
			if r := recover(); r != nil {
				err = damaged(fmt.Errorf("the database: %v", r))
			}
		}()
		if o.Header.Database > len(migrations()) {
			return &backup.Error{Reason: backup.NewerDatabase, Err: fmt.Errorf("version %d, this program knows %d", o.Header.Database, len(migrations()))}
		}
		if o.Header.Part != backup.Whole {
			return nil
		}
		path := filepath.Join(s.Data(), databaseFile)
		if _, err := os.Lstat(path); err != nil {
			return damaged(err) // Open would make one
		}
		db, err := store.Open(path, store.Options{})
		switch {
		case errors.Is(err, store.ErrNewer):
			return &backup.Error{Reason: backup.NewerDatabase, Err: err}
		case err != nil:
			return damaged(err)
		}
		defer db.Close()
		if err := db.Check(); err != nil {
			return damaged(err)
		}
		if version, err := db.Version(); err != nil || version != o.Header.Database {
			return damaged(fmt.Errorf("the database has version %d, the backup says %d: %w", version, o.Header.Database, err))
		}
		hash, err := audit.ParseHash(o.Manifest.Audit.Hash)
		if err != nil {
			return damaged(err)
		}
		if into.Audit, err = audit.New(db).Verify(ctx, audit.Head{Sequence: o.Manifest.Audit.Sequence, Hash: hash}); err != nil {
			return damaged(err)
		}
		pepper, err := os.ReadFile(filepath.Join(s.Data(), pepperFile))
		if err != nil {
			return damaged(err)
		}
		defer clear(pepper)
		if err := accounts.PepperFits(db, pepper); err != nil {
			return damaged(err)
		}
		if into.Accounts, err = accounts.CountIn(db); err != nil {
			return damaged(err)
		}
		if finish == nil {
			return nil
		}
		return finish(db)
	}
}

// finishRestore brings the database of a backup to this program's version, ends its sessions and records the restore, in the audit log
// and in the key log of devices: all of it before the data are in force.
func finishRestore(o backup.Header, now time.Time) func(*store.DB) error {
	return func(db *store.DB) error {
		if err := db.Migrate(migrations()); err != nil {
			return err
		}
		_, err := accounts.Restored(db, audit.New(db), audit.Event{Time: now, Actor: audit.ActorOperator, Action: audit.Restored,
			Detail: map[string]string{"made": o.Created.UTC().Format(time.RFC3339), "version": o.Appliance, "revision": fmt.Sprint(db.Revision())}},
			func(tx *store.Tx) error { return devices.Restored(tx, now) })
		return err
	}
}
