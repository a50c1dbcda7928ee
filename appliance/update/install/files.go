package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"huisclos/appliance/update"
)

// Files of root's own folder, beside those of the package update.
const (
	newBundle  = "new.update"
	newPackage = "new.deb"
	// kept is the version that is there now, and its database, while another takes its place.
	keptPackage, keptData = "kept.deb", "kept.db"
	// former is what an update has replaced; a rollback goes back to it.
	formerPackage, formerData = "former.deb", "former.db"
	// failedData is the database that a version left which did not do; replacedData the one that a rollback has given up. Nothing reads them.
	failedData, replacedData = "failed.db", "replaced.db"
	// stuck is kept after neither version ran: for somebody's hands.
	stuckPackage, stuckData = "stuck.deb", "stuck.db"

	lockFile = "lock"
)

func (u *Updater) at(name string) string { return filepath.Join(u.Home, name) }

// putHome writes a small file of root's own, whole or not at all.
func (u *Updater) putHome(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return replace(u.Home, name, strings.NewReader(string(text)))
}

// replace writes a file under another name, and moves it when it is on the disk.
func replace(folder, name string, from io.Reader) error {
	tmp := filepath.Join(folder, "."+name+".part")
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, filepath.Join(folder, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(folder)
}

func syncDir(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// moveHome gives a file of root's own another name; one that is not there was moved before.
func (u *Updater) moveHome(from, to string) error {
	err := os.Rename(u.at(from), u.at(to))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// plain opens a file below the service's data: a file with one name, and nothing else. A pipe would hold root, and a second name could be
// that of a file which the service may not read.
func plain(data *os.Root, name string) (*os.File, fs.FileInfo, error) {
	f, err := data.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		at, ok := info.Sys().(*syscall.Stat_t)
		if !ok || !info.Mode().IsRegular() || at.Nlink != 1 {
			err = fmt.Errorf("install: %s is no file with one name", name)
		}
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

const maxSmall = 64 << 10

// takeSmall reads a small file of the service's data.
func takeSmall(data *os.Root, name string) ([]byte, error) {
	f, info, err := plain(data, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > maxSmall {
		return nil, fmt.Errorf("install: %s has %d octets", name, info.Size())
	}
	return io.ReadAll(io.LimitReader(f, maxSmall))
}

// giveData writes a file into the service's data, as the service's own.
func giveData(data *os.Root, name string, from io.Reader) error {
	owner, err := data.Stat(".")
	if err != nil {
		return err
	}
	at, ok := owner.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("install: nobody owns the data")
	}
	tmp := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+".part")
	if err := data.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := data.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Chown(int(at.Uid), int(at.Gid)), f.Sync(), f.Close()); err == nil {
		err = data.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, data.Remove(tmp))
	}
	d, err := data.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// spool makes the service's folder, where it is missing, as the service's own.
func spool(data *os.Root) error {
	err := data.Mkdir(update.Folder, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	owner, err := data.Stat(".")
	if err != nil {
		return err
	}
	at, ok := owner.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("install: nobody owns the data")
	}
	return data.Lchown(update.Folder, int(at.Uid), int(at.Gid))
}

func inSpool(name string) string { return filepath.Join(update.Folder, name) }

func removeData(data *os.Root, name string) error {
	if err := data.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// databaseVersion is what the package has noted; 0: nothing.
func databaseVersion(data *os.Root) int {
	text, err := takeSmall(data, update.VersionFile)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
