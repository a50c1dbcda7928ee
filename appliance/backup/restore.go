package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Inspect looks at what was unpacked into a folder: the data stand in [Staged.Data]. What it finds wrong refuses the backup.
type Inspect func(Opened, Staged) error

// Staged is a backup that was unpacked into a folder of its own and is not in force.
type Staged struct{ dir string }

// Data is the folder that becomes the data directory.
func (s Staged) Data() string { return filepath.Join(s.dir, strings.TrimSuffix(dataFolder, "/")) }

// Settings is the folder below which the settings files stand under their own paths.
func (s Staged) Settings() string {
	return filepath.Join(s.dir, strings.TrimSuffix(settingsFolder, "/"))
}

// Verify reads a whole backup in a folder that it makes in work and removes again, and has it inspected.
func Verify(r io.Reader, keys Keys, work string, inspect Inspect) (Opened, error) {
	dir, err := os.MkdirTemp(work, ".huisclos-verify-*") // mode 0700
	if err != nil {
		return Opened{}, fmt.Errorf("backup: verify: %w", err)
	}
	defer os.RemoveAll(dir)
	o, err := Open(r, keys, dir)
	if err == nil && inspect != nil {
		err = inspect(o, Staged{dir})
	}
	return o, err
}

// ErrInTheWay says that the data directory is not empty, and that replacing it was not asked for.
var ErrInTheWay = errors.New("backup: the data directory is not empty")

// ErrPartial says that a backup holds a part of an appliance only.
var ErrPartial = errors.New("backup: it is a backup of a part only, and not what an appliance can be restored from")

// SettingsFolder is where in the data directory a restore lays the settings files of the backup, under their own paths.
const SettingsFolder = "restored-settings"

// Restoration is a restore that was asked for.
type Restoration struct {
	Data    string // the data directory
	Replace bool   // keep one that is not empty aside
	Now     time.Time
	// Finish inspects what was unpacked, and writes into it what a restore writes. After it nothing but names changes.
	Finish Inspect
}

// Restored is what came of it.
type Restored struct {
	Opened
	Former string // where the data directory of before is now; "": there was none, or it was empty
}

// Restore puts the data of a backup in the place of a data directory: everything is read, compared, inspected and on the disk
// before one exchange of two names. After an error, the data directory is as it was.
func Restore(r io.Reader, keys Keys, w Restoration) (Restored, error) {
	data, err := filepath.Abs(w.Data)
	if err != nil {
		return Restored{}, fmt.Errorf("backup: restore: %w", err)
	}
	full, like, err := look(data)
	if err != nil {
		return Restored{}, err
	}
	if full && !w.Replace {
		return Restored{}, fmt.Errorf("%w: %s", ErrInTheWay, data)
	}
	// Beside the data directory, so that both are of one file system.
	dir, err := os.MkdirTemp(filepath.Dir(data), ".huisclos-restore-*") // mode 0700
	if err != nil {
		return Restored{}, fmt.Errorf("backup: restore: %w", err)
	}
	lost := false
	defer func() {
		if !lost {
			_ = os.RemoveAll(dir)
		}
	}()
	o, err := Open(r, keys, dir)
	if err != nil {
		return Restored{}, err
	}
	if o.Header.Part != Whole {
		return Restored{}, ErrPartial
	}
	staged := Staged{dir}
	if err := w.Finish(o, staged); err != nil {
		return Restored{}, err
	}
	if _, err := os.Lstat(staged.Settings()); err == nil {
		if err := os.Rename(staged.Settings(), filepath.Join(staged.Data(), SettingsFolder)); err != nil {
			return Restored{}, fmt.Errorf("backup: restore: %w", err)
		}
	}
	if err := settle(staged.Data(), like); err != nil {
		return Restored{}, err
	}
	switch {
	case full:
		former := data + ".before-" + w.Now.UTC().Format(stamp)
		if lost, err = exchange(staged.Data(), data, former); err != nil {
			return Restored{}, fmt.Errorf("backup: restore: %w", err)
		}
		return Restored{o, former}, syncFolder(filepath.Dir(data))
	default:
		// Over nothing, or an empty directory, which os.Rename wouldn't do.
		if err := unix.Rename(staged.Data(), data); err != nil {
			return Restored{}, fmt.Errorf("backup: restore: %w", mounted(err, data))
		}
		return Restored{o, ""}, syncFolder(filepath.Dir(data))
	}
}

// look reports whether something is in the data directory, and what it is like; nil: there is none.
func look(data string) (full bool, like fs.FileInfo, err error) {
	like, err = os.Lstat(data)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil, nil
	}
	if err == nil && !like.IsDir() {
		err = fmt.Errorf("%s is no directory", data)
	}
	var list []fs.DirEntry
	if err == nil {
		list, err = os.ReadDir(data)
	}
	if err != nil {
		return false, nil, fmt.Errorf("backup: restore: %w", err)
	}
	return len(list) > 0, like, nil
}

// settle gives what was unpacked the owner and mode of the data directory that it replaces, and has the names on the disk.
func settle(dir string, like fs.FileInfo) error {
	uid, gid := -1, -1
	if like != nil {
		at, ok := like.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("backup: restore: nobody owns %s", like.Name())
		}
		uid, gid = int(at.Uid), int(at.Gid)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, gid)
		}
		if err == nil && d.IsDir() {
			err = syncFolder(path)
		}
		return err
	})
	if err == nil && like != nil {
		err = os.Chmod(dir, like.Mode().Perm())
	}
	if err != nil {
		return fmt.Errorf("backup: restore: %w", err)
	}
	return nil
}

// exchange puts staged at data, and what stood there at aside. The two change names at once (renameat2(2), RENAME_EXCHANGE), so
// that at no moment nothing stands at data; where the file system can't, one after the other. lost says that the former data are
// under the name staged, which must then not be removed.
func exchange(staged, data, aside string) (lost bool, err error) {
	if _, err := os.Lstat(aside); err == nil {
		return false, fmt.Errorf("%s is there already", aside)
	}
	swap := func() error {
		return unix.Renameat2(unix.AT_FDCWD, staged, unix.AT_FDCWD, data, unix.RENAME_EXCHANGE)
	}
	switch err := swap(); {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		if err := os.Rename(data, aside); err != nil {
			return false, mounted(err, data)
		}
		if err := os.Rename(staged, data); err != nil {
			return false, errors.Join(err, os.Rename(aside, data))
		}
		return false, nil
	case err != nil:
		return false, mounted(err, data)
	}
	if err := os.Rename(staged, aside); err != nil {
		if swap() == nil {
			return false, err
		}
		return true, fmt.Errorf("the backup is in force, and the data of before are at %s: %w", staged, err)
	}
	return false, nil
}

// mounted says what to do about a directory that another file system is mounted on.
func mounted(err error, data string) error {
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%s is the root of a file system and can't be exchanged; restore into a directory below it, and name that as data in the settings: %w", data, err)
	}
	return err
}
